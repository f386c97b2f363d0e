"""The import table of the house, read from the syntax trees of src: who may know whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parent.parent / "src"
PACKAGE = SRC / "usim"

TOP = {
    "pyproject.toml", "src", "scenes", "device_profiles", "tests", "examples", "README.md", "CHANGELOG.md",
    "CONTRIBUTING.md", "VALIDATION.md", "LICENSE", "constraints.txt",
}  # fmt: skip

EARLY = ("surfaces", "emissions", "programmes", "noises", "activities")
LATE = ("rooms", "furniture", "openings", "movers")
FAMILIES = (*EARLY, *LATE, "detectors", "studies")

ZERO = ("template", "physics", "threads")
RECORDING = ("recording",)
BASES = tuple(f"{family}.base" for family in (*EARLY, *LATE))
WORLD = (*ZERO, *RECORDING, *BASES, "devices")
STRANGERS = (*ZERO, "recording.observation", "recording.labels", "devices.profile")
BELOW_FIVE = (*WORLD, "scene", "engine", "pipeline", "detectors", "corpus", "loop")
FIVE = ("training", "studies", "bench", "contract")

# Package -> what it may import besides itself, by the longest prefix that is written here.
TABLE: dict[str, tuple[str, ...]] = {
    "": ("threads", "scene", "engine", "recording"),  # the shop window
    "__main__": ("cli",),
    "threads": (),
    "template": (),
    "physics": (),
    "recording": ZERO,
    **{
        family: (*ZERO, "recording.labels", "recording.observation")
        for family in (*EARLY, "devices")
    },
    **{
        family: (
            *ZERO,
            "recording.labels",
            "recording.observation",
            "devices",
            *(f"{early}.base" for early in EARLY),
        )
        for family in LATE
    },
    "scene": WORLD,
    "engine": (*WORLD, "scene"),
    "pipeline": STRANGERS,
    "detectors": (*STRANGERS, "pipeline"),
    "corpus": (*WORLD, "scene", "engine"),
    "loop": (*WORLD, "scene", "engine", "pipeline", "detectors"),
    "training": BELOW_FIVE,
    "studies": BELOW_FIVE,
    "bench": BELOW_FIVE,
    "contract": (*BELOW_FIVE, *EARLY, *LATE),
    "report": (*BELOW_FIVE, *FIVE),
    "cli": (*BELOW_FIVE, *FIVE, *EARLY, *LATE, "report"),
}

STRING_IMPORTS = {
    "import_module",
    "__import__",
    "spec_from_file_location",
    "run_module",
    "run_path",
}
HEAVY = {"numba", "scipy", "pyroomacoustics"}
# Words that say nothing about what is inside.
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "core"}


@cache
def _files() -> dict[str, Path]:
    """Dotted name below usim ('' for the package itself) -> file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_files()[module].read_text(encoding="utf-8"), filename=str(_files()[module]))


def _absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    here = ("usim." + module).rstrip(".").split(".")
    if _files()[module].name != "__init__.py":
        here = here[:-1]
    here = here[: len(here) - (node.level - 1)]
    return ".".join([*here, *([node.module] if node.module else [])])


def _names(module: str, nodes: Iterator[ast.AST]) -> Iterator[tuple[str, int]]:
    """Yield the dotted names that the import statements among the nodes bring in, with their lines."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(module, node)
            for alias in node.names:
                longer = f"{origin}.{alias.name}"
                if longer == "usim.__version__":  # a constant: no arrow
                    continue
                yield (longer if longer.removeprefix("usim.") in _files() else origin), node.lineno


def _ours(module: str) -> list[tuple[str, int]]:
    """The modules of usim that a module imports, at its top or inside a function, with their lines."""
    return [
        (name.removeprefix("usim").removeprefix("."), line)
        for name, line in _names(module, ast.walk(_tree(module)))
        if name == "usim" or name.startswith("usim.")
    ]


def _top_lines(module: str) -> set[int]:
    """The lines of the imports that are made when the module is imported."""
    return {
        node.lineno for node in _tree(module).body if isinstance(node, ast.Import | ast.ImportFrom)
    }


def _within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def _kind_files(family: str) -> list[str]:
    return [
        name
        for name in _files()
        if name.startswith(family + ".")
        and name.count(".") == 1
        and name != f"{family}.base"
        and not name.split(".")[1].startswith("_")
    ]


def _say(module: str, line: int, text: str) -> str:
    return f"{_files()[module].relative_to(SRC.parent)}:{line}: {text}"


def test_every_room_is_in_the_table():
    rooms = {name.split(".")[0] for name in _files()}
    assert rooms <= set(TABLE), f"not in the import table: {sorted(rooms - set(TABLE))}"


def test_no_arrow_points_upward():
    wrong = []
    for module in _files():
        room = module.split(".")[0]
        allowed = (*TABLE[room], room) if room else TABLE[""]
        for name, line in _ours(module):
            if name == "" and module:
                wrong.append(_say(module, line, "imports the shop window"))
            elif name and not _within(name, allowed):
                wrong.append(_say(module, line, f"{room or 'usim'} may not import {name}"))
    assert not wrong, "\n".join(wrong)


def test_plug_ins_do_not_know_each_other():
    wrong = []
    for family in FAMILIES:
        kinds = set(_kind_files(family))
        for module in [
            name for name in _files() if name == family or name.startswith(family + ".")
        ]:
            for name, line in _ours(module):
                if name in kinds and name != module:
                    wrong.append(_say(module, line, f"{module} imports its sibling {name}"))
    assert not wrong, "\n".join(wrong)


def test_no_cycle():
    """Between rooms every import counts; inside a room one within a function waits until both files are there."""
    graph = {
        module: {
            name
            for name, line in _ours(module)
            if name.split(".")[0] != module.split(".")[0] or line in _top_lines(module)
        }
        for module in _files()
        if module
    }
    state: dict[str, int] = {}
    cycles = []

    def visit(module: str, trail: tuple[str, ...]) -> None:
        state[module] = 1
        for name in sorted(graph.get(module, ())):
            if name == module or name not in graph:
                continue
            if state.get(name) == 1 and name in trail:
                cycles.append(" -> ".join((*trail[trail.index(name) :], name)))
            elif name not in state:
                visit(name, (*trail, name))
        state[module] = 2

    for module in graph:
        if module not in state:
            visit(module, (module,))
    assert not cycles, "\n".join(cycles)


def test_only_template_imports_by_string():
    wrong = []
    for module in _files():
        if _within(module, ("template",)):
            continue
        for node in ast.walk(_tree(module)):
            name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
            if name in STRING_IMPORTS:
                wrong.append(_say(module, node.lineno, f"imports by string ({name})"))
    assert not wrong, "\n".join(wrong)


def test_the_engine_is_a_stranger_to_kinds():
    """No kind's name, no `.kind`, no type test against anything of a family in engine/ (shapes of pieces are data,
    and so are a mover's labels)."""
    shapes = {"ellipsoid", "cylinder", "facet", "blade", "sheet", "glint", "strip"}
    labels = {"person", "non_human"}
    names = (
        {kind.split(".")[1] for family in (*EARLY, *LATE) for kind in _kind_files(family)}
        - shapes
        - labels
    )
    wrong = []
    for module in [name for name in _files() if _within(name, ("engine",))]:
        tree = _tree(module)
        from_families = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and _absolute(module, node).removeprefix("usim.").split(".")[0] in (*EARLY, *LATE)
            for alias in node.names
            if alias.name.startswith("Abstract")
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "kind":
                wrong.append(_say(module, node.lineno, "asks for a kind"))
            elif isinstance(node, ast.Constant) and node.value in names:
                wrong.append(_say(module, node.lineno, f"names the kind {node.value!r}"))
            elif (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") in ("isinstance", "issubclass")
                and from_families & {getattr(part, "id", "") for part in ast.walk(node)}
            ):
                wrong.append(_say(module, node.lineno, "tests the type of a family's member"))
    assert not wrong, "\n".join(wrong)


def test_exact_imports_nothing_from_the_engine():
    """The judge shares no code with the accused: only closed-form physics, the scene and bases, and the door to numba."""
    judge = [name for name in _files() if _within(name, ("engine.exact",))]
    assert judge
    allowed = (
        "engine.exact", "physics.air", "physics.scattering", "physics.geometry", "physics.jit", "scene", "devices",
        "recording", "template", *BASES,
    )  # fmt: skip
    wrong = [
        _say(module, line, f"imports {name}")
        for module in judge
        for name, line in _ours(module)
        if not _within(name, allowed)
    ]
    assert not wrong, "\n".join(wrong)


def test_plots_and_prints_stay_in_their_rooms():
    wrong = []
    for module in _files():
        for name, line in _names(module, ast.walk(_tree(module))):
            if name.split(".")[0] == "matplotlib" and not _within(module, ("report",)):
                wrong.append(_say(module, line, "imports matplotlib outside report"))
        if _within(module, ("cli", "__main__")):
            continue
        for node in ast.walk(_tree(module)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
                wrong.append(_say(module, node.lineno, "prints outside the command line"))
    assert not wrong, "\n".join(wrong)


def test_names_say_something():
    empty = [name for name in _files() if set(name.split(".")) & EMPTY_NAMES]
    assert not empty, empty


def test_kinds_start_light():
    """A kind's file, and what it imports, brings in no numba, SciPy or pyroomacoustics."""
    wrong = []
    for family in FAMILIES:
        for module in [*_kind_files(family), f"{family}.base"]:
            if module not in _files():
                continue
            top = (node for node in _tree(module).body)
            for name, line in _names(module, top):
                if name.split(".")[0] in HEAVY:
                    wrong.append(_say(module, line, f"imports {name} at its top level"))
    assert not wrong, "\n".join(wrong)


def test_importing_every_kind_is_quick(figures):
    """Why: `validate` has 300 ms in all. Set-up: a fresh process imports numpy and pydantic, then every kind.
    Expected: no heavy package, and the kinds themselves take under 0.5 s of processor time."""
    modules = [
        f"usim.{module}"
        for family in (*EARLY, *LATE)
        for module in [*_kind_files(family), f"{family}.base"]
        if module in _files()
    ]
    program = (
        "import sys, time, importlib, numpy, pydantic\n"
        "start = time.process_time()\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(time.process_time() - start)\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seconds, heavy = done.stdout.split("\n")[:2]
    figures(
        "import of all kinds, processor time", 1e3 * float(seconds), "ms", "<= 500", len(modules)
    )
    assert not heavy, f"importing the kinds brings in {heavy}"
    assert float(seconds) <= 0.5


def test_the_top_of_the_repository_is_a_short_list():
    done = subprocess.run(
        ["git", "ls-files"], cwd=SRC.parent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not run: not a git checkout")
    top = {name.split("/")[0] for name in done.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP


def test_files_stay_short(figures):
    """Not a bar but a list to read: files over 400 lines want to be two."""
    lines = {
        name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in _files().items()
    }
    long = sorted(((count, name) for name, count in lines.items() if count > 400), reverse=True)
    figures("longest file of src", max(lines.values()), "lines", "<= 400 (advice)", len(lines))
    for count, name in long:
        figures(f"over 400 lines: {name}", count, "lines", "<= 400 (advice)")

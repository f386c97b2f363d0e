"""The folder is the registry: a kind is a file in its family's folder, imported when asked for.

`--kinds mykinds` (USIM_KINDS) adds folders laid out like the package: `mykinds/movers/robot_dog.py`.
They are named on the command line only, never in a scene file: a kind is code. They add kinds, and
may not replace one.
"""

import hashlib
import importlib
import os
import re
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from usim.template.problem import InvalidInput, Problem, excerpt, one_line, suggest

_PACKAGE = Path(__file__).resolve().parents[1]
_USER_PACKAGE = "usim_kinds"
_NAME = re.compile(r"[a-z][a-z0-9_]*")

# Which folders are searched is a property of the process, like sys.path; None: not asked yet.
_folders: tuple[Path, ...] | None = None


def families() -> list[str]:
    """The families of kinds: the folders of the package that have a `base.py`."""
    return sorted(
        entry.name for entry in os.scandir(_PACKAGE) if os.path.isfile(f"{entry.path}/base.py")
    )


def kinds(family: str) -> list[str]:
    """The kinds of a family, shipped and the user's, sorted; nothing is imported."""
    found = _listed(_PACKAGE / family)
    for folder in _user_folders():
        found += _listed(folder / family)
    return sorted(found)


def load(family: str, kind: object) -> ModuleType:
    """The module of one kind, with its `Parameters` and `build`; no other kind is imported.

    Raises InvalidInput for a kind that does not exist, and for a user's file that does not import.
    """
    known = kinds(family)
    if not isinstance(kind, str) or kind not in known:
        hint = suggest(kind, known)
        raise InvalidInput(f"no kind {excerpt(kind)!r} of {family}{hint}")
    if kind in _listed(_PACKAGE / family):
        return importlib.import_module(f"usim.{family}.{kind}")
    path = next(
        folder / family / f"{kind}.py"
        for folder in _user_folders()
        if kind in _listed(folder / family)
    )
    try:
        module = importlib.import_module(f"{_USER_PACKAGE}.{family}.{kind}")
    except Exception as error:  # a user's file can fail in any way
        line = _line_in(error, path)
        text = f"does not import: {type(error).__name__}: {one_line(str(error))}"
        raise InvalidInput(Problem(text, str(path), line)) from error
    missing = [name for name in ("Parameters", "build") if not hasattr(module, name)]
    if missing:
        raise InvalidInput(Problem(f"has no {' and no '.join(missing)}", str(path)))
    return module


def use_kinds(*folders: str | os.PathLike) -> None:
    """Search these folders, then those of USIM_KINDS, beside the shipped kinds.

    Replaces what an earlier call named. Raises InvalidInput where a folder is missing, holds a
    family that does not exist, or has a kind that exists already; then nothing is changed.
    """
    global _folders
    chosen = _checked([(Path(folder), f"--kinds {folder}") for folder in folders])
    if chosen != _folders:  # else what was imported stays the same, and so do its classes
        _install(chosen)
        _folders = chosen


def kinds_hash() -> str | None:
    """The SHA-256, in hex, of every file in the families' folders of the user's kinds; None where
    there are no such folders. It goes into recordings, with the version."""
    chosen = _user_folders()
    if not chosen:
        return None
    total = hashlib.sha256()
    for name, path in sorted(_files(chosen)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{content}  {name}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _user_folders() -> tuple[Path, ...]:
    if _folders is None:
        use_kinds()
    return _folders or ()


def _checked(listed: list[tuple[Path, str]]) -> tuple[Path, ...]:
    for entry in os.environ.get("USIM_KINDS", "").split(os.pathsep):
        if entry:
            listed.append((Path(entry), f"USIM_KINDS={entry}"))
    known = families()
    problems = []
    owners: dict[tuple[str, str], str] = {}
    resolved: list[Path] = []
    for folder, source in listed:
        if not folder.is_dir():
            problems.append(Problem("no such folder", source))
            continue
        if folder.resolve() in resolved:
            continue
        resolved.append(folder.resolve())
        for family in sorted(entry.name for entry in folder.iterdir() if entry.is_dir()):
            names = _listed(folder / family)
            if family not in known and names:
                text = f"no family {excerpt(family)!r} of kinds{suggest(family, known)}"
                problems.append(Problem(text, source))
                continue
            shipped = _listed(_PACKAGE / family)
            for name in names:
                owner = "a shipped kind" if name in shipped else owners.get((family, name))
                if owner:
                    text = f"{family}/{name}.py has the name of {owner}; rename the file"
                    problems.append(Problem(text, source))
                owners.setdefault((family, name), f"one in {folder}")
    if problems:
        raise InvalidInput(problems)
    return tuple(resolved)


def _install(folders: Iterable[Path]) -> None:
    """Make the folders importable as one package, so that workers can unpickle what it defines."""
    for name in [name for name in sys.modules if name.split(".")[0] == _USER_PACKAGE]:
        del sys.modules[name]
    if not folders:
        return
    package = types.ModuleType(_USER_PACKAGE, "The kinds of the folders named by --kinds.")
    package.__path__ = []
    sys.modules[_USER_PACKAGE] = package
    for family in families():
        homes = [str(folder / family) for folder in folders if (folder / family).is_dir()]
        room = types.ModuleType(f"{_USER_PACKAGE}.{family}")
        room.__path__ = homes
        sys.modules[room.__name__] = room
        setattr(package, family, room)
    importlib.invalidate_caches()


def _listed(folder: Path) -> list[str]:
    try:
        entries = os.listdir(folder)
    except OSError:
        return []
    names = [entry[:-3] for entry in entries if entry.endswith(".py")]
    return sorted(name for name in names if name != "base" and _NAME.fullmatch(name))


def _files(folders: Iterable[Path]) -> Iterable[tuple[str, Path]]:
    for folder in folders:
        for family in families():
            for parent, inner, names in os.walk(folder / family):
                inner[:] = [n for n in inner if n != "__pycache__" and not n.startswith(".")]
                for name in names:
                    path = Path(parent, name)
                    if not name.startswith(".") and path.is_file():
                        yield path.relative_to(folder).as_posix(), path


def _line_in(error: BaseException, path: Path) -> int | None:
    """The line of the user's file at which the error arose."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line

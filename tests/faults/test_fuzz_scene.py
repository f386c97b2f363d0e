"""R6: any text as a scene file renders, or ends in one-line errors with a position; never slowly, never in a crash.

The documents are valid scenes, mutated: the tree is changed (fields dropped, doubled, renamed, given other values,
draws and placements put anywhere), or the text is (bytes changed, cut, doubled). How deep they get is counted, because
a fuzzer whose documents all die in the reader proves nothing: at least 30 % must get past the reader and 5 % must
become a scene and be rendered.
"""

import copy
import random
import resource
import time

import numpy as np
import pytest

import usim
from usim.scene import parse
from usim.template import library
from usim.template.problem import InvalidInput
from usim.template.reader import read
from usim.template.writer import dump

SEED = 20_261_122
LONGEST_S = 2.0
MOST_BYTES = 300 * 2**20
SCENES = [library.find(name, "scenes") for name in library.names("scenes")]

NUMBERS = [
    0,
    1,
    -1,
    2,
    0.5,
    1e-9,
    -1e-9,
    1e9,
    1e300,
    -1e300,
    2**62,
    -(2**62),
    3.14,
    32500,
    1e3,
    0.001,
    100,
    604800,
]
WORDS = [
    "",
    "ideal",
    "puck_4mic",
    "box",
    "sphere",
    "linear",
    "nominal",
    "always",
    "moving",
    "x" * 200,
    "carpet_loop",
    "é\u2028",
    "../x",
    "a b",
    "shelf",
    "use",
    "on",
]
SHAPES = [
    None, True, False, [], {}, [[]], [{}], {"x": 1}, [0, 0, 0], [1, 1, 1], [1.5, 2.0, 1.0], [1, 2],
    {"uniform": [0, 1]}, {"uniform": [1, 0]}, {"normal": [0, 1]}, {"choice": []}, {"choice": [1, "a", [1, 1, 1]]},
    {"integers": [0, 3]}, {"log_uniform": [0, 1]}, {"use": "nothing"}, {"uniform": [0, 1], "normal": [0, 1]},
    {"in_room": [0.5, 0.5, 0.5]}, {"free_floor": {}}, {"on": "sofa"}, {"at_wall": "west", "height_m": 1}, {"on": 3},
    {"kind": "box"}, {"kind": "hard"}, {"material": "skin", "spread": 0.3}, {"mover": "ball"}, {"device": "puck"},
]  # fmt: skip
KEYS = [
    "kind",
    "name",
    "chance",
    "repeat",
    "surface",
    "start_s",
    "duty",
    "plays",
    "openings",
    "seed",
    "let",
    "x",
    "when",
    "at",
    "usim",
    "unit",
    "listens",
    "path",
    "turned",
    "weights",
    "min",
]


def resolve(scene) -> None:
    """What is done with every document that became a scene: written out, it is the same scene."""
    again = parse(scene.text.encode(), "resolved.yaml").sample()
    assert again.table == scene.table


def render(scene) -> None:
    """And 50 ms of it are recorded."""
    made = usim.simulate(
        scene,
        quality="draft",
        window=(0.0, min(scene.duration_s, 0.05)),
        keep=("audio", "baseband"),
    )
    for recording in made.values() if isinstance(made, dict) else [made]:
        observation = recording.observation
        assert np.isfinite(observation.audio).all()
        if observation.baseband is not None:
            assert np.isfinite(observation.baseband.samples).all()


def _places(value, path=()):
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from _places(inner, (*path, key))


def _mutated_tree(table: dict, rng: random.Random) -> dict:
    table = copy.deepcopy(table)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        path = rng.choice(list(_places(table))[1:] or [()])
        if not path:
            return table
        holder = table
        for step in path[:-1]:
            holder = holder[step]
        key, old = path[-1], holder[path[-1]]
        what = rng.random()
        if what < 0.12:
            del holder[key]
        elif what < 0.22 and isinstance(holder, dict):
            holder[rng.choice((*KEYS, *(f"{key}{c}" for c in "sx_")))] = holder.pop(key)
        elif what < 0.30 and isinstance(holder, dict):
            holder[rng.choice(KEYS)] = rng.choice((*NUMBERS, *WORDS, *SHAPES))
        elif what < 0.40 and isinstance(holder, list):
            holder.insert(rng.randrange(len(holder) + 1), copy.deepcopy(old))
        elif what < 0.62 and isinstance(old, int | float) and not isinstance(old, bool):
            holder[key] = (
                old * rng.choice((0.9, 0.99, 1.01, 1.1, -1, 2, 10))
                if rng.random() < 0.7
                else rng.choice(NUMBERS)
            )
        elif what < 0.72:
            holder[key] = {"choice": [copy.deepcopy(old), copy.deepcopy(old)]}
        elif what < 0.80:
            other = rng.choice(list(_places(table))[1:] or [path])
            found = table
            for step in other:
                found = found[step]
            holder[key] = copy.deepcopy(found)
        else:
            holder[key] = copy.deepcopy(rng.choice((*NUMBERS, *WORDS, *SHAPES)))
    return table


def _mutated_text(text: bytes, rng: random.Random) -> bytes:
    content = bytearray(text)
    for _ in range(rng.choice((1, 2, 5))):
        at = rng.randrange(len(content) or 1)
        what = rng.random()
        if what < 0.3:
            content[at : at + 1] = bytes([rng.randrange(256)])
        elif what < 0.5:
            del content[at : at + rng.randrange(1, 40)]
        elif what < 0.7:
            content[at:at] = rng.choice(
                (
                    b"{",
                    b"[",
                    b"]",
                    b"}",
                    b": ",
                    b"- ",
                    b"\n",
                    b"  ",
                    b"&a ",
                    b"*a",
                    b"!!x ",
                    b"%",
                    b"'",
                    b'"',
                    b"\t",
                    b"|",
                    b">",
                    b"#",
                    b"1e400",
                    b".nan",
                    b"\xff",
                    b"\x00",
                )
            )
        else:
            start = rng.randrange(len(content) or 1)
            content[at:at] = content[start : start + rng.randrange(1, 200)]
    return bytes(content)


def _document(tables: list[dict], rng: random.Random) -> bytes:
    table = rng.choice(tables)
    kind = rng.random()
    if kind < 0.75:
        try:
            return dump(_mutated_tree(table, rng)).encode("utf-8", "surrogatepass")
        except ValueError:
            return b"{}"
    if kind < 0.95:
        return _mutated_text(dump(table).encode(), rng)
    return bytes(rng.randrange(256) for _ in range(rng.randrange(400)))


def _tried(text: bytes) -> str:
    """How far a document gets: reader, form, checks or rendered. Anything but InvalidInput is a bug."""
    stage = "reader"
    try:
        template = parse(text, "fuzz.yaml")
        stage = "form"
        scene = template.sample()
    except InvalidInput as error:
        problems = error.problems
        assert problems
        for problem in problems:
            line = str(problem)
            assert "\n" not in line
            assert len(line) < 1000, line
            # A file that is missing or unreadable as a whole has no line; all else has.
            assert problem.line is not None or problem.file == "fuzz.yaml", line
            assert line.startswith("fuzz.yaml"), line
        if stage == "form" and any("samples passed" in str(problem) for problem in problems):
            stage = "checks"
        return stage
    resolve(scene)
    render(scene)
    return "rendered"


def _table(path) -> dict:
    return read(path).table


SLOW = {"person", "fan"}
"""A mutated walker still takes up to 6 s, because its legs need fine knots; a fan of three blades takes 2 s for the first 50 ms,
because its echo is summed in stretches of 1.28 s at 16 kHz, and a mutated one may have twelve blades.
"""


def _is_slow(table: dict) -> bool:
    """Whether a scene has a mover that takes too long for this test."""
    return any(mover.get("kind") in SLOW for mover in table.get("movers", ()))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_any_document_renders_or_is_refused_in_lines(counts, figures):
    rng = random.Random(SEED)
    tables = [table for table in map(_table, SCENES) if not _is_slow(table)]
    for table in tables:
        table["duration_s"] = 0.05
    for table in tables:
        render(parse(dump(table).encode(), "first.yaml").sample())  # compiled before the clock runs
    wanted = counts(400, 100_000)
    reached = {"reader": 0, "form": 0, "checks": 0, "rendered": 0}
    slowest = 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for index in range(wanted):
        text = _document(tables, rng)
        started = time.process_time()
        try:
            reached[_tried(text)] += 1
        except InvalidInput:
            raise
        except Exception as error:
            shown = text.decode("utf-8", "replace")
            pytest.fail(f"document {index} raised {type(error).__name__}: {error}\n{shown}")
        slowest = max(slowest, time.process_time() - started)
        assert slowest < LONGEST_S, (
            f"document {index} took {slowest:.2f} s\n{text.decode('utf-8', 'replace')}"
        )
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    share = {stage: count / wanted for stage, count in reached.items()}
    figures("fuzzed scenes past the reader", 1.0 - share["reader"], "share", ">= 0.30", wanted)
    figures("fuzzed scenes rendered", share["rendered"], "share", ">= 0.05", wanted)
    figures("fuzzed scene, slowest", slowest, "s", "< 2", wanted)
    figures("fuzzed scenes, memory grown", grown / 2**20, "MiB", "< 300", wanted)
    assert 1.0 - share["reader"] >= 0.30
    assert share["rendered"] >= 0.05
    assert grown < MOST_BYTES

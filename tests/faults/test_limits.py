"""R10: every limit of size is checked before anything of that size is made.

Each limit is tried one step inside and one step outside. What is outside is refused in one line with a position, in
little time and memory, whatever the number.
"""

import math
import resource
import time

import pytest
from pydantic import ValidationError

from usim.scene import limits, parse, too_long_for_files, too_much_for_files
from usim.scene.table import SceneTable
from usim.template.problem import InvalidInput

SCENE = """\
usim: scene/1
duration_s: 2
room:
  kind: box
  size_m: [8, 8, 3]
  surfaces: {floor: carpet_loop, ceiling: plaster_painted, walls: drywall_painted}
  furniture: []
devices:
  - {name: shelf, profile: ideal, position_m: [0.3, 3.0, 1.0], emits: {kind: tones, carriers_hz: [32500], level_db_spl: 72}}
movers: []
noises: []
"""


def _list(word: str, item: str, count: int) -> tuple[str, str]:
    items = "".join(f"  - {item.format(i=i, x=0.3 + 0.1 * (i % 70))}\n" for i in range(count))
    return f"{word}:", f"{word}:\n{items}" if count else f"{word}: []"


def _scene(old: str, new: str) -> str:
    assert old in SCENE
    return SCENE.replace(old, new)


def _movers(count: int) -> str:
    ball = (
        "{{kind: sphere, name: ball{i}, radius_m: 0.02,"
        " track: {{at_s: [0], through_m: [[{x:.2f}, 5, 1]]}}}}"
    )
    return _scene("movers: []", _list("movers", ball, count)[1].rstrip())


def _noises(count: int) -> str:
    hiss = "{{kind: white_ultrasonic, name: n{i}, level_db_spl: 3}}"
    return _scene("noises: []", _list("noises", hiss, count)[1].rstrip())


def _furniture(count: int) -> str:
    block = (
        "{{kind: block, name: b{i}, from_m: [{x:.2f}, 4, 0], to_m: [{x:.2f}9, 4.5, 1],"
        " surface: denim}}"
    )
    items = _list("furniture", block, count)[1].replace("\n", "\n  ").rstrip()
    return _scene("furniture: []", items)


def _devices(count: int) -> str:
    one = "{{name: d{i}, profile: ideal, position_m: [{x:.2f}, 6.0, 1.0], listens: true}}"
    head, items = _list("devices", one, count)
    return SCENE.replace(SCENE[SCENE.index(head) : SCENE.index("movers:")], items.rstrip() + "\n")


def _carriers(count: int) -> str:
    return _scene("[32500]", str([32_000 + 100 * i for i in range(count)]))


def _points(count: int) -> str:
    times = ", ".join(str(i * 0.002) for i in range(count))
    route = ", ".join("[1,5,1]" for _ in range(count))
    ball = f"  - {{kind: sphere, name: b, radius_m: 0.1, track: {{at_s: [{times}], through_m: [{route}]}}}}"
    return _scene("movers: []", "movers:\n" + ball)


LIMITS = [
    # limit, just inside, just outside, what is said
    ("longest", _scene("duration_s: 2", "duration_s: 604800"), _scene("duration_s: 2", "duration_s: 604800.1"), "at most 604800 s"),
    ("shortest", _scene("duration_s: 2", "duration_s: 0.001"), _scene("duration_s: 2", "duration_s: 0.0009"), "at least 0.001 s"),
    ("smallest room", _scene("[8, 8, 3]", "[8, 8, 1.01]"), _scene("[8, 8, 3]", "[8, 8, 0.49]"), "at least 0.5 m"),
    ("largest room", _scene("[8, 8, 3]", "[100, 8, 3]"), _scene("[8, 8, 3]", "[100.1, 8, 3]"), "at most 100 m"),
    ("rate", _scene("furniture: []", "furniture: []\nrender: {rate_hz: 192000}"), _scene("furniture: []", "furniture: []\nrender: {rate_hz: 384001}"), "at most 384000 Hz"),
    ("devices", _devices(16), _devices(17), "at most 16 entries"),
    ("movers", _movers(64), _movers(65), "at most 64 entries"),
    ("noises", _noises(64), _noises(65), "at most 64 entries"),
    ("furniture", _furniture(128), _furniture(129), "at most 128 pieces of furniture"),
    ("carriers", _carriers(8), _carriers(9), "at most 8 entries"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "inside", "outside", "said"), LIMITS, ids=[one[0] for one in LIMITS]
)
def test_a_limit_is_where_it_is(name, inside, outside, said):
    parse(inside.encode(), "inside.yaml").sample()
    started = time.perf_counter()
    with pytest.raises(InvalidInput, match=said) as caught:
        parse(outside.encode(), "outside.yaml").sample()
    assert time.perf_counter() - started < 2.0
    assert all(problem.line for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("place", "inside", "outside"),
    [
        (("render", "rate_hz"), 384_000, 384_001),
        (("render", "rate_hz"), 8_000, 7_999),
        (("duration_s",), 604_800, math.nextafter(604_800.0, math.inf)),
        (("duration_s",), 0.001, math.nextafter(0.001, 0.0)),
        (("seed",), 2**63 - 1, 2**63),
    ],
)
def test_a_field_holds_exactly_at_its_limit(place, inside, outside):
    """The field alone: no profile has a converter of 384 kHz, so a whole scene cannot be tried at that limit."""
    *tables, field = place

    def read(value):
        table = {
            "usim": "scene/1",
            "duration_s": 2.0,
            "room": {},
            "devices": [{"name": "shelf", "profile": "ideal", "position_m": [0.3, 3.0, 1.0]}],
        }
        here = table
        for word in tables:
            here = here.setdefault(word, {})
        here[field] = value
        return SceneTable.model_validate(table)

    found = read(inside)
    for word in place:
        found = getattr(found, word)
    assert found == inside
    with pytest.raises(ValidationError) as caught:
        read(outside)
    assert [error["loc"] for error in caught.value.errors()] == [place]


def test_microphones_are_counted_over_listening_devices():
    """Sixteen pucks have 64 microphones; a seventeenth is refused by number, so a profile of five is needed."""
    inside = _devices(16).replace("profile: ideal", "profile: puck_4mic")
    scene = parse(inside.encode(), "inside.yaml").sample()
    assert sum(len(device.unit.mics_m) for device in scene.devices) == limits.MOST_MICROPHONES


def test_too_many_microphones_are_refused(tmp_path):
    from usim.template import library

    text = library.find("puck_4mic", "device_profiles").read_text(encoding="utf-8")
    extra = "  - {name: fifth, position_m: [0.0, 0.0, 0.025], axis: [0.0, 0.0, 1.0]}\ncapsule:"
    five = text.replace("\ncapsule:", "\n" + extra).replace("name: puck_4mic", "name: puck_5mic")
    (tmp_path / "puck_5mic.yaml").write_text(five, encoding="utf-8")
    scene = tmp_path / "scene.yaml"
    scene.write_text(_devices(13).replace("profile: ideal", "profile: puck_5mic"), encoding="utf-8")
    with pytest.raises(InvalidInput, match="65 microphones listen; at most 64"):
        parse(scene, "scene.yaml", scene).sample()


def test_a_long_recording_is_asked_for_twice():
    assert too_long_for_files(600.0) is None
    assert too_long_for_files(600.001) is not None


def test_a_large_product_is_asked_for_twice():
    """Samples x channels x paths: exactly the budget passes, one path more does not."""
    most = round(limits.MOST_PRODUCT / (600 * 96_000))
    inside, outside = limits.MOST_PRODUCT / (600 * 96_000), most + 1
    assert too_much_for_files(600, 96_000, inside) is None
    problem = too_much_for_files(600, 96_000, outside)
    assert problem is not None
    assert "\n" not in str(problem)
    assert too_much_for_files(600, 96_000, outside, force=True) is None


def test_a_large_product_is_refused_before_anything_is_made(tmp_path, monkeypatch, capsys):
    """64 bodies for ten minutes by four microphones at 192 kHz: one line, at once, no folder."""
    from usim.cli.root import run

    monkeypatch.chdir(tmp_path)
    text = _movers(64).replace("duration_s: 2", "duration_s: 600").replace("ideal", "puck_4mic")
    (tmp_path / "many.yaml").write_text(text + "\nrender: {rate_hz: 192000}\n", encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    assert run(["render", "many.yaml", "-o", "out"]) == 2
    assert time.perf_counter() - started < 10.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    assert "samples x paths; at most 1e+14" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("duration_s: 2", "duration_s: 1e300"),
        ("[8, 8, 3]", "[1e9, 8, 3]"),
        ("[8, 8, 3]", f"[{', '.join(['3'] * 10_000)}]"),
        ("furniture: []", f"furniture: [{', '.join(['{kind: block}'] * 5_000)}]"),
        ("noises: []", "noises: [{kind: white_ultrasonic, level_db_spl: 1, repeat: 1000000000}]"),
        ("noises: []", "noises: [{kind: white_ultrasonic, level_db_spl: 1, repeat: {integers: [0, 999999]}}]"),
        ("[32500]", f"[{', '.join(str(30000 + i) for i in range(9000))}]"),
        ("furniture: []", "furniture: []\nrender: {rate_hz: 1000000000000}"),
        ("name: shelf", "name: " + "x" * 100_000),
        ("profile: ideal", "profile: " + "x" * 100_000),
        ("profile: ideal", "profile: ideal, unit: 99999999999999999999999999"),
    ],
    ids=range(11),
)  # fmt: skip
def test_absurd_sizes_cost_nothing(old, new):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    with pytest.raises(InvalidInput) as caught:
        parse(_scene(old, new).encode(), "absurd.yaml").sample()
    assert time.perf_counter() - started < 2.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000
    for line in str(caught.value).splitlines():
        assert len(line) < 500
        assert line.startswith("absurd.yaml:")


def test_a_long_track_is_read_and_checked_quickly():
    started = time.perf_counter()
    scene = parse(_points(3000).encode(), "long.yaml").sample()
    assert len(scene.movers[0].moments_s) == 3000
    assert time.perf_counter() - started < 5.0

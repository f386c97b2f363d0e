"""`--set`: one value, by its place; nothing else moves."""

import pytest

from usim.template.draws import sample
from usim.template.override import override
from usim.template.problem import InvalidInput
from usim.template.reader import read

SCENE = b"""\
usim: scene/1
let: {tone_hz: {choice: [32500, 33100]}, pet: {kind: cat}}
room: {kind: box, size_m: [5, 4, 2.6], furniture: [{kind: block, name: sofa}]}
devices:
  - {name: shelf, unit: {integers: [0, 999]}, emits: {choice: [{level_db_spl: 60}]}, at: {use: tone_hz}}
  - {name: lamp, unit: 3}
movers:
  - {kind: fan, rpm: {uniform: [650, 1350]}}
  - {kind: fan, rpm: {uniform: [650, 1350]}}
  - {use: pet}
  - {kind: person, repeat: 2}
noises: []
"""


def document():
    return read(SCENE, "evening.yaml")


def problem(*settings):
    with pytest.raises(InvalidInput) as caught:
        override(document(), *settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("devices.shelf.unit=7", ("devices", 0, "unit"), 7),
        ("devices.lamp.unit=nominal", ("devices", 1, "unit"), "nominal"),
        ("room.size_m.2=1e1", ("room", "size_m", 2), 10.0),
        ("room.size_m=[1, 2, 3]", ("room", "size_m"), [1, 2, 3]),
        ("room.furniture.sofa.to_m=[1,2,3]", ("room", "furniture", 0, "to_m"), [1, 2, 3]),
        ("render.rate_hz=48000", ("render", "rate_hz"), 48000),
        ("let.tone_hz=34000", ("let", "tone_hz"), 34000),
        ("movers.fan_2.rpm.uniform=[1, 2]", ("movers", 1, "rpm", "uniform"), [1, 2]),
        ("movers.cat.chance=0.5", ("movers", 2, "chance"), 0.5),
        ("movers.person.repeat=0", ("movers", 3, "repeat"), 0),
        ("title= a=b ", ("title",), "a=b"),
        ("devices.lamp.unit={integers: [1, 2]}", ("devices", 1, "unit"), {"integers": [1, 2]}),
        ("seed=9", ("seed",), 9),
    ],
)
def test_a_value_is_replaced_at_its_place(setting, path, value):
    before = document()
    after = override(before, setting)
    found = after.table
    for step in path:
        found = found[step]
    assert found == value
    assert before.table == document().table
    assert str(after.problem(path, "bad")).startswith(f"--set {setting}: ")
    assert str(after.problem(("usim",), "bad")) == "evening.yaml:1:1: usim: bad"


def test_nothing_else_is_drawn_differently():
    base = sample(document(), 5).drawn
    other = sample(override(document(), "movers.fan.rpm.uniform=[0, 700]"), 5).drawn
    assert other.pop("movers.fan.rpm") == pytest.approx(base.pop("movers.fan.rpm") - 650)
    assert other == base


def test_later_settings_see_and_replace_earlier_ones():
    after = override(document(), "render={bits: 16}", "render.rate_hz=48000", "render.bits=24")
    assert after.table["render"] == {"bits": 24, "rate_hz": 48000}
    assert str(after.problem(("render", "bits"), "x")) == "--set render.bits=24: render.bits: x"
    assert after.source(("render", "other")) == "--set render={bits: 16}"


def test_a_thing_that_is_replaced_keeps_its_name_and_its_neighbours_theirs():
    after = override(document(), "movers.fan={kind: sphere}")
    names = [mover["name"] for mover in sample(after, 1).table["movers"]]
    assert names == ["fan", "fan_2", "cat", "person_1", "person_2"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("unit", "--set unit: write it as place=value, such as devices.shelf.unit=7"),
        ("=7", "--set =7: write it as place=value"),
        ("a..b=7", "write it as place=value"),
        ("a=", "--set a=: a: the value is missing"),
        ("devices.shlef.unit=7", "devices.shlef: nothing in devices is called shlef; did you mean shelf?"),
        ("devices.0.unit=7", "nothing in devices is called 0; one of shelf, lamp"),
        ("movers.person_1.x=7", "nothing in movers is called person_1; did you mean person?"),
        ("noises.keys.x=7", "nothing in noises is called keys; it has 0 items"),
        ("room.size_m.3=7", "nothing in room.size_m is called 3; it has 3 items"),
        ("room.kind.x=7", "room.kind.x: room.kind is box, which has no fields"),
        ("devices.shelf.emits.level_db_spl=7", "devices.shelf.emits is a draw or a use; set it whole"),
        ("devices.shelf.at.x=7", "devices.shelf.at is a draw or a use; set it whole"),
        ("seed=1_000", "--set seed=1_000: 1_000 is not a number; write 1000"),
        ("seed=[1", "--set seed=[1: a list is not closed; a ',' or ']' is missing"),
        ("seed=!!python/name:os x", "tags are not allowed"),
        ("seed=\udcff", "not text"),
    ],
)  # fmt: skip
def test_what_cannot_be_set_says_why(setting, said):
    text = problem(setting)
    assert said in text
    assert "\n" not in text


def test_all_settings_are_reported():
    assert len(problem("x", "devices.y.z=1", "seed=.nan").splitlines()) == 3


def test_malformed_draws_by_settings_name_the_setting():
    with pytest.raises(InvalidInput, match=r"--set devices\.lamp\.unit") as caught:
        sample(override(document(), "devices.lamp.unit={uniform: [2, 1]}"), 0)
    assert "the low end comes first" in str(caught.value)

"""Sampling: one number a draw, from the stream of its place, whatever else is in the file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usim.template.draws import check, is_drawn, sample
from usim.template.problem import InvalidInput
from usim.template.reader import read
from usim.template.streams import uniform
from usim.template.writer import dump

HEAD = """\
usim: scene/1
let: {tone_hz: {choice: [32500, 33100]}}
room:
  size_m: [{uniform: [4, 6]}, 4.1, {normal: [2.55, 0.1], min: 2.3}]
  furniture:
    - {kind: block, name: sofa, height_m: {uniform: [0.5, 0.9]}}
air: {humidity_percent: {uniform: [25, 60]}}
devices:
  - name: shelf
    unit: {integers: [0, 99999]}
    emits:
      choice:
        - {kind: tones, carriers_hz: [{use: tone_hz}], level_db_spl: {uniform: [60, 80]}}
        - {kind: pulses, carriers_hz: [{use: tone_hz}], duty: {log_uniform: [0.01, 0.5]}}
      weights: [3, 1]
movers:
"""
MOVERS = {
    "adult": """\
  - kind: person
    name: adult
    height_m: {normal: [1.70, 0.09], min: 1.45, max: 2.00}
    clothing: {choice: [tshirt, knitwear, denim, windproof_shell]}
    routine:
      - {kind: walk, speed_m_s: {uniform: [0.6, 1.5]}}
      - {kind: stand, for_s: {uniform: [1, 3]}}
      - {kind: walk, speed_m_s: {uniform: [0.6, 1.5]}}
""",
    "fan": """\
  - {kind: fan, rpm: {uniform: [650, 1350]}}
""",
    "child": """\
  - {kind: child, chance: 0.5, repeat: {integers: [0, 3]}, height_m: {uniform: [0.8, 1.4]}}
""",
    "sphere": """\
  - kind: sphere
    track: {through_m: [[0, 0, 0], {choice: [[1, 2, 3], [4, {uniform: [5, 6]}, 7]]}]}
""",
    "rex": """\
  - {kind: dog, name: rex, chance: 0.7, repeat: 2, height_m: {uniform: [0.2, 0.8]}}
""",
    "ceiling": """\
  - {kind: fan, name: ceiling, rpm: {uniform: [100, 200]}}
""",
}
TAIL = """\
noises:
  - {kind: keys, at: {in_room: [{uniform: [0, 1]}, 0.5, 0.5]}}
"""


def scene(*names):
    return HEAD + "".join(MOVERS[name] for name in names) + TAIL


EVERYBODY = ("adult", "fan", "child", "sphere")
EVENING = scene(*EVERYBODY)


def drawn(text, seed=7, attempt=0):
    return sample(read(text.encode(), "evening.yaml"), seed, attempt).drawn


def problems(text):
    with pytest.raises(InvalidInput) as caught:
        check(read(text.encode(), "evening.yaml"))
    return str(caught.value).splitlines()


def test_a_draw_is_the_number_of_its_place():
    value = drawn(EVENING, 3)["movers.fan.rpm"]
    assert value == 650 + 700 * uniform(3, "movers.fan.rpm")
    later = drawn(EVENING, 3, attempt=4)["movers.fan.rpm"]
    assert later == 650 + 700 * uniform(3, "movers.fan.rpm", attempt=4) != value


def test_the_same_seed_gives_the_same_table_and_another_seed_another():
    document = read(EVENING.encode())
    assert sample(document, 1).table == sample(read(EVENING.encode()), 1).table
    assert sample(document, 1).table != sample(document, 2).table
    assert sample(document, 1).table != sample(document, 1, attempt=1).table
    assert is_drawn(document)


def test_a_sampled_scene_is_a_scene_without_draws():
    for seed in range(20):
        sampled = sample(read(EVENING.encode()), seed)
        again = read(dump(sampled.table).encode())
        assert not is_drawn(again)
        repeated = sample(again, seed + 1)
        assert repeated.table == sampled.table
        assert repeated.drawn == {}


@settings(max_examples=40, deadline=None)
@given(st.permutations(list(MOVERS)), st.sets(st.sampled_from(list(MOVERS))), st.integers(0, 99))
def test_other_named_things_change_no_draw(order, removed, seed):
    """Adding, removing and reordering things, and what chance and repeat do to them, is invisible
    to every other thing."""
    kept = [name for name in order if name not in removed]
    base, other = drawn(EVENING, seed), drawn(scene(*kept), seed)

    def of(names, values):
        return {k: v for k, v in values.items() if k.split(".")[1].split("_")[0] in names}

    both = set(kept) & set(EVERYBODY)
    assert of(both, base) == of(both, other)
    outside = {k: v for k, v in base.items() if not k.startswith("movers.")}
    assert outside == {k: v for k, v in other.items() if not k.startswith("movers.")}


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.integers(0, 5), st.integers(0, 99))
def test_chance_and_repeat_change_no_other_draw(chance, repeat, seed):
    changed = EVENING.replace(
        "chance: 0.5, repeat: {integers: [0, 3]}", f"chance: {chance}, repeat: {repeat}"
    )
    assert changed != EVENING
    base, other = drawn(EVENING, seed), drawn(changed, seed)
    for key in base.keys() & other.keys():
        assert base[key] == other[key]
    assert all(key.startswith("movers.child") for key in base.keys() ^ other.keys())


def test_paired_draws_a_changed_bound_moves_the_same_number():
    changed = EVENING.replace("rpm: {uniform: [650, 1350]}", "rpm: {uniform: [0, 1400]}")
    for seed in range(20):
        base, other = drawn(EVENING, seed), drawn(changed, seed)
        share = (base["movers.fan.rpm"] - 650) / 700
        assert other.pop("movers.fan.rpm") == pytest.approx(share * 1400)
        base.pop("movers.fan.rpm")
        assert other == base


def test_chance_keeps_with_its_probability_and_never_or_always():
    text = "movers: [{kind: fan, chance: CHANCE}]"
    kept = [
        len(sample(read(text.replace("CHANCE", "0.3").encode()), seed).table["movers"])
        for seed in range(2000)
    ]
    # 2000 trials: 5 deviations are 102, exceeded by chance once in 2 x 10^6.
    assert abs(sum(kept) - 600) < 102
    for seed in range(50):
        for chance, count in (("0", 0), ("1", 1), ("{choice: [1.0]}", 1)):
            table = sample(read(text.replace("CHANCE", chance).encode()), seed).table
            assert len(table["movers"]) == count


def test_copies_are_numbered_and_each_draws_for_itself():
    text = "movers: [{kind: person, name: adult, repeat: 3, height_m: {uniform: [1, 2]}}]"
    movers = sample(read(text.encode()), 1).table["movers"]
    assert [mover["name"] for mover in movers] == ["adult_1", "adult_2", "adult_3"]
    assert len({mover["height_m"] for mover in movers}) == 3
    fewer = sample(read(text.replace("repeat: 3", "repeat: 1").encode()), 1).table["movers"]
    assert fewer == movers[:1]
    assert list(movers[0]) == ["kind", "name", "height_m"]


def test_one_let_is_one_draw():
    text = (
        "let: {a: {uniform: [0, 1]}, b: {in: {use: a}, w: {uniform: [0, 1]}}}\n"
        "x: {use: a}\ny: [{use: b}, {use: b}, {use: a}]\n"
    )
    sampled = sample(read(text.encode()), 1)
    table = sampled.table
    assert "let" not in table
    assert table["x"] == table["y"][2] == table["y"][0]["in"] == uniform(1, "let.a")
    assert table["y"][0] == table["y"][1]
    assert table["y"][0] is not table["y"][1]
    assert sorted(sampled.drawn) == ["let.a", "let.b.w"]


def test_a_whole_thing_may_be_drawn():
    text = """\
let: {pet: {kind: cat, mass_kg: {uniform: [3, 6]}}}
movers:
  - {name: visitor, chance: 0.9, choice: [{kind: person, height_m: {uniform: [1, 2]}}, {use: pet}]}
  - {use: pet, name: tom, repeat: {integers: [1, 2]}}
  - {use: pet}
room: {choice: [{kind: box, furniture: [{kind: block}]}, {kind: polygon, furniture: [{kind: block}]}]}
"""
    kinds = set()
    for seed in range(30):
        table = sample(read(text.encode()), seed).table
        movers = {mover["name"]: mover for mover in table["movers"]}
        assert movers["cat"]["kind"] == movers["tom_1"]["kind"] == "cat"
        assert movers["cat"]["mass_kg"] == movers["tom_1"]["mass_kg"]
        kinds.add(movers["visitor"]["kind"] if "visitor" in movers else None)
        assert table["room"]["furniture"] == [{"kind": "block", "name": "block"}]
        assert dump(table)
    assert kinds == {None, "person", "cat"}


def test_names_are_written_out_and_named_things_do_not_count():
    text = """\
movers: [{kind: fan}, {kind: fan, name: pedestal}, {kind: fan}, {kind: sphere}]
devices: [{profile: a}, {profile: b}]
noises: [{kind: keys, chance: 0}, {kind: keys}]
"""
    table = sample(read(text.encode()), 0).table
    assert [m["name"] for m in table["movers"]] == ["fan", "pedestal", "fan_2", "sphere"]
    assert [d["name"] for d in table["devices"]] == ["device", "device_2"]
    assert [n["name"] for n in table["noises"]] == ["keys_2"]


def test_items_of_other_lists_keep_their_places_when_a_neighbour_goes():
    text = """\
movers:
  - kind: person
    routine: [{kind: walk, chance: 0, s: {uniform: [0, 1]}}, {kind: walk, s: {uniform: [0, 1]}}]
"""
    sampled = sample(read(text.encode()), 1)
    assert list(sampled.drawn) == ["movers.person.routine.walk_2.s"]
    assert [step["name"] for step in sampled.table["movers"][0]["routine"]] == ["walk_2"]
    plain = sample(read(text.replace("chance: 0, ", "").encode()), 1)
    assert "name" not in plain.table["movers"][0]["routine"][0]
    assert plain.drawn.items() >= sampled.drawn.items()


def test_problems_of_a_sampled_table_stand_where_the_file_says_it():
    sampled = sample(read(EVENING.encode(), "evening.yaml"), 1)
    movers = [mover["name"] for mover in sampled.table["movers"]]
    fan = ("movers", movers.index("fan"))
    assert str(sampled.problem((*fan, "rpm"), "too fast")) == (
        "evening.yaml:25:17: movers.fan.rpm: too fast"
    )
    assert str(sampled.problem((*fan, "blades"), "missing")).startswith(
        "evening.yaml:25:5: movers.fan"
    )
    emits = ("devices", 0, "emits")
    line = str(sampled.problem((*emits, "kind"), "x")).split(":")[1]
    assert line in ("13", "14")
    assert str(sampled.problem((*emits, "carriers_hz", 0), "x")).startswith(f"evening.yaml:{line}:")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("let: 3", "1:1: let: 3; write let: {word: value}"),
        ("let: {a: 1}", "1:7: let.a: nothing uses it; remove it, or write {use: a} somewhere"),
        ("x: {use: a}", "1:5: x: let has no a; the file has no let"),
        ("let: {tone: 1}\nx: {use: tnoe}\ny: {use: tone}", "2:5: x: let has no tnoe; did you mean tone?"),
        ("x: {use: 3}", "1:5: x: let has no 3; the file has no let"),
        ("let: {a: 1}\nx: {use: a, b: 2}", "2:13: x: b does not belong beside use"),
        ("let: {a: {use: a}}\nx: {use: a}", "1:7: let.a: it uses itself: a -> a"),
        ("let: {a: [{use: b}], b: {c: {use: a}}}\nx: {use: a}", "1:7: let.a: it uses itself: a -> b -> a"),
        ("x: {let: 3}", "1:5: x.let: let stands at the top of the file only"),
        ("room: {chance: 0.5}", "1:8: room.chance: chance belongs on an item of a list"),
        ("x: [{a: 1, repeat: 2}]", "repeat belongs on an item of a list, which has a kind or a name"),
        ("seed: {integers: [0, 9]}", "1:1: seed: cannot be drawn; write the value"),
        ("x: {unifrom: [0, 1]}", "1:5: x: unifrom is no draw; did you mean uniform?"),
        ("x: {uniform: [2, 1]}", "1:5: x: uniform: [2, 1]; the low end comes first"),
        ("x: {choice: [1, {uniform: 3}]}", "1:18: x.choice.1: uniform: 3; write uniform: [low, high]"),
        ("movers: [{kind: a, chance: 2}]", "1:20: movers.a.chance: 2 is not a probability"),
        ("movers: [{kind: a, chance: {uniform: [0, 2]}}]", "movers.a.chance: the draw is not a prob"),
        ("movers: [{kind: a, chance: {normal: [0, 1]}}]", "movers.a.chance: the draw is not a prob"),
        ("movers: [{kind: a, chance: x}]", "movers.a.chance: x is not a number"),
        ("movers: [{kind: a, repeat: 1.5}]", "movers.a.repeat: 1.5 is not a count"),
        ("movers: [{kind: a, repeat: true}]", "movers.a.repeat: true is not a number"),
        ("movers: [{kind: a, repeat: 1001}]", "movers.a.repeat: 1001 is not a count"),
        ("movers: [{kind: a, repeat: {choice: [1, x]}}]", "movers.a.repeat: the draw is not a number"),
        ("let: {n: 0.5}\nmovers: [{kind: a, repeat: {use: n}}]", "movers.a.repeat: the draw is not a count"),
        ("movers: [{kind: {choice: [a, b]}}]", "movers.0: its kind is drawn, so it needs a name"),
        ("movers: [{choice: [{kind: a}, {kind: b}]}]", "movers.0: its kind is drawn, so it needs a name"),
        ("movers: [{name: m, choice: [{kind: a, name: x}]}]", "it stands beside choice, not in it"),
        ("movers: [{name: m, choice: [3]}]", "1:29: movers.m: 3, where a mapping is needed"),
        ("movers: [{name: m, uniform: [0, 1]}]", "a draw by uniform, where a mapping is needed"),
        ("movers: [{kind: a, name: b c}]", "movers.0.name: 'b c' is not a name"),
        ("movers: [{kind: a, name: ../x}]", "'../x' is not a name"),
        ("movers: [{kind: a, name: {choice: [b, c]}}]", "movers.0.name: a draw is not a name"),
        ("movers: [{kind: a, name: x}]\nnoises: [{kind: b, name: X}]", "2:10: noises.X: two things are called X (also on line 1)"),
        ("movers: [{kind: a, repeat: 2}, {kind: b, name: a_2}]", "a_2 is also a copy of a, which repeats"),
        ("let: {'a b': 1}\nx: {use: 'a b'}", "let.a b: not a name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text, said):
    found = problems(text)
    assert any(said in line for line in found), found
    assert all(line.startswith("evening.yaml:") for line in found)


def test_all_problems_are_said_at_once():
    text = "a: {uniform: [2, 1]}\nb: {use: c}\nmovers: [{kind: x, chance: 7}, {kind: y, name: x}]\n"
    assert [line.split(":")[1] for line in problems(text)] == ["1", "2", "3", "3"]
    many = "\n".join(f"k{i}: {{uniform: [2, 1]}}" for i in range(5000))
    said = problems(many)
    assert len(said) == 51
    assert said[-1] == "evening.yaml:50:7: and more; mend these first"


@pytest.mark.parametrize(
    "text",
    [
        # 2^30 values by lets, 10^6 by repeats, 9000 levels deep, 2^40 ways through a choice.
        "let:\n a0: [1, 1]\n" + "".join(f" a{i}: [{{use: a{i - 1}}}, {{use: a{i - 1}}}]\n" for i in range(1, 30)) + "x: {use: a29}",
        "movers:\n" + "".join(f"  - {{kind: m{i}, repeat: 1000, x: [1, 2, 3]}}\n" for i in range(20)),
        "let:\n a0: [1]\n" + "".join(f" a{i}: [{{use: a{i - 1}}}]\n" for i in range(1, 9000)) + "x: {use: a8999}",
        "movers:\n" + "  - {kind: a}\n" * 2000,
        "let:\n" + "".join(f" a{i}: {{use: b{i}}}\n" for i in range(6000)),
        "let:\n a0: 1\n" + "".join(f" a{i}: {{choice: [{{use: a{i - 1}}}, {{use: a{i - 1}}}]}}\n" for i in range(1, 40)) + "movers: [{kind: m, repeat: {use: a39}, chance: 7}]",
        "room: {choice: [" + "{furniture: [{kind: a}]}, " * 900 + "{furniture: [{kind: a, chance: 2}]}]}",
    ],
    ids=["lets", "repeats", "depth", "things", "unknown", "ways", "options"],
)  # fmt: skip
def test_small_files_cannot_ask_for_much(text):
    with pytest.raises(InvalidInput) as caught:
        sample(read(text.encode(), "e.yaml"), 0)
    assert all(len(line) < 200 for line in str(caught.value).splitlines())

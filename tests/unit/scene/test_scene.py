"""Sampling: resolved scenes, streams, rejection, overrides, frames of devices."""

from pathlib import Path

import numpy as np
import pytest

import usim
from usim.scene import parse, validate
from usim.scene.scene import doppler_hz
from usim.template.problem import InvalidInput
from usim.template.streams import stream, uniform

DRAWN = "radius_m: {uniform: [0.05, 0.3]}"


def _again(scene):
    return parse(scene.text.encode(), "again.yaml").sample()


@pytest.mark.parametrize("name", ["sphere_passes", "tumbling_ellipsoids", "empty_room"])
@pytest.mark.parametrize("seed", [0, 1, 99])
def test_a_resolved_scene_is_the_same_scene(name, seed):
    scene = usim.load(name).sample(seed)
    again = _again(scene)
    assert again == scene
    assert again.text == scene.text
    assert again.table["seed"] == seed
    assert hash(again) == hash(scene)
    assert [d.unit.name for d in again.devices] == [d.unit.name for d in scene.devices]
    for ours, theirs in zip(scene.movers, again.movers, strict=True):
        t_s = np.linspace(-1.0, 20.0, 50)
        assert np.array_equal(ours.at(t_s).position_m, theirs.at(t_s).position_m)
    assert np.array_equal(
        scene.stream("noises.home").random(9), again.stream("noises.home").random(9)
    )


def test_the_file_is_found_by_name_or_path(tmp_path):
    from usim.template import library

    path = library.find("empty_room", "scenes")
    assert usim.load(path).sample(3) == usim.load("empty_room").sample(3)
    with pytest.raises(InvalidInput, match="no_such_scene"):
        usim.load("no_such_scene")


def test_seed_is_zero_without_one_and_written_always(small):
    assert small().sample().seed == 0
    assert small("title: small", "seed: 7").sample().table["seed"] == 7
    assert small("title: small", "seed: 7").sample(8).table["seed"] == 8


def test_a_draw_is_one_uniform_number_of_its_place(small):
    scene = small("radius_m: 0.1", DRAWN).sample(5)
    expected = 0.05 + 0.25 * uniform(5, "movers.ball.radius_m")
    assert scene.table["movers"][0]["radius_m"] == pytest.approx(expected, abs=1e-15)


def test_a_placed_point_is_two_uniform_numbers_of_its_place(small):
    scene = small("[0.3, 3.0, 1.0]", "{on: sofa, height_m: 0.1}").sample(5)
    x, y, z = scene.table["devices"][0]["position_m"]
    assert x == pytest.approx(1.05 + 0.9 * uniform(5, "devices.shelf.position_m.x"), abs=1e-15)
    assert y == pytest.approx(1.05 + 0.9 * uniform(5, "devices.shelf.position_m.y"), abs=1e-15)
    assert z == pytest.approx(0.6)


def test_free_floor_tries_again_from_the_same_streams(small):
    placed = "at: {free_floor: {margin_m: 0.05, z_m: 0.2}}"
    for seed in range(40):
        scene = small("at: [3.5, 3.5, 0.3]", placed).sample(seed)
        x, y, z = scene.table["noises"][0]["at"]
        tries = [
            tuple(0.05 + 3.9 * uniform(seed, f"noises.valve.at.{axis}", 0, index) for axis in "xy")
            for index in range(20)
        ]
        free = next(p for p in tries if not all(0.95 <= value <= 2.05 for value in p))
        corner = np.hypot(*(np.clip(free, 1, 2) - free)) > 0.05
        if corner:  # else it lay in the rounded corner and the next one was taken
            assert (x, y) == pytest.approx(free, abs=1e-12)
        assert z == 0.2


def test_adding_things_changes_no_other_draw(small):
    one = small("radius_m: 0.1", DRAWN).sample(3)
    other = "movers:\n  - {kind: sphere, radius_m: {uniform: [0.05, 0.1]}, track: {at_s: [0], through_m: [[3.5, 0.5, 1]]}}\n"
    two = small("radius_m: 0.1", DRAWN, "movers:\n", other).sample(3)
    assert two.table["movers"][1] == one.table["movers"][0]
    assert two.table["movers"][0]["name"] == "sphere"


def test_chance_and_repeat(small):
    many = small(
        "kind: sphere, name: ball, radius_m: 0.1", f"kind: sphere, name: ball, repeat: 3, {DRAWN}"
    )
    names = [mover.name for mover in many.sample(1).movers]
    assert names == ["ball_1", "ball_2", "ball_3"]
    rare = small("name: valve", "name: valve, chance: 0.3")
    kept = sum(len(rare.sample(seed).noises) for seed in range(300))
    # Binomial(300, 0.3): outside 50..130 with probability below 1e-5; the seeds are fixed.
    assert 50 <= kept <= 130


def test_a_broken_cross_check_draws_the_whole_sample_again(small):
    template = small("[3, 3, 1], [1, 3, 1]", "[{uniform: [-4, 4]}, 3, 1], [1, 3, 1]")
    scenes = [template.sample(seed) for seed in range(60)]
    again = [scene for scene in scenes if scene.attempts > 1]
    assert len(again) > 10
    assert all(sum(scene.rejected.values()) >= scene.attempts - 1 for scene in again)
    assert {check for scene in again for check in scene.rejected} >= {"mover in the room"}
    report = validate(template, 60)
    assert report.valid
    assert 0.3 < report.rejected_share < 0.75
    assert _again(again[0]) == again[0]


def test_mostly_rejected_is_a_warning_that_names_the_check(small):
    template = small("[3, 3, 1], [1, 3, 1]", "[{uniform: [-20, 4]}, 3, 1], [1, 3, 1]")
    report = validate(template, 20)
    (warning,) = report.warnings
    assert "most often by `mover in the room`" in warning
    assert report.rejected["mover in the room"] > 0.5


def test_never_accepted_is_an_error(small):
    template = small("[3, 3, 1], [1, 3, 1]", "[{uniform: [5, 9]}, 3, 1], [1, 3, 1]")
    with pytest.raises(InvalidInput) as caught:
        template.sample()
    lines = str(caught.value).splitlines()
    assert any("none of 100 samples passed the cross-checks" in line for line in lines)
    assert any("movers.ball: its body reaches" in line for line in lines)


def test_without_draws_it_is_not_tried_again(small, monkeypatch):
    from usim.scene import template

    calls = []
    real = template.assembled
    monkeypatch.setattr(template, "assembled", lambda *a: (calls.append(1), real(*a))[1])
    with pytest.raises(InvalidInput):
        small("[0.3, 3.0, 1.0]", "[9, 3, 1]").sample()
    assert len(calls) == 2  # the second attempt shows that nothing changes


def test_overrides_by_place(small):
    scene = small().sample(overrides={"devices.shelf.unit": 7, "movers.ball.radius_m": 0.2})
    assert scene.devices[0].unit.serial == 7
    assert scene.movers[0].pieces[0].size_m == (0.2, 0.2, 0.2)
    assert small().sample(overrides=["devices.shelf.unit=7", "movers.ball.radius_m=0.2"]) == scene
    with pytest.raises(InvalidInput, match=r"--set movers.ball.radius_m=-1: movers.ball.radius_m"):
        small().sample(overrides=["movers.ball.radius_m=-1"])


def test_a_device_has_its_own_frame(small):
    scene = small("[0.3, 3.0, 1.0]", "[0.3, 3.0, 1.0]\n    yaw_deg: 90").sample()
    device = scene.devices[0]
    assert np.abs(device.world(np.array([0.1, 0.0, 0.2])) - [0.3, 3.1, 1.2]).max() < 1e-12
    assert (
        np.abs(
            device.world_axes(np.array([[1.0, 0, 0], [0, 1, 0]])) - [[0, 1, 0], [-1, 0, 0]]
        ).max()
        < 1e-12
    )
    assert device.emission.carriers_hz.tolist() == [32500.0]


def test_doppler_is_the_two_way_bound(small):
    """1 m/s, 32 kHz, c = 343.21: +187.02 Hz, not 186.475."""
    assert doppler_hz(32e3, 1.0, 343.21) == pytest.approx(187.02, abs=0.005)
    scene = small().sample()
    assert scene.speeds_m_s["ball"] == pytest.approx(1.0, rel=1e-9)
    assert scene.baseband_rate_hz == 2000
    fast = small("at_s: [0, 2]", "at_s: [0, 0.4]").sample()
    assert fast.speeds_m_s["ball"] == pytest.approx(5.0, rel=1e-6)
    assert fast.baseband_rate_hz == 4000
    assert fast.doppler_hz(32500, "ball") == fast.doppler_hz(32500)


def test_defaults_are_written_out(small):
    table = small().sample().table
    assert table["air"] == {
        "temperature_c": 20.0,
        "humidity_percent": 50.0,
        "pressure_kpa": 101.325,
    }
    assert table["render"] == {"quality": "standard"}
    assert table["devices"][0]["unit"] == "nominal"
    assert list(table) == [
        "usim", "title", "duration_s", "seed", "render", "room", "air", "devices", "movers", "noises",
    ]  # fmt: skip


def test_a_scene_is_frozen(small):
    with pytest.raises(AttributeError):
        small().sample().seed = 3


def test_a_users_kind_is_used(tmp_path, small):
    from usim.template import registry

    folder = tmp_path / "mine" / "movers"
    folder.mkdir(parents=True)
    source = registry.load("movers", "sphere").__file__
    text = Path(source).read_text(encoding="utf-8").replace('"sphere"', '"moon"')
    (folder / "moon.py").write_text(text, encoding="utf-8")
    try:
        registry.use_kinds(tmp_path / "mine")
        assert small("kind: sphere", "kind: moon").sample().movers[0].pieces[0].size_m[0] == 0.1
    finally:
        registry.use_kinds()


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (
            "{uniform: [0.005, 0.3]}",
            "must be at least 0.01 m, got 0.005 (this is drawn down to 0.005)",
        ),
        ("{uniform: [0.1, 2.01]}", "must be at most 2 m, got 2.01 (this is drawn up to 2.01)"),
        ("{normal: [0.1, 0.03]}", "must be at least 0.01 m, got -0.0"),
        ("{choice: [0.1, 0.2, 3], weights: [1, 1, 0.0001]}", "must be at most 2 m, got 3"),
        ("{uniform: [0.05, 0.3]}", None),
        ("{normal: [0.1, 0.03], min: 0.05}", None),
        ("{use: size}", "must be at most 2 m, got 2.2"),
    ],
)
def test_draws_are_judged_at_their_ends(small, draw, said):
    """Why: a value that is out of range once in 10^5 samples stops a corpus. Expected: one sample is enough."""
    let = "let: {size: {log_uniform: [0.05, 2.2]}}\ntitle" if "use" in draw else "title"
    template = small("radius_m: 0.1", f"radius_m: {draw}", "title", let)
    report = validate(template, 1)
    found = [problem.text for problem in report.problems]
    if said is None:
        assert not found
    else:
        assert len(found) == 1
        assert said in found[0]
        assert report.problems[0].place == "movers.ball.radius_m"


def test_a_kind_that_draws_is_built_again_for_each_seed(tmp_path, small):
    """Things without randomness are kept between samples; one that asks for its stream must not be."""
    from usim.template import registry

    folder = tmp_path / "mine" / "movers"
    folder.mkdir(parents=True)
    text = Path(registry.load("movers", "sphere").__file__).read_text(encoding="utf-8")
    text = text.replace('"sphere"', '"moon"').replace(
        "(parameters.radius_m,) * 3", '(0.05 + 0.1 * stream("size").random(),) * 3'
    )
    (folder / "moon.py").write_text(text, encoding="utf-8")
    try:
        registry.use_kinds(tmp_path / "mine")
        template = small("kind: sphere", "kind: moon")
        sizes = [template.sample(seed).movers[0].pieces[0].size_m[0] for seed in (1, 2, 1, 3)]
    finally:
        registry.use_kinds()
    expected = [0.05 + 0.1 * stream(seed, "movers.ball.size").random() for seed in (1, 2, 1, 3)]
    assert sizes == expected

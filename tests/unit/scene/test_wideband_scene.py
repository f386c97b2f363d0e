"""Scenes with chirps: the baseband that holds them, and what validate says of those that cannot be rendered."""

import copy

import pytest

from usim.scene.template import from_table, load
from usim.template.problem import InvalidInput

CHIRPS = {
    "kind": "chirps",
    "from_hz": 33000,
    "to_hz": 38000,
    "length_s": 0.008,
    "every_s": 0.05,
    "ramp_s": 0.002,
    "level_db_spl": 70,
}


def emitting(name, emission, **render):
    table = copy.deepcopy(load(name).sample(seed=1).table)
    table["devices"][0]["emits"] = emission
    table["render"] = {**table["render"], **render}
    return from_table(table).sample()


def test_the_baseband_holds_the_band():
    assert emitting("sphere_passes", CHIRPS).baseband_rate_hz == 16000
    wide = {**CHIRPS, "from_hz": 31000, "to_hz": 43000, "ramp_s": 0.003}
    assert emitting("sphere_passes", wide).baseband_rate_hz == 32000


@pytest.mark.parametrize(
    ("name", "emission", "render", "said"),
    [
        ("sphere_passes", CHIRPS, {"baseband_rate_hz": 4000}, "leave render.baseband_rate_hz out"),
        ("fan_only", CHIRPS, {"rate_hz": 192000}, "flat pieces"),
        ("draught", CHIRPS, {}, "moving air"),
        ("sphere_passes", {**CHIRPS, "to_hz": 60000}, {"rate_hz": 96000}, "pass band of"),
        ("sphere_passes", {**CHIRPS, "from_hz": 18000}, {}, "outside the band"),
    ],
)
def test_what_cannot_be_rendered_is_found_before(name, emission, render, said):
    with pytest.raises(InvalidInput, match=said):
        emitting(name, emission, **render)

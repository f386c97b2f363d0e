"""What a surface may be called, and what is said when it is called wrong."""

import pickle

import numpy as np
import pytest

from usim.physics.air import Air
from usim.surfaces.base import AbstractSurface, surface
from usim.template.problem import InvalidInput

AIR = Air()


def told(spec, place=None):
    with pytest.raises(InvalidInput) as caught:
        surface(spec, place)
    return str(caught.value)


def test_three_ways_to_name_one():
    word = surface("window_glass")
    assert word == surface({"material": "window_glass"})
    assert word == surface({"material": "window_glass", "spread": 0.0})
    assert surface(word) is word
    assert word != surface({"material": "window_glass", "spread": 0.5})
    worn = surface({"material": "denim", "wrinkle_rms_m": 0.001})
    assert (worn.wrinkle_rms_m, worn.wrinkle_length_m) == (0.001, surface("denim").wrinkle_length_m)
    assert isinstance(surface({"kind": "hard"}), AbstractSurface)


def test_is_a_value():
    tshirt = surface("tshirt")
    assert {tshirt: 1}[surface("tshirt")] == 1
    assert pickle.loads(pickle.dumps(tshirt)) == tshirt


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("carpet_lop", "there is no material carpet_lop; did you mean carpet_loop?"),
        ({"material": 3}, "material"),
        ({"material": "foam", "spread": 1.5}, "spread: Input should be less than or equal to 1"),
        (
            {"material": "foam", "wrinkle_rms_m": 0.1},
            "wrinkle_rms_m: Input should be less than or equal to 0.01",
        ),
        ({"material": "foam", "spraed": 0.5}, "spraed: no such field; did you mean spread?"),
        ({"kind": "harp"}, "no kind 'harp' of surfaces; did you mean hard?"),
        (
            {"kind": "hard", "absorbtion": 0.1},
            "absorbtion: no such field; did you mean absorption?",
        ),
        ({"kind": "hard", "absorption": "0.1"}, "absorption: Input should be a valid number"),
        ({"kind": "hard", "band_hz": [45e3, 30e3]}, "band_hz: from 45000 to 30000 is no band"),
        ({"kind": "hard", "material": "foam"}, "is no surface; write a material"),
        ({}, "is no surface; write a material"),
        (7, "7 is no surface"),
        (None, "nothing is no surface"),
    ],
)
def test_refused_in_one_line(spec, words):
    text = told(spec)
    assert words in text
    assert "\n" not in text


def test_problems_say_where():
    assert told("carpet_lop", "room.surfaces.floor").startswith("room.surfaces.floor: there is no")
    text = told({"material": "carpet_lop"}, "room.surfaces.floor")
    assert text.startswith("room.surfaces.floor.material: there is no")
    text = told({"kind": "hard", "absorption": 2.0}, "room.surfaces.east")
    assert text.startswith("room.surfaces.east.absorption: ")
    text = told({"kind": "hard", "absorption": 0.01}, "room.surfaces.east")
    assert text.startswith("room.surfaces.east: absorption 0.01 is below 0.0308")


@pytest.mark.parametrize("f_hz", [20e3, 60e3, np.array([32e3, 50e3]), float("nan")])
def test_outside_its_band_it_refuses_in_one_line(f_hz):
    here = surface("drywall_painted")
    for ask in (here.reflection, here.transmission, here.energy):
        with pytest.raises(InvalidInput, match=r"drywall_painted: .* outside the band") as caught:
            ask(0.5, f_hz, AIR)
        assert "\n" not in str(caught.value)


def test_sidebands_and_an_own_band():
    here = surface("drywall_painted")
    assert here.band_hz == (30e3, 45e3)
    here.reflection(1.0, np.array([27.1e3, 49.4e3]), AIR)
    wide = surface({"material": "drywall_painted", "band_hz": [15e3, 70e3]})
    assert abs(wide.reflection(0.5, 20e3, AIR)) < 1.0
    assert wide.reflection(0.5, 32e3, AIR) == here.reflection(0.5, 32e3, AIR)


@pytest.mark.parametrize("cos", [-0.1, 1.1, float("nan")])
def test_impossible_cosines(cos):
    with pytest.raises(ValueError, match="cosines"):
        surface("skin").reflection(cos, 32e3, AIR)


def test_shapes_broadcast():
    here = surface("curtain_drape")
    cos, f = np.linspace(0.1, 1.0, 4)[:, None], np.linspace(31e3, 44e3, 3)
    assert here.reflection(cos, f, AIR).shape == (4, 3)
    assert here.transmission(cos, 32e3, AIR).shape == (4, 1)
    assert all(share.shape == (4, 3) for share in here.energy(cos, f, AIR))
    assert np.shape(here.reflection(0.5, 32e3, AIR)) == ()

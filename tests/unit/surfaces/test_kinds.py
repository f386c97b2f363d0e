"""Hard, porous, screen: parameters that cannot be, and trims that do what they say."""

import numpy as np
import pytest

from usim.physics import impedance
from usim.physics.air import Air
from usim.surfaces._finish import bisected, diffuse, fading
from usim.surfaces.base import surface
from usim.template.problem import InvalidInput

AIR = Air()
PILE = {
    "kind": "porous",
    "flow_resistivity_pa_s_m2": 80000.0,
    "porosity": 0.85,
    "tortuosity": 1.3,
    "viscous_length_m": 35e-6,
    "thermal_length_m": 80e-6,
    "thickness_m": 0.004,
}
CLOTH = {"kind": "screen", "flow_resistance_pa_s_m": 300.0}


def test_smooth_hard_wall_is_the_boundary_layer_alone():
    cos = np.linspace(0.01, 1.0, 50)
    admittance = impedance.boundary_layer_admittance(cos, 40e3, AIR)
    expected = impedance.admittance_reflection(cos, admittance)
    assert surface({"kind": "hard"}).reflection(cos, 40e3, AIR) == pytest.approx(expected)


@pytest.mark.parametrize("absorption", [0.031, 0.05, 0.3, 0.9])
def test_hard_absorbs_what_it_is_told(absorption):
    here = surface({"kind": "hard", "absorption": absorption, "scattering": 0.4})
    shares = diffuse(here)
    assert shares.absorbed == pytest.approx(absorption, abs=1e-9)
    assert shares.scattered / (1.0 - absorption) == pytest.approx(0.4, abs=1e-9)


def test_hard_with_angle_left_out_is_one_number():
    here = surface(
        {"kind": "hard", "absorption": 0.02, "scattering": 0.1, "angle_dependent": False}
    )
    cos, f = np.linspace(0.0, 1.0, 11)[:, None], np.array([31e3, 45e3])
    assert here.reflection(cos, f, AIR) == pytest.approx(np.full((11, 2), np.sqrt(0.98 * 0.9)))


def test_air_sets_the_floor_not_the_reference():
    """The boundary layer follows the scene's air; only the trim belongs to reference air."""
    here = surface({"kind": "hard"})
    warm = here.energy(0.2, 32e3, Air(30.0)).absorbed
    cold = here.energy(0.2, 32e3, Air(0.0)).absorbed
    assert warm > cold


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"kind": "hard", "absorption": 0.02}, "absorption 0.02 is below 0.0308"),
        ({"kind": "hard", "absorption": 0.95}, "less than or equal to 0.9"),
        (
            {"kind": "hard", "angle_dependent": False, "roughness_rms_m": 1e-4},
            "depends on the angle",
        ),
        (PILE | {"absorption": 0.01}, "absorption 0.01 is below 0.0308"),
        (PILE | {"porosity": 1.2}, "porosity"),
        ({"kind": "screen"}, "either flow_resistance_pa_s_m or transmission_loss_db"),
        (CLOTH | {"transmission_loss_db": 3.0}, "either flow_resistance_pa_s_m or"),
        (CLOTH | {"backing": "wall"}, "gap_m belongs to backing: wall"),
        (CLOTH | {"gap_m": 0.001}, "gap_m belongs to backing: wall"),
        (CLOTH | {"backing": "wall", "gap_m": 0.05}, "less than or equal to 0.01"),
        (
            {"kind": "screen", "transmission_loss_db": 3.0, "backing": "wall", "gap_m": 0.001},
            "nothing passes a wall",
        ),
        (
            {"kind": "screen", "transmission_loss_db": 0.1, "absorption": 0.9},
            "does not go with absorption 0.9",
        ),
    ],
)
def test_refuses_what_cannot_be(spec, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        surface(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("base", [PILE, CLOTH, CLOTH | {"backing": "wall", "gap_m": 0.002}])
@pytest.mark.parametrize("absorption", [0.1, 0.4, 0.8, 0.99, 1.0])
@pytest.mark.parametrize("scattering", [0.0, 0.3, 0.95, 1.0])
def test_trims_reach_what_is_asked(base, absorption, scattering):
    shares = diffuse(surface(base | {"absorption": absorption, "scattering": scattering}))
    reflected = shares.mirror + shares.scattered
    assert shares.absorbed == pytest.approx(absorption, abs=1e-9)
    assert shares.scattered == pytest.approx(scattering * reflected, abs=1e-9)


def test_roughness_that_scatters_too_much_is_reduced():
    here = surface({"kind": "hard", "roughness_rms_m": 0.002, "scattering": 0.2})
    shares = diffuse(here)
    assert shares.scattered / (shares.mirror + shares.scattered) == pytest.approx(0.2, abs=1e-9)
    assert 0.0 < here.roughness_rms_m < 0.002


def test_cover_makes_a_sofa_reflect():
    foam = PILE | {"thickness_m": 0.05, "flow_resistivity_pa_s_m2": 8000.0}
    covered = surface(foam | {"cover_flow_resistance_pa_s_m": 800.0})
    assert diffuse(covered).absorbed < diffuse(surface(foam)).absorbed - 0.05


def test_cloth_close_to_a_wall_is_the_wall():
    close = surface(CLOTH | {"backing": "wall", "gap_m": 1e-7})
    wall = surface({"kind": "hard"})
    cos = np.linspace(0.2, 1.0, 9)
    assert close.reflection(cos, 32e3, AIR) == pytest.approx(
        wall.reflection(cos, 32e3, AIR), abs=2e-3
    )


def test_fading_leaves_grazing_incidence_alone():
    cos = np.linspace(0.0, 1.0, 101)
    for strength in (0.0, 0.2, 1.0, 7.5):
        share = fading(strength, cos)
        assert share[0] == 1.0
        assert np.all(np.diff(share) <= 0.0)
        assert np.all(share >= 0.0)
    assert fading(0.3, 1.0) == pytest.approx(0.7, abs=0.01)


def test_bisected():
    assert bisected(lambda x: x**3 - 2.0, 0.0, 2.0) == pytest.approx(2.0 ** (1.0 / 3.0), abs=1e-12)

"""Boundaries: limits that hold whatever the parameters."""

import numpy as np
import pytest

from usim.physics import impedance
from usim.physics.air import Air

AIR = Air()
FOAM = {
    "flow_resistivity": 8000.0,
    "porosity": 0.97,
    "tortuosity": 1.1,
    "viscous_length_m": 100e-6,
    "thermal_length_m": 200e-6,
}


def test_diffuse_mean_of_powers():
    """The integral of c^n 2 c dc is 2/(n + 2)."""
    for power in range(8):
        mean = impedance.diffuse_mean(impedance.DIFFUSE_COSINES**power)
        assert mean == pytest.approx(2.0 / (power + 2.0), rel=1e-13)


def test_diffuse_mean_resolves_hard_walls():
    """64 nodes against 200,000 even ones for the sharpest thing there is: a rigid wall."""

    def absorbed(cos):
        admittance = impedance.boundary_layer_admittance(cos, 32e3, AIR)
        return 1.0 - np.abs(impedance.admittance_reflection(cos, admittance)) ** 2

    cos = (np.arange(200_000) + 0.5) / 200_000
    even = np.mean(2.0 * cos * absorbed(cos))
    assert impedance.diffuse_mean(absorbed(impedance.DIFFUSE_COSINES)) == pytest.approx(
        even, abs=1e-6
    )


def test_thermoviscous_rule_of_thumb():
    """1.72e-4 sqrt(f), Kuttruff's lower limit 1.8e-4 sqrt(f) within 5 %."""
    cos = impedance.DIFFUSE_COSINES
    for f_hz in (8e3, 20e3, 32e3, 45e3):
        admittance = impedance.boundary_layer_admittance(cos, f_hz, AIR)
        reflection = impedance.admittance_reflection(cos, admittance)
        absorbed = impedance.diffuse_mean(1.0 - np.abs(reflection) ** 2)
        assert absorbed == pytest.approx(1.8e-4 * np.sqrt(f_hz), rel=0.06)


def test_porous_medium_between_its_limits():
    """Low frequencies: flow resistance and isothermal air; high ones: tortuosity and adiabatic."""
    low = impedance.porous_medium(0.5, AIR, **FOAM)
    w = 2.0 * np.pi * 0.5
    assert (1j * w * low[0]).real == pytest.approx(8000.0, rel=1e-3)
    assert low[1].real == pytest.approx(101325.0 / 0.97, rel=1e-3)
    high = impedance.porous_medium(1e9, AIR, **FOAM)
    assert high[0].real == pytest.approx(1.1 * AIR.density_kg_m3 / 0.97, rel=0.01)
    assert high[1].real == pytest.approx(AIR.heat_ratio * 101325.0 / 0.97, rel=0.01)


def test_thin_layer_is_a_spring_and_thick_layer_forgets_its_backing():
    density, modulus = impedance.porous_medium(35e3, AIR, **FOAM)
    thin = impedance.layer_impedance(1.0, 35e3, 1e-6, density, modulus, AIR)
    assert thin == pytest.approx(modulus / (2j * np.pi * 35e3 * 1e-6), rel=1e-3)
    thick = impedance.layer_impedance(1.0, 35e3, 5.0, density, modulus, AIR)
    assert thick == pytest.approx(np.sqrt(density * modulus), rel=1e-9)


def test_layer_of_air_is_air():
    """A "porous" medium that is all air, before a wall: |R| = 1 and the phase of the way there
    and back, at any angle."""
    cos, depth = np.array([0.3, 0.7, 1.0]), 0.01
    c, rho = AIR.sound_speed_m_s, AIR.density_kg_m3
    surface = impedance.layer_impedance(cos, 34e3, depth, rho + 0j, rho * c**2 + 0j, AIR)
    reflection = impedance.impedance_reflection(cos, surface / AIR.impedance_pa_s_m)
    expected = np.exp(-2j * 2.0 * np.pi * 34e3 / c * cos * depth)
    assert reflection == pytest.approx(expected, abs=1e-9)


def test_screen_limits():
    base = {"thickness_m": 1e-4, "porosity": 0.5, "tortuosity": 1.0}
    open_ = impedance.screen_impedance(
        32e3, AIR, flow_resistance=0.0, mass_kg_m2=1.0, **base | {"thickness_m": 1e-9}
    )
    assert np.abs(open_) / AIR.impedance_pa_s_m < 1e-5
    tight = impedance.screen_impedance(32e3, AIR, flow_resistance=1e12, mass_kg_m2=0.2, **base)
    assert tight == pytest.approx(2j * np.pi * 32e3 * 0.2, rel=1e-4)
    reflection, transmission = impedance.screen_response(1.0, tight / AIR.impedance_pa_s_m)
    assert abs(reflection) ** 2 + abs(transmission) ** 2 == pytest.approx(1.0, abs=1e-4)
    loss = impedance.limp_mass_loss_db(32e3, 0.2, AIR)
    assert -20.0 * np.log10(abs(transmission)) == pytest.approx(loss, abs=1e-3)


def test_roughness_is_worst_at_normal_incidence():
    exponent = impedance.roughness_exponent(np.array([0.0, 0.5, 1.0]), 32e3, 0.5e-3, AIR)
    assert exponent == pytest.approx(
        [0.0, exponent[2] / 4.0, (2 * 584.504 * 0.5e-3) ** 2], rel=1e-4
    )

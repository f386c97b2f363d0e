"""Air: what it refuses, and that its parts agree with each other."""

import pickle

import numpy as np
import pytest

from usim.physics import air
from usim.physics.air import Air


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"temperature_c": 36.0}, "temperature_c is 36; .* 0 to 35"),
        ({"temperature_c": -1.0}, "temperature_c is -1"),
        ({"temperature_c": float("nan")}, "temperature_c is nan"),
        ({"pressure_kpa": 70.0}, "pressure_kpa is 70; .* 75 to 102"),
        ({"humidity_percent": 101.0}, "humidity_percent is 101"),
        ({"humidity_percent": 0.0}, "humidity_percent 0 at 20 C is 0 % water"),
    ],
)
def test_refuses_what_its_sources_do_not_cover(state, words):
    with pytest.raises(ValueError, match=words):
        Air(**state)


def test_dry_air_is_air_where_nothing_is_absorbed():
    dry = Air(humidity_percent=0.0, lossless=True)
    assert dry.sound_speed_m_s == pytest.approx(343.36, abs=0.005)
    assert np.all(dry.absorption_np_m(np.array([1e3, 40e3])) == 0.0)


@pytest.mark.parametrize("f_hz", [-1.0, 2e6, float("nan")])
def test_refuses_frequencies_out_of_range(f_hz):
    with pytest.raises(ValueError, match="frequencies from"):
        Air().absorption_db_m(f_hz)


def test_absorption_keeps_the_shape():
    found = Air().absorption_db_m(np.full((2, 3), 40e3))
    assert found.shape == (2, 3)
    assert Air(lossless=True).absorption_db_m(np.zeros((4, 1))).shape == (4, 1)
    assert float(Air().absorption_db_m(0.0)) == 0.0


def test_neper_and_decibel():
    here = Air()
    ratio = here.absorption_db_m(40e3) / here.absorption_np_m(40e3)
    assert ratio == pytest.approx(20.0 * np.log10(np.e), rel=1e-12)


def test_humid_summer_absorbs_less_than_half_humid():
    """The maximum over humidity at 40 kHz and 20 C is 1.326 dB/m near 55 %."""
    humidity = np.arange(10.0, 91.0, 1.0)
    curve = [float(Air(20.0, h).absorption_db_m(40e3)) for h in humidity]
    assert humidity[int(np.argmax(curve))] == pytest.approx(55.0, abs=1.0)
    assert max(curve) == pytest.approx(1.326, abs=1e-3)


def test_accuracy_class():
    assert air.absorption_accuracy_percent(20.0, 50.0, 101.325) == 10.0
    assert air.absorption_accuracy_percent(0.0, 5.0, 101.325) == 20.0


def test_constants_of_the_gas():
    """Against tables: kinematic viscosity 15.1e-6, Prandtl 0.71, heat ratio 1.40 at 20 C."""
    here = Air()
    assert here.viscosity_pa_s / here.density_kg_m3 == pytest.approx(15.1e-6, rel=0.01)
    assert here.thermal_conductivity_w_m_k == pytest.approx(0.0257, rel=0.01)
    assert here.prandtl == pytest.approx(0.71, abs=0.005)
    assert here.heat_ratio == pytest.approx(1.40, abs=0.002)
    assert here.impedance_pa_s_m == pytest.approx(412.4, abs=0.5)


def test_is_a_value():
    warm = Air(21.0)
    assert warm == Air(21.0)
    assert hash(warm) == hash(Air(21.0))
    speed = warm.sound_speed_m_s
    assert pickle.loads(pickle.dumps(warm)).sound_speed_m_s == speed


# Heat capacity cp/R = sum of a_n T^n, 200-1000 K (McBride, Gordon and Reno, NASA TM-4513, 1993).
GASES = {
    "N2": (0.78084, 28.0134, (3.53100528, -1.23660988e-4, -5.02999433e-7, 2.43530612e-9, -1.40881235e-12)),
    "O2": (0.20947, 31.9988, (3.78245636, -2.99673416e-3, 9.84730201e-6, -9.68129509e-9, 3.24372837e-12)),
    "Ar": (0.00929, 39.948, (2.5,)),
    "CO2": (0.00040, 44.0095, (2.35677352, 8.98459677e-3, -7.12356269e-6, 2.45919022e-9, -1.43699548e-13)),
}  # fmt: skip
VAPOUR = (
    18.01528,
    (4.19864056, -2.03643410e-3, 6.52040211e-6, -5.48797062e-9, 1.77197817e-12),
)


def ideal_speed(temperature_c, water):
    """Speed of sound of the ideal mixture in m/s; water: mole fraction of vapour."""
    kelvin = temperature_c + 273.15
    parts = [(share * (1 - water), m, a) for share, m, a in GASES.values()] + [(water, *VAPOUR)]
    heat = sum(x * np.polyval(a[::-1], kelvin) for x, _, a in parts)
    molar = sum(x * m for x, m, _ in parts) * 1e-3
    return np.sqrt(heat / (heat - 1.0) * 8.314462618 * kelvin / molar)


@pytest.mark.parametrize("humidity_percent", [20.0, 50.0, 80.0])
def test_sound_speed_above_30_degrees(humidity_percent, figures):
    """Why: Cramer's polynomial ends at 30 C and rooms do not.
    Set-up: what it says beyond the ideal mixture of the air's gases (real-gas terms: 0.06-0.14 m/s at any temperature) at
    30-35 C, against what it says beyond it at 30 C with the same water.
    Expected: the difference changes by less than 0.015 m/s.
    """
    warm = np.linspace(30.0, 35.0, 11)
    water = air._vapour_fraction(30.0, humidity_percent, 101.325)
    drift = []
    for t in warm:
        same_water = humidity_percent * water / air._vapour_fraction(t, humidity_percent, 101.325)
        drift.append(air.sound_speed_m_s(t, same_water) - ideal_speed(t, water))
    worst = float(np.abs(np.array(drift) - drift[0]).max())
    name = f"sound speed 30-35 C, {humidity_percent:g} %, drift against the ideal mixture"
    figures(name, worst, "m/s", "<= 0.015", len(warm))
    assert 0.0 < drift[0] < 0.15
    assert worst <= 0.015

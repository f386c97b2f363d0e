"""Air: what it refuses, and that its parts agree with each other."""

import pickle

import numpy as np
import pytest

from usim.physics import air
from usim.physics.air import Air


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"temperature_c": 35.0}, "temperature_c is 35; .* 0 to 30"),
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

"""Air against published numbers: absorption, speed, and what follows from the two."""

import csv
from pathlib import Path

import numpy as np
import pytest

from usim.physics import air
from usim.physics.air import Air

TABLE = Path(__file__).parents[1] / "data" / "air_absorption.csv"


@pytest.mark.parametrize(
    ("case", "f_hz", "state", "expected", "tolerance"),
    [
        ("V01", 32000.0, (20.0, 50.0), 1.01627, 5e-4),
        ("V02", 40000.0, (20.0, 50.0), 1.31824, 5e-4),
        ("V03", 36000.0, (25.0, 60.0), 1.11408, 5e-4),
        ("V04", 7943.2823, (10.0, 70.0), 0.11688, 2e-4),
    ],
)
def test_absorption(figures, case, f_hz, state, expected, tolerance):
    """Why: at 32-45 kHz air takes 1 dB/m; every range in the project hangs on it.
    Set-up: V01-V04, ISO 9613-1 at one atmosphere; V04 is a printed value of ISO 9613-2.
    Expected: closed form within +-0.0005 dB/m (V04 +-0.0002).
    """
    found = float(Air(*state).absorption_db_m(f_hz))
    figures(f"{case} air absorption", found, "dB/m", f"{expected} +- {tolerance}")
    assert found == pytest.approx(expected, abs=tolerance)


def test_level_with_distance(figures):
    """Why: spreading and absorption together are the level law of every path.
    Set-up: V05, point source, 40 kHz, 20 C, 50 %, from 1 m to 5 m.
    Expected: -19.252 dB +- 0.02.
    """
    found = -20.0 * np.log10(5.0) + 20.0 * np.log10(
        np.exp(-float(Air().absorption_np_m(40e3)) * (5.0 - 1.0))
    )
    figures("V05 level from 1 m to 5 m", found, "dB", "-19.252 +- 0.02")
    assert found == pytest.approx(-19.252, abs=0.02)


@pytest.mark.parametrize(
    ("temperature_c", "humidity", "expected"),
    [(0.0, 0.0, 331.448), (20.0, 0.0, 343.360), (20.0, 50.0, 343.987), (25.0, 50.0, 347.127)],
)
def test_sound_speed(figures, temperature_c, humidity, expected):
    """Why: Doppler and every delay scale with the speed of sound.
    Set-up: V06, Cramer (1993), 400 ppm CO2, one atmosphere, dry and moist.
    Expected: within 0.005 m/s.
    """
    found = air.sound_speed_m_s(temperature_c, humidity)
    figures(
        f"V06 sound speed {temperature_c:g} C {humidity:g} %", found, "m/s", f"{expected}+-0.005"
    )
    assert found == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(("f_hz", "expected"), [(32e3, 0.1716), (40e3, 0.1323)])
def test_reverberation_limit(figures, f_hz, expected):
    """Why: no room rings longer than its air allows; the tail must respect that.
    Set-up: V07, 20 C, 50 %, 60 dB along the path at the speed of sound.
    Expected: 0.1716 s (32 kHz), 0.1323 s (40 kHz), within 1 %.
    """
    found = 60.0 / (Air().sound_speed_m_s * float(Air().absorption_db_m(f_hz)))
    figures(f"V07 T60 of air alone at {f_hz:g} Hz", found, "s", f"{expected} +- 1 %")
    assert found == pytest.approx(expected, rel=0.01)


def test_phase_drift(figures):
    """Why: heating turns static clutter slowly; a canceller must follow it.
    Set-up: V08, 5 m path, 32 kHz, 20 C 50 % warmed by 1 K at the same relative humidity.
    Expected: 0.844 cycles +- 0.005.
    """
    slow, fast = Air(20.0, 50.0).sound_speed_m_s, Air(21.0, 50.0).sound_speed_m_s
    found = 32e3 * 5.0 * (1.0 / slow - 1.0 / fast)
    figures("V08 phase drift of 5 m per kelvin", found, "cycles", "0.844 +- 0.005")
    assert found == pytest.approx(0.844, abs=0.005)


@pytest.mark.parametrize(("f_hz", "expected"), [(32e3, 0.005375), (40e3, 0.0043)])
def test_velocity_of_one_hertz(figures, f_hz, expected):
    """Why: the scale between a spectrum and a speed.
    Set-up: V15, c/(2f) at 20 C, 50 %.
    Expected: 5.375 mm/s (32 kHz), 4.300 mm/s (40 kHz), within 1e-6 m/s.
    """
    found = Air().sound_speed_m_s / (2.0 * f_hz)
    figures(f"V15 velocity of 1 Hz at {f_hz:g} Hz", found, "m/s", f"{expected} +- 1e-6")
    assert found == pytest.approx(expected, abs=1e-6)


def test_table(figures):
    """Why: five single values can agree by chance; 140 rows of every quantity cannot.
    Set-up: all rows of air_absorption.csv, 0-30 C, 10-90 %, 10-45 kHz.
    Expected: the printed digits (half a unit of the last place; density 5e-5 kg/m3, its table
    used a rounder gas constant).
    """
    columns = {
        "alpha_dB_per_m": ("dB/m", 6e-6),
        "alpha_Np_per_m_amplitude": ("Np/m", 6e-7),
        "molar_water_conc_pct": ("%", 6e-5),
        "f_relax_O2_Hz": ("Hz", 0.06),
        "f_relax_N2_Hz": ("Hz", 6e-3),
        "c0_cramer_zero_freq_m_s": ("m/s", 6e-5),
        "c_phase_with_dispersion_m_s": ("m/s", 6e-5),
        "density_kg_m3": ("kg/m3", 6e-5),
    }
    worst = dict.fromkeys(columns, 0.0)
    with TABLE.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        state = tuple(
            float(row[name]) for name in ("temperature_C", "relative_humidity_pct", "pressure_kPa")
        )
        f_hz, here = float(row["frequency_Hz"]), Air(*state)
        found = (
            here.absorption_db_m(f_hz),
            here.absorption_np_m(f_hz),
            air.water_percent(*state),
            *air.relaxation_frequencies_hz(*state),
            here.sound_speed_m_s,
            air.phase_speed_m_s(f_hz, *state),
            here.density_kg_m3,
        )
        for name, value in zip(columns, found, strict=True):
            worst[name] = max(worst[name], abs(float(value) - float(row[name])))
        assert float(row["iso9613_1_stated_accuracy_pct"]) == air.absorption_accuracy_percent(
            *state
        )
    assert len(rows) == 140
    for name, (unit, bar) in columns.items():
        figures(f"air table, largest error of {name}", worst[name], unit, f"<= {bar}", len(rows))
    assert all(worst[name] <= bar for name, (_, bar) in columns.items())

"""The gliding delay line against its five-line NumPy twin and against the exact sinusoid."""

import numpy as np
import pytest

from usim.engine.delay_line import (
    BEFORE,
    DEGREE,
    TAPS,
    branches,
    read_gliding,
    sinc_taps,
    tap_polynomials,
)

RATE = 96000.0
STEP, KNOTS = 320, 13


def twin(signal: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The signal at fractional samples, by the taps themselves, float64."""
    whole = np.floor(place).astype(int)
    picked = signal[whole[:, None] - BEFORE + np.arange(TAPS)]
    return np.sum(picked * sinc_taps(place - whole), axis=1)


def glide(signal: np.ndarray, place: np.ndarray, slope: np.ndarray, gain: np.ndarray) -> np.ndarray:
    rows = np.empty((len(signal) - TAPS, DEGREE + 1), np.float32)
    branches(signal.astype(np.float32), tap_polynomials(), rows)
    out = np.zeros(STEP * (len(place) - 1), np.float32)
    read_gliding(rows, place - BEFORE, slope, gain, STEP, out)
    return out


def path(speed: float, pull: float):
    """Places at knots and at samples for a delay that accelerates; a parabola, so the cubic is exact."""
    u = np.arange(KNOTS) * STEP
    n = np.arange((KNOTS - 1) * STEP)

    def where(x):
        return 100.37 + x * (1.0 - speed) + 0.5 * pull * x * x

    return where(u), 1.0 - speed + pull * u, where(n)


def test_the_kernel_is_its_twin():
    signal = np.random.default_rng(1).standard_normal(6000)
    place, slope, samples = path(0.004, 2e-6)
    out = glide(signal, place, slope, np.ones(KNOTS))
    assert np.max(np.abs(out - twin(signal, samples))) < 3e-4


def test_the_gain_is_linear_between_knots():
    signal = np.random.default_rng(2).standard_normal(6000)
    place, slope, samples = path(0.0, 0.0)
    gain = np.linspace(1.0, 3.0, KNOTS)
    out = glide(signal, place, slope, gain)
    ramp = np.interp(np.arange(len(out)) / STEP, np.arange(KNOTS), gain)
    assert np.max(np.abs(out - ramp * twin(signal, samples))) < 1e-3


@pytest.mark.parametrize(("f_hz", "bar_db"), [(20e3, -75.0), (32e3, -75.0), (38.4e3, -70.0)])
def test_a_tone_is_read_where_it_is(f_hz, bar_db):
    place, slope, samples = path(0.01, 3e-6)
    n = np.arange(6000)
    out = glide(np.cos(2 * np.pi * f_hz / RATE * n), place, slope, np.ones(KNOTS))
    wanted = np.cos(2 * np.pi * f_hz / RATE * samples)
    error_db = 10 * np.log10(np.mean((out - wanted) ** 2) / np.mean(wanted**2))
    assert error_db < bar_db


def test_polynomials_are_the_taps():
    x = np.linspace(0, 1, 101)
    powers = (2 * x - 1)[:, None] ** np.arange(DEGREE + 1)
    fitted = np.sum(powers[:, :, None] * tap_polynomials()[None], axis=1)
    assert np.max(np.abs(fitted - sinc_taps(x))) < 2e-5

"""The kernel that reads a wheel off, against NumPy."""

import numpy as np
import pytest

from usim.engine.retarded import BEFORE, TAPS, lagrange
from usim.engine.wheels import WIDTH, _lagrange, read_off


def test_read_off():
    """Values at places between angles and at speeds between nodes, each row at its own times; what is smooth comes out as it is."""
    count, powers, knots, samples = 64, 3, 40, 50
    angle = 2.0 * np.pi * np.arange(-BEFORE, count + TAPS - BEFORE) / count
    table = np.zeros((3, count + TAPS, WIDTH), np.float32)
    wave = [np.exp(1j * angle), 0.5 * np.exp(-2j * angle), 0.2 * np.exp(3j * angle)]
    for row in range(3):
        for power in range(powers):
            value = (row + 1) * wave[(row + power) % 3]
            table[row, :, 2 * power], table[row, :, 2 * power + 1] = value.real, value.imag
    t = np.arange(knots)
    places = 3.0 + 7.1 * t + 0.01 * t**2
    middle, half, per_sample = 7.5, 0.5, 0.3
    firsts = np.array([8.2, 5.0, 10.9])
    group, channel = np.array([0, 1, 1]), np.array([1, 0, 0])
    out = np.zeros((2, 2, samples), complex)
    read_off(table, places, firsts, per_sample, middle, half, group, channel, out)
    want = np.zeros_like(out)
    for row in range(3):
        at = firsts[row] + per_sample * np.arange(samples)
        there = 2.0 * np.pi * (3.0 + 7.1 * at + 0.01 * at**2) / count
        x = (7.1 + 0.02 * at - middle) / half
        waves = [np.exp(1j * there), 0.5 * np.exp(-2j * there), 0.2 * np.exp(3j * there)]
        for power in range(powers):
            want[group[row], channel[row]] += (row + 1) * waves[(row + power) % 3] * x**power
    assert out == pytest.approx(want, abs=2e-5)
    assert not out[0, 0].any()


@pytest.mark.parametrize("w", [0.0, 0.3, 0.999])
def test_weights(w):
    """As in float64."""
    got, want = np.zeros(TAPS, np.float32), np.zeros(TAPS)
    _lagrange(np.float32(w), got)
    lagrange(w, want)
    assert got == pytest.approx(want, abs=1e-6)

"""Kernels of moving air against the same in NumPy, in double precision."""

import numpy as np
import pytest

from usim.engine.array import blown
from usim.engine.slab import PATH
from usim.engine.stirred import BEFORE, TAPS, _of_six, _phasor, six
from usim.physics.eddies import eddies
from usim.physics.moving_air import _cosine_of_turns, along, straight, turned, waves_at

SLOW = np.array([0.3, 0.0, 0.1])


@pytest.fixture
def field():
    return eddies(np.random.default_rng(3), SLOW, 0.4, 0.2)


def ways(count):
    rng = np.random.default_rng(4)
    start, end = rng.uniform(0.0, 4.0, (2, count, 3))
    return start, end, rng.uniform(-0.02, 0.0, count), np.zeros(count)


def test_cosine_of_turns():
    x = np.linspace(-3.0, 3.0, 1001)
    found = [_cosine_of_turns(np.float32(one)) for one in x]
    assert np.abs(found - np.cos(2 * np.pi * x)).max() < 3e-6


def test_turned(field):
    amplitudes = straight(field, *ways(5))
    found = turned(amplitudes, field, -7, 150, 250.0)
    t_s = (np.arange(150) - 7) / 250.0
    wanted = (amplitudes @ np.exp(-1j * np.multiply.outer(field.turning_rad_s, t_s))).real
    assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()
    later = turned(amplitudes, field, 50, 40, 250.0)
    assert np.array_equal(found[:, 57:97], later)


def test_along(field):
    """Knots far from the start, where a phase in single precision would be worn out."""
    start, end, left, there = ways(12)
    t_s = np.array([0.3, 77.7, 3600.0])
    places = (np.repeat(one[:, None], 3, 1) for one in (start, end, left, there))
    found = along(waves_at(field, t_s), *places, left=0.0)
    turning = np.exp(-1j * np.multiply.outer(t_s, field.turning_rad_s))
    wanted = (straight(field, start, end, left, there)[:, None] * turning).real.sum(axis=2)
    assert np.abs(found - wanted).max() < 3e-4 * np.abs(wanted).max()
    places = (np.repeat(one[:, None], 3, 1) for one in (start, end, left, there))
    most = along(waves_at(field, t_s), *places, left=0.01)
    assert 0.0 < np.linalg.norm(most - wanted) < 0.1 * np.linalg.norm(wanted)


def test_of_six():
    samples, start, count = 16, 5, 200
    knots = np.random.default_rng(5).normal(size=count // samples + TAPS + 2)
    found = np.empty(count)
    _of_six(knots, six(samples), start, found)
    for n in range(count):
        place = BEFORE + (start + n) / samples
        low = int(place) - BEFORE
        line = np.polynomial.Polynomial.fit(np.arange(TAPS), knots[low : low + TAPS], TAPS - 1)
        assert found[n] == pytest.approx(line(place - low), abs=1e-10)


def test_phasor():
    longer = np.random.default_rng(6).normal(size=50)
    out = np.empty(50, complex)
    _phasor(longer, 93.0, out)
    assert np.abs(out - np.exp(-2j * np.pi * 93.0 * longer)).max() < 1e-12


def test_blown():
    rng = np.random.default_rng(7)
    air, paths = rng.normal(size=(4, 10)), rng.normal(size=PATH + 8)
    found = paths.copy()
    blown(air, 2, 3, found, 6)
    wanted = paths.copy()
    wanted[PATH : PATH + 6] += air[3, 3:9] * paths[PATH : PATH + 6] + air[2, 3:9]
    assert np.allclose(found, wanted, rtol=0, atol=1e-14)
    still = paths.copy()
    blown(np.zeros((1, 0)), 2, 3, still, 6)
    assert np.array_equal(still, paths)

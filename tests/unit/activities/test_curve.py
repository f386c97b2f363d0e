"""Curves: SciPy's splines are the other implementation."""

import numpy as np
from scipy.interpolate import CubicSpline

from usim.activities._curve import clamped, eased, periodic


def test_eased_is_minimum_jerk():
    u = np.linspace(-0.5, 1.5, 2001)
    value = eased(u)
    assert value[0] == 0.0
    assert value[-1] == 1.0
    assert np.all(np.diff(value) >= 0.0)
    assert np.isclose(np.gradient(value, u).max(), 1.875, rtol=1e-3)


def test_clamped_is_scipys():
    x = np.array([0.0, 0.2, 0.5, 0.6, 1.0])
    y = np.array([1.0, -0.5, 0.3, 0.4, 2.0])
    at = np.linspace(0.0, 1.0, 501)
    theirs = CubicSpline(x, y, bc_type=((1, 0.7), (1, -3.0)))(at)
    assert np.abs(clamped(x, y, (0.7, -3.0), at) - theirs).max() < 1e-12


def test_periodic_keeps_its_points_and_extremes():
    """Set-up: the knee's control points of Boulic, class b. Expected: through the points, never beyond them, the
    same a period later, continuous."""
    points = [(0.17, 3.0), (0.4, 3.0), (0.75, 70.0), (1.0, 3.0)]
    phase = np.linspace(-1.0, 2.0, 6001)
    value = periodic(phase, points)
    for at, wanted in points:
        assert np.isclose(periodic(np.array([at]), points)[0], wanted)
    assert value.min() >= 3.0 - 1e-9
    assert value.max() <= 70.0 + 1e-9
    assert np.abs(periodic(phase + 1.0, points) - value).max() < 1e-9
    assert np.abs(np.diff(value)).max() < 0.3
    slope = np.gradient(value, phase)
    assert np.abs(np.diff(slope)).max() < 20.0


def test_periodic_takes_points_that_change_with_time():
    phase = np.linspace(0.0, 1.0, 101)
    peak = np.linspace(1.0, 2.0, 101)
    value = periodic(phase, [(0.0, 0.0 * peak), (0.5, peak)])
    assert np.isclose(value[50], peak[50])

"""Curves: SciPy's splines are the other implementation."""

import numpy as np
from scipy.interpolate import BSpline

from usim.activities._curve import beaten, eased, flowing, flown, highest, periodic


def test_eased_is_minimum_jerk():
    u = np.linspace(-0.5, 1.5, 2001)
    value = eased(u)
    assert value[0] == 0.0
    assert value[-1] == 1.0
    assert np.all(np.diff(value) >= 0.0)
    assert np.isclose(np.gradient(value, u).max(), 1.875, rtol=1e-3)


def test_flown_is_scipys_spline_of_degree_five():
    inner = (0.1, -0.3, 0.7)
    control = np.array([0.0] * 5 + list(inner) + [1.0] * 5)
    knots = (np.arange(len(control) + 6) - 5.0) / 8.0
    u = np.linspace(0.0, 1.0, 501)
    assert np.abs(flown(u, inner, 1.0) - BSpline(knots, control, 5)(u)).max() < 1e-14
    assert np.all(flown(np.array([-1.0, 0.0]), inner, 1.0) == 0.0)
    assert np.abs(flown(np.array([1.0, 2.0]), inner, 1.0) - 1.0).max() < 1e-15


def test_beaten_leaves_mean_and_first_harmonic():
    """Set-up: a mean that rises, three harmonics of a beat of 50 steps. Expected: the first two go through."""
    beats = np.arange(1000) / 50.0
    kept = 2.0 + 0.1 * beats + 0.3 * np.cos(2.0 * np.pi * beats + 0.4)
    lost = 0.2 * np.cos(4.0 * np.pi * beats) + 0.1 * np.sin(6.0 * np.pi * beats)
    found = beaten(kept + lost, beats, 50)[200:-200]
    assert np.abs(found - kept[200:-200]).max() < 5e-3


def test_flowing_keeps_slow_motion_and_softens_a_corner():
    t = np.arange(-100, 101) / 20.0
    slow = t**3 - t
    assert np.abs(flowing(slow, 10) - slow)[20:-20].max() < 1e-11
    corner = np.diff(flowing(np.abs(t), 10), 2)
    assert corner.max() < 0.25 * np.diff(np.abs(t), 2).max()


def test_highest_is_the_largest_around():
    y = np.random.default_rng(1).random(50)
    wanted = [y[max(i - 3, 0) : i + 4].max() for i in range(50)]
    assert np.array_equal(highest(y, 3), wanted)


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

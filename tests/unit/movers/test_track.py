"""Tracks: constant velocity where linear, twice differentiable where smooth, standing outside."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.interpolate import CubicSpline

from usim.movers._track import TrackParameters, track

AT = (0.5, 1.0, 2.5, 3.0)
THROUGH = np.array([[0.0, 1.0, 0.0], [1.0, 0.5, 0.2], [2.0, 2.0, 0.1], [1.0, 1.0, 1.0]])


def test_linear_has_exactly_constant_velocity():
    made = track((0.0, 4.0), np.array([[3.0, 2.0, 1.2], [1.0, 2.0, 1.2]]), "linear", 0.0)
    t_s = np.linspace(0.0, 4.0, 1001)
    assert np.array_equal(made.at(t_s)[:, 0], 3.0 - 0.5 * t_s)
    assert np.all(made.at(t_s)[:, 1] == 2.0)


def test_smooth_is_the_clamped_cubic_spline():
    """Why: C2 is promised. Set-up: SciPy's clamped spline, another implementation. Expected: 1e-13."""
    made = track(AT, THROUGH, "smooth", 0.0)
    t_s = np.linspace(AT[0], AT[-1], 777)
    theirs = CubicSpline(AT, THROUGH, bc_type="clamped")(t_s)
    assert np.abs(made.at(t_s) - theirs).max() < 1e-13


@pytest.mark.parametrize("path", ["linear", "smooth"])
def test_it_passes_its_way_points_and_stands_outside(path):
    made = track(AT, THROUGH, path, 0.25)
    assert np.abs(made.at(np.array(AT) + 0.25) - THROUGH).max() < 1e-14
    assert np.array_equal(made.at(np.array([-9.0, 0.75]))[0], THROUGH[0])
    assert np.abs(made.at(np.array([3.25, 4.0, 1e6])) - THROUGH[-1]).max() < 1e-14


def test_one_way_point_stands():
    made = track((1.0,), THROUGH[:1], "smooth", 0.0)
    assert np.array_equal(made.at(np.array([-1.0, 1.0, 5.0])), np.repeat(THROUGH[:1], 3, axis=0))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"at_s": [0, 1], "through_m": [[1, 1, 1]]}, "same length, got 2 and 1"),
        ({"at_s": [0, 0], "through_m": [[1, 1, 1]] * 2}, "grow by at least 0.001 s"),
        ({"at_s": [1, 0], "through_m": [[1, 1, 1]] * 2}, "got 1 then 0"),
    ],
)
def test_times_are_checked(table, said):
    with pytest.raises(ValidationError, match=said):
        TrackParameters.model_validate(table)

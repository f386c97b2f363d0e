"""Ways: through their points, smooth, no faster than asked, and steps that fit."""

import itertools

import numpy as np
import pytest

from usim.activities import walk
from usim.activities._film import STEP_S
from usim.activities._route import TURN_RAD_S, way
from usim.activities._steps import steps
from usim.activities.base import Stance, average
from usim.template.streams import stream

BODY = average(1.7)


def _speeds(made):
    velocity = np.gradient(made.place_m, STEP_S, axis=0)
    return np.hypot(*velocity.T), np.gradient(made.facing_rad, STEP_S)


@pytest.mark.parametrize("turn_deg", [0, 30, 60, 90, 110, 130, 170, 180, -45, -180])
def test_turns_of_any_size(turn_deg):
    turn = np.radians(turn_deg)
    end = [2.0 + 2.0 * np.cos(turn), 2.0 * np.sin(turn)]
    made = way(np.array([[0.0, 0.0], [2.0, 0.0], end]), 0.0, 1.0, 0.26)
    speed, turning = _speeds(made)
    assert np.abs(made.place_m[0]).max() == 0.0
    assert np.abs(made.place_m[-1] - end).max() < 1e-9
    assert speed.max() < 1.01
    assert np.abs(turning).max() < max(1.05 * TURN_RAD_S, 1.0 / 0.15)
    assert np.abs(np.diff(speed)).max() / STEP_S < 2.0
    assert np.isclose(np.cos(made.facing_rad[-1] - turn), 1.0)
    away = made.place_m - [2.0, 0.0]
    assert np.hypot(*away.T).min() < 0.28


def test_a_small_turn_and_a_full_one_go_the_short_way():
    made = way(np.array([[0.0, 0.0], [2.0, 0.0]]), np.radians(170.0), 1.0, 0.26)
    assert np.isclose(made.facing_rad[-1], 0.0, atol=1e-9)
    made = way(np.array([[0.0, 0.0], [-2.0, 0.1]]), np.radians(-170.0), 1.0, 0.26)
    assert made.facing_rad.max() < np.radians(-169.0)


def test_courses_that_pass_half_a_turn_do_not_jump():
    """A left turn from 150 to 240 degrees: the angle of the last side is -120 as arctan2 has it."""
    points = np.array([[0.0, 0.0], [-1.73, 1.0], [-2.73, -0.73]])
    made = way(points, np.radians(150.0), 1.0, 0.26)
    assert np.abs(np.diff(made.facing_rad)).max() < 0.1


@pytest.mark.parametrize(
    ("points", "said"),
    [([[1.0, 1.0]], "more than 0.05 m apart"), ([[0.0, 0.0], [999.0, 999.0]], "at most 1000 m")],
)
def test_no_way(points, said):
    with pytest.raises(ValueError, match=said):
        way(np.array(points), 0.0, 1.0, 0.26)


def test_cruising_speed_is_what_was_asked():
    made = way(np.array([[0.0, 0.0], [8.0, 0.0]]), 0.0, 1.3, 0.26)
    assert np.isclose(np.median(made.speed_m_s[len(made.speed_m_s) // 3 : -300]), 1.3, rtol=1e-3)


@pytest.mark.parametrize("speed_m_s", [0.5, 1.0, 1.6])
def test_steps_end_with_both_feet_side_by_side(speed_m_s):
    made = way(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 2.0]]), 0.0, speed_m_s, 0.26)
    laid = steps(made, BODY, 0.025, stream(4, "steps"))
    left, right = (feet[-1] for feet in laid.stands)
    middle = 0.5 * (left.heel_m + right.heel_m)
    apart = left.heel_m - right.heel_m
    assert abs(middle[0] - 3.0) < 0.02
    assert abs(middle[1] - (2.0 - BODY.heel_to_ankle_m)) < 0.02
    assert abs(apart[1]) < 0.02
    assert apart[0] < -0.1
    for feet in laid.stands:
        for one, after in itertools.pairwise(feet):
            assert one.lift_s < after.strike_s
            assert one.strike_s < one.lift_s
    # Feet take turns, and one is always down.
    assert np.all(np.diff(laid.strikes_s) > 0.3)
    assert np.all(laid.lifts_s > laid.strikes_s[:-1])
    assert np.all(laid.lifts_s < laid.strikes_s[1:])


def test_which_foot_goes_first_is_drawn():
    made = way(np.array([[0.0, 0.0], [3.0, 0.0]]), 0.0, 1.0, 0.26)
    first = {int(steps(made, BODY, 0.0, stream(seed, "steps")).sides[1]) for seed in range(12)}
    assert first == {0, 1}


def test_a_walk_begins_where_the_body_is():
    """Set-up: a body at (1, 1) is told to walk through (3, 1). Expected: it walks from where it is."""
    table = {"kind": "walk", "through_m": [[3.0, 1.0]]}
    parameters = walk.Parameters.model_validate(table)
    made = walk.build(parameters, BODY, Stance((1.0, 1.0), 0.0), lambda word: stream(1, word))
    assert np.allclose(made.end.position_m, [3.0, 1.0])
    assert np.abs(made.joints_m(np.zeros(1))[0, :2, 0].mean() - 1.0) < 0.05


def test_points_of_three_numbers_lose_their_height():
    table = {"kind": "walk", "through_m": [[0.0, 0.0, 0.0], [3.0, 1.0, 0.4]]}
    assert walk.Parameters.model_validate(table).through_m == ((0.0, 0.0), (3.0, 1.0))

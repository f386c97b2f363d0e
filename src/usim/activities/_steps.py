"""When and where feet are put down along a way."""

from dataclasses import dataclass

import numpy as np

from usim.activities import _gait
from usim.activities._curve import hermite
from usim.activities._film import STEP_S
from usim.activities._foot import FULL_STRIDE, HEEL_ROLL, Stand
from usim.activities._route import Way
from usim.activities.base import Body

SLOWEST, SLOWEST_RV = 0.8, 0.6
"""Steps come no slower than at this share of the full speed, nor at this relative speed, however
slowly a body starts or turns.
"""
AHEAD = 0.54
"""A foot is set down where the hips will be this share of a step later."""
SETTLED_S = 0.1
FIRST_S = 0.25
"""From the first movement of the hips to the (virtual) strike before the first step."""
WALKING_HALF, STANDING_HALF = 0.032, 0.049
"""Half the distance of the feet over stature, walking and standing."""
FURTHEST = 0.58
"""A foot lifts before it is this share of the hip height behind the hips."""
LEAST = 0.85
"""Steps are no quicker than this share of what their speed asks for."""
SOFT = 0.035
"""Share of a cycle by which a foot lets go before the model's does and comes to rest after its strikes,
so softly that it hardly moves meanwhile.
"""
TOES = 0.05
"""Share of a cycle for which only the toes still touch."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Feet on a way."""

    stands: tuple[list[Stand], list[Stand]]
    """Of the left and the right foot."""
    strikes_s: np.ndarray
    """(step + 1,): of every step, before them a virtual one that begins the first."""
    sides: np.ndarray
    """(step + 1,): 0 left, 1 right."""
    lifts_s: np.ndarray
    """(step,)"""
    hurry: float
    """Above 1 where it would have to step faster or wider than a body does."""

    def phase(self, t_s: np.ndarray, side: int) -> np.ndarray:
        """The phase of the cycle of one leg, 0 at its strikes, at times (time,)."""
        first = 0.5 if self.sides[0] != side else 0.0
        at = first + 0.5 * np.arange(len(self.strikes_s))
        gap = np.diff(self.strikes_s)
        slope = np.full(len(at), 0.5 / gap[0])
        slope[-1] = 0.5 / gap[-1]
        slope[1:-1] = 1.0 / (gap[1:] + gap[:-1])
        inside = np.clip(t_s, self.strikes_s[0], self.strikes_s[-1])
        value = hermite(self.strikes_s, at, slope, inside)
        value = value + np.minimum(t_s - self.strikes_s[0], 0.0) * slope[0]
        return value + np.maximum(t_s - self.strikes_s[-1], 0.0) * slope[-1]


def standing_feet(
    place_m: np.ndarray, facing_rad: np.ndarray, body: Body
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Heel (time, 2) and yaw (time,) of the left and the right foot of one who stands, the ankles
    beside places (time, 2).
    """
    return [_print(place_m, facing_rad, body, side, STANDING_HALF, 0.0) for side in (0, 1)]


def _print(place, facing, body: Body, side: int, half: float, rv: float) -> tuple:
    outward = 1.0 if side == 0 else -1.0
    yaw = facing + outward * np.deg2rad(_gait.toe_out_deg(rv))
    across = np.stack([-np.sin(facing), np.cos(facing)], axis=-1)
    along = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    ankle = place + outward * half * body.height_m * across
    return ankle - body.heel_to_ankle_m * along, yaw


def steps(way: Way, body: Body, variability: float, generator: "np.random.Generator") -> Steps:
    """The steps of a body carried along a way; the durations of cycles scatter by `variability`.

    Which foot goes first and how steps scatter is drawn.
    """
    rv = way.speed_m_s / body.hip_height_m
    sides_start = int(generator.integers(2))
    least = max(SLOWEST * float(rv.max()), SLOWEST_RV)
    rate = 2.0 / _gait.cycle_s((np.maximum(rv, 0.0) ** 8 + least**8) ** 0.125)
    t_s = STEP_S * np.arange(len(rv))
    counted = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) * STEP_S / 2.0)])
    start, end = way.moving[0] * STEP_S + FIRST_S, way.moving[1] * STEP_S
    # The last but one strike comes when the hips have AHEAD of a step left.
    last = end - SETTLED_S - AHEAD / float(rate[-1])
    whole = float(np.interp(last, t_s, counted) - np.interp(start, t_s, counted))
    count = max(round(whole), 1)
    durations = np.full(count, max(whole / count, LEAST))
    scatter = np.sqrt(2.0) * variability * np.clip(generator.standard_normal(count), -3.0, 3.0)
    at = np.concatenate([[0.0], np.cumsum(durations * (1.0 + scatter))])
    at *= count * durations[0] / at[-1]
    strikes = np.interp(np.interp(start, t_s, counted) + at, counted, t_s)
    beyond = np.interp(start, t_s, counted) + at - counted[-1]
    strikes += np.maximum(beyond, 0.0) / rate[-1]
    strikes = np.append(strikes, strikes[-1] + 1.0 / float(rate[-1]))
    return _laid(way, body, strikes, sides_start, LEAST / max(whole / count, 1e-3))


def _laid(way: Way, body: Body, strikes: np.ndarray, first: int, hurry: float) -> Steps:
    """The steps at given strikes: where feet are, when they lift, how far they roll."""
    t_s = STEP_S * np.arange(len(way.place_m))
    gap = np.diff(strikes)
    cycle = 2.0 * gap
    # The model's foot leaves with the tip of its toes; the ball is up a little before.
    double = np.clip((0.252 - TOES) * cycle - 0.143, 0.075, 0.3 * gap)
    lifts = strikes[:-1] + double
    sides = (first + np.arange(-1, len(gap))) % 2
    count = len(gap)

    def at(time: float, values: np.ndarray) -> float:
        return float(np.interp(time, t_s, values))

    stands: tuple[list[Stand], list[Stand]] = ([], [])
    for side in (0, 1):
        feet = standing_feet(way.place_m[:1], way.facing_rad[:1], body)[side]
        stands[side].append(Stand(feet[0][0], float(feet[1][0]), -np.inf, np.inf, 0.0, 1.0))
    for k in range(count):
        side, strike = int(sides[k + 1]), float(strikes[k + 1])
        over = strike + AHEAD * float(gap[min(k + 1, count - 1)])
        resting = k >= count - 2
        over = t_s[-1] if resting else over
        place = np.array([at(over, way.place_m[:, 0]), at(over, way.place_m[:, 1])])
        rv = at(over, way.speed_m_s) / body.hip_height_m
        half = STANDING_HALF if resting else WALKING_HALF
        facing = at(over, way.facing_rad)
        heel, yaw = _print(place, facing, body, side, half, 0.0 if resting else rv)
        before = stands[side][-1]
        stride = float(np.hypot(*(heel - before.heel_m))) / body.hip_height_m
        strength = min((stride / FULL_STRIDE) ** 0.7, 1.2)
        lift = float(lifts[k] - SOFT * cycle[k])
        stands[side][-1] = Stand(
            before.heel_m, before.yaw_rad, before.strike_s, lift, before.strength, before.cycle_s
        )
        stands[side].append(
            Stand(
                heel,
                float(yaw),
                strike + SOFT * float(cycle[k]),
                np.inf,
                strength,
                float(cycle[k]),
            )
        )
    return Steps(stands, strikes, sides, lifts, max(hurry, _behind(stands, way, body) / FURTHEST))


def _behind(stands: tuple[list[Stand], ...], way: Way, body: Body) -> float:
    """How far behind the hips a foot is when it lifts, at most, over hip height."""
    most = 0.0
    t_s = STEP_S * np.arange(len(way.place_m))
    for stand in (one for feet in stands for one in feet[:-1]):
        ankle = stand.heel_m + body.heel_to_ankle_m * np.array(
            [np.cos(stand.yaw_rad), np.sin(stand.yaw_rad)]
        )
        hips = [np.interp(stand.lift_s, t_s, axis) for axis in way.place_m.T]
        most = max(most, float(np.hypot(*(hips - ankle))))
    return most / body.hip_height_m


def rest_s(made: Steps) -> float:
    """When both feet are flat and stay, in s."""
    gap = float(np.diff(made.strikes_s)[-1])
    return float(made.strikes_s[-1]) + 2.0 * (SOFT + HEEL_ROLL) * gap

"""One foot over time: stances in which the contact holds still, and swings between them.

A stance begins on the heel, toes up; the foot rolls about the heel until it is flat, stays, and
rolls about the ball until it lifts. A swing carries the ball from where it lay to where it will be
once the heel stands: it lets go of the one and takes hold of the other without a jolt, four times
differentiable. The shapes of roll and swing are fitted to the laboratory walk of the OpenSim model
Gait2354 (subject 1, 1.2 m/s, markers of heel and toes, 8 Hz low-pass; CC BY 3.0) by splines, as
well as those can whose fourth derivative stays below 2.5e4 m/s^4 along the way, half of that in height
and with the roll of a lever of 0.2 m: what the laboratory's 8 Hz leave of a landing. Their size goes
with the length of the step; the least clearance under the toes is that of Winter (1992), 1.3 cm.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from usim.activities._curve import flown
from usim.activities.base import Body

FULL_STRIDE = 1.56
"""Length of a cycle over hip height at which the roll is as below."""
HEEL_ROLL, BALL_ROLL = 0.13, 0.22
"""Shares of a cycle."""
PITCH_DEG = (
    -2.9, -6.0, -13.2, -22.1, -37.3, -54.7, -65.1, -67.4, -61.7, -50.6, -39.9, -27.6, -12.8,
    4.5, 18.0, 28.9, 30.0, 20.3, 7.2,
)  # fmt: skip
"""Toes up, from the flat foot before the ball's roll to the flat foot after the heel's."""
WAY = (0.0282, 0.0906, 0.1652, 0.2561, 0.3526, 0.4537, 0.5664, 0.677, 0.7888, 0.8979, 0.9718)
"""From where the foot stood to where it will, over a swing."""
RISE_OVER_HIP = (0.0323, 0.0901, 0.128, 0.124, 0.0955, 0.0711, 0.0405, 0.0236, 0.0155)
"""Height in a swing over hip height, beside what the pitch makes of it."""
STEPPED_OVER_HIP = 0.045
"""Height of a foot that is put down again where it stood, over hip height."""


@dataclass(frozen=True)
class Stand:
    """One stance of a foot."""

    heel_m: np.ndarray
    """(2,)"""
    yaw_rad: float
    strike_s: float
    """When the heel strikes; -inf for the first."""
    lift_s: float
    """When the ball lifts; inf for the last."""
    strength: float
    """How far the foot rolls when it arrives, 1 in a full stride."""
    cycle_s: float


@dataclass(frozen=True, eq=False)
class Foot:
    """A foot at many times."""

    ankle_m: np.ndarray
    """(time, 3)"""
    heel_m: np.ndarray
    ball_m: np.ndarray
    yaw_rad: np.ndarray
    """(time,)"""


def foot(t_s: np.ndarray, stands: list[Stand], body: Body) -> Foot:
    """The foot of this body at times (time,) through its stances."""
    count = len(t_s)
    pitch, yaw, ball = np.zeros(count), np.zeros(count), np.zeros((count, 3))
    for stand, after in itertools.pairwise(stands):
        start_s, end_s = stand.lift_s - _ball_roll_s(stand, after), _flat_s(after)
        rolled = flown((t_s - start_s) / (end_s - start_s), PITCH_DEG, 0.0)
        pitch += after.strength * np.deg2rad(rolled)
    for index, stand in enumerate(stands):
        on = (t_s >= stand.strike_s) & (t_s < stand.lift_s)
        yaw[on] = stand.yaw_rad
        ball[on] = _ball(stand, np.maximum(pitch[on], 0.0), body)
        if index + 1 < len(stands):
            after = stands[index + 1]
            off = (t_s >= stand.lift_s) & (t_s < after.strike_s)
            u = (t_s[off] - stand.lift_s) / (after.strike_s - stand.lift_s)
            share, size = flown(u, WAY, 1.0), after.strength
            yaw[off] = stand.yaw_rad + share * (after.yaw_rad - stand.yaw_rad)
            start, end = _ball(stand, np.zeros(1), body), _ball(after, pitch[off], body)
            stepped = max(1.0 - size, 0.0) * STEPPED_OVER_HIP * (4.0 * u * (1.0 - u)) ** 4
            ball[off] = start + share[:, None] * (end - start)
            ball[off, 2] += body.hip_height_m * (size * flown(u, RISE_OVER_HIP, 0.0) + stepped)
    return _placed(pitch, yaw, ball, body)


def _ball(stand: Stand, pitch: np.ndarray, body: Body) -> np.ndarray:
    """The ball (time, 3) of a foot whose heel is where it stands."""
    level = body.heel_to_ball_m * np.cos(pitch)
    ahead = np.array([np.cos(stand.yaw_rad), np.sin(stand.yaw_rad)])
    place = stand.heel_m + level[:, None] * ahead
    return np.concatenate([place, body.heel_to_ball_m * np.sin(pitch)[:, None]], axis=1)


def _placed(pitch: np.ndarray, yaw: np.ndarray, ball: np.ndarray, body: Body) -> Foot:
    cos, sin, zero = np.cos(pitch), np.sin(pitch), np.zeros(len(pitch))
    along = np.stack([cos * np.cos(yaw), cos * np.sin(yaw), sin], axis=1)
    up = np.stack([-sin * np.cos(yaw), -sin * np.sin(yaw), cos + zero], axis=1)
    heel = ball - body.heel_to_ball_m * along
    ankle = heel + body.heel_to_ankle_m * along + body.ankle_height_m * up
    return Foot(ankle, heel, ball, yaw)


def flat(heel_m: np.ndarray, yaw_rad: np.ndarray, body: Body) -> Foot:
    """A foot flat on the floor with its heel at points (time, 2)."""
    ball = np.zeros((len(heel_m), 3))
    ahead = np.stack([np.cos(yaw_rad), np.sin(yaw_rad)], axis=1)
    ball[:, :2] = heel_m + body.heel_to_ball_m * ahead
    return _placed(np.zeros(len(heel_m)), yaw_rad, ball, body)


def _flat_s(stand: Stand) -> float:
    """When a foot that has arrived lies flat."""
    return stand.strike_s + HEEL_ROLL * stand.cycle_s


def _ball_roll_s(stand: Stand, after: Stand) -> float:
    """How long a foot rolls about its ball before it lifts."""
    return min(BALL_ROLL * after.cycle_s, stand.lift_s - _flat_s(stand))

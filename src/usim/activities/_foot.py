"""One foot over time: stances in which the contact holds still, and swings between them.

A stance begins on the heel, toes up; the foot rolls about the heel until it is flat, stays, and
rolls about the ball until it lifts. A swing carries the ball from where it lay to where it lies when
the next heel strikes. The shapes of roll and swing are read off the laboratory walk of the OpenSim
model Gait2354 (subject 1, 1.2 m/s, markers of heel and toes, 8 Hz low-pass; CC BY 3.0), their size
goes with the length of the step; the least clearance under the toes is that of Winter (1992),
1.3 cm.
"""

from dataclasses import dataclass

import numpy as np

from usim.activities._curve import clamped, eased
from usim.activities.base import Body

STRIKE_RAD = np.deg2rad(25.0)
"""Toes up at heel strike, in a walk of FULL_STRIDE."""
LIFT_RAD = np.deg2rad(42.0)
"""Heel up when the ball leaves the floor."""
FULL_STRIDE = 1.56
"""Length of a cycle over hip height at which the roll is as above."""
HEEL_ROLL, BALL_ROLL = 0.14, 0.25
"""Shares of a cycle."""

SWING = np.array([0.0, 0.127, 0.257, 0.390, 0.523, 0.653, 0.786, 0.919, 1.0])
"""Shares of a swing at which pitch, way and height of the ball are as follows."""
PITCH = np.deg2rad([-42.0, -61.5, -64.5, -51.0, -32.8, -10.3, 14.1, 26.5, 25.0])
WAY = np.array([0.0, 0.033, 0.138, 0.294, 0.474, 0.668, 0.849, 0.969, 1.0])
BALL_OVER_HIP = np.array([0.0, 0.033, 0.076, 0.068, 0.034, 0.023, 0.058, 0.096, 0.0])
"""Height of the ball over hip height; at the end it is what the pitch makes it."""
CUSHION_S = 0.02
"""Soft tissue and shoe: the force on a landing foot rises and falls over twice this time."""
LATE = 0.3
"""Share of a swing after which it hurries for that."""
CUSHION_TAPS = 15
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
    length = body.heel_to_ball_m
    for index, stand in enumerate(stands):
        after = stands[index + 1] if index + 1 < len(stands) else None
        on = (t_s >= stand.strike_s) & (t_s < stand.lift_s)
        pitch[on] = _rolling(t_s[on], stand, after)
        yaw[on] = stand.yaw_rad
        ahead = _ahead(stand.yaw_rad)
        up = np.maximum(pitch[on], 0.0)[:, None]
        ball[on, :2] = stand.heel_m + length * np.cos(up) * ahead
        ball[on, 2:] = length * np.sin(up)
        if after is not None:
            off = (t_s >= stand.lift_s) & (t_s < after.strike_s)
            pitch[off], yaw[off], ball[off] = _swinging(t_s[off], stand, after, body)
    return _placed(pitch, yaw, ball, body)


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


def _ahead(yaw_rad: float) -> np.ndarray:
    return np.array([np.cos(yaw_rad), np.sin(yaw_rad)])


def _ball_roll_s(stand: Stand, after: Stand) -> float:
    """How long a foot rolls about its ball before it lifts."""
    flat_s = stand.strike_s + HEEL_ROLL * stand.cycle_s
    return min(BALL_ROLL * after.cycle_s, stand.lift_s - flat_s)


def _rolling(t_s: np.ndarray, stand: Stand, after: Stand | None) -> np.ndarray:
    """The pitch (time,) in a stance, toes up positive."""
    pitch = np.zeros(len(t_s))
    if np.isfinite(stand.strike_s):
        w = np.clip((t_s - stand.strike_s) / (HEEL_ROLL * stand.cycle_s), 0.0, 1.0)
        pitch += stand.strength * STRIKE_RAD * (1.0 - w) ** 2 * (1.0 + 2.0 * w)
    if after is not None:
        v = np.clip(1.0 - (stand.lift_s - t_s) / _ball_roll_s(stand, after), 0.0, 1.0)
        pitch -= after.strength * LIFT_RAD * v**3
    return pitch


def _swinging(
    t_s: np.ndarray, stand: Stand, after: Stand, body: Body
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pitch (time,), yaw (time,) and ball (time, 3) in the swing from one stance to the next."""
    duration = after.strike_s - stand.lift_s
    u = (t_s - stand.lift_s) / duration
    size = after.strength
    turning = -3.0 * size * LIFT_RAD * duration / _ball_roll_s(stand, after)
    soft = CUSHION_S / duration
    pitch = _cushioned(size * PITCH, turning, u, soft)
    yaw = stand.yaw_rad + (after.yaw_rad - stand.yaw_rad) * eased(u)
    length, angle = body.heel_to_ball_m, size * STRIKE_RAD
    start = stand.heel_m + length * _ahead(stand.yaw_rad)
    end = after.heel_m + length * np.cos(angle) * _ahead(after.yaw_rad)
    share = _cushioned(WAY, 0.0, u, soft)[:, None]
    height = size * body.hip_height_m * BALL_OVER_HIP
    height[-1] = length * np.sin(angle)
    up = _cushioned(height, 0.0, u, soft)
    stepped = 16.0 * u * u * (1.0 - u) ** 2
    up += max(1.0 - size, 0.0) * STEPPED_OVER_HIP * body.hip_height_m * stepped
    return pitch, yaw, np.concatenate([start + share * (end - start), up[:, None]], axis=1)


def _cushioned(y: np.ndarray, slope: float, u: np.ndarray, soft: float) -> np.ndarray:
    """The curve through y at SWING, of a slope at first and at rest in the end, at u (time,): it comes
    to rest without a jump of force.

    Under a raised cosine whose half width grows from 0 to `soft` in the end; it hurries as much, so
    that it is at rest when the last of the cosine is.
    """
    offsets = np.linspace(-1.0, 1.0, CUSHION_TAPS + 2)[1:-1]
    weights = 1.0 + np.cos(np.pi * offsets)
    late = soft * eased((u - LATE) / (1.0 - LATE))
    where = (u + late)[:, None] + late[:, None] * offsets
    inside = np.clip(where, 0.0, 1.0).ravel()
    found = clamped(SWING, y, (slope, 0.0), inside).reshape(where.shape)
    return (found * (weights / weights.sum())).sum(axis=1)

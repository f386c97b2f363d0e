"""How far the pieces of a person are bent against those they hang on.

Hips, knees, elbows and ankles bend forward and back: their bend is the flexion, an ankle's from the
right angle, and goes below zero the other way. Shoulders and trunk turn any way: the bend of an arm is
the angle from hanging along the trunk, that of thorax and abdomen all of their turn against the pelvis,
lean and twist; it never is below zero. Pelvis, head and hands: 0.
"""

import numpy as np

from usim.movers._anthropometry import NAMES

HINGES = (
    ("forearm", "upper_arm", 2, -1.0),
    ("thigh", "pelvis", 2, -1.0),
    ("shank", "thigh", 2, 1.0),
    ("foot", "shank", 0, 1.0),
)
"""What hangs on what, which axis of both is one while they are straight, and the sign with which it
leans to the front, or up, where they flex.
"""
SHOULDERS = ("upper_arm", "thorax")
TURNED = (("thorax", "pelvis"), ("abdomen", "pelvis"))
LITTLE_RAD = 0.02
"""What turns any way by less than this hardly bends: passing zero it is smooth."""


def bends(frames: np.ndarray) -> np.ndarray:
    """How far each piece is bent, (piece, time) in rad, of the frames (piece, xyz, axis, time)."""
    made = np.zeros((len(NAMES), frames.shape[3]))
    for part, on, axis, sign in HINGES:
        piece, held = frames[_sides(part)], frames[_sides(on)]
        along = piece[:, :, axis]
        flexed = sign * _dot(along, held[:, :, 2 - axis])
        made[_sides(part)] = np.arctan2(flexed, _dot(along, held[:, :, axis]))
    part, on = SHOULDERS
    apart = frames[_sides(part), :, 2] - frames[_sides(on), :, 2]
    made[_sides(part)] = _softly(0.25 * _dot(apart, apart))
    for part, on in TURNED:
        apart = frames[_sides(part)] - frames[_sides(on)]
        square = _dot(apart[:, :, 0], apart[:, :, 0])
        for axis in (1, 2):
            square += _dot(apart[:, :, axis], apart[:, :, axis])
        made[_sides(part)] = _softly(0.125 * square)
    return made


def _sides(part: str) -> slice:
    """Where a part, or its left and its right one, are among the pieces."""
    found = [index for index, name in enumerate(NAMES) if name.startswith(part)]
    return slice(found[0], found[-1] + 1)


def _dot(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The products (piece, time) of vectors (piece, xyz, time)."""
    return u[:, 0] * v[:, 0] + u[:, 1] * v[:, 1] + u[:, 2] * v[:, 2]


def _softly(square: np.ndarray) -> np.ndarray:
    """The angle whose half has this sine squared, less what is hardly any."""
    turn = 2.0 * np.arcsin(np.sqrt(np.minimum(square, 1.0)))
    return np.sqrt(turn * turn + LITTLE_RAD**2) - LITTLE_RAD

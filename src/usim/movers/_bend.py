"""How far the pieces of a person are bent against those they hang on.

Hips, knees, elbows and ankles bend forward and back: their bend is the flexion, an ankle's from the
right angle, and goes below zero the other way. Shoulders and trunk turn any way: the bend of an arm is
the angle from hanging along the trunk, that of thorax and abdomen all of their turn against the pelvis,
lean and twist; it never is below zero. Pelvis, head and hands: 0.
"""

import numpy as np

from usim.movers._anthropometry import NAMES


def _sides(part: str) -> slice:
    """Where a part, or its left and its right one, are among the pieces."""
    found = [index for index, name in enumerate(NAMES) if name.startswith(part)]
    return slice(found[0], found[-1] + 1)


HINGES = tuple(
    (_sides(part), _sides(on), axis, sign)
    for part, on, axis, sign in (
        ("forearm", "upper_arm", 2, -1.0),
        ("thigh", "pelvis", 2, -1.0),
        ("shank", "thigh", 2, 1.0),
        ("foot", "shank", 0, 1.0),
    )
)
"""What hangs on what, which axis of both is one while they are straight, and the sign with which it
leans to the front, or up, where they flex.
"""
ARMS, THORAX = _sides("upper_arm"), _sides("thorax")
TRUNK, PELVIS = slice(THORAX.start, _sides("abdomen").stop), _sides("pelvis")
LITTLE_RAD = 0.02
"""What turns any way by less than this hardly bends: passing zero it is smooth."""


def bends(frames: np.ndarray) -> np.ndarray:
    """How far each piece is bent, (piece, time) in rad, of the frames (axis, xyz, piece, time)."""
    made = np.zeros(frames.shape[2:])
    for piece, on, axis, sign in HINGES:
        along = frames[axis, :, piece]
        flexed = _dot(along, frames[2 - axis, :, on])
        flexed *= sign
        np.arctan2(flexed, _dot(along, frames[axis, :, on]), out=made[piece])
    apart = frames[2, :, ARMS] - frames[2, :, THORAX]
    made[ARMS] = _softly(0.25 * _dot(apart, apart))
    trace = _dot(frames[0, :, TRUNK], frames[0, :, PELVIS])
    for axis in (1, 2):
        trace += _dot(frames[axis, :, TRUNK], frames[axis, :, PELVIS])
    made[TRUNK] = _softly(np.maximum(0.75 - 0.25 * trace, 0.0))
    return made


def _dot(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The products (piece, time) of vectors (xyz, piece, time)."""
    product = u[0] * v[0]
    product += u[1] * v[1]
    product += u[2] * v[2]
    return product


def _softly(square: np.ndarray) -> np.ndarray:
    """The angle whose half has this sine squared, less what is hardly any."""
    turn = 2.0 * np.arcsin(np.sqrt(np.minimum(square, 1.0)))
    return np.sqrt(turn * turn + LITTLE_RAD**2) - LITTLE_RAD

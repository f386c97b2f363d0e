"""From joints to the poses of the sixteen pieces of a person.

Limbs lie along their bones, z up the bone and y to the left; the trunk's parts follow the lines of
hips and shoulders; the foot's x points to the toes. Time runs last in all that is computed here,
so that sums run over long rows.
"""

from dataclasses import dataclass

import numpy as np

from usim.activities.base import Body, J
from usim.movers._anthropometry import NAMES, SIDED
from usim.movers._bend import bends
from usim.movers.base import Poses

LIMBS = {
    "upper_arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
    "hand": ("wrist", "fingers"),
    "thigh": ("hip", "knee"),
    "shank": ("knee", "ankle"),
}
"""The joints at the upper and the lower end."""
SIDES = ("left", "right")
UPPER = [J[f"{LIMBS[part][0]}_{side}"] for part in SIDED[:-1] for side in SIDES]
LOWER = [J[f"{LIMBS[part][1]}_{side}"] for part in SIDED[:-1] for side in SIDES]
ARMS = 6
HEELS, BALLS = ([J[f"{end}_{side}"] for side in SIDES] for end in ("heel", "ball"))
THORAX, ABDOMEN, PELVIS = (NAMES.index(name) for name in ("thorax", "abdomen", "pelvis"))
THORAX_AT, ABDOMEN_AT, PELVIS_AT = 0.72, 0.62, 0.54
"""Heights of the middles over stature."""
TOES_EASE_M, BENT_EASE_M = 0.003, 0.03
"""Over what depth toes bend: of a flat foot, and what a foot that stands on its toes adds."""
TURNS = ((0, 1, 2), (1, 2, 0), (2, 0, 1))
"""Each axis and the two that follow it, for cross products."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A person's pieces on its joints."""

    body: Body
    semi_axes_m: np.ndarray
    """(piece, 3)"""

    def pose(
        self,
        joints_m: np.ndarray,
        chest_m: np.ndarray,
        abdomen_m: np.ndarray,
        sideways: float,
        into: Poses,
    ) -> None:
        """Writes the poses of the pieces on joints (3, joint, time), their fronts ahead by so much
        (time,), each side of the chest outward by the share `sideways` of it.
        """
        count = joints_m.shape[2]
        frames, middle = np.empty((len(NAMES), 3, 3, count)), np.empty((len(NAMES), 3, count))
        self._upright(joints_m, middle, frames)
        self._feet(joints_m, middle, frames)
        for piece, front in ((THORAX, chest_m), (ABDOMEN, abdomen_m)):
            middle[piece] += 0.5 * front * frames[piece, :, 0]
        into.position_m.reshape(count, -1)[:] = middle.reshape(-1, count).T
        into.rotation.reshape(count, -1)[:] = frames.reshape(-1, count).T
        if into.swell_m is not None:
            into.swell_m[:, THORAX, 0] = 0.5 * chest_m
            into.swell_m[:, THORAX, 1] = sideways * chest_m
            into.swell_m[:, ABDOMEN, 0] = 0.5 * abdomen_m
        if into.bend_rad is not None:
            into.bend_rad[:] = bends(frames).T

    def _upright(self, joints_m: np.ndarray, middle: np.ndarray, frames: np.ndarray) -> None:
        """Head, trunk and limbs: z along the bone, y to the left."""
        body, count = self.body, 4 + len(UPPER)
        x, y, z = (frames[:count, :, column] for column in range(3))
        hip = 0.5 * (joints_m[:, J["hip_left"]] + joints_m[:, J["hip_right"]])
        neck, waist, crown = (joints_m[:, J[name]] for name in ("neck", "waist", "crown"))
        bones = (crown - neck, neck - waist, neck - hip, waist - hip)
        for piece, (bone, start, (low, high, height)) in enumerate(
            zip(bones, (neck, waist, hip, hip), self._heights(), strict=True)
        ):
            z[piece] = bone
            middle[piece] = start + (height - low) / (high - low) * bone
        upper, lower = (joints_m[:, ends].swapaxes(0, 1) for ends in (UPPER, LOWER))
        z[4:] = upper - lower
        middle[4:count] = 0.5 * (upper + lower)
        shoulders = joints_m[:, J["shoulder_left"]] - joints_m[:, J["shoulder_right"]]
        across = joints_m[:, J["hip_left"]] - joints_m[:, J["hip_right"]]
        y[0] = _cross(bones[0], joints_m[:, J["face"]] - neck)
        y[1], y[3] = shoulders, across
        y[2] = shoulders / body.shoulder_half_m + across / body.hip_half_m
        y[4 : 4 + ARMS] = shoulders
        y[4 + ARMS :] = across
        _normalise(z)
        along = y[:, 0] * z[:, 0] + y[:, 1] * z[:, 1] + y[:, 2] * z[:, 2]
        y -= along[:, None] * z
        _normalise(y)
        for i, j, k in TURNS:
            np.multiply(y[:, j], z[:, k], out=x[:, i])
            x[:, i] -= y[:, k] * z[:, j]

    def _heights(self) -> tuple[tuple[float, float, float], ...]:
        """Of head, thorax, abdomen, pelvis: heights of the lower and upper joint and of the middle."""
        body, h = self.body, self.body.height_m
        return (
            (body.neck_height_m, h, body.head_height_m),
            (body.waist_height_m, body.neck_height_m, THORAX_AT * h),
            (body.hip_height_m, body.neck_height_m, ABDOMEN_AT * h),
            (body.hip_height_m, body.waist_height_m, PELVIS_AT * h),
        )

    def _feet(self, joints_m: np.ndarray, middle: np.ndarray, frames: np.ndarray) -> None:
        """The feet: x from heel to ball, y level; where toes would go through the floor they bend,
        that is, the piece is lifted.
        """
        first = len(NAMES) - 2
        x, y, z = (frames[first:, :, column] for column in range(3))
        heels = joints_m[:, HEELS].swapaxes(0, 1)
        x[:] = joints_m[:, BALLS].swapaxes(0, 1) - heels
        _normalise(x)
        flat = np.sqrt(x[:, 0] * x[:, 0] + x[:, 1] * x[:, 1])
        y[:, 0], y[:, 1], y[:, 2] = -x[:, 1] / flat, x[:, 0] / flat, 0.0
        z[:, 0], z[:, 1], z[:, 2] = -x[:, 2] * y[:, 1], x[:, 2] * y[:, 0], flat
        half, _, high = self.semi_axes_m[first]
        place = heels + 0.5 * self.body.foot_m * x + high * z
        reach = np.sqrt((half * x[:, 2]) ** 2 + (high * z[:, 2]) ** 2)
        through = reach - place[:, 2]
        ease = TOES_EASE_M + BENT_EASE_M * x[:, 2] * x[:, 2]
        place[:, 2] += 0.5 * (through + np.sqrt(through * through + ease * ease))
        middle[first:] = place


def _normalise(vector: np.ndarray) -> None:
    """Makes vectors (piece, 3, time) unit vectors in place."""
    x, y, z = vector[:, 0], vector[:, 1], vector[:, 2]
    vector *= (1.0 / np.sqrt(x * x + y * y + z * z))[:, None]


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The cross product of vectors (3, time)."""
    return np.stack([u[j] * v[k] - u[k] * v[j] for _, j, k in TURNS])

"""From joints to the poses of the sixteen pieces of a person.

Limbs lie along their bones, z up the bone and y to the left; the trunk's parts follow the lines of
hips and shoulders; the foot's x points to the toes. Sums run over whole planes of one coordinate:
a (time, piece) array each.
"""

from dataclasses import dataclass

import numpy as np

from usim.activities.base import Body, J
from usim.movers._anthropometry import NAMES, SIDED
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
TOES_EASE_M = 0.003
SIDEWAYS_PLANES = 3


@dataclass(frozen=True, eq=False)
class Figure:
    """A person's pieces on its joints."""

    body: Body
    semi_axes_m: np.ndarray
    """(piece, 3)"""

    def poses(
        self, joints_m: np.ndarray, chest_m: np.ndarray, abdomen_m: np.ndarray, sideways: float
    ) -> Poses:
        """The poses of the pieces on joints (time, joint, 3), their fronts ahead by so much
        (time,), each side of the chest outward by the share `sideways` of it.
        """
        count = len(joints_m)
        position = np.empty((count, len(NAMES), 3))
        rotation = np.empty((count, len(NAMES), 3, 3))
        planes = [joints_m[:, :, i] for i in range(3)]
        hips = [0.5 * (p[:, J["hip_left"]] + p[:, J["hip_right"]]) for p in planes]
        self._upright(planes, hips, position, rotation)
        self._feet(planes, position, rotation)
        swell = np.zeros((count, len(NAMES), 3))
        for piece, front in ((THORAX, chest_m), (ABDOMEN, abdomen_m)):
            swell[:, piece, 0] = 0.5 * front
            for i in range(3):
                position[:, piece, i] += 0.5 * front * rotation[:, piece, i, 0]
        swell[:, THORAX, 1] = sideways * chest_m
        return Poses(position, rotation, swell)

    def _upright(self, planes: list, hips: list, position: np.ndarray, rotation: np.ndarray) -> None:
        """Head, trunk and limbs: z along the bone, y to the left."""
        body, count = self.body, 4 + len(UPPER)
        long, left, middle = [], [], []
        for p, hip in zip(planes, hips, strict=True):
            neck, waist, crown = p[:, J["neck"]], p[:, J["waist"]], p[:, J["crown"]]
            z = np.empty((len(p), count))
            z[:, 0], z[:, 1], z[:, 2], z[:, 3] = crown - neck, neck - waist, neck - hip, waist - hip
            np.subtract(p[:, UPPER], p[:, LOWER], out=z[:, 4:])
            long.append(z)
            at = np.empty((len(p), count))
            at[:, 0] = neck + _share(body.neck_height_m, body.height_m, body.head_height_m) * z[:, 0]
            h = body.height_m
            at[:, 1] = waist + _share(body.waist_height_m, body.neck_height_m, THORAX_AT * h) * z[:, 1]
            at[:, 2] = hip + _share(body.hip_height_m, body.neck_height_m, ABDOMEN_AT * h) * z[:, 2]
            at[:, 3] = hip + _share(body.hip_height_m, body.waist_height_m, PELVIS_AT * h) * z[:, 3]
            at[:, 4:] = p[:, UPPER] - 0.5 * z[:, 4:]
            middle.append(at)
            shoulders = p[:, J["shoulder_left"]] - p[:, J["shoulder_right"]]
            across = p[:, J["hip_left"]] - p[:, J["hip_right"]]
            y = np.empty((len(p), count))
            y[:, 1], y[:, 3] = shoulders, across
            y[:, 2] = shoulders / body.shoulder_half_m + across / body.hip_half_m
            y[:, 4 : 4 + ARMS] = shoulders[:, None]
            y[:, 4 + ARMS :] = across[:, None]
            left.append(y)
        face = [p[:, J["face"]] - p[:, J["neck"]] for p in planes]
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            left[i][:, 0] = long[j][:, 0] * face[k] - long[k][:, 0] * face[j]
        _normalised(long)
        along = left[0] * long[0] + left[1] * long[1] + left[2] * long[2]
        for y, z in zip(left, long, strict=True):
            y -= along * z
        _normalised(left)
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            position[:, :count, i] = middle[i]
            rotation[:, :count, i, 0] = left[j] * long[k] - left[k] * long[j]
            rotation[:, :count, i, 1] = left[i]
            rotation[:, :count, i, 2] = long[i]

    def _feet(self, planes: list, position: np.ndarray, rotation: np.ndarray) -> None:
        """The feet: x from heel to ball, y level; where toes would go through the floor they bend,
        that is, the piece is lifted.
        """
        first = len(NAMES) - 2
        x = [p[:, BALLS] - p[:, HEELS] for p in planes]
        _normalised(x)
        flat = np.sqrt(x[0] * x[0] + x[1] * x[1])
        y = [-x[1] / flat, x[0] / flat, np.zeros_like(flat)]
        z = [-x[2] * y[1], x[2] * y[0], flat]
        half, _, high = self.semi_axes_m[first]
        lowest = half * half * x[2] * x[2] + high * high * z[2] * z[2]
        for i in range(3):
            middle = planes[i][:, HEELS] + 0.5 * self.body.foot_m * x[i] + high * z[i]
            if i == 2:
                through = np.sqrt(lowest) - middle
                middle += 0.5 * (through + np.sqrt(through * through + TOES_EASE_M**2))
            position[:, first:, i] = middle
            rotation[:, first:, i, 0] = x[i]
            rotation[:, first:, i, 1] = y[i]
            rotation[:, first:, i, 2] = z[i]


def _share(low: float, high: float, at: float) -> float:
    return (at - low) / (high - low)


def _normalised(vector: list[np.ndarray]) -> None:
    """Makes vectors, one plane a coordinate, unit vectors in place."""
    length = np.sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])
    for plane in vector:
        plane /= length

"""From joints to the poses of the sixteen pieces of a person.

Limbs lie along their bones, z up the bone and y to the left; the trunk's parts follow the lines of
hips and shoulders; the foot's x points to the toes. Frames are (axis, xyz, piece, time) here and
places (xyz, piece, time): time and piece run last, so that sums run over long rows.
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
UPRIGHT = len(NAMES) - len(SIDES)
"""The pieces before the feet."""


def _joints(first: str, last: str) -> slice:
    """Where joints of both sides are, from one to another: a limb's follow each other in JOINTS."""
    return slice(J[f"{first}_left"], J[f"{last}_right"] + 1)


CHAINS = tuple(
    (
        slice(NAMES.index(f"{parts[0]}_left"), NAMES.index(f"{parts[-1]}_right") + 1),
        *(_joints(LIMBS[parts[0]][end], LIMBS[parts[-1]][end]) for end in (0, 1)),
    )
    for parts in (SIDED[:3], SIDED[3:5])
)
"""The pieces of both arms and of both legs, the joints at their upper and at their lower ends."""
HEELS, BALLS = (_joints(end, end) for end in ("heel", "ball"))
THORAX, ABDOMEN, PELVIS = (NAMES.index(name) for name in ("thorax", "abdomen", "pelvis"))
THORAX_AT, ABDOMEN_AT, PELVIS_AT = 0.72, 0.62, 0.54
"""Heights of the middles over stature."""
TOES_EASE_M, BENT_EASE_M = 0.003, 0.03
"""Over what depth toes bend: of a flat foot, and what a foot that stands on its toes adds."""
ROOM = 21 * len(NAMES)
"""Numbers a time to work in."""
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
        room: np.ndarray,
    ) -> None:
        """Writes the poses of the pieces on joints (3, joint, time), their fronts ahead by so much
        (time,), each side of the chest outward by the share `sideways` of it.

        room: what it works in, at least ROOM numbers a time.
        """
        count = joints_m.shape[2]
        rows = room[: ROOM * count].reshape(ROOM, count)
        frames, turned = rows[: 18 * len(NAMES)].reshape(2, 3, 3, len(NAMES), count)
        turned = turned.reshape(len(NAMES), 3, 3, count)
        middle = rows[18 * len(NAMES) :].reshape(3, len(NAMES), count)
        self._upright(joints_m, middle, frames)
        self._feet(joints_m, middle, frames)
        for piece, front in ((THORAX, chest_m), (ABDOMEN, abdomen_m)):
            middle[:, piece] += 0.5 * front * frames[0, :, piece]
        if into.bend_rad is not None:
            into.bend_rad[:] = bends(frames).T
        into.position_m[:] = middle.T
        turned[:] = frames.transpose(2, 1, 0, 3)  # twice as fast as at once
        into.rotation.reshape(count, -1)[:] = turned.reshape(-1, count).T
        if into.swell_m is not None:
            into.swell_m[:, THORAX, 0] = 0.5 * chest_m
            into.swell_m[:, THORAX, 1] = sideways * chest_m
            into.swell_m[:, ABDOMEN, 0] = 0.5 * abdomen_m

    def _upright(self, joints_m: np.ndarray, middle: np.ndarray, frames: np.ndarray) -> None:
        """Head, trunk and limbs: z along the bone, y to the left."""
        body = self.body
        x, y, z = frames[:, :, :UPRIGHT]
        hip = 0.5 * (joints_m[:, J["hip_left"]] + joints_m[:, J["hip_right"]])
        neck, waist, crown = (joints_m[:, J[name]] for name in ("neck", "waist", "crown"))
        bones = (crown - neck, neck - waist, neck - hip, waist - hip)
        for piece, (bone, start, (low, high, height)) in enumerate(
            zip(bones, (neck, waist, hip, hip), self._heights(), strict=True)
        ):
            z[:, piece] = bone
            middle[:, piece] = start + (height - low) / (high - low) * bone
        for pieces, upper, lower in CHAINS:
            np.subtract(joints_m[:, upper], joints_m[:, lower], out=z[:, pieces])
            np.add(joints_m[:, upper], joints_m[:, lower], out=middle[:, pieces])
            middle[:, pieces] *= 0.5
        shoulders = joints_m[:, J["shoulder_left"]] - joints_m[:, J["shoulder_right"]]
        across = joints_m[:, J["hip_left"]] - joints_m[:, J["hip_right"]]
        y[:, 0] = _cross(bones[0], joints_m[:, J["face"]] - neck)
        y[:, 1], y[:, 3] = shoulders, across
        y[:, 2] = shoulders / body.shoulder_half_m + across / body.hip_half_m
        (arms, *_), (legs, *_) = CHAINS
        y[:, arms], y[:, legs] = shoulders[:, None], across[:, None]
        _normalise(z)
        along = _dot(y, z)
        product = np.empty(along.shape)
        for i in range(3):
            np.multiply(along, z[i], out=product)
            y[i] -= product
        _normalise(y)
        for i, j, k in TURNS:
            np.multiply(y[j], z[k], out=x[i])
            np.multiply(y[k], z[j], out=product)
            x[i] -= product

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
        x, y, z = frames[:, :, UPRIGHT:]
        heels = joints_m[:, HEELS]
        np.subtract(joints_m[:, BALLS], heels, out=x)
        _normalise(x)
        flat = np.sqrt(x[0] * x[0] + x[1] * x[1])
        y[0], y[1], y[2] = -x[1] / flat, x[0] / flat, 0.0
        z[0], z[1], z[2] = -x[2] * y[1], x[2] * y[0], flat
        half, _, high = self.semi_axes_m[UPRIGHT]
        place = heels + 0.5 * self.body.foot_m * x + high * z
        reach = np.sqrt((half * x[2]) ** 2 + (high * z[2]) ** 2)
        through = reach - place[2]
        ease = TOES_EASE_M + BENT_EASE_M * x[2] * x[2]
        place[2] += 0.5 * (through + np.sqrt(through * through + ease * ease))
        middle[:, UPRIGHT:] = place


def _normalise(vector: np.ndarray) -> None:
    """Makes vectors (3, piece, time) unit vectors in place."""
    size = _dot(vector, vector)
    np.sqrt(size, out=size)
    np.divide(1.0, size, out=size)
    for axis in vector:
        axis *= size


def _dot(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The products (piece, time) of vectors (3, piece, time)."""
    made, product = u[0] * v[0], u[1] * v[1]
    made += product
    np.multiply(u[2], v[2], out=product)
    made += product
    return made


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The cross product of vectors (3, time)."""
    return np.stack([u[j] * v[k] - u[k] * v[j] for _, j, k in TURNS])

"""A mover over a scene's duration, sampled: where its pieces reach and how fast they are."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from usim.movers.base import AbstractMover, Poses

STEP_S = 0.05
MOST_STEPS = 5_000
HALF_DIFFERENCE_S = 5e-5


@dataclass(frozen=True, eq=False)
class Motion:
    """Poses of a mover at the times a check looks at, and the speed of its fastest point."""

    name: str
    mover: AbstractMover
    t_s: np.ndarray
    """(time,)"""
    poses: Poses
    semi_axes_m: np.ndarray
    """(piece, 3), with what the piece swells at most; half-extents of what is flat"""
    fastest_m_s: float
    fastest_at_s: float

    def support_m(self, directions: np.ndarray) -> np.ndarray:
        """The point of each piece that reaches furthest in each direction.

        Arguments: directions (direction, 3), unit vectors in room coordinates. Returns
        (time, piece, direction, 3) in m.
        """
        own = np.einsum("tpij,di->tpdj", self.poses.rotation, directions)
        stretched = own * self.semi_axes_m[None, :, None, :]
        reach = np.sqrt((stretched * stretched).sum(axis=-1, keepdims=True))
        reach[reach == 0.0] = 1.0  # square to what is flat, where all of it reaches as far
        offset = stretched * self.semi_axes_m[None, :, None, :] / reach
        corner = np.sign(own) * self.semi_axes_m[None, :, None, :]
        offset = np.where(self._flat[None, :, None, None], corner, offset)
        outward = np.einsum("tpij,tpdj->tpdi", self.poses.rotation, offset)
        return self.poses.position_m[:, :, None, :] + outward

    def depth_in(self, points_m: np.ndarray, margin_m: float) -> np.ndarray:
        """Where points lie in the pieces widened by a margin: below 1 is inside.

        Arguments: points_m (..., 3), broadcast against (time, piece, ..., 3) from the left. Returns
        (time, piece, ...) without unit.
        """
        position, rotation = self.poses.position_m, self.poses.rotation
        points_m = np.asarray(points_m, dtype=float)
        extra = points_m.ndim - 1 if points_m.ndim < 4 else points_m.ndim - 3
        lift = (slice(None), slice(None), *([None] * extra), slice(None))
        away = points_m - position[lift]
        own = np.einsum("tp...i,tpij->tp...j", away, rotation)
        pieces = (None, slice(None), *([None] * extra))
        depth = (own / (self.semi_axes_m + margin_m)[(*pieces, slice(None))]) ** 2
        return np.where(self._flat[pieces], depth.max(axis=-1), depth.sum(axis=-1))

    @property
    def _flat(self) -> np.ndarray:
        return np.array([piece.is_flat for piece in self.mover.pieces])


def motion(mover: AbstractMover, duration_s: float) -> Motion:
    """A mover sampled over [0, duration_s]: every 50 ms of its story and at its moments.

    A story longer than 250 s is sampled more coarsely; moments are never left out.
    """
    times = _times(mover, duration_s)
    poses = mover.at(times)
    semi_axes = np.array([piece.half_m for piece in mover.pieces], dtype=float)
    if poses.swell_m is not None:
        semi_axes = semi_axes + np.maximum(poses.swell_m.max(axis=0), 0.0)
    before = mover.at(times - HALF_DIFFERENCE_S)
    after = mover.at(times + HALF_DIFFERENCE_S)
    step_s = 2.0 * HALF_DIFFERENCE_S
    velocity = (after.position_m - before.position_m) / step_s
    turn = (after.rotation - before.rotation) / step_s
    speed = _fastest_m_s(mover, semi_axes, velocity, turn)
    fastest = int(speed.max(axis=1).argmax())
    return Motion(
        mover.name,
        mover,
        times,
        poses,
        semi_axes,
        float(speed[fastest].max()),
        float(times[fastest]),
    )


def _fastest_m_s(
    mover: AbstractMover, semi_axes_m: np.ndarray, velocity: np.ndarray, turn: np.ndarray
) -> np.ndarray:
    """The speed (time, piece) of each piece's fastest point: of what is flat at its corners, else a
    bound. velocity (time, piece, 3) in m/s, turn (time, piece, 3, 3): of places and axes.
    """
    spin = np.sqrt((turn * turn).sum(axis=(-2, -1)) / 2.0)
    reach = np.where(np.ptp(semi_axes_m, axis=1) > 0.0, semi_axes_m.max(axis=1), 0.0)
    speed = np.sqrt((velocity * velocity).sum(axis=-1)) + spin * reach
    for number, piece in enumerate(mover.pieces):
        if piece.is_flat:
            corners = np.array(list(product((-1.0, 1.0), repeat=3))) * semi_axes_m[number]
            moved = velocity[:, number, None] + np.einsum("tij,cj->tci", turn[:, number], corners)
            speed[:, number] = np.linalg.norm(moved, axis=-1).max(axis=1)
    return speed


def _times(mover: AbstractMover, duration_s: float) -> np.ndarray:
    start, end = mover.story_s
    start, end = max(0.0, min(start, duration_s)), min(duration_s, max(end, 0.0))
    count = int(np.clip(np.ceil((end - start) / STEP_S), 1, MOST_STEPS)) + 1
    moments = np.asarray(mover.moments_s, dtype=float)
    between = (moments[1:] + moments[:-1]) / 2.0
    times = np.concatenate([[0.0, duration_s], np.linspace(start, end, count), moments, between])
    times = np.sort(times[(times >= 0.0) & (times <= duration_s)])
    return times[np.concatenate([[True], times[1:] > times[:-1]])]

"""A stand-in for a walker: one mover of sixteen ellipsoids of a body's sizes, for ever on its way through a room.

Sizes, surfaces and axes of turning are those of the shipped scene `sixteen_tumblers`, so that there is one table of them.  The body goes
round a long flat ellipse at 0.5 to 1.3 m/s and every piece tumbles about its own axis: there is no instant at rest and no kink, whatever
part of the story a benchmark cuts out.  What it lacks is a swing of the limbs: a person's feet ask for finer knots than these do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from usim.movers.base import AbstractMover, Piece, Poses
from usim.scene import load
from usim.scene.scene import Scene

BODY = "sixteen_tumblers"
CENTRE_M = (3.2, 2.05)  # of the ellipse, on the floor
HALF_AXES_M = (1.3, 0.5)
TURN_RAD_S = 1.0  # along the ellipse: the speed lies between the half axes


@dataclass(frozen=True, eq=False)
class Walker(AbstractMover):
    """Rigid pieces that go round together, each turning about its own axis."""

    name: str
    pieces: tuple[Piece, ...]
    offset_m: np.ndarray
    """(piece, 3): from the ellipse's centre on the floor."""
    steady: np.ndarray
    """(piece, 3, 3): what a turn about the axis does not move; with `even` and `odd` the terms of Rodrigues (1840)."""
    even: np.ndarray
    odd: np.ndarray
    rate_rad_s: np.ndarray
    """(piece,)"""
    label = "non_human"
    story_s = (-np.inf, np.inf)
    moments_s = np.zeros(0)

    def at(self, t_s: np.ndarray) -> Poses:
        t_s = np.asarray(t_s, float)
        along = TURN_RAD_S * t_s
        way = np.stack(
            [HALF_AXES_M[0] * np.cos(along), HALF_AXES_M[1] * np.sin(along), np.zeros_like(along)],
            axis=1,
        )
        angle = self.rate_rad_s[:, None] * t_s
        cos, sin = np.cos(angle)[:, None, None, :], np.sin(angle)[:, None, None, :]
        rotation = cos * self.even[..., None]  # (piece, 3, 3, time): loops run through the times
        rotation += sin * self.odd[..., None]
        rotation += self.steady[..., None]
        return Poses(way[:, None, :] + self.offset_m, rotation.transpose(3, 0, 1, 2))

    @property
    def fastest_m_s(self) -> float:
        """A bound on the speed of the fastest point of any piece."""
        reach = np.array([max(piece.size_m) for piece in self.pieces])
        return TURN_RAD_S * max(HALF_AXES_M) + float((np.abs(self.rate_rad_s) * reach).max())


def walker(movers: Sequence[AbstractMover], rows: Sequence[dict]) -> Walker:
    """Return the stand-in made of single ellipsoids: movers of one piece each and their rows in the scene file."""
    axes = np.array([row["turning"]["axis"] for row in rows], float)
    axes /= np.sqrt((axes * axes).sum(axis=1, keepdims=True))
    along = axes[:, :, None] * axes[:, None, :]
    x, y, z = axes.T
    none = np.zeros_like(x)
    cross = np.stack([none, -z, y, z, none, -x, -y, x, none], axis=1).reshape(-1, 3, 3)
    places = np.array([row["track"]["through_m"][0] for row in rows], float)
    torso = places[[row["name"] for row in rows].index("torso")]
    offset = places - [torso[0], torso[1], 0.0] + [*CENTRE_M, 0.0]
    rates = np.deg2rad([float(row["turning"]["rate_deg_s"]) for row in rows])
    pieces = tuple(dataclasses.replace(mover.pieces[0], name=mover.name) for mover in movers)
    return Walker("walker", pieces, offset, along, np.eye(3) - along, cross, rates)


def walk_scene(duration_s: float = 10.0) -> Scene:
    """Return the scene of the workload `walk`: product.md's room, four microphones, one tone, the stand-in alone."""
    scene = load(BODY).sample()
    one = walker(scene.movers, scene.table["movers"])
    return dataclasses.replace(
        scene, duration_s=duration_s, movers=(one,), speeds_m_s={one.name: one.fastest_m_s}
    )

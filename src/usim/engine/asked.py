"""What a mover is asked, once for all its pieces: its poses, and those of whatever may stand in the way of its echoes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.engine.selection import (
    Chosen,
    pose_table,
    pose_tables,
)
from usim.engine.shadowing import in_the_way
from usim.engine.stirred_legs import StirredLegs
from usim.engine.sums import STILL
from usim.movers.base import AbstractMover, Poses
from usim.scene.company import Company
from usim.scene.scene import Scene


@dataclass(frozen=True)
class Asked:
    """A mover, which of its pieces cast shadows, and what it has answered: pieces with the same grid ask for the same times."""

    mover: AbstractMover
    shady: tuple[int, ...]
    answers: dict[bytes, Poses]
    tables: dict[tuple[bytes, tuple[int, ...]], np.ndarray]
    air: StirredLegs | None = None

    def blown(self, piece: int, driver: int, chosen: Chosen, t_s: np.ndarray) -> np.ndarray:
        """Return what `array.blown` takes for the pairs of an epoch at times (n,)."""
        if self.air is None:
            return STILL
        return self.air.longer_m(piece, driver, chosen.pairs, chosen.group, t_s)

    def poses(self, t_s: np.ndarray) -> Poses:
        """Return the poses of all pieces."""
        key = t_s.tobytes()
        found = self.answers.get(key)
        if found is None:
            found = self.answers[key] = self.mover.at(t_s)
        return found

    def table(self, t_s: np.ndarray, piece: int) -> np.ndarray:
        """Return the poses (25, time) of one piece, see `pose_table`."""
        poses = self.poses(t_s)
        bend = poses.bend_rad
        return pose_table(
            poses.position_m[:, piece],
            poses.rotation[:, piece],
            poses.sizes_m(self.mover.pieces)[:, piece],
            None if bend is None else bend[:, piece],
        )

    def crowd(self, piece: int) -> tuple[int, ...]:
        """Return the numbers of a piece and of those that may stand in its way."""
        return tuple(sorted({piece, *self.shady}))

    def epochs(self, times: np.ndarray, knots: int, pieces: tuple[int, ...]) -> np.ndarray:
        """Return the poses (epoch, piece, 25, knots) of some pieces at times (n, epochs * knots)."""
        key = times.tobytes(), pieces
        tables = self.tables.get(key)
        if tables is None:
            each = times.shape[1] // knots
            tables = np.empty((len(times) * each, len(pieces), 25, knots))
            for n, row in enumerate(times):
                poses = self.poses(row)
                sizes_m = poses.sizes_m(self.mover.pieces)
                pose_tables(poses, sizes_m, pieces, tables[n * each : (n + 1) * each])
            self.tables[key] = tables
        return tables


def in_company(scene: Scene, mover: AbstractMover, f_hz: float) -> tuple[AbstractMover, tuple[int, ...]]:  # fmt: skip
    """Return a mover with those pieces of others that may stand in the way of its echoes, and the numbers of all that may."""
    shady = {one.name: in_the_way(one, f_hz, scene.air) for one in scene.movers}
    by_name = {one.name: one for one in scene.movers}
    names = sorted(name for name in shady if name != mover.name and shady[name])
    others = [(by_name[name], shady[name]) for name in names]  # in an order that no scene changes
    if not others:
        return mover, shady[mover.name]
    among = Company(mover, others)
    return among, (*shady[mover.name], *range(len(mover.pieces), len(among.pieces)))

"""Mirror images: the ways a straight line can reach a point over the walls of a room.

A chain of reflections is an affine map of the whole room: an image of any point is `linear @ point + offset`.  The maps depend on the
walls alone, so a room's maps are found once and serve driver, microphones and noise sources alike.

For a chain w1, w2, ... wn (w1 is met first by the wave that leaves the point) the straight line from the image to a receiver meets, in
the unfolded room, walls whose normals are `R_n ... R_{k+1} n_k`; incidence cosines need no more than these.
Source: Allen and Berkley (1979) for the box; Borish (1984) for the chain of planes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.rooms.base import AbstractRoom

_SAME = 1e-7  # m: two chains with the same map are one image (x then y is y then x)


@dataclass(frozen=True)
class Maps:
    """The mirror maps of a room, in order of reflection: linear (I,3,3), offset (I,3) m, order (I,), walls (I,H), normals (I,H,3).

    `walls` lists the walls met, the first one met first, padded with -1; `normals` their unfolded unit normals.
    """

    linear: np.ndarray
    offset: np.ndarray
    order: np.ndarray
    walls: np.ndarray
    normals: np.ndarray

    def __len__(self) -> int:
        return len(self.order)

    def of(self, point_m: np.ndarray) -> np.ndarray:
        """Return the images (I, 3) in m of one point (3,)."""
        return self.linear @ np.asarray(point_m, float) + self.offset

    def turned(self, direction: np.ndarray) -> np.ndarray:
        """Return the mirrored direction (I, 3) of one direction (3,)."""
        return self.linear @ np.asarray(direction, float)

    def subset(self, rows: np.ndarray) -> Maps:
        """Return only some of the maps."""
        return Maps(
            self.linear[rows],
            self.offset[rows],
            self.order[rows],
            self.walls[rows],
            self.normals[rows],
        )

    def key(self, index: int, walls: tuple[str, ...]) -> str:
        """Return the chain's name, as in `direct` or `west+floor`."""
        met = [walls[w] for w in self.walls[index] if w >= 0]
        return "+".join(met) or "direct"


@dataclass(frozen=True)
class Images:
    """The images of one point: position (I,3) m, order (I,), mirror (I,3,3), walls (I,H) padded with -1, normals (I,H,3)."""

    position: np.ndarray
    order: np.ndarray
    mirror: np.ndarray
    walls: np.ndarray
    normals: np.ndarray


def maps(room: AbstractRoom, order: int) -> Maps:
    """Return the mirror maps of a convex room up to a number of reflections.

    Chains that lead to the same map are one image, kept under its shortest chain: exact for the box, where the order of
    perpendicular reflections does not matter.
    """
    planes = []
    for wall in room.walls:
        n = np.asarray(wall.normal, float)
        turn = np.eye(3) - 2.0 * np.outer(n, n)
        planes.append((n, turn, 2.0 * float(n @ wall.corners_m[0]) * n))
    width = max(order, 1)
    found: list[tuple[np.ndarray, np.ndarray, tuple[int, ...], tuple[np.ndarray, ...]]] = [
        (np.eye(3), np.zeros(3), (), ())
    ]
    seen = {_signature(np.eye(3), np.zeros(3))}
    last = list(found)
    for _ in range(order):
        new = []
        for linear, offset, chain, normals in last:
            for index, (n, turn, shift) in enumerate(planes):
                if chain and chain[-1] == index:
                    continue
                step = (turn @ linear, turn @ offset + shift)
                mark = _signature(*step)
                if mark in seen:
                    continue
                seen.add(mark)
                new.append((*step, (*chain, index), (*[turn @ m for m in normals], n)))
        found += new
        last = new
    chains = np.full((len(found), width), -1, np.int64)
    unfolded = np.zeros((len(found), width, 3))
    for row, (_, _, chain, normals) in enumerate(found):
        chains[row, : len(chain)] = chain
        if chain:
            unfolded[row, : len(chain)] = normals
    return Maps(
        np.array([f[0] for f in found]),
        np.array([f[1] for f in found]),
        np.array([len(f[2]) for f in found]),
        chains,
        unfolded,
    )


def images(room: AbstractRoom, point_m: np.ndarray, order: int) -> Images:
    """Return the images of one point (3,) in m up to a number of reflections."""
    found = maps(room, order)
    return Images(found.of(point_m), found.order, found.linear, found.walls, found.normals)


def _signature(linear: np.ndarray, offset: np.ndarray) -> tuple[int, ...]:
    return tuple(
        np.rint(np.concatenate([linear.ravel(), offset]) / _SAME).astype(np.int64).tolist()
    )

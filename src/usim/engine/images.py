"""Mirror images: the ways a straight line can reach a point over the sides of a room.

A chain of reflections is an affine map of the whole room: an image of any point is `linear @ point + offset`.  The maps depend on the
sides alone, so a room's maps are found once and serve driver, microphones and noise sources alike.

For a chain w1, w2, ... wn (w1 is met first by the wave that leaves the point) the straight line from the image to a receiver meets, in
the unfolded room, sides whose normals are `R_n ... R_{k+1} n_k`; incidence cosines need no more than these.
Source: Allen and Berkley (1979) for the box; Borish (1984) for the chain of planes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.engine.chains import Unfolded, after, chains, joining, marked, mirror, veils_of
from usim.engine.sides import Sides
from usim.engine.veils import Veils, no_veils, seen

SPACING_M = 0.2  # of the places in the room where that is asked
PLACES = 5000  # at most
WAVES = 75.0  # per metre, at which it is asked: the lower, the more passes


@dataclass(frozen=True)
class Maps:
    """The mirror maps of a room, in order of reflection: linear (I,3,3), offset (I,3) m, order (I,), walls (I,H), normals (I,H,3), and what veils each.

    `walls` lists the sides met, the first one met first, padded with -1; `normals` their unfolded unit normals.
    """

    linear: np.ndarray
    offset: np.ndarray
    order: np.ndarray
    walls: np.ndarray
    normals: np.ndarray
    veils: Veils

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
            self.veils.subset(rows),
        )

    def up_to(self, order: int) -> Maps:
        """Return the maps of no more than some reflections."""
        return self.subset(np.flatnonzero(self.order <= order))

    @property
    def places(self) -> np.ndarray:
        """Return the number (I,) of the place of each image, in order of first mention: several may be at one."""
        known: dict[tuple[int, ...], int] = {}
        marks = [marked(one) for one in zip(self.linear, self.offset, strict=True)]
        return np.array([known.setdefault(mark, len(known)) for mark in marks])

    def key(self, index: int, names: tuple[str, ...]) -> str:
        """Return the chain's name, as in `direct` or `west+floor`."""
        met = [names[w] for w in self.walls[index] if w >= 0]
        return "+".join(met) or "direct"


def maps(sides: Sides, order: int, ends_m: np.ndarray) -> Maps:
    """Return the mirror maps of a room up to a number of reflections: all of a plain one, else those through which one of some ends (n, 3) in m sees some of it."""
    if sides.is_plain:
        return _everywhere(sides, order)
    joins = joining(sides.sides)
    found = chains(sides, order, ends_m, joins)
    ways = [Unfolded(sides, joins, chain) for chain in found]
    end, places = np.atleast_2d(ends_m).mean(axis=0), np.concatenate([_places(sides), np.atleast_2d(ends_m)])  # fmt: skip
    for shadows in (False, True):  # most are seen from nowhere for their windows alone
        veils = veils_of(ways, shadows)
        images = np.array([chain.map[0] @ end + chain.map[1] for chain in found])
        rows = seen(veils, images, places, WAVES)
        found, ways = [found[row] for row in rows], [ways[row] for row in rows]
    return _listed([(chain.map, chain.orders[0]) for chain in found], sides, order, veils.subset(rows))  # fmt: skip


def _everywhere(sides: Sides, order: int) -> Maps:
    """Return the mirror maps of a room in which every image is seen from everywhere.

    Chains that lead to the same map are one image, kept under its shortest chain: exact for the box, where the order of
    perpendicular reflections does not matter.
    """
    mirrors = [mirror(side) for side in sides.sides]
    still = (np.eye(3), np.zeros(3))
    found: list[tuple] = [(still, ())]
    seen = {marked(still)}
    last = list(found)
    for _ in range(order):
        new = []
        for map_, chain in last:
            for index, step in enumerate(mirrors):
                if chain and chain[-1] == index:
                    continue
                longer = after(map_, step)
                mark = marked(longer)
                if mark not in seen:
                    seen.add(mark)
                    new.append((longer, (*chain, index)))
        found += new
        last = new
    return _listed(found, sides, order, no_veils(len(found)))


def _listed(found: list[tuple], sides: Sides, order: int, veils: Veils) -> Maps:
    """Return maps from pairs of a map and its chain."""
    width = max(order, 1)
    walls = np.full((len(found), width), -1, np.int64)
    normals = np.zeros((len(found), width, 3))
    for row, (_, chain) in enumerate(found):
        walls[row, : len(chain)] = chain
        unfolded: list[np.ndarray] = []
        for index in chain:
            n = sides.sides[index].normal
            turn = np.eye(3) - 2.0 * np.outer(n, n)
            unfolded = [turn @ other for other in unfolded] + [n]
        if chain:
            normals[row, : len(chain)] = unfolded
    return Maps(
        np.array([map_[0] for map_, _ in found]),
        np.array([map_[1] for map_, _ in found]),
        np.array([len(chain) for _, chain in found]),
        walls,
        normals,
        veils,
    )


def _places(sides: Sides) -> np.ndarray:
    """Return places (n, 3) in m all over the room, outside of what is solid."""
    corners = np.concatenate([side.corners_m for side in sides.sides if not side.is_furniture])
    low, high = corners.min(axis=0), corners.max(axis=0)
    spacing = max(SPACING_M, float(np.prod(high - low) / PLACES) ** (1.0 / 3.0))
    count = np.maximum(np.ceil((high - low) / spacing).astype(int), 2)
    axes = [
        a + (np.arange(n) + 0.5) * (b - a) / n for a, b, n in zip(low, high, count, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    for solid in sides.solids:
        points = points[~solid.prism.contains(points)]
    return points[np.argsort(np.arange(len(points)) * 0.6180339887498949 % 1.0)]  # well mixed

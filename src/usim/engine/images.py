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

from usim.engine.chains import Copy, Unfolded, after, chains, joining, marked, mirror, veils_of
from usim.engine.sides import Sides
from usim.engine.veils import Veils, no_veils, seen

SPACING_M = 0.2  # of the places in the room where that is asked
PLACES = 5000  # at most
WAVES = 75.0  # per metre, at which it is asked: the lower, the more passes


@dataclass(frozen=True)
class Maps:
    """The mirror maps of a room, in order of reflection: linear (I,3,3), offset (I,3) m, order (I,), walls (I,H), normals (I,H,3), and what veils each.

    `walls` lists the sides met, the first one met first, then the sheets gone through as `Sides.mirrors` numbers them, padded with -1; `normals` their
    unfolded unit normals.
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
    if not sides.sheets:
        return _listed([(chain.map, chain.orders[0]) for chain in found], sides, order, veils.subset(rows))  # fmt: skip
    ends_of = np.array([chain.map[0] @ end + chain.map[1] for chain in found])
    numbers, through = _behind(ways, ends_of, places)
    veils = veils_of([ways[n] for n in numbers], behind=through)
    chosen = [(found[n].map, found[n].orders[0]) for n in numbers]
    return _listed(chosen, sides, order, veils, through)


def _behind(
    ways: list[Unfolded], ends_m: np.ndarray, places: np.ndarray
) -> tuple[list[int], list[list[Copy]]]:
    """Return which way goes through which of its sheets, as far as anything of that is seen from one of some places: every way, too, as if there were none."""
    sheets = [way.sheets() for way in ways]

    def those(rows: list[tuple[int, tuple[int, ...]]]) -> list[list[Copy]]:
        return [[sheets[n][k] for k in some] for n, some in rows]

    out: list[tuple[int, tuple[int, ...]]] = [(n, ()) for n in range(len(ways))]
    last = out
    while last:
        more = [(n, (*some, k)) for n, some in last for k in range(some[-1] + 1 if some else 0, len(sheets[n]))]  # fmt: skip
        if not more:
            break
        veils = veils_of([ways[n] for n, _ in more], behind=those(more))
        rows = seen(veils, np.array([ends_m[n] for n, _ in more]), places, WAVES)
        last = [more[row] for row in rows]
        out = out + last
    out.sort(key=lambda one: len(ways[one[0]].orders[0]))  # fewest mirrors first
    return [n for n, _ in out], those(out)


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


def _listed(
    found: list[tuple],
    sides: Sides,
    order: int,
    veils: Veils,
    through: list[list[Copy]] | None = None,
) -> Maps:
    """Return maps from pairs of a map and its chain; through: the sheets that each is seen through, met last."""
    through = through or [[] for _ in found]
    width = max(order, 1, *(len(chain) + len(some) for (_, chain), some in zip(found, through, strict=True)))  # fmt: skip
    walls = np.full((len(found), width), -1, np.int64)
    normals = np.zeros((len(found), width, 3))
    for row, (_, chain) in enumerate(found):
        walls[row, : len(chain)] = chain
        unfolded: list[np.ndarray] = []
        for index in chain:
            n = sides.sides[index].normal
            turn = np.eye(3) - 2.0 * np.outer(n, n)
            unfolded = [turn @ other for other in unfolded] + [n]
        for copy in through[row]:
            walls[row, len(unfolded)] = len(sides.sides) + copy.sheet
            unfolded.append(copy.turn @ sides.sheets[copy.sheet].normal)
        if unfolded:
            normals[row, : len(unfolded)] = unfolded
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

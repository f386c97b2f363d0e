"""Chains: the mirror images of a room in which not everything sees everything, and what veils each of them.

A chain lists the sides that a leg is mirrored by, the one next to its end first.  Chains over the same sides are one image where the sides that change places meet in a
right angle, as two walls do: whichever comes first, the way is the same straight line, and beside the window of one lies its mirror image in the other.  Furniture mirrors a leg once, and then with at most
one wall: what its faces, small as they are, do beyond that is left to the tail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from usim.engine.sides import SAME, TOUCHING_M, Side, Sides, Solid, clipped, hull
from usim.engine.veils import BOUND, NORMAL, PLANE, SHEET, STOP, Veils

FURNITURE_ORDER = 2  # most mirrors of a chain with furniture among them
Affine = tuple[np.ndarray, np.ndarray]
STILL: Affine = (np.eye(3), np.zeros(3))


@dataclass(frozen=True)
class Chain:
    """One image: its map, and the orders in which its sides may be met."""

    map: Affine
    orders: tuple[tuple[int, ...], ...]


def mirror(side: Side) -> Affine:
    """Return the map of a point to its mirror image in a side."""
    n = side.normal
    return np.eye(3) - 2.0 * np.outer(n, n), 2.0 * float(n @ side.corners_m[0]) * n


def after(first: Affine, then: Affine) -> Affine:
    """Return the map that does one map after another."""
    return then[0] @ first[0], then[0] @ first[1] + then[1]


def marked(map_: Affine) -> tuple[int, ...]:
    """Return whole numbers that are the same for maps that are."""
    return tuple(np.rint(np.append(map_[0], map_[1]) / (0.1 * SAME)).astype(np.int64).tolist())


def chains(sides: Sides, order: int, ends_m: np.ndarray, joins: np.ndarray) -> list[Chain]:
    """Return the chains of up to `order` mirrors of which the first can be in sight of one of the ends (n, 3) in m, fewest mirrors first; joins: see `joining`."""
    mirrors = [mirror(side) for side in sides.sides]
    planes = [(side.normal, float(side.normal @ side.corners_m[0])) for side in sides.sides]
    facing = _facing(sides.sides)
    found: dict[tuple, tuple[Affine, list[tuple[int, ...]]]] = {(): (STILL, [()])}
    last: list[tuple[Affine, tuple[int, ...], np.ndarray]] = [(STILL, (), np.atleast_2d(ends_m))]
    for _ in range(order):
        new = []
        for map_, chain, images in last:
            furnished = any(sides.sides[n].is_furniture for n in chain)
            for n, side in enumerate(sides.sides):
                if chain and not facing[chain[-1], n]:
                    continue
                if furnished and (side.is_furniture or len(chain) >= FURNITURE_ORDER):
                    continue
                if side.is_furniture and len(chain) >= FURNITURE_ORDER:
                    continue
                normal, level = planes[n]
                if not np.any(images @ normal > level + SAME):
                    continue
                linear, offset = mirrors[n]
                step = after(map_, mirrors[n])
                longer = (*chain, n)
                orders = _orders(longer, joins)
                if any(not facing[a, b] for order in orders for a, b in pairwise(order)):
                    continue  # a side at a right angle to both does not bring two together
                new.append((step, longer, images @ linear.T + offset))
                found.setdefault(min(orders), (step, []))[1].append(longer)
        last = new
    return [Chain(map_, tuple(orders)) for map_, orders in found.values()]


def _orders(chain: tuple[int, ...], joins: np.ndarray) -> set[tuple[int, ...]]:
    """Return the orders that lead to each other while neighbours that join change places."""
    found, last = {chain}, [chain]
    while last:
        order = last.pop()
        for n in range(len(order) - 1):
            if joins[order[n], order[n + 1]]:
                other = (*order[:n], order[n + 1], order[n], *order[n + 2 :])
                if other not in found:
                    found.add(other)
                    last.append(other)
    return found


def joining(sides: tuple[Side, ...]) -> np.ndarray:
    """Return which sides (n, n) are at a right angle, and each continued by its mirror image in the other: it has no free edges, or reaches there and not with one."""
    many = len(sides)
    continued = np.ones((many, many), bool)
    for n, side in enumerate(sides):
        if not len(side.free_edges):
            continue
        ends = np.stack([side.corners_m, np.roll(side.corners_m, -1, axis=0)])
        free = [np.any([np.linalg.norm(edge[0] - end) < SAME for edge in side.free_edges]) for end in ends[0]]  # fmt: skip
        for m, other in enumerate(sides):
            away = np.abs((ends - other.corners_m[0]) @ other.normal).max(axis=0)
            through = (side.corners_m - other.corners_m[0]) @ other.normal
            continued[n, m] = np.any((away <= TOUCHING_M) & ~np.array(free)) or (
                through.min() < -TOUCHING_M and through.max() > TOUCHING_M
            )
    square = np.array([[abs(a.normal @ b.normal) < SAME for a in sides] for b in sides])
    return square & continued & continued.T


def _facing(sides: tuple[Side, ...]) -> np.ndarray:
    """Return which side (n, n) lies at least in part in front of which, both ways: else no sound goes from one to the other."""
    ahead = np.array(
        [
            [np.max((other.corners_m - side.corners_m[0]) @ side.normal) > SAME for other in sides]
            for side in sides
        ]
    )
    return ahead & ahead.T


@dataclass(frozen=True)
class Copy:
    """A solid where it stands in the unfolded room, or several that are one: which planes of the leg it lies beyond (1) or before (-1).

    turn: of the room there, (3, 3); sheet: which of the mirrors it is, see `Sides`, -1 for a solid.
    """

    outline: np.ndarray
    low: float
    high: float
    beyond: dict[int, int]
    turn: np.ndarray
    sheet: int = -1


def veils_of(ways: list[Unfolded], shadows: bool = True) -> Veils:
    """Return the veils of unfolded chains, without their stops and sheets where no shadows are asked for."""
    spans: list[list[int]] = []
    planes: list[np.ndarray] = []
    edges: list[np.ndarray] = []
    stops: list[np.ndarray] = []
    corners: list[np.ndarray] = []
    for own in ways:
        sheets = own.sheets() if shadows else []
        starts = len(planes), len(edges), len(stops)
        edges += own.edges()
        if own.sides.is_bare and len(edges) == starts[1] and not sheets:  # seen from everywhere
            spans.append([n for start in (*starts, starts[2]) for n in (start, start)])
            continue
        planes += own.planes
        solids = own.copies() if shadows else []
        for copy in [*solids, *sheets]:
            row = np.zeros(STOP)
            row[0], row[1], row[SHEET] = copy.low, copy.high, copy.sheet
            if copy.sheet >= 0:
                row[NORMAL : NORMAL + 3] = copy.turn @ own.sides.sheets[copy.sheet - len(own.sides.sides)].normal  # fmt: skip
            for place, (plane, beyond) in enumerate(sorted(copy.beyond.items())):
                row[BOUND + 2 * place], row[BOUND + 2 * place + 1] = plane, beyond
            row[STOP - 2], row[STOP - 1] = len(corners), len(corners) + len(copy.outline)
            corners += list(copy.outline)
            stops.append(row)
        ends = len(planes), len(edges), len(stops)
        between = starts[2] + len(solids)
        spans.append([starts[0], ends[0], starts[1], ends[1], starts[2], between, between, ends[2]])
    return Veils(
        np.array(spans, np.int64).reshape(-1, 8),
        np.array(planes).reshape(-1, PLANE),
        np.array(edges).reshape(-1, 13),
        np.array(stops).reshape(-1, STOP),
        np.array(corners).reshape(-1, 2),
    )


class Unfolded:
    """One chain's room, unfolded as seen from the point that the leg goes to; joins: see `joining`."""

    def __init__(self, sides: Sides, joins: np.ndarray, chain: Chain) -> None:
        self.sides, self.joins = sides, joins
        self.orders = chain.orders
        self.maps = {order: _stretches(sides, order) for order in chain.orders}
        self.planes: list[np.ndarray] = []
        self._numbers: dict[tuple, int] = {}
        ways = [[self._plane(order, place) for place in reversed(range(len(order)))] for order in chain.orders]  # fmt: skip
        for n, plane in enumerate(self.planes):
            always = [m for m in range(len(self.planes)) if all(way.index(m) < way.index(n) for way in ways)]  # fmt: skip
            plane[4] = sum(1 << m for m in always)

    def _plane(self, order: tuple[int, ...], place: int) -> int:
        """Return the number of the unfolded plane of one side of a chain; normals point to where the leg starts."""
        linear, offset = self.maps[order][place + 1]
        side = self.sides.sides[order[place]]
        normal = linear @ side.normal
        level = float(normal @ (linear @ side.corners_m[0] + offset))
        mark = (order[place], *np.rint(np.append(normal, level) / SAME).astype(np.int64).tolist())
        if mark not in self._numbers:
            self._numbers[mark] = len(self.planes)
            self.planes.append(np.array([*normal, level, 0.0]))
        return self._numbers[mark]

    def edges(self) -> list[np.ndarray]:
        """Return the free edges of the windows, rows as in `Veils`."""
        found: dict[tuple, np.ndarray] = {}
        for order in self.orders:
            for place, number in enumerate(order):
                plane = self.planes[self._plane(order, place)][:4]
                linear, offset = self.maps[order][place + 1]
                for point, along, inward in self.sides.sides[number].free_edges:
                    if any(self._behind(point, along, number, other) for other in order):
                        continue
                    into = linear @ inward
                    row = np.concatenate([plane, linear @ point + offset, linear @ along, into])
                    level = float(into @ row[4:7])
                    mark = tuple(np.rint(np.concatenate([plane, into, [level]]) / SAME).astype(np.int64).tolist())  # fmt: skip
                    found.setdefault(mark, row)
        return list(found.values())

    def _behind(self, point: np.ndarray, along: np.ndarray, number: int, other: int) -> bool:
        """Return whether an edge of a side lies behind another that the side joins: there the mirror image of the rest of it goes on."""
        side = self.sides.sides[other]
        if other == number or not self.joins[number, other] or abs(along @ side.normal) > SAME:
            return False
        return bool((point - side.corners_m[0]) @ side.normal < -TOUCHING_M)

    def copies(self) -> list[Copy]:
        """Return the solids beside the leg."""
        return [one for number, solid in enumerate(self.sides.solids) for one in self._beside(number, solid)]  # fmt: skip

    def sheets(self) -> list[Copy]:
        """Return the sheets that the leg may go through."""
        owner, mirror_of = len(self.sides.solids), len(self.sides.sides)
        return [replace(one, sheet=mirror_of + n) for n, sheet in enumerate(self.sides.sheets) for one in self._beside(owner + n, sheet.solid)]  # fmt: skip

    def _beside(self, number: int, solid: Solid) -> list[Copy]:
        """Return one solid or sheet, the owner of that number, beside the leg."""
        found: dict[tuple, tuple[Affine, dict[int, int], dict[int, int]]] = {}
        joins: list[tuple[tuple, tuple, int]] = []
        touched = set()  # by the leg, with a face of its own, and nowhere else
        for order in self.orders:
            stretches = self.maps[order]
            bounds = [self._plane(order, place) for place in range(len(order))]
            for place, map_ in enumerate(stretches):
                ends = order[max(place - 1, 0) : place + 1]
                if any(self.sides.sides[n].owner == number for n in ends):
                    touched.add(marked(map_))
                beyond = {plane: 1 if at >= place else -1 for at, plane in enumerate(bounds)}
                found.setdefault(marked(map_), (map_, beyond, {}))
                if place > 0 and order[place - 1] in solid.touches:
                    joins.append((marked(stretches[place - 1]), marked(map_), bounds[place - 1]))  # fmt: skip
        for mark in touched:
            found.pop(mark, None)
        joins = [(a, b, plane) for a, b, plane in joins if a in found and b in found]
        return _joined(solid, found, joins, self.planes)


def _stretches(sides: Sides, order: tuple[int, ...]) -> list[Affine]:
    """Return the maps of the room beside each stretch of a leg, the one next to its end first, to where it is seen from the point."""
    maps = [STILL]
    for number in reversed(order):
        maps.append(after(mirror(sides.sides[number]), maps[-1]))
    return maps[::-1]


def _joined(solid: Solid, found: dict, joins: list, planes: list[np.ndarray]) -> list[Copy]:
    """Return a solid's places in the unfolded room, those as one that continue each other through a wall."""
    group = {mark: mark for mark in found}
    cuts: dict[tuple, set[int]] = {mark: set() for mark in found}
    for one, other, plane in joins:
        cuts[one].add(plane)
        cuts[other].add(plane)
        old, new = group[one], group[other]
        for mark, now in group.items():
            if now == old:
                group[mark] = new
    out = []
    for leader in sorted(set(group.values())):
        members = [mark for mark in found if group[mark] == leader]
        outlines, heights = [], []
        for mark in members:
            (linear, offset), beyond, _ = found[mark]
            plan = solid.prism.footprint_m @ linear[:2, :2].T + offset[:2]
            z = sorted(linear[2, 2] * height + offset[2] for height in (solid.prism.low_m, solid.prism.high_m))  # fmt: skip
            for plane in cuts[mark]:
                normal, level = planes[plane][:3], planes[plane][3]
                side = -beyond[plane]  # the point lies on the positive side of every plane
                if abs(normal[2]) < SAME:
                    plan = clipped(plan, side * normal[:2], side * level)
                else:
                    cut = level * normal[2]
                    z = [max(z[0], cut), z[1]] if side * normal[2] > 0.0 else [z[0], min(z[1], cut)]
            outlines.append(plan)
            heights += z
        shared = set.intersection(*(set(found[m][1].items()) for m in members))
        turn = found[leader][0][0]
        out.append(Copy(hull(np.concatenate(outlines)), min(heights), max(heights), dict(shared), turn))  # fmt: skip
    return out

"""A room with any floor plan of straight walls: an L, an alcove, a bay, a chimney breast.

Corners run counter-clockwise as seen from above; `w1` stands from the first corner to the second,
`w2` from the second to the third, the last wall back to the first. Two walls in one line are
allowed: side by side they may be of different surfaces.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field, create_model, model_validator

from usim.physics.prism import Prism
from usim.rooms.base import LARGEST_M, SMALLEST_M, AbstractRoom, Wall
from usim.surfaces.base import AbstractSurface, surface
from usim.template.fields import Coordinate, Listed, Surface, Table
from usim.template.problem import InvalidInput, Problem

FEWEST, MOST = 3, 64
SHORTEST_M = 0.05
TOUCHING_M = 1e-6
"""Corners and walls that are nearer to each other than this are in one place."""
ORIGIN_M = 1e-9
BEYOND_M = 100.0
"""How far solids reach below the floor and above the ceiling."""
OUTWARDS_M = 1000.0
"""How far solids reach beyond the convex hull of the floor plan."""
STRAIGHT = 1e-9
"""The sine of a turn that counts as none."""

Corner = Annotated[tuple[Coordinate, Coordinate], Listed]


def _checked(corners: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    corners_m = np.array(corners)
    _apart(corners_m)
    _simple(corners_m)
    if _area_m2(corners_m) < 0.0:
        raise ValueError("the corners run clockwise; write them in the other order")
    low, size = corners_m.min(axis=0), np.ptp(corners_m, axis=0)
    if np.abs(low).max() > ORIGIN_M:
        x, y = (f"{0.0 - value:g}" for value in low)
        raise ValueError(
            f"the least x and the least y must be 0, got {low[0]:g} and {low[1]:g}; "
            f"add {x} to every x and {y} to every y"
        )
    if size.min() < SMALLEST_M or size.max() > LARGEST_M:
        raise ValueError(
            f"the floor is {size[0]:g} x {size[1]:g} m over all; "
            f"each must be from {SMALLEST_M:g} to {LARGEST_M:g} m"
        )
    return corners


def _apart(corners_m: np.ndarray) -> None:
    """Raises ValueError where corners are repeated, walls too short or all corners in one line."""
    count = len(corners_m)
    away = np.hypot(*(corners_m[:, None] - corners_m[None]).T)
    same = np.argwhere(np.triu(away < TOUCHING_M, 1))
    if len(same):
        first, second = (int(index) + 1 for index in same[0])
        closes = (first, second) == (1, count)
        hint = "the last wall closes the room by itself" if closes else "each may be there once"
        raise ValueError(f"corners {first} and {second} are the same; leave one out, {hint}")
    for index in range(count):
        length = away[index, (index + 1) % count]
        if length < SHORTEST_M:
            raise ValueError(
                f"w{index + 1} is {length:.3g} m long, must be at least {SHORTEST_M:g} m; "
                "move its corners apart or leave one out"
            )
    one, other = np.unravel_index(int(away.argmax()), away.shape)
    along = (corners_m[other] - corners_m[one]) / away.max()
    if np.abs(_cross(along, corners_m - corners_m[one])).max() < TOUCHING_M:
        raise ValueError("all corners lie in one line; add one beside it")


def _simple(corners_m: np.ndarray) -> None:
    """Raises ValueError where two walls meet elsewhere than at the corner that they share."""
    count = len(corners_m)
    along = np.roll(corners_m, -1, axis=0) - corners_m
    away = np.stack(
        [_to_segment_m(corners_m, c, c + d) for c, d in zip(corners_m, along, strict=True)], 1
    )
    walls = np.arange(count)
    away[walls, walls] = away[(walls + 1) % count, walls] = np.inf
    touching = np.argwhere(away < TOUCHING_M)
    if len(touching):
        corner, wall = (int(index) + 1 for index in touching[0])
        raise ValueError(
            f"corner {corner} lies on w{wall}; only walls that follow each other may meet, "
            "so move it away or leave it out"
        )
    side = _cross(along[None], corners_m[:, None] - corners_m[None])
    parted = side * np.roll(side, -1, axis=0) < 0.0
    crossing = np.argwhere(parted & parted.T)
    if len(crossing):
        one, other = (int(index) + 1 for index in crossing[0])
        raise ValueError(
            f"w{one} and w{other} cross; write the corners in the order in which one walks "
            "along the walls"
        )


def _cross(a: np.ndarray, b: np.ndarray) -> Any:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _area_m2(corners_m: np.ndarray) -> float:
    """The area of a polygon (n, 2); negative if it runs clockwise."""
    return 0.5 * float(_cross(corners_m, np.roll(corners_m, -1, axis=0)).sum())


def _to_segment_m(points_m: np.ndarray, start_m: np.ndarray, end_m: np.ndarray) -> np.ndarray:
    """The distances of points (..., 2) to the straight line between two points."""
    length = np.hypot(*(end_m - start_m))
    along = (end_m - start_m) / length
    x, y = points_m[..., 0] - start_m[0], points_m[..., 1] - start_m[1]
    ahead = x * along[0] + y * along[1]
    past = np.maximum(np.maximum(-ahead, ahead - length), 0.0)
    return np.hypot(past, x * along[1] - y * along[0])


class NamedSurfaces(Table):
    """What each side is made of; `walls` stands for the standing walls that are not named."""

    floor: Surface
    ceiling: Surface
    walls: Surface = None

    def of(self, name: str) -> Any:
        """The surface of a side as written, or that of `walls`."""
        own = getattr(self, name)
        return self.walls if own is None and name not in ("floor", "ceiling") else own


def _names(count: int) -> list[str]:
    return [f"w{number}" for number in range(1, count + 1)]


_OF_WALLS: dict[str, Any] = dict.fromkeys(_names(MOST), (Surface, None))
Surfaces = create_model(
    "Surfaces",
    __base__=NamedSurfaces,
    __module__=__name__,
    __doc__=NamedSurfaces.__doc__,
    **_OF_WALLS,
)


class Parameters(Table):
    """A floor plan, counter-clockwise, and one height; the least x and the least y are 0."""

    kind: Literal["polygon"]
    corners_m: Annotated[
        tuple[Corner, ...],
        Listed,
        Field(min_length=FEWEST, max_length=MOST),
        AfterValidator(_checked),
    ]
    height_m: Annotated[float, Field(ge=SMALLEST_M, le=LARGEST_M)]
    surfaces: Surfaces  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _every_wall(self) -> "Parameters":
        names = _names(len(self.corners_m))
        problems = [
            Problem(
                f"there is no wall {name}, {len(names)} corners make w1 to {names[-1]}; leave it out",
                place=f"surfaces.{name}",
            )
            for name in _names(MOST)[len(names) :]
            if getattr(self.surfaces, name) is not None
        ]
        bare = [name for name in names if self.surfaces.of(name) is None]  # type: ignore[attr-defined]
        if bare:
            text = f"no surface for {', '.join(bare)}; add `walls`, or each of these by name"
            problems.append(Problem(text, place="surfaces"))
        if problems:
            raise InvalidInput(problems)
        return self


EXAMPLES = (
    {  # an L
        "kind": "polygon",
        "corners_m": [[0, 0], [6, 0], [6, 3], [3.5, 3], [3.5, 5], [0, 5]],
        "height_m": 2.6,
        "surfaces": {
            "floor": "carpet_loop",
            "ceiling": "plaster_painted",
            "walls": "drywall_painted",
            "w2": {"material": "window_glass", "spread": 0.5},
        },
    },
    {  # a bay with slanting windows
        "kind": "polygon",
        "corners_m": [[0, 0], [5, 0], [5, 4], [3.6, 4], [3, 4.6], [2, 4.6], [1.4, 4], [0, 4]],
        "height_m": 2.5,
        "surfaces": {
            "floor": "carpet_loop",
            "ceiling": "plaster_painted",
            "walls": "drywall_painted",
            "w4": "window_glass",
            "w5": "window_glass",
            "w6": "window_glass",
        },
    },
)


@dataclass(frozen=True, eq=False)
class Polygon(AbstractRoom):
    """A room with upright walls on a polygon."""

    corners_m: np.ndarray
    """(corner, 2) counter-clockwise as seen from above."""
    height_m: float
    walls: tuple[Wall, ...]
    """`w1` and so on, then `floor` and `ceiling`."""
    volume_m3: float
    bounds_m: np.ndarray
    solids: tuple[Prism, ...]

    def contains(self, points_m: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
        points_m = np.asarray(points_m, dtype=float)
        plan, z = points_m[..., :2], points_m[..., 2]
        nearest = np.full(z.shape, np.inf)
        inside = np.zeros(z.shape, dtype=bool)
        for start, end in zip(self.corners_m, np.roll(self.corners_m, -1, axis=0), strict=True):
            nearest = np.minimum(nearest, _to_segment_m(plan, start, end))
            passes = (start[1] > plan[..., 1]) != (end[1] > plan[..., 1])
            left = _cross(end - start, plan - start) > 0.0
            inside ^= passes & (left == (end[1] > start[1]))
        deep = np.where(inside, nearest, -nearest)
        return (deep >= margin_m) & (z >= margin_m) & (z <= self.height_m - margin_m)

    def foot_m(self, wall: str) -> np.ndarray | None:
        """`along` grows counter-clockwise: w1 runs from the first corner to the second."""
        names = _names(len(self.corners_m))
        if wall not in names:
            return None
        index = names.index(wall)
        foot = np.zeros((2, 3))
        foot[0, :2] = self.corners_m[index]
        foot[1, :2] = self.corners_m[(index + 1) % len(names)]
        return foot


def build(parameters: Parameters) -> Polygon:
    """The room of these parameters."""
    corners_m, height_m = np.array(parameters.corners_m), parameters.height_m
    surfaces: Any = parameters.surfaces
    sides = _sides(corners_m, height_m)
    specs = {name: surfaces.of(name) for name in sides}
    made = {repr(spec): surface(spec) for spec in {repr(s): s for s in specs.values()}.values()}
    walls = tuple(_wall(name, sides[name], made[repr(spec)]) for name, spec in specs.items())
    bounds_m = np.array([[*corners_m.min(axis=0), 0.0], [*corners_m.max(axis=0), height_m]])
    volume_m3 = _area_m2(corners_m) * height_m
    return Polygon(corners_m, height_m, walls, volume_m3, bounds_m, _solids(corners_m, height_m))


def _sides(corners_m: np.ndarray, height_m: float) -> dict[str, np.ndarray]:
    """The corners (corner, 3) of every wall, counter-clockwise as seen from inside."""
    count = len(corners_m)
    low, high = (np.column_stack([corners_m, np.full(count, z)]) for z in (0.0, height_m))
    sides = {}
    for index, name in enumerate(_names(count)):
        after = (index + 1) % count
        sides[name] = np.stack([low[index], high[index], high[after], low[after]])
    return {**sides, "floor": low, "ceiling": high[::-1].copy()}


def _wall(name: str, corners_m: np.ndarray, made: AbstractSurface) -> Wall:
    if name in ("floor", "ceiling"):
        normal = np.array([0.0, 0.0, 1.0 if name == "floor" else -1.0])
    else:
        x, y, _ = corners_m[3] - corners_m[0]
        normal = np.array([-y, x, 0.0]) / np.hypot(x, y) + 0.0  # no -0.0
    return Wall(name, corners_m, normal, made)


def _solids(corners_m: np.ndarray, height_m: float) -> tuple[Prism, ...]:
    """What fills the pockets between the floor plan and its convex hull."""
    rim = _rim(corners_m)
    count = len(corners_m)
    solids = []
    for here, there in pairwise([*rim, rim[0] + count]):
        if there - here > 1:
            chain_m = corners_m[np.arange(here, there + 1) % count]
            solids += [
                Prism(footprint_m, -BEYOND_M, height_m + BEYOND_M)
                for footprint_m in _pocket(chain_m)
            ]
    return tuple(solids)


def _rim(corners_m: np.ndarray) -> list[int]:
    """The corners on the convex hull, in order; those within one of its edges too."""
    count = len(corners_m)
    order = np.lexsort(corners_m.T[::-1]).tolist()
    hull: set[int] = set()
    for half in (order, order[::-1]):  # Andrew 1979
        kept: list[int] = []
        for index in half:
            while len(kept) > 1 and _turn(corners_m[[*kept[-2:], index]]) <= 0.0:
                kept.pop()
            kept.append(index)
        hull.update(kept)
    rim = sorted(hull)
    for here, there in pairwise([*rim, rim[0] + count]):
        between = np.arange(here + 1, there) % count
        start, end = corners_m[here], corners_m[there % count]
        near = _to_segment_m(corners_m[between], start, end) < TOUCHING_M
        rim += between[near].tolist()
    return sorted(rim)


def _turn(three_m: np.ndarray) -> float:
    """The sine of the turn at the second of three points; positive to the left."""
    before, after = three_m[1] - three_m[0], three_m[2] - three_m[1]
    return float(_cross(before, after) / (np.hypot(*before) * np.hypot(*after)))


def _pocket(chain_m: np.ndarray) -> list[np.ndarray]:
    """Convex footprints (n, 2) that fill the pocket behind a chain of corners.

    The pocket is closed by the hull's edge from the chain's first corner to its last; the piece
    that has this edge goes on outwards, unless that would make a dent.
    """
    first, last = 0, len(chain_m) - 1
    along = (chain_m[last] - chain_m[first]) / np.hypot(*(chain_m[last] - chain_m[first]))
    outwards = OUTWARDS_M * np.array([along[1], -along[0]])
    points_m = np.concatenate([chain_m, [chain_m[last] + outwards, chain_m[first] + outwards]])
    pieces = _triangles(points_m, list(range(last, -1, -1)))
    at_edge = next(n for n, piece in enumerate(pieces) if first in piece and last in piece)
    (third,) = set(pieces[at_edge]) - {first, last}
    longer = [first, last + 2, last + 1, last, third]
    if _is_convex(points_m[longer]):
        pieces[at_edge] = longer
    return [points_m[piece] for piece in _merged(points_m, pieces)]


def _triangles(points_m: np.ndarray, around: list[int]) -> list[list[int]]:
    """A simple polygon, counter-clockwise, cut into triangles: ear after ear (Meisters 1975)."""
    around, found = list(around), []
    while len(around) > 3:
        count = len(around)
        ears = [[around[n - 1], around[n], around[(n + 1) % count]] for n in range(count)]
        clear = [ear for ear in ears if _is_ear(points_m, ear, around)]
        # Rounding alone leaves none; then the sharpest corner is the best.
        ear = clear[0] if clear else max(ears, key=lambda three: _turn(points_m[three]))
        found.append(ear)
        around.remove(ear[1])
    return [*found, around]


def _is_ear(points_m: np.ndarray, ear: list[int], around: list[int]) -> bool:
    if _turn(points_m[ear]) <= STRAIGHT:
        return False
    others = points_m[[index for index in around if index not in ear]]
    a, b, c = points_m[ear]
    left = [_cross(end - start, others - start) >= 0.0 for start, end in ((a, b), (b, c))]
    shut = _cross(a - c, others - c) >= -STRAIGHT * np.hypot(*(a - c))
    return not np.any(left[0] & left[1] & shut)


def _merged(points_m: np.ndarray, pieces: list[list[int]]) -> list[list[int]]:
    """Convex pieces of a polygon, put together where the whole stays convex (Hertel and Mehlhorn
    1983).
    """
    for one in range(len(pieces)):
        for other in range(one + 1, len(pieces)):
            whole = _joined(pieces[one], pieces[other])
            if whole is not None and _is_convex(points_m[whole]):
                rest = [piece for n, piece in enumerate(pieces) if n not in (one, other)]
                return _merged(points_m, [*rest, whole])
    return pieces


def _joined(one: list[int], other: list[int]) -> list[int] | None:
    """Two polygons along the edge that they share; None if they share none."""
    for n, start in enumerate(one):
        end = one[(n + 1) % len(one)]
        if start in other and other[other.index(start) - 1] == end:
            m = other.index(start)
            return [*one[n + 1 :], *one[: n + 1], *(other[m:] + other[:m])[1:-1]]
    return None


def _is_convex(corners_m: np.ndarray) -> bool:
    count = len(corners_m)
    return all(_turn(corners_m[[n - 1, n, (n + 1) % count]]) >= -STRAIGHT for n in range(count))

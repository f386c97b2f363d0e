"""Sides: the flat faces of a room and its furniture, as mirrors, and the solid prisms that stand in the air, as what casts shadows.

A face has *free* edges, beside which a wave passes it; where another wall meets it at a right angle in an inner corner there is none, for
the mirror image of the face in that wall continues it.  Furniture that touches a wall or the floor reaches through it, so that nothing passes behind.

A patch is a side in the plane of its wall, as a mirror by what its surface reflects more or less than the wall's: images in both are in one place, and where a way meets the patch
the two make what the patch reflects.  Beside its window, which ends in knife edges as others do, the wall's own is left.

A sheet, furniture that lets sound through, is a mirror on either side and no solid: behind it is heard what it transmits beside what passes its edges.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from usim.furniture.base import AbstractFurniture
from usim.physics.air import Air
from usim.physics.prism import Face, Prism
from usim.rooms.base import Patch
from usim.scene.scene import Scene
from usim.surfaces.base import AbstractSurface

TOUCHING_M = 0.01  # furniture that stands so near to a wall touches it
SHEET_FACES = ("side_1", "side_3")  # that are met of a sheet
THROUGH_M = 1000.0  # how far what touches a wall reaches through it
SAME = 1e-6  # m, or cosine: what differs less is the same


class Mirror(Protocol):
    """What reflects: a surface, or the difference of two."""

    def reflection(self, cos_incidence, f_hz, air: Air) -> np.ndarray: ...


@dataclass(frozen=True)
class Difference:
    """What a patch reflects beyond the wall that it is on."""

    patch: AbstractSurface
    wall: AbstractSurface

    def reflection(self, cos_incidence, f_hz, air: Air) -> np.ndarray:
        """Return the difference of the complex reflections of pressure at cosines of incidence and f_hz (Hz)."""
        return self.patch.reflection(cos_incidence, f_hz, air) - self.wall.reflection(cos_incidence, f_hz, air)  # fmt: skip


@dataclass(frozen=True)
class Through:
    """What a sheet changes of what goes straight through it."""

    sheet: AbstractSurface

    def reflection(self, cos_incidence, f_hz, air: Air) -> np.ndarray:
        """Return the complex transmission of pressure at cosines of incidence and f_hz (Hz), less one."""
        return self.sheet.transmission(cos_incidence, f_hz, air) - 1.0


def held(
    mirror: AbstractSurface | Difference | Through, cos_incidence, f_hz, air: Air
) -> np.ndarray:
    """Return the complex reflection of pressure at cosines of incidence and f_hz (Hz), beyond a surface's band what it is at the band's edge."""
    if isinstance(mirror, Difference):
        return held(mirror.patch, cos_incidence, f_hz, air) - held(mirror.wall, cos_incidence, f_hz, air)  # fmt: skip
    band_hz = mirror.sheet.band_hz if isinstance(mirror, Through) else mirror.band_hz
    return mirror.reflection(cos_incidence, np.clip(f_hz, *band_hz), air)


@dataclass(frozen=True, eq=False)
class Side:
    """One reflecting face: free_edges (n, 3, 3) holds per edge a point in m, its direction, and the direction into the face."""

    name: str
    corners_m: np.ndarray
    normal: np.ndarray
    surface: AbstractSurface
    is_furniture: bool
    free_edges: np.ndarray
    owner: int = -1  # the solid that it is a face of
    wall: int = -1  # the side that it is a patch of
    is_sheet: bool = False  # whether what its surface transmits goes straight on behind it


@dataclass(frozen=True, eq=False)
class Solid:
    """One prism that casts shadows, reaching through the walls that it touches; touches: the sides across which its mirror image continues it."""

    prism: Prism
    touches: frozenset[int]


@dataclass(frozen=True, eq=False)
class Sheet:
    """One upright sheet; its solid has the two ends of its foot for a footprint."""

    name: str
    solid: Solid
    normal: np.ndarray
    surface: AbstractSurface


@dataclass(frozen=True, eq=False)
class Sides:
    """All sides, walls before patches before furniture, all solids, those of the room first, and all sheets, which are no solids.

    Sheets are owners after solids, and mirrors after sides: as such they are what they change of what goes through them.
    """

    sides: tuple[Side, ...]
    solids: tuple[Solid, ...]
    sheets: tuple[Sheet, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether every image is seen from everywhere: no solids, no patches, no sheets, no free edges."""
        return self.is_bare and not self.sheets and not any(side.wall >= 0 for side in self.sides)

    @property
    def is_bare(self) -> bool:
        """Whether every image in walls alone is seen from everywhere."""
        return not self.solids and not any(len(side.free_edges) for side in self.sides if side.wall < 0 and not side.is_sheet)  # fmt: skip

    @property
    def surfaces(self) -> list[AbstractSurface]:
        """What the sides are made of."""
        return [side.surface for side in self.sides]

    @property
    def mirrors(self) -> list[AbstractSurface | Difference | Through]:
        """What the sides reflect as mirrors, a patch what it does beyond its wall; then what the sheets change."""
        own = [
            side.surface
            if side.wall < 0
            else Difference(side.surface, self.sides[side.wall].surface)
            for side in self.sides
        ]
        return [*own, *(Through(sheet.surface) for sheet in self.sheets)]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(side.name for side in self.sides)


def sides_of(scene: Scene) -> Sides:
    """Return the sides and solids of a scene's room and furniture."""
    room = scene.room
    walls = [Face(wall.name, np.asarray(wall.corners_m, float), np.asarray(wall.normal, float)) for wall in room.walls]  # fmt: skip
    made = [
        Side(face.name, face.corners_m, face.normal, wall.surface, False, _free_edges(face, walls, _continues), next((n for n, solid in enumerate(room.solids) if _lines(solid, face)), -1))
        for face, wall in zip(walls, room.walls, strict=True)
    ]  # fmt: skip
    made += [patch for one in scene.patches if (patch := _patch(one, made)) is not None]
    firm = [one for one in scene.furniture if not one.is_sheet]
    sheer = [one for one in scene.furniture if one.is_sheet and not _is_nothing(one, scene.air)]
    solids = [Solid(prism, _beside(prism, walls)) for prism in room.solids]
    owner = {one.name: len(solids) + n for n, one in enumerate((*firm, *sheer))}
    solids += [_reaching(one.solid, walls) for one in firm]
    for thing in scene.furniture:
        others = [one.solid for one in scene.furniture if one is not thing]
        faces = thing.solid.faces()
        hidden = [face for face in faces if _wall_behind(face, walls) >= 0]
        for face in faces:
            if any(face is one for one in hidden) or any(_covers(other, face) for other in others):
                continue
            if thing.name not in owner or (thing.is_sheet and face.name not in SHEET_FACES):
                continue
            made.append(
                Side(f"{thing.name}.{face.name}", face.corners_m, face.normal, thing.surface, True, _free_edges(face, hidden, _leans), owner[thing.name], is_sheet=thing.is_sheet)
            )  # fmt: skip
    return Sides(tuple(made), tuple(solids), tuple(_sheet(one, walls) for one in sheer))


def _is_nothing(thing: AbstractFurniture, air: Air) -> bool:
    """Return whether a sheet lets all sound through."""
    cosine, f_hz = np.array([[0.1], [0.5], [1.0]]), np.array(thing.surface.band_hz)
    return bool(np.all(thing.surface.energy(cosine, f_hz, air).transmitted > 1.0 - SAME))


def _sheet(thing: AbstractFurniture, walls: list[Face]) -> Sheet:
    """Return a thing that is a sheet, through the walls that it ends at."""
    foot = thing.solid.footprint_m
    middle = Prism(0.5 * (foot[:2] + foot[:1:-1]), thing.solid.low_m, thing.solid.high_m)
    face = next(face for face in thing.solid.faces() if face.name == SHEET_FACES[0])
    return Sheet(thing.name, _reaching(thing.solid, walls, middle), face.normal, thing.surface)


def _patch(patch: Patch, walls: list[Side]) -> Side | None:
    """Return a patch as a side; None where it is of its wall's surface."""
    number = next(n for n, wall in enumerate(walls) if wall.wall < 0 and wall.name == patch.wall)
    wall = walls[number]
    if patch.surface == wall.surface:
        return None
    face = Face(f"{wall.name}.{patch.name}", np.asarray(patch.corners_m, float), wall.normal)
    ends = zip(wall.corners_m, np.roll(wall.corners_m, -1, axis=0), strict=True)
    closed = [
        np.array([here, there])
        for here, there in ends
        if not any(np.linalg.norm(edge[0] - here) < SAME for edge in wall.free_edges)
    ]
    edges = _free_edges(face, closed, _lies_on)
    return Side(face.name, face.corners_m, face.normal, patch.surface, False, edges, wall=number)


def _lies_on(_: Face, edge: np.ndarray, here: np.ndarray, there: np.ndarray) -> bool:
    """Return whether both ends of a patch's edge lie on an edge (2, 3) of its wall."""
    along = edge[1] - edge[0]
    along = along / np.linalg.norm(along)
    return all(np.linalg.norm(np.cross(end - edge[0], along)) <= SAME for end in (here, there))


def _level(face: Face) -> float:
    return float(face.normal @ face.corners_m[0])


def _wall_behind(face: Face, walls: list[Face]) -> int:
    """Return the wall that a face of furniture touches, -1 where there is none."""
    for number, wall in enumerate(walls):
        if wall.normal @ face.normal > SAME - 1.0:
            continue
        near = np.abs(face.corners_m @ wall.normal - _level(wall)) <= TOUCHING_M
        low, high = wall.corners_m.min(axis=0) - TOUCHING_M, wall.corners_m.max(axis=0) + TOUCHING_M
        if near.all() and np.all((face.corners_m >= low) & (face.corners_m <= high)):
            return number
    return -1


def _covers(prism: Prism, face: Face) -> bool:
    """Return whether a face lies against another prism, or in it."""
    return bool(prism.contains(face.corners_m, -TOUCHING_M).all())


def _lines(prism: Prism, wall: Face) -> bool:
    """Return whether a standing wall is one side of a solid of the room."""
    if abs(wall.normal[2]) > SAME:
        return False
    foot = wall.corners_m[:, :2]
    return bool(prism.contains(_at_middle(prism, foot), -SAME).all()) and not bool(
        prism.contains(_at_middle(prism, foot.mean(axis=0, keepdims=True)), SAME).any()
    )


def _at_middle(prism: Prism, plan: np.ndarray) -> np.ndarray:
    return np.column_stack([plan, np.full(len(plan), 0.5 * (prism.low_m + prism.high_m))])


def _free_edges(face: Face, others: list, continues: Callable) -> np.ndarray:
    """Return the free edges (n, 3, 3) of a face: those at which none of others continues it."""
    found = []
    for here, there in zip(face.corners_m, np.roll(face.corners_m, -1, axis=0), strict=True):
        if not any(continues(face, other, here, there) for other in others):
            along = (there - here) / np.linalg.norm(there - here)
            found.append(np.stack([here, along, np.cross(face.normal, along)]))
    return np.array(found).reshape(-1, 3, 3)


def _shares(face: Face, here: np.ndarray, there: np.ndarray) -> bool:
    """Return whether both ends of an edge are corners of a face."""
    return all(
        np.linalg.norm(face.corners_m - point, axis=1).min() <= SAME for point in (here, there)
    )


def _leans(face: Face, other: Face, here: np.ndarray, there: np.ndarray) -> bool:
    """Return whether a face meets another at a right angle along an edge."""
    return abs(other.normal @ face.normal) <= SAME and _shares(other, here, there)


def _continues(face: Face, other: Face, here: np.ndarray, there: np.ndarray) -> bool:
    """Return whether another wall meets this one along an edge at a right angle, in front of it: an inner corner."""
    if not _leans(face, other, here, there):
        return False
    into_other = np.cross(other.normal, here - there)  # which goes round its own edge the other way
    return bool(into_other @ face.normal > 0.0)


def _beside(prism: Prism, walls: list[Face]) -> frozenset[int]:
    """Return the walls at whose foot a solid of the room ends in a right angle: beyond them its mirror image goes on."""
    found = set()
    sides = [wall for wall in walls if _lines(prism, wall)]
    for number, wall in enumerate(walls):
        if abs(wall.normal[2]) > SAME or any(wall is side for side in sides):
            continue
        for side in sides:
            near = any(
                np.linalg.norm(wall.corners_m - corner, axis=1).min() <= SAME
                for corner in side.corners_m
            )
            if near and abs(side.normal @ wall.normal) <= SAME:
                found.add(number)
    return frozenset(found)


def _reaching(prism: Prism, walls: list[Face], outline: Prism | None = None) -> Solid:
    """Return a piece of furniture, or an outline of it, through the walls that it touches."""
    touched = {}
    for face in prism.faces():
        number = _wall_behind(face, walls)
        if number >= 0:
            touched[number] = walls[number]
    outline = outline or prism
    low, high, plan = outline.low_m, outline.high_m, outline.footprint_m
    for wall in touched.values():
        if wall.normal[2] > SAME:
            low -= THROUGH_M
        elif wall.normal[2] < -SAME:
            high += THROUGH_M
        else:
            near = np.abs(plan @ wall.normal[:2] - _level(wall)) <= TOUCHING_M
            plan = hull(np.concatenate([plan, plan[near] - THROUGH_M * wall.normal[:2]]))
    return Solid(Prism(plan, low, high), frozenset(touched))


def hull(points: np.ndarray) -> np.ndarray:
    """Return the convex hull (n, 2), counter-clockwise, of points (m, 2); Andrew (1979)."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    ends = []
    for some in (points[order], points[order[::-1]]):
        chain: list[np.ndarray] = []
        for point in some:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 1e-9:
                chain.pop()
            chain.append(point)
        ends += chain[:-1]
    return np.array(ends)


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def clipped(footprint_m: np.ndarray, normal: np.ndarray, level: float) -> np.ndarray:
    """Return the part (n, 2) of a convex footprint where normal . x >= level, normal (2,)."""
    depth = footprint_m @ normal - level
    out = []
    for n in range(len(depth)):
        after = (n + 1) % len(depth)
        if depth[n] >= 0.0:
            out.append(footprint_m[n])
        if depth[n] * depth[after] < 0.0:
            share = depth[n] / (depth[n] - depth[after])
            out.append(footprint_m[n] + share * (footprint_m[after] - footprint_m[n]))
    return np.array(out).reshape(-1, 2)

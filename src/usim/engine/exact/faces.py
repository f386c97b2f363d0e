"""Flat faces that sound is mirrored by where a room holds more than its own box: walls and the sides of furniture.

The order of the faces is part of every key: the room's walls as they come, then the furniture as it comes, of each the
sides of its solid as it names them. A side that stands against a wall, or inside another piece, meets no air and is left
out. An edge is free where the face ends in the air; past a free edge a mirror fades, past another one something else
takes over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

TOUCH_M = 0.01  # what lies this near to a wall stands against it
AGAINST = -0.999  # cosine between the normals of two faces that touch
SAME_M = 1e-6  # two edges that lie this near are one
SQUARE = 1e-6  # cosine of what counts as a right angle between walls that share an edge
SLANT = 1e-9  # cosine beyond which two walls are not at a right angle, for the lattice
AIR = -1  # the owner of a wall
LONG_SIDES = ("side_1", "side_3")  # of a sheet


@dataclass(frozen=True, eq=False)
class Face:
    """A flat polygon, corners_m (n, 3) counter-clockwise as seen from the side that its normal (3,) points to.

    owner: number of the piece of furniture it belongs to, AIR for a wall; free (n,): whether the edge from corner n to the
    next is free.
    """

    name: str
    corners_m: np.ndarray
    normal: np.ndarray
    surface: Any
    owner: int
    free: np.ndarray

    @property
    def edges(self) -> np.ndarray:
        """Ends of the edges, (n, 2, 3) in m."""
        return _edges(self.corners_m)


def furniture(scene) -> tuple:
    """The furniture of a scene, none where it does not know of any."""
    return tuple(getattr(scene, "furniture", ()))


def is_sheet(thing) -> bool:
    """Whether a piece of furniture is so thin that sound goes through it, and meets its two long sides alone."""
    return bool(getattr(thing, "is_sheet", False))


def room_solids(scene) -> tuple:
    """The solids that fill what a concave room leaves of its hull."""
    return tuple(getattr(scene.room, "solids", ()))


def cluttered(scene) -> bool:
    """Whether a scene holds more than planes that are all parallel or at right angles."""
    if furniture(scene) or room_solids(scene):
        return True
    normals = [np.asarray(wall.normal, float) for wall in scene.room.walls]
    return any(
        SLANT < abs(one @ other) < 1.0 - SLANT
        for place, one in enumerate(normals)
        for other in normals[:place]
    )


def faces(scene) -> tuple[Face, ...]:
    """All faces that sound meets, in the order that keys number them by."""
    walls = scene.room.walls
    found = [
        Face(wall.name, *_flat(wall), wall.surface, AIR, _ends_in_air(wall, walls))
        for wall in walls
    ]
    things = furniture(scene)
    for owner, thing in enumerate(things):
        others = [other.solid for other in things if other is not thing]
        sides = thing.solid.faces()
        standing = [bool(len(walls_touched(side, walls))) for side in sides]
        at_wall = [side for side, there in zip(sides, standing, strict=True) if there]
        for side, there in zip(sides, standing, strict=True):
            if is_sheet(thing) and side.name not in LONG_SIDES:
                continue
            corners, normal = _flat(side)
            if there or any(_inside(corners, other).all() for other in others):
                continue
            leaning = [np.asarray(one.corners_m, float) for one in at_wall if _square(side, one)]
            free = [all(_shared(edge, one) is None for one in leaning) for edge in _edges(corners)]
            name = f"{thing.name}.{side.name}"
            found.append(Face(name, corners, normal, thing.surface, owner, np.array(free)))
    return tuple(found)


def walls_touched(side, walls) -> np.ndarray:
    """Numbers of the walls that a side of a solid stands against: it lies in their plane, within their extents, and faces the other way."""
    corners, normal = _flat(side)
    return np.array(
        [
            number
            for number, (there, inward) in enumerate(map(_flat, walls))
            if normal @ inward < AGAINST
            and np.abs((corners - there[0]) @ inward).max() <= TOUCH_M
            and (corners >= there.min(axis=0) - TOUCH_M).all()
            and (corners <= there.max(axis=0) + TOUCH_M).all()
        ],
        dtype=np.int64,
    )


def _flat(thing) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(thing.corners_m, float), np.asarray(thing.normal, float)


def _edges(corners: np.ndarray) -> np.ndarray:
    return np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)


def _square(one, other) -> bool:
    return abs(np.asarray(one.normal, float) @ np.asarray(other.normal, float)) <= SQUARE


def _shared(edge: np.ndarray, corners: np.ndarray) -> np.ndarray | None:
    """Ends of the edge of a polygon (n, 3) that runs along an edge (2, 3) for more than a point; None if none does."""
    along = edge[1] - edge[0]
    length = np.linalg.norm(along)
    along = along / length
    for other in _edges(corners):
        off = other - edge[0]
        reach = off @ along
        aside = np.linalg.norm(off - np.outer(reach, along), axis=1)
        if aside.max() < SAME_M and min(reach.max(), length) - max(reach.min(), 0.0) > SAME_M:
            return other
    return None


def _ends_in_air(wall, walls) -> np.ndarray:
    """Which edges of a wall no other wall takes up at a right angle, as the inner corner of a room does.

    There the other wall begins in front of this one, wherever else it goes: a floor may reach behind a wall.
    """
    corners, normal = _flat(wall)
    square = [other for other in walls if other is not wall and _square(wall, other)]
    free = np.ones(len(corners), dtype=np.bool_)
    for number, edge in enumerate(_edges(corners)):
        for other in square:
            there, facing = _flat(other)
            common = _shared(edge, there)
            if common is not None and np.cross(facing, common[1] - common[0]) @ normal > 0.0:
                free[number] = False
    return free


def _inside(points: np.ndarray, solid) -> np.ndarray:
    """Which points (n, 3) lie inside a solid that is TOUCH_M wider on every side."""
    foot = np.asarray(solid.footprint_m, float)
    along = np.roll(foot, -1, axis=0) - foot
    along = along / np.linalg.norm(along, axis=1)[:, None]
    off = points[:, None, :2] - foot
    depth = along[:, 0] * off[..., 1] - along[:, 1] * off[..., 0]
    level = (points[:, 2] >= solid.low_m - TOUCH_M) & (points[:, 2] <= solid.high_m + TOUCH_M)
    return level & (depth >= -TOUCH_M).all(axis=1)

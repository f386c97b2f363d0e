"""What stands in the way of sound: the solids of a concave room, then the furniture, as arrays for `veil`.

Furniture that touches a wall is grown through it, so that no sound slips between the two where a straight line is
unfolded through the wall. A stretch of a path that begins or ends on that very wall stays in front of it, and for that
stretch the piece keeps its side: whether its line passes above, below or beside the piece is then told by its own edges.
Which sides keep is a set of bits, and every set has its own shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from usim.engine.exact.faces import AIR, SAME_M, Face, furniture, room_solids, walls_touched

BEYOND_M = 1000.0  # a side that touches a wall is moved out this far
HUGE_M = 1e5
MOST_TOUCHED = 8  # sides of one piece against walls


@dataclass(frozen=True, eq=False)
class Solids:
    """Arrays by solid and by the set of sides that keep: foot_m (solid, set, corner, 2), corners, low_m and high_m.

    own (face + 1, solid): whether a stretch that begins or ends on a face is let past the solid unasked; keeps (face + 1,
    solid): the bits of the sides that keep there. The last row is for a stretch that begins or ends in the air.
    """

    foot_m: np.ndarray
    corners: np.ndarray
    low_m: np.ndarray
    high_m: np.ndarray
    own: np.ndarray
    keeps: np.ndarray


def solids(scene, met: tuple[Face, ...]) -> Solids:
    """The solids of a scene whose faces are `met`."""
    in_room, things = room_solids(scene), furniture(scene)
    count = len(in_room) + len(things)
    own = np.zeros((len(met) + 1, count), dtype=np.bool_)
    keeps = np.zeros((len(met) + 1, count), dtype=np.int64)
    shapes: list[list[tuple[np.ndarray, float, float]]] = []
    for number, solid in enumerate(in_room):
        foot = np.asarray(solid.footprint_m, float)
        shapes.append([(foot, float(solid.low_m), float(solid.high_m))])
        for place, face in enumerate(met):
            upright = face.owner == AIR and abs(face.normal[2]) < 0.5
            own[place, number] = upright and _on_rim(face.corners_m[:, :2], foot)
    for owner, thing in enumerate(things):
        number = len(in_room) + owner
        touching: list[Any] = []
        for side in thing.solid.faces():
            walls = walls_touched(side, scene.room.walls)
            if len(walls):
                keeps[walls, number] |= 1 << len(touching)  # walls come first among the faces
                touching.append(side)
        if len(touching) > MOST_TOUCHED:
            raise ValueError(
                f"furniture.{thing.name}: {len(touching)} sides against walls; exact knows {MOST_TOUCHED}"
            )
        own[:-1, number] = [face.owner == owner for face in met]
        every = range(1 << len(touching))
        shapes.append([_grown(thing.solid, touching, kept) for kept in every])
    foot_m, corners, low_m, high_m = _table(shapes)
    return Solids(foot_m, corners, low_m, high_m, own, keeps)


def _on_rim(points: np.ndarray, foot: np.ndarray) -> bool:
    """Whether all points (n, 2) lie on the boundary of a footprint."""
    along = np.roll(foot, -1, axis=0) - foot
    off = points[:, None] - foot
    share = np.clip((off * along).sum(axis=-1) / (along**2).sum(axis=1), 0.0, 1.0)
    away = np.linalg.norm(off - share[..., None] * along, axis=-1).min(axis=1)
    return bool((away <= SAME_M).all())


def _grown(solid, touching, kept: int) -> tuple[np.ndarray, float, float]:
    """Footprint, low and high of a solid whose touching sides are moved out, but for those whose bit is in `kept`."""
    foot, low, high = np.asarray(solid.footprint_m, float), float(solid.low_m), float(solid.high_m)
    moved = set()
    for bit, side in enumerate(touching):
        if kept >> bit & 1:
            continue
        if side.normal[2] > 0.5:
            high += BEYOND_M
        elif side.normal[2] < -0.5:
            low -= BEYOND_M
        else:
            moved.add(side.name)
    if not moved:
        return foot, low, high
    grown = HUGE_M * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    for side in solid.faces():
        if abs(side.normal[2]) < 0.5:
            normal = np.asarray(side.normal, float)[:2]
            level = normal @ np.asarray(side.corners_m, float)[0, :2]
            grown = _cut(grown, normal, level + (BEYOND_M if side.name in moved else 0.0))
    return grown, low, high


def _cut(polygon: np.ndarray, normal: np.ndarray, level: float) -> np.ndarray:
    """What of a convex polygon (n, 2) lies at normal @ x <= level."""
    height = polygon @ normal - level
    kept = []
    for n in range(len(polygon)):
        here, after = height[n], height[(n + 1) % len(polygon)]
        if here <= 0.0:
            kept.append(polygon[n])
        if (here <= 0.0) != (after <= 0.0):
            step = polygon[(n + 1) % len(polygon)] - polygon[n]
            kept.append(polygon[n] + here / (here - after) * step)
    return np.array(kept).reshape(-1, 2)


def _table(shapes: list[list[tuple[np.ndarray, float, float]]]):
    """The shapes as arrays, padded with zeros."""
    sets = max((len(row) for row in shapes), default=0)
    widest = max((len(foot) for row in shapes for foot, _, _ in row), default=0)
    foot_m = np.zeros((len(shapes), sets, widest, 2))
    corners = np.zeros((len(shapes), sets), dtype=np.int64)
    low_m, high_m = np.zeros((len(shapes), sets)), np.zeros((len(shapes), sets))
    for number, row in enumerate(shapes):
        for kept, (foot, low, high) in enumerate(row):
            foot_m[number, kept, : len(foot)] = foot
            corners[number, kept] = len(foot)
            low_m[number, kept], high_m[number, kept] = low, high
    return foot_m, corners, low_m, high_m

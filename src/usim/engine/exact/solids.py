"""What stands in the way of sound: the solids of a concave room, then the furniture, as arrays for `veil`.

Furniture that touches a wall is grown through it, so that no sound slips between the two where a straight line is
unfolded through the wall. A path that is mirrored by that very wall goes on, unfolded, beside the mirror image of the
piece: there the two are one thing. Which walls mirror is a set of bits, and every set has its own shape. A solid of a
concave room goes on likewise beyond a wall that it meets at a right angle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from usim.engine.exact.faces import (
    AIR,
    SAME_M,
    Face,
    furniture,
    is_sheet,
    room_solids,
    walls_touched,
)

BEYOND_M = 1000.0  # a side that touches a wall is moved out this far
HUGE_M = 1e5
MOST_TOUCHED = 8  # sides of one piece against walls


@dataclass(frozen=True, eq=False)
class Solids:
    """Arrays by solid and by the set of walls that mirror it: foot_m (solid, set, corner, 2), corners, low_m and high_m.

    own (face + 1, solid): whether a stretch that begins or ends on a face is let past the solid unasked; touched (face + 1,
    solid): the bit of a wall that the solid touches. The last row is for a stretch that begins or ends in the air. sheet (solid, 4): normal and 1
    of what is a sheet, zero for the others.
    """

    foot_m: np.ndarray
    corners: np.ndarray
    low_m: np.ndarray
    high_m: np.ndarray
    own: np.ndarray
    touched: np.ndarray
    sheet: np.ndarray


def solids(scene, met: tuple[Face, ...]) -> Solids:
    """The solids of a scene whose faces are `met`."""
    in_room, things = room_solids(scene), furniture(scene)
    count = len(in_room) + len(things)
    own = np.zeros((len(met) + 1, count), dtype=np.bool_)
    touched = np.zeros((len(met) + 1, count), dtype=np.int64)
    sheet = np.zeros((count, 4))
    shapes: list[list[tuple[np.ndarray, float, float]]] = []
    for number, solid in enumerate(in_room):
        foot = np.asarray(solid.footprint_m, float)
        for place, face in enumerate(met):
            upright = face.owner == AIR and abs(face.normal[2]) < 0.5
            own[place, number] = upright and _on_rim(face.corners_m[:, :2], foot)
        sides = [face for face, its in zip(met, own[:, number], strict=False) if its]
        walls = [n for n, face in enumerate(met) if not own[n, number] and _corners(face, sides)]
        touched[walls, number] = [1 << bit for bit in range(len(walls))]
        shapes.append([])
        for kept in range(1 << len(walls)):
            planes = [_plane(met[n]) for bit, n in enumerate(walls) if kept >> bit & 1]
            cut = foot
            for normal, level in planes:
                cut = _cut(cut, -normal[:2], -level)
            shapes[-1].append(_mirrored(cut, float(solid.low_m), float(solid.high_m), planes))
    for owner, thing in enumerate(things):
        number = len(in_room) + owner
        if is_sheet(thing):
            along = np.subtract(*np.asarray(thing.solid.footprint_m, float)[1::-1])
            sheet[number] = [along[1], -along[0], 0.0, 1.0]
            sheet[number, :2] /= np.hypot(*along)
        touching: list[tuple[Any, int]] = []
        for side in thing.solid.faces():
            walls = walls_touched(
                side, scene.room.walls
            ).tolist()  # they come first among the faces
            if walls:
                touched[walls, number] |= 1 << len(touching)
                touching.append((side, walls[0]))
        if len(touching) > MOST_TOUCHED:
            raise ValueError(
                f"furniture.{thing.name}: {len(touching)} sides against walls; exact knows {MOST_TOUCHED}"
            )
        own[:-1, number] = [face.owner == owner for face in met]
        shapes.append([])
        for kept in range(1 << len(touching)):
            planes = [_plane(met[n]) for bit, (_, n) in enumerate(touching) if kept >> bit & 1]
            grown = _grown(thing.solid, [side for side, _ in touching], kept)
            shapes[-1].append(_mirrored(*grown, planes))
    foot_m, corners, low_m, high_m = _table(shapes)
    return Solids(foot_m, corners, low_m, high_m, own, touched, sheet)


def _plane(face: Face) -> tuple[np.ndarray, float]:
    return face.normal, float(face.normal @ face.corners_m[0])


def _mirrored(foot: np.ndarray, low: float, high: float, planes) -> tuple[np.ndarray, float, float]:
    """A shape together with its mirror images in planes, which it touches: one convex shape.

    Twice round: between two walls that face each other there are images of images.
    """
    for normal, level in [*planes, *planes]:
        if abs(normal[2]) > 0.5:
            there = 2.0 * level * normal[2]
            low, high = min(low, there - high), max(high, there - low)
        else:
            image = foot - 2.0 * (foot @ normal[:2] - level)[:, None] * normal[:2]
            foot = _wrapped(np.concatenate([foot, image]))
    return foot, low, high


def _wrapped(points: np.ndarray) -> np.ndarray:
    """The convex polygon round points (n, 2), counter-clockwise: from corner to corner, each time the rightmost (Jarvis 1973)."""
    here = int(np.lexsort((points[:, 0], points[:, 1]))[0])
    ring = [here]
    while len(ring) <= len(points):
        off = points - points[here]
        length = np.hypot(off[:, 0], off[:, 1])
        there = next(n for n in range(len(points)) if length[n] > SAME_M)
        for n in range(len(points)):
            turn = off[there, 0] * off[n, 1] - off[there, 1] * off[n, 0]
            straight = abs(turn) <= 1e-12 * length[there] * length[n]
            if length[n] > SAME_M and (turn < 0.0 if not straight else length[n] > length[there]):
                there = n
        if np.linalg.norm(points[there] - points[ring[0]]) <= SAME_M:
            break
        ring.append(there)
        here = there
    return points[ring]


def _corners(face: Face, sides: list[Face]) -> bool:
    """Whether an upright wall meets one of some others at a right angle."""
    if face.owner != AIR or abs(face.normal[2]) > 0.5:
        return False
    for side in sides:
        apart = np.linalg.norm(face.corners_m[:, None] - side.corners_m, axis=2).min()
        if apart <= SAME_M and abs(face.normal @ side.normal) <= SAME_M:
            return True
    return False


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

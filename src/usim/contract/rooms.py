"""The contract of rooms."""

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from usim.contract import kinds
from usim.rooms.base import AbstractRoom

TOLERANCE = 1e-9


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind of room."""
    yield from kinds.faults(module)
    for parameters in kinds.examples(module):
        room = module.build(parameters)
        if not isinstance(room, AbstractRoom):
            yield f"build gives a {type(room).__name__}, which is no AbstractRoom"
            continue
        yield from _walls(room)
        yield from _inside(room)
        again = module.build(parameters)
        if [w.corners_m.tolist() for w in again.walls] != [
            w.corners_m.tolist() for w in room.walls
        ]:
            yield "the same parameters give another room"


def _walls(room: AbstractRoom) -> Iterator[str]:
    names = [wall.name for wall in room.walls]
    if len(set(names)) != len(names):
        yield f"two walls share a name: {names}"
    total, volume = np.zeros(3), 0.0
    for wall in room.walls:
        corners = np.asarray(wall.corners_m, dtype=float)
        if abs((wall.normal**2).sum() - 1.0) > TOLERANCE:
            yield f"the normal of {wall.name} is not of unit length"
        if np.abs(((corners - corners[0]) * wall.normal).sum(axis=1)).max() > 1e-6:
            yield f"the corners of {wall.name} are not in one plane"
        area = 0.5 * np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
        if (area * wall.normal).sum() <= 0.0:
            yield f"the corners of {wall.name} do not go counter-clockwise as seen from inside"
        total += area
        volume -= float((area * corners[0]).sum()) / 3.0
    size = max(1.0, room.volume_m3)
    if np.abs(total).max() > TOLERANCE * size:
        yield "the walls do not close"
    if abs(volume - room.volume_m3) > 1e-6 * size:
        yield f"volume_m3 is {room.volume_m3:g}, the walls enclose {volume:g}"
    every = np.concatenate([wall.corners_m for wall in room.walls])
    if not np.allclose([every.min(axis=0), every.max(axis=0)], room.bounds_m, atol=1e-9):
        yield "bounds_m are not those of the walls"
    if np.abs(room.bounds_m[0]).max() > TOLERANCE:
        yield "the low corner of the bounding box is not the origin"


def _inside(room: AbstractRoom) -> Iterator[str]:
    generator = np.random.default_rng(0)
    low, high = room.bounds_m
    points = low + (high - low) * generator.random((2000, 3)) * 1.2 - 0.1 * (high - low)
    inside = room.contains(points)
    if inside.shape != (2000,) or inside.dtype != bool:
        yield "contains does not give one truth value for each point"
    if not inside.any():
        yield "contains finds no point inside"
    if np.any(room.contains(points, 0.1) & ~inside):
        yield "contains with a margin holds where contains without one does not"
    deep = points[room.contains(points, 0.1)]
    for wall in room.walls:
        away = ((deep - wall.corners_m[0]) * wall.normal).sum(axis=1)
        foot = deep - away[:, None] * wall.normal
        on_wall = room.contains(foot, -1e-6) & (np.abs(away) < 0.1 - TOLERANCE) & (away > 0)
        if np.any(on_wall & _within(wall.corners_m, wall.normal, foot)):
            yield f"contains with a margin holds nearer to {wall.name} than the margin"
        foot_m = room.foot_m(wall.name)
        if foot_m is None:
            continue
        off = np.abs(((foot_m - wall.corners_m[0]) * wall.normal).sum(axis=1)).max()
        if foot_m.shape != (2, 3) or off > TOLERANCE or np.abs(foot_m[:, 2]).max() > TOLERANCE:
            yield f"foot_m of {wall.name} is not on that wall and the floor"


def _within(corners: np.ndarray, normal: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether points in a convex wall's plane lie within it; false at a concave one's notch."""
    edges = np.roll(corners, -1, axis=0) - corners
    turn = np.cross(edges[None], points[:, None] - corners[None])
    return np.all((turn * normal).sum(axis=-1) >= 0.0, axis=1)

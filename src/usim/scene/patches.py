"""Patches: areas of walls that are of another surface, written in `room.patches` or made by openings."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import model_validator

from usim.openings.base import NARROWEST_M, AbstractOpening
from usim.rooms.base import AbstractRoom, Patch, Wall
from usim.surfaces.base import AbstractSurface, surface
from usim.template.fields import Coordinate, Listed, Name, Surface, Table

ROUNDING_M = 1e-6
"""What reaches so little beyond a wall, or over another patch, ends there."""

OnWall = Annotated[tuple[Coordinate, Coordinate], Listed]
"""[along, up] in m on a standing wall, from the start of its foot; [x, y] on floor and ceiling."""


class PatchTable(Table):
    """A rectangle of another surface on a wall, on the floor or on the ceiling."""

    name: Name
    wall: Name
    from_m: OnWall
    to_m: OnWall
    surface: Surface

    @model_validator(mode="after")
    def _in_order(self) -> "PatchTable":
        for number, low, high in zip(("first", "second"), self.from_m, self.to_m, strict=True):
            if high - low < NARROWEST_M:
                raise ValueError(
                    f"the {number} number of to_m must be at least {NARROWEST_M} m beyond that of "
                    f"from_m, got {low:g} to {high:g}"
                )
        return self

    def built(self, room: AbstractRoom) -> Patch:
        """The patch in a room; ValueError where it has no place there."""
        return placed(room, self.name, self.wall, self.from_m, self.to_m, surface(self.surface))


def opened(opening: AbstractOpening, room: AbstractRoom) -> tuple[Patch, ...]:
    """The parts of an opening as patches of a room; ValueError where its wall does not hold it."""
    wall_of(room, opening.wall, standing=True)
    froms, tos = zip(*((part.from_m, part.to_m) for part in opening.parts), strict=True)
    low = min(x for x, _ in froms), min(y for _, y in froms)
    high = max(x for x, _ in tos), max(y for _, y in tos)
    placed(
        room, opening.name, opening.wall, low, high, opening.parts[0].surface
    )  # all of it, for the message
    return tuple(
        placed(
            room,
            opening.name if len(opening.parts) == 1 else f"{opening.name}.{number}",
            opening.wall,
            part.from_m,
            part.to_m,
            part.surface,
        )
        for number, part in enumerate(opening.parts, 1)
    )


def wall_of(room: AbstractRoom, name: str, standing: bool = False) -> Wall:
    """The wall of that name; ValueError where there is none, or none that stands if one is to."""
    for wall in room.walls:
        if wall.name == name and not (standing and room.foot_m(name) is None):
            return wall
    known = [one.name for one in room.walls if not standing or room.foot_m(one.name) is not None]
    raise ValueError(f"no {'standing ' if standing else ''}wall {name}; one of {', '.join(known)}")


def placed(
    room: AbstractRoom,
    name: str,
    wall: str,
    from_m: tuple[float, float],
    to_m: tuple[float, float],
    made: AbstractSurface,
) -> Patch:
    """A rectangle (see `OnWall`) of a wall as a patch of the room; ValueError where the wall does not hold it."""
    on = wall_of(room, wall)
    origin, axes = _axes(room, on)
    plan = (np.asarray(on.corners_m, float) - origin) @ axes.T
    low, high = np.array(from_m, float), np.array(to_m, float)
    least, most = plan.min(axis=0), plan.max(axis=0)
    beyond = np.maximum(least - low, high - most)
    if beyond.max() > ROUNDING_M:
        number = int(beyond.argmax())
        raise ValueError(
            f"reaches {beyond[number]:.3g} m beyond {wall}, which is {most[0] - least[0]:.4g} x "
            f"{most[1] - least[1]:.4g} m; keep it from {least[number]:g} to {most[number]:.4g} "
            f"{_said(room, wall)[number]}"
        )
    low, high = np.maximum(low, least), np.minimum(high, most)  # its edges are the wall's
    for edge in (low, high):
        for end in (least, most):
            edge[:] = np.where(np.abs(edge - end) <= ROUNDING_M, end, edge)
    if not _holds(plan, low, high):
        raise ValueError(f"reaches beyond {wall}, which is no rectangle; move it or make it smaller")  # fmt: skip
    ring = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
    if np.cross(axes[0], axes[1]) @ on.normal < 0.0:
        ring = ring[::-1]
    return Patch(name, wall, origin + ring @ axes, made)


def _axes(room: AbstractRoom, wall: Wall) -> tuple[np.ndarray, np.ndarray]:
    """The origin (3,) and the two axes (2, 3) that places on a wall are told by."""
    foot = room.foot_m(wall.name)
    if foot is None:
        level = np.array([0.0, 0.0, float(wall.corners_m[0][2])])
        return level, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    along = foot[1] - foot[0]
    return foot[0], np.array([along / np.sqrt((along * along).sum()), [0.0, 0.0, 1.0]])


def _said(room: AbstractRoom, wall: str) -> tuple[str, str]:
    return ("in x", "in y") if room.foot_m(wall) is None else ("along the wall", "in height")


def _holds(plan: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether a simple polygon (n, 2) holds a rectangle: the middle of it, and no edge goes through it."""
    middle = 0.5 * (low + high)
    inside = False
    for start, end in zip(plan, np.roll(plan, -1, axis=0), strict=True):
        if _crosses(start, end, low + ROUNDING_M, high - ROUNDING_M):
            return False
        if (start[1] > middle[1]) != (end[1] > middle[1]):
            at = start[0] + (middle[1] - start[1]) / (end[1] - start[1]) * (end[0] - start[0])
            inside ^= bool(at > middle[0])
    return inside


def _crosses(start: np.ndarray, end: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether a line between two points (2,) goes through a rectangle (Liang and Barsky 1984)."""
    first, last = 0.0, 1.0
    for axis in range(2):
        step = end[axis] - start[axis]
        if step == 0.0:
            if not low[axis] < start[axis] < high[axis]:
                return False
            continue
        one, other = sorted(((low[axis] - start[axis]) / step, (high[axis] - start[axis]) / step))
        first, last = max(first, one), min(last, other)
    return bool(first < last)


def overlaps(patches: list[tuple[tuple, Patch]]) -> Iterator[tuple[tuple, str]]:
    """What is wrong where a patch or opening lies upon an earlier one, with its path; patches: (path, patch)."""
    for number, (path, patch) in enumerate(patches):
        for before, other in patches[:number]:
            if before != path and other.wall == patch.wall and _meet(patch, other):
                yield path, f"overlaps {other.name.partition('.')[0]} on {patch.wall}; move one of them or make it smaller"  # fmt: skip
                break


def _meet(one: Patch, other: Patch) -> bool:
    """Whether two rectangles of one wall share more than an edge."""
    axes = one.corners_m[[1, 3]] - one.corners_m[0]
    axes = axes / np.sqrt((axes * axes).sum(axis=1))[:, None]
    own, its = one.corners_m @ axes.T, other.corners_m @ axes.T
    apart = np.maximum(its.min(axis=0) - own.max(axis=0), own.min(axis=0) - its.max(axis=0))
    return bool(apart.max() < -ROUNDING_M)

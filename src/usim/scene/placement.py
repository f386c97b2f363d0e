"""Points by placement: words for a place, resolved to metres once the room and its furniture stand.

A placed point takes one uniform number for its x and one for its y, from the streams `<place>.x`
and `<place>.y`; further tries read on in the same two streams. So a changed margin moves the same
point, it does not make another.
"""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from usim.furniture.base import AbstractFurniture
from usim.rooms.base import AbstractRoom
from usim.template.fields import PLACEMENTS, Listed, Name, Table

MOST_TRIES = 200

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Height = Annotated[float, Field(ge=0.0, le=100.0)]
Uniform = Callable[[str, int], float]
"""(`x` or `y`, how-manieth try) -> a number in [0, 1) of this point's stream."""


class FreeFloor(Table):
    """Somewhere on the floor, clear of walls and furniture."""

    margin_m: Annotated[float, Field(ge=0.0, le=50.0)] = 0.3
    z_m: Height = 0.0
    near: Name | None = None
    within_m: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0


class OnThing(Table):
    """Somewhere on a piece of furniture: `{on: sofa}`, or with a height above it and a margin."""

    on: Name
    height_m: Height = 0.0
    margin_m: Annotated[float, Field(ge=0.0, le=50.0)] = 0.05


class AtWall(Table):
    """In front of a wall."""

    at_wall: Name
    along: Share = 0.5
    height_m: Height
    gap_m: Annotated[float, Field(ge=0.0, le=50.0)] = 0.1


class InRoom(Table):
    """At fractions of the room's bounding box."""

    in_room: Annotated[tuple[Share, Share, Share], Listed]


class OnFreeFloor(Table):
    """Somewhere on the free floor."""

    free_floor: FreeFloor


WORDS: dict[str, type[Table]] = {
    "in_room": InRoom,
    "free_floor": OnFreeFloor,
    "on": OnThing,
    "at_wall": AtWall,
}


class NoPlace(ValueError):
    """There is no such point: the word is right, this room or its furniture does not hold it."""


def placements(table: Any, path: tuple = ()) -> Iterator[tuple[tuple, str]]:
    """Every (path, word) at which a table holds a placement, in order."""
    if isinstance(table, dict):
        word = next((word for word in PLACEMENTS if word in table), None)
        if word is not None:
            yield path, word
            return
        for key, value in table.items():
            yield from placements(value, (*path, key))
    elif isinstance(table, list):
        for index, value in enumerate(table):
            yield from placements(value, (*path, index))


def resolved(
    placement: Table,
    room: AbstractRoom,
    furniture: tuple[AbstractFurniture, ...],
    uniform: Uniform,
) -> list[float]:
    """The point [x, y, z] in metres that a placement means; NoPlace where there is none."""
    if isinstance(placement, InRoom):
        low, high = room.bounds_m
        point = low + (high - low) * np.array(placement.in_room)
    elif isinstance(placement, AtWall):
        point = _at_wall(placement, room)
    elif isinstance(placement, OnThing):
        point = _on(placement, furniture, uniform)
    elif isinstance(placement, OnFreeFloor):
        point = _free_floor(placement.free_floor, room, furniture, uniform)
    else:
        raise TypeError(f"{type(placement).__name__} is no placement")
    return [float(value) for value in point]


def _at_wall(placement: AtWall, room: AbstractRoom) -> np.ndarray:
    wall = next((wall for wall in room.walls if wall.name == placement.at_wall), None)
    foot = room.foot_m(placement.at_wall) if wall is not None else None
    if wall is None or foot is None:
        standing = [one.name for one in room.walls if room.foot_m(one.name) is not None]
        raise NoPlace(f"no standing wall {placement.at_wall}; one of {', '.join(standing)}")
    point = foot[0] + placement.along * (foot[1] - foot[0]) + placement.gap_m * wall.normal
    point[2] += placement.height_m
    return point


def _thing(name: str, furniture: tuple[AbstractFurniture, ...]) -> AbstractFurniture:
    found = next((thing for thing in furniture if thing.name == name), None)
    if found is None:
        known = ", ".join(thing.name for thing in furniture)
        raise NoPlace(f"no furniture {name} in this room{f'; one of {known}' if known else ''}")
    return found


def _on(placement: OnThing, furniture: tuple, uniform: Uniform) -> np.ndarray:
    top_m = _thing(placement.on, furniture).top_m
    if top_m is None:
        raise NoPlace(f"nothing can be put on {placement.on}; it has no flat top")
    low, high = top_m[0, :2] + placement.margin_m, top_m[1, :2] - placement.margin_m
    low, high = np.minimum(low, (low + high) / 2), np.maximum(high, (low + high) / 2)
    share = np.array([uniform("x", 0), uniform("y", 0)])
    return np.append(low + share * (high - low), top_m[1, 2] + placement.height_m)


def _free_floor(
    floor: FreeFloor, room: AbstractRoom, furniture: tuple, uniform: Uniform
) -> np.ndarray:
    low, high = room.bounds_m[:, :2].copy()
    low, high = low + floor.margin_m, high - floor.margin_m
    near = _thing(floor.near, furniture) if floor.near is not None else None
    if near is not None:
        low = np.maximum(low, near.bounds_m[0, :2] - floor.within_m)
        high = np.minimum(high, near.bounds_m[1, :2] + floor.within_m)
    if np.any(high < low):
        raise NoPlace(f"no free floor with a margin of {floor.margin_m:g} m; make it smaller")
    for attempt in range(MOST_TRIES):
        share = np.array([uniform("x", attempt), uniform("y", attempt)])
        spot = low + share * (high - low)
        if _is_free(spot, floor, room, furniture, near):
            return np.append(spot, floor.z_m)
    raise NoPlace(
        f"no free floor found in {MOST_TRIES} tries; make margin_m smaller"
        + (" or within_m larger" if near is not None else "")
    )


def _is_free(
    spot: np.ndarray, floor: FreeFloor, room: AbstractRoom, furniture: tuple, near: Any
) -> bool:
    """Whether a spot (2,) keeps its margin to walls and to the footprints of furniture."""
    middle = np.append(spot, room.bounds_m[:, 2].mean())
    if not room.contains(middle) or _to_walls_m(middle, room) < floor.margin_m:
        return False
    away = [float(np.hypot(*(_footprint_nearest(thing, spot) - spot))) for thing in furniture]
    if any(distance <= floor.margin_m for distance in away):
        return False
    if near is None:
        return True
    return float(np.hypot(*(_footprint_nearest(near, spot) - spot))) <= floor.within_m


def _footprint_nearest(thing: AbstractFurniture, spot: np.ndarray) -> np.ndarray:
    return np.clip(spot, thing.bounds_m[0, :2], thing.bounds_m[1, :2])


def _to_walls_m(point: np.ndarray, room: AbstractRoom) -> float:
    """The distance to the nearest standing wall's foot, in plan."""
    least = np.inf
    for wall in room.walls:
        foot = room.foot_m(wall.name)
        if foot is not None:
            start, along = foot[0, :2], foot[1, :2] - foot[0, :2]
            share = np.clip(((point[:2] - start) * along).sum() / (along * along).sum(), 0.0, 1.0)
            least = min(least, float(np.hypot(*(start + share * along - point[:2]))))
    return least

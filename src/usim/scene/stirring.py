"""What stirs the air of a room: draughts, what movers blow, and the heating that changes its temperature."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, WithJsonSchema

from usim.movers.base import AbstractMover, Jet
from usim.physics.air import TEMPERATURE_RANGE_C
from usim.rooms.base import AbstractRoom
from usim.template.fields import Listed, Name, Table
from usim.template.problem import excerpt

MOST_DRAUGHTS = 4
TOWARDS = {
    "west": (1.0, 0.0, 0.0),
    "east": (-1.0, 0.0, 0.0),
    "south": (0.0, 1.0, 0.0),
    "north": (0.0, -1.0, 0.0),
    "floor": (0.0, 0.0, 1.0),
    "ceiling": (0.0, 0.0, -1.0),
}
"""Where a draught blows that comes from a side of the room's bounding box."""
FARTHEST_M = 1000.0
LEAST_M = 0.01


def _origin(value: Any) -> Any:
    if isinstance(value, str) and value:
        return value
    numbers = isinstance(value, list | tuple) and len(value) == 3
    if numbers and all(
        isinstance(one, int | float) and not isinstance(one, bool) and abs(one) <= FARTHEST_M
        for one in value
    ):
        return tuple(float(one) for one in value)
    raise ValueError(f"must be a wall's name, such as west, or a point [x, y, z], got {excerpt(value)}")  # fmt: skip


Origin = Annotated[
    Any,
    Listed,
    AfterValidator(_origin),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
            ],
            "x-usim": "point",
        }
    ),
]
"""A wall, a side of the room, or a point."""


class DraughtTable(Table):
    """A draught: gusts on a mean wind that crosses the room."""

    name: Name
    origin: Annotated[Origin, Field(alias="from")]
    speed_m_s: Annotated[float, Field(ge=0.01, le=5.0)]
    turbulence: Annotated[float, Field(ge=0.0, le=1.0)] = 0.3
    length_m: Annotated[float, Field(ge=0.02, le=2.0)] = 0.2


Draughts = Annotated[list[DraughtTable], Field(max_length=MOST_DRAUGHTS)]
Drift = Annotated[float, Field(ge=-10.0, le=10.0)]


@dataclass(frozen=True, eq=False)
class Draught:
    """One draught, with the whole room as its way."""

    name: str
    mean_m_s: np.ndarray
    """(3,)"""
    turbulence: float
    """rms of each component of the gusts over the mean speed."""
    length_m: float
    """Integral length of the gusts along the wind."""


def draught(table: DraughtTable, room: AbstractRoom) -> Draught:
    """The draught of a table: from a wall along its normal, from a point towards the middle of the room; ValueError where neither is there."""
    direction = _direction(table.origin, room)
    return Draught(table.name, table.speed_m_s * direction, table.turbulence, table.length_m)


def _direction(origin: Any, room: AbstractRoom) -> np.ndarray:
    if isinstance(origin, str):
        wall = next((wall for wall in room.walls if wall.name == origin), None)
        if wall is not None:
            return np.asarray(wall.normal, float)
        if origin in TOWARDS:
            return np.array(TOWARDS[origin])
        known = [wall.name for wall in room.walls]
        raise ValueError(f"no wall {origin}; one of {', '.join(known)}, or a point [x, y, z]")
    away = np.asarray(room.bounds_m, float).mean(axis=0) - np.asarray(origin, float)
    length = float(np.sqrt((away * away).sum()))
    if length < LEAST_M:
        raise ValueError("lies in the middle of the room, from where it would blow nowhere; move it")  # fmt: skip
    return away / length


@dataclass(frozen=True, eq=False)
class Blower:
    """One jet of a mover: number `number` of those that it lists."""

    mover: AbstractMover
    number: int
    jet: Jet

    @property
    def place(self) -> str:
        """Where its random numbers come from."""
        return f"air.jets.{self.mover.name}.{self.number}"

    def frames(self, t_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where its opening is (n, 3) in m at times (n,), and its axes (n, 3, 3) as columns, the first where it blows."""
        poses = self.mover.blowing(t_s)
        return poses.position_m[:, self.number], poses.rotation[:, self.number]


def blowers(movers: Iterable[AbstractMover]) -> tuple[Blower, ...]:
    """All jets of some movers, in order."""
    return tuple(
        Blower(mover, number, jet) for mover in movers for number, jet in enumerate(mover.jets)
    )


def drifting(k_per_min: float, temperature_c: float, duration_s: float) -> str | None:
    """What is wrong with a drift: the air leaves the range of its formulas before the scene ends."""
    low, high = TEMPERATURE_RANGE_C
    last = temperature_c + k_per_min * duration_s / 60.0
    if low <= last <= high:
        return None
    return f"brings the air to {last:.3g} degrees C by the end; it must stay from {low:g} to {high:g}"  # fmt: skip

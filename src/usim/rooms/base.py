"""Rooms: the closed space everything happens in.

What the family promises. A room is a set of flat walls around one connected volume of air. Every
wall is a flat, simple polygon with one surface; its normal points into the room. Together the walls
are closed: a straight line from any point inside meets a wall in every direction. A room never
moves and never draws a random number.

The contract, which `usim.contract.rooms` checks for every file in this folder:

* `Parameters` is a frozen model with `kind`; its surfaces are fields of type `Surface`.
* `build(parameters)` gives the room; the same parameters give the same room.
* `walls` have unique names, which placements (`at_wall: west`) and truth files use. Corners go
  around the wall counter-clockwise as seen from inside the room, in metres, in room coordinates: z
  up, the floor at z = 0, the bounding box's low corner at the origin.
* `contains` is true where a point lies inside by at least `margin_m` of every wall.
* `solids` are upright convex prisms that fill what lies inside the convex hull of the floor plan but outside the room, and
  reach far beyond the hull, the floor and the ceiling: they stand between what cannot see each other. A convex room has none.
* `foot_m(name)` is the foot of a standing wall, from `along` 0 to `along` 1; None for a floor or a
  ceiling.
* `EXAMPLES` are one or more tables as a scene file holds them: the contract is checked on them, and
  `usim show` shows them.

Shortest kind to start from: `box.py`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from usim.physics.prism import Prism
from usim.surfaces.base import AbstractSurface

SMALLEST_M, LARGEST_M = 0.5, 100.0
"""Extents that a room may have in each direction."""


@dataclass(frozen=True, eq=False)
class Wall:
    """One flat side of a room."""

    name: str
    corners_m: np.ndarray
    """(corner, 3) counter-clockwise as seen from inside."""
    normal: np.ndarray
    """(3,) of unit length, into the room."""
    surface: AbstractSurface


@dataclass(frozen=True, eq=False)
class Patch:
    """A flat convex area of a wall that is of another surface than the wall: a rug, a pane, an open door."""

    name: str
    wall: str
    corners_m: np.ndarray
    """(corner, 3) counter-clockwise as seen from inside."""
    surface: AbstractSurface


class AbstractRoom(ABC):
    """A closed space with flat walls."""

    walls: tuple[Wall, ...]
    volume_m3: float
    bounds_m: np.ndarray
    """(2, 3): the low and the high corner of the bounding box."""
    solids: tuple[Prism, ...] = ()

    @abstractmethod
    def contains(self, points_m: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
        """Whether each point of (..., 3) lies inside the room, at least `margin_m` from every wall."""

    @abstractmethod
    def foot_m(self, wall: str) -> np.ndarray | None:
        """The ends of a standing wall's foot, (2, 3); None for a wall that does not stand on the
        floor.
        """

"""Furniture: solid things that stand still.

What the family promises. A piece of furniture takes up space: devices and movers may not be inside
it, placements on the free floor keep clear of it, and a placement `{on: NAME}` puts a point on it.

The contract, which `usim.contract.furniture` checks for every file in this folder:

* `Parameters` is a frozen model with `kind` and `name`; extents are plain metres (`PointM`), never
  placements, because placements are measured against furniture.
* `build(parameters)` gives the thing; the same parameters give the same thing.
* `nearest_m` gives for any point the closest point of the solid, which for a point inside is the
  point itself.
* `contains` is true where a point lies inside by at least `margin_m`; a negative margin widens the
  thing.
* `solid` is the upright convex prism that sound meets: its faces reflect with `surface`, and it casts shadows.
* `is_sheet` tells a thing so thin that its two long sides, `side_1` and `side_3` of a footprint of four corners, are all that is met of it:
  what its surface transmits goes straight on behind it. What is solid lets nothing through.
* `top_m` is the flat rectangle that things are put on, (low, high) corners at one height; None if
  there is none.
* `EXAMPLES` are one or more tables as a scene file holds them: the contract is checked on them, and
  `usim show` shows them.

Shortest kind to start from: `block.py`.
"""

from abc import ABC, abstractmethod

import numpy as np

from usim.physics.prism import Prism
from usim.surfaces.base import AbstractSurface


class AbstractFurniture(ABC):
    """A solid thing that stands still."""

    name: str
    bounds_m: np.ndarray
    """(2, 3): the low and the high corner of the bounding box."""
    surface: AbstractSurface
    solid: Prism
    is_sheet: bool = False
    top_m: np.ndarray | None
    """(2, 3): the low and the high corner of the flat top, at one height."""

    @abstractmethod
    def nearest_m(self, points_m: np.ndarray) -> np.ndarray:
        """The closest point of the solid to each point of (..., 3)."""

    @abstractmethod
    def contains(self, points_m: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
        """Whether each point of (..., 3) lies inside the thing, at least `margin_m` deep."""

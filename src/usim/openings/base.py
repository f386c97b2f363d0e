"""Openings: doors and windows in walls, shut or open, that lead outside or to another room.

What the family promises. An opening is a rectangle of a standing wall. It takes no space: nothing stands in it, and a leaf that is open
is not there. What it does to sound is said by its parts, which are patches of the wall.

The contract, which `usim.contract.openings` checks for every file in this folder:

* `Parameters` is a frozen model with `kind`, `name` and `wall`.
* `build(parameters)` gives the opening; the same parameters give the same opening.
* `parts` are rectangles, side by side, that fill the opening: `from_m` and `to_m` are [along, up] in m on the wall, along from the
  start of its foot. None is narrower than NARROWEST_M; what would be is left to its neighbour.
* `EXAMPLES` are one or more tables as a scene file holds them: the contract is checked on them, and
  `usim show` shows them.

Shortest kind to start from: `window.py`; `_leaf.py` has what door and window share.
"""

from abc import ABC
from dataclasses import dataclass

from usim.surfaces.base import AbstractSurface

NARROWEST_M = 0.1
"""Least extent of a part: about the radius of the innermost Fresnel zone of a way of 4 m at 32 kHz."""


@dataclass(frozen=True)
class Part:
    """One rectangle of an opening, [along, up] in m on its wall, and what it is made of."""

    from_m: tuple[float, float]
    to_m: tuple[float, float]
    surface: AbstractSurface


class AbstractOpening(ABC):
    """A door, a window, a hatch."""

    name: str
    wall: str
    parts: tuple[Part, ...]

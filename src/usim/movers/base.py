"""Movers: everything that moves and returns an echo.

What the family promises. A mover is a fixed set of rigid pieces and one answer: where is each of
them at these times? The engine knows nothing else about it. The shapes of pieces are a closed table
(data for the kernels); a kind composes its pieces from it:

| shape | size_m | the piece's own axes |
|---|---|---|
| `ellipsoid` | semi-axes a, b, c | along its x, y, z; the centre at the piece's position |
| `blade` | half-length, half-chord | a flat rectangle without thickness, heard from both sides: length along its x, chord along its y, normal z; the centre at the piece's position |
| `facet` | half-length, half-width | such a rectangle that is heard from one side only, where its z points: the side of something thick |
| `sheet_cell` | half-length, half-width | such a rectangle cut out of a larger sheet, heard from both sides: cells that abut add up to the sheet |
| `cylinder` | radius, half-length | the round side of a bar or tube along its z, without its ends; the centre at the piece's position |

Ellipsoids and cylinders cast shadows, a cylinder as the ellipsoid that fills it; rectangles cast none
but on what is heard by way of them: behind one, its echo is the shadow.

A piece may swell and shrink a little (a chest that breathes): `Poses.swell_m` is what is added to
the numbers of its size, at each time.

The contract, which `usim.contract.movers` checks for every file in this folder:

* `Parameters` is a frozen model that derives from `MoverParameters` and adds `kind`.
* `build(parameters, stream)` gives the mover. `stream(place)` gives the random generator of a place
  inside this mover (`"gait"`), while it is built and not later; the same seed gives the same mover,
  whatever else is in the scene.
* `at(t_s)` answers any times in any order, also before 0 and after the end, and each of them alone
  gives the same bytes as among others: nothing is remembered between calls.
* Outside `story_s` the mover stands still. A mover that never rests has an infinite story.
* Position is continuous and, but for the times in `moments_s`, once differentiable. `moments_s` are
  the times that nobody who samples the mover may miss: way points, contacts, jumps of the velocity.
* Where `spin` is given, `spin.at(spin.angle_rad(t))` is `at(t)`, and a turn by the `copies`-th part of
  a full one takes its pieces to each other's places.
* Where a piece swells, its size stays above zero, and its swelling is as continuous as its place.
* Rotations are proper (orthonormal, determinant +1); their columns are the piece's axes in room
  coordinates.
* What blows says so: `jets` lists the round openings that air leaves, and `blowing(t_s)` where they
  are, the x axis of each pointing where it blows, as smoothly as pieces move. A mover without `jets` leaves the air alone.
* Labels are made from kinematics, never here: `label` says only whether this is a person.
* `EXAMPLES` are one or more tables as a scene file holds them: the contract is checked on them, and
  `usim show` shows them.

Shortest kind to start from: `sphere.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from usim.surfaces.base import AbstractSurface
from usim.template.fields import Moment, Name, Surface, Table

Stream = Callable[[str], "np.random.Generator"]

FASTEST_M_S = 60.0
"""No part of a mover may be faster; the engine's expansions are good to a fifth of the speed of
sound.
"""


class MoverParameters(Table):
    """What every mover may say."""

    name: Name
    start_s: Annotated[Moment, Field(description="delays the whole story")] = 0.0


class CoveredParameters(MoverParameters):
    """What a mover with one surface all over may say."""

    surface: Surface = "smooth_rigid"


@dataclass(frozen=True, eq=False)
class Piece:
    """One rigid part of a mover."""

    name: str
    shape: str
    size_m: tuple[float, ...]
    surface: AbstractSurface

    @property
    def half_m(self) -> tuple[float, float, float]:
        """How far it reaches along its own axes, in m; 0 along the normal of a rectangle."""
        x, y, *thick = self.size_m
        if self.shape == "cylinder":
            return x, x, y
        return x, y, thick[0] if thick else 0.0

    @property
    def is_flat(self) -> bool:
        """Whether it could be unrolled into a plane: a rectangle or a cylinder, which has two sizes.

        Straight lines run along it, so that it flashes, as what is curved both ways does not.
        """
        return len(self.size_m) == 2


@dataclass(frozen=True, eq=False)
class Poses:
    """Where pieces are: a point x of a piece's own frame is at rotation @ x + position."""

    position_m: np.ndarray
    """(time, piece, 3)"""
    rotation: np.ndarray
    """(time, piece, 3, 3)"""
    swell_m: np.ndarray | None = None
    """(time, piece, 3): what is added to the size of each piece; None where none ever swells."""
    bend_rad: np.ndarray | None = None
    """(time, piece): how far each piece is bent against the one it hangs on; its cloth shifts with it."""

    def sizes_m(self, pieces: Sequence[Piece]) -> np.ndarray:
        """The sizes (time, piece, 3) of pieces at each time, swelling included; see `half_m`."""
        sizes_m = np.array([piece.half_m for piece in pieces], dtype=float)
        if self.swell_m is None:
            return np.broadcast_to(sizes_m, self.position_m.shape)
        return sizes_m + self.swell_m


@dataclass(frozen=True, eq=False)
class Spin:
    """Pieces that turn together about an axis that stands still."""

    pieces: tuple[int, ...]
    """Their numbers, copy after copy, in the same order."""
    copies: int
    """They look the same after this part of a turn."""
    middle_m: np.ndarray
    """(3,): where the axis goes through them."""
    angle_rad: Callable[[np.ndarray], np.ndarray]
    """How far they have turned at times (time,) in s; it only grows, and its rate changes little within a millisecond."""
    at: Callable[[np.ndarray], Poses]
    """The poses of all pieces of the mover at angles (angle,) in rad."""


@dataclass(frozen=True)
class Jet:
    """A round opening through which a mover blows the air of the room, always as hard."""

    radius_m: float
    speed_m_s: float
    """Of the air that leaves it, the mean over the opening."""
    turbulence: float
    """rms of each component of the gusts over the mean speed, on the axis."""


class AbstractMover(ABC):
    """Something that moves."""

    name: str
    label: Literal["person", "non_human"]
    pieces: tuple[Piece, ...]
    story_s: tuple[float, float]
    """Outside this time the mover stands still; may be infinite."""
    moments_s: np.ndarray
    """(moment,) in ascending order: times that a sampling must not miss; the velocity may jump
    there.
    """
    jets: tuple[Jet, ...] = ()

    @property
    def spin(self) -> Spin | None:
        """What of it turns about an axis that stands still, where anything does: it is heard once for every angle."""
        return None

    @abstractmethod
    def at(self, t_s: np.ndarray) -> Poses:
        """The poses of all pieces at the times (time,) in seconds on the scene's clock."""

    def blowing(self, t_s: np.ndarray) -> Poses:
        """The poses of all jets at the times (time,), the x axis of each where it blows; positions are the middles of the openings."""
        return Poses(np.zeros((len(t_s), 0, 3)), np.zeros((len(t_s), 0, 3, 3)))

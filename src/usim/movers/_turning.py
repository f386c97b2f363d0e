"""How a piece is turned: once, and then about an axis, at a constant rate for ever or through angles in time."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from usim.movers._track import Times, Track, checked_times, track
from usim.template.fields import Direction, Listed, Table

Angle = Annotated[float, Field(ge=-1e6, le=1e6)]
Angles = Annotated[tuple[Angle, ...], Listed, Field(min_length=1, max_length=10_000)]


class Turned(Table):
    """How it stands before it turns: rotated about an axis, from axes along x, y, z."""

    axis: Direction
    angle_deg: Angle


class Turning(Table):
    """A rotation about a fixed axis through the centre: at a constant rate for ever, or through
    angles in time.
    """

    axis: Direction
    rate_deg_s: Annotated[float, Field(ge=-7200.0, le=7200.0)] | None = None
    at_s: Times | None = None
    angle_deg: Angles | None = None
    path: Literal["linear", "smooth"] = "smooth"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_angles = (self.at_s is not None, self.angle_deg is not None)
        if by_angles not in ((False, False), (True, True)) or by_angles[0] == (
            self.rate_deg_s is not None
        ):
            raise ValueError("give either rate_deg_s, or at_s together with angle_deg")
        if self.at_s is not None and self.angle_deg is not None:
            checked_times(self.at_s, len(self.angle_deg), "angle_deg")
        return self


@dataclass(frozen=True, eq=False)
class Turns:
    """The axes of a piece over time."""

    turned: np.ndarray
    """(3, 3): how it stands at angle 0."""
    axis: np.ndarray
    angle: Track | None
    """In radians; None while the rate is constant."""
    rate_rad_s: float
    start_s: float

    def at(self, t_s: np.ndarray) -> np.ndarray:
        """Rotations (time, 3, 3) at times (time,)."""
        if self.angle is None:
            angle = self.rate_rad_s * (t_s - self.start_s)
        else:
            angle = self.angle.at(t_s)[:, 0]
        return (_rotations(self.axis, angle)[:, :, :, None] * self.turned).sum(axis=2)

    def story(self, route: Track) -> tuple[tuple[float, float], np.ndarray]:
        """When it begins and ends to move along a route or to turn, and the moments of both."""
        moments_s = route.at_s
        if self.angle is not None:
            moments_s = np.sort(np.concatenate([route.at_s, self.angle.at_s]))
        if self.rate_rad_s != 0.0:
            return (-np.inf, np.inf), moments_s
        return (float(moments_s[0]), float(moments_s[-1])), moments_s


def turns(turned: Turned | None, turning: Turning | None, start_s: float) -> Turns:
    """The turning of a table, delayed by start_s."""
    stands = np.eye(3)
    if turned is not None:
        once = np.array([np.deg2rad(turned.angle_deg)])
        stands = _rotations(_unit(turned.axis), once)[0]
    axis, rate_rad_s, angle = np.array([0.0, 0.0, 1.0]), 0.0, None
    if turning is not None:
        axis = _unit(turning.axis)
        rate_rad_s = float(np.deg2rad(turning.rate_deg_s or 0.0))
        angle = _angle(turning, start_s)
    return Turns(stands, axis, angle, rate_rad_s, start_s)


def _rotations(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Right-handed rotations (time, 3, 3) about a unit axis by angles (time,) in rad (Rodrigues
    1840).
    """
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    along = np.outer(axis, axis)
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    return cos * (np.eye(3) - along) + sin * cross + along


def _unit(direction: tuple[float, float, float]) -> np.ndarray:
    vector = np.array(direction)
    return vector / np.sqrt((vector * vector).sum())


def _angle(turning: Turning, start_s: float) -> Track | None:
    """The angle over time in rad; None while the rate is constant."""
    if turning.at_s is None or turning.angle_deg is None:
        return None
    return track(turning.at_s, np.deg2rad(np.array(turning.angle_deg)), turning.path, start_s)

"""An ellipsoid that follows a track and turns about one axis: a limb reduced to its geometry."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from usim.movers._track import Times, Track, TrackParameters, checked_times, track
from usim.movers.base import AbstractMover, CoveredParameters, Piece, Poses, Stream
from usim.surfaces.base import surface
from usim.template.fields import Direction, Listed, Table

SemiAxis = Annotated[float, Field(ge=0.01, le=2.0)]
Angle = Annotated[float, Field(ge=-1e6, le=1e6)]
Angles = Annotated[tuple[Angle, ...], Listed, Field(min_length=1, max_length=10_000)]


class Turned(Table):
    """How the ellipsoid stands before it turns: rotated about an axis, from axes along x, y, z."""

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


class Parameters(CoveredParameters):
    """An ellipsoid that follows a track, turned once and then turning."""

    kind: Literal["ellipsoid"]
    semi_axes_m: Annotated[tuple[SemiAxis, SemiAxis, SemiAxis], Listed]
    track: TrackParameters
    turned: Turned | None = None
    turning: Turning | None = None


EXAMPLES = (
    {
        "kind": "ellipsoid",
        "name": "forearm",
        "semi_axes_m": [0.12, 0.05, 0.045],
        "track": {"at_s": [0.0, 2.0], "through_m": [[3.0, 2.0, 1.2], [2.0, 2.0, 1.0]]},
        "turning": {"axis": [0.2, 1.0, 0.0], "rate_deg_s": 90.0},
    },
    {
        "kind": "ellipsoid",
        "name": "thigh",
        "semi_axes_m": [0.08, 0.08, 0.22],
        "track": {"at_s": [0.0], "through_m": [[3.0, 2.0, 1.2]]},
        "turned": {"axis": [0.0, 1.0, 0.0], "angle_deg": 20.0},
        "turning": {"axis": [0.0, 1.0, 0.0], "at_s": [0.0, 1.0, 2.0], "angle_deg": [0, 40, 0]},
    },
)


@dataclass(frozen=True, eq=False)
class Ellipsoid(AbstractMover):
    """An ellipsoid on a track that turns about a fixed axis."""

    name: str
    pieces: tuple[Piece, ...]
    track: Track
    turned: np.ndarray
    """(3, 3): how it stands at angle 0."""
    axis: np.ndarray
    angle: Track | None
    """In radians; None while the rate is constant."""
    rate_rad_s: float
    start_s: float
    story_s: tuple[float, float]
    moments_s: np.ndarray
    label = "non_human"

    def at(self, t_s: np.ndarray) -> Poses:
        t_s = np.asarray(t_s, dtype=float)
        if self.angle is None:
            angle = self.rate_rad_s * (t_s - self.start_s)
        else:
            angle = self.angle.at(t_s)[:, 0]
        rotation = _rotations(self.axis, angle)[:, :, :, None] * self.turned
        return Poses(self.track.at(t_s)[:, None, :], rotation.sum(axis=2)[:, None])


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


def build(parameters: Parameters, stream: Stream) -> Ellipsoid:
    """The ellipsoid of these parameters; it draws nothing from its stream."""
    body = Piece("body", "ellipsoid", parameters.semi_axes_m, surface(parameters.surface))
    way, start_s = parameters.track, parameters.start_s
    route = track(way.at_s, np.array(way.through_m), way.path, start_s)
    turned = np.eye(3)
    if parameters.turned is not None:
        once = np.array([np.deg2rad(parameters.turned.angle_deg)])
        turned = _rotations(_unit(parameters.turned.axis), once)[0]
    axis, rate_rad_s, angle = np.array([0.0, 0.0, 1.0]), 0.0, None
    if parameters.turning is not None:
        axis = _unit(parameters.turning.axis)
        rate_rad_s = float(np.deg2rad(parameters.turning.rate_deg_s or 0.0))
        angle = _angle(parameters.turning, start_s)
    moments_s = route.at_s
    if angle is not None:
        moments_s = np.sort(np.concatenate([route.at_s, angle.at_s]))
    story_s = float(moments_s[0]), float(moments_s[-1])
    if rate_rad_s != 0.0:
        story_s = -np.inf, np.inf
    return Ellipsoid(
        parameters.name,
        (body,),
        route,
        turned,
        axis,
        angle,
        rate_rad_s,
        start_s,
        story_s,
        moments_s,
    )


def _angle(turning: Turning, start_s: float) -> Track | None:
    """The angle over time in rad; None while the rate is constant."""
    if turning.at_s is None or turning.angle_deg is None:
        return None
    return track(turning.at_s, np.deg2rad(np.array(turning.angle_deg)), turning.path, start_s)

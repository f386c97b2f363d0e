"""A pendulum: a ball on a string. A kind of mover of one's own, in one file."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from usim.movers.base import AbstractMover, CoveredParameters, Piece, Poses, Stream
from usim.surfaces.base import surface
from usim.template.fields import Point

GRAVITY_M_S2 = 9.81


class Parameters(CoveredParameters):
    """A ball that swings along x below the point where its string is fixed."""

    kind: Literal["pendulum"]
    position_m: Annotated[Point, Field(description="where the string is fixed")]
    length_m: Annotated[float, Field(ge=0.1, le=3.0)] = 1.0
    radius_m: Annotated[float, Field(ge=0.02, le=0.5)] = 0.08
    swing_deg: Annotated[float, Field(ge=0.0, le=30.0, description="to either side")] = 15.0


EXAMPLES = ({"kind": "pendulum", "name": "bob", "position_m": [2.0, 2.0, 2.2]},)


@dataclass(frozen=True, eq=False)
class Pendulum(AbstractMover):
    """It has always been swinging: small swings, without friction."""

    name: str
    pieces: tuple[Piece, ...]
    fixed_m: np.ndarray
    length_m: float
    swing: float
    phase: float
    start_s: float
    moments_s = np.zeros(0)
    story_s = (-np.inf, np.inf)
    label = "non_human"

    def at(self, t_s: np.ndarray) -> Poses:
        rate = np.sqrt(GRAVITY_M_S2 / self.length_m)
        angle = self.swing * np.sin(rate * (t_s - self.start_s) + self.phase)
        below = np.stack([np.sin(angle), 0.0 * angle, -np.cos(angle)], axis=1)
        position_m = (self.fixed_m + self.length_m * below)[:, None, :]
        return Poses(position_m, np.broadcast_to(np.eye(3), (len(angle), 1, 3, 3)))


def build(parameters: Parameters, stream: Stream) -> Pendulum:
    """The pendulum of these parameters; it draws where in its swing it begins."""
    ball = Piece("ball", "ellipsoid", (parameters.radius_m,) * 3, surface(parameters.surface))
    return Pendulum(
        parameters.name,
        (ball,),
        np.array(parameters.position_m),
        parameters.length_m,
        float(np.deg2rad(parameters.swing_deg)),
        float(2.0 * np.pi * stream("phase").uniform()),
        parameters.start_s,
    )

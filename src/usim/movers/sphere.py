"""A hard or soft ball on a track: the simplest mover, and the one with a closed-form echo."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from usim.movers._track import Track, TrackParameters, track
from usim.movers.base import AbstractMover, CoveredParameters, Piece, Poses, Stream
from usim.surfaces.base import surface


class Parameters(CoveredParameters):
    """A ball that follows a track."""

    kind: Literal["sphere"]
    radius_m: Annotated[float, Field(ge=0.01, le=2.0)]
    track: TrackParameters


EXAMPLES = (
    {
        "kind": "sphere",
        "name": "probe",
        "radius_m": 0.1,
        "track": {
            "at_s": [0.0, 4.0],
            "through_m": [[3.0, 2.0, 1.2], [1.0, 2.0, 1.2]],
            "path": "linear",
        },
    },
    {
        "kind": "sphere",
        "name": "ball",
        "radius_m": 0.15,
        "start_s": 0.5,
        "surface": "skin",
        "track": {
            "at_s": [0.0, 1.0, 2.5],
            "through_m": [[3.0, 2.0, 1.2], [2.0, 1.0, 1.0], [1.0, 2.0, 1.2]],
        },
    },
)


@dataclass(frozen=True, eq=False)
class Sphere(AbstractMover):
    """A ball on a track; it does not turn."""

    name: str
    pieces: tuple[Piece, ...]
    track: Track
    story_s: tuple[float, float]
    moments_s: np.ndarray
    label = "non_human"

    def at(self, t_s: np.ndarray) -> Poses:
        position_m = self.track.at(t_s)[:, None, :]
        return Poses(position_m, np.broadcast_to(np.eye(3), (*position_m.shape[:2], 3, 3)))


def build(parameters: Parameters, stream: Stream) -> Sphere:
    """The ball of these parameters; it draws nothing from its stream."""
    body = Piece("body", "ellipsoid", (parameters.radius_m,) * 3, surface(parameters.surface))
    way = parameters.track
    route = track(way.at_s, np.array(way.through_m), way.path, parameters.start_s)
    story_s = float(route.at_s[0]), float(route.at_s[-1])
    return Sphere(parameters.name, (body,), route, story_s, route.at_s)

"""An ellipsoid that follows a track and turns about one axis: a limb reduced to its geometry."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from usim.movers._track import Track, TrackParameters, track
from usim.movers._turning import Turned, Turning, Turns, turns
from usim.movers.base import AbstractMover, CoveredParameters, Piece, Poses, Stream
from usim.surfaces.base import surface
from usim.template.fields import Listed

SemiAxis = Annotated[float, Field(ge=0.01, le=2.0)]


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
    turns: Turns
    story_s: tuple[float, float]
    moments_s: np.ndarray
    label = "non_human"

    def at(self, t_s: np.ndarray) -> Poses:
        t_s = np.asarray(t_s, dtype=float)
        return Poses(self.track.at(t_s)[:, None, :], self.turns.at(t_s)[:, None])


def build(parameters: Parameters, stream: Stream) -> Ellipsoid:
    """The ellipsoid of these parameters; it draws nothing from its stream."""
    body = Piece("body", "ellipsoid", parameters.semi_axes_m, surface(parameters.surface))
    way, start_s = parameters.track, parameters.start_s
    route = track(way.at_s, np.array(way.through_m), way.path, start_s)
    turned = turns(parameters.turned, parameters.turning, start_s)
    return Ellipsoid(parameters.name, (body,), route, turned, *turned.story(route))

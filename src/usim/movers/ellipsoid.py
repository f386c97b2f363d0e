"""An ellipsoid that follows a track and turns about one axis: a limb reduced to its geometry."""

from typing import Annotated, Literal

from pydantic import Field

from usim.movers._track import TrackParameters
from usim.movers._tumbler import Tumbler, tumbler, way_of
from usim.movers._turning import Turned, Turning
from usim.movers.base import CoveredParameters, Piece, Stream
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


def build(parameters: Parameters, stream: Stream) -> Tumbler:
    """The ellipsoid of these parameters; it draws nothing from its stream."""
    body = Piece("body", "ellipsoid", parameters.semi_axes_m, surface(parameters.surface))
    way = way_of(parameters.track, parameters.turned, parameters.turning, parameters.start_s)
    return tumbler(parameters.name, body, *way)

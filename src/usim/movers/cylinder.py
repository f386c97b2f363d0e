"""A cylinder that follows a track and turns about one axis: a rolling pin, a pillar on wheels, a bottle."""

from typing import Annotated, Literal

from pydantic import Field

from usim.movers._track import TrackParameters
from usim.movers._tumbler import Tumbler, tumbler, way_of
from usim.movers._turning import Turned, Turning
from usim.movers.base import CoveredParameters, Piece, Stream
from usim.surfaces.base import surface


class Parameters(CoveredParameters):
    """The round side of a cylinder, upright at first; its flat ends are not heard."""

    kind: Literal["cylinder"]
    radius_m: Annotated[float, Field(ge=0.01, le=2.0)]
    length_m: Annotated[float, Field(ge=0.02, le=4.0)]
    track: Annotated[TrackParameters, Field(description="of its centre")]
    turned: Turned | None = None
    turning: Turning | None = None


EXAMPLES = (
    {
        "kind": "cylinder",
        "name": "robot",
        "radius_m": 0.17,
        "length_m": 0.09,
        "track": {"at_s": [0.0, 4.0], "through_m": [[3.5, 2.0, 0.06], [1.5, 1.0, 0.06]]},
    },
    {
        "kind": "cylinder",
        "name": "rolling_pin",
        "radius_m": 0.035,
        "length_m": 0.4,
        "track": {"at_s": [0.0, 1.0], "through_m": [[2.0, 1.0, 0.95], [1.7, 1.0, 0.95]]},
        "turned": {"axis": [1.0, 0.0, 0.0], "angle_deg": 90.0},
        "turning": {"axis": [0.0, 0.0, 1.0], "at_s": [0.0, 1.0], "angle_deg": [-10, 15]},
    },
    {
        "kind": "cylinder",
        "name": "baton",
        "radius_m": 0.02,
        "length_m": 0.7,
        "track": {"at_s": [0.0], "through_m": [[2.0, 2.0, 1.2]]},
        "turning": {"axis": [1.0, 0.0, 0.0], "rate_deg_s": 200.0},
    },
)


def build(parameters: Parameters, stream: Stream) -> Tumbler:
    """The cylinder of these parameters; it draws nothing from its stream."""
    size_m = (parameters.radius_m, 0.5 * parameters.length_m)
    body = Piece("body", "cylinder", size_m, surface(parameters.surface))
    way = way_of(parameters.track, parameters.turned, parameters.turning, parameters.start_s)
    return tumbler(parameters.name, body, *way)

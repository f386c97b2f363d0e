"""A flat panel that moves along a track or swings: a picture, a tray, the leaf of a door or a shutter."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from usim.movers._track import Track, TrackParameters
from usim.movers._tumbler import way_of
from usim.movers._turning import Turned, Turning, Turns
from usim.movers.base import AbstractMover, CoveredParameters, Piece, Poses, Stream
from usim.surfaces.base import surface
from usim.template.fields import Listed

Side = Annotated[float, Field(ge=0.02, le=3.0)]
UPRIGHT = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""The axes of the piece, as columns, before it is turned: width along the room's y, height along z."""


class Parameters(CoveredParameters):
    """A flat rectangle without thickness, upright at first, its front towards the room's x."""

    kind: Literal["panel"]
    size_m: Annotated[tuple[Side, Side], Listed, Field(description="width and height")]
    track: TrackParameters
    held: Annotated[
        Literal["middle", "edge"],
        Field(description="what the track leads and turns about: the middle or an upright edge"),
    ] = "middle"
    heard: Annotated[
        Literal["both_sides", "front"],
        Field(description="front: it is the side of something thick"),
    ] = "both_sides"
    turned: Turned | None = None
    turning: Turning | None = None


EXAMPLES = (
    {
        "kind": "panel",
        "name": "door",
        "size_m": [0.8, 2.0],
        "held": "edge",
        "track": {"at_s": [0.0], "through_m": [[3.0, 1.0, 1.05]]},
        "turning": {
            "axis": [0.0, 0.0, 1.0],
            "at_s": [0.0, 1.5],
            "angle_deg": [0, 75],
        },
    },
    {
        "kind": "panel",
        "name": "tray",
        "size_m": [0.4, 0.3],
        "surface": "smooth_rigid",
        "track": {"at_s": [0.5, 2.5], "through_m": [[2.5, 1.0, 1.1], [2.0, 2.0, 1.0]]},
        "turned": {"axis": [0.0, 1.0, 0.0], "angle_deg": 80.0},
    },
    {
        "kind": "panel",
        "name": "drawer",
        "size_m": [0.5, 0.2],
        "heard": "front",
        "track": {"at_s": [0.0, 1.0], "through_m": [[1.0, 2.0, 0.6], [1.4, 2.0, 0.6]]},
    },
)


@dataclass(frozen=True, eq=False)
class Panel(AbstractMover):
    """A rectangle on a track that turns about a fixed axis, through its middle or through an edge."""

    name: str
    pieces: tuple[Piece, ...]
    track: Track
    turns: Turns
    middle: np.ndarray
    """(3,) m: its middle from where it is held, before it is turned."""
    story_s: tuple[float, float]
    moments_s: np.ndarray
    label = "non_human"

    def at(self, t_s: np.ndarray) -> Poses:
        t_s = np.asarray(t_s, dtype=float)
        axes = self.turns.at(t_s)
        place = self.track.at(t_s) + (axes * self.middle).sum(axis=2)
        rotation = np.stack([(axes * column).sum(axis=2) for column in UPRIGHT.T], axis=2)
        return Poses(place[:, None], rotation[:, None])


def build(parameters: Parameters, stream: Stream) -> Panel:
    """The panel of these parameters; it draws nothing from its stream."""
    width, height = parameters.size_m
    shape = "sheet_cell" if parameters.heard == "both_sides" else "facet"
    leaf = Piece("leaf", shape, (0.5 * width, 0.5 * height), surface(parameters.surface))
    route, turned = way_of(
        parameters.track, parameters.turned, parameters.turning, parameters.start_s
    )
    middle = np.array([0.0, 0.5 * width if parameters.held == "edge" else 0.0, 0.0])
    return Panel(parameters.name, (leaf,), route, turned, middle, *turned.story(route))

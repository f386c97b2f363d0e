"""What is one piece and follows a track while it turns about one axis, whatever its shape."""

from dataclasses import dataclass

import numpy as np

from usim.movers._track import Track, TrackParameters, track
from usim.movers._turning import Turned, Turning, Turns, turns
from usim.movers.base import AbstractMover, Piece, Poses


@dataclass(frozen=True, eq=False)
class Tumbler(AbstractMover):
    """A piece on a track that turns about a fixed axis through its centre."""

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


def way_of(
    way: TrackParameters, turned: Turned | None, turning: Turning | None, start_s: float
) -> tuple[Track, Turns]:
    """The track and the turning of a table, delayed by start_s."""
    route = track(way.at_s, np.array(way.through_m), way.path, start_s)
    return route, turns(turned, turning, start_s)


def tumbler(name: str, piece: Piece, route: Track, turned: Turns) -> Tumbler:
    """The mover of that name that is this piece."""
    return Tumbler(name, (piece,), route, turned, *turned.story(route))

"""An activity made of passages that are filmed: what begins and ends at rest, one after the other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from usim.activities._chair import FASTEST_S, SLOWEST_S, passage, seated
from usim.activities._film import Film, film
from usim.activities._skeleton import standing
from usim.activities.base import AbstractActivity, Body, Stance, Stream


@dataclass(frozen=True, eq=False)
class Filmed(AbstractActivity):
    """Passages in a row, then rest in the posture of the last one."""

    duration_s: float
    end: Stance
    moments_s: np.ndarray
    sway: tuple[float, float]
    film: Film

    def joints_m(self, t_s: np.ndarray) -> np.ndarray:
        return self.film.at(t_s)


def filmed(
    passages: list[np.ndarray],
    moments_s: list[float],
    end: Stance,
    sway: tuple[float, float],
    rest_s: float = 0.0,
) -> Filmed:
    """The activity of passages (frame, joint, 3) that rests in the end for `rest_s`."""
    made = film(np.concatenate(passages))
    return Filmed(made.duration_s + rest_s, end, np.sort(np.array(moments_s)), sway, made)


def posture(body: Body, stance: Stance) -> np.ndarray:
    """The joints (1, joint, 3) of a body at rest in a stance."""
    rest: Callable = standing if stance.seat_m is None else seated
    return rest(body, stance)[None]


def duration_s(stream: Stream, word: str) -> float:
    """How long it takes to sit down or stand up, drawn."""
    return FASTEST_S + (SLOWEST_S - FASTEST_S) * float(stream(word).random())


def risen(body: Body, start: Stance, stream: Stream) -> tuple[list[np.ndarray], Stance]:
    """The passages that bring a body to its feet, none where it stands, and its stance then."""
    if start.seat_m is None:
        return [], start
    up = passage(body, start, False, duration_s(stream, "stand_up"))
    return [up], Stance(start.position_m, start.facing_rad)

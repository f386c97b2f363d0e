"""A route through points in time, straight or smooth; also used for angles over time.

`linear` is constant velocity between way points. `smooth` is the cubic spline through them that is
twice continuously differentiable inside and starts and ends at rest (clamped; de Boor 1978, chapter
IV). Before the first way point and after the last a track stands.
"""

import itertools
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from usim.template.fields import Listed, Moment, Point, Table

MOST_POINTS = 10_000
SHORTEST_S = 1e-3

Times = Annotated[tuple[Moment, ...], Listed, Field(min_length=1, max_length=MOST_POINTS)]


def checked_times(at_s: tuple[float, ...], others: int, what: str) -> None:
    """Raises ValueError unless times grow and there is one of them for each of the others."""
    if len(at_s) != others:
        raise ValueError(f"at_s and {what} must have the same length, got {len(at_s)} and {others}")
    for earlier, later in itertools.pairwise(at_s):
        if later - earlier < SHORTEST_S:
            raise ValueError(
                f"at_s must grow by at least {SHORTEST_S:g} s at each step, "
                f"got {earlier:g} then {later:g}"
            )


class TrackParameters(Table):
    """Way points and when they are reached."""

    at_s: Times
    through_m: Annotated[tuple[Point, ...], Listed, Field(min_length=1, max_length=MOST_POINTS)]
    path: Literal["linear", "smooth"] = "smooth"

    @model_validator(mode="after")
    def _match(self) -> Self:
        checked_times(self.at_s, len(self.through_m), "through_m")
        return self


@dataclass(frozen=True, eq=False)
class Track:
    """Piecewise cubic in time: value = ((c3 d + c2) d + c1) d + c0 with d the time since the last
    way point.
    """

    at_s: np.ndarray
    """(point,)"""
    coefficients: np.ndarray
    """(4, piece of the track, column); the last piece stands at the last way point."""

    def at(self, t_s: np.ndarray) -> np.ndarray:
        """The values (time, column) at the times (time,)."""
        t_s = np.clip(np.asarray(t_s, dtype=float), self.at_s[0], self.at_s[-1])
        index = np.searchsorted(self.at_s, t_s, side="right") - 1
        since = (t_s - self.at_s[index])[:, None]
        c0, c1, c2, c3 = self.coefficients[:, index]
        return ((c3 * since + c2) * since + c1) * since + c0


def track(at_s: tuple[float, ...], values: np.ndarray, path: str, start_s: float) -> Track:
    """The track through values (point, column) at times (point,), delayed by start_s."""
    times = np.array(at_s, dtype=float)
    values = np.asarray(values, dtype=float).reshape(len(times), -1)
    coefficients = np.zeros((4, len(times), values.shape[1]))
    coefficients[0] = values
    if len(times) > 1:
        step = np.diff(times)[:, None]
        rise = np.diff(values, axis=0) / step
        if path == "linear":
            coefficients[1, :-1] = rise
        else:
            slope = _clamped_slopes(step, rise)
            coefficients[1, :-1] = slope[:-1]
            coefficients[2, :-1] = (3.0 * rise - 2.0 * slope[:-1] - slope[1:]) / step
            coefficients[3, :-1] = (slope[:-1] + slope[1:] - 2.0 * rise) / step**2
    return Track(times + start_s, coefficients)


def _clamped_slopes(step: np.ndarray, rise: np.ndarray) -> np.ndarray:
    """The slopes at the way points of the C2 cubic spline that is at rest at both ends (Thomas's
    algorithm).
    """
    count = len(step) + 1
    slope = np.zeros((count, rise.shape[1]))
    upper = np.zeros(count)
    for i in range(1, count - 1):
        below, above = step[i, 0], step[i - 1, 0]
        pivot = 2.0 * (below + above) - below * upper[i - 1]
        upper[i] = above / pivot
        right = 3.0 * (below * rise[i - 1] + above * rise[i])
        slope[i] = (right - below * slope[i - 1]) / pivot
    for i in range(count - 2, 0, -1):
        slope[i] -= upper[i] * slope[i + 1]
    return slope

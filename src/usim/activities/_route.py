"""A route on the floor as a way through time: rounded corners, speed that rises and falls, turns on
the spot where a corner is too sharp to be walked round.

Corners up to SHARP are arcs; a body slows down for them so that it is not pushed sideways by more
than SIDEWAYS. Sharper ones, and a start that faces elsewhere, are turned on the spot. Speed rises
and falls within RAMP_S; all is smoothed over SMOOTHED_S, so that the way is twice differentiable.
"""

from dataclasses import dataclass

import numpy as np

from usim.activities._film import STEP_S

SHARP_RAD = np.deg2rad(115.0)
WIDEST_M = 0.6
TIGHTEST_M = 0.15
CUT_M = 0.25
"""An arc passes its corner no further away than this."""
SIDEWAYS_M_S2 = 1.0
RAMP_S = 1.25
"""From rest to full speed, and back."""
TURN_RAD_S = np.deg2rad(85.0)
"""On the spot: about 45 degrees a step, so that no leg is twisted further than people's."""
SMOOTHED_S = 0.5
SPACING_M = 0.01
SAME_M = 0.05
LONGEST_M = 1000.0


@dataclass(frozen=True, eq=False)
class Way:
    """Where a body is carried, STEP_S apart, at rest at both ends."""

    place_m: np.ndarray
    """(frame, 2)"""
    facing_rad: np.ndarray
    """(frame,), without jumps"""
    speed_m_s: np.ndarray
    """(frame,) along the way"""
    moving: tuple[int, int]
    """The frames between which it moves."""


def way(
    points_m: np.ndarray, facing_rad: float, speed_m_s: float, lead_s: float, slower: float = 1.0
) -> Way:
    """The way through points (point, 2) from the first, where it faces somewhere, at a speed.

    It rests for `lead_s` before it moves; `slower` is by how much all of it is drawn out in time. Points nearer to each other than SAME_M are one. Raises
    ValueError where no way is left, or more than LONGEST_M.
    """
    points_m = _apart(points_m)
    if len(points_m) < 2:
        raise ValueError(
            f"a walk needs points more than {SAME_M:g} m apart, and away from its start"
        )
    length = np.sqrt((np.diff(points_m, axis=0) ** 2).sum(axis=1)).sum()
    if length > LONGEST_M:
        raise ValueError(f"a walk is at most {LONGEST_M:g} m long, got {length:.4g} m")
    times, rows = [lead_s], [(*points_m[0], facing_rad, 0.0)]
    facing, gone = facing_rad, 0.0
    for leg in _legs(points_m):
        place, course, allowed, step = leg
        turn = _wrapped(course[0] - facing)
        if turn != 0.0:
            facing += turn
            times.append(times[-1] + abs(turn) / TURN_RAD_S)
            rows.append((*place[0], facing, gone))
        # Who has only a little way to go starts and stops more gently.
        short = min(float(step.sum()) / (speed_m_s * RAMP_S), 1.0)
        rise = np.sqrt(short) * speed_m_s / RAMP_S
        speed = _speeds(step, np.minimum(allowed, speed_m_s), rise)
        since = np.cumsum(2.0 * step / (speed[1:] + speed[:-1]))
        along = np.cumsum(step)
        course = facing + (course - course[0])
        times.extend(times[-1] + since)
        rows.extend(zip(*place[1:].T, course[1:], gone + along, strict=True))
        facing, gone = float(course[-1]), gone + float(along[-1])
    drawn_out = lead_s + slower * (np.array(times) - lead_s)
    return _smoothed(drawn_out, np.array(rows, dtype=float), lead_s)


def _apart(points_m: np.ndarray) -> np.ndarray:
    kept = [np.asarray(points_m[0], dtype=float)]
    for point in np.asarray(points_m, dtype=float)[1:]:
        if np.hypot(*(point - kept[-1])) > SAME_M:
            kept.append(point)
    return np.array(kept)


def _wrapped(angle: float) -> float:
    """The angle in (-pi, pi]; what is no turn to speak of is none."""
    angle = float(np.pi - (np.pi - angle) % (2.0 * np.pi))
    return 0.0 if abs(angle) < 1e-6 else angle


def _legs(points_m: np.ndarray) -> list[tuple]:
    """Stretches without a stop: place (node, 2), course (node,) in rad, allowed speed (node,), and
    step (node - 1,) in m.
    """
    side = np.diff(points_m, axis=0)
    length = np.sqrt((side * side).sum(axis=1))
    course = np.arctan2(side[:, 1], side[:, 0])
    legs: list[list[tuple]] = [[]]
    start = points_m[0]
    for i in range(len(side)):
        end, arc = points_m[i + 1], None
        if i + 1 < len(side):
            turn = _wrapped(course[i + 1] - course[i])
            reach = 0.45 * min(length[i], length[i + 1])
            half = abs(np.tan(turn / 2.0))
            cut = CUT_M / max(1.0 / np.cos(turn / 2.0) - 1.0, 1e-9)
            radius = min(WIDEST_M, reach / max(half, 1e-9), cut)
            if abs(turn) <= SHARP_RAD and (radius >= TIGHTEST_M or abs(turn) < 1e-3):
                arc = (end - radius * half * side[i] / length[i], course[i], turn, radius)
        stop = arc[0] if arc is not None else end
        legs[-1].append(_straight(start, stop, course[i]))
        start = stop
        if arc is not None:
            legs[-1].append(_arc(*arc))
            start = legs[-1][-1][0][-1]
        elif i + 1 < len(side):
            legs.append([])
    return [_chained(leg) for leg in legs]


def _straight(start: np.ndarray, end: np.ndarray, course: float) -> tuple:
    count = max(int(np.ceil(np.hypot(*(end - start)) / SPACING_M)), 1)
    share = np.arange(count + 1)[:, None] / count
    return start + share * (end - start), np.full(count + 1, course), np.full(count + 1, np.inf)


def _arc(start: np.ndarray, course: float, turn: float, radius: float) -> tuple:
    count = max(int(np.ceil(radius * abs(turn) / SPACING_M)), 1)
    courses = course + np.arange(count + 1) / count * turn
    sign = 1.0 if turn >= 0.0 else -1.0
    normal = np.stack([-np.sin(courses), np.cos(courses)], axis=1)
    place = start + sign * radius * (normal[0] - normal)
    return place, courses, np.full(count + 1, np.sqrt(SIDEWAYS_M_S2 * radius))


def _chained(parts: list[tuple]) -> tuple:
    """Parts that begin where the one before ended, as one leg."""
    place = np.concatenate([parts[0][0], *(part[0][1:] for part in parts[1:])])
    course = np.unwrap(np.concatenate([parts[0][1], *(part[1][1:] for part in parts[1:])]))
    allowed = np.concatenate([parts[0][2], *(part[2][1:] for part in parts[1:])])
    step = np.sqrt((np.diff(place, axis=0) ** 2).sum(axis=1))
    keep = np.concatenate([[True], step > 1e-9])
    return place[keep], course[keep], allowed[keep], step[keep[1:]]


def _speeds(step: np.ndarray, allowed: np.ndarray, rise_m_s2: float) -> np.ndarray:
    """The greatest speed at every node that stays allowed, from rest to rest."""
    twice = 2.0 * rise_m_s2 * np.concatenate([[0.0], np.cumsum(step)])
    most = allowed**2
    most[0] = most[-1] = 0.0
    rising = np.minimum.accumulate(most - twice) + twice
    falling = np.minimum.accumulate((most + twice)[::-1])[::-1] - twice
    return np.sqrt(np.maximum(np.minimum(rising, falling), 0.0))


def _smoothed(times: np.ndarray, rows: np.ndarray, lead_s: float) -> Way:
    """The way at even times; smoothing begins and ends where it rests."""
    half = round(SMOOTHED_S / STEP_S / 2.0)
    last = int(np.ceil(times[-1] / STEP_S))
    t_s = STEP_S * np.arange(-half, last + 3 * half + 1)
    even = np.stack([np.interp(t_s, times, row) for row in rows.T], axis=1)
    taps = 1.0 + np.cos(np.pi * np.arange(-half, half + 1) / (half + 1.0))
    taps /= taps.sum()
    count = len(even) - 2 * half
    # Differences from the first row, so that rest is rest to the last bit.
    rise = even - even[0]
    made = sum(tap * rise[i : i + count] for i, tap in enumerate(taps)) + even[0]
    speed = np.zeros(count)
    speed[1:-1] = (made[2:, 3] - made[:-2, 3]) / (2.0 * STEP_S)
    begin = max(round(lead_s / STEP_S) - half, 0)
    return Way(made[:, :2], made[:, 2], speed, (begin, last + half))

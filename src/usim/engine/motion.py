"""Motion on grids: how finely each piece must be sampled, and its poses on knots of bounce time.

Absolute time is cut into segments of 1.28 s.  In every segment each piece gets the coarsest step whose interpolation error stays below
1e-4 rad of phase; a limb that swings gets fine knots only while it swings.  Everything depends on absolute time alone, never on the
window that is rendered, so any window gives the same samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from usim.movers.base import AbstractMover
from usim.physics.jit import kernel

SEGMENT_S = 1.28
LEAD_S = 0.128  # the grids start this much before zero, so that filters have their past
PROBE_S = 0.002
FADE_S = 0.032  # cross-fade from one epoch to the next
PHASE_ERROR = 1e-4  # rad
MARGIN = 1.0  # the bound adds sizes that never peak together, and the path is interpolated twice
GAIN_TURN = (
    0.5  # rad of effective turn between two knots of gain: 2e-3 of it is lost to interpolation
)
# m that a piece may move between two knots of gain beside what casts shadows: a third of the Fresnel zone in the middle of a leg of 3 m
EDGE_M = 0.03
USABLE = 0.4  # share of a rate that Doppler may occupy on either side
STEPS_MS = (32, 16, 8, 4, 2, 1)
BLOCKS = 40  # at most in an epoch; an epoch of any step divides a segment
SAMPLES = (8, 16, 32)  # a block may have


@dataclass(frozen=True)
class Grid:
    """How one piece is sampled in one segment: knot step, samples in a block, knots of phase per knot of gain."""

    step_ms: int
    samples: int
    gain_ratio: int

    @property
    def step_s(self) -> float:
        """Return the knot step in s."""
        return self.step_ms / 1000

    @property
    def blocks(self) -> int:
        """Return the number of blocks in an epoch."""
        return min(BLOCKS, round(SEGMENT_S / self.step_s))

    @property
    def fade(self) -> int:
        """Return the number of blocks over which one epoch fades into the next."""
        return round(FADE_S / self.step_s)

    @property
    def rate_hz(self) -> int:
        """Return the rate of the piece's own sums in Hz."""
        return self.samples * 1000 // self.step_ms

    @property
    def epochs(self) -> int:
        """Return the number of epochs in a segment."""
        return round(SEGMENT_S / (self.blocks * self.step_s))


@dataclass(frozen=True)
class FlatGrid:
    """How a flat piece is sampled, for ever: samples in a block between two knots of reception, see `retarded`.

    Half a millisecond holds where a rotor at 4000 turns a minute is to 1e-4 rad of phase.  Epochs abut: their pairs are the same.
    """

    samples: int
    step_s = 0.0005
    blocks = 80  # a segment is a whole number of epochs
    fade = 0
    epochs = 32

    @property
    def rate_hz(self) -> int:
        """Return the rate of the piece's own sums in Hz."""
        return self.samples * 2000


def segment_start_s(segment: int) -> float:
    """Return the time at which a segment starts, in s."""
    return segment * SEGMENT_S - LEAD_S


def segments(start_s: float, end_s: float) -> range:
    """Return the segments that a window touches."""
    first = int(np.floor((start_s + LEAD_S) / SEGMENT_S + 1e-9))
    last = int(np.ceil((end_s + LEAD_S) / SEGMENT_S - 1e-9))
    return range(first, max(last, first + 1))


def grids(
    mover: AbstractMover,
    segment: int,
    device_m: np.ndarray,
    carrier_hz: float,
    c: float,
    least_hz: int = 0,
    gain_turn: float = GAIN_TURN,
    lobe_turn: np.ndarray | float = np.inf,
    edge_m: float = np.inf,
    most_ms: int = STEPS_MS[0],
) -> list[Grid | None]:
    """Return the grid of every piece of a mover in one segment; flat ones have another, see `orbits`.

    device_m (3,): where the device stands; carrier_hz: the highest carrier; least_hz: least rate of the sums, for an emission whose
    envelope changes; gain_turn: see GAIN_TURN; lobe_turn (piece,):
    rad that glints may turn against the bisector in a block; edge_m: the most that a piece moves between two knots of gain, see EDGE_M;
    most_ms: the longest step.
    """
    start = segment_start_s(segment)
    edge = round(4 * STEPS_MS[0] / 1000 / PROBE_S / 2)
    times = start + PROBE_S * np.arange(-edge, round(SEGMENT_S / PROBE_S) + edge + 1)
    poses = mover.at(times)
    flat_ones = [piece.is_flat for piece in mover.pieces]
    curved = np.flatnonzero(np.logical_not(flat_ones)) if any(flat_ones) else slice(None)
    sizes = np.array([piece.half_m for piece in mover.pieces], float)[curved]
    place = np.ascontiguousarray(poses.position_m[:, curved], float)
    rotation = np.ascontiguousarray(poses.rotation[:, curved], float)
    swell_m = None if poses.swell_m is None else poses.swell_m[:, curved]
    lobe_turn = np.broadcast_to(lobe_turn, len(flat_ones))[curved]
    total, spin, past, across = rates = np.empty((4, len(sizes)))
    _rates(place, rotation, sizes, np.asarray(device_m, float), rates)
    doppler = 2.0 * total * carrier_hz / (c - total)
    least = sizes.min(axis=1)
    flat = sizes.max(axis=1) / least
    # what differences of the pose do not show: the way bends as it passes the device, and a flat side turns fast past the bisector
    bend = 3.0 * past + 0.3 * least * (flat * spin) ** 4
    turn = 2.0 * spin * flat + 9.0 * across  # rad/s: of the curvature met, and across the beam
    allowed = PHASE_ERROR * c / (2 * np.pi * carrier_hz)
    steps = np.full(len(sizes), STEPS_MS[-1])
    left = np.arange(len(sizes))
    for candidate in STEPS_MS[:-1]:
        fourth = np.empty(len(left))
        _fourth(place, rotation, sizes, left, max(round(candidate / 1000 / PROBE_S), 1), fourth)
        if swell_m is not None:
            fourth += _swelling(swell_m[:, left], max(round(candidate / 1000 / PROBE_S), 1))
        good = MARGIN * 2.0 * (fourth + bend[left] * (candidate / 1000) ** 4) / 384.0 <= allowed
        steps[left[good]] = candidate
        left = left[~good]
        if not len(left):
            break
    steps = np.minimum(steps, most_ms)
    rates_hz = np.maximum(doppler / USABLE, least_hz)
    lobes = (spin + across) / lobe_turn  # a second
    found = (
        _grid(int(step), float(fast), float(rate), gain_turn, float(lobe), float(speed) / edge_m)
        for step, fast, rate, lobe, speed in zip(steps, turn, rates_hz, lobes, total, strict=True)
    )
    return [None if flat_one else next(found) for flat_one in flat_ones]


def _grid(
    step: int, turn: float, rate_hz: float, gain_turn: float, lobes: float, edges: float = 0.0
) -> Grid:
    """Return the grid of a step in ms at most, a turn in rad/s, a least rate, and lobes that glints and edges that pieces cross a second."""
    # fast but smooth, as a ball that flies straight: the longest block must hold its Doppler too
    while (
        turn * step / 1000 > gain_turn
        or max(lobes, edges) * step / 1000 > 1.0
        or SAMPLES[-1] * 1000 / step < rate_hz
    ) and step > STEPS_MS[-1]:
        step //= 2
    ratio = next(
        r
        for r in (4, 2, 1)
        if r == 1 or (turn * step / 1000 * r <= gain_turn and edges * step / 1000 * r <= 1.0)
    )
    fitting = (s for s in SAMPLES if s * 1000 % step == 0 and s * 1000 / step >= rate_hz)
    return Grid(step, next(fitting, SAMPLES[-1]), ratio)


def _swelling(swell_m: np.ndarray, step: int) -> np.ndarray:
    """Return the largest fourth difference (piece,) over `step` probes of what is added to the sizes, m."""
    last = len(swell_m) - 4 * step
    at = [swell_m[n * step : n * step + last] for n in range(5)]
    return np.abs(at[0] - 4.0 * at[1] + 6.0 * at[2] - 4.0 * at[3] + at[4]).max(axis=(0, 2))


@kernel
def _rates(place, rotation, sizes, device, out):
    """Fill out (4, piece) with the largest of: speed of any point m/s, spin rad/s, the bend of the way, angle past the device rad/s.

    place (time, piece, 3) and rotation (time, piece, 3, 3) on the probe's times.
    """
    for p in range(sizes.shape[0]):
        largest, least = (
            max(sizes[p, 0], sizes[p, 1], sizes[p, 2]),
            min(sizes[p, 0], sizes[p, 1], sizes[p, 2]),
        )
        fastest, spin, bend, across = 0.0, 0.0, 0.0, 0.0
        for n in range(1, place.shape[0]):
            moved = turned = shaped = away = 0.0
            for i in range(3):
                moved += (place[n, p, i] - place[n - 1, p, i]) ** 2
                away += (place[n, p, i] - device[i]) ** 2
            if largest != least:  # a ball that spins does not change
                for i in range(3):
                    for j in range(3):
                        change = rotation[n, p, i, j] - rotation[n - 1, p, i, j]
                        turned += change**2
                        shaped += (change * sizes[p, j]) ** 2
            speed, near = math.sqrt(moved) / PROBE_S, max(math.sqrt(away) - largest, 0.05)
            fastest = max(fastest, speed + math.sqrt(shaped) / PROBE_S)
            spin = max(spin, turned)
            bend = max(bend, speed**4 / near**3)
            across = max(across, speed / near)
        out[0, p], out[1, p], out[2, p], out[3, p] = (
            fastest,
            math.sqrt(spin / 2.0) / PROBE_S,
            bend,
            across,
        )


@kernel
def _fourth(place, rotation, sizes, pieces, step, out):
    """Fill out (n,) with the largest fourth differences, of the place and of the shape, of n pieces over `step` probes: h^4 times a derivative."""
    for number in range(pieces.shape[0]):
        p = pieces[number]
        ball = sizes[p, 0] == sizes[p, 1] == sizes[p, 2]
        of_place = of_shape = 0.0
        for n in range(0, place.shape[0] - 4 * step, max(step // 4, 1)):
            a, b, c, d, e = n, n + step, n + 2 * step, n + 3 * step, n + 4 * step
            moved = shaped = 0.0
            for i in range(3):
                moved += (
                    place[a, p, i]
                    - 4 * place[b, p, i]
                    + 6 * place[c, p, i]
                    - 4 * place[d, p, i]
                    + place[e, p, i]
                ) ** 2
                for j in range(0 if ball else 3):
                    turn = (
                        rotation[a, p, i, j]
                        - 4 * rotation[b, p, i, j]
                        + 6 * rotation[c, p, i, j]
                        - 4 * rotation[d, p, i, j]
                    )
                    shaped += ((turn + rotation[e, p, i, j]) * sizes[p, j]) ** 2
            of_place, of_shape = max(of_place, moved), max(of_shape, shaped)
        out[number] = math.sqrt(of_place) + math.sqrt(of_shape)

"""Motion on grids: how finely each piece must be sampled, and its poses on knots of bounce time.

Absolute time is cut into segments of 1.28 s.  In every segment each piece gets the coarsest step whose interpolation error stays below
1e-4 rad of phase; a limb that swings gets fine knots only while it swings.  Everything depends on absolute time alone, never on the
window that is rendered, so any window gives the same samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from usim.movers.base import AbstractMover

SEGMENT_S = 1.28
LEAD_S = 0.128  # the grids start this much before zero, so that filters have their past
PROBE_S = 0.002
FADE_S = 0.032  # cross-fade from one epoch to the next
PHASE_ERROR = 1e-4  # rad
MARGIN = 1.0  # the bound adds sizes that never peak together, and the path is interpolated twice
GAIN_TURN = 0.5  # rad of effective turn between two knots of gain: 2e-3 of it is lost to interpolation
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


def segment_start_s(segment: int) -> float:
    """Return the time at which a segment starts, in s."""
    return segment * SEGMENT_S - LEAD_S


def segments(start_s: float, end_s: float) -> range:
    """Return the segments that a window touches."""
    first = int(np.floor((start_s + LEAD_S) / SEGMENT_S + 1e-9))
    last = int(np.ceil((end_s + LEAD_S) / SEGMENT_S - 1e-9))
    return range(first, max(last, first + 1))


def grids(
    mover: AbstractMover, segment: int, device_m: np.ndarray, carrier_hz: float, c: float, least_hz: int = 0, gain_turn: float = GAIN_TURN
) -> list[Grid]:
    """Return the grid of every piece of a mover in one segment.

    device_m (3,): where the device stands; carrier_hz: the highest carrier; least_hz: least rate of the sums, for an emission whose
    envelope changes; gain_turn: see GAIN_TURN.
    """
    start = segment_start_s(segment)
    edge = round(4 * STEPS_MS[0] / 1000 / PROBE_S / 2)
    times = start + PROBE_S * np.arange(-edge, round(SEGMENT_S / PROBE_S) + edge + 1)
    poses = mover.at(times)
    sizes = np.array([piece.size_m for piece in mover.pieces], float)
    largest, least = sizes.max(axis=1), sizes.min(axis=1)
    place = _planes(poses.position_m)
    turned = _planes(poses.rotation.reshape(len(times), -1, 9))
    turned[:, :, largest == least] = 0.0  # a ball that spins does not change
    shape = turned * np.tile(sizes.T, (3, 1))[:, None, :]
    speed = _rate(place)
    spin = _rate(turned).max(axis=0) / np.sqrt(2.0)
    total = (speed + _rate(shape)).max(axis=0)
    doppler = 2.0 * total * carrier_hz / (c - total)
    near = np.maximum(_length(place[:, 1:] - np.asarray(device_m, float)[:, None, None]) - largest, 0.05)
    flat = largest / least
    # what differences of the pose do not show: the way bends as it passes the device, and a flat side turns fast past the bisector
    bend = 3.0 * (speed**4 / near**3).max(axis=0) + 0.3 * least * (flat * spin) ** 4
    turn = 2.0 * spin * flat + 9.0 * (speed / near).max(axis=0)  # rad/s: of the curvature met, and across the beam
    allowed = PHASE_ERROR * c / (2 * np.pi * carrier_hz)
    steps = np.full(len(sizes), STEPS_MS[-1])
    left = np.arange(len(sizes))
    for candidate in STEPS_MS[:-1]:
        fourth = _fourth(place[..., left], candidate) + _fourth(shape[..., left], candidate) + bend[left] * (candidate / 1000) ** 4
        good = MARGIN * 2.0 * fourth / 384.0 <= allowed
        steps[left[good]] = candidate
        left = left[~good]
        if not len(left):
            break
    rates = np.maximum(doppler / USABLE, least_hz)
    return [_grid(int(step), float(fast), float(rate), gain_turn) for step, fast, rate in zip(steps, turn, rates, strict=True)]


def _grid(step: int, turn: float, rate_hz: float, gain_turn: float) -> Grid:
    """Return the grid of a step in ms at most, a turn in rad/s and a least rate."""
    # fast but smooth, as a ball that flies straight: the longest block must hold its Doppler too
    while (turn * step / 1000 > gain_turn or SAMPLES[-1] * 1000 / step < rate_hz) and step > STEPS_MS[-1]:
        step //= 2
    ratio = next(r for r in (4, 2, 1) if turn * step / 1000 * r <= gain_turn or r == 1)
    fitting = (s for s in SAMPLES if s * 1000 % step == 0 and s * 1000 / step >= rate_hz)
    return Grid(step, next(fitting, SAMPLES[-1]), ratio)


def _planes(values: np.ndarray) -> np.ndarray:
    """Return (component, time, piece) of values (time, piece, component): sums over components run through whole planes."""
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _length(planes: Iterable[np.ndarray]) -> np.ndarray:
    """Return the lengths (time, piece) of vectors given as planes (time, piece), one a component."""
    total = 0.0
    for plane in planes:  # one after the other: small arrays are not fetched from the system anew
        total = total + plane * plane
    return np.sqrt(total)


def _rate(track: np.ndarray) -> np.ndarray:
    """Return the size of the rate of change (time - 1, piece) of a track (component, time, piece) on the probe's times."""
    return _length(plane[1:] - plane[:-1] for plane in track) / PROBE_S


def _fourth(track: np.ndarray, step_ms: int) -> np.ndarray:
    """Return the largest fourth difference (piece,) over a step of knots (m): h^4 times the fourth derivative."""
    step = max(round(step_ms / 1000 / PROBE_S), 1)
    last = track.shape[1] - 4 * step
    stride = max(step // 4, 1)

    def at(plane: np.ndarray, n: int) -> np.ndarray:
        return plane[n * step : n * step + last : stride]

    return _length(at(p, 0) - 4 * at(p, 1) + 6 * at(p, 2) - 4 * at(p, 3) + at(p, 4) for p in track).max(axis=0)

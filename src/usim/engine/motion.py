"""Motion on grids: how finely each piece must be sampled, and its poses on knots of bounce time.

Absolute time is cut into segments of 1.28 s.  In every segment each piece gets the coarsest step whose interpolation error stays below
1e-4 rad of phase; a limb that swings gets fine knots only while it swings.  Everything depends on absolute time alone, never on the
window that is rendered, so any window gives the same samples.
"""

from __future__ import annotations

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
    shapes = poses.rotation * sizes[None, :, None, :]
    allowed = PHASE_ERROR * c / (2 * np.pi * carrier_hz)
    out = []
    for p, size in enumerate(sizes):
        place = poses.position_m[:, p]
        round_ = np.ptp(size) == 0.0
        shape = np.zeros((len(times), 1)) if round_ else shapes[:, p].reshape(len(times), 9)
        speed = _rate(place)
        spin = 0.0 if round_ else float(_rate(poses.rotation[:, p].reshape(len(times), 9)).max()) / np.sqrt(2.0)
        total = float((speed + _rate(shape)).max())
        doppler = 2.0 * total * carrier_hz / (c - total)
        near = np.maximum(np.sqrt(((place[1:] - device_m) ** 2).sum(axis=1)) - size.max(), 0.05)
        flat = float(size.max() / size.min())
        # what differences of the pose do not show: the way bends as it passes the device, and a flat side turns fast past the bisector
        bend = 3.0 * float((speed**4 / near**3).max()) + 0.3 * size.min() * (flat * spin) ** 4
        step = STEPS_MS[-1]
        for candidate in STEPS_MS[:-1]:
            fourth = _fourth(place, candidate) + _fourth(shape, candidate) + bend * (candidate / 1000) ** 4
            if MARGIN * 2.0 * fourth / 384.0 <= allowed:
                step = candidate
                break
        turn = 2.0 * spin * flat + 9.0 * float((speed / near).max())  # rad/s: of the curvature met, and across the beam
        while turn * step / 1000 > gain_turn and step > STEPS_MS[-1]:
            step //= 2
        ratio = next(r for r in (4, 2, 1) if turn * step / 1000 * r <= gain_turn or r == 1)
        fitting = (s for s in SAMPLES if s * 1000 % step == 0 and s * 1000 / step >= max(doppler / USABLE, least_hz))
        out.append(Grid(step, next(fitting, SAMPLES[-1]), ratio))
    return out


def _rate(track: np.ndarray) -> np.ndarray:
    """Return the size of the rate of change (time - 1,) of a track (time, n) on the probe's times."""
    return np.sqrt((np.diff(track, axis=0) ** 2).sum(axis=1)) / PROBE_S


def _fourth(track: np.ndarray, step_ms: int) -> float:
    """Return the largest fourth difference over a step of knots (m): h^4 times the fourth derivative."""
    step = max(round(step_ms / 1000 / PROBE_S), 1)
    index = np.arange(0, len(track) - 4 * step, max(step // 4, 1))
    at = [track[index + n * step] for n in range(5)]
    fourth = at[0] - 4 * at[1] + 6 * at[2] - 4 * at[3] + at[4]
    return float(np.sqrt((fourth**2).sum(axis=1)).max())

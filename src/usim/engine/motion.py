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
PROBE_S = 0.001
FADE_S = 0.032  # cross-fade from one epoch to the next
PHASE_ERROR = 1e-4  # rad
MARGIN = 6.0  # for the second interpolation and for what the bound does not see
USABLE = 0.4  # share of a rate that Doppler may occupy on either side
STEPS_MS = (32, 16, 8, 4, 2, 1)
BLOCKS = 40  # in an epoch; an epoch of any step divides a segment
SAMPLES = (8, 16, 32)  # a block may have


@dataclass(frozen=True)
class Grid:
    """How one piece is sampled in one segment: knot step, blocks in an epoch, samples in a block."""

    step_ms: int
    samples: int

    @property
    def step_s(self) -> float:
        """Return the knot step in s."""
        return self.step_ms / 1000

    @property
    def blocks(self) -> int:
        """Return the number of blocks in an epoch."""
        return BLOCKS

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


def grids(mover: AbstractMover, segment: int, device_m: np.ndarray, carrier_hz: float, c: float, least_hz: int = 0) -> list[Grid]:
    """Return the grid of every piece of a mover in one segment.

    device_m (3,): where the device stands; carrier_hz: the highest carrier; least_hz: least rate of
    the sums, for an emission whose envelope changes.
    """
    start = segment_start_s(segment)
    times = start + PROBE_S * np.arange(-40, round(SEGMENT_S / PROBE_S) + 41)
    poses = mover.at(times)
    sizes = np.array([piece.size_m for piece in mover.pieces], float)
    shapes = poses.rotation * sizes[None, :, None, :]
    reach = sizes.max(axis=1)
    out = []
    for p in range(len(mover.pieces)):
        place = poses.position_m[:, p]
        even = np.ptp(sizes[p]) == 0.0
        shape = np.zeros((len(times), 1)) if even else shapes[:, p].reshape(len(times), 9)
        speed = np.sqrt((np.diff(place, axis=0) ** 2).sum(axis=1)) / PROBE_S
        spin = np.sqrt((np.diff(shape, axis=0) ** 2).sum(axis=1)) / PROBE_S
        total = float((speed + spin).max())
        doppler = 2.0 * total * carrier_hz / (c - total)
        near = np.sqrt(((place - device_m) ** 2).sum(axis=1)) - reach[p]
        bend = 3.0 * (speed**4 / np.maximum(near[1:], 0.05) ** 3).max()
        allowed = PHASE_ERROR * c / (2 * np.pi * carrier_hz)
        step = 1
        for candidate in (32, 16, 8, 4, 2):
            fourth = _fourth(place, candidate) + _fourth(shape, candidate) + bend * (candidate / 1000) ** 4
            if MARGIN * 2.0 * fourth / 384.0 <= allowed:
                step = candidate
                break
        samples = next((s for s in SAMPLES if s * 1000 / step * USABLE >= doppler and s * 1000 % step == 0 and s * 1000 / step >= least_hz), SAMPLES[-1])
        out.append(Grid(step, samples))
    return out


def _fourth(track: np.ndarray, step: int) -> float:
    """Return the largest fourth difference over a step of knots (m): h^4 times the fourth derivative."""
    d = track[4 * step :] if False else track
    index = np.arange(0, len(d) - 4 * step, max(step // 4, 1))
    if not len(index):
        index = np.array([0])
    last = len(d) - 1
    at = [np.minimum(index + n * step, last) for n in range(5)]
    fourth = d[at[0]] - 4 * d[at[1]] + 6 * d[at[2]] - 4 * d[at[3]] + d[at[4]]
    return float(np.sqrt((fourth**2).sum(axis=1)).max())

"""Sweeps: bursts or a continuous tone whose frequency runs along a polyline, again and again.

A chirp, an FMCW sweep and a pulse are all of this form (Klauder et al. 1960; Stove 1992), and all are told in closed form: phase is the
integral of the polyline.  Times are in s, frequencies in Hz; phase is kept in turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

LEFT_OUT = 1e-5  # share of the energy that may lie outside the band
OVERSAMPLED = 8.0  # samples per turn of the highest frequency's distance from the centre
LONGEST_LOOK_S = 0.25  # of a sweep whose band is measured piece by piece
BAND_STEP_HZ = 10.0


@dataclass(frozen=True)
class Sweep:
    """One burst every `every_s`: its frequency runs along `hz`, knots of (time s, frequency Hz) from 0 to `length_s`, straight between them.

    ramp_s: raised cosines at either end of a burst.  Without a gap (`length_s` equal to `every_s`) there are no ramps and phase goes on from
    sweep to sweep; else every burst starts at phase zero (a cosine), so all bursts are the same.  origin_s: when the first of them starts;
    there are others before it.
    """

    hz: tuple[tuple[float, float], ...]
    every_s: float
    ramp_s: float = 0.0
    origin_s: float = 0.0

    @property
    def length_s(self) -> float:
        """Return how long one burst sounds, in s."""
        return self.hz[-1][0]

    @property
    def is_gapless(self) -> bool:
        """Return whether one sweep runs into the next."""
        return self.length_s >= self.every_s

    @property
    def centre_hz(self) -> float:
        """Return the middle between the lowest and the highest frequency, in Hz."""
        heights = [f for _, f in self.hz]
        return 0.5 * (min(heights) + max(heights))

    def envelope(self, t_s: np.ndarray) -> np.ndarray:
        """Return the complex envelope (n,) around `centre_hz`, at most 1: the wave is Re[envelope exp(j 2 pi centre_hz (t_s - origin_s))]."""
        t_s = np.asarray(t_s, float) - self.origin_s
        burst = np.floor(t_s / self.every_s)
        inside = t_s - burst * self.every_s
        turns = self._turns(inside)
        if self.is_gapless:
            turns = turns + np.mod(burst * self._turns(np.array([self.length_s]))[0], 1.0)
        centre = self.centre_hz * self.every_s * burst
        turns = turns - np.mod(centre, 1.0) - self.centre_hz * inside
        return self._loudness(inside) * np.exp(2j * np.pi * np.mod(turns, 1.0))

    def _loudness(self, inside: np.ndarray) -> np.ndarray:
        """Return the real envelope (n,) at times within one period."""
        if self.is_gapless:
            return np.ones(inside.shape)
        sounds = (inside < self.length_s).astype(float)
        if self.ramp_s:
            edge = np.minimum(inside, self.length_s - inside) / self.ramp_s
            sounds *= 0.5 - 0.5 * np.cos(np.pi * np.clip(edge, 0.0, 1.0))
        return sounds

    def _turns(self, inside: np.ndarray) -> np.ndarray:
        """Return the integral (n,) of the frequency from the start of a burst on, in turns."""
        knots, heights = np.array(self.hz).T
        width = np.diff(knots)
        before = np.concatenate([[0.0], np.cumsum(0.5 * (heights[1:] + heights[:-1]) * width)])
        piece = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(width) - 1)
        along = np.clip(inside, 0.0, self.length_s) - knots[piece]
        slope = np.diff(heights) / width
        return before[piece] + along * (heights[piece] + 0.5 * slope[piece] * along)

    @cached_property
    def band_hz(self) -> tuple[float, float]:
        """Return the band around `centre_hz` that holds the energy of the sweeps but for LEFT_OUT of it, in whole steps of BAND_STEP_HZ.

        Measured: the spectrum of one burst, or of two sweeps without a gap under a window that tapers.
        """
        heights = [f for _, f in self.hz]
        half = 0.5 * (max(heights) - min(heights))
        shortest = min([self.length_s, *([self.ramp_s] if self.ramp_s else [])])
        rate = OVERSAMPLED * (half + 16.0 / shortest)
        span = 2.0 * self.every_s if self.is_gapless else self.length_s
        if self.is_gapless:  # what a long sweep does at its corners, it does within the first look
            span = min(span, LONGEST_LOOK_S)
        count = int(np.ceil(span * rate)) + 1
        t_s = np.arange(count) / rate - (0.5 * span if self.is_gapless else 0.0)
        z = self.envelope(t_s)
        if self.is_gapless:
            z = z * np.blackman(count)
        size = 2 ** int(np.ceil(np.log2(2 * count)))
        power = np.abs(np.fft.fft(z, size)) ** 2
        away = np.abs(np.fft.fftfreq(size, 1.0 / rate))
        order = np.argsort(-away)
        outside = np.cumsum(power[order]) <= LEFT_OUT * power.sum()
        reach = away[order][np.count_nonzero(outside)]
        reach = BAND_STEP_HZ * np.ceil(max(reach, half) / BAND_STEP_HZ)
        return self.centre_hz - float(reach), self.centre_hz + float(reach)

"""Sampling and filtering: from one rate to another, and short filters with a given response.

Interpolation is a polyphase Kaiser-windowed sinc (Kaiser 1974; Crochiere and Rabiner 1983).  Every phase is normalised to unit sum, so
that a constant stays constant to rounding and a strong standing carrier leaves no images.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from usim.physics.jit import kernel

TAPS = 32  # low-rate samples that one interpolated value reads
PASS = 0.4  # share of the low rate, on either side, that is kept
STOP_DB = 110.0


@lru_cache(maxsize=64)
def interpolator(ratio: int, taps: int = TAPS) -> np.ndarray:
    """Return (ratio, taps): weights that give the values between low-rate samples, phase 0 being the sample itself.

    Passband PASS of the low rate, images below -100 dB from 1 - PASS on.
    """
    beta = 0.1102 * (STOP_DB - 8.7)
    position = np.arange(taps)[None, :] - (taps // 2 - 1) - np.arange(ratio)[:, None] / ratio
    window = np.i0(beta * np.sqrt(np.maximum(1.0 - (position / (taps / 2)) ** 2, 0.0))) / np.i0(beta)
    weights = np.sinc(position) * window
    return weights / weights.sum(axis=1, keepdims=True)


@kernel
def _interpolate(signal, weights, first, count, out):
    """Write out (channel, count): value number first + n of the interpolated signal, where sample 0 of `signal` is value 0."""
    ratio, taps = weights.shape
    half = taps // 2 - 1
    for row in range(signal.shape[0]):
        for n in range(count):
            at = first + n
            base = at // ratio
            phase = at - base * ratio
            total = 0.0 + 0.0j
            for t in range(taps):
                total += weights[phase, t] * signal[row, base - half + t]
            out[row, n] = total


def upsample(signal: np.ndarray, ratio: int, first: int, count: int) -> np.ndarray:
    """Return (channel, count) values from value `first` on of a complex signal (channel, sample) at `ratio` times its rate.

    TAPS/2 samples before and after what is asked for must be there.
    """
    if ratio == 1:
        return signal[:, first : first + count].copy()
    half = TAPS // 2
    if first // ratio - half + 1 < 0 or (first + count - 1) // ratio + half >= signal.shape[1]:
        raise ValueError("the signal does not reach far enough beyond what is asked for")
    out = np.empty((signal.shape[0], count), complex)
    _interpolate(np.ascontiguousarray(signal, complex), interpolator(ratio), first, count, out)
    return out


def at_rate(signal: np.ndarray, rate_hz: int, wanted_hz: int, origin_s: float, start: int, count: int) -> np.ndarray:
    """Return (channel, count) of a signal (channel, sample) at another rate, from sample `start` (time start / wanted_hz) on.

    origin_s: time of the signal's first sample, a multiple of both periods.  The signal must lie within PASS of the lower rate:
    going down keeps every n-th sample.
    """
    first = start - round(origin_s * wanted_hz)
    if wanted_hz >= rate_hz:
        return upsample(signal, wanted_hz // rate_hz, first, count)
    down = rate_hz // wanted_hz
    return signal[:, first * down : (first + count) * down : down].copy()

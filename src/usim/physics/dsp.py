"""Sampling and filtering: from one rate to another, onto a carrier and off it, and short filters with a given response.

Interpolation is a polyphase Kaiser-windowed sinc (Kaiser 1974; Crochiere and Rabiner 1983).  Every phase is normalised to unit sum, so
that a constant stays constant to rounding and a strong standing carrier leaves no images.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np

from usim.physics.jit import kernel

TAPS = 32  # low-rate samples that one interpolated value reads
PASS = 0.4  # share of the low rate, on either side, that is kept
STOP_DB = 110.0
# Sums of products in any order: they are packed, which moves the last bit between processors.
_PACKED = {"contract", "reassoc", "nsz"}


def _kaiser_sinc(position: np.ndarray, half: float) -> np.ndarray:
    """Return a windowed sinc at positions in samples of the low rate, each row normalised to unit sum."""
    beta = 0.1102 * (STOP_DB - 8.7)
    inside = np.maximum(1.0 - (position / half) ** 2, 0.0)
    weights = np.sinc(position) * np.i0(beta * np.sqrt(inside)) / np.i0(beta) * (np.abs(position) <= half)
    return weights / weights.sum(axis=1, keepdims=True)


@lru_cache(maxsize=32)
def interpolator(phases: int) -> np.ndarray:
    """Return (phases, TAPS): weights that give `phases` values per low-rate sample, phase 0 being the sample itself.

    Passband PASS of the low rate; images below -100 dB from 1 - PASS on.
    """
    return _kaiser_sinc(np.arange(TAPS)[None, :] - (TAPS // 2 - 1) - np.arange(phases)[:, None] / phases, TAPS / 2)


@lru_cache(maxsize=32)
def decimator(high: int, low: int) -> np.ndarray:
    """Return (low, taps): weights that give `low` values per `high` samples of the high rate; the twin of `interpolator`."""
    half = TAPS // 2 * high // low
    return _kaiser_sinc((np.arange(2 * half)[None, :] - (half - 1) - np.arange(low)[:, None] / low) * (low / high), TAPS / 2)


@kernel(fastmath=_PACKED)
def _interpolate(re, im, weights, step, first, count, out):
    """Write out (count,): the values at positions (first + n) * step / phases of a complex signal given by its parts."""
    phases, taps = weights.shape
    half = taps // 2 - 1
    for n in range(count):
        at = (first + n) * step
        base = at // phases
        row = weights[at - base * phases]
        start = base - half
        a = 0.0
        b = 0.0
        for t in range(taps):
            a += row[t] * re[start + t]
            b += row[t] * im[start + t]
        out[n] = complex(a, b)


def ratio(low_hz: int, high_hz: int) -> tuple[int, int]:
    """Return (step, phases) in lowest terms: one high-rate sample is step / phases of a low-rate sample."""
    common = gcd(low_hz, high_hz)
    return low_hz // common, high_hz // common


def upsample(signal: np.ndarray, low_hz: int, high_hz: int, first: int, count: int) -> np.ndarray:
    """Return (channel, count) values of a complex signal (channel, sample) at a higher rate, from high-rate sample `first` on.

    Both rates have a sample at the signal's sample 0.  TAPS/2 samples before and after what is asked for must be there.
    """
    step, phases = ratio(low_hz, high_hz)
    if phases == 1:
        return signal[:, first * step : (first + count - 1) * step + 1 : step].astype(complex)
    half = TAPS // 2
    low = first * step // phases - half + 1
    high = (first + count - 1) * step // phases + half
    if low < 0 or high >= signal.shape[1]:
        raise ValueError(f"the signal holds samples 0 to {signal.shape[1] - 1}, but {low} to {high} are needed")
    out = np.empty((signal.shape[0], count), complex)
    for channel, row in enumerate(signal):
        _interpolate(
            np.ascontiguousarray(row.real), np.ascontiguousarray(row.imag), interpolator(phases), step, first, count, out[channel]
        )  # fmt: skip
    return out


def at_rate(signal: np.ndarray, rate_hz: int, wanted_hz: int, origin_s: float, start: int, count: int) -> np.ndarray:
    """Return (channel, count) of a signal (channel, sample) at another rate, from sample `start` (time start / wanted_hz) on.

    origin_s: time of the signal's first sample, a multiple of both periods.  The signal must lie within PASS of the lower rate:
    going down keeps every n-th sample.
    """
    return upsample(signal, rate_hz, wanted_hz, start - round(origin_s * wanted_hz), count)


@kernel
def _onto_carrier(envelope, turns, first, out):
    """Add Re[envelope * exp(j 2 pi turns (first + n))] to out (sample,)."""
    for n in range(envelope.shape[0]):
        phase = (first + n) * turns
        angle = 2.0 * np.pi * (phase - np.floor(phase))
        out[n] += envelope[n].real * np.cos(angle) - envelope[n].imag * np.sin(angle)


def onto_carrier(envelope: np.ndarray, carrier_hz: float, rate_hz: int, first: int, out: np.ndarray) -> None:
    """Add envelopes (mic, sample), peak, to waveforms out (mic, sample) on a carrier whose phase is zero at sample 0.

    first: number of the first sample.
    """
    for row, target in zip(envelope, out, strict=True):
        _onto_carrier(row, carrier_hz / rate_hz, first, target)


@kernel(fastmath=_PACKED)
def _off_carrier(re, im, weights, step, first, origin, count, out):
    """Write out (count,): low-rate values from number `first` on of a mixed signal whose sample 0 is number `origin`."""
    phases, taps = weights.shape
    half = taps // 2 - 1
    for n in range(count):
        at = (first + n) * step
        base = at // phases
        row = weights[at - base * phases]
        start = base - half - origin
        a = 0.0
        b = 0.0
        for t in range(taps):
            a += row[t] * re[start + t]
            b += row[t] * im[start + t]
        out[n] = complex(a, b)


@kernel
def _mix(x, turns, origin, re, im):
    for n in range(x.shape[0]):
        phase = (origin + n) * turns
        angle = 2.0 * np.pi * (phase - np.floor(phase))
        re[n] = 2.0 * x[n] * np.cos(angle)
        im[n] = -2.0 * x[n] * np.sin(angle)


def off_carrier(x: np.ndarray, carrier_hz: float, high_hz: int, low_hz: int, origin: int, first: int, count: int) -> np.ndarray:
    """Return the complex envelope (mic, count) of waveforms x (mic, sample) around a carrier, at a lower rate.

    origin: number of x's first sample; first: number of the first envelope sample; sample 0 of both rates is one moment.  The band kept is
    PASS of the low rate on either side.  `reach_samples` on either side must be there.
    """
    phases, step = ratio(low_hz, high_hz)  # one low-rate sample is step / phases high-rate samples
    weights = decimator(step, phases)
    out = np.empty((len(x), count), complex)
    re, im = np.empty(x.shape[1]), np.empty(x.shape[1])
    for row, target in zip(x, out, strict=True):
        _mix(np.asarray(row, float), carrier_hz / high_hz, origin, re, im)
        _off_carrier(re, im, weights, step, first, origin, count, target)
    return out


def reach_samples(high_hz: int, low_hz: int) -> int:
    """Return how many high-rate samples `off_carrier` reads on either side of a value."""
    phases, step = ratio(low_hz, high_hz)
    return decimator(step, phases).shape[1] // 2 + 1


def short_filter(response: np.ndarray, offset: np.ndarray, taps: int) -> np.ndarray:
    """Return complex weights (taps,), odd, of a filter with a given response at offsets in cycles per sample, least squares.

    The middle tap is time zero; the response at offset 0 is met exactly.
    """
    lag = np.arange(taps) - taps // 2
    matrix = np.exp(-2j * np.pi * offset[:, None] * lag[None, :])
    # a little weight on small taps keeps what lies outside the offsets quiet
    ridge = 1e-7 * len(offset) * np.eye(taps)
    weights = np.linalg.solve(matrix.conj().T @ matrix + ridge, matrix.conj().T @ response)
    centre = np.argmin(np.abs(offset))
    return weights * (response[centre] / weights.sum())


@kernel
def filtered(signal, weights, out):
    """Write out (channel, n) = signal (channel, n + taps - 1) convolved with each channel's weights (channel, taps), centred."""
    taps = weights.shape[1]
    for c in range(signal.shape[0]):
        for n in range(out.shape[1]):
            total = 0.0 + 0.0j
            for t in range(taps):
                total += weights[c, taps - 1 - t] * signal[c, n + t]
            out[c, n] = total

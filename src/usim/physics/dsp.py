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
SIDE_BY_SIDE = 512  # outputs of a short filter that are summed together
CELL = 8  # outputs per low-rate sample from which on they are summed side by side
# Sums of products in any order: they are packed, which moves the last bit between processors.
_PACKED = {"contract", "reassoc", "nsz"}


def _kaiser_sinc(position: np.ndarray, half: float) -> np.ndarray:
    """Return a windowed sinc at positions in samples of the low rate, each row normalised to unit sum."""
    beta = 0.1102 * (STOP_DB - 8.7)
    inside = np.maximum(1.0 - (position / half) ** 2, 0.0)
    weights = (
        np.sinc(position) * np.i0(beta * np.sqrt(inside)) / np.i0(beta) * (np.abs(position) <= half)
    )
    return weights / weights.sum(axis=1, keepdims=True)


@lru_cache(maxsize=32)
def interpolator(phases: int) -> np.ndarray:
    """Return (phases, TAPS): weights that give `phases` values per low-rate sample, phase 0 being the sample itself.

    Passband PASS of the low rate; images below -100 dB from 1 - PASS on.
    """
    return _kaiser_sinc(
        np.arange(TAPS)[None, :] - (TAPS // 2 - 1) - np.arange(phases)[:, None] / phases, TAPS / 2
    )


@lru_cache(maxsize=32)
def decimator(high: int, low: int) -> np.ndarray:
    """Return (low, taps): weights that give `low` values per `high` samples of the high rate; the twin of `interpolator`."""
    half = TAPS // 2 * high // low
    return _kaiser_sinc(
        (np.arange(2 * half)[None, :] - (half - 1) - np.arange(low)[:, None] / low) * (low / high),
        TAPS / 2,
    )


@kernel(fastmath=_PACKED)
def _interpolate(re, im, weights, step, first, count, out):
    """Write out (count,): the values at positions (first + n) * step / phases of a complex signal given by its parts."""
    phases, taps = weights.shape
    half = taps // 2 - 1
    for n in range(count):
        at = (first + n) * step
        base = at // phases
        row = weights[at - base * phases]
        # slices from zero: an index that might be negative is not packed
        x, y = re[base - half : base - half + taps], im[base - half : base - half + taps]
        a = 0.0
        b = 0.0
        for t in range(taps):
            a += row[t] * x[t]
            b += row[t] * y[t]
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
    _check_span(signal, step, phases, first, count)
    out = np.empty((signal.shape[0], count), complex)
    for channel, row in enumerate(signal):
        _interpolate(
            np.ascontiguousarray(row.real), np.ascontiguousarray(row.imag), interpolator(phases), step, first, count, out[channel]
        )  # fmt: skip
    return out


def _check_span(signal: np.ndarray, step: int, phases: int, first: int, count: int) -> None:
    low = first * step // phases - TAPS // 2 + 1
    high = (first + count - 1) * step // phases + TAPS // 2
    if low < 0 or high >= signal.shape[1]:
        raise ValueError(
            f"the signal holds samples 0 to {signal.shape[1] - 1}, but {low} to {high} are needed"
        )


def at_rate(
    signal: np.ndarray, rate_hz: int, wanted_hz: int, origin_s: float, start: int, count: int
) -> np.ndarray:
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


@kernel(allocates=True)
def _cells_onto_carrier(re, im, weights, first, count, turns, number, out):
    """Add to out (count,) what `_interpolate` and `_onto_carrier` make together where a low-rate sample is a whole cell of outputs.

    weights (taps, phases), taps a multiple of four; first: the first output counted from re[0]; number: the same output counted absolutely.
    Outputs of a cell read the same taps, so the sum over taps runs through all of them side by side.
    """
    taps, phases = weights.shape
    a, b = np.empty(phases), np.empty(phases)
    turned_re, turned_im = np.empty(phases), np.empty(phases)
    for p in range(phases):
        turned_re[p] = np.cos(2.0 * np.pi * (p * turns - np.floor(p * turns)))
        turned_im[p] = np.sin(2.0 * np.pi * (p * turns - np.floor(p * turns)))
    cell = first // phases
    done = 0
    while done < count:
        skip = first + done - cell * phases
        x, y = re[cell - taps // 2 + 1 :], im[cell - taps // 2 + 1 :]
        a[:] = 0.0
        b[:] = 0.0
        for t in range(0, taps, 4):
            w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
            x0, x1, x2, x3 = x[t], x[t + 1], x[t + 2], x[t + 3]
            y0, y1, y2, y3 = y[t], y[t + 1], y[t + 2], y[t + 3]
            for p in range(phases):
                a[p] += w0[p] * x0 + w1[p] * x1 + w2[p] * x2 + w3[p] * x3
                b[p] += w0[p] * y0 + w1[p] * y1 + w2[p] * y2 + w3[p] * y3
        phase = (number + done - skip) * turns
        angle = 2.0 * np.pi * (phase - np.floor(phase))
        c, s = np.cos(angle), np.sin(angle)
        for p in range(phases):
            a[p] = a[p] * (c * turned_re[p] - s * turned_im[p]) - b[p] * (
                s * turned_re[p] + c * turned_im[p]
            )
        many = min(phases - skip, count - done)
        for p in range(many):
            out[done + p] += a[skip + p]
        done += many
        cell += 1


def onto_carrier(
    signal: np.ndarray,
    low_hz: int,
    high_hz: int,
    first: int,
    carrier_hz: float,
    number: int,
    out: np.ndarray,
) -> None:
    """Add envelopes (mic, sample), peak, at a low rate to waveforms out (mic, sample) at a high one, on a carrier of phase zero at number 0.

    first: the first sample of `out`, counted at the high rate from signal's sample 0, as in `upsample`; number: its absolute number.
    """
    step, phases = ratio(low_hz, high_hz)
    count = out.shape[1]
    if step > 1 or phases < CELL:
        for row, target in zip(upsample(signal, low_hz, high_hz, first, count), out, strict=True):
            _onto_carrier(row, carrier_hz / high_hz, number, target)
        return
    _check_span(signal, step, phases, first, count)
    weights = np.ascontiguousarray(interpolator(phases).T)
    for row, target in zip(signal, out, strict=True):
        _cells_onto_carrier(
            np.ascontiguousarray(row.real), np.ascontiguousarray(row.imag), weights, first, count, carrier_hz / high_hz, number, target
        )  # fmt: skip


@kernel(fastmath=_PACKED)
def _off_carrier(x, re, im, turns, step, first, origin, out):
    """Write out (n,): low-rate values from number `first` on of a waveform x whose sample 0 is number `origin`.

    re, im (phases, taps): a low-pass turned by the carrier, so that its sum over x lacks only the phase of the first tap's sample; of x's type.
    """
    phases, taps = re.shape
    zero = x.dtype.type(0)
    for n in range(out.shape[0]):
        at = (first + n) * step
        base = at // phases
        start = base - taps // 2 + 1
        # slices from zero: an index that might be negative is not packed
        x_in = x[start - origin : start - origin + taps]
        row_re, row_im = re[at - base * phases], im[at - base * phases]
        a, b = zero, zero
        for t in range(taps):
            a += row_re[t] * x_in[t]
            b += row_im[t] * x_in[t]
        phase = start * turns
        angle = -2.0 * np.pi * (phase - np.floor(phase))
        c, s = np.cos(angle), np.sin(angle)
        out[n] = complex(a * c - b * s, a * s + b * c)


def off_carrier(
    x: np.ndarray, carrier_hz: float, high_hz: int, low_hz: int, origin: int, first: int, count: int
) -> np.ndarray:
    """Return the complex envelope (mic, count) of waveforms x (mic, sample) around a carrier, at a lower rate.

    origin: number of x's first sample; first: number of the first envelope sample; sample 0 of both rates is one moment.  The band kept is
    PASS of the low rate on either side.  `reach_samples` on either side must be there.  x of float32 is summed as such: -120 dB.
    """
    phases, step = ratio(low_hz, high_hz)  # one low-rate sample is step / phases high-rate samples
    turns = carrier_hz / high_hz
    kind = np.float32 if x.dtype == np.float32 else np.float64
    re, im = _turned_decimator(step, phases, turns, kind)
    out = np.empty((len(x), count), complex)
    for row, target in zip(x, out, strict=True):
        _off_carrier(np.ascontiguousarray(row, kind), re, im, turns, step, first, origin, target)
    return out


@lru_cache(maxsize=32)
def _turned_decimator(
    high: int, low: int, turns: float, kind: type
) -> tuple[np.ndarray, np.ndarray]:
    """Return real and imaginary parts (low, taps), of one type, of a decimator turned by a carrier of some turns per high-rate sample."""
    weights = decimator(high, low)
    turned = 2.0 * weights * np.exp(-2j * np.pi * ((turns * np.arange(weights.shape[1])) % 1.0))
    return np.ascontiguousarray(turned.real, kind), np.ascontiguousarray(turned.imag, kind)


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
    # A little weight on small taps keeps what lies outside the offsets quiet.  As rows of their own, not in the normal equations: those
    # square the condition, and the last bits in which processors differ would become 1e-9.
    rows = np.concatenate([matrix, np.sqrt(1e-7 * len(offset)) * np.eye(taps)])
    weights = np.linalg.lstsq(rows, np.concatenate([response, np.zeros(taps)]), rcond=None)[0]
    centre = np.argmin(np.abs(offset))
    return weights * (response[centre] / weights.sum())


@kernel(allocates=True)
def filtered(signal, weights, out):
    """Write out (channel, n) = signal (channel, n + taps - 1) convolved with each channel's weights (channel, taps), centred."""
    taps = weights.shape[1]
    re, im = np.empty(SIDE_BY_SIDE + taps), np.empty(SIDE_BY_SIDE + taps)
    a, b = np.empty(SIDE_BY_SIDE), np.empty(SIDE_BY_SIDE)
    for c in range(signal.shape[0]):
        for start in range(0, out.shape[1], SIDE_BY_SIDE):
            many = min(SIDE_BY_SIDE, out.shape[1] - start)
            for n in range(many + taps - 1):
                re[n] = signal[c, start + n].real
                im[n] = signal[c, start + n].imag
            a[:] = 0.0
            b[:] = 0.0
            # every output adds its taps in their order: to run through outputs inside is faster and changes no bit
            for t in range(taps):
                u, v = weights[c, taps - 1 - t].real, weights[c, taps - 1 - t].imag
                x, y = re[t:], im[t:]
                for n in range(many):
                    a[n] += u * x[n] - v * y[n]
                    b[n] += u * y[n] + v * x[n]
            for n in range(many):
                out[c, start + n] = complex(a[n], b[n])

"""Kernels: pairs onto the taps of a delay line, and what is heard through it.

A pair's wave z(t) at the middle of the band, its delay and the parabola of its gain across the band make a few taps of a delay line at the
baseband's rate, anew at every sample of the pair's own slow time: a fractional delay of least squared error (Laakso et al. 1996).  Sums over pairs
are taps, too, so what was emitted is read once for all of them: a linear time-varying filter (Zadeh 1950), no splice.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from usim.engine.slab import ONE, ROW, f32
from usim.engine.tones import COSINES, REACH, SAMPLES
from usim.physics.jit import kernel, rows32
from usim.physics.packed import ROWS, add_sixteen

TAPS = 16
BEFORE = TAPS // 2 - 1  # taps ahead of the sample that a delay lies behind
SLOW_TAPS = 24  # slow samples that one value between them reads
SLOW_BEFORE = SLOW_TAPS // 2 - 1
PHASES = 32  # of a sample, to which delays are rounded; what is left is a slope of the phase
PARTS = ROWS  # powers of the frequency, from none on
SILENT = 3e-5  # of the peak, and below: -90 dB
SLOW_EDGE = 0.4  # share of the slow rate that Doppler may occupy on either side
_PACKED = {"contract", "reassoc", "nsz"}


@lru_cache(maxsize=8)
def fractional(edge: float) -> np.ndarray:
    """Return (PHASES * PARTS * TAPS,) float32: real taps that delay by a share of a sample and multiply by 1, j x, x^2, j x^3, x^4, x from -1 to 1 over the band.

    edge: the band's half width in cycles per sample.
    """
    x = np.linspace(-1.0, 1.0, 16 * TAPS + 1)
    lag = np.arange(TAPS) - BEFORE
    turn = np.exp(-2j * np.pi * edge * x[:, None] * lag)
    matrix = np.concatenate([turn.real, turn.imag, 1e-4 * np.eye(TAPS)])
    out = np.empty((PHASES, PARTS, TAPS))
    for phase in range(PHASES):
        late = np.exp(-2j * np.pi * edge * x * phase / PHASES)
        wanted = np.stack([x**p * (1j if p % 2 else 1.0) * late for p in range(PARTS)], axis=1)
        rows = np.concatenate([wanted.real, wanted.imag, np.zeros((TAPS, PARTS))])
        out[phase] = np.linalg.lstsq(matrix, rows, rcond=None)[0].T
    flat = rows32(out.size)
    flat[:] = out.ravel()
    return flat


@lru_cache(maxsize=16)
def between(ratio: int) -> np.ndarray:
    """Return (ratio, SLOW_TAPS) float32: weights that give `ratio` values per slow sample, the first of them the sample itself."""
    if ratio == 1:
        return np.eye(SLOW_TAPS, dtype=np.float32)[SLOW_BEFORE : SLOW_BEFORE + 1]
    f = SLOW_EDGE * np.linspace(0.0, 1.0, 8 * SLOW_TAPS + 1)
    lag = np.arange(SLOW_TAPS) - SLOW_BEFORE
    turn = np.exp(2j * np.pi * f[:, None] * lag)
    matrix = np.concatenate([turn.real, turn.imag, 1e-4 * np.eye(SLOW_TAPS)])
    out = np.empty((ratio, SLOW_TAPS))
    for phase in range(ratio):
        wanted = np.exp(2j * np.pi * f * phase / ratio)
        rows = np.concatenate([wanted.real, wanted.imag, np.zeros(SLOW_TAPS)])
        out[phase] = np.linalg.lstsq(matrix, rows, rcond=None)[0]
    return (out / out.sum(axis=1, keepdims=True)).astype(np.float32)


@kernel
def _block(plane, rows, samples, m, way, bends, per_metre, half_turn, long, at, factors):
    """Write where the samples of a block lie, in PHASES of a sample, into at (SAMPLES,), and what their weights are times, by parts, into factors (2 PARTS SAMPLES,).

    Loops are short and plain, one for each row: so they are packed.
    """
    last = (long - TAPS) * PHASES - 1.0
    inverse = 1.0 / samples
    q = m + REACH
    a0 = way[q]
    rise = way[q + 1] - a0
    s0 = (8.0 * (way[q + 1] - way[q - 1]) - (way[q + 2] - way[q - 2])) * (1 / 12)
    s1 = (8.0 * (way[q + 2] - way[q]) - (way[q + 3] - way[q - 1])) * (1 / 12)
    a2, a3 = 3.0 * rise - 2.0 * s0 - s1, s0 + s1 - 2.0 * rise
    re, im = factors, factors[SAMPLES:]
    left = factors[2 * PARTS * SAMPLES :]
    scale, turn = per_metre * PHASES, half_turn / PHASES
    for n in range(samples):
        v = n * inverse
        late = scale * (a0 + v * (s0 + v * (a2 + v * a3)))
        whole = np.floor(min(max(late + 0.5, 0.0), last))
        at[n] = np.int32(whole)
        # the share of a sample that is left turns by -j left x, to first order
        left[n] = f32(turn * (late - whole))
    for n in range(samples):
        re[n] = plane[rows[n] * ROW + m]
        im[n] = plane[COSINES + rows[n] * ROW + m]
    step = f32(inverse)
    before_re, before_im, further_re, further_im = ONE, f32(0.0), f32(0.0), f32(0.0)
    for p in range(PARTS - 1):
        own_re, own_im = f32(bends[2 * p, q]), f32(bends[2 * p + 1, q])
        more_re = (f32(bends[2 * p, q + 1]) - own_re) * step
        more_im = (f32(bends[2 * p + 1, q + 1]) - own_im) * step
        out_re = factors[(2 * p + 2) * SAMPLES :]
        out_im = factors[(2 * p + 3) * SAMPLES :]
        if p % 2 == 0:  # of odd powers, whose taps are those of j x, j x^3: times -j
            for n in range(samples):
                v = f32(n)
                x = own_re + v * more_re + left[n] * (before_im + v * further_im)
                y = own_im + v * more_im - left[n] * (before_re + v * further_re)
                out_re[n] = re[n] * y + im[n] * x
                out_im[n] = im[n] * y - re[n] * x
        else:
            for n in range(samples):
                v = f32(n)
                x = own_re + v * more_re + left[n] * (before_im + v * further_im)
                y = own_im + v * more_im - left[n] * (before_re + v * further_re)
                out_re[n] = re[n] * x - im[n] * y
                out_im[n] = re[n] * y + im[n] * x
        before_re, before_im, further_re, further_im = own_re, own_im, more_re, more_im


@kernel
def _onto(line, start, long, at, factors, weights, pairs, samples, loud, sent, ratio, reached):
    """Add a block of all pairs to the taps of a channel (flat, from `start` on), sample by sample: the taps of one sample stay near.

    loud, sent, ratio: see `spread`; sent is that of the block's first sample.
    """
    least, most = reached[0] * PHASES, (reached[1] - TAPS) * PHASES
    for n in range(samples):
        for pair in range(pairs):
            k = pair * SAMPLES + n
            whole = at[k]
            if whole < 0:
                continue
            place = sent + n * ratio - whole // PHASES
            if loud[place] == loud[place + 1]:
                continue
            least, most = min(least, whole), max(most, whole)
            first, w = start + n * 2 * long + whole // PHASES, (whole % PHASES) * PARTS * TAPS
            f = (2 * PARTS + 1) * pair * SAMPLES + n
            add_sixteen(line, first, long, weights, w, factors, f, SAMPLES)
    reached[0], reached[1] = least // PHASES, most // PHASES + TAPS


@kernel
def spread(
    planes,
    rows,
    samples,
    place,
    bends,
    per_metre,
    half_turn,
    weights,
    taps,
    loud,
    sent,
    ratio,
    at,
    factors,
    reached,
):
    """Add pairs to the taps of their channels, sample by sample of their slow time.

    planes (pair, mic * basis, PLANE): each pair's wave, see `piece_sum`; rows (samples,): see `sample_rows`.  place (pair, mic, ROW) m and bends (pair,
    2 (PARTS - 1), ROW): see `pair_bands`.  per_metre: samples of delay per metre; half_turn: rad of phase, per sample of delay, at the end of the band.  weights: see `fractional`.
    taps (mic * basis, slow sample, 2, L) float32: tap l delays by l - BEFORE samples.  loud (n + 1,): a running count of what is sent that slow
    samples read; what left when the first slow sample is received is number `sent`, and a slow sample is `ratio` of them.  at, factors: scratch.  reached (2,): the first tap in use and the last but one, kept up.
    """
    blocks = taps.shape[1] // samples
    mics = place.shape[1]
    basis = taps.shape[0] // mics
    pairs, long = planes.shape[0], taps.shape[3]
    for channel in range(taps.shape[0]):
        line = taps[channel].reshape(-1)
        for m in range(blocks):
            for pair in range(pairs):
                # silence while the block lasts: its way moves by less than a block
                way, here = place[pair, channel // basis], sent + m * samples * ratio
                late = int(max(way[m + REACH], way[m + REACH + 1]) * per_metre) + 2
                soon = int(min(way[m + REACH], way[m + REACH + 1]) * per_metre) - 2
                low, high = (
                    max(here - late, 0),
                    min(here + samples * ratio - soon, loud.shape[0] - 1),
                )
                if loud[low] == loud[high]:
                    at[pair * SAMPLES : pair * SAMPLES + samples] = -1
                    continue
                _block(
                    planes[pair, channel], rows, samples, m, place[pair, channel // basis], bends[pair], per_metre, half_turn, long,
                    at[pair * SAMPLES :], factors[(2 * PARTS + 1) * pair * SAMPLES :],
                )  # fmt: skip
            _onto(line, m * samples * 2 * long, long, at, factors, weights, pairs, samples, loud, sent + m * samples * ratio, ratio, reached)  # fmt: skip


@kernel(fastmath=_PACKED)
def _read(row_re, row_im, sound_re, sound_im):
    """Return the sum over taps of rows (n,) times what was emitted, latest first, (n,)."""
    a, b = f32(0.0), f32(0.0)
    for k in range(row_re.shape[0]):
        a += row_re[k] * sound_re[k] - row_im[k] * sound_im[k]
        b += row_re[k] * sound_im[k] + row_im[k] * sound_re[k]
    return a, b


@kernel(fastmath=_PACKED)
def _mixed(line, part, first, weights, low, wide, row):
    """Write a delay line's taps between two slow samples into row (wide,): sums of SLOW_TAPS slow samples from number `first` on."""
    for k in range(wide):
        row[k] = f32(0.0)
    for t in range(0, SLOW_TAPS, 4):
        at = first + t
        if at < 0 or at + 4 > line.shape[0]:
            for u in range(4):
                if 0 <= at + u < line.shape[0]:
                    w, x = weights[t + u], line[at + u, part, low:]
                    for k in range(wide):
                        row[k] += w * x[k]
            continue
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        x0, x1 = line[at, part, low:], line[at + 1, part, low:]
        x2, x3 = line[at + 2, part, low:], line[at + 3, part, low:]
        for k in range(wide):
            row[k] += (w0 * x0[k] + w1 * x1[k]) + (w2 * x2[k] + w3 * x3[k])


@kernel
def heard_through(taps, fade, weights, low, wide, sound_re, sound_im, runs, row_re, row_im, out):
    """Add to out (channel, slow sample * ratio) what is heard through the taps (channel, slow sample, 2, L), faded by fade (slow sample,).

    low, wide: the taps in use.  weights (ratio, SLOW_TAPS): see `between`.  sound_re, sound_im: what was emitted, reversed: entry k of the slice that starts at
    (outputs - 1 - n) is what tap low + k of output n reads.  runs (r, 2): where that is not silence, first and last but one, ascending.  row_re, row_im
    (wide,): scratch.
    """
    ratio = weights.shape[0]
    for channel in range(taps.shape[0]):
        line = taps[channel]
        for m in range(line.shape[0]):
            for part in range(2):
                x = line[m, part, low:]
                for k in range(wide):
                    x[k] *= fade[m]
        last = line.shape[0] * ratio - 1
        for m in range(line.shape[0]):
            for phase in range(ratio):
                n = m * ratio + phase
                for run in range(runs.shape[0]):
                    first = max(runs[run, 0], last - n)
                    many = min(runs[run, 1], last - n + wide) - first
                    if many <= 0:
                        continue
                    at = low + first - (last - n)
                    _mixed(line, 0, m - SLOW_BEFORE, weights[phase], at, many, row_re)
                    _mixed(line, 1, m - SLOW_BEFORE, weights[phase], at, many, row_im)
                    a, b = _read(row_re[:many], row_im[:many], sound_re[first:], sound_im[first:])
                    out[channel, n] += complex(a, b)


def loud_runs(loud: np.ndarray) -> np.ndarray:
    """Return (r, 2): first and last but one of every run of truth in loud (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2).astype(np.int64)


def loud_count(loud: np.ndarray, reach: int) -> np.ndarray:
    """Return (n + 1,) a running count, from zero on, of the places that have truth within `reach` of them."""
    total = np.concatenate([[0], np.cumsum(loud)])
    place = np.arange(len(loud))
    high, low = np.minimum(place + reach + 1, len(loud)), np.maximum(place - reach, 0)
    return np.concatenate([[0], np.cumsum(total[high] > total[low])]).astype(np.int32)

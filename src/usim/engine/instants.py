"""Kernels: glints summed at a few instants between two knots, and their sum brought to the rate of samples."""

from __future__ import annotations

import numpy as np

from usim.engine.slab import (
    HALF_,
    ONE,
    ROW,
    TWO,
    f32,
    whole_lanes,
)  # fmt: skip
from usim.engine.tones import (
    AT,
    COSINES,
    REACH,
    SAMPLES,
    cosine,
    sine,
)  # fmt: skip
from usim.physics.jit import fused, kernel

KNOTS = 6  # that an instant is interpolated from
FINEST = 32  # instants between two knots
PHASES = 16  # that filters are tabulated at, between two instants
# most turns of a glint against the anchor that the filters hold: between two knots, and between two instants
SLOW, FAST = f32(0.28), f32(0.3)
IMAGINARY = FINEST * ROW  # of a sum over glints: after its real rows
SUM = 2 * IMAGINARY


def _between(taps: int, beta: float) -> np.ndarray:
    """Return the filter (PHASES, taps) that tells what lies n / PHASES after instant taps / 2 - 1: a sinc under a Kaiser window."""
    away = np.arange(taps)[None, :] - (taps // 2 - 1) - np.arange(PHASES)[:, None] / PHASES
    inside = np.sqrt(np.maximum(1.0 - (away / (taps // 2)) ** 2, 0.0))
    return (np.sinc(away) * np.i0(beta * inside) / np.i0(beta)).astype(np.float32)


# to -80 dB of what turns no faster than SLOW with two instants to a knot, or FAST with more
SHORT, LONG = _between(8, 7.9), _between(16, 8.5)


@kernel(apart=True)
def _instants(e, even, fineness, weights):
    """Write the weights of KNOTS knots at every instant into weights (fineness * KNOTS * ROW,); return the first knot that grid point 0 reads.

    Instant v of grid point q lies v / fineness of the way to the next, and reads knots from the first + q on: Lagrange's polynomial through six.
    """
    middle = even // 2
    first = int(e[AT + middle]) - middle - 2
    for v in range(fineness):
        w = weights[v * KNOTS * ROW :]
        part = v / fineness
        for q in range(even - 1):
            u = f32(e[AT + q] + part * (e[AT + q + 1] - e[AT + q]) - (q + first + 2))
            a, b, d, f, g = u + TWO, u + ONE, u - ONE, u - TWO, u - f32(3.0)
            ab, fg, ud = a * b, f * g, u * d
            w[q] = -b * ud * fg * f32(1 / 120)
            w[ROW + q] = a * ud * fg * f32(1 / 24)
            w[2 * ROW + q] = -ab * d * fg * f32(1 / 12)
            w[3 * ROW + q] = ab * u * fg * f32(1 / 12)
            w[4 * ROW + q] = -ab * ud * g * f32(1 / 24)
            w[5 * ROW + q] = ab * ud * f * f32(1 / 120)
        for n in range(KNOTS):
            for q in range(even - 1, whole_lanes(even)):
                w[n * ROW + q] = f32(0.0)
    return first


@kernel(apart=True)
def _shine(phases, gains, knot, weights, fineness, even, work, sums):
    """Add a glint, its phases (ROW,) and gains (mic, 2 * ROW) on knots from `knot` on, to sums over glints at instants (mic, SUM)."""
    wide, phase = whole_lanes(even), phases[knot:]
    for v in range(fineness):
        w = weights[v * KNOTS * ROW :]
        for q in range(wide):
            x = fused(w[q], phase[q], fused(w[ROW + q], phase[q + 1], w[2 * ROW + q] * phase[q + 2]))  # fmt: skip
            x += fused(w[3 * ROW + q], phase[q + 3], fused(w[4 * ROW + q], phase[q + 4], w[5 * ROW + q] * phase[q + 5]))  # fmt: skip
            x = x - np.floor(x + HALF_)
            work[q] = cosine(x)
            work[ROW + q] = sine(x)
        for m in range(sums.shape[0]):
            # few slices: the compiler proves of each that it overlaps no other
            there, a = sums[m, v * ROW :], gains[m, knot:]
            for q in range(wide):
                w0, w1, w2, w3, w4, w5 = w[q], w[ROW + q], w[2 * ROW + q], w[3 * ROW + q], w[4 * ROW + q], w[5 * ROW + q]  # fmt: skip
                x = fused(w0, a[q], fused(w1, a[q + 1], w2 * a[q + 2]))
                x += fused(w3, a[q + 3], fused(w4, a[q + 4], w5 * a[q + 5]))
                y = fused(w0, a[ROW + q], fused(w1, a[ROW + q + 1], w2 * a[ROW + q + 2]))
                y += fused(w3, a[ROW + q + 3], fused(w4, a[ROW + q + 4], w5 * a[ROW + q + 5]))
                cos, sin = work[q], work[ROW + q]
                there[q] = fused(x, cos, fused(-y, sin, there[q]))
                there[IMAGINARY + q] = fused(x, sin, fused(y, cos, there[IMAGINARY + q]))


@kernel
def _at(instant, octave):
    """Return where in a sum an instant after grid point 0 starts, 2^octave of them to a grid point; lanes go on from grid point to grid point."""
    return (instant & ((1 << octave) - 1)) * ROW + (instant >> octave)


@kernel
def _eight(part, instant, octave, filters, taps, out, count):
    """Add eight taps of a filter (taps,) over instants from `instant` on, of one part (re or im) of a sum, to out."""
    a = part[_at(instant, octave) :]
    b = part[_at(instant + 1, octave) :]
    c = part[_at(instant + 2, octave) :]
    d = part[_at(instant + 3, octave) :]
    e = part[_at(instant + 4, octave) :]
    f = part[_at(instant + 5, octave) :]
    g = part[_at(instant + 6, octave) :]
    h = part[_at(instant + 7, octave) :]
    ta, tb, tc, td = filters[taps], filters[taps + 1], filters[taps + 2], filters[taps + 3]
    te, tf, tg, th = filters[taps + 4], filters[taps + 5], filters[taps + 6], filters[taps + 7]
    for m in range(count):
        x = fused(ta, a[m], fused(tb, b[m], fused(tc, c[m], fused(td, d[m], out[m]))))
        out[m] = fused(te, e[m], fused(tf, f[m], fused(tg, g[m], fused(th, h[m], x))))


@kernel(apart=True)
def _sampled(total, fineness, samples, even, wave, work, out):
    """Bring a sum over glints from its instants to samples, turned by the wave of the anchor; out: as wave, see `tones.tone`."""
    wide = whole_lanes(even - 2 * REACH - 1)
    re, im = work[:ROW], work[ROW : 2 * ROW]
    octave = 1
    while 1 << octave < fineness:
        octave += 1
    for n in range(samples):
        row = (n if n < samples // 2 else SAMPLES // 2 + samples - 1 - n) * ROW
        instant = REACH * fineness + n * fineness // samples
        phase = n * fineness % samples * PHASES // samples
        w, there = wave[row:], out[row:]
        if phase == 0:
            a, b = total[_at(instant, octave) :], total[IMAGINARY + _at(instant, octave) :]
            for m in range(wide):
                re[m], im[m] = a[m], b[m]
        else:
            for m in range(wide):
                re[m], im[m] = f32(0.0), f32(0.0)
            if octave == 1:
                _eight(total, instant - 3, octave, SHORT[phase], 0, re, wide)
                _eight(total[IMAGINARY:], instant - 3, octave, SHORT[phase], 0, im, wide)
            else:
                for taps in (0, 8):
                    _eight(total, instant - 7 + taps, octave, LONG[phase], taps, re, wide)
                    _eight(
                        total[IMAGINARY:], instant - 7 + taps, octave, LONG[phase], taps, im, wide
                    )
        for m in range(wide):
            sin, cos = w[m], w[COSINES + m]
            there[m] = fused(re[m], sin, im[m] * cos)
            there[COSINES + m] = fused(re[m], cos, -im[m] * sin)

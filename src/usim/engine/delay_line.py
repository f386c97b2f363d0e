"""A moving delay: reads a signal at times that glide, by a windowed sinc of 32 taps.

Used where a wideband source moves. The taps as functions of the fraction of a sample are polynomials
(Farrow 1988), so the sums over the taps are done once per signal (`branches`) and shared by all its
readers (`read_gliding`). Up to 0.4 of the rate errors and images stay below -70 dB; above 0.45 the
sinc's transition begins and images come through: good for noise, not meant for carriers.
"""

import numpy as np

from usim.physics.jit import kernel

TAPS = 32
BEFORE = TAPS // 2 - 1  # taps before the sample a place lies behind
DEGREE = 6
BETA = 7.0  # of the Kaiser window
BLOCK = 512


def sinc_taps(fraction: np.ndarray) -> np.ndarray:
    """Returns the taps (..., TAPS) that read a signal `fraction` of a sample behind tap BEFORE."""
    x = np.arange(TAPS) - BEFORE - np.asarray(fraction, dtype=np.float64)[..., None]
    window = np.i0(BETA * np.sqrt(np.maximum(1.0 - (x / (TAPS // 2)) ** 2, 0.0))) / np.i0(BETA)
    return np.sinc(x) * window


def tap_polynomials() -> np.ndarray:
    """Returns the taps as polynomials of 2 fraction - 1, (DEGREE + 1, TAPS) float32, within 2e-5."""
    nodes = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
    taps = sinc_taps(0.5 * (nodes + 1.0))
    angle = np.arccos(nodes)
    series = np.stack(
        [
            (2.0 - (d == 0)) / 64 * np.sum(taps * np.cos(d * angle)[:, None], axis=0)
            for d in range(DEGREE + 1)
        ]
    )
    powers = [np.polynomial.chebyshev.cheb2poly(series[:, t]) for t in range(TAPS)]
    return np.ascontiguousarray(np.array(powers).T, dtype=np.float32)


@kernel(allocates=True)
def branches(signal, polynomials, out):
    """Writes the sums over the taps of each power: out (n, DEGREE + 1) from signal (n + TAPS,), float32.

    Row r belongs to places between samples r + BEFORE and r + BEFORE + 1 of the signal.
    """
    count = out.shape[0]
    line = np.zeros(BLOCK, dtype=np.float32)
    for start in range(0, count, BLOCK):
        here = min(BLOCK, count - start)
        for c in range(polynomials.shape[0]):
            for n in range(here):
                line[n] = 0.0
            for t in range(0, TAPS, 4):
                a = polynomials[c, t]
                b = polynomials[c, t + 1]
                d = polynomials[c, t + 2]
                e = polynomials[c, t + 3]
                x = signal[start + t : start + t + here + 3]
                for n in range(here):
                    line[n] += (a * x[n] + b * x[n + 1]) + (d * x[n + 2] + e * x[n + 3])
            for n in range(here):
                out[start + n, c] = line[n]


@kernel
def read_gliding(rows, place, slope, gain, step, out):
    """Adds gain * signal(place) to out, ((knot - 1) * step,) float32.

    rows: from `branches`; place, slope, gain: (knot,) float64, a row number (not whole), its change per
    sample, and the factor, at each knot; step: samples between knots. Between knots the place is a
    cubic (Hermite) and the gain linear. Places must lie inside the rows: the caller sees to it.
    """
    top = rows.shape[1] - 1
    inverse = 1.0 / step
    for k in range(place.shape[0] - 1):
        p0 = place[k]
        d0 = slope[k] * step
        d1 = slope[k + 1] * step
        rise = place[k + 1] - p0
        c2 = 3.0 * rise - 2.0 * d0 - d1
        c3 = d0 + d1 - 2.0 * rise
        g0 = gain[k]
        g1 = gain[k + 1] - g0
        for n in range(step):
            u = n * inverse
            p = p0 + u * (d0 + u * (c2 + u * c3))
            row = int(p)
            x = np.float32(2.0 * (p - row) - 1.0)
            total = rows[row, top]
            for c in range(top - 1, -1, -1):
                total = total * x + rows[row, c]
            out[k * step + n] += np.float32(g0 + u * g1) * total

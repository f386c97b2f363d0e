"""Kernels: gains carried from knots of gain to the grid and, as cubics over its blocks, to the samples that they multiply.

Most of what a pair costs is here, so loops are kept long and read few rows.
"""

from __future__ import annotations

import numpy as np

from usim.engine.slab import HALF_, LANES, ONE, ROW, TWO, f32, falling, whole_lanes
from usim.engine.tones import AT, COSINES, LATE, REACH, cosine, sine
from usim.physics.jit import fused, kernel

NEXT = np.uint32(ROW)
GAIN_RE, GAIN_IM, CUBIC = 0, ROW, 2 * ROW  # rows of the float32 scratch of one channel
WORK = 10 * ROW
THREE = f32(3.0)
# weights of four values, of what lies a quarter of the way from the second to the third
QUARTER_0, QUARTER_1, QUARTER_2, QUARTER_3 = f32(-7 / 128), f32(105 / 128), f32(35 / 128), f32(-5 / 128)  # fmt: skip
# the same of six: half way, and a quarter
HALF_0, HALF_1, HALF_2 = f32(3 / 256), f32(-25 / 256), f32(150 / 256)
FOURTH = tuple(f32(n / 8192) for n in (77, -693, 6930, 2310, -495, 63))
FIRST = 4 * ROW  # row of the stencil's scratch, after its weights


@kernel(apart=True)
def stencil(e, even, ratio, knots, four, weights, bands):
    """Write every coarse knot's weight at every grid point: those of the cubic through the four knots around it, else zero.

    weights (knots in whole eights * ROW,); four: scratch of five rows.  A vector of grid points reads but few knots: bands (vector, 2) are the
    first of them and how many eights; the weights of others are not written.
    """
    inverse = 1.0 / ratio
    last = (knots + 7) // 8 * 8
    for q in range(even):
        x = e[AT + q] * inverse
        c = min(max(np.floor(x), 1.0), float(knots - 3))
        u = x - c
        four[FIRST + q] = f32(c - 1.0)
        four[q] = f32(-u * (u - 1.0) * (u - 2.0) * (1 / 6))
        four[ROW + q] = f32((u + 1.0) * (u - 1.0) * (u - 2.0) * 0.5)
        four[2 * ROW + q] = f32(-(u + 1.0) * u * (u - 2.0) * 0.5)
        four[3 * ROW + q] = f32((u + 1.0) * u * (u - 1.0) * (1 / 6))
    for v in range(whole_lanes(even) // LANES):
        low = int(four[FIRST + v * LANES])
        high = int(four[FIRST + min(v * LANES + LANES, even) - 1])
        eights = (high - low + 3) // 8 + 1
        low = max(min(low, last - 8 * eights), 0)
        bands[v, 0], bands[v, 1] = low, eights
        for k in range(8 * eights):
            row = weights[(low + k) * ROW + v * LANES :]
            for q in range(LANES):
                row[q] = f32(0.0)
    for q in range(even):
        at = np.uint32(np.int32(four[FIRST + q]) * ROW + q)
        weights[at] = four[q]
        weights[at + NEXT] = four[ROW + q]
        weights[at + NEXT + NEXT] = four[2 * ROW + q]
        weights[at + NEXT + NEXT + NEXT] = four[3 * ROW + q]


@kernel
def _add_knots(weights, bands, values, row, count):
    """Add values on knots of gain, each times its weights (see `stencil`), to a row on the grid."""
    for v in range(count // LANES):
        here, lanes = row[v * LANES :], min(count - v * LANES, LANES)
        for n in range(bands[v, 1]):
            k = bands[v, 0] + 8 * n
            w, at = weights[k * ROW + v * LANES :], values[k:]
            v0, v1, v2, v3, v4, v5, v6, v7 = (
                at[0],
                at[1],
                at[2],
                at[3],
                at[4],
                at[5],
                at[6],
                at[7],
            )
            for q in range(lanes):
                x = fused(w[q], v0, fused(w[ROW + q], v1, here[q]))
                y = fused(w[2 * ROW + q], v2, w[3 * ROW + q] * v3)
                x = fused(w[4 * ROW + q], v4, fused(w[5 * ROW + q], v5, x))
                y = fused(w[6 * ROW + q], v6, fused(w[7 * ROW + q], v7, y))
                here[q] = x + y


@kernel
def _add_gain(weights, bands, g_re, g_im, shift, work, count):
    """Add a channel's gain and phase on knots of gain, times their weights (see `stencil`), to GAIN_RE, GAIN_IM and CUBIC: `_add_knots` of all three."""
    for v in range(count // LANES):
        here, lanes = work[v * LANES :], min(count - v * LANES, LANES)
        for n in range(bands[v, 1]):
            k = bands[v, 0] + 8 * n
            w, a, b, c = weights[k * ROW + v * LANES :], g_re[k:], g_im[k:], shift[k:]
            a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
            b0, b1, b2, b3, b4, b5, b6, b7 = b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]
            c0, c1, c2, c3, c4, c5, c6, c7 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
            for q in range(lanes):
                w0, w1, w2, w3 = w[q], w[ROW + q], w[2 * ROW + q], w[3 * ROW + q]
                w4, w5, w6, w7 = (
                    w[4 * ROW + q],
                    w[5 * ROW + q],
                    w[6 * ROW + q],
                    w[7 * ROW + q],
                )
                x = fused(w0, a0, fused(w1, a1, fused(w2, a2, fused(w3, a3, here[GAIN_RE + q]))))
                y = fused(w0, b0, fused(w1, b1, fused(w2, b2, fused(w3, b3, here[GAIN_IM + q]))))
                z = fused(w0, c0, fused(w1, c1, fused(w2, c2, fused(w3, c3, here[CUBIC + q]))))
                here[GAIN_RE + q] = fused(w4, a4, fused(w5, a5, fused(w6, a6, fused(w7, a7, x))))
                here[GAIN_IM + q] = fused(w4, b4, fused(w5, b5, fused(w6, b6, fused(w7, b7, y))))
                here[CUBIC + q] = fused(w4, c4, fused(w5, c5, fused(w6, c6, fused(w7, c7, z))))


@kernel(apart=True)
def interpolate(weights, bands, even, shift, fall, falls, g_re, g_im, work):
    """Interpolate one channel's gain to the grid, turned by its own phase `shift` (turns), weakened by `fall` (neper) where it `falls`; work: GAIN_RE, GAIN_IM."""
    wide = whole_lanes(even)
    low = work[CUBIC + ROW : CUBIC + 2 * ROW]
    for q in range(wide):
        work[GAIN_RE + q], work[GAIN_IM + q], work[CUBIC + q] = f32(0.0), f32(0.0), f32(0.0)
        low[q] = f32(0.0)
    _add_gain(weights, bands, g_re, g_im, shift, work, wide)
    if falls:
        _add_knots(weights, bands, fall, low, wide)
    for q in range(wide):
        x = work[CUBIC + q]
        x = x - np.floor(x + HALF_)
        s = sine(x)
        c = cosine(x)
        re = work[GAIN_RE + q]
        im = work[GAIN_IM + q]
        work[GAIN_RE + q] = fused(re, c, -im * s)
        work[GAIN_IM + q] = fused(re, s, im * c)
    if falls:
        for q in range(wide):
            e = falling(work[CUBIC + ROW + q])
            work[GAIN_RE + q] *= e
            work[GAIN_IM + q] *= e


@kernel
def _cubics(values, middle, c, count):
    """Write the cubic between values REACH + m and the next, slopes of fourth order, about `middle` (blocks) into four rows of c."""
    for m in range(count):
        s0 = (f32(8.0) * (values[m + 3] - values[m + 1]) - (values[m + 4] - values[m])) * f32(
            1 / 12
        )
        s1 = (f32(8.0) * (values[m + 4] - values[m + 2]) - (values[m + 5] - values[m + 1])) * f32(
            1 / 12
        )
        rise = values[m + 3] - values[m + 2]
        a2, a3 = f32(3.0) * rise - f32(2.0) * s0 - s1, s0 + s1 - f32(2.0) * rise
        c[m] = values[m + 2] + middle * (s0 + middle * (a2 + middle * a3))
        c[ROW + m] = s0 + middle * (f32(2.0) * a2 + f32(3.0) * middle * a3)
        c[2 * ROW + m] = a2 + f32(3.0) * middle * a3
        c[3 * ROW + m] = a3


@kernel(apart=True)
def add_channel(work, even, samples, wave, total):
    """Add gain times tone to one channel's sums; the gain (work: GAIN_RE, GAIN_IM on the grid) is a cubic over every block.

    total (PLANE,): SAMPLES rows of real parts by ROW blocks, then as many of imaginary parts.
    """
    wide = whole_lanes(even - 2 * REACH - 1)
    middle = f32((samples - 1) / (2 * samples))
    c = work[CUBIC:]
    _cubics(work[GAIN_RE:], middle, c, wide)
    _cubics(work[GAIN_IM:], middle, c[4 * ROW :], wide)
    for n in range(samples // 2):
        v = f32((samples - 1 - 2 * n) / (2 * samples))
        v2 = v * v
        w, t = wave[n * ROW :], total[n * ROW :]
        for m in range(wide):
            even_re = fused(v2, c[2 * ROW + m], c[m])
            odd_re = v * fused(v2, c[3 * ROW + m], c[ROW + m])
            even_im = fused(v2, c[6 * ROW + m], c[4 * ROW + m])
            odd_im = v * fused(v2, c[7 * ROW + m], c[5 * ROW + m])
            re, im = even_re - odd_re, even_im - odd_im
            sin, cos = w[m], w[COSINES + m]
            t[m] = fused(re, cos, fused(-im, sin, t[m]))
            t[COSINES + m] = fused(re, sin, fused(im, cos, t[COSINES + m]))
            re, im = even_re + odd_re, even_im + odd_im
            sin, cos = w[LATE + m], w[COSINES + LATE + m]
            t[LATE + m] = fused(re, cos, fused(-im, sin, t[LATE + m]))
            t[COSINES + LATE + m] = fused(re, sin, fused(im, cos, t[COSINES + LATE + m]))


@kernel
def at_grid(e, values, even, count, out):
    """Carry values on knots to the grid points, by a cubic through four knots: the same distance from every grid point, those around the middle one."""
    middle = even // 2
    ahead = min(max(int(e[AT + middle]) - middle, 1), count - 2 - even)
    near = values[ahead - 1 :]
    for q in range(even):
        u = f32(e[AT + q] - q - ahead)
        down, up, far = u - ONE, u + ONE, u - TWO
        out[q] = (
            near[q] * (-u * down * far * f32(1 / 6))
            + near[q + 1] * (up * down * far * HALF_)
            - near[q + 2] * (up * u * far * HALF_)
            + near[q + 3] * (up * u * down * f32(1 / 6))
        )


@kernel(apart=True)
def lifted(values, ratio, out, wide):
    """Carry values on every ratio-th knot (1, 2, 4), from place 1 on, to all knots, by cubics through four."""
    last = wide // ratio
    values[0] = TWO * values[1] - values[2]
    values[last + 1] = TWO * values[last] - values[last - 1]
    values[last + 2] = values[last + 1]
    if ratio == 1:
        for k in range(wide):
            out[k] = values[k + 1]
    elif ratio == 2:
        for k in range(wide // 2):
            a, b, c, d = values[k], values[k + 1], values[k + 2], values[k + 3]
            out[2 * k] = b
            out[2 * k + 1] = f32(0.5625) * (b + c) - f32(0.0625) * (a + d)
    else:
        for k in range(wide // 4):
            a, b, c, d = values[k], values[k + 1], values[k + 2], values[k + 3]
            out[4 * k] = b
            out[4 * k + 1] = fused(QUARTER_0, a, fused(QUARTER_1, b, fused(QUARTER_2, c, QUARTER_3 * d)))  # fmt: skip
            out[4 * k + 2] = f32(0.5625) * (b + c) - f32(0.0625) * (a + d)
            out[4 * k + 3] = fused(QUARTER_3, a, fused(QUARTER_2, b, fused(QUARTER_1, c, QUARTER_0 * d)))  # fmt: skip


@kernel(apart=True)
def refined(values, ratio, count, out, wide):
    """Carry `count` values on every ratio-th knot (1, 2, 4), from place 2 on, to all knots, by polynomials through six; parabolas beyond both ends.

    At least three values where the ratio is not one.  What comes after the last of them counts for nothing.
    """
    if ratio == 1:
        for k in range(wide):
            out[k] = values[k + 2]
        return
    a, b, c = values[2], values[3], values[4]
    values[1], values[0] = THREE * (a - b) + c, f32(6.0) * a - f32(8.0) * b + THREE * c
    ends = values[count - 1 :]
    a, b, c = ends[2], ends[1], ends[0]
    ends[3], ends[4] = THREE * (a - b) + c, f32(6.0) * a - f32(8.0) * b + THREE * c
    if ratio == 2:
        for k in range(wide // 2):
            a, b, c, d, e, f = values[k], values[k + 1], values[k + 2], values[k + 3], values[k + 4], values[k + 5]  # fmt: skip
            out[2 * k] = c
            out[2 * k + 1] = fused(HALF_0, a + f, fused(HALF_1, b + e, HALF_2 * (c + d)))
    else:
        for k in range(wide // 4):
            a, b, c, d, e, f = values[k], values[k + 1], values[k + 2], values[k + 3], values[k + 4], values[k + 5]  # fmt: skip
            x = fused(FOURTH[0], a, fused(FOURTH[1], b, FOURTH[2] * c))
            y = fused(FOURTH[5], a, fused(FOURTH[4], b, FOURTH[3] * c))
            out[4 * k] = c
            out[4 * k + 1] = fused(FOURTH[3], d, fused(FOURTH[4], e, fused(FOURTH[5], f, x)))
            out[4 * k + 2] = fused(HALF_0, a + f, fused(HALF_1, b + e, HALF_2 * (c + d)))
            out[4 * k + 3] = fused(FOURTH[2], d, fused(FOURTH[1], e, fused(FOURTH[0], f, y)))


@kernel
def darken(weights, bands, even, shade_on_grid, differs, difference, work):
    """Multiply the gain on the grid by what passes: at the middle of the array and, where one microphone's differs, the difference on knots of gain."""
    wide = whole_lanes(even)
    row = work[CUBIC : CUBIC + ROW]
    for q in range(wide):
        row[q] = shade_on_grid[q]
    if differs:
        _add_knots(weights, bands, difference, row, wide)
    for q in range(wide):
        work[GAIN_RE + q] *= work[CUBIC + q]
        work[GAIN_IM + q] *= work[CUBIC + q]

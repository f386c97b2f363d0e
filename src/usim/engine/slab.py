"""Slabs: the flat buffers that kernels work in, and the rows of each.

A slab is one flat buffer of rows of ROW knots.  Rows lie a constant distance apart, which lets the compiler prove that they do not
overlap and turn every loop into packed instructions; lanes beyond the knots repeat the last, so that loops run over whole vectors.
"""

from __future__ import annotations

import math

import numpy as np

from usim.physics.jit import fused, kernel

f32 = np.float32
# Degrees are fixed, so that the compiler unrolls each polynomial and packs the loop over knots.
PORT_DEGREE = 16
BEAM_DEGREE = 32
WALL_NODES = 2049  # of the table of a surface: linear between them, to 2e-5
LAST_NODE = f32(WALL_NODES - 1)
JUST_BELOW = np.nextafter(LAST_NODE, f32(0.0))
ONE, HALF_, TWO, LEAST, TINY = f32(1.0), f32(0.5), f32(2.0), f32(0.1), f32(1e-30)
LONGEST_TURN = f32(0.4)  # rad, the largest turn of the normal in one Newton step
FADE_END = f32(
    math.cos(math.radians(80.0))
)  # bistatic 160 degrees: what lies beyond is the shadow, not an echo
FADE_RATE = f32(
    1.0 / (math.cos(math.radians(70.0)) - math.cos(math.radians(80.0)))
)  # full echo up to 140 degrees

FAINTEST = f32(-30.0)  # neper: lobes stay there
E3, E4, E5 = f32(1 / 6), f32(1 / 24), f32(1 / 120)

ROW = 96
LANES = 16
PLACE, SPREAD, SHAPE = (
    0,
    3 * ROW,
    9 * ROW,
)  # centre; Q diag(a^2) Q' and Q diag(a^-2) Q' as xx yy zz xy xz yz
NORMAL = 15 * ROW
BACK, ON = (
    18 * ROW,
    21 * ROW,
)  # unit vectors from the bounce point to the driver's image and to the microphone's
HALF, LENGTH, RE, IM = 24 * ROW, 25 * ROW, 26 * ROW, 27 * ROW
COSINE, FACTOR = 28 * ROW, 29 * ROW
NODE, CELL = 30 * ROW, 31 * ROW
EAR, AXIS = (
    35 * ROW,
    38 * ROW,
)  # the microphone's image and the mirrored axis of its arrival shadow, written by `aim`
GAIN_RE, GAIN_IM = 41 * ROW, 42 * ROW  # written by `arriving`
SHIFT = 43 * ROW  # written by `sums`
FALL = 44 * ROW  # neper of amplitude that a glint is below the middle of its lobe, negative
SWAY, LEAN = (
    45 * ROW,
    46 * ROW,
)  # m that the last Newton step took off a mirror's path and second leg
SLAB = 47 * ROW
PATH, SECOND = 9 * ROW, 10 * ROW  # rows of the float64 slab, after PLACE and SPREAD
ARRIVAL, SLOPE = 11 * ROW, 12 * ROW  # written by `tones.clock`
LONG_EAR = 13 * ROW
LONG_SLAB = 16 * ROW


@kernel
def dot(ax, ay, az, bx, by, bz):
    """Return the dot product of two vectors of the same type."""
    return fused(ax, bx, fused(ay, by, az * bz))


@kernel
def aim(s, mx, my, mz, ax, ay, az, first, count):
    """Write a microphone's image (m) and its mirrored axis into lanes `first` to `first` + count: several may share a slab."""
    x, y, z = s[EAR + first :], s[EAR + ROW + first :], s[EAR + 2 * ROW + first :]
    u, v, w = s[AXIS + first :], s[AXIS + ROW + first :], s[AXIS + 2 * ROW + first :]
    for k in range(count):
        x[k], y[k], z[k] = f32(mx), f32(my), f32(mz)
        u[k], v[k], w[k] = f32(ax), f32(ay), f32(az)


@kernel
def aim_long(d, mx, my, mz, count):
    """Write a microphone's image (m) into the float64 slab."""
    for k in range(count):
        d[LONG_EAR + k], d[LONG_EAR + ROW + k], d[LONG_EAR + 2 * ROW + k] = mx, my, mz


@kernel
def to_64th(x):
    """Return x^64."""
    x = x * x
    x = x * x
    x = x * x
    x = x * x
    x = x * x
    return x * x


@kernel
def falling(x):
    """Return exp(x) of what is at most zero, float32; FAINTEST is as low as it goes."""
    x = (x if x > FAINTEST else FAINTEST) * f32(1 / 64)
    return to_64th(fused(x, fused(x, fused(x, fused(x, fused(x, E5, E4), E3), HALF_), ONE), ONE))


@kernel
def smooth(t):
    """Return a step from 0 at 0 to 1 at 1, twice differentiable."""
    t = t if t > f32(0.0) else f32(0.0)
    t = t if t < ONE else ONE
    return t * t * t * (t * (f32(6.0) * t - f32(15.0)) + f32(10.0))


@kernel
def faded(c):
    """Return the amplitude that is left of an echo at the cosine of half the bistatic angle."""
    return smooth((c - FADE_END) * FADE_RATE)


@kernel
def tangents(ax, ay, az):
    """Return two tangents at a normal, orthonormal (Duff et al. 2017)."""
    sign = ONE if az >= f32(0.0) else -ONE
    ia = -ONE / (sign + az)
    ib = ax * ay * ia
    return fused(sign * ax, ax * ia, ONE), sign * ib, -sign * ax, ib, fused(ay, ay * ia, sign), -ay


@kernel
def times_shape(s, shape, k, x, y, z):
    """Return a symmetric matrix, whose rows xx yy zz xy xz yz start at `shape`, times a vector, at lane k."""
    xx, yy, zz = s[shape + k], s[shape + ROW + k], s[shape + 2 * ROW + k]
    xy, xz, yz = s[shape + 3 * ROW + k], s[shape + 4 * ROW + k], s[shape + 5 * ROW + k]
    return dot(xx, xy, xz, x, y, z), dot(xy, yy, yz, x, y, z), dot(xz, yz, zz, x, y, z)


@kernel
def volume(s, k):
    """Return the product of semi-axes at lane k: the root of the determinant of SPREAD."""
    xx, yy, zz = s[SPREAD + k], s[SPREAD + ROW + k], s[SPREAD + 2 * ROW + k]
    xy, xz, yz = s[SPREAD + 3 * ROW + k], s[SPREAD + 4 * ROW + k], s[SPREAD + 5 * ROW + k]
    return math.sqrt(
        fused(
            xx,
            fused(yy, zz, -yz * yz),
            fused(-xy, fused(xy, zz, -yz * xz), xz * fused(xy, yz, -yy * xz)),
        )
    )


@kernel
def thinned(values, ratio, out, count):
    """Copy every ratio-th (1, 2, 4) of a row; a stride that is known is packed."""
    if ratio == 1:
        for k in range(count):
            out[k] = f32(values[k])
    elif ratio == 2:
        for k in range(count):
            out[k] = f32(values[2 * k])
    else:
        for k in range(count):
            out[k] = f32(values[4 * k])


@kernel
def sparsest(ratio, change, most):
    """Return every how many knots (ratio, or less by halves) a value is told of which so much changes over `ratio` knots, and may by `most` from one to the next."""
    stride = ratio
    while stride > 1 and change * f32(stride) > most * f32(ratio):
        stride //= 2
    return stride


@kernel
def thin_row(values, ratio, count, wide, out):
    """Copy every ratio-th (1, 2, 4) of a row, `count` of them, the last as often as whole vectors ask."""
    thinned(values, ratio, out, count)
    for k in range(wide - count):
        out[count + k] = out[count - 1]


@kernel
def whole_lanes(count):
    """Return the number of lanes in whole vectors that hold `count` knots."""
    return (count + LANES - 1) // LANES * LANES

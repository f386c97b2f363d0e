"""Kernels: the echo of one cell of a flat rectangle, the float32 twin of `physics.aperture`.

Rows of a *board* (a slab of its own): ends of a pair in the axes of the piece, the phase of its path, and the echo, lanes over instants.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.slab import HALF_, ONE, ROW, TWO, f32
from usim.engine.tones import cosine, sine
from usim.physics.aperture import _BELOW, _IMAG_0, _IMAG_1, _IMAG_2, _REAL_0, _REAL_2
from usim.physics.aperture import FARTHEST as _FARTHEST
from usim.physics.aperture import LEAST_BEND as _LEAST_BEND
from usim.physics.jit import fused, kernel

SOURCE, EAR_ = 0, 3 * ROW  # from the centre to both ends, m, in the piece's own axes
AWAY, NEAR = 6 * ROW, 7 * ROW  # and how far that is
TURNS = 8 * ROW  # of the path through the centre, within half a turn
SIDE = 9 * ROW  # share of the faces seen, see `aperture.face`
ECHO_RE, ECHO_IM = 10 * ROW, 11 * ROW
BOARD = 12 * ROW

A, B, C = (tuple(f32(x) for x in row) for row in (_REAL_0, _IMAG_0, _IMAG_1))
D, E, F = (tuple(f32(x) for x in row) for row in (_REAL_2, _IMAG_2, _BELOW))
FARTHEST, LEAST_BEND = f32(_FARTHEST), f32(_LEAST_BEND)
PER_RAD = f32(0.5 / math.pi)  # turns
LINE, PER_PI = f32(2.0 / math.pi), f32(1.0 / math.pi)


@kernel
def tails(v):
    """Return the real and imaginary parts of `aperture.fresnel_tails` 0, 1 and 2 at v >= 0."""
    v = v if v < FARTHEST else FARTHEST
    below = fused(v, fused(v, fused(v, F[10], F[9]), F[8]), F[7])
    below = fused(v, fused(v, fused(v, fused(v, below, F[6]), F[5]), F[4]), F[3])
    below = ONE / fused(v, fused(v, fused(v, below, F[2]), F[1]), F[0])
    a = fused(v, fused(v, fused(v, A[7], A[6]), A[5]), A[4])
    a = fused(v, fused(v, fused(v, fused(v, a, A[3]), A[2]), A[1]), A[0]) * below
    b = fused(v, fused(v, fused(v, fused(v, B[9], B[8]), B[7]), B[6]), B[5])
    b = fused(v, fused(v, fused(v, fused(v, fused(v, b, B[4]), B[3]), B[2]), B[1]), B[0]) * below
    c = fused(v, fused(v, fused(v, C[6], C[5]), C[4]), C[3])
    c = fused(v, fused(v, fused(v, c, C[2]), C[1]), C[0]) * below
    d = fused(v, fused(v, fused(v, fused(v, fused(v, D[5], D[4]), D[3]), D[2]), D[1]), D[0])
    e = fused(v, fused(v, fused(v, E[7], E[6]), E[5]), E[4])
    e = fused(v, fused(v, fused(v, fused(v, e, E[3]), E[2]), E[1]), E[0]) * below
    return a, b, -v * a, c, d * below, e


@kernel
def turned(x):
    """Return cosine and sine of x turns."""
    x = x - np.floor(x + HALF_)
    return cosine(x), sine(x)


@kernel
def moments(slope, bend):
    """Return the real and imaginary parts of `aperture.axis_moments` 0, 1 and 2."""
    bend = bend if bend > LEAST_BEND else LEAST_BEND
    scale = math.sqrt(LINE * bend)
    s = ONE / scale
    half = s * s * PER_PI  # 1 / (2 bend)
    mirror = -slope * half
    inside = abs(mirror) <= ONE
    within = mirror if inside else f32(0.0)
    size = s if inside else f32(0.0)
    w2 = within * within
    c, q = turned(bend * w2 * PER_RAD)
    re0, im0 = size * (c + q), size * (q - c)
    re1, im1 = re0 * within, im0 * within
    re2, im2 = re0 * w2 + im0 * half, im0 * w2 - re0 * half
    bent_re, bent_im = turned(bend * PER_RAD)
    along_re, along_im = turned(slope * PER_RAD)
    for step in range(2):
        edge = f32(2 * step - 1)
        v = scale * (edge - mirror)
        side = ONE if v >= f32(0.0) else -ONE
        ar, ai, br, bi, cr, ci = tails(abs(v))
        size = -edge * side * s
        across = edge * along_im
        # exp(-j (edge slope + bend))
        pr = size * (bent_re * along_re - bent_im * across)
        pi = -size * (bent_re * across + bent_im * along_re)
        by = side * s
        br, bi = by * br, by * bi
        re0, im0 = re0 + pr * ar - pi * ai, im0 + pr * ai + pi * ar
        xr, xi = edge * ar + br, edge * ai + bi
        re1, im1 = re1 + pr * xr - pi * xi, im1 + pr * xi + pi * xr
        xr, xi = ar + TWO * edge * br + s * s * cr, ai + TWO * edge * bi + s * s * ci
        re2, im2 = re2 + pr * xr - pi * xi, im2 + pr * xi + pi * xr
    return re0, im0, re1, im1, re2, im2


@kernel
def _face(x):
    """Return the share of a face that is seen, -1 to 1; x: cosine over the least, see `aperture.face`."""
    x = x if x < ONE else ONE
    x = x if x > -ONE else -ONE
    x2 = x * x
    return x * (f32(15.0) - x2 * (f32(10.0) - f32(3.0) * x2)) * f32(1 / 8)


@kernel
def faces(s, inverse_least, count):
    """Write AWAY and NEAR, and SIDE of both ends; the echo starts from nothing."""
    for k in range(count):
        x, y, z = s[SOURCE + k], s[SOURCE + ROW + k], s[SOURCE + 2 * ROW + k]
        away = math.sqrt(fused(x, x, fused(y, y, z * z)))
        side = _face(z / away * inverse_least)
        x, y, z = s[EAR_ + k], s[EAR_ + ROW + k], s[EAR_ + 2 * ROW + k]
        near = math.sqrt(fused(x, x, fused(y, y, z * z)))
        s[AWAY + k], s[NEAR + k] = away, near
        s[SIDE + k] = side * _face(z / near * inverse_least)
        s[ECHO_RE + k] = f32(0.0)
        s[ECHO_IM + k] = f32(0.0)


@kernel
def plate(s, a, b, cx, cy, k_, turns_per_metre, count):
    """Add the echo of the cell about (cx, cy, 0), half-lengths a and b (m), to ECHO: G exp(-j 2 pi f P / c), all of its phase included."""
    ka, kb = k_ * a, k_ * b
    kab = ka * b
    half_a, half_b = HALF_ * ka * a, HALF_ * kb * b
    scale = kab * f32(0.25 / math.pi)
    square = cx * cx + cy * cy
    for k in range(count):
        ox, oy, z = s[SOURCE + k], s[SOURCE + ROW + k], s[SOURCE + 2 * ROW + k]
        x, y = ox - cx, oy - cy
        z2 = z * z
        r = math.sqrt(fused(x, x, fused(y, y, z2)))
        n1 = ONE / r
        # what the leg is longer than through the piece's centre
        longer = (square - TWO * (ox * cx + oy * cy)) / (r + s[AWAY + k])
        ux, uy, uz = x * n1, y * n1, abs(z) * n1
        bend_x = fused(y, y, z2) * n1 * n1 * n1
        bend_y = fused(x, x, z2) * n1 * n1 * n1
        ox, oy, z = s[EAR_ + k], s[EAR_ + ROW + k], s[EAR_ + 2 * ROW + k]
        x, y = ox - cx, oy - cy
        z2 = z * z
        r = math.sqrt(fused(x, x, fused(y, y, z2)))
        n2 = ONE / r
        longer = longer + (square - TWO * (ox * cx + oy * cy)) / (r + s[NEAR + k])
        vx, vy, vz = x * n2, y * n2, abs(z) * n2
        bend_x = fused(fused(y, y, z2) * n2, n2 * n2, bend_x)
        bend_y = fused(fused(x, x, z2) * n2, n2 * n2, bend_y)
        cross = -kab * fused(ux * uy, n1, vx * vy * n2)
        cos = uz + vz
        fall_x, fall_y = fused(ux, n1, vx * n2), fused(uy, n1, vy * n2)
        tilt_x = a * fused(fall_x, cos, fused(uz * ux, n1, vz * vx * n2))
        tilt_y = b * fused(fall_y, cos, fused(uz * uy, n1, vz * vy * n2))
        x0r, x0i, x1r, x1i, x2r, x2i = moments(-ka * (ux + vx), half_a * bend_x)
        y0r, y0i, y1r, y1i, y2r, y2i = moments(-kb * (uy + vy), half_b * bend_y)
        c2 = -HALF_ * cross * cross
        fr = x0r * y0r - x0i * y0i + cross * (x1r * y1i + x1i * y1r) + c2 * (x2r * y2r - x2i * y2i)
        fi = x0r * y0i + x0i * y0r - cross * (x1r * y1r - x1i * y1i) + c2 * (x2r * y2i + x2i * y2r)
        fr = cos * fr + tilt_x * (x1r * y0r - x1i * y0i) + tilt_y * (x0r * y1r - x0i * y1i)
        fi = cos * fi + tilt_x * (x1r * y0i + x1i * y0r) + tilt_y * (x0r * y1i + x0i * y1r)
        size = scale * n1 * n2 * s[SIDE + k]
        c, q = turned(s[TURNS + k] - turns_per_metre * longer)
        # times j
        s[ECHO_RE + k] -= size * (fr * q + fi * c)
        s[ECHO_IM + k] += size * (fr * c - fi * q)


@kernel
def plates(s, half_x, half_y, along, across, k_, turns_per_metre, inverse_least, count):
    """Write the echo of a rectangle of along x across cells into ECHO."""
    faces(s, inverse_least, count)
    a, b = half_x / f32(along), half_y / f32(across)
    for i in range(along):
        for j in range(across):
            cx, cy = a * f32(2 * i + 1 - along), b * f32(2 * j + 1 - across)
            plate(s, a, b, cx, cy, k_, turns_per_metre, count)

"""Kernels: one pair of legs over one convex piece, on knots of bounce time.

A *pair* is (i, j): the wave leaves the driver's image i, is mirrored by an ellipsoid, and arrives at the microphone's image j.
`pair_paths` finds the Fermat point of every knot by Newton steps on the surface normal and returns path and outgoing distance;
`incoming`, `outgoing`
and `arriving` make the complex gain, whose first factor the microphones of an array share.  The near-field amplitude is geometric optics with the full Hessian of the path length
(Keller 1962; Deschamps 1972), written for any orientation of the plane of incidence:

    G = C / (r1 r2 sqrt(det H)),  H = (I - u1 u1')/r1 + (I - u2 u2')/r2 + (b . n) K   on the tangent plane, b = u1 + u2, C = |b|/2.

Normals and gains are float32: the path is stationary at the Fermat point, so an error of 1e-6 rad in the normal moves it by 1e-13 m.
Paths are float64.
"""

from __future__ import annotations

import math

import numpy as np

from usim.physics.jit import kernel

f32 = np.float32
# Degrees are fixed, so that the compiler unrolls each polynomial and packs the loop over knots.
PORT_DEGREE = 16
BEAM_DEGREE = 32
WALL_NODES = 2049  # of the table of a surface: linear between them, to 2e-5
LAST_NODE = f32(WALL_NODES - 1)
JUST_BELOW = np.nextafter(LAST_NODE, f32(0.0))
ONE, HALF_, TWO, LEAST, TINY = f32(1.0), f32(0.5), f32(2.0), f32(0.1), f32(1e-30)
LONGEST_TURN = f32(0.4)  # rad, the largest turn of the normal in one Newton step
FADE_END = f32(math.cos(math.radians(80.0)))  # bistatic 160 degrees: what lies beyond is the shadow, not an echo
FADE_RATE = f32(1.0 / (math.cos(math.radians(70.0)) - math.cos(math.radians(80.0))))  # full echo up to 140 degrees

# A slab is one flat buffer of rows of ROW knots.  Rows lie a constant distance apart, which lets the compiler prove that they do
# not overlap and turn every loop into packed instructions.
ROW = 96
LANES = 8
PLACE, SPREAD, SHAPE = 0, 3 * ROW, 9 * ROW  # centre; Q diag(a^2) Q' and Q diag(a^-2) Q' as xx yy zz xy xz yz
NORMAL = 15 * ROW
BACK, ON = 18 * ROW, 21 * ROW  # unit vectors from the bounce point to the driver's image and to the microphone's
HALF, LENGTH, RE, IM = 24 * ROW, 25 * ROW, 26 * ROW, 27 * ROW
COSINE, FACTOR = 28 * ROW, 29 * ROW
SLAB = 30 * ROW
PATH, SECOND = 9 * ROW, 10 * ROW  # rows of the float64 slab, after PLACE and SPREAD
ARRIVAL, SLOPE = 11 * ROW, 12 * ROW  # written by `sums.clock`
LONG_SLAB = 13 * ROW


@kernel
def _mirror(s, tables, wall, count):
    """Multiply RE, IM by a surface's reflection at COSINE: tables (W, 2, WALL_NODES), real and imaginary, even in the root of the cosine."""
    for k in range(count):
        x = math.sqrt(s[COSINE + k]) * LAST_NODE
        x = x if x < JUST_BELOW else JUST_BELOW  # the last cell is a cell like others
        n = np.uint32(np.int32(x))  # unsigned: an index that may be negative would be checked, and not packed
        w = x - f32(n)
        r_re = tables[wall, 0, n] + w * (tables[wall, 0, n + np.uint32(1)] - tables[wall, 0, n])
        r_im = tables[wall, 1, n] + w * (tables[wall, 1, n + np.uint32(1)] - tables[wall, 1, n])
        o_re = s[RE + k]
        o_im = s[IM + k]
        s[RE + k] = o_re * r_re - o_im * r_im
        s[IM + k] = o_re * r_im + o_im * r_re


@kernel
def _port(s, ports, b, count):
    """Write the Chebyshev series (PORT_DEGREE) of COSINE in [-1, 1] into FACTOR (Clenshaw)."""
    for k in range(count):
        x = s[COSINE + k]
        x2 = x + x
        b1 = ports[b, PORT_DEGREE]
        b2 = f32(0.0)
        for d in range(PORT_DEGREE - 1, 0, -1):
            b0 = x2 * b1 - b2 + ports[b, d]
            b2 = b1
            b1 = b0
        s[FACTOR + k] = x * b1 - b2 + ports[b, 0]


@kernel
def _beam(s, beams, b, part, count):
    """Write the Chebyshev series (BEAM_DEGREE) of COSINE in [-1, 1] into FACTOR (Clenshaw)."""
    for k in range(count):
        x = s[COSINE + k]
        x2 = x + x
        b1 = beams[b, part, BEAM_DEGREE]
        b2 = f32(0.0)
        for d in range(BEAM_DEGREE - 1, 0, -1):
            b0 = x2 * b1 - b2 + beams[b, part, d]
            b2 = b1
            b1 = b0
        s[FACTOR + k] = x * b1 - b2 + beams[b, part, 0]


@kernel
def _decay(s, rate, count):
    """Multiply RE, IM by exp(-rate * (LENGTH - 1 m)), to 1e-6 relative while the exponent stays below 15 (130 dB)."""
    for k in range(count):
        x = -rate * (s[LENGTH + k] - ONE) * f32(1 / 64)
        e = ONE + x * (ONE + x * (HALF_ + x * (f32(1 / 6) + x * (f32(1 / 24) + x * f32(1 / 120)))))
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        e = e * e
        s[RE + k] *= e
        s[IM + k] *= e


@kernel
def _cosine(s, rows, dx, dy, dz, folded, count):
    """Write the dot product of a unit vector's three rows with a direction into COSINE; its size where folded."""
    for k in range(count):
        c = s[rows + k] * dx + s[rows + ROW + k] * dy + s[rows + 2 * ROW + k] * dz
        s[COSINE + k] = abs(c) if folded else c


@kernel
def _first_normal(s, sx, sy, sz, mx, my, mz, count):
    """Write the bisector at the piece's centre into NORMAL: the start of the Newton steps."""
    for k in range(count):
        px, py, pz = sx - s[PLACE + k], sy - s[PLACE + ROW + k], sz - s[PLACE + 2 * ROW + k]
        qx, qy, qz = mx - s[PLACE + k], my - s[PLACE + ROW + k], mz - s[PLACE + 2 * ROW + k]
        i1 = ONE / math.sqrt(px * px + py * py + pz * pz)
        i2 = ONE / math.sqrt(qx * qx + qy * qy + qz * qz)
        bx, by, bz = px * i1 + qx * i2, py * i1 + qy * i2, pz * i1 + qz * i2
        ib = ONE / math.sqrt(bx * bx + by * by + bz * bz + TINY)
        s[NORMAL + k] = bx * ib
        s[NORMAL + ROW + k] = by * ib
        s[NORMAL + 2 * ROW + k] = bz * ib


@kernel
def _normal_step(s, sx, sy, sz, mx, my, mz, count):
    """Turn every normal by one damped Newton step towards the Fermat point between two points."""
    for k in range(count):
        ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        vx = s[SPREAD + k] * ax + s[SPREAD + 3 * ROW + k] * ay + s[SPREAD + 4 * ROW + k] * az
        vy = s[SPREAD + 3 * ROW + k] * ax + s[SPREAD + ROW + k] * ay + s[SPREAD + 5 * ROW + k] * az
        vz = s[SPREAD + 4 * ROW + k] * ax + s[SPREAD + 5 * ROW + k] * ay + s[SPREAD + 2 * ROW + k] * az
        h2 = ax * vx + ay * vy + az * vz
        h = math.sqrt(h2)
        ih = ONE / h
        x = s[PLACE + k] + vx * ih
        y = s[PLACE + ROW + k] + vy * ih
        z = s[PLACE + 2 * ROW + k] + vz * ih
        px, py, pz = sx - x, sy - y, sz - z
        qx, qy, qz = mx - x, my - y, mz - z
        i1 = ONE / math.sqrt(px * px + py * py + pz * pz)
        i2 = ONE / math.sqrt(qx * qx + qy * qy + qz * qz)
        px, py, pz = px * i1, py * i1, pz * i1
        qx, qy, qz = qx * i2, qy * i2, qz * i2
        # orthonormal tangents (Duff et al. 2017)
        sign = ONE if az >= f32(0.0) else -ONE
        ia = -ONE / (sign + az)
        ib = ax * ay * ia
        t1x, t1y, t1z = ONE + sign * ax * ax * ia, sign * ib, -sign * ax
        t2x, t2y, t2z = ib, sign + ay * ay * ia, -ay
        w1x = s[SHAPE + k] * t1x + s[SHAPE + 3 * ROW + k] * t1y + s[SHAPE + 4 * ROW + k] * t1z
        w1y = s[SHAPE + 3 * ROW + k] * t1x + s[SHAPE + ROW + k] * t1y + s[SHAPE + 5 * ROW + k] * t1z
        w1z = s[SHAPE + 4 * ROW + k] * t1x + s[SHAPE + 5 * ROW + k] * t1y + s[SHAPE + 2 * ROW + k] * t1z
        w2x = s[SHAPE + k] * t2x + s[SHAPE + 3 * ROW + k] * t2y + s[SHAPE + 4 * ROW + k] * t2z
        w2y = s[SHAPE + 3 * ROW + k] * t2x + s[SHAPE + ROW + k] * t2y + s[SHAPE + 5 * ROW + k] * t2z
        w2z = s[SHAPE + 4 * ROW + k] * t2x + s[SHAPE + 5 * ROW + k] * t2y + s[SHAPE + 2 * ROW + k] * t2z
        k11 = h * (t1x * w1x + t1y * w1y + t1z * w1z)
        k12 = h * (t2x * w1x + t2y * w1y + t2z * w1z)
        k22 = h * (t2x * w2x + t2y * w2y + t2z * w2z)
        p1 = px * t1x + py * t1y + pz * t1z
        p2 = px * t2x + py * t2y + pz * t2z
        q1 = qx * t1x + qy * t1y + qz * t1z
        q2 = qx * t2x + qy * t2y + qz * t2z
        bn = (px + qx) * ax + (py + qy) * ay + (pz + qz) * az
        bn = bn if bn > LEAST else LEAST
        h11 = (ONE - p1 * p1) * i1 + (ONE - q1 * q1) * i2 + bn * k11
        h22 = (ONE - p2 * p2) * i1 + (ONE - q2 * q2) * i2 + bn * k22
        h12 = -p1 * p2 * i1 - q1 * q2 * i2 + bn * k12
        b1 = p1 + q1
        b2 = p2 + q2
        id_ = ONE / (h11 * h22 - h12 * h12)
        d1 = (h22 * b1 - h12 * b2) * id_
        d2 = (h11 * b2 - h12 * b1) * id_
        e1 = k11 * d1 + k12 * d2
        e2 = k12 * d1 + k22 * d2
        e1 = e1 if e1 < LONGEST_TURN else LONGEST_TURN
        e1 = e1 if e1 > -LONGEST_TURN else -LONGEST_TURN
        e2 = e2 if e2 < LONGEST_TURN else LONGEST_TURN
        e2 = e2 if e2 > -LONGEST_TURN else -LONGEST_TURN
        ax += e1 * t1x + e2 * t2x
        ay += e1 * t1y + e2 * t2y
        az += e1 * t1z + e2 * t2z
        norm = ONE / math.sqrt(ax * ax + ay * ay + az * az)
        s[NORMAL + k] = ax * norm
        s[NORMAL + ROW + k] = ay * norm
        s[NORMAL + 2 * ROW + k] = az * norm


@kernel
def _spread(s, sx, sy, sz, mx, my, mz, count):
    """Write the unit vectors to both images, the path, cos(b/2), and the near-field amplitude (with its fade) into RE, IM."""
    for k in range(count):
        ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        vx = s[SPREAD + k] * ax + s[SPREAD + 3 * ROW + k] * ay + s[SPREAD + 4 * ROW + k] * az
        vy = s[SPREAD + 3 * ROW + k] * ax + s[SPREAD + ROW + k] * ay + s[SPREAD + 5 * ROW + k] * az
        vz = s[SPREAD + 4 * ROW + k] * ax + s[SPREAD + 5 * ROW + k] * ay + s[SPREAD + 2 * ROW + k] * az
        h = math.sqrt(ax * vx + ay * vy + az * vz)
        ih = ONE / h
        x = s[PLACE + k] + vx * ih
        y = s[PLACE + ROW + k] + vy * ih
        z = s[PLACE + 2 * ROW + k] + vz * ih
        px, py, pz = sx - x, sy - y, sz - z
        qx, qy, qz = mx - x, my - y, mz - z
        r1 = math.sqrt(px * px + py * py + pz * pz)
        r2 = math.sqrt(qx * qx + qy * qy + qz * qz)
        i1 = ONE / r1
        i2 = ONE / r2
        px, py, pz = px * i1, py * i1, pz * i1
        qx, qy, qz = qx * i2, qy * i2, qz * i2
        sign = ONE if az >= f32(0.0) else -ONE
        ia = -ONE / (sign + az)
        ib = ax * ay * ia
        t1x, t1y, t1z = ONE + sign * ax * ax * ia, sign * ib, -sign * ax
        t2x, t2y, t2z = ib, sign + ay * ay * ia, -ay
        w1x = s[SHAPE + k] * t1x + s[SHAPE + 3 * ROW + k] * t1y + s[SHAPE + 4 * ROW + k] * t1z
        w1y = s[SHAPE + 3 * ROW + k] * t1x + s[SHAPE + ROW + k] * t1y + s[SHAPE + 5 * ROW + k] * t1z
        w1z = s[SHAPE + 4 * ROW + k] * t1x + s[SHAPE + 5 * ROW + k] * t1y + s[SHAPE + 2 * ROW + k] * t1z
        w2x = s[SHAPE + k] * t2x + s[SHAPE + 3 * ROW + k] * t2y + s[SHAPE + 4 * ROW + k] * t2z
        w2y = s[SHAPE + 3 * ROW + k] * t2x + s[SHAPE + ROW + k] * t2y + s[SHAPE + 5 * ROW + k] * t2z
        w2z = s[SHAPE + 4 * ROW + k] * t2x + s[SHAPE + 5 * ROW + k] * t2y + s[SHAPE + 2 * ROW + k] * t2z
        k11 = h * (t1x * w1x + t1y * w1y + t1z * w1z)
        k12 = h * (t2x * w1x + t2y * w1y + t2z * w1z)
        k22 = h * (t2x * w2x + t2y * w2y + t2z * w2z)
        p1 = px * t1x + py * t1y + pz * t1z
        p2 = px * t2x + py * t2y + pz * t2z
        q1 = qx * t1x + qy * t1y + qz * t1z
        q2 = qx * t2x + qy * t2y + qz * t2z
        bx, by, bz = px + qx, py + qy, pz + qz
        bn = bx * ax + by * ay + bz * az
        bn = bn if bn > LEAST else LEAST
        h11 = (ONE - p1 * p1) * i1 + (ONE - q1 * q1) * i2 + bn * k11
        h22 = (ONE - p2 * p2) * i1 + (ONE - q2 * q2) * i2 + bn * k22
        h12 = -p1 * p2 * i1 - q1 * q2 * i2 + bn * k12
        det = h11 * h22 - h12 * h12
        c = HALF_ * math.sqrt(bx * bx + by * by + bz * bz)
        f = (c - FADE_END) * FADE_RATE
        f = f if f > f32(0.0) else f32(0.0)
        f = f if f < ONE else ONE
        fade = f * f * f * (f * (f32(6.0) * f - f32(15.0)) + f32(10.0))
        s[BACK + k], s[BACK + ROW + k], s[BACK + 2 * ROW + k] = px, py, pz
        s[ON + k], s[ON + ROW + k], s[ON + 2 * ROW + k] = qx, qy, qz
        s[LENGTH + k] = r1 + r2
        s[HALF + k] = c
        s[RE + k] = fade * c * i1 * i2 / math.sqrt(det)
        s[IM + k] = f32(0.0)


@kernel
def pair_paths(s, d, sx, sy, sz, mx, my, mz, steps, count):
    """Turn NORMAL by Newton steps and write path and outgoing distance (m, float64 slab d) of the pair's Fermat points."""
    for _ in range(steps):
        _normal_step(s, f32(sx), f32(sy), f32(sz), f32(mx), f32(my), f32(mz), count)
    for k in range(count):
        ax = float(s[NORMAL + k])
        ay = float(s[NORMAL + ROW + k])
        az = float(s[NORMAL + 2 * ROW + k])
        vx = d[SPREAD + k] * ax + d[SPREAD + 3 * ROW + k] * ay + d[SPREAD + 4 * ROW + k] * az
        vy = d[SPREAD + 3 * ROW + k] * ax + d[SPREAD + ROW + k] * ay + d[SPREAD + 5 * ROW + k] * az
        vz = d[SPREAD + 4 * ROW + k] * ax + d[SPREAD + 5 * ROW + k] * ay + d[SPREAD + 2 * ROW + k] * az
        ih = 1.0 / math.sqrt(ax * vx + ay * vy + az * vz)
        x = d[PLACE + k] + vx * ih
        y = d[PLACE + ROW + k] + vy * ih
        z = d[PLACE + 2 * ROW + k] + vz * ih
        px, py, pz = sx - x, sy - y, sz - z
        qx, qy, qz = mx - x, my - y, mz - z
        r2 = math.sqrt(qx * qx + qy * qy + qz * qz)
        d[SECOND + k] = r2
        d[PATH + k] = math.sqrt(px * px + py * py + pz * pz) + r2


@kernel
def incoming(s, sx, sy, sz, mx, my, mz, hits, normals, leg, walls, skin, beams, axes, way_re, way_im, count):
    """Write, per basis function, walls of the leg to the piece, the piece's own reflection and the beam into way_re, way_im (basis * ROW,).

    At the Fermat points given by NORMAL.  hits (I, H), normals (I, H, 3): walls met by leg `leg`, padded with -1.  walls (W, 2,
    WALL_NODES), skin (1, 2, WALL_NODES): reflection tables.  beams (basis, 2, D): Chebyshev series, real and imaginary, of the departure cosine about the
    mirrored axes (I, 3); one coefficient is a number.
    """
    _spread(s, f32(sx), f32(sy), f32(sz), f32(mx), f32(my), f32(mz), count)
    for k in range(count):
        s[RE + k] = ONE
        s[IM + k] = f32(0.0)
        s[COSINE + k] = s[HALF + k]
    _mirror(s, skin, 0, count)
    for hit in range(hits.shape[1]):
        if hits[leg, hit] < 0:
            break
        _cosine(s, BACK, normals[leg, hit, 0], normals[leg, hit, 1], normals[leg, hit, 2], True, count)
        _mirror(s, walls, hits[leg, hit], count)
    if beams.shape[2] > 1:
        _cosine(s, BACK, -axes[leg, 0], -axes[leg, 1], -axes[leg, 2], False, count)
    for b in range(beams.shape[0]):
        row = b * ROW
        if beams.shape[2] > 1:
            _beam(s, beams, b, 0, count)
            for k in range(count):
                way_re[row + k] = s[RE + k] * s[FACTOR + k]
                way_im[row + k] = s[IM + k] * s[FACTOR + k]
            _beam(s, beams, b, 1, count)
            for k in range(count):
                way_re[row + k] -= s[IM + k] * s[FACTOR + k]
                way_im[row + k] += s[RE + k] * s[FACTOR + k]
        else:
            for k in range(count):
                way_re[row + k] = s[RE + k] * beams[b, 0, 0] - s[IM + k] * beams[b, 1, 0]
                way_im[row + k] = s[RE + k] * beams[b, 1, 0] + s[IM + k] * beams[b, 0, 0]


@kernel
def outgoing(s, sx, sy, sz, mx, my, mz, hits, normals, leg, walls, absorption, count):
    """Write the near-field amplitude, the walls of the leg to the microphone and the air of both legs into RE, IM (float32)."""
    _spread(s, f32(sx), f32(sy), f32(sz), f32(mx), f32(my), f32(mz), count)
    for hit in range(hits.shape[1]):
        if hits[leg, hit] < 0:
            break
        _cosine(s, ON, normals[leg, hit, 0], normals[leg, hit, 1], normals[leg, hit, 2], True, count)
        _mirror(s, walls, hits[leg, hit], count)
    _decay(s, absorption, count)


@kernel
def arriving(s, ports, b, ax, ay, az, way_re, way_im, g_re, g_im, count):
    """Write the whole gain of basis function b into g_re, g_im: RE, IM times what came in times the arrival shadow.

    ports (basis, D): Chebyshev series of the arrival cosine about the mirrored axis (ax, ay, az); one coefficient is a number.
    """
    if ports.shape[1] > 1:
        _cosine(s, ON, -ax, -ay, -az, False, count)
        _port(s, ports, b, count)
    else:
        for k in range(count):
            s[FACTOR + k] = ports[b, 0]
    way = b * ROW
    for k in range(count):
        re = s[RE + k] * s[FACTOR + k]
        im = s[IM + k] * s[FACTOR + k]
        g_re[k] = re * way_re[way + k] - im * way_im[way + k]
        g_im[k] = re * way_im[way + k] + im * way_re[way + k]

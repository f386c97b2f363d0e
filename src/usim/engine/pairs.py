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

from usim.engine.glints import facet
from usim.engine.slab import (
    AXIS,
    BACK,
    BEAM_DEGREE,
    CELL,
    COSINE,
    EAR,
    FACTOR,
    GAIN_IM,
    GAIN_RE,
    HALF,
    HALF_,
    IM,
    JUST_BELOW,
    LAST_NODE,
    LEAN,
    LEAST,
    LENGTH,
    LONG_EAR,
    LONGEST_TURN,
    NODE,
    NORMAL,
    ON,
    ONE,
    PATH,
    PLACE,
    PORT_DEGREE,
    RE,
    ROW,
    SECOND,
    SHAPE,
    SPREAD,
    SWAY,
    TINY,
    TWO,
    dot,
    f32,
    faded,
    tangents,
    times_shape,
    to_64th,
)  # fmt: skip
from usim.engine.veils import has_sheets, is_veiled, leg_passes, leg_sends, nearby
from usim.physics.jit import fused, kernel

MIRROR = f32(-1.0)  # the sharpness of what is no glint


@kernel
def _mirror(s, tables, wall, count):
    """Multiply RE, IM by a surface's reflection at COSINE: tables (W, 2, WALL_NODES), real and imaginary, even in the root of the cosine."""
    for k in range(count):
        x = math.sqrt(s[COSINE + k]) * LAST_NODE
        s[NODE + k] = x if x < JUST_BELOW else JUST_BELOW  # the last cell is a cell like others
    for k in range(count):  # by itself: reading here and there is not packed
        n = np.uint32(np.int32(s[NODE + k]))
        s[CELL + k] = tables[wall, 0, n]
        s[CELL + ROW + k] = tables[wall, 0, n + np.uint32(1)]
        s[CELL + 2 * ROW + k] = tables[wall, 1, n]
        s[CELL + 3 * ROW + k] = tables[wall, 1, n + np.uint32(1)]
    for k in range(count):
        x = s[NODE + k]
        w = x - np.floor(x)
        r_re = s[CELL + k] + w * (s[CELL + ROW + k] - s[CELL + k])
        r_im = s[CELL + 2 * ROW + k] + w * (s[CELL + 3 * ROW + k] - s[CELL + 2 * ROW + k])
        o_re = s[RE + k]
        o_im = s[IM + k]
        s[RE + k] = o_re * r_re - o_im * r_im
        s[IM + k] = o_re * r_im + o_im * r_re


@kernel
def _port(s, ports, b, count):
    """Write the Chebyshev series (PORT_DEGREE) of COSINE in [-1, 1] into FACTOR.

    Even and odd terms are two series in 2 x^2 - 1 (Clenshaw; odd ones of the third kind, T_{2k+1}(x) = x V_k), so that neither waits for the other.
    """
    for k in range(count):
        x = s[COSINE + k]
        y = TWO * x * x - ONE
        y2 = y + y
        e1, e2 = ports[b, PORT_DEGREE], f32(0.0)
        o1, o2 = ports[b, PORT_DEGREE - 1], f32(0.0)
        for d in range(PORT_DEGREE - 2, 0, -2):
            e1, e2 = fused(y2, e1, ports[b, d] - e2), e1
            o1, o2 = fused(y2, o1, ports[b, d - 1] - o2), o1
        s[FACTOR + k] = (y * e1 - e2 + ports[b, 0]) + x * (o1 - o2)


@kernel
def _beam(s, beams, b, part, count):
    """Write the Chebyshev series (BEAM_DEGREE) of COSINE in [-1, 1] into FACTOR, as `_port` does."""
    for k in range(count):
        x = s[COSINE + k]
        y = TWO * x * x - ONE
        y2 = y + y
        e1, e2 = beams[b, part, BEAM_DEGREE], f32(0.0)
        o1, o2 = beams[b, part, BEAM_DEGREE - 1], f32(0.0)
        for d in range(BEAM_DEGREE - 2, 0, -2):
            e1, e2 = fused(y2, e1, beams[b, part, d] - e2), e1
            o1, o2 = fused(y2, o1, beams[b, part, d - 1] - o2), o1
        s[FACTOR + k] = (y * e1 - e2 + beams[b, part, 0]) + x * (o1 - o2)


@kernel
def _decay(s, rate, count):
    """Multiply RE, IM by exp(-rate * (LENGTH - 1 m)), to 1e-6 relative while the exponent stays below 15 (130 dB)."""
    for k in range(count):
        x = -rate * (s[LENGTH + k] - ONE) * f32(1 / 64)
        e = ONE + x * (ONE + x * (HALF_ + x * (f32(1 / 6) + x * (f32(1 / 24) + x * f32(1 / 120)))))
        e = to_64th(e)
        s[RE + k] *= e
        s[IM + k] *= e


@kernel
def _cosine(s, rows, dx, dy, dz, folded, count):
    """Write the dot product of a unit vector's three rows with a direction into COSINE; its size where folded."""
    for k in range(count):
        c = dot(s[rows + k], s[rows + ROW + k], s[rows + 2 * ROW + k], dx, dy, dz)
        s[COSINE + k] = abs(c) if folded else c


@kernel(apart=True)
def _first_normal(s, sx, sy, sz, count):
    """Write the bisector at the piece's centre into NORMAL: the start of the Newton steps."""
    for k in range(count):
        px, py, pz = sx - s[PLACE + k], sy - s[PLACE + ROW + k], sz - s[PLACE + 2 * ROW + k]
        qx, qy, qz = (
            s[EAR + k] - s[PLACE + k],
            s[EAR + ROW + k] - s[PLACE + ROW + k],
            s[EAR + 2 * ROW + k] - s[PLACE + 2 * ROW + k],
        )
        i1 = ONE / math.sqrt(dot(px, py, pz, px, py, pz))
        i2 = ONE / math.sqrt(dot(qx, qy, qz, qx, qy, qz))
        bx, by, bz = px * i1 + qx * i2, py * i1 + qy * i2, pz * i1 + qz * i2
        ib = ONE / math.sqrt(dot(bx, by, bz, bx, by, bz) + TINY)
        s[NORMAL + k] = bx * ib
        s[NORMAL + ROW + k] = by * ib
        s[NORMAL + 2 * ROW + k] = bz * ib


@kernel
def normal_step(s, sx, sy, sz, count):
    """Turn every normal by one damped Newton step towards the Fermat point between two points; write what it takes off the path into SWAY and LEAN."""
    for k in range(count):
        ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        vx, vy, vz = times_shape(s, SPREAD, k, ax, ay, az)
        h2 = dot(ax, ay, az, vx, vy, vz)
        h = math.sqrt(h2)
        ih = ONE / h
        x = fused(vx, ih, s[PLACE + k])
        y = fused(vy, ih, s[PLACE + ROW + k])
        z = fused(vz, ih, s[PLACE + 2 * ROW + k])
        px, py, pz = sx - x, sy - y, sz - z
        qx, qy, qz = s[EAR + k] - x, s[EAR + ROW + k] - y, s[EAR + 2 * ROW + k] - z
        i1 = ONE / math.sqrt(dot(px, py, pz, px, py, pz))
        i2 = ONE / math.sqrt(dot(qx, qy, qz, qx, qy, qz))
        px, py, pz = px * i1, py * i1, pz * i1
        qx, qy, qz = qx * i2, qy * i2, qz * i2
        t1x, t1y, t1z, t2x, t2y, t2z = tangents(ax, ay, az)
        w1x, w1y, w1z = times_shape(s, SHAPE, k, t1x, t1y, t1z)
        w2x, w2y, w2z = times_shape(s, SHAPE, k, t2x, t2y, t2z)
        k11 = h * dot(t1x, t1y, t1z, w1x, w1y, w1z)
        k12 = h * dot(t2x, t2y, t2z, w1x, w1y, w1z)
        k22 = h * dot(t2x, t2y, t2z, w2x, w2y, w2z)
        p1 = dot(px, py, pz, t1x, t1y, t1z)
        p2 = dot(px, py, pz, t2x, t2y, t2z)
        q1 = dot(qx, qy, qz, t1x, t1y, t1z)
        q2 = dot(qx, qy, qz, t2x, t2y, t2z)
        bn = (px + qx) * ax + (py + qy) * ay + (pz + qz) * az
        bn = bn if bn > LEAST else LEAST
        h11 = fused(fused(-p1, p1, ONE), i1, fused(fused(-q1, q1, ONE), i2, bn * k11))
        h22 = fused(fused(-p2, p2, ONE), i1, fused(fused(-q2, q2, ONE), i2, bn * k22))
        h12 = fused(-p1 * p2, i1, fused(-q1 * q2, i2, bn * k12))
        b1 = p1 + q1
        b2 = p2 + q2
        id_ = ONE / fused(h11, h22, -h12 * h12)
        d1 = fused(h22, b1, -h12 * b2) * id_
        d2 = fused(h11, b2, -h12 * b1) * id_
        s[SWAY + k] = HALF_ * fused(b1, d1, b2 * d2)
        s[LEAN + k] = fused(q1, d1, q2 * d2)
        e1 = fused(k11, d1, k12 * d2)
        e2 = fused(k12, d1, k22 * d2)
        e1 = e1 if e1 < LONGEST_TURN else LONGEST_TURN
        e1 = e1 if e1 > -LONGEST_TURN else -LONGEST_TURN
        e2 = e2 if e2 < LONGEST_TURN else LONGEST_TURN
        e2 = e2 if e2 > -LONGEST_TURN else -LONGEST_TURN
        ax = fused(e1, t1x, fused(e2, t2x, ax))
        ay = fused(e1, t1y, fused(e2, t2y, ay))
        az = fused(e1, t1z, fused(e2, t2z, az))
        norm = ONE / math.sqrt(dot(ax, ay, az, ax, ay, az))
        s[NORMAL + k] = ax * norm
        s[NORMAL + ROW + k] = ay * norm
        s[NORMAL + 2 * ROW + k] = az * norm


@kernel
def _spread(s, sx, sy, sz, count):
    """Write the unit vectors to both images, the path, cos(b/2), and the near-field amplitude (with its fade) into RE, IM."""
    for k in range(count):
        ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        vx, vy, vz = times_shape(s, SPREAD, k, ax, ay, az)
        h = math.sqrt(dot(ax, ay, az, vx, vy, vz))
        ih = ONE / h
        x = fused(vx, ih, s[PLACE + k])
        y = fused(vy, ih, s[PLACE + ROW + k])
        z = fused(vz, ih, s[PLACE + 2 * ROW + k])
        px, py, pz = sx - x, sy - y, sz - z
        qx, qy, qz = s[EAR + k] - x, s[EAR + ROW + k] - y, s[EAR + 2 * ROW + k] - z
        r1 = math.sqrt(dot(px, py, pz, px, py, pz))
        r2 = math.sqrt(dot(qx, qy, qz, qx, qy, qz))
        i1 = ONE / r1
        i2 = ONE / r2
        px, py, pz = px * i1, py * i1, pz * i1
        qx, qy, qz = qx * i2, qy * i2, qz * i2
        t1x, t1y, t1z, t2x, t2y, t2z = tangents(ax, ay, az)
        w1x, w1y, w1z = times_shape(s, SHAPE, k, t1x, t1y, t1z)
        w2x, w2y, w2z = times_shape(s, SHAPE, k, t2x, t2y, t2z)
        k11 = h * dot(t1x, t1y, t1z, w1x, w1y, w1z)
        k12 = h * dot(t2x, t2y, t2z, w1x, w1y, w1z)
        k22 = h * dot(t2x, t2y, t2z, w2x, w2y, w2z)
        p1 = dot(px, py, pz, t1x, t1y, t1z)
        p2 = dot(px, py, pz, t2x, t2y, t2z)
        q1 = dot(qx, qy, qz, t1x, t1y, t1z)
        q2 = dot(qx, qy, qz, t2x, t2y, t2z)
        bx, by, bz = px + qx, py + qy, pz + qz
        bn = dot(bx, by, bz, ax, ay, az)
        bn = bn if bn > LEAST else LEAST
        h11 = fused(fused(-p1, p1, ONE), i1, fused(fused(-q1, q1, ONE), i2, bn * k11))
        h22 = fused(fused(-p2, p2, ONE), i1, fused(fused(-q2, q2, ONE), i2, bn * k22))
        h12 = fused(-p1 * p2, i1, fused(-q1 * q2, i2, bn * k12))
        det = fused(h11, h22, -h12 * h12)
        c = HALF_ * math.sqrt(dot(bx, by, bz, bx, by, bz))
        s[BACK + k], s[BACK + ROW + k], s[BACK + 2 * ROW + k] = px, py, pz
        s[ON + k], s[ON + ROW + k], s[ON + 2 * ROW + k] = qx, qy, qz
        s[LENGTH + k] = r1 + r2
        s[HALF + k] = c
        s[RE + k] = faded(c) * c * i1 * i2 / math.sqrt(det)
        s[IM + k] = f32(0.0)


@kernel(apart=True)
def pair_paths(s, d, sx, sy, sz, steps, count):
    """Turn NORMAL by Newton steps and write path and outgoing distance (m, float64 slab d) of the pair's Fermat points."""
    for _ in range(steps):
        normal_step(s, f32(sx), f32(sy), f32(sz), count)
    for k in range(count):
        ax = np.float64(s[NORMAL + k])
        ay = np.float64(s[NORMAL + ROW + k])
        az = np.float64(s[NORMAL + 2 * ROW + k])
        vx = dot(d[SPREAD + k], d[SPREAD + 3 * ROW + k], d[SPREAD + 4 * ROW + k], ax, ay, az)
        vy = dot(d[SPREAD + 3 * ROW + k], d[SPREAD + ROW + k], d[SPREAD + 5 * ROW + k], ax, ay, az)
        vz = dot(
            d[SPREAD + 4 * ROW + k], d[SPREAD + 5 * ROW + k], d[SPREAD + 2 * ROW + k], ax, ay, az
        )
        ih = 1.0 / math.sqrt(dot(ax, ay, az, vx, vy, vz))
        x = fused(vx, ih, d[PLACE + k])
        y = fused(vy, ih, d[PLACE + ROW + k])
        z = fused(vz, ih, d[PLACE + 2 * ROW + k])
        px, py, pz = sx - x, sy - y, sz - z
        qx, qy, qz = d[LONG_EAR + k] - x, d[LONG_EAR + ROW + k] - y, d[LONG_EAR + 2 * ROW + k] - z
        r2 = math.sqrt(dot(qx, qy, qz, qx, qy, qz))
        d[SECOND + k] = r2
        d[PATH + k] = math.sqrt(dot(px, py, pz, px, py, pz)) + r2


@kernel(apart=True)
def reflected(s, sx, sy, sz, sharpness, count):
    """Write both legs' directions and length, cos(b/2) and the amplitude at the Fermat points given by NORMAL; or at a glint of this sharpness, where that is not MIRROR."""
    if sharpness < f32(0.0):
        _spread(s, f32(sx), f32(sy), f32(sz), count)
    else:
        facet(s, f32(sx), f32(sy), f32(sz), sharpness, count)


@kernel
def met(s, rows, chains, leg, walls, count):
    """Multiply RE, IM by the sides that a leg meets along the unit vectors in `rows`; chains: see `Legs.chains`."""
    hits, normals = chains[0], chains[1]
    for hit in range(hits.shape[1]):
        if hits[leg, hit] < 0:
            break
        _cosine(
            s, rows, normals[leg, hit, 0], normals[leg, hit, 1], normals[leg, hit, 2], True, count
        )
        _mirror(s, walls, hits[leg, hit], count)


@kernel
def _point(s, k):
    """Return where the surface has NORMAL at lane k."""
    ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
    vx, vy, vz = times_shape(s, SPREAD, k, ax, ay, az)
    ih = ONE / math.sqrt(dot(ax, ay, az, vx, vy, vz))
    return fused(vx, ih, s[PLACE + k]), fused(vy, ih, s[PLACE + ROW + k]), fused(vz, ih, s[PLACE + 2 * ROW + k])  # fmt: skip


@kernel(apart=True)
def veil(s, chains, leg, ex, ey, ez, to_ear, waves, walls, count):
    """Multiply RE, IM by what passes a leg from where the surface has NORMAL to its end e (m), or to EAR; waves: per metre; walls: of the sheets."""
    if not is_veiled(chains[2], leg):
        return
    # what is near to none of the points is not asked about again
    mx, my, mz = _point(s, count // 2)
    if to_ear:
        ex, ey, ez = np.float64(s[EAR]), np.float64(s[EAR + ROW]), np.float64(s[EAR + 2 * ROW])
    slack = 0.0
    for k in range(count):
        px, py, pz = _point(s, k)
        away = abs(px - mx) + abs(py - my) + abs(pz - mz)
        if to_ear:
            away += abs(s[EAR + k] - s[EAR]) + abs(s[EAR + ROW + k] - s[EAR + ROW]) + abs(s[EAR + 2 * ROW + k] - s[EAR + 2 * ROW])  # fmt: skip
        slack = max(slack, np.float64(away))
    bits, some = nearby(chains[2], leg, np.float64(mx), np.float64(my), np.float64(mz), slack, ex, ey, ez, waves)  # fmt: skip
    if some > 0.0 and bits == 0:
        return
    through = has_sheets(chains[2], leg)
    for k in range(count):
        passed = f32(0.0)
        if some > 0.0:
            px, py, pz = _point(s, k)
            if to_ear:
                ex, ey, ez = np.float64(s[EAR + k]), np.float64(s[EAR + ROW + k]), np.float64(s[EAR + 2 * ROW + k])  # fmt: skip
            passed = f32(leg_passes(chains[2], leg, bits, np.float64(px), np.float64(py), np.float64(pz), ex, ey, ez, waves))  # fmt: skip
        s[RE + k] *= passed
        s[IM + k] *= passed
        if through and some > 0.0:
            px, py, pz = _point(s, k)
            sent = leg_sends(chains[2], leg, bits, np.float64(px), np.float64(py), np.float64(pz), ex, ey, ez, waves, walls)  # fmt: skip
            re, im = s[RE + k], s[IM + k]
            s[RE + k] = re * f32(sent.real) - im * f32(sent.imag)
            s[IM + k] = re * f32(sent.imag) + im * f32(sent.real)


@kernel(apart=True)
def incoming(s, chains, leg, sx, sy, sz, waves, walls, skin, beams, axes, way_re, way_im, count):
    """Write, per basis function, sides and veil of the leg from s (m) to the piece, the piece's own reflection and the beam into way_re, way_im (basis * ROW,).

    After `reflected`, whose amplitude is lost.  chains: see `Legs.chains`.  waves: per metre.  walls (W, 2,
    WALL_NODES), skin (1, 2, WALL_NODES): reflection tables.  beams (basis, 2, D): Chebyshev series, real and imaginary, of the departure cosine about the
    mirrored axes (I, 3); one coefficient is a number.
    """
    for k in range(count):
        s[RE + k] = ONE
        s[IM + k] = f32(0.0)
        s[COSINE + k] = s[HALF + k]
    _mirror(s, skin, 0, count)
    met(s, BACK, chains, leg, walls, count)
    veil(s, chains, leg, sx, sy, sz, False, waves, walls, count)
    departing(s, beams, axes, leg, way_re, way_im, count)


@kernel
def departing(s, beams, axes, leg, way_re, way_im, count):
    """Write RE, IM times the beam along BACK into way_re, way_im (basis * ROW,), per basis function."""
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


@kernel(apart=True)
def outgoing(s, chains, leg, waves, walls, absorption, count):
    """Multiply RE, IM by sides and veil of the leg to the microphone and the air of both legs, after `reflected`."""
    met(s, ON, chains, leg, walls, count)
    veil(s, chains, leg, 0.0, 0.0, 0.0, True, waves, walls, count)
    _decay(s, absorption, count)


@kernel(apart=True)
def arriving(s, ports, b, count):
    """Multiply RE, IM by the arrival shadow of basis function b about AXIS and write the product into GAIN_RE, GAIN_IM.

    ports (basis, D): Chebyshev series of the arrival cosine; one coefficient is a number.
    """
    if ports.shape[1] > 1:
        for k in range(count):
            s[COSINE + k] = -dot(
                s[ON + k],
                s[ON + ROW + k],
                s[ON + 2 * ROW + k],
                s[AXIS + k],
                s[AXIS + ROW + k],
                s[AXIS + 2 * ROW + k],
            )
        _port(s, ports, b, count)
    else:
        for k in range(count):
            s[FACTOR + k] = ports[b, 0]
    for k in range(count):
        s[GAIN_RE + k] = s[RE + k] * s[FACTOR + k]
        s[GAIN_IM + k] = s[IM + k] * s[FACTOR + k]


@kernel
def joined(s, start, way_re, way_im, way, g_re, g_im, count):
    """Write the product of what came in (way_re, way_im from `way` on) and what goes out (GAIN_RE, GAIN_IM from `start` on)."""
    joined_to(s[GAIN_RE + start :], s[GAIN_IM + start :], way_re[way:], way_im[way:], g_re, g_im, count)  # fmt: skip


@kernel
def joined_to(out_re, out_im, in_re, in_im, g_re, g_im, count):
    """Write the product of two complex rows."""
    for k in range(count):
        g_re[k] = out_re[k] * in_re[k] - out_im[k] * in_im[k]
        g_im[k] = out_re[k] * in_im[k] + out_im[k] * in_re[k]

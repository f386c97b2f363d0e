"""Kernels: the anchor of a patch of glints, the mirror point of the smooth piece, and how gain changes about it: tangents, probes, parabolas.

Rows of a patch, for all who work on it.
"""

from __future__ import annotations

import math

from usim.engine.slab import (
    EAR,
    HALF_,
    IM,
    NORMAL,
    ONE,
    PLACE,
    RE,
    ROW,
    SHAPE,
    SPREAD,
    TINY,
    TWO,
    dot,
    f32,
    tangents,
    thin_row,
    times_shape,
    volume,
)  # fmt: skip
from usim.physics.jit import fused, kernel

PROBES = 4  # ahead and behind, towards both tangents
FAINT_GAIN = f32(0.01)  # energy below which a gain counts as a null, re another beside it

# rows of the float32 scratch of a patch, on knots of gain or more closely
X, P, Q = 0, 3 * ROW, 6 * ROW  # anchor from the piece's centre, and from it to both ends, m
R1, R2 = 9 * ROW, 10 * ROW  # length of the latter
E1, E2 = 11 * ROW, 14 * ROW  # tangents
# relative change of gain by tilt towards each tangent: slope and bend, real and imaginary
ALPHA = 59 * ROW
ROTATION, BENT = 24 * ROW, 33 * ROW  # of the piece, as its pose table goes on from TURN
TURNING = 10  # rows that those are
LATENESS = 34 * ROW  # slope of the anchor's path, m per m of delay
VOLUME = 35 * ROW  # product of the semi-axes
# of one glint: from the anchor to it, m, and how much its path grows against the anchor's, m per knot
D, STEEP = 36 * ROW, 39 * ROW
DP, DR = 40 * ROW, 41 * ROW  # its path and second leg against the anchor's, m
TWIST = 42 * ROW  # phase of its gain, turns
LEANING = 43 * ROW  # of its normal from the anchor's, along both tangents
# its gain but for the lobe, and how that changes from the anchor, relative to it
BASE, MORE = 45 * ROW, 46 * ROW
FACING, BACK_ = 47 * ROW, 50 * ROW  # its normal, and the unit vector from it to the source
# of that, and of what lies between it and the middle (m), along the normal; of the latter along the former
BACK_N, EAR_N, EAR_BACK = 53 * ROW, 54 * ROW, 55 * ROW
# what of it passes limbs, and how that changes per metre from the middle along both directions across
PASSED = 67 * ROW
OF_PATCH = 70 * ROW
PORTS = 3 * ROW  # of what is known of a microphone: its arrival shadow, as FELT
MIC_ROWS = 4 + PROBES


@kernel(apart=True)
def _anchor(s, x, sx, sy, sz, count):
    """Write the point that has NORMAL, and what lies between it and both ends, into X, P, Q, R1, R2; the product of semi-axes into VOLUME."""
    for k in range(count):
        ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        vx, vy, vz = times_shape(s, SPREAD, k, ax, ay, az)
        ih = ONE / math.sqrt(dot(ax, ay, az, vx, vy, vz))
        vx, vy, vz = vx * ih, vy * ih, vz * ih
        px, py, pz = sx - s[PLACE + k] - vx, sy - s[PLACE + ROW + k] - vy, sz - s[PLACE + 2 * ROW + k] - vz  # fmt: skip
        qx, qy, qz = s[EAR + k] - s[PLACE + k] - vx, s[EAR + ROW + k] - s[PLACE + ROW + k] - vy, s[EAR + 2 * ROW + k] - s[PLACE + 2 * ROW + k] - vz  # fmt: skip
        x[X + k], x[X + ROW + k], x[X + 2 * ROW + k] = vx, vy, vz
        x[P + k], x[P + ROW + k], x[P + 2 * ROW + k] = px, py, pz
        x[Q + k], x[Q + ROW + k], x[Q + 2 * ROW + k] = qx, qy, qz
        x[R1 + k] = math.sqrt(dot(px, py, pz, px, py, pz))
        x[R2 + k] = math.sqrt(dot(qx, qy, qz, qx, qy, qz))
        x[VOLUME + k] = volume(s, k)


@kernel
def _tangents(s, x, middle, count):
    """Write two tangents at NORMAL that turn with the piece into E1, E2: the first leans towards the axis of the piece that is least aligned at knot `middle`."""
    best, axis = 2.0, 0
    for c in range(3):
        along = abs(
            dot(
                s[NORMAL + middle],
                s[NORMAL + ROW + middle],
                s[NORMAL + 2 * ROW + middle],
                x[ROTATION + c * ROW + middle],
                x[ROTATION + (3 + c) * ROW + middle],
                x[ROTATION + (6 + c) * ROW + middle],
            )
        )
        if along < best:
            best, axis = along, c
    a, b, c = x[ROTATION + axis * ROW :], x[ROTATION + (3 + axis) * ROW :], x[ROTATION + (6 + axis) * ROW :]  # fmt: skip
    for k in range(count):
        nx, ny, nz = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        along = dot(nx, ny, nz, a[k], b[k], c[k])
        tx, ty, tz = a[k] - along * nx, b[k] - along * ny, c[k] - along * nz
        inverse = ONE / math.sqrt(dot(tx, ty, tz, tx, ty, tz))
        tx, ty, tz = tx * inverse, ty * inverse, tz * inverse
        x[E1 + k], x[E1 + ROW + k], x[E1 + 2 * ROW + k] = tx, ty, tz
        x[E2 + k], x[E2 + ROW + k], x[E2 + 2 * ROW + k] = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx  # fmt: skip


@kernel(apart=True)
def _extent(s, x, by, k):
    """Return how far along the surface (m) a glint lies whose normal leans by `by`, at knot k, towards that tangent along which it is farther."""
    ax, ay, az = x[X + k], x[X + ROW + k], x[X + 2 * ROW + k]
    h = dot(ax, ay, az, s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k])
    most = f32(0.0)
    for tangent in (E1, E2):
        u, v, w = x[tangent + k], x[tangent + ROW + k], x[tangent + 2 * ROW + k]
        a, b, c = times_shape(s, SPREAD, k, u, v, w)
        most = max(most, dot(a, b, c, a, b, c))
    return f32(by) * math.sqrt(most) / h


@kernel
def _tilted(s, x, tangent, by, there, start, wide):
    """Write NORMAL of s, tilted by `by` towards a tangent, into NORMAL of another slab, from lane `start` on."""
    scale = f32(1.0 / math.sqrt(1.0 + by * by))
    by = f32(by)
    for axis in range(3):
        n, t, out = s[NORMAL + axis * ROW :], x[tangent + axis * ROW :], there[NORMAL + axis * ROW + start :]  # fmt: skip
        for k in range(wide):
            out[k] = (n[k] + by * t[k]) * scale


@kernel(apart=True)
def _probed(s, x, by, t, wide, first, some):
    """Write the normals of the anchor (0) and its probes, `by` ahead and behind, towards both tangents, from `first` on side by side into NORMAL of t."""
    for p in range(some):
        probe = first + p
        away = 0.0 if probe == 0 else by if probe % 2 else -by
        _tilted(s, x, E1 if probe < 3 else E2, away, t, p * wide, wide)


@kernel(apart=True)
def _pace(s, x, sharpness, count):
    """Return how far the mirror point moves over the piece between two knots at most, along that axis of it where farthest, in standard deviations of a glint's lobe."""
    most = f32(0.0)
    for axis in range(3):
        a, b, c = x[ROTATION + axis * ROW :], x[ROTATION + (3 + axis) * ROW :], x[ROTATION + (6 + axis) * ROW :]  # fmt: skip
        for k in range(count - 1):
            here = dot(
                s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k], a[k], b[k], c[k]
            )
            then = dot(s[NORMAL + k + 1], s[NORMAL + ROW + k + 1], s[NORMAL + 2 * ROW + k + 1], a[k + 1], b[k + 1], c[k + 1])  # fmt: skip
            most = max(most, abs(then - here))
    return most * f32(math.sqrt(2.0 * sharpness))


@kernel(apart=True)
def _thin(s, turning, ratio, count, wide, there, x):
    """Copy every ratio-th knot of a window, `count` of them, and of how the piece is turned and bent, into another slab and into ROTATION and BENT."""
    for row in range(PLACE // ROW, SHAPE // ROW):
        thin_row(s[row * ROW :], ratio, count, wide, there[row * ROW :])
    for row in range(3):
        thin_row(s[NORMAL + row * ROW :], ratio, count, wide, there[NORMAL + row * ROW :])
        thin_row(s[EAR + row * ROW :], ratio, count, wide, there[EAR + row * ROW :])
    for row in range(TURNING):
        thin_row(turning[row * ROW :], ratio, count, wide, x[ROTATION + row * ROW :])


@kernel
def _bare(s, count):
    """Set RE, IM to one."""
    for k in range(count):
        s[RE + k], s[IM + k] = ONE, f32(0.0)


@kernel
def _relative(felt, probe, count):
    """Turn the gain at a probe, two rows of felt, into its difference from the anchor's, the first two, relative to that."""
    re, im = felt[2 * probe * ROW :], felt[(2 * probe + 1) * ROW :]
    for k in range(count):
        c_re, c_im = felt[k], felt[ROW + k]
        d_re, d_im = re[k] - c_re, im[k] - c_im
        # where the centre lies in a null the change counts for nothing
        other = fused(re[k], re[k], im[k] * im[k])
        scale = ONE / (fused(c_re, c_re, c_im * c_im) + FAINT_GAIN * other + TINY)
        re[k] = fused(d_re, c_re, d_im * c_im) * scale
        im[k] = fused(d_im, c_re, -d_re * c_im) * scale


@kernel(apart=True)
def _bent(ahead, behind, inverse, slope, bend, count):
    """Write slope and bend of a parabola through zero from its values at a probe ahead and one behind, 1 / inverse away; from place 1 on."""
    for k in range(count):
        slope[k + 1] = (ahead[k] - behind[k]) * HALF_ * inverse
        bend[k + 1] = (ahead[k] + behind[k]) * HALF_ * inverse * inverse


@kernel(apart=True)
def _port_slope(mic, ahead, behind, inverse, slope, count):
    """Write the slope of the arrival shadow, rows of mic at the anchor and at two probes, relative to the first; from place 1 on."""
    for k in range(count):
        here, there = mic[PORTS + k], mic[behind + k]
        whole = fused(here, here, FAINT_GAIN * there * there) + TINY
        slope[k + 1] = (mic[ahead + k] - there) * here * HALF_ * inverse / whole


@kernel(apart=True)
def _across(x, middle, across):
    """Write two directions across the way from the anchor to the middle of the array, at knot `middle`, into across (2, 3)."""
    ax, ay, az = x[Q + middle], x[Q + ROW + middle], x[Q + 2 * ROW + middle]
    inverse = ONE / math.sqrt(dot(ax, ay, az, ax, ay, az))
    ux, uy, uz, vx, vy, vz = tangents(ax * inverse, ay * inverse, az * inverse)
    across[0, 0], across[0, 1], across[0, 2] = ux, uy, uz
    across[1, 0], across[1, 1], across[1, 2] = vx, vy, vz


@kernel(apart=True)
def _ways(x, dx, dy, dz, way, count):
    """Write the way from the middle to a microphone, which lies (dx, dy, dz) m beside, seen from the anchor, into way (ROW,)."""
    d2 = dot(dx, dy, dz, dx, dy, dz)
    for k in range(count):
        more = fused(TWO, dot(x[Q + k], x[Q + ROW + k], x[Q + 2 * ROW + k], dx, dy, dz), d2)
        way[k] = more / (math.sqrt(fused(x[R2 + k], x[R2 + k], more)) + x[R2 + k])

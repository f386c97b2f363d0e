"""Kernels: one pair of legs over one glint of a dressed piece.

A glint stands still in its piece's frame (`physics.wrinkles`): at the point of the ellipsoid that has its normal.  So there is no point to
search, and the amplitude is that of a tilted facet of the piece's curvature, without what the spreading of legs adds for a
mirror: glints further away see another bisector instead.
"""

from __future__ import annotations

import math

from usim.engine.slab import (
    BACK,
    EAR,
    FALL,
    HALF,
    HALF_,
    IM,
    LEAST,
    LENGTH,
    NORMAL,
    ON,
    ONE,
    PATH,
    PLACE,
    RE,
    ROW,
    SPREAD,
    dot,
    f32,
    faded,
    times_shape,
    volume,
)  # fmt: skip
from usim.physics.jit import fused, kernel

TURN, BEND = 15, 24  # rows of a pose table: rotation by rows, and how far the piece is bent
HEIGHT, SLIP, SHARPNESS, WEIGHT = 3, 4, 5, 6  # columns of a glint, after its normal
COLUMNS = 7


@kernel
def glint_normals(table, first, glint, s, count, wide):
    """Write the normal of a glint (COLUMNS,) on `count` knots from `first` on into NORMAL; table (25, knots): see `pose_table`."""
    for axis in range(3):
        row = s[NORMAL + axis * ROW :]
        x, y, z = (
            table[TURN + 3 * axis, first:],
            table[TURN + 3 * axis + 1, first:],
            table[TURN + 3 * axis + 2, first:],
        )
        for k in range(count):
            row[k] = f32(dot(x[k], y[k], z[k], glint[0], glint[1], glint[2]))
        for k in range(wide - count):
            row[count + k] = row[count - 1]


@kernel
def shorten(table, first, glint, d, count, wide):
    """Take the way that a glint stands out, and back, off PATH."""
    path = d[PATH:]
    bend = table[BEND, first:]
    for k in range(count):
        path[k] -= 2.0 * (glint[HEIGHT] + glint[SLIP] * bend[k])
    for k in range(wide - count):
        path[count + k] = path[count - 1]


@kernel
def facet(s, sx, sy, sz, sharpness, count):
    """Write the unit vectors to both images, the path, cos(b/2), the amplitude (with its fade) into RE, IM, and the lobe into FALL.

    At the point that has NORMAL; the same rows as the mirror's `_spread`, see `physics.wrinkles` for the amplitude.
    """
    for k in range(count):
        ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        vx, vy, vz = times_shape(s, SPREAD, k, ax, ay, az)
        h2 = dot(ax, ay, az, vx, vy, vz)
        ih = ONE / math.sqrt(h2)
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
        bx, by, bz = px + qx, py + qy, pz + qz
        bn = dot(bx, by, bz, ax, ay, az)
        size = math.sqrt(dot(bx, by, bz, bx, by, bz))
        c = HALF_ * size
        tilt = bn / size
        tilt = tilt if tilt > f32(0.0) else f32(0.0)
        tilt = tilt if tilt < ONE else ONE
        bn = bn if bn > LEAST else LEAST
        s[BACK + k], s[BACK + ROW + k], s[BACK + 2 * ROW + k] = px, py, pz
        s[ON + k], s[ON + ROW + k], s[ON + 2 * ROW + k] = qx, qy, qz
        s[LENGTH + k] = r1 + r2
        s[HALF + k] = c
        s[FALL + k] = sharpness * (tilt - ONE)
        s[RE + k] = faded(c) * c * i1 * i2 * volume(s, k) / (bn * h2) * tilt * tilt
        s[IM + k] = f32(0.0)

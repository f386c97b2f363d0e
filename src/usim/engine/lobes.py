"""Kernels: which glints of a dressed piece light up, and how brightly, seen from the mirror point of the smooth piece.

A glint is ranked by the distance of its normal from the mirror's, with what the spreading of the legs adds to it.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.glints import SHARPNESS, TURN, WEIGHT
from usim.engine.slab import dot, f32
from usim.physics.jit import kernel

INSTANTS = 3  # of an epoch: where it begins, its middle, its end


@kernel
def mirror_normal(table, t, sx, sy, sz, mx, my, mz, out):
    """Fill out (4,): normal of the mirror point of a pair in the piece's own frame, and the sum of inverse legs over the bisector's length.

    table (25, K): see `pose_table`, instant t.  Three steps from the bisector at the centre, each with what the bisector turns while the
    point moves: enough to tell which glints light up, near a long limb as well, where looking again from the new point alone would not settle.
    """
    cx, cy, cz = table[0, t], table[1, t], table[2, t]
    xx, yy, zz = table[3, t], table[4, t], table[5, t]
    xy, xz, yz = table[6, t], table[7, t], table[8, t]
    whole = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    x, y, z = cx, cy, cz
    nx, ny, nz = 0.0, 0.0, 0.0
    vx, vy, vz = 0.0, 0.0, 0.0
    h, curve = 1.0, 0.0
    for step in range(4):
        px, py, pz = sx - x, sy - y, sz - z
        qx, qy, qz = mx - x, my - y, mz - z
        i1 = 1.0 / math.sqrt(px * px + py * py + pz * pz)
        i2 = 1.0 / math.sqrt(qx * qx + qy * qy + qz * qz)
        bx, by, bz = px * i1 + qx * i2, py * i1 + qy * i2, pz * i1 + qz * i2
        inverse = 1.0 / (math.sqrt(bx * bx + by * by + bz * bz) + 1e-12)
        bx, by, bz = bx * inverse, by * inverse, bz * inverse
        curve = (i1 + i2) * inverse
        if step > 0:
            # (1 + turn) d = r on the tangent plane, turn = curve S' / h with S' the part of S there
            bn = bx * nx + by * ny + bz * nz
            bx, by, bz = bx - bn * nx, by - bn * ny, bz - bn * nz
            off = (vx * bx + vy * by + vz * bz) / (h * h)
            scale = curve / h
            trace = scale * (xx + yy + zz - (vx * vx + vy * vy + vz * vz) / (h * h))
            inverse = 1.0 / (1.0 + trace + whole * (scale / h) ** 2)
            wx = xx * bx + xy * by + xz * bz - vx * off
            wy = xy * bx + yy * by + yz * bz - vy * off
            wz = xz * bx + yz * by + zz * bz - vz * off
            bx = nx + ((1.0 + trace) * bx - scale * wx) * inverse
            by = ny + ((1.0 + trace) * by - scale * wy) * inverse
            bz = nz + ((1.0 + trace) * bz - scale * wz) * inverse
            inverse = 1.0 / (math.sqrt(bx * bx + by * by + bz * bz) + 1e-30)
            bx, by, bz = bx * inverse, by * inverse, bz * inverse
        nx, ny, nz = bx, by, bz
        vx = xx * nx + xy * ny + xz * nz
        vy = xy * nx + yy * ny + yz * nz
        vz = xz * nx + yz * ny + zz * nz
        h = (
            math.sqrt(nx * vx + ny * vy + nz * vz) + 1e-30
        )  # no normal where the legs lie in one line
        x, y, z = cx + vx / h, cy + vy / h, cz + vz / h
    for axis in range(3):
        out[axis] = (
            table[TURN + axis, t] * nx
            + table[TURN + 3 + axis, t] * ny
            + table[TURN + 6 + axis, t] * nz
        )
    out[3] = curve


@kernel
def lobe_of(normal, square, glint, depth):
    """Return the energy of a glint's lobe at a mirror point, re the mirror's: zero where it is `depth` neper below.

    normal (4,): see `mirror_normal`; square (3,): of the semi-axes; glint (COLUMNS,).
    """
    sharp = glint[SHARPNESS]
    cosine = glint[0] * normal[0] + glint[1] * normal[1] + glint[2] * normal[2]
    if (1.0 - cosine) * 2.0 * sharp > depth or cosine <= 0.0:
        return 0.0
    v0, v1, v2 = square[0] * normal[0], square[1] * normal[1], square[2] * normal[2]
    h2 = v0 * normal[0] + v1 * normal[1] + v2 * normal[2]
    scale = normal[3] / math.sqrt(h2)
    # what spreading takes from the mirror it does not take from glints: determinant of the tilt, on the tangent plane
    tangent = (square[0] + square[1] + square[2] - (v0 * v0 + v1 * v1 + v2 * v2) / h2) * scale
    curvature = math.sqrt(square[0] * square[1] * square[2]) / h2
    spread = 1.0 + tangent + (curvature * normal[3]) ** 2
    if sharp <= 0.0:
        return spread * (glint[WEIGHT] * cosine) ** 2
    d0, d1, d2 = glint[0] - normal[0], glint[1] - normal[1], glint[2] - normal[2]
    off = (v0 * d0 + v1 * d1 + v2 * d2) / h2
    d0 += (square[0] * d0 - v0 * off) * scale
    d1 += (square[1] * d1 - v1 * off) * scale
    d2 += (square[2] * d2 - v2 * off) * scale
    away = sharp * (d0 * d0 + d1 * d1 + d2 * d2)
    if away >= depth:
        return 0.0
    return spread * glint[WEIGHT] ** 2 * math.exp(-away)


@kernel
def _cosines(columns, normals, nearest):
    """Write the largest cosine between each glint's normal, columns (3, n), and any of the normals (3, 4) into nearest (n,)."""
    x, y, z = columns[0], columns[1], columns[2]
    ax, ay, az = f32(normals[0, 0]), f32(normals[0, 1]), f32(normals[0, 2])
    bx, by, bz = f32(normals[1, 0]), f32(normals[1, 1]), f32(normals[1, 2])
    cx, cy, cz = f32(normals[2, 0]), f32(normals[2, 1]), f32(normals[2, 2])
    for g in range(x.shape[0]):
        a = dot(x[g], y[g], z[g], ax, ay, az)
        b = dot(x[g], y[g], z[g], bx, by, bz)
        c = dot(x[g], y[g], z[g], cx, cy, cz)
        a = a if a > b else b
        nearest[g] = a if a > c else c


@kernel
def in_reach(heights, normals, depth, sharp):
    """Return the range of glints, sorted by the third component of their normals, that may light up at any of normals (instant, 4)."""
    reach = math.sqrt(depth / sharp)
    low, high = normals[0, 2], normals[0, 2]
    for e in range(1, normals.shape[0]):
        low, high = min(low, normals[e, 2]), max(high, normals[e, 2])
    return np.searchsorted(heights, low - reach), np.searchsorted(heights, high + reach)


@kernel
def _drawn(
    energy, shares, pair, first, normals, square, glints, heights, depth, diffuse_only, mark, sums
):
    """Return (glint, probability) drawn for a texture pair in proportion to energy over an epoch's instants; -1 where none lights up.

    normals (instant, 4): of the pair; heights (n,): the third components of the normals of the first n glints, the others are diffuse.
    """
    count, narrow = glints.shape[0], heights.shape[0]
    low, high = narrow, narrow
    if not diffuse_only and narrow > 0:
        low, high = in_reach(heights, normals, depth, glints[0, SHARPNESS])
    total = 0.0
    for part in range(2):
        begin, end = (low, high) if part == 0 else (narrow, count)
        for g in range(begin, end):
            value = 0.0
            for e in range(INSTANTS):
                whole = np.float64(energy[pair, first + e])
                if part == 0:
                    whole *= 1.0 - shares[pair, first + e]
                value += whole * lobe_of(normals[e], square, glints[g], depth)
            sums[g] = value
            total += value
    if total <= 0.0:
        return -1, 1.0
    passed = 0.0
    last, chance = -1, 1.0
    for part in range(2):
        begin, end = (low, high) if part == 0 else (narrow, count)
        for g in range(begin, end):
            if sums[g] > 0.0 and (last < 0 or mark * total >= passed):
                last, chance = g, sums[g] / total
                passed += sums[g]
    return last, chance

"""Kernels: which glints of a dressed piece light up, and how brightly, seen from the mirror point of the smooth piece.

A glint is ranked by the distance of its normal from the mirror's, with what the spreading of the legs adds to it.  Pairs are seen WIDTH at a
time: a view is a flat slab of rows of WIDTH lanes, one lane for each pair, at one instant.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.glints import SHARPNESS, TURN, WEIGHT
from usim.engine.slab import dot, f32, to_64th, whole_lanes
from usim.physics.jit import fused, kernel

INSTANTS = 3  # of an epoch: where it begins, its middle, its end
WIDTH = 64
SOURCE, MICROPHONE = 0, 3 * WIDTH  # the ends of a pair's legs, m
NORMAL = 6 * WIDTH  # of the mirror point, in the piece's own frame
CURVE = 9 * WIDTH  # sum of inverse legs over the bisector's length
GAIN = 10 * WIDTH  # of glints over the mirror, whose energy spreads
TILT = 11 * WIDTH  # how far the bisector turns as a normal does: xx yy zz xy xz yz
VIEW = 17 * WIDTH
STEPS = 4  # to the mirror point
SHARP, PEAK, HAZE, DEPTH = 0, 1, 2, 3  # what lobes of a piece have in common, see `lobes_of`
ROUNDING = f32(1e-6)  # of cosines in float32


def lobes_of(glints: np.ndarray, depth: float) -> np.ndarray:
    """Return (4,) what lobes of glints (G, COLUMNS) share: sharpness, energy at the middle, that of diffuse ones, and at how many neper below they end."""
    out = np.array([1.0, 0.0, 0.0, depth])
    for sharp, weight in glints[[0, -1]][:, [SHARPNESS, WEIGHT]] if len(glints) else ():
        if sharp > 0.0:
            out[SHARP], out[PEAK] = sharp, weight**2
        else:
            out[HAZE] = weight**2
    return out


@kernel
def _turn(table, t, s, count):
    """Move NORMAL by one step to where it bisects the legs at its own point, with what the bisector turns while the point moves.

    From zero it becomes the bisector at the centre, and stays zero where the legs lie in one line.  table (25, K): see `pose_table`, instant t.
    """
    cx, cy, cz = table[0, t], table[1, t], table[2, t]
    xx, yy, zz = table[3, t], table[4, t], table[5, t]
    xy, xz, yz = table[6, t], table[7, t], table[8, t]
    whole = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    for k in range(count):
        nx, ny, nz = s[NORMAL + k], s[NORMAL + WIDTH + k], s[NORMAL + 2 * WIDTH + k]
        vx = xx * nx + xy * ny + xz * nz
        vy = xy * nx + yy * ny + yz * nz
        vz = xz * nx + yz * ny + zz * nz
        h = math.sqrt(nx * vx + ny * vy + nz * vz)
        inverse = 1.0 / h if h > 0.0 else 0.0
        x, y, z = cx + vx * inverse, cy + vy * inverse, cz + vz * inverse
        px, py, pz = s[SOURCE + k] - x, s[SOURCE + WIDTH + k] - y, s[SOURCE + 2 * WIDTH + k] - z
        qx, qy, qz = (
            s[MICROPHONE + k] - x,
            s[MICROPHONE + WIDTH + k] - y,
            s[MICROPHONE + 2 * WIDTH + k] - z,
        )
        i1 = 1.0 / math.sqrt(px * px + py * py + pz * pz)
        i2 = 1.0 / math.sqrt(qx * qx + qy * qy + qz * qz)
        bx, by, bz = px * i1 + qx * i2, py * i1 + qy * i2, pz * i1 + qz * i2
        length = 1.0 / (math.sqrt(bx * bx + by * by + bz * bz) + 1e-12)
        bx, by, bz = bx * length, by * length, bz * length
        curve = (i1 + i2) * length
        # (1 + turn) d = r on the tangent plane, turn = curve S' / h with S' the part of S there
        bn = bx * nx + by * ny + bz * nz
        bx, by, bz = bx - bn * nx, by - bn * ny, bz - bn * nz
        square = inverse * inverse
        off = (vx * bx + vy * by + vz * bz) * square
        scale = curve * inverse
        trace = 1.0 + scale * (xx + yy + zz - (vx * vx + vy * vy + vz * vz) * square)
        part = 1.0 / (trace + whole * (scale * inverse) ** 2)
        wx = xx * bx + xy * by + xz * bz - vx * off
        wy = xy * bx + yy * by + yz * bz - vy * off
        wz = xz * bx + yz * by + zz * bz - vz * off
        bx = nx + (trace * bx - scale * wx) * part
        by = ny + (trace * by - scale * wy) * part
        bz = nz + (trace * bz - scale * wz) * part
        length = 1.0 / (math.sqrt(bx * bx + by * by + bz * bz) + 1e-30)
        s[NORMAL + k], s[NORMAL + WIDTH + k] = bx * length, by * length
        s[NORMAL + 2 * WIDTH + k], s[CURVE + k] = bz * length, curve


@kernel
def _own_frame(table, t, square, s, count):
    """Turn NORMAL into the piece's own frame and write GAIN and TILT; square (3,): of the semi-axes."""
    a, b, c = square[0], square[1], square[2]
    for k in range(count):
        x, y, z = s[NORMAL + k], s[NORMAL + WIDTH + k], s[NORMAL + 2 * WIDTH + k]
        nx = table[TURN, t] * x + table[TURN + 3, t] * y + table[TURN + 6, t] * z
        ny = table[TURN + 1, t] * x + table[TURN + 4, t] * y + table[TURN + 7, t] * z
        nz = table[TURN + 2, t] * x + table[TURN + 5, t] * y + table[TURN + 8, t] * z
        vx, vy, vz = a * nx, b * ny, c * nz
        h2 = vx * nx + vy * ny + vz * nz + 1e-60
        curve, inverse = s[CURVE + k], 1.0 / h2
        scale = curve * math.sqrt(inverse)
        # what spreading takes from the mirror it does not take from glints: determinant of the tilt, on the tangent plane
        tangent = (a + b + c - (vx * vx + vy * vy + vz * vz) * inverse) * scale
        s[NORMAL + k], s[NORMAL + WIDTH + k], s[NORMAL + 2 * WIDTH + k] = nx, ny, nz
        s[GAIN + k] = 1.0 + tangent + a * b * c * (inverse * curve) ** 2
        s[TILT + k] = 1.0 + scale * (a - vx * vx * inverse)
        s[TILT + WIDTH + k] = 1.0 + scale * (b - vy * vy * inverse)
        s[TILT + 2 * WIDTH + k] = 1.0 + scale * (c - vz * vz * inverse)
        s[TILT + 3 * WIDTH + k] = -scale * vx * vy * inverse
        s[TILT + 4 * WIDTH + k] = -scale * vx * vz * inverse
        s[TILT + 5 * WIDTH + k] = -scale * vy * vz * inverse


@kernel
def see(table, t, square, pairs, sources, middles, steps, s):
    """Fill a view (VIEW,) of at most WIDTH pairs of legs at instant t, from sources (I, 3) by way of the piece to middles (J, 3) in m.

    Of `steps` the first finds the bisector at the centre.  STEPS are enough to tell which glints light up, near a long limb as well, where looking again from
    the new point alone would not settle.
    """
    count, images = pairs.shape[0], middles.shape[0]
    wide = whole_lanes(count)
    for k in range(wide):
        pair = pairs[min(k, count - 1)]
        i, j = pair // images, pair % images
        for axis in range(3):
            s[SOURCE + axis * WIDTH + k] = sources[i, axis]
            s[MICROPHONE + axis * WIDTH + k] = middles[j, axis]
            s[NORMAL + axis * WIDTH + k] = 0.0
    for _ in range(steps):
        _turn(table, t, s, wide)
    _own_frame(table, t, square, s, wide)


@kernel
def in_reach(heights, view, lane, limits, sharp):
    """Return the range of glints, sorted by the third component of their normals, that may light up at any of three instants; see `lit`."""
    low, high = 2.0, -2.0
    for e in range(INSTANTS):
        if limits[e] > 0.0:
            reach, height = math.sqrt(limits[e] / sharp), view[e, NORMAL + 2 * WIDTH + lane]
            low, high = min(low, height - reach), max(high, height + reach)
    return (_above(heights, low), _above(heights, high)) if low < high else (0, 0)


@kernel
def _above(heights, height):
    """Return how many of the sorted heights (n,) are below one."""
    low, high = 0, heights.shape[0]
    while low < high:
        middle = (low + high) // 2
        if heights[middle] < height:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _excess(columns, view, lane, limits, sharp, excess):
    """Write by how much a glint's cosine, columns (3, n) of normals, is above the least with which it lights up at any instant into excess (n,)."""
    x, y, z = columns[0], columns[1], columns[2]
    s = view[0]
    ax, ay, az = f32(s[NORMAL + lane]), f32(s[NORMAL + WIDTH + lane]), f32(s[NORMAL + 2 * WIDTH + lane])  # fmt: skip
    s = view[1]
    bx, by, bz = f32(s[NORMAL + lane]), f32(s[NORMAL + WIDTH + lane]), f32(s[NORMAL + 2 * WIDTH + lane])  # fmt: skip
    s = view[2]
    cx, cy, cz = f32(s[NORMAL + lane]), f32(s[NORMAL + WIDTH + lane]), f32(s[NORMAL + 2 * WIDTH + lane])  # fmt: skip
    aw, bw, cw = _least(limits[0], sharp), _least(limits[1], sharp), _least(limits[2], sharp)
    for g in range(x.shape[0]):
        a = dot(x[g], y[g], z[g], ax, ay, az) - aw
        b = dot(x[g], y[g], z[g], bx, by, bz) - bw
        c = dot(x[g], y[g], z[g], cx, cy, cz) - cw
        a = a if a > b else b
        excess[g] = a if a > c else c


@kernel
def _least(limit, sharp):
    """Return the least cosine at which a lobe is less than `limit` neper below its middle, on the safe side; none where that is zero."""
    return f32(1.0 - 0.5 * limit / sharp) - ROUNDING if limit > 0.0 else f32(2.0)


@kernel
def _lobes(s, lane, lobe, room, out, count):
    """Write the energies of `count` lobes at a mirror point, re the mirror's, into out (n,): zero where they end; room (3, n): normals of glints."""
    x, y, z = room[0], room[1], room[2]
    nx, ny, nz = s[NORMAL + lane], s[NORMAL + WIDTH + lane], s[NORMAL + 2 * WIDTH + lane]
    xx, yy, zz = s[TILT + lane], s[TILT + WIDTH + lane], s[TILT + 2 * WIDTH + lane]
    xy, xz, yz = s[TILT + 3 * WIDTH + lane], s[TILT + 4 * WIDTH + lane], s[TILT + 5 * WIDTH + lane]
    peak, sharp, depth = s[GAIN + lane] * lobe[PEAK], lobe[SHARP], lobe[DEPTH]
    for c in range(count):
        cosine = x[c] * nx + y[c] * ny + z[c] * nz
        dx, dy, dz = x[c] - nx, y[c] - ny, z[c] - nz
        ax = xx * dx + xy * dy + xz * dz
        ay = xy * dx + yy * dy + yz * dz
        az = xz * dx + yz * dy + zz * dz
        away = sharp * (ax * ax + ay * ay + az * az)
        # exp(-away) to 1e-9
        u = -(1.0 / 64.0) * (away if away < depth else depth)
        e = fused(u, fused(u, fused(u, 1.0 / 40320.0, 1.0 / 5040.0), 1.0 / 720.0), 1.0 / 120.0)
        e = fused(u, fused(u, fused(u, fused(u, fused(u, e, 1.0 / 24.0), 1.0 / 6.0), 0.5), 1.0), 1.0)  # fmt: skip
        e = peak * to_64th(e)
        out[c] = e if away < depth and cosine > 0.0 else 0.0


@kernel
def lit(view, lane, limits, columns, columns32, lobe, excess, which, room):
    """Write which glints may light up at any of three instants into which (n,), their lobes at each into room (3 + INSTANTS, n), after normals; return how many.

    view (INSTANTS, VIEW), lane: of the pair.  limits (INSTANTS,): how many neper below the middle of a lobe still count.  columns (3, G): normals of
    glints, sorted by the third component, the first of them, columns32 (3, n), with lobes, the others diffuse.  lobe: see `lobes_of`.
    """
    low, high = in_reach(columns[2, : columns32.shape[1]], view, lane, limits, lobe[SHARP])
    _excess(columns32[:, low:high], view, lane, limits, lobe[SHARP], excess)
    count = 0
    for g in range(high - low):
        which[count] = low + g
        count += excess[g] > f32(0.0)
    for c in range(count):
        g = which[c]
        room[0, c], room[1, c], room[2, c] = columns[0, g], columns[1, g], columns[2, g]
    for e in range(view.shape[0]):
        _lobes(view[e], lane, lobe, room, room[3 + e], whole_lanes(count))
    return count


@kernel
def _haze(view, lane, lobe, wholes, columns, sums):
    """Write the energies of diffuse glints, columns (3, n) of normals, over an epoch's instants into sums (n,); wholes (INSTANTS,): of the pair."""
    x, y, z = columns[0], columns[1], columns[2]
    for g in range(x.shape[0]):
        sums[g] = 0.0
    for e in range(view.shape[0]):
        s = view[e]
        nx, ny, nz = s[NORMAL + lane], s[NORMAL + WIDTH + lane], s[NORMAL + 2 * WIDTH + lane]
        bright = wholes[e] * s[GAIN + lane] * lobe[HAZE]
        for g in range(x.shape[0]):
            cosine = max(x[g] * nx + y[g] * ny + z[g] * nz, 0.0)
            sums[g] += bright * (cosine * cosine)


@kernel
def draw(view, lane, wholes, rough, count, columns, narrow, lobe, mark, which, room, sums):
    """Return (glint, probability) drawn for a texture pair in proportion to energy over an epoch's instants; -1 where none lights up.

    which, room: its `count` glints as `lit` leaves them; those after the first `narrow` of columns (3, G) are diffuse.  wholes, rough (INSTANTS,):
    the pair's energies, and what of them single glints have.  mark in [0, 1).  sums (G,): scratch.
    """
    for c in range(count):
        sums[c] = rough[0] * room[3, c] + rough[1] * room[4, c] + rough[2] * room[5, c]
    end = count + columns.shape[1] - narrow
    _haze(view, lane, lobe, wholes, columns[:, narrow:], sums[count:end])
    whole, passed = 0.0, 0.0
    for c in range(end):
        whole += sums[c]
    last, chance = -1, 1.0
    for c in range(end):
        if sums[c] > 0.0 and (last < 0 or mark * whole >= passed):
            last = which[c] if c < count else narrow + c - count
            chance = sums[c] / whole
            passed += sums[c]
    return last, chance

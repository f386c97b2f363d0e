"""Kernel: how late each pair is, and how its gain changes across a band, where a wideband emission asks for both.

The pair kernel (`sums`) gives a pair's wave at the middle of the band, with all that shadows, wrinkles and arrays do to it. Here the same legs are
walked once more, for the delay in numbers and for what walls, air, skin, beam and arrival shadow do to the ends of the band against its middle.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from usim.engine.array import POSE, long_window, window
from usim.engine.glints import SHARPNESS, glint_normals, shorten
from usim.engine.pairs import MIRROR, _first_normal, pair_paths, reflected
from usim.engine.slab import (
    BACK,
    HALF,
    LENGTH,
    ON,
    ROW,
    SECOND,
    SLOPE,
    WALL_NODES,
    aim,
    aim_long,
    f32,
    whole_lanes,
)
from usim.engine.tones import AHEAD, AT, EVEN, SPARE, clock
from usim.physics.jit import kernel

NODES = (-0.95, -0.6, 0.0, 0.6, 0.95)  # frequencies, re half the band, at which gains are met
MIDDLE = 2
STRIDE = 8  # knots between two looks at the gain
NEWTON_STEPS = 3
LARGEST = (
    30.0  # the most that a node may be louder than the middle: beyond, a beam has a zero there
)


@kernel
def _met(tables, wall, cosine, re, im):
    """Return re + j im times the reflection of a table (W, 2, WALL_NODES) at a cosine of incidence."""
    x = math.sqrt(min(cosine, 1.0)) * (WALL_NODES - 1)
    node = min(int(x), WALL_NODES - 2)
    w = x - node
    a = tables[wall, 0, node] + w * (tables[wall, 0, node + 1] - tables[wall, 0, node])
    b = tables[wall, 1, node] + w * (tables[wall, 1, node + 1] - tables[wall, 1, node])
    return re * a - im * b, re * b + im * a


@kernel
def _series(row, x):
    """Return a Chebyshev series (D,) at x."""
    b1, b2 = 0.0, 0.0
    for d in range(row.shape[0] - 1, 0, -1):
        b1, b2 = 2.0 * x * b1 - b2 + row[d], b1
    return x * b1 - b2 + row[0]


@kernel
def _leg(tables, chains, leg, x, y, z, re, im):
    """Return re + j im times what the sides do that a leg meets along the unit vector (x, y, z)."""
    hits, normals = chains[0], chains[1]
    for hit in range(hits.shape[1]):
        wall = hits[leg, hit]
        if wall < 0:
            break
        cosine = abs(x * normals[leg, hit, 0] + y * normals[leg, hit, 1] + z * normals[leg, hit, 2])
        re, im = _met(tables, wall, cosine, re, im)
    return re, im


@kernel
def _gain(s, k, chains, i, j, source_axes, target_axes, walls, skin, kind, beam, port, absorption):
    """Return the gain of the pair's legs at lane k and one frequency, without spreading."""
    px, py, pz = s[BACK + k], s[BACK + ROW + k], s[BACK + 2 * ROW + k]
    qx, qy, qz = s[ON + k], s[ON + ROW + k], s[ON + 2 * ROW + k]
    re, im = _met(skin, kind, np.float64(s[HALF + k]), 1.0, 0.0)
    re, im = _leg(walls, chains, i, px, py, pz, re, im)
    re, im = _leg(walls, chains, j, qx, qy, qz, re, im)
    away = -(px * source_axes[i, 0] + py * source_axes[i, 1] + pz * source_axes[i, 2])
    a, b = _series(beam[0], away), _series(beam[1], away)
    re, im = re * a - im * b, re * b + im * a
    back = -(qx * target_axes[j, 0, 0] + qy * target_axes[j, 0, 1] + qz * target_axes[j, 0, 2])
    loud = _series(port, back) * math.exp(-absorption * (np.float64(s[LENGTH + k]) - 1.0))
    return re * loud, im * loud


@lru_cache
def powers() -> np.ndarray:
    """Return (4, 4): the coefficients of x to x^4 of the polynomial through 1 in the middle, per excess over 1 at the other nodes."""
    x = np.array([node for node in NODES if node])
    return np.linalg.inv(x[:, None] ** np.arange(1, len(NODES)))


@kernel
def _bent(re, im, powers, row):
    """Write the coefficients (complex, by parts) of gains (NODES,) across the band, over the middle one, into row."""
    size = re[MIDDLE] * re[MIDDLE] + im[MIDDLE] * im[MIDDLE]
    most = 0.0
    for k in range(re.shape[0]):
        most = max(most, re[k] * re[k] + im[k] * im[k])
    for p in range(powers.shape[0]):
        row[2 * p], row[2 * p + 1] = 0.0, 0.0
    if size <= 0.0 or most > LARGEST * LARGEST * size:
        return
    for k in range(powers.shape[0]):
        n = k if k < MIDDLE else k + 1
        x = (re[n] * re[MIDDLE] + im[n] * im[MIDDLE]) / size - 1.0
        y = (im[n] * re[MIDDLE] - re[n] * im[MIDDLE]) / size
        for p in range(powers.shape[0]):
            row[2 * p] += powers[p, k] * x
            row[2 * p + 1] += powers[p, k] * y


@kernel
def pair_bands(
    table, glints, most_lead, even, step, pairs, sources, source_axes, targets, target_axes, chains, walls, skin, beams, ports,
    absorption, powers, c, leads, middles, s, d, e, more, looked, place, bends,
):  # fmt: skip
    """Fill place (n, mic, ROW) with the paths in m of pairs (n, 3) on the grid of reception times, and bends (n, 8, ROW) with the polynomial of their gain across the band.

    table (25, knots), glints, most_lead, even, step, pairs, sources, targets, chains, leads, middles: as `piece_sum` takes and makes them.  Per frequency
    of NODES: walls (f, W, 2, nodes), skin (f, 3, 2, nodes), beams (f, 2, D), ports (f, D), absorption (f,) Np/m.  s, d, e, more
    (ROW,), looked (look, 8): scratch.  bends: real and imaginary parts, of x to x^4, x from -1 to 1 over the band.  powers: see there.  Pairs that the knots do not cover keep a place of zero.
    """
    count = (even + SPARE + 2) // 4 * 4 + 1
    wide = whole_lanes(count)
    inverse_step = 1.0 / (c * step)
    looks = (count - 1) // STRIDE + 2
    windowed, aimed = -1, -1
    for n in range(pairs.shape[0]):
        i, j, g = pairs[n, 0], pairs[n, 1], pairs[n, 2]
        sx, sy, sz = sources[i, 0], sources[i, 1], sources[i, 2]
        cx, cy, cz = middles[j, 0], middles[j, 1], middles[j, 2]
        lead = leads[j]
        if lead != windowed:
            window(table, POSE, most_lead - lead, 1, s, 0, count)
            long_window(table, most_lead - lead, d, count)
            windowed = lead
        if j != aimed:
            aim(s, cx, cy, cz, 0.0, 0.0, 0.0, 0, wide)
            aim_long(d, cx, cy, cz, wide)
            aimed = j
        sharpness, kind = MIRROR, 0
        if g < 0:
            _first_normal(s, f32(sx), f32(sy), f32(sz), wide)
            pair_paths(s, d, sx, sy, sz, NEWTON_STEPS, wide)
        else:
            sharpness = f32(glints[g, SHARPNESS])
            kind = 1 if sharpness > f32(0.0) else 2
            glint_normals(table, most_lead - lead, glints[g], s, count, wide)
            pair_paths(s, d, sx, sy, sz, 0, wide)
            shorten(table, most_lead - lead, glints[g], d, count, wide)
        if not clock(d, e, count, even, float(lead + AHEAD), inverse_step):
            continue
        reflected(s, sx, sy, sz, sharpness, wide)
        for m in range(targets.shape[1]):
            dx, dy, dz = targets[j, m, 0] - cx, targets[j, m, 1] - cy, targets[j, m, 2] - cz
            d2 = dx * dx + dy * dy + dz * dz
            for k in range(count):
                back = d[SECOND + k]
                along = s[ON + k] * dx + s[ON + ROW + k] * dy + s[ON + 2 * ROW + k] * dz
                rise = 2.0 * back * along + d2
                way = rise / (math.sqrt(back * back + rise) + back)
                # it hears a bounce that lies earlier by its own extra way
                more[k] = way * (1.0 - d[SLOPE + k] * inverse_step)
            for q in range(even):
                k = min(int(e[AT + q]), count - 2)
                w = e[AT + q] - k
                place[n, m, q] = e[EVEN + q] + more[k] + w * (more[k + 1] - more[k])
        for look in range(looks):
            k = min(look * STRIDE, count - 1)
            for f in range(len(NODES)):
                more[f], more[len(NODES) + f] = _gain(s, k, chains, i, j, source_axes, target_axes, walls[f], skin[f], kind, beams[f], ports[f], absorption[f])  # fmt: skip
            _bent(more[: len(NODES)], more[len(NODES) : 2 * len(NODES)], powers, looked[look])
        for q in range(even):
            x = e[AT + q] / STRIDE
            k = min(int(x), looks - 2)
            for part in range(looked.shape[1]):
                rise = looked[k + 1, part] - looked[k, part]
                bends[n, part, q] = looked[k, part] + (x - k) * rise

"""Which pairs and glints of a dressed piece are worth a pair.

The same two sets as in `selection`: *resolved* are the strongest that hold the quality's share, among all mirror pairs and the glints
seen through `near` pairs (legs of at most one reflection, all in `fine`); a systematic sample of the rest is *texture*, where a drawn
pair without glints of its own draws one of those that light up for it, in proportion to their energy.

A glint is ranked by the distance of its normal from the mirror's, with what the spreading of the legs adds to it.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.glints import COLUMNS, HEIGHT, SHARPNESS, SLIP, TURN, WEIGHT
from usim.engine.legs import Legs
from usim.engine.selection import (
    HYSTERESIS,
    TEXTURE_LEAST,
    TEXTURE_SHARE,
    Chosen,
    Quality,
    _ranks,
    _threshold,
    apart,
)
from usim.engine.slab import dot, f32
from usim.physics.jit import kernel
from usim.physics.wrinkles import DIFFUSE, Glints

INSTANTS = 3  # of an epoch: where it begins, its middle, its end
LEAST_SHARE = 1e-4  # of a piece's energy that a candidate has somewhere in the epoch, at the middle of its lobe
GOLDEN = 0.6180339887498949  # turns between the numbers that draw glints: spread evenly (Weyl 1916)


@kernel
def mirror_normal(table, t, sx, sy, sz, mx, my, mz, out):
    """Fill out (5,): normal of the mirror point of a pair in the piece's own frame, sum of inverse legs over the bisector's length, and 1 if lit.

    table (25, K): see `pose_table`, instant t.  Three steps from the bisector at the centre: enough to tell which glints light up.
    """
    cx, cy, cz = table[0, t], table[1, t], table[2, t]
    x, y, z = cx, cy, cz
    nx, ny, nz = 0.0, 0.0, 0.0
    curve = 0.0
    for _ in range(4):
        px, py, pz = sx - x, sy - y, sz - z
        qx, qy, qz = mx - x, my - y, mz - z
        i1 = 1.0 / math.sqrt(px * px + py * py + pz * pz)
        i2 = 1.0 / math.sqrt(qx * qx + qy * qy + qz * qz)
        nx, ny, nz = px * i1 + qx * i2, py * i1 + qy * i2, pz * i1 + qz * i2
        size = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
        nx, ny, nz = nx / size, ny / size, nz / size
        curve = (i1 + i2) / size
        vx = table[3, t] * nx + table[6, t] * ny + table[7, t] * nz
        vy = table[6, t] * nx + table[4, t] * ny + table[8, t] * nz
        vz = table[7, t] * nx + table[8, t] * ny + table[5, t] * nz
        h = math.sqrt(nx * vx + ny * vy + nz * vz)
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

    normal (5,): see `mirror_normal`; square (3,): of the semi-axes; glint (COLUMNS,).
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
    """Write the largest cosine between each glint's normal, columns (3, n), and any of the normals (3, 5) into nearest (n,)."""
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
    """Return the range of glints, sorted by the third component of their normals, that may light up at any of normals (instant, 5)."""
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

    normals (instant, 5): of the pair; heights (n,): the third components of the normals of the first n glints, the others are diffuse.
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


@kernel
def choose_dressed(
    energy, shares, near, table, square, sources, middles, glints, columns, heights, diffuse, depth, share, draws, room, pairs, weight, group, counts, held_shares,
):  # fmt: skip
    """Choose mirror pairs and glints of consecutive epochs; fill pairs (n, 3), weight, group and, per epoch, counts and shares resolved.

    energy (I * J, K) of the smooth piece and shares (I * J, K) of it that stay in the mirror, at instants: epoch number e sees instants
    2 + 2e to 4 + 2e, so the first two are those of the epoch before.  near (P,): pairs whose glints may be resolved.  table (25, K): poses; square
    (3,): of the semi-axes; sources (I, 3), middles (J, 3) in m.  glints (G, COLUMNS), the first of them sorted by the third component of their
    normal, columns (3, n) their normals in float32, heights (n,); the others are diffuse and hold the share `diffuse` of energy.  depth: see `lobe_of`.  draws (epoch,): see `choose`.
    Returns the number filled, or -1 where `room` does not suffice.
    """
    many, count, narrow = energy.shape[0], glints.shape[0], heights.shape[0]
    images = middles.shape[0]
    normals = np.empty((near.shape[0], INSTANTS, 5))
    one = np.empty((INSTANTS, 5))
    sums = np.empty(count)
    nearest = np.empty(narrow, np.float32)
    aligned = f32(1.0 - 0.5 * depth / glints[0, SHARPNESS]) if narrow > 0 else f32(0.0)
    is_near = np.zeros(many, np.bool_)
    for p in range(near.shape[0]):
        is_near[near[p]] = True
    mirror_before = np.zeros(many, np.bool_)
    glint_before = np.zeros((near.shape[0], narrow), np.bool_)
    most = 4096
    values = np.empty((many + most, INSTANTS), np.float32)
    whose = np.empty((most, 2), np.int64)
    three = np.empty(INSTANTS, np.float32)
    least = np.empty(INSTANTS)
    used = 0
    for epoch in range(-1, draws.shape[0]):
        first = 2 + 2 * epoch
        for e in range(INSTANTS):
            total = 0.0
            for n in range(many):
                total += energy[n, first + e]
                values[n, e] = energy[n, first + e] * shares[n, first + e]
            least[e] = LEAST_SHARE * math.exp(-depth) * total
        at = many
        for p in range(near.shape[0]):
            n = near[p]
            i, j = n // images, n % images
            for e in range(INSTANTS):
                if e == 0 and epoch >= 0:
                    normals[p, 0] = normals[p, INSTANTS - 1]
                else:
                    mirror_normal(table, first + e, sources[i, 0], sources[i, 1], sources[i, 2], middles[j, 0], middles[j, 1], middles[j, 2], normals[p, e])  # fmt: skip
            if narrow == 0:
                continue
            low, high = in_reach(heights, normals[p], depth, glints[0, SHARPNESS])
            _cosines(columns[:, low:high], normals[p], nearest)
            for g in range(low, high):
                if nearest[g - low] < aligned:
                    continue
                enough = False
                for e in range(INSTANTS):
                    lobe = lobe_of(normals[p, e], square, glints[g], depth)
                    three[e] = energy[n, first + e] * (f32(1.0) - shares[n, first + e]) * f32(lobe)
                    enough |= three[e] > least[e]
                if enough:
                    if at - many >= most:
                        most *= 2
                        longer, more = (
                            np.empty((many + most, INSTANTS), np.float32),
                            np.empty((most, 2), np.int64),
                        )
                        longer[:at], more[: at - many] = values[:at], whose[: at - many]
                        values, whose = longer, more
                    values[at, 0], values[at, 1], values[at, 2] = three[0], three[1], three[2]
                    whose[at - many, 0], whose[at - many, 1] = p, g
                    at += 1
        rank = np.empty(at)
        _ranks(values[:at], 0, rank)
        floor = _threshold(rank, share)
        if epoch >= 0:
            start = used
            held, whole, rest = 0.0, 0.0, 0.0
            for n in range(at):
                mean = values[n, 0] + values[n, 1] + values[n, 2]
                before = (
                    mirror_before[n]
                    if n < many
                    else glint_before[whose[n - many, 0], whose[n - many, 1]]
                )
                whole += mean
                if rank[n] > 0.0 and rank[n] * (HYSTERESIS if before else 1.0) >= floor:
                    if used >= room:
                        return -1
                    pair = n if n < many else near[whose[n - many, 0]]
                    pairs[used, 0], pairs[used, 1] = pair // images, pair % images
                    pairs[used, 2] = -1 if n < many else whose[n - many, 1]
                    weight[used] = 1.0
                    group[used] = 0
                    used += 1
                    held += mean
                else:
                    rest += mean
            for n in range(many):
                rest += _unlisted(energy, shares, n, first, is_near[n], diffuse)
            held_shares[epoch] = held / whole if whole > 0.0 else 1.0
            if rest > 0.0:
                step = rest / max(TEXTURE_LEAST, int(TEXTURE_SHARE * (used - start)))
                mark = draws[epoch] * step
                turn = draws[epoch]
                passed = 0.0
                for number in range(at + many):
                    unlisted = number >= at
                    n = number - at if unlisted else number
                    if unlisted:
                        mean = _unlisted(energy, shares, n, first, is_near[n], diffuse)
                    else:
                        before = (
                            mirror_before[n]
                            if n < many
                            else glint_before[whose[n - many, 0], whose[n - many, 1]]
                        )
                        if rank[n] > 0.0 and rank[n] * (HYSTERESIS if before else 1.0) >= floor:
                            continue
                        mean = np.float64(values[n, 0] + values[n, 1] + values[n, 2])
                    if mean <= 0.0:
                        continue
                    passed += mean
                    if mark < passed:
                        while mark < passed:
                            mark += step
                        pair, glint, chance = n, -1, 1.0
                        if unlisted:
                            turn = (turn + GOLDEN) % 1.0
                            i, j = n // images, n % images
                            for e in range(INSTANTS):
                                mirror_normal(table, first + e, sources[i, 0], sources[i, 1], sources[i, 2], middles[j, 0], middles[j, 1], middles[j, 2], one[e])  # fmt: skip
                            glint, chance = _drawn(energy, shares, n, first, one, square, glints, heights, depth, is_near[n], turn, sums)  # fmt: skip
                            if glint < 0:
                                continue
                        elif n >= many:
                            pair, glint = near[whose[n - many, 0]], whose[n - many, 1]
                        if used >= room:
                            return -1
                        pairs[used, 0], pairs[used, 1], pairs[used, 2] = (
                            pair // images,
                            pair % images,
                            glint,
                        )
                        weight[used] = math.sqrt(max(step / mean, 1.0) / chance)
                        group[used] = 1
                        used += 1
            counts[epoch] = used - start
        glint_before[:] = False
        for n in range(at):
            chosen = rank[n] >= floor and rank[n] > 0.0
            if n < many:
                mirror_before[n] = chosen
            elif chosen:
                glint_before[whose[n - many, 0], whose[n - many, 1]] = True
    return used


@kernel
def _unlisted(energy, shares, pair, first, is_near, diffuse):
    """Return the energy over an epoch's instants of a pair's glints that are no candidates: the diffuse ones, and all of pairs not near."""
    mean = 0.0
    for e in range(INSTANTS):
        whole = np.float64(energy[pair, first + e])
        mean += whole * diffuse
        if not is_near:
            mean += whole * (1.0 - shares[pair, first + e])
    return mean


def glint_rows(glints: Glints | None) -> np.ndarray:
    """Return the glints of a piece as the kernels read them, (G, COLUMNS): sorted by height, the diffuse ones last; none where it is bare."""
    if glints is None:
        return np.zeros((0, COLUMNS))
    rows = np.empty((len(glints), COLUMNS))
    rows[:, :3], rows[:, HEIGHT], rows[:, SLIP] = (
        glints.normal,
        glints.height_m,
        glints.slip_m_rad,
    )
    rows[:, SHARPNESS], rows[:, WEIGHT] = glints.sharpness, glints.weight
    return rows[kernel_order(glints)]


def kernel_order(glints: Glints) -> np.ndarray:
    """Return which glint (G,) stands in each row: sorted by height of the normal, the diffuse ones last."""
    return np.lexsort((glints.normal[:, 2], glints.is_diffuse))


def dressed_epochs(
    energy: np.ndarray,
    shares: np.ndarray,
    table: np.ndarray,
    size_m: np.ndarray,
    legs: Legs,
    driver: int,
    glints: np.ndarray,
    quality: Quality,
    draws: np.ndarray,
) -> list[Chosen]:
    """Return the choices of consecutive epochs of a dressed piece; see `choose_dressed`."""
    images = np.flatnonzero(legs.maps.order <= quality.glint_order)
    near = (images[:, None] * len(legs) + images[None, :]).ravel()
    columns = np.ascontiguousarray(glints[glints[:, SHARPNESS] > 0.0, :3].T)
    counts, held = np.zeros(len(draws), np.int64), np.zeros(len(draws))
    room = 2 * len(energy) * len(draws)
    while True:
        pairs, weight = np.empty((room, 3), np.int64), np.empty(room, np.float32)
        group = np.empty(room, np.int64)
        filled = choose_dressed(
            energy, shares, near, table, np.asarray(size_m, float) ** 2, legs.sources[driver], legs.middles, glints, columns.astype(np.float32), columns[2], DIFFUSE,
            quality.lobe_depth, quality.share, draws, room, pairs, weight, group, counts, held,
        )  # fmt: skip
        if filled >= 0:
            return apart(pairs, weight, group, counts, held)
        room *= 2

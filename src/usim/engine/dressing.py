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
from usim.engine.slab import f32
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
def lobes(normal, square, glints, columns, depth, cosine, out):
    """Fill out (G,) with the energy of every glint's lobe at a mirror point, re the mirror's: zero where it is `depth` neper below.

    normal (5,): see `mirror_normal`; square (3,): of the semi-axes; glints (G, COLUMNS); columns (3, G) float32: their normals by rows.
    """
    nx, ny, nz = f32(normal[0]), f32(normal[1]), f32(normal[2])
    x, y, z = columns[0], columns[1], columns[2]
    for g in range(cosine.shape[0]):
        cosine[g] = x[g] * nx + y[g] * ny + z[g] * nz
    v0, v1, v2 = square[0] * normal[0], square[1] * normal[1], square[2] * normal[2]
    h2 = v0 * normal[0] + v1 * normal[1] + v2 * normal[2]
    scale = normal[3] / math.sqrt(h2)
    # what spreading takes from the mirror it does not take from glints: determinant of the tilt, on the tangent plane
    tangent = (square[0] + square[1] + square[2] - (v0 * v0 + v1 * v1 + v2 * v2) / h2) * scale
    curvature = math.sqrt(square[0] * square[1] * square[2]) / h2
    spread = 1.0 + tangent + (curvature * normal[3]) ** 2
    for g in range(cosine.shape[0]):
        out[g] = f32(0.0)
        sharp = glints[g, SHARPNESS]
        if sharp > 0.0:
            if (1.0 - cosine[g]) * 2.0 * sharp > depth:
                continue
            d0, d1, d2 = (
                glints[g, 0] - normal[0],
                glints[g, 1] - normal[1],
                glints[g, 2] - normal[2],
            )
            off = (v0 * d0 + v1 * d1 + v2 * d2) / h2
            d0 += (square[0] * d0 - v0 * off) * scale
            d1 += (square[1] * d1 - v1 * off) * scale
            d2 += (square[2] * d2 - v2 * off) * scale
            away = sharp * (d0 * d0 + d1 * d1 + d2 * d2)
            if away < depth:
                out[g] = f32(spread * glints[g, WEIGHT] ** 2 * math.exp(-away))
        elif cosine[g] > f32(0.0):
            out[g] = f32(spread * (glints[g, WEIGHT] * cosine[g]) ** 2)


@kernel
def _drawn(
    energy,
    shares,
    pair,
    first,
    table,
    square,
    sources,
    middles,
    glints,
    columns,
    depth,
    diffuse_only,
    mark,
    sums,
    cosine,
    lobe,
):
    """Return (glint, probability) drawn for a texture pair in proportion to energy over an epoch's instants; -1 where none lights up."""
    images = middles.shape[0]
    i, j = pair // images, pair % images
    normal = np.empty(5)
    sums[:] = f32(0.0)
    for e in range(INSTANTS):
        t = first + e
        mirror_normal(table, t, sources[i, 0], sources[i, 1], sources[i, 2], middles[j, 0], middles[j, 1], middles[j, 2], normal)  # fmt: skip
        lobes(normal, square, glints, columns, depth, cosine, lobe)
        whole = energy[pair, t]
        rest = whole * (f32(1.0) - shares[pair, t])
        for g in range(sums.shape[0]):
            if glints[g, SHARPNESS] <= 0.0:
                sums[g] += whole * lobe[g]
            elif not diffuse_only:
                sums[g] += rest * lobe[g]
    total = 0.0
    for g in range(sums.shape[0]):
        total += sums[g]
    if total <= 0.0:
        return -1, 1.0
    passed = 0.0
    last = -1
    for g in range(sums.shape[0]):
        if sums[g] > f32(0.0):
            last = g
            passed += sums[g]
            if mark * total < passed:
                break
    return last, sums[last] / total


@kernel
def choose_dressed(
    energy, shares, near, table, square, sources, middles, glints, columns, diffuse, depth, share, draws, room, pairs, weight, group, counts, held_shares,
):  # fmt: skip
    """Choose mirror pairs and glints of consecutive epochs; fill pairs (n, 3), weight, group and, per epoch, counts and shares resolved.

    energy (I * J, K) of the smooth piece and shares (I * J, K) of it that stay in the mirror, at instants: epoch number e sees instants
    2 + 2e to 4 + 2e, so the first two are those of the epoch before.  near (P,): pairs whose glints may be resolved.  table (25, K): poses; square
    (3,): of the semi-axes; sources (I, 3), middles (J, 3) in m; diffuse: share of energy of the diffuse glints.  draws (epoch,): see `choose`.
    Returns the number filled, or -1 where `room` does not suffice.
    """
    many, count = energy.shape[0], glints.shape[0]
    images = middles.shape[0]
    lit = np.zeros((INSTANTS, near.shape[0], count), np.float32)
    cosine, sums, lobe = (
        np.empty(count, np.float32),
        np.empty(count, np.float32),
        np.empty(count, np.float32),
    )
    is_near = np.zeros(many, np.bool_)
    for p in range(near.shape[0]):
        is_near[near[p]] = True
    mirror_before = np.zeros(many, np.bool_)
    glint_before = np.zeros((near.shape[0], count), np.bool_)
    normal = np.empty(5)
    used = 0
    for epoch in range(-1, draws.shape[0]):
        first = 2 + 2 * epoch
        for e in range(INSTANTS):
            if e == 0 and epoch >= 0:
                lit[0] = lit[INSTANTS - 1]
                continue
            for p in range(near.shape[0]):
                i, j = near[p] // images, near[p] % images
                mirror_normal(table, first + e, sources[i, 0], sources[i, 1], sources[i, 2], middles[j, 0], middles[j, 1], middles[j, 2], normal)  # fmt: skip
                lobes(normal, square, glints, columns, depth, cosine, lit[e, p])
        # candidates: all mirror pairs, then glints of near pairs
        total = np.zeros(INSTANTS)
        for e in range(INSTANTS):
            for n in range(many):
                total[e] += energy[n, first + e]
        least = np.empty(INSTANTS)
        for e in range(INSTANTS):
            least[e] = LEAST_SHARE * math.exp(-depth) * total[e]
        spots = 0
        for p in range(near.shape[0]):
            for g in range(count):
                if glints[g, SHARPNESS] > 0.0 and (
                    lit[0, p, g] > f32(0.0) or lit[1, p, g] > f32(0.0) or lit[2, p, g] > f32(0.0)
                ):
                    spots += 1
        values = np.zeros((many + spots, INSTANTS), np.float32)
        whose = np.empty((spots, 2), np.int64)
        for n in range(many):
            for e in range(INSTANTS):
                values[n, e] = energy[n, first + e] * shares[n, first + e]
        at = many
        for p in range(near.shape[0]):
            n = near[p]
            for g in range(count):
                if glints[g, SHARPNESS] > 0.0 and (
                    lit[0, p, g] > f32(0.0) or lit[1, p, g] > f32(0.0) or lit[2, p, g] > f32(0.0)
                ):
                    enough = False
                    for e in range(INSTANTS):
                        value = (
                            energy[n, first + e] * (f32(1.0) - shares[n, first + e]) * lit[e, p, g]
                        )
                        values[at, e] = value
                        enough |= value > least[e]
                    if enough:
                        whose[at - many, 0] = p
                        whose[at - many, 1] = g
                        at += 1
        values = values[:at]
        rank = np.empty(at)
        counted = _ranks(values, 0, rank)
        floor = _threshold(values, 0, rank, counted, share)
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
                            glint, chance = _drawn(energy, shares, n, first, table, square, sources, middles, glints, columns, depth, is_near[n], turn, sums, cosine, lobe)  # fmt: skip
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
    """Return the glints of a piece as the kernels read them, (G, COLUMNS); none where it is bare."""
    if glints is None:
        return np.zeros((0, COLUMNS))
    rows = np.empty((len(glints), COLUMNS))
    rows[:, :3], rows[:, HEIGHT], rows[:, SLIP] = (
        glints.normal,
        glints.height_m,
        glints.slip_m_rad,
    )
    rows[:, SHARPNESS], rows[:, WEIGHT] = glints.sharpness, glints.weight
    return rows


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
    columns = np.ascontiguousarray(glints[:, :3].T, np.float32)
    counts, held = np.zeros(len(draws), np.int64), np.zeros(len(draws))
    room = 2 * len(energy) * len(draws)
    while True:
        pairs, weight = np.empty((room, 3), np.int64), np.empty(room, np.float32)
        group = np.empty(room, np.int64)
        filled = choose_dressed(
            energy, shares, near, table, np.asarray(size_m, float) ** 2, legs.sources[driver], legs.middles, glints, columns, DIFFUSE,
            quality.lobe_depth, quality.share, draws, room, pairs, weight, group, counts, held,
        )  # fmt: skip
        if filled >= 0:
            return apart(pairs, weight, group, counts, held)
        room *= 2

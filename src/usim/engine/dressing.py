"""Which pairs and glints of a dressed piece are worth a pair.

The same two sets as in `selection`: *resolved* are the strongest that hold the quality's share, among the mirrors and glints
seen through `near` pairs (legs of at most one reflection, all in `fine`); a sample of the rest is *texture*: mirrors of other pairs one by one, while a drawn
pair without glints of its own draws one of those that light up for it, in proportion to their energy.

Candidates are numbered: first the mirrors of all pairs, then glints; `whose` says which near pair and which glint.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.glints import COLUMNS, HEIGHT, SHARPNESS, SLIP, WEIGHT
from usim.engine.legs import Legs
from usim.engine.lobes import INSTANTS, _cosines, _drawn, in_reach, lobe_of, mirror_normal
from usim.engine.selection import (
    HYSTERESIS,
    TEXTURE_LEAST,
    TEXTURE_SHARE,
    Chosen,
    Quality,
    _ranks,
    _threshold,
    apart,
    epochs_in,
    permanent,
)
from usim.engine.slab import f32
from usim.physics.jit import kernel
from usim.physics.wrinkles import DIFFUSE, Glints

LEAST_SHARE = 1e-4  # of a piece's energy that a candidate has somewhere in the epoch, at the middle of its lobe
GLINT_SEED = 1  # added for the numbers that draw glints
GLINTS = 4096  # that there is room for at first


@kernel
def _seen(table, t, pair, sources, middles, out):
    """Fill out (4,) with the `mirror_normal` of a pair."""
    i, j = pair // middles.shape[0], pair % middles.shape[0]
    mirror_normal(table, t, sources[i, 0], sources[i, 1], sources[i, 2], middles[j, 0], middles[j, 1], middles[j, 2], out)  # fmt: skip


@kernel(allocates=True)
def _candidates(
    energy, shares, near, table, square, sources, middles, glints, columns, heights, depth, epoch, normals, values, whose,
):  # fmt: skip
    """Return (number of candidates, values, whose): energies (n, INSTANTS) of mirrors, then of glints that light up for near pairs.

    normals (P, INSTANTS, 4): of near pairs; what they were at the end of the epoch before is read.  values and whose (glint, 2) are
    written, or copied where they have no room.
    """
    many, narrow, first = energy.shape[0], heights.shape[0], 2 + 2 * epoch
    nearest = np.empty(narrow, np.float32)
    aligned = f32(1.0 - 0.5 * depth / glints[0, SHARPNESS]) if narrow > 0 else f32(0.0)
    three = np.empty(INSTANTS, np.float32)
    least = np.empty(INSTANTS)
    for e in range(INSTANTS):
        total = 0.0
        for n in range(many):
            total += energy[n, first + e]
            values[n, e] = energy[n, first + e] * shares[n, first + e]
        least[e] = LEAST_SHARE * math.exp(-depth) * total
    at = many
    for p in range(near.shape[0]):
        n = near[p]
        for e in range(INSTANTS):
            if e == 0 and epoch >= 0:
                for axis in range(4):
                    normals[p, 0, axis] = normals[p, INSTANTS - 1, axis]
            else:
                _seen(table, first + e, n, sources, middles, normals[p, e])
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
            if not enough:
                continue
            if at == values.shape[0]:
                longer = np.empty((2 * at - many, INSTANTS), np.float32)
                more = np.empty((longer.shape[0] - many, 2), np.int64)
                for old in range(at):  # whole arrays take half a minute to compile
                    for e in range(INSTANTS):
                        longer[old, e] = values[old, e]
                for old in range(at - many):
                    more[old, 0], more[old, 1] = whose[old, 0], whose[old, 1]
                values, whose = longer, more
            values[at, 0], values[at, 1], values[at, 2] = three[0], three[1], three[2]
            whose[at - many, 0], whose[at - many, 1] = p, g
            at += 1
    return at, values, whose


@kernel
def _near_ranks(values, is_near, rank):
    """Write each candidate's share of the energy of those seen through near pairs into rank; none for mirrors of other pairs."""
    _ranks(values, 0, rank)
    total = 0.0
    for n in range(rank.shape[0]):
        if n < is_near.shape[0] and not is_near[n]:
            rank[n] = 0.0
        total += rank[n]
    scale = 1.0 / total if total > 0.0 else 0.0
    for n in range(rank.shape[0]):
        rank[n] *= scale


@kernel
def _take(rank, floor, whose, mirrors, seen, taken):
    """Write which candidates are resolved into taken (n,); those above the floor are kept in mirrors (pair,) and seen (P, glint) for the next epoch."""
    many = mirrors.shape[0]
    for n in range(rank.shape[0]):
        before = mirrors[n] if n < many else seen[whose[n - many, 0], whose[n - many, 1]]
        taken[n] = rank[n] > 0.0 and rank[n] * (HYSTERESIS if before else 1.0) >= floor
    seen[:] = False
    for n in range(rank.shape[0]):
        above = rank[n] > 0.0 and rank[n] >= floor
        if n < many:
            mirrors[n] = above
        elif above:
            seen[whose[n - many, 0], whose[n - many, 1]] = True


@kernel
def _list(pairs, used, pair, images, glint):
    """Write one line of pairs (n, 3)."""
    pairs[used, 0], pairs[used, 1], pairs[used, 2] = pair // images, pair % images, glint


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


@kernel(allocates=True)
def _texture(
    energy, shares, near, is_near, table, square, sources, middles, glints, heights, diffuse, depth, first, seed, values, whose, taken, step, sums, pairs, weight, group, used,
):  # fmt: skip
    """List a sample of what is not resolved, one line for every `step` of energy in the mean; return the number of lines, -1 where there is no room.

    After the candidates come, pair by pair, the glints that are none: of these a drawn pair draws one.  sums (glint,): scratch.
    """
    many, at, images = energy.shape[0], taken.shape[0], middles.shape[0]
    one = np.empty((INSTANTS, 4))
    for number in range(at + many):
        unlisted = number >= at
        n = number - at if unlisted else number
        pair, glint, chance = n, -1, 1.0
        if unlisted:
            mean = _unlisted(energy, shares, n, first, is_near[n], diffuse)
        elif taken[n]:
            continue
        else:
            mean = np.float64(values[n, 0] + values[n, 1] + values[n, 2])
            if n >= many:
                pair, glint = near[whose[n - many, 0]], whose[n - many, 1]
        if mean <= 0.0 or permanent(seed, _place(pair, glint, unlisted, many)) * step >= mean:
            continue
        if unlisted:
            for e in range(INSTANTS):
                _seen(table, first + e, n, sources, middles, one[e])
            mark = permanent(seed + GLINT_SEED, n)
            glint, chance = _drawn(energy, shares, n, first, one, square, glints, heights, depth, is_near[n], mark, sums)  # fmt: skip
            if glint < 0:
                continue
        if used == pairs.shape[0]:
            return -1
        _list(pairs, used, pair, images, glint)
        weight[used] = math.sqrt(max(step / mean, 1.0) / chance)
        group[used] = 1
        used += 1
    return used


@kernel
def _place(pair, glint, unlisted, many):
    """Return which permanent number a pair's mirror (glint -1), one of its glints, or all of those that are not listed draw with."""
    return pair + many * (0 if unlisted else glint + 2)


@kernel(allocates=True)
def choose_dressed(
    energy, shares, near, table, square, sources, middles, glints, columns, heights, diffuse, depth, share, seed, pairs, weight, group, counts, held_shares,
):  # fmt: skip
    """Choose mirror pairs and glints of consecutive epochs; fill pairs (n, 3), weight, group and, per epoch, counts and shares resolved.

    energy (I * J, K) of the smooth piece and shares (I * J, K) of it that stay in the mirror, at instants: epoch number e sees instants
    2 + 2e to 4 + 2e, so the first two are those of the epoch before.  near (P,): pairs whose glints may be resolved.  table (25, K): poses; square
    (3,): of the semi-axes; sources (I, 3), middles (J, 3) in m.  glints (G, COLUMNS), the first of them sorted by the third component of their
    normal, columns (3, n) their normals in float32, heights (n,); the others are diffuse and hold the share `diffuse` of energy.  depth: see `lobe_of`.  seed: see `choose`.
    Returns the number filled, or -1 where there is no room.
    """
    many, narrow, images = energy.shape[0], heights.shape[0], middles.shape[0]
    is_near, mirrors = np.zeros(many, np.bool_), np.zeros(many, np.bool_)
    for p in range(near.shape[0]):
        is_near[near[p]] = True
    seen = np.zeros((near.shape[0], narrow), np.bool_)
    normals = np.empty((near.shape[0], INSTANTS, 4))
    values = np.empty((many + GLINTS, INSTANTS), np.float32)
    whose = np.empty((GLINTS, 2), np.int64)
    sums = np.empty(glints.shape[0])
    used = 0
    for epoch in range(-1, counts.shape[0]):
        at, values, whose = _candidates(energy, shares, near, table, square, sources, middles, glints, columns, heights, depth, epoch, normals, values, whose)  # fmt: skip
        rank, taken = np.empty(at), np.empty(at, np.bool_)
        _near_ranks(values[:at], is_near, rank)
        floor = _threshold(rank, share)
        _take(rank, floor, whose, mirrors, seen, taken)
        if epoch < 0:
            continue
        first, start = 2 + 2 * epoch, used
        held, rest, beyond = 0.0, 0.0, 0.0
        for n in range(at):
            mean = values[n, 0] + values[n, 1] + values[n, 2]
            if not taken[n]:
                if n < many and not is_near[n]:
                    beyond += mean
                else:
                    rest += mean
                continue
            if used == pairs.shape[0]:
                return -1
            if n < many:
                _list(pairs, used, n, images, -1)
            else:
                _list(pairs, used, near[whose[n - many, 0]], images, whose[n - many, 1])
            weight[used], group[used] = 1.0, 0
            used += 1
            held += mean
        held_shares[epoch] = held / (held + rest) if held + rest > 0.0 else 1.0
        rest += beyond
        for n in range(many):
            rest += _unlisted(energy, shares, n, first, is_near[n], diffuse)
        if rest > 0.0:
            step = rest / max(TEXTURE_LEAST, int(TEXTURE_SHARE * (used - start)))
            used = _texture(energy, shares, near, is_near, table, square, sources, middles, glints, heights, diffuse, depth, first, seed, values, whose, taken, step, sums, pairs, weight, group, used)  # fmt: skip
            if used < 0:
                return -1
        counts[epoch] = used - start
    return used


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
    seed: int,
) -> list[Chosen]:
    """Return the choices of consecutive epochs of a dressed piece; see `choose_dressed`."""
    images = np.flatnonzero(legs.maps.order <= quality.glint_order)
    near = (images[:, None] * len(legs) + images[None, :]).ravel()
    columns = np.ascontiguousarray(glints[glints[:, SHARPNESS] > 0.0, :3].T)
    epochs = epochs_in(energy)
    counts, held = np.zeros(epochs, np.int64), np.zeros(epochs)
    room = 2 * len(energy) * epochs
    while True:
        pairs, weight = np.empty((room, 3), np.int64), np.empty(room, np.float32)
        group = np.empty(room, np.int64)
        filled = choose_dressed(
            energy, shares, near, table, np.asarray(size_m, float) ** 2, legs.sources[driver], legs.middles, glints, columns.astype(np.float32), columns[2], DIFFUSE,
            quality.lobe_depth, quality.share, seed, pairs, weight, group, counts, held,
        )  # fmt: skip
        if filled >= 0:
            return apart(pairs, weight, group, counts, held)
        room *= 2

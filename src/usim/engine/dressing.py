"""Which pairs and glints of a dressed piece are worth a pair.

The same two sets as in `selection`: *resolved* are the strongest that hold the quality's share, among the mirrors and glints
seen through `near` pairs (legs of at most one reflection, all in `fine`); a sample of the rest is *texture*: mirrors of other pairs one by one, while a drawn
pair without glints of its own draws one of those that light up for it, in proportion to their energy.

Candidates are numbered: first the mirrors of near pairs, then glints; `whose` says which near pair and which glint.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.glints import COLUMNS, HEIGHT, SHARPNESS, SLIP, WEIGHT
from usim.engine.legs import Legs
from usim.engine.lobes import (
    DEPTH,
    GAIN,
    INSTANTS,
    PEAK,
    STEPS,
    VIEW,
    WIDTH,
    draw,
    lit,
    lobes_of,
    see,
)
from usim.engine.selection import (
    BINS,
    HYSTERESIS,
    Chosen,
    Quality,
    apart,
    epochs_in,
    permanent,
    ranks,
    threshold,
    total,
)
from usim.engine.slab import LANES, ONE, f32
from usim.physics.jit import kernel
from usim.physics.wrinkles import DIFFUSE, Glints

LEAST_SHARE = 1e-4  # of a piece's energy that a candidate has somewhere in the epoch, at the middle of its lobe
# texture lines drawn: a second at least, for the shorter an epoch, the fewer it needs; and per resolved line, of which glints make more than bare pieces have
TEXTURE_RATE, TEXTURE_SHARE = 37.5, 0.04
GLINT_SEED = 1  # added for the numbers that draw glints
GLINTS = 4096  # that there is room for at first
NO_LINES, NO_GLINTS = -1, -2  # what there was no room for
MIRROR = np.int64(-1)  # in the place of a glint


@kernel(apart=True)
def _candidates(
    energy, shares, near, views, columns, columns32, lobe, first, least, wholes, limits, excess, which, room, mean, whose,
):  # fmt: skip
    """Write energies of mirrors of near pairs, then of glints that light up for them, over an epoch's instants into mean (n,); return how many.

    views (block, INSTANTS, VIEW): of near pairs, WIDTH in a block; instant t stands at t % INSTANTS, in least (INSTANTS,) as well.  whose (n, 2): which near pair, and which glint or -1.  least (INSTANTS,): energy of which a glint must have more at one instant.  wholes,
    limits (INSTANTS,), excess, which (glint,), room: scratch, see `lit`.  NO_GLINTS where there is no room.
    """
    at = near.shape[0]
    a, b, c = first % INSTANTS, (first + 1) % INSTANTS, (first + 2) % INSTANTS
    for p in range(near.shape[0]):
        n = near[p]
        view, lane = views[p // WIDTH], p % WIDTH
        mean[p] = energy[first, n] * shares[first, n]
        mean[p] += energy[first + 1, n] * shares[first + 1, n]
        mean[p] += energy[first + 2, n] * shares[first + 2, n]
        whose[p, 0], whose[p, 1] = p, -1
        for t in range(first, first + INSTANTS):
            e = t % INSTANTS
            wholes[e] = energy[t, n] * (ONE - shares[t, n])
            bright = wholes[e] * view[e, GAIN + lane] * lobe[PEAK]
            # on the safe side
            limits[e] = min(math.log(bright / least[e]) + 1e-6, lobe[DEPTH]) if bright > least[e] else 0.0  # fmt: skip
        count = lit(view, lane, limits, columns, columns32, lobe, excess, which, room)
        if at + count > mean.shape[0]:
            return NO_GLINTS
        for g in range(count):
            va = f32(wholes[a] * f32(room[3 + a, g]))
            vb = f32(wholes[b] * f32(room[3 + b, g]))
            vc = f32(wholes[c] * f32(room[3 + c, g]))
            mean[at] = va + vb + vc
            whose[at, 0], whose[at, 1] = p, which[g]
            at += va > least[a] or vb > least[b] or vc > least[c]
    return at


@kernel
def _take(mean, share, whose, bins, rank, seen, taken):
    """Write which candidates, energies mean (n,), are resolved into taken (n,); those above the floor are kept in seen (P, 1 + glint), mirrors first, for the next epoch.

    bins, rank: scratch, see `threshold`.
    """
    ranks(mean, rank)
    floor = threshold(rank[: mean.shape[0]], share, bins)
    for n in range(mean.shape[0]):
        before = seen[whose[n, 0], 1 + whose[n, 1]]
        taken[n] = rank[n] > 0.0 and rank[n] * (HYSTERESIS if before else 1.0) >= floor
    for p in range(seen.shape[0]):
        for g in range(seen.shape[1]):
            seen[p, g] = False
    for n in range(mean.shape[0]):
        if rank[n] > 0.0 and rank[n] >= floor:
            seen[whose[n, 0], 1 + whose[n, 1]] = True


@kernel
def _list(pairs, used, pair, images, glint):
    """Write one line of pairs (n, 3)."""
    pairs[used, 0], pairs[used, 1], pairs[used, 2] = pair // images, pair % images, glint


@kernel
def _others(energy, shares, near, first, diffuse, mirrors, unlisted):
    """Write energies (pair,) over an epoch's instants: mirrors of pairs that are not near, and glints that are no candidates: the diffuse ones, and all of pairs not near."""
    for n in range(mirrors.shape[0]):
        mirrors[n], unlisted[n] = 0.0, 0.0
    for t in range(first, first + INSTANTS):
        whole, share = energy[t], shares[t]
        for n in range(mirrors.shape[0]):
            mirrors[n] += whole[n] * share[n]
            unlisted[n] += whole[n] * (ONE - share[n] + f32(diffuse))
    for p in range(near.shape[0]):
        n = near[p]
        mirrors[n] = 0.0
        unlisted[n] = (energy[first, n] + energy[first + 1, n] + energy[first + 2, n]) * f32(diffuse)  # fmt: skip


@kernel(apart=True)
def _texture(
    energy, shares, near, is_near, table, square, sources, middles, steps, columns, columns32, lobe, first, seed, numbers, mean, whose, taken, mirrors, unlisted, step,
    view, wholes, rough, limits, excess, which, room, sums, hits, pairs, weight, group, used,
):  # fmt: skip
    """List a sample of what is not resolved, one line for every `step` of energy in the mean; return the number of lines, NO_LINES where there is no room.

    After mirrors and candidates come, pair by pair, the glints that are none: of these a drawn pair draws one.  numbers (2 * I * J,): permanent
    numbers, see `_place`; mirrors, unlisted: see `_others`, with near pairs' mirrors that are not taken.  The rest: scratch.
    """
    many, images, start = mirrors.shape[0], middles.shape[0], used
    for n in range(many):
        if numbers[many + n] * step < mirrors[n]:
            if used == pairs.shape[0]:
                return NO_LINES
            _list(pairs, used, n, images, MIRROR)
            weight[used] = math.sqrt(max(step / mirrors[n], 1.0))
            used += 1
    for n in range(near.shape[0], taken.shape[0]):
        pair, glint = near[whose[n, 0]], whose[n, 1]
        if not taken[n] and permanent(seed, _place(pair, glint, False, many)) * step < mean[n]:
            if used == pairs.shape[0]:
                return NO_LINES
            _list(pairs, used, pair, images, glint)
            weight[used] = math.sqrt(max(step / mean[n], 1.0))
            used += 1
    count = 0
    for n in range(many):
        if numbers[n] * step < unlisted[n]:
            hits[count] = n
            count += 1
    if used + count > pairs.shape[0]:
        return NO_LINES
    for e in range(view.shape[0]):
        limits[e] = lobe[DEPTH]
    for begin in range(0, count, WIDTH):
        some = hits[begin : min(begin + WIDTH, count)]
        for e in range(view.shape[0]):
            see(table, first + e, square, some, sources, middles, steps, view[e])
        for lane in range(some.shape[0]):
            n = some[lane]
            for e in range(view.shape[0]):
                wholes[e] = energy[first + e, n]
                rough[e] = wholes[e] * (1.0 - shares[first + e, n])
            narrow = 0 if is_near[n] else lit(view, lane, limits, columns, columns32, lobe, excess, which, room)  # fmt: skip
            mark = permanent(seed + GLINT_SEED, n)
            glint, chance = draw(view, lane, wholes, rough, narrow, columns, columns32.shape[1], lobe, mark, which, room, sums)  # fmt: skip
            if glint >= 0:
                _list(pairs, used, n, images, glint)
                weight[used] = math.sqrt(max(step / unlisted[n], 1.0) / chance)
                used += 1
    for line in range(start, used):
        group[line] = 1
    return used


@kernel
def _place(pair, glint, unlisted, many):
    """Return which permanent number a pair's mirror (glint -1), one of its glints, or all of those that are not listed draw with."""
    return pair + many * (0 if unlisted else glint + 2)


@kernel(allocates=True)
def choose_dressed(
    energy, shares, near, table, square, sources, middles, steps, columns, columns32, lobe, diffuse, share, fewest, seed, most, pairs, weight, group, counts, held_shares,
):  # fmt: skip
    """Choose mirror pairs and glints of consecutive epochs; fill pairs (n, 3), weight, group and, per epoch, counts and shares resolved.

    energy (K, I * J) of the smooth piece and shares (K, I * J) of it that stay in the mirror, at instants: epoch number e sees instants
    2 + 2e to 4 + 2e, so the first two are those of the epoch before.  near (P,): pairs whose glints may be resolved.  table (25, K): poses; square
    (3,): of the semi-axes; sources (I, 3), middles (J, 3) in m, steps: see `see`.  columns (3, G), columns32 (3, n), lobe: see `lit`; diffuse glints hold the
    share `diffuse` of energy.  fewest: texture lines drawn.  seed: see `choose`.  most: glints that there is room for.  Returns the number filled, NO_LINES or NO_GLINTS.
    """
    many, narrow, images = energy.shape[1], columns32.shape[1], middles.shape[0]
    is_near, seen = np.zeros(many, np.bool_), np.zeros((near.shape[0], 1 + narrow), np.bool_)
    for p in range(near.shape[0]):
        is_near[near[p]] = True
    numbers, hits = np.empty(2 * many), np.empty(many, np.int64)
    others = np.empty(2 * many, np.float32)
    mirrors, unlisted = others[:many], others[many:]
    blocks = (near.shape[0] + WIDTH - 1) // WIDTH
    views, view = np.empty((blocks, INSTANTS, VIEW)), np.empty((INSTANTS, VIEW))
    few, sums, bins = np.empty((4, INSTANTS)), np.empty(columns.shape[1]), np.empty(BINS)
    least, wholes, rough, limits = few[0], few[1], few[2], few[3]
    excess, which = np.empty(narrow, np.float32), np.empty(narrow + 1, np.int64)
    room = np.zeros((3 + INSTANTS, narrow + LANES))
    most += near.shape[0]
    mean, rank, taken = np.empty(most, np.float32), np.empty(most), np.empty(most, np.bool_)
    whose = np.empty((most, 2), np.int64)
    for n in range(2 * many):
        numbers[n] = permanent(seed, n)
    used = np.int64(0)
    for epoch in range(-1, counts.shape[0]):
        first, start = 2 + 2 * epoch, used
        for t in range(
            first + (epoch >= 0), first + INSTANTS
        ):  # the first is the last of the epoch before
            least[t % INSTANTS] = LEAST_SHARE * math.exp(-lobe[DEPTH]) * total(energy[t])
            for block in range(views.shape[0]):
                some = near[block * WIDTH : (block + 1) * WIDTH]
                see(table, t, square, some, sources, middles, steps, views[block, t % INSTANTS])
        at = _candidates(energy, shares, near, views, columns, columns32, lobe, first, least, wholes, limits, excess, which, room, mean, whose)  # fmt: skip
        if at < 0:
            return NO_GLINTS
        _take(mean[:at], share, whose, bins, rank, seen, taken)
        if epoch < 0:
            continue
        _others(energy, shares, near, first, diffuse, mirrors, unlisted)
        held, rest = 0.0, 0.0
        for n in range(at):
            if not taken[n]:
                rest += mean[n]
                continue
            if used == pairs.shape[0]:
                return NO_LINES
            _list(pairs, used, near[whose[n, 0]], images, whose[n, 1])
            weight[used], group[used] = 1.0, 0
            used += 1
            held += mean[n]
        held_shares[epoch] = held / (held + rest) if held + rest > 0.0 else 1.0
        rest += total(others)
        for p in range(near.shape[0]):
            if not taken[p]:
                mirrors[near[p]] = mean[p]
        if rest > 0.0:
            step = rest / max(fewest, int(TEXTURE_SHARE * (used - start)))
            used = _texture(
                energy, shares, near, is_near, table, square, sources, middles, steps, columns, columns32, lobe, first, seed, numbers, mean, whose, taken[:at], mirrors, unlisted, step,
                view, wholes, rough, limits, excess, which, room, sums, hits, pairs, weight, group, used,
            )  # fmt: skip
            if used < 0:
                return NO_LINES
        counts[epoch] = used - start
    return used


def texture_least(lasts_s: float) -> int:
    """Return how many texture lines an epoch draws at least."""
    return max(round(TEXTURE_RATE * lasts_s), 1)


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
    lasts_s: float,
) -> list[Chosen]:
    """Return the choices of consecutive epochs of a dressed piece, each of which lasts so long; see `choose_dressed`."""
    images = np.flatnonzero(legs.maps.order <= quality.glint_order)
    near = (images[:, None] * len(legs) + images[None, :]).ravel()
    columns = np.ascontiguousarray(glints[:, :3].T)
    narrow = np.count_nonzero(glints[:, SHARPNESS])
    epochs = epochs_in(energy)
    counts, held = np.zeros(epochs, np.int64), np.zeros(epochs)
    room, most = 2 * energy.shape[1] * epochs, GLINTS
    while True:
        pairs, weight = np.empty((room, 3), np.int64), np.empty(room, np.float32)
        group = np.empty(room, np.int64)
        filled = choose_dressed(
            energy, shares, near, table, np.asarray(size_m, float) ** 2, legs.sources[driver], legs.middles, STEPS, columns, columns[:, :narrow].astype(np.float32),
            lobes_of(glints, quality.lobe_depth), DIFFUSE, quality.share, texture_least(lasts_s), seed, most, pairs, weight, group, counts, held,
        )  # fmt: skip
        if filled >= 0:
            return apart(pairs, weight, group, counts, held)
        if filled == NO_LINES:
            room *= 2
        else:
            most *= 2

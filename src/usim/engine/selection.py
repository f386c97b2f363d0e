"""Which pairs are worth a pair: the resolved set, and a sample of the rest that keeps its energy and spectrum.

In every epoch the strongest pairs that hold the quality's share of a piece's echo energy are *resolved*: evaluated one by one.  The
rest is *texture*.  Summing it leg by leg about the piece's centre would misplace the Doppler of limbs that turn (the support function of
a pair is not a sum over its legs), so texture is a systematic sample of the remaining pairs, drawn with probability proportional to
energy and weighted by the inverse root of it (Horvitz and Thompson 1952; Madow 1949): energy and Doppler spectrum are right in the mean, and one
kernel serves both sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.engine.legs import Band, Legs
from usim.engine.pairs import (
    LANES, LONG_SLAB, ROW, SLAB, _first_normal, f32, pair_gain, pair_paths, patterned,
)  # fmt: skip
from usim.physics.jit import kernel

BINS = 400
BIN_DB = 0.25  # energies are ranked to this; 100 dB in all
HYSTERESIS = 10**0.1  # a pair that was resolved in the epoch before counts 1 dB more
TEXTURE_SHARE = 0.1  # texture pairs drawn per resolved pair
TEXTURE_LEAST = 24


@dataclass(frozen=True)
class Quality:
    """One word and two promises: share of energy resolved, orders, and how often gains are evaluated."""

    name: str
    order: int
    share: float  # of a piece's echo energy held by the resolved set
    newton_steps: int
    gain_ratio: int  # knots of phase per knot of gain
    together: bool  # microphones share the middle's phase polynomial


QUALITIES = {
    "draft": Quality("draft", 2, 0.90, 2, 4, True),
    "standard": Quality("standard", 3, 0.97, 2, 4, True),
    "fine": Quality("fine", 3, 1.0, 4, 2, False),
}


@dataclass(frozen=True)
class Chosen:
    """The pairs of one epoch: pairs (n, 2), weight (n,), group (n,) 0 for resolved and 1 for texture, and the share resolved."""

    pairs: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    share: float


@kernel
def pair_energies(
    s, d, count, sources, source_axes, source_walls, source_normals, middles, target_axes, target_walls, target_normals, walls, skin,
    beam, port, absorption, energy,
):  # fmt: skip
    """Fill energy (I, J, count): the squared gain of every pair at `count` instants, at the middle of the microphones."""
    wide = (count + LANES - 1) // LANES * LANES
    g_re = np.empty(ROW, np.float32)
    g_im = np.empty(ROW, np.float32)
    for i in range(sources.shape[0]):
        sx, sy, sz = sources[i, 0], sources[i, 1], sources[i, 2]
        for j in range(middles.shape[0]):
            mx, my, mz = middles[j, 0], middles[j, 1], middles[j, 2]
            _first_normal(s, f32(sx), f32(sy), f32(sz), f32(mx), f32(my), f32(mz), wide)
            pair_paths(s, d, sx, sy, sz, mx, my, mz, 1, wide)
            pair_gain(
                s, sx, sy, sz, mx, my, mz, source_walls[i], source_normals[i], target_walls[j], target_normals[j], walls, skin,
                f32(absorption), wide,
            )  # fmt: skip
            patterned(s, beam, port, source_axes[i], target_axes[j], g_re, g_im, wide)
            for k in range(count):
                energy[i, j, k] = g_re[k] * g_re[k] + g_im[k] * g_im[k]


@kernel
def _ranks(energy, first, rank):
    """Write each pair's largest share of the energy at three instants into rank; return the totals."""
    pairs = energy.shape[0]
    total = np.zeros(3)
    for n in range(pairs):
        for e in range(3):
            total[e] += energy[n, first + e]
    for n in range(pairs):
        best = 0.0
        for e in range(3):
            if total[e] > 0.0:
                best = max(best, energy[n, first + e] / total[e])
        rank[n] = best
    return total


@kernel
def _threshold(energy, first, rank, total, share):
    """Return the rank above which pairs hold the share of the energy at each of the three instants."""
    held = np.zeros((BINS, 3))
    for n in range(rank.shape[0]):
        if rank[n] <= 0.0:
            continue
        bin_ = int(-10.0 / BIN_DB * np.log10(rank[n]))
        bin_ = min(max(bin_, 0), BINS - 1)
        for e in range(3):
            held[bin_, e] += energy[n, first + e]
    sums = np.zeros(3)
    for b in range(BINS):
        enough = True
        for e in range(3):
            sums[e] += held[b, e]
            if sums[e] < share * total[e]:
                enough = False
        if enough:
            return 10.0 ** (-(b + 1) * BIN_DB / 10.0)
    return 0.0


@kernel
def choose(energy, first, share, draw, pairs, weight, group, order):
    """Choose the pairs of the epoch whose instants are first, first + 1, first + 2; return (count, energy share resolved).

    energy (I * J, instants).  draw: one uniform number for the systematic sample of the texture.  The instants of the epoch before are
    first - 2 .. first.  pairs, weight, group: written.  order: number of images J.
    """
    many = energy.shape[0]
    rank = np.empty(many)
    before = np.zeros(many, np.bool_)
    if first >= 2:
        total = _ranks(energy, first - 2, rank)
        floor = _threshold(energy, first - 2, rank, total, share)
        for n in range(many):
            before[n] = rank[n] >= floor and rank[n] > 0.0
    total = _ranks(energy, first, rank)
    floor = _threshold(energy, first, rank, total, share)
    if share >= 1.0:
        for n in range(many):
            pairs[n, 0] = n // order
            pairs[n, 1] = n % order
            weight[n] = 1.0
            group[n] = 0
        return many, 1.0
    count = 0
    rest = 0.0
    held = 0.0
    whole = 0.0
    for n in range(many):
        mean = energy[n, first] + energy[n, first + 1] + energy[n, first + 2]
        whole += mean
        if rank[n] > 0.0 and rank[n] * (HYSTERESIS if before[n] else 1.0) >= floor:
            pairs[count, 0] = n // order
            pairs[count, 1] = n % order
            weight[count] = 1.0
            group[count] = 0
            held += mean
            count += 1
            rank[n] = -1.0
        else:
            rest += mean
    wanted = max(TEXTURE_LEAST, int(TEXTURE_SHARE * count))
    if rest <= 0.0:
        return count, 1.0
    step = rest / wanted
    mark = draw * step
    passed = 0.0
    for n in range(many):
        if rank[n] < 0.0:
            continue
        mean = energy[n, first] + energy[n, first + 1] + energy[n, first + 2]
        if mean <= 0.0:
            continue
        passed += mean
        if mark < passed:
            pairs[count, 0] = n // order
            pairs[count, 1] = n % order
            weight[count] = np.sqrt(max(step / mean, 1.0))
            group[count] = 1
            count += 1
            while mark < passed:
                mark += step
    return count, held / whole


def energies(place: np.ndarray, rotation: np.ndarray, size_m: np.ndarray, skin: np.ndarray, legs: Legs, cost: Band, driver: int) -> np.ndarray:
    """Return the energies (I * J, time) of all pairs of one piece at instants: place (time, 3) m, rotation (time, 3, 3), size_m (3,)."""
    many = len(place)
    out = np.empty((len(legs) ** 2, many), np.float32)
    axes = np.ascontiguousarray(legs.target_axes[:, 0], np.float32)
    middles = np.ascontiguousarray(legs.targets.mean(axis=1))
    for start in range(0, many, ROW):
        stop = min(start + ROW, many)
        short, long = slabs(pose_table(place[start:stop], rotation[start:stop], size_m))
        block = np.empty((len(legs), len(legs), stop - start), np.float32)
        pair_energies(
            short, long, stop - start, legs.sources[driver], legs.source_axes[driver].astype(np.float32), legs.walls, legs.normals, middles,
            axes, legs.walls, legs.normals, cost.walls, skin, cost.beams[driver, 0], cost.ports[0], cost.absorption_np_m, block,
        )  # fmt: skip
        out[:, start:stop] = block.reshape(len(legs) ** 2, stop - start)
    return out


def pose_table(place: np.ndarray, rotation: np.ndarray, size_m: np.ndarray) -> np.ndarray:
    """Return (15, K): centre, Q diag(a^2) Q' and Q diag(a^-2) Q' (xx yy zz xy xz yz) of one piece on K knots.

    place (K, 3) m, rotation (K, 3, 3), size_m (3,): semi-axes.
    """
    six = ([0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2])
    square = size_m * size_m
    spread = np.einsum("kij,j,klj->kil", rotation, square, rotation)
    shape = np.einsum("kij,j,klj->kil", rotation, 1.0 / square, rotation)
    return np.concatenate([place.T, spread[:, six[0], six[1]].T, shape[:, six[0], six[1]].T])


def slabs(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the float32 and float64 slabs that hold a pose table (15, K), K <= ROW."""
    count = table.shape[1]
    short = np.zeros((SLAB // ROW, ROW), np.float32)
    long = np.zeros((LONG_SLAB // ROW, ROW))
    for slab, rows in ((short, 15), (long, 9)):
        slab[:rows, :count] = table[:rows]
        slab[:rows, count:] = table[:rows, -1:]
    return short.ravel(), long.ravel()

"""Which pairs are worth a pair: the resolved set, and a sample of the rest that keeps its energy and spectrum.

In every epoch the strongest pairs that hold the quality's share of a piece's echo energy are *resolved*: evaluated one by one.  The
rest is *texture*.  Summing it leg by leg about the piece's centre would misplace the Doppler of limbs that turn (the support function of
a pair is not a sum over its legs), so texture is a sample of the remaining pairs, drawn with probability proportional to
energy and weighted by the inverse root of it (Horvitz and Thompson 1952): energy and Doppler spectrum are right in the mean, and one
kernel serves both sets.  Every pair draws with a permanent number of its own (Brewer, Early and Joyce 1972), so who sits still
keeps the same sample from epoch to epoch: drawn anew, it would sound like a motion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from usim.engine.legs import Band, Legs
from usim.engine.slab import ONE, WALL_NODES, f32, faded, whole_lanes
from usim.engine.veils import has_sheets, is_veiled, passes_at, sends_at
from usim.movers.base import Poses
from usim.physics.jit import kernel

PER_OCTAVE = 8  # energies are ranked to about 0.4 dB
BINS = 34 * PER_OCTAVE  # over 100 dB
HYSTERESIS = 10**0.1  # a pair that was resolved in the epoch before counts 1 dB more
TEXTURE_SHARE = 0.1  # texture pairs drawn per resolved pair
TEXTURE_LEAST = 24
# of a symmetric matrix, as `pose_table` lists them
ENTRIES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class Quality:
    """One word and two promises: share of energy resolved, orders, and how often gains are evaluated."""

    name: str
    order: int
    share: float  # of a piece's echo energy held by the resolved set
    newton_steps: int
    gain_turn: float  # rad, see motion.GAIN_TURN
    together: bool  # microphones share the middle's phase polynomial
    glint_order: int  # the most reflections of a leg through which glints are resolved
    lobe_turn: float  # how far a lobe turns in a block, in its own standard deviations
    lobe_depth: float  # neper of energy below the middle of a lobe at which a glint is not counted
    shading: tuple[float, int]  # see `shadowing.stretches`


QUALITIES = {
    "draft": Quality("draft", 2, 0.90, 1, 2.8, True, 1, 1.2, 4.6, (3e-4, 125)),
    "standard": Quality("standard", 3, 0.97, 1, 2.2, True, 1, 0.8, 4.6, (1e-5, 125)),
    "fine": Quality("fine", 3, 1.0, 3, 0.35, False, 3, 0.3, 13.8, (1e-7, 250)),
}


@dataclass(frozen=True)
class Chosen:
    """The pairs of one epoch: pairs (n, 3) of images and glint (-1: the mirror), weight (n,), group (n,) 0 for resolved and 1 for texture, and the share resolved."""

    pairs: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    share: float


@kernel
def _leg_powers(place, ends, axes, chains, waves, walls, pattern, count, rows):
    """Fill rows (leg, 5, K): unit vector from the piece's centre to the leg's end, 1/r, and the leg's power without 1/r^2.

    pattern (parts, D): Chebyshev series of the cosine about the mirrored axis, whose squares are summed.  chains: see `Legs.chains`; waves: per metre.
    """
    hits, normals = chains[0], chains[1]
    for leg in range(ends.shape[0]):
        for k in range(count):
            x, y, z = (
                ends[leg, 0] - place[0, k],
                ends[leg, 1] - place[1, k],
                ends[leg, 2] - place[2, k],
            )
            inverse = 1.0 / math.sqrt(x * x + y * y + z * z)
            ux, uy, uz = x * inverse, y * inverse, z * inverse
            power = 1.0
            for hit in range(hits.shape[1]):
                wall = hits[leg, hit]
                if wall < 0:
                    break
                cosine = abs(
                    ux * normals[leg, hit, 0]
                    + uy * normals[leg, hit, 1]
                    + uz * normals[leg, hit, 2]
                )
                node = int(math.sqrt(cosine) * (WALL_NODES - 1) + 0.5)
                power *= walls[wall, 0, node] ** 2 + walls[wall, 1, node] ** 2
            cosine = -(ux * axes[leg, 0] + uy * axes[leg, 1] + uz * axes[leg, 2])
            gain = 0.0
            for part in range(pattern.shape[0]):
                b1 = 0.0
                b2 = 0.0
                for d in range(pattern.shape[1] - 1, 0, -1):
                    b0 = 2.0 * cosine * b1 - b2 + pattern[part, d]
                    b2 = b1
                    b1 = b0
                value = cosine * b1 - b2 + pattern[part, 0]
                gain += value * value
            if is_veiled(chains[2], leg):
                passed = passes_at(chains[2], leg, place[0, k], place[1, k], place[2, k], ends[leg, 0], ends[leg, 1], ends[leg, 2], waves)  # fmt: skip
                gain *= passed * passed
                if has_sheets(chains[2], leg):
                    sent = sends_at(chains[2], leg, place[0, k], place[1, k], place[2, k], ends[leg, 0], ends[leg, 1], ends[leg, 2], waves, walls)  # fmt: skip
                    gain *= sent.real * sent.real + sent.imag * sent.imag
            rows[leg, 0, k] = ux
            rows[leg, 1, k] = uy
            rows[leg, 2, k] = uz
            rows[leg, 3, k] = inverse
            rows[leg, 4, k] = power * gain


@kernel(apart=True)
def pair_energies(table, volume, out_rows, back_rows, absorption, rough, row, energy, shares):
    """Fill energy (K, I, J): the squared gain of every pair at K instants, from its legs at the piece's centre; and what of it stays in the mirror.

    The mirror is taken as a sphere of the Gaussian curvature met at the bisector: within 1-2 dB of the pair's own, which is enough to
    rank it, and a texture pair's weight is right whatever its rank.  table (25, K), volume: a b c in m^3; out_rows (I, 5, K), back_rows (K, 5, n), row (n,):
    scratch, for J pairs in whole vectors; rough: 2 k times the rms of wrinkles; shares (K, I, J), or of no size where bare.
    """
    images = energy.shape[2]
    for k in range(energy.shape[0]):
        xx, yy, zz = table[3, k], table[4, k], table[5, k]
        xy, xz, yz = f32(2.0) * table[6, k], f32(2.0) * table[7, k], f32(2.0) * table[8, k]
        ux, uy, uz = back_rows[k, 0], back_rows[k, 1], back_rows[k, 2]
        inverse, power = back_rows[k, 3], back_rows[k, 4]
        for i in range(energy.shape[1]):
            ox, oy, oz = out_rows[i, 0, k], out_rows[i, 1, k], out_rows[i, 2, k]
            i1, out_power = out_rows[i, 3, k], out_rows[i, 4, k]
            for j in range(row.shape[0]):
                bx, by, bz = ox + ux[j], oy + uy[j], oz + uz[j]
                square = bx * bx + by * by + bz * bz + f32(1e-12)
                c = f32(0.5) * math.sqrt(square)
                support = bx * (xx * bx + (xy * by + xz * bz)) + by * (yy * by + yz * bz) + zz * bz * bz  # fmt: skip
                curve = support / (square * volume)  # root of the Gaussian curvature: h^2 / (a b c)
                i2 = inverse[j]
                s = i1 + i2
                fade = faded(c)
                # exp(-2 a r) by squaring: coarse, for ranking only
                loss = ONE / (ONE + absorption * f32(0.25) * (ONE / i1 + ONE / i2))
                loss = loss * loss
                loss = loss * loss
                loss = loss * loss
                way = (
                    i1
                    * i1
                    * i2
                    * i2
                    * c
                    / ((s + f32(2.0) * curve * c) * (s * c + f32(2.0) * curve))
                )
                row[j] = fade * fade * loss * way * out_power * power[j]
            for j in range(images):
                energy[k, i, j] = row[j]
            if shares.shape[0] > 0:
                for j in range(row.shape[0]):
                    bx, by, bz = ox + ux[j], oy + uy[j], oz + uz[j]
                    # exp(-(rough c)^2) by squaring
                    x = rough * rough * f32(0.25 / 16) * (bx * bx + by * by + bz * bz)
                    x = ONE - x * (ONE - x * (f32(0.5) - x * f32(1 / 6)))
                    x = x if x > f32(0.0) else f32(0.0)
                    x = x * x
                    x = x * x
                    x = x * x
                    row[j] = x * x
                for j in range(images):
                    shares[k, i, j] = row[j]


@kernel
def total(values):
    """Return the sum of values (n,), in four parts."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = values.shape[0] // 4 * 4
    for n in range(0, whole, 4):
        a += values[n]
        b += values[n + 1]
        c += values[n + 2]
        d += values[n + 3]
    for n in range(whole, values.shape[0]):
        a += values[n]
    return (a + b) + (c + d)


@kernel
def ranks(mean, rank):
    """Write the share of each of the energies mean (n,) into rank."""
    whole = total(mean)
    scale = 1.0 / whole if whole > 0.0 else 0.0
    for n in range(mean.shape[0]):
        rank[n] = mean[n] * scale
    return whole


@kernel
def threshold(rank, share, held):
    """Return the rank above which pairs hold the share of the energy; held (BINS,): scratch."""
    for number in range(BINS):
        held[number] = 0.0
    for n in range(rank.shape[0]):
        if rank[n] <= 0.0:
            continue
        mantissa, exponent = math.frexp(rank[n])
        # bins of a quarter of a factor of two, linear inside it
        number = int((1.0 - mantissa) * 2.0 * PER_OCTAVE) - exponent * PER_OCTAVE
        held[min(max(number, 0), BINS - 1)] += rank[n]
    passed = 0.0
    for number in range(BINS):
        passed += held[number]
        if passed >= share:
            octave = number // PER_OCTAVE
            inside = number - octave * PER_OCTAVE
            return math.ldexp(1.0 - (inside + 1) / (2.0 * PER_OCTAVE), -octave)
    return 0.0


@kernel
def permanent(seed, n):
    """Return the number in [0, 1) that pair n draws with, epoch after epoch: SplitMix64 (Steele, Lea and Flood 2014) of (seed, n)."""
    x = np.uint64(seed) + np.uint64(n + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = x ^ (x >> np.uint64(31))
    return np.float64(x >> np.uint64(11)) * 2.0**-53


@kernel
def _means(energy, first, mean):
    """Write the energies of pairs over three instants into mean (n,)."""
    a, b, c = energy[first], energy[first + 1], energy[first + 2]
    for n in range(mean.shape[0]):
        mean[n] = a[n] + b[n] + c[n]


@kernel(allocates=True)
def choose(energy, share, seed, images, pairs, weight, group, counts, shares):
    """Choose the pairs of consecutive epochs; fill pairs (n, 3), weight, group and, per epoch, counts and shares resolved.

    energy (instants, I * J): epoch number e sees instants 2 + 2e to 4 + 2e, so the first two are those of the epoch before.  seed:
    of the numbers that draw texture, see `permanent`.  images: J.
    """
    many = energy.shape[1]
    mean, rank, bins = np.empty(many, np.float32), np.empty(many), np.empty(BINS)
    before, taken = np.zeros(many, np.bool_), np.zeros(many, np.bool_)
    used = 0
    for epoch in range(-1, counts.shape[0]):
        _means(energy, 2 + 2 * epoch, mean)
        whole = ranks(mean, rank)
        floor = threshold(rank, share, bins)
        for n in range(many):
            bar = rank[n] * (HYSTERESIS if before[n] else 1.0)
            taken[n] = share >= 1.0 or (rank[n] > 0.0 and bar >= floor)
            before[n] = rank[n] > 0.0 and rank[n] >= floor
        if epoch < 0:
            continue
        start = used
        held, rest = 0.0, 0.0
        for n in range(many):
            if taken[n]:
                pairs[used, 0] = n // images
                pairs[used, 1] = n % images
                pairs[used, 2] = -1
                weight[used] = 1.0
                group[used] = 0
                held += mean[n]
                used += 1
            else:
                rest += mean[n]
        shares[epoch] = held / whole if whole > 0.0 else 1.0
        step = rest / max(TEXTURE_LEAST, int(TEXTURE_SHARE * (used - start)))
        for n in range(many):
            if not taken[n] and permanent(seed, n) * step < mean[n]:
                pairs[used, 0] = n // images
                pairs[used, 1] = n % images
                pairs[used, 2] = -1
                weight[used] = np.sqrt(max(step / mean[n], 1.0))
                group[used] = 1
                used += 1
        counts[epoch] = used - start


def chosen_epochs(energy: np.ndarray, quality: Quality, seed: int, images: int) -> list[Chosen]:
    """Return the choices of consecutive epochs; see `choose`."""
    epochs = epochs_in(energy)
    room = energy.shape[1] * epochs
    pairs, weight = np.empty((room, 3), np.int64), np.empty(room, np.float32)
    group, counts, shares = (
        np.empty(room, np.int64),
        np.zeros(epochs, np.int64),
        np.zeros(epochs),
    )
    choose(energy, quality.share, seed, images, pairs, weight, group, counts, shares)
    return apart(pairs, weight, group, counts, shares)


def epochs_in(energy: np.ndarray) -> int:
    """Return how many epochs energies (instants, n) stand for: two instants each, those of the epoch before, and the last end."""
    return (len(energy) - 3) // 2


def apart(pairs, weight, group, counts, shares) -> list[Chosen]:
    """Return choices epoch by epoch, sorted by the microphones' image; counts and shares (epoch,)."""
    out, start = [], 0
    for count, share in zip(counts.tolist(), shares.tolist(), strict=True):
        part = slice(start, start + count)
        # short numbers are sorted by their digits
        order = np.argsort(pairs[part, 1].astype(np.uint16), kind="stable")
        out.append(Chosen(pairs[part][order], weight[part][order], group[part][order], share))
        start += count
    return out


def energies(
    table: np.ndarray, size_m: np.ndarray, legs: Legs, cost: Band, driver: int
) -> np.ndarray:
    """Return the energies (I * J, time) of all pairs of one piece at instants, re 1 Pa at 1 m on axis, without the piece's own loss.

    table (25, time): see `pose_table`; size_m (3,): semi-axes.
    """
    return dressed_energies(table, size_m, legs, cost, driver, 0.0)[0].T


def dressed_energies(
    table: np.ndarray, size_m: np.ndarray, legs: Legs, cost: Band, driver: int, rms_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return energies (time, I * J), see `energies`, and the shares that stay in the mirror under wrinkles of some rms in m; of no size without."""
    count, images = table.shape[1], len(legs)
    out_rows, rows = (
        np.empty((images, 5, count), np.float32),
        np.empty((images, 5, count), np.float32),
    )
    centre = np.ascontiguousarray(table[:3])
    _leg_powers(
        centre, legs.sources[driver], legs.source_axes[driver], legs.chains, cost.turns_per_metre, cost.walls, cost.beams[driver, 0], count, out_rows
    )  # fmt: skip
    _leg_powers(
        centre, legs.middles, legs.target_axes[:, 0], legs.chains, cost.turns_per_metre, cost.walls, cost.ports[:1], count, rows
    )  # fmt: skip
    back_rows = np.ones((count, 5, whole_lanes(images)), np.float32)
    back_rows[:, :, :images] = rows.T
    energy = np.empty((count, images, images), np.float32)
    shares = np.empty((count if rms_m > 0.0 else 0, images, images), np.float32)
    pair_energies(
        table.astype(np.float32),
        f32(np.prod(size_m)),
        out_rows,
        back_rows,
        f32(cost.absorption_np_m),
        f32(4.0 * np.pi * cost.turns_per_metre * rms_m),
        np.empty(back_rows.shape[2], np.float32),
        energy,
        shares,
    )
    return energy.reshape(count, -1), shares.reshape(-1, images**2)


def leg_powers(
    place: np.ndarray,
    ends: np.ndarray,
    axes: np.ndarray,
    legs: Legs,
    cost: Band,
    pattern: np.ndarray,
) -> np.ndarray:
    """Return the powers (leg, K), without spreading and air, of legs from places (K, 3) to ends (leg, 3) in m; pattern: see `_leg_powers`."""
    rows = np.empty((len(legs), 5, len(place)), np.float32)
    centre = np.ascontiguousarray(place.T)
    _leg_powers(
        centre, ends, axes, legs.chains, cost.turns_per_metre, cost.walls, pattern, len(place), rows
    )
    return rows[:, 4]


@kernel
def _pose_table(place, rotation, square, bend, out):
    """Fill out (25, K), see `pose_table`; square (K, 3): of the semi-axes; bend (K,)."""
    for k in range(out.shape[1]):
        out[24, k] = bend[k]
        for i in range(3):
            out[i, k] = place[k, i]
            for j in range(3):
                out[15 + 3 * i + j, k] = rotation[k, i, j]
        for row in range(6):
            i, j = ENTRIES[row]
            x, y, z = (
                rotation[k, i, 0] * rotation[k, j, 0],
                rotation[k, i, 1] * rotation[k, j, 1],
                rotation[k, i, 2] * rotation[k, j, 2],
            )
            out[3 + row, k] = x * square[k, 0] + y * square[k, 1] + z * square[k, 2]
            out[9 + row, k] = x / square[k, 0] + y / square[k, 1] + z / square[k, 2]


def pose_table(
    place: np.ndarray, rotation: np.ndarray, size_m: np.ndarray, bend: np.ndarray | None = None
) -> np.ndarray:
    """Return (25, K): centre, Q diag(a^2) Q' and Q diag(a^-2) Q' (xx yy zz xy xz yz), Q by rows and bend of one piece on K knots.

    place (K, 3) m, rotation (K, 3, 3), size_m (3,) or (K, 3): semi-axes; bend (K,) rad.
    """
    out = np.empty((25, len(place)))
    square = np.ascontiguousarray(np.broadcast_to(size_m * size_m, (len(place), 3)))
    _pose_table(
        np.ascontiguousarray(place, float),
        np.ascontiguousarray(rotation, float),
        square,
        np.zeros(len(place)) if bend is None else np.ascontiguousarray(bend, float),
        out,
    )
    return out


@kernel
def _pose_tables(place, rotation, square, bend, pieces, out):
    """Fill out (epoch, n, 25, K) with the pose tables of some pieces (n,), epochs one after another; square (time, piece, 3): of the semi-axes."""
    knots = out.shape[3]
    for e in range(out.shape[0]):
        first, end = e * knots, (e + 1) * knots
        for n in range(out.shape[1]):
            p = pieces[n]
            _pose_table(
                place[first:end, p],
                rotation[first:end, p],
                square[first:end, p],
                bend[first:end, p],
                out[e, n],
            )


def pose_tables(
    poses: Poses, sizes_m: np.ndarray, pieces: tuple[int, ...], out: np.ndarray
) -> None:
    """Fill out (epoch, n, 25, K) with `pose_table` of some pieces (n,), from poses and semi-axes (time, piece, 3) of all, epoch * K times."""
    bend = poses.bend_rad
    _pose_tables(
        np.ascontiguousarray(poses.position_m, float),
        np.ascontiguousarray(poses.rotation, float),
        sizes_m * sizes_m,
        np.zeros(poses.position_m.shape[:2]) if bend is None else np.ascontiguousarray(bend, float),
        np.array(pieces),
        out,
    )

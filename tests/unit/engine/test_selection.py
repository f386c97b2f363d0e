"""Which pairs are summed: kernels beside their twins, and what the choice promises."""

import dataclasses
from itertools import product

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval

from unit.engine.crowd import ellipsoids, ends, mirror, tables
from usim.engine import selection
from usim.engine.legs import band, legs
from usim.engine.paths import listening
from usim.engine.selection import (
    BINS,
    HYSTERESIS,
    QUALITIES,
    TEXTURE_LEAST,
    TEXTURE_SHARE,
    chosen_epochs,
    energies,
    pose_table,
    pose_tables,
)  # fmt: skip
from usim.engine.veils import no_veils
from usim.movers.base import Poses
from usim.physics.scattering import near_field_mirror
from usim.scene.template import load


@pytest.fixture(params=range(4))
def rng(request):
    return np.random.default_rng(request.param)


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def test_pose_tables(rng):
    """Some pieces of many, epochs one after another: each as `pose_table` has it."""
    place, rotation = rng.standard_normal((2 * 5, 4, 3)), rng.standard_normal((2 * 5, 4, 3, 3))
    sizes, bend = rng.uniform(0.05, 0.2, (2 * 5, 4, 3)), rng.uniform(0, 2, (2 * 5, 4))
    for bent in (bend, None):
        out = np.full((2, 3, 25, 5), np.nan)
        pose_tables(Poses(place, rotation, bend_rad=bent), sizes, (0, 3, 1), out)
        for n, p in enumerate((0, 3, 1)):
            own = None if bent is None else bent[:, p]
            whole = pose_table(place[:, p], rotation[:, p], sizes[:, p], own)
            np.testing.assert_array_equal(np.concatenate(list(out[:, n]), axis=1), whole)


def test_pose_table(rng):
    place, rotation, size = ellipsoids(rng)
    bend = rng.uniform(0, 2, len(place))
    table = pose_table(place, rotation, size, bend)
    assert table.shape == (25, len(place))
    np.testing.assert_array_equal(table[24], bend)
    np.testing.assert_array_equal(pose_table(place, rotation, size)[24], 0)
    np.testing.assert_array_equal(table[15:24].T.reshape(-1, 3, 3), rotation)
    for k in (0, 7):
        spread = rotation[k] @ np.diag(size**2) @ rotation[k].T
        shape = np.linalg.inv(spread)
        assert table[:3, k] == pytest.approx(place[k])
        for row, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]):
            assert table[3 + row, k] == pytest.approx(spread[i, j], abs=1e-12)
            assert table[9 + row, k] == pytest.approx(shape[i, j], rel=1e-9, abs=1e-9)


def test_leg_powers(rng):
    walls, reflection = tables(rng)
    place = rng.uniform(1, 3, (5, 3))
    tips = rng.uniform(-4, 8, (6, 3))
    axes, normals = unit(rng.standard_normal((6, 3))), unit(rng.standard_normal((6, 2, 3)))
    hits = np.array([[-1, -1], [0, -1], [1, -1], [2, 3], [3, 0], [1, 1]])
    pattern = (rng.standard_normal((2, 17)) * 0.6 ** np.arange(17)).astype(np.float32)
    out = np.empty((6, 5, 5), np.float32)
    selection._leg_powers(
        place.T.copy(),
        tips,
        axes,
        (hits, normals.astype(np.float32), no_veils(6).arrays),
        95.0,
        walls,
        pattern,
        5,
        out,
    )
    away = tips[:, None] - place
    r = np.linalg.norm(away, axis=-1)
    u = away / r[..., None]
    power = chebval(-np.einsum("lkc,lc->lk", u, axes), pattern.T) ** 2
    power = power.sum(axis=0)
    for leg in range(6):
        for hit, wall in enumerate(hits[leg]):
            if wall >= 0:
                power[leg] *= np.abs(reflection(wall, np.abs(u[leg] @ normals[leg, hit]))) ** 2
    np.testing.assert_allclose(out[:, :3].transpose(0, 2, 1), u, atol=1e-6)
    np.testing.assert_allclose(out[:, 3], 1 / r, rtol=1e-5)
    np.testing.assert_allclose(out[:, 4], power, rtol=5e-3, atol=1e-4)


@pytest.mark.parametrize("rough", [None, 0.5, 2.4])
def test_pair_energies(rng, rough):
    """A sphere of the Gaussian curvature h^2/(abc) at the bisector, in near-field optics; loss is (1 + a r / 4)^-8.

    The mirror keeps exp(-(rough cos)^2), to 1e-3 of the whole: 2.4 are wrinkles of 2 mm at 32 kHz."""
    place, rotation, size = ellipsoids(rng)
    rows, count = np.empty((2, 3, 5, len(place)), np.float32), len(place)
    for row in rows.reshape(6, 5, -1):
        away = ends(rng)[0] - place
        r = np.linalg.norm(away, axis=1)
        row[:3], row[3], row[4] = (away / r[:, None]).T, 1 / r, rng.uniform(0.1, 1)
    energy = np.empty((count, 3, 3), np.float32)
    shares = np.empty((0 if rough is None else count, 3, 3), np.float32)
    back_rows = np.ones((count, 5, 16), np.float32)
    back_rows[:, :, :3] = rows[1].T
    table = pose_table(place, rotation, size)
    volume = np.float32(size.prod())
    selection.pair_energies(table.astype(np.float32), volume, rows[0], back_rows, np.float32(0.14), np.float32(rough or 0.0), np.empty(16, np.float32), energy, shares)  # fmt: skip
    for (i, out), (j, back) in product(enumerate(rows[0]), enumerate(rows[1])):
        b = (out[:3] + back[:3]).T.astype(float)
        c = np.linalg.norm(b, axis=1) / 2
        h = np.linalg.norm(size * np.einsum("kji,kj->ki", rotation, b), axis=1) / (2 * c)
        r1, r2 = 1 / out[3], 1 / back[3]
        curvature = h * h / size.prod()
        gain = near_field_mirror(r1, r2, curvature, curvature, c)
        full, none = np.cos(np.deg2rad(70)), np.cos(np.deg2rad(80))
        f = np.clip((c - none) / (full - none), 0, 1)
        fade = f**3 * (6 * f * f - 15 * f + 10)
        loss = (1 + 0.14 / 4 * (r1 + r2)) ** -8
        expected = (gain * fade) ** 2 * loss * out[4] * back[4]
        np.testing.assert_allclose(energy[:, i, j], expected, rtol=1e-3, atol=1e-9)
        if rough is not None:
            np.testing.assert_allclose(shares[:, i, j], np.exp(-((rough * c) ** 2)), atol=1e-3)


def test_means(rng):
    energy, mean = rng.exponential(size=(6, 40)).astype(np.float32) ** 3, np.empty(40, np.float32)
    selection._means(energy, 2, mean)
    np.testing.assert_allclose(mean, energy[2:5].sum(axis=0, dtype=float), rtol=1e-6)


@pytest.mark.parametrize("count", [0, 3, 4, 39])
def test_total(rng, count):
    values = rng.exponential(size=count).astype(np.float32)
    assert selection.total(values) == pytest.approx(values.sum(dtype=float), rel=1e-12)


def test_ranks(rng):
    mean = rng.exponential(size=40).astype(np.float32) ** 3
    rank = np.empty(40)
    whole = mean.sum(dtype=float)
    assert selection.ranks(mean, rank) == pytest.approx(whole, rel=1e-12)
    np.testing.assert_allclose(rank, mean / whole, rtol=1e-12)
    assert selection.ranks(np.zeros(4, np.float32), rank) == 0.0
    assert not rank[:4].any()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97, 0.999])
def test_threshold(rng, share):
    """Pairs at or above it hold the share; those 1 dB above it (two bins) do not."""
    rank = np.empty(400)
    selection.ranks(rng.exponential(size=400).astype(np.float32) ** 4, rank)
    floor = selection.threshold(rank, share, np.empty(BINS))
    assert rank[rank >= floor].sum() >= share - 1e-6
    assert rank[rank >= floor * 1.26].sum() < share


def permanent(seed, n):
    """SplitMix64 of a seed and a place, with Python's integers."""
    full = 2**64 - 1
    x = (seed + (n + 1) * 0x9E3779B97F4A7C15) & full
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & full
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & full
    return ((x ^ (x >> 31)) >> 11) * 2.0**-53


def test_permanent(rng):
    """The published generator, and evenly spread over neighbouring places and seeds."""
    for seed, n in rng.integers(0, 2**53, (50, 2)).tolist():
        assert selection.permanent(seed, n) == permanent(seed, n)
    many = np.array([selection.permanent(seed, n) for seed in range(20) for n in range(100)])
    assert abs(many.mean() - 0.5) < 0.03
    assert np.abs(np.histogram(many, 10, (0, 1))[0] - 200).max() < 70


def twin(energy, share, seed, images):
    """The choice of `choose`, with sets."""
    out, many = [], energy.shape[1]
    numbers = np.array([permanent(seed, n) for n in range(many)])

    def above(first, factor):
        rank = np.empty(many)
        selection.ranks(energy[first : first + 3].sum(axis=0), rank)
        floor = selection.threshold(rank, share, np.empty(BINS))
        return (rank * factor >= floor) & (rank > 0) | (share >= 1)

    for epoch in range(selection.epochs_in(energy)):
        first = 2 + 2 * epoch
        before = above(first - 2, 1.0)
        resolved = above(first, np.where(before, HYSTERESIS, 1.0))
        mean = energy[first : first + 3].sum(axis=0, dtype=float)
        number = max(TEXTURE_LEAST, int(TEXTURE_SHARE * resolved.sum()))
        step = mean[~resolved].sum() / number
        hit = np.flatnonzero(~resolved & (numbers * step < mean))
        pairs = np.concatenate([np.flatnonzero(resolved), hit])
        weight = np.concatenate([np.ones(resolved.sum()), np.sqrt(np.maximum(step / mean[hit], 1))])
        out.append((np.stack([pairs // images, pairs % images], 1), weight, mean[resolved].sum() / mean.sum()))  # fmt: skip
    return out


@pytest.mark.parametrize("share", [0.9, 0.97])
def test_choose(rng, share):
    energy = (rng.exponential(size=900) ** 5 * rng.uniform(0.3, 1, (11, 900))).astype(np.float32)
    quality = dataclasses.replace(QUALITIES["standard"], share=share)
    seed = int(rng.integers(2**53))
    for found, (pairs, weight, held) in zip(
        chosen_epochs(energy, quality, seed, 30), twin(energy, share, seed, 30), strict=True
    ):
        by_pair = {(int(i), int(j)): float(w) for (i, j, _), w in zip(found.pairs, found.weight, strict=True)}  # fmt: skip
        expected = {(int(i), int(j)): w for (i, j), w in zip(pairs, weight, strict=True)}
        assert set(by_pair) == set(expected)
        assert by_pair == pytest.approx(expected, rel=1e-5)
        assert found.share == pytest.approx(held, abs=1e-5)
        assert found.share >= share
        assert np.all(found.pairs[:, 2] == -1)
        assert np.all(np.diff(found.pairs[:, 1]) >= 0)
        assert np.all(found.weight[found.group == 0] == 1)


def test_all_pairs_where_all_are_asked_for(rng):
    energy = rng.exponential(size=(5, 36)).astype(np.float32)
    energy[:, 3] = 0.0
    (chosen,) = chosen_epochs(energy, QUALITIES["fine"], 5, 6)
    assert len(chosen.pairs) == 36
    assert chosen.share == 1.0


def test_texture_keeps_the_energy_in_the_mean(rng):
    """Over all seeds every pair's weight squared times how often it is drawn is one; 2,000 draws of some 24 pairs: six standard errors."""
    energy = np.tile(rng.exponential(size=500) ** 3, (5, 1)).astype(np.float32)
    kept = np.zeros(500)
    for seed in range(2000):
        (chosen,) = chosen_epochs(energy, QUALITIES["draft"], seed, 20)
        kept[chosen.pairs[:, 0] * 20 + chosen.pairs[:, 1]] += chosen.weight.astype(float) ** 2
    texture = np.ones(500, bool)
    texture[(chosen.pairs[:, 0] * 20 + chosen.pairs[:, 1])[chosen.group == 0]] = False
    expected = energy[0, texture]
    error = 6.0 / np.sqrt(2000 * TEXTURE_LEAST)
    assert (kept[texture] / 2000 * expected).sum() == pytest.approx(expected.sum(), rel=error)


def test_who_sits_still_keeps_its_sample(rng):
    """Why: a sample drawn anew every epoch would sound like a motion.
    Expected: equal energies give equal choices; energies that change by a tenth of a percent change few of them.
    """
    energy = np.tile(rng.exponential(size=900) ** 3, (11, 1)).astype(np.float32)
    epochs = [set(map(tuple, one.pairs.tolist())) for one in chosen_epochs(energy, QUALITIES["standard"], 3, 30)]  # fmt: skip
    assert len(epochs) == 4
    assert all(one == epochs[0] for one in epochs)
    moved = (energy * (1 + 1e-3 * rng.standard_normal(energy.shape))).astype(np.float32)
    others = [set(map(tuple, one.pairs.tolist())) for one in chosen_epochs(moved, QUALITIES["standard"], 3, 30)]  # fmt: skip
    assert all(len(one ^ epochs[0]) < 0.03 * len(one) for one in others)


def test_nothing_to_choose_from():
    (chosen,) = chosen_epochs(np.zeros((5, 9), np.float32), QUALITIES["draft"], 2, 3)
    assert len(chosen.pairs) == 0
    assert chosen.share == 1.0


def test_energies_of_a_scene():
    """Ranked energies of real legs against the whole gain of every pair, for the strongest tenth: good enough to rank them."""
    scene = load("sixteen_tumblers").sample()
    device = listening(scene)
    found = legs(scene, device, 2)
    cost = band(scene, device, 32500.0)
    size = np.array([0.052, 0.052, 0.165])
    place, rotation, _ = ellipsoids(np.random.default_rng(3), 8)
    energy = energies(pose_table(place, rotation, size), size, found, cost, 0)
    assert energy.shape == (len(found) ** 2, 8)
    assert np.all(np.isfinite(energy))
    assert np.all(energy >= 0)
    n = len(found)
    top = np.argsort(-energy[:, 0])[: n * n // 10]
    level = []
    for pair in top:
        i, j = divmod(int(pair), n)
        source, microphone = found.sources[0, i], found.middles[j]
        gain, path, cosine = mirror(place[:1], rotation[:1], size, source, microphone)
        full, none = np.cos(np.deg2rad(70)), np.cos(np.deg2rad(80))
        f = np.clip((cosine - none) / (full - none), 0, 1)
        gain = (gain * f**3 * (6 * f * f - 15 * f + 10) * np.exp(-cost.absorption_np_m * path))[0]
        for end, axis, row, series in (
            (source, found.source_axes[0, i], i, cost.beams[0, 0]),
            (microphone, found.target_axes[j, 0], j, cost.ports[:1]),
        ):
            u = unit(end - place[0])
            gain *= np.sqrt((chebval(-u @ axis, series.T.astype(float)) ** 2).sum())
            for wall, normal in zip(found.walls[row], found.normals[row], strict=True):
                if wall >= 0:
                    surface = scene.room.walls[wall].surface
                    gain *= abs(surface.reflection(abs(u @ normal.astype(float)), 32500.0, scene.air))  # fmt: skip
        level.append(10 * np.log10(energy[pair, 0] / gain**2))
    off = np.abs(np.array(level) - np.median(level))
    assert np.mean(off) < 2.0
    assert (
        np.mean(off < 3.0) > 0.95
    )  # the rest: where the echo fades, the bisector at the centre is not that at the surface

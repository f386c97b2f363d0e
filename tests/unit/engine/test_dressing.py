"""Which glints of a dressed piece are worth a pair: kernels beside their twins, and what the choice promises."""

import dataclasses
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from unit.engine.test_lobes import drawn, lobe_of, mirror_normals, room_for
from unit.engine.test_selection import permanent
from usim.engine import dressing, lobes, selection
from usim.engine.dressing import (
    GLINT_SEED,
    LEAST_SHARE,
    TEXTURE_SHARE,
    dressed_epochs,
    glint_rows,
    texture_least,
)
from usim.engine.glints import COLUMNS, SHARPNESS
from usim.engine.lobes import INSTANTS, STEPS, VIEW
from usim.engine.selection import (
    HYSTERESIS,
    QUALITIES,
    pose_table,
)
from usim.physics.wrinkles import DIFFUSE, DIFFUSE_COUNT, glints

IMAGES, NEAR, EPOCHS = 7, 3, 4
LASTS_S, DRAWS = 0.64, 24  # of an epoch; texture lines that it draws at least
NEAR_PAIRS = [i * IMAGES + j for i, j in product(range(NEAR), repeat=2)]


class Images:
    """What `dressed_epochs` reads of legs: IMAGES random images, the first NEAR of them near."""

    def __init__(self, rng):
        self.maps = SimpleNamespace(order=np.array([0, 1, 1, 2, 2, 3, 3]))
        self.sources = rng.uniform(-4, 8, (1, IMAGES, 3))
        self.middles = self.sources[0] + rng.uniform(-0.3, 0.3, (IMAGES, 3))

    def __len__(self):
        return IMAGES


@dataclasses.dataclass
class Piece:
    """A dressed piece that tumbles and flies, and the energies of its pairs at the instants of EPOCHS epochs."""

    size: np.ndarray
    place: np.ndarray
    rotation: np.ndarray
    legs: Images
    rows: np.ndarray
    energy: np.ndarray
    shares: np.ndarray

    @property
    def table(self):
        return pose_table(self.place, self.rotation, self.size)

    def later(self, epochs):
        """The same piece, asked from a later epoch on."""
        cut = slice(2 * epochs, None)
        return dataclasses.replace(
            self,
            place=self.place[cut],
            rotation=self.rotation[cut],
            energy=self.energy[cut],
            shares=self.shares[cut],
        )

    def choices(self, seed, quality):
        return dressed_epochs(self.energy, self.shares, self.table, self.size, self.legs, 0, self.rows, quality, seed, LASTS_S)  # fmt: skip

    def normals(self, pair, first):
        """Mirror normals (3, 4) of a pair at the instants of an epoch."""
        at = slice(first, first + 3)
        i, j = divmod(pair, IMAGES)
        return mirror_normals(self.place[at], self.rotation[at], self.size, self.legs.sources[0, i], self.legs.middles[j])  # fmt: skip


def made(rng, epochs=EPOCHS, still=False):
    t = np.zeros(2 * epochs + 3) if still else 0.1 * np.arange(2 * epochs + 3)
    size = rng.uniform(0.06, 0.2, 3)
    turn = Rotation.from_rotvec(t[:, None] * rng.standard_normal(3)).as_matrix()
    steady = rng.exponential(size=IMAGES**2) ** 3
    steady[NEAR_PAIRS] += 2.0  # as strong as in rooms
    return Piece(
        size,
        [2.0, 2.0, 1.0] + t[:, None] * rng.uniform(-1, 1, 3),
        turn @ Rotation.random(random_state=rng).as_matrix(),
        Images(rng),
        glint_rows(glints(size, 0.0015, 0.03, rng)),
        (steady * (1 + 0.4 * np.sin(3 * t[:, None] + rng.uniform(0, 6, IMAGES**2)))).astype(np.float32),
        np.full((len(t), IMAGES**2), 0.4, np.float32) * rng.uniform(0.5, 1.5, IMAGES**2).astype(np.float32),
    )  # fmt: skip


@pytest.fixture(params=range(4))
def rng(request):
    return np.random.default_rng(request.param)


def test_rows_of_glints(rng):
    """Sorted by the third component, the diffuse ones last; none where a piece is bare."""
    drawn_ones = glints((0.1, 0.1, 0.3), 0.0015, 0.03, rng)
    rows = glint_rows(drawn_ones)
    narrow = rows[:-DIFFUSE_COUNT]
    assert np.all(np.diff(narrow[:, 2]) >= 0)
    assert np.all(narrow[:, SHARPNESS] > 0)
    assert np.all(rows[-DIFFUSE_COUNT:, SHARPNESS] == 0)
    given = np.column_stack([drawn_ones.normal, drawn_ones.height_m, drawn_ones.slip_m_rad, drawn_ones.sharpness, drawn_ones.weight])  # fmt: skip
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(given, axis=0))
    assert {tuple(row) for row in rows} == {tuple(row) for row in given}
    assert glint_rows(None).shape == (0, COLUMNS)


def candidates(piece, first, depth):
    """Energies (3,) in float32 of what may be resolved, by (pair, glint): all mirrors, then what lights up for near pairs."""
    at = slice(first, first + 3)
    energy, shares = piece.energy[at].T, piece.shares[at].T
    found = {(n, -1): energy[n] * shares[n] for n in range(IMAGES**2)}
    least = LEAST_SHARE * np.exp(-depth) * energy.sum(axis=0, dtype=float)
    narrow = piece.rows[:, SHARPNESS] > 0
    for n in NEAR_PAIRS:
        lobes = np.array([lobe_of(one, piece.size**2, piece.rows, depth) for one in piece.normals(n, first)])  # fmt: skip
        glint = (energy[n] * (1 - shares[n]))[:, None] * lobes.astype(np.float32)
        for g in np.flatnonzero(narrow & (glint > least[:, None]).any(axis=0)):
            found[n, int(g)] = glint[:, g]
    return found


def unlisted(piece, first):
    """Energies (pair,) over an epoch of glints that are no candidates."""
    at = slice(first, first + 3)
    energy, shares = piece.energy[at].T.astype(float), piece.shares[at].T.astype(float)
    rough = np.where(np.isin(np.arange(IMAGES**2), NEAR_PAIRS)[:, None], 0.0, 1 - shares)
    return (energy * (DIFFUSE + rough)).sum(axis=1)


def above(found, share):
    """The set of candidates above the floor, their ranks, and the floor."""
    values = np.array(list(found.values()), np.float32)
    rank = np.empty(len(values))
    near = np.array([pair in NEAR_PAIRS for pair, _ in found])
    selection.ranks(np.where(near, values.sum(axis=1), np.float32(0)), rank)
    floor = selection.threshold(rank, share, np.empty(selection.BINS))
    ranks = dict(zip(found, rank, strict=True))
    return {key for key, r in ranks.items() if r >= floor and r > 0}, ranks, floor


def twin(piece, seed, quality):
    """The choice of `choose_dressed` with sets: by epoch, {triple: (group, weight)} and the share resolved."""
    out, depth = [], quality.lobe_depth
    for epoch in range(EPOCHS):
        first = 2 + 2 * epoch
        before = above(candidates(piece, first - 2, depth), quality.share)[0]
        found = candidates(piece, first, depth)
        _, ranks, floor = above(found, quality.share)
        taken = {k for k, r in ranks.items() if r > 0 and r * (HYSTERESIS if k in before else 1.0) >= floor}  # fmt: skip
        mean = {key: float(np.float32(v[0] + v[1]) + v[2]) for key, v in found.items()}
        held, whole = sum(mean[key] for key in taken), sum(v for (n, _), v in mean.items() if n in NEAR_PAIRS)  # fmt: skip
        chosen = {key: (0, 1.0) for key in taken}
        left = [(key, mean[key]) for key in found if key not in taken]
        left += [((n, None), value) for n, value in enumerate(unlisted(piece, first))]
        rest = np.array([value for _, value in left])
        step = rest.sum() / max(DRAWS, int(TEXTURE_SHARE * len(taken)))
        for (pair, glint), value in left:
            chance, place = 1.0, 0 if glint is None else glint + 2
            if permanent(seed, pair + IMAGES**2 * place) * step >= value:
                continue
            if glint is None:
                at, mark = slice(first, first + 3), permanent(seed + GLINT_SEED, pair)
                glint, chance = drawn(piece.energy[at, pair], piece.shares[at, pair], piece.normals(pair, first), piece.size**2, piece.rows, depth, pair in NEAR_PAIRS, mark)  # fmt: skip
                if glint < 0:
                    continue
            chosen[pair, glint] = (1, np.sqrt(max(step / value, 1.0) / chance))
        out.append((chosen, held / whole))
    return out


def as_sets(chosen):
    triples = [(int(i) * IMAGES + int(j), int(g)) for i, j, g in chosen.pairs]
    assert len(set(triples)) == len(triples)
    return {
        triple: (int(group), float(weight))
        for triple, group, weight in zip(triples, chosen.group, chosen.weight, strict=True)
    }


@pytest.mark.parametrize("name", ["draft", "standard"])
def test_choose_dressed(rng, name):
    """The same triples, groups and weights as its twin; the share held is at least that asked for."""
    piece, seed, quality = made(rng), int(rng.integers(2**53)), QUALITIES[name]
    texture_glints = 0
    for epoch, (found, (expected, held)) in enumerate(
        zip(piece.choices(seed, quality), twin(piece, seed, quality), strict=True)
    ):
        sets = as_sets(found)
        assert set(sets) == set(expected)
        for triple, (group, weight) in sets.items():
            assert group == expected[triple][0]
            assert weight == pytest.approx(expected[triple][1], rel=1e-5)
        assert found.share == pytest.approx(held, abs=1e-5)
        assert np.all(np.diff(found.pairs[:, 1]) >= 0)
        resolved = {triple for triple, (group, _) in sets.items() if group == 0}
        assert all(pair in NEAR_PAIRS for pair, _ in resolved)
        assert any(glint >= 0 for _, glint in resolved)
        texture_glints += sum(g >= 0 and p not in NEAR_PAIRS for p, g in set(sets) - resolved)
        values = {k: v for k, v in candidates(piece, 2 + 2 * epoch, quality.lobe_depth).items() if k[0] in NEAR_PAIRS}  # fmt: skip
        everything = np.array(list(values.values())).sum(dtype=float)
        share = np.array([values[key] for key in resolved]).sum(dtype=float) / everything
        assert share >= quality.share - 1e-6
    assert texture_glints > 0


def test_candidates(rng):
    """The kernel's list is the twin's, to float32: near mirrors first; none where there are more glints than room."""
    piece, depth = made(rng), 4.6
    columns, columns32, excess, which, room = room_for(piece.rows)
    lobe, near = lobes.lobes_of(piece.rows, depth), np.array(NEAR_PAIRS)
    views = np.empty((1, INSTANTS, VIEW))
    mean, whose = np.empty(2000, np.float32), np.empty((2000, 2), int)
    for first in range(4):
        least = np.empty(INSTANTS)
        for t in range(first, first + INSTANTS):
            lobes.see(piece.table, t, piece.size**2, near, piece.legs.sources[0], piece.legs.middles, STEPS, views[0, t % INSTANTS])  # fmt: skip
            least[t % INSTANTS] = LEAST_SHARE * np.exp(-depth) * piece.energy[t].sum(dtype=float)
        asked = (piece.energy, piece.shares, near, views, columns, columns32, lobe, first, least, np.empty(3), np.empty(3), excess, which, room)  # fmt: skip
        at = dressing._candidates(*asked, mean, whose)
        expected = {key: v for key, v in candidates(piece, first, depth).items() if key[0] in NEAR_PAIRS}  # fmt: skip
        keys = [(NEAR_PAIRS[p], g) for p, g in whose[:at].tolist()]
        assert keys == list(expected)
        values = np.array(list(expected.values())).sum(axis=1)
        np.testing.assert_allclose(mean[:at], values, rtol=1e-5, atol=1e-12)
        assert dressing._candidates(*asked, mean[: at - 1], whose) == dressing.NO_GLINTS


def test_place():
    """Mirrors, single glints and what is not listed draw with numbers of their own."""
    many = 9
    places = [dressing._place(pair, glint, False, many) for pair in range(many) for glint in range(-1, 5) if glint >= 0]  # fmt: skip
    places += [dressing._place(pair, -1, unlisted, many) for pair in range(many) for unlisted in (False, True)]  # fmt: skip
    assert len(set(places)) == len(places)


def test_take(rng):
    """What was above the floor before counts 1 dB more, of mirrors and of glints; what is above it now is kept."""
    for _ in range(20):
        mean, share = rng.exponential(size=30).astype(np.float32) ** 3, rng.uniform(0.5, 1.0)
        mean[::7] = 0.0
        rank, floor = mean / mean.sum(dtype=float), np.empty(30)
        selection.ranks(mean, floor)
        floor = selection.threshold(floor, share, np.empty(selection.BINS))
        p, g = np.divmod(rng.permutation(36)[:30], 6)
        seen, taken = rng.uniform(size=(6, 6)) < 0.5, np.zeros(40, bool)
        before = seen[p, g]
        dressing._take(mean, share, np.array([p, g - 1]).T, np.empty(selection.BINS), np.empty(40), seen, taken)  # fmt: skip
        np.testing.assert_array_equal(taken[:30], (rank > 0) & (rank * np.where(before, HYSTERESIS, 1) >= floor))  # fmt: skip
        assert set(zip(*np.nonzero(seen), strict=True)) == set(zip(p[rank >= floor], g[rank >= floor], strict=True))  # fmt: skip
        assert not taken[30:].any()


def test_others(rng):
    piece = made(rng)
    mirrors, rest = np.empty((2, IMAGES**2), np.float32)
    dressing._others(piece.energy, piece.shares, np.array(NEAR_PAIRS), 4, DIFFUSE, mirrors, rest)
    np.testing.assert_allclose(rest, unlisted(piece, 4), rtol=1e-6)
    kept = (piece.energy * piece.shares)[4:7].sum(axis=0, dtype=float)
    kept[NEAR_PAIRS] = 0.0
    np.testing.assert_allclose(mirrors, kept, rtol=1e-6)


def test_an_epoch_knows_only_the_one_before(rng):
    """A longer run gives the same epochs as one that starts later."""
    piece, quality = made(rng), QUALITIES["standard"]
    whole = piece.choices(7, quality)
    for start in range(1, EPOCHS):
        for a, b in zip(whole[start:], piece.later(start).choices(7, quality), strict=True):
            for field in ("pairs", "weight", "group", "share"):
                np.testing.assert_array_equal(getattr(a, field), getattr(b, field))


def test_texture_keeps_what_was_left_out(rng):
    """Over all draws weight squared times energy adds up to the energy of all triples that are not resolved; triple by triple too.

    Sums of 600 independent draws, each held to six of its standard errors: 200 triples fail once in 1e6 with other seeds.
    """
    seeds, quality = 600, QUALITIES["draft"]
    piece = made(rng, 1, still=True)
    piece.energy[:] = piece.energy[:1]  # every instant sees the same
    true = {key: float(v.sum()) for key, v in candidates(piece, 2, quality.lobe_depth).items()}
    narrow = piece.rows[:, SHARPNESS] > 0
    for n in range(IMAGES**2):
        whole, share = float(piece.energy[0, n]), float(piece.shares[0, n])
        rough = 0.0 if n in NEAR_PAIRS else 1 - share
        lobes = lobe_of(piece.normals(n, 2)[0], piece.size**2, piece.rows, quality.lobe_depth)
        values = 3 * whole * lobes * np.where(narrow, rough, 1.0)
        true.update({(n, int(g)): values[g] for g in np.flatnonzero(values) if (n, int(g)) not in true})  # fmt: skip
    kept = dict.fromkeys(true, 0.0)
    squares, sums = dict.fromkeys(true, 0.0), []
    for seed in rng.integers(2**53, size=seeds).tolist():
        (chosen,) = piece.choices(seed, quality)
        sums.append(0.0)
        resolved = set()
        for triple, (group, weight) in as_sets(chosen).items():
            if group == 0:
                resolved.add(triple)
                continue
            kept[triple] += weight**2
            squares[triple] += weight**4
            sums[-1] += weight**2 * true[triple]
    left = {key: value for key, value in true.items() if key not in resolved}
    assert not any(kept[key] for key in resolved)
    error = np.std(sums) / np.sqrt(seeds) + 1e-3 * sum(left.values())  # the smooth mean of lobes
    assert abs(np.mean(sums) - sum(left.values())) < 6 * error
    often = [key for key in left if squares[key] and kept[key] ** 2 / squares[key] > 30]
    assert len(often) > 15
    for key in often:
        assert abs(kept[key] / seeds - 1) < 6 * np.sqrt(squares[key]) / seeds


@pytest.mark.parametrize("share", [0.9, 1.0])
def test_bare_dark_and_short_of_room(rng, share):
    """No glints at all, diffuse ones alone, no energy; and as many lines as it takes."""
    quality = dataclasses.replace(QUALITIES["fine"], share=share)
    piece, seed = made(rng), 11
    diffuse = piece.rows[piece.rows[:, SHARPNESS] == 0]
    for rows, most in ((piece.rows[:0], 0), (diffuse, len(diffuse)), (piece.rows, len(piece.rows))):
        found = dataclasses.replace(piece, rows=rows).choices(seed, quality)
        for one in found:
            assert one.pairs[:, 2].max(initial=-1) < most
            assert np.all(np.isfinite(one.weight))
            assert one.share >= share - 1e-6
    if share == 1.0:  # fine: every pair is near, and there is more than there was room for at first
        assert all(np.count_nonzero(one.group == 0) > 2 * IMAGES**2 for one in found)
    dark = dataclasses.replace(piece, energy=np.zeros_like(piece.energy))
    assert [(len(one.pairs), one.share) for one in dark.choices(seed, quality)] == [(0, 1.0)] * EPOCHS  # fmt: skip


def test_texture_least():
    """The shorter an epoch, the fewer draws; never none."""
    assert [texture_least(s) for s in (1.28, LASTS_S, 0.16, 0.001)] == [48, DRAWS, 6, 1]

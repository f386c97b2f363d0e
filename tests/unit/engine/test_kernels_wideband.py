"""Kernels of wideband emissions, each beside its twin in NumPy: gains across the band, taps, and what is heard through them."""

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval

from unit.engine.crowd import KNOTS, tables
from unit.engine.test_kernels_sums import EVENS, LEAD, STEP, C, Flier, scenery
from usim.engine import across, spread, tones
from usim.engine.slab import (
    BACK,
    BEAM_DEGREE,
    HALF,
    LENGTH,
    LONG_SLAB,
    ON,
    PORT_DEGREE,
    ROW,
    SLAB,
    WALL_NODES,
)
from usim.engine.spread import PARTS, PHASES, SLOW_BEFORE, SLOW_TAPS, TAPS
from usim.engine.tones import COSINES, REACH, SAMPLES, SCRATCH, SPARE
from usim.engine.veils import no_veils
from usim.physics.jit import kernel
from usim.physics.packed import ROWS, WIDE, add_sixteen
from usim.physics.scattering import specular_point

FREQUENCIES = len(across.NODES)


@pytest.fixture(params=range(4))
def rng(request):
    return np.random.default_rng(request.param)


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


# ---------------------------------------------------------------- gains across the band


def read(table, cosine):
    """Return what a table (2, WALL_NODES) reflects, complex: linear between nodes that are even in the root of the cosine."""
    grid = np.linspace(0, 1, WALL_NODES)
    real, imaginary = (np.interp(np.sqrt(cosine), grid, part) for part in table.astype(float))
    return real + 1j * imaginary


def test_met(rng):
    walls, _ = tables(rng)
    for cosine in (0.0, 1.0, 1.0 + 1e-6, *rng.uniform(0, 1, 20) ** 2):
        z = rng.standard_normal(2)
        found = complex(*across._met(walls, 2, cosine, *z))
        wanted = complex(*z) * read(walls[2], min(cosine, 1.0))
        assert found == pytest.approx(wanted, abs=1e-12)


def test_leg(rng):
    """Sides up to the first that is none, each at its own cosine from whichever side."""
    walls, _ = tables(rng)
    hits = np.array([[-1, 1, 2], [2, 0, -1], [1, 3, 2]])
    normals = unit(rng.standard_normal((3, 3, 3)))
    chains = hits, normals.astype(np.float32), no_veils(3).arrays
    for leg, many in enumerate((0, 2, 3)):
        way, z = unit(rng.standard_normal(3)), rng.standard_normal(2)
        found = complex(*across._leg(walls, chains, leg, *way, *z))
        wanted = complex(*z)
        for hit in range(many):
            wanted *= read(walls[hits[leg, hit]], abs(way @ normals[leg, hit]))
        assert found == pytest.approx(wanted, abs=2e-6)


def test_series(rng):
    for degree in (0, 1, 2, PORT_DEGREE, BEAM_DEGREE):
        row = rng.standard_normal(degree + 1) * 0.8 ** np.arange(degree + 1)
        for x in (-1.0, 1.0, *rng.uniform(-1, 1, 10)):
            assert across._series(row, x) == pytest.approx(chebval(x, row), abs=1e-12)


class Colours:
    """Sides, skins, beams, arrival shadows and air at the frequencies of a band: each a little different from the one before."""

    def __init__(self, rng):
        def bands(one, other):
            share = np.linspace(0, 1, FREQUENCIES)
            return np.array([(1 - w) * one + w * other for w in share], np.float32)

        def series(degree, *rows):
            found = rng.standard_normal((*rows, degree + 1)) * 0.6 ** np.arange(degree + 1)
            found[..., 0] += 2.0
            return found

        self.walls = bands(tables(rng)[0], tables(rng)[0])
        self.skin = bands(tables(rng, 3)[0], tables(rng, 3)[0])
        self.beams = bands(series(BEAM_DEGREE, 2), series(BEAM_DEGREE, 2))
        self.ports = bands(series(PORT_DEGREE), series(PORT_DEGREE))
        self.absorption = np.linspace(0.11, 0.17, FREQUENCIES)
        self.hits = np.array([[-1, -1], [2, -1], [1, 3]])
        self.normals = unit(rng.standard_normal((3, 2, 3)))
        self.chains = self.hits, self.normals.astype(np.float32), no_veils(3).arrays

    def gain(self, f, kind, half, length, legs, ways, axes):
        """Return the gain at one frequency of two legs that run along ways (2, 3), about whose axes (2, 3) beam and shadow lie."""
        out = read(self.skin[f, kind], half)
        for leg, way in zip(legs, ways, strict=True):
            for wall, normal in zip(self.hits[leg], self.normals[leg], strict=True):
                if wall >= 0:
                    out *= read(self.walls[f, wall], abs(way @ normal))
        away, back = (-way @ axis for way, axis in zip(ways, axes, strict=True))
        beam = chebval(away, self.beams[f, 0]) + 1j * chebval(away, self.beams[f, 1])
        air = np.exp(-self.absorption[f] * (length - 1.0))
        return out * beam * chebval(back, self.ports[f]) * air


def test_gain(rng):
    """Skin, sides of both legs, beam, arrival shadow and the air of their length, at one lane."""
    colours, f = Colours(rng), 3
    s, axes = np.zeros(SLAB, np.float32), unit(rng.standard_normal((2, 3, 3))).astype(np.float32)
    ways = unit(rng.standard_normal((2, KNOTS, 3)))
    half, length = rng.uniform(0.2, 1.0, KNOTS), rng.uniform(1.0, 9.0, KNOTS)
    for start, way in zip((BACK, ON), ways, strict=True):
        for axis in range(3):
            s[start + axis * ROW :][:KNOTS] = way[:, axis]
    s[HALF:][:KNOTS], s[LENGTH:][:KNOTS] = half, length
    for k in (0, 17, KNOTS - 1):
        found = across._gain(
            s, k, colours.chains, 1, 2, axes[0], axes[1][:, None], colours.walls[f], colours.skin[f], 2,
            colours.beams[f], colours.ports[f], colours.absorption[f],
        )  # fmt: skip
        wanted = colours.gain(f, 2, half[k], length[k], (1, 2), ways[:, k], (axes[0, 1], axes[1, 2]))  # fmt: skip
        assert complex(*found) == pytest.approx(wanted, abs=1e-5)


def through(gains):
    """Return the coefficients (4,) of x to x^4 of the polynomial through complex gains (NODES,), over the middle one; none where that one is a zero of the beam."""
    if np.abs(gains).max() > across.LARGEST * abs(gains[across.MIDDLE]):
        return np.zeros(4, complex)
    x = np.array(across.NODES)
    return np.linalg.solve(np.vander(x, increasing=True), gains / gains[across.MIDDLE])[1:]


def test_bent(rng):
    gains = 0.3 * np.exp(2j) + 0.1 * (rng.standard_normal((FREQUENCIES, 2)) @ [1, 1j])
    row = np.empty(8)
    across._bent(gains.real, gains.imag, across.powers(), row)
    np.testing.assert_allclose(row[0::2] + 1j * row[1::2], through(gains), atol=1e-10)
    for dead in (0.0, 1e-3):  # a zero of the beam in the middle: no bend at all
        gains[across.MIDDLE] = dead
        row[:] = 9.0
        across._bent(gains.real, gains.imag, across.powers(), row)
        np.testing.assert_array_equal(row, 0.0)


class Pair:
    """One pair of legs over a flying piece at times t: by Newton on the path length, or at a glint's own point."""

    def __init__(self, flier, source, ear, glint=None):
        self.flier, self.source, self.ear, self.glint = flier, source, ear, glint

    def at(self, t):
        """Legs from the bounce to source and microphone (2, n, 3), and the path (n,) in m."""
        place, turned = self.flier.pose(t)
        out, back = (
            np.einsum("kji,kj->ki", turned, end - place) for end in (self.source, self.ear)
        )
        shorter = 0.0
        if self.glint is None:
            point = specular_point(self.flier.size, out, back)
        else:
            normal, size = self.glint[:3], self.flier.size
            point = size**2 * normal / np.linalg.norm(size * normal)
            shorter = 2.0 * (self.glint[3] + self.glint[4] * self.flier.bend(t))
        legs = np.array([np.einsum("kij,kj->ki", turned, end - point) for end in (out, back)])
        return legs, np.linalg.norm(legs, axis=2).sum(axis=0) - shorter

    def bounce(self, t):
        """When what is received at t bounced: t = t_b + r2(t_b)/c by iteration."""
        found = t
        for _ in range(9):
            found = t - np.linalg.norm(self.at(found)[0][1], axis=1) / C
        return found


def test_pair_bands(rng):
    """A mirror, a glint and what is diffuse, of a piece that flies, tumbles and bends: how late at each of two microphones, and how gains bend.

    Delays to a tenth of a micrometre of the expansion about the array's middle, whose own error is told by the microphones' own Fermat points.
    """
    flier, colours = Flier(rng), Colours(rng)
    sources, targets = scenery(rng)
    sources, targets = np.ascontiguousarray(sources), np.ascontiguousarray(targets)
    source_axes, target_axes = unit(rng.standard_normal((2, 3, 3))).astype(np.float32)
    middles = targets.mean(axis=1)
    toward = [unit(unit(s - flier.place) + unit(m - flier.place)) for s, m in ((sources[0], middles[0]), (sources[1], middles[1]))]  # fmt: skip
    normals = unit(np.array(toward) @ flier.pose(0.0)[1][0] + 0.05 * rng.standard_normal((2, 3)))
    glints = np.column_stack([normals, [0.004, -0.002], [0.01, -0.02], [40.0, 0.0], [0.5, 0.1]])
    pairs = np.array([[0, 0, -1], [2, 1, -1], [0, 0, 0], [1, 1, 1], [2, 0, -1]])
    leads = (np.linalg.norm(middles - flier.place, axis=1) / (C * STEP)).astype(int)
    place, bends = np.zeros((len(pairs), 2, ROW)), np.zeros((len(pairs), 8, ROW))
    count = (EVENS + SPARE + 2) // 4 * 4 + 1
    s, d, e = np.zeros(SLAB, np.float32), np.zeros(LONG_SLAB), np.zeros(SCRATCH)
    across.pair_bands(
        flier.table(), glints, LEAD, EVENS, STEP, pairs, sources, source_axes, targets,
        np.repeat(target_axes[:, None], 2, axis=1), colours.chains, colours.walls, colours.skin, colours.beams, colours.ports,
        colours.absorption, across.powers(), C, leads, middles, s, d, e, np.zeros(ROW), np.zeros((ROW // across.STRIDE + 2, 8)), place, bends,
    )  # fmt: skip
    t = STEP * np.arange(EVENS)
    for n, (i, j, g) in enumerate(pairs):
        glint = None if g < 0 else glints[g]
        pair = Pair(flier, sources[i], middles[j], glint)
        bounced = pair.bounce(t)
        (_, back), path = pair.at(bounced)
        h = 0.1 * STEP
        slope = (pair.at(pair.bounce(t + h))[1] - pair.at(pair.bounce(t - h))[1]) / (2 * h)
        for m, microphone in enumerate(targets[j]):
            way = np.linalg.norm(back + microphone - middles[j], axis=1) - np.linalg.norm(back, axis=1)  # fmt: skip
            wanted = path + way * (1.0 - slope / C)
            np.testing.assert_allclose(place[n, m, :EVENS], wanted, atol=2e-7)
            own = Pair(flier, sources[i], microphone, glint)
            exact = own.at(own.bounce(t))[1]
            np.testing.assert_allclose(place[n, m, :EVENS], exact, atol=5e-5)
        first = LEAD - leads[j]
        looks = np.append(np.arange(0, count, across.STRIDE), count - 1)
        (out, back), path = pair.at(STEP * (looks + first - LEAD - tones.AHEAD))
        ways, length = unit(np.array([out, back])), np.linalg.norm([out, back], axis=2).sum(axis=0)
        half = np.linalg.norm(ways.sum(axis=0), axis=1) / 2
        kind = 0 if glint is None else 1 if glint[5] > 0 else 2
        gains = [[colours.gain(f, kind, half[k], length[k], (i, j), ways[:, k], (source_axes[i], target_axes[j])) for f in range(FREQUENCIES)] for k in range(len(looks))]  # fmt: skip
        wanted = np.array([through(one) for one in np.array(gains)])
        at = bounced / STEP - (first - LEAD - tones.AHEAD)
        for p in range(4):
            found = bends[n, 2 * p, :EVENS] + 1j * bends[n, 2 * p + 1, :EVENS]
            expected = np.interp(at, looks, wanted[:, p].real) + 1j * np.interp(at, looks, wanted[:, p].imag)  # fmt: skip
            np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(wanted).max())
        assert np.abs(bends[n, :2]).max() > 0.01


# ---------------------------------------------------------------- pairs onto taps


@kernel
def _sixteen(out, at, far, weights, first, factors, k, step):
    add_sixteen(out, at, far, weights, first, factors, k, step)


def test_sixteen_numbers_at_once(rng):
    """To the bit: products and sums in single precision, in the order of the rows."""
    out, weights, factors = (
        rng.standard_normal(n).astype(np.float32) for n in (200, 120, 2 * ROWS * 7 + 3)
    )
    found = out.copy()
    _sixteen(found, 5, 100, weights, 9, factors, 2, 7)
    for part, at in enumerate((5, 105)):
        total = factors[2 + 7 * part] * weights[9 : 9 + WIDE]
        for row in range(1, ROWS):
            some = weights[9 + row * WIDE :][:WIDE]
            total = total + factors[2 + 7 * (2 * row + part)] * some
        out[at : at + WIDE] += total
    assert np.array_equal(found, out)


LONG, EACH, RATIO = 300, 8, 4
PER_METRE, HALF_TURN = 48.0, 2 * np.pi * 0.31


def piece(rng, pairs, channels, blocks):
    """Waves, ways (m) and bends of some pairs at one microphone, and what is read of planes: (planes, rows, place, bends)."""
    grid = np.arange(ROW) - REACH
    start, speed, turn = rng.uniform(1.0, 4.5, pairs), *rng.uniform(-0.1, 0.1, (2, pairs))
    place = start[:, None] + speed[:, None] * grid + 0.01 * turn[:, None] * np.sin(0.3 * grid)
    bends = rng.uniform(-0.3, 0.3, (pairs, 8, 1)) + rng.uniform(-0.02, 0.02, (pairs, 8, 1)) * grid
    planes = rng.standard_normal((pairs, channels, tones.PLANE)).astype(np.float32)
    return planes, tones.sample_rows(EACH), np.repeat(place[:, None], 1, axis=1), bends


def late(way, m):
    """Samples of delay (EACH,) of the samples of block m: the cubic between two grid points, slopes of fourth order."""
    q = m + REACH
    a, b = ((8 * (way[n + 1] - way[n - 1]) - (way[n + 2] - way[n - 2])) / 12 for n in (q, q + 1))
    v = np.arange(EACH) / EACH
    cubic = way[q] * (2 * v**3 - 3 * v**2 + 1) + way[q + 1] * (3 * v**2 - 2 * v**3)
    return PER_METRE * (cubic + a * (v**3 - 2 * v**2 + v) + b * (v**3 - v**2))


def block(plane, rows, m, way, bends):
    """Phases (EACH,) and complex factors (PARTS, EACH) of a block: its wave times (1 - j left x)(1 + sum of bends x^p), power by power, odd ones over j."""
    exact = PHASES * late(way, m)
    whole = np.floor(np.clip(exact + 0.5, 0.0, (LONG - TAPS) * PHASES - 1))
    left = HALF_TURN * (exact - whole) / PHASES
    at = rows * ROW + m
    wave = plane[at].astype(float) + 1j * plane[COSINES + at]
    v = np.arange(EACH) / EACH
    here, there = (bends[0::2, q] + 1j * bends[1::2, q] for q in (m + REACH, m + REACH + 1))
    c = np.concatenate([np.ones((1, EACH)), here[:, None] + np.outer(there - here, v)])
    c[1:] += -1j * left * c[:-1]
    c[1::2] *= -1j
    return whole.astype(int), wave * c


def made_block(plane, rows, m, way, bends):
    """The same by the kernel."""
    at, factors = (
        np.full(SAMPLES, -7, np.int32),
        np.full((2 * PARTS + 1) * SAMPLES, 7.0, np.float32),
    )
    spread._block(plane, rows, EACH, m, way, bends, PER_METRE, HALF_TURN, LONG, at, factors)
    parts = factors[: 2 * PARTS * SAMPLES].reshape(PARTS, 2, SAMPLES)[..., :EACH].astype(float)
    return at[:EACH], parts[:, 0] + 1j * parts[:, 1]


def test_block(rng):
    planes, rows, place, bends = piece(rng, 1, 1, 20)
    for m in (0, 3, 19):
        at, factors = made_block(planes[0, 0], rows, m, place[0, 0], bends[0])
        wanted, expected = block(planes[0, 0], rows, m, place[0, 0], bends[0])
        np.testing.assert_array_equal(at, wanted)
        np.testing.assert_allclose(factors, expected, atol=3e-6)
    far = place[0, 0] + 100.0  # beyond the line: its last tap
    assert np.all(made_block(planes[0, 0], rows, 3, far, bends[0])[0] == (LONG - TAPS) * PHASES - 1)


def onto(line, at, factors, weights, loud, sent):
    """Add a block's pairs (pair, EACH) to taps (EACH, 2, LONG) in double precision; return the first tap and the last but one."""
    low, high = LONG, 0
    for pair, n in np.ndindex(at.shape):
        first, phase = divmod(int(at[pair, n]), PHASES)
        place = sent + n * RATIO - first
        if at[pair, n] < 0 or loud[place] == loud[place + 1]:
            continue
        low, high = min(low, first), max(high, first + TAPS)
        taps = factors[pair, :, n] @ weights[phase]
        line[n, 0, first : first + TAPS] += taps.real
        line[n, 1, first : first + TAPS] += taps.imag
    return low, high


def some_sound(rng, count):
    """Bursts (count,) bool, and their running count."""
    loud = np.repeat(rng.random(count // 60 + 1) < 0.5, 60)[:count]
    return loud, np.concatenate([[0], np.cumsum(loud)]).astype(np.int32)


def test_onto(rng):
    """Three pairs, of which one is silent for the block, past bursts and silence."""
    planes, rows, place, bends = piece(rng, 3, 1, 9)
    m, sent = 4, 350
    _, loud = some_sound(rng, 500)
    parts = [made_block(planes[p, 0], rows, m, place[p, 0], bends[p]) for p in range(3)]
    at, factors = np.array([one[0] for one in parts]), np.array([one[1] for one in parts])
    at[1] = -1
    flat = spread.fractional(0.31)
    marks, packed = np.full((3, SAMPLES), -1, np.int32), np.zeros((3, 2 * PARTS + 1, SAMPLES))
    marks[:, :EACH] = at
    packed[:, 0 : 2 * PARTS : 2, :EACH], packed[:, 1 : 2 * PARTS : 2, :EACH] = (
        factors.real,
        factors.imag,
    )
    found = rng.standard_normal((12, 2, LONG)).astype(np.float32)
    wanted = found.astype(float)
    reached = np.array([LONG, 0])
    spread._onto(
        found.reshape(-1), 2 * 2 * LONG, LONG, marks.ravel(), packed.astype(np.float32).ravel(), flat, 3, EACH, loud, sent, RATIO, reached
    )  # fmt: skip
    low, high = onto(wanted[2 : 2 + EACH], at, factors, flat.reshape(PHASES, PARTS, TAPS), loud, sent)  # fmt: skip
    np.testing.assert_allclose(found, wanted, atol=5e-6)
    if low < high:
        assert reached.tolist() == [low, high]


def test_spread(rng):
    """Every sample of every pair by itself, at two channels of one microphone: blocks in silence, which the kernel leaves out, make no difference."""
    blocks, pairs = 20, 3
    planes, rows, place, bends = piece(rng, pairs, 2, blocks)
    loud_now, loud = some_sound(rng, LONG + blocks * EACH * RATIO + TAPS)
    flat = spread.fractional(0.31)
    taps, reached = np.zeros((2, blocks * EACH, 2, LONG), np.float32), np.array([LONG, 0])
    spread.spread(
        planes, rows, EACH, place, bends, PER_METRE, HALF_TURN, flat, taps, loud, LONG, RATIO,
        np.zeros(pairs * SAMPLES, np.int32), np.zeros((2 * PARTS + 1) * pairs * SAMPLES, np.float32), reached,
    )  # fmt: skip
    wanted, ends = np.zeros(taps.shape), []
    for channel, m in np.ndindex(2, blocks):
        here = [block(planes[p, channel], rows, m, place[p, 0], bends[p]) for p in range(pairs)]
        line = wanted[channel, m * EACH : (m + 1) * EACH]
        at, factors = np.array([one[0] for one in here]), np.array([one[1] for one in here])
        ends.append(onto(line, at, factors, flat.reshape(PHASES, PARTS, TAPS), loud, LONG + m * EACH * RATIO))  # fmt: skip
    np.testing.assert_allclose(taps, wanted, atol=2e-5)
    assert reached.tolist() == [min(low for low, _ in ends), max(high for _, high in ends)]
    assert loud_now.any()
    assert not loud_now.all()


# ---------------------------------------------------------------- what is heard through taps


def test_read(rng):
    row, sound = rng.standard_normal((2, 2, 75)).astype(np.float32)
    found = complex(*spread._read(*row, *sound))
    assert found == pytest.approx((row[0] + 1j * row[1]) @ (sound[0] + 1j * sound[1]), abs=2e-5)


@pytest.mark.parametrize("first", [-11, -2, 5, 16, 27, 39])
def test_mixed(rng, first):
    """Slow samples before the first and after the last are none."""
    line, weights = rng.standard_normal((40, 2, 90)), rng.standard_normal(SLOW_TAPS)
    line, weights = line.astype(np.float32), weights.astype(np.float32)
    row = np.full(35, 7.0, np.float32)
    spread._mixed(line, 1, first, weights, 21, 33, row)
    inside = [t for t in range(SLOW_TAPS) if 0 <= first + t < 40]
    wanted = sum(weights[t].astype(float) * line[first + t, 1, 21:54] for t in inside)
    np.testing.assert_allclose(row[:33], wanted, atol=1e-5)
    np.testing.assert_array_equal(row[33:], 7.0)


def test_heard_through(rng):
    """Taps faded, carried between slow samples and read sample by sample, past silences and without."""
    slow, low, wide = 40, 21, 45
    taps = rng.standard_normal((2, slow, 2, 90)).astype(np.float32)
    fade, weights = rng.random(slow).astype(np.float32), spread.between(RATIO)
    count = slow * RATIO
    loud, _ = some_sound(rng, count + wide - 1)
    sound = (rng.standard_normal((2, len(loud))) * loud).astype(np.float32)
    out = rng.standard_normal((2, count)) + 0j
    wanted = out.copy()
    line = (taps[:, :, 0] + 1j * taps[:, :, 1]) * fade[:, None]
    line = np.pad(line, ((0, 0), (SLOW_BEFORE, SLOW_TAPS), (0, 0)))[..., low : low + wide]
    for n in range(count):
        here = weights[n % RATIO].astype(float) @ line[:, n // RATIO : n // RATIO + SLOW_TAPS]
        read = (sound[0] + 1j * sound[1])[count - 1 - n :][:wide]
        wanted[:, n] += here @ read
    scratch = np.zeros((2, wide), np.float32)
    spread.heard_through(
        taps, fade, weights, low, wide, *sound, spread.loud_runs(loud), *scratch, out
    )
    np.testing.assert_allclose(out, wanted, atol=2e-4)

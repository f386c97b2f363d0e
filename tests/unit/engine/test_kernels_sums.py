"""Kernels that carry pairs to reception time and add them up, each beside its twin in NumPy."""

from itertools import groupby

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from unit.engine.crowd import ellipsoids, mirror, rows, tables
from usim.engine import array, carry, hiding, patches, shadows, slab, sums, tones
from usim.engine.carry import GAIN_IM, GAIN_RE, WORK
from usim.engine.selection import pose_table
from usim.engine.slab import (
    ARRIVAL,
    BEAM_DEGREE,
    LANES,
    LONG_SLAB,
    PATH,
    PORT_DEGREE,
    ROW,
    SECOND,
    SLAB,
    SLOPE,
    WALL_NODES,
)
from usim.engine.tones import (
    AHEAD,
    AT,
    COSINES,
    EVEN,
    PLANE,
    REACH,
    SAMPLES,
    SCRATCH,
    SPARE,
    WAVE,
)  # fmt: skip
from usim.engine.veils import no_veils
from usim.physics.occlusion import passed
from usim.physics.scattering import specular_point
from usim.physics.wrinkles import lobe

EVENS, STEP_S, C = 37, 0.004, 344.0
BLOCKS = EVENS - 2 * REACH - 1


@pytest.fixture(params=range(4))
def rng(request):
    return np.random.default_rng(request.param)


def planes(slab, count, samples):
    """Complex values (block, sample) of sums or waves."""
    parts = (
        slab[: 2 * COSINES]
        .reshape(2, SAMPLES + 1, ROW)[:, tones.sample_rows(samples), :count]
        .astype(float)
    )
    return parts[0].T, parts[1].T


def fourth(x):
    """Slopes by fourth-order differences, per knot; NaN at the two outermost."""
    slope = np.full(len(x), np.nan)
    slope[2:-2] = (8 * (x[3:-1] - x[1:-3]) - (x[4:] - x[:-4])) / 12
    return slope


def clocked(rng, drift=3.0):
    """Slab and scratch after `clock`, path and outgoing way as functions of knots, and the reception time of grid point 0."""
    count = (EVENS + SPARE + 2) // 4 * 4 + 1
    k = np.arange(count)
    v, w, turn = rng.uniform(-drift, drift, 2) * STEP_S, rng.uniform(0.005, 0.03), rng.uniform(0, 6)
    delay = 5.5 * C * STEP_S

    def second(k):
        return delay + 0.5 * v[0] * k + 0.02 * np.sin(w * k + turn)

    def path(k):
        return 2 * delay + v[1] * k + 0.05 * np.sin(w * k + turn)

    d, e = np.zeros(LONG_SLAB), np.zeros(SCRATCH)
    d[PATH:][:count], d[SECOND:][:count] = path(k), second(k)
    start = 5.0 + AHEAD
    assert tones.clock(d, e, count, EVENS, start, 1 / (C * STEP_S))
    return d, e, path, second, start, count


def test_clock(rng):
    """Path at even reception times: t = k + r2(k)/(c h), solved for k by bisection; the twin has the same Hermite cubic."""
    d, e, path, second, start, count = clocked(rng)
    even = start + np.arange(EVENS)
    bounce = [brentq(lambda k, t=t: k + second(k) / (C * STEP_S) - t, 0, count, xtol=1e-13) for t in even]  # fmt: skip
    np.testing.assert_allclose(rows(e, AT, knots=EVENS)[0], bounce, atol=2e-4)
    np.testing.assert_allclose(rows(e, EVEN, knots=EVENS)[0], path(np.array(bounce)), atol=1e-6)
    arrival, p = np.arange(count) + d[SECOND:][:count] / (C * STEP_S), d[PATH:][:count]
    np.testing.assert_allclose(d[ARRIVAL:][:count], arrival, atol=1e-12)
    slope = fourth(p) / fourth(arrival)
    np.testing.assert_allclose(d[SLOPE:][:count][2:-2], slope[2:-2], atol=1e-12)
    twin = CubicHermiteSpline(arrival[2:-2], p[2:-2], slope[2:-2])
    np.testing.assert_allclose(rows(e, EVEN, knots=EVENS)[0], twin(even), atol=1e-9)


def test_clock_says_where_knots_do_not_reach(rng):
    d, e, _, _, start, count = clocked(rng)
    d[SECOND:][:count] += 30 * C * STEP_S
    assert not tones.clock(d, e, count, EVENS, start, 1 / (C * STEP_S))


def cubic(values, samples):
    """(block, sample) of the cubic between grid points REACH and on, slopes of fourth order."""
    q = np.arange(len(values))
    spline = CubicHermiteSpline(q[2:-2], values[2:-2], fourth(values)[2:-2])
    return spline(REACH + np.arange(BLOCKS)[:, None] + np.arange(samples) / samples)


@pytest.mark.parametrize("samples", [8, 16, 32])
def test_tone(rng, samples):
    _, e, *_ = clocked(rng)
    wave, turns = np.zeros(WAVE, np.float32), 32000 / C
    tones.tone(e, EVENS, turns, samples, wave)
    phase = -2 * np.pi * turns * cubic(rows(e, EVEN, knots=EVENS)[0], samples)
    sine, cosine = planes(wave, BLOCKS, samples)
    np.testing.assert_allclose(sine, np.sin(phase), atol=2e-5)
    np.testing.assert_allclose(cosine, np.cos(phase), atol=2e-5)


def test_gate(rng):
    """The emission's envelope, linear between its samples, at the time every sample left."""
    _, e, *_ = clocked(rng)
    samples, rate = 16, 16000.0
    envelope = rng.uniform(0, 1, (2, 4000))
    wave = np.ones(WAVE, np.float32)
    tones.gate(e, EVENS, samples, envelope, 1, 2500.0, rate / C, rate * STEP_S / samples, wave)
    path = rows(e, EVEN, knots=EVENS)[0]
    block, u = np.arange(BLOCKS)[:, None], np.arange(samples) / samples
    here = path[REACH + block] + u * (path[REACH + 1 + block] - path[REACH + block])
    left = 2500.0 + (block + u) * rate * STEP_S - here * rate / C
    expected = np.interp(left, np.arange(4000), envelope[1])
    for part in planes(wave, BLOCKS, samples):
        np.testing.assert_allclose(part, expected, atol=1e-6)


def coarse(rng, ratio):
    """Scratch of a pair, the number of knots of gain, every such knot's weights (knot, grid point), and which of them a vector of points reads."""
    _, e, *_, count = clocked(rng)
    knots = (count - 1) // ratio + 1
    weights = np.full((knots + 7) // 8 * 8 * ROW, 7, np.float32)
    bands = np.zeros((ROW // LANES, 2), int)
    carry.stencil(e, EVENS, ratio, knots, np.zeros(WORK, np.float32), weights, bands)
    return e, knots, weights, bands


def dense_of(weights, bands):
    """Weights (knot, grid point), zero where no vector reads them."""
    dense = np.zeros((len(weights) // ROW, ROW))
    for v, (first, eights) in enumerate(bands[: -(-EVENS // LANES)]):
        part = slice(first, first + 8 * eights), slice(v * LANES, v * LANES + LANES)
        dense[part] = weights.reshape(-1, ROW)[part]
    return dense[:, :EVENS]


@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_stencil(rng, ratio):
    """Lagrange's cubic through four knots: exact for a cubic, weights sum to one, nothing beside the four; few knots a vector."""
    e, knots, weights, bands = coarse(rng, ratio)
    x = rows(e, AT, knots=EVENS)[0] / ratio
    dense = dense_of(weights, bands)
    assert bands[: -(-EVENS // LANES), 1].max() == {4: 1, 2: 2, 1: 3}[ratio]
    power = rng.standard_normal(4)
    at = np.polyval(power, np.arange(len(dense)) / knots)
    np.testing.assert_allclose(at @ dense, np.polyval(power, x / knots), atol=1e-5)
    np.testing.assert_allclose(dense.sum(axis=0), 1, atol=1e-6)
    assert np.count_nonzero(dense, axis=0).max() <= 4
    np.testing.assert_array_equal(dense[knots:], 0)


@pytest.mark.parametrize(("ratio", "depth"), [(1, 0.0), (4, 0.0), (1, 9.0), (4, 9.0), (4, 30.0), (1, 90.0)])  # fmt: skip
def test_interpolate(rng, ratio, depth):
    """Gain, phase and fall each by the same weights: then turned, and weakened where it falls, by at most 30 neper.

    To 2e-5; from 9 neper on to 2e-3 of what is left, where the polynomial of the exponential gives out.
    """
    _, knots, weights, bands = coarse(rng, ratio)
    turns = rng.uniform(-4, 4, ROW).astype(np.float32)
    fall = -rng.uniform(0, depth, ROW).astype(np.float32) if depth else np.full(ROW, np.nan, np.float32)  # fmt: skip
    g = rng.standard_normal((2, ROW)).astype(np.float32)
    work = np.zeros(WORK, np.float32)
    carry.interpolate(weights, bands, EVENS, turns, fall, depth > 0, *g, work)
    dense = dense_of(weights, bands)[:knots]
    gain = ((g[0] + 1j * g[1])[:knots] @ dense) * np.exp(2j * np.pi * (turns[:knots] @ dense))
    low = np.maximum(fall[:knots] @ dense, -30) if depth else np.zeros(EVENS)
    assert not depth or low.min() < -0.5 * min(depth, 30)
    found = rows(work, GAIN_RE, knots=EVENS)[0] + 1j * rows(work, GAIN_IM, knots=EVENS)[0]
    near = low > -9
    wrong = np.abs(found - gain * np.exp(low)) / np.exp(low)
    assert np.all(wrong[near] < 2e-5 * np.maximum(np.abs(gain[near]), 1))
    assert np.all(wrong < 2e-3 * np.maximum(np.abs(gain), 1))


def test_at_grid(rng):
    """A cubic through four knots as far from each grid point as the four around the middle one are from that; so exact for one cubic, and near to a wave."""
    _, e, *_, count = clocked(rng)
    x = e[AT : AT + EVENS]
    values, out = rng.standard_normal(ROW).astype(np.float32), np.full(ROW, 7, np.float32)
    carry.at_grid(e, values, EVENS, count, out)
    ahead = int(x[EVENS // 2]) - EVENS // 2
    expected = [np.polyval(np.polyfit(np.arange(4.0), values[q + ahead - 1 :][:4].astype(float), 3), at - q - ahead + 1) for q, at in enumerate(x)]  # fmt: skip
    np.testing.assert_allclose(out[:EVENS], expected, atol=2e-5)
    np.testing.assert_array_equal(out[EVENS:], 7)
    power = rng.standard_normal(4)
    carry.at_grid(e, np.polyval(power, np.arange(ROW) / count).astype(np.float32), EVENS, count, out)  # fmt: skip
    np.testing.assert_allclose(out[:EVENS], np.polyval(power, x / count), atol=3e-6)
    carry.at_grid(e, np.sin(0.5 * np.arange(ROW)).astype(np.float32), EVENS, count, out)
    np.testing.assert_allclose(out[:EVENS], np.sin(0.5 * x), atol=3e-3)


@pytest.mark.parametrize("differ", [True, False])
@pytest.mark.parametrize("ratio", [1, 4])
def test_darken(rng, ratio, differ):
    """The shade on the grid, and on top of it how one microphone's differs, where it does, carried there by the weights."""
    _, knots, weights, bands = coarse(rng, ratio)
    shade, differs = rng.uniform(0, 1, (2, ROW)).astype(np.float32)
    differs[knots:] = 0.0
    work = np.zeros(WORK, np.float32)
    g = rng.standard_normal((2, EVENS)).astype(np.float32)
    work[GAIN_RE:][:EVENS], work[GAIN_IM:][:EVENS] = g
    carry.darken(weights, bands, EVENS, shade, differ, differs, work)
    expected = g * (shade[:EVENS] + differ * (differs[:knots] @ dense_of(weights, bands)[:knots]))
    np.testing.assert_allclose(rows(work, GAIN_RE, 1, EVENS)[0], expected[0], atol=2e-6)
    np.testing.assert_allclose(rows(work, GAIN_IM, 1, EVENS)[0], expected[1], atol=2e-6)


@pytest.mark.parametrize("samples", [8, 32])
def test_add_channel(rng, samples):
    work, wave = np.zeros(WORK, np.float32), np.zeros(WAVE, np.float32)
    gain = np.cumsum(rng.standard_normal((2, EVENS)), axis=1) * 0.1
    work[GAIN_RE:][:EVENS], work[GAIN_IM:][:EVENS] = gain
    angle = rng.uniform(0, 6, (SAMPLES + 1, ROW))
    wave[:COSINES], wave[COSINES : 2 * COSINES] = np.sin(angle).ravel(), np.cos(angle).ravel()
    total = np.ones(PLANE, np.float32)
    carry.add_channel(work, EVENS, samples, wave, total)
    tone = np.exp(1j * angle[tones.sample_rows(samples), :BLOCKS].T)
    expected = 1 + 1j + (cubic(gain[0], samples) + 1j * cubic(gain[1], samples)) * tone
    re, im = planes(total, BLOCKS, samples)
    np.testing.assert_allclose(re + 1j * im, expected, atol=1e-5)


@pytest.mark.parametrize("ratio", [1, 4])
def test_window(rng, ratio):
    table = rng.standard_normal((15, 120))
    s, d = np.zeros(SLAB, np.float32), np.zeros(LONG_SLAB)
    count = (45 - 1) // ratio + 1
    array.window(table, 15, 7, ratio, s, 16, count)
    array.long_window(table, 7, d, 45)
    part = table[:, 7 : 7 + 45 : ratio]
    np.testing.assert_array_equal(rows(s, 16, 15, count), part.astype(np.float32))
    np.testing.assert_array_equal(rows(d, 0, 9, 45), table[:9, 7 : 7 + 45])
    others = np.zeros(SLAB, np.float32)
    array.window_beside(s[16:], 15, others, 32, 16)
    np.testing.assert_array_equal(rows(others, 32, 15, 16), rows(s, 16, 15, 16))


def test_start(rng):
    """Each microphone's lanes get the middle's normals."""
    coarse_s, s = np.zeros((2, SLAB), np.float32)
    normal = rng.standard_normal((3, 16))
    for n in range(3):
        coarse_s[slab.NORMAL + n * ROW :][:16] = normal[n]
    for mic in range(2):
        array.start_from(coarse_s, s, 16 * mic, 16)
    expected = np.tile(normal, 2).astype(np.float32)
    np.testing.assert_array_equal(rows(s, slab.NORMAL, 3, 32), expected)


def middles(rng):
    """Slabs of the middle of the array: unit vectors ON and, in float64, second leg and slope of the path."""
    coarse_s, ways = np.zeros(SLAB, np.float32), np.zeros(array.WAYS)
    on = rng.standard_normal((3, 16))
    on /= np.linalg.norm(on, axis=0)
    second, slope = rng.uniform(1, 6, 16), rng.uniform(-0.05, 0.05, 16)
    for n in range(3):
        coarse_s[slab.ON + n * ROW :][:16] = on[n]
    ways[array.WAY :][:16], ways[array.RATE :][:16] = second, slope
    return coarse_s, ways, on, second, slope


def test_middles(rng):
    """Mean of each array's microphones, and the whole knots that sound takes to it, at most so many."""
    targets, here = rng.uniform(-3, 3, (5, 4, 3)), rng.uniform(-1, 1, 3)
    leads, found = np.zeros(5, int), np.ones((5, 3))
    array.middles_of(targets, *here, 2.5, 8, leads, found)
    expected = targets.mean(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    late = np.linalg.norm(expected - here, axis=1) * 2.5
    np.testing.assert_array_equal(leads, np.minimum(np.floor(late), 8))


def test_beside(rng):
    """The phase of a microphone beside the middle of the array: its own way from the same point, less what its own Fermat point takes off; and
    as heard at one instant, so from a bounce that lies earlier by its extra way."""
    coarse_s, ways, on, second, slope = middles(rng)
    s = np.zeros(SLAB, np.float32)
    sway, lean = rng.uniform(0, 1e-4, 16), rng.uniform(-2e-3, 2e-3, 16)
    s[slab.SWAY + 16 :][:16], s[slab.LEAN + 16 :][:16] = sway, lean
    aside, turns, inverse = rng.uniform(-0.05, 0.05, 3), 93.0, 0.7
    array.beside(coarse_s, ways, s, 16, *map(np.float32, aside), inverse, turns, 16)
    way = np.linalg.norm((second * on).T + aside, axis=1) - second
    expected = -turns * (way - sway - slope * (way - lean) * inverse)
    np.testing.assert_allclose(rows(s, slab.SHIFT + 16, 1, 16)[0], expected, atol=3e-6)


def test_tilt(rng):
    """What walls and air do off the carrier, as the Doppler of every knot has it."""
    _, ways, _, second, slope = middles(rng)
    s = np.zeros(SLAB, np.float32)
    re, im = rng.standard_normal((2, 16)).astype(np.float32)
    s[slab.RE + 16 :][:16], s[slab.IM + 16 :][:16] = re, im
    tilt, air, weight, per_slope = 2e-6 - 3e-6j, 5e-6, 1.5, -900.0
    array.tilt(ways, s, 16, per_slope, np.float32(tilt.real), np.float32(tilt.imag), air, np.float32(weight), 16)  # fmt: skip
    tilted = (re + 1j * im) * weight * (1 + per_slope * slope * (tilt - air * second))
    found = rows(s, slab.RE + 16, 1, 16)[0] + 1j * rows(s, slab.IM + 16, 1, 16)[0]
    np.testing.assert_allclose(found, tilted, rtol=1e-5)


def test_sine_and_cosine():
    """Turns within half a turn of 0, to a few roundings of float32."""
    x = np.linspace(-0.5, 0.5, 1001).astype(np.float32)
    for kernel, function in ((tones.sine, np.sin), (tones.cosine, np.cos)):
        made = np.array([kernel(v) for v in x], float)
        np.testing.assert_allclose(made, function(2 * np.pi * x.astype(float)), atol=5e-7)


def test_coarse(rng):
    """Every ratio-th knot of normals and second leg; lanes beyond the last repeat it."""
    s, d = rng.standard_normal(SLAB).astype(np.float32), rng.standard_normal(LONG_SLAB)
    coarse_s, ways = np.zeros(SLAB, np.float32), np.zeros(array.WAYS)
    array.coarsen(s, d, coarse_s, ways, 4, 13, 16)
    at = 4 * np.minimum(np.arange(16), 12)
    fine = rows(s, slab.NORMAL, 3, ROW)[:, at]
    np.testing.assert_array_equal(rows(coarse_s, slab.NORMAL, 3, 16), fine)
    np.testing.assert_array_equal(rows(ways, array.WAY, 1, 16)[0], rows(d, SECOND, 1, ROW)[0, at])
    array.rates(d, ways, 4, 13, 16)
    np.testing.assert_array_equal(rows(ways, array.RATE, 1, 16)[0], rows(d, SLOPE, 1, ROW)[0, at])


def test_sparsest():
    """What changes by 4 over four knots changes by 1 in one; never sparser than asked, never denser than every knot."""
    found = [[slab.sparsest(ratio, slab.f32(4.0), slab.f32(most)) for most in (9, 4, 3.9, 2, 1.9, 0.1)] for ratio in (4, 1)]  # fmt: skip
    assert found == [[4, 4, 2, 2, 1, 1], [1] * 6]


def crowded(rng):
    """Four pieces that stand still, of which piece 1 echoes, 0 stands half way to `end` and 3 is far off: tables, slab of the others,
    points of the surface of piece 1 (3 rows), end."""
    place, turned, sizes = (list(x) for x in zip(*(ellipsoids(rng, 1) for _ in range(4)), strict=True))  # fmt: skip
    end = np.array([2.5, 2.0, 1.25]) + rng.uniform(2, 3, 3)
    place[0] = 0.5 * (place[1] + end)
    place[3] = place[3] - 40.0
    tables = np.array([pose_table(place[n].repeat(60, 0), turned[n].repeat(60, 0), sizes[n]) for n in range(4)])  # fmt: skip
    s, crowd = np.zeros(SLAB, np.float32), np.zeros(4 * shadows.OCCLUDER, np.float32)
    s[: 15 * ROW].reshape(15, ROW)[:, :16] = tables[1, :15, :16]
    s[slab.NORMAL : slab.NORMAL + 3 * ROW] = 1 / np.sqrt(3)
    everything = np.zeros((4, shadows.ROWS, 60 + shadows.BEYOND), np.float32)
    shadows.occluders(tables, 1, everything)
    for o in (0, 2, 3):
        shadows.window_of(everything, o, 0, 1, crowd, 0, 16)
    points = np.zeros(3 * ROW, np.float32)
    shadows.surface_points(s, points, 16)
    return tables, everything, crowd, points, end


def test_in_the_way(rng):
    """The other pieces that are not clear of this leg; where there are several points, of the first by more and of any by what matters."""
    _, everything, crowd, points, end = crowded(rng)
    edge, sight, found = np.zeros(ROW, np.float32), np.zeros(shadows.SIGHT, np.float32), np.ones(4, bool)  # fmt: skip
    ends, held = np.repeat(end.astype(np.float32), ROW), np.full(4, -1)
    few = np.zeros_like(crowd)

    def asked(places, clear, slack, marks=points):
        args = (marks, places, ends, few, held, everything, 0, sight, edge, 1, 1, 95.0, 13, 16, np.float32(clear), np.float32(slack), found)  # fmt: skip
        some, fast = hiding.in_the_way(*args)
        assert some == found.any()
        assert fast == 0.0  # they stand still
        return found.copy()

    def clear(o, wanted, slack=0.0, marks=points):
        return shadows.is_clear(marks, crowd, o, ends, np.float32(95.0), sight, edge, 13, 16, np.float32(wanted), np.float32(slack))  # fmt: skip

    np.testing.assert_array_equal(asked(1, 1.9, 0.0), [True, False, False, False])
    np.testing.assert_array_equal(held, [0, -1, 0, 0])
    assert [clear(o, 1.9) for o in (0, 2, 3)] == [False, True, True]
    everywhere = asked(1, 100.0, 1.0)
    np.testing.assert_array_equal(everywhere[[0, 2, 3]], [not clear(o, 100.0, 1.0) for o in (0, 2, 3)])  # fmt: skip
    assert everywhere.sum() > 1
    # the same point twice: what is near but takes nothing is left out again
    twice = points.reshape(3, ROW).copy()
    twice[:, 16:32] = twice[:, :16]
    np.testing.assert_array_equal(asked(2, 100.0, 1.0, twice.ravel()), [True, False, False, False])
    # the first point far from everything, the second as above
    twice[:, :16] += np.float32(10.0)
    np.testing.assert_array_equal(asked(2, 1e9, 100.0, twice.ravel()), [True, False, False, False])
    assert not asked(1, 1.9, 0.0, twice.ravel()).any()


def test_hide(rng):
    """What passes the pieces found on a leg, at one microphone; and at the middle, which tells whose shade is deep enough to differ between
    microphones."""
    _, _, crowd, points, end = crowded(rng)
    ends = (end[:, None] + 0.05 * rng.standard_normal((3, ROW))).astype(np.float32).ravel()
    sight, waves = np.zeros(shadows.SIGHT, np.float32), np.float32(95.0)
    alone = np.ones((4, ROW), np.float32)
    for o in (0, 2, 3):
        shadows.shade(points, crowd, o, ends, waves, sight, alone[o], 16)
    assert alone[0, :16].min() < 0.5
    assert alone[3, :16].min() > 0.99
    for found in ([True, False, True, True], [False, False, False, True], [False] * 4):
        expected = np.prod(alone[found], axis=0, dtype=np.float32)
        through = np.ones(ROW, np.float32)
        hiding.hide(points, crowd, ends, np.array(found), waves, sight, through, 16)
        np.testing.assert_allclose(through, expected, rtol=1e-6)
        one, apart, left = np.zeros(ROW, np.float32), np.ones(ROW, np.float32), np.array(found)
        through = np.ones(ROW, np.float32)
        some = hiding.hide_middle(points, crowd, ends, left, waves, sight, one, through, apart, 16)
        np.testing.assert_allclose(through * apart, expected, rtol=1e-6)
        deep = np.array(found) & (alone[:, :16].min(axis=1) < 0.99)
        np.testing.assert_array_equal(left, deep)
        np.testing.assert_allclose(apart, np.prod(alone[deep], axis=0), rtol=1e-6)
        assert some == deep.any()


def test_fetch_and_repeat(rng):
    """Windows of the pieces found on either leg alone, and only where another knot is first; then side by side for microphones."""
    _, everything, *_ = crowded(rng)
    everything += rng.standard_normal(everything.shape).astype(np.float32)
    out, back = np.array([True, False, False, False]), np.array([False, False, True, False])
    held, crowd = np.array([-1, -1, 8 * 5 + 1, -1]), np.full(4 * shadows.OCCLUDER, 7, np.float32)
    hiding.fetch(everything, 5, 1, out, back, crowd, held, 16)
    expected = np.full((4, shadows.ROWS, ROW), 7, np.float32)
    expected[0, :, :16] = everything[0][:, 5 + np.arange(16)]
    np.testing.assert_array_equal(crowd.reshape(expected.shape), expected)
    np.testing.assert_array_equal(held, [41, -1, 41, -1])
    hiding.fetch(everything, 5, 2, out, ~out & False, crowd, held, 16)
    np.testing.assert_array_equal(crowd.reshape(expected.shape)[0, :, :16], everything[0][:, 5 + 2 * np.arange(16)])  # fmt: skip
    np.testing.assert_array_equal(held, [42, -1, 41, -1])
    hiding.fetch(everything, 5, 1, out, back, crowd, held, 16)
    many, held = np.full_like(crowd, 7), np.array([-1, -1, 5, -1])
    hiding.repeat(crowd, 5, out, back, many, held, 3, 16)
    expected[0, :, :48] = np.tile(expected[0, :, :16], 3)
    np.testing.assert_array_equal(many.reshape(expected.shape), expected)
    np.testing.assert_array_equal(held, [5, -1, 5, -1])


def test_by_lead():
    leads, images = np.array([2, 0, 1]), np.array([0, 0, 1, 1, 2, 2])
    order = np.zeros(6, int)
    sums._by_lead(leads, images, 3, order)
    np.testing.assert_array_equal(order, [2, 3, 4, 5, 0, 1])


SAMPLES_HERE, STEP, TURNS, ALPHA, SLOPE_HZ = 8, 0.004, 32000 / C, 0.13, 5e-6
TILT = np.array([[2e-6 + 1e-6j, -1e-6 + 3e-6j]])
LEAD = 12


class Flier:
    """A tumbling, flying ellipsoid that bends."""

    def __init__(self, rng, size=None, place=(2.5, 2.0, 1.2)):
        self.size = rng.uniform(0.08, 0.2, 3) if size is None else size
        self.place, self.way = np.array(place), rng.uniform(-1, 1, 3)
        axis = rng.standard_normal(3)
        self.axis = axis * rng.uniform(0.3, 1.0) / np.linalg.norm(axis)
        self.stand = Rotation.random(random_state=rng)

    def pose(self, t):
        t = np.atleast_1d(t)
        turned = Rotation.from_rotvec(t[:, None] * self.axis) * self.stand
        return self.place + t[:, None] * self.way, turned.as_matrix()

    def bend(self, t):
        return 0.8 + 0.5 * np.sin(4.0 * np.atleast_1d(t))

    def table(self):
        first = AHEAD + LEAD  # the knot of grid point 0, which is at time 0
        t = STEP * (np.arange(EVENS + SPARE + 4 + LEAD) - first)
        return pose_table(*self.pose(t), self.size, self.bend(t))


def coloured(rng, sources):
    """A wall on each leg, a beam and an arrival shadow, all smooth: hits, normals, walls, beam, port, axes (see `piece_sum`)."""
    normals = rng.standard_normal((5, 1, 3))
    normals /= np.linalg.norm(normals, axis=2)[:, :, None]
    beam = rng.standard_normal((1, 1, 2, BEAM_DEGREE + 1)) * 0.5 ** np.arange(BEAM_DEGREE + 1)
    port = rng.standard_normal((1, 1, PORT_DEGREE + 1)) * 0.3 ** np.arange(PORT_DEGREE + 1)
    beam[..., 0, 0] += 2
    port[..., 0] += 2
    axes = [np.array([2.5, 2.0, 1.2]) - sources[0], rng.standard_normal(3), rng.standard_normal(3)]
    axes = np.array([axis / np.linalg.norm(axis) for axis in axes], np.float32)
    made = np.float32(normals[2:]), tables(rng, 1)[0][None], np.float32(beam), np.float32(port)  # fmt: skip
    return np.zeros((3, 1), int), *made, axes


def summed(fliers, own, glints, pairs, weight, group, sources, targets, newton_steps, ratio=1, shared=False, colour=None):  # fmt: skip
    """What `piece_sum` makes (group, mic, block, sample); skins of mirror, glints and what is diffuse reflect 1, 0.7 and 0.4; colour: see `coloured`."""
    skins = np.zeros((3, 2, WALL_NODES), np.float32)
    skins[:, 0] = np.array([[1.0], [0.7], [0.4]])
    if colour is None:
        nowhere = np.zeros((3, 1, 3), np.float32)
        flat = np.array([[[[0.8], [-0.6]]]], np.float32), np.array([[[0.5]]], np.float32)
        colour = np.full((3, 1), -1), nowhere, skins[None, :1], *flat, np.ones((3, 3), np.float32)  # fmt: skip
    hits, normals, walls, beam, port, axes = colour
    total = np.zeros((2, 2, PLANE), np.float32)
    missed = sums.piece_sum(
        np.array([one.table() for one in fliers]), own, glints, LEAD, EVENS, SAMPLES_HERE, STEP, ratio, newton_steps, pairs, weight, group,
        sources, axes, targets, np.stack([axes[:2], axes[1:]]), (hits, normals, no_veils(3).arrays),
        np.array([TURNS]), walls, skins[None], beam, port, np.array([ALPHA]), np.array([SLOPE_HZ]), TILT, C, np.zeros((1, 0)), 0.0, 16000.0, total, shared,
    )  # fmt: skip
    assert missed == 0
    parts = [planes(total[g, mic], BLOCKS, SAMPLES_HERE) for g in range(2) for mic in range(2)]
    return np.array([re + 1j * im for re, im in parts]).reshape(2, 2, BLOCKS, SAMPLES_HERE)


def times(every):
    """Times of the samples of every so many blocks."""
    return STEP * (REACH + np.arange(0, BLOCKS, every)[:, None] + np.arange(SAMPLES_HERE) / SAMPLES_HERE).ravel()  # fmt: skip


def heard(bounced, t, j):
    """One pair's wave at reception times t: t = t_b + r2(t_b)/c by iteration; bounced(t_b): gain, path, cosine, second leg, way through air."""

    def at(t):
        bounce = t
        for _ in range(8):
            found = bounced(bounce)
            bounce = t - found[3] / C
        return found

    gain, path, cosine, second, way = at(t)
    h = 1e-4
    off = -TURNS * (at(t + h)[1] - at(t - h)[1]) / (2 * h)
    full, last = np.cos(np.deg2rad(70)), np.cos(np.deg2rad(80))
    f = np.clip((cosine - last) / (full - last), 0, 1)
    gain = gain * f**3 * (6 * f * f - 15 * f + 10) * np.exp(-ALPHA * (way - 1))
    gain = gain * (1 + off * (TILT[0, j] - SLOPE_HZ * second)) * (0.8 - 0.6j) * 0.5
    return gain * np.exp(-2j * np.pi * TURNS * path)


def of_mirror(flier, source, microphone):
    """The mirror of `heard`, found one sample at a time by Newton on the path length."""

    def bounced(t):
        at, turned = flier.pose(t)
        gain, path, cosine = mirror(at, turned, flier.size, source, microphone)
        body = np.einsum("kji,kj->ki", turned, microphone - at)
        out = np.einsum("kji,kj->ki", turned, source - at)
        point = specular_point(flier.size, out, body)
        return gain, path, cosine, np.linalg.norm(body - point, axis=1), path

    return bounced


def of_glint(flier, glint, source, microphone, others=()):
    """A glint of `heard` (see `physics.wrinkles`), in the shadow of others: of the second leg as this microphone sees it."""

    def bounced(t):
        at, turned = flier.pose(t)
        n = turned @ glint[:3]
        square = flier.size**2
        h = np.linalg.norm(flier.size * glint[:3])
        point = at + turned @ (square * glint[:3] / h)
        out, back = source - point, microphone - point
        r1, r2 = np.linalg.norm(out, axis=1), np.linalg.norm(back, axis=1)
        b = out / r1[:, None] + back / r2[:, None]
        bn, cosine = (b * n).sum(axis=1), np.linalg.norm(b, axis=1) / 2
        flat = cosine * flier.size.prod() / (r1 * r2 * np.maximum(bn, 0.1) * h * h)
        gain = flat * lobe(bn / (2 * cosine), glint[5]) * glint[6] * (0.7 if glint[5] else 0.4)
        for other in others:
            place, stand = other.pose(t)
            shape = np.einsum("kij,j,klj->kil", stand, other.size**2, stand)
            for end in (source, microphone):
                gain = gain * passed(np.broadcast_to(end, point.shape), point, place, shape, 1 / TURNS)  # fmt: skip
        shorter = 2 * (
            glint[3] + glint[4] * flier.bend(t)
        )  # of phase alone: air takes 0.01 dB less
        return gain, r1 + r2 - shorter, cosine, r2, r1 + r2

    return bounced


def scenery(rng):
    sources = rng.uniform([-1, -1, 0], [0, 5, 3], (3, 3))
    targets = rng.uniform([-1, -1, 0], [0, 5, 3], (2, 1, 3)) + rng.uniform(-0.02, 0.02, (2, 2, 3))
    return sources, targets


@pytest.mark.parametrize(("newton_steps", "bar"), [(1, 3e-3), (3, 2e-4)])
def test_piece_sum(rng, newton_steps, bar):
    """Three weighted pairs over a tumbling, flying ellipsoid at two microphones, against path and amplitude found one sample at a
    time: t = t_b + r2(t_b)/c by iteration, the Fermat point by Newton on the path length. Phase is held to 1e-4 rad; the
    rest is float32 and, with one step, how far the normal got."""
    flier = Flier(rng)
    sources, targets = scenery(rng)
    pairs = np.array([[0, 0, -1], [2, 0, -1], [1, 1, -1]])
    weight, group = np.array([1.0, 2.0, 0.5], np.float32), np.array([0, 1, 0])
    total = summed([flier], 0, np.zeros((0, 7)), pairs, weight, group, sources, targets, newton_steps)  # fmt: skip
    t = times(5)
    for mic in range(2):
        expected = np.zeros((2, len(t)), complex)
        for (i, j, _), w, g in zip(pairs, weight, group, strict=True):
            expected[g] += w * heard(of_mirror(flier, sources[i], targets[j, mic]), t, j)
        for g in range(2):
            found = total[g, mic, ::5].ravel()
            assert np.abs(found - expected[g]).max() <= bar * np.abs(expected[g]).max()


@pytest.mark.parametrize("own", [0, 1])
def test_piece_sum_of_glints(rng, own):
    """Two glints and a diffuse one of a dressed ellipsoid that flies, tumbles and bends, beside a second piece that shades them, sample by sample.

    As tightly as the mirror with three steps: a glint's normal is given, but float32, and its path does not stand still about it:
    2e-7 of a limb's 0.2 m are 3e-5 rad.
    """
    sources, targets = scenery(rng)
    dressed = Flier(rng)
    middles = targets.mean(axis=1)
    toward = [(s - dressed.place) / np.linalg.norm(s - dressed.place) + (m - dressed.place) / np.linalg.norm(m - dressed.place) for s, m in ((sources[0], middles[0]), (sources[1], middles[1]))]  # fmt: skip
    normals = np.array([toward[0], toward[1], toward[0]]) @ dressed.pose(0.0)[1][0]
    normals += 0.1 * rng.standard_normal((3, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    # a limb beside the way from the first glint to the microphones: half in the way, half out of it
    start = dressed.place + dressed.pose(0.0)[1][0] @ (dressed.size**2 * normals[0] / np.linalg.norm(dressed.size * normals[0]))  # fmt: skip
    aside = np.cross(middles[0] - start, rng.standard_normal(3))
    place = start + 0.3 * (middles[0] - start) + rng.uniform(0, 0.1) * aside / np.linalg.norm(aside)
    limb = Flier(rng, size=np.array([0.07, 0.06, 0.2]), place=place)
    limb.way = dressed.way + 0.5 * limb.way
    fliers = [dressed, limb] if own == 0 else [limb, dressed]
    glints = np.column_stack([normals, rng.normal(0, 0.003, 3), rng.normal(0, 0.01, 3), [40.0, 60.0, 0.0], [0.5, 0.8, 0.1]])  # fmt: skip
    pairs = np.array([[0, 0, 0], [0, 0, 2], [1, 1, 1]])
    weight, group = np.array([1.0, 2.0, 0.5], np.float32), np.array([0, 1, 1])
    total = summed(fliers, own, glints, pairs, weight, group, sources, targets, 1)
    t = times(5)
    shaded = []
    for mic in range(2):
        expected, clear = np.zeros((2, 2, len(t)), complex)
        for (i, j, n), w, g in zip(pairs, weight, group, strict=True):
            ends = sources[i], targets[j, mic]
            expected[g] += w * heard(of_glint(dressed, glints[n], *ends, [limb]), t, j)
            clear[g] += w * heard(of_glint(dressed, glints[n], *ends), t, j)
        for g in range(2):
            found = total[g, mic, ::5].ravel()
            assert np.abs(found - expected[g]).max() <= 2e-4 * np.abs(clear[g]).max()
        shaded.append(np.abs(expected[0]).min() / np.abs(clear[0]).max())
    assert min(shaded) < 0.8


def facing(flier, source, microphone):
    """Normal of the mirror in the piece's own frame, half way through."""
    at, turned = (x[0] for x in flier.pose(0.5 * EVENS * STEP))
    out, back = (turned.T @ (end - at) for end in (source, microphone))
    normal = specular_point(flier.size, out[None], back[None])[0] / flier.size**2
    return normal / np.linalg.norm(normal)


def narrow(rng, normal, count):
    """Narrow glints about a normal, of one sharpness: what a patch is made of."""
    normals = normal + 0.07 * rng.standard_normal((count, 3))
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    sharpness = np.full(count, rng.uniform(100, 200))
    return np.column_stack([normals, rng.normal(0, 0.003, count), rng.normal(0, 0.01, count), sharpness, rng.uniform(0.3, 1, count)])  # fmt: skip


def in_the_light(rng, dressed, normal, end):
    """A limb that flies along, half in the way from the point that has a normal to an end."""
    at, turned = (x[0] for x in dressed.pose(0.0))
    start = at + turned @ (dressed.size**2 * normal / np.linalg.norm(dressed.size * normal))
    aside = np.cross(end - start, rng.standard_normal(3))
    place = start + 0.3 * (end - start) + rng.uniform(0, 0.1) * aside / np.linalg.norm(aside)
    limb = Flier(rng, size=np.array([0.07, 0.06, 0.2]), place=place)
    limb.way = dressed.way + 0.5 * limb.way
    return limb


def apart_db(found, expected, reference):
    """Energy of what is wrong, dB against that of a reference."""
    return 10 * np.log10((np.abs(found - expected) ** 2).sum() / (np.abs(reference) ** 2).sum())


@pytest.mark.parametrize("ratio", [1, 4])
def test_patch(rng, ratio):
    """A dozen narrow glints that one pair of legs sees, summed as a patch, against each by itself, sample by sample: to -65 dB in the open, to -40 dB beside a limb
    that shades some of them."""
    sources, targets = scenery(rng)
    dressed, middle = Flier(rng), targets[0].mean(axis=0)
    normal = facing(dressed, sources[0], middle)
    glints, limb = narrow(rng, normal, 12), in_the_light(rng, dressed, normal, middle)
    pairs = np.column_stack([np.zeros((12, 2), int), np.arange(12)])
    weight, group, t = rng.uniform(0.5, 2, 12).astype(np.float32), np.zeros(12, int), times(2)
    args = glints, pairs, weight, group, sources, targets, 1, ratio, True
    open_, shaded = summed([dressed], 0, *args), summed([dressed, limb], 0, *args)
    for mic in range(2):
        ends = sources[0], targets[0, mic]
        clear = sum(w * heard(of_glint(dressed, g, *ends), t, 0) for g, w in zip(glints, weight, strict=True))  # fmt: skip
        dark = sum(w * heard(of_glint(dressed, g, *ends, [limb]), t, 0) for g, w in zip(glints, weight, strict=True))  # fmt: skip
        assert apart_db(open_[0, mic, ::2].ravel(), clear, clear) <= -65
        assert apart_db(shaded[0, mic, ::2].ravel(), dark, clear) <= -40
        assert apart_db(dark, clear, clear) > -20


@pytest.mark.parametrize("bright", [True, False])
def test_patches_among_pairs(rng, bright):
    """Three pairs of legs, of which some lines are patches and others by themselves, in two sums: as with every line by itself; beside walls, a beam and arrival
    shadows, too."""
    sources, targets = scenery(rng)
    dressed, middles = Flier(rng), targets.mean(axis=1)
    legs = [(0, 0), (2, 0), (1, 1)]
    normals = [facing(dressed, sources[i], middles[j]) for i, j in legs]
    glints = np.concatenate([narrow(rng, normal, 8) for normal in normals])
    glints[3, 5], glints[12, 5] = 0.0, 0.0  # what is diffuse is in no patch
    limb = in_the_light(rng, dressed, normals[0], middles[0])
    lines = [(n, 8 * n + g, n == 2 or (n == 1 and g > 4)) for n in range(3) for g in range(8)]
    pairs = np.array([[*legs[n], g] for n, g, _ in lines])
    group = np.array([int(which) for *_, which in lines])
    for at, n in ((0, 0), (10, 1), (len(pairs), 2)):
        pairs, group = np.insert(pairs, at, [*legs[n], -1], axis=0), np.insert(group, at, n // 2)
    weight = rng.uniform(0.5, 2, len(pairs)).astype(np.float32)
    args = [limb, dressed], 1, glints, pairs, weight, group, sources, targets, 1, 1
    colour = None if bright else coloured(rng, sources)
    each, together = (summed(*args, shared=shared, colour=colour) for shared in (False, True))
    for g in range(2):
        wrong = apart_db(together[g], each[g], each[g])
        assert -110 < wrong <= -45


def test_find_runs(rng):
    """Lines side by side of one pair of legs, one sum and glints as narrow as each other; no more than fit, nor fewer than pay."""
    count = 300
    glints = np.zeros((30, 7))
    glints[:20, 5] = np.repeat([70.0, 90.0], [18, 2])
    pairs = np.repeat(rng.integers(0, 2, (count, 3)), rng.integers(1, 60, count), axis=0)[:count]
    pairs[:, 2] = np.where(rng.random(count) < 0.05, rng.integers(-1, 30, count), rng.integers(0, 18, count))  # fmt: skip
    group = np.repeat(rng.integers(0, 2, count), rng.integers(1, 60, count))[:count]
    pairs[:42], group[:42], pairs[41, 2] = 0, 0, -1  # one too many
    pairs[100:190], group[100:190] = 1, 1

    def kind(n):
        i, j, glint = pairs[n]
        return (i, j, group[n], glints[glint, 5]) if 0 <= glint < 20 else n

    alike = [list(lines) for _, lines in groupby(range(count), kind)]
    cut = [lines[n : n + patches.MOST] for lines in alike for n in range(0, len(lines), patches.MOST)]  # fmt: skip
    expected = [(lines[0], lines[-1] + 1) for lines in cut if len(lines) >= patches.LEAST_GLINTS]
    runs, single = np.zeros((count // 2, 2), int), np.zeros(count, bool)
    found = patches.find_runs(glints, pairs, group, runs, single)
    np.testing.assert_array_equal(runs[:found], expected)
    in_runs = [n for a, b in expected for n in range(a, b)]
    np.testing.assert_array_equal(np.flatnonzero(~single), in_runs)
    assert not single[0]
    assert single[40]
    assert np.diff(expected).max() == patches.MOST


def test_pairs_in_any_order(rng):
    """Best sorted by the microphones' image; but any order gives the same sums, to the order of adding."""
    sources, targets = scenery(rng)
    dressed, limb = Flier(rng), Flier(rng, place=(1.5, 2.0, 1.2))
    glints = np.column_stack([np.eye(3), np.zeros((3, 2)), np.full(3, 5.0), np.ones(3)])
    pairs = np.array([[0, 0, -1], [1, 0, 0], [2, 0, 1], [0, 1, 2], [1, 1, -1], [2, 1, 0]])
    weight, group = np.ones(6, np.float32), np.zeros(6, int)
    first = summed([dressed, limb], 0, glints, pairs, weight, group, sources, targets, 1)
    mixed = summed([dressed, limb], 0, glints, pairs[rng.permutation(6)], weight, group, sources, targets, 1)  # fmt: skip
    np.testing.assert_allclose(mixed, first, atol=1e-6 * np.abs(first).max())

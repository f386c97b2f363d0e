"""Kernels of glints that one pair of legs sees, summed as a patch, each beside its twin in NumPy."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from unit.engine.crowd import KNOTS, ellipsoids, ends, rows, slabs
from usim.engine import anchor, array, carry, facets, instants, slab, tones
from usim.engine.anchor import (
    ALPHA,
    BACK_,
    BACK_N,
    BASE,
    BENT,
    DP,
    DR,
    E1,
    E2,
    EAR_BACK,
    EAR_N,
    FACING,
    LATENESS,
    LEANING,
    MORE,
    OF_PATCH,
    PASSED,
    PORTS,
    R1,
    R2,
    ROTATION,
    STEEP,
    TWIST,
    VOLUME,
    D,
    P,
    Q,
    X,
)
from usim.engine.glints import TURN
from usim.engine.instants import FINEST, IMAGINARY, LONG, SUM
from usim.engine.selection import pose_table
from usim.engine.slab import IM, NORMAL, RE, ROW, SLAB, f32
from usim.engine.tones import AT, COSINES, REACH, SAMPLES, SCRATCH, WAVE
from usim.physics.wrinkles import lobe

EVEN = 37


@pytest.fixture(params=range(4))
def rng(request):
    return np.random.default_rng(request.param)


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def put(slab, start, values):
    """Write rows (n, knots) into a slab."""
    for n, row in enumerate(np.atleast_2d(values)):
        slab[start + n * ROW :][: len(row)] = row


class Scene:
    """An ellipsoid between two ends, another pose on every knot: slabs with its anchor and tangents, and the same in float64.

    scatter: of anchors about the bisector, and of the direction in which a glint of the piece's own frame looks.
    """

    def __init__(self, rng, scatter=0.0):
        place, self.turned, size = ellipsoids(rng)
        self.source, self.ear = ends(rng)
        bisector = unit(unit(self.source - place) + unit(self.ear - place))
        self.glint = unit(rng.standard_normal(3))
        if scatter:
            looks = unit(bisector + scatter * rng.standard_normal((KNOTS, 3)))
            turns = [Rotation.align_vectors(look, turned @ self.glint)[0] for look, turned in zip(looks, self.turned, strict=True)]  # fmt: skip
            self.turned = np.array([turn.as_matrix() for turn in turns]) @ self.turned
        self.s, _ = slabs(place, self.turned, size)
        self.x = np.zeros(OF_PATCH, np.float32)
        slab.aim(self.s, *self.ear, 0.0, 0.0, 1.0, 0, KNOTS)
        put(self.s, NORMAL, unit(bisector + scatter * rng.standard_normal((KNOTS, 3))).T)
        self.normal = rows(self.s, NORMAL, 3).T
        self.bend = rng.uniform(0, 2, KNOTS)
        table = pose_table(place, self.turned, size, self.bend)
        array.window(table[TURN:], 10, 0, 1, self.x[ROTATION:], 0, KNOTS)
        anchor._anchor(self.s, self.x, *map(f32, self.source), KNOTS)
        anchor._tangents(self.s, self.x, 7, KNOTS)
        self.square = np.einsum("kij,j,klj->kil", self.turned, size**2, self.turned)
        self.place, self.size, self.table = place, size, table
        self.point, self.h = self.on(self.normal)

    def on(self, normal):
        """Points (knot, 3) that have normals, from the centre, and the distance of their tangent planes."""
        away = np.einsum("kij,kj->ki", self.square, normal)
        h = np.sqrt((away * normal).sum(axis=1))
        return away / h[:, None], h

    def legs(self, point):
        """From points to source and ear."""
        return self.source - self.place - point, self.ear - self.place - point


def near(found, expected, atol):
    np.testing.assert_allclose(found, expected, atol=atol, rtol=1e-5)


def test_turned(rng):
    """Rotation and bend of a window; lanes beyond repeat the last."""
    table, x = rng.standard_normal((25, 80)), np.zeros(OF_PATCH, np.float32)
    array.window(table[TURN:], 10, 5, 1, x[ROTATION:], 0, 45)
    part = table[:, 5 + np.minimum(np.arange(48), 44)].astype(np.float32)
    np.testing.assert_array_equal(rows(x, ROTATION, 9, 48), part[15:24])
    np.testing.assert_array_equal(rows(x, BENT, 1, 48)[0], part[24])


def test_anchor(rng):
    one = Scene(rng)
    out, back = one.legs(one.point)
    for start, expected in ((X, one.point), (P, out), (Q, back)):
        near(rows(one.x, start, 3).T, expected, 1e-6)
    near(rows(one.x, R1)[0], np.linalg.norm(out, axis=1), 0)
    near(rows(one.x, R2)[0], np.linalg.norm(back, axis=1), 0)
    near(rows(one.x, VOLUME)[0], one.size.prod(), 1e-8)


def test_tangents(rng):
    """That axis of the piece that is least aligned at the knot asked for, made square to every normal; and what completes the frame."""
    one = Scene(rng)
    axis = one.turned[:, :, np.argmin(np.abs(one.normal[7] @ one.turned[7]))]
    first = unit(axis - (axis * one.normal).sum(axis=1)[:, None] * one.normal)
    rough = 1e-6 / np.linalg.norm(np.cross(axis, one.normal), axis=1).min()
    near(rows(one.x, E1, 3).T, first, rough)
    near(rows(one.x, E2, 3).T, np.cross(one.normal, first), rough)


def test_extent(rng):
    """How far the plane's own share of the point moves with its normal; the point itself moves no further."""
    one = Scene(rng)
    tangents = rows(one.x, E1, 3).T, rows(one.x, E2, 3).T
    for k in (3, 40):
        square = one.square[k]
        expected = 0.2 * max(np.linalg.norm(square @ t[k]) for t in tangents) / one.h[k]
        found = anchor._extent(one.s, one.x, 0.2, k)
        assert found == pytest.approx(expected, rel=1e-5)
        for t in tangents:
            moved = (one.on(one.normal + 1e-6 * t)[0] - one.point)[k] / 1e-6
            assert 0.2 * np.linalg.norm(moved) <= found * 1.001


def test_probed(rng):
    """Anchor, then ahead and behind of it, towards both tangents, side by side."""
    one, by, at = Scene(rng), 0.13, np.arange(16)
    tangents = rows(one.x, E1, 3).T, rows(one.x, E2, 3).T
    tilts = 0 * tangents[0], by * tangents[0], -by * tangents[0], by * tangents[1], -by * tangents[1]  # fmt: skip
    for first, some in ((0, 3), (3, 2), (0, 5)):
        t = np.zeros(SLAB, np.float32)
        anchor._probed(one.s, one.x, by, t, 16, first, some)
        for p in range(some):
            expected = unit(one.normal + tilts[first + p])[at]
            near(rows(t, NORMAL + 16 * p, 3, 16).T, expected, 3e-7)
    t = np.full(SLAB, 7, np.float32)
    anchor._tilted(one.s, one.x, E2, by, t, 32, 16)
    near(rows(t, NORMAL + 32, 3, 16).T, unit(one.normal + tilts[3])[at], 3e-7)
    np.testing.assert_array_equal(rows(t, NORMAL, 3, 32), 7)


@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_lifted(rng, ratio):
    """Through the four knots around; before the first and after the last goes on straight."""
    values, out = rng.standard_normal(ROW).astype(np.float32), np.full(ROW, 7, np.float32)
    v = values.astype(float)
    v[0] = 2 * v[1] - v[2]
    last = 48 // ratio
    v[last + 1 : last + 3] = 2 * v[last] - v[last - 1]
    carry.lifted(values, ratio, out, 48)
    expected = [np.polyval(np.polyfit(np.arange(4.0), v[n : n + 4], 3), 1 + part / ratio) for n in range(48 // ratio) for part in range(ratio)]  # fmt: skip
    near(out[:48], expected, 3e-6)
    np.testing.assert_array_equal(out[48:], 7)


@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_refined(rng, ratio):
    """Exact for polynomials of fifth degree through six knots, of second where two of them lie beyond an end."""
    count = 48 // ratio + 1
    for degree in (2, 5):
        power, values, out = rng.standard_normal(degree + 1), np.zeros(2 * ROW, np.float32), np.full(ROW, 7, np.float32)  # fmt: skip

        def curve(knot, power=power):
            return np.polyval(power, (knot - 24) / 24)

        values[2 : 2 + count] = curve(ratio * np.arange(count))
        carry.refined(values, ratio, count, out, 48)
        inside = slice(0, 48) if degree == 2 or ratio == 1 else slice(2 * ratio, 48 - 2 * ratio)
        near(out[inside], curve(np.arange(48)[inside]), 1e-5)
        np.testing.assert_array_equal(out[48:], 7)


def test_pace(rng):
    """How far the mirror point's normal moves in the piece's own frame, along the axis where most, in the lobe's standard deviations."""
    one = Scene(rng)
    own = np.einsum("kji,kj->ki", one.turned, one.normal)
    moved = np.abs(np.diff(own[:20], axis=0)).max()
    assert anchor._pace(one.s, one.x, 50.0, 20) == pytest.approx(10 * moved, rel=1e-3)


@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_thin(rng, ratio):
    """Every ratio-th knot of what a glint reads; the last is repeated."""
    s, turning = rng.standard_normal((2, SLAB)).astype(np.float32)
    there, x = np.zeros(SLAB, np.float32), np.zeros(OF_PATCH, np.float32)
    count = 44 // ratio + 1
    anchor._thin(s, turning, ratio, count, 48, there, x)
    at = ratio * np.minimum(np.arange(48), count - 1)
    for start, many in ((slab.PLACE, 9), (NORMAL, 3), (slab.EAR, 3)):
        np.testing.assert_array_equal(rows(there, start, many, 48), rows(s, start, many, ROW)[:, at])  # fmt: skip
    np.testing.assert_array_equal(rows(x, ROTATION, 10, 48), rows(turning, 0, 10, ROW)[:, at])


def test_deep():
    lifts = np.ones(ROW, np.float32)
    lifts[[0, 17]] = 0.5
    assert not facets._deep(lifts, 16)
    lifts[9] = 0.98
    assert facets._deep(lifts, 16)


def test_bare():
    s = np.full(SLAB, 7, np.float32)
    anchor._bare(s, 16)
    np.testing.assert_array_equal(rows(s, RE, 2, 17).T, [[1, 0]] * 16 + [[7, 7]])
    assert IM == RE + ROW


def test_relative(rng):
    """Change of a complex gain against the anchor's; nothing in a null."""
    felt = rng.standard_normal((10, ROW)).astype(np.float32)
    felt[:2, 5] = 0.0
    z = felt[::2].astype(float) + 1j * felt[1::2]
    made = felt.ravel().copy()
    anchor._relative(made, 3, 48)
    here, there = z[0, :48], z[3, :48]
    # as a quotient, where a hundredth of the probe's energy does not count
    expected = (there / np.where(here == 0, 1, here) - 1) / (1 + 0.01 * np.abs(there) ** 2 / np.where(here == 0, np.inf, np.abs(here) ** 2))  # fmt: skip
    expected[5] = 0.0
    made = made.reshape(10, ROW)
    near(made[6, :48] + 1j * made[7, :48], expected, 2e-6)
    made[6:8, :48] = felt[6:8, :48]
    np.testing.assert_array_equal(made, felt)


def test_bent(rng):
    """Slope and bend of a parabola, read back; the arrival shadow's slope is relative, and small beside a null."""
    a, b, by = *rng.standard_normal((2, 48)), 0.12
    slope, bend = np.zeros((2, ROW), np.float32)
    ahead, behind = (np.float32(a * h + b * h * h) for h in (by, -by))
    anchor._bent(ahead, behind, f32(1 / by), slope, bend, 48)
    near(slope[1:49], a, 2e-6)
    near(bend[1:49], b, 2e-5)
    mic, here = np.zeros(anchor.MIC_ROWS * ROW, np.float32), rng.uniform(0.5, 1, 48)
    put(mic, PORTS, [here, 9 + here, 9 + here, here * (1 + a * by), here * (1 - a * by)])
    anchor._port_slope(mic, PORTS + 3 * ROW, PORTS + 4 * ROW, f32(1 / by), slope, 48)
    near(slope[1:49], a / (1 + 0.01 * (1 - a * by) ** 2), 1e-5)
    mic[PORTS:][:48] = 0.0
    anchor._port_slope(mic, PORTS + 3 * ROW, PORTS + 4 * ROW, f32(1 / by), slope, 48)
    np.testing.assert_array_equal(slope[1:49], 0)


def glinted(rng):
    """Scene after `_glint`: anchors and the glint lie about the bisector."""
    one = Scene(rng, 0.1)
    one.slopes = rng.uniform(-0.3, 0.3, (8, KNOTS))
    put(one.x, ALPHA, one.slopes)
    one.late = rng.uniform(-0.01, 0.01, KNOTS)
    put(one.x, LATENESS, one.late)
    put(one.x, PASSED, [rng.uniform(0, 1, KNOTS), *rng.uniform(-3, 3, (2, KNOTS))])
    facets._glint(one.s, one.x, *map(f32, one.glint), f32(0.004), f32(-0.01), f32(0.7), 2, KNOTS)
    one.facing = np.einsum("kij,j->ki", one.turned, one.glint)
    one.away, one.plane = one.on(one.facing)
    return one


def lengths(v):
    return np.linalg.norm(v, axis=1)


def test_glint(rng):
    """Where it lies, what it adds to path and second leg, and what its gain and lobe are made of."""
    one = glinted(rng)
    (p, q), (out, back) = one.legs(one.point), one.legs(one.away)
    x, n = one.x, one.facing
    near(rows(x, D, 3).T, one.away - one.point, 2e-7)
    second = lengths(back) - lengths(q)
    longer = lengths(out) - lengths(p) + second - 2 * (0.004 - 0.01 * one.bend)
    near(rows(x, DP)[0], longer, 1e-6)
    near(rows(x, DR)[0], second, 1e-6)
    near(rows(x, STEEP)[0, 1:-1], (longer[2:] - longer[:-2]) / 4, 1e-6)
    np.testing.assert_array_equal(rows(x, STEEP)[0, [0, -1]], rows(x, STEEP)[0, [1, -2]])
    near(rows(x, FACING, 3).T, n, 1e-6)
    near(rows(x, BACK_, 3).T, unit(out), 1e-6)
    near(rows(x, BACK_N)[0], (unit(out) * n).sum(axis=1), 1e-6)
    near(rows(x, EAR_N)[0], (back * n).sum(axis=1), 4e-6)
    near(rows(x, EAR_BACK)[0], (back * unit(out)).sum(axis=1), 4e-6)
    near(rows(x, BASE)[0], 0.7 * one.size.prod() / (lengths(out) * one.plane**2), 1e-7)
    tilts = np.array([(rows(x, tangent, 3).T * n).sum(axis=1) for tangent in (E1, E2)])
    near(rows(x, LEANING, 2), tilts, 1e-6)
    slopes = one.slopes[::2] + 1j * one.slopes[1::2]
    change = sum(slopes[2 * n] * t + slopes[2 * n + 1] * t * t for n, t in enumerate(tilts))
    near(rows(x, MORE)[0], change.real, 1e-6)
    near(rows(x, TWIST)[0], change.imag / (1 + change.real) / (2 * np.pi), 1e-6)
    put(x, ALPHA, -20 * np.ones((8, KNOTS)) * np.array([1, 0] * 4)[:, None])
    put(x, ALPHA + ROW, np.ones(KNOTS))
    facets._glint(one.s, x, *map(f32, one.glint), f32(0), f32(0), f32(1), 2, KNOTS)
    deep = -20 * (tilts + tilts**2).sum(axis=0) < -0.6
    assert deep.any()
    near(rows(x, TWIST)[0, deep], tilts[0, deep] / np.pi, 1e-6)


def test_phase(rng):
    """The way beside the anchor's, heard from a bounce that lies earlier by the extra second leg; the most that it turns in a knot."""
    one, turns, inverse = glinted(rng), 93.0, 0.7
    longer, second, steep, twist = (rows(one.x, row)[0] for row in (DP, DR, STEEP, TWIST))
    phase = np.zeros(ROW, np.float32)
    most = 2 * facets._phase(one.x, f32(turns), inverse, 2, 4, phase, KNOTS)
    expected = twist - turns * (longer - (one.late + inverse * steep) * second)
    near(phase[:KNOTS], expected, 1e-4)
    assert most == pytest.approx(np.abs(np.diff(expected))[::4].max(), rel=1e-4)
    assert most < np.abs(np.diff(expected)).max() or np.argmax(np.abs(np.diff(expected))) % 4 == 0


@pytest.mark.parametrize("sharpness", [3.0, 60.0])
def test_gain(rng, sharpness):
    """Amplitude and lobe of `physics.wrinkles` as one microphone sees them, in part shaded, and its own way against the middle's."""
    one, turns, inverse = glinted(rng), 40.0, 0.7
    aside = rng.uniform(-0.03, 0.03, 3)
    mic, port = np.zeros(anchor.MIC_ROWS * ROW, np.float32), rng.uniform(-0.2, 0.2, (2, KNOTS))
    offset = tuple(map(f32, aside))
    anchor._ways(one.x, *offset, mic, KNOTS)
    middle = one.legs(one.point)[1]
    anchors = lengths(middle + aside) - lengths(middle)
    near(mic[:KNOTS], anchors, 1e-7)
    put(mic, ROW, port)
    gain = np.zeros(2 * ROW, np.float32)
    facets._gain(one.x, mic, *offset, f32(0.01), f32(-0.02), f32(turns), inverse, f32(sharpness), gain, KNOTS)  # fmt: skip
    out, back = one.legs(one.away)
    there = back + aside
    b, beyond = unit(out) + unit(there), lengths(there) - lengths(back)
    size, bn = lengths(b), (b * one.facing).sum(axis=1)
    f = np.clip((size / 2 - np.cos(np.deg2rad(80))) / (np.cos(np.deg2rad(70)) - np.cos(np.deg2rad(80))), 0, 1)  # fmt: skip
    flat = 0.7 * one.size.prod() * size / 2 / (lengths(out) * lengths(there) * np.maximum(bn, 0.1) * one.plane**2)  # fmt: skip
    more, steep, leaning = rows(one.x, MORE)[0], rows(one.x, STEEP)[0], rows(one.x, LEANING, 2)
    passed = np.array([1, 0.01, -0.02]) @ rows(one.x, PASSED, 3)
    amplitude = flat * lobe(bn / size, sharpness) * f**3 * (6 * f * f - 15 * f + 10) * passed * (1 + more + (port * leaning).sum(axis=0))  # fmt: skip
    turn = -turns * (beyond - anchors - one.late * (beyond - anchors) - inverse * steep * beyond)
    assert (np.abs(amplitude) > 1e-2 * np.abs(flat)).mean() > 0.2
    seen = np.abs(turn) < 0.5  # what sines and cosines are for
    assert seen.mean() > 0.7
    found = gain[:KNOTS] + 1j * gain[ROW:][:KNOTS]
    wrong = np.abs(found - amplitude * np.exp(2j * np.pi * turn))[seen]
    assert np.all(wrong <= 2e-4 * np.abs(flat)[seen])


def clocked(rng):
    """Scratch with bounce times (knots) of grid points."""
    e = np.zeros(SCRATCH)
    q = np.arange(EVEN)
    e[AT:][:EVEN] = 5.3 + q + 0.2 * np.sin(0.2 * q + rng.uniform(0, 6)) + 0.2 * rng.uniform(-1, 1)
    return e


def weighed(rng, fineness):
    """Weights of knots (instant, 6, grid point), the first knot and the scratch behind."""
    e, weights = clocked(rng), np.full(FINEST * instants.KNOTS * ROW, 7, np.float32)
    first = instants._instants(e, EVEN, fineness, weights)
    return e, first, weights


@pytest.mark.parametrize("fineness", [2, 8])
def test_instants(rng, fineness):
    """Exact for polynomials of fifth degree at bounce times between grid points, in even parts; nothing after the last grid point."""
    e, first, weights = weighed(rng, fineness)
    w = weights[: fineness * 6 * ROW].reshape(fineness, 6, ROW)
    power = rng.standard_normal(6)

    def curve(x):
        return np.polyval(power, (x - 20) / 20)

    q, at = np.arange(EVEN - 1), e[AT:][:EVEN]
    for v in range(fineness):
        there = at[:-1] + v / fineness * np.diff(at)
        found = sum(w[v, n, : EVEN - 1] * curve(first + q + n) for n in range(6))
        near(found, curve(there), 2e-5)
        np.testing.assert_array_equal(w[v, :, EVEN - 1 : 48], 0)
    np.testing.assert_array_equal(weights[fineness * 6 * ROW :], 7)
    assert first <= at[0] - 1.5


def test_shine(rng):
    """Phase and gain at every instant by the same weights; then added to what is there."""
    fineness, mics = 4, 2
    _, first, weights = weighed(rng, fineness)
    w = weights[: fineness * 6 * ROW].reshape(fineness, 6, ROW)[:, :, : EVEN - 1].astype(float)
    phases, gains = np.float32(20 * rng.standard_normal(ROW)), np.float32(rng.standard_normal((mics, 2 * ROW)))  # fmt: skip
    total = np.ones((mics, SUM), np.float32)
    instants._shine(phases, gains, first, weights, fineness, EVEN, np.zeros(2 * ROW, np.float32), total)  # fmt: skip
    reads = first + np.arange(EVEN - 1) + np.arange(6)[:, None]
    phase = np.einsum("vnq,nq->vq", w, phases[reads])
    for m in range(mics):
        gain = np.einsum("vnq,nq->vq", w, (gains[m, :ROW] + 1j * gains[m, ROW:])[reads])
        parts = [total[m, start:][: fineness * ROW].reshape(fineness, ROW) for start in (0, IMAGINARY)]  # fmt: skip
        found = (parts[0] + 1j * parts[1])[:, : EVEN - 1]
        near(found, 1 + 1j + gain * np.exp(2j * np.pi * phase), 2e-4)


def test_eight(rng):
    """Eight taps over instants that lie by their octave, row by row, from grid point to grid point."""
    for octave in (1, 3):
        values = rng.standard_normal((40, 1 << octave)).astype(np.float32)
        part = np.zeros(SUM, np.float32)
        put(part, 0, values.T)
        flat = values.ravel()
        assert [part[instants._at(n, octave)] for n in range(len(flat))] == flat.tolist()
        out, phase = np.ones(ROW, np.float32), rng.integers(1, 16)
        instants._eight(part, 5, octave, LONG[phase], 8, out, 30)
        expected = [1 + LONG[phase, 8:16] @ flat[5 + (m << octave) :][:8] for m in range(30)]
        near(out[:30], expected, 3e-6)
        np.testing.assert_array_equal(out[30:], 1)


@pytest.mark.parametrize(("fineness", "samples", "fastest"), [(2, 8, 0.14), (2, 32, 0.14), (4, 32, 0.3), (8, 16, 0.3), (8, 8, 0.4)])  # fmt: skip
def test_sampled(rng, fineness, samples, fastest):
    """A tone as fast as instants may turn, between them; turned by the anchor's wave. To -80 dB."""
    blocks, speed, start = EVEN - 2 * REACH - 1, rng.choice([-1, 1]) * fastest, rng.uniform()
    instant = np.arange(fineness * EVEN)
    tone = np.exp(2j * np.pi * (start + speed * instant)).reshape(EVEN, fineness).T
    total = np.zeros(SUM, np.float32)
    put(total, 0, tone.real)
    put(total, IMAGINARY, tone.imag)
    wave, out, angle = *np.zeros((2, WAVE), np.float32), rng.uniform(0, 6, (SAMPLES + 1, ROW))
    wave[:COSINES], wave[COSINES : 2 * COSINES] = np.sin(angle).ravel(), np.cos(angle).ravel()
    instants._sampled(total, fineness, samples, EVEN, wave, np.zeros(2 * ROW, np.float32), out)
    lanes = tones.sample_rows(samples)
    im, re = out[: 2 * COSINES].reshape(2, SAMPLES + 1, ROW)[:, lanes, :blocks]
    at = fineness * (REACH + np.arange(blocks) + np.arange(samples)[:, None] / samples)
    expected = np.exp(2j * np.pi * (start + speed * at) + 1j * angle[lanes, :blocks])
    np.testing.assert_allclose(re + 1j * im, expected, atol=2e-4)

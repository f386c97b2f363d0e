"""Kernels of flat pieces, each beside its twin in NumPy."""

import numpy as np
import pytest

from usim.engine import flats, orbits, plates, retarded
from usim.engine.plates import (
    AWAY,
    BOARD,
    EAR_,
    ECHO_IM,
    ECHO_RE,
    NEAR,
    SIDE,
    SOURCE,
    TURNS,
)
from usim.engine.retarded import (
    BEFORE,
    FIRST,
    KNOT_ROWS,
    LONG_ROWS,
    PLACE,
    REACH,
    SECOND,
    SHORT_ROWS,
    TAPS,
    TURN_ROWS,
    six,
)
from usim.engine.slab import BACK, HALF, IM, LENGTH, ON, RE, ROW, SLAB, WALL_NODES, f32
from usim.engine.veils import no_veils
from usim.physics import aperture
from usim.physics.jit import kernel

K = 2.0 * np.pi * 33100.0 / 344.0
WAVES = 33100.0 / 344.0
STEP_S, C = 0.0005, 344.0


@kernel
def every_tail(v, out):
    for n in range(v.shape[0]):
        row = plates.tails(v[n])
        for part in range(6):
            out[part, n] = row[part]


@kernel
def every_moment(slope, bend, out):
    for n in range(slope.shape[0]):
        row = plates.moments(slope[n], bend[n])
        for part in range(6):
            out[part, n] = row[part]


@pytest.fixture
def rng():
    return np.random.default_rng(41)


def parts(values):
    """Rows of real and imaginary parts of a list of complex rows."""
    return np.concatenate([(one.real, one.imag) for one in values])


def take(s, row, rows=1, count=ROW):
    return s[row : row + rows * ROW].reshape(rows, ROW)[:, :count].astype(float)


def put(s, row, values):
    values = np.atleast_2d(values)
    s[row : row + len(values) * ROW].reshape(len(values), ROW)[:, : values.shape[1]] = values


def test_tails():
    v = np.concatenate([[0.0], np.geomspace(1e-4, 1e4, 500)]).astype(np.float32)
    out = np.zeros((6, len(v)), np.float32)
    every_tail(v, out)
    want = parts(aperture.fresnel_tails(v.astype(float)))
    assert np.abs(out - want).max() < 2e-6
    far = np.abs(want) > 0
    assert np.abs(out[far] / want[far] - 1.0).max() < 1e-4


def test_moments(rng):
    """Also `turned`, which they are made of."""
    slope, bend = rng.uniform(-70, 70, 4000), rng.choice([0.0, 0.01, 0.3, 2.0, 8.0], 4000)
    slope[:2000] *= 0.02
    slope, bend = slope.astype(np.float32), bend.astype(np.float32)
    out = np.zeros((6, len(slope)), np.float32)
    every_moment(slope, bend, out)
    want = parts(aperture.axis_moments(slope.astype(float), bend.astype(float)))
    off = np.abs(out - want)
    # where the bend is small, moments are what is left of much larger parts: s, and for the second s / 2 bend
    curve = np.maximum(bend, aperture.LEAST_BEND)
    assert (off[:4].max(axis=0) * np.sqrt(curve)).max() < 1e-5
    assert (off[4:].max(axis=0) * curve**1.5).max() < 1e-5


def boarded(rng):
    s = np.zeros(BOARD, np.float32)
    source = rng.normal(size=(3, ROW)).astype(np.float32) * 2
    ear = rng.normal(size=(3, ROW)).astype(np.float32) * 2
    ear[:, ::3] = (source * [[-1], [-1], [1]] + rng.normal(size=(3, ROW)) * 0.05)[:, ::3]
    put(s, SOURCE, source)
    put(s, EAR_, ear)
    turns = rng.uniform(-0.5, 0.5, ROW).astype(np.float32)
    put(s, TURNS, turns)
    return s, source.T.astype(float), ear.T.astype(float), turns.astype(float)


@pytest.mark.parametrize(
    ("half", "cells"), [((0.026, 0.06), (1, 1)), ((0.026, 0.06), (2, 3)), ((0.1, 0.15), (4, 5))]
)
def test_plates(rng, half, cells):
    """Also `faces`, `_face` and `plate`."""
    s, source, ear, turns = boarded(rng)
    least = aperture.edge_on_cosine(half, K)
    plates.plates(s, f32(half[0]), f32(half[1]), *cells, f32(K), f32(WAVES), f32(1.0 / least), ROW)
    want = aperture.rectangle_echo(half, source, ear, K, cells)
    seen = want.gain * np.exp(2j * np.pi * turns)
    got = take(s, ECHO_RE)[0] + 1j * take(s, ECHO_IM)[0]
    assert np.abs(got - seen).max() < 2e-5 * np.abs(seen).max()
    np.testing.assert_allclose(take(s, AWAY)[0], np.linalg.norm(source, axis=1), rtol=1e-6)
    np.testing.assert_allclose(take(s, NEAR)[0], np.linalg.norm(ear, axis=1), rtol=1e-6)
    side = 1.0
    for end in (source, ear):
        side = side * aperture.face(end[:, 2] / np.linalg.norm(end, axis=1), least)
    np.testing.assert_allclose(take(s, SIDE)[0], side, atol=2e-6)


def test_weights_of_six():
    w = six(8)
    x = np.arange(8)[:, None] / 8 + BEFORE
    for power in range(TAPS):
        np.testing.assert_allclose(w @ np.arange(TAPS) ** power, x[:, 0] ** power, atol=1e-9)
    out = np.empty(TAPS)
    retarded.lagrange(0.375, out)
    np.testing.assert_allclose(out, w[3], atol=1e-13)


def rotor(t_s, spin=120.0):
    """A place on a circle and its axes (12, n)."""
    angle = spin * np.asarray(t_s)
    cos, sin, zero = np.cos(angle), np.sin(angle), np.zeros_like(angle)
    place = [2.0 + 0.2 * cos, 1.0 + 0.2 * sin, 1.1 + 0.01 * np.asarray(t_s)]
    return np.array([*place, cos, -sin, zero, sin, cos, zero, zero, zero, zero + 1.0])


LEAD = 40
TABLE = rotor(STEP_S * (np.arange(200) - LEAD))
MIDDLE = np.array([0.3, 0.2, 1.0])


def bounced(t_s, ear):
    t_b = np.asarray(t_s, float)
    for _ in range(30):
        t_b = t_s - np.linalg.norm(rotor(t_b)[:3].T - ear, axis=1) / C
    return t_b


def heard(ear=MIDDLE, count=85 + REACH, first=LEAD - 2 * BEFORE):
    d, turn = np.zeros(KNOT_ROWS), np.zeros(TURN_ROWS, np.float32)
    assert retarded.hear(TABLE, float(first), count, ROW, *ear, 1.0 / (C * STEP_S), d, turn)
    return d, turn


def test_hear():
    """Also `_read`."""
    d, turn = heard()
    t = STEP_S * (np.arange(90) - 2 * BEFORE)
    want = rotor(bounced(t, MIDDLE))
    np.testing.assert_allclose(take(d, PLACE, 3, 90), want[:3], atol=1e-9)
    far = np.linalg.norm(want[:3].T - MIDDLE, axis=1)
    np.testing.assert_allclose(take(d, SECOND, 1, 90)[0], far, atol=1e-9)
    np.testing.assert_allclose(take(turn, 0, 9, 90), want[3:], atol=1e-6)
    np.testing.assert_array_equal(take(d, PLACE, 3)[:, 90:], take(d, PLACE, 3)[:, [89] * 6])
    none = np.zeros(KNOT_ROWS), np.zeros(TURN_ROWS, np.float32)
    assert not retarded.hear(TABLE, 0.0, 90, ROW, *MIDDLE, 1.0 / (C * STEP_S), *none)


def test_near():
    """Also `_aside`."""
    d, turn = heard()
    ear = MIDDLE + [0.02, -0.03, 0.01]
    to, to_turn = np.zeros(KNOT_ROWS), np.zeros(TURN_ROWS, np.float32)
    taps = np.zeros((TAPS + 1) * ROW)
    how = (1.0 / (C * STEP_S), 85, ROW, to, to_turn, taps)
    assert retarded.near(d, turn, *MIDDLE, *ear, *how)
    want, want_turn = heard(ear, 85, LEAD - BEFORE)
    np.testing.assert_allclose(take(to, PLACE, 4, 85), take(want, PLACE, 4, 85), atol=2e-9)
    np.testing.assert_allclose(take(to_turn, 0, 9, 85), take(want_turn, 0, 9, 85), atol=1e-6)
    assert not retarded.near(d, turn, *MIDDLE, *(MIDDLE + 1.0), *how)


def spread_out(samples=4, count=80):
    d, turn = heard(MIDDLE, 85, LEAD - BEFORE)
    long = np.zeros(samples * LONG_ROWS)
    short = np.zeros(samples * SHORT_ROWS, np.float32)
    w = six(samples)
    retarded.spread(d, turn, *MIDDLE, w, w.astype(np.float32), long, short, count)
    t = STEP_S * (np.arange(80) + np.arange(samples)[:, None] / samples)
    return long, short, t, np.array([rotor(bounced(row, MIDDLE)) for row in t])


def test_spread():
    """Also `between`."""
    long, short, t, want = spread_out()
    for n in range(len(t)):
        place, axes = want[n, :3], want[n, 3:].reshape(3, 3, -1)
        there = take(long[n * LONG_ROWS :], 0, 4, 80)
        np.testing.assert_allclose(there[:3], place, atol=1e-9)
        away = MIDDLE[:, None] - place
        np.testing.assert_allclose(there[3], np.linalg.norm(away, axis=0), atol=1e-9)
        here = take(short[n * SHORT_ROWS :], 0, 12, 80)
        np.testing.assert_allclose(here[:9], want[n, 3:], atol=2e-6)
        np.testing.assert_allclose(here[9:], np.einsum("ijm,im->jm", axes, away), atol=5e-6)


def test_board():
    long, short, _t, want = spread_out()
    source = np.array([0.5, 0.1, 2.0])
    s, path = np.zeros(BOARD, np.float32), np.zeros(ROW)
    retarded.board(long[LONG_ROWS:], short[SHORT_ROWS:], *source, WAVES, s, path, 80)
    away = source[:, None] - want[1, :3]
    axes = want[1, 3:].reshape(3, 3, -1)
    np.testing.assert_allclose(take(s, SOURCE, 3, 80), np.einsum("ijm,im->jm", axes, away), atol=5e-6)  # fmt: skip
    way = np.linalg.norm(away, axis=0) + np.linalg.norm(MIDDLE[:, None] - want[1, :3], axis=0)
    np.testing.assert_allclose(path[:80], way, atol=1e-9)
    turns = np.exp(2j * np.pi * take(s, TURNS, 1, 80)[0])
    np.testing.assert_allclose(turns, np.exp(-2j * np.pi * WAVES * way), atol=1e-5)


def table(value):
    out = np.zeros((1, 2, WALL_NODES), np.float32)
    out[0, 0], out[0, 1] = value.real, value.imag
    return out


def test_going_and_coming(rng):
    """Also `_ways`, `_above_carrier` and `_times`: walls, beam, air and surface of a pair at knots."""
    d, turn = heard(MIDDLE, 85, LEAD - BEFORE)
    s = np.zeros(SLAB, np.float32)
    sources, axes = np.array([[0.5, 0.1, 2.0]]), np.array([[0.6, 0.0, 0.8]])
    chains = np.array([[0]]), np.array([[[0.0, 0.0, 1.0]]], np.float32), no_veils(1).arrays
    wall, skin = 0.8 - 0.3j, 0.9 + 0.2j
    beams = np.zeros((1, 2, 33), np.float32)
    beams[0, 0, :2], beams[0, 1, 1] = (0.7, 0.3), 0.2
    ports = np.zeros((1, 17), np.float32)
    ports[0, :2] = 0.9, 0.1
    slope, air_slope, weight, alpha = 3e-6 - 2e-6j, 4e-6, 1.5, 0.11
    way = np.zeros((2, ROW), np.float32)
    flats._going(
        s, d, turn, False, *MIDDLE, sources, axes.astype(np.float32), chains, 0, WAVES, table(wall), table(skin), beams, f32(alpha),
        -0.5 * WAVES / STEP_S, slope, air_slope, f32(weight), 85, ROW, way[0], way[1],
    )  # fmt: skip
    place = take(d, PLACE, 3, 85)
    out, back = sources[0][:, None] - place, MIDDLE[:, None] - place
    r1, r2 = np.linalg.norm(out, axis=0), np.linalg.norm(back, axis=0)
    np.testing.assert_allclose(take(s, BACK, 3, 85), out / r1, atol=1e-6)
    np.testing.assert_allclose(take(s, ON, 3, 85), back / r2, atol=1e-6)
    np.testing.assert_allclose(take(s, LENGTH, 1, 85)[0], r1, rtol=1e-6)
    cosines = [abs(np.einsum("im,im->m", turn.reshape(3, 3, ROW)[:, 2, :85], u)) for u in (out / r1, back / r2)]  # fmt: skip
    np.testing.assert_allclose(take(s, HALF, 1, 85)[0], np.mean(cosines, axis=0), atol=1e-6)
    np.testing.assert_allclose(take(d, FIRST, 1, 85)[0], r1, atol=1e-12)
    x = -(axes[0] @ out) / r1
    rise = np.gradient(r1 + r2, STEP_S)
    rise[0], rise[-1] = rise[1], rise[-2]
    off = -WAVES * rise * (slope - air_slope * r2)
    want = weight * wall * skin * np.exp(-alpha * (r1 - 1.0) + off) * (0.7 + (0.3 + 0.2j) * x)
    got = way[0, :85] + 1j * way[1, :85]
    assert np.abs(got - want).max() < 2e-3 * np.abs(want).max()  # exp to second order
    axis = np.array([0.0, 0.6, 0.8], np.float32)
    there = np.zeros((2, ROW), np.float32)
    flats._coming(
        s, d, *MIDDLE, *axis, chains, 0, WAVES, table(wall), f32(alpha), ports, there[0], there[1], ROW
    )  # fmt: skip
    arrival = wall * np.exp(-alpha * r2) * (0.9 - 0.1 * (axis.astype(float) @ back) / r2)
    home = there[0, :85] + 1j * there[1, :85]
    np.testing.assert_allclose(home, arrival, rtol=1e-5)
    product = np.zeros((2, ROW), np.float32)
    flats._times(way[0], way[1], there[0], there[1], product[0], product[1], ROW)
    np.testing.assert_allclose(product[0, :85] + 1j * product[1, :85], got * home, rtol=1e-5, atol=1e-7)  # fmt: skip
    assert s[RE] != 0.0
    assert np.isfinite(s[IM])


def test_gated_and_added(rng):
    s = np.zeros(BOARD, np.float32)
    echo = rng.normal(size=(2, 80)).astype(np.float32)
    put(s, ECHO_RE, echo)
    path, envelope = rng.uniform(2, 4, ROW), rng.uniform(0, 1, 1000)
    flats.gated(s, path, envelope, 200.3, 16000 / C, 8.0, 80)
    on = np.interp(200.3 + 8.0 * np.arange(80) - path[:80] * 16000 / C, np.arange(1000), envelope)
    np.testing.assert_allclose(take(s, ECHO_RE, 2, 80), echo * on, atol=1e-6)
    way = rng.normal(size=(2, ROW)).astype(np.float32)
    re, im = np.ones(ROW, np.float32), np.zeros(ROW, np.float32)
    w = six(4)[3].astype(np.float32)
    flats.add_echo(s, way[0], way[1], w, re, im, np.zeros(2 * ROW, np.float32), 80)
    gain = sum(w[k] * (way[0, k : k + 80] + 1j * way[1, k : k + 80]) for k in range(TAPS))
    want = 1.0 + gain * on * (echo[0] + 1j * echo[1])
    np.testing.assert_allclose(re[:80] + 1j * im[:80], want, rtol=1e-5, atol=1e-5)


def test_orbit_energies(rng):
    half, k = np.array([0.03, 0.06, 0.0, 0.0]), 600.0
    out, back = (rng.normal(size=(n, 3, 2 * ROW)).astype(np.float32) * 2 for n in (2, 3))
    powers = [rng.uniform(size=(n, 2 * ROW)).astype(np.float32) for n in (2, 3)]
    energy = np.zeros((2, 3))
    least = aperture.edge_on_cosine(half[:2], k)
    orbits.orbit_energies(
        out, powers[0], back, powers[1], half, 1, 1, f32(k), f32(k / 2 / np.pi), f32(1 / least), energy
    )  # fmt: skip
    for i, j in np.ndindex(2, 3):
        gain = aperture.rectangle_echo(half[:2], out[i].T, back[j].T, k).gain
        want = (np.abs(gain) ** 2 * powers[0][i] * powers[1][j]).sum()
        assert energy[i, j] == pytest.approx(want, rel=1e-4)


def test_choice_for_ever(rng):
    energy = rng.exponential(size=(40, 40)) ** 3
    chosen = orbits.choose_for_ever(energy, 0.9, 0.3)
    held = chosen.group == 0
    i, j = chosen.pairs[held][:, :2].T
    assert 0.9 <= chosen.share == pytest.approx(energy[i, j].sum() / energy.sum())
    assert energy[i, j].min() >= np.delete(energy.ravel(), i * 40 + j).max()
    assert (np.diff(chosen.pairs[:, 1]) >= 0).all()
    assert (chosen.pairs[:, 2] == -1).all()
    means = [orbits.choose_for_ever(energy, 0.9, draw) for draw in np.arange(50) / 50]
    whole = [
        (one.weight.astype(float) ** 2 * energy[one.pairs[:, 0], one.pairs[:, 1]]).sum()
        for one in means
    ]
    assert np.mean(whole) == pytest.approx(energy.sum(), rel=2e-3)
    assert len(orbits.choose_for_ever(energy, 1.0, 0.5).pairs) == energy.size

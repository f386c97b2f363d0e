"""Kernels of one pair of legs, each beside its twin in NumPy."""

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval
from scipy.optimize import minimize

from unit.engine.crowd import KNOTS, ellipsoids, ends, mirror, rows, slabs, tables
from usim.engine import pairs, slab
from usim.engine.slab import (
    BACK,
    BEAM_DEGREE,
    COSINE,
    FACTOR,
    HALF,
    IM,
    LENGTH,
    NORMAL,
    ON,
    PATH,
    PORT_DEGREE,
    RE,
    ROW,
    SECOND,
    f32,
)  # fmt: skip
from usim.engine.veils import no_veils

SEEDS = range(8)


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def aimed(s, d, microphone, axis=(0.0, 0.0, 1.0)):
    """Slabs whose every knot has this microphone and axis."""
    slab.aim(s, *microphone, *axis, 0, KNOTS)
    slab.aim_long(d, *microphone, KNOTS)


def test_aim(rng):
    """Microphones side by side in one slab, each in its own lanes."""
    s, d = np.zeros(slab.SLAB, np.float32), np.zeros(slab.LONG_SLAB)
    places, axes = rng.standard_normal((2, 3, 3))
    for n in range(3):
        slab.aim(s, *places[n], *axes[n], 16 * n, 16)
    many = np.repeat(places, 16, axis=0).T
    slab.aim_long(d, *places[0], 48)
    np.testing.assert_array_equal(
        rows(d, slab.LONG_EAR, 3, 48), np.repeat(places[:1], 48, axis=0).T
    )
    np.testing.assert_array_equal(rows(s, slab.EAR, 3, 48), many.astype(np.float32))
    np.testing.assert_array_equal(rows(s, slab.AXIS, 3, 48), np.repeat(axes, 16, axis=0).T.astype(np.float32))  # fmt: skip


@pytest.fixture(params=SEEDS)
def rng(request):
    return np.random.default_rng(request.param)


@pytest.fixture
def crowd(rng):
    """(poses, source, microphone, slabs) with normals turned to the Fermat points."""
    poses = ellipsoids(rng)
    source, microphone = ends(rng)
    s, d = slabs(*poses)
    aimed(s, d, microphone)
    pairs._first_normal(s, *map(f32, source), KNOTS)
    pairs.pair_paths(s, d, *source, 8, KNOTS)
    return poses, source, microphone, s, d


def test_first_normal(rng):
    place, rotation, size = ellipsoids(rng)
    source, microphone = ends(rng)
    s, d = slabs(place, rotation, size)
    aimed(s, d, microphone)
    pairs._first_normal(s, *map(f32, source), KNOTS)
    bisector = unit(unit(source - place) + unit(microphone - place))
    np.testing.assert_allclose(rows(s, NORMAL, 3).T, bisector, atol=2e-6)


def test_normal_step(rng):
    """One Newton step of the normal: n += K H^-1 b, in any tangent frame, no component above 0.4."""
    place, rotation, size = ellipsoids(rng)
    source, microphone = ends(rng)
    s, d = slabs(place, rotation, size)
    aimed(s, d, microphone)
    first = unit(rng.standard_normal((KNOTS, 3)) * 0.1 + unit(source - place) + unit(microphone - place))  # fmt: skip
    for axis in range(3):
        s[NORMAL + axis * ROW :][:KNOTS] = first[:, axis]
    pairs.normal_step(s, *map(f32, source), KNOTS)
    for k in range(KNOTS):
        q, n = rotation[k], first[k]
        spread, shape = q @ np.diag(size**2) @ q.T, q @ np.diag(size**-2.0) @ q.T
        h = np.sqrt(n @ spread @ n)
        away = [end - place[k] - spread @ n / h for end in (source, microphone)]
        r = [np.linalg.norm(a) for a in away]
        u = [a / length for a, length in zip(away, r, strict=True)]
        frame = np.linalg.svd(n[None])[2][1:]  # any two tangents
        curvature = h * frame @ shape @ frame.T
        bend = max((u[0] + u[1]) @ n, 0.1)
        hessian = sum((np.eye(2) - np.outer(frame @ v, frame @ v)) / length for v, length in zip(u, r, strict=True))  # fmt: skip
        turn = curvature @ np.linalg.solve(hessian + bend * curvature, frame @ (u[0] + u[1]))
        if np.abs(turn).max() < 0.25:  # not damped in either frame
            wanted = unit(n + frame.T @ turn)
            np.testing.assert_allclose(rows(s, NORMAL, 3)[:, k], wanted, atol=2e-5)


def test_fermat_points_against_scipy(crowd):
    """The path is the shortest over the surface, as a minimiser that knows no normals finds it."""
    (place, rotation, size), source, microphone, _, d = crowd
    for k in range(0, KNOTS, 8):

        def path(y, k=k):
            x = place[k] + rotation[k] @ (size * unit(y))
            return np.linalg.norm(source - x) + np.linalg.norm(microphone - x)

        start = rotation[k].T @ (0.5 * (source + microphone) - place[k])
        found = minimize(path, unit(start / size), options={"gtol": 1e-9}).fun
        assert rows(d, PATH)[0, k] == pytest.approx(found, abs=1e-9)


def test_pair_paths(crowd):
    """Paths to 1e-11 m of Newton's method on the path length, in float64."""
    poses, source, microphone, s, d = crowd
    _, path, _ = mirror(*poses, source, microphone)
    np.testing.assert_allclose(rows(d, PATH)[0], path, atol=1e-11)
    place, rotation, size = poses
    n = rows(s, NORMAL, 3).T
    body = np.einsum("kji,kj->ki", rotation, n)
    touch = place + np.einsum("kij,kj->ki", rotation, size**2 * body / np.linalg.norm(size * body, axis=1)[:, None])  # fmt: skip
    np.testing.assert_allclose(rows(d, SECOND)[0], np.linalg.norm(microphone - touch, axis=1), atol=1e-6)  # fmt: skip


def test_spread(crowd):
    """Near-field amplitude (physics.scattering, another form of the determinant), its fade, unit vectors, length, cosine."""
    poses, source, microphone, s, _ = crowd
    pairs._spread(s, *map(f32, source), KNOTS)
    gain, path, cosine = mirror(*poses, source, microphone)
    full, none = np.cos(np.deg2rad(70)), np.cos(np.deg2rad(80))
    f = np.clip((cosine - none) / (full - none), 0, 1)
    np.testing.assert_allclose(rows(s, RE)[0], gain * f**3 * (6 * f * f - 15 * f + 10), rtol=2e-5)
    np.testing.assert_allclose(rows(s, HALF)[0], cosine, atol=1e-6)
    np.testing.assert_allclose(rows(s, LENGTH)[0], path, rtol=1e-6)
    back, on = rows(s, BACK, 3), rows(s, ON, 3)
    np.testing.assert_allclose((back * on).sum(axis=0), 2 * cosine**2 - 1, atol=3e-6)
    np.testing.assert_allclose(np.linalg.norm(back, axis=0), 1, atol=1e-6)


def test_the_fade_ends_at_160_degrees():
    place, rotation = np.array([[0.0, 0.0, 0.0]] * KNOTS), np.array([np.eye(3)] * KNOTS)
    s, d = slabs(place, rotation, np.full(3, 0.1))
    half = np.deg2rad(np.linspace(60, 88, KNOTS))
    gains = []
    for a in half:
        source, microphone = 5 * np.array([np.cos(a), np.sin(a), 0]), 5 * np.array([np.cos(a), -np.sin(a), 0])  # fmt: skip
        aimed(s, d, microphone)
        pairs._first_normal(s, *map(f32, source), KNOTS)
        pairs.pair_paths(s, d, *source, 2, KNOTS)
        pairs._spread(s, *map(f32, source), KNOTS)
        gains.append(s[RE])
        assert (s[RE] == 0) == (s[HALF] <= np.cos(np.deg2rad(80)))
    assert np.all(np.isfinite(gains))


def test_mirror(rng):
    walls, reflection = tables(rng)
    s = np.zeros(slab.SLAB, np.float32)
    cosine, z = rng.uniform(0, 1, KNOTS) ** 2, rng.standard_normal((2, KNOTS))
    cosine[:2] = 0.0, 1.0
    s[COSINE:][:KNOTS], s[RE:][:KNOTS], s[IM:][:KNOTS] = cosine, *z
    pairs._mirror(s, walls, 2, KNOTS)
    found = rows(s, RE)[0] + 1j * rows(s, IM)[0]
    np.testing.assert_allclose(found, (z[0] + 1j * z[1]) * reflection(2, cosine), atol=5e-4)
    grid = np.linspace(0, 1, slab.WALL_NODES)
    twin = [np.interp(np.sqrt(cosine), grid, part) for part in walls[2]]
    np.testing.assert_allclose(found, (z[0] + 1j * z[1]) * (twin[0] + 1j * twin[1]), atol=2e-6)


def test_series(rng):
    """Clenshaw in float32 against numpy's in float64."""
    s = np.zeros(slab.SLAB, np.float32)
    s[COSINE:][:KNOTS] = cosine = rng.uniform(-1, 1, KNOTS).astype(np.float32)
    fall = 0.7 ** np.arange(40)
    ports = (rng.standard_normal((2, PORT_DEGREE + 1)) * fall[: PORT_DEGREE + 1]).astype(np.float32)
    pairs._port(s, ports, 1, KNOTS)
    np.testing.assert_allclose(rows(s, FACTOR)[0], chebval(cosine, ports[1]), atol=1e-5)
    beams = (rng.standard_normal((2, 2, BEAM_DEGREE + 1)) * fall[: BEAM_DEGREE + 1]).astype(np.float32)  # fmt: skip
    pairs._beam(s, beams, 1, 1, KNOTS)
    np.testing.assert_allclose(rows(s, FACTOR)[0], chebval(cosine, beams[1, 1]), atol=1e-5)


def test_decay(rng):
    s = np.zeros(slab.SLAB, np.float32)
    s[LENGTH:][:KNOTS] = length = rng.uniform(0.05, 60, KNOTS).astype(np.float32)
    s[RE:][:KNOTS], s[IM:][:KNOTS] = 1.0, -2.0
    pairs._decay(s, f32(0.15), KNOTS)
    expected = np.exp(-0.15 * (length - 1.0))
    np.testing.assert_allclose(rows(s, RE)[0], expected, rtol=2e-5)
    np.testing.assert_allclose(rows(s, IM)[0], -2 * expected, rtol=2e-5)


@pytest.mark.parametrize("folded", [True, False])
def test_cosine(rng, folded):
    s = np.zeros(slab.SLAB, np.float32)
    u, direction = unit(rng.standard_normal((KNOTS, 3))), unit(rng.standard_normal(3))
    for axis in range(3):
        s[ON + axis * ROW :][:KNOTS] = u[:, axis]
    pairs._cosine(s, ON, *map(f32, direction), folded, KNOTS)
    expected = np.abs(u @ direction) if folded else u @ direction
    np.testing.assert_allclose(rows(s, COSINE)[0], expected, atol=1e-6)


@pytest.mark.parametrize("patterned", [True, False])
def test_whole_gain(crowd, rng, patterned):
    """incoming, outgoing and arriving together: the mirror, three walls on each leg, skin, air, beams and ports."""
    poses, source, microphone, s, d = crowd
    walls, reflection = tables(rng)
    skin, bare = tables(rng, 1)
    hits = np.array([[-1, -1, -1], [2, 0, -1], [1, 3, 2]])
    normals = unit(rng.standard_normal((3, 3, 3))).astype(np.float32)
    axes = unit(rng.standard_normal((3, 3))).astype(np.float32)
    fall = 0.6 ** np.arange(40)
    beams = rng.standard_normal((2, 2, BEAM_DEGREE + 1)) * fall[: BEAM_DEGREE + 1]
    ports = rng.standard_normal((2, PORT_DEGREE + 1)) * fall[: PORT_DEGREE + 1]
    if not patterned:
        beams, ports = beams[..., :1], ports[..., :1]
    beams, ports = beams.astype(np.float32), ports.astype(np.float32)
    way = np.zeros((2, 2 * ROW), np.float32)
    pairs.reflected(s, *source, pairs.MIRROR, KNOTS)
    ways = hits, normals, no_veils(len(hits)).arrays
    pairs.incoming(s, ways, 1, 0.0, 0.0, 0.0, 95.0, walls, skin, beams, axes, *way, KNOTS)
    back = rows(s, BACK, 3).T
    pairs.reflected(s, *source, pairs.MIRROR, KNOTS)
    pairs.outgoing(s, ways, 2, 95.0, walls, f32(0.14), KNOTS)
    on = rows(s, ON, 3).T
    gain, path, cosine = mirror(*poses, source, microphone)
    full, none = np.cos(np.deg2rad(70)), np.cos(np.deg2rad(80))
    f = np.clip((cosine - none) / (full - none), 0, 1)
    plain = gain * f**3 * (6 * f * f - 15 * f + 10) * bare(0, cosine) * np.exp(-0.14 * (path - 1))
    for hit in range(2):
        plain = plain * reflection(hits[1, hit], np.abs(back @ normals[1, hit]))
    for hit in range(3):
        plain = plain * reflection(hits[2, hit], np.abs(on @ normals[2, hit]))
    for b in range(2):
        got = np.zeros((2, ROW), np.float32)
        aimed(s, d, microphone, axes[2])
        pairs.arriving(s, ports, b, KNOTS)
        pairs.joined(s, 0, *way, b * ROW, *got, KNOTS)
        beam = chebval(-back @ axes[1], beams[b, 0]) + 1j * chebval(-back @ axes[1], beams[b, 1])
        expected = plain * beam * chebval(-on @ axes[2], ports[b])
        error = np.abs(got[0, :KNOTS] + 1j * got[1, :KNOTS] - expected)
        assert error.max() <= 1e-3 * np.abs(plain).max()

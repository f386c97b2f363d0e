"""Kernels of one pair of legs over one glint, each beside its twin in NumPy."""

import numpy as np
import pytest

from unit.engine.crowd import KNOTS, ellipsoids, ends, rows, slabs
from usim.engine import glints, slab
from usim.engine.glints import COLUMNS, HEIGHT, SLIP
from usim.engine.selection import pose_table
from usim.engine.slab import BACK, FALL, HALF, IM, LENGTH, NORMAL, ON, PATH, RE, ROW, f32
from usim.physics.wrinkles import lobe

WIDE = KNOTS + slab.LANES


@pytest.fixture(params=range(8))
def rng(request):
    return np.random.default_rng(request.param)


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def glint(rng):
    """A row of glints: normal, height, slip, sharpness, weight."""
    row = rng.uniform(-0.01, 0.01, COLUMNS)
    row[:3] = unit(rng.standard_normal(3))
    return row


def test_glint_normals(rng):
    """It turns with its piece; lanes beyond the knots repeat the last."""
    place, rotation, size = ellipsoids(rng, KNOTS + 5)
    one = glint(rng)
    s = np.zeros(slab.SLAB, np.float32)
    glints.glint_normals(pose_table(place, rotation, size), 5, one, s, KNOTS, WIDE)
    expected = rotation[5:] @ one[:3]
    np.testing.assert_allclose(rows(s, NORMAL, 3).T, expected, atol=1e-7)
    np.testing.assert_array_equal(
        rows(s, NORMAL, 3, WIDE)[:, KNOTS:], rows(s, NORMAL, 3)[:, -1:].repeat(slab.LANES, 1)
    )


def test_shorten(rng):
    """There and back, by its own height and by how far cloth has slipped since the limb bent."""
    place, rotation, size = ellipsoids(rng, KNOTS + 3)
    one, bend = glint(rng), rng.uniform(0, 2, KNOTS + 3)
    d, path = np.zeros(slab.LONG_SLAB), rng.uniform(2, 9, KNOTS)
    d[PATH:][:KNOTS] = path
    glints.shorten(pose_table(place, rotation, size, bend), 3, one, d, KNOTS, WIDE)
    expected = path - 2 * (one[HEIGHT] + one[SLIP] * bend[3:])
    np.testing.assert_allclose(rows(d, PATH)[0], expected, atol=1e-15)
    np.testing.assert_array_equal(rows(d, PATH, 1, WIDE)[0, KNOTS:], rows(d, PATH)[0, -1])


@pytest.mark.parametrize("sharpness", [0.0, 0.25, 60.0, 300.0])
def test_facet(rng, sharpness):
    """cos(b/2) abc / (r1 r2 max(b.n, 0.1) h^2) times fade and cos^2, and the exponent of the lobe, at the point that has the normal.

    Amplitudes to 3e-5; exponents to 3e-7 of the sharpness, which multiplies half an ulp of the cosine; both make up the lobe.
    """
    place, rotation, size = ellipsoids(rng)
    source, microphone = ends(rng)
    s, d = slabs(place, rotation, size)
    slab.aim(s, *microphone, 0.0, 0.0, 1.0, 0, KNOTS)
    slab.aim_long(d, *microphone, KNOTS)
    spread = 0.5 if sharpness == 0 else 1 / np.sqrt(2 * sharpness)
    n = unit(
        unit(source - place)
        + unit(microphone - place)
        + np.minimum(spread, 1.0) * rng.uniform(0, 2, (KNOTS, 1)) * rng.standard_normal((KNOTS, 3))
    )
    n[0], n[1] = -n[0], unit(source - place[1])
    for axis in range(3):
        s[NORMAL + axis * ROW :][:KNOTS] = n[:, axis]
    n = rows(s, NORMAL, 3).T
    glints.facet(s, *map(f32, source), f32(sharpness), KNOTS)
    square = np.einsum("kij,j,klj->kil", rotation, size**2, rotation)
    h = np.sqrt(np.einsum("ki,kij,kj->k", n, square, n))
    point = place + np.einsum("kij,kj->ki", square, n) / h[:, None]
    legs = source - point, microphone - point
    r1, r2 = (np.linalg.norm(leg, axis=1) for leg in legs)
    u1, u2 = (unit(leg) for leg in legs)
    b = u1 + u2
    cosine, bn = np.linalg.norm(b, axis=1) / 2, (b * n).sum(axis=1)
    full, none = np.cos(np.deg2rad(70)), np.cos(np.deg2rad(80))
    f = np.clip((cosine - none) / (full - none), 0, 1)
    flat = cosine * size.prod() / (r1 * r2 * np.maximum(bn, 0.1) * h * h)
    flat = flat * f**3 * (6 * f * f - 15 * f + 10)
    tilt = np.clip(bn / (2 * cosine), 0, 1)
    assert (sharpness * (1 - tilt) < 9).sum() > KNOTS // 4
    found, fall = rows(s, RE)[0], rows(s, FALL)[0]
    np.testing.assert_allclose(found, flat * tilt**2, rtol=3e-5, atol=1e-9)
    np.testing.assert_allclose(fall, sharpness * (tilt - 1), atol=3e-7 * sharpness)
    assert np.all(fall <= 0)
    expected = flat * lobe(bn / (2 * cosine), sharpness)
    np.testing.assert_allclose(found * np.exp(fall), expected, rtol=3e-5 + 3e-7 * sharpness, atol=1e-9)  # fmt: skip
    assert found[0] == 0.0
    np.testing.assert_array_equal(rows(s, IM)[0], 0)
    np.testing.assert_allclose(rows(s, BACK, 3).T, u1, atol=1e-6)
    np.testing.assert_allclose(rows(s, ON, 3).T, u2, atol=1e-6)
    np.testing.assert_allclose(rows(s, LENGTH)[0], r1 + r2, rtol=1e-6)
    np.testing.assert_allclose(rows(s, HALF)[0], cosine, atol=1e-6)


def test_a_glint_between_both_ends_is_no_number_too_many():
    """Where the legs lie in one line there is no bisector: nothing, but a number."""
    place, rotation = np.zeros((KNOTS, 3)), np.array([np.eye(3)] * KNOTS)
    s, d = slabs(place, rotation, np.full(3, 0.125))
    slab.aim(s, 2.0, 0.0, 0.125, 0.0, 0.0, 1.0, 0, KNOTS)
    slab.aim_long(d, 2.0, 0.0, 0.125, KNOTS)
    s[NORMAL + 2 * ROW :][:KNOTS] = 1.0
    for sharpness in (0.0, 100.0):
        glints.facet(s, f32(-2.0), f32(0.0), f32(0.125), f32(sharpness), KNOTS)
        np.testing.assert_array_equal(rows(s, RE)[0], 0)
        np.testing.assert_array_equal(rows(s, FALL)[0], -sharpness)
        np.testing.assert_array_equal(rows(s, HALF)[0], 0)

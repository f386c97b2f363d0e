"""Flat pieces: Fresnel tails, moments, cells, reciprocity."""

import numpy as np
import pytest
from scipy.special import fresnel

from usim.physics import aperture

K = 2.0 * np.pi * 40e3 / 343.987
HALF = (0.075, 0.03)


def tails_by_quadrature(v):
    """Along the line of steepest descent, where the integrand does not turn."""
    node, weight = np.polynomial.legendre.leggauss(120)
    top = min(5.2, 18.0 / (v + 1e-9))
    t, turn = (node + 1.0) / 2.0 * top, np.exp(-0.25j * np.pi)
    wave = np.exp(-np.pi * t**2 / 2.0 - 1j * np.pi * v * t * turn) * turn * weight * top / 2.0
    return [np.sum((t * turn) ** n * wave) for n in range(3)]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_tails(kind):
    v = np.concatenate([np.linspace(0.0, 8.0, 81), np.geomspace(8.0, 2.9e3, 60)]).astype(kind)
    found = aperture.fresnel_tails(v)
    truth = np.array([tails_by_quadrature(float(one)) for one in v]).T
    for one, expected in zip(found, truth, strict=True):
        assert one.dtype == np.result_type(kind, np.complex64)
        assert np.max(np.abs(one / expected - 1.0)) < 4e-6


def test_tails_are_the_fresnel_integrals():
    v = np.linspace(0.0, 6.0, 601)
    sine, cosine = fresnel(v)
    beyond = (0.5 - cosine) - 1j * (0.5 - sine)
    tail = aperture.fresnel_tails(v)[0] * np.exp(-0.5j * np.pi * v**2)
    assert np.abs(tail - beyond).max() < 2e-6


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_moments(kind):
    """Any place of the stationary point: inside, on the edge, far off; flat and strongly bent."""
    rng = np.random.default_rng(2)
    bend = (10.0 ** rng.uniform(-2.0, 1.6, 4000)).astype(kind)
    slope = rng.uniform(-60.0, 60.0, 4000).astype(kind)
    slope[:200] = 2.0 * bend[:200]  # the stationary point on an edge
    slope[200:600] *= kind(0.02)
    found = aperture.axis_moments(slope, bend)
    t, weight = np.polynomial.legendre.leggauss(200)
    turn = slope.astype(float)[:, None] * t + bend.astype(float)[:, None] * t**2
    wave = np.exp(-1j * turn)
    for n, (one, bound) in enumerate(zip(found, (1e-4, 1e-3, 1e-2), strict=True)):
        assert one.dtype == np.result_type(kind, np.complex64)
        assert np.abs(one - wave @ (weight * t**n)).max() < bound


def test_moments_of_a_flat_phase():
    for slope in (0.0, 1e-3):
        zeroth, first, second = aperture.axis_moments(np.array(slope), np.array(0.0))
        assert zeroth == pytest.approx(2.0, abs=2e-3)
        assert first == pytest.approx(0.0, abs=4e-3)
        assert second == pytest.approx(2.0 / 3.0, abs=0.05)


def random_ends(count, seed=4):
    rng = np.random.default_rng(seed)
    ends = rng.normal(size=(2, count, 3))
    ends[..., 2] = np.abs(ends[..., 2]) + 0.3
    return (
        ends / np.linalg.norm(ends, axis=-1, keepdims=True) * rng.uniform(0.6, 5.0, (2, count, 1))
    )


def test_reciprocity():
    source, microphone = random_ends(300)
    there = aperture.rectangle_echo(HALF, source, microphone, K)
    back = aperture.rectangle_echo(HALF, microphone, source, K)
    for one, other in zip(there, back, strict=True):
        assert np.abs(one - other).max() <= 1e-12 * np.abs(one).max()


def test_both_sides_and_the_shadow():
    """Both ends below the plate hear what both above hear; one below hears minus that."""
    source, microphone = random_ends(50)
    flip = np.array([1.0, 1.0, -1.0])
    above = aperture.rectangle_echo(HALF, source, microphone, K).gain
    assert aperture.rectangle_echo(HALF, source * flip, microphone * flip, K).gain == (
        pytest.approx(above, rel=1e-12)
    )
    assert aperture.rectangle_echo(HALF, source, microphone * flip, K).gain == (
        pytest.approx(-above, rel=1e-12)
    )


def test_cells_add_up():
    """Cut finer than needed, nothing changes; also about a mirror point on the border of cells."""
    source, microphone = np.array([[0.2, 0.1, 2.0]]), np.array([[-0.2, -0.1, 2.0]])
    whole = aperture.rectangle_echo(HALF, source, microphone, K)
    for cells in ((2, 1), (2, 2), (3, 5)):
        cut = aperture.rectangle_echo(HALF, source, microphone, K, cells)
        assert cut.gain == pytest.approx(whole.gain, rel=2e-3)
        assert np.array_equal(cut.path_m, whole.path_m)


def test_nothing_switches():
    """Along a path of the microphone over the piece, off it and through its plane the gain and its
    slope are continuous: second differences shrink as the square of the step.
    """

    def bends(count):
        angle = np.linspace(-0.9, 2.2, count)
        end = 1.5 * np.stack([np.sin(angle), 0.1 + 0.0 * angle, np.cos(angle)], axis=1)
        found = aperture.rectangle_echo(HALF, np.array([0.1, 0.0, 1.2]), end, K)
        pressure = found.gain * np.exp(-1j * K * found.path_m)
        return np.abs(np.diff(pressure, 2)).max()

    assert bends(16001) < 0.3 * bends(8001)


def test_how_many_cells():
    assert aperture.cells(HALF, 5.0, 5.0, K) == (1, 1)
    assert aperture.cells((0.03, 0.06), 1.0, 1.0, K) == (1, 1)
    assert aperture.cells(HALF, 0.5, 0.5, K) != (1, 1)
    near, far = aperture.cells((0.15, 0.1), 0.5, 0.5, K), aperture.cells((0.15, 0.1), 2.0, 2.0, K)
    assert np.prod(near) > np.prod(far) > 1
    assert near[0] > near[1]
    assert aperture.cells((0.15, 0.1), 0.5, 0.5, K, bistatic_deg=0.0) == (1, 1)


def test_shapes():
    source, microphone = random_ends(6)
    found = aperture.rectangle_echo(HALF, source[:, None], microphone[None], K)
    assert found.gain.shape == found.path_m.shape == found.cosine.shape == (6, 6)
    one = aperture.rectangle_echo(HALF, source[2], microphone[3], K)
    assert one.gain == pytest.approx(found.gain[2, 3], rel=1e-12)
    assert 0.0 < one.cosine < 1.0

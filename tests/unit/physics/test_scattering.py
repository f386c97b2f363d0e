"""Mirror gains, specular points and modal series: identities and limits."""

import numpy as np
import pytest

from usim.physics import scattering


def random_mirrors(count, axes, seed=3):
    """Sources and microphones with known specular points, up to 160 degrees bistatic."""
    rng = np.random.default_rng(seed)
    n = rng.normal(size=(count, 3))
    n = n / np.linalg.norm(n, axis=1, keepdims=True)
    tangent = np.cross(n, rng.normal(size=(count, 3)))
    tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
    half = np.radians(rng.uniform(0.0, 80.0, (count, 1)))
    r1, r2 = rng.uniform(0.05, 6.0, (2, count, 1))
    point = scattering.tangent_point(axes, n)
    up, aside = np.cos(half) * n, np.sin(half) * tangent
    return point, point + r1 * (up + aside), point + r2 * (up - aside)


@pytest.mark.parametrize(
    "axes", [(0.1, 0.1, 0.1), (0.125, 0.16, 0.27), (0.135, 0.05, 0.035), (0.015, 0.044, 0.095)]
)
def test_specular_point_is_found_from_anywhere(axes):
    point, source, microphone = random_mirrors(3000, np.array(axes))
    found = scattering.specular_point(np.array(axes), source, microphone)
    assert found == pytest.approx(point, abs=1e-12)


def test_specular_point_of_one_pair_and_of_many():
    axes = np.array([0.125, 0.16, 0.27])
    point, source, microphone = random_mirrors(5, axes)
    one = scattering.specular_point(axes, source[2], microphone[2])
    assert one.shape == (3,)
    assert one == pytest.approx(point[2], abs=1e-12)
    assert scattering.specular_point(axes, source[:, None], microphone).shape == (5, 5, 3)


def test_reciprocity():
    axes = np.array([0.125, 0.16, 0.27])
    _, source, microphone = random_mirrors(200, axes)
    there = scattering.ellipsoid_echo(axes, source, microphone)
    back = scattering.ellipsoid_echo(axes, microphone, source)
    for one, other in zip(there, back, strict=True):
        assert one == pytest.approx(other, rel=1e-10)


def test_gain_equals_principal_plane_formula():
    """In a plane of symmetry of the ellipsoid the general gain is the textbook one."""
    axes, h = np.array([0.1, 0.2, 0.3]), np.radians(50.0)
    point = np.array([0.1, 0.0, 0.0])
    source = point + 1.3 * np.array([np.cos(h), np.sin(h), 0.0])
    microphone = point + 0.7 * np.array([np.cos(h), -np.sin(h), 0.0])
    gain, path, cos_half = scattering.ellipsoid_echo(axes, source, microphone)
    plain = scattering.near_field_mirror(1.3, 0.7, 0.1 / 0.04, 0.1 / 0.09, np.cos(h))
    assert gain == pytest.approx(plain, rel=1e-12)
    assert path == pytest.approx(2.0, abs=1e-12)
    assert cos_half == pytest.approx(np.cos(h), rel=1e-12)


def test_gain_is_the_second_derivative_of_the_path():
    """Stationary phase by finite differences, in an oblique plane of incidence."""
    axes = np.array([0.125, 0.16, 0.27])
    point, source, microphone = (x[7] for x in random_mirrors(10, axes))
    gain, path, cos_half = scattering.ellipsoid_echo(axes, source, microphone)
    y, step = point / axes, 1e-4
    e1 = np.cross(y, (0.3, 0.2, 0.9))
    e1 = e1 / np.linalg.norm(e1)
    e2 = np.cross(y, e1)

    def length(a, b):
        moved = y + step * (a * e1 + b * e2)
        moved = axes * moved / np.linalg.norm(moved)
        return np.linalg.norm(moved - source) + np.linalg.norm(moved - microphone)

    h11 = (length(1, 0) + length(-1, 0) - 2 * path) / step**2
    h22 = (length(0, 1) + length(0, -1) - 2 * path) / step**2
    h12 = (length(1, 1) + length(-1, -1) - length(1, -1) - length(-1, 1)) / (4 * step**2)
    area = np.prod(axes) * np.linalg.norm(y / axes)
    r1, r2 = np.linalg.norm(point - source), np.linalg.norm(point - microphone)
    assert gain == pytest.approx(
        cos_half * area / (r1 * r2 * np.sqrt(h11 * h22 - h12**2)), rel=1e-4
    )


def test_flat_mirror_and_far_sphere():
    assert scattering.near_field_mirror(1.0, 2.0, 0.0, 0.0, 0.4) == pytest.approx(1.0 / 3.0)
    far = scattering.near_field_mirror(1e4, 2e4, 10.0, 10.0, 0.7)
    assert far == pytest.approx(0.1 / (2.0 * 2e8), rel=1e-3)


def test_curvatures_of_sphere_and_tip():
    total, product = scattering.curvatures((0.2, 0.2, 0.2), np.array([0.0, 0.12, 0.16]))
    assert (total, product) == pytest.approx((10.0, 25.0))
    total, product = scattering.curvatures((0.1, 0.2, 0.3), np.array([0.1, 0.0, 0.0]))
    assert (total, product) == pytest.approx((0.1 / 0.04 + 0.1 / 0.09, 0.1**2 / (0.04 * 0.09)))


def test_target_strength_is_the_gaussian_curvature():
    n = np.array([0.48, 0.6, 0.64])
    axes = np.array([0.1, 0.2, 0.3])
    _, product = scattering.curvatures(axes, scattering.tangent_point(axes, n))
    found = scattering.target_strength_db(axes, n)
    assert found == pytest.approx(-10.0 * np.log10(4.0 * product), abs=1e-9)


@pytest.mark.parametrize("ka", [0.1, 1.0, 10.0, 60.0, 100.0])
def test_series_far_away_is_the_form_function(ka):
    radius, r = 0.1, 4000.0
    k, cos = ka / radius, np.array([1.0, 0.3, -0.6])
    found = scattering.sphere_echo(k, radius, r, r, cos) * r**2 * np.exp(2j * k * r)
    form = 0.5 * radius * scattering.sphere_form(ka, cos)
    assert found == pytest.approx(form, rel=5e-3)


def test_small_sphere_is_a_rayleigh_scatterer():
    """(ka)^2 (1 - 3/2 cos) / 3 of the radius, angle of scattering from forward (Rayleigh, 1872)."""
    ka = 0.02
    found = np.abs(scattering.sphere_form(ka, np.array([1.0, 0.0, -1.0])))
    assert found == pytest.approx(2.0 * ka**2 / 3.0 * np.array([2.5, 1.0, 0.5]), rel=1e-3)


def test_series_is_reciprocal_and_refuses_contact():
    k = 585.0
    there = scattering.sphere_echo(k, 0.1, 0.15, 2.0, 0.4)
    assert there == pytest.approx(scattering.sphere_echo(k, 0.1, 2.0, 0.15, 0.4), rel=1e-12)
    with pytest.raises(ValueError, match="too close"):
        scattering.sphere_echo(k, 0.1, 0.101, 0.11, 1.0)


def test_modal_series_obeys_the_optical_theorem():
    """Rigid sphere: total cross section from the forward amplitude equals the integral."""
    ka = 7.3
    cos, weight = np.polynomial.legendre.leggauss(200)
    form = scattering.sphere_form(ka, cos)
    power = 2.0 * np.pi * np.sum(weight * np.abs(0.5 * form) ** 2)
    forward = 0.5 * scattering.sphere_form(ka, np.array(-1.0))
    assert power == pytest.approx(-4.0 * np.pi / ka * forward.imag, rel=1e-10)

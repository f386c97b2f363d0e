"""Glints as data: where they lie, how bright they are, how the energy is split."""

import numpy as np
import pytest

from usim.physics.wrinkles import (
    DIFFUSE,
    DIFFUSE_COUNT,
    LEAST,
    MOST,
    area_m2,
    glints,
    lobe,
    lobe_solid_angle,
    mirror_share,
    slope,
)

TORSO = (0.12, 0.18, 0.3)


def drawn(seed=1, axes=TORSO, rms=0.001, length=0.02):
    return glints(axes, rms, length, np.random.default_rng(seed))


def test_share_of_the_mirror():
    """Rayleigh: nothing is lost by a smooth piece or at grazing; a ninth of the energy is left at 2 k sigma = 1.48."""
    assert mirror_share(1.0, 586.0, 0.0) == 1.0
    assert mirror_share(0.0, 586.0, 0.003) == 1.0
    assert mirror_share(1.0, 1.0, 0.5) == pytest.approx(np.exp(-1.0))
    assert mirror_share([0.5, 1.0], 10.0, 0.1) == pytest.approx(np.exp([-1.0, -4.0]))


def test_slope_of_gaussian_folds():
    """Slopes of a random surface with Gaussian correlation, made by filtering noise, against sqrt(2) sigma / l."""
    length, step = 0.02, 0.001
    rng = np.random.default_rng(2)
    size = 1 << 18
    f = np.fft.rfftfreq(size, step)
    shape = np.exp(
        -((np.pi * f * length) ** 2) / 2.0
    )  # of the amplitude: correlation exp(-(x/l)^2)
    height = np.fft.irfft(np.fft.rfft(rng.normal(size=size)) * shape, size)
    height *= 0.001 / height.std()
    assert (np.gradient(height, step)).std() == pytest.approx(slope(0.001, length), rel=0.02)


def test_area():
    """Exact for a ball, 1.1 % for a long spheroid (closed form)."""
    assert area_m2((0.2, 0.2, 0.2)) == pytest.approx(4.0 * np.pi * 0.04)
    a, c = 0.04, 0.2
    e = np.sqrt(1.0 - a * a / (c * c))
    exact = 2.0 * np.pi * a * a * (1.0 + c / (a * e) * np.arcsin(e))
    assert area_m2((a, a, c)) == pytest.approx(exact, rel=0.011)


def test_lobe():
    """One at its middle, nothing from a right angle on, twice as steep as cos there, smooth."""
    assert lobe(1.0, 100.0) == 1.0
    assert np.array_equal(lobe([-1.0, -1e-9, 0.0], 5.0), [0.0, 0.0, 0.0])
    assert lobe(1e-4, 0.0) == pytest.approx(1e-8)
    assert lobe(np.cos(0.1), 50.0) == pytest.approx(
        np.cos(0.1) ** 2 * np.exp(-50.0 * 0.1**2 / 2.0), rel=1e-2
    )


@pytest.mark.parametrize("sharpness", [0.0, 5.0, 16.0, 100.0, 2500.0])
def test_solid_angle_of_a_lobe(sharpness):
    """Against a fine sum over the angle; the lit diffuse one in closed form."""
    angle = (np.arange(200000) + 0.5) / 200000 * np.pi / 2.0
    cos = np.cos(angle)
    ring = 2.0 * np.pi * np.sin(angle) * (np.pi / 2.0 / len(angle))
    total = (ring * (lobe(cos, sharpness) / cos) ** 2).sum()
    assert lobe_solid_angle(sharpness) == pytest.approx(total, rel=1e-6)
    if sharpness == 0.0:
        assert total == pytest.approx(2.0 * np.pi / 3.0, rel=1e-6)


def test_glints_are_a_covering():
    """Unit normals, a diffuse part at the end, the same from the same seed and others from others."""
    one, same, other = drawn(1), drawn(1), drawn(2)
    assert np.linalg.norm(one.normal, axis=1) == pytest.approx(np.ones(len(one)), abs=1e-12)
    assert one.is_diffuse.sum() == DIFFUSE_COUNT
    assert one.is_diffuse[-DIFFUSE_COUNT:].all()
    assert np.all((one.sharpness == 0.0) == one.is_diffuse)
    assert np.array_equal(one.normal, same.normal)
    assert np.array_equal(one.height_m, same.height_m)
    assert not np.array_equal(one.height_m, other.height_m)
    assert len({len(x) for x in vars(one).values()}) == 1


@pytest.mark.parametrize(
    ("axes", "rms", "length"),
    [(TORSO, 0.001, 0.02), ((0.04, 0.04, 0.13), 0.0015, 0.03), (TORSO, 0.0004, 0.03)],
)
def test_number_at_a_time(axes, rms, length):
    """4-16 glints within a lobe, by its power: N / (4 pi) times pi s^2 and that twice for both slopes."""
    one = drawn(axes=axes, rms=rms, length=length)
    count = len(one) - DIFFUSE_COUNT
    at_once = count * slope(rms, length) ** 2 / 2.0
    assert LEAST - 1e-9 <= at_once <= MOST * 1.01


def test_normals_are_even():
    """Why: the mean power must not depend on where one looks from; evenness also makes single draws vary less.
    Set-up: normals of 200 draws: mean and second moments; numbers in caps of 0.1 sr per draw.
    Expected: moments of the even sphere within 5 standard errors of independent points; counts vary less than those of such points.
    """
    caps, moments = [], []
    for seed in range(200):
        one = drawn(seed)
        n = one.normal[~one.is_diffuse]
        caps.append((n[:, 2] > 1.0 - 0.1 / (2.0 * np.pi)).sum() / len(n))
        moments.append([*n.mean(axis=0), *(n**2).mean(axis=0)])
    bar = 5.0 / np.sqrt(200 * 1600)
    assert np.abs(np.mean(moments, axis=0) - [0, 0, 0, 1 / 3, 1 / 3, 1 / 3]).max() < bar
    share = 0.1 / (4.0 * np.pi)
    assert np.mean(caps) == pytest.approx(share, rel=0.03)
    assert np.std(caps) < np.sqrt(share / 1600)


def test_energy_of_all_lobes():
    """Why: what leaves the mirror must arrive in the glints: the split keeps the sum.
    Set-up: mean over directions and draws of the summed power of a ball's lobes re its mirror, far away: (lobe / cos)^2.
    Expected: one within 2 %, of it DIFFUSE in the diffuse part.
    """
    rng = np.random.default_rng(3)
    views = rng.normal(size=(400, 3))
    views /= np.linalg.norm(views, axis=1, keepdims=True)
    total, diffuse = [], []
    for seed in range(20):
        one = drawn(seed)
        cos = views @ one.normal.T
        power = np.where(cos > 0.0, (one.weight * lobe(cos, one.sharpness) / np.abs(cos)) ** 2, 0.0)
        total.append(power.sum(axis=1))
        diffuse.append(power[:, one.is_diffuse].sum(axis=1))
    assert np.mean(total) == pytest.approx(1.0, rel=0.02)
    assert np.mean(diffuse) == pytest.approx(DIFFUSE, rel=0.05)


def test_heights_shuffle_phases():
    """Why: glints must add with phases evenly spread also at the lowest carriers; and slip gives new ones after half a radian.
    Set-up: 2 k height at 20 kHz, and 2 k slip half a radian at 40 kHz; all glints of ten draws.
    Expected: mean phasor below 0.15; and correlation of phases before and after the bend below 0.8.
    """
    height = np.concatenate([drawn(seed).height_m for seed in range(10)])
    slip = np.concatenate([drawn(seed).slip_m_rad for seed in range(10)])
    k = 2.0 * np.pi * 20e3 / 343.0
    assert abs(np.exp(2j * k * height).mean()) < 0.15
    assert abs(np.exp(4j * k * slip * 0.5).mean()) < 0.8

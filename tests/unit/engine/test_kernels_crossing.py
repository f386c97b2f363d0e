"""Kernels of ways across jets against the same in NumPy and SciPy, in double precision."""

import numpy as np
import pytest
from scipy.special import wofz

from usim.physics.crossing import ROOT_PI_2, _bell, _cut, crossed
from usim.physics.jets import Blown, reaches

FAR_C = 1e12  # no second order


def frames(t_s):
    """An opening that turns and moves, so a jet that is bent."""
    yaw, nothing = 0.4 * np.sin(0.7 * t_s), 0.0 * t_s
    ahead = np.stack([np.cos(yaw), np.sin(yaw), nothing], axis=1)
    left = np.stack([-np.sin(yaw), np.cos(yaw), nothing], axis=1)
    up = np.stack([nothing, nothing, nothing + 1.0], axis=1)
    return 0.1 * ahead, np.stack([ahead, left, up], axis=2)


@pytest.fixture(scope="module")
def blown():
    return Blown(reaches(np.random.default_rng(3), 0.1, 2.0, 0.2, 2.0, 96), frames)


def test_bell():
    x = np.linspace(0.0, 19.9, 500)
    found = np.array([_bell(np.float32(one)) for one in x])
    assert np.abs(found - np.exp(-x)).max() < 1e-5


def test_cut():
    g = np.linspace(-30.0, 30.0, 301)
    strength, re, im = (np.ones(301, np.float32) for _ in range(3))
    for y in (-3.0, -0.7, 0.0):
        for sense in (-1.0, 1.0):
            _cut(y, -1.0, sense, g.astype(np.float32), strength, re, im, 301)
            z = (-sense * g - 1j * y) / np.sqrt(2.0)
            wanted = -ROOT_PI_2 * np.exp(-0.5 * y * y) * wofz(z)
            assert np.abs(re + 1j * im - wanted).max() < 1e-5


def twin(blown, start, end, left, there, t_s, points=6000):
    """The wind along straight ways (n, 3) point by point."""
    share = (np.arange(points) + 0.5) / points
    out = []
    for a, b, low, high in zip(start, end, left, there, strict=True):
        mean, gust = blown.wind(a + share[:, None] * (b - a), t_s + low + share * (high - low))
        out.append(((mean + gust) @ (b - a)).mean())
    return np.array(out)


def test_crossed(blown):
    """Ways that cross the jet whole, end inside it, run along it and pass it by; at nodes and between them."""
    rng = np.random.default_rng(4)
    start, end = rng.uniform([0, -1, -0.5], [2, 1, 0.5], (2, 8, 3))
    start[:3] = [[0.8, -2.0, 0.0], [1.1, -2.0, 0.0], [0.1, 0.0, 0.0]]
    end[:3] = [[0.9, 2.0, 0.1], [1.0, 0.05, 0.0], [1.9, 0.1, 0.1]]
    left = -np.linalg.norm(end - start, axis=1) / 343.0
    there = np.zeros(8)
    ways = start[:, None], end[:, None], left[:, None], there[:, None]
    found = crossed(blown, *ways, 64, 60, 500.0, FAR_C, 8)
    for knot, bar in ((0, 3e-3), (13, 1e-2), (48, 3e-3)):
        wanted = twin(blown, start, end, left, there, (64 + knot) / 500.0)
        off = np.linalg.norm(found[:, knot] - wanted) / np.linalg.norm(wanted)
        assert off < bar
    assert np.array_equal(crossed(blown, *ways, 93, 20, 500.0, FAR_C, 8), found[:, 29:49])


def test_crossed_by_ways_that_move(blown):
    t_s = np.arange(8, 13) * (8 / 500.0)
    start = np.array([0.6, -1.5, 0.0]) + np.multiply.outer(t_s, [0.4, 0.0, 0.0])
    end = np.array([0.8, 0.0, 0.1]) + np.multiply.outer(t_s, [0.0, 0.5, 0.0])
    zero = np.zeros((1, len(t_s)))
    found = crossed(blown, start[None], end[None], zero, zero, 64, 32, 500.0, FAR_C, 8)[0]
    ways = start[:4], end[:4], zero[0, :4], zero[0, :4]
    wanted = [twin(blown, *(one[n : n + 1] for one in ways), t_s[n])[0] for n in range(4)]
    assert np.abs(found[::8] - wanted).max() < 5e-3 * np.abs(wanted).max()

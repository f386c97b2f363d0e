"""Wrinkled coverings: how the echo of a dressed piece splits into a mirror and glints.

Cloth over a convex body is not one mirror.  Height (rms sigma) and correlation length l of its folds give slopes of standard deviation
s = sqrt(2) sigma / l per axis (Gaussian correlation), and at 2 k sigma of order one and above the echo comes from a handful of *glints*:
places whose normal happens to bisect the two legs (Longuet-Higgins 1960; Barrick 1968).  The split of reflected energy is

    mirror  exp(-(2 k sigma cos)^2)                               (Rayleigh; Ament 1953)
    glints  the rest, as N lobes exp(-(1 - cos tau) / s^2) of energy, tau between a glint's normal and the bisector

plus a diffuse part DIFFUSE below (in energy), which fills what lies between glints.  A glint stands still in the frame of its piece: at the point of
the smooth ellipsoid that has its normal, displaced by its own height, which sets its phase.  Normals cover the sphere evenly, so that the
mean power over orientations and draws equals that of the smooth piece: near the source as well, where glints away from the mirror point see another
bisector, as fewer of them light up.

As a number of glints at a time, the correlation cells in sight of the lobe, between LEAST and MOST (4 and 16); not validated against measured
cloth, of which none is published at these frequencies: the Kirchhoff integral over a torso with 1 mm wrinkles gives a spread of 4.9 dB.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

LEAST, MOST = 4.0, 16.0  # glints in a lobe
DIFFUSE = 0.01  # of the energy: 20 dB below the mirror of the smooth piece
DIFFUSE_COUNT = 48  # of the glints that make the diffuse part, all round
HEIGHT_M = 0.003  # least standard deviation of a glint's height: its phase is then evenly spread from 20 kHz on
SLIP_M_RAD = 0.001  # standard deviation of how far cloth shifts while a limb bends: new phases after a bend of half a radian
EVEN = 0.35  # jitter of normals, in spacings


@dataclass(frozen=True, eq=False)
class Glints:
    """Glints of one piece: arrays over glints."""

    normal: np.ndarray
    """(glint, 3): unit normals in the piece's frame."""
    height_m: np.ndarray
    """(glint,): outwards; a wave's path is shorter by twice that."""
    slip_m_rad: np.ndarray
    """(glint,): what is added to the height while the limb bends by one radian."""
    sharpness: np.ndarray
    """(glint,): 1 / (2 s^2); zero for the diffuse part."""
    weight: np.ndarray
    """(glint,): amplitude at the middle of the lobe, re the mirror of the smooth piece."""
    is_diffuse: np.ndarray
    """(glint,)"""

    def __len__(self) -> int:
        return len(self.weight)


def slope(rms_m: float, length_m: float) -> float:
    """Return the standard deviation of slopes per axis (rad) of folds of a height rms and correlation length in m."""
    return math.sqrt(2.0) * rms_m / length_m


def mirror_share(cos, k: float, rms_m: float) -> np.ndarray:
    """Return the share of reflected energy that stays in the mirror, at cosines of incidence and wavenumber k (rad/m)."""
    return np.exp(-((2.0 * k * rms_m * np.asarray(cos)) ** 2))


def area_m2(semi_axes_m) -> float:
    """Return the surface of an ellipsoid in m^2, to 1.1 % (Thomsen 2004)."""
    a, b, c = (float(x) ** 1.6075 for x in semi_axes_m)
    return 4.0 * math.pi * ((a * b + a * c + b * c) / 3.0) ** (1.0 / 1.6075)


def lobe(cos, sharpness) -> np.ndarray:
    """Return the amplitude of a glint at the cosine of the angle between its normal and the bisector; nothing beyond a right angle."""
    cos = np.asarray(cos, float)
    return np.where(cos > 0.0, cos * cos * np.exp(-np.asarray(sharpness) * (1.0 - cos)), 0.0)


@lru_cache(maxsize=256)
def lobe_solid_angle(sharpness: float) -> float:
    """Return the integral of a lobe's power over directions in sr, with the 1/cos of the mirror amplitude of a tilted facet."""
    x, w = np.polynomial.legendre.leggauss(64)
    t = 0.5 * (x + 1.0)
    depth = (
        min(1.0, 20.0 / sharpness) if sharpness > 0.0 else 1.0
    )  # beyond it the lobe is below 1e-17
    cos = 1.0 - depth * t
    return float(2.0 * np.pi * 0.5 * depth * (w * (lobe(cos, sharpness) / cos) ** 2).sum())


def glints(semi_axes_m, rms_m: float, length_m: float, generator: np.random.Generator) -> Glints:
    """Return the glints of an ellipsoid (semi-axes (3,) in m) under folds of a height rms and correlation length in m."""
    s = slope(rms_m, length_m)
    at_once = min(max((s / length_m) ** 2 * area_m2(semi_axes_m) / 2.0, LEAST), MOST)
    count = math.ceil(2.0 * at_once / s**2)
    sharpness = 1.0 / (2.0 * s**2)
    parts = []
    for number, sharp, energy in (
        (count, sharpness, 1.0 - DIFFUSE),
        (DIFFUSE_COUNT, 0.0, DIFFUSE),
    ):
        weight = math.sqrt(energy * 4.0 * math.pi / (number * lobe_solid_angle(sharp)))
        parts.append((_even(number, generator), np.full(number, sharp), np.full(number, weight)))
    total = count + DIFFUSE_COUNT
    return Glints(
        np.concatenate([part[0] for part in parts]),
        generator.normal(0.0, max(rms_m, HEIGHT_M), total),
        generator.normal(0.0, SLIP_M_RAD, total),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
        np.arange(total) >= count,
    )


def _even(count: int, generator: np.random.Generator) -> np.ndarray:
    """Return unit vectors (count, 3) that cover the sphere evenly: a jittered Fibonacci lattice, turned at random."""
    z = 1.0 - (2.0 * np.arange(count) + 1.0) / count
    turn = np.pi * (1.0 + math.sqrt(5.0)) * np.arange(count)
    flat = np.sqrt(1.0 - z * z)
    points = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    spacing = math.sqrt(4.0 * math.pi / count)
    points = points + EVEN * spacing * generator.standard_normal((count, 3))
    points = _unit(points)
    w, x, y, z = _unit(
        generator.standard_normal(4)
    )  # a turn at random: a unit quaternion (Shoemake 1992)
    turned = np.array(
        [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
            [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
            [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
        ]
    )
    return (points[:, :, None] * turned).sum(axis=1)


def _unit(vector: np.ndarray) -> np.ndarray:
    """Return a vector, or rows of vectors, of length one."""
    return vector / np.sqrt((vector * vector).sum(axis=-1, keepdims=True))

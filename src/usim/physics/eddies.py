"""Eddies: the air of a draught as one frozen field of wind and sound speed, made of plane waves and carried along by the mean wind.

Taylor's hypothesis (1938): what passes a point is a still pattern that the mean wind carries past.  The pattern has the isotropic spectra of von Karman
(1948), cut off at the inner scale by a Gaussian (Ostashev and Wilson 2015), per unit of wavenumber k, with k0 = 1 / (1.339 L) of the integral length L:

    wind         E(k) ~ k^4 / (k^2 + k0^2)^(17/6), every wave at right angles to its wavevector: what flows in flows out
    sound speed  E(k) ~ k^2 / (k^2 + k0^2)^(11/6)

As a sum of plane waves it can be asked anywhere, at any time, and integrated along any straight way in closed form (`moving_air`).  That the temperature
of a draught moves the speed of sound by half as much as its gusts do is a choice, not a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gamma

WAVES = 4096
INNER_M = 0.007  # scale at which eddies end; 5-10 mm indoors
CUT = 5.92  # wavenumber of the cut-off times the inner scale (Ostashev and Wilson 2015)
ROOT = 1.339  # integral length times the wavenumber at which von Karman's spectrum bends
LOWEST, HIGHEST = 0.05, 2.0  # wavenumbers, of the bend and of the cut-off, between which waves lie
WARMTH = 0.5  # rms of the sound speed per rms of one component of the wind
FINE = 4000  # steps of the sums over the spectra


@dataclass(frozen=True, eq=False)
class Eddies:
    """A frozen field: the sum over waves of amplitude times cos(k (x - U t) + phase)."""

    k: np.ndarray
    """(wave, 3): rad/m."""
    phase: np.ndarray
    """(wave,): rad."""
    speed_m_s: np.ndarray
    """(wave,): amplitude of the speed of sound."""
    wind_m_s: np.ndarray
    """(wave, 3): amplitude of the wind, at right angles to k."""
    mean_m_s: np.ndarray
    """(3,): U, the mean wind."""

    @property
    def turning_rad_s(self) -> np.ndarray:
        """Return k U (wave,): how fast each wave turns at a point that stands still."""
        return (self.k * self.mean_m_s).sum(axis=1)

    def at(self, points_m: np.ndarray, t_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what is added to the sound speed (...) and the wind (..., 3), m/s, at points (..., 3) in m and times (...) in s; without the mean."""
        turns = points_m @ self.k.T - np.multiply.outer(np.asarray(t_s, float), self.turning_rad_s)
        wave = np.cos(turns + self.phase)
        return wave @ self.speed_m_s, wave @ self.wind_m_s


def eddies(
    generator: np.random.Generator,
    mean_m_s: np.ndarray,
    turbulence: float,
    length_m: float,
    waves: int = WAVES,
) -> Eddies:
    """Return the field of one draught.

    mean_m_s: (3,) mean wind; turbulence: rms of each component of the gusts over the mean; length_m: integral length of
    the gusts along the wind.  Wavenumbers are spread evenly over their logarithm, directions evenly over the sphere at any wavenumber.
    """
    rms = turbulence * float(np.sqrt((np.asarray(mean_m_s, float) ** 2).sum()))
    bend, cut = 1.0 / (ROOT * length_m), CUT / INNER_M
    edges = np.geomspace(LOWEST * bend, HIGHEST * cut, waves + 1)
    k = edges[:-1] * (edges[1:] / edges[:-1]) ** generator.random(waves)
    width = np.log(edges[1:] / edges[:-1]) * k
    fine = np.geomspace(1e-3 * LOWEST * bend, 2.0 * HIGHEST * cut, FINE)
    wind, warm = (
        spectrum(k) * width / np.trapezoid(spectrum(fine), fine)
        for spectrum in (
            lambda k: k**4 * (k * k + bend * bend) ** (-17 / 6) * np.exp(-((k / cut) ** 2)),
            lambda k: k**2 * (k * k + bend * bend) ** (-11 / 6) * np.exp(-((k / cut) ** 2)),
        )
    )
    along, across = _even(generator, waves), _even(generator, waves, second=True)
    height, angle = 2.0 * along - 1.0, 2.0 * np.pi * across
    flat = np.sqrt(1.0 - height * height)
    towards = np.stack([flat * np.cos(angle), flat * np.sin(angle), height], axis=1)
    east = np.stack([-np.sin(angle), np.cos(angle), np.zeros(waves)], axis=1)
    north = np.cross(towards, east)
    turn = 2.0 * np.pi * generator.random(waves)
    blow = np.cos(turn)[:, None] * east + np.sin(turn)[:, None] * north
    return Eddies(
        k[:, None] * towards,
        2.0 * np.pi * generator.random(waves),
        WARMTH * rms * np.sqrt(2.0 * warm),
        (rms * np.sqrt(6.0 * wind))[:, None] * blow,
        np.asarray(mean_m_s, float),
    )


def _even(generator: np.random.Generator, waves: int, second: bool = False) -> np.ndarray:
    """Return numbers in [0, 1) of which neighbours lie far apart, in one of two ways that fill the square (Roberts 2018)."""
    step = 0.5698402909980532 if second else 0.7548776662466927
    return (generator.random() + step * np.arange(waves)) % 1.0


def gust_density(f_hz: np.ndarray, rms_m_s: float, length_m: float, mean_m_s: float) -> np.ndarray:
    """Return the one-sided spectral density (m/s)^2/Hz of gusts along the wind at a point (von Karman 1948), without an inner scale."""
    return (
        4.0
        * rms_m_s**2
        * length_m
        / mean_m_s
        * (1.0 + 70.8 * (np.asarray(f_hz, float) * length_m / mean_m_s) ** 2) ** (-5 / 6)
    )


def relaxing_density(f_hz: np.ndarray, rms: float, tau_s: float) -> np.ndarray:
    """Return the one-sided spectral density of an Ornstein-Uhlenbeck process (Uhlenbeck and Ornstein 1930), its rms squared times 1/Hz."""
    return 4.0 * rms**2 * tau_s / (1.0 + (2.0 * np.pi * np.asarray(f_hz, float) * tau_s) ** 2)


def way_density(
    f_hz: np.ndarray, rms_m_s: float, length_m: float, mean_m_s: float, way_m: float
) -> np.ndarray:
    """Return the one-sided density (m^2/s)^2/Hz of the integral along a long way across the wind, of sound speed and the wind along the way.

    Ways of many integral lengths see only waves that run across them (Tatarskii 1961): twice pi times the way times the integral of both spectra over the
    wavenumber that is left, in closed form; f^(-8/3) above the bend.  Without an inner scale.
    """
    bend = 1.0 / (ROOT * length_m)
    k = 2.0 * np.pi * np.asarray(f_hz, float) / mean_m_s
    square = k * k + bend * bend
    # three-dimensional spectra A (k^2 + k0^2)^(-11/6) and B k^2 (k^2 + k0^2)^(-17/6), whose integrals over space are the variances
    warm = (WARMTH * rms_m_s) ** 2 * gamma(11 / 6) / (np.pi**1.5 * gamma(1 / 3)) * bend ** (2 / 3)
    wind = rms_m_s**2 * 55.0 * gamma(5 / 6) / (36.0 * np.pi**1.5 * gamma(1 / 3)) * bend ** (2 / 3)
    of_warm = _across(11 / 6) * square ** (-4 / 3)
    of_wind = _across(11 / 6) * square ** (-4 / 3) - bend**2 * _across(17 / 6) * square ** (-7 / 3)
    both = warm * of_warm + wind * of_wind
    return 2.0 * 2.0 * np.pi * way_m * both * 2.0 * np.pi / mean_m_s


def _across(power: float) -> float:
    """Return the integral over all x of (1 + x^2)^-power."""
    return float(np.sqrt(np.pi) * gamma(power - 0.5) / gamma(power))

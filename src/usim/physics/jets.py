"""Free jets: the air that blows out of a round opening, as a few lengths of mean wind and gusts that grow wider and slower downstream.

Beyond its core of 6 diameters a round turbulent jet keeps its shape: its half-width grows by 0.096 of the way (Panchapakesan and Lumley 1993) and its speed falls as one
over it, so that its momentum stays what it was (Rajaratnam 1976; Pope 2000, section 5.1).  With a bell for its profile and the momentum of the opening,

    width  b = SPREAD x        wind  exp(-(r / b)^2) sqrt(2) R U / b        air carried  x / d times 0.33

against 0.32 measured (Ricou and Spalding 1961).  Inside the core the speed is that of the opening, which is sqrt(2) R wide as a bell.

Each length (`Reach`) has Gaussian bells along and across the jet for its wind and its gusts; their sum follows the law.  Gusts have the spectrum of
von Karman, an integral length of 0.7 half-widths (Pope 2000), and are carried along at 0.65 of the speed on the axis (Davies, Fisher and Barratt 1963: 0.6 to 0.7).
A jet whose opening turns is bent: every reach points where the opening pointed when its air came out.  Not here: walls and people that stop or turn it, swirl.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from usim.physics.eddies import Eddies, eddies

HALF_WIDTH = 0.096  # per way
SPREAD = HALF_WIDTH / np.sqrt(np.log(2.0))
CARRIED = 0.65  # speed of gusts over that on the axis
SCALE = 0.7  # integral length over half-width
SMALLEST = 0.3  # integral length over the radius of the opening, near it
WAVES = 384
FIRST, GROWTH = (
    1.5,
    1.35,
)  # the middle of the first reach in radii, and how much farther each next one lies
OVERLAP = 1.8  # distance of neighbours over the rms width of their bells of wind
FINE = 400  # places at which the law is met

Frames = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Times (n,) -> where the opening is (n, 3) in m and its axes (n, 3, 3) as columns, of which the first points where it blows."""


@dataclass(frozen=True, eq=False)
class Reach:
    """One length of a jet, in the axes that the opening had `late_s` ago; x along the jet."""

    ahead_m: float
    """From the opening to its middle."""
    late_s: float
    gusts: Eddies
    """Before the bell; they are carried along x."""
    spread_m: np.ndarray
    """(3,): rms width of the bell of gusts along each axis."""
    wind_m_s: float
    """Mean wind in its middle, along x."""
    wind_spread_m: np.ndarray
    """(3,): rms width of the bell of the wind."""


@dataclass(frozen=True, eq=False)
class Blown:
    """A jet: its reaches, from the opening outwards, and the story of the opening."""

    reaches: tuple[Reach, ...]
    frames: Frames

    def wind(self, points_m: np.ndarray, t_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean wind and the gusts (n, 3), m/s, at points (n, 3) in m and times (n,) in s."""
        mean, gust = np.zeros((2, *np.shape(points_m)))
        for reach in self.reaches:
            origin, axes = self.frames(np.asarray(t_s, float) - reach.late_s)
            place = ((points_m - origin)[:, :, None] * axes).sum(axis=1)
            place[:, 0] -= reach.ahead_m
            bell = np.exp(-0.5 * ((place / reach.wind_spread_m) ** 2).sum(axis=1))
            mean += (reach.wind_m_s * bell)[:, None] * axes[:, :, 0]
            bell = np.exp(-0.5 * ((place / reach.spread_m) ** 2).sum(axis=1))
            own = bell[:, None] * reach.gusts.at(place, t_s)[1]
            gust += (axes * own[:, None, :]).sum(axis=2)
        return mean, gust


def core_m(radius_m: float) -> float:
    """Return how far the speed on the axis stays that of the opening, m."""
    return float(np.sqrt(2.0) * radius_m / SPREAD)


def width_m(x_m: np.ndarray, radius_m: float) -> np.ndarray:
    """Return the width b (...) in m of the bell that carries as much air as a jet does at distances (...) in m from the opening, at the speed on its axis.

    Inside the core there is a flat top of radius a with flanks of SPREAD x, which hold the momentum of the opening together; beyond, b is SPREAD x.
    """
    flank = SPREAD * np.minimum(np.asarray(x_m, float), core_m(radius_m))
    top = np.sqrt(radius_m**2 + (np.pi / 8.0 - 0.5) * flank**2) - np.sqrt(np.pi / 8.0) * flank
    inside = np.sqrt(top * top + np.sqrt(np.pi) * top * flank + flank * flank)
    return np.maximum(inside, SPREAD * np.asarray(x_m, float))


def axis_m_s(x_m: np.ndarray, radius_m: float, speed_m_s: float) -> np.ndarray:
    """Return the mean wind (...) in m/s on the axis at distances (...) in m from an opening."""
    return speed_m_s * core_m(radius_m) / np.maximum(np.asarray(x_m, float), core_m(radius_m))


def arrival_s(x_m: np.ndarray, radius_m: float, speed_m_s: float) -> np.ndarray:
    """Return how long (...) in s gusts take from the opening to places (...) in m on the axis."""
    x, core = np.asarray(x_m, float), core_m(radius_m)
    beyond = np.maximum(x * x - core * core, 0.0) / (2.0 * core)
    return (np.minimum(x, core) + beyond) / (CARRIED * speed_m_s)


def reaches(
    generator: np.random.Generator,
    radius_m: float,
    speed_m_s: float,
    turbulence: float,
    farthest_m: float,
    waves: int = WAVES,
) -> tuple[Reach, ...]:
    """Return the reaches of a jet from an opening of some radius and speed, up to a distance in m.

    turbulence: rms of each component of the gusts on the axis over the mean wind there; off the axis their variance falls as the wind does.
    """
    many = 1 + int(np.ceil(np.log(max(farthest_m / (FIRST * radius_m), 1.0)) / np.log(GROWTH)))
    x = FIRST * radius_m * GROWTH ** np.arange(many)
    along = 0.5 * (GROWTH - 1.0 / GROWTH) / OVERLAP * x
    places = np.geomspace(x[0], x[-1], FINE)
    wanted = axis_m_s(places, radius_m, speed_m_s)
    bells = np.exp(-0.5 * ((places[:, None] - x) / along) ** 2)
    winds, _ = nnls(bells / wanted[:, None], np.ones(FINE))
    air = wanted * width_m(places, radius_m) ** 2
    carries, _ = nnls(bells / air[:, None], np.ones(FINE))
    widths = np.sqrt(carries / winds)
    squares, _ = nnls(bells / wanted[:, None] ** 2, np.full(FINE, turbulence**2))
    carried = CARRIED * axis_m_s(x, radius_m, speed_m_s)
    late = arrival_s(x, radius_m, speed_m_s)
    out = []
    for n in range(many):
        b = float(widths[n])
        length = max(SCALE * HALF_WIDTH * float(x[n]), SMALLEST * radius_m)
        rms = float(np.sqrt(squares[n]))
        mean = np.array([carried[n], 0.0, 0.0])
        own = eddies(generator, mean, rms / float(carried[n]), length, waves)
        own = replace(own, speed_m_s=np.zeros(waves))  # a fan warms nothing
        narrow = b / np.sqrt(2.0)
        out.append(
            Reach(
                float(x[n]),
                float(late[n]),
                own,
                np.array([np.sqrt(2.0) * along[n], b, b]),
                float(winds[n]),
                np.array([along[n], narrow, narrow]),
            )
        )
    return tuple(out)

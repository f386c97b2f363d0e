"""What goes on in a body at rest: breathing and heartbeat, as motion of the front of its trunk.

Both are functions of time alone, for ever: their wandering is a sum of sinusoids with drawn
phases, so any time may be asked for in any order.
"""

from dataclasses import dataclass

import numpy as np

TURN = 2.0 * np.pi
RATE_HZ = (0.2, 0.33)
CHEST_M, ABDOMEN_M = (0.003, 0.005), (0.004, 0.010)
LAG_DEG = (0.0, 30.0)
EXPIRATION = (1.5, 2.0)
"""Duration of expiration over that of inspiration."""
SIDEWAYS = 0.15
"""How much each side of the chest moves outward, over its front: 1-2 mm across for 3-5 mm."""
RATE_WANDER, DEPTH_WANDER = 0.08, 0.12
"""Standard deviation of rate and depth, as shares."""
WANDER_HZ = (0.013, 0.027, 0.051)

HEART_HZ = (0.9, 1.7)
HEART_M = (0.0001, 0.0005)
PULSE = (1.0, 0.5, 0.25)
"""Weights of the harmonics of the beat."""


def breath(cycles: np.ndarray, inspired: float) -> np.ndarray:
    """How full the lungs are, from 0 to 1, after so many cycles (time,): raised cosines, up for the
    share `inspired` of a cycle and down for the rest. With 0.5 it is a sinusoid.
    """
    x = cycles - np.floor(cycles)
    up = x < inspired
    half = np.where(up, x / inspired, 1.0 + (x - inspired) / (1.0 - inspired))
    return 0.5 - 0.5 * np.cos(np.pi * half)


def beat(cycles: np.ndarray, harmonics: tuple[float, ...]) -> np.ndarray:
    """The beat of a heart after so many cycles (time,): a sum of harmonics, 1 from top to bottom."""
    grid = np.arange(512) / 512.0

    def wave(phase: np.ndarray) -> np.ndarray:
        value = harmonics[0] * np.sin(TURN * phase)
        for k, weight in enumerate(harmonics[1:], start=2):
            value = value + weight * np.sin(TURN * (k * phase))
        return value

    whole = wave(grid)
    return wave(cycles) / (whole.max() - whole.min())


@dataclass(frozen=True, eq=False)
class Wander:
    """A slow random function of time with zero mean and unit variance: a sum of sinusoids."""

    phase_rad: np.ndarray

    def at(self, t_s: np.ndarray) -> np.ndarray:
        """Its value at times (time,)."""
        return self._sum(t_s, 0.0, 0.0)

    def integral(self, t_s: np.ndarray) -> np.ndarray:
        """Its integral over time, in s."""
        return self._sum(t_s, -0.5 * np.pi, 1.0)

    def _sum(self, t_s: np.ndarray, shift: float, power: float) -> np.ndarray:
        w = TURN * np.array(WANDER_HZ)
        weight = np.sqrt(2.0 / len(w)) / w**power
        turned = np.multiply.outer(w, t_s) + (self.phase_rad + shift)[:, None]
        return (weight[:, None] * np.sin(turned)).sum(axis=0)


@dataclass(frozen=True, eq=False)
class Breathing:
    """The front of a trunk that breathes and in which a heart beats."""

    rate_hz: float
    chest_m: float
    """Top to bottom, as all depths."""
    abdomen_m: float
    lag_rad: float
    """By which the chest comes after the abdomen."""
    inspired: float
    start: float
    """Cycles at time 0."""
    rate_wander: Wander | None
    depth_wander: Wander | None
    heart_hz: float
    heart_m: float
    heart_start: float
    heart_wander: Wander | None
    harmonics: tuple[float, ...] = PULSE

    def front_m(self, t_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far the fronts of thorax and abdomen are ahead of where they are with empty lungs,
        each (time,) in m.
        """
        cycles = self.start + self.rate_hz * t_s
        if self.rate_wander is not None:
            cycles = cycles + RATE_WANDER * self.rate_hz * self.rate_wander.integral(t_s)
        depth: float | np.ndarray = 1.0
        if self.depth_wander is not None:
            depth = 1.0 + DEPTH_WANDER * self.depth_wander.at(t_s)
        chest = self.chest_m * depth * breath(cycles - self.lag_rad / TURN, self.inspired)
        abdomen = self.abdomen_m * depth * breath(cycles, self.inspired)
        return chest + self.heart_m * self._heart(t_s), abdomen

    def _heart(self, t_s: np.ndarray) -> np.ndarray:
        cycles = self.heart_start + self.heart_hz * t_s
        if self.heart_wander is not None:
            cycles = cycles + 0.03 * self.heart_hz * self.heart_wander.integral(t_s)
        return beat(cycles, self.harmonics)


def drawn(
    breathing: "np.random.Generator",
    heart: "np.random.Generator",
    rate_hz: float | None,
    depth_m: float | None,
    heart_hz: float | None,
) -> Breathing:
    """The breathing of a person: what is not given is drawn from the ranges of this module, always
    with the same numbers of a stream for the same thing.

    De Groote et al. (1997): 3-5 mm at the rib cage, abdomen forward; 12-20 breaths a minute;
    heartbeats of 0.1-0.5 mm at 55-100 a minute (radar literature).
    """
    u = breathing.random(6)
    v = heart.random(3)
    chest_m = _between(CHEST_M, u[1]) if depth_m is None else depth_m
    # The belly goes with the chest: a depth that is given sets both.
    abdomen_m = _between(ABDOMEN_M, u[2]) * (chest_m / _between(CHEST_M, u[1]))
    return Breathing(
        rate_hz=_between(RATE_HZ, u[0]) if rate_hz is None else rate_hz,
        chest_m=chest_m,
        abdomen_m=abdomen_m,
        lag_rad=np.deg2rad(_between(LAG_DEG, u[3])),
        inspired=1.0 / (1.0 + _between(EXPIRATION, u[4])),
        start=float(u[5]),
        rate_wander=Wander(TURN * breathing.random(len(WANDER_HZ))),
        depth_wander=Wander(TURN * breathing.random(len(WANDER_HZ))),
        heart_hz=_between(HEART_HZ, v[0]) if heart_hz is None else heart_hz,
        heart_m=_between(HEART_M, v[1]),
        heart_start=float(v[2]),
        heart_wander=Wander(TURN * heart.random(len(WANDER_HZ))),
    )


def _between(ends: tuple[float, float], u: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * float(u)

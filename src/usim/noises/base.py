"""Noises: everything that sounds in the band and is not the device.

What the family promises. A noise is a random source signal with a stated level over a stated band,
and a gate that says when it sounds. A located noise radiates from somewhere and travels through the
room like any wave; a noise that is everywhere is given as it arrives at each microphone.

The contract, which `usim.contract.noises` checks for every file in this folder:

* `Parameters` is a frozen model with `kind` and `name`; `build(parameters)` gives the noise.
* `pressure(generator, count, rate_hz)` is the stationary source signal with the gate open, in Pa:
  at 1 m for a located noise, at the microphone for one that is everywhere. The generator is its
  only randomness: the same generator state gives the same bytes. Its level over `band_hz` is
  `level_db_spl`; what lies above half the rate is left out and nothing folds, so a lower rate does
  not raise the density.
* `gate(t_s, speed_m_s)` is between 0 and 1 and multiplies the pressure; ramps take at least 5 ms.
  `speed_m_s` is the speed of the part of a mover that the noise is at, None elsewhere.
* `at` says where a located noise is; None for one that is everywhere.
* `diffuse` (everywhere only): the microphones hear one diffuse field, with coherence sin(kd)/(kd),
  not noises that are independent of each other. `pressure` is then one microphone's share.
* `EXAMPLES` are one or more tables as a scene file holds them: the contract is checked on them, and
  `usim show` shows them.

Shortest kind to start from: `white_ultrasonic.py`.
"""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from usim.template.fields import (
    ByShape,
    List,
    Listed,
    Mapped,
    Moment,
    Name,
    Point,
    Table,
    Word,
)

RAMP_S = 0.005
REFERENCE_PA = 20e-6
STILL_M_S, MOVING_M_S = 0.02, 0.10
"""A noise that sounds while its part moves is silent below the first and full above the second
speed.
"""


class AtThing(Table):
    """A part of a mover (its first where none is named), or a device."""

    mover: Name | None = None
    part: Name | None = None
    device: Name | None = None

    @model_validator(mode="after")
    def _one(self) -> "AtThing":
        if (self.mover is None) == (self.device is None):
            raise ValueError("give either `mover` (and `part`) or `device`")
        if self.part is not None and self.mover is None:
            raise ValueError("`part` belongs to a mover; a device has none")
        return self


At = Annotated[
    Annotated[Point, List] | Annotated[AtThing, Mapped],
    ByShape("must be a point [x, y, z], {mover: NAME, part: PART} or {device: NAME}"),
]

Interval = Annotated[tuple[Moment, Moment], Listed]


def _intervals(value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    last = -np.inf
    for on, off in value:
        if off - on < 2.0 * RAMP_S or on < last:
            raise ValueError(
                f"intervals must be [from, to] in order, each {2.0 * RAMP_S:g} s or longer, "
                f"got [{on:g}, {off:g}]"
            )
        last = off
    return value


Place = tuple[float, float, float] | AtThing
Times = Literal["always", "moving"] | tuple[tuple[float, float], ...]

When = Annotated[
    Annotated[Literal["always", "moving"], Word]
    | Annotated[
        tuple[Interval, ...],
        Listed,
        Field(min_length=1, max_length=10_000),
        AfterValidator(_intervals),
        List,
    ],
    ByShape("must be always, moving, or intervals [[from, to], ...] in seconds"),
]


class AbstractNoise(ABC):
    """Something that sounds in the band."""

    name: str
    level_db_spl: float
    """rms re 20 uPa over the band, at 1 m (located) or at the microphone (everywhere)."""
    band_hz: tuple[float, float]
    located: bool
    at: Place | None
    """A point in metres, a thing by name, or None for a noise that is everywhere."""
    when: Times
    diffuse: bool

    @abstractmethod
    def pressure(self, generator: "np.random.Generator", count: int, rate_hz: float) -> np.ndarray:
        """The source signal with the gate open, (count,) in Pa."""

    def gate(self, t_s: np.ndarray, speed_m_s: np.ndarray | None = None) -> np.ndarray:
        """The share (time,) of the pressure that sounds at the times (time,) of the source.

        Arguments: t_s (time,) in seconds; speed_m_s (time,) of the part this noise is at, for
        `when: moving`.
        """
        t_s = np.asarray(t_s, dtype=float)
        if self.when == "always":
            return np.ones(t_s.shape)
        if self.when == "moving":
            if speed_m_s is None:
                raise ValueError(f"noise {self.name} sounds while its part moves: give its speed")
            share = (np.asarray(speed_m_s) - STILL_M_S) / (MOVING_M_S - STILL_M_S)
            return _raised_cosine(share)
        edges = np.array(self.when)
        index = np.searchsorted(edges[:, 0], t_s, side="right") - 1
        on, off = edges[np.maximum(index, 0)].T
        return _raised_cosine((t_s - on) / RAMP_S) * _raised_cosine((off - t_s) / RAMP_S)


def _raised_cosine(share: np.ndarray) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))

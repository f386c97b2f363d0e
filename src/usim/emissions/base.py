"""Emissions: what a device plays in order to sense.

What the family promises. An emission is one or several carriers and one envelope over each of them,
real for tones. A wideband emission (chirps, FMCW, pulses) is one carrier in the middle of a band, and
a complex envelope that sweeps through it. Its level commands a drive, it does not promise a pressure: it is what the nominal unit gives
on its axis at 1 m in free field, rms, per carrier, while the tone is on.

The contract, which `usim.contract.emissions` checks for every file in this folder:

* `Parameters` is a frozen model with `kind`; `build(parameters)` gives the emission.
* `carriers_hz` are distinct and ascending as written; the order is the order of the baseband's
  axis.
* `envelope(t_s)` of tones is between 0 and 1, once differentiable, and answers any times, also before 0: the
  tone has been on for ever unless it starts later. On and off take a raised-cosine ramp of at least
  5 ms.
* `steady` is true exactly when the envelope is 1 at all times; `changes` says the same as commands.
* Where `band_hz` is given, the one carrier is its middle, `envelope(t_s)` is complex and at most 1 in
  size, and its spectrum lies in the band but for -50 dB of its energy; `sweep` says the same in
  numbers that a product could write down.
* An emission draws no random number: what a device emits is part of what it knows.
* `EXAMPLES` are one or more tables as a scene file holds them: the contract is checked on them, and
  `usim show` shows them.

Shortest kind to start from: `tones.py`.
"""

from abc import ABC, abstractmethod

import numpy as np

from usim.physics.sweeps import Sweep

SHORTEST_RAMP_S = 0.005


class AbstractEmission(ABC):
    """Carriers with envelopes."""

    carriers_hz: np.ndarray
    """(carrier,)"""
    level_db_spl: float
    """Per carrier, rms re 20 uPa, nominal unit, on axis at 1 m, while on; of a sweep, where its envelope
    is 1, for a unit as loud everywhere in the band as at its middle.
    """
    steady: bool
    band_hz: tuple[float, float] | None = None
    """Of a wideband emission: the lowest and the highest frequency that it holds; None for tones."""
    sweep: Sweep | None = None
    """Of a wideband emission that is a sweep: which one."""

    @abstractmethod
    def envelope(self, t_s: np.ndarray) -> np.ndarray:
        """The envelopes (carrier, time) at the times (time,) of the device's drive: 1 while on, 0
        while off; of a wideband emission complex.
        """

    @abstractmethod
    def changes(self) -> tuple[tuple[float, bool], ...]:
        """When the device is told to sound or to be silent: (time in s, on), ascending, the first of
        them in force from the start of the scene.
        """

"""Programmes: what a device plays for people to hear.

What the family promises. A programme is one digital signal that the device is told to play: music,
speech, a file. It is known to the product (the playback reference), unlike a noise. Its level is
that of the drive, unweighted rms over the programme with silences under -50 dBFS left out, as the
nominal unit gives it on axis at 1 m.

The contract in words:

* `Parameters` is a frozen model with `kind`; `build(parameters, stream)` gives the programme.
  `stream(place)` gives the random generator of a place inside it.
* `samples(start, count)` gives any window of the signal, also before 0, as a pure function of the
  absolute sample index: no window depends on which others were asked for.
* The signal holds nothing above 20 kHz, is finite and stays within full scale.
"""

from abc import ABC, abstractmethod

import numpy as np


class AbstractProgramme(ABC):
    """A digital signal for the ear."""

    rate_hz: float
    level_db_spl: float

    @abstractmethod
    def samples(self, start: int, count: int) -> np.ndarray:
        """The samples (count,) from the absolute index `start`, in units of full scale."""

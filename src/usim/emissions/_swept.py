"""What chirps, FMCW and pulses have in common: one sweep, on for ever or between two moments."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import model_validator

from usim.emissions.base import SHORTEST_RAMP_S, AbstractEmission
from usim.physics.sweeps import Sweep
from usim.template.fields import Moment, Table

LOWEST_HZ, HIGHEST_HZ = 16e3, 160e3
FASTEST_RAMP_S = 1e-4
WIDEST_HZ = 38e3


class Times(Table):
    """When the emission starts and ends: its first ramp up begins at `start_s`, its last ramp down has ended at `stop_s`; without them
    it is on for ever.
    """

    start_s: Moment | None = None
    stop_s: Moment | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start_s is None or self.stop_s is None:
            return self
        if self.stop_s - self.start_s < 2.0 * SHORTEST_RAMP_S:
            raise ValueError(
                f"stop_s must come at least {2.0 * SHORTEST_RAMP_S:g} s after start_s, "
                f"got {self.start_s:g} and {self.stop_s:g}"
            )
        return self


@dataclass(frozen=True, eq=False)
class Swept(AbstractEmission):
    """A sweep around its centre, the one carrier."""

    carriers_hz: np.ndarray
    level_db_spl: float
    start_s: float | None
    stop_s: float | None
    steady: bool
    band_hz: tuple[float, float]
    sweep: Sweep

    def envelope(self, t_s: np.ndarray) -> np.ndarray:
        t_s = np.asarray(t_s, dtype=float)
        sounds = self.sweep.envelope(t_s)
        if self.start_s is not None:
            sounds *= _raised_cosine((t_s - self.start_s) / SHORTEST_RAMP_S)
        if self.stop_s is not None:
            sounds *= _raised_cosine((self.stop_s - t_s) / SHORTEST_RAMP_S)
        return sounds[None]

    def changes(self) -> tuple[tuple[float, bool], ...]:
        changes = [(0.0, self.start_s is None)]
        if self.start_s is not None:
            changes.append((self.start_s, True))
        if self.stop_s is not None:
            changes.append((self.stop_s - SHORTEST_RAMP_S, False))
        return tuple(changes)


def _raised_cosine(share: np.ndarray) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))


def swept(sweep: Sweep, level_db_spl: float, start_s: float | None, stop_s: float | None) -> Swept:
    """The emission of a sweep; refuses one whose band is wider than the engine carries."""
    low, high = sweep.band_hz
    if high - low > WIDEST_HZ or low < 0.5 * LOWEST_HZ:
        raise ValueError(
            f"its sound reaches from {low / 1e3:.1f} to {high / 1e3:.1f} kHz; at most {WIDEST_HZ / 1e3:g} kHz "
            "above 8 kHz can be carried: make bursts longer, ramps slower, or the sweep narrower"
        )
    carriers = np.array([sweep.centre_hz])
    return Swept(carriers, level_db_spl, start_s, stop_s, False, sweep.band_hz, sweep)

"""An emission made of commands over time: the scene's own until the first, then what each of them says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from usim.emissions.base import AbstractEmission
from usim.physics.sweeps import Sweep

RAMP_S = 0.005  # of a step that a command makes
# how long a command is remembered after the next one took over: longer than any path
HISTORY_S = 1.0


@dataclass(frozen=True, eq=False)
class Commanded(AbstractEmission):
    """The scene's emission until the first command, then what the commands say; steps are ramped."""

    own: AbstractEmission
    # (time in s at which it takes effect, amplitude re the scene's level), ascending
    steps: tuple[tuple[float, float], ...] = ()

    @property
    def carriers_hz(self) -> np.ndarray:  # type: ignore[override]
        return self.own.carriers_hz

    @property
    def level_db_spl(self) -> float:  # type: ignore[override]
        return self.own.level_db_spl

    @property
    def steady(self) -> bool:  # type: ignore[override]
        return self.own.steady and not self.steps

    @property
    def band_hz(self) -> tuple[float, float] | None:  # type: ignore[override]
        return self.own.band_hz

    @property
    def sweep(self) -> Sweep | None:  # type: ignore[override]
        return self.own.sweep

    def told(self, effect_s: float, amplitude: float, now_s: float) -> Commanded:
        """Return the emission after one more command; a command that takes effect at the same time is replaced.

        Of what took over more than HISTORY_S before `now_s`, only the last is kept: it becomes the beginning.
        """
        steps = [step for step in self.steps if step[0] < effect_s]
        old = sum(start < now_s - HISTORY_S for start, _ in steps)
        return replace(self, steps=(*steps[max(old - 1, 0) :], (effect_s, amplitude)))

    def envelope(self, t_s: np.ndarray) -> np.ndarray:
        """Return (carrier, time): amplitude re the scene's level, which a command may exceed; of what is wideband a factor on its own."""
        t_s = np.asarray(t_s, float)
        own = self.own.envelope(t_s)
        if self.band_hz is not None:
            return own * self._amplitudes(t_s, np.ones(own.shape))
        return self._amplitudes(t_s, np.asarray(own, float))

    def _amplitudes(self, t_s: np.ndarray, before: np.ndarray) -> np.ndarray:
        total = before
        for number, (start, amplitude) in enumerate(self.steps):
            share = 0.5 - 0.5 * np.cos(np.pi * np.clip((t_s - start) / RAMP_S, 0.0, 1.0))
            last = before if number == 0 else self.steps[number - 1][1]
            total = total + share * (amplitude - last)
        return total

    def changes(self) -> tuple[tuple[float, bool], ...]:
        """Return when it is told to sound or to be silent; see `AbstractEmission`."""
        return (*self.own.changes(), *((start, amplitude > 0.0) for start, amplitude in self.steps))

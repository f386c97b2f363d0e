"""Continuous tones: one to eight carriers, on for ever or between two moments."""

import itertools
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from usim.emissions.base import SHORTEST_RAMP_S, AbstractEmission
from usim.template.fields import Listed, Moment, Table

LEAST_SPACING_HZ = 1.0

Carrier = Annotated[float, Field(ge=16e3, le=160e3)]


class Parameters(Table):
    """Tones at one level; `start_s` is when the ramp up begins, `stop_s` when the ramp down has
    ended.
    """

    kind: Literal["tones"]
    carriers_hz: Annotated[tuple[Carrier, ...], Listed, Field(min_length=1, max_length=8)]
    level_db_spl: Annotated[float, Field(ge=0.0, le=120.0)]
    start_s: Moment | None = None
    stop_s: Moment | None = None
    ramp_s: Annotated[float, Field(ge=SHORTEST_RAMP_S, le=10.0)] = 0.01

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for lower, upper in itertools.pairwise(self.carriers_hz):
            if upper - lower < LEAST_SPACING_HZ:
                raise ValueError(
                    f"carriers_hz must ascend by at least {LEAST_SPACING_HZ:g} Hz, "
                    f"got {lower:g} then {upper:g}"
                )
        if self.start_s is None or self.stop_s is None:
            return self
        if self.stop_s - self.start_s < 2.0 * self.ramp_s:
            raise ValueError(
                f"stop_s must come at least two ramps ({2.0 * self.ramp_s:g} s) after start_s, "
                f"got {self.start_s:g} and {self.stop_s:g}"
            )
        return self


EXAMPLES = (
    {"kind": "tones", "carriers_hz": [32500, 40000], "level_db_spl": 72},
    {
        "kind": "tones",
        "carriers_hz": [33100],
        "level_db_spl": 66,
        "start_s": 0.5,
        "stop_s": 2.0,
        "ramp_s": 0.02,
    },
)


@dataclass(frozen=True, eq=False)
class Tones(AbstractEmission):
    """Carriers that share one envelope."""

    carriers_hz: np.ndarray
    level_db_spl: float
    start_s: float | None
    stop_s: float | None
    ramp_s: float
    steady: bool

    def envelope(self, t_s: np.ndarray) -> np.ndarray:
        t_s = np.asarray(t_s, dtype=float)
        envelope = np.ones(t_s.shape)
        if self.start_s is not None:
            envelope *= _raised_cosine((t_s - self.start_s) / self.ramp_s)
        if self.stop_s is not None:
            envelope *= _raised_cosine((self.stop_s - t_s) / self.ramp_s)
        return np.broadcast_to(envelope, (len(self.carriers_hz), *t_s.shape))

    def changes(self) -> tuple[tuple[float, bool], ...]:
        changes = [(0.0, self.start_s is None)]
        if self.start_s is not None:
            changes.append((self.start_s, True))
        if self.stop_s is not None:
            changes.append((self.stop_s - self.ramp_s, False))
        return tuple(changes)


def _raised_cosine(share: np.ndarray) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0.0, 1.0))


def build(parameters: Parameters) -> Tones:
    """The tones of these parameters."""
    return Tones(
        np.array(parameters.carriers_hz),
        parameters.level_db_spl,
        parameters.start_s,
        parameters.stop_s,
        parameters.ramp_s,
        steady=parameters.start_s is None and parameters.stop_s is None,
    )

"""Linear chirps: bursts that sweep from one frequency to another, again and again, for time of flight."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from usim.emissions._swept import FASTEST_RAMP_S, HIGHEST_HZ, LOWEST_HZ, Swept, Times, swept
from usim.physics.sweeps import Sweep


class Parameters(Times):
    """A burst of `length_s` every `every_s` that runs from `from_hz` to `to_hz` (up or down) at a constant rate, between raised cosines
    of `ramp_s`; every burst starts as a cosine.
    """

    kind: Literal["chirps"]
    from_hz: Annotated[float, Field(ge=LOWEST_HZ, le=HIGHEST_HZ)]
    to_hz: Annotated[float, Field(ge=LOWEST_HZ, le=HIGHEST_HZ)]
    length_s: Annotated[float, Field(ge=1e-3, le=1.0)]
    every_s: Annotated[float, Field(ge=1e-3, le=10.0)]
    level_db_spl: Annotated[float, Field(ge=0.0, le=120.0)]
    ramp_s: Annotated[float, Field(ge=FASTEST_RAMP_S, le=0.5)] = 1e-3

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.every_s <= self.length_s:
            raise ValueError(
                f"every_s must be longer than length_s ({self.length_s:g} s), got {self.every_s:g}; "
                "sweeps without a gap are kind fmcw"
            )
        if self.length_s < 2.0 * self.ramp_s:
            raise ValueError(
                f"length_s must hold two ramps of {self.ramp_s:g} s, got {self.length_s:g}"
            )
        return self


EXAMPLES = (
    {
        "kind": "chirps",
        "from_hz": 32000,
        "to_hz": 40000,
        "length_s": 0.004,
        "every_s": 0.05,
        "level_db_spl": 72,
    },
    {
        "kind": "chirps",
        "from_hz": 42000,
        "to_hz": 36000,
        "length_s": 0.01,
        "every_s": 0.08,
        "ramp_s": 0.001,
        "level_db_spl": 66,
        "start_s": 0.5,
        "stop_s": 2.0,
    },
)


def build(parameters: Parameters) -> Swept:
    """The chirps of these parameters."""
    line = ((0.0, parameters.from_hz), (parameters.length_s, parameters.to_hz))
    sweep = Sweep(line, parameters.every_s, parameters.ramp_s)
    return swept(sweep, parameters.level_db_spl, parameters.start_s, parameters.stop_s)

"""Pulses: short bursts of one frequency, again and again, for time of flight by their envelope."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from usim.emissions._swept import HIGHEST_HZ, LOWEST_HZ, Swept, Times, swept
from usim.physics.sweeps import Sweep


class Parameters(Times):
    """A pulse of `cycles` periods of `carrier_hz` under a Hann window, every `every_s`; every pulse starts as a cosine."""

    kind: Literal["pulses"]
    carrier_hz: Annotated[float, Field(ge=LOWEST_HZ, le=HIGHEST_HZ)]
    cycles: Annotated[float, Field(ge=8.0, le=10000.0)]
    every_s: Annotated[float, Field(ge=1e-3, le=10.0)]
    level_db_spl: Annotated[float, Field(ge=0.0, le=120.0)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        length_s = self.cycles / self.carrier_hz
        if self.every_s <= length_s:
            raise ValueError(
                f"every_s must be longer than a pulse of {length_s:.4g} s, got {self.every_s:g}"
            )
        return self


EXAMPLES = (
    {"kind": "pulses", "carrier_hz": 40000, "cycles": 32, "every_s": 0.05, "level_db_spl": 78},
    {
        "kind": "pulses",
        "carrier_hz": 33000,
        "cycles": 100,
        "every_s": 0.04,
        "level_db_spl": 70,
        "start_s": 0.2,
    },
)


def build(parameters: Parameters) -> Swept:
    """The pulses of these parameters."""
    length_s = parameters.cycles / parameters.carrier_hz
    line = ((0.0, parameters.carrier_hz), (length_s, parameters.carrier_hz))
    sweep = Sweep(line, parameters.every_s, 0.5 * length_s)
    return swept(sweep, parameters.level_db_spl, parameters.start_s, parameters.stop_s)

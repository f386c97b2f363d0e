"""FMCW: a tone without gaps whose frequency runs up and back, for time of flight by its beat with itself."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from usim.emissions._swept import HIGHEST_HZ, LOWEST_HZ, Swept, Times, swept
from usim.physics.sweeps import Sweep

FLYBACK = 0.05
"""Share of a sawtooth's sweep that runs back, where none is written."""


class Parameters(Times):
    """A sweep of `sweep_s` from `from_hz` to `to_hz` and back, at constant rates: there and back in the same time (`shape: triangle`), or
    back within the last `flyback_s` (`sawtooth`). Phase goes on from sweep to sweep.
    """

    kind: Literal["fmcw"]
    from_hz: Annotated[float, Field(ge=LOWEST_HZ, le=HIGHEST_HZ)]
    to_hz: Annotated[float, Field(ge=LOWEST_HZ, le=HIGHEST_HZ)]
    sweep_s: Annotated[float, Field(ge=2e-3, le=10.0)]
    level_db_spl: Annotated[float, Field(ge=0.0, le=120.0)]
    shape: Literal["sawtooth", "triangle"] = "sawtooth"
    flyback_s: Annotated[float, Field(ge=2e-4, le=5.0)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.flyback_s is not None and self.shape == "triangle":
            raise ValueError("flyback_s belongs to shape sawtooth; leave it out")
        if self.flyback_s is not None and self.flyback_s > 0.5 * self.sweep_s:
            raise ValueError(
                f"flyback_s must be at most half of sweep_s ({self.sweep_s:g} s), got {self.flyback_s:g}"
            )
        return self


EXAMPLES = (
    {"kind": "fmcw", "from_hz": 32000, "to_hz": 38000, "sweep_s": 0.04, "level_db_spl": 66},
    {
        "kind": "fmcw",
        "from_hz": 34000,
        "to_hz": 40000,
        "sweep_s": 0.1,
        "shape": "triangle",
        "level_db_spl": 60,
    },
)


def build(parameters: Parameters) -> Swept:
    """The sweeps of these parameters."""
    back_s = 0.5 * parameters.sweep_s
    if parameters.shape == "sawtooth":
        back_s = max(parameters.flyback_s or FLYBACK * parameters.sweep_s, 2e-4)
    line = (
        (0.0, parameters.from_hz),
        (parameters.sweep_s - back_s, parameters.to_hz),
        (parameters.sweep_s, parameters.from_hz),
    )
    sweep = Sweep(line, parameters.sweep_s)
    return swept(sweep, parameters.level_db_spl, parameters.start_s, parameters.stop_s)

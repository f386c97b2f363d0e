"""A located band of noise: a tap, a valve, a switching supply, cloth that rubs, seen from far
enough to be a point.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from usim.noises._band import Band, Level, band_noise
from usim.noises.base import AbstractNoise, At, AtThing, Place, Times, When
from usim.template.fields import Name, Table


class Parameters(Table):
    """Noise of a level at 1 m that radiates alike in all directions from a point, a mover's part or
    a device.
    """

    kind: Literal["hiss"]
    name: Name
    level_db_spl: Level
    band_hz: Band = (20e3, 60e3)
    at: At
    when: When = "always"

    @model_validator(mode="after")
    def _moves(self) -> Self:
        if self.when == "moving" and not (isinstance(self.at, AtThing) and self.at.mover):
            raise ValueError("when: moving needs `at` to be a mover's part")
        return self


EXAMPLES = (
    {"kind": "hiss", "name": "valve", "level_db_spl": 40, "at": [1.0, 2.0, 0.3]},
    {
        "kind": "hiss",
        "name": "cloth",
        "level_db_spl": 30,
        "band_hz": [25000, 45000],
        "at": {"mover": "ball", "part": "body"},
        "when": "moving",
    },
)


@dataclass(frozen=True, eq=False)
class Hiss(AbstractNoise):
    """A point source of band noise."""

    name: str
    level_db_spl: float
    band_hz: tuple[float, float]
    at: Place
    when: Times
    located = True
    diffuse = False

    def pressure(self, generator: "np.random.Generator", count: int, rate_hz: float) -> np.ndarray:
        return band_noise(generator, count, rate_hz, self.band_hz, self.level_db_spl)


def build(parameters: Parameters) -> Hiss:
    """The noise of these parameters."""
    return Hiss(
        parameters.name,
        parameters.level_db_spl,
        parameters.band_hz,
        parameters.at,
        parameters.when,
    )

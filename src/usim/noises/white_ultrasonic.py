"""White noise in the band, everywhere: the sum of all sources too far or too many to name."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from usim.noises._band import Band, Level, band_noise
from usim.noises.base import AbstractNoise, Times, When
from usim.template.fields import Name, Table


class Parameters(Table):
    """Noise of a level at each microphone; independent between microphones unless diffuse."""

    kind: Literal["white_ultrasonic"]
    name: Name
    level_db_spl: Level
    band_hz: Band = (20e3, 96e3)
    diffuse: bool = False
    when: When = "always"

    @model_validator(mode="after")
    def _moves_not(self) -> Self:
        if self.when == "moving":
            raise ValueError("a noise that is everywhere has no mover; say always or intervals")
        return self


EXAMPLES = (
    {"kind": "white_ultrasonic", "name": "home", "level_db_spl": 20},
    {
        "kind": "white_ultrasonic",
        "name": "hum",
        "level_db_spl": 30,
        "band_hz": [25000, 45000],
        "diffuse": True,
        "when": [[1.0, 2.0], [3.0, 3.5]],
    },
)


@dataclass(frozen=True, eq=False)
class WhiteUltrasonic(AbstractNoise):
    """White noise at every microphone."""

    name: str
    level_db_spl: float
    band_hz: tuple[float, float]
    diffuse: bool
    when: Times
    located = False
    at = None

    def pressure(self, generator: "np.random.Generator", count: int, rate_hz: float) -> np.ndarray:
        return band_noise(generator, count, rate_hz, self.band_hz, self.level_db_spl)


def build(parameters: Parameters) -> WhiteUltrasonic:
    """The noise of these parameters."""
    return WhiteUltrasonic(
        parameters.name,
        parameters.level_db_spl,
        parameters.band_hz,
        parameters.diffuse,
        parameters.when,
    )

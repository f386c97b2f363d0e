"""A hole in a wall: an open door or window. What goes out of it is gone, or comes back a little from a room beyond.

Nothing is mirrored. Outside takes all. A room beyond returns a share of the diffuse energy, by the balance of two coupled rooms
(Kuttruff 2009, section 5.8), scattered by Lambert's law as out of a diffuse field. Neglected: how late it comes back (it is here at once), what
a wall beyond would mirror straight back, and what bends round the frame.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from usim.surfaces._beyond import Beyond, RoomBeyond, narrowed, room_beyond
from usim.surfaces._finish import Hertz, _ordered
from usim.surfaces.base import BAND_HZ, AbstractSurface, Energy
from usim.template.fields import Listed, Table

NOTHING = 1e-12
"""Of the pressure, is mirrored: what takes logarithms of a reflection need not ask."""


class Parameters(Table):
    """A hole; `beyond` and the hole's `area_m2` go together, without them it leads outside."""

    kind: Literal["opening"]
    area_m2: Annotated[float, Field(gt=0.0, le=1e4)] | None = None
    beyond: Beyond | None = None
    band_hz: Annotated[tuple[Hertz, Hertz], Listed, AfterValidator(_ordered)] = BAND_HZ

    @model_validator(mode="after")
    def _both(self) -> "Parameters":
        if (self.area_m2 is None) != (self.beyond is None):
            raise ValueError("give area_m2 and beyond, or leave both out: then it leads outside")
        if self.area_m2 and self.beyond and self.area_m2 >= self.beyond.walls_m2:
            raise ValueError(f"an area_m2 of {self.area_m2:g} is all the walls of the room beyond")
        return self


EXAMPLES = (
    {"kind": "opening"},
    {
        "kind": "opening",
        "area_m2": 1.6,
        "beyond": {"size_m": [1.5, 4.0, 2.5], "surface": "drywall_painted"},
    },
)


@dataclass(frozen=True)
class Opening(AbstractSurface):
    """A hole of `area_m2` into a room beyond; outside if that is None."""

    provenance: str
    band_hz: tuple[float, float]
    area_m2: float = 0.0
    beyond: RoomBeyond | None = None

    def returned(self, f_hz, air) -> np.ndarray:
        """The share of diffuse energy at f_hz (Hz) that comes back."""
        if self.beyond is None:
            return np.zeros(np.shape(f_hz))
        return self.beyond.returned(self.area_m2, f_hz, air)

    def reflection(self, cos_incidence, f_hz, air) -> np.ndarray:
        return np.full(self._shape(cos_incidence, f_hz), NOTHING, dtype=complex)

    def transmission(self, cos_incidence, f_hz, air) -> np.ndarray:
        return np.sqrt(self.energy(cos_incidence, f_hz, air).transmitted).astype(complex)

    def energy(self, cos_incidence, f_hz, air) -> Energy:
        shape = self._shape(cos_incidence, f_hz)
        back = np.broadcast_to(self.returned(f_hz, air), shape)
        none = np.zeros(shape)
        return Energy(none, back, none, 1.0 - back)

    def _shape(self, cos_incidence, f_hz) -> tuple[int, ...]:
        self.require_band(f_hz)
        return np.broadcast_shapes(np.shape(cos_incidence), np.shape(f_hz))


def build(parameters: Parameters) -> Opening:
    """The opening of these parameters."""
    low, high = parameters.band_hz
    if parameters.beyond is None or parameters.area_m2 is None:
        return Opening("an opening to the outside", (low, high))
    beyond = room_beyond(parameters.beyond, parameters.area_m2)
    return Opening(
        "an opening to a room; coupled rooms, Kuttruff 2009",
        narrowed((low, high), beyond.walls),
        parameters.area_m2,
        beyond,
    )

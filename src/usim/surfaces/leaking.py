"""A shut door or window with gaps: a leaf that reflects nearly as if there were none, and slits through which a little goes.

What the slits take of a diffuse field (`physics.slit`) is taken from the whole leaf, at every angle alike: the gaps are narrower than what patches of
a wall can be, and at 32 kHz any of them passes about its own area. What goes through is gone, or comes back a little from a room beyond, as out of
an open door: by the balance of two coupled rooms, scattered.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from usim.physics.slit import slit_transmission
from usim.surfaces._beyond import Beyond, RoomBeyond, narrowed, room_beyond
from usim.surfaces._finish import Hertz, _ordered
from usim.surfaces.base import BAND_HZ, AbstractSurface, Energy, surface
from usim.template.fields import Listed, Surface, Table

MOST = 0.5  # of a leaf's energy, that slits may take


class Slit(Table):
    """A straight gap, long against its width."""

    width_m: Annotated[float, Field(ge=2e-4, le=0.02)]
    length_m: Annotated[float, Field(ge=0.01, le=100.0)]


class Parameters(Table):
    """A leaf of `area_m2` and `surface`, `depth_m` thick, with slits; without `beyond` they lead outside."""

    kind: Literal["leaking"]
    surface: Surface
    area_m2: Annotated[float, Field(gt=0.0, le=1e4)]
    depth_m: Annotated[float, Field(ge=1e-3, le=0.3)] = 0.04
    slits: Annotated[tuple[Slit, ...], Listed]
    beyond: Beyond | None = None
    band_hz: Annotated[tuple[Hertz, Hertz], Listed, AfterValidator(_ordered)] = BAND_HZ

    def __hash__(self) -> int:
        return hash(repr(self))  # a surface may be a mapping

    @property
    def slits_m2(self) -> float:
        """The area of all slits."""
        return sum(one.width_m * one.length_m for one in self.slits)

    @model_validator(mode="after")
    def _mostly_leaf(self) -> "Parameters":
        if self.slits_m2 > 0.2 * self.area_m2:
            raise ValueError(f"the slits are {self.slits_m2:.3g} of {self.area_m2:g} m2; write an opening instead")  # fmt: skip
        return self


EXAMPLES = (
    {
        "kind": "leaking",
        "surface": "wood_varnished",
        "area_m2": 1.7,
        "slits": [{"width_m": 0.004, "length_m": 0.85}, {"width_m": 0.001, "length_m": 4.85}],
        "beyond": {"size_m": [1.4, 4.0, 2.5], "surface": "drywall_painted"},
    },
    {
        "kind": "leaking",
        "surface": "window_glass",
        "area_m2": 1.2,
        "slits": [{"width_m": 0.0005, "length_m": 4.4}],
    },
)


@lru_cache(maxsize=512)
def _transmission(width_m: float, depth_m: float, f_hz: float, air) -> float:
    return slit_transmission(width_m, depth_m, f_hz, air)


@dataclass(frozen=True)
class Leaking(AbstractSurface):
    """A leaf and the slits (width_m, length_m) through and round it; to a room beyond, or outside if that is None."""

    provenance: str
    band_hz: tuple[float, float]
    leaf: AbstractSurface
    area_m2: float
    depth_m: float
    slits: tuple[tuple[float, float], ...]
    beyond: RoomBeyond | None = None

    def aperture_m2(self, f_hz, air) -> np.ndarray:
        """The area in m^2 of a hole that would take as much of a diffuse field at f_hz (Hz) as the slits do."""
        f = np.asarray(f_hz, dtype=float)
        known, back = np.unique(f, return_inverse=True)
        sums = [sum(wide * long * _transmission(wide, self.depth_m, float(one), air) for wide, long in self.slits) for one in known]  # fmt: skip
        return np.array(sums)[back].reshape(f.shape)

    def leaked(self, f_hz, air) -> tuple[np.ndarray, np.ndarray]:
        """The share of the leaf's energy at f_hz (Hz) that goes through, and of that the share that comes back."""
        hole_m2 = self.aperture_m2(f_hz, air)
        back = self.beyond.returned(hole_m2, f_hz, air) if self.beyond else np.zeros(hole_m2.shape)
        return np.minimum(hole_m2 / self.area_m2, MOST), back

    def reflection(self, cos_incidence, f_hz, air) -> np.ndarray:
        self.require_band(f_hz)
        leaked, _ = self.leaked(f_hz, air)
        return self.leaf.reflection(cos_incidence, f_hz, air) * np.sqrt(1.0 - leaked)

    def transmission(self, cos_incidence, f_hz, air) -> np.ndarray:
        return np.sqrt(self.energy(cos_incidence, f_hz, air).transmitted).astype(complex)

    def energy(self, cos_incidence, f_hz, air) -> Energy:
        self.require_band(f_hz)
        leaked, back = self.leaked(f_hz, air)
        left = 1.0 - leaked
        own = self.leaf.energy(cos_incidence, f_hz, air)
        return Energy(
            own.mirror * left,
            own.scattered * left + leaked * back,
            own.absorbed * left,
            own.transmitted * left + leaked * (1.0 - back),
        )


def build(parameters: Parameters) -> Leaking:
    """The leaf of these parameters."""
    leaf = surface(parameters.surface)
    told = parameters.beyond
    beyond = None if told is None else room_beyond(told, parameters.area_m2)
    others = (leaf, beyond.walls) if beyond else (leaf,)
    return Leaking(
        "a leaf with gaps; slits by Gomperts and Kihlman 1967",
        narrowed(parameters.band_hz, *others),
        leaf,
        parameters.area_m2,
        parameters.depth_m,
        tuple((one.width_m, one.length_m) for one in parameters.slits),
        beyond,
    )

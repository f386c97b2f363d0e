"""The room on the other side of a hole or a gap, and what of the diffuse energy that goes there comes back."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from usim.physics.impedance import DIFFUSE_COSINES, diffuse_mean
from usim.physics.reverberation import coupled_return
from usim.surfaces.base import AbstractSurface, surface
from usim.template.fields import Listed, Surface, Table

Extent = Annotated[float, Field(ge=0.5, le=100.0)]


class Beyond(Table):
    """A room on the other side, empty, a box of one surface all round."""

    size_m: Annotated[tuple[Extent, Extent, Extent], Listed]
    surface: Surface

    def __hash__(self) -> int:
        return hash(repr(self))  # a surface may be a mapping

    @property
    def walls_m2(self) -> float:
        """The area of its walls, floor and ceiling."""
        x, y, z = self.size_m
        return 2.0 * (x * y + y * z + z * x)


@dataclass(frozen=True)
class RoomBeyond:
    """A room of `volume_m3` with `walls_m2` of a surface."""

    volume_m3: float
    walls_m2: float
    walls: AbstractSurface

    def returned(self, aperture_m2, f_hz, air) -> np.ndarray:
        """The share of the diffuse energy at f_hz (Hz) that goes there through an aperture and comes back."""
        f = np.asarray(f_hz, dtype=float)
        kept = self.walls.energy(DIFFUSE_COSINES, f[..., None], air)
        lost = 1.0 - diffuse_mean(kept.mirror + kept.scattered)
        air_m2 = 8.0 * air.absorption_np_m(f) * self.volume_m3
        return coupled_return(aperture_m2, self.walls_m2 * lost + air_m2)


def room_beyond(beyond: Beyond, hole_m2: float) -> RoomBeyond:
    """The room of these parameters, of whose walls a hole takes so much."""
    x, y, z = beyond.size_m
    made: Any = surface(beyond.surface)
    return RoomBeyond(x * y * z, beyond.walls_m2 - hole_m2, made)


def narrowed(band_hz: tuple[float, float], *others: AbstractSurface) -> tuple[float, float]:
    """The part of a band (Hz) that other surfaces know as well."""
    lows, highs = zip(band_hz, *(one.band_hz for one in others), strict=True)
    return max(lows), min(highs)

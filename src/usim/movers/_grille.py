"""A grille: a cage of thin wires, and what is heard of a surface behind it."""

from dataclasses import dataclass

import numpy as np

from usim.physics.wires import grating
from usim.surfaces.base import AbstractSurface, Energy

WIRE_M = 0.0025
"""Diameter; steel wires of household fans are 2 to 3 mm thick."""
PITCH_M = 0.015
"""From wire to wire, mean over spokes that spread outwards."""


@dataclass(frozen=True)
class Wires(AbstractSurface):
    """Wires in the air, as for sound that falls square on, whatever the angle."""

    wire_m: float = WIRE_M
    pitch_m: float = PITCH_M
    provenance = "grille; computed from its wires, Twersky 1962"
    band_hz = (20e3, 80e3)

    def _grating(self, cos_incidence, f_hz, air) -> tuple[np.ndarray, np.ndarray]:
        self.require_band(f_hz)
        _, f = np.broadcast_arrays(np.asarray(cos_incidence, float), np.asarray(f_hz, float))
        known, place = np.unique(f, return_inverse=True)
        k = 2.0 * np.pi * known / float(air.sound_speed_m_s)
        both = grating(k, 0.5 * self.wire_m, self.pitch_m)
        return both[0][place].reshape(f.shape), both[1][place].reshape(f.shape)

    def reflection(self, cos_incidence, f_hz, air) -> np.ndarray:
        return self._grating(cos_incidence, f_hz, air)[0]

    def transmission(self, cos_incidence, f_hz, air) -> np.ndarray:
        return self._grating(cos_incidence, f_hz, air)[1]

    def energy(self, cos_incidence, f_hz, air) -> Energy:
        mirror, passed = (np.abs(one) ** 2 for one in self._grating(cos_incidence, f_hz, air))
        return Energy(mirror, 1.0 - mirror - passed, np.zeros_like(mirror), passed)


@dataclass(frozen=True)
class Behind(AbstractSurface):
    """A surface that is heard through a grille: sound passes it on the way in and on the way out.

    In the engine what lets sound through casts no shadow; this stands in for it.
    """

    inside: AbstractSurface
    wires: Wires

    @property
    def provenance(self) -> str:  # type: ignore[override]
        return f"{self.inside.provenance.split(';')[0]} behind a {self.wires.provenance}"

    @property
    def band_hz(self) -> tuple[float, float]:  # type: ignore[override]
        (low, high), (least, most) = self.inside.band_hz, self.wires.band_hz
        return max(low, least), min(high, most)

    def reflection(self, cos_incidence, f_hz, air) -> np.ndarray:
        passed = self.wires.transmission(cos_incidence, f_hz, air)
        return self.inside.reflection(cos_incidence, f_hz, air) * passed**2

    def transmission(self, cos_incidence, f_hz, air) -> np.ndarray:
        passed = self.wires.transmission(cos_incidence, f_hz, air)
        return self.inside.transmission(cos_incidence, f_hz, air) * passed**2

    def energy(self, cos_incidence, f_hz, air) -> Energy:
        within = self.inside.energy(cos_incidence, f_hz, air)
        passed = np.abs(self.wires.transmission(cos_incidence, f_hz, air)) ** 2
        mirror, through = within.mirror * passed**2, within.transmitted * passed**2
        absorbed = within.absorbed * passed
        return Energy(mirror, 1.0 - mirror - through - absorbed, absorbed, through)

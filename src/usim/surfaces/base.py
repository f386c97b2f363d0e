"""Surfaces: what a sound wave finds when it meets a wall, a carpet, a curtain, a sleeve.

A surface answers three questions at any cosine of incidence and frequency: how much pressure
comes back in the mirror direction (`reflection`), how much goes straight through
(`transmission`), and where the energy of the wave went (`energy`: mirror, scattered, absorbed,
transmitted). The contract, tested for every kind and every material:

* the four shares lie in [0, 1] and sum to 1 within 1e-6; |reflection|^2 is the mirror share and
  |transmission|^2 the transmitted one, so roughness and scattering are inside `reflection`;
* everything has a continuous first derivative in cosine on (0, 1] and in frequency: the engine
  interpolates between nodes of both, and a kink would sound like motion;
* a covering of a body may lie in folds: `wrinkle_rms_m` high with the correlation length
  `wrinkle_length_m`; on movers these, not its scattering, decide what stays in the mirror;
* e^{+jwt}; cosines 0..1, f in Hz, arrays that broadcast; the same object always answers alike;
* outside `band_hz` (with `SIDEBAND` to spare, for Doppler and modulation) it raises InvalidInput:
  nothing is extrapolated silently.

A material is a row of data/materials_ultrasonic.csv made into parameters of one kind (see
`_materials`). A kind is one file here: a frozen pydantic model `Parameters` and
`build(parameters) -> AbstractSurface`. The shortest to start from is `hard.py`; `_finish.py` turns
the impedance of a layer into a complete surface, so a kind is usually only that impedance.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from usim.template.problem import InvalidInput, Problem, excerpt

BAND_HZ = (30e3, 45e3)  # where the material table holds
SIDEBAND = 0.1  # share of a band edge allowed beyond it


class Energy(NamedTuple):
    """Shares of the incident energy (arrays of one shape) that sum to one."""

    mirror: np.ndarray
    scattered: np.ndarray
    absorbed: np.ndarray
    transmitted: np.ndarray


class AbstractSurface(ABC):
    """A surface as a frozen value: equal parameters make equal, hashable objects."""

    provenance: str
    band_hz: tuple[float, float]
    wrinkle_rms_m: float = 0.0
    wrinkle_length_m: float = 0.03

    @abstractmethod
    def reflection(self, cos_incidence, f_hz, air) -> np.ndarray:
        """Complex mirror reflection of pressure at cosines of incidence and f_hz (Hz)."""

    @abstractmethod
    def transmission(self, cos_incidence, f_hz, air) -> np.ndarray:
        """Complex transmission of pressure, straight on; zero for what lets nothing through."""

    @abstractmethod
    def energy(self, cos_incidence, f_hz, air) -> Energy:
        """Shares of incident energy: mirror, scattered, absorbed, transmitted."""

    def unscattered(self, cos_incidence, f_hz, air) -> np.ndarray:
        """Complex reflection of pressure as if nothing were scattered: all that is not absorbed."""
        energy = self.energy(cos_incidence, f_hz, air)
        mirror = np.maximum(energy.mirror, 1e-30)
        reflection = self.reflection(cos_incidence, f_hz, air)
        return reflection * np.sqrt((mirror + energy.scattered) / mirror)

    def require_band(self, f_hz) -> None:
        """Raise InvalidInput in one line unless every f_hz (Hz) lies in the surface's band."""
        low, high = self.band_hz
        f = np.asarray(f_hz, dtype=float)
        inside = (f >= low * (1.0 - SIDEBAND)) & (f <= high * (1.0 + SIDEBAND))
        if not np.all(inside):
            raise InvalidInput(
                Problem(
                    f"{self.provenance.split(';')[0]}: {float(f[~inside].flat[0]):g} Hz is outside "
                    f"the band {low:g} to {high:g} Hz for which the surface is known; "
                    "choose another frequency, or give the surface a band_hz of your own"
                )
            )


def surface(spec: "str | Mapping | AbstractSurface", place: str | None = None) -> AbstractSurface:
    """The surface that `spec` describes.

    `spec` is the id of a material ("carpet_loop"), a mapping with `material` and optionally
    `spread` (-1..1), `band_hz`, `wrinkle_rms_m` and `wrinkle_length_m`, or a mapping with `kind`
    and that kind's parameters. `place` is the dotted place in the scene, for messages. Anything
    else raises InvalidInput.
    """
    if isinstance(spec, AbstractSurface):
        return spec
    return _material(spec, place) if isinstance(spec, str) else _made(spec, place)


@lru_cache(maxsize=512)
def _material(word: str, place: str | None) -> AbstractSurface:
    # Always one of the shipped kinds, so it cannot change while we run.
    from usim.surfaces import _materials

    return _made(_materials.parameters(word, place), place)


def _made(spec: Mapping, place: str | None) -> AbstractSurface:
    from usim.surfaces import _materials
    from usim.template import registry

    if not isinstance(spec, Mapping) or ("material" in spec) == ("kind" in spec):
        raise InvalidInput(
            Problem(
                f"{excerpt(spec)} is no surface; write a material, or a mapping with either "
                "material or kind",
                place=place,
            )
        )
    if "material" in spec:
        spec = _materials.parameters(spec, place)
    try:
        module = registry.load("surfaces", spec["kind"])
        parameters = _materials.checked(module.Parameters, spec, place)
        return _built(module.build, parameters)
    except InvalidInput as error:
        raise InvalidInput(
            [one if one.place else replace(one, place=place) for one in error.problems]
        ) from error


@lru_cache(maxsize=512)
def _built(build: Callable, parameters) -> AbstractSurface:
    # A clothed body asks for the same surface sixteen times; trimming one costs up to 0.1 s.
    return build(parameters)

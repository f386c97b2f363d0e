"""From the bare response of a layer to a surface whose energies are those of a measured one.

A kind gives a `Layer`: the reflection and transmission that its physics predicts. Real surfaces
differ from such models (paint closes pores, folds trap sound), so the layer is trimmed until its
diffuse-field absorption at REFERENCE_HZ in reference air is the wanted one:

* too little absorbed, nothing let through: reflected energy is `dulled` by `fading`: pores and folds
  that the model lacks, hidden at grazing incidence. Where STRONGEST does not suffice, a uniform
  share is `kept` of what is left;
* too little absorbed by a free screen: a uniform share of reflection and transmission is `kept`;
* too much absorbed, nothing let through: a share of the area is `closed` by a smooth film, whose
  reflection is added; the film lies at the surface, or where that would cancel the layer's own
  reflection, deeper, where it does not (`film_depth_m`);
* too much absorbed by a free screen: its absorption is scaled everywhere (`opened`), and the
  energy goes to reflection and transmission in proportion.

Then scattering moves energy out of the mirror direction: what stays is the Rayleigh factor of the
roughness times a `fading` for joints, pile and folds (`blurred`), such that diffuse-field scattered
over reflected energy is the wanted scattering coefficient. Where roughness alone scatters more, it
is reduced; where STRONGEST does not suffice, a uniform share (`scattering`) goes as well.

Both leave a mirror at grazing incidence, as Rayleigh's criterion demands, and keep the admittance
c (1 - R)/(1 + R) a smooth function of c: a share that is constant over angle would not.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import AfterValidator, Field

from usim.physics import impedance
from usim.physics.air import Air
from usim.surfaces.base import BAND_HZ, AbstractSurface, Energy
from usim.template.fields import Listed, Table
from usim.template.problem import InvalidInput, Problem

REFERENCE_HZ = 32e3  # the frequency for which the table's absorptions were computed
REFERENCE_AIR = Air()
_COSINES = impedance.DIFFUSE_COSINES
STRONGEST = 7.5  # of `fading`: leaves 1e-13 of the energy at normal incidence


def fading(strength: float, cos):
    """Share of energy that stays: 1 at grazing incidence, less towards normal incidence.

    1 - s + s exp(-4 c^2) for strengths s up to 1: nearly 1 - s above a cosine of 0.5; for stronger
    ones exp(-4 s c^2).
    """
    share, exponent = min(strength, 1.0), 4.0 * max(strength, 1.0)
    return 1.0 - share * (1.0 - np.exp(-exponent * cos**2))


def _ordered(band):
    if band[0] >= band[1]:
        raise ValueError(f"from {band[0]:g} to {band[1]:g} is no band; write the lower edge first")
    return band


Hertz = Annotated[float, Field(ge=1e3, le=200e3)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Folds = Annotated[float, Field(ge=0.0, le=0.01, description="folds on a body")]
FoldsLength = Annotated[float, Field(ge=0.01, le=0.2, description="their correlation")]


class Finish(Table):
    """Parameters that every kind of surface shares."""

    absorption: Share | None = None  # diffuse-field energy share at 32 kHz; None: as modelled
    scattering: Share | None = None  # share of reflected energy, diffuse; None: roughness alone
    roughness_rms_m: Annotated[float, Field(ge=0.0, le=0.01)] = 0.0
    wrinkle_rms_m: Folds = 0.0
    wrinkle_length_m: FoldsLength = 0.03
    band_hz: Annotated[tuple[Hertz, Hertz], Listed, AfterValidator(_ordered)] = BAND_HZ
    source: Annotated[str, Field(max_length=2000)] | None = None  # where the numbers come from


class Response(NamedTuple):
    """What a layer does to a plane wave: complex reflection and transmission of pressure."""

    reflection: np.ndarray
    transmission: np.ndarray


class Layer(ABC):
    """The physics of one kind of surface, a frozen value."""

    free: bool = False  # stands in the air and lets sound through
    flat: bool = False  # the same at all angles, and to be kept so

    @abstractmethod
    def response(self, cos, f, air) -> Response:
        """Response at cosines and frequencies (Hz) of one shape."""


@dataclass(frozen=True)
class FinishedSurface(AbstractSurface):
    """A layer with its trims; made by `finish`."""

    layer: Layer
    provenance: str
    band_hz: tuple[float, float] = BAND_HZ
    dulled: float = 0.0
    kept: float = 1.0
    closed: float = 0.0
    film_depth_m: float = 0.0
    opened: float = 1.0
    blurred: float = 0.0
    scattering: float = 0.0
    roughness_rms_m: float = 0.0
    wrinkle_rms_m: float = 0.0
    wrinkle_length_m: float = 0.03

    def _checked(self, cos_incidence, f_hz) -> tuple[np.ndarray, np.ndarray]:
        cos, f = np.broadcast_arrays(
            np.asarray(cos_incidence, dtype=float), np.asarray(f_hz, dtype=float)
        )
        if cos.size and not (np.min(cos) >= 0.0 and np.max(cos) <= 1.0 + 1e-9):
            raise ValueError("cosines of incidence must lie in 0..1")
        self.require_band(f)
        return cos, f

    def _trimmed(self, cos, f, air) -> Response:
        """Response before anything is scattered."""
        reflection, transmission = self.layer.response(cos, f, air)
        if self.closed:
            film = _film(cos, f, air, self.film_depth_m)
            reflection = reflection + self.closed * (film - reflection)
        factor = self.kept * fading(self.dulled, cos)
        if self.opened != 1.0:
            left = np.abs(reflection) ** 2 + np.abs(transmission) ** 2
            factor = factor * (1.0 - self.opened * (1.0 - left)) / left
        amplitude = np.sqrt(factor)
        return Response(amplitude * reflection, amplitude * transmission)

    def _mirrored(self, cos, f, air) -> np.ndarray:
        """Share of the reflected energy that stays in the mirror direction."""
        rough = impedance.roughness_exponent(cos, f, self.roughness_rms_m, air)
        return (1.0 - self.scattering) * fading(self.blurred, cos) * np.exp(-rough)

    def specular(self, cos, f, air) -> tuple[np.ndarray, np.ndarray]:
        """Reflected energy and the share of it in the mirror, whatever the band; for trimming."""
        reflected = np.abs(self._trimmed(cos, np.full(np.shape(cos), f), air).reflection) ** 2
        return reflected, self._mirrored(cos, f, air)

    def reflection(self, cos_incidence, f_hz, air) -> np.ndarray:
        cos, f = self._checked(cos_incidence, f_hz)
        return self._trimmed(cos, f, air).reflection * np.sqrt(self._mirrored(cos, f, air))

    def transmission(self, cos_incidence, f_hz, air) -> np.ndarray:
        return self._trimmed(*self._checked(cos_incidence, f_hz), air).transmission

    def energy(self, cos_incidence, f_hz, air) -> Energy:
        cos, f = self._checked(cos_incidence, f_hz)
        trimmed, mirror = self._trimmed(cos, f, air), self._mirrored(cos, f, air)
        reflected = np.abs(trimmed.reflection) ** 2
        transmitted = np.abs(trimmed.transmission) ** 2
        absorbed = np.maximum(1.0 - reflected - transmitted, 0.0)
        return Energy(reflected * mirror, reflected * (1.0 - mirror), absorbed, transmitted)


def diffuse(
    surface: AbstractSurface, f_hz: float = REFERENCE_HZ, air: Air = REFERENCE_AIR
) -> Energy:
    """Energy shares of `surface` averaged over a diffuse field at one frequency f_hz (Hz)."""
    shares = surface.energy(_COSINES, f_hz, air)
    return Energy(*(impedance.diffuse_mean(share) for share in shares))


def bisected(function: Callable[[float], float], low: float, high: float) -> float:
    """The point between `low` and `high` where the rising `function` passes zero, to 1e-13."""
    while high - low > 1e-13 * max(1.0, abs(low), abs(high)):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if function(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)


def _faded(values: np.ndarray, wanted: float) -> float:
    """Strength of the `fading` that brings the diffuse mean of `values` down to `wanted`."""

    def lacking(strength: float) -> float:
        return wanted - float(impedance.diffuse_mean(values * fading(strength, _COSINES)))

    return STRONGEST if lacking(STRONGEST) < 0.0 else bisected(lacking, 0.0, STRONGEST)


def _film(cos, f, air: Air, depth_m: float) -> np.ndarray:
    """Reflection of a smooth rigid wall that lies depth_m behind the surface."""
    wall = impedance.boundary_layer_admittance(cos, f, air)
    k = 2.0 * np.pi * f / air.sound_speed_m_s
    return impedance.admittance_reflection(cos, wall) * np.exp(-2j * k * depth_m * cos)


def _absorbing(layer: Layer, wanted: float) -> dict[str, Any]:
    """The trims with which `layer` absorbs the share `wanted` of a diffuse field."""
    mean = impedance.diffuse_mean
    bare = layer.response(_COSINES, np.full(_COSINES.shape, REFERENCE_HZ), REFERENCE_AIR)
    energy = np.abs(bare.reflection) ** 2 + np.abs(bare.transmission) ** 2
    own = 1.0 - float(mean(energy))
    if layer.free or layer.flat:
        if wanted < own:
            return {"opened": wanted / own}
        return {"kept": (1.0 - wanted) / (1.0 - own)}
    film, half, square, depth_m = _best_film(bare.reflection)
    floor = 1.0 - float(mean(np.abs(film) ** 2))
    if wanted < floor - 1e-9:
        raise InvalidInput(
            Problem(
                f"absorption {wanted:g} is below {floor:.4f}, what air friction and heat take at "
                "any rigid wall at 32 kHz; leave absorption out for a smooth rigid wall"
            )
        )
    # The energy |R + w (film - R)|^2 is convex in the closed share w: a little film may absorb
    # more than none. Below that peak take the larger root; above it dull what the peak reflects.
    under = half**2 + square * (own - wanted)
    closed = min(1.0, (float(np.sqrt(max(0.0, under))) - half) / square)
    trims = {"closed": max(0.0, closed), "film_depth_m": depth_m}
    if closed > 0.0 and under >= 0.0:
        return trims
    trims["closed"] = closed = max(0.0, -half / square)
    energy = np.abs(bare.reflection + closed * (film - bare.reflection)) ** 2
    trims["dulled"] = _faded(energy, 1.0 - wanted)
    left = float(mean(energy * fading(trims["dulled"], _COSINES)))
    return trims | {"kept": min(1.0, (1.0 - wanted) / left)}


def _best_film(reflection: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    """The film that adds to a reflection: itself, the two coefficients of the energy that it adds
    (w half + w^2 square), and its depth (m)."""
    found = []
    for depth_m in np.arange(64) / 128.0 * REFERENCE_AIR.sound_speed_m_s / REFERENCE_HZ:
        film = _film(_COSINES, REFERENCE_HZ, REFERENCE_AIR, depth_m)
        change = film - reflection
        half = float(impedance.diffuse_mean(np.real(np.conj(reflection) * change)))
        square = float(impedance.diffuse_mean(np.abs(change) ** 2))
        found.append((film, half, square, float(depth_m)))
        if found[0][1] >= 0.0:
            return found[0]
    return max(found, key=lambda one: one[1])


def _scattering(surface: FinishedSurface, wanted: float) -> dict[str, Any]:
    """The trims with which `surface` scatters the share `wanted` of reflected diffuse energy."""
    if surface.layer.flat:
        return {"scattering": wanted}
    reflected, rough = surface.specular(_COSINES, REFERENCE_HZ, REFERENCE_AIR)
    total = float(impedance.diffuse_mean(reflected))
    if total == 0.0:
        return {}
    reflected, wanted = reflected / total, 1.0 - wanted
    exponent = -np.log(np.maximum(rough, 1e-300))
    if float(impedance.diffuse_mean(reflected * rough)) < wanted:

        def lacking(share: float) -> float:
            return wanted - float(impedance.diffuse_mean(reflected * np.exp(-exponent * share)))

        calm = float(np.sqrt(bisected(lacking, 0.0, 1.0)))
        return {"roughness_rms_m": surface.roughness_rms_m * calm}
    blurred = _faded(reflected * rough, wanted)
    left = float(impedance.diffuse_mean(reflected * rough * fading(blurred, _COSINES)))
    return {"blurred": blurred, "scattering": max(0.0, 1.0 - wanted / left)}


def finish(layer: Layer, parameters: Finish, name: str) -> FinishedSurface:
    """The surface made of `layer` that absorbs and scatters as `parameters` say.

    `name` stands for it where the parameters have no source. An absorption that no passive surface
    can have is refused.
    """
    surface = FinishedSurface(
        layer=layer,
        provenance=parameters.source or f"{name}; given in the scene",
        band_hz=parameters.band_hz,
        roughness_rms_m=parameters.roughness_rms_m,
        wrinkle_rms_m=parameters.wrinkle_rms_m,
        wrinkle_length_m=parameters.wrinkle_length_m,
    )
    if parameters.absorption is not None:
        surface = replace(surface, **_absorbing(layer, parameters.absorption))
    if parameters.scattering is not None:
        surface = replace(surface, **_scattering(surface, parameters.scattering))
    return surface

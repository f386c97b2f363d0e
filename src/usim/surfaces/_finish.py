"""From the bare response of a layer to a surface whose energies are those of a measured one.

A kind gives a `Layer`: the reflection and transmission that its physics predicts. Real surfaces
differ from such models (paint closes pores, folds trap sound), so the layer is trimmed until its
diffuse-field absorption at REFERENCE_HZ in reference air is the wanted one:

* too little absorbed, nothing let through: reflected energy is `dulled` by `fading`: pores and folds
  that the model lacks, hidden at grazing incidence. Where STRONGEST does not suffice, a uniform
  share is `kept` of what is left;
* too little absorbed by a free screen: a uniform share of reflection and transmission is `kept`;
* too much absorbed, nothing let through: a share of the area is `closed` by a smooth film, whose
  reflection is added in phase;
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
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import AfterValidator, Field

from usim.physics import impedance
from usim.physics.air import Air
from usim.surfaces.base import BAND_HZ, AbstractSurface, Energy
from usim.template.fields import Listed, Table
from usim.template.problem import InvalidInput, Problem

REFERENCE_HZ = 32e3  # the frequency for which the table's absorptions were computed
REFERENCE_AIR = Air()
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


class Finish(Table):
    """Parameters that every kind of surface shares."""

    absorption: Share | None = None  # diffuse-field energy share at 32 kHz; None: as modelled
    scattering: Share | None = None  # share of reflected energy, diffuse; None: roughness alone
    roughness_rms_m: Annotated[float, Field(ge=0.0, le=0.01)] = 0.0
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
    opened: float = 1.0
    blurred: float = 0.0
    scattering: float = 0.0
    roughness_rms_m: float = 0.0

    def _trimmed(self, cos_incidence, f_hz, air) -> tuple[Response, np.ndarray]:
        """Response without scattering, and the share of its energy left in the mirror."""
        cos, f = np.broadcast_arrays(
            np.asarray(cos_incidence, dtype=float), np.asarray(f_hz, dtype=float)
        )
        if cos.size and not (np.min(cos) >= 0.0 and np.max(cos) <= 1.0 + 1e-9):
            raise ValueError("cosines of incidence must lie in 0..1")
        self.require_band(f)
        reflection, transmission = self.layer.response(cos, f, air)
        if self.closed:
            film = impedance.boundary_layer_admittance(cos, f, air)
            film = impedance.admittance_reflection(cos, film)
            reflection = reflection + self.closed * (film - reflection)
        factor = self.kept * fading(self.dulled, cos)
        if self.opened != 1.0:
            left = np.abs(reflection) ** 2 + np.abs(transmission) ** 2
            factor = factor * (1.0 - self.opened * (1.0 - left)) / left
        amplitude = np.sqrt(factor)
        rough = impedance.roughness_exponent(cos, f, self.roughness_rms_m, air)
        mirror = (1.0 - self.scattering) * fading(self.blurred, cos) * np.exp(-rough)
        return Response(amplitude * reflection, amplitude * transmission), mirror

    def reflection(self, cos_incidence, f_hz, air) -> np.ndarray:
        trimmed, mirror = self._trimmed(cos_incidence, f_hz, air)
        return trimmed.reflection * np.sqrt(mirror)

    def transmission(self, cos_incidence, f_hz, air) -> np.ndarray:
        return self._trimmed(cos_incidence, f_hz, air)[0].transmission

    def energy(self, cos_incidence, f_hz, air) -> Energy:
        trimmed, mirror = self._trimmed(cos_incidence, f_hz, air)
        reflected = np.abs(trimmed.reflection) ** 2
        transmitted = np.abs(trimmed.transmission) ** 2
        absorbed = np.maximum(1.0 - reflected - transmitted, 0.0)
        return Energy(reflected * mirror, reflected * (1.0 - mirror), absorbed, transmitted)


def diffuse(surface: AbstractSurface, f_hz: float = REFERENCE_HZ, air: Air = REFERENCE_AIR):
    """Energy shares of `surface` averaged over a diffuse field at one frequency f_hz (Hz)."""
    shares = surface.energy(impedance.DIFFUSE_COSINES, f_hz, air)
    return Energy(*(float(impedance.diffuse_mean(share)) for share in shares))


def bisected(function, low, high):
    """The point between `low` and `high` where the rising `function` passes zero, to 1e-12."""
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high) or high - low < 1e-12 * max(abs(low), abs(high)):
            break
        low, high = (middle, high) if function(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)


def _absorbing(bare: FinishedSurface, wanted: float) -> FinishedSurface:
    """`bare` trimmed to absorb the share `wanted` of a diffuse field."""
    own = diffuse(bare).absorbed
    if wanted >= own:
        if not bare.layer.free and not bare.layer.flat:

            def lacking(x: float) -> float:
                return diffuse(replace(bare, dulled=x)).absorbed - wanted

            most = STRONGEST if lacking(STRONGEST) < 0.0 else bisected(lacking, 0.0, STRONGEST)
            bare = replace(bare, dulled=most)
            own = diffuse(bare).absorbed
        return replace(bare, kept=min(1.0, (1.0 - wanted) / (1.0 - own)))
    if bare.layer.free:
        return replace(bare, opened=wanted / own)
    floor = diffuse(replace(bare, closed=1.0)).absorbed
    if wanted < floor - 1e-9:
        raise InvalidInput(
            Problem(
                f"absorption {wanted:g} is below {floor:.4f}, what air friction and heat take at "
                "any rigid wall at 32 kHz; leave absorption out for a smooth rigid wall"
            )
        )
    # absorbed energy is a concave quadratic in the share that falls through the wanted value once
    middle = diffuse(replace(bare, closed=0.5)).absorbed
    square = 2.0 * (own + floor - 2.0 * middle)
    linear = floor - own - square
    root = np.sqrt(max(0.0, linear**2 - 4.0 * square * (own - wanted)))
    return replace(bare, closed=float(min(1.0, 2.0 * (own - wanted) / (root - linear))))


def coefficient(surface: FinishedSurface) -> float:
    """Scattered over reflected energy of a diffuse field; 0 where nothing is reflected."""
    shares = diffuse(surface)
    reflected = shares.mirror + shares.scattered
    return shares.scattered / reflected if reflected > 0.0 else 0.0


def _scattering(surface: FinishedSurface, wanted: float) -> FinishedSurface:
    """`surface` with its scattering coefficient made `wanted`."""
    if surface.kept == 0.0:
        return surface
    if surface.layer.flat:
        return replace(surface, scattering=wanted)
    rough = surface.roughness_rms_m
    if coefficient(surface) > wanted:
        smoother = bisected(
            lambda x: coefficient(replace(surface, roughness_rms_m=x)) - wanted, 0.0, rough
        )
        return replace(surface, roughness_rms_m=smoother)

    def lacking(x: float) -> float:
        return coefficient(replace(surface, blurred=x)) - wanted

    most = STRONGEST if lacking(STRONGEST) < 0.0 else bisected(lacking, 0.0, STRONGEST)
    surface = replace(surface, blurred=most)
    left = 1.0 - coefficient(surface)
    return replace(surface, scattering=max(0.0, 1.0 - (1.0 - wanted) / left))


def finish(layer: Layer, parameters: Finish, name: str) -> FinishedSurface:
    """The surface made of `layer` that absorbs and scatters as `parameters` say.

    `name` stands for it where the parameters have no source. An absorption that no passive surface
    can have is refused.
    """
    surface = FinishedSurface(
        layer=layer,
        provenance=parameters.source or f"{name}; given in the scene",
        band_hz=(1e3, 200e3),  # trimmed at 32 kHz, whatever band it is for
        roughness_rms_m=parameters.roughness_rms_m,
    )
    if parameters.absorption is not None:
        surface = _absorbing(surface, parameters.absorption)
    if parameters.scattering is not None:
        surface = _scattering(surface, parameters.scattering)
    return replace(surface, band_hz=parameters.band_hz)

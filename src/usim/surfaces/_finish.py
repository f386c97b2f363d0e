"""From the bare response of a layer to a surface whose energies are those of a measured one.

A kind gives a `Layer`: the coherent reflection, reflected energy and transmission that its physics
predicts. Real surfaces differ from such models (paint closes pores, folds trap sound), so the
layer is trimmed until its diffuse-field absorption at REFERENCE_HZ in reference air is the wanted
one, by the first of these that does it:

* `kept`: too little absorbed: a uniform share of the reflected and transmitted energy is kept, the
  rest is lost in folds, joints and pores that the model does not know;
* `closed`: too much absorbed by a layer that lets nothing through: a share of its area is closed by
  a smooth film, whose reflection is added in phase;
* `opened`: too much absorbed by a free screen: its absorption is scaled down everywhere and the
  energy goes to reflection and transmission in proportion.

Scattering then moves a share of the reflected energy out of the mirror direction:
1 - (1 - share) exp(-g^2), g the Rayleigh parameter of the roughness. The share is set so that
diffuse-field scattered over reflected energy is the wanted scattering coefficient. Where roughness
or a varying air gap alone scatters more than that, both are reduced in proportion until it fits.
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
    """What a layer does to a plane wave: complex reflection and transmission of pressure, and the
    reflected energy, which exceeds |reflection|^2 where the layer itself scatters."""

    reflection: np.ndarray
    reflected: np.ndarray
    transmission: np.ndarray


class Layer(ABC):
    """The physics of one kind of surface, a frozen value."""

    free: bool = False  # stands in the air and lets sound through

    @abstractmethod
    def response(self, cos, f, air) -> Response:
        """Response at cosines and frequencies (Hz) of one shape."""

    def calmer(self, share: float) -> "Layer":
        """The layer with its own disorder reduced to `share`; itself where it has none."""
        return self


@dataclass(frozen=True)
class FinishedSurface(AbstractSurface):
    """A layer with its trims; made by `finish`."""

    layer: Layer
    provenance: str
    band_hz: tuple[float, float] = BAND_HZ
    kept: float = 1.0
    closed: float = 0.0
    opened: float = 1.0
    scattering: float = 0.0
    roughness_rms_m: float = 0.0

    def _trimmed(self, cos_incidence, f_hz, air) -> Response:
        cos, f = np.broadcast_arrays(
            np.asarray(cos_incidence, dtype=float), np.asarray(f_hz, dtype=float)
        )
        if cos.size and not (np.min(cos) >= 0.0 and np.max(cos) <= 1.0 + 1e-9):
            raise ValueError("cosines of incidence must lie in 0..1")
        self.require_band(f)
        bare = self.layer.response(cos, f, air)
        reflection, reflected, transmission = bare
        if self.closed:
            film = impedance.admittance_reflection(
                np.maximum(cos, 1e-9), impedance.boundary_layer_admittance(cos, f, air)
            )
            open_ = 1.0 - self.closed
            reflected = (
                open_**2 * reflected
                + self.closed**2 * np.abs(film) ** 2
                + 2.0 * open_ * self.closed * np.real(reflection * np.conj(film))
            )
            reflection = open_ * reflection + self.closed * film
        factor = np.full(cos.shape, self.kept)
        if self.opened != 1.0:
            left = reflected + np.abs(transmission) ** 2
            factor = factor * (1.0 - self.opened * (1.0 - left)) / left
        amplitude = np.sqrt(factor)
        return Response(amplitude * reflection, factor * reflected, amplitude * transmission)

    def _specular_share(self, cos_incidence, f_hz, air):
        rough = impedance.roughness_exponent(cos_incidence, f_hz, self.roughness_rms_m, air)
        return (1.0 - self.scattering) * np.exp(-rough)

    def reflection(self, cos_incidence, f_hz, air) -> np.ndarray:
        trimmed = self._trimmed(cos_incidence, f_hz, air)
        return trimmed.reflection * np.sqrt(self._specular_share(cos_incidence, f_hz, air))

    def transmission(self, cos_incidence, f_hz, air) -> np.ndarray:
        return self._trimmed(cos_incidence, f_hz, air).transmission

    def energy(self, cos_incidence, f_hz, air) -> Energy:
        trimmed = self._trimmed(cos_incidence, f_hz, air)
        share = self._specular_share(cos_incidence, f_hz, air)
        mirror = np.abs(trimmed.reflection) ** 2 * share
        scattered = np.maximum(trimmed.reflected - mirror, 0.0)
        transmitted = np.abs(trimmed.transmission) ** 2
        absorbed = np.maximum(1.0 - mirror - scattered - transmitted, 0.0)
        return Energy(mirror, scattered, absorbed, transmitted)


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
    shares = diffuse(bare)
    if wanted >= shares.absorbed:
        return replace(bare, kept=(1.0 - wanted) / (1.0 - shares.absorbed))
    if bare.layer.free:
        return replace(bare, opened=wanted / shares.absorbed)
    floor = diffuse(replace(bare, closed=1.0)).absorbed
    if wanted < floor - 1e-9:
        raise InvalidInput(
            Problem(
                f"absorption {wanted:g} is below {floor:.4f}, what air friction and heat take at "
                "any rigid wall at 32 kHz; leave absorption out for a smooth rigid wall"
            )
        )
    # absorbed energy is a concave quadratic in w that falls through the wanted value once
    middle = diffuse(replace(bare, closed=0.5)).absorbed
    square = 2.0 * (shares.absorbed + floor - 2.0 * middle)
    linear = floor - shares.absorbed - square
    root = np.sqrt(max(0.0, linear**2 - 4.0 * square * (shares.absorbed - wanted)))
    closed = 2.0 * (shares.absorbed - wanted) / (root - linear)
    return replace(bare, closed=float(min(1.0, closed)))


def _scattering(surface: FinishedSurface, wanted: float) -> FinishedSurface:
    """`surface` with its scattered share of reflected diffuse energy made `wanted`."""
    own = diffuse(replace(surface, scattering=0.0, kept=1.0))
    straight = own.mirror / (own.mirror + own.scattered)
    return replace(surface, scattering=1.0 - (1.0 - wanted) / straight)


def finish(layer: Layer, parameters: Finish, name: str) -> FinishedSurface:
    """The surface made of `layer` that absorbs and scatters as `parameters` say.

    `name` stands for it where the parameters have no source. An absorption that no passive surface can have is refused.
    """

    def made(calm: float) -> FinishedSurface:
        made = FinishedSurface(
            layer=layer.calmer(calm),
            provenance=parameters.source or f"{name}; given in the scene",
            band_hz=(1e3, 200e3),
            roughness_rms_m=parameters.roughness_rms_m * calm,
        )
        if parameters.absorption is not None:
            made = _absorbing(made, parameters.absorption)
        if parameters.scattering is not None:
            made = _scattering(made, parameters.scattering)
        return made

    surface = made(1.0)
    if surface.scattering < 0.0:
        surface = made(bisected(lambda calm: -made(calm).scattering, 0.0, 1.0))
        surface = replace(surface, scattering=max(0.0, surface.scattering))
    return replace(surface, band_hz=parameters.band_hz)

"""Hard surfaces: glass, paint, plaster, wood, brick, skin.

Nothing absorbs less than the viscous and thermal boundary layer of the air itself
(`physics.impedance.boundary_layer_admittance`). What a surface absorbs beyond that, in micro-pores
and joints, is a real admittance added to it, the same at all frequencies, so that absorption grows
towards grazing incidence as it does at real walls. Roughness takes from the mirror direction by
the Rayleigh factor.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from usim.physics import impedance
from usim.surfaces._finish import (
    REFERENCE_AIR,
    REFERENCE_HZ,
    Finish,
    FinishedSurface,
    Layer,
    Response,
    bisected,
    finish,
)
from usim.template.problem import InvalidInput, Problem

_LARGEST_ADMITTANCE = 0.55  # absorbs 0.95 of a diffuse field, the most a real admittance can


class Parameters(Finish):
    """A hard surface. Without `absorption` it is smooth, rigid and pore-free."""

    kind: Literal["hard"]
    absorption: Annotated[float, Field(ge=0.0, le=0.9)] | None = None
    scattering: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    angle_dependent: bool = True

    @model_validator(mode="after")
    def _flat_is_smooth(self):
        if not self.angle_dependent and self.roughness_rms_m > 0.0:
            raise ValueError(
                "roughness_rms_m depends on the angle; leave it out or use scattering where "
                "angle_dependent is false"
            )
        return self


EXAMPLES = (
    {"kind": "hard"},
    {"kind": "hard", "absorption": 0.2, "scattering": 0.3, "roughness_rms_m": 0.0003},
    {"kind": "hard", "absorption": 0.1, "angle_dependent": False},
)


@dataclass(frozen=True)
class Wall(Layer):
    """Boundary layer plus a real admittance for pores and joints."""

    extra_admittance: float

    def response(self, cos, f, air) -> Response:
        admittance = impedance.boundary_layer_admittance(cos, f, air) + self.extra_admittance
        reflection = impedance.admittance_reflection(cos, admittance)
        return Response(reflection, np.zeros(cos.shape, dtype=complex))


@dataclass(frozen=True)
class Uniform(Layer):
    """One real reflection at all angles and frequencies: for closed-form tests, not for nature."""

    amplitude: float
    flat = True

    def response(self, cos, f, air) -> Response:
        reflection = np.full(cos.shape, self.amplitude, dtype=complex)
        return Response(reflection, np.zeros(cos.shape, dtype=complex))


def _absorbed(extra_admittance: float, friction: np.ndarray) -> float:
    """Share of a diffuse field absorbed, `friction` the boundary layer's admittance."""
    reflection = impedance.admittance_reflection(
        impedance.DIFFUSE_COSINES, friction + extra_admittance
    )
    return 1.0 - float(impedance.diffuse_mean(np.abs(reflection) ** 2))


def _pores(wanted: float) -> float:
    """The admittance that makes a wall absorb the share `wanted` of a diffuse field."""
    friction = impedance.boundary_layer_admittance(
        impedance.DIFFUSE_COSINES, REFERENCE_HZ, REFERENCE_AIR
    )
    floor = _absorbed(0.0, friction)
    if wanted < floor:
        raise InvalidInput(
            Problem(
                f"absorption {wanted:g} is below {floor:.4f}, what air friction and heat take at "
                "any rigid wall at 32 kHz; leave it out for the smooth rigid wall, or set "
                "angle_dependent: false for an idealised one"
            )
        )
    return bisected(lambda x: _absorbed(x, friction) - wanted, 0.0, _LARGEST_ADMITTANCE)


def build(parameters: Parameters) -> FinishedSurface:
    """The hard surface that absorbs and scatters as `parameters` say."""
    wanted = parameters.absorption
    if not parameters.angle_dependent:
        layer: Layer = Uniform(float(np.sqrt(1.0 - (wanted or 0.0))))
    else:
        layer = Wall(0.0 if wanted is None else _pores(wanted))
    trims = parameters.model_copy(update={"absorption": None})
    return finish(layer, trims, parameters.kind)

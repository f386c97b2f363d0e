"""Cloth as a thin flow-resistive screen: curtains in the air, clothes before a body.

At 30-45 kHz cloth is too heavy to move; what counts is how hard air flows through its pores. A
tight cloth therefore reflects more than a light one. A free screen lets sound through. Before a
wall (a body, a cushion) the sound that passes comes back through the cloth. The gap is one number,
a typical one: real gaps vary along the cloth and with its movement, which scattering stands for.
"""

from dataclasses import dataclass, replace
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

_RESISTANCES = (1e-1, 1e8)  # Pa s/m between which a transmission loss is looked for


class Parameters(Finish):
    """A cloth; the defaults for pores and mass are those of a cotton weave.

    `transmission_loss_db` (normal incidence, 32 kHz) replaces `flow_resistance_pa_s_m` where a
    curtain's loss is known and its resistance is not.
    """

    kind: Literal["screen"]
    flow_resistance_pa_s_m: Annotated[float, Field(ge=1.0, le=1e7)] | None = None
    transmission_loss_db: Annotated[float, Field(gt=0.0, le=80.0)] | None = None
    thickness_m: Annotated[float, Field(gt=0.0, le=5e-3)] = 0.35e-3
    porosity: Annotated[float, Field(gt=0.0, le=1.0)] = 0.35
    tortuosity: Annotated[float, Field(ge=1.0, le=10.0)] = 1.6
    mass_kg_m2: Annotated[float, Field(gt=0.0, le=50.0)] = 0.13
    backing: Literal["free", "wall"] = "free"
    gap_m: Annotated[float, Field(gt=0.0, le=0.01)] | None = None  # further apart: geometry

    @model_validator(mode="after")
    def _complete(self):
        if (self.flow_resistance_pa_s_m is None) == (self.transmission_loss_db is None):
            raise ValueError("give either flow_resistance_pa_s_m or transmission_loss_db")
        if (self.backing == "wall") != (self.gap_m is not None):
            raise ValueError("gap_m belongs to backing: wall, and only there")
        if self.backing == "wall" and self.transmission_loss_db is not None:
            raise ValueError("nothing passes a wall; give flow_resistance_pa_s_m")
        return self


EXAMPLES = (
    {"kind": "screen", "flow_resistance_pa_s_m": 300.0},
    {"kind": "screen", "transmission_loss_db": 6.0, "absorption": 0.35, "scattering": 0.6},
    {"kind": "screen", "flow_resistance_pa_s_m": 200.0, "backing": "wall", "gap_m": 0.0015},
)


@dataclass(frozen=True)
class Cloth(Layer):
    """A screen in free air."""

    flow_resistance: float
    thickness_m: float
    porosity: float
    tortuosity: float
    mass_kg_m2: float
    free = True

    def amplitudes(self, cos, f, air):
        """Complex reflection and transmission of the cloth alone."""
        pores = impedance.screen_impedance(
            f,
            air,
            flow_resistance=self.flow_resistance,
            thickness_m=self.thickness_m,
            porosity=self.porosity,
            tortuosity=self.tortuosity,
            mass_kg_m2=self.mass_kg_m2,
        )
        return impedance.screen_response(cos, pores / air.impedance_pa_s_m)

    def response(self, cos, f, air) -> Response:
        reflection, transmission = self.amplitudes(cos, f, air)
        return Response(reflection, transmission)


@dataclass(frozen=True)
class Lining(Layer):
    """A cloth before a smooth rigid wall."""

    cloth: Cloth
    gap_m: float

    def response(self, cos, f, air) -> Response:
        reflection, transmission = self.cloth.amplitudes(cos, f, air)
        wall = impedance.boundary_layer_admittance(cos, f, air)
        wall = impedance.admittance_reflection(cos, wall)
        # what passes the cloth, meets the wall and passes back, with all its round trips
        k = 2.0 * np.pi * f / air.sound_speed_m_s
        behind = wall * np.exp(-2j * k * cos * self.gap_m)
        both = reflection + transmission**2 * behind / (1.0 - reflection * behind)
        return Response(both, np.zeros(cos.shape, dtype=complex))


def _made(parameters: Parameters, resistance: float) -> FinishedSurface:
    cloth = Cloth(
        flow_resistance=resistance,
        thickness_m=parameters.thickness_m,
        porosity=parameters.porosity,
        tortuosity=parameters.tortuosity,
        mass_kg_m2=parameters.mass_kg_m2,
    )
    layer = cloth if parameters.gap_m is None else Lining(cloth, parameters.gap_m)
    return finish(layer, parameters, parameters.kind)


def loss_db(surface: FinishedSurface) -> float:
    """Transmission loss of a free screen in dB at normal incidence, 32 kHz."""
    wide = replace(surface, band_hz=(1e3, 200e3))
    return -20.0 * float(np.log10(np.abs(wide.transmission(1.0, REFERENCE_HZ, REFERENCE_AIR))))


def build(parameters: Parameters) -> FinishedSurface:
    """The screen of `parameters`, trimmed to its absorption, scattering and transmission."""
    wanted = parameters.transmission_loss_db
    if wanted is None:
        return _made(parameters, parameters.flow_resistance_pa_s_m or 0.0)
    rough = parameters.model_copy(update={"scattering": None})

    def excess(logarithm: float) -> float:
        return loss_db(_made(rough, float(np.exp(logarithm)))) - wanted

    low, high = np.log(_RESISTANCES)
    if excess(low) > 0.0 or excess(high) < 0.0:
        raise InvalidInput(
            Problem(
                f"transmission_loss_db {wanted:g} does not go with absorption "
                f"{parameters.absorption}: no flow resistance gives both; change one of them"
            )
        )
    return _made(parameters, float(np.exp(bisected(excess, low, high))))

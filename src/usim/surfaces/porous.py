"""Porous layers on a rigid backing: carpet, foam, wool, upholstery, knitwear, hair, fur.

Johnson-Champoux-Allard medium, bulk reacting at oblique incidence, optionally behind a cloth that
lies on it (a flow resistance in series, as on a sofa). See `physics.impedance`.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from usim.physics import impedance
from usim.surfaces._finish import Finish, FinishedSurface, Layer, Response, finish


class Parameters(Finish):
    """A porous layer; lengths in m, resistances as measured in air."""

    kind: Literal["porous"]
    flow_resistivity_pa_s_m2: Annotated[float, Field(ge=100.0, le=1e7)]
    porosity: Annotated[float, Field(gt=0.05, le=1.0)]
    tortuosity: Annotated[float, Field(ge=1.0, le=10.0)]
    viscous_length_m: Annotated[float, Field(ge=1e-6, le=1e-2)]
    thermal_length_m: Annotated[float, Field(ge=1e-6, le=1e-2)]
    thickness_m: Annotated[float, Field(ge=2e-4, le=2.0)]
    cover_flow_resistance_pa_s_m: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0


EXAMPLES = (
    {
        "kind": "porous",
        "flow_resistivity_pa_s_m2": 30000.0,
        "porosity": 0.9,
        "tortuosity": 1.2,
        "viscous_length_m": 6e-5,
        "thermal_length_m": 1.4e-4,
        "thickness_m": 0.003,
        "scattering": 0.4,
    },
)


@dataclass(frozen=True)
class Porous(Layer):
    """A rigid-framed porous layer on a rigid backing."""

    flow_resistivity: float
    porosity: float
    tortuosity: float
    viscous_length_m: float
    thermal_length_m: float
    thickness_m: float
    cover_flow_resistance: float

    def response(self, cos, f, air) -> Response:
        density, modulus = impedance.porous_medium(
            f,
            air,
            flow_resistivity=self.flow_resistivity,
            porosity=self.porosity,
            tortuosity=self.tortuosity,
            viscous_length_m=self.viscous_length_m,
            thermal_length_m=self.thermal_length_m,
        )
        surface = impedance.layer_impedance(cos, f, self.thickness_m, density, modulus, air)
        surface = surface + self.cover_flow_resistance
        reflection = impedance.impedance_reflection(cos, surface / air.impedance_pa_s_m)
        return Response(reflection, np.zeros(cos.shape, dtype=complex))


def build(parameters: Parameters) -> FinishedSurface:
    """The porous surface of `parameters`, trimmed to its absorption and scattering."""
    layer = Porous(
        flow_resistivity=parameters.flow_resistivity_pa_s_m2,
        porosity=parameters.porosity,
        tortuosity=parameters.tortuosity,
        viscous_length_m=parameters.viscous_length_m,
        thermal_length_m=parameters.thermal_length_m,
        thickness_m=parameters.thickness_m,
        cover_flow_resistance=parameters.cover_flow_resistance_pa_s_m,
    )
    return finish(layer, parameters, parameters.kind)

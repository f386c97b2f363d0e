"""What a housing does to sound that leaves or arrives around its edge, as a smooth function of angle."""

import numpy as np
from pydantic import Field

from usim.template.fields import Table


class Baffle(Table):
    """The shadow of the housing: 0 dB on the axis, floor_db behind, half-way where cos = edge_cos.

    edge_width is the width of the change in the cosine; it is not below 0.25 because engines expand
    patterns in polynomials of the cosine (a tanh of width w converges like 1.5^-degree at w = 0.3).
    """

    floor_db: float = Field(0.0, ge=-60.0, le=0.0)
    edge_cos: float = Field(0.0, ge=-0.8, le=0.5)
    edge_width: float = Field(0.3, ge=0.25, le=2.0)


def shadow(baffle: Baffle | None, cos_theta: np.ndarray) -> np.ndarray:
    """Returns the pressure behind or beside a housing re its axis, real, analytic in the cosine.

    cos_theta: cosine from the axis, -1..1, any shape. None is no housing: 1 everywhere.
    A smooth stand-in for diffraction at a rounded housing with kR >> 1; not validated in detail, the
    ripple of the lit side (about 1 dB) is left out. Frequency is left out too: over 30-48 kHz the
    depth of the shadow changes by less than its tolerance.
    """
    c = np.asarray(cos_theta, dtype=np.float64)
    if baffle is None or baffle.floor_db == 0.0:
        return np.ones_like(c)
    floor = 10.0 ** (baffle.floor_db / 20.0)

    def lit(x):
        return 0.5 * (1.0 + np.tanh((x - baffle.edge_cos) / baffle.edge_width))

    return (floor + (1.0 - floor) * lit(c)) / (floor + (1.0 - floor) * lit(1.0))

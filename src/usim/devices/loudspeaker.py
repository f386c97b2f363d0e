"""The loudspeaker at ultrasound, small signals: a causal response in break-up and the beam it makes.

Above 15 kHz a small cone is far into break-up: its centre radiates as a piston much smaller than the
cone, the rest as a ring with a phase of its own. Level falls by 12-35 dB re the passband, with 1-3
resonances of Q 3-12, and no two samples agree within 2-4 dB.
"""

from typing import Annotated

import numpy as np
from pydantic import Field

from usim.devices.baffle import Baffle, shadow
from usim.template.fields import Direction, Listed, Name, PointM, Table

REFERENCE_SPEED_M_S = 343.987  # of sound at 20 C, 50 % RH: beams of a profile are stated there


class Breakup(Table):
    """One mode of the cone: a peak or a dip of the response, a minimum-phase section of second order."""

    name: Name
    frequency_hz: float = Field(ge=3e3, le=9e4)
    q: float = Field(ge=0.5, le=20.0)
    gain_db: float = Field(ge=-20.0, le=20.0)


class Response(Table):
    """The response re passband: a fall of 12 dB per octave above fall_hz, times the break-up modes."""

    fall_hz: float = Field(ge=1e3, le=2e5)
    fall_q: float = Field(0.7, ge=0.3, le=5.0)
    breakups: Annotated[tuple[Breakup, ...], Listed, Field(max_length=3)] = ()


class Radiator(Table):
    """What of the cone radiates: a central piston and a weaker ring at another phase."""

    effective_radius_m: float = Field(ge=0.0, le=0.03)
    ring_radius_m: float = Field(0.0, ge=0.0, le=0.03)
    ring_share: float = Field(0.0, ge=0.0, le=0.45)
    ring_phase_deg: float = Field(0.0, ge=-180.0, le=180.0)


class Driver(Table):
    """One loudspeaker of a device. None of response, radiator, baffle: flat, a point, in free air."""

    name: Name
    position_m: PointM
    axis: Direction = (1.0, 0.0, 0.0)
    level_db: float = Field(0.0, ge=-20.0, le=20.0)
    response: Response | None = None
    radiator: Radiator | None = None
    baffle: Baffle | None = None


def response(driver: Driver, f_hz: np.ndarray | float) -> np.ndarray:
    """Returns the complex response on the axis re the passband, dimensionless, of the shape of f_hz.

    Second-order sections in j f, poles and zeros in the left half plane: causal and minimum phase.
    """
    f = np.asarray(f_hz, dtype=np.float64)
    gain = np.full(f.shape, 10.0 ** (driver.level_db / 20.0), dtype=np.complex128)
    if driver.response is None:
        return gain
    gain = gain * low_pass(f, driver.response.fall_hz, driver.response.fall_q)
    for mode in driver.response.breakups:
        x = f / mode.frequency_hz
        root = 10.0 ** (mode.gain_db / 40.0)
        gain = gain * (
            (1.0 - x * x + 1j * x * root / mode.q) / (1.0 - x * x + 1j * x / (root * mode.q))
        )
    return gain


def directivity(
    driver: Driver, cos_theta: np.ndarray | float, f_hz: np.ndarray | float
) -> np.ndarray:
    """Returns the complex beam of a driver re its axis, shape of cos_theta broadcast with f_hz.

    cos_theta: cosine from the driver's axis, -1..1. Baffled piston 2 J1(x)/x, x = k a sin theta (Pierce
    1981), plus a ring J0(k b sin theta), times the housing's shadow. Both Bessel functions are even in
    x, so the pattern is a smooth function of the cosine. Stated at the sound speed of 20 C, 50 % RH:
    a room 10 K warmer widens a beam by 1.8 %, less than its tolerance.
    """
    c, f = np.broadcast_arrays(np.asarray(cos_theta, np.float64), np.asarray(f_hz, np.float64))
    beam = np.ones(c.shape, dtype=np.complex128)
    radiator = driver.radiator
    if radiator is not None:
        k_sine = 2.0 * np.pi * f / REFERENCE_SPEED_M_S * np.sqrt(np.maximum(1.0 - c * c, 0.0))
        beam = beam * piston(k_sine * radiator.effective_radius_m)
        if radiator.ring_share > 0.0:
            from scipy.special import j0

            ring = radiator.ring_share * np.exp(1j * np.deg2rad(radiator.ring_phase_deg))
            beam = (beam + ring * j0(k_sine * radiator.ring_radius_m)) / (1.0 + ring)
    return beam * shadow(driver.baffle, c)


def piston(x: np.ndarray) -> np.ndarray:
    """Returns 2 J1(x)/x, the far field of a baffled rigid piston re its axis, x = k a sin theta."""
    from scipy.special import j1

    x = np.asarray(x, dtype=np.float64)
    small = np.abs(x) < 1e-4
    safe = np.where(small, 1.0, x)
    return np.where(small, 1.0 - x * x / 8.0, 2.0 * j1(safe) / safe)


def low_pass(f_hz: np.ndarray | float, corner_hz: float, q: float) -> np.ndarray:
    """Returns 1 / (1 - (f/fc)^2 + j f/(fc Q)), a resonator driven below its resonance, unity at 0 Hz."""
    x = np.asarray(f_hz, dtype=np.float64) / corner_hz
    return 1.0 / (1.0 - x * x + 1j * x / q)

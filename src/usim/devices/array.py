"""A set of microphones under a plane wave: what geometry alone does to phase."""

import numpy as np


def plane_wave_delay_s(mics_m: np.ndarray, towards: np.ndarray, c: float) -> np.ndarray:
    """Returns the arrival time at each microphone re the origin, in s, shape (mic,).

    mics_m: (mic, 3) in metres; towards: (3,), direction from which the wave comes (need not be unit);
    c: sound speed in m/s. A microphone nearer to the source hears it earlier: a negative delay.
    """
    u = np.asarray(towards, dtype=np.float64)
    u = u / np.sqrt(np.sum(u * u))
    return -np.sum(np.asarray(mics_m, dtype=np.float64) * u, axis=-1) / c


def plane_wave_phase_rad(
    mics_m: np.ndarray, towards: np.ndarray, f_hz: float, c: float
) -> np.ndarray:
    """Returns the phase at each microphone re the origin in rad (not wrapped), e^{+jwt}, shape (mic,)."""
    return -2.0 * np.pi * f_hz * plane_wave_delay_s(mics_m, towards, c)


def half_wave_spacing_m(f_hz: np.ndarray, c: float) -> np.ndarray:
    """Returns the microphone spacing in m above which directions alias: half a wavelength."""
    return c / (2.0 * np.asarray(f_hz, dtype=np.float64))

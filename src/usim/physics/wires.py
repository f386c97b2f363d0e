"""Wires: what a grille of thin rigid wires sends back and lets through."""

import numpy as np

MODES = 24


def modes(ka) -> np.ndarray:
    """Amplitudes (..., mode) of the waves that a rigid cylinder scatters, n = -MODES..MODES.

    ka: wavenumber times radius (...), up to 10; sound falls across the axis. Far away the scattered
    pressure is sqrt(2/(pi k r)) exp(-j(kr - pi/4)) sum b_n exp(jn angle), angle 0 straight on, for
    1 Pa. b_n = -J'_n / H(2)'_n; Morse and Ingard, Theoretical Acoustics, section 8.1; e^{+jwt}.
    """
    from scipy.special import h2vp, jvp

    n = np.arange(-MODES, MODES + 1)
    ka = np.asarray(ka, dtype=float)[..., None]
    return -jvp(n, ka) / h2vp(n, ka)


def grating(k, radius_m: float, pitch_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Reflection and transmission, complex, of a row of rigid wires for sound that falls square on.

    k: wavenumber (...) in 1/m. Lowest order of Twersky, IRE Trans. Antennas Propag. 10 (1962) 737:
    no wire hears another. For wires apart by a wavelength and more, thinner than a third of that; a
    plane wave does not come back in other directions here: what is neither reflected nor
    transmitted is scattered. Not validated against a measured grille.
    """
    k = np.asarray(k, dtype=float)
    waves = modes(k * radius_m)
    back = (-1.0) ** np.arange(-MODES, MODES + 1)
    scale = 2.0 / (k * pitch_m)
    return scale * (waves * back).sum(axis=-1), 1.0 + scale * waves.sum(axis=-1)

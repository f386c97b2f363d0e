"""Reverberation: how fast sound dies in a room, by formula and from what was recorded."""

from __future__ import annotations

import numpy as np

DECAY_DB = (-5.0, -35.0)


def eyring_s(
    volume_m3: float, surface_m2: float, absorption: float, air_np_m: float, c: float
) -> float:
    """Return the time in s in which a diffuse field falls by 60 dB.

    absorption: mean share of energy that walls take, below 1; air_np_m: absorption of the amplitude in air; c: speed of sound in m/s.
    Source: Eyring (1930) with the air's term of Knudsen (1931): 24 ln 10 V / (c (-S ln(1 - a) + 4 m V)), m = 2 air_np_m.
    """
    walls = -surface_m2 * np.log(1.0 - absorption)
    return float(24.0 * np.log(10.0) * volume_m3 / (c * (walls + 4.0 * 2.0 * air_np_m * volume_m3)))


def decay_time_s(
    time_s: np.ndarray, energy: np.ndarray, between_db: tuple[float, float] = DECAY_DB
) -> float:
    """Return the time in s in which an energy response falls by 60 dB, from a line through its backward integral between two levels.

    time_s (n,): ascending; energy (n,): what arrives at each of these times, any unit.  Infinite for what does not fall.
    Source: Schroeder (1965); ISO 3382-1:2009.
    """
    left = np.cumsum(energy[::-1])[::-1]
    level = 10.0 * np.log10(np.maximum(left / left[0], 1e-30))
    used = (level <= between_db[0]) & (level >= between_db[1])
    slope = np.polyfit(np.asarray(time_s)[used], level[used], 1)[0]
    return float(-60.0 / slope) if slope < 0.0 else float("inf")


def coupled_return(aperture_m2: float, absorption_m2) -> np.ndarray:
    """Return the share of the diffuse energy that leaves through an aperture into another room and comes back out of it.

    absorption_m2: equivalent absorption area of that room without the aperture, 4 m V of its air included.  In its steady state it receives S I from here
    and loses (A + S) I' to itself and back: I' / I = S / (A + S).  Source: Kuttruff, Room Acoustics (2009), section 5.8 (coupled rooms).  The time that
    energy spends in there is not told.
    """
    return aperture_m2 / (np.asarray(absorption_m2, float) + aperture_m2)

"""Gaussian noise with a flat spectrum over a band."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field

from usim.noises.base import REFERENCE_PA
from usim.template.fields import Listed

NARROWEST_HZ = 100.0

Edge = Annotated[float, Field(ge=0.0, le=192e3)]


def _wide(band_hz: tuple[float, float]) -> tuple[float, float]:
    low, high = band_hz
    if high - low < NARROWEST_HZ:
        raise ValueError(f"a band must be [low, high] and {NARROWEST_HZ:g} Hz wide or more")
    return band_hz


Band = Annotated[tuple[Edge, Edge], Listed, AfterValidator(_wide)]
"""[low, high] in Hz."""

Level = Annotated[float, Field(ge=-60.0, le=130.0)]
"""A level in dB SPL, rms re 20 uPa."""


def band_noise(
    generator: "np.random.Generator",
    count: int,
    rate_hz: float,
    band_hz: tuple[float, float],
    level_db_spl: float,
) -> np.ndarray:
    """White Gaussian noise over a band, (count,) in Pa, of the stated rms level over the whole
    band.

    Made in the frequency domain, so the block is periodic in `count` samples and the band's edges
    are as sharp as its length allows; joining blocks is the caller's business. What lies above half
    the rate is left out.
    """
    low, high = band_hz
    step_hz = rate_hz / count
    centre = np.arange(1, (count + 1) // 2) * step_hz
    inside = np.clip(
        np.minimum(centre + step_hz / 2, high) - np.maximum(centre - step_hz / 2, low), 0, None
    )
    power = (REFERENCE_PA * 10.0 ** (level_db_spl / 20.0)) ** 2 / (high - low) * inside
    spectrum = np.zeros(count // 2 + 1, dtype=complex)
    part = generator.standard_normal((2, len(centre)))
    spectrum[1 : 1 + len(centre)] = (0.5 * count) * np.sqrt(power) * (part[0] + 1j * part[1])
    return np.fft.irfft(spectrum, count)

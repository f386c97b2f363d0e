"""The instrument half, second part: envelopes on their carriers, noise beside them, and the converter."""

from __future__ import annotations

import numpy as np

from usim.devices.converter import Converter
from usim.engine.noise import CHUNK_S
from usim.physics.dsp import onto_carrier
from usim.template.streams import stream


def on_carriers(
    envelopes: np.ndarray,
    before: int,
    carriers_hz: np.ndarray,
    low_hz: int,
    high_hz: int,
    first: int,
    count: int,
    start: int,
) -> np.ndarray:
    """Return the waveform (mic, count) float64 of envelopes (mic, carrier, sample) from high-rate sample `first` on.

    `before` envelope samples precede envelope sample number `start`, which is the first of the window.
    """
    out = np.zeros((envelopes.shape[0], count))
    origin = start - before  # number of the first envelope sample held
    for row, f in enumerate(carriers_hz):
        # shift the numbering so that held sample 0 is number 0: whole periods of both rates only
        lifted = _lift(origin, low_hz, high_hz)
        at = first - lifted[1]
        onto_carrier(
            envelopes[:, row, lifted[0] - origin :], low_hz, high_hz, at, float(f), first, out
        )
    return out


def _lift(origin: int, low_hz: int, high_hz: int) -> tuple[int, int]:
    """Return the first pair (low-rate number, high-rate number) at one moment, not before low-rate number `origin`."""
    period = low_hz // np.gcd(low_hz, high_hz)
    low = -(-origin // period) * period
    return int(low), int(low * high_hz // low_hz)


def encoded(
    converter: Converter, x: np.ndarray, first: int, seed: int, place: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return (codes int32 (mic, sample), clipped samples per microphone) of a waveform whose first sample is number `first`.

    Dither is drawn chunk by chunk of absolute time, so any window has the same bytes.
    """
    size = round(CHUNK_S * converter.rate_hz)
    codes = np.empty(x.shape, np.int32)
    top = float(2 ** (converter.bits - 1))
    for chunk in range(first // size, (first + x.shape[1] - 1) // size + 1):
        low, high = max(chunk * size, first), min((chunk + 1) * size, first + x.shape[1])
        whole = np.zeros((len(x), size))
        whole[:, low - chunk * size : high - chunk * size] = x[:, low - first : high - first]
        made, _ = converter.encode(whole, stream(seed, f"{place}.chunk_{chunk}"))
        codes[:, low - first : high - first] = made[:, low - chunk * size : high - chunk * size]
    clipped = np.zeros(len(x), int)
    for mic in np.flatnonzero(
        (x.max(axis=1) * top > top - 0.5) | (x.min(axis=1) * top < -top - 0.5)
    ):
        scaled = x[mic] * top
        clipped[mic] = np.count_nonzero((scaled > top - 0.5) | (scaled < -top - 0.5))
    return codes, clipped

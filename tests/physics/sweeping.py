"""A wideband emission through the judge: in narrow sub-bands that fade into each other, since the judge's gains are those of one frequency."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import make_interp_spline

from usim.engine import exact

FINE = 8  # samples of the emission per sample of the baseband
AROUND_S = 0.12  # of the emission on either side of a window: what the furthest path reads, and room for the transform's ends
SPACING_HZ = 2000.0


def sub_bands(paths, t_s, mic: int = 0, spacing_hz: float = SPACING_HZ):
    """Yield (frequency Hz, analytic signal in Pa at 1 m as a callable) of a window's emission: triangles in frequency that sum to the band.

    Driver and microphone ring, so their phase bends within a sub-band; within one they are filters of what is emitted, about what the judge takes.
    """
    emission, unit = paths.device.emission, paths.device.unit
    centre, (low, high) = float(emission.carriers_hz[0]), emission.band_hz
    rate = FINE * paths.rate_hz
    first = np.floor((t_s.min() - AROUND_S) * rate)
    grid = (first + np.arange(int((np.ptp(t_s) + 2.0 * AROUND_S) * rate))) / rate
    spectrum = np.fft.fft(emission.envelope(grid)[0])
    offset = np.fft.fftfreq(len(grid), 1.0 / rate)
    pascal = np.sqrt(2.0) * 20e-6 * 10.0 ** (emission.level_db_spl / 20.0)
    count = int(np.ceil((high - low) / spacing_hz)) + 1
    for f in np.linspace(low, high, count):
        share = np.clip(1.0 - np.abs(offset + centre - f) / ((high - low) / (count - 1)), 0.0, 1.0)
        if f in (low, high):  # what little lies beyond the band goes with its ends
            beyond = offset + centre < low if f == low else offset + centre > high
            share[beyond & (np.abs(offset) < 0.45 * paths.rate_hz)] = 1.0
        some = share > 0.0
        at = centre + offset[some]
        # the judge commands every frequency by itself; a level commands the middle of the band
        loud = unit.drive_gain(0, at, centre) / unit.drive_gain(0, f, f)
        loud = loud * unit.mic_response(mic, at) / unit.mic_response(mic, f)
        part = np.zeros(len(grid), complex)
        part[some] = spectrum[some] * share[some] * loud
        envelope = make_interp_spline(grid, np.fft.ifft(part), k=5)

        def emitted(t, envelope=envelope):
            return pascal * envelope(t) * np.exp(2j * np.pi * np.mod(centre * t, 1.0))

        yield f, emitted


def judged(paths, t_s, shares=None, **how) -> np.ndarray:
    """What `exact` receives (time,), as an envelope about the middle of the band; shares (pair, time): of each of `how`'s pairs, all if None."""
    centre = float(paths.device.emission.carriers_hz[0])
    total = np.zeros(len(t_s), complex)
    for f, emitted in sub_bands(paths, t_s, how.get("mic", 0)):
        if shares is None:
            total += exact.waveform(paths.scene, emitted, t_s, centre_hz=f, **how)
        else:
            parts = exact.waveform(paths.scene, emitted, t_s, centre_hz=f, per="pair", **how)
            total += (parts * shares).sum(axis=0)
    return total * np.exp(-2j * np.pi * np.mod(centre * t_s, 1.0))

"""Range profiles: what a recording of chirps, FMCW or pulses says about how far away things are.

Every burst is compared with what the device was told to emit (a matched filter; Turin 1960), which needs nothing that a product would not
have.  A sphere 2 m away that is asked for with c = 343.2 m/s is found at 2 m; what moves is found in the change from burst to burst.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.physics.sweeps import Sweep
from usim.recording.observation import Observation

SOUND_M_S = 343.2  # at 20 degrees
FINER = 4  # bins per resolution cell of an untapered spectrum, at least


@dataclass(frozen=True, eq=False)
class RangeProfiles:
    """Echo by burst and distance: samples (mic, burst, range) complex, full scale of a wave of the burst's own level.

    t_s (burst,): when each left, on the recording's clock; range_m (range,): half of the way.
    """

    t_s: np.ndarray
    range_m: np.ndarray
    samples: np.ndarray

    def moving(self) -> np.ndarray:
        """Return the samples less their mean over the bursts: without what stands still."""
        return self.samples - self.samples.mean(axis=1, keepdims=True)


def range_profiles(
    observation: Observation,
    longest_m: float = 6.0,
    c_m_s: float = SOUND_M_S,
    taper: bool = True,
    sweep: Sweep | None = None,
) -> RangeProfiles:
    """Return the range profile of every whole burst in a recording.

    longest_m: range up to which profiles go; c_m_s: sound speed in m/s.  taper: weight the spectrum by a Hann window, which takes range
    sidelobes from -13 to -31 dB and doubles the width of a peak.  sweep: what was emitted, on the recording's clock; as the observation says if None.
    Echoes of bursts before, from further away than bursts are apart, appear too near.  Raises ValueError where no sweep is known or no burst fits.
    """
    sweep = sweep or _told(observation)
    audio, rate = observation.audio_fs(), observation.rate_hz
    longest = int(np.ceil((sweep.length_s + 2.0 * longest_m / c_m_s) * rate)) + 1
    numbers = np.arange(
        np.ceil(-sweep.origin_s / sweep.every_s - 1e-9),
        np.floor(((audio.shape[1] - longest) / rate - sweep.origin_s) / sweep.every_s) + 1,
    )
    starts_s = sweep.origin_s + sweep.every_s * numbers
    starts_s = starts_s[starts_s > -0.5 / rate]
    if not len(starts_s):
        raise ValueError(
            f"no whole burst of {sweep.length_s:g} s and {2 * longest_m / c_m_s:.3f} s of echo in "
            f"{audio.shape[1] / rate:g} s of sound; ask for a shorter longest_m"
        )
    size = 2 ** int(np.ceil(np.log2(2 * longest)))
    f_hz = np.fft.rfftfreq(size, 1.0 / rate)
    heights = [f for _, f in sweep.hz]
    low, high = (min(heights), max(heights)) if len(set(heights)) > 1 else sweep.band_hz
    band = np.flatnonzero((f_hz >= low) & (f_hz <= high))
    weight = np.hanning(len(band)) if taper else np.ones(len(band))
    bins = max(int(np.ceil(4.0 * longest_m / c_m_s * (high - low) * FINER)), 2)
    range_m = np.linspace(0.0, longest_m, bins)
    # at a range r the spectrum is turned by exp(-j 2 pi f 2r/c)
    back = np.exp(2j * np.pi * np.outer(f_hz[band], 2.0 * range_m / c_m_s))
    samples = np.empty((len(audio), len(starts_s), bins), complex)
    for number, start_s in enumerate(starts_s):
        first = max(int(np.ceil(start_s * rate - 1e-9)), 0)
        t_s = (first + np.arange(longest)) / rate
        sounds = sweep.envelope(t_s) * (t_s < start_s + sweep.length_s)
        wave = (
            sounds * np.exp(2j * np.pi * np.mod(sweep.centre_hz * (t_s - sweep.origin_s), 1.0))
        ).real
        emitted = np.fft.rfft(wave, size)[band]
        heard = np.fft.rfft(audio[:, first : first + longest], size, axis=1)[:, band]
        filtered = heard * emitted.conj() * weight
        samples[:, number] = (filtered @ back) / (weight * np.abs(emitted) ** 2).sum()
    return RangeProfiles(starts_s, range_m, samples)


def _told(observation: Observation) -> Sweep:
    """Return the sweep that the device was told to emit last."""
    for command in reversed(observation.emission):
        if command.on and command.sweep is not None:
            return command.sweep
    raise ValueError(
        "this recording says nothing of chirps, fmcw or pulses; give `sweep`, a usim.physics.sweeps.Sweep"
    )

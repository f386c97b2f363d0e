"""The waveform before the converter, taken apart again, against the baseband it was made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal.windows import kaiser
from tumblers import decibels, strongest_path, traced, tumbling

from usim.engine.baseband import envelopes
from usim.engine.simulate import echo

START_S, COUNT_S = 4.0, 0.4
SHARE = 0.8  # of the band on either side of the carrier
BETA = 28.0  # side lobes below -200 dB: the direct path lies 30 to 60 dB above the echoes


@pytest.mark.parametrize("rate_hz", [96000, 192000])
@pytest.mark.parametrize("baseband_hz", [2000, 4000, 16000])
def test_demodulated_waveform(rate_hz, baseband_hz, figures):
    """Why: the waveform and the baseband are two products of one sound; a detector may be fed with either.
    Set-up: row 2: the walker before puck_4mic with its tolerances and its direct path through the case, 32.5 kHz; causes alone, no noise, float64, before the converter. The spectrum of the waveform, shifted by the carrier, and of the envelopes,
    both over 0.4 s with one Kaiser window, at every 2.5 Hz of 80 % of the band on either side, all microphones.
    Expected: no difference above -80 dB of the strongest moving path.
    """
    carrier = 32500.0
    scene = tumbling(
        overrides={
            "render.rate_hz": rate_hz,
            "render.baseband_rate_hz": baseband_hz,
            "devices.shelf.emits.carriers_hz": [carrier],
        }
    )
    paths = traced(scene, "draft", START_S, COUNT_S)
    causes = envelopes(paths, paths.device.unit)
    stems = echo(paths, keep=["stems"]).truth.stems
    wave = sum(np.asarray(stems[name], float) for name in causes)
    assert all(stems[name].dtype == float for name in causes)
    held = sum(causes.values())[:, 0]
    before = (held.shape[1] - paths.samples) // 2
    held = held[:, before : before + paths.samples]

    def spectrum(z):
        count = z.shape[1]
        taper = kaiser(count + 1, BETA)[:-1]  # the same curve at either rate
        return np.fft.fft(z * taper, axis=1) / taper.sum()

    many = wave.shape[1]
    assert many == round(COUNT_S * rate_hz)
    t = (round(START_S * rate_hz) + np.arange(many)) / rate_hz
    theirs = spectrum(2.0 * wave * np.exp(-2j * np.pi * ((carrier * t) % 1.0)))
    ours = spectrum(held)
    edge = int(0.5 * SHARE * baseband_hz * COUNT_S)
    bins = np.arange(-edge, edge + 1)
    off = np.abs(theirs[:, bins] - ours[:, bins])
    level, _ = strongest_path(paths, START_S + COUNT_S / 2)
    worst = 2 * decibels(off.max() / level)
    loud = 2 * decibels(np.abs(ours).max() / level)
    name = f"waveform at {rate_hz / 1000:g} kHz against baseband at {baseband_hz / 1000:g} kHz"
    figures(name, worst, "dB re strongest moving path", "<= -80", f"{off.size} bins")
    figures(f"{name}: the direct path lies at", loud, "dB re strongest moving path", ">= 20")
    assert loud >= 20.0
    assert worst <= -80.0

"""Range profiles: what is how far away, from nothing but an observation."""

import dataclasses

import numpy as np
import pytest

from usim.physics.sweeps import Sweep
from usim.recording.observation import EmissionCommand, Observation
from usim.recording.ranging import range_profiles

RATE_HZ, C = 96000, 340.0
CHIRP = Sweep(((0.0, 32000.0), (0.006, 40000.0)), 0.05, 0.001, -0.0213)
PULSE = Sweep(((0.0, 40000.0), (0.001, 40000.0)), 0.05, 0.0005)
FMCW = Sweep(((0.0, 32000.0), (0.045, 38000.0), (0.05, 32000.0)), 0.05)


def wave(sweep, t_s):
    turns = np.mod(sweep.centre_hz * (t_s - sweep.origin_s), 1.0)
    return (sweep.envelope(t_s) * np.exp(2j * np.pi * turns)).real


def observed(sweep, speed_m_s=0.0, start_m=2.0, told=True):
    """Two microphones hear a thing at 0.01 times the level, the second one 10 cm further on the way back."""
    t_s = np.arange(round(0.5 * RATE_HZ)) / RATE_HZ
    delays = [2.0 * (start_m + speed_m_s * t_s) / C, (2.0 * (start_m + speed_m_s * t_s) + 0.1) / C]
    audio = np.array([0.01 * wave(sweep, t_s - delay) for delay in delays])
    command = EmissionCommand(0.0, (sweep.centre_hz,), 80.0, True, sweep if told else None)
    return Observation("made up", RATE_HZ, 24, np.zeros((2, 3)), audio, emission=(command,))


@pytest.mark.parametrize("sweep", [CHIRP, PULSE, FMCW])
def test_a_thing_is_found_where_it_is_and_as_loud(sweep):
    found = range_profiles(observed(sweep), longest_m=4.0, c_m_s=C)
    assert found.samples.shape == (2, len(found.t_s), len(found.range_m))
    assert np.allclose(np.diff(found.t_s), 0.05)
    for mic, wanted in ((0, 2.0), (1, 2.05)):
        strength = np.abs(found.samples[mic])
        assert np.abs(found.range_m[strength.argmax(axis=1)] - wanted).max() < 0.015
        loud = 0.15 if sweep is FMCW else 0.02  # a sweep without gaps has lost its end
        assert np.abs(strength.max(axis=1) / 0.01 - 1.0).max() < loud


def test_the_phase_of_what_moves_turns_by_its_doppler_shift_and_what_stands_goes():
    found = range_profiles(observed(CHIRP, speed_m_s=-0.02), longest_m=4.0, c_m_s=C)
    at = np.abs(found.samples[0]).mean(axis=0).argmax()
    turned = np.angle(found.samples[0, 1:, at] / found.samples[0, :-1, at])
    assert np.abs(turned - 2 * np.pi * 36000 * 2 * 0.02 * 0.05 / C).max() < 0.05
    still = range_profiles(observed(CHIRP), longest_m=4.0, c_m_s=C)
    assert np.abs(still.moving()).max() < 1e-4 * np.abs(still.samples).max()


def test_without_a_taper_peaks_are_narrower():
    even = Sweep(((0.0, 32000.0), (0.045, 40000.0)), 0.1, 0.0005)
    widths = []
    for taper in (True, False):
        found = range_profiles(observed(even), longest_m=4.0, c_m_s=C, taper=taper)
        strength = np.abs(found.samples[0, 0])
        widths.append(np.count_nonzero(strength > 0.5 * strength.max()))
    assert widths[0] > 1.4 * widths[1]


def test_what_is_not_known_or_does_not_fit_is_said():
    with pytest.raises(ValueError, match="says nothing of chirps"):
        range_profiles(observed(CHIRP, told=False))
    assert len(range_profiles(observed(CHIRP, told=False), c_m_s=C, sweep=CHIRP).t_s) > 3
    long = dataclasses.replace(CHIRP, every_s=0.45)
    with pytest.raises(ValueError, match="no whole burst"):
        range_profiles(observed(long), longest_m=90.0)

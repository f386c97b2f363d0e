"""Sweeps: phase is the integral of the frequency, and the band holds the energy."""

import numpy as np
import pytest

from usim.physics.sweeps import LEFT_OUT, Sweep

CHIRP = Sweep(((0.0, 32000.0), (0.006, 40000.0)), 0.05, 0.001)
SAW = Sweep(((0.0, 32000.0), (0.038, 38000.0), (0.04, 32000.0)), 0.04)


def frequency(sweep, t_s):
    """By central differences of the phase."""
    step = 1e-8
    turned = sweep.envelope(t_s + step) * sweep.envelope(t_s - step).conj()
    return sweep.centre_hz + np.angle(turned) / (4 * np.pi * step)


def test_frequency_runs_along_the_polyline():
    t_s = np.linspace(0.0015, 0.0045, 50)
    assert np.abs(frequency(CHIRP, t_s) - (32000 + 8000 * t_s / 0.006)).max() < 0.5
    assert np.abs(frequency(CHIRP, t_s - 7 * 0.05) - (32000 + 8000 * t_s / 0.006)).max() < 0.5
    t_s = np.linspace(0.0385, 0.0395, 20)
    assert np.abs(frequency(SAW, t_s) - (38000 - 6000 * (t_s - 0.038) / 0.002)).max() < 0.5


def test_bursts_are_alike_and_start_as_cosines():
    t_s = np.linspace(0.0, 0.02, 400)
    waves = [
        (CHIRP.envelope(t) * np.exp(2j * np.pi * 36000 * t)).real for t in (t_s, t_s + 3 * 0.05)
    ]
    assert np.abs(waves[0] - waves[1]).max() < 1e-8
    assert np.abs(CHIRP.envelope(np.array([-0.01, 0.007, 0.049]))).max() == 0.0
    bare = Sweep(CHIRP.hz, 0.05)
    assert bare.envelope(np.zeros(1)) == pytest.approx(1.0)


def test_sweeps_without_a_gap_go_on():
    edges = 0.04 * np.arange(-3, 4)
    before, after = SAW.envelope(edges - 1e-9), SAW.envelope(edges + 1e-9)
    assert np.abs(before - after).max() < 1e-4
    assert np.abs(np.abs(SAW.envelope(np.linspace(-1, 1, 999))) - 1.0).max() < 1e-12


def test_a_sweep_may_start_at_any_time():
    moved = Sweep(CHIRP.hz, 0.05, 0.001, 0.0123)
    t_s = np.linspace(-0.1, 0.1, 999)
    assert np.abs(moved.envelope(t_s + 0.0123) - CHIRP.envelope(t_s)).max() < 1e-8


@pytest.mark.parametrize("sweep", [CHIRP, SAW, Sweep(((0.0, 4e4), (0.001, 4e4)), 0.05, 0.0005)])
def test_the_band_holds_the_energy(sweep):
    low, high = sweep.band_hz
    assert 0.5 * (low + high) == pytest.approx(sweep.centre_hz)
    rate = 4 * (high - low)
    t_s = np.arange(round(0.2 * rate)) / rate
    power = np.abs(np.fft.fft(sweep.envelope(t_s) * np.blackman(len(t_s)))) ** 2
    away = np.abs(np.fft.fftfreq(len(t_s), 1 / rate)) > 0.5 * (high - low)
    assert power[away].sum() < 1.5 * LEFT_OUT * power.sum()
    inside = np.abs(np.fft.fftfreq(len(t_s), 1 / rate)) > 0.4 * (high - low)
    assert power[inside].sum() > LEFT_OUT * power.sum()

"""Decay times by formula, and from decays that are known."""

import numpy as np
import pytest

from usim.physics.reverberation import decay_time_s, eyring_s


def test_eyring_without_air_is_sabine_for_little_absorption():
    """0.161 V / (S a) at 20 degrees (Sabine), for a = 0.001."""
    assert eyring_s(200.0, 220.0, 0.001, 0.0, 343.2) == pytest.approx(
        0.161 * 200.0 / 0.22, rel=2e-3
    )


def test_air_alone():
    """Without walls 60 dB are lost over 60 / alpha metres."""
    assert eyring_s(50.0, 85.0, 0.0, 0.1, 340.0) == pytest.approx(np.log(10.0) * 3.0 / 0.1 / 340.0)


def test_decay_of_an_exponential():
    time_s = np.arange(4000) / 4000.0
    energy = 10.0 ** (-6.0 * time_s / 0.3)
    assert decay_time_s(time_s, energy) == pytest.approx(0.3, rel=1e-3)
    assert decay_time_s(time_s, 7.0 * energy, (-5.0, -20.0)) == pytest.approx(0.3, rel=1e-3)

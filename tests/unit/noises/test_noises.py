"""Noises: level, band, gate, where they are."""

import numpy as np
import pytest
from pydantic import ValidationError

from usim.noises import hiss, white_ultrasonic
from usim.noises._band import band_noise

LEVEL_PA = 20e-6 * 10 ** (40 / 20)


def _hiss(**changed):
    table = {"kind": "hiss", "name": "h", "level_db_spl": 40, "at": [1.0, 1.0, 1.0], **changed}
    return hiss.build(hiss.Parameters.model_validate(table))


@pytest.mark.parametrize("count", [30_720, 4096, 1001, 64])
def test_level_holds_for_any_length(count):
    """Expected: the mean power of 2^20 samples or more; its sd is below 0.4 %, the bar ten of them."""
    generator = np.random.default_rng(0)
    blocks = max(1, 2**20 // count)
    power = [
        np.mean(band_noise(generator, count, 192e3, (20e3, 60e3), 40.0) ** 2) for _ in range(blocks)
    ]
    assert np.mean(power) == pytest.approx(LEVEL_PA**2, rel=0.04)


def test_a_lower_rate_leaves_out_what_it_cannot_hold():
    x = band_noise(np.random.default_rng(0), 2**18, 96e3, (20e3, 96e3), 40.0)
    assert np.mean(x**2) == pytest.approx(LEVEL_PA**2 * 28.0 / 76.0, rel=0.05)


def test_intervals_open_and_close_the_gate():
    noise = _hiss(when=[[1.0, 2.0], [3.0, 4.0]])
    t_s = np.array([0.0, 1.0, 1.0025, 1.5, 1.9975, 2.5, 3.5, 5.0])
    assert np.abs(noise.gate(t_s) - [0, 0, 0.5, 1, 0.5, 0, 1, 0]).max() < 1e-9


def test_moving_follows_the_speed():
    noise = _hiss(at={"mover": "m", "part": "body"}, when="moving")
    gate = noise.gate(np.zeros(4), np.array([0.0, 0.02, 0.06, 1.0]))
    assert np.abs(gate - [0, 0, 0.5, 1]).max() < 1e-12
    with pytest.raises(ValueError, match="give its speed"):
        noise.gate(np.zeros(2))


@pytest.mark.parametrize(
    "changed",
    [
        {"at": {"mover": "m", "device": "d"}},
        {"at": {"part": "hand"}},
        {"at": {"device": "d", "part": "p"}},
        {"at": "here"},
        {"when": "moving"},
        {"when": "sometimes"},
        {"when": []},
        {"when": [[2.0, 1.0]]},
        {"when": [[1.0, 2.0], [1.5, 3.0]]},
        {"band_hz": [40e3, 30e3]},
        {"band_hz": [30e3, 30.01e3]},
    ],
)
def test_wrong_noises_are_refused(changed):
    with pytest.raises(ValidationError):
        _hiss(**changed)


def test_what_is_everywhere_moves_with_nothing():
    table = {"kind": "white_ultrasonic", "name": "w", "level_db_spl": 10, "when": "moving"}
    with pytest.raises(ValidationError, match="everywhere"):
        white_ultrasonic.Parameters.model_validate(table)

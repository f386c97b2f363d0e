"""The Doppler map shows each echo where physics puts it, in shift and in time."""

import dataclasses

import numpy as np
import pytest

from usim.recording.observation import Baseband, EmissionCommand, Observation
from usim.report.doppler import carriers_hz, doppler_map, doppler_shift_hz

RATE_HZ = 4000.0


def heard(envelope, audio_rate_hz=None):
    """An observation of one microphone with that envelope (slow_time,), or audio made of it."""
    common = dict(profile="p", bits=24, microphones_m=np.zeros((1, 3)))
    command = EmissionCommand(0.0, (32_500.0,), 72.0)
    if audio_rate_hz is None:
        baseband = Baseband(envelope[None, None], RATE_HZ, [32_500.0])
        return Observation(rate_hz=96_000, baseband=baseband, emission=(command,), **common)
    t_s = np.arange(len(envelope)) / audio_rate_hz
    audio = np.real(envelope * np.exp(2j * np.pi * 32_500.0 * t_s))[None]
    return Observation(rate_hz=audio_rate_hz, audio=audio, emission=(command,), **common)


def two_tones(rate_hz):
    """100 Hz up to 3 s, then -250 Hz; on a static line 60 dB above; 5 s."""
    t_s = np.arange(int(5 * rate_hz)) / rate_hz
    shift = np.where(t_s < 3.0, 100.0, -250.0)
    phase = 2 * np.pi * np.cumsum(shift) / rate_hz
    return 0.2 + 2e-4 * np.exp(1j * phase)


@pytest.mark.parametrize("audio_rate_hz", [None, 96_000, 192_000])
def test_echoes_lie_where_they_belong(audio_rate_hz):
    """The ridge is at 100 Hz before 3 s and at -250 Hz after, within a bin and a frame."""
    found = doppler_map(heard(two_tones(audio_rate_hz or RATE_HZ), audio_rate_hz), widest_hz=400.0)
    ridge_hz = found.shift_hz[np.argmax(found.level_db, axis=0)]
    early = (found.t_s > 0.2) & (found.t_s < 2.93)
    late = (found.t_s > 3.07) & (found.t_s < 4.8)
    bin_hz = found.shift_hz[1] - found.shift_hz[0]
    assert np.abs(ridge_hz[early] - 100.0).max() <= bin_hz
    assert np.abs(ridge_hz[late] + 250.0).max() <= bin_hz
    assert np.abs(found.level_db[:, early | late].max(axis=0)).max() < 1.0
    assert found.static_db == pytest.approx(60.0, abs=0.5)


def test_columns_are_evenly_spaced():
    """A picture has one time axis: columns that bunch up would shift everything after them."""
    for count in (600, 4000, 40_001, 123_457):
        found = doppler_map(heard(np.ones(count, dtype=complex)))
        steps = np.diff(found.t_s)
        assert np.ptp(steps) <= 1.01 / RATE_HZ
        assert found.t_s[0] == pytest.approx(0.064, abs=0.02)
        assert count / RATE_HZ - found.t_s[-1] == pytest.approx(0.064, abs=0.08)


def test_the_still_room_is_taken_out():
    """A static line 60 dB above an echo leaves nothing of itself beyond rounding."""
    t_s = np.arange(20_000) / RATE_HZ
    found = doppler_map(heard(1.0 + 1e-3 * np.exp(2j * np.pi * 200.0 * t_s)))
    near_zero, middle = np.abs(found.shift_hz) < 20, np.abs(found.t_s - 2.5) < 1.4
    assert found.level_db[np.ix_(near_zero, middle)].max() < -75


def test_who_stood_still_leaves_no_ghost():
    """An echo that stands for 4 s and then is gone shows nothing a few seconds later."""
    t_s = np.arange(48_000) / RATE_HZ
    envelope = 1.0 + np.where(t_s < 4.0, 1e-2, 0.0) + 1e-4 * np.exp(2j * np.pi * 300 * t_s)
    found = doppler_map(heard(envelope))
    late = found.level_db[:, found.t_s > 6.0]
    near_zero = np.abs(found.shift_hz) < 20
    assert late[near_zero].max() < late[~near_zero].max() - 30


def test_slow_motion_is_seen_in_long_frames():
    """Why: breathing lies within the cell that short frames leave out of the scale. Set-up: a path
    that swings by 5 mm each 4 s, on a static line 40 dB above. Expected: the ridge follows the true
    shift, to 0.4 Hz at its extremes; nothing is above the reference.
    """
    t_s = np.arange(80_000) / RATE_HZ
    turn = 2 * np.pi * 32_500.0 / 343.2 * 2 * 5e-3
    envelope = 0.2 + 2e-3 * np.exp(1j * turn * np.sin(2 * np.pi * 0.25 * t_s))
    found = doppler_map(heard(envelope), widest_hz=6.0, window_s=2.0, still_s=60.0)
    assert found.level_db.max() == 0.0
    ridge_hz = found.shift_hz[np.argmax(found.level_db, axis=0)]
    most = turn * 0.25  # rad/s of the swing over 2 pi
    for middle, sign in ((4.0, 1.0), (8.0, 1.0), (6.0, -1.0), (10.0, -1.0)):
        at = np.argmin(np.abs(found.t_s - middle))
        assert ridge_hz[at] == pytest.approx(sign * most, abs=0.4)
    short = doppler_map(heard(envelope), widest_hz=60.0, window_s=0.4)
    assert short.level_db.max() > 10.0


def test_microphones_are_averaged_in_power():
    """Two microphones in opposite phase do not cancel."""
    line = two_tones(RATE_HZ)
    both = Baseband(np.stack([line, -line])[:, None], RATE_HZ, [32_500.0])
    observation = dataclasses.replace(heard(line), baseband=both, microphones_m=np.zeros((2, 3)))
    mean = doppler_map(observation)
    one = doppler_map(observation, microphone=1)
    assert np.allclose(mean.level_db, one.level_db, atol=1e-6)


def test_an_hour_takes_no_more_columns_than_a_picture_has():
    found = doppler_map(heard(np.ones(600 * 4000, dtype=complex)), widest_hz=200.0)
    assert found.level_db.shape[1] <= 1200


def test_what_cannot_be_drawn_is_one_line():
    with pytest.raises(ValueError, match="shorter than one frame"):
        doppler_map(heard(np.ones(100, dtype=complex)))
    bare = Observation("p", 96_000, 24, np.zeros((1, 3)), audio=np.zeros((1, 96_000)))
    with pytest.raises(ValueError, match="no carrier"):
        doppler_map(bare)


def test_silence_is_drawn_without_a_warning():
    found = doppler_map(heard(np.zeros(4000, dtype=complex)))
    assert np.all(np.isfinite(found.level_db))


def test_doppler_shift_is_the_exact_one():
    """1 m/s approaching at 32 kHz, c = 343.21: +187.02 Hz (engine.md 2.1), not 186.475."""
    assert doppler_shift_hz(-1.0, 32_000.0, 343.21) == pytest.approx(187.02, abs=0.005)
    assert doppler_shift_hz(0.0, 32_000.0, 343.21) == 0.0


def test_carriers_are_those_of_the_baseband_else_the_commanded():
    assert carriers_hz(heard(np.ones(10, dtype=complex))) == (32_500.0,)
    assert carriers_hz(heard(np.ones(10, dtype=complex), 96_000)) == (32_500.0,)

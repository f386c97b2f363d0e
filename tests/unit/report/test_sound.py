"""What is heard of a recording, held to closed forms: where tones lie, how loud, how long."""

import numpy as np
import pytest

from usim.recording.audio import decode
from usim.recording.observation import Baseband, EmissionCommand, Observation
from usim.report.sound import (
    BITS,
    PEAK_DB,
    RATE_HZ,
    SHIFT_HZ,
    audible,
    encoded,
    heard_band_hz,
    sound_of,
)
from usim.template.problem import InvalidInput

CARRIER_HZ = 32_500.0
LOW_HZ = 4000.0
BAND_HZ = (-800.0, 1600.0)


def tones(parts, rate_hz=LOW_HZ, duration_s=3.0):
    """A complex envelope of (amplitude, frequency) parts."""
    t_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return sum(a * np.exp(2j * np.pi * f * t_s) for a, f in parts)


def frequency_hz(wave, about_hz):
    """The frequency of the tone near `about_hz`: the slope of its phase."""
    count = len(wave)
    turned = wave * np.exp(-2j * np.pi * about_hz / RATE_HZ * np.arange(count)) * np.hanning(count)
    halves = turned[: count // 2].sum(), turned[count // 2 :].sum()
    # The middles of a Hann window's halves, weighted by it, lie (1/2 - 2 / pi^2) of its length apart.
    apart_s = (0.5 - 2 / np.pi**2) * count / RATE_HZ
    return about_hz + np.angle(halves[1] * np.conj(halves[0])) / (2 * np.pi * apart_s)


def level_db(wave, f_hz):
    """The level of the tone at f_hz, dB re an amplitude of 1, the ends left out."""
    middle = wave[len(wave) // 10 : -len(wave) // 10]
    window = np.blackman(len(middle))
    turns = np.exp(-2j * np.pi * f_hz / RATE_HZ * np.arange(len(middle)))
    return 20 * np.log10(2 * abs(np.sum(middle * turns * window)) / window.sum() + 1e-15)


def heard(envelope=None, audio=None, rate_hz=96_000, carriers_hz=(CARRIER_HZ,), on=True):
    baseband = (
        None if envelope is None else Baseband(np.atleast_3d(envelope).swapaxes(1, 2), LOW_HZ, carriers_hz[:1])
    )  # fmt: skip
    emission = (EmissionCommand(0.0, carriers_hz, 72.0, on),)
    count = 1 if envelope is None else len(np.atleast_2d(envelope))
    return Observation("p", rate_hz, 24, np.zeros((count, 3)), audio, baseband, None, emission)


def one(envelope):
    """An observation of one microphone with that envelope."""
    return heard(envelope=np.asarray(envelope)[None])


@pytest.mark.parametrize("slow", [1.0, 2.0, 0.5, 2.7])
@pytest.mark.parametrize("doppler_hz", [187.0, -187.0, -620.3])
@pytest.mark.parametrize("rate_hz", [2000.0, 1999.5])
def test_a_tone_is_heard_where_it_belongs(doppler_hz, slow, rate_hz):
    """Expected: at shift + f / slow within 0.1 Hz, its mirror image 70 dB lower, slow times as long."""
    wave = audible(tones([(0.3, doppler_hz)], rate_hz), rate_hz, (-700.0, 700.0), 1000.0, slow)
    expected_hz = 1000.0 + doppler_hz / slow
    assert len(wave) == pytest.approx(3.0 * slow * RATE_HZ, abs=2 * slow * RATE_HZ / rate_hz)
    assert frequency_hz(wave, expected_hz) == pytest.approx(expected_hz, abs=0.1 / slow)
    here = level_db(wave, expected_hz)
    assert here == pytest.approx(20 * np.log10(0.3), abs=0.02)
    assert here - level_db(wave, 1000.0 - doppler_hz / slow) > 70


@pytest.mark.parametrize("from_audio", [False, True])
def test_the_static_carrier_goes_and_the_walker_stays(from_audio, figures):
    """Set-up: an echo 80 dB below the direct sound. Expected: the carrier 40 dB down or more, the echo not at all."""
    parts = [(0.5, 0.0), (5e-5, 187.0)]
    if from_audio:
        wave = np.real(
            tones([(a, CARRIER_HZ + f) for a, f in parts], 96_000)
        )  # an unbroken tone, cut at its ends
        observation = heard(audio=wave[None])
    else:
        observation = one(tones(parts))
    found = sound_of(observation, keep_carrier=False, gain_db=40.0)
    assert found.source == ("audio" if from_audio else "baseband")
    kept = sound_of(observation, keep_carrier=True, gain_db=0.0)
    echo_db = 20 * np.log10(5e-5) + 40.0
    assert level_db(kept.samples, SHIFT_HZ) == pytest.approx(20 * np.log10(0.5), abs=0.02)
    assert level_db(found.samples, SHIFT_HZ + 187) == pytest.approx(echo_db, abs=0.05)
    down_db = level_db(kept.samples, SHIFT_HZ) + 40.0 - level_db(found.samples, SHIFT_HZ)
    figures(f"listen: static carrier, from {found.source}", down_db, "dB down", ">= 40", len(parts))
    assert down_db >= 40.0
    # Nor does it come in with a click at the ends: the echo is the loudest thing there is.
    assert np.abs(found.samples).max() < 1.05 * 10 ** (echo_db / 20)


def test_the_notch_is_narrow():
    """Expected: what moves at 5 Hz, some 2.5 cm/s, passes."""
    wave = audible(tones([(1.0, 0.0), (0.1, 5.0), (0.1, -5.0)]), LOW_HZ, BAND_HZ)
    for f_hz in (-5.0, 5.0):
        assert level_db(wave, SHIFT_HZ + f_hz) == pytest.approx(-20.0, abs=0.3)


def test_levels_keep_their_ratio(figures):
    worst = 0.0
    for slow in (1.0, 4.0):
        parts = [(0.01, f) for f in (-790.0, -400.0, 30.0, 600.0, 1590.0)]
        wave = audible(tones(parts), LOW_HZ, BAND_HZ, SHIFT_HZ, slow)
        levels = [level_db(wave, SHIFT_HZ + f / slow) for _, f in parts]
        worst = max(worst, float(np.ptp([*levels, -40.0])))
    figures("listen: ratio of tones in the band", worst, "dB", "<= 0.1", 10)
    assert worst <= 0.1


def test_nothing_is_folded():
    """Expected: what would lie below 0 Hz is left out, not heard above the carrier's own lower side."""
    held = (-1600.0, 1600.0)
    band = heard_band_hz(held, 800.0, 1.0)
    assert band == (-750.0, 1600.0)
    wave = audible(tones([(0.1, -1400.0), (0.1, 300.0)]), LOW_HZ, band, 800.0)
    assert level_db(wave, 1100.0) == pytest.approx(-20.0, abs=0.05)
    assert level_db(wave, 600.0) < -95.0
    # Slower, there is room for it.
    assert heard_band_hz(held, 800.0, 4.0) == held
    assert heard_band_hz((-1600.0, 1600.0), 23_000.0, 1.0) == (-1600.0, 950.0)


@pytest.mark.parametrize(("rate_hz", "carrier_hz"), [(96_000, 32_500.0), (44_100, 18_111.0), (96_000, 47_500.0)])  # fmt: skip
def test_audio_and_baseband_sound_alike(rate_hz, carrier_hz):
    parts = [(0.2, 0.0), (0.01, 187.0), (0.005, -300.0)]
    audio = np.real(tones([(a, carrier_hz + f) for a, f in parts], rate_hz))[None]
    of_audio = heard(audio=audio, rate_hz=rate_hz, carriers_hz=(carrier_hz,))
    of_band = heard(envelope=tones(parts)[None], carriers_hz=(carrier_hz,))
    inside = slice(RATE_HZ // 10, -RATE_HZ // 10)
    # The two know the ends differently, so what stands still is not quite the same for them.
    for keep, most in ((True, 1e-5), (False, 0.02)):
        one, other = (
            sound_of(o, keep_carrier=keep, gain_db=10.0, shift_hz=900.0)
            for o in (of_audio, of_band)
        )
        assert (one.source, other.source) == ("audio", "baseband")
        difference = np.abs(one.samples - other.samples)[inside].max()
        assert difference < most * np.abs(other.samples).max()


def test_another_carrier_is_taken_from_the_audio():
    audio = np.real(tones([(0.01, 40_050.0)], 96_000))[None]
    observation = heard(envelope=tones([(0.1, 10.0)])[None], audio=audio)
    found = sound_of(observation, carrier_hz=40_000.0, gain_db=0.0)
    assert found.source == "audio"
    assert level_db(found.samples, SHIFT_HZ + 50) == pytest.approx(-40.0, abs=0.05)
    assert sound_of(observation, carrier_hz=32_500.2).source == "baseband"


@pytest.mark.parametrize("from_audio", [False, True])
def test_a_window_is_a_part(from_audio):
    parts = [(0.02, 187.0), (0.01, -90.0)]
    if from_audio:
        audio = np.real(tones([(a, CARRIER_HZ + f) for a, f in parts], 96_000))[None]
        observation = heard(audio=audio)
    else:
        observation = one(tones(parts))
    choices = {"keep_carrier": True, "gain_db": 0.0}
    whole = sound_of(observation, **choices)
    part = sound_of(observation, window_s=(1.0, 2.5), **choices)
    assert part.window_s == (1.0, 2.5)
    assert part.duration_s == pytest.approx(1.5)
    # The shift starts anew, 1000 whole turns later.
    inside = slice(RATE_HZ // 10, -RATE_HZ // 10)
    cut = whole.samples[RATE_HZ : round(2.5 * RATE_HZ)]
    assert np.abs(part.samples - cut)[inside].max() < 1e-5
    assert sound_of(observation, window_s=(2.0, None)).duration_s == pytest.approx(1.0)


def test_gain_is_what_is_said():
    found = sound_of(one(tones([(0.9, 0.0), (1e-4, 200.0)])))
    assert 20 * np.log10(np.abs(found.samples).max()) == pytest.approx(PEAK_DB, abs=1e-6)
    assert found.gain_db == pytest.approx(PEAK_DB + 80.0, abs=0.05)
    assert level_db(found.samples, SHIFT_HZ + 200) == pytest.approx(found.gain_db - 80.0, abs=0.05)


def test_nothing_clips_and_nothing_is_nan():
    walk = one(tones([(0.9, 0.0), (0.01, 200.0)]))
    with pytest.raises(InvalidInput, match=r"gain 60 dB: would clip; 39\.\d dB at most"):
        sound_of(walk, gain_db=60.0)
    for gain_db in (None, 39.5):
        found = sound_of(walk, gain_db=gain_db)
        codes = decode(encoded(found, "wav"), BITS, "x").codes
        assert np.abs(codes).max() < 1 << 15
        assert np.array_equal(codes, decode(encoded(found, "flac"), BITS, "x").codes)
        assert np.abs(codes[0] / 2.0**15 - found.samples).max() <= 0.5 / 2**15 + 1e-12
    for envelope in (np.zeros(8000, complex), np.full(8000, 0.5 + 0j)):
        found = sound_of(one(envelope))
        assert np.isfinite(found.samples).all()
        assert np.isfinite(found.gain_db)
        assert np.abs(found.samples).max() < 1e-6


def test_it_begins_and_ends_softly():
    wave = audible(tones([(0.5, 100.0)]), LOW_HZ, BAND_HZ)
    fade = round(0.02 * RATE_HZ)
    for end in (wave[:fade], wave[::-1][:fade]):
        assert end[0] == 0.0
        assert np.abs(end[: fade // 10]).max() < 0.03 * 0.5
    assert np.abs(wave[fade : 3 * fade]).max() == pytest.approx(0.5, abs=0.01)


def test_a_microphone_is_chosen():
    both = np.stack([tones([(0.1, 100.0)]), tones([(0.1, -100.0)])])
    found = sound_of(heard(envelope=both), microphone=1, gain_db=0.0)
    assert level_db(found.samples, SHIFT_HZ - 100) == pytest.approx(-20.0, abs=0.05)
    assert level_db(found.samples, SHIFT_HZ + 100) < -90.0


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"shift_hz": 24_000.0}, "shift 24000 Hz: a file of 48000 Hz holds sound below 24000 Hz"),
        ({"shift_hz": 20.0}, "choose 100 to 23900"),
        ({"shift_hz": float("nan")}, "shift nan Hz"),
        ({"slow": 0.0}, "slow 0: choose 0.05 to 100"),
        ({"slow": float("nan")}, "slow nan"),
        ({"gain_db": float("inf")}, "gain inf dB"),
        ({"carrier_hz": 50_000.0}, "carrier 50000 Hz: the recording has no audio"),
        ({"carrier_hz": float("nan")}, "carrier nan Hz"),
        ({"window_s": (1.0, 9.0)}, "window 1:9: the recording lasts 3 s; stay within 0:3"),
        ({"window_s": (3.5, None)}, "stay within 0:3"),
        ({"window_s": (1.0, 1.01)}, "0.01 s are too short"),
    ],
)
def test_what_cannot_be_heard_is_said(choices, message):
    with pytest.raises(InvalidInput) as caught:
        sound_of(one(tones([(0.1, 100.0)])), **choices)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_silent_device_has_no_carrier():
    audio = 1e-4 * np.random.Generator(np.random.Philox(1)).standard_normal((1, 96_000))
    for observation in (
        Observation("p", 96_000, 24, np.zeros((1, 3)), audio),
        heard(audio=audio, on=False),
        heard(audio=audio, carriers_hz=()),
    ):
        with pytest.raises(InvalidInput, match="emits nothing, so there is no carrier"):
            sound_of(observation)
        assert sound_of(observation, carrier_hz=40_000.0).source == "audio"
    with pytest.raises(InvalidInput, match=r"carrier 50000 Hz: audio of 96000 Hz.*48000 Hz"):
        sound_of(heard(audio=audio), carrier_hz=50_000.0)
    with pytest.raises(InvalidInput, match="neither audio nor baseband"):
        sound_of(Observation("p", 96_000, 24, np.zeros((1, 3))))
    with pytest.raises(InvalidInput, match="would last 4000 s"):
        sound_of(one(tones([(0.1, 1.0)], duration_s=40.0)), slow=100.0)

"""Audio files: integers only, the same bytes each time, nothing clipped or lost in silence."""

import io

import numpy as np
import pytest
import soundfile

from usim.recording import audio


def some_codes(bits, channels=2, count=1000):
    limit = 1 << (bits - 1)
    generator = np.random.Generator(np.random.Philox(bits))
    codes = generator.integers(-limit, limit, (channels, count), dtype=np.int32)
    codes[0, :2] = -limit, limit - 1
    return codes


def encoded(kind, codes, rate_hz, bits):
    if kind == "flac":
        return audio.encode_flac(codes, rate_hz, bits)
    return b"".join(audio.encode_wav(codes, rate_hz, bits))


@pytest.mark.parametrize("kind", ["flac", "wav"])
@pytest.mark.parametrize("bits", [8, 12, 16, 18, 20, 24])
@pytest.mark.parametrize(("channels", "count"), [(1, 1), (2, 1001), (8, 70_000)])
def test_codes_come_back_exactly(kind, bits, channels, count):
    """Every code of every width, over more than one block of writing."""
    codes = some_codes(bits, channels, max(count, 2))[:, :count]
    sound = audio.decode(encoded(kind, codes, 96_000, bits), bits, "x")
    assert sound.rate_hz == 96_000
    assert np.array_equal(sound.codes, codes)


@pytest.mark.parametrize("kind", ["flac", "wav"])
def test_other_programs_read_full_scale(kind):
    """A file of 20-bit codes stands at the top of its 24 bits: full scale is full scale."""
    data = encoded(kind, np.array([[-(1 << 19), 1 << 18]], dtype=np.int32), 44_100, 20)
    samples, rate_hz = soundfile.read(io.BytesIO(data))
    assert samples.tolist() == [-1.0, 0.5]
    assert rate_hz == 44_100


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000, 192_000])
def test_many_channels_are_wav(rate_hz):
    codes = some_codes(24, channels=16)
    assert not audio.flac_holds(16, rate_hz)
    sound = audio.decode(encoded("wav", codes, rate_hz, 24), 24, "x")
    assert np.array_equal(sound.codes, codes)


def test_wav_header_agrees_with_libsndfile():
    data = encoded("wav", some_codes(24, 3, 7), 96_000, 24)
    found = soundfile.info(io.BytesIO(data))
    assert (found.channels, found.frames, found.samplerate) == (3, 7, 96_000)
    assert found.subtype == "PCM_24"
    assert len(data) % 2 == 0


def test_beyond_4_gib_the_header_is_rf64(tmp_path):
    """16 microphones at 192 kHz for ten minutes: sizes above 32 bits, seen by libsndfile.

    The samples are a hole in a sparse file.
    """
    count = 600 * 192_000
    header = audio.wav_header(16, count, 192_000, 3)
    assert header[:4] == b"RF64"
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + 16 * 3 * count)
    found = soundfile.info(path)
    assert (found.frames, found.channels, found.format) == (count, 16, "RF64")


def test_riff_holds_up_to_its_limit():
    limit = (1 << 32) - 1 - 4 - 48 - 8
    assert audio.wav_header(1, limit - limit % 2, 8000, 1)[:4] == b"RIFF"
    assert audio.wav_header(1, limit + 1, 8000, 1)[:4] == b"RF64"


@pytest.mark.parametrize("kind", ["flac", "wav"])
def test_bytes_are_the_same_each_time(kind):
    codes = some_codes(24)
    assert encoded(kind, codes, 96_000, 24) == encoded(kind, codes, 96_000, 24)


def test_quantise_rounds_clips_and_counts():
    """Beyond +1 - half a step, or -1 - half a step, a sample is clipped and counted."""
    samples = np.array([[0.0, 1.0, -1.0, 0.5 / 32768, 1.5 / 32768, 2.0, -1.1, 32767.4 / 32768]])
    codes, clipped = audio.quantise(samples, 16, "x")
    assert codes.tolist() == [[0, 32767, -32768, 0, 2, 32767, -32768, 32767]]
    assert clipped == 3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_by_name(bad):
    samples = np.zeros((2, 10))
    samples[1, 3] = bad
    with pytest.raises(ValueError, match=r"stem mover\.adult: 1 samples .* channel 1, sample 3"):
        audio.quantise(samples, 24, "stem mover.adult")


@pytest.mark.parametrize("peak", [1e-310, 1e-30, 1e-6, 0.1, 0.5, 0.9999999, 1.0, 1.5, 2.0, 1e6])
@pytest.mark.parametrize("bits", [16, 24])
def test_gain_is_the_largest_that_fits(peak, bits):
    samples = np.array([[peak, -peak / 3]])
    gain = audio.power_of_two_gain(samples, bits, "x")
    _, clipped = audio.quantise(samples * 2.0**gain, bits, "x")
    assert clipped == 0
    if peak > 1e-100:  # below, the gain is bounded
        assert np.rint(peak * 2.0 ** (gain + 1 + bits - 1)) > (1 << (bits - 1)) - 1


def test_gain_of_silence_is_zero():
    assert audio.power_of_two_gain(np.zeros((2, 5)), 24, "x") == 0
    assert audio.power_of_two_gain(np.zeros((2, 0)), 24, "x") == 0


def test_a_stem_read_and_written_again_keeps_its_gain():
    generator = np.random.Generator(np.random.Philox(5))
    for _ in range(200):
        samples = 10 ** generator.uniform(-8, 1) * generator.standard_normal((1, 20))
        gain = audio.power_of_two_gain(samples, 16, "x")
        codes, _ = audio.quantise(samples * 2.0**gain, 16, "x")
        again = codes * 2.0**-15 * 2.0**-gain
        assert audio.power_of_two_gain(again, 16, "x") == gain


def test_a_damaged_flac_is_one_line():
    data = bytearray(encoded("flac", some_codes(24, 2, 20_000), 96_000, 24))
    for cut in (0, 10, 50, len(data) // 2, len(data) - 1):
        with pytest.raises(ValueError, match="x: ") as caught:
            audio.decode(bytes(data[:cut]), 24, "x")
        assert "\n" not in str(caught.value)
    data[len(data) // 2] ^= 4
    with pytest.raises(ValueError, match="x: "):
        audio.decode(bytes(data), 24, "x")


def test_float_wav_is_refused():
    memory = io.BytesIO()
    soundfile.write(memory, np.zeros((10, 1)), 8000, "FLOAT", format="WAV")
    with pytest.raises(ValueError, match="not 16 or 24 bit integers"):
        audio.decode(memory.getvalue(), 24, "x")

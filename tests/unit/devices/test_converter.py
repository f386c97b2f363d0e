"""The converter: rounding, dither, clipping, and refusals."""

import numpy as np
import pytest

from usim.devices.converter import Converter
from usim.template.problem import InvalidInput
from usim.template.streams import stream

RATES = (44100, 48000, 96000, 192000)


def generator():
    return stream(0, "converter")


def test_without_dither_it_rounds_to_the_nearest_step():
    converter = Converter(bits=16, dither=False)
    x = np.array([[0.0, 0.4, 0.6, -0.6, 100.2]]) / 2**15
    samples, clipped = converter.encode(x, generator())
    assert samples.tolist() == [[0, 0, 1, -1, 100]]
    assert samples.dtype == np.int32
    assert clipped == 0


def test_dither_is_triangular_and_unbiased_between_steps():
    """Total error variance of TPDF: 1/12 of rounding + 1/6 of dither = 1/4 step^2, whatever the input."""
    converter = Converter(bits=16)
    for offset in (0.0, 0.25, 0.5):
        x = np.full((1, 400_000), (7 + offset) / 2**15)
        samples, _ = converter.encode(x, generator())
        error = samples - (7 + offset)
        assert abs(np.mean(error)) < 5 * 0.5 / np.sqrt(400_000)
        assert np.var(error) == pytest.approx(0.25, rel=0.01)


def test_clipped_samples_are_counted_and_held_at_the_ends():
    converter = Converter(bits=24, dither=False)
    x = np.array([[1.0, -1.0, 1.5, -1.5, 0.999, 1.0 - 2.0**-24]])
    samples, clipped = converter.encode(x, generator())
    top = 2**23
    assert samples[0, :4].tolist() == [top - 1, -top, top - 1, -top]
    assert clipped == 4


def test_what_is_not_a_number_is_a_bug_and_not_a_sample():
    x = np.zeros((2, 100))
    x[1, 7] = np.nan
    with pytest.raises(FloatingPointError, match=r"1 samples.*\(1, 7\)"):
        Converter().encode(x, generator())


def test_encoding_leaves_its_input_alone_and_repeats():
    x = np.linspace(-0.5, 0.5, 1000).reshape(2, 500)
    kept = x.copy()
    one, _ = Converter().encode(x, generator())
    two, _ = Converter().encode(x, generator())
    assert np.array_equal(x, kept)
    assert np.array_equal(one, two)
    single, _ = Converter().encode(x.astype(np.float32), generator())
    assert np.max(np.abs(single - one)) <= 1


def test_rates_and_bits_are_those_it_has():
    converter = Converter(rates_hz=RATES)
    assert converter.at(192000, 16).pass_edge_hz == pytest.approx(0.46 * 192000)
    assert converter.at() == converter
    with pytest.raises(InvalidInput, match="44100, 48000, 96000, 192000"):
        converter.at(88200)
    with pytest.raises(InvalidInput, match="16 or 24"):
        converter.at(bits=20)


def test_the_anti_alias_filter_passes_and_stops():
    converter = Converter(rates_hz=RATES)
    gain = converter.anti_alias(np.array([0.0, 44160.0, 46080.0, 48000.0, 60000.0]))
    assert gain == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0], abs=1e-12)


def test_full_scale_is_a_sine_of_its_level():
    peak = np.sqrt(2) * 20e-6 * 10 ** (120 / 20)
    assert Converter(full_scale_db_spl=120.0).fs_per_pascal * peak == pytest.approx(1.0)

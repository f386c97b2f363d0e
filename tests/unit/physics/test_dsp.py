"""Rates and carriers: every kernel beside its twin in NumPy, and the same bytes whatever window is asked for."""

import numpy as np
import pytest

from usim.physics import dsp

RNG = np.random.default_rng(4)
RATES = [(2000, 96_000), (4000, 96_000), (8000, 96_000), (16_000, 96_000), (2000, 44_100)]
CARRIER_HZ = 32_500.0


def _signal(samples: int) -> np.ndarray:
    return RNG.standard_normal((2, samples)) + 1j * RNG.standard_normal((2, samples))


def _interpolated(row: np.ndarray, low_hz: int, high_hz: int, at: np.ndarray) -> np.ndarray:
    step, phases = dsp.ratio(low_hz, high_hz)
    base = at * step // phases
    taps = base[:, None] + np.arange(dsp.TAPS) - (dsp.TAPS // 2 - 1)
    return (row[taps] * dsp.interpolator(phases)[at * step - base * phases]).sum(axis=1)


@pytest.mark.parametrize(("low_hz", "high_hz"), RATES)
def test_interpolation_is_its_twin(low_hz, high_hz):
    signal, first = _signal(200), 40 * high_hz // low_hz + 3
    found = dsp.upsample(signal, low_hz, high_hz, first, 500)
    at = first + np.arange(500)
    expected = [_interpolated(row, low_hz, high_hz, at) for row in signal]
    np.testing.assert_allclose(found, expected, atol=1e-13)


@pytest.mark.parametrize(("low_hz", "high_hz"), RATES)
def test_a_carrier_is_put_on_as_by_its_twin(low_hz, high_hz):
    signal, first = _signal(200), 40 * high_hz // low_hz + 3
    number = first + 100 * high_hz  # whole seconds: cells of both counts coincide
    carrier_hz = 0.33 * high_hz
    out = np.ones((2, 500))
    dsp.onto_carrier(signal, low_hz, high_hz, first, carrier_hz, number, out)
    at = np.arange(500)
    turn = np.exp(2j * np.pi * ((carrier_hz / high_hz * (number + at)) % 1.0))
    expected = [
        1.0 + (_interpolated(row, low_hz, high_hz, first + at) * turn).real for row in signal
    ]
    np.testing.assert_allclose(out, expected, atol=1e-8)


@pytest.mark.parametrize(("low_hz", "high_hz"), RATES)
def test_any_window_has_the_same_bytes_on_its_carrier(low_hz, high_hz):
    signal, first = _signal(300), 40 * high_hz // low_hz
    whole, part = np.zeros((2, 1000)), np.zeros((2, 300))
    dsp.onto_carrier(signal, low_hz, high_hz, first, CARRIER_HZ, first, whole)
    dsp.onto_carrier(signal, low_hz, high_hz, first + 101, CARRIER_HZ, first + 101, part)
    assert np.array_equal(part, whole[:, 101:401])


def test_a_signal_that_is_too_short_is_refused():
    for work in (
        lambda: dsp.upsample(_signal(40), 2000, 96_000, 0, 10),
        lambda: dsp.onto_carrier(_signal(40), 2000, 96_000, 0, 32_500.0, 0, np.zeros((2, 10))),
    ):
        with pytest.raises(ValueError, match="the signal holds samples 0 to 39"):
            work()


@pytest.mark.parametrize(("low_hz", "high_hz"), RATES)
def test_an_envelope_is_taken_off_as_by_its_twin(low_hz, high_hz):
    first, count = 400, 20
    reach = dsp.reach_samples(high_hz, low_hz)
    origin = first * high_hz // low_hz - reach
    carrier_hz = 0.33 * high_hz
    x = RNG.standard_normal((2, (count + 1) * high_hz // low_hz + 2 * reach + 2))
    found = dsp.off_carrier(x, carrier_hz, high_hz, low_hz, origin, first, count)
    phases, step = dsp.ratio(low_hz, high_hz)
    weights = dsp.decimator(step, phases)
    at = (first + np.arange(count)) * step
    base = at // phases
    taps = base[:, None] + np.arange(weights.shape[1]) - (weights.shape[1] // 2 - 1)
    mixed = 2.0 * x[:, taps - origin] * np.exp(-2j * np.pi * ((carrier_hz / high_hz * taps) % 1.0))
    np.testing.assert_allclose(found, (mixed * weights[at - base * phases]).sum(axis=2), atol=1e-8)
    short = dsp.off_carrier(x.astype(np.float32), carrier_hz, high_hz, low_hz, origin, first, count)
    np.testing.assert_allclose(short, found, atol=1e-6 * np.abs(found).max())


def test_what_is_put_on_a_carrier_comes_off_it():
    low_hz, high_hz, count = 2000, 96_000, 200
    t_s = np.arange(-200, 600) / low_hz
    envelope = np.exp(2j * np.pi * 310.0 * t_s)[None] * (0.3 - 0.2j)
    reach = dsp.reach_samples(high_hz, low_hz)
    length = count * high_hz // low_hz + 2 * reach
    out = np.zeros((1, length))
    dsp.onto_carrier(envelope, low_hz, high_hz, 200 * 48 - reach, CARRIER_HZ, -reach, out)
    back = dsp.off_carrier(out, CARRIER_HZ, high_hz, low_hz, -reach, 0, count)
    np.testing.assert_allclose(back, envelope[:, 200 : 200 + count], atol=3e-5)

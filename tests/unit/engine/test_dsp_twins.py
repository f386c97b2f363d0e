"""Filters of the baseband: twins of their kernels, and what they pass and stop."""

import numpy as np
import pytest

from usim.physics import dsp


@pytest.fixture(params=range(3))
def rng(request):
    return np.random.default_rng(request.param)


def test_filtered(rng):
    signal = rng.standard_normal((3, 80)) + 1j * rng.standard_normal((3, 80))
    weights = rng.standard_normal((3, 33)) + 1j * rng.standard_normal((3, 33))
    out = np.empty((3, 48), complex)
    dsp.filtered(signal, weights, out)
    twin = [np.convolve(x, w, "valid") for x, w in zip(signal, weights, strict=True)]
    np.testing.assert_allclose(out, twin, atol=1e-12)


@pytest.mark.parametrize("phases", [2, 6, 24, 48, 441])
def test_interpolator(phases):
    """Constant stays constant; the pass band to 1e-5; images of anything within it below -100 dB."""
    weights = dsp.interpolator(phases)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-15)
    np.testing.assert_allclose(weights[0], np.arange(dsp.TAPS) == dsp.TAPS // 2 - 1, atol=1e-15)
    t = np.arange(400)
    for f in (0.05, 0.2, 0.3, 0.39):
        x = np.exp(2j * np.pi * f * t)[None]
        count = 100 * phases
        fine = dsp.upsample(x, 1, phases, 100 * phases, count)[0]
        exact = np.exp(2j * np.pi * f * (100 + np.arange(count) / phases))
        spectrum = np.abs(np.fft.fft((fine - exact) * np.blackman(count))) / np.blackman(count).sum()  # fmt: skip
        assert spectrum.max() < 1e-5  # -100 dB


def test_decimator():
    """A tone in the band kept comes out whole, one that would fold into it is gone."""
    high, low, carrier = 96000, 2000, 32500.0
    reach = dsp.reach_samples(high, low)
    n = np.arange(-reach, 200 * 48 + reach)
    for offset, kept in [(0.0, 1), (300.0, 1), (-780.0, 1), (1250.0, 0), (-2300.0, 0), (9000.0, 0)]:
        x = np.cos(2 * np.pi * (((carrier + offset) / high * n) % 1.0) + 0.3)[None]
        found = dsp.off_carrier(x, carrier, high, low, -reach, 0, 200)[0]
        wanted = kept * np.exp(1j * (2 * np.pi * offset * np.arange(200) / low + 0.3))
        assert np.abs(found - wanted).max() < 3e-5


def test_short_filter(rng):
    """A smooth response with delay is met to 1e-6 in the band, exactly at its middle."""
    offset = np.linspace(-0.42, 0.42, 81)
    q = rng.uniform(0.5, 3)
    wanted = (1 + 0.3 * offset) / (1 + 1j * q * 0.05 * offset) * np.exp(-2j * np.pi * 0.2 * offset)
    weights = dsp.short_filter(wanted, offset, 33)
    lag = np.arange(33) - 16
    response = lambda f: np.exp(-2j * np.pi * np.outer(f, lag)) @ weights  # noqa: E731
    assert np.abs(response(offset) - wanted).max() < 2e-3
    middle = np.abs(offset) < 0.35
    assert np.abs(response(offset) - wanted)[middle].max() < 5e-4
    assert weights.sum() == pytest.approx(wanted[40], abs=1e-14)


def test_going_down_in_rate_keeps_every_nth():
    x = np.arange(40.0)[None] + 0j
    np.testing.assert_array_equal(dsp.at_rate(x, 8000, 2000, 0.0, 2, 5)[0], [8, 12, 16, 20, 24])
    np.testing.assert_array_equal(dsp.at_rate(x, 2000, 2000, -0.001, 1, 3)[0], [3, 4, 5])

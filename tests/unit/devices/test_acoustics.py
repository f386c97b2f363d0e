"""Loudspeaker and microphone responses: causal, smooth in angle, resonances where they should be."""

import numpy as np
import pytest
from numpy.polynomial import chebyshev

from usim.devices import loudspeaker, microphone, profile
from usim.devices.baffle import Baffle, shadow
from usim.devices.loudspeaker import Breakup, Driver, Radiator, Response
from usim.devices.microphone import Capsule, Port, SelfNoise
from usim.devices.unit import Unit

DRIVER = Driver(
    name="main",
    position_m=(0.0, 0.0, 0.0),
    response=Response(
        fall_hz=12e3,
        breakups=(
            Breakup(name="a", frequency_hz=30e3, q=8.0, gain_db=6.0),
            Breakup(name="b", frequency_hz=36e3, q=10.0, gain_db=-9.0),
        ),
    ),
)


def impulse(values: np.ndarray, count: int) -> np.ndarray:
    return np.fft.irfft(values, count)


def test_the_driver_is_causal_and_minimum_phase():
    """Phase equals the Hilbert transform of log magnitude. Sampled to 3 MHz so that what is cut off is small."""
    count, rate = 1 << 16, 6e6
    f = np.arange(count // 2 + 1) * rate / count
    h = loudspeaker.response(DRIVER, f)
    wave = impulse(h, count)
    early = np.sum(wave[count // 2 :] ** 2) / np.sum(wave**2)
    assert early < 1e-6
    cepstrum = np.fft.irfft(np.log(np.abs(h)), count)
    fold = np.zeros(count)
    fold[0], fold[count // 2] = 1.0, 1.0
    fold[1 : count // 2] = 2.0
    phase = np.fft.rfft(cepstrum * fold).imag
    band = (f > 20e3) & (f < 45e3)
    assert np.max(np.abs(np.unwrap(np.angle(h))[band] - phase[band])) < 0.05


def test_breakups_stand_at_their_frequency_and_gain():
    flat = DRIVER.model_copy(update={"response": Response(fall_hz=12e3)})
    for mode in DRIVER.response.breakups:
        one = DRIVER.model_copy(update={"response": Response(fall_hz=12e3, breakups=(mode,))})
        gain = loudspeaker.response(one, mode.frequency_hz)
        gain = gain / loudspeaker.response(flat, mode.frequency_hz)
        assert 20 * np.log10(abs(gain)) == pytest.approx(mode.gain_db, abs=1e-9)


def test_patterns_are_polynomials_of_degree_40_in_the_cosine():
    """What engines rely on: to 1e-6 of the axis for any unit of the puck, 32-44 kHz."""
    nodes = np.cos(np.pi * (np.arange(200) + 0.5) / 200)
    fine = np.linspace(-1, 1, 1001)
    angle = np.arccos(nodes)
    basis = np.cos(np.arange(41)[:, None] * angle)
    puck = profile.load("puck_4mic")
    for serial in range(20):
        unit = Unit(puck, serial)
        for pattern in (
            lambda c, unit=unit: unit.directivity(0, c, 44e3),
            lambda c, unit=unit: unit.mic_directivity(c, 44e3).astype(complex),
        ):
            series = np.sum(basis * pattern(nodes), axis=1) * 2 / 200
            series[0] /= 2
            fit = chebyshev.chebval(fine, series.real) + 1j * chebyshev.chebval(fine, series.imag)
            assert np.max(np.abs(fit - pattern(fine))) < 1e-6


def test_a_beam_is_one_on_its_axis_and_even_in_front_of_a_free_baffle():
    ring = Radiator(
        effective_radius_m=0.008, ring_radius_m=0.015, ring_share=0.3, ring_phase_deg=100
    )
    driver = Driver(name="d", position_m=(0, 0, 0), radiator=ring)
    assert loudspeaker.directivity(driver, 1.0, 32e3) == pytest.approx(1.0)
    c = np.linspace(0, 1, 11)
    ahead, behind = (loudspeaker.directivity(driver, s * c, 32e3) for s in (1, -1))
    assert np.allclose(ahead, behind)
    shadowed = driver.model_copy(update={"baffle": Baffle(floor_db=-20.0)})
    assert abs(loudspeaker.directivity(shadowed, -1.0, 32e3)) == pytest.approx(0.1, rel=0.02)


def test_the_shadow_falls_from_one_to_its_floor():
    c = np.linspace(-1, 1, 201)
    s = shadow(Baffle(floor_db=-18.0), c)
    assert s[-1] == 1.0
    assert np.all(np.diff(s) > 0)
    assert 20 * np.log10(s[0]) == pytest.approx(-18.0, abs=0.2)
    assert np.all(shadow(None, c) == 1.0)


def test_the_port_peaks_below_its_resonance_by_q():
    capsule = Capsule(port=Port(resonance_hz=27e3, q=2.5))
    assert abs(microphone.response(capsule, 27e3)) == pytest.approx(2.5)
    assert abs(microphone.response(capsule, 10.0)) == pytest.approx(1.0, abs=1e-5)
    turn = np.angle(microphone.response(capsule, np.array([1e3, 27e3, 80e3])))
    assert turn[1] == pytest.approx(-np.pi / 2)
    assert turn[2] < -2.5


def test_a_port_given_by_its_sizes_is_the_resonance_they_make():
    sizes = Capsule(port=Port(area_m2=0.5e-6, length_m=1.3e-3, volume_m3=2e-9, q=2.0))
    assert sizes.port.tuned_hz == pytest.approx(24.0e3, abs=50)


def test_noise_rises_by_its_slope_above_its_corner():
    noise = SelfNoise(density_db_spl=-15.0, rise_hz=33e3, rise_db_octave=12.0)
    capsule = Capsule(self_noise=noise)
    level = 20 * np.log10(
        microphone.noise_density(capsule, np.array([1e3, 33e3, 330e3, 660e3])) / 20e-6
    )
    assert level[0] == pytest.approx(-15.0, abs=0.01)
    assert level[1] == pytest.approx(-15.0 + 3.01, abs=0.01)
    assert level[3] - level[2] == pytest.approx(12.0, abs=0.05)


def test_the_a_weighting_is_the_standards():
    """IEC 61672-1 table 3, nominal values."""
    f = np.array([31.62, 100.0, 1000.0, 3981.0, 10000.0])
    assert 20 * np.log10(microphone.a_weighting(f)) == pytest.approx(
        [-39.4, -19.1, 0.0, 1.0, -2.5], abs=0.06
    )

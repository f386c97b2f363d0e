"""Loudspeaker, microphones and clock against closed forms: V43-V49 of the verification cases."""

from types import SimpleNamespace

import numpy as np
import pytest

from usim.devices import array, loudspeaker, microphone, profile
from usim.devices.converter import Converter
from usim.devices.loudspeaker import Driver, Radiator
from usim.devices.unit import Unit
from usim.engine.noise import stems

C20 = 343.987

LISTENER = b"""\
usim: profile/1
name: listener
drivers: [{name: main, position_m: [0.0, 0.0, 0.0]}]
microphones:
  - {name: m1, position_m: [0.0, 0.02, 0.0]}
  - {name: m2, position_m: [0.0, -0.02, 0.0]}
capsule: {self_noise: {ein_dba: 29.0}}
"""


def listener() -> Unit:
    return Unit(profile.parse(LISTENER, "listener.yaml"))


def first_angle_deg(level_db, target_db: float) -> float:
    """The smallest angle from the axis where a falling level reaches target_db, by bisection."""
    low = 0.0
    step = 0.05
    while level_db(low + step) > target_db:
        low += step
    high = low + step
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if level_db(middle) > target_db else (low, middle)
    return low


def test_v43_piston_beam(figures):
    """Why: the beam decides which walls and bodies the tone reaches.
    Set-up: the shipped pattern of a driver with an effective radius of 12.5 mm, 32 kHz, no housing.
    Expected: -3 dB at 12.8, -6 dB at 17.6, first null at 31.6 degrees, each within 0.1.
    """
    driver = Driver(
        name="d", position_m=(0.0, 0.0, 0.0), radiator=Radiator(effective_radius_m=0.0125)
    )

    def level_db(angle_deg):
        beam = abs(loudspeaker.directivity(driver, np.cos(np.deg2rad(angle_deg)), 32e3))
        return 20 * np.log10(max(float(beam), 1e-12))

    angles = np.linspace(25.0, 40.0, 15001)
    beam = loudspeaker.directivity(driver, np.cos(np.deg2rad(angles)), 32e3).real
    null = angles[np.argmin(np.abs(beam))]
    found = [first_angle_deg(level_db, -3.0103), first_angle_deg(level_db, -6.0206), null]
    error = np.max(np.abs(np.array(found) - [12.8, 17.6, 31.6]))
    figures("V43 piston -3 dB, -6 dB, null: largest error", error, "deg", "<= 0.1")
    assert error <= 0.1


def test_v44_phase_between_microphones(figures):
    """Why: detectors with several microphones live on it, and on its ambiguity.
    Set-up: two microphones of a profile 40 mm apart, plane wave 30 degrees off broadside, 32 kHz.
    Expected: 11.690 rad within 0.001 and 58.142 us within 0.005.
    """
    mics_m = listener().mics_m
    towards = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6), 0.0])
    phase = array.plane_wave_phase_rad(mics_m, towards, 32e3, C20)
    delay_us = array.plane_wave_delay_s(mics_m, towards, C20) * 1e6
    phase_error = abs(phase[0] - phase[1] - 11.690)
    delay_error = abs(delay_us[1] - delay_us[0] - 58.142)
    figures("V44 phase between two microphones: error", phase_error, "rad", "<= 0.001")
    figures("V44 delay between two microphones: error", delay_error, "us", "<= 0.005")
    assert phase_error <= 0.001
    assert delay_error <= 0.005


def test_v45_half_wave_spacing(figures):
    """Why: any array wider than this hears every direction twice.
    Set-up: 32 and 40 kHz.
    Expected: 5.375 and 4.300 mm within 0.002.
    """
    spacing_mm = array.half_wave_spacing_m(np.array([32e3, 40e3]), C20) * 1e3
    error = np.max(np.abs(spacing_mm - [5.375, 4.300]))
    figures("V45 half-wave spacing: largest error", error, "mm", "<= 0.002")
    assert error <= 0.002


def test_v46_port_resonance(figures):
    """Why: the port's resonance sets gain and phase of every microphone at the carrier.
    Set-up: area 0.5 mm2, effective length 1.3 mm, front volume 2 mm3, as a profile's capsule gives them.
    Expected: 24.0 kHz within 0.05, and the capsule's response turned by 90 degrees there.
    """
    port = microphone.Port(area_m2=0.5e-6, length_m=1.3e-3, volume_m3=2e-9, q=2.5)
    error = abs(port.tuned_hz / 1e3 - 24.0)
    figures("V46 Helmholtz resonance: error", error, "kHz", "<= 0.05")
    assert error <= 0.05
    response = microphone.response(microphone.Capsule(port=port), port.tuned_hz)
    assert np.angle(response) == pytest.approx(-np.pi / 2)


def test_v47_density_of_a_stated_noise(figures):
    """Why: data sheets state dBA, the simulator needs a density.
    Set-up: a capsule with an equivalent input noise of 29 dBA (65 dBA below 94 dB).
    Expected: -11.96 dB SPL per root Hz within 0.1.
    """
    density = listener().noise_density(0, 32e3)
    error = abs(20 * np.log10(density / 20e-6) + 11.96)
    figures("V47 white density of 29 dBA: error", float(error), "dB", "<= 0.1")
    assert error <= 0.1


def test_v48_tone_over_self_noise(figures):
    """Why: the whole receive chain in one number: level, full scale, noise, rate.
    Set-up: 60 dB SPL at 32 kHz through a microphone's response, plus 40 s of its rendered self-noise; 1 s
    Hann frames, peak bin over the mean of 400 bins near it. 40 x 400 / 1.5 independent bins: 0.04 dB sd.
    Expected: 70.2 dB within 0.3.
    """
    unit = listener()
    device = SimpleNamespace(name="shelf", unit=unit)
    scene = SimpleNamespace(seed=0, noises=(), air=SimpleNamespace(sound_speed_m_s=C20))
    noise = stems(scene, device, range(125))["self_noise"][0].astype(np.float64)
    rate = unit.converter.rate_hz
    t = np.arange(len(noise)) / rate
    peak_pa = np.sqrt(2) * 20e-6 * 10 ** (60 / 20)
    response = unit.mic_response(0, 32e3)
    tone = peak_pa * np.real(response * np.exp(2j * np.pi * 32e3 * t))
    window = np.hanning(rate + 1)[:-1]
    power = [np.abs(np.fft.rfft(window * frame)) ** 2 for frame in (tone + noise).reshape(-1, rate)]
    mean = np.mean(power, axis=0)
    near = np.r_[32000 - 210 : 32000 - 10, 32000 + 11 : 32000 + 211]
    found = 10 * np.log10(mean[32000] / np.mean(mean[near]))
    figures("V48 60 dB tone over 29 dBA in a 1 s Hann bin", found, "dB", "70.2 +- 0.3", counts=40)
    assert abs(found - 70.2) <= 0.3


def test_v49_clock_mismatch(figures):
    """Why: two clocks turn a resting echo into a slow walker.
    Set-up: a converter whose output runs 20 ppm faster than its input; a tone commanded at 32 kHz.
    Expected: recorded 0.640 Hz too high, within 0.001; none where both share a clock, however wrong it is.
    """
    apart = Converter(dac_offset_ppm=20.0)
    shared = Converter(clock_ppm=20.0)
    error = abs(apart.apparent_hz(32e3) - 32e3 - 0.64)
    figures("V49 apparent shift by 20 ppm: error", float(error), "Hz", "<= 0.001")
    assert error <= 0.001
    assert shared.apparent_hz(32e3) == 32e3
    assert shared.true_hz(32e3) - 32e3 == pytest.approx(0.64, abs=0.001)

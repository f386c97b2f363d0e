"""What stands still sounds as its noise, and what goes back shifts the other way."""

from __future__ import annotations

import dataclasses

import numpy as np
from free_field import LEAD_S, NAME, ball, heard

import usim
from usim.devices.unit import Unit
from usim.engine.baseband import envelopes
from usim.scene.template import from_table


def test_s3_a_still_scene_is_its_noise(figures):
    """Why: a detector in an empty room must hear nothing but the noise of its microphones.
    Set-up: S3, an empty room with its tail, a nominal `puck_4mic` without noises of the room and with perfect clocks, 20 s at 32.5 kHz. Power of the baseband from 1 to
    600 Hz on either side of the carrier, against twice the square of the microphone's noise density (one-sided, met over the band) in full scale.
    Expected: 0.1 dB.
    """
    scene = from_table(
        {
            "usim": "scene/1", "title": "nobody", "duration_s": 20.0, "render": {"baseband_rate_hz": 2000},
            "room": {"kind": "box", "size_m": [5.2, 4.1, 2.6], "surfaces": {"walls": "plaster_painted", "floor": "carpet_loop", "ceiling": "plaster_painted"}},
            "devices": [{"name": "puck", "profile": "puck_4mic", "position_m": [0.5, 2.0, 0.9], "yaw_deg": 0,
                         "emits": {"kind": "tones", "carriers_hz": [32500], "level_db_spl": 72}}],
        }
    ).sample()  # fmt: skip
    device = scene.devices[0]
    unit = Unit(device.unit.profile, device.unit.serial)
    still = {"clock_ppm": 0.0, "dac_offset_ppm": 0.0, "jitter_s": 0.0}
    unit.__dict__["converter"] = unit.converter.model_copy(update=still)
    scene = dataclasses.replace(scene, devices=(dataclasses.replace(device, unit=unit),))
    z = usim.simulate(scene, keep=("baseband",)).observation.baseband.samples[:, 0].astype(complex)
    count = z.shape[1]
    window = np.hanning(count)
    power = np.abs(np.fft.fft(z * window, axis=1)) ** 2 / (2000.0 * (window**2).sum())  # per Hz
    f = np.fft.fftfreq(count, 1.0 / 2000.0)
    around = (np.abs(f) > 1.0) & (np.abs(f) < 600.0)
    worst = 0.0
    for mic, row in enumerate(power):
        at = 32500.0 + f[around]
        density = unit.noise_density(mic, at) * np.abs(unit.mic_response(mic, at)) * np.abs(unit.converter.anti_alias(at))  # fmt: skip
        worst = max(worst, abs(10.0 * np.log10(row[around].mean() / (2.0 * density**2).mean())))
    figures("S3 a still scene re its noise, beyond 1 Hz", worst, "dB", "<= 0.1")
    assert worst <= 0.1


def test_s5_what_is_reversed_shifts_the_other_way(figures):
    """Why: nothing but the motion sets the sign of a shift.
    Set-up: S5, a ball that passes at 1.4 m/s, and the same way gone back. Instant frequency of one at t, of the other at the end less t.
    Expected: they cancel to first order in v/c: what is left is at most 4.2 (v/c)^2 of the carrier, and straight ahead 4 (v/c)^2 to 0.1 Hz.
    """
    v, long_s = 1.4, 1.0
    for name, start, velocity in (
        ("ahead", [4.0, 0.025, 0.0], [-v, 0.0, 0.0]),
        ("past", [1.5, -0.7, 0.3], [0.0, v, 0.0]),
    ):
        start, velocity = np.array(start), np.array(velocity)
        shifts = []
        for first, way in ((start, velocity), (start + velocity * long_s, -velocity)):
            scene = ball(first, way, long_s)
            paths = heard(scene, long_s)
            z = envelopes(paths, paths.device.unit)[f"mover.{NAME}"][0, 0]
            before = (len(z) - paths.samples) // 2
            turned = np.unwrap(np.angle(z[before : before + paths.samples]))
            shifts.append(np.gradient(turned) * paths.rate_hz / (2.0 * np.pi))
            t = (paths.start + np.arange(paths.samples)) / paths.rate_hz - LEAD_S
        c = scene.air.sound_speed_m_s
        # the pose of time t is heard later by the way back, in both
        late = np.linalg.norm(start + np.multiply.outer(t, velocity), axis=1) / c
        there = np.linalg.norm(start + velocity * long_s - np.multiply.outer(t, velocity), axis=1) / c  # fmt: skip
        at = np.linspace(0.1, 0.9, 81)
        forth = np.interp(at, t - late, shifts[0])
        back = np.interp(long_s - at, t - there, shifts[1])
        square = 32000.0 * (v / c) ** 2
        left = forth + back
        figures(
            f"S5 {name}: shift and its mirror image, sum",
            np.abs(left).max() / square,
            "(v/c)^2 f",
            "<= 4.2",
        )
        assert np.abs(forth).max() > 50.0 * square
        assert np.abs(left).max() <= 4.2 * square
        if name == "ahead":
            error = np.abs(left - 4.0 * square).max()
            figures("S5 ahead: against 4 (v/c)^2 f", error, "Hz", "<= 0.1")
            assert error <= 0.1

"""A device that hears another: against `exact`, against closed forms of beat and level, and what each is told of the other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import usim
from usim.devices.unit import Unit
from usim.engine import exact
from usim.engine.baseband import envelopes
from usim.engine.overheard import BEFORE
from usim.engine.simulate import echo, trace
from usim.physics.dsp import off_carrier
from usim.scene.template import from_table

OWN_HZ, OTHER_HZ, LEVEL = 32500.0, 32610.0, 80.0


def all_over(surface: dict) -> dict:
    """Return a box's surfaces that are all the same."""
    return {side: surface for side in ("floor", "ceiling", "walls")}


def made(other: dict | None = None, moving: bool = False, room: dict | None = None, **own):
    """Return a room with a device that listens, another across it, and a ball that rolls past where asked."""
    walls = {"kind": "hard", "absorption": 0.3, "angle_dependent": False}
    tone = {"kind": "tones", "carriers_hz": [OWN_HZ], "level_db_spl": LEVEL}
    table = {
        "usim": "scene/1", "title": "two devices", "duration_s": 1.0,
        "render": {"baseband_rate_hz": 2000, "quality": "fine"},
        "room": room or {"kind": "box", "size_m": [5.2, 4.1, 2.6], "surfaces": all_over(walls)},
        "devices": [
            {"name": "here", "profile": "ideal", "position_m": [0.7, 1.9, 0.85], "yaw_deg": 25, "emits": tone} | own,
            {"name": "there", "profile": "ideal", "position_m": [4.1, 2.7, 1.3], "yaw_deg": 160,
             "listens": False, "emits": tone | {"carriers_hz": [OTHER_HZ]}} | (other or {}),
        ],
    }  # fmt: skip
    if moving:
        table["movers"] = [
            {"kind": "sphere", "name": "ball", "radius_m": 0.15, "surface": "smooth_rigid",
             "track": {"at_s": [0.0, 1.0], "through_m": [[2.0, 2.9, 1.2], [2.9, 3.3, 1.0]]}}
        ]  # fmt: skip
    return from_table(table).sample(seed=5)


def db(x) -> float:
    return float(10.0 * np.log10(np.mean(np.abs(x) ** 2)))


@pytest.mark.parametrize("moving", [False, True])
def test_another_devices_tone_is_that_of_the_judge(moving, figures):
    """Why: another unit's tone, and movers it lights, are what a product meets in a home with two.
    Set-up: two devices in a box, standing paths alone and with a ball that passes; windows of 50 ms, order 3; `exact` asked for one device's
    tone at the other's microphone.
    Expected: standing paths agree to -110 dB; the ball's echo to -60 dB (`fine`).
    """
    scene = made(moving=moving)
    (found,) = trace(scene, window=(0.4, 0.45), device="here", tail=False).others
    got = envelopes(found, found.device.unit)
    times = (found.start - BEFORE + np.arange(found.samples + 2 * BEFORE)) / found.rate_hz
    want = exact.tone_response(
        scene, 0, times, device=0, emitter=1, order=3, per="mover", shadows=moving
    )
    if not moving:
        error = db(got["direct"] + got["static"] - want[0]) - db(want[0])
        figures("another device's standing paths against the judge", error, "dB", "<= -110")
        assert error <= -110.0
        return
    error = db(got["mover.ball"][0, 0] - want[1]) - db(want[1])
    figures("a ball lit by another device against the judge", error, "dB", "<= -60")
    assert error <= -60.0


def test_beams_and_shadows_of_both_units_are_those_of_the_judge(figures):
    """Why: what one product hears of another depends on the sender's beam and on the listener's housing.
    Set-up: two drawn units of `puck_4mic`, both clocks right, four microphones, a ball that passes.
    Expected: standing paths agree with `exact` to -110 dB, the ball's echo to -60 dB (`fine`).
    """
    puck = {"profile": "puck_4mic", "unit": 7}
    scene = clocked(made(puck, moving=True, **(puck | {"unit": 1234})), {}, {})
    (found,) = trace(scene, window=(0.4, 0.41), device="here", tail=False).others
    got = envelopes(found, found.device.unit)
    times = (found.start - BEFORE + np.arange(found.samples + 2 * BEFORE)) / found.rate_hz
    worst = [-300.0, -300.0]
    for mic in (0, 3):
        want = exact.tone_response(
            scene, 0, times, device=0, mic=mic, emitter=1, order=3, per="mover", shadows=True
        )
        have = (got["direct"] + got["static"])[mic, 0], got["mover.ball"][mic, 0]
        worst = [
            max(w, db(h - x) - db(x)) for w, h, x in zip(worst, have, want, strict=True)
        ]  # fmt: skip
    figures("another product's standing paths against the judge", worst[0], "dB", "<= -110")
    figures("a ball lit by another product against the judge", worst[1], "dB", "<= -60")
    assert worst[0] <= -110.0
    assert worst[1] <= -60.0


def test_one_that_is_silent_hears_and_truth_is_each_listeners_own():
    """Why: a device that only listens is a product too, and ranges are from the one that listens.
    Set-up: two devices that listen, of which one is silent, and a ball.
    Expected: the silent one's audio is the other's stem but for rounding; ranges are each device's own, labels the same.
    """
    scene = made({"listens": True}, moving=True, emits=None)
    both = usim.simulate(scene, "draft", (0.4, 0.6), keep=("audio", "stems", "truth"))
    stem = both["here"].truth.stems["device.there"]
    assert np.abs(stem).max() > 1e-5
    assert np.abs(both["here"].observation.audio / 2.0**23 - stem).max() <= 2.0 * 2.0**-23
    assert both["here"].observation.baseband is None
    assert "device.here" not in both["there"].truth.stems
    truths = [both[device.name].truth for device in scene.devices]
    ball = scene.movers[0].at(truths[0].t_s + 0.4).position_m[:, 0]
    for device, truth in zip(scene.devices, truths, strict=True):
        away = np.linalg.norm(ball - device.position_m, axis=1) - 0.15
        assert truth.range_m[:, 0] == pytest.approx(away, abs=1e-3)
    assert truths[0].labels == truths[1].labels


def test_v49_two_clocks_beat(figures):
    """Why: two clocks turn what stands still into a slow walker; two units of the same tone are never on the same tone.
    Set-up: 32 kHz, 1 s.  A device whose output runs 20 ppm faster than its input, hearing itself; two devices, the other's clock 20 ppm
    fast, the phase of what comes from the other.
    Expected: 0.640 Hz, within 0.001; none where both devices' clocks are 20 ppm fast.
    """
    tone = {"kind": "tones", "carriers_hz": [32e3], "level_db_spl": LEVEL}
    scene = made({"emits": tone}, emits=tone)
    for name, stem, found in (
        ("own output against own input", "static", clocked(scene, {"dac_offset_ppm": 20.0}, {})),
        ("two devices", "device.there", clocked(scene, {}, {"clock_ppm": 20.0})),
    ):
        error = abs(beat(found, stem) - 0.64)
        figures(f"V49 beat of clocks 20 ppm apart, {name}: error", error, "Hz", "<= 0.001")
        assert error <= 0.001
    together = clocked(scene, {"clock_ppm": 20.0}, {"clock_ppm": 20.0})
    assert abs(beat(together, "device.there")) < 1e-6
    assert abs(beat(together, "static")) < 1e-6


def clocked(scene, *clocks: dict):
    """Return the scene with units whose clocks are right but for what is said."""
    devices = []
    for device, clock in zip(scene.devices, clocks, strict=True):
        unit = Unit(device.unit.profile, device.unit.serial)
        right = {"clock_ppm": 0.0, "dac_offset_ppm": 0.0}
        unit.__dict__["converter"] = unit.converter.model_copy(update=right | clock)
        devices.append(dataclasses.replace(device, unit=unit))
    return dataclasses.replace(scene, devices=tuple(devices))


def beat(scene, stem: str) -> float:
    """Return the frequency in Hz, re 32 kHz of the listener's clock, of what a stem holds."""
    recording = usim.simulate(scene, device="here", keep=("baseband", "stems", "truth"))
    there = recording.truth.stems[stem]
    reach = 2000
    z = off_carrier(there, 32e3, 96000, 2000, 0, reach // 48, 1900)[0]
    turned = np.unwrap(np.angle(z))
    t = np.arange(len(z)) / 2000
    return float(np.polyfit(t, turned, 1)[0] / (2.0 * np.pi))


def test_a_carrier_within_the_band_beats_in_the_baseband_and_one_outside_does_not(figures):
    """Why: what a product must tell from an echo lies at the difference of two carriers.
    Set-up: the other's carrier 110 Hz above the own one, and 5 kHz above.
    Expected: a line at +110 Hz as strong as the judge's sum over images, 0.01 dB; with 5 kHz none in the baseband (-90 dB), and the
    waveform holds it on its own carrier, 0.01 dB.
    """
    tone = {"kind": "tones", "carriers_hz": [OWN_HZ + 5000.0], "level_db_spl": LEVEL}
    for scene, f in ((made(), OTHER_HZ), (made({"emits": tone}), OWN_HZ + 5000.0)):
        want = abs(exact.tone_response(scene, 0, np.zeros(1), device=0, emitter=1, order=3)[0])
        recording = usim.simulate(
            scene, device="here", keep=("audio", "baseband", "stems"), tail=False
        )
        z = recording.observation.baseband.samples[0, 0].astype(complex)
        t = np.arange(len(z)) / 2000
        line = abs(np.mean((z - z.mean()) * np.exp(-2j * np.pi * (f - OWN_HZ) * t)))
        wave = recording.truth.stems["device.there"][0]
        tone = abs(2 * np.mean(wave * np.exp(-2j * np.pi * f * np.arange(len(wave)) / 96000)))
        error = abs(20 * np.log10(tone / want))
        figures(f"another's tone at {f / 1e3:g} kHz in the waveform: error", error, "dB", "<= 0.01")
        assert error <= 0.01
        if f == OTHER_HZ:
            error = abs(20 * np.log10(line / want))
            figures("another's line in the baseband: level error", error, "dB", "<= 0.01")
            assert error <= 0.01
        else:
            assert np.abs(z - z.mean()).max() <= 10 ** (-90.0 / 20.0) * want


def test_an_observation_does_not_tell_of_the_other_device():
    """Why: what a detector is given is what a product knows.
    Set-up: two devices that both listen.
    Expected: one recording each; commands name the own carrier alone; truth holds the other's stem.
    """
    scene = made({"listens": True})
    both = usim.simulate(scene, keep=("audio", "stems", "truth"), window=(0.0, 0.1))
    assert set(both) == {"here", "there"}
    for name, other, f in (("here", "there", OWN_HZ), ("there", "here", OTHER_HZ)):
        assert [c.carriers_hz for c in both[name].observation.emission] == [(f,)]
        assert f"device.{other}" in both[name].truth.stems
        assert other not in repr(both[name].observation)


def test_another_unit_in_the_listeners_place_has_its_own_ears_and_clock():
    """Why: one trace serves many units; each has its own microphones and its own crystal.
    Set-up: paths traced for one unit, echoed for another; the scene with that other unit in it.
    Expected: the same bytes, of the other device's stem too.
    """
    puck = {"profile": "puck_4mic", "unit": 7}
    first, second = (made(puck, **(puck | {"unit": unit})) for unit in (1234, 77))
    keep = ("audio", "stems")
    split = echo(trace(first, "draft", (0.0, 0.1), "here"), unit=77, keep=keep)
    fused = usim.simulate(second, "draft", (0.0, 0.1), "here", keep=keep)
    stems = [one.truth.stems["device.there"] for one in (split, fused)]
    assert np.array_equal(*stems)
    own = usim.simulate(first, "draft", (0.0, 0.1), "here", keep=keep)
    assert not np.array_equal(own.truth.stems["device.there"], stems[0])


def test_bytes_do_not_depend_on_threads():
    """Why: a recording is its scene and its seed, not the machine.
    Set-up: two devices and a ball, one thread and three.
    Expected: the same bytes.
    """
    scene = made(moving=True)
    one, three = (
        usim.simulate(scene, "draft", (0.2, 0.6), "here", threads=threads, keep=("audio",))
        for threads in (1, 3)
    )
    assert np.array_equal(one.observation.audio, three.observation.audio)


def test_the_exact_renderer_hears_the_other_too():
    """Why: the judge must judge the whole of a recording.
    Set-up: two devices, a ball, a tail; 10 ms by `exact` and by `fine`.
    Expected: the same stem to -60 dB.
    """
    scene = made(moving=True)
    window = (0.4, 0.41)
    stems = [
        echo(trace(scene, quality, window, "here"), keep=("stems",)).truth.stems["device.there"]
        for quality in ("fine", "exact")
    ]
    bare = echo(trace(scene, "fine", window, "here", tail=False), keep=("stems",))
    assert db(bare.truth.stems["device.there"] - stems[1]) - db(stems[1]) > -20.0
    assert db(stems[0] - stems[1]) - db(stems[1]) <= -60.0

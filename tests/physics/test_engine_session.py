"""A tone that is switched off in a session decays as the room does: against `exact`, and against the longest path."""

from __future__ import annotations

import dataclasses

import numpy as np

import usim
from usim.engine import exact
from usim.engine.commanded import RAMP_S
from usim.scene.template import from_table

LATENCY_S, TOLD_S, BLOCK_S = 0.03, 0.1, 0.02


def test_a_tone_switched_off_decays_as_the_room_does(figures):
    """Why: a product that listens in its own silence hears the room it has just filled.
    Set-up: an empty room of walls that reflect 0.9 of the energy, told to be silent after block 4 of 20 ms, an output 30 ms late; `exact` with a
    tone that stops at 130 ms.
    Expected: the decay agrees to -80 dB of the tone; still there within -40 dB 10 ms after, gone (-100 dB) once the longest path of images and tail, the ramp and
    the filters' 9 ms are over.
    """
    hard = {"kind": "hard", "absorption": 0.1, "angle_dependent": False}
    tone = {"kind": "tones", "carriers_hz": [32500], "level_db_spl": 80}
    scene = from_table(
        {
            "usim": "scene/1", "title": "off", "duration_s": 0.8, "render": {"baseband_rate_hz": 2000},
            "room": {"kind": "box", "size_m": [5.2, 4.1, 2.6], "surfaces": {s: hard for s in ("floor", "ceiling", "walls")}},
            "devices": [{"name": "probe", "profile": "ideal", "position_m": [0.7, 1.9, 0.85], "yaw_deg": 25, "emits": tone}],
        }
    ).sample()  # fmt: skip
    unit = scene.devices[0].unit
    unit.__dict__["converter"] = unit.converter.model_copy(update={"output_latency_s": LATENCY_S})
    run, got = usim.session(scene, BLOCK_S, keep=("baseband",)), []
    while run.block < run.blocks:
        if run.block == round(TOLD_S / BLOCK_S):
            run.command(on=False)
        got.append(run.step().baseband.samples[0, 0])
    got = np.concatenate(got)
    stops = TOLD_S + LATENCY_S
    ends = {"start_s": None, "stop_s": stops + RAMP_S, "ramp_s": RAMP_S, "steady": False}
    device = scene.devices[0]
    told = dataclasses.replace(
        device, emission=dataclasses.replace(device.emission, **ends)
    )  # fmt: skip
    scene = dataclasses.replace(scene, devices=(told,))
    t = np.arange(len(got)) / 2000
    tail = run._setting.tail.rows(unit, 0, 0)
    want = exact.tone_response(scene, 0, t, order=3, tail=tail)
    level = np.abs(want[0])
    paths = exact.static_paths(scene, order=3)

    def db(x) -> float:
        return float(20 * np.log10(max(np.abs(x).max() / level, 1e-15)))

    error = db(got - want)
    figures("decay of a tone switched off against the judge", error, "dB re the tone", "<= -80")
    assert error <= -80.0
    assert db(got[t < stops] - want[0]) <= -80.0
    assert db(got[(t > stops + RAMP_S) & (t < stops + RAMP_S + 0.01)]) >= -40.0
    over = stops + RAMP_S + max(tail["delay_s"].max(), paths["delay_s"].max()) + 0.009
    assert t[-1] > over + 0.02
    assert db(got[t > over]) <= -100.0

"""Movers that stand in the way of each other's echoes: the engine against the judge, and what it must sound like."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.signal import get_window

from usim.engine import exact
from usim.engine.baseband import envelopes
from usim.engine.hearing import BEFORE
from usim.engine.paths import listening, trace_device
from usim.engine.selection import QUALITIES
from usim.scene.template import from_table

pytestmark = pytest.mark.slow

WALLS = {"kind": "hard", "absorption": 0.4, "band_hz": [20000, 60000]}
FAR = {
    "kind": "sphere", "name": "far", "radius_m": 0.12,
    "track": {"at_s": [0, 2], "through_m": [[3.4, 1.6, 1.0], [3.0, 2.4, 1.0]], "path": "linear"},
}  # fmt: skip
NEAR = {
    "kind": "sphere", "name": "near", "radius_m": 0.15,
    "track": {"at_s": [0, 2], "through_m": [[1.8, 1.2, 1.05], [1.8, 2.8, 1.0]], "path": "linear"},
}  # fmt: skip
WALKER = {
    "kind": "person", "name": "adult", "height_m": 1.7, "clothing": "denim",
    "routine": [{"kind": "walk", "through_m": [[2.0, 0.6], [2.0, 3.4]], "speed_m_s": 1.2}],
}  # fmt: skip


def scene_of(*movers, duration_s=2.0):
    return from_table(
        {
            "usim": "scene/1",
            "title": "one behind the other",
            "duration_s": duration_s,
            "room": {"kind": "box", "size_m": [5.0, 4.0, 2.6], "surfaces": {"floor": WALLS, "ceiling": WALLS, "walls": WALLS}},
            "air": {"temperature_c": 20.0, "humidity_percent": 50.0},
            "devices": [{
                "name": "probe", "profile": "ideal", "position_m": [0.5, 2.0, 1.0], "yaw_deg": 0,
                "emits": {"kind": "tones", "carriers_hz": [32000.0], "level_db_spl": 80},
            }],
            "movers": list(movers),
        }
    ).sample()  # fmt: skip


def heard(scene, start_s, duration_s, name="far", quality="fine", order=1):
    """Paths over a window, and a mover's envelope (sample,) in FS."""
    rate = scene.baseband_rate_hz
    made = dataclasses.replace(QUALITIES[quality], order=order)
    paths = trace_device(scene, listening(scene), made, round(start_s * rate), round(duration_s * rate))  # fmt: skip
    return paths, envelopes(paths, paths.device.unit)[f"mover.{name}"][0, 0, BEFORE:-BEFORE]


@pytest.mark.parametrize("start_s", [0.9, 1.0, 1.1])
def test_a_sphere_behind_a_sphere_against_the_judge(start_s, figures):
    """Why: a person behind another is fainter, and the judge knows by how much. Set-up: a sphere passes before another, all first reflections of a box.
    Expected: -40 dB of the judge in windows of 50 ms; more than 6 dB below the same sphere alone in the middle of it."""
    scene = scene_of(FAR, NEAR)
    paths, got = heard(scene, start_s, 0.05)
    some = np.linspace(0, len(got) - 1, 9).astype(int)
    times = (paths.start + some) / paths.rate_hz
    judge = exact.tone_response(scene, 0, times, order=1, static=False, movers=("far",))
    value = 10.0 * np.log10((abs(got[some] - judge) ** 2).mean() / (abs(judge) ** 2).mean())
    figures(f"a sphere behind a sphere against exact, {start_s:g} s", value, "dB", "<= -40")
    assert value <= -40.0


def test_it_is_fainter_and_does_not_click(figures):
    """Why: a step would be a false motion. Set-up: the sphere behind, with and without the one before it, free field, 1.6 s.
    Expected: down by more than 6 dB while the other passes, the same to 1 % before and after; in frames of 128 ms no line beyond 1.2 times the fastest
    Doppler above -80 dB of the strongest."""
    _, alone = heard(scene_of(FAR), 0.2, 1.6, quality="standard", order=0)
    paths, behind = heard(scene_of(FAR, NEAR), 0.2, 1.6, quality="standard", order=0)
    share = abs(behind) / abs(alone)
    figures("a sphere behind a sphere: deepest", 20.0 * np.log10(share.min()), "dB", "< -6")
    assert share.min() < 0.5
    assert share[: len(share) // 20] == pytest.approx(1.0, abs=0.01)
    size = round(0.128 * paths.rate_hz)
    taper = get_window("blackmanharris", size)
    frames = np.lib.stride_tricks.sliding_window_view(behind, size)[:: size // 2] * taper
    power = abs(np.fft.fft(frames, axis=1)) ** 2
    f = abs(np.fft.fftfreq(size, 1.0 / paths.rate_hz))
    value = 10.0 * np.log10(power[:, f > 1.2 * 2.0 * 0.9 / 343.0 * 32000.0 + 60.0].max() / power.max())  # fmt: skip
    figures("a sphere behind a sphere: lines beyond its Doppler", value, "dB", "<= -80")
    assert value <= -80.0


def test_a_walker_hides_a_sphere(figures):
    """Why: sixteen limbs pass before what is behind. Set-up: a walker crosses between device and sphere. Expected: the judge to -40 dB over 50 ms."""
    scene = scene_of(FAR | {"track": {"at_s": [0, 2], "through_m": [[3.4, 1.8, 1.0], [3.2, 2.2, 1.1]], "path": "linear"}}, WALKER)  # fmt: skip
    t = np.arange(0.4, 2.0, 0.05)
    place = scene.movers[1].at(t).position_m.mean(axis=1)
    start_s = float(t[np.argmin(abs(place[:, 1] - 2.0))])
    paths, got = heard(scene, start_s, 0.05, order=0)
    some = np.linspace(0, len(got) - 1, 5).astype(int)
    times = (paths.start + some) / paths.rate_hz
    judge = exact.tone_response(scene, 0, times, order=0, static=False, movers=("far",))
    value = 10.0 * np.log10((abs(got[some] - judge) ** 2).mean() / (abs(judge) ** 2).mean())
    figures("a sphere behind a walker against exact", value, "dB", "<= -40")
    assert value <= -40.0

"""Cylinders and panels that move, through the engine, against `exact`."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from usim.engine import exact
from usim.engine.baseband import envelopes
from usim.engine.paths import listening, trace_device
from usim.engine.selection import QUALITIES
from usim.scene.template import from_table

pytestmark = pytest.mark.slow

RIGID = {"kind": "hard", "absorption": 0.0, "angle_dependent": False, "band_hz": [20000, 60000]}
DEVICE_M = [0.6, 2.2, 1.2]
SWUNG = {"axis": [0.0, 1.0, 0.0], "at_s": [0.0, 1.0], "angle_deg": [-15, 15]}
MOVERS = {
    "pillar": {
        "kind": "cylinder",
        "radius_m": 0.15,
        "length_m": 1.0,
        "track": {"at_s": [0.0, 1.0], "through_m": [[3.0, 1.6, 1.1], [1.9, 2.2, 1.3]]},
    },
    "robot": {
        "kind": "cylinder",
        "radius_m": 0.17,
        "length_m": 0.09,
        "surface": {"kind": "hard", "absorption": 0.3, "band_hz": [20000, 60000]},
        "track": {"at_s": [0.0, 1.0], "through_m": [[3.0, 1.6, 0.9], [2.6, 2.0, 0.9]]},
    },
    "baton": {
        "kind": "cylinder",
        "radius_m": 0.02,
        "length_m": 0.6,
        "track": {"at_s": [0.0, 1.0], "through_m": [[2.3, 2.0, 1.0], [2.0, 2.2, 1.3]]},
        "turning": {**SWUNG, "angle_deg": [-60, 60]},
    },
    "tray": {
        "kind": "panel",
        "size_m": [0.4, 0.3],
        "track": {"at_s": [0.0, 1.0], "through_m": [[2.6, 2.2, 1.3], [2.2, 2.1, 1.2]]},
        "turned": {"axis": [0.0, 0.0, 1.0], "angle_deg": 170},
        "turning": SWUNG,
    },
    "drawer": {
        "kind": "panel",
        "size_m": [0.5, 0.2],
        "heard": "front",
        "track": {"at_s": [0.0, 1.0], "through_m": [[2.6, 2.2, 1.3], [2.2, 2.1, 1.2]]},
        "turned": {"axis": [0.0, 0.0, 1.0], "angle_deg": 183},
        "turning": SWUNG,
    },
    "door": {
        "kind": "panel",
        "size_m": [0.8, 1.2],
        "held": "edge",
        "track": {"at_s": [0.0], "through_m": [[2.6, 2.4, 1.1]]},
        "turned": {"axis": [0.0, 0.0, 1.0], "angle_deg": 160},
        "turning": {"axis": [0.0, 0.0, 1.0], "at_s": [0.0, 1.0], "angle_deg": [-15, 40]},
    },
}


def scene(name, walls=RIGID):
    """A box with one mover of the table and the device `ideal`."""
    device = {
        "name": "probe",
        "profile": "ideal",
        "position_m": DEVICE_M,
        "yaw_deg": 0,
        "emits": {"kind": "tones", "carriers_hz": [32000.0], "level_db_spl": 80},
    }
    return from_table(
        {
            "usim": "scene/1",
            "title": name,
            "duration_s": 2.0,
            "room": {
                "kind": "box",
                "size_m": [5.2, 4.1, 2.6],
                "surfaces": {"floor": walls, "ceiling": walls, "walls": walls},
            },
            "air": {"temperature_c": 20.0, "humidity_percent": 50.0},
            "devices": [device],
            "movers": [{"name": name, "surface": RIGID, **MOVERS[name]}],
        }
    ).sample()


def heard(made, start_s, duration_s, quality="standard", order=0):
    """Paths over a window, with images to an order."""
    rate = made.baseband_rate_hz
    how = dataclasses.replace(QUALITIES[quality], order=order)
    first, count = round(start_s * rate), round(duration_s * rate)
    return trace_device(made, listening(made), how, first, count, apart=True)


def residual_db(paths, mic=0):
    """Energy of what the resolved pairs differ by from `exact` over their own."""
    (echo,) = paths.echoes
    plain = dataclasses.replace(echo, tones=echo.tones - echo.texture)
    found = envelopes(dataclasses.replace(paths, echoes=(plain,)), paths.device.unit)
    found = found[f"mover.{echo.mover}"][mic, 0]
    before = (len(found) - paths.samples) // 2
    found = found[before : before + paths.samples]
    (pairs,) = {one.chosen.pairs[one.chosen.group == 0][:, :2].tobytes() for one in echo.epochs}
    i, j = np.frombuffer(pairs, np.int64).reshape(-1, 2).T
    images = np.stack([paths.legs.sources[0][i], paths.legs.targets[j, mic]], axis=1)
    t_s = (paths.start + np.arange(paths.samples)) / paths.rate_hz
    judged = exact.tone_response(
        paths.scene, 0, t_s, mic=mic, pairs={(echo.mover, 0): images}, static=False, poses="fit"
    )
    return float(
        10.0 * np.log10((np.abs(found - judged) ** 2).sum() / (np.abs(judged) ** 2).sum() + 1e-30)
    )


@pytest.mark.parametrize("name", MOVERS)
def test_against_exact(name, figures):
    """Why: the judge integrates over the piece point by point, the engine has a closed form by cells.
    Set-up: cylinders that go and swing, panels that go and swing, 1-3 m from device `ideal`, free field, one microphone, 50 ms,
    resolved pairs of `standard`; the judge for the same pairs.
    Expected: residual energy over echo energy <= -40 dB.
    """
    paths = heard(scene(name), 0.5, 0.05)
    assert paths.echoes[0].missed == 0
    value = residual_db(paths)
    figures(f"{name} against exact, standard", value, "dB", "<= -40")
    assert value <= -40.0

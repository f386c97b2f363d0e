"""Rooms on which pyroomacoustics was reported to hang or to return no path at all; usim finds its images by itself and must survive them."""

import time

import numpy as np
import pytest

from usim.engine.legs import legs
from usim.engine.paths import listening
from usim.engine.simulate import simulate
from usim.scene.template import parse

SCENE = """
usim: scene/1
title: A room of another shape
duration_s: 0.2
seed: 1
room:
  kind: polygon
  corners_m: {corners}
  height_m: 2.4
  surfaces: {{floor: carpet_loop, ceiling: plaster_painted, walls: drywall_painted}}
devices:
  - {{name: puck, profile: puck_4mic, unit: nominal, position_m: {at}, emits: {{kind: tones, carriers_hz: [32500], level_db_spl: 72}}}}
"""
L_ROOM = [[0, 0], [6, 0], [6, 2], [2, 2], [2, 6], [0, 6]]


def scene(corners, at):
    return parse(SCENE.format(corners=corners, at=at).encode()).sample()


@pytest.mark.parametrize("shift_m", [0.0, 1e-4, 0.5])
def test_an_l_shaped_room(shift_m):
    """pyroomacoustics #383: ray tracing hangs in an L-shaped room, where a path meets the inner corner.

    Expected: images within seconds, also where device, corner and wall lie in one line.
    """
    began = time.process_time()
    one = scene(L_ROOM, [2.0 - shift_m, 1.0, 1.0])
    found = legs(one, listening(one), 3)
    assert time.process_time() - began < 60.0
    assert found.maps.order[0] == 0
    assert len(found) > 30


def test_a_device_that_sees_few_walls():
    """pyroomacoustics #441: no visible path at all between two ends, and an error deep inside.

    Expected: a device at the end of a crooked corridor has fewer images than in the open, and its recording is finite.
    """
    corridor = [[0, 0], [5, 0], [5, 4], [1.2, 4], [1.2, 2.8], [3.8, 2.8], [3.8, 1.2], [0, 1.2]]
    one = scene(corridor, [1.5, 3.4, 1.0])
    recording = simulate(one, keep=("baseband",))
    found = recording.observation.baseband.samples
    assert np.isfinite(found).all()
    assert np.abs(found).max() > 0.0

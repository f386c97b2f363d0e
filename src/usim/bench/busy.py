"""The workload `busy`: two adults and a fan in a polygon, seven microphones at 192 kHz, order 3, quality `standard`, on one core.

A stand-in: the driver is linear, and there is neither a curtain nor music.  `busy.yaml` is its scene and `array_7mic.yaml` its device.
It takes several times longer than it sounds, so a run renders at most STRETCH_S.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from time import process_time

from usim.bench.machine import Row, one_core
from usim.bench.rendering import rendered
from usim.engine.simulate import simulate
from usim.scene import load
from usim.scene.scene import Scene

STRETCH_S = 2.0


def busy_scene(duration_s: float = STRETCH_S) -> Scene:
    """Return the scene of the workload, of some duration in s."""
    found = load(str(Path(__file__).with_name("busy.yaml"))).sample()
    return dataclasses.replace(found, duration_s=duration_s)


def _alone(scene: Scene) -> dict[str, float]:
    """Return the processor time in s that a second of the scene's baseband takes with each mover alone, and with none."""
    took = {}
    with one_core():
        for movers in (*((one,) for one in scene.movers), ()):
            start = process_time()
            simulate(dataclasses.replace(scene, movers=movers), keep=("baseband",))
            name = movers[0].name if movers else "nobody"
            took[name] = (process_time() - start) / scene.duration_s
    return took


def measured(runs: int, duration_s: float) -> Row:
    """Return the row of the workload: times real time, peak memory, parts in s, and what each mover costs alone."""
    scene = busy_scene(min(duration_s, STRETCH_S))
    row = rendered(scene, runs, ("busy", "busy_scene"))
    return row | {
        "alone": _alone(scene),
        "says": "two adults and a fan in a polygon, 192 kHz; no curtain, no music; medians; one core, warm",
    }

"""How the cost of a trace and its echo grows with images, limbs, microphones, carriers and duration: one of them at a time.

All but `limbs` start from the scene of the workload `walk`; `limbs` are the first of the ellipsoids of `sixteen_tumblers`, as large and as fast as a body's.
Figures are processor time of one core, warm, to the baseband, medians.  The exponent is the slope of a line through log cost over log count;
beside it stands the slope of the last step alone, where less of the fixed cost is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

import numpy as np
import yaml

from usim.bench.machine import Row, one_core
from usim.bench.walk import SCENE, walk_scene
from usim.devices import profile
from usim.devices.unit import Unit
from usim.engine.paths import listening, trace_device
from usim.engine.selection import QUALITIES, Quality
from usim.engine.simulate import echo
from usim.scene import load
from usim.scene.scene import Scene

STRETCH_S = 2.0
BODY = "sixteen_tumblers"
RING_M = 0.042
ORDERS = (0, 1, 2, 3, 4, 5)
LIMBS = (1, 2, 4, 8, 16)
MICROPHONES = (1, 2, 4, 8, 16)
CARRIERS = (1, 2, 3, 4)
DURATIONS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
LOWEST_HZ, APART_HZ = (
    31_000.0,
    4_000.0,
)  # within the band for which walls are known, and bands do not overlap


@dataclass(frozen=True)
class Case:
    """A scene to trace over `stretch_s` from its start, and how far along its axis it lies."""

    count: float
    scene: Scene
    quality: Quality
    stretch_s: float = STRETCH_S

    def cost_s(self) -> float:
        """Return the processor time in s of trace and echo to the baseband."""
        start = process_time()
        samples = round(self.stretch_s * self.scene.baseband_rate_hz)
        paths = trace_device(self.scene, listening(self.scene), self.quality, 0, samples)
        echo(paths, keep=("baseband",))
        return process_time() - start


def measured(runs: int, names: Iterable[str] | None = None) -> dict[str, Row]:
    """Return {axis: {"counts", "seconds", "exponent", "last_exponent", "stretch_s", "unit"}} of the axes named, all if None.

    seconds: processor time of one core, medians over `runs`.  Turns go through all of an axis, so that a slow moment hits all alike.
    """
    rows = {}
    with one_core():
        for name in AXES if names is None else names:
            cases = AXES[name]()
            cases[-1].cost_s()  # warm
            turns = np.array([[case.cost_s() for case in cases] for _ in range(runs)])
            counts = [case.count for case in cases]
            seconds = np.median(turns, axis=0).tolist()
            rows[name] = {
                "counts": counts,
                "seconds": seconds,
                "exponent": exponent(counts, seconds),
                "last_exponent": exponent(counts[-2:], seconds[-2:]),
                "stretch_s": None if name == "duration" else STRETCH_S,
                "unit": "s" if name == "duration" else "",
                "runs": runs,
            }
    return rows


def exponent(counts: list[float], seconds: list[float]) -> float:
    """Return the slope of the least-squares line through log seconds over log counts."""
    return float(np.polyfit(np.log(counts), np.log(seconds), 1)[0])


def _images() -> list[Case]:
    scene = walk_scene(STRETCH_S)
    cases = []
    for order in ORDERS:
        quality = replace(QUALITIES["standard"], order=order)
        count = len(trace_device(scene, listening(scene), quality, 0, 1).legs.maps)
        cases.append(Case(count, scene, quality))
    return cases


def _limbs() -> list[Case]:
    body = load(BODY).sample()
    return [
        Case(n, replace(body, movers=body.movers[:n], duration_s=STRETCH_S), QUALITIES["standard"])
        for n in LIMBS
    ]


def _microphones() -> list[Case]:
    scene = walk_scene(STRETCH_S)
    (device,) = scene.devices
    return [
        Case(n, replace(scene, devices=(replace(device, unit=ringed(n)),)), QUALITIES["standard"])
        for n in MICROPHONES
    ]


def ringed(mics: int) -> Unit:
    """Return a unit of the array of the workload `busy` with another number of microphones on its ring."""
    table = yaml.safe_load(Path(__file__).with_name("array_7mic.yaml").read_text(encoding="utf-8"))
    turns = 2.0 * np.pi * np.arange(mics) / mics
    table["microphones"] = [
        {
            "name": f"ring_{n + 1}",
            "position_m": [
                round(float(RING_M * np.cos(turn)), 6),
                round(float(RING_M * np.sin(turn)), 6),
                0.025,
            ],
            "axis": [0.0, 0.0, 1.0],
        }
        for n, turn in enumerate(turns)
    ]
    return Unit(profile.parse(yaml.safe_dump(table).encode(), "array.yaml"), 1017)


def _carriers() -> list[Case]:
    template = load(SCENE)
    cases = []
    for n in CARRIERS:
        tones = [LOWEST_HZ + APART_HZ * k for k in range(n)]
        scene = template.sample(overrides={"devices.shelf.emits.carriers_hz": tones})
        bare = replace(scene, duration_s=STRETCH_S, furniture=())
        cases.append(Case(n, bare, QUALITIES["standard"]))
    return cases


def _duration() -> list[Case]:
    scene = walk_scene(max(DURATIONS_S))
    return [Case(length, scene, QUALITIES["standard"], length) for length in DURATIONS_S]


AXES: dict[str, Callable[[], list[Case]]] = {
    "images": _images,
    "limbs": _limbs,
    "microphones": _microphones,
    "carriers": _carriers,
    "duration": _duration,
}

"""The workload `walk`: a dressed person who walks without a rest (scene `walk_around`), four microphones, one tone, order 3, quality `standard`, on one core.

The room is a bare box; `furnished` tells how much longer the same takes among the scene's furniture, `versus_pyroomacoustics` how much longer
spliced impulse responses would.  The other figures are those of every workload that renders, see `usim.bench.rendering`.
"""

from __future__ import annotations

import dataclasses

from usim.bench.machine import Row, one_core, spread, timed
from usim.bench.rendering import WARM_UP_S, rendered
from usim.bench.splicing import spliced
from usim.engine.simulate import simulate
from usim.scene import load
from usim.scene.scene import Scene

SCENE = "walk_around"


def walk_scene(duration_s: float = 10.0) -> Scene:
    """Return the scene of the workload, a bare box of some duration in s: it walks on for twice ten seconds."""
    return dataclasses.replace(load(SCENE).sample(), duration_s=duration_s, furniture=())


def measured(runs: int, duration_s: float) -> Row:
    """Return the row of the workload: times real time, peak memory, the ratio to spliced impulse responses, parts in s."""
    scene = walk_scene(duration_s)
    row = rendered(scene, runs, ("walk", "walk_scene"))
    with one_core():
        furnished = dataclasses.replace(scene, furniture=load(SCENE).sample().furniture)
        simulate(furnished, window=(0.0, min(WARM_UP_S, duration_s)), keep=("baseband",))
        among = spread([_among(scene, furnished) for _ in range(runs)])
        rival = spliced(scene)
    own = row["spread"]["baseband_s"]["median"] / duration_s
    row["spread"]["furnished"] = among
    return row | {
        "furnished": among["median"],
        "versus_pyroomacoustics": rival["seconds_per_second"] / own,
        "pyroomacoustics": rival,
        "says": "a dressed person who walks without a rest; medians; one core, warm",
    }


def _among(bare: Scene, furnished: Scene) -> float:
    """Return how many times as long the baseband takes in a furnished room, one after the other."""
    once, _ = timed(lambda: simulate(bare, keep=("baseband",)))
    again, _ = timed(lambda: simulate(furnished, keep=("baseband",)))
    return again / once

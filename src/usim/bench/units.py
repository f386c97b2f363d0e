"""The workload `units`: one trace of a room, and the recordings of many units of a product echoed from it, to the baseband, without files.

The scene is that of `walk`, with its tone.  The first unit is what somebody pays who wants one unit alone, `simulate`; a further unit is one more
`echo` of a trace made with `spread`, which serves every unit of the profile and costs somewhat more than the trace of one.
"""

from __future__ import annotations

from time import process_time

from usim.bench.machine import Row, one_core, spread
from usim.bench.rendering import WARM_UP_S
from usim.bench.walk import walk_scene
from usim.engine.simulate import echo, simulate, trace

UNITS = 100
FIRST_SERIAL = 1000


def measured(runs: int, duration_s: float) -> Row:
    """Return the row of the workload: a further unit as a share of the first, processor seconds of each, from how many units on the one trace pays."""
    scene = walk_scene(duration_s)
    warm = (0.0, min(WARM_UP_S, duration_s))
    serials = range(FIRST_SERIAL, FIRST_SERIAL + UNITS)
    with one_core():
        simulate(scene, window=warm, keep=("baseband",))
        echo(trace(scene, window=warm, spread=True), unit=serials[0], keep=("baseband",))
        alone, traced, further = [], [], []
        for _ in range(runs):
            start = process_time()
            simulate(scene, keep=("baseband",))
            alone.append(process_time() - start)
            start = process_time()
            paths = trace(scene, spread=True)
            traced.append(process_time() - start)
            start = process_time()
            for serial in serials:
                echo(paths, unit=serial, keep=("baseband",))
            further.append((process_time() - start) / len(serials))
    first_s, trace_s, further_s = spread(alone), spread(traced), spread(further)
    all_s = trace_s["median"] + len(serials) * further_s["median"]
    return {
        "further_share": further_s["median"] / first_s["median"],
        "first_s": first_s["median"],
        "trace_s": trace_s["median"],
        "further_s": further_s["median"],
        "pays_from_units": pays_from(first_s["median"], trace_s["median"], further_s["median"]),
        "times_real_time": len(serials) * duration_s / all_s,
        "spread": {"first_s": first_s, "trace_s": trace_s, "further_s": further_s},
        "counts": {
            "runs": runs,
            "cores": 1,
            "duration_s": duration_s,
            "units": len(serials),
            "microphones": len(scene.devices[0].unit.mics_m),
        },
        "says": "one trace, many units echoed from it, tones, to the baseband; medians of processor time, warm",
    }


def pays_from(first_s: float, trace_s: float, further_s: float) -> int | None:
    """Return the number of units from which one trace with an echo each takes less time than each unit alone; None where it never does."""
    saved_s = first_s - further_s
    return None if saved_s <= 0.0 else int(trace_s / saved_s) + 1

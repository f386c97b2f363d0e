"""The workload `night`: how much memory a long recording streams in.

The walker of `walk` in a scene of eight hours, heard block by block in a fresh process; the most memory it held is read halfway and at the end of a stretch.
What it grew by in the second half, for eight hours, is the extrapolated part of the row.
"""

from __future__ import annotations

from itertools import islice
from time import process_time

from usim.bench.machine import Row, fresh, one_core, peak_mib
from usim.bench.walk import walk_scene
from usim.engine.session import session

NIGHT_S = 8 * 3600.0
BLOCK_S = 0.064
STRETCHES = 3  # of the duration of other workloads, each half
_CHILD = """import sys
from usim.bench import night
sys.stdout.write(repr(night.streamed({half_s!r})) + "\\n")"""


def streamed(half_s: float) -> tuple[float, float, float]:
    """Return the most memory in MiB after half_s and after twice as long of a scene of NIGHT_S, and the processor time of both in s."""
    running = session(walk_scene(NIGHT_S), block_s=BLOCK_S)
    blocks = max(round(half_s / BLOCK_S), 1)
    start = process_time()
    peaks = []
    for _ in range(2):
        for _ in islice(running, blocks):
            pass
        peaks.append(peak_mib())
    return peaks[0], peaks[1], process_time() - start


def measured(runs: int, duration_s: float) -> Row:
    """Return the row of the workload: peak memory, its growth, and what a night would hold; memory is no matter of chance, so it is measured once."""
    half_s = STRETCHES * duration_s
    with one_core():
        first, second, took_s = (
            float(word) for word in fresh(_CHILD.format(half_s=half_s))[1].strip("()").split(",")
        )
    growth = (second - first) / half_s
    return {
        "peak_mib": second,
        "growth_mib_per_hour": 3600.0 * growth,
        "night_mib": second + growth * (NIGHT_S - 2.0 * half_s),
        "times_real_time": 2.0 * half_s / took_s,
        "extrapolated": True,
        "counts": {"runs": 1, "cores": 1, "duration_s": 2.0 * half_s, "hours": NIGHT_S / 3600.0},
        "says": "a walker in a scene of a night, heard block by block",
    }

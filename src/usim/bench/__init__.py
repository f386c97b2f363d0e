"""Benchmarks: how fast this machine renders, measured the same way everywhere.

`run` measures workloads by name.  Every workload is a file with a function `measured(runs, duration_s)` that returns its row: the keys that
product and tests read, and beside them counts and spreads.  Nothing here compares with a bar: that is what tests/benchmarks is for.
Beside the workloads there are `usim.bench.scaling`, how cost grows, and `usim.bench.peers`, other simulators on their home ground.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from usim.bench.machine import Row, machine
from usim.template.problem import InvalidInput, Problem

RUNS = 5
DURATION_S = 10.0


def _walk(runs: int, duration_s: float) -> Row:
    from usim.bench.walk import measured

    return measured(runs, duration_s)


def _units(runs: int, duration_s: float) -> Row:
    from usim.bench.units import measured

    return measured(runs, duration_s)


def _busy(runs: int, duration_s: float) -> Row:
    from usim.bench.busy import measured

    return measured(runs, duration_s)


def _night(runs: int, duration_s: float) -> Row:
    from usim.bench.night import measured

    return measured(runs, duration_s)


WORKLOADS: dict[str, Callable[[int, float], Row]] = {
    "walk": _walk,
    "units": _units,
    "busy": _busy,
    "night": _night,
}


def run(
    names: Iterable[str] | None = None, runs: int = RUNS, duration_s: float | None = None
) -> dict[str, Row]:
    """Return {"machine": ..., "workloads": {name: row}} of the workloads named, all if None.

    runs: how often each figure is measured; duration_s: how much sound a run renders (figures are quoted for DURATION_S).
    """
    length_s = DURATION_S if duration_s is None else duration_s
    chosen = tuple(WORKLOADS if names is None else names)
    for name in chosen:
        if name not in WORKLOADS:
            raise InvalidInput(Problem(f"no workload {name!r}; there is {', '.join(WORKLOADS)}"))
    if runs < 1:
        raise InvalidInput(Problem(f"runs: at least 1, not {runs}"))
    return {
        "machine": machine(),
        "workloads": {name: WORKLOADS[name](runs, length_s) for name in chosen},
    }

"""What a benchmark needs of the machine: one core to itself, a clock, a fresh process, and its peak memory."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]
MIB = 1024.0 * 1024.0


def machine() -> Row:
    """Return what the figures were measured on: processor, cores, load and versions."""
    import numba

    name = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
        name = next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        pass
    return {
        "processor": name,
        "cores": len(_cores()) or os.cpu_count(),
        "load_1_min": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and those that it starts, on one core, where the system allows it; give the others back at the end."""
    before = _cores()
    if before:
        # The last: the first has the interrupts on many machines.
        os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return (seconds on the wall clock, what the work returned)."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def spread(values: list[float]) -> Row:
    """Return {"min", "median", "max"} of measured values."""
    return {"min": min(values), "median": float(np.median(values)), "max": max(values)}


def fresh(program: str) -> tuple[float, str]:
    """Return (seconds from the start of a fresh Python to its first line, that line); the rest of its run is waited for.

    A failure of the child is a RuntimeError with what it said.
    """
    start = time.perf_counter()
    # -P: what lies in the folder we are started in must not shadow what we measure
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        seconds = time.perf_counter() - start
        _, said = child.communicate()
    if child.returncode:
        raise RuntimeError(f"a process of the benchmark failed: {said.strip()[-500:]}")
    return seconds, line.strip()


def peak_mib() -> float:
    """Return the most memory this process has held, in MiB.

    Linux counts the parent's peak into ru_maxrss of a child, so the high-water mark of the address space comes first.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(float(row.split()[1]) for row in status if row.startswith("VmHWM")) / 1024.0
    except (OSError, StopIteration):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / MIB if sys.platform == "darwin" else most / 1024.0

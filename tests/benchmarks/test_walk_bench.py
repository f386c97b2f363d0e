"""The speed bars of the workload `walk`: timed, so only in the full tier, and only a quiet machine's figures mean anything."""

import pytest

from usim import bench

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

BASEBAND_BAR, FLAC_BAR = 8.0, 5.0


def test_walk_renders_faster_than_it_sounds(figures):
    """Why: corpora and false-alarm studies render thousands of hours. Set-up: one body of 16 pieces, 4 microphones, one tone,
    10 s, order 3, `standard`, warm, one core, median of 5. Expected: baseband 8 and FLAC 5 times real time."""
    result = bench.run(["walk"])
    row, load = result["workloads"]["walk"], result["machine"]["load_1_min"]
    counts = f"median of {row['counts']['runs']}, load {load:.1f}"
    baseband, flac = row["baseband_times_real_time"], row["flac_times_real_time"]
    figures("walk: baseband", baseband, "times real time", f">= {BASEBAND_BAR:g}", counts)
    figures("walk: FLAC", flac, "times real time", f">= {FLAC_BAR:g}", counts)
    figures("walk: peak memory", row["peak_mib"], "MiB", "reported", counts)
    figures(
        "walk: against pyroomacoustics",
        row["versus_pyroomacoustics"],
        "times",
        "reported, extrapolated",
        counts,
    )
    for part, seconds in row["parts"].items():
        figures(f"walk: {part}", seconds, "s", "reported", counts)
    assert baseband >= BASEBAND_BAR
    assert flac >= FLAC_BAR

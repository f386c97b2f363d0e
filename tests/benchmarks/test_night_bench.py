"""Memory of a night: only in the full tier."""

import pytest

from usim import bench

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

NIGHT_BAR_MIB = 1024.0


def test_a_night_streams_in_less_than_a_gibibyte(figures):
    """Why: detectors are judged by false alarms a night. Set-up: the walker of `walk` in a scene of 8 h, a minute of it block by block in a
    fresh process; the growth of its second half extrapolated to 8 h. Expected: less than 1 GiB."""
    row = bench.run(["night"])["workloads"]["night"]
    counts = f"{row['counts']['duration_s']:g} s, extrapolated to {row['counts']['hours']:g} h"
    figures("night: memory", row["night_mib"], "MiB", f"< {NIGHT_BAR_MIB:g}", counts)
    figures("night: peak memory", row["peak_mib"], "MiB", "reported", counts)
    assert row["night_mib"] < NIGHT_BAR_MIB

"""What a further unit of a product costs: timed, so only in the full tier."""

import pytest

from usim import bench

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

SHARE_BAR = 0.1


def test_a_further_unit_costs_a_tenth_of_the_first(figures):
    """Why: a product line is judged over many units in one room. Set-up: the walker of `walk`, one trace, 100 units of the profile to the
    baseband, tones, processor time, median of 3. Expected: a further unit at most 1/10 of one alone."""
    row = bench.run(["units"], runs=3)["workloads"]["units"]
    counts = f"{row['counts']['units']} units, median of {row['counts']['runs']}"
    figures("units: a further unit", row["further_share"], "of one alone", f"<= {SHARE_BAR:g}", counts)  # fmt: skip
    figures("units: one alone", row["first_s"], "s", "reported", counts)
    figures("units: trace for all", row["trace_s"], "s", "reported", counts)
    figures("units: all", row["times_real_time"], "times real time", "reported", counts)
    assert row["further_share"] <= SHARE_BAR

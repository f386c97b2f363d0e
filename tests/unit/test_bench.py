"""Benchmarks answer with the keys that are promised; nothing here is timed."""

import json
import os

import numpy as np
import pytest

from usim import bench
from usim.bench import splicing, units
from usim.bench.busy import busy_scene
from usim.bench.machine import fresh, one_core, spread
from usim.bench.walk import walk_scene
from usim.cli import root
from usim.cli.machine import _workload_lines
from usim.template.problem import InvalidInput

PARTS = {"trace", "echo", "noise", "encode", "write", "startup"}


@pytest.mark.slow
def test_a_tiny_workload_has_every_key(monkeypatch, capsys):
    monkeypatch.setattr(splicing, "POSITIONS", 16)
    monkeypatch.setattr(bench, "DURATION_S", 0.3)
    assert root.run(["bench", "--workload", "walk", "--runs", "1", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["workloads"]["walk"]
    assert set(row["parts"]) == PARTS
    for key in (
        "baseband_times_real_time",
        "flac_times_real_time",
        "peak_mib",
        "furnished",
        "versus_pyroomacoustics",
    ):
        assert row[key] > 0.0
    assert row["pyroomacoustics"]["extrapolated"] is True
    assert row["counts"]["pieces"] == 16
    assert row["counts"]["microphones"] == 4


def test_one_trace_pays_from_a_number_of_units_on():
    """4.5 + 8 * 0.1 < 8 * 0.7, and not with seven; never where an echo costs as much as a whole unit."""
    assert units.pays_from(0.7, 4.5, 0.1) == 8
    assert units.pays_from(0.7, 4.5, 0.7) is None


@pytest.mark.slow
def test_a_further_unit_is_a_share_of_one_alone(monkeypatch, capsys):
    monkeypatch.setattr(units, "UNITS", 3)
    row = bench.run(["units"], runs=1, duration_s=0.3)["workloads"]["units"]
    assert row["further_share"] == row["further_s"] / row["first_s"]
    whole_s = row["trace_s"] + 3 * row["further_s"]
    assert row["times_real_time"] == pytest.approx(0.9 / whole_s)
    assert row["counts"]["units"] == 3
    assert row["spread"]["trace_s"]["median"] > row["spread"]["further_s"]["median"] > 0.0
    monkeypatch.setattr(bench, "WORKLOADS", {"units": lambda runs, duration_s: row})
    assert root.run(["bench", "--workload", "units"]) == 0
    shown = capsys.readouterr().out
    for word in ("a further unit", "trace for all units", "3 units", "times real time"):
        assert word in shown


def test_the_busy_scene_is_what_the_row_promises():
    """Two adults who walk all the time and a fan, in a polygon, and seven microphones at 192 kHz."""
    scene = busy_scene(1.0)
    (device,) = scene.devices
    assert scene.duration_s == 1.0
    assert not scene.furniture
    assert [len(mover.pieces) for mover in scene.movers] == [16, 16, 12]
    assert len(device.unit.mics_m) == 7
    assert device.unit.converter.at(scene.render.rate_hz, scene.render.bits).rate_hz == 192_000
    times = np.linspace(0.0, 11.0, 551)
    for one in scene.movers[:2]:
        pelvis = one.at(times).position_m[:, [piece.name for piece in one.pieces].index("pelvis")]
        path = np.sqrt((np.diff(pelvis, axis=0) ** 2).sum(axis=-1))
        assert path.sum() / 11.0 > 0.4  # m/s, turns on the spot included
        assert path[25:100].sum() > 0.5  # already in the stretch that is measured


@pytest.mark.slow
def test_a_night_streams_in_little_memory(monkeypatch, capsys):
    row = bench.run(["night"], runs=1, duration_s=0.2)["workloads"]["night"]
    assert row["counts"]["hours"] == 8.0
    assert row["counts"]["duration_s"] == pytest.approx(1.2)
    assert 50.0 < row["peak_mib"] < 1024.0
    assert row["night_mib"] >= row["peak_mib"]
    monkeypatch.setattr(bench, "WORKLOADS", {"night": lambda runs, duration_s: row})
    assert root.run(["bench", "--workload", "night"]) == 0
    shown = capsys.readouterr().out
    for word in ("MiB an hour", "extrapolated", "8.0 hours"):
        assert word in shown


def test_the_table_for_people_names_every_part(monkeypatch, capsys):
    row = {
        "baseband_times_real_time": 9.5,
        "flac_times_real_time": 6.5,
        "peak_mib": 300.0,
        "furnished": 1.25,
        "versus_pyroomacoustics": 80.0,
        "parts": dict.fromkeys(sorted(PARTS), 0.1),
        "spread": {
            name: spread([1.0, 3.0, 2.0])
            for name in (
                "baseband_s",
                "baseband_processor_s",
                "flac_s",
                "flac_processor_s",
                "startup_s",
            )
        },
        "pyroomacoustics": {
            "times_real_time": 0.06,
            "needed_rate_hz": 2900.0,
            "residual_db": -40.0,
            "seconds_per_position": 0.005,
            "says": "extrapolated",
        },
        "counts": {"runs": 5, "duration_s": 10.0},
        "says": "a stand-in",
    }
    monkeypatch.setattr(bench, "WORKLOADS", {"walk": lambda runs, duration_s: row})
    assert root.run(["bench"]) == 0
    shown = capsys.readouterr().out
    for word in (
        *PARTS,
        "1.000 / 2.000 / 3.000 s",
        "9.50",
        "300 MiB",
        "1.25 times",
        "extrapolated",
        "5 runs",
    ):
        assert word in shown


def test_an_unknown_workload_is_one_line(capsys):
    with pytest.raises(InvalidInput, match="no workload 'wlak'; there is walk, units, busy, night"):
        bench.run(["wlak"])
    assert root.run(["bench", "--workload", "wlak"]) == 2


def test_the_walker_is_always_on_its_way():
    """From its first step on, and beyond the longest run that is measured."""
    scene = walk_scene()
    (one,) = scene.movers
    assert len(one.pieces) == 16
    times = np.linspace(1.0, 19.0, 901)
    pelvis = one.at(times).position_m[:, [piece.name for piece in one.pieces].index("pelvis")]
    speed = np.sqrt((np.gradient(pelvis, times, axis=0) ** 2).sum(axis=-1))
    assert speed.min() > 0.1
    assert speed.mean() > 0.7
    assert walk_scene(3.0).duration_s == 3.0


def test_faded_positions_leave_the_error_of_a_linear_fade():
    """A phase that turns steadily: the residual of a fade falls by 40 dB a decade, and the law finds the rate again."""
    turn = 2 * np.pi * 250.0 / splicing.DENSE_HZ
    dense = np.exp(1j * turn * np.arange(257))[None, :, None]
    strides = (2, 4, 8)
    residuals = [splicing.residual_db(dense, stride) for stride in strides]
    for stride, found in zip(strides, residuals, strict=True):
        # chord against arc: (angle^2 / 8)^2 at the middle, 8/15 of it in the mean
        expected = 10 * np.log10((turn * stride) ** 4 / 64 * 8 / 15)
        assert abs(found - expected) < 0.6
    rates = [splicing.DENSE_HZ / stride for stride in strides]
    needed = splicing.needed_hz(rates, residuals)
    assert 250.0 * 18 < needed < 250.0 * 20  # 1e-4 = (angle^4 / 64) 8 / 15


def test_the_lines_of_a_workload_say_what_each_mover_costs_alone():
    row = {
        "baseband_times_real_time": 0.2, "flac_times_real_time": 0.15, "peak_mib": 300.0, "says": "busy",
        "parts": {"trace": 1.0}, "alone": {"adult": 0.3, "nobody": 0.1}, "counts": {"duration_s": 2.0},
        "spread": {name: spread([1.0]) for name in ("baseband_s", "baseband_processor_s", "flac_s", "flac_processor_s", "startup_s")},
    }  # fmt: skip
    assert "  alone, for a second of baseband: adult 0.30 s, nobody 0.10 s" in _workload_lines("busy", row)  # fmt: skip


def test_a_core_is_given_back_and_a_child_that_fails_says_so():
    before = os.sched_getaffinity(0)
    with one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
    assert fresh("import sys; sys.stdout.write('here')")[1] == "here"
    with pytest.raises(RuntimeError, match="no such thing"):
        fresh("raise SystemExit('no such thing')")

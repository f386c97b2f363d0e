"""Benchmarks answer with the keys that are promised; nothing here is timed."""

import json
import os

import numpy as np
import pytest

from usim import bench
from usim.bench import splicing
from usim.bench.machine import fresh, one_core, spread
from usim.bench.walker import walk_scene
from usim.cli import root
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
        "versus_pyroomacoustics",
    ):
        assert row[key] > 0.0
    assert row["pyroomacoustics"]["extrapolated"] is True
    assert row["counts"]["pieces"] == 16
    assert row["counts"]["microphones"] == 4


def test_the_table_for_people_names_every_part(monkeypatch, capsys):
    row = {
        "baseband_times_real_time": 9.5,
        "flac_times_real_time": 6.5,
        "peak_mib": 300.0,
        "versus_pyroomacoustics": 80.0,
        "parts": dict.fromkeys(sorted(PARTS), 0.1),
        "spread": {
            name: spread([1.0, 3.0, 2.0])
            for name in ("baseband_s", "baseband_processor_s", "flac_s", "startup_s")
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
    for word in (*PARTS, "1.000 / 2.000 / 3.000 s", "9.50", "300 MiB", "extrapolated", "5 runs"):
        assert word in shown


def test_an_unknown_workload_is_one_line(capsys):
    with pytest.raises(InvalidInput, match="no workload 'wlak'; there is walk"):
        bench.run(["wlak"])
    assert root.run(["bench", "--workload", "wlak"]) == 2


def test_the_walker_is_always_on_its_way_and_inside_the_room():
    scene = walk_scene()
    (one,) = scene.movers
    times = np.linspace(-1.0, 12.0, 2601)
    poses = one.at(times)
    speed = np.sqrt((np.gradient(poses.position_m, times, axis=0)[1:-1] ** 2).sum(axis=-1))
    assert 0.49 < speed.min() < speed.max() < 1.31
    reach = np.max([piece.size_m for piece in one.pieces])
    assert scene.room.contains(poses.position_m, margin_m=0.02).all()
    assert scene.speeds_m_s == {"walker": one.fastest_m_s}
    assert one.fastest_m_s < 1.3 + np.deg2rad(150.0) * reach
    turned = np.einsum("tpij,tpkj->tpik", poses.rotation, poses.rotation)
    np.testing.assert_allclose(turned, np.broadcast_to(np.eye(3), turned.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(poses.rotation), 1.0, atol=1e-12)


def test_the_walker_answers_each_time_alone_as_among_others():
    (one,) = walk_scene().movers
    times = np.linspace(0.0, 10.0, 101)
    among, alone = one.at(times), [one.at(times[n : n + 1]) for n in range(len(times))]
    assert np.array_equal(among.position_m, np.concatenate([p.position_m for p in alone]))
    assert np.array_equal(among.rotation, np.concatenate([p.rotation for p in alone]))


def test_the_walker_has_the_pieces_of_the_shipped_body():
    scene = walk_scene()
    names = [row["name"] for row in scene.table["movers"]]
    assert [piece.name for piece in scene.movers[0].pieces] == names
    np.testing.assert_allclose(
        [piece.size_m for piece in scene.movers[0].pieces],
        [row["semi_axes_m"] for row in scene.table["movers"]],
    )


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


def test_a_core_is_given_back_and_a_child_that_fails_says_so():
    before = os.sched_getaffinity(0)
    with one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
    assert fresh("import sys; sys.stdout.write('here')")[1] == "here"
    with pytest.raises(RuntimeError, match="no such thing"):
        fresh("raise SystemExit('no such thing')")

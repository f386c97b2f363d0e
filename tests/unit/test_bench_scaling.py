"""Cost against counts: the rows, the exponent, the picture and the command; nothing here is timed."""

import json

import numpy as np
import pytest

from usim.bench import scaling
from usim.cli import root
from usim.report.scaling import cells, png

PNG = b"\x89PNG\r\n\x1a\n"


class StandIn:
    """A case whose cost is known: the square root of its count."""

    def __init__(self, count):
        self.count = count

    def cost_s(self):
        return 0.01 * self.count**0.5


@pytest.fixture
def known(monkeypatch, tmp_path):
    counts = {"images": (1, 7, 25), "limbs": (1, 2, 4), "microphones": (1, 2), "carriers": (1, 3), "duration": (1.0, 8.0)}  # fmt: skip
    axes = {name: lambda of=of: [StandIn(n) for n in of] for name, of in counts.items()}
    monkeypatch.setattr(scaling, "AXES", axes)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_exponent_is_the_slope_in_log_log():
    counts = [1.0, 2.0, 4.0, 9.0]
    assert scaling.exponent(counts, [3.0 * n**1.7 for n in counts]) == pytest.approx(1.7)
    # a cost that is paid once makes the last step the steeper one
    rising = [1.0 + n for n in counts]
    assert scaling.exponent(counts[-2:], rising[-2:]) > scaling.exponent(counts, rising) > 0.0


def test_the_command_makes_a_table_and_a_picture(known, capsys):
    assert root.run(["bench", "--scaling", "--runs", "2"]) == 0
    shown = capsys.readouterr().out
    for word in (*scaling.AXES, "exponent", "of the last step", "0.50", "usim_scaling.png", "1 s"):
        assert word in shown
    assert "baseband in memory" not in shown  # no workload was asked for
    assert (known / "usim_scaling.png").read_bytes().startswith(PNG)


def test_the_command_writes_where_it_is_told_and_over_nothing(known, capsys):
    assert root.run(["bench", "--scaling", "--json", "-o", "mine.png"]) == 0
    rows = json.loads(capsys.readouterr().out)["scaling"]
    assert set(rows) == set(scaling.AXES)
    assert rows["images"]["counts"] == [1, 7, 25]
    assert rows["images"]["seconds"] == pytest.approx([0.01, 0.01 * 7**0.5, 0.05])
    assert rows["duration"]["unit"] == "s"
    assert all(row["exponent"] == pytest.approx(0.5) for row in rows.values())
    before = (known / "mine.png").read_bytes()
    assert root.run(["bench", "--scaling", "-o", "mine.png"]) == 2
    assert "mine.png: is there already; --force replaces it" in capsys.readouterr().err
    assert (known / "mine.png").read_bytes() == before
    assert root.run(["bench", "--scaling", "-o", "mine.png", "--force"]) == 0
    assert root.run(["bench", "-o", "other.png"]) == 2
    assert not (known / "other.png").exists()


def test_equal_rows_make_equal_bytes(known):
    rows = scaling.measured(1)
    assert png(rows, "one core") == png(rows, "one core")
    assert cells("limbs", rows["limbs"]) == ("limbs", "1", "4", "10 to 20 ms", "0.50", "0.50")


@pytest.mark.slow
def test_every_axis_is_made_of_what_it_says(monkeypatch):
    """One thing grows along an axis and the others stay; each of its cases can be traced."""
    monkeypatch.setattr(scaling, "STRETCH_S", 0.1)
    for name, few in {"ORDERS": (0, 1, 2), "LIMBS": (1, 3), "MICROPHONES": (1, 5), "CARRIERS": (1, 4), "DURATIONS_S": (0.1, 0.2)}.items():  # fmt: skip
        monkeypatch.setattr(scaling, name, few)
    made = {name: axis() for name, axis in scaling.AXES.items()}
    assert [case.count for case in made["images"]] == [1, 7, 25]
    assert [len(case.scene.movers) for case in made["limbs"]] == [1, 3]
    units = [case.scene.devices[0].unit for case in made["microphones"]]
    assert [len(unit.mics_m) for unit in units] == [1, 5]
    assert np.hypot(*units[1].mics_m[:, :2].T) == pytest.approx(scaling.RING_M, abs=1e-6)
    tones = [case.scene.devices[0].emission.carriers_hz for case in made["carriers"]]
    assert [len(set(one)) for one in tones] == [1, 4]
    assert np.diff(tones[1]).min() >= made["carriers"][1].scene.baseband_rate_hz
    assert [case.stretch_s for case in made["duration"]] == [0.1, 0.2]
    rows = scaling.measured(1, ["limbs", "carriers"])
    assert all(second > 0.0 for row in rows.values() for second in row["seconds"])

"""The scripts in examples/ do what they say, in a folder of their own, as a reader would run them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
PNG = b"\x89PNG\r\n\x1a\n"


def run(folder, *words):
    """Return what a command prints; it runs in `folder`."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"USIM_KINDS": ""},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def numbers(pattern, text):
    return [float(one) for one in re.findall(pattern, text)]


def test_every_script_is_tested_and_short():
    assert SCRIPTS == [
        "pendulum.py",
        "range_profile.py",
        "speed_of_a_walker.py",
        "units_of_a_line.py",
    ]
    for name in SCRIPTS:
        assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) <= 40, name


@pytest.mark.slow
def test_speed_of_a_walker(tmp_path):
    """Found in the sound and told by the truth: the same to 0.1 m/s in most frames, on both sides of zero."""
    said = run(tmp_path, EXAMPLES / "speed_of_a_walker.py", tmp_path)
    assert numbers(r"median difference ([0-9.]+) m/s", said)[0] < 0.1
    true = numbers(r"chest +(-?[0-9.]+) m/s", said)
    assert min(true) < -0.5
    assert max(true) > 0.5
    assert (tmp_path / "speed_of_a_walker.png").read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == ["speed_of_a_walker.png"]


@pytest.mark.slow
def test_range_profile(tmp_path):
    """The first echo that changes from chirp to chirp comes from the nearest part, to 15 cm in the median."""
    said = run(tmp_path, EXAMPLES / "range_profile.py")
    assert numbers(r"median difference ([0-9.]+) m", said)[0] < 0.15
    found, true = numbers(r"echo from ([0-9.]+) m", said), numbers(r"part at ([0-9.]+) m", said)
    assert len(found) >= 6
    assert true[0] - true[-1] > 0.5
    assert found[0] - found[-1] > 0.5
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_units_of_a_line(tmp_path):
    """Units differ, by no more than a production line does; the worst is the one that is named."""
    said = run(tmp_path, EXAMPLES / "units_of_a_line.py", 4)
    ratios_db = numbers(r"echo +(-?[0-9.]+) dB", said)
    assert len(ratios_db) == 4
    assert 0.3 < max(ratios_db) - min(ratios_db) < 12.0
    assert min(ratios_db) > 5.0
    assert numbers(r"worst unit ([0-9]+)", said) == [ratios_db.index(min(ratios_db))]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_pendulum(tmp_path):
    """Heard within 10 % of what a pendulum does by the book."""
    said = run(tmp_path, EXAMPLES / "pendulum.py", tmp_path)
    heard, book = numbers(r"([0-9.]+) m/s", said)
    assert book == pytest.approx(0.82, abs=0.005)
    assert heard == pytest.approx(book, rel=0.1)
    assert (tmp_path / "pendulum.png").read_bytes().startswith(PNG)


def test_a_kind_of_ones_own_keeps_its_contract_and_is_known_to_the_command_line(tmp_path):
    kind = EXAMPLES / "mykinds" / "movers" / "pendulum.py"
    assert "keeps its family's contract" in run(tmp_path, "-m", "usim", "check-kind", kind)
    words = ("--kinds", EXAMPLES / "mykinds", "validate", EXAMPLES / "pendulum.yaml")
    assert "valid" in run(tmp_path, "-m", "usim", *words)

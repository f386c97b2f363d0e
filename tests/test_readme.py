"""The two commands of the README in a new clone: what a user types first, with the seconds of each."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)  # fmt: skip
NAMES = ("render", "tests")


def _clean(home: Path) -> dict[str, str]:
    """As for a new user: a home of its own, so no cache of ours; how packages are reached stays."""
    left_out = ("USIM_", "PYTEST", "PYTHON", "NUMBA_", "XDG_", "OMP_", "OPENBLAS_", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    return kept | {"HOME": str(home)}


def _run(line: str, cwd: Path, environment: dict[str, str]) -> tuple[float, str]:
    """Return the seconds and the output of one line."""
    started = time.perf_counter()
    done = subprocess.run(
        ["bash", "-euc", line],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return time.perf_counter() - started, done.stdout


def test_two_blocks_of_three_lines():
    assert [len(block.splitlines()) for block in BLOCKS] == [3, 3]
    assert BLOCKS[0].splitlines()[0] == BLOCKS[1].splitlines()[0]


@pytest.mark.full
@pytest.mark.timeout(5400)
@pytest.mark.parametrize(("number", "bar_s"), [(0, 90), (1, 900)], ids=NAMES)
def test_in_a_new_clone(number, bar_s, figures, tmp_path):
    """Why: nothing is easier to break than the first minute.
    Set-up: the committed files in a new clone, a new home, no kernels compiled; needs a package index.
    Expected: the files are made and named within 90 s after installation; the default tier within 15 minutes.
    """
    clone, home = tmp_path / "usim", tmp_path / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "-q", "--no-local", ROOT, clone], check=True)
    *install, last = BLOCKS[number].splitlines()
    spent = [_run(line, clone, _clean(home))[0] for line in install]
    seconds, said = _run(last, clone, _clean(home))
    name = f"README, {NAMES[number]}"
    figures(f"{name}: environment and installation", sum(spent), "s", "reported")
    figures(f"{name}: after installation", seconds, "s", f"<= {bar_s}")
    if number == 0:
        for word in ("spectrogram.png", "observation/audio.flac", "truth/scene.yaml"):
            assert f"usim_demo/{word}" in said
            assert (clone / "usim_demo" / word).stat().st_size > 0
    else:
        assert " passed" in said.splitlines()[-1]
    assert seconds <= bar_s

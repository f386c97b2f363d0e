"""R25: the command line starts quickly."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# `import click` in a new interpreter on the machine that the bars were set on (2.6 GHz Xeon, idle), measured 2026-11.
REFERENCE_MS = 42.0
TRIALS = 9
ROUNDS = 3  # at most: a neighbour that comes and goes moves the ratio by a tenth


def _environment() -> dict[str, str]:
    """As in a user's terminal: byte code is kept, nothing of ours is set."""
    left_out = (
        "USIM_",
        "PYTHON",
        "PYTEST",
        "NUMBA_",
        "OMP_",
        "OPENBLAS_",
        "MKL_",
        "PRA_",
        "PYDANTIC_",
    )
    return {key: value for key, value in os.environ.items() if not key.startswith(left_out)}


def _run(command: list[str], cwd: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Return wall and processor milliseconds of one child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1e3 * wall, 1e3 * spent


@pytest.mark.slow
def test_start_of_the_command_line(figures, tmp_path):
    """Why: a tool that answers at once is used. Set-up: median of 9 new processes, warm files.
    Expected: --help within 150 ms and validate within 300 ms.

    What is asserted is processor time over that of `import click` measured in turn with it, times what that import
    takes on the reference machine: wall time says more about the neighbours of a busy machine than about us. Wall time
    is reported beside it.  A round that misses is measured again, twice at most.
    """
    environment = _environment() | {"PYTHONPYCACHEPREFIX": str(tmp_path / "pyc")}
    usim = [sys.executable, "-m", "usim"]
    commands = {
        "click": [sys.executable, "-c", "import click"],
        "usim --help": [*usim, "--help"],
        "usim validate": [*usim, "validate", "sphere_passes"],
    }
    for command in commands.values():
        _run(command, tmp_path, environment)
    bars = {"usim --help": 150.0, "usim validate": 300.0}
    for _ in range(ROUNDS):
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(TRIALS):
            for name, command in commands.items():
                times[name].append(_run(command, tmp_path, environment))
        wall = {name: statistics.median(one[0] for one in times[name]) for name in times}
        spent = {name: statistics.median(one[1] for one in times[name]) for name in times}
        scaled = {name: REFERENCE_MS * spent[name] / spent["click"] for name in times}
        if all(scaled[name] <= bar for name, bar in bars.items()):
            break
    for name, bar in bars.items():
        figures(f"R25 {name}, wall here", wall[name], "ms", f"<= {bar:g} when idle", TRIALS)
        figures(f"R25 {name}, processor time here", spent[name], "ms", "-", TRIALS)
        figures(f"R25 {name}, on the reference machine", scaled[name], "ms", f"<= {bar:g}", TRIALS)
    assert scaled["usim --help"] <= 150.0
    assert scaled["usim validate"] <= 300.0


HEAVY = (
    "numpy",
    "scipy",
    "numba",
    "matplotlib",
    "pydantic",
    "pyroomacoustics",
    "soundfile",
    "tqdm",
    "yaml",
)


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom usim.cli.root import run\ncode = run(['--help'])\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert not done.stderr.strip(), f"--help imports {done.stderr}"


def test_validate_imports_no_signal_processing():
    heavy = ("scipy", "numba", "matplotlib", "pyroomacoustics", "soundfile")
    program = (
        "import sys\nfrom usim.cli.root import run\ncode = run(['validate', 'sphere_passes', '-q'])\n"
        f"print(*[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip(), f"validate imports {done.stderr}"


def test_import_of_the_shop_window_is_light():
    program = (
        "import os, sys\nimport usim\nusim.__version__, dir(usim)\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'], os.environ['OMP_NUM_THREADS'])"
    )
    environment = _environment() | {"OMP_NUM_THREADS": "3"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    heavy, threads = done.stdout.splitlines()
    assert heavy == ""
    assert threads == "1 3", "the library keeps what the environment sets, and sets the rest to 1"


def test_the_command_line_pins_threads_whatever_the_environment_says():
    program = (
        "import os, sys\nfrom usim.cli import main\nsys.argv = ['usim', '--version']\nos._exit = sys.exit\n"
        "try: main()\nexcept SystemExit: pass\n"
        "from usim.threads import VARIABLES\nprint({os.environ[name] for name in VARIABLES})"
    )
    environment = _environment() | {"OMP_NUM_THREADS": "8", "NUMBA_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.stdout.splitlines()[-1] == "{'1'}", done.stderr

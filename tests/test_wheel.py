"""What a user installs: the wheel, in a new environment, from an empty folder, also where nothing can be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


def _clean() -> dict[str, str]:
    left_out = ("USIM_", "PYTHON", "PYTEST", "NUMBA_", "XDG_", "OMP_", "OPENBLAS_", "MKL_", "PRA_")
    return {key: value for key, value in os.environ.items() if not key.startswith(left_out)}


def _run(command: list[str | Path], cwd: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment or _clean(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], ROOT)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment with the wheel in it, and our dependencies in sight but not our checkout."""
    home = tmp_path_factory.mktemp("env") / "venv"
    _run([sys.executable, "-m", "venv", "--without-pip", home], ROOT)
    python = home / "bin" / "python"
    _run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            python,
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        ROOT,
    )
    (packages,) = home.glob("lib/python3*/site-packages")
    # A path file in a folder that a path file names is not read: the editable install stays out of sight.
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return python


def test_the_wheel_carries_all_data_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("scenes", "device_profiles"):
        shipped = {
            f"usim/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).rglob("*.yaml")
        }
        assert shipped
        assert shipped <= set(names)
    for path in (ROOT / "src" / "usim").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT / "src").as_posix() in names
    assert "usim/py.typed" in names
    assert all(name.startswith(("usim/", "usim-")) for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_renders_from_an_empty_folder(python, tmp_path):
    usim = python.parent / "usim"
    empty = tmp_path / "empty"
    empty.mkdir()
    where = _run([python, "-c", "import usim; print(usim.__file__)"], empty).strip()
    assert Path(where).is_relative_to(python.parent.parent)
    scenes = json.loads(_run([usim, "list", "scenes", "--json"], empty))["scenes"]
    assert {"sphere_passes"} <= {scene["name"] for scene in scenes}
    _run([usim, "validate", "sphere_passes"], empty)
    said = _run(
        [usim, "render", "sphere_passes", "-o", "out", "--window", "1:1.2", "--quality", "draft"],
        empty,
    )
    assert said.strip() == "out"
    for name in (
        "observation/audio.flac",
        "truth/scene.yaml",
        "truth/labels.csv",
        "recording.json",
    ):
        assert (empty / "out" / name).stat().st_size > 0
    assert sorted(entry.name for entry in empty.iterdir()) == ["out"]


@pytest.mark.full
def test_it_renders_where_no_cache_can_be_written(python, tmp_path):
    """Why: numba refuses to declare a cached kernel where it finds no writable folder. Set-up: no home, no cache folder, no
    folder for temporary files, package read-only. Expected: it renders, and says so in doctor."""
    packages = next((python.parent.parent).glob("lib/python3*/site-packages/usim"))
    nowhere = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere"}
    program = (
        "import sys, tempfile\ntempfile.tempdir = '/proc/nowhere'\n"
        "from usim.physics.jit import CACHE_FOLDER\nassert CACHE_FOLDER is None, CACHE_FOLDER\n"
        "from usim.cli.root import run\n"
        "sys.exit(run(['render', 'sphere_passes', '-o', 'out', '--window', '1:1.05', '--quality', 'draft',"
        " '--keep', 'audio,truth']))"
    )
    folders = [packages, *(path for path in packages.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        _run([python, "-c", program], tmp_path, _clean() | nowhere)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert (tmp_path / "out" / "observation" / "audio.flac").stat().st_size > 0


def test_metadata_names_no_host(wheel):
    archive = zipfile.ZipFile(wheel)
    metadata = next(name for name in archive.namelist() if name.endswith("METADATA"))
    head = archive.read(metadata).decode().split("\n\n")[0]
    assert "://" not in head
    assert "License-Expression: MIT" in head


def test_constraints_are_names_and_versions_only():
    import re

    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len(lines) > 20
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    assert not [line for line in lines if line.split("==")[0].lower() in ("torch", "usim")]


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "README.md", "constraints.txt", ".ci/run", "CONTRIBUTING.md"]
)
def test_no_package_index_is_named(name):
    text = (ROOT / name).read_text()
    for word in ("index-url", "pypi.", "find-links", "trusted-host"):
        assert word not in text

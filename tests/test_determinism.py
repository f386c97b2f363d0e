"""R4 and the determinism bar: what the bytes of a recording may depend on, and what not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__

from golden import clips

pytestmark = pytest.mark.slow

# Feature levels of x86-64 processors, as environments. The last has neither FMA nor any of numpy's fast loops.
LEVELS = {
    "no AVX-512": {
        "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in __cpu_dispatch__ if name != "X86_V3"),
        "OPENBLAS_CORETYPE": "Haswell",
        "NUMBA_CPU_NAME": "haswell",
    },
    "generic": {
        "NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__),
        "OPENBLAS_CORETYPE": "Nehalem",
        "NUMBA_CPU_NAME": "generic",
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F",
    },
}
SAMPLES_PER_LSB = 1_000_000


def _rendered(out: Path, environment: dict[str, str], names: list[str]) -> dict[str, np.ndarray]:
    """Return the clips as a process with this environment renders them."""
    done = subprocess.run(
        [sys.executable, str(clips.FOLDER / "clips.py"), str(out), *names],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with np.load(out) as found:
        return {name: found[name] for name in found.files}


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> dict[str, np.ndarray]:
    return _rendered(tmp_path_factory.mktemp("here") / "here.npz", {}, [])


@pytest.mark.timeout(900)
@pytest.mark.parametrize("level", LEVELS)
def test_other_processors_give_the_same_sound(level, here, figures, tmp_path):
    """R4. Why: a corpus is made on many machines. Set-up: the reference clips in a process that may not use the features of
    this processor. Expected: codes equal but for at most 1 LSB in 1 of a million samples."""
    if "X86_V3" not in __cpu_dispatch__:
        pytest.skip("not run: not an x86-64 processor")
    other = _rendered(tmp_path / "other.npz", LEVELS[level], [])
    assert set(other) == set(here)
    differ, largest, total = 0, 0, 0
    for name, samples in here.items():
        assert samples.shape == other[name].shape
        if name.endswith("/audio"):
            difference = np.abs(samples.astype(np.int64) - other[name].astype(np.int64))
            differ += int(np.count_nonzero(difference))
            largest = max(largest, int(difference.max()))
            total += difference.size
    worst_db = max(
        _relative_db(samples, other[name])
        for name, samples in here.items()
        if name.endswith("/baseband")
    )
    figures(
        f"R4 {level}: samples that differ",
        differ,
        "samples",
        f"<= {total // SAMPLES_PER_LSB + 1}",
        total,
    )
    figures(f"R4 {level}: largest difference", largest, "LSB", "<= 1", total)
    figures(
        f"R4 {level}: baseband, residual re signal", worst_db, "dB", "<= -120", len(clips.CASES)
    )
    assert largest <= 1
    assert worst_db <= -120
    assert differ <= total // SAMPLES_PER_LSB + 1


def _relative_db(one: np.ndarray, other: np.ndarray) -> float:
    energy = np.sum(np.abs(one.astype(np.complex128)) ** 2)
    residual = np.sum(np.abs(one.astype(np.complex128) - other) ** 2)
    return float(10 * np.log10(max(residual / max(energy, 1e-300), 1e-30)))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("threads", [2, 4, 8])
def test_threads_change_no_byte(threads, here, figures, tmp_path):
    """Why: BLAS and image sources sum in another order with other thread counts. Set-up: the library (the command line pins them
    anyway) with every thread count set. Expected: equal bytes."""
    from usim.threads import VARIABLES

    names = ["unit_1017", "noises", "two_tones"]
    other = _rendered(tmp_path / "other.npz", dict.fromkeys(VARIABLES, str(threads)), names)
    differ = [name for name, samples in other.items() if samples.tobytes() != here[name].tobytes()]
    figures(
        f"determinism, {threads} threads: parts that differ", len(differ), "parts", "0", len(other)
    )
    assert not differ


@pytest.mark.timeout(900)
def test_kernels_from_the_cache_are_those_that_were_compiled(here, figures, tmp_path):
    """Why: kernels that were linked in another order once gave other last bits. Set-up: one clip in a process that compiles all kernels,
    and in one that finds them in the cache. Expected: equal bytes."""
    made, differ = {}, []
    for word in ("compiled", "cached"):
        environment = {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
        made[word] = _rendered(tmp_path / f"{word}.npz", environment, ["unit_1017"])
        differ += [
            f"{word} {name}"
            for name, samples in made[word].items()
            if samples.tobytes() != here[name].tobytes()
        ]
    figures("determinism, new kernels and cached ones: parts that differ", len(differ), "parts", "0", 4)
    assert not differ


def test_the_same_scene_twice_in_one_process_and_in_two(here, figures):
    """Nothing is remembered between renders: order of clips and what came before do not matter."""
    import usim

    differ, total = [], 0
    for case in ("two_tones", "approach", "two_tones"):
        recordings = clips.simulated(usim.load(clips.FOLDER / case / clips.SCENE).sample())
        for name, samples in clips.arrays(recordings).items():
            total += 1
            if samples.tobytes() != here[f"{case}/{name}"].tobytes():
                differ.append(f"{case}/{name}")
    figures(
        "determinism, another process and order: parts that differ",
        len(differ),
        "parts",
        "0",
        total,
    )
    assert not differ


def test_files_are_the_same_from_the_seed_and_from_the_resolved_scene(
    figures, tmp_path, monkeypatch
):
    """Expected: every file but recording.json's own account is the same byte for byte; a second render in full."""
    from usim.cli.root import run

    monkeypatch.chdir(tmp_path)
    options = ["--window", "1:1.3", "-q"]
    assert run(["render", "sphere_passes", "--seed", "5", "-o", "a", *options]) == 0
    assert run(["render", "sphere_passes", "--seed", "5", "-o", "b", *options]) == 0
    assert run(["render", "a/truth/scene.yaml", "-o", "c", *options]) == 0
    bytes_of = {
        folder: {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
        for folder in "abc"
    }
    assert bytes_of["a"] == bytes_of["b"]
    assert set(bytes_of["a"]) == set(bytes_of["c"])
    differ = [name for name, data in bytes_of["a"].items() if data != bytes_of["c"][name]]
    figures(
        "determinism, seed against resolved scene: files that differ",
        len(differ),
        "files",
        "0",
        len(bytes_of["a"]),
    )
    assert not differ, differ


def test_what_made_a_golden_file_is_written_in_it():
    for case in clips.CASES:
        true = json.loads((clips.FOLDER / case / clips.RESULT).read_text(encoding="utf-8"))
        assert set(true["made_on"]) == {"cpu", "numpy", "scipy", "numba"}

"""The door to numba: what every kernel may rely on."""

from fractions import Fraction

import numpy as np
import pytest

from usim.physics.jit import LINE, fused, kernel, rows32, rows64


@kernel
def _fused(a, b, c):
    return fused(a, b, c)


@pytest.mark.parametrize("number", [np.float32, np.float64])
def test_fused_rounds_once(number):
    """a b + c is the number next to the exact value, where a product and a sum of their own would round twice."""
    rng = np.random.default_rng(3)
    twice = 0
    for a, b in rng.uniform(1, 2, (500, 2)).astype(number):
        c = -number(a * b)  # leaves what the product's rounding lost
        exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        assert Fraction(float(_fused(a, b, c))) == exact
        twice += number(a * b) + c != number(_fused(a, b, c))
    assert twice > 400


def test_rows_start_a_cache_line():
    for count in (1, 96, 1001):
        for rows, number in ((rows32, np.float32), (rows64, np.float64)):
            made = rows(count)
            assert made.dtype == number
            assert made.shape == (count,)
            assert made.ctypes.data % LINE == 0
            assert not made.any()


def test_a_kernel_lies_by_the_hash_of_all_that_it_is_made_of(tmp_path, monkeypatch):
    """Why: numba's own cache sees neither other files nor that two installs are the same. Expected: a copy of the package elsewhere has
    the same hashes; a byte changed in a file changes the hash of what imports it, directly or not, and of nothing else."""
    import shutil

    import usim.physics.jit as jit

    package = jit._PACKAGE
    one, far, other = (package / "engine" / f"{name}.py" for name in ("veils", "patches", "tones"))
    assert set(jit.sources(one)) == {one, package / "physics" / "jit.py"}
    assert one in jit.sources(far)
    assert one not in jit.sources(other)
    before = [jit.source_hash(file) for file in (one, far, other)]

    copy = tmp_path / "usim"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jit, "_PACKAGE", copy)
    moved = [copy / "engine" / file.name for file in (one, far, other)]
    assert [jit.source_hash(file) for file in moved] == before

    moved[0].write_bytes(moved[0].read_bytes() + b"\n")
    for remembered in (jit._content, jit.sources, jit.source_hash):
        remembered.cache_clear()
    after = [jit.source_hash(file) for file in moved]
    assert [a == b for a, b in zip(before, after, strict=True)] == [False, False, True]
    for remembered in (jit._content, jit.sources, jit.source_hash):
        remembered.cache_clear()


def test_kernels_are_kept_in_one_folder():
    from usim.engine.veils import all_pass
    from usim.physics.jit import CACHE_FOLDER, source_hash

    folder = all_pass._cache._cache_path
    assert CACHE_FOLDER is not None
    assert folder == str(
        CACHE_FOLDER
        / f"veils-{source_hash(CACHE_FOLDER.__class__(all_pass.py_func.__code__.co_filename))}"
    )

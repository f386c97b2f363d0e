"""The one door to numba: compiled kernels whose cache survives read-only installs and never mixes versions.

numba refuses `cache=True` outright where it finds no writable folder, and its cache does not notice that another source file
changed.  So the folder is chosen here, before the first kernel is declared: per user, private (0700), named by the version of
usim and by a hash of all kernel sources; where no such folder can be written, kernels are compiled anew in each process.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding
import llvmlite.ir
import numba
import numba.extending
import numpy as np

_PACKAGE = Path(__file__).resolve().parents[1]


def _source_hash() -> str:
    """Return a short hash of every source file that may hold a kernel."""
    digest = hashlib.sha256()
    for folder in ("physics", "engine"):
        for path in sorted((_PACKAGE / folder).glob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def cache_folder() -> Path | None:
    """Return the folder for compiled kernels, or None where nothing can be written.

    `NUMBA_CACHE_DIR` wins where the user has set it; then `XDG_CACHE_HOME` or `~/.cache`; then a private folder for temporary files.
    """
    name = f"kernels-{_source_hash()}"
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    roots = [Path(chosen)] if chosen else []
    roots.append(Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "usim")
    roots.append(Path(tempfile.gettempdir()) / f"usim-{os.getuid()}")
    for root in roots:
        if _writable(root) and _writable(root / name):
            return root / name
    return None


CACHE_FOLDER = cache_folder()
if CACHE_FOLDER is not None:
    numba.config.CACHE_DIR = str(CACHE_FOLDER)


def _whole_vectors() -> None:
    """Let kernels use the whole of AVX-512 registers where there are any: LLVM stops at half for some processors.

    Lanes never mix, so results stay the same to the bit.  What the user has set wins.
    """
    if numba.config.CPU_NAME is None and numba.config.CPU_FEATURES is None:
        features = llvmlite.binding.get_host_cpu_features()
        if features.get("avx512f"):
            numba.config.CPU_NAME = llvmlite.binding.get_host_cpu_name()
            numba.config.CPU_FEATURES = features.flatten() + ",-prefer-256-bit"


_whole_vectors()


@numba.extending.intrinsic
def fused(typing_context, a, b, c):  # type: ignore[no-untyped-def]
    """a b + c, rounded once: one instruction where the processor has it, the same result to the bit, slowly, where it has not."""
    if not (isinstance(a, numba.types.Float) and a == b == c):
        return None

    def made(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.fma(*arguments)

    return a(a, a, a), made


@numba.extending.intrinsic
def bits_of(typing_context, x):  # type: ignore[no-untyped-def]
    """Return the bits of a float32 as an int32."""

    def made(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], llvmlite.ir.IntType(32))

    return numba.types.int32(numba.types.float32), made


@numba.extending.intrinsic
def from_bits(typing_context, bits):  # type: ignore[no-untyped-def]
    """Return the float32 that has these bits."""

    def made(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], llvmlite.ir.FloatType())

    return numba.types.float32(numba.types.int32), made


def kernel(
    function: Callable[..., Any] | None = None, *, allocates: bool = False, **options: Any
) -> Any:
    """Return the compiled function: IEEE arithmetic, no hidden threads, cached on disk where a folder can be written.

    Multiplication and addition do not fuse by themselves: whether they do depends on the processor, and sums in float32 would differ, by
    1 LSB at 24 bits in 10 samples of a million.  Inner loops say `fused` where they want it; it makes them an eighth faster.
    A kernel is always inlined into its callers: one that is not is optimised once by itself and once inside each caller, and which of the
    copies a process calls, and so the last bits, would depend on whether its kernels came from the cache.
    A kernel does not allocate, unless it says so: one that may counts the references of every slice it takes, by calls that cost more than the
    short loops over what was sliced, and that keep those from being packed.  So what allocates hands its room to an inner kernel that loops.
    """
    settings = {
        "_nrt": allocates,
        "cache": CACHE_FOLDER is not None,
        "nogil": True,
        "forceinline": True,
        "error_model": "numpy",
        "fastmath": False,
    } | options
    decorate = numba.njit(**settings)
    return decorate if function is None else decorate(function)


LINE = 64  # bytes in a cache line, and in the widest vector


@kernel(allocates=True)
def rows32(count):
    """Return `count` float32 zeros that start a cache line: vectors that cross lines are loaded and stored twice."""
    room = np.zeros(count + LINE // 4, np.float32)
    start = (-room.ctypes.data % LINE) // 4
    return room[start : start + count]


@kernel(allocates=True)
def rows64(count):
    """Return `count` float64 zeros that start a cache line."""
    room = np.zeros(count + LINE // 8)
    start = (-room.ctypes.data % LINE) // 8
    return room[start : start + count]

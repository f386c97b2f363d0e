"""The one door to numba: compiled kernels whose cache survives read-only installs and never mixes versions.

numba refuses `cache=True` outright where it finds no writable folder, its cache does not notice that another source file
changed, and it keeps the kernels of every install apart.  So kernels lie in a private (0700) folder per user, each in one named by its module and by
a hash of all sources that this module takes kernels and constants from: what did not change is not compiled again, and every
install of the same sources shares one cache.  Where no such folder can be written, kernels are compiled anew in each process.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding
import llvmlite.ir
import numba
import numba.core.caching
import numba.extending
import numpy as np

_PACKAGE = Path(__file__).resolve().parents[1]
_IMPORT = re.compile(rb"^(?:from (usim[\w.]*) import (\([^)]*\)|[^\n]*)|import (usim[\w.]*))", re.M)


@functools.cache
def _content(path: Path) -> bytes | None:
    """Return the bytes of a source file, None where there is none."""
    return path.read_bytes() if path.is_file() else None


@functools.cache
def sources(path: Path) -> tuple[Path, ...]:
    """Return the source file and all files of the package that it imports at its top level, directly or not: a kernel lies in these."""
    found: dict[Path, None] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        content = _content(file)
        if file in found or content is None:
            continue
        found[file] = None
        for package, names, module in _IMPORT.findall(content):
            dotted = (package or module).decode().split(".")[1:]
            place = _PACKAGE.joinpath(*dotted)
            waiting += [place.with_suffix(".py")] if dotted else []
            waiting += [place / f"{name.decode()}.py" for name in re.findall(rb"\w+", names)]
    return tuple(sorted(found))


@functools.cache
def source_hash(path: Path) -> str:
    """Return a short hash of a source file and of all that it imports from this package."""
    digest = hashlib.sha256()
    for file in sources(path):
        digest.update(f"{file.parent.name}/{file.name}".encode())
        digest.update(_content(file) or b"")
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
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    roots = [Path(chosen)] if chosen else []
    roots.append(Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "usim")
    roots.append(Path(tempfile.gettempdir()) / f"usim-{os.getuid()}")
    for root in roots:
        if _writable(root) and _writable(root / "kernels"):
            return root / "kernels"
    return None


CACHE_FOLDER = cache_folder()
if CACHE_FOLDER is not None:  # for what is compiled past this door: the judge, a user's own kinds
    numba.config.CACHE_DIR = str(CACHE_FOLDER)


class _Locator(numba.core.caching._CacheLocator):
    """Tells numba where the kernels of a source file lie."""

    def __init__(self, function: Callable[..., Any], path: Path) -> None:
        self._line = function.__code__.co_firstlineno
        self._stamp = source_hash(path)
        self._folder = (CACHE_FOLDER or Path()) / f"{path.stem}-{self._stamp}"

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._stamp

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> _Locator | None:
        if CACHE_FOLDER is None or not getattr(function, "_is_usim_kernel", False):
            return None
        return cls(function, Path(file))


numba.core.caching.CompileResultCacheImpl._locator_classes.insert(0, _Locator)


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

# what is written instruction by instruction: here and in `packed`
intrinsic, types = numba.extending.intrinsic, numba.types


@intrinsic
def fused(typing_context, a, b, c):  # type: ignore[no-untyped-def]
    """a b + c, rounded once: one instruction where the processor has it, the same result to the bit, slowly, where it has not."""
    if not (isinstance(a, types.Float) and a == b == c):
        return None

    def made(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.fma(*arguments)

    return a(a, a, a), made


@intrinsic
def bits_of(typing_context, x):  # type: ignore[no-untyped-def]
    """Return the bits of a float32 as an int32."""

    def made(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], llvmlite.ir.IntType(32))

    return types.int32(types.float32), made


@intrinsic
def from_bits(typing_context, bits):  # type: ignore[no-untyped-def]
    """Return the float32 that has these bits."""

    def made(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], llvmlite.ir.FloatType())

    return types.float32(types.int32), made


def kernel(
    function: Callable[..., Any] | None = None,
    *,
    allocates: bool = False,
    apart: bool = False,
    **options: Any,
) -> Any:
    """Return the compiled function: IEEE arithmetic, no hidden threads, cached on disk where a folder can be written.

    Multiplication and addition do not fuse by themselves: whether they do depends on the processor, and sums in float32 would differ, by
    1 LSB at 24 bits in 10 samples of a million.  Inner loops say `fused` where they want it; it makes them an eighth faster.
    A kernel is inlined into its callers, so that short ones cost no call and what surrounds them can be packed.  Large ones say `apart`: the
    compiler's time grows faster than what it is given, and with all of them in one piece a walker took 190 s to compile, apart 124 s, at the same speed.
    A kernel does not allocate, unless it says so: one that may counts the references of every slice it takes, by calls that cost more than the
    short loops over what was sliced, and that keep those from being packed.  So what allocates hands its room to an inner kernel that loops.
    """
    settings = {
        "_nrt": allocates,
        "cache": CACHE_FOLDER is not None,
        "no_cfunc_wrapper": True,  # nobody passes kernels as function pointers
        "nogil": True,
        "forceinline": not apart,
        "error_model": "numpy",
        "fastmath": False,
    } | options
    jit = numba.njit(**settings)

    def compiled(function: Callable[..., Any]) -> Any:
        function._is_usim_kernel = True  # type: ignore[attr-defined]
        return jit(function)

    return compiled if function is None else compiled(function)


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

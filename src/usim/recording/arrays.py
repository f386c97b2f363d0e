"""Arrays as .npz bytes that depend on the arrays alone, and back without pickles.

numpy.savez stamps the time into its zip members; these carry a fixed date. They are not compressed:
noise does not shrink, and the bytes of a compressor change with its version.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.lib import format as npy

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can hold
_KINDS = "biufcU"  # plain numbers, booleans and text; everything else would need a pickle


def encode_npz(arrays: Mapping[str, np.ndarray], name: str) -> bytes:
    """Return an .npz file with `arrays` in their order; not-finite values are a ValueError."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for key, value in arrays.items():
            array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
            if array.dtype.kind not in _KINDS:
                raise ValueError(f"{name}: {key} has type {array.dtype}; only numbers and text")
            if array.dtype.kind in "fc" and not np.all(np.isfinite(array)):
                count = int(np.count_nonzero(~np.isfinite(array)))
                raise ValueError(f"{name}: {count} values of {key} are not finite")
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            member = zipfile.ZipInfo(f"{key}.npy", _DATE)
            member.create_system = 3  # the same byte on every system
            member.external_attr = 0o644 << 16
            with archive.open(member, "w", force_zip64=array.nbytes > 1 << 30) as file:
                npy.write_array(file, array, version=(1, 0), allow_pickle=False)
    return memory.getvalue()


def decode_npz(data: bytes, name: str, limit_bytes: int = 1 << 34) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file given as bytes; pickles and damage are a ValueError.

    limit_bytes: refused above this unpacked size, before anything is unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > limit_bytes:
                raise ValueError(f"{name}: unpacks to more than {limit_bytes} bytes")
            arrays = {}
            for member in members:
                key = member.filename.removesuffix(".npy")
                arrays[key] = _read(io.BytesIO(archive.read(member)), f"{name}: {key}")
            return arrays
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{name}: not an .npz file that can be read ({error})") from None


def _read(file: io.BytesIO, name: str) -> np.ndarray:
    try:
        array = npy.read_array(file, allow_pickle=False, max_header_size=10_000)
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{name}: refused ({reason})") from None
    if array.dtype.kind not in _KINDS:
        raise ValueError(f"{name}: type {array.dtype} is refused; only numbers and text")
    return array

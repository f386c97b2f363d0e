"""Arrays in files: they come back as they were, and nothing that is read can run code (R18) or fill the memory."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from usim.recording import arrays


class Bomb:
    """Leaves a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_in_an_npz_is_refused_unopened(tmp_path):
    bomb = tmp_path / "went_off"
    memory = io.BytesIO()
    np.savez(memory, samples=np.array([Bomb(bomb)], dtype=object))
    with pytest.raises(ValueError, match="samples: refused"):
        arrays.decode_npz(memory.getvalue(), "x.npz")
    assert not bomb.exists()
    pickle.loads(pickle.dumps(Bomb(bomb)))
    assert bomb.exists()  # so it would have gone off


def test_object_arrays_are_not_written_either():
    with pytest.raises(ValueError, match="only numbers and text"):
        arrays.encode_npz({"x": np.array([{}], dtype=object)}, "truth")


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip"])
def test_what_is_no_npz_is_one_line(data):
    with pytest.raises(ValueError, match=r"x\.npz: not an \.npz file") as caught:
        arrays.decode_npz(data, "x.npz")
    assert "\n" not in str(caught.value)


def test_a_zip_bomb_is_refused_before_it_unpacks():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples.npy", bytes(50_000_000))
    with pytest.raises(ValueError, match="more than 1000000 bytes"):
        arrays.decode_npz(memory.getvalue(), "x.npz", limit_bytes=1_000_000)


def test_a_false_array_header_is_refused():
    """A header that claims a terabyte must not allocate one."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"
        header += b" " * (117 - len(header)) + b"\n"
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00\x76\x00" + header)
    with pytest.raises((ValueError, MemoryError)):
        arrays.decode_npz(memory.getvalue(), "x.npz")


def test_arrays_come_back_and_have_no_dates():
    given = {
        "z": np.array([1 + 2j], dtype=np.complex64),
        "rate": np.array(4000.0),
        "names": np.array(["a", "bb"]),
        "none": np.array([], dtype=str),
        "flags": np.array([[True], [False]]),
        "big_endian": np.arange(3, dtype=">f8"),
    }
    data = arrays.encode_npz(given, "x")
    assert data == arrays.encode_npz(given, "x")
    found = arrays.decode_npz(data, "x")
    assert list(found) == list(given)
    for name, value in given.items():
        assert np.array_equal(found[name], value)
        assert found[name].shape == value.shape
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(io.BytesIO(data)) as other:
        assert np.array_equal(other["names"], given["names"])

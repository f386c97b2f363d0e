"""R18: nothing that is read can run code."""

import ast
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import usim
from usim.recording import arrays

SOURCE = Path(usim.__file__).parent
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_METHODS = {
    ("yaml", "load"),
    ("yaml", "load_all"),
    ("yaml", "full_load"),
    ("yaml", "unsafe_load"),
    ("os", "system"),
    ("os", "popen"),
    ("joblib", "load"),
    ("torch", "load"),
}


def unsafe(tree):
    """Yield what is unsafe in a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = {alias.name.partition(".")[0] for alias in node.names}
            yield from (f"imports {name}" for name in names & FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.partition(".")[0] in FORBIDDEN_MODULES:
                yield f"imports {node.module}"
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                yield f"calls {node.func.id}"
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                method = (node.func.value.id, node.func.attr)
                yield from [f"calls {'.'.join(method)}"] if method in FORBIDDEN_METHODS else ()
            for keyword in node.keywords:
                value = keyword.value
                is_off = isinstance(value, ast.Constant) and value.value is False
                if keyword.arg in ("allow_pickle", "shell") and not is_off:
                    yield f"passes {keyword.arg}"


def test_no_unsafe_loading_in_the_source(figures):
    """A scan of every file of the package, not of text but of syntax trees."""
    found = []
    paths = sorted(SOURCE.rglob("*.py"))
    for path in paths:
        for what in unsafe(ast.parse(path.read_text(encoding="utf-8"))):
            found.append(f"{path.relative_to(SOURCE)}: {what}")
    figures("unsafe loading in the source", len(found), "places", 0, len(paths))
    assert found == []


def test_the_scan_sees_what_it_should():
    text = "import pickle\nimport numpy as np\nnp.load('x', allow_pickle=True)\neval('1')\n"
    assert len(list(unsafe(ast.parse(text)))) == 3


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

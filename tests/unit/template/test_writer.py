"""Writing: what is written reads back equal, to the last bit of every number."""

import math
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usim.template.problem import InvalidInput
from usim.template.reader import parse_value, read
from usim.template.writer import dump, flow

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20).filter(
    lambda text: not set(text) & {"\ufeff", "\ufffe", "\uffff"}
)
keys = st.text(
    st.sampled_from(string.ascii_letters + string.digits + "_-. :#"), min_size=1, max_size=9
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
    | st.sampled_from(["on", "1e3", "~", "null", "a: b", "- a", "#", "a #b", " a", "a ", "\n\t\"\\'", "<<", "%a", "0x1", "1_0", ".nan", "?", "@", "{", "[]", "\u2028"])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
tables = st.dictionaries(keys, values, min_size=1, max_size=5)


def same(one, other):
    """Equal in value, type and the sign of zero."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and list(one) == list(other)
            and all(same(one[key], other[key]) for key in one)
        )
    if isinstance(one, list):
        return (
            isinstance(other, list)
            and len(one) == len(other)
            and all(same(a, b) for a, b in zip(one, other, strict=True))
        )
    if isinstance(one, float):
        return (
            isinstance(other, float)
            and math.copysign(1, one) == math.copysign(1, other)
            and one == other
        )
    return type(one) is type(other) and one == other


@settings(max_examples=100, deadline=None)
@given(tables)
def test_what_is_written_reads_back_equal(table):
    assert same(read(dump(table).encode()).table, table)


@settings(max_examples=50, deadline=None)
@given(values.filter(lambda value: value is not None))
def test_one_line_of_a_value_reads_back_equal(value):
    assert "\n" not in flow(value)
    assert same(parse_value(flow(value), "--set").table, value)


def test_it_looks_like_a_scene():
    table = {
        "usim": "scene/1",
        "title": "A fan, and nobody there",
        "room": {"kind": "box", "size_m": [5.2, 4, 1e-5], "surfaces": {"floor": "carpet_loop"}},
        "movers": [
            {"kind": "fan", "name": "fan"},
            {"kind": "sphere", "name": "probe", "track": {"at_s": [0.0], "through_m": [[1, 2, 3]]}},
        ],
        "empty": {},
        "none": [],
    }
    assert dump(table) == (
        "usim: scene/1\n"
        'title: "A fan, and nobody there"\n'
        "room: {kind: box, size_m: [5.2, 4, 1e-05], surfaces: {floor: carpet_loop}}\n"
        "movers:\n"
        "  - {kind: fan, name: fan}\n"
        "  - {kind: sphere, name: probe, track: {at_s: [0.0], through_m: [[1, 2, 3]]}}\n"
        "empty: {}\n"
        "none: []\n"
    )


def test_numbers_of_numpy_are_numbers():
    written = dump({"a": np.float64(0.1), "b": np.int64(3), "c": (np.float32(0.5),)})
    assert read(written.encode()).table == {"a": 0.1, "b": 3, "c": [0.5]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\0", "\ud800", "\x85"])
def test_what_cannot_be_read_is_not_written(value):
    with pytest.raises(ValueError):
        dump({"a": value})


def test_other_types_are_refused():
    for table in ({"a": object()}, {1: 2}, [1], {"a": b"x"}, {"a": np.zeros(2)}):
        with pytest.raises(TypeError):
            dump(table)


def test_a_table_of_nothing_is_written_but_not_read_as_a_scene():
    assert dump({}) == "{}\n"
    assert read(b"{}").table == {}
    with pytest.raises(InvalidInput):
        read(b"")

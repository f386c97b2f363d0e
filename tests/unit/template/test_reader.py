"""Reading: YAML 1.2 numbers, places, and every problem at once."""

import pytest

from usim.template.problem import EnvironmentProblem, InvalidInput
from usim.template.reader import MOST_DEPTH, MOST_NODES, parse_value, read


def problems(text, file="evening.yaml"):
    with pytest.raises(InvalidInput) as caught:
        read(text.encode(), file)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e3", 1000.0),
        ("1E+3", 1000.0),
        ("96e3", 96000.0),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("010", 10),
        ("+7", 7),
        ("-0", 0),
        ("0x1F", 31),
        ("0o17", 15),
        ("9223372036854775807", 2**63 - 1),
        ("0.1", 0.1),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("12:30:00", "12:30:00"),
        ("2026-11-22", "2026-11-22"),
        ("1_2_x", "1_2_x"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("1e3.5", "1e3.5"),
        ("'1e3'", "1e3"),
        ('"32_500"', "32_500"),
        ("null_hypothesis", "null_hypothesis"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(written, value):
    got = read(f"a: {written}\n".encode()).table["a"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("32_500", "evening.yaml:1:4: a: 32_500 is not a number; write 32500"),
        ("1_000.5e3", "evening.yaml:1:4: a: 1_000.5e3 is not a number; write 1000.5e3"),
        (".nan", "evening.yaml:1:4: a: .nan is not a number; write a finite one"),
        ("-.inf", "evening.yaml:1:4: a: -.inf is not a number; write a finite one"),
        ("1e400", "evening.yaml:1:4: a: 1e400 is too large a number; at most 1.79e308"),
        ("1e-400", "evening.yaml:1:4: a: 1e-400 is too small a number; write 0"),
        (
            "9223372036854775808",
            "evening.yaml:1:4: a: 9223372036854775808 is too large a whole number; at most 2^63 - 1",
        ),
    ],
)
def test_numbers_that_are_none_say_what_to_write(written, said):
    assert problems(f"a: {written}") == [said]


def test_every_place_has_its_line_and_column():
    document = read(b"room:\n  size_m: [5,\n    4]\nmovers:\n  - {kind: fan, name: f}\n", "e.yaml")
    assert document.marks == {
        (): (1, 1),
        ("room",): (1, 1),
        ("room", "size_m"): (2, 3),
        ("room", "size_m", 0): (2, 12),
        ("room", "size_m", 1): (3, 5),
        ("movers",): (4, 1),
        ("movers", 0): (5, 5),
        ("movers", 0, "kind"): (5, 6),
        ("movers", 0, "name"): (5, 17),
    }
    # A field that is not there is reported where what should hold it stands.
    assert str(document.problem(("movers", 0, "rpm"), "missing")) == (
        "e.yaml:5:5: movers.f.rpm: missing"
    )


def test_all_problems_are_found_at_once_and_sorted():
    text = "a: 32_500\nb: &x 1\na: 2\nc: *x\nd: !t 3\n<<: {e: 1}\n7: 8\nf: .inf\n? [g]\n: 1_0\n"
    said = problems(text)
    assert [line.split(":")[1] for line in said] == list("1234567890")[:9] + ["10"]
    assert "this key is also on line 1" in said[2]
    assert "use `let`" in said[1]
    assert all(line.startswith("evening.yaml:") for line in said)


def test_a_file_of_nothing_but_problems_is_not_read_to_its_end():
    said = problems("\n".join(f"k{i}: .nan" for i in range(5000)))
    assert len(said) == 51
    assert "the rest is not read" in said[-1]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null", "---\n...\n"])
def test_an_empty_file_says_so(text):
    assert "the file is empty" in problems(text)[0]


@pytest.mark.parametrize("text", ["[1, 2]", "word", "7", "- a: 1"])
def test_a_file_without_fields_says_so(text):
    assert "where fields such as" in problems(text)[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1,\nb: 2", "evening.yaml:3:1: a list is not closed"),
        ("a: {b: 1", "a mapping is not closed"),
        ("a: b: c", "evening.yaml:1:5: a ':' where none can stand"),
        ("a:\n\tb: 1", "evening.yaml:2:1: nothing can begin with this character"),
        ("a: 'x", "a quoted text is not closed"),
        ("a: 1\n   b: 2", "evening.yaml:2:5: a ':' where none can stand"),
        ("a: @x", "evening.yaml:1:4: nothing can begin with this character"),
        ("a: 1\n---\nb: 2", "evening.yaml:2:1: a second document begins"),
        ("%YAML 1.1\n---\na: 1", "evening.yaml:1:1: a line that begins with '%'"),
    ],
)
def test_what_is_not_yaml_says_where(text, said):
    assert any(said in line for line in problems(text)), problems(text)


def test_limits_are_met_exactly():
    nested = "a: " + "[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1)
    assert read(nested.encode())
    assert "more than 32 deep" in problems("a: " + "[" * MOST_DEPTH + "]" * MOST_DEPTH)[0]
    # The top mapping, its key and its list are values as well.
    assert len(read(("a: [" + "1," * (MOST_NODES - 3) + "]").encode()).table["a"]) == MOST_NODES - 3
    assert "more than 50000 values" in problems("a: [" + "1," * (MOST_NODES - 2) + "]")[0]


def test_reading_takes_paths_bytes_and_a_name(tmp_path):
    path = tmp_path / "scene.yaml"
    path.write_text("a: 1\n")
    assert read(path).table == read(str(path)).table == read(path.read_bytes()).table == {"a": 1}
    assert read(path).file == str(path)
    assert read(path, "shown.yaml").file == "shown.yaml"


def test_what_is_no_file_is_refused_in_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "absent", "a\0b", "a" * 5000, str(tmp_path) + "/\ud800"):
        with pytest.raises(InvalidInput) as caught:
            read(path)
        assert len(str(caught.value).splitlines()) == 1


def test_no_permission_is_the_environment(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "scene.yaml").write_text("a: 1")
    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(EnvironmentProblem, match="no permission"):
        read(tmp_path / "scene.yaml")


def test_one_value_is_read_by_the_rules_of_a_file():
    assert parse_value("1e3", "--set a=1e3").table == 1000.0
    assert parse_value("{uniform: [0, 1]}", "s").table == {"uniform": [0, 1]}
    assert parse_value("", "s").table is None
    with pytest.raises(InvalidInput, match=r"^--set a=32_5: 32_5 is not a number; write 325$"):
        parse_value("32_5", "--set a=32_5")

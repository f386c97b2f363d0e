"""Problems: one line each, sorted, printable, and a hint that is worth reading."""

import pickle

import pytest

from usim.template.problem import InvalidInput, Problem, excerpt, suggest


def test_a_problem_is_one_line_with_what_is_known():
    assert str(Problem("no such field", "e.yaml", 14, 5, "movers.adult.x")) == (
        "e.yaml:14:5: movers.adult.x: no such field"
    )
    assert str(Problem("no such field", "e.yaml")) == "e.yaml: no such field"
    assert str(Problem("no such field", place="room")) == "room: no such field"
    assert str(Problem("no such field")) == "no such field"


def test_nothing_in_a_problem_can_break_the_line_or_the_terminal():
    line = str(Problem("a\nb\x1b[31m", "e\n.yaml", 1, 1, "m\ud800"))
    assert line == "e\\n.yaml:1:1: m\\ud800: a\\nb\\x1b[31m"
    line.encode("utf-8")


def test_problems_are_sorted_by_line_and_said_once():
    one, two, three = (Problem("x", "e", line, 1) for line in (9, 10, 2))
    error = InvalidInput([one, two, three, one])
    assert error.problems == (three, one, two)
    assert str(error) == "e:2:1: x\ne:9:1: x\ne:10:1: x"
    assert str(InvalidInput("plain words")) == "plain words"
    assert InvalidInput(one).problems == (one,)


def test_invalid_input_survives_the_way_back_from_a_worker():
    error = pickle.loads(pickle.dumps(InvalidInput([Problem("x", "e", 1, 2, "a.b")])))
    assert error.problems == (Problem("x", "e", 1, 2, "a.b"),)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("hieght_m", "; did you mean height_m?"),
        ("HEIGHT_M", "; did you mean height_m?"),
        ("zzz", "; one of height_m, speed_m_s"),
        (7, "; one of height_m, speed_m_s"),
        ("", "; one of height_m, speed_m_s"),
    ],
)
def test_suggestions(word, hint):
    assert suggest(word, ["height_m", "speed_m_s"]) == hint


def test_suggestions_stay_short_and_quick():
    assert suggest("zzz", [f"field{i}" for i in range(20)]) == ""
    assert suggest("x" * 10**6, ["a"]) == "; one of a"
    assert suggest("a", []) == ""


def test_excerpts_are_short_lines():
    for value in ("x" * 10**6, "a\nb", list(range(10**4)), {f"k{i}": i for i in range(99)}, None):
        shown = excerpt(value)
        assert shown.isprintable()
        assert len(shown) <= 60
    assert excerpt(True) == "true"
    assert excerpt(None) == "nothing"
    assert excerpt([1, "a"]) == "[1, a]"
    assert excerpt({"a": 1}) == "a mapping with a"

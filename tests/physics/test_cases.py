"""Every verification case has an owner, and every case that is due has a test."""

import ast
import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OWNERS = {"A1", "A2", "B", "D", "later"}
DUE = {"A1"}

with (Path(__file__).parent / "cases.csv").open(encoding="utf-8", newline="") as table:
    CASES = list(csv.DictReader(table))


def test_complete():
    """Why: a case that nobody owns is a case that nobody runs.
    Set-up: cases.csv.
    Expected: V01 to V56 and S1 to S5 once each, in order, each with a known owner.
    """
    names = [f"V{number:02d}" for number in range(1, 57)]
    names += [f"S{number}" for number in range(1, 6)]
    assert [case["id"] for case in CASES] == names
    assert {case["owner"] for case in CASES} <= OWNERS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_named_test_exists(case):
    """Why: a name in a table proves nothing.
    Set-up: the test named by each case, read as a syntax tree.
    Expected: cases that are due name one; every named one exists and its file names the case.
    """
    if not case["test"]:
        assert case["owner"] not in DUE
        return
    path, _, function = case["test"].partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    found = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert function in found
    assert function.startswith("test_")

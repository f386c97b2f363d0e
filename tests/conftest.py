"""What every test can lean on: tiers, counts, figures, a hermetic environment, real data, golden renewal.

Tiers (one test each, only counts differ):

* ``pytest -m fast``: everything not marked ``slow`` or ``full``; under 2 minutes.
* ``pytest``: everything not marked ``full``; under 15 minutes on two cores.
* ``pytest -m full --counts full``: every test that reports a figure or asks for ``counts``, at the
  counts the orders name, and what is marked ``full``; hours.

Fixtures: ``figures(name, value, unit, bar, counts=None)``, ``counts(default, full)``, ``realdata(path)``,
``update_golden``.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import usim  # noqa: F401  (first: it pins the thread counts, which numpy reads when it is imported)

import numpy as np  # isort: skip
import pytest  # isort: skip

ROOT = Path(__file__).resolve().parent.parent
FIGURE_KEYS = ("name", "figure", "unit", "bar", "counts", "commit")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("usim")
    group.addoption("--figures", metavar="FILE", help="append every figure, as JSON lines")
    group.addoption(
        "--counts",
        choices=["default", "full"],
        default="default",
        help="how many trials the statistical tests make: default, or the numbers of the orders",
    )
    group.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden from this run"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every test its tier; leave out what only the full tier runs."""
    full = config.getoption("--counts") == "full"
    left_out = []
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if "full" in marks:
            if not full:
                left_out.append(item)
            continue
        if {"figures", "counts"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("full")
        if "slow" not in marks and "fast" not in marks:
            item.add_marker("fast")
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


# ---------------------------------------------------------------- figures


@pytest.fixture(scope="session")
def commit() -> str:
    """The commit under test, with ``+`` where tracked files differ from it."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--exclude=*", "--dirty=+"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@pytest.fixture
def figures(
    request: pytest.FixtureRequest, commit: str, record_property: Callable[[str, object], None]
) -> Callable[..., None]:
    """``figures(name, value, unit, bar, counts=None)`` reports one figure against its bar.

    The figure is printed at the end of the run and, with ``--figures FILE``, appended to FILE. The test itself
    asserts the bar, after reporting: a missed bar leaves its figure behind.
    """
    target = request.config.getoption("--figures")

    def report(name: str, value: Any, unit: str, bar: Any, counts: Any = None) -> None:
        figure = value.item() if isinstance(value, np.generic) else value
        row = dict(zip(FIGURE_KEYS, (name, figure, unit, bar, counts, commit), strict=True))
        row["test"] = request.node.nodeid
        row["tier"] = request.config.getoption("--counts")
        line = json.dumps(row, default=str, ensure_ascii=False)
        print(line)
        record_property("figure", line)
        if target:
            with open(target, "a", encoding="utf-8") as stream:
                stream.write(line + "\n")

    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = [
        json.loads(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for key, value in getattr(report, "user_properties", ())
        if key == "figure"
    ]
    if lines:
        terminalreporter.section("figures")
        for row in lines:
            figure = row["figure"]
            shown = f"{figure:.6g}" if isinstance(figure, float) else str(figure)
            counts = "" if row["counts"] is None else f"  ({row['counts']})"
            terminalreporter.write_line(
                f"{row['name']}: {shown} {row['unit']}, bar {row['bar']}{counts}"
            )


@pytest.fixture
def counts(request: pytest.FixtureRequest) -> Callable[[int, int], int]:
    """``counts(default, full)`` returns the number of trials of this run's tier."""
    full = request.config.getoption("--counts") == "full"
    return lambda default, at_full: at_full if full else default


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """True where this run rewrites the golden files instead of comparing with them."""
    return bool(request.config.getoption("--update-golden"))


# ---------------------------------------------------------------- environment

_REALDATA = Path(os.environ.get("USIM_REALDATA", ROOT.parent / "shared" / "realdata"))


@pytest.fixture
def realdata() -> Callable[..., Path]:
    """``realdata("folder", "file")`` returns a path in USIM_REALDATA, or leaves the test out.

    USIM_REALDATA defaults to ``../shared/realdata`` beside the checkout.
    """

    def look_up(*parts: str) -> Path:
        path = _REALDATA.joinpath(*parts)
        if not path.exists():
            pytest.skip("not run: real data absent")
        return path

    return look_up


@pytest.fixture(autouse=True)
def hermetic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test starts without USIM_* settings, and an invalid number is an error, not a NaN."""
    for name in [name for name in os.environ if name.startswith("USIM_")]:
        monkeypatch.delenv(name)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield

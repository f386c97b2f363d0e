"""The engine's echoes of a walker against `exact`, and what lies where nothing moves."""

from __future__ import annotations

import pytest
from tumblers import compared, judge_spurious, tumbling

pytestmark = pytest.mark.slow

NEAR_M = (-0.9, 0.0, 0.0)  # brings the nearest piece to 1.1 m
WINDOW_S = 0.05
# name -> how the walker goes, when the window starts. Crossing: it passes in front of the device at constant range.
WINDOWS = {
    "far": ({}, 0.7),
    "fastest towards": ({}, 1.6),
    "crossing": ({}, 3.175),
    "going": ({}, 4.1),
    "across a fade": ({}, 4.45),
    "near": ({"shift_m": NEAR_M}, 3.1),
    "hurried": ({"pace": 2.0}, 2.2),
    "hurried and near": ({"pace": 2.0, "shift_m": NEAR_M}, 1.55),
}
BARS_DB = {"draft": -25.0, "standard": -40.0, "fine": -60.0}


def full(value):
    """A parameter of the full tier alone."""
    return pytest.param(value, marks=pytest.mark.full)


FEW = ("torso", "hand_right", "foot_left")


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("quality", ["draft", "standard"])
def test_resolved_set(quality, window, figures):
    """Why: echoes right in phase are the engine's job; `exact` is an independent way to the same numbers.
    Set-up: sixteen tumbling ellipsoids in a living room, puck_4mic with its tolerances, images to order 3 (draft 2), 50 ms at
    one microphone; the judge sums the resolved pairs alone, with the cross-fades of the epochs. Hurried: twice as fast, feet
    and hands turn at 240 to 300 degrees a second.
    Expected: residual energy over echo energy <= -40 dB, draft <= -25 dB.
    """
    how, start_s = WINDOWS[window]
    found = compared(tumbling(**how), quality, start_s, WINDOW_S)
    figures(
        f"resolved set against exact, {quality}, {window}",
        found.residual_db,
        "dB",
        f"<= {BARS_DB[quality]:g}",
        f"{found.pairs} pairs",
    )
    assert found.residual_db <= BARS_DB[quality]


@pytest.mark.parametrize("window", [full("far"), full("near"), "hurried and near"])
def test_all_pairs(window, counts, figures):
    """Why: `fine` is what texture is measured by.
    Set-up: three pieces, large, flat and long, all 3969 pairs of each, 50 ms at one microphone; sixteen pieces in the full tier.
    Expected: residual energy over echo energy <= -60 dB.
    """
    how, start_s = WINDOWS[window]
    pieces = counts(FEW, None)
    found = compared(tumbling(pieces, **how), "fine", start_s, WINDOW_S)
    figures(
        f"all pairs against exact, fine, {window}",
        found.residual_db,
        "dB",
        "<= -60",
        f"{found.pairs} pairs",
    )
    assert found.residual_db <= BARS_DB["fine"]


@pytest.mark.parametrize("quality", ["standard", "fine"])
def test_swelling(quality, figures):
    """Why: a chest breathes: its size changes while it moves.
    Set-up: three pieces that swell and shrink by 5 % twice a second, far more than any chest, 50 ms at one microphone.
    Expected: residual energy over echo energy as without, <= -40 dB `standard`, <= -60 dB `fine`.
    """
    how, start_s = WINDOWS["far"]
    found = compared(tumbling(FEW, **how, swell=0.05), quality, start_s, WINDOW_S)
    bar = BARS_DB[quality]
    figures(
        f"swelling pieces against exact, {quality}",
        found.residual_db,
        "dB",
        f"<= {bar}",
        f"{found.pairs} pairs",
    )
    assert found.residual_db <= bar


@pytest.mark.parametrize("window", ["going", full("near"), "hurried"])
@pytest.mark.parametrize("quality", [full("draft"), "standard"])
def test_spurious(quality, window, figures):
    """Why: a line where nothing moves that fast is a false motion.
    Set-up: the walker for 128 ms, Blackman-Harris; the spectrum of engine minus exact over the same pairs, beyond 1.2 times the
    fastest piece's Doppler shift; re the strongest moving path.
    Expected: <= -80 dB.
    """
    how, start_s = WINDOWS[window]
    found = compared(tumbling(**how), quality, start_s - 0.05, 0.128)
    judge_spurious(figures, f"spurious, {quality}, {window}", found, start_s + 0.014)

"""A dressed person who walks: the engine's echoes against those of `exact`, limb by limb behind each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tumblers import compared, judge_spurious, traced

from usim.engine import exact
from usim.movers.base import AbstractMover
from usim.scene.covering import coverings
from usim.scene.scene import Scene
from usim.scene.template import load

pytestmark = pytest.mark.slow

WINDOW_S = 0.05
# name -> scene, when the window starts.
WINDOWS = {
    "fastest leg": ("walk_past", 5.0),
    "stance": ("walk_past", 5.4),
    "turn": ("there_and_back", 8.1),
    "crossing": ("walk_past", 3.6),
}
BARS_DB = {"draft": -25.0, "standard": -40.0, "fine": -60.0}
ARM = ("thorax", "upper_arm_left", "forearm_left", "hand_left")


def full(*values):
    """A parameter of the full tier alone."""
    return pytest.param(*values, marks=pytest.mark.full)


def walker(name: str, pieces=None) -> Scene:
    """A scene with its person, or with some pieces of it."""
    scene = load(name).sample(seed=3)
    (person,) = scene.movers
    return scene if pieces is None else dataclasses.replace(scene, movers=(Part(person, pieces),))


class Part(AbstractMover):
    """Some pieces of a mover."""

    def __init__(self, whole, names):
        self.whole, self.name, self.label = whole, whole.name, whole.label
        self.story_s, self.moments_s = whole.story_s, whole.moments_s
        self.rows = [n for n, piece in enumerate(whole.pieces) if piece.name in names]
        self.pieces = tuple(whole.pieces[n] for n in self.rows)

    def at(self, t_s):
        poses = self.whole.at(t_s)
        parts = {
            field.name: None
            if (value := getattr(poses, field.name)) is None
            else value[:, self.rows]
            for field in dataclasses.fields(poses)
        }
        return type(poses)(**parts)


@pytest.mark.parametrize(
    ("quality", "window"),
    [
        ("standard", "fastest leg"),
        ("standard", "stance"),
        ("standard", "turn"),
        ("standard", "crossing"),
        ("draft", "fastest leg"),
        full("draft", "stance"),
        full("draft", "turn"),
        full("draft", "crossing"),
    ],
)
def test_resolved_set(quality, window, figures):
    """Why: echoes of a person right in phase are the engine's job; `exact` is an independent way to the same numbers.
    Set-up: a person in denim walks through a living room, puck_4mic with its tolerances, images to order 3 (draft 2), 50 ms at
    one microphone, every fourth sample: sixteen limbs with mirrors and glints that breathe, bend and hide each other; the judge sums the resolved paths
    alone, with the cross-fades of the epochs.
    Expected: residual energy over echo energy <= -40 dB, draft <= -25 dB.
    """
    name, start_s = WINDOWS[window]
    found = compared(walker(name), quality, start_s, WINDOW_S, every=4)
    figures(
        f"walker, resolved set against exact, {quality}, {window}",
        found.residual_db,
        "dB",
        f"<= {BARS_DB[quality]:g}",
        f"{found.pairs} paths",
    )
    assert found.residual_db <= BARS_DB[quality]


@pytest.mark.full
def test_all_pairs(figures):
    """Why: `fine` is what texture is measured by.
    Set-up: a hand before a chest, all pairs of both with all glints that light up, 50 ms at one microphone.
    Expected: residual energy over echo energy <= -60 dB.
    """
    found = compared(walker("walk_past", ("thorax", "hand_left")), "fine", 5.0, WINDOW_S)
    figures("walker, all paths against exact, fine", found.residual_db, "dB", "<= -60")
    assert found.residual_db <= BARS_DB["fine"]


@pytest.mark.parametrize("window", ["fastest leg", full("crossing")])
def test_spurious(window, figures):
    """Why: a line where nothing moves that fast is a false motion.
    Set-up: the walker for 128 ms, Blackman-Harris; the spectrum of engine minus exact over the same paths, beyond 1.2 times the
    fastest limb's Doppler shift; re the strongest moving path.  Arms swing before the trunk all the while.
    Expected: <= -80 dB.
    """
    name, start_s = WINDOWS[window]
    found = compared(walker(name), "standard", start_s - 0.05, 0.128)
    judge_spurious(figures, f"walker, spurious, standard, {window}", found, start_s + 0.014)


def test_through_ones_own_arms(figures):
    """Why: a limb that comes before another must fade it, not cut it.
    Set-up: chest and left arm of the walker while the arm swings across the chest as the device sees it; 128 ms.
    Expected: the direct mirror of the chest loses more than 3 dB meanwhile, and the spurious bar of -80 dB holds.
    """
    scene, start_s = walker("walk_past", ARM), shaded_from_s()
    found = compared(scene, "standard", start_s, 0.128)
    assert found.residual_db <= BARS_DB["standard"]
    free = direct(walker("walk_past", ARM[:1]), found.t_s)
    lost_db = -20.0 * np.log10(np.abs(direct(scene, found.t_s) / free))
    figures("arm before the chest, direct mirror lost", lost_db.max(), "dB", "> 3")
    assert lost_db.max() > 3.0
    judge_spurious(figures, "arm before the chest, spurious", found, start_s + 0.064)


def direct(scene: Scene, t_s) -> np.ndarray:
    """What is heard of the chest's mirror on the direct way alone, by `exact`."""
    (mover,) = scene.movers
    dress = {
        (mover.name, number): glints
        for number, glints in enumerate(coverings(scene, mover))
        if glints is not None
    }
    direct = (
        -1 if scene.furniture else 0
    )  # as the judge names it among furniture, and in a bare box
    pair = {(mover.name, 0): np.full((1, 2, 3), direct)}
    return exact.tone_response(scene, 0, t_s, pairs=pair, glints=dress, static=False, poses="fit")


def shaded_from_s() -> float:
    """When the arm begins to cross the line from the device to the chest."""
    scene = walker("walk_past", ARM)
    (mover,) = scene.movers
    t_s = np.arange(1.5, 7.5, 0.01)
    place = mover.at(t_s).position_m
    way = scene.devices[0].position_m - place[:, 0]
    way /= np.linalg.norm(way, axis=1)[:, None]
    off = place[:, 2] - place[:, 0]
    ahead = (off * way).sum(axis=1)
    aside = np.linalg.norm(off - ahead[:, None] * way, axis=1)
    aside[ahead < 0.0] = np.inf
    return float(t_s[aside.argmin()]) - 0.064


def test_epochs_of_a_walker_are_complete():
    """Why: a leg that moves too fast for its knots would be dropped in silence.
    Expected: no path of three seconds of walking is left out.
    """
    paths = traced(walker("walk_past"), "standard", 3.0, 3.0)
    assert [echo.missed for echo in paths.echoes] == [0]

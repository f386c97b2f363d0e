"""Bends of a person: SciPy's rotation vectors between its pieces are the other route."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from usim.movers import person
from usim.movers._anthropometry import NAMES
from usim.template.streams import stream

ROUTINE = [
    {"kind": "walk", "through_m": [[4.6, 0.6], [2.2, 2.4], [4.6, 3.5]], "speed_m_s": 1.1},
    {"kind": "sit_still", "for_s": 1.0},
    {"kind": "stand", "for_s": 1.0},
]
T_S = np.arange(0.0, 18.0, 0.01)
NOWHERE = ("pelvis", "head", "hand_left", "hand_right")


@pytest.fixture(scope="module")
def one():
    table = {"kind": "person", "name": "a", "routine": ROUTINE}
    parameters = person.Parameters.model_validate(table)
    return person.build(parameters, lambda word: stream(7, f"movers.a.{word}"))


@pytest.fixture(scope="module")
def poses(one):
    return one.at(T_S)


def turned(poses, part, on):
    """The rotation vector (time, 3) of a piece in the frame of another."""
    inner, outer = (poses.rotation[:, NAMES.index(name)] for name in (part, on))
    return Rotation.from_matrix(np.swapaxes(outer, 1, 2) @ inner).as_rotvec()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("part", "on", "sign"),
    [
        ("shank", "thigh_{}", 1.0),
        ("thigh", "pelvis", -1.0),
        ("forearm", "upper_arm_{}", -1.0),
        ("foot", "shank_{}", -1.0),
    ],
)
def test_hinges_bend_by_their_turn_to_the_front(poses, part, on, sign, side):
    """Expected: the flexion is the rotation about the axis to the left, within 2 degrees and a tenth: knees and
    feet point a little outward. Left out: feet that turn by more than 20 degrees, on the spot."""
    name = f"{part}_{side}"
    bend = poses.bend_rad[:, NAMES.index(name)]
    turn = turned(poses, name, on.format(side))
    level = np.hypot(turn[:, 0], turn[:, 2]) < np.radians(20.0)
    bend, about = bend[level], sign * turn[level, 1]
    assert level.mean() > 0.8
    assert np.ptp(about) > np.radians(15.0)
    assert np.all(np.abs(bend - about) < np.radians(2.0) + 0.1 * np.abs(about))


@pytest.mark.parametrize("part", ["thorax", "abdomen"])
def test_the_trunk_bends_by_all_of_its_turn(poses, part):
    angle = np.linalg.norm(turned(poses, part, "pelvis"), axis=1)
    bend = poses.bend_rad[:, NAMES.index(part)]
    assert np.abs(bend - (np.hypot(angle, 0.02) - 0.02)).max() < 1e-9
    assert bend.max() > np.radians(2.0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_shoulders_bend_by_the_angle_from_hanging(poses, side):
    arm, trunk = (poses.rotation[:, NAMES.index(n), :, 2] for n in (f"upper_arm_{side}", "thorax"))
    angle = np.arccos(np.clip((arm * trunk).sum(axis=1), -1.0, 1.0))
    bend = poses.bend_rad[:, NAMES.index(f"upper_arm_{side}")]
    assert np.abs(bend - (np.hypot(angle, 0.02) - 0.02)).max() < 1e-6


def test_knees_bend_as_their_joints_do(one, poses):
    """Set-up: knees of the joints themselves while the first walk lasts. Expected: within 2 degrees and a tenth."""
    walked = one.activities[0].duration_s > T_S
    joints = one.activities[0].joints_m(T_S[walked])
    for side, column in (("left", 0), ("right", 1)):
        thigh, shank = (
            joints[:, 2 + column] - joints[:, column],
            joints[:, 4 + column] - joints[:, 2 + column],
        )
        cosine = (
            (thigh * shank).sum(axis=1)
            / np.linalg.norm(thigh, axis=1)
            / np.linalg.norm(shank, axis=1)
        )
        bend = poses.bend_rad[walked, NAMES.index(f"shank_{side}")]
        angle = np.arccos(cosine)
        assert np.all(np.abs(bend - angle) < np.radians(2.0) + 0.1 * angle)


def test_what_hangs_on_nothing_does_not_bend(poses):
    assert np.all(poses.bend_rad[:, [NAMES.index(name) for name in NOWHERE]] == 0.0)


def test_bends_are_smooth_and_the_same_in_any_order(one, poses):
    """Expected: no jump of the angle or its rate; the same bytes alone as among others."""
    t_s = np.arange(0.0, 18.0, 0.001)
    rate = np.gradient(one.at(t_s).bend_rad, 0.001, axis=0)
    assert np.abs(rate).max() < 15.0
    assert np.abs(np.diff(rate, axis=0)).max() < 1.0
    order = np.random.default_rng(1).permutation(len(T_S))
    assert np.array_equal(one.at(T_S[order]).bend_rad, poses.bend_rad[order])
    for index in (0, 333, 1500):
        alone = one.at(T_S[index : index + 1]).bend_rad[0]
        assert np.array_equal(alone, poses.bend_rad[index])

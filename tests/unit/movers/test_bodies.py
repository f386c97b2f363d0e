"""Sphere and ellipsoid: pieces, poses, turning."""

import numpy as np
import pytest
from pydantic import ValidationError

from usim.movers import ellipsoid, sphere

STANDS = {"at_s": [0.0], "through_m": [[1.0, 2.0, 1.0]]}


def _ellipsoid(**extra):
    table = {"kind": "ellipsoid", "name": "e", "semi_axes_m": [0.1, 0.2, 0.3], "track": STANDS}
    return ellipsoid.build(ellipsoid.Parameters.model_validate({**table, **extra}), None)


def test_a_sphere_is_an_ellipsoid_with_equal_axes():
    table = {"kind": "sphere", "name": "s", "radius_m": 0.1, "track": STANDS}
    ball = sphere.build(sphere.Parameters.model_validate(table), None)
    (piece,) = ball.pieces
    assert piece.shape == "ellipsoid"
    assert piece.size_m == (0.1, 0.1, 0.1)
    assert np.array_equal(ball.at(np.zeros(2)).rotation, np.broadcast_to(np.eye(3), (2, 1, 3, 3)))


def test_columns_are_the_axes_of_the_piece():
    """Turned by 90 degrees about z, the piece's x axis points along the room's y."""
    body = _ellipsoid(turned={"axis": [0, 0, 2], "angle_deg": 90})
    assert np.abs(body.at(np.zeros(1)).rotation[0, 0] @ [1, 0, 0] - [0, 1, 0]).max() < 1e-15


def test_turning_comes_after_turned():
    body = _ellipsoid(
        turned={"axis": [0, 0, 1], "angle_deg": 90},
        turning={"axis": [1, 0, 0], "at_s": [0, 1], "angle_deg": [0, 90]},
    )
    rotation = body.at(np.array([1.0]))
    assert np.abs(rotation.rotation[0, 0] @ [1, 0, 0] - [0, 0, 1]).max() < 1e-12


def test_constant_rate_turns_for_ever():
    body = _ellipsoid(turning={"axis": [0, 0, 1], "rate_deg_s": 90.0}, start_s=1.0)
    turned = body.at(np.array([-3.0, 1.0, 2.0, 5.0])).rotation[:, 0]
    assert np.abs(turned[1] - np.eye(3)).max() < 1e-15
    assert np.abs(turned[0] - turned[3]).max() < 1e-12
    assert np.abs(turned[2] @ [1, 0, 0] - [0, 1, 0]).max() < 1e-15
    assert body.story_s == (-np.inf, np.inf)


def test_turning_by_angles_stands_outside():
    body = _ellipsoid(turning={"axis": [0, 0, 1], "at_s": [1, 2], "angle_deg": [10, 50]})
    assert body.story_s == (0.0, 2.0)
    turned = body.at(np.array([-5.0, 1.0, 2.0, 9.0])).rotation
    assert np.array_equal(turned[0], turned[1])
    assert np.array_equal(turned[2], turned[3])


@pytest.mark.parametrize(
    "turning",
    [
        {"axis": [0, 0, 0], "rate_deg_s": 1.0},
        {"axis": [0, 0, 1]},
        {"axis": [0, 0, 1], "rate_deg_s": 1.0, "at_s": [0], "angle_deg": [1]},
        {"axis": [0, 0, 1], "at_s": [0, 1]},
        {"axis": [0, 0, 1], "at_s": [0, 1], "angle_deg": [1]},
    ],
)
def test_turning_is_said_in_one_way(turning):
    with pytest.raises(ValidationError):
        _ellipsoid(turning=turning)

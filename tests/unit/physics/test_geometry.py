"""Rotations, mirror points and box images against their definitions."""

import numpy as np
import pytest

from usim.physics.geometry import axis_rotation, box_images, mirrored, yaw_rotation


def test_yaw_turns_forward_to_the_left():
    assert yaw_rotation(90.0) @ [1.0, 0.0, 0.0] == pytest.approx([0.0, 1.0, 0.0], abs=1e-15)
    many = yaw_rotation(np.array([[0.0, 30.0], [60.0, 400.0]]))
    assert many.shape == (2, 2, 3, 3)
    assert many[1, 1] == pytest.approx(yaw_rotation(40.0))


def test_axis_rotation_is_a_rotation():
    rotation = axis_rotation((1.0, 2.0, -0.5), np.linspace(-7.0, 7.0, 11))
    identity = np.broadcast_to(np.eye(3), rotation.shape)
    assert rotation @ np.swapaxes(rotation, -1, -2) == pytest.approx(identity, abs=1e-14)
    assert np.linalg.det(rotation) == pytest.approx(np.ones(11))
    assert rotation[3] @ [1.0, 2.0, -0.5] == pytest.approx([1.0, 2.0, -0.5])
    assert axis_rotation((0, 0, 3.0), np.radians(25.0)) == pytest.approx(yaw_rotation(25.0))


def test_axis_without_length():
    with pytest.raises(ValueError, match="no length"):
        axis_rotation((0.0, 0.0, 0.0), 1.0)


def test_mirror_twice_is_nothing():
    points = np.random.default_rng(1).normal(size=(4, 5, 3))
    normal = np.array([0.6, 0.0, -0.8])
    once = mirrored(points, (0.3, 0.2, 0.1), normal)
    assert mirrored(once, (0.3, 0.2, 0.1), normal) == pytest.approx(points)
    halfway = 0.5 * (points + once) - [0.3, 0.2, 0.1]
    assert halfway @ normal == pytest.approx(np.zeros((4, 5)), abs=1e-14)


@pytest.mark.parametrize("order", range(6))
def test_number_of_images(order):
    images = box_images((1.0, 2.0, 1.0), (0.0, 0.0, 0.0), (5.0, 4.0, 3.0), order)
    expected = (4 * order**3 + 6 * order**2 + 8 * order + 3) // 3
    assert len(images.orders) == expected
    assert len(np.unique(images.positions_m.round(9), axis=0)) == expected
    assert images.orders.max(initial=0) == order
    assert np.all(np.diff(images.orders) >= 0)
    assert images.positions_m[0] == pytest.approx([1.0, 2.0, 1.0])


def test_images_are_made_of_mirrors():
    """Every image of order n is the mirror image, in one wall, of an image of order n - 1."""
    low, high = np.array([-1.0, 0.5, 0.0]), np.array([4.0, 4.5, 2.5])
    images = box_images((0.2, 1.7, 1.1), low, high, 3)
    for position, hits, order in zip(*images, strict=True):
        if order == 0:
            continue
        parents = []
        for wall in np.flatnonzero(hits):
            axis, side = divmod(int(wall), 2)
            normal = np.eye(3)[axis]
            parent = mirrored(position, (low, high)[side], normal)
            same = np.isclose(images.positions_m, parent).all(axis=1)
            fewer = images.hits == hits - np.eye(6, dtype=int)[wall]
            parents.append(np.any(same & fewer.all(axis=1)))
        assert any(parents)

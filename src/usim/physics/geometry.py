"""Rotations, mirror points, the images of a box.

Points are (..., 3) arrays in metres, z up, x forward; angles in radians unless a name ends in _deg.
"""

from typing import NamedTuple

import numpy as np


def yaw_rotation(yaw_deg):
    """Rotation (..., 3, 3) about z by yaw_deg (degrees, any shape), counterclockwise from above.

    Columns are the turned axes: room = rotation @ own.
    """
    yaw = np.radians(np.asarray(yaw_deg, dtype=float))
    rotation = np.zeros((*yaw.shape, 3, 3))
    rotation[..., 0, 0] = rotation[..., 1, 1] = np.cos(yaw)
    rotation[..., 1, 0] = np.sin(yaw)
    rotation[..., 0, 1] = -np.sin(yaw)
    rotation[..., 2, 2] = 1.0
    return rotation


def axis_rotation(axis, angle):
    """Rotation (..., 3, 3) by `angle` (rad, any shape) about `axis` (3,), right-handed.

    Rodrigues' formula. An axis without length raises ValueError.
    """
    axis = np.asarray(axis, dtype=float)
    length = np.linalg.norm(axis)
    if not length > 0.0:
        raise ValueError("the axis of a rotation has no length")
    x, y, z = axis / length
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.asarray(angle, dtype=float)[..., None, None]
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross)


def mirrored(points_m, on_plane_m, normal):
    """Mirror images of points (..., 3) in the plane through `on_plane_m` (3,), unit `normal` (3,)."""
    points, normal = np.asarray(points_m, dtype=float), np.asarray(normal, dtype=float)
    height = (points - np.asarray(on_plane_m, dtype=float)) @ normal
    return points - 2.0 * height[..., None] * normal


class BoxImages(NamedTuple):
    """Images of a point in a box: positions (image, 3), hits (image, 6), sorted by order.

    hits[i] counts reflections at x=low, x=high, y=low, y=high, z=low, z=high; orders[i] is their
    sum. The first image is the point itself.
    """

    positions_m: np.ndarray
    hits: np.ndarray
    orders: np.ndarray


def _axis_images(place, low, high, order):
    """Positions and (low, high) hit counts of the images of one coordinate, |order| at most."""
    # Image 2n +- place lies |2n - q| bounces away: Allen and Berkley, JASA 65 (1979) 943.
    length = high - low
    found = []
    for cell in range(-order, order + 1):
        for parity in (0, 1):
            hits_low, hits_high = abs(cell - parity), abs(cell)
            if hits_low + hits_high <= order:
                at = (1 - 2 * parity) * (place - low) + 2.0 * cell * length
                found.append((low + at, hits_low, hits_high))
    return sorted(found, key=lambda image: (image[1] + image[2], image[0]))


def box_images(point_m, low_m, high_m, order):
    """Images of a point in the box from corner `low_m` to `high_m` with at most `order` hits.

    Order N gives (4N^3 + 6N^2 + 8N + 3)/3 images: 1, 7, 25, 63 for N = 0..3. Every one of them
    is visible from anywhere in a box.
    """
    axes = [
        _axis_images(float(point_m[i]), float(low_m[i]), float(high_m[i]), order) for i in range(3)
    ]
    found = [
        (x, y, z)
        for x in axes[0]
        for y in axes[1]
        for z in axes[2]
        if sum(axis[1] + axis[2] for axis in (x, y, z)) <= order
    ]
    found.sort(key=lambda image: sum(axis[1] + axis[2] for axis in image))
    positions = np.array([[axis[0] for axis in image] for image in found])
    hits = np.array([[count for axis in image for count in axis[1:]] for image in found])
    return BoxImages(positions, hits, hits.sum(axis=1))

"""Random ellipsoids before random legs, in the slabs that kernels read, and the mirror by other means."""

import numpy as np
from scipy.spatial.transform import Rotation

from usim.engine.selection import pose_table
from usim.engine.slab import LANES, LONG_SLAB, ROW, SLAB, WALL_NODES
from usim.physics.scattering import ellipsoid_echo

KNOTS = 4 * LANES


def ellipsoids(rng, count=KNOTS):
    """Places (count, 3) m, rotations (count, 3, 3) and one set of semi-axes (3,)."""
    place = rng.uniform([1.5, 1.0, 0.5], [3.5, 3.0, 2.0], (count, 3))
    return place, Rotation.random(count, random_state=rng).as_matrix(), rng.uniform(0.05, 0.25, 3)


def ends(rng, far=4.0):
    """Two points (2, 3) well outside the crowd, within 140 degrees of each other seen from its middle."""
    middle = np.array([2.5, 2.0, 1.25])
    while True:
        u = rng.standard_normal((2, 3))
        u /= np.linalg.norm(u, axis=1)[:, None]
        if u[0] @ u[1] > -0.3:
            return middle + u * rng.uniform(2.5, far, (2, 1))


def slabs(place, rotation, size):
    """The float32 slab and the float64 slab of poses on knots."""
    table = pose_table(place, rotation, size)[:15]
    s, d = np.zeros(SLAB, np.float32), np.zeros(LONG_SLAB)
    for row, values in enumerate(table):
        s[row * ROW : row * ROW + len(values)] = values
        if row < 9:
            d[row * ROW : row * ROW + len(values)] = values
    return s, d


def rows(slab, start, count=1, knots=KNOTS):
    """Rows (count, knots) of a slab from position `start`."""
    return np.array([slab[start + n * ROW :][:knots] for n in range(count)], float)


def mirror(place, rotation, size, source, microphone):
    """Amplitude (1/m), path (m), cosine of half the bistatic angle by Newton on the path length, in float64."""
    inside = [np.einsum("kji,kj->ki", rotation, end - place) for end in (source, microphone)]
    return ellipsoid_echo(size, *inside)


def tables(rng, surfaces=4):
    """Smooth random reflections (surface, 2, WALL_NODES) and the same as functions of the cosine."""
    a = rng.uniform(0.02, 0.2, surfaces) * np.exp(1j * rng.uniform(-1, 1, surfaces))

    def reflection(which, cosine):
        return (cosine - a[which]) / (cosine + a[which])

    x = np.linspace(0, 1, WALL_NODES) ** 2
    made = np.array([reflection(n, x) for n in range(surfaces)])
    return np.stack([made.real, made.imag], axis=1).astype(np.float32), reflection

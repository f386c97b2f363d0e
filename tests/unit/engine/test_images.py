"""Mirror maps of a box and legs made of them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.polynomial import chebyshev

from unit.engine.crowd import tables
from usim.devices.unit import Unit
from usim.engine import legs as module
from usim.engine.images import maps
from usim.engine.legs import SLOPE_HZ, band, leg_slopes, legs, reflection, wall_tables
from usim.engine.paths import listening
from usim.engine.sides import sides_of
from usim.physics.geometry import box_images
from usim.scene.template import load


@pytest.fixture(scope="module")
def scene():
    return load("sixteen_tumblers").sample()


@pytest.mark.parametrize(("order", "many"), [(0, 1), (1, 7), (2, 25), (3, 63), (4, 129)])
def test_images_of_a_box(scene, order, many):
    """The number of lattice points with |l| + |m| + |n| <= order; places as by the lattice formula of physics.geometry."""
    point = np.array([0.7, 1.9, 0.85])
    found = maps(sides_of(scene), order, point[None]).of(point)
    low, high = scene.room.bounds_m
    expected = box_images(point, low, high, order).positions_m
    assert len(found) == len(expected) == many
    order_of = lambda p: np.lexsort(np.round(p, 6).T)  # noqa: E731
    np.testing.assert_allclose(found[order_of(found)], expected[order_of(expected)], atol=1e-12)


def test_a_line_meets_the_walls_that_its_image_names(scene):
    """Folding the straight line back at every wall hit ends at the source, and the cosines are those of the real hits."""
    rng = np.random.default_rng(1)
    low, high = scene.room.bounds_m
    source, point = rng.uniform(low + 0.2, high - 0.2, (2, 3))
    found = maps(sides_of(scene), 3, source[None])
    for index, image in enumerate(found.of(source)):
        u = (point - image) / np.linalg.norm(point - image)
        cosines = [abs(u @ n) for w, n in zip(found.walls[index], found.normals[index], strict=True) if w >= 0]  # fmt: skip
        # walk back from the point towards the image, mirrored at every wall that is met
        here, way, left, met = point.copy(), -u, np.linalg.norm(point - image), []
        for _ in range(found.order[index]):
            with np.errstate(divide="ignore"):
                reach = np.where(way > 0, (high - here) / way, (low - here) / way)
            axis = int(np.argmin(reach))
            here, left = here + reach[axis] * way, left - reach[axis]
            met.append(abs(way[axis]))
            way[axis] *= -1
        np.testing.assert_allclose(here + left * way, source, atol=1e-9)
        np.testing.assert_allclose(sorted(cosines), sorted(met), atol=1e-9)


def test_axes_turn_with_their_images(scene):
    device = listening(scene)
    found = legs(scene, device, 2)
    tip = found.maps.of(device.world(device.unit.drivers_m)[0] + 0.1 * device.world_axes(device.unit.driver_axes)[0])  # fmt: skip
    np.testing.assert_allclose((tip - found.sources[0]) / 0.1, found.source_axes[0], atol=1e-12)
    np.testing.assert_allclose(found.middles, found.targets.mean(axis=1))
    assert len({found.maps.key(n, tuple(w.name for w in scene.room.walls)) for n in range(len(found))}) == len(found)  # fmt: skip


def test_tables_of_surfaces(scene):
    """Linear between nodes, to 1e-4 of every shipped wall, grazing included."""
    surfaces = [wall.surface for wall in scene.room.walls] + [scene.movers[0].pieces[0].surface]
    made = wall_tables(surfaces, 32500.0, scene.air)
    cosine = np.random.default_rng(2).uniform(0.001, 1, 500) ** 2
    for surface, table in zip(surfaces, made, strict=True):
        found = reflection(np.repeat(table[None], 500, axis=0), cosine)
        exact = surface.reflection(cosine, 32500.0, scene.air)
        assert np.abs(found - exact).max() < 1e-4


def test_another_way_to_fit_makes_the_same_beams(scene, monkeypatch):
    """Why: the last bits of a least-squares fit depend on the processor. Set-up: the same fit as sums of cosines, for sixteen units.
    Expected: equal float32 bits."""

    def cosines(x, y, degree):
        terms = y * np.cos(np.arange(degree + 1)[:, None] * np.arccos(x))
        return np.append(1.0, np.full(degree, 2.0)) * terms.mean(axis=1)

    device = listening(scene)
    units = [Unit(device.unit.profile, serial) for serial in range(16)]
    made = [band(scene, replace(device, unit=unit), 32500.0) for unit in units]
    monkeypatch.setattr(chebyshev, "chebfit", cosines)
    for unit, one in zip(units, made, strict=True):
        other = band(scene, replace(device, unit=unit), 32500.0)
        assert one.beams.shape[-1] > 1
        assert other.beams.tobytes() == one.beams.tobytes()
        assert other.ports.tobytes() == one.ports.tobytes()


def test_slopes():
    """The twin: logarithms of reflections 100 Hz above and below, at the nearest node."""
    rng = np.random.default_rng(5)
    above, up = tables(rng)
    below, down = tables(rng)
    middles, points = rng.uniform(-4, 8, (5, 3)), np.array([[2.0, 2.0, 1.0], [1.0, 3.0, 2.0]])
    normals = rng.standard_normal((5, 2, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    hits = np.array([[-1, -1], [0, -1], [1, 2], [3, 3], [2, 0]])
    out = np.empty((2, 5), complex)
    module._slopes(middles, points, hits, normals.astype(np.float32), above, below, out)
    for p, j in np.ndindex(2, 5):
        point = points[p]
        u = (middles[j] - point) / np.linalg.norm(middles[j] - point)
        expected = 0.0
        for wall, n in zip(hits[j], normals[j], strict=True):
            if wall >= 0:
                high, low = up(wall, abs(u @ n)), down(wall, abs(u @ n))
                expected += 2 * (high - low) / (high + low)
        assert out[p, j] == pytest.approx(expected, abs=2e-2 * max(abs(expected), 0.1))


def test_slope_of_real_walls(scene):
    """d ln R/df of a leg with three walls against a difference over 10 Hz."""
    device = listening(scene)
    found, cost = legs(scene, device, 3), band(scene, device, 32500.0)
    point = np.array([2.4, 2.2, 1.2])
    (slopes,) = leg_slopes(found, cost, point[None])
    for j in (0, 5, 40, 62):
        u = (found.middles[j] - point) / np.linalg.norm(found.middles[j] - point)
        both = []
        for f in (32495.0, 32505.0):
            product = 1.0 + 0j
            for wall, n in zip(found.walls[j], found.maps.normals[j], strict=True):
                if wall >= 0:
                    product *= scene.room.walls[wall].surface.reflection(abs(u @ n), f, scene.air)
            both.append(product)
        expected = np.log(both[1] / both[0]) / 10.0
        assert slopes[j] == pytest.approx(expected, abs=2e-7)  # 200 Hz of Doppler: 4e-5
    assert SLOPE_HZ == 100.0

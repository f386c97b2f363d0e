"""Rays: the kernels beside their twins, and where the energy of a room goes."""

import dataclasses

import numpy as np
import pytest

from usim.engine import rays
from usim.engine.rays import Ball, crossings, energy_tables
from usim.engine.sides import sides_of
from usim.physics.air import Air
from usim.physics.jit import kernel
from usim.scene import load
from usim.scene.template import from_table

WORD = (1 << 64) - 1
SOURCE_M, MIDDLE_M = np.array([0.7, 1.9, 0.9]), np.array([2.4, 2.2, 1.2])


def room(absorption=0.15, scattering=0.3, size_m=(5, 4, 2.5), **more):
    surface = {"kind": "hard", "absorption": absorption, "scattering": scattering, "angle_dependent": False, **more}  # fmt: skip
    return from_table(
        {
            "usim": "scene/1", "title": "a box", "duration_s": 1.0,
            "room": {"kind": "box", "size_m": list(size_m), "surfaces": dict.fromkeys(("floor", "ceiling", "walls"), surface)},
            "devices": [{"name": "probe", "profile": "ideal", "position_m": [0.7, 1.9, 0.9], "yaw_deg": 25, "emits": {"kind": "tones", "carriers_hz": [32000], "level_db_spl": 80}}],
        }
    ).sample()  # fmt: skip


def around(count, seed=1):
    directions = np.random.default_rng(seed).standard_normal((count, 3))
    return directions / np.linalg.norm(directions, axis=1)[:, None]


def followed(scene, carriers_hz=(32000.0,), count=2000, order=3, radius=0.5, directions=None):
    directions = around(count) if directions is None else directions
    energies = np.full(len(directions), 4.0 * np.pi / len(directions))
    ball = Ball(MIDDLE_M, radius, 4.0 / 3.0 * np.pi * radius**3)
    return crossings(sides_of(scene), scene.air, np.array(carriers_hz), SOURCE_M, directions, energies, ball, order, 77)  # fmt: skip


# ---------------------------------------------------------------- the kernels


@kernel
def some_drawn(state, out):
    for n in range(out.shape[0]):
        state, out[n] = rays._drawn(state)


@kernel
def all_inside(corners, count, points, out):
    for n in range(out.shape[0]):
        out[n] = rays._inside(corners, count, points[n, 0], points[n, 1])


@kernel
def all_met(at, ways, normals, levels, axes, corners, counts, faces, far):
    for n in range(faces.shape[0]):
        faces[n], far[n] = rays._met(at, ways[n], normals, levels, axes, corners, counts)


@kernel
def all_turned(normals, a, b, up, out):
    for n in range(out.shape[0]):
        rays._turned(normals[n], a, b, up, out[n])


def splitmix(state):
    state = (state + 0x9E3779B97F4A7C15) & WORD
    z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return state, ((z ^ (z >> 31)) >> 11) * 2.0**-53


def test_drawn():
    got, want, state = np.empty(50), [], 12345
    some_drawn(np.uint64(state), got)
    for _ in got:
        state, number = splitmix(state)
        want.append(number)
    assert np.array_equal(got, want)


def test_inside():
    """An L: inside the one square or the other."""
    corners = np.array([[0, 0], [2, 0], [2, 1], [1, 1], [1, 3], [0, 3]], float)
    points = np.random.default_rng(5).uniform(-0.5, 3.5, (500, 2))
    got = np.empty(500, bool)
    all_inside(corners, 6, points, got)
    x, y = points.T
    assert np.array_equal(got, (x > 0) & (y > 0) & ((x < 2) & (y < 1) | (x < 1) & (y < 3)))


def test_met():
    """In a box the face met is the one that is nearest along its axis."""
    faces, far = np.empty(300, np.int64), np.empty(300)
    sides = sides_of(room())
    ways = around(300)
    all_met(SOURCE_M, ways, *rays._faces(sides), faces, far)
    high = np.where(ways > 0, [5.0, 4.0, 2.5], 0.0)
    want = ((high - SOURCE_M) / ways).min(axis=1)
    assert np.allclose(far, want, rtol=1e-12)
    ends = SOURCE_M + far[:, None] * ways
    on = [abs((end - sides.sides[f].corners_m[0]) @ sides.sides[f].normal) for end, f in zip(ends, faces, strict=True)]  # fmt: skip
    assert max(on) < 1e-12


def test_turned():
    normals = np.concatenate([around(50), [[0, 0, 1], [0, 0, -1], [1, 0, 0]]])
    out = np.empty_like(normals)
    all_turned(normals, 0.6, -0.48, 0.64, out)
    assert np.allclose(np.linalg.norm(out, axis=1), 1.0)
    assert np.allclose((out * normals).sum(axis=1), 0.64)


def mirrored(scene, way, order, radius):
    """The passages of one ray without scattering, wall by wall, in Python."""
    size, at, found = np.array(scene.room.bounds_m[1]), SOURCE_M.copy(), []
    gone, hits, energy, marks = 0.0, 0, 1.0, [0.0]
    alpha = 2.0 * float(scene.air.absorption_np_m(32000.0))
    kept = float(sides_of(scene).surfaces[0].energy(0.5, 32000.0, scene.air).mirror)
    while energy > 1e-8:
        steps = (np.where(way > 0, size, 0.0) - at) / way
        axis, far = int(np.argmin(steps)), float(steps.min())
        along = (MIDDLE_M - at) @ way
        left = radius**2 - ((MIDDLE_M - at) ** 2).sum() + along**2
        first, last = max(along - left**0.5, 0.0) if left > 0 else 0.0, min(along + left**0.5, far) if left > 0 else 0.0  # fmt: skip
        if hits > order and last > first:
            here = 0.5 * (first + last)
            found.append(
                (
                    gone + here,
                    energy * np.exp(-alpha * here) * (last - first),
                    hits,
                    marks[order + 1] - marks[hits - order] if hits <= 2 * order else 0.0,
                )
            )
        energy *= np.exp(-alpha * far) * kept
        marks.append(gone + far)
        gone, hits, at, way = gone + far, hits + 1, at + far * way, np.where(np.arange(3) == axis, -way, way)  # fmt: skip
    return found


def test_follow():
    """Without scattering: the same passages as a ray followed in Python."""
    scene, ways = room(scattering=0.0), around(60)
    got = followed(scene, directions=ways)
    volume, each = 4.0 / 3.0 * np.pi * 0.5**3, 4.0 * np.pi / 60
    want = [(n, *one) for n, way in enumerate(ways) for one in mirrored(scene, way, 3, 0.5)]
    got_strong = got.energy[0] > 1e-4 * got.energy[0].max()
    number, path, energy, hits, paired = np.array(want).T
    strong = energy > 1e-4 * energy.max()
    assert np.array_equal(got.ray[got_strong], number[strong])
    assert np.array_equal(got.mirrors[got_strong], hits[strong])
    assert np.allclose(got.paired_m[got_strong], paired[strong], rtol=1e-9)
    assert np.allclose(got.path_m[got_strong], path[strong], rtol=1e-9)
    assert np.allclose(got.energy[0, got_strong], energy[strong] * each / volume, rtol=1e-6)


# ---------------------------------------------------------------- where the energy goes


@pytest.mark.parametrize("scattering", [0.0, 0.3, 1.0])
def test_nothing_is_lost(scattering):
    spent = followed(room(scattering=scattering)).spent[0]
    assert spent.sum() == pytest.approx(4.0 * np.pi, rel=1e-12)
    assert spent[rays.LOST] == 0.0
    assert spent[rays.LEFT] < 1e-5


def test_nothing_is_lost_among_furniture_and_corners():
    for name in ("walk_around", "round_the_corner"):
        scene = load(name).sample()
        sides = sides_of(scene)
        ways = around(3000)
        device = scene.devices[0]
        ball = Ball(device.position_m, 0.4, 1.0)
        got = crossings(sides, scene.air, np.array([33000.0]), device.world(device.unit.drivers_m)[0], ways, np.full(3000, 1.0), ball, 2, 5)  # fmt: skip
        assert got.spent.sum() == pytest.approx(3000.0, rel=1e-12)
        assert got.spent[0, rays.LOST] <= 1e-3 * 3000.0


def test_what_images_carry_is_left_out():
    """Without scattering nothing of fewer mirrors than the images comes; with it, everything scattered does."""
    smooth, rough = followed(room(scattering=0.0), order=4), followed(room(), order=4)
    assert smooth.mirrors.min() == 5
    assert sorted(set(rough.mirrors))[:3] == [rays.SCATTERED, 5, 6]
    assert rough.path_m[rough.mirrors == rays.SCATTERED].min() < smooth.path_m.min()


def test_carriers_share_their_rays():
    """Two carriers on the same rays have the energies they would have alone, in the mean."""
    scene = room()
    both = followed(scene, (32000.0, 40000.0), count=6000)
    alone = [followed(scene, (f,), count=6000) for f in (32000.0, 40000.0)]
    for row, one in enumerate(alone):
        assert both.energy[row].sum() == pytest.approx(one.energy[0].sum(), rel=0.05)


def test_more_crossings_than_there_is_room_for():
    scene = dataclasses.replace(room(0.02), air=Air(lossless=True))
    some = followed(scene, count=40, radius=1.1)
    assert len(some.path_m) > rays.ROOM * 40


def test_tables_are_those_of_the_surface():
    scene = load("walk_around").sample()
    sides = sides_of(scene)
    table = energy_tables(sides, np.array([33000.0]), scene.air)
    for row, surface in enumerate(sides.surfaces):
        shares = surface.energy(np.array([0.5]), 33000.0, scene.air)
        x = np.sqrt(0.5) * (rays.NODES - 1)
        mirror, scattered, behind = (np.interp(x, np.arange(rays.NODES), part) for part in table[0, row])  # fmt: skip
        assert mirror == pytest.approx(shares.mirror[0], abs=2e-3)
        assert scattered == pytest.approx(shares.scattered[0], abs=2e-3)
        assert behind == 0.0


def test_a_ray_meets_the_patch_and_not_the_wall_behind():
    """A ray that comes to a wall where a patch is meets the patch, any other the wall: faces are disjoint, and together whole."""
    scene = room()
    patches = [
        {"wall": "east", "from_m": [1.0, 0.0], "to_m": [2.0, 2.0], "surface": "foam"},
        {"wall": "east", "from_m": [2.0, 1.0], "to_m": [3.0, 2.5], "surface": "foam"},
        {"wall": "floor", "from_m": [1.0, 1.0], "to_m": [3.0, 2.0], "surface": "foam"},
    ]
    table = {**scene.table, "room": {**scene.table["room"], "patches": patches}}
    sides = sides_of(from_table(table).sample())
    normals, levels, axes, corners, counts = rays._faces(sides)
    at = np.array([0.7, 1.9, 0.9])
    names = sides.names
    seen = {}
    for way in around(3000, 4):
        face, far = rays._met(at, way, normals, levels, axes, corners, counts)
        assert face >= 0
        spot = at + far * way
        within = [
            name
            for side, name in zip(sides.sides, names, strict=True)
            if side.wall >= 0
            and abs((spot - side.corners_m[0]) @ side.normal) < 1e-9
            and np.all(spot >= side.corners_m.min(axis=0) - 1e-9)
            and np.all(spot <= side.corners_m.max(axis=0) + 1e-9)
        ]
        assert within == ([names[face]] if sides.sides[face].wall >= 0 else [])
        seen[names[face]] = seen.get(names[face], 0) + 1
    assert {"east", "east.patch", "east.patch_2", "floor.patch_3", "floor"} <= set(seen)

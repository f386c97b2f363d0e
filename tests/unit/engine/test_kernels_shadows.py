"""Kernels of limbs that stand in the way, each beside its twin in NumPy; the amplitude itself is `physics.occlusion`."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from unit.engine.crowd import KNOTS, ellipsoids, rows, slabs
from usim.engine import shadows
from usim.engine.roots import inverse_eighth_root
from usim.engine.selection import pose_table
from usim.engine.shadows import AREA, BEYOND, OCCLUDER, ROWS, SIGHT
from usim.engine.slab import LANES, NORMAL, ROW, f32
from usim.physics.occlusion import _step, passed, passed_edge

WAVES = 95.0  # per metre: 32.5 kHz


@pytest.fixture(params=range(8))
def rng(request):
    return np.random.default_rng(request.param)


def unit(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def squares(rotation, size):
    """Q diag(a^2) Q' of poses (n, 3, 3), semi-axes (3,) or (n, 3)."""
    return np.einsum("kij,kj,klj->kil", rotation, np.broadcast_to(size, (len(rotation), 3)) ** 2, rotation)  # fmt: skip


def test_occluders(rng):
    """All pieces but one, in float32, with the determinant of the shape, the last knot repeated."""
    poses = [ellipsoids(rng, 60) for _ in range(3)]
    tables = np.array([pose_table(*one) for one in poses])
    found = np.full((3, ROWS, 60 + BEYOND), 7, np.float32)
    shadows.occluders(tables, 1, found)
    for o in (0, 2):
        np.testing.assert_array_equal(found[o, :, 60:], np.repeat(found[o, :, 59:60], BEYOND, 1))
        np.testing.assert_array_equal(found[o, :15, :60], tables[o, :15].astype(np.float32))
        np.testing.assert_allclose(found[o, AREA // ROW, :60], poses[o][2].prod() ** 2, rtol=1e-6)
    np.testing.assert_array_equal(found[1], 7)


@pytest.mark.parametrize("start", [0, 2 * LANES])
@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_window_of(rng, ratio, start):
    """Every ratio-th knot of one piece, in lanes of its own."""
    everything = rng.standard_normal((3, ROWS, 60 + BEYOND)).astype(np.float32)
    found = np.full(3 * OCCLUDER, 7, np.float32)
    shadows.window_of(everything, 2, 4, ratio, found, start, LANES)
    at = 4 + ratio * np.arange(LANES)
    expected = np.full((3, ROWS, ROW), 7, np.float32)
    expected[2, :, start : start + LANES] = everything[2][:, at]
    np.testing.assert_array_equal(found.reshape(3, ROWS, ROW), expected)


@pytest.mark.parametrize(("is_flat", "lets", "expected"), [(False, 0.0, True), (False, 0.7j, True), (False, 0.72j, False), (True, 0.0, False)])  # fmt: skip
def test_casts(is_flat, lets, expected):
    """Neither what is flat nor what lets more than half of the power straight through."""
    asked = []
    surface = SimpleNamespace(transmission=lambda *args: asked.append(args) or lets)
    piece, air = SimpleNamespace(is_flat=is_flat, surface=surface), object()
    assert shadows.casts(piece, 32e3, air) is expected
    assert all(args == (1.0, 32e3, air) for args in asked)


def test_inverse_eighth_root():
    x = np.concatenate([np.exp(np.linspace(0, 80, 4001)), [1.0]]).astype(np.float32)
    found = np.array([inverse_eighth_root(v) for v in x], float)
    np.testing.assert_allclose(found, x.astype(float) ** -0.125, rtol=3e-7)


def test_edge():
    v = np.concatenate([np.linspace(-8, 8, 1601), [-1e6, -1e3, -50, 50, 1e3, 1e6]])
    found = np.array([shadows._edge(f32(x)) for x in v], float)
    np.testing.assert_allclose(found, passed_edge(v.astype(np.float32)), rtol=1e-6)


def test_between():
    x = np.concatenate([np.linspace(-1.5, 1.5, 301), [-1e9, 1e9]])
    found = np.array([shadows._between(f32(v)) for v in x], float)
    np.testing.assert_allclose(found, _step(0.5 + 0.5 * x), atol=1e-6)


def touched(place, rotation, size, normal):
    """The points of ellipsoids that have these normals."""
    square = squares(rotation, size)
    v = np.einsum("kij,kj->ki", square, normal)
    return place + v / np.sqrt((v * normal).sum(axis=1))[:, None]


def in_rows(points):
    """Three rows of a slab, of points (n, 3)."""
    made = np.zeros((3, ROW), np.float32)
    made[:, : len(points)] = points.T
    return made.ravel()


def crowd(*poses):
    """The slab of pieces (place, rotation, size), of which the first is the one that echoes."""
    tables = np.stack([pose_table(*pose) for pose in poses])
    knots = tables.shape[2]
    everything = np.zeros((len(poses), ROWS, knots + BEYOND), np.float32)
    slab = np.zeros(len(poses) * OCCLUDER, np.float32)
    shadows.occluders(tables, 0, everything)
    for o in range(1, len(poses)):
        shadows.window_of(everything, o, 0, 1, slab, 0, -(-knots // LANES) * LANES)
    return slab


def test_surface_points(rng):
    """Where the surface has a normal, to float32; rows that lie beside are left alone."""
    place, rotation, size = ellipsoids(rng)
    normal = unit(rng.standard_normal((KNOTS, 3)))
    s, _ = slabs(place, rotation, size)
    s[NORMAL : NORMAL + 3 * ROW] = in_rows(normal)
    points = np.full(3 * ROW, 7, np.float32)
    shadows.surface_points(s, points, KNOTS)
    np.testing.assert_allclose(rows(points, 0, 3).T, touched(place, rotation, size, normal), atol=1e-6)  # fmt: skip
    np.testing.assert_array_equal(rows(points, 0, 3, ROW)[:, KNOTS:], 7)


@pytest.mark.parametrize("waves", [60.0, WAVES, 180.0])
@pytest.mark.parametrize("where", ["beside", "behind", "beyond", "inside", "on the way", "far"])
def test_shade(rng, waves, where):
    """Legs from a point to random points of a piece, and an occluder somewhere; what was let through before is a factor.

    To 3e-5: positions in float32 are good to 2e-7 m, and amplitudes change by less than 100 per metre.
    """
    place, rotation, size = ellipsoids(rng)
    point = touched(place, rotation, size, unit(rng.standard_normal((KNOTS, 3))))
    end = np.array([2.5, 2.0, 1.25]) + unit(rng.standard_normal(3)) * rng.uniform(2, 6)
    end = end + 0.02 * rng.standard_normal((KNOTS, 3))  # microphones of several lanes side by side
    other_size = rng.uniform(0.03, 0.3, 3)
    along, off = {
        "beside": (rng.uniform(0, 1, KNOTS), rng.uniform(0.1, 0.6, KNOTS)),
        "behind": (rng.uniform(-0.2, 0.0, KNOTS), rng.uniform(0, 0.2, KNOTS)),
        "beyond": (rng.uniform(1.0, 1.2, KNOTS), rng.uniform(0, 0.2, KNOTS)),
        "inside": (rng.uniform(-0.02, 0.02, KNOTS), rng.uniform(0, 0.02, KNOTS)),
        "on the way": (rng.uniform(0, 1, KNOTS), np.zeros(KNOTS)),
        "far": (rng.uniform(-3, 4, KNOTS), rng.uniform(1, 20, KNOTS)),
    }[where]
    across = unit(np.cross(end - point, rng.standard_normal((KNOTS, 3))))
    centre = point + along[:, None] * (end - point) + off[:, None] * across
    turned = Rotation.random(KNOTS, random_state=rng).as_matrix()
    slab = crowd((place, rotation, size), (centre, turned, other_size))
    through = rng.uniform(0.5, 1, ROW).astype(np.float32)
    before = through.copy()
    sight = np.zeros(SIGHT, np.float32)
    shadows.shade(in_rows(point), slab, 1, in_rows(end), f32(waves), sight, through, KNOTS)
    expected = passed(end, point, centre, squares(turned, other_size), 1 / waves)
    np.testing.assert_allclose(through[:KNOTS], before[:KNOTS] * expected, atol=3e-5)
    np.testing.assert_array_equal(through[KNOTS:], before[KNOTS:])
    if where == "on the way":
        assert expected.min() < 0.3
    if where == "far":
        assert expected.max() > 0.999


def pair_of_pieces(rng):
    """Two ellipsoids near each other and the end of a leg: limbs thick and thin, legs short and long."""
    sizes = rng.uniform(0.03, 0.15, (2, 3)) * rng.choice([1.0, 1.0, 3.0], (2, 3))
    rotations = Rotation.random(2, random_state=rng).as_matrix()
    own = rng.uniform(-1, 1, 3)
    end = own + unit(rng.standard_normal(3)) * (sizes[0].max() + rng.uniform(0.1, 5) ** 1.5)
    # most occluders near the leg, where the question is close
    way = unit(end - own)
    along = rng.uniform(-0.8, 1.3) * min(np.linalg.norm(end - own), 3.0)
    aside = unit(np.cross(way, rng.standard_normal(3))) * rng.uniform(0, 1.5)
    return sizes, rotations, np.array([own, own + along * way + aside]), end


def asked_if_clear(ways, rotations, sizes, normal, end, waves, fine, slack=0.0, edge=None):
    """What `is_clear` says of every fine-th place (n, 3) of two pieces, and what passes at all of them."""
    count = (len(ways[0]) - 1) // fine + 1
    wide = -(-count // LANES) * LANES
    turned = [np.repeat(rotations[p : p + 1], len(ways[0]), 0) for p in range(2)]
    point = touched(ways[0], turned[0], sizes[0], np.repeat(normal[None], len(ways[0]), 0))
    slab = crowd(*((ways[p][::fine], turned[p][::fine], sizes[p]) for p in range(2)))
    marks = point[::fine][np.minimum(np.arange(wide), count - 1)]
    edge = np.zeros(ROW, np.float32) if edge is None else edge
    ends = in_rows(np.broadcast_to(end, marks.shape))
    sight = np.zeros(SIGHT, np.float32)
    yes = shadows.is_clear(
        in_rows(marks),
        slab,
        1,
        ends,
        f32(waves),
        sight,
        edge,
        count,
        wide,
        shadows.CLEAR,
        f32(slack),
    )
    square = squares(turned[1], sizes[1])
    return yes, passed(np.broadcast_to(end, point.shape), point, ways[1], square, 1 / waves)


@pytest.mark.parametrize("count", [13, 45])
def test_is_clear_is_on_the_safe_side(rng, count):
    """Where it says yes, the other piece takes less than 1e-3 off the leg at every lane and between them; and it says yes at nine of ten
    pieces that take nothing."""
    said_yes, free, met = 0, 0, 0
    for _ in range(400):
        sizes, rotations, places, end = pair_of_pieces(rng)
        time = np.linspace(-1, 1, (count - 1) * 10 + 1)[:, None]
        # m over half the window: up to 5 cm from one lane to the next
        speed = unit(rng.standard_normal((2, 3))) * rng.choice([0.0, 0.05, 0.025 * count], (2, 1)) * rng.uniform(0, 1, (2, 1))  # fmt: skip
        ways = [place + time * v for place, v in zip(places, speed, strict=True)]
        normal = unit(rng.standard_normal(3))
        yes, lets = asked_if_clear(ways, rotations, sizes, normal, end, rng.uniform(50, 180), 10)
        assert not yes or lets.min() > 1 - 1e-3
        plainly = lets.min() > 1 - 1e-6
        said_yes, free = said_yes + (yes and plainly), free + plainly
        met += lets.min() < 0.9
    assert said_yes > 0.9 * free
    assert met > 10


def test_swiftness(rng):
    """The most that an edge comes nearer or goes in a lane, and bends, where it may not be clear in between."""
    v = rng.uniform(-3, 5, 22).astype(np.float32)
    bends = np.abs(np.diff(v, 2))
    bend = np.maximum(bends[:-1], bends[1:])
    change = np.abs(np.diff(v))[1:-1] + bend
    lows = np.minimum(v[1:-2], v[2:-1]) - bend / 2
    for lift in (0, 4, 100):
        expected = change[lows + lift < shadows.CLEAR]
        found = shadows.swiftness(v + np.float32(lift), 20)
        assert found == pytest.approx(expected.max(initial=0.0), rel=1e-5)


def test_swift_is_what_flies_by(rng):
    """What takes more than a tenth between two lanes is swift, though it may lie aside of both."""
    met = 0
    for _ in range(300):
        sizes, rotations, places, end = pair_of_pieces(rng)
        sizes[1] = rng.uniform(0.03, 0.05, 3)
        time = np.linspace(-1, 1, 121)[:, None]
        speed = unit(rng.standard_normal(3)) * rng.uniform(0.5, 2.0)  # m over six lanes
        ways = [np.repeat(places[:1], 121, 0), places[1] + time * speed]
        normal = unit(rng.standard_normal(3))
        edge = np.zeros(ROW, np.float32)
        yes, lets = asked_if_clear(ways, rotations, sizes, normal, end, 95.0, 10, edge=edge)
        if lets.min() < 0.9:
            assert not yes
            met += 1
            assert shadows.swiftness(edge, 13) > shadows.SWIFT
    assert met > 5


def test_is_clear_knows_what_flies_by(rng):
    """A thin limb that crosses the leg from one lane to the next, so fast that no lane sees it near, is taken for in the way."""
    flown_by = 0
    for _ in range(200):
        sizes, rotations, places, end = pair_of_pieces(rng)
        sizes[1] = rng.uniform(0.03, 0.05, 3)
        way = end - places[0]
        across = unit(np.cross(way, rng.standard_normal(3)))
        aside = unit(np.cross(way, across)) * rng.uniform(0, 0.2)
        step = rng.uniform(0.1, 0.8) * across * (np.arange(121)[:, None] / 10 - rng.integers(2, 10) - rng.uniform())  # fmt: skip
        start = places[0] + (sizes[0].max() + 0.1) * unit(way) + rng.uniform(0, 0.5) * way
        ways = [np.repeat(places[:1], 121, 0), start + aside + step]
        yes, lets = asked_if_clear(ways, rotations, sizes, unit(way), end, WAVES, 10)
        assert not yes or lets.min() > 1 - 1e-3
        flown_by += lets.min() < 0.9 and lets[::10].min() > 1 - 1e-3
    assert flown_by > 10


def test_is_clear_of_what_lies_behind(rng):
    """What lies behind the point is clear, unless it reaches so near that a point `slack` m farther back would have it before it."""
    _, rotations, _, _ = pair_of_pieces(rng)
    sizes, places = np.full((2, 3), 0.1), np.array([[0.0, 0.0, 0.0], [-0.3, 0.0, 0.0]])
    normal, end = np.array([1.0, 0.0, 0.0]), np.array([3.0, 0.0, 0.0])
    ways = [np.repeat(places[p : p + 1], 13, 0) for p in range(2)]
    for slack, clear in ((0.0, True), (0.25, True), (0.35, False)):
        yes, lets = asked_if_clear(ways, rotations, sizes, normal, end, WAVES, 1, slack)
        assert yes == clear
        assert lets.min() > 1 - 1e-3

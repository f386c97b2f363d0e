"""Kernels of what stands beside a leg, each beside its twin in NumPy: the footprint cut as a polygon, the outline as its corners."""

import numpy as np
import pytest

from unit.engine.crowd import rows
from usim.engine import flats, pairs, retarded, veils
from usim.engine.chains import Unfolded, chains, joining, veils_of
from usim.engine.sides import Sheet, Side, Sides, Solid, clipped
from usim.engine.slab import EAR, IM, NORMAL, PLACE, RE, ROW, SLAB, SPREAD
from usim.engine.veils import BOUND, CLEAR, SEEN, SHEET, WINDOWS
from usim.engine.veils import NORMAL as NORMALS
from usim.physics.occlusion import passed_edge
from usim.physics.prism import Prism

WAVES = 95.0  # per metre: 32.5 kHz
BOX = np.array([5.0, 4.0, 2.6])


@pytest.fixture(params=range(2))
def rng(request):
    return np.random.default_rng(request.param)


def block(low, high):
    """A prism between two corners."""
    (a, b, c), (x, y, z) = low, high
    return Prism(np.array([[a, b], [x, b], [x, y], [a, y]], float), c, z)


def room(*blocks):
    """A box, each of whose faces may mirror, with free-standing blocks in it."""
    sides = [Side(face.name, face.corners_m[::-1], -face.normal, None, False, np.zeros((0, 3, 3))) for face in block((0, 0, 0), BOX).faces()]  # fmt: skip
    for number, prism in enumerate(blocks):
        for face in prism.faces():
            corners, edges = face.corners_m, []
            for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
                along = (there - here) / np.linalg.norm(there - here)
                edges.append(np.stack([here, along, np.cross(face.normal, along)]))
            sides.append(Side(face.name, corners, face.normal, None, True, np.array(edges), number))
    cloth = Prism(np.array([[3.4, 0.8], [4.2, 2.6]]), 0.3, 1.9)
    sheet = Sheet("cloth", Solid(cloth, frozenset()), np.array([1.8, -0.8, 0.0]) / np.hypot(1.8, 0.8), None)  # fmt: skip
    return Sides(tuple(sides), tuple(Solid(prism, frozenset()) for prism in blocks), (sheet,))


SIDES = room(block((2, 1, 0.2), (3, 1.6, 1.1)), block((1, 2.5, 0), (1.4, 3.4, 2.0)))
END = np.array([0.3, 2.0, 0.85])
JOINS = joining(SIDES.sides)
CHAINS = chains(SIDES, 2, END, JOINS)
VEILS = veils_of([Unfolded(SIDES, JOINS, chain) for chain in CHAINS])
ENDS = np.array([chain.map[0] @ END + chain.map[1] for chain in CHAINS])


TABLES = np.zeros((len(SIDES.sides) + 1, 2, 257), np.float32)
TABLES[-1] = -0.6 + 0.3 * np.linspace(0, 1, 257), 0.2 * np.linspace(0, 1, 257)


def free(rng, many):
    """Points in the room that are in no block."""
    points = BOX * rng.random((4 * many, 3))
    for solid in SIDES.solids:
        points = points[~solid.prism.contains(points)]
    return points[:many]


def scale(t, length):
    return np.sqrt(2 * WAVES / (length * t * (1 - t)))


def strip(low, high):
    a, b = passed_edge(-high), passed_edge(low)
    return a + b - a * b * (a**5 + b**5)


def stretch(stop, planes, point, way, reach):
    """The shares of a leg between a stop's windows, where it is near enough in height."""
    bounds = np.array([stop[0] - reach - point[2], stop[1] + reach - point[2]]) / way[2]
    low, high = max(0.0, bounds.min()), min(1.0, bounds.max())
    for number, side in stop[BOUND : BOUND + 2 * WINDOWS].reshape(-1, 2):
        if side:
            normal, level = planes[int(number)][:3], planes[int(number)][3]
            t = (level - normal @ point) / (normal @ way)
            low, high = (max(low, t), high) if side > 0 else (low, min(high, t))
    return low, high


def stopped(stop, planes, corners, point, way):
    """Twin of `_passes_stop`, but for corners that take over from one another softly."""
    flat, length = np.hypot(way[0], way[1]), np.linalg.norm(way)
    low, high = stretch(stop, planes, point, way, CLEAR * np.sqrt(length / (8 * WAVES)))
    if high <= low:
        return 1.0
    u = way[:2] / flat
    plan = corners[int(stop[-2]) : int(stop[-1])] - point[:2]
    plan = np.stack([plan @ u / flat, u[0] * plan[:, 1] - u[1] * plan[:, 0]], axis=1)
    cut = clipped(plan, np.array([1.0, 0.0]), low)
    cut = clipped(cut, np.array([-1.0, 0.0]), -high) if len(cut) else cut
    if not len(cut):
        return 1.0
    share, aside = cut.T
    share = np.clip(share, 1e-6, 1 - 1e-6)
    v = aside * scale(share, length)
    after_share, after = np.roll(cut[:, 0], -1), np.roll(aside, -1)
    crosses = aside * after < 0
    inside = (cut[:, 0] + (after_share - cut[:, 0]) * aside / np.where(crosses, aside - after, 1))[crosses]  # fmt: skip
    if not len(inside):
        inside = cut[np.argmin(np.abs(aside)), :1]
    ends = np.array([inside.min(), inside.max()])
    z = point[2] + ends * way[2]
    k = flat / length * scale(np.clip(ends, 1e-6, 1 - 1e-6), length)
    over, under = ((stop[1] - z) * k).max(), ((stop[0] - z) * k).min()
    return 1 - (1 - strip(v.min(), v.max())) * (1 - strip(under, over))


def clears(row, point, way):
    """By how much a leg clears a free edge: the distance of two lines, and at which share."""
    t = (row[3] - row[:3] @ point) / (row[:3] @ way)
    across = np.cross(way, row[7:10])
    apart = abs((row[4:7] - point) @ across) / np.linalg.norm(across)
    return np.copysign(apart, (point + t * way - row[4:7]) @ row[10:13]), t


def passed(leg, point):
    """Twin of `leg_passes`."""
    way = ENDS[leg] - point
    a, b, c, d, e, f, _, _ = VEILS.spans[leg]
    if any(p[:3] @ point <= p[3] or p[:3] @ ENDS[leg] >= p[3] for p in VEILS.planes[a:b]):
        return 0.0
    shares = [(p[3] - p[:3] @ point) / (p[:3] @ way) for p in VEILS.planes[a:b]]
    before = [[int(p[4]) >> m & 1 for m in range(b - a)] for p in VEILS.planes[a:b]]
    if any(before[n][m] and shares[m] > shares[n] for n in range(b - a) for m in range(b - a)):
        return 0.0
    out = 1.0
    for row in VEILS.edges[c:d]:
        away, t = clears(row, point, way)
        out *= passed_edge(away * scale(t, np.linalg.norm(way)))
    for stop in VEILS.stops[e:f]:
        out *= stopped(stop, VEILS.planes[a:b], VEILS.corners, point, way)
    return out


def sent(leg, point):
    """Twin of `leg_sends`."""
    a, b, _, _, _, _, g, h = VEILS.spans[leg]
    way, out = ENDS[leg] - point, 1.0
    for stop in VEILS.stops[g:h]:
        root = np.sqrt(abs(stop[NORMALS : NORMALS + 3] @ way) / np.linalg.norm(way))
        re, im = (np.interp(root, np.linspace(0, 1, 257), part) for part in TABLES[int(stop[SHEET])])  # fmt: skip
        changed = re + 1j * im
        out = out * (1.0 + changed * (1.0 - stopped(stop, VEILS.planes[a:b], VEILS.corners, point, way)))  # fmt: skip
    return out


def test_knife_edges():
    v = np.concatenate([np.linspace(-30, 30, 601), [-1e6, 1e6]])
    np.testing.assert_allclose([veils._knife(x) for x in v], passed_edge(v), rtol=1e-6)
    low, high = np.sort(np.random.default_rng(0).uniform(-6, 6, (2, 200)), axis=0)
    found = [veils._strip(a, b) for a, b in zip(low, high, strict=True)]
    np.testing.assert_allclose(found, strip(low, high), rtol=1e-6)


def test_outer():
    """The larger one; softly where both are nearly the same, and never less."""
    a, b = np.random.default_rng(0).uniform(-2, 2, (2, 300))
    found = np.array([veils._outer(x, y) for x, y in zip(a, b, strict=True)])
    more = found - np.maximum(a, b)
    assert more.min() >= 0.0
    assert more.max() <= 0.5 * veils.SOFT
    assert more[np.abs(a - b) > 0.5].max() < 0.002


def test_scale():
    """Of the Fresnel zone: the way over a point one Fresnel parameter aside is a quarter of a wave longer."""
    for t in (0.1, 0.5, 0.8):
        aside = 1.0 / veils._scale(t, 3.0, WAVES)
        longer = np.hypot(3.0 * t, aside) + np.hypot(3.0 * (1 - t), aside) - 3.0
        assert longer * WAVES == pytest.approx(0.25, rel=5e-3)
    assert np.isfinite(veils._scale(0.0, 3.0, WAVES))
    assert np.isfinite(veils._scale(1.0, 3.0, WAVES))


def test_next_bit():
    bit = 1
    for n in range(100):
        assert bit == 1 << min(n, 60)
        bit = veils._next(bit)


def test_stretch_and_stop(rng):
    """Each stop of each leg by itself."""
    hidden = 0
    for point in free(rng, 40):
        for leg, end in enumerate(ENDS):
            first, last = VEILS.spans[leg, :2]
            own, way = VEILS.planes[first:last], end - point
            if (
                np.any(np.abs(own[:, :3] @ way) < 1e-3)
                or np.hypot(*way[:2]) < 1e-3
                or abs(way[2]) < 1e-3
            ):
                continue
            for stop in VEILS.stops[VEILS.spans[leg, 4] : VEILS.spans[leg, 5]]:
                args = stop, VEILS.planes, first
                found = veils._stretch(*args, *point, *way, 0.1)
                np.testing.assert_allclose(found, stretch(stop, own, point, way, 0.1), atol=1e-9)
                length = np.linalg.norm(way)
                found = veils._passes_stop(*args, VEILS.corners, *point, *way, length, WAVES)
                expected = stopped(stop, own, VEILS.corners, point, way)
                assert found == pytest.approx(expected, abs=0.03)
                hidden += expected < 0.5
                if not veils._is_near(*args, VEILS.corners, *point, *way, length, WAVES, 0.0):
                    assert expected > 1 - 3e-3
    assert hidden > 20


def test_clearance(rng):
    for point in free(rng, 20):
        for leg, end in enumerate(ENDS):
            for row in VEILS.edges[VEILS.spans[leg, 2] : VEILS.spans[leg, 3]]:
                way = end - point
                away, t = veils._clearance(row, *point, *way, np.linalg.norm(way))
                np.testing.assert_allclose((away, t), clears(row, point, way), rtol=1e-6, atol=1e-9)


def test_what_passes(rng):
    points = free(rng, 30)
    found = veils.passes(VEILS, ENDS, points, WAVES)
    expected = np.array([[passed(leg, point) for point in points] for leg in range(len(ENDS))])
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert 0.02 < np.mean(found < 0.5) < 0.98
    assert found[0, 0] == veils.passes_at(VEILS.arrays, 0, *points[0], *ENDS[0], WAVES)


def test_what_is_not_near_costs_nothing(rng):
    """Bits asked of a point known to 10 cm hold for every point within that."""
    slack, checked = 0.1, 0
    for middle in free(rng, 15):
        around = middle + slack / np.sqrt(3) * rng.uniform(-1, 1, (6, 3))
        around = around[~np.any([s.prism.contains(around) for s in SIDES.solids], axis=0)]
        around = around[np.all((around > 0) & (around < BOX), axis=1)]
        for leg, end in enumerate(ENDS):
            bits, some = veils.nearby(VEILS.arrays, leg, *middle, slack, *end, WAVES)
            for point in around:
                whole = passed(leg, point)
                if some == 0.0:
                    assert whole == 0.0
                else:
                    found = veils.leg_passes(VEILS.arrays, leg, bits, *point, *end, WAVES)
                    assert found == pytest.approx(whole, abs=0.03)
                    checked += 1
    assert checked > 200


def test_seen(rng):
    """The legs that are left out pass nothing worth having from any of the points."""
    points = free(rng, 100)
    passed_ = veils.passes(VEILS, ENDS, points, WAVES).max(axis=1)
    kept = veils.seen(VEILS, ENDS, points, WAVES)
    np.testing.assert_array_equal(kept, np.flatnonzero(passed_ > SEEN))
    assert 0 < len(kept) < len(ENDS)


def test_what_goes_through(rng):
    """Beside its twin wherever anything passes at all; corners take over from one another softly, as for solids."""
    points = free(rng, 60)
    found = veils.sends(VEILS, ENDS, points, WAVES, TABLES)
    through = 0
    for leg in range(len(ENDS)):
        assert VEILS.spans[leg, 7] > VEILS.spans[leg, 6]
        for n, point in enumerate(points):
            if passed(leg, point) > 0.0:
                assert found[leg, n] == pytest.approx(sent(leg, point), abs=0.02)
                through += abs(found[leg, n] - 1.0) > 0.1
    assert through > 50
    bare = veils.sends(veils.no_veils(2), ENDS[:2], points, WAVES, TABLES)
    np.testing.assert_array_equal(bare, 1.0)
    assert not veils.has_sheets(veils.no_veils(2).arrays, 1)


def test_plain_legs_are_not_veiled():
    assert not veils.is_veiled(veils.no_veils(3).arrays, 2)
    assert any(veils.is_veiled(VEILS.arrays, leg) for leg in range(len(ENDS)))


def test_a_pair_is_veiled(rng):
    """On every lane, at the point of the surface with its normal, towards a fixed end and towards each lane's own; as for flat pieces at their centre."""
    s, d = np.zeros(SLAB, np.float32), np.zeros(retarded.KNOT_ROWS)
    count, size = 16, np.array([0.05, 0.08, 0.1])
    start, way = free(rng, 1)[0], 0.2 * rng.standard_normal(3)
    for leg in np.flatnonzero(VEILS.spans[:, 1] > 0)[:6]:
        normals = rng.standard_normal((count, 3))
        normals /= np.linalg.norm(normals, axis=1)[:, None]
        places = start + np.linspace(0, 1, count)[:, None] * way
        ears = ENDS[leg] + 0.01 * rng.standard_normal((count, 3))
        for axis in range(3):
            s[PLACE + axis * ROW :][:count] = places[:, axis]
            d[retarded.PLACE + axis * ROW :][:count] = places[:, axis]
            s[NORMAL + axis * ROW :][:count] = normals[:, axis]
            s[EAR + axis * ROW :][:count] = ears[:, axis]
            s[SPREAD + axis * ROW :][:count] = size[axis] ** 2
            s[SPREAD + (3 + axis) * ROW :][:count] = 0
        points = places + normals * size**2 / np.sqrt(((normals * size) ** 2).sum(axis=1))[:, None]
        chained = np.zeros((1, 1), int), np.zeros((1, 1, 3), np.float32), VEILS.arrays
        for ends, at in (((ENDS[leg]), points), (ears, points), (ENDS[leg], places)):
            s[RE:][:count], s[IM:][:count] = 2.0, -1.0
            if at is places:
                flats._veiled(s, d, chained, leg, *ENDS[leg], WAVES, TABLES, count)
            else:
                pairs.veil(s, chained, leg, *ENDS[leg], ends is ears, WAVES, TABLES, count)
            ways = list(zip(at, np.broadcast_to(ends, at.shape), strict=True))
            left = np.array([veils.passes_at(VEILS.arrays, leg, *p, *e, WAVES) for p, e in ways])
            sent = np.array([veils.sends_at(VEILS.arrays, leg, *p, *e, WAVES, TABLES) for p, e in ways])  # fmt: skip
            expected = (2.0 - 1.0j) * left * sent
            np.testing.assert_allclose(rows(s, RE, 1, count)[0], expected.real, atol=6e-3)
            np.testing.assert_allclose(rows(s, IM, 1, count)[0], expected.imag, atol=6e-3)
        np.testing.assert_allclose(pairs._point(s, 3), points[3], rtol=1e-5)

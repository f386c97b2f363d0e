"""The judge in rooms with solid things in them: which images are seen from where, and what passes beside what stands there."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from exact_stage import (
    C20,
    PlainAir,
    PlainMover,
    PlainRoom,
    PlainScene,
    PlainSurface,
    PlainWall,
    box,
    line,
    stage,
)

import usim
from usim.engine import exact
from usim.engine.exact import shadow
from usim.engine.exact.chains import chains
from usim.engine.exact.faces import faces
from usim.engine.exact.images import Images
from usim.engine.exact.link import links
from usim.engine.exact.veil import _edge, veil
from usim.physics.prism import Prism

F_HZ = 32000.0
WAVE_M = C20 / F_HZ
ALONE = (-1, -1, -1)
L_PLAN = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [2.0, 2.0], [2.0, 4.0], [0.0, 4.0]])
L_HIGH = 2.5
NOTCH = ([2.0, 2.0], [4.0, 2.0], [2.0, 4.0])
NOTCH_EDGES = np.array(
    [[[*foot, 0.0], [*foot, L_HIGH]] for foot in NOTCH]
    + [[[*NOTCH[0], z], [*foot, z]] for foot in NOTCH[1:] for z in (0.0, L_HIGH)]
)


@dataclass(frozen=True)
class Thing:
    name: str
    solid: Prism
    surface: object = field(default_factory=PlainSurface)


@dataclass(frozen=True)
class FullRoom(PlainRoom):
    solids: tuple = ()


@dataclass(frozen=True)
class FullScene(PlainScene):
    furniture: tuple = ()


def block(low, high, name="block"):
    (west, south, bottom), (east, north, top) = low, high
    foot = np.array([[west, south], [east, south], [east, north], [west, north]], float)
    return Thing(name, Prism(foot, bottom, top))


def upright(plan, high) -> tuple[PlainWall, ...]:
    """Walls on the edges of a plan (n, 2), counter-clockwise, then floor and ceiling."""
    walls = []
    for n, here in enumerate(plan):
        after = plan[(n + 1) % len(plan)]
        along = (after - here) / np.linalg.norm(after - here)
        foot = [[*after, 0.0], [*here, 0.0], [*here, high], [*after, high]]
        walls.append(PlainWall(f"w{n}", np.array([-along[1], along[0], 0.0]), np.array(foot)))
    flat = np.column_stack([plan, np.zeros(len(plan))])
    walls.append(PlainWall("floor", np.array([0.0, 0.0, 1.0]), flat))
    walls.append(PlainWall("ceiling", np.array([0.0, 0.0, -1.0]), flat[::-1] + [0.0, 0.0, high]))
    return tuple(walls)


def with_room(scene, room, *things):
    return FullScene(scene.devices, scene.movers, room, scene.air, tuple(things))


def furnished(*things, size=(5.0, 4.0, 2.5), source=(1.0, 2.0, 1.2), mic=(4.0, 2.0, 1.2)):
    x, y, z = size
    plan = np.array([[0.0, 0.0], [x, 0.0], [x, y], [0.0, y]])
    return with_room(stage(source, mic), FullRoom(upright(plan, z)), *things)


def l_room(source, mic):
    notch = np.array([[2.0, 2.0], [1002.0, 2.0], [1002.0, 1002.0], [2.0, 1002.0]])
    room = FullRoom(upright(L_PLAN, L_HIGH), (Prism(notch, -1000.0, 1000.0),))
    return with_room(stage(source, mic), room)


def random_points(rng, count):
    """Points inside the L, clear of its walls."""
    points = rng.uniform([0.05, 0.05, 0.1], [3.95, 3.95, 2.4], (20 * count, 3))
    inside = (points[:, 0] < 1.95) | (points[:, 1] < 1.95)
    return points[inside][:count]


def every(hidden, end, points, wavelength=WAVE_M):
    """Amplitude (image, point) that passes from each point to each image."""
    count = len(hidden.chains.key)
    index = np.repeat(np.arange(count), len(points))
    passes = hidden.passes(end, index, np.tile(points, (count, 1)), wavelength)
    return passes.reshape(count, len(points))


def steps(hidden, end, index, points):
    passes = hidden.passes(end, np.full(len(points), index), points, WAVE_M)
    return np.abs(np.diff(passes)).max(), np.ptp(passes)


def row_of(hidden, *names):
    numbers = [[face.name for face in hidden.faces].index(name) for name in names]
    key = np.array(numbers + [-1] * (3 - len(names)))
    return int(np.flatnonzero((hidden.chains.key == key).all(axis=1))[0])


def test_a_box_is_left_as_it_was():
    """Why: what was measured against the judge so far must stay measured.
    Set-up: a shipped box room without furniture, through the public functions; the same with an empty list of solids.
    Expected: lattice keys in the lattice's order, images and gains to the last bit those of the lattice and its factors.
    """
    scene = usim.load("sixteen_tumblers").sample(1)
    assert not scene.furniture
    assert not scene.room.solids
    found = exact.static_paths(scene, driver=0)
    unit, device, ear = scene.devices[0].unit, scene.devices[0], None
    ear = np.asarray(device.world(unit.mics_m), float)[0]
    images = exact.mirror_images(scene.room.walls, device.world(unit.drivers_m)[0])
    assert type(images) is Images
    assert len(images.key) == 63
    np.testing.assert_array_equal(found["key"], images.key)
    np.testing.assert_array_equal(found["order"], images.order)
    np.testing.assert_array_equal(found["r_m"], np.linalg.norm(ear - images.position_m, axis=1))
    f = float(device.emission.carriers_hz[0])
    (link,) = links(scene, f, 0, 0, None, None, 0, 3)
    assert link.veil is None
    going, index = (ear - images.position_m) / found["r_m"][:, None], np.arange(63)
    gain = link.leave(index, going) * link.arrive(np.zeros_like(index), -going, f)
    gain = np.asarray(gain, complex) * link.walls(images, index, going, f, found["r_m"])
    gain[0] = unit.leak(0, 0, f)
    gain = gain * unit.drive_gain(0, f, f)
    gain = gain * link.air(found["r_m"], 0.0, f) / found["r_m"] * unit.mic_response(0, f)
    level = np.broadcast_to(device.emission.level_db_spl, np.shape(device.emission.carriers_hz))[0]
    gain *= float(np.sqrt(2.0) * 20e-6 * 10.0 ** (level / 20.0))
    np.testing.assert_array_equal(found["gain"], gain)
    plain = stage([1.0, 1.0, 1.2], [3.5, 2.5, 0.9], room=box([5.0, 4.0, 3.0]))
    other = with_room(plain, FullRoom(plain.room.walls))
    np.testing.assert_array_equal(exact.static_paths(plain), exact.static_paths(other))


def test_chains_of_a_box_are_the_lattice(figures):
    """Why: the general enumeration and the lattice are two routes to the same images.
    Set-up: an empty box, order 3, chains asked for directly; each seen from 200 points.
    Expected: the same 63 places within 1e-12 m; each is seen whole from everywhere, once; 24 more images by way of one wall
    twice, with nothing between that turns sound round, stand on places already taken and are seen from nowhere.
    """
    scene = furnished(block([2, 2, 1], [2.2, 2.2, 1.2]), size=(5.0, 4.0, 2.5))
    empty = replace(scene, furniture=(), room=FullRoom(scene.room.walls, ()))
    source = np.array([1.0, 1.3, 1.2])
    known = chains(faces(empty), 3)
    images = known.images(source)
    lattice = exact.mirror_images(empty.room.walls, source)
    away = np.linalg.norm(images.position_m[:, None] - lattice.position_m, axis=-1)
    assert away.min(axis=0).max() < 1e-12
    assert away.min(axis=1).max() < 1e-12
    # A thing too far off to matter makes the room one that is asked.
    far = replace(scene, furniture=(block([500, 500, 1], [501, 501, 2]),))
    hidden = veil(far, 3)
    own = (hidden.chains.key < 6).all(axis=1)
    points = np.random.default_rng(1).uniform([0.1] * 3, [4.9, 3.9, 2.4], (200, 3))
    passes = every(hidden, source, points)[own]
    dead = passes.max(axis=1) == 0.0
    assert len(known.key) == own.sum() == 87
    assert dead.sum() == 24
    figures("exact, box by chains: least that passes", passes[~dead].min(), "", ">= 1 - 1e-9")
    assert passes[~dead].min() > 1.0 - 1e-9
    place = hidden.images(source).position_m[own][~dead]
    assert len(np.unique(np.round(place, 9), axis=0)) == 63


def test_turn_and_slant_of_chains():
    """Why: beams and reflections are looked up by what the real device and the real wall see.
    Set-up: all images of a room of five walls with slanting ones; straight lines from each to a point, folded by hand.
    Expected: turn.T gives the direction at the device; the unfolded normals give each wall's cosine.
    """
    plan = np.array([[0.0, 0.0], [4.0, 0.0], [4.6, 2.0], [2.0, 3.4], [0.0, 2.5]])
    scene = with_room(stage([1, 1, 1.2], [3, 1.5, 1.0]), FullRoom(upright(plan, 2.5)))
    hidden = veil(scene, 3)
    source, mic = np.array([1.0, 1.0, 1.2]), np.array([3.0, 1.5, 1.0])
    images = hidden.images(source)
    for index, key in enumerate(images.key.tolist()):
        chain = [hidden.faces[face] for face in key if face >= 0]
        way = mic - images.position_m[index]
        way = way / np.linalg.norm(way)
        back = way.copy()
        for place in reversed(range(len(chain))):
            cosine = back @ chain[place].normal
            assert way @ images.slant[index, place] == pytest.approx(cosine, abs=1e-12)
            back = back - 2.0 * cosine * chain[place].normal
        np.testing.assert_allclose(images.turn[index].T @ way, back, atol=1e-12)


def test_faces_and_edges():
    """Why: keys number the faces; an edge that fades where it should not takes the light from a corner.
    Set-up: a box with a sofa in the corner and a cup on it; an L-shaped room.
    Expected: sides against a wall or inside another piece are left out; edges on a wall are not free, nor inner right
    corners; the reflex corner is.
    """
    sofa, cup = block([0, 0, 0], [1, 2, 0.8], "sofa"), block([0.4, 1, 0.8], [0.5, 1.1, 0.9], "cup")
    found = {face.name: face for face in faces(furnished(sofa, cup))}
    own = [name for name in found if "." in name]
    assert own == ["sofa.top", "sofa.side_2", "sofa.side_3"] + [
        f"cup.{name}" for name in ("top", "side_1", "side_2", "side_3", "side_4")
    ]
    assert found["sofa.top"].free.tolist() == [False, True, True, False]
    assert found["sofa.side_2"].free.sum() == 2  # its upper edge and that to side_3
    assert all(found[f"cup.side_{n}"].free.all() for n in range(1, 5))
    assert not any(found[f"w{n}"].free.any() for n in range(4))
    corner = {face.name: face.free for face in faces(l_room([1, 1, 1], [1, 3, 1]))}
    assert [name for name, free in corner.items() if free.any()] == ["w2", "w3"]
    assert corner["w2"].sum() == corner["w3"].sum() == 1


def test_the_knife_edge_is_that_of_limbs():
    """Why: two edges in one judge must be one. Set-up: -30 to 30. Expected: the same within 1e-14."""
    v = np.linspace(-30.0, 30.0, 2001)
    np.testing.assert_allclose([_edge(x) for x in v], [shadow._edge(x) for x in v], rtol=1e-14)


def _crosses(a, b):
    """Whether a stretch from a to b cuts the walls of the notch: its plan against their feet."""
    for here, there in ((L_PLAN[2], L_PLAN[3]), (L_PLAN[3], L_PLAN[4])):
        side = np.cross([*(there - here), 0.0], [*(a[:2] - here), 0.0])[2]
        other = np.cross([*(there - here), 0.0], [*(b[:2] - here), 0.0])[2]
        if side * other < 0.0:
            place = a[:2] + side / (side - other) * (b[:2] - a[:2])
            if 0.0 <= (place - here) @ (there - here) / ((there - here) @ (there - here)) <= 1.0:
                return True
    return False


def _by_hand(hidden, index, end, point):
    """Whether an image is seen by brute force, and the clearance of the notch's edges in first Fresnel radii."""
    known, clear = hidden.chains, np.inf
    seen = False
    for chain in known.orders[known.start[index] : known.start[index + 1]]:
        walls = [hidden.faces[face] for face in chain if face >= 0]
        places = [np.asarray(end)]
        for wall in walls:
            height = (places[-1] - wall.corners_m[0]) @ wall.normal
            places.append(places[-1] - 2.0 * height * wall.normal)
        nodes, good, in_turn = [np.asarray(point)], True, True
        for wall, there in zip(reversed(walls), places[:0:-1], strict=True):
            here, after = ((x - wall.corners_m[0]) @ wall.normal for x in (nodes[-1], there))
            if here <= 0.0 or after >= 0.0:
                in_turn = False
                break
            hit = nodes[-1] + here / (here - after) * (there - nodes[-1])
            inside = -1e-9 <= hit[2] <= L_HIGH + 1e-9
            if abs(wall.normal[2]) < 0.5:
                foot = wall.corners_m[1, :2] - wall.corners_m[0, :2]
                inside &= 0.0 <= (hit[:2] - wall.corners_m[0, :2]) @ foot <= foot @ foot
            else:
                inside &= (0 <= hit[0] <= 4 and 0 <= hit[1] <= 2) or (
                    0 <= hit[0] <= 2 and 0 <= hit[1] <= 4
                )
            good &= bool(inside)
            nodes.append(hit)
        if not in_turn:
            continue
        nodes.append(np.asarray(end))
        whole = [np.linalg.norm(b - a) for a, b in pairwise(nodes)]
        good &= not any(
            _crosses(a + 1e-9 * (b - a), b + 1e-9 * (a - b)) for a, b in pairwise(nodes)
        )
        seen |= good
        spread, total = np.linspace(0.0, 1.0, 200)[1:-1, None], sum(whole)
        for n, (a, b) in enumerate(pairwise(nodes)):
            t = sum(whole[:n]) + spread[:, 0] * whole[n]
            fresnel = np.sqrt(WAVE_M * t * (total - t) / total)
            for begin, after in NOTCH_EDGES:
                along = after - begin
                off = a + spread * (b - a) - begin
                reach = np.clip(off @ along / (along @ along), 0.0, 1.0)
                away = np.linalg.norm(off - reach[:, None] * along, axis=1)
                clear = min(clear, (away / fresnel).min())
    return seen, clear


def test_images_seen_in_an_l_against_rays(figures):
    """Why: in a room with a corner that sticks out an image is seen from some places only.
    Set-up: an L of 4 x 4 m, a source in one arm, 200 points anywhere, all images to order 2; a hard test of every ray
    against the walls' rectangles.
    Expected: where all edges of the walls that stick out are 3 first Fresnel radii away, more than 0.95 passes what the ray
    test sees and less than 0.12 what it does not.
    """
    source = np.array([3.1, 0.8, 1.3])
    hidden = veil(l_room(source, [1, 3, 1]), 2)
    points = random_points(np.random.default_rng(7), 200)
    passes = every(hidden, source, points)
    bright, dark = [], []
    for index in range(len(hidden.chains.key)):
        for n, point in enumerate(points):
            seen, clear = _by_hand(hidden, index, source, point)
            if clear > 3.0:
                (bright if seen else dark).append(passes[index, n])
    assert len(bright) > 1000
    assert len(dark) > 1000
    count = f"{len(bright)} seen, {len(dark)} hidden"
    figures("exact, L room: least that passes where seen", min(bright), "", "> 0.95", count)
    figures("exact, L room: most that passes where hidden", max(dark), "", "< 0.12", count)
    assert min(bright) > 0.95
    assert max(dark) < 0.12


def test_images_of_an_l_against_pyroomacoustics(figures):
    """Why: an image source model of others, with its own test of visibility.
    Set-up: the same L, order 2, 60 microphones.
    Expected: places agree within 1e-5 m, as it keeps them in single precision; what one sees the other does, but where
    between 0.1 and 0.9 passes.
    """
    pra = pytest.importorskip("pyroomacoustics")
    source = np.array([3.1, 0.8, 1.3])
    mics = random_points(np.random.default_rng(3), 60)
    room = pra.Room.from_corners(L_PLAN.T, fs=16000, max_order=2, materials=pra.Material(0.1))
    room.extrude(L_HIGH, materials=pra.Material(0.1))
    room.add_source(source)
    room.add_microphone(mics.T)
    room.image_source_model()
    theirs, seen = room.sources[0].images.T, np.asarray(room.visibility[0], bool)
    hidden = veil(l_room(source, mics[0]), 2)
    ours = hidden.images(source).position_m
    passes = every(hidden, source, mics)
    away = np.linalg.norm(ours[:, None] - theirs, axis=-1)
    off = away.min(axis=0)[seen.any(axis=0)].max()
    figures("exact, L room: places against pyroomacoustics", off, "m", "<= 1e-5")
    assert off <= 1e-5
    sure = differ = 0
    for index in range(len(ours)):
        same = np.linalg.norm(ours - ours[index], axis=1) < 1e-6
        amount = passes[same].max(axis=0)  # what is seen from nowhere stands on another's place
        there = seen[:, away[index] < 1e-5].any(axis=1)
        clear = (amount > 0.9) | (amount < 0.1)
        sure += clear.sum()
        differ += (there != (amount > 0.5))[clear].sum()
    figures("exact, L room: seen by one alone", differ, "", "0", f"{sure} asked")
    assert sure > 2000
    assert differ == 0


def test_behind_a_block_by_hand(figures):
    """Why: the depth of a shadow is a formula.
    Set-up: driver and microphone 3 m apart, a block of 0.2 x 0.6 x 0.6 m halfway; then the microphone where the line
    passes 1.5 m beside.
    Expected: beside, above and below: 1 - (1 - strip)^2, strip 2a - 2a^7 of the edge a, within 1e-12; 1 within 1e-5.
    """
    thing = block([2.4, 1.7, 0.9], [2.6, 2.3, 1.5])
    scene = furnished(thing)
    a = float(_edge(-0.3 * np.sqrt(2.0 * 3.0 / (WAVE_M * 1.4 * 1.6))))
    strip = 2.0 * a - 2.0 * a**7
    want = 1.0 - (1.0 - strip) ** 2
    bare = exact.static_paths(with_room(stage([1, 2, 1.2], [4, 2, 1.2]), PlainRoom()))
    hidden = veil(scene, 0)
    found = hidden.passes([1.0, 2.0, 1.2], np.array([0]), np.array([[4.0, 2.0, 1.2]]), WAVE_M)[0]
    figures("exact, behind a block: against the formula", abs(found / want - 1.0), "", "<= 1e-12")
    assert found == pytest.approx(want, rel=1e-12)
    assert want < 0.2
    # One device hears itself by its leak; two devices by the path.
    two = replace(scene, devices=(scene.devices[0], replace(scene.devices[0], name="other")))
    plain = replace(two, furniture=(), room=PlainRoom())
    one = exact.static_paths(two, emitter=1, order=0)["gain"] / bare["gain"][0]
    other = exact.static_paths(plain, emitter=1, order=0)["gain"] / bare["gain"][0]
    assert abs(one[0] / other[0]) == pytest.approx(want, rel=1e-9)
    far = hidden.passes([1.0, 0.3, 1.2], np.array([0]), np.array([[4.0, 0.3, 1.2]]), WAVE_M)[0]
    assert far == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("sweep", ["corner", "top", "slanting"])
def test_no_step_past_a_block(sweep, figures):
    """Why: a step in a path's strength is a click that nothing made.
    Set-up: a block; a point behind it goes past its corner, above its top, or slanting through both shadows, 1 mm a step;
    the direct path and those over the walls.
    Expected: no step of what passes is larger than 0.02.
    """
    hidden = veil(furnished(block([2.2, 1.6, 0.6], [2.7, 2.3, 1.3])), 1)
    n = np.arange(1500)[:, None] * 1e-3
    start, way = {
        "corner": ([4.0, 1.6, 1.1], [0.0, 1.0, 0.0]),
        "top": ([4.0, 2.1, 0.7], [0.0, 0.0, 1.0]),
        "slanting": ([3.6, 1.7, 0.9], [0.3, 0.8, 0.52]),
    }[sweep]
    points = np.array(start) + n * np.array(way)
    index = [0, *(row_of(hidden, face.name) for face in hidden.faces if face.owner < 0)]
    found = [steps(hidden, np.array([1.0, 2.0, 1.2]), row, points) for row in index]
    worst = max(step for step, _ in found)
    figures(f"exact, past a block, {sweep}: largest step in 1 mm", worst, "", "<= 0.02")
    assert found[0][1] > 0.7  # the sweep goes from shade to light
    assert worst <= 0.02


def test_no_step_beside_a_sofa(figures):
    """Why: sound must not slip between a sofa and the wall or the floor it stands against.
    Set-up: a sofa against the west wall on the floor; a point 3 cm beside it rises from the floor to 1.8 m, then goes over
    it to the wall; paths over floor, wall, and both; 0.2 mm a step.
    Expected: no step larger than 0.02.
    """
    hidden = veil(furnished(block([0, 1, 0], [0.9, 3, 0.8], "sofa")), 2)
    end = np.array([3.0, 0.6, 1.1])
    rise = np.array([0.93, 2.0, 0.01]) + np.arange(8950)[:, None] * [0.0, 0.0, 2e-4]
    over = np.array([0.93, 2.0, 0.95]) - np.arange(4600)[:, None] * [2e-4, 0.0, 0.0]
    worst = 0.0
    for names in ((), ("floor",), ("w3",), ("w3", "floor"), ("w2",), ("ceiling",)):
        row = row_of(hidden, *names)
        for points in (rise, over):
            worst = max(worst, steps(hidden, end, row, points)[0])
    figures("exact, beside a sofa: largest step in 0.2 mm", worst, "", "<= 0.02")
    assert worst <= 0.02


def test_nothing_slips_behind_a_sofa():
    """Why: a mirror path behind a sofa would come out of its back.
    Set-up: a sofa against the west wall; ends on both sides of it, low; the path over the wall hits it behind the sofa.
    Expected: less than 0.15 passes, and as much whether the sofa stands 0 or 9 mm from the wall, within 0.02.
    """
    found = []
    for gap in (0.0, 0.009):
        hidden = veil(furnished(block([gap, 1, 0], [0.9, 3, 1.2], "sofa")), 1)
        row = np.array([row_of(hidden, "w3")])
        found.append(hidden.passes([0.5, 0.5, 0.4], row, np.array([[0.5, 3.5, 0.4]]), WAVE_M)[0])
    assert max(found) < 0.15
    assert abs(found[0] - found[1]) < 0.02


def test_a_face_of_furniture_mirrors_and_hides():
    """Why: a cupboard's front is a mirror; the wall behind it is not one any more.
    Set-up: a cupboard against the west wall, ends 3 m before it, off its middle by little and by much.
    Expected: its front's image is seen whole before the middle, half before the edge; the wall's image is hidden there.
    """
    hidden = veil(furnished(block([0, 1, 0], [0.6, 3, 2.0], "cupboard")), 1)
    front, wall = row_of(hidden, "cupboard.side_2"), row_of(hidden, "w3")
    end = np.array([3.6, 2.0, 1.0])
    points = np.array([[3.6, 2.02, 1.0], [3.6, 4.0, 1.0]])
    passes = hidden.passes(end, np.array([front, front]), points, WAVE_M)
    assert passes[0] > 0.99
    assert passes[1] == pytest.approx(float(_edge(0.0)), abs=0.01)
    assert hidden.passes(end, np.array([wall]), points[:1], WAVE_M)[0] < 0.1


def test_echo_behind_a_block_is_weaker_by_both_legs(figures):
    """Why: what cannot be seen is not heard twice over.
    Set-up: a ball behind a block, driver and microphone apart before it; with the block and without, by key.
    Expected: the direct echo's ratio is the product of what either leg passes, within 1e-9; delays are the same.
    """
    thing = block([2.2, 1.7, 0.9], [2.4, 2.3, 1.5])
    ball = PlainMover(line([3.4, 2.05, 1.2], [0.0, 0.0, 0.0]))
    source, mic = [1.0, 2.0, 1.2], [1.0, 2.2, 1.25]
    plain = stage(source, mic, ball)
    scene = with_room(plain, FullRoom(furnished().room.walls), thing)
    one = {("target", 0): np.full((1, 2, 3), -1)}
    (block_,) = exact.echoes(scene, F_HZ, [0.5, 0.6], pairs=one)
    (free,) = exact.echoes(plain, F_HZ, [0.5, 0.6], order=0)
    np.testing.assert_array_equal(block_.delay_s, free.delay_s)
    assert block_.key.tolist() == [[list(ALONE), list(ALONE)]]
    (link,) = links(scene, F_HZ, 0, 0, None, None, None, 0)
    way = np.array([3.4, 2.05, 1.2]) - np.array(source)
    point = np.array(source) + way * (1.0 - 0.1 / np.linalg.norm(way))
    legs = [
        link.veil.passes(end, np.array([0]), point[None], WAVE_M)[0]
        for end in (np.array(source), np.array(mic))
    ]
    ratio = abs(block_.gain[0, 0] / free.gain[0, 0])
    figures("exact, echo behind a block: what passes", ratio, "", "product of the legs")
    assert max(legs) < 0.4
    assert ratio == pytest.approx(legs[0] * legs[1], rel=0.02)


def test_keys_and_places_name_images():
    """Why: pairs are asked for by key or by place, here as in a box.
    Set-up: a furnished room; two walls in one plane.
    Expected: echoes by key and by place are the same; of two images at one place the first is found; order 4 is refused in one
    line; the names of rows are chains.
    """
    ball = PlainMover(line([3.4, 1.0, 1.4], [0.0, 0.0, 0.0]))
    plain = stage([1.0, 2.0, 1.2], [1.0, 2.2, 1.25], ball)
    scene = with_room(plain, furnished().room, block([2.2, 1.7, 0], [2.4, 2.3, 0.5]))
    hidden = veil(scene, 2)
    rows = [row_of(hidden, "floor"), row_of(hidden, "w1"), row_of(hidden, "block.top", "ceiling")]
    out, back = hidden.images([1.0, 2.0, 1.2]), hidden.images([1.0, 2.2, 1.25])
    keys = {("target", 0): np.stack([out.key[rows], back.key[rows]], axis=1)}
    places = {("target", 0): np.stack([out.position_m[rows], back.position_m[rows]], axis=1)}
    by_key, by_place = (
        exact.tone_response(scene, 0, [0.5], pairs=asked, static=False, per="pair", order=2)
        for asked in (keys, places)
    )
    np.testing.assert_array_equal(by_key, by_place)
    assert by_key.shape == (3, 1)
    assert by_key[:2].all()
    plan = np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]])
    split = with_room(plain, FullRoom(upright(plan, 2.5)), block([2.2, 1.7, 0], [2.4, 2.3, 0.5]))
    both = veil(split, 1)
    near = both.images([1.0, 1.0, 1.0]).near(both.images([1.0, 1.0, 1.0]).position_m[1:3])
    assert near.tolist() == [1, 1]
    halves = both.passes([1.0, 1.0, 1.0], np.array([1, 2]), np.array([[3.0, 1.0, 1.0]]).repeat(2, 0), WAVE_M)  # fmt: skip
    assert halves.sum() == pytest.approx(1.0, abs=0.1)
    with pytest.raises(ValueError, match="order: 4; exact follows at most 3 reflections"):
        exact.static_paths(scene, order=4)
    names = exact.pair_rows(scene, order=1)
    assert names[0] == (0, "target", 0, ALONE, ALONE, -1)


def test_reciprocity_with_a_block(figures):
    """Why: swapping a point source and an omnidirectional microphone changes no path, whatever stands between.
    Set-up: a room with a sofa and a block; all static paths, ends swapped.
    Expected: the sorted gains agree within 1e-9 of the largest.
    """
    things = block([2.2, 1.7, 0.6], [2.4, 2.3, 1.5]), block([0, 1, 0], [0.8, 3, 0.8], "sofa")
    ends = [1.3, 1.6, 1.2], [3.4, 2.6, 1.1]
    room, air = furnished().room, PlainAir()
    found = []
    for source, mic in (ends, ends[::-1]):
        scene = FullScene(stage(source, mic).devices, (), room, air, things)
        other = replace(scene.devices[0], name="other")
        rows = exact.static_paths(replace(scene, devices=(*scene.devices, other)), emitter=1)
        found.append(np.sort(np.abs(rows["gain"])))
    off = np.abs(found[0] - found[1]).max() / found[0].max()
    figures("exact, furnished room: reciprocity", off, "relative", "<= 1e-9", f"{len(found[0])}")
    assert off <= 1e-9

"""The polygon room: what is refused, where its walls are, what is inside, what stands in its pockets."""

import json
import subprocess
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from usim.cli import root
from usim.rooms import box, polygon
from usim.scene import parse
from usim.scene.schema import schema
from usim.template.problem import InvalidInput

L = [[0, 0], [6, 0], [6, 3], [3.5, 3], [3.5, 5], [0, 5]]
SHAPES = {
    "box": [[0, 0], [5, 0], [5, 4], [0, 4]],
    "box with a wall in two": [[0, 0], [2, 0], [5, 0], [5, 4], [0, 4]],
    "L": L,
    "L with walls in two": [[0, 0], [6, 0], [6, 3], [5, 3], [3.5, 3], [3.5, 4], [3.5, 5], [0, 5]],
    "U": [[0, 0], [6, 0], [6, 5], [4, 5], [4, 2], [2, 2], [2, 5], [0, 5]],
    "T": [[0, 3], [2, 3], [2, 0], [4, 0], [4, 3], [6, 3], [6, 5], [0, 5]],
    "plus": [[2, 0], [4, 0], [4, 2], [6, 2], [6, 4], [4, 4], [4, 6], [2, 6], [2, 4], [0, 4], [0, 2], [2, 2]],
    "S": [[0, 0], [6, 0], [6, 5], [1, 5], [1, 4], [4.5, 4], [4.5, 3], [0, 3]],
    "alcove": [[0, 0], [5, 0], [5, 4], [3, 4], [3, 5], [1.5, 5], [1.5, 4], [0, 4]],
    "bay": [[0, 0], [5, 0], [5, 4], [3.6, 4], [3, 4.6], [2, 4.6], [1.4, 4], [0, 4]],
    "chimney breast": [[0, 0], [5, 0], [5, 4], [3.2, 4], [3.2, 3.6], [1.8, 3.6], [1.8, 4], [0, 4]],
    "two chimney breasts": [
        [0, 0], [8, 0], [8, 4], [7, 4], [7, 3.5], [6, 3.5], [6, 4], [3, 4], [3, 3], [2, 3], [2, 4], [0, 4],
    ],
    "undercut": [[0, 0], [6, 0], [6, 5], [3.5, 5], [3.5, 4], [4.5, 4], [4.5, 2], [1.5, 2], [1.5, 4], [2.5, 4], [2.5, 5], [0, 5]],
    "hook": [[1, 0], [5, 0], [7, 4], [5, 6], [3, 6], [3, 5], [5.5, 4], [4, 1.5], [2, 1.5], [2, 5], [0, 3]],
    "saw": [[0, 0], [8, 0], [8, 3], [7, 1], [6, 3], [5, 1.5], [4, 2], [3, 1], [2, 3], [1, 1], [0, 3]],
}  # fmt: skip
SCENE = f"""\
usim: scene/1
title: round the corner
duration_s: 2
room:
  kind: polygon
  corners_m: {L}
  height_m: 2.6
  surfaces: {{floor: carpet_loop, ceiling: plaster_painted, walls: drywall_painted, w3: window_glass}}
devices:
  - name: shelf
    profile: puck_4mic
    position_m: {{at_wall: w3, along: 0.2, height_m: 1, gap_m: 0.1}}
    emits: {{kind: tones, carriers_hz: [32500], level_db_spl: 72}}
noises:
  - {{kind: hiss, name: valve, level_db_spl: 30, at: {{free_floor: {{margin_m: 0.4}}}}}}
"""


def _table(corners=L, height_m=2.6, **surfaces):
    named = {"floor": "carpet_loop", "ceiling": "plaster_painted", "walls": "drywall_painted"}
    named = {name: spec for name, spec in {**named, **surfaces}.items() if spec}
    return {"kind": "polygon", "corners_m": corners, "height_m": height_m, "surfaces": named}


def _room(corners=L, **more):
    return polygon.build(polygon.Parameters.model_validate(_table(corners, **more)))


def _scene(*changes):
    text = SCENE
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    return parse(text.encode(), "round.yaml")


def _samples(room, count=4000):
    low, high = room.bounds_m
    share = np.random.default_rng(1).random((count, 3)) * 1.1 - 0.05
    return low + (high - low) * share


def _in_hull(corners, points):
    """Whether points lie in the smallest convex polygon around corners, found without a hull: no line parts them."""
    corners = np.asarray(corners, float)
    inside = np.ones(len(points), bool)
    for a in corners:
        for b in corners:
            d = b - a
            side = d[0] * (corners[:, 1] - a[1]) - d[1] * (corners[:, 0] - a[0])
            if np.any(d != 0) and np.all(side >= -1e-9):
                inside &= d[0] * (points[:, 1] - a[1]) - d[1] * (points[:, 0] - a[0]) >= 0.0
    return inside


# What is refused.


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        (L[::-1], "the corners run clockwise; write them in the other order"),
        ([[0, 0], [4, 4], [4, 0], [0, 4]], "w1 and w3 cross; write the corners in the order"),
        ([[0, 0], [4, 0], [4, 4], [2, 0], [0, 4]], "corner 4 lies on w1; only walls that follow"),
        ([[0, 0], [4, 0], [4, 4], [4, 1], [0, 4]], "corner 4 lies on w2"),
        ([[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], "corners 1 and 5 are the same; leave one out, the last wall closes the room"),
        ([[0, 0], [4, 0], [4, 4], [4, 0], [0, 4]], "corners 2 and 4 are the same"),
        ([[0, 0], [4, 0], [4.04, 0], [4, 4], [0, 4]], "w2 is 0.04 m long, must be at least 0.05 m"),
        ([[0, 0], [2, 0], [4, 0]], "all corners lie in one line; add one beside it"),
        ([[0, 0], [0, 4], [0, 2]], "all corners lie in one line"),
        ([[1, -2], [5, -2], [5, 2]], "the least x and the least y must be 0, got 1 and -2; add -1 to every x and 2 to every y"),
        ([[0, 0.25], [5, 0.25], [5, 2]], "add 0 to every x and -0.25 to every y"),
        ([[0, 0], [4, 0], [4, 0.4], [0, 0.4]], "the floor is 4 x 0.4 m over all; each must be from 0.5 to 100 m"),
        ([[0, 0], [101, 0], [101, 4], [0, 4]], "the floor is 101 x 4 m over all"),
        ([[0, 0], [4, 0]], "must have at least 3 entries, got 2"),
        ([[0, 0], *([n, 0.0] for n in range(1, 64)), [30, 30]], "must have at most 64 entries, got 65"),
        ([[0, 0], [4, 0], [4]], "too few numbers, got 1; add the others in m"),
        ([[0, 0], [4, 0], [4, 4, 1]], "must have at most 2 entries, got 3"),
        ([[0, 0], [4, 0], [4, "y"]], "must be a number in m, got y"),
        ([[0, 0], [4, 0], [4, 1001]], "must be at most 1000 m, got 1001"),
    ],
)  # fmt: skip
def test_a_wrong_floor_plan_is_said_at_its_place(corners, said):
    with pytest.raises(InvalidInput) as caught:
        _scene(str(L), json.dumps(corners)).sample()
    (line,) = str(caught.value).splitlines()
    assert line.startswith("round.yaml:6:")
    assert ": room.corners_m" in line
    assert said in line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("height_m: 2.6", "height_m: 0.4", "room.height_m: must be at least 0.5 m, got 0.4"),
        ("height_m: 2.6", "height_m: 101", "room.height_m: must be at most 100 m, got 101"),
        ("w3: w", "w7: w", "room.surfaces.w7: there is no wall w7, 6 corners make w1 to w6; leave it out"),
        ("w3: w", "w65: w", "room.surfaces.w65: no such field"),
        ("w3: w", "wall: w", "room.surfaces.wall: no such field; did you mean walls?"),
        ("walls: d", "w1: d", "room.surfaces: no surface for w2, w4, w5, w6; add `walls`, or each of these by name"),
        ("w3: window_glass", "w3: window_glas", "room.surfaces.w3: there is no material window_glas; did you mean window_glass?"),
        ("w3: window_glass", "w3: 3", "room.surfaces.w3: a surface is a material's id or a mapping"),
        ("at_wall: w3", "at_wall: w9", "no standing wall w9; one of w1, w2, w3, w4, w5, w6"),
        ("at_wall: w3", "at_wall: floor", "no standing wall floor; one of w1"),
    ],
)  # fmt: skip
def test_other_mistakes_are_said_at_their_place(old, new, said):
    with pytest.raises(InvalidInput) as caught:
        _scene(old, new).sample()
    lines = str(caught.value).splitlines()
    assert any(said in line for line in lines), lines


def test_everything_wrong_with_surfaces_is_said_at_once():
    surfaces = {"walls": None, "w1": "denim", "w7": "denim", "w8": "denim"}
    with pytest.raises(ValidationError) as caught:
        polygon.Parameters.model_validate(_table(**surfaces))
    (cause,) = (error["ctx"]["error"] for error in caught.value.errors())
    assert {problem.place for problem in cause.problems} == {
        "surfaces", "surfaces.w7", "surfaces.w8",
    }  # fmt: skip


# What is built.


def test_walls_follow_the_corners():
    walls = {wall.name: wall for wall in _room().walls}
    assert list(walls) == ["w1", "w2", "w3", "w4", "w5", "w6", "floor", "ceiling"]
    assert walls["w3"].corners_m.tolist() == [[6, 3, 0], [6, 3, 2.6], [3.5, 3, 2.6], [3.5, 3, 0]]
    assert walls["w3"].normal.tolist() == [0, -1, 0]
    assert walls["w4"].normal.tolist() == [-1, 0, 0]
    assert walls["floor"].corners_m[:, :2].tolist() == L
    assert walls["ceiling"].corners_m[::-1, :2].tolist() == L
    assert walls["ceiling"].normal.tolist() == [0, 0, -1]


def test_a_slanting_wall_has_a_slanting_normal():
    wall = _room(SHAPES["bay"]).walls[3]  # from (3.6, 4) to (3, 4.6)
    assert np.allclose(wall.normal, [-np.sqrt(0.5), -np.sqrt(0.5), 0.0], atol=1e-12)


def test_every_wall_may_have_its_own_surface():
    walls = {wall.name: wall.surface for wall in _room(w3="window_glass").walls}
    assert walls["w3"] != walls["w2"]
    assert walls["w2"] == walls["w1"] != walls["floor"]


def test_walls_by_name_need_no_walls():
    named = {f"w{n}": "drywall_painted" for n in range(1, 7)}
    assert len(_room(walls=None, **named).walls) == 8


def test_two_walls_in_one_line_may_differ():
    room = _room(SHAPES["box with a wall in two"], w2="window_glass")
    walls = {wall.name: wall for wall in room.walls}
    assert walls["w1"].normal.tolist() == walls["w2"].normal.tolist() == [0, 1, 0]
    assert walls["w1"].surface != walls["w2"].surface


def test_volume_and_bounds():
    room = _room()
    assert room.volume_m3 == pytest.approx(2.6 * (6 * 5 - 2.5 * 2), rel=1e-12)
    assert room.bounds_m.tolist() == [[0, 0, 0], [6, 5, 2.6]]


def test_feet_run_counter_clockwise():
    room = _room()
    assert room.foot_m("w1").tolist() == [[0, 0, 0], [6, 0, 0]]
    assert room.foot_m("w6").tolist() == [[0, 5, 0], [0, 0, 0]]
    assert all(room.foot_m(name) is None for name in ("floor", "ceiling", "w7", "walls"))


@pytest.mark.parametrize("margin_m", [0.0, 0.3, 1.0])
def test_a_rectangle_contains_what_a_box_does(margin_m):
    room = _room(SHAPES["box"])
    table = {**_table(), "kind": "box", "size_m": [5, 4, 2.6]}
    del table["corners_m"], table["height_m"]
    same = box.build(box.Parameters.model_validate(table))
    points = _samples(same)
    assert np.array_equal(room.contains(points, margin_m), same.contains(points, margin_m))
    on_walls = np.clip(points, *same.bounds_m)
    assert room.contains(on_walls).all()
    assert room.volume_m3 == pytest.approx(same.volume_m3, rel=1e-12)


def test_the_margin_is_round_at_a_corner_that_juts_in():
    """The corner (3.5, 3) of the L: 0.1 m off diagonally is 0.0707 m beyond neither of its walls' planes."""
    away = 0.1 * np.sqrt(0.5)
    spot = np.array([3.5 - away, 3 - away, 1.0])
    room = _room()
    assert room.contains(spot, 0.0999)
    assert not room.contains(spot, 0.1001)
    assert room.contains([3.5 - 0.05, 1.0, 1.0], 0.9)  # the plane of w4 is near, the wall is not


def test_a_negative_margin_reaches_beyond_the_walls():
    room = _room()
    beyond = np.array([[3.6, 3.1, 1.0], [-0.1, 2, 1], [2, 2, 2.7], [2, 2, -0.1]])
    assert not room.contains(beyond, -0.0999).any()
    assert room.contains(beyond, -0.1001).all()


@pytest.mark.parametrize("corners", SHAPES.values(), ids=SHAPES)
def test_margins_are_distances_to_the_walls(corners):
    """Against the nearest of many points along the walls' feet."""
    room = _room(corners)
    points = _samples(room, 400)
    points[:, 2] = 1.3
    points = points[room.contains(points)]
    feet = [room.foot_m(wall.name) for wall in room.walls[:-2]]
    marks = np.concatenate([np.linspace(*foot[:, :2], 2001) for foot in feet])
    nearest = np.hypot(*(points[:, None, :2] - marks[None]).transpose(2, 0, 1)).min(axis=1)
    nearest = np.minimum(nearest, 1.3)
    for point, away in zip(points, nearest, strict=True):
        assert room.contains(point, away - 2.5e-3)
        assert not room.contains(point, away + 1e-9)


# What stands in the pockets.


@pytest.mark.parametrize("corners", SHAPES.values(), ids=SHAPES)
def test_solids_fill_what_the_hull_has_and_the_room_has_not(corners):
    room = _room(corners)
    points = _samples(room)
    points[:, 2] = 1.3
    points = points[_in_hull(corners, points)]
    held = np.array([solid.contains(points, 1e-9) for solid in room.solids]).reshape(
        -1, len(points)
    )
    assert np.array_equal(room.contains(points), ~held.any(axis=0))
    assert held.sum(axis=0).max(initial=0) <= 1, "two solids overlap"


@pytest.mark.parametrize("corners", SHAPES.values(), ids=SHAPES)
def test_solids_are_convex_and_counter_clockwise(corners):
    for solid in _room(corners).solids:
        edges = np.roll(solid.footprint_m, -1, axis=0) - solid.footprint_m
        after = np.roll(edges, -1, axis=0)
        turns = edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0]
        lengths = np.hypot(*edges.T)
        sines = turns / (lengths * np.roll(lengths, -1))
        assert sines.min() >= -1e-8
        assert np.arcsin(np.clip(sines, -1, 1)).sum() > 0
        assert (solid.low_m, solid.high_m) == (-100.0, 102.6)


@pytest.mark.parametrize(
    ("shape", "count"),
    [("box", 0), ("box with a wall in two", 0), ("L", 1), ("L with walls in two", 1), ("U", 1), ("T", 2),
     ("plus", 4), ("S", 2), ("alcove", 2), ("bay", 2), ("chimney breast", 1), ("two chimney breasts", 2)],
)  # fmt: skip
def test_a_pocket_that_is_convex_is_one_solid(shape, count):
    assert len(_room(SHAPES[shape]).solids) == count


def test_the_solid_of_an_l_goes_on_outwards():
    (solid,) = _room().solids
    n = 1000.0 * np.array([2.0, 2.5]) / np.hypot(2.0, 2.5)
    expected = [[6, 3], [6 + n[0], 3 + n[1]], [3.5 + n[0], 5 + n[1]], [3.5, 5], [3.5, 3]]
    start = int(np.argmin(np.abs(solid.footprint_m - [6, 3]).sum(axis=1)))
    assert np.allclose(np.roll(solid.footprint_m, -start, axis=0), expected, atol=1e-9)


def test_pockets_behind_one_wall_each_reach_outwards():
    """Two chimney breasts in one line: the wall between them is on the hull, so it parts them."""
    low, high = sorted(
        (solid.footprint_m[:, 0].min(), solid.footprint_m[:, 0].max())
        for solid in _room(SHAPES["two chimney breasts"]).solids
    )
    assert (low, high) == ((2, 3), (6, 7))


def test_most_corners_there_may_be():
    """A comb of 64 corners, 15 pockets."""
    comb = [[0, 0], [31, 0]]
    for n in range(15):
        comb += [[31 - 2 * n, 3], [30 - 2 * n, 3], [30 - 2 * n, 2], [29 - 2 * n, 2]]
    comb += [[1, 3], [0, 3]]
    room = _room(comb)
    assert len(comb) == polygon.MOST
    assert len(room.walls) == 66
    assert len(room.solids) == 15


def test_rooms_of_random_corners_are_filled_too():
    """Stars of random reach around a point: pockets of every form."""
    generator = np.random.default_rng(4)
    for _ in range(30):
        turn = np.linspace(0, 2 * np.pi, 14, endpoint=False)
        reach = generator.uniform(1.0, 5.0, 14)
        corners = reach[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        corners -= corners.min(axis=0)
        test_solids_fill_what_the_hull_has_and_the_room_has_not(corners.tolist())
        test_solids_are_convex_and_counter_clockwise(corners.tolist())


# In scenes.


def test_a_device_stands_before_the_wall_it_is_placed_at():
    scene = _scene().sample()
    assert np.allclose(scene.devices[0].position_m, [5.5, 2.9, 1.0])


def test_the_free_floor_of_an_l_keeps_out_of_its_notch():
    scene = _scene()
    spots = np.array([scene.sample(seed).noises[0].at for seed in range(100)])
    assert not np.any((spots[:, 0] > 3.1) & (spots[:, 1] > 2.6) & ~_round(spots))
    assert spots[:, 0].max() > 5
    assert spots[:, 1].max() > 4


def _round(spots):
    """Spots diagonally before the corner that juts in, where the margin is a circle."""
    away = np.hypot(spots[:, 0] - 3.5, spots[:, 1] - 3.0)
    return (spots[:, 0] < 3.5) & (spots[:, 1] < 3.0) & (away >= 0.4)


def test_what_stands_in_the_notch_is_outside():
    with pytest.raises(InvalidInput, match=r"\[5, 4, 1\] is outside the room"):
        _scene("{at_wall: w3, along: 0.2, height_m: 1, gap_m: 0.1}", "[5, 4, 1]").sample()


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ([1, 5, 1], "its body reaches 0.3 m beyond w5"),  # 2.3 m beyond the plane of w3, but not beyond w3
        ([5, 3, 1], "its body reaches 0.3 m beyond w3"),
        ([3.5, 4, 1], "its body reaches 0.3 m beyond w4"),
        ([1, 1, 0.2], "its body reaches 0.1 m beyond floor"),
        ([5, 4, 1], "its body reaches 1.8 m beyond w4"),
        ([3.3, 2.8, 1], "its body reaches into the corner at [3.5, 3]"),  # though not beyond it along x or y
    ],
)  # fmt: skip
def test_a_mover_in_a_wall_is_told_which(place, said):
    ball = f"movers: [{{kind: sphere, name: ball, radius_m: 0.3, track: {{at_s: [0], through_m: [{place}]}}}}]"
    with pytest.raises(InvalidInput) as caught:
        _scene("noises:", f"{ball}\nnoises:").sample()
    assert said in str(caught.value)


def test_a_mover_may_pass_close_to_a_corner():
    ball = "movers: [{kind: sphere, name: ball, radius_m: 0.27, track: {at_s: [0, 1], through_m: [[3.3, 2.8, 1], [3.3, 2.5, 1]]}}]"
    assert _scene("noises:", f"{ball}\nnoises:").sample().movers


def test_a_resolved_scene_is_the_same_scene():
    scene = _scene("[6, 3]", "[6, {uniform: [2, 4]}]").sample(3)
    again = parse(scene.text.encode(), "again.yaml").sample()
    assert again == scene
    assert again.text == scene.text
    assert list(scene.table["room"]["surfaces"]) == ["floor", "ceiling", "walls", "w3"]


def test_validate_and_describe(tmp_path, capsys):
    path = tmp_path / "round.yaml"
    path.write_text(SCENE)
    assert root.run(["validate", str(path)]) == 0
    assert root.run(["describe", str(path)]) == 0
    said = capsys.readouterr().out
    assert "polygon 6 x 5 x 2.6 m" in said
    for words in ("w3       window_glass", "w6       drywall_painted", "floor    carpet_loop"):
        assert words in said


def test_show_names_only_some_of_the_walls(capsys):
    assert root.run(["show", "polygon"]) == 0
    assert "{floor, ceiling, walls, w1, ... w64}" in capsys.readouterr().out


def test_the_schema_knows_polygons(tmp_path):
    path = tmp_path / "scene.schema.json"
    path.write_text(json.dumps(schema("scene")))
    wrongs = [("w3:", "wall:"), ("w3:", "w65:"), ("height_m: 2.6", "heigth_m: 2.6"), ("[6, 3]", "[6, 3, 0]"),
              ("window_glass", "3"), ("[6, 3]", "[6, {uniform: [2, 4]}]")]  # fmt: skip
    files = {"right": SCENE, **{f"{n}": SCENE.replace(*pair) for n, pair in enumerate(wrongs)}}
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    command = [sys.executable, "-m", "check_jsonschema", "-o", "json", "--schemafile", str(path)]
    command += [str(tmp_path / f"{name}.yaml") for name in files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    refused = {error["filename"] for error in json.loads(done.stdout)["errors"]}
    assert refused == {str(tmp_path / f"{n}.yaml") for n in range(5)}

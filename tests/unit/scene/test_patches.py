"""Patches and openings in a room: where they lie, what they are called, and that a resolved scene makes them again."""

import numpy as np
import pytest

from usim.rooms import box, polygon
from usim.scene import parse
from usim.scene.patches import overlaps, placed
from usim.surfaces.base import surface

SURFACES = {"floor": "carpet_loop", "ceiling": "plaster_painted", "walls": "drywall_painted"}
BOX = box.build(box.Parameters.model_validate({"kind": "box", "size_m": [5, 4, 2.5], "surfaces": SURFACES}))  # fmt: skip
L_SHAPE = polygon.build(polygon.Parameters.model_validate({"kind": "polygon", "corners_m": [[0, 0], [6, 0], [6, 3], [3.5, 3], [3.5, 5], [0, 5]], "height_m": 2.6, "surfaces": SURFACES}))  # fmt: skip
FOAM = surface("foam")


def area(corners, normal):
    """Signed, positive where the corners go counter-clockwise as seen from where the normal points."""
    return 0.5 * np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0) @ normal


@pytest.mark.parametrize("room", [BOX, L_SHAPE], ids=["box", "L"])
def test_a_patch_lies_in_its_wall_and_is_seen_from_inside(room):
    for wall in room.walls:
        patch = placed(room, "one", wall.name, (0.5, 0.6), (1.3, 1.6), FOAM)
        assert np.abs((patch.corners_m - wall.corners_m[0]) @ wall.normal).max() < 1e-12
        assert area(patch.corners_m, wall.normal) == pytest.approx(0.8)
        inside = patch.corners_m.mean(axis=0) + 0.05 * wall.normal
        assert room.contains(inside)


def test_places_on_a_standing_wall_run_along_its_foot():
    door = placed(BOX, "door", "east", (1.0, 0.0), (1.9, 2.0), FOAM)
    np.testing.assert_allclose(door.corners_m.min(axis=0), [5, 1.0, 0])
    np.testing.assert_allclose(door.corners_m.max(axis=0), [5, 1.9, 2.0])
    door = placed(L_SHAPE, "door", "w3", (0.5, 0.0), (1.5, 2.0), FOAM)  # from [6, 3] to the west
    np.testing.assert_allclose(door.corners_m.min(axis=0), [4.5, 3, 0])
    np.testing.assert_allclose(door.corners_m.max(axis=0), [5.5, 3, 2.0])


def test_what_the_floor_does_not_hold_is_refused():
    rug = placed(L_SHAPE, "rug", "floor", (0.5, 0.5), (3.5, 5.0), FOAM)
    assert rug.corners_m[:, 2].max() == 0.0
    with pytest.raises(ValueError, match="reaches beyond floor, which is no rectangle"):
        placed(L_SHAPE, "rug", "floor", (2.0, 2.0), (4.0, 4.0), FOAM)
    with pytest.raises(ValueError, match="reaches beyond floor, which is no rectangle"):
        placed(L_SHAPE, "rug", "floor", (4.0, 3.5), (5.0, 4.5), FOAM)


def test_neighbours_may_touch():
    one = placed(BOX, "one", "floor", (0.0, 0.0), (1.0, 1.0), FOAM)
    beside = placed(BOX, "two", "floor", (1.0, 0.0), (2.0, 1.0), FOAM)
    upon = placed(BOX, "three", "floor", (0.9, 0.5), (1.5, 0.8), FOAM)
    above = placed(BOX, "four", "ceiling", (0.9, 0.5), (1.5, 0.8), FOAM)
    found = list(overlaps([((0,), one), ((1,), beside), ((2,), upon), ((3,), above)]))
    assert [path for path, _ in found] == [(2,)]


def test_a_resolved_scene_makes_them_again(small):
    text = """room:
  openings:
    - {kind: door, wall: east, from_m: {uniform: [0.5, 2.5]}, width_m: 0.9, open: {uniform: [0.3, 0.7]}, leads_to: {size_m: [2, 3, 2.5], surface: plaster_painted}}
    - {kind: door, wall: north, from_m: 1, width_m: 0.9, open: true}
    - {kind: window, wall: south, from_m: 1, width_m: 1, chance: 0.5}
  patches:
    - {wall: floor, from_m: [2.5, 0.5], to_m: [3.5, 1.5], surface: {choice: [foam, carpet_cut_pile]}}
"""
    scene = small("room:\n", text).sample(3)
    names = [patch.name for patch in scene.patches]
    assert names[:4] == ["patch", "door.1", "door.2", "door_2"]
    again = parse(scene.text.encode()).sample()
    assert again == scene
    for one, other in zip(scene.patches, again.patches, strict=True):
        np.testing.assert_array_equal(one.corners_m, other.corners_m)
        assert one.surface == other.surface


@pytest.mark.parametrize(("share", "parts"), [(0.0, 1), (0.05, 1), (0.5, 2), (0.95, 1), (1.0, 1), (True, 1)])  # fmt: skip
def test_a_gap_of_a_hand_is_shut(small, share, parts):
    """What is narrower than 0.1 m goes to its neighbour."""
    word = str(share).lower()
    text = (
        f"room:\n  openings: [{{kind: door, wall: east, from_m: 1, width_m: 0.9, open: {word}}}]\n"
    )
    patches = small("room:\n", text).sample(3).patches
    assert len(patches) == parts
    wide = sum(area(one.corners_m, np.array([-1.0, 0, 0])) for one in patches)
    assert wide == pytest.approx(1.8)

"""The box room: faces, feet, surfaces."""

import numpy as np
import pytest
from pydantic import ValidationError

from usim.rooms import box

SURFACES = {"floor": "carpet_loop", "ceiling": "plaster_painted", "walls": "drywall_painted"}


def _room(**surfaces):
    table = {"kind": "box", "size_m": [5.0, 4.0, 2.5], "surfaces": {**SURFACES, **surfaces}}
    return box.build(box.Parameters.model_validate(table))


def test_faces_are_where_the_conventions_say():
    walls = {wall.name: wall for wall in _room().walls}
    for name, axis, at in [
        ("west", 0, 0.0), ("east", 0, 5.0), ("south", 1, 0.0),
        ("north", 1, 4.0), ("floor", 2, 0.0), ("ceiling", 2, 2.5),
    ]:  # fmt: skip
        assert np.all(walls[name].corners_m[:, axis] == at)
        assert walls[name].normal[axis] == (1.0 if at == 0.0 else -1.0)
    assert len(walls) == 6


def test_a_named_wall_overrides_walls():
    walls = {wall.name: wall.surface for wall in _room(east="window_glass").walls}
    assert walls["east"] != walls["west"]
    assert walls["north"] == walls["west"]


def test_every_standing_wall_needs_a_surface():
    surfaces = {**SURFACES}
    del surfaces["walls"]
    table = {
        "kind": "box",
        "size_m": [5, 4, 2.5],
        "surfaces": {**surfaces, "west": "plaster_painted"},
    }
    with pytest.raises(ValidationError, match="no surface for east, south, north"):
        box.Parameters.model_validate(table)


def test_contains_keeps_a_margin():
    room = _room()
    points = np.array([[0.05, 2.0, 1.0], [2.5, 2.0, 2.45], [-0.1, 2, 1], [2.5, 2.0, 1.2]])
    assert room.contains(points).tolist() == [True, True, False, True]
    assert room.contains(points, 0.1).tolist() == [False, False, False, True]
    assert room.contains(points, -0.2).all()


def test_feet_run_with_the_coordinate():
    room = _room()
    assert room.foot_m("west").tolist() == [[0, 0, 0], [0, 4, 0]]
    assert room.foot_m("north").tolist() == [[0, 4, 0], [5, 4, 0]]
    assert room.foot_m("floor") is None


@pytest.mark.parametrize(
    ("size", "good"), [(0.5, True), (0.499, False), (100.0, True), (100.1, False)]
)
def test_extents_have_limits(size, good):
    table = {"kind": "box", "size_m": [size, 4, 2.5], "surfaces": SURFACES}
    if good:
        box.Parameters.model_validate(table)
    else:
        with pytest.raises(ValidationError):
            box.Parameters.model_validate(table)

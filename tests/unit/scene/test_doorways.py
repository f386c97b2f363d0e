"""What stands before an open door."""

import pytest

CHEST = "    - {kind: block, name: chest, from_m: [%s, 1.2, 0], to_m: [%s, 1.8, 0.9], surface: wood_varnished}\n"  # fmt: skip
SHEET = "    - {kind: screen, name: chest, from_m: [%s, 1.2, 0], to_m: [%s, 1.8, 0.9], surface: window_glass}\n"  # fmt: skip
OPENING = "  openings: [{kind: %s, name: way, wall: east, from_m: 1, width_m: 0.9, open: %s}]\n"


@pytest.mark.parametrize(
    ("piece", "kind", "share", "said"),
    [
        (CHEST % (3.0, 3.9), "door", "true", True),
        (CHEST % (3.0, 3.9), "door", "0.5", True),
        (CHEST % (3.0, 3.9), "window", "true", True),
        (CHEST % (3.0, 3.9), "door", "false", False),
        (CHEST % (2.0, 3.4), "door", "true", False),
        (SHEET % (3.8, 3.9), "door", "true", False),
    ],
)
def test_a_chest_before_an_open_door_is_noted(small, piece, kind, share, said):
    """A shut one is not, nor what leaves room to pass, nor a cloth, which is told rightly there."""
    row = "surface: denim}\n"
    scene = small(row, row + piece + OPENING % (kind, share)).sample()
    text = "room.furniture.chest: it stands 0.1 m before way, which is open; move it, or shut that"
    assert scene.notes == ((text,) if said else ())

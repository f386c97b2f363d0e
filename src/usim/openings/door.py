"""A door: a leaf of wood from the floor up, shut unless it is said to be open.

Shut, it is a patch of its surface that leaks: under it (`gap_under_m`) and round its frame (`gap_round_m`), outside or to the room it leads to.
The defaults are those of an inner door without seals; a gap of 0 is sealed.
"""

from typing import Literal

from usim.openings._leaf import Framed, Gap, Leaf, Metres, Wide, framed
from usim.template.fields import Surface


class Parameters(Leaf):
    """A door; a share `open` of its width is open, from its start along the wall, and leads `outside` or to a room."""

    kind: Literal["door"]
    sill_m: Metres = 0.0
    height_m: Wide = 2.0
    surface: Surface = "wood_varnished"
    gap_under_m: Gap = 0.004
    gap_round_m: Gap = 0.001


EXAMPLES = (
    {"kind": "door", "name": "door", "wall": "south", "from_m": 0.6, "width_m": 0.85},
    {
        "kind": "door",
        "name": "to_the_hall",
        "wall": "south",
        "from_m": 0.6,
        "width_m": 0.85,
        "open": True,
        "leads_to": {"size_m": [1.4, 4.0, 2.5], "surface": "drywall_painted"},
    },
    {
        "kind": "door",
        "name": "of_the_bathroom",
        "wall": "south",
        "from_m": 0.6,
        "width_m": 0.75,
        "gap_under_m": 0.01,
        "leads_to": {"size_m": [2.0, 2.5, 2.5], "surface": "tile_glazed"},
    },
)


def build(parameters: Parameters) -> Framed:
    """The door of these parameters."""
    return framed(parameters)

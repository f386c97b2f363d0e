"""A window: a pane above a sill, shut unless it is said to be open.

Shut, it is a patch of its surface, and sealed unless `gap_round_m` or `gap_under_m` are given: then it leaks as a door does.
"""

from typing import Literal

from usim.openings._leaf import Framed, Leaf, Metres, Wide, framed
from usim.template.fields import Surface


class Parameters(Leaf):
    """A window; a share `open` of its width is open, from its start along the wall, and leads `outside` or to a room."""

    kind: Literal["window"]
    sill_m: Metres = 0.9
    height_m: Wide = 1.2
    surface: Surface = "window_glass"


EXAMPLES = (
    {
        "kind": "window",
        "name": "window",
        "wall": "north",
        "from_m": 1.0,
        "width_m": 1.4,
        "open": 0.5,
    },
)


def build(parameters: Parameters) -> Framed:
    """The window of these parameters."""
    return framed(parameters)

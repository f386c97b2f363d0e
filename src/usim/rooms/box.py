"""A rectangular room: the cheapest room, and the one with a closed-form image lattice."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from usim.rooms.base import LARGEST_M, SMALLEST_M, AbstractRoom, Wall
from usim.surfaces.base import AbstractSurface, surface
from usim.template.fields import Listed, Surface, Table

FACES = {  # name: (axis across, which end of it)
    "west": (0, 0),
    "east": (0, 1),
    "south": (1, 0),
    "north": (1, 1),
    "floor": (2, 0),
    "ceiling": (2, 1),
}
STANDING = ("west", "east", "south", "north")

Extent = Annotated[float, Field(ge=SMALLEST_M, le=LARGEST_M)]


class Surfaces(Table):
    """What each face is made of; `walls` stands for the standing faces that are not named."""

    floor: Surface
    ceiling: Surface
    walls: Surface = None
    west: Surface = None
    east: Surface = None
    south: Surface = None
    north: Surface = None

    @model_validator(mode="after")
    def _every_wall(self) -> "Surfaces":
        bare = [name for name in STANDING if self.of(name) is None]
        if bare:
            raise ValueError(
                f"no surface for {', '.join(bare)}; add `walls`, or each of these by name"
            )
        return self

    def of(self, face: str) -> Any:
        """The surface of a face as written, or that of `walls`."""
        own = getattr(self, face)
        return self.walls if own is None and face in STANDING else own


class Parameters(Table):
    """A box: west x = 0, east x = max, south y = 0, north y = max."""

    kind: Literal["box"]
    size_m: Annotated[tuple[Extent, Extent, Extent], Listed]
    surfaces: Surfaces


EXAMPLES = (
    {
        "kind": "box",
        "size_m": [5.2, 4.1, 2.6],
        "surfaces": {
            "floor": "carpet_loop",
            "ceiling": "plaster_painted",
            "walls": "drywall_painted",
            "east": {"material": "window_glass", "spread": 0.5},
        },
    },
)


@dataclass(frozen=True, eq=False)
class Box(AbstractRoom):
    """A rectangular room with one corner at the origin."""

    size_m: np.ndarray
    walls: tuple[Wall, ...]
    volume_m3: float
    bounds_m: np.ndarray

    def contains(self, points_m: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
        points_m = np.asarray(points_m, dtype=float)
        return np.all((points_m >= margin_m) & (points_m <= self.size_m - margin_m), axis=-1)

    def foot_m(self, wall: str) -> np.ndarray | None:
        """`along` grows with y on west and east, with x on south and north."""
        if wall not in STANDING:
            return None
        axis, end = FACES[wall]
        foot = np.zeros((2, 3))
        foot[:, axis] = end * self.size_m[axis]
        foot[1, 1 - axis] = self.size_m[1 - axis]
        return foot


def _wall(name: str, size_m: np.ndarray, made: AbstractSurface) -> Wall:
    across, end = FACES[name]
    first, second = (axis for axis in range(3) if axis != across)
    corners = np.zeros((4, 3))
    corners[:, across] = end * size_m[across]
    corners[[1, 2], first] = size_m[first]
    corners[[2, 3], second] = size_m[second]
    normal = np.zeros(3)
    normal[across] = 1.0 - 2.0 * end
    turns_right = (normal[across] > 0.0) == (across == 1)
    if turns_right:
        corners = corners[::-1].copy()
    return Wall(name, corners, normal, made)


def build(parameters: Parameters) -> Box:
    """The box room of these parameters."""
    size_m = np.array(parameters.size_m)
    specs = {name: parameters.surfaces.of(name) for name in FACES}
    made = {repr(spec): surface(spec) for spec in {repr(s): s for s in specs.values()}.values()}
    walls = tuple(_wall(name, size_m, made[repr(spec)]) for name, spec in specs.items())
    return Box(size_m, walls, float(size_m.prod()), np.stack([np.zeros(3), size_m]))

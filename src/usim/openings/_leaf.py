"""What doors and windows share: a frame in a wall, and a leaf that leaves a share of its width open."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from usim.openings.base import NARROWEST_M, AbstractOpening, Part
from usim.surfaces.base import surface
from usim.template.fields import ByShape, Listed, Mapped, Name, Surface, Table, Word
from usim.template.problem import excerpt

Metres = Annotated[float, Field(ge=0.0, le=100.0)]
Wide = Annotated[float, Field(ge=NARROWEST_M, le=100.0)]
Extent = Annotated[float, Field(ge=0.5, le=100.0)]
Gap = Annotated[float, Field(ge=0.0, le=0.02)]
Thick = Annotated[float, Field(ge=1e-3, le=0.3)]
SEALED_M = 2e-4
"""A gap that is narrower lets nothing through."""


def _share(value: Any) -> Any:
    """How much is open: yes and no are all and nothing."""
    return float(value) if isinstance(value, bool) else value


Open = Annotated[
    float,
    BeforeValidator(_share),
    Field(ge=0.0, le=1.0),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": 0, "maximum": 1}]}),
]  # fmt: skip


class Adjoining(Table):
    """The room that an opening leads to: empty, a box of one surface all round."""

    size_m: Annotated[tuple[Extent, Extent, Extent], Listed]
    surface: Surface


WAYS = "must be outside, or a mapping with size_m and surface of the room beyond"


def _outside(word: str) -> str:
    if word != "outside":
        raise ValueError(f"{WAYS}, got {excerpt(word)}")
    return word


Outside = Annotated[str, AfterValidator(_outside), WithJsonSchema({"const": "outside"})]
LeadsTo = Annotated[Annotated[Outside, Word] | Annotated[Adjoining, Mapped], ByShape(WAYS)]
"""Where an opening leads to."""


class Leaf(Table):
    """A leaf in a frame; `from_m` along the foot of the wall, heights from the floor.

    Shut all the way it leaks through a gap under it and a gap round its other three sides, `thickness_m` deep.
    """

    name: Name
    wall: Name
    from_m: Metres
    width_m: Wide
    open: Open = 0.0
    leads_to: LeadsTo = "outside"
    gap_under_m: Gap = 0.0
    gap_round_m: Gap = 0.0
    thickness_m: Thick = 0.04


@dataclass(frozen=True, eq=False)
class Framed(AbstractOpening):
    """An opening that a leaf covers in part: open is what comes first along the wall."""

    name: str
    wall: str
    parts: tuple[Part, ...]


def framed(parameters: Any) -> Framed:
    """The opening of a leaf with sill_m, height_m and surface: parts narrower than NARROWEST_M go to their neighbour."""
    left, low = parameters.from_m, parameters.sill_m
    right, high = left + parameters.width_m, low + parameters.height_m
    gap_m = parameters.open * parameters.width_m
    if gap_m < NARROWEST_M:
        middle = left
    elif parameters.width_m - gap_m < NARROWEST_M:
        middle = right
    else:
        middle = left + gap_m
    parts = []
    if middle > left:
        hole: dict[str, Any] = {"kind": "opening"}
        if isinstance(parameters.leads_to, Adjoining):
            hole["area_m2"] = (middle - left) * (high - low)
            hole["beyond"] = parameters.leads_to.model_dump()
        parts.append(Part((left, low), (middle, high), surface(hole)))
    if middle < right:
        made = surface(parameters.surface)
        if middle == left and (gaps := _gaps(parameters)):
            made = surface(gaps)
        parts.append(Part((middle, low), (right, high), made))
    return Framed(parameters.name, parameters.wall, tuple(parts))


def _gaps(parameters: Any) -> dict[str, Any] | None:
    """The surface of a leaf that is shut and leaks; None where it does not."""
    under, around = parameters.width_m, parameters.width_m + 2.0 * parameters.height_m
    slits = [
        {"width_m": wide, "length_m": long}
        for wide, long in ((parameters.gap_under_m, under), (parameters.gap_round_m, around))
        if wide >= SEALED_M
    ]
    if not slits:
        return None
    leaf: dict[str, Any] = {
        "kind": "leaking",
        "surface": parameters.surface,
        "area_m2": parameters.width_m * parameters.height_m,
        "depth_m": parameters.thickness_m,
        "slits": slits,
    }
    if isinstance(parameters.leads_to, Adjoining):
        leaf["beyond"] = parameters.leads_to.model_dump()
    return leaf

"""What a field of a file may hold: the shared types of every parameter model.

A model that reads a table from a file derives from `Table`: frozen, strict, finite, no unknown
keys. Draws and placements are resolved before a model sees the table, so models hold plain numbers,
words and points in metres. The unit of a number is the end of its field's name (`size_m`), never
part of the value.

Only models import this module: reading, drawing and the registry work without pydantic.
"""

import os
from collections.abc import Mapping
from typing import Annotated, Any

# Looking for plug-ins of pydantic reads the metadata of every installed package, for nothing.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    WithJsonSchema,
)

PLACEMENTS = ("in_room", "free_floor", "on", "at_wall")


class Table(BaseModel):
    """A mapping of a file with known fields only; frozen once read."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        defer_build=True,  # most models are only parts of others and need no validator of their own
    )


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
"""A name as it appears in places and folders: a letter, then letters, digits, underscores; at most
64.
"""


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Listed = BeforeValidator(_tuple)
"""Lets a strict tuple be written as a list, the only sequence YAML has."""

Coordinate = Annotated[float, Field(ge=-1000.0, le=1000.0)]

PointM = Annotated[tuple[Coordinate, Coordinate, Coordinate], Listed]
"""[x, y, z] in metres and nothing else: for what placements are measured against (extents of
furniture).
"""

Point = Annotated[PointM, Field(json_schema_extra={"x-usim": "point"})]
"""[x, y, z] in metres; a scene file may also say any placement, resolved before a model sees it."""

Component = Annotated[float, Field(ge=-1e6, le=1e6)]


def _direction(value: tuple[float, float, float]) -> tuple[float, float, float]:
    if not any(abs(component) > 1e-6 for component in value):
        raise ValueError("a direction needs a length above zero; give for example [0, 0, 1]")
    return value


Direction = Annotated[tuple[Component, Component, Component], Listed, AfterValidator(_direction)]
"""A direction [x, y, z] of any length but zero."""

Moment = Annotated[float, Field(ge=-604800.0, le=604800.0)]
"""A time in seconds on the scene's clock."""


def _surface(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str | Mapping):
        raise ValueError("a surface is a material's id or a mapping with `material` or `kind`")
    if info.context and "surface" in info.context:
        info.context["surface"](value)
    return value


Surface = Annotated[Any, AfterValidator(_surface), WithJsonSchema({"x-usim": "surface"})]
"""A surface as `usim.surfaces.base.surface` takes it. Whoever validates may pass that function as
the context's `surface`, so that a wrong surface is reported at its own place.
"""


def _shape(value: Any) -> str:
    if isinstance(value, (Mapping, BaseModel)):
        return "(mapping)"
    return "(list)" if isinstance(value, list | tuple) else "(word)"


class ByShape(Discriminator):
    """Tells the members of a union apart by what they look like: "(word)", "(list)" or "(mapping)"."""

    def __init__(self, wanted: str) -> None:
        super().__init__(_shape, custom_error_type="wrong_shape", custom_error_message=wanted)


Word, List, Mapped = Tag("(word)"), Tag("(list)"), Tag("(mapping)")

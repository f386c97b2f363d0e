"""A solid block with upright sides: a sofa, a cupboard, a table with a cloth, a shelf on the wall."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import model_validator

from usim.furniture.base import AbstractFurniture
from usim.physics.prism import Prism
from usim.surfaces.base import AbstractSurface, surface
from usim.template.fields import Name, PointM, Surface, Table

THINNEST_M = 0.005


class Parameters(Table):
    """A block between two corners."""

    kind: Literal["block"]
    name: Name
    from_m: PointM
    to_m: PointM
    surface: Surface

    @model_validator(mode="after")
    def _in_order(self) -> "Parameters":
        for axis, low, high in zip("xyz", self.from_m, self.to_m, strict=True):
            if high - low < THINNEST_M:
                raise ValueError(
                    f"to_m must lie at least {THINNEST_M} m beyond from_m in {axis}, "
                    f"got {low:g} to {high:g}"
                )
        return self


EXAMPLES = (
    {
        "kind": "block",
        "name": "sofa",
        "from_m": [3.9, 0.2, 0.0],
        "to_m": [5.0, 2.2, 0.8],
        "surface": "upholstery_fabric",
    },
)


@dataclass(frozen=True, eq=False)
class Block(AbstractFurniture):
    """An upright block."""

    name: str
    bounds_m: np.ndarray
    surface: AbstractSurface
    solid: Prism
    top_m: np.ndarray

    def nearest_m(self, points_m: np.ndarray) -> np.ndarray:
        return np.clip(np.asarray(points_m, dtype=float), self.bounds_m[0], self.bounds_m[1])

    def contains(self, points_m: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
        points_m = np.asarray(points_m, dtype=float)
        low, high = self.bounds_m[0] + margin_m, self.bounds_m[1] - margin_m
        return np.all((points_m >= low) & (points_m <= high), axis=-1)


def build(parameters: Parameters) -> Block:
    """The block of these parameters."""
    bounds_m = np.array([parameters.from_m, parameters.to_m])
    top_m = bounds_m.copy()
    top_m[0, 2] = top_m[1, 2]
    (west, south, low), (east, north, high) = bounds_m.tolist()
    footprint_m = np.array([[west, south], [east, south], [east, north], [west, north]])
    solid = Prism(footprint_m, low, high)
    return Block(parameters.name, bounds_m, surface(parameters.surface), solid, top_m)

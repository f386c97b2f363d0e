"""A thin sheet that stands or hangs in the room: a folding screen's panel, a cloth on a line, a net.

Each side of it mirrors what its surface reflects, and what the surface transmits goes straight on behind it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import model_validator

from usim.furniture.base import AbstractFurniture
from usim.physics.prism import Prism
from usim.surfaces.base import AbstractSurface, surface
from usim.template.fields import Name, PointM, Surface, Table

THIN_M = 2e-5
"""How far its two sides lie apart: what tells them from each other, nothing to sound."""
NARROWEST_M = 0.1


class Parameters(Table):
    """An upright sheet: it stands between two points in plan, from the height of the one to that of the other."""

    kind: Literal["screen"]
    name: Name
    from_m: PointM
    to_m: PointM
    surface: Surface

    @model_validator(mode="after")
    def _wide(self) -> "Parameters":
        low, high = np.array(self.from_m), np.array(self.to_m)
        if np.hypot(*(high - low)[:2]) < NARROWEST_M:
            raise ValueError(f"to_m must lie at least {NARROWEST_M} m beside from_m in plan")
        if high[2] - low[2] < NARROWEST_M:
            raise ValueError(f"to_m must lie at least {NARROWEST_M} m above from_m, got {low[2]:g} to {high[2]:g}")  # fmt: skip
        return self


EXAMPLES = (
    {
        "kind": "screen",
        "name": "folding_screen",
        "from_m": [2.0, 1.2, 0.0],
        "to_m": [2.0, 2.8, 1.8],
        "surface": {"kind": "screen", "flow_resistance_pa_s_m": 600.0},
    },
)


@dataclass(frozen=True, eq=False)
class Screen(AbstractFurniture):
    """An upright sheet."""

    name: str
    bounds_m: np.ndarray
    surface: AbstractSurface
    solid: Prism
    top_m: None = None
    is_sheet: bool = True

    def nearest_m(self, points_m: np.ndarray) -> np.ndarray:
        points = np.asarray(points_m, dtype=float)
        along, off, high = self._own(points)
        long, thin = self._sizes()
        start, across = self.solid.footprint_m[0], self._axes()
        plan = start + np.clip(along, 0.0, long)[..., None] * across[0] + np.clip(off, 0.0, thin)[..., None] * across[1]  # fmt: skip
        return np.concatenate([plan, high[..., None]], axis=-1)

    def contains(self, points_m: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
        return self.solid.contains(points_m, margin_m)

    def _axes(self) -> np.ndarray:
        """Unit vectors (2, 2) along the sheet and through it."""
        foot = self.solid.footprint_m
        along = (foot[1] - foot[0]) / np.hypot(*(foot[1] - foot[0]))
        return np.array([along, [-along[1], along[0]]])

    def _sizes(self) -> tuple[float, float]:
        foot = self.solid.footprint_m
        return float(np.hypot(*(foot[1] - foot[0]))), float(np.hypot(*(foot[2] - foot[1])))

    def _own(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Along the sheet, through it, and the height of the nearest point of it."""
        away = (points[..., :2] - self.solid.footprint_m[0]) @ self._axes().T
        return away[..., 0], away[..., 1], np.clip(points[..., 2], self.solid.low_m, self.solid.high_m)  # fmt: skip


def build(parameters: Parameters) -> Screen:
    """The sheet of these parameters."""
    start, end = np.array(parameters.from_m), np.array(parameters.to_m)
    along = (end - start)[:2] / np.hypot(*(end - start)[:2])
    half = 0.5 * THIN_M * np.array([-along[1], along[0]])
    foot = np.array([start[:2] - half, end[:2] - half, end[:2] + half, start[:2] + half])
    solid = Prism(foot, float(start[2]), float(end[2]))
    bounds_m = np.array([[*foot.min(axis=0), start[2]], [*foot.max(axis=0), end[2]]])
    return Screen(parameters.name, bounds_m, surface(parameters.surface), solid)

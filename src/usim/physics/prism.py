"""Upright convex prisms: the solid things that a room's air flows around, and the flat faces that they show.

A footprint is a convex polygon (n, 2) in metres, counter-clockwise from above; the prism stands on it from one height to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Face(NamedTuple):
    """One flat side of a prism."""

    name: str
    """`top`, `bottom`, or `side_1` for the side from the footprint's first corner to its second."""
    corners_m: np.ndarray
    """(corner, 3) counter-clockwise as seen from outside."""
    normal: np.ndarray
    """(3,) of unit length, out of the prism."""


@dataclass(frozen=True, eq=False)
class Prism:
    """An upright convex solid."""

    footprint_m: np.ndarray
    """(n, 2) in m, counter-clockwise."""
    low_m: float
    high_m: float

    def faces(self) -> tuple[Face, ...]:
        """Return its top, its bottom and its sides."""
        low, high = (
            np.column_stack([self.footprint_m, np.full(len(self.footprint_m), z)])
            for z in (self.low_m, self.high_m)
        )
        up = np.array([0.0, 0.0, 1.0])
        found = [Face("top", high, up), Face("bottom", low[::-1].copy(), -up)]
        for n in range(len(low)):
            after = (n + 1) % len(low)
            along = low[after] - low[n]
            normal = np.array([along[1], -along[0], 0.0]) / np.hypot(along[0], along[1])
            corners = np.stack([low[n], low[after], high[after], high[n]])
            found.append(Face(f"side_{n + 1}", corners, normal))
        return tuple(found)

    def contains(self, points_m: np.ndarray, margin_m: float = 0.0) -> np.ndarray:
        """Return whether points (..., 3) in m lie inside by at least a margin; a negative margin widens it."""
        points = np.asarray(points_m, float)
        inside = (points[..., 2] >= self.low_m + margin_m) & (
            points[..., 2] <= self.high_m - margin_m
        )
        for n in range(len(self.footprint_m)):
            here, there = self.footprint_m[n], self.footprint_m[(n + 1) % len(self.footprint_m)]
            along = (there - here) / np.hypot(*(there - here))
            deep = along[0] * (points[..., 1] - here[1]) - along[1] * (points[..., 0] - here[0])
            inside &= deep >= margin_m
        return inside

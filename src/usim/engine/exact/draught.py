"""Moving air along a path, by quadrature: the field is given as data and asked point by point.

A path is a straight line in the unfolded room. Each of its points is folded back into the box, coordinate by coordinate,
and so is its direction; there the air is asked for its sound speed and wind at the time at which the sound passes.
The delay is the integral of 1 / (c + c' + u w), not of its first-order form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PANEL_M = 0.03
POINTS = 12  # of Gauss and Legendre in a panel
TOGETHER = 400_000  # points times waves in memory at once


@dataclass(frozen=True, eq=False)
class MovingAir:
    """Air as data: fields that have k (wave, 3) rad/m, phase (wave,), speed_m_s (wave,), wind_m_s (wave, 3) and mean_m_s (3,), by how many m/s^2 sound grows faster, and by how many m/s^3 that grows."""

    fields: Sequence[Any]
    growth: float = 0.0
    bend: float = 0.0

    def late(
        self, room: Any, c: float, start_m: np.ndarray, end_m: np.ndarray, start_s: np.ndarray
    ) -> np.ndarray:
        """By how much (n,) in s the sound comes later than in still air over straight lines (n, 3) of the unfolded room, having left at start_s."""
        low, high = _box(room)
        nodes, weights = np.polynomial.legendre.leggauss(POINTS)
        out = np.zeros(len(start_m))
        for row, (start, end, left) in enumerate(zip(start_m, end_m, start_s, strict=True)):
            length = float(np.linalg.norm(end - start))
            panels = max(int(np.ceil(length / PANEL_M)), 1)
            each = length / panels
            along = ((np.arange(panels)[:, None] + 0.5 * (nodes + 1.0)) * each).ravel()
            u = (end - start) / length
            folded, turned = _folded(start + along[:, None] * u, u, low, high)
            passed = self._passed(folded, turned, left + along / c, c)
            out[row] = np.tile(0.5 * each * weights, panels) @ (1.0 / passed - 1.0 / c)
        return out

    def _passed(self, points: np.ndarray, u: np.ndarray, t_s: np.ndarray, c: float) -> np.ndarray:
        """How fast (n,) sound passes points (n, 3) along directions (n, 3)."""
        speed = c + t_s * (self.growth + t_s * self.bend)
        for field in self.fields:
            step = max(TOGETHER // len(field.phase), 1)
            for first in range(0, len(points), step):
                part = slice(first, first + step)
                where = points[part] - t_s[part, None] * field.mean_m_s
                wave = np.cos(where @ field.k.T + field.phase)
                speed[part] += wave @ field.speed_m_s + ((wave @ field.wind_m_s) * u[part]).sum(axis=1)  # fmt: skip
        return speed


def _box(room: Any) -> tuple[np.ndarray, np.ndarray]:
    """The low and the high corner of a box."""
    corners = np.concatenate([np.asarray(wall.corners_m, float) for wall in room.walls])
    for wall in room.walls:
        if np.abs(wall.normal).max() < 1.0 - 1e-9:
            raise ValueError(
                f"room.walls: {wall.name} is slanting; exact follows draughts in boxes"
            )
    return corners.min(axis=0), corners.max(axis=0)


def _folded(
    points: np.ndarray, u: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) and the direction there (n, 3), mirrored back into the box."""
    size = high - low
    place = np.mod(points - low, 2.0 * size)
    beyond = place > size
    return low + np.where(beyond, 2.0 * size - place, place), np.where(beyond, -u, u)

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
FAR = 5.0  # widths from the middle of a reach of a jet, beyond which it is calm
TOGETHER = 400_000  # points times waves in memory at once


@dataclass(frozen=True, eq=False)
class MovingAir:
    """Air as data.

    jets: see `_jet`.  fields have k (wave, 3) rad/m, phase (wave,), speed_m_s (wave,), wind_m_s (wave, 3) and mean_m_s (3,), by how many m/s^2 sound grows faster, and by how many m/s^3 that grows.
    """

    fields: Sequence[Any]
    growth: float = 0.0
    bend: float = 0.0
    jets: Sequence[Any] = ()

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
        for jet in self.jets:
            speed += (_blown(jet, points, t_s) * u).sum(axis=1)
        return speed


def _blown(jet: Any, points: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """The wind (n, 3) of a jet at points (n, 3) and times (n,).

    frames(times) of a jet gives where it leaves (n, 3) and its axes (n, 3, 3); each of its reaches lies ahead_m along the first axis of late_s ago, and has wind_m_s along
    it and gusts, a field as above in these axes, under bells of rms widths wind_spread_m and spread_m (3,).
    """
    wind = np.zeros_like(points)
    for reach in jet.reaches:
        origin, axes = jet.frames(t_s - reach.late_s)
        place = np.einsum("nk,nkj->nj", points - origin, axes) - [reach.ahead_m, 0.0, 0.0]
        near = np.flatnonzero(((place / np.maximum(reach.spread_m, reach.wind_spread_m)) ** 2).sum(axis=1) < FAR**2)  # fmt: skip
        if not len(near):
            continue
        place, gusts = place[near], reach.gusts
        mean = np.exp(-0.5 * ((place / reach.wind_spread_m) ** 2).sum(axis=1))
        bell = np.exp(-0.5 * ((place / reach.spread_m) ** 2).sum(axis=1))
        wave = np.cos((place - t_s[near, None] * gusts.mean_m_s) @ gusts.k.T + gusts.phase)
        own = bell[:, None] * (wave @ gusts.wind_m_s)
        own[:, 0] += reach.wind_m_s * mean
        wind[near] += np.einsum("njk,nk->nj", axes[near], own)
    return wind


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

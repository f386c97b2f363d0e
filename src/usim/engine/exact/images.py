"""Mirror images of a point in the planes of a room's walls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ORDER = 3
NEAR_M = 1e-6  # an image named by its position is one that lies this near


@dataclass(frozen=True)
class Images:
    """Mirror images of one point: position_m (n, 3), key (n, 3), hits (n, face) and turn (n, 3, 3).

    A direction d of the unfolded path at image i is turn[i].T @ d at the real thing.
    """

    position_m: np.ndarray
    key: np.ndarray
    hits: np.ndarray
    turn: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """Number of wall hits of each image, (n,)."""
        return np.abs(self.key).sum(axis=1)

    def find(self, key: np.ndarray) -> np.ndarray:
        """Index of each key (m, 3), -1 where there is no such image."""
        known = {tuple(row): index for index, row in enumerate(self.key.tolist())}
        return np.array([known.get(tuple(row), -1) for row in key.tolist()], dtype=np.int64)

    def near(self, position_m: np.ndarray) -> np.ndarray:
        """Index of the image at each position (m, 3) in m, -1 where none lies within a micrometre."""
        found = np.full(len(position_m), -1, dtype=np.int64)
        for index, place in enumerate(self.position_m):
            found[np.linalg.norm(position_m - place, axis=1) < NEAR_M] = index
        return found


def mirror_images(walls, point_m, order: int = ORDER) -> Images:
    """Images of a point in the planes of the walls up to `order` mirrorings, nearest orders first.

    walls: things with `normal` (3,) unit and `corners_m` (n, 3); point_m (3,) in m.
    Perpendicular mirrors commute, so sequences that differ in their order alone are one image and every
    image is visible from everywhere between the planes (Allen and Berkley 1979). Planes at other angles
    need a visibility test (see `veil`) and are refused here.
    """
    axis, side = _axes(walls)
    first: tuple[int, ...] = (0, 0, 0)
    found = {first: (np.array(point_m, float), np.eye(3), np.zeros(len(walls), dtype=np.int64))}
    shell = [first]
    for depth in range(1, order + 1):
        grown = []
        for key in shell:
            place, turn, hits = found[key]
            for index, wall in enumerate(walls):
                normal = np.asarray(wall.normal, float)
                level = normal @ np.asarray(wall.corners_m, float)[0]
                turned = list(key)
                turned[axis[index]] = side[index] - key[axis[index]]
                name = tuple(turned)
                if sum(map(abs, name)) != depth or name in found:
                    continue
                flip = np.eye(3) - 2.0 * np.outer(normal, normal)
                met = hits.copy()
                met[index] += 1
                found[name] = (place - 2.0 * (normal @ place - level) * normal, flip @ turn, met)
                grown.append(name)
        shell = grown
    keys = sorted(found, key=lambda name: (sum(map(abs, name)), name))
    rows = [found[name] for name in keys]
    return Images(
        np.array([row[0] for row in rows]),
        np.array(keys, dtype=np.int64),
        np.array([row[2] for row in rows]).reshape(len(keys), len(walls)),
        np.array([row[1] for row in rows]),
    )


def _axes(walls) -> tuple[list[int], list[int]]:
    """Axis (0, 1, 2) and side (+1 at the larger coordinate) of each wall; refuses slanting planes."""
    normals = [np.asarray(wall.normal, float) for wall in walls]
    families: list[np.ndarray] = []
    member = []
    for wall, normal in zip(walls, normals, strict=True):
        along = [abs(normal @ other) for other in families]
        if any(1e-9 < value < 1.0 - 1e-9 for value in along):
            raise ValueError(
                f"room.walls: {wall.name} is neither parallel nor perpendicular to the other walls"
            )
        if not along or max(along) < 0.5:
            families.append(normal)
        member.append(int(np.argmax([abs(normal @ other) for other in families])))
    place = np.argsort([int(np.argmax(np.abs(one))) for one in families], kind="stable")
    rank = {int(index): position for position, index in enumerate(place)}
    side = [
        -1 if one[np.argmax(np.abs(one))] > 0 else 1 for one in normals
    ]  # normals point inwards
    return [rank[index] for index in member], side

"""Areas of walls that are of another surface: each path is folded back into the room, and each wall asked what it is made of where it is met.

The path runs from a real point to an image. Of the faces that the image is mirrored by, that one comes next whose plane lies next on the
way; there the rest of the way is folded. An area takes over from its wall by as much as passes a window of its shape, whose sides are
knife edges as in `veil`; a side that lies in a corner of the room is none, there the mirror image of the area goes on.
"""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np

from usim.engine.exact.faces import SAME_M, SQUARE

NEAREST = 1e-6  # least distance to an end of a path, of its length


def areas(scene) -> tuple:
    """The areas of a scene, none where it does not know of any."""
    return tuple(getattr(scene, "patches", ()))


def reflections(scene, faces, images, index, direction, reach, f_hz, wavelength_m) -> np.ndarray:
    """Product (n,) of what the faces reflect of paths that run reach (n,) m along directions (n, 3) from images index (n,).

    f_hz: one frequency or (n,), for surfaces; wavelength_m: for edges.
    """
    normal = np.array([face.normal for face in faces], float)
    level = np.array([np.dot(face.normal, face.corners_m[0]) for face in faces])
    windows = [[_Window(area, number, faces) for area in areas(scene) if area.wall == face.name] for number, face in enumerate(faces)]  # fmt: skip
    goal = images.position_m[index].astype(float)
    at = goal + np.asarray(reach)[:, None] * direction
    length, gone = np.linalg.norm(goal - at, axis=1), np.zeros(len(index))
    hits = images.hits[index]
    left, product = hits.copy(), np.ones(len(index), dtype=complex)
    f_hz = np.broadcast_to(np.asarray(f_hz, float), product.shape)
    while left.any():
        rows = np.flatnonzero(left.any(axis=1))
        here, there = at[rows] @ normal.T - level, goal[rows] @ normal.T - level
        ahead = (left[rows] > 0) & (there < 0.0)
        share = np.where(ahead, here / np.where(ahead, here - there, 1.0), np.inf)
        share = np.where(
            left[rows] > 0, np.minimum(share, 1.0), np.inf
        )  # what no path meets counts too
        face = share.argmin(axis=1)
        way = goal[rows] - at[rows]
        rest = np.linalg.norm(way, axis=1)
        step = share[np.arange(len(rows)), face]
        at[rows] += step[:, None] * way
        gone[rows] += step * rest
        ways = way / rest[:, None]
        for number in np.unique(face):
            mine = face == number
            met, u = rows[mine], ways[mine]
            cosine, f = np.minimum(np.abs(u @ normal[number]), 1.0), f_hz[met]
            one = faces[number].surface.reflection(cosine, f, scene.air)
            whole = np.array(np.broadcast_to(one, met.shape), complex)
            near = np.maximum(gone[met], NEAREST * length[met])
            far = np.maximum(length[met] - gone[met], NEAREST * length[met])
            scale = cosine * np.sqrt(2.0 * length[met] / (wavelength_m * near * far))
            for window in windows[number]:
                share_of = window.passes(at[met], u, scale, hits[met])
                whole += share_of * (window.surface.reflection(cosine, f, scene.air) - one)
            product[met] *= whole
        depth = (goal[rows] @ normal.T - level)[np.arange(len(rows)), face]
        goal[rows] -= 2.0 * depth[:, None] * normal[face]
        left[rows, face] -= 1
    return product


class _Window:
    """An area as a window in its wall: its free edges as seen over every set of walls that it ends at."""

    def __init__(self, area, number: int, faces) -> None:
        self.surface = area.surface
        corners, wall = np.asarray(area.corners_m, float), faces[number]
        free, ends = [], set()
        for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            beside = [g for g, face in enumerate(faces) if g != number and _closes(wall, face, one, other)]  # fmt: skip
            ends.update(beside)
            if not beside:
                along = (other - one) / np.linalg.norm(other - one)
                free.append((one, along, np.cross(wall.normal, along)))
        sets = chain.from_iterable(
            combinations(sorted(ends), many) for many in range(len(ends) + 1)
        )
        self.edges = [(some, edge) for some in sets for edge in _mirrored(free, [faces[g] for g in some])]  # fmt: skip

    def passes(self, spots, ways, scale, hits) -> np.ndarray:
        """Amplitude (n,) that passes at spots (n, 3) along ways (n, 3) of paths that hit the faces so often (n, face); scale (n,): Fresnel parameters per metre."""
        out = np.ones(len(spots))
        for some, (point, along, inward) in self.edges:
            over = np.all(hits[:, list(some)] > 0, axis=1)
            run = ways @ along
            v = ((spots - point) @ inward) * scale / np.sqrt(np.maximum(1.0 - run * run, 1e-30))
            out *= np.where(over, _edge(v), 1.0)
        return out


def _closes(wall, face, one, other) -> bool:
    """Whether a face meets a wall at a right angle, in front of it, along an edge of the wall on which two points lie."""
    if abs(np.dot(wall.normal, face.normal)) > SQUARE:
        return False
    corners = np.asarray(face.corners_m, float)
    if np.abs((np.array([one, other]) - corners[0]) @ face.normal).max() > SAME_M:
        return False
    on = (corners - one) @ wall.normal
    return bool(on.max() > SAME_M and np.abs(on).min() <= SAME_M)


def _mirrored(edges: list, faces: list) -> list:
    """Edges mirrored in faces; none of those that are then where they were."""
    found = []
    for point, along, inward in edges:
        moved = True
        for face in faces:
            lean = np.dot(inward, face.normal)
            moved = moved and abs(lean) > SQUARE
            point = point - 2.0 * np.dot(point - face.corners_m[0], face.normal) * face.normal
            inward = inward - 2.0 * lean * face.normal
        if moved:
            found.append((point, along, inward))
    return found


def _edge(v: np.ndarray) -> np.ndarray:
    """Amplitude that passes a knife edge at Fresnel parameters v, positive where the way is free (ITU-R P.526, 2019, section 4.1)."""
    x = v + 0.1
    root = np.sqrt(x * x + 1.0)
    a = 0.4519 * np.where(x > 0.0, root + x, 1.0 / (root + np.abs(x)))
    return a / (1.0 + a**8) ** 0.125

"""Limb hides limb, and body hides body: how much of a leg passes the other ellipsoids, of the same mover and of others.

An ellipsoid is replaced by its silhouette along the ray, the silhouette by a strip; what passes is the sum of two knife edges, each by the
approximation of ITU-R P.526 (2019, section 4.1) to the modulus of the Fresnel integral. `passed` is the same as `usim.physics.occlusion.passed`.
"""

from __future__ import annotations

import numpy as np

from usim.engine.exact.bounce import AXES, compiled
from usim.engine.exact.motion import Motion

CLEAR = 20.0  # Fresnel parameter beyond which an edge is left out: 1 - 5e-9 passes
SHEER = 0.5  # of the power straight on: what lets more through hides nothing
SOLID = ("ellipsoid", "cylinder")
CHUNK = 16384


@compiled
def _step(x):
    s = min(max(x, 0.0), 1.0)
    return s * s * s * (6.0 * s * s - 15.0 * s + 10.0)


@compiled
def _edge(v):
    x = v + 0.1
    root = np.sqrt(x * x + 1.0)
    a = 0.4519 * (root + x if x > 0.0 else 1.0 / (root - x))
    return a / (1.0 + a**8) ** 0.125


@compiled
def _passed(end, point, pose, wavelength, ray, way):
    """Amplitude that passes the ellipsoid of a pose between `end` and `point` (3,); ray and way (3,) are room to write in."""
    length = ahead = aside2 = 0.0
    for part in range(3):
        length += (end[part] - point[part]) ** 2
    length = np.sqrt(length)
    for part in range(3):
        ahead += (pose[part] - point[part]) * (end[part] - point[part]) / length
    depth2 = uu = uw = trace = 0.0
    volume = 1.0
    for part in range(3):
        axis, u, w = pose[AXES + part], 0.0, 0.0
        for row in range(3):
            turn = pose[3 + 3 * row + part]
            u += turn * (end[row] - point[row]) / length
            w += turn * (pose[row] - point[row])
        depth2 += (axis * u) ** 2
        trace += axis * axis
        volume *= axis
        ray[part], way[part] = u / axis, w / axis
        uu += ray[part] ** 2
        uw += ray[part] * way[part]
        aside2 += (w - ahead * u) ** 2
    depth = np.sqrt(depth2)
    between = _step(0.5 + 0.5 * ahead / depth) * _step(0.5 + 0.5 * (length - ahead) / depth)
    if between == 0.0:
        return 1.0
    m2 = 0.0
    for part in range(3):
        m2 += (way[part] - uw / uu * ray[part]) ** 2
    m = np.sqrt(m2)
    across2 = trace - depth2  # sum of the squares of the silhouette's semi-axes
    area2 = volume * volume * uu
    narrow2 = area2 * np.sqrt(2.0 / (across2 * across2 - 2.0 * area2))
    behind, before = np.sqrt(ahead**2 + depth2), np.sqrt((length - ahead) ** 2 + depth2)
    v = np.sqrt(2.0 * (behind + before) / (wavelength * behind * before))
    v *= np.sqrt((aside2 + narrow2) / (m2 + 1.0))
    if v * (m - 1.0) > CLEAR:
        return 1.0
    near, far = _edge(v * (m - 1.0)), _edge(-v * (m + 1.0))
    through = near + far - near * far * (near**5 + far**5)
    return 1.0 - between * (1.0 - through)


@compiled
def passed(end, point, pose, wavelength, out):
    """Amplitude out (n,) that passes one ellipsoid each: end, point (n, 3) in m, pose (n, POSE)."""
    ray, way = np.empty(3), np.empty(3)
    for row in range(out.shape[0]):
        out[row] = _passed(end[row], point[row], pose[row], wavelength, ray, way)


@compiled
def _both(source, ear, poses, own, others, place, wavelength, out):
    point, ray, way = np.empty(3), np.empty(3), np.empty(3)
    for row in range(out.shape[0]):
        for part in range(3):
            point[part] = poses[row, own, part]
            for k in range(3):
                turned = poses[row, own, 3 + 3 * part + k]
                point[part] += turned * poses[row, own, AXES + k] * place[row, k]
        out[row] = 1.0
        for other in others:
            there = poses[row, other]
            out[row] *= _passed(source[row], point, there, wavelength, ray, way)
            out[row] *= _passed(ear[row], point, there, wavelength, ray, way)


class Among:
    """A mover whose pieces are followed by the ellipsoids of all other movers of a scene: what may hide its pieces."""

    def __init__(self, mover, rest):
        self.mover, self.name = mover, mover.name
        self.rest = [
            (one, [n for n, piece in enumerate(one.pieces) if piece.shape in SOLID]) for one in rest
        ]
        beside = [one.pieces[n] for one, some in self.rest for n in some]
        self.pieces = (*mover.pieces, *beside)

    def at(self, t_s):
        told = [(self.mover.at(t_s), list(range(len(self.mover.pieces))), self.mover.pieces)]
        told += [(one.at(t_s), some, one.pieces) for one, some in self.rest]
        place = np.concatenate([poses.position_m[:, some] for poses, some, _ in told], axis=1)
        turn = np.concatenate([poses.rotation[:, some] for poses, some, _ in told], axis=1)
        sizes = np.concatenate([poses.sizes_m(of)[:, some] for poses, some, of in told], axis=1)
        bends = [getattr(poses, "bend_rad", None) for poses, _, _ in told]
        bend = np.zeros(place.shape[:2])
        if bends[0] is not None:
            bend[:, : len(self.mover.pieces)] = bends[0]
        return _Told(place, turn, sizes, bend)


class _Told:
    """Poses whose sizes are known."""

    def __init__(self, place, turn, sizes, bend):
        self.position_m, self.rotation, self.sizes, self.bend_rad = place, turn, sizes, bend

    def sizes_m(self, _pieces):
        return self.sizes


def others(mover, own: int, f_hz: float, air) -> np.ndarray:
    """Numbers of the pieces that may hide one: ellipsoids, and cylinders as those that fill them, that do not let half of the power through."""
    return np.array(
        [
            number
            for number, piece in enumerate(mover.pieces)
            if number != own
            and piece.shape in SOLID
            and abs(complex(piece.surface.transmission(1.0, f_hz, air))) ** 2 <= SHEER
        ],
        dtype=np.int64,
    )


def unhidden(
    motion: Motion, own: int, hiding: np.ndarray, source, ear, when, place, wavelength, poses: str
) -> np.ndarray:
    """Amplitude (n,) that the other pieces leave of both legs of echoes off piece `own`.

    hiding: numbers of the pieces that may; source, ear (n, 3) in m; when (n,) the bounce times in s; place (n, 3) the bounce point on the unit sphere that the piece is scaled
    from; poses: "at" or "fit".
    """
    out = np.ones(len(when))
    if len(hiding):
        ask = motion.poses if poses == "at" else motion.followed
        for begin in range(0, len(when), CHUNK):
            some = slice(begin, begin + CHUNK)
            there = ask(when[some])
            _both(source[some], ear[some], there, own, hiding, place[some], wavelength, out[some])
    return out

"""Glints of a dressed piece: places that stand still in its frame, and which of them light up when.

A glint stands where the smooth ellipsoid has the glint's normal m (in the piece's frame): x0 = D^2 m / h, D the
semi-axes, h = sqrt(m D^2 m). Its height, and what the cloth slips while the limb bends, shorten the path by twice
that; the time of the bounce is that at x0. Its amplitude is that of a mirror of the ellipsoid's curvature there,
tilted from the bisector b = u1 + u2 of the legs (Longuet-Higgins 1960), times a lobe of the angle of the tilt:

    spreading  cos abc / (r1 r2 max(b n, 0.1) h^2),   lobe  weight c^2 exp(-sharpness (1 - c)),   c = b n / |b| > 0
"""

from __future__ import annotations

import numpy as np

from usim.engine.exact.bounce import (
    AXES,
    BEND,
    COMING,
    COS,
    FADE_NONE,
    FLAG,
    GAIN,
    GOING,
    POINT,
    POSE,
    R1,
    R2,
    RATE1,
    RATE2,
    SEEN,
    WIDTH,
    compiled,
)
from usim.engine.exact.motion import Motion

EXTRA, EXTRA_RATE, WIDE = WIDTH, WIDTH + 1, WIDTH + 2  # columns of a bounce that glints add, m, m/s
FLATTEST = 0.1  # least b n that the spreading is divided by
DARK = 1e-4  # a glint whose lobe stays below this has no row of its own
NEAR_S, LAG_S = (
    0.005,
    0.002,
)  # to the nearest instant looked at; and what its bounce time may be off
SPARE_RAD = 0.02  # of tilt, for what the piece speeds up within NEAR_S


def glint_bounce(source, ear, pose, glints, spot) -> np.ndarray:
    """Columns (n, WIDE) of the bounces off glints spot (n,) in poses (n, 2 POSE); ends (n, 3) in m in the room."""
    m = np.asarray(glints.normal, float)[spot]
    turn, spin = (
        pose[:, 3:AXES].reshape(-1, 3, 3),
        pose[:, POSE + 3 : POSE + AXES].reshape(-1, 3, 3),
    )
    axes, swell = pose[:, AXES:BEND], pose[:, POSE + AXES : POSE + BEND]
    h = np.linalg.norm(axes * m, axis=1)[:, None]
    place = axes**2 * m / h
    glide = 2.0 * axes * swell * m / h - place * _dot(axes * m, swell * m)[:, None] / h**2
    point = pose[:, :3] + _turned(turn, place)
    velocity = pose[:, POSE : POSE + 3] + _turned(spin, place) + _turned(turn, glide)
    out = np.zeros((len(m), WIDE))
    bisector = np.zeros_like(m)
    for end, leg, rate, way in ((source, R1, RATE1, GOING), (ear, R2, RATE2, COMING)):
        u = end - point
        out[:, leg] = np.linalg.norm(u, axis=1)
        u = u / out[:, leg, None]
        out[:, rate] = -_dot(u, velocity)
        out[:, way : way + 3] = -u
        bisector += u
    length = np.maximum(np.linalg.norm(bisector, axis=1), 1e-300)
    slant = _dot(bisector, _turned(turn, m))
    tilt = np.maximum(slant / length, 0.0)
    lobe = glints.weight[spot] * tilt**2 * np.exp(-glints.sharpness[spot] * (1.0 - tilt))
    out[:, COS] = 0.5 * length
    spreading = out[:, COS] * axes.prod(axis=1) / (out[:, R1] * out[:, R2] * h[:, 0] ** 2)
    out[:, GAIN] = lobe * spreading / np.maximum(slant, FLATTEST)
    out[:, POINT : POINT + 3] = axes * m / h
    out[:, FLAG] = SEEN
    slip = glints.slip_m_rad[spot]
    out[:, EXTRA] = -2.0 * (glints.height_m[spot] + slip * pose[:, BEND])
    out[:, EXTRA_RATE] = -2.0 * slip * pose[:, POSE + BEND]
    return out


def glints_heard(motion: Motion, number: int, source, ear, c: float, t_s, glints, spot):
    """Bounce times (n, k), poses and bounces of glints spot (n,) heard at t_s (k,), in followed poses."""
    shape = len(spot), len(t_s)
    wanted = np.tile(t_s, len(spot))
    ends = np.repeat(source, len(t_s), axis=0), np.repeat(ear, len(t_s), axis=0)
    spots = np.repeat(spot, len(t_s))
    when = wanted.copy()
    enough = 1e-14 + 2.0 * np.spacing(np.abs(wanted))
    for _ in range(12):
        pose = motion.followed(when, number)
        out = glint_bounce(*ends, pose, glints, spots)
        late = when + out[:, R2] / c - wanted
        off = np.abs(late) > enough
        if not off.any():
            break
        when = np.where(off, when - late / (1.0 + out[:, RATE2] / c), when)
    return when.reshape(shape), pose.reshape(*shape, -1), out.reshape(*shape, -1)


@compiled
def _light(source, ear, pose, normal, sharpness, weight, allow_s, spare, lit):
    """Marks lit (pair, glint) where a glint may be brighter than DARK within allow_s of the poses (pair, instant, 2 POSE)."""
    u1, u2, n = np.empty(3), np.empty(3), np.empty(3)
    for pair in range(lit.shape[0]):
        for index in range(pose.shape[1]):
            here = pose[pair, index]
            for glint in range(lit.shape[1]):
                if lit[pair, glint]:
                    continue
                h = 0.0
                for part in range(3):
                    h += (here[AXES + part] * normal[glint, part]) ** 2
                h = np.sqrt(h)
                r1 = r2 = speed = spin = length = slant = 0.0
                for row in range(3):
                    place, velocity, n[row], turning = here[row], here[POSE + row], 0.0, 0.0
                    for part in range(3):
                        m, axis = normal[glint, part], here[AXES + part]
                        swell = here[POSE + AXES + part]
                        turn, rate = here[3 + 3 * row + part], here[POSE + 3 + 3 * row + part]
                        place += turn * axis * axis * m / h
                        velocity += rate * axis * axis * m / h
                        n[row] += turn * m
                        turning += rate * m
                        spin += abs(swell / axis)
                        speed += 3.0 * swell * swell
                    speed += velocity * velocity
                    spin += abs(turning)
                    u1[row], u2[row] = source[pair, row] - place, ear[pair, row] - place
                    r1 += u1[row] * u1[row]
                    r2 += u2[row] * u2[row]
                r1, r2 = np.sqrt(r1), np.sqrt(r2)
                for row in range(3):
                    both = u1[row] / r1 + u2[row] / r2
                    length += both * both
                    slant += both * n[row]
                length = np.sqrt(length)
                rate = spin + np.sqrt(speed) * (1.0 / r1 + 1.0 / r2) / max(length, 2.0 * FADE_NONE)
                tilt = np.arccos(max(-1.0, min(1.0, slant / max(length, 1e-300))))
                near = np.cos(min(np.pi, max(0.0, tilt - allow_s * rate - spare)))
                if near > 0.0:
                    bright = near * near * np.exp(-sharpness[glint] * (1.0 - near))
                    lit[pair, glint] = weight[glint] * bright > DARK


def lit_glints(motion: Motion, number: int, source, ear, c: float, t_s, glints):
    """Rows (pair, glint) of glints that may be brighter than DARK for pairs (n, 3) at any of t_s (k,), in ascending order.

    Looked for at instants no more than 2 NEAR_S apart (of t_s, its first and last among them), in the pose of the sound from the
    piece's centre. The tilt may change by as much as it would within NEAR_S + LAG_S at the rates of that instant, and by
    SPARE_RAD: none is missed unless those rates grow by more than 2.8 rad/s (or m/s at 1 m) within these 7 ms.
    """
    instants = t_s[np.unique(np.searchsorted(t_s, _looked_at(t_s)))]
    wanted = np.tile(instants, len(source))
    when = wanted
    for _ in range(3):
        pose = motion.followed(when, number)
        away = np.linalg.norm(pose[:, :3] - np.repeat(ear, len(instants), axis=0), axis=1)
        when = wanted - away / c
    pose = motion.followed(when, number).reshape(len(source), len(instants), 2 * POSE)
    lit = np.zeros((len(source), len(glints.weight)), dtype=np.bool_)
    data = (
        np.ascontiguousarray(x, float) for x in (glints.normal, glints.sharpness, glints.weight)
    )
    _light(source, ear, pose, *data, NEAR_S + LAG_S, SPARE_RAD, lit)
    return np.argwhere(lit)


def _looked_at(t_s: np.ndarray) -> np.ndarray:
    """Some of t_s, ascending, such that each of them lies within NEAR_S of one."""
    picked = [t_s[0]]
    while picked[-1] < t_s[-1]:
        after = np.searchsorted(t_s, picked[-1] + 2.0 * NEAR_S, side="right") - 1
        picked.append(max(t_s[after], t_s[np.searchsorted(t_s, picked[-1], side="right")]))
    return np.array(picked)


def _dot(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.einsum("nk,nk->n", u, v)


def _turned(matrix: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nj->ni", matrix, v)

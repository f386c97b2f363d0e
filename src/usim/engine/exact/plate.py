"""Flat rectangles: the echo as a Fresnel-Kirchhoff integral over the piece, by quadrature.

Heard at t is what bounced at t_b with t = t_b + |p - M|/c, p the centre of the piece, which lies still in its pose of t_b while it
is integrated over:

    G exp(-jkL) = jk/2pi * integral of Q/(r1 r2) exp(-jk (r1 + r2)) over the piece,  L = |S - p| + |M - p|

Q is the mean of the two cosines to the normal (Born and Wolf, section 8.3.2), negative where the ends lie on different sides. An end
that sees the piece edge-on, within the angle 1.25/sqrt(k sqrt(half_x half_y)), 0.4 at most, sees it less: by an odd quintic step of its cosine at
the centre over that angle. A facet is not heard from behind, and its step is one from 0 on; cells cut out of a sheet see edge-on within an angle of
its own, whatever their size. Gauss nodes, lambda/6 apart on average; surface, walls and air are those of the centre.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from usim.engine.exact.bounce import AXES, POSE, compiled
from usim.engine.exact.motion import SWIFT, Motion

NODES_PER_WAVE = 6
STEPS = 30  # of Newton at most
SHEET_LEAST = 0.08  # cosine below which a cell of a sheet is seen edge-on


class Plates(NamedTuple):
    """Echoes off one flat piece, arrays (path, time): bounce time s, legs m and their rates along it m/s, mean cosine, gain 1/m; directions (path, time, 3)."""

    when: np.ndarray
    r1: np.ndarray
    r2: np.ndarray
    rate1: np.ndarray
    rate2: np.ndarray
    cosine: np.ndarray
    gain: np.ndarray
    going: np.ndarray
    coming: np.ndarray


@compiled
def _integrals(source, ear, half, k, x_nodes, x_weights, y_nodes, y_weights, out):
    """Fills out (n,) with the integral times exp(jkL), without jk/2pi; source, ear (n, 3) in the axes of the piece, m."""
    for row in range(out.shape[0]):
        sx, sy, sz = source[row, 0], source[row, 1], source[row, 2]
        mx, my, mz = ear[row, 0], ear[row, 1], ear[row, 2]
        way = np.sqrt(sx * sx + sy * sy + sz * sz) + np.sqrt(mx * mx + my * my + mz * mz)
        total = 0.0 + 0.0j
        for a in range(x_nodes.shape[0]):
            x = half[0] * x_nodes[a]
            for b in range(y_nodes.shape[0]):
                y = half[1] * y_nodes[b]
                r1 = np.sqrt((sx - x) ** 2 + (sy - y) ** 2 + sz * sz)
                r2 = np.sqrt((mx - x) ** 2 + (my - y) ** 2 + mz * mz)
                size = 0.5 * (abs(sz) / r1 + abs(mz) / r2) / (r1 * r2)
                turn = -k * (r1 + r2 - way)
                size *= x_weights[a] * y_weights[b]
                total += complex(size * np.cos(turn), size * np.sin(turn))
        out[row] = total * half[0] * half[1]


def _seen(cosine: np.ndarray, least: float) -> np.ndarray:
    """Share of a face that an end at this cosine sees, with its sign."""
    x = np.clip(cosine / least, -1.0, 1.0)
    return (15.0 * x - 10.0 * x**3 + 3.0 * x**5) / 8.0


def _front(cosine: np.ndarray, least: float) -> np.ndarray:
    """Share of its front that an end at this cosine sees; 0 from behind."""
    x = np.clip(cosine / least, 0.0, 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x * x)


def heard_from(motion: Motion, number: int, source, ear, c: float, t_s, poses: str):
    """When (n,) the centre of a piece sent what is heard at t_s, its state (n, 2 POSE) then, and both ends (n, 3); path by path."""
    source, ear = (np.repeat(end, len(t_s), axis=0) for end in (source, ear))
    heard = np.tile(t_s, len(source) // max(len(t_s), 1))
    when = heard.copy()
    enough = 1e-14 + 2.0 * np.spacing(np.abs(t_s).max())
    for _ in range(STEPS):
        state = motion.followed(when, number)
        if poses == "at":
            state[:, :POSE] = motion.poses(when)[:, number]
        away = ear - state[:, :3]
        r2 = np.linalg.norm(away, axis=1)
        late = when + r2 / c - heard
        if (np.abs(late) <= enough).all():
            return when, state, (source, ear)
        when = when - late / (1.0 - (away * state[:, POSE : POSE + 3]).sum(axis=1) / r2 / c)
    raise RuntimeError(f"movers.{motion.mover.name}.pieces[{number}]: {SWIFT}")


def legs_of(state: np.ndarray, ends) -> tuple[list, list, list, list]:
    """Per end (n, 3): length (n,) and rate (n,) of the leg, its direction (n, 3) from the centre of a piece in a state (n, 2 POSE), and the end in the piece's axes (n, 3)."""
    place, turn = state[:, :3], state[:, 3:AXES].reshape(-1, 3, 3)
    legs, rates, units, own = [], [], [], []
    for end in ends:
        away = end - place
        r = np.linalg.norm(away, axis=1)
        unit = away / r[:, None]
        legs.append(r)
        units.append(unit)
        rates.append(-(unit * state[:, POSE : POSE + 3]).sum(axis=1))
        own.append(np.einsum("nij,ni->nj", turn, away))
    return legs, rates, units, own


def plates_heard(motion: Motion, number: int, source, ear, c: float, t_s, f: float, poses: str):
    """Echoes off one flat piece between source and ear (path, 3) in m at reception times t_s; poses: "at" or "fit"."""
    piece = motion.mover.pieces[number]
    half = np.array(piece.size_m, float)
    shape = (len(source), len(t_s))
    when, state, ends = heard_from(motion, number, source, ear, c, t_s, poses)
    legs, rates, units, own = legs_of(state, ends)
    k = 2.0 * np.pi * f / c
    least = min(1.25 / np.sqrt(k * np.sqrt(half[0] * half[1])), 0.4)
    if piece.shape == "sheet_cell":
        least = SHEET_LEAST
    share = _front if piece.shape == "facet" else _seen
    side, cosine = np.ones(len(when)), np.zeros(len(when))
    for end, r in zip(own, legs, strict=True):
        side = side * share(end[:, 2] / r, least)
        cosine = cosine + 0.5 * np.abs(end[:, 2]) / r
    spacing = c / f / NODES_PER_WAVE
    nodes = [np.polynomial.legendre.leggauss(int(np.ceil(2.0 * one / spacing))) for one in half]
    total = np.zeros(len(when), complex)
    _integrals(*own, half, k, *nodes[0], *nodes[1], total)
    parts = (when, *legs, *rates, cosine, 0.5j * k / np.pi * side * total)
    return Plates(*(part.reshape(shape) for part in parts), *(-u.reshape(*shape, 3) for u in units))

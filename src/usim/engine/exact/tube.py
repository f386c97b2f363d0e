"""Cylinders: the echo as an integral along the axis, by quadrature, of what each ring mirrors.

Heard at t is what left a point of the side at the time at which sound from that very point had to leave it: the centre's, and a little
more or less, found point by point; piece and ends move on meanwhile as they did. Of each ring the point counts at which the path is
shortest, found by Newton steps in the angle around the axis:

    G exp(-jkL) = integral of sqrt(jk/(2pi L'')) R Q/(r1 r2) exp(-jk (r1 + r2)) over the axis,  L = |S - p| + |M - p|

L'' is the second derivative of the path in that angle, Q the mean of the two cosines to the normal. An echo fades with the geometric mean
of the two from 70 degrees of incidence on and is gone at 80. Gauss nodes, lambda/6 apart on average; surface, walls and air are those of
the centre, with the cosine to the bisector across the axis.
"""

from __future__ import annotations

import numpy as np

from usim.engine.exact.bounce import AXES, FADE_FULL, FADE_NONE, POSE, compiled
from usim.engine.exact.motion import Motion
from usim.engine.exact.plate import NODES_PER_WAVE, Plates, heard_from

TURNS = 40  # of Newton in the angle at most
ENOUGH = 1e-12  # rad
LATER = 4  # rounds of the time at which a point sends


@compiled
def _integrals(
    source, ear, source_rate, ear_rate, radius, half, k, nodes, weights, full, none, out
):
    """Fills out (n,) with the integral times exp(jkL), without sqrt(j); source, ear (n, 3) in the axes of the piece, m, and their rates over c."""
    for row in range(out.shape[0]):
        sx, sy, sz = source[row, 0], source[row, 1], source[row, 2]
        mx, my, mz = ear[row, 0], ear[row, 1], ear[row, 2]
        first, second = np.sqrt(sx * sx + sy * sy + sz * sz), np.sqrt(mx * mx + my * my + mz * mz)
        angle = np.arctan2(sy / first + my / second, sx / first + mx / second)
        total = 0.0 + 0.0j
        for node in range(nodes.shape[0]):
            z = half * nodes[node]
            r1 = r2 = bend = 0.0
            for _ in range(TURNS):
                px, py = radius * np.cos(angle), radius * np.sin(angle)
                r1 = np.sqrt((sx - px) ** 2 + (sy - py) ** 2 + (sz - z) ** 2)
                r2 = np.sqrt((mx - px) ** 2 + (my - py) ** 2 + (mz - z) ** 2)
                # derivatives of each leg by the angle: of r^2 / 2 first
                a1, b1 = sx * py - sy * px, sx * px + sy * py
                a2, b2 = mx * py - my * px, mx * px + my * py
                slope = a1 / r1 + a2 / r2
                bend = (b1 - a1 * a1 / (r1 * r1)) / r1 + (b2 - a2 * a2 / (r2 * r2)) / r2
                step = -slope / bend if bend > 1e-9 else -0.1 * np.sign(slope)
                step = min(max(step, -0.3), 0.3)
                angle += step
                if abs(step) < ENOUGH:
                    break
            px, py = radius * np.cos(angle), radius * np.sin(angle)
            c1 = ((sx - px) * px + (sy - py) * py) / (radius * r1)
            c2 = ((mx - px) * px + (my - py) * py) / (radius * r2)
            if c1 <= 0.0 or c2 <= 0.0 or bend <= 0.0:
                continue
            seen = min(max((np.sqrt(c1 * c2) - none) / (full - none), 0.0), 1.0)
            size = seen**3 * (6.0 * seen * seen - 15.0 * seen + 10.0)
            size *= radius * 0.5 * (c1 + c2) / (r1 * r2) * np.sqrt(k / (2.0 * np.pi * bend))
            late, one, other = 0.0, r1, r2
            for _ in range(LATER):
                late = second - other
                other = np.sqrt(
                    (mx + ear_rate[row, 0] * late - px) ** 2
                    + (my + ear_rate[row, 1] * late - py) ** 2
                    + (mz + ear_rate[row, 2] * late - z) ** 2
                )
            one = np.sqrt(
                (sx + source_rate[row, 0] * late - px) ** 2
                + (sy + source_rate[row, 1] * late - py) ** 2
                + (sz + source_rate[row, 2] * late - z) ** 2
            )
            turn = -k * (one + other - first - second)
            total += weights[node] * size * complex(np.cos(turn), np.sin(turn))
        out[row] = total * half


def tubes_heard(motion: Motion, number: int, source, ear, c: float, t_s, f: float, poses: str):
    """Echoes off one cylinder; arguments and answer as for `plate.plates_heard`."""
    radius, half = motion.mover.pieces[number].size_m
    shape = (len(source), len(t_s))
    when, state, ends = heard_from(motion, number, source, ear, c, t_s, poses)
    place, turn = state[:, :3], state[:, 3:AXES].reshape(-1, 3, 3)
    speed, turning = state[:, POSE : POSE + 3], state[:, POSE + 3 : POSE + AXES].reshape(-1, 3, 3)
    legs, rates, units, own, drift = [], [], [], [], []
    for end in ends:
        away = end - place
        r = np.linalg.norm(away, axis=1)
        unit = away / r[:, None]
        legs.append(r)
        units.append(unit)
        rates.append(-(unit * speed).sum(axis=1))
        own.append(np.einsum("nij,ni->nj", turn, away))
        moved = np.einsum("nij,ni->nj", turning, away) - np.einsum("nij,ni->nj", turn, speed)
        drift.append(moved / c)
    both = np.einsum("nij,ni->nj", turn, units[0] + units[1])
    k = 2.0 * np.pi * f / c
    spacing = c / f / NODES_PER_WAVE
    nodes = np.polynomial.legendre.leggauss(int(np.ceil(2.0 * half / spacing)))
    total = np.zeros(len(when), complex)
    _integrals(*own, *drift, float(radius), float(half), k, *nodes, FADE_FULL, FADE_NONE, total)
    parts = (when, *legs, *rates, 0.5 * np.hypot(both[:, 0], both[:, 1]), np.sqrt(1j) * total)
    return Plates(*(part.reshape(shape) for part in parts), *(-u.reshape(*shape, 3) for u in units))

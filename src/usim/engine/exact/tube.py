"""Cylinders: the echo as an integral along the axis, by quadrature, of what each ring mirrors.

Heard at t is what left a point of the side at the time at which sound from that very point had to leave it: the centre's, and a little
more or less, found point by point, while the piece goes on as it went. Of each ring the point counts at which the path is
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
from usim.engine.exact.plate import NODES_PER_WAVE, Plates, heard_from, legs_of

TURNS = 40  # of Newton in the angle at most
ENOUGH = 1e-12  # rad
LATER = 4  # rounds of the time at which a point sends


@compiled
def _integrals(source, ear, speed, spin, radius, half, k, nodes, weights, full, none, out):
    """Fills out (n,) with the integral times exp(jkL), without sqrt(j), in the axes of the piece.

    source, ear (n, 3) in m; speed, spin (n, 3): of the piece, over the speed of sound.
    """
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
            # where this point of the side was when it sent
            vx = speed[row, 0] + spin[row, 1] * z - spin[row, 2] * py
            vy = speed[row, 1] + spin[row, 2] * px - spin[row, 0] * z
            vz = speed[row, 2] + spin[row, 0] * py - spin[row, 1] * px
            late, other = 0.0, r2
            for _ in range(LATER):
                late = second - other
                x, y, up = px + vx * late, py + vy * late, z + vz * late
                other = np.sqrt((mx - x) ** 2 + (my - y) ** 2 + (mz - up) ** 2)
            x, y, up = px + vx * late, py + vy * late, z + vz * late
            one = np.sqrt((sx - x) ** 2 + (sy - y) ** 2 + (sz - up) ** 2)
            turn = -k * (one + other - first - second)
            total += weights[node] * size * complex(np.cos(turn), np.sin(turn))
        out[row] = total * half


def tubes_heard(motion: Motion, number: int, source, ear, c: float, t_s, f: float, poses: str):
    """Echoes off one cylinder; arguments and answer as for `plate.plates_heard`."""
    radius, half = motion.mover.pieces[number].size_m
    shape = (len(source), len(t_s))
    when, state, ends = heard_from(motion, number, source, ear, c, t_s, poses)
    legs, rates, units, own = legs_of(state, ends)
    turn = state[:, 3:AXES].reshape(-1, 3, 3)
    speed, turning = state[:, POSE : POSE + 3], state[:, POSE + 3 : POSE + AXES].reshape(-1, 3, 3)
    spun = np.einsum("nji,njk->nik", turn, turning) / c  # antisymmetric
    spin = np.stack([spun[:, 2, 1], spun[:, 0, 2], spun[:, 1, 0]], axis=1)
    went = np.einsum("nij,ni->nj", turn, speed) / c
    both = np.einsum("nij,ni->nj", turn, units[0] + units[1])
    k = 2.0 * np.pi * f / c
    spacing = c / f / NODES_PER_WAVE
    nodes = np.polynomial.legendre.leggauss(int(np.ceil(2.0 * half / spacing)))
    total = np.zeros(len(when), complex)
    _integrals(*own, went, spin, float(radius), float(half), k, *nodes, FADE_FULL, FADE_NONE, total)
    parts = (when, *legs, *rates, 0.5 * np.hypot(both[:, 0], both[:, 1]), np.sqrt(1j) * total)
    return Plates(*(part.reshape(shape) for part in parts), *(-u.reshape(*shape, 3) for u in units))

"""The pairs of a flat piece one by one, at one instant: in NumPy, by the closed form itself."""

from __future__ import annotations

import numpy as np

from usim.engine.apertures import aperture_echo, cells, nearest_m
from usim.engine.legs import Band, Legs
from usim.engine.selection import leg_powers
from usim.movers.base import AbstractMover
from usim.physics.air import Air

STEP_S = 1e-3  # in which a change of path is told
HALF_S = 1e-5


def flat_instant(
    mover: AbstractMover,
    number: int,
    legs: Legs,
    cost: Band,
    driver: int,
    mic: int,
    bounce_s: np.ndarray,
    c: float,
    air: Air,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return path (I, J) m, its change per STEP_S of reception and power (I, J) of all pairs of a flat piece; see `table.instant`.

    bounce_s (J,): when what the microphone's images hear bounced.
    """
    piece, k = mover.pieces[number], 2.0 * np.pi * cost.turns_per_metre
    sources, ears = legs.sources[driver], legs.targets[:, mic]
    ways, seconds = [], []
    for time in (bounce_s - HALF_S, bounce_s + HALF_S, bounce_s):
        place = mover.at(time).position_m[:, number]
        second = np.linalg.norm(ears - place, axis=1)
        ways.append(np.linalg.norm(sources[:, None] - place, axis=-1) + second)
        seconds.append(second)
    heard = 2.0 * HALF_S + (seconds[1] - seconds[0]) / c
    turn = mover.at(bounce_s).rotation[:, number]
    back = np.einsum("jab,ja->jb", turn, ears - place)
    out = np.einsum("jab,ija->ijb", turn, sources[:, None] - place)
    near = min(nearest_m(piece, place, turn, end) for end in (ears[:, None], sources[None]))
    echo = aperture_echo(piece, out, back, k, cells(piece, near, k))
    skin = piece.surface.reflection(np.minimum(echo.cosine, 1.0), cost.carrier_hz, air)
    power = np.abs(echo.gain * skin) ** 2
    for j in range(len(legs)):
        leaving = leg_powers(place[j : j + 1], sources, legs.source_axes[driver], legs, cost, cost.beams[driver, 0])  # fmt: skip
        power[:, j] *= leaving[:, 0]
    arriving = [
        leg_powers(place[j : j + 1], ears, legs.target_axes[:, mic], legs, cost, cost.ports[:1])[j, 0]
        for j in range(len(legs))
    ]  # fmt: skip
    power *= np.array(arriving) * np.exp(-2.0 * cost.absorption_np_m * (ways[2] - 1.0))
    return ways[2], (ways[1] - ways[0]) / heard * STEP_S, power

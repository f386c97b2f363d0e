"""Epochs of a flat piece: its pairs are chosen for ever, so every epoch sums the same pairs and begins where the last one ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from usim.engine.apertures import measures
from usim.engine.flats import flat_sum
from usim.engine.legs import Band, Legs, leg_slopes
from usim.engine.motion import segment_start_s
from usim.engine.orbits import Flat
from usim.engine.retarded import TAPS, six
from usim.engine.selection import Chosen
from usim.engine.tones import planes
from usim.movers.base import Piece, Poses

MARGIN = 2 * TAPS  # knots beyond the longest way, and beyond the last that is heard


def flat_epochs(
    poses: Callable[[np.ndarray], Poses],
    piece: Piece,
    number: int,
    flat: Flat,
    legs: Legs,
    bands: list[Band],
    fields: dict[str, Any],
    skin: np.ndarray,
    c: float,
    gate: Callable[[float, float, float], tuple[np.ndarray, float]],
    gate_hz: float,
    run: list[int],
) -> Iterator[tuple[int, float, int, Chosen, np.ndarray, int]]:
    """Yield (segment, start in s, driver, pairs, sums (group, channel, PLANE), pairs missed) over a run of segments.

    poses: of all pieces at times (n,), number: of this one.  fields: see `echoes._fields`.  skin (carrier, 1, 2, nodes): its reflection.
    gate: gives the emission's envelope over (start, end) in s and from the longest way before on, see `echoes._envelope`; gate_hz: its rate.
    """
    grid = flat.grid
    step, blocks = grid.step_s, grid.blocks
    lead = int(fields["far_m"] / (c * step)) + MARGIN
    inside = step * (np.arange(lead + grid.epochs * blocks + MARGIN) - lead)
    weights = six(grid.samples)
    channels = len(bands) * legs.targets.shape[1] * bands[0].beams.shape[1]
    half = measures(piece)
    for segment in run:
        begin = segment_start_s(segment)
        pose = poses(begin + inside)
        place = pose.position_m[:, number]
        table = np.concatenate([place, pose.rotation[:, number].reshape(-1, 9)], axis=1)
        table = np.ascontiguousarray(table.T)
        middles = place[lead + blocks // 2 + blocks * np.arange(grid.epochs)]
        slopes = np.stack([leg_slopes(legs, band, middles) for band in bands], axis=1)
        for driver, chosen in enumerate(flat.chosen):
            axes = legs.source_axes[driver].astype(np.float32)
            beams = np.ascontiguousarray(fields["beams"][:, driver])
            for epoch in range(grid.epochs):
                start = begin + epoch * blocks * step
                total = planes(2, channels)
                envelope, ahead = gate(start, start + blocks * step, lead * step)
                lost = flat_sum(
                    table, float(lead + epoch * blocks), blocks, weights, step, c, half, flat.cells, flat.inverse_least,
                    chosen.pairs, chosen.weight, chosen.group, legs.sources[driver], axes,
                    legs.targets, fields["axes"], legs.chains, fields["turns"], fields["walls"], skin,
                    beams, fields["ports"], fields["absorption"], fields["slope"], slopes[epoch], envelope, ahead,
                    gate_hz / c, gate_hz * step, total,
                )  # fmt: skip
                yield segment, start, driver, chosen, total, lost

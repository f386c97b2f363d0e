"""Epochs of a flat piece: its pairs are chosen for ever, so every epoch sums the same pairs and begins where the last one ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from usim.engine.apertures import measures
from usim.engine.flats import flat_sum
from usim.engine.legs import Band, Legs, leg_slopes
from usim.engine.motion import FlatGrid, segment_start_s
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

    poses: of all pieces at times (n,), number: of this one.  fields: see `piece_epochs.fields_of`.  skin (carrier, 1, 2, nodes): its reflection.
    gate: gives the emission's envelope over (start, end) in s and from the longest way before on, see `piece_epochs.envelope_over`; gate_hz: its rate.
    """
    grid = flat.grid
    groups = [chosen.group for chosen in flat.chosen]
    for segment in run:
        begin = segment_start_s(segment)
        for start, _, driver, total, lost in flat_run(
            poses, piece, number, flat, groups, 2, legs, bands, fields, skin, c, gate, gate_hz, begin, grid.step_s, grid.samples, grid.epochs * grid.blocks
        ):  # fmt: skip
            yield segment, start, driver, flat.chosen[driver], total, lost


def flat_run(
    poses: Callable[[np.ndarray], Poses],
    piece: Piece,
    number: int,
    flat: Flat,
    groups: list[np.ndarray],
    count: int,
    legs: Legs,
    bands: list[Band],
    fields: dict[str, Any],
    skin: np.ndarray,
    c: float,
    gate: Callable[[float, float, float], tuple[np.ndarray, float]],
    gate_hz: float,
    begin: float,
    step: float,
    samples: int,
    blocks: int,
) -> Iterator[tuple[float, int, int, np.ndarray, int]]:
    """Yield (start in s, blocks, driver, sums (group, channel, PLANE), pairs missed) for as many blocks as the kernel takes at a time.

    groups: for each driver the group (pair,) of its pairs, of which there are `count`; begin: start of the first block, s; step: s in a block; samples: in a
    block.  Other arguments as in `flat_epochs`.
    """
    lead = int(fields["far_m"] / (c * step)) + MARGIN
    inside = step * (np.arange(lead + blocks + MARGIN) - lead)
    weights = six(samples)
    channels = len(bands) * legs.targets.shape[1] * bands[0].beams.shape[1]
    half = measures(piece)
    pose = poses(begin + inside)
    place = pose.position_m[:, number]
    table = np.concatenate([place, pose.rotation[:, number].reshape(-1, 9)], axis=1)
    table = np.ascontiguousarray(table.T)
    firsts = range(0, blocks, FlatGrid.blocks)
    sizes = [min(FlatGrid.blocks, blocks - first) for first in firsts]
    middles = place[[lead + first + size // 2 for first, size in zip(firsts, sizes, strict=True)]]
    slopes = np.stack([leg_slopes(legs, band, middles) for band in bands], axis=1)
    for driver, chosen in enumerate(flat.chosen):
        axes = legs.source_axes[driver].astype(np.float32)
        beams = np.ascontiguousarray(fields["beams"][:, driver])
        for part, (first, size) in enumerate(zip(firsts, sizes, strict=True)):
            start = begin + first * step
            total = planes(count, channels)
            envelope, ahead = gate(start, start + size * step, lead * step)
            lost = flat_sum(
                table, float(lead + first), size, weights, step, c, half, flat.cells, flat.inverse_least,
                chosen.pairs, chosen.weight, groups[driver], legs.sources[driver], axes,
                legs.targets, fields["axes"], legs.chains, fields["turns"], fields["walls"], skin,
                beams, fields["ports"], fields["absorption"], fields["slope"], slopes[part], envelope, ahead,
                gate_hz / c, gate_hz * step, total,
            )  # fmt: skip
            yield start, size, driver, total, lost

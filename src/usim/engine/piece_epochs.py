"""The epochs of a mover's pieces: for each its choice of pairs, summed by the kernels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from usim.emissions.base import AbstractEmission
from usim.engine.dressing import dressed_epochs
from usim.engine.flat_epochs import flat_epochs
from usim.engine.legs import Band, Legs, body_tables, leg_slopes, wall_tables
from usim.engine.motion import (
    FlatGrid,
    Grid,
    segment_start_s,
)
from usim.engine.places import first_each, one_each, together, told_apart
from usim.engine.selection import (
    Chosen,
    chosen_epochs,
    dressed_energies,
)
from usim.engine.sums import piece_sum
from usim.engine.tones import AHEAD, REACH, SPARE, planes
from usim.movers.base import AbstractMover
from usim.scene.scene import PlacedDevice, Scene
from usim.template.streams import uniform

ENVELOPE_HZ = 16000.0  # at which on, off and ramps are tabulated


@dataclass(frozen=True)
class Epoch:
    """What one epoch of one piece was made of."""

    mover: str
    piece: int
    driver: int
    start_s: float
    end_s: float
    grid: Grid | FlatGrid
    chosen: Chosen


def piece_epochs(
    scene,
    device,
    asked,
    legs,
    bands,
    fields,
    covers,
    glints,
    quality,
    emission,
    piece,
    grid,
    run,
    taps=None,
):
    """Yield (segment, epoch, sums (group, channel, PLANE) as `piece_sum` leaves them, pairs missed) for one piece over a run of segments."""
    c, mover = scene.air.sound_speed_m_s, asked.mover
    size = np.array(mover.pieces[piece].size_m, float)
    blocks, fade, step = grid.blocks, grid.fade, grid.step_s
    even = blocks + fade + 1 + 2 * REACH
    each = grid.epochs
    skin = np.ascontiguousarray(covers[:, piece])
    most_lead = int(fields["far_m"] / (c * step)) + 1
    draw_place = f"movers.{mover.name}.{mover.pieces[piece].name}.texture"
    begins = [segment_start_s(segment) for segment in run]
    # two instants an epoch, and those of the epoch before for the hysteresis
    instants = blocks * step * 0.5 * np.arange(-2, 2 * each + 1)
    first, *others = (asked.table(begin + instants, piece) for begin in begins)
    seen = np.concatenate([first, *(other[:, 3:] for other in others)], axis=1)
    knots = even + SPARE + 4 + most_lead
    inside = step * (np.arange(knots) - REACH - AHEAD - most_lead)
    starts = np.concatenate([begin + blocks * step * np.arange(each) for begin in begins])
    times = (starts[:, None] + inside[None, :]).reshape(len(run), -1)
    crowd = asked.crowd(piece)
    tables, own = asked.epochs(times, knots, crowd), crowd.index(piece)
    middles = tables[:, own, :3, knots // 2]
    slopes = np.stack([leg_slopes(legs, band, middles) for band in bands], axis=1)
    rms_m = mover.pieces[piece].surface.wrinkle_rms_m if len(glints[piece]) else 0.0
    seats = one_each(legs)
    for driver in range(len(legs.sources)):
        energy, shares = dressed_energies(seen, size, legs, bands[0], driver, rms_m)
        seed = int(uniform(scene.seed, f"{draw_place}.{driver}") * 2.0**53)
        apart_energy = energy.reshape(len(energy), len(legs), len(legs))
        if legs.places is not None:
            energy = together(apart_energy, legs.places).reshape(len(energy), -1)
            shares = first_each(shares, legs.places)
        if rms_m > 0.0:
            choices = dressed_epochs(
                energy,
                shares,
                seen,
                size,
                seats,
                driver,
                glints[piece],
                quality,
                seed,
                blocks * step,
            )
        else:
            choices = chosen_epochs(energy, quality, seed, len(seats))
        choices = [told_apart(one, apart_energy, legs.places) for one in choices]
        for number, chosen in enumerate(choices):
            start = float(starts[number])
            if taps is not None:
                lost = taps.add(
                    tables[number], own, glints[piece], most_lead, even, grid, quality, chosen, legs, fields, skin, driver, slopes[number], c, start, piece
                )  # fmt: skip
                end = start + (blocks + fade) * step
                yield run[number // each], Epoch(mover.name, piece, driver, start, end, grid, chosen), None, lost  # fmt: skip
                continue
            total = planes(2, len(bands) * legs.targets.shape[1] * bands[0].beams.shape[1])
            envelope, ahead = envelope_over(
                emission, start, start + (blocks + fade) * step, most_lead * step
            )
            gate = (envelope, ahead, ENVELOPE_HZ)
            lost = _sum(
                tables[number],
                own,
                glints[piece],
                most_lead,
                even,
                grid,
                quality,
                chosen,
                legs,
                fields,
                skin,
                driver,
                slopes[number],
                c,
                gate,
                total,
                asked.blown(piece, driver, chosen, times.reshape(-1, knots)[number]),
            )
            epoch = Epoch(
                mover.name, piece, driver, start, start + (blocks + fade) * step, grid, chosen
            )
            yield run[number // each], epoch, total, lost


def flat_piece_epochs(
    scene, asked, legs, bands, fields, flats, emission, piece, grid, run
) -> Iterable:
    """Yield what `piece_epochs` does for one flat piece."""
    mover, c = asked.mover, scene.air.sound_speed_m_s
    body = mover.pieces[piece]
    skin = flat_skin(scene, body.surface, bands)

    def gate(start_s: float, end_s: float, longest_s: float) -> tuple[np.ndarray, float]:
        return envelope_over(emission, start_s, end_s, longest_s)

    for segment, start, driver, chosen, total, lost in flat_epochs(
        asked.poses, body, piece, flats[piece], legs, bands, fields, skin, c, gate, ENVELOPE_HZ, run
    ):
        end = start + grid.blocks * grid.step_s
        yield segment, Epoch(mover.name, piece, driver, start, end, grid, chosen), total, lost


def skins(scene: Scene, mover: AbstractMover, bands: list[Band]) -> np.ndarray:
    """Return the reflection tables (carrier, piece, 3, 2, nodes) of a mover's pieces: mirror, glints and what is diffuse."""
    surfaces = [piece.surface for piece in mover.pieces]
    made = {
        (band.carrier_hz, surface): body_tables(surface, band.carrier_hz, scene.air)
        for band in bands
        for surface in dict.fromkeys(surfaces)
    }
    return np.array([[made[band.carrier_hz, surface] for surface in surfaces] for band in bands])


def flat_skin(scene: Scene, surface, bands: list[Band]) -> np.ndarray:
    """Return the reflection tables (carrier, 1, 2, nodes) of a flat piece's surface."""
    return np.array([wall_tables([surface], band.carrier_hz, scene.air) for band in bands])


def fields_of(scene: Scene, device: PlacedDevice, legs: Legs, bands: list[Band]) -> dict[str, Any]:
    """Return what all epochs of a mover read: the tables of all carriers as the kernel takes them, and the longest leg."""
    return {
        "far_m": np.sqrt(((legs.targets - device.position_m) ** 2).sum(axis=-1)).max()
        + _diameter(scene),
        "turns": np.array([b.turns_per_metre for b in bands]),
        "walls": np.array([b.walls for b in bands]),
        "beams": np.array([b.beams for b in bands]),  # (carrier, driver, basis, 2, D)
        "ports": np.array([b.ports for b in bands]),  # (carrier, basis, D)
        "absorption": np.array([b.absorption_np_m for b in bands]),
        "slope": np.array([b.absorption_slope for b in bands]),
        "axes": legs.target_axes.astype(np.float32),
    }


def _sum(
    tables,
    piece,
    glints,
    most_lead,
    even,
    grid,
    quality,
    chosen,
    legs,
    fields,
    skin,
    driver,
    slopes,
    c,
    gate,
    total,
    air,
) -> int:
    """Run the kernel for all microphones together, or for each alone where the quality asks for it."""
    mics = legs.targets.shape[1]
    carriers, basis = fields["ports"].shape[:2]
    groups = [slice(0, mics)] if quality.together else [slice(m, m + 1) for m in range(mics)]
    missed = 0
    for mic in groups:
        width = mic.stop - mic.start
        part = total if width == mics else planes(2, carriers * width * basis)
        missed += piece_sum(
            tables, piece, glints, most_lead, even, grid.samples, grid.step_s, grid.gain_ratio, quality.newton_steps, chosen.pairs, chosen.weight,
            chosen.group, legs.sources[driver], legs.source_axes[driver].astype(np.float32),
            np.ascontiguousarray(legs.targets[:, mic]), np.ascontiguousarray(fields["axes"][:, mic]), legs.chains,
            fields["turns"], fields["walls"], skin, np.ascontiguousarray(fields["beams"][:, driver]), fields["ports"],
            fields["absorption"], fields["slope"], slopes, c, gate[0], gate[1], gate[2], part, quality.together and not gate[0].size, air,
        )  # fmt: skip
        if part is not total:
            total.reshape(2, carriers, mics, -1)[:, :, mic] = part.reshape(2, carriers, width, -1)
    return missed


def envelope_over(
    emission: AbstractEmission | None, start_s: float, end_s: float, longest_s: float
) -> tuple[np.ndarray, float]:
    """Return the emission's envelope (carrier, n) from the longest delay before an epoch on, and where in it the epoch starts."""
    if emission is None:
        return np.zeros((1, 0)), 0.0
    ahead = 2.0 * longest_s  # out and back
    times = (
        start_s - ahead + np.arange(int((end_s - start_s + ahead) * ENVELOPE_HZ) + 3) / ENVELOPE_HZ
    )
    return np.ascontiguousarray(emission.envelope(times)), ahead * ENVELOPE_HZ


def _diameter(scene: Scene) -> float:
    low, high = np.asarray(scene.room.bounds_m, float)
    return float(np.sqrt(((high - low) ** 2).sum()))

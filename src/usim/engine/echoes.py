"""The echoes of movers as tones: for each mover one complex response per driver, carrier and microphone, in its own slow time.

A mover's pieces are summed epoch by epoch (see `motion`), each epoch over its own choice of pairs (see `selection`); neighbouring
epochs fade into each other.  Every piece is summed at a rate that just holds its Doppler and brought to the baseband's rate at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from usim.emissions.base import AbstractEmission
from usim.engine.asked import Asked, in_company
from usim.engine.dressing import glint_rows
from usim.engine.glints import SHARPNESS
from usim.engine.legs import Band, Legs
from usim.engine.motion import (
    EDGE_M,
    FADE_S,
    LEAD_S,
    SEGMENT_S,
    STEPS_MS,
    FlatGrid,
    Grid,
    grids,
    segment_start_s,
)
from usim.engine.orbits import Flat, flat_pieces
from usim.engine.piece_epochs import (
    Epoch,
    fields_of,
    flat_piece_epochs,
    flat_skin,
    piece_epochs,
    skins,
)
from usim.engine.selection import (
    Quality,
)
from usim.engine.slab import ROW
from usim.engine.sounded import Sounded
from usim.engine.stirred import sides_met, stirred
from usim.engine.stirred_legs import FINENESS, StirredLegs, stirred_for_legs
from usim.engine.tones import COSINES, sample_rows
from usim.engine.wheels import Wheel, wheel_of
from usim.engine.wideband import Taps
from usim.movers.base import AbstractMover
from usim.physics.dsp import at_rate
from usim.physics.jit import kernel
from usim.scene.covering import coverings
from usim.scene.scene import PlacedDevice, Scene
from usim.template.problem import InvalidInput, Problem

SHAPES = ("ellipsoid", "blade", "facet", "sheet_cell", "cylinder")
TOGETHER = 8  # segments whose poses are in memory at once
CONTEXT_S = 0.064  # what the slowest interpolation filter reads on either side


@dataclass(frozen=True)
class Echo:
    """The response of one mover: tones (driver, carrier, mic, basis, sample) complex128 re 1 Pa at 1 m on axis."""

    mover: str
    tones: np.ndarray
    texture: np.ndarray | None  # the share of `tones` that texture makes, where asked for
    epochs: tuple[Epoch, ...]
    missed: int  # pairs left out because a leg changed faster than its knots allow


def require_known(mover: AbstractMover) -> None:
    """Refuse, in one line, a mover with pieces of a shape that has no kernel."""
    for piece in mover.pieces:
        if piece.shape not in SHAPES:
            raise InvalidInput(
                Problem(
                    f"piece {piece.name} has the shape {piece.shape!r}; the engine knows {' and '.join(SHAPES)}",
                    place=f"movers.{mover.name}",
                )
            )


def needed_segments(start_s: float, end_s: float) -> range:
    """Return the segments whose sums a window of reception time reads, with the past and future of its filters."""
    first = int(np.floor((start_s - CONTEXT_S - FADE_S + LEAD_S) / SEGMENT_S + 1e-9))
    last = int(np.ceil((end_s + CONTEXT_S + LEAD_S) / SEGMENT_S - 1e-9))
    return range(first, max(last, first + 1))


Job = tuple[int, Grid | FlatGrid, list[int]]
"""Piece, grid and segments."""
Sums = dict[tuple[int, int], np.ndarray]
"""(rate, group) -> (channel, sample): one segment of one mover, with the fade into the next segment at its end."""


@dataclass
class Held:
    """Segments already summed, by mover and segment, for a caller that asks for one window after another."""

    sums: dict[tuple[str, int], tuple[Sums, tuple[Epoch, ...], int]]
    flats: dict[tuple[str, float], dict[int, Flat]] = field(default_factory=dict)
    wheels: dict[str, Wheel | None] = field(default_factory=dict)
    shadows: dict[tuple[str, int], np.ndarray] = field(default_factory=dict)  # by mover and span
    sounds: Sounded | None = None

    def forget(
        self,
        before: int | None = None,
        after_s: float | None = None,
        before_span: int | None = None,
    ) -> None:
        """Drop segments numbered below `before`, those that reach beyond `after_s`, and spans of shadows below `before_span`."""
        for key in [k for k in self.shadows if before_span is not None and k[1] < before_span]:
            del self.shadows[key]
        for key in list(self.sums):
            ends = segment_start_s(key[1] + 1) + FADE_S
            if (before is not None and key[1] < before) or (after_s is not None and ends > after_s):
                del self.sums[key]


def echo_of(
    scene: Scene,
    device: PlacedDevice,
    mover: AbstractMover,
    legs: Legs,
    bands: list[Band],
    quality: Quality,
    start_sample: int,
    samples: int,
    rate_hz: int,
    threads: int = 1,
    apart: bool = False,
    emission: AbstractEmission | None = None,
    held: Held | None = None,
    taps: Taps | None = None,
) -> Echo:
    """Return the echo of one mover for `samples` samples of the baseband from `start_sample` on.

    emission: what the device plays, where its envelope is not one for ever.  apart: also keep texture by itself.  threads: pieces are
    shared out over them; the sum is made in the order of pieces.  held: segments summed before, read and added to.
    taps: of a wideband emission, in place of `emission`; the echo is then no response, but what is heard.
    """
    window = needed_segments(start_sample / rate_hz, (start_sample + samples) / rate_hz)
    held = held or Held({})
    wanted = [s for s in window if (mover.name, s) not in held.sums]
    if wanted:
        _sum_segments(
            scene,
            device,
            mover,
            legs,
            bands,
            quality,
            emission,
            range(wanted[0], wanted[-1] + 1),
            rate_hz,
            threads,
            held,
            taps,
        )
    basis = bands[0].beams.shape[1]
    channels = len(legs.sources) * len(bands) * legs.targets.shape[1] * basis
    streams: dict[tuple[int, int], np.ndarray] = {}
    epochs: list[Epoch] = []
    missed = 0
    for segment in window:
        sums, made, lost = held.sums[mover.name, segment]
        epochs += made
        missed += lost
        for (rate, group), part in sums.items():
            key = (rate, group if apart else 0)
            if key not in streams:
                streams[key] = np.zeros(
                    (channels, round((len(window) * SEGMENT_S + FADE_S) * rate)), complex
                )
            at = round((segment - window.start) * SEGMENT_S * rate)
            streams[key][:, at : at + part.shape[1]] += part
    origin = segment_start_s(window.start)
    shape = (len(legs.sources), len(bands), legs.targets.shape[1], basis, samples)
    parts = [np.zeros((channels, samples), complex) for _ in range(2)]
    for (rate, group), stream in sorted(streams.items()):
        parts[group] += at_rate(stream, rate, rate_hz, origin, start_sample, samples)
    texture = parts[1].reshape(shape) if apart else None
    return Echo(mover.name, (parts[0] + parts[1]).reshape(shape), texture, tuple(epochs), missed)


def _sum_segments(
    scene,
    device,
    mover,
    legs,
    bands,
    quality,
    emission,
    window: range,
    rate_hz: int,
    threads: int,
    held: Held,
    taps: Taps | None = None,
) -> None:
    """Sum a mover's pieces over segments that are not held yet."""
    require_known(mover)
    glints = [glint_rows(one) for one in coverings(scene, mover)]
    covers = skins(scene, mover, bands)
    fields = fields_of(scene, device, legs, bands)
    least_hz = 0 if emission is None else rate_hz
    c, top = scene.air.sound_speed_m_s, max(band.carrier_hz for band in bands)
    if (mover.name, least_hz) not in held.flats:
        held.flats[mover.name, least_hz] = flat_pieces(
            scene.seed, c, mover, legs, bands, quality, least_hz
        )
    flats = held.flats[mover.name, least_hz]
    wheel = None
    if emission is None and taps is None:
        if mover.name not in held.wheels:
            tables = {n: flat_skin(scene, mover.pieces[n].surface, bands) for n in flats}
            held.wheels[mover.name] = wheel_of(mover, flats, legs, bands, fields, tables, c)
        wheel = held.wheels[mover.name]
    air = stirred_for_legs(stirred(scene))
    among, shady = in_company(scene, mover, top)
    for first in range(window.start, window.stop, TOGETHER):
        some = range(first, min(first + TOGETHER, window.stop))
        edge_m = EDGE_M if legs.maps.veils.some else np.inf
        asked = Asked(among, shady, {}, {})
        most_ms = STEPS_MS[0]
        if air is not None:
            met = sides_met(scene, legs.walls)
            legs_air = StirredLegs(
                air, legs, met, mover.pieces, asked.table, glints, *FINENESS[quality.name]
            )
            asked, most_ms = replace(asked, air=legs_air), legs_air.most_ms
        top = bands if taps is None else taps.highest
        jobs = _jobs(
            scene, device, mover, top, some, least_hz, quality, glints, flats, edge_m, most_ms
        )
        if wheel is not None:
            jobs = [job for job in jobs if job[0] not in wheel.pieces]

        def work(job: Job, asked: Asked = asked) -> Iterable:
            if job[0] in flats:
                return flat_piece_epochs(scene, asked, legs, bands, fields, flats, emission, *job)
            return piece_epochs(
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
                *job,
                taps,
            )

        if taps is not None:
            channels = len(legs.sources) * legs.targets.shape[1] * bands[0].beams.shape[1]
            for segment, made in taps.gather(work, jobs, some, channels, _fade).items():
                held.sums[mover.name, segment] = made
            continue
        _gather(mover, legs, bands, some, work, jobs, threads, held)
        if wheel is not None:
            _add_wheel(mover, wheel, flats, legs, bands, some, held)


def _gather(mover, legs, bands, window: range, work, jobs: list, threads: int, held: Held) -> None:
    """Do the jobs of a window and add up what they give, segment by segment."""
    channels = len(legs.sources) * len(bands) * legs.targets.shape[1] * bands[0].beams.shape[1]
    sums: dict[int, Sums] = {segment: {} for segment in window}
    epochs: dict[int, list[Epoch]] = {segment: [] for segment in window}
    missed = dict.fromkeys(window, 0)
    for results in _mapped(work, jobs, threads):
        for segment, epoch, part, lost in results:
            grid = epoch.grid
            at = round((epoch.start_s - segment_start_s(segment)) * grid.rate_hz)
            fade = _fade(grid.blocks, grid.fade, grid.samples)
            for group in (0, 1):
                key = (grid.rate_hz, group)
                if key not in sums[segment]:
                    sums[segment][key] = np.zeros(
                        (channels, round((SEGMENT_S + FADE_S) * grid.rate_hz)), complex
                    )
                _add_faded(
                    part[group],
                    sample_rows(grid.samples),
                    fade,
                    sums[segment][key],
                    epoch.driver * part.shape[1],
                    at,
                )
            epochs[segment].append(epoch)
            missed[segment] += lost
    for segment in window:
        held.sums[mover.name, segment] = (sums[segment], tuple(epochs[segment]), missed[segment])


def _add_wheel(mover, wheel: Wheel, flats, legs, bands, window: range, held: Held) -> None:
    """Add what spins to the sums of a window, segment by segment."""
    channels = len(legs.sources) * len(bands) * legs.targets.shape[1] * bands[0].beams.shape[1]
    rate = wheel.rate_hz
    for segment in window:
        sums, epochs, missed = held.sums[mover.name, segment]
        start, end = segment_start_s(segment), segment_start_s(segment + 1)
        part = wheel.over(start, round(SEGMENT_S * rate), channels)
        for group in (0, 1):
            if (rate, group) not in sums:
                sums[rate, group] = np.zeros((channels, round((SEGMENT_S + FADE_S) * rate)), complex)  # fmt: skip
            sums[rate, group][:, : part.shape[2]] += part[group]
        more = tuple(
            Epoch(mover.name, n, driver, start, end, flats[n].grid, chosen)
            for n in wheel.pieces
            for driver, chosen in enumerate(flats[n].chosen)
        )
        held.sums[mover.name, segment] = (sums, epochs + more, missed)


def _mapped(work, jobs: list, threads: int) -> Iterable[Iterable]:
    """Return what `work` gives for every job: with one thread epoch by epoch, as it is asked for."""
    if threads <= 1:
        return map(work, jobs)
    pool = ThreadPoolExecutor(threads)
    try:
        return list(pool.map(lambda job: list(work(job)), jobs))
    finally:
        pool.shutdown()


def _jobs(
    scene,
    device,
    mover,
    bands: list[Band],
    window: range,
    least_hz: int,
    quality: Quality,
    glints: list[np.ndarray],
    flats: dict[int, Flat],
    edge_m: float,
    most_ms: int,
) -> list[Job]:
    """Return (piece, grid, consecutive segments) that cover the window: the longer a run, the better its kernels are fed."""
    top = max(band.carrier_hz for band in bands)
    lobes = np.array([_lobe_turn(rows, quality) for rows in glints])
    by_segment = [
        grids(
            mover,
            segment,
            device.position_m,
            top,
            scene.air.sound_speed_m_s,
            least_hz,
            quality.gain_turn,
            lobes,
            edge_m,
            most_ms,
        )
        for segment in window
    ]
    jobs: list[Job] = []
    for piece in range(len(mover.pieces)):
        for segment, chosen in zip(window, by_segment, strict=True):
            grid: Any = flats[piece].grid if piece in flats else chosen[piece]
            if jobs and jobs[-1][:2] == (piece, grid) and jobs[-1][2][-1] == segment - 1:
                jobs[-1][2].append(segment)
            else:
                jobs.append((piece, grid, [segment]))
    return jobs


def _lobe_turn(rows: np.ndarray, quality: Quality) -> float:
    """Return how far (rad) glints (G, COLUMNS) may turn in a block; infinite where there are none."""
    if not len(rows):
        return np.inf
    return quality.lobe_turn / float(np.sqrt(2.0 * rows[:, SHARPNESS].max()))


@kernel
def _add_faded(total, rows, fade, out, channel, at):
    """Add one epoch's planes (channel, PLANE) times its fade (sample,) to out (channel, sample), from `channel` and sample `at` on.

    rows: the row of a plane that holds each sample of a block.
    """
    samples = rows.shape[0]
    for c in range(total.shape[0]):
        target = out[channel + c, at : at + fade.shape[0]]
        for n in range(samples):
            re, im = total[c, rows[n] * ROW :], total[c, COSINES + rows[n] * ROW :]
            for m in range(fade.shape[0] // samples):
                k = m * samples + n
                target[k] += complex(re[m] * fade[k], im[m] * fade[k])


@lru_cache(maxsize=32)
def _fade(blocks: int, fade: int, samples: int) -> np.ndarray:
    """Return the fade (sample,) of an epoch: up over `fade` blocks, one, down over `fade` blocks; neighbours sum to one."""
    up = np.sin(0.5 * np.pi * np.arange(fade * samples) / (fade * samples)) ** 2
    return np.concatenate([up, np.ones((blocks - fade) * samples), 1.0 - up])

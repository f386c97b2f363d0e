"""Echoes of movers under a wideband emission: every pair of legs by itself onto the taps of a delay line, what was emitted through the line.

A mover's pieces, grids, pairs and waves are those of a tone at the middle of the band (`echoes`, `sums`); `across` adds delays and the slope of gains
over the band, `spread` makes taps of them.  Pieces on the same grid share the line of an epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from usim.emissions.base import AbstractEmission
from usim.engine.across import NODES, STRIDE, pair_bands, powers
from usim.engine.array import middles_of
from usim.engine.legs import Band, Legs, band
from usim.engine.motion import FADE_S, SEGMENT_S, Grid, segment_start_s
from usim.engine.selection import Chosen, Quality
from usim.engine.slab import LONG_SLAB, ROW, SLAB
from usim.engine.sounded import Sounded
from usim.engine.spread import (
    BEFORE,
    PARTS,
    SILENT,
    SLOW_TAPS,
    TAPS,
    between,
    fractional,
    heard_through,
    loud_count,
    loud_runs,
    spread,
)
from usim.engine.sums import STILL, piece_sum
from usim.engine.tail import Tail
from usim.engine.tones import AHEAD, SAMPLES, SCRATCH, planes, sample_rows
from usim.movers.base import AbstractMover
from usim.physics.jit import rows32, rows64
from usim.physics.sweeps import Sweep
from usim.scene.scene import PlacedDevice, Scene
from usim.template.problem import InvalidInput, Problem

TOGETHER = 64  # pairs whose waves are in memory at once
STEADY = np.zeros((1, 0))  # the envelope of a tone that is on for ever


@dataclass
class Line:
    """The delay line of one epoch of some pieces: taps (channel, slow sample, 2, L), which of them are in use, and when anything was sent, see `spread`."""

    taps: np.ndarray
    reached: np.ndarray
    loud: np.ndarray
    sent: int
    ratio: int


@dataclass
class Taps:
    """A mover's pairs under one wideband emission; see `echoes.echo_of`, which asks it where it has one.

    covers (node, piece, 3, 2, nodes): reflection tables of the pieces at the frequencies of `ends`, see `across.NODES`.  apart: keep texture by itself.
    """

    sounds: Sounded
    ends: tuple[Band, ...]
    covers: np.ndarray
    apart: bool = False
    _lines: dict[tuple, Line] = field(default_factory=dict)

    @property
    def highest(self) -> list[Band]:
        """Return the band whose carrier is the highest frequency that moves."""
        return [self.ends[-1]]

    def add(
        self,
        tables: np.ndarray,
        own: int,
        glints: np.ndarray,
        most_lead: int,
        even: int,
        grid: Grid,
        quality: Quality,
        chosen: Chosen,
        legs: Legs,
        fields: dict[str, Any],
        skin: np.ndarray,
        driver: int,
        slopes: np.ndarray,
        c: float,
        start_s: float,
        piece: int,
    ) -> int:
        """Add an epoch of one piece to its line; return the number of pairs that the knots did not cover."""
        mics = legs.targets.shape[1]
        basis = fields["ports"].shape[1]
        slow = (grid.blocks + grid.fade) * grid.samples
        missed = 0
        for group in (0, 1) if self.apart else (None,):
            key = (driver, start_s, grid.step_ms, grid.samples, group or 0)
            line = self._line(key, grid, mics * basis, slow, 2.0 * fields["far_m"] / c)
            mine = slice(None) if group is None else chosen.group == group
            pairs, weight = chosen.pairs[mine], chosen.weight[mine]
            together = (
                [slice(0, mics)] if quality.together else [slice(m, m + 1) for m in range(mics)]
            )
            for mic in together:
                part = replace(line, taps=line.taps[mic.start * basis : mic.stop * basis])
                missed += self._add(
                    tables, own, glints, most_lead, even, grid, quality, pairs, weight, legs, fields, skin, driver, slopes, c, piece, mic, part
                )  # fmt: skip
        return missed

    def _add(
        self, tables, own, glints, most_lead, even, grid, quality, pairs, weight, legs, fields, skin, driver, slopes, c, piece, mic, line
    ) -> int:  # fmt: skip
        """Add pairs to some microphones' lines; return the number of those that the knots did not cover."""
        width = mic.stop - mic.start
        room = _Room(width, len(line.taps))
        targets = np.ascontiguousarray(legs.targets[:, mic])
        axes = np.ascontiguousarray(fields["axes"][:, mic])
        leads, middles = np.empty(len(targets), np.int64), np.zeros((len(targets), 3))
        centre = tables[own, :3, most_lead + AHEAD + even // 2]
        middles_of(targets, *centre, 1.0 / (c * grid.step_s), most_lead, leads, middles)
        source_axes = legs.source_axes[driver].astype(np.float32)
        beams, covers = np.ascontiguousarray(fields["beams"][:, driver]), np.ascontiguousarray(self.covers[:, piece])  # fmt: skip
        missed = 0
        for first in range(0, len(pairs), TOGETHER):
            some, loud = pairs[first : first + TOGETHER], weight[first : first + TOGETHER]
            room.waves[: len(some)] = 0.0
            missed += piece_sum(
                tables, own, glints, most_lead, even, grid.samples, grid.step_s, grid.gain_ratio, quality.newton_steps, some, loud,
                np.arange(len(some)), legs.sources[driver], source_axes, targets, axes, legs.chains,
                fields["turns"], fields["walls"], skin, beams, fields["ports"],
                fields["absorption"], fields["slope"], slopes, c, STEADY, 0.0, 1.0, room.waves, False, STILL,
            )  # fmt: skip
            room.place[:] = 0.0
            pair_bands(
                tables[own], glints, most_lead, even, grid.step_s, some, legs.sources[driver], source_axes, targets, axes, legs.chains,
                self._walls, covers, self._beams[driver], self._ports, self._absorption, powers(), c,
                leads, middles, room.s, room.d, room.e, room.more, room.looked, room.place, room.bends,
            )  # fmt: skip
            self._spread(len(some), room, grid, c, line)
        return missed

    def _spread(self, count: int, room: _Room, grid: Grid, c: float, line: Line) -> None:
        sounds = self.sounds
        edge = sounds.edge_hz / sounds.rate_hz
        spread(
            room.waves[:count], sample_rows(grid.samples), grid.samples, room.place, room.bends, sounds.rate_hz / c, 2.0 * np.pi * edge,
            fractional(round(edge, 9)), line.taps,
            line.loud, line.sent, line.ratio, room.at, room.factors, line.reached,
        )  # fmt: skip

    def _line(self, key: tuple, grid: Grid, channels: int, slow: int, longest_s: float) -> Line:
        found = self._lines.get(key)
        if found is None:
            rate, (driver, start_s, *_) = self.sounds.rate_hz, key
            ratio, left = divmod(rate, grid.rate_hz)
            if left or not ratio:
                raise ArithmeticError(f"{rate} Hz is no multiple of a piece's {grid.rate_hz} Hz")
            long = int(longest_s * rate) + 2 * TAPS
            taps = np.zeros((channels, slow, 2, long), np.float32)
            first = round(start_s * rate)
            sound = self.sounds.emitted(first - long, long + slow * ratio + TAPS)[driver]
            # what a slow sample reads by its taps, and by its share in others
            loud = loud_count(np.abs(sound) > SILENT, TAPS + (SLOW_TAPS // 2 + 1) * ratio)
            found = self._lines[key] = Line(taps, np.array([long, 0]), loud, long, ratio)
        return found

    @cached_property
    def _walls(self) -> np.ndarray:
        return np.array([one.walls for one in self.ends])

    @cached_property
    def _beams(self) -> np.ndarray:
        """Return (driver, node, 2, D)."""
        most = max(one.beams.shape[-1] for one in self.ends)
        beams = [one.beams[:, 0] for one in self.ends]
        return np.ascontiguousarray(np.stack([_as_long(b, most) for b in beams], axis=1))

    @cached_property
    def _ports(self) -> np.ndarray:
        most = max(one.ports.shape[-1] for one in self.ends)
        return np.stack([_as_long(one.ports[0], most) for one in self.ends])

    @cached_property
    def _absorption(self) -> np.ndarray:
        return np.array([one.absorption_np_m for one in self.ends])

    def gather(self, work, jobs: list, window: range, channels: int, fade) -> dict:
        """Do the jobs of a window, epoch by epoch of all pieces on one grid; return {segment: (sums, epochs, missed)} as `echoes.Held` keeps them.

        work: gives (segment, epoch, sums, pairs missed) of a job, one epoch after another; fade: see `echoes._fade`.
        """
        rate = self.sounds.rate_hz
        size = round((SEGMENT_S + FADE_S) * rate)
        found: dict[int, tuple[dict, list, list]] = {
            segment: (
                {
                    (rate, group): np.zeros((channels, size), complex)
                    for group in range(1 + self.apart)
                },
                [],
                [0],
            )
            for segment in window
        }
        alike: dict[tuple[int, int], list] = {}
        for job in jobs:
            alike.setdefault((job[1].step_ms, job[1].samples), []).append(work(job))
        for works in alike.values():
            for together in _in_step(works):
                segment, epoch = together[0][:2]
                sums, epochs, missed = found[segment]
                for _, one, _, lost in together:
                    epochs.append(one)
                    missed[0] += lost
                ramp = fade(epoch.grid.blocks, epoch.grid.fade, epoch.grid.samples)
                at = round((epoch.start_s - segment_start_s(segment)) * rate)
                for group in range(1 + self.apart):
                    self._close(epoch, group, ramp, sums[rate, group], at)
        return {segment: (one[0], tuple(one[1]), one[2][0]) for segment, one in found.items()}

    def _close(self, epoch, group: int, fade: np.ndarray, out: np.ndarray, at: int) -> None:
        """Add what is heard through the line of an epoch to out (channel, sample), from sample `at` on."""
        grid = epoch.grid
        line = self._lines.pop((epoch.driver, epoch.start_s, grid.step_ms, grid.samples, group))
        low, wide = int(line.reached[0]), int(line.reached[1] - line.reached[0])
        if wide <= 0:
            return
        count = line.taps.shape[1] * line.ratio
        first = round(epoch.start_s * self.sounds.rate_hz)
        ahead = BEFORE - low
        sound = self.sounds.emitted(first + ahead - wide + 1, count + wide - 1)[epoch.driver, ::-1]
        channels = len(line.taps)
        offset = epoch.driver * channels
        heard_through(
            line.taps, fade.astype(np.float32), between(line.ratio), low, wide, sound.real.astype(np.float32), sound.imag.astype(np.float32),
            loud_runs(np.abs(sound) > SILENT), rows32(wide), rows32(wide), out[offset : offset + channels, at : at + count],
        )  # fmt: skip


def _in_step(works: list) -> Iterator[list]:
    """Yield what several jobs give, epoch by epoch: together what has the same driver and start; each job gives them in this order."""
    waiting = [iter(work) for work in works]
    heads = [next(work, None) for work in waiting]
    while any(head is not None for head in heads):
        first = min((head[1].driver, head[1].start_s) for head in heads if head is not None)
        here = [
            n
            for n, head in enumerate(heads)
            if head is not None and (head[1].driver, head[1].start_s) == first
        ]
        together = [heads[n] for n in here]
        for n in here:
            heads[n] = next(waiting[n], None)
        yield together


class _Room:
    """Scratch for some pairs to some microphones."""

    def __init__(self, mics: int, channels: int) -> None:
        self.waves = planes(TOGETHER, channels)
        self.place = np.zeros((TOGETHER, mics, ROW))
        self.bends = np.zeros((TOGETHER, 2 * (PARTS - 1), ROW))
        self.s, self.d, self.e = rows32(SLAB), rows64(LONG_SLAB), rows64(SCRATCH)
        self.more = rows64(ROW)
        self.at, self.factors = (
            np.zeros(TOGETHER * SAMPLES, np.int32),
            rows32((2 * PARTS + 1) * TOGETHER * SAMPLES),
        )
        self.looked = np.zeros((ROW // STRIDE + 2, 2 * (PARTS - 1)))


def require_curved(mover: AbstractMover) -> None:
    """Refuse, in one line, a mover with flat pieces or cylinders: their echo is no mirror with one delay."""
    for piece in mover.pieces:
        if piece.is_flat:
            raise InvalidInput(
                Problem(
                    f"piece {piece.name} is flat or a cylinder, and such pieces under chirps, fmcw or pulses come with a later version of usim; "
                    "leave the mover out, or emit tones",
                    place=f"movers.{mover.name}",
                )
            )


def _as_long(rows: np.ndarray, length: int) -> np.ndarray:
    """Return series (..., D) with zeros after them."""
    return np.concatenate([rows, np.zeros((*rows.shape[:-1], length - rows.shape[-1]))], axis=-1)


def taps_of(
    scene: Scene, device: PlacedDevice, mover: AbstractMover, skins, sounds: Sounded, apart: bool
) -> Taps:
    """Return what turns a mover's pairs into a device's wideband echo; skins: see `echoes.skins`."""
    ends = tuple(
        band(scene, device, sounds.centre_hz + shift) for shift in sounds.edge_hz * np.array(NODES)
    )
    require_curved(mover)
    return Taps(sounds, ends, skins(scene, mover, list(ends)), apart)


def longest_m(scene: Scene, legs: Legs) -> float:
    """Return a bound of the longest way in m that is heard, by way of a mover or not."""
    low, high = np.asarray(scene.room.bounds_m, float)
    middle = 0.5 * (low + high)
    reach = 0.5 * float(np.linalg.norm(high - low))
    out = np.linalg.norm(legs.sources - middle, axis=-1).max()
    back = np.linalg.norm(legs.targets - middle, axis=-1).max()
    return float(out + back + 2.0 * reach)


def emission_over(
    scene: Scene,
    device: PlacedDevice,
    legs: Legs,
    before: Sounded | None = None,
    tail: Tail | None = None,
) -> Sounded | None:
    """Return what a device's wideband emission sends into the room, None for tones.

    before: what it did until now, which may be the same.  tail: that it will be heard through.
    """
    emission = device.emission
    if emission is None or emission.band_hz is None:
        return None
    if before is not None and before.emission is emission:
        return before
    rate, longest = scene.baseband_rate_hz, longest_m(scene, legs)
    if tail is not None:
        longest = max(longest, float(tail.path_m.max()))
    responses = {} if before is None else before.responses
    return Sounded(scene, device, emission, device.unit, rate, longest, responses)


def swept(emission: AbstractEmission, start_s: float) -> Sweep | None:
    """Return an emission's sweep on the clock of a recording that starts at `start_s`."""
    sweep = emission.sweep
    return None if sweep is None else replace(sweep, origin_s=sweep.origin_s - start_s)

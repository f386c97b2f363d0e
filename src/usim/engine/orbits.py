"""Flat pieces, once and for ever: how finely they are sampled, and which of their pairs are worth a pair.

A blade lights up for a pair only where it mirrors it, for a millisecond at a time; a choice made every epoch, with fades of 32 ms between,
would switch pairs while they flash.  So both are chosen once from the whole *orbit* of a piece: INSTANTS moments spread over SPAN_S of its
story.  The energy of a pair is the mean of its squared gain over the orbit, by the kernel that makes the echo: the pairs that flash
are told from those that never do, which an isotropic piece would not tell.  A systematic sample of the pairs that are not resolved,
drawn once, is texture (see `selection`).  Nothing here depends on the window that is rendered, and epochs need no fade.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from usim.engine.apertures import apertures, cells, least_cosine, measures, nearest_m
from usim.engine.bars import WIDE_BOARD
from usim.engine.legs import Band, Legs
from usim.engine.motion import USABLE, FlatGrid
from usim.engine.places import together, told_apart
from usim.engine.plates import EAR_, ECHO_IM, ECHO_RE, SOURCE
from usim.engine.selection import TEXTURE_LEAST, TEXTURE_SHARE, Chosen, Quality, leg_powers
from usim.engine.slab import ROW, f32
from usim.movers.base import AbstractMover, Poses
from usim.physics.jit import kernel, rows32
from usim.template.streams import uniform

INSTANTS = 3 * ROW
SPAN_S = 64.0
GOLDEN = 0.6180339887498949  # moments at multiples of it are spread evenly (Weyl 1916)
DIFFERENCE_S = 5e-5
FASTER = 1.1  # a piece may be than at any of the moments
SAMPLES = (2, 4, 8, 16, 32)  # a block may have


@dataclass(frozen=True)
class Flat:
    """How one flat piece is summed: its grid; per carrier its cells (carrier, 2) and the inverse of its least cosine; pairs per driver."""

    grid: FlatGrid
    cells: np.ndarray
    inverse_least: np.ndarray
    chosen: tuple[Chosen, ...]


@dataclass(frozen=True)
class Orbit:
    """A mover at the moments of its orbit."""

    mover: AbstractMover
    t_s: np.ndarray
    poses: Poses

    def fastest_m_s(self, piece: int) -> float:
        """Return the speed of a flat piece's fastest corner."""
        before, after = (self.mover.at(self.t_s + d) for d in (-DIFFERENCE_S, DIFFERENCE_S))
        corners = np.array(list(product((-1.0, 1.0), repeat=3))) * self.mover.pieces[piece].half_m
        moved = [
            p.position_m[:, piece, None] + np.einsum("tij,cj->tci", p.rotation[:, piece], corners)
            for p in (before, after)
        ]
        way = np.linalg.norm(moved[1] - moved[0], axis=-1)
        return float(way.max()) / (2.0 * DIFFERENCE_S)

    def cells(self, piece: int, legs: Legs, band: Band, fine: bool = False) -> tuple[int, int]:
        """Return the cells of a flat piece at its least distance from the device, see `apertures.cells`."""
        place, axes = self.poses.position_m[:, piece], self.poses.rotation[:, piece]
        ends = np.concatenate([legs.sources[:, 0], legs.targets[0]])
        body = self.mover.pieces[piece]
        near = nearest_m(body, place, axes, ends)
        return cells(body, near, 2.0 * np.pi * band.turns_per_metre, fine)

    def energies(self, piece: int, legs: Legs, band: Band, driver: int) -> np.ndarray:
        """Return the energies (I, J) of all pairs, mean over the orbit, re 1 Pa at 1 m on axis, without the piece's own loss."""
        place, axes = self.poses.position_m[:, piece], self.poses.rotation[:, piece]
        sides = []
        for ends, mirrored, pattern in (
            (legs.sources[driver], legs.source_axes[driver], band.beams[driver, 0]),
            (legs.middles, legs.target_axes[:, 0], band.ports[:1]),
        ):
            power = leg_powers(place, ends, mirrored, legs, band, pattern)
            away = ends[:, None] - place
            far = np.sqrt((away * away).sum(axis=-1))
            power = power * np.exp(-2.0 * band.absorption_np_m * (far - 0.5))
            own = np.einsum("tij,lti->ljt", axes, away)
            sides += [np.ascontiguousarray(own, np.float32), power.astype(np.float32)]
        body = self.mover.pieces[piece]
        k = 2.0 * np.pi * band.turns_per_metre
        energy = np.zeros((len(legs), len(legs)))
        orbit_energies(
            *sides, measures(body), *self.cells(piece, legs, band), f32(k), f32(band.turns_per_metre),
            f32(1.0 / least_cosine(body, k)), energy,
        )  # fmt: skip
        return energy / len(self.t_s)


def orbit(mover: AbstractMover) -> Orbit:
    """Return a mover at INSTANTS moments of its story, of SPAN_S of it at most."""
    start, end = mover.story_s
    start = start if np.isfinite(start) else 0.0
    end = min(max(end, start), start + SPAN_S)
    t_s = start + (end - start) * (GOLDEN * np.arange(1, INSTANTS + 1) % 1.0)
    return Orbit(mover, t_s, mover.at(t_s))


@kernel(allocates=True)
def orbit_energies(out, out_power, back, back_power, half, along, across, k_, turns_per_metre, inverse_least, energy):  # fmt: skip
    """Add to energy (I, J) the sum over instants of every pair's squared gain.

    out (I, 3, K), back (J, 3, K): ends in the axes of the piece, m; out_power (I, K), back_power (J, K): of the legs, without spreading;
    half (4,): see `apertures.measures`; K: whole rows.  Other arguments as in `apertures.apertures`.
    """
    s = rows32(WIDE_BOARD)
    for i in range(out.shape[0]):
        for j in range(back.shape[0]):
            for start in range(0, out.shape[2], ROW):
                for row in range(3):
                    for k in range(ROW):
                        s[SOURCE + row * ROW + k] = out[i, row, start + k]
                        s[EAR_ + row * ROW + k] = back[j, row, start + k]
                apertures(s, half, along, across, k_, turns_per_metre, inverse_least, f32(0.0), ROW)
                for k in range(ROW):
                    re, im = s[ECHO_RE + k], s[ECHO_IM + k]
                    energy[i, j] += (re * re + im * im) * out_power[i, start + k] * back_power[j, start + k]  # fmt: skip


def choose_for_ever(energy: np.ndarray, share: float, draw: float) -> Chosen:
    """Return the pairs of a flat piece: the strongest that hold the share, and a systematic sample of the rest.

    energy (I, J); draw: one uniform number.
    """
    flat = energy.ravel()
    order = np.argsort(-flat, kind="stable")
    held = np.cumsum(flat[order])
    count = len(flat) if share >= 1.0 else int(np.searchsorted(held, share * held[-1])) + 1
    resolved, rest = order[:count], np.sort(order[count:])
    weights = [np.ones(len(resolved))]
    numbers = [resolved]
    left = float(flat[rest].sum())
    if left > 0.0:
        step = left / max(TEXTURE_LEAST, int(TEXTURE_SHARE * count))
        marks = np.ceil(np.cumsum(flat[rest]) / step - draw)
        drawn = rest[np.diff(marks, prepend=0.0) > 0.0]
        numbers.append(drawn)
        weights.append(np.sqrt(np.maximum(step / flat[drawn], 1.0)))
    all_, weight = np.concatenate(numbers), np.concatenate(weights)
    group = np.repeat(np.arange(len(numbers)), [len(n) for n in numbers])
    i, j = np.divmod(all_, energy.shape[1])
    by_ear = np.lexsort((i, j))
    pairs = np.stack([i, j, np.full_like(i, -1)], axis=1)[by_ear]
    whole = float(flat.sum())
    return Chosen(
        np.ascontiguousarray(pairs, np.int64),
        weight[by_ear].astype(np.float32),
        group[by_ear].astype(np.int64),
        float(flat[resolved].sum()) / whole if whole > 0.0 else 1.0,
    )


def flat_grid(speed_m_s: float, carrier_hz: float, c: float, least_hz: float = 0.0) -> FlatGrid:
    """Return the grid of a flat piece whose fastest corner goes at a speed."""
    speed = FASTER * speed_m_s
    least = max(2.0 * speed * carrier_hz / (c - speed) / USABLE, least_hz)
    fitting = (grid for grid in map(FlatGrid, SAMPLES) if grid.rate_hz >= least)
    return next(fitting, FlatGrid(SAMPLES[-1]))


def flat_pieces(
    seed: int,
    c: float,
    mover: AbstractMover,
    legs: Legs,
    bands: list[Band],
    quality: Quality,
    least_hz: float,
) -> dict[int, Flat]:
    """Return how each flat piece of a mover is summed, by its number; of what spins, copies of each other are summed alike."""
    numbers = [number for number, piece in enumerate(mover.pieces) if piece.is_flat]
    if not numbers:
        return {}
    seen = orbit(mover)
    top = max(band.carrier_hz for band in bands)
    found: dict[int, Flat] = {}
    spin = mover.spin
    spun = () if spin is None else spin.pieces
    first = spun[: len(spun) // spin.copies] if spin is not None else ()
    for number in numbers:
        if number in spun and number not in first:
            found[number] = found[first[spun.index(number) % len(first)]]
            continue
        piece = mover.pieces[number]
        place = f"movers.{mover.name}.{piece.name}.texture"
        least = [least_cosine(piece, 2.0 * np.pi * band.turns_per_metre) for band in bands]
        found[number] = Flat(
            flat_grid(seen.fastest_m_s(number), top, c, least_hz),
            np.array(
                [seen.cells(number, legs, band, quality.share >= 1.0) for band in bands], np.int64
            ),
            1.0 / np.array(least),
            tuple(
                told_apart(
                    choose_for_ever(
                        together(energy, legs.places),
                        quality.share,
                        uniform(seed, f"{place}.{driver}"),
                    ),
                    energy[None],
                    legs.places,
                )
                for driver, energy in enumerate(
                    seen.energies(number, legs, bands[0], driver)
                    for driver in range(len(legs.sources))
                )
            ),
        )
    return found

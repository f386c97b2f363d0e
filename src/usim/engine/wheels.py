"""What spins about an axis that stands still, heard once for every angle and then read off.

Rotor and room give the same echo at the same angle, but for its speed: a wave reaches one blade a little before another, and what the rotor turns
meanwhile depends on how fast it turns.  So one part of a turn (as many as there are blades are alike) is summed, by the kernel that sums any flat
piece, at a few steady speeds; between them a polynomial holds, between angles another.  It is kept apart for every microphone
and for images that are not about as far: a wave from each comes from another time, at which the rotor stood elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from usim.engine.flat_epochs import flat_run
from usim.engine.legs import Band, Legs
from usim.engine.motion import FlatGrid
from usim.engine.orbits import Flat, orbit
from usim.engine.retarded import BEFORE, TAPS
from usim.engine.slab import ROW
from usim.engine.tones import COSINES, sample_rows
from usim.movers.base import AbstractMover, Spin
from usim.physics.jit import kernel, rows32

PHASE_ERROR = 1e-4  # rad, of the polynomial in speed
SPEEDS = 8  # at most: what fills a vector
WIDTH = 2 * SPEEDS
WIDER = 0.2  # of the range of speeds, to either side
FINER = 5  # angles in a period of the highest harmonic that is read off
MOST_BYTES = 2**28  # of a table
DIFFERENCE_S = 1e-3
TOGETHER_S = 1e-3  # images this near each other in time are read off together: a rotor's speed does not change meanwhile
QUIET = np.zeros((1, 0))
f32 = np.float32
ONE, TWO, THREE = f32(1), f32(2), f32(3)


@dataclass(frozen=True)
class Wheel:
    """The echoes of what spins, by angle and speed.

    pieces: their numbers.  table (row, angle, WIDTH) float32: coefficients of powers of the speed, real and imaginary by turns; an angle runs
    through one of the `copies` parts of a turn.  speed_rad_s: middle and half width of the speeds it holds for.  delays_s (row,): about that from the
    axis to the microphone's image; group (row,): resolved or texture; channel (row,): of driver, carrier, microphone and basis.  rate_hz: at which it is read.
    """

    spin: Spin
    pieces: tuple[int, ...]
    table: np.ndarray
    speed_rad_s: tuple[float, float]
    delays_s: np.ndarray
    group: np.ndarray
    channel: np.ndarray
    rate_hz: int

    def over(self, start_s: float, samples: int, channels: int) -> np.ndarray:
        """Return the sums (group, channel, sample) from a time of reception on, complex."""
        out = np.zeros((2, channels, samples), complex)
        step = FlatGrid.step_s
        lead = int(self.delays_s.max() / step) + TAPS
        knots = np.arange(-lead, int(samples / (self.rate_hz * step)) + TAPS)
        angles = self.spin.angle_rad(start_s + step * knots)
        firsts = lead - self.delays_s / step
        middle, half = self.speed_rad_s
        per_angle = self.spin.copies / (2.0 * math.pi) * (self.table.shape[1] - TAPS)
        read_off(
            self.table, angles * per_angle, firsts, 1.0 / (self.rate_hz * step), middle * step * per_angle, half * step * per_angle,
            self.group, self.channel, out,
        )  # fmt: skip
        return out


@kernel
def _lagrange(w, out):
    """Write the weights of six places, w after the third of them, into out (float32): `retarded.lagrange`."""
    a, b, c, d, e = w + TWO, w + ONE, w - ONE, w - TWO, w - THREE
    ab, cd, abw, cde = a * b, c * d, a * b * w, c * d * e
    out[0] = -b * w * cde * f32(1 / 120)
    out[1] = a * w * cde * f32(1 / 24)
    out[2] = -ab * cde * f32(1 / 12)
    out[3] = abw * d * e * f32(1 / 12)
    out[4] = -abw * c * e * f32(1 / 24)
    out[5] = abw * cd * f32(1 / 120)


@kernel
def _read(table, places, firsts, per_sample, middle, half, group, channel, weights, made, out):
    """See `read_off`; weights (TAPS,) and made (WIDTH,): float32 scratch."""
    count, over = table.shape[1] - TAPS, 1.0 / half
    for row in range(table.shape[0]):
        one, to = table[row], out[group[row], channel[row]]
        for n in range(out.shape[2]):
            at = firsts[row] + n * per_sample
            k = int(at)
            w = at - k
            p, q, r, s = places[k - 1], places[k], places[k + 1], places[k + 2]
            bend, skew = 0.5 * (p - q - q + r), (s - p - 3.0 * (r - q)) / 6.0
            slope = r - q - bend - skew
            place = q + w * (slope + w * (bend + w * skew))
            x = f32((slope + w * (2.0 * bend + 3.0 * w * skew) - middle) * over)
            whole = math.floor(place)
            _lagrange(f32(place - whole), weights)
            start = int(whole) % count
            for lane in range(WIDTH):
                made[lane] = weights[0] * one[start, lane]
            for tap in range(1, TAPS):
                share, here = weights[tap], one[start + tap]
                for lane in range(WIDTH):
                    made[lane] += share * here[lane]
            re, im = made[WIDTH - 2], made[WIDTH - 1]
            for power in range(WIDTH // 2 - 2, -1, -1):
                re, im = re * x + made[2 * power], im * x + made[2 * power + 1]
            to[n] += complex(re, im)


@kernel(allocates=True)
def read_off(table, places, firsts, per_sample, middle, half, group, channel, out):
    """Add to out (group, channel, sample) complex what rows of a table say, each at its own times.

    table (row, place + TAPS, WIDTH): see `Wheel`; places (knot,): of the spin, which grows, in the table's own steps; firsts (row,): knot of sample 0;
    per_sample: knots; middle, half: speeds in steps a knot.
    """
    _read(table, places, firsts, per_sample, middle, half, group, channel, rows32(TAPS), rows32(WIDTH), out)  # fmt: skip


def wheel_of(
    mover: AbstractMover, flats: dict[int, Flat], legs: Legs, bands: list[Band], fields: dict[str, Any], skins: dict[int, np.ndarray], c: float
) -> Wheel | None:  # fmt: skip
    """Return what a mover has that spins, ready to be read off; None where nothing does or where it would not pay.

    flats: see `orbits.flat_pieces`; fields: see `piece_epochs.fields_of`; skins: reflection (carrier, 1, 2, nodes) of each flat piece.
    """
    spin = mover.spin
    if spin is None or not set(spin.pieces) <= set(flats):
        return None
    speeds, reach_m = _speeds(spin, mover)
    if speeds is None:
        return None
    k = 2.0 * math.pi * max(band.turns_per_metre for band in bands)
    middle, half = speeds
    swing = 2.0 * k * reach_m * half * (reach_m / c + 0.5 * TOGETHER_S)
    count = next((n for n in range(2, SPEEDS + 1) if 2.0 * (0.5 * swing) ** n / math.factorial(n) < PHASE_ERROR), 0)  # fmt: skip
    if not count:
        return None
    samples = max(flats[n].grid.samples for n in spin.pieces)
    rate_hz = FlatGrid(samples).rate_hz
    harmonics = int(rate_hz * 2.0 * math.pi / (spin.copies * (middle - half))) // 2
    angles = 2 ** math.ceil(math.log2(FINER * harmonics))
    rows = sum(len(np.unique(g)) for g in _groups(spin, flats, legs)[0]) * len(bands) * legs.targets.shape[1] * bands[0].beams.shape[1]  # fmt: skip
    if rows * (angles + TAPS) * WIDTH * 4 > MOST_BYTES:
        return None
    nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    made = []
    for x in nodes:
        one = _heard(spin, mover, flats, legs, bands, fields, skins, c, middle + half * x, samples, angles)  # fmt: skip
        if one is None:
            return None
        made.append(one)
    delays_s, group, channel = made[0][1:]
    powers = np.linalg.inv(np.vander(nodes, increasing=True))
    values = np.einsum("ps,sra->rap", powers, np.array([one[0] for one in made]))
    values = np.concatenate([values[:, -BEFORE:], values, values[:, : TAPS - BEFORE]], axis=1)
    table = np.zeros((*values.shape[:2], WIDTH), np.float32)
    table[..., : 2 * count : 2], table[..., 1 : 2 * count : 2] = values.real, values.imag
    return Wheel(spin, spin.pieces, table, (middle, half), delays_s, group, channel, rate_hz)


def _speeds(spin: Spin, mover: AbstractMover) -> tuple[tuple[float, float] | None, float]:
    """Return middle and half width of its speeds in rad/s, None where it may stand still or starts too fast, and how far from the axis it reaches, m."""
    seen = orbit(mover)
    turned = np.array([spin.angle_rad(seen.t_s + d) for d in (-DIFFERENCE_S, 0.0, DIFFERENCE_S)])
    speed = (turned[2] - turned[0]) / (2.0 * DIFFERENCE_S)
    reach_m = max(
        float(np.linalg.norm(seen.poses.position_m[:, n] - spin.middle_m, axis=-1).max())
        + math.hypot(*mover.pieces[n].size_m)
        for n in spin.pieces
    )
    low, high = float(speed.min()), float(speed.max())
    spare = WIDER * (high - low) + 1e-3 * high
    if low - spare <= 0.0:
        return None, reach_m
    return (0.5 * (low + high), 0.5 * (high - low) + spare), reach_m


def _groups(spin: Spin, flats: dict[int, Flat], legs: Legs) -> tuple[list[np.ndarray], dict]:
    """Return for each driver the keys in use, resolved or texture times the microphones' image, and for each (piece, driver) that of its pairs."""
    keys = {
        (n, driver): chosen.group * len(legs) + chosen.pairs[:, 1]
        for n in spin.pieces
        for driver, chosen in enumerate(flats[n].chosen)
    }
    drivers = range(len(legs.sources))
    used = [np.unique(np.concatenate([keys[n, d] for n in spin.pieces])) for d in drivers]
    return used, keys


def _heard(
    spin: Spin, mover: AbstractMover, flats: dict[int, Flat], legs: Legs, bands: list[Band], fields: dict[str, Any], skins: dict[int, np.ndarray], c: float, speed: float, samples: int, angles: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None:  # fmt: skip
    """Return what is heard of one part of a turn at a steady speed (row, angle), against the angle at the axis, with delays, groups and channels of rows."""
    period = 2.0 * math.pi / (spin.copies * speed)
    blocks = math.ceil(period / FlatGrid.step_s)
    step = period / blocks
    used, keys = _groups(spin, flats, legs)
    mics, basis = legs.targets.shape[1], bands[0].beams.shape[1]
    each = len(bands) * mics * basis
    heard = [np.zeros((len(one) * each, blocks * samples), complex) for one in used]
    for sums, at, driver, lost in _sums(spin, mover, flats, legs, bands, fields, skins, c, speed, samples, blocks, step, used, keys):  # fmt: skip
        if lost:
            return None
        heard[driver][:, at : at + sums.shape[1]] += sums
    delay = np.linalg.norm(legs.targets - spin.middle_m, axis=-1) / c  # (image, mic)
    of_mic = np.repeat(np.tile(np.arange(mics), len(bands)), basis)
    delays_s = np.concatenate([delay[one % len(legs)][:, of_mic].ravel() for one in used])
    group = np.concatenate([np.repeat(one // len(legs), each) for one in used])
    channel = np.concatenate([np.tile(np.arange(each), len(one)) + d * each for d, one in enumerate(used)])  # fmt: skip
    keys_of = np.stack([np.rint(delays_s / TOGETHER_S), group, channel], axis=1).astype(int)
    rows, of_row = np.unique(keys_of, axis=0, return_inverse=True)
    delays_s = TOGETHER_S * rows[:, 0]
    wave = np.zeros((len(rows), blocks * samples), complex)
    np.add.at(wave, of_row.ravel(), np.concatenate(heard))
    wave = np.fft.fft(wave, axis=1) / (blocks * samples)
    number = np.fft.fftfreq(blocks * samples, 1.0 / (blocks * samples))
    wave *= np.exp(2j * np.pi * number * delays_s[:, None] / period)
    fine = np.zeros((len(wave), angles), complex)
    fine[:, number.astype(int)] = wave
    return np.fft.ifft(fine, axis=1) * angles, delays_s, rows[:, 1], rows[:, 2]


def _sums(
    spin, mover, flats, legs, bands, fields, skins, c, speed, samples, blocks, step, used, keys
) -> Iterator[tuple[np.ndarray, int, int, int]]:
    """Yield sums (row, sample), from which sample on, driver and pairs missed, piece by piece."""

    def gate(*_: float) -> tuple[np.ndarray, float]:
        return QUIET, 0.0

    for n in spin.pieces:
        groups = [np.searchsorted(one, keys[n, driver]) for driver, one in enumerate(used)]
        most = max(len(one) for one in used)
        for start, size, driver, total, lost in flat_run(
            lambda t_s: spin.at(speed * t_s), mover.pieces[n], n, flats[n], groups, most, legs, bands, fields, skins[n], c, gate, 1.0, 0.0, step, samples, blocks
        ):  # fmt: skip
            planes = total[: len(used[driver])].reshape(-1, total.shape[-1])
            rows = _in_order(planes[:, :COSINES], size, samples) + 1j * _in_order(
                planes[:, COSINES : 2 * COSINES], size, samples
            )
            yield rows, round(start / step) * samples, driver, lost


def _in_order(planes: np.ndarray, blocks: int, samples: int) -> np.ndarray:
    """Return the samples (row, sample) of planes (row, sample by block)."""
    by_sample = planes.reshape(len(planes), -1, ROW)[:, sample_rows(samples), :blocks]
    return by_sample.transpose(0, 2, 1).reshape(len(planes), -1)

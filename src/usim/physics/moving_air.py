"""Moving air: what eddies do to a wave on its way, as line integrals of plane waves over straight ways.

Sound that runs along u through air whose speed of sound is c + c' and whose wind is w is early by the integral of (c' + u . w) / c^2 (Ostashev and Wilson 2015;
first order, rays not bent: right while the delay's own bending stays below a Fresnel zone, so for a few metres of room air).  Over a straight way of
length R a plane wave integrates to R cos(middle) sinc(half), of the phase in its middle and half of the phase between its ends; both ends have their own time, so that
the wave may travel while the field drifts by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from usim.physics.eddies import Eddies
from usim.physics.jit import fused, kernel, rows32

LANES = 64  # knots, or waves, side by side
f32 = np.float32
HALF, QUARTER, LEAST = f32(0.5), f32(0.25), f32(1e-4)
TENTH = f32(0.16)  # turns between the middle and an end, below which a wave counts as whole
LEFT = 0.01  # of the power of waves, this share is left out of ways that move


def _fit() -> np.ndarray:
    """Return float32 coefficients in x^2 of the cosine of x turns, on half a turn either way (Chebyshev nodes)."""
    x = 0.5 * np.cos(np.pi * (np.arange(400) + 0.5) / 800)
    series = np.polynomial.chebyshev.Chebyshev.fit(
        x * x, np.cos(2.0 * np.pi * x), 7, domain=[0.0, 0.25]
    )
    return series.convert(kind=np.polynomial.Polynomial).coef.astype(np.float32)


C0, C1, C2, C3, C4, C5, C6, C7 = (f32(v) for v in _fit())


@kernel
def _cosine_of_turns(x):
    """Return the cosine of x turns, any number of them."""
    x = x - np.floor(x + HALF)
    y = x * x
    return fused(
        y,
        fused(y, fused(y, fused(y, fused(y, fused(y, fused(y, C7, C6), C5), C4), C3), C2), C1),
        C0,
    )


def straight(
    field: Eddies, start_m: np.ndarray, end_m: np.ndarray, start_s: np.ndarray, end_s: np.ndarray
) -> np.ndarray:
    """Return the integrals C (n, wave), complex m^2/s, over straight ways (n, 3): at time t the real part of C exp(-i turning t), summed over waves.

    start_s, end_s: (n,) when the sound is at either end, re t.
    """
    low = (start_m - start_s[:, None] * field.mean_m_s) @ field.k.T
    high = (end_m - end_s[:, None] * field.mean_m_s) @ field.k.T
    away = end_m - start_m
    strength = np.sqrt((away * away).sum(axis=1))[:, None] * field.speed_m_s + away @ field.wind_m_s.T  # fmt: skip
    middle, half = 0.5 * (low + high) + field.phase, 0.5 * (high - low)
    return strength * np.sinc(half / np.pi) * np.exp(1j * middle)


@kernel
def _turned(re, im, turns_hz, first, rate_hz, count, cosines, sines, line, out):
    """Fill columns [0, count) of out with sums over waves of C exp(-i turning t) at `count` <= LANES knots from number `first` on."""
    for n in range(turns_hz.shape[0]):
        for q in range(LANES):
            x = turns_hz[n] * ((first + q) / rate_hz)
            y = f32(x - np.floor(x + 0.5))
            cosines[n, q] = _cosine_of_turns(y)
            sines[n, q] = _cosine_of_turns(y - QUARTER)
    for p in range(re.shape[0]):
        for q in range(LANES):
            line[q] = f32(0.0)
        for n in range(turns_hz.shape[0]):
            a, b, c, s = re[p, n], im[p, n], cosines[n], sines[n]
            for q in range(LANES):
                line[q] = fused(a, c[q], fused(b, s[q], line[q]))
        for q in range(count):
            out[p, q] = line[q]


def turned(
    amplitudes: np.ndarray, field: Eddies, first: int, count: int, rate_hz: float
) -> np.ndarray:
    """Return (n, count): what integrals C (n, wave), see `straight`, are at `count` knots from number `first` on, knots / rate_hz being seconds.

    A knot's value depends on its number alone, not on where the call begins.
    """
    re = np.ascontiguousarray(amplitudes.real, np.float32)
    im = np.ascontiguousarray(amplitudes.imag, np.float32)
    turns_hz = field.turning_rad_s / (2.0 * np.pi)
    many = len(turns_hz)
    cosines, sines = (rows32(many * LANES).reshape(many, LANES) for _ in range(2))
    line = rows32(LANES)
    out = np.empty((len(re), count))
    for start in range(0, count, LANES):
        some = min(LANES, count - start)
        _turned(re, im, turns_hz, first + start, rate_hz, some, cosines, sines, line, out[:, start:])  # fmt: skip
    return out


@kernel
def _along(rows, k, base, left, power, kept, line, out):
    """Fill out (n, knots), see `along`.

    rows (n, 9, knots): half the sum of the ends, half their difference, direction; k (7, wave): turns/m of x, y, z, amplitudes of speed and wind; base (wave, knots): turns;
    power, kept (wave,) and line (knots,): room.
    """
    waves, knots = k.shape[1], base.shape[1]
    for n in range(rows.shape[0]):
        row = rows[n]
        for w in range(waves):
            power[w] = f32(0.0)
        for q in (0, knots - 1):
            hx, hy, hz = row[3, q], row[4, q], row[5, q]
            ux, uy, uz = row[6, q], row[7, q], row[8, q]
            for w in range(waves):
                half = abs(fused(k[0, w], hx, fused(k[1, w], hy, k[2, w] * hz)))
                half = (half if half > TENTH else TENTH) * f32(2.0 * math.pi)
                much = fused(k[4, w], ux, fused(k[5, w], uy, fused(k[6, w], uz, k[3, w]))) / half
                much = much * much
                power[w] = much if much > power[w] else power[w]
        for q in range(knots):
            line[q] = f32(0.0)
        for start in range(0, waves - waves % knots, knots):
            some = power[start:]
            for q in range(knots):
                line[q] += some[q]
        total = f32(0.0)
        for q in range(knots):
            total += line[q]
        least = left * total / f32(waves)
        many = 0
        for w in range(waves):
            if power[w] > least:
                kept[many] = w
                many += 1
        for q in range(knots):
            line[q] = f32(0.0)
        for m in range(many):
            w = kept[m]
            x, y, z, c = k[0, w], k[1, w], k[2, w], k[3, w]
            wx, wy, wz, b = k[4, w], k[5, w], k[6, w], base[w]
            for q in range(knots):
                middle = fused(x, row[0, q], fused(y, row[1, q], fused(z, row[2, q], b[q])))
                half = fused(x, row[3, q], fused(y, row[4, q], z * row[5, q]))
                half = half if abs(half) > LEAST else LEAST
                strength = fused(wx, row[6, q], fused(wy, row[7, q], fused(wz, row[8, q], c)))
                line[q] += strength * _cosine_of_turns(middle) * _cosine_of_turns(half - QUARTER) / half  # fmt: skip
        for q in range(knots):
            out[n, q] = line[q]


@dataclass(frozen=True, eq=False)
class Waves:
    """A field at some times, as `along` reads it: k (7, wave) float32, see `_along`, phase (wave, knots) float32 in turns, and the mean wind (3,)."""

    k: np.ndarray
    base: np.ndarray
    mean_m_s: np.ndarray


def waves_at(field: Eddies, t_s: np.ndarray) -> Waves:
    """Return a field at times (knots,)."""
    k = np.concatenate([field.k.T / (2.0 * np.pi), field.speed_m_s[None], field.wind_m_s.T])
    turns = field.phase[:, None] - np.multiply.outer(field.turning_rad_s, np.asarray(t_s, float))
    turns = turns / (2.0 * np.pi)
    base = (turns - np.floor(turns + 0.5)).astype(np.float32)
    return Waves(np.ascontiguousarray(k, np.float32), base, field.mean_m_s)


def along(
    waves: Waves,
    start_m: np.ndarray,
    end_m: np.ndarray,
    start_s: np.ndarray,
    end_s: np.ndarray,
    left: float = LEFT,
) -> np.ndarray:
    """Return the integrals (n, knots) in m^2/s of eddies over straight ways (n, knots, 3) at as many times, in float32.

    start_s, end_s: (n, knots) when the sound is at either end, re that time.  left: share of the power of all waves that may be left out with the least of them; what is least is
    told by the first and the last knot.
    """
    low = start_m - start_s[..., None] * waves.mean_m_s
    high = end_m - end_s[..., None] * waves.mean_m_s
    away = end_m - start_m
    length = np.sqrt((away * away).sum(axis=-1))
    rows = np.empty((len(low), 9, length.shape[1]), np.float32)
    rows[:, 0:3] = 0.5 * (low + high).transpose(0, 2, 1)
    rows[:, 3:6] = 0.5 * (high - low).transpose(0, 2, 1)
    rows[:, 6:9] = (away / np.maximum(length, 1e-12)[..., None]).transpose(0, 2, 1)
    many, knots = waves.base.shape
    out = np.empty((len(rows), knots), np.float32)
    _along(
        rows, waves.k, waves.base, f32(left), rows32(many), np.empty(many, np.int64), rows32(knots), out
    )  # fmt: skip
    return length * out / (2.0 * math.pi)

"""Moving air: what eddies do to a wave on its way, as line integrals of plane waves over straight ways.

Sound that runs along u through air whose speed of sound is c + c' and whose wind is w is early by the integral of (c' + u . w) / c^2 (Ostashev and Wilson 2015;
first order, rays not bent: right while the delay's own bending stays below a Fresnel zone, so for a few metres of room air).  Over a straight way of
length R a plane wave integrates to R cos(middle) sinc(half), of the phase in its middle and half of the phase between its ends; both ends have their own time, so that
the wave may travel while the field drifts by.
"""

from __future__ import annotations

import math

import numpy as np

from usim.physics.eddies import Eddies
from usim.physics.jit import fused, kernel, rows32

LANES = 64  # knots, or waves, side by side
f32 = np.float32
HALF, QUARTER, LEAST = f32(0.5), f32(0.25), f32(1e-4)


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
def _along(rows, knot, k, base, out):
    """Fill out (n,), see `along`.  k (7, wave): turns/m of x, y, z, amplitudes of speed and wind; base (knots, wave): turns."""
    line = out[1]
    for n in range(rows.shape[0]):
        mx, my, mz = f32(rows[n, 0]), f32(rows[n, 1]), f32(rows[n, 2])
        hx, hy, hz = f32(rows[n, 3]), f32(rows[n, 4]), f32(rows[n, 5])
        ux, uy, uz = f32(rows[n, 6]), f32(rows[n, 7]), f32(rows[n, 8])
        for q in range(LANES):
            line[q] = f32(0.0)
        at = base[knot[n]]
        for start in range(0, k.shape[1], LANES):
            kx, ky, kz, c = k[0, start:], k[1, start:], k[2, start:], k[3, start:]
            wx, wy, wz, b = k[4, start:], k[5, start:], k[6, start:], at[start:]
            for q in range(LANES):
                x, y, z = kx[q], ky[q], kz[q]
                middle = fused(x, mx, fused(y, my, fused(z, mz, b[q])))
                half = fused(x, hx, fused(y, hy, z * hz))
                half = half if abs(half) > LEAST else LEAST
                strength = fused(wx[q], ux, fused(wy[q], uy, fused(wz[q], uz, c[q])))
                line[q] += (
                    strength * _cosine_of_turns(middle) * _cosine_of_turns(half - QUARTER) / half
                )
        total = 0.0
        for q in range(LANES):
            total += line[q]
        out[0][n] = total


def along(
    field: Eddies,
    start_m: np.ndarray,
    end_m: np.ndarray,
    start_s: np.ndarray,
    end_s: np.ndarray,
    knot: np.ndarray,
    t_s: np.ndarray,
) -> np.ndarray:
    """Return the integrals (n,) in m^2/s of eddies over straight ways (n, 3) at times t_s (knots,)[knot (n,)], in float32.

    start_s, end_s: (n,) when the sound is at either end, re that time.
    """
    low, high = start_m - start_s[:, None] * field.mean_m_s, end_m - end_s[:, None] * field.mean_m_s
    away = end_m - start_m
    length = np.sqrt((away * away).sum(axis=1))
    rows = np.concatenate(
        [0.5 * (low + high), 0.5 * (high - low), away / np.maximum(length, 1e-12)[:, None]], axis=1
    )
    spare = -len(field.phase) % LANES
    k = np.concatenate([field.k.T / (2.0 * np.pi), field.speed_m_s[None], field.wind_m_s.T])
    k = np.ascontiguousarray(np.pad(k, ((0, 0), (0, spare))), np.float32)
    turns = field.phase - np.multiply.outer(np.asarray(t_s, float), field.turning_rad_s)
    turns = turns / (2.0 * np.pi)
    base = np.pad((turns - np.floor(turns + 0.5)).astype(np.float32), ((0, 0), (0, spare)))
    out = np.empty(len(rows))
    _along(np.ascontiguousarray(rows), knot, k, np.ascontiguousarray(base), (out, rows32(LANES)))
    return length * out / (2.0 * math.pi)

"""Kernels: the wave of one pair, from knots of bounce time to samples of reception time.

A wave received at t bounced at t_b with t = t_b + r2(t_b)/c and left at t_b - r1(t_b)/c.  So for every pair the path P = r1 + r2 is
known at the arrival times of its own knots, which are not evenly spaced; it is carried to an even grid of reception times by a
cubic Hermite polynomial whose slopes are fourth-order differences.  Between two grid points (a *block* of samples) the phase is a
cubic again, evaluated in float32 about the block's middle, for two samples that lie symmetrically at a time (they share its even and odd
parts); sine and cosine are polynomials that vectorise.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from usim.engine.slab import ARRIVAL, HALF_, PATH, ROW, SECOND, SLOPE, f32, whole_lanes
from usim.physics.jit import fused, kernel, rows32

SAMPLES = 32  # the most samples in a block
COSINES = (
    (SAMPLES + 1) * ROW
)  # where cosines (imaginary parts) start in a plane of samples by blocks; a multiple of 4096 bytes further they would share cache lines
LATE = (
    SAMPLES // 2 * ROW
)  # where samples of a block's second half start, the last first: see `sample_rows`
PHASE = 2 * COSINES  # four rows of phase polynomials after them
PLANE = 2 * COSINES  # float32 of one channel's sums
WAVE = PHASE + 4 * ROW
REACH = 2  # grid points beyond a block that its slope reads
AHEAD = 4  # knots before the first that a pair of no delay needs
SPARE = 8  # knots beyond the grid points: for slopes, and for the delay to change within an epoch
# rows of the float64 scratch of one pair; ARRIVAL and SLOPE lie in the pair's slab
EVEN, AT = 0, ROW
SCRATCH = 2 * ROW


def _fit(function, order: int, odd: bool) -> np.ndarray:
    """Return float32 coefficients in x^2 of a near-minimax polynomial on |x| <= 1/2 turn."""
    x = 0.5 * np.cos(np.pi * (np.arange(400) + 0.5) / 800)
    y = function(2 * np.pi * x) / (x if odd else 1.0)
    series = np.polynomial.chebyshev.Chebyshev.fit(x * x, y, order, domain=[0, 0.25])
    return series.convert(kind=np.polynomial.Polynomial).coef.astype(np.float32)


_SIN = _fit(np.sin, 6, True)
_COS = _fit(np.cos, 7, False)
S0, S1, S2, S3, S4, S5, S6 = (f32(v) for v in _SIN)
C0, C1, C2, C3, C4, C5, C6, C7 = (f32(v) for v in _COS)


@kernel
def sine(x):
    """Return the sine of x turns, at most half a turn from 0."""
    y = x * x
    return x * fused(
        y, fused(y, fused(y, fused(y, fused(y, fused(y, S6, S5), S4), S3), S2), S1), S0
    )


@kernel
def cosine(x):
    """Return the cosine of x turns, at most half a turn from 0."""
    y = x * x
    return fused(
        y,
        fused(y, fused(y, fused(y, fused(y, fused(y, fused(y, C7, C6), C5), C4), C3), C2), C1),
        C0,
    )


@lru_cache
def sample_rows(samples: int) -> np.ndarray:
    """Return the row of a plane that holds each sample of a block: pairs that lie symmetrically are LATE apart."""
    early = np.arange(samples // 2)
    return np.concatenate([early, SAMPLES // 2 + early[::-1]])


@kernel(allocates=True)
def planes(groups, channels):
    """Return zeros (group, channel, PLANE) for `piece_sum` to add to."""
    return rows32(groups * channels * PLANE).reshape(groups, channels, PLANE)


@kernel
def _hermite(arrival, path, slope, start, knot, count, even, at):
    """Write the path at `start` + 0, 1, ... into even and the bounce time in knots into at: grid point m lies after knot `knot` + m."""
    for m in range(count):
        a0 = arrival[m]
        p0 = path[m]
        width = arrival[m + 1] - a0
        w = (start + m - a0) / width
        s0 = slope[m] * width
        s1 = slope[m + 1] * width
        rise = path[m + 1] - p0
        even[m] = p0 + w * (s0 + w * (3.0 * rise - 2.0 * s0 - s1 + w * (s0 + s1 - 2.0 * rise)))
        at[m] = knot + m + w


@kernel(apart=True)
def clock(d, e, count, even, start, inverse_step):
    """Carry the path from the knots of one pair to an even grid of reception times.

    d: float64 slab with PATH and SECOND (m) on `count` knots; e: scratch.  start: reception time of grid point 0 in knots after
    bounce knot 0; inverse_step: 1/(c h) in knots per metre.  Writes EVEN (m) and AT (bounce time in knots) for `even` points into
    e, and ARRIVAL (knots) and SLOPE (m per knot of reception time) into d.  Returns False where the knots do not cover the grid.
    """
    for k in range(count):
        d[ARRIVAL + k] = k + d[SECOND + k] * inverse_step
    for k in range(
        count - 4
    ):  # loops start from 0: an index that may be negative would be checked, and not packed
        p = 8.0 * (d[PATH + k + 3] - d[PATH + k + 1]) - (d[PATH + k + 4] - d[PATH + k])
        a = 8.0 * (d[ARRIVAL + k + 3] - d[ARRIVAL + k + 1]) - (d[ARRIVAL + k + 4] - d[ARRIVAL + k])
        d[SLOPE + 2 + k] = p / a
    d[SLOPE] = d[SLOPE + 2]
    d[SLOPE + 1] = d[SLOPE + 2]
    d[SLOPE + count - 1] = d[SLOPE + count - 3]
    d[SLOPE + count - 2] = d[SLOPE + count - 3]
    k = 2
    q = 0
    while q < even:
        t = start + q
        while k < count - 4 and d[ARRIVAL + k + 1] <= t:
            k += 1
        while k > 2 and d[ARRIVAL + k] > t:
            k -= 1
        if t < d[ARRIVAL + k] - 0.5 or t > d[ARRIVAL + k + 1] + 0.5:
            return False
        # a run of grid points with the same offset between knot and grid point
        offset = k - q
        run = q + 1
        while run < even and run + offset < count - 3:
            v = start + run - d[ARRIVAL + run + offset]
            if v < -0.1 or v > 1.1:
                break
            run += 1
        k = q + offset
        _hermite(
            d[ARRIVAL + k :],
            d[PATH + k :],
            d[SLOPE + k :],
            start + q,
            k,
            run - q,
            e[EVEN + q :],
            e[AT + q :],
        )
        q = run
        k = q + offset
        if k > count - 4:
            k = count - 4
    return True


@kernel(apart=True)
def tone(e, even, turns_per_metre, samples, wave):
    """Write sine and cosine of the phase -2 pi f P/c over the blocks between the grid points (`samples` a block).

    wave: SAMPLES rows (see `sample_rows`) of sines by ROW blocks, then as many of cosines: lanes run over blocks, so that loops are long.
    """
    wide = whole_lanes(even - 2 * REACH - 1)
    middle = (samples - 1) / (2 * samples)
    for m in range(even - 2 * REACH - 1):
        q = m + REACH
        a0 = -turns_per_metre * e[EVEN + q]
        rise = -turns_per_metre * (e[EVEN + q + 1] - e[EVEN + q])
        near = e[EVEN + q + 1] - e[EVEN + q - 1]
        far = e[EVEN + q + 2] - e[EVEN + q - 2]
        s0 = -turns_per_metre * (8.0 * near - far) * (1 / 12)
        near = e[EVEN + q + 2] - e[EVEN + q]
        far = e[EVEN + q + 3] - e[EVEN + q - 1]
        s1 = -turns_per_metre * (8.0 * near - far) * (1 / 12)
        a2, a3 = 3.0 * rise - 2.0 * s0 - s1, s0 + s1 - 2.0 * rise
        start = a0 - np.floor(a0)
        wave[PHASE + m] = f32(start + middle * (s0 + middle * (a2 + middle * a3)))
        wave[PHASE + ROW + m] = f32(s0 + middle * (2.0 * a2 + 3.0 * middle * a3))
        wave[PHASE + 2 * ROW + m] = f32(a2 + 3.0 * middle * a3)
        wave[PHASE + 3 * ROW + m] = f32(a3)
    for n in range(samples // 2):
        v = f32((samples - 1 - 2 * n) / (2 * samples))
        v2 = v * v
        base = n * ROW
        for m in range(wide):
            even_part = fused(v2, wave[PHASE + 2 * ROW + m], wave[PHASE + m])
            odd_part = v * fused(v2, wave[PHASE + 3 * ROW + m], wave[PHASE + ROW + m])
            x = even_part - odd_part
            x = x - np.floor(x + HALF_)
            wave[base + m] = sine(x)
            wave[COSINES + base + m] = cosine(x)
            x = even_part + odd_part
            x = x - np.floor(x + HALF_)
            wave[LATE + base + m] = sine(x)
            wave[COSINES + LATE + base + m] = cosine(x)


@kernel
def gate(e, even, samples, envelope, row, first, per_metre, per_sample, wave):
    """Multiply the waves by the emission's envelope at the time each sample left.

    envelope (carrier, n): samples of it, linear between them; sample 0 left `first` envelope samples before grid point REACH is received.
    per_metre, per_sample: envelope samples per metre of path and per sample of the block.
    """
    last = envelope.shape[1] - 2
    for m in range(even - 2 * REACH - 1):
        p0 = e[EVEN + m + REACH]
        slope = (e[EVEN + m + REACH + 1] - p0) / samples
        for n in range(samples):
            x = first + (m * samples + n) * per_sample - (p0 + n * slope) * per_metre
            k = min(max(int(x), 0), last)
            on = f32(envelope[row, k] + (x - k) * (envelope[row, k + 1] - envelope[row, k]))
            base = (n if n < samples // 2 else SAMPLES // 2 + samples - 1 - n) * ROW
            wave[base + m] *= on
            wave[COSINES + base + m] *= on

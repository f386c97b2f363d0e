"""Kernels: the integral of the wave that a silhouette's rim sends, over the whole of it or over what is left of it.

Over a whole rim midpoints of equal arcs are as good as anything (the integrand is periodic); over a span of it, cells of four points each (Gauss).
Ways from one place to the microphones of an array see nearly the same rim: the points are chosen once, and each way has its own place among them.  The
outline of a smooth body is where it reaches farthest aside, so that points of the outline that another way sees are as good; where two outlines cross
moves along both.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.overlaps import (
    AHEAD,
    BEND2,
    COUNTS,
    CX,
    CY,
    DEEP_C,
    DEEP_S,
    END,
    END_X,
    END_Y,
    FAR,
    GOES_X,
    GOES_Y,
    LONG,
    LXX,
    LXY,
    LYY,
    NEAR,
    SIZE,
    START,
    START_X,
    START_Y,
    crossings,
    direction,
    value_at,
)
from usim.engine.tones import cosine, sine
from usim.physics.jit import fused, kernel

f32 = np.float32
LIT_TURN, DARK_TURN = 0.25, 0.45  # sums of the sines of the turns at the rim's two ends
FLAT = f32(1e-30)  # m2: a rim that runs through the foot
LIT, WANE_RATE = f32(LIT_TURN), f32(1.0 / (DARK_TURN - LIT_TURN))
NONE, HALF, ONE, SIX, TEN, FIFTEEN = f32(0), f32(0.5), f32(1), f32(6), f32(10), f32(15)
LANES = 16  # what is summed at a time
MOST = 1024  # points
PHASE, BROAD = 12.0, 1.0  # rad of phase, and of angle, that a cell may span
GAUSS, SHARES = (0.5 * np.polynomial.legendre.leggauss(4)[n].astype(np.float32) for n in (0, 1))
GAUSS = GAUSS + f32(0.5)
FARTHEST = 1.12  # of a foot off the way per its turn (rad): tan over sin at the most
# rows of work: turns; weight, rad, and by how much it changes for every metre that the way's end moves, in both directions; weight on one way; cosine and sine
ANGLE, WEIGHT, MORE_X, MORE_Y, OWN, COS, SIN = (n * (MOST + LANES) for n in range(7))
SUMS = 7 * (MOST + LANES)
WORK = SUMS + 2 * LANES

# w counts where tan^2 of the turn at either end is at most STEEP: there 1 / sqrt(1 + x) and 1 / (1 + sqrt(1 + x)) are polynomials
STEEP = 0.26


def _fit(function) -> tuple[np.float32, ...]:
    x = 0.5 * STEEP * (1.0 + np.cos(np.pi * (np.arange(200) + 0.5) / 200))
    series = np.polynomial.chebyshev.Chebyshev.fit(x, function(x), 4, domain=[0, STEEP])
    return tuple(f32(v) for v in series.convert(kind=np.polynomial.Polynomial).coef)


N0, N1, N2, N3, N4 = _fit(lambda x: 1.0 / np.sqrt(1.0 + x))
L0, L1, L2, L3, L4 = _fit(lambda x: 1.0 / (1.0 + np.sqrt(1.0 + x)))
MOST_STEEP = f32(STEEP)


@kernel
def dark_circle(seen, level):
    """Write how far outside the circle beyond which no wave counts a rim lies, as `overlaps.level_of` does."""
    over = seen[BEND2] / (FARTHEST * DARK_TURN)
    x, y = seen[CX] * over, seen[CY] * over
    a, b, c = seen[LXX] * over, seen[LXY] * over, seen[LYY] * over
    level[0] = x * x + y * y + 0.5 * (a * a + b * b + c * c) - 1.0
    level[1], level[2] = 2.0 * (x * a + y * b), 2.0 * y * c
    level[3], level[4] = 0.5 * (a * a + b * b - c * c), b * c


@kernel
def _whole(level, steep, work):
    """Write midpoints of a whole rim; return their number.  See `_part`."""
    most = (math.hypot(level[1], level[2]) + 2.0 * math.hypot(level[3], level[4])) * steep
    wanted = most + 6.0 * most ** (1.0 / 3.0) + 12.0
    count = min(int(wanted / LANES) + 1, MOST // LANES) * LANES
    step = f32(1.0 / count)
    for k in range(count):
        work[ANGLE + k] = (f32(k) + HALF) * step
        work[WEIGHT + k] = f32(2.0 * np.pi) * step
        work[MORE_X + k], work[MORE_Y + k] = NONE, NONE
    return count


@kernel
def _cells(start, end, wanted, work, count):
    """Write the points of a span after those that are there; return how many there are then."""
    cells = min(int(wanted) + 1, (MOST - count) // 4)
    step = (end - start) / max(cells, 1)
    from_, turn, share = f32(start * (0.5 / np.pi)), f32(step * (0.5 / np.pi)), f32(step)
    for cell in range(cells):
        here = work[count + 4 * cell :]
        for k in range(4):
            here[ANGLE + k] = from_ + turn * (f32(cell) + GAUSS[k])
            here[WEIGHT + k] = share * SHARES[k]
            here[MORE_X + k], here[MORE_Y + k] = NONE, NONE
    return count + 4 * cells


@kernel
def _part(level, steep, start, end, angles, found, lit, work, count):
    """Write the points of one span, close where waves count and wide elsewhere; return how many there are then.

    level (5,): see `dark_circle`; steep: rad of phase per rad and per slope of it; angles (n, 3): where it is zero; lit: whether it is negative where it has no zeros.
    """
    once, twice = math.hypot(level[1], level[2]), math.hypot(level[3], level[4])
    for _ in range(2 * found + 1):
        upto = end
        for n in range(found):
            for turn in (-2.0 * np.pi, 0.0, 2.0 * np.pi):
                at = angles[n, 0] + turn
                if start + 1e-6 < at < upto:
                    upto = at
        c, s = direction(0.5 * (start + upto))
        value, slope = value_at(level, c, s)
        wanted = (upto - start) * (1.0 / BROAD)
        if lit if not found else value < 0.0:
            most = min(once + 2.0 * twice, abs(slope) + 0.5 * (upto - start) * (once + 4.0 * twice))
            wanted += (upto - start) * most * steep * (1.0 / PHASE)
        count = _cells(start, upto, wanted, work, count)
        start = upto
        if start >= end:
            break
    return count


@kernel
def _end(angle, more_x, more_y, work, count):
    """Write the point at an end of a span, whose weight is only by how much that moves; return how many there are then."""
    if (more_x == 0.0 and more_y == 0.0) or count >= MOST:
        return count
    work[ANGLE + count], work[WEIGHT + count] = f32(angle * (0.5 / np.pi)), NONE
    work[MORE_X + count], work[MORE_Y + count] = f32(more_x), f32(more_y)
    return count + 1


@kernel(apart=True)
def points_of(seen, left, spans, several, turns_per_metre, room, work):
    """Write the points of spans (n, SPAN) of a rim, of the whole of it where `spans` is negative, into work; return their number, whole lanes.

    several: whether ways end in several places.  room: scratch, see `overlaps.overlap`.
    """
    values, level, series, angles, _ = room
    found, lit = 0, True
    far = FARTHEST * DARK_TURN / seen[BEND2]
    steep = np.pi * turns_per_metre * seen[BEND2] * far * far
    dark_circle(seen, level)
    if math.hypot(seen[CX], seen[CY]) + seen[SIZE] > far:
        found, lit = crossings(level, values, series, angles)
    count = 0
    if spans < 0 and not found and lit:
        count = _whole(level, steep, work)
    elif spans < 0:
        start = angles[0, 0] if found else 0.0
        count = _part(level, steep, start, start + 2.0 * np.pi, angles, found, lit, work, 0)
    for n in range(spans):
        here = left[n]
        count = _part(level, steep, here[START], here[END], angles, found, lit, work, count)
        if several:
            count = _end(here[START], -here[START_X], -here[START_Y], work, count)
            count = _end(here[END], here[END_X], here[END_Y], work, count)
    while count % LANES:
        work[ANGLE + count], work[WEIGHT + count] = NONE, NONE
        work[MORE_X + count], work[MORE_Y + count] = NONE, NONE
        count += 1
    for block in range(0, count, LANES):
        here = work[block:]
        for k in range(LANES):
            turn = here[ANGLE + k]
            turn = turn - np.floor(turn + HALF)
            here[COS + k], here[SIN + k] = cosine(turn), sine(turn)
    return count


@kernel
def _sent(cx, cy, xc, xs, yc, ys, near, far, turns, count, work):
    """Return the sum over points of (w exp(-j q) - 1) dphi, real and imaginary part; see `silhouettes`.  Rim: (cx, cy) + [[xc, xs], [yc, ys]] (cos, sin)."""
    near2, far2 = near * near, far * far
    for k in range(LANES):
        work[SUMS + k], work[SUMS + LANES + k] = NONE, NONE
    for block in range(0, count, LANES):
        here = work[block:]
        for k in range(LANES):
            c, s = here[COS + k], here[SIN + k]
            x = fused(xs, s, fused(xc, c, cx))
            y = fused(ys, s, fused(yc, c, cy))
            r2 = fused(x, x, y * y)
            d = fused(x, fused(ys, c, -yc * s), -y * fused(xs, c, -xc * s))
            a, b = r2 * near2, r2 * far2
            a = a if a < MOST_STEEP else MOST_STEEP
            b = b if b < MOST_STEEP else MOST_STEEP
            longer = near * fused(a, fused(a, fused(a, fused(a, L4, L3), L2), L1), L0)
            longer += far * fused(b, fused(b, fused(b, fused(b, L4, L3), L2), L1), L0)
            sines = near * fused(a, fused(a, fused(a, fused(a, N4, N3), N2), N1), N0)
            sines += far * fused(b, fused(b, fused(b, fused(b, N4, N3), N2), N1), N0)
            t = (math.sqrt(r2) * sines - LIT) * WANE_RATE
            t = t if t > NONE else NONE
            t = t if t < ONE else ONE
            w = ONE - t * t * t * (SIX * t * t - FIFTEEN * t + TEN)
            q = turns * r2 * longer
            p = q - np.floor(q + HALF)
            fills = here[OWN + k] * d / (r2 + FLAT)
            work[SUMS + k] += (w * cosine(p) - ONE) * fills
            work[SUMS + LANES + k] -= w * sine(p) * fills
    re, im = 0.0, 0.0
    for k in range(LANES):
        re += work[SUMS + k]
        im += work[SUMS + LANES + k]
    return re, im


@kernel(apart=True)
def sent(seen, off, turns_per_metre, count, work):
    """Return the integral of (w exp(-j q) - 1) dphi over the points of a rim, for a way that ends `off` (3,) m from where the rim's own does.

    off: across the way in both directions, and along it.
    """
    for block in range(0, count, LANES):
        here = work[block:]
        for k in range(LANES):
            here[OWN + k] = here[WEIGHT + k] + f32(off[0]) * here[MORE_X + k] + f32(off[1]) * here[MORE_Y + k]  # fmt: skip
    u, v = off[0] / seen[LONG], off[1] / seen[LONG]
    cx = seen[CX] - u * seen[AHEAD] - off[2] * seen[GOES_X]
    cy = seen[CY] - v * seen[AHEAD] - off[2] * seen[GOES_Y]
    longer = off[2] + 0.5 * (u * off[0] + v * off[1])
    aside = u * seen[CX] + v * seen[CY]
    near, far = 1.0 / (seen[NEAR] + aside), 1.0 / (seen[FAR] + longer - aside)
    re, im = _sent(
        f32(cx), f32(cy), f32(seen[LXX] - u * seen[DEEP_C]), f32(-u * seen[DEEP_S]), f32(seen[LXY] - v * seen[DEEP_C]), f32(seen[LYY] - v * seen[DEEP_S]),
        f32(near), f32(far), f32(turns_per_metre), count, work,
    )  # fmt: skip
    return re * seen[COUNTS], im * seen[COUNTS]

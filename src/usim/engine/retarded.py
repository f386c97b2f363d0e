"""Kernels: where a flat piece was when it sent what a microphone's image hears, knot by knot and sample by sample.

A blade turns its gain by k times its half-length times its spin: thousands of radians per second, so that knots of gain would be about
as dense as samples.  Therefore path and gain of flat pieces are evaluated at every sample (see `flats`), and nothing is interpolated but
what really is smooth: where the piece is, seen from one microphone's image.  It is found at *knots of reception* and brought to
the samples by the polynomial through six of them.  A block of samples lies between two knots.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.plates import EAR_, SOURCE, TURNS
from usim.engine.slab import ROW, f32
from usim.physics.jit import fused, kernel

TAPS = 6  # knots around a sample that its values are made of
BEFORE = 2  # of them lie before the block's first
PLACE, SECOND, FIRST, RISE, KNOT_ROWS = (
    0,
    3 * ROW,
    4 * ROW,
    5 * ROW,
    6 * ROW,
)  # float64 rows at knots: m
TURN_ROWS = 9 * ROW  # float32 rows at knots: the piece's axes, by rows
LONG_ROWS = 4 * ROW  # float64 rows of one sample of all blocks: place and second leg, m
SHORT_ROWS = 12 * ROW  # and float32 rows: the axes, and the way to the microphone in them
NEWTON = 8  # steps at most, of which three are needed
ASIDE = 3  # steps to a microphone from the middle of its array: each gains a factor of a hundred and more
REACH = TAPS - 1  # more knots that the middle needs
CLOSE = 0.9  # knots between what the middle and a microphone hear


def six(samples: int) -> np.ndarray:
    """Return the weights (samples, TAPS) of six knots in the samples of a block (Lagrange)."""
    at = np.arange(samples) / samples + BEFORE
    knots = np.arange(TAPS)
    out = np.ones((samples, TAPS))
    for k in knots:
        for other in knots[knots != k]:
            out[:, k] *= (at - other) / (k - other)
    return out


@kernel
def lagrange(w, out):
    """Write the weights of six knots at a place w knots after the third of them into out (TAPS,)."""
    a, b, c, d, e = w + 2.0, w + 1.0, w - 1.0, w - 2.0, w - 3.0
    out[0] = -b * w * c * d * e * (1 / 120)
    out[1] = a * w * c * d * e * (1 / 24)
    out[2] = -a * b * c * d * e * (1 / 12)
    out[3] = a * b * w * d * e * (1 / 12)
    out[4] = -a * b * w * c * e * (1 / 24)
    out[5] = a * b * w * c * d * (1 / 120)


@kernel
def _read(table, row, n, weights):
    """Return the value of a row of knots that weights (TAPS,) make from knot n - BEFORE on."""
    total = 0.0
    for tap in range(TAPS):
        total += weights[tap] * table[row, n - BEFORE + tap]
    return total


@kernel(allocates=True)
def hear(table, first, count, wide, mx, my, mz, inverse_step, d, turn):
    """Write where a piece was when it sent what point m hears at `count` knots of reception; False where the table does not reach.

    table (12, knots): place (m) and axes by rows on knots of bounce time.  first: where the first knot of reception lies among them.
    d: PLACE and SECOND (m); turn: float32.  Newton steps on t = t_b + |p(t_b) - M|/c, the last to 1e-8 knots.
    """
    weights = np.empty(TAPS)
    last = table.shape[1] - TAPS + BEFORE
    at = -1.0
    rate = 0.0
    before, r_before = 0.0, 0.0
    for q in range(count):
        wanted = first + q
        if q == 0:
            at = wanted
            for _ in range(2):
                n = min(max(int(at), 0), table.shape[1] - 1)
                x, y, z = mx - table[0, n], my - table[1, n], mz - table[2, n]
                at = wanted - math.sqrt(x * x + y * y + z * z) * inverse_step
        else:
            at += 1.0 / (1.0 + rate)
        x, y, z, r = 0.0, 0.0, 0.0, 0.0
        n = 0
        for _ in range(NEWTON):
            if not BEFORE <= at < last:
                return False
            n = int(at)
            lagrange(at - n, weights)
            x, y, z = _read(table, 0, n, weights), _read(table, 1, n, weights), _read(table, 2, n, weights)  # fmt: skip
            r = math.sqrt((mx - x) ** 2 + (my - y) ** 2 + (mz - z) ** 2)
            error = at + r * inverse_step - wanted
            if q > 0 and abs(at - before) > 0.1:
                rate = (r - r_before) * inverse_step / (at - before)
            if abs(error) < 1e-8:
                break
            at -= error / (1.0 + rate)
        before, r_before = at, r
        d[PLACE + q], d[PLACE + ROW + q], d[PLACE + 2 * ROW + q] = x, y, z
        d[SECOND + q] = r
        for row in range(9):
            turn[row * ROW + q] = f32(_read(table, 3 + row, n, weights))
    for q in range(count, wide):
        for row in range(4):
            d[PLACE + row * ROW + q] = d[PLACE + row * ROW + count - 1]
        for row in range(9):
            turn[row * ROW + q] = turn[row * ROW + count - 1]
    return True


@kernel
def near(d, turn, cx, cy, cz, mx, my, mz, inverse_step, count, wide, to, to_turn, taps):
    """Write what m hears, as `hear` does, from what the middle c of its array hears; False where it is too far from there.

    d, turn: of the middle, on REACH more knots, of which BEFORE come first.  to, to_turn: PLACE, SECOND and axes on `count` knots; taps: scratch of TAPS rows.
    """
    late = taps[TAPS * ROW :]
    x, y, z = d[PLACE + BEFORE :], d[PLACE + ROW + BEFORE :], d[PLACE + 2 * ROW + BEFORE :]
    px, py, pz = to[PLACE:], to[PLACE + ROW :], to[PLACE + 2 * ROW :]
    for k in range(wide):
        at = min(k, count - 1)
        px[k], py[k], pz[k] = x[at], y[at], z[at]
    for step in range(ASIDE + 1):
        for k in range(wide):
            a, b, c = mx - px[k], my - py[k], mz - pz[k]
            r = math.sqrt(fused(a, a, fused(b, b, c * c)))
            to[SECOND + k] = r
            a, b, c = cx - px[k], cy - py[k], cz - pz[k]
            late[k] = (math.sqrt(fused(a, a, fused(b, b, c * c))) - r) * inverse_step
        if step == ASIDE:
            break
        worst = 0.0
        for k in range(wide):
            worst = max(worst, abs(late[k]))
        if worst > CLOSE:
            return False
        for k in range(wide):
            w = late[k]
            a, b, c, e, f = w + 2.0, w + 1.0, w - 1.0, w - 2.0, w - 3.0
            taps[k] = -b * w * c * e * f * (1 / 120)
            taps[ROW + k] = a * w * c * e * f * (1 / 24)
            taps[2 * ROW + k] = -a * b * c * e * f * (1 / 12)
            taps[3 * ROW + k] = a * b * w * e * f * (1 / 12)
            taps[4 * ROW + k] = -a * b * w * c * f * (1 / 24)
            taps[5 * ROW + k] = a * b * w * c * e * (1 / 120)
        for row in range(3):
            _aside(taps, d[PLACE + row * ROW :], to[PLACE + row * ROW :], wide)
    for row in range(9):
        _aside(taps, turn[row * ROW :], to_turn[row * ROW :], wide)
    return True


@kernel
def _aside(taps, rows, out, count):
    """Write what six neighbours of a row, each times its own lane's weight, make into out (count,)."""
    for k in range(count):
        a = taps[k] * rows[k] + taps[ROW + k] * rows[k + 1] + taps[2 * ROW + k] * rows[k + 2]
        b = taps[3 * ROW + k] * rows[k + 3] + taps[4 * ROW + k] * rows[k + 4]
        out[k] = a + (b + taps[5 * ROW + k] * rows[k + 5])


@kernel
def between(rows, weights, out, count):
    """Write what six neighbours of a row, each times its weight, make into out (count,)."""
    w0, w1, w2, w3, w4, w5 = weights[0], weights[1], weights[2], weights[3], weights[4], weights[5]
    for m in range(count):
        low = fused(w0, rows[m], fused(w1, rows[m + 1], w2 * rows[m + 2]))
        out[m] = fused(w3, rows[m + 3], fused(w4, rows[m + 4], fused(w5, rows[m + 5], low)))


@kernel
def spread(d, turn, mx, my, mz, weights, short_weights, long, short, count):
    """Bring a piece's place and axes from knots to the samples of all blocks; long (samples * LONG_ROWS,), short (samples * SHORT_ROWS,)."""
    for n in range(weights.shape[0]):
        where, axes = long[n * LONG_ROWS :], short[n * SHORT_ROWS :]
        for row in range(3):
            between(d[PLACE + row * ROW :], weights[n], where[row * ROW :], count)
        for row in range(9):
            between(turn[row * ROW :], short_weights[n], axes[row * ROW :], count)
        for m in range(count):
            x, y, z = mx - where[m], my - where[ROW + m], mz - where[2 * ROW + m]
            where[3 * ROW + m] = math.sqrt(fused(x, x, fused(y, y, z * z)))
            a, b, c = f32(x), f32(y), f32(z)
            for row in range(3):
                axes[(9 + row) * ROW + m] = fused(
                    axes[row * ROW + m],
                    a,
                    fused(axes[(3 + row) * ROW + m], b, axes[(6 + row) * ROW + m] * c),
                )


@kernel
def board(long, short, sx, sy, sz, turns_per_metre, s, path, count):
    """Write the ends of a pair as the piece sees them, and the phase of its path (m, also into path), into a board."""
    for m in range(count):
        x, y, z = sx - long[m], sy - long[ROW + m], sz - long[2 * ROW + m]
        way = math.sqrt(fused(x, x, fused(y, y, z * z))) + long[3 * ROW + m]
        path[m] = way
        turns = -turns_per_metre * way
        s[TURNS + m] = f32(turns - np.floor(turns + 0.5))
        a, b, c = f32(x), f32(y), f32(z)
        for row in range(3):
            s[SOURCE + row * ROW + m] = fused(
                short[row * ROW + m],
                a,
                fused(short[(3 + row) * ROW + m], b, short[(6 + row) * ROW + m] * c),
            )
            s[EAR_ + row * ROW + m] = short[(9 + row) * ROW + m]

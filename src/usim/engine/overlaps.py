"""Kernels: what of each silhouette's rim lies in no other silhouette, as spans of the angle along it.

A rim is (x, y) = middle + [[lxx, 0], [lxy, lyy]] (cos, sin).  How far outside another ellipse its points lie is a trigonometric polynomial of second
degree in that angle, with four roots at most: PROBES of its values part them, but for two that lie in one gap, which slopes betray.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.tones import cosine, sine
from usim.physics.jit import fused, kernel

f32 = np.float32
# Of a piece as a way sees it: middle and shape of its rim; distances from both ends, how much of it counts, size; then the
# same screen as others see it, every length times sqrt(1 / near + 1 / far), as wide as it is for the waves; 1 over its lxx and lyy
CX, CY, LXX, LXY, LYY, NEAR, FAR, COUNTS, SIZE, BEND2 = range(10)
SX, SY, SXX, SXY, SYY, ROUND, OVER_X, OVER_Y = range(10, 18)
# what a way that ends elsewhere needs: the rim's depth along the way, its own middle's, cos and sin part; how the piece moves across while sound goes a metre
AHEAD, DEEP_C, DEEP_S, GOES_X, GOES_Y, LONG = range(18, 24)
SEEN = 24
# of a span: where it starts and ends, rad, and by how much either moves for every metre that the way's end does, across the way in both directions
START, END, START_X, START_Y, END_X, END_Y = range(6)
SPAN = 6
ALIKE = 1e-4  # squared lengths of rims, re 1, that are taken for the same

PROBES = 16
GAP = 2.0 * np.pi / PROBES
_TURNS = 2.0 * np.pi * np.arange(PROBES) / PROBES
ONCE_C, ONCE_S = np.cos(_TURNS).astype(np.float32), np.sin(_TURNS).astype(np.float32)
TWICE_C, TWICE_S = np.cos(2 * _TURNS).astype(np.float32), np.sin(2 * _TURNS).astype(np.float32)
_MIDDLES = _TURNS + 0.5 * GAP
MIDDLES = np.stack([f(n * _MIDDLES) for n in (1, 2) for f in (np.cos, np.sin)], axis=1)
DEGREE = 5
SPANS = 64  # covered spans of a rim that are kept; a few are usual
STEPS = 8  # of Newton at most, of which two are usual
NEAR_ENOUGH = 1e-3  # rad of a step: what is left is its square
NONE = f32(0)
BLUNT = 0.1  # sine of the angle at which two rims cross
TAN_EIGHTH = math.tan(np.pi / 8)


def _arc_tangent() -> tuple[float, ...]:
    """Return the coefficients, in the square, of what the arc tangent of up to TAN_EIGHTH is times its tangent."""
    x = TAN_EIGHTH * (1.0 - np.cos(np.pi * (np.arange(200) + 0.5) / 400))
    series = np.polynomial.chebyshev.Chebyshev.fit(x * x, np.arctan(x) / x, 4, domain=[0, TAN_EIGHTH**2])  # fmt: skip
    return tuple(float(v) for v in series.convert(kind=np.polynomial.Polynomial).coef)


A0, A1, A2, A3, A4 = _arc_tangent()


@kernel
def are_apart(one, other):
    """Return whether two silhouettes lie apart along the line of their middles."""
    x, y = one[SX] - other[SX], one[SY] - other[SY]
    apart2 = x * x + y * y
    if apart2 >= (one[ROUND] + other[ROUND]) ** 2:
        return True
    a = math.sqrt((one[SXX] * x + one[SXY] * y) ** 2 + (one[SYY] * y) ** 2)
    b = math.sqrt((other[SXX] * x + other[SXY] * y) ** 2 + (other[SYY] * y) ** 2)
    return a + b < apart2


@kernel
def level_of(one, other, edge, out):
    """Write the polynomial (5,): mean, cos, sin, cos 2, sin 2; of how far one rim lies outside another, whose own rim is `edge`; negative inside."""
    lean, aside = one[SXX] * other[OVER_X], (one[SX] - other[SX]) * other[OVER_X]
    cy = (one[SY] - other[SY] - other[SXY] * aside) * other[OVER_Y]
    cc = (one[SXY] - other[SXY] * lean) * other[OVER_Y]
    cs = one[SYY] * other[OVER_Y]
    c2, s2 = 0.5 * (lean * lean + cc * cc), 0.5 * cs * cs
    out[0] = aside * aside + cy * cy + c2 + s2 - edge
    out[1] = 2.0 * (aside * lean + cy * cc)
    out[2] = 2.0 * cy * cs
    out[3] = c2 - s2
    out[4] = cc * cs


@kernel
def value_at(level, c, s):
    """Return a level and its slope in a direction (c, s)."""
    c2, s2 = c * c - s * s, 2.0 * c * s
    value = level[0] + level[1] * c + level[2] * s + level[3] * c2 + level[4] * s2
    return value, level[2] * c - level[1] * s + 2.0 * (level[4] * c2 - level[3] * s2)


@kernel
def _series(level, k, out):
    """Write the Taylor series (DEGREE + 1,) of a level about the middle of the gap after probe k, whose error is 5e-6 of the level's swing."""
    c, s, c2, s2 = MIDDLES[k, 0], MIDDLES[k, 1], MIDDLES[k, 2], MIDDLES[k, 3]
    p, q = level[1] * c + level[2] * s, level[2] * c - level[1] * s
    r, t = level[3] * c2 + level[4] * s2, level[4] * c2 - level[3] * s2
    out[0], out[1], out[2] = level[0] + p + r, q + 2.0 * t, -0.5 * p - 2.0 * r
    out[3], out[4] = -(q + 8.0 * t) * (1 / 6), (p + 16.0 * r) * (1 / 24)
    out[5] = (q + 32.0 * t) * (1 / 120)


@kernel
def _sum_at(series, x):
    """Return a series and its slope at x."""
    value, slope = series[DEGREE], 0.0
    for n in range(DEGREE - 1, -1, -1):
        slope = slope * x + value
        value = value * x + series[n]
    return value, slope


@kernel
def _root(series, low, high, before, after):
    """Return where between `low` and `high` a series that goes from one sign to the other is zero; before, after: its values there."""
    at = low + (high - low) * before / (before - after)
    for _ in range(STEPS):
        value, slope = _sum_at(series, at)
        if (value < 0.0) == (before < 0.0):
            low = at
        else:
            high = at
        there = at - value / slope
        if not low < there < high:
            there = 0.5 * (low + high)
        moved = abs(there - at)
        at = there
        if moved < NEAR_ENOUGH:
            break
    return at


@kernel
def _turning(series):
    """Return where in its gap a series turns round."""
    low, high, at = -0.5 * GAP, 0.5 * GAP, 0.0
    _, first = _sum_at(series, low)
    for _ in range(STEPS):
        _, slope = _sum_at(series, at)
        bend = 2.0 * series[2] + at * (6.0 * series[3] + at * (12.0 * series[4] + at * 20.0 * series[5]))  # fmt: skip
        if (slope < 0.0) == (first < 0.0):
            low = at
        else:
            high = at
        there = at - slope / bend
        at = there if low < there < high else 0.5 * (low + high)
    return at


@kernel(apart=True)
def crossings(level, values, series, out):
    """Write the angles at which a level changes its sign into the first column of out, in ascending order from 0; return their number and whether it is negative at 0.

    values (2 PROBES,) float32, series (DEGREE + 1,): scratch.
    """
    a0, a1, b1, a2, b2 = f32(level[0]), f32(level[1]), f32(level[2]), f32(level[3]), f32(level[4])
    twice_a, twice_b = a2 + a2, b2 + b2
    inside = np.int32(0)
    slopes = values[PROBES:]
    for k in range(PROBES):
        v = fused(a1, ONCE_C[k], fused(b1, ONCE_S[k], fused(a2, TWICE_C[k], fused(b2, TWICE_S[k], a0))))  # fmt: skip
        values[k] = v
        inside += np.int32(v < NONE)
        slopes[k] = fused(b1, ONCE_C[k], fused(-a1, ONCE_S[k], fused(twice_b, TWICE_C[k], -twice_a * TWICE_S[k])))  # fmt: skip
    found = 0
    if inside == 0 or inside == PROBES:
        # what a level can bend by between a probe and a turning half a gap away
        slack = (math.hypot(level[1], level[2]) + 4.0 * math.hypot(level[3], level[4])) * (GAP * GAP / 8.0)  # fmt: skip
        least = f32(1e30)
        for k in range(PROBES):
            least = min(least, abs(values[k]))
        if least > slack:
            return 0, inside > 0
    for k in range(PROBES):
        after = k + 1 if k < PROBES - 1 else 0
        below = values[k] < NONE
        middle = GAP * (k + 0.5)
        if below != (values[after] < NONE):
            _series(level, k, series)
            out[found, 0] = middle + _root(series, -0.5 * GAP, 0.5 * GAP, float(values[k]), float(values[after]))  # fmt: skip
            found += 1
        elif below == (slopes[k] > NONE) and below == (slopes[after] < NONE):
            _series(level, k, series)
            at = _turning(series)
            value, _ = _sum_at(series, at)
            if (value < 0.0) != below:
                out[found, 0] = middle + _root(series, -0.5 * GAP, at, float(values[k]), value)
                out[found + 1, 0] = middle + _root(series, at, 0.5 * GAP, value, float(values[after]))  # fmt: skip
                found += 2
    return found, values[0] < NONE


@kernel
def direction(angle):
    """Return cosine and sine of an angle in rad, to float32."""
    turn = angle * (0.5 / np.pi)
    turn = f32(turn - math.floor(turn + 0.5))
    return float(cosine(turn)), float(sine(turn))


@kernel
def angle_of(x, y):
    """Return the angle of a direction (x, y) in rad, -pi to pi, to 1e-7."""
    a, b = abs(x), abs(y)
    t = min(a, b) / max(a, b, 1e-30)
    low = t <= TAN_EIGHTH
    u = t if low else (t - 1.0) / (t + 1.0)
    u2 = u * u
    angle = u * (A0 + u2 * (A1 + u2 * (A2 + u2 * (A3 + u2 * A4))))
    angle = angle if low else 0.25 * np.pi + angle
    angle = angle if b <= a else 0.5 * np.pi - angle
    angle = angle if x >= 0.0 else np.pi - angle
    return angle if y >= 0.0 else -angle


@kernel
def inside_of(other, x, y):
    """Return a point of the common screen in the measure of a silhouette: its rim is the unit circle."""
    u = (x - other[SX]) * other[OVER_X]
    return u, (y - other[SY] - other[SXY] * u) * other[OVER_Y]


@kernel
def _cover(spans, covered, angles, found, hidden):
    """Add what is covered between ascending angles (n, 3) to the spans of a rim, sorted by their starts; return how many there are.

    angles: rad, and by how much each moves; hidden: whether the angle 0 is covered.
    """
    for n in range(found + 1):
        if hidden and covered < SPANS:
            start = angles[n - 1, 0] if n else 0.0
            k = covered
            while k > 0 and spans[k - 1, START] > start:
                for part in range(SPAN):
                    spans[k, part] = spans[k - 1, part]
                k -= 1
            here = spans[k]
            here[START], here[START_X], here[START_Y] = start, 0.0, 0.0
            here[END], here[END_X], here[END_Y] = 2.0 * np.pi, 0.0, 0.0
            if n:
                here[START_X], here[START_Y] = angles[n - 1, 1], angles[n - 1, 2]
            if n < found:
                here[END], here[END_X], here[END_Y] = angles[n, 0], angles[n, 1], angles[n, 2]
            covered += 1
        hidden = not hidden
    return covered


@kernel
def _moved(one, c, s, other, u, v, angle, there):
    """Write into the second and third of angle (3,) and there (3,) by how much a crossing moves along both rims for every metre that the way's end does.

    c, s and u, v: the directions in which it lies on the one and the other.
    """
    ax, ay = -one[SXX] * s, one[SYY] * c - one[SXY] * s
    bx, by = -other[SXX] * v, other[SYY] * u - other[SXY] * v
    cross = ax * by - ay * bx
    deep = one[AHEAD] + one[DEEP_C] * c + one[DEEP_S] * s
    other_deep = other[AHEAD] + other[DEEP_C] * u + other[DEEP_S] * v
    apart = (deep * math.sqrt(one[BEND2]) - other_deep * math.sqrt(other[BEND2])) / one[LONG]
    # rims that hardly cross: what their crossing does is bounded
    most = math.hypot(ax, ay) * math.hypot(bx, by) * BLUNT
    apart /= cross if abs(cross) > most else math.copysign(most, cross)
    angle[1], angle[2] = by * apart, -bx * apart
    there[1], there[2] = ay * apart, -ax * apart


@kernel(apart=True)
def overlap(seen, count, room, spans, covered):
    """Write the spans (piece, SPANS, SPAN) of each rim, sorted by where they start, that other silhouettes cover, and their numbers; -1: all of it.

    Each pair's rims cross in the same points, found along the one and measured along the other.
    room: scratch: 2 PROBES values, a level (5,), a series (DEGREE + 1,), two of 4 PROBES angles (n, 3).
    """
    values, level, series, angles, theirs = room
    for n in range(count):
        covered[n] = 0
    for here in range(count):
        one = seen[here]
        for o in range(here + 1, count):
            other = seen[o]
            if covered[here] < 0 or covered[o] < 0 or are_apart(one, other):
                continue
            level_of(one, other, 1.0 - ALIKE, level)  # of two alike the first hides the other
            found, hidden = crossings(level, values, series, angles)
            if not found:
                if hidden:
                    covered[here] = -1
                    continue
                u, v = inside_of(one, other[SX] + other[SXX], other[SY] + other[SXY])
                if u * u + v * v < 1.0 + ALIKE:
                    covered[o] = -1
                continue
            for n in range(found):
                c, s = direction(angles[n, 0])
                u, v = inside_of(other, one[SX] + one[SXX] * c, one[SY] + one[SXY] * c + one[SYY] * s)  # fmt: skip
                there = angle_of(u, v)
                there += 2.0 * np.pi if there < 0.0 else 0.0
                k = n
                while k > 0 and theirs[k - 1, 0] > there:
                    for part in range(3):
                        theirs[k, part] = theirs[k - 1, part]
                    k -= 1
                theirs[k, 0] = there
                _moved(one, c, s, other, u, v, angles[n], theirs[k])
            middle = 0.5 * (theirs[0, 0] + theirs[1, 0])
            c, s = direction(middle)
            u, v = inside_of(one, other[SX] + other[SXX] * c, other[SY] + other[SXY] * c + other[SYY] * s)  # fmt: skip
            covered[here] = _cover(spans[here], covered[here], angles, found, hidden)
            covered[o] = _cover(spans[o], covered[o], theirs, found, u * u + v * v >= 1.0)


@kernel
def left_of(spans, covered, left):
    """Write what sorted spans (n, SPAN) leave of a rim into left, of which the first may begin before 0; return their number."""
    count = 0
    free, free_x, free_y = 0.0, 0.0, 0.0
    for n in range(covered + 1):
        last = n == covered
        upto = 2.0 * np.pi if last else spans[n, START]
        if upto > free:
            here = left[count]
            if last and count and left[0, START] == 0.0:  # one span, through the angle 0
                here, free = left[0], free - 2.0 * np.pi
                here[START], here[START_X], here[START_Y] = free, free_x, free_y
                break
            here[START], here[START_X], here[START_Y] = free, free_x, free_y
            here[END], here[END_X], here[END_Y] = upto, 0.0, 0.0
            if not last:
                here[END_X], here[END_Y] = spans[n, START_X], spans[n, START_Y]
            count += 1
        if not last and spans[n, END] > free:
            free, free_x, free_y = spans[n, END], spans[n, END_X], spans[n, END_Y]
    return count

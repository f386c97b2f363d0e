"""Veils: what of a leg passes the edges of the faces that mirror it and the solid things beside it, as amplitude.

Seen from the point that a leg ends at, the room is unfolded: every face that mirrors is a window in its own unfolded plane, every solid stands
there as often as the leg is folded, each time between two windows (Borish 1984).  A window's edge and a solid's outline are knife edges, by the
approximation of ITU-R P.526 (2019, section 4.1) to the modulus of the Fresnel integral, as for limbs (`physics.occlusion`): smooth, without ripples and phase.
A solid is replaced by its outline across the leg, a strip in plan times a strip in height; within 1.5 dB of the exact modulus beside one edge, and of the order of what
is right in deep shadow, where sound goes round several edges.

A sheet that lets sound through takes what a solid of its outline would, but for what it transmits: 1 + (T - 1) (1 - beside), complex.

A mirror face and its mirror image in a wall at a right angle are one window, and a solid that touches such a wall is one with its mirror image: nothing passes between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from usim.physics.jit import kernel

CLEAR = 1.9  # Fresnel parameter from which on an edge costs less than 1e-3
SEEN = 0.02  # amplitude that passes somewhere in a room of an image that is kept
FAINT = 1e-6  # amplitude below which nothing more is asked
FLAT = 1e-9  # m: what goes less far in plan goes straight up
NEAREST = 1e-6  # of a leg's length: no edge is nearer to its ends
LAST_BIT = 1 << 60
SOFT = 0.02  # Fresnel parameters over which one corner takes over from another as the outermost
WINDOWS = 3  # faces that may bound the stretch of a leg beside a solid
SHEET, NORMAL = (
    2,
    3,
)  # columns of a stop: which table tells what it changes of what goes through it, and its normal
BOUND = 6  # column of a stop's first window
STOP = BOUND + 2 * WINDOWS + 2
PLANE = 5


@dataclass(frozen=True)
class Veils:
    """Per leg, `spans` (leg, 8): which rows of planes, edges and stops, and which of stops as sheets, are its own, from and to.

    planes (n, PLANE): unfolded faces, normal and level, and bits of those of the leg's that are met before it whichever order they come in.  edges (n, 13): a face as in planes, a point, the edge's direction and the direction into the face.
    stops (n, STOP): low and high (m), for a sheet SHEET and NORMAL, then per window its plane and the side (1: beyond it as seen from the point, -1: before it, 0: no window), then
    which corners, from and to.  corners (n, 2) m, counter-clockwise.
    """

    spans: np.ndarray
    planes: np.ndarray
    edges: np.ndarray
    stops: np.ndarray
    corners: np.ndarray

    def subset(self, rows: np.ndarray) -> Veils:
        """Return the veils of some legs."""
        return Veils(self.spans[rows], self.planes, self.edges, self.stops, self.corners)

    @property
    def some(self) -> bool:
        """Return whether any leg is veiled."""
        return bool(
            np.any(self.spans[:, 1] > self.spans[:, 0])
            or np.any(self.spans[:, 5] > self.spans[:, 4])
            or self.sheets
        )

    @property
    def sheets(self) -> bool:
        """Return whether any leg may go through a sheet."""
        return bool(np.any(self.spans[:, 7] > self.spans[:, 6]))

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return what kernels take."""
        return self.spans, self.planes, self.edges, self.stops, self.corners


def no_veils(legs: int) -> Veils:
    """Return the veils of legs that are seen from everywhere."""
    return Veils(
        np.zeros((legs, 8), np.int64),
        np.zeros((0, PLANE)),
        np.zeros((0, 13)),
        np.zeros((0, STOP)),
        np.zeros((0, 2)),
    )


@kernel
def _knife(v):
    """Return the amplitude that passes a knife edge at Fresnel parameter v, positive where the way is free."""
    x = v + 0.1
    root = math.sqrt(x * x + 1.0)
    a = 0.4519 * (root + x if x > 0.0 else 1.0 / (root - x))
    if a > 20.0:
        return 1.0
    a2 = a * a
    a4 = a2 * a2
    return a / math.sqrt(math.sqrt(math.sqrt(1.0 + a4 * a4)))


@kernel
def _strip(low, high):
    """Return the amplitude that passes a strip from one Fresnel parameter to another."""
    a, b = _knife(-high), _knife(low)
    a4, b4 = a * a * a * a, b * b * b * b
    return a + b - a * b * (a * a4 + b * b4)


@kernel
def _outer(a, b):
    """Return the larger of two numbers, smooth where they meet."""
    apart = a - b
    if apart > 20.0 * SOFT:
        return a
    if apart < -20.0 * SOFT:
        return b
    return 0.5 * (a + b + math.sqrt(apart * apart + SOFT * SOFT))


@kernel
def _scale(t, length, waves):
    """Return the Fresnel parameter of one metre aside of a leg of some length (m), at the share t of it; waves: per metre."""
    t = min(max(t, NEAREST), 1.0 - NEAREST)
    return math.sqrt(2.0 * waves / (length * t * (1.0 - t)))


@kernel
def _stretch(stop, planes, first, px, py, pz, dx, dy, dz, reach):
    """Return between which shares of a leg from p along d a stop (STOP,) stands, no more than `reach` m above or below the leg; its windows count from `first`."""
    low, high = 0.0, 1.0
    for n in range(WINDOWS):
        side = stop[BOUND + 2 * n + 1]
        if side != 0.0:
            plane = planes[first + int(stop[BOUND + 2 * n])]
            here = plane[0] * px + plane[1] * py + plane[2] * pz - plane[3]
            fall = plane[0] * dx + plane[1] * dy + plane[2] * dz
            t = -here / fall
            low = max(low, t) if side > 0.0 else low
            high = min(high, t) if side < 0.0 else high
    if abs(dz) > FLAT:
        one, other = (stop[0] - reach - pz) / dz, (stop[1] + reach - pz) / dz
        low, high = max(low, min(one, other)), min(high, max(one, other))
    elif pz < stop[0] - reach or pz > stop[1] + reach:
        high = low
    return low, high


@kernel
def _is_near(stop, planes, first, corners, px, py, pz, dx, dy, dz, length, waves, slack):
    """Return whether a stop may cost a leg from p along d anything, p known to `slack` m."""
    need = CLEAR * math.sqrt(length / (8.0 * waves)) + slack
    low, high = _stretch(stop, planes, first, px, py, pz, dx, dy, dz, need)
    flat = max(math.sqrt(dx * dx + dy * dy), FLAT)
    if high * length <= low * length - slack:
        return False
    ux, uy = (dx / flat, dy / flat) if flat > FLAT else (1.0, 0.0)
    most, least, furthest, soonest = -1e30, 1e30, -1e30, 1e30
    for n in range(int(stop[STOP - 2]), int(stop[STOP - 1])):
        x, y = corners[n, 0] - px, corners[n, 1] - py
        aside, ahead = ux * y - uy * x, x * ux + y * uy
        most, least = max(most, aside), min(least, aside)
        furthest, soonest = max(furthest, ahead), min(soonest, ahead)
    return not (
        least > need
        or most < -need
        or furthest < low * flat - slack
        or soonest > high * flat + slack
    )


@kernel
def _passes_stop(stop, planes, first, corners, px, py, pz, dx, dy, dz, length, waves):
    """Return the amplitude that passes one stop (STOP,) of a leg from a point p along d, whose windows count from `first`."""
    reach = CLEAR * math.sqrt(length / (8.0 * waves))
    low, high = _stretch(stop, planes, first, px, py, pz, dx, dy, dz, reach)
    if high <= low:
        return 1.0
    flat = max(math.sqrt(dx * dx + dy * dy), FLAT)
    ux, uy = (dx / flat, dy / flat) if flat > FLAT else (1.0, 0.0)
    slant = flat / length
    begin, end = int(stop[STOP - 2]), int(stop[STOP - 1])
    right, left, some = 0.0, 0.0, False
    nearest, at = 1e30, 0.0
    enters, leaves, meets = 1e30, -1e30, False
    low_left, low_right, high_left, high_right = 0.0, 0.0, 0.0, 0.0  # of the cuts
    for n in range(begin, end):
        m = n + 1 if n + 1 < end else begin
        x, y = corners[n, 0] - px, corners[n, 1] - py
        s, d = (x * ux + y * uy) / flat, ux * y - uy * x
        x, y = corners[m, 0] - px, corners[m, 1] - py
        s2, d2 = (x * ux + y * uy) / flat, ux * y - uy * x
        # what of this side lies between the windows
        s_a, d_a, s_b, d_b = s, d, s2, d2
        if s_a < low or s_a > high:
            edge = low if s_a < low else high
            if (s_b - edge) * (s_a - edge) >= 0.0:
                continue
            d_a, s_a = d + (d2 - d) * (edge - s) / (s2 - s), edge
            if edge == low:
                low_left, low_right = min(low_left, d_a), max(low_right, d_a)
            else:
                high_left, high_right = min(high_left, d_a), max(high_right, d_a)
        if s_b < low or s_b > high:
            edge = low if s_b < low else high
            if (s - edge) * (s_b - edge) >= 0.0:
                continue
            d_b, s_b = d + (d2 - d) * (edge - s) / (s2 - s), edge
            if edge == low:
                low_left, low_right = min(low_left, d_b), max(low_right, d_b)
            else:
                high_left, high_right = min(high_left, d_b), max(high_right, d_b)
        if d_a * d_b < 0.0:
            cross = s_a + (s_b - s_a) * d_a / (d_a - d_b)
            enters, leaves, meets = min(enters, cross), max(leaves, cross), True
        v = d_a * _scale(s_a, length, waves)
        right = _outer(right, v) if some else v
        left = -_outer(-left, -v) if some else v
        some = True
        if abs(d_a) < nearest:
            nearest, at = abs(d_a), s_a
        if s_b != s2:  # cut off here; an uncut end is the next side's first
            v = d_b * _scale(s_b, length, waves)
            right, left = _outer(right, v), -_outer(-left, -v)
            if abs(d_b) < nearest:
                nearest, at = abs(d_b), s_b
    if not some or right < -CLEAR or left > CLEAR:
        return 1.0
    # the leg starts or ends above or below it
    if low_left * low_right < 0.0:
        enters, leaves, meets = low, max(leaves, low), True
    if high_left * high_right < 0.0:
        enters, leaves, meets = min(enters, high), high, True
    if not meets:
        enters, leaves = at, at
    one, two = slant * _scale(enters, length, waves), slant * _scale(leaves, length, waves)
    over = _outer((stop[1] - pz - enters * dz) * one, (stop[1] - pz - leaves * dz) * two)
    under = -_outer((pz + enters * dz - stop[0]) * one, (pz + leaves * dz - stop[0]) * two)
    return 1.0 - (1.0 - _strip(left, right)) * (1.0 - _strip(under, over))


@kernel
def is_veiled(veils, leg):
    """Return whether anything stands beside a leg."""
    spans = veils[0]
    return (
        spans[leg, 1] > spans[leg, 0]
        or spans[leg, 5] > spans[leg, 4]
        or spans[leg, 7] > spans[leg, 6]
    )


@kernel
def has_sheets(veils, leg):
    """Return whether a leg may go through a sheet."""
    return veils[0][leg, 7] > veils[0][leg, 6]


@kernel
def _clearance(row, px, py, pz, dx, dy, dz, length):
    """Return by how many metres a leg from a point p along d clears a free edge (13,), and at which share of its length."""
    here = row[0] * px + row[1] * py + row[2] * pz - row[3]
    fall = row[0] * dx + row[1] * dy + row[2] * dz
    t = -here / fall
    qx, qy, qz = px + t * dx - row[4], py + t * dy - row[5], pz + t * dz - row[6]
    inside = qx * row[10] + qy * row[11] + qz * row[12]
    along = (row[7] * dx + row[8] * dy + row[9] * dz) / length
    return inside * abs(fall) / (length * math.sqrt(max(1.0 - along * along, 1e-12))), t


@kernel
def _next(bit):
    """Return the next bit; the last one stands for all that come after it."""
    return bit << 1 if bit < LAST_BIT else bit


@kernel(apart=True)
def nearby(veils, leg, px, py, pz, slack, ex, ey, ez, waves):
    """Return which edges and stops may cost a leg from p (m), known to `slack` m, to its end e anything: bits, edges first, none where the leg passes nothing or anything, as the second value says."""
    spans, planes, edges, stops, corners = veils
    dx, dy, dz = ex - px, ey - py, ez - pz
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    first, bit, bits = spans[leg, 0], 1, 0
    least, need = 1e30, CLEAR * math.sqrt(length / (8.0 * waves)) + slack
    for n in range(first, spans[leg, 1]):
        plane = planes[n]
        here = plane[0] * px + plane[1] * py + plane[2] * pz - plane[3]
        there = plane[0] * ex + plane[1] * ey + plane[2] * ez - plane[3]
        if here < -slack or there >= 0.0:
            return 0, 0.0
        least = min(least, here)
    for n in range(spans[leg, 2], spans[leg, 3]):
        away, _ = _clearance(edges[n], px, py, pz, dx, dy, dz, length)
        bits |= bit if least <= slack or away < need else 0
        bit = _next(bit)
    for n in range(spans[leg, 4], spans[leg, 5]):
        bits |= bit if least <= slack or _is_near(stops[n], planes, first, corners, px, py, pz, dx, dy, dz, length, waves, slack) else 0  # fmt: skip
        bit = _next(bit)
    for n in range(spans[leg, 6], spans[leg, 7]):
        bits |= bit if least <= slack or _is_near(stops[n], planes, first, corners, px, py, pz, dx, dy, dz, length, waves, slack) else 0  # fmt: skip
        bit = _next(bit)
    return bits, 1.0


@kernel(apart=True)
def leg_passes(veils, leg, bits, px, py, pz, ex, ey, ez, waves):
    """Return the amplitude that passes a leg from a point p to its end e (m), unfolded; bits: see `nearby`; waves: per metre."""
    spans, planes, edges, stops, corners = veils
    dx, dy, dz = ex - px, ey - py, ez - pz
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    first = spans[leg, 0]
    for n in range(first, spans[leg, 1]):
        plane = planes[n]
        here = plane[0] * px + plane[1] * py + plane[2] * pz - plane[3]
        there = plane[0] * ex + plane[1] * ey + plane[2] * ez - plane[3]
        if here <= 0.0 or there >= 0.0:
            return 0.0
        # what comes before it must be met before it
        for m in range(first, spans[leg, 1]):
            if (int(plane[4]) >> (m - first)) & 1:
                near = planes[m, 0] * px + planes[m, 1] * py + planes[m, 2] * pz - planes[m, 3]
                far = planes[m, 0] * ex + planes[m, 1] * ey + planes[m, 2] * ez - planes[m, 3]
                if near * (here - there) > here * (near - far):
                    return 0.0
    through, bit = 1.0, 1
    for n in range(spans[leg, 2], spans[leg, 3]):
        if bits & bit:
            away, t = _clearance(edges[n], px, py, pz, dx, dy, dz, length)
            through *= _knife(away * _scale(t, length, waves))
        bit = _next(bit)
    for n in range(spans[leg, 4], spans[leg, 5]):
        if bits & bit and through > FAINT:
            through *= _passes_stop(stops[n], planes, first, corners, px, py, pz, dx, dy, dz, length, waves)  # fmt: skip
        bit = _next(bit)
    return through


@kernel
def _sheet(tables, row, cosine):
    """Return what a sheet changes of what goes through it: tables (W, 2, nodes), real and imaginary, even in the root of the cosine."""
    last = tables.shape[2] - 1
    x = math.sqrt(min(cosine, 1.0)) * last
    n = min(int(x), last - 1)
    w = x - n
    re = tables[row, 0, n] + w * (tables[row, 0, n + 1] - tables[row, 0, n])
    im = tables[row, 1, n] + w * (tables[row, 1, n + 1] - tables[row, 1, n])
    return complex(re, im)


@kernel(apart=True)
def leg_sends(veils, leg, bits, px, py, pz, ex, ey, ez, waves, tables):
    """Return what sheets leave of a leg from a point p to its end e (m), unfolded, complex; bits: see `nearby`; tables: see `_sheet`."""
    spans, planes, _, stops, corners = veils
    dx, dy, dz = ex - px, ey - py, ez - pz
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    total, bit = complex(1.0, 0.0), 1
    for _ in range(spans[leg, 3] - spans[leg, 2] + spans[leg, 5] - spans[leg, 4]):
        bit = _next(bit)
    for n in range(spans[leg, 6], spans[leg, 7]):
        if bits & bit:
            stop = stops[n]
            beside = _passes_stop(stop, planes, spans[leg, 0], corners, px, py, pz, dx, dy, dz, length, waves)  # fmt: skip
            if beside < 1.0:
                lean = stop[NORMAL] * dx + stop[NORMAL + 1] * dy + stop[NORMAL + 2] * dz
                total *= 1.0 + (1.0 - beside) * _sheet(tables, int(stop[SHEET]), abs(lean) / length)
        bit = _next(bit)
    return total


@kernel
def sends_at(veils, leg, px, py, pz, ex, ey, ez, waves, tables):
    """Return what sheets leave of a leg from one point p to its end e (m), unfolded, complex; see `leg_sends`."""
    bits, some = nearby(veils, leg, px, py, pz, 0.0, ex, ey, ez, waves)
    if some > 0.0 and bits != 0:
        return leg_sends(veils, leg, bits, px, py, pz, ex, ey, ez, waves, tables)
    return complex(1.0, 0.0)


@kernel
def all_send(veils, ends, points, waves, tables, out):
    """Fill out (leg, n): what sheets leave of legs from points (n, 3) to their ends (leg, 3); see `leg_sends`."""
    for leg in range(ends.shape[0]):
        for n in range(points.shape[0]):
            out[leg, n] = sends_at(veils, leg, points[n, 0], points[n, 1], points[n, 2], ends[leg, 0], ends[leg, 1], ends[leg, 2], waves, tables)  # fmt: skip


def sends(
    veils: Veils, ends_m: np.ndarray, points_m: np.ndarray, waves: float, tables: np.ndarray
) -> np.ndarray:
    """Return what sheets leave (leg, n), complex, of legs from points (n, 3) to their ends (leg, 3) in m; waves: per metre; tables: of the mirrors, see `_sheet`."""
    points = np.ascontiguousarray(points_m, float)
    out = np.ones((len(ends_m), len(points)), complex)
    if veils.sheets:
        all_send(veils.arrays, np.ascontiguousarray(ends_m, float), points, float(waves), np.ascontiguousarray(tables), out)  # fmt: skip
    return out


@kernel
def passes_at(veils, leg, px, py, pz, ex, ey, ez, waves):
    """Return the amplitude that passes a leg from one point p to its end e (m), unfolded; waves: per metre."""
    bits, some = nearby(veils, leg, px, py, pz, 0.0, ex, ey, ez, waves)
    return leg_passes(veils, leg, bits, px, py, pz, ex, ey, ez, waves) if some > 0.0 else 0.0


@kernel
def all_pass(veils, ends, points, waves, out):
    """Fill out (leg, n): what passes legs from points (n, 3) to their ends (leg, 3); see `leg_passes`."""
    for leg in range(ends.shape[0]):
        for n in range(points.shape[0]):
            out[leg, n] = passes_at(veils, leg, points[n, 0], points[n, 1], points[n, 2], ends[leg, 0], ends[leg, 1], ends[leg, 2], waves)  # fmt: skip


def passes(veils: Veils, ends_m: np.ndarray, points_m: np.ndarray, waves: float) -> np.ndarray:
    """Return the amplitudes (leg, n) that pass legs from points (n, 3) to their ends (leg, 3) in m; waves: per metre."""
    points = np.ascontiguousarray(points_m, float)
    out = np.empty((len(ends_m), len(points)))
    all_pass(veils.arrays, np.ascontiguousarray(ends_m, float), points, float(waves), out)
    return out


@kernel
def any_passes(veils, ends, points, waves, out):
    """Fill out (leg,): whether more than SEEN passes legs from any of points (n, 3) to their ends (leg, 3); see `leg_passes`."""
    for leg in range(ends.shape[0]):
        out[leg] = False
        for n in range(points.shape[0]):
            if passes_at(veils, leg, points[n, 0], points[n, 1], points[n, 2], ends[leg, 0], ends[leg, 1], ends[leg, 2], waves) > SEEN:  # fmt: skip
                out[leg] = True
                break


def seen(veils: Veils, ends_m: np.ndarray, points_m: np.ndarray, waves: float) -> np.ndarray:
    """Return which legs (n,) see one of points (n, 3) from their ends (leg, 3) in m, the sooner the better the points are mixed."""
    out = np.empty(len(ends_m), np.bool_)
    any_passes(
        veils.arrays,
        np.ascontiguousarray(ends_m, float),
        np.ascontiguousarray(points_m, float),
        float(waves),
        out,
    )
    return np.flatnonzero(out)

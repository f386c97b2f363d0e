"""Kernels: limbs that stand in the way of a leg; the amplitude of `physics.occlusion`, on knots of gain."""

from __future__ import annotations

import math

from usim.engine.roots import inverse_eighth_root
from usim.engine.slab import (
    HALF_,
    LANES,
    NORMAL,
    ONE,
    PLACE,
    ROW,
    SPREAD,
    TINY,
    TWO,
    dot,
    f32,
    smooth,
    thinned,
    times_shape,
)
from usim.movers.base import Piece
from usim.physics.air import Air
from usim.physics.jit import fused, kernel

SQUARE, INVERSE, AREA = (
    3 * ROW,
    9 * ROW,
    15 * ROW,
)  # rows of an occluder after its centre: Q diag(a^2) Q', its inverse, and its determinant
ROWS = 16
BEYOND = 4 * LANES  # knots that a window of whole vectors may read after the last
OCCLUDER = ROWS * ROW
MISS, DEPTH, AHEAD, REST, ASIDE = 0, ROW, 2 * ROW, 3 * ROW, 4 * ROW  # rows of what legs see
SIGHT = 5 * ROW
HIGH = f32(1e4)  # of an edge's amplitude before it is bounded: its eighth power is still a number
CLEAR = f32(1.9)  # Fresnel parameter from which on an edge costs less than 1e-3
# most that an edge may come nearer between two knots at which shades are told, as Fresnel parameter
SWIFT = f32(0.7)
SHEER = 0.5  # of the power straight on: what lets more through casts no shadow


def casts(piece: Piece, f_hz: float, air: Air) -> bool:
    """Return whether a piece stands in the way of others: not what is flat, nor what sound passes, as the wires of a grille."""
    return (
        not piece.is_flat and abs(complex(piece.surface.transmission(1.0, f_hz, air))) ** 2 <= SHEER
    )


@kernel
def occluders(tables, own, out):
    """Write the pose tables (piece, 25, knots) of all pieces but `own` into out (piece, ROWS, knots + BEYOND), float32; beyond the last knot that is repeated."""
    knots = tables.shape[2]
    for o in range(tables.shape[0]):
        if o == own:
            continue
        for row in range(AREA // ROW):
            here, there = out[o, row], tables[o, row]
            for k in range(knots):
                here[k] = f32(there[k])
        here = out[o, AREA // ROW]
        for k in range(knots):
            xx, yy, zz = tables[o, 3, k], tables[o, 4, k], tables[o, 5, k]
            xy, xz, yz = tables[o, 6, k], tables[o, 7, k], tables[o, 8, k]
            here[k] = f32(
                xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
            )
        for row in range(ROWS):
            here = out[o, row]
            for k in range(BEYOND):
                here[knots + k] = here[knots - 1]


@kernel
def window_of(everything, o, first, ratio, slab, start, wide):
    """Copy every ratio-th (1, 2, 4) of the knots of piece o from `first` on, `wide`, into slab (piece * OCCLUDER,), from lane `start` on."""
    for row in range(ROWS):
        here = slab[o * OCCLUDER + row * ROW + start :]
        thinned(everything[o, row, first:], ratio, here, wide)


@kernel
def _edge(v):
    """Return the amplitude that passes a knife edge at Fresnel parameter v (float32), positive where the way is free."""
    x = v + f32(0.1)
    root = math.sqrt(fused(x, x, ONE))
    a = f32(0.4519) * (root + x if x > f32(0.0) else ONE / (root - x))
    a = a if a < HIGH else HIGH
    a2 = a * a
    a4 = a2 * a2
    return a * inverse_eighth_root(fused(a4, a4, ONE))


@kernel
def _between(x):
    """Return a smooth step from 0 at -1 to 1 at 1."""
    return smooth(f32(0.5) + f32(0.5) * x)


@kernel
def _silhouette(other, k, ux, uy, uz, wx, wy, wz):
    """Return what a ray along u sees of another piece whose centre lies w from the ray's foot, at lane k.

    Square of the miss in the piece's own measure, u' S^-1 u, square of its half depth, sum of the squares of the silhouette's
    semi-axes, how far ahead the centre lies, and the square of how far aside.
    """
    ix, iy, iz = times_shape(other, INVERSE, k, ux, uy, uz)
    uu = dot(ux, uy, uz, ix, iy, iz)
    along = dot(wx, wy, wz, ix, iy, iz) / uu
    # the way from the leg's nearest point, in the occluder's own measure, to its centre
    dx, dy, dz = wx - along * ux, wy - along * uy, wz - along * uz
    ix, iy, iz = times_shape(other, INVERSE, k, dx, dy, dz)
    m2 = dot(dx, dy, dz, ix, iy, iz)
    ix, iy, iz = times_shape(other, SQUARE, k, ux, uy, uz)
    depth2 = dot(ux, uy, uz, ix, iy, iz)
    trace = other[SQUARE + k] + other[SQUARE + ROW + k] + other[SQUARE + 2 * ROW + k]
    ahead = dot(wx, wy, wz, ux, uy, uz)
    dx, dy, dz = wx - ahead * ux, wy - ahead * uy, wz - ahead * uz
    return m2, uu, depth2, trace - depth2, ahead, dot(dx, dy, dz, dx, dy, dz)


@kernel(apart=True)
def surface_points(s, points, count):
    """Write where the surface has NORMAL into three rows of points."""
    for k in range(count):
        ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        vx, vy, vz = times_shape(s, SPREAD, k, ax, ay, az)
        ih = ONE / math.sqrt(dot(ax, ay, az, vx, vy, vz))
        points[k] = fused(vx, ih, s[PLACE + k])
        points[ROW + k] = fused(vy, ih, s[PLACE + ROW + k])
        points[2 * ROW + k] = fused(vz, ih, s[PLACE + 2 * ROW + k])


@kernel
def _sighted(points, slab, o, ends, sight, count):
    """Write what legs from points towards ends (3 rows each) see of occluder o: its silhouette and how far the end lies beyond, rows of sight."""
    other = slab[o * OCCLUDER :]
    for k in range(count):
        x, y, z = points[k], points[ROW + k], points[2 * ROW + k]
        ux, uy, uz = ends[k] - x, ends[ROW + k] - y, ends[2 * ROW + k] - z
        length = math.sqrt(dot(ux, uy, uz, ux, uy, uz))
        inverse = ONE / length
        ux, uy, uz = ux * inverse, uy * inverse, uz * inverse
        wx, wy, wz = other[k] - x, other[ROW + k] - y, other[2 * ROW + k] - z
        m2, uu, depth2, across2, ahead, aside2 = _silhouette(other, k, ux, uy, uz, wx, wy, wz)
        sight[MISS + k] = m2
        sight[DEPTH + k] = depth2
        sight[AHEAD + k] = ahead
        sight[REST + k] = length - ahead
        area2 = other[AREA + k] * uu
        narrow2 = area2 * math.sqrt(TWO / (across2 * across2 - TWO * area2))
        sight[ASIDE + k] = aside2 + narrow2


@kernel
def _fresnel(sight, waves_per_metre, count):
    """Write the Fresnel parameter of one half-width of the silhouette, as far aside as it is, into MISS, the miss itself into ASIDE."""
    for k in range(count):
        m2, depth2, ahead, rest = (
            sight[MISS + k],
            sight[DEPTH + k],
            sight[AHEAD + k],
            sight[REST + k],
        )
        behind = math.sqrt(fused(ahead, ahead, depth2))
        before = math.sqrt(fused(rest, rest, depth2))
        across = (TWO * waves_per_metre) * (behind + before) * sight[ASIDE + k]
        sight[MISS + k] = math.sqrt(across / (behind * before * (m2 + ONE)))
        sight[ASIDE + k] = math.sqrt(m2)


@kernel
def shade(points, slab, o, ends, waves_per_metre, sight, through, count):
    """Multiply `through` by what of a leg passes occluder o; the leg goes from points to ends (3 rows each).  sight: scratch of SIGHT."""
    _sighted(points, slab, o, ends, sight, count)
    _fresnel(sight, waves_per_metre, count)
    for k in range(count):
        v, m = sight[MISS + k], sight[ASIDE + k]
        near = _edge(v * (m - ONE))
        far = _edge(-v * (m + ONE))
        near4, far4 = near * near * near * near, far * far * far * far
        passed = near + far - near * far * (near * near4 + far * far4)
        depth = ONE / math.sqrt(sight[DEPTH + k] + TINY)
        between = _between(sight[AHEAD + k] * depth) * _between(sight[REST + k] * depth)
        through[k] *= ONE - between * (ONE - passed)


@kernel
def is_clear(points, slab, o, ends, waves_per_metre, sight, edge, count, wide, clear, slack):
    """Return whether occluder o stays clear of a leg from points to ends (3 rows each), by `clear` as Fresnel parameter: asked at every lane.

    sight: scratch of SIGHT; edge: of a row, of the near edge's Fresnel parameter from place 1 on.  Between two lanes it may fall by half its second difference,
    which is what it falls where the other piece flies past.  What lies behind the point, or beyond the end, by more than `slack` m at both lanes is clear.
    """
    _sighted(points, slab, o, ends, sight, wide)
    _fresnel(sight, waves_per_metre, wide)
    for k in range(wide):
        v = sight[MISS + k] * (sight[ASIDE + k] - ONE)
        behind = min(sight[AHEAD + k], sight[REST + k]) + slack  # of the point, or beyond the end
        sight[MISS + k] = (
            ONE if behind < f32(0.0) and behind * behind > sight[DEPTH + k] else f32(0.0)
        )
        edge[k + 1] = v
    edge[0] = TWO * edge[1] - edge[2]
    edge[count + 1] = edge[count]
    least = f32(HIGH)
    for k in range(count - 1):
        before, here, then, after = edge[k], edge[k + 1], edge[k + 2], edge[k + 3]
        bend, next_bend = abs(here - before + here - then), abs(then - here + then - after)
        bend = bend if bend > next_bend else next_bend
        here = (here if here < then else then) - HALF_ * bend
        here += HIGH * sight[MISS + k] * sight[MISS + k + 1]  # hidden at both
        least = here if here < least else least
    return least >= clear


@kernel
def swiftness(edge, count):
    """Return how much the near edge's Fresnel parameter, as `is_clear` leaves it, changes between two lanes at most, where it may cast a shadow: what flies by changes most."""
    most = f32(0.0)
    for k in range(count - 1):
        before, here, then, after = edge[k], edge[k + 1], edge[k + 2], edge[k + 3]
        bend, next_bend = abs(here - before + here - then), abs(then - here + then - after)
        bend = bend if bend > next_bend else next_bend
        low = (here if here < then else then) - HALF_ * bend
        change = abs(then - here) + bend if low < CLEAR else f32(0.0)
        most = change if change > most else most
    return most

"""Kernels: the echo of one cell of a cylinder's side, the float32 twin of `physics.cylinder`.

On the same board as `plates`, and behind it the velocities of both ends in the piece's own axes: a bar is thick, and what its near side
sends is heard with what its axis sent earlier.
"""

from __future__ import annotations

import math

from usim.engine.plates import (
    AWAY,
    BOARD,
    EAR_,
    ECHO_IM,
    ECHO_RE,
    NEAR,
    PER_PI,
    SOURCE,
    TURNS,
    moments,
    turned,
)
from usim.engine.slab import HALF_, ONE, ROW, TWO, f32
from usim.physics.cylinder import FADE_FULL as _FADE_FULL
from usim.physics.cylinder import FADE_NONE as _FADE_NONE
from usim.physics.cylinder import FARTHEST_STEP as _FARTHEST_STEP
from usim.physics.cylinder import STEPS
from usim.physics.jit import fused, kernel

DRIFT = BOARD  # of both ends, shares of the speed of sound: per second of reception, not of bounce
WIDE_BOARD = BOARD + 6 * ROW
FADE_NONE, PER_FADE = f32(_FADE_NONE), f32(1.0 / (_FADE_FULL - _FADE_NONE))
FARTHEST_STEP = f32(_FARTHEST_STEP)
EIGHTH = f32(0.125)
LEAST = f32(1e-3)  # of what is divided by
TENTH = f32(0.1)


@kernel
def drifts(s, per_block, count):
    """Write DRIFT from both ends at one block and the next; per_block: 1 / (2 c), and the seconds between them, or 0."""
    for row in range(6):
        at, to = SOURCE + row * ROW, DRIFT + row * ROW
        for k in range(count - 2):
            s[to + 1 + k] = (s[at + k + 2] - s[at + k]) * per_block
        s[to] = TWO * s[to + 1] - s[to + 2]
        s[to + count - 1] = TWO * s[to + count - 2] - s[to + count - 3]


@kernel
def lengths(s, count):
    """Write AWAY and NEAR; the echo starts from nothing."""
    for k in range(count):
        x, y, z = s[SOURCE + k], s[SOURCE + ROW + k], s[SOURCE + 2 * ROW + k]
        s[AWAY + k] = math.sqrt(fused(x, x, fused(y, y, z * z)))
        x, y, z = s[EAR_ + k], s[EAR_ + ROW + k], s[EAR_ + 2 * ROW + k]
        s[NEAR + k] = math.sqrt(fused(x, x, fused(y, y, z * z)))
        s[ECHO_RE + k] = f32(0.0)
        s[ECHO_IM + k] = f32(0.0)


@kernel
def mirror_line(radius, ax, ay, az2, bx, by, bz2):
    """Return the normal of the ring where the path from a to b is shortest; az2, bz2: squares of their heights above it."""
    one = ONE / math.sqrt(fused(ax, ax, fused(ay, ay, az2)))
    other = ONE / math.sqrt(fused(bx, bx, fused(by, by, bz2)))
    nx, ny = fused(ax, one, bx * other), fused(ay, one, by * other)
    size = ONE / math.sqrt(fused(nx, nx, fused(ny, ny, f32(1e-12))))
    nx, ny = nx * size, ny * size
    a2, b2 = fused(ax, ax, fused(ay, ay, az2)), fused(bx, bx, fused(by, by, bz2))
    for _ in range(STEPS):
        out, turn = ax * nx + ay * ny, ay * nx - ax * ny
        near = ONE / math.sqrt(a2 + radius * (radius - TWO * out))
        aside, t = turn * near, turn * near
        bend = near * (out - radius * t * t)
        out, turn = bx * nx + by * ny, by * nx - bx * ny
        near = ONE / math.sqrt(b2 + radius * (radius - TWO * out))
        t = turn * near
        aside, bend = aside + t, bend + near * (out - radius * t * t)
        step = aside / (bend if bend > LEAST else LEAST)
        step = step if step < FARTHEST_STEP else FARTHEST_STEP
        step = step if step > -FARTHEST_STEP else -FARTHEST_STEP
        size = ONE / math.sqrt(fused(step, step, ONE))
        nx, ny = (nx - step * ny) * size, (ny + step * nx) * size
    return nx, ny


@kernel
def _leaning(radius, lean, out, u, t, c, near):
    """Return what a leg adds along the axis to its length, the cosine, the bend around the axis, and the amplitude's logarithm."""
    longer = -(u + radius * t * lean)
    tilt = HALF_ * (t * lean - c * longer * near)
    more = t * lean / near - out * longer * near
    more = radius * near * (more + radius * t * near * (TWO * out * lean + f32(3.0) * t * longer))
    return longer, tilt, more, -longer * near


@kernel(apart=True)
def bar(s, radius, half, z, k_, turns_per_metre, count):
    """Add the echo of the cell of half-length `half` (m) about z to ECHO: all of its phase included."""
    kh = k_ * half
    square = fused(z, z, radius * radius)
    for k in range(count):
        ax, ay, az = s[SOURCE + k], s[SOURCE + ROW + k], s[SOURCE + 2 * ROW + k]
        bx, by, bz = s[EAR_ + k], s[EAR_ + ROW + k], s[EAR_ + 2 * ROW + k]
        up1, up2 = az - z, bz - z
        nx, ny = mirror_line(radius, ax, ay, up1 * up1, bx, by, up2 * up2)
        out1, turn = ax * nx + ay * ny, ay * nx - ax * ny
        x1, y1 = ax - radius * nx, ay - radius * ny
        r1 = math.sqrt(fused(x1, x1, fused(y1, y1, up1 * up1)))
        n1 = ONE / r1
        u1, t1, c1 = up1 * n1, turn * n1, (out1 - radius) * n1
        out2, turn = bx * nx + by * ny, by * nx - bx * ny
        x2, y2 = bx - radius * nx, by - radius * ny
        r2 = math.sqrt(fused(x2, x2, fused(y2, y2, up2 * up2)))
        n2 = ONE / r2
        u2, t2, c2 = up2 * n2, turn * n2, (out2 - radius) * n2
        bend_z = (ONE - u1 * u1) * n1 + (ONE - u2 * u2) * n2
        twist = -radius * (t1 * u1 * n1 + t2 * u2 * n2)
        bend = n1 * (out1 - radius * t1 * t1) + n2 * (out2 - radius * t2 * t2)
        bend = radius * (bend if bend > LEAST else LEAST)
        cos = HALF_ * (c1 + c2)
        per_bend = ONE / bend
        lean = -twist * per_bend
        _, tilt, more, rise = _leaning(radius, lean, out1, u1, t1, c1, n1)
        _, tilt2, more2, rise2 = _leaning(radius, lean, out2, u2, t2, c2, n2)
        tilt, more, rise = tilt + tilt2, more + more2, rise + rise2
        rise = rise + tilt / (cos if cos > TENTH else TENTH) - HALF_ * more * per_bend
        # what the legs are longer than by way of the axis, and the share of the second that the movement leaves
        longer1 = (square - TWO * fused(az, z, radius * out1)) / (r1 + s[AWAY + k])
        longer2 = (square - TWO * fused(bz, z, radius * out2)) / (r2 + s[NEAR + k])
        vx, vy, vz = s[DRIFT + k], s[DRIFT + ROW + k], s[DRIFT + 2 * ROW + k]
        one = fused(x1, vx, fused(y1, vy, up1 * vz)) * n1
        change = (u1 * one - vz) * n1
        vx, vy, vz = s[DRIFT + 3 * ROW + k], s[DRIFT + 4 * ROW + k], s[DRIFT + 5 * ROW + k]
        other = fused(x2, vx, fused(y2, vy, up2 * vz)) * n2
        change = change + (u2 * other - vz) * n2
        left = ONE - (one + other)
        way = fused(longer2, left, longer1)
        slope = -(u1 + u2 * left) - longer2 * change
        m0r, m0i, m1r, m1i, _, _ = moments(
            kh * slope, HALF_ * kh * half * (bend_z - twist * twist * per_bend)
        )
        both = (c1 if c1 > f32(0.0) else f32(0.0)) * (c2 if c2 > f32(0.0) else f32(0.0))
        x = (math.sqrt(both) - FADE_NONE) * PER_FADE
        x = x if x < ONE else ONE
        x = x if x > f32(0.0) else f32(0.0)
        seen = x * x * x * (f32(10.0) + x * (f32(6.0) * x - f32(15.0)))
        size = radius * half * math.sqrt(HALF_ * k_ * PER_PI * per_bend) * n1 * n2 * seen * cos
        re, im = fused(half * rise, m1r, m0r), fused(half * rise, m1i, m0i)
        c, q = turned(s[TURNS + k] - turns_per_metre * way + EIGHTH)
        s[ECHO_RE + k] += size * (re * c - im * q)
        s[ECHO_IM + k] += size * (re * q + im * c)


@kernel
def bars(s, radius, half, cells, k_, turns_per_metre, per_block, count):
    """Write the echo of a cylinder of so many cells into ECHO."""
    lengths(s, count)
    drifts(s, per_block, count)
    small = half / f32(cells)
    for i in range(cells):
        bar(s, radius, small, small * f32(2 * i + 1 - cells), k_, turns_per_metre, count)

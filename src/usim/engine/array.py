"""Kernels: an array of microphones about its middle: the window of bounce times that it hears, and how each microphone differs from the middle."""

from __future__ import annotations

import math

from usim.engine.slab import (
    IM,
    LEAN,
    NORMAL,
    ON,
    PATH,
    RE,
    ROW,
    SECOND,
    SHIFT,
    SLOPE,
    SWAY,
    TWO,
    aim,
    dot,
    f32,
    thin_row,
    whole_lanes,
)
from usim.physics.jit import fused, kernel

POSE = 15  # rows of a pose table that legs read: centre and shape
WAY, RATE, WAYS = (
    0,
    ROW,
    2 * ROW,
)  # float64 rows of the middle of the array, on knots of gain: second leg (m) and slope of the path


@kernel
def middles_of(targets, ox, oy, oz, inverse_step, most_lead, leads, middles):
    """Write the middles (J, 3) of arrays targets (J, mic, 3), and by how many knots what they hear of a bounce at o is late, into leads (J,)."""
    mics = targets.shape[1]
    for j in range(targets.shape[0]):
        for axis in range(3):
            middles[j, axis] = 0.0
            for m in range(mics):
                middles[j, axis] += targets[j, m, axis] / mics
        x, y, z = middles[j, 0] - ox, middles[j, 1] - oy, middles[j, 2] - oz
        leads[j] = min(int(math.sqrt(x * x + y * y + z * z) * inverse_step), most_lead)


@kernel(apart=True)
def window(table, rows, first, ratio, s, start, count):
    """Copy a window of the first rows of a table (n, knots), every ratio-th knot from `first` on, into a slab from lane `start` on."""
    wide = whole_lanes(count)
    for row in range(rows):
        thin_row(table[row, first:], ratio, count, wide, s[row * ROW + start :])


@kernel(apart=True)
def long_window(table, first, d, count):
    """Copy the places and shapes of a window of the pose table, every knot from `first` on, into the float64 slab."""
    for row in range(9):
        here, there = d[row * ROW :], table[row, first:]
        for k in range(count):
            here[k] = there[k]
        for k in range(whole_lanes(count) - count):
            here[count + k] = here[count - 1]


@kernel
def window_beside(s, rows, others, start, wide):
    """Copy `wide` lanes of the first rows of a slab into another, from lane `start` on."""
    for row in range(rows):
        here, there = others[row * ROW + start :], s[row * ROW :]
        for k in range(wide):
            here[k] = there[k]


@kernel
def aim_microphones(s, targets, axes, j, first, some, wide):
    """Aim `wide` lanes of a slab at each of some microphones of image j, from number `first` on, side by side."""
    for m in range(some):
        at, axis = targets[j, first + m], axes[j, first + m]
        aim(s, at[0], at[1], at[2], axis[0], axis[1], axis[2], m * wide, wide)


@kernel
def faces_as_before(axes, j, m):
    """Return whether microphone m of image j faces where the one before it does."""
    return m > 0 and axes[j, m, 0] == axes[j, m - 1, 0] and axes[j, m, 1] == axes[j, m - 1, 1] and axes[j, m, 2] == axes[j, m - 1, 2]  # fmt: skip


@kernel
def offset(targets, j, m, cx, cy, cz):
    """Return how far microphone m of image j lies from the middle of the array, m."""
    return f32(targets[j, m, 0] - cx), f32(targets[j, m, 1] - cy), f32(targets[j, m, 2] - cz)


@kernel
def start_from(coarse_s, mic_s, first, count):
    """Copy the normals of the middle of the array into one microphone's lanes."""
    x, y, z = (
        mic_s[NORMAL + first :],
        mic_s[NORMAL + ROW + first :],
        mic_s[NORMAL + 2 * ROW + first :],
    )
    for k in range(count):
        x[k], y[k], z[k] = (
            coarse_s[NORMAL + k],
            coarse_s[NORMAL + ROW + k],
            coarse_s[NORMAL + 2 * ROW + k],
        )


@kernel
def beside(coarse_s, ways, mic_s, first, dx, dy, dz, inverse_step, turns, count):
    """Write one microphone's phase against the middle of the array (turns), from which it lies (dx, dy, dz) m, into SHIFT.

    The way to it from the middle's bounce point, less what the step to its own Fermat point takes off, to second order (SWAY, LEAN).
    """
    shift, sway, lean = mic_s[SHIFT + first :], mic_s[SWAY + first :], mic_s[LEAN + first :]
    d2 = dot(dx, dy, dz, dx, dy, dz)
    for k in range(count):
        x, y, z = coarse_s[ON + k], coarse_s[ON + ROW + k], coarse_s[ON + 2 * ROW + k]
        back = f32(ways[WAY + k])
        more = fused(TWO * back, dot(x, y, z, dx, dy, dz), d2)
        way = more / (math.sqrt(fused(back, back, more)) + back)
        # at one instant of reception this microphone hears a bounce that lies earlier by its own extra way
        late = (way - lean[k]) * f32(inverse_step)
        slope = f32(ways[RATE + k])
        shift[k] = -f32(turns) * (way - sway[k] - slope * late)


@kernel
def tilt(ways, s, first, per_slope, tilt_re, tilt_im, air_slope, weight, count):
    """Tilt RE, IM of one microphone's lanes by what walls and air do off the carrier."""
    for k in range(count):
        off = per_slope * ways[RATE + k]  # Hz above the carrier, as received
        up = f32(1.0 + off * (tilt_re - air_slope * ways[WAY + k])) * weight
        across = f32(off) * tilt_im * weight
        re = s[RE + first + k]
        im = s[IM + first + k]
        s[RE + first + k] = re * up - im * across
        s[IM + first + k] = re * across + im * up


@kernel(apart=True)
def coarsen(s, d, coarse_s, ways, ratio, count, wide):
    """Copy every ratio-th knot's normal into the coarse slab, and its second leg into WAY."""
    for row in range(3):
        thin_row(s[NORMAL + row * ROW :], ratio, count, wide, coarse_s[NORMAL + row * ROW :])
    for k in range(wide):
        ways[WAY + k] = d[SECOND + min(k, count - 1) * ratio]


@kernel
def blown(air, n, first, d, count):
    """Add to PATH by how much moving air makes the way of pair n longer, from knot `first` on; nothing in still air, which has no knots.

    air (pair + 1, knots): m; the last row is by what share all ways are longer because the air has cooled.  That the sound then arrives some microseconds
    later moves the bounce by less than a micrometre.
    """
    if air.shape[1] > 0:
        more, share = air[n, first:], air[air.shape[0] - 1, first:]
        for k in range(count):
            d[PATH + k] += share[k] * d[PATH + k] + more[k]


@kernel(apart=True)
def rates(d, ways, ratio, count, wide):
    """Copy every ratio-th knot's slope of the path, see `clock`, into RATE."""
    for k in range(wide):
        ways[RATE + k] = d[SLOPE + min(k, count - 1) * ratio]

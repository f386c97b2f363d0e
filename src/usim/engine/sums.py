"""Kernels: the echo of one piece, summed over its pairs: each pair's wave times its gain, added to every channel.

Gains change more slowly than phase (`tones`): they are evaluated on every `ratio`-th knot, per microphone, together with the small path
difference between that microphone and the middle of the array.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.glints import SHARPNESS, WEIGHT, glint_normals, shorten
from usim.engine.pairs import (
    MIRROR,
    _first_normal,
    arriving,
    incoming,
    joined,
    normal_step,
    outgoing,
    pair_paths,
)
from usim.engine.shadows import (
    OCCLUDER,
    ROWS,
    SIGHT,
    ever_shades,
    is_clear,
    occluders,
    shade,
    surface_points,
    window_of,
)
from usim.engine.slab import (
    EAR,
    FALL,
    HALF_,
    IM,
    LANES,
    LEAN,
    LONG_SLAB,
    MIDDLE,
    NORMAL,
    ON,
    ONE,
    PATH,
    RE,
    ROW,
    SECOND,
    SHIFT,
    SLAB,
    SLOPE,
    SWAY,
    TWO,
    aim,
    dot,
    f32,
    whole_lanes,
)  # fmt: skip
from usim.engine.tones import (
    AHEAD,
    AT,
    COSINES,
    LATE,
    REACH,
    SCRATCH,
    SPARE,
    WAVE,
    clock,
    cosine,
    gate,
    sine,
    tone,
)  # fmt: skip
from usim.physics.jit import fused, kernel, rows32, rows64

NEXT = np.uint32(ROW)
FAINTEST = f32(-30.0)  # neper: lobes stay there
FAINT_SHADE = f32(
    0.99
)  # amplitude that passes everywhere: what microphones see of such a shade is the same
E3, E4, E5 = f32(1 / 6), f32(1 / 24), f32(1 / 120)
GAIN_RE, GAIN_IM, CUBIC = 0, ROW, 2 * ROW  # rows of the float32 scratch of one channel
WORK = 10 * ROW
FIRST = 4 * ROW  # row of the stencil's scratch, after its weights
# where things lie in the scratch of a sum
TONES = 3 * SLAB
KNOT_ROWS = TONES + WAVE + WORK
WEIGHTS = KNOT_ROWS + 21 * ROW + SIGHT
SCRATCH_32 = WEIGHTS + ROW * ROW
SCRATCH_64 = 3 * LONG_SLAB + SCRATCH


@kernel
def stencil(e, even, ratio, knots, four, weights, bands):
    """Write every coarse knot's weight at every grid point: those of the cubic through the four knots around it, else zero.

    weights (knots in whole eights * ROW,); four: scratch of five rows.  A vector of grid points reads but few knots: bands (vector, 2) are the
    first of them and how many eights; the weights of others are not written.
    """
    inverse = 1.0 / ratio
    last = (knots + 7) // 8 * 8
    for q in range(even):
        x = e[AT + q] * inverse
        c = min(max(np.floor(x), 1.0), float(knots - 3))
        u = x - c
        four[FIRST + q] = f32(c - 1.0)
        four[q] = f32(-u * (u - 1.0) * (u - 2.0) * (1 / 6))
        four[ROW + q] = f32((u + 1.0) * (u - 1.0) * (u - 2.0) * 0.5)
        four[2 * ROW + q] = f32(-(u + 1.0) * u * (u - 2.0) * 0.5)
        four[3 * ROW + q] = f32((u + 1.0) * u * (u - 1.0) * (1 / 6))
    for v in range(whole_lanes(even) // LANES):
        low = int(four[FIRST + v * LANES])
        high = int(four[FIRST + min(v * LANES + LANES, even) - 1])
        eights = (high - low + 3) // 8 + 1
        low = max(min(low, last - 8 * eights), 0)
        bands[v, 0], bands[v, 1] = low, eights
        for k in range(8 * eights):
            row = weights[(low + k) * ROW + v * LANES :]
            for q in range(LANES):
                row[q] = f32(0.0)
    for q in range(even):
        at = np.uint32(np.int32(four[FIRST + q]) * ROW + q)
        weights[at] = four[q]
        weights[at + NEXT] = four[ROW + q]
        weights[at + NEXT + NEXT] = four[2 * ROW + q]
        weights[at + NEXT + NEXT + NEXT] = four[3 * ROW + q]


@kernel
def _add_knots(weights, bands, values, row, count):
    """Add values on knots of gain, each times its weights (see `stencil`), to a row on the grid."""
    for v in range(count // LANES):
        here, lanes = row[v * LANES :], min(count - v * LANES, LANES)
        for n in range(bands[v, 1]):
            k = bands[v, 0] + 8 * n
            w, at = weights[k * ROW + v * LANES :], values[k:]
            v0, v1, v2, v3, v4, v5, v6, v7 = (
                at[0],
                at[1],
                at[2],
                at[3],
                at[4],
                at[5],
                at[6],
                at[7],
            )
            for q in range(lanes):
                x = fused(w[q], v0, fused(w[ROW + q], v1, here[q]))
                y = fused(w[2 * ROW + q], v2, w[3 * ROW + q] * v3)
                x = fused(w[4 * ROW + q], v4, fused(w[5 * ROW + q], v5, x))
                y = fused(w[6 * ROW + q], v6, fused(w[7 * ROW + q], v7, y))
                here[q] = x + y


@kernel
def _add_gain(weights, bands, g_re, g_im, shift, work, count):
    """Add a channel's gain and phase on knots of gain, times their weights (see `stencil`), to GAIN_RE, GAIN_IM and CUBIC: `_add_knots` of all three."""
    for v in range(count // LANES):
        here, lanes = work[v * LANES :], min(count - v * LANES, LANES)
        for n in range(bands[v, 1]):
            k = bands[v, 0] + 8 * n
            w, a, b, c = weights[k * ROW + v * LANES :], g_re[k:], g_im[k:], shift[k:]
            a0, a1, a2, a3, a4, a5, a6, a7 = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
            b0, b1, b2, b3, b4, b5, b6, b7 = b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]
            c0, c1, c2, c3, c4, c5, c6, c7 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
            for q in range(lanes):
                w0, w1, w2, w3 = w[q], w[ROW + q], w[2 * ROW + q], w[3 * ROW + q]
                w4, w5, w6, w7 = (
                    w[4 * ROW + q],
                    w[5 * ROW + q],
                    w[6 * ROW + q],
                    w[7 * ROW + q],
                )
                x = fused(w0, a0, fused(w1, a1, fused(w2, a2, fused(w3, a3, here[GAIN_RE + q]))))
                y = fused(w0, b0, fused(w1, b1, fused(w2, b2, fused(w3, b3, here[GAIN_IM + q]))))
                z = fused(w0, c0, fused(w1, c1, fused(w2, c2, fused(w3, c3, here[CUBIC + q]))))
                here[GAIN_RE + q] = fused(w4, a4, fused(w5, a5, fused(w6, a6, fused(w7, a7, x))))
                here[GAIN_IM + q] = fused(w4, b4, fused(w5, b5, fused(w6, b6, fused(w7, b7, y))))
                here[CUBIC + q] = fused(w4, c4, fused(w5, c5, fused(w6, c6, fused(w7, c7, z))))


@kernel
def interpolate(weights, bands, even, shift, fall, falls, g_re, g_im, work):
    """Interpolate one channel's gain to the grid, turned by its own phase `shift` (turns), weakened by `fall` (neper) where it `falls`; work: GAIN_RE, GAIN_IM."""
    wide = whole_lanes(even)
    low = work[CUBIC + ROW : CUBIC + 2 * ROW]
    for q in range(wide):
        work[GAIN_RE + q], work[GAIN_IM + q], work[CUBIC + q] = f32(0.0), f32(0.0), f32(0.0)
        low[q] = f32(0.0)
    _add_gain(weights, bands, g_re, g_im, shift, work, wide)
    if falls:
        _add_knots(weights, bands, fall, low, wide)
    for q in range(wide):
        x = work[CUBIC + q]
        x = x - np.floor(x + HALF_)
        s = sine(x)
        c = cosine(x)
        re = work[GAIN_RE + q]
        im = work[GAIN_IM + q]
        work[GAIN_RE + q] = fused(re, c, -im * s)
        work[GAIN_IM + q] = fused(re, s, im * c)
    if falls:
        for q in range(wide):
            x = work[CUBIC + ROW + q]
            x = (x if x > FAINTEST else FAINTEST) * f32(1 / 64)
            e = fused(x, fused(x, fused(x, fused(x, fused(x, E5, E4), E3), HALF_), ONE), ONE)
            e = e * e
            e = e * e
            e = e * e
            e = e * e
            e = e * e
            e = e * e
            work[GAIN_RE + q] *= e
            work[GAIN_IM + q] *= e


@kernel
def _cubics(values, middle, c, count):
    """Write the cubic between values REACH + m and the next, slopes of fourth order, about `middle` (blocks) into four rows of c."""
    for m in range(count):
        s0 = (f32(8.0) * (values[m + 3] - values[m + 1]) - (values[m + 4] - values[m])) * f32(
            1 / 12
        )
        s1 = (f32(8.0) * (values[m + 4] - values[m + 2]) - (values[m + 5] - values[m + 1])) * f32(
            1 / 12
        )
        rise = values[m + 3] - values[m + 2]
        a2, a3 = f32(3.0) * rise - f32(2.0) * s0 - s1, s0 + s1 - f32(2.0) * rise
        c[m] = values[m + 2] + middle * (s0 + middle * (a2 + middle * a3))
        c[ROW + m] = s0 + middle * (f32(2.0) * a2 + f32(3.0) * middle * a3)
        c[2 * ROW + m] = a2 + f32(3.0) * middle * a3
        c[3 * ROW + m] = a3


@kernel
def add_channel(work, even, samples, wave, total):
    """Add gain times tone to one channel's sums; the gain (work: GAIN_RE, GAIN_IM on the grid) is a cubic over every block.

    total (PLANE,): SAMPLES rows of real parts by ROW blocks, then as many of imaginary parts.
    """
    wide = whole_lanes(even - 2 * REACH - 1)
    middle = f32((samples - 1) / (2 * samples))
    c = work[CUBIC:]
    _cubics(work[GAIN_RE:], middle, c, wide)
    _cubics(work[GAIN_IM:], middle, c[4 * ROW :], wide)
    for n in range(samples // 2):
        v = f32((samples - 1 - 2 * n) / (2 * samples))
        v2 = v * v
        w, t = wave[n * ROW :], total[n * ROW :]
        for m in range(wide):
            even_re = fused(v2, c[2 * ROW + m], c[m])
            odd_re = v * fused(v2, c[3 * ROW + m], c[ROW + m])
            even_im = fused(v2, c[6 * ROW + m], c[4 * ROW + m])
            odd_im = v * fused(v2, c[7 * ROW + m], c[5 * ROW + m])
            re, im = even_re - odd_re, even_im - odd_im
            sin, cos = w[m], w[COSINES + m]
            t[m] = fused(re, cos, fused(-im, sin, t[m]))
            t[COSINES + m] = fused(re, sin, fused(im, cos, t[COSINES + m]))
            re, im = even_re + odd_re, even_im + odd_im
            sin, cos = w[LATE + m], w[COSINES + LATE + m]
            t[LATE + m] = fused(re, cos, fused(-im, sin, t[LATE + m]))
            t[COSINES + LATE + m] = fused(re, sin, fused(im, cos, t[COSINES + LATE + m]))


@kernel
def _window(table, first, ratio, s, d, start, count):
    """Copy a window of the piece's pose table (15, knots), every ratio-th knot from `first` on, into slabs from lane `start` on."""
    wide = whole_lanes(count)
    for row in range(15):
        here = s[row * ROW + start :]
        for k in range(wide):
            here[k] = f32(table[row, first + min(k, count - 1) * ratio])
        if row < 9:
            there = d[row * ROW + start :]
            for k in range(wide):
                there[k] = table[row, first + min(k, count - 1) * ratio]


@kernel
def _start(coarse_s, mic_s, first, count):
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
def _beside(coarse_s, coarse_d, mic_s, first, dx, dy, dz, inverse_step, turns, count):
    """Write one microphone's phase against the middle of the array (turns), from which it lies (dx, dy, dz) m, into SHIFT.

    The way to it from the middle's bounce point, less what the step to its own Fermat point takes off, to second order (SWAY, LEAN).
    """
    shift, sway, lean = mic_s[SHIFT + first :], mic_s[SWAY + first :], mic_s[LEAN + first :]
    d2 = dot(dx, dy, dz, dx, dy, dz)
    for k in range(count):
        x, y, z = coarse_s[ON + k], coarse_s[ON + ROW + k], coarse_s[ON + 2 * ROW + k]
        back = f32(coarse_d[MIDDLE + ROW + k])
        more = fused(TWO * back, dot(x, y, z, dx, dy, dz), d2)
        way = more / (math.sqrt(fused(back, back, more)) + back)
        # at one instant of reception this microphone hears a bounce that lies earlier by its own extra way
        late = (way - lean[k]) * f32(inverse_step)
        slope = f32(coarse_d[MIDDLE + 2 * ROW + k])
        shift[k] = -f32(turns) * (way - sway[k] - slope * late)


@kernel
def _tilt(coarse_d, s, first, per_slope, tilt_re, tilt_im, air_slope, weight, count):
    """Tilt RE, IM of one microphone's lanes by what walls and air do off the carrier."""
    for k in range(count):
        slope = coarse_d[MIDDLE + 2 * ROW + k]
        off = per_slope * slope  # Hz above the carrier, as received
        up = f32(1.0 + off * (tilt_re - air_slope * coarse_d[MIDDLE + ROW + k])) * weight
        across = f32(off) * tilt_im * weight
        re = s[RE + first + k]
        im = s[IM + first + k]
        s[RE + first + k] = re * up - im * across
        s[IM + first + k] = re * across + im * up


@kernel
def _coarse(s, d, coarse_s, coarse_d, ratio, count, wide):
    """Copy every ratio-th knot's normal, path and second leg from the fine slab into the coarse one."""
    for k in range(wide):
        fine = min(k, count - 1) * ratio
        coarse_s[NORMAL + k] = s[NORMAL + fine]
        coarse_s[NORMAL + ROW + k] = s[NORMAL + ROW + fine]
        coarse_s[NORMAL + 2 * ROW + k] = s[NORMAL + 2 * ROW + fine]
        coarse_d[MIDDLE + k] = d[PATH + fine]
        coarse_d[MIDDLE + ROW + k] = d[SECOND + fine]


@kernel
def _in_the_way(
    marks, ends, few, held, everything, first, sight, edge, tables, own, known, leg, ratio, ex, ey, ez, waves, least_waves, count, wide, found
):  # fmt: skip
    """Fill found (piece,) with which other pieces matter to a leg from marks to (ex, ey, ez), in all lanes of ends; return whether any does.

    marks: where the leg starts, on knots of gain.  few: slab of the other pieces there, which are read from everything when they are needed; held (piece,):
    from which knot on each of them is there.  known (leg, piece): 0 never, 1 perhaps, -1 not asked yet.
    waves: per metre; least_waves: of the lowest carrier, for all of which an answer holds.
    """
    some = False
    for o in range(tables.shape[0]):
        found[o] = False
        if o == own:
            continue
        if known[leg, o] < 0:
            known[leg, o] = ever_shades(tables, own, o, ratio, ex, ey, ez, least_waves)
        if known[leg, o] > 0:
            if held[o] != first:
                held[o] = first
                window_of(everything, o, first, ratio, few, 0, count, wide)
            found[o] = not is_clear(marks, few, o, ends, f32(waves), sight, edge, count, wide)
            some |= found[o]
    return some


@kernel
def _fetch(everything, first, out_found, back_found, crowd, held, count, wide):
    """Write the pieces found on either leg into crowd, on every knot from `first` on; held (piece,): from which knot on each of them is there."""
    for o in range(out_found.shape[0]):
        if (out_found[o] or back_found[o]) and held[o] != first:
            held[o] = first
            window_of(everything, o, first, 1, crowd, 0, count, wide)


@kernel
def _repeat(few, first, out_found, back_found, many, held, mics, wide):
    """Write the pieces found on either leg, on knots of gain (`few`), into `many` once for each of mics side by side; held: see `_fetch`."""
    for o in range(out_found.shape[0]):
        if (out_found[o] or back_found[o]) and held[o] != first:
            held[o] = first
            for row in range(o * ROWS, (o + 1) * ROWS):
                there = few[row * ROW :]
                for m in range(mics):
                    here = many[row * ROW + m * wide :]
                    for k in range(wide):
                        here[k] = there[k]


@kernel
def _by_lead(leads, images, most, order):
    """Write the numbers of pairs into order (n,), sorted by the lead (image,) of their images (n,), in their order otherwise."""
    at = 0
    for lead in range(most + 1):
        for n in range(images.shape[0]):
            if leads[images[n]] == lead:
                order[at] = n
                at += 1


@kernel
def _shaded(points, crowd, ends, found, waves, sight, through, count):
    """Multiply `through` by what passes the pieces found on legs from points to ends (3 rows each)."""
    for o in range(found.shape[0]):
        if found[o]:
            shade(points, crowd, o, ends, f32(waves), sight, through, count)


@kernel
def _shaded_middle(points, crowd, ends, found, waves, sight, one, through, apart, count):
    """Do what `_shaded` does, and leave in `found` the pieces whose shade may differ between microphones, which go into `apart` as well; one: scratch."""
    some = False
    for o in range(found.shape[0]):
        if not found[o]:
            continue
        for k in range(count):
            one[k] = ONE
        shade(points, crowd, o, ends, f32(waves), sight, one, count)
        deep = False
        for k in range(count):
            through[k] *= one[k]
            deep |= one[k] < FAINT_SHADE
        found[o] = deep
        if deep:
            some = True
            for k in range(count):
                apart[k] *= one[k]
    return some


@kernel
def _at_grid(e, values, even, count, out):
    """Carry values on knots to the grid points, by a cubic through four knots: the same distance from every grid point, those around the middle one."""
    middle = even // 2
    ahead = min(max(int(e[AT + middle]) - middle, 1), count - 2 - even)
    near = values[ahead - 1 :]
    for q in range(even):
        u = f32(e[AT + q] - q - ahead)
        down, up, far = u - ONE, u + ONE, u - TWO
        out[q] = (
            near[q] * (-u * down * far * f32(1 / 6))
            + near[q + 1] * (up * down * far * HALF_)
            - near[q + 2] * (up * u * far * HALF_)
            + near[q + 3] * (up * u * down * f32(1 / 6))
        )


@kernel
def _darken(weights, bands, even, shade_on_grid, differs, difference, work):
    """Multiply the gain on the grid by what passes: at the middle of the array and, where one microphone's differs, the difference on knots of gain."""
    wide = whole_lanes(even)
    row = work[CUBIC : CUBIC + ROW]
    for q in range(wide):
        row[q] = shade_on_grid[q]
    if differs:
        _add_knots(weights, bands, difference, row, wide)
    for q in range(wide):
        work[GAIN_RE + q] *= work[CUBIC + q]
        work[GAIN_IM + q] *= work[CUBIC + q]


@kernel
def _add_pairs(
    tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes, source_walls, source_normals,
    targets, target_axes, target_walls, target_normals, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
    leg_slope, c, envelope, envelope_first, envelope_hz, total,
    everything, known, floats, longs, held, found, bands, leads, middles, order,
):  # fmt: skip
    """Do what `piece_sum` does, in room that it has made: see there.

    everything: of the other pieces, see `occluders`.  known (I + J, piece): see `_in_the_way`.  floats, longs: scratch.  held (3, piece), found (2, piece):
    windows of the other pieces, and which of them are in the way of the outgoing leg and of the one back.  bands: see `stencil`.  leads (J,), middles (J, 3) m, order (n,).
    """
    table = tables[own]
    mics = targets.shape[1]
    carriers = turns_per_metre.shape[0]
    functions = beam.shape[1]
    pieces = tables.shape[0]
    count = (even + SPARE + 2) // 4 * 4 + 1
    coarse_count = (count - 1) // ratio + 1
    wide = whole_lanes(count)
    coarse_wide = whole_lanes(coarse_count)
    together = min(
        ROW // coarse_wide, mics
    )  # microphones side by side in one slab: loops are longer
    inverse_step = 1.0 / (c * step)
    # every knot, to the middle of the array; every ratio-th knot, likewise; every ratio-th knot, to each microphone
    s, coarse_s, mic_s = floats[:SLAB], floats[SLAB : 2 * SLAB], floats[2 * SLAB : 3 * SLAB]
    d, coarse_d, mic_d = (
        longs[:LONG_SLAB],
        longs[LONG_SLAB : 2 * LONG_SLAB],
        longs[2 * LONG_SLAB : 3 * LONG_SLAB],
    )
    e = longs[3 * LONG_SLAB :]
    wave, work = floats[TONES : TONES + WAVE], floats[TONES + WAVE : TONES + WAVE + WORK]
    rows = floats[KNOT_ROWS:]
    g_re, g_im = rows[:ROW], rows[ROW : 2 * ROW]
    through, mic_through, shade_on_grid = (
        rows[2 * ROW : 3 * ROW],
        rows[3 * ROW : 4 * ROW],
        rows[4 * ROW : 5 * ROW],
    )
    edge, points = rows[5 * ROW : 7 * ROW], rows[7 * ROW : 10 * ROW]
    one, apart, sight = rows[19 * ROW : 20 * ROW], rows[20 * ROW : 21 * ROW], rows[21 * ROW :]
    mic_points, out_ends, marks = (
        rows[10 * ROW : 13 * ROW],
        rows[13 * ROW : 16 * ROW],
        rows[16 * ROW : 19 * ROW],
    )
    weights = floats[WEIGHTS:]
    way_re = floats[SCRATCH_32 : SCRATCH_32 + functions * ROW]
    way_im = floats[SCRATCH_32 + functions * ROW : SCRATCH_32 + 2 * functions * ROW]
    slabs = floats[SCRATCH_32 + 2 * functions * ROW :]
    few = slabs[: pieces * OCCLUDER]
    crowd = slabs[pieces * OCCLUDER : 2 * pieces * OCCLUDER]
    many = slabs[2 * pieces * OCCLUDER :]
    out_known, back_known = known[: sources.shape[0]], known[sources.shape[0] :]
    few_held, crowd_held, many_held = held[0], held[1], held[2]
    out_found, back_found = found[0], found[1]
    least_waves = turns_per_metre[0]
    for f in range(1, carriers):
        least_waves = min(least_waves, turns_per_metre[f])
    missed = 0
    held = -1
    aimed = -1
    centre = most_lead + AHEAD + even // 2
    ox, oy, oz = table[0, centre], table[1, centre], table[2, centre]
    for j in range(targets.shape[0]):
        for axis in range(3):
            for m in range(mics):
                middles[j, axis] += targets[j, m, axis] / mics
        cx, cy, cz = middles[j, 0], middles[j, 1], middles[j, 2]
        away = math.sqrt((cx - ox) ** 2 + (cy - oy) ** 2 + (cz - oz) ** 2)
        leads[j] = min(int(away * inverse_step), most_lead)
    _by_lead(leads, pairs[:, 1], most_lead, order)
    for at in range(order.shape[0]):
        n = order[at]
        i = pairs[n, 0]
        j = pairs[n, 1]
        sx, sy, sz = sources[i, 0], sources[i, 1], sources[i, 2]
        if j != aimed:
            cx, cy, cz = middles[j, 0], middles[j, 1], middles[j, 2]
            lead = leads[j]
            aim(s, d, cx, cy, cz, 0.0, 0.0, 0.0, 0, wide)
            aim(coarse_s, coarse_d, cx, cy, cz, 0.0, 0.0, 0.0, 0, coarse_wide)
            aimed = -1  # the microphones' slab is not aimed yet
        if lead != held:
            held = lead
            _window(table, most_lead - lead, 1, s, d, 0, count)
            _window(table, most_lead - lead, ratio, coarse_s, coarse_d, 0, coarse_count)
            for m in range(together):
                _window(table, most_lead - lead, ratio, mic_s, mic_d, m * coarse_wide, coarse_count)
        start = float(lead + AHEAD)
        g = pairs[n, 2]
        sharpness = MIRROR
        strength = weight[n]
        kind = 0
        if g < 0:
            _first_normal(s, f32(sx), f32(sy), f32(sz), wide)
            pair_paths(s, d, sx, sy, sz, newton_steps, wide)
        else:
            sharpness = f32(glints[g, SHARPNESS])
            strength = strength * f32(glints[g, WEIGHT])
            kind = 1 if sharpness > f32(0.0) else 2
            glint_normals(table, most_lead - lead, glints[g], s, count, wide)
            pair_paths(s, d, sx, sy, sz, 0, wide)
        _coarse(s, d, coarse_s, coarse_d, ratio, coarse_count, coarse_wide)
        if g >= 0:
            shorten(table, most_lead - lead, glints[g], d, count, wide)
        if not clock(d, e, count, even, start, inverse_step):
            missed += 1
            continue
        for k in range(coarse_wide):
            coarse_d[MIDDLE + 2 * ROW + k] = d[SLOPE + min(k, coarse_count - 1) * ratio]
        stencil(e, even, ratio, coarse_count, work, weights, bands)
        surface_points(coarse_s, marks, coarse_wide)
        for f in range(carriers):
            walls_f, skin_f, beam_f, port_f = walls[f], skin[f, kind : kind + 1], beam[f], port[f]
            tone(e, even, turns_per_metre[f], samples, wave)
            if envelope.shape[1] > 0:
                gate(
                    e,
                    even,
                    samples,
                    envelope,
                    f,
                    envelope_first,
                    envelope_hz / c,
                    envelope_hz * step / samples,
                    wave,
                )
            incoming(
                coarse_s, sx, sy, sz, sharpness, source_walls, source_normals, i, walls_f, skin_f, beam_f, source_axes, way_re, way_im, coarse_wide
            )  # fmt: skip
            waves = turns_per_metre[f]
            shaded = False
            differs = False
            if tables.shape[0] > 1:
                for k in range(coarse_wide):
                    mic_points[k], mic_points[ROW + k], mic_points[2 * ROW + k] = (
                        f32(sx),
                        f32(sy),
                        f32(sz),
                    )
                shaded = _in_the_way(
                    marks, mic_points, few, few_held, everything, most_lead - lead, sight, edge, tables, own, out_known, i, ratio, sx, sy, sz, waves, least_waves, coarse_count, coarse_wide, out_found
                )  # fmt: skip
                shaded |= _in_the_way(
                    marks, coarse_s[EAR:], few, few_held, everything, most_lead - lead, sight, edge, tables, own, back_known, j, ratio, cx, cy, cz, waves, least_waves, coarse_count, coarse_wide, back_found
                )  # fmt: skip
            if shaded:
                _fetch(everything, most_lead - lead, out_found, back_found, crowd, crowd_held, count, wide)  # fmt: skip
                for k in range(ROW):
                    out_ends[k], out_ends[ROW + k], out_ends[2 * ROW + k] = (
                        f32(sx),
                        f32(sy),
                        f32(sz),
                    )
                surface_points(s, points, wide)
                for k in range(wide):
                    through[k], apart[k] = ONE, ONE
                differs = _shaded_middle(
                    points, crowd, out_ends, out_found, waves, sight, one, through, apart, wide
                )
                differs |= _shaded_middle(
                    points, crowd, s[EAR:], back_found, waves, sight, one, through, apart, wide
                )
                if differs:
                    _repeat(few, most_lead - lead, out_found, back_found, many, many_held, together, coarse_wide)  # fmt: skip
                _at_grid(e, through, even, count, shade_on_grid)
            tilt_re = f32(leg_slope[f, j].real)
            tilt_im = f32(leg_slope[f, j].imag)
            for first in range(0, mics, together):
                some = min(together, mics - first)
                for m in range(some):
                    if j != aimed or mics > together:
                        x, y, z = (
                            targets[j, first + m, 0],
                            targets[j, first + m, 1],
                            targets[j, first + m, 2],
                        )
                        ax, ay, az = (
                            target_axes[j, first + m, 0],
                            target_axes[j, first + m, 1],
                            target_axes[j, first + m, 2],
                        )
                        aim(mic_s, mic_d, x, y, z, ax, ay, az, m * coarse_wide, coarse_wide)
                    _start(coarse_s, mic_s, m * coarse_wide, coarse_wide)
                lanes = some * coarse_wide
                if mics > 1 and g < 0:
                    normal_step(mic_s, f32(sx), f32(sy), f32(sz), lanes)
                else:
                    for k in range(lanes):
                        mic_s[SWAY + k], mic_s[LEAN + k] = f32(0.0), f32(0.0)
                if differs:
                    surface_points(mic_s, mic_points, lanes)
                    for k in range(lanes):
                        mic_through[k] = ONE
                    _shaded(mic_points, many, out_ends, out_found, waves, sight, mic_through, lanes)
                    _shaded(
                        mic_points, many, mic_s[EAR:], back_found, waves, sight, mic_through, lanes
                    )
                    for m in range(some):
                        for k in range(coarse_wide):
                            mic_through[m * coarse_wide + k] -= apart[
                                min(k, coarse_count - 1) * ratio
                            ]
                outgoing(
                    mic_s,
                    sx,
                    sy,
                    sz,
                    sharpness,
                    target_walls,
                    target_normals,
                    j,
                    walls_f,
                    f32(absorption[f]),
                    lanes,
                )
                per_slope = -turns_per_metre[f] / step
                for m in range(some):
                    dx, dy, dz = (
                        f32(targets[j, first + m, 0] - cx),
                        f32(targets[j, first + m, 1] - cy),
                        f32(targets[j, first + m, 2] - cz),
                    )
                    _beside(coarse_s, coarse_d, mic_s, m * coarse_wide, dx, dy, dz, inverse_step, turns_per_metre[f], coarse_wide)  # fmt: skip
                    _tilt(coarse_d, mic_s, m * coarse_wide, per_slope, tilt_re, tilt_im, absorption_slope[f], strength, coarse_wide)  # fmt: skip
                for b in range(functions):
                    arriving(mic_s, port_f, b, lanes)
                    for m in range(some):
                        joined(
                            mic_s, m * coarse_wide, way_re, way_im, b * ROW, g_re, g_im, coarse_wide
                        )
                        interpolate(
                            weights,
                            bands,
                            even,
                            mic_s[SHIFT + m * coarse_wide :],
                            mic_s[FALL + m * coarse_wide :],
                            sharpness > f32(0.0),
                            g_re,
                            g_im,
                            work,
                        )
                        if shaded:
                            _darken(
                                weights, bands, even, shade_on_grid, differs, mic_through[m * coarse_wide :], work
                            )  # fmt: skip
                        add_channel(
                            work,
                            even,
                            samples,
                            wave,
                            total[group[n], (f * mics + first + m) * functions + b],
                        )
        aimed = j
    return missed


@kernel(allocates=True)
def piece_sum(
    tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes, source_walls, source_normals,
    targets, target_axes, target_walls, target_normals, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
    leg_slope, c, envelope, envelope_first, envelope_hz, total,
):  # fmt: skip
    """Add the echoes of a list of pairs over one piece to the sums; return the number of pairs that the knots did not cover.

    tables (piece, 25, knots): see `pose_table`, of all pieces of the mover on knots of bounce time, `step` s apart; knot
    most_lead + AHEAD is the first of `even` grid points of reception time.  own: the piece that
    echoes; the others may stand in the way.  glints (G, COLUMNS): those of a dressed piece.  samples: of one block between grid points.  ratio: knots
    of phase per knot of gain.  pairs (n, 3): image of the driver, image of the microphones, best sorted by the latter, and glint, -1 for the mirror; weight (n,);
    group (n,): which sum.  sources (I, 3) m, targets (J, mic, 3) m.  Per carrier: turns_per_metre f/c, walls (carrier, W, 2, nodes),
    skin (carrier, 3, 2, nodes) of mirror, glints and what is diffuse, beam (carrier, basis, 2, D), port (carrier, basis, D), absorption Np/m and its slope Np/m/Hz,
    leg_slope (carrier, J): d ln(walls of the outgoing leg)/df, 1/Hz.  c: m/s.  envelope (carrier, n): see `gate`; none where the tone is on for ever.
    total (group, carrier * mic * basis, PLANE): float32, added to.
    """
    pieces = tables.shape[0]
    everything = np.empty((pieces, ROWS, tables.shape[2]), np.float32)
    occluders(tables, own, everything)
    known = np.full((sources.shape[0] + targets.shape[0], pieces), -1, np.int8)
    floats = rows32(SCRATCH_32 + 2 * beam.shape[1] * ROW + 3 * pieces * OCCLUDER)
    longs = rows64(SCRATCH_64)
    held = np.full((3, pieces), -1, np.int64)
    found = np.zeros((2, pieces), np.bool_)
    bands = np.empty((ROW // LANES, 2), np.int64)
    leads, middles = np.empty(targets.shape[0], np.int64), np.zeros((targets.shape[0], 3))
    order = np.empty(pairs.shape[0], np.int64)
    return _add_pairs(
        tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes, source_walls, source_normals,
        targets, target_axes, target_walls, target_normals, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
        leg_slope, c, envelope, envelope_first, envelope_hz, total,
        everything, known, floats, longs, held, found, bands, leads, middles, order,
    )  # fmt: skip

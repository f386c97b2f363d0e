"""Kernels: the echo of one piece, summed over its pairs: each pair's wave times its gain, added to every channel.

Gains change more slowly than phase (`tones`): they are evaluated on every `ratio`-th knot, per microphone, together with the small path
difference between that microphone and the middle of the array.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.carry import (
    WORK,
    add_channel,
    at_grid,
    darken,
    interpolate,
    stencil,
)
from usim.engine.glints import SHARPNESS, WEIGHT, glint_normals, shorten
from usim.engine.hiding import fetch, hide, hide_middle, in_the_way, repeat
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
    occluders,
    surface_points,
)
from usim.engine.slab import (
    EAR,
    FALL,
    IM,
    LANES,
    LEAN,
    LONG_SLAB,
    NORMAL,
    ON,
    ONE,
    RE,
    ROW,
    SECOND,
    SHIFT,
    SLAB,
    SLOPE,
    SWAY,
    TWO,
    aim,
    aim_long,
    dot,
    f32,
    whole_lanes,
)  # fmt: skip
from usim.engine.tones import (
    AHEAD,
    SCRATCH,
    SPARE,
    WAVE,
    clock,
    gate,
    tone,
)  # fmt: skip
from usim.physics.jit import fused, kernel, rows32, rows64

# where things lie in the scratch of a sum
TONES = 3 * SLAB
KNOT_ROWS = TONES + WAVE + WORK
WEIGHTS = KNOT_ROWS + 21 * ROW + SIGHT
SCRATCH_32 = WEIGHTS + ROW * ROW
WAY, RATE, WAYS = (
    0,
    ROW,
    2 * ROW,
)  # float64 rows of the middle of the array, on knots of gain: second leg (m) and slope of the path
SCRATCH_64 = LONG_SLAB + WAYS + SCRATCH


@kernel
def _window(table, first, ratio, s, start, count):
    """Copy a window of the piece's pose table (15, knots), every ratio-th knot from `first` on, into a slab from lane `start` on."""
    wide = whole_lanes(count)
    for row in range(15):
        here = s[row * ROW + start :]
        for k in range(wide):
            here[k] = f32(table[row, first + min(k, count - 1) * ratio])


@kernel
def _long_window(table, first, d, count):
    """Copy the places and shapes of a window of the pose table, every knot from `first` on, into the float64 slab."""
    for row in range(9):
        there = d[row * ROW :]
        for k in range(whole_lanes(count)):
            there[k] = table[row, first + min(k, count - 1)]


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
def _beside(coarse_s, ways, mic_s, first, dx, dy, dz, inverse_step, turns, count):
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
def _tilt(ways, s, first, per_slope, tilt_re, tilt_im, air_slope, weight, count):
    """Tilt RE, IM of one microphone's lanes by what walls and air do off the carrier."""
    for k in range(count):
        off = per_slope * ways[RATE + k]  # Hz above the carrier, as received
        up = f32(1.0 + off * (tilt_re - air_slope * ways[WAY + k])) * weight
        across = f32(off) * tilt_im * weight
        re = s[RE + first + k]
        im = s[IM + first + k]
        s[RE + first + k] = re * up - im * across
        s[IM + first + k] = re * across + im * up


@kernel
def _coarse(s, d, coarse_s, ways, ratio, count, wide):
    """Copy every ratio-th knot's normal into the coarse slab, and its second leg into WAY."""
    for k in range(wide):
        fine = min(k, count - 1) * ratio
        coarse_s[NORMAL + k] = s[NORMAL + fine]
        coarse_s[NORMAL + ROW + k] = s[NORMAL + ROW + fine]
        coarse_s[NORMAL + 2 * ROW + k] = s[NORMAL + 2 * ROW + fine]
        ways[WAY + k] = d[SECOND + fine]


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
def _add_pairs(
    tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes, source_walls, source_normals,
    targets, target_axes, target_walls, target_normals, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
    leg_slope, c, envelope, envelope_first, envelope_hz, total,
    everything, known, floats, longs, held, found, bands, leads, middles, order,
):  # fmt: skip
    """Do what `piece_sum` does, in room that it has made: see there.

    everything: of the other pieces, see `occluders`.  known (I + J, piece): see `in_the_way`.  floats, longs: scratch.  held (3, piece), found (2, piece):
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
    d, ways, e = (
        longs[:LONG_SLAB],
        longs[LONG_SLAB : LONG_SLAB + WAYS],
        longs[LONG_SLAB + WAYS :],
    )
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
    windowed = -1
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
            aim(s, cx, cy, cz, 0.0, 0.0, 0.0, 0, wide)
            aim_long(d, cx, cy, cz, wide)
            aim(coarse_s, cx, cy, cz, 0.0, 0.0, 0.0, 0, coarse_wide)
            aimed = -1  # the microphones' slab is not aimed yet
        if lead != windowed:
            windowed = lead
            _window(table, most_lead - lead, 1, s, 0, count)
            _long_window(table, most_lead - lead, d, count)
            _window(table, most_lead - lead, ratio, coarse_s, 0, coarse_count)
            for m in range(together):
                _window(table, most_lead - lead, ratio, mic_s, m * coarse_wide, coarse_count)
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
        _coarse(s, d, coarse_s, ways, ratio, coarse_count, coarse_wide)
        if g >= 0:
            shorten(table, most_lead - lead, glints[g], d, count, wide)
        if not clock(d, e, count, even, start, inverse_step):
            missed += 1
            continue
        for k in range(coarse_wide):
            ways[RATE + k] = d[SLOPE + min(k, coarse_count - 1) * ratio]
        stencil(e, even, ratio, coarse_count, work, weights, bands)
        surface_points(coarse_s, marks, coarse_wide)
        for k in range(ROW):
            out_ends[k], out_ends[ROW + k], out_ends[2 * ROW + k] = (
                f32(sx),
                f32(sy),
                f32(sz),
            )
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
                shaded = in_the_way(
                    marks, out_ends, few, few_held, everything, most_lead - lead, sight, edge, tables, own, out_known, i, ratio, sx, sy, sz, waves, least_waves, coarse_count, coarse_wide, out_found
                )  # fmt: skip
                shaded |= in_the_way(
                    marks, coarse_s[EAR:], few, few_held, everything, most_lead - lead, sight, edge, tables, own, back_known, j, ratio, cx, cy, cz, waves, least_waves, coarse_count, coarse_wide, back_found
                )  # fmt: skip
            if shaded:
                fetch(everything, most_lead - lead, out_found, back_found, crowd, crowd_held, count, wide)  # fmt: skip
                surface_points(s, points, wide)
                for k in range(wide):
                    through[k], apart[k] = ONE, ONE
                differs = hide_middle(
                    points, crowd, out_ends, out_found, waves, sight, one, through, apart, wide
                )
                differs |= hide_middle(
                    points, crowd, s[EAR:], back_found, waves, sight, one, through, apart, wide
                )
                if differs:
                    repeat(few, most_lead - lead, out_found, back_found, many, many_held, together, coarse_wide)  # fmt: skip
                at_grid(e, through, even, count, shade_on_grid)
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
                        aim(mic_s, x, y, z, ax, ay, az, m * coarse_wide, coarse_wide)
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
                    hide(mic_points, many, out_ends, out_found, waves, sight, mic_through, lanes)
                    hide(
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
                    _beside(coarse_s, ways, mic_s, m * coarse_wide, dx, dy, dz, inverse_step, turns_per_metre[f], coarse_wide)  # fmt: skip
                    _tilt(ways, mic_s, m * coarse_wide, per_slope, tilt_re, tilt_im, absorption_slope[f], strength, coarse_wide)  # fmt: skip
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
                            darken(
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
    return _add_pairs(  # called from here alone: a kernel that another one calls is compiled twice
        tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes, source_walls, source_normals,
        targets, target_axes, target_walls, target_normals, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
        leg_slope, c, envelope, envelope_first, envelope_hz, total,
        everything, known, floats, longs, held, found, bands, leads, middles, order,
    )  # fmt: skip

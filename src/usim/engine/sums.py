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
    outgoing,
    pair_paths,
)
from usim.engine.shadows import (
    OCCLUDER,
    ROWS,
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
    LONG_SLAB,
    MIDDLE,
    NORMAL,
    ONE,
    PATH,
    RE,
    ROW,
    SECOND,
    SHIFT,
    SLAB,
    SLOPE,
    aim,
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
E3, E4, E5 = f32(1 / 6), f32(1 / 24), f32(1 / 120)
GAIN_RE, GAIN_IM, CUBIC = 0, ROW, 2 * ROW  # rows of the float32 scratch of one channel
WORK = 10 * ROW
FIRST = 4 * ROW  # row of the stencil's scratch, after its weights


@kernel
def stencil(e, even, ratio, knots, four, weights):
    """Write every coarse knot's weight at every grid point: those of the cubic through the four knots around it, else zero.

    weights (knots in whole fours * ROW,); four: scratch of five rows.  Rows that are mostly zero are summed faster than four knots a point are gathered.
    """
    weights[:] = f32(0.0)
    inverse = 1.0 / ratio
    for q in range(even):
        x = e[AT + q] * inverse
        c = min(max(np.floor(x), 1.0), float(knots - 3))
        u = x - c
        four[FIRST + q] = f32(c - 1.0)
        four[q] = f32(-u * (u - 1.0) * (u - 2.0) * (1 / 6))
        four[ROW + q] = f32((u + 1.0) * (u - 1.0) * (u - 2.0) * 0.5)
        four[2 * ROW + q] = f32(-(u + 1.0) * u * (u - 2.0) * 0.5)
        four[3 * ROW + q] = f32((u + 1.0) * u * (u - 1.0) * (1 / 6))
    for q in range(even):
        at = np.uint32(np.int32(four[FIRST + q]) * ROW + q)
        weights[at] = four[q]
        weights[at + NEXT] = four[ROW + q]
        weights[at + NEXT + NEXT] = four[2 * ROW + q]
        weights[at + NEXT + NEXT + NEXT] = four[3 * ROW + q]


@kernel
def _add_four(w0, w1, w2, w3, values, k, row, count):
    """Add four knots' values, each times its weights, to a row."""
    v0, v1, v2, v3 = values[k], values[k + 1], values[k + 2], values[k + 3]
    for q in range(count):
        row[q] = fused(w0[q], v0, fused(w1[q], v1, fused(w2[q], v2, fused(w3[q], v3, row[q]))))


@kernel
def _add_knots(weights, values, row, count):
    """Add values on knots of gain, each times its weights (see `stencil`), to a row on the grid."""
    for k in range(0, len(weights) // ROW, 4):
        four = weights[k * ROW :]
        w0, w1, w2, w3 = (
            four[:ROW],
            four[ROW : 2 * ROW],
            four[2 * ROW : 3 * ROW],
            four[3 * ROW : 4 * ROW],
        )
        _add_four(w0, w1, w2, w3, values, k, row, count)


@kernel
def interpolate(weights, even, shift, fall, falls, g_re, g_im, work):
    """Interpolate one channel's gain to the grid, turned by its own phase `shift` (turns), weakened by `fall` (neper) where it `falls`; work: GAIN_RE, GAIN_IM."""
    wide = whole_lanes(even)
    re, im, away, low = (
        work[GAIN_RE : GAIN_RE + ROW],
        work[GAIN_IM : GAIN_IM + ROW],
        work[CUBIC : CUBIC + ROW],
        work[CUBIC + ROW : CUBIC + 2 * ROW],
    )
    re[:] = f32(0.0)
    im[:] = f32(0.0)
    away[:] = f32(0.0)
    low[:] = f32(0.0)
    _add_knots(weights, g_re, re, wide)
    _add_knots(weights, g_im, im, wide)
    _add_knots(weights, shift, away, wide)
    if falls:
        _add_knots(weights, fall, low, wide)
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
def add_channel(work, even, samples, wave, total):
    """Add gain times tone to one channel's sums; the gain (work: GAIN_RE, GAIN_IM on the grid) is a cubic over every block.

    total (PLANE,): SAMPLES rows of real parts by ROW blocks, then as many of imaginary parts.
    """
    blocks = even - 2 * REACH - 1
    middle = f32((samples - 1) / (2 * samples))
    for part in range(2):
        a = GAIN_IM if part else GAIN_RE
        c = CUBIC + 4 * ROW * part
        for m in range(blocks):
            q = a + m + REACH
            s0 = (f32(8.0) * (work[q + 1] - work[q - 1]) - (work[q + 2] - work[q - 2])) * f32(
                1 / 12
            )
            s1 = (f32(8.0) * (work[q + 2] - work[q]) - (work[q + 3] - work[q - 1])) * f32(1 / 12)
            rise = work[q + 1] - work[q]
            a2, a3 = f32(3.0) * rise - f32(2.0) * s0 - s1, s0 + s1 - f32(2.0) * rise
            work[c + m] = work[q] + middle * (s0 + middle * (a2 + middle * a3))
            work[c + ROW + m] = s0 + middle * (f32(2.0) * a2 + f32(3.0) * middle * a3)
            work[c + 2 * ROW + m] = a2 + f32(3.0) * middle * a3
            work[c + 3 * ROW + m] = a3
    wide = whole_lanes(blocks)
    for n in range(samples // 2):
        v = f32((samples - 1 - 2 * n) / (2 * samples))
        v2 = v * v
        base = n * ROW
        for m in range(wide):
            even_re = fused(v2, work[CUBIC + 2 * ROW + m], work[CUBIC + m])
            odd_re = v * fused(v2, work[CUBIC + 3 * ROW + m], work[CUBIC + ROW + m])
            even_im = fused(v2, work[CUBIC + 6 * ROW + m], work[CUBIC + 4 * ROW + m])
            odd_im = v * fused(v2, work[CUBIC + 7 * ROW + m], work[CUBIC + 5 * ROW + m])
            re, im = even_re - odd_re, even_im - odd_im
            sin, cos = wave[base + m], wave[COSINES + base + m]
            total[base + m] = fused(re, cos, fused(-im, sin, total[base + m]))
            total[COSINES + base + m] = fused(re, sin, fused(im, cos, total[COSINES + base + m]))
            re, im = even_re + odd_re, even_im + odd_im
            sin, cos = wave[LATE + base + m], wave[COSINES + LATE + base + m]
            total[LATE + base + m] = fused(re, cos, fused(-im, sin, total[LATE + base + m]))
            total[COSINES + LATE + base + m] = fused(
                re, sin, fused(im, cos, total[COSINES + LATE + base + m])
            )


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
def _start(coarse_s, coarse_d, mic_s, mic_d, first, count):
    """Copy what one microphone's lanes need of the middle: the normals, where its Newton steps start, and path, second leg, slope."""
    x, y, z = (
        mic_s[NORMAL + first :],
        mic_s[NORMAL + ROW + first :],
        mic_s[NORMAL + 2 * ROW + first :],
    )
    path, second, slope = (
        mic_d[MIDDLE + first :],
        mic_d[MIDDLE + ROW + first :],
        mic_d[MIDDLE + 2 * ROW + first :],
    )
    for k in range(count):
        x[k], y[k], z[k] = (
            coarse_s[NORMAL + k],
            coarse_s[NORMAL + ROW + k],
            coarse_s[NORMAL + 2 * ROW + k],
        )
    for k in range(count):
        path[k], second[k], slope[k] = (
            coarse_d[MIDDLE + k],
            coarse_d[MIDDLE + ROW + k],
            coarse_d[MIDDLE + 2 * ROW + k],
        )


@kernel
def _tilt(s, d, inverse_step, turns, per_slope, tilt_re, tilt_im, air_slope, weight, count):
    """Write the phase between microphones and the middle (turns) into SHIFT, and tilt RE, IM by what walls and air do off the carrier."""
    for k in range(count):
        # at one instant of reception this microphone hears a bounce that lies earlier by its own extra way
        late = (d[SECOND + k] - d[MIDDLE + ROW + k]) * inverse_step
        s[SHIFT + k] = f32(-turns * (d[PATH + k] - d[MIDDLE + k] - d[MIDDLE + 2 * ROW + k] * late))
        off = per_slope * d[MIDDLE + 2 * ROW + k]  # Hz above the carrier, as received
        up = f32(1.0 + off * (tilt_re - air_slope * d[SECOND + k])) * weight
        across = f32(off) * tilt_im * weight
        re = s[RE + k]
        im = s[IM + k]
        s[RE + k] = re * up - im * across
        s[IM + k] = re * across + im * up


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
    marks, few, edge, tables, own, known, leg, ratio, ex, ey, ez, waves, least_waves, count, wide, found
):  # fmt: skip
    """Fill found (piece,) with which other pieces matter to a leg from (ex, ey, ez) to marks; return whether any does.

    marks, few: where the leg ends and the other pieces, on knots of gain.  known (leg, piece): 0 never, 1 perhaps, -1 not asked yet.
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
            found[o] = not is_clear(
                marks,
                few,
                o,
                f32(ex),
                f32(ey),
                f32(ez),
                f32(waves),
                edge,
                count,
                wide,
            )
            some |= found[o]
    return some


@kernel
def _shaded(points, crowd, out_ends, out_found, back_ends, back_found, waves, through, count):
    """Write what passes the pieces found on both legs, from their ends to points (3 rows each), into `through`."""
    through[:count] = ONE
    for o in range(out_found.shape[0]):
        if out_found[o]:
            shade(points, crowd, o, out_ends, f32(waves), through, count)
        if back_found[o]:
            shade(points, crowd, o, back_ends, f32(waves), through, count)


@kernel
def _at_grid(e, values, even, count, out):
    """Carry values on knots to the grid points, by the cubic through the four knots around each."""
    for q in range(even):
        x = e[AT + q]
        c = min(max(int(x), 1), count - 3)
        u = f32(x - c)
        a, b, c1, d = values[c - 1], values[c], values[c + 1], values[c + 2]
        down, up, far = u - ONE, u + ONE, u - f32(2.0)
        out[q] = (
            a * (-u * down * far * f32(1 / 6))
            + b * (up * down * far * HALF_)
            - c1 * (up * u * far * HALF_)
            + d * (up * u * down * f32(1 / 6))
        )


@kernel
def _darken(weights, even, shade_on_grid, differs, work):
    """Multiply the gain on the grid by what passes: at the middle of the array, and how that differs (on knots of gain) for one microphone."""
    wide = whole_lanes(even)
    row = work[CUBIC : CUBIC + ROW]
    row[:] = shade_on_grid
    _add_knots(weights, differs, row, wide)
    for q in range(wide):
        work[GAIN_RE + q] *= work[CUBIC + q]
        work[GAIN_IM + q] *= work[CUBIC + q]


@kernel
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
    table = tables[own]
    mics = targets.shape[1]
    carriers = turns_per_metre.shape[0]
    functions = beam.shape[1]
    count = (even + SPARE + 2) // 4 * 4 + 1
    coarse_count = (count - 1) // ratio + 1
    wide = whole_lanes(count)
    coarse_wide = whole_lanes(coarse_count)
    together = min(
        ROW // coarse_wide, mics
    )  # microphones side by side in one slab: loops are longer
    inverse_step = 1.0 / (c * step)
    s, d = rows32(SLAB), rows64(LONG_SLAB)  # every knot, to the middle of the array
    coarse_s, coarse_d = rows32(SLAB), rows64(LONG_SLAB)  # every ratio-th knot, likewise
    mic_s, mic_d = rows32(SLAB), rows64(LONG_SLAB)  # every ratio-th knot, to each microphone
    e = rows64(SCRATCH)
    wave = rows32(WAVE)
    work = rows32(WORK)
    weights = rows32((coarse_count + 3) // 4 * 4 * ROW)
    g_re, g_im = rows32(ROW), rows32(ROW)
    way_re, way_im = rows32(functions * ROW), rows32(functions * ROW)
    through, mic_through, shade_on_grid = rows32(ROW), rows32(ROW), rows32(ROW)
    points, mic_points, out_ends = rows32(3 * ROW), rows32(3 * ROW), rows32(3 * ROW)
    out_found = np.zeros(tables.shape[0], np.bool_)
    back_found = np.zeros(tables.shape[0], np.bool_)
    crowd, few = rows32(tables.shape[0] * OCCLUDER), rows32(tables.shape[0] * OCCLUDER)
    edge, marks = rows32(ROW), rows32(3 * ROW)
    everything = np.empty((tables.shape[0], ROWS, tables.shape[2]), np.float32)
    occluders(tables, own, everything)
    out_known = np.full((sources.shape[0], tables.shape[0]), -1, np.int8)
    back_known = np.full((targets.shape[0], tables.shape[0]), -1, np.int8)
    least_waves = turns_per_metre.min()
    missed = 0
    held = -1
    aimed = -1
    centre = most_lead + AHEAD + even // 2
    ox, oy, oz = table[0, centre], table[1, centre], table[2, centre]
    for n in range(pairs.shape[0]):
        i = pairs[n, 0]
        j = pairs[n, 1]
        sx, sy, sz = sources[i, 0], sources[i, 1], sources[i, 2]
        if j != aimed:
            cx = 0.0
            cy = 0.0
            cz = 0.0
            for m in range(mics):
                cx += targets[j, m, 0] / mics
                cy += targets[j, m, 1] / mics
                cz += targets[j, m, 2] / mics
            away = math.sqrt((cx - ox) ** 2 + (cy - oy) ** 2 + (cz - oz) ** 2)
            lead = min(int(away * inverse_step), most_lead)
            aim(s, d, cx, cy, cz, 0.0, 0.0, 0.0, 0, wide)
            aim(coarse_s, coarse_d, cx, cy, cz, 0.0, 0.0, 0.0, 0, coarse_wide)
            aimed = -1  # the microphones' slab is not aimed yet
        if lead != held:
            held = lead
            _window(table, most_lead - lead, 1, s, d, 0, count)
            _window(table, most_lead - lead, ratio, coarse_s, coarse_d, 0, coarse_count)
            for m in range(together):
                _window(table, most_lead - lead, ratio, mic_s, mic_d, m * coarse_wide, coarse_count)
            window_of(everything, own, most_lead - lead, 1, crowd, 0, count, wide)
            for m in range(together):
                window_of(
                    everything,
                    own,
                    most_lead - lead,
                    ratio,
                    few,
                    m * coarse_wide,
                    coarse_count,
                    coarse_wide,
                )
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
        stencil(e, even, ratio, coarse_count, work, weights)
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
            if tables.shape[0] > 1:
                shaded = _in_the_way(
                    marks, few, edge, tables, own, out_known, i, ratio, sx, sy, sz, waves, least_waves, coarse_count, coarse_wide, out_found
                )  # fmt: skip
                shaded |= _in_the_way(
                    marks, few, edge, tables, own, back_known, j, ratio, cx, cy, cz, waves, least_waves, coarse_count, coarse_wide, back_found
                )  # fmt: skip
            if shaded:
                for k in range(ROW):
                    out_ends[k], out_ends[ROW + k], out_ends[2 * ROW + k] = (
                        f32(sx),
                        f32(sy),
                        f32(sz),
                    )
                surface_points(s, points, wide)
                _shaded(
                    points, crowd, out_ends, out_found, s[EAR:], back_found, waves, through, wide
                )
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
                    _start(coarse_s, coarse_d, mic_s, mic_d, m * coarse_wide, coarse_wide)
                lanes = some * coarse_wide
                pair_paths(mic_s, mic_d, sx, sy, sz, 1 if mics > 1 and g < 0 else 0, lanes)
                if shaded:
                    surface_points(mic_s, mic_points, lanes)
                    _shaded(
                        mic_points,
                        few,
                        out_ends,
                        out_found,
                        mic_s[EAR:],
                        back_found,
                        waves,
                        mic_through,
                        lanes,
                    )
                    for m in range(some):
                        for k in range(coarse_wide):
                            mic_through[m * coarse_wide + k] -= through[
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
                _tilt(
                    mic_s,
                    mic_d,
                    inverse_step,
                    turns_per_metre[f],
                    per_slope,
                    tilt_re,
                    tilt_im,
                    absorption_slope[f],
                    strength,
                    lanes,
                )
                for b in range(functions):
                    arriving(mic_s, port_f, b, lanes)
                    for m in range(some):
                        joined(
                            mic_s, m * coarse_wide, way_re, way_im, b * ROW, g_re, g_im, coarse_wide
                        )
                        interpolate(
                            weights,
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
                                weights, even, shade_on_grid, mic_through[m * coarse_wide :], work
                            )
                        add_channel(
                            work,
                            even,
                            samples,
                            wave,
                            total[group[n], (f * mics + first + m) * functions + b],
                        )
        aimed = j
    return missed

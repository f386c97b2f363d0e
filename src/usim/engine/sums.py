"""Kernels: the echo of one piece, summed over its pairs: each pair's wave times its gain, added to every channel.

Gains change more slowly than phase (`tones`): they are evaluated on every `ratio`-th knot, per microphone, together with the small path
difference between that microphone and the middle of the array.
"""

from __future__ import annotations

import threading

import numpy as np

from usim.engine import patches
from usim.engine.anchor import MIC_ROWS
from usim.engine.array import (
    POSE,
    WAYS,
    aim_microphones,
    beside,
    blown,
    coarsen,
    long_window,
    middles_of,
    offset,
    rates,
    start_from,
    tilt,
    window,
    window_beside,
)
from usim.engine.carry import (
    WORK,
    add_channel,
    at_grid,
    darken,
    interpolate,
    refined,
    stencil,
)
from usim.engine.glints import SHARPNESS, WEIGHT, glint_normals, shorten
from usim.engine.hiding import fetch, hide, hide_middle, in_the_way, repeat
from usim.engine.instants import SUM
from usim.engine.pairs import (
    MIRROR,
    _first_normal,
    arriving,
    incoming,
    joined,
    normal_step,
    outgoing,
    pair_paths,
    reflected,
)
from usim.engine.patches import MOST, _add_patches, find_runs
from usim.engine.shadows import (
    BEYOND,
    CLEAR,
    OCCLUDER,
    ROWS,
    SIGHT,
    SWIFT,
    occluders,
    surface_points,
)
from usim.engine.slab import (
    EAR,
    FALL,
    LANES,
    LEAN,
    LONG_SLAB,
    ONE,
    ROW,
    SHIFT,
    SLAB,
    SWAY,
    aim,
    aim_long,
    f32,
    sparsest,
    thin_row,
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
from usim.physics.jit import kernel, rows32, rows64

# where things lie in the scratch of a sum
TONES = 3 * SLAB
KNOT_ROWS = TONES + WAVE + WORK
WEIGHTS = KNOT_ROWS + 23 * ROW + SIGHT
SCRATCH_32 = WEIGHTS + ROW * ROW
SCRATCH_64 = LONG_SLAB + WAYS + SCRATCH
STILL = np.zeros((1, 0))


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
    tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes,
    targets, target_axes, chains, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
    leg_slope, c, envelope, envelope_first, envelope_hz, total,
    everything, floats, slabs, longs, held, found, bands, leads, middles, order, air,
):  # fmt: skip
    """Do what `piece_sum` does, in room that it has made: see there.

    everything: of the other pieces, see `occluders`.  floats, slabs, longs: scratch.  held (3, piece), found (2, piece):
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
    one, apart = rows[19 * ROW : 20 * ROW], rows[20 * ROW : 21 * ROW]
    sparse, sight = rows[21 * ROW : 23 * ROW], rows[23 * ROW :]
    mic_points, out_ends, marks = (
        rows[10 * ROW : 13 * ROW],
        rows[13 * ROW : 16 * ROW],
        rows[16 * ROW : 19 * ROW],
    )
    weights = floats[WEIGHTS:]
    way_re = floats[SCRATCH_32 : SCRATCH_32 + functions * ROW]
    way_im = floats[SCRATCH_32 + functions * ROW : SCRATCH_32 + 2 * functions * ROW]
    few = slabs[: pieces * OCCLUDER]
    crowd = slabs[pieces * OCCLUDER : 2 * pieces * OCCLUDER]
    many = slabs[2 * pieces * OCCLUDER :]
    few_held, crowd_held, many_held = held[0], held[1], held[2]
    out_found, back_found = found[0], found[1]
    missed = 0
    windowed = -1
    aimed = -1
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
            window(table, POSE, most_lead - lead, 1, s, 0, count)
            long_window(table, most_lead - lead, d, count)
            window(table, POSE, most_lead - lead, ratio, coarse_s, 0, coarse_count)
            for m in range(together):
                window_beside(coarse_s, POSE, mic_s, m * coarse_wide, coarse_wide)
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
        coarsen(s, d, coarse_s, ways, ratio, coarse_count, coarse_wide)
        if g >= 0:
            shorten(table, most_lead - lead, glints[g], d, count, wide)
        blown(air, n, most_lead - lead, d, count)
        if not clock(d, e, count, even, start, inverse_step):
            missed += 1
            continue
        rates(d, ways, ratio, coarse_count, coarse_wide)
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
            reflected(coarse_s, sx, sy, sz, sharpness, coarse_wide)
            waves = turns_per_metre[f]
            incoming(coarse_s, chains, i, sx, sy, sz, waves, walls_f, skin_f, beam_f, source_axes, way_re, way_im, coarse_wide)  # fmt: skip
            shaded, differs, swift = False, False, f32(0.0)
            if tables.shape[0] > 1:
                shaded, swift = in_the_way(
                    marks, 1, out_ends, few, few_held, everything, most_lead - lead, sight, edge, own, ratio, waves, coarse_count, coarse_wide, CLEAR, f32(0.0), out_found
                )  # fmt: skip
                also, quick = in_the_way(
                    marks, 1, coarse_s[EAR:], few, few_held, everything, most_lead - lead, sight, edge, own, ratio, waves, coarse_count, coarse_wide, CLEAR, f32(0.0), back_found
                )  # fmt: skip
                shaded, swift = shaded or also, max(swift, quick)
            if shaded:
                # shades are told as densely as the quickest limb asks for
                stride = sparsest(ratio, swift, SWIFT)
                shades = (count - 1) // stride + 1
                lanes = whole_lanes(shades)
                fetch(everything, most_lead - lead, stride, out_found, back_found, crowd, crowd_held, lanes)  # fmt: skip
                surface_points(s, points, wide)
                for axis in range(3):
                    thin_row(points[axis * ROW :], stride, shades, lanes, mic_points[axis * ROW :])
                for k in range(lanes):
                    sparse[k + 2], apart[k] = ONE, ONE
                differs = hide_middle(
                    mic_points,
                    crowd,
                    out_ends,
                    out_found,
                    waves,
                    sight,
                    one,
                    sparse[2:],
                    apart,
                    lanes,
                )
                differs |= hide_middle(
                    mic_points,
                    crowd,
                    s[EAR:],
                    back_found,
                    waves,
                    sight,
                    one,
                    sparse[2:],
                    apart,
                    lanes,
                )
                for k in range(lanes):
                    sparse[k + 2] *= apart[k]
                refined(sparse, stride, shades, through, wide)
                for k in range(coarse_wide):
                    apart[k] = apart[min(k, coarse_count - 1) * (ratio // stride)]
                if differs:
                    repeat(few, most_lead - lead, out_found, back_found, many, many_held, together, coarse_wide)  # fmt: skip
                at_grid(e, through, even, count, shade_on_grid)
            tilt_re = f32(leg_slope[f, j].real)
            tilt_im = f32(leg_slope[f, j].imag)
            for first in range(0, mics, together):
                some = min(together, mics - first)
                if j != aimed or mics > together:
                    aim_microphones(mic_s, targets, target_axes, j, first, some, coarse_wide)
                for m in range(some):
                    start_from(coarse_s, mic_s, m * coarse_wide, coarse_wide)
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
                            mic_through[m * coarse_wide + k] -= apart[k]
                reflected(mic_s, sx, sy, sz, sharpness, lanes)
                outgoing(mic_s, chains, j, waves, walls_f, f32(absorption[f]), lanes)
                per_slope = -turns_per_metre[f] / step
                for m in range(some):
                    dx, dy, dz = offset(targets, j, first + m, cx, cy, cz)
                    beside(coarse_s, ways, mic_s, m * coarse_wide, dx, dy, dz, inverse_step, turns_per_metre[f], coarse_wide)  # fmt: skip
                    tilt(ways, mic_s, m * coarse_wide, per_slope, tilt_re, tilt_im, absorption_slope[f], strength, coarse_wide)  # fmt: skip
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


class _Room(threading.local):
    """Scratch of the kernels: one thread asks for the same sizes again and again, and fresh memory costs more than it is worth.

    What a kernel reads of it, it has written before: nothing is passed on.
    """

    sizes: tuple[int, ...] = ()

    everything = np.zeros(0, np.float32)

    def occluders(self, pieces: int, knots: int) -> np.ndarray:
        """Return room for so many knots of pieces that may stand in the way."""
        if len(self.everything) < pieces * ROWS * knots:
            self.everything = rows32(pieces * ROWS * knots)
        return self.everything[: pieces * ROWS * knots].reshape(pieces, ROWS, knots)

    def of(self, pieces: int, mics: int, functions: int) -> _Room:
        """Return the room for so many pieces, microphones and basis functions."""
        if self.sizes != (pieces, mics, functions):
            self.sizes = (pieces, mics, functions)
            self.pairs = rows32(SCRATCH_32 + 2 * functions * ROW), rows64(SCRATCH_64)
            self.slabs = rows32(3 * pieces * OCCLUDER)
            self.windows, self.waves = rows32(patches.WINDOWS), rows32(patches.WAVES)
            self.longs = rows64(patches.LONGS)
            self.stored = rows32(MOST * (1 + mics) * 2 * ROW).reshape(MOST, 1 + mics, -1)
            self.sums = rows32(mics * SUM).reshape(mics, SUM)
            self.of_mics = rows32(mics * MIC_ROWS * ROW).reshape(mics, -1)
            self.across = np.zeros((2, 3), np.float32)
        return self


_ROOM = _Room()


def piece_sum(
    tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes,
    targets, target_axes, chains, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
    leg_slope, c, envelope, envelope_first, envelope_hz, total, shared=False, air=STILL,
):  # fmt: skip
    """Add the echoes of a list of pairs over one piece to the sums; return the number of pairs that the knots did not cover.

    tables (piece, 25, knots): see `pose_table`, of all pieces of the mover on knots of bounce time, `step` s apart; knot
    most_lead + AHEAD is the first of `even` grid points of reception time.  own: the piece that
    echoes; the others may stand in the way.  glints (G, COLUMNS): those of a dressed piece.  samples: of one block between grid points.  ratio: knots
    of phase per knot of gain.  pairs (n, 3): image of the driver, image of the microphones, best sorted by the latter, and glint, -1 for the mirror; weight (n,);
    group (n,): which sum.  sources (I, 3) m, targets (J, mic, 3) m.  Per carrier: turns_per_metre f/c, walls (carrier, W, 2, nodes),
    skin (carrier, 3, 2, nodes) of mirror, glints and what is diffuse, beam (carrier, basis, 2, D), port (carrier, basis, D), absorption Np/m and its slope Np/m/Hz,
    leg_slope (carrier, J): d ln(walls of the outgoing leg)/df, 1/Hz.  c: m/s.  envelope (carrier, n): see `gate`; none where the tone is on for ever.
    total (group, carrier * mic * basis, PLANE): float32, added to.  shared: glints that one pair of legs sees are summed as a patch, see `patches`; not with an envelope.
    air: see `blown`; STILL where nothing moves it.
    """
    pieces, mics, functions = tables.shape[0], targets.shape[1], beam.shape[1]
    room = _ROOM.of(pieces, mics, functions)
    everything = room.occluders(pieces, tables.shape[2] + BEYOND)
    occluders(tables, own, everything)
    found = np.zeros((2, pieces), np.bool_)
    bands = np.empty((ROW // LANES, 2), np.int64)
    leads, middles = np.empty(targets.shape[0], np.int64), np.zeros((targets.shape[0], 3))
    centre = tables[own, :3, most_lead + AHEAD + even // 2]
    middles_of(targets, *centre, 1.0 / (c * step), most_lead, leads, middles)
    missed = 0
    if shared:
        runs, single = np.empty((len(pairs) // 2, 2), np.int64), np.empty(len(pairs), np.bool_)
        runs = runs[: find_runs(glints, pairs, group, runs, single)]
        if len(runs):
            missed += _add_patches(
                tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, runs, sources, source_axes,
                targets, target_axes, chains, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope, leg_slope, c, total,
                everything, np.full((3, pieces), -1, np.int64), found, bands, leads, middles,
                room.windows, room.waves, room.slabs, room.longs, room.stored, room.sums, room.of_mics, room.across, air,
            )  # fmt: skip
            pairs, weight, group = pairs[single], weight[single], group[single]
            air = np.concatenate([air[:-1][single], air[-1:]]) if air.shape[1] else air
    return missed + _add_pairs(  # called from here alone: a kernel that another one calls is compiled twice
        tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes,
        targets, target_axes, chains, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
        leg_slope, c, envelope, envelope_first, envelope_hz, total,
        everything, room.pairs[0], room.slabs, room.pairs[1], np.full((3, pieces), -1, np.int64), found, bands, leads, middles,
        np.empty(len(pairs), np.int64), air,
    )  # fmt: skip

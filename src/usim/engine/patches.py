"""Kernels: the glints that one pair of legs sees on a dressed piece, summed as one *patch*.

What such glints share (legs, walls, beam, air, limbs in the way) is evaluated at one *anchor*, the mirror point of the smooth piece, together with how it
changes across the surface, told by four probes beside the anchor.  A glint adds its lobe and its own small way against the anchor: a
complex number that changes by some tens of hertz, however fast the piece moves.  So glints are summed at a few instants between two knots, for every microphone,
and only their sum is brought to the rate of samples and turned by the anchor's phase.

A glint is reached a little before or after the anchor; that is taken off its way to first order.  Walls, beam and air are parabolas across the patch.  Limbs in
the way are looked at for every glint, at the middle of the array; from there to the microphones their shade changes to first order.
"""

from __future__ import annotations

import math

from usim.engine.anchor import (
    ALPHA,
    LATENESS,
    OF_PATCH,
    PORTS,
    PROBES,
    ROTATION,
    TURNING,
    _across,
    _anchor,
    _bare,
    _bent,
    _extent,
    _pace,
    _port_slope,
    _probed,
    _relative,
    _tangents,
    _thin,
    _ways,
)
from usim.engine.array import (
    POSE,
    WAYS,
    aim_microphones,
    beside,
    blown,
    coarsen,
    faces_as_before,
    long_window,
    offset,
    rates,
    start_from,
    tilt,
    window,
    window_beside,
)
from usim.engine.carry import WORK, add_channel, interpolate, lifted, refined, stencil
from usim.engine.facets import ARM, _gain, _glint, _hidden, _in_the_open, _phase
from usim.engine.glints import HEIGHT, SHARPNESS, SLIP, TURN, WEIGHT
from usim.engine.hiding import fetch, in_the_way
from usim.engine.instants import FAST, FINEST, IMAGINARY, KNOTS, SLOW, _instants, _sampled, _shine
from usim.engine.pairs import (
    _cosine,
    _first_normal,
    _port,
    arriving,
    incoming,
    joined,
    joined_to,
    outgoing,
    pair_paths,
    reflected,
)
from usim.engine.shadows import OCCLUDER, SIGHT, SWIFT, surface_points
from usim.engine.slab import (
    EAR,
    FACTOR,
    FALL,
    IM,
    LEAN,
    LONG_SLAB,
    ON,
    ONE,
    RE,
    ROW,
    SHIFT,
    SLAB,
    SLOPE,
    SWAY,
    aim,
    aim_long,
    dot,
    f32,
    sparsest,
    whole_lanes,
)  # fmt: skip
from usim.engine.tones import (
    AHEAD,
    SCRATCH,
    SPARE,
    WAVE,
    clock,
    tone,
)  # fmt: skip
from usim.physics.jit import kernel

MOST = 40  # glints in a patch: more are several patches
LEAST_GLINTS = 2  # fewer are pairs
PROBE = 2.0  # tilt of the normal to a probe, in standard deviations of the lobe
SPAN = 1.5  # tilt to the outermost glints, in that of a probe
# Fresnel parameter at the anchor up to which limbs are looked at more closely: glints lie beside it
ALERT = f32(2.5)
SHADE_S = 0.008  # knots no farther apart than half of this tell shades on every second
# most that the mirror point moves over the piece between two knots at which glints are evaluated, in standard deviations of the lobe
PACE = f32(0.5)

# rows of the float32 scratch that is no window, see `_add_patches`
G_RE, G_IM, BESIDE, EDGE = 0, ROW, 2 * ROW, 4 * ROW
POINTS, MARKS, ENDS = 6 * ROW, 12 * ROW, 15 * ROW
WAY_RE, WAY_IM = 27 * ROW, 28 * ROW
FELT = 29 * ROW  # gains at the anchor and its probes, on knots of gain
LIFTS = FELT + 2 * (1 + PROBES) * ROW
SEEN = LIFTS + 6 * ROW
SPARSE = SEEN + SIGHT  # phase and gain of a glint on the knots at which it is evaluated
TURNED = SPARSE + 4 * ROW
OF_LEGS = TURNED + TURNING * ROW
WINDOWS = 5 * SLAB + 2 * OF_PATCH + OF_LEGS
WAVES = 2 * WAVE + WORK + ROW * ROW + FINEST * KNOTS * ROW
LONGS = LONG_SLAB + WAYS + SCRATCH


@kernel
def _add_patches(
    tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, runs, sources, source_axes,
    targets, target_axes, chains, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope, leg_slope, c, total,
    everything, held, found, bands, leads, middles, windows, floats, slabs, longs, stored, sums, of_mics, across, air,
):  # fmt: skip
    """Do what `sums.piece_sum` does, in room that it has made: see there.

    windows (WINDOWS,), floats (WAVES,), slabs (2 * piece * OCCLUDER,), longs (LONGS,), stored (MOST, 1 + mic, 2 * ROW), sums (mic, SUM), of_mics (mic, MIC_ROWS * ROW), across (2, 3): scratch.
    """
    table = tables[own]
    mics, pieces = targets.shape[1], tables.shape[0]
    carriers, functions = turns_per_metre.shape[0], beam.shape[1]
    count = (even + SPARE + 2) // 4 * 4 + 1
    coarse_count = (count - 1) // ratio + 1
    wide, coarse_wide = whole_lanes(count), whole_lanes(coarse_count)
    together, packed = min(ROW // coarse_wide, mics), min(ROW // coarse_wide, 1 + PROBES)
    inverse_step = 1.0 / (c * step)
    # every knot, to the middle; every ratio-th knot, likewise at the anchor and its probes; every ratio-th knot, to the middle; to each microphone
    s, t, coarse_s, mic_s = windows[:SLAB], windows[SLAB : 2 * SLAB], windows[2 * SLAB : 3 * SLAB], windows[3 * SLAB : 4 * SLAB]  # fmt: skip
    thin_s, coarse_x = windows[4 * SLAB : 5 * SLAB], windows[5 * SLAB : 5 * SLAB + OF_PATCH]
    thin_x, rows = windows[5 * SLAB + OF_PATCH : 5 * SLAB + 2 * OF_PATCH], windows[5 * SLAB + 2 * OF_PATCH :]  # fmt: skip
    d, ways, e = longs[:LONG_SLAB], longs[LONG_SLAB : LONG_SLAB + WAYS], longs[LONG_SLAB + WAYS :]
    wave, turned, work = floats[:WAVE], floats[WAVE : 2 * WAVE], floats[2 * WAVE : 2 * WAVE + WORK]
    weights = floats[2 * WAVE + WORK : 2 * WAVE + WORK + ROW * ROW]
    instants = floats[2 * WAVE + WORK + ROW * ROW :]
    g_re, g_im, beside_one, sight = rows[G_RE:], rows[G_IM:], rows[BESIDE:], rows[SEEN:]
    way_re, way_im = rows[WAY_RE:], rows[WAY_IM:]
    edge, points, marks, ends = rows[EDGE:], rows[POINTS:], rows[MARKS:], rows[ENDS:]
    felt, lifts, more_lifts = rows[FELT:], rows[LIFTS:], rows[LIFTS + ROW :]
    sparse, turned_by = rows[SPARSE:TURNED], rows[TURNED:]
    middle = coarse_count // 2
    few, crowd = slabs[: pieces * OCCLUDER], slabs[pieces * OCCLUDER : 2 * pieces * OCCLUDER]
    few_held, crowd_held = held[0], held[1]
    out_found, back_found = found[0], found[1]
    missed, windowed, aimed, lead = 0, -1, -1, 0
    cx, cy, cz = 0.0, 0.0, 0.0
    for run in range(runs.shape[0]):
        begin, end = runs[run, 0], runs[run, 1]
        i, j = pairs[begin, 0], pairs[begin, 1]
        sx, sy, sz = sources[i, 0], sources[i, 1], sources[i, 2]
        if j != aimed:
            cx, cy, cz = middles[j, 0], middles[j, 1], middles[j, 2]
            lead = leads[j]
            aim(s, cx, cy, cz, 0.0, 0.0, 0.0, 0, wide)
            aim_long(d, cx, cy, cz, wide)
            for p in range(packed):
                aim(t, cx, cy, cz, 0.0, 0.0, 0.0, p * coarse_wide, coarse_wide)
            aim(coarse_s, cx, cy, cz, 0.0, 0.0, 0.0, 0, coarse_wide)
        first = most_lead - lead
        if lead != windowed:
            windowed = lead
            window(table, POSE, first, 1, s, 0, count)
            long_window(table, first, d, count)
            window(table, POSE, first, ratio, coarse_s, 0, coarse_count)
            for p in range(packed):
                window_beside(coarse_s, POSE, t, p * coarse_wide, coarse_wide)
            for m in range(together):
                window_beside(coarse_s, POSE, mic_s, m * coarse_wide, coarse_wide)
            window(table[TURN:], TURNING, first, 1, turned_by, 0, count)
            window(table[TURN:], TURNING, first, ratio, coarse_x[ROTATION:], 0, coarse_count)
        _first_normal(s, f32(sx), f32(sy), f32(sz), wide)
        pair_paths(s, d, sx, sy, sz, newton_steps, wide)
        coarsen(s, d, coarse_s, ways, ratio, coarse_count, coarse_wide)
        blown(air, begin, first, d, count)
        if not clock(d, e, count, even, float(lead + AHEAD), inverse_step):
            missed += end - begin
            aimed = -1
            continue
        rates(d, ways, ratio, coarse_count, coarse_wide)
        stencil(e, even, ratio, coarse_count, work, weights, bands)
        _anchor(coarse_s, coarse_x, f32(sx), f32(sy), f32(sz), coarse_wide)
        _tangents(coarse_s, coarse_x, middle, coarse_wide)
        _across(coarse_x, middle, across)
        for k in range(ROW):
            ends[k], ends[ROW + k], ends[2 * ROW + k] = f32(sx), f32(sy), f32(sz)
            for axis in range(3):
                at = middles[j, axis]
                ends[(3 + axis) * ROW + k] = f32(at)
                ends[(6 + axis) * ROW + k] = f32(at) + ARM * across[0, axis]
                ends[(9 + axis) * ROW + k] = f32(at) + ARM * across[1, axis]
        sharpness = glints[pairs[begin, 2], SHARPNESS]
        by = PROBE / math.sqrt(2.0 * sharpness)
        inverse = f32(1.0 / by)
        pace = _pace(coarse_s, coarse_x, sharpness, coarse_count)
        slack = _extent(coarse_s, coarse_x, SPAN * by, middle)
        _probed(coarse_s, coarse_x, by, t, coarse_wide, 0, packed)
        surface_points(t, marks, packed * coarse_wide)
        for f in range(carriers):
            walls_f, skin_f, beam_f, port_f = walls[f], skin[f, 1:2], beam[f], port[f]
            waves = turns_per_metre[f]
            tone(e, even, waves, samples, wave)
            shaded, swift = False, f32(0.0)
            if pieces > 1:
                shaded, swift = in_the_way(
                    marks, packed, ends, few, few_held, everything, first, sight, edge, own, ratio, waves, coarse_count, coarse_wide, ALERT, slack, out_found
                )  # fmt: skip
                also, quick = in_the_way(
                    marks, packed, t[EAR:], few, few_held, everything, first, sight, edge, own, ratio, waves, coarse_count, coarse_wide, ALERT, slack, back_found
                )  # fmt: skip
                shaded, swift = shaded or also, max(swift, quick)
            # glints are evaluated as densely as the quickest of what they see asks for
            stride = min(sparsest(ratio, pace, PACE), sparsest(ratio, swift, SWIFT))
            coarser, thin_count = ratio // stride, (count - 1) // stride + 1
            thin_wide = whole_lanes(thin_count)
            glint_s, x = coarse_s, coarse_x
            if coarser > 1:
                glint_s, x = thin_s, thin_x
                _thin(s, turned_by, stride, thin_count, thin_wide, glint_s, x)
                _anchor(glint_s, x, f32(sx), f32(sy), f32(sz), thin_wide)
                _tangents(glint_s, x, middle * coarser, thin_wide)
            for k in range(thin_wide):
                x[LATENESS + k] = f32(d[SLOPE + min(k * stride, count - 1)] * inverse_step)
            dense = 2 if 2.0 * stride * step <= SHADE_S and coarser > 1 and stride <= 2 else 1
            shade_wide = whole_lanes((thin_count - 1) // dense + 1)
            if shaded:
                fetch(everything, first, stride * dense, out_found, back_found, crowd, crowd_held, shade_wide)  # fmt: skip
            else:
                _in_the_open(x, thin_wide)
            for b in range(functions):
                most = f32(0.0)
                for low in range(0, 1 + PROBES, packed):
                    some = min(packed, 1 + PROBES - low)
                    lanes = some * coarse_wide
                    _probed(coarse_s, coarse_x, by, t, coarse_wide, low, some)
                    reflected(t, sx, sy, sz, f32(0.0), lanes)
                    incoming(t, chains, i, sx, sy, sz, waves, walls_f, skin_f, beam_f[b : b + 1], source_axes, way_re, way_im, lanes)  # fmt: skip
                    _bare(t, lanes)
                    outgoing(t, chains, j, waves, walls_f, f32(absorption[f]), lanes)
                    for p in range(some):
                        felt_re, felt_im = (
                            felt[2 * (low + p) * ROW :],
                            felt[(2 * (low + p) + 1) * ROW :],
                        )
                        out_re, out_im = t[RE + p * coarse_wide :], t[IM + p * coarse_wide :]
                        joined_to(out_re, out_im, way_re[p * coarse_wide :], way_im[p * coarse_wide :], felt_re, felt_im, coarse_wide)  # fmt: skip
                    for m in range(mics if port_f.shape[1] > 1 else 0):
                        if faces_as_before(target_axes, j, m):
                            continue
                        ax, ay, az = (
                            target_axes[j, m, 0],
                            target_axes[j, m, 1],
                            target_axes[j, m, 2],
                        )
                        _cosine(t, ON, -ax, -ay, -az, False, lanes)
                        _port(t, port_f, b, lanes)
                        for p in range(some):
                            here, there = (
                                of_mics[m, PORTS + (low + p) * ROW :],
                                t[FACTOR + p * coarse_wide :],
                            )
                            for k in range(coarse_wide):
                                here[k] = there[k]
                for probe in range(1, 1 + PROBES):
                    _relative(felt, probe, coarse_wide)
                for part in range(4):  # real and imaginary, towards both tangents
                    low = (2 + 4 * (part // 2) + part % 2) * ROW
                    _bent(
                        felt[low:], felt[low + 2 * ROW :], inverse, lifts, more_lifts, coarse_wide
                    )
                    lifted(lifts, coarser, x[ALPHA + low - 2 * ROW :], thin_wide)
                    lifted(more_lifts, coarser, x[ALPHA + low :], thin_wide)
                for m in range(mics):
                    for tangent in range(2):
                        here = of_mics[m, ROW + tangent * ROW :]
                        if faces_as_before(target_axes, j, m):
                            there = of_mics[m - 1, ROW + tangent * ROW :]
                            for k in range(thin_wide):
                                here[k] = there[k]
                        elif port_f.shape[1] > 1:
                            _port_slope(of_mics[m], PORTS + (1 + 2 * tangent) * ROW, PORTS + (2 + 2 * tangent) * ROW, inverse, lifts, coarse_wide)  # fmt: skip
                            lifted(lifts, coarser, here, thin_wide)
                        else:
                            for k in range(thin_wide):
                                here[k] = f32(0.0)
                for m in range(mics):
                    dx, dy, dz = offset(targets, j, m, cx, cy, cz)
                    _ways(x, dx, dy, dz, of_mics[m], thin_wide)
                for n in range(begin, end):
                    glint, mine = glints[pairs[n, 2]], stored[n - begin]
                    _glint(
                        glint_s, x, f32(glint[0]), f32(glint[1]), f32(glint[2]), f32(glint[HEIGHT]), f32(glint[SLIP]), f32(glint[WEIGHT]) * weight[n], stride, thin_wide
                    )  # fmt: skip
                    if shaded:
                        _hidden(glint_s, x, points, crowd, few, ends, found, waves, sight, lifts, dense, shade_wide, coarser, coarse_wide, thin_wide)  # fmt: skip
                    change = _phase(x, waves, inverse_step, stride, coarser, sparse[2:], thin_wide)
                    refined(sparse, stride, thin_count, mine[0], wide)
                    most = change if change > most else most
                    for m in range(mics):
                        dx, dy, dz = offset(targets, j, m, cx, cy, cz)
                        ahead = dot(dx, dy, dz, across[0, 0], across[0, 1], across[0, 2])
                        aside = dot(dx, dy, dz, across[1, 0], across[1, 1], across[1, 2])
                        _gain(x, of_mics[m], dx, dy, dz, ahead, aside, waves, inverse_step, f32(sharpness), sparse[2:], thin_wide)  # fmt: skip
                        refined(sparse, stride, thin_count, mine[1 + m], wide)
                        refined(sparse[ROW:], stride, thin_count, mine[1 + m, ROW:], wide)
                fineness = 2 if most <= SLOW else 4
                while fineness < samples and most > FAST * f32(fineness):
                    fineness *= 2
                knot = _instants(e, even, fineness, instants)
                for m in range(mics):
                    for v in range(fineness):
                        re, im = sums[m, v * ROW :], sums[m, IMAGINARY + v * ROW :]
                        for q in range(ROW):
                            re[q], im[q] = f32(0.0), f32(0.0)
                for n in range(end - begin):
                    _shine(stored[n, 0], stored[n, 1:], knot, instants, fineness, even, beside_one, sums)  # fmt: skip
                reflected(coarse_s, sx, sy, sz, f32(0.0), coarse_wide)
                incoming(coarse_s, chains, i, sx, sy, sz, waves, walls_f, skin_f, beam_f[b : b + 1], source_axes, way_re, way_im, coarse_wide)  # fmt: skip
                tilt_re, tilt_im = f32(leg_slope[f, j].real), f32(leg_slope[f, j].imag)
                for low in range(0, mics, together):
                    some = min(together, mics - low)
                    lanes = some * coarse_wide
                    if j != aimed or mics > together:
                        aim_microphones(mic_s, targets, target_axes, j, low, some, coarse_wide)
                    for m in range(some):
                        start_from(coarse_s, mic_s, m * coarse_wide, coarse_wide)
                    for k in range(lanes):
                        mic_s[SWAY + k], mic_s[LEAN + k] = f32(0.0), f32(0.0)
                    reflected(mic_s, sx, sy, sz, f32(0.0), lanes)
                    _bare(mic_s, lanes)
                    outgoing(mic_s, chains, j, waves, walls_f, f32(absorption[f]), lanes)
                    per_slope = -waves / step
                    for m in range(some):
                        dx, dy, dz = offset(targets, j, low + m, cx, cy, cz)
                        beside(coarse_s, ways, mic_s, m * coarse_wide, dx, dy, dz, inverse_step, waves, coarse_wide)  # fmt: skip
                        tilt(ways, mic_s, m * coarse_wide, per_slope, tilt_re, tilt_im, absorption_slope[f], ONE, coarse_wide)  # fmt: skip
                    arriving(mic_s, port_f, b, lanes)
                    for m in range(some):
                        at = m * coarse_wide
                        joined(mic_s, at, way_re, way_im, 0, g_re, g_im, coarse_wide)
                        interpolate(weights, bands, even, mic_s[SHIFT + at :], mic_s[FALL + at :], False, g_re, g_im, work)  # fmt: skip
                        _sampled(sums[low + m], fineness, samples, even, wave, beside_one, turned)
                        channel = (f * mics + low + m) * functions + b
                        add_channel(work, even, samples, turned, total[group[begin], channel])
        aimed = j
    return missed


@kernel
def find_runs(glints, pairs, group, runs, single):
    """Write the lines of glints that one pair of legs sees, from runs[n, 0] to runs[n, 1], and which lines are in none (line,); return the number of runs.

    pairs (line, 3): see `sums.piece_sum`, lines of a pair side by side.
    """
    found, n = 0, 0
    for line in range(pairs.shape[0]):
        single[line] = True
    while n < pairs.shape[0]:
        end = n
        while (
            end < pairs.shape[0]
            and end - n < MOST
            and pairs[end, 2] >= 0
            and glints[pairs[end, 2], SHARPNESS] > 0.0
            and glints[pairs[end, 2], SHARPNESS] == glints[pairs[n, 2], SHARPNESS]
            and pairs[end, 0] == pairs[n, 0]
            and pairs[end, 1] == pairs[n, 1]
            and group[end] == group[n]
        ):
            end += 1
        if end - n >= LEAST_GLINTS:
            runs[found, 0], runs[found, 1] = n, end
            found += 1
            for line in range(n, end):
                single[line] = False
        n = max(end, n + 1)
    return found

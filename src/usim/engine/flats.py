"""Kernels: the echo of one flat piece, summed over its pairs, sample by sample.

Path and gain of every pair are evaluated at every sample, see `retarded`; what walls, beam, air and the piece's surface do is smooth, known at
knots of reception, and brought to the samples by the polynomial through six of them.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.apertures import apertures
from usim.engine.bars import WIDE_BOARD
from usim.engine.pairs import _decay, _mirror, arriving, departing, met
from usim.engine.plates import ECHO_IM, ECHO_RE
from usim.engine.retarded import (
    BEFORE,
    FIRST,
    KNOT_ROWS,
    LONG_ROWS,
    PLACE,
    REACH,
    RISE,
    SECOND,
    SHORT_ROWS,
    TAPS,
    TURN_ROWS,
    between,
    board,
    hear,
    near,
    spread,
)
from usim.engine.slab import (
    AXIS,
    BACK,
    COSINE,
    GAIN_IM,
    GAIN_RE,
    HALF,
    HALF_,
    IM,
    LENGTH,
    ON,
    ONE,
    RE,
    ROW,
    SLAB,
    f32,
    whole_lanes,
)  # fmt: skip
from usim.engine.tones import COSINES, SAMPLES
from usim.engine.veils import has_sheets, is_veiled, passes_at, sends_at
from usim.physics.jit import fused, kernel, rows32, rows64


@kernel(apart=True)
def _ways(s, d, turn, round_, sx, sy, sz, count):
    """Write BACK, LENGTH, HALF (the mean cosine at the piece; of a cylinder that to the bisector across its axis) and FIRST of a leg from (sx, sy, sz) at knots; ON is there."""
    for k in range(count):
        x, y, z = sx - d[PLACE + k], sy - d[PLACE + ROW + k], sz - d[PLACE + 2 * ROW + k]
        r1 = math.sqrt(fused(x, x, fused(y, y, z * z)))
        d[FIRST + k] = r1
        inverse = ONE / f32(r1)
        bx, by, bz = f32(x) * inverse, f32(y) * inverse, f32(z) * inverse
        s[BACK + k], s[BACK + ROW + k], s[BACK + 2 * ROW + k] = bx, by, bz
        s[LENGTH + k] = f32(r1)
        nx, ny, nz = turn[2 * ROW + k], turn[5 * ROW + k], turn[8 * ROW + k]
        one = fused(nx, bx, fused(ny, by, nz * bz))
        other = fused(nx, s[ON + k], fused(ny, s[ON + ROW + k], nz * s[ON + 2 * ROW + k]))
        half = HALF_ * (abs(one) + abs(other))
        if round_:
            bx, by, bz = bx + s[ON + k], by + s[ON + ROW + k], bz + s[ON + 2 * ROW + k]
            across = fused(bx, bx, fused(by, by, fused(bz, bz, -(one + other) * (one + other))))
            half = HALF_ * math.sqrt(across if across > f32(0.0) else f32(0.0))
        s[HALF + k] = half if half < ONE else ONE


@kernel
def _above_carrier(s, d, per_rise, slope, air_slope, strength, count, wide):
    """Multiply RE, IM by `strength` and by what the way back does off the carrier: exp((slope - air_slope r2) df), to second order.

    per_rise: Hz per metre that the path rises from the knot before to the knot after.
    """
    for k in range(count - 2):
        d[RISE + 1 + k] = d[FIRST + k + 2] - d[FIRST + k] + d[SECOND + k + 2] - d[SECOND + k]
    d[RISE] = d[RISE + 1]
    for k in range(wide - count + 1):
        d[RISE + count - 1 + k] = d[RISE + count - 2]
    for k in range(wide):
        off = per_rise * d[RISE + k]
        x, y = f32(off * (slope.real - air_slope * d[SECOND + k])), f32(off * slope.imag)
        a, b = strength * (ONE + x + HALF_ * (x * x - y * y)), strength * (y + x * y)
        re, im = s[RE + k], s[IM + k]
        s[RE + k] = re * a - im * b
        s[IM + k] = re * b + im * a


@kernel
def _veiled(s, d, chains, leg, ex, ey, ez, waves, walls, count):
    """Multiply RE, IM by what passes a leg from PLACE to its end e (m); waves: per metre; walls: of the sheets."""
    if is_veiled(chains[2], leg):
        for k in range(count):
            x, y, z = d[PLACE + k], d[PLACE + ROW + k], d[PLACE + 2 * ROW + k]
            passed = f32(passes_at(chains[2], leg, x, y, z, ex, ey, ez, waves))
            s[RE + k] *= passed
            s[IM + k] *= passed
            if has_sheets(chains[2], leg):
                sent = sends_at(chains[2], leg, x, y, z, ex, ey, ez, waves, walls)
                re, im = s[RE + k], s[IM + k]
                s[RE + k] = re * f32(sent.real) - im * f32(sent.imag)
                s[IM + k] = re * f32(sent.imag) + im * f32(sent.real)


@kernel
def _going(
    s, d, turn, round_, mx, my, mz, sources, axes, chains, leg, waves, walls, skin, beams, absorption, per_rise, slope, air_slope, weight, count, wide,
    way_re, way_im,
):  # fmt: skip
    """Write, per basis function, what a leg to the piece, its surface and what lies off the carrier make of a pair, into way_re, way_im (basis * ROW,).

    Of the pair from image `leg` of the driver to the point m; see `_above_carrier`.
    """
    for k in range(wide):
        inverse = 1.0 / d[SECOND + k]
        s[ON + k] = f32((mx - d[PLACE + k]) * inverse)
        s[ON + ROW + k] = f32((my - d[PLACE + ROW + k]) * inverse)
        s[ON + 2 * ROW + k] = f32((mz - d[PLACE + 2 * ROW + k]) * inverse)
    _ways(s, d, turn, round_, sources[leg, 0], sources[leg, 1], sources[leg, 2], wide)
    for k in range(wide):
        s[RE + k] = ONE
        s[IM + k] = f32(0.0)
        s[COSINE + k] = s[HALF + k]
    _mirror(s, skin, 0, wide)
    met(s, BACK, chains, leg, walls, wide)
    _veiled(
        s, d, chains, leg, sources[leg, 0], sources[leg, 1], sources[leg, 2], waves, walls, wide
    )
    _decay(s, absorption, wide)
    _above_carrier(s, d, per_rise, slope, air_slope, weight, count, wide)
    departing(s, beams, axes, leg, way_re, way_im, wide)


@kernel
def _times(a_re, a_im, b_re, b_im, out_re, out_im, count):
    """Write the products of complex rows."""
    for k in range(count):
        out_re[k] = a_re[k] * b_re[k] - a_im[k] * b_im[k]
        out_im[k] = a_re[k] * b_im[k] + a_im[k] * b_re[k]


@kernel
def _coming(
    s,
    d,
    mx,
    my,
    mz,
    ax,
    ay,
    az,
    chains,
    leg,
    waves,
    walls,
    absorption,
    ports,
    back_re,
    back_im,
    count,
):
    """Write ON, and per basis function the walls, air and arrival shadow of a leg to a microphone, into back_re, back_im (basis * ROW,)."""
    for k in range(count):
        inverse = 1.0 / d[SECOND + k]
        s[ON + k] = f32((mx - d[PLACE + k]) * inverse)
        s[ON + ROW + k] = f32((my - d[PLACE + ROW + k]) * inverse)
        s[ON + 2 * ROW + k] = f32((mz - d[PLACE + 2 * ROW + k]) * inverse)
        s[AXIS + k], s[AXIS + ROW + k], s[AXIS + 2 * ROW + k] = ax, ay, az
        s[LENGTH + k] = f32(d[SECOND + k]) + ONE
        s[RE + k] = ONE
        s[IM + k] = f32(0.0)
    met(s, ON, chains, leg, walls, count)
    _veiled(s, d, chains, leg, mx, my, mz, waves, walls, count)
    _decay(s, absorption, count)
    for b in range(ports.shape[0]):
        arriving(s, ports, b, count)
        for k in range(count):
            back_re[b * ROW + k] = s[GAIN_RE + k]
            back_im[b * ROW + k] = s[GAIN_IM + k]


@kernel
def gated(s, path, envelope, first, per_metre, per_block, count):
    """Multiply ECHO by the emission's envelope (n,) when each sample left; `first`: number of the one that leaves as block 0's is heard."""
    last = envelope.shape[0] - 2
    for m in range(count):
        x = first + m * per_block - path[m] * per_metre
        k = min(max(int(x), 0), last)
        on = f32(envelope[k] + (x - k) * (envelope[k + 1] - envelope[k]))
        s[ECHO_RE + m] *= on
        s[ECHO_IM + m] *= on


@kernel
def add_echo(s, way_re, way_im, weights, re, im, gain, count):
    """Add ECHO, times what six knots of way_re, way_im make of it, to re and im; gain (2 * ROW,): scratch."""
    between(way_re, weights, gain, count)
    between(way_im, weights, gain[ROW:], count)
    for m in range(count):
        a, b = gain[m], gain[ROW + m]
        x, y = s[ECHO_RE + m], s[ECHO_IM + m]
        re[m] = fused(a, x, fused(-b, y, re[m]))
        im[m] = fused(a, y, fused(b, x, im[m]))


@kernel(allocates=True)
def flat_sum(
    table, first, blocks, weights, step, c, half, cells, inverse_least, pairs, weight, group, sources, source_axes,
    targets, target_axes, chains, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
    leg_slope, envelope, envelope_first, envelope_per_m, envelope_per_block, total,
):  # fmt: skip
    """Add the echoes of a list of pairs over one flat piece to the sums; return the number of pairs that the knots did not cover.

    table (12, knots): place (m) and axes by rows on knots of bounce time.  first: where the first block starts among them, if sound were
    instant; blocks: of how many the epoch is made.  weights (samples, TAPS): see `six`.  step: s between knots.  half (4,), cells (carrier, 2)
    and inverse_least (carrier,): see `apertures.measures`, `cells` and `least_cosine`.  pairs (n, 3) sorted by the microphones' image.
    Other arguments as in `sums.piece_sum`; envelope_per_m and envelope_per_block: samples of the envelope in a metre and in a block.
    """
    mics, carriers, functions, samples = (
        targets.shape[1],
        turns_per_metre.shape[0],
        beam.shape[1],
        weights.shape[0],
    )
    count = blocks + TAPS - 1
    wide, lanes = whole_lanes(count), whole_lanes(blocks)
    inverse_step = 1.0 / (c * step)
    short_weights = weights.astype(np.float32)
    d, turn, s = rows64(KNOT_ROWS), rows32(TURN_ROWS), rows32(SLAB)
    mid, mid_turn, taps = rows64(KNOT_ROWS), rows32(TURN_ROWS), rows64((TAPS + 1) * ROW)
    long, short = rows64(samples * LONG_ROWS), rows32(samples * SHORT_ROWS)
    b_, path = rows32(WIDE_BOARD), rows64(ROW)
    most, run = 0, 0
    for n in range(pairs.shape[0]):
        run = run + 1 if n > 0 and pairs[n, 1] == pairs[n - 1, 1] else 1
        most = max(most, run)
    each = functions * ROW
    in_re, in_im = rows32(most * carriers * each), rows32(most * carriers * each)
    back_re, back_im = rows32(each), rows32(each)
    way_re, way_im = rows32(each), rows32(each)
    gain = rows32(2 * ROW)
    missed = 0
    begin = 0
    while begin < pairs.shape[0]:
        j = pairs[begin, 1]
        end = begin
        while end < pairs.shape[0] and pairs[end, 1] == j:
            end += 1
        cx, cy, cz = 0.0, 0.0, 0.0
        for mic in range(mics):
            cx += targets[j, mic, 0] / mics
            cy += targets[j, mic, 1] / mics
            cz += targets[j, mic, 2] / mics
        if not hear(table, first - 2 * BEFORE, count + REACH, ROW, cx, cy, cz, inverse_step, mid, mid_turn):  # fmt: skip
            missed += end - begin
            begin = end
            continue
        # what comes in is smooth: the same for all microphones
        for f in range(carriers):
            for n in range(begin, end):
                at = ((n - begin) * carriers + f) * each
                _going(
                    s, mid[BEFORE:], mid_turn[BEFORE:], half[2] > 0.0, cx, cy, cz, sources, source_axes, chains, pairs[n, 0], turns_per_metre[f], walls[f],
                    skin[f], beam[f], f32(absorption[f]), -0.5 * turns_per_metre[f] / step, leg_slope[f, j], absorption_slope[f], weight[n],
                    count, wide, in_re[at:], in_im[at:],
                )  # fmt: skip
        for mic in range(mics):
            mx, my, mz = targets[j, mic, 0], targets[j, mic, 1], targets[j, mic, 2]
            found = near(
                mid, mid_turn, cx, cy, cz, mx, my, mz, inverse_step, count, wide, d, turn, taps
            )
            if not found:  # far from the middle
                found = hear(table, first - BEFORE, count, wide, mx, my, mz, inverse_step, d, turn)
            if not found:
                missed += end - begin
                continue
            spread(d, turn, mx, my, mz, weights, short_weights, long, short, lanes)
            for f in range(carriers):
                _coming(
                    s, d, mx, my, mz, target_axes[j, mic, 0], target_axes[j, mic, 1], target_axes[j, mic, 2], chains, j, turns_per_metre[f],
                    walls[f], f32(absorption[f]), port[f], back_re, back_im, wide,
                )  # fmt: skip
                k_ = f32(2.0 * math.pi * turns_per_metre[f])
                for n in range(begin, end):
                    at = ((n - begin) * carriers + f) * each
                    _times(in_re[at:], in_im[at:], back_re, back_im, way_re, way_im, each)
                    i = pairs[n, 0]
                    for p in range(samples):
                        board(
                            long[p * LONG_ROWS :], short[p * SHORT_ROWS :], sources[i, 0], sources[i, 1], sources[i, 2], turns_per_metre[f],
                            b_, path, lanes,
                        )  # fmt: skip
                        apertures(
                            b_, half, cells[f, 0], cells[f, 1], k_, f32(turns_per_metre[f]), f32(inverse_least[f]), f32(0.5 * inverse_step), lanes
                        )  # fmt: skip
                        if envelope.shape[1] > 0:
                            gated(
                                b_, path, envelope[f], envelope_first + p * envelope_per_block / samples, envelope_per_m, envelope_per_block, lanes
                            )  # fmt: skip
                        base = (p if p < samples // 2 else SAMPLES // 2 + samples - 1 - p) * ROW
                        for row in range(functions):
                            plane = total[group[n], (f * mics + mic) * functions + row]
                            add_echo(
                                b_, way_re[row * ROW :], way_im[row * ROW :], short_weights[p], plane[base:], plane[COSINES + base :], gain, lanes
                            )  # fmt: skip
        begin = end
    return missed

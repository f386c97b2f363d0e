"""Kernels: the echo of one piece, summed over its pairs, from knots of bounce time to samples of reception time.

A wave received at t bounced at t_b with t = t_b + r2(t_b)/c and left at t_b - r1(t_b)/c.  So for every pair the path P = r1 + r2 is
known at the arrival times of its own knots, which are not evenly spaced; it is carried to an even grid of reception times by a
cubic Hermite polynomial whose slopes are fourth-order differences.  Between two grid points (a *block* of samples) the phase is a
cubic again, evaluated in float32 as a difference to its start; sine and cosine are polynomials that vectorise.

Gains change more slowly than phase: they are evaluated on every `ratio`-th knot, per microphone, together with the small path
difference between that microphone and the middle of the array.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.pairs import (
    ARRIVAL, SLOPE, IM, LANES, LONG_SLAB, NORMAL, PATH, RE, ROW, SECOND, SLAB, _first_normal, arriving, f32, incoming, outgoing, pair_paths,
)  # fmt: skip
from usim.physics.jit import kernel

N1, N2, N3 = np.uint32(1), np.uint32(2), np.uint32(3)
SAMPLES = 32  # the most samples in a block
COSINES = SAMPLES * ROW  # where cosines (imaginary parts) start in a plane of samples by blocks
PHASE = 2 * COSINES  # four rows of phase polynomials after them
PLANE = 2 * COSINES  # float32 of one channel's sums
WAVE = PHASE + 4 * ROW
GAIN_RE, GAIN_IM, CUBIC = 0, ROW, 2 * ROW  # rows of the float32 scratch of one channel
WORK = 10 * ROW
REACH = 2  # grid points beyond a block that its slope reads
AHEAD = 4  # knots before the first that a pair of no delay needs
SPARE = 8  # knots beyond the grid points: for slopes, and for the delay to change within an epoch
# rows of the float64 scratch of one pair; ARRIVAL and SLOPE lie in the pair's slab
EVEN, AT = 0, ROW
SCRATCH = 2 * ROW


def _fit(function, order: int, odd: bool) -> np.ndarray:
    """Return float32 coefficients in x^2 of a near-minimax polynomial on |x| <= 1/2 turn."""
    x = 0.5 * np.cos(np.pi * (np.arange(400) + 0.5) / 800)
    y = function(2 * np.pi * x) / (x if odd else 1.0)
    series = np.polynomial.chebyshev.Chebyshev.fit(x * x, y, order, domain=[0, 0.25])
    return series.convert(kind=np.polynomial.Polynomial).coef.astype(np.float32)


_SIN = _fit(np.sin, 6, True)
_COS = _fit(np.cos, 7, False)
S0, S1, S2, S3, S4, S5, S6 = (f32(v) for v in _SIN)
C0, C1, C2, C3, C4, C5, C6, C7 = (f32(v) for v in _COS)


@kernel
def _whole_lanes(count):
    return (count + LANES - 1) // LANES * LANES


@kernel
def clock(d, e, count, even, start, inverse_step):
    """Carry the path from the knots of one pair to an even grid of reception times.

    d: float64 slab with PATH and SECOND (m) on `count` knots; e: scratch.  start: reception time of grid point 0 in knots after
    bounce knot 0; inverse_step: 1/(c h) in knots per metre.  Writes EVEN (m) and AT (bounce time in knots) for `even` points into
    e, and ARRIVAL (knots) and SLOPE (m per knot of reception time) into d.  Returns False where the knots do not cover the grid.
    """
    for k in range(count):
        d[ARRIVAL + k] = k + d[SECOND + k] * inverse_step
    for k in range(2, count - 2):
        p = 8.0 * (d[PATH + k + 1] - d[PATH + k - 1]) - (d[PATH + k + 2] - d[PATH + k - 2])
        a = 8.0 * (d[ARRIVAL + k + 1] - d[ARRIVAL + k - 1]) - (d[ARRIVAL + k + 2] - d[ARRIVAL + k - 2])
        d[SLOPE + k] = p / a
    d[SLOPE] = d[SLOPE + 2]
    d[SLOPE + 1] = d[SLOPE + 2]
    d[SLOPE + count - 1] = d[SLOPE + count - 3]
    d[SLOPE + count - 2] = d[SLOPE + count - 3]
    k = 2
    q = 0
    while q < even:
        t = start + q
        while k < count - 4 and d[ARRIVAL + k + 1] <= t:
            k += 1
        while k > 2 and d[ARRIVAL + k] > t:
            k -= 1
        if t < d[ARRIVAL + k] - 0.5 or t > d[ARRIVAL + k + 1] + 0.5:
            return False
        # a run of grid points with the same offset between knot and grid point
        offset = k - q
        run = q + 1
        while run < even and run + offset < count - 3:
            v = start + run - d[ARRIVAL + run + offset]
            if v < -0.1 or v > 1.1:
                break
            run += 1
        for m in range(q, run):
            a0 = d[ARRIVAL + m + offset]
            a1 = d[ARRIVAL + m + offset + 1]
            p0 = d[PATH + m + offset]
            p1 = d[PATH + m + offset + 1]
            width = a1 - a0
            w = (start + m - a0) / width
            s0 = d[SLOPE + m + offset] * width
            s1 = d[SLOPE + m + offset + 1] * width
            rise = p1 - p0
            e[EVEN + m] = p0 + w * (s0 + w * (3.0 * rise - 2.0 * s0 - s1 + w * (s0 + s1 - 2.0 * rise)))
            e[AT + m] = m + offset + w
        q = run
        k = q + offset
        if k > count - 4:
            k = count - 4
    return True


@kernel
def tone(e, even, turns_per_metre, samples, wave):
    """Write sine and cosine of the phase -2 pi f P/c over the blocks between the grid points (`samples` a block).

    wave: SAMPLES rows of sines by ROW blocks, then as many of cosines: lanes run over blocks, so that loops are long.
    """
    wide = _whole_lanes(even - 2 * REACH - 1)
    for m in range(even - 2 * REACH - 1):
        q = m + REACH
        a0 = -turns_per_metre * e[EVEN + q]
        rise = -turns_per_metre * (e[EVEN + q + 1] - e[EVEN + q])
        near = e[EVEN + q + 1] - e[EVEN + q - 1]
        far = e[EVEN + q + 2] - e[EVEN + q - 2]
        s0 = -turns_per_metre * (8.0 * near - far) * (1 / 12)
        near = e[EVEN + q + 2] - e[EVEN + q]
        far = e[EVEN + q + 3] - e[EVEN + q - 1]
        s1 = -turns_per_metre * (8.0 * near - far) * (1 / 12)
        wave[PHASE + m] = f32(a0 - np.floor(a0))
        wave[PHASE + ROW + m] = f32(s0)
        wave[PHASE + 2 * ROW + m] = f32(3.0 * rise - 2.0 * s0 - s1)
        wave[PHASE + 3 * ROW + m] = f32(s0 + s1 - 2.0 * rise)
    for n in range(samples):
        u = f32(n / samples)
        base = n * ROW
        for m in range(wide):
            x = wave[PHASE + m] + u * (wave[PHASE + ROW + m] + u * (wave[PHASE + 2 * ROW + m] + u * wave[PHASE + 3 * ROW + m]))
            x = x - np.floor(x + f32(0.5))
            y = x * x
            wave[base + m] = x * (S0 + y * (S1 + y * (S2 + y * (S3 + y * (S4 + y * (S5 + y * S6))))))
            wave[COSINES + base + m] = C0 + y * (C1 + y * (C2 + y * (C3 + y * (C4 + y * (C5 + y * (C6 + y * C7))))))


@kernel
def gate(e, even, samples, envelope, row, first, per_metre, per_sample, wave):
    """Multiply the waves by the emission's envelope at the time each sample left.

    envelope (carrier, n): samples of it, linear between them; sample 0 left `first` envelope samples before grid point REACH is received.
    per_metre, per_sample: envelope samples per metre of path and per sample of the block.
    """
    last = envelope.shape[1] - 2
    for m in range(even - 2 * REACH - 1):
        p0 = e[EVEN + m + REACH]
        slope = (e[EVEN + m + REACH + 1] - p0) / samples
        for n in range(samples):
            x = first + (m * samples + n) * per_sample - (p0 + n * slope) * per_metre
            k = min(max(int(x), 0), last)
            on = f32(envelope[row, k] + (x - k) * (envelope[row, k + 1] - envelope[row, k]))
            wave[n * ROW + m] *= on
            wave[COSINES + n * ROW + m] *= on


@kernel
def stencil(e, even, ratio, knots, weights, knot):
    """Write the weights (4 * ROW,) of the cubic through four coarse knots around every grid point, and the first of them."""
    inverse = 1.0 / ratio
    for q in range(even):
        x = e[AT + q] * inverse
        c = min(max(int(x), 1), knots - 3)
        u = x - c
        knot[q] = np.uint32(c - 1)
        weights[q] = -u * (u - 1.0) * (u - 2.0) * (1 / 6)
        weights[ROW + q] = (u + 1.0) * (u - 1.0) * (u - 2.0) * 0.5
        weights[2 * ROW + q] = -(u + 1.0) * u * (u - 2.0) * 0.5
        weights[3 * ROW + q] = (u + 1.0) * u * (u - 1.0) * (1 / 6)


@kernel
def interpolate(weights, knot, even, shift, g_re, g_im, turns_per_metre, work):
    """Interpolate one channel's gain to the grid, turned by its own path difference shift (m); work: GAIN_RE, GAIN_IM."""
    for q in range(even):
        k = np.uint32(knot[q])
        w0, w1, w2, w3 = weights[q], weights[ROW + q], weights[2 * ROW + q], weights[3 * ROW + q]
        away = -turns_per_metre * (w0 * shift[k] + w1 * shift[k + N1] + w2 * shift[k + N2] + w3 * shift[k + N3])
        v0, v1, v2, v3 = f32(w0), f32(w1), f32(w2), f32(w3)
        work[GAIN_RE + q] = v0 * g_re[k] + v1 * g_re[k + N1] + v2 * g_re[k + N2] + v3 * g_re[k + N3]
        work[GAIN_IM + q] = v0 * g_im[k] + v1 * g_im[k + N1] + v2 * g_im[k + N2] + v3 * g_im[k + N3]
        work[CUBIC + q] = f32(away - np.floor(away + 0.5))
    for q in range(_whole_lanes(even)):
        x = work[CUBIC + q]
        y = x * x
        s = x * (S0 + y * (S1 + y * (S2 + y * (S3 + y * (S4 + y * (S5 + y * S6))))))
        c = C0 + y * (C1 + y * (C2 + y * (C3 + y * (C4 + y * (C5 + y * (C6 + y * C7))))))
        re = work[GAIN_RE + q]
        im = work[GAIN_IM + q]
        work[GAIN_RE + q] = re * c - im * s
        work[GAIN_IM + q] = re * s + im * c


@kernel
def add_channel(work, even, samples, wave, total):
    """Add gain times tone to one channel's sums; the gain (work: GAIN_RE, GAIN_IM on the grid) is a cubic over every block.

    total (PLANE,): SAMPLES rows of real parts by ROW blocks, then as many of imaginary parts.
    """
    blocks = even - 2 * REACH - 1
    for part in range(2):
        a = GAIN_IM if part else GAIN_RE
        c = CUBIC + 4 * ROW * part
        for m in range(blocks):
            q = a + m + REACH
            s0 = (f32(8.0) * (work[q + 1] - work[q - 1]) - (work[q + 2] - work[q - 2])) * f32(1 / 12)
            s1 = (f32(8.0) * (work[q + 2] - work[q]) - (work[q + 3] - work[q - 1])) * f32(1 / 12)
            rise = work[q + 1] - work[q]
            work[c + m] = work[q]
            work[c + ROW + m] = s0
            work[c + 2 * ROW + m] = f32(3.0) * rise - f32(2.0) * s0 - s1
            work[c + 3 * ROW + m] = s0 + s1 - f32(2.0) * rise
    wide = _whole_lanes(blocks)
    for n in range(samples):
        u = f32(n / samples)
        base = n * ROW
        for m in range(wide):
            re = work[CUBIC + m] + u * (work[CUBIC + ROW + m] + u * (work[CUBIC + 2 * ROW + m] + u * work[CUBIC + 3 * ROW + m]))
            im = work[CUBIC + 4 * ROW + m] + u * (
                work[CUBIC + 5 * ROW + m] + u * (work[CUBIC + 6 * ROW + m] + u * work[CUBIC + 7 * ROW + m])
            )
            s = wave[base + m]
            c = wave[COSINES + base + m]
            total[base + m] += re * c - im * s
            total[COSINES + base + m] += re * s + im * c


@kernel
def _window(table, first, ratio, s, d, count, coarse_s, coarse_d, coarse_count):
    """Copy a window of the piece's pose table (15, knots) into the slabs of one run of pairs."""
    wide = _whole_lanes(count)
    for row in range(15):
        for k in range(wide):
            value = table[row, first + min(k, count - 1)]
            s[row * ROW + k] = f32(value)
            if row < 9:
                d[row * ROW + k] = value
        for k in range(_whole_lanes(coarse_count)):
            value = table[row, first + min(k, coarse_count - 1) * ratio]
            coarse_s[row * ROW + k] = f32(value)
            if row < 9:
                coarse_d[row * ROW + k] = value


@kernel
def piece_sum(
    table, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, sources, source_axes, source_walls, source_normals,
    targets, target_axes, target_walls, target_normals, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope,
    leg_slope, c, envelope, envelope_first, envelope_hz, total,
):  # fmt: skip
    """Add the echoes of a list of pairs over one piece to the sums; return the number of pairs that the knots did not cover.

    table (15, knots): centre (m), Q diag(a^2) Q' and Q diag(a^-2) Q' of the piece on knots of bounce time, `step` s apart; knot
    most_lead + AHEAD is the first of `even` grid points of reception time.  samples: of one block between grid points.  ratio: knots
    of phase per knot of gain.  pairs (n, 2): image of the driver, image of the microphones, best sorted by the latter; weight (n,);
    group (n,): which sum.  sources (I, 3) m, targets (J, mic, 3) m.  Per carrier: turns_per_metre f/c, walls (carrier, W, 2, nodes),
    skin (carrier, 2, nodes), beam (carrier, basis, 2, D), port (carrier, basis, D), absorption Np/m and its slope Np/m/Hz,
    leg_slope (carrier, J): d ln(walls of the outgoing leg)/df, 1/Hz.  c: m/s.  envelope (carrier, n): see `gate`; none where the tone is on for ever.
    total (group, carrier * mic * basis, PLANE): float32, added to.
    """
    mics = targets.shape[1]
    carriers = turns_per_metre.shape[0]
    functions = beam.shape[1]
    count = (even + SPARE + 2) // 4 * 4 + 1
    coarse_count = (count - 1) // ratio + 1
    inverse_step = 1.0 / (c * step)
    s = np.zeros(SLAB, np.float32)
    d = np.zeros(LONG_SLAB)
    coarse_s = np.zeros(SLAB, np.float32)
    coarse_d = np.zeros(LONG_SLAB)
    e = np.empty(SCRATCH)
    wave = np.zeros(WAVE, np.float32)
    work = np.zeros(WORK, np.float32)
    weights = np.zeros(4 * ROW)
    knot = np.zeros(ROW, np.uint32)
    g_re = np.zeros(ROW, np.float32)
    g_im = np.zeros(ROW, np.float32)
    way_re = np.zeros(functions * ROW, np.float32)
    way_im = np.zeros(functions * ROW, np.float32)
    shift = np.zeros(ROW)
    middle_path = np.zeros(ROW)
    middle_second = np.zeros(ROW)
    slope = np.zeros(ROW)
    normals = np.empty(3 * ROW, np.float32)
    wide = _whole_lanes(count)
    coarse_wide = _whole_lanes(coarse_count)
    missed = 0
    held = -1
    centre = most_lead + AHEAD + even // 2
    ox, oy, oz = table[0, centre], table[1, centre], table[2, centre]
    for n in range(pairs.shape[0]):
        i = pairs[n, 0]
        j = pairs[n, 1]
        sx, sy, sz = sources[i, 0], sources[i, 1], sources[i, 2]
        cx = 0.0
        cy = 0.0
        cz = 0.0
        for m in range(mics):
            cx += targets[j, m, 0] / mics
            cy += targets[j, m, 1] / mics
            cz += targets[j, m, 2] / mics
        away = math.sqrt((cx - ox) ** 2 + (cy - oy) ** 2 + (cz - oz) ** 2)
        lead = min(int(away * inverse_step), most_lead)
        if lead != held:
            held = lead
            _window(table, most_lead - lead, ratio, s, d, count, coarse_s, coarse_d, coarse_count)
        start = float(lead + AHEAD)
        _first_normal(s, f32(sx), f32(sy), f32(sz), f32(cx), f32(cy), f32(cz), wide)
        pair_paths(s, d, sx, sy, sz, cx, cy, cz, newton_steps, wide)
        if not clock(d, e, count, even, start, inverse_step):
            missed += 1
            continue
        for k in range(coarse_wide):
            fine = min(k, coarse_count - 1) * ratio
            coarse_s[NORMAL + k] = s[NORMAL + fine]
            coarse_s[NORMAL + ROW + k] = s[NORMAL + ROW + fine]
            coarse_s[NORMAL + 2 * ROW + k] = s[NORMAL + 2 * ROW + fine]
            normals[k] = coarse_s[NORMAL + k]
            normals[ROW + k] = coarse_s[NORMAL + ROW + k]
            normals[2 * ROW + k] = coarse_s[NORMAL + 2 * ROW + k]
            middle_path[k] = d[PATH + fine]
            middle_second[k] = d[SECOND + fine]
            slope[k] = d[SLOPE + fine]
        stencil(e, even, ratio, coarse_count, weights, knot)
        for f in range(carriers):
            walls_f, skin_f, beam_f, port_f = walls[f], skin[f : f + 1], beam[f], port[f]
            tone(e, even, turns_per_metre[f], samples, wave)
            if envelope.shape[1] > 0:
                gate(e, even, samples, envelope, f, envelope_first, envelope_hz / c, envelope_hz * step / samples, wave)
            for k in range(3 * ROW):
                coarse_s[NORMAL + k] = normals[k]
            incoming(
                coarse_s, sx, sy, sz, cx, cy, cz, source_walls, source_normals, i, walls_f, skin_f, beam_f, source_axes, way_re, way_im,
                coarse_wide,
            )  # fmt: skip
            tilt_re = f32(leg_slope[f, j].real)
            tilt_im = f32(leg_slope[f, j].imag)
            per_slope = -turns_per_metre[f] / step
            for m in range(mics):
                mx, my, mz = targets[j, m, 0], targets[j, m, 1], targets[j, m, 2]
                if m > 0:
                    for k in range(3 * ROW):
                        coarse_s[NORMAL + k] = normals[k]
                pair_paths(coarse_s, coarse_d, sx, sy, sz, mx, my, mz, 1 if mics > 1 else 0, coarse_wide)
                outgoing(
                    coarse_s, sx, sy, sz, mx, my, mz, target_walls, target_normals, j, walls_f, f32(absorption[f]), coarse_wide
                )  # fmt: skip
                for k in range(coarse_wide):
                    # at one instant of reception this microphone hears a bounce that lies earlier by its own extra way
                    late = (coarse_d[SECOND + k] - middle_second[k]) * inverse_step
                    shift[k] = coarse_d[PATH + k] - middle_path[k] - slope[k] * late
                    off = per_slope * slope[k]  # Hz above the carrier, as received
                    up = f32(1.0 + off * (tilt_re - absorption_slope[f] * coarse_d[SECOND + k])) * weight[n]
                    across = f32(off) * tilt_im * weight[n]
                    re = coarse_s[RE + k]
                    im = coarse_s[IM + k]
                    coarse_s[RE + k] = re * up - im * across
                    coarse_s[IM + k] = re * across + im * up
                for b in range(functions):
                    arriving(
                        coarse_s, port_f, b, target_axes[j, m, 0], target_axes[j, m, 1], target_axes[j, m, 2], way_re, way_im, g_re, g_im,
                        coarse_wide,
                    )  # fmt: skip
                    interpolate(weights, knot, even, shift, g_re, g_im, turns_per_metre[f], work)
                    add_channel(work, even, samples, wave, total[group[n], (f * mics + m) * functions + b])
    return missed

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

import numpy as np

from usim.engine.array import (
    RATE,
    WAYS,
    beside,
    coarsen,
    long_window,
    start_from,
    tilt,
    window,
)
from usim.engine.carry import WORK, add_channel, interpolate, stencil
from usim.engine.glints import BEND, HEIGHT, SHARPNESS, SLIP, TURN, WEIGHT
from usim.engine.hiding import fetch, hide, in_the_way
from usim.engine.pairs import (
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
from usim.engine.shadows import OCCLUDER, SIGHT, surface_points
from usim.engine.slab import (
    COSINE,
    EAR,
    FACTOR,
    FADE_END,
    FADE_RATE,
    FALL,
    HALF_,
    IM,
    LEAN,
    LEAST,
    LONG_SLAB,
    NORMAL,
    ON,
    ONE,
    PLACE,
    RE,
    ROW,
    SHIFT,
    SLAB,
    SLOPE,
    SPREAD,
    SWAY,
    TINY,
    TWO,
    aim,
    aim_long,
    dot,
    f32,
    to_64th,
    whole_lanes,
)  # fmt: skip
from usim.engine.tones import (
    AHEAD,
    AT,
    COSINES,
    REACH,
    SAMPLES,
    SCRATCH,
    SPARE,
    WAVE,
    clock,
    cosine,
    sine,
    tone,
)  # fmt: skip
from usim.physics.jit import fused, kernel

MOST = 40  # glints in a patch: more are several patches
LEAST_GLINTS = 2  # fewer are pairs
PROBES = 4  # ahead and behind, towards both tangents
PROBE = 2.0  # tilt of the normal to a probe, in standard deviations of the lobe
SPAN = 1.5  # tilt to the outermost glints, in that of a probe
# Fresnel parameter at the anchor up to which limbs are looked at more closely: glints lie beside it
ALERT = f32(2.5)
# m from the middle of the array to where else shades are told: their change over the array
ARM = f32(0.03)
SHADE_S = 0.008  # knots no farther apart than half of this tell shades on every second
FAINT_GAIN = f32(0.01)  # energy below which a gain counts as a null, re another beside it
KNOTS = 6  # that an instant is interpolated from
FINEST = 32  # instants between two knots
PHASES = 16  # that filters are tabulated at, between two instants
# most turns of a glint against the anchor that the filters hold: between two knots, and between two instants
SLOW, FAST = f32(0.28), f32(0.3)

# rows of the float32 scratch of a patch, on every knot
X, P, Q = 0, 3 * ROW, 6 * ROW  # anchor from the piece's centre, and from it to both ends, m
R1, R2 = 9 * ROW, 10 * ROW  # length of the latter
E1, E2 = 11 * ROW, 14 * ROW  # tangents
# relative change of gain by tilt towards each tangent: slope and bend, real and imaginary
ALPHA = 59 * ROW
ROTATION, BENT = 24 * ROW, 33 * ROW  # of the piece
LATENESS = 34 * ROW  # slope of the anchor's path, m per m of delay
VOLUME = 35 * ROW  # product of the semi-axes
# of one glint: from the anchor to it, m, and how much its path grows against the anchor's, m per knot
D, STEEP = 36 * ROW, 39 * ROW
DP, DR = 40 * ROW, 41 * ROW  # its path and second leg against the anchor's, m
TWIST = 42 * ROW  # phase of its gain, turns
LEANING = 43 * ROW  # of its normal from the anchor's, along both tangents
# its gain but for the lobe, and how that changes from the anchor, relative to it
BASE, MORE = 45 * ROW, 46 * ROW
FACING, BACK_ = 47 * ROW, 50 * ROW  # its normal, and the unit vector from it to the source
# of that, and of what lies between it and the middle (m), along the normal; of the latter along the former
BACK_N, EAR_N, EAR_BACK = 53 * ROW, 54 * ROW, 55 * ROW
# what of it passes limbs, and how that changes per metre from the middle along both directions across
PASSED = 67 * ROW
OF_PATCH = 70 * ROW
IMAGINARY = FINEST * ROW  # of a sum over glints: after its real rows
SUM = 2 * IMAGINARY


def _between(taps: int, beta: float) -> np.ndarray:
    """Return the filter (PHASES, taps) that tells what lies n / PHASES after instant taps / 2 - 1: a sinc under a Kaiser window."""
    away = np.arange(taps)[None, :] - (taps // 2 - 1) - np.arange(PHASES)[:, None] / PHASES
    inside = np.sqrt(np.maximum(1.0 - (away / (taps // 2)) ** 2, 0.0))
    return (np.sinc(away) * np.i0(beta * inside) / np.i0(beta)).astype(np.float32)


# weights of four values, of what lies a quarter of the way from the second to the third
QUARTER_0, QUARTER_1, QUARTER_2, QUARTER_3 = f32(-7 / 128), f32(105 / 128), f32(35 / 128), f32(-5 / 128)  # fmt: skip
# to -80 dB of what turns no faster than SLOW with two instants to a knot, or FAST with more
SHORT, LONG = _between(8, 7.9), _between(16, 8.5)


@kernel
def _turned(table, first, s, count, wide):
    """Copy rotation and bend of a window of the pose table into ROTATION and BENT."""
    for row in range(9):
        here, there = s[ROTATION + row * ROW :], table[TURN + row, first:]
        for k in range(count):
            here[k] = f32(there[k])
        for k in range(wide - count):
            here[count + k] = here[count - 1]
    here, there = s[BENT:], table[BEND, first:]
    for k in range(count):
        here[k] = f32(there[k])
    for k in range(wide - count):
        here[count + k] = here[count - 1]


@kernel
def _anchor(s, x, sx, sy, sz, count):
    """Write the point that has NORMAL, and what lies between it and both ends, into X, P, Q, R1, R2; the product of semi-axes into VOLUME."""
    for k in range(count):
        ax, ay, az = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        xx, yy, zz = s[SPREAD + k], s[SPREAD + ROW + k], s[SPREAD + 2 * ROW + k]
        xy, xz, yz = s[SPREAD + 3 * ROW + k], s[SPREAD + 4 * ROW + k], s[SPREAD + 5 * ROW + k]
        vx, vy, vz = dot(xx, xy, xz, ax, ay, az), dot(xy, yy, yz, ax, ay, az), dot(xz, yz, zz, ax, ay, az)  # fmt: skip
        ih = ONE / math.sqrt(dot(ax, ay, az, vx, vy, vz))
        vx, vy, vz = vx * ih, vy * ih, vz * ih
        px, py, pz = sx - s[PLACE + k] - vx, sy - s[PLACE + ROW + k] - vy, sz - s[PLACE + 2 * ROW + k] - vz  # fmt: skip
        qx, qy, qz = s[EAR + k] - s[PLACE + k] - vx, s[EAR + ROW + k] - s[PLACE + ROW + k] - vy, s[EAR + 2 * ROW + k] - s[PLACE + 2 * ROW + k] - vz  # fmt: skip
        x[X + k], x[X + ROW + k], x[X + 2 * ROW + k] = vx, vy, vz
        x[P + k], x[P + ROW + k], x[P + 2 * ROW + k] = px, py, pz
        x[Q + k], x[Q + ROW + k], x[Q + 2 * ROW + k] = qx, qy, qz
        x[R1 + k] = math.sqrt(dot(px, py, pz, px, py, pz))
        x[R2 + k] = math.sqrt(dot(qx, qy, qz, qx, qy, qz))
        x[VOLUME + k] = math.sqrt(
            fused(
                xx,
                fused(yy, zz, -yz * yz),
                fused(-xy, fused(xy, zz, -yz * xz), xz * fused(xy, yz, -yy * xz)),
            )
        )


@kernel
def _tangents(s, x, middle, count):
    """Write two tangents at NORMAL that turn with the piece into E1, E2: the first leans towards the axis of the piece that is least aligned at knot `middle`."""
    best, axis = 2.0, 0
    for c in range(3):
        along = abs(
            dot(
                s[NORMAL + middle],
                s[NORMAL + ROW + middle],
                s[NORMAL + 2 * ROW + middle],
                x[ROTATION + c * ROW + middle],
                x[ROTATION + (3 + c) * ROW + middle],
                x[ROTATION + (6 + c) * ROW + middle],
            )
        )
        if along < best:
            best, axis = along, c
    a, b, c = x[ROTATION + axis * ROW :], x[ROTATION + (3 + axis) * ROW :], x[ROTATION + (6 + axis) * ROW :]  # fmt: skip
    for k in range(count):
        nx, ny, nz = s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k]
        along = dot(nx, ny, nz, a[k], b[k], c[k])
        tx, ty, tz = a[k] - along * nx, b[k] - along * ny, c[k] - along * nz
        inverse = ONE / math.sqrt(dot(tx, ty, tz, tx, ty, tz))
        tx, ty, tz = tx * inverse, ty * inverse, tz * inverse
        x[E1 + k], x[E1 + ROW + k], x[E1 + 2 * ROW + k] = tx, ty, tz
        x[E2 + k], x[E2 + ROW + k], x[E2 + 2 * ROW + k] = ny * tz - nz * ty, nz * tx - nx * tz, nx * ty - ny * tx  # fmt: skip


@kernel
def _extent(s, x, by, k):
    """Return how far along the surface (m) a glint lies whose normal leans by `by`, at knot k, towards that tangent along which it is farther."""
    xx, yy, zz = s[SPREAD + k], s[SPREAD + ROW + k], s[SPREAD + 2 * ROW + k]
    xy, xz, yz = s[SPREAD + 3 * ROW + k], s[SPREAD + 4 * ROW + k], s[SPREAD + 5 * ROW + k]
    ax, ay, az = x[X + k], x[X + ROW + k], x[X + 2 * ROW + k]
    h = dot(ax, ay, az, s[NORMAL + k], s[NORMAL + ROW + k], s[NORMAL + 2 * ROW + k])
    most = f32(0.0)
    for tangent in (E1, E2):
        u, v, w = x[tangent + k], x[tangent + ROW + k], x[tangent + 2 * ROW + k]
        a, b, c = dot(xx, xy, xz, u, v, w), dot(xy, yy, yz, u, v, w), dot(xz, yz, zz, u, v, w)
        most = max(most, dot(a, b, c, a, b, c))
    return f32(by) * math.sqrt(most) / h


@kernel
def _tilted(s, x, tangent, by, ratio, count, there, start, wide):
    """Write every ratio-th NORMAL of s, tilted by `by` towards a tangent, into NORMAL of another slab, from lane `start` on."""
    scale = f32(1.0 / math.sqrt(1.0 + by * by))
    by = f32(by)
    for axis in range(3):
        n, t, out = s[NORMAL + axis * ROW :], x[tangent + axis * ROW :], there[NORMAL + axis * ROW + start :]  # fmt: skip
        for k in range(wide):
            at = min(k, count - 1) * ratio
            out[k] = (n[at] + by * t[at]) * scale


@kernel
def _probed(s, x, by, ratio, count, t, wide, first, some):
    """Write the normals of the anchor (0) and its probes, `by` ahead and behind, towards both tangents, from `first` on side by side into NORMAL of t."""
    for p in range(some):
        probe = first + p
        away = 0.0 if probe == 0 else by if probe % 2 else -by
        _tilted(s, x, E1 if probe < 3 else E2, away, ratio, count, t, p * wide, wide)


@kernel
def _lifted(values, ratio, out, wide):
    """Carry values on every ratio-th knot (1, 2, 4), from place 1 on, to all knots, by cubics through four."""
    last = wide // ratio
    values[0] = TWO * values[1] - values[2]
    values[last + 1] = TWO * values[last] - values[last - 1]
    values[last + 2] = values[last + 1]
    if ratio == 1:
        for k in range(wide):
            out[k] = values[k + 1]
    elif ratio == 2:
        for k in range(wide // 2):
            a, b, c, d = values[k], values[k + 1], values[k + 2], values[k + 3]
            out[2 * k] = b
            out[2 * k + 1] = f32(0.5625) * (b + c) - f32(0.0625) * (a + d)
    else:
        for k in range(wide // 4):
            a, b, c, d = values[k], values[k + 1], values[k + 2], values[k + 3]
            out[4 * k] = b
            out[4 * k + 1] = fused(QUARTER_0, a, fused(QUARTER_1, b, fused(QUARTER_2, c, QUARTER_3 * d)))  # fmt: skip
            out[4 * k + 2] = f32(0.5625) * (b + c) - f32(0.0625) * (a + d)
            out[4 * k + 3] = fused(QUARTER_3, a, fused(QUARTER_2, b, fused(QUARTER_1, c, QUARTER_0 * d)))  # fmt: skip


@kernel
def _bare(s, count):
    """Set RE, IM to one."""
    for k in range(count):
        s[RE + k], s[IM + k] = ONE, f32(0.0)


@kernel
def _relative(felt, probe, count):
    """Turn the gain at a probe, two rows of felt, into its difference from the anchor's, the first two, relative to that."""
    re, im = felt[2 * probe * ROW :], felt[(2 * probe + 1) * ROW :]
    for k in range(count):
        c_re, c_im = felt[k], felt[ROW + k]
        d_re, d_im = re[k] - c_re, im[k] - c_im
        # where the centre lies in a null the change counts for nothing
        other = fused(re[k], re[k], im[k] * im[k])
        scale = ONE / (fused(c_re, c_re, c_im * c_im) + FAINT_GAIN * other + TINY)
        re[k] = fused(d_re, c_re, d_im * c_im) * scale
        im[k] = fused(d_im, c_re, -d_re * c_im) * scale


@kernel
def _bent(ahead, behind, inverse, slope, bend, count):
    """Write slope and bend of a parabola through zero from its values at a probe ahead and one behind, 1 / inverse away; from place 1 on."""
    for k in range(count):
        slope[k + 1] = (ahead[k] - behind[k]) * HALF_ * inverse
        bend[k + 1] = (ahead[k] + behind[k]) * HALF_ * inverse * inverse


@kernel
def _port_slope(mic, ahead, behind, inverse, slope, count):
    """Write the slope of the arrival shadow, rows of mic at the anchor and at two probes, relative to the first; from place 1 on."""
    for k in range(count):
        here, there = mic[PORTS + k], mic[behind + k]
        whole = fused(here, here, FAINT_GAIN * there * there) + TINY
        slope[k + 1] = (mic[ahead + k] - there) * here * HALF_ * inverse / whole


@kernel
def _glint(s, x, gx, gy, gz, height, slip, weight, count):
    """Write where a glint lies and what it adds to the anchor's path and second leg into D, DP, STEEP, DR; its gain's phase and size but for the lobe, and what the lobe reads: `glints.facet`, as a difference."""
    for k in range(count):
        nx = dot(x[ROTATION + k], x[ROTATION + ROW + k], x[ROTATION + 2 * ROW + k], gx, gy, gz)
        ny = dot(x[ROTATION + 3 * ROW + k], x[ROTATION + 4 * ROW + k], x[ROTATION + 5 * ROW + k], gx, gy, gz)  # fmt: skip
        nz = dot(x[ROTATION + 6 * ROW + k], x[ROTATION + 7 * ROW + k], x[ROTATION + 8 * ROW + k], gx, gy, gz)  # fmt: skip
        xx, yy, zz = s[SPREAD + k], s[SPREAD + ROW + k], s[SPREAD + 2 * ROW + k]
        xy, xz, yz = s[SPREAD + 3 * ROW + k], s[SPREAD + 4 * ROW + k], s[SPREAD + 5 * ROW + k]
        vx, vy, vz = dot(xx, xy, xz, nx, ny, nz), dot(xy, yy, yz, nx, ny, nz), dot(xz, yz, zz, nx, ny, nz)  # fmt: skip
        h2 = dot(nx, ny, nz, vx, vy, vz)
        ih = ONE / math.sqrt(h2)
        dx, dy, dz = fused(vx, ih, -x[X + k]), fused(vy, ih, -x[X + ROW + k]), fused(vz, ih, -x[X + 2 * ROW + k])  # fmt: skip
        d2 = dot(dx, dy, dz, dx, dy, dz)
        px, py, pz = x[P + k], x[P + ROW + k], x[P + 2 * ROW + k]
        qx, qy, qz = x[Q + k], x[Q + ROW + k], x[Q + 2 * ROW + k]
        more1, more2 = fused(-TWO, dot(px, py, pz, dx, dy, dz), d2), fused(-TWO, dot(qx, qy, qz, dx, dy, dz), d2)  # fmt: skip
        r1, r2 = math.sqrt(fused(x[R1 + k], x[R1 + k], more1)), math.sqrt(fused(x[R2 + k], x[R2 + k], more2))  # fmt: skip
        # one division for three: they take longest
        sum1, sum2 = r1 + x[R1 + k], r2 + x[R2 + k]
        inverse = ONE / (r1 * sum1 * sum2)
        i1, far2 = inverse * sum1 * sum2, more2 * (inverse * r1 * sum1)
        x[D + k], x[D + ROW + k], x[D + 2 * ROW + k] = dx, dy, dz
        x[DP + k] = fused(
            -TWO, fused(slip, x[BENT + k], height), more1 * (inverse * r1 * sum2) + far2
        )
        x[DR + k] = far2
        ux, uy, uz = (px - dx) * i1, (py - dy) * i1, (pz - dz) * i1
        x[FACING + k], x[FACING + ROW + k], x[FACING + 2 * ROW + k] = nx, ny, nz
        x[BACK_ + k], x[BACK_ + ROW + k], x[BACK_ + 2 * ROW + k] = ux, uy, uz
        x[BACK_N + k] = dot(ux, uy, uz, nx, ny, nz)
        x[EAR_N + k] = dot(qx - dx, qy - dy, qz - dz, nx, ny, nz)
        x[EAR_BACK + k] = dot(qx - dx, qy - dy, qz - dz, ux, uy, uz)
        amplitude = i1 * x[VOLUME + k] * ih * ih
        t1 = dot(x[E1 + k], x[E1 + ROW + k], x[E1 + 2 * ROW + k], nx, ny, nz)
        t2 = dot(x[E2 + k], x[E2 + ROW + k], x[E2 + 2 * ROW + k], nx, ny, nz)
        s1, s2 = t1 * t1, t2 * t2
        a, b, g = x[ALPHA + k], x[ALPHA + 2 * ROW + k], x[ALPHA + 4 * ROW + k]
        real = fused(a, t1, fused(b, s1, fused(g, t2, x[ALPHA + 6 * ROW + k] * s2)))
        a, b, g = x[ALPHA + ROW + k], x[ALPHA + 3 * ROW + k], x[ALPHA + 5 * ROW + k]
        imaginary = fused(a, t1, fused(b, s1, fused(g, t2, x[ALPHA + 7 * ROW + k] * s2)))
        x[LEANING + k], x[LEANING + ROW + k] = t1, t2
        x[BASE + k], x[MORE + k] = weight * amplitude, real
        real = real + ONE
        real = real if real > HALF_ else HALF_
        x[TWIST + k] = imaginary * f32(0.5 / math.pi) / real
    for k in range(count - 2):
        x[STEEP + 1 + k] = HALF_ * (x[DP + 2 + k] - x[DP + k])
    x[STEEP], x[STEEP + count - 1] = x[STEEP + 1], x[STEEP + count - 2]


@kernel
def _phase(x, turns, inverse_step, ratio, phase, count):
    """Write a glint's phase (turns) against the anchor's at the middle of the array into phase (ROW,); return the most that it turns in a knot, told on every ratio-th."""
    for k in range(count):
        late = fused(x[LATENESS + k], x[DR + k], f32(inverse_step) * x[STEEP + k] * x[DR + k])
        phase[k] = fused(-f32(turns), x[DP + k] - late, x[TWIST + k])
    most = f32(0.0)
    for k in range(0, count - 1, ratio):
        change = abs(phase[k + 1] - phase[k])
        most = change if change > most else most
    return most


@kernel
def _gain(x, mic, dx, dy, dz, ahead, aside, turns, inverse_step, sharpness, gain, count):
    """Write a glint's gain at one microphone, with its phase there against that at the middle, into gain (2 * ROW,), real and imaginary.

    mic (MIC_ROWS * ROW,): the way from the middle to the microphone, which lies (dx, dy, dz) m beside, seen from the anchor; and how its arrival shadow changes along both tangents.
    ahead, aside: m of it along both directions across.
    """
    d2 = dot(dx, dy, dz, dx, dy, dz)
    for k in range(count):
        # more = 2 (q - d) . D + D^2, with q from the anchor to the middle and d from the anchor to the glint
        back = x[R2 + k] + x[DR + k]
        lean = dot(x[Q + k], x[Q + ROW + k], x[Q + 2 * ROW + k], dx, dy, dz)
        lean -= dot(x[D + k], x[D + ROW + k], x[D + 2 * ROW + k], dx, dy, dz)
        more = fused(TWO, lean, d2)
        far = math.sqrt(fused(back, back, more))
        inverse = ONE / (far * (far + back))  # one division for two
        beyond = more * inverse * far
        inverse = inverse * (far + back)
        longer = beyond - mic[k]
        late = fused(x[LATENESS + k], longer, f32(inverse_step) * x[STEEP + k] * beyond)
        turn = -f32(turns) * (longer - late)
        turn = turn - np.floor(turn + HALF_)
        apart = fused(mic[ROW + k], x[LEANING + k], mic[2 * ROW + k] * x[LEANING + ROW + k])
        # the lobe is seen from the microphone
        to_n = dot(x[FACING + k], x[FACING + ROW + k], x[FACING + 2 * ROW + k], dx, dy, dz)
        to_u = dot(x[BACK_ + k], x[BACK_ + ROW + k], x[BACK_ + 2 * ROW + k], dx, dy, dz)
        bn = fused(x[EAR_N + k] + to_n, inverse, x[BACK_N + k])
        size = math.sqrt(TWO * fused(x[EAR_BACK + k] + to_u, inverse, ONE) + TINY)
        slant = bn / size
        f = (HALF_ * size - FADE_END) * FADE_RATE
        f = f if f > f32(0.0) else f32(0.0)
        f = f if f < ONE else ONE
        fade = f * f * f * (f * (f32(6.0) * f - f32(15.0)) + f32(10.0))
        grazing = bn * f32(1.0 / LEAST)
        grazing = grazing if grazing < ONE else ONE
        slant = slant if slant > f32(0.0) else f32(0.0)
        slant = slant if slant < ONE else ONE
        fall = sharpness * (slant - ONE)
        fall = (fall if fall > f32(-30.0) else f32(-30.0)) * f32(1 / 64)
        e = fused(fall, fused(fall, fused(fall, fused(fall, fused(fall, f32(1 / 120), f32(1 / 24)), f32(1 / 6)), HALF_), ONE), ONE)  # fmt: skip
        tilted = (
            HALF_ * slant * grazing * to_64th(e)
        )  # the cosine times the square of the slant over bn
        passed = fused(
            ahead, x[PASSED + ROW + k], fused(aside, x[PASSED + 2 * ROW + k], x[PASSED + k])
        )
        size = x[BASE + k] * passed * (ONE + x[MORE + k] + apart) * fade * inverse * tilted
        gain[k] = size * cosine(turn)
        gain[ROW + k] = size * sine(turn)


@kernel
def _glint_points(s, x, wide, points):
    """Write where a glint is into three rows of points."""
    for k in range(wide):
        points[k] = s[PLACE + k] + x[X + k] + x[D + k]
        points[ROW + k] = s[PLACE + ROW + k] + x[X + ROW + k] + x[D + ROW + k]
        points[2 * ROW + k] = s[PLACE + 2 * ROW + k] + x[X + 2 * ROW + k] + x[D + 2 * ROW + k]


@kernel
def _thinned(points, stride, wide, out):
    """Copy every stride-th (1, 2, 4) knot of three rows."""
    for axis in range(3):
        here, there = points[axis * ROW :], out[axis * ROW :]
        if stride == 1:  # a stride that is known is packed
            for k in range(wide):
                there[k] = here[k]
        elif stride == 2:
            for k in range(wide):
                there[k] = here[2 * k]
        else:
            for k in range(wide):
                there[k] = here[4 * k]


@kernel
def _passes(points, crowd, ends, found, waves, sight, lifts, wide):
    """Write what of legs from points to ends (3 rows each) passes the pieces found into lifts, from place 1 on."""
    for k in range(wide):
        lifts[k + 1] = ONE
    hide(points, crowd, ends, found, waves, sight, lifts[1:], wide)


@kernel
def _hidden(
    s,
    x,
    points,
    crowd,
    few,
    ends,
    found,
    waves,
    sight,
    lifts,
    stride,
    shade_wide,
    ratio,
    coarse_wide,
    wide,
):
    """Write what of a glint passes the pieces found on its legs into PASSED: found (2, piece), those of the way out and of the way back.

    Told on every stride-th knot by crowd; its change between microphones on knots of gain, by few.
    ends (12 rows): the source, the middle of the array, and ARM aside from that, in both directions across.  points, lifts: scratch of six and four rows.
    """
    passed, ahead, aside = x[PASSED:], x[PASSED + ROW :], x[PASSED + 2 * ROW :]
    out, back = False, False
    for o in range(found.shape[1]):
        out |= found[0, o]
        back |= found[1, o]
    for k in range(wide):
        passed[k], ahead[k], aside[k] = ONE, f32(0.0), f32(0.0)
    _glint_points(s, x, wide, points)
    some = points[3 * ROW :]
    if back:
        middle, there, also = lifts[ROW:], lifts[2 * ROW :], lifts[3 * ROW :]
        _thinned(points, ratio, coarse_wide, some)
        _passes(some, few, ends[3 * ROW :], found[1], waves, sight, middle, coarse_wide)
        _passes(some, few, ends[6 * ROW :], found[1], waves, sight, there, coarse_wide)
        _passes(some, few, ends[9 * ROW :], found[1], waves, sight, also, coarse_wide)
        for k in range(coarse_wide):
            there[k + 1] = (there[k + 1] - middle[k + 1]) * f32(1.0 / ARM)
            also[k + 1] = (also[k + 1] - middle[k + 1]) * f32(1.0 / ARM)
        _lifted(there, ratio, ahead, wide)
        _lifted(also, ratio, aside, wide)
    _thinned(points, stride, shade_wide, some)
    if back:
        _passes(some, crowd, ends[3 * ROW :], found[1], waves, sight, lifts, shade_wide)
        _lifted(lifts, stride, passed, wide)
    if out:
        _passes(some, crowd, ends, found[0], waves, sight, lifts, shade_wide)
        _lifted(lifts, stride, points, wide)
        for k in range(wide):
            passed[k], ahead[k], aside[k] = passed[k] * points[k], ahead[k] * points[k], aside[k] * points[k]  # fmt: skip


@kernel
def _in_the_open(x, wide):
    """Write into PASSED that nothing stands in the way."""
    for k in range(wide):
        x[PASSED + k], x[PASSED + ROW + k], x[PASSED + 2 * ROW + k] = ONE, f32(0.0), f32(0.0)


@kernel
def _across(x, middle, across):
    """Write two directions across the way from the anchor to the middle of the array, at knot `middle`, into across (2, 3) (Duff et al. 2017)."""
    ax, ay, az = x[Q + middle], x[Q + ROW + middle], x[Q + 2 * ROW + middle]
    inverse = ONE / math.sqrt(dot(ax, ay, az, ax, ay, az))
    ax, ay, az = ax * inverse, ay * inverse, az * inverse
    sign = ONE if az >= f32(0.0) else -ONE
    ia = -ONE / (sign + az)
    ib = ax * ay * ia
    across[0, 0], across[0, 1], across[0, 2] = sign * ax * ax * ia + ONE, sign * ib, -sign * ax
    across[1, 0], across[1, 1], across[1, 2] = ib, ay * ay * ia + sign, -ay


@kernel
def _ways(x, dx, dy, dz, way, count):
    """Write the way from the middle to a microphone, which lies (dx, dy, dz) m beside, seen from the anchor, into way (ROW,)."""
    d2 = dot(dx, dy, dz, dx, dy, dz)
    for k in range(count):
        more = fused(TWO, dot(x[Q + k], x[Q + ROW + k], x[Q + 2 * ROW + k], dx, dy, dz), d2)
        way[k] = more / (math.sqrt(fused(x[R2 + k], x[R2 + k], more)) + x[R2 + k])


@kernel
def _instants(e, even, fineness, weights):
    """Write the weights of KNOTS knots at every instant into weights (fineness * KNOTS * ROW,); return the first knot that grid point 0 reads.

    Instant v of grid point q lies v / fineness of the way to the next, and reads knots from the first + q on: Lagrange's polynomial through six.
    """
    middle = even // 2
    first = int(e[AT + middle]) - middle - 2
    for v in range(fineness):
        w = weights[v * KNOTS * ROW :]
        part = v / fineness
        for q in range(even - 1):
            u = f32(e[AT + q] + part * (e[AT + q + 1] - e[AT + q]) - (q + first + 2))
            a, b, d, f, g = u + TWO, u + ONE, u - ONE, u - TWO, u - f32(3.0)
            ab, fg, ud = a * b, f * g, u * d
            w[q] = -b * ud * fg * f32(1 / 120)
            w[ROW + q] = a * ud * fg * f32(1 / 24)
            w[2 * ROW + q] = -ab * d * fg * f32(1 / 12)
            w[3 * ROW + q] = ab * u * fg * f32(1 / 12)
            w[4 * ROW + q] = -ab * ud * g * f32(1 / 24)
            w[5 * ROW + q] = ab * ud * f * f32(1 / 120)
        for n in range(KNOTS):
            for q in range(even - 1, whole_lanes(even)):
                w[n * ROW + q] = f32(0.0)
    return first


@kernel
def _shine(phases, gains, knot, weights, fineness, even, work, sums):
    """Add a glint, its phases (ROW,) and gains (mic, 2 * ROW) on knots from `knot` on, to sums over glints at instants (mic, SUM)."""
    wide, phase = whole_lanes(even), phases[knot:]
    for v in range(fineness):
        w = weights[v * KNOTS * ROW :]
        for q in range(wide):
            x = fused(w[q], phase[q], fused(w[ROW + q], phase[q + 1], w[2 * ROW + q] * phase[q + 2]))  # fmt: skip
            x += fused(w[3 * ROW + q], phase[q + 3], fused(w[4 * ROW + q], phase[q + 4], w[5 * ROW + q] * phase[q + 5]))  # fmt: skip
            x = x - np.floor(x + HALF_)
            work[q] = cosine(x)
            work[ROW + q] = sine(x)
        for m in range(sums.shape[0]):
            # few slices: the compiler proves of each that it overlaps no other
            there, a = sums[m, v * ROW :], gains[m, knot:]
            for q in range(wide):
                w0, w1, w2, w3, w4, w5 = w[q], w[ROW + q], w[2 * ROW + q], w[3 * ROW + q], w[4 * ROW + q], w[5 * ROW + q]  # fmt: skip
                x = fused(w0, a[q], fused(w1, a[q + 1], w2 * a[q + 2]))
                x += fused(w3, a[q + 3], fused(w4, a[q + 4], w5 * a[q + 5]))
                y = fused(w0, a[ROW + q], fused(w1, a[ROW + q + 1], w2 * a[ROW + q + 2]))
                y += fused(w3, a[ROW + q + 3], fused(w4, a[ROW + q + 4], w5 * a[ROW + q + 5]))
                cos, sin = work[q], work[ROW + q]
                there[q] = fused(x, cos, fused(-y, sin, there[q]))
                there[IMAGINARY + q] = fused(x, sin, fused(y, cos, there[IMAGINARY + q]))


@kernel
def _at(instant, octave):
    """Return where in a sum an instant after grid point 0 starts, 2^octave of them to a grid point; lanes go on from grid point to grid point."""
    return (instant & ((1 << octave) - 1)) * ROW + (instant >> octave)


@kernel
def _eight(part, instant, octave, filters, taps, out, count):
    """Add eight taps of a filter (taps,) over instants from `instant` on, of one part (re or im) of a sum, to out."""
    a = part[_at(instant, octave) :]
    b = part[_at(instant + 1, octave) :]
    c = part[_at(instant + 2, octave) :]
    d = part[_at(instant + 3, octave) :]
    e = part[_at(instant + 4, octave) :]
    f = part[_at(instant + 5, octave) :]
    g = part[_at(instant + 6, octave) :]
    h = part[_at(instant + 7, octave) :]
    ta, tb, tc, td = filters[taps], filters[taps + 1], filters[taps + 2], filters[taps + 3]
    te, tf, tg, th = filters[taps + 4], filters[taps + 5], filters[taps + 6], filters[taps + 7]
    for m in range(count):
        x = fused(ta, a[m], fused(tb, b[m], fused(tc, c[m], fused(td, d[m], out[m]))))
        out[m] = fused(te, e[m], fused(tf, f[m], fused(tg, g[m], fused(th, h[m], x))))


@kernel
def _sampled(total, fineness, samples, even, wave, work, out):
    """Bring a sum over glints from its instants to samples, turned by the wave of the anchor; out: as wave, see `tones.tone`."""
    wide = whole_lanes(even - 2 * REACH - 1)
    re, im = work[:ROW], work[ROW : 2 * ROW]
    octave = 1
    while 1 << octave < fineness:
        octave += 1
    for n in range(samples):
        row = (n if n < samples // 2 else SAMPLES // 2 + samples - 1 - n) * ROW
        instant = REACH * fineness + n * fineness // samples
        phase = n * fineness % samples * PHASES // samples
        w, there = wave[row:], out[row:]
        if phase == 0:
            a, b = total[_at(instant, octave) :], total[IMAGINARY + _at(instant, octave) :]
            for m in range(wide):
                re[m], im[m] = a[m], b[m]
        else:
            for m in range(wide):
                re[m], im[m] = f32(0.0), f32(0.0)
            if octave == 1:
                _eight(total, instant - 3, octave, SHORT[phase], 0, re, wide)
                _eight(total[IMAGINARY:], instant - 3, octave, SHORT[phase], 0, im, wide)
            else:
                for taps in (0, 8):
                    _eight(total, instant - 7 + taps, octave, LONG[phase], taps, re, wide)
                    _eight(
                        total[IMAGINARY:], instant - 7 + taps, octave, LONG[phase], taps, im, wide
                    )
        for m in range(wide):
            sin, cos = w[m], w[COSINES + m]
            there[m] = fused(re[m], sin, im[m] * cos)
            there[COSINES + m] = fused(re[m], cos, -im[m] * sin)


# rows of the float32 scratch that is no window, see `_add_patches`
G_RE, G_IM, BESIDE, EDGE = 0, ROW, 2 * ROW, 4 * ROW
POINTS, MARKS, ENDS = 6 * ROW, 12 * ROW, 15 * ROW
WAY_RE, WAY_IM = 27 * ROW, 28 * ROW
FELT = 29 * ROW  # gains at the anchor and its probes, on knots of gain
LIFTS = FELT + 2 * (1 + PROBES) * ROW
SEEN = LIFTS + 4 * ROW
OF_LEGS = SEEN + SIGHT
WINDOWS = 4 * SLAB + OF_PATCH + OF_LEGS
PORTS = 3 * ROW  # of what is known of a microphone: its arrival shadow, as FELT
MIC_ROWS = 4 + PROBES
WAVES = 2 * WAVE + WORK + ROW * ROW + FINEST * KNOTS * ROW
LONGS = LONG_SLAB + WAYS + SCRATCH


@kernel
def _add_patches(
    tables, own, glints, most_lead, even, samples, step, ratio, newton_steps, pairs, weight, group, runs, sources, source_axes, source_walls, source_normals,
    targets, target_axes, target_walls, target_normals, turns_per_metre, walls, skin, beam, port, absorption, absorption_slope, leg_slope, c, total,
    everything, held, found, bands, leads, middles, windows, floats, slabs, longs, stored, sums, of_mics, across,
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
    stride = 2 if 2.0 * step <= SHADE_S else 1
    shade_wide = whole_lanes((count - 1) // stride + 1)
    together, packed = min(ROW // coarse_wide, mics), min(ROW // coarse_wide, 1 + PROBES)
    inverse_step = 1.0 / (c * step)
    # every knot, to the middle; every ratio-th knot, likewise at the anchor and its probes; every ratio-th knot, to the middle; to each microphone
    s, t, coarse_s, mic_s = windows[:SLAB], windows[SLAB : 2 * SLAB], windows[2 * SLAB : 3 * SLAB], windows[3 * SLAB : 4 * SLAB]  # fmt: skip
    x, rows = windows[4 * SLAB : 4 * SLAB + OF_PATCH], windows[4 * SLAB + OF_PATCH :]
    d, ways, e = longs[:LONG_SLAB], longs[LONG_SLAB : LONG_SLAB + WAYS], longs[LONG_SLAB + WAYS :]
    wave, turned, work = floats[:WAVE], floats[WAVE : 2 * WAVE], floats[2 * WAVE : 2 * WAVE + WORK]
    weights = floats[2 * WAVE + WORK : 2 * WAVE + WORK + ROW * ROW]
    instants = floats[2 * WAVE + WORK + ROW * ROW :]
    g_re, g_im, beside_one, sight = rows[G_RE:], rows[G_IM:], rows[BESIDE:], rows[SEEN:]
    way_re, way_im = rows[WAY_RE:], rows[WAY_IM:]
    edge, points, marks, ends = rows[EDGE:], rows[POINTS:], rows[MARKS:], rows[ENDS:]
    felt, lifts, more_lifts = rows[FELT:], rows[LIFTS:], rows[LIFTS + ROW :]  # fmt: skip
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
            window(table, first, 1, s, 0, count)
            for p in range(packed):
                window(table, first, ratio, t, p * coarse_wide, coarse_count)
            long_window(table, first, d, count)
            window(table, first, ratio, coarse_s, 0, coarse_count)
            for m in range(together):
                window(table, first, ratio, mic_s, m * coarse_wide, coarse_count)
            _turned(table, first, x, count, wide)
        _first_normal(s, f32(sx), f32(sy), f32(sz), wide)
        pair_paths(s, d, sx, sy, sz, newton_steps, wide)
        coarsen(s, d, coarse_s, ways, ratio, coarse_count, coarse_wide)
        if not clock(d, e, count, even, float(lead + AHEAD), inverse_step):
            missed += end - begin
            aimed = -1
            continue
        for k in range(coarse_wide):
            ways[RATE + k] = d[SLOPE + min(k, coarse_count - 1) * ratio]
        stencil(e, even, ratio, coarse_count, work, weights, bands)
        _anchor(s, x, f32(sx), f32(sy), f32(sz), wide)
        for k in range(wide):
            x[LATENESS + k] = f32(d[SLOPE + min(k, count - 1)] * inverse_step)
        _tangents(s, x, count // 2, wide)
        _across(x, count // 2, across)
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
        slack = _extent(s, x, SPAN * by, count // 2)
        _probed(s, x, by, ratio, coarse_count, t, coarse_wide, 0, packed)
        surface_points(t, marks, packed * coarse_wide)
        for f in range(carriers):
            walls_f, skin_f, beam_f, port_f = walls[f], skin[f, 1:2], beam[f], port[f]
            waves = turns_per_metre[f]
            tone(e, even, waves, samples, wave)
            shaded = False
            if pieces > 1:
                shaded = in_the_way(
                    marks, packed, ends, few, few_held, everything, first, sight, edge, own, ratio, waves, coarse_count, coarse_wide, ALERT, slack, out_found
                )  # fmt: skip
                shaded |= in_the_way(
                    marks, packed, t[EAR:], few, few_held, everything, first, sight, edge, own, ratio, waves, coarse_count, coarse_wide, ALERT, slack, back_found
                )  # fmt: skip
            if shaded:
                fetch(
                    everything, first, stride, out_found, back_found, crowd, crowd_held, shade_wide
                )
            else:
                _in_the_open(x, wide)
            for b in range(functions):
                most = f32(0.0)
                for low in range(0, 1 + PROBES, packed):
                    some = min(packed, 1 + PROBES - low)
                    lanes = some * coarse_wide
                    _probed(s, x, by, ratio, coarse_count, t, coarse_wide, low, some)
                    reflected(t, sx, sy, sz, f32(0.0), lanes)
                    incoming(t, source_walls, source_normals, i, walls_f, skin_f, beam_f[b : b + 1], source_axes, way_re, way_im, lanes)  # fmt: skip
                    _bare(t, lanes)
                    outgoing(t, target_walls, target_normals, j, walls_f, f32(absorption[f]), lanes)
                    for p in range(some):
                        felt_re, felt_im = (
                            felt[2 * (low + p) * ROW :],
                            felt[(2 * (low + p) + 1) * ROW :],
                        )
                        out_re, out_im = t[RE + p * coarse_wide :], t[IM + p * coarse_wide :]
                        joined_to(out_re, out_im, way_re[p * coarse_wide :], way_im[p * coarse_wide :], felt_re, felt_im, coarse_wide)  # fmt: skip
                    for m in range(mics if port_f.shape[1] > 1 else 0):
                        for k in range(lanes):
                            t[COSINE + k] = -dot(t[ON + k], t[ON + ROW + k], t[ON + 2 * ROW + k], target_axes[j, m, 0], target_axes[j, m, 1], target_axes[j, m, 2])  # fmt: skip
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
                    _lifted(lifts, ratio, x[ALPHA + low - 2 * ROW :], wide)
                    _lifted(more_lifts, ratio, x[ALPHA + low :], wide)
                for m in range(mics):
                    for tangent in range(2):
                        here = of_mics[m, ROW + tangent * ROW :]
                        if port_f.shape[1] > 1:
                            _port_slope(of_mics[m], PORTS + (1 + 2 * tangent) * ROW, PORTS + (2 + 2 * tangent) * ROW, inverse, lifts, coarse_wide)  # fmt: skip
                            _lifted(lifts, ratio, here, wide)
                        else:
                            for k in range(wide):
                                here[k] = f32(0.0)
                for m in range(mics):
                    dx, dy, dz = f32(targets[j, m, 0] - cx), f32(targets[j, m, 1] - cy), f32(targets[j, m, 2] - cz)  # fmt: skip
                    _ways(x, dx, dy, dz, of_mics[m], wide)
                for n in range(begin, end):
                    glint, mine = glints[pairs[n, 2]], stored[n - begin]
                    _glint(
                        s, x, f32(glint[0]), f32(glint[1]), f32(glint[2]), f32(glint[HEIGHT]), f32(glint[SLIP]), f32(glint[WEIGHT]) * weight[n], wide
                    )  # fmt: skip
                    if shaded:
                        _hidden(s, x, points, crowd, few, ends, found, waves, sight, lifts, stride, shade_wide, ratio, coarse_wide, wide)  # fmt: skip
                    change = _phase(x, waves, inverse_step, ratio, mine[0], wide)
                    most = change if change > most else most
                    for m in range(mics):
                        dx, dy, dz = f32(targets[j, m, 0] - cx), f32(targets[j, m, 1] - cy), f32(targets[j, m, 2] - cz)  # fmt: skip
                        ahead = dot(dx, dy, dz, across[0, 0], across[0, 1], across[0, 2])
                        aside = dot(dx, dy, dz, across[1, 0], across[1, 1], across[1, 2])
                        _gain(x, of_mics[m], dx, dy, dz, ahead, aside, waves, inverse_step, f32(sharpness), mine[1 + m], wide)  # fmt: skip
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
                incoming(coarse_s, source_walls, source_normals, i, walls_f, skin_f, beam_f[b : b + 1], source_axes, way_re, way_im, coarse_wide)  # fmt: skip
                tilt_re, tilt_im = f32(leg_slope[f, j].real), f32(leg_slope[f, j].imag)
                for low in range(0, mics, together):
                    some = min(together, mics - low)
                    lanes = some * coarse_wide
                    for m in range(some):
                        if j != aimed or mics > together:
                            aim(
                                mic_s, targets[j, low + m, 0], targets[j, low + m, 1], targets[j, low + m, 2],
                                target_axes[j, low + m, 0], target_axes[j, low + m, 1], target_axes[j, low + m, 2], m * coarse_wide, coarse_wide
                            )  # fmt: skip
                        start_from(coarse_s, mic_s, m * coarse_wide, coarse_wide)
                    for k in range(lanes):
                        mic_s[SWAY + k], mic_s[LEAN + k] = f32(0.0), f32(0.0)
                    reflected(mic_s, sx, sy, sz, f32(0.0), lanes)
                    _bare(mic_s, lanes)
                    outgoing(
                        mic_s, target_walls, target_normals, j, walls_f, f32(absorption[f]), lanes
                    )
                    per_slope = -waves / step
                    for m in range(some):
                        dx, dy, dz = f32(targets[j, low + m, 0] - cx), f32(targets[j, low + m, 1] - cy), f32(targets[j, low + m, 2] - cz)  # fmt: skip
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

"""Kernels: one glint of a patch, as a difference from the anchor (`anchor`): its way, its gain at every microphone, and what limbs in the way let pass."""

from __future__ import annotations

import math

import numpy as np

from usim.engine.anchor import (
    ALPHA,
    BACK_,
    BACK_N,
    BASE,
    BENT,
    DP,
    DR,
    E1,
    E2,
    EAR_BACK,
    EAR_N,
    FACING,
    LATENESS,
    LEANING,
    MORE,
    PASSED,
    R1,
    R2,
    ROTATION,
    STEEP,
    TWIST,
    VOLUME,
    D,
    P,
    Q,
    X,
)
from usim.engine.carry import lifted
from usim.engine.hiding import FAINT_SHADE, hide
from usim.engine.slab import (
    HALF_,
    LEAST,
    ONE,
    PLACE,
    ROW,
    SPREAD,
    TINY,
    TWO,
    dot,
    f32,
    faded,
    falling,
    thinned,
    times_shape,
)  # fmt: skip
from usim.engine.tones import (
    cosine,
    sine,
)  # fmt: skip
from usim.physics.jit import fused, kernel

# m from the middle of the array to where else shades are told: their change over the array
ARM = f32(0.03)


@kernel(apart=True)
def _glint(s, x, gx, gy, gz, height, slip, weight, knots, count):
    """Write where a glint lies and what it adds to the anchor's path and second leg into D, DP, STEEP, DR; its gain's phase and size but for the lobe, and what the lobe reads: `glints.facet`, as a difference.

    knots: from one lane to the next.
    """
    per_knot = HALF_ / f32(knots)
    for k in range(count):
        nx = dot(x[ROTATION + k], x[ROTATION + ROW + k], x[ROTATION + 2 * ROW + k], gx, gy, gz)
        ny = dot(x[ROTATION + 3 * ROW + k], x[ROTATION + 4 * ROW + k], x[ROTATION + 5 * ROW + k], gx, gy, gz)  # fmt: skip
        nz = dot(x[ROTATION + 6 * ROW + k], x[ROTATION + 7 * ROW + k], x[ROTATION + 8 * ROW + k], gx, gy, gz)  # fmt: skip
        vx, vy, vz = times_shape(s, SPREAD, k, nx, ny, nz)
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
        x[STEEP + 1 + k] = per_knot * (x[DP + 2 + k] - x[DP + k])
    x[STEEP], x[STEEP + count - 1] = x[STEEP + 1], x[STEEP + count - 2]


@kernel(apart=True)
def _phase(x, turns, inverse_step, knots, ratio, phase, count):
    """Write a glint's phase (turns) against the anchor's at the middle of the array into phase (ROW,); return the most that it turns in a knot, told on every ratio-th lane; knots: from one lane to the next."""
    for k in range(count):
        late = fused(x[LATENESS + k], x[DR + k], f32(inverse_step) * x[STEEP + k] * x[DR + k])
        phase[k] = fused(-f32(turns), x[DP + k] - late, x[TWIST + k])
    most = f32(0.0)
    for k in range(0, count - 1, ratio):
        change = abs(phase[k + 1] - phase[k])
        most = change if change > most else most
    return most / f32(knots)


@kernel(apart=True)
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
        grazing = bn * f32(1.0 / LEAST)
        grazing = grazing if grazing < ONE else ONE
        slant = slant if slant > f32(0.0) else f32(0.0)
        slant = slant if slant < ONE else ONE
        tilted = (
            HALF_ * slant * grazing * falling(sharpness * (slant - ONE))
        )  # the cosine times the square of the slant over bn
        passed = fused(
            ahead, x[PASSED + ROW + k], fused(aside, x[PASSED + 2 * ROW + k], x[PASSED + k])
        )
        size = (
            x[BASE + k]
            * passed
            * (ONE + x[MORE + k] + apart)
            * faded(HALF_ * size)
            * inverse
            * tilted
        )
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
def _passes(points, crowd, ends, found, waves, sight, lifts, wide):
    """Write what of legs from points to ends (3 rows each) passes the pieces found into lifts, from place 1 on."""
    for k in range(wide):
        lifts[k + 1] = ONE
    hide(points, crowd, ends, found, waves, sight, lifts[1:], wide)


@kernel
def _deep(lifts, wide):
    """Return whether a shade, from place 1 on, is dark enough to differ between microphones."""
    dark = False
    for k in range(wide):
        dark |= lifts[k + 1] < FAINT_SHADE
    return dark


@kernel(apart=True)
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

    Told on every stride-th knot by crowd; its change between microphones, where there is any, on every ratio-th, knots of gain, by few.
    ends (12 rows): the source, the middle of the array, and ARM aside from that, in both directions across.  points, lifts: scratch of six rows each.
    """
    passed, ahead, aside = x[PASSED:], x[PASSED + ROW :], x[PASSED + 2 * ROW :]
    out, back = False, False
    for o in range(found.shape[1]):
        out |= found[0, o]
        back |= found[1, o]
    _in_the_open(x, wide)
    _glint_points(s, x, wide, points)
    some = points[3 * ROW :]
    for axis in range(3):
        thinned(points[axis * ROW :], stride, some[axis * ROW :], shade_wide)
    if back:
        _passes(some, crowd, ends[3 * ROW :], found[1], waves, sight, lifts, shade_wide)
    if back and _deep(lifts, shade_wide):
        there, also, thin = lifts[ROW:], lifts[2 * ROW :], lifts[3 * ROW :]
        for axis in range(3):
            thinned(points[axis * ROW :], ratio, thin[axis * ROW :], coarse_wide)
        _passes(thin, few, ends[6 * ROW :], found[1], waves, sight, there, coarse_wide)
        _passes(thin, few, ends[9 * ROW :], found[1], waves, sight, also, coarse_wide)
        thinned(lifts[1:], ratio // stride, thin, coarse_wide)
        for k in range(coarse_wide):
            there[k + 1] = (there[k + 1] - thin[k]) * f32(1.0 / ARM)
            also[k + 1] = (also[k + 1] - thin[k]) * f32(1.0 / ARM)
        lifted(there, ratio, ahead, wide)
        lifted(also, ratio, aside, wide)
    if back:
        lifted(lifts, stride, passed, wide)
    if out:
        _passes(some, crowd, ends, found[0], waves, sight, lifts, shade_wide)
        lifted(lifts, stride, points, wide)
        for k in range(wide):
            passed[k], ahead[k], aside[k] = passed[k] * points[k], ahead[k] * points[k], aside[k] * points[k]  # fmt: skip


@kernel
def _in_the_open(x, wide):
    """Write into PASSED that nothing stands in the way."""
    for k in range(wide):
        x[PASSED + k], x[PASSED + ROW + k], x[PASSED + 2 * ROW + k] = ONE, f32(0.0), f32(0.0)

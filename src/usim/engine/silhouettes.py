"""Kernels: what of a straight way passes the silhouettes of ellipsoids, with ripples and phase.

Fresnel's integral over an opaque screen is one along its rim: about the way's foot, in polar coordinates,

    passed = 1 + 1/(2 pi) * closed integral of (w exp(-j q) - 1) dphi,   q = k (r1 + r2 - L),

with r1 + r2 the way over the rim and L the straight one (Young 1802; Rubinowicz 1917; Born and Wolf 1999, section 8.9).  The screen is the union of the
silhouettes: of each rim only what lies in no other counts.  Where the way over the rim turns by more than LIT_TURN the wave that the rim sends is, for a body
that is round, the echo of a mirror point; so w falls to zero there, as echoes fade in from a bistatic angle of 160 degrees to 140.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.tones import cosine, sine
from usim.physics.jit import kernel

LIT_TURN, DARK_TURN = 0.25, 0.45  # sums of the sines of the turns at the rim's two ends
SLACK_M = 0.12  # how far a piece may go while sound travels on from it
FLAT = 1e-30  # m2: a rim that runs through the foot
POSE = 9  # rows of a pose: centre; Q diag(a^2) Q' as xx yy zz xy xz yz

# of a piece as a way sees it: foot of its centre across the way, three numbers of its rim, distances, how much of it counts, size
CX, CY, LXX, LXY, LYY, NEAR, FAR, COUNTS, SIZE, BEND = range(10)
SEEN = 10
RINGS = np.array([24, 32, 48, 64, 96, 128, 192, 256, 384, 512])
MOST = int(RINGS[-1])


def rims() -> np.ndarray:
    """Return cosines and sines (ring, 4, MOST + 1) of the points of each ring: midpoints, then ends, of its equal arcs."""
    out = np.zeros((len(RINGS), 4, MOST + 1))
    for row, count in zip(out, RINGS, strict=True):
        angle = 2.0 * np.pi * np.arange(count + 1) / count
        row[0, : count + 1], row[1, : count + 1] = (
            np.cos(angle + np.pi / count),
            np.sin(angle + np.pi / count),
        )
        row[2, : count + 1], row[3, : count + 1] = np.cos(angle), np.sin(angle)
    return out


@kernel
def _smooth(x):
    """Return a step from 0 at 0 to 1 at 1, twice differentiable."""
    s = min(max(x, 0.0), 1.0)
    return s * s * s * (6.0 * s * s - 15.0 * s + 10.0)


@kernel
def _at(poses, piece, x, first, last, out):
    """Write rows `first` to `last` of a piece's pose at a place between samples: a cubic through four of them."""
    k = min(max(math.floor(x), 1), poses.shape[2] - 3)
    w = x - k
    a = -w * (w - 1.0) * (w - 2.0) / 6.0
    b = (w + 1.0) * (w - 1.0) * (w - 2.0) / 2.0
    c = -(w + 1.0) * w * (w - 2.0) / 2.0
    d = (w + 1.0) * w * (w - 1.0) / 6.0
    for row in range(first, last):
        here = poses[piece, row, k - 1 :]
        out[row] = a * here[0] + b * here[1] + c * here[2] + d * here[3]


@kernel
def _turned(rho, near, far):
    """Return the sum of the sines of the turns of a way over a point rho off the straight one."""
    return rho / math.sqrt(rho * rho + near * near) + rho / math.sqrt(rho * rho + far * far)


@kernel
def _is_near(poses, piece, k, way):
    """Return whether a piece may count for a way, wherever it goes while sound travels on: told at the nearest sample."""
    ahead, aside2 = 0.0, 0.0
    for part in range(3):
        away = poses[piece, part, k] - way[part]
        ahead += away * way[3 + part]
        aside2 += away * away
    size = math.sqrt(poses[piece, 3, k] + poses[piece, 4, k] + poses[piece, 5, k]) + SLACK_M
    if ahead < -size or ahead > way[12] + size:
        return False
    rho = math.sqrt(max(aside2 - ahead * ahead, 0.0)) - size
    near, far = abs(ahead) + size, abs(way[12] - ahead) + size
    return rho <= 0.0 or _turned(rho, near, far) < DARK_TURN


@kernel(apart=True)
def _sighted(poses, piece, now, per_metre, way, pose, seen):
    """Write what a way sees of a piece when the sound that arrives at sample `now` passes it; return whether anything of it counts.

    way: its start (3,), direction (3,), two directions across it (6,), its length.
    """
    length = way[12]
    if not _is_near(poses, piece, now, way):
        return False
    at = float(now)
    ahead = 0.0
    for _ in range(3):  # when that is, follows from where it is then
        _at(poses, piece, at, 0, 3, pose)
        ahead = 0.0
        for part in range(3):
            ahead += (pose[part] - way[part]) * way[3 + part]
        at = now - (length - ahead) * per_metre
    _at(poses, piece, at, 0, POSE, pose)
    x, y, depth2, across_x, across_y, mixed = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for part in range(3):
        x += (pose[part] - way[part]) * way[6 + part]
        y += (pose[part] - way[part]) * way[9 + part]
    for i in range(3):
        for j in range(3):
            s = pose[3 + i] if i == j else pose[5 + i + j]
            depth2 += s * way[3 + i] * way[3 + j]
            across_x += s * way[6 + i] * way[6 + j]
            across_y += s * way[9 + i] * way[9 + j]
            mixed += s * way[6 + i] * way[9 + j]
    depth = math.sqrt(depth2)
    counts = _smooth(0.5 + 0.5 * ahead / depth) * _smooth(0.5 + 0.5 * (length - ahead) / depth)
    if counts <= 0.0:
        return False
    size = math.sqrt(across_x + across_y)
    near, far = max(ahead, 0.5 * depth), max(length - ahead, 0.5 * depth)
    rho = math.sqrt(x * x + y * y) - size
    if rho > 0.0 and _turned(rho, near, far) > DARK_TURN:
        return False
    seen[CX], seen[CY] = x, y
    seen[LXX] = math.sqrt(across_x)
    seen[LXY] = mixed / seen[LXX]
    seen[LYY] = math.sqrt(max(across_y - seen[LXY] * seen[LXY], 1e-12))
    seen[NEAR], seen[FAR], seen[COUNTS], seen[SIZE] = near, far, counts, size
    seen[BEND] = math.sqrt(1.0 / near + 1.0 / far)
    return True


@kernel
def _ring(seen, turns_per_metre):
    """Return which ring resolves the phase along a rim."""
    rho = math.sqrt(seen[CX] ** 2 + seen[CY] ** 2) + seen[SIZE]
    bend2 = seen[BEND] * seen[BEND]
    swing = 2.0 * np.pi * turns_per_metre * seen[SIZE] * min(rho * bend2, 1.1 * DARK_TURN)
    wanted = swing + 6.0 * swing ** (1.0 / 3.0) + 12.0
    ring = 0
    while ring < len(RINGS) - 1 and RINGS[ring] < wanted:
        ring += 1
    return ring


@kernel(apart=True)
def _rim(seen, cosines, sines, count, turns_per_metre, work):
    """Write the integrand per radian of the ellipse, (w exp(-j q) - 1) dphi, into the first two rows of work (6, MOST + 1)."""
    cx, cy, lxx, lxy, lyy = seen[CX], seen[CY], seen[LXX], seen[LXY], seen[LYY]
    near, far = seen[NEAR], seen[FAR]
    near2, far2 = near * near, far * far
    phase, wane, turn = work[2], work[3], work[4]
    for k in range(count):
        c, s = cosines[k], sines[k]
        x = cx + lxx * c
        y = cy + lxy * c + lyy * s
        r2 = x * x + y * y
        d = x * (lyy * c - lxy * s) + y * lxx * s
        one, two = math.sqrt(near2 + r2), math.sqrt(far2 + r2)
        q = turns_per_metre * r2 * (1.0 / (one + near) + 1.0 / (two + far))
        bend = math.sqrt(r2) * (1.0 / one + 1.0 / two)
        phase[k] = q - math.floor(q + 0.5)
        wane[k] = (bend - LIT_TURN) * (1.0 / (DARK_TURN - LIT_TURN))
        turn[k] = d / (r2 + FLAT)
    re, im = work[0], work[1]
    for k in range(count):
        t = wane[k] if wane[k] > 0.0 else 0.0
        t = t if t < 1.0 else 1.0
        w = 1.0 - t * t * t * (6.0 * t * t - 15.0 * t + 10.0)
        p = np.float32(phase[k])
        re[k] = (w * cosine(p) - 1.0) * turn[k]
        im[k] = -w * sine(p) * turn[k]


@kernel
def _level(other, scale, x, y):
    """Return how far outside another piece's rim a point lies, negative inside; scale: from this piece's screen to the other's."""
    u = (scale * x - other[CX]) / other[LXX]
    v = (scale * y - other[CY] - other[LXY] * u) / other[LYY]
    return u * u + v * v - 1.0


@kernel(apart=True)
def _levels(one, other, scale, cosines, sines, count, level):
    """Write the levels of the ends of a rim's arcs in another piece's measure; return the least."""
    ax, bx = scale * one[LXX] / other[LXX], (scale * one[CX] - other[CX]) / other[LXX]
    inverse = 1.0 / other[LYY]
    cy = (scale * one[CY] - other[CY] - other[LXY] * bx) * inverse
    cc, cs = (scale * one[LXY] - other[LXY] * ax) * inverse, scale * one[LYY] * inverse
    least = 1e30
    for k in range(count + 1):
        u = bx + ax * cosines[k]
        v = cy + cc * cosines[k] + cs * sines[k]
        level[k] = u * u + v * v - 1.0
    for k in range(count + 1):
        least = level[k] if level[k] < least else least
    return least


@kernel(apart=True)
def _outside(seen, here, others, cosines, sines, count, level, low, high):
    """Keep of every arc, as shares low and high (count,) of it, what lies outside other pieces' silhouettes."""
    one = seen[here]
    step = 2.0 * np.pi / count
    for o in range(others):
        if o == here:
            continue
        other = seen[o]
        scale = one[BEND] / other[BEND]
        apart = (scale * one[CX] - other[CX]) ** 2 + (scale * one[CY] - other[CY]) ** 2
        if apart >= (scale * one[SIZE] + other[SIZE]) ** 2:
            continue
        if _levels(one, other, scale, cosines, sines, count, level) >= 0.0:
            continue
        for arc in range(count):
            before, after = level[arc], level[arc + 1]
            if before >= 0.0 and after >= 0.0:
                continue
            if before < 0.0 and after < 0.0:
                high[arc] = low[arc]
                continue
            t = before / (before - after)
            angle = (arc + t) * step
            c, s = math.cos(angle), math.sin(angle)
            x = one[CX] + one[LXX] * c
            y = one[CY] + one[LXY] * c + one[LYY] * s
            middle = _level(other, scale, x, y)
            if (middle < 0.0) == (before < 0.0):
                t = t + (1.0 - t) * middle / (middle - after)
            else:
                t = t * before / (before - middle)
            if before < 0.0:
                low[arc] = min(max(low[arc], t), high[arc])
            else:
                high[arc] = max(min(high[arc], t), low[arc])


@kernel(apart=True)
def _around(seen, here, others, rims, turns_per_metre, work, low, high):
    """Return the integral of (w exp(-j q) - 1) dphi over what of one rim lies outside all others, real and imaginary part."""
    one = seen[here]
    ring = _ring(one, turns_per_metre)
    count = RINGS[ring]
    step = 2.0 * np.pi / count
    for k in range(count):
        low[k], high[k] = 0.0, 1.0
    _outside(seen, here, others, rims[ring, 2], rims[ring, 3], count, work[5], low, high)
    _rim(one, rims[ring, 0], rims[ring, 1], count, turns_per_metre, work)
    re, im = work[0], work[1]
    total_re, total_im = 0.0, 0.0
    for k in range(count):
        share = high[k] - low[k]
        if share >= 1.0:
            total_re += re[k]
            total_im += im[k]
        elif share > 0.0:
            angle = (k + 0.5 * (low[k] + high[k])) * step
            low[k], high[k] = math.cos(angle), math.sin(angle)
            _rim(one, low[k:], high[k:], 1, turns_per_metre, work[:, MOST:])
            total_re += share * work[0, MOST]
            total_im += share * work[1, MOST]
    scale = step * one[COUNTS]
    return total_re * scale, total_im * scale


@kernel
def _across(start, end, way):
    """Fill way (13,): start, direction, two directions across it, length."""
    length = 0.0
    for part in range(3):
        length += (end[part] - start[part]) ** 2
    length = math.sqrt(length)
    for part in range(3):
        way[part] = start[part]
        way[3 + part] = (end[part] - start[part]) / length
    level = math.sqrt(way[3] ** 2 + way[4] ** 2)
    if level > 1e-3:  # the first across lies level
        way[6], way[7], way[8] = -way[4] / level, way[3] / level, 0.0
    else:
        way[6], way[7], way[8] = 1.0, 0.0, 0.0
        level = math.sqrt(1.0 - way[3] ** 2)
        for part in range(3):
            way[6 + part] = ((1.0 if part == 0 else 0.0) - way[3] * way[3 + part]) / level
    way[9] = way[4] * way[8] - way[5] * way[7]
    way[10] = way[5] * way[6] - way[3] * way[8]
    way[11] = way[3] * way[7] - way[4] * way[6]
    way[12] = length


@kernel
def _changes(starts, ends, rows, poses, first, per_metre, waves, rims, room, out):
    """See `changes`; room: scratch."""
    way, pose, seen, work, low, high = room
    for line in range(starts.shape[0]):
        _across(starts[line], ends[line], way)
        for n in range(out.shape[2]):
            some = 0
            for piece in range(poses.shape[0]):
                if _sighted(poses, piece, first + n, per_metre, way, pose, seen[some]):
                    some += 1
            for carrier in range(out.shape[0]):
                re, im = 0.0, 0.0
                for here in range(some):
                    a, b = _around(seen, here, some, rims, waves[carrier], work, low, high)
                    re += a
                    im += b
                if some:
                    passed = 1.0 + out[carrier, rows[line], n]
                    change = complex(re, im) * (0.5 / np.pi)
                    out[carrier, rows[line], n] = passed * (1.0 + change) - 1.0


@kernel(allocates=True)
def changes(starts, ends, rows, poses, first, per_metre, waves, rims, out):
    """Add to out (carrier, row, sample) complex by what share the pieces of a mover change each path; out starts at zero.

    starts, ends (line, 3) m: straight ways past the mover; rows (line,): the path that each is a stretch of, whose changes multiply; poses (piece, POSE, n) at
    even times, of which number `first` is that of reception of out's sample 0; per_metre: samples that sound takes for a metre; waves (carrier,) per metre.
    """
    pieces = poses.shape[0]
    room = (
        np.zeros(13),
        np.zeros(POSE),
        np.zeros((pieces, SEEN)),
        np.zeros((6, MOST + 2)),
        np.zeros(MOST + 1),
        np.zeros(MOST + 1),
    )
    _changes(starts, ends, rows, poses, first, per_metre, waves, rims, room, out)

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
from usim.physics.jit import kernel, rows32

f32 = np.float32
LIT_TURN, DARK_TURN = 0.25, 0.45  # sums of the sines of the turns at the rim's two ends
SLACK_M = 0.12  # how far a piece may go while sound travels on from it
FLAT = f32(1e-30)  # m2: a rim that runs through the foot
LIT, WANE_RATE = f32(LIT_TURN), f32(1.0 / (DARK_TURN - LIT_TURN))
NONE, HALF, ONE, SIX, TEN, FIFTEEN = f32(0), f32(0.5), f32(1), f32(6), f32(10), f32(15)
POSE = 9  # rows of a pose: centre; Q diag(a^2) Q' as xx yy zz xy xz yz

# Of a piece as a way sees it: middle and rim, (x, y) = middle + [[lxx, 0], [lxy, lyy]] (cos, sin); distances, how much of it counts, size; then the
# same screen as others see it, every length times sqrt(1 / near + 1 / far), as wide as it is for the waves; 1 over its lxx and lyy
CX, CY, LXX, LXY, LYY, NEAR, FAR, COUNTS, SIZE, BEND2 = range(10)
SX, SY, SXX, SXY, SYY, ROUND, OVER_X, OVER_Y = range(10, 18)
SEEN = 18
ALIKE = 1e-4  # squared lengths of rims, re 1, that are taken for the same
LANES = 16  # what is summed at a time
RINGS = np.array([32, 48, 64, 96, 128, 192, 256, 384, 512])  # points: whole lanes
MOST = int(RINGS[-1])
ROW = (
    MOST + LANES
)  # of what is worked out along a rim: a constant distance apart, so that loops are packed
RE, IM, LEVEL, LOW, HIGH, COSINES, SINES, SHARES, SUMS = (ROW * n for n in range(9))
WORK = 9 * ROW


def rims() -> np.ndarray:
    """Return cosines and sines (ring, 4, MOST + 1) of the points of each ring: midpoints, then ends, of its equal arcs."""
    out = np.zeros((len(RINGS), 4, MOST + 1), np.float32)
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
def _bent(rho, near, far):
    """Return the sum of the sines of the turns of a way over a point rho off the straight one."""
    return rho / math.sqrt(rho * rho + near * near) + rho / math.sqrt(rho * rho + far * far)


@kernel
def _is_near(x, y, z, size, way):
    """Return whether something no larger than `size` about a place may count for a way."""
    ax, ay, az = x - way[0], y - way[1], z - way[2]
    ahead = ax * way[3] + ay * way[4] + az * way[5]
    if ahead < -size or ahead > way[12] + size:
        return False
    rho = math.sqrt(max(ax * ax + ay * ay + az * az - ahead * ahead, 0.0)) - size
    near, far = abs(ahead) + size, abs(way[12] - ahead) + size
    return rho <= 0.0 or _bent(rho, near, far) < DARK_TURN


@kernel
def _bounds(poses, out):
    """Write into out (piece, 4) a ball that holds each piece at all times."""
    for piece in range(poses.shape[0]):
        pose, ball = poses[piece], out[piece]
        last = pose.shape[1] - 1
        most = 0.0
        for part in range(3):
            ball[part] = 0.5 * (pose[part, 0] + pose[part, last])
        for k in range(last + 1):
            x, y, z = pose[0, k] - ball[0], pose[1, k] - ball[1], pose[2, k] - ball[2]
            size2 = pose[3, k] + pose[4, k] + pose[5, k]
            most = max(most, math.sqrt(x * x + y * y + z * z) + math.sqrt(size2))
        ball[3] = most


@kernel(apart=True)
def _sighted(poses, piece, now, per_metre, way, pose, seen):
    """Write what a way sees of a piece when the sound that arrives at sample `now` passes it; return whether anything of it counts.

    way: its start (3,), direction (3,), two directions across it (6,), its length.
    """
    length = way[12]
    size = math.sqrt(poses[piece, 3, now] + poses[piece, 4, now] + poses[piece, 5, now]) + SLACK_M
    if not _is_near(poses[piece, 0, now], poses[piece, 1, now], poses[piece, 2, now], size, way):
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
    if rho > 0.0 and _bent(rho, near, far) > DARK_TURN:
        return False
    seen[CX], seen[CY] = x, y
    seen[LXX] = math.sqrt(across_x)
    seen[LXY] = mixed / seen[LXX]
    seen[LYY] = math.sqrt(max(across_y - seen[LXY] * seen[LXY], 1e-12))
    seen[NEAR], seen[FAR], seen[COUNTS], seen[SIZE] = near, far, counts, size
    seen[BEND2] = 1.0 / near + 1.0 / far
    scale = math.sqrt(seen[BEND2])
    for part in range(5):
        seen[SX + part] = scale * seen[CX + part]
    seen[ROUND] = scale * size
    seen[OVER_X], seen[OVER_Y] = 1.0 / seen[SXX], 1.0 / seen[SYY]
    return True


@kernel
def _ring(seen, turns_per_metre):
    """Return which ring resolves the phase along a rim."""
    rho = math.sqrt(seen[CX] ** 2 + seen[CY] ** 2) + seen[SIZE]
    bend = min(rho * seen[BEND2], 1.1 * DARK_TURN)
    swing = 2.0 * np.pi * turns_per_metre * seen[SIZE] * bend
    wanted = swing + 6.0 * swing ** (1.0 / 3.0) + 12.0
    ring = 0
    while ring < len(RINGS) - 1 and RINGS[ring] < wanted:
        ring += 1
    return ring


@kernel(apart=True)
def _rim(seen, cosines, sines, count, turns_per_metre, work):
    """Write the integrand per radian of the ellipse, (w exp(-j q) - 1) dphi, into rows RE and IM of work; count: whole lanes."""
    cx, cy, lxx, lxy = f32(seen[CX]), f32(seen[CY]), f32(seen[LXX]), f32(seen[LXY])
    lyy, near, far, turns = f32(seen[LYY]), f32(seen[NEAR]), f32(seen[FAR]), f32(turns_per_metre)
    near2, far2 = near * near, far * far
    for block in range(0, count, LANES):
        at_c, at_s, here = cosines[block:], sines[block:], work[block:]
        for k in range(LANES):
            c, s = at_c[k], at_s[k]
            x = cx + lxx * c
            y = cy + lxy * c + lyy * s
            r2 = x * x + y * y
            d = x * (lyy * c - lxy * s) + y * lxx * s
            one, two = np.sqrt(near2 + r2), np.sqrt(far2 + r2)
            q = turns * r2 * (ONE / (one + near) + ONE / (two + far))
            bend = np.sqrt(r2) * (ONE / one + ONE / two)
            t = (bend - LIT) * WANE_RATE
            t = t if t > NONE else NONE
            t = t if t < ONE else ONE
            w = ONE - t * t * t * (SIX * t * t - FIFTEEN * t + TEN)
            p = q - np.floor(q + HALF)
            turn = d / (r2 + FLAT)
            here[RE + k] = (w * cosine(p) - ONE) * turn
            here[IM + k] = -w * sine(p) * turn


@kernel(apart=True)
def _levels(one, other, edge, cosines, sines, count, work):
    """Write the levels of the ends of a rim's arcs in another piece's measure, whose own rim is `edge`; return how many lie inside it."""
    own = f32(edge)
    lean, aside = one[SXX] * other[OVER_X], (one[SX] - other[SX]) * other[OVER_X]
    ax, bx = f32(lean), f32(aside)
    cy = f32((one[SY] - other[SY] - other[SXY] * aside) * other[OVER_Y])
    cc = f32((one[SXY] - other[SXY] * lean) * other[OVER_Y])
    cs = f32(one[SYY] * other[OVER_Y])
    inside = np.int32(0)
    for block in range(0, count, LANES):
        at_c, at_s, here = cosines[block:], sines[block:], work[block:]
        for k in range(LANES):
            u = bx + ax * at_c[k]
            v = cy + cc * at_c[k] + cs * at_s[k]
            here[LEVEL + k] = u * u + v * v - own
        for k in range(LANES):
            inside += np.int32(here[LEVEL + k] < NONE)
    work[LEVEL + count] = work[LEVEL]
    return inside


@kernel
def _are_apart(one, other):
    """Return whether two silhouettes lie apart along the line of their middles."""
    x, y = one[SX] - other[SX], one[SY] - other[SY]
    apart2 = x * x + y * y
    if apart2 >= (one[ROUND] + other[ROUND]) ** 2:
        return True
    a = math.sqrt((one[SXX] * x + one[SXY] * y) ** 2 + (one[SYY] * y) ** 2)
    b = math.sqrt((other[SXX] * x + other[SXY] * y) ** 2 + (other[SYY] * y) ** 2)
    return a + b < apart2


@kernel
def _level(one, other, edge, c, s):
    """Return how far outside another piece's rim, which is `edge`, a point of one rim lies, negative inside."""
    u = (one[SX] + one[SXX] * c - other[SX]) * other[OVER_X]
    v = (one[SY] + one[SXY] * c + one[SYY] * s - other[SY] - other[SXY] * u) * other[OVER_Y]
    return u * u + v * v - edge


@kernel
def _turned_on(c, s, angle):
    """Return cosine and sine of a direction (c, s) turned on by at most a fifth of a radian."""
    d2 = angle * angle
    cosine_ = 1.0 - d2 * (0.5 - d2 * (1.0 / 24.0 - d2 * (1.0 / 720.0)))
    sine_ = angle * (1.0 - d2 * (1.0 / 6.0 - d2 * (1.0 / 120.0)))
    return c * cosine_ - s * sine_, s * cosine_ + c * sine_


@kernel
def _crossing(one, other, edge, before, after, c, s, step):
    """Return where on an arc, as a share of it, a rim crosses another one: by secants. c, s: where the arc begins."""
    t = before / (before - after)
    there = _turned_on(c, s, t * step)
    middle = _level(one, other, edge, there[0], there[1])
    if (middle < 0.0) == (before < 0.0):
        return t + (1.0 - t) * middle / (middle - after)
    return t * before / (before - middle)


@kernel(apart=True)
def _outside(seen, here, others, cosines, sines, count, work, cuts):
    """Keep of every arc, as shares from rows LOW to HIGH of work, what lies outside other pieces' silhouettes.

    Return how many ends of arcs are cut, whose numbers go into cuts, or -1 where nothing is left.
    """
    one = seen[here]
    step = 2.0 * np.pi / count
    found = 0
    low, high, level = work[LOW:], work[HIGH:], work[LEVEL:]
    for k in range(count):
        low[k], high[k] = NONE, ONE
    for o in range(others):
        if o == here or _are_apart(one, seen[o]):
            continue
        edge = 1.0 + ALIKE if o < here else 1.0 - ALIKE  # of two alike the first hides the other
        inside = _levels(one, seen[o], edge, cosines, sines, count, work)
        if inside == count:
            return -1
        if not inside:
            continue
        for block in range(0, count, LANES):
            arcs = work[block:]
            ends = np.int32(0)
            for k in range(LANES):
                ends += np.int32(arcs[LEVEL + k] < NONE) + np.int32(arcs[LEVEL + 1 + k] < NONE)
            if not ends:
                continue
            if ends == 2 * LANES:
                for k in range(LANES):
                    arcs[HIGH + k] = arcs[LOW + k]
                continue
            for arc in range(block, block + LANES):
                before, after = level[arc], level[arc + 1]
                if before >= NONE and after >= NONE:
                    continue
                if before < NONE and after < NONE:
                    high[arc] = low[arc]
                    continue
                t = _crossing(one, seen[o], edge, before, after, cosines[arc], sines[arc], step)
                if before < NONE:
                    low[arc] = min(max(low[arc], t), high[arc])
                else:
                    high[arc] = max(min(high[arc], t), low[arc])
                if found < len(cuts):
                    cuts[found] = arc
                    found += 1
    return found


@kernel(apart=True)
def _around(seen, here, others, rims, turns_per_metre, work, cuts):
    """Return the integral of (w exp(-j q) - 1) dphi over what of one rim lies outside all others, real and imaginary part."""
    one = seen[here]
    ring = _ring(one, turns_per_metre)
    count = RINGS[ring]
    cosines, sines = rims[ring, 2], rims[ring, 3]
    found = _outside(seen, here, others, cosines, sines, count, work, cuts)
    if found < 0:
        return 0.0, 0.0
    _rim(one, rims[ring, 0], rims[ring, 1], count, turns_per_metre, work)
    for k in range(LANES):
        work[SUMS + k], work[SUMS + LANES + k] = NONE, NONE
    for block in range(0, count, LANES):  # whole arcs, lane by lane
        arcs = work[block:]
        for k in range(LANES):
            whole = NONE if arcs[HIGH + k] - arcs[LOW + k] < ONE else ONE
            work[SUMS + k] += whole * arcs[RE + k]
            work[SUMS + LANES + k] += whole * arcs[IM + k]
    total_re, total_im = 0.0, 0.0
    for k in range(LANES):
        total_re += work[SUMS + k]
        total_im += work[SUMS + LANES + k]
    step = 2.0 * np.pi / count
    low, high = work[LOW:], work[HIGH:]
    c, s, share = work[COSINES:], work[SINES:], work[SHARES:]
    left = 0
    for cut in range(found):  # and what is left of those that are cut
        arc = cuts[cut]
        if not NONE < high[arc] - low[arc] < ONE:
            continue
        middle = 0.5 * (low[arc] + high[arc])
        share[left] = high[arc] - low[arc]
        c[left], s[left] = _turned_on(cosines[arc], sines[arc], middle * step)
        high[arc] = low[arc]
        left += 1
    if left:
        for k in range(left, (left + LANES - 1) // LANES * LANES):
            c[k], s[k] = ONE, NONE
        _rim(one, c, s, left, turns_per_metre, work)
    for k in range(left):
        total_re += share[k] * work[RE + k]
        total_im += share[k] * work[IM + k]
    scale = step * one[COUNTS]
    return total_re * scale, total_im * scale


@kernel
def _frame(start, end, way):
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
def _changes(starts, ends, rows, poses, first, every, per_metre, waves, rims, room, out):
    """See `changes`; room: scratch."""
    way, pose, seen, work, cuts, pieces, balls = room
    _bounds(poses, balls)
    for line in range(starts.shape[0]):
        _frame(starts[line], ends[line], way)
        near = 0
        for piece in range(poses.shape[0]):
            if _is_near(balls[piece, 0], balls[piece, 1], balls[piece, 2], balls[piece, 3], way):
                pieces[near] = piece
                near += 1
        for n in range(out.shape[2]):
            some = 0
            for k in range(near):
                if _sighted(poses, pieces[k], first + n * every, per_metre, way, pose, seen[some]):
                    some += 1
            for carrier in range(out.shape[0]):
                re, im = 0.0, 0.0
                for here in range(some):
                    a, b = _around(seen, here, some, rims, waves[carrier], work, cuts)
                    re += a
                    im += b
                if some:
                    passed = 1.0 + out[carrier, rows[line], n]
                    change = complex(re, im) * (0.5 / np.pi)
                    out[carrier, rows[line], n] = passed * (1.0 + change) - 1.0


@kernel(allocates=True)
def changes(starts, ends, rows, poses, first, every, per_metre, waves, rims, out):
    """Add to out (carrier, row, sample) complex by what share the pieces of a mover change each path; out starts at zero.

    starts, ends (line, 3) m: straight ways past the mover; rows (line,): the path that each is a stretch of, whose changes multiply; poses (piece, POSE, n) at
    even times, of which number `first` is that of reception of out's sample 0, and `every` of them make one of its; per_metre: samples that sound takes for a metre; waves (carrier,) per metre.
    """
    pieces = poses.shape[0]
    room = (
        np.zeros(13),
        np.zeros(POSE),
        np.zeros((pieces, SEEN)),
        rows32(WORK),
        np.zeros(MOST, np.int64),
        np.zeros(pieces, np.int64),
        np.zeros((pieces, 4)),
    )
    _changes(starts, ends, rows, poses, first, every, per_metre, waves, rims, room, out)

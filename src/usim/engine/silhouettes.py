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

from usim.engine.overlaps import (
    AHEAD,
    BEND2,
    COUNTS,
    CX,
    CY,
    DEEP_C,
    DEEP_S,
    DEGREE,
    FAR,
    GOES_X,
    GOES_Y,
    LONG,
    LXX,
    LXY,
    LYY,
    NEAR,
    OVER_X,
    OVER_Y,
    PROBES,
    ROUND,
    SEEN,
    SIZE,
    SPAN,
    SPANS,
    SX,
    SXX,
    SYY,
    left_of,
    overlap,
)
from usim.engine.rims import DARK_TURN, WORK, points_of, sent
from usim.physics.jit import kernel, rows32

SLACK_M = 0.12  # how far a piece may go while sound travels on from it
POSE = 9  # rows of a pose: centre; Q diag(a^2) Q' as xx yy zz xy xz yz
CHUNK = 8  # samples for which one ball holds a piece


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
def _bounds(poses, first, last, out):
    """Write into out (piece, 4) a ball that holds each piece at its samples `first` to `last`."""
    for piece in range(poses.shape[0]):
        pose, ball = poses[piece], out[piece]
        most = 0.0
        for part in range(3):
            ball[part] = 0.5 * (pose[part, first] + pose[part, last])
        for k in range(first, last + 1):
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
    for _ in range(2):  # when that is, follows from where it is then
        _at(poses, piece, at, 0, 3, pose)
        ahead = 0.0
        for part in range(3):
            ahead += (pose[part] - way[part]) * way[3 + part]
        at = now - (length - ahead) * per_metre
    _at(poses, piece, at, 0, POSE, pose)
    x, y, depth2, across_x, across_y, mixed = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    deep_x, deep_y, goes_x, goes_y = 0.0, 0.0, 0.0, 0.0
    before = poses[piece, :, min(max(math.floor(at), 0), poses.shape[2] - 2) :]
    for part in range(3):
        x += (pose[part] - way[part]) * way[6 + part]
        y += (pose[part] - way[part]) * way[9 + part]
        moved = (before[part, 1] - before[part, 0]) * per_metre
        goes_x += moved * way[6 + part]
        goes_y += moved * way[9 + part]
    for i in range(3):
        for j in range(3):
            s = pose[3 + i] if i == j else pose[5 + i + j]
            depth2 += s * way[3 + i] * way[3 + j]
            across_x += s * way[6 + i] * way[6 + j]
            across_y += s * way[9 + i] * way[9 + j]
            mixed += s * way[6 + i] * way[9 + j]
            deep_x += s * way[3 + i] * way[6 + j]
            deep_y += s * way[3 + i] * way[9 + j]
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
    seen[AHEAD], seen[LONG] = ahead, length
    seen[DEEP_C] = deep_x / seen[LXX]
    seen[DEEP_S] = (deep_y - seen[LXY] * seen[DEEP_C]) / seen[LYY]
    seen[GOES_X], seen[GOES_Y] = goes_x, goes_y
    scale = math.sqrt(seen[BEND2])
    for part in range(5):
        seen[SX + part] = scale * seen[CX + part]
    seen[ROUND] = scale * size
    seen[OVER_X], seen[OVER_Y] = 1.0 / seen[SXX], 1.0 / seen[SYY]
    return True


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
def _aside(ends, way, out):
    """Write how far the places (n, 3) where ways end lie off the end of one way, across it in both directions and along it."""
    for n in range(ends.shape[0]):
        for axis in range(3):
            row = 9 if axis == 1 else 6 if axis == 0 else 3
            out[n, axis] = 0.0 if axis < 2 else -way[12]
            for part in range(3):
                out[n, axis] += (ends[n, part] - way[part]) * way[row + part]


@kernel
def _changes(starts, ends, firsts, rows, poses, first, every, per_metre, waves, room, out):
    """See `changes`; room: scratch."""
    way, middle, off, pose, seen, work, pieces, balls, overlaps, spans, covered, left, sums = room
    longest = 0.0
    for line in range(starts.shape[0]):
        _frame(starts[line], ends[firsts[line]], way)
        longest = max(longest, way[12])
    before, last = int(longest * per_metre) + 4, poses.shape[2] - 1
    for chunk in range(0, out.shape[2], CHUNK):
        upto = min(chunk + CHUNK, out.shape[2])
        _bounds(poses, max(first + chunk * every - before, 0), min(first + upto * every, last), balls)  # fmt: skip
        for line in range(starts.shape[0]):
            begin, count = firsts[line], firsts[line + 1] - firsts[line]
            for part in range(3):
                middle[part] = 0.0
                for n in range(count):
                    middle[part] += ends[begin + n, part] / count
            _frame(starts[line], middle, way)
            near = 0
            for piece in range(poses.shape[0]):
                if _is_near(balls[piece, 0], balls[piece, 1], balls[piece, 2], balls[piece, 3], way):  # fmt: skip
                    pieces[near] = piece
                    near += 1
            if not near:
                continue
            _aside(ends[begin : begin + count], way, off)
            for n in range(chunk, upto):
                some = 0
                for k in range(near):
                    if _sighted(poses, pieces[k], first + n * every, per_metre, way, pose, seen[some]):  # fmt: skip
                        some += 1
                if not some:
                    continue
                sums[:, :] = 0.0
                overlap(seen, some, overlaps, spans, covered)
                for here in range(some):
                    if covered[here] < 0:
                        continue
                    parts = left_of(spans[here], covered[here], left) if covered[here] else -1
                    if not parts:
                        continue
                    for carrier in range(out.shape[0]):
                        points = points_of(seen[here], left, parts, count > 1, waves[carrier], overlaps, work)  # fmt: skip
                        for mic in range(count):
                            re, im = sent(seen[here], off[mic], waves[carrier], points, work)
                            sums[carrier, mic] += complex(re, im)
                for carrier in range(out.shape[0]):
                    for mic in range(count):
                        row = rows[begin + mic]
                        passed = 1.0 + out[carrier, row, n]
                        change = sums[carrier, mic] * (0.5 / np.pi)
                        out[carrier, row, n] = passed * (1.0 + change) - 1.0


@kernel(allocates=True)
def changes(starts, ends, firsts, rows, poses, first, every, per_metre, waves, out):
    """Add to out (carrier, row, sample) complex by what share the pieces of a mover change each path; out starts at zero.

    starts (line, 3), ends (way, 3) m: straight ways past the mover; firsts (line + 1,): the first of a line's ways, which end close together; rows (way,): the
    path that each is a stretch of, whose changes multiply; poses (piece, POSE, n) at even times, of which number `first` is that of reception of out's
    sample 0, and `every` of them make one of its; per_metre: samples that sound takes for a metre; waves (carrier,) per metre.
    """
    pieces, most = poses.shape[0], 0
    for line in range(len(starts)):
        most = max(most, firsts[line + 1] - firsts[line])
    angles = np.zeros((4 * PROBES, 3)), np.zeros((4 * PROBES, 3))
    room = (
        np.zeros(13),
        np.zeros(3),
        np.zeros((most, 3)),
        np.zeros(POSE),
        np.zeros((pieces, SEEN)),
        rows32(WORK),
        np.zeros(pieces, np.int64),
        np.zeros((pieces, 4)),
        (rows32(2 * PROBES), np.zeros(5), np.zeros(DEGREE + 1), angles[0], angles[1]),
        np.zeros((pieces, SPANS, SPAN)),
        np.zeros(pieces, np.int64),
        np.zeros((SPANS + 1, SPAN)),
        np.zeros((len(waves), most), np.complex128),
    )
    _changes(starts, ends, firsts, rows, poses, first, every, per_metre, waves, room, out)

"""What passes a mover: every kernel against its twin, which draws each rim with thousands of points and asks of each whether it is hidden."""

import numpy as np
import pytest

from usim.engine import overlaps, rims, silhouettes
from usim.engine.overlaps import (
    COUNTS,
    CX,
    CY,
    END,
    FAR,
    LXX,
    LXY,
    LYY,
    NEAR,
    PROBES,
    SEEN,
    SIZE,
    SPAN,
    SPANS,
    START,
)
from usim.engine.rims import DARK_TURN, LIT_TURN, WORK
from usim.engine.silhouettes import POSE, changes

WAVES = 32000.0 / 343.21
SAMPLES = 24
FINE = 20000  # points of a rim


def tumbling(count=3, seed=3):
    """Ellipsoids that drift and turn about the middle of a way of 3 m: poses (piece, POSE, SAMPLES)."""
    rng = np.random.default_rng(seed)
    out = np.zeros((count, POSE, SAMPLES))
    for row in out:
        axes = rng.uniform(0.06, 0.16, 3)
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        square = turn @ np.diag(axes**2) @ turn.T
        place = rng.uniform([-0.4, -0.1, -0.1], [0.4, 0.1, 0.1])
        row[:3] = place[:, None] + rng.uniform(-0.3, 0.3, 3)[:, None] * np.arange(SAMPLES) / 250
        row[3:] = np.array([square[i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))])[:, None]  # fmt: skip
    return out


def smooth(x):
    s = np.clip(x, 0.0, 1.0)
    return s**3 * (6.0 * s * s - 15.0 * s + 10.0)


def outline(pose, start, end, first, second):
    """What a way sees of a piece: middle (2,), shape (2, 2) whose ellipse is {x: x' shape^-1 x = 1}, distances from both ends, share that counts."""
    along = (end - start) / np.linalg.norm(end - start)
    square = np.array([[pose[3], pose[6], pose[7]], [pose[6], pose[4], pose[8]], [pose[7], pose[8], pose[5]]])  # fmt: skip
    across = np.array([first, second])
    ahead = float((pose[:3] - start) @ along)
    behind = float(np.linalg.norm(end - start)) - ahead
    depth = np.sqrt(along @ square @ along)
    counts = smooth(0.5 + 0.5 * ahead / depth) * smooth(0.5 + 0.5 * behind / depth)
    near, far = max(ahead, 0.5 * depth), max(behind, 0.5 * depth)
    return across @ (pose[:3] - start), across @ square @ across.T, near, far, counts


def plain(pieces):
    """Return the change of a way by pieces as `outline` has them: the integral over every rim's points outside all others."""
    total = 0.0
    angle = 2.0 * np.pi * (np.arange(FINE) + 0.5) / FINE
    wide = [np.sqrt(1.0 / near + 1.0 / far) for _, _, near, far, _ in pieces]
    for n, (middle, shape, near, far, counts) in enumerate(pieces):
        root = np.linalg.cholesky(shape)
        x = middle[:, None] + root @ [np.cos(angle), np.sin(angle)]
        slope = root @ [-np.sin(angle), np.cos(angle)]
        rho = np.hypot(*x)
        dphi = (x[0] * slope[1] - x[1] * slope[0]) / rho**2 * 2.0 * np.pi / FINE
        one, two = np.hypot(near, rho), np.hypot(far, rho)
        bend = rho / one + rho / two
        w = 1.0 - smooth((bend - LIT_TURN) / (DARK_TURN - LIT_TURN))
        q = 2.0 * np.pi * WAVES * (one - near + two - far)
        hidden = np.zeros(FINE, bool)
        for o, (other, of_other, *_) in enumerate(pieces):
            if o != n:
                away = (x * wide[n] / wide[o]) - other[:, None]
                hidden |= np.einsum("ia,ij,ja->a", away, np.linalg.inv(of_other), away) < 1.0
        total += counts * ((w * np.exp(-1j * q) - 1.0) * dphi)[~hidden].sum()
    return total / (2.0 * np.pi)


def frame_of(start, end):
    way = np.zeros(13)
    silhouettes._frame.py_func(start, end, way)
    return way


def test_frame():
    for start, end in (([0.0, 0, 0], [1.0, 2, 0.5]), ([1.0, 1, 0], [1.0, 1, 3.0])):
        start, end = np.array(start), np.array(end)
        way = np.zeros(13)
        silhouettes._frame(start, end, way)
        axes = way[3:12].reshape(3, 3)
        assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-12)
        assert start + way[12] * axes[0] == pytest.approx(end, abs=1e-12)


def test_pose_between_samples():
    poses = tumbling(1)
    poses[0, 0] = 0.1 * (np.arange(SAMPLES) / 7.0) ** 3  # a cubic is met as it is
    out = np.zeros(POSE)
    silhouettes._at(poses, 0, 9.3, 0, POSE, out)
    assert out[0] == pytest.approx(0.1 * (9.3 / 7.0) ** 3, rel=1e-12)
    assert out[1] == pytest.approx(np.interp(9.3, np.arange(SAMPLES), poses[0, 1]), rel=1e-9)


def test_smooth_and_bent():
    x = np.linspace(-0.3, 1.3, 33)
    assert [silhouettes._smooth(v) for v in x] == pytest.approx(smooth(x))
    turn = 0.2 / np.hypot(0.2, 1.0) + 0.2 / np.hypot(0.2, 2.0)
    assert silhouettes._bent(0.2, 1.0, 2.0) == pytest.approx(turn)


def test_balls_and_what_is_near():
    poses = tumbling(4)
    balls = np.zeros((4, 4))
    silhouettes._bounds(poses, 0, SAMPLES - 1, balls)
    for pose, ball in zip(poses, balls, strict=True):
        for k in range(SAMPLES):
            reach = np.sqrt(np.linalg.eigvalsh(np.array([[pose[3, k], pose[6, k], pose[7, k]], [pose[6, k], pose[4, k], pose[8, k]], [pose[7, k], pose[8, k], pose[5, k]]])).max())  # fmt: skip
            assert np.linalg.norm(pose[:3, k] - ball[:3]) + reach <= ball[3] + 1e-12
    way = frame_of(np.array([-1.5, 0.0, 0.0]), np.array([1.5, 0.0, 0.0]))
    for y, size, near in ((0.0, 0.1, True), (0.4, 0.1, True), (0.6, 0.1, False)):
        rho = max(y - size, 0.0)
        turn = 2.0 * rho / np.hypot(rho, 1.5 + size)
        assert bool(turn < DARK_TURN) is near
        assert silhouettes._is_near(0.0, y, 0.0, size, way) is near
    assert not silhouettes._is_near(2.0, 0.0, 0.0, 0.1, way)


def test_what_a_way_sees():
    """The silhouette of a piece at the time at which the sound passes it."""
    poses = tumbling(1, seed=8)
    start, end = np.array([-1.5, 0.05, 0.0]), np.array([1.5, 0.0, 0.1])
    way = frame_of(start, end)
    seen, per_metre, now = np.zeros(SEEN), 250.0 / 343.21, 15
    assert silhouettes._sighted(poses, 0, now, per_metre, way, np.zeros(POSE), seen)
    at = float(now)
    for _ in range(20):
        pose = np.array([np.interp(at, np.arange(SAMPLES), row) for row in poses[0]])
        ahead = (pose[:3] - start) @ way[3:6]
        at = now - (way[12] - ahead) * per_metre
    middle, shape, near, far, counts = outline(pose, start, end, way[6:9], way[9:12])
    root = np.array([[seen[LXX], 0.0], [seen[LXY], seen[LYY]]])
    assert seen[[CX, CY]] == pytest.approx(middle, abs=1e-7)
    assert root @ root.T == pytest.approx(shape, rel=1e-6)
    assert [seen[NEAR], seen[FAR], seen[COUNTS]] == pytest.approx([near, far, counts], rel=1e-6)
    assert seen[SIZE] == pytest.approx(np.sqrt(np.trace(shape)))
    # where along the way the points of the rim lie, and how the piece moves across while sound goes a metre
    angle = 0.7
    rim = middle + root @ [np.cos(angle), np.sin(angle)]
    square = np.array([[pose[3], pose[6], pose[7]], [pose[6], pose[4], pose[8]], [pose[7], pose[8], pose[5]]])  # fmt: skip
    axes = way[3:12].reshape(3, 3)
    flat = np.linalg.solve(shape, rim - middle)
    deep = ahead + (axes[0] @ square @ axes[1:].T) @ flat / np.sqrt(flat @ shape @ flat)
    got = seen[overlaps.AHEAD] + seen[overlaps.DEEP_C] * np.cos(angle) + seen[overlaps.DEEP_S] * np.sin(angle)  # fmt: skip
    assert got == pytest.approx(deep, rel=1e-6)
    moved = (poses[0, :3, 9] - poses[0, :3, 8]) * per_metre
    assert seen[[overlaps.GOES_X, overlaps.GOES_Y]] == pytest.approx(axes[1:] @ moved, abs=1e-9)


def two_seen():
    way = frame_of(np.array([-1.5, 0.0, 0.0]), np.array([1.5, 0.0, 0.0]))
    poses, seen = np.zeros((2, POSE, SAMPLES)), np.zeros((2, SEEN))
    for row, y in zip(poses, (0.02, 0.13), strict=True):
        row[1], row[3:6] = y, np.array([0.01, 0.0064, 0.0144])[:, None]
    for n in range(2):
        assert silhouettes._sighted(poses, n, 15, 0.0, way, np.zeros(POSE), seen[n])
    return seen


def scratch():
    return (
        np.zeros(2 * PROBES, np.float32),
        np.zeros(5),
        np.zeros(overlaps.DEGREE + 1),
        np.zeros((4 * PROBES, 3)),
        np.zeros((4 * PROBES, 3)),
    )


def plain_level(one, other, angle):
    """How far outside the other rim points of one rim lie, both on the screen that they share."""
    scale = np.sqrt(1.0 / one[NEAR] + 1.0 / one[FAR]) / np.sqrt(1.0 / other[NEAR] + 1.0 / other[FAR])  # fmt: skip
    root = np.array([[other[LXX], 0.0], [other[LXY], other[LYY]]])
    rim = one[[CX, CY]] + np.stack([one[LXX] * np.cos(angle), one[LXY] * np.cos(angle) + one[LYY] * np.sin(angle)], axis=-1)  # fmt: skip
    off = np.linalg.solve(root, (rim * scale - other[[CX, CY]]).T)
    return (off * off).sum(axis=0) - 1.0


def test_directions_and_angles():
    """Cosines and sines, and back to the angle."""
    for angle in np.linspace(-9.0, 9.0, 37):
        c, s = overlaps.direction(angle)
        assert (c, s) == pytest.approx((np.cos(angle), np.sin(angle)), abs=2e-6)
        wrapped = np.angle(np.exp(1j * angle))
        assert overlaps.angle_of(2.0 * np.cos(angle), 2.0 * np.sin(angle)) == pytest.approx(wrapped, abs=2e-7)  # fmt: skip


def test_levels_and_crossings():
    """How far outside another rim the points of one rim lie, its slope, and where it is crossed."""
    one, other = two_seen()
    values, level, series, angles, _ = scratch()
    overlaps.level_of(one, other, 1.0, level)
    for angle in np.linspace(0.0, 6.0, 13):
        value, slope = overlaps.value_at(level, np.cos(angle), np.sin(angle))
        assert value == pytest.approx(plain_level(one, other, angle), abs=1e-9)
        near = plain_level(one, other, angle + 1e-5) - plain_level(one, other, angle - 1e-5)
        assert slope == pytest.approx(near / 2e-5, abs=1e-6)
    for k in (0, 5, 15):
        overlaps._series(level, k, series)
        for x in (-0.5 * overlaps.GAP, 0.0, 0.4 * overlaps.GAP):
            angle = overlaps.GAP * (k + 0.5) + x
            want = overlaps.value_at(level, np.cos(angle), np.sin(angle))
            assert overlaps._sum_at(series, x)[0] == pytest.approx(want[0], abs=3e-5)
            assert overlaps._sum_at(series, x)[1] == pytest.approx(want[1], abs=1e-3)
    found, inside = overlaps.crossings(level, values, series, angles)
    fine = np.linspace(0.0, 2.0 * np.pi, FINE)
    signs = plain_level(one, other, fine) < 0.0
    want = fine[np.flatnonzero(signs[1:] != signs[:-1])]
    assert found == len(want) == 2
    assert inside == bool(signs[0])
    assert angles[:2, 0] == pytest.approx(want, abs=4e-4)
    assert plain_level(one, other, angles[:2, 0]) == pytest.approx(0.0, abs=1e-5)
    assert not overlaps.are_apart(one, other)
    far = other.copy()
    far[overlaps.SY] += 1.0
    assert overlaps.are_apart(one, far)


@pytest.mark.parametrize("depth", [0.05, -0.05])
@pytest.mark.parametrize("at", [0.1, 0.3, 2.0])
def test_two_crossings_in_one_gap(depth, at):
    """A rim that dips below zero, or rises above it, between two probes is crossed twice there."""
    values, level, series, angles, _ = scratch()
    width = 0.05  # rad, of a dip of 1 - cos
    sign = np.sign(depth)
    level[:] = 0.0
    level[0] = sign * (1.0 - (1.0 - np.cos(width)))
    level[1], level[2] = -sign * np.cos(at), -sign * np.sin(at)
    found, inside = overlaps.crossings(level, values, series, angles)
    assert found == 2
    assert inside == bool(depth < 0.0)
    assert angles[:2, 0] == pytest.approx([at - width, at + width], abs=1e-5)


def test_what_is_left_of_a_rim_and_its_integral():
    """Spans outside the other silhouette, and the integral over them, against thousands of points."""
    seen = two_seen()
    room, spans, covered = scratch(), np.zeros((2, SPANS, SPAN)), np.zeros(2, np.int64)
    left, work = np.zeros((SPANS + 1, SPAN)), np.zeros(WORK, np.float32)
    overlaps.overlap(seen, 2, room, spans, covered)
    total = 0.0
    angle = 2.0 * np.pi * (np.arange(FINE) + 0.5) / FINE
    for n in (0, 1):
        parts = overlaps.left_of(spans[n], covered[n], left)
        want = (plain_level(seen[n], seen[1 - n], angle) > 0.0).mean()
        assert (left[:parts, END] - left[:parts, START]).sum() / (2.0 * np.pi) == pytest.approx(want, abs=2e-4)  # fmt: skip
        points = rims.points_of(seen[n], left, parts, False, WAVES, room, work)
        total += complex(*rims.sent(seen[n], np.zeros(3), WAVES, points, work))
    pieces = [(np.array([y, 0.0]), np.diag([0.0064, 0.0144]), 1.5, 1.5, 1.0) for y in (0.02, 0.13)]
    assert total / (2.0 * np.pi) == pytest.approx(plain(pieces), abs=2e-4)
    points = rims.points_of(seen[0], left, -1, False, WAVES, room, work)
    whole = complex(*rims.sent(seen[0], np.zeros(3), WAVES, points, work))
    assert whole / (2.0 * np.pi) == pytest.approx(plain(pieces[:1]), abs=2e-4)


def test_of_two_alike_one_is_left():
    """Silhouettes that are the same count once."""
    seen = two_seen()
    seen[1] = seen[0]
    room, spans, covered = scratch(), np.zeros((2, SPANS, SPAN)), np.zeros(2, np.int64)
    overlaps.overlap(seen, 2, room, spans, covered)
    assert sorted(covered) == [-1, 0]


@pytest.mark.parametrize("seed", range(4))
def test_ways_that_end_close_together(seed):
    """Why: the microphones of an array share the points of a rim. Set-up: tumbling pieces, seven ways that end up to 8 cm apart.
    Expected: what each way by itself gives, to -40 dB."""
    poses = tumbling(5, seed)
    offsets = 0.04 * np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1], [0, -1, 0], [0, 0, -1], [1, 0.5, 0], [-1, 0, 0.5]])  # fmt: skip
    starts, ends = np.array([[-1.5, 0.0, 0.0]]), np.array([1.5, 0.1, 0.0]) + offsets
    together, alone = (np.zeros((1, 7, 3), complex) for _ in range(2))
    rows, waves, per_metre = np.arange(7), np.array([WAVES]), 250.0 / 343.21
    changes(starts, ends, np.array([0, 7]), rows, poses, 15, 2, per_metre, waves, together)
    changes(np.repeat(starts, 7, 0), ends, np.arange(8), rows, poses, 15, 2, per_metre, waves, alone)  # fmt: skip
    assert np.linalg.norm(together - alone) < 1e-2 * np.linalg.norm(alone)
    assert abs(alone).max() > 0.1


@pytest.mark.parametrize("seed", range(4))
def test_changes(seed):
    """Two stretches of one path past tumbling pieces: their changes multiply."""
    poses = tumbling(4, seed)
    starts = np.array([[-1.5, 0.0, 0.0], [-1.4, 0.05, 0.02]])
    ends = np.array([[1.5, 0.1, 0.0], [1.6, 0.0, -0.03]])
    out = np.zeros((1, 1, 3), complex)
    firsts, rows = np.arange(3), np.zeros(2, np.int64)
    changes(starts, ends, firsts, rows, poses, 10, 2, 0.0, np.array([WAVES]), out)
    for n in range(3):
        passed = 1.0
        for start, end in zip(starts, ends, strict=True):
            way = frame_of(start, end)
            pieces = [outline(pose[:, 10 + 2 * n], start, end, way[6:9], way[9:12]) for pose in poses]  # fmt: skip
            passed = passed * (1.0 + plain(pieces))
        assert out[0, 0, n] == pytest.approx(passed - 1.0, abs=1e-3)

"""Where and when the paths of one piece bounce: mirrors and glints, in poses followed or asked for."""

from __future__ import annotations

import numpy as np

from usim.engine.exact.bounce import (
    COS,
    FADE_NONE,
    FLAG,
    POSE,
    R2,
    RATE2,
    SEEN,
    WIDTH,
    complain,
    retarded,
    revisit,
)
from usim.engine.exact.glint import WIDE, glint_bounce, glints_heard
from usim.engine.exact.motion import SWIFT, Motion
from usim.engine.exact.rows import MIRROR, Rows


def bounced(motion: Motion, number: int, rows: Rows, source, ear, c: float, t_s, glints, poses):
    """Bounce times (row, time) in s and bounces (row, time, WIDE) of paths heard at t_s, ascending.

    source, ear (row, 3): images, m; glints: those of the piece; poses: "at" or "fit".
    """
    who = f"movers.{motion.mover.name}.pieces[{number}]"
    shape = (len(rows), len(t_s))
    when, pose, out = np.empty(shape), np.empty((*shape, 2 * POSE)), np.zeros((*shape, WIDE))
    mirror, spotted = np.flatnonzero(rows.spot == MIRROR), np.flatnonzero(rows.spot != MIRROR)
    if len(mirror):
        found = np.empty((len(mirror), len(t_s))), pose[mirror], out[mirror, :, :WIDTH].copy()
        story = motion.low, motion.width, motion.terms[number]
        if retarded(t_s, c, source[mirror], ear[mirror], *story, poses == "at", *found):
            raise RuntimeError(f"{who}: {SWIFT}")
        when[mirror], pose[mirror], out[mirror, :, :WIDTH] = found
    if len(spotted):
        when[spotted], pose[spotted], out[spotted] = glints_heard(
            motion, number, source[spotted], ear[spotted], c, t_s, glints, rows.spot[spotted]
        )
    if poses == "at":
        _refine(motion, number, rows, source, ear, c, t_s, glints, when, pose, out)
    else:
        _compare(motion, number, when, pose, who)
    complain(out, who)
    return when, out


def _refine(motion: Motion, number, rows: Rows, source, ear, c, t_s, glints, when, pose, out):
    """Bounces in the pose that `at` gives at the bounce time itself, until the time changes by < 1e-12 s."""
    times, poses, known = when.ravel(), pose.reshape(-1, 2 * POSE), out.reshape(-1, WIDE)
    heard = (known[:, FLAG] == SEEN) & (known[:, COS] > 0.9 * FADE_NONE)
    cells = np.flatnonzero(heard)
    enough = 1e-12 + 4.0 * np.spacing(np.abs(t_s).max())
    for _ in range(20):
        if not len(cells):
            return
        poses[cells, :POSE] = motion.poses(times[cells])[:, number]
        row = cells // len(t_s)
        spot = rows.spot[row]
        on_mirror = spot == MIRROR
        some = known[:, :WIDTH].copy()
        revisit(cells[on_mirror], len(t_s), source, ear, poses, some)
        known[cells[on_mirror], :WIDTH] = some[cells[on_mirror]]
        if not on_mirror.all():
            row, there = row[~on_mirror], cells[~on_mirror]
            known[there] = glint_bounce(
                source[row], ear[row], poses[there], glints, spot[~on_mirror]
            )
        late = times[cells] + known[cells, R2] / c - t_s[cells % len(t_s)]
        again = np.abs(late) >= enough
        cells, late = cells[again], late[again]
        times[cells] -= late / (1.0 + known[cells, RATE2] / c)
    raise RuntimeError(f"movers.{motion.mover.name}: bounce times of piece {number} do not settle")


def _compare(motion: Motion, number: int, when, pose, who: str) -> None:
    """The polynomials must meet `at` at bounce times too, on a sample spread over the block."""
    flat = np.unique(np.linspace(0, when.size - 1, 64).astype(np.int64))
    times = when.ravel()[flat]
    error = np.abs(motion.poses(times)[:, number] - pose.reshape(-1, 2 * POSE)[flat, :POSE]).max()
    if error > 1e-11 + 200.0 * np.spacing(np.abs(times).max()):
        raise RuntimeError(f"{who}: the followed pose is {error:.1e} off; ask with poses='at'")

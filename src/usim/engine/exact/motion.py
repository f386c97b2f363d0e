"""When a wave bounced: the story of a mover, and the bounce times of its echoes."""

from __future__ import annotations

import numpy as np
from numba import njit

from .bounce import FLAG, POSE, R2, RATE2, SEEN, WIDTH, bounce

PANEL_S, NODES = 2e-3, 12  # spans of a story that a polynomial of degree NODES - 1 is tried on
POSE_M = 2e-13  # a panel is halved until its polynomial meets `at` within this


class Motion:
    """The story of one mover over some spans of time as polynomials that meet `mover.at` to rounding.

    It gives the solver a first bounce time and the rates of the pose; with poses="fit" it gives the poses too. Panels are
    halved until `at` at points between the nodes agrees within POSE_M (and the rounding of the time itself).
    """

    def __init__(self, mover, spans: np.ndarray):
        """mover: has `at`; spans (n, 2) in s, covered whole."""
        self.mover = mover
        first, last = np.floor(spans / PANEL_S).astype(np.int64).T
        cells = np.unique(
            np.concatenate([np.arange(i, j + 1) for i, j in zip(first, last, strict=True)])
        )
        low = cells * PANEL_S
        self.low, self.width, self.terms = self._fit(low, np.full(len(low), PANEL_S))

    def _fit(self, low: np.ndarray, width: np.ndarray):
        angle = np.pi * (np.arange(NODES) + 0.5) / NODES
        to_terms = 2.0 / NODES * np.cos(np.outer(np.arange(NODES), angle))
        to_terms[0] *= 0.5
        check = np.array([-0.9971, -0.83, -0.31, 0.02, 0.47, 0.79, 0.9969])
        from_terms = np.cos(np.outer(np.arccos(check), np.arange(NODES)))
        points = np.concatenate([np.cos(angle), check])
        done: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        panels = 0
        while len(low):
            t = low[:, None] + 0.5 * width[:, None] * (1.0 + points)
            rows = self.poses(t.ravel()).transpose(1, 0, 2).reshape(-1, *t.shape, POSE)
            terms = np.einsum("mk,apkv->apvm", to_terms, rows[:, :, :NODES])
            error = np.abs(np.einsum("cm,apvm->apcv", from_terms, terms) - rows[:, :, NODES:])
            error = error.max(axis=(0, 2, 3), initial=0.0)
            grain = np.spacing(np.abs(t).max(axis=1))
            good = (error < POSE_M + 50.0 * grain) | (width < np.maximum(1e-12, 64.0 * grain))
            done.append((low[good], width[good], terms[:, good]))
            panels += len(low)
            if panels > 100_000:
                raise RuntimeError(
                    f"movers.{self.mover.name}: its motion is too rough near {low[~good][0]:.6f} s to be followed"
                )
            half = 0.5 * width[~good]
            low = np.concatenate([low[~good], low[~good] + half])
            width = np.concatenate([half, half])
        low = np.concatenate([part[0] for part in done])
        order = np.argsort(low)
        width = np.concatenate([part[1] for part in done])[order]
        terms = np.concatenate([part[2] for part in done], axis=1)[:, order]
        return low[order], width, np.ascontiguousarray(terms)

    def poses(self, t_s: np.ndarray) -> np.ndarray:
        """What `at` says: position and rotation by rows, (time, piece, 12)."""
        parts = []
        for begin in range(0, len(t_s), 32768):
            poses = self.mover.at(t_s[begin : begin + 32768])
            position = np.asarray(poses.position_m, float)
            rotation = np.asarray(poses.rotation, float).reshape(*position.shape[:2], 9)
            parts.append(np.concatenate([position, rotation], axis=2))
        return np.concatenate(parts)


@njit(cache=True)
def _pose(low, width, terms, panel, t, pose):
    """Fills pose (24) at time t; returns the panel used, -1 where the story does not cover t."""
    last = low.shape[0] - 1
    panel = min(max(panel, 0), last)
    while panel > 0 and t < low[panel]:
        panel -= 1
    while panel < last and t >= low[panel + 1]:
        panel += 1
    x = 2.0 * (t - low[panel]) / width[panel] - 1.0
    if x < -1.000001 or x > 1.000001:
        return -1
    scale = 2.0 / width[panel]
    for part in range(POSE):
        pose[part], pose[POSE + part] = terms[panel, part, 0], 0.0
    before, now, rate_before, rate = 1.0, x, 0.0, 1.0
    for degree in range(1, NODES):
        for part in range(POSE):
            pose[part] += terms[panel, part, degree] * now
            pose[POSE + part] += terms[panel, part, degree] * rate * scale
        before, now, rate_before, rate = (
            now,
            2.0 * x * now - before,
            rate,
            2.0 * now + 2.0 * x * rate - rate_before,
        )
    return panel


@njit(cache=True)
def retarded(t, c, source, mic, axes, low, width, terms, bounced, poses, out):
    """Bounce times of pairs (n, 3) x instants (k,) and the bounces there; returns the panels that were missing."""
    missing = 0
    for pair in range(source.shape[0]):
        panel = 0
        when = np.nan
        state = np.zeros(WIDTH)
        pose = np.zeros(2 * POSE)
        for index in range(t.shape[0]):
            warm = index > 0 and state[FLAG] == SEEN
            if warm:
                when += (t[index] - t[index - 1]) / (1.0 + state[RATE2] / c)
            else:
                when = t[index]
            if not warm or when > t[index] or t[index] - when > 2.0 * state[R2] / c + 1e-3:
                when = t[index]
                for _ in range(2):
                    found = _pose(low, width, terms, panel, when, pose)
                    if found < 0:
                        break
                    panel = found
                    away = 0.0
                    for part in range(3):
                        away += (pose[part] - mic[pair, part]) ** 2
                    when = t[index] - np.sqrt(away) / c
            enough = 1e-14 + 2.0 * np.spacing(abs(t[index]))
            for _ in range(60):
                found = _pose(low, width, terms, panel, when, pose)
                if found < 0:
                    missing += 1
                    break
                panel = found
                bounce(source[pair], mic[pair], axes, pose, warm, state)
                warm = state[FLAG] == SEEN
                late = when + state[R2] / c - t[index]
                if abs(late) <= enough:
                    break
                when -= late / (1.0 + state[RATE2] / c)
            bounced[pair, index] = when
            poses[pair, index] = pose
            out[pair, index] = state
    return missing

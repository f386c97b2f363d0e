"""The story of a mover, as a function that the solver of bounce times can ask fast."""

from __future__ import annotations

import numpy as np

from usim.engine.exact.bounce import POSE

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
            terms = np.einsum("mk,apkv->apmv", to_terms, rows[:, :, :NODES])
            error = np.abs(np.einsum("cm,apmv->apcv", from_terms, terms) - rows[:, :, NODES:])
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
        """What `at` says: position, rotation by rows and semi-axes, (time, piece, POSE)."""
        parts = []
        for begin in range(0, len(t_s), 32768):
            poses = self.mover.at(t_s[begin : begin + 32768])
            position = np.asarray(poses.position_m, float)
            rotation = np.asarray(poses.rotation, float).reshape(*position.shape[:2], 9)
            axes = poses.sizes_m(self.mover.pieces)
            parts.append(np.concatenate([position, rotation, axes], axis=2))
        return np.concatenate(parts)

"""The story of a mover, as a function that the solver of bounce times can ask fast."""

from __future__ import annotations

import numpy as np

from usim.engine.exact.bounce import POSE, compiled

PANEL_S, NODES = 2e-3, 12  # spans of a story that a polynomial of degree NODES - 1 is tried on
ROAM_M = 3.0  # how far a mover may go while one sound travels
SWIFT = f"moves more than {ROAM_M:g} m while one sound travels"
POSE_M = 2e-13  # a panel is halved until its polynomial meets `at` within this


@compiled
def _read(low, width, terms, t, out):
    """Fills out (time, piece, POSE or 2 POSE: with rates) from terms (piece, panel, term, POSE); returns times not covered."""
    missing = 0
    last, degrees = low.shape[0] - 1, terms.shape[2]
    value, rate = np.empty(degrees), np.empty(degrees)
    with_rates = out.shape[2] > POSE
    panel = 0
    for row in range(t.shape[0]):
        while panel > 0 and t[row] < low[panel]:
            panel -= 1
        while panel < last and t[row] >= low[panel + 1]:
            panel += 1
        x = 2.0 * (t[row] - low[panel]) / width[panel] - 1.0
        if x < -1.000001 or x > 1.000001:
            missing += 1
        value[0], value[1], rate[0], rate[1] = 1.0, x, 0.0, 2.0 / width[panel]
        for degree in range(2, degrees):
            value[degree] = 2.0 * x * value[degree - 1] - value[degree - 2]
            rate[degree] = (
                2.0 * value[degree - 1] * rate[1] + 2.0 * x * rate[degree - 1] - rate[degree - 2]
            )
        for piece in range(out.shape[1]):
            out[row, piece] = 0.0
            for degree in range(degrees):
                for part in range(POSE):
                    out[row, piece, part] += terms[piece, panel, degree, part] * value[degree]
                    if with_rates:
                        out[row, piece, POSE + part] += (
                            terms[piece, panel, degree, part] * rate[degree]
                        )
    return missing


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

    def followed(self, t_s: np.ndarray, piece: int | None = None) -> np.ndarray:
        """What the polynomials say: poses (time, piece, POSE); of one piece with rates, (time, 2 POSE)."""
        terms = self.terms if piece is None else self.terms[piece : piece + 1]
        out = np.empty((len(t_s), len(terms), POSE if piece is None else 2 * POSE))
        if _read(self.low, self.width, terms, t_s, out):
            raise RuntimeError(f"movers.{self.mover.name}: {SWIFT}")
        return out if piece is None else out[:, 0]

    def poses(self, t_s: np.ndarray) -> np.ndarray:
        """What `at` says: position, rotation by rows, semi-axes and bend, (time, piece, POSE)."""
        parts = []
        for begin in range(0, len(t_s), 32768):
            poses = self.mover.at(t_s[begin : begin + 32768])
            position = np.asarray(poses.position_m, float)
            rotation = np.asarray(poses.rotation, float).reshape(*position.shape[:2], 9)
            axes = poses.sizes_m(self.mover.pieces)
            bend = getattr(poses, "bend_rad", None)
            bend = np.zeros(position.shape[:2]) if bend is None else np.asarray(bend, float)
            parts.append(np.concatenate([position, rotation, axes, bend[..., None]], axis=2))
        return np.concatenate(parts)

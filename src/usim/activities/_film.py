"""A film: postures at even times and the smooth motion through them.

Cubic B-spline through quasi-interpolating coefficients c = f - (second difference of f) / 6 (de
Boor and Fix 1973): twice continuously differentiable, error of fourth order in the step, and local:
what stands still for two frames to either side stands still exactly. A film begins and ends with
two equal frames, so its ends are at rest in just these.
"""

from dataclasses import dataclass

import numpy as np

from usim.activities.base import JOINTS

STEP_S = 0.01
CHANNELS = 3 * len(JOINTS)
BATCH = 512


@dataclass(frozen=True, eq=False)
class Film:
    """Joints over time; before the first frame and after the last it stands."""

    coefficients: np.ndarray
    """(frame + 2, 3 * joint): x of all joints, then y, then z."""

    @property
    def duration_s(self) -> float:
        """The time from the first frame to the last, in s."""
        return (len(self.coefficients) - 3) * STEP_S

    def at(self, t_s: np.ndarray) -> np.ndarray:
        """The joints (time, joint, 3) at the times (time,) since the first frame."""
        steps = np.maximum(np.asarray(t_s, dtype=float) / STEP_S, 0.0)
        steps = np.minimum(steps, len(self.coefficients) - 3)
        index = np.minimum(steps.astype(np.intp), max(len(self.coefficients) - 4, 0))
        u = (steps - index)[:, None]
        v = 1.0 - u
        weights = (
            v * v * v / 6.0,
            (4.0 - 6.0 * u * u + 3.0 * u * u * u) / 6.0,
            (4.0 - 6.0 * v * v + 3.0 * v * v * v) / 6.0,
            u * u * u / 6.0,
        )
        value = np.empty((len(steps), CHANNELS))
        part = np.empty((min(BATCH, len(steps)), CHANNELS))
        for start in range(0, len(steps), BATCH):  # as much as the cache holds
            now = slice(start, start + BATCH)
            here = value[now]
            np.take(self.coefficients, index[now], axis=0, out=here, mode="clip")
            here *= weights[0][now]
            for shift in (1, 2, 3):
                more = part[: len(here)]
                np.take(self.coefficients, index[now] + shift, axis=0, out=more, mode="clip")
                more *= weights[shift][now]
                here += more
        return value.reshape(len(value), 3, -1).transpose(0, 2, 1)


def film(frames_m: np.ndarray) -> Film:
    """The film through frames (frame, joint, 3), STEP_S apart.

    Its first and last frames are repeated, so that it begins and ends at rest: it lasts four steps
    longer than the frames do.
    """
    planes = np.ascontiguousarray(np.asarray(frames_m, dtype=float).transpose(0, 2, 1))
    flat = planes.reshape(len(planes), CHANNELS)
    flat = np.concatenate([flat[:1]] * 4 + [flat] + [flat[-1:]] * 4)
    return Film((8.0 * flat[1:-1] - flat[:-2] - flat[2:]) / 6.0)

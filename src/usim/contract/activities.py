"""The contract of activities."""

import itertools
from collections.abc import Iterator
from types import ModuleType

import numpy as np

from usim.activities._passages import posture
from usim.activities.base import (
    JOINTS,
    AbstractActivity,
    ActivityParameters,
    Body,
    J,
    Stance,
    average,
)
from usim.contract import kinds
from usim.template.streams import stream

HEIGHTS_M = (1.55, 1.80)
STARTS = (
    Stance((1.0, 1.0), 0.5),
    Stance((1.0, 1.0), -2.0, 0.45),
    Stance((1.0, 1.0), 0.0, first=True),
    Stance(None, None, first=True),
)
STEP_S = 1e-6
ROUNDING_M = 1e-9
JUMP_M = 1e-6
JUMP_M_S = 0.05
REST_M_S = 1e-3
FLOOR_M = 1e-3
BONES = (
    ("hip", "knee", "thigh_m"),
    ("knee", "ankle", "shank_m"),
    ("shoulder", "elbow", "upper_arm_m"),
    ("elbow", "wrist", "forearm_m"),
    ("wrist", "fingers", "hand_m"),
    ("heel", "ball", "heel_to_ball_m"),
)
STRETCHED = 0.1
BACKWARD = 0.02
"""Sine of the angle by which a knee may seem to bend backward while it is straight."""
STANDS_M = 0.002
"""A contact this near to the floor that does not rise or fall carries."""
SLIDES_M_S = 0.02


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind of activity."""
    yield from kinds.faults(module)
    if not issubclass(module.Parameters, ActivityParameters):
        yield "Parameters does not derive from ActivityParameters"
    for parameters, height_m, start in itertools.product(kinds.examples(module), HEIGHTS_M, STARTS):
        body = average(height_m)
        try:
            activity = _made(module, parameters, body, start)
        except ValueError as error:
            if start.position_m is None and "position_m" in str(error):
                continue
            raise
        if not isinstance(activity, AbstractActivity):
            yield f"build gives a {type(activity).__name__}, which is no AbstractActivity"
            return
        found = list(_ends(activity, body, start))
        found += _answers(activity, _made(module, parameters, body, start))
        found = found or [*_smooth(activity), *_bodily(activity, body)]
        if found:
            yield from (f"{text} (from {start}, {height_m:g} m tall)" for text in found)
            return


def _made(module: ModuleType, parameters, body: Body, start: Stance) -> AbstractActivity:
    return module.build(
        parameters, body, start, lambda word: stream(7, f"movers.a.routine.b.{word}")
    )


def _times(activity: AbstractActivity) -> np.ndarray:
    return np.linspace(0.0, min(activity.duration_s, 60.0), 1501)


def _ends(activity: AbstractActivity, body: Body, start: Stance) -> Iterator[str]:
    if not 0.0 < activity.duration_s < np.inf:
        yield f"duration_s is {activity.duration_s!r}"
        return
    end = activity.end
    if end.position_m is None or end.facing_rad is None or end.first:
        yield f"end does not say where it leaves the body: {end}"
        return
    moments = np.asarray(activity.moments_s, dtype=float)
    if np.any(np.diff(moments) < 0.0) or np.any((moments < 0.0) | (moments > activity.duration_s)):
        yield "moments_s do not ascend from 0 to duration_s"
    edges = np.array([0.0, STEP_S, activity.duration_s - STEP_S, activity.duration_s])
    joints = activity.joints_m(edges)
    fast = np.abs(joints[1::2] - joints[::2]).max() / STEP_S
    if fast > REST_M_S:
        yield f"it does not begin and end at rest: {fast:.3g} m/s"
    wanted = [(3, end, "end")]
    if start.position_m is not None and start.facing_rad is not None and not start.first:
        wanted.append((0, start, "start"))
    for index, stance, word in wanted:
        apart = np.abs(joints[index] - posture(body, stance)[0]).max()
        if apart > ROUNDING_M:
            yield f"it is {apart:.3g} m away from the posture of its {word}"


def _answers(activity: AbstractActivity, twin: AbstractActivity) -> list[str]:
    t_s = _times(activity)
    joints = activity.joints_m(t_s)
    if joints.shape != (len(t_s), len(JOINTS), 3):
        return [f"joints_m gives {joints.shape} for {len(t_s)} times and {len(JOINTS)} joints"]
    found = []
    if not np.isfinite(joints).all():
        found.append("joints_m gives numbers that are not finite")
    order = np.random.default_rng(1).permutation(len(t_s))
    if not np.array_equal(twin.joints_m(t_s[order]), joints[order]):
        found.append("joints_m depends on the order of the times, or differs between equal builds")
    some = (0, 77, 750, 1500)
    alone = np.stack([activity.joints_m(t_s[i : i + 1])[0] for i in some])
    if not np.array_equal(alone, joints[list(some)]):
        found.append("joints_m at one time alone differs from the same among others")
    return found


def _smooth(activity: AbstractActivity) -> Iterator[str]:
    t_s = np.unique(np.concatenate([_times(activity), activity.moments_s]))
    inside = t_s[(t_s > 3.0 * STEP_S) & (t_s < activity.duration_s - 3.0 * STEP_S)]
    before, here, after = (activity.joints_m(inside + step * STEP_S) for step in (-1.0, 0.0, 1.0))
    jump = np.maximum(np.abs(after - here), np.abs(here - before)).max(axis=(1, 2))
    fast = np.abs(np.diff(activity.joints_m(inside), axis=0)).max(axis=(1, 2)) / np.diff(inside)
    most = max(float(fast.max()), 1.0) * 2.0 * STEP_S + JUMP_M
    if jump.max() > most:
        yield f"a joint jumps by {jump.max():.3g} m at {inside[jump.argmax()]:g} s"
    bend = np.abs(after - 2.0 * here + before).max(axis=(1, 2)) / STEP_S
    named = np.abs(inside[:, None] - activity.moments_s[None]).min(axis=1, initial=np.inf)
    kinks = inside[(bend > JUMP_M_S) & (named > 10.0 * STEP_S)]
    if len(kinks):
        yield f"the velocity jumps at {kinks[0]:g} s, which moments_s does not name"


def _bodily(activity: AbstractActivity, body: Body) -> Iterator[str]:
    t_s = np.arange(0.0, min(activity.duration_s, 60.0), 0.002)
    joints = activity.joints_m(t_s)
    low = joints[:, :, 2].min(axis=0)
    if low.min() < -FLOOR_M:
        yield f"{JOINTS[low.argmin()]} goes {-low.min():.3g} m below the floor"
    for side, (upper, lower, length) in itertools.product(("left", "right"), BONES):
        bone = joints[:, J[f"{upper}_{side}"]] - joints[:, J[f"{lower}_{side}"]]
        is_m = np.sqrt((bone * bone).sum(axis=1))
        if np.abs(is_m / getattr(body, length) - 1.0).max() > STRETCHED:
            yield f"from {upper}_{side} to {lower}_{side} it is {is_m.min():.3g} to {is_m.max():.3g} m"
    for side in ("left", "right"):
        names = ("hip", "knee", "ankle", "heel", "ball")
        hip, knee, ankle, heel, ball = (joints[:, J[f"{name}_{side}"]] for name in names)
        thigh, shank = knee - hip, ankle - knee
        axis = np.cross(thigh, shank)
        across = np.cross([0.0, 0.0, 1.0], ball - heel)
        size = body.thigh_m * body.shank_m * np.maximum(np.sqrt((across**2).sum(axis=1)), 1e-9)
        bent = (axis * across).sum(axis=1) / size
        if bent.min() < -BACKWARD:
            yield f"knee_{side} bends backward at {t_s[bent.argmin()]:g} s"
        yield from _slides(t_s, side, heel, ball)


def _slides(t_s: np.ndarray, side: str, heel: np.ndarray, ball: np.ndarray) -> Iterator[str]:
    step_s = t_s[1] - t_s[0]
    for name, point in (("heel", heel), ("ball", ball)):
        speed = (point[2:] - point[:-2]) / (2.0 * step_s)
        carries = (point[1:-1, 2] < STANDS_M) & (np.abs(speed[:, 2]) < SLIDES_M_S)
        if carries.any():
            flat = speed[carries, :2]
            rms = float(np.sqrt((flat * flat).sum(axis=1).mean()))
            if rms > SLIDES_M_S:
                yield f"{name}_{side} slides over the floor at {rms:.3g} m/s rms"

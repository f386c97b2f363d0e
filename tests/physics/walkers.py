"""Walkers of the tests: bodies on routes, and their joints as a laboratory would have filmed them."""

import numpy as np
from scipy.signal import butter, filtfilt

from usim.activities import sit_still, stand, walk
from usim.activities.base import J, Stance, average
from usim.template.streams import stream

MODULES = {"walk": walk, "stand": stand, "sit_still": sit_still}
STEP_S = 0.002
LAB_HZ = 8.0
HEIGHT_M = 1.756
FIRST = Stance(None, None, first=True)


def activity(table, height_m=HEIGHT_M, start=FIRST, seed=7):
    """One activity of a table, from a stance."""
    module = MODULES[table["kind"]]
    parameters = module.Parameters.model_validate(table)
    place = f"movers.a.routine.{table['kind']}"
    return module.build(
        parameters, average(height_m), start, lambda word: stream(seed, f"{place}.{word}")
    )


def routine(tables, height_m=HEIGHT_M, start=FIRST, seed=7):
    """Activities one after the other: (activity, when it begins) of each."""
    made, begin = [], 0.0
    for index, table in enumerate(tables):
        one = activity(table, height_m, start, seed + index)
        made.append((one, begin))
        begin, start = begin + one.duration_s, one.end
    return made


def joints(made, step_s=STEP_S):
    """Times (time,) and joints (time, joint, 3) of a routine."""
    t_s, rows = [], []
    for one, begin in made:
        since = np.arange(0.0, one.duration_s, step_s)
        t_s.append(begin + since)
        rows.append(one.joints_m(since))
    return np.concatenate(t_s), np.concatenate(rows)


def straight(speed_m_s, variability=0.0, height_m=HEIGHT_M):
    """A walk along +x at a speed, its joints, and which times lie in its steady middle."""
    way = [[0.0, 0.0], [12.0 * speed_m_s, 0.0]]
    table = {"kind": "walk", "through_m": way, "speed_m_s": speed_m_s, "variability": variability}
    one = activity(table, height_m)
    t_s = np.arange(0.0, one.duration_s, STEP_S)
    return one, t_s, one.joints_m(t_s), (t_s > 4.0) & (t_s < 9.0)


def filmed_m_s(values, step_s=STEP_S):
    """The velocity of (time, ...) as a laboratory has it: positions through 8 Hz, both ways."""
    b, a = butter(2, LAB_HZ * 2.0 * step_s)
    return np.gradient(filtfilt(b, a, values, axis=0), step_s, axis=0)


def of(made_m, name):
    """The joint of a name: (time, 3)."""
    return made_m[:, J[name]]


def knee_deg(made_m, side):
    """How far a knee is bent (time,); 0 is straight."""
    hip, knee, ankle = (of(made_m, f"{name}_{side}") for name in ("hip", "knee", "ankle"))
    thigh, shank = knee - hip, ankle - knee
    size = np.linalg.norm(thigh, axis=1) * np.linalg.norm(shank, axis=1)
    return np.degrees(np.arccos(np.clip((thigh * shank).sum(axis=1) / size, -1.0, 1.0)))

"""Walking as Boulic, Magnenat-Thalmann and Thalmann measured it: the raw model, before feet are held.

Boulic, Magnenat-Thalmann, Thalmann (1990), The Visual Computer 6(6), 344-358. Everything is a
function of the phase of the cycle (0: heel strike of the leg in question, 1: the next one) and of
the relative speed RV = V / Ht, V in m/s and Ht the height of the hip joints in m. Good for level,
straight walking of adults, 0 < RV <= 3. Angles are in degrees, flexion positive.

Mistakes of public code that are not made here: the cycle is RC Ht metres long (not RC); the list of
the pelvis has an amplitude of 1.66 degrees RV (not 0.01 RV); the elbow's class c counts from RV =
1.3 (not 0.13). Translations are in units of Ht, as the paper normalises lengths. The forward
translation keeps one sign for all speeds (public code flips it at RV = 0.5): the pelvis is fastest
near double support, as measured gait is.

Followed as it is this model slides on its feet at 0.1 to 0.4 m/s; `walk` takes from it what the
trunk and the arms do and when the feet touch, and holds the feet itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from usim.activities._curve import averaged, periodic
from usim.activities.base import Body

Curve = Callable[[np.ndarray, np.ndarray], np.ndarray]
TURN = 2.0 * np.pi
CLASS_B, CLASS_C, FASTEST = 0.5, 1.3, 3.0
ROUND = 32
"""Phases of a cycle from which harmonics are taken."""
RAW_HIP_HALF = 0.0955
"""Half the hip breadth over stature (Drillis and Contini 1966): where the raw model has its hips."""


def cycle_s(rv: np.ndarray) -> np.ndarray:
    """The duration of a cycle (two steps) in s."""
    return 1.346 / np.sqrt(rv)


def cycle_m(rv: np.ndarray, hip_height_m: float) -> np.ndarray:
    """The length of a cycle in m."""
    return 1.346 * np.sqrt(rv) * hip_height_m


def support(rv: np.ndarray) -> np.ndarray:
    """The share of the cycle for which a foot is on the ground."""
    return 0.752 - 0.143 / cycle_s(rv)


def toe_out_deg(rv: float) -> float:
    """The angle by which each foot points outward."""
    return 8.5 - 1.4 * rv


@dataclass(frozen=True, eq=False)
class Pelvis:
    """What the pelvis does on top of its way, each (time,)."""

    up_m: np.ndarray
    left_m: np.ndarray
    forward_m: np.ndarray
    lean_deg: np.ndarray
    """Forward."""
    list_deg: np.ndarray
    """The right side down."""
    torsion_deg: np.ndarray
    """The left side forward."""


def pelvis(phase: np.ndarray, rv: np.ndarray, hip_height_m: float, half: int = 0) -> Pelvis:
    """The pelvis at phases (time,) of the left leg; as RV changes, from class to class, how far it moves
    follows within `half` steps.

    The pelvis moves toward the supporting leg, its free side sinks, and the side of the leg that is
    about to strike is ahead.
    """
    rv = np.broadcast_to(np.asarray(rv, dtype=float), np.shape(phase))
    slow = rv * (1.0 - rv)
    up = 0.015 * rv
    left = np.where(rv <= CLASS_B, 0.128 * slow, 0.032)
    forward = np.where(rv <= CLASS_B, 0.084 * slow, 0.021)
    lean = np.where(rv <= CLASS_B, 8.0 * slow, 2.0)
    left, forward, lean = (averaged(size, half) for size in (left, forward, lean))
    before_support = 0.625 - _support_or_less(rv)
    return Pelvis(
        up_m=hip_height_m * (-up + up * np.sin(TURN * (2.0 * phase - 0.35))),
        left_m=hip_height_m * left * np.sin(TURN * (phase - 0.1)),
        forward_m=hip_height_m * forward * np.sin(TURN * (2.0 * phase + 2.0 * before_support)),
        lean_deg=lean - lean * np.sin(TURN * (2.0 * phase - 0.1)),
        list_deg=list_deg(phase, rv),
        torsion_deg=4.0 * rv * np.cos(TURN * phase),
    )


def _support_or_less(rv: np.ndarray) -> np.ndarray:
    return support(np.maximum(rv, 1e-6))


def _listing(phase: np.ndarray) -> np.ndarray:
    """The list over its amplitude: down to -2 just after the step, up to 2 half a cycle later."""
    t = phase - np.floor(phase)
    half = np.where(t < 0.5, t, t - 0.5)
    swing = np.where(
        half < 0.15, np.cos(TURN * 10.0 * half / 3.0), -np.cos(TURN * 10.0 * (half - 0.15) / 7.0)
    )
    return np.where(t < 0.5, -1.0, 1.0) * (1.0 - swing)


def rounded(
    curve: Curve, phase: np.ndarray, rv: np.ndarray, harmonics: int, half: int
) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the first harmonics of a curve of phase and RV, each (time,), at phases and RV (time,).

    The model's control points stay where they are; the corners between them, and those between its
    classes, are not measured ones: as RV changes, mean and harmonics follow within `half` steps.
    """
    turns = np.arange(ROUND) / ROUND
    values = np.array([curve(np.full(phase.shape, turn), rv) for turn in turns])
    swing = np.zeros(phase.shape)
    for order in range(1, harmonics + 1):
        for wave in (np.cos, np.sin):
            size = (wave(TURN * order * turns)[:, None] * values).sum(axis=0)
            swing += (2.0 / ROUND) * averaged(size, half) * wave(TURN * order * phase)
    return averaged(values.mean(axis=0), half), swing


def list_deg(phase: np.ndarray, rv: np.ndarray) -> np.ndarray:
    """The list of the pelvis at phases of the left leg, the right side down."""
    return -1.66 * rv * _listing(phase)


def hip_deg(phase: np.ndarray, rv: np.ndarray) -> np.ndarray:
    """The flexion of the hip: thigh against the vertical, forward."""
    s = (rv - CLASS_C) / 1.7
    first, last, low = 50.0 * rv, 50.0 * rv, -30.0 * rv
    start = -0.1 + 0.0 * rv
    start = np.where(rv >= CLASS_C, 0.2 * s - 0.1, start)
    first = np.where(rv >= CLASS_C, 25.0 + 5.0 * s, np.where(rv >= CLASS_B, 25.0, first))
    last = np.where(rv >= CLASS_C, 25.0 + 6.0 * s, np.where(rv >= CLASS_B, 25.0, last))
    low = np.where(rv >= CLASS_B, -15.0, low)
    # -0.1 and 0.9 are one point in classes a and b; in c the curve has both.
    return _joined(phase, [(start, first), (0.5, low), (0.9, last)])


def _joined(phase: np.ndarray, points: list[tuple]) -> np.ndarray:
    """A periodic curve whose first point may coincide with its last one a period earlier."""
    (x0, y0), *rest, (xn, yn) = points
    apart = np.maximum(x0 - (xn - 1.0), 1e-3)
    return periodic(phase, [(xn - 1.0 + apart, y0), *rest, (xn, yn)])


def knee_deg(phase: np.ndarray, rv: np.ndarray) -> np.ndarray:
    """The flexion of the knee; 0 is straight."""
    s = np.where(rv >= CLASS_C, (rv - CLASS_C) / 1.7, 0.0)
    peak = np.where(rv >= CLASS_B, 70.0 - 5.0 * s, 140.0 * rv)
    return periodic(
        phase,
        [
            (0.17 - 0.05 * s, 3.0 + 22.0 * s),
            (0.4, 3.0),
            (0.75 - 0.05 * s, peak),
            (1.0 - 0.03 * s, 3.0 + 3.0 * s),
        ],
    )


def ankle_deg(phase: np.ndarray, rv: np.ndarray) -> np.ndarray:
    """The flexion of the ankle, toes up; 0 is a right angle between foot and shank."""
    s = np.where(rv >= CLASS_C, (rv - CLASS_C) / 1.7, 0.0)
    slow = rv < CLASS_B
    return periodic(
        phase,
        [
            (0.0, -3.0 + 5.0 * s),
            (0.08, np.where(slow, -30.0 * rv - 3.0, -18.0 + 4.0 * s)),
            (0.5 - 0.1 * s, np.where(slow, 22.0 * rv - 3.0, 8.0 - 3.0 * s)),
            (_support_or_less(rv), np.where(slow, -34.0 * rv - 3.0, -20.0 - 8.0 * s)),
            (0.85, -3.0 + 5.0 * s),
        ],
    )


def thorax_deg(phase: np.ndarray, rv: np.ndarray) -> np.ndarray:
    """The torsion of the thorax at phases of the left leg, the left side forward."""
    small, large = 4.0 / 3.0 * rv, 4.5 / 3.0 * rv
    return -periodic(phase, [(0.1, small), (0.4, -large), (0.6, -small), (0.9, large)])


def shoulder_deg(phase: np.ndarray, rv: np.ndarray) -> np.ndarray:
    """The flexion of the shoulder, the arm forward, at phases of the leg of the same side."""
    amplitude = 9.88 * rv
    return 3.0 - amplitude / 2.0 - amplitude * np.cos(TURN * phase)


def elbow_deg(phase: np.ndarray, rv: np.ndarray) -> np.ndarray:
    """The flexion of the elbow at phases of the leg of the same side."""
    b = (rv - CLASS_B) / 0.8
    s = (rv - CLASS_C) / 1.7
    slow, fast = rv < CLASS_B, rv >= CLASS_C

    def by_class(first, second, third):
        return np.where(slow, first, np.where(fast, third, second))

    return periodic(
        phase,
        [
            (0.05, by_class(6.0 * rv + 3.0, 6.0 + 8.0 * b, 14.0 - 6.0 * s)),
            (
                by_class(0.5, 0.5 + 0.01 * b, 0.51 + 0.04 * s),
                by_class(34.0 * rv + 3.0, 20.0 + 24.0 * b, 44.0 + 26.0 * s),
            ),
            (
                by_class(0.9, 0.9, 0.9 - 0.1 * s),
                by_class(10.0 * rv + 3.0, 8.0 + 9.0 * b, 17.0 - 6.0 * s),
            ),
        ],
    )


def raw_leg_m(phase: np.ndarray, speed_m_s: float, body: Body) -> dict[str, np.ndarray]:
    """The left leg as the raw model has it: joints (time, 2) forward and up at phases (time,) that
    go on past 1, on a walk straight ahead at a constant speed.

    Keys: pelvis, torso (halfway to the shoulders), and of the left side hip, knee, ankle, toe, hand.
    """
    phase = np.asarray(phase, dtype=float)
    height = body.hip_height_m
    rv = np.full(phase.shape, speed_m_s / height)
    ways = pelvis(phase, rv, height)
    forward = speed_m_s * cycle_s(rv) * phase + ways.forward_m
    middle = np.stack([forward, height + ways.up_m], axis=1)
    torsion, tilt = np.deg2rad(ways.torsion_deg), np.deg2rad(ways.list_deg)
    hip = middle + RAW_HIP_HALF * body.height_m * np.stack([np.sin(torsion), np.sin(tilt)], axis=1)
    thigh = np.deg2rad(hip_deg(phase, rv))
    shank = thigh - np.deg2rad(knee_deg(phase, rv))
    sole = shank + np.deg2rad(ankle_deg(phase, rv))
    knee = hip + body.thigh_m * _hanging(thigh)
    ankle = knee + body.shank_m * _hanging(shank)
    ahead = body.foot_m - body.heel_to_ankle_m
    toe = ankle + body.ankle_height_m * _hanging(sole)
    toe = toe + ahead * np.stack([np.cos(sole), np.sin(sole)], axis=1)
    upper = np.deg2rad(shoulder_deg(phase, rv))
    lower = upper + np.deg2rad(elbow_deg(phase, rv))
    turned, lean = np.deg2rad(thorax_deg(phase, rv)), np.deg2rad(ways.lean_deg)
    up = body.neck_height_m - height
    torso = middle - 0.5 * up * _hanging(-lean)
    shoulder = middle + np.stack(
        [body.shoulder_half_m * np.sin(turned), 0.0 * phase + body.neck_height_m - height], axis=1
    )
    reach = body.forearm_m + 0.5 * body.hand_m
    hand = shoulder + body.upper_arm_m * _hanging(upper) + reach * _hanging(lower)
    return {
        "pelvis": middle, "torso": torso, "hip": hip, "knee": knee, "ankle": ankle, "toe": toe, "hand": hand,
    }  # fmt: skip


def _hanging(angle: np.ndarray) -> np.ndarray:
    """The direction (time, 2) of a limb that hangs at angles forward of the vertical, in rad."""
    return np.stack([np.sin(angle), -np.cos(angle)], axis=1)

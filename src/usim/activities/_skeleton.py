"""A body's joints from what its parts do: feet held, hips above them, knees between by inverse
kinematics, trunk and arms by angles.
"""

from dataclasses import dataclass

import numpy as np

from usim.activities._curve import averaged, beaten, flowing, flown, highest, under
from usim.activities._film import STEP_S
from usim.activities._foot import Foot, flat
from usim.activities._steps import standing_feet
from usim.activities.base import JOINTS, Body, J, Stance

STRETCH = 0.9992
"""Hip to ankle over thigh and shank together, at most: a knee is never quite straight."""
BEND_M_S2, EVEN_S = 4.0, 0.14
"""The hips of one who walks turn upward with no more than this; turns down are drawn out over twice
this time (judgement: half of gravity is what a trunk has in a brisk walk).
"""
OVER_M = 0.002
"""How far the hips of one who walks may pass above the reach of a leg: its bones give by a quarter of a hundredth."""
KNEE_S = 0.14
"""In how short a time a knee of one who walks does not change its mind: it neither locks nor unlocks with a
jerk. Thigh and shank give by 2 % for that in a brisk walk.
"""
STANDING_DROP_M = 0.0015
STANDING_ARM_DEG = (3.0, 12.0)
"""Shoulder and elbow of a hanging arm."""
ABDUCTION_DEG = 7.0
HEAD_LEAN = 0.06
"""Forward over up, from neck to crown."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What the parts of a body do at many times: places (time, 2), all else (time,)."""

    place_m: np.ndarray
    """Of the middle between the hips."""
    hips_m: np.ndarray
    """Wished height of the hips; they sink where a leg is too short for it."""
    facing_rad: np.ndarray
    feet: tuple[Foot, Foot]
    torsion_rad: np.ndarray
    """Of the pelvis, its left side forward."""
    list_rad: np.ndarray
    """Of the pelvis, its right side down."""
    twist_rad: np.ndarray
    """Of the thorax, its left side forward."""
    lean_rad: np.ndarray
    """Of the trunk, forward."""
    arms_rad: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    """Of the left and the right arm: the angles of upper arm, forearm and hand forward of hanging."""
    softness_m: np.ndarray
    """Over what height the hips ease into the reach of a leg."""
    stretch: np.ndarray | float = STRETCH
    """Hip to ankle over thigh and shank together, at most."""
    beats: np.ndarray | None = None
    """Steps gone, of one who walks: the hips rise and fall with them, evenly, and knees flow; times
    are STEP_S apart then.
    """


def joints_m(parts: Parts, body: Body) -> np.ndarray:
    """The joints (time, joint, 3) in m."""
    made = np.zeros((len(parts.place_m), len(JOINTS), 3))
    course = parts.facing_rad - parts.torsion_rad
    aside = np.stack([-np.sin(course), np.cos(course)], axis=1)
    tilt = body.hip_half_m * np.sin(parts.list_rad)
    across = body.hip_half_m * np.cos(parts.list_rad)[:, None] * aside
    hips = [
        np.concatenate([parts.place_m + s * across, (s * tilt)[:, None]], axis=1)
        for s in (1.0, -1.0)
    ]
    height = _reached(parts, body, hips)
    for side, name in enumerate(("left", "right")):
        foot, hip = parts.feet[side], hips[side]
        hip[:, 2] += height
        made[:, J[f"hip_{name}"]] = hip
        made[:, J[f"knee_{name}"]] = _knee(hip, foot, parts, body)
        made[:, J[f"ankle_{name}"]] = foot.ankle_m
        made[:, J[f"heel_{name}"]] = foot.heel_m
        made[:, J[f"ball_{name}"]] = foot.ball_m
    _upper(made, parts, body, height)
    return made


def _reached(parts: Parts, body: Body, hips: list[np.ndarray]) -> np.ndarray:
    """The height (time,) of the hips: as wished, but within the reach of both legs.

    A soft least: -w log(sum of exp(-height / w)). A leg's reach falls and rises within 30 ms about its
    heel strike; a trunk of 50 kg does not: where asked, the hips rise and fall evenly.
    """
    longest = parts.stretch * (body.thigh_m + body.shank_m)
    wished = [parts.hips_m]
    for hip, foot in zip(hips, parts.feet, strict=True):
        away = foot.ankle_m[:, :2] - hip[:, :2]
        left = longest**2 - (away * away).sum(axis=1)
        wished.append(foot.ankle_m[:, 2] + np.sqrt(np.maximum(left, 1e-4)) - hip[:, 2])
    least = np.minimum(np.minimum(wished[0], wished[1]), wished[2])
    width = parts.softness_m
    total = sum(np.exp(np.maximum((least - one) / width, -60.0)) for one in wished)
    height = least - width * np.log(total)
    if parts.beats is None:
        return height
    return _even(height, parts.beats)


def _even(height: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """Heights (time,) that rise and fall once a step, as a sinusoid, and come from rest and to rest; no
    more than OVER_M above those that legs reach.
    """
    low = under(height, BEND_M_S2 * STEP_S**2, round(EVEN_S / STEP_S))
    half = round(1.0 / float(np.median(np.gradient(beats))))
    made = beaten(height, beats, half)
    over = highest(np.maximum(made - height - OVER_M, 0.0), half)
    made -= averaged(over, half)
    fade = flown(np.arange(len(low)) / half, (), 1.0)
    return low + fade * fade[::-1] * (made - low)


def _knee(hip: np.ndarray, foot: Foot, parts: Parts, body: Body) -> np.ndarray:
    """The knee (time, 3): thigh and shank between hip and ankle, bent forward, halfway between
    where the body and where the foot look.
    """
    leg = foot.ankle_m - hip
    reach = np.sqrt((leg * leg).sum(axis=1))
    leg = leg / reach[:, None]
    middle = parts.facing_rad + 0.5 * (foot.yaw_rad - parts.facing_rad)
    ahead = np.stack([np.cos(middle), np.sin(middle), 0.0 * middle], axis=1)
    ahead -= (ahead * leg).sum(axis=1)[:, None] * leg
    ahead /= np.sqrt((ahead * ahead).sum(axis=1))[:, None]
    along = (body.thigh_m**2 - body.shank_m**2 + reach**2) / (2.0 * reach)
    out = np.sqrt(np.maximum(body.thigh_m**2 - along**2, 0.0))
    away = along[:, None] * leg + out[:, None] * ahead
    if parts.beats is not None:
        half = round(KNEE_S / STEP_S)
        fade = flown(np.arange(len(away)) / (3.0 * half), (), 1.0)
        fade *= fade[::-1]
        for axis in away.T:
            axis += fade * (flowing(axis, half) - axis)
    return hip + away


def _upper(made: np.ndarray, parts: Parts, body: Body, height: np.ndarray) -> None:
    """Puts trunk, head and arms on hips at a height (time,)."""
    ahead = np.stack([np.cos(parts.facing_rad), np.sin(parts.facing_rad)], axis=1)
    zero = np.zeros(len(height))
    sin, cos = np.sin(parts.lean_rad), np.cos(parts.lean_rad)
    spine = np.stack([sin * ahead[:, 0], sin * ahead[:, 1], cos], axis=1)
    middle = np.concatenate([parts.place_m, height[:, None]], axis=1)
    waist = middle + (body.waist_height_m - body.hip_height_m) * spine
    neck = waist + (body.neck_height_m - body.waist_height_m) * spine
    turned = parts.facing_rad - parts.twist_rad
    front = np.stack([np.cos(turned), np.sin(turned), zero], axis=1)
    side = np.stack([-np.sin(turned), np.cos(turned), zero], axis=1)
    up = np.stack([HEAD_LEAN * ahead[:, 0], HEAD_LEAN * ahead[:, 1], 1.0 + zero], axis=1)
    up /= np.sqrt(1.0 + HEAD_LEAN**2)
    head = neck + (body.head_height_m - body.neck_height_m) * up
    level = np.stack([ahead[:, 0], ahead[:, 1], -HEAD_LEAN + zero], axis=1)
    made[:, J["waist"]], made[:, J["neck"]] = waist, neck
    made[:, J["crown"]] = neck + (body.height_m - body.neck_height_m) * up
    made[:, J["face"]] = head + body.face_m / np.sqrt(1.0 + HEAD_LEAN**2) * level
    away = np.sin(np.deg2rad(ABDUCTION_DEG))
    for index, (name, outward) in enumerate((("left", 1.0), ("right", -1.0))):
        joint = neck + outward * body.shoulder_half_m * side
        made[:, J[f"shoulder_{name}"]] = joint
        lengths = (body.upper_arm_m, body.forearm_m, body.hand_m)
        shares = (outward * away, 0.3 * outward * away, 0.0)
        bones = ("elbow", "wrist", "fingers")
        for bone, length, share, angle in zip(
            bones, lengths, shares, parts.arms_rad[index], strict=True
        ):
            inside = np.sqrt(1.0 - share * share)
            direction = (inside * np.sin(angle))[:, None] * front + share * side
            direction[:, 2] -= inside * np.cos(angle)
            joint = joint + length * direction
            made[:, J[f"{bone}_{name}"]] = joint


def hanging(count: int) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]:
    """The angles of both arms hanging, `count` times."""
    upper, bent = (np.full(count, angle) for angle in np.deg2rad(STANDING_ARM_DEG))
    return ((upper, upper + bent, upper + bent),) * 2


def upright(place_m: np.ndarray, facing_rad: np.ndarray, body: Body) -> Parts:
    """The parts of a body that stands upright at places (time, 2), facing somewhere (time,)."""
    zero = np.zeros(len(place_m))
    feet = [flat(heel, yaw, body) for heel, yaw in standing_feet(place_m, facing_rad, body)]
    return Parts(
        place_m=place_m,
        hips_m=zero + body.hip_height_m - STANDING_DROP_M,
        facing_rad=facing_rad,
        feet=(feet[0], feet[1]),
        torsion_rad=zero,
        list_rad=zero,
        twist_rad=zero,
        lean_rad=zero,
        arms_rad=hanging(len(place_m)),
        softness_m=zero + 0.0015,
    )


def standing(body: Body, stance: Stance) -> np.ndarray:
    """The joints (joint, 3) of a body that stands in a stance."""
    place = np.array([stance.position_m], dtype=float)
    return joints_m(upright(place, np.array([stance.facing_rad]), body), body)[0]

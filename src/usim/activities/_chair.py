"""Sitting: the posture on a seat, the way down to it and up again.

Feet stay where they are, flat; the hips travel back and down (or forth and up) by the minimum-jerk
step, the trunk leans forward on the way. 1.3 to 2.2 s, trunk up to 0.5 to 0.9 m/s, as sit-to-stand
studies report.
"""

from dataclasses import replace

import numpy as np

from usim.activities._curve import eased
from usim.activities._film import STEP_S
from usim.activities._skeleton import Parts, hanging, joints_m, upright
from usim.activities.base import Body, Stance

LEAN_RAD = np.deg2rad(22.0)
"""Of the trunk, forward, halfway."""
SEATED_LEAN_RAD = np.deg2rad(-6.0)
SEATED_ARM_DEG = (12.0, 62.0, 80.0)
"""Upper arm, forearm and hand of one whose hands rest on the thighs."""
FASTEST_S, SLOWEST_S = 1.8, 2.2


def seated(body: Body, stance: Stance) -> np.ndarray:
    """The joints (joint, 3) of a body that sits in a stance."""
    return joints_m(_between(body, stance, np.ones(1)), body)[0]


def passage(body: Body, stance: Stance, down: bool, duration_s: float) -> np.ndarray:
    """Frames (frame, joint, 3) from standing to sitting in a stance, or up from it.

    stance: with the seat it sits on.
    """
    count = max(round(duration_s / STEP_S), 1)
    share = eased(np.arange(count + 1) / count)
    return joints_m(_between(body, stance, share if down else share[::-1]), body)


def _between(body: Body, stance: Stance, share: np.ndarray) -> Parts:
    """The parts of a body at shares (time,) of the way from standing, 0, to sitting, 1."""
    count = len(share)
    place = np.repeat(np.array([stance.position_m], dtype=float), count, axis=0)
    facing = np.full(count, float(stance.facing_rad or 0.0))
    parts = upright(place, facing, body)
    seat_m = float(stance.seat_m or 0.0) + body.seat_to_hip_m
    drop = min(body.ankle_height_m + body.shank_m - seat_m, body.thigh_m)
    back = np.sqrt(body.thigh_m**2 - drop**2)
    ahead = np.stack([np.cos(facing), np.sin(facing)], axis=1)
    bump = 16.0 * (share * (1.0 - share)) ** 2
    arms = tuple(
        tuple(a + (np.deg2rad(b) - a) * share for a, b in zip(arm, SEATED_ARM_DEG, strict=True))
        for arm in hanging(count)
    )
    return replace(
        parts,
        place_m=place - (share * back)[:, None] * ahead,
        hips_m=parts.hips_m + share * (seat_m - parts.hips_m),
        lean_rad=SEATED_LEAN_RAD * share + LEAN_RAD * bump,
        arms_rad=arms,
    )


def reachable(body: Body, seat_m: float) -> float:
    """The seat's height in m; ValueError where this body cannot sit on it with its feet flat."""
    lowest = body.ankle_height_m + body.shank_m - 0.9 * body.thigh_m - body.seat_to_hip_m
    highest = body.ankle_height_m + body.shank_m + 0.5 * body.thigh_m - body.seat_to_hip_m
    if not lowest <= seat_m <= highest:
        raise ValueError(
            f"seat_height_m: {seat_m:g} m; who is {body.height_m:.3g} m tall sits with flat feet on "
            f"{lowest:.2f} to {highest:.2f} m"
        )
    return seat_m

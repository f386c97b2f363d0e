"""Walking along a route: steps that do not slide, rounded turns, starts and stops.

The trunk and the arms move as Boulic, Magnenat-Thalmann and Thalmann (1990) measured (`_gait`); the
feet are laid down along the way and hold still while they carry (`_steps`, `_foot`); the legs follow
between them.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from usim.activities import _gait
from usim.activities._curve import averaged, flown
from usim.activities._film import STEP_S
from usim.activities._foot import foot
from usim.activities._passages import Filmed, filmed, posture, risen
from usim.activities._route import Way, way
from usim.activities._skeleton import EVEN_S, STANDING_DROP_M, STRETCH, Parts, hanging, joints_m
from usim.activities._steps import Steps, rest_s, steps
from usim.activities.base import ActivityParameters, Body, Stance, Stream
from usim.template.fields import Coordinate, Listed

LEAD_S = 0.26
"""Rest before the hips begin to move, less than half of which smoothing takes."""
FLEXED_M = 0.006
"""How much lower than standing the hips are carried, beside the model's own fall, times RV."""
WALKING_STRETCH = 0.997
"""Hip to ankle over thigh and shank: a knee stays bent by 9 degrees at least, so that it does not lock
when it straightens for the heel strike.
"""
CALM_SHOULDER, CALM_ELBOW = 0.72, 0.25
"""The arms' swing in the laboratory walk of the OpenSim model Gait2354 (subject 1) over that of the
model, by the speed of the wrist.
"""
SOFT = round(EVEN_S / STEP_S)
"""Within so many steps phases and swings follow a changing pace."""
HARMONICS = 3
"""Of the model's curves with corners, that trunk and arms follow."""
BEGUN = 1.6
"""How long it takes until trunk and arms swing fully, over the time to the first strike."""
MOST_POINTS = 200
MOST_TRIES = 12


def _flat(value: Any) -> Any:
    """A point of three numbers, as placements give it, without its height."""
    return value[:2] if isinstance(value, list | tuple) and len(value) == 3 else value


FloorPoint = Annotated[
    tuple[Coordinate, Coordinate],
    Listed,
    BeforeValidator(_flat),
    Field(json_schema_extra={"x-usim": "point"}),
]
"""[x, y] on the floor; a scene file may also say any placement."""


class Parameters(ActivityParameters):
    """Walking through points on the floor, from where the body is; the first point may be that."""

    kind: Literal["walk"]
    through_m: Annotated[
        tuple[FloorPoint, ...], Listed, Field(min_length=1, max_length=MOST_POINTS)
    ]
    speed_m_s: Annotated[
        float, Field(ge=0.3, le=2.2, description="on straight stretches; 0.4 to 1.6 indoors")
    ] = 1.0
    variability: Annotated[
        float, Field(ge=0.0, le=0.1, description="standard deviation of stride times, as a share")
    ] = 0.025


EXAMPLES = (
    {"kind": "walk", "through_m": [[4.6, 0.6], [2.2, 2.4], [4.6, 3.5]], "speed_m_s": 1.1},
    {"kind": "walk", "through_m": [[1.0, 1.0], [4.0, 1.0], [1.0, 1.2]], "variability": 0.0},
)


def build(parameters: Parameters, body: Body, start: Stance, stream: Stream) -> Filmed:
    """The walk of a body; it draws which foot goes first and how steps scatter."""
    points = np.array(parameters.through_m, dtype=float)
    if start.position_m is not None:
        points = np.concatenate([np.array([start.position_m], dtype=float), points])
    begin = np.array(points[0])
    away = points[np.hypot(*(points - begin).T) > 0.05]
    first = np.arctan2(*(away[0] - begin)[::-1]) if len(away) else 0.0
    start = start.settled((float(begin[0]), float(begin[1])), float(first))
    passages, start = risen(body, start, stream)
    before_s = sum(map(len, passages)) * STEP_S
    carried, laid = _way(parameters, points, float(start.facing_rad or 0.0), body, stream)
    frames = joints_m(_parts(carried, laid, body), body)
    place = float(carried.place_m[-1, 0]), float(carried.place_m[-1, 1])
    end = Stance(place, float(carried.facing_rad[-1]))
    passages += [posture(body, start), frames, posture(body, end)]
    contacts = np.sort(np.concatenate([laid.strikes_s[1:], laid.lifts_s]))
    moments = [0.0, *(before_s + 3 * STEP_S + contacts)]
    return filmed(passages, moments, end, (0.0, 0.0))


def _way(
    parameters: Parameters, points: np.ndarray, facing_rad: float, body: Body, stream: Stream
) -> tuple[Way, Steps]:
    """The way through points (point, 2), and the steps on it: who has less than two steps to go
    takes the time for them.
    """
    slower = 1.0
    for _ in range(MOST_TRIES):
        carried = way(points, facing_rad, parameters.speed_m_s, LEAD_S, slower)
        laid = steps(carried, body, parameters.variability, stream("steps"))
        if laid.hurry <= 1.0:
            break
        slower *= 1.2
    return carried, laid


def _arm_deg(phase: np.ndarray, rv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper arm and forearm forward of hanging: the model's means, and a share of its swing."""
    shoulder = _gait.shoulder_deg(phase, rv)
    bent, swing = _rounded(_gait.elbow_deg, phase, rv)
    rest = _gait.shoulder_deg(0.25 + 0.0 * phase, rv)
    upper = rest + CALM_SHOULDER * (shoulder - rest)
    return upper, upper + bent + CALM_ELBOW * swing


def _rounded(
    curve: _gait.Curve, phase: np.ndarray, rv: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and swing of a curve of the model, without its corners."""
    return _gait.rounded(curve, phase, rv, HARMONICS, SOFT)


def _parts(carried: Way, laid: Steps, body: Body) -> Parts:
    """What the parts of a body do on its way."""
    count = max(len(carried.place_m), int(np.ceil((rest_s(laid) + EVEN_S) / STEP_S)) + 2)
    t_s = STEP_S * np.arange(count)
    inside = np.minimum(np.arange(count), len(carried.place_m) - 1)
    place, facing = carried.place_m[inside], carried.facing_rad[inside]
    rv = np.maximum(carried.speed_m_s[inside], 0.0) / body.hip_height_m
    strikes = laid.strikes_s
    share = flown((t_s - LEAD_S) / (BEGUN * (strikes[1] - LEAD_S)), (), 1.0)
    share *= 1.0 - flown((t_s - strikes[-2]) / (rest_s(laid) - strikes[-2]), (), 1.0)
    phases = [averaged(laid.phase(t_s, side), SOFT) for side in (0, 1)]
    ways = _gait.pelvis(phases[0], rv, body.hip_height_m, SOFT)
    ahead = np.stack([np.cos(facing), np.sin(facing)], axis=1)
    aside = np.stack([-np.sin(facing), np.cos(facing)], axis=1)
    arms = []
    for phase, rest in zip(phases, hanging(count), strict=True):
        upper, lower = (np.deg2rad(angle) for angle in _arm_deg(phase, rv))
        arms.append(
            tuple(
                still + share * (swung - still)
                for still, swung in zip(rest, (upper, lower, lower), strict=True)
            )
        )
    lowered = STANDING_DROP_M + FLEXED_M * rv * share
    return Parts(
        place_m=place
        + (share * ways.forward_m)[:, None] * ahead
        + (share * ways.left_m)[:, None] * aside,
        hips_m=body.hip_height_m - lowered + share * ways.up_m,
        facing_rad=facing,
        feet=(foot(t_s, laid.stands[0], body), foot(t_s, laid.stands[1], body)),
        torsion_rad=share * np.deg2rad(ways.torsion_deg),
        list_rad=share * np.deg2rad(sum(_rounded(_gait.list_deg, phases[0], rv))),
        twist_rad=share * np.deg2rad(sum(_rounded(_gait.thorax_deg, phases[0], rv))),
        lean_rad=share * np.deg2rad(ways.lean_deg),
        arms_rad=(arms[0], arms[1]),
        softness_m=0.0015 + 0.0055 * share,
        stretch=STRETCH - (STRETCH - WALKING_STRETCH) * share,
        beats=2.0 * phases[0],
    )

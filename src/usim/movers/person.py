"""A person: sixteen ellipsoids on a skeleton that walks, stands, sits, breathes and sways."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)

from usim.activities.base import JOINTS, AbstractActivity, Body, J, Stance, average
from usim.movers import _breathing, _sway
from usim.movers._anthropometry import HAIR, HANDS, NAMES, SHOES, semi_axes_m
from usim.movers._breathing import SIDEWAYS, Breathing
from usim.movers._figure import ROOM, Figure
from usim.movers._sway import Sway
from usim.movers.base import AbstractMover, MoverParameters, Piece, Poses, Stream
from usim.surfaces.base import surface
from usim.template import registry
from usim.template.complaints import complaints
from usim.template.fields import Listed, Point, Surface
from usim.template.names import numbered
from usim.template.problem import InvalidInput, Problem

MOST_ACTIVITIES = 1000
BATCH = 1000
SETTLING_S = 1.0
"""How long one who stops takes to sway as one who stands."""
STANDS = {"kind": "stand"}
FINGERS = {"material": "skin", "wrinkle_rms_m": 0.002, "wrinkle_length_m": 0.02}
"""Fingers and knuckles stand out of a hand's ellipsoid, which is no mirror (judgement)."""


def _activity(value: Any, info: ValidationInfo) -> Any:
    """The parameters of an activity, by its kind."""
    if isinstance(value, BaseModel):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("an activity is a mapping with a kind")
    if "kind" not in value:
        known = ", ".join(registry.kinds("activities"))
        raise ValueError(f"an activity needs a kind, one of {known}")
    try:
        model = registry.load("activities", value["kind"]).Parameters
    except InvalidInput as error:
        raise InvalidInput([Problem(one.text, place="kind") for one in error.problems]) from None
    try:
        return model.model_validate(dict(value), context=info.context)
    except ValidationError as error:
        raise InvalidInput(
            [
                Problem(text, place=".".join(map(str, path)) or None)
                for path, text in complaints(error, model, dict(value))
            ]
        ) from None


Activity = Annotated[
    Any,
    AfterValidator(_activity),
    WithJsonSchema({"type": "object", "x-usim": "activities"}),
]


class Parameters(MoverParameters):
    """A person and what it does: its routine, one activity after the other, then it stays as it is.

    What a body does by itself (breathing, heartbeat, sway) is drawn where it is not given.
    """

    kind: Literal["person"]
    height_m: Annotated[float, Field(ge=1.2, le=2.2, description="stature")] = 1.70
    sex: Annotated[
        Literal["female", "male"] | None, Field(description="sets proportions; none: between")
    ] = None
    mass_kg: Annotated[
        float | None, Field(ge=30.0, le=200.0, description="none: the mean at this stature")
    ] = None
    clothing: Surface = "tshirt"
    hair: Surface = "hair"
    shoes: Surface = "upholstery_leather"
    position_m: Annotated[
        Point | None, Field(description="where it begins: between its feet; height is left out")
    ] = None
    facing_deg: Annotated[float | None, Field(ge=-360.0, le=360.0)] = None
    routine: Annotated[
        tuple[Activity, ...],
        Listed,
        Field(max_length=MOST_ACTIVITIES, description="kinds of activities; none: it stands"),
    ] = ()
    breaths_per_min: Annotated[float | None, Field(ge=4.0, le=60.0)] = None
    breath_m: Annotated[
        float | None, Field(ge=0.0, le=0.05, description="travel of the chest's front")
    ] = None
    heartbeats_per_min: Annotated[float | None, Field(ge=30.0, le=220.0)] = None


EXAMPLES = (
    {
        "kind": "person",
        "name": "adult",
        "height_m": 1.70,
        "clothing": "knitwear",
        "routine": [
            {"kind": "walk", "through_m": [[4.6, 0.6], [2.2, 2.4], [4.6, 3.5]], "speed_m_s": 1.1},
            {"kind": "stand", "for_s": 3.0},
        ],
    },
    {
        "kind": "person",
        "name": "reader",
        "height_m": 1.62,
        "sex": "female",
        "mass_kg": 60.0,
        "clothing": "denim",
        "position_m": [2.0, 3.0, 0.0],
        "facing_deg": -90.0,
        "start_s": 0.5,
        "breaths_per_min": 15.0,
        "routine": [
            {"kind": "stand", "for_s": 1.0},
            {"kind": "sit_still", "for_s": 2.0},
            {"kind": "walk", "through_m": [[3.5, 2.0], [2.0, 1.0]], "speed_m_s": 0.8},
        ],
    },
)


@dataclass(frozen=True, eq=False)
class Person(AbstractMover):
    """A body, its routine, and what never rests in it."""

    name: str
    pieces: tuple[Piece, ...]
    figure: Figure
    activities: tuple[AbstractActivity, ...]
    begins_s: np.ndarray
    """(activity,): on the clock of the routine, the first at 0."""
    sways: np.ndarray
    """(activity + 1, 2): how much of the sway about ankles and hips; the first before all."""
    settling_s: np.ndarray
    """(activity,): how long it takes to sway as the activity does."""
    about: np.ndarray
    """(2, joint): how far joints go with the centre of mass, swaying about ankles and hips."""
    breathing: Breathing
    ahead: Sway
    aside: Sway
    start_s: float
    moments_s: np.ndarray
    story_s = (-np.inf, np.inf)
    label = "person"

    def at(self, t_s: np.ndarray) -> Poses:
        t_s = np.ascontiguousarray(t_s, dtype=float) - self.start_s
        position, rotation, swell, bend = _blocks(len(t_s) * len(NAMES), (3, 9, 3, 1))
        position, swell = (block.reshape(-1, len(NAMES), 3) for block in (position, swell))
        rotation, bend = rotation.reshape(-1, len(NAMES), 3, 3), bend.reshape(-1, len(NAMES))
        swell[:] = 0.0
        chest_m, abdomen_m = self.breathing.front_m(t_s)
        room = np.empty(ROOM * min(BATCH, len(t_s)))
        for start in range(0, len(t_s), BATCH):  # as much as the cache holds
            now = slice(start, start + BATCH)
            into = Poses(position[now], rotation[now], swell[now], bend[now])
            joints_m = self._joints_m(t_s[now])
            self.figure.pose(joints_m, chest_m[now], abdomen_m[now], SIDEWAYS, into, room)
        return Poses(position, rotation, swell, bend)

    def _joints_m(self, t_s: np.ndarray) -> np.ndarray:
        """The joints (3, joint, time) at times (time,) of the routine, swaying."""
        joints = np.empty((3, len(JOINTS), len(t_s)))
        index = np.maximum(np.searchsorted(self.begins_s, t_s, side="right") - 1, 0)
        for number in range(int(index.min()), int(index.max()) + 1):
            activity, chosen = self.activities[number], index == number
            if chosen.all():
                chosen = slice(None)  # faster
            elif not chosen.any():
                continue
            since = t_s[chosen] - self.begins_s[number]
            since = np.minimum(np.maximum(since, 0.0), activity.duration_s)
            joints[:, :, chosen] = activity.joints_m(since).transpose(2, 1, 0)
        self._sway(t_s, index, joints)
        return joints

    def _sway(self, t_s: np.ndarray, index: np.ndarray, joints: np.ndarray) -> None:
        """Adds the sway to joints (3, joint, time): how much of it follows the activity softly."""
        before, now = self.sways[index].T, self.sways[index + 1].T
        if not (before.any() or now.any()):
            return
        u = (t_s - self.begins_s[index]) / self.settling_s[index]
        u = np.minimum(np.maximum(u, 0.0), 1.0)
        share = before + (now - before) * (u * u * u * (10.0 + u * (6.0 * u - 15.0)))
        moved = self.about[0][:, None] * share[0]
        if before[1].any() or now[1].any():
            moved += self.about[1][:, None] * share[1]
        x, y = joints[:2, J["hip_left"]] - joints[:2, J["hip_right"]]
        across = np.sqrt(x * x + y * y)
        ahead, aside = self.ahead.at(t_s) / across, self.aside.at(t_s) / across
        joints[1] += moved * (aside * y - ahead * x)
        moved *= ahead * y + aside * x
        joints[0] += moved


def _blocks(count: int, widths: tuple[int, ...]) -> list[np.ndarray]:
    """Arrays of so many rows and widths, in one piece of memory.

    Several large pieces that are given back to the system and asked for again at every call cost a
    quarter of it in page faults.
    """
    return np.split(np.empty(count * sum(widths)), count * np.cumsum(widths[:-1]))


def build(parameters: Parameters, stream: Stream) -> Person:
    """The person of these parameters; it draws breathing, heart, sway, and what its activities do."""
    body = average(parameters.height_m)
    sizes = semi_axes_m(parameters.height_m, parameters.sex, parameters.mass_kg)
    covers = {name: parameters.clothing for name in NAMES}
    covers |= dict.fromkeys(HANDS, FINGERS) | dict.fromkeys(HAIR, parameters.hair)
    covers |= dict.fromkeys(SHOES, parameters.shoes)
    pieces = tuple(
        Piece(name, "ellipsoid", (float(a), float(b), float(c)), surface(covers[name]))
        for name, (a, b, c) in zip(NAMES, sizes, strict=True)
    )
    activities = _activities(parameters, body, stream)
    lasting = np.array([activity.duration_s for activity in activities])
    begins = np.concatenate([[0.0], np.cumsum(lasting)])
    moments = [b + one.moments_s for b, one in zip(begins[:-1], activities, strict=True)]
    moments_s = np.sort(np.concatenate([*moments, begins])) + parameters.start_s
    sways = np.array([activity.sway for activity in activities], dtype=float)
    breathing = _breathing.drawn(
        stream("breathing"),
        stream("heart"),
        None if parameters.breaths_per_min is None else parameters.breaths_per_min / 60.0,
        parameters.breath_m,
        None if parameters.heartbeats_per_min is None else parameters.heartbeats_per_min / 60.0,
    )
    return Person(
        name=parameters.name,
        pieces=pieces,
        figure=Figure(body, sizes),
        activities=activities,
        begins_s=begins[:-1],
        sways=_reached(np.concatenate([sways[:1], sways]), lasting),
        settling_s=np.append(np.minimum(SETTLING_S, lasting[:-1]), SETTLING_S),
        about=_sway.about(body),
        breathing=breathing,
        ahead=_sway.drawn(stream("sway_ahead"), _sway.AHEAD_M),
        aside=_sway.drawn(stream("sway_aside"), _sway.ASIDE_M),
        start_s=parameters.start_s,
        moments_s=moments_s,
    )


def _activities(parameters: Parameters, body: Body, stream: Stream) -> tuple[AbstractActivity, ...]:
    """The activities of a routine, each from where the one before it ended."""
    place, facing = parameters.position_m, parameters.facing_deg
    stance = Stance(
        None if place is None else (place[0], place[1]),
        None if facing is None else float(np.deg2rad(facing)),
        first=True,
    )
    unnamed: dict[str, int] = {}
    built: list[AbstractActivity] = []
    for index, item in enumerate(parameters.routine or (_stands(),)):
        name = item.name or numbered(item.kind, unnamed)

        def inner(word: str, name: str = name) -> "np.random.Generator":
            return stream(f"routine.{name}.{word}")

        try:
            module = registry.load("activities", item.kind)
            built.append(module.build(item, body, stance, inner))
        except ValueError as error:
            raise InvalidInput(Problem(str(error), place=f"routine.{index}")) from error
        stance = built[-1].end
    return tuple(built)


def _reached(sways: np.ndarray, lasting_s: np.ndarray) -> np.ndarray:
    """The sways (activity + 1, 2) that bodies come to: less of a change where there is no time for it.

    In a share of SETTLING_S its square, so that nobody is moved faster; the last activity has time.
    """
    made = sways.copy()
    for index, lasting in enumerate(lasting_s[:-1]):
        share = min(float(lasting) / SETTLING_S, 1.0) ** 2
        made[index + 1] = made[index] + share * (sways[index + 1] - made[index])
    return made


def _stands() -> Any:
    return registry.load("activities", "stand").Parameters.model_validate(STANDS)

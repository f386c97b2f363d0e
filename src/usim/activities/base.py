"""Activities: what a body does for a while.

What the family promises. A person's routine is a list of activities, one after the other. An
activity knows the body it moves and the state in which the one before it ended, and answers where
the joints are at any time of its own stretch. It knows nothing of rooms, waves, surfaces or
devices, and nothing of breathing, heartbeat and sway, which go on whatever a body does: they are
the mover's. The floor is the plane z = 0.

The contract in words, which `usim.contract.activities` checks for every file in this folder:

* `Parameters` is a frozen model that derives from `ActivityParameters` and adds `kind`; numbers
  carry their unit in their name.
* `build(parameters, body, start, stream)` gives the activity that begins in the state `start` of
  this body. `stream(place)` gives the random generator of a place inside this activity, while it
  is built and not later; the same seed gives the same activity.
* A `Stance` is where a body rests between two activities: upright on both feet, or on a seat. Its
  posture follows from the body and the stance alone (`_skeleton.standing`, `_chair.seated`), so
  whoever begins where another ended begins with the same joints. Only the first activity of a body
  may find a stance without a position or a direction: it takes its own, or raises ValueError where
  it has none.
* `duration_s` is how long it takes; `end` is the stance in which it leaves the body.
* `joints_m(t_s)` answers any times from 0 to `duration_s`, in any order, each alone as among others
  with the same bytes; it begins at rest in the posture of `start` and ends at rest in that of
  `end`; position and velocity are continuous, but for the velocity at the times in `moments_s`.
* Bones keep their lengths within a tenth, no joint goes through the floor, knees bend forward only.
* Contacts are honest: what stands on the floor does not slide.
* Labels are made from this motion, never from the activity's name.
* `EXAMPLES` are one or more tables as a scene file holds them.

Shortest kind to start from: `stand.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from usim.template.fields import Name, Table

JOINTS = (
    "hip_left", "hip_right", "knee_left", "knee_right", "ankle_left", "ankle_right",
    "heel_left", "heel_right", "ball_left", "ball_right", "waist", "neck", "crown", "face",
    "shoulder_left", "shoulder_right", "elbow_left", "elbow_right", "wrist_left", "wrist_right",
    "fingers_left", "fingers_right",
)  # fmt: skip
"""The joints of a body, in the order in which every activity answers.

`heel` and `ball` lie on the sole, where it touches the floor; `waist` is between pelvis and thorax,
`neck` halfway between the shoulders, `crown` the top of the head, `face` the tip of the nose,
`fingers` the tip of the stretched hand.
"""

J = {name: index for index, name in enumerate(JOINTS)}

Stream = Callable[[str], "np.random.Generator"]


class ActivityParameters(Table):
    """What every activity may say."""

    name: Name | None = None


@dataclass(frozen=True)
class Body:
    """The lengths of a body that an activity moves, in m; joints as in JOINTS, upright on the floor."""

    height_m: float
    hip_height_m: float
    hip_half_m: float
    """From the middle to a hip joint."""
    thigh_m: float
    shank_m: float
    ankle_height_m: float
    foot_m: float
    """Heel to the tip of the toes."""
    heel_to_ankle_m: float
    """Along the sole."""
    heel_to_ball_m: float
    waist_height_m: float
    neck_height_m: float
    shoulder_half_m: float
    upper_arm_m: float
    forearm_m: float
    hand_m: float
    face_m: float
    """From the middle of the head to the tip of the nose."""
    head_height_m: float
    """The middle of the head."""
    seat_to_hip_m: float
    """How high the hip joints are above the seat of one who sits."""


def average(height_m: float) -> Body:
    """The body of average proportions at a stature in m.

    Segment lengths of Drillis and Contini (1966) as in Winter (2009), fractions of stature; half the
    biacromial breadth of ANSUR II (415.7 of 1756.2 mm); hip joints 0.098 of stature apart, 72 % of
    the distance of the iliac spines (Bell, Pedersen and Brand 1990); ankle, ball and waist from the
    outlines of feet and trunk (judgement, within 10 %).
    """
    h = float(height_m)
    return Body(
        height_m=h,
        hip_height_m=0.530 * h,
        hip_half_m=0.049 * h,
        thigh_m=0.245 * h,
        shank_m=0.246 * h,
        ankle_height_m=0.039 * h,
        foot_m=0.152 * h,
        heel_to_ankle_m=0.036 * h,
        heel_to_ball_m=0.110 * h,
        waist_height_m=0.610 * h,
        neck_height_m=0.818 * h,
        shoulder_half_m=0.118 * h,
        upper_arm_m=0.186 * h,
        forearm_m=0.146 * h,
        hand_m=0.108 * h,
        face_m=0.060 * h,
        head_height_m=0.935 * h,
        seat_to_hip_m=0.048 * h,
    )


@dataclass(frozen=True)
class Stance:
    """Where and how a body rests between activities."""

    position_m: tuple[float, float] | None
    """The middle between the feet (ankles), on the floor; None: not said."""
    facing_rad: float | None
    """Where it looks, counter-clockwise from +x; None: not said."""
    seat_m: float | None = None
    """The height of the seat it sits on; None while it stands."""
    first: bool = False
    """Whether nothing came before: who sits then has not sat down."""

    def settled(self, position_m: tuple[float, float] | None, facing_rad: float) -> "Stance":
        """The stance with what was not said filled in; ValueError where there is no position."""
        place = self.position_m if self.position_m is not None else position_m
        if place is None:
            raise ValueError(
                "nothing says where it begins; give the person position_m, or walk first"
            )
        facing = facing_rad if self.facing_rad is None else self.facing_rad
        return Stance(place, facing, self.seat_m)


class AbstractActivity(ABC):
    """A stretch of a body's motion."""

    duration_s: float
    end: Stance
    moments_s: np.ndarray
    """(moment,) ascending, since the activity began: contacts, and what else a sampling must not
    miss.
    """
    sway: tuple[float, float]
    """How much of the sway of one who stands freely a body has meanwhile: about its ankles, and
    about its hips.
    """

    @abstractmethod
    def joints_m(self, t_s: np.ndarray) -> np.ndarray:
        """The joints (time, joint, 3) in room coordinates at the times (time,) since the activity
        began.
        """

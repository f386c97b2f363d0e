"""Sitting down where one stands, then sitting still; the body goes on breathing."""

from typing import Annotated, Literal

from pydantic import Field

from usim.activities._chair import passage, reachable
from usim.activities._film import STEP_S
from usim.activities._passages import Filmed, duration_s, filmed, posture, risen
from usim.activities.base import ActivityParameters, Body, Stance, Stream


class Parameters(ActivityParameters):
    """Sitting down behind the feet, and sitting still for a while.

    Who begins with this sits from the start. Nothing is put under it: place a seat in the room
    where one is wanted.
    """

    kind: Literal["sit_still"]
    for_s: Annotated[float, Field(ge=0.0, le=604800.0, description="how long, once it sits")] = 0.0
    seat_height_m: Annotated[float, Field(ge=0.15, le=1.2)] = 0.45


EXAMPLES = ({"kind": "sit_still", "for_s": 3.0, "seat_height_m": 0.45},)


def build(parameters: Parameters, body: Body, start: Stance, stream: Stream) -> Filmed:
    """The sitting of a body; it draws how long it takes to sit down."""
    first = start.position_m is None or start.facing_rad is None or start.first
    start = start.settled(None, 0.0)
    seat_m = reachable(body, parameters.seat_height_m)
    end = Stance(start.position_m, start.facing_rad, seat_m)
    passages: list = []
    if not first and start != end:
        passages, _ = risen(body, start, stream)
        passages.append(passage(body, end, True, duration_s(stream, "sit_down")))
    down_s = (sum(map(len, passages)) + 1) * STEP_S
    passages.append(posture(body, end))
    moments = [0.0, down_s] if len(passages) > 1 else [0.0]
    return filmed(passages, moments, end, (0.0, 0.3), parameters.for_s)

"""Standing where one is, arms hanging; who sat stands up first."""

from typing import Annotated, Literal

from pydantic import Field

from usim.activities._film import STEP_S
from usim.activities._passages import Filmed, filmed, posture, risen
from usim.activities.base import ActivityParameters, Body, Stance, Stream


class Parameters(ActivityParameters):
    """Standing still for a while."""

    kind: Literal["stand"]
    for_s: Annotated[float, Field(ge=0.0, le=604800.0, description="how long, once it stands")] = (
        0.0
    )


EXAMPLES = ({"kind": "stand", "for_s": 3.0},)


def build(parameters: Parameters, body: Body, start: Stance, stream: Stream) -> Filmed:
    """The standing of a body; it draws how long it takes to stand up, where it has to."""
    start = start.settled(None, 0.0)
    passages, end = risen(body, start, stream)
    rising_s = (sum(map(len, passages)) + 1) * STEP_S
    passages.append(posture(body, end))
    moments = [0.0, rising_s] if len(passages) > 1 else [0.0]
    return filmed(passages, moments, end, (1.0, 0.0), parameters.for_s)

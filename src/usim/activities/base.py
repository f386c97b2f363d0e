"""Activities: what a body does for a while.

What the family promises. A person's routine is a list of activities, one after the other. An
activity knows the body it moves and the state in which the one before it ended, and answers where
the joints are at any time of its own stretch. It knows nothing of rooms, waves or devices.

The contract in words:

* `Parameters` is a frozen model with `kind`; numbers carry their unit in their name.
* `build(parameters, body, start, stream)` gives the activity that begins in the state `start` of
  this body. `stream(place)` gives the random generator of a place inside this activity.
* `duration_s` is how long it takes; `end` is the state in which it leaves the body, from which the
  next one begins.
* `joints_m(t_s)` answers any times from 0 to `duration_s`, in any order, each alone as among
  others; it starts in `start`, ends in `end`, and is continuous with a continuous first derivative.
* Contacts are honest: what stands on the floor does not slide, and no joint goes through the floor.
* Labels are made from this motion, never from the activity's name.
"""

from abc import ABC, abstractmethod

import numpy as np


class AbstractActivity(ABC):
    """A stretch of a body's motion."""

    duration_s: float

    @abstractmethod
    def joints_m(self, t_s: np.ndarray) -> np.ndarray:
        """The joints (time, joint, 3) in room coordinates at the times (time,) since the activity
        began.
        """

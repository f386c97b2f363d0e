"""A mover among others: its own pieces, and after them those of others that may stand in the way of its echoes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from usim.movers.base import AbstractMover, Poses


class Company(AbstractMover):
    """A mover, and pieces of others beside it, told as one."""

    def __init__(self, mover: AbstractMover, others: Sequence[tuple[AbstractMover, Sequence[int]]]):
        """others: movers, and the numbers of those of their pieces that are told."""
        self.mover, self.others = mover, [(one, list(numbers)) for one, numbers in others]
        self.name, self.label, self.story_s = mover.name, mover.label, mover.story_s
        self.moments_s = mover.moments_s
        beside = [one.pieces[number] for one, numbers in self.others for number in numbers]
        self.pieces = (*mover.pieces, *beside)

    def at(self, t_s: np.ndarray) -> Poses:
        parts = [(self.mover.at(t_s), list(range(len(self.mover.pieces))))]
        parts += [(one.at(t_s), numbers) for one, numbers in self.others]
        place = np.concatenate([one.position_m[:, some] for one, some in parts], axis=1)
        rotation = np.concatenate([one.rotation[:, some] for one, some in parts], axis=1)
        swell = [one.swell_m for one, _ in parts]
        bend = [one.bend_rad for one, _ in parts]
        return Poses(place, rotation, _joined(swell, parts, 3), _joined(bend, parts, 0))


def _joined(told: list[np.ndarray | None], parts: list, axes: int) -> np.ndarray | None:
    """Return what each says of its pieces, zero where it says nothing; None where nobody says anything.  axes: of each value, 0 for a number."""
    if all(one is None for one in told):
        return None
    shape = (axes,) if axes else ()
    return np.concatenate(
        [
            np.zeros((*poses.position_m[:, some].shape[:2], *shape))
            if one is None
            else one[:, some]
            for one, (poses, some) in zip(told, parts, strict=True)
        ],
        axis=1,
    )

"""What stands before an open door or window: allowed, but worth a line."""

from collections.abc import Iterator

import numpy as np

from usim.furniture.base import AbstractFurniture
from usim.physics.air import Air
from usim.rooms.base import Patch

BEFORE_M = 0.4
"""What is nearer to an open door stands in it, or in the way of who comes through."""
HOLE = 0.5
"""Share of the energy that an opening lets through at least, square on."""
SPOTS = np.linspace(0.0, 1.0, 9)


def notes(
    furniture: tuple[AbstractFurniture, ...], patches: tuple[Patch, ...], air: Air
) -> Iterator[str]:
    """One line for each piece of furniture, sheets left out, and each opening that it stands before."""
    for patch in patches:
        spots = _spots(patch.corners_m)
        for thing in furniture:
            if thing.is_sheet:
                continue
            away = np.sqrt(((thing.nearest_m(spots) - spots) ** 2).sum(axis=-1)).min()
            if away < BEFORE_M and _is_open(patch, air):
                yield (
                    f"room.furniture.{thing.name}: it stands {away:.2g} m before "
                    f"{patch.name.partition('.')[0]}, which is open; move it, or shut that"
                )


def _is_open(patch: Patch, air: Air) -> bool:
    middle_hz = 0.5 * sum(patch.surface.band_hz)
    return float(patch.surface.energy(1.0, middle_hz, air).transmitted) >= HOLE


def _spots(corners_m: np.ndarray) -> np.ndarray:
    """Points (n, 3) all over a rectangle."""
    start, along, up = corners_m[0], corners_m[1] - corners_m[0], corners_m[3] - corners_m[0]
    across = SPOTS[:, None, None] * along + SPOTS[None, :, None] * up
    return (start + across).reshape(-1, 3)

"""Places: where the images of several legs are one, as those over a wall and over the patches on it.

What such legs carry belongs together: off a wall with an open door, the one takes away what the other brings. So pairs are chosen by places, all that
lead over the same two places or none, with one weight.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from usim.engine.legs import Legs
from usim.engine.selection import Chosen


def firsts(places: np.ndarray) -> np.ndarray:
    """Return the first leg (place,) at each place."""
    return np.unique(places, return_index=True)[1]


def one_each(legs: Legs) -> Legs:
    """Return the first legs at their places alone."""
    if legs.places is None:
        return legs
    rows = firsts(legs.places)
    return replace(
        legs,
        maps=legs.maps.subset(rows),
        sources=np.ascontiguousarray(legs.sources[:, rows]),
        source_axes=np.ascontiguousarray(legs.source_axes[:, rows]),
        targets=np.ascontiguousarray(legs.targets[rows]),
        target_axes=np.ascontiguousarray(legs.target_axes[rows]),
        walls=legs.walls[rows],
        normals=legs.normals[rows],
        places=None,
    )


def together(energy: np.ndarray, places: np.ndarray | None) -> np.ndarray:
    """Return energies (..., place, place) of all pairs between two places, from those (..., I, J) of pairs of legs."""
    if places is None:
        return energy
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(places.max() + 1))
    sums = np.add.reduceat(energy[..., order, :], starts, axis=-2)
    return np.ascontiguousarray(np.add.reduceat(sums[..., order], starts, axis=-1))


def first_each(shares: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return what is the same (K, n * n) for all pairs of legs between two places, from (K, I * J); nothing where it is of no size."""
    if not len(shares):
        return np.empty((0, (places.max() + 1) ** 2), shares.dtype)
    rows = firsts(places)
    square = shares.reshape(-1, len(places), len(places))
    return np.ascontiguousarray(square[:, rows][:, :, rows]).reshape(len(shares), -1)


def told_apart(chosen: Chosen, energy: np.ndarray, places: np.ndarray | None) -> Chosen:
    """Return a choice of pairs of places as one of pairs of legs, without those that never carry any of the energies (K, I, J)."""
    if places is None:
        return chosen
    heard = np.any(energy > 0.0, axis=0)
    legs_at = [np.flatnonzero(places == place) for place in range(places.max() + 1)]
    pairs, rows = [], []
    for row, (i, j, glint) in enumerate(chosen.pairs.tolist()):
        for out in legs_at[i]:
            for back in legs_at[j]:
                if heard[out, back]:
                    pairs.append((out, back, glint))
                    rows.append(row)
    every, numbers = np.array(pairs, np.int64).reshape(-1, 3), np.array(rows, np.int64)
    order = np.argsort(every[:, 1], kind="stable")
    numbers = numbers[order]
    return Chosen(every[order], chosen.weight[numbers], chosen.group[numbers], chosen.share)

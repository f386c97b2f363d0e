"""Mirror images by chains of faces, for rooms that are more than a box.

A chain names the faces in the order in which sound that leaves the device's end meets them; each at least in part in front of its neighbours. Of
furniture a chain has one face at most, and then no more than two faces in all. Chains that map space alike and have the
same faces, such as those of walls at right angles, are one image with several orders of reflection; its key is the least
of them, padded with NONE. Unlike in a box an image may be seen from some places and not from others, so `veil` asks for
each point. Some are seen from nowhere: a face, one at a right angle to it, and the first again. They are kept, so that the
list is what the rule says and nothing else; what passes them is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from usim.engine.exact.faces import AIR, SAME_M, Face
from usim.engine.exact.images import NEAR_M, Images

NONE = -1
LONGEST = 3  # faces of a chain
WITH_FURNITURE = 2
ALIKE = 1e-7  # two maps that differ by less are one


@dataclass(frozen=True, eq=False)
class Chains:
    """The maps of all images of a room's faces: turn (n, 3, 3) @ point + shift (n, 3).

    key (n, LONGEST); hits (n, face): how often each face is met; slant (n, LONGEST, 3): the unfolded normals of the key's
    faces; orders (m, LONGEST): every order of reflection of every image, those of image i from start[i] to start[i + 1].
    """

    key: np.ndarray
    hits: np.ndarray
    turn: np.ndarray
    shift: np.ndarray
    slant: np.ndarray
    orders: np.ndarray
    start: np.ndarray

    def images(self, point_m) -> ChainImages:
        """The images of one point (3,) in m."""
        point = np.asarray(point_m, float)
        place = np.einsum("nij,j->ni", self.turn, point) + self.shift
        return ChainImages(place, self.key, self.hits, self.turn, self.slant)


@dataclass(frozen=True)
class ChainImages(Images):
    """Images by chains. slant (n, LONGEST, 3): unfolded normals of the key's faces, zero where there is none."""

    slant: np.ndarray = field(default_factory=lambda: np.zeros((0, LONGEST, 3)))

    @property
    def order(self) -> np.ndarray:
        """Number of reflections of each image, (n,)."""
        return (self.key != NONE).sum(axis=1)

    def near(self, position_m: np.ndarray) -> np.ndarray:
        """As for `Images`; where several images lie at one place, as those in two walls of one plane, the first of them."""
        found = np.full(len(position_m), -1, dtype=np.int64)
        for index, place in reversed(list(enumerate(self.position_m))):
            found[np.linalg.norm(position_m - place, axis=1) < NEAR_M] = index
        return found


@dataclass(frozen=True, eq=False)
class _Image:
    turn: np.ndarray
    shift: np.ndarray
    orders: list[tuple[int, ...]]


def chains(met: tuple[Face, ...], order: int) -> Chains:
    """All chains of up to `order` of the faces `met`, by length, then by key."""
    if order > LONGEST:
        raise ValueError(
            f"order: {order}; exact follows at most {LONGEST} reflections in a room that is more than a box"
        )
    normals = np.array([face.normal for face in met]).reshape(-1, 3)
    levels = np.array([face.normal @ face.corners_m[0] for face in met])
    flips = np.eye(3) - 2.0 * normals[:, :, None] * normals[:, None, :]
    steps = 2.0 * levels[:, None] * normals
    found: list[_Image] = []
    alike: dict[tuple[int, ...], list[_Image]] = {}
    for chain in _sequences(met, order):
        turn, shift = np.eye(3), np.zeros(3)
        for face in chain:
            turn, shift = flips[face] @ turn, flips[face] @ shift + steps[face]
        family = alike.setdefault(tuple(sorted(chain)), [])
        for image in family:
            if max(np.abs(turn - image.turn).max(), np.abs(shift - image.shift).max()) < ALIKE:
                image.orders.append(chain)
                break
        else:
            family.append(_Image(turn, shift, [chain]))
            found.append(family[-1])
    key = np.full((len(found), LONGEST), NONE, dtype=np.int64)
    slant = np.zeros((len(found), LONGEST, 3))
    hits = np.zeros((len(found), len(met)), dtype=np.int64)
    for index, image in enumerate(found):
        least = image.orders[0]
        key[index, : len(least)] = least
        unfold = np.eye(3)
        for place in reversed(range(len(least))):
            slant[index, place] = unfold @ normals[least[place]]
            unfold = unfold @ flips[least[place]]
            hits[index, least[place]] += 1
    every = [chain for image in found for chain in image.orders]
    orders = np.full((len(every), LONGEST), NONE, dtype=np.int64)
    for row, chain in enumerate(every):
        orders[row, : len(chain)] = chain
    start = np.cumsum([0, *(len(image.orders) for image in found)])
    turns, shifts = (
        np.array([getattr(image, name) for image in found]) for name in ("turn", "shift")
    )
    return Chains(key, hits, turns, shifts, slant, orders, start)


def _sequences(met: tuple[Face, ...], order: int) -> Iterator[tuple[int, ...]]:
    """Every chain of these faces: the shorter first, then the lexicographically smaller."""
    ahead = np.array([[_ahead(one, other) for other in met] for one in met])
    meets = ahead & ahead.T
    shell: list[tuple[int, ...]] = [()]
    yield ()
    for length in range(1, order + 1):
        grown = []
        for chain in shell:
            for face in range(len(met)):
                if chain and not meets[chain[-1], face]:
                    continue
                longer = (*chain, face)
                pieces = sum(met[one].owner != AIR for one in longer)
                if pieces > 1 or (pieces and length > WITH_FURNITURE):
                    continue
                grown.append(longer)
        shell = grown
        yield from shell


def _ahead(face: Face, other: Face) -> bool:
    """Whether some of another face lies in front of a face: else no sound goes from one to the other."""
    return bool(((other.corners_m - face.corners_m[0]) @ face.normal).max() > SAME_M)

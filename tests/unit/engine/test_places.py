"""Places: pairs of legs that end in the same two images are chosen together, or not at all."""

import numpy as np

from usim.engine.places import firsts, together, told_apart
from usim.engine.selection import Chosen

PLACES = np.array([0, 1, 2, 1, 3, 2, 2])


def test_energies_of_pairs_of_places_are_sums():
    energy = np.random.default_rng(3).random((4, 7, 7)).astype(np.float32)
    found = together(energy, PLACES)
    assert found.shape == (4, 4, 4)
    for i, j in np.ndindex(4, 4):
        want = energy[:, i == PLACES][:, :, j == PLACES].sum(axis=(1, 2))
        np.testing.assert_allclose(found[:, i, j], want, rtol=1e-6)
    assert together(energy, None) is energy


def test_a_pair_of_places_stands_for_all_its_pairs_of_legs():
    energy = np.ones((2, 7, 7))
    energy[:, 3, 0] = 0.0  # never heard
    energy[0, 6, 0] = 0.0  # at times
    chosen = Chosen(np.array([[1, 0, -1], [2, 0, 5], [0, 3, -1]]), np.array([1.0, 2.0, 3.0], np.float32), np.array([0, 1, 0]), 0.9)  # fmt: skip
    found = told_apart(chosen, energy, PLACES)
    assert found.pairs.tolist() == [[1, 0, -1], [2, 0, 5], [5, 0, 5], [6, 0, 5], [0, 4, -1]]
    assert found.weight.tolist() == [1.0, 2.0, 2.0, 2.0, 3.0]
    assert found.group.tolist() == [0, 1, 1, 1, 0]
    assert found.share == chosen.share
    assert told_apart(chosen, energy, None) is chosen


def test_the_first_leg_stands_for_its_place():
    assert firsts(PLACES).tolist() == [0, 1, 2, 4]

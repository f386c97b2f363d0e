"""Films: smooth through their frames, still where frames are, at rest at both ends."""

import numpy as np

from usim.activities._film import STEP_S, film
from usim.activities.base import JOINTS


def _frames(way):
    made = np.zeros((len(way), len(JOINTS), 3))
    made[:, 5, 1] = way
    return made


def test_it_follows_smooth_frames():
    """Set-up: a bump of 0.4 s. Expected: between frames within 0.1 mm, which is its fourth-order error."""
    t_s = np.arange(0.0, 0.4 + STEP_S / 2.0, STEP_S)

    def way(t):
        u = np.clip(t / 0.4, 0.0, 1.0)
        return 0.3 * (u * (1.0 - u)) ** 4 * 256.0

    made = film(_frames(way(t_s)))
    fine = np.linspace(-0.1, 0.6, 1401)
    found = made.at(fine)[:, 5, 1]
    assert np.abs(found - way(fine - 2.0 * STEP_S)).max() < 1e-4
    assert np.all(made.at(fine)[:, 4] == 0.0)


def test_it_stands_exactly_where_frames_do():
    way = np.concatenate([np.zeros(10), np.linspace(0.0, 1.0, 30), np.full(20, 1.0)])
    made = film(_frames(way))
    t_s = np.linspace(made.duration_s - 15 * STEP_S, made.duration_s + 1.0, 300)
    assert np.abs(made.at(t_s)[:, 5, 1] - 1.0).max() < 1e-15
    assert np.array_equal(made.at(np.array([-3.0])), made.at(np.array([0.0])))


def test_one_frame_is_a_film():
    made = film(_frames(np.array([0.7])))
    assert made.duration_s > 0.0
    assert np.abs(made.at(np.linspace(0.0, 1.0, 7))[:, 5, 1] - 0.7).max() < 1e-15


def test_it_is_twice_differentiable():
    """Set-up: frames with a corner. Expected: the acceleration is continuous."""
    way = np.concatenate([np.zeros(10), np.arange(20) * 0.01])
    made = film(_frames(way))
    t_s = np.linspace(0.05, 0.2, 3001)
    bend = np.diff(made.at(t_s)[:, 5, 1], 2) / np.diff(t_s)[0] ** 2
    between = np.diff(t_s)[0] / STEP_S
    assert np.abs(np.diff(bend)).max() < 1.5 * between * np.abs(bend).max()

"""Grids of time: fine enough, whole numbers of everything, and a function of absolute time alone."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tumblers import Tumblers

from usim.engine import motion
from usim.engine.motion import SAMPLES, SEGMENT_S, STEPS_MS, USABLE, grids, segments
from usim.engine.orbits import flat_grid
from usim.movers.base import Piece, Poses
from usim.scene.template import load

DEVICE = np.array([0.3, 2.0, 0.85])
C = 344.0


class Flier:
    """One or two ellipsoids on any way."""

    def __init__(self, *ways, size=(0.1, 0.1, 0.1), spin=0.0):
        self.ways, self.spin = ways, spin
        self.pieces = [Piece("piece", "ellipsoid", size, None) for _ in ways]

    def at(self, t_s):
        t_s = np.asarray(t_s, float)
        place = np.stack([way(t_s) for way in self.ways], axis=1)
        c, s, o, i = np.cos(self.spin * t_s), np.sin(self.spin * t_s), 0 * t_s, 0 * t_s + 1
        turned = np.stack([np.stack([c, -s, o], -1), np.stack([s, c, o], -1), np.stack([o, o, i], -1)], -2)  # fmt: skip
        return Poses(place, np.repeat(turned[:, None], len(self.ways), axis=1))


def line(speed):
    return lambda t: np.array([3.0, 2.0, 1.0]) + np.multiply.outer(t, [speed, 0.0, 0.0])


def swing(amplitude, hz):
    return lambda t: np.array([3.0, 2.0, 1.0]) + np.multiply.outer(amplitude * np.sin(2 * np.pi * hz * t), [1, 0, 0])  # fmt: skip


def test_segments_cover_a_window():
    for start, end in [(0.0, 0.01), (0.0, 1.152), (1.151, 1.153), (-0.1, 9.99), (5.0, 5.0)]:
        found = segments(start, end)
        assert motion.segment_start_s(found.start) <= start + 1e-9
        assert motion.segment_start_s(found.stop) >= end - 1e-9


@pytest.mark.parametrize("speed", [0.0, 0.3, 1.4, 3.0, 10.0, 40.0])
@pytest.mark.parametrize("carrier_hz", [20e3, 40e3])
def test_a_grid_holds_the_doppler(speed, carrier_hz):
    """Whatever the step: also of a ball that flies straight, whose way any step would follow."""
    (grid,) = grids(Flier(line(-speed)), 0, DEVICE, carrier_hz, C)
    assert grid.step_ms in STEPS_MS
    assert grid.samples in SAMPLES
    assert grid.rate_hz * grid.step_ms == grid.samples * 1000
    if 2 * speed * carrier_hz / (C - speed) <= USABLE * 32000:
        assert grid.rate_hz * USABLE >= 2 * speed * carrier_hz / (C - speed)
    assert grid.epochs * grid.blocks * grid.step_s == pytest.approx(SEGMENT_S)
    assert grid.fade * grid.step_s == pytest.approx(motion.FADE_S)


@pytest.mark.parametrize(("amplitude", "hz"), [(0.02, 1.0), (0.2, 1.0), (0.3, 2.0), (0.05, 6.0)])
def test_the_way_is_followed_to_1e_4_rad(amplitude, hz):
    """The twin of the bound: the largest error of a cubic Hermite polynomial through the knots, there and back, in rad."""
    way = swing(amplitude, hz)
    (grid,) = grids(Flier(way), 0, DEVICE, 32500.0, C)
    t = np.arange(-0.2, 1.5, grid.step_s)
    x = way(t)[:, 0]
    slope = np.gradient(way(np.arange(-0.2, 1.5, 1e-5))[:, 0], 1e-5)[:: round(grid.step_s / 1e-5)][: len(t)]  # fmt: skip
    half = (x[:-1] + x[1:]) / 2 + (slope[:-1] - slope[1:]) * grid.step_s / 8
    error = np.abs(half - way(t[:-1] + grid.step_s / 2)[:, 0])[2:-2].max()
    assert 2 * error * 2 * np.pi * 32500.0 / C <= 1e-4 * 1.05 or grid.step_ms == STEPS_MS[-1]


def test_a_limb_that_rests_is_sampled_slowly():
    quick, slow = grids(Flier(swing(0.3, 3.0), swing(0.0, 1.0)), 2, DEVICE, 32500.0, C)
    assert quick.step_ms < slow.step_ms == STEPS_MS[0]


def test_a_ball_that_spins_does_not_move():
    still, spun = (grids(Flier(line(0.1), spin=w), 0, DEVICE, 32500.0, C) for w in (0.0, 50.0))
    assert still == spun
    (flat,) = grids(Flier(line(0.1), size=(0.2, 0.05, 0.05), spin=20.0), 0, DEVICE, 32500.0, C)
    assert flat.step_ms < still[0].step_ms


def test_pieces_do_not_depend_on_each_other():
    scene = load("sixteen_tumblers").sample()
    together = grids(Tumblers(scene.movers), 3, DEVICE, 32500.0, C)
    alone = [grids(m, 3, DEVICE, 32500.0, C)[0] for m in scene.movers]
    assert together == alone


def test_least_rate():
    (grid,) = grids(Flier(line(0.0)), 0, DEVICE, 32500.0, C, least_hz=2000)
    assert grid.rate_hz >= 2000


@pytest.fixture
def crowd():
    """Poses of two ellipsoids and a ball on the probe's times: place, rotation, sizes."""
    t = motion.PROBE_S * np.arange(200)
    turning = Rotation.from_rotvec(np.outer(5 * t + 9 * t * t, [0.2, -0.5, 0.8])).as_matrix()
    wave = np.stack([np.sin(3 * t), 0.2 * np.cos(9 * t), t * t], axis=1)
    place = [2.0, 1.0, 0.5] + np.stack([wave, 2 * wave, 0.3 * wave], axis=1)
    sizes = np.array([[0.1, 0.2, 0.3], [0.05, 0.2, 0.1], [0.2, 0.2, 0.2]])
    return place, np.stack([turning, turning.transpose(0, 2, 1), turning], axis=1), sizes


def moved(track):
    return np.linalg.norm(track.reshape(*track.shape[:2], -1), axis=-1)


def test_rates(crowd):
    """Differences of whole arrays, and norms; the ball's turning does not count."""
    place, rotation, sizes = crowd
    found = np.empty((4, 3))
    motion._rates(place, rotation, sizes, DEVICE, found)
    speed = moved(np.diff(place, axis=0)) / motion.PROBE_S
    turned = np.diff(rotation, axis=0) * [[[1.0]], [[1.0]], [[0.0]]] / motion.PROBE_S
    near = np.maximum(np.linalg.norm(place[1:] - DEVICE, axis=-1) - sizes.max(axis=1), 0.05)
    shape = moved(turned * sizes[:, None, :])
    wanted = [speed + shape, moved(turned) / np.sqrt(2), speed**4 / near**3, speed / near]
    np.testing.assert_allclose(found, np.max(wanted, axis=1), rtol=1e-12)


@pytest.mark.parametrize("step", [1, 2, 4, 16])
def test_fourth_differences(crowd, step):
    place, rotation, sizes = crowd
    found = np.empty(2)
    motion._fourth(place, rotation, sizes, np.array([0, 2]), step, found)
    shape = rotation * sizes[:, None, :] * [[[1.0]], [[1.0]], [[0.0]]]
    weights = [1, -4, 6, -4, 1]
    last = len(place) - 4 * step
    fourth = [
        moved(sum(w * x[n * step :][:last] for n, w in enumerate(weights)))[:: max(step // 4, 1)]
        for x in (place, shape)
    ]
    wanted = fourth[0].max(axis=0) + fourth[1].max(axis=0)
    np.testing.assert_allclose(found, wanted[[0, 2]], rtol=1e-9)


def test_flat_pieces_have_a_grid_of_their_own():
    """It divides a segment, its epochs abut, and its rate holds the fastest corner's Doppler."""
    for speed in (0.5, 5.0, 13.0, 25.0, 40.0):
        grid = flat_grid(speed, 33000.0, C)
        assert grid.epochs * grid.blocks * grid.step_s == pytest.approx(SEGMENT_S, abs=1e-12)
        assert grid.fade == 0
        assert 2.0 * speed * 33000.0 / (C - speed) <= USABLE * grid.rate_hz
    assert flat_grid(0.5, 33000.0, C, 16000.0).rate_hz == 16000
    mover = load("fan_only").sample().movers[0]
    found = grids(mover, 0, DEVICE, 33000.0, C)
    assert [grid is None for grid in found] == [piece.is_flat for piece in mover.pieces]

"""Truth: speeds, ranges and labels against the movers themselves, computed in another way."""

import dataclasses
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import usim
from usim.engine import telling
from usim.movers.base import AbstractMover, Piece, Poses
from usim.surfaces.base import surface

HALF_S = 1e-4


class Turning(AbstractMover):
    """A person of pelvis and arms that turns at `rate` (rad/s) on the spot and goes at `speed` (m/s)."""

    label = "person"
    story_s = (-np.inf, np.inf)
    moments_s = np.zeros(0)

    def __init__(self, rate, speed=0.0, swell_m=0.0):
        self.name, self.rate, self.speed, self.swell_m = "one", rate, speed, swell_m
        skin = surface("skin")
        self.pieces = (
            Piece("pelvis", "ellipsoid", (0.10, 0.17, 0.12), skin),
            Piece("arms", "ellipsoid", (0.06, 0.45, 0.06), skin),
        )

    def at(self, t_s):
        turn, zero = self.rate * t_s, 0.0 * t_s
        cos, sin = np.cos(turn), np.sin(turn)
        rows = [[cos, -sin, zero], [sin, cos, zero], [zero, zero, zero + 1.0]]
        axes = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
        place = np.stack([2.0 + self.speed * t_s, zero + 2.0, zero + 1.0], axis=-1)
        swell = np.repeat(self.swell_m * np.sin(2 * np.pi * t_s)[:, None, None], 2, axis=1)
        return Poses(
            np.repeat(place[:, None], 2, axis=1),
            np.repeat(axes[:, None], 2, axis=1),
            np.broadcast_to(swell, (len(t_s), 2, 3)),
        )


class Nowhere:
    def contains(self, points, margin_m=0.0):
        return np.ones(np.shape(points)[:-1], bool)


def labels(mover, duration_s=2.0):
    track = telling._labels(SimpleNamespace(movers=[mover], room=Nowhere()), 0.0, duration_s)
    return [row.label for row in track.of(mover.name)]


def test_who_turns_on_the_spot_is_minor():
    """Why: `major` is told by where the pelvis goes; its hips may move at 0.5 m/s as it turns."""
    assert labels(Turning(rate=3.0)) == ["minor"]
    assert labels(Turning(rate=3.0, speed=0.3)) == ["major"]


def test_a_part_is_a_surface_whose_ends_move():
    """0.45 m of arms at 0.1 rad/s: middles rest, ends move at 0.045 m/s, below minor; at 0.12 above."""
    assert labels(Turning(rate=0.10)) == ["still"]
    assert labels(Turning(rate=0.12)) == ["minor"]


def test_who_breathes_is_still():
    """A chest that goes out and in at 0.3 m/s at most is no motion of a part."""
    assert labels(Turning(rate=0.0, swell_m=0.05)) == ["still"]


def test_fastest_point_of_a_part_is_found():
    """Against points all over the surface: exact for what only turns or only goes, else a bound."""
    t_s = np.array([0.1, 0.7, 1.3])
    for mover, slack in ((Turning(2.0), 0.0), (Turning(0.0, 0.4), 0.0), (Turning(2.0, 0.4), 0.4)):
        through, fastest = telling.part_speeds(mover, t_s)
        angle = np.linspace(0.0, 2.0 * np.pi, 2001)
        for number, piece in enumerate(mover.pieces):
            ring = np.stack([np.cos(angle), np.sin(angle), 0.0 * angle]).T * piece.size_m
            now = [mover.at(t_s + s * HALF_S) for s in (1, -1)]
            there = [np.einsum("tij,nj->tni", one.rotation[:, number], ring) + one.position_m[:, number, None] for one in now]  # fmt: skip
            speed = np.linalg.norm(there[0] - there[1], axis=-1).max(axis=1) / (2.0 * HALF_S)
            assert (fastest[:, number] > speed - 1e-4).all()
            assert fastest[:, number] == pytest.approx(speed, abs=slack + 1e-3)
            assert through[:, number] == pytest.approx(mover.speed)


@pytest.mark.parametrize("name", ["walk_past", "seated", "there_and_back"])
def test_labels_of_a_scene_follow_its_routine(name):
    """Rows of the room never overlap, cover the whole time, and are what the person does."""
    scene = usim.load(name).sample(seed=3)
    track = telling._labels(scene, 0.0, scene.duration_s)
    room = [row for row in track.of("") if row.label != "presence"]
    assert room[0].onset_s == 0.0
    assert room[-1].offset_s == scene.duration_s
    assert all(one.offset_s == next_.onset_s for one, next_ in itertools.pairwise(room))
    assert [(r.onset_s, r.offset_s) for r in track.of("") if r.label == "presence"] == [(0.0, scene.duration_s)]  # fmt: skip
    told = [row.label for row in room]
    walk = ["still", "minor", "major", "minor", "still"]
    expected = {
        "seated": ["still"],
        "walk_past": walk,
        "there_and_back": [*walk, "minor", "major", "minor", "still"],
    }
    assert told == expected[name]


def nearest_m(pose, number, piece, device_m):
    """The nearest point of an ellipsoid, by Newton on the multiplier of |x| = 1: distances (time,)."""
    size = np.array(piece.size_m) + (0.0 if pose.swell_m is None else pose.swell_m[:, number])
    away = device_m - pose.position_m[:, number]
    own = np.einsum("tij,ti->tj", pose.rotation[:, number], away)
    low, high = np.zeros((len(own), 1)), np.linalg.norm(own, axis=1, keepdims=True)
    for _ in range(60):
        push = (low + high) / 2.0
        outside = ((own * size / (size**2 + push)) ** 2).sum(axis=1, keepdims=True) > 1.0
        low, high = np.where(outside, push, low), np.where(outside, high, push)
    point = own * size**2 / (size**2 + push)
    return np.linalg.norm(own - point, axis=1)


def test_range_and_radial_velocity_of_a_walker_are_right():
    """Why: every label of a corpus hangs on them. Set-up: walk_past as rendered, quality draft, the
    window 1 to 3.2 s, told on the recording's own clock like its labels; the nearest point of pelvis and foot from `at(t)` by bisection, its rate by differences.
    Expected: range to 4 mm, radial velocity to 3 cm/s; every limb has its name; the loudest part is
    the trunk; levels and echo over noise grow as the walker comes nearer.
    """
    scene = usim.load("walk_past").sample(seed=0)
    truth = usim.simulate(scene, quality="draft", window=(1.0, 3.2)).truth
    mover, device = scene.movers[0], scene.devices[0]
    names = [piece.name for piece in mover.pieces]
    assert truth.pieces == tuple(f"adult.{name}" for name in names)
    assert truth.t_s == pytest.approx(0.005 + 0.01 * np.arange(220))
    clock = 1.0 + truth.t_s
    for name in ("pelvis", "foot_left", "foot_right", "head"):
        number = names.index(name)
        there = nearest_m(mover.at(clock), number, mover.pieces[number], device.position_m)
        later, before = (nearest_m(mover.at(clock + s), number, mover.pieces[number], device.position_m) for s in (HALF_S, -HALF_S))  # fmt: skip
        rate = (later - before) / (2.0 * HALF_S)
        assert truth.range_m[:, number] == pytest.approx(there, abs=4e-3)
        assert truth.radial_velocity_m_s[:, number] == pytest.approx(rate, abs=0.03)
        assert np.ptp(rate) > 0.1
        assert truth.position_m[:, number] == pytest.approx(mover.at(clock).position_m[:, number])
    level = truth.echo_level_db_spl
    assert level.shape == truth.range_m.shape
    assert np.isfinite(level).all()
    loudest = {names[i] for i in np.argsort(-np.median(level, axis=0))[:3]}
    assert loudest & {"thorax", "abdomen", "pelvis"}
    total = 10.0 * np.log10((10.0 ** (level / 10.0)).sum(axis=1))
    assert total[-20:].mean() > total[:20].mean() + 2.0
    ratio = truth.echo_to_noise_db[:, 0]
    assert len(ratio) == len(truth.frame_t_s)
    assert truth.frame_t_s == pytest.approx(0.064 * (1 + np.arange(len(ratio))))
    assert ratio[-4:].mean() > ratio[:4].mean() + 3.0
    assert max(row.offset_s for row in truth.labels) == pytest.approx(2.2)


def test_cloth_is_as_loud_as_its_mirror_and_its_glints_together():
    """Level of the same body in denim and bare: 20 lg of the ratio of what denim reflects, scattered or not, to what the bare surface mirrors."""
    scene = usim.load("walk_past").sample(seed=0)
    paths = usim.trace(scene, quality="draft", window=(1.0, 1.1))
    mover, times = scene.movers[0], np.array([1.0, 1.5])

    def levels(name):
        pieces = tuple(dataclasses.replace(piece, surface=surface(name)) for piece in mover.pieces)
        dressed = SimpleNamespace(at=mover.at, pieces=pieces)
        return telling._levels(paths, scene.devices[0].unit, dressed, times)

    f_hz, denim = paths.bands[0].carrier_hz, surface("denim")
    assert denim.wrinkle_rms_m > 0
    energy = denim.energy(1.0, f_hz, scene.air)
    bare = abs(surface("smooth_rigid").reflection(1.0, f_hz, scene.air)) ** 2
    expected = 10 * np.log10((energy.mirror + energy.scattered) / bare)
    np.testing.assert_allclose(levels("denim") - levels("smooth_rigid"), expected, atol=1e-3)
    mirror = 10 * np.log10(energy.mirror / bare)
    assert expected > mirror + 0.5

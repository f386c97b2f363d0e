"""Taps of the tail: late by their own path, and drawn from room and place alone."""

import dataclasses

import numpy as np
import pytest

from usim.emissions.base import AbstractEmission
from usim.engine import tail
from usim.engine.session import session
from usim.engine.simulate import simulate, trace
from usim.engine.tail import Tail, tail_of, taps_heard
from usim.scene import load

C = 344.0


class Ramp(AbstractEmission):
    """On from 0.1 s within 20 ms, off from 0.3 s within 40 ms."""

    carriers_hz = np.array([32000.0])
    level_db_spl = 80.0
    steady = False

    def envelope(self, t_s):
        t = np.asarray(t_s, float)
        on = np.clip((t - 0.1) / 0.02, 0.0, 1.0) * np.clip((0.34 - t) / 0.04, 0.0, 1.0)
        return (0.5 - 0.5 * np.cos(np.pi * on))[None]

    def changes(self):
        return ((0.0, False), (0.1, True))


def taps(count=40, drivers=2, mics=3, seed=4) -> Tail:
    rng = np.random.default_rng(seed)
    path = rng.uniform(1.0, 40.0, (drivers, mics, count))
    return Tail(path, rng.uniform(-1, 1, (drivers, count)), rng.uniform(-1, 1, (mics, count)), np.ones((1, drivers, mics, count), complex), np.array([32000.0]), path[0, 0], np.ones(count), np.ones((1, count)), C, "here")  # fmt: skip


@pytest.mark.parametrize("rate", [2000, 4000, 16000])
def test_taps_are_late_by_their_own_path(rate):
    found, rng = taps(), np.random.default_rng(8)
    gains = rng.standard_normal((1, 2, 3, 40)) + 1j * rng.standard_normal((1, 2, 3, 40))
    start, count = round(0.08 * rate), round(0.4 * rate)
    got = taps_heard(found, gains, Ramp(), start, count, rate)
    times = (start + np.arange(count)) / rate
    want = np.einsum("cdmt,dmtn->cdmn", gains, Ramp().envelope(times - found.path_m[..., None] / C)[0])  # fmt: skip
    assert np.abs(got - want).max() < 1e-3 * np.abs(want).max()
    for first, many in ((3, 50), (200, 317), (count - 9, 9)):
        part = taps_heard(found, gains, Ramp(), start + first, many, rate)
        assert np.array_equal(part, got[..., first : first + many])


@pytest.fixture(scope="module")
def scene():
    return load("walk_around").sample()


def test_a_tail_depends_on_room_and_place_alone(scene):
    device = scene.devices[0]
    carriers = np.array(device.emission.carriers_hz)
    one = tail_of(scene, device, carriers, 3)
    tail._tail.cache_clear()
    other = dataclasses.replace(scene, seed=scene.seed + 1, movers=())
    again = tail_of(other, device, carriers, 3)
    assert again is not one
    assert np.array_equal(one.loss, again.loss)
    moved = dataclasses.replace(device, position_m=device.position_m + [0.0, 0.01, 0.0])
    assert not np.array_equal(one.length_m[:50], tail_of(scene, moved, carriers, 3).length_m[:50])


def test_noise_meets_the_same_tail(scene):
    """But for the clock's jitter, which is noise."""
    static = [
        simulate(scene, "draft", (0.0, 0.05), keep=("stems",), noise_seed=n).truth.stems["static"]
        for n in (0, 1)
    ]
    assert np.abs(static[0] - static[1]).max() < 1e-3 * np.abs(static[0]).max()


def test_a_room_that_takes_everything_has_no_tail(scene):
    class Nothing:
        def energy(self, cosine, f_hz, air):
            shares = np.zeros((4, *np.shape(cosine)))
            shares[2] = 1.0
            return type(scene.room.walls[0].surface.energy(0.5, 32e3, air))(*shares)

    walls = tuple(dataclasses.replace(wall, surface=Nothing()) for wall in scene.room.walls)
    bare = dataclasses.replace(scene.room, walls=walls)
    empty = dataclasses.replace(scene, room=bare, furniture=())
    assert tail_of(empty, scene.devices[0], np.array([32000.0]), 3) is None
    assert tail_of(scene, scene.devices[0], np.zeros(0), 3) is None


def test_off_means_off(scene):
    assert trace(scene, "draft", (0.0, 0.05), tail=False).tail is None
    paths = trace(scene, "draft", (0.0, 0.05))
    assert paths.tail is not None
    assert paths.bytes["tail"] < 1e6


def test_blocks_under_command_do_not_matter():
    """A tone switched by command: the same samples whatever the length of the blocks, tail and detours included."""
    scene = load("sphere_passes").sample(seed=3, overrides=["duration_s=0.96", "render.quality=draft"])  # fmt: skip
    heard = []
    for block_s in (0.032, 0.096):
        run = session(scene, block_s, keep=("baseband",))
        made = []
        while run.block < run.blocks:
            if abs(run.t_s - 0.288) < 1e-9:
                run.command(on=False)
            if abs(run.t_s - 0.576) < 1e-9:
                run.command(on=True)
            made.append(run.step().baseband.samples)
        heard.append(np.concatenate(made, axis=2))
    assert np.array_equal(*heard)

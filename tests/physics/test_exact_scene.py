"""The judge on a shipped scene: real room, device, surfaces and mover."""

import dataclasses
import time

import numpy as np
import pytest

import usim
from usim.engine import exact


@pytest.fixture(scope="module")
def scene():
    return usim.load("sphere_passes").sample(1)


@pytest.fixture(scope="module")
def bare(scene):
    """The same in a bare box."""
    return dataclasses.replace(scene, furniture=())


def test_shipped_scene(figures, scene):
    """Why: the stand-ins of the other tests must not hide what real parts do.
    Set-up: the ball that passes a smart speaker, 50 ms, order 1, all microphones; poses asked and followed.
    Expected: echoes on every microphone, well below the direct path; both kinds of poses agree within 1e-9.
    """
    t = 2.4 + np.linspace(0.0, 0.05, 50)
    for mic in range(len(scene.devices[0].unit.mics_m)):
        static, ball = exact.tone_response(scene, 0, t, mic=mic, order=1, per="mover")
        assert np.ptp(np.abs(static)) < 1e-9 * np.abs(static).max()
        level = 20.0 * np.log10(np.abs(ball).max() / np.abs(static).max())
        assert -90.0 < level < -20.0
        fitted = exact.tone_response(scene, 0, t, mic=mic, order=1, static=False, poses="fit")
        assert np.abs(fitted - ball).max() < 1e-9 * np.abs(ball).max()


def test_doppler_of_a_shipped_scene(bare):
    """Why: the ball comes nearer until 2.5 s and leaves after: its line must change sides.
    Set-up: the direct echo alone, 4 ms at 1.5 s and at 3.25 s.
    Expected: the mean frequency is the received one but for the turning phase of the beam, positive, then negative.
    """
    one = {("ball", 0): np.zeros((1, 2, 3), dtype=int)}
    found = []
    for middle in (1.5, 3.25):
        t = middle + np.linspace(-0.002, 0.002, 33)
        f = bare.devices[0].emission.carriers_hz[0]
        response = exact.tone_response(bare, 0, t, pairs=one, static=False)
        slope = np.polyfit(t - middle, np.unwrap(np.angle(response)), 1)[0] / (2.0 * np.pi)
        block = next(exact.echoes(bare, f, [middle], pairs=one))
        assert slope == pytest.approx(f * (block.ratio[0, 0] - 1.0), abs=0.5)
        found.append(slope)
    assert found[0] > 20.0
    assert found[1] < -20.0


@pytest.mark.slow
def test_speed_of_all_pairs(figures, bare):
    """Why: slow on purpose, but 16 pieces x 50 ms must stay affordable for the tests that lean on it.
    Set-up: 63 x 63 pairs of one piece at 200 instants, one microphone, warm, processor time of one core.
    Expected: about 3 s; a failure only at 10 s, because other work on the machine counts into it.
    """
    t = 1.0 + np.linspace(0.0, 0.05, 200)
    for poses in ("at", "fit"):
        exact.tone_response(bare, 0, t[:1], poses=poses)
        start = time.process_time()
        exact.tone_response(bare, 0, t, poses=poses, static=False)
        spent = time.process_time() - start
        figures(f"exact: 3969 pairs x 200 instants, poses {poses}", spent, "s", "<= 3 wanted")
        assert spent < 10.0

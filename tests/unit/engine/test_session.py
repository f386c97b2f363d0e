"""A session: block by block the same samples as in one go, commands with their past, memory that does not grow."""

import tracemalloc

import numpy as np
import pytest

import usim
from usim.template.problem import InvalidInput


@pytest.fixture(scope="module")
def scene():
    return usim.load("sphere_passes").sample(
        seed=3, overrides=["duration_s=1.28", "render.quality=draft"]
    )


@pytest.fixture(scope="module")
def whole(scene):
    return usim.simulate(scene)


@pytest.mark.parametrize("block_s", [0.01, 0.064, 0.32])
def test_blocks_give_the_samples_of_one_recording(scene, whole, block_s):
    blocks = list(usim.session(scene, block_s))
    audio = np.concatenate([b.audio for b in blocks], axis=1)
    baseband = np.concatenate([b.baseband.samples for b in blocks], axis=2)
    assert np.array_equal(audio, whole.observation.audio[:, : audio.shape[1]])
    assert np.array_equal(baseband, whole.observation.baseband.samples[:, :, : baseband.shape[2]])


def test_a_tone_switched_off_rings_down_and_one_switched_on_comes_late(scene):
    """Off decays with the room's paths, not at once; on reaches the microphones after the direct path; levels are commanded in dB."""
    run = usim.session(scene, 0.02, keep=("baseband",))
    level = []
    for number in range(40):
        if number == 10:
            run.command(on=False)
        if number == 25:
            run.command(on=True, level_db_spl=run.scene.devices[0].emission.level_db_spl - 6.0)
        level.append(20 * np.log10(np.abs(run.step().baseband.samples).mean()))
    before, silent, after = np.mean(level[:10]), np.mean(level[20:25]), np.mean(level[30:])
    assert silent < before - 40.0
    assert silent < level[10] - 20.0  # the block of the command still holds what is on its way
    assert after == pytest.approx(before - 6.0, abs=0.2)
    assert np.all(np.abs(np.array(level[:10]) - before) < 1.0)


def test_memory_is_flat_in_duration(scene):
    run = usim.session(scene, 0.064, keep=("baseband",))
    run.scene.__dict__["duration_s"] = 1e6
    tracemalloc.start()
    for _ in range(40):  # two segments: what is held has been made since tracing began
        run.step()
    low = tracemalloc.get_traced_memory()[0]
    for _ in range(60):
        run.step()
    grown = tracemalloc.get_traced_memory()[0] - low
    tracemalloc.stop()
    assert grown < 2**21


def test_a_block_that_is_no_whole_number_of_samples_is_refused(scene):
    with pytest.raises(InvalidInput, match="no whole number of samples"):
        usim.session(scene, 0.0101234)

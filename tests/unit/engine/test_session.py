"""A session: block by block the same samples as in one go, commands with their past, memory that does not grow."""

import dataclasses
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

import usim
from usim.engine.commanded import HISTORY_S, RAMP_S, Commanded
from usim.template.problem import InvalidInput


@pytest.fixture(scope="module")
def scene():
    return usim.load("sphere_passes").sample(
        seed=3, overrides=["duration_s=1.28", "render.quality=draft"]
    )


@pytest.fixture(scope="module")
def whole(scene):
    return usim.simulate(scene)


@pytest.mark.parametrize("block_s", [0.01, 0.064, 1.0])
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


GATE = "{kind: tones, carriers_hz: [32500], level_db_spl: 72, start_s: 0.3, stop_s: 0.9}"
LATE = "{kind: tones, carriers_hz: [32700], level_db_spl: 72, start_s: 0.5}"


@pytest.fixture(scope="module")
def crowded():
    """Two devices with gated tones, clocks and jitter of their own, somebody who walks, and noise."""
    return usim.load("two_speakers").sample(
        seed=3,
        overrides=[
            "duration_s=1.28", "render.quality=draft", "movers.adult.start_s=0.0",
            f"devices.puck.emits={GATE}", f"devices.second.emits={LATE}",
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def crowded_whole(crowded):
    return usim.simulate(crowded, device="puck", keep=("audio", "baseband", "stems"))


@pytest.mark.parametrize("block_s", [0.01, 0.064, 1.0])
def test_blocks_of_a_crowded_scene_are_those_of_one_recording(crowded, crowded_whole, block_s):
    """Gated tones, another device, a walker, noises, clocks: nothing of it knows where a block ends."""
    blocks = list(usim.session(crowded, block_s, device="puck"))
    audio = np.concatenate([b.audio for b in blocks], axis=1)
    baseband = np.concatenate([b.baseband.samples for b in blocks], axis=2)
    whole = crowded_whole.observation
    assert np.array_equal(audio, whole.audio[:, : audio.shape[1]])
    assert np.array_equal(baseband, whole.baseband.samples[:, :, : baseband.shape[2]])


def test_the_other_device_is_in_the_sum_of_stems(crowded, crowded_whole):
    stems = crowded_whole.truth.stems
    assert np.abs(stems["device.second"]).max() > 0.0
    audio = crowded_whole.observation.audio / 2.0**23
    assert np.abs(sum(stems.values()) - audio).max() < 2.0 * 2.0**-23


@pytest.mark.parametrize("latency_s", [0.0, 0.03])
def test_a_command_is_the_scene_that_says_so(scene, latency_s):
    """Told off after block 9 of 20 ms: what is heard is the scene whose tone stops then, later by the output's latency."""
    stop = 0.2 + latency_s + RAMP_S
    tone = {"start_s": None, "stop_s": stop, "ramp_s": RAMP_S, "steady": False}
    device = scene.devices[0]
    ends = dataclasses.replace(device, emission=dataclasses.replace(device.emission, **tone))
    told = dataclasses.replace(scene, devices=(ends,))
    want = usim.simulate(told, keep=("baseband",), window=(0.0, 0.4)).observation.baseband.samples
    run = usim.session(scene, 0.02, keep=("baseband",))
    run._converter = run._converter.model_copy(update={"output_latency_s": latency_s})
    got = []
    for number in range(20):
        if number == 10:
            run.command(on=False)
        got.append(run.step().baseband.samples)
    got = np.concatenate(got, axis=2)
    if latency_s:
        assert np.array_equal(got, want)
    else:  # filters reach 9 ms ahead: what was heard before the command did not know of it
        error = np.abs(got - want)
        assert error.max() <= 10 ** (-90.0 / 20.0) * np.abs(want).max()
        assert not error[:, :, int(0.21 * 2000) :].any()
    assert np.abs(want[:, :, -1]).max() < 0.01 * np.abs(want[:, :, 0]).max()


def test_commands_within_the_latency_take_over_from_each_other(scene):
    own = scene.devices[0].emission
    told = Commanded(own).told(1.0, 0.5, now_s=0.9).told(1.2, 0.0, now_s=1.1)
    t = np.array([0.99, 1.1, 1.3])
    assert told.envelope(t)[0] == pytest.approx([1.0, 0.5, 0.0])
    assert told.told(1.2, 2.0, now_s=1.1).envelope(t)[0] == pytest.approx([1.0, 0.5, 2.0])
    later = told.told(1.3 + HISTORY_S, 1.0, now_s=1.25 + HISTORY_S)
    assert len(later.steps) == 2  # the first is forgotten, the last that took over is not
    assert later.envelope(np.array([1.3]))[0] == pytest.approx([0.0])


def held_bytes(run) -> int:
    """Return what a session holds of echoes and noise, its own and other devices', in bytes."""
    sums = [part for held in (run._held, *run._others._held) for part in held.sums.values()]
    echoes = sum(z.nbytes for one, _, _ in sums for z in one.values())
    chunks = [stem for chunk in run._noise.held.values() for stem in chunk.values()]
    return echoes + sum(stem.nbytes for stem in chunks)


def test_the_end_of_a_night_is_as_light_as_its_beginning_and_the_same_as_rendered():
    """Eight hours on, a session holds what it held at first, and its block is that of the recording there."""
    night = usim.load("two_speakers").sample(
        seed=3, overrides=["duration_s=28800", "render.quality=draft"]
    )
    run = usim.session(night, 0.064, device="puck")
    held = []
    for first in (0, run.blocks - 40):
        run.block = first
        most = 0
        for _ in range(20):
            last = run.step()
            most = max(most, held_bytes(run))
        held.append(most)
    assert held[1] <= 1.1 * held[0]
    end = run.t_s
    there = usim.simulate(night, device="puck", window=(end - 0.064, end), keep=("audio",))
    assert np.array_equal(last.audio, there.observation.audio)


@pytest.mark.full
def test_a_night_streams_in_less_than_a_gibibyte(figures):
    """Eight hours in blocks of 1 s, in a process of its own: the most memory it ever held.  Takes about 1.6 h."""
    code = (
        "import resource, usim\n"
        "night = usim.load('two_speakers').sample(seed=3, overrides=['duration_s=28800', 'render.quality=draft'])\n"
        "for block in usim.session(night, 1.0, device='puck'): pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    most = int(done.stdout) / 2**20
    figures("memory of a session of 8 h", most, "GiB", "<= 1")
    assert most <= 1.0

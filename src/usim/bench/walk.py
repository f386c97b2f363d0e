"""The workload `walk`: a dressed person who walks without a rest (scene `walk_around`), four microphones, one tone, order 3, quality `standard`, on one core.
The room is a bare box; `furnished` tells how much longer the same takes among the scene's furniture.

Headline figures are whole runs of what a user calls: `simulate` to the baseband in memory, and `simulate` to audio with `store.write` to FLAC
on disk.  `parts` are measured in the same turns, stage by stage, so that a slow moment of the machine hits all alike; but for `startup` they
add up to the FLAC run.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path

from usim.bench.machine import Row, fresh, one_core, peak_mib, spread, timed
from usim.bench.splicing import spliced
from usim.engine.hearing import NoiseWindow, heard
from usim.engine.noise import Noises
from usim.engine.simulate import simulate, trace
from usim.engine.waveform import encoded
from usim.physics.dsp import reach_samples
from usim.recording import audio, store
from usim.recording.recording import Recording
from usim.scene import load
from usim.scene.scene import Scene

SCENE = "walk_around"
WARM_UP_S = 0.3
FIRST_S = 0.05
STARTS = 3
PARTS = ("trace", "echo", "noise", "encode", "write")
_CHILD = "import sys; from usim.bench import walk; sys.stdout.write(f'{{walk.{call}}}\\n')"


def walk_scene(duration_s: float = 10.0) -> Scene:
    """Return the scene of the workload, a bare box of some duration in s: it walks on for twice ten seconds."""
    return dataclasses.replace(load(SCENE).sample(), duration_s=duration_s, furniture=())


def measured(runs: int, duration_s: float) -> Row:
    """Return the row of the workload: times real time, peak memory, the ratio to spliced impulse responses, parts in s."""
    scene = walk_scene(duration_s)
    with one_core(), tempfile.TemporaryDirectory() as folder:
        _rendered(scene, Path(folder) / "warm", (0.0, min(WARM_UP_S, duration_s)))
        turns = [_turn(scene, Path(folder) / f"turn_{n}") for n in range(runs)]
        starts = [fresh(_CHILD.format(call="first_sample()"))[0] for _ in range(min(runs, STARTS))]
        _, peak = fresh(_CHILD.format(call=f"peak({duration_s!r})"))
        furnished = dataclasses.replace(scene, furniture=load(SCENE).sample().furniture)
        simulate(furnished, window=(0.0, min(WARM_UP_S, duration_s)), keep=("baseband",))
        among = spread([_among(scene, furnished) for _ in range(runs)])
        rival = spliced(scene)
    baseband_s = spread([turn["baseband"] for turn in turns])
    flac_s = spread([turn["flac"] for turn in turns])
    own = baseband_s["median"] / duration_s
    return {
        "baseband_times_real_time": duration_s / baseband_s["median"],
        "flac_times_real_time": duration_s / flac_s["median"],
        "peak_mib": float(peak),
        "furnished": among["median"],
        "versus_pyroomacoustics": rival["seconds_per_second"] / own,
        "parts": {name: spread([turn[name] for turn in turns])["median"] for name in PARTS}
        | {"startup": spread(starts)["median"]},
        "spread": {
            "baseband_s": baseband_s,
            "baseband_processor_s": spread([turn["processor"] for turn in turns]),
            "flac_s": flac_s,
            "startup_s": spread(starts),
            "furnished": among,
        },
        "pyroomacoustics": rival,
        "counts": {
            "runs": runs,
            "cores": 1,
            "duration_s": duration_s,
            "movers": len(scene.movers),
            "pieces": len(scene.movers[0].pieces),
            "microphones": len(scene.devices[0].unit.mics_m),
            "baseband_rate_hz": scene.baseband_rate_hz,
        },
        "says": "a dressed person who walks without a rest; medians; one core, warm",
    }


def first_sample() -> float:
    """Return the first sample of the workload: what a fresh process is asked for to see how long a start takes."""
    recording = simulate(walk_scene(), window=(0.0, FIRST_S), keep=("baseband",))
    assert isinstance(recording, Recording)
    assert recording.observation.baseband is not None
    return float(abs(recording.observation.baseband.samples[0, 0, 0]))


def peak(duration_s: float) -> float:
    """Return the most memory, in MiB, that this process held, after both headline runs and nothing else."""
    scene = walk_scene(duration_s)
    simulate(scene, keep=("baseband",))
    with tempfile.TemporaryDirectory() as folder:
        _rendered(scene, Path(folder) / "whole")
    return peak_mib()


def _among(bare: Scene, furnished: Scene) -> float:
    """Return how many times as long the baseband takes in a furnished room, one after the other."""
    once, _ = timed(lambda: simulate(bare, keep=("baseband",)))
    again, _ = timed(lambda: simulate(furnished, keep=("baseband",)))
    return again / once


def _rendered(scene: Scene, folder: Path, window: tuple[float, float] | None = None) -> Recording:
    recording = simulate(scene, window=window, keep=("audio",))
    assert isinstance(recording, Recording)
    store.write(recording, folder, keep=("audio",))
    return recording


def _turn(scene: Scene, folder: Path) -> Row:
    """Return the seconds of both headline runs, then of the stages one by one."""
    took = {}
    worked_s = time.process_time()
    took["baseband"], _ = timed(lambda: simulate(scene, keep=("baseband",)))
    took["processor"] = time.process_time() - worked_s
    took["flac"], recording = timed(lambda: _rendered(scene, folder))

    took["trace"], paths = timed(lambda: trace(scene))
    unit = paths.device.unit
    converter = unit.converter.at(scene.render.rate_hz, scene.render.bits)
    rate, low = converter.rate_hz, paths.rate_hz
    reach = reach_samples(rate, low)
    count = paths.samples * rate // low

    def made() -> NoiseWindow:
        noise = NoiseWindow(Noises(scene, paths.device, 0, rate, paths.legs.maps))
        noise.stems(-reach, count + 2 * reach)  # held, so that `heard` finds it made
        return noise

    took["noise"], noise = timed(made)
    took["echo"], sound = timed(lambda: heard(paths, unit, converter, noise, baseband=False))
    dither_s, (codes, _) = timed(
        lambda: encoded(converter, sound.wave, sound.first, scene.seed, "bench.dither")
    )
    flac_s, _ = timed(lambda: audio.encode_flac(codes, rate, converter.bits))
    took["encode"] = dither_s + flac_s
    store_s, _ = timed(
        lambda: store.write(recording, folder.with_suffix(".again"), keep=("audio",))
    )
    took["write"] = max(store_s - flac_s, 0.0)  # the store encodes and writes
    return took

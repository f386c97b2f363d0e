"""What every workload that renders is asked for: how fast a scene becomes a baseband in memory and FLAC on disk, and in how much memory.

Headline figures are whole runs of what a user calls: `simulate` to the baseband in memory, and `simulate` to audio with `store.write` to FLAC
on disk.  `parts` are measured in the same turns, stage by stage, so that a slow moment of the machine hits all alike; but for `startup` they
add up to the FLAC run.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from usim.bench.machine import Row, fresh, one_core, peak_mib, spread, timed
from usim.engine.hearing import NoiseWindow, heard
from usim.engine.noise import Noises
from usim.engine.simulate import simulate, trace
from usim.engine.waveform import encoded
from usim.physics.dsp import reach_samples
from usim.recording import audio, store
from usim.recording.recording import Recording
from usim.scene.scene import Scene

WARM_UP_S = 0.3
FIRST_S = 0.05
STARTS = 3
PARTS = ("trace", "echo", "noise", "encode", "write")
_CHILD = """import sys
from usim.bench import rendering
from usim.bench.{module} import {name} as scene
sys.stdout.write(f"{{rendering.{call}}}\\n")"""


def rendered(scene: Scene, runs: int, made_by: tuple[str, str]) -> Row:
    """Return the row of a scene on one core, warm: times real time, peak memory in MiB, parts in s, spreads and counts.

    made_by: (module of usim.bench, function) that makes the scene of a duration in s, for the processes that are started afresh.
    """
    length_s = scene.duration_s
    with one_core(), tempfile.TemporaryDirectory() as folder:
        _kept(scene, Path(folder) / "warm", (0.0, min(WARM_UP_S, length_s)))
        turns = [_turn(scene, Path(folder) / f"turn_{n}") for n in range(runs)]
        module, name = made_by
        first = _CHILD.format(module=module, name=name, call="first_sample(scene())")
        whole = _CHILD.format(module=module, name=name, call=f"peak(scene({length_s!r}))")
        starts = [fresh(first)[0] for _ in range(min(runs, STARTS))]
        _, most = fresh(whole)
    baseband_s = spread([turn["baseband"] for turn in turns])
    flac_s = spread([turn["flac"] for turn in turns])
    startup_s = spread(starts)
    return {
        "baseband_times_real_time": length_s / baseband_s["median"],
        "flac_times_real_time": length_s / flac_s["median"],
        "peak_mib": float(most),
        "parts": {name: spread([turn[name] for turn in turns])["median"] for name in PARTS}
        | {"startup": startup_s["median"]},
        "spread": {
            "baseband_s": baseband_s,
            "baseband_processor_s": spread([turn["processor"] for turn in turns]),
            "flac_s": flac_s,
            "flac_processor_s": spread([turn["flac_processor"] for turn in turns]),
            "startup_s": startup_s,
        },
        "counts": {
            "runs": runs,
            "cores": 1,
            "duration_s": length_s,
            "movers": len(scene.movers),
            "pieces": sum(len(mover.pieces) for mover in scene.movers),
            "microphones": len(scene.devices[0].unit.mics_m),
            "baseband_rate_hz": scene.baseband_rate_hz,
        },
    }


def first_sample(scene: Scene) -> float:
    """Return the first sample of a workload: what a fresh process is asked for to see how long a start takes."""
    recording = simulate(scene, window=(0.0, FIRST_S), keep=("baseband",))
    assert isinstance(recording, Recording)
    assert recording.observation.baseband is not None
    return float(abs(recording.observation.baseband.samples[0, 0, 0]))


def peak(scene: Scene) -> float:
    """Return the most memory, in MiB, that this process held, after both headline runs and nothing else."""
    simulate(scene, keep=("baseband",))
    with tempfile.TemporaryDirectory() as folder:
        _kept(scene, Path(folder) / "whole")
    return peak_mib()


def _kept(scene: Scene, folder: Path, window: tuple[float, float] | None = None) -> Recording:
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
    worked_s = time.process_time()
    took["flac"], recording = timed(lambda: _kept(scene, folder))
    took["flac_processor"] = time.process_time() - worked_s

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

"""From a scene to recordings: `simulate` is `echo` of `trace`, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from usim.devices.unit import Unit
from usim.engine.hearing import NoiseWindow, heard
from usim.engine.noise import Noises
from usim.engine.overheard import Overheard
from usim.engine.paths import Paths, listening, quality_named, trace_device
from usim.engine.telling import told
from usim.engine.waveform import encoded
from usim.engine.wideband import swept
from usim.recording.observation import EmissionCommand, Observation
from usim.recording.recording import Metadata, Recording, versions
from usim.scene.scene import PlacedDevice, Scene
from usim.template import registry

KEPT = ("audio", "baseband", "stems", "truth", "plot")
DEFAULT_KEEP = ("audio", "baseband", "truth")


def simulate(
    scene: Scene,
    quality: str | None = None,
    window: tuple[float, float] | None = None,
    device: str | None = None,
    noise_seed: int = 0,
    keep: Iterable[str] = DEFAULT_KEEP,
    threads: int = 1,
    tail: bool = True,
) -> Recording | dict[str, Recording]:
    """Return the recording of the device that listens; a mapping from name to recording where several do and none is named.

    quality: draft, standard, fine or exact (the scene's own if None).  window: (start, end) in s, the whole scene if None.
    noise_seed: other noise over the same paths.  keep: any of `audio`, `baseband`, `stems`, `truth`.
    threads: pieces are shared out over them; the bytes do not depend on it.
    tail: with what arrives beside and after the mirror images, see `usim.engine.tail`.
    """
    names = [device] if device is not None else [d.name for d in scene.devices if d.listens]
    if not names:
        listening(scene)
    made = {}
    for name in names:
        paths = trace(scene, quality, window, name, threads, tail=tail)
        made[name] = echo(paths, noise_seed=noise_seed, keep=keep)
    return made if device is None and len(made) > 1 else made[names[0]]


def trace(
    scene: Scene,
    quality: str | None = None,
    window: tuple[float, float] | None = None,
    device: str | None = None,
    threads: int = 1,
    spread: bool = False,
    tail: bool = True,
) -> Paths:
    """Return the paths of one listening device over a window: the world half, the same for any noise, level and unit in its basis.

    spread: for every unit of the device's profile, at the cost of a few times the sums; else for the scene's own unit.
    tail: with what arrives beside and after the mirror images.
    """
    placed = listening(scene, device)
    word = quality or scene.render.quality
    start_s, end_s = window or (0.0, scene.duration_s)
    rate = scene.baseband_rate_hz
    start = round(start_s * rate)
    samples = max(round(end_s * rate) - start, 1)
    judged = word == "exact"
    found = quality_named("fine" if judged else word)
    own = trace_device(
        scene,
        placed,
        found,
        start,
        samples,
        threads,
        judged=judged,
        spread=spread,
        tail=tail,
        shaded=True,
    )
    others = Overheard(scene, placed, found, threads=threads, judged=judged, tail=tail)
    return replace(own, others=others.over(start, samples))


def echo(
    paths: Paths,
    unit: int | str | Unit | None = None,
    plays: None = None,
    noise_seed: int = 0,
    keep: Iterable[str] = DEFAULT_KEEP,
) -> Recording:
    """Return the recording of one unit over traced paths: the instrument half.

    unit: a serial number of the traced profile or a Unit (the scene's own if None).  plays: nothing yet.
    """
    if plays is not None:
        raise NotImplementedError("programmes come with a later version: plays must be None")
    scene, device, keep = paths.scene, paths.device, tuple(keep)
    one = (
        device.unit
        if unit is None
        else unit
        if isinstance(unit, Unit)
        else Unit(device.unit.profile, unit)
    )
    converter = one.converter.at(scene.render.rate_hz, scene.render.bits)
    noise = NoiseWindow(
        Noises(scene, replace(device, unit=one), noise_seed, converter.rate_hz, paths.legs.maps)
    )
    if paths.others and one != device.unit:  # another unit has ears of its own
        others = Overheard(
            scene, device, paths.quality, one, judged=paths.is_judged, tail=paths.tail is not None
        )
        paths = replace(paths, others=others.over(paths.start, paths.samples))
    told_of = {"truth", "stems", "plot"} & set(keep)
    got = heard(
        paths,
        one,
        converter,
        noise,
        noise_seed,
        "audio" in keep,
        "stems" in keep,
        bool(told_of) or "baseband" in keep,
    )
    audio = None
    clipped: tuple[int, ...] = ()
    if got.wave is not None:
        audio, clips = encoded(
            converter,
            got.wave,
            got.first,
            scene.seed,
            f"devices.{device.name}.dither.noise_{noise_seed}",
        )
        clipped = tuple(int(n) for n in clips)
    carriers = got.carriers_hz
    low = paths.rate_hz
    baseband = got.baseband(low)

    crowded = len(carriers) > 1 and np.diff(np.sort(carriers)).min() < low
    observation = Observation(
        device.unit.profile.name, converter.rate_hz, converter.bits, one.mics_m, audio,
        baseband if "baseband" in keep and not crowded else None, None, commands(device, paths.start / low),
    )  # fmt: skip
    truth = None
    if told_of:
        truth = told(paths, one, got, baseband if crowded and "baseband" in keep else None)
    metadata = Metadata(
        device.name,
        "nominal" if one.serial is None else one.serial,
        {"scene": scene.seed, "noise": noise_seed},
        {
            "quality": "exact" if paths.is_judged else paths.quality.name,
            "start_s": paths.start / low,
            "duration_s": paths.samples / low,
            "baseband_rate_hz": low,
            "pairs_missed": sum(e.missed for e in paths.echoes),
        },
        versions(),
        clipped,
        registry.kinds_hash(),
    )
    return Recording(observation, truth, metadata)


def commands(device: PlacedDevice, start_s: float = 0.0) -> tuple[EmissionCommand, ...]:
    """Return what the device was told to emit: on from the start, and the changes that its emission makes by itself.

    start_s: when the recording starts, to whose clock a sweep is told.
    """
    if device.emission is None:
        return ()
    tones = tuple(float(f) for f in device.emission.carriers_hz)
    level = float(device.emission.level_db_spl)
    if device.emission.steady:
        return (EmissionCommand(0.0, tones, level, True),)
    changes, sweep = device.emission.changes(), swept(device.emission, start_s)
    return tuple(EmissionCommand(t, tones, level, on, sweep) for t, on in changes)

"""From a scene to recordings: `simulate` is `echo` of `trace`, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from usim.devices.unit import Unit
from usim.engine import exact
from usim.engine.baseband import DIRECT, STATIC, envelopes
from usim.engine.noise import Noises
from usim.engine.paths import EDGE, FILTER_TAPS, Paths, listening, quality_named, trace_device
from usim.engine.telling import told
from usim.engine.waveform import NoiseWindow, encoded, noise_envelopes, noise_reach, on_carriers
from usim.recording.observation import Baseband, EmissionCommand, Observation
from usim.recording.recording import Metadata, Recording, versions
from usim.scene.scene import PlacedDevice, Scene
from usim.template import registry

KEPT = ("audio", "baseband", "stems", "truth", "plot")
DEFAULT_KEEP = ("audio", "baseband", "truth")
BEFORE = EDGE - FILTER_TAPS // 2  # envelope samples before the window


def simulate(
    scene: Scene,
    quality: str | None = None,
    window: tuple[float, float] | None = None,
    device: str | None = None,
    noise_seed: int = 0,
    keep: Iterable[str] = DEFAULT_KEEP,
    threads: int = 1,
) -> Recording | dict[str, Recording]:
    """Return the recording of the device that listens; a mapping from name to recording where several do and none is named.

    quality: draft, standard, fine or exact (the scene's own if None).  window: (start, end) in s, the whole scene if None.
    noise_seed: other noise over the same paths.  keep: any of `audio`, `baseband`, `stems`, `truth`.
    threads: pieces are shared out over them; the bytes do not depend on it.
    """
    names = [device] if device is not None else [d.name for d in scene.devices if d.listens]
    if not names:
        listening(scene)
    made = {}
    for name in names:
        paths = trace(scene, quality, window, name, threads)
        made[name] = echo(paths, noise_seed=noise_seed, keep=keep)
    return made if device is None and len(made) > 1 else made[names[0]]


def trace(
    scene: Scene,
    quality: str | None = None,
    window: tuple[float, float] | None = None,
    device: str | None = None,
    threads: int = 1,
) -> Paths:
    """Return the paths of one listening device over a window: the world half, the same for any noise, level and unit in its basis."""
    placed = listening(scene, device)
    word = quality or scene.render.quality
    start_s, end_s = window or (0.0, scene.duration_s)
    rate = scene.baseband_rate_hz
    start = round(start_s * rate)
    samples = max(round(end_s * rate) - start, 1)
    judged = word == "exact"
    return trace_device(scene, placed, quality_named("fine" if judged else word), start, samples, threads, judged=judged)


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
    one = device.unit if unit is None else unit if isinstance(unit, Unit) else Unit(device.unit.profile, unit)
    converter = one.converter.at(scene.render.rate_hz, scene.render.bits)
    rate, low = converter.rate_hz, paths.rate_hz
    first = round(paths.start * rate / low)
    count = round((paths.start + paths.samples) * rate / low) - first
    carriers = np.zeros(0) if device.emission is None else np.asarray(device.emission.carriers_hz, float)

    causes = judged_envelopes(paths, one) if paths.is_judged else envelopes(paths, one, noise_seed)
    reach = noise_reach(rate, low) if len(carriers) else 0
    noise = NoiseWindow(Noises(scene, _with_unit(device, one), noise_seed, rate)).stems(first - reach, count + 2 * reach)
    inside = {name: stem[:, reach : reach + count] for name, stem in noise.items()}

    baseband = None
    hum = np.zeros((len(one.mics_m), len(carriers), paths.samples), complex)
    if len(carriers):
        if noise:
            hum = noise_envelopes(noise, first - reach, carriers, rate, low, paths.start, paths.samples)
        tone = sum(causes.values())[:, :, BEFORE : BEFORE + paths.samples]
        baseband = Baseband((tone + hum).astype(np.complex64), low, carriers)

    audio, clipped, stems = None, (), {}
    if "stems" in keep:
        stems = {
            name: on_carriers(z, BEFORE, carriers, low, rate, first, count, paths.start) for name, z in causes.items()
        } | inside
    if "audio" in keep:
        if stems:
            wave = sum(np.asarray(stem, float) for stem in stems.values())
        else:
            wave = np.zeros((len(one.mics_m), count))
            if causes:
                wave += on_carriers(sum(causes.values()), BEFORE, carriers, low, rate, first, count, paths.start)
            for stem in inside.values():
                wave += stem
        audio, clips = encoded(converter, wave, first, scene.seed, f"devices.{device.name}.dither.noise_{noise_seed}")
        clipped = tuple(int(n) for n in clips)

    crowded = len(carriers) > 1 and np.diff(np.sort(carriers)).min() < low
    observation = Observation(
        device.unit.profile.name, rate, converter.bits, one.mics_m, audio,
        baseband if "baseband" in keep and not crowded else None, None, _commands(device),
    )  # fmt: skip
    truth = None
    if "truth" in keep or "stems" in keep:
        truth = told(paths, one, causes, hum, stems, baseband if crowded and "baseband" in keep else None)
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


def judged_envelopes(paths: Paths, unit: Unit) -> dict[str, np.ndarray]:
    """Return the same as `envelopes` by the exact renderer, sample by sample."""
    scene, names = paths.scene, [mover.name for mover in paths.scene.movers]
    number = [d.name for d in scene.devices].index(paths.device.name)
    samples = paths.samples + 2 * BEFORE
    times = (paths.start - BEFORE + np.arange(samples)) / paths.rate_hz
    shape = (len(unit.mics_m), len(paths.bands), samples)
    out = {name: np.zeros(shape, complex) for name in (DIRECT, STATIC, *(f"mover.{n}" for n in names))}
    for mic, row in np.ndindex(shape[:2]):
        parts = exact.tone_response(scene, row, times, device=number, mic=mic, unit=unit, per="mover", poses="fit")
        nearest = exact.tone_response(scene, row, times, device=number, mic=mic, unit=unit, order=0, movers=False)
        out[DIRECT][mic, row] = nearest
        out[STATIC][mic, row] = parts[0] - nearest
        for name, part in zip(names, parts[1:], strict=True):
            out[f"mover.{name}"][mic, row] = part
    return out


def _with_unit(device: PlacedDevice, unit: Unit) -> PlacedDevice:
    return PlacedDevice(device.name, unit, device.position_m, device.yaw_deg, device.listens, device.emission)


def _commands(device: PlacedDevice) -> tuple[EmissionCommand, ...]:
    """Return what the device was told to emit: on from the start, and the changes that its emission makes by itself."""
    if device.emission is None:
        return ()
    tones = tuple(float(f) for f in device.emission.carriers_hz)
    level = float(device.emission.level_db_spl)
    if device.emission.steady:
        return (EmissionCommand(0.0, tones, level, True),)
    changes = device.emission.changes()
    return tuple(EmissionCommand(t, tones, level, on) for t, on in changes)

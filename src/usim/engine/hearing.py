"""What the converter is handed: envelopes, noise and waveform of one unit over traced paths, for any window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.devices.converter import Converter
from usim.devices.unit import Unit
from usim.engine import exact
from usim.engine.baseband import DIRECT, STATIC, envelopes
from usim.engine.noise import Noises
from usim.engine.overheard import overheard
from usim.engine.paths import EDGE, FILTER_TAPS, Paths
from usim.engine.waveform import on_carriers
from usim.physics.dsp import off_carrier, reach_samples
from usim.recording.observation import Baseband
from usim.scene.covering import coverings
from usim.template.problem import InvalidInput, Problem

BEFORE = EDGE - FILTER_TAPS // 2  # envelope samples before the window


@dataclass(frozen=True)
class Heard:
    """A window at the converter's input, in full scale.

    causes: {stem: (mic, carrier, sample)} envelopes, BEFORE samples longer on either side; hum (mic, carrier, sample): noise and other
    devices in the baseband; stems: {stem: (mic, sample)} waveforms, where asked for; wave (mic, sample): their sum, or None; first: number of its
    first sample.
    """

    carriers_hz: np.ndarray
    causes: dict[str, np.ndarray]
    hum: np.ndarray
    stems: dict[str, np.ndarray]
    wave: np.ndarray | None
    first: int

    def baseband(self, rate_hz: int) -> Baseband | None:
        """Return the response to each carrier, noise in its band included; None for a device that does not sound."""
        if not len(self.carriers_hz):
            return None
        tone = _sum(self.causes)[:, :, BEFORE : BEFORE + self.hum.shape[2]]
        return Baseband((tone + self.hum).astype(np.complex64), rate_hz, self.carriers_hz)


def heard(
    paths: Paths,
    unit: Unit,
    converter: Converter,
    noise: NoiseWindow,
    noise_seed: int = 0,
    wave: bool = True,
    stems: bool = False,
    baseband: bool = True,
) -> Heard:
    """Return what one unit's converter is handed over the window of the paths.

    wave, stems, baseband: which parts are wanted; without `baseband` no noise is brought there, and `hum` is zero.
    """
    rate, low = converter.rate_hz, paths.rate_hz
    first = round(paths.start * rate / low)
    count = round((paths.start + paths.samples) * rate / low) - first
    carriers = (
        np.zeros(0)
        if paths.device.emission is None
        else np.asarray(paths.device.emission.carriers_hz, float)
    )
    causes = (
        judged_envelopes(paths, unit) if paths.is_judged else envelopes(paths, unit, noise_seed)
    )

    reach = reach_samples(rate, low) if len(carriers) else 0
    around = noise.stems(first - reach, count + 2 * reach)
    elsewhere = overheard(
        paths.others, paths.scene, converter, first - reach, count + 2 * reach, noise_seed
    )
    inside = {name: stem[:, reach : reach + count] for name, stem in (around | elsewhere).items()}
    hum = np.zeros((len(unit.mics_m), len(carriers), paths.samples), complex)
    if baseband and len(carriers) and around:
        # of one microphone at a time: a larger one would come from the system anew
        total = np.empty(count + 2 * reach, np.float32)
        one, *others = around.values()
        for mic, row in enumerate(hum):
            total[:] = one[mic]
            for stem in others:
                total += stem[mic]
            for f, part in zip(carriers, row, strict=True):
                part[:] = off_carrier(
                    total[None], float(f), rate, low, first - reach, paths.start, paths.samples
                )[0]
    if baseband and len(carriers):
        for stem in elsewhere.values():
            for number, f in enumerate(carriers):
                hum[:, number] += off_carrier(
                    stem, float(f), rate, low, first - reach, paths.start, paths.samples
                )

    def waveform(envelope: np.ndarray) -> np.ndarray:
        return on_carriers(envelope, BEFORE, carriers, low, rate, first, count, paths.start)

    apart = {name: waveform(z) for name, z in causes.items()} | inside if stems else {}
    whole = None
    if wave:
        whole = waveform(_sum(causes)) if causes else np.zeros((len(unit.mics_m), count))
        for stem in inside.values():
            whole += stem
    return Heard(carriers, causes, hum, apart, whole, first)


def _sum(causes: dict[str, np.ndarray]) -> np.ndarray:
    """Return the sum of all causes, in their order."""
    one, *others = causes.values()
    return sum(others, start=one)


def judged_envelopes(paths: Paths, unit: Unit) -> dict[str, np.ndarray]:
    """Return the same as `envelopes` by the exact renderer, sample by sample."""
    if paths.sounds is not None:
        raise InvalidInput(
            Problem(
                "the exact renderer takes gains at one frequency; render chirps, fmcw and pulses in another quality, "
                "or ask usim.engine.exact.waveform band by band",
                place="render.quality",
            )
        )
    scene, names = paths.scene, [mover.name for mover in paths.scene.movers]
    number = [d.name for d in scene.devices].index(paths.device.name)
    samples = paths.samples + 2 * BEFORE
    times = (paths.start - BEFORE + np.arange(samples)) / paths.rate_hz
    shape = (len(unit.mics_m), len(paths.bands), samples)
    out = {
        name: np.zeros(shape, complex) for name in (DIRECT, STATIC, *(f"mover.{n}" for n in names))
    }
    glints = {
        (mover.name, number): one
        for mover in scene.movers
        for number, one in enumerate(coverings(scene, mover))
    }
    for mic, row in np.ndindex(shape[:2]):
        parts = exact.tone_response(
            scene,
            row,
            times,
            device=number,
            mic=mic,
            unit=unit,
            glints=glints,
            per="mover",
            poses="fit",
            tail=None if paths.tail is None else paths.tail.rows(unit, mic, row),
            shadows=True,
        )
        nearest = exact.tone_response(
            scene, row, times, device=number, mic=mic, unit=unit, order=0, movers=False
        )
        out[DIRECT][mic, row] = nearest
        out[STATIC][mic, row] = parts[0] - nearest
        for name, part in zip(names, parts[1:], strict=True):
            out[f"mover.{name}"][mic, row] = part
    if paths.echoes:  # what movers do to the tail
        late = envelopes(paths, unit)
        for name in names:
            out[f"mover.{name}"] += late[f"mover.{name}"]
    return out


class NoiseWindow:
    """Noise stems of one device around a window, with the chunks in use held so that blocks do not make them twice."""

    def __init__(self, noises: Noises) -> None:
        self.noises = noises
        self.held: dict[int, dict[str, np.ndarray]] = {}

    def stems(self, first: int, count: int) -> dict[str, np.ndarray]:
        """Return {stem: (mic, count) float32} from sample number `first` on."""
        size = self.noises.grid.samples
        chunks = range(first // size, (first + count - 1) // size + 1)
        self.held = {k: v for k, v in self.held.items() if k in chunks}
        for chunk in chunks:
            if chunk not in self.held:
                self.held[chunk] = self.noises.chunk(chunk)
        offset = first - chunks.start * size
        return {
            name: np.concatenate([self.held[k][name] for k in chunks], axis=-1)[
                :, offset : offset + count
            ]
            for name in self.noises.names
        }

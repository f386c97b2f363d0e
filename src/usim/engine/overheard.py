"""What a device hears of the others: their tones over the room's walls and off its movers, each on its own carrier, by its own clock.

A device that sounds elsewhere is, to the one that listens, a set of drivers far away: its paths are formed by what forms a device's own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil

import numpy as np

from usim.devices.converter import Converter
from usim.devices.unit import Unit
from usim.engine import exact
from usim.engine.baseband import envelopes, white
from usim.engine.echoes import Held, needed_segments
from usim.engine.paths import EDGE, FILTER_TAPS, Paths, paths_over, setting
from usim.engine.selection import Quality
from usim.engine.shadowing import needed_spans
from usim.engine.waveform import on_carriers
from usim.physics.dsp import reach_samples
from usim.scene.covering import coverings
from usim.scene.scene import PlacedDevice, Scene

BEFORE = EDGE - FILTER_TAPS // 2  # envelope samples before a window


class Between(Unit):
    """The drivers of one device and the microphones of another, as one unit in the listener's frame.

    Its clock is the difference of the two: a second is a second of the listener's samples.
    """

    def __init__(self, sender: PlacedDevice, listener: PlacedDevice, hearer: Unit):
        super().__init__(sender.unit.profile, sender.unit.serial)
        self.sender, self.listener, self.hearer = sender, listener, hearer
        self.name = f"{sender.unit.name} to {hearer.name}"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Between)
            and super().__eq__(other)
            and self.hearer == other.hearer
            and self.sender is other.sender
            and self.listener is other.listener
        )

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.hearer))

    @cached_property
    def drivers_m(self) -> np.ndarray:
        """Places of the sender's drivers in the listener's frame, (driver, 3) in m."""
        away = self.sender.world(self.sender.unit.drivers_m) - self.listener.position_m
        return away @ self.listener.rotation

    @cached_property
    def driver_axes(self) -> np.ndarray:
        """Where the sender's drivers face in the listener's frame, (driver, 3)."""
        return self.sender.world_axes(self.sender.unit.driver_axes) @ self.listener.rotation

    @cached_property
    def mics_m(self) -> np.ndarray:
        """Places of the listener's microphones, (mic, 3) in m."""
        return self.hearer.mics_m

    @cached_property
    def mic_axes(self) -> np.ndarray:
        """Where the listener's microphones face, (mic, 3)."""
        return self.hearer.mic_axes

    @cached_property
    def converter(self) -> Converter:
        """The listener's converter, with the sender's output clock against the listener's input."""
        own, other = self.hearer.converter, self.sender.unit.converter
        ratio = float(other.true_hz(np.ones(()))) / (1.0 + 1e-6 * own.clock_ppm)
        return own.model_copy(update={"dac_offset_ppm": 1e6 * (ratio - 1.0), "jitter_s": 0.0})

    def leak(self, driver: int, mic: int, f_hz: np.ndarray | float) -> np.ndarray:
        """Return the factor on the direct path: no housing lies about both, so the beam and the arrival shadow."""
        away = self.mics_m[mic] - self.drivers_m[driver]
        away = away / np.sqrt((away * away).sum())
        beam = self.directivity(driver, float(away @ self.driver_axes[driver]), f_hz)
        return beam * self.mic_directivity(-float(away @ self.mic_axes[mic]), f_hz)

    def mic_directivity(
        self, cos_theta: np.ndarray | float, f_hz: np.ndarray | float
    ) -> np.ndarray:
        """Return the listener's arrival shadow."""
        return self.hearer.mic_directivity(cos_theta, f_hz)

    def mic_response(self, mic: int, f_hz: np.ndarray | float) -> np.ndarray:
        """Return the response of the listener's microphone in full scale per Pa."""
        return self.hearer.mic_response(mic, f_hz)


def senders(scene: Scene, listener: PlacedDevice, hearer: Unit | None = None) -> list[PlacedDevice]:
    """Return every other device that sounds, as the listener (or another unit in its place) meets it."""
    one = hearer or listener.unit
    return [
        replace(listener, name=other.name, unit=Between(other, listener, one), emission=other.emission)
        for other in scene.devices
        if other.name != listener.name and other.emission is not None
    ]  # fmt: skip


@dataclass
class Overheard:
    """The paths of all other devices to one listener, window after window; what the present window reads is held.

    hearer: another unit in the listener's place.  judged: echoes are left to the exact renderer.
    tail: with what arrives beside and after the mirror images.
    """

    scene: Scene
    listener: PlacedDevice
    quality: Quality
    hearer: Unit | None = None
    threads: int = 1
    judged: bool = False
    tail: bool = False

    def __post_init__(self) -> None:
        self._settings = []
        for one in senders(self.scene, self.listener, self.hearer):
            assert isinstance(one.unit, Between)
            ends = (one.unit.sender, self.listener)
            self._settings.append(
                setting(self.scene, one, self.quality, tail=self.tail, shaded=True, ends=ends)
            )
        self._held = [Held({}) for _ in self._settings]
        low, rate = self.scene.baseband_rate_hz, self.scene.render.rate_hz
        high = self.listener.unit.converter.at(rate).rate_hz
        # the waveform reaches as far beyond the window as the filter that brings it to the listener's own carriers
        self._more = ceil(reach_samples(high, low) * low / high) + 1

    def over(self, start: int, samples: int) -> tuple[Paths, ...]:
        """Return the paths of each other device, for the window of `samples` baseband samples from number `start` on."""
        first, count = start - self._more, samples + 2 * self._more
        rate, found = self.scene.baseband_rate_hz, []
        for about, held in zip(self._settings, self._held, strict=True):
            begin, end = (first - EDGE) / rate, (first + count + EDGE) / rate
            held.forget(
                before=needed_segments(first / rate, (first + count) / rate).start,
                before_span=needed_spans(begin, end).start,
            )
            found.append(
                paths_over(
                    about, first, count, self.threads, judged=self.judged, held=held
                )
            )  # fmt: skip
        return tuple(found)


def overheard(
    others: tuple[Paths, ...],
    scene: Scene,
    converter: Converter,
    first: int,
    count: int,
    noise_seed: int = 0,
) -> dict[str, np.ndarray]:
    """Return {"device.<name>": waveform (mic, count)} float64 in full scale from high-rate sample `first` on.

    noise_seed feeds the jitter of both clocks.
    """
    found = {}
    for paths in others:
        emission, unit = paths.device.emission, paths.device.unit
        if emission is None:
            continue
        parts = _judged(scene, paths) if paths.is_judged else list(envelopes(paths, unit).values())
        total = _jittered(paths, sum(parts[1:], start=parts[0]), converter, noise_seed)
        found[f"device.{paths.device.name}"] = on_carriers(
            total, BEFORE, np.asarray(emission.carriers_hz, float), paths.rate_hz, converter.rate_hz, first, count, paths.start
        )  # fmt: skip
    return found


def _jittered(
    paths: Paths, envelope: np.ndarray, converter: Converter, noise_seed: int
) -> np.ndarray:
    """Return an envelope (mic, carrier, sample) under the jitter of two clocks that know nothing of each other.

    White, so the paths' delays do not show in it, but in how the sender's is shared by all paths: taken as one.
    """
    between = paths.device.unit
    assert isinstance(between, Between)
    wobble: np.ndarray | float = 0.0
    for sign, device, unit in (
        (1.0, between.sender, between.sender.unit),
        (-1.0, between.listener, between.hearer),
    ):
        share = unit.converter.jitter_s * np.sqrt(paths.rate_hz / converter.rate_hz)
        if share:
            own = replace(paths, device=device)
            first = paths.start - BEFORE
            wobble = wobble + sign * share * white(own, noise_seed, first, envelope.shape[2])
    if isinstance(wobble, float):
        return envelope
    carriers = np.array([band.carrier_hz for band in paths.bands])
    return envelope * np.exp(2j * np.pi * carriers[:, None] * wobble)


def _judged(scene: Scene, paths: Paths) -> list[np.ndarray]:
    """Return the envelopes (mic, carrier, sample) of another device by the exact renderer, as one."""
    between = paths.device.unit
    assert isinstance(between, Between)
    names = [device.name for device in scene.devices]
    times = (paths.start - BEFORE + np.arange(paths.samples + 2 * BEFORE)) / paths.rate_hz
    glints = {
        (mover.name, number): one
        for mover in scene.movers
        for number, one in enumerate(coverings(scene, mover))
    }
    out = np.empty((len(between.mics_m), len(paths.bands), len(times)), complex)
    for mic, row in np.ndindex(out.shape[:2]):
        out[mic, row] = exact.tone_response(
            scene, row, times, device=names.index(between.listener.name), mic=mic, unit=between.hearer,
            emitter=names.index(between.sender.name), glints=glints, poses="fit", shadows=True,
            tail=None if paths.tail is None else paths.tail.rows(between, mic, row),
        )  # fmt: skip
        carrier = paths.bands[row].carrier_hz / (1.0 + 1e-6 * between.converter.dac_offset_ppm)
        turns = carrier * between.converter.dac_offset_ppm * 1e-6 * times
        out[mic, row] *= np.exp(2j * np.pi * turns)
    if not paths.echoes:
        return [out]
    late = envelopes(paths, between)  # what movers do to the tail
    return [out, *(late[f"mover.{echo.mover}"] for echo in paths.echoes)]

"""A session: a scene that goes on, block by block, under whatever the caller commands.

Everything before the converter is a function of absolute time, so a session keeps no filter state: only the segments of echo and the chunks of
noise that the present block reads, and the history of commands.  A session whose caller commands nothing gives the samples of
`simulate`, whatever the length of its blocks; its memory does not grow.  A command given after a block takes effect at the start of the
next one, later by the latency of the profile's converter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from usim.engine.commanded import Commanded
from usim.engine.echoes import Held, needed_segments
from usim.engine.hearing import NoiseWindow, heard
from usim.engine.noise import Noises
from usim.engine.overheard import Overheard
from usim.engine.paths import EDGE, listening, paths_over, quality_named, setting
from usim.engine.shadowing import needed_spans
from usim.engine.waveform import encoded
from usim.engine.wideband import swept
from usim.recording.observation import EmissionCommand, Observation
from usim.scene.scene import Scene
from usim.template.problem import InvalidInput, Problem


@dataclass
class Session:
    """A running scene, heard by one device.  Iterate over it, or call `step` with a command.

    block_s: length of a block, a whole number of samples of the baseband.
    """

    scene: Scene
    block_s: float = 0.064
    quality: str | None = None
    device: str | None = None
    noise_seed: int = 0
    threads: int = 1
    keep: tuple[str, ...] = ("audio", "baseband")
    tail: bool = True
    block: int = 0
    _last: EmissionCommand | None = None

    def __post_init__(self) -> None:
        placed = listening(self.scene, self.device)
        word = self.quality or self.scene.render.quality
        found = quality_named(word)
        self._setting = setting(self.scene, placed, found, tail=self.tail, shaded=True)
        self._others = Overheard(self.scene, placed, found, threads=self.threads, tail=self.tail)
        self._converter = placed.unit.converter.at(
            self.scene.render.rate_hz, self.scene.render.bits
        )
        low, high = self.scene.baseband_rate_hz, self._converter.rate_hz
        self._samples = round(self.block_s * low)
        whole = abs(self._samples - self.block_s * low) < 1e-6 and self._samples * high % low == 0
        if self._samples < 1 or not whole:
            raise InvalidInput(
                Problem(
                    f"a block of {self.block_s:g} s is no whole number of samples at {low} and {high} Hz; try 0.064"
                )
            )
        noises = Noises(self.scene, placed, self.noise_seed, high, self._setting.legs.maps)
        self._noise = NoiseWindow(noises)
        self._held = Held({})
        self._emission = None if placed.emission is None else Commanded(placed.emission)

    @property
    def t_s(self) -> float:
        """Return the time at which the next block starts, in s."""
        return self.block * self._samples / self.scene.baseband_rate_hz

    @property
    def blocks(self) -> int:
        """Return the number of whole blocks in the scene's duration."""
        return int(self.scene.duration_s * self.scene.baseband_rate_hz + 1e-6) // self._samples

    def __iter__(self) -> Iterator[Observation]:
        while self.block < self.blocks:
            yield self.step()

    def command(self, on: bool | None = None, level_db_spl: float | None = None) -> None:
        """Tell the device to sound, to be silent, or to sound at another level.

        It takes effect at the start of the next block, later by the latency of the device's output.
        """
        if self._emission is None:
            raise InvalidInput(
                Problem(f"{self._setting.device.name} emits nothing, so it cannot be commanded")
            )
        now = self._latest(self._emission)
        level = now.level_db_spl if level_db_spl is None else float(level_db_spl)
        sounds = now.on if on is None else bool(on)
        if (level, sounds) == (now.level_db_spl, now.on):
            return
        self._last = EmissionCommand(self.t_s, now.carriers_hz, level, sounds)
        amplitude = 10.0 ** ((level - self._emission.own.level_db_spl) / 20.0) if sounds else 0.0
        effect_s = self.t_s + self._converter.output_latency_s
        self._emission = self._emission.told(effect_s, amplitude, now_s=self.t_s)
        self._held.forget(after_s=effect_s)

    def step(self, on: bool | None = None, level_db_spl: float | None = None) -> Observation:
        """Return what the device hears in the next block, after a command if one is given."""
        if on is not None or level_db_spl is not None:
            self.command(on, level_db_spl)
        start = self.block * self._samples
        rate = self.scene.baseband_rate_hz
        self._held.forget(
            before=needed_segments(start / rate, (start + self._samples) / rate).start,
            before_span=needed_spans((start - EDGE) / rate, start / rate).start,
        )
        paths = paths_over(
            self._setting,
            start,
            self._samples,
            self.threads,
            emission=self._emission,
            held=self._held,
        )
        paths = replace(paths, others=self._others.over(start, self._samples))
        placed = self._setting.device
        got = heard(
            paths, placed.unit, self._converter, self._noise, self.noise_seed, "audio" in self.keep, baseband="baseband" in self.keep
        )  # fmt: skip
        audio = None
        if got.wave is not None:
            place = f"devices.{placed.name}.dither.noise_{self.noise_seed}"
            audio, _ = encoded(self._converter, got.wave, got.first, self.scene.seed, place)
        self.block += 1
        commands: tuple[EmissionCommand, ...] = ()
        if self._emission is not None:
            told = swept(self._emission, start / rate)
            commands = (replace(self._latest(self._emission), sweep=told),)
        return Observation(
            placed.unit.profile.name, self._converter.rate_hz, self._converter.bits, placed.unit.mics_m, audio,
            got.baseband(rate) if "baseband" in self.keep else None, None, commands,
        )  # fmt: skip

    def _latest(self, sounds: Commanded) -> EmissionCommand:
        if self._last is not None:
            return self._last
        emission = sounds.own
        sounding = [on for start, on in emission.changes() if start <= self.t_s]
        return EmissionCommand(
            0.0,
            tuple(float(f) for f in emission.carriers_hz),
            float(emission.level_db_spl),
            sounding[-1],
        )


def session(scene: Scene, block_s: float = 0.064, **options) -> Session:
    """Return a session over a scene; options are the fields of `Session`."""
    return Session(scene, block_s, **options)

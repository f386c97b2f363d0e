"""Observation: what a product has, and all that a detector is ever given.

It holds nothing that only a simulator could know. A recording from a real device is the same type.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.physics.sweeps import Sweep

FORMAT = "observation/1"
MAX_BITS = 24


@dataclass(frozen=True)
class EmissionCommand:
    """What the device was told to emit from `start_s` until the next command.

    start_s: s of the device's sample clock; the first command also holds for the time before it.
    carriers_hz: the tones. level_db_spl: dB re 20 uPa rms, per carrier, at which the nominal unit
    would sound on its axis at 1 m. on: false while the emission is off. sweep: of chirps, FMCW and
    pulses, whose one carrier is the middle of their band: what each burst is, and when, on the
    clock of the recording.
    """

    start_s: float
    carriers_hz: tuple[float, ...]
    level_db_spl: float
    on: bool = True
    sweep: Sweep | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "start_s", float(self.start_s))
        object.__setattr__(self, "level_db_spl", float(self.level_db_spl))
        object.__setattr__(self, "carriers_hz", tuple(float(f) for f in self.carriers_hz))
        numbers = (self.start_s, self.level_db_spl, *self.carriers_hz)
        if not all(np.isfinite(number) for number in numbers):
            raise ValueError("emission command: start, level and carriers must be finite numbers")


@dataclass(frozen=True, eq=False)
class Baseband:
    """Complex envelopes around the carriers.

    samples: complex64 (mic, carrier, slow_time), full scale: x(t) = Re[z(t) exp(j 2 pi f t)].
    rate_hz: samples a second. carriers_hz: (carrier,), Hz.
    """

    samples: np.ndarray
    rate_hz: float
    carriers_hz: np.ndarray

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples)
        carriers_hz = np.asarray(self.carriers_hz, dtype=np.float64)
        if samples.ndim != 3 or samples.dtype.kind != "c":
            raise ValueError("baseband: samples must be complex with shape (mic, carrier, time)")
        if carriers_hz.shape != (samples.shape[1],):
            raise ValueError(
                f"baseband: {carriers_hz.size} carriers named, {samples.shape[1]} in the samples"
            )
        if not self.rate_hz > 0:
            raise ValueError(f"baseband: rate {self.rate_hz} Hz is not above 0")
        object.__setattr__(self, "samples", frozen(samples.astype(np.complex64, copy=False)))
        object.__setattr__(self, "carriers_hz", frozen(carriers_hz))


@dataclass(frozen=True, eq=False)
class Playback:
    """The digital programme the device was told to play: (channel, sample), codes or full scale."""

    samples: np.ndarray
    rate_hz: int
    bits: int = 24

    def __post_init__(self) -> None:
        _check_rate_and_bits("playback", self.rate_hz, self.bits)
        object.__setattr__(self, "samples", _samples("playback", self.samples, self.bits))

    def full_scale(self) -> np.ndarray:
        """Return the programme as float64 (channel, sample), 1.0 = full scale."""
        return full_scale(self.samples, self.bits)


@dataclass(frozen=True, eq=False)
class Observation:
    """What one device heard, at its converter.

    audio: (mic, sample), integer codes of `bits` bits, or float with 1.0 = full scale; None where
    only the baseband was kept. microphones_m: (mic, 3), m, in the device's frame (+x is its front).
    emission: commands over time, sorted by start. profile: name of the device profile.
    """

    profile: str
    rate_hz: int
    bits: int
    microphones_m: np.ndarray
    audio: np.ndarray | None = None
    baseband: Baseband | None = None
    playback: Playback | None = None
    emission: tuple[EmissionCommand, ...] = ()
    format: str = FORMAT

    def __post_init__(self) -> None:
        _check_rate_and_bits("audio", self.rate_hz, self.bits)
        microphones_m = np.asarray(self.microphones_m, dtype=np.float64)
        if microphones_m.ndim != 2 or microphones_m.shape[1] != 3 or len(microphones_m) == 0:
            raise ValueError("microphones must have shape (mic, 3), at least one")
        if not np.all(np.isfinite(microphones_m)):
            raise ValueError("microphone positions must be finite")
        object.__setattr__(self, "microphones_m", frozen(microphones_m))
        if self.audio is not None:
            object.__setattr__(self, "audio", _samples("audio", self.audio, self.bits))
        heard = None if self.baseband is None else self.baseband.samples
        for name, part in (("audio", self.audio), ("baseband", heard)):
            if part is not None and len(part) != len(microphones_m):
                raise ValueError(
                    f"{name}: {len(part)} channels, but {len(microphones_m)} microphones"
                )
        emission = tuple(sorted(self.emission, key=lambda command: command.start_s))
        object.__setattr__(self, "emission", emission)

    @property
    def duration_s(self) -> float:
        """Length in s, of the audio or else of the baseband; 0 without either."""
        if self.audio is not None:
            return self.audio.shape[1] / self.rate_hz
        if self.baseband is not None:
            return self.baseband.samples.shape[2] / self.baseband.rate_hz
        return 0.0

    def audio_fs(self) -> np.ndarray:
        """Return the audio as float64 (mic, sample), 1.0 = full scale of the converter."""
        if self.audio is None:
            raise ValueError("this observation has no audio; only its baseband was kept")
        return full_scale(self.audio, self.bits)


def full_scale(samples: np.ndarray, bits: int) -> np.ndarray:
    """Return samples (codes of `bits` bits, or already full scale) as float64 full scale."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float64)
    return samples * 2.0 ** (1 - bits)


def frozen(array: np.ndarray) -> np.ndarray:
    """Return a read-only view; the caller's own array stays writeable."""
    view = array.view()
    view.flags.writeable = False
    return view


def _check_rate_and_bits(name: str, rate_hz: int, bits: int) -> None:
    if int(rate_hz) != rate_hz or rate_hz <= 0:
        raise ValueError(f"{name}: rate {rate_hz} Hz is not a whole number above 0")
    if int(bits) != bits or not 2 <= bits <= MAX_BITS:
        raise ValueError(f"{name}: {bits} bits; 2 to {MAX_BITS} can be stored")


def _samples(name: str, samples: np.ndarray, bits: int) -> np.ndarray:
    samples = np.asarray(samples)
    if samples.ndim != 2 or samples.dtype.kind not in "if":
        raise ValueError(f"{name}: must be integers or floats with shape (channel, sample)")
    if samples.dtype.kind == "i" and samples.size:
        limit = 1 << (bits - 1)
        if samples.max() >= limit or samples.min() < -limit:
            raise ValueError(f"{name}: codes beyond {bits} bits (-{limit} .. {limit - 1})")
    return frozen(samples)

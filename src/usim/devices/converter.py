"""The converter: from full-scale samples to integers, and what its clock does."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from usim.devices.microphone import PASCAL_AT_0_DB
from usim.template.fields import Listed, Table
from usim.template.problem import InvalidInput, Problem

BLOCK = 16384

Rate = Literal[44100, 48000, 96000, 192000]


class Converter(Table):
    """Rates, word length, full scale, dither and clock of a device (one clock drives output and input).

    full_scale_db_spl: rms level of the sine at low frequency that reaches 1.0 in a nominal microphone.
    pass_band: share of the rate up to which the anti-alias filter passes. clock_ppm: how fast the
    device's clock runs; dac_offset_ppm: how much faster the output runs than the input (a fault, 0 where
    they share the clock). jitter_s: rms of the sampling instants. output_latency_s: from a command to
    what the drivers then play.
    """

    rate_hz: Rate = 96000
    rates_hz: Annotated[tuple[Rate, ...], Listed, Field(min_length=1)] = (96000,)
    bits: Literal[16, 24] = 24
    full_scale_db_spl: float = Field(120.0, ge=80.0, le=160.0)
    dither: bool = True
    pass_band: float = Field(0.46, ge=0.3, lt=0.5)
    clock_ppm: float = Field(0.0, ge=-500.0, le=500.0)
    dac_offset_ppm: float = Field(0.0, ge=-500.0, le=500.0)
    jitter_s: float = Field(0.0, ge=0.0, le=1e-7)
    output_latency_s: float = Field(0.0, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _known_rate(self):
        if self.rate_hz not in self.rates_hz:
            raise ValueError(
                f"rate_hz {self.rate_hz} is not among its rates_hz {list(self.rates_hz)}"
            )
        return self

    def at(self, rate_hz: int | None = None, bits: int | None = None) -> "Converter":
        """Returns this converter at another of its rates or with other bits; refuses what it cannot do."""
        if rate_hz is not None and rate_hz not in self.rates_hz:
            known = ", ".join(str(rate) for rate in self.rates_hz)
            text = f"this profile's converter has no rate {rate_hz}; it has {known}"
            raise InvalidInput(Problem(text, place="render.rate_hz"))
        if bits is not None and bits not in (16, 24):
            raise InvalidInput(Problem(f"no {bits} bits; use 16 or 24", place="render.bits"))
        return self.model_copy(
            update={"rate_hz": rate_hz or self.rate_hz, "bits": bits or self.bits}
        )

    @property
    def fs_per_pascal(self) -> float:
        """Full scale per Pa (both peak) of the nominal microphone at low frequency."""
        return 1.0 / (np.sqrt(2.0) * PASCAL_AT_0_DB * 10.0 ** (self.full_scale_db_spl / 20.0))

    @property
    def pass_edge_hz(self) -> float:
        """Highest frequency in Hz that passes untouched at the present rate."""
        return self.pass_band * self.rate_hz

    def anti_alias(self, f_hz: np.ndarray) -> np.ndarray:
        """Returns the real gain of the anti-alias filter: 1 to pass_edge_hz, 0 from half the rate on.

        Between them a raised cosine. Linear phase; its delay is the converter's latency, taken out.
        """
        f = np.abs(np.asarray(f_hz, dtype=np.float64))
        s = np.clip((f - self.pass_edge_hz) / (0.5 * self.rate_hz - self.pass_edge_hz), 0.0, 1.0)
        return 0.5 * (1.0 + np.cos(np.pi * s))

    def apparent_hz(self, f_hz: np.ndarray) -> np.ndarray:
        """Returns the frequency a commanded tone is recorded at, in Hz of the device's own input clock."""
        return np.asarray(f_hz, dtype=np.float64) * (1.0 + 1e-6 * self.dac_offset_ppm)

    def true_hz(self, f_hz: np.ndarray) -> np.ndarray:
        """Returns the frequency in the air, in true Hz, of a tone commanded at f_hz."""
        return self.apparent_hz(f_hz) * (1.0 + 1e-6 * self.clock_ppm)

    def encode(self, x_fs: np.ndarray, generator: "np.random.Generator") -> tuple[np.ndarray, int]:
        """Returns (int32 samples of the word length's range, count of clipped samples).

        x_fs: (mic, sample) in full scale. TPDF dither of two steps peak to peak, drawn from `generator`
        (32 bits a sample: the difference of two 16-bit numbers; how many words are drawn depends on the
        shape alone). A sample that is not a number is a bug upstream and raises FloatingPointError: a
        silent zero would hide it.
        """
        x = np.ascontiguousarray(x_fs)
        flat = x.reshape(-1)
        out = np.empty(flat.shape, dtype=np.int32)
        top = float(2 ** (self.bits - 1))
        dither = None
        if self.dither:
            words = generator.bit_generator.random_raw((flat.size + 1) // 2).view(np.uint16)
            dither = words.view(np.int16)[: 2 * flat.size].reshape(-1, 2)
        clipped = 0
        for start in range(0, flat.size, BLOCK):  # blocks stay in the cache
            part = slice(start, start + BLOCK)
            scaled = flat[part] * np.float64(top)
            if not np.isfinite(np.sum(scaled)):
                self._refuse(x)
            if dither is not None:
                step = np.subtract(dither[part, 0], dither[part, 1], dtype=np.int32)
                scaled += step * 2.0**-16
            np.rint(scaled, out=scaled)
            if scaled.size and (scaled.max() > top - 1.0 or scaled.min() < -top):
                clipped += int(np.count_nonzero(scaled > top - 1.0))
                clipped += int(np.count_nonzero(scaled < -top))
                np.clip(scaled, -top, top - 1.0, out=scaled)
            out[part] = scaled
        return out.reshape(x.shape), clipped

    @staticmethod
    def _refuse(x: np.ndarray) -> None:
        bad = ~np.isfinite(x)
        first = tuple(int(i) for i in np.argwhere(bad)[0]) if bad.any() else ()
        raise FloatingPointError(f"{int(bad.sum())} samples are not finite, the first at {first}")

"""Noise as the converter sees it: one stem per cause, each a pure function of the absolute chunk.

Time is cut into chunks of 0.32 s of the device's clock, counted from its zero. A stationary noise is
made in blocks a little longer than a chunk, one stream per chunk, and neighbours are joined with
power-complementary ramps (sin^2 + cos^2 = 1): level and spectrum are the same everywhere, any window
of chunks has the same bytes, and chunk k needs no chunk before k - 1.

Stems: `self_noise`, what the microphones add; `noise.<name>` for each noise of the scene, in full scale
at the converter's input, through microphone and anti-alias filter.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import scipy.fft

from usim.devices.converter import Converter
from usim.devices.unit import Unit
from usim.engine.images import Maps
from usim.engine.located_noise import Located, product
from usim.noises.base import AbstractNoise
from usim.physics.jit import kernel
from usim.template.streams import stream

CHUNK_S = 0.32


class Grid:
    """How chunks and blocks lie at a rate: samples a chunk, samples a block, and the ramps between."""

    def __init__(self, rate_hz: int):
        self.rate_hz = rate_hz
        self.samples = round(CHUNK_S * rate_hz)
        self.block = 1 << self.samples.bit_length()
        self.ramp = self.block - self.samples
        angle = 0.5 * np.pi * (np.arange(self.ramp) + 0.5) / self.ramp
        self.up = np.sin(angle).astype(np.float32)
        self.down = np.cos(angle).astype(np.float32)
        self.f_hz = np.arange(self.block // 2 + 1) * (rate_hz / self.block)

    def join(self, before: np.ndarray, block: np.ndarray) -> np.ndarray:
        """Returns a chunk (..., samples) of a block and the one before it."""
        chunk = block[..., : self.samples].copy()
        chunk[..., : self.ramp] *= self.up
        chunk[..., : self.ramp] += self.down * before[..., self.samples :]
        return chunk

    def times_s(self, chunk: int) -> np.ndarray:
        """Returns the times of a chunk's samples in s."""
        return (chunk * self.samples + np.arange(self.samples)) / self.rate_hz


class Noises:
    """All noise one device hears. stems(range) gives it; what is prepared here is the same for all chunks.

    scene: with seed, noises, movers, devices, room, air; device: one of scene.devices; noise_seed: other
    numbers are other noise of the same kind; rate_hz: one of the converter's, None its usual one; heard: see `Located`.
    The device's clock is taken as the scene's: 20 ppm move a noise source by less than 1 ms a minute.
    """

    def __init__(
        self,
        scene,
        device,
        noise_seed: int = 0,
        rate_hz: int | None = None,
        heard: Maps | None = None,
    ):
        unit = device.unit
        converter = unit.converter.at(rate_hz)
        self.grid, self.response, self._own_shape = _prepared(unit, converter.rate_hz)
        self.mics = [mic.name for mic in unit.profile.nominal.microphones]

        def streams(place: str) -> Callable[[int], np.random.Generator]:
            return lambda chunk: stream(scene.seed, f"{place}.noise_{noise_seed}.chunk_{chunk}")

        self._makers: dict[str, Callable[[int], np.ndarray]] = {}
        if not unit.noiseless:
            self._makers["self_noise"] = self._self_noise(device.name, streams)
        for noise in scene.noises:
            if noise.located:
                source = Source(noise, self.grid, streams(f"noises.{noise.name}"))
                maker = Located(scene, device, source, converter, responses, heard).chunk
            else:
                place = f"noises.{noise.name}.{device.name}"
                maker = self._everywhere(noise, unit, scene.air, place, streams)
            self._makers[f"noise.{noise.name}"] = maker

    @property
    def names(self) -> tuple[str, ...]:
        """The stems, in the order they are given; no `self_noise` where the unit has none."""
        return tuple(self._makers)

    def stems(self, chunks: range) -> dict[str, np.ndarray]:
        """Returns {stem: (mic, sample) float32 in full scale} for consecutive chunks."""
        made = [self.chunk(chunk) for chunk in chunks]
        return {name: np.concatenate([one[name] for one in made], axis=-1) for name in self.names}

    def chunk(self, chunk: int) -> dict[str, np.ndarray]:
        """Returns {stem: (mic, sample) float32 in full scale} for one chunk."""
        return {name: maker(chunk) for name, maker in self._makers.items()}

    def _self_noise(self, name: str, streams) -> Callable[[int], np.ndarray]:
        grid, shape = self.grid, self._own_shape
        sources = [streams(f"devices.{name}.self_noise.{mic}") for mic in self.mics]

        @lru_cache(maxsize=2)
        def block(chunk: int) -> np.ndarray:
            spectra = np.empty(shape.shape, np.complex64)
            for source, sizes, row in zip(sources, shape, spectra, strict=True):
                gaussian_spectrum(source(chunk), sizes, row)
            return scipy.fft.irfft(spectra, grid.block)

        return lambda chunk: grid.join(block(chunk - 1), block(chunk))

    def _everywhere(self, noise: AbstractNoise, unit, air, place: str, streams):
        grid = self.grid
        sources = [streams(f"{place}.{mic}") for mic in self.mics]
        mixing = (
            mixing_matrix(unit.mics_m, grid.f_hz, air.sound_speed_m_s) if noise.diffuse else None
        )
        response = self.response.astype(np.complex64)

        @lru_cache(maxsize=2)
        def block(chunk: int) -> np.ndarray:
            spectra = []
            for source in sources:
                wave = noise.pressure(source(chunk), grid.block, grid.rate_hz)
                spectra.append(np.fft.rfft(wave.astype(np.float32)))
            at_mics = np.empty(response.shape, np.complex64)
            for m in range(len(sources)):
                heard = spectra[m]
                if mixing is not None:
                    heard = mixing[m][0] * spectra[0]
                    for j in range(1, m + 1):
                        heard = heard + mixing[m][j] * spectra[j]
                at_mics[m] = product(response[m], heard)
            return scipy.fft.irfft(at_mics, grid.block)

        def make(chunk: int) -> np.ndarray:
            gate = noise.gate(grid.times_s(chunk)).astype(np.float32)
            if not gate.any():
                return np.zeros((len(sources), grid.samples), np.float32)
            return grid.join(block(chunk - 1), block(chunk)) * gate

        return make


@lru_cache(maxsize=4)
def _prepared(unit: Unit, rate_hz: int) -> tuple[Grid, np.ndarray, np.ndarray]:
    """Returns the grid at a rate, and on it the responses and the self-noise's deviations (mic, f) of a unit.

    Held, since a session of many scenes hears with few units.
    """
    grid = Grid(rate_hz)
    response = responses(unit, unit.converter.at(rate_hz), grid.f_hz)
    density = np.stack([unit.noise_density(m, grid.f_hz) for m in range(len(unit.mics_m))])
    shape = np.abs(response) * density * np.sqrt(0.25 * rate_hz * grid.block)
    return grid, response, shape.astype(np.float32)


def responses(unit: Unit, converter: Converter, f_hz: np.ndarray) -> np.ndarray:
    """Returns full scale per Pa of every microphone with the anti-alias filter, (mic, f), 0 at 0 Hz."""
    gain = np.stack([unit.mic_response(m, f_hz) for m in range(len(unit.mics_m))])
    gain = gain * converter.anti_alias(f_hz)
    gain[:, 0] = 0.0
    return gain


class Source:
    """What a located noise sends out, at 1 m, in Pa, by chunk. The same for every device that hears it."""

    def __init__(self, noise: AbstractNoise, grid: Grid, streams: Callable):
        self.noise, self.grid, self._streams = noise, grid, streams
        self._block = lru_cache(maxsize=2)(self._make_block)

    def _make_block(self, chunk: int) -> np.ndarray:
        wave = self.noise.pressure(self._streams(chunk), self.grid.block, self.grid.rate_hz)
        return wave.astype(np.float32)

    def chunk(self, chunk: int, speed: Callable | None) -> np.ndarray | None:
        """Returns the gated signal (samples,) of a chunk, or None where all of it is silent.

        speed: gives the source's speed in m/s at times in s; needed by noises that sound while moving.
        """
        t_s = self.grid.times_s(chunk)
        gate = self.noise.gate(t_s, speed(t_s) if speed else None)
        if not gate.any():
            return None
        wave = self.grid.join(self._block(chunk - 1), self._block(chunk))
        return wave * gate.astype(np.float32)


def gaussian_spectrum(generator: np.random.Generator, sizes: np.ndarray, out: np.ndarray) -> None:
    """Fills out (count,) complex64 with complex Gaussian numbers (Box and Muller 1958).

    sizes (count,) float32: the standard deviation of either part. One raw 64-bit word each.
    """
    words = generator.bit_generator.random_raw(len(sizes)).view(np.uint32)
    _box_muller(words[: len(sizes)], words[len(sizes) :], sizes, out)


f32 = np.float32
_L2, _L4, _L6, _L8 = f32(2 / 3), f32(2 / 5), f32(2 / 7), f32(2 / 9)
_S3, _S5, _S7 = f32(-1 / 6), f32(1 / 120), f32(-1 / 5040)
_C2, _C4, _C6, _C8 = f32(-1 / 2), f32(1 / 24), f32(-1 / 720), f32(1 / 40320)
_ZERO, _HALF, _ONE, _TWO = f32(0.0), f32(0.5), f32(1.0), f32(2.0)
_LN2, _BITS, _RADIANS = f32(np.log(2.0)), f32(32.0), f32(2.0 * np.pi * 2.0**-32)
_MANTISSA, _ROOT = np.int32((1 << 23) - 1), np.int32(0x3F3504F3)  # the bits of sqrt(1/2)
_FIRST, _SECOND = np.uint32(1 << 31), np.uint32(1 << 30)
_EIGHTHS, _EIGHTH, _SHIFT = np.uint32((1 << 30) - 1), np.int32(1 << 29), np.int32(23)


@kernel(allocates=True)
def _box_muller(uniform, turns, sizes, out):
    """Fills out (count,) complex64 with sizes * (+-r (cos t - sin t), +-r (cos t + sin t)), r^2 = -ln u.

    uniform, turns (count,) uint32: u is (uniform + 1/2) / 2^32; the low 30 bits of turns are t in 2^-32 of a turn from minus an
    eighth on, the two above them the signs. That is a Gaussian pair: a turn of an eighth makes the two sums, and their sqrt(2) is
    the one of r^2 = -2 ln u. ln m = 2 artanh((m - 1)/(m + 1)); series good to 2e-7.

    Only operations that IEEE 754 rounds in one way are used: numpy's float32 logarithm and cosine give other last bits on other
    processors.
    """
    count = sizes.shape[0]
    mantissa = np.empty(count, np.float32)
    exponent = np.empty(count, np.float32)
    bits = mantissa.view(np.int32)
    for n in range(count):
        mantissa[n] = f32(uniform[n]) + _HALF
    for n in range(count):
        # so that the exponent steps at sqrt(1/2), and the mantissa lies around one
        above = bits[n] - _ROOT
        exponent[n] = f32(above >> _SHIFT)
        bits[n] = (above & _MANTISSA) + _ROOT
    for n in range(count):
        m = mantissa[n]
        s = (m - _ONE) / (m + _ONE)
        q = s * s
        log = s * (_TWO + q * (_L2 + q * (_L4 + q * (_L6 + q * _L8))))
        log = (exponent[n] - _BITS) * _LN2 + log
        r = np.sqrt(-log if log < _ZERO else _ZERO)
        t = f32(np.int32(turns[n] & _EIGHTHS) - _EIGHTH) * _RADIANS
        q = t * t
        sin = t * (_ONE + q * (_S3 + q * (_S5 + q * _S7)))
        cos = _ONE + q * (_C2 + q * (_C4 + q * (_C6 + q * _C8)))
        first = r * (cos - sin)
        second = r * (cos + sin)
        first = -first if turns[n] & _FIRST else first
        second = -second if turns[n] & _SECOND else second
        out[n] = complex(sizes[n] * first, sizes[n] * second)


def mixing_matrix(mics_m: np.ndarray, f_hz: np.ndarray, c: float) -> list[list[np.ndarray]]:
    """Returns the lower triangle L[i][j] (f,) float32 with L L' = sin(kd)/(kd): a diffuse field.

    Cholesky written out, elementwise in frequency. Cook et al., JASA 27 (1955) 1072, for the coherence.
    A millionth of independent noise keeps it definite where microphones are close in wavelengths.
    """
    d = np.sqrt(np.sum((mics_m[:, None] - mics_m[None]) ** 2, axis=-1))
    coherence = np.sinc(2.0 * d[..., None] * f_hz / c) / (1.0 + 1e-6 * (d[..., None] > 0.0))
    lower: list[list[np.ndarray]] = []
    for i in range(len(d)):
        row: list[np.ndarray] = []
        for j in range(i + 1):
            left = coherence[i, j].copy()
            for k in range(j):
                left -= row[k] * (row[k] if i == j else lower[j][k])
            row.append(np.sqrt(np.maximum(left, 1e-12)) if i == j else left / lower[j][j])
        lower.append(row)
    return [[entry.astype(np.float32) for entry in row] for row in lower]


def stems(scene, device, chunks: range, noise_seed: int = 0, rate_hz: int | None = None) -> dict:
    """Returns {stem: (mic, sample) float32, full scale} of a device for a range of chunks of 0.32 s."""
    return Noises(scene, device, noise_seed, rate_hz).stems(chunks)

"""A noise source somewhere in the room, heard through the room's mirror images up to order 2.

A source at rest (a point, a device) is one transfer function per microphone, applied by overlap-save:
exact delays, air, walls and microphone at every frequency. A source on a mover keeps, per image, a
filter for air and walls at the chunk's ends (cross-faded between, its range corrected at the middle of
the band) and a gliding delay to each microphone, solved for the retarded time. Left out there: the
factor 1/(1 - v/c) on pressure (under 1 % for limbs) and how walls change inside a chunk beyond a line.

Walls are known over a band (30-45 kHz for materials); noise outside it meets the nearest known value.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from usim.engine.delay_line import BEFORE, DEGREE, TAPS, branches, read_gliding, tap_polynomials
from usim.engine.images import Maps, maps
from usim.engine.legs import sheet_tables
from usim.engine.sides import held, sides_of
from usim.engine.veils import passes, sends
from usim.noises.base import AtThing

ORDER = 2
COARSE = 193  # frequencies at which walls and air are evaluated; they are smooth over a kilohertz
LEAD = 512  # samples a filter may ring ahead of its delay, and behind
KNOTS = 96  # intervals of a chunk for delays: 3.3 ms, a whole number of samples at every rate
EDGE = 3  # further intervals on both sides, for the microphone's filter to ring in
NEAREST_M = 0.02
RETARDED_STEPS = 5


class Located:
    """One located noise at one device. chunk(k) is (mic, sample) float32 in full scale.

    heard: the room's maps as the device hears it, to order 2 or more; found here if None.
    """

    def __init__(
        self, scene, device, source, converter, responses: Callable, heard: Maps | None = None
    ):
        self.grid, self.source = source.grid, source
        self.air = scene.air
        sides, mics_m = sides_of(scene), device.world(device.unit.mics_m)
        self.mirrors = sides.mirrors
        self.maps = maps(sides, ORDER, mics_m) if heard is None else heard.up_to(ORDER)
        # images (image, mic, 3) of the microphones, and of their axes
        self.ends_m = np.stack([self.maps.of(mic) for mic in mics_m], axis=1)
        axes = [self.maps.turned(axis) for axis in device.world_axes(device.unit.mic_axes)]
        self.axes = np.stack(axes, axis=1)
        self.unit, self.converter, self._responses = device.unit, converter, responses
        self._at, self._speed = place(scene, source.noise.at)
        self._signal = lru_cache(maxsize=8)(self._make_signal)
        self._coarse_hz = np.linspace(0.0, 0.5 * self.grid.rate_hz, COARSE)
        self._decay = np.asarray(self.air.absorption_np_m(self._coarse_hz))
        low, high = source.noise.band_hz
        self._middle_hz = 0.5 * (low + min(high, 0.5 * self.grid.rate_hz))
        self._sheets = sheet_tables(scene, self._middle_hz)
        self._decay_middle = float(self.air.absorption_np_m(self._middle_hz))
        if self._speed is None:
            self._prepare_still()
            self.chunk = self._still_chunk
        else:
            self._prepare_moving()
            self.chunk = self._moving_chunk

    def _make_signal(self, chunk: int) -> np.ndarray | None:
        return self.source.chunk(chunk, self._speed)

    def _span(self, first: int, count: int) -> np.ndarray | None:
        """The source's signal from an absolute sample on, (count,); None if all of it is silent."""
        size = self.grid.samples
        chunks = range(first // size, (first + count - 1) // size + 1)
        parts = [self._signal(chunk) for chunk in chunks]
        if all(part is None for part in parts):
            return None
        whole = np.concatenate([np.zeros(size, np.float32) if p is None else p for p in parts])
        start = first - chunks[0] * size
        return whole[start : start + count]

    def _coarse_gain(self, image: int, r: float, u: np.ndarray) -> np.ndarray:
        """Air and walls of a path re 1 m without its 1/r, complex on the coarse frequencies.

        r: length in m; u: (3,) unit vector of its unfolded line.
        """
        gain = np.exp(-self._decay * (r - 1.0)).astype(np.complex128)
        for wall, normal in zip(self.maps.walls[image], self.maps.normals[image], strict=True):
            if wall < 0:
                break
            cosine = min(max(abs(float(np.sum(normal * u))), 1e-3), 1.0)
            gain *= held(self.mirrors[wall], cosine, self._coarse_hz, self.air)
        return gain

    def _port(self, u: np.ndarray, image: int, mic: int) -> np.ndarray:
        """The housing's factor for unit vectors (..., 3) from the source, at the band's middle."""
        cosine = np.clip(-np.sum(u * self.axes[image, mic], axis=-1), -1.0, 1.0)
        return np.real(self.unit.mic_directivity(cosine, self._middle_hz))

    def _passes(self, image: int, mic: int, points: np.ndarray) -> np.ndarray:
        """What passes a path from points (n, 3), as amplitude, at the band's middle; of what goes through sheets, without its phase."""
        veils, waves = self.maps.veils.subset(np.array([image])), self._middle_hz / self.air.sound_speed_m_s  # fmt: skip
        ends = self.ends_m[image, mic : mic + 1]
        sent = np.abs(sends(veils, ends, points, waves, self._sheets)[0])
        return passes(veils, ends, points, waves)[0] * sent

    # ---- a source at rest

    def _prepare_still(self) -> None:
        grid, c = self.grid, self.air.sound_speed_m_s
        place = self._at(np.zeros(1))
        towards = self.ends_m - place
        r = np.sqrt(np.sum(towards**2, axis=-1))
        u = towards / np.maximum(r, 1e-9)[..., None]
        r = np.maximum(r, NEAREST_M)
        reach = int(np.ceil(float(r.max()) / c * grid.rate_hz)) + LEAD
        size = 1 << (grid.samples + LEAD + reach - 1).bit_length()
        f = np.arange(size // 2 + 1) * (grid.rate_hz / size)
        responses = self._responses(self.unit, self.converter, f)
        below = np.minimum((f / self._coarse_hz[1]).astype(int), COARSE - 2)
        share = f / self._coarse_hz[1] - below
        middle = np.mean(self.ends_m, axis=1) - place[0]
        away = np.sqrt(np.sum(middle**2, axis=-1))
        gains = []
        for i in range(len(self.maps)):
            gain = self._coarse_gain(i, float(away[i]), middle[i] / max(away[i], 1e-9))
            gains.append(gain[below] + share * (gain[below + 1] - gain[below]))
        rows = []
        for m in range(self.ends_m.shape[1]):
            total = np.zeros(f.shape, dtype=np.complex128)
            for i, gain in enumerate(gains):
                here = self._port(u[i, m], i, m) * self._passes(i, m, place) / r[i, m]
                here *= np.exp(-self._decay_middle * (r[i, m] - away[i]))
                total += (here * gain) * delayed(r[i, m] / c, f[1], len(f))
            echo = np.fft.irfft(total * responses[m], size)
            echo[reach : size - LEAD] = 0.0  # what is left wraps around and is far below the noise
            rows.append(np.fft.rfft(echo))
        self._size, self._transfer = size, np.stack(rows).astype(np.complex64)

    def _still_chunk(self, chunk: int) -> np.ndarray:
        grid, size = self.grid, self._size
        end = (chunk + 1) * grid.samples + LEAD
        x = self._span(end - size, size)
        if x is None:
            return np.zeros((self.ends_m.shape[1], grid.samples), np.float32)
        spectrum = np.fft.rfft(x)
        keep = slice(size - LEAD - grid.samples, size - LEAD)
        rows = [np.fft.irfft(product(spectrum, t), size)[keep] for t in self._transfer]
        return np.stack(rows).astype(np.float32, copy=False)

    # ---- a source that moves

    def _prepare_moving(self) -> None:
        grid = self.grid
        self._polynomials = tap_polynomials()
        self._port_filter = self._responses(self.unit, self.converter, grid.f_hz).astype(
            np.complex64
        )
        self._filters = lru_cache(maxsize=4)(self._make_filters)
        self._filtered = lru_cache(maxsize=4)(self._make_filtered)

    def _make_filters(self, chunk: int) -> np.ndarray:
        """Air and walls of each image at the start of a chunk, (image, f) complex64."""
        start = np.array([chunk * self.grid.samples / self.grid.rate_hz])
        towards = np.mean(self.ends_m, axis=1) - self._at(start)[0]
        r = np.sqrt(np.sum(towards**2, axis=-1))
        out = np.empty((len(r), len(self.grid.f_hz)), dtype=np.complex64)
        for i in range(len(r)):
            gain = self._coarse_gain(i, float(r[i]), towards[i] / max(r[i], 1e-9))
            out[i].real = np.interp(self.grid.f_hz, self._coarse_hz, gain.real)
            out[i].imag = np.interp(self.grid.f_hz, self._coarse_hz, gain.imag)
        return out

    def _make_filtered(self, chunk: int) -> np.ndarray | None:
        """The source's signal as each image sends it, air and walls included, (image, sample)."""
        grid = self.grid
        ahead = grid.ramp // 2
        x = self._span(chunk * grid.samples - ahead, grid.block)
        if x is None:
            return None
        spectrum = np.fft.rfft(x)
        share = (np.arange(grid.samples, dtype=np.float32) + 0.5) / grid.samples
        keep = slice(ahead, ahead + grid.samples)
        rows = []
        for before, after in zip(self._filters(chunk), self._filters(chunk + 1), strict=True):
            one = np.fft.irfft(product(spectrum, before), grid.block)[keep]
            two = np.fft.irfft(product(spectrum, after), grid.block)[keep]
            rows.append(one + share * (two - one))
        return np.stack(rows).astype(np.float32, copy=False)

    def _moving_chunk(self, chunk: int) -> np.ndarray:
        grid = self.grid
        step = grid.samples // KNOTS
        length = (KNOTS + 2 * EDGE) * step
        place_, gain = self._glide(chunk)
        low = int(np.floor(place_.min())) - BEFORE - 1
        high = int(np.ceil(place_.max())) + TAPS
        chunks = range(low // grid.samples, high // grid.samples + 1)
        parts = [self._filtered(c) for c in chunks]
        out = np.zeros((self.ends_m.shape[1], grid.samples), np.float32)
        if all(part is None for part in parts):
            return out
        none = np.zeros((len(self.maps), grid.samples), np.float32)
        whole = np.concatenate([none if part is None else part for part in parts], axis=1)
        origin = chunks[0] * grid.samples
        heard = np.zeros((len(out), length), np.float32)
        for i in range(len(self.maps)):
            first = int(np.floor(place_[i].min())) - BEFORE - 1 - origin
            last = int(np.ceil(place_[i].max())) + 2 - origin
            rows = np.empty((last - first - BEFORE, DEGREE + 1), np.float32)
            branches(whole[i, first : first + len(rows) + TAPS], self._polynomials, rows)
            for m in range(len(out)):
                row = place_[i, m] - (origin + first + BEFORE)
                slope = (row[2:] - row[:-2]) / (2.0 * step)
                read_gliding(rows, row[1:-1], slope, gain[i, m, 1:-1], step, heard[m])
        for m in range(len(out)):
            spectrum = product(np.fft.rfft(heard[m], grid.block), self._port_filter[m])
            out[m] = np.fft.irfft(spectrum, grid.block)[EDGE * step : EDGE * step + grid.samples]
        return out

    def _glide(self, chunk: int) -> tuple[np.ndarray, np.ndarray]:
        """Absolute sample of emission and gain at the knots of reception, (image, mic, knot) each.

        Retarded time by fixed-point steps, t_e = t - r(t_e)/c: each gains a factor v/c.
        """
        rate, c = self.grid.rate_hz, self.air.sound_speed_m_s
        spacing = self.grid.samples / KNOTS / rate
        t = (chunk * KNOTS + np.arange(-EDGE - 1, KNOTS + EDGE + 2)) * spacing
        nearby = self._at(t[:: KNOTS // 4])
        far = np.sqrt(np.sum((self.ends_m[:, :, None] - nearby) ** 2, -1)).max()
        back = int(np.ceil(1.3 * far / c / spacing)) + 2
        numbers = np.arange(chunk * KNOTS - EDGE - 1 - back, chunk * KNOTS + KNOTS + EDGE + 4)
        points = self._at(numbers * spacing)
        emitted = np.broadcast_to(t, (*self.ends_m.shape[:2], len(t)))
        for _ in range(RETARDED_STEPS):
            where = _hermite(points, emitted / spacing - numbers[0])
            towards = self.ends_m[:, :, None] - where
            r = np.sqrt(np.sum(towards**2, axis=-1))
            emitted = t - r / c
        u = towards / np.maximum(r, 1e-9)[..., None]
        port = np.empty(r.shape)
        for i, m in np.ndindex(r.shape[:2]):
            port[i, m] = self._port(u[i, m], i, m) * self._passes(i, m, where[i, m])
        damped = np.exp(-self._decay_middle * (r - self._filter_range(emitted)))
        return emitted * rate, port * damped / np.maximum(r, NEAREST_M)

    def _filter_range(self, emitted: np.ndarray) -> np.ndarray:
        """The range in m that the cross-faded filters stand for at times (image, mic, knot) of emission."""
        length = self.grid.samples / self.grid.rate_hz
        ends = np.arange(np.floor(emitted.min() / length), np.floor(emitted.max() / length) + 2)
        towards = np.mean(self.ends_m, axis=1)[:, None] - self._at(ends * length)
        r = np.sqrt(np.sum(towards**2, axis=-1))
        rows = [np.interp(t, ends * length, row) for t, row in zip(emitted, r, strict=True)]
        return np.stack(rows)


def place(scene, at) -> tuple[Callable, Callable | None]:
    """Returns (position, speed): functions of times (time,) in s, to (time, 3) in m and (time,) in m/s.

    speed is None for what stands still: a point or a device.
    """
    if not isinstance(at, AtThing):
        point = np.asarray(at, dtype=np.float64)
        return (lambda t: np.broadcast_to(point, (len(t), 3))), None
    if at.device is not None:
        device = next(d for d in scene.devices if d.name == at.device)
        point = np.asarray(device.position_m, dtype=np.float64)
        return (lambda t: np.broadcast_to(point, (len(t), 3))), None
    mover = next(m for m in scene.movers if m.name == at.mover)
    names = [piece.name for piece in mover.pieces]
    piece = names.index(at.part) if at.part is not None else 0

    def position(t_s: np.ndarray) -> np.ndarray:
        return mover.at(np.asarray(t_s, dtype=np.float64)).position_m[:, piece]

    def speed(t_s: np.ndarray) -> np.ndarray:
        half = 1e-3
        grid = np.arange(np.floor(t_s[0] / half), np.ceil(t_s[-1] / half) + 1) * half
        moved = position(grid + half) - position(grid - half)
        return np.interp(t_s, grid, np.sqrt(np.sum(moved**2, axis=-1)) / (2.0 * half))

    return position, speed


def _hermite(points: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Points (knot, 3) read at fractional knots, cubic with central differences; (..., 3)."""
    index = np.clip(index, 1.0, len(points) - 2.000001)
    k = index.astype(np.int64)
    k = np.minimum(k, len(points) - 3)
    s = (index - k)[..., None]
    slope = np.zeros_like(points)
    slope[1:-1] = 0.5 * (points[2:] - points[:-2])
    p, q, d, e = points[k], points[k + 1], slope[k], slope[k + 1]
    rise = q - p
    return p + s * (d + s * ((3.0 * rise - 2.0 * d - e) + s * (d + e - 2.0 * rise)))


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns a * b, complex64, rounded once: in float32 a processor may or may not fuse the sums in it."""
    return np.multiply(a, b, dtype=np.complex128).astype(np.complex64)


def delayed(tau_s: float, step_hz: float, count: int) -> np.ndarray:
    """Return exp(-2 pi j f tau), (count,), at multiples f of a step in Hz; of few exponentials, to 1e-14 a turn."""
    few = 1 << (count.bit_length() + 1) // 2
    turn = -2j * np.pi * tau_s * step_hz
    rows = np.exp(turn * few * np.arange(-(-count // few)))
    return np.outer(rows, np.exp(turn * np.arange(few))).ravel()[:count]

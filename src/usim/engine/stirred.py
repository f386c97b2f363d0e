"""Stirred air: the draughts of a scene as fields, its drift, and what both do to standing paths.

Every path is followed through the room itself: from the device to the wall that it meets first, and so on; each stretch is integrated on its own, at the time at which the
sound is there.  What air does changes slowly: it is known on knots of absolute time, and brought to the samples by the polynomial through six of them.
A function of time and place alone, so it is the same however a recording is cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.engine.sides import Side, sides_of
from usim.physics.air import TEMPERATURE_RANGE_C, Air
from usim.physics.eddies import INNER_M, Eddies, eddies
from usim.physics.jit import fused, kernel
from usim.physics.moving_air import straight, turned
from usim.scene.scene import Scene

RATES_HZ = (250, 500, 1000, 2000)  # of knots
KNOTS = 3.0  # at least, while the smallest eddy passes
TAPS, BEFORE = 6, 2  # knots that a sample is made of, and those that lie before its own
SPAN_K = 3.0  # half the span over which slope and bend of the sound speed are taken


@dataclass(frozen=True, eq=False)
class Stirred:
    """The air of a scene: fields of its draughts, sound speed c at time 0 in m/s, how it grows in m/s^2 and how that bends in m/s^3, and the rate of knots in Hz."""

    fields: tuple[Eddies, ...]
    c: float
    growth: float
    bend: float
    rate_hz: int

    def longer(self, t_s: np.ndarray) -> np.ndarray:
        """Return by what share of itself every way is longer at times t_s, counted in the sound speed of time 0."""
        t_s = np.asarray(t_s, float)
        return self.c / (self.c + t_s * (self.growth + t_s * self.bend)) - 1.0


def stirred(scene: Scene) -> Stirred | None:
    """Return what stirs a scene's air, None where nothing does."""
    if not scene.draughts and not scene.drift_k_per_min:
        return None
    fields = tuple(
        eddies(scene.stream(f"air.draughts.{one.name}"), one.mean_m_s, one.turbulence, one.length_m)
        for one in scene.draughts
    )
    fastest = max((float(np.linalg.norm(one.mean_m_s)) for one in fields), default=0.0)
    rate = next((rate for rate in RATES_HZ if rate >= KNOTS * fastest / INNER_M), RATES_HZ[-1])
    slope, bend = _faster(scene.air)
    kelvin = scene.drift_k_per_min / 60.0
    return Stirred(fields, float(scene.air.sound_speed_m_s), slope * kelvin, bend * kelvin**2, rate)


def _faster(air: Air) -> tuple[float, float]:
    """Return by how many m/s sound is faster per kelvin, and per kelvin squared, at the same relative humidity."""
    low = max(air.temperature_c - SPAN_K, TEMPERATURE_RANGE_C[0])
    high = min(air.temperature_c + SPAN_K, TEMPERATURE_RANGE_C[1])
    warm = np.linspace(low, high, 3)
    speeds = [
        float(Air(float(t), air.humidity_percent, air.pressure_kpa).sound_speed_m_s) for t in warm
    ]
    bend, slope, _ = np.polyfit(warm - air.temperature_c, speeds, 2)
    return float(slope), float(bend)


def stretches(
    image_m: np.ndarray, met: list[Side], points_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and ends (stretch, n, 3) in m of the stretches of ways from an end of the device to points (n, 3), the first at the device.

    image_m: (3,) the mirror image of that end in all sides met, the first of which is met first where they are at other than right angles.
    """
    at = np.array(points_m, float)
    seen = np.broadcast_to(np.asarray(image_m, float), at.shape).copy()
    left = np.ones((len(met), len(at)), bool)
    starts, ends = [], []
    for _ in met:
        way = seen - at
        shares = np.full((len(met), len(at)), np.inf)
        for n, side in enumerate(met):
            towards = way @ side.normal
            share = (side.corners_m[0] - at) @ side.normal / np.where(towards < 0.0, towards, -1.0)
            shares[n] = np.where(left[n] & (towards < 0.0), np.maximum(share, 0.0), np.inf)
        nearest = shares[::-1].argmin(axis=0)  # of equals the one met last
        nearest = len(met) - 1 - nearest
        share = np.minimum(np.take_along_axis(shares, nearest[None], 0)[0], 1.0)
        spot = at + share[:, None] * way
        starts.append(spot)
        ends.append(at)
        for n, side in enumerate(met):
            mine = nearest == n
            left[n] &= ~mine
            deep = (seen - side.corners_m[0]) @ side.normal
            seen = np.where(mine[:, None], seen - 2.0 * deep[:, None] * side.normal, seen)
        at = spot
    starts.append(seen)
    ends.append(at)
    return np.array(starts[::-1]), np.array(ends[::-1])


def sides_met(scene: Scene, walls: np.ndarray) -> list[list[Side]]:
    """Return the sides that each of some legs meets; walls (I, H): see `Legs`."""
    sides = sides_of(scene).sides
    return [[sides[w] for w in row if w >= 0] for row in walls]


def distances(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return how far (stretch + 1, n) in m along their ways the ends of stretches lie."""
    away = ends - starts
    steps = np.sqrt((away * away).sum(axis=-1))
    return np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])


@dataclass(frozen=True, eq=False)
class StirredStanding:
    """What stirred air does to the standing paths of a device: its integrals (path, wave) per field, and their ways (path,) in m; paths are (driver, mic, image) in a row."""

    air: Stirred
    ways: tuple[np.ndarray, ...]
    path_m: np.ndarray

    def longer_m(self, first: int, count: int) -> np.ndarray:
        """Return by how much (path, count) the paths are longer at knots from number `first` on, m."""
        t_s = (first + np.arange(count)) / self.air.rate_hz
        out = np.multiply.outer(self.path_m, self.air.longer(t_s))
        for field, ways in zip(self.air.fields, self.ways, strict=True):
            out -= turned(ways, field, first, count, self.air.rate_hz) / self.air.c
        return out

    def phasors(self, turns_per_metre: np.ndarray, start: int, count: int, rate_hz: int):  # type: ignore[no-untyped-def]
        """Yield, path by path, the factors (carrier, count) on its samples from number `start` on, at a rate that the rate of knots divides."""
        each = rate_hz // self.air.rate_hz
        first = start // each - BEFORE
        last = (start + count - 1) // each + TAPS - BEFORE
        knots = self.longer_m(first, last - first)
        weights = six(each)
        out = np.empty((len(turns_per_metre), count), complex)
        line = np.empty(count)
        for row in knots:
            _of_six(row, weights, start - (first + BEFORE) * each, line)
            for carrier, turns in enumerate(turns_per_metre):
                _phasor(line, turns, out[carrier])
            yield out


def stirred_standing(
    scene: Scene, sources: np.ndarray, mics_m: np.ndarray, walls: np.ndarray
) -> StirredStanding | None:
    """Return what stirred air does to paths from driver images (driver, I, 3) to microphones (mic, 3), None in still air; walls (I, H): see `Legs`."""
    air = stirred(scene)
    if air is None:
        return None
    met = sides_met(scene, walls)
    drivers, images = sources.shape[:2]
    shape = (drivers, len(mics_m), images)
    waves = [np.zeros((*shape, len(field.phase)), np.complex64) for field in air.fields]
    for driver in range(drivers):
        for image in range(images):
            starts, ends = stretches(sources[driver, image], met[image], mics_m)
            far = distances(starts, ends)
            late = (far - far[-1]) / air.c  # re the time at which the microphone hears it
            for out, field in zip(waves, air.fields, strict=True):
                for n in range(len(starts)):
                    out[driver, :, image] += straight(field, starts[n], ends[n], late[n], late[n + 1])  # fmt: skip
    away = mics_m[None, :, None] - sources[:, None]
    path_m = np.sqrt((away * away).sum(axis=-1)).ravel()
    return StirredStanding(air, tuple(one.reshape(len(path_m), -1) for one in waves), path_m)


def six(samples: int) -> np.ndarray:
    """Return the weights (samples, TAPS) of six knots in the samples between the third and the fourth of them (Lagrange)."""
    return lagrange(np.arange(samples) / samples)


def lagrange(share: np.ndarray) -> np.ndarray:
    """Return the weights (n, TAPS) of six knots at places `share` (n,) of the way from the third to the fourth."""
    knots = np.arange(TAPS)
    out = np.ones((len(share), TAPS))
    for k in knots:
        for other in knots[knots != k]:
            out[:, k] *= (share + BEFORE - other) / (k - other)
    return out


@kernel
def _of_six(knots, weights, start, out):
    """Fill out (count,) from knots, six for each sample, the first of which is `start` samples after knot BEFORE."""
    samples = weights.shape[0]
    for n in range(out.shape[0]):
        at = (start + n) // samples
        w = weights[(start + n) % samples]
        total = 0.0
        for tap in range(6):
            total = fused(w[tap], knots[at + tap], total)
        out[n] = total


@kernel
def _phasor(longer, turns, out):
    """Write exp(-2 pi i turns longer) into out (n,)."""
    for n in range(longer.shape[0]):
        x = -2.0 * np.pi * turns * longer[n]
        out[n] = complex(np.cos(x), np.sin(x))

"""Stirred air: the draughts and jets of a scene as fields, its drift, and what they do to standing paths.

Every path is followed through the room itself: from the device to the wall that it meets first, and so on; each stretch is integrated on its own, at the time at which the
sound is there.  What air does changes slowly: it is known on knots of absolute time, and brought to the samples by the polynomial through six of them.
A function of time and place alone, so it is the same however a recording is cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from usim.engine.sides import Side, sides_of
from usim.physics import jets
from usim.physics.air import TEMPERATURE_RANGE_C, Air
from usim.physics.crossing import crossed, swayed
from usim.physics.eddies import INNER_M, Eddies, eddies
from usim.physics.jit import fused, kernel
from usim.physics.moving_air import straight, turned
from usim.scene.scene import Scene
from usim.scene.stirring import Blower, blowers

RATES_HZ = (250, 500, 1000, 2000)  # of knots
KNOTS = 3.0  # at least, while the smallest eddy passes
TAPS, BEFORE = 6, 2  # knots that a sample is made of, and those that lie before its own
LEFT = 1e-3  # of what jets change of the power of paths, this share is left out with the least
WAVE, FAINTEST = 3e-9, 1e-2  # the same of a wave of the gusts; and in m^2/s, the most for any path
LOOKS, LOOKED_S = 64, 64.0  # how often, and for how long, it is looked which paths cross a jet
HIGH_HZ = 40e3  # carriers are hardly higher
GOLDEN = 0.6180339887498949
SPAN_K = 3.0  # half the span over which slope and bend of the sound speed are taken


@dataclass(frozen=True, eq=False)
class Stirred:
    """The air of a scene: fields of its draughts, jets, sound speed c at time 0 in m/s, how it grows in m/s^2 and how that bends in m/s^3, and the rate of knots in Hz."""

    fields: tuple[Eddies, ...]
    c: float
    growth: float
    bend: float
    rate_hz: int
    jets: tuple[jets.Blown, ...] = ()

    @property
    def everywhere(self) -> bool:
        """Whether it moves all of the air."""
        return bool(self.fields or self.growth or self.bend)

    def longer(self, t_s: np.ndarray) -> np.ndarray:
        """Return by what share of itself every way is longer at times t_s, counted in the sound speed of time 0."""
        t_s = np.asarray(t_s, float)
        return self.c / (self.c + t_s * (self.growth + t_s * self.bend)) - 1.0


def stirred(scene: Scene) -> Stirred | None:
    """Return what stirs a scene's air, None where nothing does."""
    blows = blowers(scene.movers)
    if not scene.draughts and not scene.drift_k_per_min and not blows:
        return None
    fields = tuple(
        eddies(scene.stream(f"air.draughts.{one.name}"), one.mean_m_s, one.turbulence, one.length_m)
        for one in scene.draughts
    )
    out = tuple(_blown(scene, one) for one in blows)
    rate = rate_for([*fields, *(reach.gusts for one in out for reach in one.reaches)])
    slope, bend = _faster(scene.air)
    kelvin = scene.drift_k_per_min / 60.0
    return Stirred(
        fields, float(scene.air.sound_speed_m_s), slope * kelvin, bend * kelvin**2, rate, out
    )


def rate_for(fields: Iterable[Eddies]) -> int:
    """Return the rate in Hz of knots that hold what some eddies do at a point."""
    fastest = max((float(np.linalg.norm(one.mean_m_s)) for one in fields), default=0.0)
    return next((rate for rate in RATES_HZ if rate >= KNOTS * fastest / INNER_M), RATES_HZ[-1])


def _blown(scene: Scene, blower: Blower) -> jets.Blown:
    """Return the jet of a blower, as far as the room reaches."""
    low, high = np.asarray(scene.room.bounds_m, float)
    opening = blower.frames(np.zeros(1))[0][0]
    far = float(np.linalg.norm(np.maximum(high - opening, opening - low)))
    jet = blower.jet
    made = jets.reaches(
        scene.stream(blower.place), jet.radius_m, jet.speed_m_s, jet.turbulence, far
    )
    return jets.Blown(made, blower.frames)


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
class Crossing:
    """Stretches that come near one jet: which of the moved paths each is part of, its ends (n, 1, 3) in m, when the sound is there (n, 1), re when it is heard,
    and what is too faint to be told (n,) in m^2/s."""

    owner: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    left: np.ndarray
    there: np.ndarray
    faint: np.ndarray


@dataclass(frozen=True, eq=False)
class StirredStanding:
    """What stirred air does to the standing paths of a device: which of them it moves (path,), the integrals (moved, wave) of draughts per field, their ways (moved,) in m,
    and what crosses each jet; paths are (driver, mic, image) in a row."""

    air: Stirred
    moved: np.ndarray
    ways: tuple[np.ndarray, ...]
    path_m: np.ndarray
    crossings: tuple[Crossing, ...] = ()

    def longer_m(self, first: int, count: int) -> np.ndarray:
        """Return by how much (moved, count) the paths are longer at knots from number `first` on, m."""
        t_s = (first + np.arange(count)) / self.air.rate_hz
        out = np.multiply.outer(self.path_m, self.air.longer(t_s))
        for field, ways in zip(self.air.fields, self.ways, strict=True):
            out -= turned(ways, field, first, count, self.air.rate_hz) / self.air.c
        for jet, way in zip(self.air.jets, self.crossings, strict=True):
            early = crossed(jet, way.starts, way.ends, way.left, way.there, first, count, self.air.rate_hz, self.air.c, faint=way.faint)  # fmt: skip
            np.add.at(out, way.owner, -early / self.air.c)
        return out

    def knots(self, start: int, count: int, rate_hz: int) -> tuple[int, np.ndarray]:
        """Return the first knot that samples from number `start` on are made of, and `longer_m` (moved, knots) from it on."""
        each = rate_hz // self.air.rate_hz
        first = start // each - BEFORE
        last = (start + count - 1) // each + TAPS - BEFORE
        return first, self.longer_m(first, last - first)

    def phasors(self, turns_per_metre: np.ndarray, start: int, count: int, rate_hz: int, rows=None):  # type: ignore[no-untyped-def]
        """Yield, path by path, the factors (carrier, count) on its samples from number `start` on, at a rate that the rate of knots divides; rows: `longer_m` of some of the paths."""
        each = rate_hz // self.air.rate_hz
        first = start // each - BEFORE
        if rows is None:
            rows = self.knots(start, count, rate_hz)[1]
        weights = six(each)
        out = np.empty((len(turns_per_metre), count), complex)
        line = np.empty(count)
        for row in rows:
            _of_six(row, weights, start - (first + BEFORE) * each, line)
            for carrier, turns in enumerate(turns_per_metre):
                _phasor(line, turns, out[carrier])
            yield out

    def brought(
        self, line: np.ndarray, first: int, start: int, count: int, rate_hz: int
    ) -> np.ndarray:
        """Return what is known at knots (n,), complex, from number `first` on, at samples (count,) from number `start` on."""
        each = rate_hz // self.air.rate_hz
        weights, from_ = six(each), start - (first + BEFORE) * each
        parts = np.empty((2, count))
        for out, knots in zip(parts, (line.real, line.imag), strict=True):
            _of_six(np.ascontiguousarray(knots), weights, from_, out)
        return parts[0] + 1j * parts[1]


def stirred_standing(
    scene: Scene,
    sources: np.ndarray,
    mics_m: np.ndarray,
    walls: np.ndarray,
    levels: np.ndarray | None = None,
) -> StirredStanding | None:
    """Return what stirred air does to paths from driver images (driver, I, 3) to microphones (mic, 3), None in still air; walls (I, H): see `Legs`.

    levels (driver, mic, image): how loud the paths are.  Where nothing but jets moves the air, those are still that matter least; None moves all that a jet meets.
    """
    air = stirred(scene)
    if air is None:
        return None
    met = sides_met(scene, walls)
    drivers, images = sources.shape[:2]
    shape = (drivers, len(mics_m), images)
    numbers = np.arange(drivers * len(mics_m) * images).reshape(shape)
    waves = [np.zeros((*shape, len(field.phase)), np.complex64) for field in air.fields]
    parts: list[tuple[np.ndarray, ...]] = []
    for driver in range(drivers):
        for image in range(images):
            starts, ends = stretches(sources[driver, image], met[image], mics_m)
            far = distances(starts, ends)
            late = (far - far[-1]) / air.c  # re the time at which the microphone hears it
            for out, field in zip(waves, air.fields, strict=True):
                for n in range(len(starts)):
                    out[driver, :, image] += straight(field, starts[n], ends[n], late[n], late[n + 1])  # fmt: skip
            parts += [(numbers[driver, :, image], starts[n], ends[n], late[n], late[n + 1]) for n in range(len(starts))]  # fmt: skip
    owner, *ways = (np.concatenate(column) for column in zip(*parts, strict=True))
    moved = np.full(numbers.size, air.everywhere)
    looked = min(LOOKED_S, scene.duration_s) * ((GOLDEN * np.arange(LOOKS)) % 1.0)
    loud = np.ones(numbers.size) if levels is None else np.abs(levels).ravel() ** 2
    sways = [swayed(jet, ways[0], ways[1], looked) for jet in air.jets]
    much = np.zeros(numbers.size)
    for sway in sways:
        np.add.at(much, owner, sway)
    # a phase that turns by more than a radian changes no more than all
    per = 2.0 * np.pi * HIGH_HZ / air.c**2
    changed = loud * np.minimum((per * much) ** 2, 2.0)
    moved |= told(changed, LEFT if levels is not None else 0.0)
    place = np.cumsum(moved) - 1
    crossings = []
    for sway in sways:
        one = moved[owner] & (sway > 0.0)
        faint = np.sqrt(WAVE * changed.sum() / np.maximum(loud[owner[one]], 1e-300)) / per
        start, end, left, there = (way[one][:, None] for way in ways)
        crossings.append(
            Crossing(place[owner[one]], start, end, left, there, np.minimum(faint, FAINTEST))
        )
    away = mics_m[None, :, None] - sources[:, None]
    path_m = np.sqrt((away * away).sum(axis=-1)).ravel()
    draughts = tuple(one.reshape(len(path_m), -1)[moved] for one in waves)
    return StirredStanding(air, moved, draughts, path_m[moved], tuple(crossings))


def told(powers: np.ndarray, left: float) -> np.ndarray:
    """Return which of some powers (n,) are among the largest that hold all but the share `left` of their sum; none that is nothing."""
    order = np.argsort(-powers, kind="stable")
    out = np.zeros(len(powers), bool)
    before = np.concatenate([[0.0], np.cumsum(powers[order])])
    out[order] = (before[:-1] < (1.0 - left) * before[-1]) & (powers[order] > 0.0)
    return out


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

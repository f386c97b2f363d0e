"""Movers before standing paths: what a body that stands in the way, or passes beside it, changes of the sound that comes without it.

A path over n walls passes a mover on any of its n + 1 stretches: between the image of the driver over the walls met before and the image of the
microphone over those met after, which are as far from each other as the path is long.  What passes is told at an even rate, path by path, and is
part of the mover's stem, for without the mover it would not be there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from usim.engine.apertures import TUBE
from usim.engine.images import Maps
from usim.engine.legs import Legs
from usim.engine.shadows import casts
from usim.engine.sides import sides_of
from usim.engine.silhouettes import POSE, changes
from usim.engine.standing import Standing
from usim.movers.base import AbstractMover
from usim.physics.air import Air
from usim.physics.dsp import TAPS, upsample
from usim.scene.scene import PlacedDevice, Scene

POSE_HZ = 250  # at which poses are asked for at least
RATES_HZ = (125, 250, 500, 1000)  # at which shadows may be told: divisors of every baseband's rate
COUNTS_TURN = 0.35  # of a way over a rim, sum of both sines, up to which what it sends is told without aliases
MOMENTS, STORY_S = 512, 600.0  # of a mover's story, at which its speed is asked for
GOLDEN = 0.6180339887498949  # moments at multiples of it are spread evenly (Weyl 1916)
DIFFERENCE_S = 1e-3
SAME_M = 1e-6
NEAR_M = 1.0  # up to which a path, as strong as it is, says little about what others are worth
ARRAY_M, TILT = (
    0.08,
    0.06,
)  # across microphones whose ways past a mover go together, and at most re their length
SPAN_S = 0.4  # what is told at a time, and kept


@dataclass(frozen=True)
class Stretches:
    """Straight ways of standing paths: starts (line, 3) and ends (way, 3) in m; firsts (line + 1,): the first of a line's ways, which end close together.

    owner (way,): which row of paths; paths (row, 3): driver, mic, image.  shady: pieces of each mover that cast shadows; rates_hz: at which its
    shadow is told.
    """

    starts: np.ndarray
    ends: np.ndarray
    firsts: np.ndarray
    owner: np.ndarray
    paths: np.ndarray
    longest_m: float
    shady: dict[str, list[int]]
    rates_hz: dict[str, int]


@dataclass(frozen=True)
class Shadow:
    """What one mover changes of standing paths (row, 3): change (carrier, row, sample), re each path, at rate_hz from sample number `first` on."""

    mover: str
    paths: np.ndarray
    change: np.ndarray
    first: int
    rate_hz: int

    def over(self, row: int, start: int, count: int, rate_hz: int) -> np.ndarray:
        """Return the change (carrier, count) of one path at baseband samples from number `start` on."""
        origin = start - self.first * rate_hz // self.rate_hz
        return upsample(self.change[:, row], self.rate_hz, rate_hz, origin, count)


def stretches(
    scene: Scene, device: PlacedDevice, legs: Legs, standing: Standing, carriers_hz: np.ndarray, shading: tuple[float, int], own: bool = True, together: bool = True
) -> Stretches | None:  # fmt: skip
    """Return the stretches of a device's standing paths that are strong enough to matter; its own direct sound goes past nobody.  None where nobody is.

    shading: share of the standing paths' energy that is left out, and the least rate in Hz.  own: whether the device hears itself.  together: microphones close to each
    other share silhouettes.
    """
    top = float(np.max(carriers_hz, initial=0.0))
    if not top:
        return None
    shady, rates_hz = {}, {}
    for mover in scene.movers:
        some = list(in_the_way(mover, top, scene.air))
        if some:
            waves = top / scene.air.sound_speed_m_s
            rates_hz[mover.name] = _rate_hz(mover, some, waves, shading[1])
            shady[mover.name] = some
    if not rates_hz:
        return None
    drivers, mics = device.world(device.unit.drivers_m), device.world(device.unit.mics_m)
    power = (np.abs(standing.gains(device.unit)) ** 2).sum(axis=0)
    if own:
        power[:, :, standing.direct] = 0.0
    order = np.argsort(-power, axis=None, kind="stable")
    far = np.where(standing.path_m < NEAR_M, 0.0, power)
    total = np.cumsum((far if far.any() else power).ravel()[order])
    kept = np.zeros(power.shape, bool)
    kept.ravel()[order[: int(np.searchsorted(total, (1.0 - shading[0]) * total[-1])) + 1]] = True
    kept = kept.any(axis=1, keepdims=True) & (power > 0.0)  # what one microphone hears, all do
    paths = np.argwhere(kept)
    if not len(paths):
        return None
    number = np.full(power.shape, -1)
    number[tuple(paths.T)] = np.arange(len(paths))
    mirrors = [
        (
            np.eye(3) - 2.0 * np.outer(s.normal, s.normal),
            2.0 * (s.normal @ s.corners_m[0]) * s.normal,
        )
        for s in sides_of(scene).sides
    ]
    close = _close(mics)
    starts, ends, firsts, owner = [], [], [0], []
    parts: dict[int, list[tuple]] = {}
    for driver, image in np.argwhere(kept.any(axis=1)):
        if int(image) not in parts:
            parts[int(image)] = _splits(legs.maps, int(image), mirrors)
        apart = not together or standing.path_m[driver, :, image].min() * TILT < ARRAY_M
        for group in [[mic] for mic in range(len(mics))] if apart else close:
            heard = [mic for mic in group if kept[driver, mic, image]]
            for (there, shift), (back, moved) in parts[int(image)] if heard else []:
                starts.append(there @ drivers[driver] + shift)
                ends += [back @ mics[mic] + moved for mic in heard]
                owner += [number[driver, mic, image] for mic in heard]
                firsts.append(len(ends))
    longest = float(standing.path_m[tuple(paths.T)].max())
    lines = np.array(starts), np.array(ends), np.array(firsts, np.int64)
    return Stretches(*lines, np.array(owner, np.int64), paths, longest, shady, rates_hz)


def _rate_hz(mover: AbstractMover, shady: list[int], waves_per_m: float, least_hz: int) -> int:
    """Return at which rate a mover's shadow is told: its speed crosses the waves of its rims, by and large, twice for every sample.

    Speed: of its pieces, weighted by how large they are, when it is fastest.  Of a walker's shadow -53 dB lie beyond 62 Hz and -22 dB beyond 25 Hz.
    """
    start, end = mover.story_s
    start = start if np.isfinite(start) else 0.0
    end = min(max(end, start), start + STORY_S)
    t_s = start + (end - start) * (GOLDEN * np.arange(1, MOMENTS + 1) % 1.0)
    place, later = (mover.at(t_s + d).position_m[:, shady] for d in (0.0, DIFFERENCE_S))
    square = (((later - place) / DIFFERENCE_S) ** 2).sum(axis=-1)
    size = np.sort(np.array([mover.pieces[n].half_m for n in shady]), axis=1)
    area = size[:, 1] * size[:, 2]
    speed = float(np.sqrt((square @ area).max() / area.sum()))
    needed = max(2.0 * COUNTS_TURN * speed * waves_per_m, least_hz)
    return next((rate for rate in RATES_HZ if rate >= needed), RATES_HZ[-1])


def _close(mics: np.ndarray) -> list[list[int]]:
    """Return groups of microphones (mic, 3) none of which lies further than ARRAY_M from the middle of its own: they see nearly the same silhouettes."""
    groups: list[list[int]] = []
    for mic in range(len(mics)):
        for group in groups:
            places = mics[[*group, mic]]
            if np.linalg.norm(places - places.mean(axis=0), axis=1).max() <= ARRAY_M:
                group.append(mic)
                break
        else:
            groups.append([mic])
    return groups


def _splits(maps: Maps, image: int, mirrors: list) -> list[tuple]:
    """Return the maps of driver and microphone for every place along an image's path, whichever order its walls are met in."""
    walls = [int(w) for w in maps.walls[image] if w >= 0]
    found: list[tuple] = []
    for order in sorted(set(permutations(walls))):
        linear, offset = _over(order, mirrors)
        if max(np.abs(linear - maps.linear[image]).max(), np.abs(offset - maps.offset[image]).max()) > SAME_M:  # fmt: skip
            continue
        for met in range(len(order) + 1):
            split = _over(order[:met], mirrors), _over(order[met:][::-1], mirrors)
            if not any(_alike(split, other) for other in found):
                found.append(split)
    return found


def _over(walls: tuple[int, ...], mirrors: list) -> tuple[np.ndarray, np.ndarray]:
    """Return the map of a point to its image over walls, the first one met first."""
    linear, offset = np.eye(3), np.zeros(3)
    for wall in walls:
        flip, shift = mirrors[wall]
        linear, offset = flip @ linear, flip @ offset + shift
    return linear, offset


def _alike(one: tuple, other: tuple) -> bool:
    return all(
        np.abs(a - b).max() < SAME_M
        for x, y in zip(one, other, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def in_the_way(mover: AbstractMover, f_hz: float, air: Air) -> tuple[int, ...]:
    """Return the numbers of the pieces that stand in the way of sound: a cylinder does as the ellipsoid that fills it."""
    round_ = [
        replace(piece, shape="ellipsoid", size_m=piece.half_m) if piece.shape == TUBE else piece
        for piece in mover.pieces
    ]
    return tuple(number for number, piece in enumerate(round_) if casts(piece, f_hz, air))


def shadows_of(
    scene: Scene,
    mover: AbstractMover,
    ways: Stretches | None,
    carriers_hz: np.ndarray,
    start_s: float,
    end_s: float,
    held: dict[tuple[str, int], np.ndarray] | None = None,
) -> list[Shadow]:
    """Return what a mover changes of standing paths around a window of reception time; nothing where it has nothing that casts a shadow.

    held: {(mover, span): changes}, read and added to, for a caller that asks for one window after another.
    """
    if ways is None or mover.name not in ways.rates_hz:
        return []
    held = {} if held is None else held
    spans = needed_spans(start_s, end_s)
    for span in spans:
        if (mover.name, span) not in held:
            held[mover.name, span] = _span(scene, mover, ways, carriers_hz, span)
    change = np.concatenate([held[mover.name, span] for span in spans], axis=2)
    seen = np.flatnonzero(np.any(change, axis=(0, 2)))
    rate_hz = ways.rates_hz[mover.name]
    first = spans.start * round(SPAN_S * rate_hz)
    return [Shadow(mover.name, ways.paths[seen], change[:, seen], first, rate_hz)]


def needed_spans(start_s: float, end_s: float) -> range:
    """Return the spans that a window of reception time reads, with what the interpolation needs on either side."""
    margin = (TAPS // 2 + 1) / RATES_HZ[0]
    return range(
        int(np.floor((start_s - margin) / SPAN_S)), int(np.floor((end_s + margin) / SPAN_S)) + 1
    )


def _span(scene: Scene, mover: AbstractMover, ways: Stretches, carriers_hz: np.ndarray, span: int) -> np.ndarray:  # fmt: skip
    """Return the changes (carrier, path, sample) of one span."""
    c = scene.air.sound_speed_m_s
    waves = np.asarray(carriers_hz, float) / c
    rate_hz = ways.rates_hz[mover.name]
    pose_hz = max(rate_hz, POSE_HZ)
    every = pose_hz // rate_hz
    count = round(SPAN_S * pose_hz)
    lead = int(ways.longest_m / c * pose_hz) + 4
    poses = _poses(
        mover, ways.shady[mover.name], (span * count - lead + np.arange(count + lead + 4)) / pose_hz
    )
    change = np.zeros((len(waves), len(ways.paths), count // every), complex)
    changes(ways.starts, ways.ends, ways.firsts, ways.owner, poses, lead, every, pose_hz / c, waves, change)  # fmt: skip
    return change


def _poses(mover: AbstractMover, shady: list[int], times: np.ndarray) -> np.ndarray:
    """Return centre and squared shape (piece, POSE, time) of some pieces."""
    poses = mover.at(times)
    size = poses.sizes_m(mover.pieces)[:, shady]
    turn = poses.rotation[:, shady]
    square = np.einsum("tpia,tpa,tpja->tpij", turn, size * size, turn)
    out = np.empty((len(shady), POSE, len(times)))
    out[:, :3] = poses.position_m[:, shady].transpose(1, 2, 0)
    for row, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))):
        out[:, 3 + row] = square[:, :, i, j].T
    return out


def received(
    shadow: Shadow, gains: np.ndarray, path_m: np.ndarray, emission, c: float, times: np.ndarray, start: int, rate_hz: int
) -> np.ndarray:  # fmt: skip
    """Return (mic, carrier, sample) what a mover changes of the standing sound, from baseband sample number `start` on.

    gains (carrier, driver, mic, image): see `Standing.gains`; path_m (driver, mic, image); times (sample,) s: those of the samples.
    """
    carriers, _, mics, _ = gains.shape
    out = np.zeros((mics, carriers, len(times)), complex)
    low_hz = shadow.rate_hz
    origin = start - shadow.first * rate_hz // low_hz
    driver, mic, image = shadow.paths.T
    waves = gains[:, driver, mic, image][:, :, None] * shadow.change  # (carrier, row, n)
    if emission.steady:
        for one in np.unique(mic):
            together = waves[:, mic == one].sum(axis=1)
            out[one] = upsample(together, low_hz, rate_hz, origin, len(times))
        return out
    for row, (d, m, i) in enumerate(shadow.paths):
        envelope = emission.envelope(times - path_m[d, m, i] / c)
        out[m] += envelope * upsample(waves[:, row], low_hz, rate_hz, origin, len(times))
    return out

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
from usim.engine.silhouettes import POSE, changes, rims
from usim.engine.standing import Standing
from usim.movers.base import AbstractMover
from usim.physics.air import Air
from usim.physics.dsp import TAPS, upsample
from usim.scene.scene import PlacedDevice, Scene

POSE_HZ = 250  # at which poses are asked for
SAME_M = 1e-6
NEAR_M = 1.0  # up to which a path, as strong as it is, says little about what others are worth
SPAN_S = 0.4  # what is told at a time, and kept


@dataclass(frozen=True)
class Stretches:
    """Straight ways of standing paths: starts and ends (line, 3) m; owner (line,): which row of paths; paths (row, 3): driver, mic, image.

    What passes them is told at rate_hz.
    """

    starts: np.ndarray
    ends: np.ndarray
    owner: np.ndarray
    paths: np.ndarray
    longest_m: float
    rate_hz: int


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
    scene: Scene, device: PlacedDevice, legs: Legs, standing: Standing, shading: tuple[tuple[float, int], ...], own: bool = True
) -> tuple[Stretches, ...]:  # fmt: skip
    """Return the stretches of a device's standing paths that are strong enough to matter; its own direct sound goes past nobody.

    own: whether the device hears itself.
    shading: (share of the standing paths' energy that is left to what follows, rate in Hz) from the strongest paths to the weakest.  A rim that still
    counts sends 43 Hz per m/s; of a walker's shadow -53 dB lie beyond 62 Hz and -22 dB beyond 25 Hz, so weak paths are told less often.
    """
    drivers, mics = device.world(device.unit.drivers_m), device.world(device.unit.mics_m)
    power = (np.abs(standing.gains(device.unit)) ** 2).sum(axis=0)
    if own:
        power[:, :, standing.direct] = 0.0
    order = np.argsort(-power, axis=None, kind="stable")
    far = np.where(standing.path_m < NEAR_M, 0.0, power)
    total = np.cumsum((far if far.any() else power).ravel()[order])
    mirrors = [(s.normal, float(s.normal @ s.corners_m[0])) for s in sides_of(scene).sides]
    parts: dict[int, list[tuple]] = {}
    out, done = [], 0
    for share, rate_hz in shading:
        to = int(np.searchsorted(total, (1.0 - share) * total[-1])) + 1
        kept = np.sort(order[done:to])
        done = max(done, to)
        paths = np.stack(np.unravel_index(kept, power.shape), axis=1)
        paths = paths[power[tuple(paths.T)] > 0.0]
        if not len(paths):
            continue
        starts, ends, owner = [], [], []
        for row, (driver, mic, image) in enumerate(paths):
            if int(image) not in parts:
                parts[int(image)] = _splits(legs.maps, int(image), mirrors)
            for (there, shift), (back, moved) in parts[int(image)]:
                starts.append(there @ drivers[driver] + shift)
                ends.append(back @ mics[mic] + moved)
                owner.append(row)
        longest = float(standing.path_m[tuple(paths.T)].max())
        owners = np.array(owner, np.int64)
        out.append(Stretches(np.array(starts), np.array(ends), owners, paths, longest, rate_hz))
    return tuple(out)


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
        normal, level = mirrors[wall]
        flip = np.eye(3) - 2.0 * np.outer(normal, normal)
        linear, offset = flip @ linear, flip @ offset + 2.0 * level * normal
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
    ways: tuple[Stretches, ...],
    carriers_hz: np.ndarray,
    start_s: float,
    end_s: float,
    held: dict[tuple[str, int], list[np.ndarray]] | None = None,
) -> list[Shadow]:
    """Return what a mover changes of standing paths around a window of reception time; nothing where it has nothing that casts a shadow.

    held: {(mover, span): changes}, read and added to, for a caller that asks for one window after another.
    """
    top = float(np.max(carriers_hz, initial=0.0))
    shady = list(in_the_way(mover, top, scene.air))
    if not shady or not ways:
        return []
    held = {} if held is None else held
    spans = needed_spans(start_s, end_s, ways)
    for span in spans:
        if (mover.name, span) not in held:
            held[mover.name, span] = _span(scene, mover, shady, ways, carriers_hz, span)
    out = []
    for row, some in enumerate(ways):
        change = np.concatenate([held[mover.name, span][row] for span in spans], axis=2)
        seen = np.flatnonzero(np.any(change, axis=(0, 2)))
        first = spans.start * round(SPAN_S * some.rate_hz)
        out.append(Shadow(mover.name, some.paths[seen], change[:, seen], first, some.rate_hz))
    return out


def needed_spans(start_s: float, end_s: float, ways: tuple[Stretches, ...]) -> range:
    """Return the spans that a window of reception time reads, with what the interpolation needs on either side."""
    margin = (TAPS // 2 + 1) / min((some.rate_hz for some in ways), default=POSE_HZ)
    return range(
        int(np.floor((start_s - margin) / SPAN_S)), int(np.floor((end_s + margin) / SPAN_S)) + 1
    )


def _span(
    scene: Scene, mover: AbstractMover, shady: list[int], ways: tuple[Stretches, ...], carriers_hz: np.ndarray, span: int
) -> list[np.ndarray]:  # fmt: skip
    """Return the changes (carrier, path, sample) of one span, for each of the ways."""
    c = scene.air.sound_speed_m_s
    count = round(SPAN_S * POSE_HZ)
    lead = int(max(some.longest_m for some in ways) / c * POSE_HZ) + 4
    poses = _poses(mover, shady, (span * count - lead + np.arange(count + lead + 4)) / POSE_HZ)
    waves = np.asarray(carriers_hz, float) / c
    out = []
    for some in ways:
        every = POSE_HZ // some.rate_hz
        change = np.zeros((len(waves), len(some.paths), count // every), complex)
        changes(some.starts, some.ends, some.owner, poses, lead, every, POSE_HZ / c, waves, _RIMS, change)  # fmt: skip
        out.append(change)
    return out


_RIMS = rims()


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

"""Truth: what really happened, told from the movers and the paths, never from the recording."""

from __future__ import annotations

import numpy as np

from usim.devices.unit import Unit
from usim.engine.apertures import TUBE
from usim.engine.baseband import REFERENCE_PA
from usim.engine.hearing import BEFORE, Heard
from usim.engine.legs import Legs, body_reflection
from usim.engine.orbits import orbit
from usim.engine.paths import Paths
from usim.engine.selection import energies, pose_table
from usim.recording.labels import STEPS_PER_S, LabelTrack, Motion, label_track, step_times_s
from usim.recording.observation import Baseband
from usim.recording.truth import Truth, decibels
from usim.scene.motion import HALF_DIFFERENCE_S

TRUTH_HZ = 100
FRAME_S, HOP_S = 0.128, 0.064
HELD = 0.99  # share of an echo's power whose bins are its band
ECHO_ORDER = 1  # of the images that a piece's level counts: the rest carries about 1 dB
PELVIS = "pelvis"


def told(paths: Paths, unit: Unit, got: Heard, baseband: Baseband | None) -> Truth:
    """Return the truth of a recording: labels, each piece's speed, range and echo level, and echo over noise.

    got: what the unit heard; baseband: only where no product could have it.
    """
    scene, rate = paths.scene, paths.rate_hz
    start_s, duration_s = paths.start / rate, paths.samples / rate
    own = (
        np.arange(max(round(duration_s * TRUTH_HZ), 1)) + 0.5
    ) / TRUTH_HZ  # the recording's clock
    times = start_s + own
    names, speeds, ranges, levels, places = [], [], [], [], []
    for mover in scene.movers:
        names += [f"{mover.name}.{piece.name}" for piece in mover.pieces]
        position, distance, rate_m_s = _seen(mover, times, paths.device.position_m)
        places.append(position)
        ranges.append(distance)
        speeds.append(rate_m_s)
        levels.append(_levels(paths, unit, mover, times))
    none = np.zeros((len(times), 0))
    frames, ratio = _echo_to_noise(paths, got.causes, got.hum)
    return Truth(
        scene.text,
        _labels(scene, start_s, duration_s),
        tuple(names),
        own,
        np.concatenate(speeds, axis=1) if names else none,
        np.concatenate(ranges, axis=1) if names else none,
        np.concatenate(levels, axis=1) if names else none,
        np.concatenate(places, axis=1) if names else np.zeros((len(times), 0, 3)),
        tuple(mover.name for mover in scene.movers),
        frames,
        ratio,
        got.stems,
        baseband,
    )


def _seen(
    mover, times: np.ndarray, device_m: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return position (time, piece, 3), range (time, piece) of the nearest point m, and its rate m/s (positive: away).

    Of what is curved, the point that reaches furthest towards the device: up to size^2 / (8 range) nearer than the nearest.
    """
    flat = np.array([piece.is_flat for piece in mover.pieces])
    round_ = np.array([piece.shape == TUBE for piece in mover.pieces])

    def distance(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pose = mover.at(at)
        away = device_m - pose.position_m
        far = np.sqrt((away * away).sum(axis=-1))
        own, size = np.einsum("tpij,tpi->tpj", pose.rotation, away), pose.sizes_m(mover.pieces)
        reach = np.sqrt(((own * size) ** 2).sum(axis=-1)) / far
        edge = own - np.clip(own, -size, size)
        across = np.maximum(np.hypot(own[..., 0], own[..., 1]) - size[..., 0], 0.0)
        edge[..., 0] = np.where(round_, across, edge[..., 0])
        edge[..., 1] = np.where(round_, 0.0, edge[..., 1])
        return pose.position_m, np.where(flat, np.sqrt((edge * edge).sum(axis=-1)), far - reach)

    position, here = distance(times)
    rate = (distance(times + HALF_DIFFERENCE_S)[1] - distance(times - HALF_DIFFERENCE_S)[1]) / (
        2 * HALF_DIFFERENCE_S
    )
    return position, here, rate


def _levels(paths: Paths, unit: Unit, mover, times: np.ndarray) -> np.ndarray:
    """Return the echo level (time, piece) in dB SPL: power sum over pairs of order <= ECHO_ORDER and drivers, while the tone is on.

    Of a flat piece, which flashes, the mean over its orbit (see `orbits`).
    """
    emission = paths.device.emission
    if emission is None or not paths.bands:
        return np.full((len(times), len(mover.pieces)), decibels(0.0))
    near = _subset(paths.legs, np.flatnonzero(paths.legs.maps.order <= ECHO_ORDER))
    cost = paths.bands[0]
    pose = mover.at(times)
    sizes = pose.sizes_m(mover.pieces)
    level = REFERENCE_PA * 10 ** (emission.level_db_spl / 20)
    power = np.zeros((len(times), len(mover.pieces)))
    seen = orbit(mover) if any(body.is_flat for body in mover.pieces) else None
    for piece, body in enumerate(mover.pieces):
        size = np.array(body.half_m, float)
        table = pose_table(pose.position_m[:, piece], pose.rotation[:, piece], sizes[:, piece])
        for driver in range(len(near.sources)):
            gain = abs(unit.drive_gain(driver, cost.carrier_hz, cost.carrier_hz)) * level
            if body.is_flat and seen is not None:
                energy = seen.energies(piece, near, cost, driver).reshape(-1, 1)
            else:
                energy = energies(table, size, near, cost, driver)
            skin = abs(
                body_reflection(body.surface, np.ones(1), cost.carrier_hz, paths.scene.air)[0]
            )
            power[:, piece] += energy.sum(axis=0, dtype=float) * (gain * skin) ** 2
    on = emission.envelope(times)[0] if emission.band_hz is None else _told(emission, times)
    return decibels(power * (on * on)[:, None] / REFERENCE_PA**2)


def _told(emission, times: np.ndarray) -> np.ndarray:
    """Return (time,) 1 while the device is told to sound: within a sweep and between two."""
    starts, sounds = zip(*emission.changes(), strict=True)
    at = np.searchsorted(starts, times, side="right") - 1
    return np.array(sounds, float)[np.maximum(at, 0)]


def _subset(legs: Legs, rows: np.ndarray) -> Legs:
    return Legs(
        legs.maps.subset(rows), legs.sources[:, rows], legs.source_axes[:, rows], legs.targets[rows], legs.target_axes[rows],
        legs.walls[rows], legs.normals[rows],
    )  # fmt: skip


def _labels(scene, start_s: float, duration_s: float) -> LabelTrack:
    """Return the labels of a window, on its own clock: zero is the start of the recording."""
    times = start_s + step_times_s(duration_s)
    motions = []
    for mover in scene.movers:
        through, fastest = part_speeds(mover, times)
        inside = scene.room.contains(mover.at(times).position_m).any(axis=1)
        names = [piece.name for piece in mover.pieces]
        pelvis = None
        if mover.label == "person":
            pelvis = through[:, names.index(PELVIS) if PELVIS in names else 0]
        motions.append(Motion(mover.name, fastest, pelvis, inside))
    return label_track(motions, duration_s)


def part_speeds(mover, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the speeds (time, piece) in m/s of each piece's middle, and of its fastest point: a bound, right where it only goes or only turns.

    What swells is left out: a chest that breathes does not move.
    """
    half = 0.05 / STEPS_PER_S
    before, after = mover.at(times - half), mover.at(times + half)
    size = np.array([piece.half_m for piece in mover.pieces])
    through = np.linalg.norm(after.position_m - before.position_m, axis=-1) / (2 * half)
    turning = (after.rotation - before.rotation) * size[:, None, :] / (2 * half)
    round_ = np.ptp(size, axis=1) == 0.0  # a ball that spins does not move
    spin = np.where(round_, 0.0, np.linalg.norm(turning, ord=2, axis=(-2, -1)))
    return through, through + spin


def _echo_to_noise(
    paths: Paths, causes: dict[str, np.ndarray], hum: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return frame middles (frame,) s and echo over noise (frame, mover) dB in the band each echo occupies; other devices are noise."""
    movers = [name for name in causes if name.startswith("mover.")]
    size, hop = round(FRAME_S * paths.rate_hz), round(HOP_S * paths.rate_hz)
    starts = np.arange(0, paths.samples - size + 1, hop)
    middles = (starts + size / 2) / paths.rate_hz
    ratio = np.zeros((len(starts), len(paths.scene.movers)))
    if not movers or not len(starts):
        return middles[: len(ratio)], ratio
    window = np.hanning(size)

    def power(z: np.ndarray) -> np.ndarray:
        frames = np.stack([z[..., s : s + size] for s in starts], axis=-2) * window
        # (frame, bin), mean over microphones and carriers
        return (np.abs(np.fft.fft(frames, axis=-1)) ** 2).mean(axis=(0, 1))

    floor = power(hum).mean(axis=0) + 1e-40
    for column, name in enumerate(movers):
        echo = power(causes[name][:, :, BEFORE : BEFORE + paths.samples])
        order = np.argsort(-echo, axis=1)
        ranked = np.take_along_axis(echo, order, axis=1)
        held = np.cumsum(ranked, axis=1) <= HELD * ranked.sum(axis=1, keepdims=True)
        held[:, 0] = True
        noise = np.take_along_axis(np.broadcast_to(floor, echo.shape), order, axis=1)
        ratio[:, column] = decibels((ranked * held).sum(axis=1) / (noise * held).sum(axis=1))
    return middles, ratio

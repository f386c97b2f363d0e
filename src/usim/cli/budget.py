"""What can be said of a scene before it is rendered: absorption, echo budget, Doppler, paths, cost.

Estimates, each with its rule, but for the echo levels, which are the engine's; a rendered recording tells them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from usim.cli.crosstalk import crosstalk
from usim.engine.images import maps
from usim.engine.sides import sides_of
from usim.movers.base import AbstractMover
from usim.noises.base import AtThing
from usim.rooms.base import Patch
from usim.scene.scene import PlacedDevice, Scene

# Reflections that a path may have, by quality; a test holds them to the engine's, which would bring numba along.
ORDER = {"draft": 2, "standard": 3, "fine": 3, "exact": 3}
NOISE_BAND_HZ = 20.0  # the band in which an echo is compared with the noise
INSTANTS = 400  # at most so many times of a mover's story are looked at
_REFERENCE_PA = 20e-6


def budget(scene: Scene) -> dict[str, Any]:
    """Return everything `describe` says of one sampled scene, as plain numbers with their units in the names."""
    carriers = sorted(
        {
            float(f)
            for device in scene.devices
            if device.emission
            for f in device.emission.carriers_hz
        }
    )
    f_hz = carriers[0] if carriers else 32_000.0
    return {
        "title": scene.title,
        "duration_s": scene.duration_s,
        "seed": scene.seed,
        "attempts": scene.attempts,
        "quality": scene.render.quality,
        "air": _air(scene, f_hz),
        "room": _room(scene, f_hz),
        "devices": [_device(device) for device in scene.devices],
        "movers": [_mover(scene, mover, carriers) for mover in scene.movers],
        "noises": [
            {"name": noise.name, "level_db_spl": noise.level_db_spl, "band_hz": list(noise.band_hz)}
            for noise in scene.noises
        ],
        "echoes": [
            _echo(scene, device, mover)
            for device in scene.devices
            if device.listens and device.emission is not None
            for mover in scene.movers
            if not flashes(mover)
        ],
        "crosstalk": crosstalk(scene),
        "baseband_rate_hz": scene.baseband_rate_hz,
        "paths": paths(scene),
        "notes": [
            *scene.notes,
            *(
                f"movers.{mover.name}: flat pieces and cylinders flash, so it has no echo budget; render it to see how loud it is"
                for mover in scene.movers
                if flashes(mover)
            ),
        ],
    }


def flashes(mover: AbstractMover) -> bool:
    """Return whether a mover has flat pieces or cylinders, whose echo at a few instants says nothing of their flashes."""
    return any(piece.is_flat for piece in mover.pieces)


def diffuse(surface: Any, f_hz: float, air: Any) -> dict[str, float]:
    """Return a surface's shares of energy in a diffuse field (Paris 1928: weights 2 cos sin): lost, scattered."""
    nodes, weights = np.polynomial.legendre.leggauss(32)
    cos = 0.5 * (nodes + 1.0)
    parts = surface.energy(cos, np.full_like(cos, f_hz), air)
    weight = weights * cos  # 2 cos dcos over 0..1 on the nodes of -1..1
    lost = np.asarray(parts.absorbed) + np.asarray(parts.transmitted)
    return {
        "absorption": float(np.sum(weight * lost)),
        "scattering": float(np.sum(weight * np.asarray(parts.scattered))),
    }


def eyring_s(
    volume_m3: float, areas_m2: np.ndarray, absorption: np.ndarray, c: float, air_np_m: float
) -> float:
    """Return the reverberation time T60 in s (Eyring 1930, with the loss of the air).

    volume_m3; areas_m2, absorption: (wall,); c: m/s; air_np_m: amplitude absorption of air in Np/m.
    A rough number where absorption is uneven, as it is above 30 kHz.
    """
    total = float(np.sum(areas_m2))
    mean = min(float(np.sum(areas_m2 * absorption)) / total, 1.0 - 1e-9)
    lost = -total * np.log1p(-mean) + 8.0 * air_np_m * volume_m3
    return float(24.0 * np.log(10.0) / c * volume_m3 / lost)


def polygon_area_m2(corners_m: np.ndarray) -> float:
    """Return the area in m2 of a flat polygon, corners (corner, 3) in m."""
    a = np.asarray(corners_m, float)
    return float(0.5 * np.linalg.norm(np.sum(np.cross(a, np.roll(a, -1, axis=0)), axis=0)))


def _air(scene: Scene, f_hz: float) -> dict[str, float]:
    air = scene.air
    return {
        "temperature_c": air.temperature_c,
        "humidity_percent": air.humidity_percent,
        "sound_speed_m_s": float(air.sound_speed_m_s),
        "frequency_hz": f_hz,
        "absorption_db_m": float(air.absorption_db_m(f_hz)),
    }


def _room(scene: Scene, f_hz: float) -> dict[str, Any]:
    room, air = scene.room, scene.air
    walls = [
        {
            "name": wall.name,
            "area_m2": polygon_area_m2(wall.corners_m)
            - sum(polygon_area_m2(p.corners_m) for p in scene.patches if p.wall == wall.name),
            "surface": _surface_word(scene, wall.name),
            **diffuse(wall.surface, f_hz, air),
        }
        for wall in room.walls
    ]
    walls += [
        {
            "name": f"{patch.wall}.{patch.name}",
            "area_m2": polygon_area_m2(patch.corners_m),
            "surface": _patch_word(scene, patch),
            **diffuse(patch.surface, f_hz, air),
        }
        for patch in scene.patches
    ]
    areas = np.array([wall["area_m2"] for wall in walls])
    lost = np.array([wall["absorption"] for wall in walls])
    size = np.ptp(np.asarray(room.bounds_m, float), axis=0)
    return {
        "kind": scene.table["room"]["kind"],
        "size_m": size.tolist(),
        "volume_m3": float(room.volume_m3),
        "walls": walls,
        "mean_absorption": float(np.sum(areas * lost) / np.sum(areas)),
        "t60_s": eyring_s(
            room.volume_m3,
            areas,
            lost,
            float(air.sound_speed_m_s),
            float(air.absorption_np_m(f_hz)),
        ),
        "furniture": [piece.name for piece in scene.furniture],
    }


def _patch_word(scene: Scene, patch: Patch) -> str:
    """Return what a patch is made of, as a word: `open` where an opening is."""
    name, _, part = patch.name.partition(".")
    room = scene.table["room"]
    for item in (*room.get("patches", ()), *room.get("openings", ())):
        if item["name"] == name:
            if part == "1" or (not part and item.get("open", 0.0) >= 0.5):
                return "open"
            return _word(item["surface"])
    return ""


def _surface_word(scene: Scene, wall: str) -> str:
    surfaces = scene.table["room"].get("surfaces", {})
    word = surfaces.get(wall, surfaces.get("walls", ""))
    return _word(word)


def _word(surface: Any) -> str:
    if isinstance(surface, dict):
        return str(surface.get("material") or surface.get("kind") or "")
    return str(surface)


def _device(device: PlacedDevice) -> dict[str, Any]:
    unit, emission = device.unit, device.emission
    return {
        "name": device.name,
        "profile": unit.profile.name,
        "unit": "nominal" if unit.serial is None else unit.serial,
        "position_m": np.asarray(device.position_m, float).tolist(),
        "yaw_deg": device.yaw_deg,
        "listens": device.listens,
        "microphones": len(unit.mics_m),
        "carriers_hz": [] if emission is None else [float(f) for f in emission.carriers_hz],
        **({"band_hz": list(emission.band_hz)} if emission and emission.band_hz else {}),
        "level_db_spl": None if emission is None else float(emission.level_db_spl),
        "direct_db_spl": None
        if emission is None
        else _direct_db(device, float(emission.carriers_hz[0])),
    }


def _mover(scene: Scene, mover: AbstractMover, carriers: list[float]) -> dict[str, Any]:
    return {
        "name": mover.name,
        "label": mover.label,
        "pieces": len(mover.pieces),
        "speed_m_s": float(scene.speeds_m_s[mover.name]),
        "doppler_hz": {f"{f:g}": scene.doppler_hz(f, mover.name) for f in carriers},
    }


def _drive_pa(device: PlacedDevice, f_hz: float, driver: int = 0) -> float:
    """Return the rms pressure in Pa at 1 m on the axis of one of the unit's drivers."""
    level = device.emission.level_db_spl if device.emission else 0.0
    gain = abs(np.asarray(device.unit.drive_gain(driver, np.array([f_hz]), f_hz)).reshape(-1)[0])
    return float(_REFERENCE_PA * 10 ** (level / 20) * gain)


def _direct_db(device: PlacedDevice, f_hz: float) -> float:
    """Return the level in dB SPL of the driver's own sound at its loudest microphone."""
    unit = device.unit
    levels = []
    for mic, place in enumerate(unit.mics_m):
        r = max(float(np.linalg.norm(place - unit.drivers_m[0])), 1e-3)
        leak = abs(np.asarray(unit.leak(0, mic, np.array([f_hz]))).reshape(-1)[0])
        levels.append(20 * np.log10(max(_drive_pa(device, f_hz) * leak / r, 1e-30) / _REFERENCE_PA))
    return float(max(levels))


def _echo(scene: Scene, device: PlacedDevice, mover: AbstractMover) -> dict[str, Any]:
    """Return the level of a mover's echo, the loudest and the median over its time in the scene.

    The engine's own power sum over the pairs of legs with at most one reflection each, as in truth.npz; of all pieces together.
    """
    from usim.engine.legs import band, body_reflection, legs
    from usim.engine.selection import energies, pose_table
    from usim.engine.telling import ECHO_ORDER

    assert device.emission is not None
    f_hz = float(device.emission.carriers_hz[0])
    unit, air = device.unit, scene.air
    t_s = np.linspace(0.0, scene.duration_s, min(INSTANTS, max(2, int(scene.duration_s / 0.02))))
    poses = mover.at(t_s)
    around, cost = legs(scene, device, ECHO_ORDER), band(scene, device, f_hz)
    place = device.world(unit.drivers_m[0])
    power = np.zeros(t_s.size)
    nearest = np.inf
    for number, piece in enumerate(mover.pieces):
        at, rotation = poses.position_m[:, number], poses.rotation[:, number]
        size = poses.sizes_m(mover.pieces)[:, number]
        skin = abs(body_reflection(piece.surface, np.ones(1), f_hz, air)[0])
        table = pose_table(at, rotation, size)
        for driver in range(len(unit.drivers_m)):
            pairs = energies(table, np.asarray(piece.size_m, float), around, cost, driver).sum(
                axis=0, dtype=float
            )
            power += pairs * (_drive_pa(device, f_hz, driver) * skin) ** 2
        away = place - at
        distance = np.linalg.norm(away, axis=1)
        own = np.einsum("tij,ti->tj", rotation, away / distance[:, None]) * size
        nearest = min(nearest, float(np.min(distance - np.linalg.norm(own, axis=1))))
    density = (
        0.0
        if unit.noiseless
        else float(np.asarray(unit.noise_density(0, np.array([f_hz]))).reshape(-1)[0])
    )
    noise = density**2 * NOISE_BAND_HZ + _noises_pa2(scene, place, f_hz)
    loudest, median = (_db_spl(value) for value in (np.max(power), np.median(power)))
    direct = _direct_db(device, f_hz)
    return {
        "device": device.name,
        "profile": unit.profile.name,
        "mover": mover.name,
        "frequency_hz": f_hz,
        "nearest_m": max(nearest, 0.0),
        "direct_db_spl": direct,
        "echo_db_spl": loudest,
        "echo_median_db_spl": median,
        "echo_re_direct_db": loudest - direct,
        "echo_to_noise_db": None if noise == 0 else loudest - _db_spl(noise),
        "echo_to_noise_median_db": None if noise == 0 else median - _db_spl(noise),
    }


def _noises_pa2(scene: Scene, at_m: np.ndarray, f_hz: float) -> float:
    """Return the power in Pa2 of the scene's noises in the band around a carrier, open gates, straight paths only."""
    total = 0.0
    for noise in scene.noises:
        low, high = noise.band_hz
        if not low <= f_hz <= high:
            continue
        power = (
            (_REFERENCE_PA * 10 ** (noise.level_db_spl / 20)) ** 2 * NOISE_BAND_HZ / (high - low)
        )
        if noise.located:
            if not isinstance(noise.at, AtThing):
                place = np.asarray(noise.at, float)
            elif noise.at.mover is not None:
                mover = next(one for one in scene.movers if one.name == noise.at.mover)
                place = mover.at(np.array([scene.duration_s / 2])).position_m[0, 0]
            else:
                place = next(one for one in scene.devices if one.name == noise.at.device).position_m
            r = max(float(np.linalg.norm(place - at_m)), 0.1)
            power *= float(np.exp(-2 * scene.air.absorption_np_m(f_hz) * (r - 1))) / r**2
        total += power
    return total


def _db_spl(power_pa2: float) -> float:
    return float(10 * np.log10(max(float(power_pa2), 1e-40) / _REFERENCE_PA**2))


def paths(scene: Scene, device: str | None = None) -> dict[str, Any]:
    """Return how many paths a scene has at its quality, and what rendering it is estimated to cost.

    device: the one that is rendered; all that listen if None.
    """
    order = ORDER[scene.render.quality]
    listening = [one for one in scene.devices if one.listens and device in (None, one.name)]
    sides = sides_of(scene)
    found = [maps(sides, order, one.world(one.unit.mics_m)) for one in listening]
    images = max((len(one) for one in found), default=0)
    lit = images
    if (
        scene.patches
    ):  # of the images over a wall and over its patches, one or two are lit at a time
        lit = max((len(np.unique(one.places)) for one in found), default=0)
    sounding = [device for device in scene.devices if device.emission is not None]
    drivers = sum(len(device.unit.drivers_m) for device in sounding)
    mics = sum(len(device.unit.mics_m) for device in listening)
    pieces = sum(len(mover.pieces) for mover in scene.movers)
    pairs = lit * lit * drivers * mics * pieces
    static = images * drivers * mics
    return {
        "order": order,
        "images": images,
        "static_paths": static,
        "moving_pairs": pairs,
        "estimated": cost(scene, pairs, mics),
    }


def rate_hz(scene: Scene) -> float:
    """Return the highest sample rate in Hz at which a device of a scene is recorded."""
    listening = [device for device in scene.devices if device.listens]
    return scene.render.rate_hz or max(
        (d.unit.converter.rate_hz for d in listening), default=96_000
    )


# Seconds for one second of one pair of legs at one carrier, by quality; measured on one core of a 2.6 GHz Xeon, 2026-11.
_PAIR_S = {"draft": 5e-6, "standard": 2.5e-6, "fine": 43e-6, "exact": 4e-3}
_START_S, _SAMPLE_S, _STEM_SAMPLE_S = (
    2.5,
    3.5e-7,
    1.0e-7,
)  # start and picture; noise and audio; each stem
_START_BYTES, _SAMPLE_BYTES = 250e6, 8.0


def cost(scene: Scene, pairs: int, mics: int) -> dict[str, float]:
    """Return the estimated seconds and bytes of rendering everything to files on one core, kernels compiled before."""
    rate = rate_hz(scene)
    carriers = max((len(d.emission.carriers_hz) for d in scene.devices if d.emission), default=0)
    samples = scene.duration_s * rate * mics
    stems = 3 + len(scene.movers) + len(scene.devices) + len(scene.noises)
    return {
        "seconds": _START_S
        + scene.duration_s * pairs * carriers * _PAIR_S[scene.render.quality]
        + samples * (_SAMPLE_S + stems * _STEM_SAMPLE_S),
        "memory_bytes": _START_BYTES + samples * _SAMPLE_BYTES * (3 + stems),
    }

"""A fan in a box with rigid walls, and the echo of its blades by another way: NumPy, sample by sample, from `aperture.rectangle_echo`.

Device `ideal` at DEVICE_M: point driver and microphone, flat. Blades alone: hub, motor and grille are left out.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from usim.engine.baseband import envelopes
from usim.engine.orbits import orbit
from usim.engine.paths import Paths, listening, trace_device
from usim.engine.selection import QUALITIES
from usim.movers.base import AbstractMover, Poses
from usim.physics import aperture
from usim.scene.scene import Scene
from usim.scene.template import from_table

NAME = "fan"
DEVICE_M = np.array([0.6, 2.2, 1.2])
RIGID = {"kind": "hard", "absorption": 0.0, "angle_dependent": False, "band_hz": [20000, 60000]}
PASCAL = np.sqrt(2.0) * 20e-6 * 10.0 ** (80.0 / 20.0)


class Blades(AbstractMover):
    """Some pieces of a mover."""

    label = "non_human"

    def __init__(self, mover: AbstractMover, numbers):
        self.mover, self.numbers = mover, list(numbers)
        self.name, self.story_s, self.moments_s = mover.name, mover.story_s, mover.moments_s
        self.pieces = tuple(mover.pieces[number] for number in self.numbers)

    def at(self, t_s):
        poses = self.mover.at(t_s)
        return Poses(poses.position_m[:, self.numbers], poses.rotation[:, self.numbers])


def fan(only=None, walls=None, emits=None, **changes) -> Scene:
    """A scene of a fan's blades, or of those pieces whose numbers are given."""
    mover = {
        "kind": "fan",
        "name": NAME,
        "position_m": [2.9, 2.0, 1.25],
        "rpm": 1200.0,
        "radius_m": 0.2,
        "yaw_deg": 150.0,
        "sweep_deg": 60.0,
        "wander_percent": 1.0,
        "surface": RIGID,
        "grille": False,
        **changes,
    }
    device = {
        "name": "probe",
        "profile": "ideal",
        "position_m": DEVICE_M.tolist(),
        "yaw_deg": 0,
        "emits": emits or {"kind": "tones", "carriers_hz": [32000.0], "level_db_spl": 80},
    }
    walls = walls or RIGID
    scene = from_table(
        {
            "usim": "scene/1",
            "title": "a fan",
            "duration_s": 12.0,
            "room": {
                "kind": "box",
                "size_m": [5.2, 4.1, 2.6],
                "surfaces": {"floor": walls, "ceiling": walls, "walls": walls},
            },
            "air": {"temperature_c": 20.0, "humidity_percent": 50.0},
            "devices": [device],
            "movers": [mover],
        }
    ).sample()
    whole = scene.movers[0]
    if only is None:
        only = [n for n, piece in enumerate(whole.pieces) if piece.is_flat]
    return dataclasses.replace(scene, movers=(Blades(whole, only),))


def heard(scene: Scene, start_s: float, duration_s: float, quality="standard", order=0) -> Paths:
    """Paths over a window, with images to an order."""
    rate = scene.baseband_rate_hz
    made = dataclasses.replace(QUALITIES[quality], order=order)
    first, count = round(start_s * rate), round(duration_s * rate)
    return trace_device(scene, listening(scene), made, first, count, apart=True)


def received(paths: Paths, mic: int = 0, texture: bool | None = False) -> np.ndarray:
    """The fan's envelope (sample,) in FS; without texture, with texture alone, or all of it."""
    echoes = paths.echoes
    if texture is not None:
        echoes = tuple(
            dataclasses.replace(e, tones=e.texture if texture else e.tones - e.texture)
            for e in echoes
        )
    made = envelopes(dataclasses.replace(paths, echoes=echoes), paths.device.unit)
    made = made[f"mover.{NAME}"][mic, 0]
    before = (len(made) - paths.samples) // 2
    return made[before : before + paths.samples]


def times(paths: Paths) -> np.ndarray:
    return (paths.start + np.arange(paths.samples)) / paths.rate_hz


def chosen(paths: Paths) -> dict[int, np.ndarray]:
    """The resolved pairs (n, 2) of every piece."""
    found = {}
    for epoch in paths.echoes[0].epochs:
        found[epoch.piece] = epoch.chosen.pairs[epoch.chosen.group == 0][:, :2]
    return found


def by_hand(paths: Paths, mic: int = 0) -> np.ndarray:
    """The same echo (sample,) in Pa by NumPy, in float64, nothing interpolated: rigid walls, ideal device."""
    t, legs = times(paths), paths.legs
    scene, (mover,) = paths.scene, paths.scene.movers
    c, f = scene.air.sound_speed_m_s, paths.bands[0].carrier_hz
    k = 2.0 * np.pi * f / c
    alpha = scene.air.absorption_np_m
    total = np.zeros(len(t), complex)
    whole = orbit(mover)
    for number, pairs in chosen(paths).items():
        piece = mover.pieces[number]
        cells = whole.cells(number, legs, paths.bands[0])
        for j in np.unique(pairs[:, 1]):
            ear = legs.targets[j, mic]

            def seen(t_b, ear=ear, number=number):
                pose = mover.at(t_b)
                return pose.position_m[:, number], pose.rotation[:, number], ear

            t_b = t - 0.01
            for _ in range(14):
                t_b = t - np.linalg.norm(ear - seen(t_b)[0], axis=1) / c
            place, axes, _ = seen(t_b)
            own_ear = np.einsum("tij,ti->tj", axes, ear - place)
            after, before = seen(t_b + 1e-6)[0], seen(t_b - 1e-6)[0]
            for i in pairs[pairs[:, 1] == j, 0]:
                source = legs.sources[0, i]
                r1, r2 = (np.linalg.norm(end - place, axis=1) for end in (source, ear))
                rise1, rise2 = (
                    (np.linalg.norm(end - after, axis=1) - np.linalg.norm(end - before, axis=1))
                    / 2e-6
                    for end in (source, ear)
                )
                f2 = f * (1.0 - rise1 / c) / (1.0 + rise2 / c)
                own = np.einsum("tij,ti->tj", axes, source - place)
                echo = aperture.rectangle_echo(piece.size_m, own, own_ear, k, cells)
                air = np.exp(-alpha(f) * (r1 - 1.0) - alpha(f2) * r2)
                total += echo.gain * air * np.exp(-1j * k * (r1 + r2))
    return PASCAL * total


def residual_db(one, other) -> float:
    """Energy of the difference over that of `other`."""
    return float(
        10.0 * np.log10((np.abs(one - other) ** 2).sum() / (np.abs(other) ** 2).sum() + 1e-30)
    )

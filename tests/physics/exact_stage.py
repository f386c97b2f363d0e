"""The plainest possible scene for `exact`: stand-ins that have what it asks for and nothing else.

A point source and a point microphone that are flat in frequency and direction, walls as planes with a constant
reflection, air of a given sound speed, movers given by a function of time. So a test of `exact` rests on no other part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

C20 = 343.987  # sound speed at 20 degrees and 50 %, m/s (Cramer 1993)


@dataclass(frozen=True)
class PlainAir:
    sound_speed_m_s: float = C20
    loss_np_m: float = 0.0

    def absorption_np_m(self, f_hz):
        return self.loss_np_m * np.ones(np.shape(f_hz))


@dataclass(frozen=True)
class PlainSurface:
    factor: complex = 1.0
    wrinkle_rms_m: float = 0.0

    def reflection(self, cos_incidence, f_hz, air):
        return self.factor * np.ones(np.broadcast(cos_incidence, f_hz).shape, dtype=complex)

    unscattered = reflection

    def transmission(self, cos_incidence, f_hz, air):
        return 0.0j


@dataclass(frozen=True, eq=False)
class PlainWall:
    name: str
    normal: np.ndarray
    corners_m: np.ndarray
    surface: object = PlainSurface()


@dataclass(frozen=True)
class PlainRoom:
    walls: tuple = ()


def box(size_m, surface=None) -> PlainRoom:
    """Walls x0, x1, y0, y1, z0, z1 of a box with one corner at the origin."""
    walls = []
    for axis, name in enumerate("xyz"):
        for side in (0, 1):
            normal = np.zeros(3)
            normal[axis] = 1.0 - 2.0 * side
            corner = np.zeros(3)
            corner[axis] = side * size_m[axis]
            walls.append(
                PlainWall(f"{name}{side}", normal, corner[None], surface or PlainSurface())
            )
    return PlainRoom(tuple(walls))


@dataclass(frozen=True, eq=False)
class PlainUnit:
    drivers_m: np.ndarray
    mics_m: np.ndarray

    @property
    def driver_axes(self):
        return np.tile([1.0, 0.0, 0.0], (len(self.drivers_m), 1))

    @property
    def mic_axes(self):
        return np.tile([1.0, 0.0, 0.0], (len(self.mics_m), 1))

    def drive_gain(self, driver, f_hz, carrier_hz):
        return 1.0 + 0.0j

    def directivity(self, driver, cos_theta, f_hz):
        return np.ones(np.shape(cos_theta))

    def leak(self, driver, mic, f_hz):
        return 1.0 + 0.0j

    def mic_directivity(self, cos_theta, f_hz):
        return np.ones(np.shape(cos_theta))

    def mic_response(self, mic, f_hz):
        return np.ones(np.shape(f_hz), dtype=complex)


@dataclass(frozen=True, eq=False)
class PlainEmission:
    carriers_hz: np.ndarray
    level_db_spl: float = 20.0 * np.log10(1.0 / (np.sqrt(2.0) * 20e-6))  # 1 Pa peak
    steady: bool = True

    def envelope(self, t_s):
        return np.ones((len(self.carriers_hz), len(t_s)))


@dataclass(frozen=True)
class PlainDevice:
    unit: PlainUnit
    emission: PlainEmission
    name: str = "stage"

    def world(self, points):
        return np.asarray(points, float)

    def world_axes(self, axes):
        return np.asarray(axes, float)


@dataclass(frozen=True)
class PlainPiece:
    size_m: tuple
    name: str = "piece"
    shape: str = "ellipsoid"
    surface: object = PlainSurface()


@dataclass(frozen=True)
class PlainPoses:
    position_m: np.ndarray
    rotation: np.ndarray
    swell_m: np.ndarray | float = 0.0
    bend_rad: np.ndarray | None = None

    def sizes_m(self, pieces):
        sizes = np.broadcast_to([piece.size_m for piece in pieces], self.position_m.shape)
        return sizes + self.swell_m


@dataclass(frozen=True)
class PlainMover:
    """position(t) -> (time, 3); rotation(t) -> (time, 3, 3), at rest if None; one piece."""

    position: Callable
    size_m: tuple = (0.1, 0.1, 0.1)
    rotation: Callable | None = None
    name: str = "target"
    surface: object = PlainSurface()

    @property
    def pieces(self):
        return (PlainPiece(self.size_m, surface=self.surface),)

    def at(self, t_s):
        t_s = np.asarray(t_s, float)
        if self.rotation is None:
            turned = np.broadcast_to(np.eye(3), (len(t_s), 3, 3))
        else:
            turned = self.rotation(t_s)
        return PlainPoses(self.position(t_s)[:, None], np.asarray(turned)[:, None])


@dataclass(frozen=True)
class PlainBody:
    """Several pieces: position(t) -> (time, piece, 3); rotation(t) -> (time, piece, 3, 3), at rest if None; swell and bend."""

    position: Callable
    pieces: tuple
    rotation: Callable | None = None
    swell: Callable | None = None
    bend: Callable | None = None
    name: str = "target"

    def at(self, t_s):
        t_s = np.asarray(t_s, float)
        place = np.asarray(self.position(t_s), float)
        if self.rotation is None:
            turned = np.broadcast_to(np.eye(3), (*place.shape, 3))
        else:
            turned = self.rotation(t_s)
        swell = 0.0 if self.swell is None else self.swell(t_s)
        bend = None if self.bend is None else self.bend(t_s)
        return PlainPoses(place, turned, swell, bend)


@dataclass(frozen=True)
class PlainScene:
    devices: tuple
    movers: tuple = ()
    room: PlainRoom = field(default_factory=PlainRoom)
    air: PlainAir = field(default_factory=PlainAir)


def stage(source_m, mic_m, *movers, f_hz=32000.0, room=None, air=None) -> PlainScene:
    """One point source, one point microphone, movers; free field unless a room is given."""
    unit = PlainUnit(np.atleast_2d(source_m).astype(float), np.atleast_2d(mic_m).astype(float))
    device = PlainDevice(unit, PlainEmission(np.atleast_1d(f_hz).astype(float)))
    return PlainScene((device,), tuple(movers), room or PlainRoom(), air or PlainAir())


def line(start_m, velocity_m_s) -> Callable:
    """Position on a straight line: start_m at t = 0."""
    return lambda t: (
        np.asarray(start_m, float) + np.multiply.outer(t, np.asarray(velocity_m_s, float))
    )

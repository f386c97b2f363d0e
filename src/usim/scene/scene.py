"""A scene: one sampled, checked, frozen arrangement of room, devices, movers and noises."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from usim.devices.unit import Unit
from usim.emissions.base import AbstractEmission
from usim.furniture.base import AbstractFurniture
from usim.movers.base import AbstractMover
from usim.noises.base import AbstractNoise
from usim.physics.air import Air
from usim.rooms.base import AbstractRoom, Patch
from usim.scene.stirring import Draught
from usim.scene.table import Render
from usim.template.streams import stream
from usim.template.writer import dump

BASEBAND_RATES_HZ = (2000, 4000, 8000, 16000)
WIDEBAND_RATES_HZ = (16000, 32000, 48000)
"""Rates of the baseband of a scene with a wideband emission, all of whose band it holds."""
USABLE_BASEBAND = 0.4
"""The share of the baseband's rate that echoes may occupy on either side of a carrier."""


@dataclass(frozen=True, eq=False)
class PlacedDevice:
    """A unit somewhere in the room."""

    name: str
    unit: Unit
    position_m: np.ndarray
    """(3,) in room coordinates."""
    yaw_deg: float
    listens: bool
    emission: AbstractEmission | None

    @property
    def rotation(self) -> np.ndarray:
        """(3, 3): its columns are the device's axes in room coordinates."""
        yaw = np.deg2rad(self.yaw_deg)
        cos, sin = float(np.cos(yaw)), float(np.sin(yaw))
        return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])

    def world(self, points_m: np.ndarray) -> np.ndarray:
        """Points (..., 3) of the device's frame in room coordinates, in m."""
        return self.world_axes(points_m) + self.position_m

    def world_axes(self, axes: np.ndarray) -> np.ndarray:
        """Directions (..., 3) of the device's frame in room coordinates."""
        return (np.asarray(axes, dtype=float)[..., None, :] * self.rotation).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that is needed to render, and the table that makes the same scene again.

    Two scenes are equal when their tables are.
    """

    title: str
    duration_s: float
    seed: int
    render: Render
    air: Air
    room: AbstractRoom
    furniture: tuple[AbstractFurniture, ...]
    devices: tuple[PlacedDevice, ...]
    movers: tuple[AbstractMover, ...]
    noises: tuple[AbstractNoise, ...]
    speeds_m_s: Mapping[str, float]
    """Mover -> the speed of its fastest point within the scene's duration."""
    table: dict
    """The resolved scene file: no draws, all names and defaults written out, metres only. Not to be
    changed: samples of one template share its parts."""
    notes: tuple[str, ...] = ()
    """What a user should know although nothing is wrong."""
    attempts: int = 1
    """How many samples were drawn until one passed the cross-checks."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Cross-check -> how many samples it sent back."""
    draughts: tuple[Draught, ...] = ()
    patches: tuple[Patch, ...] = ()
    """Areas of walls that are of another surface, none upon another: patches and openings."""
    drift_k_per_min: float = 0.0
    """How fast the air grows warmer; what `air` says holds at time 0."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scene) and self.table == other.table

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def text(self) -> str:
        """The resolved scene file as YAML; read back it is an equal scene."""
        return dump(self.table)

    def stream(self, place: str) -> "np.random.Generator":
        """The random generator of a place, such as `noises.tap`: the same in a template and in what
        it resolves to.
        """
        return stream(self.seed, place)

    def doppler_hz(self, carrier_hz: float, mover: str | None = None) -> float:
        """The largest shift in Hz that an echo of this carrier can have, from one mover or from
        any.

        The exact two-way bound f ((1 + v/c) / (1 - v/c) - 1) of a point that moves at v along both
        legs.
        """
        speeds = self.speeds_m_s
        fastest = max(speeds.values(), default=0.0) if mover is None else speeds[mover]
        return doppler_hz(carrier_hz, fastest, self.air.sound_speed_m_s)

    @property
    def baseband_rate_hz(self) -> int:
        """The rate of the baseband: as the scene says, else the least that holds its Doppler."""
        if self.render.baseband_rate_hz is not None:
            return self.render.baseband_rate_hz
        carriers = [f for one in self.devices if one.emission for f in one.emission.carriers_hz]
        bands = [one.emission.band_hz for one in self.devices if one.emission]
        wide = [band for band in bands if band is not None]
        rates = WIDEBAND_RATES_HZ if wide else BASEBAND_RATES_HZ
        highest = max([*carriers, *(high for _, high in wide)], default=0.0)
        half = max((0.5 * (high - low) for low, high in wide), default=0.0)
        span_hz = half + self.doppler_hz(highest)
        fitting = (rate for rate in rates if USABLE_BASEBAND * rate >= span_hz)
        return next(fitting, rates[-1])


def doppler_hz(carrier_hz: float, speed_m_s: float, c: float) -> float:
    """The largest two-way shift in Hz of a carrier by a point at this speed, for speed of sound c
    in m/s.
    """
    ratio = speed_m_s / c
    return float(carrier_hz) * 2.0 * ratio / (1.0 - ratio)

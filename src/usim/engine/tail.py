"""The tail: what arrives after, and beside, the mirror images, as frozen taps of one delay line per driver and microphone.

Rays tell how much energy arrives when, having left where and coming from where: all that is scattered anywhere, and mirror ways of higher order than
the images'.  Some hundreds of them become plane waves, so that drivers and microphones of one device hear them coherently: two microphones
d apart in a diffuse field have the covariance sin(kd)/(kd) (Cook et al. 1955).  Which rays, and with which sign, is drawn from the room's shape
and the device's place in it, and from nothing else: another noise, another unit, another walk meets the same tail.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from usim.devices.unit import Unit
from usim.emissions.base import AbstractEmission
from usim.engine.rays import RAYS, Ball, Crossings, crossings
from usim.engine.sides import Sides, sides_of
from usim.physics.jit import kernel
from usim.scene.scene import PlacedDevice, Scene
from usim.template.streams import stream

TAPS = 600
BALL_SHARE = 0.01  # of the room's volume, in which rays are counted
BALL_POINTS = 4096  # that tell how much of it is air
BACK_SHARE = 0.05  # of the mean beam, added to it: what no nominal unit sends is drawn too
FADE = 1e3  # most that late rays are favoured; their amplitude is the less
ENVELOPE_HZ = 16000.0  # at which on, off and ramps are tabulated
BLOCK = 256  # samples through which an envelope that does not change is asked for
TAP_ROW = np.dtype([("driver", "i8"), ("delay_s", "f8"), ("gain", "c16")])
KEPT = 8  # tails of rooms that are remembered


@dataclass(frozen=True, eq=False)
class Tail:
    """The tail from one device to itself or another as taps (tap,).

    path_m (driver, mic, tap) m; departure (driver, tap) and arrival (mic, tap): cosines with the driver's and the microphone's axis; loss (carrier, driver, mic,
    tap): complex gain re 1 m, without beam and shadow, as `Standing` has it; length_m (tap,): of the way from the drivers' middle to the
    microphones'; unpaired (tap,): share of its length that no pair of image legs goes over; heard (carrier, tap): its energy for nominal units; c: speed of
    sound in m/s; place: what its draws are named after.
    """

    path_m: np.ndarray
    departure: np.ndarray
    arrival: np.ndarray
    loss: np.ndarray
    carriers_hz: np.ndarray
    length_m: np.ndarray
    unpaired: np.ndarray
    heard: np.ndarray
    c: float
    place: str

    def patterns(self, unit: Unit, ears: Unit | None = None) -> np.ndarray:
        """Return what one unit's beams and its own or another's shadows make of the taps, complex (carrier, driver, mic, tap)."""
        out = np.empty(self.loss.shape, complex)
        for row, f in enumerate(self.carriers_hz):
            port = (ears or unit).mic_directivity(self.arrival, f)
            for driver, cosines in enumerate(self.departure):
                out[row, driver] = unit.directivity(driver, cosines, f) * port
        return out

    def gains(self, unit: Unit, ears: Unit | None = None) -> np.ndarray:
        """Return the complex gains (carrier, driver, mic, tap) of one unit, heard by itself or another: Pa at the diaphragm per Pa at 1 m on axis."""
        return self.loss * self.patterns(unit, ears)

    def rows(self, unit: Unit, mic: int, carrier: int) -> np.ndarray:
        """Return the taps of one microphone and carrier as rows of TAP_ROW: gain in full scale per Pa at 1 m on axis, without the delay."""
        f, path = float(self.carriers_hz[carrier]), self.path_m[:, mic]
        drive = np.array([unit.drive_gain(driver, f, f) for driver in range(len(path))])
        gain = self.gains(unit)[carrier, :, mic] * drive[:, None] * unit.mic_response(mic, f)
        out = np.zeros(path.shape, TAP_ROW)
        out["driver"] = np.arange(len(path))[:, None]
        out["delay_s"] = path / self.c
        out["gain"] = gain * np.exp(2j * np.pi * f * out["delay_s"])
        return out.ravel()


def tail_of(
    scene: Scene,
    device: PlacedDevice,
    carriers_hz: np.ndarray,
    order: int,
    listener: PlacedDevice | None = None,
) -> Tail | None:
    """Return the tail from a device to itself or to another that listens, in an empty room around its carriers in Hz; None where nothing arrives.

    order: of the mirror images that are told elsewhere.
    """
    if not len(carriers_hz):
        return None
    listener = listener or device
    carriers, sides = tuple(float(f) for f in carriers_hz), sides_of(scene)
    unit, ears = device.unit, listener.unit
    place = _digest(sides, device, listener)
    parts = (unit.drivers_m, unit.driver_axes, ears.mics_m, ears.mic_axes)
    patched = tuple((side.wall, side.corners_m.tobytes()) for side in sides.sides if side.wall >= 0 or side.is_sheet)  # fmt: skip
    key = (place, tuple(sides.surfaces), patched, scene.air, carriers, order, unit.profile.digest, ears.profile.digest, *(part.tobytes() for part in parts))  # fmt: skip
    return _tail(_Asked(key, place, scene, sides, device, listener, carriers, order))


@dataclass(frozen=True)
class _Asked:
    """What a tail is made of; two are equal where their keys are."""

    key: tuple
    place: str
    scene: Scene = field(compare=False)
    sides: Sides = field(compare=False)
    device: PlacedDevice = field(compare=False)
    listener: PlacedDevice = field(compare=False)
    carriers_hz: tuple[float, ...] = field(compare=False)
    order: int = field(compare=False)

    @property
    def drivers_m(self) -> np.ndarray:
        return self.device.world(self.device.unit.drivers_m)

    @property
    def mics_m(self) -> np.ndarray:
        return self.listener.world(self.listener.unit.mics_m)


def _digest(sides: Sides, *devices: PlacedDevice) -> str:
    """Return what names a room's shape and the places of devices in it; a door may be open or shut, a screen put away."""
    found = hashlib.sha256()
    for side in sides.sides:
        if side.wall >= 0 or side.is_sheet:
            continue
        found.update(np.ascontiguousarray(side.corners_m).tobytes())
    for device in devices:
        found.update(np.array([*device.position_m, device.yaw_deg], float).tobytes())
    return found.hexdigest()


@lru_cache(maxsize=KEPT)
def _tail(asked: _Asked) -> Tail | None:
    draws = stream(0, f"tail.{asked.place}")
    directions, energies = _launched(asked.device, asked.carriers_hz[0], draws)
    ball = ball_around(asked.scene, asked.mics_m.mean(axis=0))
    seed = int(draws.integers(2**53))
    found = crossings(
        asked.sides, asked.scene.air, np.array(asked.carriers_hz), asked.drivers_m.mean(axis=0), directions, energies, ball, asked.order, seed
    )  # fmt: skip
    return drawn(found, directions, asked, draws)


def ball_around(scene: Scene, middle_m: np.ndarray) -> Ball:
    """Return the ball around a point (3,) in m in which rays are counted."""
    radius = (3.0 * BALL_SHARE * scene.room.volume_m3 / (4.0 * np.pi)) ** (1.0 / 3.0)
    n = np.arange(BALL_POINTS) + 0.5
    out = (n / BALL_POINTS) ** (1.0 / 3.0)
    points = middle_m + radius * out[:, None] * _lattice(BALL_POINTS)[_shuffled(BALL_POINTS)]
    inside = scene.room.contains(points)
    for thing in scene.furniture:
        inside &= ~thing.contains(points)
    return Ball(middle_m, radius, float(inside.mean()) * 4.0 / 3.0 * np.pi * radius**3)


def _lattice(count: int) -> np.ndarray:
    """Return directions (count, 3) all round, evenly spread (Fibonacci lattice)."""
    n = np.arange(count) + 0.5
    z, turn = 1.0 - 2.0 * n / count, np.pi * (1.0 + 5.0**0.5) * n
    flat = np.sqrt(1.0 - z * z)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


def _shuffled(count: int) -> np.ndarray:
    """Return the numbers below count, well mixed."""
    return np.argsort(np.arange(count) * 0.6180339887498949 % 1.0)


def _launched(
    device: PlacedDevice, carrier_hz: float, draws: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return directions (n, 3) and energies (n,) of the rays: evenly all round, and where a unit has beams, half of them within these."""
    unit = Unit(device.unit.profile, None)
    axes = device.world_axes(unit.driver_axes)
    cosine = np.linspace(-1.0, 1.0, 2001)
    beams = [np.abs(np.broadcast_to(unit.directivity(d, cosine, carrier_hz), cosine.shape)) ** 2 for d in range(len(axes))]  # fmt: skip
    if all(np.ptp(beam) < 1e-9 for beam in beams):
        return _lattice(RAYS), np.full(RAYS, 4.0 * np.pi / RAYS)
    densities = [beam / (2.0 * np.pi * np.trapezoid(beam, cosine)) for beam in beams]
    each = RAYS // 2 // len(axes)
    directions = [_lattice(RAYS - each * len(axes))]
    for axis, density in zip(axes, densities, strict=True):
        up_to = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
        along = np.interp((np.arange(each) + draws.random(each)) / each * up_to[-1], up_to, cosine)
        turn = 2.0 * np.pi * draws.random(each)
        side = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
        side /= np.linalg.norm(side)
        out = np.sqrt(1.0 - along**2)
        directions.append(
            along[:, None] * axis
            + (out * np.cos(turn))[:, None] * side
            + (out * np.sin(turn))[:, None] * np.cross(axis, side)
        )
    every = np.concatenate(directions)
    density = len(directions[0]) / (4.0 * np.pi) + sum(
        each * np.interp((every * axis).sum(axis=1), cosine, one)
        for axis, one in zip(axes, densities, strict=True)
    )
    return every, 1.0 / density


def drawn(
    found: Crossings,
    directions: np.ndarray,
    asked: _Asked,
    draws: np.random.Generator,
) -> Tail | None:
    """Return TAPS of the rays as taps that carry the energy of all, as nominal units hear it, carrier by carrier."""
    leaving = directions[found.ray]
    device, listener = asked.device, asked.listener
    unit, ears = Unit(device.unit.profile, None), Unit(listener.unit.profile, None)
    departure = _cosines(leaving, device.world_axes(unit.driver_axes))
    arrival = -_cosines(found.direction, listener.world_axes(ears.mic_axes))
    heard = np.array([_pattern(unit, ears, departure, arrival, f) for f in asked.carriers_hz])
    told = found.energy * heard
    if not len(found.path_m) or not told.sum() > 0.0:
        return None
    late = found.path_m - found.path_m.min()
    mean = float((told[0] * late).sum() / told[0].sum())
    favour = np.exp(np.minimum(0.5 * late / max(mean, 1e-9), np.log(FADE)))
    wanted = found.energy[0] * (heard[0] + BACK_SHARE * heard[0].mean()) * favour
    order = np.argsort(found.path_m, kind="stable")
    up_to = np.cumsum(wanted[order])
    places = (np.arange(TAPS) + draws.random()) / TAPS * up_to[-1]
    picks = np.searchsorted(up_to, places, side="right")
    rows, times = np.unique(np.minimum(picks, len(order) - 1), return_counts=True)
    rows = order[rows]
    energy = found.energy[:, rows] * times * up_to[-1] / (TAPS * wanted[rows])
    energy *= (told.sum(axis=1) / np.maximum((energy * heard[:, rows]).sum(axis=1), 1e-300))[:, None]  # fmt: skip
    sign = np.where(draws.random(len(rows)) < 0.5, -1.0, 1.0)
    drivers, mics = asked.drivers_m, asked.mics_m
    ahead = _cosines(leaving[rows], drivers - drivers.mean(axis=0))
    behind = _cosines(found.direction[rows], mics - mics.mean(axis=0))
    path = found.path_m[rows] - ahead[:, None] + behind[None]
    c = asked.scene.air.sound_speed_m_s
    turns = np.array(asked.carriers_hz)[:, None, None, None] / c * path
    loss = (np.sqrt(energy) * sign)[:, None, None] * np.exp(-2j * np.pi * turns)
    return Tail(
        path,
        departure[:, rows],
        arrival[:, rows],
        loss,
        np.array(asked.carriers_hz),
        found.path_m[rows],
        1.0 - found.paired_m[rows] / found.path_m[rows],
        energy * heard[:, rows],
        c,
        asked.place,
    )


def _cosines(ways: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return the products (axis, n) of axes (axis, 3) with ways (n, 3)."""
    return np.array([(ways * axis).sum(axis=1) for axis in axes])


def _pattern(
    unit: Unit, ears: Unit, departure: np.ndarray, arrival: np.ndarray, f_hz: float
) -> np.ndarray:
    """Return the mean energy (n,) that a unit's drivers send and another's microphones take, at cosines (driver, n) and (mic, n)."""
    beams = [np.abs(unit.directivity(d, c, f_hz)) ** 2 for d, c in enumerate(departure)]
    ports = np.abs(ears.mic_directivity(arrival, f_hz)) ** 2
    return np.mean([np.broadcast_to(b, departure[0].shape) for b in beams], axis=0) * ports.mean(axis=0)  # fmt: skip


# ---------------------------------------------------------------- what is heard of it


def taps_heard(
    tail: Tail,
    gains: np.ndarray,
    emission: AbstractEmission,
    start: int,
    count: int,
    rate_hz: int,
) -> np.ndarray:
    """Return (carrier, driver, mic, 1 or count): sums over taps with gains (carrier, driver, mic, tap), each late by its own path.

    start, count: of samples at rate_hz.  What is returned for a sample does not depend on the others that are asked for.
    """
    carriers, drivers, mics, _ = gains.shape
    whole = gains.sum(axis=-1)[..., None]
    if emission.steady:
        return whole
    out = np.empty((*gains.shape[:3], count), complex)
    late = tail.path_m / tail.c * ENVELOPE_HZ
    reach = int(np.ceil(late.max())) + 2
    ratio = int(ENVELOPE_HZ) // rate_hz
    for block in range(start // BLOCK, (start + count - 1) // BLOCK + 1):
        first = block * BLOCK
        low, high = max(first, start), min(first + BLOCK, start + count)
        table = tabulated(emission, first * ratio - reach, BLOCK * ratio + reach + 1)
        for row, driver in np.ndindex(carriers, drivers):
            here = out[row, driver, :, low - start : high - start]
            if np.all(table[row] == table[row, 0]):
                here[:] = whole[row, driver] * table[row, 0]
                continue
            one = np.zeros((mics, 2, BLOCK))
            _add_taps(gains[row, driver], late[driver], table[row], reach, ratio, one)
            here[:] = (one[:, 0] + 1j * one[:, 1])[:, low - first : high - first]
    return out


def tabulated(emission: AbstractEmission, first: int, count: int) -> np.ndarray:
    """Return the envelope (carrier, count) of an emission from sample number `first` at ENVELOPE_HZ on."""
    return np.ascontiguousarray(emission.envelope((first + np.arange(count)) / ENVELOPE_HZ), float)


@kernel
def _add_taps(gains, late, table, reach, ratio, out):
    """Add to out (mic, 2, n) taps with gains (mic, tap) of an envelope whose sample `reach` belongs to n = 0, late (mic, tap) in its samples."""
    for mic in range(gains.shape[0]):
        for tap in range(gains.shape[1]):
            x = reach - late[mic, tap]
            k = int(x)
            w = x - k
            re, im = gains[mic, tap].real, gains[mic, tap].imag
            for n in range(out.shape[2]):
                on = table[k + n * ratio] + w * (table[k + n * ratio + 1] - table[k + n * ratio])
                out[mic, 0, n] += re * on
                out[mic, 1, n] += im * on

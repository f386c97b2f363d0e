"""Legs: every straight way between a driver or microphone and a point of the room, over the walls, with what it costs.

A leg is an image of the driver or of a microphone.  What the kernels need of walls, beam and arrival shadow is fitted here, once per
trace and carrier, by tables and polynomials in a cosine; a fit is checked where it is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev

from usim.devices.unit import Unit
from usim.engine.images import Maps, maps
from usim.engine.sides import Mirror, held, sides_of
from usim.engine.slab import BEAM_DEGREE, PORT_DEGREE, WALL_NODES
from usim.physics.air import Air
from usim.physics.jit import kernel
from usim.physics.wrinkles import mirror_share
from usim.scene.scene import PlacedDevice, Scene
from usim.surfaces.base import AbstractSurface

SLOPE_HZ = 100.0  # half the span over which slopes along frequency are taken
FIT = 1e-3  # largest error of a fitted beam or shadow
SPREAD_UNITS = 48  # draws of a profile that its basis is made from
SPREAD_FIT = 5e-4  # largest misfit of their beams and shadows to the basis
FLAT = 1e-12  # a beam or shadow flatter than this is a number
SERIES_STEP = 2.0**-30  # of fitted coefficients: a hundredth of what float32 resolves at one


@dataclass(frozen=True)
class Legs:
    """The legs of one device: driver images (driver, I), microphone images (J, mic), shared wall hits (I, H)."""

    maps: Maps
    sources: np.ndarray  # (driver, I, 3) m
    source_axes: np.ndarray  # (driver, I, 3)
    targets: np.ndarray  # (J, mic, 3) m
    target_axes: np.ndarray  # (J, mic, 3)
    walls: np.ndarray  # (I, H) int64, -1 where no more walls are met
    normals: np.ndarray  # (I, H, 3) float32
    # (I,) in a room with patches, where several may be at one: see `places`
    places: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.maps)

    @property
    def chains(self) -> tuple:
        """Return what kernels take of the ways: sides met (I, H), their normals (I, H, 3), and what veils them."""
        return self.walls, self.normals, self.maps.veils.arrays

    @cached_property
    def middles(self) -> np.ndarray:
        """Return the images (J, 3) in m of the middle of the microphones."""
        return np.ascontiguousarray(self.targets.mean(axis=1))


@dataclass(frozen=True)
class Band:
    """What the legs cost around one carrier: walls, beam and arrival shadow; absorption of air."""

    carrier_hz: float
    turns_per_metre: float
    absorption_np_m: float
    absorption_slope: float  # Np/m/Hz
    walls: np.ndarray  # (W, 2, WALL_NODES) float32: reflection
    walls_above: np.ndarray  # the same at carrier + SLOPE_HZ
    walls_below: np.ndarray  # and at carrier - SLOPE_HZ
    beams: np.ndarray  # (driver, basis, 2, D) float32: Chebyshev series, real and imaginary, of the departure cosine
    ports: np.ndarray  # (basis, D) float32: Chebyshev series of the arrival cosine; basis function b is beam b times port b

    def functions(self, driver: int, cosine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the basis functions of departure (basis, n) complex and of arrival (basis, n) at cosines (n,)."""
        beams = [
            chebyshev.chebval(cosine, re) + 1j * chebyshev.chebval(cosine, im)
            for re, im in self.beams[driver].astype(float)
        ]
        return np.array(beams), np.array(
            [chebyshev.chebval(cosine, port) for port in self.ports.astype(float)]
        )


def legs(scene: Scene, device: PlacedDevice, order: int) -> Legs:
    """Return the legs of a device in its room up to a number of reflections."""
    unit = device.unit
    sides = sides_of(scene)
    found = maps(sides, order, device.world(np.concatenate([unit.drivers_m, unit.mics_m])))
    drivers, axes = device.world(unit.drivers_m), device.world_axes(unit.driver_axes)
    mics, mic_axes = device.world(unit.mics_m), device.world_axes(unit.mic_axes)
    return Legs(
        found,
        np.array([found.of(p) for p in drivers]),
        np.array([found.turned(a) for a in axes]),
        np.stack([found.of(p) for p in mics], axis=1),
        np.stack([found.turned(a) for a in mic_axes], axis=1),
        found.walls,
        found.normals.astype(np.float32),
        found.places if any(side.wall >= 0 for side in sides.sides) else None,
    )


def band(scene: Scene, device: PlacedDevice, carrier_hz: float, spread: bool = False) -> Band:
    """Return what the legs of a device cost around one carrier in Hz.

    spread: with a basis for the beams and arrival shadows of all units of the profile, not of the device's own unit alone.
    """
    air = scene.air
    walls = sides_of(scene).mirrors
    around = {
        shift: wall_tables(walls, carrier_hz + shift, air) for shift in (0.0, SLOPE_HZ, -SLOPE_HZ)
    }
    alpha = air.absorption_np_m(
        np.array([carrier_hz - SLOPE_HZ, carrier_hz, carrier_hz + SLOPE_HZ])
    )
    beams, ports = _patterns(device.unit, carrier_hz, spread)
    return Band(
        float(carrier_hz),
        float(carrier_hz) / air.sound_speed_m_s,
        float(alpha[1]),
        float(alpha[2] - alpha[0]) / (2 * SLOPE_HZ),
        around[0.0],
        around[SLOPE_HZ],
        around[-SLOPE_HZ],
        beams,
        ports,
    )


def nodes() -> np.ndarray:
    """Return the cosines (WALL_NODES,) of the nodes of a table of reflection: even in the root of the cosine.

    The root gives grazing incidence, where a hard wall's reflection turns within a few thousandths of the cosine, its share of nodes.
    """
    root = np.linspace(0.0, 1.0, WALL_NODES)
    return np.maximum(root * root, 1e-9)


def wall_tables(surfaces: Sequence[Mirror], f_hz: float, air: Air) -> np.ndarray:
    """Return the reflections (surface, 2, WALL_NODES) of surfaces at one frequency, at `nodes`."""
    found: dict[Mirror, np.ndarray] = {}
    for surface in surfaces:
        if surface not in found:
            found[surface] = _parts(surface.reflection(nodes(), f_hz, air))
    return np.array([found[surface] for surface in surfaces], np.float32).reshape(
        len(surfaces), 2, WALL_NODES
    )


def sheet_tables(scene: Scene, f_hz: float) -> np.ndarray:
    """Return what a scene's sheets change of what goes through them (mirror, 2, WALL_NODES) at one frequency, in float64; the sides' rows are empty."""
    sides = sides_of(scene)
    first = len(sides.sides)
    out = np.zeros((first + len(sides.sheets), 2, WALL_NODES))
    for row, mirror in enumerate(sides.mirrors[first:], first):
        values = held(mirror, nodes(), f_hz, scene.air)
        out[row] = values.real, values.imag
    return out


def body_reflection(surface: AbstractSurface, cosine, f_hz: float, air: Air) -> np.ndarray:
    """Return the complex reflection of a moving piece at cosines of incidence: of its mirror and, where it lies in folds, its glints together."""
    if surface.wrinkle_rms_m:
        return surface.unscattered(cosine, f_hz, air)
    return surface.reflection(cosine, f_hz, air)


def body_tables(surface: AbstractSurface, f_hz: float, air: Air) -> np.ndarray:
    """Return the reflections (3, 2, WALL_NODES) of a moving piece at `nodes`: of its mirror, its glints, and what is diffuse."""
    rms_m = surface.wrinkle_rms_m
    whole = body_reflection(surface, nodes(), f_hz, air)
    if not rms_m:
        bare = _parts(whole)
        return np.stack([bare, np.zeros_like(bare), np.zeros_like(bare)])
    share = mirror_share(nodes(), 2.0 * np.pi * f_hz / air.sound_speed_m_s, rms_m)
    return np.stack([_parts(whole * np.sqrt(part)) for part in (share, 1.0 - share, 1.0)])


def _parts(reflection: np.ndarray) -> np.ndarray:
    """Return real and imaginary parts (2, n) in float32."""
    values = np.asarray(reflection, complex)
    return np.array([values.real, values.imag], np.float32)


def reflection(tables: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    """Return the complex reflections (n,) of n tables (n, 2, WALL_NODES) at n cosines of incidence: the twin of the kernel's look-up."""
    x = np.sqrt(cosine) * (WALL_NODES - 1)
    node = np.minimum(x.astype(int), WALL_NODES - 2)
    w, row = x - node, np.arange(len(tables))
    low, high = tables[row, :, node], tables[row, :, node + 1]
    mixed = low + w[:, None] * (high - low)
    return mixed[:, 0] + 1j * mixed[:, 1]


@kernel
def _slopes(middles, points, hits, normals, above, below, out):
    """Fill out (point, J): the sum over a leg's walls of d ln R/df times 2 SLOPE_HZ, to first order."""
    for p in range(points.shape[0]):
        for j in range(middles.shape[0]):
            x, y, z = (
                middles[j, 0] - points[p, 0],
                middles[j, 1] - points[p, 1],
                middles[j, 2] - points[p, 2],
            )
            scale = 1.0 / math.sqrt(x * x + y * y + z * z)
            total = 0.0 + 0.0j
            for hit in range(hits.shape[1]):
                wall = hits[j, hit]
                if wall < 0:
                    break
                cosine = (
                    abs(x * normals[j, hit, 0] + y * normals[j, hit, 1] + z * normals[j, hit, 2])
                    * scale
                )
                node = int(math.sqrt(cosine) * (WALL_NODES - 1) + 0.5)
                high = complex(above[wall, 0, node], above[wall, 1, node])
                low = complex(below[wall, 0, node], below[wall, 1, node])
                total += 2.0 * (high - low) / (high + low)
            out[p, j] = total


def leg_slopes(found: Legs, cost: Band, points_m: np.ndarray) -> np.ndarray:
    """Return d ln(product of wall reflections)/df (n, J) in 1/Hz of the legs from points (n, 3) to the microphones' middle."""
    out = np.empty((len(points_m), len(found)), complex)
    _slopes(
        found.middles,
        np.ascontiguousarray(points_m),
        found.walls,
        found.normals,
        cost.walls_above,
        cost.walls_below,
        out,
    )
    return out / (2 * SLOPE_HZ)


def _patterns(unit: Unit, carrier_hz: float, spread: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return beams (driver, basis, 2, D) and ports (basis, D): every product of a beam and a port of the basis.

    One unit needs one of each.  For all units of a profile the functions are the principal ones of SPREAD_UNITS draws (Eckart and Young
    1936), as many as bring the misfit of every drawn unit below SPREAD_FIT.
    """
    x = np.cos(np.pi * (np.arange(4 * BEAM_DEGREE) + 0.5) / (4 * BEAM_DEGREE))
    units = [unit]
    if spread:
        units += [Unit(unit.profile, serial) for serial in (None, *range(SPREAD_UNITS))]
    drivers = range(len(unit.drivers_m))
    beams = [
        _principal(
            np.array(
                [np.broadcast_to(u.directivity(d, x, carrier_hz), x.shape) for u in units], complex
            ),
            spread,
        )
        for d in drivers
    ]
    ports = _principal(
        np.array([np.broadcast_to(u.mic_directivity(x, carrier_hz), x.shape) for u in units]),
        spread,
    )
    most = max(len(b) for b in beams)
    beams = [np.concatenate([b, np.zeros((most - len(b), len(x)))]) for b in beams]
    port_rows = np.array([_series(x, port.real, PORT_DEGREE, "arrival shadow") for port in ports])
    beam_rows = np.array(
        [
            [[_series(x, part, BEAM_DEGREE, "beam") for part in (f.real, f.imag)] for f in b]
            for b in beams
        ]
    )
    if beam_rows.shape[-1] > 1 and not beam_rows[..., 1:].any():
        beam_rows = beam_rows[..., :1]
    if not port_rows[:, 1:].any():
        port_rows = port_rows[:, :1]
    return np.repeat(beam_rows, len(port_rows), axis=1).astype(np.float32), np.tile(
        port_rows, (most, 1)
    ).astype(np.float32)


def _principal(functions: np.ndarray, spread: bool) -> np.ndarray:
    """Return the functions (basis, n) that span others (unit, n); the one function itself where there is no spread."""
    if not spread:
        return functions[:1]
    _, sizes, basis = np.linalg.svd(functions, full_matrices=False)
    worst = [
        np.abs(functions - (functions @ basis[:k].conj().T) @ basis[:k]).max()
        for k in range(1, len(sizes) + 1)
    ]
    return basis[
        : next((k for k, misfit in enumerate(worst, 1) if misfit <= SPREAD_FIT), len(sizes))
    ]


def _series(x: np.ndarray, y: np.ndarray, degree: int, what: str) -> np.ndarray:
    """Return the Chebyshev series (degree + 1,) of a real function given at nodes x in [-1, 1]; only its first term where it is flat.

    The last bits of a least-squares fit depend on the processor, by 1e-16 of the sum.  In the smallest coefficients (1e-8) that is enough
    to change the float32 that the kernel reads, and with it the roundings of all its sums: so coefficients are whole steps of SERIES_STEP.
    """
    out = np.zeros(degree + 1)
    if np.ptp(y) < FLAT:
        out[0] = y[0]
        return out
    out[:] = np.rint(chebyshev.chebfit(x, y, degree) / SERIES_STEP) * SERIES_STEP
    worst = np.abs(chebyshev.chebval(x, out) - y).max()
    if not worst <= FIT:
        raise ArithmeticError(
            f"the {what} is not smooth enough: fit error {worst:.1e} of a series of degree {degree}"
        )
    return out

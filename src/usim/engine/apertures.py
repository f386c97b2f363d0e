"""What can be unrolled into a plane, by data: rectangles heard from one side or both, cylinders; in NumPy, and the kernel that sums them.

A piece is four numbers for the kernel: half-length, half-width, radius (0 where it is flat) and whether only its front is heard.
"""

from __future__ import annotations

import math

import numpy as np

from usim.engine.bars import bars
from usim.engine.plates import EAR_, ECHO_IM, ECHO_RE, SOURCE, plates
from usim.engine.slab import ONE, ROW, f32
from usim.movers.base import Piece
from usim.physics import aperture, cylinder
from usim.physics.jit import fused, kernel

TUBE, FRONT, CUT = "cylinder", "facet", "sheet_cell"
LARGE = (TUBE, FRONT, CUT)  # what may be as large as a door, and as slow
NEAREST_M = 0.05  # a device is not taken to be nearer than this
# Times as many cells along each side as a blade has: for -40 dB of the judge, and for -60 dB where all pairs are resolved.
FINER = (1.3, 2.7)


def measures(piece: Piece) -> np.ndarray:
    """Return a piece as the kernels take it, (4,)."""
    if piece.shape == TUBE:
        radius, half = piece.size_m
        return np.array([half, radius, radius, 0.0])
    return np.array([*piece.size_m, 0.0, float(piece.shape == FRONT)])


def cells(piece: Piece, near_m: float, k: float, fine: bool = False) -> tuple[int, int]:
    """Return how many cells a piece is cut into, seen from `near_m` at least; k in 1/m; fine: all pairs are resolved."""
    if piece.shape == TUBE:
        return (1 + fine) * cylinder.cells(piece.size_m[1], near_m, k), 1
    along, across = aperture.cells(piece.size_m, near_m, near_m, k)
    times = FINER[fine] if piece.shape in LARGE else 1.0
    return math.ceil(times * along), math.ceil(times * across)


def nearest_m(piece: Piece, place: np.ndarray, axes: np.ndarray, ends: np.ndarray) -> float:
    """Return how near ends (..., 3) come to a piece, of a blade to its middle; place (time, 3) m, axes (time, 3, 3)."""
    own = np.einsum("tij,tei->tej", axes, ends - place[:, None])
    if piece.shape in LARGE:
        own = np.maximum(np.abs(own) - piece.half_m, 0.0)
    return max(float(np.sqrt((own * own).sum(axis=-1)).min()), NEAREST_M)


def least_cosine(piece: Piece, k: float) -> float:
    """Return the cosine below which an end begins to see a piece edge-on; k in 1/m."""
    if piece.shape == TUBE:
        return 1.0
    if piece.shape == CUT:
        return aperture.SHEET_EDGE_ON
    return float(aperture.edge_on_cosine(piece.size_m, k))


def aperture_echo(piece: Piece, source_m, microphone_m, k: float, cut) -> aperture.Echo:
    """Return the echo of a piece that lies still between points in its own axes, by the closed form."""
    if piece.shape == TUBE:
        radius, half = piece.size_m
        return cylinder.cylinder_echo(radius, half, source_m, microphone_m, k, cut[0])
    least, front = least_cosine(piece, k), piece.shape == FRONT
    return aperture.rectangle_echo(piece.size_m, source_m, microphone_m, k, cut, least, front)


@kernel
def _front(x):
    """Return by how much `aperture.front` is more than `aperture.face`; x: cosine over the least."""
    x = x if x < ONE else ONE
    x = x if x > f32(0.0) else f32(0.0)
    x2 = x * x
    more = x2 * (f32(10.0) + x * (f32(6.0) * x - f32(15.0))) * f32(8.0)
    return more / (f32(15.0) - x2 * (f32(10.0) - f32(3.0) * x2))


@kernel
def front_only(s, inverse_least, count):
    """Leave of ECHO what both ends hear that see the front."""
    for k in range(count):
        x, y, z = s[SOURCE + k], s[SOURCE + ROW + k], s[SOURCE + 2 * ROW + k]
        one = _front(z / math.sqrt(fused(x, x, fused(y, y, z * z))) * inverse_least)
        x, y, z = s[EAR_ + k], s[EAR_ + ROW + k], s[EAR_ + 2 * ROW + k]
        both = one * _front(z / math.sqrt(fused(x, x, fused(y, y, z * z))) * inverse_least)
        s[ECHO_RE + k] *= both
        s[ECHO_IM + k] *= both


@kernel
def apertures(s, size, along, across, k_, turns_per_metre, inverse_least, per_block, count):
    """Write the echo of a piece of along x across cells into ECHO; size (4,): see `measures`; per_block: see `bars.drifts`."""
    if size[2] > 0.0:
        bars(s, f32(size[2]), f32(size[0]), along, k_, turns_per_metre, per_block, count)
    else:
        plates(s, f32(size[0]), f32(size[1]), along, across, k_, turns_per_metre, inverse_least, count)  # fmt: skip
        if size[3] > 0.0:
            front_only(s, inverse_least, count)

"""Stirred air on the legs of an echo: by how much it makes every leg longer, knot by knot of bounce time.

Each leg is followed through the room to the place on the piece that sends it back, at the time at which its sound is there: a glint (told every cell_m, and brought to the glints between), or where the mirror of its pair lies, which
for pairs of more than PAIR_ORDER reflections is taken to be that of the leg with itself (of a mover of one piece: with the direct one).  A hand's breadth beside it the air is
another.  Texture of a mover of many pieces takes, for legs of more than FULL_ORDER reflections, which are many and weak, the middle of all its pieces.

What jets do is followed as far as HIGHEST_HZ: faster than that only their smallest gusts are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from usim.engine.glints import TURN
from usim.engine.legs import Legs
from usim.engine.sides import Side
from usim.engine.stirred import BEFORE, TAPS, Stirred, distances, lagrange, rate_for, stretches
from usim.movers.base import Piece
from usim.physics.crossing import Told, crossed, told_at
from usim.physics.eddies import Eddies
from usim.physics.jets import Blown
from usim.physics.moving_air import Waves, along, waves_at

FULL_ORDER = 1
PAIR_ORDER = 2
STRIDE = 1 << 20  # more than legs and glints of a piece together
MIDDLE = STRIDE - 1  # the middle of all pieces
ALL = -1  # stands for all pieces
FINENESS = {"draft": (0.12, 0.03), "standard": (0.03, 0.01), "fine": (0.02, 1e-5)}
"""By quality: how far apart in m the air of glints is told, and the share of the power of draughts that is left out with their least waves."""
EACH, FAINT = (
    8,
    3e-4,
)  # knots from node to node of what crosses jets; waves of less m^2/s are left out
HIGHEST_HZ, RATE_HZ = (
    50.0,
    250,
)  # gusts of jets are followed so far, on knots of standing paths of this rate at least
CHUNK = 32  # knots that are made together
SPARSER = 2  # knots of the air of legs are this much farther apart than those of standing paths
CENTRE, SPREAD = 3, 9  # rows of a pose table, see `pose_table`, where these end

Table = Callable[[np.ndarray, int], np.ndarray]
"""Times (n,) and the number of a piece -> its pose table (25, n)."""


@dataclass(eq=False)
class StirredLegs:
    """The legs of one device to the pieces of one mover; met: the sides of each leg; glints: of each piece, as the kernels read them; cell_m: and left: see FINENESS.  What was made is kept."""

    air: Stirred
    legs: Legs
    met: list[list[Side]]
    pieces: Sequence[Piece]
    table: Table
    glints: Sequence[np.ndarray]
    cell_m: float
    left: float
    held: dict[tuple[int, int, bool, int], tuple[np.ndarray, np.ndarray]] = field(
        default_factory=dict
    )

    @property
    def rate_hz(self) -> float:
        """Return the rate of knots in Hz."""
        return self.air.rate_hz / SPARSER

    @property
    def most_ms(self) -> int:
        """Return how far knots of a pose table may lie apart at most, ms."""
        return max(1000 // self.air.rate_hz, 1)

    blows: dict[int, tuple[Waves, ...]] = field(default_factory=dict)

    blown: dict[int, tuple[tuple[Told, ...], ...]] = field(default_factory=dict)

    @cached_property
    def cells(self) -> list[Cells]:
        """Return the cells of each piece."""
        return [
            cells_of(rows, piece, self.cell_m)
            for rows, piece in zip(self.glints, self.pieces, strict=True)
        ]

    def longer_m(
        self, piece: int, driver: int, pairs: np.ndarray, group: np.ndarray, t_s: np.ndarray
    ) -> np.ndarray:
        """Return what `array.blown` takes, (n + 1, times), for pairs (n, 3) of one piece and driver at bounce times; group (n,): 1 for texture."""
        out = np.zeros((len(pairs) + 1, len(t_s)))
        if self.air.fields or self.air.jets:
            for back, leg, other in ((False, 0, 1), (True, 1, 0)):
                ways = pairs[:, leg], pairs[:, other], pairs[:, 2]
                out[:-1] += self._of_pairs(piece, driver, back, *ways, group, t_s)
        out[-1] = self.air.longer(t_s)
        return out

    def _of_pairs(
        self,
        piece: int,
        driver: int,
        back: bool,
        leg: np.ndarray,
        other: np.ndarray,
        spot: np.ndarray,
        group: np.ndarray,
        t_s: np.ndarray,
    ) -> np.ndarray:
        """Return what moving air adds to one leg of pairs (n, times), m; leg, other, spot (n,): it, the other, and the glint between them, -1 for the mirror."""
        order, many, cells = self.legs.maps.order, len(self.pieces) > 1, self.cells[piece]
        far = (group == 1) & (order[leg] > FULL_ORDER) & many
        on_glint = (spot >= 0) & ~far & (len(cells.cell) > 0)
        end = np.where(order[leg] + order[other] <= PAIR_ORDER, other, leg if many else 0)
        mirrored = leg * STRIDE + np.where(far, MIDDLE, end)
        asked, parts = [mirrored[~on_glint]], []
        for one in np.unique(leg[on_glint]):
            mine = np.flatnonzero(on_glint & (leg == one))
            used, weights = cells.between(spot[mine])
            parts.append((mine, one * STRIDE + len(order) + used, weights))
            asked.append(parts[-1][1])
        ends = np.unique(np.concatenate(asked))
        known = self._read(piece, driver, back, ends, t_s)
        out = np.empty((len(leg), len(t_s)))
        out[~on_glint] = known[np.searchsorted(ends, mirrored[~on_glint])]
        for mine, own, weights in parts:
            out[mine] = weights @ known[np.searchsorted(ends, own)]
        return out

    def _read(
        self, piece: int, driver: int, back: bool, ends: np.ndarray, t_s: np.ndarray
    ) -> np.ndarray:
        """Return what moving air adds to legs (end, n) from a driver, or back to the middle of the microphones, m."""
        at = t_s * self.rate_hz
        knot = np.floor(at + 1e-9).astype(np.int64)
        weights = lagrange(at - knot)
        first = (int(knot.min()) - BEFORE) // CHUNK
        last = (int(knot.max()) + TAPS - BEFORE) // CHUNK
        middle = ends % STRIDE == MIDDLE
        known = np.empty((len(ends), (last + 1 - first) * CHUNK))
        for number in range(first, last + 1):
            some = slice((number - first) * CHUNK, (number - first + 1) * CHUNK)
            known[~middle, some] = self._chunk(piece, driver, back, number, ends[~middle])
            known[middle, some] = self._chunk(ALL, driver, back, number, ends[middle])
        out = np.zeros((len(known), len(t_s)))
        for tap in range(TAPS):
            out += weights[:, tap] * known[:, knot - BEFORE + tap - first * CHUNK]
        return out

    def _chunk(
        self, piece: int, driver: int, back: bool, number: int, ends: np.ndarray
    ) -> np.ndarray:
        """Return what moving air adds to legs (end, CHUNK) at the knots of one chunk, m."""
        key = (piece, driver, back, number)
        known, values = self.held.get(key, (np.zeros(0, np.int64), np.zeros((0, CHUNK))))
        missing = np.setdiff1d(ends, known)
        if len(missing):
            known, more = np.concatenate([known, missing]), self._made(missing, *key)
            order = np.argsort(known)
            known, values = known[order], np.concatenate([values, more])[order]
            self.held[key] = known, values
        return values[np.searchsorted(known, ends)]

    def _waves(self, number: int) -> tuple[Waves, ...]:
        """Return the draughts at the knots of a chunk."""
        if number not in self.blows:
            t_s = (number * CHUNK + np.arange(CHUNK)) / self.rate_hz
            self.blows[number] = tuple(waves_at(one, t_s) for one in self.air.fields)
        return self.blows[number]

    def _told(self, number: int) -> tuple[tuple[Told, ...], ...]:
        """Return the jets at the nodes of a chunk."""
        if number not in self.blown:
            self.blown[number] = tuple(
                told_at(jet, number * CHUNK, CHUNK, self.rate_hz, self.air.c, EACH)
                for jet in self.air.jets
            )
        return self.blown[number]

    def _made(
        self, ends: np.ndarray, piece: int, driver: int, back: bool, number: int
    ) -> np.ndarray:
        """Return what moving air makes of legs (end, CHUNK)."""
        t_s = (number * CHUNK + np.arange(CHUNK + 1)) / self.rate_hz
        sources, middles = self.legs.sources[driver], self.legs.middles
        own, other = (middles, sources) if back else (sources, middles)
        if piece == ALL:
            tables = [self.table(t_s, n)[:CENTRE] for n in range(len(self.pieces))]
            place = np.mean(tables, axis=0).T
        else:
            table = self.table(t_s, piece)
            place, spread = table[:CENTRE].T, table[CENTRE:SPREAD]
        legs, marks = np.divmod(ends, STRIDE)
        rows = []
        for leg in np.unique(legs):
            mine = np.flatnonzero(legs == leg)
            places = np.empty((len(mine), len(t_s), 3))
            for n, mark in enumerate(marks[mine]):
                if mark == MIDDLE:
                    places[n] = place
                elif mark < len(self.met):
                    places[n] = facing(place, spread, own[leg], other[mark])
            on = marks[mine] >= len(self.met)
            on &= marks[mine] != MIDDLE
            if on.any():
                normals = self.cells[piece].normals[marks[mine[on]] - len(self.met)]
                turned = np.tensordot(table[TURN : TURN + 9].reshape(3, 3, -1), normals, (1, 1))
                many = int(on.sum())
                places[on] = at_normal(
                    np.tile(place, (many, 1)), np.tile(spread, many), turned.transpose(0, 2, 1).reshape(3, -1)
                ).reshape(many, -1, 3)  # fmt: skip
            starts, stops = stretches(own[leg], self.met[leg], places.reshape(-1, 3))
            far = distances(starts, stops)
            # out, the sound is there before it bounces; back it runs the other way, afterwards
            when = (far - far[-1]) / self.air.c
            one, two = when[:-1], when[1:]
            if back:
                starts, stops, one, two = stops, starts, -two, -one
            count = len(starts)
            shape = (count * len(mine), CHUNK + 1)
            rows.append((
                starts.reshape(*shape, 3), stops.reshape(*shape, 3), one.reshape(shape), two.reshape(shape), np.tile(mine, count)
            ))  # fmt: skip
        start_m, stop_m, start_s, stop_s, owner = (np.concatenate(one) for one in zip(*rows, strict=True))  # fmt: skip
        out, knots = np.zeros((len(ends), CHUNK)), slice(0, CHUNK)
        ways = [way[:, knots] for way in (start_m, stop_m, start_s, stop_s)]
        for waves in self._waves(number):
            early = along(waves, ways[0], ways[1], ways[2], ways[3], self.left)
            np.add.at(out, owner, -early / self.air.c)
        nodes = slice(0, CHUNK + 1, EACH)
        for jet, told in zip(self.air.jets, self._told(number), strict=True):
            early = crossed(
                jet, start_m[:, nodes], stop_m[:, nodes], start_s[:, nodes], stop_s[:, nodes], number * CHUNK, CHUNK, self.rate_hz, self.air.c, EACH,
                FAINT, told,
            )  # fmt: skip
            np.add.at(out, owner, -early / self.air.c)
        return out


@dataclass(frozen=True, eq=False)
class Cells:
    """Where the air of a piece's glints is told: the cell (G,) that each lies in, the normals (cell, 3) of their middles in the piece's axes; places of glints (G, 3) and of
    the middles (cell, 3), m.
    """

    cell: np.ndarray
    normals: np.ndarray
    places: np.ndarray
    middles: np.ndarray

    def between(self, glints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the cells (m,) in which some glints (n,) lie, and the weights (n, m) that bring what is told there to each of these glints.

        What is likeliest where the variance between two places grows with the 5/3 power of their distance (Kolmogorov 1941; Matheron 1963).
        """
        used = np.unique(self.cell[glints])
        middles, one = self.middles[used], np.ones((1, len(used)))
        among = np.block([[_grown(middles, middles), one.T], [one, np.zeros((1, 1))]])
        towards = np.concatenate([_grown(middles, self.places[glints]), np.ones((1, len(glints)))])
        return used, np.linalg.solve(among, towards)[:-1].T


def cells_of(glints: np.ndarray, piece: Piece, wide_m: float) -> Cells:
    """Return cells some m wide that hold the glints (G, COLUMNS) of a piece."""
    if not len(glints):
        return Cells(np.zeros(0, np.int64), *np.zeros((3, 0, 3)))
    sizes = np.array(piece.half_m)
    places = _surface(glints[:, :3], sizes)
    _, cell = np.unique(np.round(places / wide_m).astype(np.int64), axis=0, return_inverse=True)
    normals = np.zeros((cell.max() + 1, 3))
    np.add.at(normals, cell.ravel(), glints[:, :3])
    normals = _unit(normals)
    return Cells(cell.ravel(), normals, places, _surface(normals, sizes))


def _surface(normals: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the places (n, 3) of an ellipsoid's surface that have some normals (n, 3)."""
    return normals * sizes**2 / np.sqrt((normals**2 * sizes**2).sum(axis=1))[:, None]


def _grown(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the 5/3 power of the distances (n, m) between places (n, 3) and (m, 3)."""
    away = one[:, None] - other[None]
    return (away * away).sum(axis=-1) ** (5 / 6)


def stirred_for_legs(air: Stirred | None) -> Stirred | None:
    """Return the air of a scene as legs are told it: jets as far as HIGHEST_HZ, on knots that are no closer than the draughts or RATE_HZ ask for."""
    if air is None or not air.jets:
        return air
    return replace(air, jets=tuple(_slower(jet) for jet in air.jets), rate_hz=max(rate_for(air.fields), RATE_HZ))  # fmt: skip


def _slower(jet: Blown) -> Blown:
    """Return a jet without its gusts beyond HIGHEST_HZ."""
    reaches = []
    for reach in jet.reaches:
        gusts = reach.gusts
        slow = np.abs(gusts.turning_rad_s) < 2.0 * np.pi * HIGHEST_HZ
        some = Eddies(gusts.k[slow], gusts.phase[slow], gusts.speed_m_s[slow], gusts.wind_m_s[slow], gusts.mean_m_s)  # fmt: skip
        reaches.append(replace(reach, gusts=some))
    return Blown(tuple(reaches), jet.frames)


def facing(
    place: np.ndarray, spread: np.ndarray, one_m: np.ndarray, other_m: np.ndarray
) -> np.ndarray:
    """Return the places (n, 3) in m of the surface of ellipsoids that have the bisector of the ways to two points (3,) as seen from the centre for their normal.

    place (n, 3); spread (6, n): Q diag(a^2) Q', see `pose_table`.
    """
    return at_normal(place, spread, (_unit(one_m - place) + _unit(other_m - place)).T)


def at_normal(place: np.ndarray, spread: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return the places (n, 3) in m of the surface of ellipsoids that have normals along (3, n); place, spread: see `facing`."""
    x, y, z = normal
    xx, yy, zz, xy, xz, yz = spread
    reach = np.stack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z])
    height = np.sqrt(np.maximum(x * reach[0] + y * reach[1] + z * reach[2], 1e-12))
    return place + (reach / height).T


def _unit(away: np.ndarray) -> np.ndarray:
    return away / np.sqrt((away * away).sum(axis=1))[:, None]

"""Stirred air on the legs of an echo: by how much it makes every leg longer, knot by knot of bounce time.

Each leg is followed through the room to the piece's surface, at the time at which its sound is there.  Where it ends depends on the leg that it pairs with: a hand's breadth
beside it the air is another.  A mover of one piece has an end for every pair of up to PAIR_ORDER reflections; other pairs take the end that their leg has with the direct one.  A mover of
many small pieces has one end a leg, where a piece faces it; and legs of more than FULL_ORDER reflections, which are many and weak, go to the middle of all its pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from usim.engine.legs import Legs
from usim.engine.sides import Side
from usim.engine.stirred import BEFORE, TAPS, Stirred, distances, lagrange, stretches
from usim.physics.moving_air import along

FULL_ORDER = 1
PAIR_ORDER = 2
MIDDLE = -1  # stands for all pieces
CHUNK = 32  # knots that are made together
SPARSER = 2  # knots of the air of legs are this much farther apart than those of standing paths
CENTRE, SPREAD = 3, 9  # rows of a pose table, see `pose_table`, where these end

Table = Callable[[np.ndarray, int], np.ndarray]
"""Times (n,) and the number of a piece -> its pose table (25, n)."""


@dataclass(eq=False)
class StirredLegs:
    """The legs of one device to the pieces of one mover; met: the sides of each leg.  What was made is kept."""

    air: Stirred
    legs: Legs
    met: list[list[Side]]
    pieces: int
    table: Table
    held: dict[tuple[int, int, bool, int], np.ndarray] = field(default_factory=dict)

    @property
    def rate_hz(self) -> float:
        """Return the rate of knots in Hz."""
        return self.air.rate_hz / SPARSER

    @property
    def most_ms(self) -> int:
        """Return how far knots of a pose table may lie apart at most, ms."""
        return max(1000 // self.air.rate_hz, 1)

    @cached_property
    def ends(self) -> np.ndarray:
        """Return the ways (end, 2) that are followed: a leg, and the one whose pair with it says where on the piece it ends."""
        order = self.legs.maps.order
        if self.pieces > 1:
            return np.stack([np.arange(len(order))] * 2, axis=1)
        both = order[:, None] + order[None, :] <= PAIR_ORDER
        both[:, 0] = True
        return np.argwhere(both)

    @cached_property
    def end_of(self) -> np.ndarray:
        """Return the number (I, J) of the end that a leg has in a pair."""
        images = len(self.legs)
        out = np.full((images, images), -1)
        out[self.ends[:, 0], self.ends[:, 1]] = np.arange(len(self.ends))
        usual = out.diagonal() if self.pieces > 1 else out[:, 0]
        return np.where(out < 0, usual[:, None], out)

    def longer_m(self, piece: int, driver: int, pairs: np.ndarray, t_s: np.ndarray) -> np.ndarray:
        """Return what `array.blown` takes, (n + 1, times), for pairs (n, 3) of one piece and driver at bounce times."""
        i, j = pairs[:, 0], pairs[:, 1]
        out = np.zeros((len(pairs) + 1, len(t_s)))
        if self.air.fields:
            out[:-1] = self._read(piece, driver, False, t_s)[self.end_of[i, j]]
            out[:-1] += self._read(piece, driver, True, t_s)[self.end_of[j, i]]
        out[-1] = self.air.longer(t_s)
        return out

    def _read(self, piece: int, driver: int, back: bool, t_s: np.ndarray) -> np.ndarray:
        """Return what draughts add to the legs (end, n) from a driver, or back to the middle of the microphones, m."""
        at = t_s * self.rate_hz
        knot = np.floor(at + 1e-9).astype(np.int64)
        weights = lagrange(at - knot)
        first = (int(knot.min()) - BEFORE) // CHUNK
        last = (int(knot.max()) + TAPS - BEFORE) // CHUNK
        chunks = [self._chunk(piece, driver, back, number) for number in range(first, last + 1)]
        known = np.concatenate(chunks, axis=1)
        out = np.zeros((len(known), len(t_s)))
        for tap in range(TAPS):
            out += weights[:, tap] * known[:, knot - BEFORE + tap - first * CHUNK]
        return out

    def _chunk(self, piece: int, driver: int, back: bool, number: int) -> np.ndarray:
        """Return what draughts add to the legs (end, CHUNK) at the knots of one chunk, m."""
        key = (piece, driver, back, number)
        if key not in self.held:
            every = np.arange(len(self.ends))
            if self.pieces == 1:
                self.held[key] = self._made(every, driver, back, number, piece)
            else:
                near = self.legs.maps.order <= FULL_ORDER
                middle = (MIDDLE, *key[1:])
                if middle not in self.held:
                    self.held[middle] = self._made(every[~near], driver, back, number, None)
                own = self._made(every[near], driver, back, number, piece)
                self.held[key] = own + self.held[middle]
        return self.held[key]

    def _made(
        self, rows: np.ndarray, driver: int, back: bool, number: int, piece: int | None
    ) -> np.ndarray:
        """Return what draughts make of some ends (rows) among all (end, CHUNK), at one piece's surface or the middle of all pieces; zero for the others."""
        t_s = (number * CHUNK + np.arange(CHUNK)) / self.rate_hz
        sources, middles = self.legs.sources[driver], self.legs.middles
        own, other = (middles, sources) if back else (sources, middles)
        if piece is None:
            place = np.mean([self.table(t_s, n)[:CENTRE] for n in range(self.pieces)], axis=0).T
        else:
            table = self.table(t_s, piece)
            place, spread = table[:CENTRE].T, table[CENTRE:SPREAD]
        out = np.zeros((len(self.ends), CHUNK))
        parts: list[tuple[np.ndarray, ...]] = []
        for row in rows:
            leg, partner = self.ends[row]
            spot = place if piece is None else facing(place, spread, own[leg], other[partner])
            starts, stops = stretches(own[leg], self.met[leg], spot)
            far = distances(starts, stops)
            # out, the sound is there before it bounces; back it runs the other way, afterwards
            when = (far - far[-1]) / self.air.c
            one, two = when[:-1], when[1:]
            if back:
                starts, stops, one, two = stops, starts, -two, -one
            owner = np.full(CHUNK, row)
            parts += [(starts[n], stops[n], one[n], two[n], owner) for n in range(len(starts))]
        if parts:
            start_m, stop_m, start_s, stop_s, owner = (
                np.concatenate(column) for column in zip(*parts, strict=True)
            )
            knot = np.tile(np.arange(CHUNK), len(parts))
            for one_field in self.air.fields:
                early = along(one_field, start_m, stop_m, start_s, stop_s, knot, t_s)
                np.add.at(out, (owner, knot), -early / self.air.c)
        return out


def facing(
    place: np.ndarray, spread: np.ndarray, one_m: np.ndarray, other_m: np.ndarray
) -> np.ndarray:
    """Return the places (n, 3) in m of the surface of ellipsoids that have the bisector of the ways to two points (3,) as seen from the centre for their normal.

    place (n, 3); spread (6, n): Q diag(a^2) Q', see `pose_table`.
    """
    x, y, z = (_unit(one_m - place) + _unit(other_m - place)).T
    xx, yy, zz, xy, xz, yz = spread
    reach = np.stack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z])
    height = np.sqrt(np.maximum(x * reach[0] + y * reach[1] + z * reach[2], 1e-12))
    return place + (reach / height).T


def _unit(away: np.ndarray) -> np.ndarray:
    return away / np.sqrt((away * away).sum(axis=1))[:, None]

"""Stirred air in the tail: its taps turn as the ways that they stand for would, each by itself.

Nobody follows hundreds of ways through the room.  A tap's phase is drawn: a sum of waves whose powers are those of a way as long as the tap's across the draught (`way_density`),
so its variance grows with its length, and it is slow where the draught is.  Taps are ways of their own, so their phases have nothing to do with each other; at all microphones of a
device a tap is one wave.  No tap grows or fades, so the tail's energy stays what it was; what leaves its line goes to skirts as a draught makes them of mirror paths.
Drift turns every tap by its length.  Under an emission that goes on and off, and behind fans, the tail stands still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.engine.stirred import BEFORE, TAPS, StirredStanding
from usim.engine.tail import Tail
from usim.physics.eddies import INNER_M, way_density
from usim.scene.scene import Scene

GROUPS = 8  # of taps, each of which has frequencies of its own
WAVES = 48  # of a draught in a tap
SPAN = 16  # knots that are made together
SLOWEST = 0.02  # of the mean wind over the integral length, where they begin


@dataclass(frozen=True, eq=False)
class Turns:
    """How one group of taps turns: their numbers (tap,), the rates (wave,) in rad/s and what cosines and sines of them come to (tap, wave), m."""

    taps: np.ndarray
    rates: np.ndarray
    cosines: np.ndarray
    sines: np.ndarray


@dataclass(frozen=True, eq=False)
class StirredTail:
    """What stirred air does to the taps of a tail."""

    standing: StirredStanding
    length_m: np.ndarray
    turns: tuple[Turns, ...]

    def longer_m(self, first: int, count: int) -> np.ndarray:
        """Return by how much (tap, count) taps are longer at knots from number `first` on, m."""
        air = self.standing.air
        t_s = (first + np.arange(count)) / air.rate_hz
        out = np.multiply.outer(self.length_m, air.longer(t_s))
        for one in self.turns:
            angle = np.multiply.outer(one.rates, t_s)
            out[one.taps] += one.cosines @ np.cos(angle) + one.sines @ np.sin(angle)
        return out

    def heard(
        self, gains: np.ndarray, turns_per_metre: np.ndarray, start: int, count: int, rate_hz: int
    ) -> np.ndarray:
        """Return (mic, carrier, count): steady carriers by way of taps with gains (carrier, driver, mic, tap), at samples from number `start` on."""
        each = rate_hz // self.standing.air.rate_hz
        first = start // each - BEFORE
        last = (start + count - 1) // each + TAPS - BEFORE
        # made in whole spans, so that a knot is the same however a recording is cut
        low, high = first // SPAN, -(-last // SPAN)
        whole = gains.sum(axis=1)
        out = np.empty((whole.shape[1], len(whole), count), complex)
        parts = [self._span(whole, turns_per_metre, number) for number in range(low, high)]
        knots = np.concatenate(parts, axis=-1)[..., first - low * SPAN : last - low * SPAN]
        for mic, carrier in np.ndindex(out.shape[:2]):
            out[mic, carrier] = self.standing.brought(knots[carrier, mic], first, start, count, rate_hz)  # fmt: skip
        return out

    def _span(self, gains: np.ndarray, turns_per_metre: np.ndarray, number: int) -> np.ndarray:
        """Return (carrier, mic, SPAN) at the knots of one span."""
        longer = self.longer_m(number * SPAN, SPAN)
        return np.array([
            one @ np.exp(-2j * np.pi * turns * longer)
            for one, turns in zip(gains, turns_per_metre, strict=True)
        ])  # fmt: skip


def stirred_tail(
    scene: Scene, device: str, tail: Tail, standing: StirredStanding | None
) -> StirredTail | None:
    """Return what stirred air does to a tail heard by a device, None where nothing moves all of the air."""
    if standing is None or not standing.air.everywhere:
        return None
    turns = []
    for draught in scene.draughts:
        random = scene.stream(f"air.draughts.{draught.name}.tail.{device}")
        mean = float(np.linalg.norm(draught.mean_m_s))
        slow, fast = SLOWEST * mean / draught.length_m, mean / INNER_M
        for group in range(GROUPS):
            taps = np.arange(group, len(tail.length_m), GROUPS)
            edges = np.geomspace(slow, fast, WAVES + 1)
            f = edges[:-1] * (edges[1:] / edges[:-1]) ** random.random(WAVES)
            rms = draught.turbulence * mean
            power = way_density(f, rms, draught.length_m, mean, 1.0) * np.diff(edges)
            power[0] += way_density(f[:1], rms, draught.length_m, mean, 1.0)[0] * slow
            much = np.sqrt(2.0 * np.multiply.outer(tail.length_m[taps], power)) / tail.c
            phase = 2.0 * np.pi * random.random(much.shape)
            turns.append(Turns(taps, 2.0 * np.pi * f, much * np.cos(phase), much * np.sin(phase)))
    return StirredTail(standing, tail.length_m, tuple(turns))

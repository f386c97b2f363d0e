"""Echoes of moving pieces, pair by pair: delay, received frequency and gain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from usim.engine.exact.bounce import (
    COMING,
    COS,
    FADE_FULL,
    FADE_NONE,
    FLAG,
    GAIN,
    GOING,
    POSE,
    R1,
    R2,
    RATE1,
    RATE2,
    SEEN,
    WIDTH,
    complain,
    retarded,
    revisit,
)
from usim.engine.exact.images import ORDER, Images, mirror_images
from usim.engine.exact.motion import Motion

BLOCK = 16384  # pair-instants in memory at once
ROAM_M = 3.0  # how far a mover may go while one sound travels


@dataclass(frozen=True)
class Echoes:
    """Echoes of one piece by pair and instant: arrays (pair, time); the gain is 0 where there is no echo.

    gain is FS per Pa of nominal pressure at 1 m on axis, without the delay; the echo left at t - delay_s.
    """

    mover: str
    piece: int
    driver: int
    key: np.ndarray  # (pair, 2, 3): image keys of driver and microphone
    t_s: np.ndarray
    bounce_s: np.ndarray
    r1_m: np.ndarray
    r2_m: np.ndarray
    cos_half: np.ndarray
    ratio: np.ndarray  # received over emitted frequency
    gain: np.ndarray
    delay_s: np.ndarray


@dataclass(frozen=True)
class Link:
    """One driver of one device and one microphone of another, or the same, in their room."""

    scene: Any
    emitter: Any
    listener: Any
    sender: Any  # units
    hearer: Any
    driver: int
    mic: int
    out: Images
    back: Images
    frequency_hz: float

    @property
    def c(self) -> float:
        return float(self.scene.air.sound_speed_m_s)

    def leave(self, index: np.ndarray, going: np.ndarray) -> np.ndarray:
        """Beam pattern along unfolded directions going (n, 3) from driver images index (n,)."""
        axis = self.emitter.world_axes(self.sender.driver_axes)[self.driver]
        cosine = np.einsum("nk,nk->n", going, self.out.turn[index] @ axis)
        return self.sender.directivity(self.driver, np.clip(cosine, -1.0, 1.0), self.frequency_hz)

    def arrive(self, index: np.ndarray, coming: np.ndarray, f_hz) -> np.ndarray:
        """Baffle shadow for unfolded directions coming (n, 3) from microphone images index (n,) to the sound."""
        axis = self.listener.world_axes(self.hearer.mic_axes)[self.mic]
        cosine = np.einsum("nk,nk->n", coming, self.back.turn[index] @ axis)
        return self.hearer.mic_directivity(np.clip(cosine, -1.0, 1.0), f_hz)

    def walls(self, images: Images, index: np.ndarray, direction: np.ndarray, f_hz) -> np.ndarray:
        """Product of the reflections that images index (n,) stand for, along unfolded directions (n, 3)."""
        product = np.ones(len(index), dtype=complex)
        for normal, surface, columns in self.surfaces():
            hits = images.hits[:, columns].sum(axis=1)[index]
            met = np.flatnonzero(hits)
            if not len(met):
                continue
            cosine = np.minimum(np.abs(direction[met] @ normal), 1.0)
            one = surface.reflection(cosine, f_hz[met] if np.ndim(f_hz) else f_hz, self.scene.air)
            for times in range(1, int(hits.max()) + 1):
                again = hits[met] >= times
                product[met[again]] *= np.broadcast_to(one, met.shape)[again]
        return product

    def surfaces(self) -> list[tuple[np.ndarray, Any, list[int]]]:
        """Walls put together where orientation and surface are the same: the reflection is then one value."""
        groups: list[tuple[np.ndarray, Any, list[int]]] = []
        for index, wall in enumerate(self.scene.room.walls):
            for normal, surface, columns in groups:
                if surface == wall.surface and abs(normal @ wall.normal) > 1.0 - 1e-9:
                    columns.append(index)
                    break
            else:
                groups.append((np.asarray(wall.normal, float), wall.surface, [index]))
        return groups

    def air(self, r1, r2, f2_hz) -> np.ndarray:
        """Air loss over r1 at the emitted and r2 at the received frequency, in m and Hz, re 1 m."""
        alpha = self.scene.air.absorption_np_m
        return np.exp(-alpha(self.frequency_hz) * (r1 - 1.0) - alpha(f2_hz) * r2)


def links(scene, frequency_hz, device, mic, unit, emitter, driver, order) -> Iterator[Link]:
    """One link for each driver that plays."""
    listener = scene.devices[device]
    source = listener if emitter is None else scene.devices[emitter]
    hearer = listener.unit if unit is None else unit
    sender = hearer if source is listener else source.unit
    walls = scene.room.walls
    ear = np.asarray(listener.world(hearer.mics_m), float)[mic]
    back = mirror_images(walls, ear, order)
    drivers = np.asarray(source.world(sender.drivers_m), float)
    for index in range(len(drivers)) if driver is None else [driver]:
        out = mirror_images(walls, drivers[index], order)
        yield Link(scene, source, listener, sender, hearer, index, mic, out, back, frequency_hz)


def chosen(link: Link, pairs, name: str, piece: int) -> np.ndarray:
    """Index of driver image and microphone image of every pair asked for, (n, 2)."""
    if pairs is None:
        many = len(link.out.key), len(link.back.key)
        return np.stack(
            np.meshgrid(np.arange(many[0]), np.arange(many[1]), indexing="ij"), -1
        ).reshape(-1, 2)
    wanted = np.asarray(pairs.get((name, piece), np.zeros((0, 2, 3), dtype=np.int64)))
    by_key = np.issubdtype(wanted.dtype, np.integer)
    sides = ((link.out, wanted[:, 0]), (link.back, wanted[:, 1]))
    found = np.stack(
        [side.find(rows) if by_key else side.near(rows) for side, rows in sides], axis=-1
    )
    return found if by_key else found[found[:, 0] >= 0]  # other drivers' positions are theirs


def require_pairs(played: list[Link], pairs) -> None:
    """Refuses, in one line, pairs of movers, pieces or images that are not there."""
    pieces = {mover.name: len(mover.pieces) for mover in played[0].scene.movers}
    for (name, piece), wanted in (pairs or {}).items():
        where = f"pairs[{name!r}, {piece}]"
        if not 0 <= piece < pieces.get(name, 0):
            raise ValueError(f"{where}: no such piece; movers are {', '.join(pieces) or 'none'}")
        wanted = np.asarray(wanted)
        if wanted.ndim != 3 or wanted.shape[1:] != (2, 3):
            raise ValueError(f"{where}: shape {wanted.shape}, give (n, 2, 3)")
        by_key = np.issubdtype(wanted.dtype, np.integer)
        look = Images.find if by_key else Images.near
        left = np.max([look(link.out, wanted[:, 0]) for link in played], axis=0)
        lost = np.flatnonzero((left < 0) | (look(played[0].back, wanted[:, 1]) < 0))
        if len(lost):
            row = wanted[lost[0]].tolist()
            raise ValueError(f"{where}: no image of this order at row {lost[0]}: {row}")


def _follow(link: Link, mover, t_s: np.ndarray) -> Motion:
    """The story of a mover over every bounce time that can be heard at t_s."""
    for number, piece in enumerate(mover.pieces):
        if piece.shape != "ellipsoid":
            who = f"movers.{mover.name}.pieces[{number}]"
            raise ValueError(f"{who}: shape {piece.shape!r}; exact knows ellipsoids only")
    places = np.asarray(mover.at(t_s).position_m, float).reshape(-1, 3)
    reach = max(max(piece.size_m) for piece in mover.pieces) + ROAM_M
    away = max(np.linalg.norm(places - ear, axis=1).max() for ear in link.back.position_m)
    return Motion(mover, np.stack([t_s - (away + reach) / link.c, t_s], axis=1))


def _echoes(
    link: Link, motion: Motion, number: int, index: np.ndarray, t_s: np.ndarray, poses: str
) -> Echoes:
    """Echoes of one piece for pairs index (n, 2) at reception times t_s."""
    mover = motion.mover
    piece = mover.pieces[number]
    who = f"movers.{mover.name}.pieces[{number}]"
    c, f, shape = link.c, link.frequency_hz, (len(index), len(t_s))
    source, ear = link.out.position_m[index[:, 0]], link.back.position_m[index[:, 1]]
    when, pose, out = np.empty(shape), np.empty((*shape, 2 * POSE)), np.empty((*shape, WIDTH))
    story = motion.low, motion.width, motion.terms[number]
    lost = retarded(t_s, c, source, ear, *story, poses == "at", when, pose, out)
    if lost:
        raise RuntimeError(f"{who}: moves more than {ROAM_M:g} m while one sound travels")
    if poses == "at":
        _refine(motion, number, source, ear, c, t_s, when, pose, out)
    else:
        _compare(motion, number, when, pose, who)
    complain(out, who)
    ratio = (1.0 - out[..., RATE1] / c) / (1.0 + out[..., RATE2] / c)
    gain = np.zeros(shape, dtype=complex)
    alive = (out[..., FLAG] == SEEN) & (out[..., COS] > FADE_NONE)
    known, f2 = out[alive], f * ratio[alive]
    first = np.broadcast_to(index[:, :1], shape)[alive]
    second = np.broadcast_to(index[:, 1:], shape)[alive]
    going, coming = known[:, GOING : GOING + 3], known[:, COMING : COMING + 3]
    gain[alive] = (
        link.sender.drive_gain(link.driver, f, f)
        * link.leave(first, going)
        * link.walls(link.out, first, going, f)
        * known[:, GAIN]
        * fade(known[:, COS])
        * piece.surface.reflection(np.minimum(known[:, COS], 1.0), f, link.scene.air)
        * link.walls(link.back, second, coming, f2)
        * link.arrive(second, coming, f2)
        * link.air(known[:, R1], known[:, R2], f2)
        * link.hearer.mic_response(link.mic, f2)
    )
    return Echoes(
        mover=mover.name,
        piece=number,
        driver=link.driver,
        key=np.stack([link.out.key[index[:, 0]], link.back.key[index[:, 1]]], axis=1),
        t_s=t_s,
        bounce_s=when,
        r1_m=out[..., R1],
        r2_m=out[..., R2],
        cos_half=out[..., COS],
        ratio=ratio,
        gain=gain,
        delay_s=(out[..., R1] + out[..., R2]) / c,
    )


def fade(cos_half) -> np.ndarray:
    """1 up to a bistatic angle of 140 degrees, 0 from 160 on, smooth between; cos_half = cos of half of it."""
    s = np.clip((np.asarray(cos_half) - FADE_NONE) / (FADE_FULL - FADE_NONE), 0.0, 1.0)
    return s**3 * (6.0 * s * s - 15.0 * s + 10.0)


def _refine(motion: Motion, number: int, source, ear, c: float, t_s, when, pose, out) -> None:
    """Bounces in the pose that `at` gives at the bounce time itself, until the time changes by < 1e-12 s."""
    times, poses, known = when.ravel(), pose.reshape(-1, 2 * POSE), out.reshape(-1, WIDTH)
    heard = (known[:, FLAG] == SEEN) & (known[:, COS] > 0.9 * FADE_NONE)
    cells = np.flatnonzero(heard)
    enough = 1e-12 + 4.0 * np.spacing(np.abs(t_s).max())
    for _ in range(20):
        if not len(cells):
            return
        poses[cells, :POSE] = motion.poses(times[cells])[:, number]
        revisit(cells, len(t_s), source, ear, poses, known)
        late = times[cells] + known[cells, R2] / c - t_s[cells % len(t_s)]
        again = np.abs(late) >= enough
        cells, late = cells[again], late[again]
        times[cells] -= late / (1.0 + known[cells, RATE2] / c)
    raise RuntimeError(f"movers.{motion.mover.name}: bounce times of piece {number} do not settle")


def _compare(motion: Motion, number: int, when, pose, who: str) -> None:
    """The polynomials must meet `at` at bounce times too, on a sample spread over the block."""
    flat = np.unique(np.linspace(0, when.size - 1, 64).astype(np.int64))
    times = when.ravel()[flat]
    error = np.abs(motion.poses(times)[:, number] - pose.reshape(-1, 2 * POSE)[flat, :POSE]).max()
    if error > 1e-11 + 200.0 * np.spacing(np.abs(times).max()):
        raise RuntimeError(f"{who}: the followed pose is {error:.1e} off; ask with poses='at'")


def echoes(
    scene,
    frequency_hz: float,
    t_s,
    *,
    device: int = 0,
    mic: int = 0,
    unit=None,
    emitter: int | None = None,
    driver: int | None = None,
    order: int = ORDER,
    pairs: Mapping[tuple[str, int], Any] | None = None,
    movers=True,
    poses: str = "at",
) -> Iterator[Echoes]:
    """Yields the echoes at times t_s in blocks of pairs: by driver, mover, piece, then image pair.

    Arguments as in `tone_response`. A steady tone of P Pa (nominal, 1 m, on axis) is received as
    P * gain * exp(-2j pi f delay_s) re exp(2j pi f t), in FS.
    """
    t_s = np.asarray(t_s, float)
    if poses not in ("at", "fit"):
        raise ValueError(f"poses: {poses!r}; give 'at' or 'fit'")
    # Instants in order of time let each bounce start from the last one.
    order_of_time = np.argsort(t_s, kind="stable")
    unsorted = bool((np.diff(order_of_time) != 1).any())
    stories: dict[str, Motion] = {}
    played = list(links(scene, frequency_hz, device, mic, unit, emitter, driver, order))
    require_pairs(played, pairs)
    for link in played:
        for mover in scene.movers:
            if movers is not True and mover.name not in (movers or ()):
                continue
            for number in range(len(mover.pieces)):
                index = chosen(link, pairs, mover.name, number)
                if not len(index) or not len(t_s):
                    continue
                if mover.name not in stories:
                    stories[mover.name] = _follow(link, mover, t_s[order_of_time])
                step = max(1, BLOCK // len(t_s))
                for begin in range(0, len(index), step):
                    some = index[begin : begin + step]
                    block = _echoes(
                        link, stories[mover.name], number, some, t_s[order_of_time], poses
                    )
                    yield _put_back(block, t_s, order_of_time) if unsorted else block


def _put_back(block: Echoes, t_s: np.ndarray, order_of_time: np.ndarray) -> Echoes:
    """The same echoes with the instants in the order in which they were asked for."""
    place = np.argsort(order_of_time, kind="stable")
    names = ("bounce_s", "r1_m", "r2_m", "cos_half", "ratio", "gain", "delay_s")
    return replace(block, t_s=t_s, **{name: getattr(block, name)[:, place] for name in names})

"""Echoes of moving pieces, path by path: delay, received frequency and gain."""

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
    POINT,
    R1,
    R2,
    RATE1,
    RATE2,
    SEEN,
)
from usim.engine.exact.bounced import bounced
from usim.engine.exact.draught import MovingAir
from usim.engine.exact.glint import EXTRA, EXTRA_RATE
from usim.engine.exact.images import ORDER
from usim.engine.exact.link import Link, links
from usim.engine.exact.motion import ROAM_M, Motion
from usim.engine.exact.plate import plates_heard
from usim.engine.exact.rows import (
    FLAT,
    MIRROR,
    Rows,
    chosen,
    dressed,
    require_known,
    require_pairs,
    with_glints,
)
from usim.engine.exact.shadow import Among, others, unhidden
from usim.engine.exact.tube import tubes_heard

TUBE = "cylinder"
BLOCK = 16384  # path-instants in memory at once


@dataclass(frozen=True)
class Echoes:
    """Echoes of one piece by path and instant: arrays (pair, time); the gain is 0 where there is no echo.

    gain is FS per Pa of nominal pressure at 1 m on axis, without the delay; the echo left at t - delay_s.
    """

    mover: str
    piece: int
    driver: int
    key: np.ndarray  # (pair, 2, 3): image keys of driver and microphone
    spot: np.ndarray  # (pair,): number of the glint, -1 for the mirror
    t_s: np.ndarray
    bounce_s: np.ndarray
    r1_m: np.ndarray
    r2_m: np.ndarray
    cos_half: np.ndarray  # of flat pieces the mean cosine at the centre
    ratio: np.ndarray  # received over emitted frequency
    gain: np.ndarray
    delay_s: np.ndarray


@dataclass(frozen=True)
class Asked:
    """Some paths of one piece in one link."""

    link: Link
    number: int
    rows: Rows
    motion: Motion
    glints: Any


def asked(
    scene,
    frequency_hz: float,
    t_s: np.ndarray,
    where: Mapping[str, Any],
    pairs: Mapping[tuple[str, int], Any] | None,
    spots: Mapping[tuple[str, int], Any] | None,
    glints: Mapping[tuple[str, int], Any] | None,
    movers,
) -> Iterator[Asked]:
    """The paths asked for at t_s, ascending: by driver, mover, piece; then mirrors before glints, by image pair.

    where: device, mic, unit, emitter, driver and order. Other arguments as in `tone_response`.
    """
    stories: dict[str, Motion] = {}
    played = list(links(scene, frequency_hz, **where))
    require_pairs(played, pairs, spots, glints)
    for link in played:
        for mover in scene.movers:
            if not len(t_s) or (movers is not True and mover.name not in (movers or ())):
                continue
            require_known(mover, glints)
            for number, piece in enumerate(mover.pieces):
                rows = chosen(link, pairs, spots, mover.name, number)
                if not len(rows):
                    continue
                if mover.name not in stories:
                    rest = [one for one in scene.movers if one is not mover]
                    stories[mover.name] = _follow(link, Among(mover, rest) if rest else mover, t_s)
                motion, own = stories[mover.name], (glints or {}).get((mover.name, number))
                if pairs is None and dressed(piece):
                    rows = with_glints(link, motion, number, rows, t_s, own)
                yield Asked(link, number, rows, motion, own)


def _follow(link: Link, mover, t_s: np.ndarray) -> Motion:
    """The story of a mover over every bounce time that can be heard at t_s."""
    places = np.asarray(mover.at(t_s).position_m, float).reshape(-1, 3)
    reach = max(max(piece.size_m) for piece in mover.pieces) + ROAM_M
    away = max(np.linalg.norm(places - ear, axis=1).max() for ear in link.back.position_m)
    return Motion(mover, np.stack([t_s - (away + reach) / link.c, t_s], axis=1))


def _echoes(ask: Asked, rows: Rows, t_s: np.ndarray, poses: str, air: MovingAir | None) -> Echoes:
    """Echoes by way of some rows of what is asked, at reception times t_s."""
    if ask.motion.mover.pieces[ask.number].shape in FLAT:
        return _flat_echoes(ask, rows, t_s, poses, air)
    link, motion, number, index = ask.link, ask.motion, ask.number, rows.index
    piece = motion.mover.pieces[number]
    c, f, shape = link.c, link.frequency_hz, (len(rows), len(t_s))
    source, ear = link.out.position_m[index[:, 0]], link.back.position_m[index[:, 1]]
    when, out = bounced(motion, number, rows, source, ear, c, t_s, ask.glints, poses)
    ratio = (1.0 - (out[..., RATE1] + out[..., EXTRA_RATE]) / c) / (1.0 + out[..., RATE2] / c)
    gain = np.zeros(shape, dtype=complex)
    alive = (out[..., FLAG] == SEEN) & (out[..., COS] > FADE_NONE) & (out[..., GAIN] > 0.0)
    number_of = np.broadcast_to(np.arange(len(rows))[:, None], shape)
    passed = np.ones(0)
    if link.veil is not None:
        legs = index[number_of[alive]]
        passed = link.passed(legs[:, 0], out[alive, R1], out[alive, GOING : GOING + 3], legs[:, 1])
        alive[alive] = passed != 0.0
    known, f2 = out[alive], f * ratio[alive]
    row = number_of[alive]
    first, second = index[row, 0], index[row, 1]
    going, coming = known[:, GOING : GOING + 3], known[:, COMING : COMING + 3]
    place = known[:, POINT : POINT + 3]
    hiding = others(motion.mover, number, f, link.scene.air)
    gain[alive] = (
        link.sender.drive_gain(link.driver, f, f)
        * link.leave(first, going)
        * link.walls(link.out, first, going, f, known[:, R1])
        * known[:, GAIN]
        * fade(known[:, COS])
        * _returned(link, piece, ask.glints, rows.spot[row], np.minimum(known[:, COS], 1.0))
        * unhidden(motion, number, hiding, source[row], ear[row], when[alive], place, c / f, poses)
        * link.walls(link.back, second, coming, f2, known[:, R2])
        * link.arrive(second, coming, f2)
        * link.air(known[:, R1], known[:, R2], f2)
        * link.hearer.mic_response(link.mic, f2)
    )
    if link.veil is not None:
        gain[alive] *= passed[passed != 0.0]
    delay_s = (out[..., R1] + out[..., R2] + out[..., EXTRA]) / c
    if air is not None:
        bounce = source[row] + known[:, R1, None] * going
        delay_s[alive] += _late(link, air, source[row], bounce, ear[row], when[alive])
    return Echoes(
        mover=motion.mover.name,
        piece=number,
        driver=link.driver,
        key=np.stack([link.out.key[index[:, 0]], link.back.key[index[:, 1]]], axis=1),
        spot=rows.spot,
        t_s=t_s,
        bounce_s=when,
        r1_m=out[..., R1],
        r2_m=out[..., R2],
        cos_half=out[..., COS],
        ratio=ratio,
        gain=gain,
        delay_s=delay_s,
    )


def _late(link: Link, air: MovingAir, source, bounce, ear, when) -> np.ndarray:
    """By how much (n,) in s moving air delays echoes from places (n, 3) by way of bounces, at times `when`."""
    c = link.c
    r1 = np.linalg.norm(bounce - source, axis=1)
    return air.late(link.box, c, source, bounce, when - r1 / c) + air.late(link.box, c, bounce, ear, when)  # fmt: skip


def _flat_echoes(
    ask: Asked, rows: Rows, t_s: np.ndarray, poses: str, air: MovingAir | None
) -> Echoes:
    """The same for a flat piece, which no other piece hides."""
    link, motion, number, index = ask.link, ask.motion, ask.number, rows.index
    c, f, shape = link.c, link.frequency_hz, (len(rows), len(t_s))
    source, ear = link.out.position_m[index[:, 0]], link.back.position_m[index[:, 1]]
    heard = tubes_heard if motion.mover.pieces[number].shape == TUBE else plates_heard
    known = heard(motion, number, source, ear, c, t_s, f, poses)
    ratio = (1.0 - known.rate1 / c) / (1.0 + known.rate2 / c)
    first, second = (np.repeat(side, len(t_s)) for side in index.T)
    going, coming, f2 = known.going.reshape(-1, 3), known.coming.reshape(-1, 3), f * ratio.ravel()
    surface = motion.mover.pieces[number].surface
    gain = (
        link.sender.drive_gain(link.driver, f, f)
        * link.leave(first, going)
        * link.walls(link.out, first, going, f, known.r1.ravel())
        * known.gain.ravel()
        * surface.reflection(np.minimum(known.cosine.ravel(), 1.0), f, link.scene.air)
        * link.walls(link.back, second, coming, f2, known.r2.ravel())
        * link.arrive(second, coming, f2)
        * link.air(known.r1.ravel(), known.r2.ravel(), f2)
        * link.hearer.mic_response(link.mic, f2)
    )
    if link.veil is not None:
        gain *= link.passed(first, known.r1.ravel(), going, second)
    delay_s = (known.r1 + known.r2) / c
    if air is not None:
        start, end = np.repeat(source, len(t_s), 0), np.repeat(ear, len(t_s), 0)
        bounce = start + known.r1.reshape(-1, 1) * going
        delay_s += _late(link, air, start, bounce, end, known.when.ravel()).reshape(shape)
    return Echoes(
        mover=motion.mover.name,
        piece=number,
        driver=link.driver,
        key=np.stack([link.out.key[index[:, 0]], link.back.key[index[:, 1]]], axis=1),
        spot=rows.spot,
        t_s=t_s,
        bounce_s=known.when,
        r1_m=known.r1,
        r2_m=known.r2,
        cos_half=known.cosine,
        ratio=ratio,
        gain=gain.reshape(shape),
        delay_s=delay_s,
    )


def fade(cos_half) -> np.ndarray:
    """1 up to a bistatic angle of 140 degrees, 0 from 160 on, smooth between; cos_half = cos of half of it."""
    s = np.clip((np.asarray(cos_half) - FADE_NONE) / (FADE_FULL - FADE_NONE), 0.0, 1.0)
    return s**3 * (6.0 * s * s - 15.0 * s + 10.0)


def _returned(link: Link, piece, glints, spot: np.ndarray, cos: np.ndarray) -> np.ndarray:
    """Reflection at the cosines of half the bistatic angle; off a dressed piece the share of its mirror or of its glints."""
    f, surface = link.frequency_hz, piece.surface
    if not dressed(piece):
        return surface.reflection(cos, f, link.scene.air)
    # Rayleigh's roughness parameter squared (Ament 1953): what it takes from the mirror goes to the glints.
    rough = (4.0 * np.pi * f / link.c * surface.wrinkle_rms_m * cos) ** 2
    split = np.where(spot == MIRROR, np.exp(-rough), -np.expm1(-rough))
    whole = np.where(spot == MIRROR, False, np.asarray(glints.is_diffuse, bool)[spot])
    return surface.unscattered(cos, f, link.scene.air) * np.sqrt(np.where(whole, 1.0, split))


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
    spots: Mapping[tuple[str, int], Any] | None = None,
    glints: Mapping[tuple[str, int], Any] | None = None,
    movers=True,
    poses: str = "at",
    air: MovingAir | None = None,
) -> Iterator[Echoes]:
    """Yields the echoes at times t_s in blocks of paths: by driver, mover, piece, then mirrors before glints, by image pair.

    Arguments as in `tone_response`. A steady tone of P Pa (nominal, 1 m, on axis) is received as
    P * gain * exp(-2j pi f delay_s) re exp(2j pi f t), in FS.
    """
    t_s = np.asarray(t_s, float)
    if poses not in ("at", "fit"):
        raise ValueError(f"poses: {poses!r}; give 'at' or 'fit'")
    # Instants in order of time let each bounce start from the last one.
    order_of_time = np.argsort(t_s, kind="stable")
    unsorted = bool((np.diff(order_of_time) != 1).any())
    ascending = t_s[order_of_time]
    where = {
        "device": device,
        "mic": mic,
        "unit": unit,
        "emitter": emitter,
        "driver": driver,
        "order": order,
    }
    for ask in asked(scene, frequency_hz, ascending, where, pairs, spots, glints, movers):
        step = max(1, BLOCK // len(t_s))
        for begin in range(0, len(ask.rows), step):
            block = _echoes(ask, ask.rows[begin : begin + step], ascending, poses, air)
            yield _put_back(block, t_s, order_of_time) if unsorted else block


def _put_back(block: Echoes, t_s: np.ndarray, order_of_time: np.ndarray) -> Echoes:
    """The same echoes with the instants in the order in which they were asked for."""
    place = np.argsort(order_of_time, kind="stable")
    names = ("bounce_s", "r1_m", "r2_m", "cos_half", "ratio", "gain", "delay_s")
    return replace(block, t_s=t_s, **{name: getattr(block, name)[:, place] for name in names})

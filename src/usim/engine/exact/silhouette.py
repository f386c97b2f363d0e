"""Movers before static paths: Fresnel's integral over the shade that a body throws, in polar coordinates about the path.

Along every ray across the path from its foot outwards, the silhouettes of all pieces are intervals; of their union each end adds w exp(-j q) - 1,
q = k (way over that end - straight way), and the mean over all rays is what the path changes by (the radial half of Fresnel's integral in closed form;
Born and Wolf 1999, section 8.3). w is the rule of the engine's page: what turns the sound by more than LIT, as sum of the sines at both ends, is an echo and no
shadow, and fades to nothing at DARK.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from usim.engine.exact.link import Link
from usim.engine.exact.shadow import others

LIT, DARK = 0.25, 0.45
RAYS = 4096
SAME_M = 1e-6
ROUNDS = 4  # of the time at which a piece is passed
ROAM_M = 0.3  # a piece goes no further while one sound travels


def _step(x):
    s = np.clip(x, 0.0, 1.0)
    return s**3 * (6.0 * s * s - 15.0 * s + 10.0)


def stretches(link: Link, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(row, start, end) of every straight way past a mover that one of some static paths (rows of `out`) takes: from an image of the
    driver to an image of the microphone whose mirrorings together are the path's."""
    out, back = link.out, link.back
    ear = back.position_m[0]
    for j, (place, turn) in enumerate(zip(back.position_m, back.turn, strict=True)):
        shift = place - turn @ ear
        unfolded = (out.position_m - shift) @ turn  # images as the microphone itself sees them
        for i, seen in enumerate(unfolded):
            for row in rows:
                if (
                    out.order[i] + back.order[j] == out.order[row]
                    and np.abs(seen - out.position_m[row]).max() < SAME_M
                ):
                    yield int(row), out.position_m[i], place


def _passed_by(places, reach, start, end) -> bool:
    """Whether any piece (n, 3), give or take its reach (n,), comes so near to a way that it may count."""
    length = float(np.linalg.norm(end - start))
    u = (end - start) / length
    ahead = (places - start) @ u
    aside = np.linalg.norm(places - start - ahead[:, None] * u, axis=1)
    rho = np.maximum(aside - reach, 0.0)
    near, far = np.abs(ahead) + reach, np.abs(length - ahead) + reach
    turn = rho / np.hypot(rho, near) + rho / np.hypot(rho, far)
    return bool(np.any((turn < DARK) & (ahead > -reach) & (ahead < length + reach)))


def _screen(mover, pieces, start, end, t: float, c: float) -> list[tuple]:
    """(centre (2,), inverse shape (2, 2), near, far, share that counts) of each piece across the way when the sound heard at t passes it."""
    length = float(np.linalg.norm(end - start))
    u = (end - start) / length
    first = np.cross(u, [0.0, 0.0, 1.0] if abs(u[2]) < 0.9 else [1.0, 0.0, 0.0])
    first /= np.linalg.norm(first)
    across = np.array([first, np.cross(u, first)])
    found = []
    when = np.full(len(pieces), t - 0.5 * length / c)
    for _ in range(ROUNDS):
        place = mover.at(when).position_m[np.arange(len(pieces)), pieces]
        when = t - (length - (place - start) @ u) / c
    poses = mover.at(when)
    sizes = poses.sizes_m(mover.pieces)
    for row, piece in enumerate(pieces):
        frame = poses.rotation[row, piece] * sizes[row, piece]
        away = poses.position_m[row, piece] - start
        ahead, depth = away @ u, np.linalg.norm(u @ frame)
        counts = _step(0.5 + 0.5 * ahead / depth) * _step(0.5 + 0.5 * (length - ahead) / depth)
        if counts > 0.0:
            shape = across @ frame
            near, far = max(ahead, 0.5 * depth), max(length - ahead, 0.5 * depth)
            found.append((across @ away, np.linalg.inv(shape @ shape.T), near, far, counts))
    return found


def _end(rho, near: float, far: float, counts: float, k: float) -> np.ndarray:
    """What an end of the screen adds at a distance from the foot."""
    one, two = np.hypot(rho, near), np.hypot(rho, far)
    w = 1.0 - _step((rho / one + rho / two - LIT) / (DARK - LIT))
    return counts * (w * np.exp(-1j * k * ((one - near) + (two - far))) - 1.0)


def change(screen: list[tuple], k: float, rays: int = RAYS) -> complex:
    """What a way changes by, as share of it, where pieces as `_screen` gives them stand about it; k in 1/m."""
    near_enough = []
    for centre, inverse, near, far, _counts in screen:
        reach = np.sqrt(np.linalg.eigvalsh(inverse).min() ** -1)
        rho = np.linalg.norm(centre) - reach
        if rho <= 0.0 or rho / np.hypot(rho, near) + rho / np.hypot(rho, far) < DARK:
            near_enough.append(True)
        else:
            near_enough.append(False)
    screen = [one for one, kept in zip(screen, near_enough, strict=True) if kept]
    if not screen:
        return 0j
    angle = 2.0 * np.pi * (np.arange(rays) + 0.5) / rays
    ray = np.array([np.cos(angle), np.sin(angle)])
    lows, highs, starts, stops = [], [], [], []
    for centre, inverse, near, far, counts in screen:
        a = np.einsum("in,ij,jn->n", ray, inverse, ray)
        b = np.einsum("in,ij,j->n", ray, inverse, centre)
        root2 = b * b - a * (centre @ inverse @ centre - 1.0)
        hit = root2 > 0.0
        root = np.sqrt(np.where(hit, root2, 0.0))
        high = np.where(hit, (b + root) / a, -1.0)
        low = np.maximum(np.where(hit, (b - root) / a, -1.0), 0.0)
        hit &= high > 0.0
        high = np.maximum(high, 0.0)
        bend = np.sqrt(1.0 / near + 1.0 / far)
        starts.append(_end(low, near, far, counts, k))
        stops.append(_end(high, near, far, counts, k))
        lows.append(np.where(hit, low * bend, np.inf))
        highs.append(np.where(hit, high * bend, np.inf))
    order = np.argsort(lows, axis=0)
    low, high, start, stop = (np.take_along_axis(np.array(x), order, 0) for x in (lows, highs, starts, stops))  # fmt: skip
    total = np.zeros(rays, complex)
    reached, value = np.zeros(rays), np.zeros(rays, complex)
    for row in range(len(low)):
        there = np.isfinite(low[row])
        apart = there & (low[row] > reached)
        total += np.where(apart, value - start[row], 0.0)
        further = there & (apart | (high[row] > reached))
        value = np.where(further, stop[row], value)
        reached = np.where(further, high[row], reached)
    return complex((total + value).mean())


def changes(link: Link, mover, rows: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """What one mover changes of static paths (rows of `out`) as share of each, (len(rows), time)."""
    k = 2.0 * np.pi * link.frequency_hz / link.c
    pieces = others(mover, -1, link.frequency_hz, link.scene.air)
    passed = np.ones((len(rows), len(t_s)), complex)
    if not len(pieces):
        return passed - 1.0
    number = {int(row): n for n, row in enumerate(rows)}
    poses = mover.at(t_s)
    reach = np.linalg.norm(poses.sizes_m(mover.pieces), axis=2)[:, pieces] + ROAM_M
    for row, start, end in stretches(link, rows):
        for n, t in enumerate(t_s):
            if not _passed_by(poses.position_m[n, pieces], reach[n], start, end):
                continue
            passed[number[row], n] *= 1.0 + change(
                _screen(mover, pieces, start, end, float(t), link.c), k
            )
    return passed - 1.0

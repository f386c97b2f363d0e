"""Detours: the share of the tail that a mover meets on its way and sends on with the Doppler of its own motion.

In a diffuse field a way of length L meets a body of surface S in a room of volume V with the probability 1 - exp(-S L / (4 V)) (Kuttruff 2009, section 5.1; S / 4 is the
mean cross-section of a convex body, Cauchy 1841).  That share of every tap's energy is taken from it.  What the body does not absorb goes on, from directions and into
directions that have nothing to do with the tap's own: as plane waves, each of them reflected by one piece, whose path changes by what the piece's
reflecting point moves along the difference of the two.  No level is free, and no wave turns faster than 2 v k.

What a mover takes is counted, negative, with what it sends on: the tail itself stays that of the empty room, and what one mover does
does not depend on the others.  Of several that meet the same way, the product of their shares (below 1 % of the tail for two adults in 50 m^3) is so counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from usim.emissions.base import AbstractEmission
from usim.engine.apertures import TUBE
from usim.engine.echoes import Echo
from usim.engine.legs import Band
from usim.engine.tail import ENVELOPE_HZ, Tail, tabulated, taps_heard
from usim.engine.tones import cosine, sine
from usim.movers.base import AbstractMover
from usim.physics.impedance import DIFFUSE_COSINES, diffuse_mean
from usim.physics.jit import kernel
from usim.scene.scene import Scene
from usim.template.streams import stream

WAVES = 96  # per mover, shared out over its pieces by what they are met
LEAST = 4  # per piece
LINES = 4096  # that tell what of a mover is seen from all around
NOTHING_M2 = 1e-12  # of a piece that none of the lines meets
STEP_S, FLAT_STEP_S = 0.004, 0.0005  # between knots; what is flat may spin
SPAN_S = 20.0  # for which poses are in memory at once
CHUNK = 1024  # samples that are summed together
BEFORE = 2  # knots on either side of a block that its slopes read


@dataclass(frozen=True, eq=False)
class Detours:
    """What one mover makes of the tail: what it takes of each tap, and the ways (wave,) by way of it.

    taken (carrier, driver, mic, basis, tap) complex: what is missing at the microphones, Pa per Pa at 1 m on axis;
    gain (carrier, driver, mic, basis, wave): of what is sent on; length_m: of the whole way; since (wave,): whole samples of the
    baseband between bounce and reception; piece: that reflects; turn (wave, 3): unit vector away from it minus unit vector to it; spot (wave, 3) m: the
    point of a flat piece, in its own frame; waves (carrier,): turns per metre.
    """

    mover: str
    tail: Tail
    taken: np.ndarray
    gain: np.ndarray
    length_m: np.ndarray
    since: np.ndarray
    piece: np.ndarray
    turn: np.ndarray
    spot: np.ndarray
    waves: np.ndarray
    rate_hz: int
    c: float


def air_m3(scene: Scene) -> float:
    """Return the volume in m^3 that a room's furniture leaves."""
    taken = 0.0
    for thing in scene.furniture:
        x, y = thing.solid.footprint_m.T
        area = 0.5 * abs(float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()))
        taken += area * (thing.solid.high_m - thing.solid.low_m)
    return scene.room.volume_m3 - taken


def cross_sections_m2(mover: AbstractMover, t_s: float = 0.0) -> np.ndarray:
    """Return what is seen (piece,) of each piece in m^2 at one time, in the mean over all directions: what another piece hides is not.

    Parallel lines from all around that cross the sphere around the mover; each counts for the piece that it meets first.
    """
    pose = mover.at(np.array([t_s]))
    place, rotation, size = pose.position_m[0], pose.rotation[0], pose.sizes_m(mover.pieces)[0]
    corner = np.abs(rotation) @ size[:, :, None]
    low, high = (place - corner[..., 0]).min(axis=0), (place + corner[..., 0]).max(axis=0)
    middle = 0.5 * (low + high)
    flat = np.array([piece.is_flat for piece in mover.pieces])
    reach = np.where(flat, np.sqrt((size**2).sum(axis=1)), size.max(axis=1))
    reach += np.sqrt(((place - middle) ** 2).sum(axis=1))
    radius = float(reach.max())
    n = np.arange(LINES) + 0.5
    # a lattice of four numbers: roots of x^5 = x + 1 (Roberts 2018)
    places = (n[:, None] * 1.1673039782614187 ** -np.arange(1.0, 5.0)) % 1.0
    z, turn = 2.0 * places[:, 0] - 1.0, 2.0 * np.pi * places[:, 1]
    level = np.sqrt(1.0 - z * z)
    way = np.stack([level * np.cos(turn), level * np.sin(turn), z], axis=1)
    first = np.stack([-np.sin(turn), np.cos(turn), np.zeros(LINES)], axis=1)
    second = np.cross(way, first)
    out, around = radius * np.sqrt(places[:, 2]), 2.0 * np.pi * places[:, 3]
    start = middle + (out * np.cos(around))[:, None] * first + (out * np.sin(around))[:, None] * second  # fmt: skip
    far = np.full((len(size), LINES), np.inf)
    for row, piece in enumerate(mover.pieces):
        at = (start - place[row]) @ rotation[row]
        to = way @ rotation[row]
        if piece.shape == TUBE:
            far[row] = _met_m(at, to, size[row])
        elif piece.is_flat:
            with np.errstate(divide="ignore", invalid="ignore"):
                t = -at[:, 2] / to[:, 2]
                met = np.abs(at[:, :2] + t[:, None] * to[:, :2]) <= size[row, :2]
            far[row] = np.where(met.all(axis=1), t, np.inf)
        else:
            at, to = at / size[row], to / size[row]
            a, b, least = (to * to).sum(axis=1), (at * to).sum(axis=1), (at * at).sum(axis=1) - 1.0
            left = b * b - a * least
            far[row] = np.where(left >= 0.0, (-b - np.sqrt(np.maximum(left, 0.0))) / a, np.inf)
    met = np.isfinite(far.min(axis=0))
    counts = np.bincount(far.argmin(axis=0)[met], minlength=len(size))
    return np.pi * radius**2 * counts / LINES


def _met_m(at: np.ndarray, to: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return how far (n,) in m lines from `at` along `to` (n, 3) go to the side of a cylinder in its own axes, infinite where they miss it."""
    square = (to[:, :2] ** 2).sum(axis=1)
    b, least = (at[:, :2] * to[:, :2]).sum(axis=1), (at[:, :2] ** 2).sum(axis=1) - size[0] ** 2
    left = b * b - square * least
    root = np.sqrt(np.maximum(left, 0.0))
    found = np.full(len(at), np.inf)
    for way in (-b + root, -b - root):  # the nearer one last
        t = way / np.maximum(square, 1e-30)
        met = (left >= 0.0) & (np.abs(at[:, 2] + t * to[:, 2]) <= size[2])
        found = np.where(met, t, found)
    return found


def detours(tail: Tail, scene: Scene, bands: Sequence[Band], rate_hz: int) -> tuple[Detours, ...]:
    """Return what each of a scene's movers makes of a tail, at the rate of the baseband."""
    air, response = air_m3(scene), tail.loss[:, :, :, None] * _functions(tail, bands)
    return tuple(
        _by_way_of(mover, tail, response, scene, air, bands, rate_hz) for mover in scene.movers
    )


def _by_way_of(
    mover: AbstractMover,
    tail: Tail,
    response: np.ndarray,
    scene: Scene,
    air: float,
    bands: Sequence[Band],
    rate_hz: int,
) -> Detours:
    """Return what one mover makes of taps with a response (carrier, driver, mic, basis, tap); air: volume in m^3."""
    seen = np.maximum(cross_sections_m2(mover), NOTHING_M2)
    left = np.exp(-seen.sum() / air * tail.length_m)
    met = (1.0 - left) * tail.unpaired / seen.sum()  # share of each tap, per m^2
    heard = tail.heard
    rows, pieces, parts = [], [], []
    turns, spots, backs = [], [], []
    for number, piece in enumerate(mover.pieces):
        draws = stream(0, f"tail.{tail.place}.{mover.name}.{piece.name}")
        count = max(round(WAVES * seen[number] / seen.sum()), LEAST)
        taken = met * seen[number]
        up_to = np.cumsum(heard[0] * taken)
        at = (np.arange(count) + draws.random()) / count * up_to[-1]
        row = np.minimum(np.searchsorted(up_to, at, side="right"), len(up_to) - 1)
        kept = np.array([_returned(piece.surface, band, scene) for band in bands])
        share = up_to[-1] / (count * heard[0, row])
        whole = (heard * taken).sum(axis=1) / np.maximum((heard[:, row] * share).sum(axis=1), 1e-300)  # fmt: skip
        phase = np.exp(2j * np.pi * draws.random(count))
        parts.append(np.sqrt(share * (whole * kept)[:, None]) * phase)
        rows.append(row)
        pieces.append(np.full(count, number))
        turns.append(_directions(draws, count) - _directions(draws, count))
        spots.append(draws.uniform(-1.0, 1.0, (count, 3)) * piece.half_m)
        backs.append(draws.random(count))
    row = np.concatenate(rows)
    length = tail.length_m[row]
    since = np.rint(np.concatenate(backs) * length / tail.c * rate_hz).astype(np.int64)
    return Detours(
        mover.name,
        tail,
        response * (1.0 - np.sqrt(left)),
        response[..., row] * np.concatenate(parts, axis=1)[:, None, None, None],
        length,
        since,
        np.concatenate(pieces),
        np.concatenate(turns),
        np.concatenate(spots),
        np.array([band.turns_per_metre for band in bands]),
        rate_hz,
        tail.c,
    )


def _functions(tail: Tail, bands: Sequence[Band]) -> np.ndarray:
    """Return the basis functions of departure and arrival (carrier, driver, mic, basis, tap) at the taps."""
    mics, drivers = len(tail.arrival), len(tail.departure)
    out = np.empty((len(bands), drivers, mics, bands[0].beams.shape[1], len(tail.length_m)), complex)  # fmt: skip
    for row, band in enumerate(bands):
        for driver, mic in np.ndindex(drivers, mics):
            beams, _ = band.functions(driver, tail.departure[driver])
            _, ports = band.functions(driver, tail.arrival[mic])
            out[row, driver, mic] = beams * ports
    return out


def _returned(surface, band: Band, scene: Scene) -> float:
    """Return the share of a diffuse field's energy that a surface sends back."""
    energy = surface.energy(DIFFUSE_COSINES, band.carrier_hz, scene.air)
    return float(diffuse_mean(energy.mirror + energy.scattered))


def _directions(draws: np.random.Generator, count: int) -> np.ndarray:
    """Return directions (count, 3) drawn evenly from all round."""
    z, turn = draws.uniform(-1.0, 1.0, count), 2.0 * np.pi * draws.random(count)
    flat = np.sqrt(1.0 - z * z)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


def detour_tones(
    found: Detours,
    mover: AbstractMover,
    emission: AbstractEmission,
    start: int,
    samples: int,
) -> np.ndarray:
    """Return (driver, carrier, mic, basis, sample) complex128 re 1 Pa at 1 m on axis, from sample number `start` of the baseband on.

    What is returned for a sample does not depend on the others that are asked for.
    """
    most = round(SPAN_S * found.rate_hz)
    ends = range(start, start + samples, most)
    parts = [_tones(found, mover, emission, at, min(most, start + samples - at)) for at in ends]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)


def _tones(
    found: Detours, mover: AbstractMover, emission: AbstractEmission, start: int, samples: int
) -> np.ndarray:
    """Return the same for a stretch whose poses fit into memory."""
    flat = np.array([piece.is_flat for piece in mover.pieces])
    step_s = FLAT_STEP_S if flat.any() else STEP_S
    each = round(found.rate_hz * step_s)
    first = (start - int(found.since.max())) // each - BEFORE
    count = (start + samples) // each + 2 + BEFORE - first
    pose = mover.at((first + np.arange(count)) * step_s)
    sizes = np.ascontiguousarray(pose.sizes_m(mover.pieces))
    ways = np.empty((len(found.piece), count))
    place, rotation = np.ascontiguousarray(pose.position_m), np.ascontiguousarray(pose.rotation)
    _shorter(place, rotation, sizes, flat, found.piece, found.turn, found.spot, ways)
    carriers, drivers, mics, basis, _ = found.gain.shape
    gains = found.gain.reshape(carriers, drivers * mics * basis, -1)
    late = found.length_m / found.c * ENVELOPE_HZ
    reach = int(np.ceil(late.max())) + 2
    ratio = int(ENVELOPE_HZ) // found.rate_hz
    table = np.empty((carriers, 0))
    if not emission.steady:
        table = tabulated(emission, start * ratio - reach, samples * ratio + reach + 1)
    out = np.zeros((carriers, gains.shape[1], 2, samples))
    _sum(
        ways, found.waves, np.ascontiguousarray(gains.real), np.ascontiguousarray(gains.imag), found.since, each, start - first * each, table, reach - late,
        ratio, np.empty((2, CHUNK), np.float32), out,
    )  # fmt: skip
    shape = (carriers, drivers, mics, basis, samples)
    made = (out[:, :, 0] + 1j * out[:, :, 1]).reshape(shape)
    for number in range(basis):
        taken = np.ascontiguousarray(found.taken[:, :, :, number])
        made[:, :, :, number] -= taps_heard(
            found.tail, taken, emission, start, samples, found.rate_hz
        )
    return made.swapaxes(0, 1)


def with_detours(
    echoes: tuple[Echo, ...],
    found: tuple[Detours, ...],
    scene: Scene,
    emission: AbstractEmission,
    start: int,
    samples: int,
) -> tuple[Echo, ...]:
    """Return the echoes of a scene's movers, none of them or all, with their detours added."""
    late = [
        detour_tones(one, mover, emission, start, samples)
        for one, mover in zip(found, scene.movers, strict=True)
    ]
    if not echoes:
        return tuple(
            Echo(mover.name, tones, None, (), 0)
            for mover, tones in zip(scene.movers, late, strict=True)
        )
    return tuple(
        replace(echo, tones=echo.tones + tones) for echo, tones in zip(echoes, late, strict=True)
    )


@kernel(apart=True)
def _shorter(place, rotation, sizes, flat, piece, turn, spot, out):
    """Fill out (wave, knot): by how many m each way is shorter than by way of the room's origin."""
    for w in range(piece.shape[0]):
        p = piece[w]
        x, y, z = turn[w, 0], turn[w, 1], turn[w, 2]
        for k in range(out.shape[1]):
            total = x * place[k, p, 0] + y * place[k, p, 1] + z * place[k, p, 2]
            reach = 0.0
            for i in range(3):
                own = x * rotation[k, p, 0, i] + y * rotation[k, p, 1, i] + z * rotation[k, p, 2, i]
                if flat[p]:
                    total += own * spot[w, i]
                else:
                    reach += (own * sizes[k, p, i]) ** 2
            out[w, k] = total + np.sqrt(reach)


@kernel(apart=True)
def _sum(ways, waves, real, imag, since, each, origin, table, ahead, ratio, row, out):
    """Add up the waves: out (carrier, channel, 2, sample) from ways (wave, knot), gains (carrier, channel, wave) and `since` (wave,).

    each: samples between knots; origin: sample 0 in samples after knot 0; table (carrier, n): the envelope, read from `ahead` (wave,) on, `ratio` of its samples per
    sample; row (2, CHUNK): scratch.
    """
    samples = out.shape[3]
    for begin in range(0, samples, CHUNK):
        many = min(CHUNK, samples - begin)
        for w in range(since.shape[0]):
            for c in range(waves.shape[0]):
                at = origin + begin - since[w]  # of the chunk's first sample, after knot 0
                _wave(ways[w], waves[c], each, at, row[0, :many], row[1, :many])
                if table.shape[1]:
                    k = int(ahead[w])
                    _gated(table[c, k + begin * ratio :], ahead[w] - k, ratio, row[0, :many], row[1, :many])  # fmt: skip
                for channel in range(out.shape[1]):
                    _mixed(
                        row[0, :many], row[1, :many], real[c, channel, w], imag[c, channel, w], out[c, channel, 0, begin : begin + many],
                        out[c, channel, 1, begin : begin + many],
                    )  # fmt: skip


@kernel
def _mixed(re, im, a, b, real, imag):
    """Add a wave times a + jb."""
    for n in range(re.shape[0]):
        real[n] += a * re[n] - b * im[n]
        imag[n] += a * im[n] + b * re[n]


@kernel
def _gated(table, share, ratio, re, im):
    """Multiply a wave by the envelope where it left."""
    for n in range(re.shape[0]):
        on = np.float32(table[n * ratio] + share * (table[n * ratio + 1] - table[n * ratio]))
        re[n] *= on
        im[n] *= on


@kernel
def _wave(way, turns, each, at, re, im):
    """Write cosine and sine of a way times `turns` per metre from `at` samples after knot 0 on, by cubics between knots."""
    n = 0
    while n < re.shape[0]:
        k = (at + n) // each
        inside = at + n - k * each
        run = min(each - inside, re.shape[0] - n)
        start = turns * way[k]
        rise = turns * (way[k + 1] - way[k])
        s0 = turns * (8.0 * (way[k + 1] - way[k - 1]) - (way[k + 2] - way[k - 2])) / 12.0
        s1 = turns * (8.0 * (way[k + 2] - way[k]) - (way[k + 3] - way[k - 1])) / 12.0
        a0 = np.float32(start - np.floor(start))
        a1 = np.float32(s0)
        a2 = np.float32(3.0 * rise - 2.0 * s0 - s1)
        a3 = np.float32(s0 + s1 - 2.0 * rise)
        _cubic(a0, a1, a2, a3, inside, np.float32(1.0 / each), re[n : n + run], im[n : n + run])
        n += run


@kernel
def _cubic(a0, a1, a2, a3, inside, step, re, im):
    """Write cosine and sine of a cubic of v = (inside + n) step, in turns."""
    for n in range(re.shape[0]):
        v = np.float32(inside + n) * step
        x = a0 + v * (a1 + v * (a2 + v * a3))
        x = x - np.floor(x + np.float32(0.5))
        re[n] = cosine(x)
        im[n] = sine(x)

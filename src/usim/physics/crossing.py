"""Ways that cross a jet: line integrals of its wind and its gusts, in closed form, along straight ways that move as slowly as the jet turns.

Along a straight way the bell of a reach is a bell again, and a wave under a bell integrates to a bell of how fast its phase turns on that way: only waves that run
across the way count.  Where the way ends inside the jet the bell is cut: complex error functions (Weideman 1994), whose phase is that of the end.  Geometry and amplitudes are worked out at nodes of
absolute time; between two nodes every wave's amplitude and phase run on straight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from usim.physics.jets import CARRIED, Blown, Reach
from usim.physics.jit import fused, kernel, rows32
from usim.physics.moving_air import QUARTER, _cosine_of_turns

EACH = 64  # knots from node to node, and the most there may be
NEAREST = 3.0  # how many widths a way may pass the middle of a reach by and still be blown
WHOLE = 4.0  # how many widths beyond the nearest place an end lies that cuts nothing
SPARE = 0.4  # widths that a jet may turn by between the times at which ways are looked for
FAINT = 1e-5  # m^2/s: waves below are left out, 2e-5 rad at 32 kHz, where not told otherwise
STEP_S = 1e-3  # over which turning is taken
ROOT_PI_2 = math.sqrt(math.pi / 2.0)
LOW, HIGH, MIDDLE, START, END, RUN, MUCH, WIND, NEAR, NODE = 0, 1, 2, 5, 8, 11, 14, 17, 18, 19
f32 = np.float32


def _weideman(terms: int) -> tuple[float, np.ndarray]:
    """Return the scale and coefficients, highest power first, of Weideman's series of the Faddeeva function (1994, listing 1)."""
    many = 4 * terms
    scale = math.sqrt(terms / math.sqrt(2.0))
    t = scale * np.tan(np.arange(1 - many // 2, many // 2) * np.pi / many)
    values = np.concatenate([[0.0], np.exp(-t * t) * (scale**2 + t * t)])
    series = np.fft.fft(np.fft.fftshift(values)).real / many
    return scale, series[terms:0:-1].copy()


TERMS = 16
SCALE_W, SERIES = f32(_weideman(TERMS)[0]), tuple(f32(one) for one in _weideman(TERMS)[1])
PER_ROOT_PI = f32(1.0 / math.sqrt(math.pi))


@kernel
def _cut(y, sign, sense, g, strength, re, im, many):
    """Write sign strength times the integral of exp(-s^2 / 2 + i sense g s) over all s below y, which is at most zero, without its phase at y, into re, im (wave,)."""
    up = f32(-y * math.sqrt(0.5))
    scale = f32(sign * math.exp(-0.5 * y * y) * ROOT_PI_2)
    over, square = SCALE_W + up, SCALE_W * SCALE_W - up * up
    for n in range(many):
        x = f32(-sense * math.sqrt(0.5)) * g[n]
        inverse = f32(1.0) / fused(over, over, x * x)
        # below = 1 / (scale - i z), ratio = (scale + i z) / (scale - i z)
        below_re, below_im = over * inverse, x * inverse
        ratio_re, ratio_im = (square - x * x) * inverse, f32(2.0) * SCALE_W * x * inverse
        p, q = f32(0.0), f32(0.0)
        for term in range(TERMS):
            p, q = (
                fused(p, ratio_re, fused(-q, ratio_im, SERIES[term])),
                fused(p, ratio_im, q * ratio_re),
            )
        two_re = f32(2.0) * fused(below_re, below_re, -below_im * below_im)
        two_im = f32(4.0) * below_re * below_im
        much = strength[n] * scale
        re[n] = much * fused(p, two_re, fused(-q, two_im, PER_ROOT_PI * below_re))
        im[n] = much * fused(p, two_im, fused(q, two_re, PER_ROOT_PI * below_im))


@kernel
def _bell(x):
    """Return exp(-x) for x from 0 on, float32; 0 beyond 20."""
    y = f32(1.0) - (x if x < f32(20.0) else f32(20.0)) * f32(1 / 64)
    # exp(-x/64) by its series about 1 - x/64
    z = f32(1.0) - y
    y = fused(z, fused(z, fused(z, fused(z, f32(1 / 24), f32(-1 / 6)), f32(0.5)), f32(-1.0)), f32(1.0))  # fmt: skip
    y = y * y
    y = y * y
    y = y * y
    y = y * y
    y = y * y
    y = y * y
    return y if x < f32(20.0) else f32(0.0)


@kernel
def _leaning(x, y, z, axes, axis):
    """Return how far a vector reaches along one of some axes (3, 3)."""
    return x * axes[0, axis] + y * axes[1, axis] + z * axes[2, axis]


@kernel
def _placed(start, end, left, there, origin, axes, steps, turns, shape, faint, node):
    """Write what a straight way has of one reach at one node into node (NODE,); return whether it is near.

    shape: see `_shape`.  node: the ends low and high in widths from the nearest place; where the phase is taken (3) at the nearest place, at the start and at the end;
    how it runs per width (3); how much each component of the gusts counts (3); how much the wind does; whether gusts are near.
    """
    ahead, drift, per_c = shape[0], shape[1], shape[3]
    ab, bb = 0.0, 0.0
    for axis in range(3):
        a = _leaning(start[0] - origin[0], start[1] - origin[1], start[2] - origin[2], axes, axis)
        run = _leaning(end[0] - start[0], end[1] - start[1], end[2] - start[2], axes, axis)
        u, v = (a - (ahead if axis == 0 else 0.0)) / shape[4 + axis], run / shape[4 + axis]
        ab += u * v
        bb += v * v
    # the frame moves while the sound passes: told about the nearest place, at the sound's own time
    share = min(max(-ab / max(bb, 1e-18), 0.0), 1.0)
    when = left + share * (there - left)
    x = start[0] + share * (end[0] - start[0]) - origin[0]
    y = start[1] + share * (end[1] - start[1]) - origin[1]
    z = start[2] + share * (end[2] - start[2]) - origin[2]
    aa, ab, bb = 0.0, 0.0, 0.0
    ma, mb, mm = 0.0, 0.0, 0.0
    for axis in range(3):
        pace = _leaning(x, y, z, turns, axis) - _leaning(steps[0], steps[1], steps[2], axes, axis)
        here = _leaning(x, y, z, axes, axis) + when * pace - (ahead if axis == 0 else 0.0)
        run = _leaning(end[0] - start[0], end[1] - start[1], end[2] - start[2], axes, axis)
        run += when * _leaning(end[0] - start[0], end[1] - start[1], end[2] - start[2], turns, axis)
        node[MUCH + axis] = run
        run += (there - left) * pace
        a = here - share * run
        node[START + axis] = a
        node[END + axis] = a + run
        u, v = a / shape[4 + axis], run / shape[4 + axis]
        aa += u * u
        ab += u * v
        bb += v * v
        u, v = a / shape[7 + axis], run / shape[7 + axis]
        ma += u * u
        mb += u * v
        mm += v * v
    bb = max(bb, 1e-18)
    mm = max(mm, 1e-18)
    run = (node[MUCH], node[MUCH + 1], node[MUCH + 2])
    length = max(math.sqrt(run[0] * run[0] + run[1] * run[1] + run[2] * run[2]), 1e-9)
    far = NEAREST * NEAREST
    node[WIND] = 0.0
    faster = 0.0
    width = 1.0 / math.sqrt(mm)
    nearest = -mb / mm
    off = 0.5 * max(ma - nearest * nearest * mm, 0.0)
    low, high = -nearest / width, (1.0 - nearest) / width
    if off < far and low < WHOLE and high > -WHOLE:
        bell = math.exp(-off)
        faster = (
            per_c * bell * run[0] / length
        )  # sound outruns the first order by what the wind carries it
        root = math.sqrt(0.5)
        share = 0.5 * (math.erf(high * root) - math.erf(low * root))
        node[WIND] = shape[2] * run[0] * width * bell * 2.0 * ROOT_PI_2 * share * (1.0 - faster)
    width = 1.0 / math.sqrt(bb)
    nearest = -ab / bb
    off = 0.5 * max(aa - nearest * nearest * bb, 0.0)
    node[LOW], node[HIGH] = -nearest / width, (1.0 - nearest) / width
    scale = width * math.exp(-off) * (1.0 - 2.0 * faster)
    near = 2.0 * off < far and node[LOW] < WHOLE and node[HIGH] > -WHOLE
    near = near and shape[10] * length * scale * 2.0 * ROOT_PI_2 > faint
    node[NEAR] = 1.0 if near else 0.0
    node[START] -= drift * left
    node[END] -= drift * there
    for axis in range(3):
        carried = node[END + axis] - node[START + axis]
        node[MIDDLE + axis] = node[START + axis] + nearest * carried
        node[RUN + axis] = width * carried
        node[MUCH + axis] = run[axis] * scale
    return near or node[WIND] != 0.0


@kernel
def _amplitudes(node, k, room, many):
    """Write the amplitudes (wave,) that a way has at a node into room (7, wave): of what lies within the bell, and of what either end cuts off it, re and im."""
    whole, g, strength = room[0], room[5], room[6]
    for row in range(5):
        for n in range(many):
            room[row, n] = f32(0.0)
    if node[NEAR] == 0.0:
        return
    gx, gy, gz = f32(node[RUN]), f32(node[RUN + 1]), f32(node[RUN + 2])
    ux, uy, uz = f32(node[MUCH]), f32(node[MUCH + 1]), f32(node[MUCH + 2])
    kx, ky, kz, wx, wy, wz = k[0], k[1], k[2], k[3], k[4], k[5]
    low, high = node[LOW], node[HIGH]
    all_of_it = f32(2.0 * ROOT_PI_2) if low <= 0.0 <= high else f32(0.0)
    for n in range(many):
        g[n] = fused(kx[n], gx, fused(ky[n], gy, kz[n] * gz)) * f32(2.0 * math.pi)
        strength[n] = fused(wx[n], ux, fused(wy[n], uy, wz[n] * uz))
        whole[n] = strength[n] * all_of_it * _bell(f32(0.5) * g[n] * g[n])
    if abs(low) < WHOLE:
        sign = -1.0 if low <= 0.0 else 1.0
        _cut(-abs(low), sign, -sign, g, strength, room[1], room[2], many)
    if abs(high) < WHOLE:
        sign = -1.0 if high >= 0.0 else 1.0
        _cut(-abs(high), sign, sign, g, strength, room[3], room[4], many)


@kernel
def _waves(one, other, at, re0, im0, re1, im1, real, k, base, steps, each, faint, line, many):
    """Add waves to line (each,) that run from one node to the other, at both of which their phase is taken at row `at`; real: im0, im1 are nothing."""
    x, y, z = f32(one[at]), f32(one[at + 1]), f32(one[at + 2])
    dx, dy, dz = f32(other[at] - one[at]), f32(other[at + 1] - one[at + 1]), f32(other[at + 2] - one[at + 2])  # fmt: skip
    if one[NEAR] == 0.0:  # comes from afar: where it is met counts
        x, y, z = f32(other[at]), f32(other[at + 1]), f32(other[at + 2])
    if one[NEAR] == 0.0 or other[NEAR] == 0.0:
        dx, dy, dz = f32(0.0), f32(0.0), f32(0.0)
    per = f32(1.0) / f32(each)
    for n in range(many):
        loud = max(max(abs(re0[n]), abs(re1[n])), max(abs(im0[n]), abs(im1[n])))
        if loud > faint:
            kx, ky, kz = k[0, n], k[1, n], k[2, n]
            from_ = fused(kx, x, fused(ky, y, fused(kz, z, base[n])))
            by = fused(kx, dx, fused(ky, dy, fused(kz, dz, steps[n]))) * per
            c, more_c = re0[n], (re1[n] - re0[n]) * per
            s, more_s = im0[n], (im1[n] - im0[n]) * per
            for q in range(each):
                turn = fused(f32(q), by, from_)
                line[q] = fused(fused(f32(q), more_c, c), _cosine_of_turns(turn), line[q])
            if not real:
                for q in range(each):
                    turn = fused(f32(q), by, from_) - QUARTER
                    line[q] = fused(-fused(f32(q), more_s, s), _cosine_of_turns(turn), line[q])


@kernel
def _from_node(one, other, k, base, steps, each, faint, before, after, line, many):
    """Write into line (each,) what one way has of one reach from a node on; one, other its nodes, before, after their amplitudes."""
    for q in range(each):
        share = f32(q) / f32(each)
        line[q] = f32(one[WIND]) + share * f32(other[WIND] - one[WIND])
    if one[NEAR] == 0.0 and other[NEAR] == 0.0:
        return
    _waves(one, other, MIDDLE, before[0], before[5], after[0], after[5], True, k, base, steps, each, faint, line, many)  # fmt: skip
    if min(abs(one[LOW]), abs(other[LOW])) < WHOLE:
        _waves(one, other, START, before[1], before[2], after[1], after[2], False, k, base, steps, each, faint, line, many)  # fmt: skip
    if min(abs(one[HIGH]), abs(other[HIGH])) < WHOLE:
        _waves(one, other, END, before[3], before[4], after[3], after[4], False, k, base, steps, each, faint, line, many)  # fmt: skip


@kernel
def _crossed(starts, ends, left, there, origins, axes, steps, turns, shape, k, base, each_turn, each, faint, room, nodes, line, out):  # fmt: skip
    """Add to out (way, knots) what straight ways have of one reach; see `crossed` and `_shape`."""
    many = k.shape[1]
    for n in range(out.shape[0]):
        near, held = False, False
        for c in range(origins.shape[0]):
            at = min(c, starts.shape[1] - 1)
            old, new = nodes[(c + 1) % 2], nodes[c % 2]
            before, after = room[(c + 1) % 2], room[c % 2]
            was = near
            near = _placed(
                starts[n, at], ends[n, at], left[n, at], there[n, at], origins[c], axes[c], steps[c], turns[c], shape, faint[n], new
            )  # fmt: skip
            if c == 0 or not (near or was):
                held = False
                continue
            if not held:
                _amplitudes(old, k, before, many)
            _amplitudes(new, k, after, many)
            held = True
            _from_node(
                old, new, k, base[c - 1], each_turn, each, f32(faint[n]), before, after, line, many
            )
            for q in range(each):
                out[n, (c - 1) * each + q] += line[q]


def crossed(
    blown: Blown,
    starts_m: np.ndarray,
    ends_m: np.ndarray,
    left_s: np.ndarray,
    there_s: np.ndarray,
    first: int,
    count: int,
    rate_hz: float,
    c: float,
    each: int = EACH,
    faint: np.ndarray | float = FAINT,
    told: tuple[Told, ...] | None = None,
) -> np.ndarray:
    """Return the integrals (n, count) in m^2/s of a jet's wind along straight ways, at knots of number `first` on, number / rate_hz being seconds.

    starts_m, ends_m (n, 1 or nodes, 3) in m, left_s, there_s (n, 1 or nodes) when the sound is at either end, re the knot's time: for all times or at nodes, which
    are every `each` knots from the last at or before the first on to the first after the last.  A knot's value depends on its number alone.
    faint (n,) in m^2/s: waves that come to less are left out.  told: what `told_at` gives for the same knots, where it is known.
    """
    told = told_at(blown, first, count, rate_hz, c, each) if told is None else told
    nodes = len(told[0].base)
    ways = [np.ascontiguousarray(one, float) for one in (starts_m, ends_m, left_s, there_s)]
    out = np.zeros((len(ways[0]), (nodes - 1) * each))
    faint = np.ascontiguousarray(np.broadcast_to(np.asarray(faint, float), len(out)))
    room, line = np.zeros((2, NODE)), rows32(each)
    for one in told:
        many = one.k.shape[1]
        waves = rows32(14 * many).reshape(2, 7, many)
        _crossed(*ways, *one.story, one.shape, one.k, one.base, one.turns, each, faint, waves, room, line, out)  # fmt: skip
    return out[:, first % each :][:, :count]


@dataclass(frozen=True, eq=False)
class Told:
    """One reach at some nodes, as kernels read it: where its opening was and how it turned (see `_frames`), its shape, k and wind (6, wave), phase (node, wave) in turns, and
    by how many turns that grows from node to node (wave,).
    """

    story: tuple[np.ndarray, ...]
    shape: np.ndarray
    k: np.ndarray
    base: np.ndarray
    turns: np.ndarray


def told_at(
    blown: Blown, first: int, count: int, rate_hz: float, c: float, each: int = EACH
) -> tuple[Told, ...]:
    """Return the reaches of a jet at the nodes about some knots; arguments as of `crossed`."""
    t_s = np.arange(first // each, -(-(first + count) // each) + 1) * (each / rate_hz)
    out = []
    for reach in blown.reaches:
        gusts = reach.gusts
        k = np.concatenate([gusts.k.T / (2.0 * np.pi), gusts.wind_m_s.T])
        turning = gusts.turning_rad_s / (2.0 * np.pi)
        base = gusts.phase / (2.0 * np.pi) - np.multiply.outer(t_s, turning)
        out.append(
            Told(
                _frames(blown, reach, t_s),
                _shape(reach, c),
                np.ascontiguousarray(k, np.float32),
                np.ascontiguousarray(base - np.floor(base + 0.5), np.float32),
                np.ascontiguousarray(-turning * (each / rate_hz), np.float32),
            )
        )
    return tuple(out)


def _shape(reach: Reach, c: float) -> np.ndarray:
    """Return what a kernel reads of a reach (11,): where its middle is, how fast gusts drift, its own wind, the wind of all of the jet there over c; rms widths of gusts (3) and of
    wind (3); the strongest wave.
    """
    drift = float(reach.gusts.mean_m_s[0])
    known = [reach.ahead_m, drift, reach.wind_m_s, drift / CARRIED / c]
    strongest = np.sqrt((reach.gusts.wind_m_s**2).sum(axis=1).max())
    return np.concatenate([known, reach.spread_m, reach.wind_spread_m, [strongest]])


def _frames(
    blown: Blown, reach: Reach, t_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return where a reach's opening was and its axes at times (n,), and how fast both change per second."""
    late = t_s - reach.late_s
    origins, axes = blown.frames(late)
    ahead, behind = blown.frames(late + STEP_S), blown.frames(late - STEP_S)
    steps, turns = ((a - b) / (2.0 * STEP_S) for a, b in zip(ahead, behind, strict=True))
    return tuple(np.ascontiguousarray(one) for one in (origins, axes, steps, turns))  # type: ignore[return-value]


def swayed(blown: Blown, starts_m: np.ndarray, ends_m: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """Return how much (n,) in m^2/s a jet roughly does to straight ways (n, 3) at the worst of some times (m,); 0 where it passes by."""
    out = np.zeros(len(starts_m))
    for reach in blown.reaches:
        origins, axes = blown.frames(t_s - reach.late_s)
        gusts = np.sqrt((reach.gusts.wind_m_s**2).sum() / 6.0)
        for origin, turn in zip(origins, axes, strict=True):
            start = ((starts_m - origin) @ turn - [reach.ahead_m, 0.0, 0.0]) / reach.spread_m
            run = (ends_m - starts_m) @ turn
            length = np.sqrt((run * run).sum(axis=1))
            wind = gusts + reach.wind_m_s * np.abs(run[:, 0]) / np.maximum(length, 1e-9)
            run = run / reach.spread_m
            square = np.maximum((run * run).sum(axis=1), 1e-18)
            share = np.clip(-(start * run).sum(axis=1) / square, 0.0, 1.0)
            away = start + share[:, None] * run
            off = (away * away).sum(axis=1)
            much = wind * np.exp(-0.5 * off) * length * np.minimum(2.5 / np.sqrt(square), 1.0)
            out = np.maximum(out, np.where(off < (NEAREST + SPARE) ** 2, much, 0.0))
    return out


def integrals(
    reach: Reach, start_m: np.ndarray, end_m: np.ndarray, start_s: np.ndarray, end_s: np.ndarray
) -> np.ndarray:
    """Return the integrals C (n, wave), complex m^2/s, of a reach's gusts over straight ways (n, 3) in its own axes, from its middle: at time t the real part of
    C exp(-i turning t), summed over waves; only where no end lies inside the bell.  start_s, end_s: (n,) when the sound is at either end, re t.
    """
    gusts = reach.gusts
    away = end_m - start_m
    near, run = start_m / reach.spread_m, away / reach.spread_m
    square = (run * run).sum(axis=1)
    at = -(near * run).sum(axis=1) / square
    off = (near * near).sum(axis=1) - at * at * square
    width = 1.0 / np.sqrt(square)
    carried = away - (end_s - start_s)[:, None] * gusts.mean_m_s
    middle = start_m - start_s[:, None] * gusts.mean_m_s + at[:, None] * carried
    bell = np.sqrt(2.0 * np.pi) * np.exp(-0.5 * ((width[:, None] * carried) @ gusts.k.T) ** 2)
    strength = (width * np.exp(-0.5 * off))[:, None] * (away @ gusts.wind_m_s.T)
    return strength * bell * np.exp(1j * (middle @ gusts.k.T + gusts.phase))

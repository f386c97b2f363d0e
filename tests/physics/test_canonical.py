"""The canonical cases of a moving target (Chillara and Kim 2026, arXiv 2603.15874), derived here anew: receiver, source and point that move,
a target of finite size, one wall and several, a beam, any course of speed.

All but the quadrature rest on one derivation. What is received at t left at t_e and met the target at t_b: t = t_b + r2(t_b)/c, t_b = t_e + r1(t_b)/c. It
is what was emitted at t_e, so its frequency is f dt_e/dt = f (1 - r1'/c) / (1 + r2'/c): the numerator is that of a receiver that moves in the field of the source, the
denominator that of a source that moves before a receiver. Devices of usim do not move; the two factors are told apart by where the target moves.
Nothing of the engine is used on the side of the judge: t_b is a root (Brent), mirror points on a sphere by bisection, images by hand.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from free_field import RIGID, glint
from kirchhoff import echo as surface_integral
from kirchhoff import mesh
from scipy.optimize import brentq
from scipy.special import j0, j1, jv

from usim.engine.baseband import envelopes
from usim.engine.overheard import Overheard
from usim.engine.paths import listening, paths_over, setting
from usim.engine.selection import QUALITIES
from usim.engine.telling import _subset
from usim.movers.base import AbstractMover, Piece, Poses
from usim.physics.scattering import near_field_mirror
from usim.scene.template import from_table
from usim.surfaces.base import surface

F_HZ = 32000.0
LEVEL = 80.0
PRESSURE = np.sqrt(2.0) * 20e-6 * 10.0 ** (LEVEL / 20.0)
EAR_M = np.array([0.0, 0.05, 0.0])  # of the profile `ideal`, from its driver
DEAD = {"kind": "hard", "absorption": 0.9, "angle_dependent": False}
R = 0.9  # what the walls that are there reflect
LIVE = {"kind": "hard", "absorption": round(1.0 - R * R, 6), "angle_dependent": False}


class Course(AbstractMover):
    """A rigid ball whose middle goes where a function of time says."""

    label = "non_human"
    story_s = (-np.inf, np.inf)

    def __init__(self, where, radius_m: float):
        self.name, self.where, self.moments_s = "ball", where, np.zeros(0)
        self.pieces = (Piece("ball", "ellipsoid", (radius_m,) * 3, surface(RIGID)),)

    def at(self, t_s):
        place = self.where(np.atleast_1d(np.asarray(t_s, float)))
        return Poses(place[:, None, :], np.broadcast_to(np.eye(3), (len(place), 1, 3, 3)))


def scene_of(
    where, radius_m, fastest, walls=(), profile="ideal", device_m=(1.0, 6.0, 3.0), more=()
):
    """A hall in which a ball goes its course; walls: those that reflect."""
    sides = {name: LIVE if name in walls else DEAD for name in ("floor", "ceiling", "west", "east", "south", "north")}  # fmt: skip
    tone = {"kind": "tones", "carriers_hz": [F_HZ], "level_db_spl": LEVEL}
    device = {
        "name": "here",
        "profile": profile,
        "position_m": list(device_m),
        "yaw_deg": 0,
        "emits": tone,
    }
    hold = {"kind": "sphere", "name": "ball", "radius_m": radius_m, "surface": RIGID, "track": {"at_s": [0.0], "through_m": [[8.0, 9.0, 2.0]]}}  # fmt: skip
    scene = from_table(
        {
            "usim": "scene/1", "title": "a canonical case", "duration_s": 4.0, "render": {"rate_hz": 192000, "baseband_rate_hz": 4000},
            "room": {"kind": "box", "size_m": [16, 12, 6], "surfaces": sides}, "air": {"temperature_c": 20.0, "humidity_percent": 50.0},
            "devices": [device, *more], "movers": [hold],
        }
    ).sample()  # fmt: skip
    return dataclasses.replace(
        scene, movers=(Course(where, radius_m),), speeds_m_s={"ball": fastest}
    )


def heard(scene, start_s, duration_s, walls=()):
    """Reception times and the ball's pressure (mic, sample) re e^{jwt} at the microphones, all pairs of images over some walls, each met once at most."""
    rate = scene.baseband_rate_hz
    every = dataclasses.replace(QUALITIES["fine"], order=len(walls))
    made = setting(scene, listening(scene, "here"), every)
    names = [wall.name for wall in scene.room.walls]
    met = [[names[w] for w in row if w >= 0] for row in made.legs.walls]
    rows = [n for n, some in enumerate(met) if set(some) <= set(walls)]
    assert len(rows) == 2 ** len(walls)
    made = dataclasses.replace(made, legs=_subset(made.legs, np.array(rows)))
    return told(paths_over(made, round(start_s * rate), round(duration_s * rate)))


def told(paths):
    unit = paths.device.unit
    z = envelopes(paths, unit)["mover.ball"][:, 0]
    before = (z.shape[1] - paths.samples) // 2
    z = z[:, before : before + paths.samples]
    response = np.array([unit.mic_response(mic, F_HZ) for mic in range(len(z))])
    return (paths.start + np.arange(paths.samples)) / paths.rate_hz, z / response[:, None]


def bounced(where, radius_m, source, ear, t_s, c):
    """When what is received at times t_s met the ball, and there: r1, r2, cosine of half the bistatic angle, middle, each (n, ...)."""

    def legs(t):
        middle = where(np.atleast_1d(t))
        return *glint(source - middle, ear - middle, radius_m), middle

    t_b = np.array([brentq(lambda x, t=t: x + legs(x)[1][0] / c - t, t - 0.2, t, xtol=1e-13) for t in t_s])  # fmt: skip
    return t_b, *legs(t_b)


def by_hand(scene, where, radius_m, t_s, sources, ears, beam=None):
    """Pressure (n,) at reception times: the sum over pairs of images (place, what its walls reflect)."""
    c, loss = scene.air.sound_speed_m_s, scene.air.absorption_np_m
    out = np.zeros(len(t_s), complex)
    for source, sent in sources:
        for ear, taken in ears:
            t_b, r1, r2, half, middle = bounced(where, radius_m, source, ear, t_s, c)
            h = 1e-4
            (a1, a2, *_), (b1, b2, *_) = (
                glint(source - where(t_b + d), ear - where(t_b + d), radius_m) for d in (-h, h)
            )
            ratio = (1.0 - (b1 - a1) / (2 * h * c)) / (1.0 + (b2 - a2) / (2 * h * c))
            lost = np.exp(-loss(F_HZ) * (r1 - 1.0) - loss(F_HZ * ratio) * r2)
            size = near_field_mirror(r1, r2, 1.0 / radius_m, 1.0 / radius_m, half)
            pair = (
                PRESSURE * sent * taken * lost * size * np.exp(-2j * np.pi * F_HZ * (r1 + r2) / c)
            )
            out += pair if beam is None else pair * beam(middle, source, ratio)
    return out


def db(x) -> float:
    return float(10.0 * np.log10(np.mean(np.abs(x) ** 2)))


def straight(start, velocity):
    start, velocity = np.asarray(start, float), np.asarray(velocity, float)
    return lambda t: start + np.multiply.outer(t, velocity)


@pytest.mark.parametrize("moves", ["receiver", "source"])
def test_a_receiver_and_a_source_that_move(moves, figures):
    """Why: the two factors of an echo's Doppler are not the same: 1 + v/c and 1 / (1 - v/c) differ by v^2/c^2.
    Set-up: a ball of 2 cm at 3 m/s, and two devices that see it at right angles: it runs towards the one that sends and across before the one that hears, or
    the other way round. Instant frequency at the moment at which the other leg stands still.
    Expected: f (1 + v/c) of a receiver that moves, f / (1 - v/c) of a source, both to 0.2 Hz; they lie 2.4 Hz apart.
    """
    v, foot = 3.0, np.array([9.0, 6.0, 3.0])
    where = straight(foot + np.array([v, 0.0, 0.0]), [-v, 0.0, 0.0])  # at the foot at 1 s
    ahead, aside = [1.0, 6.0, 3.0], [9.0, 10.5, 3.0]
    sender, hearer = (ahead, aside) if moves == "receiver" else (aside, ahead)
    other = {"name": "there", "profile": "ideal", "position_m": sender, "yaw_deg": 0, "listens": False,
             "emits": {"kind": "tones", "carriers_hz": [F_HZ], "level_db_spl": LEVEL}}  # fmt: skip
    scene = scene_of(where, 0.02, v, device_m=hearer, more=(other,))
    c = scene.air.sound_speed_m_s
    rate, free = scene.baseband_rate_hz, dataclasses.replace(QUALITIES["fine"], order=0)
    (found,) = Overheard(scene, listening(scene, "here"), free).over(round(0.9 * rate), rate // 4)
    t, (z,) = told(found)
    ear = np.asarray(hearer) + EAR_M
    t_b, r1, r2, *_ = bounced(where, 0.02, np.asarray(sender), ear, t, c)
    error = np.angle(z * np.exp(2j * np.pi * F_HZ * (r1 + r2) / c)) / (2.0 * np.pi)
    figures(f"phase of a {moves} that moves", np.abs(error).max(), "cycles", "<= 2e-3")
    assert np.abs(error).max() <= 2e-3
    still = np.gradient(r2 if moves == "receiver" else r1, t_b)
    assert np.all(np.diff(still) > 0.0)
    foot_s = float(np.interp(0.0, still, t))
    near = np.abs(t - foot_s) < 0.01
    turned = np.unwrap(np.angle(z[near]))
    slope = np.polyfit(t[near] - foot_s, turned, 4)[-2] / (2.0 * np.pi)
    toward = -float(np.interp(foot_s, t, np.gradient(r1 if moves == "receiver" else r2, t_b)))
    wanted = F_HZ * (toward / c if moves == "receiver" else 1.0 / (1.0 - toward / c) - 1.0)
    figures(f"Doppler shift of a {moves} that moves at 3 m/s: error", slope - wanted, "Hz", "+-0.2")
    assert toward == pytest.approx(v, rel=0.01)
    assert abs(slope - wanted) <= 0.2


@pytest.mark.parametrize("course", ["ahead", "askew"])
def test_a_point_that_moves(course, figures):
    """Why: the case that everything else is made of. Set-up: a ball of 1.5 cm (k R = 9) at 3 m/s, straight ahead and obliquely past; for the first, with driver and microphone
    taken for one point, the retarded equation is linear: f (c + v)/(c - v).
    Expected: the phase to 2e-3 cycles over 0.3 s against the root by Brent; the frequency ahead to 0.2 Hz of the ratio.
    """
    start, velocity = ([7.0, 6.025, 3.0], [-3.0, 0.0, 0.0]) if course == "ahead" else ([4.0, 3.5, 2.4], [-0.9, 2.6, 1.2])  # fmt: skip
    where = straight(start, velocity)
    scene = scene_of(where, 0.015, 3.0)
    t, (z,) = heard(scene, 0.8, 0.3)
    source = np.array([1.0, 6.0, 3.0])
    c = scene.air.sound_speed_m_s
    some = slice(None, None, 20)
    _, r1, r2, *_ = bounced(where, 0.015, source, source + EAR_M, t[some], c)
    error = np.angle(z[some] * np.exp(2j * np.pi * F_HZ * (r1 + r2) / c)) / (2.0 * np.pi)
    figures(f"a point that moves {course}: phase", np.abs(error).max(), "cycles", "<= 2e-3")
    assert np.abs(error).max() <= 2e-3
    if course == "ahead":
        slope = np.polyfit(t, np.unwrap(np.angle(z)), 1)[0] / (2.0 * np.pi)
        wanted = F_HZ * ((c + 3.0) / (c - 3.0) - 1.0)
        figures("a point that comes at 3 m/s: frequency", slope - wanted, "Hz", "+-0.2")
        assert abs(slope - wanted) <= 0.2


def test_a_target_of_finite_size(figures):
    """Why: a body is no point: its echo is an integral over its surface. Set-up: a ball of 12 cm that passes at 2 m/s, 1.5 m away; the Kirchhoff integral over a mesh of a sixth of
    a wave, at the pose of each of nine bounce times. Expected: level within 1 dB, phase within 0.2 rad, which is what that integral itself is good to.
    """
    radius = 0.12
    where = straight([2.5, 4.0, 3.2], [0.0, 2.0, 0.0])
    scene = scene_of(where, radius, 2.0)
    t, (z,) = heard(scene, 0.5, 1.0)
    c, loss = scene.air.sound_speed_m_s, scene.air.absorption_np_m
    source = np.array([1.0, 6.0, 3.0])
    k, surface_points = 2.0 * np.pi * F_HZ / c, mesh(np.full(3, radius), c / F_HZ / 6.0)
    worst = [0.0, 0.0]
    for n in np.linspace(0, len(t) - 1, 9).astype(int):
        _, r1, r2, _, middle = bounced(where, radius, source, source + EAR_M, t[n : n + 1], c)
        there = surface_integral(np.full(3, radius), surface_points, source - middle[0], source + EAR_M - middle[0], k)  # fmt: skip
        lost = np.exp(-loss(F_HZ) * (r1[0] + r2[0] - 1.0))
        ratio = z[n] / (PRESSURE * lost * there)
        worst = [max(worst[0], abs(20 * np.log10(abs(ratio)))), max(worst[1], abs(np.angle(ratio)))]
    figures("a ball against its surface integral: level", worst[0], "dB", "<= 1")
    figures("a ball against its surface integral: phase", worst[1], "rad", "<= 0.2")
    assert worst[0] <= 1.0
    assert worst[1] <= 0.2


@pytest.mark.parametrize("walls", [("west",), ("west", "south"), ("west", "south", "floor")])
def test_walls(walls, figures):
    """Why: in a room every leg has images. Set-up: a device 0.4 to 0.7 m from one wall, two and three at right angles that reflect 0.9, a ball of 10 cm that goes by 3 m away;
    images by hand (2, 4, 8), all their pairs. Expected: -60 dB.
    """
    where = straight([4.0, 2.6, 2.0], [-1.1, 0.8, 0.2])
    device = np.array([0.6, 0.7, 0.4])
    scene = scene_of(where, 0.1, 1.4, walls, device_m=device)
    t, (z,) = heard(scene, 0.5, 0.3, walls)
    axes = {"west": 0, "south": 1, "floor": 2}

    def images(place):
        found = [(np.asarray(place, float), 1.0)]
        for wall in walls:
            mirror = np.ones(3)
            mirror[axes[wall]] = -1.0
            found += [(x * mirror, R * gain) for x, gain in found]
        return found

    some = slice(None, None, 60)
    want = by_hand(scene, where, 0.1, t[some], images(device), images(device + EAR_M))
    error = db(z[some] - want) - db(want)
    figures(f"a ball before {len(walls)} walls: residual", error, "dB", "<= -60")
    assert error <= -60.0


def test_a_source_with_a_beam(figures):
    """Why: what is lit is what the loudspeaker faces. Set-up: the nominal `puck_4mic`, a ball of 10 cm that crosses its beam 2 m ahead, from 50 degrees on one side to 50 on the other;
    piston, ring and housing written out from the numbers of the profile; the microphone hears the shifted frequency. Expected: -60 dB over the whole crossing, whose levels span more than 10 dB.
    """
    where = straight([3.0, 3.6, 3.5], [0.0, 2.4, 0.0])
    scene = scene_of(where, 0.1, 2.4, profile="puck_4mic")
    (device,) = scene.devices
    driver, mic = device.world(device.unit.drivers_m)[0], device.world(device.unit.mics_m)[0]
    axis, up = np.array([0.98481, 0.0, 0.17365]), device.world_axes(device.unit.mic_axes)[0]
    unit = device.unit
    t, z = heard(scene, 0.0, 2.0)

    def lit(x, edge, wide, floor_db):
        floor = 10.0 ** (floor_db / 20.0)
        step = lambda y: floor + (1.0 - floor) * 0.5 * (1.0 + np.tanh((y - edge) / wide))  # noqa: E731
        return step(x) / step(1.0)

    def beam(middle, source, ratio):
        out, back = source - middle, mic - middle
        n = out / np.linalg.norm(out, axis=1)[:, None] + back / np.linalg.norm(back, axis=1)[:, None]  # fmt: skip
        for _ in range(20):  # the mirror point: where the normal halves the angle
            spot = middle + 0.1 * n / np.linalg.norm(n, axis=1)[:, None]
            u, w = source - spot, mic - spot
            n = u / np.linalg.norm(u, axis=1)[:, None] + w / np.linalg.norm(w, axis=1)[:, None]
        u, w = u / np.linalg.norm(u, axis=1)[:, None], w / np.linalg.norm(w, axis=1)[:, None]
        cos = -u @ axis
        k_sin = 2.0 * np.pi * F_HZ / 343.987 * np.sqrt(1.0 - cos**2)
        x = k_sin * 0.0074
        ring = 0.12 * np.exp(0.5j * np.pi)
        cone = (2.0 * j1(x) / x + ring * j0(k_sin * 0.0150)) / (1.0 + ring)
        response = unit.mic_response(0, F_HZ * ratio) / unit.mic_response(0, F_HZ)
        return response * cone * lit(cos, -0.05, 0.30, -20.0) * lit(-w @ up, -0.40, 0.35, -16.0)

    some = slice(None, None, 400)
    drive = unit.drive_gain(0, F_HZ, F_HZ)
    want = drive * by_hand(scene, where, 0.1, t[some], [(driver, 1.0)], [(mic, 1.0)], beam)
    got = z[0, some]
    error = db(got - want) - db(want)
    span = 20.0 * np.log10(np.abs(want).max() / np.abs(want).min())
    figures("a ball that crosses a beam: residual", error, "dB", "<= -60")
    figures("a ball that crosses a beam: span of levels", span, "dB", ">= 10")
    assert span >= 10.0
    assert error <= -60.0


def test_any_course_of_speed(figures):
    """Why: limbs swing. Set-up: a ball of 10 cm 2 m ahead that swings 4 mm to and fro along the line of sight, 5 times a second, on top of a drift whose speed itself grows; the
    retarded equation by Brent at each sample. Without the drift, lines at multiples of 5 Hz whose levels are Bessel functions of 4 pi f a / c.
    Expected: residual -60 dB; lines 0 to 6 within 0.1 dB.
    """
    swing, rate_hz, radius = 0.004, 5.0, 0.1
    for drifts in (True, False):

        def where(t, drifts=drifts):
            t = np.asarray(t, float)
            x = 3.0 + swing * np.sin(2.0 * np.pi * rate_hz * t)
            if drifts:
                x = x - 0.15 * t**2 - 0.1 * np.sin(1.3 * t)
            return np.stack([x, 6.025 + 0.0 * t, 3.0 + 0.0 * t], axis=-1)

        scene = scene_of(where, radius, 1.5)
        source = np.array([1.0, 6.0, 3.0])
        t, (z,) = heard(scene, 0.6, 1.0)
        if drifts:
            some = slice(None, None, 80)
            want = by_hand(scene, where, radius, t[some], [(source, 1.0)], [(source + EAR_M, 1.0)])
            error = db(z[some] - want) - db(want)
            figures("a ball whose speed swings and grows: residual", error, "dB", "<= -60")
            assert error <= -60.0
            continue
        c = scene.air.sound_speed_m_s
        # driver and microphone see it half of 5 cm aside: the path swings by the cosine of that angle less
        m = 4.0 * np.pi * F_HZ * swing / c * np.cos(np.arctan2(0.025, 2.0 - radius))
        lines = np.abs(np.fft.fft(z))[: 7 * round(rate_hz) : round(rate_hz)] / len(z)
        wanted = np.abs(jv(np.arange(7), m)) * np.sqrt(np.mean(np.abs(z) ** 2))
        worst = float(np.abs(20.0 * np.log10(lines / wanted)).max())
        figures("lines of a ball that swings, against Bessel functions", worst, "dB", "<= 0.1")
        assert worst <= 0.1

"""Doppler of the judge against closed forms: it is never added, so it must fall out of the delays."""

import numpy as np
import pytest
from exact_stage import C20, PlainAir, PlainMover, box, line, stage
from scipy.optimize import brentq

from usim.engine import exact

RADIUS = 0.1
HERE = np.zeros(3)


def slope_hz(response, t_s):
    """Mean frequency of a complex envelope in Hz: slope of its unwrapped phase."""
    phase = np.unwrap(np.angle(response))
    return np.polyfit(t_s - t_s.mean(), phase, 1)[0] / (2.0 * np.pi)


def radial(speed, c=343.21, f_hz=32000.0):
    """Doppler of a sphere that comes straight at a co-located source and microphone, in Hz."""
    target = PlainMover(line([3.0 + RADIUS, 0.0, 0.0], [-speed, 0.0, 0.0]))
    scene = stage(HERE, HERE, target, air=PlainAir(c), f_hz=f_hz)
    t = np.arange(0.0, 0.05, 1.0 / 8000.0)
    return slope_hz(exact.tone_response(scene, 0, t, static=False), t)


@pytest.mark.parametrize(
    ("case", "speed", "expected"), [("V09", 1.0, 187.02), ("V10", -1.0, -185.933)]
)
def test_v09_v10_radial(figures, case, speed, expected):
    """Why: 2 v f / (c - v), not 2 v f / c: the first-order formula is 0.55 Hz off.
    Set-up: a sphere on the axis at +-1 m/s, c = 343.21, 32 kHz; its near point moves as its centre does.
    Expected: V09 187.02 Hz, V10 -185.933 Hz, +- 0.01.
    """
    value = radial(speed)
    figures(f"{case} exact: Doppler", value, "Hz", f"{expected} +- 0.01")
    assert value == pytest.approx(expected, abs=0.01)


def test_v11_four_carriers(figures):
    """Why: Doppler scales with the carrier, with the sound speed of the air at hand.
    Set-up: as V09 with c = 343.987 and 32, 36, 40 and 45 kHz.
    Expected: V11, 186.596, 209.921, 233.245, 262.401 Hz +- 0.01.
    """
    found = [radial(1.0, C20, f_hz) for f_hz in (32e3, 36e3, 40e3, 45e3)]
    error = np.abs(np.array(found) - [186.596, 209.921, 233.245, 262.401]).max()
    figures("V11 exact: largest error of Doppler", error, "Hz", "<= 0.01")
    assert error <= 0.01


def test_v12_bistatic(figures):
    """Why: with source and microphone apart each leg has its own rate.
    Set-up: source (0, 0), microphone (1, 0), a sphere on the line of symmetry moving at (0, -1) m/s whose near point is at
    (0.5, 2) when it reflects what is heard in the middle of the window.
    Expected: V12, 181.009 Hz +- 0.05, from the phase slope over 4 ms and from the received frequency itself.
    """
    leg = np.hypot(0.5, 2.0)
    middle = leg / C20
    target = PlainMover(line([0.5, 2.0 + RADIUS, 0.0], [0.0, -1.0, 0.0]))
    scene = stage(HERE, [1.0, 0.0, 0.0], target)
    t = middle + np.linspace(-0.002, 0.002, 65)
    value = slope_hz(exact.tone_response(scene, 0, t, static=False), t)
    block = next(exact.echoes(scene, 32000.0, [middle]))
    assert block.bounce_s[0, 0] == pytest.approx(0.0, abs=1e-12)
    assert 32000.0 * (block.ratio[0, 0] - 1.0) == pytest.approx(181.009, abs=0.001)
    figures("V12 exact: bistatic Doppler", value, "Hz", "181.009 +- 0.05")
    assert value == pytest.approx(181.009, abs=0.05)


def test_v13_tangential(figures):
    """Why: motion across the line of sight gives no Doppler at the moment of closest approach.
    Set-up: a sphere that passes 3 m away at 1 m/s; a window of 4 ms about the reception of the closest approach.
    Expected: V13, below 0.05 Hz.
    """
    target = PlainMover(line([3.0 + RADIUS, 0.0, 0.0], [0.0, 1.0, 0.0]))
    t = 3.0 / C20 + np.linspace(-0.002, 0.002, 65)
    value = slope_hz(exact.tone_response(stage(HERE, HERE, target), 0, t, static=False), t)
    figures("V13 exact: tangential Doppler", abs(value), "Hz", "< 0.05")
    assert abs(value) < 0.05


def test_v14_sweep_rate(figures):
    """Why: acceleration turns a line into a sweep.
    Set-up: a sphere that starts towards the device with 1 m/s2; phase over 50 ms about the start, fitted by a cubic.
    Expected: V14, 186.05 Hz/s +- 0.3.
    """
    target = PlainMover(lambda t: np.stack([3.0 + RADIUS - 0.5 * t**2, 0.0 * t, 0.0 * t], axis=-1))
    t = 3.0 / C20 + np.linspace(-0.025, 0.025, 401)
    response = exact.tone_response(stage(HERE, HERE, target), 0, t, static=False)
    terms = np.polyfit(t - 3.0 / C20, np.unwrap(np.angle(response)), 3)
    value = 2.0 * terms[1] / (2.0 * np.pi)
    figures("V14 exact: sweep rate", value, "Hz/s", "186.05 +- 0.3")
    assert value == pytest.approx(186.05, abs=0.3)


def test_sphere_on_a_line_monostatic(figures):
    """Why: the bar of engine.md: instantaneous frequency against the exact retarded formula at every instant.
    Set-up: a sphere passing at 4 m/s, 2 m off at closest, co-located source and microphone, 0.5 s; bounce time, delay and
    frequency in closed form: |p(t_b)| - R = c (t - t_b), f2 / f = (c - v) / (c + v), v the range rate at t_b.
    Expected: delay within 1e-12 s, frequency within 0.2 Hz (phase slope) and 1e-6 Hz (received frequency).
    """
    start, velocity = np.array([-1.0, 2.0, 0.4]), np.array([4.0, 0.0, 0.0])
    t = np.arange(0.0, 0.5, 1e-3)
    scene = stage(HERE, HERE, PlainMover(line(start, velocity)))
    block = next(exact.echoes(scene, 32000.0, t))
    # |start + velocity t_b|^2 = (R + c (t - t_b))^2, the root before t.
    a = velocity @ velocity - C20**2
    b = 2.0 * (start @ velocity + C20 * (RADIUS + C20 * t))
    c = start @ start - (RADIUS + C20 * t) ** 2
    bounce = (-b + np.sqrt(b * b - 4.0 * a * c)) / (2.0 * a)
    place = start + bounce[:, None] * velocity
    reach = np.linalg.norm(place, axis=1)
    rate = place @ velocity / reach
    late = np.abs(block.delay_s[0] - 2.0 * (reach - RADIUS) / C20).max()
    ratio = (C20 - rate) / (C20 + rate)
    off = 32000.0 * np.abs(block.ratio[0] - ratio).max()
    fine = t[:, None] + np.linspace(-0.0005, 0.0005, 5)
    phase = np.angle(exact.tone_response(scene, 0, fine.ravel(), static=False)).reshape(fine.shape)
    slope = np.polyfit(fine[0] - t[0], np.unwrap(phase, axis=1).T, 1)[0] / (2.0 * np.pi)
    error = np.abs(slope - 32000.0 * (ratio - 1.0)).max()
    figures("exact, sphere on a line: largest error of delay", late, "s", "<= 1e-12")
    figures("exact, sphere on a line: largest error of phase slope", error, "Hz", "<= 0.2")
    assert late <= 1e-12
    assert off <= 1e-6
    assert error <= 0.2


def alhazen(centre, source, mic):
    """Near legs of the mirror point of a sphere, by one angle in the plane of the three points."""
    s, m = source - centre, mic - centre
    e = s / np.linalg.norm(s)
    f = m - (m @ e) * e
    f = f / np.linalg.norm(f)
    open_angle = np.arctan2(m @ f, m @ e)

    def legs(angle):
        point = RADIUS * (np.cos(angle) * e + np.sin(angle) * f)
        return np.linalg.norm(s - point), np.linalg.norm(m - point), point

    def slant(angle):
        r1, r2, point = legs(angle)
        across = -np.sin(angle) * e + np.cos(angle) * f
        return ((s - point) / r1 + (m - point) / r2) @ across

    return legs(brentq(slant, 0.0, open_angle, xtol=1e-15))[:2]


def test_sphere_on_a_line_bistatic(figures):
    """Why: apart from each other, source and microphone see a mirror point that glides over the sphere.
    Set-up: a sphere passing at 4 m/s, source and microphone 1.5 m apart; the mirror point by Alhazen's problem in one angle
    and the bounce time by bracketing, both with scipy; the frequency from central differences of the emission time.
    Expected: delay within 1e-12 s, frequency within 0.001 Hz; residual of the retarded time below 1e-12 s.
    """
    source, mic = np.array([0.0, 0.0, 0.0]), np.array([1.5, 0.2, 0.3])
    start, velocity = np.array([-1.0, 2.0, 0.4]), np.array([4.0, -0.5, 0.0])
    t = np.linspace(0.05, 0.45, 21)

    def emission(when):
        def late(bounce):
            return bounce + alhazen(start + bounce * velocity, source, mic)[1] / C20 - when

        bounce = brentq(late, when - 0.02, when, xtol=1e-17)
        return bounce - alhazen(start + bounce * velocity, source, mic)[0] / C20

    scene = stage(source, mic, PlainMover(line(start, velocity)))
    block = next(exact.echoes(scene, 32000.0, t))
    left = np.array([emission(when) for when in t])
    late = np.abs(t - block.delay_s[0] - left).max()
    h = 1e-4
    ratio = np.array([(emission(when + h) - emission(when - h)) / (2.0 * h) for when in t])
    off = 32000.0 * np.abs(block.ratio[0] - ratio).max()
    residual = np.abs(block.bounce_s + block.r2_m / C20 - t).max()
    figures("exact, bistatic sphere: largest error of delay", late, "s", "<= 1e-12")
    figures("exact, bistatic sphere: largest error of frequency", off, "Hz", "<= 0.001")
    figures("exact: residual of the retarded time", residual, "s", "<= 1e-12")
    assert late <= 1e-12
    assert off <= 1e-3
    assert residual <= 1e-12


def tumbling(t):
    """A rotation about a slanting axis at 5 rad/s, (time, 3, 3)."""
    axis = np.array([0.6, 0.0, 0.8])
    cross = np.array([[0.0, -0.8, 0.0], [0.8, 0.0, -0.6], [0.0, 0.6, 0.0]])
    sin, cos = np.sin(5.0 * t)[:, None, None], np.cos(5.0 * t)[:, None, None]
    return cos * np.eye(3) + sin * cross + (1.0 - cos) * np.outer(axis, axis)


def test_received_frequency_is_the_slope_of_the_delay(figures):
    """Why: f2 comes from an implicit derivative; the delays themselves say whether it is right.
    Set-up: a tumbling ellipsoid in a box, all pairs of order 1; central differences of the delay.
    Expected: within 0.01 Hz at 32 kHz for every pair that is heard, residual of the retarded time below 1e-12 s.
    """
    body = PlainMover(line([2.5, 2.0, 1.2], [-1.2, 0.8, 0.1]), (0.06, 0.14, 0.3), tumbling)
    scene = stage([1.0, 1.0, 1.2], [3.5, 2.5, 0.9], body, room=box((5.0, 4.0, 3.0)))
    h = 2e-5
    t = 0.3 + np.array([-h, 0.0, h])
    block = next(exact.echoes(scene, 32000.0, t, order=1))
    alive = (np.abs(block.gain) > 0.0).all(axis=1)
    assert alive.sum() > 20
    slope = 1.0 - (block.delay_s[:, 2] - block.delay_s[:, 0]) / (2.0 * h)
    off = 32000.0 * np.abs(slope - block.ratio[:, 1])[alive].max()
    residual = np.abs(block.bounce_s + block.r2_m / C20 - t)[alive].max()
    figures("exact: received frequency against the slope of the delay", off, "Hz", "<= 0.01")
    assert off <= 0.01
    assert residual <= 1e-12


def zigzag(t):
    """Way points joined by straight lines: the velocity jumps at 0.1, 0.2 and 0.3 s."""
    at, x = [0.0, 0.1, 0.2, 0.3, 0.4], [2.5, 2.3, 2.45, 2.2, 2.2]
    return np.stack([np.interp(t, at, x), 2.0 + 0.0 * t, 1.0 + 0.0 * t], axis=-1)


@pytest.mark.parametrize("track", [line([2.5, 2.0, 1.2], [-5.0, 0.8, 0.1]), zigzag])
def test_followed_poses_are_those_of_the_mover(figures, track):
    """Why: poses="fit" spares the mover; it must not be another motion, not even where the velocity jumps.
    Set-up: all pairs of order 1 off a tumbling ellipsoid at 5 m/s and off one on a zigzag, times in no order.
    Expected: the two answers differ by less than 1e-9 of the echo.
    """
    body = PlainMover(track, (0.06, 0.14, 0.3), tumbling)
    scene = stage([1.0, 1.0, 1.2], [3.5, 2.5, 0.9], body, room=box((5.0, 4.0, 3.0)))
    t = np.random.default_rng(7).permutation(np.linspace(0.05, 0.35, 601))
    asked = exact.tone_response(scene, 0, t, static=False, order=1)
    fitted = exact.tone_response(scene, 0, t, static=False, order=1, poses="fit")
    off = np.abs(asked - fitted).max() / np.abs(asked).max()
    figures("exact: followed against asked poses", off, "relative", "<= 1e-9")
    assert off <= 1e-9
    again = exact.tone_response(scene, 0, t[:3], static=False, order=1)
    np.testing.assert_allclose(again, asked[:3], rtol=1e-9, atol=1e-12)

"""Movers before standing paths: what a body changes of the sound that passes it, against closed forms, a surface integral and the judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kirchhoff import echo as surface_integral
from kirchhoff import mesh

from usim.engine.baseband import envelopes
from usim.engine.exact import tone_response
from usim.engine.hearing import BEFORE
from usim.engine.selection import QUALITIES
from usim.engine.shadowing import RATES_HZ, SPAN_S
from usim.engine.silhouettes import POSE, changes
from usim.engine.simulate import simulate, trace
from usim.recording.recording import Recording
from usim.scene.template import from_table

C = 343.21
F_HZ = 32000.0
K = 2.0 * np.pi * F_HZ / C
ROOM = {
    "kind": "box",
    "size_m": [5.2, 4.1, 2.6],
    "surfaces": {"walls": "plaster_painted", "floor": "carpet_loop", "ceiling": "plaster_painted"},
}


def scene_of(mover, duration_s, emits=None):
    """A box, an ideal device near a wall, one mover."""
    tones = {"kind": "tones", "carriers_hz": [32500], "level_db_spl": 72} | (emits or {})
    return from_table(
        {
            "usim": "scene/1", "title": "shadows", "duration_s": duration_s, "room": ROOM,
            "devices": [{"name": "shelf", "profile": "ideal", "position_m": [0.5, 2.0, 0.9], "yaw_deg": 0, "emits": tones}],
            "movers": [mover],
        }
    ).sample()  # fmt: skip


SPHERE = {
    "kind": "sphere", "name": "ball", "radius_m": 0.12,
    "track": {"at_s": [0, 4], "through_m": [[2.6, 0.8, 1.0], [2.6, 3.4, 1.0]], "path": "linear"},
}  # fmt: skip
WALKER = {
    "kind": "person", "name": "adult", "height_m": 1.7, "clothing": "denim",
    "routine": [{"kind": "walk", "through_m": [[2.4, 0.6], [2.4, 3.5]], "speed_m_s": 1.2}],
}  # fmt: skip


def passed(pieces, start=(-1.5, 0.0, 0.0), end=(1.5, 0.0, 0.0)):
    """What share of a straight way of 3 m passes still ellipsoids: (centre, semi-axes) each, axes along the room's."""
    poses = np.zeros((len(pieces), POSE, 16))
    for row, (centre, axes) in zip(poses, pieces, strict=True):
        row[:3], row[3:6] = np.array(centre)[:, None], np.array(axes)[:, None] ** 2
    out = np.zeros((1, 1, 1), complex)
    ends = np.array([start], float), np.array([end], float)
    changes(
        *ends, np.arange(2), np.zeros(1, np.int64), poses, 10, 1, 0.0, np.array([F_HZ / C]), out
    )
    return 1.0 + out[0, 0, 0]


def test_knife_edge(figures):
    """Why: the sound behind a body is what bends round its edge. Set-up: V33, an edge that bends with a radius of 5.6 m, 0.2 m beyond the way,
    1.5 m from either end, 32 kHz. Expected: 22.8 dB within 0.3 (ITU-R P.526 at v = 3.15)."""
    loss = -20.0 * np.log10(abs(passed([((0.0, 0.1, 0.0), (1e-3, 0.3, 1.3))])))
    figures("V33 knife edge", loss, "dB", "22.8 +- 0.3")
    assert loss == pytest.approx(22.8, abs=0.3)


@pytest.mark.parametrize("radius_m", [0.02, 0.05, 0.1, 0.3])
def test_spot_behind_a_disc(radius_m):
    """Why: in the middle behind a disc the rim's waves meet in phase (Poisson's spot), which only the whole integral gives. Set-up: a
    thin disc across the way. Expected: modulus one, phase that of the way over the rim, while that turns by less than where shadows fade."""
    got = passed([((0.0, 0.0, 0.0), (1e-3, radius_m, radius_m))])
    over = 2.0 * np.hypot(1.5, radius_m) - 3.0
    bend = 2.0 * radius_m / np.hypot(1.5, radius_m)
    t = np.clip((bend - 0.25) / 0.2, 0.0, 1.0)
    w = 1.0 - t**3 * (6.0 * t * t - 15.0 * t + 10.0)
    assert got == pytest.approx(w * np.exp(-1j * K * over), abs=1e-5)


def test_a_body_cut_in_two_casts_one_shadow():
    """Why: limbs overlap, and what two hide is hidden once. Set-up: an ellipsoid beside one within it, and two halves of a strip that overlap in part.
    Expected: what lies within changes nothing; the union is less than the sum and more than either."""
    body = ((0.0, 0.05, 0.0), (0.1, 0.15, 0.3))
    assert passed([body, ((0.0, 0.05, 0.02), (0.05, 0.08, 0.1))]) == passed([body])
    assert passed([body, body]) == pytest.approx(passed([body]), abs=1e-3)
    one, other = (((0.0, y, 0.0), (0.1, 0.06, 0.3)) for y in (0.07, 0.15))
    apart, both = [1.0 - passed([piece]) for piece in (one, other)], 1.0 - passed([one, other])
    assert abs(both - sum(apart)) > 0.1 * abs(sum(apart))


@pytest.mark.parametrize("aside_m", [0.05, 0.1, 0.15, 0.25])
def test_sphere_against_a_surface_integral(aside_m, figures):
    """Why: two independent routes to forward scattering. Set-up: a sphere of 0.1 m, `aside_m` off a way of 3 m; the Kirchhoff integral over
    a mesh of a sixth of a wave, which on the axis itself is no judge: there waves meet that crept round the back. Expected: level within 1 dB and phase
    within 0.2 rad where what passes is above -15 dB."""
    axes = np.full(3, 0.1)
    source, ear = np.array([-1.5, -aside_m, 0.0]), np.array([1.5, -aside_m, 0.0])
    straight = np.exp(-1j * K * 3.0) / 3.0
    judge = 1.0 + surface_integral(axes, mesh(axes, C / F_HZ / 6.0), source, ear, K) / straight
    got = passed([((0.0, aside_m, 0.0), axes)])
    level, phase = 20.0 * np.log10(abs(got / judge)), np.angle(got / judge)
    figures(f"shadow of a sphere {aside_m:g} m aside: level", level, "dB", "+-1")
    figures(f"shadow of a sphere {aside_m:g} m aside: phase", phase, "rad", "+-0.2")
    if abs(judge) > 10.0 ** (-15.0 / 20.0):
        assert abs(level) <= 1.0
        assert abs(phase) <= 0.2


def against_the_judge(scene, start_s, quality="standard", points=7):
    """Residual of the first mover's shadow against the judge's, in dB re its echo and shadow together, over 50 ms."""
    paths = trace(scene, quality, (start_s, start_s + 0.05), tail=False)
    unit, name = paths.device.unit, f"mover.{scene.movers[0].name}"
    whole = envelopes(paths, unit)[name][0, 0, BEFORE:-BEFORE]
    bare = envelopes(replace(paths, shadows=()), unit)[name][0, 0, BEFORE:-BEFORE]
    some = np.linspace(0, paths.samples - 1, points).astype(int)
    times = (paths.start + some) / paths.rate_hz
    settings = {"movers": False, "per": "mover"}
    judge = tone_response(scene, 0, times, shadows=True, **settings)[1]
    residual = (whole - bare)[some] - judge
    return 10.0 * np.log10((abs(residual) ** 2).mean() / (abs(whole) ** 2).mean())


@pytest.mark.parametrize("start_s", [0.5, 1.85])
def test_sphere_against_the_judge(start_s, figures):
    """Why: paths, stretches, retardation and interpolation at once. Set-up: a sphere walks across a box at 0.65 m/s, all images to order 3;
    the judge finds stretches by pairs of images and integrates ray by ray. Expected: -40 dB of all that moves."""
    got = against_the_judge(scene_of(SPHERE, 4.0), start_s)
    figures(f"shadow of a sphere against exact, {start_s:g} s", got, "dB", "<= -40")
    assert got <= -40.0


@pytest.mark.slow
def test_walker_against_the_judge(figures):
    """Why: sixteen silhouettes that overlap. Set-up: a walker crosses before the device. Expected: -40 dB of all that moves."""
    got = against_the_judge(scene_of(WALKER, 2.5), 1.1, points=7)
    figures("shadow of a walker against exact", got, "dB", "<= -40")
    assert got <= -40.0


def test_nothing_beyond_its_doppler(figures):
    """Why: a spurious line is a false motion. Set-up: the sphere's shadow alone over 2 s, in frames of 128 ms. Expected: beyond 1.2 times
    its Doppler at most -80 dB of the strongest line."""
    scene = scene_of(SPHERE, 4.0)
    paths = trace(scene, "standard", (1.0, 3.0))
    unit = paths.device.unit
    whole, bare = (envelopes(p, unit)["mover.ball"][0, 0, BEFORE:-BEFORE] for p in (paths, replace(paths, shadows=())))  # fmt: skip
    size = round(0.128 * paths.rate_hz)
    window = np.blackman(size) ** 2
    frames = np.lib.stride_tricks.sliding_window_view(whole - bare, size)[:: size // 2]
    power = abs(np.fft.fft(frames * window, axis=1)) ** 2
    echo = abs(np.fft.fft(np.lib.stride_tricks.sliding_window_view(bare, size)[:: size // 2] * window, axis=1)) ** 2  # fmt: skip
    f = abs(np.fft.fftfreq(size, 1.0 / paths.rate_hz))
    beyond = f > 1.2 * 2.0 * 0.65 / C * 32500.0 + 60.0
    got = 10.0 * np.log10(power[:, beyond].max() / echo.max())
    figures("shadow: lines beyond its Doppler", got, "dB", "<= -80")
    assert got <= -80.0


def test_any_window_and_any_envelope_gives_the_same():
    """Why: shadows are told in spans of absolute time. Set-up: a window cut in two; the same tone said to be steady and said in steps that never come.
    Expected: the same to the bit; an envelope of one the same to rounding."""
    scene = scene_of(SPHERE, 4.0)

    def stem(start_s, end_s):
        paths = trace(scene, "draft", (start_s, end_s))
        unit = paths.device.unit
        return envelopes(paths, unit)["mover.ball"][..., BEFORE:-BEFORE]

    whole = stem(1.7, 2.1)
    parts = np.concatenate([stem(1.7, 1.83), stem(1.83, 2.1)], axis=2)
    assert whole.tobytes() == parts.tobytes()


def test_it_darkens_the_standing_sound():
    """Why: a person before a wall takes its echo away. Set-up: the sphere on the line to the wall opposite. Expected: the shadow is there and is no larger than the standing sound."""
    scene = scene_of(SPHERE, 4.0)
    recording = simulate(scene, window=(1.8, 2.0), keep=("baseband",))
    assert isinstance(recording, Recording)
    paths = trace(scene, window=(1.8, 2.0))
    strongest = max(float(abs(s.change).max(initial=0.0)) for s in paths.shadows)
    assert 0.1 < strongest < 2.5
    assert paths.bytes["shadows"] > 0


def test_its_rate_is_one_of_the_basebands():
    """Why: it is interpolated to the baseband's rate. Expected: every rate is a divisor of it, and fits into a span."""
    for rate_hz in RATES_HZ:
        assert SPAN_S * rate_hz == round(SPAN_S * rate_hz)
        for baseband_hz in (2000, 4000, 8000, 16000):
            assert baseband_hz % rate_hz == 0
    assert {quality.shading[1] for quality in QUALITIES.values()} <= set(RATES_HZ)


@pytest.mark.parametrize(
    ("speed_m_s", "rate_hz"), [(0.65, 125), (1.8, 125), (3.0, 250), (7.0, 500)]
)
def test_what_is_faster_is_told_more_often(speed_m_s, rate_hz):
    """Why: the waves of a rim that goes past follow its speed: 43 Hz for each metre a second. Set-up: a sphere on a straight line.
    Expected: a rate that holds the most of them."""
    track = {"at_s": [0.0, 2.0 / speed_m_s], "through_m": [[2.6, 0.8, 1.0], [2.6, 2.8, 1.0]], "path": "linear"}  # fmt: skip
    scene = scene_of(SPHERE | {"track": track}, 0.2)
    assert trace(scene, "standard", (0.0, 0.05), tail=False).shadows[0].rate_hz == rate_hz

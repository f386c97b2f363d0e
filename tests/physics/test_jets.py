"""Jets behind fans: their profile, what they make of ways that cross them, and both against the judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gamma, kv

import usim
from usim.engine import exact
from usim.engine.baseband import REFERENCE_PA, _stirred
from usim.engine.echoes import echo_of
from usim.engine.paths import EDGE, Paths, listening, quality_named, setting
from usim.engine.stirred import stirred, stirred_standing
from usim.physics.crossing import crossed, integrals
from usim.physics.eddies import INNER_M, ROOT
from usim.physics.jets import Blown, axis_m_s, core_m, reaches

ROOM = """usim: scene/1
duration_s: 4
seed: 5
room: {kind: box, size_m: [5.2, 4.1, 2.6], surfaces: {floor: carpet_loop, ceiling: plaster_painted, walls: drywall_painted, east: window_glass}}
devices:
  - {name: point, profile: ideal, position_m: [0.4, 1.5, 1.0], emits: {kind: tones, carriers_hz: [32000], level_db_spl: 75}}
movers:
  - {kind: fan, name: pedestal, position_m: [1.3, 3.6, 1.1], rpm: 1000, yaw_deg: -85, jet: true}
"""
RADIUS_M, SPEED_M_S, TURBULENCE = 0.1, 3.0, 0.22


def built(tmp_path, text, **overrides):
    file = tmp_path / "jet.yaml"
    file.write_text(text, encoding="utf-8")
    return usim.load(str(file)).sample(overrides=[f"{k}={v}" for k, v in overrides.items()])


def decibels(one, other):
    return float(20 * np.log10(np.linalg.norm(one) / np.linalg.norm(other)))


def still_frames(t_s):
    return np.zeros((len(t_s), 3)), np.tile(np.eye(3), (len(t_s), 1, 1))


def jet(seed, far_m=5.0):
    made = reaches(np.random.default_rng(seed), RADIUS_M, SPEED_M_S, TURBULENCE, far_m)
    return Blown(made, still_frames)


@pytest.fixture(scope="module")
def blown():
    return jet(1)


def profile(blown, x_m, r_m):
    """Mean wind along the jet at a distance and at radii (n,)."""
    points = np.stack([np.full(len(r_m), x_m), r_m, 0 * r_m], axis=1)
    return blown.wind(points, np.zeros(len(r_m)))[0][:, 0]


def test_profile_of_a_jet(blown, figures):
    """Why: how fast the air is, and how far from the fan, decides which paths are disturbed and how fast.
    Set-up: an opening of 0.1 m radius, 3 m/s; from 7 to 22 diameters on. Pope (2000): on the axis 5.9 +- 0.3 d U0 / x, half-width 0.094 to 0.102 x;
    the momentum of the opening; Ricou and Spalding (1961): 0.32 x/d times the air of the opening. Inside the core (to 6 diameters): the speed of the opening.
    Expected: speed within 8 %, half-width within 10 %, momentum within 12 %, air within 8 %.
    """
    r, d = np.linspace(0.0, 2.0, 4001), 2 * RADIUS_M
    worst = dict.fromkeys(("speed", "half-width", "momentum", "air"), 0.0)
    for x in np.array([7.0, 10.0, 14.0, 18.0, 22.0]) * d:
        u = profile(blown, x, r)
        found = {
            "speed": u[0] * x / (5.9 * d * SPEED_M_S),
            "half-width": r[np.argmax(u < 0.5 * u[0])] / (0.098 * x),
            "momentum": np.trapezoid(u * u * 2 * r, r) / (RADIUS_M * SPEED_M_S) ** 2,
            "air": np.trapezoid(u * 2 * r, r) / (RADIUS_M**2 * SPEED_M_S) / (0.32 * x / d),
        }
        worst = {name: max(worst[name], abs(found[name] - 1.0)) for name in worst}
    for name, bar in {"speed": 0.08, "half-width": 0.1, "momentum": 0.12, "air": 0.08}.items():
        figures(f"jet against its law, {name}", worst[name], "", f"<= {bar:g}")
        assert worst[name] <= bar
    near = profile(blown, 4 * d, r)[0] / SPEED_M_S
    figures("speed inside the core over that of the opening", near, "", "1 +- 0.05")
    assert near == pytest.approx(1.0, abs=0.05)


def along_itself(r_m, length_m):
    """Correlation of a gust with itself along its own direction (von Karman 1948)."""
    x = np.maximum(np.abs(r_m) / (ROOT * length_m), 1e-9)
    return 2 ** (2 / 3) / gamma(1 / 3) * x ** (1 / 3) * kv(1 / 3, x)


def variance(reach, x_m):
    """Variance of the integral of one reach's gusts across its axis: the double integral of its bell and von Karman's correlation."""
    gusts, bell = reach.gusts, reach.spread_m
    rms2 = (gusts.wind_m_s**2).sum() / 6 * np.exp(-(((x_m - reach.ahead_m) / bell[0]) ** 2))
    lag = np.linspace(-8 * bell[1], 8 * bell[1], 8001)
    length = max(0.7 * 0.096 * reach.ahead_m, 0.3 * RADIUS_M)
    over = np.sqrt(np.pi) * bell[1] * np.exp(-(lag**2) / (4 * bell[1] ** 2))
    return rms2 * np.trapezoid(over * along_itself(lag, length), lag)


def test_phase_of_a_path_across_a_jet(figures):
    """Why: the level of the skirts that a fan makes of a tone is the variance of the delay of what crosses its jet.
    Set-up: a way across the axis at 10 and 20 diameters, 12 seeds of 10 s; the double integral of von Karman's correlation over the jet (Tatarskii 1961), whose limit for
    a wide jet is Chernov's (1960) 2 u'^2 L times the way; the phase at 32 kHz.
    Expected: within 1.5 dB.
    """
    for diameters in (10, 20):
        x = diameters * 2 * RADIUS_M
        got, wanted = [], []
        for seed in range(12):
            one = jet(seed)
            ends = np.array([[[x, 2.0, 0.0]]]), np.array([[[x, -2.0, 0.0]]])
            when = np.array([[-4.0 / 343.0]]), np.array([[0.0]])
            got.append(np.var(crossed(one, *ends, *when, 0, 10_000, 1000.0, 343.0)))
            wanted.append(sum(variance(reach, x) for reach in one.reaches))
        off = 10 * np.log10(np.mean(got) / np.mean(wanted))
        rms = 2 * np.pi * 32e3 * np.sqrt(np.mean(wanted)) / 343.0**2
        figures(f"variance across a jet at {diameters} diameters", off, "dB", "+-1.5")
        figures(f"phase across a jet at {diameters} diameters, rms", rms, "rad", "told")
        assert abs(off) <= 1.5
        assert 0.02 < rms < 1.0


def test_skirts_reach_as_far_as_gusts_are_fast(figures):
    """Why: a draught ends at some tens of Hz; behind a fan the same eddies come past ten times faster, where walkers are looked for.
    Set-up: a way across the axis at 10 diameters, 4 seeds; its power from 20 to 100 Hz over that of a draught of 0.3 m/s with the same variance, and the power beyond
    the speed of the gusts over the inner scale.
    Expected: slope of the spectrum from 20 to 80 Hz -8/3 +- 0.6; beyond the end less than -45 dB of the whole.
    """
    x, spectra = 10 * 2 * RADIUS_M, []
    for seed in range(4):
        ends = np.array([[[x, 2.0, 0.0]]]), np.array([[[x, -2.0, 0.0]]])
        line = crossed(
            jet(seed), *ends, np.array([[0.0]]), np.array([[0.0]]), 0, 16_384, 1000.0, 343.0
        )[0]
        window = np.blackman(4096)
        parts = [np.fft.rfft((line[n : n + 4096]) * window) for n in range(0, 12_289, 2048)]
        spectra.append(np.mean(np.abs(parts) ** 2, axis=0))
    power, f = np.mean(spectra, axis=0), np.fft.rfftfreq(4096, 1e-3)
    bands = [power[(f >= low) & (f < 2 * low)].mean() for low in (20.0, 40.0, 80.0)]
    slope = float(np.log2(bands[2] / bands[0]) / 2)
    fast = 0.65 * axis_m_s(x, RADIUS_M, SPEED_M_S) * 1.6
    beyond = float(10 * np.log10(power[f > fast / INNER_M].sum() / power[f > 0.5].sum()))
    figures("slope of the spectrum across a jet", slope, "", "-8/3 +- 0.6")
    figures("power beyond the end of its spectrum", beyond, "dB", "<= -45")
    assert slope == pytest.approx(-8 / 3, abs=0.6)
    assert beyond <= -45.0


def test_a_whole_way_in_closed_form(blown):
    """Why: the kernel against the same in NumPy, in double precision; and a way that passes the jet by.
    Set-up: the gusts of one reach along ways that cross it whole; a way beside it.
    Expected: to 1e-3; nothing, to the bit.
    """
    reach = replace(blown.reaches[4], wind_m_s=0.0)
    rng = np.random.default_rng(2)
    start = rng.uniform([-0.3, 1.5, -0.2], [0.3, 2.0, 0.2], (5, 3))
    end = rng.uniform([-0.3, -2.0, -0.2], [0.3, -1.5, 0.2], (5, 3))
    ahead = np.array([reach.ahead_m, 0.0, 0.0])
    left, there = np.full((5, 1), -0.01), np.zeros((5, 1))
    one = Blown((reach,), still_frames)
    found = crossed(one, (start + ahead)[:, None], (end + ahead)[:, None], left, there, 777, 3, 500.0, 1e9)  # fmt: skip
    turning = np.exp(-1j * np.outer(reach.gusts.turning_rad_s, np.arange(777, 780) / 500.0))
    wanted = (integrals(reach, start, end, left[:, 0], there[:, 0]) @ turning).real
    assert np.abs(found - wanted).max() < 1e-3 * np.abs(wanted).max()
    aside = np.array([[[0.0, 3.0, 0.0]]]), np.array([[[5.0, 3.0, 0.5]]])
    assert not crossed(blown, *aside, left[:1], there[:1], 0, 100, 1000.0, 343.0).any()


def _made(tmp_path, text):
    scene = built(tmp_path, text)
    device = listening(scene)
    made = setting(scene, device, replace(quality_named("standard"), order=1))
    paths = Paths(scene, device, made.quality, made.legs, made.bands, made.standing, (), scene.baseband_rate_hz, 0, 6000)  # fmt: skip
    times = (np.arange(6000 + 2 * EDGE) - EDGE) / scene.baseband_rate_hz
    parts = _stirred(paths, made.standing.stirred, device.emission, made.standing.gains(device.unit), times)  # fmt: skip
    return scene, device, made, times, sum(parts.values())[0, 0]


@pytest.mark.parametrize(("sweep_deg", "bar"), [(0, -40.0), (60, -40.0)])
def test_paths_across_a_jet_against_the_judge(tmp_path, figures, sweep_deg, bar):
    """Why: the way over each wall crosses the jet somewhere else, and a jet that sweeps is bent.
    Set-up: a fan of 0.2 m, 1000 a minute, that blows across a box, still or sweeping; from a source on one side of the jet to two microphones on the other, direct and
    over every wall; 3 instants; `exact` by quadrature of 1 / (c + wind) along the folded lines.
    Expected: <= -40 dB of the sound that crosses and of what the jet changes of it.
    """
    scene = built(tmp_path, ROOM.replace("jet: true", f"jet: true, sweep_deg: {sweep_deg}"))
    legs = setting(scene, listening(scene), replace(quality_named("standard"), order=1)).legs
    mics = np.array([[2.9, 1.2, 1.1], [3.4, 2.2, 1.4]])
    paths = stirred_standing(scene, legs.sources, mics, legs.walls)
    t_s = np.array([1.0, 2.311, 3.6])
    data = exact.MovingAir((), jets=paths.air.jets)
    found, wanted = [], []
    for row, number in enumerate(np.flatnonzero(paths.moved)):
        mic, image = divmod(number, len(legs))
        source = np.repeat(legs.sources[0, image][None], len(t_s), 0)
        left = t_s - np.linalg.norm(mics[mic] - source[0]) / paths.air.c
        wanted.append(data.late(scene.room, paths.air.c, source, np.repeat(mics[mic][None], len(t_s), 0), left))  # fmt: skip
        at = np.round(t_s * paths.air.rate_hz).astype(int)
        found.append([paths.longer_m(k, 1)[row, 0] / paths.air.c for k in at])
    assert len(found) >= 10
    one, other = (np.exp(-2j * np.pi * 32e3 * np.array(late)) for late in (found, wanted))
    changed = decibels(one - other, other - 1.0)
    figures(f"paths across a jet, sweep {sweep_deg}, of what it changes", changed, "dB", f"<= {bar:g}")  # fmt: skip
    figures(
        f"paths across a jet, sweep {sweep_deg}", decibels(one - other, other), "dB", f"<= {bar:g}"
    )
    figures("what a jet changes of the paths across it", decibels(other - 1.0, other), "dB", "told")
    assert decibels(one - other, other) <= bar
    assert changed <= bar
    assert decibels(other - 1.0, other) > -25.0


def test_standing_sound_in_a_jet_against_the_judge(tmp_path, figures):
    """Why: the baseband must hold what its paths are told; a device may stand in the jet.
    Set-up: the fan blows at the device, a box to order 1, 3 instants; `exact` by quadrature.  Out and back along the jet what is left of the wind is (u / c)^2.
    Expected: <= -60 dB of the sound.
    """
    text = ROOM.replace("[1.3, 3.6, 1.1], rpm: 1000, yaw_deg: -85", "[2.4, 2.4, 1.1], rpm: 1000, yaw_deg: 200")  # fmt: skip
    scene, device, made, times, sound = _made(tmp_path, text)
    at = np.array([700, 2311, 5903])
    moved = made.standing.stirred.moved
    gains = made.standing.gains(device.unit).ravel()
    pressure = np.sqrt(2) * REFERENCE_PA * 10 ** (75 / 20)
    scale = pressure * device.unit.drive_gain(0, 32e3, 32e3) * device.unit.mic_response(0, 32e3)
    how = {"order": 1, "movers": False}
    still = exact.tone_response(scene, 0, times[at], **how)
    data = exact.MovingAir((), jets=stirred(scene).jets)
    wanted = exact.tone_response(scene, 0, times[at], air=data, **how) - still
    found = (sound[at] - gains[moved].sum()) * scale
    figures("standing sound in a jet", decibels(found - wanted, still), "dB", "<= -60")
    figures("what a jet changes of the standing sound", decibels(wanted, still), "dB", "told")
    assert decibels(found - wanted, still) <= -60.0
    assert decibels(wanted, still) > -30.0


BALL = """  - {kind: sphere, name: ball, radius_m: 0.1, track: {at_s: [0, 4], through_m: [[1.4, 1.6, 1.0], [2.2, 1.9, 1.2]], path: linear}}
"""


@pytest.mark.parametrize(("order", "instants"), [(0, 6), (1, 1)])
def test_a_sphere_behind_a_fan_against_the_judge(tmp_path, figures, order, instants):
    """Why: who stands in a jet is heard through it, and his legs end inside it.
    Set-up: a ball of 0.1 m that moves through the jet of a fan at 0.2 m/s, direct or with every wall once; `exact` by quadrature, with all gusts. Legs are told those of up
    to 50 Hz; of a direct echo, out and back through the same air, only how it changes meanwhile is left.
    Expected: <= -30 dB; the jet changes more than -25 dB of the echo.
    """
    scene = built(tmp_path, ROOM + BALL)
    device = listening(scene)
    made = setting(scene, device, replace(quality_named("fine"), order=order))
    rate = scene.baseband_rate_hz
    echo = echo_of(scene, device, scene.movers[1], made.legs, list(made.bands), made.quality, 2 * rate, 1000, rate)  # fmt: skip
    at = np.linspace(40, 990, instants).astype(int)
    times = 2.0 + at / rate
    pressure = np.sqrt(2) * REFERENCE_PA * 10 ** (75 / 20)
    scale = pressure * device.unit.drive_gain(0, 32e3, 32e3) * device.unit.mic_response(0, 32e3)
    found = echo.tones[0, 0, 0, 0, at] * scale
    how = {"order": order, "static": False, "movers": ("ball",)}
    data = exact.MovingAir((), jets=stirred(scene).jets)
    wanted = exact.tone_response(scene, 0, times, air=data, **how)
    still = exact.tone_response(scene, 0, times, **how)
    figures(f"a sphere behind a fan, order {order}", decibels(found - wanted, wanted), "dB", "<= -30")  # fmt: skip
    figures("what a jet changes of a sphere's echo", decibels(wanted - still, wanted), "dB", "told")
    assert decibels(found - wanted, wanted) <= -30.0
    assert decibels(wanted - still, wanted) > -25.0


def test_without_a_jet_nothing_changes(tmp_path):
    """Why: a scene without a jet, or a fan that is told not to blow, must give the samples that it gave.
    Set-up: the fan with and without its jet, 0.2 s, in one go and in blocks.
    Expected: without it no air is stirred; the same samples however they are cut.
    """
    calm = built(tmp_path, ROOM.replace("jet: true", "jet: false"))
    assert stirred(calm) is None
    assert setting(calm, listening(calm), quality_named("draft")).standing.stirred is None
    scene = built(tmp_path, ROOM, **{"duration_s": 0.2, "render.quality": "draft"})
    whole = usim.simulate(scene).observation
    for block_s in (0.064, 0.02):
        blocks = list(usim.session(scene, block_s))
        audio = np.concatenate([block.audio for block in blocks], axis=1)
        assert np.array_equal(audio, whole.audio[:, : audio.shape[1]])
    calmer = usim.simulate(built(tmp_path, ROOM.replace("jet: true", "jet: false"), **{"duration_s": 0.2, "render.quality": "draft"}))  # fmt: skip
    assert not np.array_equal(calmer.observation.audio, whole.audio)


def test_the_core_ends_where_it_is_measured_to():
    """Why: its length fixes how far from a fan the air is as fast as at the blades.
    Set-up: the closed form.
    Expected: 6 to 6.5 diameters (Rajaratnam 1976: 6.2).
    """
    assert 6.0 < core_m(RADIUS_M) / (2 * RADIUS_M) < 6.5

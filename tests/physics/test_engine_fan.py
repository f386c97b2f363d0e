"""A fan's blades through the engine: against `exact`, against NumPy sample by sample, and what a fan must look like."""

from __future__ import annotations

import dataclasses

import fans
import numpy as np
import pytest
from scipy.signal import get_window

from usim.engine import exact
from usim.engine.orbits import orbit
from usim.engine.paths import listening, trace_device
from usim.engine.selection import QUALITIES
from usim.template.problem import InvalidInput

pytestmark = pytest.mark.slow

WINDOW_S = 0.05
FULL_SCALE = 0.0353535  # FS per Pa of the `ideal` profile, near enough to know it by


def judged(paths, mic=0):
    """What `exact` says of the same pairs."""
    images = {
        (fans.NAME, number): np.stack(
            [paths.legs.sources[0][ij[:, 0]], paths.legs.targets[ij[:, 1], mic]], axis=1
        )
        for number, ij in fans.chosen(paths).items()
    }
    return exact.tone_response(
        paths.scene, 0, fans.times(paths), mic=mic, pairs=images, static=False, poses="fit"
    )


SETS = {
    "as sold": ({}, 0, WINDOW_S),
    "steep blades": ({"pitch_root_deg": 60.0, "pitch_tip_deg": 60.0}, 0, WINDOW_S),
    "in a box": ({}, 1, 0.02),
    "large and near": ({"radius_m": 0.35, "rpm": 500.0, "position_m": [1.6, 2.1, 1.25]}, 0, 0.02),
}


@pytest.mark.parametrize("name", SETS)
def test_against_exact(name, figures):
    """Why: the judge integrates over the blade, the engine has a closed form for it.
    Set-up: nine flat pieces of a fan at 1200 rpm, device `ideal` 2.3 m away, free field or the first reflections of a box with
    rigid walls, one microphone, resolved pairs of `standard`; the judge for the same pairs.
    Expected: residual energy over echo energy <= -20 dB (the closed form is within 0.5 dB and 0.1 rad of the integral).
    """
    changes, order, span_s = SETS[name]
    paths = fans.heard(fans.fan(**changes), 0.3, span_s, "standard", order)
    assert paths.echoes[0].missed == 0
    value = fans.residual_db(fans.received(paths), judged(paths))
    figures(f"fan against exact, {name}", value, "dB", "<= -20")
    assert value <= -20.0


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("quality", ["draft", "standard", "fine"])
def test_sample_by_sample(quality, name, figures):
    """Why: the same closed form, the same pairs: what is left is the engine's own.
    Set-up: as above; `aperture.rectangle_echo` in float64 at every sample, at bounce times found by iteration.
    Expected: residual <= -40 dB `standard`, <= -60 dB `fine`, <= -25 dB `draft`.
    """
    changes, order, span_s = SETS[name]
    paths = fans.heard(fans.fan(**changes), 0.3, span_s, quality, order)
    value = fans.residual_db(fans.received(paths), FULL_SCALE * fans.by_hand(paths))
    bar = {"draft": -25.0, "standard": -40.0, "fine": -60.0}[quality]
    figures(f"fan against NumPy, {quality}, {name}", value, "dB", f"<= {bar:g}")
    assert value <= bar


def test_spurious(figures):
    """Why: a line where nothing moves that fast is a false motion; blades fill the baseband already.
    Set-up: the nine pieces for 128 ms, free field, Blackman-Harris; the spectrum of engine minus NumPy, re the strongest line
    of the echo, beyond 1.2 times the fastest tip's Doppler shift, and anywhere.
    Expected: <= -80 dB beyond; <= -70 dB among the echo's own lines.
    """
    paths = fans.heard(fans.fan(), 0.3, 0.128)
    taper = get_window("blackmanharris", paths.samples)
    engine, other = fans.received(paths), FULL_SCALE * fans.by_hand(paths)
    gain = np.vdot(other, engine) / np.vdot(other, other)
    assert gain == pytest.approx(1.0, abs=1e-4)
    wrong = np.abs(np.fft.fft((engine - gain * other) * taper)) / taper.sum()
    echo = np.abs(np.fft.fft(other * taper)) / taper.sum()
    (mover,) = paths.scene.movers
    fastest = max(orbit(mover).fastest_m_s(number) for number in range(len(mover.pieces)))
    doppler = 2.0 * fastest * 32000.0 / (paths.scene.air.sound_speed_m_s - fastest)
    beyond = np.abs(np.fft.fftfreq(len(taper), 1.0 / paths.rate_hz)) > 1.2 * doppler
    assert np.count_nonzero(beyond) > 50
    values = [20.0 * np.log10(wrong[some].max() / echo.max()) for some in (beyond, beyond | True)]
    figures("fan, spurious", values[0], "dB", "<= -80", f"beyond {1.2 * doppler:.0f} Hz")
    figures("fan, spurious anywhere", values[1], "dB", "<= -70")
    assert values[0] <= -80.0
    assert values[1] <= -70.0


def test_comb_and_edges(figures):
    """Why: a listener knows a fan by its comb of lines; no blade is faster than its tip.
    Set-up: three steep blades at 1200 rpm that do not wander, 32 kHz, device 2 m away in the plane of the rotor, 0.4 s.
    Expected: lines every 60 Hz, rpm * blades / 60; energy beyond the edges of V16 (+5045 and -4358 Hz) <= 1 %.
    """
    still = {"wander_percent": 0.0, "sweep_deg": 0.0, "yaw_deg": 90.0, "tilt_deg": 0.0}
    steep = {"pitch_root_deg": 70.0, "pitch_tip_deg": 70.0}
    scene = fans.fan(position_m=[2.6, 2.2, 1.2], **still, **steep)
    paths = fans.heard(scene, 0.3, 0.4)
    z = fans.received(paths, texture=None)
    taper = get_window("blackmanharris", len(z))
    power = np.abs(np.fft.fft(z * taper)) ** 2
    f = np.fft.fftfreq(len(z), 1.0 / paths.rate_hz)
    lines = np.abs(f - 60.0 * np.rint(f / 60.0)) < 12.0
    share = power[~lines].sum() / power.sum()
    beyond = power[(f > 5045.0) | (f < -4358.0)].sum() / power.sum()
    figures("fan, energy between the lines of its comb", share, "share", "<= 0.001")
    figures("fan, energy beyond its tips", beyond, "share", "<= 0.01")
    assert share <= 1e-3
    assert beyond <= 0.01
    assert power[f > 3500.0].sum() > 1e-4 * power.sum()


def test_window_does_not_matter():
    """Why: a night is rendered block by block. Set-up: one window across a segment's end, and its second half alone.
    Expected: the same bytes.
    """
    scene = fans.fan(only=[2, 5])
    whole = fans.heard(scene, 1.10, 0.12, order=1).echoes[0].tones
    half = fans.heard(scene, 1.16, 0.06, order=1).echoes[0].tones
    assert np.array_equal(whole[..., -half.shape[-1] :], half)


def test_on_and_off():
    """Why: a tone that is switched is heard late by each path's own way.
    Set-up: one blade, free field, a tone on for 20 ms; the same blade under a steady tone.
    Expected: the echo is the steady one times the envelope when it left, to -40 dB.
    """
    brief = {"start_s": 0.31, "stop_s": 0.34, "ramp_s": 0.01}
    tone = {"kind": "tones", "carriers_hz": [32000.0], "level_db_spl": 80, **brief}
    scene = fans.fan(only=[2], emits=tone)
    paths, steady = (fans.heard(one, 0.3, 0.05) for one in (scene, fans.fan(only=[2])))
    t, mover, c = fans.times(paths), scene.movers[0], scene.air.sound_speed_m_s
    source, ear = paths.legs.sources[0, 0], paths.legs.targets[0, 0]
    bounce = t
    for _ in range(12):
        bounce = t - np.linalg.norm(ear - mover.at(bounce).position_m[:, 0], axis=1) / c
    left = bounce - np.linalg.norm(source - mover.at(bounce).position_m[:, 0], axis=1) / c
    want = fans.received(steady) * paths.device.emission.envelope(left)[0]
    assert fans.residual_db(fans.received(paths), want) <= -40.0


def test_table_and_sums_agree():
    """Why: `paths.table` is another way to the same pairs. Set-up: one blade, free field, the moment when it is loudest.
    Expected: the level of the only pair is that of the echo within 0.5 dB (the table hears the air at the carrier, the echo
    kilohertz above it); path that of its centre when it bounced; Doppler within 10 Hz of the centre's, over 1 ms.
    """
    paths = fans.heard(fans.fan(only=[1]), 0.3, 0.02)
    z, t = fans.received(paths), fans.times(paths)
    at = int(np.argmax(np.abs(z)))
    (row,) = [r for r in paths.table(t[at]) if r["mover"]]
    level = fans.PASCAL * FULL_SCALE * 10.0 ** (row["level_db"] / 20.0)
    assert 20.0 * np.log10(np.abs(z[at]) / level) == pytest.approx(0.0, abs=0.5)
    mover, c = paths.scene.movers[0], paths.scene.air.sound_speed_m_s
    ends = paths.legs.sources[0, 0], paths.legs.targets[0, 0]

    def way(heard_s):
        bounce = np.array([heard_s])
        for _ in range(20):
            legs = [np.linalg.norm(end - mover.at(bounce).position_m[0, 0]) for end in ends]
            bounce = np.array([heard_s - legs[1] / c])
        return sum(legs)

    assert row["path_m"] == pytest.approx(way(t[at]), abs=1e-4)
    rate = (way(t[at] + 1e-5) - way(t[at] - 1e-5)) / 2e-5
    assert row["doppler_hz"] == pytest.approx(-rate * paths.bands[0].turns_per_metre, abs=10.0)


def test_unknown_shapes_are_refused():
    """Why: a shape without a kernel must not end in an error of NumPy. Expected: one line that names piece and shape."""
    scene = fans.fan(only=[2])
    (mover,) = scene.movers
    mover.pieces = (dataclasses.replace(mover.pieces[0], shape="sail"),)
    with pytest.raises(InvalidInput, match="blade_1_3 has the shape 'sail'"):
        trace_device(scene, listening(scene), QUALITIES["draft"], 0, 160)
    with pytest.raises(
        ValueError, match="exact knows ellipsoid, blade, facet, sheet_cell, cylinder"
    ):
        exact.tone_response(scene, 0, np.array([0.1]), static=False)

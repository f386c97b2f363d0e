"""What never rests in a body: breathing, heartbeat and sway, as motion of surfaces."""

import dataclasses

import numpy as np
import pytest
from scipy.special import jv

from usim.activities._curve import eased
from usim.movers import _breathing, _sway, person
from usim.movers._anthropometry import NAMES
from usim.template.streams import stream

K = 2.0 * np.pi * 32e3 / 343.987
"""Wavenumber of 32 kHz at 20 C, 50 %: 584.5 rad/m."""


def still(**changes):
    """A person who stands facing +x at the origin and only breathes, as `changes` say."""
    table = {"kind": "person", "name": "a", "position_m": [0.0, 0.0, 0.0], "facing_deg": 0.0}
    made = person.build(
        person.Parameters.model_validate(table), lambda word: stream(3, f"movers.a.{word}")
    )
    none = _sway.Sway(0.0, np.ones(1), np.zeros(1))
    plain = _breathing.Breathing(
        rate_hz=0.25, chest_m=0.0, abdomen_m=0.0, lag_rad=0.0, inspired=0.5, start=0.0,
        rate_wander=None, depth_wander=None, heart_hz=1.25, heart_m=0.0, heart_start=0.0,
        heart_wander=None, harmonics=(1.0,),
    )  # fmt: skip
    breathing = dataclasses.replace(plain, **changes)
    return dataclasses.replace(made, breathing=breathing, ahead=none, aside=none)


def surface_m(made, t_s, direction, piece="thorax"):
    """How far a piece reaches in a direction (3,), (time,) in m."""
    poses, index = made.at(t_s), NAMES.index(piece)
    size = np.array(made.pieces[index].size_m) + poses.swell_m[:, index]
    own = np.einsum("tij,i->tj", poses.rotation[:, index], direction)
    return poses.position_m[:, index] @ direction + np.sqrt(((own * size) ** 2).sum(axis=1))


def lines(x_m):
    """Magnitudes of the lines of a monostatic echo's phase modulation, by harmonic of the window."""
    return np.abs(np.fft.fft(np.exp(2j * K * x_m))) / len(x_m)


FRONT, BACK = np.array([1.0, 0.0, 0.0]), np.array([-1.0, 0.0, 0.0])


def test_v50_breathing_lines(figures):
    """Why: breathing is found by phase. Set-up: V50, front of the chest, 5 mm top to bottom, 0.25 Hz, sinus,
    monostatic 32 kHz, eight breaths. Expected: lines |J0| to |J4| of 2 k A = 2.9225, each within 0.001.
    """
    made = still(chest_m=0.005)
    t_s = np.arange(0.0, 32.0, 0.01)
    found = lines(surface_m(made, t_s, FRONT))[: 5 * 8 : 8]
    for n, (value, wanted) in enumerate(
        zip(found, (0.2327, 0.3674, 0.4841, 0.2952, 0.1219), strict=True)
    ):
        figures(f"V50 |J{n}|", float(value), "-", f"{wanted} +- 0.001")
        assert value == pytest.approx(wanted, abs=0.001)
        assert value == pytest.approx(abs(jv(n, 2.0 * K * 0.0025)), abs=1e-3)


def test_v51_heartbeat_line(figures):
    """Why: the weakest motion of a person. Set-up: V51, 0.3 mm top to bottom, one harmonic, 1.25 Hz.
    Expected: first sideband -21.11 dB re carrier within 0.02.
    """
    made = still(heart_m=0.0003)
    found = lines(surface_m(made, np.arange(0.0, 8.0, 0.005), FRONT))
    level = 20.0 * np.log10(found[10] / found[0])
    figures("V51 first sideband of the heart", float(level), "dB", "-21.11 +- 0.02")
    assert level == pytest.approx(-21.11, abs=0.02)


def test_v52_minimum_jerk(figures):
    """Why: reaches, sitting and rising are made of it. Set-up: V52, 0.30 m in 0.70 s, 32 kHz.
    Expected: peak 0.80357 m/s and 149.5 Hz, within 0.1 %.
    """
    t_s = np.linspace(0.0, 0.7, 14001)
    peak = float(np.max(np.diff(0.30 * eased(t_s / 0.7)) / np.diff(t_s)))
    figures("V52 peak speed", peak, "m/s", "0.80357 +- 0.1 %")
    figures("V52 peak Doppler", 2.0 * K * peak / (2.0 * np.pi), "Hz", "149.5 +- 0.1 %")
    assert peak == pytest.approx(0.80357, rel=1e-3)
    assert 2.0 * K * peak / (2.0 * np.pi) == pytest.approx(149.5, rel=1e-3)


@pytest.mark.parametrize("piece", ["thorax", "abdomen"])
def test_the_back_stays(figures, piece):
    """Why: from behind breathing is at least 10 dB weaker. Set-up: deep breaths, reach of the piece to the front
    and to the back. Expected: the back moves by less than 0.3 of the front (-10 dB); in fact hardly at all.
    """
    made = still(chest_m=0.005, abdomen_m=0.01)
    t_s = np.arange(0.0, 8.0, 0.05)
    front = np.ptp(surface_m(made, t_s, FRONT, piece))
    back = np.ptp(surface_m(made, t_s, BACK, piece))
    figures(f"{piece}, back over front", float(back / front), "-", "<= 0.3")
    assert front == pytest.approx(0.005 if piece == "thorax" else 0.01, rel=0.02)
    assert back <= 0.02 * front


@pytest.mark.parametrize("seed", range(5))
def test_drawn_breathing_is_a_persons(seed):
    """Why: ranges are the truth. Set-up: people drawn. Expected: rate, depth, lag and shape within the tables of
    De Groote (1997) and the radar literature, inspiration shorter than expiration.
    """
    drawn = _breathing.drawn(stream(seed, "b"), stream(seed, "h"), None, None, None)
    assert 0.2 <= drawn.rate_hz <= 0.33
    assert 0.003 <= drawn.chest_m <= 0.005
    assert 0.004 <= drawn.abdomen_m <= 0.010
    assert 0.0 <= drawn.lag_rad <= np.radians(30.0)
    assert 1.0 / 3.0 <= drawn.inspired <= 0.4
    assert 0.9 <= drawn.heart_hz <= 1.7
    assert 1e-4 <= drawn.heart_m <= 5e-4
    t_s = np.arange(0.0, 120.0, 0.02)
    chest, abdomen = drawn.front_m(t_s)
    assert 0.7 * drawn.abdomen_m < np.ptp(abdomen) < 1.5 * drawn.abdomen_m
    assert np.abs(np.gradient(chest, 0.02)).max() < 0.015
    rising = float((np.gradient(abdomen, 0.02) > 0.0).mean())
    assert rising == pytest.approx(drawn.inspired, abs=0.06)


def test_given_breathing_is_kept():
    table = {
        "kind": "person", "name": "a", "position_m": [0, 0, 0], "breaths_per_min": 12.0,
        "breath_m": 0.02, "heartbeats_per_min": 60.0,
    }  # fmt: skip
    made = person.build(
        person.Parameters.model_validate(table), lambda word: stream(3, f"movers.a.{word}")
    )
    assert made.breathing.rate_hz == pytest.approx(0.2)
    assert made.breathing.chest_m == 0.02
    assert made.breathing.heart_hz == pytest.approx(1.0)


def test_sway(figures, counts):
    """Why: nobody stands like a statue. Set-up: sways drawn, 10 minutes each. Expected: rms as asked within 10 %
    (fixed seeds), spectrum as the second-order process: over 90 % of the power below 1 Hz.
    """
    t_s = np.arange(0.0, 600.0, 0.05)
    shares = []
    for seed in range(counts(6, 60)):
        sway = _sway.drawn(stream(seed, "sway"), _sway.AHEAD_M)
        value = sway.at(t_s)
        assert 0.003 <= sway.rms_m <= 0.006
        assert np.gradient(value, 0.05).std() < 0.011
        assert value.std() == pytest.approx(sway.rms_m, rel=0.1)
        power = np.abs(np.fft.rfft(value)) ** 2
        shares.append(power[np.fft.rfftfreq(len(value), 0.05) < 1.0].sum() / power.sum())
    figures("sway, power below 1 Hz, least", float(min(shares)), "-", ">= 0.9", len(shares))
    assert min(shares) >= 0.9


def test_sway_leaves_the_feet():
    """Set-up: a person who stands, 60 s. Expected: feet still but for nothing; the pelvis sways by some millimetres
    and all of it moves slower than 0.05 m/s: what labels call still."""
    table = {"kind": "person", "name": "a", "position_m": [1, 1, 0]}
    made = person.build(
        person.Parameters.model_validate(table), lambda word: stream(5, f"movers.a.{word}")
    )
    t_s = np.arange(0.0, 60.0, 0.05)
    poses = made.at(t_s)
    feet = [NAMES.index("foot_left"), NAMES.index("foot_right")]
    assert np.ptp(poses.position_m[:, feet], axis=0).max() == 0.0
    pelvis = poses.position_m[:, NAMES.index("pelvis")]
    assert 0.001 < pelvis[:, 0].std() < 0.01
    speed = np.abs(np.gradient(poses.position_m, 0.05, axis=0)).max()
    assert speed < 0.05

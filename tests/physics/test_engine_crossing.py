"""A body that crosses the way between two devices: its shadow and its echo together, against a surface integral instant by instant."""

from __future__ import annotations

import dataclasses

import kirchhoff
import numpy as np
import pytest

from usim.engine.baseband import envelopes
from usim.engine.overheard import BEFORE, Overheard
from usim.engine.paths import listening
from usim.engine.selection import QUALITIES
from usim.scene.template import from_table

F_HZ = 32000.0
SPEED_M_S, REACH_M, LEAD_S = 1.5, 0.9, 1.3
SPAN_S = 2.0 * REACH_M / SPEED_M_S
RATE_HZ = 400  # of instants
BAND_HZ = 20
BODIES = {"sphere": (0.1, 0.1, 0.1), "torso": (0.125, 0.16, 0.27)}
RIGID = {"kind": "hard", "absorption": 0.0, "angle_dependent": False, "band_hz": [20000, 60000]}


def crossing(semi_axes):
    """A scene of two devices 3 m apart and a body that crosses between them at right angles."""
    tone = {"kind": "tones", "carriers_hz": [F_HZ], "level_db_spl": 80}
    end_s = SPAN_S + 2.0 * LEAD_S
    far = REACH_M + LEAD_S * SPEED_M_S
    devices = [
        {"name": "here", "profile": "ideal", "position_m": [2.0, 4.5, 2.5], "emits": None},
        {"name": "there", "profile": "ideal", "position_m": [5.0, 4.5, 2.5], "yaw_deg": 180, "listens": False, "emits": tone},
    ]  # fmt: skip
    track = {"at_s": [0.0, end_s], "through_m": [[3.5, 4.5 - far, 2.5], [3.5, 4.5 + far, 2.5]], "path": "linear"}  # fmt: skip
    body = {"kind": "ellipsoid", "name": "body", "semi_axes_m": semi_axes, "surface": RIGID}
    walls = {"floor": RIGID, "ceiling": RIGID, "walls": RIGID}
    return from_table(
        {
            "usim": "scene/1",
            "title": "crossing",
            "duration_s": end_s,
            "render": {"baseband_rate_hz": 2000},
            "room": {"kind": "box", "size_m": [10.0, 9.0, 5.0], "surfaces": walls},
            "devices": devices,
            "movers": [body | {"track": track}],
        }
    ).sample()


def both(semi_axes):
    """Share (instant,) by which the body changes the direct sound, by the engine and by the integral."""
    scene = crossing(list(semi_axes))
    rate, c = scene.baseband_rate_hz, scene.air.sound_speed_m_s
    free = dataclasses.replace(QUALITIES["fine"], order=0)
    about = Overheard(scene, listening(scene, "here"), free)
    (paths,) = about.over(round(LEAD_S * rate), round(SPAN_S * rate))
    found = envelopes(paths, paths.device.unit)
    t = (paths.start - BEFORE + np.arange(paths.samples + 2 * BEFORE)) / rate
    some = np.flatnonzero((t >= LEAD_S) & (t < LEAD_S + SPAN_S))[:: rate // RATE_HZ]
    engine = (found["mover.body"] / found["direct"])[0, 0, some]
    source, ear = paths.legs.sources[0, 0], paths.legs.targets[0, 0]
    bounce = t[some]
    for _ in range(8):
        place = scene.movers[0].at(bounce).position_m[:, 0]
        bounce = t[some] - np.linalg.norm(place - ear, axis=1) / c
    k, axes = 2.0 * np.pi * F_HZ / c, np.array(semi_axes)
    surface = kirchhoff.mesh(axes, c / F_HZ / 6.0)
    echo = np.array([kirchhoff.echo(axes, surface, source - p, ear - p, k) for p in place])
    apart = np.linalg.norm(source - ear)
    way = np.linalg.norm(place - source, axis=1) + np.linalg.norm(place - ear, axis=1)
    air = np.exp(-scene.air.absorption_np_m(F_HZ) * (way - apart))
    return engine, echo * air * apart * np.exp(1j * k * apart)


def bands(share):
    """Power (band,) in bands of BAND_HZ from -160 to 160 Hz."""
    power = np.abs(np.fft.fft(share * np.blackman(len(share)))) ** 2
    f = np.fft.fftfreq(len(share), 1.0 / RATE_HZ)
    lows = np.arange(-160, 160, BAND_HZ)
    return np.array([power[(f >= low) & (f < low + BAND_HZ)].mean() for low in lows])


@pytest.fixture(scope="module")
def compared():
    """Of a body: levels (band,) in dB below the strongest, and by how much the engine is off."""
    known: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def found(name):
        if name not in known:
            engine, integral = (bands(share) for share in both(BODIES[name]))
            level, off = integral / integral.max(), engine / integral
            known[name] = 10.0 * np.log10(level), 10.0 * np.log10(off)
        return known[name]

    return found


@pytest.mark.slow
def test_crossing_body(compared, figures):
    """Why: who crosses between a device and what it hears is heard by the shadow, and by the echo at its sides.
    Set-up: a rigid sphere of 0.1 m crosses the middle of a way of 3 m at 1.5 m/s, from 0.9 m on one side to 0.9 m on the other, free field,
    `fine`; the surface integral of the body at 400 instants a second; spectra of the change of the direct sound over 1.2 s (Blackman) in bands of 20 Hz.
    Expected: within 2 dB in the bands that the shadow makes, down to -20 dB of the strongest.
    """
    level, off = compared("sphere")
    strong = level > -20.0
    worst = float(np.abs(off[strong]).max())
    figures("crossing sphere, strongest bands", worst, "dB", "<= 2", int(strong.sum()))
    assert worst <= 2.0


@pytest.mark.slow
@pytest.mark.xfail(
    reason="between a bistatic angle of 140 and 166 degrees a body is too quiet: the shadow ends where the echo has hardly begun"
)
@pytest.mark.parametrize("body", ["sphere", pytest.param("torso", marks=pytest.mark.full)])
def test_crossing_body_to_160_hz(body, compared, figures):
    """Why, Set-up: as above. Expected: within 2 dB in every band from -160 to 160 Hz that is above -60 dB of the strongest."""
    level, off = compared(body)
    heard = level > -60.0
    worst = float(np.abs(off[heard]).max())
    figures(f"crossing {body}, spectrum to 160 Hz", worst, "dB", "<= 2", int(heard.sum()))
    assert worst <= 2.0

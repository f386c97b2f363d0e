"""Standing paths of a box against closed forms written here, against `exact`, and against pyroomacoustics."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest

from usim.engine import exact
from usim.engine.legs import legs
from usim.engine.paths import listening
from usim.engine.simulate import echo, trace
from usim.engine.standing import standing
from usim.physics.air import Air
from usim.scene.template import from_table

SIZE_M = np.array([5.2, 4.1, 2.6])
DEVICE_M = np.array([0.7, 1.9, 0.85])
ABSORPTION = {"west": 0.1, "east": 0.3, "south": 0.2, "north": 0.45, "floor": 0.6, "ceiling": 0.15}
CARRIER_HZ = 32500.0
ORDER = 3


@pytest.fixture(scope="module")
def scene():
    """Lossless air and walls whose reflection knows no angle, as the image list of a textbook has them."""
    made = from_table(
        {
            "usim": "scene/1",
            "title": "an empty box",
            "duration_s": 1.0,
            "room": {
                "kind": "box",
                "size_m": SIZE_M.tolist(),
                "surfaces": {
                    wall: {"kind": "hard", "absorption": a, "angle_dependent": False}
                    for wall, a in ABSORPTION.items()
                },
            },
            "devices": [
                {
                    "name": "probe", "profile": "ideal", "position_m": DEVICE_M.tolist(), "yaw_deg": 25,
                    "emits": {"kind": "tones", "carriers_hz": [CARRIER_HZ], "level_db_spl": 80},
                }
            ],
        }
    ).sample()  # fmt: skip
    return dataclasses.replace(made, air=Air(21.0, 45.0, lossless=True))


def textbook(source, microphone, order):
    """Lengths (m) and gains (1/m) of Allen and Berkley (1979): along each axis the image of x is 2 n L + x after 2|n| hits, or
    2 n L - x after |2 n - 1|, of which |n| and |n - 1| at the far wall and the near one."""
    beta = {wall: np.sqrt(1.0 - a) for wall, a in ABSORPTION.items()}
    sides = [("west", "east"), ("south", "north"), ("floor", "ceiling")]
    length, gain, orders = [], [], []
    for n in product(range(-order - 1, order + 2), repeat=3):
        for turned in product((0, 1), repeat=3):
            hits = sum(abs(2 * k - p) for k, p in zip(n, turned, strict=True))
            if hits > order:
                continue
            place = [2 * k * size + (-x if p else x) for k, p, size, x in zip(n, turned, SIZE_M, source, strict=True)]  # fmt: skip
            r = float(np.linalg.norm(np.array(place) - microphone))
            loss = 1.0
            for k, p, (near, far) in zip(n, turned, sides, strict=True):
                loss *= beta[near] ** abs(k - p) * beta[far] ** abs(k)
            length.append(r)
            gain.append(loss / r)
            orders.append(hits)
    index = np.argsort(length)
    return np.array(length)[index], np.array(gain)[index], np.array(orders)[index]


def ours(scene, order=ORDER):
    """Lengths (m) and complex gains at the carrier, phase of the delay included, sorted by length."""
    device = listening(scene)
    found = standing(scene, device, legs(scene, device, order), np.array([CARRIER_HZ]))
    index = np.argsort(found.path_m[0, 0])
    return found.path_m[0, 0][index], found.gains(device.unit)[0, 0, 0][index]


def points(scene):
    device = listening(scene)
    return device.world(device.unit.drivers_m)[0], device.world(device.unit.mics_m)[0]


@pytest.mark.parametrize("order", [1, 3])
def test_closed_form(scene, order, figures):
    """Why: the room that does not move must be right to the last digit; everything else stands on it.
    Set-up: row 4: box of six different walls, lossless air; delays and levels of all images against the formula of Allen and Berkley.
    Expected: 1e-12 s and 1e-6 dB; phase of the gain 1e-6 rad.
    """
    length, gain, _ = textbook(*points(scene), order)
    path, found = ours(scene, order)
    assert len(path) == len(length) == {1: 7, 3: 63}[order]
    c = scene.air.sound_speed_m_s
    late = np.abs(path - length).max() / c
    level = np.abs(20 * np.log10(np.abs(found) / gain)).max()
    turn = np.abs(np.angle(found * np.exp(2j * np.pi * CARRIER_HZ * length / c))).max()
    figures(f"standing paths, order {order}, delay against closed form", late, "s", "<= 1e-12", len(path))  # fmt: skip
    figures(f"standing paths, order {order}, level against closed form", level, "dB", "<= 1e-6", len(path))  # fmt: skip
    figures(f"standing paths, order {order}, phase against closed form", turn, "rad", "<= 1e-6", len(path))  # fmt: skip
    assert late <= 1e-12
    assert level <= 1e-6
    assert turn <= 1e-6


def test_the_judge_agrees(scene, figures):
    """Why: two ways to one number are kept and compared.
    Set-up: the same room; paths of `exact`, and the whole standing response in the baseband.
    Expected: 1e-12 s, 1e-6 dB; the response within 1e-6 of the strongest path (-120 dB).
    """
    rows = np.sort(exact.static_paths(scene, 0), order="delay_s")
    path, found = ours(scene)
    late = np.abs(path / scene.air.sound_speed_m_s - rows["delay_s"]).max()
    device = listening(scene)
    pascal = np.sqrt(2) * 20e-6 * 10 ** (80 / 20) * device.unit.mic_response(0, CARRIER_HZ)
    level = np.abs(20 * np.log10(np.abs(found * pascal / rows["gain"]))).max()
    figures("standing paths, delay against exact", late, "s", "<= 1e-12", len(path))
    figures("standing paths, level against exact", level, "dB", "<= 1e-6", len(path))
    assert late <= 1e-12
    assert level <= 1e-6
    z = echo(trace(scene, "standard", (0.0, 0.1)), keep=["baseband"]).observation.baseband.samples[
        0, 0
    ]
    taps = trace(scene, "standard", (0.0, 0.1)).tail.rows(device.unit, 0, 0)
    whole = exact.tone_response(scene, 0, np.zeros(1), tail=taps)[0]
    off = 20 * np.log10(np.abs(z - whole).max() / np.abs(rows["gain"]).max())
    figures("standing response in the baseband against exact", off, "dB", "<= -120", len(z))
    assert off <= -120.0


@pytest.fixture(scope="module")
def peer(scene):
    """The same room in pyroomacoustics."""
    pra = pytest.importorskip("pyroomacoustics")
    walls = {wall: pra.Material(a) for wall, a in ABSORPTION.items()}
    room = pra.ShoeBox(SIZE_M, fs=96000, materials=walls, max_order=ORDER, air_absorption=False)
    source, microphone = points(scene)
    room.add_source(source)
    room.add_microphone(microphone)
    room.set_sound_speed(scene.air.sound_speed_m_s)
    room.image_source_model()
    return room


def test_pyroomacoustics_list(scene, peer, figures):
    """Why: the peer that everybody knows; its image list is float32.
    Set-up: row 4: positions and dampings of its images.
    Expected: 1e-8 s, 0.01 dB.
    """
    source = peer.sources[0]
    r = np.linalg.norm(source.images.astype(float) - points(scene)[1][:, None], axis=0)
    index = np.argsort(r)
    level = source.damping[0].astype(float)[index] / r[index]
    path, found = ours(scene)
    late = np.abs(path - r[index]).max() / scene.air.sound_speed_m_s
    off = np.abs(20 * np.log10(np.abs(found) / level)).max()
    figures("standing paths, delay against pyroomacoustics' list", late, "s", "<= 1e-8", len(path))
    figures("standing paths, level against pyroomacoustics' list", off, "dB", "<= 0.01", len(path))
    assert late <= 1e-8
    assert off <= 0.01


def test_pyroomacoustics_response(scene, peer, figures):
    """Why: what its users hear is the rendered response, a sum of windowed sincs of 81 taps; its own floor bounds what it can judge.
    Set-up: row 4: its response at 96 kHz against the spectrum of our paths at 20-40 kHz; the filter's delay of 40 samples taken out.
    Expected: residual over response between -60 and -66 dB, the peer's floor, or less.
    """
    peer.compute_rir()
    response = np.asarray(peer.rir[0][0], float)
    f = np.linspace(20e3, 40e3, 801)
    t = (np.arange(len(response)) - 40) / 96000
    theirs = np.exp(-2j * np.pi * np.outer(f, t)) @ response
    path, found = ours(scene)
    here = np.exp(-2j * np.pi * np.outer(f, path / scene.air.sound_speed_m_s)) @ np.abs(found)
    scale = (
        np.vdot(here, theirs).real / np.vdot(here, here).real
    )  # its gain convention: 1/(4 pi r) or 1/r
    off = 10 * np.log10((np.abs(theirs / scale - here) ** 2).sum() / (np.abs(here) ** 2).sum())
    figures("standing response against pyroomacoustics' rendered one", off, "dB", "<= -60", len(f))
    figures("scale of pyroomacoustics' response", scale, "", "1/(4 pi) or 1")
    assert min(abs(scale - 1.0), abs(scale * 4 * np.pi - 1.0)) < 0.01
    assert off <= -60.0

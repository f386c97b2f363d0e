"""Roughness wall by wall, patch by patch and piece by piece: what leaves the mirror, and that it comes back in the tail."""

from __future__ import annotations

import dataclasses

import numpy as np
from test_patches import SIZE_M, TONE_HZ, listening, scene_in

from usim.engine.legs import legs
from usim.engine.rays import SCATTERED, Ball, crossings
from usim.engine.rays import energy_tables as tables
from usim.engine.sides import sides_of
from usim.engine.standing import standing
from usim.physics.air import Air
from usim.scene.template import from_table

ROUGH_M = {"south": 0.2e-3, "east": 0.5e-3, "pane": 0.8e-3, "north": 0.0}


def rough(rms_m):
    return {"kind": "hard", "roughness_rms_m": rms_m}


def hung(rms_m):
    """A box whose walls and a pane in the west wall are of one roughness each; rms_m: by name."""
    surfaces = {"floor": rough(0.0), "ceiling": rough(0.0), "walls": rough(0.0), **{name: rough(rms_m[name]) for name in ("south", "east", "north")}}  # fmt: skip
    pane = {"name": "pane", "wall": "west", "from_m": [0, 0], "to_m": [4.1, 2.6], "surface": rough(rms_m["pane"])}  # fmt: skip
    room = {"kind": "box", "size_m": list(SIZE_M), "surfaces": surfaces, "patches": [pane]}
    return scene_in(room, profile="ideal")


def test_each_surface_is_as_rough_as_it_is_said_to_be(figures):
    """Why: a papered wall beside a brick one; each takes from its own mirror images, and the tail gets it back.
    Set-up: a box with walls of rms roughness 0, 0.2 and 0.5 mm and a pane of 0.8 mm over a fourth; images of up to two mirrors against those of the same
    box all smooth; then what each surface gives to mirror and tail.
    Expected: pressure falls by exp(-g^2 / 2) for each mirror, g = 2 k sigma cos (Beckmann and Spizzichino 1963), within 0.01 dB; what it reflects, mirrored and
    scattered together, is what it reflects smooth, 1e-6.
    """
    seen = []
    for rms_m in (ROUGH_M, dict.fromkeys(ROUGH_M, 0.0)):
        scene = hung(rms_m)
        device = listening(scene)
        known, names = legs(scene, device, 2), sides_of(scene).names
        gains = standing(scene, device, known, np.array([TONE_HZ])).gains(device.unit)[0, 0, 0]
        places = [tuple(np.round(place, 6)) for place in known.sources[0].tolist()]
        sums: dict[tuple, complex] = {}
        for place, gain in zip(places, gains, strict=True):  # a pane is told beside its wall
            sums[place] = sums.get(place, 0.0) + gain
        seen.append((scene, device, known, names, sums))
    scene, device, known, names, sums = seen[0]
    k = 2.0 * np.pi * TONE_HZ / scene.air.sound_speed_m_s
    ear = device.world(device.unit.mics_m)[0]
    sigma = {"west": ROUGH_M["pane"], **{name: ROUGH_M[name] for name in ("south", "east", "north")}}  # fmt: skip
    worst, told = 0.0, 0
    for n in range(len(known)):
        key, place = known.maps.key(n, names), tuple(np.round(known.sources[0][n], 6).tolist())
        if "pane" in key or key == "direct":
            continue
        way = ear - known.sources[0][n]
        way /= np.linalg.norm(way)
        power = 0.0
        for name, normal in zip(key.split("+"), known.maps.normals[n], strict=False):
            power += (2.0 * k * sigma.get(name, 0.0) * abs(way @ normal)) ** 2
        got = 20 * np.log10(abs(sums[place] / seen[1][4][place]))
        worst = max(worst, abs(got + 10 * np.log10(np.e) * power))
        told += power > 0.1
    figures("images in rough walls and panes against exp(-g^2/2)", worst, "dB", "<= 0.01", f"{told} images")  # fmt: skip
    assert told >= 8
    assert worst <= 0.01
    both = [tables(sides_of(one[0]), np.array([TONE_HZ]), one[0].air)[0] for one in seen]
    shares = dict(zip(sides_of(scene).names, both[0], strict=True))
    smooth = both[1][0].sum(axis=0)  # all the same
    for name, rms_m in (("south", 0.2e-3), ("east", 0.5e-3), ("west.pane", 0.8e-3)):
        np.testing.assert_allclose(shares[name].sum(axis=0), smooth, atol=1e-6)
        lost = -10 * np.log10(shares[name][0, -1] / smooth[-1])
        assert abs(lost - 10 * np.log10(np.e) * (2.0 * k * rms_m) ** 2) < 1e-3


def test_furniture_scatters_what_it_does_not_mirror(figures):
    """Why: the rough side of a bookcase sends sound all round; where it is no mirror it is heard nevertheless.
    Set-up: a box all open, so that nothing comes back from walls, with a rough block in it; rays from a point towards the block, counted in a ball beside it;
    the image in the block's face.
    Expected: the image has the mirror share of the energy that a smooth block's has; the scattered share arrives by Lambert's law, integrated over the
    faces that both ends see, within 0.4 dB (16000 rays, of which 500 or more pass the ball: 0.2 dB).
    """
    share = 0.6
    heard = {}
    for name, scattering in (("smooth", 0.0), ("rough", share)):
        made = {"kind": "hard", "absorption": 0.1, "scattering": scattering, "angle_dependent": False}  # fmt: skip
        block = {"kind": "block", "name": "case", "from_m": [3.0, 1.4, 0.4], "to_m": [3.5, 2.8, 1.8], "surface": made}  # fmt: skip
        room = {"kind": "box", "size_m": list(SIZE_M), "surfaces": {name: {"kind": "opening"} for name in ("floor", "ceiling", "walls")}, "furniture": [block]}  # fmt: skip
        scene = scene_in(room, ((1.0, 3.2, 1.0), (1.6, 3.4, 1.1)), profile="ideal")
        device = {**scene.table["devices"][0], "position_m": [1.0, 2.0, 1.1]}
        scene = from_table({**scene.table, "devices": [device]}).sample()
        scene = dataclasses.replace(scene, air=Air(lossless=True))
        listener = listening(scene)
        known = legs(scene, listener, 1)
        gains = standing(scene, listener, known, np.array([TONE_HZ])).gains(listener.unit)[0, 0, 0]
        keys = [known.maps.key(n, sides_of(scene).names) for n in range(len(known))]
        heard[name] = gains[keys.index("case.side_4")]
    kept = abs(heard["rough"] / heard["smooth"]) ** 2
    np.testing.assert_allclose(kept, 1.0 - share, rtol=1e-6)
    source, ear = np.array([1.0, 2.0, 1.1]), np.array([1.4, 3.0, 1.3])
    rng = np.random.default_rng(5)
    aim = np.array([3.0, 1.4, 0.4]) + rng.random((16000, 3)) * np.array([0.0, 1.4, 1.4])
    way = aim - source
    far = np.linalg.norm(way, axis=1)
    towards = way[:, 0] / far
    energies = towards * 1.4**2 / far**2 / 16000  # of the solid angle that each stands for
    ball = Ball(ear, 0.6, 4.0 / 3.0 * np.pi * 0.6**3)
    found = crossings(sides_of(scene), scene.air, np.array([TONE_HZ]), source, way / far[:, None], energies, ball, 1, 3)  # fmt: skip
    got = float(found.energy[0, found.mirrors == SCATTERED].sum())
    back = ear + 0.6 * _in_ball(4000, rng)
    out = back[:, None] - aim[None, :400]
    reach = np.linalg.norm(out, axis=2)
    lambert = np.mean(0.9 * share * towards[:400] / far[:400] ** 2 * np.maximum(-out[..., 0] / reach, 0.0) / reach**2) * 1.4**2 / np.pi  # fmt: skip
    apart = 10 * np.log10(got / lambert)
    figures("scattered by a block against Lambert's law", apart, "dB", "+-0.4", f"{(found.mirrors == SCATTERED).sum()} passages")  # fmt: skip
    assert abs(apart) <= 0.4
    assert not np.any(found.mirrors >= 0)  # what it mirrors is told by its image


def _in_ball(count, rng):
    """Points (count, 3) evenly in a ball of radius 1."""
    out = rng.standard_normal((count, 3))
    return out / np.linalg.norm(out, axis=1)[:, None] * rng.random((count, 1)) ** (1.0 / 3.0)

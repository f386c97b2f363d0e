"""A shut door's gaps: slits against the published formula, and what they take from a room and bring back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from test_patches import scene_in

from usim.engine.rays import ABSORBED, LONGEST_M, Ball, crossings
from usim.engine.sides import sides_of
from usim.openings import door
from usim.physics.air import Air
from usim.physics.slit import slit_transmission, square_transmission
from usim.surfaces.base import surface

AIR = Air()
TONE_HZ = 32000.0
HALL = {"size_m": [1.4, 4.0, 2.5], "surface": "drywall_painted"}
LEAF = {"kind": "door", "name": "door", "wall": "south", "from_m": 0.6, "width_m": 0.85}


def published(width_m, depth_m, f_hz):
    """Gomperts and Kihlman (1967) for a plane wave square on a slit in the middle of a wall: without friction, k w below 1."""
    k = 2.0 * np.pi * f_hz / AIR.sound_speed_m_s * width_m
    deep = depth_m / width_m
    end = k * (np.log(8.0 / k) - 0.57722) / np.pi
    c2 = np.cos(end) ** 2
    turn = k * deep + 2.0 * end
    return 4.0 * k * c2 / (2.0 * (np.sin(turn) ** 2 / c2 + 0.5 * k**2 * (1.0 + np.cos(turn) * np.cos(k * deep))))  # fmt: skip


def test_a_slit_passes_what_is_published(figures):
    """Why: the level of a door's leak is that of its slits.
    Set-up: slits of 4 and 8 mm through 80 mm at 0.5 to 4 kHz, where k w stays below 0.6, over several resonances; all of it a hundred times larger and
    slower, where friction, which the formula of Gomperts and Kihlman (1967) leaves out, counts for next to nothing.
    Expected: within 1 dB in the median, whose end correction differs by little; the mean over frequency within 0.5 dB.
    """
    worst, means = [], []
    for width_m in (0.4, 0.8):
        f_hz = np.linspace(5.0, 40.0, 400)
        mine = np.array([square_transmission(width_m, 8.0, float(f), AIR) for f in f_hz])
        its = published(width_m, 8.0, f_hz)
        worst.append(float(np.median(np.abs(10.0 * np.log10(mine / its)))))
        means.append(float(10.0 * np.log10(mine.mean() / its.mean())))
    figures("slit against Gomperts and Kihlman, median", max(worst), "dB", "<= 1")
    figures("slit against Gomperts and Kihlman, mean over frequency", max(map(abs, means)), "dB", "<= 0.5")  # fmt: skip
    assert max(worst) <= 1.0
    assert max(map(abs, means)) <= 0.5


def test_a_wide_slit_passes_its_area(figures):
    """Why: an open door takes all that falls on it; a gap that grows must end there.
    Set-up: slits of two to five waves through 40 mm, in a diffuse field.
    Expected: 1 within 5 %, the edges' own diffraction.
    """
    shares = [slit_transmission(waves * 0.01072, 0.04, TONE_HZ, AIR) for waves in (2.0, 3.0, 5.0)]
    figures("wide slit in a diffuse field", float(max(shares)), "of its area", "0.95 to 1.05")
    assert min(shares) >= 0.95
    assert max(shares) <= 1.05


def test_a_shut_door_leaks_by_its_gaps(figures):
    """Why: what leaves under a door is missing in the tail, and a hall beyond sends a little of it back.
    Set-up: a door of 0.85 by 2 m with gaps of 4 mm under it and 1 mm round it, sealed, leading outside, and leading to a hall; a slit of the same
    aperture as an open hole.
    Expected: sealed it is its wood to the last bit; it takes about the area of its gaps; mirrored sound falls by that share; what comes back from the
    hall is what comes back through an open hole of the same aperture.
    """
    cos = np.linspace(0.05, 1.0, 20)
    wood = surface("wood_varnished")
    built = {}
    for name, more in (("sealed", {"gap_under_m": 0.0, "gap_round_m": 0.0}), ("outside", {}), ("hall", {"leads_to": HALL})):  # fmt: skip
        built[name] = door.build(door.Parameters.model_validate({**LEAF, **more})).parts[0].surface
    assert built["sealed"] == wood
    own, out, hall = (one.energy(cos, TONE_HZ, AIR) for one in (wood, built["outside"], built["hall"]))  # fmt: skip
    taken_m2 = 1.7 * float(out.transmitted[0])
    gaps_m2 = 0.004 * 0.85 + 0.001 * 4.85
    figures("a shut door leaks", 1e4 * taken_m2, "cm2", f"{1e4 * gaps_m2:.0f} cm2 of gaps, +-40 %")
    assert 0.6 <= taken_m2 / gaps_m2 <= 1.4
    lost = 10.0 * np.log10(out.mirror / own.mirror)
    np.testing.assert_allclose(lost, 10.0 * np.log10(1.0 - taken_m2 / 1.7), atol=1e-9)
    back = hall.scattered - out.scattered
    hole = surface({"kind": "opening", "area_m2": taken_m2, "beyond": HALL})
    beyond = float(hole.energy(1.0, TONE_HZ, AIR).scattered)
    figures("a hall sends back under a shut door", 100.0 * float(back[0]) * 1.7 / taken_m2, "% of what leaks", "as an open hole")  # fmt: skip
    assert float(back[0]) * 1.7 / taken_m2 == pytest.approx(beyond, rel=0.1)
    assert np.all(back > 0.0)


def test_what_leaks_is_missing_in_the_tail(figures):
    """Why: a leaking door must be felt by the room, by as much as its gaps take and no more.
    Set-up: a box without loss in air, walls and door that absorb nothing and scatter 0.9, the door with gaps of 8 mm under it and 3 mm round it, outside and
    to a hall; 16000 rays followed for 300 m, and what they lost.
    Expected: 1 - exp(-A L / (4 V)) (Kuttruff 2009, section 5.1), A the aperture of the slits, and that of the hall's balance less what it sends back,
    within 4 %.
    """
    hard = {"kind": "hard", "absorption": 0.0, "scattering": 0.9, "angle_dependent": False}
    leaky = {"kind": "door", "wall": "east", "from_m": 1.0, "width_m": 0.9, "height_m": 2.1, "surface": hard, "gap_under_m": 0.008, "gap_round_m": 0.003}  # fmt: skip
    hall = {"size_m": [1.0, 1.0, 2.5], "surface": {**hard, "absorption": 0.01}}
    for name, more in (("outside", {}), ("to a hall", {"leads_to": hall})):
        room = {"kind": "box", "size_m": [5.0, 4.0, 2.5], "surfaces": dict.fromkeys(("floor", "ceiling", "walls"), hard), "openings": [{**leaky, **more}]}  # fmt: skip
        scene = dataclasses.replace(scene_in(room, profile="ideal"), air=Air(lossless=True))
        n = np.arange(16000) + 0.5
        z, turn = 1.0 - 2.0 * n / 16000, np.pi * (1.0 + 5.0**0.5) * n
        flat = np.sqrt(1.0 - z * z)
        directions = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
        ball = Ball(np.array([2.6, 2.2, 1.25]), 0.1, 4.0 / 3.0 * np.pi * 0.1**3)
        found = crossings(sides_of(scene), scene.air, np.array([TONE_HZ]), np.array([1.1, 1.4, 0.9]), directions, np.full(16000, 1.0 / 16000), ball, -1, 7)  # fmt: skip
        lost = float(found.spent[0, ABSORBED] / found.spent[0].sum())
        slits = [(0.008, 0.9), (0.003, 0.9 + 4.2)]
        aperture = sum(wide * long * slit_transmission(wide, 0.04, TONE_HZ, scene.air) for wide, long in slits)  # fmt: skip
        if more:
            walls = 0.01 * (2.0 * (1.0 + 2.5 + 2.5) - 0.9 * 2.1)
            aperture *= 1.0 - aperture / (aperture + walls)
        wanted = 1.0 - np.exp(-aperture * LONGEST_M / (4.0 * 50.0))
        figures(f"lost through a shut door, {name}, over its gaps", lost / wanted, "", "0.96 to 1.04", "16000 rays")  # fmt: skip
        assert 0.96 <= lost / wanted <= 1.04

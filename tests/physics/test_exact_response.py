"""What the judge makes of delays: gains put together by hand for one path, sums, waveforms, refusals."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from exact_stage import (
    C20,
    PlainDevice,
    PlainEmission,
    PlainMover,
    PlainPiece,
    PlainRoom,
    PlainScene,
    PlainUnit,
    PlainWall,
    box,
    line,
    stage,
)

from usim.engine import exact

F = 32000.0


class ColouredAir:
    """Air whose loss rises with frequency."""

    sound_speed_m_s = C20

    def absorption_np_m(self, f_hz):
        return 0.1 * (np.asarray(f_hz) / F) ** 2


@dataclass(frozen=True)
class ColouredSurface:
    """A surface that depends on angle and frequency, with a phase."""

    strength: float
    wrinkle_rms_m: float = 0.0

    def reflection(self, cos_incidence, f_hz, air):
        c, f = np.asarray(cos_incidence), np.asarray(f_hz)
        return self.strength * (c - 0.2) / (c + 0.2) * np.exp(0.3j * f / F)


class ColouredUnit(PlainUnit):
    """Beam, shadow, drive and microphone that depend on everything they are given."""

    def drive_gain(self, driver, f_hz, carrier_hz):
        return 0.5 + 0.1j + 0.2 * driver

    def directivity(self, driver, cos_theta, f_hz):
        return (0.6 + 0.4 * cos_theta) * np.exp(0.2j * cos_theta)

    def leak(self, driver, mic, f_hz):
        return 0.01 + 0.02j

    def mic_directivity(self, cos_theta, f_hz):
        return 0.7 + 0.3 * cos_theta * (np.asarray(f_hz) / F) ** 3

    def mic_response(self, mic, f_hz):
        return 0.02 * np.exp(-1j * np.asarray(f_hz) / F) * (np.asarray(f_hz) / F)


SOURCE, MIC = np.array([1.0, 1.0, 1.2]), np.array([1.2, 1.5, 0.9])


def coloured(*movers, emission=None):
    walls = tuple(
        PlainWall(wall.name, wall.normal, wall.corners_m, ColouredSurface(0.5 + 0.05 * index))
        for index, wall in enumerate(box((5.0, 4.0, 3.0)).walls)
    )
    unit = ColouredUnit(SOURCE[None], MIC[None])
    device = PlainDevice(unit, emission or PlainEmission(np.array([F])))
    return PlainScene((device,), movers, PlainRoom(walls), ColouredAir())


def test_one_echo_by_hand(figures):
    """Why: every factor must be read at its own leg's direction and frequency.
    Set-up: a moving sphere; the driver mirrored in y1 (north), the microphone in x0 (west); all factors depend on angle
    and frequency. The legs are folded by hand: wall points, angles at the real devices, cosines of incidence.
    Expected: the judge's gain within 1e-12, relative.
    """
    ball = PlainMover(line([2.5, 2.2, 1.3], [2.0, -1.0, 0.3]), surface=ColouredSurface(0.8))
    scene = coloured(ball)
    pairs = {("target", 0): np.array([[[0, 1, 0], [-1, 0, 0]]])}
    block = next(exact.echoes(scene, F, [0.2], pairs=pairs))
    centre = ball.position(block.bounce_s[0])[0]
    image = np.array([SOURCE[0], 8.0 - SOURCE[1], SOURCE[2]])
    ear = np.array([-MIC[0], MIC[1], MIC[2]])
    point, _, spread = exact.fermat_point(image - centre, ear - centre, (0.1, 0.1, 0.1))
    point = point[0] + centre
    north = image + (point - image) * (image[1] - 4.0) / (image[1] - point[1])
    west = ear + (point - ear) * ear[0] / (ear[0] - point[0])
    r1 = np.linalg.norm(north - SOURCE) + np.linalg.norm(point - north)
    r2 = np.linalg.norm(west - MIC) + np.linalg.norm(point - west)
    leaving = (north - SOURCE) / np.linalg.norm(north - SOURCE)
    hearing = (west - MIC) / np.linalg.norm(west - MIC)
    into_north, into_west = (point - north)[1], (point - west)[0]
    cos_north = abs(into_north) / np.linalg.norm(point - north)
    cos_west = abs(into_west) / np.linalg.norm(point - west)
    u1 = (north - point) / np.linalg.norm(north - point)
    u2 = (west - point) / np.linalg.norm(west - point)
    half = 0.5 * np.linalg.norm(u1 + u2)
    f2 = F * block.ratio[0, 0]
    unit, air, walls = scene.devices[0].unit, scene.air, scene.room.walls
    expected = (
        unit.drive_gain(0, F, F)
        * unit.directivity(0, leaving[0], F)
        * walls[3].surface.reflection(cos_north, F, air)
        * spread[0]
        * exact.fade(half)
        * ball.surface.reflection(half, F, air)
        * walls[0].surface.reflection(cos_west, f2, air)
        * unit.mic_directivity(hearing[0], f2)
        * np.exp(-air.absorption_np_m(F) * (r1 - 1.0) - air.absorption_np_m(f2) * r2)
        * unit.mic_response(0, f2)
    )
    off = abs(block.gain[0, 0] / expected - 1.0)
    figures("exact: one echo by hand", off, "relative", "<= 1e-12")
    assert abs(f2 - F) > 10.0
    assert block.delay_s[0, 0] == pytest.approx((r1 + r2) / C20, abs=1e-14)
    assert off <= 1e-12


def test_static_paths_by_hand():
    """Why: the direct path leaks around the housing, all others pass beam, walls, shadow and air.
    Set-up: the same room without movers; the direct path and the one over the floor and the west wall.
    Expected: the factors of the contract within 1e-12.
    """
    scene = coloured()
    unit, air, walls = scene.devices[0].unit, scene.air, scene.room.walls
    rows = {tuple(row["key"].tolist()): row for row in exact.static_paths(scene)}
    direct = np.linalg.norm(SOURCE - MIC)
    near = np.exp(-0.1 * (direct - 1.0)) / direct * unit.mic_response(0, F)
    expected = unit.drive_gain(0, F, F) * unit.leak(0, 0, F) * near
    assert rows[(0, 0, 0)]["gain"] == pytest.approx(expected, rel=1e-12)
    image = np.array([-SOURCE[0], SOURCE[1], -SOURCE[2]])
    way = MIC - image
    r = np.linalg.norm(way)
    way = way / r
    expected = (
        unit.drive_gain(0, F, F)
        * unit.directivity(0, -way[0], F)
        * walls[0].surface.reflection(abs(way[0]), F, air)
        * walls[4].surface.reflection(abs(way[2]), F, air)
        * unit.mic_directivity(-way[0], F)
        * np.exp(-0.1 * (r - 1.0))
        / r
        * unit.mic_response(0, F)
    )
    assert rows[(-1, 0, -1)]["gain"] == pytest.approx(expected, rel=1e-12)
    rest = exact.tone_response(scene, 0, [0.0, 1.0], static=True)
    phases = np.exp(-2j * np.pi * F * np.array([row["delay_s"] for row in rows.values()]))
    total = (np.array([row["gain"] for row in rows.values()]) * phases).sum()
    np.testing.assert_allclose(rest, total, rtol=1e-12)


def test_sums_pairs_and_names():
    """Why: the fast engine is compared on the same set of pairs, so both must mean the same ones.
    Set-up: two movers, order 2; all pairs, then the same chosen by key and by position.
    Expected: rows add up to movers and to the sum; keys and positions choose the same rows.
    """
    first = PlainMover(line([2.5, 2.2, 1.3], [2.0, -1.0, 0.3]), name="first")
    second = PlainMover(line([3.5, 1.2, 1.0], [0.0, 1.0, 0.0]), (0.1, 0.2, 0.3), name="second")
    scene = coloured(first, second)
    t = np.linspace(0.1, 0.11, 7)
    whole = exact.tone_response(scene, 0, t, order=2)
    parts = exact.tone_response(scene, 0, t, order=2, per="mover")
    rows = exact.tone_response(scene, 0, t, order=2, per="pair")
    names = exact.pair_rows(scene, order=2)
    assert parts.shape == (3, 7)
    assert len(rows) == len(names) == 2 * 25 * 25
    np.testing.assert_allclose(parts.sum(axis=0), whole, rtol=1e-12)
    np.testing.assert_allclose(rows[:625].sum(axis=0), parts[1], rtol=1e-9)
    alone = exact.tone_response(scene, 0, t, order=2, movers=["second"], static=False)
    np.testing.assert_allclose(alone, parts[2], rtol=1e-12)
    chosen = [700, 11, 30, 640, 644]
    by_key, by_place = {}, {}
    walls = scene.room.walls
    out, back = (exact.mirror_images(walls, point, 2) for point in (SOURCE, MIC))
    for row in sorted(chosen):
        _, mover, piece, going, coming, _ = names[row]
        by_key.setdefault((mover, piece), []).append([going, coming])
        i, j = out.find(np.array([going]))[0], back.find(np.array([coming]))[0]
        by_place.setdefault((mover, piece), []).append([out.position_m[i], back.position_m[j]])
    for asked, kind in ((by_key, int), (by_place, float)):
        pairs = {key: np.array(value, dtype=kind) for key, value in asked.items()}
        some = exact.tone_response(scene, 0, t, order=2, pairs=pairs, per="pair")
        np.testing.assert_allclose(some, rows[sorted(chosen)], rtol=1e-9, atol=1e-15)


@dataclass(frozen=True, eq=False)
class Stepped(PlainEmission):
    """A tone that comes on at 0.1 s with a raised cosine of 5 ms."""

    steady: bool = False

    def envelope(self, t_s):
        share = np.clip((t_s - 0.1) / 0.005, 0.0, 1.0)
        return np.tile(0.5 - 0.5 * np.cos(np.pi * share), (len(self.carriers_hz), 1))


def test_emission_is_read_when_it_left():
    """Why: on, off and level steps arrive late, by a different time on every path.
    Set-up: a tone that comes on at 0.1 s, static paths and a moving sphere, order 1.
    Expected: each path is the steady one times the envelope at its own time of emission.
    """
    ball = PlainMover(line([2.5, 2.2, 1.3], [2.0, -1.0, 0.3]))
    emission = Stepped(np.array([F]))
    t = np.linspace(0.099, 0.16, 62)
    stepped = exact.tone_response(coloured(ball, emission=emission), 0, t, order=1)
    scene = coloured(ball)
    expected = np.zeros(len(t), dtype=complex)
    for row in exact.static_paths(scene, order=1):
        turn = np.exp(-2j * np.pi * F * row["delay_s"])
        expected += row["gain"] * turn * emission.envelope(t - row["delay_s"])[0]
    for block in exact.echoes(scene, F, t, order=1):
        for gain, delay in zip(block.gain, block.delay_s, strict=True):
            turn = np.exp(-2j * np.pi * F * delay)
            expected += gain * turn * emission.envelope(t - delay)[0]
    assert abs(stepped[0]) == 0.0
    np.testing.assert_allclose(stepped, expected, rtol=1e-9, atol=1e-15)


def test_waveform_of_a_tone_is_the_tone():
    """Why: the two ways out must be one physics.
    Set-up: the analytic signal of the steady tone as a waveform; and a tone modulated at 300 Hz on one echo.
    Expected: the tone's envelope turned by exp(jwt), within the rounding of wt; the modulation late by the delay.
    """
    ball = PlainMover(line([2.5, 2.2, 1.3], [2.0, -1.0, 0.3]))
    scene = coloured(ball)
    t = 0.2 + np.arange(20) / 96000.0
    wave = exact.waveform(scene, lambda s: np.exp(2j * np.pi * F * s), t, centre_hz=F, order=1)
    tone = exact.tone_response(scene, 0, t, order=1) * np.exp(2j * np.pi * F * t)
    np.testing.assert_allclose(wave, tone, rtol=1e-8)
    one = {("target", 0): np.zeros((1, 2, 3), dtype=int)}

    def music(s):
        return (1.0 + 0.5 * np.cos(2.0 * np.pi * 300.0 * s)) * np.exp(2j * np.pi * F * s)

    what = {"pairs": one, "static": False}
    wave = exact.waveform(scene, music, t, centre_hz=F, **what)
    block = next(exact.echoes(scene, F, t, pairs=one))
    np.testing.assert_allclose(wave, block.gain[0] * music(t - block.delay_s[0]), rtol=1e-12)


def test_two_drivers_add_up():
    """Why: a device may play through several cones; positions of images then belong to one of them.
    Set-up: two drivers, order 1; the pairs of the second driver chosen by position.
    Expected: the sum over drivers is the response, and the chosen pairs are the second driver's.
    """
    ball = PlainMover(line([2.5, 2.2, 1.3], [0.0, -1.0, 0.0]))
    scene = coloured(ball)
    unit = ColouredUnit(np.array([SOURCE, SOURCE + [0.1, 0.0, 0.05]]), MIC[None])
    scene = replace(scene, devices=(replace(scene.devices[0], unit=unit),))
    t = [0.1, 0.2]
    whole = exact.tone_response(scene, 0, t, order=1)
    apart = [exact.tone_response(scene, 0, t, order=1, driver=index) for index in (0, 1)]
    np.testing.assert_allclose(whole, apart[0] + apart[1], rtol=1e-12)
    place = np.array([[unit.drivers_m[1], MIC]])
    chosen = list(exact.echoes(scene, F, t, pairs={("target", 0): place}))
    assert [block.driver for block in chosen] == [1]


def test_refusals():
    """Why: what the judge does not know it must not guess.
    Set-up: a shape it does not know, pairs that are no images, a silent device, a wrong word, a mover that jumps about.
    Expected: one line that names the place.
    """
    ball = PlainMover(line([2.5, 2.2, 1.3], [0.0, -1.0, 0.0]))

    class Sail(PlainMover):
        @property
        def pieces(self):
            return (PlainPiece((0.1, 0.2), shape="sail"),)

    with pytest.raises(ValueError, match=r"movers.target.pieces\[0\]: shape 'sail'"):
        exact.tone_response(stage(SOURCE, MIC, Sail(ball.position)), 0, [0.0])
    scene = stage(SOURCE, MIC, ball)
    with pytest.raises(ValueError, match="no such piece; movers are target"):
        exact.tone_response(scene, 0, [0.0], pairs={("ball", 0): np.zeros((1, 2, 3), dtype=int)})
    for wrong in (
        np.array([[[9, 0, 0], [0, 0, 0]]]),
        np.array([[SOURCE, MIC + 0.1]]),
        np.array([[SOURCE + 0.1, MIC]]),
    ):
        with pytest.raises(ValueError, match="no image"):
            exact.tone_response(scene, 0, [0.0], pairs={("target", 0): wrong})
    with pytest.raises(ValueError, match=r"give \(n, 2, 3\)"):
        exact.tone_response(scene, 0, [0.0], pairs={("target", 0): np.zeros((4, 2), dtype=int)})
    with pytest.raises(ValueError, match="per: 'all'"):
        exact.tone_response(scene, 0, [0.0], per="all")
    with pytest.raises(ValueError, match="poses: 'guess'"):
        exact.tone_response(scene, 0, [0.0], poses="guess")
    with pytest.raises(ValueError, match="at one point"):
        exact.static_paths(stage(SOURCE, SOURCE))
    silent = replace(scene, devices=(replace(scene.devices[0], emission=None),))
    with pytest.raises(ValueError, match="stage: emits nothing"):
        exact.tone_response(silent, 0, [0.0])
    noise = np.random.default_rng(1)
    shaky = PlainMover(lambda t: np.array([2.5, 2.2, 1.3]) + 0.01 * noise.normal(size=(len(t), 3)))
    with pytest.raises(RuntimeError, match=r"movers.target: its motion is too rough"):
        exact.tone_response(stage(SOURCE, MIC, shaky), 0, [0.0])

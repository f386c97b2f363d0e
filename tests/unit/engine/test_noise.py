"""Noise stems: level, spectrum, independence, and the same bytes in any window."""

import time
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from usim.devices import profile
from usim.devices.unit import Unit
from usim.engine.located_noise import place
from usim.engine.noise import Grid, Noises, _box_muller, gaussian_spectrum, stems
from usim.movers import sphere
from usim.noises import hiss, white_ultrasonic
from usim.physics.air import Air
from usim.rooms import box
from usim.rooms.base import AbstractRoom, Wall
from usim.surfaces.base import AbstractSurface
from usim.template.streams import stream

AT = np.array([0.3, 2.0, 0.85])
NOISY = b"""\
usim: profile/1
name: noisy
drivers: [{name: main, position_m: [0.0, 0.0, 0.0]}]
microphones:
  - {name: m1, position_m: [0.0, 0.005, 0.0]}
  - {name: m2, position_m: [0.0, -0.005, 0.0]}
capsule: {self_noise: {density_db_spl: -12.0}}
converter: {rates_hz: [44100, 48000, 96000, 192000]}
"""


class Mirror(AbstractSurface):
    """A surface with one real reflection factor at any angle and frequency."""

    provenance = "test"
    band_hz = (0.0, 1e6)

    def __init__(self, factor: float):
        self.factor = factor

    def reflection(self, cos_incidence, f_hz, air):
        return np.full(np.broadcast(cos_incidence, f_hz).shape, self.factor, dtype=complex)

    def transmission(self, cos_incidence, f_hz, air):
        raise NotImplementedError

    def energy(self, cos_incidence, f_hz, air):
        raise NotImplementedError


class Room(AbstractRoom):
    """A box of mirrors."""

    def __init__(self, factor: float):
        surfaces = dict.fromkeys(("floor", "ceiling", "walls"), "concrete_painted")
        text = {"kind": "box", "size_m": [5.2, 4.1, 2.6], "surfaces": surfaces}
        plain = box.build(box.Parameters.model_validate(text))
        self.walls = tuple(Wall(w.name, w.corners_m, w.normal, Mirror(factor)) for w in plain.walls)

    def contains(self, points_m, margin_m=0.0):
        raise NotImplementedError

    def foot_m(self, wall):
        raise NotImplementedError


def device(product: profile.Profile, serial=None):
    return SimpleNamespace(
        name="shelf",
        unit=Unit(product, serial),
        position_m=AT,
        world=lambda x: np.asarray(x) + AT,
        world_axes=lambda x: np.asarray(x),
    )


def scene(shelf, noises=(), movers=(), reflection=0.0, air=None, seed=3):
    return SimpleNamespace(
        seed=seed,
        noises=noises,
        movers=movers,
        devices=(shelf,),
        room=Room(reflection),
        furniture=(),
        patches=(),
        air=air or Air(lossless=True),
    )


def a_hiss(**more):
    table = {"kind": "hiss", "name": "tap", "level_db_spl": 60.0} | more
    return hiss.build(hiss.Parameters.model_validate(table))


def a_ball(points, at_s=(0.0, 4.0)):
    track = {"at_s": list(at_s), "through_m": [list(p) for p in points], "path": "linear"}
    table = {"kind": "sphere", "name": "ball", "radius_m": 0.1, "track": track}
    return sphere.build(sphere.Parameters.model_validate(table), None)


@pytest.fixture(scope="module")
def noisy() -> profile.Profile:
    return profile.parse(NOISY, "noisy.yaml")


@pytest.fixture(scope="module")
def ideal() -> profile.Profile:
    return profile.load("ideal")


@pytest.mark.parametrize("rate_hz", [44100, 48000, 96000, 192000])
def test_self_noise_has_its_density_up_to_the_pass_band(noisy, rate_hz):
    """-12 dB SPL/rtHz; 3.2 s in 1 kHz bands: sd of a band 0.08 dB, bound at 0.4."""
    shelf = device(noisy)
    x = stems(scene(shelf), shelf, range(10), rate_hz=rate_hz)["self_noise"][0].astype(float)
    density = np.abs(np.fft.rfft(x)) ** 2 * 2 / (rate_hz * len(x))
    f = np.fft.rfftfreq(len(x), 1 / rate_hz)
    wanted = 20e-6 * 10 ** (-12 / 20) * shelf.unit.converter.fs_per_pascal
    edge = shelf.unit.converter.at(rate_hz).pass_edge_hz
    for low in np.arange(1e3, edge - 1e3, 1e3):
        band = (f >= low) & (f < low + 1e3)
        assert abs(10 * np.log10(np.mean(density[band]) / wanted**2)) < 0.4
    assert np.max(density[f > 0.499 * rate_hz]) < 1e-3 * wanted**2


def test_the_level_is_the_same_in_joints_and_between(noisy):
    """Variance by position inside a chunk, over 60 chunks and 2 microphones: 1.5 % sd a bin of 64 parts."""
    shelf = device(noisy)
    x = stems(scene(shelf), shelf, range(60))["self_noise"].astype(float)
    parts = x.reshape(2, 60, 64, -1)
    power = np.mean(parts**2, axis=(0, 1, 3))
    assert np.max(np.abs(power / np.mean(power) - 1)) < 0.03


def test_self_noise_is_gaussian_and_independent(noisy):
    shelf = device(noisy)
    x = stems(scene(shelf), shelf, range(12))["self_noise"].astype(float)
    for row in x:
        kurtosis = np.mean(row**4) / np.mean(row**2) ** 2
        assert abs(kurtosis - 3.0) < 6 * np.sqrt(24 / len(row))
        assert abs(np.corrcoef(row[:-30720], row[30720:])[0, 1]) < 0.01
    assert abs(np.corrcoef(x)[0, 1]) < 0.01


def test_seeds_and_devices_make_other_noise_and_nothing_else_does(noisy):
    shelf = device(noisy)
    one = stems(scene(shelf), shelf, range(2))["self_noise"]
    with_more = stems(scene(shelf, (a_hiss(at=[3.0, 1.0, 1.0]),)), shelf, range(2))["self_noise"]
    assert np.array_equal(one, with_more)
    assert not np.array_equal(one, stems(scene(shelf), shelf, range(2), noise_seed=1)["self_noise"])
    assert not np.array_equal(one, stems(scene(shelf, seed=4), shelf, range(2))["self_noise"])


def test_any_window_has_the_same_bytes(noisy):
    """Self-noise, everywhere (diffuse), located at rest, located on a mover; also before time zero."""
    shelf = device(noisy)
    bell = white_ultrasonic.build(
        white_ultrasonic.Parameters.model_validate(
            {"kind": "white_ultrasonic", "name": "bg", "level_db_spl": 20.0, "diffuse": True}
        )
    )
    still = a_hiss(at=[3.0, 1.0, 1.0])
    keys = a_hiss(name="keys", at={"mover": "ball"}, when=[[0.5, 1.2]])
    ball = a_ball([[3.0, 1.0, 1.2], [1.0, 2.0, 1.2]])
    world = scene(shelf, (bell, still, keys), (ball,), reflection=0.7)
    whole = Noises(world, shelf).stems(range(-1, 6))
    part = Noises(world, shelf).stems(range(2, 4))
    assert list(part) == ["self_noise", "noise.bg", "noise.tap", "noise.keys"]
    for name, rows in part.items():
        assert np.array_equal(rows, whole[name][:, 3 * 30720 : 5 * 30720])


def test_a_noiseless_unit_has_no_self_noise(ideal):
    shelf = device(ideal)
    assert stems(scene(shelf), shelf, range(1)) == {}


def test_noise_everywhere_has_its_level_at_the_microphone(noisy):
    shelf = device(noisy)
    table = {
        "kind": "white_ultrasonic",
        "name": "bg",
        "level_db_spl": 40.0,
        "band_hz": [25e3, 40e3],
        "when": [[0.0, 1.0]],
    }
    bg = white_ultrasonic.build(white_ultrasonic.Parameters.model_validate(table))
    rows = (
        stems(scene(shelf, (bg,)), shelf, range(5))["noise.bg"] / shelf.unit.converter.fs_per_pascal
    )
    on = rows[:, 1000:95000].astype(float)
    level = 20 * np.log10(np.sqrt(np.mean(on**2, axis=1)) / 20e-6)
    assert np.max(np.abs(level - 40.0)) < 0.2
    assert abs(np.corrcoef(on)[0, 1]) < 0.03
    assert not rows[:, 97000:].any()


def test_a_diffuse_field_has_the_coherence_of_its_spacing(noisy):
    """sin(kd)/(kd) at 10 mm; real part averaged over 2 kHz and 6 s: sd 0.006."""
    shelf = device(noisy)
    table = {"kind": "white_ultrasonic", "name": "bg", "level_db_spl": 40.0, "diffuse": True}
    bg = white_ultrasonic.build(white_ultrasonic.Parameters.model_validate(table))
    world = scene(shelf, (bg,))
    x = stems(world, shelf, range(20))["noise.bg"].astype(float)
    spectra = np.fft.rfft(x.reshape(2, -1, 4096), axis=-1)
    f = np.fft.rfftfreq(4096, 1 / 96000)
    for low in (22e3, 26e3, 34e3, 40e3):
        band = (f >= low) & (f < low + 2e3)
        a, b = spectra[0][:, band], spectra[1][:, band]
        found = np.mean(a * b.conj()) / np.sqrt(np.mean(abs(a) ** 2) * np.mean(abs(b) ** 2))
        kd = 2 * np.pi * (low + 1e3) * 0.01 / world.air.sound_speed_m_s
        assert abs(found - np.sin(kd) / kd) < 0.04


def source_at_1_m(world, noise, chunks, noise_seed=0):
    """The source's own signal in Pa, made here from the stream and joined as documented."""
    grid = Grid(96000)
    blocks = [
        noise.pressure(
            stream(world.seed, f"noises.{noise.name}.noise_{noise_seed}.chunk_{k}"),
            grid.block,
            96000,
        )
        for k in range(chunks.start - 1, chunks.stop)
    ]
    return np.concatenate([grid.join(a, b) for a, b in pairwise(blocks)])


def test_a_still_source_arrives_late_spread_and_damped(ideal):
    """Direct path and one order of mirrors against a sum over paths of the source's own spectrum."""
    shelf = device(ideal)
    point = np.array([3.0, 1.0, 1.2])
    noise = a_hiss(at=point.tolist(), band_hz=[25e3, 42e3])
    air = Air()
    world = scene(shelf, (noise,), reflection=0.5, air=air)
    heard = stems(world, shelf, range(1, 4))["noise.tap"][0] / shelf.unit.converter.fs_per_pascal
    chunks = range(0, 4)
    sent = source_at_1_m(world, noise, chunks)
    spectrum = np.fft.rfft(sent)
    f = np.fft.rfftfreq(len(sent), 1 / 96000)
    mic = shelf.world(shelf.unit.mics_m)[0]
    size = np.array([5.2, 4.1, 2.6])
    total = np.zeros(len(f), dtype=complex)
    axes = range(-2, 3)
    for nx, ny, nz in [(a, b, c) for a in axes for b in axes for c in axes]:
        order = abs(nx) + abs(ny) + abs(nz)
        if order > 2:
            continue
        n = np.array([nx, ny, nz])
        image = np.where(n % 2 == 0, n * size + point, (n + 1) * size - point)
        r = np.sqrt(np.sum((image - mic) ** 2))
        loss = np.exp(-air.absorption_np_m(f) * (r - 1))
        total += 0.5**order * loss / r * np.exp(-2j * np.pi * f * r / air.sound_speed_m_s)
    wanted = np.fft.irfft(spectrum * total, len(sent))[30720:]
    error_db = 10 * np.log10(np.mean((heard - wanted) ** 2) / np.mean(wanted**2))
    assert error_db < -55.0


def test_a_mover_at_rest_sounds_as_a_point_does():
    """Two routes to one number: overlap-save against filters and the delay line, within -55 dB to 40 kHz."""
    shelf = device(profile.load("puck_4mic"), 5)
    point = [3.0, 1.0, 1.2]
    ball = a_ball([point, point])
    band = [25e3, 40e3]
    one = scene(shelf, (a_hiss(at=point, band_hz=band),), (ball,), reflection=0.8, air=Air())
    two = scene(shelf, (a_hiss(at={"mover": "ball"}, band_hz=band),), (ball,), 0.8, Air())
    a = stems(one, shelf, range(2))["noise.tap"].astype(float)
    b = stems(two, shelf, range(2))["noise.tap"].astype(float)
    assert 10 * np.log10(np.mean((a - b) ** 2) / np.mean(a**2)) < -55.0


def test_a_moving_source_is_heard_at_its_retarded_time(ideal):
    """Free field, 3 m/s: p(t) = s(t_e)/r(t_e) with t_e = t - r(t_e)/c, s read by a sinc of 512 taps."""
    shelf = device(ideal)
    start, speed = np.array([3.5, 2.05, 0.85]), np.array([-1.0, 0.0, 0.0]) * 2.0
    ball = a_ball([start, start + speed * 1.28], (0.0, 1.28))
    noise = a_hiss(at={"mover": "ball"}, band_hz=[30e3, 38e3])
    world = scene(shelf, (noise,), (ball,))
    heard = stems(world, shelf, range(1, 3))["noise.tap"][0] / shelf.unit.converter.fs_per_pascal
    sent = source_at_1_m(world, noise, range(0, 4))
    t = 0.32 + np.arange(2 * 30720) / 96000
    mic = shelf.world(shelf.unit.mics_m)[0]
    c = world.air.sound_speed_m_s
    emitted = t.copy()
    for _ in range(20):
        where = start + speed * np.clip(emitted, 0, 1.28)[:, None]
        r = np.sqrt(np.sum((where - mic) ** 2, axis=1))
        emitted = t - r / c
    picked = np.arange(3000, len(t) - 3000, 97)
    at = emitted[picked] * 96000
    whole = np.floor(at).astype(int)
    taps = np.arange(-255, 257)
    x = taps - (at - whole)[:, None]
    kernel = np.sinc(x) * np.cos(np.pi * x / 514) ** 2
    wanted = np.sum(sent[whole[:, None] + taps] * kernel, axis=1) / r[picked]
    error_db = 10 * np.log10(np.mean((heard[picked] - wanted) ** 2) / np.mean(wanted**2))
    assert error_db < -50.0


def test_a_noise_that_sounds_while_moving_is_silent_at_rest(ideal):
    shelf = device(ideal)
    ball = a_ball([[3.0, 1.0, 1.2], [2.0, 1.0, 1.2]], (1.0, 2.0))
    world = scene(shelf, (a_hiss(at={"mover": "ball"}, when="moving"),), (ball,))
    rows = stems(world, shelf, range(9))["noise.tap"]
    t = np.arange(rows.shape[1]) / 96000
    loud = np.max(np.abs(rows[:, (t > 1.1) & (t < 1.9)]))
    assert np.max(np.abs(rows[:, (t < 0.9) | (t > 2.1)])) < 1e-5 * loud  # rounding


def test_speed_does_not_depend_on_the_window():
    world = SimpleNamespace(movers=(a_ball([[0, 0, 0], [1, 0, 0]], (0.0, 1.0)),), devices=())
    _, speed = place(world, a_hiss(at={"mover": "ball"}).at)
    t = np.arange(0, 1000) / 1000.0
    assert np.array_equal(speed(t)[200:300], speed(t[200:300]))
    assert speed(np.array([0.5]))[0] == pytest.approx(1.0)


def test_gaussian_numbers_are_their_twin():
    """+-r (cos t -+ sin t), r^2 = -ln u, t in 2^-32 of a turn from minus an eighth on; ends included."""
    rng = np.random.default_rng(5)
    count = 100_000
    uniform, turns = rng.integers(0, 2**32, (2, count), dtype=np.uint32)
    uniform[:3], turns[:3] = (0, 2**32 - 1, 2**31), (0, 2**32 - 1, 2**30 - 1)
    sizes = rng.uniform(0.1, 3, count).astype(np.float32)
    out = np.empty(count, np.complex64)
    _box_muller(uniform, turns, sizes, out)
    log = np.log(uniform.astype(np.float32) + np.float32(0.5), dtype=float) - 32 * np.log(2)
    r = np.sqrt(np.maximum(-log, 0))
    t = 2 * np.pi * ((turns & (2**30 - 1)).astype(float) - 2**29) * 2.0**-32
    for part, sign, wanted in (
        (out.real, turns >> 31, r * (np.cos(t) - np.sin(t))),
        (out.imag, turns >> 30 & 1, r * (np.cos(t) + np.sin(t))),
    ):
        found = part / sizes
        # near u = 1 the logarithm is a difference of numbers of its own size: r^2 is right to 2e-7, not r
        np.testing.assert_allclose(found**2, wanted**2, rtol=2e-6, atol=2e-6)
        assert np.array_equal(np.signbit(part), sign == 1)


def test_gaussian_numbers_have_unit_parts_and_long_tails():
    """2^20 numbers: variance within 5 sd, kurtosis 3, and the largest above 4.5 sd as it should be."""
    z = np.empty(1 << 20, np.complex64)
    gaussian_spectrum(stream(0, "test"), np.ones(1 << 20, np.float32), z)
    for part in (z.real.astype(float), z.imag.astype(float)):
        assert abs(np.mean(part**2) - 1) < 5 * np.sqrt(2 / len(part))
        assert abs(np.mean(part**4) - 3) < 5 * np.sqrt(96 / len(part))
        assert 4.4 < np.max(np.abs(part)) < 6.7


@pytest.mark.slow
def test_noise_is_cheap(figures):
    """Why: noise must not cost more than echoes. 4 microphones, 96 kHz, one thread, processor time of 3.2 s
    of sound after a warm chunk, best of 3, scaled to 10 s. Asserted with room for busy neighbours.
    """
    shelf = device(profile.load("puck_4mic"), 5)
    ball = a_ball([[3.0, 1.0, 1.2], [1.0, 3.0, 1.2]], (0.0, 10.0))
    for name, at, bar in (
        ("self-noise", None, 0.15),
        ("a source at rest", [3.0, 1.0, 1.2], 1.0),
        ("a source on a mover", {"mover": "ball"}, 5.0),
    ):
        noises = () if at is None else (a_hiss(at=at),)
        world = scene(shelf, noises, (ball,), reflection=0.8, air=Air())
        times = []
        for _ in range(3):
            maker = Noises(world, shelf)._makers["noise.tap" if noises else "self_noise"]
            maker(0)
            start = time.process_time()
            for chunk in range(1, 11):
                maker(chunk)
            times.append((time.process_time() - start) * 3.125)
        figures(f"noise of 10 s: {name}", min(times), "s", f"<= {bar} when idle", 3)
        assert min(times) < 3 * bar

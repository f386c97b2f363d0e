"""Chirps, FMCW and pulses: static paths and a sphere against closed forms, a sphere and a walker against `exact`."""

from __future__ import annotations

import copy
import dataclasses
import time

import numpy as np
import pytest
from free_field import NAME, RIGID, ball, heard
from sweeping import judged
from tumblers import at_one_place, decibels, energy, images_of, received, traced, tumbling, weights

from usim.emissions.base import AbstractEmission
from usim.engine.baseband import envelopes
from usim.engine.dressing import kernel_order
from usim.engine.paths import listening, trace_device
from usim.engine.selection import QUALITIES
from usim.scene.covering import coverings
from usim.scene.template import from_table, load

CHIRPS = {
    "kind": "chirps",
    "from_hz": 32000,
    "to_hz": 40000,
    "length_s": 0.006,
    "every_s": 0.02,
    "level_db_spl": 80,
}
FMCW = {"kind": "fmcw", "from_hz": 32000, "to_hz": 38000, "sweep_s": 0.02, "level_db_spl": 80}
PULSES = {"kind": "pulses", "carrier_hz": 37000, "cycles": 48, "every_s": 0.01, "level_db_spl": 80}
EMISSIONS = {"chirps": CHIRPS, "fmcw": FMCW, "pulses": PULSES}
SHORT = {
    f"pulses of {n} cycles": {**PULSES, "cycles": n} for n in (10, 16)
}  # 48 and 32 kHz of baseband


def emitting(scene, emission, rigid=False):
    """The scene with another emission; rigid: its surfaces are so at any frequency."""
    table = copy.deepcopy(scene.table)
    if rigid:
        anyhow = RIGID | {"band_hz": [10000, 80000]}
        table["room"]["surfaces"] = {side: anyhow for side in ("floor", "ceiling", "walls")}
        table["movers"][0]["surface"] = anyhow
    table["devices"][0]["emits"] = emission
    table["render"].pop("baseband_rate_hz", None)
    return from_table(table).sample()


def middle(paths, stem):
    """Times and one stem's envelope (mic, sample) within the window."""
    found = envelopes(paths, paths.device.unit)[stem][:, 0]
    before = (found.shape[1] - paths.samples) // 2
    t_s = (paths.start + np.arange(paths.samples)) / paths.rate_hz
    return t_s, found[:, before : before + paths.samples]


@pytest.mark.parametrize("kind", EMISSIONS)
def test_direct_path(kind, figures):
    """Why: what is received over a still path is what was sent, late, weaker, and filtered by the air between.
    Set-up: `ideal` in free field, microphone 5 cm beside the source; what was sent at the sender's own times, the part of its spectrum
    within the emission's band, filtered by ISO 9613-1 for 5 cm less 1 m.
    Expected: residual energy <= -60 dB.
    """
    scene = emitting(ball((3.0, 0.2, 0.1), (-1.4, 0.3, 0.0), 0.3), EMISSIONS[kind])
    paths = heard(scene, 0.1)
    t_s, found = middle(paths, "direct")
    emission, c = paths.device.emission, scene.air.sound_speed_m_s
    centre, (low, high) = emission.carriers_hz[0], emission.band_hz
    rate, tau = 16 * paths.rate_hz, 0.05 / c
    start = t_s[0] - tau - 0.05
    grid = start + np.arange(round(0.2 * rate)) / rate
    offset = np.fft.fftfreq(len(grid), 1.0 / rate)
    inside = np.clip((0.55 * (high - low) - np.abs(offset)) / (0.05 * (high - low)), 0.0, 1.0)
    lost = np.exp(0.95 * scene.air.absorption_np_m(np.clip(centre + offset, 1e3, 9e4)))
    spectrum = np.fft.fft(emission.envelope(grid)[0]) * lost * (0.5 - 0.5 * np.cos(np.pi * inside))
    late = np.fft.ifft(spectrum)[round(0.05 * rate) :: 16][: len(t_s)]
    pascal = np.sqrt(2) * 20e-6 * 10**4 * paths.device.unit.mic_response(0, centre)
    expected = pascal / 0.05 * late * np.exp(-2j * np.pi * centre * tau)
    residual = decibels(energy(found[0] - expected) / energy(expected))
    figures(f"{kind}, direct path against closed form", residual, "dB", "<= -60", len(t_s))
    assert residual <= -60.0


@pytest.mark.parametrize("kind", [*EMISSIONS, *SHORT])
def test_sphere_against_exact(kind, figures):
    """Why: delay, Doppler factor and the air's slope over the band must be right together while the sphere flies.
    Set-up: rigid sphere of 0.1 m at 3 m, 3 m/s and askew, free field, `ideal`, 40 ms; the judge in sub-bands of 2 kHz.
    Expected: residual energy over echo energy <= -40 dB in `standard`.
    """
    emission = (EMISSIONS | SHORT)[kind]
    scene = emitting(ball((3.0, 0.2, 0.1), (-2.9, 0.7, 0.0), 0.3), emission, rigid=True)
    paths = heard(scene, 0.04)
    t_s, found = middle(paths, f"mover.{NAME}")
    wanted = judged(paths, t_s, order=0, static=False)
    residual = decibels(energy(found[0] - wanted) / energy(wanted))
    figures(f"{kind}, sphere against exact", residual, "dB", "<= -40", len(t_s))
    assert residual <= -40.0


def compared(scene, quality, start_s, duration_s, every=1):
    """Residual in dB of the engine's resolved set against `exact` over the same pairs, and how many these are."""
    paths = traced(scene, quality, start_s, duration_s)
    t_s = (paths.start + np.arange(0, paths.samples, every)) / paths.rate_hz
    (echo,) = paths.echoes
    assert echo.missed == 0
    (mover,) = scene.movers
    images, spots, dress, shares = {}, {}, {}, []
    for number, glints in enumerate(coverings(scene, mover)):
        share = at_one_place(paths, weights([e for e in echo.epochs if e.piece == number], t_s), 0)
        ij = np.array(list(share))
        images[mover.name, number] = images_of(paths, ij, 0)
        if glints is not None:
            dress[mover.name, number] = glints
            spots[mover.name, number] = np.append(kernel_order(glints), -1)[ij[:, 2]]
        shares.append(np.array(list(share.values())))
    shares = np.concatenate(shares)
    wanted = judged(
        paths, t_s, shares, pairs=images, spots=spots, glints=dress, static=False, poses="fit"
    )
    found = received(paths, texture=False)[::every]
    return decibels(energy(found - wanted) / energy(wanted)), len(shares)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "quality", "start_s"),
    [
        ("chirps", "standard", 5.0),
        ("chirps", "draft", 3.6),
        pytest.param("chirps", "standard", 3.6, marks=pytest.mark.full),
        pytest.param("fmcw", "standard", 5.0, marks=pytest.mark.full),
        pytest.param("pulses", "standard", 5.0, marks=pytest.mark.full),
        pytest.param("pulses", "draft", 5.0, marks=pytest.mark.full),
    ],
)
def test_walker_against_exact(kind, quality, start_s, figures):
    """Why: thousands of pairs, each with a delay, a Doppler factor and a slope of its own, are what time of flight is made of.
    Set-up: the person of `walk_past` (5.0 s: fastest leg, 3.6 s: crossing), a drawn puck_4mic, one microphone, 20 ms, every sixteenth sample;
    the judge sums the resolved paths alone, in sub-bands of 2 kHz.
    Expected: residual energy over echo energy <= -40 dB in `standard`, -25 dB in `draft`.
    """
    bar = {"standard": -40.0, "draft": -25.0}[quality]
    scene = emitting(load("walk_past").sample(seed=3), EMISSIONS[kind])
    residual, pairs = compared(scene, quality, start_s, 0.02, every=16)
    figures(
        f"{kind}, walker at {start_s:g} s against exact, {quality}",
        residual,
        "dB",
        f"<= {bar:g}",
        f"{pairs} paths",
    )
    assert residual <= bar


@dataclasses.dataclass(frozen=True, eq=False)
class Still(AbstractEmission):
    """A steady tone that says that it is wideband."""

    carriers_hz: np.ndarray
    level_db_spl: float
    steady: bool = False
    band_hz: tuple[float, float] = (31000.0, 41000.0)

    def envelope(self, t_s):
        return np.ones((1, len(t_s)), complex)

    def changes(self):
        return ((0.0, True),)


def test_a_tone_by_the_other_way(figures):
    """Why: tones and sweeps go two ways through the same legs; where both can go they must agree.
    Set-up: a tone of 36 kHz, once as a tone and once as a wideband emission whose envelope is one, in a living room past three tumbling
    ellipsoids without glints (glints of a tone are summed in patches); standing paths and the echo at one microphone, 50 ms.
    Expected: standing paths <= -120 dB, the echo <= -80 dB.
    """
    scene = tumbling(("head", "torso", "pelvis"))
    render = scene.render.model_copy(update={"baseband_rate_hz": 16000})
    carriers, found = np.array([36000.0]), []
    for emission in (
        dataclasses.replace(scene.devices[0].emission, carriers_hz=carriers),
        Still(carriers, scene.devices[0].emission.level_db_spl),
    ):
        device = dataclasses.replace(scene.devices[0], emission=emission)
        here = dataclasses.replace(scene, devices=(device,), render=render)
        paths = traced(here, "standard", 2.0, 0.05)
        found.append([middle(paths, stem)[1] for stem in ("direct", "static", "mover.walker")])
    for name, bar, tone, wide in zip(
        ("direct", "static", "echo"), (-120.0, -120.0, -80.0), *found, strict=True
    ):
        residual = decibels(energy(wide - tone) / energy(tone))
        figures(f"a tone as a wideband emission, {name}", residual, "dB", f"<= {bar:g}")
        assert residual <= bar


@pytest.mark.full
def test_speed(figures):
    """Why: a corpus of chirps must not take longer to make than to record.
    Set-up: the person of `walk_past`, 10 s, images to order 2, `standard`, one core, processor time, second run: 6 ms of chirp every 50 ms, and
    FMCW, which never pauses; to one microphone and to the four of puck_4mic.  Noise and files cost what they cost a tone.
    Expected: less than 1 s a second for chirps to one microphone; the others are told.
    """
    second = dataclasses.replace(QUALITIES["standard"], order=2)
    for name, profile, emission in (
        ("chirps, 1 microphone", "ideal", {**CHIRPS, "every_s": 0.05}),
        ("chirps, 4 microphones", "puck_4mic", {**CHIRPS, "every_s": 0.05}),
        ("fmcw, 1 microphone", "ideal", FMCW),
        ("fmcw, 4 microphones", "puck_4mic", FMCW),
    ):
        scene = load("walk_past").sample(seed=3)
        scene.table["devices"][0]["profile"] = profile
        scene = emitting(scene, emission)
        rate = scene.baseband_rate_hz
        for _ in range(2):
            start = time.process_time()
            trace_device(scene, listening(scene), second, 0, 10 * rate)
            took = (time.process_time() - start) / 10.0
        figures(f"walker at order 2, standard, {name}", took, "s/s", "< 1", "10 s")
        assert took < 1.0 or name != "chirps, 1 microphone"

"""The table of individual paths at one instant, beside `exact` and beside the echo they sum to."""

import dataclasses

import numpy as np
import pytest

from usim.engine import exact
from usim.engine.paths import listening, quality_named, trace_device
from usim.engine.shadowing import Shadow
from usim.engine.table import instant
from usim.engine.tail import tail_of
from usim.physics.scattering import ellipsoid_echo
from usim.scene.template import load

T_S = 2.3


@pytest.fixture(scope="module")
def scene():
    made = load("sixteen_tumblers").sample()
    few = tuple(m for m in made.movers if m.name in ("torso", "hand_left"))
    return dataclasses.replace(made, movers=few)


@pytest.fixture(scope="module")
def paths(scene):
    rate = scene.baseband_rate_hz
    return trace_device(
        scene, listening(scene), quality_named("standard"), round(T_S * rate), rate // 20
    )


@pytest.mark.parametrize("mic", [0, 2])
@pytest.mark.parametrize("mover", [0, 1])
def test_instant_is_its_twin(scene, paths, mover, mic):
    """Path and rate of change by Newton's method in float64 at the bounce that each microphone image hears now."""
    body = scene.movers[mover]
    size = np.array(body.pieces[0].size_m)
    path, rate, power = instant(paths, body, 0, 0, T_S, mic, 0)
    c = scene.air.sound_speed_m_s
    for j in (0, 1, 4, 5, 31, 62):
        target = paths.legs.targets[j, mic]
        bounce = T_S
        for _ in range(6):
            bounce = T_S - np.linalg.norm(target - body.at([bounce]).position_m[0, 0]) / c
        pose = body.at(bounce + np.array([-1e-3, 0.0, 1e-3]))
        place, turned = pose.position_m[:, 0], pose.rotation[:, 0]
        inside = lambda x, p=place, r=turned: np.einsum("kji,kj->ki", r, x - p)  # noqa: E731
        for i in (0, 1, 5, 7, 50):
            source = paths.legs.sources[0, i]
            _, lengths, _ = ellipsoid_echo(size, inside(source), inside(target))
            if not power[i, j]:
                continue  # beyond the fade, where no mirror point need be found
            assert path[i, j] == pytest.approx(lengths[1], abs=1e-9)
            there = (lengths[2] - lengths[0]) / 2
            assert rate[i, j] == pytest.approx(there, rel=0.02, abs=1e-7)
    assert np.all(power >= 0)
    assert np.all(np.isfinite(power))


def test_the_judge_lists_the_same(scene, paths):
    """Levels within 0.2 dB (the table takes air and walls at the carrier, the judge behind the bounce at the shifted
    frequency) and shifts within 0.2 Hz, where they are within 40 dB of the strongest."""
    table = paths.table(T_S)
    assert np.all(np.diff(table["level_db"]) <= 0)
    assert len(table) == 63 + 2 * 63 * 63
    moving = table[table["mover"] == "torso"]
    moving = moving[moving["level_db"] > moving["level_db"][0] - 40]
    names = [wall.name for wall in scene.room.walls]
    keys = {paths.legs.maps.key(n, tuple(names)): n for n in range(len(paths.legs))}
    ij = np.array([[keys[row["out"]], keys[row["back"]]] for row in moving])
    images = np.stack([paths.legs.sources[0][ij[:, 0]], paths.legs.targets[ij[:, 1], 0]], axis=1)
    f, h = 32500.0, 1e-4
    rows = exact.tone_response(
        scene, 0, T_S + np.array([-h, 0.0, h]), pairs={("torso", 0): images}, static=False, per="pair"
    )  # fmt: skip
    unit = paths.device.unit
    pascal = np.sqrt(2) * 20e-6 * 10 ** (paths.device.emission.level_db_spl / 20)
    heard = np.abs(unit.mic_response(0, f + moving["doppler_hz"]))
    scale = abs(unit.drive_gain(0, f, f)) * pascal * heard
    level = 20 * np.log10(np.abs(rows[:, 1]) / scale)
    shift = np.angle(rows[:, 2] / rows[:, 0]) / (2 * np.pi * 2 * h)
    assert np.abs(level - moving["level_db"]).max() < 0.2
    assert np.abs(shift - moving["doppler_hz"]).max() < 0.2


def test_standing_paths_are_listed(scene, paths):
    table = paths.table(T_S)
    still = table[table["mover"] == ""]
    rows = exact.static_paths(scene, 0)
    assert len(still) == len(rows) == 63
    np.testing.assert_allclose(np.sort(still["delay_s"]), np.sort(rows["delay_s"]), atol=1e-12)
    assert set(still["doppler_hz"]) == {0.0}
    assert still["out"][np.argmin(still["path_m"])] == "direct"


def test_bytes_are_counted(paths):
    late = tail_of(paths.scene, paths.device, paths.standing.carriers_hz, 3)
    shadow = Shadow("torso", np.zeros((5, 3), int), np.zeros((1, 5, 100), complex), 0, 250)
    found = dataclasses.replace(paths, tail=late, shadows=(shadow,)).bytes
    assert set(found) == {"legs", "bands", "standing", "echoes", "epochs", "tail", "shadows"}
    assert all(0 < number < 50e6 for number in found.values())

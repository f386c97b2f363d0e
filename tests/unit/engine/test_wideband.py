"""Wideband emissions: taps against the plain sum over pairs, blocks against the whole, and what is refused."""

import copy

import numpy as np
import pytest

from usim.engine import simulate
from usim.engine.session import session
from usim.engine.slab import ROW
from usim.engine.spread import (
    BEFORE,
    PARTS,
    SILENT,
    SLOW_TAPS,
    TAPS,
    between,
    fractional,
    heard_through,
    loud_count,
    loud_runs,
    spread,
)
from usim.engine.tones import COSINES, REACH, SAMPLES, planes, sample_rows
from usim.engine.wideband import require_curved
from usim.physics.jit import rows32
from usim.scene.template import from_table, load
from usim.template.problem import InvalidInput

CHIRPS = {
    "kind": "chirps",
    "from_hz": 32000,
    "to_hz": 40000,
    "length_s": 0.006,
    "every_s": 0.04,
    "level_db_spl": 80,
}


@pytest.mark.parametrize("gaps", [False, True])
def test_pairs_by_way_of_taps_are_the_plain_sum_over_pairs(gaps):
    """Two pairs that turn and glide, gains that bend over the band, read from a sum of tones within it, with silences or without."""
    rng = np.random.default_rng(5)
    samples, blocks, ratio, edge = 8, 30, 16, 0.33
    slow, long = blocks * samples, 300
    place = np.zeros((2, 1, ROW))
    grid = np.arange(ROW) - REACH
    place[0, 0], place[1, 0] = 80.0 + 0.31 * grid, 120.3 - 0.002 * grid**2
    sizes = np.repeat([0.3, 0.1, 0.03, 0.01], 2)[:, None]  # of x to x^4
    bends = sizes * rng.uniform(-1.0, 1.0, (2, 2 * (PARTS - 1), 1)) * np.ones(ROW)
    turns = np.array([[0.11], [-0.17]])  # per slow sample
    wave = np.exp(2j * np.pi * turns * np.arange(slow)) * [[1.0], [0.3]]
    room = planes(2, 1)
    for m, n in np.ndindex(blocks, samples):
        at = sample_rows(samples)[n] * ROW + m
        room[:, 0, at] = wave[:, m * samples + n].real
        room[:, 0, COSINES + at] = wave[:, m * samples + n].imag

    nu = np.array([-0.31, -0.12, 0.02, 0.2, 0.3])
    tones = rng.normal(size=5) + 1j * rng.normal(size=5)

    def sent(t, power=0):
        x = (nu / edge) ** power
        z = (tones * x * np.exp(2j * np.pi * np.multiply.outer(t, nu))).sum(axis=-1)
        return z

    count = slow * ratio
    t = np.arange(-long, count + TAPS)
    mask = (t % 1500 < 500) | (not gaps)
    sound = sent(t) * mask
    taps, reached = np.zeros((1, slow, 2, long), np.float32), np.array([long, 0])
    loud = loud_count(np.abs(sound) > SILENT, TAPS + (SLOW_TAPS // 2 + 1) * ratio)
    spread(
        room, sample_rows(samples), samples, place, bends, 1.0, 2 * np.pi * edge, fractional(edge), taps, loud, long, ratio,
        np.zeros(2 * SAMPLES, np.int32), rows32((2 * PARTS + 1) * 2 * SAMPLES), reached,
    )  # fmt: skip
    low, wide = int(reached[0]), int(reached[1] - reached[0])
    first = BEFORE - low - wide + 1
    heard = sound[long + first :][: count + wide - 1][::-1]
    out = np.zeros((1, count), complex)
    heard_through(
        taps, np.ones(slow, np.float32), between(ratio), low, wide, heard.real.astype(np.float32), heard.imag.astype(np.float32),
        loud_runs(np.abs(heard) > SILENT), rows32(wide), rows32(wide), out,
    )  # fmt: skip

    n = np.arange(count)
    wanted = np.zeros(count, complex)
    inside = (n > 12 * ratio) & (n < count - 12 * ratio)
    for pair in range(2):
        late = np.interp(n / (samples * ratio), grid, place[pair, 0])
        if pair == 1:
            late = 120.3 - 0.002 * (n / (samples * ratio)) ** 2
        z = wave[pair, 0] * np.exp(2j * np.pi * turns[pair] * n / ratio)
        c = bends[pair, 0::2, 0] + 1j * bends[pair, 1::2, 0]
        bent = sent(n - late) + sum(c[p] * sent(n - late, p + 1) for p in range(PARTS - 1))
        wanted += z * bent
        if gaps:  # taps smear edges over their length: look well inside bursts
            left = (n - late) % 1500
            inside &= (left > TAPS) & (left < 500 - TAPS)
    error = np.sum(np.abs(out[0] - wanted)[inside] ** 2) / np.sum(np.abs(wanted)[inside] ** 2)
    assert np.count_nonzero(inside) > 200
    assert 10 * np.log10(error) < -60.0


def test_runs_and_what_is_near_them():
    loud = np.array([0, 1, 1, 0, 0, 0, 1], bool)
    assert loud_runs(loud).tolist() == [[1, 3], [6, 7]]
    assert loud_runs(np.zeros(3, bool)).shape == (0, 2)
    assert np.diff(loud_count(loud, 1)).tolist() == [1, 1, 1, 1, 0, 1, 1]


def chirping(name="sphere_passes", **device):
    table = copy.deepcopy(load(name).sample(seed=1).table)
    table["devices"][0] |= {"emits": CHIRPS} | device
    table["render"].pop("baseband_rate_hz", None)
    table["duration_s"] = min(table["duration_s"], 3.0)
    return from_table(table).sample()


def test_blocks_of_a_session_are_the_whole():
    scene = chirping()
    whole = simulate.simulate(scene, "draft", window=(0.0, 0.32), keep=("audio", "baseband"))
    running = session(scene, quality="draft")
    blocks = [running.step() for _ in range(5)]
    heard = whole.observation
    assert heard.baseband.rate_hz == scene.baseband_rate_hz == 16000
    assert np.array_equal(np.concatenate([b.audio for b in blocks], axis=1), heard.audio)
    parts = [block.baseband.samples for block in blocks]
    assert np.array_equal(np.concatenate(parts, axis=2), heard.baseband.samples)
    assert blocks[2].emission[0].sweep.origin_s == pytest.approx(-0.128)


def test_a_window_is_a_part_of_the_whole():
    scene = chirping()
    whole = simulate.simulate(scene, "draft", window=(0.0, 0.5), keep=("audio",)).observation
    part = simulate.simulate(scene, "draft", window=(0.3, 0.5), keep=("audio",)).observation
    rate = whole.rate_hz
    assert np.array_equal(whole.audio[:, round(0.3 * rate) :], part.audio)
    assert part.emission[0].sweep.origin_s == pytest.approx(-0.3)


def test_a_session_falls_silent_on_command():
    running = session(chirping(), quality="draft", keep=("baseband",))
    before = [np.abs(running.step().baseband.samples).max() for _ in range(2)]
    running.step(on=False)
    after = [np.abs(running.step().baseband.samples).max() for _ in range(2)]
    assert max(after) < 1e-2 * min(before)


def test_truth_and_stems_of_a_chirp():
    made = simulate.simulate(
        chirping(), "draft", window=(0.5, 1.0), keep=("audio", "truth", "stems")
    )
    truth = made.truth
    assert np.ptp(truth.echo_level_db_spl) < 20.0  # told between chirps as well as in one
    assert {"direct", "static"} < set(truth.stems)
    level = np.abs(truth.stems["direct"]).max(axis=1) / np.abs(sum(truth.stems.values())).max(
        axis=1
    )
    assert level.min() > 0.5


def test_what_cannot_be_is_said_in_a_line():
    (fan,) = load("fan_only").sample().movers
    with pytest.raises(InvalidInput, match="is flat"):
        require_curved(fan)
    paths = simulate.trace(chirping(profile="puck_4mic", unit=7), "draft", window=(0.0, 0.1))
    with pytest.raises(InvalidInput, match="trace again with that unit"):
        simulate.echo(paths, unit=8)
    judged = simulate.trace(chirping(), "exact", window=(0.0, 0.1))
    with pytest.raises(InvalidInput, match="exact renderer takes gains at one frequency"):
        simulate.echo(judged)

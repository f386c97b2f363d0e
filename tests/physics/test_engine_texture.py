"""What the engine does not resolve: how much energy that is, and whether its energy and spectrum are right."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.signal import welch
from tumblers import NAME, decibels, energy, images_of, received, traced, tumbling, weights

from usim.engine import exact

pytestmark = pytest.mark.slow

IDEAL = {"devices.shelf.profile": "ideal", "devices.shelf.unit": "nominal"}


@pytest.mark.parametrize(("quality", "promised"), [("draft", 0.90), ("standard", 0.97)])
@pytest.mark.parametrize("profile", ["puck_4mic", "ideal"])
def test_share_resolved(profile, quality, promised, counts, figures):
    """Why: pairs are chosen by a cheap estimate of their energy; this is the energy they really hold.
    Set-up: powers of all pairs of every piece by `exact` at three instants, far;
    crossing and going too in the full tier.
    Expected: of every piece's echo energy the resolved set holds 97 % (draft 90 %).
    """
    scene = tumbling(overrides=IDEAL if profile == "ideal" else None)
    shares = []
    for start_s in (0.7, 3.2, 4.1)[: counts(1, 3)]:
        paths = traced(scene, quality, start_s, 0.01)
        many = len(paths.legs)
        t = start_s + np.array([0.0, 0.0045, 0.009])
        every = np.stack(np.divmod(np.arange(many * many), many), axis=-1)
        for piece in range(len(scene.movers[0].pieces)):
            rows = exact.tone_response(
                scene, 0, t, pairs={(NAME, piece): images_of(paths, every)}, static=False,
                order=paths.quality.order, per="pair", poses="fit",
            )  # fmt: skip
            power = (np.abs(rows) ** 2).sum(axis=1)
            epochs = [e for e in paths.echoes[0].epochs if e.piece == piece]
            chosen = [i * many + j for i, j in weights(epochs, t)]
            shares.append(power[chosen].sum() / power.sum())
    figures(
        f"least share of a piece's echo energy resolved, {quality}, {profile}",
        min(shares),
        "",
        f">= {promised}",
        len(shares),
    )
    figures(
        f"mean share of the echo energy resolved, {quality}, {profile}",
        float(np.mean(shares)),
        "",
        f">= {promised}",
        len(shares),
    )
    assert min(shares) >= promised


CARRIERS_HZ = [31900, 32300, 32700, 33100]
BAND_HZ = 20.0
HELD_DB = 25.0  # bands that hold less than the strongest less this are left out
PIECES = ("torso", "head", "upper_arm_left", "hand_right", "shank_left", "foot_left")


def _bands(z: np.ndarray, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Energy (carrier, band) in bands of 20 Hz, mean over the whole sound, and their middles."""
    size = int(2 * rate_hz / BAND_HZ) // 2 * 2  # two bins a band
    f, power = welch(z, rate_hz, "hann", size, return_onesided=False, detrend=False)
    number = np.floor(f / BAND_HZ + 0.5).astype(int)
    bands = np.unique(number)
    return bands * BAND_HZ, np.stack([power[..., number == b].sum(axis=-1) for b in bands], axis=-1)


def test_texture(counts, figures):
    """Why: texture's waveform is not promised; its energy and Doppler spectrum are.
    Set-up: `ideal`, one microphone, 10 s; texture of `standard` against the same pairs in `fine` (all of fine less the resolved set
    of standard). Four carriers 400 Hz apart share geometry and pairs but not interference: their mean takes out
    the speckle that any two sums of these pairs have (0.7 dB rms in a band between two carriers of `fine` itself, 1.4 dB in
    the worst), and leaves what texture's draws put in. Six pieces, one draw of pairs; sixteen pieces and eight draws in
    the full tier. Bands within 25 dB of the strongest count.
    Expected: energy within 0.5 dB, every 20 Hz band within 2 dB. Pairs are drawn at random: of the draws tried in writing
    this the worst band had 0.4 to 0.6 dB rms, largest 1.8 dB of 8 x 18 bands: a sound draw fails in about one of 50 runs
    with another seed; with this scene's seed always the same.
    """
    overrides = IDEAL | {"devices.shelf.emits.carriers_hz": CARRIERS_HZ}
    scene = tumbling(counts(PIECES, None), overrides=overrides)
    rate, seconds = scene.baseband_rate_hz, 10.0
    whole = received(traced(scene, "fine", 0.0, seconds), carrier=None)
    energies, worst, single = [], [], []
    draws = counts(1, 8)
    for draw in range(draws):
        paths = traced(dataclasses.replace(scene, seed=scene.seed + draw), "standard", 0.0, seconds)
        texture = received(paths, texture=True, carrier=None)
        wanted = whole - received(paths, texture=False, carrier=None)
        _, have = _bands(texture, rate)
        _, want = _bands(wanted, rate)
        total = want.sum(axis=0)
        held = total > total.max() * 10.0 ** (-0.1 * HELD_DB)
        energies.append(decibels(energy(texture) / energy(wanted)))
        worst.append(np.abs(10 * np.log10(have.sum(axis=0)[held] / total[held])).max())
        single.append(np.abs(10 * np.log10(have[:, held] / want[:, held])).max(axis=1))
    size = f"{draws} draws, {np.count_nonzero(held)} bands, {len(scene.movers[0].pieces)} pieces"
    most = max(energies, key=abs)
    figures("texture against fine, energy over 10 s", most, "dB", "+- 0.5", size)
    figures("texture against fine, worst 20 Hz band", float(max(worst)), "dB", "<= 2", size)
    figures(
        "texture against fine, worst 20 Hz band of one carrier alone, mean (with speckle)",
        float(np.mean(single)),
        "dB",
        "none: not asserted",
        size,
    )
    share = decibels(energy(wanted) / energy(whole))
    figures("texture over echo energy", share, "dB", "none: not asserted", size)
    assert abs(most) <= 0.5
    assert max(worst) <= 2.0

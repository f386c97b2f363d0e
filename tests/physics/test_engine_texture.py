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
            chosen = [i * many + j for i, j, _ in weights(epochs, t)]
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


def _bands(z: np.ndarray, rate_hz: int) -> np.ndarray:
    """Energy (carrier, band) in bands of 20 Hz, mean over the whole sound."""
    size = int(2 * rate_hz / BAND_HZ) // 2 * 2  # two bins a band
    f, power = welch(z, rate_hz, "hann", size, return_onesided=False, detrend=False)
    number = np.floor(f / BAND_HZ + 0.5).astype(int)
    return np.stack([power[..., number == b].sum(axis=-1) for b in np.unique(number)], axis=-1)


def test_texture(counts, figures):
    """Why: texture's waveform is not promised; its energy and Doppler spectrum are.
    Set-up: `ideal`, one microphone, sixteen pieces, 10 s; texture of `standard` against the same pairs in `fine` (all of fine less the
    resolved set of standard). Four carriers 400 Hz apart share geometry and pairs but not interference: their mean takes out most of
    the speckle that any two sums of these pairs have (0.7 dB rms in a band, 1.4 dB in the worst, between two carriers of
    `fine` itself), and leaves what the draw of pairs puts in. One draw; eight in the full tier. Bands within 25 dB of the strongest count.
    Expected: energy within 0.5 dB, every 20 Hz band within 2 dB, of the mean over the draws; of single draws 98 % of the bands.
    Pairs are drawn at random: of 16 draws tried with other seeds the worst band was 0.8 to 2.3 dB off, beyond 2 dB once (in one band of 18), energy
    at most 0.26 dB: one draw fails in about one of 16 runs with another seed; with this scene's seed always the same.
    """
    overrides = IDEAL | {"devices.shelf.emits.carriers_hz": CARRIERS_HZ}
    scene = tumbling(overrides=overrides)
    rate, seconds = scene.baseband_rate_hz, 10.0
    whole = received(traced(scene, "fine", 0.0, seconds), carrier=None)
    energies, off, single, have_all, want_all = [], [], [], 0.0, 0.0
    draws = counts(1, 8)
    for draw in range(draws):
        paths = traced(dataclasses.replace(scene, seed=scene.seed + draw), "standard", 0.0, seconds)
        texture = received(paths, texture=True, carrier=None)
        wanted = whole - received(paths, texture=False, carrier=None)
        have, want = _bands(texture, rate), _bands(wanted, rate)
        have_all, want_all = have_all + have.sum(axis=0), want_all + want.sum(axis=0)
        total = want.sum(axis=0)
        held = total > total.max() * 10.0 ** (-0.1 * HELD_DB)
        energies.append(decibels(energy(texture) / energy(wanted)))
        off.append(np.abs(10 * np.log10(have.sum(axis=0)[held] / total[held])))
        single.append(np.abs(10 * np.log10(have[:, held] / want[:, held])).max(axis=1))
    size = f"{draws} draws, {np.count_nonzero(held)} bands"
    most = max(energies, key=abs)
    mean = float(np.abs(10 * np.log10(have_all[held] / want_all[held])).max())
    near = float(np.mean(np.concatenate(off) <= 2.0))
    figures("texture against fine, energy over 10 s", most, "dB", "+- 0.5", size)
    figures("texture against fine, worst 20 Hz band, mean over draws", mean, "dB", "<= 2", size)
    figures("texture against fine, bands of single draws within 2 dB", near, "", ">= 0.98", size)
    for name, value in (
        ("texture, worst 20 Hz band of a single draw", float(np.concatenate(off).max())),
        ("texture, worst band of a draw and one carrier, with speckle", float(np.mean(single))),
        ("texture over echo energy", decibels(energy(wanted) / energy(whole))),
    ):
        figures(name, value, "dB", "for information", size)
    assert abs(most) <= 0.5
    assert mean <= 2.0
    assert near >= 0.98

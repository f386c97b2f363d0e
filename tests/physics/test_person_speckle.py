"""S1: the echo of a whole dressed person fades as a sum of many facets of random phase."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from usim.engine import exact
from usim.physics.wrinkles import glints
from usim.scene.template import load

pytestmark = pytest.mark.slow
INSTANT_S = 3.0


def levels(count: int) -> np.ndarray:
    """The echo's amplitude (count,) on the direct way by `exact`, for as many draws of the folds of all clothes."""
    scene = load("walk_around").sample()
    (mover,) = scene.movers
    rng = np.random.default_rng(5)
    found = []
    for _ in range(count):
        dress = {
            (mover.name, number): glints(
                piece.size_m, piece.surface.wrinkle_rms_m, piece.surface.wrinkle_length_m, rng
            )
            for number, piece in enumerate(mover.pieces)
            if piece.surface.wrinkle_rms_m > 0.0
        }
        made = exact.tone_response(
            scene, 0, np.array([INSTANT_S]), glints=dress, order=0, static=False, poses="fit"
        )
        found.append(abs(made[0]))
    return np.array(found)


def test_s1_a_person_fades_as_rayleigh_said(counts, figures):
    """Why: a threshold set on the mean echo is passed or missed by this spread.
    Set-up: a walker in a T-shirt on the direct way, at one instant, for many draws of the folds of all its clothes.
    Expected: power exponential (Rayleigh 1880), so levels spread by 5.6 dB: within 1 dB (two standard errors of 150 draws, and the draws are always the same), and
    a Kolmogorov-Smirnov test above 1e-4 (its rate of false alarms).
    """
    amplitude = levels(counts(150, 1500))
    power = amplitude**2 / np.mean(amplitude**2)
    spread_db = float(np.std(20.0 * np.log10(amplitude)))
    figures("S1: spread of a person's level", spread_db, "dB", "5.6 +- 1", f"{len(power)} draws")
    assert abs(spread_db - 5.57) < 1.0
    assert stats.kstest(power, "expon").pvalue > 1e-4

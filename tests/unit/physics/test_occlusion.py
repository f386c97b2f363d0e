"""How much passes an ellipsoid: against the Fresnel integral and by symmetry."""

import numpy as np
import pytest
from scipy.special import fresnel

from usim.physics.geometry import axis_rotation
from usim.physics.occlusion import passed, passed_edge

WAVELENGTH = 0.0107
POINT, END = np.zeros(3), np.array([3.0, 0.0, 0.0])


def amount(centre, axes=(0.12, 0.16, 0.3), turn=None, point=POINT, end=END):
    """What passes ellipsoids at centres (n, 3)."""
    centre = np.atleast_2d(np.asarray(centre, float))
    turn = np.eye(3) if turn is None else turn
    square = turn @ np.diag(np.square(axes)) @ turn.T
    rows = (np.tile(end, (len(centre), 1)), np.tile(point, (len(centre), 1)), centre)
    return passed(*rows, np.tile(square, (len(centre), 1, 1)), WAVELENGTH)


def test_edge_against_the_fresnel_integral(figures):
    """Why: one edge is the only part of a silhouette with a closed form.
    Set-up: Fresnel parameters from deep shadow to the edge, and the lit side.
    Expected: within 0.2 dB in [-5, 0]; within 1.5 dB on the lit side, where the exact one ripples; never above one.
    """

    def off(v):
        sine, cosine = fresnel(v)
        edge = np.hypot(0.5 + cosine, 0.5 + sine) / np.sqrt(2.0)
        return np.abs(20.0 * np.log10(passed_edge(v) / edge)).max()

    shade = off(np.linspace(-5.0, 0.0, 1001))
    figures("edge in shadow against the Fresnel integral", shade, "dB", "<= 0.2")
    assert shade <= 0.2
    assert off(np.linspace(-20.0, -5.0, 1001)) <= 0.2
    assert off(np.linspace(0.0, 20.0, 4001)) <= 1.5
    assert passed_edge(np.linspace(0.0, 1e4, 10001)).max() <= 1.0
    assert np.all(np.diff(passed_edge(np.linspace(-20.0, 8.0, 4001))) > 0.0)


def test_far_aside_all_passes():
    """Why: what stands beside a ray must not weaken it.
    Set-up: an occluder that moves aside from the middle of the ray, and ones beyond either end.
    Expected: one within 1e-6 from 1 m aside on; exactly one beyond the ends; less than 0.3 right in the way.
    """
    aside = np.linspace(1.0, 30.0, 50)
    centres = np.stack([np.full(50, 1.5), aside, 0.0 * aside], axis=1)
    assert np.all(1.0 - amount(centres) < 1e-6)
    assert np.array_equal(amount([[-0.13, 0.0, 0.0], [3.13, 0.0, 0.0]]), [1.0, 1.0])
    assert amount([1.5, 0.0, 0.0])[0] < 0.3


def test_symmetry():
    """Why: sound goes both ways alike, and left is as good as right.
    Set-up: random places and turns of the occluder; ends swapped; all mirrored in the ray's vertical plane; all turned.
    Expected: the same within 1e-12.
    """
    rng = np.random.default_rng(1)
    for _ in range(200):
        centre = rng.uniform([-0.2, -0.3, -0.3], [3.2, 0.3, 0.3])
        turn = axis_rotation(rng.normal(size=3), rng.uniform(0.0, np.pi))
        value = amount(centre, turn=turn)
        flip = np.diag([1.0, -1.0, 1.0])
        whole = axis_rotation(rng.normal(size=3), rng.uniform(0.0, np.pi))
        assert amount(centre, turn=turn, point=END, end=POINT) == pytest.approx(value, abs=1e-12)
        assert amount(flip @ centre, turn=flip @ turn) == pytest.approx(value, abs=1e-12)
        turned = {"turn": whole @ turn, "point": whole @ POINT, "end": whole @ END}
        assert amount(whole @ centre, **turned) == pytest.approx(value, abs=1e-12)
        assert 0.0 <= value[0] <= 1.0


@pytest.mark.parametrize("way", [[0.0, 1.0, 0.0], [0.0, 0.6, 0.8], [1.0, 0.02, 0.0]])
def test_smooth(way):
    """Why: a step or a kink in an echo is a sound that nobody made.
    Set-up: an occluder that crosses the ray centrally, askew, and that runs along it past both ends, 0.2 mm a sample.
    Expected: differences halve, second differences quarter when the sampling is doubled.
    """

    def differences(step):
        s = np.arange(-2.0, 2.0, step)
        value = amount(np.array([1.5, 0.0, 0.0]) + s[:, None] * way)
        return np.abs(np.diff(value)).max(), np.abs(np.diff(value, 2)).max()

    coarse, fine = differences(4e-4), differences(2e-4)
    assert fine[0] == pytest.approx(coarse[0] / 2.0, rel=0.02)
    assert fine[1] == pytest.approx(coarse[1] / 4.0, rel=0.05)


def test_limb_against_two_edges(figures):
    """Why: a long limb is a strip, whose two edges have a closed form.
    Set-up: a limb of 5 cm across the ray, ten times as long as wide, from the middle of the ray to its edge; the moduli of two exact
    edges added, each as far from the ray as the limb's.
    Expected: within 3 dB, too much shadow rather than too little: in the middle the strip is wider than a long limb, up to 1.4 times.
    """
    radius, aside = 0.05, np.linspace(0.0, 0.05, 11)
    centres = np.stack([np.full(11, 0.5), aside, 0.0 * aside], axis=1)
    per_metre = np.sqrt(2.0 * (1.0 / 0.5 + 1.0 / 2.5) / WAVELENGTH)
    edges = np.zeros(11)
    for v in (per_metre * (aside - radius), -per_metre * (aside + radius)):
        sine, cosine = fresnel(v)
        edges += np.hypot(0.5 + cosine, 0.5 + sine) / np.sqrt(2.0)
    off = 20.0 * np.log10(amount(centres, axes=(radius, radius, 0.5)) / edges)
    figures("shadow of a long limb against two exact edges", off.min(), "dB", "within 3")
    assert off.min() > -3.0
    assert off.max() < 0.5

"""Cells of a sheet and facets: that cells add up without a seam, that a bent sheet is its cells, and who hears a facet."""

import itertools

import kirchhoff
import numpy as np
import pytest

from usim.engine import apertures
from usim.movers.base import Piece
from usim.physics import aperture

C = 343.987
K = 2.0 * np.pi * 32e3 / C


def echo(piece, axes, place, source, microphone, k=K):
    """Echo (n,) of a piece that lies at `place` with `axes` as columns, all of its phase included."""
    own = [(end - place) @ axes for end in (source, microphone)]
    near = min(np.linalg.norm(end, axis=1).min() for end in own)
    found = apertures.aperture_echo(piece, *own, k, apertures.cells(piece, near, k))
    return found.gain * np.exp(-1j * k * found.path_m)


def ends(count, seed, far=(1.0, 3.0), widest=0.9):
    """Sources and microphones (n, 3) in front of a sheet in z = 0, on both sides of its normal."""
    rng = np.random.default_rng(seed)
    slope = rng.uniform(-widest, widest, (2, count, 2))
    way = np.concatenate([slope, np.ones((2, count, 1))], axis=2)
    return way / np.linalg.norm(way, axis=2, keepdims=True) * rng.uniform(*far, (2, count, 1))


@pytest.mark.parametrize("behind", [False, True])
def test_abutting_cells_are_one_sheet(behind, figures):
    """Why: curtains will be cut into cells, and a seam between two would be heard as an edge.
    Set-up: a sheet 0.6 x 0.5 m as one piece, and as two and as six cells of unequal size; 300 places 1-3 m away up to 50 degrees off
    the normal, with both ends on one side, or one behind it; 32 kHz.
    Expected: the same echo to 1 % of the strongest (-40 dB).
    """
    source, microphone = ends(300, 4)
    if behind:
        microphone = microphone * [1.0, 1.0, -1.0]
    whole = echo(Piece("s", "sheet_cell", (0.3, 0.25), None), np.eye(3), 0.0, source, microphone)
    worst = 0.0
    for x_edges, y_edges in (((-0.3, 0.1, 0.3), (-0.25, 0.25)), ((-0.3, -0.12, 0.0, 0.3), (-0.25, 0.02, 0.25))):  # fmt: skip
        total = 0.0
        for x0, x1 in itertools.pairwise(x_edges):
            for y0, y1 in itertools.pairwise(y_edges):
                cell = Piece("c", "sheet_cell", (0.5 * (x1 - x0), 0.5 * (y1 - y0)), None)
                place = np.array([0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.0])
                total = total + echo(cell, np.eye(3), place, source, microphone)
        worst = max(worst, np.abs(total - whole).max() / np.abs(whole).max())
    side = "behind" if behind else "before"
    figures(f"cells against the sheet, {side} it", 20.0 * np.log10(worst), "dB", "<= -40")
    assert worst <= 0.01


@pytest.mark.parametrize("radius", [-1.5, 3.0])
def test_bent_sheet(radius, figures):
    """Why: a curtain hangs in gentle folds. Set-up: a sheet 0.6 x 0.4 m bent to a radius of 1.5 m towards the ends (a hollow mirror, with its
    focus 0.75 m off) or of 3 m away from them, cut into 24 flat cells of 2.5 cm; the Kirchhoff integral over the bent sheet,
    lambda/6, the mean of both cosines; 60 places 1-3 m away.
    Expected: level within 1 dB, phase within 0.2 rad where above -15 dB of the peak.
    """
    width, height, count = 0.6, 0.4, 24
    source, microphone = ends(60, 8, widest=0.4)
    step = width / count
    total = 0.0
    for number in range(count):
        angle = (step * (number + 0.5) - 0.5 * width) / radius
        chord = 2.0 * abs(radius) * np.sin(0.5 * step / abs(radius))
        axes = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])  # fmt: skip
        middle = radius * (1.0 + np.cos(0.5 * step / radius)) / 2.0  # between chord and arc
        place = np.array([middle * np.sin(angle), 0.0, middle * np.cos(angle) - radius])
        cell = Piece("c", "sheet_cell", (0.5 * chord, 0.5 * height), None)
        total = total + echo(cell, axes, place, source, microphone)
    truth = np.array([kirchhoff.bent(radius, (0.5 * width, 0.5 * height), *one, K) for one in zip(source, microphone, strict=True)])  # fmt: skip
    levels = 20.0 * np.log10(np.abs(truth) / np.abs(truth).max())
    name = "hollow" if radius < 0.0 else "bulging"
    kirchhoff.judged(figures, f"{name} sheet of cells", total / truth, levels)


def test_a_facet_is_heard_from_its_front():
    """Why: the side of a drawer has no back. Set-up: a facet and a blade of one size; ends before, behind, on both sides.
    Expected: before it the blade's echo to the last digit beyond the edge-on angle, nothing anywhere else, and no step between.
    """
    size, source = (0.15, 0.1), ends(200, 3, widest=0.5)
    facet = Piece("p", "facet", size, None)
    cut = apertures.cells(facet, 1.0, K)
    blade = aperture.rectangle_echo(size, *source, K, cut).gain
    np.testing.assert_array_equal(apertures.aperture_echo(facet, *source, K, cut).gain, blade)
    for signs in ((1, -1), (-1, 1), (-1, -1)):
        turned = [end * [1.0, 1.0, sign] for end, sign in zip(source, signs, strict=True)]
        assert not echo(facet, np.eye(3), 0.0, *turned).any()
    steps = []
    for count in (400, 1600):
        low = np.linspace(-0.3, 0.5, count)
        grazing = 2.0 * np.stack([np.sqrt(1.0 - low**2), 0.0 * low, low], axis=1)
        found = echo(facet, np.eye(3), 0.0, grazing, np.tile([0.5, 0.1, 1.0], (count, 1)))
        steps.append(np.abs(np.diff(np.abs(found))).max())
    assert steps[1] < 0.3 * steps[0]
    assert aperture.front(np.array([-1.0, 0.0, 0.05, 1.0]), 0.1) == pytest.approx([0, 0, 0.5, 1])


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["facet", "sheet_cell"])
def test_flat_shapes_against_kirchhoff(shape, figures):
    """Why: doors, drawers and curtains are heard by them. Set-up: a page 0.3 x 0.2 m, 0.5-5 m, 40 places each up to 130 degrees apart, before it.
    Expected: level within 1 dB, phase within 0.2 rad where above -15 dB of the peak.
    """
    piece, level, phase = Piece("p", shape, (0.15, 0.1), None), 0.0, 0.0
    for far in ((0.5, 0.6), (1.5, 2.5), (4.5, 5.0)):
        source, microphone = ends(40, 6, far, widest=1.5)
        microphone[:30] = (source * [-1, -1, 1] + ends(40, 7, (0.0, 0.2))[0])[
            :30
        ]  # near the mirror
        found = echo(piece, np.eye(3), 0.0, source, microphone)
        truth = np.array([kirchhoff.plate(piece.size_m, *one, K) for one in zip(source, microphone, strict=True)])  # fmt: skip
        loud = np.abs(truth) > 10.0 ** (-15.0 / 20.0) * np.abs(truth).max()
        ratio = found[loud] / truth[loud]
        level = max(level, np.abs(20.0 * np.log10(np.abs(ratio))).max())
        phase = max(phase, np.abs(np.angle(ratio)).max())
    figures(f"{shape} against Kirchhoff, level", level, "dB", "<= 1")
    figures(f"{shape} against Kirchhoff, phase", phase, "rad", "<= 0.2")
    assert level <= 1.0
    assert phase <= 0.2

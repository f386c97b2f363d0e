"""Rigid wires: scattering of one against published limits, and what a row of them does."""

import numpy as np
import pytest

from usim.physics import wires


def test_thin_wire_scatters_as_published():
    """Morse and Ingard, Theoretical Acoustics, (8.1.6): 3/4 pi^2 a (ka)^3 of width for ka << 1."""
    a, k = 1e-3, np.array([10.0, 50.0])
    width = 4.0 / k * (np.abs(wires.modes(k * a)) ** 2).sum(axis=-1)
    assert width == pytest.approx(0.75 * np.pi**2 * a * (k * a) ** 3, rel=0.02)


def test_thick_wire_takes_twice_its_width():
    """King and Wu, The Scattering and Diffraction of Waves (1959), rigid: 4 a (1 - 0.4325 (ka)^(-2/3))."""
    width = 4.0 / 10.0 * (np.abs(wires.modes(10.0)) ** 2).sum()
    assert width == pytest.approx(4.0 * (1.0 - 0.4325 * 10.0 ** (-2 / 3)), rel=0.02)


def test_what_is_scattered_is_missing_straight_on():
    """Optical theorem, exact for a rigid cylinder; so a row loses the scattering widths of its wires."""
    ka = np.array([0.3, 0.9, 2.0, 8.0])
    waves = wires.modes(ka)
    assert (np.abs(waves) ** 2).sum(axis=-1) == pytest.approx(-waves.real.sum(axis=-1))
    k, a, pitch = 600.0, 5e-4, 0.02
    _, passed = wires.grating(k, a, pitch)
    width = 4.0 / k * (np.abs(wires.modes(k * a)) ** 2).sum()
    assert 1.0 - abs(passed) ** 2 == pytest.approx(width / pitch, rel=0.1)


def test_a_grille_that_is_wider_is_weaker():
    narrow, wide = (wires.grating(np.array([594.0]), 1.25e-3, pitch) for pitch in (0.012, 0.03))
    assert abs(wide[0]) == pytest.approx(0.4 * abs(narrow[0]))
    assert abs(wide[1]) > abs(narrow[1])

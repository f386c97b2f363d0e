"""Kernels of cylinders and one-sided rectangles, each beside its twin in NumPy."""

import numpy as np
import pytest

from usim.engine import apertures, bars
from usim.engine.bars import DRIFT, WIDE_BOARD
from usim.engine.plates import AWAY, EAR_, ECHO_IM, ECHO_RE, NEAR, SOURCE, TURNS
from usim.engine.slab import ROW, f32
from usim.movers.base import Piece
from usim.physics import aperture, cylinder

K = 2.0 * np.pi * 33100.0 / 344.0
WAVES = 33100.0 / 344.0


def take(s, row, rows=1):
    return s[row : row + rows * ROW].reshape(rows, ROW).astype(float)


def boarded(seed=41, least=0.5):
    """A board of ends at least so far off the axis, and both ends (ROW, 3)."""
    rng = np.random.default_rng(seed)
    s = np.zeros(WIDE_BOARD, np.float32)
    ends = rng.normal(size=(2, 3, ROW)) * 1.5
    ends[1, :, ::2] = (ends[0] + 0.3 * rng.normal(size=(3, ROW)))[:, ::2]
    aside = np.hypot(ends[:, 0], ends[:, 1])
    ends[:, :2] *= np.maximum(1.0, least / aside)[:, None]
    ends = ends.astype(np.float32)
    s[SOURCE : SOURCE + 6 * ROW] = ends.ravel()
    turns = rng.uniform(-0.5, 0.5, ROW).astype(np.float32)
    s[TURNS : TURNS + ROW] = turns
    return s, *ends.astype(float).transpose(0, 2, 1), turns.astype(float)


@pytest.mark.parametrize(("radius", "half", "cells"), [(0.15, 0.5, 9), (0.02, 0.3, 6), (0.17, 0.045, 1)])  # fmt: skip
def test_bars(radius, half, cells):
    """Also `lengths`, `bar`, `mirror_line` and `_leaning`."""
    s, source, ear, turns = boarded()
    bars.bars(s, f32(radius), f32(half), cells, f32(K), f32(WAVES), f32(0.0), ROW)
    want = cylinder.cylinder_echo(radius, half, source, ear, K, cells)
    got = (take(s, ECHO_RE)[0] + 1j * take(s, ECHO_IM)[0]) * np.exp(-2j * np.pi * turns)
    assert np.abs(want.gain).max() > 0.01
    assert np.abs(got - want.gain).max() < 2e-4 * np.abs(want.gain).max()
    np.testing.assert_allclose(take(s, AWAY)[0], np.linalg.norm(source, axis=1), rtol=1e-6)
    np.testing.assert_allclose(take(s, NEAR)[0], np.linalg.norm(ear, axis=1), rtol=1e-6)


def test_drifts():
    """Both ends drift as the twin is told, but per second of reception."""
    t = np.arange(ROW)
    source = np.array([1.5 - 0.004 * t, 0.2 + 0.001 * t, 0.3 + 0.002 * t])
    ear = np.array([1.2 - 0.004 * t, -0.4 + 0.001 * t, 0.1 - 0.001 * t])
    s = np.zeros(WIDE_BOARD, np.float32)
    s[SOURCE : SOURCE + 3 * ROW], s[EAR_ : EAR_ + 3 * ROW] = source.ravel(), ear.ravel()
    per_second = 344.0 * 0.0005
    bars.bars(s, f32(0.15), f32(0.4), 8, f32(K), f32(WAVES), f32(0.5 / per_second), ROW)
    rate = [np.array([-0.004, 0.001, slope]) / per_second for slope in (0.002, -0.001)]
    np.testing.assert_allclose(take(s, DRIFT, 3), np.broadcast_to(rate[0][:, None], (3, ROW)), atol=3e-6)  # fmt: skip
    np.testing.assert_allclose(take(s, DRIFT + 3 * ROW, 3), np.broadcast_to(rate[1][:, None], (3, ROW)), atol=3e-6)  # fmt: skip
    second = (ear.T @ rate[1] / np.linalg.norm(ear, axis=0))[:, None]
    drift = [
        one / (1.0 - second) for one in rate
    ]  # a second of reception is 1 + rate2 / c of bounce
    want = cylinder.cylinder_echo(0.15, 0.4, source.T, ear.T, K, 8, drift).gain
    got = take(s, ECHO_RE)[0] + 1j * take(s, ECHO_IM)[0]
    still = cylinder.cylinder_echo(0.15, 0.4, source.T, ear.T, K, 8).gain
    assert np.abs(got - want).max() < 0.02 * np.abs(want).max()
    assert np.abs(still - want).max() > 0.5 * np.abs(want).max()


@pytest.mark.parametrize("shape", ["blade", "facet", "sheet_cell", "cylinder"])
def test_apertures(shape):
    """Also `front_only` and `_front`; and what a piece says of itself."""
    piece = Piece("one", shape, (0.06, 0.1), None)
    s, source, ear, turns = boarded()
    along, across = apertures.cells(piece, 1.0, K)
    assert across == 1 or shape != "cylinder"
    least = apertures.least_cosine(piece, K)
    apertures.apertures(
        s, apertures.measures(piece), along, across, f32(K), f32(WAVES), f32(1.0 / least), f32(0.0), ROW
    )  # fmt: skip
    want = apertures.aperture_echo(piece, source, ear, K, (along, across)).gain
    got = (take(s, ECHO_RE)[0] + 1j * take(s, ECHO_IM)[0]) * np.exp(-2j * np.pi * turns)
    assert np.abs(got - want).max() < 2e-4 * np.abs(want).max()
    behind = (source[:, 2] < 0.0) | (ear[:, 2] < 0.0)
    if shape == "facet":
        assert not want[behind].any()
        both = aperture.rectangle_echo(piece.size_m, source, ear, K, (along, across)).gain
        clear = np.minimum(source[:, 2] / np.linalg.norm(source, axis=1), ear[:, 2] / np.linalg.norm(ear, axis=1)) > least  # fmt: skip
        np.testing.assert_allclose(want[clear], both[clear])

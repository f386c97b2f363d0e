"""Cylinder and panel: pieces, poses, turning, and what a scene is told of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from usim.engine.detours import cross_sections_m2
from usim.movers import cylinder, panel
from usim.physics.air import Air
from usim.scene.checks import notes
from usim.scene.motion import motion

STANDS = {"at_s": [0.0], "through_m": [[1.0, 2.0, 1.0]]}


def _cylinder(**extra):
    table = {"kind": "cylinder", "name": "c", "radius_m": 0.1, "length_m": 1.0, "track": STANDS}
    return cylinder.build(cylinder.Parameters.model_validate({**table, **extra}), None)


def _panel(**extra):
    table = {"kind": "panel", "name": "p", "size_m": [0.8, 2.0], "track": STANDS}
    return panel.build(panel.Parameters.model_validate({**table, **extra}), None)


def test_a_cylinder_stands_upright():
    (piece,) = _cylinder().pieces
    assert (piece.shape, piece.size_m, piece.half_m) == ("cylinder", (0.1, 0.5), (0.1, 0.1, 0.5))
    assert piece.is_flat


def test_a_panel_faces_x_and_stands_upright():
    made = _panel()
    (piece,) = made.pieces
    assert (piece.shape, piece.half_m) == ("sheet_cell", (0.4, 1.0, 0.0))
    axes = made.at(np.zeros(1)).rotation[0, 0]
    np.testing.assert_array_equal(axes.T, [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    assert _panel(heard="front").pieces[0].shape == "facet"


def test_a_door_swings_about_its_edge():
    made = _panel(held="edge", turning={"axis": [0, 0, 1], "at_s": [0, 1], "angle_deg": [0, 90]})
    poses = made.at(np.array([0.0, 0.3, 1.0]))
    np.testing.assert_allclose(poses.position_m[[0, 2], 0], [[1.0, 2.4, 1.0], [0.6, 2.0, 1.0]], atol=1e-12)  # fmt: skip
    hinge = poses.position_m[:, 0] - 0.4 * poses.rotation[:, 0, :, 0]
    np.testing.assert_allclose(hinge, np.broadcast_to([1.0, 2.0, 1.0], (3, 3)), atol=1e-12)


def test_the_fastest_point_of_a_baton_is_its_end():
    made = _cylinder(turning={"axis": [1.0, 0.0, 0.0], "rate_deg_s": 180.0})
    corner = np.hypot(0.1, 0.5)  # of the box around it
    assert motion(made, 1.0).fastest_m_s == pytest.approx(np.pi * corner, rel=1e-3)


def test_what_is_seen_of_them():
    """In the mean over all directions a convex body shows a quarter of its surface (Cauchy 1832); what looks into a tube sees its inside."""
    assert cross_sections_m2(_panel(), 0.0)[0] == pytest.approx(0.8, rel=0.05)
    side, ends = 2.0 * np.pi * 0.1, 2.0 * np.pi * 0.1**2
    seen = cross_sections_m2(_cylinder(), 0.0)[0]
    assert side / 4.0 == pytest.approx(seen, rel=0.12)
    assert seen < 1.05 * (side + ends) / 4.0


@pytest.mark.parametrize(("radius", "said"), [(0.01, True), (0.03, False)])
def test_thin_bars_are_told(radius, said):
    device = SimpleNamespace(emission=SimpleNamespace(carriers_hz=(32e3,), level_db_spl=60.0, band_hz=None))  # fmt: skip
    (line,) = notes((device,), (_cylinder(radius_m=radius),), Air()) or ("",)
    assert ("kR below" in line) is said

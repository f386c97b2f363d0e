"""Fan: pieces, frames, turning, wander, sweep."""

import numpy as np
import pytest
from pydantic import ValidationError

from usim.movers import fan
from usim.physics.air import Air
from usim.scene.motion import motion
from usim.surfaces.base import surface
from usim.template.streams import stream

PLAIN = {
    "kind": "fan",
    "name": "fan",
    "position_m": [2.0, 1.0, 1.1],
    "rpm": 1200.0,
    "wander_percent": 0.0,
}


def made(seed=3, **changes):
    parameters = fan.Parameters.model_validate({**PLAIN, **changes})
    return fan.build(parameters, lambda place: stream(seed, f"movers.fan.{place}"))


def part(mover, name):
    return [piece.name for piece in mover.pieces].index(name)


def test_pieces():
    mover = made(blades=4, sections=2)
    assert [piece.name for piece in mover.pieces] == [
        *(f"blade_{blade}_{section}" for blade in (1, 2, 3, 4) for section in (1, 2)),
        "hub",
        "motor",
        "grille",
    ]
    blade = mover.pieces[0]
    assert blade.shape == "blade"
    hub_m = fan.HUB * 0.2
    assert blade.size_m == pytest.approx(((0.2 - hub_m) / 4.0, 0.06))
    assert mover.pieces[-3].size_m[1:] == pytest.approx((hub_m, hub_m))
    assert mover.label == "non_human"


def test_blades_do_not_overlap_in_a_full_rotor():
    """Twelve blades share the circle."""
    chord = 2.0 * made(blades=12).pieces[0].size_m[1]
    assert 12 * chord <= 0.81 * np.pi * (0.2 + 0.2 * fan.HUB)


def test_sections_reach_from_hub_to_tip():
    mover = made(sections=4)
    poses = mover.at(np.linspace(0.0, 1.0, 57))
    for section, piece in enumerate(mover.pieces[:4]):
        span = poses.rotation[:, section, :, 0] * piece.size_m[0]
        inner = poses.position_m[:, section] - span - [2.0, 1.0, 1.1]
        outer = poses.position_m[:, section] + span - [2.0, 1.0, 1.1]
        length = (0.2 - fan.HUB * 0.2) / 4.0
        root = fan.HUB * 0.2 + section * length
        assert np.linalg.norm(inner, axis=1) == pytest.approx(root)
        assert np.linalg.norm(outer, axis=1) == pytest.approx(root + length)
        assert np.abs(outer[:, 0]).max() < 1e-12  # in the plane of rotation; it blows along x


@pytest.mark.parametrize(("yaw", "tilt"), [(0.0, 0.0), (130.0, 25.0), (-40.0, -90.0)])
def test_it_turns_clockwise_and_pushes_the_air_forwards(yaw, tilt):
    mover = made(yaw_deg=yaw, tilt_deg=tilt)
    yaw, tilt = np.radians([yaw, tilt])
    front = np.array([np.cos(tilt) * np.cos(yaw), np.cos(tilt) * np.sin(yaw), np.sin(tilt)])
    t, step = np.linspace(0.0, 0.05, 23), 1e-6
    poses = mover.at(t)
    velocity = (mover.at(t + step).position_m - mover.at(t - step).position_m) / (2.0 * step)
    away = poses.position_m - [2.0, 1.0, 1.1]
    for index, piece in enumerate(mover.pieces):
        if piece.shape != "blade":
            assert np.abs(velocity[:, index]).max() < 1e-6
            continue
        turn = np.cross(away[:, index], velocity[:, index]) @ front
        assert (turn < 0.0).all()  # seen from the front, against its normal: clockwise
        normal = poses.rotation[:, index, :, 2]
        assert (normal @ front > 0.5).all()
        assert (np.sum(normal * velocity[:, index], axis=1) > 0.0).all()
        leading = -poses.rotation[:, index, :, 1]
        assert (np.sum(leading * velocity[:, index], axis=1) > 0.0).all()


def test_twist_is_the_angle_to_the_plane_of_rotation():
    mover = made(sections=2, pitch_root_deg=40.0, pitch_tip_deg=20.0)
    lean = mover.at(np.array([0.3])).rotation[0, :2, 0, 2]
    assert np.degrees(np.arccos(lean)) == pytest.approx([35.0, 25.0])


def test_speed_without_wander():
    mover = made()
    angle = mover.rotor_angle(np.array([0.0, 1.0, 3600.0]))
    assert np.diff(angle) == pytest.approx(2.0 * np.pi * 20.0 * np.array([1.0, 3599.0]))


def test_speed_wanders_as_said():
    """Root mean square over an hour within a fifth; phase continuous: no step in the speed."""
    mover = made(wander_percent=2.0)
    t = np.arange(0.0, 3600.0, 0.05)
    speed = np.gradient(mover.rotor_angle(t), t)[1:-1] / (2.0 * np.pi * 20.0) - 1.0
    assert np.std(speed) == pytest.approx(0.02, rel=0.2)
    assert abs(np.mean(speed)) < 1e-3
    assert np.abs(np.diff(speed)).max() < 0.02 * 4.0 * 0.05 * 2.0 * np.pi * fan.WANDER_HZ[1]


def test_seeds_differ_and_repeat():
    t = np.linspace(0.0, 9.0, 40)
    one = made(seed=1, wander_percent=1.0, sweep_deg=60.0)
    same = made(seed=1, wander_percent=1.0, sweep_deg=60.0)
    other = made(seed=2, wander_percent=1.0, sweep_deg=60.0)
    assert np.array_equal(one.at(t).rotation, same.at(t).rotation)
    assert np.abs(one.at(t).rotation - other.at(t).rotation).max() > 0.1


def test_sweep():
    """From end to end in half a period, near-triangular, at rest for a moment at the ends."""
    mover = made(sweep_deg=80.0, sweep_period_s=10.0, yaw_deg=30.0)
    t = np.arange(0.0, 20.0, 1e-3)
    yaw = np.degrees(mover.head_yaw(t))
    assert yaw.min() == pytest.approx(-10.0, abs=1e-3)
    assert yaw.max() == pytest.approx(70.0, abs=1e-3)
    assert yaw[:10000] == pytest.approx(yaw[10000:], abs=1e-9)
    rate = np.abs(np.gradient(yaw, t))
    assert rate.max() < 1.3 * 2.0 * 80.0 / 10.0
    assert np.mean(rate > 0.85 * rate.max()) > 0.5
    assert np.abs(np.diff(rate)).max() < 0.2
    assert made(yaw_deg=30.0).head_yaw(t) == pytest.approx(np.radians(30.0))


def test_sweep_moves_the_head_about_its_pivot():
    mover = made(sweep_deg=90.0, sweep_period_s=8.0, pivot_m=0.2)
    poses = mover.at(np.arange(0.0, 8.0, 0.01))
    hub = poses.position_m[:, part(mover, "hub")]
    assert np.linalg.norm(hub - [1.8, 1.0, 1.1], axis=1) == pytest.approx(0.2)
    assert hub[:, 0].max() == pytest.approx(2.0)
    speed = np.linalg.norm(np.diff(hub, axis=0), axis=1) / 0.01
    assert 0.04 < speed.max() < 0.15
    motor = poses.position_m[:, part(mover, "motor")]
    behind = hub - motor
    assert (np.sum(behind * poses.rotation[:, part(mover, "motor"), :, 0], axis=1) > 0.05).all()


def test_it_blows_where_its_head_points():
    """2.9 m/s at 1000 a minute and 20 cm, as fast as both; nothing where it is told not to."""
    assert made().jets == ()
    assert made().blowing(np.zeros(3)).position_m.shape == (3, 0, 3)
    mover = made(rpm=1000.0, sweep_deg=60.0, tilt_deg=10.0, jet=True)
    (jet,) = mover.jets
    assert jet.radius_m == 0.2
    assert jet.speed_m_s == pytest.approx(2.93, abs=0.01)
    (half,) = made(rpm=500.0, jet=True).jets
    assert half.speed_m_s == pytest.approx(0.5 * jet.speed_m_s)
    t_s = np.linspace(0.0, 12.0, 50)
    poses, hub = mover.blowing(t_s), part(mover, "hub")
    body = mover.at(t_s)
    assert np.allclose(poses.position_m[:, 0], body.position_m[:, hub], atol=1e-12)
    assert np.allclose(poses.rotation[:, 0], body.rotation[:, hub], atol=1e-12)
    assert np.allclose(poses.rotation[:, 0, 2, 0], np.sin(np.deg2rad(10.0)), atol=1e-12)


def test_a_grille_weakens_the_rotor_and_sweeps_with_the_head():
    """Wires of 2.5 mm, 15 mm apart: 0.5 dB each way at 32.5 kHz, and a mirror of -15 dB."""
    caged, open_ = made(sweep_deg=90.0), made(sweep_deg=90.0, grille=False)
    assert [piece.name for piece in open_.pieces] == [piece.name for piece in caged.pieces[:-1]]
    bare = surface("smooth_rigid")
    for piece, same in zip(caged.pieces[:-1], open_.pieces, strict=True):
        there = abs(complex(piece.surface.reflection(1.0, 32.5e3, Air())))
        loss_db = -20.0 * np.log10(there / abs(complex(bare.reflection(1.0, 32.5e3, Air()))))
        assert same.surface == bare
        assert loss_db == pytest.approx(0.0 if piece.name == "motor" else 1.08, abs=0.1)
    grille = caged.pieces[-1]
    mirror_db = 20.0 * np.log10(abs(complex(grille.surface.reflection(1.0, 32.5e3, Air()))))
    assert mirror_db == pytest.approx(-14.7, abs=0.2)
    t = np.linspace(0.0, 12.0, 50)
    poses, without = caged.at(t), open_.at(t)
    assert np.array_equal(poses.position_m[:, :-1], without.position_m)
    for piece, place, axes in zip(caged.pieces[:-2], poses.position_m[:, :-2].swapaxes(0, 1), poses.rotation[:, :-2].swapaxes(0, 1), strict=True):  # fmt: skip
        for x, y in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
            half_m = np.array(piece.half_m) * [x, y, 0]
            corner = np.einsum("tij,j->ti", axes, half_m) + place
            own = np.einsum("ti,tij->tj", corner - poses.position_m[:, -1], poses.rotation[:, -1])
            assert ((own / grille.size_m) ** 2).sum(axis=1).max() < 1.0, piece.name


@pytest.mark.parametrize("kind", ["wires", "behind"])
def test_surfaces_of_a_grille_lose_no_energy(kind):
    skin = made().pieces[-1 if kind == "wires" else 0].surface
    cosine, f_hz = np.linspace(0.0, 1.0, 11)[:, None], np.array([30e3, 35e3, 45e3])
    shares = skin.energy(cosine, f_hz, Air())
    assert np.broadcast_arrays(*shares)[0].shape == (11, 3)
    assert sum(shares) == pytest.approx(1.0)
    assert min(share.min() for share in shares) >= 0.0
    assert shares.mirror == pytest.approx(abs(skin.reflection(cosine, f_hz, Air())) ** 2)
    assert shares.transmitted == pytest.approx(abs(skin.transmission(cosine, f_hz, Air())) ** 2)


def test_the_fastest_point_is_a_corner_of_a_tip():
    """The baseband is chosen by it: not the bound of twice the tip's own radius of a ball."""
    found = motion(made(grille=False), 2.0).fastest_m_s
    chord = made().pieces[2].size_m[1] * np.cos(np.radians(18.0 + 17.0 / 6.0))
    assert found == pytest.approx(2.0 * np.pi * 20.0 * np.hypot(0.2, chord), rel=1e-3)


def test_reach_of_a_fan_is_that_of_its_corners():
    mover = made(grille=False, yaw_deg=90.0, pivot_m=0.0, rpm=1170.0)
    reach = motion(mover, 2.0).support_m(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    assert reach[:, :, 0, 0].max() == pytest.approx(2.0 + 0.206, abs=0.003)
    assert reach[:, :, 1, 2].max() == pytest.approx(1.1 + 0.206, abs=0.003)


def test_ten_thousand_times_at_once():
    poses = made(sweep_deg=70.0).at(np.linspace(0.0, 10.0, 10000))
    assert poses.position_m.shape == (10000, 12, 3)
    assert poses.rotation.shape == (10000, 12, 3, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hub_radius_m": 0.19},
        {"blades": 1},
        {"blades": 3.0},
        {"rpm": 0.0},
        {"sections": 5},
        {"wander_percent": 6.0},
    ],
)
def test_refusals(wrong):
    with pytest.raises(ValidationError):
        made(**wrong)

"""The judge's cylinders against a surface integral and a closed form of their Doppler shift."""

import kirchhoff
import numpy as np
import pytest
from test_engine_shapes import DEVICE_M, MOVERS, scene

from usim.engine import exact

KEY = np.array([[[0, 0, 0], [0, 0, 0]]])


def response(name, t_s):
    """Echo of a mover of the table in free field, FS per Pa: as the judge has it, and the scene."""
    made = scene(name)
    return exact.tone_response(made, 0, t_s, pairs={(name, 0): KEY}, static=False), made


@pytest.mark.slow
def test_still_cylinder_against_a_surface_integral(monkeypatch, figures):
    """Why: engine and judge both mirror sound at every ring; only the integral over the side does not. Set-up: the pillar still at ten places
    about the device, upright and leaning, rigid, free field; the Kirchhoff integral with a penumbra on a mesh of lambda/6.
    Expected: ratios between places within 0.2 dB and 0.05 rad.
    """
    ratios = []
    for angle, x in ((0.0, 1.6), (4.0, 1.9), (-8.0, 2.6), (13.0, 3.1), (1.0, 3.6)):
        track = {"at_s": [0.0], "through_m": [[x, 2.0, 1.15]]}
        leaning = {"axis": [0.0, 1.0, 0.0], "angle_deg": angle}
        monkeypatch.setitem(MOVERS, "post", MOVERS["pillar"] | {"track": track, "turned": leaning})
        found, made = response("post", np.array([0.5]))
        pose, (device,) = made.movers[0].at(np.array([0.5])), made.devices
        c = made.air.sound_speed_m_s
        ends = [np.asarray(device.world(at), float)[0] for at in (device.unit.drivers_m, device.unit.mics_m)]  # fmt: skip
        own = [(end - pose.position_m[0, 0]) @ pose.rotation[0, 0] for end in ends]
        truth = kirchhoff.tube(0.15, 0.5, *own, 2.0 * np.pi * 32e3 / c)
        way = sum(np.linalg.norm(end) for end in own)
        ratios.append(found[0] / (truth * np.exp(-made.air.absorption_np_m(32e3) * (way - 1.0))))
    ratios = np.array(ratios) / ratios[0]
    level, phase = np.abs(20.0 * np.log10(np.abs(ratios))).max(), np.abs(np.angle(ratios)).max()
    figures("judge's still cylinder against Kirchhoff, level", level, "dB", "<= 0.2")
    figures("judge's still cylinder against Kirchhoff, phase", phase, "rad", "<= 0.05")
    assert level <= 0.2
    assert phase <= 0.05


def test_doppler_of_a_cylinder_that_comes_nearer(monkeypatch, figures):
    """Why: Doppler is not added, it must fall out. Set-up: an upright cylinder 2.3 m long comes at 1.5 m/s, its axis in the plane of the device; phase over 50 ms (its ends ripple it).
    Expected: f (c + v) / (c - v) - f within 0.1 Hz of what microphone and driver hear that both lie on its way.
    """
    start = np.array(DEVICE_M) + [2.5, 0.0, 0.0]
    track = {"at_s": [0.0, 1.0], "through_m": [start.tolist(), (start - [1.5, 0, 0]).tolist()], "path": "linear"}  # fmt: skip
    monkeypatch.setitem(MOVERS, "comer", MOVERS["pillar"] | {"track": track, "length_m": 2.3})
    t_s = 0.5 + np.arange(101) * 5e-4
    found, made = response("comer", t_s)
    c = made.air.sound_speed_m_s
    shift = np.polyfit(t_s, np.unwrap(np.angle(found)), 1)[0] / (2.0 * np.pi)
    want = 32e3 * 2.0 * 1.5 / (c - 1.5)
    figures("cylinder that comes nearer, Doppler shift against c and v", shift - want, "Hz", "within 0.1")  # fmt: skip
    assert shift == pytest.approx(want, abs=0.1)

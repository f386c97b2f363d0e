"""One sphere on a straight line in free air, through the engine as it is: order 0, so no wall is met."""

from __future__ import annotations

import dataclasses

import numpy as np

from usim.engine.paths import Paths, listening, trace_device
from usim.engine.selection import QUALITIES
from usim.scene.scene import Scene
from usim.scene.template import from_table

NAME = "ball"
DEVICE_M = np.array([1.0, 6.0, 3.0])
RIGID = {"kind": "hard", "absorption": 0.0, "angle_dependent": False}
# The line starts before the sound and ends after it; so long, that neither kink lies in the stretch of 1.28 s for which the engine
# chooses one grid.
LEAD_S, TAIL_S = 1.3, 0.27


def ball(start_m, velocity_m_s, duration_s, radius_m=0.1, carrier_hz=32000.0, air=None) -> Scene:
    """A rigid sphere on a line, at DEVICE_M + start_m at time LEAD_S, from when on it is heard; `ideal`, 192 kHz."""
    start, velocity = np.asarray(start_m, float), np.asarray(velocity_m_s, float)
    ends = [DEVICE_M + start + velocity * t for t in (-LEAD_S, duration_s + TAIL_S)]
    device = {
        "name": "probe",
        "profile": "ideal",
        "position_m": DEVICE_M.tolist(),
        "yaw_deg": 0,
        "emits": {"kind": "tones", "carriers_hz": [carrier_hz], "level_db_spl": 80},
    }
    mover = {
        "kind": "sphere",
        "name": NAME,
        "radius_m": radius_m,
        "surface": RIGID,
        "track": {
            "at_s": [0.0, LEAD_S + duration_s + TAIL_S],
            "through_m": [end.tolist() for end in ends],
            "path": "linear",
        },
    }
    return from_table(
        {
            "usim": "scene/1",
            "title": "a sphere on a straight line",
            "duration_s": LEAD_S + duration_s + TAIL_S,
            "render": {"rate_hz": 192000},
            "room": {
                "kind": "box",
                "size_m": [16, 12, 6],
                "surfaces": {"floor": RIGID, "ceiling": RIGID, "walls": RIGID},
            },
            "air": {"temperature_c": 20.0, "humidity_percent": 50.0, **(air or {})},
            "devices": [device],
            "movers": [mover],
        }
    ).sample()


def heard(scene: Scene, duration_s: float, quality: str = "standard") -> Paths:
    """Paths of order 0 over the sound."""
    rate = scene.baseband_rate_hz
    free = dataclasses.replace(QUALITIES[quality], order=0)
    return trace_device(
        scene, listening(scene), free, round(LEAD_S * rate), round(duration_s * rate)
    )


# ---------------------------------------------------------------- the closed form, by other means


def glint(source, ear, radius_m):
    """Legs r1, r2 (m) and cosine of half the bistatic angle at a sphere's mirror point; source, ear (n, 3) from its centre.

    Alhazen's problem in the plane of centre, source and ear: the angle from the source's direction at which both rays make
    the same angle with the normal, by bisection.
    """
    a, b = np.linalg.norm(source, axis=-1), np.linalg.norm(ear, axis=-1)
    cross = np.linalg.norm(np.cross(source, ear), axis=-1)
    between = np.arctan2(cross, (source * ear).sum(axis=-1))
    low, high = np.zeros_like(between), between.copy()
    for _ in range(52):
        x = 0.5 * (low + high)
        y = between - x
        tilt = np.arctan2(a * np.sin(x), a * np.cos(x) - radius_m)
        other = np.arctan2(b * np.sin(y), b * np.cos(y) - radius_m)
        low, high = np.where(tilt < other, x, low), np.where(tilt < other, high, x)
    r1 = np.sqrt(a * a + radius_m**2 - 2 * a * radius_m * np.cos(x))
    r2 = np.sqrt(b * b + radius_m**2 - 2 * b * radius_m * np.cos(between - x))
    cosine = (a * np.cos(x) - radius_m) / r1
    return r1, r2, cosine


def closed_form(start_m, velocity_m_s, t_s, radius_m, c):
    """Path (m), frequency ratio, legs, cosine and centre (n, 3) re the driver at reception times from the start of the sound.

    Retarded: received at t, bounced at t_b with t = t_b + r2(t_b)/c, left at t_b - r1(t_b)/c. Received over sent frequency is
    (1 - r1'/c) / (1 + r2'/c), rates along t_b, the glide of the mirror point over the sphere included.
    """
    ear = np.array([0.0, 0.05, 0.0])

    def legs(bounce):
        centre = np.asarray(start_m) + np.multiply.outer(bounce, velocity_m_s)
        return *glint(-centre, ear - centre, radius_m), centre

    bounce = np.asarray(t_s, float)
    for _ in range(9):  # a hundredth of the error is left each time
        bounce = t_s - legs(bounce)[1] / c
    h = 1e-4
    (r1a, r2a, *_), (r1b, r2b, *_) = legs(bounce - h), legs(bounce + h)
    ratio = (1 - (r1b - r1a) / (2 * h * c)) / (1 + (r2b - r2a) / (2 * h * c))
    r1, r2, cosine, centre = legs(bounce)
    return r1 + r2, ratio, r1, r2, cosine, centre

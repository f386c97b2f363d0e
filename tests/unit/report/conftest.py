"""A recording that no engine made: a walker of six parts and a ball, from a few lines of algebra."""

import numpy as np
import pytest

from usim.recording.labels import Label, LabelTrack
from usim.recording.observation import Baseband, EmissionCommand, Observation
from usim.recording.recording import Metadata, Recording
from usim.recording.truth import SILENT_DB, Truth, decibels
from usim.template.writer import dump

C = 343.21
CARRIER_HZ = 32_500.0
RATE_HZ = 4000.0
DEVICE = np.array([0.30, 2.0, 0.85])
DURATION_S = 10.0

SCENE = {
    "usim": "scene/1",
    "title": "Evening: an adult walks past the shelf while a ball rolls by",
    "duration_s": DURATION_S,
    "seed": 7,
    "room": {
        "kind": "box",
        "size_m": [5.2, 4.1, 2.6],
        "surfaces": {
            "floor": "carpet_loop",
            "ceiling": "plaster_painted",
            "walls": "drywall_painted",
            "east": {"material": "window_glass", "spread": 0.5},
        },
        "furniture": [
            {
                "kind": "block",
                "name": "sofa",
                "from_m": [3.9, 0.2, 0.0],
                "to_m": [5.0, 2.2, 0.8],
                "surface": "upholstery_fabric",
            },
            {
                "kind": "block",
                "name": "low_table",
                "from_m": [2.3, 3.2, 0.0],
                "to_m": [3.3, 3.8, 0.45],
                "surface": "wood_lacquered",
            },
        ],
    },
    "air": {"temperature_c": 21.0, "humidity_percent": 42.0, "pressure_kpa": 101.325},
    "devices": [
        {
            "name": "shelf",
            "profile": "puck_4mic",
            "unit": 1017,
            "position_m": DEVICE.tolist(),
            "yaw_deg": 0.0,
            "listens": True,
            "emits": {"kind": "tones", "carriers_hz": [CARRIER_HZ], "level_db_spl": 72.0},
        }
    ],
    "movers": [
        {"kind": "person", "name": "adult"},
        {"kind": "sphere", "name": "ball", "radius_m": 0.1},
    ],
    "noises": [
        {"kind": "hiss", "name": "air_vent", "at": [4.6, 3.7, 2.4], "level_db_spl": 40.0},
        {"kind": "white_ultrasonic", "name": "hum", "level_db_spl": 20.0},
    ],
}


def smooth_step(t_s, start_s, stop_s):
    """Return 0 before, 1 after, and (s - sin(2 pi s) / 2 pi) between: steady, softly begun."""
    s = np.clip((t_s - start_s) / (stop_s - start_s), 0.0, 1.0)
    return s - np.sin(2 * np.pi * s) / (2 * np.pi)


def walker_track(t_s):
    """Return the pelvis (time, 3) of a walk in, a stop, and a walk out on another way."""
    stops = np.array([[3.7, 2.7], [1.2, 1.6], [3.5, 0.6]])
    inward, outward = smooth_step(t_s, 0.6, 4.2), smooth_step(t_s, 5.6, 9.4)
    xy = stops[0] + np.outer(inward, stops[1] - stops[0]) + np.outer(outward, stops[2] - stops[1])
    xy += 0.004 * np.sin(2 * np.pi * 0.35 * t_s)[:, None]  # sway
    return np.column_stack([xy, np.full(len(t_s), 0.95)])


def positions(t_s):
    """Return names and positions (time, piece, 3) of every part."""
    pelvis = walker_track(t_s)
    going = np.where(t_s < 4.9, smooth_step(t_s, 0.4, 1.2) - smooth_step(t_s, 3.6, 4.4),
                     smooth_step(t_s, 5.4, 6.2) - smooth_step(t_s, 8.8, 9.6))  # fmt: skip
    heading = smooth_step(t_s, 4.4, 5.4)[:, None]
    ahead = np.array([-0.91, -0.4, 0]) * (1 - heading) + np.array([0.91, -0.4, 0]) * heading
    swing = (going * np.sin(2 * np.pi * 0.9 * t_s))[:, None] * ahead
    parts = {
        "adult.torso": pelvis + [0, 0, 0.3],
        "adult.head": pelvis + [0, 0, 0.7],
        "adult.hand_left": pelvis + 0.16 * swing,
        "adult.hand_right": pelvis - 0.16 * swing,
        "adult.foot_left": pelvis - 0.24 * swing - [0, 0, 0.9],
        "adult.foot_right": pelvis + 0.24 * swing - [0, 0, 0.9],
    }
    y = 0.4 + 2.6 * smooth_step(t_s, 0.5, 7.5)
    parts["ball.body"] = np.column_stack([np.full_like(y, 2.0), y, np.full_like(y, 0.1)])
    return tuple(parts), np.stack(list(parts.values()), axis=1)


def make_recording(title=None, with_truth=True, as_audio=False, microphones=4):
    """Return the stand-in recording."""
    rate_hz = 96_000.0 if as_audio else RATE_HZ
    t_s = np.arange(int(DURATION_S * rate_hz)) / rate_hz
    names, there = positions(t_s)
    range_m = np.linalg.norm(there - DEVICE, axis=-1)
    strength = np.array([1.0, 0.3, 0.2, 0.2, 0.3, 0.3, 0.4])
    amplitude = 2e-3 * strength / range_m**2
    k = 2 * np.pi * CARRIER_HZ / C
    generator = np.random.Generator(np.random.Philox(3))
    sound = np.empty((microphones, len(t_s)), dtype=complex)
    for number in range(microphones):
        lag = 0.02 * number
        echoes = (amplitude * np.exp(-1j * k * (2 * range_m + lag))).sum(axis=1)
        noise = generator.standard_normal(len(t_s)) + 1j * generator.standard_normal(len(t_s))
        sound[number] = 0.2 * np.exp(1j * number) + echoes + 2e-5 * np.sqrt(rate_hz / 4e3) * noise
    audio = baseband = None
    if as_audio:
        audio = np.real(sound * np.exp(2j * np.pi * CARRIER_HZ * t_s))
    else:
        baseband = Baseband(sound[:, None], RATE_HZ, [CARRIER_HZ])
    observation = Observation(
        profile="puck_4mic",
        rate_hz=96_000,
        bits=24,
        microphones_m=0.03 * np.eye(4, 3)[:microphones],
        audio=audio,
        baseband=baseband,
        emission=(EmissionCommand(0.0, (CARRIER_HZ,), 72.0),),
    )
    truth = None
    if with_truth:
        pick = slice(None, None, int(rate_hz / 200))
        level = 60 + decibels(amplitude[pick] ** 2)
        level[:5, -1] = SILENT_DB
        rows = (
            Label(0.0, 1.05, "still", "adult"),
            Label(1.05, 4.2, "major", "adult"),
            Label(4.2, 6.05, "still", "adult"),
            Label(6.05, 9.15, "major", "adult"),
            Label(9.15, 10.0, "still", "adult"),
            Label(0.0, 6.2, "non_human", "ball"),
            Label(0.0, 10.0, "presence"),
            Label(0.0, 1.05, "still"),
            Label(1.05, 4.2, "major"),
            Label(4.2, 6.05, "still"),
            Label(6.05, 9.15, "major"),
            Label(9.15, 10.0, "still"),
        )
        truth = Truth(
            scene=dump(SCENE if title is None else SCENE | {"title": title}),
            labels=LabelTrack(rows),
            pieces=names,
            t_s=t_s[pick],
            radial_velocity_m_s=np.gradient(range_m[pick], t_s[pick], axis=0),
            range_m=range_m[pick],
            echo_level_db_spl=level,
            position_m=there[pick],
            movers=("adult", "ball"),
            frame_t_s=np.arange(10) + 0.5,
            echo_to_noise_db=np.tile([25.0, 12.0], (10, 1)),
        )
    about = Metadata("shelf", 1017, {"scene": 7, "noise": 0}, {"quality": "standard"})
    return Recording(observation, truth, about)


@pytest.fixture(scope="session")
def walker():
    """The stand-in recording, baseband and truth."""
    return make_recording()


@pytest.fixture(scope="session")
def make():
    """The function that makes stand-in recordings."""
    return make_recording

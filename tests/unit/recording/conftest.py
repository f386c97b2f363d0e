"""Small recordings made of numbers alone."""

import numpy as np
import pytest

from usim.recording.labels import Label, LabelTrack
from usim.recording.observation import Baseband, EmissionCommand, Observation, Playback
from usim.recording.recording import Metadata, Recording
from usim.recording.truth import Truth


def make_recording(count=4000, microphones=2, bits=24, seed=1, whole=True):
    """Return a recording of `count` samples; `whole=False` leaves out truth and playback."""
    generator = np.random.Generator(np.random.Philox(seed))
    stems = {
        "direct": 0.3 * generator.uniform(-1, 1, (microphones, count)),
        "mover.ball": 2e-5 * generator.standard_normal((microphones, count)),
        "self_noise": 1e-6 * generator.standard_normal((microphones, count)),
        "distortion": np.zeros((microphones, count)),
    }
    baseband = generator.standard_normal((microphones, 1, 200, 2)) @ [1, 1j]
    observation = Observation(
        profile="puck",
        rate_hz=96_000,
        bits=bits,
        microphones_m=np.arange(3.0 * microphones).reshape(microphones, 3) / 100,
        audio=sum(stems.values()),
        baseband=Baseband(baseband, 4000.0, [32_500.0]),
        playback=Playback(generator.uniform(-1, 1, (2, 500)), 48_000, 16) if whole else None,
        emission=(EmissionCommand(0.0, (32_500.0,), 72.0), EmissionCommand(0.02, (), 72.0, False)),
    )
    t_s = np.arange(5) / 100
    truth = Truth(
        scene="usim: scene/1\ntitle: Zwei Bälle\n",
        labels=LabelTrack((Label(0.0, 0.04, "non_human", "ball"), Label(0.0, 0.04, "presence"))),
        pieces=("ball.body",),
        t_s=t_s,
        radial_velocity_m_s=-t_s[:, None],
        range_m=2.0 + t_s[:, None],
        echo_level_db_spl=np.full((5, 1), 31.5),
        position_m=np.ones((5, 1, 3)),
        movers=("ball",),
        frame_t_s=np.array([0.01, 0.03]),
        echo_to_noise_db=np.array([[11.0], [12.0]]),
        stems=stems,
        baseband=Baseband(baseband[:, :, ::-1], 2000.0, [32_500.0]),
    )
    about = Metadata(
        device="shelf",
        unit=1017,
        seeds={"scene": 7, "noise": 0},
        settings={"quality": "standard", "window": None},
        versions={"usim": "0.1.0"},
        clipped=(0,) * microphones,
    )
    return Recording(observation, truth if whole else None, about)


@pytest.fixture
def make():
    """The function that makes small recordings."""
    return make_recording


@pytest.fixture
def recording():
    """One small recording with everything in it."""
    return make_recording()

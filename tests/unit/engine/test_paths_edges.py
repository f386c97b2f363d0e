"""R19: degenerate geometry gives finite samples or one clear line."""

import dataclasses

import numpy as np
import pytest

from usim.engine.simulate import simulate, trace
from usim.scene.template import from_table
from usim.template.problem import InvalidInput

KEEP = ("audio", "baseband", "stems", "truth")


def table(**changes):
    ball = {
        "kind": "sphere",
        "name": "ball",
        "radius_m": 0.1,
        "track": {"at_s": [0.0, 1.0], "through_m": [[2.0, 2.0, 1.2], [1.5, 2.2, 1.2]], "path": "linear"},
    }  # fmt: skip
    probe = {
        "name": "probe",
        "profile": "puck_4mic",
        "position_m": [0.3, 2.0, 1.0],
        "yaw_deg": 0,
        "emits": {"kind": "tones", "carriers_hz": [32500], "level_db_spl": 72},
    }
    ball |= changes.pop("ball", {})
    probe |= changes.pop("probe", {})
    room = {"kind": "box", "size_m": [4, 4, 2.5], "surfaces": {"floor": "carpet_loop", "ceiling": "plaster_painted", "walls": "drywall_painted"}}  # fmt: skip
    made = {
        "usim": "scene/1", "title": "edge", "duration_s": 0.3, "room": room, "devices": [probe], "movers": [ball],
    } | changes  # fmt: skip
    return {key: value for key, value in made.items() if value is not None}


def finite(recordings):
    """Every number that a recording holds, sound, stems and truth, is finite."""
    for one in recordings.values() if isinstance(recordings, dict) else [recordings]:
        seen = one.observation
        assert np.all(np.isfinite(seen.audio))
        assert seen.baseband is None or np.all(np.isfinite(seen.baseband.samples))
        for value in vars(one.truth).values():
            if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
                assert not np.any(np.isnan(value))
        assert all(np.all(np.isfinite(stem)) for stem in one.truth.stems.values())
    return recordings


STILL = {"track": {"at_s": [0.0], "through_m": [[2.0, 2.0, 1.2]]}}
EDGES = {
    "no movers": {"movers": []},
    "zero speed": {"ball": STILL},
    "track of no length": {"ball": {"track": {"at_s": [0.0, 1.0], "through_m": [[2.0, 2.0, 1.2]] * 2}}},
    "a kink while it is heard": {"ball": {"track": {"at_s": [0.0, 0.15, 0.2], "through_m": [[2, 2, 1.2], [1.8, 2, 1.2], [2, 2.1, 1.2]], "path": "linear"}}},
    "mover behind the device": {"probe": {"yaw_deg": 180}},
    "mover straight ahead, of the driver's height": {"ball": {"track": {"at_s": [0.0, 1.0], "through_m": [[2.0, 2.0, 1.0], [1.5, 2.0, 1.0]]}}},
    "mover that nearly touches the device": {"ball": {"radius_m": 0.3, "track": {"at_s": [0.0, 1.0], "through_m": [[0.75, 2.0, 1.0], [0.8, 2.0, 1.0]]}}},
    "mover that nearly touches a wall": {"ball": {"track": {"at_s": [0.0, 1.0], "through_m": [[3.899, 2.0, 1.2], [3.899, 2.2, 1.2]]}}},
    "mover in a corner": {"ball": {"track": {"at_s": [0.0, 1.0], "through_m": [[3.899, 3.899, 2.399], [3.8, 3.8, 2.3]]}}},
    "mover between device and wall": {"probe": {"position_m": [2.0, 2.0, 1.0], "yaw_deg": 180}, "ball": {"track": {"at_s": [0.0, 1.0], "through_m": [[0.2, 2.0, 1.0], [0.2, 2.4, 1.0]]}}},
    "device against a wall": {"probe": {"position_m": [0.06, 2.0, 1.0]}},
    "device in a corner": {"probe": {"position_m": [0.06, 0.06, 0.06], "yaw_deg": 45}},
    "device in the middle of the room": {"probe": {"position_m": [2.0, 2.0, 1.25]}, "ball": {"track": {"at_s": [0.0, 1.0], "through_m": [[3.0, 2.0, 1.25], [2.9, 2.0, 1.25]]}}},
    "device that does not sound": {"probe": {"emits": None}},
    "nothing in the room but a silent device": {"probe": {"emits": None}, "movers": []},
    "a shorter scene than one block": {"duration_s": 0.001},
    "a point source and microphone": {"probe": {"profile": "ideal"}},
    "fastest mover": {"ball": {"track": {"at_s": [0.0, 0.28], "through_m": [[1.0, 2.0, 1.2], [3.8, 2.0, 1.2]], "path": "linear"}}},
}  # fmt: skip


@pytest.mark.parametrize("quality", ["draft", "standard"])
@pytest.mark.parametrize("edge", EDGES)
def test_edges_of_geometry(edge, quality):
    """Rendered with finite numbers everywhere, or refused as a scene in lines that name the place."""
    changes = {k: dict(v) if isinstance(v, dict) else v for k, v in EDGES[edge].items()}
    made = table(**changes)
    for device in made["devices"]:
        if device["emits"] is None:
            del device["emits"]
    try:
        scene = from_table(made).sample()
        recordings = simulate(scene, quality, keep=KEEP)
    except InvalidInput as refused:
        lines = str(refused).splitlines()
        assert 0 < len(lines) <= 3
        assert all(len(line) < 250 for line in lines)
        assert edge in REFUSED, lines
        return
    finite(recordings)
    assert edge not in REFUSED


REFUSED = {"no device listens"}


def test_microphone_on_a_wall():
    """Its image in that wall lies upon it; path, level and echo stay finite."""
    scene = from_table(table(probe={"profile": "ideal"})).sample()
    device = scene.devices[0]
    at = np.array([0.3, 4.0 - 0.05, 1.0])  # the microphone is 50 mm to its left, upon the wall
    scene = dataclasses.replace(scene, devices=(dataclasses.replace(device, position_m=at),))
    assert device.unit.mics_m[0, 1] == 0.05
    finite(simulate(scene, "standard", keep=KEEP))
    finite(simulate(scene, "exact", window=(0.1, 0.11), keep=KEEP))


def test_driver_and_microphone_at_one_point():
    scene = from_table(table(probe={"profile": "ideal"})).sample()
    device = scene.devices[0]

    class Together:
        def __getattr__(self, name):
            return getattr(device.unit, name)

        @property
        def mics_m(self):
            return device.unit.drivers_m

    one = dataclasses.replace(device, unit=Together())
    paths = trace(dataclasses.replace(scene, devices=(one,)), "draft", (0.0, 0.05))
    gains = paths.standing.gains(device.unit)
    assert np.all(np.isfinite(gains))
    assert gains[0, 0, 0, 0] == 0.0
    assert np.all(np.isfinite(paths.echoes[0].tones))


def test_mover_around_the_source():
    """A scene refuses it; the engine, asked all the same, gives finite numbers."""
    with pytest.raises(InvalidInput, match=r"movers\.ball: it comes within"):
        from_table(table(ball={"track": {"at_s": [0.0], "through_m": [[0.31, 2.0, 1.0]]}})).sample()
    scene = from_table(table()).sample()
    inside = from_table(table(probe={"position_m": [3.5, 3.5, 2.0]}, ball={"track": {"at_s": [0.0, 1.0], "through_m": [[0.31, 2.0, 1.0], [0.35, 2.0, 1.0]]}})).sample()  # fmt: skip
    mixed = dataclasses.replace(scene, movers=inside.movers)
    paths = trace(mixed, "standard", (0.0, 0.1))
    assert np.all(np.isfinite(paths.echoes[0].tones))


def test_mover_far_outside_the_room():
    scene = from_table(table()).sample()

    class Away:
        def __init__(self, mover):
            self.mover = mover

        def __getattr__(self, name):
            return getattr(self.mover, name)

        def at(self, t_s):
            poses = self.mover.at(t_s)
            return dataclasses.replace(poses, position_m=poses.position_m + [60.0, 0.0, 0.0])

    far = dataclasses.replace(scene, movers=(Away(scene.movers[0]),))
    paths = trace(far, "draft", (0.0, 0.1))
    assert np.all(np.isfinite(paths.echoes[0].tones))


def test_a_window_before_the_start_and_after_the_end():
    scene = from_table(table()).sample()
    late = simulate(scene, "draft", window=(0.25, 0.3), keep=KEEP)
    finite(late)
    assert late.observation.audio.shape[1] == 4800


def test_two_devices_and_none():
    probe = table()["devices"][0]
    other = {**probe, "name": "other", "position_m": [3.7, 2.0, 1.0], "yaw_deg": 180}
    finite(simulate(from_table(table(devices=[probe, other])).sample(), "draft", keep=KEEP))
    with pytest.raises(InvalidInput) as refused:
        simulate(from_table(table(devices=[{**probe, "listens": False}])).sample(), "draft")
    assert len(str(refused.value).splitlines()) == 1

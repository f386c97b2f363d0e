"""What `describe` says of devices that hear each other."""

import numpy as np
import pytest

import usim
from usim.cli.crosstalk import crosstalk, crosstalk_lines
from usim.scene.template import from_table


def two(first_hz: float, second_hz: float, listens: bool = True):
    """Return two ideal devices three metres apart; the second is silent to its own ears where it does not listen."""
    hard = {"kind": "hard", "absorption": 0.3}
    emits = {"kind": "tones", "level_db_spl": 80}
    return from_table(
        {
            "usim": "scene/1", "title": "two", "duration_s": 1.0, "render": {"baseband_rate_hz": 2000},
            "room": {"kind": "box", "size_m": [5, 4, 2.5], "surfaces": {"floor": hard, "ceiling": hard, "walls": hard}},
            "devices": [
                {"name": "a", "profile": "ideal", "position_m": [1, 2, 1], "emits": emits | {"carriers_hz": [first_hz]}},
                {"name": "b", "profile": "ideal", "position_m": [4, 2, 1], "listens": listens, "emits": emits | {"carriers_hz": [second_hz]}},
            ],
        }
    ).sample()  # fmt: skip


def test_level_and_distance_of_another_tone():
    """Spreading and the air over the direct path; the distance from the own carrier; 999 Hz are in a baseband of 2 kHz, 1001 are not."""
    scene = two(32500, 33499)
    one, other = crosstalk(scene)
    assert (one["listener"], one["sender"]) == ("a", "b")
    assert (other["listener"], other["sender"]) == ("b", "a")
    r = np.hypot(3.0, 0.05)  # the microphone stands 5 cm aside
    loss = 20 * np.log10(r) + 8.685889638 * float(scene.air.absorption_np_m(33499.0)) * (r - 1.0)
    assert one["direct_db_spl"] == pytest.approx(80.0 - loss, abs=1e-6)
    assert one["offset_hz"] == pytest.approx(999.0)
    assert other["offset_hz"] == pytest.approx(-999.0)
    assert one["in_baseband"]
    assert not crosstalk(two(32500, 33501))[0]["in_baseband"]
    _, _, row, _ = crosstalk_lines({"crosstalk": [one, other]})
    assert "+999.00 Hz, in the baseband" in row


def test_one_that_does_not_listen_is_heard_but_hears_nothing():
    assert [one["listener"] for one in crosstalk(two(32500, 32500, listens=False))] == ["a"]


def test_a_scene_of_one_device_says_nothing_of_others():
    assert crosstalk(usim.load("sphere_passes").sample(seed=3)) == []
    assert crosstalk_lines({"crosstalk": []}) == []

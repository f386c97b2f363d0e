"""What a recording says of the sweep that was emitted comes back from its folder, and nonsense does not."""

import dataclasses
import json

import pytest

from usim.physics.sweeps import Sweep
from usim.recording import opener
from usim.recording.observation import EmissionCommand
from usim.recording.writer import _observation_table

SWEEP = Sweep(((0.0, 32000.0), (0.006, 40000.0)), 0.05, 0.001, -0.0213)


def stored(recording, sweep):
    """The row of observation.json of a command with this sweep."""
    command = EmissionCommand(0.5, (36000.0,), 80.0, True, sweep)
    observation = dataclasses.replace(recording.observation, emission=(command,))
    (row,) = json.loads(json.dumps(_observation_table(observation)))["emission"]
    return command, row


def test_a_sweep_comes_back(recording):
    command, row = stored(recording, SWEEP)
    assert opener._command(row) == command


def test_tones_say_nothing_of_a_sweep(recording):
    command, row = stored(recording, None)
    assert "sweep" not in row
    assert opener._command(row) == command


@pytest.mark.parametrize(
    "changed",
    [
        {"hz": [[0.0, 32000.0]]},
        {"hz": [[0.01, 32000.0], [0.02, 40000.0]]},
        {"hz": [[0.0, 32000.0], [0.0, 40000.0]]},
        {"hz": [[0.0, 32000.0], [0.006, float("nan")]]},
        {"every_s": 0.001},
        {"origin_s": float("inf")},
    ],
)
def test_nonsense_is_refused(recording, changed):
    _, row = stored(recording, SWEEP)
    with pytest.raises(ValueError, match="sweep needs knots"):
        opener._command(row | {"sweep": row["sweep"] | changed})

"""Tones: carriers, and when they are on."""

import numpy as np
import pytest
from pydantic import ValidationError

from usim.emissions import tones

TABLE = {"kind": "tones", "carriers_hz": [32500, 40000], "level_db_spl": 72}


def _tones(**changed):
    return tones.build(tones.Parameters.model_validate({**TABLE, **changed}))


def test_steady_tones_have_been_on_for_ever():
    made = _tones()
    assert made.steady
    assert np.array_equal(made.envelope(np.array([-1e6, 0.0, 1e6])), np.ones((2, 3)))


def test_ramps_are_raised_cosines():
    made = _tones(start_s=1.0, stop_s=2.0, ramp_s=0.02)
    t_s = np.array([0.9, 1.0, 1.01, 1.02, 1.5, 1.98, 1.99, 2.0, 2.1])
    expected = [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0]
    assert np.abs(made.envelope(t_s)[0] - expected).max() < 1e-12
    assert not made.steady


@pytest.mark.parametrize(
    "changed",
    [
        {"carriers_hz": []},
        {"carriers_hz": [30000 + i for i in range(9)]},
        {"carriers_hz": [40000, 32500]},
        {"carriers_hz": [32500, 32500.5]},
        {"carriers_hz": [1000]},
        {"level_db_spl": 130},
        {"ramp_s": 0.004},
        {"start_s": 1.0, "stop_s": 1.01},
        {"duty": 0.5},
    ],
)
def test_wrong_tones_are_refused(changed):
    with pytest.raises(ValidationError):
        _tones(**changed)

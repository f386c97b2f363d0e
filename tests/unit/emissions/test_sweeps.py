"""Chirps, FMCW and pulses: what may be written, and what is on when."""

import numpy as np
import pytest
from pydantic import ValidationError

from usim.emissions import chirps, fmcw, pulses

CHIRPS, FMCW, PULSES = chirps.EXAMPLES[0], fmcw.EXAMPLES[0], pulses.EXAMPLES[0]


def made(kind, table, **changed):
    return kind.build(kind.Parameters.model_validate({**table, **changed}))


def test_the_one_carrier_is_the_middle_of_the_band():
    for kind, table, centre in ((chirps, CHIRPS, 36e3), (fmcw, FMCW, 35e3), (pulses, PULSES, 40e3)):
        emission = made(kind, table)
        assert emission.carriers_hz.tolist() == [centre]
        assert 0.5 * sum(emission.band_hz) == pytest.approx(centre)
        assert not emission.steady


def test_a_sweep_may_run_down():
    assert made(chirps, CHIRPS, from_hz=40000, to_hz=32000).sweep.hz == ((0.0, 4e4), (0.004, 3.2e4))


def test_shapes_of_fmcw():
    assert made(fmcw, FMCW).sweep.hz == ((0.0, 32e3), (pytest.approx(0.038), 38e3), (0.04, 32e3))
    assert made(fmcw, FMCW, shape="triangle").sweep.hz[1] == (0.02, 38e3)
    assert made(fmcw, FMCW, flyback_s=0.01).sweep.hz[1] == (0.03, 38e3)


def test_start_and_stop_are_ramps_and_commands():
    emission = made(fmcw, FMCW, start_s=1.0, stop_s=2.0)
    assert np.allclose(
        np.abs(emission.envelope(np.array([0.9, 1.0025, 1.5, 1.9975, 2.1])))[0],
        [0.0, 0.5, 1.0, 0.5, 0.0],
    )
    assert emission.changes() == ((0.0, False), (1.0, True), (1.995, False))
    assert made(fmcw, FMCW).changes() == ((0.0, True),)


@pytest.mark.parametrize(
    ("kind", "table", "changed"),
    [
        (chirps, CHIRPS, {"every_s": 0.004}),
        (chirps, CHIRPS, {"ramp_s": 0.003}),
        (chirps, CHIRPS, {"from_hz": 1000}),
        (chirps, CHIRPS, {"start_s": 1.0, "stop_s": 1.001}),
        (fmcw, FMCW, {"shape": "triangle", "flyback_s": 0.01}),
        (fmcw, FMCW, {"flyback_s": 0.03}),
        (fmcw, FMCW, {"shape": "square"}),
        (pulses, PULSES, {"cycles": 2}),
        (pulses, PULSES, {"every_s": 0.001, "cycles": 100}),
    ],
)
def test_wrong_ones_are_refused(kind, table, changed):
    with pytest.raises(ValidationError):
        made(kind, table, **changed)


def test_a_band_that_cannot_be_carried_is_refused():
    with pytest.raises(ValueError, match="make bursts longer"):
        made(pulses, PULSES, cycles=8)

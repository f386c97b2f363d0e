"""Peers: the closed form and residuals against what is known of them, rows and the command; nothing here is timed."""

import json
import sys
from types import ModuleType

import numpy as np
import pytest

from usim.bench import peers
from usim.cli import root

LENGTH_S = 0.1


def test_the_retarded_time_is_that_of_the_wave_that_arrives():
    t = np.linspace(0.0, 2.0, 41)
    sent_s, r_m = peers.retarded(t)
    there = peers.START_M + np.multiply.outer(sent_s, peers.VELOCITY_M_S)
    assert np.linalg.norm(there, axis=-1) == pytest.approx(r_m, rel=1e-12)
    assert t - sent_s == pytest.approx(r_m / peers.C_M_S, rel=1e-9)


def test_the_closed_form_has_the_doppler_shift_of_a_moving_source():
    """f / (1 + v_r / c), v_r the speed away at the time of sending."""
    t = np.arange(2000) / peers.RATE_HZ
    phase = np.unwrap(np.angle(peers.closed_form(t) * np.exp(-2j * np.pi * peers.TONE_HZ * t)))
    shift_hz = np.gradient(phase, t) / (2 * np.pi)
    sent_s, r_m = peers.retarded(t)
    there = peers.START_M + np.multiply.outer(sent_s, peers.VELOCITY_M_S)
    away = (there @ peers.VELOCITY_M_S) / r_m
    expected = peers.TONE_HZ * (1.0 / (1.0 + away / peers.C_M_S) - 1.0)
    assert shift_hz[5:-5] == pytest.approx(expected[5:-5], abs=0.01)
    assert expected[0] > 160.0


def test_a_residual_is_what_was_put_in():
    """One gain and phase are free; a line beside the tone at -40 dB is left, and nothing of the tone in noise is no tone."""
    t = np.arange(19_200) / peers.RATE_HZ
    true = peers.closed_form(t)
    assert peers.residual_db((0.3 * np.exp(0.7j) * true).real, t) < -200.0
    other = true.real + 0.01 * (true * np.exp(2j * np.pi * 500.0 * t)).real
    assert peers.residual_db(other, t) == pytest.approx(-40.0, abs=0.05)
    noise = np.random.default_rng(1).standard_normal(len(t))
    assert -0.01 < peers.residual_db(noise, t) <= 0.0


def test_linear_interpolation_leaves_what_theory_says():
    """Fractions spread evenly: 1 - sinc^4(w/2) 3 / (2 + cos w) of the power is left, w the tone's angle per sample."""
    for times, tolerance_db in ((1, 0.4), (4, 0.4)):
        row = peers._line(peers._linear, 1, 0.2, (times,))
        w = 2 * np.pi * peers.TONE_HZ / (times * peers.RATE_HZ)
        left = 1.0 - np.sinc(w / (2 * np.pi)) ** 4 * 3.0 / (2.0 + np.cos(w))
        assert row["residual_db"] == pytest.approx(10 * np.log10(left), abs=tolerance_db)


def test_usim_stays_below_what_its_taps_promise():
    assert peers._line(peers._usim, 1, LENGTH_S, (1,))["residual_db"] < -70.0


def test_a_delay_line_that_reads_late_is_given_its_places_early(monkeypatch):
    """A stand-in that interpolates linearly and reads by the delay of the call before, as pyroadacoustics does."""

    class DelayLine:
        def __init__(self, N, num_read_ptrs, interpolation):
            self.heard, self.place = [], 0.0

        def set_delays(self, delay):
            self.place = len(self.heard) - delay[0]

        def update_delay_line(self, x, delay):
            self.heard.append(x)
            row = int(np.floor(self.place))
            share = self.place - row
            ready = 0 <= row < len(self.heard) - 1
            y = (1 - share) * self.heard[row] + share * self.heard[row + 1] if ready else 0.0
            self.place = len(self.heard) - delay[0]
            return [y]

    module = ModuleType("pyroadacoustics.delayLine")
    module.DelayLine = DelayLine
    monkeypatch.setitem(sys.modules, "pyroadacoustics", ModuleType("pyroadacoustics"))
    monkeypatch.setitem(sys.modules, "pyroadacoustics.delayLine", module)
    signal, t = peers._sent(float(peers.RATE_HZ), 0.02)
    looped = peers._looped("Linear", signal, t, float(peers.RATE_HZ))
    assert looped == pytest.approx(peers._linear(signal, t, float(peers.RATE_HZ)), abs=1e-6)


def test_an_impulse_response_of_free_air_turns_and_falls_with_distance():
    near, far = (peers.transfer(np.array([x, 0.0, 0.0])) for x in (1.0, 1.0507))
    turn = np.exp(-2j * np.pi * peers.TONE_HZ * 0.0507 / peers.C_M_S) / 1.0507
    assert abs(far / near - turn) < 0.005


def test_a_rate_is_extrapolated_and_says_so():
    row = {"times_real_time": 12.0, "rate_hz": 100.0, "rates_hz": [100.0, 1000.0], "residuals_db": [-10.0, -50.0]}  # fmt: skip
    found = peers.reaching(row, -70.0)
    assert found["needed_rate_hz"] == pytest.approx(1000.0 * 10**0.5)
    assert found["needed_times_real_time"] == pytest.approx(1.2 / 10**0.5)
    assert found["extrapolated"] is True
    assert found["at_least"] is False
    assert peers.reaching(row, -45.0)["extrapolated"] is False
    assert peers.reaching(row, -45.0)["needed_rate_hz"] == 1000.0
    slower = row | {"rates_hz": [100.0, 1000.0, 10_000.0], "residuals_db": [-10.0, -50.0, -65.0]}
    assert peers.reaching(slower, -70.0)["at_least"] is True
    floor = row | {"residuals_db": [-10.0, -15.0]}
    assert peers.reaching(floor, -70.0)["needed_rate_hz"] is None


def test_a_missing_peer_is_named_and_the_others_go_on(monkeypatch, capsys):
    monkeypatch.setattr(peers, "LENGTH_S", 0.02)
    monkeypatch.setattr(peers, "SPLICES_HZ", (100, 200, 400))
    monkeypatch.setattr(peers, "RATES", (1, 2))
    monkeypatch.setitem(sys.modules, "pyroadacoustics", None)  # as if it were not there
    assert root.run(["bench", "--peers", "--runs", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["peers"]
    assert list(rows) == ["usim", "linear", "pyroadacoustics", "pyroomacoustics"]
    assert set(rows["pyroadacoustics"]) == {"missing"}
    for name in ("usim", "linear", "pyroomacoustics"):
        assert rows[name]["times_real_time"] > 0.0
        assert rows[name]["residual_db"] <= 0.0
    assert rows["linear"]["needed_rate_hz"] > 192_000.0
    assert root.run(["bench", "--peers", "--runs", "1"]) == 0
    shown = capsys.readouterr().out
    for word in ("pyroadacoustics is not installed", "pip install usim[peers]", "responses/s", "192,000 samples/s", "extrapolated"):  # fmt: skip
        assert word in shown

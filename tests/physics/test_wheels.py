"""What spins about an axis that stands still is heard once for every angle: against the same pieces summed sample by sample."""

from __future__ import annotations

import dataclasses
import time

import fans
import numpy as np
import pytest
from scipy.signal import get_window

from usim.engine import wheels


class Rotor(fans.Blades):
    """All blades of a fan, which spin."""

    @property
    def spin(self):
        return self.mover.spin


def rotor(**changes):
    scene = fans.fan(sweep_deg=0.0, **changes)
    (blades,) = scene.movers
    return dataclasses.replace(scene, movers=(Rotor(blades.mover, blades.numbers),))


SETS = {
    "free field": ({}, 0),
    "in a box": ({}, 1),
    "five blades that wander": ({"rpm": 300.0, "blades": 5, "wander_percent": 3.0}, 1),
    "small and fast": ({"rpm": 2600.0, "radius_m": 0.05, "blades": 4}, 1),
    "slow and large": ({"rpm": 60.0, "radius_m": 0.6, "blades": 4}, 0),
}


def both(monkeypatch, scene, order, start_s=0.3, duration_s=0.2):
    """What is read off, and what is summed sample by sample, and the processor time of both."""
    out = []
    for most in (wheels.MOST_BYTES, 0):
        monkeypatch.setattr(wheels, "MOST_BYTES", most)
        began = time.process_time()
        paths = fans.heard(scene, start_s, duration_s, order=order)
        out.append((paths, time.process_time() - began))
    monkeypatch.undo()
    return out


@pytest.mark.parametrize("name", SETS)
def test_read_off(name, monkeypatch, figures):
    """Why: a table by angle must not be heard. Set-up: all blades of a fan whose head stands still; free field, or the first reflections of a box with rigid walls.
    Expected: the same pairs summed sample by sample, resolved and texture, to -80 dB; no line of the difference above -80 dB of the strongest."""
    changes, order = SETS[name]
    (read, _), (summed, _) = both(monkeypatch, rotor(**changes), order)
    assert not np.array_equal(read.echoes[0].tones, summed.echoes[0].tones)
    want, got = (fans.received(paths, texture=None) for paths in (summed, read))
    value = fans.residual_db(got, want)
    taper = get_window("blackmanharris", len(got))
    line = 20.0 * np.log10(abs(np.fft.fft((got - want) * taper)).max() / abs(np.fft.fft(want * taper)).max())  # fmt: skip
    figures(f"fan read off by angle, {name}", value, "dB", "<= -80")
    figures(f"fan read off by angle, {name}, largest line", line, "dB", "<= -80")
    assert value <= -80.0
    assert line <= -80.0
    if order:
        texture = [fans.received(paths, texture=True) for paths in (summed, read)]
        assert fans.residual_db(texture[1], texture[0]) <= -60.0


def test_window_does_not_matter():
    """Why: a night is rendered block by block. Set-up: one window across a segment's end, and its second half alone. Expected: the same bytes."""
    whole = fans.heard(rotor(), 1.10, 0.12, order=1).echoes[0].tones
    half = fans.heard(rotor(), 1.16, 0.06, order=1).echoes[0].tones
    assert np.array_equal(whole[..., -half.shape[-1] :], half)


def test_what_is_not_steady_is_summed():
    """Why: a table knows nothing of a tone that comes and goes, nor of a head that sweeps. Expected: no table for them."""
    assert fans.fan(sweep_deg=40.0).movers[0].mover.spin is None
    brief = {"start_s": 0.31, "stop_s": 0.36, "ramp_s": 0.01}
    tone = {"kind": "tones", "carriers_hz": [32000.0], "level_db_spl": 80, **brief}
    tones = fans.heard(rotor(emits=tone), 0.25, 0.2).echoes[0].tones[0, 0, 0, 0]
    assert not abs(tones[: tones.size // 8]).any()
    assert abs(tones).max() > 0.0

"""What each listening device hears of the others' tones, for `describe`."""

from __future__ import annotations

from typing import Any

import numpy as np

from usim.cli.output import columns, heading
from usim.scene.scene import PlacedDevice, Scene


def crosstalk(scene: Scene) -> list[dict[str, Any]]:
    """Return, for each listener and each carrier of another device, its level in dB SPL and where it falls.

    apparent_hz: by the listener's clock; offset_hz: from the listener's nearest carrier, None where it has none; in_baseband: whether it
    falls into the baseband of that carrier.
    """
    if len(scene.devices) < 2:
        return []
    from usim.engine.overheard import senders

    return [
        _heard(scene, listener, sender, float(f))
        for listener in scene.devices
        if listener.listens
        for sender in senders(scene, listener)
        if sender.emission is not None
        for f in sender.emission.carriers_hz
    ]


def _heard(scene: Scene, listener: PlacedDevice, sender: PlacedDevice, f: float) -> dict[str, Any]:
    from usim.engine.legs import legs
    from usim.engine.standing import standing

    unit, emission, own = sender.unit, sender.emission, listener.emission
    assert emission is not None
    direct = standing(scene, sender, legs(scene, sender, 0), np.array([f]))
    drive = [complex(unit.drive_gain(driver, f, f)) for driver in range(len(unit.drivers_m))]
    pressure = np.einsum("d,dmi->m", drive, direct.gains(unit)[0])
    level = emission.level_db_spl + 20.0 * np.log10(max(np.abs(pressure).max(), 1e-12))
    apparent = float(unit.converter.apparent_hz(np.array(f)))
    offset = None
    if own is not None:
        away = apparent - listener.unit.converter.apparent_hz(np.asarray(own.carriers_hz, float))
        offset = float(away[np.argmin(np.abs(away))])
    return {
        "listener": listener.name,
        "sender": sender.name,
        "carrier_hz": f,
        "apparent_hz": apparent,
        "offset_hz": offset,
        "in_baseband": offset is not None and abs(offset) < 0.5 * scene.baseband_rate_hz,
        "direct_db_spl": float(level),
    }


def crosstalk_lines(facts: dict[str, Any]) -> list[str]:
    """Return the lines of `describe` about devices that hear each other; none where none does."""
    if not facts["crosstalk"]:
        return []
    rows = [["heard by", "tone of", "carrier", "direct path", "from the own carrier"]]
    for one in facts["crosstalk"]:
        away = "no own carrier"
        if one["offset_hz"] is not None:
            where = "in the baseband" if one["in_baseband"] else "outside the baseband"
            away = f"{one['offset_hz']:+.2f} Hz, {where}"
        rows.append(
            [one["listener"], one["sender"], f"{one['carrier_hz'] / 1000:g} kHz", f"{one['direct_db_spl']:.0f} dB SPL", away]
        )  # fmt: skip
    return [heading("Other devices"), *columns(rows)]

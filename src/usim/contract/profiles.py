"""The contract of device profiles."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from usim.devices.profile import parse
from usim.devices.unit import Unit
from usim.template.problem import InvalidInput

CARRIERS_HZ = (32_500.0, 40_000.0)
SERIALS = (None, 0, 1, 2**40)


def faults(path: str | Path) -> Iterator[str]:
    """What is wrong with a device profile."""
    try:
        profile = parse(Path(path), str(path))
    except InvalidInput as error:
        yield from (str(problem) for problem in error.problems)
        return
    if profile.name != Path(path).stem:
        yield f"{path}: is called {profile.name}; file and name must agree"
    if not profile.nominal.title:
        yield f"{path}: has no title"
    for serial in SERIALS:
        unit, twin = Unit(profile, serial), Unit(parse(Path(path), str(path)), serial)
        yield from (f"{path}: {unit.name}: {text}" for text in _unit(unit, twin))


def _unit(unit: Unit, twin: Unit) -> Iterator[str]:
    count = len(unit.mics_m)
    for axes in (unit.driver_axes, unit.mic_axes):
        if np.abs((axes**2).sum(axis=1) - 1.0).max() > 1e-9:
            yield "axes are not of unit length"
    apart = np.sqrt(((unit.drivers_m[:, None] - unit.mics_m[None]) ** 2).sum(axis=-1))
    if apart.min() < 1e-3:
        yield "a microphone is at a driver"
    f = np.linspace(30e3, 44e3, 57)
    cos = np.linspace(-1.0, 1.0, 41)
    for carrier in CARRIERS_HZ:
        gains = [unit.drive_gain(driver, f, carrier) for driver in range(len(unit.drivers_m))]
        if not np.isfinite(gains).all():
            yield "drive_gain is not finite"
        if unit.serial is None and any(
            abs(abs(unit.drive_gain(d, np.array([carrier]), carrier)[0]) - 1.0) > 1e-9
            for d in range(len(unit.drivers_m))
        ):
            yield "the nominal unit does not give what is commanded at its carrier"
        for driver in range(len(unit.drivers_m)):
            beam = unit.directivity(driver, cos, np.full(cos.shape, carrier))
            front = unit.directivity(driver, np.array([1.0]), np.array([carrier]))
            if not np.isfinite(beam).all() or abs(front[0] - 1.0) > 1e-9:
                yield "directivity is not finite, or not 1 on the axis"
    for mic in range(count):
        response = unit.mic_response(mic, f)
        if not np.isfinite(response).all() or np.abs(response).min() <= 0.0:
            yield "mic_response is not finite and above zero"
        if not np.array_equal(response, twin.mic_response(mic, f)):
            yield "the same serial number is another unit"
        if np.any(unit.noise_density(mic, f) < 0.0):
            yield "noise_density is below zero"
        if not np.isfinite([unit.leak(d, mic, f) for d in range(len(unit.drivers_m))]).all():
            yield "leak is not finite"
    if unit.converter.pass_edge_hz >= 0.5 * unit.converter.rate_hz:
        yield "the pass band ends beyond half the rate"

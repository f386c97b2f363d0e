"""The usual way to move something in a room, for comparison: impulse responses at many positions, one after another, cross-faded.

One moving *point* stands for the reflector: pyroomacoustics gives the responses from the loudspeaker to the point and from the point to every
microphone.  Both legs come from one call, with the point as source and by reciprocity the driver as one of its receivers.  At the tone the echo is the
product of the two legs' transfer functions, cross-faded from position to position.  All choices favour the rival: walls are flat
in frequency and the air is off (many bands cost twenty times more), its high-pass is off, rendering the tone costs nothing, the point has no
near field, no noise and no files.

How many positions a second are needed: every second position, every fourth and so on is left out of a short dense slice, and what the fades
make of them is compared with the dense one.  The error of a linear fade falls by 40 dB a decade; the line through what was measured gives the rate
at the residual that usim promises for `standard`.  (At 40 kHz 100 positions a second give a wrong Doppler line outright.)
"""

from __future__ import annotations

import numpy as np

from usim.bench.machine import Row, timed
from usim.scene.scene import PlacedDevice, Scene

RESIDUAL_DB = -40.0  # of usim's quality `standard`
ORDER = 3
WALL_ABSORPTION = 0.1
DENSE_HZ = 12_800
POSITIONS = 128  # in a slice, beside the last
STRIDES = (2, 4, 8, 16)
SLICES = 4
WARM_UP = 5
PART = "thorax"  # whose centre moves


def spliced(scene: Scene) -> Row:
    """Return what the rival needs for the scene's first mover: rates, residuals, and seconds per second of sound, extrapolated."""
    import pyroomacoustics

    slices, positions = SLICES, POSITIONS
    device = next(one for one in scene.devices if one.listens)
    mover = scene.movers[0]
    part = [piece.name for piece in mover.pieces].index(PART)
    starts = scene.duration_s * (np.arange(slices) + 0.5) / slices
    times = starts[:, None] + np.arange(positions + 1) / DENSE_HZ
    places = mover.at(times.ravel()).position_m[:, part].reshape(slices, positions + 1, 3)
    before = pyroomacoustics.constants.get("rir_hpf_enable")
    pyroomacoustics.constants.set("rir_hpf_enable", False)
    try:
        for place in places[0, :WARM_UP]:
            _echo(scene, device, place)
        seconds, dense = timed(
            lambda: np.array([[_echo(scene, device, at) for at in slice_] for slice_ in places])
        )
    finally:
        pyroomacoustics.constants.set("rir_hpf_enable", before)
    rates = [DENSE_HZ / stride for stride in STRIDES]
    residuals = [residual_db(dense, stride) for stride in STRIDES]
    needed = needed_hz(rates, residuals)
    each = seconds / (slices * (positions + 1))
    return {
        "version": pyroomacoustics.__version__,
        "positions_measured": slices * (positions + 1),
        "slices": slices,
        "seconds_measured": seconds,
        "seconds_per_position": each,
        "rates_hz": rates,
        "residuals_db": residuals,
        "residual_db": RESIDUAL_DB,
        "needed_rate_hz": needed,
        "seconds_per_second": needed * each,
        "times_real_time": 1.0 / (needed * each),
        "extrapolated": True,
        "says": f"one moving point, order {ORDER}, one band, no air; rate and cost extrapolated from {slices} slices of "
        f"{1e3 * positions / DENSE_HZ:.0f} ms",
    }


def _echo(scene: Scene, device: PlacedDevice, point_m: np.ndarray) -> np.ndarray:
    """Return the transfer (mic,) at the tone from the first driver to a point and on to every microphone."""
    import pyroomacoustics

    assert device.emission is not None
    rate = device.unit.converter.at(scene.render.rate_hz).rate_hz
    room = pyroomacoustics.ShoeBox(
        np.ptp(scene.room.bounds_m, axis=0),
        fs=rate,
        materials=pyroomacoustics.Material(WALL_ABSORPTION),
        max_order=ORDER,
        air_absorption=False,
    )
    room.add_source(point_m)
    ends = np.concatenate(
        [device.world(device.unit.drivers_m[:1]), device.world(device.unit.mics_m)]
    )
    room.add_microphone_array(ends.T)
    room.compute_rir()
    turn = -2j * np.pi * float(device.emission.carriers_hz[0]) / rate
    legs = [row[0] @ np.exp(turn * np.arange(len(row[0]))) for row in room.rir]
    return legs[0] * np.array(legs[1:])


def residual_db(dense: np.ndarray, stride: int) -> float:
    """Return residual over echo energy in dB where only every `stride`-th of dense positions (slice, position, mic) is faded between."""
    count = (dense.shape[1] - 1) // stride
    kept = dense[:, : count * stride + 1 : stride]
    share = np.arange(stride)[:, None] / stride
    faded = kept[:, :-1, None] * (1.0 - share) + kept[:, 1:, None] * share
    true = dense[:, : count * stride].reshape(faded.shape)
    return float(10.0 * np.log10((np.abs(faded - true) ** 2).sum() / (np.abs(true) ** 2).sum()))


def needed_hz(rates_hz: list[float], residuals_db: list[float]) -> float:
    """Return the rate in Hz at which the law through the best two rates, 40 dB a decade, comes down to RESIDUAL_DB.

    Where few positions are kept the law does not hold yet, so the slowest rates have no say.
    """
    best = np.argsort(rates_hz)[-2:]
    offset = np.mean([residuals_db[n] + 40.0 * np.log10(rates_hz[n]) for n in best])
    return float(10.0 ** ((offset - RESIDUAL_DB) / 40.0))

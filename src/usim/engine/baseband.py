"""The instrument half, first part: from paths to complex envelopes around each carrier, one per cause, at the converter's input."""

from __future__ import annotations

import numpy as np

from usim.devices.converter import Converter
from usim.devices.unit import Unit
from usim.emissions.base import AbstractEmission
from usim.engine.paths import EDGE, FILTER_TAPS, Paths
from usim.engine.shadowing import received
from usim.engine.sounded import late_response, standing_response
from usim.engine.stirred import StirredStanding
from usim.engine.stirred_tail import stirred_tail
from usim.engine.tail import Tail, taps_heard
from usim.physics.dsp import filtered, short_filter
from usim.template.problem import InvalidInput, Problem
from usim.template.streams import stream

REFERENCE_PA = 20e-6
FIT = 2e-3  # largest misfit of another unit's beam to the basis of the paths
FILTERED_BAND = 0.42  # share of the baseband's rate over which a microphone's response is met
DIRECT, STATIC = "direct", "static"


def envelopes(paths: Paths, unit: Unit, noise_seed: int = 0) -> dict[str, np.ndarray]:
    """Return {stem: (mic, carrier, sample) complex128 in full scale} for `direct`, `static` (the tail included) and every `mover.<name>`.

    Each reaches EDGE - FILTER_TAPS // 2 samples beyond the window on either side.  noise_seed feeds the clock's jitter.
    """
    emission = paths.device.emission
    if emission is None:
        return {}
    count = paths.samples + 2 * EDGE
    times = (paths.start - EDGE + np.arange(count)) / paths.rate_hz
    carriers = np.asarray(emission.carriers_hz, float)
    pressure = np.sqrt(2.0) * REFERENCE_PA * 10.0 ** (emission.level_db_spl / 20.0)
    drive = np.array(
        [
            [pressure * unit.drive_gain(d, b.carrier_hz, f) for d in range(len(unit.drivers_m))]
            for b, f in zip(paths.bands, carriers, strict=True)
        ]
    )  # (carrier, driver)
    wide = paths.sounds is not None
    if wide:  # what drivers do is in the echoes already, over the whole band
        require_own(paths, unit)
        drive[:] = pressure
    gains = paths.standing.gains(unit) * drive[:, :, None, None]
    direct = np.zeros(gains.shape[-1], bool)
    direct[paths.standing.direct] = True
    out = {}
    moving = paths.standing.stirred
    still = gains if moving is None else gains * ~moving.moved.reshape(gains.shape[1:])
    for name, part in ((DIRECT, direct), (STATIC, ~direct)):
        if wide:
            out[name] = pressure * standing_over(paths, part, paths.start - EDGE, count)
        elif still.any():
            out[name] = _standing(
                paths, emission, still[..., part], paths.standing.path_m[..., part], times
            )
    cast = _cast(paths, emission, still, times) if still.any() else {}
    if moving is not None:
        for name, change in _stirred(paths, moving, emission, gains, times).items():
            known = out if name in (DIRECT, STATIC) else cast
            known[name] = known[name] + change if name in known else change
    if paths.tail is not None:
        out[STATIC] += _late(paths, paths.tail, unit, drive, pressure, paths.start - EDGE, count)
    for echo in paths.echoes:
        weights = basis_weights(paths, unit) * drive[:, :, None]  # (carrier, driver, basis)
        out[f"mover.{echo.mover}"] = np.einsum("cdb,dcmbn->mcn", weights, echo.tones)
    for name, change in cast.items():
        out[name] += change
    turning = _clock(paths, unit, carriers, gains, times, noise_seed)
    weights = _microphone_filters(paths, unit)
    return {
        name: _through_microphones(weights, z if turning is None else z * turning)
        for name, z in out.items()
    }


def basis_weights(paths: Paths, unit: Unit) -> np.ndarray:
    """Return the weights (carrier, driver, basis) that make one unit's beam and arrival shadow of the paths' basis.

    A unit whose beam does not lie in the basis is refused: trace again with that unit, or with `spread`.
    """
    basis = paths.bands[0].beams.shape[1]
    if unit == paths.device.unit and basis == 1:
        return np.ones((len(paths.bands), len(unit.drivers_m), 1), complex)
    c = np.linspace(-1.0, 1.0, 65)
    out = np.empty((len(paths.bands), len(unit.drivers_m), basis), complex)
    for row, cost in enumerate(paths.bands):
        port = np.real(np.broadcast_to(unit.mic_directivity(c, cost.carrier_hz), c.shape))
        for driver in range(out.shape[1]):
            beam = np.broadcast_to(unit.directivity(driver, c, cost.carrier_hz), c.shape)
            wanted = np.multiply.outer(beam, port).ravel()
            have = np.array(
                [
                    np.multiply.outer(b, p).ravel()
                    for b, p in zip(*cost.functions(driver, c), strict=True)
                ]
            ).T
            weights, *_ = np.linalg.lstsq(have, wanted, rcond=None)
            worst = np.abs(have @ weights - wanted).max()
            if worst > FIT:
                raise InvalidInput(
                    Problem(
                        f"{unit.name} has another beam than these paths were traced for (misfit {worst:.1e}); "
                        "trace again with that unit, or once with spread=True for all units of the profile"
                    )
                )
            out[row, driver] = weights
    return out


def _standing(
    paths: Paths,
    emission: AbstractEmission,
    gains: np.ndarray,
    path_m: np.ndarray,
    times: np.ndarray,
) -> np.ndarray:
    """Return (mic, carrier, sample): standing paths under the emission's envelope, each late by its own delay."""
    carriers, _, mics, _ = gains.shape
    out = np.zeros((mics, carriers, len(times)), complex)
    if emission.steady:
        out += gains.sum(axis=(1, 3)).T[:, :, None]
        return out
    c = paths.scene.air.sound_speed_m_s
    for driver, mic, image in np.ndindex(gains.shape[1:]):
        envelope = emission.envelope(times - path_m[driver, mic, image] / c)
        out[mic] += gains[:, driver, mic, image, None] * envelope
    return out


def _stirred(
    paths: Paths,
    air: StirredStanding,
    emission: AbstractEmission,
    gains: np.ndarray,
    times: np.ndarray,
) -> dict[str, np.ndarray]:
    """Return what `_standing` and `_cast` do of the paths that stirred air moves: of the direct path, of all others, and of what movers change of them."""
    carriers, mics = gains.shape[0], gains.shape[2]
    c = paths.scene.air.sound_speed_m_s
    out = np.zeros((2, mics, carriers, len(times)), complex)
    turns = np.array([band.turns_per_metre for band in paths.bands])
    first = paths.start - EDGE
    rows: dict[tuple, list] = {}
    for shadow in paths.shadows:
        for row, path in enumerate(shadow.paths):
            rows.setdefault(tuple(int(one) for one in path), []).append((shadow, row))
    stems = {f"mover.{shadow.mover}": np.zeros(out.shape[1:], complex) for shadow in paths.shadows}
    moved = list(zip(*(axis[air.moved] for axis in np.indices(gains.shape[1:]).reshape(3, -1)), strict=True))  # fmt: skip
    begin, longer = air.knots(first, len(times), paths.rate_hz)
    # steady sound that nobody shades is added up knot by knot
    alone = np.array([emission.steady and tuple(path) not in rows for path in moved], bool)
    together = np.zeros((2, mics, carriers, longer.shape[1]), complex)
    for number in np.flatnonzero(alone):
        driver, mic, image = moved[number]
        factor = np.exp(-2j * np.pi * np.multiply.outer(turns, longer[number]))
        together[int(image != paths.standing.direct), mic] += (
            gains[:, driver, mic, image, None] * factor
        )
    for place in np.ndindex(together.shape[:3]):
        if together[place].any():
            out[place] = air.brought(together[place], begin, first, len(times), paths.rate_hz)
    others = [path for path, one in zip(moved, alone, strict=True) if not one]
    factors = air.phasors(turns, first, len(times), paths.rate_hz, longer[~alone])
    for (driver, mic, image), factor in zip(others, factors, strict=True):
        if not emission.steady:
            late = paths.standing.path_m[driver, mic, image] / c
            factor = factor * emission.envelope(times - late)
        kind = int(image != paths.standing.direct)
        waves = gains[:, driver, mic, image, None] * factor
        out[kind, mic] += waves
        for shadow, row in rows.get((driver, mic, image), ()):
            change = shadow.over(row, first, len(times), paths.rate_hz)
            stems[f"mover.{shadow.mover}"][mic] += waves * change
    return stems | {DIRECT: out[0], STATIC: out[1]}


def _cast(
    paths: Paths, emission: AbstractEmission, gains: np.ndarray, times: np.ndarray
) -> dict[str, np.ndarray]:
    """Return {stem: (mic, carrier, sample)} of what movers change of the standing paths."""
    c, first = paths.scene.air.sound_speed_m_s, paths.start - EDGE
    out: dict[str, np.ndarray] = {}
    for shadow in paths.shadows:
        change = received(shadow, gains, paths.standing.path_m, emission, c, times, first, paths.rate_hz)  # fmt: skip
        name = f"mover.{shadow.mover}"
        out[name] = out[name] + change if name in out else change
    return out


def require_own(paths: Paths, unit: Unit) -> None:
    """Refuse, in one line, another unit than a wideband emission was traced for."""
    if unit != paths.device.unit:
        raise InvalidInput(
            Problem(
                f"{unit.name}: paths of a wideband emission hold what the drivers of {paths.device.unit.name} do over its band; "
                "trace again with that unit"
            )
        )


def _late(
    paths: Paths,
    tail: Tail,
    unit: Unit,
    drive: np.ndarray,
    pressure: float,
    first: int,
    count: int,
) -> np.ndarray:
    """Return (mic, carrier, 1 or count): the tail, under drives (carrier, driver) in Pa or a wideband emission at a pressure in Pa."""
    if paths.sounds is not None:
        return (
            pressure
            * paths.sounds.through(late_response(paths.sounds, tail), first, count)[:, None]
        )
    emission = paths.device.emission
    assert emission is not None
    taps = tail.gains(unit) * drive[:, :, None, None]
    air = stirred_tail(paths.scene, paths.device.name, tail, paths.standing.stirred)
    if air is not None and emission.steady:
        turns = np.array([band.turns_per_metre for band in paths.bands])
        return air.heard(taps, turns, first, count, paths.rate_hz)
    return taps_heard(tail, taps, emission, first, count, paths.rate_hz).sum(axis=1).swapaxes(0, 1)


def standing_over(paths: Paths, images: np.ndarray, first: int, count: int) -> np.ndarray:
    """Return (mic, 1, count): a wideband emission by way of the standing paths over some images (I,), re its level's peak."""
    assert paths.sounds is not None
    response = standing_response(paths.sounds, paths.legs, images)
    return paths.sounds.through(response, first, count)[:, None]


def _clock(
    paths: Paths,
    unit: Unit,
    carriers_hz: np.ndarray,
    gains: np.ndarray,
    times: np.ndarray,
    noise_seed: int,
) -> np.ndarray | None:
    """Return the factor (1, carrier, sample) or (mic, carrier, sample) that the unit's clock puts on every path, None for a perfect one.

    An output clock that runs faster than the input's turns the tone.  Jitter of the common clock acts at both ends: a path late by tau
    gets phi(t - tau) - phi(t); the standing paths' own mean over tau stands for all, since moving ones are far weaker.
    """
    converter = _converter(paths, unit)
    if not converter.dac_offset_ppm and not converter.jitter_s:
        return None
    phase = 2 * np.pi * np.outer(carriers_hz * converter.dac_offset_ppm * 1e-6, times)[None]
    if converter.jitter_s:
        phase = phase + _jitter(paths, unit, gains, noise_seed)
    return np.exp(1j * phase)


def _jitter(paths: Paths, unit: Unit, gains: np.ndarray, noise_seed: int) -> np.ndarray:
    """Return the phase (mic, carrier, sample) of sampling jitter within the baseband's band, after the standing paths' delays."""
    converter = _converter(paths, unit)
    # the part of white jitter that falls into the band
    share = converter.jitter_s * np.sqrt(paths.rate_hz / converter.rate_hz)
    c = paths.scene.air.sound_speed_m_s
    delay = paths.standing.path_m / c * paths.rate_hz  # (driver, mic, image) in samples
    reach = int(delay.max()) + 18
    count = paths.samples + 2 * EDGE
    first = paths.start - EDGE - reach
    wobble = share * white(paths, noise_seed, first, count + 2 * reach)
    lag = np.arange(-16, reach)
    carriers = [b.carrier_hz for b in paths.bands]
    out = np.empty((gains.shape[2], len(carriers), count))
    for mic in range(gains.shape[2]):
        for row, f in enumerate(carriers):
            g = gains[row, :, mic].ravel()
            g = g / g.sum()
            kernel = (np.sinc(lag[:, None] - delay[:, mic].ravel()[None]) * g.real).sum(axis=1)
            late = _smoothed(wobble, kernel, lag[0], reach, count)
            out[mic, row] = 2 * np.pi * f * (late - wobble[reach : reach + count])
    return out


def _smoothed(
    wobble: np.ndarray, kernel: np.ndarray, first_lag: int, reach: int, count: int
) -> np.ndarray:
    """Return sum over lags of kernel[lag] * wobble[t - lag] for `count` times from index `reach` on."""
    padded = np.concatenate([np.zeros(len(kernel)), wobble, np.zeros(len(kernel))])
    whole = np.convolve(padded, kernel)
    start = len(kernel) + reach - first_lag
    return whole[start : start + count]


def white(paths: Paths, noise_seed: int, first: int, count: int) -> np.ndarray:
    """Return unit white noise by absolute sample number, in chunks of 4096 from streams of their own."""
    size = 4096
    chunks = range(first // size, (first + count - 1) // size + 1)
    place = f"devices.{paths.device.name}.jitter.noise_{noise_seed}"
    parts = [stream(paths.scene.seed, f"{place}.chunk_{k}").standard_normal(size) for k in chunks]
    offset = first - chunks.start * size
    return np.concatenate(parts)[offset : offset + count]


def _converter(paths: Paths, unit: Unit) -> Converter:
    """Return the unit's converter at the rate that the scene renders: its anti-alias filter is that rate's."""
    return unit.converter.at(paths.scene.render.rate_hz, paths.scene.render.bits)


def _microphone_filters(paths: Paths, unit: Unit) -> np.ndarray:
    """Return weights (mic, carrier, FILTER_TAPS) that make full scale of pressure in Pa around each carrier."""
    mics, carriers = len(unit.mics_m), len(paths.bands)
    offset = np.linspace(-FILTERED_BAND, FILTERED_BAND, 81)
    converter = _converter(paths, unit)
    weights = np.empty((mics, carriers, FILTER_TAPS), complex)
    for mic in range(mics):
        for row, cost in enumerate(paths.bands):
            f = cost.carrier_hz + offset * paths.rate_hz
            response = unit.mic_response(mic, f) * converter.anti_alias(f)
            weights[mic, row] = short_filter(response, offset, FILTER_TAPS)
    return weights


def _through_microphones(weights: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """Return envelopes in full scale of pressure envelopes (mic, carrier, sample) in Pa, FILTER_TAPS - 1 samples shorter."""
    mics, carriers, count = pressure.shape
    out = np.empty((mics * carriers, count - FILTER_TAPS + 1), complex)
    filtered(
        np.ascontiguousarray(pressure.reshape(mics * carriers, count)),
        weights.reshape(mics * carriers, FILTER_TAPS),
        out,
    )
    return out.reshape(mics, carriers, -1)

"""Side by side on the peers' home ground: a point source that sounds a tone and passes a microphone in free air.

The closed form is the tone sent at the retarded time over the distance it was sent from (Morse and Ingard 1968, 11.2; for uniform
motion the retarded time is the root of a quadratic).  A residual is what is left of the received wave when one constant gain and one constant phase are
fitted, in dB re the wave: conventions of level and constant delays cost nobody anything.  The factor of convection, 0.4 % here, is left out by all.

`usim`  the moving delay of usim's engine, a windowed sinc of 32 taps between knots at which the retarded time is solved.
`linear`  the textbook's delay line (Smith 2010): linear interpolation, the delay solved at every sample.
`pyroadacoustics`  its delay line (Damiano and van Waterschoot 2022), alone: no road, air or patterns, the best of its ways to interpolate.  It works out no retarded time
and reads one sample late; it is given the retarded position one sample early, so neither counts against it.  As it comes, `as_it_comes_db` says.
`pyroomacoustics`  impulse responses (Scheibler et al. 2018) of the positions at the retarded times, 100 a second, cross-faded linearly; only their making is timed.

Where another does not come down to usim's residual at the rates it is run at, the line through its fastest two says at which rate it would, and what
that would cost.  Where the residual falls more slowly than before, a floor is near and the rate is `at_least`; where it no longer falls, there is none.
A recording's tones are echoed by another way, phases that are polynomials of time; this delay is what carries noise from things that move.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from time import process_time

import numpy as np

from usim.bench.machine import Row, one_core
from usim.engine.delay_line import (
    BEFORE,
    DEGREE,
    TAPS,
    branches,
    read_gliding,
    tap_polynomials,
)

C_M_S = 343.0
TONE_HZ = 40_000.0
RATE_HZ = 192_000
START_M = np.array([2.0, 0.5, 0.0])  # of the source, re the microphone
VELOCITY_M_S = np.array([-1.5, 0.0, 0.0])
STEP = 640  # samples between knots, as in the engine at 192 kHz
LENGTH_S = 0.2
SLOW_LENGTH_S = 0.1  # of pyroadacoustics, which loops in Python
RATES = (1, 2, 4)  # times RATE_HZ, to see how a delay line converges
SPLICES_HZ = (100, 200, 400, 800, 1600, 3200, 6400, 12_800)
FALLS_DB = 10.0  # a decade: slower than that is a floor
LEVELS = 0.75  # of the fall before: less than that, and a floor is near
INSTALL = "pip install usim[peers]"


def measured(runs: int, length_s: float | None = None) -> dict[str, Row]:
    """Return {peer: row}: times real time, residual in dB, and the rate in Hz at which it would reach usim's residual.

    A peer that is not installed has a row with "missing" alone.
    """
    length_s = LENGTH_S if length_s is None else length_s
    with one_core():
        own = _line(_usim, runs, length_s, (1,))
        rows = {"usim": own | _says("moving delay, 32 taps", "samples")}
        rows["linear"] = _line(_linear, runs, length_s, RATES) | _says("textbook", "samples")
        for name, work in PEERS.items():
            try:
                rows[name] = work(runs, length_s)
            except ImportError as error:
                rows[name] = {"missing": f"{name} is not installed ({error}): {INSTALL}"}
    for name, row in rows.items():
        if "missing" not in row and name != "usim":
            row |= reaching(row, own["residual_db"])
    return rows


def _says(what: str, of: str) -> Row:
    return {"says": what, "rate_of": of}


# ---------------------------------------------------------------- the closed form


def retarded(t_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (time in s at which was sent what arrives at t_s, distance in m from there), for the source's straight line."""
    t = np.asarray(t_s, float)
    at = START_M + np.multiply.outer(t, VELOCITY_M_S)
    square = C_M_S**2 - VELOCITY_M_S @ VELOCITY_M_S
    half = at @ VELOCITY_M_S
    # |at - v tau| = c tau
    tau = (np.sqrt(half**2 + square * (at**2).sum(axis=-1)) - half) / square
    return t - tau, C_M_S * tau


def closed_form(t_s: np.ndarray) -> np.ndarray:
    """Return the received tone as e^(+jwt) re 1 m at times t_s in s."""
    sent_s, r_m = retarded(t_s)
    return np.exp(2j * np.pi * TONE_HZ * sent_s) / r_m


def residual_db(wave: np.ndarray, t_s: np.ndarray) -> float:
    """Return what is left of a received wave (sample,) at times t_s beside the closed form, one gain and phase fitted, dB re the wave."""
    true = closed_form(t_s)
    basis = np.stack([true.real, true.imag], axis=1)
    fitted = basis @ np.linalg.lstsq(basis, wave, rcond=None)[0]
    return float(10.0 * np.log10(((wave - fitted) ** 2).sum() / (wave**2).sum()))


def reaching(row: Row, target_db: float) -> Row:
    """Return at which rate in Hz a peer's residual comes down to target_db and how many times real time it would run there, from its row.

    `extrapolated` says that no rate that was measured does; None for both where the residual no longer falls.
    """
    rates, residuals = np.array(row["rates_hz"]), np.array(row["residuals_db"])
    found = np.flatnonzero(residuals <= target_db)
    falls = -np.diff(residuals) / np.diff(np.log10(rates))
    needed = None
    if len(found):
        needed = float(rates[found[0]])
    elif falls[-1] >= FALLS_DB:
        needed = float(rates[-1] * 10.0 ** ((residuals[-1] - target_db) / falls[-1]))
    return {
        "needed_rate_hz": needed,
        "needed_times_real_time": None if needed is None else row["times_real_time"] * row["rate_hz"] / needed,
        "extrapolated": not len(found),
        "at_least": not len(found) and len(falls) > 1 and bool(falls[-1] < LEVELS * falls[-2]),
    }  # fmt: skip


# ---------------------------------------------------------------- delay lines


def _line(
    work: Callable[[np.ndarray, np.ndarray, float], np.ndarray],
    runs: int,
    length_s: float,
    rates: tuple[int, ...],
) -> Row:
    """Return the row of a delay line: work(sent signal, reception times, rate) returns what it hears."""
    residuals = []
    for times in rates:
        rate = float(RATE_HZ * times)
        signal, t = _sent(rate, length_s)
        residuals.append(residual_db(work(signal, t, rate), t))
    signal, t = _sent(float(RATE_HZ), length_s)
    took = []
    for _ in range(runs):
        start = process_time()
        work(signal, t, float(RATE_HZ))
        took.append(process_time() - start)
    seconds = float(np.median(took)) * RATE_HZ / len(t)
    return {
        "times_real_time": 1.0 / seconds,
        "rate_hz": float(RATE_HZ),
        "residual_db": residuals[0],
        "rates_hz": [float(RATE_HZ * times) for times in rates],
        "residuals_db": residuals,
    }


def _sent(rate_hz: float, length_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the tone from time LEAD before the first reception time on, and the reception times: a whole number of knots."""
    count = max(round(length_s * RATE_HZ / STEP), 1) * STEP * round(rate_hz / RATE_HZ)
    t = np.arange(count) / rate_hz
    ahead = _lead(rate_hz)
    signal = np.cos(2.0 * np.pi * TONE_HZ * (np.arange(count + ahead) - ahead) / rate_hz)
    return signal, t


def _lead(rate_hz: float) -> int:
    """Return how many samples the tone starts before the first that is heard: more than the longest delay."""
    longest = float(np.linalg.norm(START_M)) / C_M_S
    return int(np.ceil(longest * rate_hz)) + 2 * TAPS


def _usim(signal: np.ndarray, t: np.ndarray, rate: float) -> np.ndarray:
    """Return what usim's moving delay hears."""
    knots = np.arange(len(t) // STEP + 1) * STEP / rate
    sent_s, r = retarded(knots)
    later = retarded(knots + 0.5 / rate)[0] - retarded(knots - 0.5 / rate)[0]
    place = sent_s * rate + _lead(rate) - BEFORE
    rows = np.empty((len(signal) - TAPS, DEGREE + 1), np.float32)
    branches(signal.astype(np.float32), tap_polynomials(), rows)
    out = np.zeros(len(t), np.float32)
    read_gliding(rows, place, later * rate, 1.0 / r, STEP, out)
    return out.astype(float)


def _linear(signal: np.ndarray, t: np.ndarray, rate: float) -> np.ndarray:
    """Return what a delay line with linear interpolation hears."""
    sent_s, r = retarded(t)
    place = sent_s * rate + _lead(rate)
    row = place.astype(np.int64)
    share = place - row
    return ((1.0 - share) * signal[row] + share * signal[row + 1]) / r


WAYS = ("Linear", "Lagrange", "Allpass", "Sinc")


def _pyroadacoustics(runs: int, length_s: float) -> Row:
    """Return the row of pyroadacoustics: the best of its ways to interpolate."""
    short = min(length_s, SLOW_LENGTH_S)

    def by(way: str, rates: tuple[int, ...], times: int) -> Row:
        return _line(lambda *given: _looped(way, *given), times, short, rates)

    first = {way: by(way, (1,), 1)["residual_db"] for way in WAYS}
    best = min(first, key=lambda way: first[way])
    row = by(best, RATES, runs)
    signal, t = _sent(float(RATE_HZ), short)
    return row | {
        "version": _version("pyroadacoustics"),
        "way": best,
        "ways_db": first,
        "as_it_comes_db": residual_db(_looped(best, signal, t, float(RATE_HZ), helped=False), t),
        **_says(f"its delay line, {best.lower()}; retarded positions given", "samples"),
    }


def _looped(
    way: str, signal: np.ndarray, t: np.ndarray, rate: float, helped: bool = True
) -> np.ndarray:
    """Return what the delay line of pyroadacoustics hears."""
    from pyroadacoustics.delayLine import DelayLine

    longest = 1 << int(np.ceil(np.log2(2 * _lead(rate))))
    line = DelayLine(N=longest, num_read_ptrs=1, interpolation=way)
    ahead = _lead(rate)
    if helped:
        sent_s, r = retarded(t)
        delays = (t - sent_s) * rate
        following = np.append(delays[1:], 2.0 * delays[-1] - delays[-2])
    else:
        r = np.linalg.norm(START_M + np.multiply.outer(t, VELOCITY_M_S), axis=-1)
        following = delays = r / C_M_S * rate
    line.set_delays(delays[:1])
    for value in signal[:ahead]:
        line.update_delay_line(value, delays[:1])
    heard = [
        line.update_delay_line(value, following[n : n + 1])[0]
        for n, value in enumerate(signal[ahead:])
    ]
    return np.array(heard) / r


# ---------------------------------------------------------------- spliced impulse responses


def _pyroomacoustics(runs: int, length_s: float) -> Row:
    """Return the row of impulse responses that are cross-faded."""
    fastest = SPLICES_HZ[-1]
    count = max(round(length_s * SPLICES_HZ[0]), 1) * (fastest // SPLICES_HZ[0])
    sent_s, _ = retarded(np.arange(count + 1) / fastest)
    places = START_M + np.multiply.outer(sent_s, VELOCITY_M_S)
    transfer(places[0])
    start = process_time()
    dense = np.array([transfer(place) for place in places])
    each = (process_time() - start) / len(places)
    t = np.arange(round(count / fastest * RATE_HZ)) / RATE_HZ
    residuals = []
    for rate in SPLICES_HZ:
        knots = np.arange(0, count + 1, fastest // rate)
        kept = dense[knots]
        gain = np.interp(t, knots / fastest, kept.real) + 1j * np.interp(t, knots / fastest, kept.imag)  # fmt: skip
        wave = (gain * np.exp(2j * np.pi * TONE_HZ * t)).real
        residuals.append(residual_db(wave, t))
    return {
        "times_real_time": 1.0 / (SPLICES_HZ[0] * each),
        "rate_hz": float(SPLICES_HZ[0]),
        "residual_db": residuals[0],
        "rates_hz": [float(rate) for rate in SPLICES_HZ],
        "residuals_db": residuals,
        "version": _version("pyroomacoustics"),
        **_says("spliced impulse responses", "responses"),
    }


def transfer(place_m: np.ndarray) -> complex:
    """Return the transfer at the tone from a point, m re the microphone, by an impulse response in free air."""
    import pyroomacoustics

    before = pyroomacoustics.constants.get("rir_hpf_enable")
    pyroomacoustics.constants.set("rir_hpf_enable", False)
    try:
        room = pyroomacoustics.ShoeBox([10.0, 10.0, 10.0], fs=RATE_HZ, max_order=0, air_absorption=False)  # fmt: skip
        room.set_sound_speed(C_M_S)
        room.add_source(place_m + 5.0)
        room.add_microphone([5.0, 5.0, 5.0])
        room.compute_rir()
    finally:
        pyroomacoustics.constants.set("rir_hpf_enable", before)
    response = room.rir[0][0]
    return complex(response @ np.exp(-2j * np.pi * TONE_HZ / RATE_HZ * np.arange(len(response))))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


PEERS: dict[str, Callable[[int, float], Row]] = {
    "pyroadacoustics": _pyroadacoustics,
    "pyroomacoustics": _pyroomacoustics,
}

"""Sound: a recording as something to listen to.

The band around a carrier is moved down to where people hear. Upper and lower sideband stay apart: what approaches
sounds higher than the carrier, what recedes lower. The carrier itself and the still room are taken out by a notch of
about 1 Hz on either side, or nothing else would be heard; what is left is brought to a level of which the gain is said.

It stands in `report` because, like a picture, it is made of a recording for a person, and nothing is computed from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isfinite, log10
from typing import Any

import numpy as np

from usim.physics.dsp import PASS, TAPS, off_carrier, reach_samples, upsample
from usim.recording.audio import encode_flac, encode_wav, quantise
from usim.recording.observation import Observation, full_scale
from usim.report.doppler import still
from usim.template.problem import InvalidInput

RATE_HZ = 48_000
BITS = 16
SHIFT_HZ = (
    1000.0  # a baseband of 2 kHz fits around it; an ear is good there, and a small loudspeaker too
)
LOWEST_SHIFT_HZ = 100.0
SLOWEST, FASTEST = 100.0, 0.05
PEAK_DB = -12.0  # dB re full scale, that `auto` leads to: whistles at full scale are no preview
SHORTEST_S, LONGEST_S = 0.1, 1200.0

_EDGE_HZ = 50.0  # as heard: nothing below it, and how steeply the band ends
_FADE_S = 0.02
_MOST_GAIN_DB = 120.0  # more would play the rounding of the samples
_BASEBAND_HZ = 4000  # of the baseband made from audio, at least
_BLOCK = 1 << 18


@dataclass(frozen=True, eq=False)
class Sound:
    """What is to be heard: samples (n,), 1.0 = full scale, at RATE_HZ, and what was done.

    carrier_hz: heard at shift_hz. band_hz: lowest and highest Doppler shift that is heard, Hz of the recording; a shift
    of f is heard at shift_hz + f / slow. gain_db: over the converter's full scale. window_s: the part of the recording. source: baseband or audio.
    """

    samples: np.ndarray
    carrier_hz: float
    shift_hz: float
    slow: float
    gain_db: float
    band_hz: tuple[float, float]
    window_s: tuple[float, float]
    source: str

    @property
    def duration_s(self) -> float:
        return len(self.samples) / RATE_HZ


def sound_of(
    observation: Observation,
    microphone: int = 0,
    carrier_hz: float | None = None,
    shift_hz: float = SHIFT_HZ,
    slow: float = 1.0,
    gain_db: float | None = None,
    keep_carrier: bool = False,
    window_s: tuple[float, float | None] | None = None,
) -> Sound:
    """Return what one microphone hears around a carrier, made audible.

    carrier_hz: the recording's first where None. gain_db: None for a peak of PEAK_DB. slow: how many times longer.
    keep_carrier: leave the static echoes in. window_s: part of the recording, s from its start, to its end where None.
    Uses the baseband of the carrier where there is one, else the audio. Raises InvalidInput where there is nothing to
    hear around, where a choice is out of range, or where the gain would clip.
    """
    _check(shift_hz, slow)
    start_s, end_s = _span(observation, slow, window_s)
    carrier_hz = _carrier(observation) if carrier_hz is None else carrier_hz
    found = _from_baseband(observation, microphone, carrier_hz, start_s, end_s)
    source = "audio" if found is None else "baseband"
    if found is None:
        found = _from_audio(observation, microphone, carrier_hz, shift_hz * slow, start_s, end_s)
    envelope, rate_hz, held_hz = found
    band_hz = heard_band_hz(held_hz, shift_hz, slow)
    samples = audible(envelope, rate_hz, band_hz, shift_hz, slow, keep_carrier)
    gain_db = _gain(samples, gain_db)
    samples *= 10 ** (gain_db / 20)
    heard_s = start_s, end_s
    return Sound(samples, carrier_hz, shift_hz, slow, gain_db, band_hz, heard_s, source)


def encoded(sound: Sound, form: str) -> bytes:
    """Return a sound as the bytes of a file of 16 bits, `form` wav or flac; equal sounds, equal bytes."""
    codes, _ = quantise(sound.samples[None], BITS, "sound")
    if form == "flac":
        return encode_flac(codes, RATE_HZ, BITS)
    return b"".join(encode_wav(codes, RATE_HZ, BITS))


def audible(
    envelope: np.ndarray,
    rate_hz: float,
    band_hz: tuple[float, float],
    shift_hz: float = SHIFT_HZ,
    slow: float = 1.0,
    keep_carrier: bool = False,
) -> np.ndarray:
    """Return the waveform (n,) at RATE_HZ of a complex envelope (slow_time,) around shift_hz, softly begun and ended.

    band_hz: lowest and highest frequency of the envelope that is let through, from `heard_band_hz`. slow: the waveform
    is that many times as long as the envelope, and a frequency f of the envelope lies at shift_hz + f / slow in it.
    """
    envelope = _within(np.asarray(envelope, dtype=np.complex128), rate_hz, band_hz, slow)
    if not keep_carrier:
        envelope = envelope - still(envelope[None], rate_hz)[0]
    # Played slower: each sample of the envelope stands for `slow` times as many of the waveform.
    ratio = Fraction(RATE_HZ * slow / rate_hz).limit_denominator(1000)
    count = round(len(envelope) * ratio)
    ahead = ratio.denominator * ceil(TAPS / ratio.denominator)
    signal = np.pad(envelope, (ahead, ahead + TAPS), mode="edge")[None]
    first = ahead // ratio.denominator * ratio.numerator
    wave = np.empty(count)
    for start in range(0, count, _BLOCK):
        many = min(_BLOCK, count - start)
        piece = upsample(signal, ratio.denominator, ratio.numerator, first + start, many)[0]
        turns = (shift_hz / RATE_HZ * np.arange(start, start + many)) % 1.0
        wave[start : start + many] = (piece * np.exp(2j * np.pi * turns)).real
    return _faded(wave)


def heard_band_hz(
    held_hz: tuple[float, float], shift_hz: float, slow: float
) -> tuple[float, float]:
    """Return the lowest and highest Doppler shift that can be heard, Hz, of the band that an envelope holds.

    What lies further below the carrier than the shift would come back from zero as if it were above; it is left out.
    """
    return (
        max(held_hz[0], -(shift_hz - _EDGE_HZ) * slow),
        min(held_hz[1], (RATE_HZ / 2 - shift_hz - _EDGE_HZ) * slow),
    )


def _check(shift_hz: float, slow: float) -> None:
    highest = RATE_HZ / 2 - LOWEST_SHIFT_HZ
    if not LOWEST_SHIFT_HZ <= shift_hz <= highest:
        text = f"a file of {RATE_HZ} Hz holds sound below {RATE_HZ // 2} Hz"
        raise InvalidInput(
            f"shift {shift_hz:g} Hz: {text}; choose {LOWEST_SHIFT_HZ:g} to {highest:g}"
        )
    if not FASTEST <= slow <= SLOWEST:
        raise InvalidInput(f"slow {slow:g}: choose {FASTEST:g} to {SLOWEST:g}")


def _span(
    observation: Observation, slow: float, window_s: tuple[float, float | None] | None
) -> tuple[float, float]:
    """Return the start and the end of what is asked for, s."""
    lasts = observation.duration_s
    if lasts == 0:
        raise InvalidInput("the recording holds neither audio nor baseband")
    start_s, end_s = window_s or (0.0, None)
    end_s = lasts if end_s is None else end_s
    if not 0 <= start_s < end_s <= lasts:
        raise InvalidInput(
            f"window {start_s:g}:{end_s:g}: the recording lasts {lasts:g} s; stay within 0:{lasts:g}"
        )
    shortest_s = SHORTEST_S / min(1.0, slow)
    if end_s - start_s < shortest_s:
        raise InvalidInput(f"{end_s - start_s:g} s are too short to hear; {shortest_s:g} at least")
    lasts = (end_s - start_s) * slow
    if lasts > LONGEST_S:
        text = f"more than {LONGEST_S:g}; choose a shorter window"
        raise InvalidInput(f"the sound would last {lasts:g} s, {text}")
    return start_s, end_s


def _carrier(observation: Observation) -> float:
    """Return the recording's first carrier, Hz."""
    if any(command.on for command in observation.emission) or not observation.emission:
        if observation.baseband is not None and observation.baseband.carriers_hz.size:
            return float(observation.baseband.carriers_hz[0])
        for command in observation.emission:
            if command.on and command.carriers_hz:
                return command.carriers_hz[0]
    raise InvalidInput(
        "the device emits nothing, so there is no carrier to listen around; name one with --carrier"
    )


_Envelope = tuple[np.ndarray, float, tuple[float, float]]


def _from_baseband(
    observation: Observation, microphone: int, carrier_hz: float, start_s: float, end_s: float
) -> _Envelope | None:
    """Return (envelope, its rate, the band it holds) from the baseband, or None where it has not that carrier."""
    baseband = observation.baseband
    if baseband is None or not baseband.carriers_hz.size:
        return None
    near = int(np.argmin(np.abs(baseband.carriers_hz - carrier_hz)))
    if not abs(baseband.carriers_hz[near] - carrier_hz) < 0.5:
        return None
    rate_hz = baseband.rate_hz
    whole = baseband.samples[microphone, near]
    part = whole[round(start_s * rate_hz) : round(end_s * rate_hz)]
    return part, rate_hz, (-PASS * rate_hz, PASS * rate_hz)


def _from_audio(
    observation: Observation,
    microphone: int,
    carrier_hz: float,
    reach_hz: float,
    start_s: float,
    end_s: float,
) -> _Envelope:
    """Return (envelope, its rate, the band it holds): the audio, demodulated."""
    if observation.audio is None:
        held: Any = [] if observation.baseband is None else observation.baseband.carriers_hz
        known = ", ".join(f"{f:g}" for f in held) or "no carrier"
        text = f"the recording has no audio, and its baseband holds {known}"
        raise InvalidInput(f"carrier {carrier_hz:g} Hz: {text}")
    rate_hz, heard = observation.rate_hz, observation.audio[microphone]
    highest = rate_hz / 2 - LOWEST_SHIFT_HZ
    if not LOWEST_SHIFT_HZ <= carrier_hz <= highest:
        text = f"audio of {rate_hz} Hz holds sound below {rate_hz / 2:g} Hz"
        raise InvalidInput(
            f"carrier {carrier_hz:g} Hz: {text}; choose {LOWEST_SHIFT_HZ:g} to {highest:g}"
        )
    low_hz = min(rate_hz, max(_BASEBAND_HZ, 500 * ceil(reach_hz / PASS / 500)))
    first, count = round(start_s * low_hz), round((end_s - start_s) * low_hz)
    reach = reach_samples(rate_hz, low_hz)
    start = first * rate_hz // low_hz - reach
    stop = ceil((first + count) * rate_hz / low_hz) + reach
    inside = full_scale(heard[max(0, start) : stop], observation.bits)
    before = max(0, -start)
    around = np.pad(inside, (before, max(0, stop - start - before - len(inside))))
    envelope = off_carrier(around[None], carrier_hz, rate_hz, low_hz, start, first, count)[0]
    # At the ends of the recording the filter is half empty: the carrier would come in with a click. Mirrored, it stays.
    last = int(len(heard) * low_hz / rate_hz) - TAPS // 2 - 1 - first
    begun = max(0, TAPS // 2 + 1 - first)
    ended = min(last, count)
    envelope = np.pad(envelope[begun:ended], (begun, count - ended), mode="reflect")
    # Beyond half the sample rate is the mirror image of what is below it.
    held_hz = max(-PASS * low_hz, -carrier_hz), min(PASS * low_hz, rate_hz / 2 - carrier_hz)
    return envelope, float(low_hz), held_hz


def _within(
    envelope: np.ndarray, rate_hz: float, band_hz: tuple[float, float], slow: float
) -> np.ndarray:
    """Return what of an envelope lies in a band: flat within, 80 dB down _EDGE_HZ (as heard) beyond."""
    from scipy.signal import fftconvolve, firwin, kaiser_beta, kaiserord

    edge_hz = min(_EDGE_HZ * slow, (0.5 - PASS) * rate_hz)
    half_hz = (band_hz[1] - band_hz[0]) / 2 + edge_hz / 2
    taps = kaiserord(80.0, edge_hz / (rate_hz / 2))[0] | 1
    low_pass = firwin(taps, half_hz, window=("kaiser", kaiser_beta(80.0)), fs=rate_hz)
    lags = np.arange(taps) - taps // 2
    weights = low_pass * np.exp(2j * np.pi * (band_hz[0] + band_hz[1]) / 2 / rate_hz * lags)
    # Mirrored at its ends, so that no step from nothing rings there.
    return fftconvolve(np.pad(envelope, taps // 2, mode="reflect"), weights, mode="valid")


def _faded(wave: np.ndarray) -> np.ndarray:
    count = min(round(_FADE_S * RATE_HZ), len(wave) // 2)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(count) / count)
    wave[:count] *= rise
    wave[len(wave) - count :] *= rise[::-1]
    return wave


def _gain(samples: np.ndarray, wanted_db: float | None) -> float:
    """Return the gain in dB: the wanted one where it does not clip, else what leads to PEAK_DB."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    level_db = 20 * log10(peak) if peak > 0 else PEAK_DB
    if wanted_db is None:
        return min(PEAK_DB - level_db, _MOST_GAIN_DB)
    most_db = 20 * log10(1 - 2.0 ** (1 - BITS)) - level_db
    if not isfinite(wanted_db) or wanted_db < -200:
        raise InvalidInput(f"gain {wanted_db:g} dB: name a number of dB, or auto")
    if peak > 0 and wanted_db > most_db:
        raise InvalidInput(
            f"gain {wanted_db:g} dB: would clip; {np.floor(10 * most_db) / 10:g} dB at most"
        )
    return wanted_db

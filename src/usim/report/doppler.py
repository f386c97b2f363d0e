"""The Doppler map: how strong the echo is at each Doppler shift, over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.recording.observation import Observation

WINDOW_S = 0.128
_PADDING = 4  # bins a resolution cell, so that a line looks like a line
_COLUMNS = 1200  # as many as a picture can show; more frames are averaged in power
STILL_S = 2.0  # what has not moved for about that long is taken for the still room
_RATE_HZ = 4000.0  # of the baseband made from audio, unless the Doppler needs more

# Four-term Blackman-Harris (Harris, Proc. IEEE 66 (1978) 51): sidelobes at -92 dB, so that what is
# left of the static line cannot pass for motion.
_BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)


@dataclass(frozen=True, eq=False)
class DopplerMap:
    """Echo level against Doppler shift and time, static echoes removed.

    level_db: (shift, time), dB re the strongest echo. shift_hz: (shift,), above zero: approaching.
    t_s: (time,), middles of the frames. floor_db: level of the noise between the echoes (median).
    static_db: level of the static line that was removed, dB re the strongest echo.
    """

    level_db: np.ndarray
    shift_hz: np.ndarray
    t_s: np.ndarray
    carrier_hz: float
    resolution_hz: float
    floor_db: float
    static_db: float


def doppler_map(
    observation: Observation,
    carrier: int = 0,
    microphone: int | None = None,
    widest_hz: float | None = None,
    window_s: float = WINDOW_S,
    still_s: float = STILL_S,
) -> DopplerMap:
    """Return the Doppler map of one carrier, of one microphone or the power mean over all.

    widest_hz: largest shift to keep, Hz; the baseband's band where None. window_s: length of the
    Blackman-Harris window, s. still_s: what has not moved for about that long is taken out, s; of
    many windows' length it leaves slow motion in. Works on the baseband where there is one, else on
    the audio.
    Raises ValueError where the recording is shorter than one window or has no carrier.
    """
    envelope, rate_hz, carrier_hz = _envelope(observation, carrier, widest_hz)
    if microphone is not None:
        envelope = envelope[microphone : microphone + 1]
    length = round(window_s * rate_hz)
    count = envelope.shape[1]
    if count < length:
        raise ValueError(f"the recording is shorter than one frame of {window_s} s")
    static = still(envelope, rate_hz, still_s)
    moving = envelope - static

    phase = 2 * np.pi * np.arange(length) / length
    window = np.cos(np.outer(phase, np.arange(4))) @ _BLACKMAN_HARRIS
    window /= window.sum()
    size = 1 << (_PADDING * length - 1).bit_length()
    shift_hz = np.fft.fftshift(np.fft.fftfreq(size, 1 / rate_hz))
    kept = np.abs(shift_hz) <= (0.45 * rate_hz if widest_hz is None else widest_hz)

    starts = _starts(count, length)
    power = np.empty((int(kept.sum()), len(starts)))
    for number, group in enumerate(starts):
        frames = moving[:, group[:, None] + np.arange(length)] * window
        spectrum = np.fft.fftshift(np.fft.fft(frames, size, axis=-1), axes=-1)[..., kept]
        power[:, number] = np.mean(np.abs(spectrum) ** 2, axis=(0, 1))
    t_s = (starts.mean(axis=1) + length / 2) / rate_hz

    shift_hz = shift_hz[kept]
    # The strongest echo is looked for outside the cell of the static line, where what an
    # interrupted tone leaves of it would else set the scale; slow motion lies nowhere else.
    beyond = np.abs(shift_hz) > (4 / window_s if still_s <= STILL_S else 0.0)
    strongest = max(float(power[beyond].max(initial=0.0)), 1e-40) if beyond.any() else 1e-40
    level_db = 10 * np.log10(np.maximum(power, 1e-30 * strongest) / strongest)
    static_db = 10 * np.log10(max(float(np.mean(np.abs(static) ** 2)), 1e-60) / strongest)
    return DopplerMap(
        level_db, shift_hz, t_s, carrier_hz, 4 / window_s, float(np.median(level_db)), static_db
    )


def doppler_shift_hz(radial_velocity_m_s, carrier_hz: float, c: float):
    """Return the Doppler shift in Hz of an echo whose range grows by `radial_velocity_m_s`.

    Monostatic and exact: f (c - v) / (c + v) - f (Gill, The Doppler Effect, 1965). c: m/s.
    """
    v = np.asarray(radial_velocity_m_s, dtype=np.float64)
    return carrier_hz * ((c - v) / (c + v) - 1)


def carriers_hz(observation: Observation) -> tuple[float, ...]:
    """Return the carriers of a recording: of its baseband, else those that it was told to emit."""
    if observation.baseband is not None:
        return tuple(float(f) for f in observation.baseband.carriers_hz)
    commanded: dict[float, None] = {}
    for command in observation.emission:
        commanded |= dict.fromkeys(command.carriers_hz)
    return tuple(commanded)


def _starts(count: int, length: int) -> np.ndarray:
    """Return the first samples of the frames, (column, frame): evenly spaced, overlapping by half
    or more; the frames of a column are averaged.
    """
    room = count - length
    columns = min(_COLUMNS, room + 1)
    frames = max(1, -(-2 * room // (length * columns)))
    starts = np.rint(np.linspace(0, room, columns * frames)).astype(int)
    return starts.reshape(columns, frames)


def still(envelope: np.ndarray, rate_hz: float, still_s: float = STILL_S) -> np.ndarray:
    """Return what stands still: the mean over `still_s` around each time, (mic, slow_time).

    Not the mean of the whole recording: somebody who stands for half of it would leave a ghost of
    a standing echo in the other half.
    """
    from scipy.signal import fftconvolve

    length = min(int(still_s * rate_hz) | 1, 2 * envelope.shape[1] - 1)
    window = np.hanning(length + 2)[1:-1]
    weight = fftconvolve(np.ones(envelope.shape[1]), window, mode="same")
    # Taken about the mean, so that rounding is relative to what changes, not to the direct sound.
    mean = envelope.mean(axis=1, keepdims=True)
    return mean + fftconvolve(envelope - mean, window[None], mode="same", axes=1) / weight


def _envelope(
    observation: Observation, carrier: int, widest_hz: float | None
) -> tuple[np.ndarray, float, float]:
    """Return the complex envelope (mic, slow_time), its rate and its carrier, Hz."""
    carriers = carriers_hz(observation)
    if not carriers:
        raise ValueError("no carrier is known, so there is no Doppler shift to draw")
    carrier_hz = carriers[carrier]
    if observation.baseband is not None:
        baseband = observation.baseband
        return baseband.samples[:, carrier].astype(np.complex128), baseband.rate_hz, carrier_hz
    from scipy.signal import resample_poly

    audio = observation.audio_fs()
    wanted_hz = max(_RATE_HZ, 2.5 * (widest_hz or 0.0))
    down = max(1, int(observation.rate_hz // wanted_hz))
    turns = np.exp(-2j * np.pi * carrier_hz / observation.rate_hz * np.arange(audio.shape[1]))
    envelope = np.array([resample_poly(2 * row * turns, 1, down) for row in audio])
    return envelope, observation.rate_hz / down, carrier_hz

"""Audio files as bytes: FLAC, and WAV or RF64, both 16 or 24 bit, never float.

Bytes depend on the samples alone: no time stamps, no tags. (A float WAV gets a time stamp from
libsndfile, so there is none here.) FLAC is encoded into memory, so that it is Python that writes
to the disk and a full disk is an ordinary OSError. WAV is written by hand.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

FLAC_CHANNELS = 8
FLAC_RATE_HZ = 655_350
_FLAC_LEVEL = (
    0.625  # of 0..1: level 5 of 8; less is no faster and 70 % larger, more takes twice the time
)
_MOST_GAIN = 512
_BLOCK = 1 << 16  # samples a channel converted at once, so that memory does not double
_RIFF_LIMIT = (1 << 32) - 1


@dataclass(frozen=True)
class Sound:
    """Decoded audio: codes int32 (channel, sample) of `bits` bits, at `rate_hz`."""

    codes: np.ndarray
    rate_hz: int
    bits: int


def quantise(samples: np.ndarray, bits: int, name: str) -> tuple[np.ndarray, int]:
    """Return (codes int32 of `bits` bits, number of samples clipped to the rails).

    samples: (channel, sample), codes of that many bits or floats with 1.0 = full scale, rounded to
    the nearest code, halves to even. A sample that is not finite is a ValueError with `name`.
    """
    if samples.dtype.kind == "i":
        return samples.astype(np.int32, copy=False), 0
    check_finite(samples, name)
    limit = 1 << (bits - 1)
    codes = np.empty(samples.shape, dtype=np.int32)
    clipped = 0
    for start in range(0, samples.shape[-1], _BLOCK):
        block = np.rint(samples[:, start : start + _BLOCK] * float(limit))
        clipped += int(np.count_nonzero((block > limit - 1) | (block < -limit)))
        codes[:, start : start + _BLOCK] = np.clip(block, -limit, limit - 1)
    return codes, clipped


def power_of_two_gain(samples: np.ndarray, bits: int, name: str) -> int:
    """Return the largest g for which samples x 2**g still fit `bits` bits; 0 for silence.

    samples: (channel, sample), full scale. A stem is stored as quantise(stem x 2**g), so its error
    is half a step of the converter divided by 2**g. g is negative only for a stem beyond full scale.
    """
    check_finite(samples, name)
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak == 0.0:
        return 0
    highest = (1 << (bits - 1)) - 1
    # Brings the peak into [1, 2), then down to what fits; bounded, so that 2**gain is a number.
    gain = min(1 - int(np.frexp(peak)[1]), _MOST_GAIN)
    while np.rint(peak * 2.0**gain * (highest + 1)) > highest:
        gain -= 1
    return gain


def check_finite(samples: np.ndarray, name: str) -> None:
    """Raise a ValueError that names `name` and the first sample that is NaN or infinite."""
    for channel, row in enumerate(samples.reshape(-1, samples.shape[-1]) if samples.size else ()):
        bad = ~np.isfinite(row)
        if bad.any():
            raise ValueError(
                f"{name}: {int(bad.sum())} samples are not finite, the first at channel {channel},"
                f" sample {int(bad.argmax())}; nothing was written"
            )


def container_bits(bits: int) -> int:
    """Return the file's sample size for a converter of `bits` bits: 16 or 24."""
    return 16 if bits <= 16 else 24


def flac_holds(channels: int, rate_hz: int) -> bool:
    """Return whether FLAC can hold that many channels at that rate."""
    return channels <= FLAC_CHANNELS and rate_hz <= FLAC_RATE_HZ


def encode_flac(codes: np.ndarray, rate_hz: int, bits: int) -> bytes:
    """Return a FLAC file of codes (channel, sample); fewer bits stand at the top of 16 or 24."""
    import soundfile

    size = container_bits(bits)
    memory = io.BytesIO()
    with soundfile.SoundFile(
        memory,
        "w",
        rate_hz,
        len(codes),
        f"PCM_{size}",
        format="FLAC",
        compression_level=_FLAC_LEVEL,
    ) as file:
        for start in range(0, codes.shape[1], _BLOCK):
            block = codes[:, start : start + _BLOCK].T.astype(np.int32, order="C")
            file.write(block << (32 - bits))
    return memory.getvalue()


def encode_wav(codes: np.ndarray, rate_hz: int, bits: int) -> Iterator[bytes]:
    """Yield a WAV file of codes (channel, sample) in pieces; RF64 where it is beyond 4 GiB."""
    channels, count = codes.shape
    size = container_bits(bits) // 8
    data_bytes = channels * count * size
    yield wav_header(channels, count, rate_hz, size)
    for start in range(0, count, _BLOCK):
        block = codes[:, start : start + _BLOCK].T.astype("<i4", order="C") << (8 * size - bits)
        yield block.view(np.uint8).reshape(-1, 4)[:, :size].tobytes()
    if data_bytes % 2:
        yield b"\0"


def wav_header(channels: int, count: int, rate_hz: int, size: int) -> bytes:
    """Return the header of a WAV (or RF64) file of `count` samples of `size` bytes a channel."""
    data_bytes = channels * count * size
    padded = data_bytes + data_bytes % 2
    # WAVE_FORMAT_EXTENSIBLE: more than two channels or 16 bits; no speaker positions (mask 0).
    subtype = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
    frame = channels * size
    fmt = struct.pack(
        "<4sIHHIIHHHHI16s",
        *(b"fmt ", 40, 0xFFFE, channels, rate_hz, rate_hz * frame, frame, 8 * size),
        *(22, 8 * size, 0, subtype),
    )
    if 4 + len(fmt) + 8 + padded <= _RIFF_LIMIT:
        head = struct.pack("<4sI4s", b"RIFF", 4 + len(fmt) + 8 + padded, b"WAVE")
        return head + fmt + struct.pack("<4sI", b"data", data_bytes)
    riff_bytes = 4 + 36 + len(fmt) + 8 + padded
    head = struct.pack("<4sI4s", b"RF64", _RIFF_LIMIT, b"WAVE")
    sizes = struct.pack("<4sIQQQI", b"ds64", 28, riff_bytes, data_bytes, count, 0)
    return head + sizes + fmt + struct.pack("<4sI", b"data", _RIFF_LIMIT)


def decode(data: bytes, bits: int, name: str) -> Sound:
    """Return the codes of a FLAC, WAV or RF64 file given as bytes.

    bits: of the converter that made it; fewer than the file's own are shifted back down. A file
    that cannot be decoded, or is float, is a ValueError with `name`.
    """
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate_hz, channels, count = file.samplerate, file.channels, file.frames
            if file.subtype not in ("PCM_16", "PCM_24"):
                raise ValueError(f"{name}: samples are {file.subtype}, not 16 or 24 bit integers")
            codes = np.empty((channels, count), dtype=np.int32)
            start = 0
            while start < count:
                block = file.read(min(_BLOCK, count - start), dtype="int32", always_2d=True)
                if not len(block):
                    raise ValueError(f"{name}: cut short after {start} of {count} samples")
                codes[:, start : start + len(block)] = (block >> (32 - bits)).T
                start += len(block)
    except (RuntimeError, TypeError, AssertionError) as error:
        # soundfile's own error is a RuntimeError; a damaged FLAC can end in an empty assertion.
        raise ValueError(f"{name}: not a sound file that can be read ({error})") from None
    return Sound(codes, rate_hz, bits)

"""Writing recordings to folders.

`write` puts one device's recording straight into the folder, several into one folder each:

    observation/  audio.flac playback.flac baseband.npz observation.json   all a detector is given
    truth/        scene.yaml labels.csv truth.npz stems/*.flac
    recording.json  spectrogram.png

The bytes depend on the recording alone: no time stamps, no machine names. Nothing half-written is
ever visible (see `commit`).

A stem is stored as an integer file of the converter's bits: code = round(stem x 2**g x 2**(bits-1))
with the largest g that fits, kept in recording.json under `gains`. So stem = code / 2**(bits-1) / 2**g
within half a step of the converter divided by 2**g, and the stems sum to the converter's input
within half a step each (more only for a stem beyond full scale by itself, whose g is negative).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from usim.recording import arrays, audio, layout
from usim.recording.commit import Draft, check_target, committing
from usim.recording.observation import Baseband, Observation
from usim.recording.recording import FORMAT, Recording
from usim.recording.truth import Truth
from usim.template.problem import InvalidInput, Problem

KEEP = ("audio", "baseband", "stems", "truth", "plot")
SEVERAL = "recordings/1"

_TRUTH_ARRAYS = (
    *("t_s", "radial_velocity_m_s", "range_m", "echo_level_db_spl", "position_m"),
    *("frame_t_s", "echo_to_noise_db"),
)
Picture = bytes | Callable[[Recording], bytes]


def write(
    recording: Recording | Mapping[str, Recording],
    folder: str | os.PathLike,
    force: bool = False,
    keep: tuple[str, ...] = KEEP,
    audio_format: str = "flac",
    picture: Picture | None = None,
) -> Path:
    """Write a recording, or one for each device by name, and return its folder.

    force: replace a recording that is there, once the new one is complete. keep: which parts to
    write. audio_format: "flac", or "wav"; more than 8 channels are always WAV. picture: PNG bytes,
    or a function that makes them from a recording.

    Raises InvalidInput where the folder is taken, EnvironmentProblem where the disk is full or may
    not be written, ValueError (one line, naming the stem) where a sample is not finite. Samples
    beyond full scale are clipped and counted in recording.json.
    """
    unknown = [word for word in keep if word not in KEEP]
    if unknown:
        raise InvalidInput(Problem(f"keep: {unknown[0]!r} is none of {', '.join(KEEP)}"))
    if audio_format not in ("flac", "wav"):
        raise InvalidInput(Problem(f"format: {audio_format!r} is neither flac nor wav"))
    check_target(folder, force)
    several = dict(recording) if isinstance(recording, Mapping) else {"": recording}
    if not several:
        raise InvalidInput(Problem("no device of this scene listens; there is nothing to write"))
    for name, one in several.items():
        if len(several) > 1:
            layout.check_name(name, "device")
        _check(one, keep)
    with committing(folder, force, mark=layout.RECORDING) as draft:
        if len(several) == 1:
            (only,) = several.values()
            _write_one(_Shelf(draft, "", audio_format), only, keep, picture)
        else:
            sums = {
                name: _write_one(_Shelf(draft, f"{name}/", audio_format), one, keep, picture)
                for name, one in several.items()
            }
            draft.put(layout.RECORDING, layout.sealed({"usim": SEVERAL, "devices": sums}))
    return Path(folder)


def _check(recording: Recording, keep: tuple[str, ...]) -> None:
    """Refuse what must not reach a file before anything is written."""
    observation, truth = recording.observation, recording.truth
    played = None if observation.playback is None else observation.playback.samples
    for name, samples in (("audio", observation.audio), ("playback", played)):
        if "audio" in keep and samples is not None:
            if not samples.size:
                raise ValueError(f"{name}: has no samples; nothing was written")
            if samples.dtype.kind == "f":
                audio.check_finite(samples, name)
    if truth is not None and "stems" in keep:
        for name, stem in truth.stems.items():
            layout.check_name(name, "stem")
            wanted = (len(observation.microphones_m), stem.shape[-1])
            if observation.audio is not None:
                wanted = observation.audio.shape
            if stem.shape != wanted:
                raise ValueError(f"stem {name}: has shape {stem.shape}, the audio has {wanted}")
            audio.check_finite(stem, f"stem {name}")


class _Shelf:
    """Where one device's files go; remembers their checksums."""

    def __init__(self, draft: Draft, prefix: str, audio_format: str):
        self._draft = draft
        self._prefix = prefix
        self._audio_format = audio_format
        self.sums: dict[str, str] = {}

    def put(self, name: str, data: bytes) -> str:
        """Write one file and return its checksum."""
        self._draft.put(self._prefix + name, data)
        self.sums[name] = layout.sha256(data)
        return self.sums[name]

    def put_sound(self, name: str, codes: np.ndarray, rate_hz: int, bits: int) -> dict[str, Any]:
        """Write codes as `name` plus the suffix of their format; return how to read them."""
        if self._audio_format == "flac" and audio.flac_holds(len(codes), rate_hz):
            file, data = f"{name}.flac", audio.encode_flac(codes, rate_hz, bits)
        else:
            file, data = f"{name}.wav", b"".join(audio.encode_wav(codes, rate_hz, bits))
        checksum = self.put(file, data)
        return {"file": Path(file).name, "rate_hz": rate_hz, "bits": bits, "sha256": checksum}


def _write_one(
    shelf: _Shelf, recording: Recording, keep: tuple[str, ...], picture: Picture | None
) -> str:
    """Write one device's files; return the checksum of its recording.json."""
    about, truth = recording.metadata, recording.truth
    clipped = _write_observation(shelf, recording.observation, keep)
    gains = {} if truth is None else _write_truth(shelf, truth, recording.observation, keep)
    if "plot" in keep and picture is not None:
        shelf.put(layout.PICTURE, picture(recording) if callable(picture) else picture)
    table = {
        "usim": FORMAT,
        "device": about.device,
        "profile": recording.observation.profile,
        "unit": about.unit,
        "seeds": dict(about.seeds),
        "settings": dict(about.settings),
        "versions": dict(about.versions),
        "kinds_sha256": about.kinds_sha256,
        "clipped": [int(count) for count in about.clipped],
        "clipped_in_file": clipped,
        "gains": gains,
        "files": dict(sorted(shelf.sums.items())),
    }
    return shelf.put(layout.RECORDING, layout.sealed(table))


def _write_observation(
    shelf: _Shelf, observation: Observation, keep: tuple[str, ...]
) -> dict[str, int]:
    """Write what a product has; return how many samples had to be clipped, by file."""
    table = _observation_table(observation)
    clipped: dict[str, int] = {}
    sounds = {"audio": (observation.audio, observation.rate_hz, observation.bits)}
    if observation.playback is not None:
        played = observation.playback
        sounds["playback"] = (played.samples, played.rate_hz, played.bits)
    for name, (samples, rate_hz, bits) in sounds.items():
        if samples is not None and "audio" in keep:
            codes, clipped[name] = audio.quantise(samples, bits, name)
            table[name] = shelf.put_sound(f"observation/{name}", codes, rate_hz, bits)
    if "baseband" in keep and observation.baseband is not None:
        checksum = shelf.put(layout.BASEBAND, _encode_baseband(observation.baseband))
        table["baseband"] = {"file": Path(layout.BASEBAND).name, "sha256": checksum}
    shelf.put(layout.OBSERVATION, layout.sealed(table))
    return clipped


def _write_truth(
    shelf: _Shelf, truth: Truth, observation: Observation, keep: tuple[str, ...]
) -> dict[str, int]:
    """Write the truth; return each stem's power of two."""
    if "truth" in keep:
        shelf.put(layout.SCENE, truth.scene.encode())
        shelf.put(layout.LABELS, truth.labels.to_csv().encode())
        shelf.put(layout.TRUTH, _encode_truth(truth))
    if "baseband" in keep and truth.baseband is not None:
        shelf.put(layout.TRUTH_BASEBAND, _encode_baseband(truth.baseband))
    gains: dict[str, int] = {}
    if "stems" in keep:
        rate_hz, bits = observation.rate_hz, observation.bits
        for name, stem in truth.stems.items():
            gains[name] = audio.power_of_two_gain(stem, bits, f"stem {name}")
            codes, _ = audio.quantise(stem * 2.0 ** gains[name], bits, f"stem {name}")
            shelf.put_sound(f"{layout.STEMS}/{name}", codes, rate_hz, bits)
    return gains


def _observation_table(observation: Observation) -> dict[str, Any]:
    return {
        "usim": observation.format,
        "profile": observation.profile,
        "rate_hz": observation.rate_hz,
        "bits": observation.bits,
        "microphones_m": observation.microphones_m.tolist(),
        "emission": [
            {
                "start_s": command.start_s,
                "carriers_hz": list(command.carriers_hz),
                "level_db_spl": command.level_db_spl,
                "on": command.on,
                **({} if command.sweep is None else {"sweep": asdict(command.sweep)}),
            }
            for command in observation.emission
        ],
    }


def _encode_baseband(baseband: Baseband) -> bytes:
    members = {
        "samples": baseband.samples,
        "rate_hz": np.array(baseband.rate_hz, dtype=np.float64),
        "carriers_hz": baseband.carriers_hz,
    }
    return arrays.encode_npz(members, "baseband")


def _encode_truth(truth: Truth) -> bytes:
    members = {
        "pieces": np.array(truth.pieces, dtype=str),
        "movers": np.array(truth.movers, dtype=str),
    }
    for name in _TRUTH_ARRAYS:
        if getattr(truth, name) is not None:
            members[name] = getattr(truth, name)
    return arrays.encode_npz(members, "truth")

"""Opening recordings: folders back into observations and truths, trusting nothing in them.

Every file is compared with its checksum when it is read. Stems are read when they are asked for,
because a recording has many and most uses want none.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from usim.physics.sweeps import Sweep
from usim.recording import arrays, audio, layout
from usim.recording.labels import LabelTrack
from usim.recording.observation import (
    Baseband,
    EmissionCommand,
    Observation,
    Playback,
    full_scale,
)
from usim.recording.recording import FORMAT, Metadata, Recording
from usim.recording.truth import Truth
from usim.template.problem import InvalidInput, Problem, VerificationFailed


def open_recording(folder: str | os.PathLike) -> Recording | dict[str, Recording]:
    """Return the recording in a folder; where it holds several devices, a dict of them by name.

    Raises InvalidInput where it is no recording or of an unknown format, VerificationFailed where a
    file is damaged, EnvironmentProblem where it may not be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InvalidInput(Problem("no such folder", file=str(folder)))
    file = str(folder / layout.RECORDING)
    data = layout.read_file(folder, layout.RECORDING, json_sized=True)
    table = layout.from_json(data, file)
    several = str(table.get("usim")).startswith("recordings/")
    layout.check_format(table, "recordings" if several else FORMAT.partition("/")[0], file)
    if not layout.seal_holds(data, table):
        raise VerificationFailed(f"{file}: damaged: its checksum does not match")
    with _named(file):
        if several:
            names = [layout.check_name(name, "device") for name in table["devices"]]
            return {name: _one_device(folder / name) for name in names}
        sums = dict(table["files"])
        about = _metadata(table)
    observation = open_observation(folder)
    return Recording(observation, _truth(folder, sums, observation, about), about)


def open_observation(folder: str | os.PathLike) -> Observation:
    """Return what a product has of a recording; the truth is not touched.

    folder: the recording's folder. Only files in its observation/ are opened; a folder that holds
    nothing else is enough.
    """
    folder = Path(folder)
    file = str(folder / layout.OBSERVATION)
    data = layout.read_file(folder, layout.OBSERVATION, json_sized=True)
    table = layout.from_json(data, file)
    layout.check_format(table, "observation", file)
    if "checksum" in table and not layout.seal_holds(data, table):
        raise VerificationFailed(f"{file}: damaged: its checksum does not match")
    with _named(file):
        rate_hz, bits = _whole(table, "rate_hz"), _whole(table, "bits")
        sound, played = _sound(folder, table, "audio"), _sound(folder, table, "playback")
        if sound is not None and (sound.rate_hz, sound.bits) != (rate_hz, bits):
            raise ValueError("audio: its rate or bits are not those of the observation")
        baseband = None
        if "baseband" in table:
            name = f"observation/{_file_name(table['baseband'])}"
            checksum = table["baseband"].get("sha256")
            baseband = _baseband(layout.read_checked(folder, name, checksum), name)
        if not isinstance(table["emission"], list):
            raise ValueError("emission must be a list of commands")
        return Observation(
            profile=str(table["profile"]),
            rate_hz=rate_hz,
            bits=bits,
            microphones_m=np.array(table["microphones_m"], dtype=np.float64),
            audio=None if sound is None else sound.codes,
            baseband=baseband,
            playback=None
            if played is None
            else Playback(played.codes, played.rate_hz, played.bits),
            emission=tuple(_command(row) for row in table["emission"]),
            format=table["usim"],
        )


class Stems(Mapping):
    """The stems of a stored recording, read and decoded when asked for: (mic, sample), float64."""

    def __init__(self, folder: Path, files: Mapping[str, str], gains: Mapping[str, int], bits: int):
        self._folder = folder
        self._gains = dict(gains)
        self._bits = bits
        self._files = {Path(file).stem: (file, checksum) for file, checksum in files.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        file, checksum = self._files[name]
        data = layout.read_checked(self._folder, file, checksum)
        codes = audio.decode(data, self._bits, str(self._folder / file)).codes
        return full_scale(codes, self._bits) * 2.0 ** -self._gains[name]

    def __iter__(self) -> Iterator[str]:
        # In the order of writing, which is that of the gains.
        return iter(self._gains)

    def __len__(self) -> int:
        return len(self._gains)


class _named:
    """Turn what a faulty table or file raises into InvalidInput of one line that names the file."""

    def __init__(self, file: str):
        self._file = file

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, InvalidInput):
            return
        if isinstance(error, KeyError):
            raise InvalidInput(Problem(f"field {error} is missing", file=self._file)) from None
        if isinstance(error, (ValueError, TypeError, AttributeError, OverflowError)):
            raise InvalidInput(Problem(str(error), file=self._file)) from None


def _one_device(folder: Path) -> Recording:
    found = open_recording(folder)
    if isinstance(found, dict):
        raise InvalidInput(Problem("several devices within a device", file=str(folder)))
    return found


def _metadata(table: dict[str, Any]) -> Metadata:
    return Metadata(
        device=str(table["device"]),
        unit=table["unit"],
        seeds=dict(table["seeds"]),
        settings=dict(table["settings"]),
        versions=dict(table["versions"]),
        clipped=tuple(int(count) for count in table["clipped"]),
        kinds_sha256=table["kinds_sha256"],
        gains={str(name): int(gain) for name, gain in table["gains"].items()},
        clipped_in_file=dict(table["clipped_in_file"]),
        checksums=dict(table["files"]),
    )


def _truth(
    folder: Path, sums: dict[str, str], observation: Observation, about: Metadata
) -> Truth | None:
    """Return the truth of what recording.json lists under truth/, or None."""
    if not any(name.startswith("truth/") for name in sums):
        return None
    fields: dict[str, Any] = {"scene": ""}
    if layout.TRUTH in sums:
        file = str(folder / layout.TRUTH)
        with _named(file):
            data = layout.read_checked(folder, layout.TRUTH, sums[layout.TRUTH])
            fields |= arrays.decode_npz(data, layout.TRUTH)
            fields["pieces"] = tuple(str(name) for name in fields["pieces"])
            fields["movers"] = tuple(str(name) for name in fields["movers"])
        labels = layout.read_checked(folder, layout.LABELS, sums.get(layout.LABELS))
        fields["labels"] = LabelTrack.from_csv(labels.decode(), str(folder / layout.LABELS))
        fields["scene"] = layout.read_checked(folder, layout.SCENE, sums.get(layout.SCENE)).decode()
    if layout.TRUTH_BASEBAND in sums:
        data = layout.read_checked(folder, layout.TRUTH_BASEBAND, sums[layout.TRUTH_BASEBAND])
        fields["baseband"] = _baseband(data, layout.TRUTH_BASEBAND)
    stems = {name: sums[name] for name in sums if name.startswith(f"{layout.STEMS}/")}
    fields["stems"] = Stems(folder, stems, about.gains, observation.bits)
    with _named(str(folder / layout.TRUTH)):
        return Truth(**fields)


def _sound(folder: Path, table: dict[str, Any], part: str) -> audio.Sound | None:
    if part not in table:
        return None
    name = f"observation/{_file_name(table[part])}"
    data = layout.read_checked(folder, name, table[part].get("sha256"))
    sound = audio.decode(data, _whole(table[part], "bits"), name)
    if sound.rate_hz != table[part]["rate_hz"]:
        raise ValueError(f"{name}: has {sound.rate_hz} Hz, not {table[part]['rate_hz']}")
    return sound


def _baseband(data: bytes, name: str) -> Baseband:
    members = arrays.decode_npz(data, name)
    return Baseband(members["samples"], float(members["rate_hz"]), members["carriers_hz"])


def _command(row: dict[str, Any]) -> EmissionCommand:
    if not isinstance(row["on"], bool):
        raise ValueError("emission: `on` must be true or false")
    return EmissionCommand(
        float(row["start_s"]),
        tuple(row["carriers_hz"]),
        float(row["level_db_spl"]),
        row["on"],
        None if row.get("sweep") is None else _sweep(row["sweep"]),
    )


def _sweep(row: dict[str, Any]) -> Sweep:
    knots = tuple((float(t), float(f)) for t, f in row["hz"])
    every_s, ramp_s, origin_s = (float(row[name]) for name in ("every_s", "ramp_s", "origin_s"))
    numbers = [every_s, ramp_s, origin_s, *(value for knot in knots for value in knot)]
    times = [t for t, _ in knots]
    rising = len(knots) > 1 and all(a < b for a, b in itertools.pairwise(times))
    if not (all(np.isfinite(numbers)) and rising and times[0] == 0.0 and every_s >= times[-1]):
        raise ValueError("emission: sweep needs knots of ascending time from 0, within every_s")
    return Sweep(knots, every_s, ramp_s, origin_s)


def _file_name(part: dict[str, Any]) -> str:
    return layout.check_name(str(part["file"]), "file")


def _whole(table: dict[str, Any], field: str) -> int:
    value = table[field]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 31:
        raise ValueError(f"{field} {value!r} is not a whole number above 0")
    return value

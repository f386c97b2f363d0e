"""Layout: the names of a recording's files, and how they are read without trusting them.

A folder may come from anywhere. Only regular files that lie inside it are read, up to a size; JSON
is plain JSON of finite numbers; nothing here or below it can run code.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np

from usim.template.problem import EnvironmentProblem, InvalidInput, Problem, VerificationFailed

RECORDING = "recording.json"
OBSERVATION = "observation/observation.json"
BASEBAND = "observation/baseband.npz"
PICTURE = "spectrogram.png"
SCENE = "truth/scene.yaml"
LABELS = "truth/labels.csv"
TRUTH = "truth/truth.npz"
TRUTH_BASEBAND = "truth/baseband.npz"
STEMS = "truth/stems"

_JSON_BYTES = 1 << 26
_FILE_BYTES = 1 << 36
_SEAL = "checksum"


def sha256(data: bytes) -> str:
    """Return the SHA-256 of `data` as hexadecimal text."""
    return hashlib.sha256(data).hexdigest()


def check_name(name: str, what: str) -> str:
    """Return `name` where it can be part of a file name, else raise InvalidInput."""
    bad = not name or name.startswith(".") or "/" in name or "\\" in name or not name.isprintable()
    if bad or len(name.encode("utf-8", "surrogatepass")) > 200:
        raise InvalidInput(Problem(f"{what} {name[:60]!r} cannot be the name of a file"))
    return name


def to_json(table: dict[str, Any]) -> bytes:
    """Return a table as JSON bytes: one spelling only, finite numbers only."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.generic | np.ndarray):
            return value.tolist()
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")

    text = json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False, default=plain)
    return (text + "\n").encode()


def sealed(table: dict[str, Any]) -> bytes:
    """Return a table as JSON bytes that carry their own checksum in the last field."""
    return to_json({**table, _SEAL: sha256(to_json(table))})


def from_json(data: bytes, file: str) -> dict[str, Any]:
    """Return the mapping written in JSON bytes, or raise InvalidInput of one line."""

    def refuse(word: str):
        raise ValueError(f"{word} is not a finite number")

    try:
        table = json.loads(data.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "nested too deeply"
        raise InvalidInput(Problem(f"not JSON: {reason}", file=file)) from None
    if not isinstance(table, dict):
        raise InvalidInput(Problem("must be a mapping", file=file))
    return table


def seal_holds(data: bytes, table: dict[str, Any]) -> bool:
    """Return whether JSON bytes are, to the last byte, what `sealed` wrote."""
    body = {key: value for key, value in table.items() if key != _SEAL}
    try:
        return data == sealed(body)
    except (ValueError, RecursionError):
        return False


def check_format(table: dict[str, Any], family: str, file: str) -> None:
    """Raise InvalidInput unless the file is `family`/1 or `family`/1.x."""
    found = table.get("usim")
    match = re.fullmatch(r"([a-z]{1,20})/(\d{1,9})(\.\d{1,9})?", str(found))
    if match is None or match[1] != family:
        text = f"is not a {family} of usim (its field `usim` must be {family}/1)"
        raise InvalidInput(Problem(text, file=file))
    if match[2] != "1":
        text = f"has format {found}; this version of usim reads {family}/1: use a newer one"
        raise InvalidInput(Problem(text, file=file))


def read_file(folder: Path, name: str, json_sized: bool = False) -> bytes:
    """Return the bytes of a regular file inside `folder`.

    Raises InvalidInput where it is absent, lies outside (a link out), or is no regular file or too
    large; EnvironmentProblem where it may not be read.
    """
    root = os.path.realpath(folder)
    shown = str(Path(folder) / name)
    path = os.path.realpath(os.path.join(root, name))
    if os.path.commonpath([root, path]) != root:
        raise InvalidInput(Problem("leads out of the recording's folder; refused", file=shown))
    limit = _JSON_BYTES if json_sized else _FILE_BYTES
    try:
        # Non-blocking, or a named pipe would wait for ever; it is refused two lines below.
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(number, "rb") as file:
            status = os.fstat(number)
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(Problem("is not a regular file; refused", file=shown))
            if status.st_size > limit:
                text = f"has {status.st_size} bytes, more than {limit}; refused"
                raise InvalidInput(Problem(text, file=shown))
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidInput(Problem("no such file", file=shown)) from None
    except OSError as error:
        raise EnvironmentProblem(f"{shown}: could not be read: {error.strerror}") from error


def unlisted(folder: Path) -> str | None:
    """Return the first file below `folder` that is not of the recording in it, or None.

    Of a recording are its recording.json and what that lists; for several devices, theirs too. One that cannot be read lists nothing.
    """
    devices = _listed(folder, "devices")
    ours = {RECORDING, *_listed(folder, "files")}
    for device in devices:
        ours |= {f"{device}/{name}" for name in (RECORDING, *_listed(folder / device, "files"))}
    found = []
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        found += [os.path.relpath(os.path.join(parent, name), folder) for name in names + links]
    return min(set(found) - ours, default=None)


def _listed(folder: Path, field: str) -> list[str]:
    """Return the names in one field of a recording.json; none where it cannot be read."""
    try:
        names = from_json(read_file(folder, RECORDING, json_sized=True), RECORDING).get(field)
    except InvalidInput:
        return []
    return list(names) if isinstance(names, dict) else []


def read_checked(folder: Path, name: str, checksum: str | None) -> bytes:
    """Return the bytes of a file; VerificationFailed where they are not what `checksum` says."""
    try:
        data = read_file(folder, name)
    except InvalidInput as error:
        raise VerificationFailed(str(error)) from None
    if checksum is not None and sha256(data) != checksum:
        raise VerificationFailed(f"{Path(folder) / name}: damaged: its checksum does not match")
    return data

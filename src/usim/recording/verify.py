"""Verifying: is a stored recording, to the last byte, what was written?"""

from __future__ import annotations

import os
from pathlib import Path

from usim.recording import layout
from usim.template.problem import InvalidInput, Problem, VerificationFailed


def verify(folder: str | os.PathLike) -> tuple[Problem, ...]:
    """Return everything wrong with a recording's folder, one line each; empty when it is sound.

    Finds any changed, cut, grown, missing or exchanged file and any file in observation/ or truth/
    that does not belong. Other files beside recording.json are nobody's business.
    """
    folder = Path(folder)
    try:
        data = layout.read_file(folder, layout.RECORDING, json_sized=True)
        table = layout.from_json(data, str(folder / layout.RECORDING))
    except InvalidInput as error:
        return error.problems
    file = str(folder / layout.RECORDING)
    family = "recordings" if "devices" in table else "recording"
    try:
        layout.check_format(table, family, file)
    except InvalidInput as error:
        return error.problems
    key = "devices" if family == "recordings" else "files"
    if not layout.seal_holds(data, table) or not isinstance(table.get(key), dict):
        return (Problem("damaged: its checksum does not match", file=file),)
    if family == "recordings":
        problems: list[Problem] = []
        for name, checksum in table[key].items():
            problems += _compare(folder, f"{name}/{layout.RECORDING}", checksum)
            problems += verify(folder / name)
        return tuple(dict.fromkeys(problems))
    return tuple(_files(folder, table[key]))


def _files(folder: Path, sums: dict[str, str]) -> list[Problem]:
    problems: list[Problem] = []
    for name, checksum in sums.items():
        problems += _compare(folder, name, checksum)
    for part in ("observation", "truth"):
        for root, _, names in os.walk(folder / part):
            for name in sorted(names):
                path = Path(root) / name
                if path.relative_to(folder).as_posix() not in sums:
                    problems.append(Problem("is not part of the recording", file=str(path)))
    return problems


def _compare(folder: Path, name: str, checksum: str) -> list[Problem]:
    try:
        layout.read_checked(folder, name, checksum)
    except VerificationFailed as error:
        return [Problem(str(error))]
    return []

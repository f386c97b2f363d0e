"""Recording: an observation, its truth, and how it came to be."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from typing import Any

from usim.recording.observation import Observation
from usim.recording.truth import Truth

FORMAT = "recording/1"


@dataclass(frozen=True)
class Metadata:
    """How a recording was made: enough to make it again.

    device: name in the scene. unit: serial number, "nominal", or None for a real recording.
    seeds: name -> seed, such as {"scene": 7, "noise": 0}. settings: quality, window, plain values.
    clipped: samples at the converter's rails beyond what it could hold, one count per microphone.
    kinds_sha256: hash of the user's kinds, if any. gains: stem -> power of two g: stored = stem x
    2**g; checksums: file -> sha256; clipped_in_file: what writing had to clip. The last three are
    filled by `store.write` and read by `store.open`.
    """

    device: str = ""
    unit: int | str | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    clipped: tuple[int, ...] = ()
    kinds_sha256: str | None = None
    gains: Mapping[str, int] = field(default_factory=dict)
    clipped_in_file: Mapping[str, int] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Recording:
    """What one device heard, the truth about it (None from a real device), and its origin."""

    observation: Observation
    truth: Truth | None = None
    metadata: Metadata = field(default_factory=Metadata)


def versions() -> dict[str, str]:
    """Return the versions on which the bytes of a recording depend, by name."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    """Read once: every reading opens the files that the packages were installed with."""
    names = ("usim", "numpy", "scipy", "numba", "soundfile")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found

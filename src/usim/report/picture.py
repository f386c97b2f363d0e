"""Picture: what a picture of a recording is made of, as plain data, and its colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from usim.physics.air import Air
from usim.recording.recording import Recording
from usim.template.problem import InvalidInput
from usim.template.reader import read

# One pair of colours a mover: on the dark spectrogram, and on the white plan.
PAIRS = (
    ("#5ee6ff", "#0077a8"),
    ("#b6f56a", "#3d8b17"),
    ("#ff9bd2", "#c2257e"),
    ("#ffffff", "#444444"),
    ("#ffd166", "#b07400"),
    ("#c3b1ff", "#5b3fc4"),
)
LABEL_COLOURS = {
    "major": "#c8471f",
    "minor": "#ee9a4d",
    "still": "#f6dcb8",
    "presence": "#9fb7c9",
    "non_human": "#7a8794",
    "none": "#e8e8e8",
}


@dataclass(frozen=True, eq=False)
class Picture:
    """What a picture is drawn from: plain data only.

    recording: with or without truth. table: the resolved scene as a mapping; empty for a recording
    from a real device. carrier: which of the carriers. microphone: one, or None for the power mean.
    """

    recording: Recording
    table: Mapping[str, Any] = field(default_factory=dict)
    carrier: int = 0
    microphone: int | None = None

    @property
    def device(self) -> dict[str, Any]:
        """The entry of the listening device in the scene; empty where it is not known."""
        listed = [row for row in self.table.get("devices") or () if isinstance(row, Mapping)]
        named = [row for row in listed if row.get("name") == self.recording.metadata.device]
        return dict((named or listed or [{}])[0])

    @property
    def sound_speed_m_s(self) -> float:
        """Speed of sound in the scene's air, m/s; at 20 C where there is no scene."""
        air = self.table.get("air") or {}
        names = ("temperature_c", "humidity_percent", "pressure_kpa")
        return float(Air(**{name: air[name] for name in names if name in air}).sound_speed_m_s)

    @property
    def movers(self) -> tuple[str, ...]:
        """Names of the movers, in the order of the scene."""
        truth = self.recording.truth
        if truth is not None and truth.movers:
            return truth.movers
        if truth is not None and truth.pieces:
            return tuple(dict.fromkeys(name.partition(".")[0] for name in truth.pieces))
        return tuple(
            str(row.get("name", row.get("kind"))) for row in self.table.get("movers") or ()
        )

    def colour(self, mover: str, dark: bool) -> str:
        """The colour of a mover on the dark spectrogram or on the white plan."""
        movers = self.movers
        number = movers.index(mover) if mover in movers else len(movers)
        return PAIRS[number % len(PAIRS)][0 if dark else 1]


def picture_of(recording: Recording, **choices: Any) -> Picture:
    """Return the picture of a recording, with the scene that stands in its truth."""
    table: Mapping[str, Any] = {}
    if recording.truth is not None and recording.truth.scene.strip():
        try:
            table = read(recording.truth.scene.encode(), "truth/scene.yaml").table
        except InvalidInput:
            table = {}  # a picture without its plan is better than none
    return Picture(recording, table, **choices)


def time_marks(duration_s: float, most: int) -> np.ndarray:
    """Return round times within a recording, at most about `most` of them, s."""
    steps = [b * 10.0**a for a in range(-2, 6) for b in (1, 2, 5)]
    step = next((s for s in steps if duration_s / s <= most), steps[-1])
    return np.arange(0, int(duration_s / step + 1e-9) + 1) * step

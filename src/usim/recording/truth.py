"""Truth: everything about a recording that no product could know. It is never given to a detector.

Times are seconds of the listening device's own sample clock, at reception.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from usim.recording.labels import LabelTrack
from usim.recording.observation import Baseband, frozen

SILENT_DB = -400.0  # stands for no echo at all, because files hold finite numbers only

_TIME_ARRAYS = ("radial_velocity_m_s", "range_m", "echo_level_db_spl", "position_m")


_no_times = partial(np.zeros, 0)
_no_pieces = partial(np.zeros, (0, 0))


@dataclass(frozen=True, eq=False)
class Truth:
    """The resolved scene and what really happened in it, as seen from one device.

    scene: text of the resolved scene. labels: who moved. pieces: names `mover.piece`.
    t_s: (time,). radial_velocity_m_s: (time, piece), rate of change of the range, so positive when
    moving away. range_m: (time, piece), from the device to the reflecting point.
    echo_level_db_spl: (time, piece), dB re 20 uPa rms at the microphones (power mean over them),
    SILENT_DB where there is none. position_m: (time, piece, 3) in the room, or None.
    movers: names. frame_t_s: (frame,), middles. echo_to_noise_db: (frame, mover), power of the
    mover's echo over that of noise, distortion and other devices in the band it occupies.
    stems: name -> (mic, sample) float, full scale at the converter's input; they sum to that input.
    baseband: only where the carriers' bands overlap, so that no product could have it.
    """

    scene: str
    labels: LabelTrack = field(default_factory=LabelTrack)
    pieces: tuple[str, ...] = ()
    t_s: np.ndarray = field(default_factory=_no_times)
    radial_velocity_m_s: np.ndarray = field(default_factory=_no_pieces)
    range_m: np.ndarray = field(default_factory=_no_pieces)
    echo_level_db_spl: np.ndarray = field(default_factory=_no_pieces)
    position_m: np.ndarray | None = None
    movers: tuple[str, ...] = ()
    frame_t_s: np.ndarray = field(default_factory=_no_times)
    echo_to_noise_db: np.ndarray = field(default_factory=_no_pieces)
    stems: Mapping[str, np.ndarray] = field(default_factory=dict)
    baseband: Baseband | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pieces", tuple(self.pieces))
        object.__setattr__(self, "movers", tuple(self.movers))
        for name in ("t_s", "frame_t_s", "echo_to_noise_db", *_TIME_ARRAYS):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, frozen(np.asarray(value, dtype=np.float64)))
        track = (self.t_s.size, len(self.pieces))
        for name in _TIME_ARRAYS:
            value = getattr(self, name)
            shape = (*track, 3) if name == "position_m" else track
            if value is not None and value.shape != shape and not (value.size == 0 == track[1]):
                raise ValueError(f"truth: {name} has shape {value.shape}, must be {shape}")
        frames = (self.frame_t_s.size, len(self.movers))
        if self.echo_to_noise_db.shape != frames and self.echo_to_noise_db.size + frames[1]:
            raise ValueError(
                f"truth: echo_to_noise_db has shape {self.echo_to_noise_db.shape}, must be {frames}"
            )

    def of(self, mover: str) -> np.ndarray:
        """Return the column numbers of a mover's pieces."""
        owners = [name.partition(".")[0] for name in self.pieces]
        return np.flatnonzero([owner == mover for owner in owners])


def decibels(power) -> np.ndarray:
    """Return 10 log10(power), dB, not below SILENT_DB, so that it can be stored where it is 0."""
    return 10.0 * np.log10(np.maximum(np.asarray(power, dtype=np.float64), 10 ** (SILENT_DB / 10)))

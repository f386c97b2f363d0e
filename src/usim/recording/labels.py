"""Labels: what moved and when, made from speeds alone.

A label track is the same type for the truth and for a detector's answer, so that the two can be
compared. The functions here take arrays of speeds and know nothing of movers, rooms or activities:
a walk that stands still is `still`, whatever its activity is called.

Labels say what moves, not what can be heard; audibility is the echo-to-noise ratio in the truth.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from usim.template.problem import InvalidInput, Problem

LABELS = ("none", "non_human", "still", "minor", "major", "presence")
STEPS_PER_S = 20  # one step is 50 ms; an integer, so that times are exact multiples of it
MAJOR_M_S = 0.25  # pelvis faster than this: major
MINOR_M_S = 0.05  # any part faster than this: minor (person) or non_human (everything else)
GAP_STEPS = 6  # gaps under 0.3 s are closed
RUN_STEPS = 2  # runs under 0.1 s are dropped
HEADER = ["onset_s", "offset_s", "label", "mover"]

_MAX_ROWS = 1_000_000
_STILL, _MINOR, _MAJOR = 1, 2, 3
_MOTION = {_STILL: "still", _MINOR: "minor", _MAJOR: "major"}


@dataclass(frozen=True)
class Label:
    """One row: `label` holds from `onset_s` up to `offset_s`; an empty mover means the room."""

    onset_s: float
    offset_s: float
    label: str
    mover: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "onset_s", float(self.onset_s))
        object.__setattr__(self, "offset_s", float(self.offset_s))
        if self.label not in LABELS:
            raise ValueError(f"label {self.label!r} is none of {', '.join(LABELS)}")
        if not (math.isfinite(self.onset_s) and math.isfinite(self.offset_s)):
            raise ValueError(f"label {self.label}: onset and offset must be finite numbers")
        if not self.onset_s < self.offset_s:
            raise ValueError(
                f"label {self.label}: offset {self.offset_s} s is not after onset {self.onset_s} s"
            )


@dataclass(frozen=True)
class LabelTrack:
    """Rows sorted by onset; rows of movers may overlap, the room's motion rows never do."""

    rows: tuple[Label, ...] = ()

    def __post_init__(self) -> None:
        ordered = sorted(self.rows, key=lambda r: (r.onset_s, r.mover, LABELS.index(r.label)))
        object.__setattr__(self, "rows", tuple(ordered))

    def __iter__(self):
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, mover: str = "") -> LabelTrack:
        """Return the rows of one mover, or of the room (the empty name)."""
        return LabelTrack(tuple(row for row in self.rows if row.mover == mover))

    def holds(self, label: str, t_s, mover: str = "") -> np.ndarray:
        """Return where `label` of `mover` holds at times `t_s` (any shape, s), as booleans."""
        t_s = np.asarray(t_s, dtype=np.float64)
        held = np.zeros(t_s.shape, dtype=bool)
        for row in self.rows:
            if row.mover == mover and row.label == label:
                held |= (t_s >= row.onset_s) & (t_s < row.offset_s)
        return held

    def to_csv(self) -> str:
        """Return the rows as CSV text with the header `onset_s,offset_s,label,mover`."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        for row in self.rows:
            writer.writerow([repr(row.onset_s), repr(row.offset_s), row.label, row.mover])
        return text.getvalue()

    @staticmethod
    def from_csv(text: str, file: str | None = None) -> LabelTrack:
        """Return the track written in CSV `text`; every faulty row is reported with its line."""
        reader = csv.reader(io.StringIO(text), strict=True)
        rows: list[Label] = []
        problems: list[Problem] = []
        try:
            for cells in reader:
                line = reader.line_num
                if line == 1:
                    if cells != HEADER:
                        wrong = f"the header must be {','.join(HEADER)}"
                        raise InvalidInput((Problem(wrong, file, line),))
                elif line > _MAX_ROWS:
                    raise InvalidInput((Problem(f"more than {_MAX_ROWS} rows", file, line),))
                elif cells:
                    try:
                        rows.append(_row(cells))
                    except ValueError as error:
                        problems.append(Problem(str(error), file, line))
        except csv.Error as error:
            problems.append(Problem(f"not CSV: {error}", file=file, line=reader.line_num))
        if reader.line_num == 0:
            problems.append(Problem(f"empty; the header must be {','.join(HEADER)}", file=file))
        if problems:
            raise InvalidInput(tuple(problems))
        return LabelTrack(tuple(rows))


@dataclass(frozen=True, eq=False)
class Motion:
    """How fast one mover's pieces are at the times of `step_times_s`.

    speed_m_s: (time, piece), m/s, not negative, of the fastest point of each piece. pelvis_m_s:
    (time,), m/s, of the middle of the pelvis, which decides `major`: who turns on the spot does not
    walk; given for a person, None for everything else. inside: (time,) booleans, true while any
    part is in the room; None means always.
    """

    name: str
    speed_m_s: np.ndarray
    pelvis_m_s: np.ndarray | None = None
    inside: np.ndarray | None = None

    def __post_init__(self) -> None:
        speed = np.asarray(self.speed_m_s, dtype=np.float64)
        if speed.ndim != 2 or not np.all(np.isfinite(speed)) or np.any(speed < 0):
            raise ValueError(f"{self.name}: speeds must be finite, >= 0, with shape (time, piece)")
        if self.pelvis_m_s is not None:
            pelvis = np.asarray(self.pelvis_m_s, dtype=np.float64)
            if pelvis.shape != (len(speed),) or not np.all(pelvis >= 0):
                raise ValueError(f"{self.name}: pelvis_m_s must be >= 0 with shape ({len(speed)},)")
            object.__setattr__(self, "pelvis_m_s", pelvis)
        if self.inside is not None and np.shape(self.inside) != (len(speed),):
            raise ValueError(f"{self.name}: inside must have shape ({len(speed)},)")
        object.__setattr__(self, "speed_m_s", speed)

    def is_inside(self) -> np.ndarray:
        """Return (time,) booleans: any part of it is in the room."""
        if self.inside is None:
            return np.ones(len(self.speed_m_s), dtype=bool)
        return np.asarray(self.inside, dtype=bool)


def step_times_s(duration_s: float) -> np.ndarray:
    """Return the middles of the 50 ms steps of a recording, in s; the last step may be cut."""
    count = _steps(duration_s)
    return (np.arange(count) + 0.5) / STEPS_PER_S


def label_track(motions: Sequence[Motion], duration_s: float) -> LabelTrack:
    """Return the labels of a recording: one set of rows for each mover, and the room's rows.

    motions: the movers' speeds at `step_times_s(duration_s)`. The room's rows (empty mover) are
    `presence` and the strongest of major > minor > still over all persons.
    """
    count = _steps(duration_s)
    rows: list[Label] = []
    strongest = np.zeros(count, dtype=int)
    present = np.zeros(count, dtype=bool)
    for motion in motions:
        if len(motion.speed_m_s) != count:
            raise ValueError(
                f"{motion.name}: {len(motion.speed_m_s)} speeds for {count} steps of 50 ms"
            )
        if motion.pelvis_m_s is None:
            rows += _rows(_thing_moves(motion), "non_human", motion.name, duration_s)
            continue
        state = person_state(motion)
        strongest = np.maximum(strongest, state)
        present |= motion.is_inside()
        for value, label in _MOTION.items():
            rows += _rows(state == value, label, motion.name, duration_s)
    rows += _rows(_clean(present), "presence", "", duration_s)
    for value, label in _MOTION.items():
        rows += _rows(strongest == value, label, "", duration_s)
    return LabelTrack(tuple(rows))


def person_state(motion: Motion) -> np.ndarray:
    """Return 3 major, 2 minor, 1 still, 0 absent for each 50 ms step of a person, (time,), cleaned.

    Gaps are closed and short runs dropped from the strongest class down; a dropped run counts as
    the next weaker class. What remains too short there is swallowed by the row before it (at the
    start of a stay: after it), so that a person who is present always has exactly one class.
    """
    if motion.pelvis_m_s is None:
        raise ValueError(f"{motion.name}: pelvis_m_s is missing; only a person has these classes")
    fast = motion.pelvis_m_s > MAJOR_M_S
    any_part = motion.speed_m_s.max(axis=1) > MINOR_M_S
    inside = motion.is_inside()
    major = _clean(fast & inside) & inside
    moving = _clean((any_part | major) & inside) & inside
    state = np.where(major, _MAJOR, np.where(moving, _MINOR, np.where(inside, _STILL, 0)))
    for start, stop in _runs(inside):
        _swallow_short(state[start:stop])
    return state


def _thing_moves(motion: Motion) -> np.ndarray:
    return _clean(motion.speed_m_s.max(axis=1) > MINOR_M_S)


def _swallow_short(state: np.ndarray) -> None:
    """Give every run shorter than 0.1 s to its earlier neighbour, in place."""
    changes = np.flatnonzero(np.diff(state)) + 1
    edges = [0, *changes.tolist(), len(state)]
    for start, stop in itertools.pairwise(edges):
        if stop - start < RUN_STEPS and len(state) > stop - start:
            state[start:stop] = state[start - 1] if start else state[stop]


def _clean(mask: np.ndarray) -> np.ndarray:
    """Return `mask` with gaps under 0.3 s between runs closed, then runs under 0.1 s dropped."""
    mask = mask.copy()
    runs = _runs(mask)
    for (_, stop), (start, _) in itertools.pairwise(runs):
        if start - stop < GAP_STEPS:
            mask[stop:start] = True
    for start, stop in _runs(mask):
        if stop - start < RUN_STEPS:
            mask[start:stop] = False
    return mask


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, one past last) of every run of true steps."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(np.int8), [0]))))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _rows(mask: np.ndarray, label: str, mover: str, duration_s: float) -> Iterable[Label]:
    for start, stop in _runs(mask):
        offset_s = min(stop / STEPS_PER_S, float(duration_s))
        yield Label(start / STEPS_PER_S, offset_s, label, mover)


def _row(cells: list[str]) -> Label:
    if len(cells) != len(HEADER):
        raise ValueError(f"{len(cells)} cells where {len(HEADER)} belong: {','.join(HEADER)}")
    onset, offset, label, mover = cells
    return Label(_seconds("onset_s", onset), _seconds("offset_s", offset), label, mover)


def _seconds(name: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"{name} {cell!r} is not a number of seconds") from None


def _steps(duration_s: float) -> int:
    # A duration that is a multiple of a step but for rounding must not gain an empty last step.
    return max(0, math.ceil(duration_s * STEPS_PER_S - 1e-9))

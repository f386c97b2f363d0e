"""Spectrogram: Doppler shift against time, with the truth drawn over it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from usim.recording.truth import SILENT_DB, Truth
from usim.report.doppler import (
    STILL_S,
    DopplerMap,
    carriers_hz,
    doppler_map,
    doppler_shift_hz,
)
from usim.report.lettering import Lettering, clean
from usim.report.picture import Picture
from usim.report.strip import draw_strip, strip_rows

_NARROWEST_HZ = 60.0  # of the axis, either side
_SLOW_HZ = 10.0  # what is never faster is drawn close about the carrier, in long frames
_CLOSEST_HZ = 6.0  # of that axis
_SLOW_STILL_S = 60.0  # a breath lasts up to ten seconds
_DEEPEST_DB = -70.0
_FAINT_DB = 20.0  # where nothing is so far above the noise, the colours tell that distance
_UNKNOWN = "#2c2a33"  # where no whole frame fits
_MOST_LINES = 5  # labelled for one mover; more would hide the echo
_MANY_LINES = 8  # of more, only those with a name are drawn in full
_RAPID = 0.2  # of its range, from one time of the truth to the next: a line too quick to be drawn
_ROUND_S = 0.3  # whose bounds over such a time are drawn instead
_MOST_ROWS = 4  # of the strip below
_ROW = 0.024  # height of one, as a share of the picture

Box = tuple[float, float, float, float]


def draw_spectrogram(figure: Any, box: Box, picture: Picture) -> str:
    """Draw the Doppler map, its level bar, the true lines and the label strip into `box`.

    box: left, bottom, width, height as shares of the figure. Returns a caption of one line.
    """
    heard, truth = picture.recording.observation, picture.recording.truth
    every = strip_rows(picture)
    rows = every[:_MOST_ROWS]
    left, bottom, width, height = box
    strip = _ROW * len(rows)
    lowest = bottom + (strip + 0.055 if rows else 0.0)
    axes = figure.add_axes((left, lowest, width, bottom + height - lowest))
    view = _view(picture)
    try:
        found = doppler_map(heard, picture.carrier, picture.microphone, *view)
    except ValueError as error:
        return _nothing(axes, str(error))

    faint = -found.floor_db < _FAINT_DB
    darkest_db = float(np.clip(np.floor(found.floor_db / 5) * 5, _DEEPEST_DB, -25.0))
    image = axes.imshow(
        found.level_db - (found.floor_db if faint else 0.0),
        extent=(*_edges(found.t_s), *_edges(found.shift_hz)),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=0.0 if faint else darkest_db,
        vmax=_FAINT_DB + 5.0 if faint else 0.0,
        interpolation="bilinear",
    )
    axes.set_facecolor(_UNKNOWN)
    axes.set_xlim(0.0, heard.duration_s)
    axes.set_ylim(found.shift_hz[0], found.shift_hz[-1])
    axes.set_ylabel("Doppler shift, Hz")
    axes.set_title(_subject(picture, view), loc="left", color="#222222", fontsize=11)
    if not rows:
        axes.set_xlabel("time, s")
    else:
        axes.tick_params(labelbottom=False)
    _speed_axis(axes, picture, found)
    bar = figure.add_axes((left + width + 0.047, lowest, 0.009, bottom + height - lowest))
    figure.colorbar(image, cax=bar)
    bar.set_ylabel(f"echo level, dB {'over noise' if faint else 're strongest echo'}", fontsize=9)
    bar.tick_params(labelsize=8.5)

    lettering = Lettering(axes)
    style = {"fontsize": 9, "color": "#ffffffcc", **_outlined()}
    high, x = found.shift_hz[-1], 0.006 * heard.duration_s
    lettering.place("approaching", [(x, high, 1, -5)], **style)
    lettering.place("receding", [(x, -high, 1, 5)], **style)
    lines = truth is not None and _true_lines(axes, lettering, picture, truth, found)
    if rows:
        draw_strip(figure, (left, bottom, width, strip), axes, rows, len(every) - len(rows))
    return _caption(bool(lines), faint, view)


def _edges(middles: np.ndarray) -> tuple[float, float]:
    """Return the outer edges of a row of evenly spaced cells."""
    half = (middles[-1] - middles[0]) / max(1, len(middles) - 1) / 2
    return float(middles[0] - half), float(middles[-1] + half)


class View(NamedTuple):
    """How a recording is looked at: see `doppler_map`."""

    widest_hz: float
    window_s: float
    still_s: float

    @property
    def is_slow(self) -> bool:
        return self.still_s > STILL_S


def _caption(lines: bool, faint: bool, view: View) -> str:
    text = "Bright: echoes from what moves, as the device hears them; "
    if faint:
        text = "Nothing stands out: this is noise; "
    text += "the echo of the still room is taken out. "
    if lines:
        text += "Dashed: the true Doppler shift of each moving part. "
        if not view.is_slow:
            text += "Fainter curves beside it: the same echo by way of the walls."
    if view.is_slow:
        text += f"Frames of {view.window_s:.2g} s, so that slow motion is seen."
    return text


def _subject(picture: Picture, view: View) -> str:
    heard = picture.recording.observation
    count, carriers = len(heard.microphones_m), carriers_hz(heard)
    of_which = f", around {carriers[picture.carrier] / 1000:g} kHz" if len(carriers) > 1 else ""
    if view.is_slow:
        of_which += f", within {view.widest_hz:.2g} Hz of the tone"
    if picture.microphone is not None:
        return f"What microphone {picture.microphone + 1} of {count} hears{of_which}"
    mean = f" (power mean of {count} microphones)" if count > 1 else ""
    return f"What the device hears{of_which}{mean}"


def _view(picture: Picture) -> View:
    """Return how far the axis reaches, a little beyond the fastest part (600 Hz without truth), and
    frames: long for slow things, whose shift differs little, short for fast ones, whose shift
    changes within a frame.
    """
    heard, truth = picture.recording.observation, picture.recording.truth
    limit_hz = heard.rate_hz / 8 if heard.baseband is None else 0.45 * heard.baseband.rate_hz
    fastest_hz = 460.0
    if truth is not None and truth.radial_velocity_m_s.size:
        carrier_hz = max(carriers_hz(heard), default=40e3)
        shift = doppler_shift_hz(truth.radial_velocity_m_s, carrier_hz, picture.sound_speed_m_s)
        fastest_hz = float(np.max(np.abs(shift)))
        if 0.0 < fastest_hz < _SLOW_HZ:
            widest_hz = max(_CLOSEST_HZ, 2.5 * fastest_hz)
            window_s = min(12.0 / widest_hz, max(heard.duration_s / 5, 0.4))
            return View(min(limit_hz, widest_hz), window_s, _SLOW_STILL_S)
    widest_hz = min(limit_hz, max(_NARROWEST_HZ, 1.3 * fastest_hz))
    return View(widest_hz, float(np.clip(80.0 / widest_hz, 0.064, 0.4)), STILL_S)


def _speed_axis(axes: Any, picture: Picture, found: DopplerMap) -> None:
    """Add the right-hand axis: speed along the line of sight."""
    per_hz = picture.sound_speed_m_s / (2 * found.carrier_hz)
    unit = "m/s"
    if found.shift_hz[-1] * per_hz < 0.1:
        per_hz, unit = 1000.0 * per_hz, "mm/s"
    right = axes.secondary_yaxis("right", functions=(lambda f: f * per_hz, lambda v: v / per_hz))
    right.set_ylabel(f"speed towards the device, {unit}")


def _true_lines(
    axes: Any, lettering: Lettering, picture: Picture, truth: Truth, found: DopplerMap
) -> int:
    """Draw the true Doppler of every piece, thin, and name as many as there is room for."""
    if not truth.radial_velocity_m_s.size:
        return 0
    shift_hz = doppler_shift_hz(
        truth.radial_velocity_m_s, found.carrier_hz, picture.sound_speed_m_s
    )
    silent = truth.echo_level_db_spl <= SILENT_DB
    shift_hz = np.where(silent, np.nan, shift_hz)
    quick = [mover for mover in picture.movers if _rapid(shift_hz[:, truth.of(mover)]).any()]
    for mover in quick:
        columns = truth.of(mover)
        columns = columns[_rapid(shift_hz[:, columns])]
        name = truth.pieces[columns[0]].partition(".")[2].rstrip("_0123456789").replace("_", " ")
        colour = picture.colour(mover, dark=True)
        for edge_hz in _bounds(truth.t_s, shift_hz[:, columns]):
            axes.plot(truth.t_s, edge_hz, color=colour, linewidth=1.1, linestyle=(0, (5, 2.5)))
            lettering.avoid_line(truth.t_s, edge_hz)
            _name_line(lettering, f"{mover} {name}, fastest", truth.t_s, edge_hz, colour)
        shift_hz[:, columns] = np.nan
    named = {m: _named_columns(truth.of(m), shift_hz, truth) for m in picture.movers}
    for mover in picture.movers:
        columns = truth.of(mover)
        colour = picture.colour(mover, dark=True)
        for column in columns[np.isfinite(shift_hz[:, columns]).any(axis=0)]:
            full = len(columns) <= _MANY_LINES or column in named[mover]
            axes.plot(
                truth.t_s, shift_hz[:, column], color=colour, linewidth=0.9 if full else 0.6,
                alpha=0.9 if full else 0.45, linestyle=(0, (5, 2.5)),
            )  # fmt: skip
            lettering.avoid_line(truth.t_s, shift_hz[:, column])
    for mover in picture.movers:
        for rank, column in enumerate(named[mover]):
            piece = truth.pieces[column].partition(".")[2].replace("_", " ")
            # The colour says whose part it is; one line a mover says its name as well.
            alone = len(truth.of(mover)) == 1
            name = mover if alone else f"{mover} {piece}" if rank == 0 else piece
            _name_line(lettering, name, truth.t_s, shift_hz[:, column], picture.colour(mover, True))
    return shift_hz.shape[1]


def _rapid(shift_hz: np.ndarray) -> np.ndarray:
    """Return which columns (time, piece) turn round too quickly for a line, as a fan's blades do."""
    if len(shift_hz) < 3 or not np.isfinite(shift_hz).any():
        return np.zeros(shift_hz.shape[1], dtype=bool)
    step = np.nan_to_num(np.abs(np.diff(shift_hz, axis=0)))
    known = np.nan_to_num(shift_hz)
    return np.median(step, axis=0) > np.maximum(_RAPID * np.ptp(known, axis=0), 1e-9)


def _bounds(t_s: np.ndarray, shift_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest and least of columns (time, piece) around each time, (time,) each."""
    size = max(1, round(_ROUND_S * len(t_s) / max(np.ptp(t_s), 1e-9))) | 1
    high = np.nan_to_num(shift_hz, nan=-np.inf).max(axis=1)
    low = np.nan_to_num(shift_hz, nan=np.inf).min(axis=1)
    edges = []
    for line, pick in ((high, np.max), (low, np.min)):
        padded = np.pad(line, size // 2, mode="edge")
        edge = pick(np.lib.stride_tricks.sliding_window_view(padded, size), axis=1)
        edges.append(np.where(np.isfinite(edge), edge, np.nan))
    return edges[0], edges[1]


def _named_columns(columns: np.ndarray, shift_hz: np.ndarray, truth: Truth) -> list[int]:
    """Return the pieces worth a name: the loudest, then the fastest, of a left and a right one once."""
    heard = [int(c) for c in columns if np.isfinite(shift_hz[:, c]).any()]
    if not heard:
        return []
    loudest = max(heard, key=lambda c: float(np.median(truth.echo_level_db_spl[:, c])))
    fastest = sorted(heard, key=lambda c: -float(np.nanmax(np.abs(shift_hz[:, c]))))
    kinds: dict[str, int] = {}
    for column in (loudest, *fastest):
        word = truth.pieces[column].removesuffix("_left").removesuffix("_right")
        kinds.setdefault(word, column)
    return list(kinds.values())[:_MOST_LINES]


def _name_line(
    lettering: Lettering, name: str, t_s: np.ndarray, line_hz: np.ndarray, colour: str
) -> None:
    """Write a piece's name at its fastest moment, or where else along its line there is room."""
    known = np.flatnonzero(np.isfinite(line_hz))
    peaks = known[np.argsort(-np.abs(line_hz[known]), kind="stable")][:1]
    spread = known[np.round(np.linspace(0.04, 0.96, 25) * (len(known) - 1)).astype(int)]
    places = []
    for i in (*peaks, *spread):
        away = 7.0 if line_hz[i] >= 0 else -7.0
        places += [(t_s[i], line_hz[i], 0.0, away), (t_s[i], line_hz[i], 0.0, -away)]
    lettering.place(name, places, fontsize=8.5, color=colour, **_outlined())


def _nothing(axes: Any, reason: str) -> str:
    """Draw an empty panel that says why it is empty."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, clean(reason, 90), ha="center", transform=axes.transAxes, parse_math=False)
    return ""


def _outlined() -> dict[str, Any]:
    from matplotlib.patheffects import withStroke

    return {"path_effects": [withStroke(linewidth=2.0, foreground="#00000099")]}

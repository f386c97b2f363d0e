"""Spectrogram: Doppler shift against time, with the truth drawn over it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from usim.recording.labels import LABELS, LabelTrack
from usim.recording.truth import SILENT_DB, Truth
from usim.report.doppler import (
    STILL_S,
    DopplerMap,
    carriers_hz,
    doppler_map,
    doppler_shift_hz,
)
from usim.report.lettering import Lettering, clean
from usim.report.picture import LABEL_COLOURS, Picture

_NARROWEST_HZ = 60.0  # of the axis, either side
_SLOW_HZ = 10.0  # what is never faster is drawn close about the carrier, in long frames
_CLOSEST_HZ = 6.0  # of that axis
_SLOW_STILL_S = 60.0  # a breath lasts up to ten seconds
_DEEPEST_DB = -70.0
_FAINT_DB = 20.0  # where nothing is so far above the noise, the colours tell that distance
_UNKNOWN = "#2c2a33"  # where no whole frame fits
_MOST_LINES = 5  # labelled for one mover; more would hide the echo
_MANY_LINES = 8  # of more, only those with a name are drawn in full
_MOST_ROWS = 4  # of the strip below
_ROW = 0.024  # height of one, as a share of the picture

Box = tuple[float, float, float, float]


def draw_spectrogram(figure: Any, box: Box, picture: Picture) -> str:
    """Draw the Doppler map, its level bar, the true lines and the label strip into `box`.

    box: left, bottom, width, height as shares of the figure. Returns a caption of one line.
    """
    heard, truth = picture.recording.observation, picture.recording.truth
    every = _strip_rows(picture)
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
        _strip(figure, (left, bottom, width, strip), axes, rows, len(every) - len(rows))
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
    named = {m: _named_columns(truth.of(m), shift_hz, truth) for m in picture.movers}
    for mover in picture.movers:
        columns = truth.of(mover)
        colour = picture.colour(mover, dark=True)
        for column in columns:
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


def _strip_rows(picture: Picture) -> list[tuple[str, LabelTrack]]:
    """Return (name, labels) of who may stand below the map: the room, then each mover."""
    truth = picture.recording.truth
    if truth is None or not len(truth.labels):
        return []
    names = dict.fromkeys(row.mover for row in truth.labels)
    ordered = sorted(names, key=lambda name: (name != "", name))
    if len(ordered) == 2 and ordered[0] == "":
        ordered = ordered[1:] if not len(truth.labels.of("")) else ordered
    return [(name or "room", truth.labels.of(name)) for name in ordered]


def _strip(
    figure: Any, box: Box, above: Any, rows: list[tuple[str, LabelTrack]], more: int
) -> None:
    """Draw who moved when: one bar a row, one colour a label; say how many there is no room for."""
    from matplotlib.patches import Patch

    axes = figure.add_axes(box, sharex=above)
    used: dict[str, None] = {}
    for number, (_, track) in enumerate(rows):
        for row in sorted(track, key=lambda row: row.label != "presence"):
            thin = row.label == "presence"
            low, tall = (number + 0.76, 0.14) if thin else (number + 0.1, 0.6)
            axes.broken_barh(
                [(row.onset_s, row.offset_s - row.onset_s)], (low, tall),
                facecolor=LABEL_COLOURS[row.label], linewidth=0,
            )  # fmt: skip
            used[row.label] = None
    axes.set_ylim(len(rows), 0)
    axes.set_yticks(
        np.arange(len(rows)) + 0.4, [clean(name, 9) for name, _ in rows], parse_math=False
    )
    axes.tick_params(axis="y", length=0, labelsize=8.5)
    if more:
        axes.annotate(
            f"{len(rows)} of {len(rows) + more} rows of labels", (0.0, 1.0), (0, 4),
            xycoords="axes fraction", textcoords="offset points", fontsize=8.5, color="#777777",
        )  # fmt: skip
    axes.set_xlabel("time, s", labelpad=1)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    shown = [label for label in reversed(LABELS) if label in used]
    axes.legend(
        [Patch(color=LABEL_COLOURS[label]) for label in shown],
        [label.replace("_", "-") for label in shown],
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=len(shown),
        frameon=False,
        fontsize=8.5,
        handlelength=1.0,
        handleheight=0.8,
        columnspacing=1.2,
        borderaxespad=0.1,
    )


def _nothing(axes: Any, reason: str) -> str:
    """Draw an empty panel that says why it is empty."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, clean(reason, 90), ha="center", transform=axes.transAxes, parse_math=False)
    return ""


def _outlined() -> dict[str, Any]:
    from matplotlib.patheffects import withStroke

    return {"path_effects": [withStroke(linewidth=2.0, foreground="#00000099")]}

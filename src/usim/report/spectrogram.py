"""Spectrogram: Doppler shift against time, with the truth drawn over it."""

from __future__ import annotations

from typing import Any

import numpy as np

from usim.recording.labels import LABELS, LabelTrack
from usim.recording.truth import SILENT_DB, Truth
from usim.report.doppler import DopplerMap, carriers_hz, doppler_map, doppler_shift_hz
from usim.report.lettering import Lettering, clean
from usim.report.picture import LABEL_COLOURS, Picture

_NARROWEST_HZ = 60.0  # of the axis, either side
_DEEPEST_DB = -70.0
_MOST_LINES = 5  # labelled for one mover; more would hide the echo
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
    widest_hz = _widest_hz(picture)
    try:
        found = doppler_map(
            heard, picture.carrier, picture.microphone, widest_hz, _window_s(widest_hz)
        )
    except ValueError as error:
        return _nothing(axes, str(error))

    floor_db = float(np.clip(np.floor(found.floor_db / 5) * 5, _DEEPEST_DB, -25.0))
    image = axes.imshow(
        found.level_db,
        extent=(*_edges(found.t_s), *_edges(found.shift_hz)),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=floor_db,
        vmax=0.0,
        interpolation="bilinear",
    )
    axes.set_facecolor("#000004")
    axes.set_xlim(0.0, heard.duration_s)
    axes.set_ylim(found.shift_hz[0], found.shift_hz[-1])
    axes.set_ylabel("Doppler shift, Hz")
    axes.set_title(_subject(picture), loc="left", color="#222222", fontsize=11)
    if not rows:
        axes.set_xlabel("time, s")
    else:
        axes.tick_params(labelbottom=False)
    _speed_axis(axes, picture, found)
    bar = figure.add_axes((left + width + 0.047, lowest, 0.009, bottom + height - lowest))
    figure.colorbar(image, cax=bar)
    bar.set_ylabel("echo level, dB re strongest echo", fontsize=9)
    bar.tick_params(labelsize=8.5)

    lettering = Lettering(axes)
    style = {"fontsize": 9, "color": "#ffffffcc", **_outlined()}
    high, x = found.shift_hz[-1], 0.006 * heard.duration_s
    lettering.place("approaching", [(x, high, 1, -5)], **style)
    lettering.place("receding", [(x, -high, 1, 5)], **style)
    lines = truth is not None and _true_lines(axes, lettering, picture, truth, found)
    if rows:
        _strip(figure, (left, bottom, width, strip), axes, rows, len(every) - len(rows))
    return _caption(bool(lines))


def _edges(middles: np.ndarray) -> tuple[float, float]:
    """Return the outer edges of a row of evenly spaced cells."""
    half = (middles[-1] - middles[0]) / max(1, len(middles) - 1) / 2
    return float(middles[0] - half), float(middles[-1] + half)


def _caption(lines: bool) -> str:
    text = (
        "Bright: echoes from what moves, as the device hears them; the echo of the still room is"
        " taken out. "
    )
    if lines:
        text += (
            "Dashed: the true Doppler shift of each moving part. Fainter curves beside it: the same"
            " echo by way of the walls."
        )
    return text


def _subject(picture: Picture) -> str:
    heard = picture.recording.observation
    count, carriers = len(heard.microphones_m), carriers_hz(heard)
    of_which = f", around {carriers[picture.carrier] / 1000:g} kHz" if len(carriers) > 1 else ""
    if picture.microphone is not None:
        return f"What microphone {picture.microphone + 1} of {count} hears{of_which}"
    mean = f" (power mean of {count} microphones)" if count > 1 else ""
    return f"What the device hears{of_which}{mean}"


def _window_s(widest_hz: float) -> float:
    """Return the length of a frame, s: long for slow things, whose shift differs little, and short
    for fast ones, whose shift changes within it.
    """
    return float(np.clip(80.0 / widest_hz, 0.064, 0.4))


def _widest_hz(picture: Picture) -> float:
    """Return how far the axis reaches, Hz: a little beyond the fastest part; 600 without truth."""
    heard, truth = picture.recording.observation, picture.recording.truth
    limit = heard.rate_hz / 8 if heard.baseband is None else 0.45 * heard.baseband.rate_hz
    if truth is None or not truth.radial_velocity_m_s.size:
        return min(limit, 600.0)
    carriers = heard.baseband.carriers_hz if heard.baseband is not None else None
    commanded = [f for command in heard.emission for f in command.carriers_hz]
    carrier_hz = max(commanded if carriers is None else carriers, default=40e3)
    shift = doppler_shift_hz(truth.radial_velocity_m_s, carrier_hz, picture.sound_speed_m_s)
    return float(min(limit, max(_NARROWEST_HZ, 1.3 * np.max(np.abs(shift)))))


def _speed_axis(axes: Any, picture: Picture, found: DopplerMap) -> None:
    """Add the right-hand axis: speed along the line of sight, m/s."""
    per_hz = picture.sound_speed_m_s / (2 * found.carrier_hz)
    right = axes.secondary_yaxis("right", functions=(lambda f: f * per_hz, lambda v: v / per_hz))
    right.set_ylabel("speed towards the device, m/s")


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
    for mover in picture.movers:
        columns = truth.of(mover)
        colour = picture.colour(mover, dark=True)
        for column in columns:
            axes.plot(
                truth.t_s, shift_hz[:, column], color=colour, linewidth=0.9, alpha=0.9,
                linestyle=(0, (5, 2.5)),
            )  # fmt: skip
            lettering.avoid_line(truth.t_s, shift_hz[:, column])
    for mover in picture.movers:
        columns = truth.of(mover)
        for rank, column in enumerate(_named_columns(columns, shift_hz, truth)):
            piece = truth.pieces[column].partition(".")[2].replace("_", " ")
            # The colour says whose part it is; one line a mover says its name as well.
            name = mover if len(columns) == 1 else f"{mover} {piece}" if rank == 0 else piece
            _name_line(lettering, name, truth.t_s, shift_hz[:, column], picture.colour(mover, True))
    return shift_hz.shape[1]


def _named_columns(columns: np.ndarray, shift_hz: np.ndarray, truth: Truth) -> list[int]:
    """Return the pieces worth a name: the loudest, then the fastest."""
    heard = [int(c) for c in columns if np.isfinite(shift_hz[:, c]).any()]
    if not heard:
        return []
    loudest = max(heard, key=lambda c: float(np.median(truth.echo_level_db_spl[:, c])))
    fastest = sorted(heard, key=lambda c: -float(np.nanmax(np.abs(shift_hz[:, c]))))
    return list(dict.fromkeys([loudest, *fastest[: _MOST_LINES - 1]]))


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

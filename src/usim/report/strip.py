"""Strip: who moved when, below the Doppler map."""

from __future__ import annotations

from typing import Any

import numpy as np

from usim.recording.labels import LABELS, LabelTrack
from usim.report.lettering import clean
from usim.report.picture import LABEL_COLOURS, Picture

Box = tuple[float, float, float, float]


def strip_rows(picture: Picture) -> list[tuple[str, LabelTrack]]:
    """Return (name, labels) of who may stand below the map: the room, then each mover."""
    truth = picture.recording.truth
    if truth is None or not len(truth.labels):
        return []
    names = dict.fromkeys(row.mover for row in truth.labels)
    ordered = sorted(names, key=lambda name: (name != "", name))
    if len(ordered) == 2 and ordered[0] == "":
        ordered = ordered[1:] if not len(truth.labels.of("")) else ordered
    return [(name or "room", truth.labels.of(name)) for name in ordered]


def draw_strip(
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

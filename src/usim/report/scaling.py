"""Scaling: how cost grows with images, limbs, microphones, carriers and duration, as one picture and as a table."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

WIDTH_PX, HEIGHT_PX = 1600, 900
_DPI = 100
_LINE, _GUIDE, _WORDS = "#1f5f99", "#b8b8b8", "#444444"
AXES = {
    "images": "mirror images of the room",
    "limbs": "limbs that move",
    "microphones": "microphones",
    "carriers": "carriers",
    "duration": "seconds of sound",
}
HEADER = ("axis", "from", "to", "processor time", "exponent", "of the last step")


def cells(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one axis as words in the order of HEADER."""
    counts, seconds = row["counts"], row["seconds"]
    unit = f" {row['unit']}" if row["unit"] else ""
    return (
        name,
        f"{counts[0]:g}{unit}",
        f"{counts[-1]:g}{unit}",
        f"{1e3 * seconds[0]:.0f} to {1e3 * seconds[-1]:.0f} ms",
        f"{row['exponent']:.2f}",
        f"{row['last_exponent']:.2f}",
    )


def png(rows: Mapping[str, Mapping[str, Any]], machine: str = "") -> bytes:
    """Return the PNG bytes of the rows of `usim.bench.scaling.measured`, one panel an axis.  machine: what was measured on."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    memory = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's matplotlibrc changes no byte
        figure = Figure(figsize=(WIDTH_PX / _DPI, HEIGHT_PX / _DPI), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        figure.text(0.05, 0.945, "What a recording costs", fontsize=18, fontweight="bold")
        figure.text(
            0.05, 0.908,
            "Processor time of one core, from the scene to the baseband, as one thing grows and the others stay",
            fontsize=11, color=_WORDS,
        )  # fmt: skip
        grid = figure.add_gridspec(
            2, 3, left=0.05, right=0.98, top=0.84, bottom=0.105, wspace=0.22, hspace=0.47
        )
        for place, (name, row) in enumerate(rows.items()):
            _panel(figure.add_subplot(grid[place]), name, row)
        _explain(figure, grid, len(rows), machine)
        figure.savefig(memory, format="png", dpi=_DPI, metadata={"Software": None})
    return memory.getvalue()


def _panel(axes: Any, name: str, row: Mapping[str, Any]) -> None:
    """Draw one axis: what was measured, the power law through it, and a line of slope 1."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

    counts, seconds = np.array(row["counts"], float), np.array(row["seconds"], float)
    slope = row["exponent"]
    middle = np.exp(np.mean(np.log(seconds)) - slope * np.mean(np.log(counts)))
    axes.loglog(counts, seconds[-1] * counts / counts[-1], color=_GUIDE, lw=1.2, ls=(0, (2, 2)))
    axes.loglog(counts, middle * counts**slope, color=_LINE, lw=1.4, alpha=0.55)
    axes.loglog(counts, seconds, "o", color=_LINE, ms=6.5)
    axes.set_title(
        f"{name}: cost grows as {'length' if name == 'duration' else 'count'}$^{{{slope:.2f}}}$",
        loc="left",
        fontsize=11.5,
        fontweight="bold",
    )
    axes.set_xlabel(AXES.get(name, name), fontsize=10, color=_WORDS)
    axes.set_ylabel("seconds", fontsize=10, color=_WORDS)
    low, high = seconds.min(), seconds.max()
    room = max(2.2, high / low) ** 0.12
    axes.set_ylim(low / room / 1.35, high * room * 1.35)
    axes.set_xlim(counts[0] / 1.2, counts[-1] * 1.2)
    axes.xaxis.set_major_locator(FixedLocator(list(counts)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelsize=9.5, colors=_WORDS)
    axes.tick_params(which="minor", length=0)
    axes.grid(True, color="#ececec", lw=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _explain(figure: Any, grid: Any, taken: int, machine: str) -> None:
    """Write what the lines mean into the first place that no panel has, or below all of them."""
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=_LINE, marker="o", ls="", ms=6.5, label="measured, median"),
        Line2D([], [], color=_LINE, lw=1.4, alpha=0.55, label="power law through all points"),
        Line2D([], [], color=_GUIDE, lw=1.2, ls=(0, (2, 2)), label="in proportion to the count"),
    ]
    if taken < 6:
        box = grid[taken].get_position(figure)
        figure.legend(
            handles=marks, loc="upper left", bbox_to_anchor=(box.x0 - 0.006, box.y1 + 0.012),
            frameon=False, fontsize=11, labelspacing=0.7,
        )  # fmt: skip
        words = (
            "Points lie above the grey line where part of the cost\n"
            "is paid once, whatever the count.\n\n"
            "Images cost little: the loudest paths are followed one\n"
            "by one until they hold nearly all of the energy, the\n"
            "others as a random texture."
        )
        figure.text(
            box.x0, box.y1 - 0.105, words, fontsize=10.5, color=_WORDS, va="top", linespacing=1.35
        )
    figure.text(0.05, 0.022, machine, fontsize=9.5, color=_WORDS, parse_math=False)

"""Lettering: words in a picture that never lie on each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

_WORD = 48  # characters; longer names are cut, so that a hostile name cannot cover the picture


class Lettering:
    """Places words on axes, each at the first of its candidate places where nothing else stands."""

    def __init__(self, axes: Any, margin: float = 2.0):
        self._axes = axes
        self._margin = margin
        self._taken: list[Any] = []
        self._lines: list[Any] = []

    def block(self, artist: Any) -> None:
        """Keep words off an artist that is drawn already."""
        self._taken.append(artist.get_window_extent(self._renderer()))

    def block_point(self, x: float, y: float, pixels: float) -> None:
        """Keep words off a marker of that radius."""
        from matplotlib.transforms import Bbox

        px, py = self._axes.transData.transform((x, y))
        self._taken.append(Bbox([[px - pixels, py - pixels], [px + pixels, py + pixels]]))

    def is_free(self, x: float, y: float, pixels: float) -> bool:
        """Return whether nothing was written within that radius of a point."""
        from matplotlib.transforms import Bbox

        px, py = self._axes.transData.transform((x, y))
        box = Bbox([[px - pixels, py - pixels], [px + pixels, py + pixels]])
        return not any(box.overlaps(other) for other in self._taken)

    def avoid_line(self, x: np.ndarray, y: np.ndarray) -> None:
        """Keep words off a line where there is another place; data coordinates."""
        known = np.isfinite(x) & np.isfinite(y)
        self._lines.append(self._axes.transData.transform(np.stack([x, y], -1)[known]))

    def place(
        self,
        text: str,
        places: Iterable[tuple[float, float, float, float]],
        inside: bool = True,
        clear: bool = False,
        **style: Any,
    ) -> bool:
        """Write `text` at the first free place; return false where there is none.

        places: (x, y, dx, dy), data coordinates and an offset in points; the text lies on that
        side of the point. inside: it must lie within the axes. A place that a line crosses is
        taken only where there is no other; with `clear`, not even then.
        """
        frame = self._axes.get_window_extent(self._renderer())
        tried = list(places)
        for strict in (True,) if clear else (True, False):
            for x, y, dx, dy in tried:
                artist = self._axes.annotate(
                    "\n".join(clean(line) for line in text.splitlines()),
                    (x, y),
                    (dx, dy),
                    textcoords="offset points",
                    ha="center" if abs(dx) < 1 else ("left" if dx > 0 else "right"),
                    va="center" if abs(dy) < 1 else ("bottom" if dy > 0 else "top"),
                    parse_math=False,
                    annotation_clip=False,
                    **style,
                )
                box = artist.get_window_extent(self._renderer())
                if self._is_free(box, strict) and (not inside or _within(box, frame)):
                    self._taken.append(box)
                    return True
                artist.remove()
        return False

    def _is_free(self, box: Any, strict: bool) -> bool:
        padded = box.padded(self._margin)
        if any(padded.overlaps(other) for other in self._taken):
            return False
        return not (strict and any(_crosses(padded, line) for line in self._lines))

    def _renderer(self) -> Any:
        return self._axes.figure.canvas.get_renderer()


def _within(box: Any, frame: Any) -> bool:
    return bool(
        frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    )


def _crosses(box: Any, line: np.ndarray) -> bool:
    """Return whether a polyline (point, xy) in pixels may pass through a box."""
    if len(line) < 2:
        return bool(len(line) and box.contains(*line[0]))
    start, step = line[:-1], np.diff(line, axis=0)
    # Points a few pixels apart, so that no letter slips between two of them.
    count = int(np.clip(np.hypot(*step.T).max() / 5.0, 2, 400))
    points = start + np.linspace(0.0, 1.0, count)[:, None, None] * step
    inside = (points > [box.x0, box.y0]) & (points < [box.x1, box.y1])
    return bool(np.any(inside.all(axis=-1)))


def clean(text: object, longest: int = _WORD) -> str:
    """Return text on one line, printable, cut to `longest` characters."""
    line = " ".join(str(text).split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= longest else line[: longest - 3] + "..."


def fit(written: Any, right: float) -> None:
    """Cut a text of a figure until it ends left of `right`, a share of the figure's width."""
    edge = right * written.figure.bbox.width
    words = written.get_text()
    while written.get_window_extent().x1 > edge and len(words) > 6:
        words = clean(words, len(words) - 1)
        written.set_text(words)

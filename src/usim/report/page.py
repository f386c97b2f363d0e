"""Page: one recording on one page, for somebody who sees it for the first time.

Left, what the device hears: the Doppler spectrogram with the true Doppler of every moving part
drawn over it, and who moved when. Right, where it happened: the room in plan.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

from usim.recording.recording import Recording
from usim.report.doppler import carriers_hz
from usim.report.lettering import clean, fit
from usim.report.picture import Picture, picture_of
from usim.report.plan import draw_plan, outline_m
from usim.report.spectrogram import draw_spectrogram

WIDTH_PX, HEIGHT_PX = 1600, 800
_DPI = 100


def png(recording: Recording, **choices: Any) -> bytes:
    """Return the PNG bytes of a recording's picture, 1600 x 800; equal recordings, equal bytes.

    choices: `carrier` and `microphone` of `Picture`. This is what `store.write(picture=...)` takes.
    """
    return draw(picture_of(recording, **choices))


def draw(picture: Picture) -> bytes:
    """Return a picture as PNG bytes, without dates or versions in them."""
    import matplotlib

    memory = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # a user's matplotlibrc changes no byte
        # A name may have characters that the font lacks; they are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure = compose(picture)
        figure.savefig(
            memory,
            format="png",
            dpi=_DPI,
            metadata={"Software": None},
            pil_kwargs={"compress_level": 3},  # a third of the time of 6, a tenth more bytes
        )
    return memory.getvalue()


def compose(picture: Picture) -> Any:
    """Return a picture as a matplotlib figure on an Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_PX / _DPI, HEIGHT_PX / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    _headline(figure, picture)
    with_plan = outline_m(picture.table.get("room") or {}) is not None
    width = 0.530 if with_plan else 0.825
    caption = draw_spectrogram(figure, (0.052, 0.095, width, 0.755), picture)
    if with_plan:
        draw_plan(figure, (0.690, 0.075, 0.295, 0.775), picture)
    figure.text(0.052, 0.022, caption, fontsize=9.5, color="#444444", parse_math=False)
    return figure


def _headline(figure: Any, picture: Picture) -> None:
    about, heard = picture.recording.metadata, picture.recording.observation
    title = picture.table.get("title") or about.device or heard.profile
    headline = figure.text(
        0.052, 0.945, clean(title, 90), fontsize=18, fontweight="bold", parse_math=False
    )
    fit(headline, 0.985)
    unit = "" if about.unit is None else f", unit {about.unit}"
    carriers = carriers_hz(heard)
    parts = [f"{about.device or 'device'} ({heard.profile}{unit})"]
    if carriers:
        tones = ", ".join(f"{f / 1000:g}" for f in carriers[:4])
        level = {command.level_db_spl for command in heard.emission if command.on}
        loud = f" at {next(iter(level)):.3g} dB SPL" if len(level) == 1 else ""
        parts.append(f"{'tone' if len(carriers) == 1 else 'tones'} {tones} kHz{loud}")
    count = len(heard.microphones_m)
    parts.append(f"{count} microphone{'s' if count > 1 else ''}")
    if "quality" in about.settings:
        parts.append(f"quality {about.settings['quality']}")
    if "scene" in about.seeds:
        parts.append(f"seed {about.seeds['scene']}")
    figure.text(
        0.052, 0.908, clean("   |   ".join(parts), 150), fontsize=10.5, color="#555555",
        parse_math=False,
    )  # fmt: skip

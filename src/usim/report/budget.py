"""Echo budget: how near, how fast and how loud each mover is, and whether it can be heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.recording.truth import SILENT_DB, Truth
from usim.report.doppler import doppler_shift_hz


@dataclass(frozen=True)
class Budget:
    """One mover over a whole recording; None where the truth does not say.

    nearest_m: smallest range of any part. fastest_m_s: largest speed along the line of sight.
    shift_hz: the Doppler shift at that speed. level_db_spl: loudest echo of the mover, dB re 20 uPa
    rms, its parts added in power. echo_to_noise_db: best frame.
    """

    mover: str
    nearest_m: float | None
    fastest_m_s: float | None
    shift_hz: float | None
    level_db_spl: float | None
    echo_to_noise_db: float | None


HEADER = ("mover", "nearest", "fastest", "Doppler", "loudest", "over noise")


def budgets(truth: Truth, carrier_hz: float, c: float) -> tuple[Budget, ...]:
    """Return one budget a mover. carrier_hz: Hz; c: sound speed, m/s."""
    owners = (name.partition(".")[0] for name in truth.pieces)
    names = truth.movers or tuple(dict.fromkeys(owners))
    return tuple(_budget(truth, name, carrier_hz, c) for name in names)


def cells(row: Budget) -> tuple[str, ...]:
    """Return a budget as words in the order of HEADER, each number with its unit."""
    return (
        row.mover,
        _word(row.nearest_m, "{:.2f} m"),
        _speed(row.fastest_m_s),
        _word(row.shift_hz, "{:.0f} Hz" if (row.shift_hz or 0.0) >= 10.0 else "{:.1f} Hz"),
        _word(row.level_db_spl, "{:.0f} dB SPL"),
        _word(row.echo_to_noise_db, "{:.0f} dB"),
    )


def text(rows: tuple[Budget, ...]) -> str:
    """Return budgets as a table of plain text, one line a mover."""
    table = [HEADER, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADER))]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    ]
    return "\n".join(lines)


def _budget(truth: Truth, mover: str, carrier_hz: float, c: float) -> Budget:
    columns = truth.of(mover)
    nearest_m = fastest_m_s = shift_hz = level_db_spl = None
    if columns.size and truth.t_s.size:
        level_db = truth.echo_level_db_spl[:, columns]
        loudest = 10 * np.log10(np.sum(10 ** (level_db / 10), axis=1).max())
        level_db_spl = float(loudest) if loudest > SILENT_DB + 20 else None
        nearest_m = float(truth.range_m[:, columns].min())
        speed = truth.radial_velocity_m_s[:, columns]
        fastest_m_s = float(np.abs(speed).max())
        shift_hz = float(np.abs(doppler_shift_hz(speed, carrier_hz, c)).max())
    ratio = None
    if mover in truth.movers and truth.echo_to_noise_db.size:
        best = float(truth.echo_to_noise_db[:, truth.movers.index(mover)].max())
        ratio = best if best > SILENT_DB + 20 else None
    return Budget(mover, nearest_m, fastest_m_s, shift_hz, level_db_spl, ratio)


def _speed(value: float | None) -> str:
    if value is not None and value < 0.1:
        return f"{1000 * value:.0f} mm/s"
    return _word(value, "{:.2f} m/s")


def _word(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)

"""What commands print: JSON for programs, aligned columns for people, a progress bar on a terminal."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from usim.cli.command import current
from usim.cli.exits import say

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON with stable keys.")
force_option = click.option("--force", is_flag=True, help="Overwrite what is there.")


def message(text: str) -> None:
    """Print a message on stderr unless the command is quiet."""
    if not current().quiet:
        say(text)


def warning(text: str) -> None:
    """Print a warning on stderr, also where the command is quiet."""
    say(f"warning: {text}")


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout; what is not a finite number becomes null."""
    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """Return `value` made of what JSON knows: numpy numbers and arrays, tuples, paths, NaN and infinity are replaced."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Return the rows as lines with aligned columns, two blanks apart; the last column is free."""
    if not rows:
        return []
    count = max(len(row) for row in rows)
    widths = [max((len(row[k]) for row in rows if k < len(row)), default=0) for k in range(count)]
    return [
        indent + "  ".join(cell.ljust(widths[k]) for k, cell in enumerate(row)).rstrip()
        for row in rows
    ]


def heading(text: str) -> str:
    """Return a heading, bold on a terminal."""
    return click.style(text, bold=True)


def progress(items: Iterable[Any], total: int, unit: str, text: str) -> Iterator[Any]:
    """Yield the items under a progress bar with the time left; the bar shows after two seconds, on a terminal only."""
    if total < 2 or current().quiet or not sys.stderr.isatty():
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, total=total, unit=unit, desc=text, delay=2, leave=False, file=sys.stderr)


@contextlib.contextmanager
def elapsing(seconds: float, text: str) -> Iterator[None]:
    """Show how much of an estimated time has passed while the body runs: what cannot say how far it is.

    Like `progress`: after two seconds, on a terminal only. The bar waits at its end where the estimate was too short.
    """
    if current().quiet or not sys.stderr.isatty() or seconds < 2:
        yield
        return
    import threading

    from tqdm import tqdm

    done = threading.Event()
    form = "{desc} {percentage:3.0f} %|{bar}| {elapsed}<{remaining} (estimate)"
    bar = tqdm(total=seconds, desc=text, delay=2, leave=False, bar_format=form, file=sys.stderr)

    def tick() -> None:
        while not done.wait(0.5):
            bar.update(min(0.5, max(0.0, 0.99 * seconds - bar.n)))

    clock = threading.Thread(target=tick, daemon=True)
    clock.start()
    try:
        yield
    finally:
        done.set()
        clock.join()
        bar.close()


def number(value: float, digits: int = 3) -> str:
    """Return a number to so many significant digits, without an exponent where one can read it."""
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(places, 6)}f}"


def size(count: float) -> str:
    """Return a number of bytes in a unit a person reads."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{number(count)} {unit}"
        count /= 1024
    return f"{number(count)} TiB"


def span(seconds: float) -> str:
    """Return a time in a unit a person reads."""
    if seconds < 1:
        return f"{number(1000 * seconds, 2)} ms"
    if seconds < 120:
        return f"{number(seconds, 2)} s"
    if seconds < 7200:
        return f"{number(seconds / 60, 2)} min"
    return f"{number(seconds / 3600, 2)} h"


def check_file(target: str, force: bool) -> None:
    """Raise InvalidInput where `target` may not be written; call it before a long computation."""
    from usim.template.problem import InvalidInput

    if os.path.isdir(target):
        raise InvalidInput(f"{target}: is a folder; -o names a file")
    if os.path.lexists(target) and not force:
        raise InvalidInput(f"{target}: is there already; --force replaces it")


def write_file(target: str, data: bytes, force: bool) -> None:
    """Write a file beside its place and rename it; refuse to overwrite without `force`."""
    check_file(target, force)
    beside = f"{target}.{os.getpid()}.part"
    try:
        with open(beside, "xb") as stream:
            stream.write(data)
        os.replace(beside, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)

"""`usim plot` and `usim listen`: recordings for eyes and ears."""

from __future__ import annotations

import math
import os
from typing import Any

import click

from usim.cli.command import command, current
from usim.cli.output import check_file, force_option, json_option, print_json, write_file
from usim.cli.render import Window

_FORMS = ("wav", "flac")


class Gain(click.ParamType):
    """`auto`, or a number of dB."""

    name = "auto|DB"

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        if value is None or isinstance(value, float) or value == "auto":
            return value
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            self.fail(f"{value!r}: write auto, or a number of dB, as in 40")
        return found


@command("plot")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The picture to make. Default: DIR.png, beside the folder",
)
@force_option
def plot_command(folder: str, output: str | None, force: bool) -> None:
    """Draw the spectrogram of a recording, the truth over it.

    Prints the picture's file.
    """
    from usim.recording.store import open as open_recording
    from usim.report.page import png

    opened = open_recording(folder)
    several = opened if isinstance(opened, dict) else {"": opened}
    _one_file(folder, output, len(several))
    for name, recording in several.items():
        target = output or _beside(folder, name, ".png")
        write_file(target, png(recording), force)
        click.echo(target)


@command("listen")
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(),
    help="The .wav or .flac to make. Default: DIR.wav, beside the folder",
)
@click.option(
    "--carrier", type=float, metavar="HZ", help="The middle of the band; else the first carrier."
)
@click.option(
    "--mic", default="1", show_default=True, metavar="N|NAME", help="The microphone to listen to."
)
@click.option(
    "--shift",
    type=float,
    metavar="HZ",
    help="Where the carrier is heard; what lies further below it is left out.  [default: 1000]",
)
@click.option(
    "--slow",
    type=float,
    default=1.0,
    show_default=True,
    metavar="FACTOR",
    help="So many times as long, each Doppler shift divided by it: 4 for a fan.",
)
@click.option(
    "--gain",
    type=Gain(),
    metavar="auto|DB",
    default="auto",
    show_default=True,
    help="Gain over the converter's full scale; auto: to a peak of -12 dB.",
)
@click.option(
    "--remove-carrier/--keep-carrier",
    default=True,
    show_default=True,
    help="Whether to take out what stands still.",
)
@click.option("--window", type=Window(), help="Only this part of the recording, in seconds.")
@json_option
@force_option
def listen_command(
    folder: str,
    output: str | None,
    carrier: float | None,
    mic: str,
    shift: float | None,
    slow: float,
    gain: float | str,
    remove_carrier: bool,
    window: tuple[float, float | None] | None,
    as_json: bool,
    force: bool,
) -> None:
    """Make a recording audible: approaching sounds higher.

    Moves the band around a carrier down to a tone of 1000 Hz. The echo of what approaches is above it, of what recedes
    below it. DIR needs no truth. Prints the file and what was done.
    """
    form = "wav" if output is None else os.path.splitext(output)[1][1:].lower()
    if form not in _FORMS:
        raise click.UsageError(f"-o: {output} must end in {' or '.join('.' + f for f in _FORMS)}")
    several = _observations(folder)
    _one_file(folder, output, len(several))
    targets = {name: output or _beside(folder, name, ".wav") for name in several}
    for target in targets.values():
        check_file(target, force)

    from usim.report import sound

    rows = []
    for name, observation in several.items():
        place = os.path.join(folder, name) if name else folder
        number, called = _microphone(place, mic, observation)
        made = _made(
            place,
            sound.sound_of,
            observation,
            microphone=number,
            carrier_hz=carrier,
            shift_hz=sound.SHIFT_HZ if shift is None else shift,
            slow=slow,
            gain_db=None if gain == "auto" else gain,
            keep_carrier=not remove_carrier,
            window_s=window,
        )
        write_file(targets[name], sound.encoded(made, form), force)
        row = {
            "file": targets[name],
            "recording": place,
            "microphone": number + 1,
            "microphone_name": called,
            "carrier_hz": made.carrier_hz,
            "shift_hz": made.shift_hz,
            "slow": made.slow,
            "band_hz": made.band_hz,
            "static_carrier_removed": remove_carrier,
            "gain_db": made.gain_db,
            "window_s": made.window_s,
            "duration_s": made.duration_s,
            "rate_hz": sound.RATE_HZ,
            "source": made.source,
        }
        rows.append(row)
        if not as_json:
            click.echo(_said(row))
    if as_json:
        print_json(rows)


def _said(row: dict[str, Any]) -> str:
    """Return one line: where the sound is, and what was done."""
    low, high = row["band_hz"]
    parts = [
        f"{row['carrier_hz']:,g} Hz is heard at {row['shift_hz']:,g} Hz",
        f"Doppler {low:+,.0f} to {high:+,.0f} Hz",
        f"static carrier {'removed' if row['static_carrier_removed'] else 'kept'}",
        f"gain {row['gain_db']:+.1f} dB",
        f"microphone {row['microphone_name'] or row['microphone']}",
        f"{row['duration_s']:.3g} s",
    ]
    if row["slow"] != 1:
        parts.insert(1, f"{row['slow']:g} times as slow")
    return f"{row['file']}: {', '.join(parts)}"


def _observations(folder: str) -> dict[str, Any]:
    """Return the observations in a folder by device; the truth, which may be absent, is not touched."""
    from usim.recording import layout, store

    if os.path.exists(os.path.join(folder, layout.OBSERVATION)):
        return {"": store.open_observation(folder)}
    opened = store.open(folder)
    if isinstance(opened, dict):
        return {name: recording.observation for name, recording in opened.items()}
    return {"": opened.observation}


def _microphone(place: str, word: str, observation: Any) -> tuple[int, str | None]:
    """Return which microphone, from 0, and its name where the profile is known."""
    from usim.template.problem import InvalidInput, excerpt, suggest

    count = len(observation.microphones_m)
    names = _microphone_names(observation)
    if word in names:
        return names.index(word), word
    if word.isascii() and word.isdecimal():
        number = int(word[:9])
        if 1 <= number <= count:
            return number - 1, names[number - 1] if names else None
    hint = suggest(word, names) or f"; they are numbered 1 to {count}"
    raise InvalidInput(f"{place}: --mic {excerpt(word)}: no such microphone{hint}")


def _microphone_names(observation: Any) -> list[str]:
    """Return the names in the device's profile; none where that is not known or is of another device."""
    from usim.devices.profile import load
    from usim.template.problem import InvalidInput

    try:
        profile = load(observation.profile, paths=current().paths)
    except InvalidInput:
        return []
    names = [microphone.name for microphone in profile.nominal.microphones]
    return names if len(names) == len(observation.microphones_m) else []


def _made(place: str, make: Any, *arguments: Any, **choices: Any) -> Any:
    """Return what is made of a recording; an error names the recording."""
    from usim.template.problem import InvalidInput

    try:
        return make(*arguments, **choices)
    except InvalidInput as error:
        raise InvalidInput(f"{place}: {error}") from error


def _one_file(folder: str, output: str | None, count: int) -> None:
    if output is not None and count > 1:
        raise click.UsageError(f"-o: {folder} holds {count} recordings; name one of its folders")


def _beside(folder: str, name: str, ending: str) -> str:
    """Return the file beside a folder that carries its name; one that is named by dots has its real name."""
    path = os.path.normpath(folder)
    if os.path.basename(path) in (".", ".."):
        path = os.path.abspath(path)
    return path + (f"_{name}" if name else "") + ending

"""`usim plot`: pictures of recordings."""

from __future__ import annotations

import os

import click

from usim.cli.command import command
from usim.cli.output import force_option, write_file


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
    if output is not None and len(several) > 1:
        raise click.UsageError(
            f"-o: {folder} holds {len(several)} recordings; name one of its folders"
        )
    for name, recording in several.items():
        target = output or os.path.normpath(folder) + (f"_{name}" if name else "") + ".png"
        write_file(target, png(recording), force)
        click.echo(target)

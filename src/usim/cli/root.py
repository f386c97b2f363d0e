"""The root command: which file holds which command, and how a command line is run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import click

from usim.cli import exits
from usim.cli.command import common_options, settle
from usim.cli.interrupts import heeded


def _catalogue() -> ModuleType:
    from usim.cli import catalogue

    return catalogue


def _machine() -> ModuleType:
    from usim.cli import machine

    return machine


def _recordings() -> ModuleType:
    from usim.cli import recordings

    return recordings


def _render() -> ModuleType:
    from usim.cli import render

    return render


def _scenes() -> ModuleType:
    from usim.cli import scenes

    return scenes


# Command -> the file of this folder that holds it, imported when the command is asked for.
COMMANDS = {
    "validate": _scenes,
    "describe": _scenes,
    "schema": _scenes,
    "render": _render,
    "demo": _render,
    "plot": _recordings,
    "listen": _recordings,
    "list": _catalogue,
    "show": _catalogue,
    "check-kind": _catalogue,
    "bench": _machine,
    "doctor": _machine,
    "completion": _machine,
}


class Root(click.Group):
    """Loads the file of a command when the command is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(COMMANDS[name](), name.replace("-", "_") + "_command")
        return command

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if words and not words[0].startswith("-") and words[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(words[0], COMMANDS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            context.fail(f"no such command {words[0]!r}{hint}")
        return super().resolve_command(context, words)

    def invoke(self, context: click.Context) -> Any:
        settle(context, context.params)
        try:
            result = super().invoke(context)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise exits.ReaderLeft from error
        return result


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        from usim import __version__

        click.echo(f"usim {__version__}")
        context.exit()


@click.command(
    cls=Root,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Show the version and leave.",
        ),
        *common_options(),
    ],
    epilog="Every command takes --kinds, --path, --quiet and --debug. Exit codes: 0 done, 1 a bug of ours, 2 wrong "
    "usage or invalid file, 3 finished with quarantined clips, 4 the environment (disk, permission, missing extra), "
    "5 verification failed, 130 interrupted.",
)
def root() -> None:
    """Recordings of an ultrasonic motion sensor in a room, with the complete truth about them."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of one command line (of this process where `arguments` is None)."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    with heeded() as interrupted:
        try:
            code = root.main(args=words, prog_name="usim", standalone_mode=False)
            return code if isinstance(code, int) else exits.DONE
        except BaseException as error:
            ended = KeyboardInterrupt() if interrupted() else error
            code = exits.report(ended)
            if "--debug" in words and code not in (exits.DONE, exits.INTERRUPTED):
                import traceback

                traceback.print_exception(error, file=sys.stderr)
            return code

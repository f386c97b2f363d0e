"""The root command: which file holds which command, and the options that every command takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import click

# Command -> the file of this folder that holds it.
COMMANDS = {
    "validate": "scenes",
    "describe": "scenes",
    "schema": "scenes",
    "render": "render",
    "demo": "render",
    "plot": "recordings",
    "list": "catalogue",
    "show": "catalogue",
    "check-kind": "catalogue",
    "bench": "machine",
    "doctor": "machine",
    "completion": "machine",
}


@dataclass(frozen=True)
class Settings:
    """What the options of every command say."""

    kinds: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    quiet: bool = False
    debug: bool = False


def _common() -> list[click.Parameter]:
    return [
        click.Option(
            ["--kinds"],
            multiple=True,
            metavar="DIR",
            type=click.Path(exists=True, file_okay=False),
            help="A folder with your own kinds, laid out like the package. Repeatable; also USIM_KINDS.",
        ),
        click.Option(
            ["--path"],
            multiple=True,
            metavar="DIR",
            type=click.Path(exists=True, file_okay=False),
            help="A folder to look names up in. Repeatable; also USIM_PATH.",
        ),
        click.Option(["--quiet", "-q"], is_flag=True, help="No messages, no progress bar."),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an error."),
    ]


def _settle(context: click.Context, values: dict[str, Any]) -> None:
    """Take the common options out of `values` and add them to the settings."""
    before: Settings = context.find_object(Settings) or Settings()
    context.obj = replace(
        before,
        kinds=before.kinds + tuple(values.pop("kinds")),
        paths=before.paths + tuple(values.pop("path")),
        quiet=before.quiet or values.pop("quiet"),
        debug=before.debug or values.pop("debug"),
    )


class Command(click.Command):
    """A command that also takes the common options, before or after its own."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.params.extend(_common())

    def invoke(self, context: click.Context) -> Any:
        _settle(context, context.params)
        settings: Settings = context.obj
        if settings.kinds:
            from usim.template.registry import use_kinds

            use_kinds(*settings.kinds)
        return super().invoke(context)


class Root(click.Group):
    """Loads the file of a command when the command is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"usim.cli.{COMMANDS[name]}")
        command: click.Command = getattr(module, name.replace("-", "_") + "_command")
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
        import os

        # The environment comes before the options: a folder named on the command line is looked in last but added to it.
        _settle(context, context.params)
        settings: Settings = context.obj
        context.obj = replace(
            settings,
            kinds=_folders("USIM_KINDS", os.environ.get("USIM_KINDS")) + settings.kinds,
            paths=settings.paths + _folders("USIM_PATH", os.environ.get("USIM_PATH")),
        )
        return super().invoke(context)


def _folders(variable: str, value: str | None) -> tuple[str, ...]:
    import os

    folders = tuple(folder for folder in (value or "").split(os.pathsep) if folder)
    for folder in folders:
        if not os.path.isdir(folder):
            raise click.UsageError(f"{variable}: {folder}: no such folder")
    return folders


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        import usim

        click.echo(f"usim {usim.__version__}")
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
        *_common(),
    ],
    epilog="Every command takes --kinds, --path, --quiet and --debug. Exit codes: 0 done, 1 a bug of ours, 2 wrong "
    "usage or invalid file, 3 finished with quarantined clips, 4 the environment (disk, permission, missing extra), "
    "5 verification failed, 130 interrupted.",
)
def root() -> None:
    """Recordings of an ultrasonic motion sensor in a room, with the complete truth about them."""


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """Return the decorator of a command called `name` that takes the common options."""
    return click.command(name, cls=Command, **settings)


def current() -> Settings:
    """Return the settings of the running command."""
    return click.get_current_context().find_object(Settings) or Settings()

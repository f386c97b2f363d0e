"""What every command has: the common options, the settings they make, the decorator that adds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click


@dataclass(frozen=True)
class Settings:
    """What the options of every command say."""

    kinds: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    quiet: bool = False
    debug: bool = False


def common_options() -> list[click.Parameter]:
    """Return the options that every command takes."""
    return [
        click.Option(
            ["--kinds"],
            multiple=True,
            metavar="DIR",
            help="A folder with your own kinds, laid out like the package. Repeatable; also USIM_KINDS.",
        ),
        click.Option(
            ["--path"],
            multiple=True,
            metavar="DIR",
            help="A folder to look names up in. Repeatable; also USIM_PATH.",
        ),
        click.Option(["--quiet", "-q"], is_flag=True, help="No messages, no progress bar."),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an error."),
    ]


def settle(context: click.Context, values: dict[str, Any]) -> None:
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
        self.params.extend(common_options())

    def invoke(self, context: click.Context) -> Any:
        settle(context, context.params)
        settings: Settings = context.obj
        if settings.kinds:
            from usim.template.registry import use_kinds

            use_kinds(*settings.kinds)
        return super().invoke(context)


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """Return the decorator of a command called `name` that takes the common options."""
    return click.command(name, cls=Command, **settings)


def complete_scene(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[Any]:
    """Return what a shell offers for a scene: shipped names, and files."""
    from click.shell_completion import CompletionItem

    from usim.template.library import names

    known = [CompletionItem(name) for name in names("scenes") if name.startswith(incomplete)]
    return [*known, CompletionItem(incomplete, type="file")]


def current() -> Settings:
    """Return the settings of the running command."""
    return click.get_current_context().find_object(Settings) or Settings()

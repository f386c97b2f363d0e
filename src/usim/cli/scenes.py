"""`usim validate`, `usim describe`, `usim schema`: scene files before they are rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from usim.cli.command import command, complete_scene, current
from usim.cli.exits import say_error
from usim.cli.output import (
    force_option,
    json_option,
    message,
    print_json,
    progress,
    warning,
    write_file,
)

SAMPLES = 20
_HEAD_BYTES = 4096  # of a file, in which it says what it is


@command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=complete_scene)
@click.option(
    "--samples",
    type=click.IntRange(1, 100_000),
    default=SAMPLES,
    show_default=True,
    metavar="N",
    help="How many samples of each template are drawn and checked.",
)
@json_option
def validate_command(files: tuple[str, ...], samples: int, as_json: bool) -> None:
    """Check scene and profile files and say every error at once.

    Each error names file, line, column and place; the exit code is 2 if there is any.
    """  # fmt: skip
    results = [
        _validated(file, samples) for file in progress(files, len(files), "file", "checking")
    ]
    if as_json:
        print_json(results)
    for result in [] if as_json else results:
        for line in result["problems"]:
            say_error(line["message"])
        for text in result["warnings"]:
            warning(f"{result['file']}: {text}")
        for text in result["notes"]:
            message(f"{result['file']}: note: {text}")
        if result["valid"] and not current().quiet:
            drawn = (
                f", {100 * result['rejected_share']:.0f} % rejected"
                if result["rejected_share"]
                else ""
            )
            checked = f"{result['samples']} samples{drawn}" if result["samples"] else "a profile"
            click.echo(f"{result['file']}: valid ({checked})")
    if not all(result["valid"] for result in results):
        click.get_current_context().exit(2)


def _validated(file: str, samples: int) -> dict[str, Any]:
    from usim.scene import load, validate
    from usim.template.problem import InvalidInput

    try:
        profile = _profile(file)
        if profile is not None:
            from usim.devices.profile import parse

            parse(profile, str(profile))
            return _result(file, 0, ())
        report = validate(load(file, paths=current().paths), samples)
    except InvalidInput as error:
        return _result(file, samples, error.problems)
    return _result(
        file, report.samples, report.problems, report.rejected_share, report.rejected, report.warnings, report.notes
    )  # fmt: skip


def _profile(file: str) -> Path | None:
    """Return the path of a file that says that it is a device profile, else None."""
    path = Path(file)
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        begins = stream.read(_HEAD_BYTES)
    return path if re.search(rb"^usim:\s*['\"]?profile/", begins, re.MULTILINE) else None


def _result(
    file: str,
    samples: int,
    problems: Sequence[Any],
    share: float = 0.0,
    rejected: Mapping[str, float] = MappingProxyType({}),
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return what `validate --json` prints for one file."""
    return {
        "file": file,
        "valid": not problems,
        "samples": samples,
        "rejected_share": share,
        "rejected": dict(rejected),
        "problems": [
            {"message": str(one), "line": one.line, "column": one.column, "place": one.place, "text": one.text}
            for one in problems
        ],
        "warnings": list(warnings),
        "notes": list(notes),
    }  # fmt: skip


@command("describe")
@click.argument("scene", shell_complete=complete_scene)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="The sample to describe."
)
@click.option(
    "--set", "settings", multiple=True, metavar="PLACE=VALUE", help="Replace a value. Repeatable."
)
@click.option(
    "--samples",
    type=click.IntRange(0, 100_000),
    default=SAMPLES,
    show_default=True,
    metavar="N",
    help="How many samples the rejected share is counted over.",
)
@json_option
def describe_command(
    scene: str, seed: int | None, settings: tuple[str, ...], samples: int, as_json: bool
) -> None:
    """Say what a scene is: room, echo budget, Doppler, paths, cost."""  # fmt: skip
    from usim.cli.budget import budget
    from usim.cli.portrait import portrait
    from usim.scene import load, validate

    template = load(scene, paths=current().paths)
    facts = {"name": scene, **budget(template.sample(seed, settings))}
    if samples:
        report = validate(template, samples)
        share = {
            "samples": report.samples,
            "share": report.rejected_share,
            "checks": report.rejected,
        }
        facts["rejected"] = share
    if as_json:
        print_json(facts)
    else:
        for line in portrait(facts):
            click.echo(line)


@command("schema")
@click.argument("what", type=click.Choice(["scene", "profile"]), default="scene")
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of stdout.")
@force_option
def schema_command(what: str, output: str | None, force: bool) -> None:
    """Print the JSON Schema of scene or profile files."""
    import json

    from usim.scene.schema import schema

    text = json.dumps(schema(what), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text.encode("utf-8"), force)
        click.echo(output)

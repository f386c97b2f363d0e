"""`usim list`, `usim show`, `usim check-kind`: what there is to build scenes from."""

from __future__ import annotations

import csv
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from usim.cli.command import command, current
from usim.cli.output import columns, heading, json_option, print_json

LISTED = ("scenes", "profiles", "recipes", "studies", "kinds", "materials")
_FOLDERS = {
    "scenes": "scenes",
    "profiles": "device_profiles",
    "recipes": "scenes/recipes",
    "studies": "scenes/studies",
}
_MOST_NAMES = 16  # of a table inside another: more are numbered alike, and the first ones say how


@command("list")
@click.argument("what", type=click.Choice(LISTED), required=False)
@json_option
def list_command(what: str | None, as_json: bool) -> None:
    """List what can be named: scenes, profiles, kinds, materials."""
    found = {one: _listed(one) for one in ([what] if what else LISTED)}
    if as_json:
        print_json(found)
        return
    for one, rows in found.items():
        if what is None:
            click.echo(heading(one) + ("" if rows else ": none"))
        for line in columns(
            [list(map(str, row.values())) for row in rows], "  " if what is None else ""
        ):
            click.echo(line)


def _listed(what: str) -> list[dict[str, str]]:
    if what == "kinds":
        from usim.template import registry

        return [
            {"family": family, "kind": kind}
            for family in registry.families()
            for kind in registry.kinds(family)
        ]
    if what == "materials":
        return [{"name": row["id"], "title": row["material"]} for row in _materials().values()]
    from usim.template.library import names

    return [
        {"name": name, "title": _title(name, _FOLDERS[what])}
        for name in names(_FOLDERS[what], current().paths)
    ]


def _title(name: str, folder: str) -> str:
    from usim.template.library import find
    from usim.template.problem import InvalidInput
    from usim.template.reader import read

    try:
        return str(read(find(name, folder, paths=current().paths)).table.get("title", ""))
    except InvalidInput as error:
        return f"(invalid: {str(error).splitlines()[0]})"


def _materials() -> dict[str, dict[str, str]]:
    path = Path(__file__).resolve().parents[1] / "data" / "materials_ultrasonic.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["id"]: row for row in csv.DictReader(stream)}


@command("show")
@click.argument("name")
@json_option
def show_command(name: str, as_json: bool) -> None:
    """Show a kind, a device profile, a material or a scene."""
    found = [*_kinds_named(name), *_material_named(name), *_files_named(name)]
    if not found:
        from usim.template.problem import InvalidInput, suggest

        known = [
            next(iter(row.values())) for what in LISTED if what != "kinds" for row in _listed(what)
        ]
        known += [row["kind"] for row in _listed("kinds")]
        hint = suggest(name, known) or "; `usim list` says what there is"
        raise InvalidInput(f"nothing is called {name!r}{hint}")
    if as_json:
        print_json([{key: value for key, value in one.items() if key != "lines"} for one in found])
        return
    for number, one in enumerate(found):
        click.echo(("\n" if number else "") + heading(f"{one['name']}") + f"  {one['what']}")
        for line in one["lines"]:
            click.echo(line)


def _kinds_named(name: str) -> list[dict[str, Any]]:
    from usim.template import registry
    from usim.template.writer import dump

    found = []
    for family in registry.families():
        if name in registry.kinds(family):
            module = registry.load(family, name)
            schema = module.Parameters.model_json_schema()
            text = inspect.cleandoc(module.__doc__ or "").strip()
            rows = [_field(key, field, schema) for key, field in schema["properties"].items()]
            examples = [dump(table) for table in getattr(module, "EXAMPLES", ())]
            found.append(
                {
                    "name": name,
                    "what": f"a kind of {family}",
                    "file": module.__file__,
                    "schema": schema,
                    "examples": examples,
                    "lines": [
                        *text.splitlines(),
                        "",
                        *columns([row for row in rows if row[0] != "kind"]),
                        *(
                            line
                            for text in examples
                            for line in ["", "example:", *text.splitlines()]
                        ),
                    ],
                }
            )
    return found


def _field(key: str, field: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return one row of a kind's table: field, what it holds, its default, what it means."""
    needed = "required" if key in schema.get("required", ()) else f"default {field.get('default')}"
    if key == "name":
        needed = "default: the kind"
    return [key, _holds(field, schema), needed, str(field.get("description", ""))]


def _holds(field: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "$ref" in field:
        target = schema.get("$defs", {}).get(str(field["$ref"]).rsplit("/", 1)[-1], {})
        names = list(target.get("properties", ()))
        if len(names) > _MOST_NAMES:
            names[4:] = [f"... {names[-1]}"]
        return "{" + ", ".join(names) + "}" if names else _holds(target, schema)
    if "const" in field:
        return str(field["const"])
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    for choice in ("anyOf", "oneOf"):
        if choice in field:
            return " | ".join(dict.fromkeys(_holds(one, schema) for one in field[choice]))
    kind = str(field.get("type", "value"))
    if kind == "array":
        inner = field.get("prefixItems")
        if inner:
            return "[" + ", ".join(_holds(one, schema) for one in inner) + "]"
        return f"list of {_holds(field.get('items', {}), schema)}"
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    word = {"integer": "whole number", "string": "text", "object": "mapping", "null": "none"}.get(
        kind, kind
    )
    if low is not None and high is not None:
        return f"{word} {low:g} .. {high:g}"
    return word if low is None else f"{word} from {low:g}"


def _material_named(name: str) -> list[dict[str, Any]]:
    row = _materials().get(name)
    if row is None:
        return []
    rows = [[key.replace("_", " "), value] for key, value in row.items() if key != "id" and value]
    return [{"name": name, "what": "a material", "row": row, "lines": columns(rows)}]


def _files_named(name: str) -> list[dict[str, Any]]:
    from usim.template.library import find, names
    from usim.template.reader import read

    found = []
    for what, folder in _FOLDERS.items():
        if name in names(folder, current().paths):
            path = find(name, folder, paths=current().paths)
            text = path.read_text(encoding="utf-8")
            word = {
                "scenes": "scene",
                "profiles": "device profile",
                "recipes": "recipe",
                "studies": "study",
            }[what]
            found.append(
                {
                    "name": name,
                    "what": f"a {word}: {os.fspath(path)}",
                    "file": path,
                    "table": read(path).table,
                    "lines": text.splitlines(),
                }
            )
    return found


@command("check-kind")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@json_option
def check_kind_command(file: str, as_json: bool) -> None:
    """Check that a kind keeps its family's contract.

    FILE is a file such as mykinds/movers/robot_dog.py.
    """
    from usim.contract import check_kind

    outcome = check_kind(Path(file))
    if as_json:
        print_json({"file": file, "passed": not outcome, "problems": [str(one) for one in outcome]})
    elif not outcome:
        click.echo(f"{file}: keeps its family's contract")
    if outcome:
        from usim.template.problem import InvalidInput

        raise InvalidInput(outcome)

"""What a model complains about, in this project's words: what was found, with its unit, and what to
do.
"""

import re
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from usim.template.fields import PLACEMENTS
from usim.template.problem import InvalidInput, excerpt, suggest

UNITS = {  # the end of a field's name: how its unit is said
    "_m_s": "m/s",
    "_deg_s": "degrees/s",
    "_rad_s": "rad/s",
    "_db_spl": "dB SPL",
    "_pa_s_m2": "Pa s/m2",
    "_pa_s_m": "Pa s/m",
    "_kg_m2": "kg/m2",
    "_db": "dB",
    "_hz": "Hz",
    "_deg": "degrees",
    "_c": "degrees C",
    "_percent": "%",
    "_kpa": "kPa",
    "_m": "m",
    "_s": "s",
    "rpm": "rpm",
}

BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def unit(path: tuple) -> str:
    """The unit that the last name of a path carries, with a space before it; nothing if it has
    none.
    """
    name = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
    return next((f" {word}" for ending, word in UNITS.items() if name.endswith(ending)), "")


def _in_unit(path: tuple) -> str:
    return f" in{unit(path)}" if unit(path) else ""


def complaints(error: ValidationError, model: type[BaseModel], table: Any) -> Iterator[tuple]:
    """Every complaint of a model as (path inside the table, text).

    error: what validation raised; model: which model; table: the table that it was given
    """
    for entry in error.errors(include_url=False, include_input=False):
        names_a_field = entry["type"] in ("missing", "extra_forbidden")
        path = _path(entry["loc"], table, names_a_field)
        cause = entry.get("ctx", {}).get("error")
        if isinstance(cause, InvalidInput):
            for problem in cause.problems:
                inner = tuple(problem.place.split(".")) if problem.place else ()
                yield path + inner, problem.text
        else:
            yield path, _text(entry, path, model, table)


def _path(place: tuple, table: Any, names_a_field: bool) -> tuple:
    """The steps of a pydantic place that are keys and indices of the table: names of the members of
    unions are left out. The last step may be a field that is missing or should not be there.
    """
    path: list[Any] = []
    here = table
    for index, step in enumerate(place):
        inside = (isinstance(here, dict) and step in here) or (
            isinstance(here, list) and isinstance(step, int) and step < len(here)
        )
        if inside:
            here = here[step]
        elif not (names_a_field and index == len(place) - 1):
            continue
        path.append(step)
    return tuple(path)


def value_at(table: Any, path: tuple) -> Any:
    """The value at a path of a table; None where there is none."""
    for step in path:
        if isinstance(table, dict):
            table = table.get(step)
        elif isinstance(table, list) and isinstance(step, int) and step < len(table):
            table = table[step]
        else:
            return None
    return table


def _text(entry: Any, path: tuple, model: type[BaseModel], table: Any) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    if kind == "missing":
        return _missing(path, model, table)
    if kind == "extra_forbidden":
        return f"no such field{suggest(path[-1], _fields(model, path[:-1]))}"
    if kind == "value_error":
        return str(context.get("error", entry["msg"]))
    found = value_at(table, path)
    got = f", got {excerpt(found)}"
    if isinstance(found, dict) and len(found) == 1 and next(iter(found)) in PLACEMENTS:
        got += "; a placement stands for a whole point"
    if kind in BOUNDS:
        words, bound = BOUNDS[kind]
        return f"must be {words} {context[bound]:g}{unit(path)}, got {excerpt(found)}"
    if kind in ("float_type", "float_parsing", "finite_number"):
        return f"must be a number{_in_unit(path)}{got}"
    if kind in ("int_type", "int_parsing", "int_from_float"):
        return f"must be a whole number{got}"
    if kind == "bool_type":
        return f"must be true or false{got}"
    if kind == "literal_error":
        wanted = re.findall(r"'([^']*)'|(\d+)", context["expected"])
        choices = [word or number for word, number in wanted]
        near = suggest(found, choices) if isinstance(found, str) and len(choices) > 1 else ""
        near = near if "did you mean" in near else ""
        return f"must be {' or '.join(choices)}{got}{near}"
    if kind in ("too_short", "too_long"):
        least, most = context.get("min_length"), context.get("max_length")
        limit = f"at least {least}" if least is not None else f"at most {most}"
        entries = "entry" if 1 in (least, most) else "entries"
        return f"must have {limit} {entries}, got {len(found) if hasattr(found, '__len__') else 0}"
    return _shape_text(kind, context, entry, got)


def _shape_text(kind: str, context: dict, entry: dict, got: str) -> str:
    if kind == "string_pattern_mismatch":
        return f"must be a letter and then letters, digits or underscores, at most 64{got}"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters"
    if kind == "string_type":
        return f"must be a word{got}"
    if kind in ("tuple_type", "list_type"):
        return f"must be a list{got}"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return f"must be a mapping{got}"
    return f"{entry['msg'][:1].lower()}{entry['msg'][1:]}{got}"


def _missing(path: tuple, model: type[BaseModel], table: Any) -> str:
    if path and isinstance(path[-1], int):
        have = value_at(table, path[:-1])
        count = len(have) if isinstance(have, list) else 0
        return f"too few numbers, got {count}; add the others{_in_unit(path)}"
    beside = value_at(table, path[:-1])
    known = set(_fields(model, path[:-1]))
    strange = [key for key in beside if key not in known] if isinstance(beside, dict) else []
    near = suggest(path[-1] if path else "", strange)
    if "did you mean" in near:
        return f"missing; {near.removeprefix('; did you mean ').rstrip('?')} may be meant to be it"
    return "missing; add it"


def _fields(model: type[BaseModel], path: tuple) -> list[str]:
    """The fields that a table may have at a path of a model, over all members of unions on the way."""
    models = [model]
    for step in path:
        if isinstance(step, str):
            models = [
                inner
                for one in models
                if step in one.model_fields
                for inner in _models(one.model_fields[step].annotation)
            ]
    return list(dict.fromkeys(name for one in models for name in one.model_fields))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)

"""What every kind promises, whatever its family: a strict, frozen model and examples of it."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from usim.surfaces.base import surface


def examples(module: ModuleType) -> list[Any]:
    """The parameters that a kind gives as examples of itself."""
    tables = getattr(module, "EXAMPLES", ())
    return [module.Parameters.model_validate(t, context={"surface": surface}) for t in tables]


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind's model and examples."""
    kind = Path(module.__file__ or "").stem
    if not (module.__doc__ or "").strip():
        yield "has no docstring; the first line says what this kind is"
    tables = getattr(module, "EXAMPLES", ())
    if not tables:
        yield "gives no EXAMPLES; add at least one table as a scene file would hold it"
    for index, table in enumerate(tables):
        if table.get("kind") != kind:
            yield f"EXAMPLES[{index}] is of kind {table.get('kind')!r}, the file's name is {kind!r}"
        try:
            model = module.Parameters.model_validate(table, context={"surface": surface})
        except ValidationError as error:
            yield f"EXAMPLES[{index}] does not fit Parameters: {error.errors()[0]['msg']}"
            continue
        again = module.Parameters.model_validate(model.model_dump(exclude_none=True))
        if again != model:
            yield f"EXAMPLES[{index}], written out and read again, is not the same"
        yield from _refusals(module, table, index)
        try:
            setattr(model, "kind", kind)  # noqa: B010 (the point is that it fails)
        except (ValidationError, TypeError, AttributeError):
            continue
        yield "Parameters can be changed; derive it from usim.template.fields.Table"


def _refusals(module: ModuleType, table: dict, index: int) -> Iterator[str]:
    wrong = {
        "an unknown field": {**table, "no_such_field": 1},
        "another kind": {**table, "kind": "no_such_kind"},
    }
    if "name" in table:
        wrong["a name with a blank"] = {**table, "name": "a b"}
    for key, value in table.items():
        if isinstance(value, float | int) and not isinstance(value, bool):
            wrong[f"a {key} that is not finite"] = {**table, key: float("nan")}
            wrong[f"a {key} that is a text"] = {**table, key: "1"}
    for what, changed in wrong.items():
        try:
            module.Parameters.model_validate(changed)
        except ValidationError:
            continue
        yield f"EXAMPLES[{index}] with {what} is accepted; models are strict"

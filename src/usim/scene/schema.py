"""The JSON Schema of scene files, made from the models by one transform.

The models hold plain values; a file may say more. So every place of every model's schema is
loosened: a draw, or the use of a `let`, may stand for any value; a placement for a point; a list
item may have `chance` and `repeat`. The families are put together from their folders, told apart by
`kind` (`if`/`then`, not `oneOf`, so that an editor reports the wrong field and not every kind).
Only keywords that draft-07 tools understand are used; what pydantic writes for tuples is said the
older way (`items` as a list).

A schema cannot say everything: what depends on two fields, on the room or on a profile is for `usim
validate`.
"""

import copy
from typing import Any

from pydantic import BaseModel

from usim.scene.limits import MOST_OPENINGS, MOST_PATCHES
from usim.scene.patches import PatchTable
from usim.scene.placement import WORDS
from usim.scene.table import FORMAT, SceneTable
from usim.template import registry

DRAFT = "http://json-schema.org/draft-07/schema#"
DROPPED = ("title", "default", "discriminator", "x-usim")
Schema = dict[str, Any]


def schema(what: str = "scene") -> Schema:
    """The JSON Schema of "scene" or "profile" files, as plain data."""
    if what == "profile":
        from usim.devices.profile import ProfileTable

        return _finished(_profile_places(ProfileTable), "usim device profile")
    places = _Places()
    scene = places.model(SceneTable)
    fields = scene["properties"]
    fields["usim"] = {"const": FORMAT}
    fields["seed"] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    fields["let"] = {"type": "object", "additionalProperties": True}
    patch = {"anyOf": [_item(places.model(PatchTable)), {"$ref": "#/definitions/drawn_item"}]}
    patches = {"type": "array", "items": patch, "maxItems": MOST_PATCHES}
    listed = {
        "furniture": places.items("furniture"),
        "patches": patches,
        "openings": places.items("openings", {"maxItems": MOST_OPENINGS}),
    }
    room = places.family("rooms", listed)
    fields["room"] = {"anyOf": [room, {"$ref": "#/definitions/draw"}]}
    fields["movers"] = places.items("movers", fields["movers"])
    fields["noises"] = places.items("noises", fields["noises"])
    fields["devices"]["items"] = _item(fields["devices"]["items"])
    places.definitions["DraughtTable"] = _item(places.definitions["DraughtTable"])
    scene["required"] = [name for name in scene["required"] if name in fields]
    places.definitions.update(_shared())
    return _finished({**scene, "definitions": places.definitions}, "usim scene")


class _Places:
    """Collects the definitions of models and families while their schemas are loosened."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def model(self, model: type[BaseModel], prefix: str = "") -> Schema:
        """The loosened schema of a model; its inner models become definitions."""
        raw = model.model_json_schema(ref_template=f"#/definitions/{prefix}{{model}}")
        for name, inner in raw.pop("$defs", {}).items():
            self.definitions[f"{prefix}{name}"] = self._table(inner)
        return self._table(raw)

    def family(self, family: str, extra: dict[str, Schema] | None = None) -> Schema:
        """An item of a family: the schema of its kind, for the kinds there are."""
        kinds = registry.kinds(family)
        for kind in kinds:
            model = registry.load(family, kind).Parameters
            own = self.model(model, f"{family}.{kind}.")
            own["properties"].update(copy.deepcopy(extra or {}))
            own["properties"]["kind"] = {"const": kind}
            if family in ("furniture", "openings", "movers", "noises", "activities"):
                own = _item(own)
            self.definitions[f"{family}.{kind}"] = own
        return {
            "type": "object",
            "required": ["kind"],
            "properties": {"kind": self._or_drawn({"enum": kinds})},
            "allOf": [
                {
                    "if": {"properties": {"kind": {"const": kind}}},
                    "then": {"$ref": f"#/definitions/{family}.{kind}"},
                }
                for kind in kinds
            ],
        }

    def items(self, family: str, limits: Schema | None = None) -> Schema:
        """A list of items of a family."""
        most = {key: value for key, value in (limits or {}).items() if key.endswith("Items")}
        item = {"anyOf": [self.family(family), {"$ref": "#/definitions/drawn_item"}]}
        return {"type": "array", "items": item, **most}

    def _table(self, raw: Schema) -> Schema:
        """A mapping with fields: itself as it is, each of its fields loosened."""
        if raw.get("type") != "object" or "properties" not in raw:
            return _older(raw)
        properties = {name: self._value(field) for name, field in raw["properties"].items()}
        table = {key: value for key, value in raw.items() if key not in (*DROPPED, "properties")}
        return {**table, "properties": properties}

    def _value(self, raw: Schema) -> Schema:
        """A value: as it is, or a draw that gives it."""
        role = raw.get("x-usim")
        if role == "surface":
            return self._surface()
        if role in ("emissions", "activities"):
            return self._or_drawn(self.family(role))
        inner = self._plain(raw)
        items = inner.get("items")
        if isinstance(items, dict) and ("$ref" in items or items.get("type") == "object"):
            return inner  # a list of things: its items have chance and repeat instead
        choices = [inner]
        if role == "point":
            choices.append({"$ref": "#/definitions/placement"})
        return self._or_drawn(*choices, description=raw.get("description"))

    def _or_drawn(self, *choices: Schema, description: str | None = None) -> Schema:
        said = {"description": description} if description else {}
        return {**said, "anyOf": [*choices, {"$ref": "#/definitions/draw"}]}

    def _plain(self, raw: Schema) -> Schema:
        """A value without the leave to be drawn; what is inside it keeps that leave."""
        kept = {key: value for key, value in raw.items() if key not in (*DROPPED, "description")}
        for word in ("anyOf", "oneOf"):
            if word in kept:
                choices = [self._value(choice) for choice in kept.pop(word)]
                kept["anyOf"] = [one for one in choices if not _is_null(one)]
        if "prefixItems" in kept:
            kept["items"] = [self._value(item) for item in kept.pop("prefixItems")]
            kept["additionalItems"] = False
        elif isinstance(kept.get("items"), dict):
            inner = kept["items"]
            thing = "$ref" in inner or inner.get("type") == "object"
            kept["items"] = self._plain(inner) if thing else self._value(inner)
        if kept.get("type") == "object" and "properties" in kept:
            return self._table(kept)
        return kept

    def _surface(self) -> Schema:
        if "surface" not in self.definitions:
            self.definitions["surface"] = {}  # first, because a surface may hold a surface
            kinds = {
                kind: self.model(registry.load("surfaces", kind).Parameters, f"surfaces.{kind}.")
                for kind in registry.kinds("surfaces")
            }
            for kind, own in kinds.items():
                own["properties"]["kind"] = {"const": kind}
                own["required"] = sorted({*own.get("required", ()), "kind"})
            material = {
                "type": "object",
                "required": ["material"],
                "properties": {"material": self._or_drawn({"type": "string"})},
            }
            word = {"type": "string", "description": "a material's id"}
            self.definitions["surface"] = self._or_drawn(word, material, *kinds.values())
        return {"$ref": "#/definitions/surface"}


def _item(table: Schema) -> Schema:
    """An item of a list of things: its name may be left out, it may have chance and repeat."""
    if "$ref" in table:
        return table
    item = copy.deepcopy(table)
    item["properties"]["name"] = {"type": "string"}
    item["properties"]["chance"] = _drawn_number(0, 1, "number")
    item["properties"]["repeat"] = _drawn_number(0, 1000, "integer")
    if "name" in item.get("required", ()):
        item["required"] = [word for word in item["required"] if word != "name"]
    return item


def _drawn_number(low: float, high: float, kind: str) -> Schema:
    number = {"type": kind, "minimum": low, "maximum": high}
    return {"anyOf": [number, {"$ref": "#/definitions/draw"}]}


def _is_null(value: Schema) -> bool:
    return value.get("anyOf", [value])[0].get("type") == "null"


def _older(raw: Schema) -> Schema:
    return {key: value for key, value in raw.items() if key not in DROPPED}


def _shared() -> dict[str, Schema]:
    """Draws and placements, which no model of a scene holds because they are resolved before."""
    pair = {"type": "array", "minItems": 2, "maxItems": 2}
    number = {"type": "number"}
    choice = {"type": "array", "minItems": 1}
    words: dict[str, dict[str, Schema]] = {
        "uniform": {"uniform": {**pair, "items": number}},
        "log_uniform": {"log_uniform": {**pair, "items": number}},
        "normal": {"normal": {**pair, "items": number}, "min": number, "max": number},
        "integers": {"integers": {**pair, "items": {"type": "integer"}}},
        "choice": {
            "choice": choice,
            "weights": {**choice, "items": {"type": "number", "minimum": 0}},
        },
        "use": {"use": {"type": "string"}},
    }
    draw = {
        "anyOf": [
            {
                "type": "object",
                "required": [word],
                "properties": fields,
                "additionalProperties": False,
            }
            for word, fields in words.items()
        ]
    }
    places = _Places()
    placement = {"anyOf": [places.model(model) for model in WORDS.values()]}
    drawn_item = _item({"type": "object", "required": ["choice"], "properties": words["choice"]})
    return {
        **places.definitions,
        "draw": draw,
        "drawn_item": {**drawn_item, "additionalProperties": False},
        "placement": placement,
    }


def _profile_places(model: type[BaseModel]) -> Schema:
    """A profile's schema: a tolerance may stand for any number."""
    places = _Places()
    table = places.model(model)
    places.definitions["draw"] = {
        "type": "object",
        "required": ["nominal"],
        "properties": {
            "nominal": {"type": "number"},
            "together": {"type": "number", "minimum": 0, "maximum": 1},
            "min": {"type": "number"},
            "max": {"type": "number"},
            "weights": {"type": "array"},
            **{
                word: {"type": "array"}
                for word in ("uniform", "log_uniform", "normal", "integers", "choice")
            },
        },
        "additionalProperties": False,
    }
    return {**table, "definitions": places.definitions}


def _finished(table: Schema, title: str) -> Schema:
    return {"$schema": DRAFT, "title": title, **table}

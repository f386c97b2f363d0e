"""A scene in the making: items by their kinds, problems at their places, and what samples share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from usim.devices import profile as profiles
from usim.devices.profile import Profile
from usim.devices.unit import Unit
from usim.scene.finding import Finding
from usim.scene.motion import Motion, motion
from usim.scene.table import LATER_KINDS
from usim.surfaces.base import surface
from usim.template import registry
from usim.template.complaints import complaints
from usim.template.draws import Sampled
from usim.template.problem import InvalidInput, Problem, excerpt
from usim.template.streams import stream

MOST_KEPT = 256


@dataclass
class Item:
    """The parameters of one thing, the file of its kind, and what was built of them."""

    model: Any
    module: ModuleType
    thing: Any = None
    seed: int | None = None
    """With which seed the thing was built; None where it draws nothing."""
    moved: tuple[float, Motion] | None = None

    @cached_property
    def table(self) -> dict:
        """The parameters as a file would hold them, defaults written out."""
        return plain(self.model)

    def built(self) -> Any:
        """What the kind builds of the parameters; the same frozen thing every time."""
        if self.thing is None:
            self.thing = self.module.build(self.model)
        return self.thing

    def moving(self, seed: int) -> Any:
        """The mover that the kind builds of the parameters, with the streams of this seed."""
        if self.thing is None or self.seed not in (None, seed):
            place = f"movers.{self.model.name}"
            drawn: list[str] = []
            built = False

            def inner(word: str) -> "np.random.Generator":
                if built:
                    raise RuntimeError(f"{place} asks for its stream {word} after it was built")
                drawn.append(word)
                return stream(seed, f"{place}.{word}")

            self.thing, self.moved = self.module.build(self.model, inner), None
            built = True
            self.seed = seed if drawn else None
        return self.thing

    def motion(self, duration_s: float) -> Motion:
        """The mover that was built last, sampled over a duration."""
        if self.moved is None or self.moved[0] != duration_s:
            self.moved = duration_s, motion(self.thing, duration_s)
        return self.moved[1]


@dataclass
class Shelf:
    """What many samples of one template share: profiles and units are read and drawn once."""

    beside: Path | None
    paths: tuple[str, ...]
    profiles: dict[str, Profile] = field(default_factory=dict)
    units: dict[tuple[str, Any], Unit] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    modules: dict[tuple[str, str], ModuleType] = field(default_factory=dict)
    surfaces: set[str] = field(default_factory=set)
    items: dict[tuple[str, str], "Item"] = field(default_factory=dict)

    def kinds(self, family: str) -> list[str]:
        """The kinds of a family; the folder is listed once."""
        if family not in self.listed:
            self.listed[family] = registry.kinds(family)
        return self.listed[family]

    def module(self, family: str, kind: Any) -> ModuleType:
        """The module of a kind; InvalidInput if there is none."""
        if not isinstance(kind, str):
            return registry.load(family, kind)  # refuses it
        if (family, kind) not in self.modules:
            self.modules[family, kind] = registry.load(family, kind)
        return self.modules[family, kind]

    def surface(self, spec: Any) -> None:
        """Raises InvalidInput unless this is a surface; each is tried once."""
        key = repr(spec)
        if key not in self.surfaces:
            surface(spec)
            self.surfaces.add(key)

    def unit(self, name: str, serial: Any) -> Unit:
        """The unit of a profile looked up by name; InvalidInput if there is no such profile."""
        if name not in self.profiles:
            self.profiles[name] = profiles.load(name, beside=self.beside, paths=self.paths)
        if (name, serial) not in self.units:
            self.units[name, serial] = Unit(self.profiles[name], serial)
        return self.units[name, serial]


class Draft:
    """A scene in the making: its sampled table, and all that is wrong with it so far."""

    def __init__(self, sampled: Sampled, seed: int, shelf: Shelf) -> None:
        self.sampled = sampled
        self.seed = seed
        self.shelf = shelf
        self.problems: list[Problem] = []
        self.findings: list[Finding] = []

    def problem(self, path: tuple, text: str) -> None:
        """Notes something wrong at a path of the sampled table."""
        self.problems.append(self.sampled.problem(path, text))

    def attempt(self, path: tuple, make: Callable[[], Any]) -> Any:
        """What `make` returns; None, and its problems noted at this path, where the input is wrong."""
        try:
            return make()
        except InvalidInput as error:
            for problem in error.problems:
                if problem.file is not None:
                    self.problems.append(problem)
                else:
                    inner = tuple(problem.place.split(".")) if problem.place else ()
                    self.problem((*path, *inner), problem.text)
        except ValueError as error:
            self.problem(path, str(error))
        return None

    def checked(self, model: type[BaseModel], table: Any, path: tuple) -> Any:
        """The parameters that a table holds; None, and its problems noted, if it is not of this
        model.
        """
        try:
            return model.model_validate(table, context={"surface": self.shelf.surface})
        except ValidationError as error:
            for inner, text in complaints(error, model, table):
                self.problem((*path, *inner), text)
            return None

    def item(self, family: str, table: Any, path: tuple) -> Item | None:
        """The item of a table, by its kind; None if it is wrong.

        An item that is written without draws is the same in every sample, and checked once.
        """
        key = (family, repr(table))
        if key not in self.shelf.items:
            found = self._item(family, table, path)
            if found is None:
                return None
            if len(self.shelf.items) >= MOST_KEPT:
                self.shelf.items.clear()
            self.shelf.items[key] = found
        return self.shelf.items[key]

    def _item(self, family: str, table: Any, path: tuple) -> Item | None:
        if not isinstance(table, dict):
            self.problem(path, f"must be a mapping with a kind, got {excerpt(table)}")
            return None
        kind = table.get("kind")
        known = self.shelf.kinds(family)
        if kind is None:
            self.problem((*path, "kind"), f"missing; add a kind, one of {', '.join(known)}")
            return None
        if isinstance(kind, str) and kind in LATER_KINDS.get(family, ()) and kind not in known:
            text = f"{kind} comes with a later version of usim; there are {', '.join(known)}"
            self.problem((*path, "kind"), text)
            return None
        module = self.attempt((*path, "kind"), lambda: self.shelf.module(family, kind))
        if module is None:
            return None
        parameters = self.checked(module.Parameters, table, path)
        return None if parameters is None else Item(parameters, module)


def plain(model: BaseModel) -> dict:
    """A model as a table of a file: mappings, lists, numbers, words; kind and name come first."""
    table = _listed(model.model_dump(exclude_none=True, by_alias=True))
    first = {word: table[word] for word in ("kind", "name") if word in table}
    return {**first, **table}


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, (list, tuple)) else value

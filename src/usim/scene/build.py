"""From a table without draws to a scene: every problem is collected, then cross-checks decide."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from usim.devices import profile as profiles
from usim.devices.profile import Profile
from usim.devices.unit import Unit
from usim.physics.air import Air
from usim.scene import checks, limits
from usim.scene.finding import Finding
from usim.scene.motion import motion
from usim.scene.placement import WORDS, NoPlace, placements, resolved
from usim.scene.scene import PlacedDevice, Scene
from usim.scene.table import LATER_KINDS, SceneTable, reserved
from usim.surfaces.base import surface
from usim.template import registry
from usim.template.complaints import complaints, value_at
from usim.template.draws import Sampled
from usim.template.problem import InvalidInput, Problem, excerpt
from usim.template.streams import stream, uniform

NOWHERE = [0.0, 0.0, 0.0]
MOST_KEPT = 256


@dataclass
class Item:
    """The parameters of one thing, the file of its kind, and what was built of them."""

    model: Any
    module: ModuleType
    thing: Any = None

    def built(self) -> Any:
        """What the kind builds of the parameters; the same frozen thing every time."""
        if self.thing is None:
            self.thing = self.module.build(self.model)
        return self.thing


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
        if kind is None:
            known = ", ".join(self.shelf.kinds(family))
            self.problem((*path, "kind"), f"missing; add a kind, one of {known}")
            return None
        known = self.shelf.kinds(family)
        if isinstance(kind, str) and kind in LATER_KINDS.get(family, ()) and kind not in known:
            text = f"{kind} comes with a later version of usim; there are {', '.join(known)}"
            self.problem((*path, "kind"), text)
            return None
        module = self.attempt((*path, "kind"), lambda: self.shelf.module(family, kind))
        if module is None:
            return None
        parameters = self.checked(module.Parameters, table, path)
        return None if parameters is None else Item(parameters, module)


def assembled(sampled: Sampled, seed: int, shelf: Shelf) -> tuple[Scene | None, list[Finding]]:
    """The scene of a sampled table, or None with the cross-checks that it breaks.

    Raises InvalidInput with every problem of form; cross-checks are reported only when there is
    none.
    """
    draft = Draft(sampled, seed, shelf)
    table = copy.deepcopy(sampled.table)
    for path, text in reserved(table):
        draft.problem(path, text)
    room, furniture, room_table = _room(draft, table.get("room"))
    _resolve_placements(draft, table, room, furniture)
    top = draft.checked(SceneTable, table, ())
    air = None
    if top is not None:
        air = draft.attempt(("air",), lambda: Air(**top.air.model_dump()))
    devices, emissions = _devices(draft, table)
    movers, mover_models = _built(draft, "movers", table, lambda item: _mover(draft, item))
    noises, noise_models = _built(draft, "noises", table, Item.built)
    if draft.problems:
        raise InvalidInput(draft.problems)
    if draft.findings:  # a point that has no place: nothing after it can be judged
        return None, draft.findings
    resolved_table = {
        **_plain(top.model_copy(update={"seed": seed})),
        "room": room_table,
        "devices": [
            {**_plain(model), **({"emits": _plain(emits)} if emits is not None else {})}
            for model, emits in zip(top.devices, emissions, strict=True)
        ],
        "movers": [_plain(model) for model in mover_models],
        "noises": [_plain(model) for model in noise_models],
    }
    moved = tuple(motion(mover, top.duration_s) for mover in movers)
    scene = Scene(
        title=top.title,
        duration_s=top.duration_s,
        seed=seed,
        render=top.render,
        air=air,
        room=room,
        furniture=furniture,
        devices=devices,
        movers=movers,
        noises=noises,
        speeds_m_s={one.name: one.fastest_m_s for one in moved},
        table=resolved_table,
        notes=checks.notes(devices, movers, air),
    )
    findings = checks.findings(scene, moved)
    return (None, findings) if findings else (scene, [])


def _room(draft: Draft, table: Any) -> tuple[Any, tuple, dict]:
    """The room, its furniture and their resolved table."""
    if not isinstance(table, dict):
        return None, (), {}  # said by the model of the whole scene
    own = {key: value for key, value in table.items() if key != "furniture"}
    found = draft.item("rooms", own, ("room",))
    room = None
    if found is not None:
        room = draft.attempt(("room",), found.built)
    items = table.get("furniture", [])
    if not isinstance(items, list):
        draft.problem(("room", "furniture"), f"must be a list, got {excerpt(items)}")
        items = []
    if len(items) > limits.MOST_FURNITURE:
        text = f"at most {limits.MOST_FURNITURE} pieces of furniture, got {len(items)}"
        draft.problem(("room", "furniture"), text)
        items = []
    things, models = [], []
    for index, item in enumerate(items):
        path = ("room", "furniture", index)
        piece = draft.item("furniture", item, path)
        if piece is not None:
            things.append(draft.attempt(path, piece.built))
            models.append(_plain(piece.model))
    room_table = _plain(found.model) if found is not None else {}
    if models:
        room_table["furniture"] = models
    return room, tuple(thing for thing in things if thing is not None), room_table


def _resolve_placements(draft: Draft, table: dict, room: Any, furniture: tuple) -> None:
    """Puts metres in the place of every placement of devices, movers and noises."""
    for family in ("devices", "movers", "noises"):
        for path, word in list(placements(table.get(family), (family,))):
            holder = value_at(table, path[:-1])
            placement = draft.checked(WORDS[word], holder[path[-1]], path)
            holder[path[-1]] = list(NOWHERE)
            if placement is None or room is None:
                continue
            place = draft.sampled.place(path)

            def number(axis: str, attempt: int, place: str = place) -> float:
                seed, sampling = draft.seed, draft.sampled.attempt
                return uniform(seed, f"{place}.{axis}", sampling, attempt)

            try:
                holder[path[-1]] = resolved(placement, room, furniture, number)
            except NoPlace as error:
                draft.findings.append(Finding("placement", path, str(error)))


def _devices(draft: Draft, table: dict) -> tuple[tuple[PlacedDevice, ...], list]:
    """The placed devices and the models of their emissions; what is wrong in form is left out."""
    items = table.get("devices")
    placed, emissions = [], []
    for index, item in enumerate(items if isinstance(items, list) else ()):
        path = ("devices", index)
        if not isinstance(item, dict):
            continue
        emits, emission = item.get("emits"), None
        if emits is not None:
            found = draft.item("emissions", emits, (*path, "emits"))
            emits = found.model if found is not None else None
            if found is not None:
                emission = draft.attempt((*path, "emits"), found.built)
        emissions.append(emits)
        name, serial = item.get("profile"), item.get("unit", "nominal")
        if not isinstance(name, str) or isinstance(serial, bool | dict | list):
            continue
        if isinstance(serial, float) and serial.is_integer():
            serial = int(serial)
        if serial != "nominal" and not isinstance(serial, int):
            continue
        unit = draft.attempt(
            (*path, "profile"), lambda name=name, serial=serial: draft.shelf.unit(name, serial)
        )
        if unit is None or draft.problems:
            continue
        position_m = np.array(item["position_m"], dtype=float)
        yaw_deg = float(item.get("yaw_deg", 0.0))
        listens = item.get("listens", True)
        placed.append(PlacedDevice(item["name"], unit, position_m, yaw_deg, listens, emission))
    return tuple(placed), emissions


def _mover(draft: Draft, item: Item) -> Any:
    place = f"movers.{item.model.name}"
    return item.module.build(item.model, lambda inner: stream(draft.seed, f"{place}.{inner}"))


def _built(
    draft: Draft, family: str, table: dict, build: Callable[[Item], Any]
) -> tuple[tuple, list]:
    """What the items of a family build, and their models; what is wrong is left out."""
    listed = table.get(family, [])
    things, models = [], []
    for index, one in enumerate(listed if isinstance(listed, list) else ()):
        item = draft.item(family, one, (family, index))
        if item is not None:
            thing = draft.attempt((family, index), partial(build, item))
            models.append(item.model)
            if thing is not None:
                things.append(thing)
    return tuple(things), models


def _plain(model: BaseModel) -> dict:
    """A model as a table of a file: mappings, lists, numbers, words; kind and name come first."""
    table = _listed(model.model_dump(exclude_none=True))
    first = {word: table[word] for word in ("kind", "name") if word in table}
    return {**first, **table}


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return [_listed(inner) for inner in value] if isinstance(value, list | tuple) else value

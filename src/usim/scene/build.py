"""From a table without draws to a scene: every problem is collected, then cross-checks decide."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from usim.furniture.base import AbstractFurniture
from usim.movers.base import AbstractMover
from usim.noises.base import AbstractNoise
from usim.physics.air import Air
from usim.rooms.base import AbstractRoom, Patch
from usim.scene import checks, doorways, limits
from usim.scene.draft import Draft, Item, Shelf, plain
from usim.scene.finding import Finding
from usim.scene.patches import PatchTable, opened, overlaps
from usim.scene.placement import WORDS, NoPlace, placements, resolved
from usim.scene.scene import PlacedDevice, Scene
from usim.scene.stirring import Draught, draught, drifting
from usim.scene.table import SceneTable, reserved
from usim.template.complaints import value_at
from usim.template.draws import Sampled
from usim.template.problem import InvalidInput, excerpt
from usim.template.streams import uniform

NOWHERE = [0.0, 0.0, 0.0]
LISTED = ("furniture", "patches", "openings")
"""What `room` holds beside the fields of its kind."""


class Form(NamedTuple):
    """A table in which every field is right, as what it describes."""

    top: SceneTable
    room: AbstractRoom
    furniture: tuple[AbstractFurniture, ...]
    patches: tuple[Patch, ...]
    air: Air
    draughts: tuple[Draught, ...]
    devices: tuple[PlacedDevice, ...]
    movers: tuple[AbstractMover, ...]
    mover_items: list[Item]
    noises: tuple[AbstractNoise, ...]
    table: dict
    """The resolved scene file."""
    findings: list[Finding]
    """Placements that have no place; nothing can be said of the rest then."""


def formed(sampled: Sampled, seed: int, shelf: Shelf) -> Form:
    """What a sampled table describes; raises InvalidInput with every problem of form.

    Placements in the table are replaced by metres, reserved fields are taken out.
    """
    draft = Draft(sampled, seed, shelf)
    table = sampled.table
    for path, text in reserved(table):
        draft.problem(path, text)
    room, furniture, room_table = _room(draft, table.get("room"))
    patches = _patches(draft, table.get("room"), room, room_table)
    _resolve_placements(draft, table, room, furniture)
    top = draft.checked(SceneTable, table, ())
    air: Any = None
    if top is not None:
        still = top.air.model_dump(exclude={"draughts", "drift_k_per_min"})
        air = draft.attempt(("air",), lambda: Air(**still))
    draughts = _stirred(draft, top, room)
    devices, emissions = _devices(draft, table)
    movers, mover_items = _built(draft, "movers", table, lambda item: item.moving(seed))
    noises, noise_items = _built(draft, "noises", table, Item.built)
    if draft.problems:
        raise InvalidInput(draft.problems)
    resolved_table = {
        **plain(top.model_copy(update={"seed": seed})),
        "room": room_table,
        "devices": [
            {**plain(model), **({"emits": emits.table} if emits is not None else {})}
            for model, emits in zip(top.devices, emissions, strict=True)
        ],
        "movers": [item.table for item in mover_items],
        "noises": [item.table for item in noise_items],
    }
    return Form(
        top,
        room,
        furniture,
        patches,
        air,
        draughts,
        devices,
        movers,
        mover_items,
        noises,
        resolved_table,
        draft.findings,
    )


def assembled(sampled: Sampled, seed: int, shelf: Shelf) -> tuple[Scene | None, list[Finding]]:
    """The scene of a sampled table, or None with the cross-checks that it breaks.

    Raises InvalidInput with every problem of form; cross-checks are made only where there is none.
    """
    form = formed(sampled, seed, shelf)
    if form.findings:
        return None, form.findings
    moved = tuple(item.motion(form.top.duration_s) for item in form.mover_items)
    scene = Scene(
        title=form.top.title,
        duration_s=form.top.duration_s,
        seed=seed,
        render=form.top.render,
        air=form.air,
        room=form.room,
        furniture=form.furniture,
        patches=form.patches,
        devices=form.devices,
        movers=form.movers,
        noises=form.noises,
        speeds_m_s={one.name: one.fastest_m_s for one in moved},
        table=form.table,
        notes=(
            *checks.notes(form.devices, form.movers, form.air),
            *doorways.notes(form.furniture, form.patches, form.air),
        ),
        draughts=form.draughts,
        drift_k_per_min=form.top.air.drift_k_per_min or 0.0,
    )
    findings = checks.findings(scene, moved)
    return (None, findings) if findings else (scene, [])


def _room(draft: Draft, table: Any) -> tuple[Any, tuple, dict]:
    """The room, its furniture and their resolved table."""
    if not isinstance(table, dict):
        return None, (), {}  # said by the model of the whole scene
    own = {key: value for key, value in table.items() if key not in LISTED}
    found = draft.item("rooms", own, ("room",))
    room = None
    if found is not None:
        room = draft.attempt(("room",), found.built)
    items = _listed_in(draft, table, "furniture", limits.MOST_FURNITURE, "pieces of furniture")
    things, tables = [], []
    for index, item in enumerate(items):
        path = ("room", "furniture", index)
        piece = draft.item("furniture", item, path)
        if piece is not None:
            things.append(draft.attempt(path, piece.built))
            tables.append(piece.table)
    room_table = {**found.table} if found is not None else {}
    if tables:
        room_table["furniture"] = tables
    return room, tuple(thing for thing in things if thing is not None), room_table


def _listed_in(draft: Draft, room: dict, word: str, most: int, what: str) -> list:
    """The items of one of the room's lists; none, and the problem noted, where it is no list or too long."""
    items = room.get(word, [])
    if not isinstance(items, list):
        draft.problem(("room", word), f"must be a list, got {excerpt(items)}")
        return []
    if len(items) > most:
        draft.problem(("room", word), f"at most {most} {what}, got {len(items)}")
        return []
    return items


def _patches(draft: Draft, table: Any, room: Any, room_table: dict) -> tuple[Patch, ...]:
    """The patches of the room; their resolved tables are added to the room's."""
    if not isinstance(table, dict):
        return ()
    made: list[tuple[tuple, Patch]] = []
    tables = []
    items = _listed_in(draft, table, "patches", limits.MOST_PATCHES, "patches")
    for index, item in enumerate(items):
        path = ("room", "patches", index)
        one = draft.checked(PatchTable, item, path)
        if one is None:
            continue
        tables.append(plain(one))
        patch = draft.attempt(path, partial(one.built, room)) if room is not None else None
        if patch is not None:
            made.append((path, patch))
    if tables:
        room_table["patches"] = tables
    tables = []
    items = _listed_in(draft, table, "openings", limits.MOST_OPENINGS, "openings")
    for index, item in enumerate(items):
        path = ("room", "openings", index)
        found = draft.item("openings", item, path)
        if found is None:
            continue
        tables.append(found.table)
        opening = draft.attempt(path, found.built)
        if room is not None and opening is not None:
            parts = draft.attempt(path, partial(opened, opening, room))
            made += [(path, part) for part in parts or ()]
    if tables:
        room_table["openings"] = tables
    for path, text in overlaps(made):
        draft.problem(path, text)
    return tuple(patch for _, patch in made)


def _resolve_placements(draft: Draft, table: dict, room: Any, furniture: tuple) -> None:
    """Puts metres in the place of every placement of devices, movers and noises."""
    for family in (("devices",), ("movers",), ("noises",), ("air", "draughts")):
        for path, word in list(placements(_listed_at(table, family), family)):
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


def _listed_at(table: Any, path: tuple[str, ...]) -> Any:
    """What a table holds at a path of words; None where it holds nothing there."""
    for word in path:
        table = table.get(word) if isinstance(table, dict) else None
    return table


def _stirred(draft: Draft, top: SceneTable | None, room: Any) -> tuple[Draught, ...]:
    """The draughts of the room; what is wrong with them, or with the drift, is noted."""
    if top is None or room is None:
        return ()
    air, path = top.air, ("air", "drift_k_per_min")
    text = drifting(air.drift_k_per_min or 0.0, air.temperature_c, top.duration_s)
    if text is not None:
        draft.problem(path, text)
    made = [
        draft.attempt(("air", "draughts", index, "from"), partial(draught, one, room))
        for index, one in enumerate(air.draughts or ())
    ]
    return tuple(one for one in made if one is not None)


def _devices(draft: Draft, table: dict) -> tuple[tuple[PlacedDevice, ...], list]:
    """The placed devices and their emissions as items; what is wrong in form is left out."""
    items = table.get("devices")
    placed, emissions = [], []
    for index, item in enumerate(items if isinstance(items, list) else ()):
        path = ("devices", index)
        if not isinstance(item, dict):
            continue
        emits, emission = None, None
        if item.get("emits") is not None:
            emits = draft.item("emissions", item["emits"], (*path, "emits"))
            if emits is not None:
                emission = draft.attempt((*path, "emits"), emits.built)
        emissions.append(emits)
        name, serial = item.get("profile"), item.get("unit", "nominal")
        if not isinstance(name, str) or isinstance(serial, bool | dict | list):
            continue
        if isinstance(serial, float) and serial.is_integer():
            serial = int(serial)
        if serial != "nominal" and not isinstance(serial, int):
            continue
        unit = draft.attempt((*path, "profile"), partial(draft.shelf.unit, name, serial))
        if unit is None or draft.problems:
            continue
        position_m = np.array(item["position_m"], dtype=float)
        yaw_deg = float(item.get("yaw_deg", 0.0))
        listens = item.get("listens", True)
        placed.append(PlacedDevice(item["name"], unit, position_m, yaw_deg, listens, emission))
    return tuple(placed), emissions


def _built(
    draft: Draft, family: str, table: dict, build: Callable[[Item], Any]
) -> tuple[tuple, list]:
    """What the items of a family build, and the items themselves; what is wrong is left out."""
    listed = table.get(family, [])
    things, items = [], []
    for index, one in enumerate(listed if isinstance(listed, list) else ()):
        item = draft.item(family, one, (family, index))
        if item is not None:
            thing = draft.attempt((family, index), partial(build, item))
            items.append(item)
            if thing is not None:
                things.append(thing)
    return tuple(things), items

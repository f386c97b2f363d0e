"""Names of things: where things are, what they are called, and that no two are called the same.

Items of the lists in SECTIONS are things, and every thing has a name: the one written, else its kind,
the second unnamed one of that kind `fan_2`. Named things do not count, so adding one renames nothing.
Items of any other list are named in the same way for their places only, where they have a kind
(`movers.adult.routine.walk_2.speed_m_s`); everything else in a list goes by its index.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from usim.template.document import Path

SECTIONS: dict[Path, str] = {
    ("devices",): "device",
    ("movers",): "mover",
    ("noises",): "noise",
    ("room", "furniture"): "furniture",
    ("room", "patches"): "patch",
    ("room", "openings"): "opening",
    ("air", "draughts"): "draught",
}
"""Where the things are, and the name of one that has neither name nor kind."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
NAME_RULE = "a name is a letter, then letters, digits and _, at most 64"


def is_name(value: object) -> TypeGuard[str]:
    """Whether the value can be a name: it stands in places and names folders."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def section_of(path: Path) -> str | None:
    """What a thing in the list at this path is called, None where the list holds no things.

    The options of a drawn `room` have furniture as well.
    """
    plain = []
    steps = iter(path)
    for step in steps:
        if step == "choice":
            next(steps, None)
        else:
            plain.append(step)
    return SECTIONS.get(tuple(plain))


def numbered(base: str, unnamed: dict[str, int]) -> str:
    """The name of the next unnamed item that goes by `base`; `unnamed` counts them."""
    unnamed[base] = unnamed.get(base, 0) + 1
    return base if unnamed[base] == 1 else f"{base}_{unnamed[base]}"


def with_name(item: Mapping, name: str) -> dict:
    """The item with this name, written after its kind where it has none."""
    if "name" in item:
        return {**item, "name": name}
    head = {"kind": item["kind"]} if "kind" in item else {}
    return {**head, "name": name, **item}


def twins(names: Mapping[Path, str]) -> Iterator[tuple[Path, Path]]:
    """Things that share a name with an earlier one, in any letter case (files do not tell them
    apart everywhere), unless no sample has both: (path, path of the earlier)."""
    for paths in _by_name(names).values():
        for index, path in enumerate(paths):
            found = next((twin for twin in paths[:index] if not _exclusive(path, twin)), None)
            if found is not None:
                yield path, found


def clashes(names: Mapping[Path, str], repeated: Mapping[Path, str]) -> Iterator[tuple[Path, str]]:
    """Things called like a copy of one that repeats: (path, name of the repeating one)."""
    things = _by_name(names)
    for path, name in repeated.items():
        if section_of(path[:-1]) is None:
            continue
        start = f"{name.lower()}_"
        for other in things:
            number = other.removeprefix(start)
            if number != other and number.isdigit() and not number.startswith("0"):
                for twin in things[other]:
                    if twin != path and not _exclusive(path, twin):
                        yield twin, name


def _by_name(names: Mapping[Path, str]) -> dict[str, list[Path]]:
    things: dict[str, list[Path]] = {}
    for path, name in names.items():
        if section_of(path[:-1]) is not None:
            things.setdefault(name.lower(), []).append(path)
    return things


def _exclusive(one: Path, other: Path) -> bool:
    """Whether the paths lie in two options of the same choice."""
    for index in range(min(len(one), len(other))):
        if one[index] != other[index]:
            return index > 0 and one[index - 1] == "choice"
    return False

"""A profile: one product as a data file, with the spread of every parameter over its production run.

A new device is a file in device_profiles/ and no code. Its parameters are numbers, or tolerances
(`usim.devices.tolerance`). What may not vary is geometry: one trace of a room serves every unit of a
profile, so the misplacement of a capsule is said as its delay_s.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from usim.devices import tolerance
from usim.devices.baffle import Baffle
from usim.devices.converter import Converter
from usim.devices.loudspeaker import Driver
from usim.devices.microphone import Capsule, Leak, Microphone
from usim.template import library
from usim.template.complaints import complaints
from usim.template.fields import Listed, Name, Table
from usim.template.problem import InvalidInput, Problem
from usim.template.reader import Document, read

RESERVED = ("overload", "large_signal", "amplifier", "temperature", "ageing")
FIXED = ("position_m", "axis")  # geometry, the same in every unit


class Enclosure(Table):
    """The housing: how sound leaks around it from a driver to a microphone, and its shadow on arrivals."""

    leak: Leak = Field(default_factory=Leak)  # a default made here would build its model on import
    arrival: Baffle | None = None


class ProfileTable(Table):
    """The file as numbers: the nominal unit, or any other once its tolerances are drawn."""

    usim: Literal["profile/1"]
    name: Name  # part of every draw's key: a variant that keeps it has the same units with another spread
    title: Annotated[str, Field(max_length=200)] = ""
    drivers: Annotated[tuple[Driver, ...], Listed, Field(min_length=1, max_length=8)]
    enclosure: Enclosure = Field(default_factory=Enclosure)
    microphones: Annotated[tuple[Microphone, ...], Listed, Field(min_length=1, max_length=64)]
    capsule: Capsule = Field(default_factory=Capsule)
    converter: Converter = Field(default_factory=Converter)

    @model_validator(mode="after")
    def _own_names(self):
        names = [driver.name for driver in self.drivers]
        names += [mic.name for mic in self.microphones]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"two parts share the name {twice[0]}; every driver and microphone has its own"
            )
        return self


@dataclass(frozen=True)
class Profile:
    """A product. nominal: its numbers without spread; table: the file's table with its tolerances.

    Two profiles are equal when their content is.
    """

    nominal: ProfileTable
    digest: str  # SHA-256 of the content, for recording.json
    source: Document

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def name(self) -> str:
        """The product's name, part of the key of every draw."""
        return self.nominal.name

    @property
    def file(self) -> str:
        """The file it was read from, as it was named."""
        return self.source.file

    @property
    def table(self) -> dict:
        """The file's table, tolerances as written; not to be changed."""
        return self.source.table

    @cached_property
    def tolerances(self) -> dict[str, tuple[float, float]]:
        """Every toleranced parameter by its dotted place, with the least and the greatest value it can take."""
        found = tolerance.tolerances(self.table)
        return {_dotted(self.table, path): tolerance.extremes(spread) for path, spread in found}


def load(name: str, beside: str | Path | None = None, paths: Sequence = ()) -> Profile:
    """Returns the profile of a name, looked up beside, in paths, among the shipped.

    beside: the file that mentions it; paths: further folders. Raises InvalidInput with one line per problem.
    """
    return parse(library.find(name, "device_profiles", beside=beside, paths=paths))


def parse(path_or_bytes: Path | bytes, file: str | None = None) -> Profile:
    """Returns the profile in a file or in bytes; InvalidInput names every problem with its line."""
    document = read(path_or_bytes, file)
    problems = _spread_problems(document)
    if problems:
        raise InvalidInput(tuple(problems))
    nominal = _checked(document, lambda spread, _: spread["nominal"])
    for end, word in ((0, "lowest"), (1, "highest")):
        _checked(document, lambda spread, _, end=end: tolerance.extremes(spread)[end], word)
    digest = hashlib.sha256(repr(document.table).encode()).hexdigest()
    return Profile(nominal, digest, document)


def _checked(document: Document, value, end: str | None = None) -> ProfileTable:
    """The table as numbers, each tolerance replaced by value(tolerance, place)."""
    numbers = tolerance.replace(document.table, value)
    try:
        return ProfileTable.model_validate(numbers)
    except ValidationError as error:
        problems = [
            _at(document, path, _text(path, text, end))
            for path, text in complaints(error, ProfileTable, numbers)
        ]
    raise InvalidInput(problems)


def _text(path: tuple, text: str, end: str | None) -> str:
    if path and path[-1] in RESERVED:
        return "comes with a later version"
    return f"at the {end} value of the tolerance: {text}" if end else text


def _spread_problems(document: Document) -> list[Problem]:
    problems = []
    for path, spread in tolerance.tolerances(document.table):
        text = tolerance.complaint(spread)
        if any(step in FIXED for step in path):
            text = "geometry has no tolerance (one trace serves all units); say a capsule's shift as its delay_s"
        elif path and path[0] in ("usim", "name", "title"):
            text = "this is not a quantity of the device and has no tolerance"
        if text:
            problems.append(_at(document, path, text))
    return problems


def _at(document: Document, path: tuple, text: str) -> Problem:
    mark = None
    for length in range(len(path), -1, -1):  # a missing field is reported where its table stands
        mark = document.marks.get(path[:length])
        if mark:
            break
    line, column = mark or (None, None)
    return Problem(text, document.file, line, column, _dotted(document.table, path) or None)


def _dotted(table: Any, path: tuple) -> str:
    """A place in names: list items by their name, numbers of a vector by index."""
    steps = []
    for step in path:
        listed = isinstance(table, list)
        inside = step in table if isinstance(table, dict) else listed and step in range(len(table))
        table = table[step] if inside else None
        name = table.get("name") if listed and isinstance(table, dict) else None
        steps.append(name if isinstance(name, str) else str(step))
    return ".".join(steps)

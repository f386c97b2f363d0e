"""Drawing: a document and a seed become a table without draws, every thing named.

Every draw takes one uniform number from the stream of its own place (`streams.uniform`), and a place
is made of names, so what is drawn at one place depends on nothing else in the file:

    movers.adult.height_m               a field of a thing
    movers.adult_2.height_m             of the second copy by `repeat`
    movers.adult.routine.walk.speed_m_s an item of another list, by its kind or name
    movers.adult.track.through_m.1      anything else in a list, by its index
    let.tone_hz                         a let, drawn once wherever it is used
    devices.shelf.emits.choice.0.level_db_spl   a draw inside the first option of a choice
    movers.adult.chance.keep            whether `chance` keeps the thing (before it is repeated)

Placements such as {in_room: ...} stay as they are, with the draws in them made: they need a room.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usim.template.distributions import (
    DRAW_WORDS,
    choose,
    extent,
    faults,
    invert,
    is_draw,
)
from usim.template.document import MOST_DEPTH, MOST_NODES, Document, Path, dotted
from usim.template.names import NAME_RULE, SECTIONS, is_name, numbered, section_of, with_name
from usim.template.plan import ITEM_WORDS, MOST_COPIES, Plan, plan
from usim.template.problem import InvalidInput, Problem, excerpt
from usim.template.streams import uniform

__all__ = [
    "DRAW_WORDS",
    "Sampled",
    "check",
    "extent",
    "faults",
    "invert",
    "is_draw",
    "is_drawn",
    "sample",
]


@dataclass(frozen=True, eq=False)
class Sampled:
    """A table without draws, and where each value of it came from.

    table: as the document's, with names written out and without `let`; the caller's to change
    origin: path in `table` -> path in the document's table
    drawn: place -> value of every draw made; of a choice among mappings and lists, the index
    """

    document: Document
    table: dict
    origin: dict[Path, Path] = field(repr=False)
    drawn: dict[str, object] = field(repr=False)
    seed: int
    attempt: int

    def place(self, path: Path) -> str:
        """The dotted place of a path of `table`: `movers.adult.height_m`."""
        return dotted(self.table, path)

    def template_path(self, path: Path) -> Path:
        """The document's path from which a path of `table` came."""
        path = tuple(path)
        for length in range(len(path), -1, -1):
            if path[:length] in self.origin:
                return (*self.origin[path[:length]], *path[length:])
        return path

    def problem(self, path: Path, text: str) -> Problem:
        """The problem at a path of `table`, with the document's file, line and column."""
        return self.document.problem(self.template_path(path), text, self.place(path))


def check(document: Document) -> None:
    """Raise InvalidInput with everything wrong with draws, lets and names, whatever the seed."""
    plan(document)


def is_drawn(document: Document) -> bool:
    """Whether two seeds can give two tables: a draw or a chance is somewhere in the document."""
    waiting: list[object] = [document.table]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            if is_draw(value) or "chance" in value:
                return True
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def sample(document: Document, seed: int, attempt: int = 0) -> Sampled:
    """The document with every draw made; raises InvalidInput for a document that `check` refuses.

    seed: of the scene
    attempt: how often this scene was sampled before and rejected; part of every draw's stream
    """
    return _Sampler(plan(document), seed, attempt).run()


@dataclass(frozen=True)
class _Let:
    """A let, drawn: its value, the origins below it, and how deep it is."""

    value: object
    origin: dict[Path, Path]
    depth: int


class _Sampler:
    def __init__(self, plan: Plan, seed: int, attempt: int):
        self.plan = plan
        self.document = plan.document
        self.seed = seed
        self.attempt = attempt
        self.lets: dict[str, _Let] = {}
        self.origin: dict[Path, Path] = {}
        self.drawn: dict[str, object] = {}
        self.values = 0

    def run(self) -> Sampled:
        template = self.document.table.get("let", {})
        for word in self.plan.lets:
            self.origin = {}
            value = self._value(template[word], ("let", word), f"let.{word}", ())
            depth = max(map(len, self.origin)) + isinstance(value, (dict, list))
            self.lets[word] = _Let(value, self.origin, depth)
        self.origin = {(): ()}
        table = {
            key: self._value(value, (key,), key, (key,))
            for key, value in self.document.table.items()
            if key != "let"
        }
        sampled = Sampled(
            self.document, table, self.origin, self.drawn, int(self.seed), int(self.attempt)
        )
        _name_the_rest(sampled)
        return sampled

    def _refuse(self, path: Path, text: str, place: str | None = None) -> None:
        raise InvalidInput(self.document.problem(path, text, place))

    def _count(self, number: int, path: Path) -> None:
        # `let` and `repeat` multiply: 20 lines can ask for 10^9 values.
        self.values += number
        if self.values > MOST_NODES:
            self._refuse(path, f"let and repeat make more than {MOST_NODES} values; use fewer")

    def _uniform(self, place: str) -> float:
        return uniform(self.seed, place, self.attempt)

    def _value(self, value: Any, path: Path, place: str, out: Path) -> Any:
        """The value at `path` of the document drawn, to stand at `out` of the result."""
        if isinstance(value, dict):
            if "use" in value:
                return self._use(value["use"], path, place, out)
            if is_draw(value):
                return self._draw(value, path, place, out)
            self._enter(path, out)
            return {
                key: self._value(inner, (*path, key), f"{place}.{key}", (*out, key))
                for key, inner in value.items()
            }
        if isinstance(value, list):
            self._enter(path, out)
            return self._list(value, path, place, out)
        self._count(1, path)
        self.origin[out] = path
        return value

    def _enter(self, path: Path, out: Path) -> None:
        """Counts a mapping or list, and notes where it came from."""
        self._count(1, path)
        if len(out) >= MOST_DEPTH:
            self._refuse(path, f"nested more than {MOST_DEPTH} deep through let; flatten it")
        self.origin[out] = path

    def _use(self, word: str, path: Path, place: str, out: Path) -> object:
        let = self.lets[word]
        self._count(len(let.origin), path)
        if len(out) + let.depth > MOST_DEPTH:
            self._refuse(path, f"nested more than {MOST_DEPTH} deep through let; flatten it", place)
        for inner, source in let.origin.items():
            self.origin[(*out, *inner)] = source if inner else path
        return _copy(let.value)

    def _draw(self, draw: Mapping, path: Path, place: str, out: Path) -> object:
        u = self._uniform(place)
        if "choice" not in draw:
            self._count(1, path)
            self.origin[out] = path
            value = self.drawn[place] = invert(draw, u)
            return value
        index = choose(draw, u)
        option = draw["choice"][index]
        scalar = not isinstance(option, (Mapping, list, tuple))
        self.drawn[place] = option if scalar else index
        return self._value(option, (*path, "choice", index), f"{place}.choice.{index}", out)

    def _list(self, values: list, path: Path, place: str, out: Path) -> list:
        result: list = []
        things = section_of(path) is not None
        # Elsewhere names are written only where otherwise they would be lost with a neighbour.
        writes = things or any(
            isinstance(v, dict) and any(word in v for word in ITEM_WORDS) for v in values
        )
        for index, value in enumerate(values):
            where = (*path, index)
            name = self.plan.names.get(where)
            if name is None:
                result.append(self._value(value, where, f"{place}.{index}", (*out, len(result))))
                continue
            for copy in self._copies(value, where, f"{place}.{name}", name):
                own = f"{place}.{copy}"
                item = self._item(value, where, own, (*out, len(result)))
                result.append(with_name(item, copy) if writes else item)
                if writes:
                    self.origin.setdefault((*out, len(result) - 1, "name"), where)
        return result

    def _copies(self, item: Mapping, path: Path, place: str, name: str) -> list[str]:
        """The names of the copies of an item that chance and repeat leave."""
        if "chance" in item:
            chance = self._number(item["chance"], (*path, "chance"), f"{place}.chance")
            # Below, not at most: a chance of 0 never keeps, of 1 always does.
            if not self._uniform(f"{place}.chance.keep") < chance:
                return []
        if "repeat" not in item:
            return [name]
        count = self._number(item["repeat"], (*path, "repeat"), f"{place}.repeat")
        if not isinstance(count, int) or not 0 <= count <= MOST_COPIES:
            self._refuse((*path, "repeat"), f"{excerpt(count)} is not a count", f"{place}.repeat")
        return [f"{name}_{number}" for number in range(1, count + 1)]

    def _number(self, value: object, path: Path, place: str) -> Any:
        """A number beside an item: drawn, but no part of the result."""
        kept, self.origin = self.origin, {}
        try:
            return self._value(value, path, place, ())
        finally:
            self.origin = kept

    def _item(self, item: Mapping, path: Path, place: str, out: Path) -> dict:
        fields = {key: value for key, value in item.items() if key not in ITEM_WORDS}
        if "use" not in item and not is_draw(item):
            return self._value(fields, path, place, out)
        fields.pop("name", None)
        value = self._value(fields, path, place, out)
        if not isinstance(value, dict):
            self._refuse(path, f"{excerpt(value)} was drawn, where a mapping is needed", place)
        return value


def _copy(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value


def _name_the_rest(sampled: Sampled) -> None:
    """Names for things whose list came whole from a let or a choice; and no name twice."""
    taken: dict[str, Path] = {}
    problems = []
    for section, single in SECTIONS.items():
        values: Any = sampled.table
        for step in section:
            values = values.get(step) if isinstance(values, dict) else None
        unnamed: dict[str, int] = {}
        for index, item in enumerate(values if isinstance(values, list) else ()):
            if not isinstance(item, dict):
                continue
            path = (*section, index)
            if "name" not in item:
                kind = item.get("kind")
                base = kind if is_name(kind) else single
                name = numbered(base, unnamed)
                values[index] = with_name(item, name)
                sampled.origin.setdefault((*path, "name"), sampled.origin.get(path, path))
            name = values[index]["name"]
            if not is_name(name):
                text = f"{excerpt(name)!r} is not a name; {NAME_RULE}"
                problems.append(sampled.problem((*path, "name"), text))
            elif name.lower() in taken:
                text = f"two things are called {name}; give one another name"
                problems.append(sampled.problem(path, text))
            else:
                taken[name.lower()] = path
    if problems:
        raise InvalidInput(problems)

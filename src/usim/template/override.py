"""`--set devices.shelf.unit=7`: one value of a document replaced, by its place.

The place is made of names, as in messages; the value is written as in a file. Because a draw's stream
is keyed by its place, nothing else in the scene changes: `--set movers.fan.rpm.uniform=[700, 900]`
moves the same draw into other bounds.
"""

from collections.abc import Mapping
from typing import Any

from usim.template.distributions import is_draw
from usim.template.document import Document, Path
from usim.template.names import with_name
from usim.template.plan import ITEM_WORDS, Survey
from usim.template.problem import InvalidInput, Problem, excerpt, suggest
from usim.template.reader import parse_value

_BESIDE_DRAW = frozenset({"min", "max", "weights", "name", *ITEM_WORDS})


def override(document: Document, *settings: str) -> Document:
    """The document with the values of `place=value` settings in place, the later ones last.

    Raises InvalidInput with the problems of all settings. Whether the new values suit the scene is
    seen where the rest of it is checked; those messages then name the setting instead of a line.
    """
    problems: list[Problem] = []
    for setting in settings:
        try:
            document = _set(document, setting)
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return document


def _set(document: Document, setting: str) -> Document:
    source = f"--set {excerpt(setting)}"
    place, equals, text = setting.partition("=")
    words = place.strip().split(".")
    if not equals or not all(words):
        raise InvalidInput(Problem("write it as place=value, such as devices.shelf.unit=7", source))
    given = parse_value(text, source)
    if given.table is None:
        raise InvalidInput(Problem("the value is missing", source, place=place))
    value: Any = given.table
    path, names = _resolve(document, words, source)
    table: Any = document.table
    if names and isinstance(value, Mapping):
        # A thing that is replaced whole stays the same thing, with the same streams; and so do its
        # neighbours, whose names count those without one.
        for item, name in names.items():
            table = _replaced(table, (*item, "name"), name)
        value = value if "name" in value else with_name(value, names[path])
    table = _replaced(table, path, value)
    marks = {known: mark for known, mark in document.marks.items() if known[: len(path)] != path}
    sources = {p: s for p, s in document.sources.items() if p[: len(path)] != path}
    return Document(document.file, table, marks, {**sources, path: source})


def _resolve(document: Document, words: list[str], source: str) -> tuple[Path, dict[Path, str]]:
    """The path of a place; and the names of its list, by path, where it is a named item of one."""
    names: dict[Path, str] | None = None
    siblings: dict[Path, str] = {}
    node: object = document.table
    path: Path = ()

    def refuse(text: str, upto: int) -> InvalidInput:
        return InvalidInput(Problem(text, source, place=".".join(words[: upto + 1])))

    for index, word in enumerate(words):
        siblings = {}
        holder = ".".join(words[:index])
        if isinstance(node, Mapping):
            drawn = is_draw(node) or "use" in node
            if drawn and word not in node and word not in _BESIDE_DRAW:
                raise refuse(f"{holder} is a draw or a use; set it whole", index)
            path = (*path, word)
            # Fields that are not written have defaults: they, and what holds them, can be set.
            node = node.get(word, {})
        elif isinstance(node, list):
            if names is None:
                names = Survey(document).names
            known = {
                names[(*path, place)]: place
                for place in range(len(node))
                if (*path, place) in names
            }
            if word in known:
                step = known[word]
                siblings = {(*path, place): name for name, place in known.items()}
            elif word.isdecimal() and len(word) < 6 and int(word) < len(node) and not known:
                step = int(word)
            else:
                hint = suggest(word, known) if known else f"; it has {len(node)} items"
                raise refuse(f"nothing in {holder} is called {excerpt(word)}{hint}", index)
            path = (*path, step)
            node = node[step]
        else:
            raise refuse(f"{holder} is {excerpt(node)}, which has no fields", index)
    return path, siblings


def _replaced(node: object, path: Path, value: object) -> object:
    """A copy of the table with the value at the path; what is beside the path is shared."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(node, list):
        return [_replaced(old, rest, value) if i == step else old for i, old in enumerate(node)]
    table = dict(node) if isinstance(node, Mapping) else {}
    table[step] = _replaced(table.get(step), rest, value)
    return table

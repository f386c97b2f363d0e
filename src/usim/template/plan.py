"""What can be said of a document before any draw: names, lets, and everything malformed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from usim.template.distributions import DRAW_WORDS, extent, faults, is_draw
from usim.template.document import MOST_DEPTH, Document, Path
from usim.template.names import NAME_RULE, clashes, is_name, numbered, section_of, twins
from usim.template.problem import InvalidInput, Problem, excerpt, suggest

ITEM_WORDS = ("chance", "repeat")
MOST_COPIES = 1000
MOST_THINGS = 1000
MOST_PROBLEMS = 50
NEVER_DRAWN = ("usim", "seed")


@dataclass(frozen=True, eq=False)
class Plan:
    """How to sample a document.

    names: path of a list item -> its name (before copies by `repeat`)
    lets: the words of `let`, each after those it uses
    """

    document: Document
    names: dict[Path, str]
    lets: tuple[str, ...]


@lru_cache(maxsize=8)
def plan(document: Document) -> Plan:
    """The plan of a document; raises InvalidInput with all that is wrong, whatever the seed."""
    survey = Survey(document)
    if survey.problems:
        if len(survey.problems) == MOST_PROBLEMS:
            last = InvalidInput(survey.problems).problems[-1]
            survey.problems.append(replace(last, text="and more; mend these first", place=None))
        raise InvalidInput(survey.problems)
    return Plan(document, survey.names, tuple(survey.order))


class Survey:
    """One walk over a document: `names`, `order` of lets, `problems`."""

    def __init__(self, document: Document):
        self.document = document
        self.problems: list[Problem] = []
        self.names: dict[Path, str] = {}
        self.order: list[str] = []
        self._used: dict[str, set[str]] = {}  # let (or "" for the rest) -> the lets it uses
        self._owner = ""
        self._repeated: dict[Path, str] = {}
        self._extents: dict[str, tuple[float, float, bool] | None] = {}
        self._things = 0
        table = document.table
        self.lets = table.get("let", {})
        if not isinstance(self.lets, Mapping):
            self._say(("let",), "let", f"{excerpt(self.lets)}; write let: {{word: value}}")
            self.lets = {}
        for word, value in self.lets.items():
            self._owner = word
            self._used[word] = set()
            if not is_name(word):
                self._say(("let", word), f"let.{excerpt(word)}", f"not a name; {NAME_RULE}")
            self._walk(value, ("let", word), f"let.{word}")
        self._owner = ""
        self._used[""] = set()
        for key, value in table.items():
            if key == "let":
                continue
            if key in NEVER_DRAWN and (is_draw(value) or _is_use(value)):
                self._say((key,), key, "cannot be drawn; write the value")
            elif self._is_field(key, (key,), key):
                self._walk(value, (key,), key)
        self._order_lets()
        self._unique()

    def _say(self, path: Path, place: str, text: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(self.document.problem(path, text, place))

    def _is_field(self, key: str, path: Path, place: str) -> bool:
        """Whether the key can be a field: the words of the template language never are."""
        if key in ITEM_WORDS:
            self._say(
                path, place, f"{key} belongs on an item of a list, which has a kind or a name"
            )
        elif key == "let":
            self._say(path, place, "let stands at the top of the file only")
        else:
            return True
        return False

    def _walk(self, value: Any, path: Path, place: str, item: bool = False) -> None:
        if isinstance(value, list):
            self._list(value, path, place)
        elif isinstance(value, Mapping):
            if "use" in value:
                self._use(value, path, place, item)
            elif is_draw(value):
                self._draw(value, path, place, item)
            else:
                self._mapping(value, path, place, item)

    def _mapping(self, value: Mapping, path: Path, place: str, item: bool) -> None:
        near = _misspelt(value)
        if near:
            key = next(iter(value))
            self._say((*path, key), place, f"{excerpt(key)} is no draw; did you mean {near}?")
            return
        for key, inner in value.items():
            where = (*path, key)
            if item and key in ITEM_WORDS:
                continue
            if self._is_field(key, where, f"{place}.{key}"):
                self._walk(inner, where, f"{place}.{key}")

    def _use(self, value: Mapping, path: Path, place: str, item: bool) -> None:
        allowed = ("name", *ITEM_WORDS) if item else ()
        for key in value:
            if key != "use" and key not in allowed:
                self._say((*path, key), place, f"{excerpt(key)} does not belong beside use")
        word = value["use"]
        if not isinstance(word, str) or word not in self.lets:
            # A search through all lets for each of thousands of wrong words would take minutes.
            hint = suggest(word, self.lets) if len(self.problems) < MOST_PROBLEMS else ""
            hint = hint if self.lets else "; the file has no let"
            self._say((*path, "use"), place, f"let has no {excerpt(word)}{hint}")
            return
        self._used[self._owner].add(word)
        target = self.lets[word]
        if item and not isinstance(target, Mapping):
            self._say(path, place, f"let.{word} is {excerpt(target)}, where a mapping is needed")

    def _draw(self, value: Mapping, path: Path, place: str, item: bool) -> None:
        found = faults(value, ("name", *ITEM_WORDS) if item else ())
        for inner, text in found:
            self._say((*path, *inner), place, f"{'.'.join(map(str, inner))}: {text}".lstrip(": "))
        options = value.get("choice")
        if item and not found and options is None:
            (word,) = DRAW_WORDS & value.keys()
            self._say(path, place, f"a draw by {word}, where a mapping is needed; use choice")
        for index, option in enumerate(options if isinstance(options, list) else ()):
            where = (*path, "choice", index)
            if item and not isinstance(option, Mapping):
                self._say(where, place, f"{excerpt(option)}, where a mapping is needed")
            elif item and "name" in option and not is_draw(option):
                self._say(
                    (*where, "name"), place, "a name here; it stands beside choice, not in it"
                )
            self._walk(option, where, f"{place}.choice.{index}")

    def _list(self, values: list, path: Path, place: str) -> None:
        single = section_of(path)
        if single is not None:
            self._things += len(values)
            if self._things > MOST_THINGS:
                self._say(path, place, f"more than {MOST_THINGS} things in one file; split it")
                return
        unnamed: dict[str, int] = {}
        taken: set[str] = set()
        for index, value in enumerate(values):
            where = (*path, index)
            if not isinstance(value, Mapping):
                self._walk(value, where, f"{place}.{index}")
                continue
            name = self._name(value, where, f"{place}.{index}", single, unnamed)
            if name is not None:
                self.names[where] = name
                if single is None and name in taken:
                    text = f"two items of this list are called {name}; rename one"
                    self._say(where, f"{place}.{name}", text)
                taken.add(name)
            own = f"{place}.{index if name is None else name}"
            # Without a kind or a name it is no item, only a mapping in a list.
            self._walk(value, where, own, item=name is not None or single is not None)
            if name is not None:
                self._item_words(value, where, own, name)

    def _name(
        self, value: Mapping, path: Path, place: str, single: str | None, unnamed: dict[str, int]
    ) -> str | None:
        """The name of an item, written or by its kind; None for one that has neither."""
        fixed = self._followed(value)
        written = value.get("name", fixed.get("name"))
        if written is not None:
            if is_name(written):
                return written
            shown = "a draw" if is_draw(written) or _is_use(written) else repr(excerpt(written))
            if single is None and not isinstance(written, Mapping):
                return None  # a field of that model, which will say what it wants
            self._say((*path, "name"), f"{place}.name", f"{shown} is not a name; {NAME_RULE}")
            return None
        kind = fixed.get("kind")
        wants_name = single is not None or any(word in value for word in ITEM_WORDS)
        if is_draw(fixed) or is_draw(kind) or _is_use(kind):
            if wants_name:
                self._say(path, place, "its kind is drawn, so it needs a name; add name: WORD")
            return None
        base = kind if is_name(kind) else single
        return None if base is None else numbered(base, unnamed)

    def _followed(self, value: Mapping) -> Mapping:
        """What an item says before any draw: the let's mapping where it is a use."""
        for _ in range(MOST_DEPTH):
            word = value.get("use")
            target = self.lets.get(word) if isinstance(word, str) else None
            if not isinstance(target, Mapping):
                break
            value = target
        return value

    def _item_words(self, value: Mapping, path: Path, place: str, name: str) -> None:
        for word in ITEM_WORDS:
            if word not in value:
                continue
            where, own = (*path, word), f"{place}.{word}"
            known = len(self.problems)
            self._walk(value[word], where, own)
            found = self._extent(value[word])
            if found is None and len(self.problems) > known:
                continue
            shown = "the draw" if isinstance(value[word], Mapping) else excerpt(value[word])
            if found is None:
                self._say(where, own, f"{shown} is not a number")
            elif word == "chance" and not 0 <= found[0] <= found[1] <= 1:
                text = f"{shown} is not a probability; it must stay between 0 and 1"
                self._say(where, own, text)
            elif word == "repeat" and not (found[2] and 0 <= found[0] <= found[1] <= MOST_COPIES):
                text = f"{shown} is not a count; a whole number from 0 to {MOST_COPIES} is needed"
                self._say(where, own, text)
        if "repeat" in value:
            self._repeated[path] = name

    def _extent(self, value: Any) -> tuple[float, float, bool] | None:
        """The extent of a number or draw, lets followed; each let is looked into once."""
        if isinstance(value, Mapping) and "use" in value:
            word = value["use"]
            if not isinstance(word, str) or word not in self.lets:
                return None
            if word not in self._extents:
                self._extents[word] = None  # a let that uses itself ends here
                self._extents[word] = self._extent(self.lets[word])
            return self._extents[word]
        if is_draw(value) and isinstance(value.get("choice"), list):
            each = [self._extent(option) for option in value["choice"]]
            known = [one for one in each if one is not None]
            if not known or len(known) < len(each):
                return None
            lows, highs, whole = zip(*known, strict=True)
            return min(lows), max(highs), all(whole)
        return extent(value)

    def _order_lets(self) -> None:
        """Each let after those it uses; a let that uses itself, or that nothing uses, is wrong."""
        state: dict[str, int] = {}
        for first in self.lets:
            stack = [(first, iter(sorted(self._used[first])))] if first not in state else []
            state.setdefault(first, 1)
            while stack:
                word, rest = stack[-1]
                following = next(rest, None)
                if following is None:
                    state[word] = 2
                    self.order.append(word)
                    stack.pop()
                elif state.get(following) == 1:
                    names = [name for name, _ in stack]
                    circle = [*names[names.index(following) :], following]
                    way = excerpt(" -> ".join(circle))
                    self._say(("let", following), f"let.{following}", f"it uses itself: {way}")
                elif following not in state:
                    state[following] = 1
                    stack.append((following, iter(sorted(self._used[following]))))
        used = set().union(*self._used.values())
        for word in self.lets:
            if word not in used:
                text = f"nothing uses it; remove it, or write {{use: {word}}} somewhere"
                self._say(("let", word), f"let.{excerpt(word)}", text)

    def _unique(self) -> None:
        for path, twin in twins(self.names):
            mark = self.document.mark(twin)
            where = f" (also on line {mark[0]})" if mark else ""
            text = f"two things are called {self.names[path]}{where}; give one another name"
            self._say(path, self._thing(path), text)
        for path, name in clashes(self.names, self._repeated):
            text = f"{self.names[path]} is also a copy of {name}, which repeats; rename one of them"
            self._say(path, self._thing(path), text)

    def _thing(self, path: Path) -> str:
        return ".".join([*(str(step) for step in path[:-1]), self.names[path]])


def _is_use(value: object) -> bool:
    return isinstance(value, Mapping) and "use" in value


def _misspelt(value: Mapping) -> str | None:
    """The draw that a mapping such as `{unifrom: [0, 1]}` was meant to be."""
    rest = [key for key in value if key not in ("min", "max", "weights")]
    if len(rest) != 1 or not isinstance(value[rest[0]], list) or next(iter(value)) != rest[0]:
        return None
    from difflib import get_close_matches  # only a wrong file needs it

    close = get_close_matches(rest[0], sorted(DRAW_WORDS), n=1, cutoff=0.8)
    return close[0] if close else None

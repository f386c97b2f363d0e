"""Reading a YAML file strictly, and remembering where everything stood.

The C parser of PyYAML delivers events; the table is composed here, because PyYAML's own composers
follow aliases, recurse until the process dies, take the last of two equal keys, and read numbers
by YAML 1.1 (`1e3` a text, `010` eight, `no` false). Scalars follow the YAML 1.2 core schema.
Refused: anchors, aliases, tags, merge keys, directives, several documents, doubled keys, keys
that are not text, control characters, numbers that are not finite. Every size is checked before
the thing is built, and nothing recurses.
"""

import os
import re
from typing import Any

import yaml
from yaml.cyaml import CParser

from usim.template.content import MOST_BYTES, check_bytes, read_bytes
from usim.template.document import LONGEST_KEY, MOST_DEPTH, MOST_NODES, Document, Path, dotted
from usim.template.problem import InvalidInput, Problem, excerpt
from usim.template.scalar import is_text, plain
from usim.template.writer import dump

__all__ = [
    "MOST_BYTES",
    "MOST_DEPTH",
    "MOST_NODES",
    "Document",
    "Path",
    "dotted",
    "dump",
    "parse_value",
    "read",
    "read_bytes",
]

Mark = tuple[int, int]

MOST_PROBLEMS = 50
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
_HINTS = (
    (
        "found character that cannot start any token",
        "nothing can begin with this character; indent with spaces, quote texts that begin so",
    ),
    (
        "mapping values are not allowed",
        "a ':' where none can stand; check the indentation, or quote the text",
    ),
    ("could not find expected ':'", "a ':' is missing after the word on this line"),
    ("did not find expected ',' or ']'", "a list is not closed; a ',' or ']' is missing"),
    ("did not find expected ',' or '}'", "a mapping is not closed; a ',' or '}' is missing"),
    ("did not find expected key", "not indented like the lines before; align it with them"),
    (
        "did not find expected '-' indicator",
        "not indented like the list before; begin it with '-' or align it",
    ),
    ("found unexpected end of stream", "a quoted text is not closed; a quote is missing"),
    ("found unknown escape character", "an unknown escape in a quoted text; use single quotes"),
)


def read(path_or_bytes: str | os.PathLike | bytes, file: str | None = None) -> Document:
    """The document of a file, or of bytes; raises InvalidInput with every problem found.

    path_or_bytes: a file's path, or what a file would hold
    file: the name that messages show; the path as given where left out
    """
    if isinstance(path_or_bytes, bytes):
        file = file or "<bytes>"
        content = path_or_bytes
    else:
        file = file or os.fspath(path_or_bytes)
        content = read_bytes(path_or_bytes, file)
    check_bytes(content, file)
    return _Composer(file).compose(content)


def parse_value(text: str, source: str) -> Document:
    """The document whose `table` is the value of one option, by the rules of a file.

    text: such as `7`, `[1, 2]`, `{uniform: [0, 1]}`; source: what stands for the file in messages
    """
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(Problem("not text; write it in UTF-8", source)) from None
    check_bytes(content, source)
    try:
        return _Composer(source, any_value=True).compose(content)
    except InvalidInput as error:
        # Lines and columns would be counted from the value's beginning, which the option does not show.
        problems = [
            Problem(one.text.removesuffix(" (it begins on line 1)"), source, place=one.place)
            for one in error.problems
        ]
        raise InvalidInput(problems) from None


class _Stop(Exception):
    """No more of the file can be read."""


_DROP = object()


class _Frame:
    """A mapping or list under construction."""

    __slots__ = ("container", "has_key", "is_map", "key", "path")

    def __init__(self, container: Any, path: Path):
        self.container = container
        self.is_map = isinstance(container, dict)
        self.path = path
        self.key: Any = None
        self.has_key = False


class _Composer:
    """From events to a table."""

    def __init__(self, file: str, any_value: bool = False):
        self.file = file
        self.any_value = any_value
        self.marks: dict[Path, Mark] = {}
        self.found: list[tuple[Path, Mark | None, str]] = []
        self.root: Any = None
        self.nodes = 0

    def compose(self, content: bytes) -> Document:
        parser = CParser(content)
        try:
            self._events(parser)
        except _Stop:
            pass
        except yaml.YAMLError as error:
            self._syntax(error)
        finally:
            parser.dispose()
        if self.found:
            unfinished = Document(self.file, self.root, {})
            raise InvalidInput(
                unfinished.problem_at(mark, path, text) for path, mark, text in self.found
            )
        return Document(self.file, self.root, self.marks)

    def _problem(self, path: Path, mark: Mark | None, text: str) -> None:
        self.found.append((path, mark, text))
        if len(self.found) >= MOST_PROBLEMS:
            self.found.append(((), mark, f"{MOST_PROBLEMS} problems; the rest is not read"))
            raise _Stop

    def _syntax(self, error: yaml.YAMLError) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or "bad YAML"
        text = next((hint for known, hint in _HINTS if known in said), f"not YAML: {said}")
        start = getattr(error, "context_mark", None)
        if start is not None and mark is not None and start.line != mark.line:
            text += f" (it begins on line {start.line + 1})"
        self.found.append(((), (mark.line + 1, mark.column + 1) if mark else None, text))

    def _events(self, parser: Any) -> None:
        frames: list[_Frame] = []
        documents = 0
        while True:
            event = parser.get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                mark = self._enter(event)
                self._scalar(frames, event, mark)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                mark = self._enter(event)
                if len(frames) >= MOST_DEPTH:
                    path = frames[-1].path
                    self._problem(path, mark, f"nested more than {MOST_DEPTH} deep; flatten it")
                    raise _Stop
                container: dict | list = {} if kind is yaml.MappingStartEvent else []
                frames.append(_Frame(container, self._place(frames, container, mark)))
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                frames.pop()
            elif kind is yaml.AliasEvent:
                self._alias(frames, event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    mark = (event.start_mark.line + 1, event.start_mark.column + 1)
                    self._problem((), mark, "a second document begins; one document a file")
                    raise _Stop
            elif kind is yaml.StreamEndEvent or event is None:
                break
        if self.any_value:
            return
        if documents == 0 or (self.root is None and self.nodes == 1):
            if not self.found:
                self._problem((), (1, 1), "the file is empty; it needs at least `usim: scene/1`")
        elif not isinstance(self.root, dict) and not self.found:
            text = f"{excerpt(self.root)}, where fields such as `usim: scene/1` are needed"
            self._problem((), self.marks.get((), (1, 1)), text)

    def _enter(self, event: Any) -> tuple[int, int]:
        """The mark of a new node, which is counted and must carry no anchor and no tag."""
        start = event.start_mark
        mark = (start.line + 1, start.column + 1)
        self.nodes += 1
        if self.nodes > MOST_NODES:
            self._problem((), mark, f"more than {MOST_NODES} values in one file; split it")
            raise _Stop
        if event.anchor is not None:
            text = f"the anchor &{excerpt(event.anchor)}; anchors are not allowed, use `let`"
            self._problem((), mark, text)
        if event.tag is not None:
            text = f"the tag {excerpt(event.tag)}; tags are not allowed, remove it"
            self._problem((), mark, text)
        return mark

    def _alias(self, frames: list[_Frame], event: Any) -> None:
        self.nodes += 1
        mark = (event.start_mark.line + 1, event.start_mark.column + 1)
        text = f"the alias *{excerpt(event.anchor)}; aliases are not allowed, use `let`"
        self._problem((), mark, text)
        if frames and frames[-1].is_map and not frames[-1].has_key:
            frames[-1].key, frames[-1].has_key = _DROP, True
        else:
            self._place(frames, None, mark)

    def _scalar(self, frames: list[_Frame], event: Any, mark: Mark) -> None:
        unquoted = event.implicit[0] and not event.style
        frame = frames[-1] if frames else None
        if frame is not None and frame.is_map and not frame.has_key:
            frame.key = self._key(frame, event.value, unquoted, mark)
            frame.has_key = True
            return
        text = event.value
        path = self._place(frames, text, mark)
        if unquoted and not is_text(text):
            value, wrong = plain(text)
            if wrong:
                self._problem(path, mark, wrong)
            if value is not text:
                self._put(frame, path, value)
        elif not text.isprintable():
            self._printable(text, path, mark)

    def _printable(self, text: str, path: Path, mark: Mark) -> None:
        bad = _CONTROL.search(text)
        if bad:
            shown = f"U+{ord(bad.group()):04X}"
            self._problem(path, mark, f"a text with the control character {shown}; remove it")

    def _key(self, frame: _Frame, text: str, unquoted: bool, mark: Mark) -> object:
        """The key, noted where it stands, or _DROP where there is a problem with it."""
        path = (*frame.path, text)
        if unquoted and text == "<<":
            self._problem(frame.path, mark, "the merge key <<; not allowed, write the fields out")
        elif unquoted and not isinstance(plain(text)[0], str):
            found = excerpt(text) if text else "nothing"
            self._problem(frame.path, mark, f"the key {found} is not a word; use a word, or quote")
        elif not text or len(text) > LONGEST_KEY or not text.isprintable():
            self._problem(frame.path, mark, f"the key {excerpt(text)!r} is not a word")
        elif text in frame.container:
            line, column = self.marks[path]
            known = f"also on line {line}" if line != mark[0] else f"also at column {column}"
            self._problem(path, mark, f"this key is {known}; remove one of them")
        else:
            self.marks[path] = mark
            frame.container[text] = None
            return text
        return _DROP

    def _place(self, frames: list[_Frame], value: object, mark: Mark) -> Path:
        """Put a new value where it belongs; its path."""
        if not frames:
            self.root = value
            self.marks[()] = mark
            return ()
        frame = frames[-1]
        if not frame.is_map:
            path = (*frame.path, len(frame.container))
            frame.container.append(value)
            self.marks[path] = mark
            return path
        if not frame.has_key:
            self._problem(frame.path, mark, "a list or mapping as a key; keys are words")
            frame.key, frame.has_key = _DROP, True
            return frame.path
        key, frame.key, frame.has_key = frame.key, None, False
        if key is _DROP:
            # What hangs below a refused key is read for its own problems, and then forgotten.
            return (*frame.path, "?")
        frame.container[key] = value
        return (*frame.path, key)

    def _put(self, frame: _Frame | None, path: Path, value: object) -> None:
        if frame is None:
            self.root = value
        elif not frame.is_map or path[-1] in frame.container:
            frame.container[path[-1]] = value

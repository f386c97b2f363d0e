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
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import yaml
from yaml.cyaml import CParser

from usim.template.problem import EnvironmentProblem, InvalidInput, Problem, excerpt
from usim.template.writer import dump

__all__ = [
    "MOST_BYTES",
    "MOST_DEPTH",
    "MOST_NODES",
    "Document",
    "dotted",
    "dump",
    "read",
    "read_bytes",
]

MOST_BYTES = 1 << 20
MOST_DEPTH = 32
MOST_NODES = 50_000
MOST_PROBLEMS = 50
LONGEST_KEY = 100

Path = tuple  # of keys and list indices, from the top of the file

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# What could not be the beginning of anything but text: the common case, told quickly.
_NUMERIC_START = frozenset("+-.0123456789")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ud800-\udfff]")
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DIRECTIVE = re.compile(rb"^%", re.MULTILINE)
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


@dataclass(frozen=True, eq=False)
class Document:
    """A file as a plain table of mappings, lists, texts, numbers, truths and None, with places.

    file: the name that messages show
    table: the top mapping; not to be changed
    marks: path -> (line, column), 1-based: of the key for a field, of the item in a list
    sources: path -> what stands for the file in messages, for values given by `--set`
    """

    file: str
    table: dict
    marks: dict[Path, tuple[int, int]] = field(repr=False)
    sources: dict[Path, str] = field(default_factory=dict, repr=False)

    def mark(self, path: Path) -> tuple[int, int] | None:
        """Line and column of the path, or of what holds it where it is not written itself."""
        path = tuple(path)
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path)

    def source(self, path: Path) -> str | None:
        """The `--set` option that gave the value at this path, None where the file did."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.sources:
                return self.sources[path[:length]]
        return None

    def place(self, path: Path) -> str:
        """The dotted place of a path, list items by their names where these are written."""
        return dotted(self.table, path)

    def problem(self, path: Path, text: str, place: str | None = None) -> Problem:
        """The problem at this path, with file, line, column and place."""
        path = tuple(path)
        place = place or self.place(path) or None
        source = self.source(path)
        if source is not None:
            return Problem(text, source, place=place)
        line, column = self.mark(path) or (None, None)
        return Problem(text, self.file, line, column, place)


def dotted(table: object, path: Iterable) -> str:
    """The place of a path in a table: keys by their words, list items by `name`, else by index."""
    words = []
    for step in path:
        word = str(step)
        if isinstance(table, Mapping):
            table = table.get(step)
        elif isinstance(table, (list, tuple)) and isinstance(step, int) and step < len(table):
            table = table[step]
            if isinstance(table, Mapping) and isinstance(table.get("name"), str):
                word = table["name"]
        else:
            table = None
        words.append(excerpt(word, LONGEST_KEY))
    return ".".join(words)


def read(path_or_bytes: str | os.PathLike | bytes, file: str | None = None) -> Document:
    """The document of a file, or of bytes; raises InvalidInput with every problem found.

    path_or_bytes: a file's path, or what a file would hold
    file: the name that messages show; the path as given where left out
    """
    if isinstance(path_or_bytes, bytes):
        file = file or "<bytes>"
        content = path_or_bytes
        if len(content) > MOST_BYTES:
            raise InvalidInput(_too_large(file, len(content)))
    else:
        file = file or os.fspath(path_or_bytes)
        content = read_bytes(path_or_bytes, file)
    _refuse_bad_bytes(content, file)
    return _Composer(file).compose(content)


def read_bytes(path: str | os.PathLike, file: str | None = None, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most `most` bytes; of nothing else is a byte read."""
    file = file or os.fspath(path)
    try:
        # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise InvalidInput(Problem("no such file", file)) from None
    except PermissionError:
        raise EnvironmentProblem(str(Problem("no permission to read this file", file))) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise InvalidInput(Problem(f"cannot be opened: {reason}", file)) from None
    with os.fdopen(number, "rb") as stream:
        status = os.fstat(number)
        if stat.S_ISDIR(status.st_mode):
            raise InvalidInput(Problem("a folder, where a file is needed", file))
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(Problem("not a regular file", file))
        if status.st_size > most:
            raise InvalidInput(_too_large(file, status.st_size, most))
        try:
            content = stream.read(most + 1)
        except OSError as error:
            text = f"cannot be read: {error.strerror}"
            raise EnvironmentProblem(str(Problem(text, file))) from None
    if len(content) > most:
        raise InvalidInput(_too_large(file, len(content), most))
    return content


def parse_value(text: str, source: str) -> Document:
    """The document whose `table` is the value of one option, by the rules of a file.

    text: such as `7`, `[1, 2]`, `{uniform: [0, 1]}`; source: what stands for the file in messages
    """
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInput(Problem("not text; write it in UTF-8", source)) from None
    if len(content) > MOST_BYTES:
        raise InvalidInput(_too_large(source, len(content)))
    _refuse_bad_bytes(content, source)
    return _Composer(source, any_value=True).compose(content)


def _too_large(file: str, size: int, most: int = MOST_BYTES) -> Problem:
    return Problem(f"{size} bytes; at most {most} are read", file)


def _refuse_bad_bytes(content: bytes, file: str) -> None:
    """What must not reach the parser: it is told by position here."""

    def refuse(text: str, offset: int) -> None:
        before = content[:offset]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise InvalidInput(Problem(text, file, line, column))

    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        refuse("begins with a byte order mark; save it as UTF-8 without one", 0)
    bad = _CONTROL_BYTES.search(content)
    if bad:
        refuse(f"the control character 0x{content[bad.start()]:02x}; remove it", bad.start())
    try:
        content.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        refuse(f"not UTF-8: the byte 0x{content[error.start]:02x}; save it as UTF-8", error.start)
    # The parser's time grows with the square of the number of %TAG lines.
    bad = _DIRECTIVE.search(content)
    if bad:
        refuse("a line that begins with '%'; YAML directives are not allowed", bad.start())


class _Stop(Exception):
    """No more of the file can be read."""


_DROP = object()


class _Frame:
    """A mapping or list under construction."""

    __slots__ = ("container", "has_key", "is_map", "key", "path")

    def __init__(self, container, path):
        self.container = container
        self.is_map = isinstance(container, dict)
        self.path = path
        self.key = None
        self.has_key = False


class _Composer:
    """From events to a table."""

    def __init__(self, file: str, any_value: bool = False):
        self.file = file
        self.any_value = any_value
        self.marks: dict[Path, tuple[int, int]] = {}
        self.found: list[tuple[Path, tuple[int, int] | None, str]] = []
        self.root: object = None
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
            raise InvalidInput(
                Problem(text, self.file, *(mark or (None, None)), dotted(self.root, path) or None)
                for path, mark, text in self.found
            )
        return Document(self.file, self.root, self.marks)

    def _problem(self, path: Path, mark, text: str) -> None:
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

    def _events(self, parser) -> None:
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
                container = {} if kind is yaml.MappingStartEvent else []
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

    def _enter(self, event) -> tuple[int, int]:
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

    def _alias(self, frames: list[_Frame], event) -> None:
        self.nodes += 1
        mark = (event.start_mark.line + 1, event.start_mark.column + 1)
        text = f"the alias *{excerpt(event.anchor)}; aliases are not allowed, use `let`"
        self._problem((), mark, text)
        if frames and frames[-1].is_map and not frames[-1].has_key:
            frames[-1].key, frames[-1].has_key = _DROP, True
        else:
            self._place(frames, None, mark)

    def _scalar(self, frames: list[_Frame], event, mark) -> None:
        plain = event.implicit[0] and not event.style
        frame = frames[-1] if frames else None
        if frame is not None and frame.is_map and not frame.has_key:
            frame.key = self._key(frame, event.value, plain, mark)
            frame.has_key = True
            return
        text = event.value
        path = self._place(frames, text, mark)
        if plain and (not text or text[0] in _NUMERIC_START or text in _WORDS):
            value = self._plain(text, path, mark)
            if value is not text:
                self._put(frame, path, value)
        elif not text.isprintable():
            self._printable(text, path, mark)

    def _printable(self, text: str, path: Path, mark) -> None:
        bad = _CONTROL.search(text)
        if bad:
            shown = f"U+{ord(bad.group()):04X}"
            self._problem(path, mark, f"a text with the control character {shown}; remove it")

    def _key(self, frame: _Frame, text: str, plain: bool, mark) -> object:
        """The key, noted where it stands, or _DROP where there is a problem with it."""
        path = (*frame.path, text)
        if plain and text == "<<":
            self._problem(frame.path, mark, "the merge key <<; not allowed, write the fields out")
        elif plain and not isinstance(self._plain(text, None, mark), str):
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

    def _place(self, frames: list[_Frame], value: object, mark) -> Path:
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

    def _plain(self, text: str, path: Path | None, mark) -> object:
        """The value of an unquoted scalar by the YAML 1.2 core schema."""
        if text in _WORDS:
            return _WORDS[text]
        problem = None
        value: object = text
        if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
            # The length is looked at first: the time to read digits grows with its square.
            value = int(text, {"o": 8, "x": 16}.get(text[1:2], 10)) if len(text) <= 24 else 1 << 63
            if not -(1 << 63) <= value < 1 << 63:
                problem = f"{excerpt(text, 24)} is too large a whole number; at most 2^63 - 1"
        elif _FLOAT.fullmatch(text):
            value = float(text)
            if value in (float("inf"), float("-inf")):
                problem = f"{excerpt(text, 24)} is too large a number; at most 1.79e308"
            elif value == 0 and re.search("[1-9]", re.split("[eE]", text)[0]):
                problem = f"{excerpt(text, 24)} is too small a number; write 0"
        elif _NOT_FINITE.fullmatch(text):
            problem = f"{text} is not a number; write a finite one"
        elif "_" in text and _UNDERSCORED.fullmatch(text):
            problem = (
                f"{excerpt(text, 24)} is not a number; write {excerpt(text, 24).replace('_', '')}"
            )
        if problem is None:
            return value
        if path is None:
            return None  # as a key: not a word
        self._problem(path, mark, problem)
        return 0

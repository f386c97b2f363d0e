"""Writing a table as YAML text that `reader.read` reads back to the equal table."""

import math
import re
from collections.abc import Mapping
from numbers import Integral, Real

WIDTH = 110

# Plain only what no YAML version could take for anything else.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9(][A-Za-z0-9_./()-]*)*")
_RESERVED = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_ESCAPED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}


def dump(table: Mapping) -> str:
    """The YAML text of a table of mappings, lists, texts, numbers, truths and None.

    Floats are written so that they read back to the same bits. Raises ValueError for a number
    that is not finite or a text with control characters, TypeError for any other type.
    """
    lines: list[str] = []
    if not isinstance(table, Mapping):
        raise TypeError(f"a mapping is needed, not {type(table).__name__}")
    if not table:
        return "{}\n"
    _mapping(table, 0, lines)
    return "\n".join(lines) + "\n"


def _mapping(table: Mapping, indent: int, lines: list[str], first: str = "") -> None:
    """Append the lines of a mapping; `first` replaces the indentation of the first."""
    lead = first or " " * indent
    for key, value in table.items():
        if not isinstance(key, str):
            raise TypeError(f"keys are texts, not {type(key).__name__}")
        head = f"{lead}{_text(key)}:"
        lead = " " * indent
        inline = flow(value)
        if not _is_nested(value) or (
            len(head) + 1 + len(inline) <= WIDTH and not _has_items(value)
        ):
            lines.append(f"{head} {inline}")
        elif isinstance(value, Mapping):
            lines.append(head)
            _mapping(value, indent + 2, lines)
        else:
            lines.append(head)
            _list(value, indent + 2, lines)


def _list(values: list, indent: int, lines: list[str], first: str = "") -> None:
    lead = first or " " * indent
    for value in values:
        inline = flow(value)
        if not _is_nested(value) or (
            len(lead) + 2 + len(inline) <= WIDTH and not _has_items(value)
        ):
            lines.append(f"{lead}- {inline}")
        elif isinstance(value, Mapping):
            _mapping(value, indent + 2, lines, f"{lead}- ")
        else:
            _list(value, indent + 2, lines, f"{lead}- ")
        lead = " " * indent


def _is_nested(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple)) and len(value) > 0


def _has_items(value: object) -> bool:
    """Whether a list of mappings is inside, which reads better one item a line."""
    if isinstance(value, Mapping):
        return any(_has_items(inner) for inner in value.values())
    return isinstance(value, (list, tuple)) and any(isinstance(v, Mapping) for v in value)


def flow(value: object) -> str:
    """One line of YAML for any value, as the right side of a `--set` needs it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        number = float(value)
        if not math.isfinite(number):
            raise ValueError(f"{number} cannot be written: only finite numbers can")
        return repr(number)
    raise TypeError(f"a {type(value).__name__} cannot be written")


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPED:
        return _ESCAPED[character]
    if character.isprintable():
        return character
    code = ord(character)
    if (
        code < 0x20
        or 0x7F <= code < 0xA0
        or 0xD800 <= code < 0xE000
        or code in (0xFEFF, 0xFFFE, 0xFFFF)
    ):
        raise ValueError(f"a text with the control character U+{code:04X} cannot be written")
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"

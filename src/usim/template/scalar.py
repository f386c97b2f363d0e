"""What an unquoted word of a file means: the YAML 1.2 core schema, finite numbers only.

So `1e3` is a number, `010` is ten, and `on`, `no` and `12:30:00` are texts; YAML 1.1 has it otherwise.
"""

import math
import re

from usim.template.problem import excerpt

LONGEST_NUMBER = 1000

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?")
_NONZERO = re.compile(r"[1-9]")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMERIC_START = frozenset("+-.0123456789")


def is_text(text: str) -> bool:
    """Whether an unquoted word is a text at first sight: the common case, told quickly."""
    return bool(text) and text[0] not in _NUMERIC_START and text not in _WORDS


def plain(text: str) -> tuple[object, str | None]:
    """The value of an unquoted word, and what is wrong with it (None where nothing is)."""
    if text in _WORDS:
        return _WORDS[text], None
    shown = excerpt(text, 24)
    if len(text) > LONGEST_NUMBER:
        # Told by its beginning: to look at a million digits takes longer than to refuse them.
        value, wrong = plain(text[:LONGEST_NUMBER])
        if wrong or not isinstance(value, str):
            return 0, f"{shown} is not a number; it has {len(text)} characters"
        return text, None
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        # The length is looked at first: the time to read digits grows with its square.
        value = int(text, {"o": 8, "x": 16}.get(text[1:2], 10)) if len(text) <= 24 else 1 << 63
        if -(1 << 63) <= value < 1 << 63:
            return value, None
        return 0, f"{shown} is too large a whole number; at most 2^63 - 1"
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            return 0, f"{shown} is too large a number; at most 1.79e308"
        if number == 0 and _NONZERO.search(text.lower().partition("e")[0]):
            return 0, f"{shown} is too small a number; write 0"
        return number, None
    if _NOT_FINITE.fullmatch(text):
        return 0, f"{text} is not a number; write a finite one"
    if "_" in text and _UNDERSCORED.fullmatch(text):
        return 0, f"{shown} is not a number; write {excerpt(text.replace('_', ''), 24)}"
    return text, None

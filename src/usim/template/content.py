"""The bytes of a file: how many, of what kind of file, and fit for a parser."""

import errno
import os
import re
import stat

from usim.template.problem import EnvironmentProblem, InvalidInput, Problem

MOST_BYTES = 1 << 20

_OF_THE_NAME = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EINVAL})

_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DIRECTIVE = re.compile(rb"^%", re.MULTILINE)


def read_bytes(path: str | os.PathLike, file: str | None = None, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most `most` bytes; of nothing else is a byte read."""
    file = file or os.fspath(path)
    try:
        # Looked at before it is opened: opening alone does something to some devices.
        _refuse_irregular(os.stat(path), file, most)
        # Without O_NONBLOCK, a pipe put there since would wait for somebody to write to it.
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise InvalidInput(Problem("no such file", file)) from None
    except PermissionError:
        raise EnvironmentProblem(str(Problem("no permission to read this file", file))) from None
    except OSError as error:
        text = str(Problem(f"cannot be opened: {error.strerror}", file))
        raise (InvalidInput if error.errno in _OF_THE_NAME else EnvironmentProblem)(text) from None
    except InvalidInput:
        raise
    except ValueError:
        raise InvalidInput(Problem("not a file name", file)) from None
    try:
        _refuse_irregular(os.fstat(number), file, most)
        # It may grow while it is read.
        with open(number, "rb", closefd=False) as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise EnvironmentProblem(str(Problem(f"cannot be read: {error.strerror}", file))) from None
    finally:
        os.close(number)
    if len(content) > most:
        raise InvalidInput(_too_large(file, len(content), most))
    return content


def check_bytes(content: bytes, file: str) -> None:
    """Raise InvalidInput for bytes that must not reach a parser: too many, or no plain UTF-8."""
    if len(content) > MOST_BYTES:
        raise InvalidInput(_too_large(file, len(content), MOST_BYTES))
    _refuse_bad_bytes(content, file)


def _refuse_irregular(status: os.stat_result, file: str, most: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise InvalidInput(Problem("a folder, where a file is needed", file))
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(Problem("not a regular file", file))
    if status.st_size > most:
        raise InvalidInput(_too_large(file, status.st_size, most))


def _too_large(file: str, size: int, most: int) -> Problem:
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

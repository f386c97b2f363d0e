"""How a command ends: every way out is one line on stderr and one of seven exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import sys

import click

DONE, BUG, USAGE, QUARANTINED, ENVIRONMENT, VERIFICATION, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

# What the machine refuses; any other OSError is a mistake of ours.
_ENVIRONMENT_ERRORS = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE,
    errno.EIO, errno.ENOMEM, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ETXTBSY,
}  # fmt: skip


class ReaderLeft(Exception):
    """The reader of our output left, as `head` does: nothing to say, and nobody to say it to."""


def report(error: BaseException) -> int:
    """Say in one line (one per problem) what ended the command; return its exit code."""
    if isinstance(error, click.exceptions.Exit):
        return int(error.exit_code)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else DONE if error.code is None else BUG
    if isinstance(error, KeyboardInterrupt | click.Abort):
        say("interrupted")
        return INTERRUPTED
    if isinstance(error, click.ClickException):
        where = getattr(error, "ctx", None)
        hint = f"; see `{where.command_path} --help`" if where is not None else ""
        say_error(one_line(error.format_message()).rstrip(".") + hint)
        return USAGE
    if isinstance(error, ReaderLeft):
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return _report_ours(error)


def _report_ours(error: BaseException) -> int:
    from usim.template.problem import EnvironmentProblem, InvalidInput, VerificationFailed

    if isinstance(error, InvalidInput):
        for line in str(error).splitlines():
            say_error(line)
        return USAGE
    if isinstance(error, VerificationFailed):
        for line in str(error).splitlines():
            say_error(line)
        return VERIFICATION
    if isinstance(error, EnvironmentProblem):
        say_error(one_line(str(error)))
        return ENVIRONMENT
    if isinstance(error, MemoryError):
        say_error("out of memory: render a shorter window (--window) or fewer devices (--device)")
        return ENVIRONMENT
    if isinstance(error, OSError) and error.errno in _ENVIRONMENT_ERRORS:
        place = f"{error.filename}: " if error.filename else ""
        say_error(f"{place}{one_line(error.strerror or str(error))}")
        return ENVIRONMENT
    say_error(
        f"a bug of ours: {type(error).__name__}: {one_line(str(error))}; --debug shows the traceback"
    )
    return BUG


def one_line(text: str) -> str:
    """Return the text with every run of white space made one blank."""
    return " ".join(text.split())


def say(text: str) -> None:
    """Print one message on stderr."""
    with contextlib.suppress(OSError, ValueError):
        print(f"usim: {text}", file=sys.stderr)


def say_error(text: str) -> None:
    """Print one error on stderr."""
    say(f"error: {text}")

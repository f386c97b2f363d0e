"""The command line: `usim COMMAND`, in one file a group of commands.

Nothing here or at the top of a command's file imports numpy or another heavy package: `usim --help` is held to 150 ms
by a test. A command imports what it needs when it runs.

Results go to stdout, messages to stderr, and every error is one line. Exit codes, the same for every command: 0 done,
1 a bug of ours, 2 wrong usage or invalid file, 3 finished with quarantined clips, 4 the environment (disk, permission,
missing extra), 5 verification failed, 130 interrupted.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import NoReturn

from usim.threads import pin


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code."""
    pin(force=True)
    # A start makes many objects and no garbage: the collector would look through them all ten times.
    gc.set_threshold(200_000, 20, 100)
    _no_plugins()
    from usim.cli.root import run

    _leave(run(arguments))


def _leave(code: int) -> NoReturn:
    """End the process. Taking apart every object takes as long as importing numpy did, for nobody."""
    threads = sys.modules["threading"].enumerate() if "threading" in sys.modules else []
    if any(not one.daemon for one in threads[1:]):
        sys.exit(code)  # which waits for them
    atexit._run_exitfuncs()
    for written in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            written.flush()
    os._exit(code)


def _no_plugins() -> None:
    """Keep pydantic from looking for plug-ins in every installed distribution.

    Its own switch does, but importlib.metadata is imported before it is asked, which takes 20 ms.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    loader = ModuleType("pydantic.plugin._loader")
    loader.get_plugins = tuple  # type: ignore[attr-defined]
    sys.modules.setdefault(loader.__name__, loader)

"""The command line: `usim COMMAND`, in one file a group of commands.

Nothing here or at the top of a command's file imports numpy or another heavy package: `usim --help` is held to 150 ms
by a test. A command imports what it needs when it runs.

Results go to stdout, messages to stderr, and every error is one line. Exit codes, the same for every command: 0 done,
1 a bug of ours, 2 wrong usage or invalid file, 3 finished with quarantined clips, 4 the environment (disk, permission,
missing extra), 5 verification failed, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from usim.threads import pin


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code."""
    pin(force=True)
    # A start makes many objects and no garbage: the collector would look through them a hundred times.
    gc.set_threshold(50_000, 20, 100)
    # pydantic looks for plug-ins in every installed distribution.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from usim.cli.root import run

    sys.exit(run(arguments))

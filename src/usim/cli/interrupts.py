"""An interrupt ends a command wherever it arrives, also inside a compiler's callback, which would swallow it and fail later for want of what it left undone."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

AGAIN_S = 0.2  # after which an interrupt that was swallowed is sent once more


@contextmanager
def heeded() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether an interrupt has arrived since; does nothing outside the main thread, or where interrupts are ignored or met otherwise."""
    arrived = threading.Event()
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield arrived.is_set
        return
    hook = sys.unraisablehook

    def met(number, frame):  # type: ignore[no-untyped-def]
        arrived.set()
        raise KeyboardInterrupt

    def swallowed(problem) -> None:  # type: ignore[no-untyped-def]
        if not issubclass(problem.exc_type, KeyboardInterrupt):
            hook(problem)
            return
        again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGINT))
        again.daemon = True
        again.start()

    signal.signal(signal.SIGINT, met)
    sys.unraisablehook = swallowed
    try:
        yield arrived.is_set
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = hook

"""usim makes recordings of an ultrasonic motion sensor in a room, with the complete truth about them.

``scene = usim.load("evening_walk").sample(seed=7)`` reads and draws a scene, ``usim.simulate(scene)`` records it,
``usim.open(folder)`` reads a recording back. Everything else is found in its own module.

Nothing heavy is imported until a name is used, and nothing inside the package imports from here.

Importing usim sets the thread counts of BLAS, OpenMP, numba and pyroomacoustics to 1 unless they are set already (see
`usim.threads`). Import usim before numpy for recordings that are the same byte for byte as those of the command line.
"""

from typing import TYPE_CHECKING, Any

from usim.threads import pin as _pin

__version__ = "0.1.0"

_pin()

__all__ = ["__version__", "echo", "load", "open", "session", "simulate", "trace"]

if TYPE_CHECKING:
    from usim.engine.session import session
    from usim.engine.simulate import echo, simulate, trace
    from usim.recording.store import open
    from usim.scene import load


def __getattr__(name: str) -> Any:
    value: Any
    if name == "load":
        from usim.scene import load as value
    elif name == "simulate":
        from usim.engine.simulate import simulate as value
    elif name == "trace":
        from usim.engine.simulate import trace as value
    elif name == "echo":
        from usim.engine.simulate import echo as value
    elif name == "session":
        from usim.engine.session import session as value
    elif name == "open":
        from usim.recording.store import open as value
    else:
        raise AttributeError(f"module 'usim' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

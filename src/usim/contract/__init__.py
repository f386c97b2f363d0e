"""The contract of each family as tests that are shipped: a user's kind is held to them like ours.

Every module here is named after its family and has one function, `faults(module)`, which yields
what is wrong with one kind in words; nothing for a kind that keeps its contract.
`scenes.faults(path)` and `profiles.faults(path)` do the same for data files. `check_kind(path)` is
what `usim check-kind FILE` runs.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from usim.contract import (
    activities,
    emissions,
    furniture,
    movers,
    noises,
    openings,
    rooms,
    surfaces,
)
from usim.template import registry
from usim.template.problem import InvalidInput, Problem

FAMILIES: dict[str, Callable[[ModuleType], Iterator[str]]] = {
    "rooms": rooms.faults,
    "furniture": furniture.faults,
    "openings": openings.faults,
    "movers": movers.faults,
    "activities": activities.faults,
    "emissions": emissions.faults,
    "noises": noises.faults,
    "surfaces": surfaces.faults,
}


def check_kind(path: str | Path) -> list[Problem]:
    """Everything by which the kind in a file breaks its family's contract.

    The file lies in a folder named after its family: `mykinds/movers/robot_dog.py`.
    """
    path = Path(path).resolve()
    family, kind = path.parent.name, path.stem
    if family not in FAMILIES:
        known = ", ".join(FAMILIES)
        text = (
            f"the folder of a kind is its family; {family} is none with a contract, one of {known}"
        )
        return [Problem(text, str(path))]
    try:
        if path.parent != Path(registry.__file__).resolve().parents[1] / family:
            registry.use_kinds(path.parents[1])
        module = registry.load(family, kind)
    except InvalidInput as error:
        return list(error.problems)
    return [Problem(text, str(path)) for text in faults(family, module)]


def faults(family: str, module: ModuleType) -> list[str]:
    """Everything by which a kind's module breaks the contract of its family."""
    try:
        return list(FAMILIES[family](module))
    except Exception as error:  # a kind can fail in any way; the contract says it may not
        import traceback

        where = traceback.extract_tb(error.__traceback__)[-1]
        return [
            f"raised {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        ]

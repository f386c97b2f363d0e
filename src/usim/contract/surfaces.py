"""The contract of surfaces."""

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from usim.physics.air import Air
from usim.surfaces._materials import rows
from usim.surfaces.base import AbstractSurface, surface
from usim.template.problem import InvalidInput

COSINES = np.concatenate([[1e-3, 1e-2], np.linspace(0.03, 1.0, 98)])


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind of surface: on its EXAMPLES, and on every material that is of it."""
    kind = module.__name__.rsplit(".", 1)[-1]
    tables = [*getattr(module, "EXAMPLES", ())]
    tables += [
        {"material": name} for name in rows() if rows()[name]["parameters"].get("kind") == kind
    ]
    if not tables:
        yield "gives no EXAMPLES; add at least one table as a scene file would hold it"
    for table in tables:
        try:
            made, twin = surface(table), surface(table)
        except InvalidInput as error:
            yield f"{table}: {error}"
            continue
        yield from (f"{table}: {text}" for text in of(made))
        if made != twin or hash(made) != hash(twin):
            yield f"{table}: equal parameters do not make equal, hashable surfaces"


def of(made: AbstractSurface) -> Iterator[str]:
    """What is wrong with one surface."""
    if not isinstance(made, AbstractSurface):
        yield f"build gives a {type(made).__name__}, which is no AbstractSurface"
        return
    if not made.provenance.strip():
        yield "provenance says nothing of where its numbers come from"
    air = Air()
    low, high = made.band_hz
    f_hz = np.linspace(low, high, 7)
    cos, f = COSINES[:, None], f_hz[None, :]
    energy = made.energy(cos, f, air)
    shares = np.stack(np.broadcast_arrays(*energy))
    if shares.min() < -1e-9 or np.abs(shares.sum(axis=0) - 1.0).max() > 1e-6:
        yield "the shares of energy are not in 0..1 with sum 1"
    reflection = made.reflection(cos, f, air)
    transmission = made.transmission(cos, f, air)
    if np.abs(np.abs(reflection) ** 2 - energy.mirror).max() > 1e-6:
        yield "the mirror share is not |reflection|^2"
    if np.abs(np.abs(transmission) ** 2 - energy.transmitted).max() > 1e-6:
        yield "the transmitted share is not |transmission|^2"
    step = 1e-5
    inner = COSINES[(COSINES > 0.05) & (COSINES < 0.99)][:, None]
    slope = [
        (
            made.reflection(inner + shift + step, f, air)
            - made.reflection(inner + shift - step, f, air)
        )
        / (2.0 * step)
        for shift in (0.0, 4.0 * step)
    ]
    if np.abs(slope[1] - slope[0]).max() > 0.1:
        yield "reflection has no continuous derivative in the cosine of incidence"
    for outside in (0.5 * low, 2.0 * high):
        try:
            made.reflection(np.array([0.5]), np.array([outside]), air)
        except InvalidInput:
            continue
        yield f"it answers at {outside:g} Hz, outside its band_hz, instead of refusing"

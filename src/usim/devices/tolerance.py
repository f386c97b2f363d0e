"""The spread of a parameter over a production run, written where its value stands.

A parameter of a profile is a number, or a mapping with its nominal value and one draw::

    resonance_hz: {nominal: 28500, normal: [28500, 1050], min: 25300, max: 31700, together: 0.5}

`together` is the correlation between the parts of one unit that share the parameter: capsules of one
reel resemble each other. It is reached by a Gaussian copula of two uniform numbers, one of the part
and one of the unit, so the distribution of each part stays the one that is written.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from usim.template.distributions import extent, faults, invert, is_draw
from usim.template.normal import below, quantile
from usim.template.problem import excerpt
from usim.template.streams import uniform

LAST = 1.0 - 2.0**-53  # the largest uniform number a stream can give


def is_tolerance(value: object) -> TypeGuard[Mapping]:
    """True where a value of a profile carries a draw (or tries to)."""
    return is_draw(value) or (isinstance(value, Mapping) and "nominal" in value)


def complaint(tolerance: Mapping) -> str | None:
    """What is wrong with a tolerance, in words; None when it can be drawn from."""
    for path, text in faults(tolerance, extra=("nominal", "together")):
        return f"{'.'.join(map(str, path))}: {text}" if path else text
    if "nominal" not in tolerance:
        return "a tolerance needs its nominal value; add nominal: VALUE"
    if "normal" in tolerance and not {"min", "max"} <= tolerance.keys():
        return "a normal tolerance needs min and max: a part outside its limits is not built in"
    together = tolerance.get("together", 0)
    if extent(together) is None or is_draw(together) or not 0 <= together <= 1:
        return f"together is a correlation from 0 to 1, found {excerpt(together)}"
    if extent(_draw(tolerance)) is None:
        return "a tolerance is made of numbers"
    low, high = extremes(tolerance)
    nominal = tolerance["nominal"]
    if extent(nominal) is None or is_draw(nominal) or not low <= nominal <= high:
        return f"the nominal value {excerpt(nominal)} lies outside its own draw, {low} to {high}"
    return None


def extremes(tolerance: Mapping) -> tuple[float, float]:
    """The bounds a tolerance states, in the parameter's unit: no unit lies outside."""
    found = extent(_draw(tolerance))
    if found is None:
        raise ValueError("a tolerance is made of numbers")
    return found[0], found[1]


def draw_table(table: Mapping, family: str, serial: int, place: str, shared: str) -> dict:
    """Returns a copy of a table of a profile with every tolerance replaced by this unit's value.

    table: nested mapping and lists; family: the profile's name, part of every key; serial: of the unit;
    place: dotted place of this table; shared: place that parts of a kind have in common (`together`).
    One uniform number per parameter, keyed by names, so adding a parameter moves no other.
    """

    def value(tolerance: Mapping, steps: tuple[str, ...]) -> float:
        dotted = ".".join((place, *steps))
        u = uniform(0, f"{family}/{serial}/{dotted}")
        together = float(tolerance.get("together", 0.0))
        if together > 0.0:
            common = uniform(0, f"{family}/{serial}/shared.{'.'.join((shared, *steps))}")
            u = _copula(u, common, together)
        return invert(_draw(tolerance), u)

    return replace(table, value)


def replace(table: Any, value: Callable[[Mapping, tuple[str, ...]], Any], steps=()) -> Any:
    """Returns a copy of a table with value(tolerance, place) in place of every tolerance."""
    if is_tolerance(table):
        return value(table, steps)
    if isinstance(table, Mapping):
        return {key: replace(entry, value, (*steps, str(key))) for key, entry in table.items()}
    if isinstance(table, list):
        return [replace(e, value, (*steps, _name(e, i))) for i, e in enumerate(table)]
    return copy.copy(table)


def tolerances(table: object, path: tuple = ()) -> Iterator[tuple[tuple, Mapping]]:
    """Yields (path of keys and indices, tolerance) for every tolerance of a table."""
    if is_tolerance(table):
        yield path, table
    elif isinstance(table, Mapping):
        for key, entry in table.items():
            yield from tolerances(entry, (*path, key))
    elif isinstance(table, list):
        for index, entry in enumerate(table):
            yield from tolerances(entry, (*path, index))


def _draw(tolerance: Mapping) -> dict:
    return {key: tolerance[key] for key in tolerance if key not in ("nominal", "together")}


def _name(entry: object, index: int) -> str:
    return str(entry["name"]) if isinstance(entry, Mapping) and "name" in entry else str(index)


def _copula(own: float, common: float, correlation: float) -> float:
    """A uniform number whose normal score correlates by `correlation` between parts of one unit."""
    z = math.sqrt(correlation) * _score(common) + math.sqrt(1.0 - correlation) * _score(own)
    return min(below(z), LAST)


def _score(u: float) -> float:
    u = max(u, 2.0**-54)
    return quantile(u, 1.0 - u)

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
from statistics import NormalDist

from usim.template.draws import DRAW_WORDS, invert
from usim.template.streams import uniform

WORDS = frozenset({"nominal", "together", "min", "max", "weights"})
LAST = 1.0 - 2.0**-53  # the largest uniform number a stream can give


def is_tolerance(value: object) -> bool:
    """True where a value of a profile carries a draw (or tries to)."""
    return isinstance(value, Mapping) and ("nominal" in value or bool(DRAW_WORDS & value.keys()))


def complaint(tolerance: Mapping) -> str | None:
    """What is wrong with a tolerance, in words; None when it can be drawn from."""
    words = [word for word in tolerance if word in DRAW_WORDS]
    strange = [str(word) for word in tolerance if word not in DRAW_WORDS | WORDS]
    if strange:
        return f"no such word in a tolerance: {', '.join(strange)}; known are nominal, one draw, min, max, together"
    if len(words) != 1:
        return f"a tolerance has exactly one draw, found {len(words)}; write for example {{nominal: 0, uniform: [-1, 1]}}"
    if "nominal" not in tolerance:
        return "a tolerance needs its nominal value; add nominal: VALUE"
    if words[0] == "normal" and not {"min", "max"} <= tolerance.keys():
        return "a normal tolerance needs min and max: a part outside its limits is not built in"
    numbers = [*_leaves(tolerance[words[0]]), *(tolerance[w] for w in WORDS & tolerance.keys())]
    flat = [number for entry in numbers for number in _leaves(entry)]
    if any(isinstance(n, bool) or not isinstance(n, int | float) for n in flat):
        return "a tolerance is made of numbers"
    if not all(math.isfinite(n) for n in flat):
        return "a tolerance is made of finite numbers"
    if not 0 <= tolerance.get("together", 0) <= 1:
        return f"together is a correlation from 0 to 1, found {tolerance['together']}"
    try:
        low, high = extremes(tolerance)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        return str(error)
    if not low <= tolerance["nominal"] <= high:
        return (
            f"the nominal value {tolerance['nominal']} lies outside its own draw, {low} to {high}"
        )
    return None


def extremes(tolerance: Mapping) -> tuple[float, float]:
    """The smallest and the largest value a tolerance can give, in the parameter's unit."""
    draw = _draw(tolerance)
    values = draw["choice"] if "choice" in draw else [invert(draw, 0.0), invert(draw, LAST)]
    return min(values), max(values)


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


def replace(table: object, value: Callable[[Mapping, tuple[str, ...]], object], steps=()) -> object:
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


def _leaves(value: object) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]


def _copula(own: float, common: float, correlation: float) -> float:
    """A uniform number whose normal score correlates by `correlation` between parts of one unit."""
    score = NormalDist()
    tiny = 2.0**-54
    z = math.sqrt(correlation) * score.inv_cdf(max(common, tiny))
    z += math.sqrt(1.0 - correlation) * score.inv_cdf(max(own, tiny))
    return min(score.cdf(z), LAST)

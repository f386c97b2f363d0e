"""The contract of openings."""

from collections.abc import Iterator
from types import ModuleType

from usim.contract import kinds, surfaces
from usim.openings.base import NARROWEST_M, AbstractOpening

TOLERANCE = 1e-9


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind of opening."""
    yield from kinds.faults(module)
    for parameters in kinds.examples(module):
        opening = module.build(parameters)
        if not isinstance(opening, AbstractOpening):
            yield f"build gives a {type(opening).__name__}, which is no AbstractOpening"
            continue
        if (opening.name, opening.wall) != (parameters.name, parameters.wall):
            yield f"it is {opening.name} in {opening.wall}, its parameters say otherwise"
        if not opening.parts:
            yield "it has no parts"
            continue
        again = module.build(parameters)
        if again.parts != opening.parts:
            yield "the same parameters give another opening"
        yield from _fills(opening)
        for part in opening.parts:
            yield from surfaces.of(part.surface)


def _fills(opening: AbstractOpening) -> Iterator[str]:
    """What is wrong with the parts: together they are as large as the rectangle around them, and none lies on another."""
    area = 0.0
    for number, part in enumerate(opening.parts):
        (left, low), (right, high) = part.from_m, part.to_m
        if min(right - left, high - low) < NARROWEST_M - TOLERANCE:
            yield f"part {number} is narrower than {NARROWEST_M} m"
        area += (right - left) * (high - low)
        for other in opening.parts[:number]:
            wide = min(right, other.to_m[0]) - max(left, other.from_m[0])
            tall = min(high, other.to_m[1]) - max(low, other.from_m[1])
            if min(wide, tall) > TOLERANCE:
                yield f"part {number} lies on another"
    sides = [
        max(part.to_m[axis] for part in opening.parts)
        - min(part.from_m[axis] for part in opening.parts)
        for axis in (0, 1)
    ]
    if abs(area - sides[0] * sides[1]) > TOLERANCE * max(1.0, area):
        yield "its parts do not fill a rectangle"

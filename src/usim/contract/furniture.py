"""The contract of furniture."""

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from usim.contract import kinds
from usim.furniture.base import AbstractFurniture

TOLERANCE = 1e-9
THIN = 1e-3  # of a sheet's length


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind of furniture."""
    yield from kinds.faults(module)
    for parameters in kinds.examples(module):
        thing = module.build(parameters)
        if not isinstance(thing, AbstractFurniture):
            yield f"build gives a {type(thing).__name__}, which is no AbstractFurniture"
            continue
        if thing.name != parameters.name:
            yield f"it is called {thing.name}, its parameters say {parameters.name}"
        yield from _solid(thing)
        yield from _heard(thing)
        yield from _top(thing)


def _solid(thing: AbstractFurniture) -> Iterator[str]:
    generator = np.random.default_rng(0)
    low, high = thing.bounds_m
    points = low + (high - low) * (3.0 * generator.random((2000, 3)) - 1.0)
    nearest, inside = thing.nearest_m(points), thing.contains(points)
    if nearest.shape != points.shape or inside.shape != (2000,):
        yield "nearest_m or contains does not answer point by point"
        return
    if (not inside.any() and not thing.is_sheet) or inside.all():
        yield "contains does not tell inside from outside near the bounding box"
    if np.abs(nearest[inside] - points[inside]).max(initial=0.0) > TOLERANCE:
        yield "the nearest point of a point inside is not that point"
    if not np.all(thing.contains(nearest, -1e-6)):
        yield "nearest_m gives points that are not of the thing"
    if np.abs(thing.nearest_m(nearest) - nearest).max() > 1e-9:
        yield "the nearest point of a nearest point is another"
    if np.any(points[inside] < low - TOLERANCE) or np.any(points[inside] > high + TOLERANCE):
        yield "it reaches out of bounds_m"
    if np.any(thing.contains(points, 0.01) & ~inside) or np.any(
        inside & ~thing.contains(points, -0.01)
    ):
        yield "a larger margin contains more than a smaller one"
    away = np.sqrt(((nearest - points) ** 2).sum(axis=1))
    if np.any(away[~inside] <= 0.0):
        yield "a point outside is its own nearest point"


def _heard(thing: AbstractFurniture) -> Iterator[str]:
    prism = thing.solid
    plan = np.asarray(prism.footprint_m, float)
    corners = np.concatenate([np.column_stack([plan, np.full(len(plan), z)]) for z in (prism.low_m, prism.high_m)])  # fmt: skip
    if not np.allclose([corners.min(axis=0), corners.max(axis=0)], thing.bounds_m, atol=TOLERANCE):
        yield "solid is not within bounds_m, or does not fill them"
    along = np.roll(plan, -1, axis=0) - plan
    after = np.roll(along, -1, axis=0)
    if np.any(along[:, 0] * after[:, 1] - along[:, 1] * after[:, 0] <= 0.0):
        yield "the footprint of solid is not convex and counter-clockwise"
    long = np.sqrt((along * along).sum(axis=1))
    if thing.is_sheet and (len(plan) != 4 or max(long[1::2]) > THIN * min(long[::2])):
        yield "it is a sheet, but side_1 and side_3 of its solid are not all that is met of it"


def _top(thing: AbstractFurniture) -> Iterator[str]:
    if thing.top_m is None:
        return
    low, high = thing.top_m
    if low[2] != high[2] or np.any(high[:2] <= low[:2]):
        yield "top_m is not a flat rectangle"
    middle = (low + high) / 2.0
    if not thing.contains(middle, -1e-6) or thing.contains(middle + np.array([0, 0, 1e-3])):
        yield "what is put on top_m is not on the thing"

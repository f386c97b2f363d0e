"""Draws that reach beyond what their field may hold: found at the ends of the draws, not by luck."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from usim.scene.build import formed
from usim.scene.draft import Shelf
from usim.template.complaints import value_at
from usim.template.draws import Sampled, extent, is_draw, sample
from usim.template.problem import InvalidInput, Problem, excerpt
from usim.template.reader import Document

SPREAD = 4.0
"""A normal draw without a bound is judged at this many standard deviations; beyond lie 6e-5."""


def problems_at_ends(document: Document, seed: int, shelf: Shelf) -> list[Problem]:
    """What would be wrong with samples in which one numeric draw is at an end of its range.

    Every end is tried on one sample that is right. All lower ends are tried together first, then
    all upper ends: most files are right there, and one by one is needed only where one is not.
    """
    sampled = sample(document, seed)
    found: list[Problem] = []
    reach = _reach(document, sampled)
    for end, word in ((0, "down to"), (1, "up to")):
        if _wrong(sampled, {path: ends[end] for path, ends in reach.items()}, seed, shelf):
            for path, ends in reach.items():
                for problem in _wrong(sampled, {path: ends[end]}, seed, shelf):
                    text = f"{problem.text} (this is drawn {word} {excerpt(ends[end])})"
                    found.append(replace(problem, text=text))
    return found


def _reach(document: Document, sampled: Sampled) -> dict[tuple, tuple[Any, Any]]:
    """Path in the sampled table -> the least and the greatest value that is drawn there."""
    reach: dict[tuple, tuple[Any, Any]] = {}
    for path, origin in sampled.origin.items():
        if origin[-2:-1] == ("choice",):
            origin = origin[:-2]
        draw = value_at(document.table, origin)
        if isinstance(draw, Mapping) and "use" in draw:
            draw = document.table.get("let", {}).get(draw["use"])
        ends = _extent(draw) if is_draw(draw) else None
        if ends is not None and isinstance(value_at(sampled.table, path), int | float):
            reach[path] = ends
    return reach


def _extent(draw: Any) -> tuple[Any, Any] | None:
    if "normal" in draw:
        mean, deviation = draw["normal"]
        low, high = mean - SPREAD * deviation, mean + SPREAD * deviation
        return max(low, draw.get("min", low)), min(high, draw.get("max", high))
    ends = extent(draw)
    if ends is None:
        return None
    # Half-open: the upper end of a uniform draw is never drawn itself, and may be the limit.
    return ends[0], ends[1]


def _wrong(sampled: Sampled, values: dict[tuple, Any], seed: int, shelf: Shelf) -> list[Problem]:
    table = copy.deepcopy(sampled.table)
    for path, value in values.items():
        value_at(table, path[:-1])[path[-1]] = value
    try:
        formed(replace(sampled, table=table), seed, shelf)
    except InvalidInput as error:
        return list(error.problems)
    return []

"""The five distributions of a draw: what may be written, and the inverse of each.

{uniform: [low, high]}                       low <= value < high
{log_uniform: [low, high]}                   the same in the logarithm; low above zero
{normal: [mean, sd], min: low, max: high}    truncated where bounds are given; they are included
{integers: [low, high]}                      both ends included
{choice: [...], weights: [...]}              equally likely without weights

One uniform number becomes one value through the inverse of the distribution. So a changed bound or
spread moves the same value instead of making another: paired studies rest on this.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from usim.template.normal import below, between, quantile
from usim.template.problem import InvalidInput, excerpt, suggest

DRAW_WORDS = frozenset({"uniform", "log_uniform", "normal", "integers", "choice"})
_BESIDE = {"normal": ("min", "max"), "choice": ("weights",)}
_WANTED = {
    "uniform": "[low, high]",
    "log_uniform": "[low, high]",
    "normal": "[mean, sd]",
    "integers": "[low, high]",
    "choice": "a list",
}
MOST_SD = 8.0
"""How far outside the bounds of a normal draw its mean may lie, in standard deviations."""
LARGEST_INTEGER = 1 << 53

Fault = tuple[tuple, str]  # path inside the draw, what is wrong there


def is_draw(value: object) -> bool:
    """Whether the value is a mapping with one of DRAW_WORDS (well formed or not)."""
    # Most values are no mapping, and to ask a dict whether it is one is six times as fast.
    return isinstance(value, (dict, Mapping)) and not DRAW_WORDS.isdisjoint(value)


def faults(draw: Mapping, extra: Iterable[str] = ()) -> list[Fault]:
    """Everything wrong with a draw: (path inside it, what was found and what to do).

    draw: as in a file; the options of a choice are not looked into
    extra: words that may stand beside it, such as `name` on an item of a list
    """
    words = [word for word in draw if word in DRAW_WORDS]
    if len(words) != 1:
        return [((), f"{' and '.join(words) or 'no distribution'}; a draw has exactly one")]
    (word,) = words
    allowed = (*_BESIDE.get(word, ()), *extra)
    wrong: list[Fault] = [
        ((key,), f"does not belong beside {word}{suggest(key, allowed)}")
        for key in draw
        if key != word and key not in allowed
    ]
    values = draw[word]
    if word == "choice":
        return wrong + _choice_faults(draw, values)
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        return [*wrong, ((word,), f"{excerpt(values)}; write {word}: {_WANTED[word]}")]
    unfit = [
        ((word, index), f"{_unfit(value)} where {word}: {_WANTED[word]} needs a number")
        for index, value in enumerate(values)
        if not _is_number(value)
    ]
    if unfit:
        return wrong + unfit
    first, second = values
    if word == "normal":
        return wrong + _normal_faults(draw, first, second)
    if word == "integers":
        for index, value in enumerate(values):
            if not isinstance(value, int):
                wrong.append(((word, index), f"{value} is not a whole number"))
            elif abs(value) > LARGEST_INTEGER // 2:
                wrong.append(((word, index), f"{value} is too large; at most 2^52"))
    if word == "log_uniform" and min(first, second) <= 0:
        wrong.append(((word,), f"{excerpt(values)}; both ends must be above zero"))
    if first > second:
        wrong.append(((word,), f"{excerpt(values)}; the low end comes first"))
    elif word == "uniform" and not math.isfinite(float(second) - float(first)):
        wrong.append(((word,), f"{excerpt(values)} is too wide"))
    return wrong


def invert(draw: Mapping, u: float) -> Any:
    """The value of a draw at the uniform number u in [0, 1); for a choice, the option as written.

    Raises InvalidInput, without a position, for a malformed draw.
    """
    (word,) = _checked(draw)
    values = draw[word]
    if word == "choice":
        return values[choose(draw, u)]
    low, high = values
    if word == "integers":
        # In whole numbers, so that both ends are exactly as likely as the others.
        return int(low) + (int(u * 2.0**53) * (int(high) - int(low) + 1) >> 53)
    low, high = float(low), float(high)
    if word == "normal":
        return _normal(draw, low, high, u)
    if low == high:
        return low
    value = low + (high - low) * u if word == "uniform" else between(low, high, u)
    return min(max(value, low), math.nextafter(high, low))


def choose(draw: Mapping, u: float) -> int:
    """The index of the option that a choice takes at the uniform number u in [0, 1)."""
    options = draw["choice"]
    weights = draw.get("weights")
    if weights is None:
        return int(u * 2.0**53) * len(options) >> 53
    target = u * math.fsum(weights)
    for index in range(len(weights) - 1):
        if target < math.fsum(weights[: index + 1]):
            return index
    return len(weights) - 1


def extent(value: Any) -> tuple[float, float, bool] | None:
    """Least and greatest value that this number or well-formed draw can take, and whether all are
    whole numbers; None where it is no number."""
    if _is_number(value):
        return value, value, isinstance(value, int)
    if not is_draw(value) or faults(value, value):
        return None
    (word,) = (word for word in value if word in DRAW_WORDS)
    if word == "choice":
        each = [extent(option) for option in value["choice"]]
        if any(one is None for one in each):
            return None
        lows, highs, whole = zip(*each, strict=True)
        return min(lows), max(highs), all(whole)
    if word == "normal":
        return value.get("min", -math.inf), value.get("max", math.inf), False
    return (*value[word], word == "integers")


def _checked(draw: Mapping) -> list[str]:
    wrong = faults(draw)
    if wrong:
        raise InvalidInput(
            f"{'.'.join(map(str, path))}: {text}" if path else text for path, text in wrong
        )
    return [word for word in draw if word in DRAW_WORDS]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _unfit(value: object) -> str:
    """The value, for a message; nested draws are the likeliest thing to try."""
    return "a draw" if is_draw(value) else excerpt(value)


def _choice_faults(draw: Mapping, options: object) -> list[Fault]:
    if not isinstance(options, (list, tuple)) or not options:
        return [(("choice",), f"{excerpt(options)}; write choice: [one, another]")]
    if "weights" not in draw:
        return []
    weights = draw["weights"]
    if not isinstance(weights, (list, tuple)) or len(weights) != len(options):
        text = f"{excerpt(weights)}; one weight is needed for each of the {len(options)} choices"
        return [(("weights",), text)]
    wrong: list[Fault] = [
        (("weights", index), f"{_unfit(weight)} is not a number above zero")
        for index, weight in enumerate(weights)
        if not _is_number(weight) or weight <= 0
    ]
    if not wrong and not math.isfinite(sum(weights)):
        wrong.append((("weights",), "the weights are too large"))
    return wrong


def _normal_faults(draw: Mapping, mean: float, sd: float) -> list[Fault]:
    wrong: list[Fault] = []
    if sd <= 0:
        wrong.append((("normal", 1), f"{sd}; the standard deviation must be above zero"))
    for word in ("min", "max"):
        if word in draw and not _is_number(draw[word]):
            wrong.append(((word,), f"{_unfit(draw[word])} is not a number"))
    if wrong:
        return wrong
    low, high = draw.get("min", -math.inf), draw.get("max", math.inf)
    if low > high:
        wrong.append((("min",), f"min {low} is above max {high}; swap them"))
    elif low < high and (low - mean > MOST_SD * sd or mean - high > MOST_SD * sd):
        text = (
            f"the mean {mean} lies more than {MOST_SD:g} sd outside min and max; move one of them"
        )
        wrong.append((("normal", 0), text))
    elif not math.isfinite(mean + 9.0 * sd) or not math.isfinite(mean - 9.0 * sd):
        wrong.append((("normal",), "mean and sd are too large"))
    return wrong


def _normal(draw: Mapping, mean: float, sd: float, u: float) -> float:
    low, high = float(draw.get("min", -math.inf)), float(draw.get("max", math.inf))
    if low == high:
        return low
    z_low, z_high = (low - mean) / sd, (high - mean) / sd
    # Both tails are kept, for the smaller one carries the precision; and the number is moved to the
    # middle of its cell of width 2^-53, so that 0 is not minus infinity.
    under, over = below(z_low), below(-z_high)
    inside = below(z_high) - under if z_low <= 0 else below(-z_low) - over
    share, rest = u + 2.0**-54, (1.0 - u) - 2.0**-54
    lower, upper = under + inside * share, over + inside * rest
    if min(lower, upper) <= 0.0:
        return low if lower <= upper else high
    return min(max(mean + sd * quantile(lower, upper), low), high)

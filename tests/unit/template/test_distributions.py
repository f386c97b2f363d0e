"""Draws: what may be written, what each distribution gives, and that changed bounds move values."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from usim.template.distributions import extent, faults, invert, is_draw
from usim.template.problem import InvalidInput
from usim.template.streams import uniform

LAST = 1 - 2.0**-53
finite = st.floats(-1e6, 1e6, allow_nan=False)
shares = st.integers(0, 2**53 - 1).map(lambda number: number * 2.0**-53)


@pytest.mark.parametrize(
    ("draw", "u", "value"),
    [
        ({"uniform": [2, 4]}, 0.0, 2.0),
        ({"uniform": [2, 4]}, 0.25, 2.5),
        ({"uniform": [3, 3]}, 0.7, 3.0),
        ({"log_uniform": [1, 100]}, 0.5, 10.0),
        ({"log_uniform": [5, 5]}, 0.5, 5.0),
        ({"integers": [3, 5]}, 0.0, 3),
        ({"integers": [3, 5]}, 0.34, 4),
        ({"integers": [3, 5]}, LAST, 5),
        ({"integers": [-2, -2]}, 0.9, -2),
        ({"choice": ["a", "b"]}, 0.49, "a"),
        ({"choice": ["a", "b"]}, 0.5, "b"),
        ({"choice": ["a", "b", "c"], "weights": [1, 2, 1]}, 0.24, "a"),
        ({"choice": ["a", "b", "c"], "weights": [1, 2, 1]}, 0.25, "b"),
        ({"choice": ["a", "b", "c"], "weights": [1, 2, 1]}, LAST, "c"),
        ({"choice": [{"kind": "fan"}, None]}, 0.1, {"kind": "fan"}),
        ({"normal": [5, 2], "min": 7, "max": 7}, 0.1, 7.0),
    ],
)
def test_values(draw, u, value):
    got = invert(draw, u)
    assert got == pytest.approx(value, rel=1e-15) if isinstance(value, float) else got == value
    assert type(got) is type(value)


@settings(max_examples=150, deadline=None)
@given(finite, finite, shares, shares)
def test_uniform_is_half_open_and_moves_with_the_number(a, b, u, v):
    low, high = sorted((a, b))
    first, second = (invert({"uniform": [low, high]}, share) for share in sorted((u, v)))
    assert low <= first <= second
    assert second < high or low == high


@settings(max_examples=60, deadline=None)
@given(finite, st.floats(1e-3, 1e3), st.floats(-7.9, 7.9), st.floats(0.0, 20.0), shares, shares)
def test_a_truncated_normal_stays_inside_and_moves_with_the_number(mean, sd, z, width, u, v):
    draw = {"normal": [mean, sd], "min": mean + z * sd, "max": mean + (z + width) * sd}
    if faults(draw):  # the mean may lie more than 8 sd above max only when z is far below
        return
    first, second = (invert(draw, share) for share in sorted((u, v)))
    assert draw["min"] <= first <= second <= draw["max"]


@pytest.mark.parametrize(
    ("low", "high"),
    [(-1.0, 1.0), (-2.8, 3.3), (-0.001, 0.002), (7.0, 9.0), (-9.0, -7.9), (-1e9, 0.5), (4.0, 1e9)],
)
def test_a_truncated_normal_is_scipys(low, high):
    u = np.linspace(0.001, 0.999, 99)
    got = [invert({"normal": [10, 2], "min": 10 + 2 * low, "max": 10 + 2 * high}, x) for x in u]
    expected = stats.truncnorm.ppf(u, max(low, -40), min(high, 40), 10, 2)
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_a_normal_without_bounds_has_no_infinite_ends():
    assert invert({"normal": [0, 1]}, 0.0) == pytest.approx(-8.2924, abs=1e-3)
    assert invert({"normal": [0, 1]}, LAST) == -invert({"normal": [0, 1]}, 0.0)
    assert abs(invert({"normal": [0, 1]}, 0.5)) < 1e-15


def test_samples_follow_their_distributions(counts):
    """Kolmogorov-Smirnov: each of the six fails by chance once in 10^6 (seeds are fixed)."""
    number = counts(2000, 20_000)
    u = [uniform(seed, "test.field") for seed in range(number)]
    laws = [
        ({"uniform": [-3, 5]}, stats.uniform(-3, 8)),
        ({"log_uniform": [1e-3, 10]}, stats.loguniform(1e-3, 10)),
        ({"normal": [1.7, 0.09]}, stats.norm(1.7, 0.09)),
        ({"normal": [0, 1], "min": 0.5}, stats.truncnorm(0.5, np.inf)),
        ({"normal": [0, 1], "min": -1, "max": 0.3}, stats.truncnorm(-1, 0.3)),
        ({"normal": [0, 1], "max": -6}, stats.truncnorm(-np.inf, -6)),
    ]
    bound = math.sqrt(math.log(2 / 1e-6) / (2 * number))
    for draw, law in laws:
        assert stats.kstest([invert(draw, x) for x in u], law.cdf).statistic < bound, draw


def test_counts_of_integers_and_choices(counts):
    """Each count within 5.2 deviations: 9 counts fail by chance less than once in 5 x 10^5."""
    number = counts(4000, 40_000)
    u = [uniform(seed, "test.count") for seed in range(number)]
    laws = [
        ({"integers": [0, 4]}, {k: 0.2 for k in range(5)}),
        (
            {"choice": "abcd", "weights": [1, 2, 3, 4]},
            dict(zip("abcd", (0.1, 0.2, 0.3, 0.4), strict=True)),
        ),
    ]
    for draw, law in laws:
        draw = {word: list(value) for word, value in draw.items()}
        drawn = [invert(draw, x) for x in u]
        for value, p in law.items():
            deviation = math.sqrt(number * p * (1 - p))
            assert abs(drawn.count(value) - number * p) < 5.2 * deviation


def test_changed_bounds_move_the_same_value():
    """Paired studies rest on this: the same share of the new range, not another value."""
    for seed in range(50):
        u = uniform(seed, "movers.fan.rpm")
        narrow, wide = (invert({"uniform": [600, high]}, u) for high in (700, 800))
        assert wide - 600 == pytest.approx(2 * (narrow - 600))
        small, large = (invert({"normal": [0, sd]}, u) for sd in (1, 3))
        assert large == pytest.approx(3 * small)
        before = invert({"choice": ["a", "b"], "weights": [1, 1]}, u)
        after = invert({"choice": ["a", "b"], "weights": [3, 1]}, u)
        assert after == "a" if before == "a" else after in "ab"


@pytest.mark.parametrize(
    ("draw", "where", "said"),
    [
        ({"uniform": 3}, ("uniform",), "3; write uniform: [low, high]"),
        ({"uniform": [1]}, ("uniform",), "[1]; write uniform: [low, high]"),
        ({"uniform": [1, 2, 3]}, ("uniform",), "[1, 2, 3]; write uniform: [low, high]"),
        ({"uniform": [3, 1]}, ("uniform",), "[3, 1]; the low end comes first"),
        ({"uniform": ["a", 1]}, ("uniform", 0), "a where uniform: [low, high] needs a number"),
        ({"uniform": [True, 1]}, ("uniform", 0), "true where uniform"),
        ({"uniform": [{"uniform": [0, 1]}, 1]}, ("uniform", 0), "a draw where uniform"),
        ({"uniform": [-1.7e308, 1.7e308]}, ("uniform",), "too wide"),
        ({"uniform": [0, 1], "min": 0}, ("min",), "does not belong beside uniform"),
        ({"uniform": [0, 1], "normal": [0, 1]}, (), "uniform and normal; a draw has exactly one"),
        ({"log_uniform": [0, 1]}, ("log_uniform",), "both ends must be above zero"),
        ({"normal": [0, 0]}, ("normal", 1), "the standard deviation must be above zero"),
        ({"normal": [0, -1]}, ("normal", 1), "the standard deviation must be above zero"),
        ({"normal": [0, 1], "min": 2, "max": 1}, ("min",), "min 2 is above max 1; swap them"),
        ({"normal": [0, 1], "min": "x"}, ("min",), "x is not a number"),
        ({"normal": [0, 1], "min": 9}, ("normal", 0), "more than 8 sd outside min and max"),
        ({"normal": [0, 1], "mim": 9}, ("mim",), "did you mean min?"),
        ({"normal": [1.7e308, 1e308]}, ("normal",), "too large"),
        ({"integers": [0, 1.5]}, ("integers", 1), "1.5 is not a whole number"),
        ({"integers": [0, 2**60]}, ("integers", 1), "too large; at most 2^52"),
        ({"integers": [2, 1]}, ("integers",), "the low end comes first"),
        ({"choice": []}, ("choice",), "[]; write choice: [one, another]"),
        ({"choice": "ab"}, ("choice",), "ab; write choice: [one, another]"),
        (
            {"choice": [1, 2], "weights": [1]},
            ("weights",),
            "one weight is needed for each of the 2",
        ),
        ({"choice": [1, 2], "weights": [1, 0]}, ("weights", 1), "0 is not a number above zero"),
        ({"choice": [1, 2], "weights": [1e308, 1e308]}, ("weights",), "the weights are too large"),
        ({"choice": [1], "min": 1}, ("min",), "does not belong beside choice"),
    ],
)
def test_malformed_draws_say_what_to_write(draw, where, said):
    assert is_draw(draw)
    found = faults(draw)
    assert [path for path, _ in found] == [where]
    assert said in found[0][1]
    with pytest.raises(InvalidInput):
        invert(draw, 0.5)


def test_all_that_is_wrong_with_one_draw_is_said():
    found = faults({"normal": [0, 0], "min": "x", "weights": 3})
    assert [path for path, _ in found] == [("weights",), ("normal", 1), ("min",)]
    assert faults({"choice": [1], "name": "x"}, extra=("name",)) == []


def test_extents():
    assert extent(3) == (3, 3, True)
    assert extent({"uniform": [1, 2]}) == (1, 2, False)
    assert extent({"integers": [0, 3]}) == (0, 3, True)
    assert extent({"normal": [0, 1], "min": -1}) == (-1, math.inf, False)
    assert extent({"choice": [1, {"uniform": [0, 0.5]}]}) == (0, 1, False)
    assert extent({"choice": [1, "a"]}) is None
    assert extent("a") is None
    assert extent({"uniform": [2, 1]}) is None

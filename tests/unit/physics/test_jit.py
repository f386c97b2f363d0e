"""The door to numba: what every kernel may rely on."""

from fractions import Fraction

import numpy as np
import pytest

from usim.physics.jit import LINE, fused, kernel, rows32, rows64


@kernel
def _fused(a, b, c):
    return fused(a, b, c)


@pytest.mark.parametrize("number", [np.float32, np.float64])
def test_fused_rounds_once(number):
    """a b + c is the number next to the exact value, where a product and a sum of their own would round twice."""
    rng = np.random.default_rng(3)
    twice = 0
    for a, b in rng.uniform(1, 2, (500, 2)).astype(number):
        c = -number(a * b)  # leaves what the product's rounding lost
        exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        assert Fraction(float(_fused(a, b, c))) == exact
        twice += number(a * b) + c != number(_fused(a, b, c))
    assert twice > 400


def test_rows_start_a_cache_line():
    for count in (1, 96, 1001):
        for rows, number in ((rows32, np.float32), (rows64, np.float64)):
            made = rows(count)
            assert made.dtype == number
            assert made.shape == (count,)
            assert made.ctypes.data % LINE == 0
            assert not made.any()

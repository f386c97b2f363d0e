"""The normal distribution: as good as SciPy's, without SciPy, and the same on every processor."""

import decimal
import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import special

from usim.template.normal import below, between, logarithm, quantile


def test_the_probability_below_is_right_to_the_last_digits_in_both_tails():
    z = np.concatenate([np.linspace(-11.9, 8, 400), [-8.25, -1e-9, 0.0, 1e-300]])
    got = np.array([below(float(x)) for x in z])
    # SciPy itself is good to about 2e-13 relative so far out (its argument is rounded).
    np.testing.assert_allclose(got, special.ndtr(z), rtol=2e-13)
    assert below(0.0) == 0.5
    assert (below(-12.0), below(12.0), below(-math.inf), below(math.inf)) == (0, 1, 0, 1)


def test_the_quantile_is_that_of_the_standard_library():
    p = np.concatenate([np.geomspace(1e-300, 0.5, 500), [2.0**-54, 0.075, 0.0750001]])
    for probability in map(float, p):
        expected = NormalDist().inv_cdf(probability)
        assert quantile(probability, 1 - probability) == pytest.approx(expected, rel=5e-16)
        assert quantile(1 - probability, probability) == -quantile(probability, 1 - probability)
    assert quantile(0.5, 0.5) == 0.0


def test_the_tail_that_is_given_decides():
    # 1 - 1e-20 is 1 in double precision; the upper tail is still known.
    assert quantile(1.0, 1e-20) == pytest.approx(9.262340089798408, rel=1e-15)
    with pytest.raises(ValueError):
        quantile(1.0, 0.0)


def test_a_changed_decimal_context_changes_nothing():
    below.cache_clear()
    before = below(-3.3), logarithm(0.1), between(1e-3, 10.0, 0.3)
    below.cache_clear()
    with decimal.localcontext() as context:
        context.prec = 3
        context.traps[decimal.FloatOperation] = True
        context.traps[decimal.Inexact] = True
        assert (below(-3.3), logarithm(0.1), between(1e-3, 10.0, 0.3)) == before


def test_logarithms_are_correctly_rounded():
    assert logarithm(1.0) == 0.0
    assert logarithm(math.e) == 1.0
    assert logarithm(0.1) == -2.3025850929940455
    assert between(1e-3, 10.0, 0.5) == pytest.approx(0.1, rel=1e-15)

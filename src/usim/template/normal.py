"""The normal distribution and its inverse, the same bits on every processor.

The C library's `log` and `erfc` differ in the last place between processors, and a value drawn
through them would differ with them. Here everything is done by +, -, *, / and sqrt of doubles,
which IEEE 754 fixes, and by decimal arithmetic, which rounds correctly.
"""

import math
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

FARTHEST = 12.0
"""Standard deviations beyond which the distribution function counts as 0 (it is below 2e-33)."""

# Contexts of our own: the caller may have changed the thread's.
_WIDE = Context(prec=70, rounding=ROUND_HALF_EVEN, traps=[])
_NEGLIGIBLE = Decimal("1e-65")
_ENOUGH = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[])
_ROOT_TAU = Decimal("2.50662827463100050241576528481104525300698674060993831662992357634229365")

# Wichura's PPND16: numerator and denominator, highest power first.
_CENTRAL = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457)
    + (13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867)
    + (5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0),
)
_MIDDLE = (
    (7.74545014278341407640e-4, 0.0227238449892691845833, 0.241780725177450611770)
    + (1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550)
    + (4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 0.0151986665636164571966)
    + (0.148103976427480074590, 0.689767334985100004550, 1.67638483018380384940)
    + (2.05319162663775882187, 1.0),
)
_OUTER = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.00124266094738807843860)
    + (0.0265321895265761230930, 0.296560571828504891230, 1.78482653991729133580)
    + (5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5)
    + (7.86869131145613259100e-4, 0.0148753612908506148525, 0.136929880922735805310)
    + (0.599832206555887937690, 1.0),
)


@lru_cache(maxsize=1024)
def below(z: float) -> float:
    """The probability that a standard normal number is below z; to full precision in both tails.

    Series of Marsaglia (Evaluating the normal distribution, J. Stat. Softw. 11(4), 2004) with 70
    digits, so that the difference that gives a tail keeps 30. Exactly 0 and 1 beyond FARTHEST.
    """
    if z <= -FARTHEST:
        return 0.0
    if z >= FARTHEST:
        return 1.0
    # Only methods of the context: operators would round by the caller's.
    x = Decimal.from_float(z)
    square = _WIDE.multiply(x, x)
    term = total = x
    odd = 1
    while term.copy_abs() > _NEGLIGIBLE:
        odd += 2
        term = _WIDE.divide(_WIDE.multiply(term, square), Decimal(odd))
        total = _WIDE.add(total, term)
    density = _WIDE.divide(_WIDE.exp(_WIDE.divide(square.copy_negate(), Decimal(2))), _ROOT_TAU)
    return float(_WIDE.add(Decimal("0.5"), _WIDE.multiply(density, total)))


def quantile(lower: float, upper: float) -> float:
    """The standard normal number with these probabilities below and above it.

    lower, upper: both, adding up to 1, because the smaller of them alone carries the precision
    Wichura, Algorithm AS 241, Appl. Stat. 37(3), 1988 (PPND16, relative error about 1e-16).
    """
    tail = min(lower, upper)
    if tail <= 0.0:
        raise ValueError("no number has nothing beyond it")
    from_centre = 0.5 - tail
    if from_centre <= 0.425:
        z = from_centre * _ratio(_CENTRAL, 0.180625 - from_centre * from_centre)
    else:
        r = math.sqrt(-logarithm(tail))
        z = _ratio(_MIDDLE, r - 1.6) if r <= 5.0 else _ratio(_OUTER, r - 5.0)
    return -z if lower < upper else z


def logarithm(x: float) -> float:
    """The natural logarithm of x > 0, correctly rounded."""
    return float(_ENOUGH.ln(Decimal.from_float(x)))


def between(low: float, high: float, share: float) -> float:
    """The number that lies this share of the way from low to high > 0 in the logarithm."""
    start, end = (_ENOUGH.ln(Decimal.from_float(x)) for x in (low, high))
    step = _ENOUGH.multiply(Decimal.from_float(share), _ENOUGH.subtract(end, start))
    return float(_ENOUGH.exp(_ENOUGH.add(start, step)))


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], r: float) -> float:
    above = beneath = 0.0
    for a, b in zip(*coefficients, strict=True):
        above = above * r + a
        beneath = beneath * r + b
    return above / beneath

"""Curves: eased steps, splines, periodic ones that keep extremes, and what smooths curves of time."""

import numpy as np


def eased(u: np.ndarray) -> np.ndarray:
    """The minimum-jerk step from 0 to 1, 10 u^3 - 15 u^4 + 6 u^5 (Flash and Hogan 1985); 0 before
    u = 0, 1 after u = 1.
    """
    u = np.clip(u, 0.0, 1.0)
    return u * u * u * (10.0 + u * (6.0 * u - 15.0))


def flown(u: np.ndarray, inner: tuple[float, ...], end: float) -> np.ndarray:
    """The curve from 0 before u = 0 to `end` after u = 1 that these numbers bend, at u (time,).

    A B-spline of degree five on even knots: four times continuously differentiable, at the ends too. In
    front of the numbers stand five zeros, behind them five times the end.
    """
    control = np.array([0.0] * 5 + list(inner) + [end] * 5)
    count = len(control) - 5
    at = np.clip(u, 0.0, 1.0) * count
    index = np.minimum(at.astype(np.intp), count - 1)
    x = at - index
    y = 1.0 - x
    weights = (
        y**5,
        26.0 + x * (-50.0 + x * (20.0 + x * (20.0 + x * (-20.0 + 5.0 * x)))),
        66.0 + x * x * (-60.0 + x * x * (30.0 - 10.0 * x)),
        66.0 + y * y * (-60.0 + y * y * (30.0 - 10.0 * y)),
        26.0 + y * (-50.0 + y * (20.0 + y * (20.0 + y * (-20.0 + 5.0 * y)))),
        x**5,
    )
    return sum(weight * control[index + i] for i, weight in enumerate(weights)) / 120.0


def under(y: np.ndarray, bend: float, half: int) -> np.ndarray:
    """A smooth curve (time,) below y (time,), given at even steps and constant beyond; it begins and
    ends as y does, and only to get there, within 3 `half` of the ends, may it exceed y by a trace.

    bend: its second difference at most, where it turns up; turns down are drawn out over `half` steps
    to either side. First the lower envelope of the parabolas that stand on y, min over s of
    y(s) + bend (t - s)^2 / 2, then a raised cosine; what that lifts above y, by bend half^2 / 15 at
    most, is taken off again as smoothly.
    """
    shift = np.arange(-half, half + 1)
    low = _moved(y, np.minimum, 0.5 * bend * shift * shift)
    even = averaged(low, half)
    above = np.maximum(even - y, 0.0)
    even = even - averaged(highest(above, half), half)
    fade = 1.0 - eased(np.arange(len(y)) / (3.0 * half))
    return even + (y[0] - even[0]) * fade + (y[-1] - even[-1]) * fade[::-1]


def averaged(y: np.ndarray, half: int) -> np.ndarray:
    """y (time,) under a raised cosine of `half` steps to either side; what is constant stays so."""
    taps = 1.0 + np.cos(np.pi * np.arange(-half, half + 1) / (half + 1.0))
    taps /= taps.sum()
    rise = np.pad(y - y[0], half, mode="edge")
    # A sum in one order, which numpy's convolution does not promise from processor to processor.
    return y[0] + sum(tap * rise[i : i + len(y)] for i, tap in enumerate(taps))


def beaten(y: np.ndarray, beats: np.ndarray, half: int) -> np.ndarray:
    """What of y (time,) goes with a beat: its mean and its first harmonic, both as they change slowly.

    beats: (time,) how often it has beaten; half: of the averages, a beat's duration in steps, so that
    other harmonics fall on their zeros.
    """
    cos, sin = np.cos(2.0 * np.pi * beats), np.sin(2.0 * np.pi * beats)
    rise = y - y[0]
    mean = averaged(rise, half)
    rise = rise - mean
    swing = cos * averaged(rise * cos, half) + sin * averaged(rise * sin, half)
    return y[0] + mean + 2.0 * swing


def flowing(y: np.ndarray, half: int) -> np.ndarray:
    """y (time,) without what changes within `half` steps: slow motion passes unchanged, to the third
    order, which one average alone would flatten.
    """
    once = averaged(y, half)
    return 2.0 * once - averaged(once, half)


def highest(y: np.ndarray, half: int) -> np.ndarray:
    """The largest of y (time,) within `half` steps to either side."""
    return _moved(y, np.maximum, np.zeros(2 * half + 1))


def _moved(y: np.ndarray, chosen: np.ufunc, more: np.ndarray) -> np.ndarray:
    """The least or the largest of y (time,) and its neighbours, each with something added."""
    around = np.pad(y, len(more) // 2, mode="edge")
    made = around[: len(y)] + more[0]
    for index, added in enumerate(more[1:], start=1):
        chosen(made, around[index : index + len(y)] + added, out=made)
    return made


def hermite(x: np.ndarray, y: np.ndarray, slope: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The piecewise cubic with values and slopes (point,) at x, at `where` inside [x0, xn]."""
    index = np.clip(np.searchsorted(x, where, side="right") - 1, 0, len(x) - 2)
    return _cubic(
        where - x[index], x[index + 1] - x[index], y[index], y[index + 1], slope[index],
        slope[index + 1],
    )  # fmt: skip


def periodic(phase: np.ndarray, points: list[tuple]) -> np.ndarray:
    """The curve of period 1 through control points (phase, value), in ascending phase within one
    period, at phases (time,); phases and values of the points may vary with time (time,).

    Piecewise cubic that keeps the extremes of its points: slopes after Fritsch and Butland (1984),
    zero at every extreme.
    """
    phase = np.asarray(phase, dtype=float)
    x = [np.broadcast_to(np.asarray(at, dtype=float), phase.shape) for at, _ in points]
    y = [np.broadcast_to(np.asarray(of, dtype=float), phase.shape) for _, of in points]
    x = [x[-2] - 1.0, x[-1] - 1.0, *x, x[0] + 1.0, x[1] + 1.0]
    y = [y[-2], y[-1], *y, y[0], y[1]]
    slope = [_kept(*x[i - 1 : i + 2], *y[i - 1 : i + 2]) for i in range(1, len(x) - 1)]
    here = phase - np.floor(phase - x[1])  # in [x1, x1 + 1)
    value = np.zeros(phase.shape)
    for i in range(1, len(x) - 2):
        inside = (here >= x[i]) & (here < x[i + 1])
        part = _cubic(here - x[i], x[i + 1] - x[i], y[i], y[i + 1], slope[i - 1], slope[i])
        value = np.where(inside, part, value)
    return value


def _kept(x0, x1, x2, y0, y1, y2) -> np.ndarray:
    """The slope at x1: the weighted harmonic mean of both sides, zero where they disagree in sign."""
    h0, h1 = x1 - x0, x2 - x1
    d0, d1 = (y1 - y0) / h0, (y2 - y1) / h1
    same = d0 * d1 > 0.0
    w0, w1 = 2.0 * h1 + h0, h1 + 2.0 * h0
    below = np.where(same, w0 * d1 + w1 * d0, 1.0)
    return np.where(same, (w0 + w1) * d0 * d1 / below, 0.0)


def _cubic(since, step, y0, y1, slope0, slope1) -> np.ndarray:
    """The cubic of Hermite over one interval."""
    u = since / step
    rise = y1 - y0
    c2 = 3.0 * rise - step * (2.0 * slope0 + slope1)
    c3 = step * (slope0 + slope1) - 2.0 * rise
    return y0 + u * (step * slope0 + u * (c2 + u * c3))

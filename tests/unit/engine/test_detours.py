"""What movers make of the tail: the kernels beside their twins, and what is seen of a body."""

import numpy as np
import pytest

from usim.engine import detours
from usim.engine.detours import cross_sections_m2
from usim.movers.base import Piece, Poses
from usim.scene import load
from usim.surfaces.base import surface


class Body:
    """Pieces that stand still."""

    name = "body"

    def __init__(self, pieces, places):
        self.pieces, self.places = tuple(pieces), np.array(places, float)

    def at(self, t_s):
        shape = (len(t_s), *self.places.shape)
        return Poses(np.broadcast_to(self.places, shape), np.broadcast_to(np.eye(3), (*shape, 3)))


def ball(radius, at):
    return Piece("ball", "ellipsoid", (radius,) * 3, surface("skin")), at


def body(*parts):
    return Body(*zip(*parts, strict=True))


def test_how_much_shorter():
    rng = np.random.default_rng(3)
    place, sizes = rng.normal(size=(7, 2, 3)), rng.uniform(0.1, 0.3, (7, 2, 3))
    rotation = np.linalg.qr(rng.normal(size=(7, 2, 3, 3)))[0]
    flat, piece = np.array([False, True]), np.array([0, 1, 0, 1])
    turn, spot = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    got = np.empty((4, 7))
    detours._shorter(place, rotation, sizes, flat, piece, turn, spot, got)
    for w, p in enumerate(piece):
        own = np.einsum("kij,i->kj", rotation[:, p], turn[w])
        point = own @ spot[w] if flat[p] else np.sqrt(((own * sizes[:, p]) ** 2).sum(axis=1))
        assert np.allclose(got[w], place[:, p] @ turn[w] + point, rtol=1e-12)


@pytest.mark.parametrize("gated", [False, True])
def test_waves(gated):
    """Sums of waves whose ways are known at any time: beside them in NumPy, whatever the window."""
    rng = np.random.default_rng(6)
    each, step, waves, count = 16, 0.004, np.array([93.0, 116.0]), 3000
    rate, reach, ratio = each / step, 700, 4
    size, pace, since = rng.uniform(0.1, 1, 5), rng.uniform(3, 9, 5), rng.integers(0, 300, 5)
    knots = -20 + np.arange(count // each + 30)
    ways = size[:, None] * np.sin(pace[:, None] * knots * step)
    gains = rng.standard_normal((2, 3, 5)) + 1j * rng.standard_normal((2, 3, 5))
    late = rng.uniform(5.0, 690.0, 5)
    table = rng.random((2, count * ratio + reach + 1)) if gated else np.empty((2, 0))

    def summed(start, samples):
        out = np.zeros((2, 3, 2, samples))
        some = table[:, start * ratio :]
        detours._sum(ways, waves, gains.real.copy(), gains.imag.copy(), since, each, start + 20 * each, some, reach - late, ratio, np.empty((2, detours.CHUNK), np.float32), out)  # fmt: skip
        return out[:, :, 0] + 1j * out[:, :, 1]

    got, n = summed(0, count), np.arange(count)
    way = size[:, None] * np.sin(pace[:, None] * (n - since[:, None]) / rate)
    wave = np.exp(2j * np.pi * waves[:, None, None] * way)
    if gated:
        place = reach - late[:, None] + n * ratio
        wave = wave * [[np.interp(x, np.arange(len(row)), row) for x in place] for row in table]
    want = np.einsum("cxw,cwn->cxn", gains, wave)
    assert np.abs(got - want).max() < 3e-5 * np.abs(gains).sum(axis=2).max()
    assert np.array_equal(summed(517, 1400), got[:, :, 517 : 517 + 1400])


def test_what_is_seen_of_a_ball():
    assert cross_sections_m2(body(ball(0.2, (1, 2, 1))))[0] == pytest.approx(np.pi * 0.04, rel=1e-9)


def test_what_is_seen_of_a_plate():
    """Half its area, in the mean over all directions."""
    plate = Piece("page", "blade", (0.15, 0.1), surface("skin")), (0, 0, 1)
    assert cross_sections_m2(body(plate))[0] == pytest.approx(0.5 * 0.3 * 0.2, rel=0.03)


def test_what_is_seen_of_an_ellipsoid():
    """A quarter of its surface (Cauchy 1841): a prolate spheroid."""
    a, c = 0.1, 0.3
    e = np.sqrt(1 - a * a / c / c)
    area = 2 * np.pi * a * a * (1 + c / a / e * np.arcsin(e))
    long = Piece("long", "ellipsoid", (a, a, c), surface("skin")), (2, 2, 1)
    assert cross_sections_m2(body(long))[0] == pytest.approx(area / 4, rel=0.03)


def test_what_hides_counts_once():
    inner, outer = ball(0.1, (0, 0, 1)), ball(0.2, (0, 0, 1))
    seen = cross_sections_m2(body(inner, outer))
    assert seen[0] == 0.0
    assert seen[1] == pytest.approx(np.pi * 0.04, rel=1e-9)


def test_what_is_seen_of_a_person():
    """Fanger (1970): a standing person is seen, in the mean over all directions, as 0.73 / 4 of a skin of 1.6 to 2.0 m^2."""
    walker = load("walk_around").sample().movers[0]
    assert 0.25 < cross_sections_m2(walker).sum() < 0.40

"""The judge's shadows: limbs of one mover that hide each other."""

import numpy as np
import pytest
from exact_stage import C20, PlainBody, PlainPiece, PlainSurface, box, stage

from usim.engine import exact
from usim.engine.exact import shadow
from usim.engine.exact.bounce import AXES, BEND, POSE
from usim.physics.geometry import axis_rotation
from usim.physics.occlusion import passed
from usim.physics.wrinkles import glints

F = 32000.0
SOURCE, MIC = np.array([0.2, 2.0, 1.0]), np.array([0.2, 2.05, 1.1])
TORSO, FOREARM, HEAD = (0.125, 0.16, 0.27), (0.042, 0.042, 0.13), (0.1, 0.077, 0.115)


def group(*places, sizes, rotation=None, surface=None) -> PlainBody:
    """Pieces at functions of time, or at rest."""

    def position(t):
        rows = [p(t) if callable(p) else np.tile(p, (len(t), 1)) for p in places]
        return np.stack(rows, axis=1)

    pieces = tuple(PlainPiece(size, surface=surface or PlainSurface()) for size in sizes)
    return PlainBody(position, pieces, rotation)


def direct(scene, t, piece, **what):
    """The echo of a piece by way of the direct pair."""
    pairs = {("target", piece): np.zeros((1, 2, 3), dtype=int)}
    return next(exact.echoes(scene, F, t, pairs=pairs, **what))


def test_own_formula_is_that_of_physics(figures):
    """Why: the judge shares no code, so its shadow must be shown to be the same one.
    Set-up: random ellipsoids of 6-30 cm beside, on and beyond legs of a few metres.
    Expected: amplitudes within 1e-12.
    """
    rng, count = np.random.default_rng(2), 5000
    turn = np.linalg.qr(rng.normal(size=(count, 3, 3)))[0]
    axes = rng.uniform(0.06, 0.3, (count, 3))
    square = np.einsum("nij,nj,nkj->nik", turn, axes**2, turn)
    point = rng.normal(size=(count, 3))
    end = point + 2.0 * rng.normal(size=(count, 3))
    centre = point + rng.uniform(-0.1, 1.1, (count, 1)) * (end - point)
    centre += 0.15 * rng.normal(size=(count, 3))
    pose = np.zeros((count, POSE))
    pose[:, :3], pose[:, 3:AXES], pose[:, AXES:BEND] = centre, turn.reshape(count, 9), axes
    out = np.empty(count)
    shadow.passed(end, point, pose, C20 / F, out)
    off = np.abs(out - passed(end, point, centre, square, C20 / F)).max()
    figures("exact: shadow against physics.occlusion", off, "amplitude", "<= 1e-12")
    assert out.min() < 0.1
    assert out.max() == pytest.approx(1.0)
    assert off <= 1e-12


@pytest.mark.parametrize("poses", ["at", "fit"])
def test_both_legs_by_hand(poses):
    """Why: each leg has its own shadow, of every other piece, in its pose at the time of the bounce.
    Set-up: a head, a forearm and a hand that move and turn before it; in a box, both ends mirrored in a wall; the head alone.
    Expected: gains differ by the product over both legs and both limbs within 1e-9, frequencies and delays not at all.
    """

    def rotation(t):
        one = axis_rotation([1.0, 0.2, 0.5], 0.3 + 4.0 * t)
        return np.stack([np.tile(np.eye(3), (len(t), 1, 1)), one, one], axis=1)

    places = [
        lambda t: np.array([2.0, 2.0, 1.2]) + np.multiply.outer(t, [-1.0, 0.5, 0.0]),
        lambda t: np.array([1.75, 1.75, 1.15]) + np.multiply.outer(t, [-1.0, 3.0, 0.2]),
        lambda t: np.array([1.7, 2.3, 1.1]) + np.multiply.outer(t, [-0.5, -2.0, 0.2]),
    ]
    whole = group(*places, sizes=(HEAD, FOREARM, (0.014, 0.044, 0.1)), rotation=rotation)
    alone = group(places[0], sizes=(HEAD,))
    t = np.linspace(0.05, 0.15, 21)
    what = {
        "order": 1,
        "pairs": {("target", 0): np.array([[[0, -1, 0], [0, 1, 0]], [[0] * 3] * 2])},
    }
    room = box((5.0, 4.0, 3.0))
    one = next(exact.echoes(stage(SOURCE, MIC, whole, room=room), F, t, poses=poses, **what))
    two = next(exact.echoes(stage(SOURCE, MIC, alone, room=room), F, t, poses=poses, **what))
    np.testing.assert_allclose(one.delay_s, two.delay_s, atol=1e-15)
    np.testing.assert_allclose(one.ratio, two.ratio, atol=1e-12)
    images = exact.mirror_images(room.walls, SOURCE, 1), exact.mirror_images(room.walls, MIC, 1)
    lowest = 1.0
    for row, (going, coming) in enumerate(one.key):
        ends = [
            side.position_m[side.find(key[None])[0]]
            for side, key in zip(images, (going, coming), strict=True)
        ]
        there = whole.at(one.bounce_s[row])
        expected = np.ones(len(t))
        for instant in range(len(t)):
            centre = there.position_m[instant, 0]
            point = exact.fermat_point(ends[0] - centre, ends[1] - centre, HEAD)[0][0] + centre
            for other in (1, 2):
                turn = there.rotation[instant, other]
                square = turn @ np.diag(np.square(whole.pieces[other].size_m)) @ turn.T
                for end in ends:
                    where = there.position_m[instant, other]
                    rows = (end[None], point[None], where[None], square[None])
                    expected[instant] *= passed(*rows, C20 / F)[0]
        np.testing.assert_allclose(one.gain[row], two.gain[row] * expected, rtol=1e-9)
        lowest = min(lowest, expected.min())
    assert lowest < 0.2


def test_limb_that_crosses(figures):
    """Why: a step in an echo is a click in every band; a limb that swings past the chest must fade it down and up.
    Set-up: a forearm that crosses at 3 m/s, 16 cm before the chest's mirror point, 1.6 m from the device; the chest's echo every 0.1 ms.
    The Fresnel parameter runs at 110 per s, 0.011 a sample; an edge passes at most 0.5 more per unit of it, on both legs.
    Expected: steps below 0.012 of the free echo; second differences below 3e-4, which quarter at 0.05 ms, so that no kink is in
    them; down by more than 6 dB and back to 1 %.
    """
    torso = np.array([2.0, 2.0, 1.0])

    def arm(t):
        return torso + [-0.29, 0.0, 0.05] + np.multiply.outer(t, [0.0, 3.0, 0.0])

    free = stage(SOURCE, MIC, group(torso, sizes=(TORSO,)))
    scene = stage(SOURCE, MIC, group(torso, arm, sizes=(TORSO, FOREARM)))
    bends = []
    for every in (5e-5, 1e-4):
        t = np.arange(-0.25, 0.25, every)
        gain = direct(scene, t, 0, poses="fit").gain[0]
        level = np.abs(gain / direct(free, t[:1], 0).gain[0, 0])
        bends.append(np.abs(np.diff(level, 2)).max())
    step = np.abs(np.diff(level)).max()
    figures("exact, forearm crossing: largest step in 0.1 ms", step, "of free", "<= 0.012")
    figures("exact, forearm crossing: largest second difference", bends[1], "of free", "<= 3e-4")
    figures("exact, forearm crossing: deepest", 20.0 * np.log10(level.min()), "dB", "< -6")
    assert step <= 0.012
    assert bends[1] <= 3e-4
    assert bends[0] == pytest.approx(bends[1] / 4.0, rel=0.03)
    assert level.min() < 0.5
    assert level[[0, -1]] == pytest.approx(1.0, abs=0.01)


def test_deep_shadow(figures):
    """Why: a torso that stands before a limb hides it; today both are heard.
    Set-up: a forearm 35 cm behind the middle of a torso, and as far before it, 2 m from the device; both ends nearly at one place.
    Expected: behind by more than 12 dB down, before by less than 0.5 dB.
    """
    torso = np.array([2.0, 2.0, 1.05])
    levels = []
    for side in (0.35, -0.35):
        limb = torso + [side, 0.0, 0.0]
        free = direct(stage(SOURCE, MIC, group(limb, sizes=(FOREARM,))), [0.0], 0).gain[0, 0]
        body = group(limb, torso, sizes=(FOREARM, TORSO))
        gain = direct(stage(SOURCE, MIC, body), [0.0], 0).gain[0, 0]
        levels.append(20.0 * np.log10(np.abs(gain / free)))
    figures("exact, forearm behind a torso", levels[0], "dB", "< -12")
    assert levels[0] < -12.0
    assert abs(levels[1]) < 0.5


def test_glints_are_hidden_too():
    """Why: the shadow is at each glint's own place.
    Set-up: a dressed torso with a forearm before its left half.
    Expected: glints on the left lose much, glints on the right nothing that shows; the mirror lies between.
    """
    surface = PlainSurface(wrinkle_rms_m=0.001)
    torso = np.array([1.2, 2.0, 1.0])
    drawn = glints(TORSO, 0.001, 0.02, np.random.default_rng(1))
    given = {("target", 0): drawn, ("target", 1): drawn}
    rows, sides = [], None
    for limbs in ([], [torso + [-0.2, 0.1, 0.0]]):
        sizes = (TORSO, (0.04, 0.06, 0.3))[: 1 + len(limbs)]
        body = group(torso, *limbs, sizes=sizes, surface=surface)
        there = {key: given[key] for key in list(given)[: len(sizes)]}
        blocks = [
            block
            for block in exact.echoes(stage(SOURCE, MIC, body), F, [0.0], glints=there)
            if block.piece == 0
        ]
        rows.append(np.concatenate([np.abs(block.gain[:, 0]) for block in blocks]))
        sides = np.concatenate([block.spot for block in blocks])
    heard = rows[0] > 0.0
    share = rows[1][heard] / rows[0][heard]
    left = drawn.normal[sides[heard], 1] * (sides[heard] >= 0)
    assert share[left > 0.5].max() < 0.3
    assert share[left < -0.5].min() > 0.97


def test_other_movers_hide_as_limbs_do():
    """Why: what stands in the way does so whosever it is.
    Set-up: a forearm behind a torso, as one mover and as two.
    Expected: the same echo, weaker than the forearm's alone.
    """
    limb, torso = [2.35, 2.0, 1.05], [2.0, 2.0, 1.05]
    alone = group(limb, sizes=(FOREARM,))
    other = PlainBody(group(torso, sizes=(TORSO,)).position, (PlainPiece(TORSO),), name="other")
    one = direct(stage(SOURCE, MIC, group(limb, torso, sizes=(FOREARM, TORSO))), [0.0], 0).gain
    two = direct(stage(SOURCE, MIC, alone, other), [0.0], 0).gain
    free = direct(stage(SOURCE, MIC, alone), [0.0], 0).gain
    np.testing.assert_allclose(two, one, rtol=1e-12)
    assert np.abs(two) < 0.3 * np.abs(free)

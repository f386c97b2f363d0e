"""The judge's own mirror images: lengths, delays, levels, keys and reciprocity."""

import itertools

import numpy as np
import pytest
from exact_stage import (
    C20,
    PlainAir,
    PlainMover,
    PlainRoom,
    PlainSurface,
    PlainWall,
    box,
    line,
    stage,
)

from usim.engine import exact

SIZE = np.array([5.0, 4.0, 3.0])
SOURCE, MIC = np.array([1.0, 1.0, 1.2]), np.array([3.5, 2.5, 0.9])


def rows_by_key(scene, order=3):
    rows = exact.static_paths(scene, order=order)
    return {tuple(row["key"].tolist()): row for row in rows}


def test_v23_v24_first_order_lengths_and_delays(figures):
    """Why: every delay starts with an image.
    Set-up: 5 x 4 x 3 m, source (1, 1, 1.2), microphone (3.5, 2.5, 0.9), order 1.
    Expected: V23 lengths within 1e-5 m and V24 delays within 0.0005 ms.
    """
    rows = rows_by_key(stage(SOURCE, MIC, room=box(SIZE)), order=1)
    keys = [(0, 0, 0), (-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)]
    lengths = [2.93087, 4.752894, 5.708765, 4.311612, 5.156549, 3.593049, 4.869292]
    delays_ms = [8.5203, 13.8171, 16.5959, 12.5342, 14.9905, 10.4453, 14.1555]
    length_error = np.abs([rows[key]["r_m"] for key in keys] - np.array(lengths)).max()
    delay_error = np.abs([rows[key]["delay_s"] * 1e3 for key in keys] - np.array(delays_ms)).max()
    figures("V23 exact: largest error of path length", length_error, "m", "<= 1e-5")
    figures("V24 exact: largest error of delay", delay_error, "ms", "<= 0.0005")
    assert length_error <= 1e-5
    assert delay_error <= 0.0005


def test_v25_wall_echo_level_and_delay(figures):
    """Why: one bounce off a rigid wall ties level, air and delay together.
    Set-up: one wall, source 2 m before it, microphone a micrometre beside the source, 32 kHz, 1.01627 dB/m.
    Expected: V25, 11.628 ms +- 0.001 and -16.106 dB +- 0.02; the case counts air over all of the 4 m, while a level here
    is what one measures at 1 m in air, so 1 m of air is taken off before the comparison.
    """
    wall = PlainWall("x0", np.array([1.0, 0.0, 0.0]), np.zeros((1, 3)))
    loss_db_m = 1.01627
    air = PlainAir(loss_np_m=loss_db_m / (20.0 * np.log10(np.e)))
    scene = stage([2.0, 0.0, 0.0], [2.0, 1e-6, 0.0], room=PlainRoom((wall,)), air=air)
    rows = rows_by_key(scene)
    assert set(rows) == {(0, 0, 0), (-1, 0, 0)}
    echo = rows[(-1, 0, 0)]
    level = 20.0 * np.log10(abs(echo["gain"])) - loss_db_m
    figures("V25 exact: level of the wall echo", level, "dB", "-16.106 +- 0.02")
    assert level == pytest.approx(-16.106, abs=0.02)
    assert echo["delay_s"] * 1e3 == pytest.approx(11.628, abs=0.001)


def test_box_against_allen_and_berkley(figures):
    """Why: keys, hits and positions must be those of the published lattice, for every image.
    Set-up: a box of six different constant reflections, order 3, no air loss.
    Expected: 63 images; delay within 1e-12 s and level within 1e-6 dB of Allen and Berkley (1979).
    """
    room = box(SIZE)
    beta = np.array([0.9, -0.8, 0.7, 0.6, 0.95, 0.5])
    walls = [
        PlainWall(wall.name, wall.normal, wall.corners_m, PlainSurface(value))
        for wall, value in zip(room.walls, beta, strict=True)
    ]
    rows = rows_by_key(stage(SOURCE, MIC, room=PlainRoom(tuple(walls))))
    expected = {}
    for key in itertools.product(range(-3, 4), repeat=3):
        if sum(map(abs, key)) > 3:
            continue
        place, gain = np.zeros(3), 1.0
        for axis, count in enumerate(key):
            even = count % 2 == 0
            place[axis] = count * SIZE[axis] + (SOURCE[axis] if even else SIZE[axis] - SOURCE[axis])
            low = abs(count) // 2 if count >= 0 else (abs(count) + 1) // 2
            gain *= beta[2 * axis] ** low * beta[2 * axis + 1] ** (abs(count) - low)
        r = np.linalg.norm(place - MIC)
        expected[key] = (r / C20, gain / r)
    assert len(rows) == 63
    assert set(rows) == set(expected)
    late = max(abs(rows[key]["delay_s"] - value[0]) for key, value in expected.items())
    off = max(abs(rows[key]["gain"] / value[1] - 1.0) for key, value in expected.items())
    figures("exact, static box: largest error of delay", late, "s", "<= 1e-12")
    figures("exact, static box: largest error of level", 8.686 * off, "dB", "<= 1e-6")
    assert late <= 1e-12
    assert 8.686 * off <= 1e-6


def test_order_and_turn_of_images():
    """Why: beams and shadows are looked up in the direction that the real device sees.
    Set-up: all order-2 images of a point in a box; the straight line from each to a listener, folded back wall by wall.
    Expected: the first leg of the folded path leaves the point along turn.T @ (unfolded direction).
    """
    room = box(SIZE)
    images = exact.mirror_images(room.walls, SOURCE, 2)
    assert images.order.tolist() == sorted(images.order.tolist())
    for index in range(len(images.key)):
        unfolded = (MIC - images.position_m[index]) / np.linalg.norm(MIC - images.position_m[index])
        start = images.turn[index].T @ unfolded
        # Fly from the source along `start`, bouncing off walls, as far as the unfolded path is long.
        place, way = SOURCE.copy(), start.copy()
        left = np.linalg.norm(MIC - images.position_m[index])
        hits = 0
        while True:
            with np.errstate(divide="ignore"):
                to_wall = np.where(way > 0, SIZE - place, place) / np.maximum(np.abs(way), 1e-300)
            axis = int(np.argmin(to_wall))
            if to_wall[axis] >= left:
                place = place + left * way
                break
            place, left = place + to_wall[axis] * way, left - to_wall[axis]
            way[axis] = -way[axis]
            hits += 1
        assert hits == images.order[index]
        np.testing.assert_allclose(place, MIC, atol=1e-12)


def test_s4_reciprocity(figures):
    """Why: S4: swapping a point source and an omnidirectional microphone changes no path.
    Set-up: a box and an ellipsoid at rest in it; all static paths and all 63 x 63 echoes, then the ends swapped.
    Expected: the sets of delays and gains agree within 1e-9 (relative).
    """
    body = PlainMover(line([2.4, 2.2, 1.0], [0, 0, 0]), size_m=(0.12, 0.16, 0.3))
    room = box(SIZE, PlainSurface(0.9 - 0.1j))
    there = stage(SOURCE, MIC, body, room=room)
    back = stage(MIC, SOURCE, body, room=room)
    one, two = exact.static_paths(there), exact.static_paths(back)
    np.testing.assert_allclose(np.sort(one["delay_s"]), np.sort(two["delay_s"]), rtol=1e-12)
    moving = []
    for scene, turn in ((there, 1), (back, -1)):
        found = {}
        for block in exact.echoes(scene, 32000.0, [0.5]):
            keys = [(tuple(a), tuple(b))[::turn] for a, b in block.key.tolist()]
            found |= dict(
                zip(keys, zip(block.delay_s[:, 0], block.gain[:, 0], strict=True), strict=True)
            )
        moving.append(found)
    assert len(moving[0]) == 63 * 63
    assert set(moving[0]) == set(moving[1])
    pairs = np.array([[*moving[0][key], *moving[1][key]] for key in moving[0]])
    delay = np.abs(pairs[:, 0] / pairs[:, 2] - 1.0).max()
    gain = (np.abs(pairs[:, 1] - pairs[:, 3]) / np.abs(pairs[:, 1]).max()).max()
    figures("S4 exact: largest change of delay or gain", max(delay, gain), "relative", "<= 1e-9")
    assert max(delay, gain) <= 1e-9


def test_slanting_walls_are_refused():
    """Why: the lattice holds for boxes only; a wrong image is worse than none.
    Set-up: two planes at 60 degrees.
    Expected: one line that names the wall.
    """
    lean = PlainWall("lean", np.array([0.5, np.sqrt(0.75), 0.0]), np.array([[-1.0, 0.0, 0.0]]))
    flat = PlainWall("flat", np.array([1.0, 0.0, 0.0]), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="lean is neither parallel nor perpendicular"):
        exact.mirror_images((flat, lean), [1.0, 0.0, 0.0])

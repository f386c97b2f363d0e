"""Cross-checks: what no field can know by itself."""

import pytest

LSHAPED = (
    "kind: box\n  size_m: [4, 4, 2.5]",
    "kind: polygon\n  corners_m: [[0, 0], [4, 0], [4, 2], [2, 2], [2, 4], [0, 4]]\n  height_m: 2.5",
)
USHAPED = (
    "kind: box\n  size_m: [4, 4, 2.5]",
    "kind: polygon\n  corners_m: [[0, 0], [4, 0], [4, 4], [2.5, 4], [2.5, 2], [1.5, 2], [1.5, 4], [0, 4]]\n  height_m: 2.5",
)

FINDINGS = [
    # a device outside, in furniture, in the wall, too near another
    (("[0.3, 3.0, 1.0]", "[4.3, 3.0, 1.0]"), "devices.shelf.position_m: [4.3, 3, 1] is outside the room (which is 4 x 4 x 2.5 m)"),
    (("[0.3, 3.0, 1.0]", "[0.02, 3.0, 1.0]"), "so near a wall that a driver or microphone is in it"),
    (("[0.3, 3.0, 1.0]", "[1.5, 1.5, 0.3]"), "puts the device inside sofa"),
    (("devices:\n", "devices:\n  - {name: two, profile: ideal, position_m: [0.342, 3.0, 1.005]}\n"), "keep 0.01 m between them"),
    # a mover outside, in furniture, in a device
    (("[1, 3, 1]", "[0.05, 2.6, 1]"), "movers.ball: its body reaches 0.05 m beyond west at 2 s; the room is 4 x 4 x 2.5 m; keep"),
    (("[1, 3, 1]", "[6, 3, 1]"), "m beyond east at"),  # not west, whose direction it is outside of as well
    (("[1, 3, 1]", "[1, 3, -9]"), "m beyond floor at"),
    (("[1, 3, 1]", "[1, 3, 0.05]"), "beyond floor"),
    (("[1, 3, 1]", "[1.5, 1.5, 0.55]"), "it goes through sofa at"),
    (("[1, 3, 1]", "[0.3, 3, 1]"), "it comes within 0.01 m of shelf at"),
    # a sheet that is one with a wall
    (("surface: denim}\n", "surface: denim}\n    - {kind: screen, from_m: [3, 3.99, 0], to_m: [3.8, 3.99, 2], surface: curtain_drape}\n"), "room.furniture.screen: screen hangs at north, nearer than 0.02 m"),
    # furniture outside, through a wall, through one end of a wall that juts in
    (("to_m: [2, 2, 0.5]", "to_m: [2, 4.5, 0.5]"), "room.furniture.sofa: sofa reaches 0.5 m beyond north; the room is 4 x 4 x 2.5 m; move it"),
    (("to_m: [2, 2, 0.5]", "to_m: [2, 2, 2.6]"), "sofa reaches 0.1 m beyond ceiling"),
    (("from_m: [1, 1, 0]", "from_m: [1, 1, -0.2]"), "sofa reaches 0.2 m beyond floor"),
    ((*LSHAPED, "from_m: [1, 1, 0]", "from_m: [1.5, 1.2, 0]", "to_m: [2, 2, 0.5]", "to_m: [2.5, 2.4, 0.5]"), "sofa reaches 0.5 m beyond w4"),
    ((*USHAPED, "from_m: [1, 1, 0]", "from_m: [1, 2.5, 0]", "to_m: [2, 2, 0.5]", "to_m: [3, 3, 0.5]"), "sofa stands in the wall at a corner that juts into the room"),
    # noises
    (("at: [3.5, 3.5, 0.3]", "at: [9, 3.5, 0.3]"), "noises.valve.at: [9, 3.5, 0.3] is outside the room"),
    (("at: [3.5, 3.5, 0.3]", "at: [1.5, 1.5, 0.3]"), "is inside sofa; move the noise out of it"),
    (("at: [3.5, 3.5, 0.3]", "at: [0.342, 3.0, 1.0]"), "is at a microphone or driver of shelf"),
    # frequencies
    (("title: small", "render: {rate_hz: 48000}"), "devices.shelf.emits.carriers_hz: 32500 Hz: the pass band of shelf ends at 22080 Hz at 48000 Hz"),
    (("carriers_hz: [32500]", "carriers_hz: [44000]", "[1, 3, 1]", "[1.0, 1.0, 1]"), "movers.ball: at 1.41 m/s it shifts 44000 Hz by 363 Hz and folds"),
    (("carriers_hz: [32500]", "carriers_hz: [25000]"), "west: drywall_painted: "),
    (("title: small", "render: {baseband_rate_hz: 2000}", "at_s: [0, 2]", "at_s: [0, 0.4]"), "set render.baseband_rate_hz to 4000"),
    (("at_s: [0, 2]", "at_s: [0, 0.02]"), "no part may be faster than 60 m/s"),
    (("at_s: [0, 2]", "at_s: [0, 0.05]"), "holds 6400 Hz; slow it down"),
    # counts
    (("profile: puck_4mic", "profile: puck_4mic\n    listens: false"), "no device listens"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), FINDINGS, ids=[said[:40] for _, said in FINDINGS])
def test_a_cross_check_finds(problems, changes, said):
    lines = problems(*changes)
    assert any(said in line for line in lines), lines
    assert all(line.startswith("small.yaml:") for line in lines)


FINE = [
    ("[1, 3, 1]", "[1, 3, 0.1]"),  # rolls onto the floor
    ("[1, 3, 1]", "[1, 2.15, 0.2]"),  # passes close to the sofa
    ("[0.3, 3.0, 1.0]", "{on: sofa, height_m: 0.03}"),
    ("[0.3, 3.0, 1.0]", "{at_wall: west, height_m: 1.0, along: 0.75}"),
    ("[0.3, 3.0, 1.0]", "{in_room: [0.1, 0.75, 0.4]}"),
    ("at: [3.5, 3.5, 0.3]", "at: {free_floor: {margin_m: 0.3, near: sofa, within_m: 1.0}}"),
    ("at: [3.5, 3.5, 0.3]", "at: {mover: ball, part: body}, when: moving"),
    ("at: [3.5, 3.5, 0.3]", "at: {device: shelf}"),
    ("duration_s: 2", "duration_s: 604800"),
    ("duration_s: 2", "duration_s: 0.001"),
    ("title: small", "render: {rate_hz: 192e3}"),
]


@pytest.mark.parametrize("changes", FINE, ids=[new[:40] for _, new in FINE])
def test_what_is_possible_passes(small, changes):
    scene = small(*changes).sample()
    assert scene.attempts == 1


def test_a_pass_through_a_corner_of_the_furniture_is_found(problems):
    """A ball that clips an edge between two samples of its surface: the nearest point decides."""
    lines = problems("[[3, 3, 1], [1, 3, 1]]", "[[3, 2.065, 0.565], [0.5, 2.065, 0.565]]")
    assert any("goes through sofa" in line for line in lines)


def test_a_ball_that_misses_the_edge_by_a_millimetre_passes(small):
    small("[[3, 3, 1], [1, 3, 1]]", "[[3, 2.0715, 0.5715], [0.5, 2.0715, 0.5715]]").sample()


def test_exposure_is_a_note(small):
    scene = small("level_db_spl: 72", "level_db_spl: 85").sample()
    (note,) = scene.notes
    assert "85 dB SPL at 1 m is 105 dB at 0.1 m, above the public exposure value of 100 dB" in note
    assert small().sample().notes == ()


def test_files_have_a_limit_of_their_own():
    from usim.scene import too_long_for_files

    assert too_long_for_files(600.0) is None
    assert "--force" in str(too_long_for_files(600.1))
    assert too_long_for_files(604800.0, force=True) is None

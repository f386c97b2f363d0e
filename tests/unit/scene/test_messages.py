"""Every mistake is one line with file, line, column, place, what is wrong and what to do."""

import re

import pytest

FORM = re.compile(r"small\.yaml:\d+:\d+: [\w.]+: \S.*")

MISTAKES = [
    ("duration_s: 2", "duration_s: -4", "small.yaml:3:1: duration_s: must be at least 0.001 s, got -4"),
    ("duration_s: 2", "duration_s: soon", "3:1: duration_s: must be a number in s, got soon"),
    ("duration_s: 2", "duration_s: 604801", "duration_s: must be at most 604800 s, got 604801"),
    ("duration_s: 2", "duration: 2", "duration_s: missing; duration may be meant to be it"),
    ("duration_s: 2", "duration: 2", "duration: no such field; did you mean duration_s?"),
    ("title: small", "render: {quality: fin}", "render.quality: must be draft or standard or fine or exact, got fin; did you mean fine?"),
    ("title: small", "render: {bits: 20}", "render.bits: must be 16 or 24, got 20"),
    ("title: small", "render: {rate_hz: 384001}", "render.rate_hz: must be at most 384000 Hz"),
    ("title: small", "render: {rate_hz: 95000}", "render.rate_hz: shelf: this profile's converter has no rate 95000"),
    ("title: small", "seed: -1", "seed: must be a whole number from 0 to 2^63 - 1, got -1"),
    ("title: small", "seed: 1.5", "seed: "),
    ("  furniture:", "  patches: [{wall: east, from_m: [1, 1], to_m: [2, 3], surface: foam}]\n  furniture:", "room.patches.patch: reaches 0.5 m beyond east, which is 4 x 2.5 m; keep it from 0 to 2.5 in height"),
    ("  furniture:", "  patches: [{wall: up, from_m: [1, 1], to_m: [2, 2], surface: foam}]\n  furniture:", "room.patches.patch: no wall up; one of west, east"),
    ("  furniture:", "  patches: [{wall: east, from_m: [1, 1], to_m: [1, 2], surface: foam}]\n  furniture:", "the first number of to_m must be at least 0.1 m beyond that of from_m, got 1 to 1"),
    ("  furniture:", "  patches: [{wall: east, from_m: [1, 1], to_m: [2, 2], surface: fome}]\n  furniture:", "room.patches.patch.surface: there is no material fome; did you mean foam?"),
    ("  furniture:", "  openings: [{kind: door, wall: east, from_m: 1, width_m: 9}]\n  furniture:", "room.openings.door: reaches 6 m beyond east, which is 4 x 2.5 m; keep it from 0 to 4 along the wall"),
    ("  furniture:", "  openings: [{kind: door, wall: floor, from_m: 1, width_m: 1}]\n  furniture:", "room.openings.door: no standing wall floor; one of west, east, south, north"),
    ("  furniture:", "  openings: [{kind: door, wall: east, from_m: 1, width_m: 1, open: 2}]\n  furniture:", "room.openings.door.open: must be at most 1, got 2"),
    ("  furniture:", "  openings: [{kind: door, wall: east, from_m: 1, width_m: 1, leads_to: garden}]\n  furniture:", "room.openings.door.leads_to: must be outside, or a mapping with size_m and surface of the room beyond, got garden"),
    ("  furniture:", "  openings: [{kind: door, wall: east, from_m: 1, width_m: 1, open: 0.5}, {kind: window, wall: east, from_m: 1.5, width_m: 1}]\n  furniture:", "room.openings.window: overlaps door on east; move one of them or make it smaller"),
    ("  furniture:", "  openings: [{kind: hatch, wall: east, from_m: 1, width_m: 1}]\n  furniture:", "room.openings.hatch.kind: no kind 'hatch' of openings; one of door, window"),
    ("title: small", "exposure: accept_above_public", "exposure: accepting levels above the public exposure value comes with a later version"),
    ("title: small", "air: {temperature_c: 45}", "air.temperature_c: must be at most 35 degrees C, got 45"),
    ("title: small", "air: {humidity_percent: 0}", "air: humidity_percent 0"),
    ("title: small", "air: {draughts: [{speed_m_s: 0.2}]}", "air.draughts.draught.from: missing"),
    ("title: small", "air: {draughts: [{from: up, speed_m_s: 0.2}]}", "air.draughts.draught.from: no wall up; one of"),
    ("title: small", "air: {draughts: [{from: 3, speed_m_s: 0.2}]}", "must be a wall's name, such as west, or a point"),
    ("title: small", "air: {draughts: [{from: west, speed_m_s: 9}]}", "air.draughts.draught.speed_m_s: must be at most 5 m/s"),
    ("title: small", "air: {drift_k_per_min: 12}", "air.drift_k_per_min: must be at most 10"),
    ("duration_s: 2", "duration_s: 600\nair: {drift_k_per_min: 5}", "air.drift_k_per_min: brings the air to 70 degrees C by the end"),
    ("kind: box", "kind: boxx", "room.kind: no kind 'boxx' of rooms; did you mean box?"),
    ("kind: box", "knd: box", "room.kind: missing; add a kind, one of box"),
    ("size_m: [4, 4, 2.5]", "size_m: [4, 4, 0.3]", "room.size_m.2: must be at least 0.5 m, got 0.3"),
    ("size_m: [4, 4, 2.5]", "size_m: [4, 4]", "room.size_m.2: too few numbers, got 2; add the others in m"),
    ("size_m: [4, 4, 2.5]", "size_m: 4", "room.size_m: must be a list, got 4"),
    ("size_m: [4, 4, 2.5]", "sizem: [4, 4, 2.5]", "room.sizem: no such field; did you mean size_m?"),
    ("floor: carpet_loop", "floor: carpet_lop", "room.surfaces.floor: there is no material carpet_lop; did you mean carpet_loop?"),
    ("floor: carpet_loop", "floor: 3", "room.surfaces.floor: a surface is a material's id or a mapping"),
    ("floor: carpet_loop", "flor: carpet_loop", "room.surfaces.flor: no such field; did you mean floor?"),
    ("to_m: [2, 2, 0.5]", "to_m: [2, 1, 0.5]", "room.furniture.sofa: to_m must lie at least 0.005 m beyond from_m in y, got 1 to 1"),
    ("from_m: [1, 1, 0]", "from_m: {in_room: [0, 0, 0]}", "room.furniture.sofa.from_m: must be a list"),
    ("kind: block", "kind: lamp", "room.furniture.sofa.kind: no kind 'lamp' of furniture"),
    ("profile: puck_4mic", "profile: puck_4mik", "devices.shelf.profile: "),
    ("profile: puck_4mic", "profile: ../puck_4mic", "devices.shelf.profile: "),
    ("profile: puck_4mic", "profile: ideal\n    unit: -1", "devices.shelf.unit: must be a serial number from 0 to 2^53, or nominal, got -1"),
    ("profile: puck_4mic", "profile: ideal\n    listens: maybe", "devices.shelf.listens: must be true or false, got maybe"),
    ("profile: puck_4mic", "profile: ideal\n    plays: {kind: music}", "devices.shelf.plays: a programme for the ear comes with a later version"),
    ("profile: puck_4mic", "profile: ideal\n    defects: []", "devices.shelf.defects: defects comes with a later version"),
    ("[0.3, 3.0, 1.0]", "{on: shelf2}", "devices.shelf.position_m: no furniture shelf2 in this room; one of sofa"),
    ("[0.3, 3.0, 1.0]", "{in_room: [0, 0, 2]}", "devices.shelf.position_m.in_room.2: must be at most 1, got 2"),
    ("[0.3, 3.0, 1.0]", "{at_wall: up, height_m: 1}", "no standing wall up; one of west, east, south, north"),
    ("[0.3, 3.0, 1.0]", "{at_wall: west}", "devices.shelf.position_m.height_m: missing; add it"),
    ("carriers_hz: [32500]", "carriers_hz: 32500", "devices.shelf.emits.carriers_hz: must be a list, got 32500"),
    ("carriers_hz: [32500]", "carriers_hz: []", "devices.shelf.emits.carriers_hz: must have at least 1 entry, got 0"),
    ("level_db_spl: 72", "level_db_spl: 300", "devices.shelf.emits.level_db_spl: must be at most 120 dB SPL, got 300"),
    ("level_db_spl: 72", "level_db_spl: 72, duty: 0.5", "devices.shelf.emits.duty: a duty cycle comes with a later version"),
    ("{kind: tones, carriers_hz: [32500], level_db_spl: 72}", "[{kind: tones}]", "devices.shelf.emits: several emissions with a driver each come with a later version"),
    ("kind: sphere", "kind: curtain", "movers.ball.kind: curtain comes with a later version of usim; there are cylinder, ellipsoid,"),
    ("kind: hiss", "kind: tap", "noises.valve.kind: tap comes with a later version of usim; there are hiss,"),
    ("kind: sphere", "kind: sphre", "movers.ball.kind: no kind 'sphre' of movers; did you mean sphere?"),
    ("radius_m: 0.1", "radius_m: big", "movers.ball.radius_m: must be a number in m, got big"),
    ("radius_m: 0.1", "radius_m: true", "movers.ball.radius_m: must be a number in m, got true"),
    ("radius_m: 0.1", "raduis_m: 0.1", "movers.ball.radius_m: missing; raduis_m may be meant to be it"),
    ("path: linear", "path: curvy", "movers.ball.track.path: must be linear or smooth, got curvy"),
    ("at_s: [0, 2]", "at_s: [0, 0]", "movers.ball.track: at_s must grow by at least 0.001 s at each step"),
    ("at: [3.5, 3.5, 0.3]", "at: nowhere", "noises.valve.at: must be a point [x, y, z], {mover: NAME, part: PART} or {device: NAME}, got nowhere"),
    ("at: [3.5, 3.5, 0.3]", "at: {mover: bal}", "noises.valve.at.mover: no mover bal in this sample; there is ball"),
    ("at: [3.5, 3.5, 0.3]", "at: {mover: ball, part: hand}", "noises.valve.at.part: ball has no part hand; it has body"),
    ("at: [3.5, 3.5, 0.3]", "at: {device: two}", "noises.valve.at.device: no device two in this sample; there is shelf"),
    ("at: [3.5, 3.5, 0.3]", "at: [3.5, 3.5, 0.3], when: moving", "when: moving needs `at` to be a mover's part"),
    ("at: [3.5, 3.5, 0.3]", "at: [3.5, 3.5, 0.3], when: [[1, 0]]", "noises.valve.when: intervals must be [from, to] in order"),
    ("name: valve", "name: ball", "two things are called ball"),
    ("name: valve", "name: Ball", "noises.Ball: two things are called Ball"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=[f"{n}" for _, n, _ in MISTAKES])
def test_a_mistake_is_said_well(problems, old, new, said):
    lines = problems(old, new)
    assert any(said in line for line in lines), lines
    for line in lines:
        assert FORM.fullmatch(line), line
        assert len(line) < 400


def test_every_problem_at_once_sorted_by_line(problems):
    lines = problems(
        "duration_s: 2", "duration_s: -1",
        "floor: carpet_loop", "floor: carpet_lop",
        "profile: puck_4mic", "profile: nothing_like_it",
        "radius_m: 0.1", "radius_m: big",
        "level_db_spl: 30", "level_db_spl: loud",
    )  # fmt: skip
    numbers = [int(line.split(":")[1]) for line in lines]
    assert len(lines) == 5
    assert numbers == sorted(numbers)


def test_one_wrong_thing_does_not_hide_the_next(problems):
    """A room that cannot be built leaves placements without a place; their own mistakes are still said."""
    lines = problems(
        "size_m: [4, 4, 2.5]", "size_m: []", "[0.3, 3.0, 1.0]", "{on: sofa, hieght_m: 1}"
    )
    assert any(
        "position_m.hieght_m: no such field; did you mean height_m?" in line for line in lines
    )
    assert any("room.size_m" in line for line in lines)

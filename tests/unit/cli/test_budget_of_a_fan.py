"""What `describe` says of a fan before anybody renders it."""

from usim.cli.budget import budget
from usim.scene import parse

FAN = """\
usim: scene/1
title: fan and ball
duration_s: 2
room:
  kind: box
  size_m: [4, 4, 2.5]
  surfaces: {floor: carpet_loop, ceiling: plaster_painted, walls: drywall_painted}
devices:
  - {name: shelf, profile: puck_4mic, position_m: [0.3, 3.0, 1.0], emits: {kind: tones, carriers_hz: [33100], level_db_spl: 72}}
movers:
  - {kind: fan, name: pedestal, position_m: [3.0, 1.0, 1.1], rpm: 1000}
  - {kind: sphere, name: ball, radius_m: 0.1, track: {at_s: [0, 2], through_m: [[3, 3, 1], [1, 3, 1]]}}
"""


def test_flashes_have_no_echo_budget():
    """An echo at a few instants says nothing of a fan's flashes; its Doppler is known all the same."""
    told = budget(parse(FAN.encode(), "fan.yaml").sample())
    assert [echo["mover"] for echo in told["echoes"]] == ["ball"]
    assert any(
        note.startswith("movers.pedestal: flat pieces and cylinders flash")
        for note in told["notes"]
    )
    fan = told["movers"][0]
    assert (fan["name"], fan["pieces"]) == ("pedestal", 12)
    assert 3500 < fan["doppler_hz"]["33100"] < 4600
    assert told["baseband_rate_hz"] == 16000

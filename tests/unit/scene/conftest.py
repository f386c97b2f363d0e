"""A small valid scene as text, and ways to change it."""

import pytest

from usim.scene import parse
from usim.template.problem import InvalidInput

SMALL = """\
usim: scene/1
title: small
duration_s: 2
room:
  kind: box
  size_m: [4, 4, 2.5]
  surfaces: {floor: carpet_loop, ceiling: plaster_painted, walls: drywall_painted}
  furniture:
    - {kind: block, name: sofa, from_m: [1, 1, 0], to_m: [2, 2, 0.5], surface: denim}
devices:
  - name: shelf
    profile: puck_4mic
    position_m: [0.3, 3.0, 1.0]
    emits: {kind: tones, carriers_hz: [32500], level_db_spl: 72}
movers:
  - {kind: sphere, name: ball, radius_m: 0.1, track: {at_s: [0, 2], through_m: [[3, 3, 1], [1, 3, 1]], path: linear}}
noises:
  - {kind: hiss, name: valve, level_db_spl: 30, at: [3.5, 3.5, 0.3]}
"""


@pytest.fixture
def small():
    """`small(old, new, ...)` returns the template of the small scene with texts replaced."""

    def template(*changes: str):
        text = SMALL
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text, f"{old!r} is not in the small scene"
            text = text.replace(old, new)
        return parse(text.encode(), "small.yaml")

    return template


@pytest.fixture
def problems(small):
    """`problems(old, new, ...)` returns the lines of what is wrong after replacing texts."""

    def found(*changes: str) -> list[str]:
        with pytest.raises(InvalidInput) as caught:
            small(*changes).sample()
        return str(caught.value).splitlines()

    return found

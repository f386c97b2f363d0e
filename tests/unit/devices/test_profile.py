"""Profiles: strict files, tolerances within the models' ranges, errors that name their line."""

import pytest

from usim.devices import profile
from usim.template.problem import InvalidInput

SMALL = """\
usim: profile/1
name: small
drivers:
  - {name: main, position_m: [0.0, 0.0, 0.0]}
microphones:
  - {name: m1, position_m: [0.0, 0.05, 0.0]}
  - {name: m2, position_m: [0.0, -0.05, 0.0]}
capsule:
  sensitivity_db: {nominal: 0, normal: [0, 0.5], min: -1, max: 1}
  port: {resonance_hz: {nominal: 27000, uniform: [25000, 29000]}, q: 2.3}
"""


def parse(text: str) -> profile.Profile:
    return profile.parse(text.encode(), "small.yaml")


def complaints(text: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        parse(text)
    return str(caught.value)


def test_a_small_profile_is_read_with_defaults():
    small = parse(SMALL)
    assert small.name == "small"
    assert small.nominal.capsule.sensitivity_db == 0.0
    assert small.nominal.converter.rate_hz == 96000
    assert small.nominal.capsule.self_noise is None


def test_tolerances_are_listed_by_place_with_their_bounds():
    places = parse(SMALL).tolerances
    assert places["capsule.sensitivity_db"] == pytest.approx((-1.0, 1.0))
    assert places["capsule.port.resonance_hz"] == pytest.approx((25000.0, 29000.0))


def test_equal_content_is_an_equal_profile_whatever_the_file():
    other = profile.parse(("# a comment\n" + SMALL).encode(), "elsewhere.yaml")
    assert other == parse(SMALL)
    assert hash(other) == hash(parse(SMALL))
    assert parse(SMALL.replace("2.3", "2.4")) != other


@pytest.mark.parametrize(
    ("found", "written", "wanted"),
    [
        ("q: 2.3", "q: 23", ("small.yaml:10", "capsule.port.q", "23")),
        ("q: 2.3", "qu: 2.3", ("small.yaml:10", "no such field", "missing")),
        ("max: 1", "max: 100", ("small.yaml:9", "highest", "capsule.sensitivity_db")),
        ("[25000, 29000]", "[5000, 29000]", ("small.yaml:10", "lowest")),
        ("nominal: 27000", "nominal: 40000", ("small.yaml:10", "outside its own draw")),
        (", min: -1, max: 1", "", ("small.yaml:9", "min and max")),
        ("nominal: 0, ", "", ("small.yaml:9", "nominal")),
        ("nominal: 0,", "nominal: 0, uniform: [0, 1],", ("small.yaml:9", "exactly one")),
        ("nominal: 0,", "nominal: 0, together: 2,", ("small.yaml:9", "together")),
        ("nominal: 0,", "nominal: 0, mean: 2,", ("small.yaml:9", "mean")),
        ("name: m2", "name: m1", ("small.yaml", "share the name m1")),
        ("profile/1", "scene/1", ("small.yaml:1", "must be profile/1")),
        ("name: small", "name: 7", ("small.yaml:2", "name")),
        (
            "[0.0, 0.05, 0.0]",
            "[0.0, {nominal: 0.05, uniform: [0.04, 0.06]}, 0.0]",
            ("small.yaml:6", "microphones.m1.position_m", "delay_s"),
        ),
        ("capsule:", "capsules:", ("small.yaml:8", "did you mean capsule?")),
        ("q: 2.3}", "q: 2.3}\n  overload: 120", ("small.yaml:11", "comes with a later version")),
        ("q: 2.3}", "q: 2.3, area_m2: 5.0e-7}", ("small.yaml:10", "either resonance_hz or")),
    ],
)
def test_a_wrong_profile_is_refused_with_line_and_place(found, written, wanted):
    assert found in SMALL
    text = complaints(SMALL.replace(found, written, 1))
    for word in wanted:
        assert word in text
    assert "\n\n" not in text


def test_every_problem_is_reported_at_once():
    text = complaints(SMALL.replace("q: 2.3", "q: 23").replace("0.05", "nowhere"))
    assert len(text.splitlines()) >= 2


def test_an_unknown_name_says_which_profiles_there_are():
    with pytest.raises(InvalidInput, match="puck_4mic"):
        profile.load("puck_4mik")


def test_the_two_shipped_profiles_load():
    assert profile.load("ideal").tolerances == {}
    puck = profile.load("puck_4mic")
    assert len(puck.nominal.microphones) == 4
    assert len(puck.tolerances) > 20

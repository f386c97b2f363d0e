"""Labels are made from speeds alone, by the kinematic rule, in steps of 50 ms."""

import numpy as np
import pytest

from usim.recording.labels import (
    Label,
    LabelTrack,
    Motion,
    label_track,
    person_state,
    step_times_s,
)
from usim.template.problem import InvalidInput


def person(states, inside=None, name="adult"):
    """A person of two parts whose pelvis or hand moves as the letters say: M, m or s a step."""
    pelvis = [0.3 if letter == "M" else 0.0 for letter in states]
    hand = [0.06 if letter in "Mm" else 0.02 for letter in states]
    return Motion(name, np.stack([pelvis, hand], axis=1), np.array(pelvis), inside)


def spelled(states, inside=None):
    return "".join("-smM"[value] for value in person_state(person(states, inside)))


def rows(track, mover):
    return [(row.onset_s, row.offset_s, row.label) for row in track.of(mover)]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("ssssMMMMssss", "ssssMMMMssss"),
        ("MMMsssssMMM", "MMMMMMMMMMM"),  # a gap of 0.25 s is closed
        ("MMMssssssMMM", "MMMssssssMMM"),  # one of 0.3 s is not
        ("ssssMssss", "sssssssss"),  # a run of 50 ms is dropped
        ("ssssMMssss", "ssssMMssss"),  # one of 100 ms is not
        ("ssssmssss", "sssssssss"),
        ("mmmmMmmmm", "mmmmmmmmm"),  # a dropped major run is minor where parts do move
        ("ssssmMMMssss", "sssssMMMssss"),  # a remnant of 50 ms is swallowed
        ("MMMmmmMMM", "MMMMMMMMM"),  # a gap in major is closed whatever is in it
        ("sMMMMMMM", "MMMMMMMM"),  # a first step alone goes to what follows
        ("m", "s"),
        ("", ""),
    ],
)
def test_person_has_one_cleaned_class_a_step(states, expected):
    """Gaps under 0.3 s are closed and runs under 0.1 s dropped, strongest class first."""
    assert spelled(states) == expected


def test_thresholds_are_strict():
    """0.25 m/s of the pelvis is not yet major, 0.05 m/s of any part not yet minor."""
    at_threshold = Motion("a", np.full((10, 1), 0.25), np.full(10, 0.25))
    assert set(person_state(at_threshold)) == {2}
    assert set(person_state(Motion("a", np.full((10, 1), 0.05), np.full(10, 0.05)))) == {1}


def test_only_the_middle_of_the_pelvis_makes_major():
    """Hips that turn with a body on the spot are fast, their middle is not."""
    turning = Motion("a", np.full((10, 2), 0.6), np.full(10, 0.02))
    assert set(person_state(turning)) == {2}
    assert {row.label for row in label_track([turning], 0.5)} == {"minor", "presence"}


def test_person_outside_the_room_has_no_rows():
    inside = np.array([False] * 10 + [True] * 10)
    track = label_track([person("M" * 20, inside)], 1.0)
    assert rows(track, "adult") == [(0.5, 1.0, "major")]
    assert rows(track, "") == [(0.5, 1.0, "major"), (0.5, 1.0, "presence")]


def test_room_rows_are_presence_and_the_strongest():
    """The room's motion rows never overlap; those of the movers may."""
    track = label_track(
        [
            person("ssssssssssMMMMMMMMMM", name="one"),
            person("mmmmmmmmmmmmmmmsssss", name="two"),
            Motion("fan", np.full((20, 3), 4.0)),
        ],
        1.0,
    )
    assert rows(track, "") == [(0.0, 0.5, "minor"), (0.0, 1.0, "presence"), (0.5, 1.0, "major")]
    assert rows(track, "two") == [(0.0, 0.75, "minor"), (0.75, 1.0, "still")]
    assert rows(track, "fan") == [(0.0, 1.0, "non_human")]


def test_a_thing_alone_makes_no_presence():
    track = label_track([Motion("fan", np.full((20, 1), 4.0))], 1.0)
    assert {row.label for row in track} == {"non_human"}


def test_last_step_is_cut_at_the_end():
    assert len(step_times_s(1.02)) == 21
    assert len(step_times_s(0.1 + 0.2)) == 6  # 0.30000000000000004 has no seventh step
    track = label_track([person("M" * 21)], 1.02)
    assert rows(track, "adult") == [(0.0, 1.02, "major")]


def test_no_movers_no_rows():
    assert len(label_track([], 10.0)) == 0


def test_times_are_exact_in_the_file():
    """Onsets are written as 0.15, not as 0.15000000000000002."""
    text = label_track([person("sssMMMMMMMMM")], 0.6).to_csv()
    assert "0.15,0.6,major,adult\n" in text


def test_csv_round_trip_with_hostile_names():
    track = LabelTrack(
        (Label(0.1, 0.30000000000000004, "minor", 'a,"b"\n=1+1'), Label(0, 2, "presence"))
    )
    assert LabelTrack.from_csv(track.to_csv()) == track


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", None, "empty"),
        ("onset,offset,label,mover\n", 1, "header"),
        ("onset_s,offset_s,label,mover\n0,1,walking,a\n", 2, "walking"),
        ("onset_s,offset_s,label,mover\n0,1,major,a\n1,1,major,a\n", 3, "not after"),
        ("onset_s,offset_s,label,mover\n0,nan,major,a\n", 2, "finite"),
        ("onset_s,offset_s,label,mover\nzero,1,major,a\n", 2, "zero"),
        ("onset_s,offset_s,label,mover\n0,1,major\n", 2, "3 cells"),
        ('onset_s,offset_s,label,mover\n0,1,major,"a\n', 2, "CSV"),
    ],
)
def test_faulty_csv_is_one_line_with_its_place(text, line, word):
    with pytest.raises(InvalidInput) as caught:
        LabelTrack.from_csv(text, "labels.csv")
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].line == line
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_faulty_row_is_reported():
    with pytest.raises(InvalidInput) as caught:
        LabelTrack.from_csv("onset_s,offset_s,label,mover\nx,1,major,a\n0,1,run,a\n")
    assert len(caught.value.problems) == 2


def test_holds_is_half_open():
    track = LabelTrack((Label(1.0, 2.0, "major", "a"),))
    assert track.holds("major", [0.9, 1.0, 1.9, 2.0], "a").tolist() == [False, True, True, False]


@pytest.mark.parametrize("speed", [np.full((20, 1), -1.0), np.full((20, 1), np.nan), np.ones(20)])
def test_impossible_speeds_are_refused(speed):
    with pytest.raises(ValueError, match="speeds must be"):
        Motion("a", speed)


@pytest.mark.parametrize("pelvis", [np.full(20, -1.0), np.full(20, np.nan), np.ones(19)])
def test_impossible_speeds_of_a_pelvis_are_refused(pelvis):
    with pytest.raises(ValueError, match="pelvis_m_s must be"):
        Motion("a", np.ones((20, 1)), pelvis)


def test_wrong_count_of_steps_is_refused():
    with pytest.raises(ValueError, match="3 speeds for 20 steps"):
        label_track([Motion("a", np.ones((3, 1)))], 1.0)

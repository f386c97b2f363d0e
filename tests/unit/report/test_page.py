"""The picture: right size, the same bytes each time, no word on another, no surprise in a name."""

import dataclasses
import itertools
import struct
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.text import Text

from usim.recording.labels import Label, LabelTrack
from usim.recording.observation import Baseband
from usim.recording.truth import SILENT_DB
from usim.report import budget, page
from usim.report.lettering import clean
from usim.report.picture import Picture, picture_of, time_marks
from usim.report.plan import material, outline_m, path_m
from usim.template.reader import read
from usim.template.writer import dump

HOSTILE = "Kosten $\\frac{1}{2}$ 夕方 <b>&</b>\n\x1b[31m \\$ %s {x} " * 4


def chunks(data):
    """The chunks of a PNG file: name -> content."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        found[name] = data[at + 8 : at + 8 + size]
        at += 12 + size
    return found


def changed(recording, **scene):
    """The recording with other fields in its scene."""
    table = read(recording.truth.scene.encode()).table | scene
    return dataclasses.replace(
        recording, truth=dataclasses.replace(recording.truth, scene=dump(table))
    )


def unseen(figure):
    """Labels of ticks beyond the ends of their axes, which matplotlib keeps and does not draw."""
    for axes in itertools.chain(figure.axes, *(axes.child_axes for axes in figure.axes)):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            for tick in axis.get_major_ticks():
                if not low - slack <= tick.get_loc() <= high + slack:
                    yield from (tick.label1, tick.label2)


def overlaps(picture):
    """Pairs of words that lie on each other in a picture, and words that leave it."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = page.compose(picture)
        figure.canvas.draw()
        ignored = set(map(id, unseen(figure)))
        words = [
            (text.get_text(), text.get_window_extent().padded(-1.0))
            for text in figure.findobj(Text)
            if id(text) not in ignored
            and text.get_visible()
            and text.get_text().strip()
            and text.get_window_extent().width > 0
        ]
    edge = figure.bbox.padded(1.0)
    out = [word for word, box in words if box.x0 < edge.x0 or box.x1 > edge.x1 or box.y0 < edge.y0]
    return [(a[0], b[0]) for a, b in itertools.combinations(words, 2) if a[1].overlaps(b[1])] + out


def test_png_has_its_size_and_no_dates(walker):
    found = chunks(page.png(walker))
    assert struct.unpack(">II", found[b"IHDR"][:8]) == (1600, 800)
    assert set(found) <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}


def test_equal_recordings_equal_bytes_whatever_the_settings(walker, monkeypatch):
    """A user's matplotlibrc changes no byte, and drawing changes none of his settings."""
    first = page.png(walker)
    with matplotlib.rc_context({"font.size": 20.0, "axes.facecolor": "red", "savefig.dpi": 30}):
        assert page.png(walker) == first
        assert matplotlib.rcParams["font.size"] == 20.0


def test_no_word_lies_on_another(walker):
    assert overlaps(picture_of(walker)) == []


@pytest.mark.slow
def test_no_word_lies_on_another_in_a_polygon_with_many_movers(walker):
    names = ("fan", "cat", "door", "robot", "toy", "a_mover_with_a_very_long_name_that_goes_on")
    truth, t_s = walker.truth, walker.truth.t_s
    count = len(t_s)
    spread = np.arange(6)
    velocity = (0.5 + spread) * np.sin(2 * np.pi * np.outer(t_s, 0.2 + 0.1 * spread) + spread)
    place = np.stack([1 + 0.6 * spread + 0.2 * np.sin(t_s)[:, None], np.ones((count, 1)) + 0.2 * spread + 0.2 * np.cos(t_s)[:, None], np.ones((count, 6))], axis=-1)  # fmt: skip
    many = dataclasses.replace(
        walker,
        truth=dataclasses.replace(
            truth,
            pieces=tuple(f"{name}.body" for name in names),
            movers=names,
            radial_velocity_m_s=velocity,
            range_m=np.ones((count, 6)),
            echo_level_db_spl=np.zeros((count, 6)),
            position_m=place,
            echo_to_noise_db=np.zeros((10, 6)),
        ),
    )
    room = {
        "kind": "polygon",
        "corners_m": [[0, 0], [6, 0], [6, 3], [3.5, 3], [3.5, 5], [0, 5]],
        "height_m": 2.5,
        "surfaces": {"floor": "carpet_loop", "ceiling": {"kind": "hard"}, "walls": "brick" * 20},
    }
    assert overlaps(picture_of(changed(many, room=room))) == []


@pytest.mark.slow
def test_no_word_lies_on_another_with_sixteen_movers(walker):
    """Names that are wide for the table, ways close together; the strip says how many rows it leaves out."""
    names = tuple(f"{word}_{side}" for word in ("upper_arm", "WWWWMMMM", "hand", "head") for side in "abcd")  # fmt: skip
    truth, t_s = walker.truth, walker.truth.t_s
    spread = np.linspace(0.0, 0.4, len(names))
    x, y = 3 - np.cos(0.6 * t_s)[:, None] + spread, 2 + np.sin(0.6 * t_s)[:, None] - spread
    filled = {
        name: np.full((len(t_s), len(names)), value)
        for name, value in (("radial_velocity_m_s", 0.5), ("range_m", 2.0), ("echo_level_db_spl", 30.0))
    }  # fmt: skip
    rows = tuple(Label(0.0, 5.0, "non_human", name) for name in names)
    many = dataclasses.replace(
        walker,
        truth=dataclasses.replace(
            truth,
            **filled,
            pieces=tuple(f"{name}.body" for name in names),
            movers=names,
            position_m=np.stack([x, y, np.ones_like(x)], axis=-1),
            echo_to_noise_db=np.zeros((10, len(names))),
            labels=LabelTrack(rows),
        ),
    )
    picture = picture_of(many)
    assert overlaps(picture) == []
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        words = [text.get_text() for text in page.compose(picture).findobj(Text)]
    assert "4 of 16 rows of labels" in words
    assert "and 12 more" in words


C = 343.21


def texts(recording):
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        return [text.get_text() for text in page.compose(picture_of(recording)).findobj(Text)]


def sounding(walker, envelope, velocity_m_s):
    """The recording with another sound at all microphones, of one part `lone.chest` that moves so."""
    heard, truth = walker.observation, walker.truth
    count = heard.baseband.samples.shape[2]
    noise = np.random.default_rng(1).standard_normal((2, 4, 1, count)) * 1e-5
    sound = Baseband(noise[0] + 1j * noise[1] + envelope(np.arange(count) / 4000.0), 4000.0, [32_500.0])  # fmt: skip
    one = np.ones((len(truth.t_s), 1))
    truth = dataclasses.replace(
        truth, pieces=("lone.chest",), movers=("lone",), range_m=2 * one, echo_level_db_spl=20 * one,
        radial_velocity_m_s=velocity_m_s(truth.t_s)[:, None], position_m=one[..., None] * [3, 2, 1],
        echo_to_noise_db=np.full((10, 1), 20.0), labels=LabelTrack((Label(0.0, 10.0, "still", "lone"),)),
    )  # fmt: skip
    return dataclasses.replace(
        walker, truth=truth, observation=dataclasses.replace(heard, baseband=sound)
    )


def test_who_only_breathes_is_drawn_close_about_the_tone(walker):
    """Frames of seconds, millimetres a second, and colours that do not saturate."""
    turn = 4 * np.pi * 32_500.0 / C
    breathing = sounding(
        walker,
        lambda t: 0.2 + 1e-3 * np.exp(-1j * turn * 0.004 * np.sin(1.6 * t)),
        lambda t: 0.004 * 1.6 * np.cos(1.6 * t),
    )
    words = texts(breathing)
    assert any("within 6 Hz of the tone" in word for word in words)
    assert any("Frames of 2 s" in word for word in words)
    assert "speed towards the device, mm/s" in words
    assert "6 mm/s" in words
    assert overlaps(picture_of(breathing)) == []
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        image = page.compose(picture_of(breathing)).axes[0].images[0]
    assert np.mean(image.get_array() > image.norm.vmax - 0.1) < 0.01
    assert not any("of the tone" in word for word in texts(walker))


def test_noise_alone_is_dark_and_says_so(walker):
    """An empty room is no fire: its level is told over the noise."""
    nothing = sounding(walker, lambda t: 0.2 + 0.0 * t, lambda t: 1.0 + 0.0 * t)
    words = texts(nothing)
    assert "echo level, dB over noise" in words
    assert any(word.startswith("Nothing stands out") for word in words)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        image = page.compose(picture_of(nothing)).axes[0].images[0]
    assert np.mean(image.norm(image.get_array()) > 0.5) < 1e-3
    assert not any(word.startswith("Nothing stands out") for word in texts(walker))


def test_a_fan_is_drawn_as_its_bounds(walker):
    """Why: blades turn twenty times a second, the truth is told a hundred times: dots, no line.
    Expected: two lines at the fastest shift either way, and the name of the blades."""
    fan = sounding(
        walker,
        lambda t: 0.2 + 1e-3 * np.exp(60j * np.sin(2 * np.pi * 21.3 * t)),
        lambda t: 6.0 * np.cos(2 * np.pi * 21.3 * t),
    )
    fan = dataclasses.replace(fan, truth=dataclasses.replace(fan.truth, pieces=("lone.blade_1_3",)))
    words = texts(fan)
    assert words.count("lone blade, fastest") == 2
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        lines = page.compose(picture_of(fan)).axes[0].lines
    most = [np.nanmedian(line.get_ydata()) for line in lines if len(line.get_ydata()) > 100]
    assert max(most) == pytest.approx(2 * 6.0 * 32_500 / C, rel=0.05)
    assert min(most) == pytest.approx(-2 * 6.0 * 32_500 / C, rel=0.05)
    assert overlaps(picture_of(fan)) == []
    assert not any("fastest" in word and "lone" in word for word in texts(walker))


def test_of_left_and_right_one_is_named(walker):
    words = texts(walker)
    assert sum(word in ("hand left", "hand right") for word in words) == 1
    assert sum(word in ("foot left", "foot right") for word in words) == 1


def test_hostile_names_are_drawn_as_they_are(walker):
    """Mathematics, markup, control characters and missing glyphs harm nothing."""
    odd = changed(
        walker, title=HOSTILE.replace("\x1b", ""), noises=[{"kind": "hiss", "name": "$^$"}]
    )
    assert chunks(page.png(odd))
    assert clean(HOSTILE).isprintable()
    assert len(clean("x" * 1000)) == 48


@pytest.mark.slow
@pytest.mark.parametrize(
    "scene",
    [
        {"movers": [], "noises": [], "devices": []},
        {"room": {"kind": "dome", "radius_m": 3}},
        {"title": ""},
        {"air": {"temperature_c": 5.0}},
    ],
)
def test_poor_scenes_are_drawn(walker, scene):
    assert chunks(page.png(changed(walker, **scene)))


def test_a_real_recording_is_drawn_without_truth(make):
    recording = make(with_truth=False)
    assert overlaps(picture_of(recording)) == []


@pytest.mark.slow
def test_audio_alone_is_drawn(make):
    recording = make(as_audio=True, microphones=1)
    assert chunks(page.png(recording))


def test_a_recording_too_short_says_so(walker):
    heard = walker.observation
    short = Baseband(heard.baseband.samples[..., :100], 4000.0, heard.baseband.carriers_hz)
    recording = dataclasses.replace(walker, observation=dataclasses.replace(heard, baseband=short))
    figure = page.compose(picture_of(recording))
    assert any("shorter than one frame" in text.get_text() for text in figure.findobj(Text))


@pytest.mark.slow
def test_a_mover_that_is_never_heard_has_no_line(walker):
    truth = dataclasses.replace(
        walker.truth, echo_level_db_spl=np.full_like(walker.truth.echo_level_db_spl, SILENT_DB)
    )
    assert chunks(page.png(dataclasses.replace(walker, truth=truth)))


@pytest.mark.slow
def test_truth_without_motion_is_drawn(walker):
    truth = dataclasses.replace(walker.truth, labels=LabelTrack(), position_m=None)
    assert chunks(page.png(dataclasses.replace(walker, truth=truth)))


def test_report_imports_matplotlib_only_to_draw():
    """So that the command line starts fast; nothing else in the package imports it at all."""
    text = (
        "import sys; import usim.report.page, usim.report.budget;"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", text], check=True)


def test_budget_says_how_near_fast_and_loud(walker):
    adult, ball = budget.budgets(walker.truth, 32_500.0, 343.2)
    assert (adult.mover, ball.mover) == ("adult", "ball")
    assert adult.nearest_m == pytest.approx(walker.truth.range_m[:, :6].min())
    assert adult.shift_hz == pytest.approx(adult.fastest_m_s * 2 * 32_500 / 343.2, rel=0.02)
    assert adult.echo_to_noise_db == 25.0
    lines = budget.text((adult, ball)).splitlines()
    assert len(lines) == 3
    assert lines[0].split() == [
        "mover",
        "nearest",
        "fastest",
        "Doppler",
        "loudest",
        "over",
        "noise",
    ]


def test_budget_of_an_empty_truth_is_empty_words(walker):
    silent = dataclasses.replace(
        walker.truth,
        echo_level_db_spl=np.full_like(walker.truth.echo_level_db_spl, SILENT_DB),
        echo_to_noise_db=np.full((10, 2), SILENT_DB),
    )
    row = budget.budgets(silent, 32_500.0, 343.2)[0]
    assert row.level_db_spl is None
    assert row.echo_to_noise_db is None
    assert budget.cells(row)[-1] == "-"


def test_paths_come_from_the_truth_else_from_the_scene(walker):
    t_s, points = path_m(picture_of(walker), "ball")
    assert len(t_s) == len(points)
    _, middle = path_m(picture_of(walker), "adult")  # limbs swing about it
    assert middle == pytest.approx(walker.truth.position_m[:, :6].mean(axis=1))
    table = {
        "movers": [
            {"name": "a", "track": {"at_s": [0, 1], "through_m": [[0, 0, 1], [1, 0, 1]]}},
            {"name": "b", "routine": [{"through_m": [[0, 0], [1, 1]]}, {"for_s": 3}]},
            {"name": "c", "position_m": [1, 2, 3]},
            {"name": "d"},
        ]
    }
    plain = Picture(dataclasses.replace(walker, truth=None), table)
    assert path_m(plain, "a")[1].shape == (2, 3)
    assert path_m(plain, "b")[1].tolist() == [[0, 0, 0], [1, 1, 0]]
    assert path_m(plain, "c")[1].tolist() == [[1, 2, 3]]
    assert path_m(plain, "d") is None
    assert path_m(plain, "e") is None


def test_small_words():
    assert material("carpet_loop") == "carpet loop"
    assert material({"material": "window_glass", "spread": 1}) == "window glass"
    assert material({"kind": "hard"}) == "hard"
    assert outline_m({"kind": "dome"}) is None
    assert time_marks(10.0, 7).tolist() == [0, 2, 4, 6, 8, 10]
    assert time_marks(0.5, 7)[-1] == pytest.approx(0.5)

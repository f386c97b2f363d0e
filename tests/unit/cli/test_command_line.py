"""The habits of the command line: what is printed where, and what the options mean."""

from __future__ import annotations

import json
import os
import re
from math import log10
from pathlib import Path

import pytest

from usim.cli import output, root
from usim.cli.render import Keep, Seeds, Window

ROOT = Path(__file__).resolve().parents[3]
SCENE = """usim: scene/1
title: Test
duration_s: 0.2
seed: 3
room: {kind: box, size_m: [3, 4, 2.5], surfaces: {floor: carpet_loop, ceiling: plaster_painted, walls: drywall_painted}}
devices:
  - name: puck
    profile: ideal
    position_m: [1, 1, {uniform: [0.8, 1.2]}]
    emits: {kind: tones, carriers_hz: [40000], level_db_spl: 70}
movers:
  - {kind: sphere, name: ball, radius_m: 0.1, track: {at_s: [0, 1], through_m: [[2, 3, 1], [2, 2, 1]], path: linear}}
"""


@pytest.fixture
def scene(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(SCENE)
    return tmp_path / "a.yaml"


def _json(capsys, *words: str):
    assert root.run([*words, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out)


def test_version_and_help(capsys):
    assert root.run(["--version"]) == 0
    assert re.fullmatch(r"usim \d+\.\d+\.\d+\n", capsys.readouterr().out)
    assert root.run(["--help"]) == 0
    text = capsys.readouterr().out
    for name in root.COMMANDS:
        assert re.search(rf"^  {name} +[A-Z]", text, re.M), name
    assert "..." not in text.split("Commands:")[1], "a short help is cut"
    assert root.run([]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize("command", list(root.COMMANDS))
def test_every_command_explains_itself(command, capsys):
    assert root.run([command, "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--kinds", "--path", "--quiet", "--debug", "--help"):
        assert option in text


@pytest.mark.parametrize(
    "command",
    ["validate", "describe", "list", "show", "doctor", "check-kind", "bench", "listen"],
)
def test_reading_commands_speak_json(command, capsys):
    assert root.run([command, "--help"]) == 0
    assert "--json" in capsys.readouterr().out


def test_the_readme_shows_only_commands_that_exist():
    text = (ROOT / "README.md").read_text()
    named = set(re.findall(r"^usim ([a-z-]+)", text, re.M)) | set(
        re.findall(r"`usim ([a-z-]+)", text)
    )
    assert named
    assert named <= set(root.COMMANDS)


def test_list_has_stable_keys(capsys):
    found = _json(capsys, "list")
    assert set(found) == {"scenes", "profiles", "recipes", "studies", "kinds", "materials"}
    assert {"family": "movers", "kind": "sphere"} in found["kinds"]
    assert {"name", "title"} == set(found["profiles"][0])
    assert all(row["title"] and not row["title"].startswith("(invalid") for row in found["scenes"])


@pytest.mark.parametrize("name", ["sphere", "puck_4mic", "carpet_loop", "sphere_passes", "hard"])
def test_show_finds_every_sort_of_thing(name, capsys):
    found = _json(capsys, "show", name)
    assert found[0]["name"] == name
    assert root.run(["show", name]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3


def test_validate_prints_results_on_stdout(scene, capsys):
    assert root.run(["validate", "a.yaml"]) == 0
    said = capsys.readouterr()
    assert said.out == "a.yaml: valid (20 samples)\n"
    assert said.err == ""
    assert root.run(["validate", "a.yaml", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    (row,) = _json(capsys, "validate", "a.yaml", "--samples", "5")
    assert row["valid"]
    assert row["samples"] == 5
    assert row["rejected_share"] == 0


def test_validate_knows_a_profile(scene, capsys):
    """A device is a data file as well; no other command takes it for a scene."""
    shipped = (ROOT / "device_profiles" / "puck_4mic.yaml").read_text()
    Path("mine.yaml").write_text(shipped)
    assert root.run(["validate", "mine.yaml"]) == 0
    assert capsys.readouterr().out == "mine.yaml: valid (a profile)\n"
    assert _json(capsys, "validate", "mine.yaml")[0]["valid"]
    Path("mine.yaml").write_text(shipped.replace("drivers:", "driver:").replace("title:", "titel:"))
    assert root.run(["validate", "mine.yaml"]) == 2
    said = capsys.readouterr().err
    assert "driver: no such field; did you mean drivers?" in said
    assert "titel: no such field; did you mean title?" in said
    assert root.run(["describe", "mine.yaml"]) == 2
    assert capsys.readouterr().err == (
        "usim: error: mine.yaml:1:1: usim: a file of profile/1 is no scene; a scene begins with usim: scene/1\n"
    )


def test_validate_json_holds_the_places(scene, capsys):
    scene.write_text(SCENE.replace("radius_m: 0.1", "radius_m: -0.1"))
    assert root.run(["validate", "a.yaml", "--json"]) == 2
    said = capsys.readouterr()
    (row,) = json.loads(said.out)
    assert not row["valid"]
    (problem,) = row["problems"]
    assert problem["line"] == 12
    assert problem["place"] == "movers.ball.radius_m"
    assert problem["message"].startswith("a.yaml:12:")


def test_describe_says_what_the_scene_is(scene, capsys):
    facts = _json(capsys, "describe", "a.yaml")
    assert facts["room"]["volume_m3"] == pytest.approx(30.0)
    assert sum(wall["area_m2"] for wall in facts["room"]["walls"]) == pytest.approx(
        2 * (12 + 7.5 + 10)
    )
    assert 0.03 < facts["room"]["t60_s"] < 1.0
    (mover,) = facts["movers"]
    assert mover["speed_m_s"] == pytest.approx(1.0, rel=1e-3)
    assert mover["doppler_hz"]["40000"] == pytest.approx(2 * 40000 / 343, rel=0.02)
    (echo,) = facts["echoes"]
    assert echo["nearest_m"] == pytest.approx(2.1, abs=0.25)
    # A rigid sphere of radius a seen from one place, r to its near point: a / (2 r (r + a)) of the pressure at 1 m.
    r, air_db_m = echo["nearest_m"], facts["air"]["absorption_db_m"]
    expected = 70 + 20 * log10(0.1 / (2 * r * (r + 0.1))) - air_db_m * (2 * r - 1)
    assert expected - 0.5 < echo["echo_db_spl"] < expected + 4.0  # the walls add to it
    assert facts["paths"]["images"] == 63
    assert facts["paths"]["moving_pairs"] == 63 * 63
    assert facts["paths"]["estimated"]["seconds"] > 0
    assert root.run(["describe", "a.yaml", "--seed", "4"]) == 0
    text = capsys.readouterr().out
    for word in ("Room", "T60", "Device", "Movers", "Echo budget", "Cost", "seed 4"):
        assert word in text
    assert max(map(len, text.splitlines())) < 140


def test_settings_replace_values(scene, capsys):
    facts = _json(
        capsys, "describe", "a.yaml", "--set", "movers.ball.radius_m=0.2", "--set", "duration_s=0.5"
    )
    assert facts["duration_s"] == 0.5


def test_orders_are_the_engine_s():
    from usim.cli.budget import ORDER
    from usim.engine.selection import QUALITIES

    assert {name: quality.order for name, quality in QUALITIES.items()}.items() <= ORDER.items()


def test_eyring_of_a_known_room():
    import numpy as np

    from usim.cli.budget import eyring_s

    # V = 100 m3, S = 130 m2, absorption 0.5, no air: 55.26 V / (c S ln 2)
    found = eyring_s(100.0, np.array([65.0, 65.0]), np.array([0.5, 0.5]), 340.0, 0.0)
    assert found == pytest.approx(24 * np.log(10) * 100 / (340 * 130 * np.log(2)))


def test_options_of_render():
    assert Seeds().convert("3:6", None, None) == range(3, 6)
    assert Window().convert("1.5:4", None, None) == (1.5, 4.0)
    assert Window().convert(":4", None, None) == (0.0, 4.0)
    assert Window().convert("2:", None, None) == (2.0, None)
    assert Keep().convert("audio, truth", None, None) == ("audio", "truth")


def test_progress_is_silent_without_a_terminal(capsys):
    import click

    @click.command()
    def body() -> None:
        assert list(output.progress(range(3), 3, "clip", "testing")) == [0, 1, 2]

    body.main([], standalone_mode=False)
    assert capsys.readouterr().err == ""


def test_numbers_people_read():
    assert output.number(1234.5678) == "1,235"
    assert output.number(0.012345) == "0.0123"
    assert output.number(float("inf")) == "-"
    assert output.size(3 * 2**20) == "3.00 MiB"
    assert output.span(0.0123) == "12 ms"
    assert output.span(90) == "90 s"
    assert output.span(7200) == "2.0 h"
    assert output.plain({"a": float("nan"), 1: (1, None)}) == {"a": None, "1": [1, None]}


def test_schema_goes_to_a_file_once(scene, capsys):
    assert root.run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert "$schema" in schema or "properties" in schema
    assert root.run(["schema", "-o", "scene.json"]) == 0
    assert json.loads(Path("scene.json").read_text()) == schema
    assert root.run(["schema", "-o", "scene.json"]) == 2
    assert root.run(["schema", "-o", "scene.json", "--force"]) == 0
    assert sorted(os.listdir()) == ["a.yaml", "scene.json"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell, capsys):
    assert root.run(["completion", shell]) == 0
    assert "_USIM_COMPLETE" in capsys.readouterr().out


def test_a_kind_of_ones_own(scene, capsys, tmp_path):
    family = tmp_path / "mykinds" / "movers"
    family.mkdir(parents=True)
    shipped = (ROOT / "src" / "usim" / "movers" / "sphere.py").read_text()
    (family / "kite.py").write_text(shipped.replace('"sphere"', '"kite"'))
    scene.write_text(SCENE.replace("kind: sphere", "kind: kite"))
    assert root.run(["validate", "a.yaml"]) == 2
    assert root.run(["validate", "a.yaml", "--kinds", "mykinds"]) == 0
    assert root.run(["--kinds", "mykinds", "list", "kinds"]) == 0
    assert "kite" in capsys.readouterr().out
    assert root.run(["check-kind", "mykinds/movers/kite.py"]) == 0
    from usim.template.registry import use_kinds

    use_kinds()


def test_render_writes_what_it_is_asked_to(scene, capsys, tmp_path):
    words = "--window 0.05:0.15 --keep audio,truth --format wav --rate 192000 --quality draft"
    options = [*words.split(), "--set", "devices.puck.emits.carriers_hz=[38000]"]
    assert root.run(["render", "a.yaml", "-o", "out", "--seeds", "4:6", *options]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["out/seed_4", "out/seed_5"]
    assert all(line.startswith("usim: out/seed_") for line in said.err.splitlines())
    import usim

    recording = usim.open("out/seed_5")
    assert recording.observation.rate_hz == 192000
    assert recording.observation.audio.shape == (1, 19200)
    assert recording.observation.baseband is None
    assert not recording.truth.stems
    assert recording.metadata.seeds["scene"] == 5
    assert recording.metadata.settings["quality"] == "draft"
    assert Path("out/seed_4/observation/audio.wav").exists()
    assert not Path("out/seed_4/spectrogram.png").exists()
    # A second run refuses before it computes, and leaves what is there; with --force it replaces it.
    before = Path("out/seed_4/recording.json").read_bytes()
    assert root.run(["render", "a.yaml", "-o", "out", "--seeds", "4:6", *options]) == 2
    assert "--force" in capsys.readouterr().err
    assert (
        root.run(["render", "a.yaml", "-o", "out", "--seeds", "4:6", *options, "--force", "-q"])
        == 0
    )
    assert Path("out/seed_4/recording.json").read_bytes() == before
    assert capsys.readouterr().err == ""
    # The resolved scene draws nothing: --window is not part of it.
    assert "uniform" not in Path("out/seed_4/truth/scene.yaml").read_text()
    assert root.run(["plot", "out/seed_4"]) == 0
    assert capsys.readouterr().out == "out/seed_4.png\n"
    assert Path("out/seed_4.png").read_bytes().startswith(b"\x89PNG")
    assert root.run(["plot", "out/seed_4"]) == 2


def test_render_refuses_what_is_not_in_the_scene(scene, capsys):
    for words in (["--window", "0.1:9"], ["--device", "nobody"], ["--rate", "12345"]):
        assert root.run(["render", "a.yaml", "-o", "out", *words]) == 2, words
        lines = capsys.readouterr().err.splitlines()
        assert lines
        assert all(line.startswith("usim: error: ") for line in lines)
    assert not Path("out").exists()


def test_a_long_render_is_announced(scene, capsys, monkeypatch):
    """Why: `exact` takes a thousand times as long as its sound, without a terminal in silence."""
    from usim.cli import render

    words = ["render", "a.yaml", "-o", "out", "--window", "0:0.01", "--keep", "audio"]
    assert root.run([*words, "--quality", "draft"]) == 0
    assert "this takes" not in capsys.readouterr().err
    monkeypatch.setattr(render, "_LONG_S", 0.0)
    assert root.run([*words, "--quality", "draft", "--force"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("usim: this takes about ")
    assert "--window A:B renders a part" in said[0]


def test_doctor_passes_its_self_test(capsys):
    facts = _json(capsys, "doctor")
    assert facts["self_test"]["passed"]
    assert facts["versions"]["numpy"]
    assert facts["cpu"]["cores"] >= 1
    assert root.run(["doctor"]) == 0
    assert "self-test" in capsys.readouterr().out


@pytest.mark.slow
def test_the_echo_budget_is_what_the_truth_tells(figures):
    """Expected: the loudest and the median echo of `describe` as in truth.npz, within half a decibel (they look at other moments)."""
    import numpy as np

    import usim
    from usim.cli.budget import budget

    worst = 0.0
    for name in ("sphere_passes", "tumbling_ellipsoids"):
        scene = usim.load(name).sample(seed=3)
        truth = usim.simulate(scene, quality="draft", keep=("truth",)).truth
        for echo in budget(scene)["echoes"]:
            own = [i for i, word in enumerate(truth.pieces) if word.split(".")[0] == echo["mover"]]
            power = np.sum(10 ** (truth.echo_level_db_spl[:, own] / 10), axis=1)
            for said, found in (
                ("echo_db_spl", power.max()),
                ("echo_median_db_spl", np.median(power)),
            ):
                worst = max(worst, abs(echo[said] - 10 * np.log10(found)))
    figures("describe: echo level against truth.npz", worst, "dB", "<= 0.5", 3)
    assert worst <= 0.5

"""Every way a command can end: one line on stderr, and the exit code that product.md gives it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time

import click
import pytest

from usim.cli import exits, root
from usim.template.problem import EnvironmentProblem, InvalidInput, VerificationFailed

SCENE = """usim: scene/1
duration_s: 0.1
room: {kind: box, size_m: [3, 4, 2.5], surfaces: {floor: carpet_loop, ceiling: plaster_painted, walls: drywall_painted}}
devices:
  - {name: puck, profile: ideal, position_m: [1, 1, 1], emits: {kind: tones, carriers_hz: [40000], level_db_spl: 70}}
movers:
  - {kind: sphere, name: ball, radius_m: 0.1, track: {at_s: [0, 1], through_m: [[2, 3, 1], [2, 2, 1]]}}
"""


def _raise(error: BaseException):
    def body(**_: object) -> None:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InvalidInput("a.yaml: wrong"), 2, "usim: error: a.yaml: wrong"),
        (InvalidInput(["one", "two"]), 2, "usim: error: one\nusim: error: two"),
        (click.UsageError("no such option"), 2, "no such option"),
        (EnvironmentProblem("the disk is full"), 4, "the disk is full"),
        (
            OSError(errno.ENOSPC, "No space left on device", "x.flac"),
            4,
            "x.flac: No space left on device",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 4, "x: Permission denied"),
        (MemoryError(), 4, "out of memory"),
        (VerificationFailed("audio.flac: damaged"), 5, "audio.flac: damaged"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ZeroDivisionError("division by zero"),
            1,
            "a bug of ours: ZeroDivisionError: division by zero",
        ),
        (FileNotFoundError(errno.ENOENT, "gone", "data.csv"), 1, "a bug of ours"),
        (ValueError("two\nlines"), 1, "two lines"),
        (RecursionError("too deep"), 1, "a bug of ours"),
    ],
)
def test_each_error_has_its_code_and_its_line(monkeypatch, capsys, error, code, text):
    from usim.cli import machine

    monkeypatch.setattr(machine.doctor_command, "callback", _raise(error))
    assert root.run(["doctor"]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert text in said.err
    assert "Traceback" not in said.err
    # An interrupt leaves the line of the terminal's ^C first.
    assert all(line.startswith("usim: ") for line in said.err.splitlines() if line)


def test_debug_shows_the_traceback(monkeypatch, capsys):
    from usim.cli import machine

    monkeypatch.setattr(
        machine.doctor_command, "callback", _raise(ZeroDivisionError("division by zero"))
    )
    assert root.run(["doctor", "--debug"]) == exits.BUG
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["validat"],
        ["render", "x"],
        ["render", "x", "-o", "y", "--seed", "1", "--seeds", "0:2"],
        ["render", "x", "-o", "y", "--seeds", "2:0"],
        ["render", "x", "-o", "y", "--window", "later"],
        ["render", "x", "-o", "y", "--keep", "noise"],
        ["render", "x", "-o", "y", "--quality", "best"],
        ["render", "x", "-o", "y", "--format", "mp3"],
        ["render", "nowhere/x.yaml", "-o", "y"],
        ["validate"],
        ["validate", "no_such_scene"],
        ["validate", "/"],
        ["show", "no_such_thing"],
        ["list", "things"],
        ["completion", "tcsh"],
        ["plot", "no_such_folder"],
        ["--kinds", "no_such_folder", "validate", "x"],
        ["validate", "x", "--path", "no_such_folder"],
        ["--no-such-option"],
    ],
)
def test_wrong_usage_is_two_and_one_line(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert root.run(words) == exits.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1, said.err
    assert said.err.startswith("usim: error: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    ["import", "units", "corpus", "calibrate", "detect", "train", "evaluate", "study"],
)
def test_commands_of_later_orders_do_not_exist(command, capsys):
    assert root.run([command]) == exits.USAGE
    assert "no such command" in capsys.readouterr().err


def test_invalid_scene_says_every_error_with_its_place(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text(
        SCENE.replace("radius_m: 0.1", "radius: 0.1").replace("[3, 4, 2.5]", "[3, 4]")
    )
    for words in (
        ["validate", "bad.yaml"],
        ["render", "bad.yaml", "-o", "out"],
        ["describe", "bad.yaml"],
    ):
        assert root.run(words) == exits.USAGE
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) >= 2
        assert all(line.startswith("usim: error: ") and "bad.yaml:" in line for line in lines)
        assert any("did you mean radius_m?" in line for line in lines)
    assert not (tmp_path / "out").exists()


def test_a_bad_setting_is_wrong_usage(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(SCENE)
    for setting in (
        "devices.nobody.unit=7",
        "movers.ball.radius_m=-1",
        "movers.ball",
        "render.quality=best",
    ):
        assert root.run(["render", "a.yaml", "-o", "out", "--set", setting]) == exits.USAGE, setting
        said = capsys.readouterr().err
        assert said.startswith("usim: error: ")
        assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_a_taken_folder_is_not_overwritten(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(SCENE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    for force in ([], ["--force"]):
        assert root.run(["render", "a.yaml", "-o", "out", *force]) == exits.USAGE
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"
    capsys.readouterr()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_four(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(SCENE)
    (tmp_path / "locked").mkdir(mode=0o500)
    assert root.run(["render", "a.yaml", "-o", "locked/out"]) == exits.ENVIRONMENT
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_output_to_a_full_device_is_four():
    done = subprocess.run(
        [sys.executable, "-m", "usim", "list"],
        stdout=os.open("/dev/full", os.O_WRONLY),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == exits.ENVIRONMENT, done.stderr
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error():
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{sys.executable} -m usim list | true"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == exits.DONE


@pytest.mark.slow
def test_an_interrupt_is_130_and_leaves_nothing(tmp_path):
    (tmp_path / "a.yaml").write_text(SCENE.replace("duration_s: 0.1", "duration_s: 60"))
    process = subprocess.Popen(
        [sys.executable, "-m", "usim", "render", "a.yaml", "-o", "out", "--quality", "exact"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # where the tests run in the background, an interrupt is ignored and that is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(3.0)
    process.send_signal(signal.SIGINT)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == exits.INTERRUPTED, said
    assert "Traceback" not in said
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.yaml"]


def test_an_interrupt_that_was_swallowed_ends_the_command_too():
    """A compiler's callback swallows what is raised in it, and fails later for want of what it left undone: either way it was the interrupt."""
    program = """
import ctypes, os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from usim.cli import root
def inside():
    os.kill(os.getpid(), signal.SIGINT)
def body(**_):
    ctypes.CFUNCTYPE(None)(inside)()
    if sys.argv[1] == "fails":
        raise RuntimeError("no compiled object yet")
    time.sleep(30)
root.root.callback, root.root.invoke_without_command = body, True
root.root.invoke = lambda context: body()
sys.exit(root.run(["list"]))
"""
    for way in ("fails", "goes on"):
        found = subprocess.run(
            [sys.executable, "-c", program, way],
            capture_output=True,
            text=True,
            timeout=25,
            check=False,
        )
        assert found.returncode == exits.INTERRUPTED, found.stderr
        assert found.stderr.strip() == "usim: interrupted"

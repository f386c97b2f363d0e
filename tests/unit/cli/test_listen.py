"""`usim listen`: files, names, errors; what the sound is like is tested in unit/report/test_sound.py."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from usim.cli import root
from usim.recording import store
from usim.recording.audio import decode
from usim.recording.labels import LabelTrack
from usim.recording.observation import Baseband, EmissionCommand, Observation
from usim.recording.recording import Metadata, Recording
from usim.recording.truth import Truth

CARRIER_HZ = 32_500.0


def _recording(device="puck", microphones=4, on=True):
    """A second of a direct sound and an echo of an approaching thing, as audio and as baseband."""
    t_s = np.arange(96_000) / 96_000
    envelope = 0.1 + 1e-4 * np.exp(2j * np.pi * 187.0 * t_s)
    wave = np.real(envelope * np.exp(2j * np.pi * CARRIER_HZ * t_s))
    slow = np.repeat(envelope[None, None, ::24], microphones, axis=0)
    observation = Observation(
        profile="puck_4mic",
        rate_hz=96_000,
        bits=24,
        microphones_m=0.03 * np.ones((microphones, 3)),
        audio=np.repeat(wave[None], microphones, axis=0),
        baseband=Baseband(slow, 4000.0, [CARRIER_HZ]),
        emission=(EmissionCommand(0.0, (CARRIER_HZ,), 72.0, on),),
    )
    return Recording(observation, Truth("", LabelTrack()), Metadata(device, 1017, {}, {}))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.write(_recording(), "out")
    return tmp_path / "out"


def _json(capsys, *words):
    assert root.run(["listen", *words, "--json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out)


def _refused(capsys, *words):
    """The one line that a command line is refused with; nothing was written."""
    before = sorted(os.listdir())
    assert root.run(["listen", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert sorted(os.listdir()) == before
    return line.removeprefix("usim: error: ")


def test_a_file_beside_the_folder(folder, capsys):
    sealed = sorted(path.name for path in folder.rglob("*"))
    assert root.run(["listen", "out/"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line == (
        "out.wav: 32,500 Hz is heard at 1,000 Hz, Doppler -950 to +1,600 Hz, static carrier removed, "
        "gain +68.0 dB, microphone front_left, 1 s"
    )
    assert sorted(path.name for path in folder.rglob("*")) == sealed
    assert sorted(os.listdir()) == ["out", "out.wav"]
    sound = decode(Path("out.wav").read_bytes(), 16, "out.wav")
    assert (sound.rate_hz, sound.codes.shape) == (48_000, (1, 48_000))
    spectrum = np.abs(np.fft.rfft(sound.codes[0] * np.hanning(48_000)))
    assert np.argmax(spectrum) == 1187


def test_nothing_is_overwritten(folder, capsys):
    assert root.run(["listen", "out"]) == 0
    first = Path("out.wav").read_bytes()
    capsys.readouterr()
    assert _refused(capsys, "out") == "out.wav: is there already; --force replaces it"
    assert Path("out.wav").read_bytes() == first
    assert root.run(["listen", "out", "--force", "--shift", "2000"]) == 0
    assert Path("out.wav").read_bytes() != first
    assert root.run(["listen", "out", "--force"]) == 0
    assert Path("out.wav").read_bytes() == first
    os.mkdir("there.wav")
    capsys.readouterr()
    assert "is a folder" in _refused(capsys, "out", "-o", "there.wav")


def test_json_says_what_was_done(folder, capsys):
    words = (
        "-o a.flac --mic rear_left --slow 2 --gain 10 --window 0.2:0.7 --keep-carrier --shift 600"
    )
    (row,) = _json(capsys, "out", *words.split())
    assert row == {
        "file": "a.flac", "recording": "out", "microphone": 3, "microphone_name": "rear_left",
        "carrier_hz": 32500.0, "shift_hz": 600.0, "slow": 2.0, "band_hz": [-1100.0, 1600.0],
        "static_carrier_removed": False, "gain_db": 10.0, "window_s": [0.2, 0.7], "duration_s": 1.0,
        "rate_hz": 48000, "source": "baseband",
    }  # fmt: skip
    assert decode(Path("a.flac").read_bytes(), 16, "a").codes.shape == (1, 48_000)


def test_a_folder_without_truth(folder, capsys):
    """Why: what a real device recorded has neither truth nor recording.json, perhaps no baseband."""
    (with_truth,) = _json(capsys, "out")
    shutil.rmtree("out/truth", ignore_errors=True)
    os.unlink("out/recording.json")
    (row,) = _json(capsys, "out", "-o", "b.wav")
    assert Path("b.wav").read_bytes() == Path("out.wav").read_bytes()
    table = json.loads(Path("out/observation/observation.json").read_text())
    del table["baseband"], table["checksum"]
    Path("out/observation/observation.json").write_text(json.dumps(table))
    (row,) = _json(capsys, "out", "-o", "c.wav")
    assert row["source"] == "audio"
    assert row["gain_db"] == pytest.approx(with_truth["gain_db"], abs=0.1)
    Path("out/observation/observation.json").write_text(
        json.dumps(table | {"profile": "of another maker"})
    )
    (row,) = _json(capsys, "out", "-o", "d.wav", "--mic", "4")
    assert (row["microphone"], row["microphone_name"]) == (4, None)
    line = _refused(capsys, "out", "-o", "e.wav", "--mic", "front_left")
    assert line == "out: --mic front_left: no such microphone; they are numbered 1 to 4"


def test_several_devices(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    store.write({"one": _recording("one"), "two": _recording("two")}, "out")
    rows = _json(capsys, "out")
    assert [row["file"] for row in rows] == ["out_one.wav", "out_two.wav"]
    assert "holds 2 recordings" in _refused(capsys, "out", "-o", "x.wav")
    assert _json(capsys, "out/two", "-o", "x.wav")[0]["recording"] == "out/two"
    # The second is refused before the first is made.
    os.unlink("out_one.wav")
    assert _refused(capsys, "out").startswith("out_two.wav: is there already")


def test_a_folder_named_by_a_dot(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (row,) = _json(capsys, ".")
    assert row["file"] == str(folder) + ".wav"
    assert Path(row["file"]).exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--mic front_lef", "out: --mic front_lef: no such microphone; did you mean front_left?"),
        (
            "--mic 5",
            "out: --mic 5: no such microphone; one of front_left, front_right, rear_left, ",
        ),
        ("--mic 0", "out: --mic 0: no such microphone"),
        ("--shift 24000", "out: shift 24000 Hz: a file of 48000 Hz holds sound below 24000 Hz"),
        ("--shift nan", "out: shift nan Hz"),
        ("--slow 0", "out: slow 0: choose 0.05 to 100"),
        ("--carrier 60000", "out: carrier 60000 Hz: audio of 96000 Hz holds sound below 48000 Hz"),
        ("--gain 200", "out: gain 200 dB: would clip; 79.9 dB at most"),
        ("--gain loud", "Invalid value for '--gain': 'loud': write auto, or a number of dB"),
        ("--gain inf", "Invalid value for '--gain': 'inf'"),
        ("--window 0.5:3", "out: window 0.5:3: the recording lasts 1 s; stay within 0:1"),
        ("-o out.mp3", "-o: out.mp3 must end in .wav or .flac"),
        ("-o out", "-o: out must end in .wav or .flac"),
    ],
)
def test_one_clear_line(words, says, folder, capsys):
    assert _refused(capsys, "out", *words.split()).startswith(says)


def test_a_silent_device(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    store.write(_recording(on=False), "out")
    assert _refused(capsys, "out") == (
        "out: the device emits nothing, so there is no carrier to listen around; name one with --carrier"
    )
    assert _json(capsys, "out", "--carrier", "40000")[0]["source"] == "audio"


def test_no_recording_and_a_damaged_one(folder, capsys):
    os.mkdir("empty")
    assert _refused(capsys, "empty") == "empty/recording.json: no such file"
    assert "does not exist" in _refused(capsys, "nowhere")
    Path("out/observation/baseband.npz").write_bytes(b"x")
    assert root.run(["listen", "out"]) == 5
    assert "damaged" in capsys.readouterr().err

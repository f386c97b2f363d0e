"""A recording comes back as it was; its folder's bytes depend on it alone; damage is found."""

import dataclasses
import errno
import hashlib
import json
import os
import shutil

import numpy as np
import pytest

from usim.recording import layout, store
from usim.recording.recording import Metadata
from usim.template.problem import EnvironmentProblem, InvalidInput, VerificationFailed


def files(folder):
    """Every file of a folder: relative name -> bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def reseal(path, change):
    """Edit a sealed JSON file and seal it again, as a forger would."""
    table = json.loads(path.read_bytes())
    table.pop("checksum")
    change(table)
    path.write_bytes(layout.sealed(table))


def test_layout_is_that_of_the_product(recording, tmp_path):
    folder = store.write(recording, tmp_path / "out", picture=b"png")
    assert sorted(files(folder)) == [
        "observation/audio.flac",
        "observation/baseband.npz",
        "observation/observation.json",
        "observation/playback.flac",
        "recording.json",
        "spectrogram.png",
        "truth/baseband.npz",
        "truth/labels.csv",
        "truth/scene.yaml",
        "truth/stems/direct.flac",
        "truth/stems/distortion.flac",
        "truth/stems/mover.ball.flac",
        "truth/stems/self_noise.flac",
        "truth/truth.npz",
    ]
    assert sorted(os.listdir(tmp_path)) == ["out"]
    assert store.verify(folder) == ()


def test_everything_comes_back(recording, tmp_path):
    found = store.open(store.write(recording, tmp_path / "out"))
    was, now = recording.observation, found.observation
    half_step = 2.0**-24 * 1.0000001
    assert np.abs(now.audio_fs() - was.audio).max() <= half_step
    assert now.audio.dtype == np.int32
    assert (now.profile, now.rate_hz, now.bits) == (was.profile, was.rate_hz, was.bits)
    assert now.emission == was.emission
    assert np.array_equal(now.microphones_m, was.microphones_m)
    assert np.array_equal(now.baseband.samples, was.baseband.samples)
    assert now.playback.rate_hz == 48_000
    assert np.abs(now.playback.full_scale() - was.playback.samples).max() <= 2.0**-16 * 1.001
    for name in ("t_s", "radial_velocity_m_s", "range_m", "echo_level_db_spl", "position_m"):
        assert np.array_equal(getattr(found.truth, name), getattr(recording.truth, name))
    assert found.truth.labels == recording.truth.labels
    assert found.truth.scene == recording.truth.scene
    assert found.truth.pieces == recording.truth.pieces
    assert np.array_equal(found.truth.baseband.samples, recording.truth.baseband.samples)
    about = dataclasses.replace(found.metadata, gains={}, clipped_in_file={}, checksums={})
    assert about == recording.metadata


@pytest.mark.parametrize("bits", [16, 24])
def test_stems_sum_to_the_converters_input(make, tmp_path, bits):
    """With their gains undone, within half a step of the converter each."""
    recording = make(bits=bits)
    found = store.open(store.write(recording, tmp_path / "out"))
    stems = found.truth.stems
    assert list(stems) == list(recording.truth.stems)
    total = sum(stems[name] for name in stems)
    worst = np.abs(total - recording.observation.audio).max()
    assert worst <= len(stems) * 2.0**-bits
    # A faint stem is far better than that: its own half step is smaller by its gain.
    faint = np.abs(stems["self_noise"] - recording.truth.stems["self_noise"]).max()
    assert found.metadata.gains["self_noise"] >= 17
    assert faint <= 2.0 ** (-bits - found.metadata.gains["self_noise"]) * 1.0001


def test_equal_recordings_equal_bytes(make, tmp_path):
    one = files(store.write(make(), tmp_path / "one"))
    two = files(store.write(make(), tmp_path / "two"))
    assert one == two
    assert one != files(store.write(make(seed=2), tmp_path / "three"))


def test_written_again_after_opening_the_bytes_are_the_same(recording, tmp_path):
    one = store.write(recording, tmp_path / "one")
    two = store.write(store.open(one), tmp_path / "two")
    assert files(one) == files(two)


def test_wav_on_request_and_above_eight_channels(make, tmp_path):
    wav = store.write(make(), tmp_path / "wav", audio_format="wav")
    assert (wav / "observation/audio.wav").exists()
    many = store.write(make(microphones=9), tmp_path / "many")
    assert (many / "observation/audio.wav").exists()
    assert (many / "observation/playback.flac").exists()
    for folder in (wav, many):
        found = store.open(folder)
        assert len(found.truth.stems["direct"]) == len(found.observation.microphones_m)


@pytest.mark.parametrize(
    ("keep", "there"),
    [
        (("audio",), {"observation/audio.flac", "observation/playback.flac"}),
        (("baseband",), {"observation/baseband.npz", "truth/baseband.npz"}),
        (("truth",), {"truth/labels.csv", "truth/scene.yaml", "truth/truth.npz"}),
        (("plot",), {"spectrogram.png"}),
        ((), set()),
    ],
)
def test_keep_chooses_the_parts(recording, tmp_path, keep, there):
    folder = store.write(recording, tmp_path / "out", keep=keep, picture=lambda r: b"png")
    assert set(files(folder)) - {"recording.json", "observation/observation.json"} == there
    assert store.open(folder).observation.profile == "puck"


def test_stems_alone_come_back(recording, tmp_path):
    folder = store.write(recording, tmp_path / "out", keep=("stems",))
    assert len(store.open(folder).truth.stems) == 4


def test_a_real_recording_has_no_truth(make, tmp_path):
    folder = store.write(make(whole=False), tmp_path / "out")
    assert not (folder / "truth").exists()
    assert store.open(folder).truth is None


def test_several_devices_one_folder_each(make, tmp_path):
    folder = store.write({"shelf": make(), "tv": make(seed=2)}, tmp_path / "out")
    found = store.open(folder)
    assert list(found) == ["shelf", "tv"]
    assert found["tv"].observation.audio.shape == (2, 4000)
    assert store.verify(folder) == ()
    assert store.verify(folder / "tv") == ()
    shutil.rmtree(folder / "tv")
    assert store.verify(folder)
    one = store.write({"shelf": make()}, tmp_path / "one")
    assert (one / "observation").exists()


def test_the_observation_is_opened_without_the_truth(recording, tmp_path):
    """Even where everything else is gone or unreadable, and from observation/ alone."""
    folder = store.write(recording, tmp_path / "out")
    shutil.rmtree(folder / "truth")
    (folder / "truth").mkdir()
    (folder / "recording.json").write_bytes(b"\xff")
    assert store.open_observation(folder).audio.shape == (2, 4000)


# ---------------------------------------------------------------- what must not reach a file


def spoiled(recording, where, bad):
    """The recording with one value that is not finite."""
    observation, truth = recording.observation, recording.truth
    if where == "stem mover.ball":
        stems = dict(truth.stems)
        stems["mover.ball"] = np.where(np.arange(4000) == 7, bad, stems["mover.ball"])
        truth = dataclasses.replace(truth, stems=stems)
    elif where == "audio":
        audio = np.array(observation.audio)
        audio[1, 17] = bad
        observation = dataclasses.replace(observation, audio=audio)
    elif where == "truth":
        truth = dataclasses.replace(truth, range_m=np.full((5, 1), bad))
    elif where == "playback":
        played = dataclasses.replace(observation.playback, samples=np.full((1, 3), bad))
        observation = dataclasses.replace(observation, playback=played)
    else:
        samples = np.array(observation.baseband.samples)
        samples[0, 0, 5] = bad
        baseband = dataclasses.replace(observation.baseband, samples=samples)
        observation = dataclasses.replace(observation, baseband=baseband)
    return dataclasses.replace(recording, observation=observation, truth=truth)


def test_what_is_not_finite_is_refused_and_nothing_is_left(recording, tmp_path, figures):
    """R19: one line that names the part, and no folder."""
    left = trials = 0
    for where in ("stem mover.ball", "audio", "playback", "truth", "baseband"):
        for bad in (np.nan, np.inf, -np.inf):
            with pytest.raises(ValueError, match=where) as caught:
                store.write(spoiled(recording, where, bad), tmp_path / "out")
            assert "\n" not in str(caught.value)
            left += len(os.listdir(tmp_path))
            trials += 1
    figures("files left by NaN or Inf in a recording", left, "files", 0, trials)
    assert left == 0


def test_clipping_is_counted_never_silent(recording, tmp_path):
    audio = np.array(recording.observation.audio)
    audio[0, :5] = 1.5
    audio[1, 9] = -1.2
    observation = dataclasses.replace(recording.observation, audio=audio)
    about = dataclasses.replace(recording.metadata, clipped=(3, 1))
    changed = dataclasses.replace(recording, observation=observation, metadata=about)
    found = store.open(store.write(changed, tmp_path / "out"))
    assert found.metadata.clipped_in_file == {"audio": 6, "playback": 0}
    assert found.metadata.clipped == (3, 1)
    assert found.observation.audio.max() == 2**23 - 1


def test_a_stem_beyond_full_scale_is_scaled_down_not_clipped(recording, tmp_path):
    stems = {"direct": 5.0 * np.sin(np.arange(8000.0)).reshape(2, 4000)}
    changed = dataclasses.replace(
        recording, truth=dataclasses.replace(recording.truth, stems=stems)
    )
    found = store.open(store.write(changed, tmp_path / "out"))
    assert found.metadata.gains == {"direct": -3}
    assert np.abs(found.truth.stems["direct"] - stems["direct"]).max() <= 2.0**-24 * 8


def test_an_empty_recording_is_refused(make, tmp_path):
    with pytest.raises(ValueError, match="no samples"):
        store.write(make(count=0), tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["../direct", "a/b", ".hidden", "", "a\nb", "x" * 201])
def test_a_stem_whose_name_is_a_way_out_is_refused(recording, tmp_path, name):
    truth = dataclasses.replace(recording.truth, stems={name: np.zeros((2, 4000))})
    with pytest.raises(InvalidInput, match="cannot be the name of a file"):
        store.write(dataclasses.replace(recording, truth=truth), tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_wrong_choices_are_refused(recording, tmp_path):
    for choice in ({"keep": ("audio", "smell")}, {"audio_format": "mp3"}):
        with pytest.raises(InvalidInput):
            store.write(recording, tmp_path / "out", **choice)
    with pytest.raises(InvalidInput, match="no device"):
        store.write({}, tmp_path / "out")


# ---------------------------------------------------------------- never over something else


def test_nothing_is_replaced_without_force(make, tmp_path):
    folder = store.write(make(), tmp_path / "out")
    before = files(folder)
    with pytest.raises(InvalidInput, match="--force"):
        store.write(make(seed=2), folder)
    assert files(folder) == before
    store.write(make(seed=2), folder, force=True)
    assert files(folder) != before
    assert sorted(os.listdir(tmp_path)) == ["out"]


def test_force_replaces_only_recordings(recording, tmp_path):
    """`-o ~ --force` must not cost anybody a home."""
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(InvalidInput, match="not ours to replace"):
        store.write(recording, tmp_path, force=True)
    with pytest.raises(InvalidInput, match="is a file"):
        store.write(recording, tmp_path / "thesis.tex", force=True)
    assert (tmp_path / "thesis.tex").read_text() == "years"


@pytest.mark.parametrize(
    "own", ["notes.txt", "truth/notes.txt", "mine/audio.flac", "link", "hut/mine.txt"]
)
def test_force_deletes_no_file_but_the_recordings(make, tmp_path, own):
    """What somebody has put beside the files of a recording, or in place of a folder, stays; with it moved away the folder is replaced."""
    several = {"hut": make(), "shelf": make()} if own.startswith("hut") else make()
    folder = store.write(several, tmp_path / "out")
    (folder / own).parent.mkdir(exist_ok=True)
    if own == "link":
        (folder / own).symlink_to(tmp_path)
    else:
        (folder / own).write_text("years")
    before = files(folder)
    with pytest.raises(InvalidInput, match=f"holds {own}, which is not a file of the recording"):
        store.write(make(seed=2), folder, force=True)
    assert files(folder) == before
    assert sorted(os.listdir(tmp_path)) == ["out"]
    (folder / own).unlink()
    store.write(make(seed=2), folder, force=True)
    assert store.verify(folder) == ()


def test_force_replaces_nothing_beside_a_damaged_table(recording, tmp_path):
    """A recording.json that cannot be read says of no file that it is ours."""
    folder = store.write(recording, tmp_path / "out")
    (folder / "recording.json").write_text("{")
    with pytest.raises(InvalidInput, match="is not a file of the recording"):
        store.write(recording, folder, force=True)


def test_an_empty_folder_counts_as_absent_and_parents_are_made(recording, tmp_path):
    (tmp_path / "empty").mkdir()
    store.write(recording, tmp_path / "empty")
    store.write(recording, tmp_path / "a/b/c")
    assert store.verify(tmp_path / "a/b/c") == ()


def test_a_failed_picture_leaves_nothing(recording, tmp_path):
    def picture(recording):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write(recording, tmp_path / "out", picture=picture)
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------- damage


def test_any_damage_is_found(make, tmp_path, figures, counts):
    """R15: one bit flipped, a file cut, grown, removed, or exchanged with another."""
    folder = store.write(make(), tmp_path / "out", picture=b"png")
    sound = files(folder)
    names = sorted(sound)
    generator = np.random.Generator(np.random.Philox(11))
    trials, found = counts(150, 3000), 0
    for _ in range(trials):
        name = names[generator.integers(len(names))]
        other = names[generator.integers(len(names))]
        path, data = folder / name, bytearray(sound[name])
        kind = generator.integers(5)
        if kind == 0:
            data[generator.integers(len(data))] ^= 1 << generator.integers(8)
            path.write_bytes(data)
        elif kind == 1:
            path.write_bytes(data[: generator.integers(len(data))])
        elif kind == 2:
            path.write_bytes(data + bytes(generator.integers(1, 9)))
        elif kind == 3:
            path.unlink()
        else:
            path.write_bytes(sound[other])
            found += other == name
        found += bool(store.verify(folder))
        path.write_bytes(sound[name])
    assert store.verify(folder) == ()
    figures("damage to a recording found", found / trials, "share", 1.0, trials)
    assert found == trials


def test_a_stranger_in_the_folder_is_found(recording, tmp_path):
    folder = store.write(recording, tmp_path / "out")
    (folder / "notes.txt").write_text("mine")  # beside recording.json: nobody's business
    assert store.verify(folder) == ()
    (folder / "truth/stems/extra.flac").write_bytes(b"")
    (problem,) = store.verify(folder)
    assert "is not part of the recording" in str(problem)


@pytest.mark.parametrize("name", ["observation/audio.flac", "truth/truth.npz", "truth/labels.csv"])
def test_opening_a_damaged_recording_fails_in_one_line(recording, tmp_path, name):
    folder = store.write(recording, tmp_path / "out")
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(VerificationFailed, match="damaged") as caught:
        store.open(folder)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_damaged_stem_fails_when_it_is_read(recording, tmp_path):
    folder = store.write(recording, tmp_path / "out")
    (folder / "truth/stems/direct.flac").write_bytes(b"")
    stems = store.open(folder).truth.stems
    with pytest.raises(VerificationFailed):
        stems["direct"]
    assert stems["self_noise"].shape == (2, 4000)


# ---------------------------------------------------------------- hostile folders


@pytest.mark.parametrize(
    ("family", "file"),
    [("recording", "recording.json"), ("observation", "observation/observation.json")],
)
@pytest.mark.parametrize("version", ["/2", "/2.1", "/0", "/1x", "", "s/1.0/1", None, 7])
def test_unknown_formats_are_refused(recording, tmp_path, family, file, version):
    folder = store.write(recording, tmp_path / "out")
    value = family + version if isinstance(version, str) else version
    reseal(folder / file, lambda table: table.update(usim=value))
    with pytest.raises(InvalidInput):
        store.open_observation(folder) if family == "observation" else store.open(folder)


def test_a_later_minor_format_is_read(recording, tmp_path):
    folder = store.write(recording, tmp_path / "out")
    reseal(folder / "observation/observation.json", lambda t: t.update(usim="observation/1.4", x=1))
    assert store.open_observation(folder).format == "observation/1.4"


@pytest.mark.parametrize("target", ["../outside.flac", "/etc/hostname"])
def test_links_out_of_the_folder_are_refused(recording, tmp_path, target):
    folder = store.write(recording, tmp_path / "out")
    (tmp_path / "outside.flac").write_bytes((folder / "observation/audio.flac").read_bytes())
    (folder / "observation/audio.flac").unlink()
    goal = tmp_path / "outside.flac" if target.startswith("..") else target
    (folder / "observation/audio.flac").symlink_to(goal)
    with pytest.raises(VerificationFailed, match="leads out"):
        store.open(folder)
    assert store.verify(folder)


@pytest.mark.parametrize("name", ["../../secret.flac", "/etc/passwd", "..", "a/b.flac"])
def test_names_in_the_table_cannot_lead_out(recording, tmp_path, name):
    folder = store.write(recording, tmp_path / "out")
    reseal(folder / "observation/observation.json", lambda t: t["audio"].update(file=name))
    with pytest.raises(InvalidInput, match="cannot be the name"):
        store.open_observation(folder)


def test_files_listed_outside_are_not_read(recording, tmp_path):
    folder = store.write(recording, tmp_path / "out")
    secret = tmp_path / "secret"
    secret.write_text("x")
    checksum = hashlib.sha256(b"x").hexdigest()
    reseal(folder / "recording.json", lambda t: t["files"].update({"../secret": checksum}))
    assert any("leads out" in str(problem) for problem in store.verify(folder))


def test_a_named_pipe_does_not_wait_for_ever(recording, tmp_path):
    folder = store.write(recording, tmp_path / "out")
    (folder / "recording.json").unlink()
    os.mkfifo(folder / "recording.json")
    with pytest.raises(InvalidInput, match="not a regular file"):
        store.open(folder)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b"\xff\xfe", b'{"usim": NaN}', b'{"a":' * 100_000, b"null", b"{}"],
)
def test_hostile_json_is_one_line(recording, tmp_path, data):
    folder = store.write(recording, tmp_path / "out")
    for name in ("recording.json", "observation/observation.json"):
        (folder / name).write_bytes(data)
        with pytest.raises(InvalidInput) as caught:
            store.open_observation(folder) if "obs" in name else store.open(folder)
        assert "\n" not in str(caught.value)
    assert store.verify(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"rate_hz": "96000"},
        {"rate_hz": True},
        {"rate_hz": 0},
        {"rate_hz": 48_000},
        {"bits": 64},
        {"bits": 16},
        {"microphones_m": [[1, 2]]},
        {"microphones_m": "here"},
        {"microphones_m": [[1, 2, 3]]},
        {"emission": [{"start_s": 0}]},
        {"emission": {}},
        {"emission": [{"start_s": "x", "carriers_hz": [], "level_db_spl": 1, "on": True}]},
        {"audio": []},
        {"audio": {"file": "observation.json", "rate_hz": 96_000, "bits": 24}},
        {"baseband": {"file": "audio.flac"}},
        {"playback": {"file": "absent.flac", "rate_hz": 1, "bits": 16}},
    ],
)
def test_a_faulty_observation_is_one_line(recording, tmp_path, change):
    folder = store.write(recording, tmp_path / "out")
    reseal(folder / "observation/observation.json", lambda table: table.update(change))
    with pytest.raises((InvalidInput, VerificationFailed)) as caught:
        store.open_observation(folder)
    assert "\n" not in str(caught.value)


def test_absent_folders_and_strangers_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match="no such folder"):
        store.open(tmp_path / "absent")
    with pytest.raises(InvalidInput, match="no such file"):
        store.open(tmp_path)


def test_metadata_may_hold_numpy_numbers(recording, tmp_path):
    about = Metadata("shelf", np.int64(3), {"scene": np.int64(7)}, {"window": np.array([0.0, 1.0])})
    folder = store.write(dataclasses.replace(recording, metadata=about), tmp_path / "out")
    assert store.open(folder).metadata.settings == {"window": [0.0, 1.0]}


def test_an_unreadable_file_is_the_environments(recording, tmp_path, monkeypatch):
    folder = store.write(recording, tmp_path / "out")

    def refuse(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(EnvironmentProblem, match="Permission denied"):
        store.open(folder)

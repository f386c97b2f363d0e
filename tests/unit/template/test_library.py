"""Where names are looked up: beside the file, then --path, then USIM_PATH, then the shipped."""

import pytest

from usim.template import library
from usim.template.problem import InvalidInput


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Four folders with a file of the same name each, and an empty one to work in."""
    for name in ("beside", "first", "second", "environment", "elsewhere"):
        (tmp_path / name).mkdir()
    for name in ("beside", "first", "second", "environment"):
        (tmp_path / name / "puck.yaml").write_text(name)
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("USIM_PATH", str(tmp_path / "environment"))
    return tmp_path


def test_the_order_of_the_lookup(shelf):
    def found(**where):
        return library.find("puck", "device_profiles", **where).read_text()

    paths = [shelf / "first", shelf / "second"]
    assert found(beside=shelf / "beside" / "scene.yaml", paths=paths) == "beside"
    assert found(beside=shelf / "beside", paths=paths) == "beside"
    assert found(beside=shelf / "elsewhere" / "scene.yaml", paths=paths) == "first"
    assert found(paths=paths[1:]) == "second"
    assert found() == "environment"
    assert library.find("puck.yaml", "device_profiles").read_text() == "environment"


def test_a_path_may_hold_the_folders_of_the_package(shelf):
    (shelf / "first" / "device_profiles").mkdir()
    (shelf / "first" / "device_profiles" / "mine.yaml").write_text("x")
    assert library.find("mine", "device_profiles", paths=[shelf / "first"]).read_text() == "x"
    assert "mine" in library.names("device_profiles", [shelf / "first"])
    assert "puck" in library.names("device_profiles")


def test_shipped_files_are_found_from_anywhere(shelf):
    assert library.shipped("device_profiles").is_dir()
    assert library.shipped("scenes").is_dir()
    for folder in ("scenes", "device_profiles"):
        for name in library.names(folder):
            assert library.find(name, folder).name == f"{name}.yaml"


def test_the_wheel_carries_its_own(monkeypatch, tmp_path):
    (tmp_path / "site" / "usim" / "scenes").mkdir(parents=True)
    monkeypatch.setattr(library, "_PACKAGE", tmp_path / "site" / "usim")
    assert library.shipped("scenes") == tmp_path / "site" / "usim" / "scenes"
    monkeypatch.setattr(library, "_PACKAGE", tmp_path / "src" / "usim")
    assert library.shipped("scenes") == tmp_path / "scenes"


def test_other_files_keep_their_suffix(shelf):
    (shelf / "beside" / "songs").mkdir()
    (shelf / "beside" / "songs" / "a.flac").write_bytes(b"x" * 100)
    where = {"beside": shelf / "beside", "suffix": ""}
    assert library.find("songs/a.flac", "scenes", **where).name == "a.flac"
    with pytest.raises(InvalidInput, match=r"'songs/a\.flac' has 100 bytes; at most 99 are read"):
        library.find("songs/a.flac", "scenes", **where, most_bytes=99)


def test_what_is_not_there_is_said_with_what_is(shelf):
    with pytest.raises(InvalidInput, match="no file 'pukc' in device_profiles; did you mean puck"):
        library.find("pukc", "device_profiles")


def test_folders_that_are_not_there_are_said(shelf, monkeypatch):
    monkeypatch.setenv("USIM_PATH", "absent_too")
    with pytest.raises(InvalidInput) as caught:
        library.find("puck", "device_profiles", paths=["absent"])
    assert str(caught.value).splitlines() == [
        "--path absent: no such folder",
        "USIM_PATH=absent_too: no such folder",
    ]


def test_the_command_line_may_name_any_path(shelf, monkeypatch):
    outside = shelf / "first" / "puck.yaml"
    assert library.locate(str(outside), "scenes") == outside
    assert library.locate("../first/puck.yaml", "scenes").samefile(outside)
    assert library.locate("puck", "scenes").read_text() == "environment"
    (shelf / "elsewhere" / "puck").mkdir()  # an earlier output folder
    assert library.locate("puck", "scenes").read_text() == "environment"
    (shelf / "elsewhere" / "puck.yaml").write_text("here")
    assert library.locate("puck.yaml", "scenes").read_text() == "here"


@pytest.mark.parametrize("name", ["../absent.yaml", "/absent/scene.yaml", "./absent", "a/b.yaml"])
def test_a_path_that_is_not_there_says_so(shelf, name):
    with pytest.raises(InvalidInput, match=r"no such file"):
        library.locate(name, "scenes")


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 10_000, "\ud800", "a\nb"])
def test_what_is_no_name_is_refused_in_one_line(shelf, name):
    with pytest.raises(InvalidInput) as caught:
        library.locate(name, "scenes")
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 200

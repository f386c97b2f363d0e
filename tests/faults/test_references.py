"""R9: what a file names cannot lead out of the folders it may name files in."""

import os
import socket

import pytest

from usim.template.library import find
from usim.template.problem import InvalidInput
from usim.template.reader import read


@pytest.fixture
def home(tmp_path):
    """A folder with a scene in it, and a secret outside."""
    (tmp_path / "secret.yaml").write_text("secret: 1\n")
    folder = tmp_path / "home"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "good.yaml").write_text("a: 1\n")
    (folder / "good.yaml").write_text("a: 1\n")
    return folder


def refused(name, home, **options):
    with pytest.raises(InvalidInput) as caught:
        find(name, "device_profiles", beside=home / "scene.yaml", **options)
    text = str(caught.value)
    assert "\n" not in text
    assert text.isprintable()
    assert len(text) < 200
    return text


def test_what_is_inside_is_found(home):
    assert find("good", "device_profiles", beside=home / "scene.yaml") == home / "good.yaml"
    assert find("inner/good.yaml", "device_profiles", beside=home) == home / "inner" / "good.yaml"
    assert find("./good", "device_profiles", beside=home) == home / "good.yaml"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../secret", "leads out of the folder"),
        ("../secret.yaml", "leads out of the folder"),
        ("inner/../../secret.yaml", "leads out of the folder"),
        ("inner/../good.yaml", "leads out of the folder"),
        ("..", "leads out of the folder"),
        (".", "leads out of the folder"),
        ("/etc/passwd", "is an absolute path"),
        ("/dev/zero", "is an absolute path"),
        ("//etc/passwd", "is an absolute path"),
        ("C:/secret", "is not a file name"),
        ("..\\secret", "is not a file name"),
        ("file:///etc/passwd", "is not a file name"),
        ("a\0b", "is not a file name"),
        ("a\nb", "is not a file name"),
        ("\ud800", "is not a file name"),
        ("", "the name of a file is needed"),
        (None, "the name of a file is needed"),
        (7, "the name of a file is needed"),
        ("x" * 201, "is longer than 200 characters"),
        ("x" * 10**6, "is longer than 200 characters"),
        ("~/secret", "no file '~/secret'"),
        ("$HOME/secret", "no file"),
        ("good.yaml/x", "no file"),
        ("a/" * 99, "no file"),
    ],
)
def test_names_that_lead_out_are_refused(home, name, said):
    assert said in refused(name, home)


def test_links_out_are_refused(home):
    (home / "out.yaml").symlink_to(home.parent / "secret.yaml")
    (home / "relative.yaml").symlink_to("../secret.yaml")
    (home / "folder").symlink_to(home.parent)
    (home / "zero.yaml").symlink_to("/dev/zero")
    (home / "twice.yaml").symlink_to("out.yaml")
    (home / "absent.yaml").symlink_to("nowhere.yaml")
    (home / "circle.yaml").symlink_to("circle.yaml")
    for name in ("out", "relative", "folder/secret", "zero", "twice"):
        assert "is a link out of the folder" in refused(name, home)
    assert "is a link to nothing" in refused("absent", home)
    assert "cannot be opened" in refused("circle", home)
    (home / "within.yaml").symlink_to("inner/good.yaml")
    assert find("within", "device_profiles", beside=home) == home / "inner" / "good.yaml"


def test_what_is_no_regular_file_is_refused_without_being_opened(home):
    os.mkfifo(home / "pipe.yaml")
    (home / "folder.yaml").mkdir()
    server = socket.socket(socket.AF_UNIX)
    try:
        path = os.path.relpath(home / "socket.yaml")
        server.bind(path if len(path) < 100 else str(home / "socket.yaml"))
    except OSError:
        (home / "socket.yaml").mkdir()  # the name is too long for a socket here
    finally:
        server.close()
    for name in ("pipe", "folder", "socket"):
        assert "is not a regular file" in refused(name, home)
        with pytest.raises(InvalidInput, match=r"not a regular file|a folder"):
            read(home / f"{name}.yaml")


def test_devices_are_not_read_even_when_the_command_line_names_them():
    for path in ("/dev/zero", "/dev/null", "/dev/tty"):
        if os.path.exists(path):
            with pytest.raises(InvalidInput, match="not a regular file"):
                read(path)


def test_large_files_are_refused(home):
    with (home / "large.yaml").open("wb") as stream:
        stream.truncate((1 << 20) + 1)
    assert "has 1048577 bytes; at most 1048576 are read" in refused("large", home)
    with pytest.raises(InvalidInput, match="1048577 bytes"):
        read(home / "large.yaml")


def test_a_refused_name_is_not_looked_for_further(home, tmp_path):
    """A link out in one folder must not fall through to a harmless file in the next."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.yaml").write_text("a: 1")
    (home / "x.yaml").symlink_to("../secret.yaml")
    assert "link out" in refused("x", home, paths=[other])

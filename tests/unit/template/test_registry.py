"""The folder is the registry: kinds are listed without being imported, and never replaced."""

import pickle
import sys

import pytest

from usim.template import registry
from usim.template.problem import InvalidInput

DOG = """\
class Parameters:
    kind = "robot_dog"

def build(parameters, stream):
    return Parameters()
"""


@pytest.fixture(autouse=True)
def no_kinds_left(monkeypatch):
    registry._folders = None
    yield
    monkeypatch.delenv("USIM_KINDS", raising=False)
    registry.use_kinds()
    registry._folders = None


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "kinds" / "movers").mkdir(parents=True)
    (tmp_path / "kinds" / "movers" / "robot_dog.py").write_text(DOG)
    return tmp_path / "kinds"


def refused(*folders):
    with pytest.raises(InvalidInput) as caught:
        registry.use_kinds(*folders)
    return str(caught.value)


def test_the_files_of_a_family_are_its_kinds():
    assert "movers" in registry.families()
    assert "template" not in registry.families()
    listed = registry.kinds("movers")
    assert "sphere" in listed
    assert listed == sorted(listed)
    assert not {"base", "__init__"} & set(listed)
    assert not any(kind.startswith("_") for kind in listed)
    assert registry.kinds("no_family") == []


def test_a_kind_is_imported_when_asked_for():
    assert registry.load("movers", "sphere") is sys.modules["usim.movers.sphere"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("shpere", "no kind 'shpere' of movers; did you mean sphere?"),
        ("base", "no kind 'base' of movers"),
        ("__init__", "no kind '__init__' of movers"),
        ("../cli/main", "no kind '../cli/main' of movers"),
        ("sphere.os", "no kind 'sphere.os' of movers; did you mean sphere?"),
        (None, "no kind 'nothing' of movers"),
        (["sphere"], "no kind '[sphere]' of movers"),
        ("x" * 10**6, "of movers"),
    ],
)
def test_what_is_no_kind_is_refused(kind, said):
    with pytest.raises(InvalidInput) as caught:
        registry.load("movers", kind)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_folder_of_kinds_adds_to_the_shipped(folder):
    assert registry.kinds_hash() is None
    registry.use_kinds(folder)
    assert {"robot_dog", "sphere"} <= set(registry.kinds("movers"))
    module = registry.load("movers", "robot_dog")
    thing = module.build(None, None)
    # A worker that was told of the folder can read what another process made.
    registry.use_kinds(folder)
    assert type(pickle.loads(pickle.dumps(thing))) is module.Parameters
    registry.use_kinds()
    assert "robot_dog" not in registry.kinds("movers")
    assert "usim_kinds" not in sys.modules


def test_the_environment_names_folders_too(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("USIM_KINDS", str(folder))
    assert "robot_dog" in registry.kinds("movers")
    monkeypatch.setenv("USIM_KINDS", str(tmp_path / "absent"))
    registry._folders = None
    with pytest.raises(InvalidInput, match=r"USIM_KINDS=.*absent: no such folder"):
        registry.kinds("movers")


def test_a_shipped_kind_is_not_replaced(folder):
    (folder / "movers" / "sphere.py").write_text(DOG)
    assert "movers/sphere.py has the name of a shipped kind; rename the file" in refused(folder)
    assert "robot_dog" not in registry.kinds("movers")


def test_two_folders_do_not_replace_each_other(folder, tmp_path):
    other = tmp_path / "other"
    (other / "movers").mkdir(parents=True)
    (other / "movers" / "robot_dog.py").write_text(DOG)
    assert "movers/robot_dog.py has the name of one in" in refused(folder, other)
    registry.use_kinds(folder, folder)
    assert "robot_dog" in registry.kinds("movers")


def test_a_misspelt_family_is_noticed(folder):
    (folder / "mover").mkdir()
    (folder / "mover" / "cat.py").write_text(DOG)
    (folder / "notes").mkdir()
    assert "no family 'mover' of kinds; did you mean movers?" in refused(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\nraise OSError('a\\nb')\n", "robot_dog.py:2: does not import: OSError: a\\nb"),
        ("x = (\n", "robot_dog.py:1: does not import: SyntaxError"),
        ("x = 1\n", "robot_dog.py: has no Parameters and no build"),
        ("import no_such_module\n", "robot_dog.py:1: does not import: ModuleNotFoundError"),
    ],
)
def test_a_broken_kind_is_the_users_one_line(folder, text, said):
    (folder / "movers" / "robot_dog.py").write_text(text)
    registry.use_kinds(folder)
    with pytest.raises(InvalidInput) as caught:
        registry.load("movers", "robot_dog")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_hash_tells_every_change_of_the_kinds(folder):
    registry.use_kinds(folder)
    first = registry.kinds_hash()
    assert len(first) == 64
    registry.load("movers", "robot_dog")  # leaves a compiled file behind
    (folder / "readme.txt").write_text("not a kind")
    assert registry.kinds_hash() == first
    (folder / "movers" / "gait.csv").write_text("1,2")
    second = registry.kinds_hash()
    assert second != first
    (folder / "movers" / "robot_dog.py").write_text(DOG + "\n")
    assert registry.kinds_hash() not in (first, second)


def test_files_that_are_no_modules_are_no_kinds(folder):
    for name in ("Cat.py", "2cats.py", "_private.py", "base.py", "cat.txt", "a-b.py"):
        (folder / "movers" / name).write_text(DOG)
    registry.use_kinds(folder)
    assert set(registry.kinds("movers")) - {"robot_dog"} == set(registry.kinds("movers")) & set(
        registry._listed(registry._PACKAGE / "movers")
    )

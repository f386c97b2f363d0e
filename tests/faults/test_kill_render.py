"""Whatever happens while a recording is written, no half of it is ever seen under its name.

Killed (-9) at random moments and at every single step; every system call failing in turn; the disk
full; two writers at once.
"""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from usim.recording import commit, store
from usim.recording.observation import EmissionCommand, Observation
from usim.recording.recording import Recording
from usim.recording.truth import Truth
from usim.template.problem import EnvironmentProblem, InvalidInput

CALLS = ("mkdir", "open", "write", "fsync", "close", "rename")


def small_recording(seed=0, count=2000):
    """A recording of noise; equal seeds, equal bytes."""
    stem = np.random.Generator(np.random.Philox(seed)).uniform(-0.5, 0.5, (2, count))
    observation = Observation(
        "puck", 96_000, 24, np.zeros((2, 3)), stem, emission=(EmissionCommand(0, (32_500,), 72),)
    )
    return Recording(observation, Truth("usim: scene/1\n", stems={"direct": stem}))


def visible(folder):
    """What a user sees in a folder."""
    return sorted(entry for entry in os.listdir(folder) if not entry.startswith("."))


def hidden(folder):
    return sorted(entry for entry in os.listdir(folder) if entry.startswith("."))


def half_written(folder):
    """Recordings under their final names that are not whole."""
    return [name for name in visible(folder) if store.verify(folder / name)]


# Writes new recordings and replaces one and the same, as fast as it can, until it is killed.
WRITER = """
import sys
import itertools
import usim
sys.path.insert(0, {here!r})
from pathlib import Path
from test_kill_render import small_recording
from usim.recording import store

folder = Path({folder!r})
kinds = [small_recording(seed, count=30_000) for seed in (0, 1)]
print("ready", flush=True)
for number in itertools.count():
    store.write(kinds[number % 2], folder / f"new_{{number}}", force=True)
    store.write(kinds[number % 2], folder / "same", force=True)
"""


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path, figures, counts):
    """R1 for one recording: kill -9, look, go on. 0 of n bounds the failure rate below 3/n."""
    here = str(Path(__file__).parent)
    generator = np.random.Generator(np.random.Philox(17))
    trials, broken, lost, caught_writing = counts(20, 300), 0, 0, 0
    store.write(
        small_recording(), tmp_path / "same"
    )  # what must never be lost, however slow the first child is
    for _ in range(trials):
        script = WRITER.format(here=here, folder=str(tmp_path))
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
            try:
                assert child.stdout.readline() == b"ready\n"
                time.sleep(generator.uniform(0.0, 0.25))
            finally:
                child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        broken += len(half_written(tmp_path))
        lost += "same" not in visible(tmp_path)
        caught_writing += bool(hidden(tmp_path))
    store.write(small_recording(), tmp_path / "last")  # the next run clears up
    figures("kill -9 while writing: half-written recordings seen", broken, "folders", 0, trials)
    figures("kill -9 while replacing: recordings lost", lost, "folders", 0, trials)
    assert broken == lost == 0
    assert hidden(tmp_path) == []
    assert caught_writing > trials / 4, "the kills came at the wrong moments to prove anything"


@pytest.mark.slow
def test_the_command_killed_at_random_moments(tmp_path, figures, counts):
    """The same for `usim render` as a user starts it, from its first import to its last file, every second time over a
    recording that is there."""
    words = ["render", "sphere_passes", "--window", "1:1.1", "--quality", "draft", "--quiet"]
    folder = tmp_path / "here"
    folder.mkdir()
    command = [sys.executable, "-m", "usim", *words, "--force", "-o", "out"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # compiles
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    whole_s = time.perf_counter() - started
    shutil.copytree(folder / "out", tmp_path / "whole")
    generator = np.random.Generator(np.random.Philox(18))
    trials, broken, lost, finished = counts(8, 100), 0, 0, 0
    for trial in range(trials):
        shutil.rmtree(folder / "out", ignore_errors=True)
        if trial % 2 == 0:
            shutil.copytree(tmp_path / "whole", folder / "out")
        before = visible(folder)
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as child:
            time.sleep(whole_s * generator.uniform(0.3, 1.1))
            child.send_signal(signal.SIGKILL)
        finished += child.returncode == 0
        assert child.returncode in (0, -signal.SIGKILL)
        broken += len(half_written(folder))
        lost += not set(before) <= set(visible(folder))
        assert visible(folder) in ([], ["out"])
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    name = "kill -9 of usim render"
    figures(f"{name}: half-written recordings seen", broken, "folders", 0, trials)
    figures(f"{name}: recordings lost", lost, "folders", 0, trials)
    assert broken == lost == 0
    assert finished < trials, "the kills came too late to prove anything"
    assert sorted(os.listdir(folder)) == ["out"]


# Writes once in each of many forked children, each killed just before its n-th system call.
STEPS = """
import os, signal, sys
import usim
sys.path.insert(0, {here!r})
from pathlib import Path
from test_kill_render import CALLS, small_recording
from usim.recording import commit, store

folder, force, exchange = Path({folder!r}), {force}, {exchange}
recording = small_recording(1)
if not exchange:
    commit._exchange = lambda one, other: False

def write_until(number):
    left = [number]
    def counting(call):
        def counted(*arguments, **options):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return call(*arguments, **options)
        return counted
    for name in (*CALLS, "unlink", "rmdir"):
        setattr(os, name, counting(getattr(os, name)))
    store.write(recording, folder / "out", force=force)
    os._exit(0)

for number in range(1000):
    if force:
        store.write(small_recording(0), folder / "out", force=True)
    child = os.fork()
    if child == 0:
        write_until(number)
    _, status = os.waitpid(child, 0)
    seen = (folder / "out").exists()
    whole = seen and not store.verify(folder / "out")
    print(number, int(seen), int(whole), flush=True)
    if status == 0:
        break
    if not force and seen:
        break
"""


@pytest.mark.slow
@pytest.mark.parametrize(("force", "exchange"), [(False, True), (True, True), (True, False)])
def test_killed_at_every_single_step(tmp_path, figures, force, exchange):
    """Before each system call of a write in turn; also where the system cannot swap two names.

    Without the swap a kill between two renames may hide the old recording until the next run puts
    it back; never is half a recording seen.
    """
    here = str(Path(__file__).parent)
    script = STEPS.format(here=here, folder=str(tmp_path), force=force, exchange=exchange)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    steps = len(rows)
    assert steps > 20
    half = sum(seen and not whole for _, seen, whole in rows)
    figures(
        f"kill -9 at each step, force={force}, swap={exchange}: half-written",
        half,
        "folders",
        0,
        steps,
    )
    assert half == 0
    assert rows[-1][1:] == (1, 1)
    absent = sum(not seen for _, seen, _ in rows)
    if force:
        assert absent == 0 if exchange else absent <= 2
    store.write(small_recording(), tmp_path / "next")
    assert hidden(tmp_path) == []
    assert half_written(tmp_path) == []


class Failing:
    """Makes the n-th of some system calls fail, once or from then on."""

    def __init__(self, monkeypatch, number, code, lasting):
        self.left = number
        self.happened = 0
        for name in CALLS:
            if name == "close":  # it comes after the flush, when there is nothing left to lose
                continue
            monkeypatch.setattr(os, name, self._wrap(getattr(os, name), code, lasting))

    def _wrap(self, call, code, lasting):
        def wrapped(*arguments, **options):
            self.left -= 1
            if self.left == -1 or (lasting and self.left < 0):
                self.happened += 1
                raise OSError(code, os.strerror(code))
            return call(*arguments, **options)

        return wrapped


def attempt(target, seed, force):
    """Write; return the line of the environment's refusal, or None."""
    try:
        store.write(small_recording(seed), target, force=force)
    except EnvironmentProblem as problem:
        return str(problem)
    return None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("force", [False, True])
def test_every_call_fails_in_turn(tmp_path, code, lasting, force):
    """R14: one line of the environment, exit 4; the old recording or the new one, never half."""
    number = refused = 0
    target = tmp_path / "out"
    while True:
        if force:
            store.write(small_recording(0), target, force=True)
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, number, code, lasting)
            refusal = attempt(target, 1, force)
        assert half_written(tmp_path) == []
        if not failing.happened:
            assert refusal is None
            break
        if refusal is None:  # clearing away the old one failed, or could be done without
            assert visible(tmp_path) == ["out"]
        else:
            refused += 1
            assert "\n" not in refusal
            assert os.strerror(code) in refusal
        if force:
            assert visible(tmp_path) == ["out"]
        elif visible(tmp_path):  # the flush of the parent folder comes after the name is there
            shutil.rmtree(target)
        number += 1
    assert number > 20
    assert refused > 20
    store.write(small_recording(0), tmp_path / "next")
    assert hidden(tmp_path) == []


def test_short_writes_are_completed(tmp_path, monkeypatch):
    """The system may take fewer bytes than it is given."""
    whole = os.write
    monkeypatch.setattr(os, "write", lambda number, data: whole(number, bytes(data[:777])))
    folder = store.write(small_recording(), tmp_path / "out")
    assert store.verify(folder) == ()


@pytest.mark.parametrize("limit", [0, 1, 1000, 5000])
def test_disk_full(tmp_path, limit):
    """A real refusal by the kernel at some byte (RLIMIT_FSIZE): one line, nothing left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(EnvironmentProblem) as caught:
            store.write(small_recording(), tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.strerror(errno.EFBIG) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_interrupted_by_the_user_nothing_is_left(tmp_path):
    def picture(recording):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write(small_recording(), tmp_path / "out", picture=picture)
    assert os.listdir(tmp_path) == []


def test_a_living_writers_folder_is_left_alone(tmp_path):
    """A second run beside it clears only what the dead have left."""
    stale = tmp_path / ".usim-writing-0123456789abcdef"
    stale.mkdir()
    (stale / "half").write_bytes(b"x")
    with commit.committing(tmp_path / "one") as draft:
        draft.put("recording.json", b"{}")
        store.write(small_recording(), tmp_path / "two")
        assert not stale.exists()
        draft.put("more", b"x")
    assert visible(tmp_path) == ["one", "two"]
    assert hidden(tmp_path) == []


def test_two_writers_of_one_name(tmp_path):
    """The first to finish has it; the second is told so, and changes nothing."""

    def write_while_another_does():
        with commit.committing(tmp_path / "out") as draft:
            draft.put("recording.json", b"{}")
            store.write(small_recording(), tmp_path / "out")

    with pytest.raises(InvalidInput, match="is there already"):
        write_while_another_does()
    assert half_written(tmp_path) == []
    assert hidden(tmp_path) == []


def test_a_replaced_recording_left_hidden_is_put_back(tmp_path):
    """Where names cannot be swapped and the writer died between its two renames."""
    store.write(small_recording(), tmp_path / "out")
    os.rename(tmp_path / "out", tmp_path / ".usim-replaced-out")
    with pytest.raises(InvalidInput, match="is there already"):
        store.write(small_recording(1), tmp_path / "out")
    assert half_written(tmp_path) == []
    assert visible(tmp_path) == ["out"]


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    """Then nothing is taken for stale, and writing works."""

    def refuse(number, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(commit.fcntl, "flock", refuse)
    stale = tmp_path / ".usim-writing-0123456789abcdef"
    stale.mkdir()
    folder = store.write(small_recording(), tmp_path / "out")
    assert store.verify(folder) == ()
    assert stale.exists()

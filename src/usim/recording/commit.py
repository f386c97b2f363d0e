"""Commit: a folder appears under its name complete, or not at all.

Everything is written into a hidden folder beside the target, flushed to the disk, and moved to its
final name in one step. A process killed at any moment leaves nothing under the final name, or the
complete folder. What it leaves hidden is cleared by the next run: the owner holds a kernel lock on
its hidden folder, which the kernel frees when the process dies, so no process number, host name or
clock is needed to know that the owner is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from usim.recording import layout
from usim.template.problem import EnvironmentProblem, InvalidInput, Problem

_WRITING = ".usim-writing-"
_REPLACED = ".usim-replaced-"
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux renameat2
_AT_FDCWD = -100


class Draft:
    """The hidden folder while it is being filled; made by `committing`."""

    def __init__(self, folder: Path, target: Path):
        self._folder = folder
        self._target = target
        self._subfolders: set[Path] = set()

    def put(self, name: str, pieces: bytes | Iterable[bytes]) -> None:
        """Write one file, `name` relative with forward slashes, and flush it to the disk."""
        path = self._folder / name
        for parent in reversed(path.relative_to(self._folder).parents[:-1]):
            folder = self._folder / parent
            if folder not in self._subfolders:
                os.mkdir(folder)
                self._subfolders.add(folder)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            for piece in (pieces,) if isinstance(pieces, bytes) else pieces:
                view = memoryview(piece)
                while view:
                    view = view[os.write(number, view) :]
            os.fsync(number)
        finally:
            os.close(number)

    def flush(self) -> None:
        """Flush the folders themselves, so that their entries survive a power cut."""
        for folder in sorted(self._subfolders, reverse=True):
            _flush_folder(folder)
        _flush_folder(self._folder)


@contextlib.contextmanager
def committing(target: str | os.PathLike, force: bool = False, mark: str = "recording.json"):
    """Give a `Draft`; on leaving the block without an error it becomes the folder `target`.

    force: replace a folder that is there, once the new one is complete; only a folder that holds
    the file `mark` (so, one that was written by usim), and nothing but the recording's own files,
    is ever replaced. An empty folder counts as absent. Raises InvalidInput where the target is taken, EnvironmentProblem (one line) where the
    disk is full, read-only or may not be written.
    """
    target = Path(os.path.realpath(target))
    check_target(target, force, mark)
    with _one_line(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_stale(target)
        draft_folder, lock = _claim(target.parent)
        try:
            draft = Draft(draft_folder, target)
            yield draft
            draft.flush()
            _move(draft_folder, target, force, mark)
        finally:
            # After the move this name holds the replaced folder, or nothing.
            shutil.rmtree(draft_folder, ignore_errors=True)
            os.close(lock)
        _flush_folder(target.parent)


def check_target(target: str | os.PathLike, force: bool, mark: str = "recording.json") -> None:
    """Raise InvalidInput where `target` may not be written; call it before a long computation."""
    target = Path(os.path.realpath(target))
    with _one_line(target):
        if not os.path.lexists(target):
            return
        if not target.is_dir():
            raise InvalidInput((Problem(f"{target}: is a file; -o names a folder"),))
        names = os.listdir(target)
    if not names:
        return
    if not force:
        raise InvalidInput((Problem(f"{target}: is there already; --force replaces it"),))
    if mark not in names:
        raise InvalidInput(
            (Problem(f"{target}: holds no {mark}, so it is not ours to replace; choose another"),)
        )
    with _one_line(target):
        stranger = layout.unlisted(target)
    if stranger is not None:
        text = f"{target}: holds {stranger}, which is not a file of the recording there; move it away, or choose another folder"
        raise InvalidInput((Problem(text),))


def clear_stale(target: Path) -> None:
    """Remove hidden folders beside `target` whose owners are dead; put back a replaced one."""
    kept = target.parent / (_REPLACED + target.name)
    if kept.is_dir():
        if target.exists():
            shutil.rmtree(kept, ignore_errors=True)
        else:
            os.rename(kept, target)
    for entry in list(os.scandir(target.parent)):
        if entry.name.startswith(_WRITING) and entry.is_dir(follow_symlinks=False):
            lock = _lock(Path(entry.path), wait=False)
            if lock is not None:
                shutil.rmtree(entry.path, ignore_errors=True)
                os.close(lock)


def _claim(parent: Path) -> tuple[Path, int]:
    """Make a hidden folder in `parent` and lock it; return it and the lock."""
    while True:
        folder = parent / (_WRITING + secrets.token_hex(8))
        os.mkdir(folder)
        lock = _lock(folder, wait=True)
        if lock is not None:
            return folder, lock
        # Another run took the folder for a stale one before it was locked: make the next.


def _lock(folder: Path, wait: bool) -> int | None:
    """Return an open, locked descriptor of `folder`, or None where it is gone or owned."""
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        if os.path.samestat(os.stat(folder), os.fstat(number)):
            return number
    except (FileNotFoundError, BlockingIOError):
        pass
    except OSError:
        if wait:  # a file system without locks: go on without; nobody can take it for stale
            return number
    os.close(number)
    return None


def _move(draft: Path, target: Path, force: bool, mark: str) -> None:
    """Give `draft` the name `target`; a folder that was there gets the name `draft`."""
    try:
        os.rename(draft, target)  # succeeds onto nothing and onto an empty folder
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    check_target(target, force, mark)  # another run may have been faster
    if _exchange(draft, target):
        return
    # No exchange in one step on this system: a kill between the two renames leaves the old folder
    # hidden, and the next run puts it back.
    kept = target.parent / (_REPLACED + target.name)
    os.rename(target, kept)
    try:
        os.rename(draft, target)
    except BaseException:
        os.rename(kept, target)
        raise
    shutil.rmtree(kept, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two names in one step (Linux renameat2); false where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    names = os.fsencode(one), os.fsencode(other)
    if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))


def _flush_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    except OSError as error:
        # Some network file systems cannot flush a folder; its entries are theirs to keep.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(number)


@contextlib.contextmanager
def _one_line(target: Path) -> Iterator[None]:
    """Turn an OSError into an EnvironmentProblem of one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EnvironmentProblem(f"{target}: could not be written: {reason}") from error

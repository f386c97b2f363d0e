"""Where the files named in files are looked up: beside the file, in --path folders, shipped.

A name in a file can only be of a file in these folders. What a user names on the command line
(`locate`) may be anywhere: it is the user who asks.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from usim.template.problem import InvalidInput, Problem, excerpt, suggest

SUFFIX = ".yaml"
MOST_BYTES = 1 << 20
LONGEST_NAME = 200

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(folder: str) -> Path:
    """The folder of shipped files: inside the installed package, or beside `src` in a checkout.

    folder: "scenes", "scenes/recipes", "scenes/studies" or "device_profiles"
    """
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parents[1] / folder


def search_paths(paths: Iterable[str | os.PathLike] = ()) -> list[Path]:
    """The --path folders, then those of USIM_PATH; raises InvalidInput where one is no folder."""
    listed = [(Path(path), f"--path {path}") for path in paths]
    for entry in os.environ.get("USIM_PATH", "").split(os.pathsep):
        if entry:
            listed.append((Path(entry), f"USIM_PATH={entry}"))
    problems = [
        Problem("no such folder", source) for path, source in listed if not _is_folder(path)
    ]
    if problems:
        raise InvalidInput(problems)
    return [path for path, _ in listed]


def find(
    name: str,
    folder: str,
    beside: str | os.PathLike | None = None,
    paths: Iterable[str | os.PathLike] = (),
    suffix: str = SUFFIX,
    most_bytes: int = MOST_BYTES,
) -> Path:
    """The path, links resolved, of the regular file that a name in a file means.

    name: such as `puck_4mic` or `songs/a.flac`; `suffix` is added where it has none
    folder: the shipped folder, as in `shipped`; also looked for inside each of `paths`
    beside: the file that mentions the name (or its folder); None for none
    paths: the --path folders; those of USIM_PATH follow
    Raises InvalidInput with one line, without a position: who knows it adds it.
    """
    relative = _relative(name, suffix)
    roots: list[Path] = []
    if beside is not None:
        roots.append(Path(beside) if _is_folder(Path(beside)) else Path(beside).parent)
    for path in search_paths(paths):
        roots += [path, path / folder]
    roots.append(shipped(folder))
    for root in roots:
        found = _inside(root, relative, name, most_bytes)
        if found is not None:
            return found
    known = sorted({known for root in roots for known in _names(root, suffix)})
    raise InvalidInput(f"no file {excerpt(name)!r} in {folder}{suggest(name, known)}")


def locate(name: str, folder: str, paths: Iterable[str | os.PathLike] = ()) -> Path:
    """The file that a word on the command line means: any path that is there, else by `find`."""
    path = Path(name)
    # A folder of the same name (an earlier -o) does not hide a shipped scene.
    if _exists(path) and not (_is_folder(path) and path.suffix != SUFFIX):
        return path
    written_as_path = path.suffix in (SUFFIX, ".yml") and len(path.parts) > 1
    if written_as_path or path.is_absolute() or name.startswith(("./", "../")):
        text = "is a folder; name a file in it" if _is_folder(path) else "no such file"
        raise InvalidInput(Problem(text, name))
    return find(name, folder, paths=paths)


def names(folder: str, paths: Iterable[str | os.PathLike] = ()) -> list[str]:
    """The names that `find` finds in --path folders and among the shipped, sorted."""
    roots = [place for path in search_paths(paths) for place in (path, path / folder)]
    return sorted({name for root in [*roots, shipped(folder)] for name in _names(root, SUFFIX)})


def _names(root: Path, suffix: str) -> list[str]:
    try:
        return [
            entry.name.removesuffix(suffix)
            for entry in os.scandir(root)
            if entry.name.endswith(suffix) and not entry.name.startswith(".") and entry.is_file()
        ]
    except OSError:
        return []


def _relative(name: object, suffix: str) -> PurePosixPath:
    """The name as a relative path that cannot climb."""
    if not isinstance(name, str) or not name:
        raise InvalidInput(f"the name of a file is needed, found {excerpt(name)}")
    shown = excerpt(name)
    if len(name) > LONGEST_NAME:
        raise InvalidInput(f"{shown!r} is longer than {LONGEST_NAME} characters")
    if not name.isprintable() or "\\" in name or ":" in name:
        raise InvalidInput(f"{shown!r} is not a file name; use letters, digits, - _ . and /")
    relative = PurePosixPath(name)
    if relative.is_absolute():
        raise InvalidInput(
            f"{shown!r} is an absolute path; put the file beside this one, or use --path"
        )
    if ".." in relative.parts or not relative.parts:
        raise InvalidInput(
            f"{shown!r} leads out of the folder; put the file beside this one, or use --path"
        )
    if (
        suffix
        and relative.suffix != suffix
        and not (suffix == SUFFIX and relative.suffix == ".yml")
    ):
        relative = relative.with_name(relative.name + suffix)
    return relative


def _inside(root: Path, relative: PurePosixPath, name: str, most_bytes: int) -> Path | None:
    """The file in this folder, None where there is none; refused where it leads elsewhere."""
    candidate = root / relative
    shown = excerpt(name)
    try:
        found = candidate.resolve(strict=True)
        home = root.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        if candidate.is_symlink():
            raise InvalidInput(f"{shown!r} is a link to nothing") from None
        return None
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its links go in a circle"
        raise InvalidInput(f"{shown!r} cannot be opened: {reason}") from None
    if not found.is_relative_to(home):
        raise InvalidInput(f"{shown!r} is a link out of the folder; copy the file there")
    status = found.stat()
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(f"{shown!r} is not a regular file")
    if status.st_size > most_bytes:
        raise InvalidInput(f"{shown!r} has {status.st_size} bytes; at most {most_bytes} are read")
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False

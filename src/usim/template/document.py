"""A file as a plain table that remembers where everything stood."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from usim.template.problem import Problem, excerpt

MOST_DEPTH = 32
MOST_NODES = 50_000
LONGEST_KEY = 100

Path = tuple  # of keys and list indices, from the top of the file


@dataclass(frozen=True, eq=False)
class Document:
    """A file as a plain table of mappings, lists, texts, numbers, truths and None, with places.

    file: the name that messages show
    table: the top mapping; not to be changed
    marks: path -> (line, column), 1-based: of the key for a field, of the item in a list
    sources: path -> what stands for the file in messages, for values given by `--set`
    """

    file: str
    table: dict
    marks: dict[Path, tuple[int, int]] = field(repr=False)
    sources: dict[Path, str] = field(default_factory=dict, repr=False)

    def mark(self, path: Path) -> tuple[int, int] | None:
        """Line and column of the path, or of what holds it where it is not written itself."""
        path = tuple(path)
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path)

    def source(self, path: Path) -> str | None:
        """The `--set` option that gave the value at this path, None where the file did."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.sources:
                return self.sources[path[:length]]
        return None

    def place(self, path: Path) -> str:
        """The dotted place of a path, list items by their names where these are written."""
        return dotted(self.table, path)

    def problem(self, path: Path, text: str, place: str | None = None) -> Problem:
        """The problem at this path, with file, line, column and place."""
        path = tuple(path)
        place = place or self.place(path) or None
        source = self.source(path)
        if source is not None:
            return Problem(text, source, place=place)
        return self.problem_at(self.mark(path), path, text, place)

    def problem_at(
        self, mark: tuple[int, int] | None, path: Path, text: str, place: str | None = None
    ) -> Problem:
        """The problem at a line and column of the file, about the value at this path."""
        line, column = mark or (None, None)
        return Problem(text, self.file, line, column, place or self.place(path) or None)


def dotted(table: object, path: Iterable) -> str:
    """The place of a path in a table: keys by their words, list items by `name`, else by index."""
    words = []
    for step in path:
        word = str(step)
        if isinstance(table, Mapping):
            table = table.get(step)
        elif isinstance(table, (list, tuple)) and isinstance(step, int) and step < len(table):
            table = table[step]
            if isinstance(table, Mapping) and isinstance(table.get("name"), str):
                word = table["name"]
        else:
            table = None
        words.append(excerpt(word, LONGEST_KEY))
    return ".".join(words)

"""Drawing: a document and a seed become a table without draws, every item named."""

from collections.abc import Mapping
from dataclasses import dataclass

from usim.template.problem import Problem
from usim.template.reader import Document

DRAW_WORDS = frozenset({"uniform", "log_uniform", "normal", "integers", "choice"})


@dataclass(frozen=True, eq=False)
class Sampled:
    """A table without draws, and where each value of it came from.

    table: as the document's, names written out, `let` gone
    origin: path in `table` -> path in the document's table
    drawn: place -> value, of every draw made
    """

    document: Document
    table: dict
    origin: dict[tuple, tuple]
    drawn: dict[str, object]
    seed: int
    attempt: int

    def place(self, path: tuple) -> str:
        """The dotted place of a path of `table`: `movers.adult.height_m`."""
        raise NotImplementedError

    def problem(self, path: tuple, text: str) -> Problem:
        """The problem at a path of `table`, with the document's file, line and column."""
        raise NotImplementedError


def is_draw(value: object) -> bool:
    """Whether the value is a mapping with one of DRAW_WORDS."""
    return isinstance(value, Mapping) and not DRAW_WORDS.isdisjoint(value)


def invert(draw: Mapping, u: float) -> object:
    """The value of a draw at the uniform number u in [0, 1)."""
    raise NotImplementedError


def check(document: Document) -> None:
    """Raise InvalidInput with everything wrong with draws, lets and names, whatever the seed."""
    raise NotImplementedError


def sample(document: Document, seed: int, attempt: int = 0) -> Sampled:
    """The document with every draw made."""
    raise NotImplementedError

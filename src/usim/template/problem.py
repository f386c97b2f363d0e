"""What is wrong with an input, where, and what to do: one line each, all of them at once.

Exit codes of the command line: InvalidInput 2, EnvironmentProblem 4, VerificationFailed 5.
"""

from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_EXCERPT = 60
FEW = 8
MOST_SEARCHED = 1000


@dataclass(frozen=True)
class Problem:
    """One thing wrong: `evening.yaml:14:5: movers.adult.hieght_m: no such field`.

    text: what is wrong with the value found, and what to do
    file, line, column: where it stands (1-based), None where there is no such place
    place: dotted place made of names, such as `movers.adult.height_m`
    """

    text: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    place: str | None = None

    def __str__(self) -> str:
        position = ":".join(
            str(part) for part in (self.file, self.line, self.column) if part is not None
        )
        return one_line(": ".join(part for part in (position, self.place, self.text) if part))

    def _order(self) -> tuple:
        return (self.file or "", self.line or 0, self.column or 0)


class InvalidInput(ValueError):
    """A file, option or argument is wrong: `problems` says all that is, sorted by line."""

    def __init__(self, problems: "Problem | str | Iterable[Problem | str]"):
        if isinstance(problems, (Problem, str)):
            problems = (problems,)
        found = [Problem(one) if isinstance(one, str) else one for one in problems]
        # A set would lose the order of two problems at the same position.
        self.problems = tuple(sorted(dict.fromkeys(found), key=Problem._order))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class EnvironmentProblem(RuntimeError):
    """The machine is in the way, not the input: disk full, no permission, a missing extra."""


class VerificationFailed(RuntimeError):
    """A recording or a corpus is not what its checksums say."""


def one_line(text: str) -> str:
    """The text with everything that is not printable written as an escape, so that it stays one
    line on any terminal."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def excerpt(value: object, longest: int = LONGEST_EXCERPT) -> str:
    """The value as a message shows it: one line, at most `longest` characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        words = one_line(", ".join(str(key)[:longest] for key in list(value)[:FEW]))
        text = f"a mapping with {words}" if value else "an empty mapping"
    elif isinstance(value, (list, tuple)):
        flat = len(value) <= FEW and all(isinstance(v, (int, float, str)) for v in value)
        text = f"[{', '.join(excerpt(v) for v in value)}]" if flat else f"a list of {len(value)}"
    else:
        text = one_line(str(value)[: longest + 1])
    return text if len(text) <= longest else text[: longest - 3] + "..."


def suggest(word: object, alternatives: Iterable[str]) -> str:
    """The end of a message about a wrong word: `; did you mean height_m?`, `; one of a, b, c`
    where nothing is close and few can be listed, else nothing.

    word: what was found; alternatives: what would have been right
    """
    known = list(dict.fromkeys(alternatives))[:MOST_SEARCHED]
    if not known:
        return ""
    if isinstance(word, str) and word:
        # Lower case, because a wrong case is the commonest near miss; cut, because the search
        # is quadratic in the length.
        lower = {one.lower(): one for one in reversed(known)}
        from difflib import get_close_matches  # only a wrong file needs it

        close = get_close_matches(word[:80].lower(), list(lower), n=1, cutoff=0.6)
        if close:
            return f"; did you mean {lower[close[0]]}?"
    return f"; one of {', '.join(known)}" if len(known) <= FEW else ""

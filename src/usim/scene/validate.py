"""What is wrong with a scene file, over many samples of it."""

from collections import Counter
from dataclasses import dataclass

from usim.scene.ends import problems_at_ends
from usim.scene.template import LARGEST_SEED, Template
from usim.template.problem import InvalidInput, Problem

SAMPLES = 20
MANY = 0.5


@dataclass(frozen=True)
class Report:
    """What `usim validate` says of a file."""

    file: str
    samples: int
    """How many samples were wanted."""
    problems: tuple[Problem, ...]
    """Everything that makes a sample impossible; none of it for a valid file."""
    rejected: dict[str, float]
    """Cross-check -> the share of all draws that it sent back."""
    rejected_share: float
    warnings: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether every sample gave a scene."""
        return not self.problems


def validate(template: Template, samples: int = SAMPLES) -> Report:
    """The report on a template: its own seed and those after it are sampled.

    Draws that can leave their field's range are found even where no sample did.

    A file without draws is sampled once: all its samples are the same.
    """
    problems: dict[tuple, Problem] = {}
    rejected: Counter[str] = Counter()
    notes: dict[str, None] = {}
    drawn = passed = 0
    start = template.seed
    tables = []
    for index in range(max(1, samples)):
        try:
            scene = template.sample((start + index) % (LARGEST_SEED + 1))
        except InvalidInput as error:
            for problem in error.problems:
                problems.setdefault((problem.line, problem.column, problem.place), problem)
            if index >= 2 and not passed:
                break  # wrong whatever is drawn
            continue
        drawn += scene.attempts
        passed += 1
        rejected.update(scene.rejected)
        notes.update(dict.fromkeys(scene.notes))
        tables.append({key: value for key, value in scene.table.items() if key != "seed"})
        if index == 1 and tables[0] == tables[-1]:
            break
    if passed and not problems:
        for problem in problems_at_ends(template.document, start, template.shelf):
            problems.setdefault((problem.line, problem.column, problem.place), problem)
    share = {check: count / drawn for check, count in rejected.most_common()} if drawn else {}
    total = (drawn - passed) / drawn if drawn else 0.0
    warnings: tuple[str, ...] = ()
    if total > MANY:
        worst = next(iter(share))
        text = (
            f"{total:.0%} of all draws are rejected, most often by `{worst}` ({share[worst]:.0%})"
        )
        warnings = (f"{text}; draw from a narrower range",)
    ordered = InvalidInput(problems.values()).problems if problems else ()
    return Report(template.file, max(1, samples), ordered, share, total, warnings, tuple(notes))

"""The contract of scene files that are shipped or shared."""

from collections.abc import Iterator
from pathlib import Path

from usim.scene import load, parse, validate
from usim.template.problem import InvalidInput

SAMPLES = 20


def faults(path: str | Path, samples: int = SAMPLES) -> Iterator[str]:
    """What is wrong with a scene file."""
    try:
        template = load(path)
        report = validate(template, samples)
    except InvalidInput as error:
        yield from (str(problem) for problem in error.problems)
        return
    yield from (str(problem) for problem in report.problems)
    yield from report.warnings
    if not template.document.table.get("title"):
        yield f"{path}: has no title; add one line that says what happens"
    if report.problems:
        return
    for seed in (0, 1, 2**40):
        scene = template.sample(seed)
        if template.sample(seed) != scene:
            yield f"{path}: seed {seed} gives two scenes"
        again = parse(scene.text.encode(), "resolved.yaml", Path(path)).sample()
        if again.table != scene.table or again.text != scene.text or again.attempts != 1:
            yield f"{path}: what seed {seed} resolves to is not the same scene when read again"

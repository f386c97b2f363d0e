"""Write VALIDATION.md from tests/figures.json: `python tests/validation.py`.

figures.json holds one JSON object a line, as `pytest --figures tests/figures.json` appends them; where a figure was
reported more than once the last one counts.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

HEAD = """# Validation

Every figure below is computed and asserted by the test beside it. Made by `python tests/validation.py` from
`tests/figures.json`, the figures of the last recorded run: `pytest --figures tests/figures.json` at the counts of every change
("default"), `pytest -m full --counts full --figures tests/figures.json` at those of a release ("full").

"""


def read(lines: list[str]) -> list[dict]:
    """Return the figures, the last of each name, by test and in order of first appearance."""
    found: dict[str, dict] = {}
    for line in lines:
        if line.strip():
            row = json.loads(line)
            found[row["name"]] = row
    return list(found.values())


def page(rows: list[dict]) -> str:
    """Return VALIDATION.md."""
    if not rows:
        return HEAD + "No run has been recorded yet.\n"
    commits = sorted({row["commit"] for row in rows})
    tiers = Counter(row.get("tier", "default") for row in rows)
    told = ", ".join(f"{number} at {tier} counts" for tier, number in sorted(tiers.items()))
    text = HEAD + f"{len(rows)} figures, at commit {', '.join(commits)}: {told}.\n"
    for file in dict.fromkeys(row["test"].split("::")[0] for row in rows):
        text += f"\n## {file}\n\n| figure | value | bar | counts | test |\n|---|---|---|---|---|\n"
        for row in rows:
            name, _, test = row["test"].partition("::")
            if name == file:
                text += "| " + " | ".join(
                    cell(one)
                    for one in (
                        row["name"],
                        f"{value(row['figure'])} {row['unit']}",
                        row["bar"],
                        row["counts"],
                        test,
                    )
                )
                text += " |\n"
    return text


def value(figure: object) -> str:
    """Return a figure to four digits."""
    return f"{figure:.4g}" if isinstance(figure, float) else str(figure)


def cell(content: object) -> str:
    """Return what a table's cell may hold."""
    return "" if content is None else " ".join(str(content).split()).replace("|", "\\|")


if __name__ == "__main__":
    source = ROOT / "tests" / "figures.json"
    lines = source.read_text(encoding="utf-8").splitlines() if source.exists() else []
    (ROOT / "VALIDATION.md").write_text(page(read(lines)), encoding="utf-8")
    sys.stdout.write(f"VALIDATION.md: {len(read(lines))} figures\n")

"""A scene file as it is written: it may hold draws, and `sample` makes a scene of it."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from usim.scene.build import assembled
from usim.scene.draft import Shelf
from usim.scene.finding import Finding
from usim.scene.scene import Scene
from usim.template import draws, library, registry
from usim.template.override import override
from usim.template.problem import InvalidInput, Problem
from usim.template.reader import Document, read
from usim.template.writer import dump

FOLDER = "scenes"
MOST_ATTEMPTS = 100
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Template:
    """A scene file; the same seed always gives the same scene."""

    document: Document
    shelf: Shelf = field(repr=False)

    @property
    def file(self) -> str:
        """The file, as messages name it."""
        return self.document.file

    @property
    def seed(self) -> int:
        """The seed that the file gives; 0 without one, never the clock."""
        seed = self.document.table.get("seed", 0)
        if isinstance(seed, float) and seed.is_integer():
            seed = int(seed)
        return _seed(seed, lambda text: self.document.problem(("seed",), text))

    def sample(
        self,
        seed: int | None = None,
        overrides: Mapping[str, Any] | Iterable[str] | None = None,
    ) -> Scene:
        """One scene: every draw made, every placement in metres, every check passed.

        Arguments: seed, the file's own where None; overrides, places and values
        (`{"devices.shelf.unit": 7}`) or texts as `--set` takes them (`["devices.shelf.unit=7"]`).
        Raises InvalidInput with every problem. A sample that breaks a cross-check is drawn again
        whole, at most 100 times; `Scene.rejected` counts these.
        """
        if overrides:
            changed = override(self.document, *_settings(overrides))
            return replace(self, document=changed).sample(seed)
        number = self.seed if seed is None else _seed(seed, lambda text: f"seed: {text}")
        rejected: Counter[str] = Counter()
        last: tuple[draws.Sampled, list[Finding]] | None = None
        for tried in range(MOST_ATTEMPTS):
            sampled = draws.sample(self.document, number, tried)
            scene, findings = assembled(sampled, number, self.shelf)
            if scene is not None:
                return replace(scene, attempts=tried + 1, rejected=dict(rejected))
            if last and last[0].table == sampled.table and last[1] == findings:
                raise InvalidInput(sampled.problem(one.path, one.text) for one in findings)
            rejected.update({finding.check for finding in findings})
            last = sampled, findings
        raise InvalidInput(_refused(sampled, findings, rejected))


def load(
    name: str | os.PathLike,
    paths: Iterable[str] = (),
    kinds: Iterable[str] = (),
) -> Template:
    """The template in a scene file, by path or by name.

    Arguments: paths, folders looked in before the shipped one; kinds, folders of a user's own
    kinds. Raises InvalidInput with every problem of form that needs no sample.
    """
    kinds, paths = tuple(kinds), tuple(str(path) for path in paths)
    if kinds:
        registry.use_kinds(*kinds)
    found = library.locate(os.fspath(name), FOLDER, paths)
    return parse(found, str(found), Path(found), paths)


def parse(
    source: str | os.PathLike | bytes,
    file: str | None = None,
    beside: Path | None = None,
    paths: Iterable[str] = (),
) -> Template:
    """The template in a file or in bytes; profiles are looked up beside `beside`."""
    document = read(source, file)
    head = document.table.get("usim")
    if isinstance(head, str) and head.startswith(("profile/", "recipe/", "study/")):
        text = f"a file of {head} is no scene; a scene begins with usim: scene/1"
        raise InvalidInput(document.problem(("usim",), text))
    draws.check(document)
    return Template(document, Shelf(beside, tuple(paths)))


def from_table(
    table: Mapping[str, Any], file: str = "<table>", paths: Iterable[str] = ()
) -> Template:
    """The template of a table of plain values, as a scene file would hold them."""
    return parse(dump(dict(table)).encode(), file, None, paths)


def _seed(value: Any, problem: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_SEED:
        raise InvalidInput(problem(f"must be a whole number from 0 to 2^63 - 1, got {value!r}"))
    return value


def _settings(overrides: Mapping[str, Any] | Iterable[str]) -> list[str]:
    if not isinstance(overrides, Mapping):
        return list(overrides)
    # JSON is YAML's flow form, which is what --set reads.
    return [f"{place}={json.dumps(value)}" for place, value in overrides.items()]


def _refused(
    sampled: draws.Sampled, findings: list[Finding], rejected: Counter[str]
) -> Iterator[Problem]:
    """The findings of the last sample, and that none before it was better."""
    check, count = rejected.most_common(1)[0]
    worst = next((finding for finding in findings if finding.check == check), findings[0])
    text = f"none of {MOST_ATTEMPTS} samples passed the cross-checks, {count} broke `{check}`"
    yield sampled.problem(worst.path, f"{text}; the last of them is told")
    for finding in findings:
        yield sampled.problem(finding.path, finding.text)

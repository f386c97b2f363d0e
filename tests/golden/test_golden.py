"""R5: twelve reference clips do not change unless it is meant.

`pytest tests/golden --update-golden` rewrites scene_true.yaml and result_true.json of every case together. On the class of
processor and with the versions that made them the hashes must be equal; elsewhere the statistics.
"""

from __future__ import annotations

import json
import math

import pytest

import usim
from golden import clips

RELATIVE = 1e-6  # of a level or an energy, where bytes may differ: 24 bits have 1.2e-7


@pytest.mark.parametrize("case", clips.CASES)
def test_clip(case, update_golden):
    folder = clips.FOLDER / case
    scene = usim.load(folder / clips.TEMPLATE).sample()
    if update_golden:
        found = clips.result(clips.simulated(scene))
        (folder / clips.SCENE).write_text(scene.text, encoding="utf-8")
        (folder / clips.RESULT).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    assert scene.text == (folder / clips.SCENE).read_text(encoding="utf-8"), (
        "the template draws another scene"
    )
    resolved = usim.load(folder / clips.SCENE).sample()
    assert resolved.text == scene.text, "the resolved scene resolves to another"
    true = json.loads((folder / clips.RESULT).read_text(encoding="utf-8"))
    found = json.loads(json.dumps(clips.result(clips.simulated(resolved))))
    assert found["labels"] == true["labels"]
    assert set(found["parts"]) == set(true["parts"])
    differences = [
        f"{name}: {text}"
        for name, part in found["parts"].items()
        for text in _differences(part, true["parts"][name], found["made_on"] == true["made_on"])
    ]
    assert not differences, "\n".join(
        [*differences, f"made on {true['made_on']}, now on {found['made_on']}"]
    )


def _differences(found: dict, true: dict, same_machine: bool) -> list[str]:
    """Return what differs; nothing where the bytes are equal."""
    if found["sha256"] == true["sha256"]:
        return []
    if (found["shape"], found["dtype"]) != (true["shape"], true["dtype"]):
        return [f"{found['dtype']} {found['shape']}, was {true['dtype']} {true['shape']}"]
    texts = ["other bytes on the same class of machine"] if same_machine else []
    for name in ("rms", "peak", "stretches"):
        factor = 10 if name == "stretches" else 20
        for number, (now, was) in enumerate(zip(found[name], true[name], strict=True)):
            if not math.isclose(now, was, rel_tol=RELATIVE, abs_tol=1e-12):
                change = factor * math.log10(now / was) if now > 0 < was else math.inf
                texts.append(f"{name} {number}: {now:g}, was {was:g} ({change:+.3g} dB)")
    return texts


def test_there_are_twelve():
    assert len(clips.CASES) == 12

"""Every shipped scene and profile keeps its contract, and fits the JSON Schema made from the models."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from usim.contract import profiles, scenes
from usim.scene.schema import schema
from usim.template import library

SCENES = [library.find(name, "scenes") for name in library.names("scenes")]
PROFILES = [library.find(name, "device_profiles") for name in library.names("device_profiles")]


@pytest.mark.parametrize("path", SCENES, ids=[path.stem for path in SCENES])
def test_scene_keeps_its_contract(path):
    assert list(scenes.faults(path)) == []


@pytest.mark.parametrize("path", PROFILES, ids=[path.stem for path in PROFILES])
def test_profile_keeps_its_contract(path):
    assert list(profiles.faults(path)) == []


def _check(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "check_jsonschema", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("what", "files"), [("scene", SCENES), ("profile", PROFILES)])
def test_files_fit_the_schema(what, files, tmp_path):
    """Why: editors and CI check files by the schema. Set-up: check-jsonschema, which knows nothing of us.
    Expected: the schema is a valid draft-07 schema and every shipped file fits it."""
    path = tmp_path / f"{what}.schema.json"
    path.write_text(json.dumps(schema(what)), encoding="utf-8")
    meta = _check("--check-metaschema", str(path))
    assert meta.returncode == 0, meta.stdout + meta.stderr
    done = _check("--schemafile", str(path), *map(str, files))
    assert done.returncode == 0, done.stdout + done.stderr


def test_resolved_scenes_fit_the_schema(tmp_path):
    from usim.scene import load

    path = tmp_path / "scene.schema.json"
    path.write_text(json.dumps(schema("scene")), encoding="utf-8")
    resolved = []
    for scene in SCENES:
        resolved.append(tmp_path / f"{Path(scene).stem}.yaml")
        resolved[-1].write_text(load(scene).sample(5).text, encoding="utf-8")
    done = _check("--schemafile", str(path), *map(str, resolved))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("what", ["scene", "profile"])
def test_schema_uses_keywords_that_draft_7_knows(what):
    newer = {
        "$defs", "prefixItems", "unevaluatedProperties", "unevaluatedItems", "dependentRequired",
        "dependentSchemas", "minContains", "maxContains", "$dynamicRef", "$anchor", "x-usim",
    }  # fmt: skip

    def walk(value, inside_properties):
        if isinstance(value, dict):
            if not inside_properties:
                assert not newer & set(value), newer & set(value)
            for key, inner in value.items():
                walk(inner, key in ("properties", "definitions") and not inside_properties)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, False)

    walk(schema(what), False)


@pytest.mark.parametrize(
    "wrong",
    [
        "duration_s: -1",
        "duration_s: soon",
        "durations_s: 3",
        "devices: []",
        "movers: [{kind: sphere, name: x}]",
        "movers: [{kind: no_such_kind}]",
        "noises: [{kind: hiss, level_db_spl: loud, at: [1, 1, 1]}]",
        "air: {temperature_c: 100}",
        "movers: [{kind: sphere, radius_m: 0.1, chance: 2, track: {at_s: [0], through_m: [[1, 1, 1]]}}]",
    ],
)
def test_schema_refuses(wrong, tmp_path):
    path = tmp_path / "scene.schema.json"
    path.write_text(json.dumps(schema("scene")), encoding="utf-8")
    text = Path(library.find("empty_room", "scenes")).read_text(encoding="utf-8")
    key = wrong.split(":")[0]
    kept, skipping = [], False
    for line in text.splitlines():
        skipping = line.startswith(f"{key}:") or (skipping and line.startswith((" ", "#")))
        if not skipping:
            kept.append(line)
    scene = tmp_path / "wrong.yaml"
    scene.write_text("\n".join([*kept, wrong]) + "\n", encoding="utf-8")
    assert _check("--schemafile", str(path), str(scene)).returncode == 1

"""The twelve reference clips: how they are rendered and what is remembered of them.

    tests/golden/<case>/template.yaml       written by hand, may hold draws
    tests/golden/<case>/scene_true.yaml     its sample, every value written out
    tests/golden/<case>/result_true.json    hashes and coarse statistics of its recordings

As a program, `python clips.py OUT.npz [CASE...]` renders clips in a process of its own, whose processor features and
thread counts the caller has set; the last line of its output says what they are.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import usim
from usim.engine.hearing import NoiseWindow, heard
from usim.engine.noise import Noises

import numpy as np  # isort: skip

FOLDER = Path(__file__).resolve().parent
CASES = sorted(path.parent.name for path in FOLDER.glob("*/template.yaml"))
TEMPLATE, SCENE, RESULT = "template.yaml", "scene_true.yaml", "result_true.json"


def simulated(scene: Any) -> dict[str, Any]:
    """Return the recordings of a scene, by device."""
    result = usim.simulate(scene)
    return result if isinstance(result, dict) else {result.metadata.device: result}


def arrays(recordings: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return what a clip is made of, by `device/part`: codes (mic, sample) and baseband (mic, carrier, slow_time)."""
    found = {}
    for device, recording in recordings.items():
        heard = recording.observation
        found[f"{device}/audio"] = np.asarray(heard.audio)
        baseband = heard.baseband or (recording.truth and recording.truth.baseband)
        if baseband is not None:
            found[f"{device}/baseband"] = np.asarray(baseband.samples)
    return found


def waveforms(scene: Any) -> dict[str, np.ndarray]:
    """Return what the converters round, by `device/waveform`: (mic, sample) in LSB, before dither."""
    found = {}
    for device in scene.devices:
        if device.listens:
            paths = usim.trace(scene, device=device.name)
            converter = device.unit.converter.at(scene.render.rate_hz, scene.render.bits)
            noise = NoiseWindow(Noises(scene, device, rate_hz=converter.rate_hz))
            wave = heard(paths, device.unit, converter, noise, baseband=False).wave
            found[f"{device.name}/waveform"] = wave * 2.0 ** (converter.bits - 1)
    return found


def result(recordings: dict[str, Any]) -> dict[str, Any]:
    """Return what result_true.json holds: equal hashes are equal bytes; the statistics say how different others are."""
    parts = {name: _part(samples) for name, samples in arrays(recordings).items()}
    labels = {
        device: [
            [row.onset_s, row.offset_s, row.label, row.mover] for row in recording.truth.labels.rows
        ]
        for device, recording in recordings.items()
    }
    return {"made_on": machine(), "parts": parts, "labels": labels}


def _part(samples: np.ndarray) -> dict[str, Any]:
    plain = np.ascontiguousarray(samples)
    if plain.dtype.kind == "i":
        plain = plain.astype("<i4")
    magnitude = np.abs(plain.astype(np.complex128 if plain.dtype.kind == "c" else np.float64))
    flat = magnitude.reshape(len(plain), -1)
    return {
        "shape": list(plain.shape),
        "dtype": str(plain.dtype),
        "sha256": hashlib.sha256(plain.tobytes()).hexdigest(),
        "rms": [float(f"{value:.9g}") for value in np.sqrt(np.mean(flat**2, axis=1))],
        "peak": [float(f"{value:.9g}") for value in np.max(flat, axis=1)],
        # The energy of eight equal stretches: says where in time a difference lies.
        "stretches": [
            float(f"{value:.9g}")
            for value in (np.sum(part**2) for part in np.array_split(flat, 8, axis=1))
        ],
    }


def machine() -> dict[str, Any]:
    """Return what the bytes may depend on besides the code: processor class, versions."""
    from llvmlite import binding
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    from usim.recording.recording import versions

    found = {
        name: version for name, version in versions().items() if name in ("numpy", "scipy", "numba")
    }
    dispatched = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    return {"cpu": f"{binding.get_host_cpu_name()} {' '.join(dispatched)}".strip(), **found}


def main(out: str, names: list[str]) -> None:
    """Render clips from their resolved scenes into one file: their parts, and the waveforms that became codes."""
    found = {}
    for case in names or CASES:
        scene = usim.load(FOLDER / case / SCENE).sample()
        parts = arrays(simulated(scene)) | waveforms(scene)
        found |= {f"{case}/{name}": samples for name, samples in parts.items()}
    np.savez(out, **found)
    sys.stdout.write(json.dumps(machine()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

"""Materials: rows of data/materials_ultrasonic.csv as parameters of a kind of surface.

The table gives a nominal value and a low-high range of diffuse-field absorption and scattering;
material_models.json gives the kind and its physical parameters, and for curtains the range of the
transmission loss. `spread` in -1..1 moves all of them together, each linearly from its nominal
value (0) to its high end (+1) or its low end (-1). Where the table's low absorption lies below what
air friction takes at any rigid wall (0.0308 at 32 kHz), the low end is that floor.
"""

import json
from collections.abc import Mapping, Sequence
from csv import DictReader
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from usim.surfaces._finish import REFERENCE_AIR, REFERENCE_HZ, Folds, FoldsLength, Hertz, _ordered
from usim.template.fields import Listed, Table
from usim.template.problem import InvalidInput, Problem, excerpt, suggest

_DATA = Path(__file__).resolve().parents[1] / "data"


class Material(Table):
    """A material by the id of its row, moved within its range by `spread`; its folds may be others."""

    material: str
    spread: Annotated[float, Field(ge=-1.0, le=1.0)] = 0.0
    wrinkle_rms_m: Folds | None = None
    wrinkle_length_m: FoldsLength | None = None
    band_hz: Annotated[tuple[Hertz, Hertz], Listed, AfterValidator(_ordered)] | None = None


@cache
def rows() -> dict[str, dict[str, Any]]:
    """The table by id: its columns as text, plus `model` parameters under the key "parameters"."""
    with (_DATA / "materials_ultrasonic.csv").open(encoding="utf-8", newline="") as table:
        found: dict[str, dict[str, Any]] = {row["id"]: dict(row) for row in DictReader(table)}
    models = json.loads((_DATA / "material_models.json").read_text(encoding="utf-8"))
    for name, row in found.items():
        row["parameters"] = models[name]
    return found


@cache
def floor() -> float:
    """Diffuse absorption of a smooth rigid wall at 32 kHz in reference air: 0.0308."""
    from usim.physics import impedance

    cos = impedance.DIFFUSE_COSINES
    admittance = impedance.boundary_layer_admittance(cos, REFERENCE_HZ, REFERENCE_AIR)
    reflection = impedance.admittance_reflection(cos, admittance)
    return 1.0 - float(impedance.diffuse_mean(abs(reflection) ** 2))


def moved(ends: Sequence[float], spread: float) -> float:
    """The value `spread` (-1..1) of the way from nominal to high (above 0) or low (below)."""
    low, nominal, high = ends
    return nominal + (spread * (high - nominal) if spread > 0.0 else -spread * (low - nominal))


def _ends(row: Mapping, name: str) -> tuple[float, float, float]:
    low, nominal, high = (float(row[f"{name}_{end}"]) for end in ("low", "nominal", "high"))
    return low, nominal, high


def _number(text: str) -> float:
    return 0.0 if text == "n/a" else float(text)


def parameters(spec: str | Mapping, place: str | None = None) -> dict[str, Any]:
    """The parameters of the kind that stands for a material: its id or {material, spread, ...}."""
    word = isinstance(spec, str)
    asked = Material(material=spec) if isinstance(spec, str) else checked(Material, spec, place)
    row = rows().get(asked.material)
    if row is None:
        raise InvalidInput(
            Problem(
                f"there is no material {excerpt(asked.material)}{suggest(asked.material, rows())}",
                place=place if word or not place else f"{place}.material",
            )
        )
    model = {key: value for key, value in row["parameters"].items() if key != "why"}
    if "transmission_loss_db" in model:
        model["transmission_loss_db"] = moved(model["transmission_loss_db"], asked.spread)
    low, nominal, high = _ends(row, "alpha")
    if model.get("backing") != "free" and "transmission_loss_db" not in model:
        low = max(low, floor() * (1.0 + 1e-9))
    edges = [1e3 * float(edge) for edge in row["band_kHz"].split("-")]
    folds = {"wrinkle_rms_m": asked.wrinkle_rms_m, "wrinkle_length_m": asked.wrinkle_length_m}
    model |= {key: value for key, value in folds.items() if value is not None}
    return model | {
        "absorption": moved((low, nominal, high), asked.spread),
        "scattering": moved(_ends(row, "scattering"), asked.spread),
        "roughness_rms_m": 1e-3 * _number(row["rms_roughness_mm"]),
        "band_hz": list(asked.band_hz or edges),
        "source": f"{asked.material}; {row['material']}; model: {row['model']}; "
        f"source: {row['source']}; confidence {row['confidence']}; spread {asked.spread:g}",
    }


def described(name: str) -> str:
    """Several lines for a reader: what the material `name` is, its ranges, model and source."""
    row = rows().get(name)
    if row is None:
        raise InvalidInput(Problem(f"there is no material {name}{suggest(name, rows())}"))
    model = dict(row["parameters"])
    why = model.pop("why", None)
    lines = [
        f"{name}: {row['material']}",
        "absorption {1:g} ({0:g} to {2:g}), diffuse field".format(*_ends(row, "alpha")),
        "scattering {1:g} ({0:g} to {2:g}) of what is reflected".format(*_ends(row, "scattering")),
        f"transmission loss {row['transmission_loss_dB']} dB, roughness {row['rms_roughness_mm']} "
        f"mm rms, band {row['band_kHz']} kHz",
        f"model: {row['model']}",
        "kind: " + ", ".join(f"{key} {value}" for key, value in model.items()),
        f"source: {row['source']}; confidence {row['confidence']}",
    ]
    return "\n".join([*lines[:5], *([f"note: {why}"] if why else []), *lines[5:]])


def checked(model: type[BaseModel], spec: Mapping, place: str | None) -> Any:
    """`spec` as an instance of `model`; what is wrong is raised as InvalidInput, field by field."""
    try:
        return model.model_validate(dict(spec))
    except ValidationError as error:
        problems = []
        for one in error.errors(include_url=False):
            where = ".".join(str(part) for part in one["loc"])
            field = ".".join(part for part in (place, where) if part)
            message = one["msg"].removeprefix("Value error, ")
            if one["type"] == "extra_forbidden":
                message = f"no such field{suggest(where, model.model_fields)}"
            problems.append(Problem(message, place=field or None))
        raise InvalidInput(problems) from None

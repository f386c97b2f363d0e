"""The whole scene file as models: what may be said, in which range."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from usim.physics.air import HUMIDITY_RANGE_PERCENT, PRESSURE_RANGE_KPA, TEMPERATURE_RANGE_C
from usim.scene import limits
from usim.scene.stirring import Draughts, Drift
from usim.template.fields import Name, Point, Table
from usim.template.problem import excerpt

FORMAT = "scene/1"
LATER = "comes with a later version of usim; leave it out"


def _whole(value: Any) -> Any:
    """A float without fraction as an integer: 96e3 is a number of hertz like 96000."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
MOST_SERIAL = 2**53


def _unit(value: Any) -> int | str:
    value = _whole(value)
    if value == "nominal":
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_SERIAL:
        raise ValueError(
            f"must be a serial number from 0 to 2^53, or nominal, got {excerpt(value)}"
        )
    return value


Serial = Annotated[
    Any,
    AfterValidator(_unit),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": MOST_SERIAL}, {"const": "nominal"}]}
    ),
]


class Render(Table):
    """How to render; what is left out follows from the profile and the scene."""

    quality: Literal["draft", "standard", "fine", "exact"] = "standard"
    rate_hz: Annotated[int, Whole, Field(ge=8_000, le=limits.MOST_RATE_HZ)] | None = None
    bits: Annotated[Literal[16, 24], Whole] | None = None
    baseband_rate_hz: Annotated[Literal[2000, 4000, 8000, 16000], Whole] | None = None


class AirTable(Table):
    """The air of the room, and what stirs it."""

    temperature_c: Annotated[float, Field(ge=TEMPERATURE_RANGE_C[0], le=TEMPERATURE_RANGE_C[1])] = (
        20.0
    )
    humidity_percent: Annotated[
        float, Field(ge=HUMIDITY_RANGE_PERCENT[0], le=HUMIDITY_RANGE_PERCENT[1])
    ] = 50.0
    pressure_kpa: Annotated[float, Field(ge=PRESSURE_RANGE_KPA[0], le=PRESSURE_RANGE_KPA[1])] = (
        101.325
    )
    draughts: Draughts | None = None
    drift_k_per_min: Drift | None = None


class DeviceTable(Table):
    """One unit of a product, somewhere in the room."""

    name: Name
    profile: Annotated[str, Field(min_length=1, max_length=200)]
    unit: Serial = "nominal"
    position_m: Point
    yaw_deg: Annotated[float, Field(ge=-360.0, le=360.0)] = 0.0
    listens: bool = True
    emits: Annotated[dict[str, Any], Field(json_schema_extra={"x-usim": "emissions"})] | None = None


class SceneTable(Table):
    """A scene file after sampling; the tables of kinds are checked by their own models."""

    usim: Literal["scene/1"]
    title: Annotated[str, Field(max_length=200)] = ""
    duration_s: Annotated[float, Field(ge=limits.SHORTEST_S, le=limits.LONGEST_S)]
    seed: Annotated[int, Whole, Field(ge=0, le=2**63 - 1)] = 0
    render: Render = Render.model_construct()
    room: dict[str, Any]
    air: AirTable = AirTable.model_construct()
    devices: Annotated[list[DeviceTable], Field(min_length=1, max_length=limits.MOST_DEVICES)]
    movers: list[dict[str, Any]] = Field(default_factory=list, max_length=limits.MOST_MOVERS)
    noises: list[dict[str, Any]] = Field(default_factory=list, max_length=limits.MOST_NOISES)


RESERVED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("devices", "*", "emits", "duty"), "a duty cycle"),
    (("devices", "*", "ageing_years"), "ageing"),
    (("devices", "*", "defects"), "defects"),
    (("devices", "*", "plays"), "a programme for the ear"),
    (("movers", "*", "enters"), "entering through an opening"),
    (("exposure",), "accepting levels above the public exposure value"),
)
"""Fields of the contract that are not built yet, and what they are about."""

LATER_KINDS: dict[str, frozenset[str]] = {
    "movers": frozenset(
        {
            "person", "child", "cat", "dog", "pet", "fan", "curtain", "door", "robot_vacuum",
            "hanging", "cylinder", "plate", "page",
        }
    ),
    "noises": frozenset({"keys", "tap", "dishes", "repeller", "bag"}),
}  # fmt: skip
"""Kinds that are planned: said so instead of a list of what there is."""


def reserved(table: Any) -> list[tuple[tuple, str]]:
    """Takes the reserved fields out of a sampled table; returns (path, text) of each."""
    found: list[tuple[tuple, str]] = []
    for pattern, what in RESERVED:
        for path, holder in _holders(table, pattern, ()):
            del holder[pattern[-1]]
            found.append((path, f"{what} {LATER}"))
    devices = table.get("devices") if isinstance(table, dict) else None
    for index, device in enumerate(devices if isinstance(devices, list) else ()):
        if isinstance(device, dict) and isinstance(device.get("emits"), list):
            del device["emits"]
            text = "several emissions with a driver each come with a later version of usim"
            found.append((("devices", index, "emits"), f"{text}; write one mapping"))
    return found


def _holders(table: Any, pattern: tuple[str, ...], path: tuple) -> list[tuple[tuple, dict]]:
    """The mappings of a table that hold the last word of a pattern, with the path of that word."""
    step, rest = pattern[0], pattern[1:]
    if step == "*":
        items = enumerate(table) if isinstance(table, list) else ()
        return [found for i, one in items for found in _holders(one, rest, (*path, i))]
    if not isinstance(table, dict) or step not in table:
        return []
    if not rest:
        return [((*path, step), table)]
    return _holders(table[step], rest, (*path, step))

"""A fan: twisted blades on a rotor that turns, a hub, a motor, a grille, a head that may sweep."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from usim.movers._grille import Behind, Wires
from usim.movers.base import AbstractMover, CoveredParameters, Jet, Piece, Poses, Spin, Stream
from usim.surfaces.base import surface
from usim.template.fields import Point

HUB = 0.22
"""Radius of the hub in radii of the rotor, where none is given."""
CHORD = 0.6
"""Chord of a blade in radii of the rotor, where none is given: 12 cm for a 40 cm pedestal fan."""
WIDEST_CHORD_M = 0.15
FULLNESS = 0.8
"""Share of the circle at mid-span that all blades together may cover, where no chord is given."""
ROUNDED = 0.97
"""How sharply a sweep turns round at its ends; 1 is a triangle."""
WANDER_HZ = (0.02, 0.8)
"""Rates at which the speed wanders: mains voltage, draughts, the bearing."""
WANDERS = 12
ROOMY, DOMED = 1.1, 0.35
"""Radius of the grille in radii of the rotor; its depth to either side in radii of its own."""
BLOWN = 0.14
"""Speed of the air behind the rotor over that of the blades' tips: 2.9 m/s for a 40 cm pedestal fan at 1000 rpm; grows with both
by the fan laws.
"""
TURBULENCE = 0.22
"""Gusts on the axis of a round jet over its mean speed there (Hussein, Capp and George 1994: 0.28 along it, 0.21 across)."""


class Parameters(CoveredParameters):
    """A fan; what is not given has the proportions of a household pedestal fan."""

    kind: Literal["fan"]
    position_m: Annotated[Point, Field(description="centre of the rotor in the middle of a sweep")]
    rpm: Annotated[float, Field(ge=20.0, le=4000.0)]
    blades: Annotated[int, Field(ge=2, le=12)] = 3
    radius_m: Annotated[float, Field(ge=0.04, le=0.9)] = 0.2
    hub_radius_m: Annotated[float, Field(ge=0.01, le=0.5)] | None = None
    chord_m: Annotated[float, Field(ge=0.02, le=0.4)] | None = None
    pitch_root_deg: Annotated[float, Field(ge=0.0, le=80.0)] = 35.0
    pitch_tip_deg: Annotated[
        float, Field(ge=0.0, le=80.0, description="of the blade to the plane of rotation")
    ] = 18.0
    sections: Annotated[int, Field(ge=2, le=4, description="flat pieces of a blade")] = 3
    yaw_deg: Annotated[
        float, Field(ge=-360.0, le=360.0, description="where it blows in the middle of a sweep")
    ] = 0.0
    tilt_deg: Annotated[float, Field(ge=-90.0, le=90.0, description="upwards; -90 blows down")] = (
        0.0
    )
    sweep_deg: Annotated[float, Field(ge=0.0, le=180.0, description="from end to end")] = 0.0
    sweep_period_s: Annotated[float, Field(ge=3.0, le=60.0, description="there and back")] = 12.0
    pivot_m: Annotated[
        float, Field(ge=0.0, le=0.5, description="rotor ahead of the sweep axis")
    ] = 0.12
    wander_percent: Annotated[float, Field(ge=0.0, le=5.0, description="rms, of the speed")] = 1.0
    grille: Annotated[bool, Field(description="a cage of wires around the rotor")] = True
    jet: Annotated[bool, Field(description="whether it moves the air that it blows into")] = False

    @model_validator(mode="after")
    def _blades_have_length(self) -> Self:
        if self.hub_radius_m is not None and self.hub_radius_m > 0.8 * self.radius_m:
            raise ValueError(
                f"hub_radius_m of {self.hub_radius_m:g} leaves no blades in a radius_m of "
                f"{self.radius_m:g}; it is at most {0.8 * self.radius_m:g}"
            )
        return self


EXAMPLES = (
    {
        "kind": "fan",
        "name": "pedestal",
        "position_m": [3.5, 2.6, 1.1],
        "rpm": 1100.0,
        "blades": 3,
        "radius_m": 0.2,
        "sweep_deg": 70.0,
        "yaw_deg": 200.0,
        "jet": True,
    },
    {
        "kind": "fan",
        "name": "ceiling",
        "position_m": [2.5, 2.0, 2.2],
        "rpm": 180.0,
        "blades": 5,
        "radius_m": 0.66,
        "hub_radius_m": 0.12,
        "chord_m": 0.14,
        "pitch_root_deg": 12.0,
        "pitch_tip_deg": 12.0,
        "sections": 4,
        "tilt_deg": -90.0,
        "pivot_m": 0.0,
        "wander_percent": 0.5,
        "grille": False,
    },
    {
        "kind": "fan",
        "name": "usb",
        "position_m": [1.2, 1.0, 0.9],
        "start_s": 0.5,
        "rpm": 2600.0,
        "blades": 4,
        "radius_m": 0.05,
        "tilt_deg": 15.0,
        "pivot_m": 0.03,
        "wander_percent": 2.0,
    },
)


@dataclass(frozen=True, eq=False)
class Fan(AbstractMover):
    """A fan that has always been running. Its head's axes: x where it blows, z up at tilt 0.

    A grille weakens everything in it and is itself a faint lens that sweeps with the head; without
    a sweep it stands still and adds to the echo of the room.

    Seen from the front it turns clockwise, and its blades push the air forwards. Blades come first
    in `pieces`, each from root to tip; a blade's x axis points outwards, its y axis from the leading
    to the trailing edge, its z axis forwards.
    """

    name: str
    pieces: tuple[Piece, ...]
    pivot: np.ndarray
    """(3,) m: a point of the vertical axis about which the head sweeps."""
    ahead_m: float
    """From there to the rotor, horizontally and to where it blows."""
    yaw: float
    tilt: float
    sweep: float
    """Largest angle from the middle, rad."""
    sweep_period_s: float
    sweep_phase: float
    rate: float
    """Mean speed of the rotor, rad/s."""
    phase: float
    wander: np.ndarray
    """(component, 3): angular rate in rad/s, swing of the rotor in s, phase."""
    blade_frames: np.ndarray
    """(3, blade piece, 4) in the rotor's axes: three columns of axes and the place in m."""
    body_frames: np.ndarray
    """(3, other piece, 4) in the head's axes."""
    blades: int
    start_s: float
    moments_s: np.ndarray
    jets: tuple[Jet, ...] = ()
    story_s: tuple[float, float] = (-np.inf, np.inf)
    label = "non_human"

    def rotor_angle(self, t_s: np.ndarray) -> np.ndarray:
        """How far the rotor has turned at times (time,), in rad; clockwise seen from the front."""
        since = np.asarray(t_s, dtype=float) - self.start_s
        turned = since
        for rate, swing_s, phase in self.wander:
            turned = turned + swing_s * np.sin(rate * since + phase)
        return self.phase + self.rate * turned

    def head_yaw(self, t_s: np.ndarray) -> np.ndarray:
        """Where the head blows at times (time,), in rad counter-clockwise from the room's x."""
        since = np.asarray(t_s, dtype=float) - self.start_s
        turn = 2.0 * np.pi / self.sweep_period_s * since + self.sweep_phase
        return self.yaw + self.sweep / np.arcsin(ROUNDED) * np.arcsin(ROUNDED * np.sin(turn))

    @property
    def spin(self) -> Spin | None:
        if self.sweep:
            return None
        return Spin(
            tuple(n for n, piece in enumerate(self.pieces) if piece.is_flat),
            self.blades,
            self._centre(np.array([self.yaw]))[0],
            self.rotor_angle,
            lambda angle: self._posed(np.full(len(angle), self.yaw), angle),
        )

    def at(self, t_s: np.ndarray) -> Poses:
        return self._posed(self.head_yaw(t_s), self.rotor_angle(t_s))

    def _posed(self, yaw: np.ndarray, turned: np.ndarray) -> Poses:
        """The poses of all pieces for a head that looks to `yaw` and a rotor that has turned, both (n,) in rad."""
        head, centre = _head_axes(yaw, self.tilt), self._centre(yaw)
        cos, sin = np.cos(turned)[:, None], np.sin(turned)[:, None]
        x, y, z = (head[:, :, axis] for axis in range(3))
        rotor = np.stack([x, cos * y - sin * z, sin * y + cos * z], axis=2)
        blades = self.blade_frames.shape[1]
        frames = np.empty((len(yaw), 3, blades + self.body_frames.shape[1], 4))
        frames[:, :, :blades] = _turned(rotor, self.blade_frames)
        frames[:, :, blades:] = _turned(head, self.body_frames)
        frames[..., 3] += centre[:, :, None]
        frames = frames.transpose(0, 2, 1, 3)
        return Poses(frames[..., 3], frames[..., :3])

    def blowing(self, t_s: np.ndarray) -> Poses:
        yaw, some = self.head_yaw(t_s), slice(0, len(self.jets))
        return Poses(
            self._centre(yaw)[:, None][:, some], _head_axes(yaw, self.tilt)[:, None][:, some]
        )

    def _centre(self, yaw: np.ndarray) -> np.ndarray:
        """Where the rotor is (time, 3), m."""
        heading = np.stack([np.cos(yaw), np.sin(yaw), 0.0 * yaw], axis=1)
        return self.pivot + self.ahead_m * heading


def _head_axes(yaw: np.ndarray, tilt: float) -> np.ndarray:
    """The head's axes (time, 3, 3) in the room, as columns."""
    cos, sin, zero = np.cos(yaw), np.sin(yaw), 0.0 * yaw
    level, up = float(np.cos(tilt)), float(np.sin(tilt))
    ahead = [level * cos, level * sin, zero + up]
    left = [-sin, cos, zero]
    over = [-up * cos, -up * sin, zero + level]
    return np.stack([np.stack(axis, axis=1) for axis in (ahead, left, over)], axis=2)


def _turned(axes: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Frames (3, piece, 4) of turning axes (time, 3, 3) in the room, (time, 3, piece, 4)."""
    along = (axes[:, :, axis, None, None] * frames[axis] for axis in range(3))
    total = next(along)
    for part in along:
        total += part
    return total


def _blade(psi: float, pitch: float, out_m: float) -> np.ndarray:
    """Frame (3, 4) of a blade's section `out_m` from the centre in the rotor's axes, at `psi` rad
    counter-clockwise seen from the front.
    """
    span = np.array([0.0, np.cos(psi), np.sin(psi)])
    ahead = np.array([0.0, np.sin(psi), -np.cos(psi)])  # where it moves
    front = np.array([1.0, 0.0, 0.0])
    back = np.sin(pitch) * front - np.cos(pitch) * ahead  # its leading edge lies upwind
    return np.stack([span, back, np.cross(span, back), out_m * span], axis=1)


def _wander(parameters: Parameters, stream: Stream) -> np.ndarray:
    """Components of the rotor's wander: the speed is 1 + sum of swing rate cos(rate t + phase)."""
    random = stream("wander")
    edges = np.geomspace(*WANDER_HZ, WANDERS + 1)
    rate = 2.0 * np.pi * edges[:-1] * (edges[1:] / edges[:-1]) ** random.uniform(size=WANDERS)
    phase = 2.0 * np.pi * random.uniform(size=WANDERS)
    each = 0.01 * parameters.wander_percent * np.sqrt(2.0 / WANDERS)
    return np.stack([rate, each / rate, phase], axis=1)


def build(parameters: Parameters, stream: Stream) -> Fan:
    """The fan of these parameters. It draws where rotor and sweep stand, and how its speed wanders."""
    radius, skin, wires = parameters.radius_m, surface(parameters.surface), Wires()
    caged = Behind(skin, wires) if parameters.grille else skin
    hub = HUB * radius if parameters.hub_radius_m is None else parameters.hub_radius_m
    chord = parameters.chord_m
    if chord is None:
        between = np.pi * (radius + hub) / parameters.blades
        chord = float(min(CHORD * radius, FULLNESS * between, WIDEST_CHORD_M))
    length = (radius - hub) / parameters.sections
    pieces, frames = [], []
    for blade in range(parameters.blades):
        psi = 2.0 * np.pi * blade / parameters.blades
        for section in range(parameters.sections):
            share = (section + 0.5) / parameters.sections
            pitch = np.deg2rad(
                parameters.pitch_root_deg
                + share * (parameters.pitch_tip_deg - parameters.pitch_root_deg)
            )
            name = f"blade_{blade + 1}_{section + 1}"
            pieces.append(Piece(name, "blade", (0.5 * length, 0.5 * chord), caged))
            frames.append(_blade(psi, float(pitch), hub + (section + 0.5) * length))
    # The motor stands behind the blades, half outside of the grille. The stand is at rest: left out.
    deep, wide = min(0.45 * radius, 0.12), min(0.35 * radius, 0.1)
    pieces.append(Piece("hub", "ellipsoid", (0.7 * hub, hub, hub), caged))
    pieces.append(Piece("motor", "ellipsoid", (deep, wide, wide), skin))
    behind = deep + 0.5 * chord * float(np.sin(np.deg2rad(parameters.pitch_root_deg)))
    still = [np.eye(3, 4), np.eye(3, 4)]
    still[1][0, 3] = -behind
    if parameters.grille:
        rim = ROOMY * radius
        pieces.append(Piece("grille", "ellipsoid", (DOMED * rim, rim, rim), wires))
        still.append(np.eye(3, 4))
    yaw, tilt = np.deg2rad(parameters.yaw_deg), float(np.deg2rad(parameters.tilt_deg))
    heading = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    return Fan(
        name=parameters.name,
        pieces=tuple(pieces),
        pivot=np.array(parameters.position_m) - parameters.pivot_m * heading,
        ahead_m=parameters.pivot_m,
        yaw=float(yaw),
        tilt=tilt,
        sweep=float(np.deg2rad(parameters.sweep_deg)) / 2.0,
        sweep_period_s=parameters.sweep_period_s,
        sweep_phase=float(2.0 * np.pi * stream("sweep").uniform()),
        rate=2.0 * np.pi * parameters.rpm / 60.0,
        phase=float(2.0 * np.pi * stream("rotor").uniform()),
        wander=_wander(parameters, stream),
        blade_frames=np.stack(frames, axis=1),
        body_frames=np.stack(still, axis=1),
        blades=parameters.blades,
        start_s=parameters.start_s,
        moments_s=np.zeros(0),
        jets=(_jet(parameters),) if parameters.jet else (),
    )


def _jet(parameters: Parameters) -> Jet:
    """What the rotor blows."""
    tips = 2.0 * np.pi * parameters.rpm / 60.0 * parameters.radius_m
    return Jet(parameters.radius_m, BLOWN * tips, TURBULENCE)

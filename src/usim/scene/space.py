"""Cross-checks of place: nothing outside the room, nothing inside something else."""

from collections.abc import Iterator

import numpy as np

from usim.furniture.base import AbstractFurniture
from usim.noises.base import AtThing
from usim.scene.finding import Finding
from usim.scene.motion import Motion
from usim.scene.scene import PlacedDevice, Scene

CLEARANCE_M = 0.01
"""Between a driver or microphone and anything that would make a distance zero."""
APART_M = 0.02
"""Between a sheet and a wall behind it: nearer, the two are one surface."""
TOUCHING_M = 1e-6
"""What may stand on the floor may round into it."""


def _around() -> np.ndarray:
    """Ninety-six directions, evenly spread (Fibonacci lattice)."""
    index = np.arange(96) + 0.5
    z = 1.0 - 2.0 * index / 96
    turn = np.pi * (1.0 + 5.0**0.5) * index
    flat = np.sqrt(1.0 - z * z)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


AROUND = _around()
AXES = np.concatenate([np.eye(3), -np.eye(3)])


def findings(scene: Scene, moved: tuple[Motion, ...]) -> Iterator[Finding]:
    """Every thing that is where it cannot be."""
    for index, thing in enumerate(scene.furniture):
        yield from _thing(scene, index, thing)
        if thing.is_sheet:
            yield from _sheet(scene, index, thing)
    for index, device in enumerate(scene.devices):
        yield from _device(scene, index, device)
    for index, motion in enumerate(moved):
        yield from _mover(scene, index, motion)
    for index, noise in enumerate(scene.noises):
        if isinstance(noise.at, tuple):
            yield from _noise(scene, index, np.array(noise.at))
        elif isinstance(noise.at, AtThing):
            yield from _target(scene, index, noise.at)


def _thing(scene: Scene, index: int, thing: AbstractFurniture) -> Iterator[Finding]:
    path = ("room", "furniture", index)
    foot = thing.solid.footprint_m
    corners = np.array([[*point, z] for z in (thing.solid.low_m, thing.solid.high_m) for point in foot])  # fmt: skip
    outside = corners[~scene.room.contains(corners, -TOUCHING_M)]
    if len(outside):
        told = [_passed(scene, np.broadcast_to(one, (len(scene.room.walls), 3))) for one in outside]
        wall, metres = max(told, key=lambda one: one[1])
        text = f"{thing.name} reaches {metres:.3g} m beyond {wall}; the room is {_size(scene)}; move it, or make it smaller"
        yield Finding("furniture in the room", path, text)
        return
    for solid in scene.room.solids:
        if _overlap(foot, solid.footprint_m):
            text = f"{thing.name} stands in the wall at a corner that juts into the room; move it, or make it smaller"
            yield Finding("furniture in the room", path, text)
            return


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two convex footprints (n, 2) have more than a line in common: no side of either keeps them apart."""
    for foot in (one, other):
        along = np.roll(foot, -1, axis=0) - foot
        across = np.stack([along[:, 1], -along[:, 0]]) / np.hypot(*along.T)
        mine, theirs = one @ across, other @ across
        shared = np.minimum(mine.max(axis=0), theirs.max(axis=0)) - np.maximum(mine.min(axis=0), theirs.min(axis=0))  # fmt: skip
        if np.any(shared <= TOUCHING_M):
            return False
    return True


def _sheet(scene: Scene, index: int, thing: AbstractFurniture) -> Iterator[Finding]:
    foot = thing.solid.footprint_m
    ends = np.array([[*point, thing.solid.low_m] for point in foot])
    for wall in scene.room.walls:
        if wall.normal[2] == 0.0 and np.abs((ends - wall.corners_m[0]) @ wall.normal).max() < APART_M:  # fmt: skip
            text = f"{thing.name} hangs at {wall.name}, nearer than {APART_M:g} m; move it away, or write a patch of the wall"
            yield Finding("sheet at a wall", ("room", "furniture", index), text)


def _parts_m(device: PlacedDevice) -> np.ndarray:
    """The drivers and microphones of a device in room coordinates, (part, 3)."""
    return device.world(np.concatenate([device.unit.drivers_m, device.unit.mics_m]))


def _device(scene: Scene, index: int, device: PlacedDevice) -> Iterator[Finding]:
    path = ("devices", index, "position_m")
    parts = np.concatenate([device.position_m[None], _parts_m(device)])
    # A part on the wall itself has an image of distance zero.
    if not np.all(scene.room.contains(parts, TOUCHING_M)):
        where = "outside the room" if not scene.room.contains(device.position_m) else (
            "so near a wall that a driver or microphone is in it or behind it"
        )  # fmt: skip
        yield Finding(
            "device in the room",
            path,
            f"{_said(device.position_m)} is {where}{_extent(scene)}; move the device",
        )
    for thing in scene.furniture:
        if np.any(thing.contains(parts, TOUCHING_M)):
            text = f"{_said(device.position_m)} puts the device inside {thing.name}; move it out"
            hint = f", or place it with {{on: {thing.name}, height_m: 0.03}}"
            yield Finding(
                "device in furniture", path, text + (hint if thing.top_m is not None else "")
            )
    own = _parts_m(device)
    for other in scene.devices[:index]:
        apart = np.sqrt(((own[:, None] - _parts_m(other)[None]) ** 2).sum(axis=-1)).min()
        if apart < CLEARANCE_M:
            text = f"parts of {device.name} and {other.name} are {apart:.3g} m apart"
            yield Finding("devices apart", path, f"{text}; keep {CLEARANCE_M:g} m between them")


def _mover(scene: Scene, index: int, motion: Motion) -> Iterator[Finding]:
    path = ("movers", index)
    reach = motion.support_m(-_normals(scene))
    outside = ~scene.room.contains(reach, -TOUCHING_M)
    if outside.any():
        time, piece = (int(i[0]) for i in np.nonzero(outside.any(axis=-1)))
        wall, metres = _passed(scene, reach[time, piece])
        part = motion.mover.pieces[piece].name
        yield Finding(
            "mover in the room",
            path,
            f"its {part} reaches {metres:.3g} m beyond {wall} at "
            f"{motion.t_s[time]:.3g} s; the room is {_size(scene)}; keep its route inside by its own size",
        )
    elif (met_at := _corner(scene, motion)) is not None:
        time, piece, corner = met_at
        yield Finding(
            "mover in the room",
            path,
            f"its {motion.mover.pieces[piece].name} reaches into the corner at [{corner[0]:.4g}, {corner[1]:.4g}] "
            f"at {motion.t_s[time]:.3g} s; keep its route inside by its own size",
        )
    boxes = motion.support_m(AXES)
    for thing in scene.furniture:
        when = _meets(motion, boxes, thing)
        if when is not None:
            text = f"it goes through {thing.name} at {when:.3g} s; lead its route around"
            yield Finding("mover in furniture", path, text)
    for device in scene.devices:
        inside = motion.depth_in(_parts_m(device), CLEARANCE_M) < 1.0
        if inside.any():
            when = motion.t_s[int(np.nonzero(inside)[0][0])]
            text = f"it comes within {CLEARANCE_M:g} m of {device.name} at {when:.3g} s"
            yield Finding("mover meets device", path, f"{text}; lead its route past the device")


def _normals(scene: Scene) -> np.ndarray:
    return np.array([wall.normal for wall in scene.room.walls])


def _passed(scene: Scene, reach: np.ndarray) -> tuple[str, float]:
    """The wall that something passes furthest, and by how many metres.

    reach (wall, 3): where it comes nearest to, or furthest beyond, each wall; somewhere it is outside the room.
    """
    # A point beyond one wall is outside in the directions of all others too: the wall is told that is passed furthest.
    outside, normals = ~scene.room.contains(reach, -TOUCHING_M), _normals(scene)
    corners = np.array([wall.corners_m[0] for wall in scene.room.walls])
    beyond = ((corners - reach) * normals).sum(axis=-1)
    # Nor has it passed a wall whose plane it is beyond, where that wall does not stand before it.
    foot = reach + beyond[:, None] * normals
    met = scene.room.contains(foot, -TOUCHING_M)
    met &= ~scene.room.contains(foot - 4.0 * TOUCHING_M * normals, -TOUCHING_M)
    beyond[~(outside & met if np.any(outside & met) else outside)] = -np.inf
    furthest = int(beyond.argmax())
    return scene.room.walls[furthest].name, float(beyond[furthest])


def _corner(scene: Scene, motion: Motion) -> tuple[int, int, np.ndarray] | None:
    """The first time and piece that the edge of a corner jutting into the room is in, and its place.

    The point of the edge at the height of the piece is looked at: exact for balls and what stands upright.
    """
    if not scene.room.solids:
        return None
    corners = np.unique(np.concatenate([one.footprint_m for one in scene.room.solids]), axis=0)
    height = motion.poses.position_m[:, :, None, 2]
    edges = np.empty((*height.shape[:2], len(corners), 3))
    edges[..., :2], edges[..., 2] = corners, height
    inside = motion.depth_in(edges, -TOUCHING_M) < 1.0
    if not inside.any():
        return None
    time, piece, corner = (int(i[0]) for i in np.nonzero(inside))
    return time, piece, corners[corner]


def _meets(motion: Motion, boxes: np.ndarray, thing: AbstractFurniture) -> float | None:
    """The first time at which a piece overlaps a thing, None if never.

    boxes: what `motion` reaches along AXES.
    """
    low = boxes[:, :, 3:].min(axis=2)
    high = boxes[:, :, :3].max(axis=2)
    near = np.all((high > thing.bounds_m[0]) & (low < thing.bounds_m[1]), axis=-1).any(axis=1)
    if not near.any():
        return None
    close = Motion(
        motion.name,
        motion.mover,
        motion.t_s[near],
        type(motion.poses)(motion.poses.position_m[near], motion.poses.rotation[near]),
        motion.semi_axes_m,
        motion.fastest_m_s,
        motion.fastest_at_s,
    )
    skin = np.any(thing.contains(close.support_m(AROUND), TOUCHING_M), axis=-1)
    # The thing's own nearest point inside the piece: exact for balls, catches corners for the rest.
    nearest = thing.nearest_m(close.poses.position_m)[:, :, None, :]
    core = close.depth_in(nearest, -TOUCHING_M)[..., 0] < 1.0
    hit = (skin | core).any(axis=1)
    return float(close.t_s[hit][0]) if hit.any() else None


def _noise(scene: Scene, index: int, point_m: np.ndarray) -> Iterator[Finding]:
    path = ("noises", index, "at")
    if not scene.room.contains(point_m, -TOUCHING_M):  # on the floor is fine
        text = f"{_said(point_m)} is outside the room{_extent(scene)}; move the noise"
        yield Finding("noise in the room", path, text)
    for thing in scene.furniture:
        if thing.contains(point_m, TOUCHING_M):
            text = f"{_said(point_m)} is inside {thing.name}; move the noise out of it"
            yield Finding("noise in furniture", path, text)
    for device in scene.devices:
        apart = np.sqrt(((_parts_m(device) - point_m) ** 2).sum(axis=-1)).min()
        if apart < CLEARANCE_M:
            text = f"{_said(point_m)} is at a microphone or driver of {device.name}"
            yield Finding("noise apart", path, f"{text}; keep {CLEARANCE_M:g} m away")


def _target(scene: Scene, index: int, at: AtThing) -> Iterator[Finding]:
    path = ("noises", index, "at")
    if at.device is not None:
        names = [device.name for device in scene.devices]
        if at.device not in names:
            text = f"no device {at.device} in this sample; there is {', '.join(names)}"
            yield Finding("noise has its thing", (*path, "device"), text)
        return
    movers = {mover.name: mover for mover in scene.movers}
    if at.mover not in movers:
        known = ", ".join(movers) or "none"
        text = f"no mover {at.mover} in this sample; there is {known}"
        yield Finding("noise has its thing", (*path, "mover"), text)
        return
    parts = [piece.name for piece in movers[at.mover].pieces]
    if at.part is not None and at.part not in parts:
        text = f"{at.mover} has no part {at.part}; it has {', '.join(parts)}"
        yield Finding("noise has its thing", (*path, "part"), text)


def _said(point_m: np.ndarray) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in point_m) + "]"


def _extent(scene: Scene) -> str:
    return f" (which is {_size(scene)})"


def _size(scene: Scene) -> str:
    low, high = scene.room.bounds_m
    return f"{' x '.join(f'{value:.4g}' for value in high - low)} m"

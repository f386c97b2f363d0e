"""Rays: where the energy goes that leaves a device into its room, wall by wall, until it is spent.

Each ray meets the faces of the room and its furniture.  What a surface absorbs or lets through is gone; what is left goes on in the mirror direction or,
with the probability of the scattered share, in a direction drawn by Lambert's law; what a sheet lets through goes straight on behind it.  Air takes its
share of every metre.  What passes through a
ball around the microphones is written down, but for what mirror images of the room carry already.
Source: Kuttruff, Room Acoustics (2009), section 9.7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from usim.engine.chains import FURNITURE_ORDER
from usim.engine.sides import Sides
from usim.physics.air import Air
from usim.physics.jit import kernel

RAYS = 16000
NODES = 64  # of the tables of energy, even in the root of the cosine
CUT = 1e-7  # of its energy, below which a ray is followed no further
LONGEST_M = 300.0  # of a ray: what comes later than 0.9 s is not told
ROOM = 8  # crossings of the ball per ray that there is room for at first
SCATTERED = -1  # in place of the number of mirrors of a way that is scattered anywhere
ABSORBED, IN_AIR, LEFT, LOST = range(4)  # rows of the balance
BEHIND_M = 1e-6  # a face that lies so little behind a ray is met at once


@dataclass(frozen=True)
class Crossings:
    """Passages through the ball, in the order of their rays: path (n,) m to the middle of the passage, ray (n,), direction (n, 3) of travel there,
    energy (carrier, n) in Pa^2 at the microphones re 1 Pa at 1 m from the source, mirrors (n,) on the way or SCATTERED;
    paired_m (n,): how much of the way lies between two legs of images, with no more mirrors on either side than they have.

    spent (carrier, 4): what was launched and ended ABSORBED or let through, IN_AIR, LEFT when rays were given up, LOST between faces; the sum is what was launched.
    """

    path_m: np.ndarray
    ray: np.ndarray
    direction: np.ndarray
    energy: np.ndarray
    mirrors: np.ndarray
    paired_m: np.ndarray
    spent: np.ndarray


@dataclass(frozen=True)
class Ball:
    """Where rays are counted: its middle (3,) and radius in m, and how much of it in m^3 is air of the room."""

    middle_m: np.ndarray
    radius_m: float
    volume_m3: float


def energy_tables(sides: Sides, carriers_hz: np.ndarray, air: Air) -> np.ndarray:
    """Return the shares of energy (carrier, side, 3, NODES) that stay in the mirror, that are scattered, and that go on behind a sheet, at cosines even in their root."""
    cosine = np.maximum(np.linspace(0.0, 1.0, NODES) ** 2, 1e-9)
    surfaces = sides.surfaces
    out = np.zeros((len(carriers_hz), len(surfaces), 3, NODES))
    for row, f in enumerate(carriers_hz):
        known = {
            surface: surface.energy(cosine, float(f), air) for surface in dict.fromkeys(surfaces)
        }
        for n, surface in enumerate(surfaces):
            out[row, n, :2] = known[surface].mirror, known[surface].scattered
            if sides.sides[n].is_sheet:
                out[row, n, 2] = known[surface].transmitted
    return out


def crossings(
    sides: Sides,
    air: Air,
    carriers_hz: np.ndarray,
    source_m: np.ndarray,
    directions: np.ndarray,
    energies: np.ndarray,
    ball: Ball,
    order: int,
    seed: int,
) -> Crossings:
    """Return what passes a ball of rays that leave a point (3,) in m in directions (n, 3) with energies (n,), 4 pi in all for a source of 1 Pa at 1 m all round.

    order: of the mirror images that are told elsewhere and left out; seed: of what is drawn at the walls, below 2^53.
    """
    carriers_hz = np.atleast_1d(np.asarray(carriers_hz, float))
    faces = _faces(sides)
    tables = energy_tables(sides, carriers_hz, air)
    loss = 2.0 * np.array([float(air.absorption_np_m(f)) for f in carriers_hz])
    furniture = np.array([side.is_furniture for side in sides.sides])
    limits = np.array([order, FURNITURE_ORDER])
    room = ROOM * len(directions)
    while True:
        path, ray = np.empty(room), np.empty(room, np.int64)
        direction, energy = np.empty((room, 3)), np.empty((len(carriers_hz), room))
        mirrors, paired = np.empty(room, np.int64), np.empty(room)
        spent, marks = np.zeros((len(carriers_hz), 4)), np.zeros(2 * max(order, 0) + 2)
        count = _follow(
            np.asarray(source_m, float), np.ascontiguousarray(directions, float), np.ascontiguousarray(energies, float), *faces, furniture, tables, loss, limits,
            np.asarray(ball.middle_m, float), float(ball.radius_m), np.uint64(seed), np.empty((3, len(carriers_hz))), np.empty((2, 3)), marks, path, ray, direction, energy, mirrors, paired, spent,
        )  # fmt: skip
        if count <= room:
            break
        room = count
    energy = energy[:, :count] / ball.volume_m3
    return Crossings(
        path[:count], ray[:count], direction[:count], energy, mirrors[:count], paired[:count], spent
    )


def _faces(sides: Sides) -> tuple[np.ndarray, ...]:
    """Return normals (F, 3), levels (F,), the two axes (F, 2) onto which faces are seen widest, corners there (F, most, 2), and their number (F,)."""
    outlines = [_outline(sides, n) for n in range(len(sides.sides))]
    many = [len(outline) for outline in outlines]
    normals = np.array([side.normal for side in sides.sides])
    levels = np.array([side.normal @ side.corners_m[0] for side in sides.sides])
    axes = np.array([[a for a in range(3) if a != np.argmax(np.abs(n))] for n in normals])
    corners = np.zeros((len(many), max(many), 2))
    for row in range(len(many)):
        corners[row, : many[row]] = outlines[row][:, axes[row]]
    return normals, levels, axes, corners, np.array(many)


def _outline(sides: Sides, number: int) -> np.ndarray:
    """Return the corners (n, 3) of a side, of a wall without its patches: to each and back leads one seam, met twice by whoever counts edges."""
    parts = [own := sides.sides[number].corners_m]
    for patch in sides.sides:
        if patch.wall == number:
            parts += [own[:1], patch.corners_m, patch.corners_m[:1]]
    return np.concatenate([*parts, own[:1]] if len(parts) > 1 else parts)


@kernel
def _drawn(state):
    """Return the next state and a number in [0, 1): splitmix64 (Steele, Lea and Flood 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    z = state
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return state, float(z >> np.uint64(11)) * 2.0**-53


@kernel
def _inside(corners, count, x, y):
    """Return whether a point lies in a polygon, by the number of edges to one side of it."""
    odd = False
    before = count - 1
    for n in range(count):
        ya, yb = corners[n, 1], corners[before, 1]
        if (ya > y) != (yb > y) and x < corners[n, 0] + (corners[before, 0] - corners[n, 0]) * (
            y - ya
        ) / (yb - ya):
            odd = not odd
        before = n
    return odd


@kernel
def _met(at, way, normals, levels, axes, corners, counts):
    """Return the face that a ray from `at` along `way` meets first, -1 for none, and how far away it is."""
    nearest, face = np.inf, -1
    for f in range(normals.shape[0]):
        toward = normals[f, 0] * way[0] + normals[f, 1] * way[1] + normals[f, 2] * way[2]
        if toward >= -1e-12:
            continue
        high = normals[f, 0] * at[0] + normals[f, 1] * at[1] + normals[f, 2] * at[2] - levels[f]
        far = -high / toward
        if far < nearest and high > -BEHIND_M:
            far = max(far, 0.0)
            a, b = axes[f, 0], axes[f, 1]
            if _inside(corners[f], counts[f], at[a] + far * way[a], at[b] + far * way[b]):
                nearest, face = far, f
    return face, nearest


@kernel(apart=True)
def _follow(
    source,
    directions,
    energies,
    normals,
    levels,
    axes,
    corners,
    counts,
    furniture,
    tables,
    loss,
    limits,
    middle,
    radius,
    seed,
    room,
    place_and_way,
    marks,
    path,
    ray,
    direction,
    energy,
    mirrors,
    paired,
    spent,
):
    """Follow all rays; see `crossings`.  Return the number of passages, also of those for which there is no room.  room (3, carrier) place_and_way (2, 3) and marks (2 order + 2,): scratch."""
    held, split, sent = room[0], room[1], room[2]
    carriers = loss.shape[0]
    found = 0
    at, way = place_and_way[0], place_and_way[1]
    for number in range(directions.shape[0]):
        state = seed + np.uint64(number) * np.uint64(0xD1342543DE82EF95)
        for i in range(3):
            at[i], way[i] = source[i], directions[number, i]
        held[:] = energies[number]
        gone, hits, of_furniture, is_mirrored = 0.0, 0, 0, True
        while True:
            face, far = _met(at, way, normals, levels, axes, corners, counts)
            if face < 0:
                for c in range(carriers):
                    spent[c, LOST] += held[c]
                break
            told = is_mirrored and hits <= limits[0] and (
                of_furniture == 0 or (of_furniture == 1 and hits <= limits[1])
            )  # fmt: skip
            if not told:
                x, y, z = middle[0] - at[0], middle[1] - at[1], middle[2] - at[2]
                along = x * way[0] + y * way[1] + z * way[2]
                left = radius * radius - (x * x + y * y + z * z - along * along)
                if left > 0.0:
                    half = math.sqrt(left)
                    first, last = max(along - half, 0.0), min(along + half, far)
                    if last > first:
                        if found < path.shape[0]:
                            here = 0.5 * (first + last)
                            path[found], ray[found] = gone + here, number
                            mirrors[found] = hits if is_mirrored else SCATTERED
                            paired[found] = 0.0
                            if is_mirrored and limits[0] < hits <= 2 * limits[0]:
                                paired[found] = marks[limits[0] + 1] - marks[hits - limits[0]]
                            for i in range(3):
                                direction[found, i] = way[i]
                            for c in range(carriers):
                                energy[c, found] = (
                                    held[c] * math.exp(-loss[c] * here) * (last - first)
                                )
                        found += 1
            gone += far
            cosine = 0.0
            for i in range(3):
                at[i] += far * way[i]
                cosine -= way[i] * normals[face, i]
            cosine = min(max(cosine, 0.0), 1.0)
            place = math.sqrt(cosine) * (NODES - 1)
            node = min(int(place), NODES - 2)
            place -= node
            kept = scattered = behind = 0.0
            for c in range(carriers):
                through = held[c] * math.exp(-loss[c] * far)
                spent[c, IN_AIR] += held[c] - through
                table = tables[c, face]
                mirror = table[0, node] + place * (table[0, node + 1] - table[0, node])
                diffuse = table[1, node] + place * (table[1, node + 1] - table[1, node])
                through_it = table[2, node] + place * (table[2, node + 1] - table[2, node])
                total = mirror + diffuse + through_it
                spent[c, ABSORBED] += through * (1.0 - total)
                held[c] = through * total
                split[c] = diffuse / total if total > 0.0 else 0.0
                sent[c] = through_it / total if total > 0.0 else 0.0
                kept += total
                scattered += diffuse
                behind += through_it
            chance = scattered / kept if kept > 0.0 else 0.0
            passing = behind / kept if kept > 0.0 else 0.0
            state, drawn = _drawn(state)
            is_scattered = drawn < chance
            goes_on = not is_scattered and drawn < chance + passing
            most = 0.0
            for c in range(carriers):
                if carriers > 1:  # one way for all carriers: each has its own share of it
                    if is_scattered:
                        held[c] *= split[c] / chance
                    elif goes_on:
                        held[c] *= sent[c] / passing
                    else:
                        held[c] *= (1.0 - split[c] - sent[c]) / (1.0 - chance - passing)
                most = max(most, held[c])
            if goes_on:
                step = 4.0 * BEHIND_M / max(cosine, 0.01)  # so that it is not met again
                gone += step
                for i in range(3):
                    at[i] += step * way[i]
                for c in range(carriers):
                    left = held[c] * math.exp(-loss[c] * step)
                    spent[c, IN_AIR] += held[c] - left
                    held[c] = left
                continue
            if most <= CUT * energies[number] or gone > LONGEST_M:
                for c in range(carriers):
                    spent[c, LEFT] += held[c]
                break
            if is_scattered:
                is_mirrored = False
                state, drawn = _drawn(state)
                up, out = math.sqrt(drawn), math.sqrt(1.0 - drawn)
                state, drawn = _drawn(state)
                a, b = out * math.cos(2.0 * math.pi * drawn), out * math.sin(2.0 * math.pi * drawn)
                _turned(normals[face], a, b, up, way)
            else:
                for i in range(3):
                    way[i] += 2.0 * cosine * normals[face, i]
            hits += 1
            if hits < marks.shape[0]:
                marks[hits] = gone
            of_furniture += 1 if furniture[face] else 0
    return found


@kernel
def _turned(normal, a, b, up, out):
    """Write into out the direction a, b, up about a normal: Duff et al. (2017)."""
    sign = 1.0 if normal[2] >= 0.0 else -1.0
    p = -1.0 / (sign + normal[2])
    q = normal[0] * normal[1] * p
    out[0] = a * (1.0 + sign * normal[0] * normal[0] * p) + b * q + up * normal[0]
    out[1] = a * sign * q + b * (sign + normal[1] * normal[1] * p) + up * normal[1]
    out[2] = -a * sign * normal[0] - b * normal[1] + up * normal[2]

"""What a leg of a path loses where a room holds more than its own box: edges it reflects near, and things in its way.

A leg runs from a point P, a bounce or a microphone, straight to an image E' of a device's end E. Folded back it meets the
faces of one of the image's orders of reflection, the last face first; if no order's planes are met in turn and from
the front the leg passes nothing. What is left is a product of

* apertures: each hit keeps its distance from every free edge of its face, and each such edge is a knife edge;
* solids: each is replaced by its silhouette as a screen, in plan by a strip between its outermost corners, in height
  by a strip between its top and its bottom; sound passes a screen beside it or above and below it. It is asked for each
  stretch between two hits; two stretches that meet at a wall which it touches are one, and it is one with its mirror image.

A knife edge leaves what ITU-R P.526 (2019, section 4.1) approximates as the modulus of the Fresnel integral, smoothed:
the amplitude alone, no ripples on the bright side and no turn of the phase. Distances that the wave's curvature is told
from are those of the whole leg. A solid is not asked for stretches that begin or end on a face of its own, nor for those
that faces at right angles to it lead there.

Where two orders of one image are both met in turn, as by two walls in one plane, the one that passes more counts.

A sheet takes what a solid of its shape would take, times all but what it transmits at the angle at which the stretch goes through it: that is left
to whoever knows its surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from usim.engine.exact.bounce import compiled
from usim.engine.exact.chains import LONGEST, ChainImages, Chains, chains
from usim.engine.exact.faces import (
    SAME_M,
    TOUCH_M,
    Face,
    cluttered,
    faces,
    furniture,
    is_sheet,
    room_solids,
)
from usim.engine.exact.solids import solids

GRACE_M = 1e-9  # how far behind the next plane a hit may lie: in a corner two orders are both right
REACH = 1.9  # Fresnel parameter beyond which an edge costs less than 1e-3
NEAREST = 1e-6  # least distance to an end, of the leg
STEEP_M = 1e-9  # a stretch that is shorter in plan has no direction there


@compiled
def _edge(v):
    x = v + 0.1
    root = np.sqrt(x * x + 1.0)
    a = 0.4519 * (root + x if x > 0.0 else 1.0 / (root - x))
    a4 = a * a * a * a
    return a / np.sqrt(np.sqrt(np.sqrt(1.0 + a4 * a4)))


@compiled
def _through(low, high):
    """Amplitude that passes a strip from Fresnel parameter low to high."""
    a, b = _edge(-high), _edge(low)
    return a + b - a * b * (a**5 + b**5)


@compiled
def _curve(t, length, wavelength):
    """Fresnel parameter per metre aside, at t along a leg."""
    r1, r2 = max(t, NEAREST * length), max(length - t, NEAREST * length)
    return np.sqrt(2.0 * length / (wavelength * r1 * r2))


@compiled
def _clipped(ring, count, bound, sign, out):
    """Fills out with what of a convex polygon (s, d) lies at sign * (s - bound) >= 0; returns how many corners."""
    kept = 0
    for n in range(count):
        m = n + 1 if n + 1 < count else 0
        here, after = sign * (ring[n, 0] - bound), sign * (ring[m, 0] - bound)
        if here >= 0.0:
            out[kept, 0], out[kept, 1] = ring[n, 0], ring[n, 1]
            kept += 1
        if (here >= 0.0) != (after >= 0.0):
            share = here / (here - after)
            out[kept, 0], out[kept, 1] = bound, ring[n, 1] + share * (ring[m, 1] - ring[n, 1])
            kept += 1
    return kept


@compiled
def _past(a, b, begin, length, wavelength, foot, count, low, high, ring, room):
    """Amplitude that passes one solid on the stretch from a to b (3,), `begin` along a leg of this length.

    Of the stretch only that part counts which is no further above or below the solid than REACH Fresnel parameters.
    """
    wx, wy, rise = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    flat = np.sqrt(wx * wx + wy * wy)
    if flat < STEEP_M:
        wx, wy, flat = 1.0, 0.0, STEEP_M
    else:
        wx, wy = wx / flat, wy / flat
    whole = np.sqrt(flat * flat + rise * rise)
    for n in range(count):
        x, y = foot[n, 0] - a[0], foot[n, 1] - a[1]
        ring[n, 0], ring[n, 1] = (wx * x + wy * y) / flat, wx * y - wy * x
    reach = REACH * np.sqrt(wavelength * length / 8.0)
    enter, leave = 0.0, 1.0
    if abs(rise) > STEEP_M:
        one, other = (low - reach - a[2]) / rise, (high + reach - a[2]) / rise
        enter, leave = max(enter, min(one, other)), min(leave, max(one, other))
    elif a[2] < low - reach or a[2] > high + reach:
        return 1.0
    if leave <= enter:
        return 1.0
    count = _clipped(ring, count, enter, 1.0, room)
    count = _clipped(room, count, leave, -1.0, ring)
    if count == 0:
        return 1.0
    v_low, v_high, nearest = np.inf, -np.inf, np.inf
    first, last, beside = np.inf, -np.inf, 0.0
    for n in range(count):
        s, d = ring[n, 0], ring[n, 1]
        v = d * _curve(begin + s * whole, length, wavelength)
        v_low, v_high = min(v_low, v), max(v_high, v)
        if abs(d) < nearest:
            nearest, beside = abs(d), s
        m = n + 1 if n + 1 < count else 0
        after = ring[m, 1]
        if d == 0.0:
            first, last = min(first, s), max(last, s)
        elif (d < 0.0 < after) or (after < 0.0 < d):
            cross = s + d / (d - after) * (ring[m, 0] - s)
            first, last = min(first, cross), max(last, cross)
    if first > last:
        first = last = beside
    top, bottom = -np.inf, np.inf
    for s in (first, last):
        k = flat / whole * _curve(begin + s * whole, length, wavelength)
        z = a[2] + s * rise
        top, bottom = max(top, (high - z) * k), min(bottom, (low - z) * k)
    x, y = _through(v_low, v_high), _through(bottom, top)
    return 1.0 - (1.0 - x) * (1.0 - y)


@compiled
def _folded(point, end, chain, normal, level, node, met, place):
    """Folds a leg back: fills node (from the point to the end) and met (the face at each node); returns the nodes, or 0."""
    many = 0
    while many < chain.shape[0] and chain[many] >= 0:
        many += 1
    place[0] = end
    for n in range(many):
        face = chain[n]
        height = -level[face]
        for part in range(3):
            height += normal[face, part] * place[n, part]
        for part in range(3):
            place[n + 1, part] = place[n, part] - 2.0 * height * normal[face, part]
    node[0], met[0] = point, -1
    for n in range(many):
        face = chain[many - 1 - n]
        here = there = -level[face]
        for part in range(3):
            here += normal[face, part] * node[n, part]
            there += normal[face, part] * place[many - n, part]
        if there >= 0.0 or here < -GRACE_M or (n == 0 and here <= 0.0):
            return 0
        for part in range(3):
            step = place[many - n, part] - node[n, part]
            node[n + 1, part] = node[n, part] + here / (here - there) * step
        met[n + 1] = face
    node[many + 1], met[many + 1] = end, -1
    return many + 2


@compiled
def _framed(node, met, nodes, along, wavelength, normal, level, first_edge, edges, joins):
    """Amplitude that the free edges of the faces leave of a folded leg; along: distances of the nodes from the point.

    joins (face, face): whether a face goes on, mirrored, beyond another one; then the edges of that image count as well.
    """
    passes, u, v, inward = 1.0, np.empty(3), np.empty(3), np.empty(3)
    for n in range(1, nodes - 1):
        stretch = n - 1 if along[n] - along[n - 1] >= along[n + 1] - along[n] else n
        size = along[stretch + 1] - along[stretch]
        steep = 0.0
        for part in range(3):
            u[part] = (node[stretch + 1, part] - node[stretch, part]) / size
            steep += u[part] * normal[met[n], part]
        k = abs(steep) * _curve(along[n], along[nodes - 1], wavelength)
        for images in range(1 << (nodes - 2)):
            known = True
            for m in range(1, nodes - 1):
                if images >> (m - 1) & 1:
                    known = known and m != n and joins[met[n], met[m]]
            if not known:
                continue
            for row in range(first_edge[met[n]], first_edge[met[n] + 1]):
                for part in range(3):
                    v[part], inward[part] = edges[row, 0, part], edges[row, 2, part]
                run = 0.0
                for part in range(3):
                    run += u[part] * edges[row, 1, part]
                for m in range(1, nodes - 1):
                    if images >> (m - 1) & 1:
                        height, lean = -level[met[m]], 0.0
                        for part in range(3):
                            height += v[part] * normal[met[m], part]
                            lean += inward[part] * normal[met[m], part]
                        known = known and abs(lean) > 1e-6  # else the image is the edge itself
                        for part in range(3):
                            v[part] -= 2.0 * height * normal[met[m], part]
                            inward[part] -= 2.0 * lean * normal[met[m], part]
                inwards = 0.0
                for part in range(3):
                    inwards += (node[n, part] - v[part]) * inward[part]
                if known:
                    passes *= _edge(inwards * k / np.sqrt(max(1.0 - run * run, 1e-30)))
                known = True
    return passes


@compiled
def _in_front(met, nodes, stretch, solid, own, normal):
    """Whether a stretch begins or ends on a face of a solid, or is led there by faces at right angles to that face alone.

    Such faces leave the distance from its plane as it is, so the whole way from there stays in front of it.
    """
    for n in range(1, nodes - 1):
        if not own[met[n], solid]:
            continue
        lo, hi = (n, stretch) if stretch >= n else (stretch + 1, n)
        clean = True
        for m in range(lo, hi + 1):
            if m != n and m <= nodes - 2 and met[m] >= 0:
                cosine = 0.0
                for part in range(3):
                    cosine += normal[met[m], part] * normal[met[n], part]
                clean = clean and abs(cosine) < 1e-6
        if clean:
            return True
    return False


@compiled
def _veiled(
    end, point, image, wavelength, orders, start, normal, level, first_edge, edges, joins,
    foot, corners, low, high, own, touched, sheet, out, beside, steep,
):  # fmt: skip
    """Fills out (n,) with the amplitude that passes from points (n, 3) to images (n,) of the end (3,).

    sheet (solid, 4): the normal of a sheet and 1, zero for what is solid; beside and steep (n, solid, stretch): what passes beside a sheet, and the
    cosine with its normal.
    """
    mine, mine_steep = np.empty(beside.shape[1:]), np.empty(beside.shape[1:])
    node, place = np.empty((LONGEST + 2, 3)), np.empty((LONGEST + 1, 3))
    met, along = np.empty(LONGEST + 2, np.int64), np.empty(LONGEST + 2)
    far = np.empty(3)
    ring, room = np.empty((foot.shape[2] + 4, 2)), np.empty((foot.shape[2] + 4, 2))
    for row in range(out.shape[0]):
        out[row] = 0.0
        for order in range(start[image[row]], start[image[row] + 1]):
            nodes = _folded(point[row], end, orders[order], normal, level, node, met, place)
            if nodes == 0:
                continue
            along[0] = 0.0
            for n in range(1, nodes):
                square = 0.0
                for part in range(3):
                    square += (node[n, part] - node[n - 1, part]) ** 2
                along[n] = along[n - 1] + np.sqrt(square)
            length = along[nodes - 1]
            passes = _framed(
                node, met, nodes, along, wavelength, normal, level, first_edge, edges, joins
            )
            mine[:], mine_steep[:] = 1.0, 1.0
            for solid in range(foot.shape[0]):
                n = 0
                while n < nodes - 1:
                    # on over the hits on walls that the solid touches: with its mirror images it is one thing
                    last, shape, asked = n, 0, not _in_front(met, nodes, n, solid, own, normal)
                    while last + 2 < nodes and touched[met[last + 1], solid]:
                        last += 1
                        shape |= touched[met[last], solid]
                        asked = asked and not _in_front(met, nodes, last, solid, own, normal)
                    if asked:
                        share = (along[last + 1] - along[n]) / (along[n + 1] - along[n])
                        for part in range(3):
                            far[part] = node[n, part] + share * (node[n + 1, part] - node[n, part])
                        past = _past(
                            node[n], far, along[n], length, wavelength,
                            foot[solid, shape], corners[solid, shape], low[solid, shape], high[solid, shape],
                            ring, room,
                        )  # fmt: skip
                        if sheet[solid, 3] > 0.0:
                            lean = 0.0
                            for part in range(3):
                                lean += (node[n + 1, part] - node[n, part]) * sheet[solid, part]
                            mine[solid, n] = past
                            mine_steep[solid, n] = min(abs(lean) / (along[n + 1] - along[n]), 1.0)
                        else:
                            passes *= past
                    n = last + 1
            if passes > out[row]:
                out[row] = passes
                beside[row], steep[row] = mine, mine_steep


@dataclass(frozen=True, eq=False)
class Veil:
    """The faces, the images and the solids of one room that is more than a box."""

    faces: tuple[Face, ...]
    chains: Chains
    data: tuple[np.ndarray, ...]
    sheets: dict[int, Any]  # the surfaces of those solids that are sheets
    air: Any

    def images(self, point_m) -> ChainImages:
        """The images of a point (3,) in m."""
        return self.chains.images(point_m)

    def passes(self, end_m, index: np.ndarray, points_m: np.ndarray, wavelength_m: float):
        """Amplitude (n,) that passes between points (n, 3) in m and images index (n,) of an end (3,); complex where there are sheets."""
        out = np.empty(len(index))
        end, points = np.array(end_m, float), np.ascontiguousarray(points_m, float)
        image = np.ascontiguousarray(index, np.int64)
        solid = len(self.data[-1]) if self.sheets else 0
        beside, steep = np.ones((2, len(index), solid, LONGEST + 1))
        _veiled(end, points, image, float(wavelength_m), *self.data, out, beside, steep)
        if not self.sheets:
            return out
        whole, f_hz = out.astype(complex), float(self.air.sound_speed_m_s) / wavelength_m
        for number, surface in self.sheets.items():
            for stretch in range(LONGEST + 1):
                met = np.flatnonzero(beside[:, number, stretch] != 1.0)
                sent = surface.transmission(steep[met, number, stretch], f_hz, self.air)
                whole[met] *= 1.0 - (1.0 - sent) * (1.0 - beside[met, number, stretch])
        return whole


def veil(scene, order: int) -> Veil | None:
    """What veils the paths of a scene; None where nothing can, so that its images are those of the lattice."""
    if not cluttered(scene):
        return None
    met = faces(scene)
    known, stand = chains(met, order), solids(scene, met)
    rows = [_free_edges(face) for face in met]
    data = (
        known.orders,
        known.start,
        np.array([face.normal for face in met]).reshape(-1, 3),
        np.array([face.normal @ face.corners_m[0] for face in met]),
        np.cumsum([0, *map(len, rows)]),
        np.concatenate([np.zeros((0, 3, 3)), *rows]),
        np.array([[_goes_on(one, other) for other in met] for one in met]),
        stand.foot_m,
        stand.corners,
        stand.low_m,
        stand.high_m,
        stand.own,
        stand.touched,
        stand.sheet,
    )
    in_room = len(room_solids(scene))
    sheets = {in_room + n: one.surface for n, one in enumerate(furniture(scene)) if is_sheet(one)}
    return Veil(met, known, data, sheets, scene.air)


def _goes_on(face: Face, other: Face) -> bool:
    """Whether a face is at a right angle to another and ends on it in an edge that is not free."""
    if abs(face.normal @ other.normal) > SAME_M:
        return False
    away = np.abs((face.edges - other.corners_m[0]) @ other.normal).max(axis=1)
    return bool(np.any((away <= TOUCH_M) & ~face.free))


def _free_edges(face: Face) -> np.ndarray:
    """Free edges of a face (n, 3, 3): a point of each, its direction and the direction inwards."""
    begin, after = face.edges[face.free].transpose(1, 0, 2)
    along = after - begin
    along = along / np.linalg.norm(along, axis=1)[:, None]
    return np.stack([begin, along, np.cross(face.normal, along)], axis=1).reshape(-1, 3, 3)

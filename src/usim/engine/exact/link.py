"""One driver, one microphone and the room between them: what faces, air, beam and shadow do to a path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from usim.engine.exact.areas import areas, reflections
from usim.engine.exact.chains import ChainImages
from usim.engine.exact.images import Images, mirror_images
from usim.engine.exact.veil import Veil, veil


@dataclass(frozen=True)
class Link:
    """One driver of one device and one microphone of another, or the same, in their room."""

    scene: Any
    emitter: Any
    listener: Any
    sender: Any  # units
    hearer: Any
    driver: int
    mic: int
    out: Images
    back: Images
    frequency_hz: float
    veil: Veil | None  # of a room that is more than a box

    @property
    def faces(self) -> tuple:
        """What sound is mirrored by, in the order of the columns of hits."""
        return tuple(self.scene.room.walls) if self.veil is None else self.veil.faces

    @property
    def box(self) -> Any:
        """The room, where it is a box without furniture; moving air is followed in no other."""
        if self.veil is not None:
            raise ValueError("room: exact follows draughts and drift in boxes without furniture")
        return self.scene.room

    @property
    def c(self) -> float:
        return float(self.scene.air.sound_speed_m_s)

    def leave(self, index: np.ndarray, going: np.ndarray) -> np.ndarray:
        """Beam pattern along unfolded directions going (n, 3) from driver images index (n,)."""
        axis = self.emitter.world_axes(self.sender.driver_axes)[self.driver]
        cosine = np.einsum("nk,nk->n", going, self.out.turn[index] @ axis)
        return self.sender.directivity(self.driver, np.clip(cosine, -1.0, 1.0), self.frequency_hz)

    def arrive(self, index: np.ndarray, coming: np.ndarray, f_hz) -> np.ndarray:
        """Baffle shadow for unfolded directions coming (n, 3) from microphone images index (n,) to the sound."""
        axis = self.listener.world_axes(self.hearer.mic_axes)[self.mic]
        cosine = np.einsum("nk,nk->n", coming, self.back.turn[index] @ axis)
        return self.hearer.mic_directivity(np.clip(cosine, -1.0, 1.0), f_hz)

    def walls(
        self, images: Images, index: np.ndarray, direction: np.ndarray, f_hz, reach
    ) -> np.ndarray:
        """Product of the reflections that images index (n,) stand for, along unfolded directions (n, 3), reach (n,) m far."""
        if areas(self.scene):
            wavelength = self.c / self.frequency_hz
            return reflections(
                self.scene, self.faces, images, index, direction, reach, f_hz, wavelength
            )
        if isinstance(images, ChainImages):
            return self._chain(images, index, direction, f_hz)
        product = np.ones(len(index), dtype=complex)
        for normal, surface, columns in self.surfaces():
            hits = images.hits[:, columns].sum(axis=1)[index]
            met = np.flatnonzero(hits)
            if not len(met):
                continue
            cosine = np.minimum(np.abs(direction[met] @ normal), 1.0)
            one = surface.reflection(cosine, f_hz[met] if np.ndim(f_hz) else f_hz, self.scene.air)
            for times in range(1, int(hits.max()) + 1):
                again = hits[met] >= times
                product[met[again]] *= np.broadcast_to(one, met.shape)[again]
        return product

    def _chain(self, images: ChainImages, index: np.ndarray, direction: np.ndarray, f_hz):
        """The same for chains of faces, whose normals turn as the path is unfolded."""
        product = np.ones(len(index), dtype=complex)
        kinds: list[Any] = []
        kind = []
        for face in self.faces:
            if face.surface not in kinds:
                kinds.append(face.surface)
            kind.append(kinds.index(face.surface))
        kind.append(-1)  # of NONE
        for place in range(images.key.shape[1]):
            made = np.array(kind)[images.key[index, place]]
            cosine = np.minimum(np.abs((direction * images.slant[index, place]).sum(axis=1)), 1.0)
            for number, surface in enumerate(kinds):
                met = np.flatnonzero(made == number)
                f = f_hz[met] if np.ndim(f_hz) else f_hz
                product[met] *= surface.reflection(cosine[met], f, self.scene.air)
        return product

    def passed(self, index: np.ndarray, r1, going, second: np.ndarray | None = None) -> np.ndarray:
        """Amplitude (n,), complex where there are sheets, that solid things and the ends of faces leave of legs r1 (n,) m long, along unfolded directions
        going (n, 3) from driver images index (n,), and, given those, of legs on to microphone images second (n,)."""
        if self.veil is None:
            return np.ones(len(index))
        wavelength = self.c / self.frequency_hz
        points = self.out.position_m[index] + np.asarray(r1)[:, None] * going
        passes = self.veil.passes(self.out.position_m[0], index, points, wavelength)
        if second is not None:
            on = np.flatnonzero(passes)
            ear = self.back.position_m[0]
            passes[on] *= self.veil.passes(ear, second[on], points[on], wavelength)
        return passes

    def surfaces(self) -> list[tuple[np.ndarray, Any, list[int]]]:
        """Faces put together where orientation and surface are the same: the reflection is then one value."""
        groups: list[tuple[np.ndarray, Any, list[int]]] = []
        for index, wall in enumerate(self.faces):
            for normal, surface, columns in groups:
                if surface == wall.surface and abs(normal @ wall.normal) > 1.0 - 1e-9:
                    columns.append(index)
                    break
            else:
                groups.append((np.asarray(wall.normal, float), wall.surface, [index]))
        return groups

    def air(self, r1, r2, f2_hz) -> np.ndarray:
        """Air loss over r1 at the emitted and r2 at the received frequency, in m and Hz, re 1 m."""
        alpha = self.scene.air.absorption_np_m
        return np.exp(-alpha(self.frequency_hz) * (r1 - 1.0) - alpha(f2_hz) * r2)


def links(scene, frequency_hz, device, mic, unit, emitter, driver, order) -> Iterator[Link]:
    """One link for each driver that plays."""
    listener = scene.devices[device]
    source = listener if emitter is None else scene.devices[emitter]
    hearer = listener.unit if unit is None else unit
    sender = hearer if source is listener else source.unit
    hidden = veil(scene, order)

    def images(point_m) -> Images:
        if hidden is None:
            return mirror_images(scene.room.walls, point_m, order)
        return hidden.images(point_m)

    ear = np.asarray(listener.world(hearer.mics_m), float)[mic]
    back = images(ear)
    drivers = np.asarray(source.world(sender.drivers_m), float)
    for index in range(len(drivers)) if driver is None else [driver]:
        out, ends = images(drivers[index]), (source, listener, sender, hearer)
        yield Link(scene, *ends, index, mic, out, back, frequency_hz, hidden)

"""One driver, one microphone and the room between them: what walls, air, beam and shadow do to a path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from usim.engine.exact.images import Images, mirror_images


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

    def walls(self, images: Images, index: np.ndarray, direction: np.ndarray, f_hz) -> np.ndarray:
        """Product of the reflections that images index (n,) stand for, along unfolded directions (n, 3)."""
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

    def surfaces(self) -> list[tuple[np.ndarray, Any, list[int]]]:
        """Walls put together where orientation and surface are the same: the reflection is then one value."""
        groups: list[tuple[np.ndarray, Any, list[int]]] = []
        for index, wall in enumerate(self.scene.room.walls):
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
    walls = scene.room.walls
    ear = np.asarray(listener.world(hearer.mics_m), float)[mic]
    back = mirror_images(walls, ear, order)
    drivers = np.asarray(source.world(sender.drivers_m), float)
    for index in range(len(drivers)) if driver is None else [driver]:
        out = mirror_images(walls, drivers[index], order)
        yield Link(scene, source, listener, sender, hearer, index, mic, out, back, frequency_hz)

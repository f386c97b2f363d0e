"""Standing paths: from each driver to each microphone over the walls, kept one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from usim.devices.unit import Unit
from usim.engine.legs import Legs, sheet_tables
from usim.engine.sides import sides_of
from usim.engine.stirred import StirredStanding, stirred_standing
from usim.engine.veils import passes, sends
from usim.scene.scene import PlacedDevice, Scene

NEAREST_M = 1e-3  # a driver and a microphone at one point have no direct path


@dataclass(frozen=True)
class Standing:
    """Standing paths of one device as arrays (driver, mic, image).

    path_m; departure and arrival: cosines with the driver's and the microphone's axis; loss (carrier, driver, mic, image): complex gain
    of walls, air and distance re 1 m, without beam, shadow and leak; direct: the image that is the driver itself.
    """

    path_m: np.ndarray
    departure: np.ndarray
    arrival: np.ndarray
    loss: np.ndarray
    carriers_hz: np.ndarray
    direct: int = 0
    stirred: StirredStanding | None = None  # None in still air

    def gains(self, unit: Unit) -> np.ndarray:
        """Return the complex gains (carrier, driver, mic, image) of one unit: Pa at the diaphragm per Pa at 1 m on axis."""
        out = self.loss.copy()
        for row, f in enumerate(self.carriers_hz):
            for driver in range(out.shape[1]):
                beam = unit.directivity(driver, self.departure[driver], f)
                port = unit.mic_directivity(self.arrival[driver], f)
                out[row, driver] *= beam * port
                for mic in range(out.shape[2]):
                    out[row, driver, mic, self.direct] = self.loss[
                        row, driver, mic, self.direct
                    ] * unit.leak(driver, mic, f)
        return out


def standing(scene: Scene, device: PlacedDevice, legs: Legs, carriers_hz: np.ndarray) -> Standing:
    """Return the standing paths of a device in its room around its carriers in Hz."""
    mics = device.world(device.unit.mics_m)
    mic_axes = device.world_axes(device.unit.mic_axes)
    # (driver, mic, image, 3): the way the wave travels at its end
    away = mics[None, :, None] - legs.sources[:, None]
    path = np.sqrt((away * away).sum(axis=-1))
    there = path > NEAREST_M
    path = np.maximum(path, NEAREST_M)
    unit = away / path[..., None]
    departure = np.einsum("dmic,dic->dmi", unit, legs.source_axes)
    arrival = -np.einsum("dmic,mc->dmi", unit, mic_axes)
    loss = np.zeros((len(carriers_hz), *path.shape), complex)
    for row, f in enumerate(carriers_hz):
        alpha = float(scene.air.absorption_np_m(f))
        gain = (
            there
            * np.exp(-alpha * (path - 1.0))
            / path
            * np.exp(-2j * np.pi * f * path / scene.air.sound_speed_m_s)
        )
        for wall, surface in enumerate(sides_of(scene).mirrors):
            for hit in range(legs.walls.shape[1]):
                met = np.flatnonzero(legs.walls[:, hit] == wall)
                cosine = np.abs(
                    np.einsum("dmic,ic->dmi", unit[:, :, met], legs.maps.normals[met, hit])
                )
                gain[:, :, met] *= surface.reflection(np.maximum(cosine, 1e-9), f, scene.air)
        waves, sheets = f / scene.air.sound_speed_m_s, sheet_tables(scene, f)
        for driver, ends in enumerate(legs.sources):
            gain[driver] *= passes(legs.maps.veils, ends, mics, waves).T
            gain[driver] *= sends(legs.maps.veils, ends, mics, waves, sheets).T
        loss[row] = gain
    return Standing(
        path,
        np.clip(departure, -1, 1),
        np.clip(arrival, -1, 1),
        loss,
        np.asarray(carriers_hz, float),
        stirred=stirred_standing(
            scene, legs.sources, mics, legs.walls, np.abs(loss).max(axis=0, initial=0.0)
        ),
    )

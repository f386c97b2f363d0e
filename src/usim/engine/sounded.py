"""What a wideband emission sends into the room, driver by driver, and what standing paths make of it.

Both are made in chunks of absolute time, by the fast Fourier transform of the emission as it was some way before and after each: any window
gives the same samples.  The driver, the paths and the air are met over the whole band, not as one number.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import chebyshev

from usim.devices.unit import Unit
from usim.emissions.base import AbstractEmission
from usim.engine.legs import Legs
from usim.engine.standing import Standing, standing
from usim.engine.tail import Tail
from usim.scene.scene import PlacedDevice, Scene

LEAST = 8192  # samples in a transform
GUARD = 256  # samples at either end of a transform that its round trip spoils
OVERSAMPLED = 4  # the emission's own samples per sample of the baseband
BEYOND = 1.1  # the band with its skirt, re the band
DEGREE = 14  # of a standing path's gain over the band
# where a tail's gains are met, re the middle of the band and its edge: the middle first, after which its taps are drawn
LATE_NODES = np.sin(np.pi * np.array([0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0]) / 7.0)


def span_hz(emission: AbstractEmission, unit: Unit, rate_hz: int) -> tuple[float, float]:
    """Return the middle of a wideband emission's band by the unit's input clock, and how far the band with its skirt reaches to either side."""
    low, high = emission.band_hz or (0.0, 0.0)
    centre = float(unit.converter.apparent_hz(np.asarray(float(emission.carriers_hz[0]))))
    return centre, min(BEYOND * 0.5 * (high - low), 0.45 * rate_hz)


def late_nodes_hz(emission: AbstractEmission, unit: Unit, rate_hz: int) -> np.ndarray:
    """Return the frequencies (node,) at which a wideband emission's tail is asked for, the middle of the band first."""
    centre, edge = span_hz(emission, unit, rate_hz)
    return centre + edge * LATE_NODES


@dataclass(eq=False)
class Sounded:
    """One unit's wideband emission at the baseband's rate: complex envelopes about the middle of the band, re the level's peak."""

    scene: Scene
    device: PlacedDevice
    emission: AbstractEmission
    unit: Unit
    rate_hz: int
    longest_m: float
    responses: dict[bytes, np.ndarray] = field(default_factory=dict)
    _spectra: dict[int, np.ndarray] = field(default_factory=dict)
    _chunks: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        late = self.longest_m / self.scene.air.sound_speed_m_s * self.rate_hz
        self._head = int(late) + 2 * GUARD
        self._size = max(LEAST, 2 ** int(np.ceil(np.log2(2 * self._head))))
        self._kept = self._size - self._head - GUARD
        self.offset_hz = np.fft.fftfreq(self._size, 1.0 / self.rate_hz)
        low, high = self.emission.band_hz or (0.0, 0.0)
        half = 0.5 * (high - low)
        self.centre_hz, self.edge_hz = span_hz(self.emission, self.unit, self.rate_hz)
        skirt = np.clip((np.abs(self.offset_hz) - half) / (self.edge_hz - half), 0.0, 1.0)
        self.band = skirt < 1.0
        self._shape = 0.5 + 0.5 * np.cos(np.pi * skirt)
        centre = float(self.emission.carriers_hz[0])
        f = self.centre_hz + self.offset_hz[self.band]
        self._drives = np.zeros((len(self.unit.drivers_m), self._size), complex)
        for driver, row in enumerate(self._drives):
            row[self.band] = self.unit.drive_gain(driver, f, centre)

    def _spectrum(self, chunk: int) -> np.ndarray:
        """Return the emission's spectrum (size,) around a chunk, in the band alone."""
        found = self._spectra.get(chunk)
        if found is None:
            first = chunk * self._kept - self._head
            many = OVERSAMPLED * self._size
            t_s = (first * OVERSAMPLED + np.arange(many)) / (OVERSAMPLED * self.rate_hz)
            # the output's clock, where it is not the input's; the turn of the carrier is the clock's own business
            faster = 1.0 + 1e-6 * self.unit.converter.dac_offset_ppm
            whole = np.fft.fft(np.asarray(self.emission.envelope(t_s * faster)[0], complex))
            half = self._size // 2
            found = np.concatenate([whole[:half], whole[-half:]]) * (self._shape / OVERSAMPLED)
            self._spectra = {k: v for k, v in self._spectra.items() if abs(k - chunk) < 8}
            self._spectra[chunk] = found
        return found

    def _back(self, spectra: np.ndarray) -> np.ndarray:
        """Return what spectra (row, size) sound like within their chunk, (row, kept)."""
        return np.fft.ifft(spectra, axis=-1)[..., self._head : self._head + self._kept]

    def emitted(self, first: int, count: int) -> np.ndarray:
        """Return what each driver sends out (driver, count) from sample number `first` on."""

        def made(chunk: int) -> np.ndarray:
            if chunk not in self._chunks:
                self._chunks = {k: v for k, v in self._chunks.items() if abs(k - chunk) < 64}
                self._chunks[chunk] = self._back(self._spectrum(chunk) * self._drives)
            return self._chunks[chunk]

        return self._joined(made, first, count)

    def through(self, responses: np.ndarray, first: int, count: int) -> np.ndarray:
        """Return what is heard (row, count) through responses (row, driver, bin in the band), see `standing_response`."""
        whole = np.zeros((len(responses), self._size), complex)
        whole[:, self.band] = (responses * self._drives[:, self.band]).sum(axis=1)
        return self._joined(lambda k: self._back(self._spectrum(k) * whole), first, count)

    def _joined(self, made, first: int, count: int) -> np.ndarray:
        chunks = range(first // self._kept, (first + count - 1) // self._kept + 1)
        whole = np.concatenate([made(chunk) for chunk in chunks], axis=-1)
        return whole[:, first - chunks.start * self._kept :][:, :count]


def standing_response(sounds: Sounded, legs: Legs, images: np.ndarray) -> np.ndarray:
    """Return (mic, driver, bin in the band): the standing paths over some images (I,) bool, Pa per Pa at 1 m on axis."""
    key = images.tobytes()
    if key not in sounds.responses:
        sounds.responses[key] = _response(sounds, legs, images)
    return sounds.responses[key]


def _response(sounds: Sounded, legs: Legs, images: np.ndarray) -> np.ndarray:
    nodes = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
    at = sounds.centre_hz + sounds.edge_hz * nodes
    found: Standing = standing(sounds.scene, sounds.device, legs, at)
    c = sounds.scene.air.sound_speed_m_s
    tau = found.path_m[..., images] / c  # (driver, mic, image)
    turn = np.exp(2j * np.pi * at[:, None, None, None] * tau)
    smooth = found.gains(sounds.unit)[..., images] * turn
    return _over_the_band(sounds, nodes, smooth, tau)


def late_response(sounds: Sounded, tail: Tail) -> np.ndarray:
    """Return (mic, driver, bin in the band): the taps of a tail that is known at `late_nodes_hz`, Pa per Pa at 1 m on axis."""
    key = f"tail {tail.place}".encode()
    if key not in sounds.responses:
        tau = tail.path_m / tail.c
        turn = np.exp(2j * np.pi * tail.carriers_hz[:, None, None, None] * tau)
        smooth = tail.gains(sounds.unit) * turn
        sounds.responses[key] = _over_the_band(sounds, LATE_NODES, smooth, tau)
    return sounds.responses[key]


def _over_the_band(
    sounds: Sounded, nodes: np.ndarray, smooth: np.ndarray, tau_s: np.ndarray
) -> np.ndarray:
    """Return (mic, driver, bin in the band): the sum over ways late by tau_s (driver, mic, way), of gains (node, driver, mic, way) without their delay."""
    degree = len(nodes) - 1
    series = np.linalg.solve(
        chebyshev.chebvander(nodes, degree), smooth.reshape(len(nodes), -1)
    ).reshape(smooth.shape)
    offset = sounds.offset_hz[sounds.band]
    powers = chebyshev.chebvander(offset / sounds.edge_hz, degree)
    drivers, mics = tau_s.shape[:2]
    out = np.zeros((mics, drivers, len(offset)), complex)
    for driver, mic in np.ndindex(drivers, mics):
        for some in np.array_split(np.arange(tau_s.shape[2]), 1 + tau_s.shape[2] // 64):
            gains = powers @ series[:, driver, mic, some]
            late = np.outer(sounds.centre_hz + offset, tau_s[driver, mic, some])
            out[mic, driver] += (gains * np.exp(-2j * np.pi * late)).sum(axis=1)
    return out

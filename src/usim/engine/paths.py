"""Paths: the world half of a simulation, everything between a command to emit and a microphone's diaphragm.

What is kept, and why (bytes for the workload `walk`: 10 s, 16 pieces, 4 microphones, one carrier, order 3; `Paths.bytes` counts them):

* `legs`: 63 images of driver and microphones with walls and normals; 33 kB.  Any later consumer can form pairs again.
* `bands`: per carrier the tables of walls, beam and arrival shadow; 300 kB.  A new carrier is a new band of the same legs.
* `standing`: one row per driver, microphone and image: path, departure, arrival, loss; 10 kB.  Late music, per-unit beams, leaks and
  several drivers are all functions of these rows.
* `echoes`: per mover the tone response (driver, carrier, mic, basis, slow time), summed over pairs; at the baseband's rate, 1.3 MB.  The
  basis are functions of departure and arrival direction that span the units one wants to hear (`spread`); a unit is a set of weights.
* `shadows`: per mover what it changes of each standing path, 50 to 250 times a second; 2 MB.
* `echoes[].epochs`: which pairs each piece was made of, with weights; 1.5 MB.  Together with `at(t)` they let the pair kernel run again for
  emissions that are not a steady tone (on, off, later music), late by each pair's own path.
* `sounds`: of a wideband emission (chirps, FMCW, pulses), what each driver sends.  Its echoes are no responses but what is heard of it: every
  pair by itself through a delay line (`wideband`), for the scene's own unit alone.
* `tail`: up to 600 taps per driver and microphone, what arrives beside and after the images, and 100 ways of it by way of a mover; 0.1 MB.

A mover's pairs over time are not kept: they would be gigabytes.  `table(t_s)` lists them at one instant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from usim.emissions.base import AbstractEmission
from usim.engine.detours import Detours, detours, with_detours
from usim.engine.echoes import Echo, Held, echo_of
from usim.engine.legs import Band, Legs, band, legs
from usim.engine.piece_epochs import skins
from usim.engine.selection import QUALITIES, Quality
from usim.engine.shadowing import Shadow, Stretches, shadows_of, stretches
from usim.engine.sounded import Sounded, late_nodes_hz
from usim.engine.standing import Standing, standing
from usim.engine.table import pair_table
from usim.engine.tail import Tail, tail_of
from usim.engine.wideband import emission_over, taps_of
from usim.scene.scene import PlacedDevice, Scene
from usim.template.problem import InvalidInput, Problem

FILTER_TAPS = 33  # of the microphones' filters at the baseband's rate
# baseband samples kept beyond the window: for filters and for the waveform's interpolation
EDGE = 32 + FILTER_TAPS // 2


@dataclass(frozen=True)
class Paths:
    """Everything that lies between one device's drive and its microphones' diaphragms, over one window.

    `start` is the number of the first baseband sample asked for; tones reach EDGE samples further on either side.
    """

    scene: Scene
    device: PlacedDevice
    quality: Quality
    legs: Legs
    bands: tuple[Band, ...]
    standing: Standing
    echoes: tuple[Echo, ...]
    rate_hz: int
    start: int
    samples: int
    # echoes and shadows, but for what movers do to the tail, are left to the exact renderer
    is_judged: bool = False
    tail: Tail | None = None
    detours: tuple[Detours, ...] = ()
    shadows: tuple[Shadow, ...] = ()
    sounds: Sounded | None = None  # of a wideband emission
    others: tuple[Paths, ...] = ()  # from every other device that sounds (see `overheard`)

    @property
    def bytes(self) -> dict[str, int]:
        """Return what each part takes in memory, in bytes."""

        def arrays(thing: object) -> int:
            return sum(v.nbytes for v in vars(thing).values() if isinstance(v, np.ndarray))

        return {
            "legs": arrays(self.legs) + arrays(self.legs.maps),
            "bands": sum(arrays(b) for b in self.bands),
            "standing": arrays(self.standing),
            "echoes": sum(e.tones.nbytes for e in self.echoes),
            "shadows": sum(s.change.nbytes for s in self.shadows),
            "epochs": sum(
                x.chosen.pairs.nbytes + x.chosen.weight.nbytes + x.chosen.group.nbytes
                for e in self.echoes
                for x in e.epochs
            ),
            "tail": sum(arrays(x) for x in (self.tail, *self.detours) if x is not None),
        }

    def table(self, t_s: float, mic: int = 0, carrier: int = 0) -> np.ndarray:
        """Return the individual paths at one instant of reception as a structured array, the strongest first."""
        return pair_table(self, t_s, mic, carrier)


def quality_named(name: str) -> Quality:
    """Return a quality by its name; one line where there is none."""
    if name not in QUALITIES:
        raise InvalidInput(
            Problem(
                f"no quality {name!r}; choose {', '.join(QUALITIES)} or exact",
                place="render.quality",
            )
        )
    return QUALITIES[name]


def listening(scene: Scene, name: str | None = None) -> PlacedDevice:
    """Return the device of that name, or the only one that listens."""
    heard = [d for d in scene.devices if d.listens]
    if name is None and len(heard) == 1:
        return heard[0]
    for device in heard:
        if device.name == name:
            return device
    known = ", ".join(d.name for d in heard) or "none"
    raise InvalidInput(
        Problem(
            f"name a device that listens ({known}), not {name!r}"
            if name
            else f"name one of the devices: {known}"
        )
    )


@dataclass(frozen=True)
class Setting:
    """What the paths of a device have in common over all time."""

    scene: Scene
    device: PlacedDevice
    quality: Quality
    legs: Legs
    bands: tuple[Band, ...]
    standing: Standing
    tail: Tail | None = None
    detours: tuple[Detours, ...] = ()
    ways: Stretches | None = None


def setting(
    scene: Scene,
    device: PlacedDevice,
    quality: Quality,
    spread: bool = False,
    tail: bool = False,
    shaded: bool = False,
    ends: tuple[PlacedDevice, PlacedDevice] | None = None,
) -> Setting:
    """Return legs, bands, standing paths and, if wanted, the tail of a device in its room, and where movers may shade its standing paths.

    spread: see `band`.  ends: the devices that send and hear the tail, if it is not the device itself.
    """
    emission = device.emission
    wide = emission is not None and emission.band_hz is not None
    carriers = (
        np.zeros(0) if device.emission is None else np.asarray(device.emission.carriers_hz, float)
    )
    found = legs(scene, device, quality.order)
    bands = tuple(
        band(scene, device, float(device.unit.converter.apparent_hz(f)), spread and not wide)
        for f in carriers
    )
    at = np.array([b.carrier_hz for b in bands])
    sender, listener = ends or (device, device)
    over = at
    if emission is not None and wide:
        over = late_nodes_hz(emission, device.unit, scene.baseband_rate_hz)
    late = tail_of(scene, sender, over, quality.order, listener) if tail else None
    met: tuple[Detours, ...] = ()
    if late is not None and not wide:
        met = detours(late, scene, bands, scene.baseband_rate_hz)
    still = standing(scene, device, found, at)
    ways = None
    if shaded and not wide:
        own, together = ends is None, quality.together
        ways = stretches(scene, device, found, still, at, quality.shading, own, together)
    return Setting(scene, device, quality, found, bands, still, late, met, ways)


def paths_over(
    about: Setting,
    start: int,
    samples: int,
    threads: int = 1,
    apart: bool = False,
    judged: bool = False,
    emission: AbstractEmission | None = None,
    held: Held | None = None,
) -> Paths:
    """Return the paths over `samples` baseband samples from number `start` on.

    threads, apart, held: see `echo_of`.  judged: leave the echoes to the exact renderer.  emission: in place of the device's own.
    """
    scene, device = about.scene, about.device
    if emission is not None:
        device = replace(device, emission=emission)
    echoes: tuple[Echo, ...] = ()
    shadows: list[Shadow] = []
    bands, first, count = list(about.bands), start - EDGE, samples + 2 * EDGE
    before = None if held is None else held.sounds
    sounds = emission_over(scene, device, about.legs, before, about.tail)
    if held is not None:
        held.sounds = sounds
    if device.emission is not None and bands and not judged:
        gated = None if device.emission.steady else device.emission
        echoes = tuple(
            echo_of(
                scene,
                device,
                mover,
                about.legs,
                bands,
                about.quality,
                first,
                count,
                scene.baseband_rate_hz,
                threads,
                apart,
                gated if sounds is None else None,
                held,
                None if sounds is None else taps_of(scene, device, mover, skins, sounds, apart),
            )
            for mover in scene.movers
        )
        carriers = np.array([b.carrier_hz for b in bands])
        rate = scene.baseband_rate_hz
        ends = first / rate, (first + count) / rate
        cast = None if held is None else held.shadows
        shadows = [
            shadow
            for mover in scene.movers
            for shadow in shadows_of(scene, mover, about.ways, carriers, *ends, cast)
        ]
    if device.emission is not None and about.detours:
        echoes = with_detours(echoes, about.detours, scene, device.emission, first, count)
    return Paths(
        scene, device, about.quality, about.legs, about.bands, about.standing, echoes, scene.baseband_rate_hz, start, samples, judged,
        about.tail, about.detours, tuple(shadows), sounds,
    )  # fmt: skip


def trace_device(
    scene: Scene,
    device: PlacedDevice,
    quality: Quality,
    start: int,
    samples: int,
    threads: int = 1,
    apart: bool = False,
    judged: bool = False,
    spread: bool = False,
    tail: bool = False,
    shaded: bool = False,
) -> Paths:
    """Return the paths of one device for `samples` baseband samples from number `start` on; see `setting` and `paths_over`."""
    return paths_over(
        setting(scene, device, quality, spread, tail, shaded),
        start,
        samples,
        threads,
        apart,
        judged,
    )

"""A walker-like mover of sixteen tumbling ellipsoids, and the engine's echoes of it beside those of `exact`.

The pieces are those of scenes/sixteen_tumblers.yaml, joined into one mover whose story can be run faster (`pace`) and
moved about the room (`shift_m`), so that one scene gives a walker far, near, hurried, and crossing in front of the device.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.signal import get_window

from usim.engine import exact
from usim.engine.baseband import envelopes
from usim.engine.dressing import kernel_order
from usim.engine.exact.veil import veil
from usim.engine.paths import Paths, listening, quality_named, trace_device
from usim.engine.sides import sides_of
from usim.movers.base import AbstractMover, Poses
from usim.scene.covering import coverings
from usim.scene.scene import Scene
from usim.scene.template import load

SCENE = "sixteen_tumblers"
NAME = "walker"


class Tumblers(AbstractMover):
    """Several movers as the pieces of one."""

    label = "non_human"

    def __init__(self, movers, pace: float = 1.0, shift_m=(0.0, 0.0, 0.0), swell: float = 0.0):
        """swell: share of its size by which every piece swells and shrinks, twice a second, each axis at its own time."""
        self.swell = swell
        self.movers, self.pace, self.shift_m = tuple(movers), pace, np.asarray(shift_m, float)
        self.name = NAME
        self.pieces = tuple(dataclasses.replace(m.pieces[0], name=m.name) for m in self.movers)
        self.story_s = (-np.inf, np.inf)
        self.moments_s = np.unique(np.concatenate([m.moments_s for m in self.movers])) / pace

    def at(self, t_s):
        poses = [mover.at(np.asarray(t_s, float) * self.pace) for mover in self.movers]
        place = np.concatenate([p.position_m for p in poses], axis=1) + self.shift_m
        rotation = np.concatenate([p.rotation for p in poses], axis=1)
        if not self.swell:
            return Poses(place, rotation)
        sizes = np.array([piece.size_m for piece in self.pieces])
        phase = 4.0 * np.pi * np.asarray(t_s, float)[:, None, None] + np.arange(3)
        return Poses(place, rotation, self.swell * sizes * np.sin(phase))


def tumbling(
    pieces=None, pace=1.0, shift_m=(0.0, 0.0, 0.0), overrides=None, swell: float = 0.0
) -> Scene:
    """The scene with the named pieces (all if None) as one mover."""
    scene = load(SCENE).sample(overrides=overrides)
    movers = [m for m in scene.movers if pieces is None or m.name in pieces]
    one = Tumblers(movers, pace, shift_m, swell)
    fastest = pace * max(scene.speeds_m_s[m.name] for m in movers)
    return dataclasses.replace(scene, movers=(one,), speeds_m_s={NAME: fastest})


@dataclass(frozen=True, eq=False)
class Compared:
    """Resolved echoes of one mover at one microphone, (sample,) in FS: of the engine and of `exact` for the same pairs."""

    paths: Paths
    t_s: np.ndarray
    engine: np.ndarray
    exact: np.ndarray
    pairs: int

    @property
    def residual_db(self) -> float:
        """Energy of the difference over energy of the echo."""
        return decibels(energy(self.engine - self.exact) / energy(self.exact))


def energy(z) -> float:
    return float((np.abs(z) ** 2).sum())


def decibels(ratio) -> float:
    return float(10.0 * np.log10(ratio))


def traced(scene: Scene, quality: str, start_s: float, duration_s: float) -> Paths:
    """Paths of a window, texture by itself too."""
    rate = scene.baseband_rate_hz
    first, count = round(start_s * rate), round(duration_s * rate)
    return trace_device(scene, listening(scene), quality_named(quality), first, count, apart=True)


def received(
    paths: Paths, texture: bool | None = None, mic: int = 0, carrier: int | None = 0
) -> np.ndarray:
    """The mover's envelope (sample,) in FS: all of it, or only texture, or all but texture; every carrier's if None."""
    if texture is not None:
        echoes = [
            dataclasses.replace(e, tones=e.texture if texture else e.tones - e.texture)
            for e in paths.echoes
        ]
        paths = dataclasses.replace(paths, echoes=tuple(echoes))
    made = envelopes(paths, paths.device.unit)[f"mover.{paths.echoes[0].mover}"][mic]
    before = (made.shape[-1] - paths.samples) // 2  # it reaches beyond the window
    made = made[:, before : before + paths.samples]
    return made if carrier is None else made[carrier]


def weights(epochs, t_s) -> dict[tuple[int, int], np.ndarray]:
    """What share of every resolved pair of one piece is heard at the times: epochs fade into each other."""
    out: dict[tuple[int, int], np.ndarray] = {}
    for epoch in epochs:
        fade = epoch.grid.fade * epoch.grid.step_s
        up = np.clip((t_s - epoch.start_s) / fade, 0.0, 1.0)
        down = np.clip((epoch.end_s - t_s) / fade, 0.0, 1.0)
        share = np.sin(0.5 * np.pi * up) ** 2 * np.sin(0.5 * np.pi * down) ** 2
        if share.any():
            for pair in map(tuple, epoch.chosen.pairs[epoch.chosen.group == 0].tolist()):
                out[pair] = out.get(pair, 0.0) + share
    return out


def at_one_place(paths: Paths, share: dict, mic: int) -> dict:
    """The same pairs, each pair of the judge's images once: what the engine tells apart by which side comes first, the judge takes together."""
    out: dict[tuple, tuple] = {}
    places = images_of(paths, np.array(list(share)), mic).reshape(len(share), -1).tolist()
    for (pair, heard), place in zip(share.items(), places, strict=True):
        mark = (*place, pair[2])
        before = out.get(mark)
        out[mark] = (pair, heard) if before is None else (before[0], np.maximum(before[1], heard))
    return dict(out.values())


def keys_of(paths: Paths, places: np.ndarray) -> np.ndarray | None:
    """The judge's keys (n, 3) of the engine's legs, with their ends at places (n, 3); None where it goes by places."""
    hidden = veil(paths.scene, paths.quality.order)
    if hidden is None:
        return None
    images = hidden.images(places[0])
    known = {(*sorted(key), *np.round(at, 5)): key for key, at in zip(images.key.tolist(), images.position_m, strict=True)}  # fmt: skip
    width = images.key.shape[1]
    rows = np.full((len(places), width), -1)
    sides = sides_of(paths.scene).sides  # a patch is its wall to the judge
    walls = sum(side.wall < 0 and not side.is_furniture for side in sides)
    patches = sum(side.wall >= 0 for side in sides)
    number = [side.wall if side.wall >= 0 else n - patches * (n >= walls) for n, side in enumerate(sides)]  # fmt: skip
    rows[:, : paths.legs.walls.shape[1]] = np.array([*number, -1])[paths.legs.walls]
    return np.array([known[(*sorted(row), *np.round(at, 5))] for row, at in zip(rows.tolist(), places, strict=True)])  # fmt: skip


def images_of(paths: Paths, pairs: np.ndarray, mic: int = 0) -> np.ndarray:
    """Positions (n, 2, 3) in m of the driver's and the microphone's images of pairs (n, 3); their keys, where the judge goes by these."""
    sources, ears = paths.legs.sources[0], paths.legs.targets[:, mic]
    by_key = keys_of(paths, sources)
    if by_key is not None:
        sources, ears = by_key, keys_of(paths, ears)
    return np.stack([sources[pairs[:, 0]], ears[pairs[:, 1]]], axis=1)


def compared(
    scene: Scene, quality: str, start_s: float, duration_s: float, mic: int = 0, every: int = 1
) -> Compared:
    """The engine's resolved set over a window, every so many samples, and `exact` for the same pairs with the same cross-fades."""
    paths = traced(scene, quality, start_s, duration_s)
    t = (paths.start + np.arange(0, paths.samples, every)) / paths.rate_hz
    (echo,) = paths.echoes
    assert echo.missed == 0
    images, spots, dress, shares, total = {}, {}, {}, [], 0
    mover = scene.movers[0]
    for number, glints in enumerate(coverings(scene, mover)):
        share = weights([e for e in echo.epochs if e.piece == number], t)
        share = at_one_place(paths, share, mic)
        ij = np.array(list(share))
        images[mover.name, number] = images_of(paths, ij, mic)
        if glints is not None:
            dress[mover.name, number] = glints
            order = np.append(kernel_order(glints), -1)  # the engine sorts them; -1 is the mirror
            spots[mover.name, number] = order[ij[:, 2]]
        shares.append(np.array(list(share.values())))
        total += len(ij)
    shares = np.concatenate(shares)
    how = {
        "mic": mic,
        "pairs": images,
        "spots": spots,
        "glints": dress,
        "static": False,
        "poses": "fit",
    }
    if np.all(np.abs(shares - 1.0) < 1e-12):
        judge = exact.tone_response(scene, 0, t, **how)
    else:
        judge = (exact.tone_response(scene, 0, t, per="pair", **how) * shares).sum(axis=0)
    return Compared(paths, t, received(paths, texture=False, mic=mic)[::every], judge, total)


def strongest_path(paths: Paths, t_s: float, mic: int = 0) -> tuple[float, float]:
    """Level (FS, peak) of the strongest moving path at an instant, and the largest Doppler shift (Hz) within 60 dB of it."""
    table = paths.table(t_s, mic)
    moving = table[table["mover"] != ""]
    unit, f = paths.device.unit, paths.bands[0].carrier_hz
    pascal = np.sqrt(2.0) * 20e-6 * 10.0 ** (paths.device.emission.level_db_spl / 20.0)
    gain = pascal * abs(unit.drive_gain(0, f, f)) * abs(unit.mic_response(mic, f))
    top = float(moving["level_db"].max())
    fastest = np.abs(moving["doppler_hz"][moving["level_db"] > top - 60.0]).max()
    return float(gain * 10.0 ** (top / 20.0)), float(fastest)


def judge_spurious(figures, name: str, found: Compared, middle_s: float) -> None:
    """Measure what of the difference to `exact` lies beyond 1.2 times the fastest Doppler shift, re the strongest moving path, and hold it to -80 dB."""
    level, fastest = strongest_path(found.paths, middle_s)
    taper = get_window("blackmanharris", len(found.t_s))
    line = np.abs(np.fft.fft((found.engine - found.exact) * taper)) / taper.sum()
    beyond = np.abs(np.fft.fftfreq(len(taper), 1.0 / found.paths.rate_hz)) > 1.2 * fastest
    assert np.count_nonzero(beyond) > 50
    worst = 2.0 * decibels(line[beyond].max() / level)
    figures(name, worst, "dB", "<= -80", f"beyond {1.2 * fastest:.0f} Hz")
    assert worst <= -80.0

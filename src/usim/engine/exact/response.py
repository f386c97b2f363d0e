"""What the microphone receives: static paths and echoes of a tone or of any waveform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from usim.engine.exact.draught import MovingAir
from usim.engine.exact.echoes import asked, echoes
from usim.engine.exact.images import ORDER
from usim.engine.exact.link import links
from usim.engine.exact.silhouette import changes

REFERENCE_PA = 20e-6


STATIC = np.dtype(
    [
        ("driver", "i8"),
        ("key", "i8", 3),
        ("order", "i8"),
        ("r_m", "f8"),
        ("delay_s", "f8"),
        ("gain", "c16"),
    ]
)


def _static(scene, frequency_hz, device, mic, unit, emitter, driver, order) -> np.ndarray:
    """Static paths as rows of STATIC; gain in FS per Pa of nominal pressure at 1 m on axis, without the delay."""
    parts = []
    for link in links(scene, frequency_hz, device, mic, unit, emitter, driver, order):
        ear = link.back.position_m[0]
        away = ear - link.out.position_m
        r = np.linalg.norm(away, axis=1)
        if not r.all():
            raise ValueError(
                f"devices.{link.listener.name}: driver {link.driver} and microphone {mic} are at one point; "
                "ask with static=False, or move one"
            )
        going = away / r[:, None]
        index = np.arange(len(r))
        gain = link.leave(index, going) * link.arrive(np.zeros_like(index), -going, frequency_hz)
        gain = np.asarray(gain, complex) * link.walls(link.out, index, going, frequency_hz, r)
        if link.emitter is link.listener:
            gain[0] = link.sender.leak(link.driver, mic, frequency_hz)
        gain = gain * link.sender.drive_gain(link.driver, frequency_hz, frequency_hz)
        gain = (
            gain * link.air(r, 0.0, frequency_hz) / r * link.hearer.mic_response(mic, frequency_hz)
        )
        if link.veil is not None:
            gain = gain * link.passed(index, r, going)
        rows = np.zeros(len(r), dtype=STATIC)
        rows["driver"], rows["key"], rows["order"] = link.driver, link.out.key, link.out.order
        rows["r_m"], rows["delay_s"], rows["gain"] = r, r / link.c, gain
        parts.append(rows)
    return np.concatenate(parts)


def static_paths(
    scene,
    carrier_index: int = 0,
    *,
    device: int = 0,
    mic: int = 0,
    unit=None,
    emitter: int | None = None,
    driver: int | None = None,
    order: int = ORDER,
) -> np.ndarray:
    """Static paths of one carrier: rows (driver, key, order, r_m, delay_s, gain), gain in FS without the delay.

    Arguments as in `tone_response`. The steady response re exp(jwt) is sum(gain * exp(-jw delay_s)).
    """
    f, pressure, _ = _carrier(scene, carrier_index, device if emitter is None else emitter)
    rows = _static(scene, f, device, mic, unit, emitter, driver, order)
    rows["gain"] *= pressure
    return rows


def _carrier(scene, carrier_index: int, emitter: int) -> tuple[float, float, Any]:
    """Frequency in Hz, peak pressure in Pa of the nominal unit at 1 m on axis, and the emission."""
    emission = scene.devices[emitter].emission
    if emission is None:
        raise ValueError(f"devices.{scene.devices[emitter].name}: emits nothing")
    level = np.broadcast_to(emission.level_db_spl, np.shape(emission.carriers_hz))[carrier_index]
    pressure = np.sqrt(2.0) * REFERENCE_PA * 10.0 ** (level / 20.0)
    return float(emission.carriers_hz[carrier_index]), float(pressure), emission


def tone_response(
    scene,
    carrier_index: int,
    t_s,
    *,
    device: int = 0,
    mic: int = 0,
    unit=None,
    emitter: int | None = None,
    driver: int | None = None,
    order: int = ORDER,
    pairs: Mapping[tuple[str, int], Any] | None = None,
    spots: Mapping[tuple[str, int], Any] | None = None,
    glints: Mapping[tuple[str, int], Any] | None = None,
    movers=True,
    static: bool = True,
    per: str = "sum",
    poses: str = "at",
    tail: np.ndarray | None = None,
    air: MovingAir | None = None,
    shadows: bool = False,
) -> np.ndarray:
    """Complex envelope of one carrier in FS re exp(jwt) at reception times t_s (k,) in s, any spacing and order.

    device, mic: who listens; emitter: the device that plays, the same one if None; driver: all of them if None.
    unit: the listener's unit (and the player's if it is the same device) in place of the scene's.
    order: of the images on either leg. movers: True, False or names. static: with the paths that miss the movers.
    pairs: only these image pairs: (mover name, piece index) -> integers (n, 2, 3), the keys of the driver's and the
    microphone's image (see `usim.engine.exact`; every driver's image of that key), or floats (n, 2, 3), their positions in m, met within a micrometre.
    spots: with pairs, what each of them bounces off: (mover name, piece index) -> integers (n,), the number of a glint, or
    -1 for the mirror; mirrors alone where left out. Without pairs: every image pair by way of the mirror and of every
    glint whose lobe exceeds 1e-4 at any of t_s.
    glints: the glints of every dressed piece that moves: (mover name, piece index) -> `usim.physics.wrinkles.Glints`, or None for bare
    ones; drawn by `usim.scene.covering`.
    per: "sum" (k,); "mover" (1 + movers, k), row 0 the static paths; "pair" (rows, k), rows as `pair_rows` names.
    poses: "at" asks the mover at every bounce time of every pair; "fit" asks polynomials that met it to 2e-13 m,
    for movers whose `at` is slow.
    tail: further standing paths as data: rows (driver, delay_s, gain), gain in FS per Pa as in `static_paths` of 1 Pa; None for none.
    air: draughts and drift as data, in a box without furniture; still air if None.
    shadows: with what the movers change of the static paths, in their rows; the driver's own direct sound goes past nobody.
    """
    f, pressure, emission = _carrier(scene, carrier_index, device if emitter is None else emitter)

    def emitted(delay_s: np.ndarray, t: np.ndarray) -> np.ndarray:
        wave = pressure * np.exp(-2j * np.pi * f * delay_s)
        if emission.steady:
            return wave
        left = np.broadcast_to(t, delay_s.shape) - delay_s
        return wave * emission.envelope(left.ravel())[carrier_index].reshape(left.shape)

    where = {
        "device": device,
        "mic": mic,
        "unit": unit,
        "emitter": emitter,
        "driver": driver,
        "order": order,
    }
    what = {"pairs": pairs, "spots": spots, "glints": glints}
    got = _received(scene, f, t_s, emitted, where, what, movers, static, per, poses, tail, air)
    if shadows:
        if per == "pair":
            raise ValueError("per: shadows belong to no pair; give 'sum' or 'mover'")
        cast = _shadows(scene, f, np.asarray(t_s, float), emitted, where)
        got = got + (cast.sum(axis=0) if per == "sum" else cast)
    return got


def _shadows(scene, f, t_s, emitted, where) -> np.ndarray:
    """What each mover changes of the static paths, (1 + movers, k); row 0 is empty."""
    out = np.zeros((1 + len(scene.movers), len(t_s)), dtype=complex)
    for link in links(scene, f, **where):
        paths = _static(scene, f, **{**where, "driver": link.driver})
        first = 1 if link.emitter is link.listener else 0
        rows = np.arange(first, len(paths))
        waves = paths["gain"][rows, None] * emitted(
            np.repeat(paths["delay_s"][rows, None], len(t_s), 1), t_s
        )
        for number, mover in enumerate(scene.movers):
            out[1 + number] += (changes(link, mover, rows, t_s) * waves).sum(axis=0)
    return out


def waveform(
    scene,
    emitted: Callable[[np.ndarray], np.ndarray],
    t_s,
    *,
    centre_hz: float,
    device: int = 0,
    mic: int = 0,
    unit=None,
    emitter: int | None = None,
    driver: int | None = None,
    order: int = ORDER,
    pairs: Mapping[tuple[str, int], Any] | None = None,
    spots: Mapping[tuple[str, int], Any] | None = None,
    glints: Mapping[tuple[str, int], Any] | None = None,
    movers=True,
    static: bool = True,
    per: str = "sum",
    poses: str = "at",
    tail: np.ndarray | None = None,
    air: MovingAir | None = None,
) -> np.ndarray:
    """What any emission is received as, in FS, complex (take the real part), at reception times t_s (k,) in s.

    emitted: callable of times (s), the analytic signal (complex, no negative frequencies) of the pressure in Pa at 1 m
    on axis of the nominal unit, for all times: every path reads it at its own time of emission. Gains are those at
    centre_hz, and at its received frequency behind the bounce: right for emissions narrow beside the curves of air,
    surfaces, driver and microphone. Other arguments as in `tone_response`.
    """

    def read(delay_s: np.ndarray, t: np.ndarray) -> np.ndarray:
        left = np.broadcast_to(t, delay_s.shape) - delay_s
        return np.asarray(emitted(left.ravel()), complex).reshape(left.shape)

    where = {
        "device": device,
        "mic": mic,
        "unit": unit,
        "emitter": emitter,
        "driver": driver,
        "order": order,
    }
    what = {"pairs": pairs, "spots": spots, "glints": glints}
    return _received(
        scene, centre_hz, t_s, read, where, what, movers, static, per, poses, tail, air
    )


def _received(
    scene, f, t_s, emitted, where, what, movers, static, per, poses, tail, air
) -> np.ndarray:
    """Sum over paths of gain times what was emitted `delay_s` before t_s, put together as `per` says."""
    if per not in ("sum", "mover", "pair"):
        raise ValueError(f"per: {per!r}; give 'sum', 'mover' or 'pair'")
    t_s = np.asarray(t_s, float)
    names = [mover.name for mover in scene.movers]
    total = np.zeros((1 + len(names), len(t_s)), dtype=complex)
    rows: list[np.ndarray] = []
    if static:
        paths = _static(scene, f, **where)
        delay_s = np.repeat(paths["delay_s"][:, None], len(t_s), 1)
        if air is not None:
            delay_s += _stirred(scene, f, where, t_s, air)
        waves = paths["gain"][:, None] * emitted(delay_s, t_s)
        total[0] = waves.sum(axis=0)
    if tail is not None:
        late = tail if where["driver"] is None else tail[tail["driver"] == where["driver"]]
        for path in late:
            total[0] += path["gain"] * emitted(np.full(len(t_s), path["delay_s"]), t_s)
    if movers is not False:
        for block in echoes(scene, f, t_s, **where, **what, movers=movers, poses=poses, air=air):
            waves = block.gain * emitted(block.delay_s, t_s)
            if per == "pair":
                rows.append(waves)
            else:
                total[1 + names.index(block.mover)] += waves.sum(axis=0)
    if per == "pair":
        return np.concatenate(rows) if rows else np.zeros((0, len(t_s)), dtype=complex)
    return total.sum(axis=0) if per == "sum" else total


def _stirred(scene, f, where, t_s: np.ndarray, air: MovingAir) -> np.ndarray:
    """By how much (path, time) in s moving air makes the static paths late; rows as of `_static`."""
    parts = []
    for link in links(scene, f, **where):
        ear, out = link.back.position_m[0], link.out.position_m
        r = np.linalg.norm(ear - out, axis=1)
        start, end = np.repeat(out, len(t_s), 0), np.broadcast_to(ear, (len(r) * len(t_s), 3))
        left = (t_s[None] - r[:, None] / link.c).ravel()
        parts.append(air.late(link.box, link.c, start, end, left).reshape(len(r), -1))
    return np.concatenate(parts)


def pair_rows(
    scene,
    t_s=(0.0,),
    *,
    device=0,
    mic=0,
    unit=None,
    emitter=None,
    driver=None,
    order=ORDER,
    pairs=None,
    spots=None,
    glints=None,
    movers=True,
) -> list[tuple[int, str, int, tuple[int, ...], tuple[int, ...], int]]:
    """Names of the rows of per="pair": (driver, mover, piece, key of driver image, key of microphone image, glint or -1).

    t_s: times of reception in s; which glints are lit depends on it.
    """
    where = {
        "device": device,
        "mic": mic,
        "unit": unit,
        "emitter": emitter,
        "driver": driver,
        "order": order,
    }
    rows = []
    times = np.sort(np.asarray(t_s, float))
    for ask in asked(scene, 1.0, times, where, pairs, spots, glints, movers):
        for (i, j), spot in zip(ask.rows.index, ask.rows.spot.tolist(), strict=True):
            keys = tuple(ask.link.out.key[i].tolist()), tuple(ask.link.back.key[j].tolist())
            rows.append((ask.link.driver, ask.motion.mover.name, ask.number, *keys, spot))
    return rows

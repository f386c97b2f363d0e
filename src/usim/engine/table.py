"""Paths one by one: every standing path and every pair of legs over every piece, at one instant of reception."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from usim.engine.flat_table import flat_instant
from usim.engine.legs import body_tables
from usim.engine.pairs import (
    MIRROR,
    _first_normal,
    arriving,
    incoming,
    joined,
    outgoing,
    pair_paths,
    reflected,
)
from usim.engine.selection import pose_table
from usim.engine.sides import sides_of
from usim.engine.slab import LANES, LONG_SLAB, PATH, ROW, SECOND, SLAB, aim, aim_long, f32
from usim.physics.jit import kernel

if TYPE_CHECKING:
    from usim.engine.paths import Paths

STEP_S = 1e-3  # between the three bounces whose paths give the Doppler shift
ROWS = np.dtype(
    [
        ("mover", "U64"), ("piece", "U64"), ("out", "U96"), ("back", "U96"), ("order", "i4"), ("driver", "i4"), ("delay_s", "f8"),
        ("path_m", "f8"), ("level_db", "f8"), ("doppler_hz", "f8"),
    ]
)  # fmt: skip


@kernel(allocates=True)
def _instant(
    poses,
    sources,
    source_axes,
    targets,
    target_axes,
    chains,
    waves,
    walls,
    skin,
    beams,
    ports,
    absorption,
    inverse_step,
    path,
    rate,
    power,
):
    """Fill path (I, J) m, its rate (I, J) in m/s of reception times STEP_S and power (I, J) of all pairs of a piece.

    poses (J, 15, 3): the piece at three bounces around the one that microphone image j hears now.
    """
    s = np.zeros(SLAB, np.float32)
    d = np.zeros(LONG_SLAB)
    g_re = np.empty(ROW, np.float32)
    g_im = np.empty(ROW, np.float32)
    way_re = np.empty(beams.shape[0] * ROW, np.float32)
    way_im = np.empty(beams.shape[0] * ROW, np.float32)
    for j in range(targets.shape[0]):
        mx, my, mz = targets[j, 0], targets[j, 1], targets[j, 2]
        for row in range(15):
            for k in range(LANES):
                value = poses[j, row, min(k, 2)]
                s[row * ROW + k] = f32(value)
                if row < 9:
                    d[row * ROW + k] = value
        aim(s, mx, my, mz, target_axes[j, 0], target_axes[j, 1], target_axes[j, 2], 0, LANES)
        aim_long(d, mx, my, mz, LANES)
        for i in range(sources.shape[0]):
            sx, sy, sz = sources[i, 0], sources[i, 1], sources[i, 2]
            _first_normal(s, f32(sx), f32(sy), f32(sz), LANES)
            pair_paths(s, d, sx, sy, sz, 4, LANES)
            reflected(s, sx, sy, sz, MIRROR, LANES)
            incoming(s, chains, i, sx, sy, sz, waves, walls, skin, beams, source_axes, way_re, way_im, LANES)  # fmt: skip
            reflected(s, sx, sy, sz, MIRROR, LANES)
            outgoing(s, chains, j, waves, walls, f32(absorption), LANES)
            arriving(s, ports, 0, LANES)
            joined(s, 0, way_re, way_im, 0, g_re, g_im, LANES)
            path[i, j] = d[PATH + 1]
            rate[i, j] = (d[PATH + 2] - d[PATH]) / (
                2.0 + (d[SECOND + 2] - d[SECOND]) * inverse_step
            )
            power[i, j] = g_re[1] * g_re[1] + g_im[1] * g_im[1]


def pair_table(paths: Paths, t_s: float, mic: int, carrier: int) -> np.ndarray:
    """Return a structured array (ROWS) of one microphone's paths at reception time t_s, the strongest first.

    level_db is re the level at 1 m on the driver's axis; standing paths have an empty mover.
    """
    scene, found, cost = paths.scene, paths.legs, paths.bands[carrier]
    names = sides_of(scene).names
    keys = np.array([found.maps.key(i, names) for i in range(len(found))])
    order = found.maps.order
    c = scene.air.sound_speed_m_s
    rows = []
    gains = np.abs(paths.standing.gains(paths.device.unit)[carrier, :, mic])
    for driver in range(len(found.sources)):
        block = np.zeros(len(found), ROWS)
        block["out"], block["back"], block["order"], block["driver"] = keys, "", order, driver
        block["path_m"] = paths.standing.path_m[driver, mic]
        block["level_db"] = 20 * np.log10(np.maximum(gains[driver], 1e-20))
        rows.append(block)
        for mover in scene.movers:
            for number, piece in enumerate(mover.pieces):
                path, rate, power = instant(paths, mover, number, driver, t_s, mic, carrier)
                block = np.zeros(path.size, ROWS)
                block["mover"], block["piece"], block["driver"] = mover.name, piece.name, driver
                block["out"], block["back"] = np.repeat(keys, len(keys)), np.tile(keys, len(keys))
                block["order"] = np.add.outer(order, order).ravel()
                block["path_m"] = path.ravel()
                block["level_db"] = 10 * np.log10(np.maximum(power.ravel(), 1e-40))
                block["doppler_hz"] = -rate.ravel() / STEP_S * cost.turns_per_metre
                rows.append(block)
    table = np.concatenate(rows)
    table["delay_s"] = table["path_m"] / c
    return table[np.argsort(-table["level_db"], kind="stable")]


def instant(
    paths: Paths, mover, number: int, driver: int, t_s: float, mic: int, carrier: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return path (I, J) m, its change per STEP_S and power (I, J) of all pairs of one piece at one reception time."""
    found, cost, c = paths.legs, paths.bands[carrier], paths.scene.air.sound_speed_m_s
    targets = np.ascontiguousarray(found.targets[:, mic])
    bounce = np.full(len(found), float(t_s))
    for _ in range(4):
        away = targets - mover.at(bounce).position_m[:, number]
        bounce = t_s - np.sqrt((away * away).sum(axis=1)) / c
    if mover.pieces[number].is_flat:
        return flat_instant(mover, number, found, cost, driver, mic, bounce, c, paths.scene.air)
    times = (bounce[:, None] + STEP_S * np.array([-1.0, 0.0, 1.0])).ravel()
    pose = mover.at(times)
    piece = mover.pieces[number]
    table = pose_table(
        pose.position_m[:, number],
        pose.rotation[:, number],
        pose.sizes_m(mover.pieces)[:, number],
    )
    poses = np.ascontiguousarray(table[:15].reshape(15, len(found), 3).transpose(1, 0, 2))
    whole = 2 if piece.surface.wrinkle_rms_m else 0  # mirror and glints together
    skin = body_tables(piece.surface, cost.carrier_hz, paths.scene.air)[whole : whole + 1]
    shape = (len(found), len(found))
    path, rate, power = np.empty(shape), np.empty(shape), np.empty(shape)
    _instant(
        poses, found.sources[driver], found.source_axes[driver].astype(np.float32), targets,
        np.ascontiguousarray(found.target_axes[:, mic], np.float32), found.chains, cost.turns_per_metre, cost.walls, skin,
        cost.beams[driver], cost.ports, cost.absorption_np_m, 1.0 / (c * STEP_S), path, rate, power,
    )  # fmt: skip
    return path, rate, power

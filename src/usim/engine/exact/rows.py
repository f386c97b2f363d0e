"""Which paths are asked for: image pairs of each piece, by way of its mirror or of one of its glints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from usim.engine.exact.glint import lit_glints
from usim.engine.exact.images import Images
from usim.engine.exact.link import Link
from usim.engine.exact.motion import Motion

FLAT = ("blade", "facet", "sheet_cell", "cylinder")  # shapes that are integrated over
MIRROR = -1  # the spot of a path by way of the mirror
PairsAsked = Mapping[tuple[str, int], Any] | None


@dataclass(frozen=True)
class Rows:
    """Paths off one piece: index (n, 2) of driver's and microphone's image, spot (n,) on the piece."""

    index: np.ndarray
    spot: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, some) -> Rows:
        return Rows(self.index[some], self.spot[some])


def dressed(piece) -> bool:
    """Whether the echo of a piece is split into a mirror and glints."""
    return piece.shape == "ellipsoid" and piece.surface.wrinkle_rms_m > 0.0


def chosen(link: Link, pairs: PairsAsked, spots: PairsAsked, name: str, number: int) -> Rows:
    """The paths asked for off one piece; every image pair by way of the mirror where no pairs are given."""
    if pairs is None:
        many = len(link.out.key), len(link.back.key)
        index = np.stack(np.meshgrid(*map(np.arange, many), indexing="ij"), -1).reshape(-1, 2)
        return Rows(index, np.full(len(index), MIRROR))
    wanted = np.asarray(pairs.get((name, number), np.zeros((0, 2, 3), dtype=np.int64)))
    spot = (spots or {}).get((name, number))
    spot = np.full(len(wanted), MIRROR) if spot is None else np.asarray(spot)
    by_key = np.issubdtype(wanted.dtype, np.integer)
    sides = ((link.out, wanted[:, 0]), (link.back, wanted[:, 1]))
    index = np.stack(
        [side.find(rows) if by_key else side.near(rows) for side, rows in sides], axis=-1
    )
    found = Rows(index, spot)
    return found if by_key else found[index[:, 0] >= 0]  # other drivers' positions are theirs


def with_glints(link: Link, motion: Motion, number: int, rows: Rows, t_s, glints) -> Rows:
    """The rows of all image pairs by way of the mirror, then those by way of each glint that is lit at t_s, pair by pair."""
    source, ear = link.out.position_m[rows.index[:, 0]], link.back.position_m[rows.index[:, 1]]
    pair, spot = lit_glints(motion, number, source, ear, link.c, t_s, glints).T
    return Rows(np.concatenate([rows.index, rows.index[pair]]), np.concatenate([rows.spot, spot]))


def require_known(mover, glints: Mapping[tuple[str, int], Any] | None) -> None:
    """Refuses, in one line, a mover with shapes that exact does not know, or dressed without its glints."""
    for number, piece in enumerate(mover.pieces):
        who = f"movers.{mover.name}.pieces[{number}]"
        if piece.shape not in ("ellipsoid", *FLAT):
            raise ValueError(
                f"{who}: shape {piece.shape!r}; exact knows ellipsoid, {', '.join(FLAT)}"
            )
        has = (glints or {}).get((mover.name, number)) is not None
        if dressed(piece) and not has:
            raise ValueError(
                f"{who}: is dressed and its glints are not given; "
                f"pass glints={{({mover.name!r}, {number}): ...}}, as usim.scene.covering draws them"
            )
        if has and not dressed(piece):
            raise ValueError(f"{who}: has no wrinkles, so no glints; give None or leave it out")


def require_pairs(
    played: list[Link], pairs: PairsAsked, spots: PairsAsked = None, glints: PairsAsked = None
) -> None:
    """Refuses, in one line, pairs of movers, pieces, images or glints that are not there."""
    pieces = {mover.name: len(mover.pieces) for mover in played[0].scene.movers}
    for (name, piece), wanted in (pairs or {}).items():
        where = f"pairs[{name!r}, {piece}]"
        if not 0 <= piece < pieces.get(name, 0):
            raise ValueError(f"{where}: no such piece; movers are {', '.join(pieces) or 'none'}")
        wanted = np.asarray(wanted)
        if wanted.ndim != 3 or wanted.shape[1:] != (2, 3):
            raise ValueError(f"{where}: shape {wanted.shape}, give (n, 2, 3)")
        by_key = np.issubdtype(wanted.dtype, np.integer)
        look = Images.find if by_key else Images.near
        left = np.max([look(link.out, wanted[:, 0]) for link in played], axis=0)
        lost = np.flatnonzero((left < 0) | (look(played[0].back, wanted[:, 1]) < 0))
        if len(lost):
            row = wanted[lost[0]].tolist()
            raise ValueError(f"{where}: no image of this order at row {lost[0]}: {row}")
    for key, spot in (spots or {}).items():
        where = f"spots[{key[0]!r}, {key[1]}]"
        if pairs is None or key not in pairs or np.shape(spot) != np.shape(pairs[key])[:1]:
            raise ValueError(f"{where}: give one for each row of pairs[{key[0]!r}, {key[1]}]")
        one = (glints or {}).get(key)
        many, rows = 0 if one is None else len(one.weight), np.asarray(spot)
        if rows.size and not (
            np.issubdtype(rows.dtype, np.integer) and rows.min() >= MIRROR and rows.max() < many
        ):
            raise ValueError(f"{where}: integers from -1 (the mirror) to {many - 1} are asked for")

"""Plan: the scene seen from above, made from the resolved scene as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from usim.report.budget import HEADER, Budget, budgets, cells
from usim.report.doppler import carriers_hz
from usim.report.lettering import Lettering, clean, fit
from usim.report.picture import Picture, time_marks

_BEAM_DEG = 30.0  # half the angle drawn for a device's front
_STEADY_M = 0.05  # a path shorter than this is a place
_MOST_MARKS = 7
_MANY = 6  # with more ways than these, words only where no way crosses them, and no marks of time
_BARS_M = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_WORDS = 0.105  # below the room, for the bar and the words; shares of the picture's height
_FEWEST_ROWS = 3  # of the table, for which there is always room
_LINE = 0.027  # of the table, as a share of the height

Box = tuple[float, float, float, float]


def draw_plan(figure: Any, box: Box, picture: Picture) -> None:
    """Draw the room, what stands in it, the device and where everything goes, into `box`.

    box: left, bottom, width, height as shares of the figure.
    """
    rows = budget_rows(picture)
    reserved = _WORDS + (_LINE * (min(len(rows), _FEWEST_ROWS) + 2) if rows else 0.0)
    axes = figure.add_axes((box[0], box[1] + reserved, box[2], box[3] - reserved))
    axes.set_axis_off()
    room: Mapping[str, Any] = picture.table.get("room") or {}
    corners = outline_m(room)
    if corners is None:
        return
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = 0.10 * float((high - low).max())
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(low[1] - margin, high[1] + margin)
    axes.set_aspect("equal", adjustable="box", anchor="NW")
    axes.apply_aspect()
    figure.text(
        box[0], box[1] + box[3] + 0.011, "Where: the room from above", fontsize=11, color="#222222"
    )

    axes.fill(*corners.T, facecolor="#faf8f4", edgecolor="#333333", linewidth=3, joinstyle="miter")
    for patch in room.get("patches") or ():
        _patch(axes, corners, patch)
    for opening in room.get("openings") or ():
        _opening(axes, corners, opening)
    lettering = Lettering(axes)
    lettering.avoid_line(*np.vstack([corners, corners[:1]]).T)
    for piece in room.get("furniture") or ():
        _furniture(axes, piece)
    _walls(axes, lettering, corners, room)
    devices = [row for row in picture.table.get("devices") or () if "position_m" in row]
    for device in devices:
        _device(axes, lettering, device, device.get("name") == picture.device.get("name"), corners)
    ways = {mover: way for mover in picture.movers if (way := path_m(picture, mover)) is not None}
    for mover, (_, points) in ways.items():
        _way(axes, lettering, points[:, :2], picture.colour(mover, dark=False))
    for mover, (_, points) in ways.items():
        x, y = points[0, :2]
        lettering.place(
            mover, [p for r in (8, 16) for p in _around(x, y, r)], clear=len(ways) > _MANY,
            fontsize=9.5, fontweight="bold", color=picture.colour(mover, dark=False),
        )  # fmt: skip
    for mover, (t_s, points) in ways.items() if len(ways) <= _MANY else ():
        if t_s.size == len(points) > 1 and np.ptp(points[:, :2], axis=0).max() >= _STEADY_M:
            colour = picture.colour(mover, dark=False)
            _time_marks(axes, lettering, t_s, points[:, :2], colour)
    for noise in picture.table.get("noises") or ():
        _noise(axes, lettering, noise, picture)
    for device in devices:
        x, y = device["position_m"][:2]
        places = [place for reach in (11, 18, 26) for place in _around(x, y, reach)]
        text = f"{device.get('name', 'device')}\n{device['position_m'][2]:.2f} m high"
        lettering.place(text, places, fontsize=9, fontweight="bold", color="#222222")
    for piece in room.get("furniture") or ():
        _furniture_name(lettering, piece)
    for opening in room.get("openings") or ():
        _opening_name(lettering, corners, opening)
    drawn = axes.get_position()
    length = _scale_bar(axes, low, high, margin)
    figure.text(
        axes_share(figure, axes, low[0] + length) + 0.012, drawn.y0, _room_words(room, picture),
        ha="left", va="top", fontsize=8.5, color="#555555", parse_math=False, linespacing=1.4,
    )  # fmt: skip
    if rows:
        _table(figure, (box[0], box[1], box[2], drawn.y0 - _WORDS - box[1]), picture, rows)


def outline_m(room: Mapping[str, Any]) -> np.ndarray | None:
    """Return the floor's corners (corner, xy), m, counter-clockwise; None for an unknown kind."""
    if "size_m" in room:
        x, y = room["size_m"][:2]
        return np.array([[0, 0], [x, 0], [x, y], [0, y]], dtype=float)
    if "corners_m" in room:
        return np.array(room["corners_m"], dtype=float)[:, :2]
    return None


def material(surface: Any) -> str:
    """Return what a surface is made of, as a word."""
    if isinstance(surface, Mapping):
        surface = surface.get("material", surface.get("kind", "?"))
    return str(surface).replace("_", " ")


def path_m(picture: Picture, mover: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return (times, positions (time, xyz) in m) of a mover: the mean of its pieces in the truth,
    else of the way points in the scene (without times where the scene has none); None if unknown.
    """
    truth = picture.recording.truth
    if truth is not None and truth.position_m is not None and len(truth.of(mover)):
        return truth.t_s, truth.position_m[:, truth.of(mover)].mean(axis=1)
    for row in picture.table.get("movers") or ():
        if row.get("name") != mover:
            continue
        track = row.get("track") or {}
        if "through_m" in track:
            return np.array(track.get("at_s", ()), dtype=float), _points(track["through_m"])
        legs = [point for leg in row.get("routine") or () for point in leg.get("through_m", ())]
        if legs:
            return np.zeros(0), _points(legs)
        if "position_m" in row:
            return np.zeros(0), _points([row["position_m"]])
    return None


def _points(points: Sequence[Sequence[float]]) -> np.ndarray:
    return np.array([(*point[:2], *(point[2:] or [0.0])) for point in points], dtype=float)


def _walls(axes: Any, lettering: Lettering, corners: np.ndarray, room: Mapping[str, Any]) -> None:
    """Write each wall's name and material along it, outside the room."""
    names = ["south", "east", "north", "west"]
    if "corners_m" in room:
        names = [f"w{number + 1}" for number in range(len(corners))]
    surfaces = room.get("surfaces") or {}
    for number, name in enumerate(names):
        start, stop = corners[number], corners[(number + 1) % len(corners)]
        along = stop - start
        length = float(np.hypot(*along))
        outward = np.array([along[1], -along[0]]) / length
        pixels = np.hypot(*(axes.transData.transform(stop) - axes.transData.transform(start)))
        words = f"{name}: {material(surfaces.get(name, surfaces.get('walls', '')))}".rstrip(": ")
        words = clean(words, max(3, int(pixels / 8.5)))
        degrees = np.degrees(np.arctan2(along[1], along[0]))
        upright = 90.0 - (90.0 - degrees) % 180.0
        x, y = (start + stop) / 2
        written = axes.annotate(
            words, (x, y), 10 * outward, textcoords="offset points", rotation=upright,
            rotation_mode="anchor", ha="center", va="center", fontsize=8.5, color="#555555",
            parse_math=False,
        )  # fmt: skip
        lettering.block(written)


def _foot_m(corners: np.ndarray, wall: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the start (xy) of a standing wall's foot and the direction along it, as `from_m` counts; None for any other."""
    box = {"south": (0, 1), "east": (1, 2), "north": (3, 2), "west": (0, 3)}
    if wall in box:
        first, last = box[wall]
    elif wall[1:].isdigit():
        first, last = int(wall[1:]) - 1, int(wall[1:]) % len(corners)
    else:
        return None
    along = corners[last] - corners[first]
    return corners[first], along / np.hypot(*along)


def _stretch(axes: Any, foot: tuple, low: float, high: float, **style: Any) -> None:
    """Draw a stretch of a wall over it."""
    start, along = foot
    axes.plot(*np.array([start + low * along, start + high * along]).T, solid_capstyle="butt", zorder=3, **style)  # fmt: skip


def _patch(axes: Any, corners: np.ndarray, patch: Mapping[str, Any]) -> None:
    """Draw a patch: an area of the floor, or a stretch of a wall; what is on the ceiling is not seen."""
    from matplotlib.patches import Rectangle

    (x, y), (to_x, to_y) = patch["from_m"], patch["to_m"]
    foot = _foot_m(corners, patch["wall"])
    if foot is not None:
        _stretch(axes, foot, x, to_x, color="#a58b5f", linewidth=3)
    elif patch["wall"] == "floor":
        axes.add_patch(Rectangle((x, y), to_x - x, to_y - y, facecolor="#efe6d3", edgecolor="#d5c7a8"))  # fmt: skip


def _opening(axes: Any, corners: np.ndarray, opening: Mapping[str, Any]) -> None:
    """Draw a door or window in its wall: what is open as a gap, what is shut in a light colour."""
    foot = _foot_m(corners, opening["wall"])
    if foot is None:
        return
    low = opening["from_m"]
    high = low + opening["width_m"]
    middle = low + opening.get("open", 0.0) * (high - low)
    if middle > low:
        _stretch(axes, foot, low, middle, color="white", linewidth=4)
    if middle < high:
        _stretch(axes, foot, middle, high, color="#7fb2cc", linewidth=3)


def _opening_name(lettering: Lettering, corners: np.ndarray, opening: Mapping[str, Any]) -> None:
    foot = _foot_m(corners, opening["wall"])
    if foot is None:
        return
    start, along = foot
    x, y = start + (opening["from_m"] + 0.5 * opening["width_m"]) * along
    share = opening.get("open", 0.0)
    how = "open" if share >= 1.0 else "shut" if share <= 0.0 else f"{100 * share:.0f} % open"
    inward = corners.mean(axis=0) - (x, y)
    dx, dy = 14 * inward / np.hypot(*inward)
    places = [(x, y, part * dx, part * dy) for part in (1.0, 1.6, 2.4)]
    name = f"{opening.get('name', opening.get('kind', ''))}: {how}"
    lettering.place(name, places, fontsize=8.5, color="#4f7f96")


def _furniture(axes: Any, piece: Mapping[str, Any]) -> None:
    from matplotlib.patches import Rectangle

    if "from_m" in piece and "to_m" in piece:
        (x, y), (to_x, to_y) = piece["from_m"][:2], piece["to_m"][:2]
        if piece.get("kind") == "screen":
            axes.plot((x, to_x), (y, to_y), color="#b5ab9a", linewidth=2.5, linestyle=(0, (4, 1)))
            return
        axes.add_patch(
            Rectangle((x, y), to_x - x, to_y - y, facecolor="#e3ddd2", edgecolor="#b5ab9a")
        )


def _furniture_name(lettering: Lettering, piece: Mapping[str, Any]) -> None:
    if "from_m" not in piece or "to_m" not in piece:
        return
    low, high = np.array(piece["from_m"][:2], float), np.array(piece["to_m"][:2], float)
    x, y = (low + high) / 2
    wide, deep = np.abs(high - low)
    tall = deep > 1.5 * wide
    places = [(x, y + part * (high - low)[1], 0, 0) for part in (0, 0.3, -0.3, 0.4, -0.4)]
    if piece.get("kind") == "screen":  # beside the line that it is
        along = (high - low) / np.hypot(*(high - low))
        places = [(x, y, 9 * side * along[1], -9 * side * along[0]) for side in (1, -1)]
    name = piece.get("name", piece.get("kind", ""))
    style: dict[str, Any] = {"fontsize": 8.5, "color": "#7a6f5c"}
    if not (tall and lettering.place(name, places, rotation=90, **style)):
        lettering.place(name, places, **style)


def _device(
    axes: Any, lettering: Lettering, device: Mapping[str, Any], listens: bool, corners: np.ndarray
) -> None:
    """Draw a device as a dot with the fan of its front direction."""
    from matplotlib.patches import Wedge

    x, y = device["position_m"][:2]
    yaw_deg = float(device.get("yaw_deg", 0.0))
    reach = 0.22 * float(np.ptp(corners, axis=0).min())
    colour = "#1a1a1a" if listens else "#999999"
    for share, alpha in ((1.0, 0.07), (0.72, 0.09), (0.44, 0.12)):
        axes.add_patch(
            Wedge(
                (x, y),
                share * reach,
                yaw_deg - _BEAM_DEG,
                yaw_deg + _BEAM_DEG,
                facecolor="#e0762b",
                alpha=alpha,
                linewidth=0,
                zorder=2,
            )
        )
    axes.plot([x], [y], "o", markersize=9, color=colour, markeredgecolor="white", zorder=6)
    lettering.block_point(x, y, 8)


def _way(axes: Any, lettering: Lettering, way: np.ndarray, colour: str) -> None:
    """Draw where a mover goes, (time, xy) in m: a line with an arrow head, or one mark."""
    x, y = way[0]
    if np.ptp(way, axis=0).max() < _STEADY_M:
        axes.plot([x], [y], "D", markersize=8, color=colour, zorder=5)
        lettering.block_point(x, y, 7)
        return
    axes.plot(*way.T, color=colour, linewidth=1.8, alpha=0.85, zorder=4)
    _arrow(axes, way, colour)
    axes.plot(x, y, "o", markersize=6.5, color=colour, zorder=5)
    lettering.block_point(x, y, 6)
    lettering.avoid_line(*way.T)


def _time_marks(
    axes: Any, lettering: Lettering, t_s: np.ndarray, way: np.ndarray, colour: str
) -> None:
    """Put a dot and its time on the way every round number of seconds."""
    last = np.full(2, np.inf)
    for mark in time_marks(float(t_s[-1]), _MOST_MARKS)[1:]:
        if not t_s[0] <= mark <= t_s[-1]:
            continue
        at = np.array([np.interp(mark, t_s, way[:, axis]) for axis in (0, 1)])
        pixels = axes.transData.transform(at)
        if np.hypot(*(pixels - last)) < 14 or not lettering.is_free(at[0], at[1], 4):
            continue
        if lettering.place(f"{mark:g} s", _around(at[0], at[1], 6), fontsize=8, color=colour):
            axes.plot(
                *at, "o", markersize=5, markerfacecolor="white", markeredgecolor=colour, zorder=5
            )
            last = pixels


def _arrow(axes: Any, way: np.ndarray, colour: str) -> None:
    """Put an arrow head at the end of a way."""
    steps = np.hypot(*np.diff(way, axis=0).T)
    far = np.flatnonzero(np.hypot(*(way - way[-1]).T) > 0.08)
    if steps.sum() > 0 and far.size:
        axes.annotate(
            "", way[-1], way[far[-1]], zorder=5,
            arrowprops={
                "arrowstyle": "-|>,head_width=0.35,head_length=0.7", "color": colour,
                "shrinkA": 0, "shrinkB": 0, "lw": 1.8,
            },
        )  # fmt: skip


def _noise(axes: Any, lettering: Lettering, noise: Mapping[str, Any], picture: Picture) -> None:
    at = noise.get("at")
    if isinstance(at, Mapping):
        at = next(
            (d["position_m"] for d in picture.table.get("devices") or () if d.get("name") == at.get("device")),
            None,
        )  # fmt: skip
    if not isinstance(at, Sequence) or len(at) < 2:
        return
    x, y = at[:2]
    axes.plot([x], [y], "*", markersize=13, color="#d98c00", markeredgecolor="white", zorder=5)
    lettering.block_point(x, y, 8)
    name = noise.get("name", noise.get("kind", "noise"))
    lettering.place(name, _around(x, y, 9), fontsize=9, color="#9a6300")


def _around(x: float, y: float, reach: float) -> list[tuple[float, float, float, float]]:
    """Return the eight places around a point, the right-hand ones first; points of offset."""
    slant = 0.75 * reach
    offsets = (
        (reach, 0), (slant, slant), (slant, -slant), (0, reach), (0, -reach), (-reach, 0),
        (-slant, slant), (-slant, -slant),
    )  # fmt: skip
    return [(float(x), float(y), dx, dy) for dx, dy in offsets]


def axes_share(figure: Any, axes: Any, x: float) -> float:
    """Return where the x of some axes lies on the figure, as a share of its width."""
    pixel = axes.transData.transform((x, 0.0))
    return float(figure.transFigure.inverted().transform(pixel)[0])


def budget_rows(picture: Picture) -> tuple[Budget, ...]:
    """Return the echo budget of every mover; none where there is no truth or no carrier."""
    truth = picture.recording.truth
    carriers = carriers_hz(picture.recording.observation)
    if truth is None or not truth.pieces or not carriers:
        return ()
    return budgets(truth, carriers[picture.carrier], picture.sound_speed_m_s)


def _table(figure: Any, box: Box, picture: Picture, rows: tuple[Budget, ...]) -> None:
    """Write the echo budget below the plan, as many movers as there is room for."""
    lines = max(1, int(box[3] / _LINE + 1e-6) - 2)
    top = box[1] + box[3]
    figure.text(box[0], top, "How strong: the echo of each mover", fontsize=11, color="#222222")
    columns = (0.0, 0.22, 0.37, 0.54, 0.69, 1.0)
    for number, words in enumerate([HEADER, *(cells(row) for row in rows[:lines])]):
        y = top - (number + 1.15) * _LINE
        for column, (share, word) in enumerate(zip(columns, words, strict=True)):
            colour = "#777777" if not number else "#222222"
            if number and not column:
                colour = picture.colour(word, dark=False)
            written = figure.text(
                box[0] + share * box[2], y, clean(word, 16), fontsize=9, color=colour,
                ha="left" if column < len(columns) - 1 else "right", parse_math=False,
                fontweight="bold" if number and not column else "normal",
            )  # fmt: skip
            if number and not column:
                fit(written, box[0] + (columns[1] - 0.01) * box[2])
    left = len(rows) - lines
    if left > 0:
        figure.text(box[0], y - _LINE, f"and {left} more", fontsize=9, color="#777777")


def _scale_bar(axes: Any, low: np.ndarray, high: np.ndarray, margin: float) -> float:
    """Draw a bar of a round length and return it, m."""
    longest = 0.3 * float(high[0] - low[0])
    length = max([step for step in _BARS_M if step <= longest] or [_BARS_M[0]])
    x, y = low[0], low[1] - 1.08 * margin
    axes.plot(
        [x, x + length], [y, y], color="#333333", linewidth=2.5, solid_capstyle="butt",
        clip_on=False,
    )  # fmt: skip
    axes.annotate(
        f"{length:g} m", (x + length / 2, y), (0, -3), textcoords="offset points", ha="center",
        va="top", annotation_clip=False, fontsize=9, color="#333333",
    )  # fmt: skip
    return length


def _room_words(room: Mapping[str, Any], picture: Picture) -> str:
    """Return what the plan cannot show: heights, floor, ceiling, air, noise that is everywhere."""
    surfaces = room.get("surfaces") or {}
    if "size_m" in room:
        size = " x ".join(f"{value:.3g}" for value in room["size_m"]) + " m"
    else:
        size = f"{float(room.get('height_m', 0)):.3g} m high"
    air = picture.table.get("air") or {}
    if "temperature_c" in air:
        humidity = air.get("humidity_percent")
        wet = "" if humidity is None else f", {float(humidity):.0f} % humidity"
        size += f", air {float(air['temperature_c']):.3g} °C{wet}"
    made = [
        f"{name} {material(surfaces.get(name, '?')).removeprefix(name).strip()}"
        for name in ("floor", "ceiling")
    ]
    lines = [clean(size, 56), clean(", ".join(made), 56)]
    everywhere = [
        str(row.get("name", row.get("kind")))
        for row in picture.table.get("noises") or ()
        if not row.get("at")
    ]
    if everywhere:
        lines.append(clean("noise everywhere: " + ", ".join(everywhere), 56))
    return "\n".join(lines)

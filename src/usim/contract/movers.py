"""The contract of movers."""

from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np

from usim.contract import kinds
from usim.movers.base import AbstractMover, MoverParameters
from usim.surfaces.base import AbstractSurface
from usim.template.streams import stream

SHAPES = {"ellipsoid": 3, "blade": 2, "facet": 2, "sheet_cell": 2, "cylinder": 2}
"""Shape: how many numbers its size has."""
STEP_S = 1e-6
JUMP_M = 1e-6
JUMP_M_S = 0.05
ROUNDING_M = 1e-9


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind of mover."""
    yield from kinds.faults(module)
    if not issubclass(module.Parameters, MoverParameters):
        yield "Parameters does not derive from MoverParameters"
    for parameters in kinds.examples(module):
        mover = _made(module, parameters)
        if not isinstance(mover, AbstractMover):
            yield f"build gives a {type(mover).__name__}, which is no AbstractMover"
            continue
        if mover.name != parameters.name:
            yield f"it is called {mover.name}, its parameters say {parameters.name}"
        yield from _pieces(mover)
        yield from _answers(mover, _made(module, parameters))
        yield from _smooth(mover)
        yield from _stands(mover)
        yield from _spins(mover)
        yield from _blows(mover)
        later = _made(module, parameters.model_copy(update={"start_s": parameters.start_s + 1.5}))
        t_s = _times(mover)
        apart = np.abs(later.at(t_s + 1.5).position_m - mover.at(t_s).position_m).max()
        if apart > 1e-6:
            yield f"start_s does not delay the whole story: {apart:.3g} m apart"


def _spins(mover: AbstractMover) -> Iterator[str]:
    spin = mover.spin
    if spin is None:
        return
    t_s = _times(mover)
    angles = spin.angle_rad(t_s)
    if (np.diff(angles) <= 0.0).any():
        yield "what spins turns back"
    there, said = mover.at(t_s), spin.at(angles)
    if np.abs(there.position_m - said.position_m).max() > ROUNDING_M:
        yield "spin.at(spin.angle_rad(t)) is not at(t)"
    if len(spin.pieces) % spin.copies:
        yield f"{len(spin.pieces)} pieces are not {spin.copies} copies of some"
        return
    each = len(spin.pieces) // spin.copies
    turned = spin.at(angles + 2.0 * np.pi / spin.copies)
    pieces = list(spin.pieces)
    ahead = pieces[each:] + pieces[:each]
    for one, other in ((pieces, ahead), (ahead, pieces)):
        apart = np.abs(said.position_m[:, one] - turned.position_m[:, other]).max()
        leaning = np.abs(said.rotation[:, one] - turned.rotation[:, other]).max()
        if max(apart, leaning) <= 1e-9:
            return
    yield f"a turn by a {spin.copies}th of a full one does not take its pieces to each other's places"


def _made(module: ModuleType, parameters: MoverParameters) -> AbstractMover:
    return module.build(parameters, lambda place: stream(7, f"movers.{parameters.name}.{place}"))


def _times(mover: AbstractMover) -> np.ndarray:
    start, end = (float(np.clip(edge, -5.0, 60.0)) for edge in mover.story_s)
    return np.linspace(start - 1.0, end + 1.0, 501)


def _pieces(mover: AbstractMover) -> Iterator[str]:
    names = [piece.name for piece in mover.pieces]
    if not names or len(set(names)) != len(names):
        yield f"pieces need names of their own, got {names}"
    if mover.label not in ("person", "non_human"):
        yield f"label is {mover.label!r}, it is person or non_human"
    for piece in mover.pieces:
        if len(piece.size_m) != SHAPES.get(piece.shape, -1):
            yield f"{piece.name}: shape {piece.shape!r} with {len(piece.size_m)} sizes is not known"
        if min(piece.size_m) <= 0.0:
            yield f"{piece.name}: sizes must be above zero, got {piece.size_m}"
        if not isinstance(piece.surface, AbstractSurface):
            yield f"{piece.name}: surface is no AbstractSurface"


def _answers(mover: AbstractMover, twin: AbstractMover) -> Iterator[str]:
    t_s = _times(mover)
    poses = mover.at(t_s)
    count = (len(t_s), len(mover.pieces))
    if poses.position_m.shape != (*count, 3) or poses.rotation.shape != (*count, 3, 3):
        yield f"at gives {poses.position_m.shape} and {poses.rotation.shape} for {count}"
        return
    if not (np.isfinite(poses.position_m).all() and np.isfinite(poses.rotation).all()):
        yield "at gives numbers that are not finite"
    named = ["position_m", "rotation"]
    if poses.swell_m is not None:
        named.append("swell_m")
        if poses.swell_m.shape != (*count, 3):
            yield f"at gives {poses.swell_m.shape} as swell_m for {count}"
            return
        least = np.array([piece.size_m for piece in mover.pieces]) + poses.swell_m.min(axis=0)
        if not least.min() > 0.0:
            yield f"a piece shrinks to nothing: {least.min():.3g} m"
    order = np.random.default_rng(1).permutation(len(t_s))
    shuffled = twin.at(t_s[order])
    for what in named:
        if not np.array_equal(getattr(shuffled, what), getattr(poses, what)[order]):
            yield f"{what} depends on the order of the times, or differs between equal builds"
        alone = np.stack([getattr(mover.at(t_s[i : i + 1]), what)[0] for i in (0, 77, 250, 500)])
        if not np.array_equal(alone, getattr(poses, what)[[0, 77, 250, 500]]):
            yield f"{what} at one time alone differs from the same among others"
    if mover.at(np.zeros(0)).position_m.shape != (0, len(mover.pieces), 3):
        yield "at does not answer no times with no poses"
    turned = np.swapaxes(poses.rotation, -1, -2) @ poses.rotation
    if np.abs(turned - np.eye(3)).max() > 1e-9 or np.linalg.det(poses.rotation).min() < 0.0:
        yield "rotations are not proper: orthonormal with determinant +1"


def _smooth(mover: AbstractMover) -> Iterator[str]:
    moments = np.asarray(mover.moments_s, dtype=float)
    if np.any(np.diff(moments) < 0.0):
        yield "moments_s do not ascend"
    t_s = np.unique(np.concatenate([_times(mover), moments]))
    low, high = _narrowed(t_s, lambda t: mover.at(t).position_m, 1e-9)
    apart = np.abs(mover.at(high).position_m - mover.at(low).position_m).max(axis=(1, 2))
    if apart.max() > JUMP_M:
        yield f"a position jumps by {apart.max():.3g} m at {low[apart.argmax()]:g} s"
    low, high = _narrowed(t_s, lambda t: mover.at(t).rotation, 1e-9)
    turned = np.abs(mover.at(high).rotation - mover.at(low).rotation).max(axis=(1, 2, 3))
    if turned.max() > JUMP_M:
        yield f"a rotation jumps at {low[turned.argmax()]:g} s"
    if mover.at(t_s[:1]).swell_m is not None:
        low, high = _narrowed(t_s, lambda t: _swell_m(mover, t), 1e-9)
        swollen = np.abs(_swell_m(mover, high) - _swell_m(mover, low)).max(axis=(1, 2))
        if swollen.max() > JUMP_M:
            yield f"a size jumps by {swollen.max():.3g} m at {low[swollen.argmax()]:g} s"

    def velocity(t: np.ndarray) -> np.ndarray:
        return (mover.at(t + STEP_S).position_m - mover.at(t - STEP_S).position_m) / (2.0 * STEP_S)

    low, high = _narrowed(t_s, velocity, 4.0 * STEP_S)
    bend = np.abs(velocity(high) - velocity(low)).max(axis=(1, 2))
    named = np.abs(low[:, None] - moments[None]).min(axis=1, initial=np.inf) <= 10.0 * STEP_S
    jumps = low[(bend > JUMP_M_S) & ~named]
    if len(jumps):
        yield f"the velocity jumps at {jumps[0]:g} s, which moments_s does not name"


def _swell_m(mover: AbstractMover, t_s: np.ndarray) -> np.ndarray:
    swell_m = mover.at(t_s).swell_m
    return np.zeros((len(t_s), 1, 3)) if swell_m is None else swell_m


def _narrowed(
    t_s: np.ndarray, value: Callable[[np.ndarray], np.ndarray], width_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Each interval between times, halved towards the larger change until it is narrow: a jump that
    lies anywhere inside stays inside.
    """
    low, high = t_s[:-1].copy(), t_s[1:].copy()
    while (high - low).max() > width_s:
        middle = (low + high) / 2.0
        start, centre, end = (value(t).reshape(len(t), -1) for t in (low, middle, high))
        left = np.abs(centre - start).max(axis=1) > np.abs(end - centre).max(axis=1)
        low, high = np.where(left, low, middle), np.where(left, middle, high)
    return low, high


def _stands(mover: AbstractMover) -> Iterator[str]:
    start, end = mover.story_s
    if start > end:
        yield f"story_s ends before it begins: {mover.story_s}"
    outside = np.array([start - 1000.0, start - 0.1, start, end, end + 0.1, end + 1000.0])
    for pair in (outside[:3], outside[3:]):
        if np.isfinite(pair).all():
            poses = mover.at(pair)
            moved = np.abs(poses.position_m - poses.position_m[:1]).max()
            turned = np.abs(poses.rotation - poses.rotation[:1]).max()
            grown = np.ptp(_swell_m(mover, pair), axis=0).max()
            if max(moved, turned, grown) > ROUNDING_M:
                yield "it moves outside its story"


def _blows(mover: AbstractMover) -> Iterator[str]:
    t_s = _times(mover)
    poses, count = mover.blowing(t_s), len(mover.jets)
    if poses.position_m.shape != (len(t_s), count, 3) or poses.rotation.shape != (len(t_s), count, 3, 3):  # fmt: skip
        yield f"blowing gives {poses.position_m.shape} and {poses.rotation.shape} for {count} jets"
        return
    for jet in mover.jets:
        if min(jet.radius_m, jet.speed_m_s) <= 0.0 or jet.turbulence < 0.0:
            yield f"a jet needs a radius and a speed above zero, got {jet}"
    turned = np.swapaxes(poses.rotation, -1, -2) @ poses.rotation
    if count and np.abs(turned - np.eye(3)).max() > 1e-9:
        yield "the axes of a jet are not orthonormal"
    alone = mover.blowing(t_s[77:78])
    if not np.array_equal(alone.position_m[0], poses.position_m[77]):
        yield "where a jet leaves at one time alone differs from the same among others"

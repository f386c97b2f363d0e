"""The contract of emissions."""

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from usim.contract import kinds
from usim.emissions.base import SHORTEST_RAMP_S, AbstractEmission


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind of emission."""
    yield from kinds.faults(module)
    for parameters in kinds.examples(module):
        emission = module.build(parameters)
        if not isinstance(emission, AbstractEmission):
            yield f"build gives a {type(emission).__name__}, which is no AbstractEmission"
            continue
        carriers = np.asarray(emission.carriers_hz, dtype=float)
        if carriers.ndim != 1 or not len(carriers) or np.any(carriers <= 0.0):
            yield "carriers_hz is not a list of frequencies above zero"
        if np.any(np.diff(carriers) <= 0.0):
            yield "carriers_hz do not ascend"
        if not np.isfinite(emission.level_db_spl):
            yield "level_db_spl is not a finite number"
        yield from _envelope(emission, len(carriers))


def _envelope(emission: AbstractEmission, carriers: int) -> Iterator[str]:
    step_s = 1e-4
    t_s = np.arange(-1.0, 12.0, step_s)
    envelope = emission.envelope(t_s)
    if emission.band_hz is not None:
        yield from _wideband(emission, t_s, envelope)
        return
    if envelope.shape != (carriers, len(t_s)) or np.iscomplexobj(envelope):
        yield f"envelope gives {envelope.shape} for {carriers} carriers and {len(t_s)} times"
        return
    if envelope.min() < 0.0 or envelope.max() > 1.0:
        yield "the envelope leaves 0..1"
    if emission.steady != bool(np.all(envelope == 1.0)):
        yield "steady does not say whether the envelope is 1 at all times"
    if np.abs(np.diff(envelope)).max() > step_s * (np.pi / 2.0 / SHORTEST_RAMP_S) * 1.001:
        yield f"the envelope ramps faster than a raised cosine of {SHORTEST_RAMP_S:g} s"
    some = slice(None, None, 999)
    if not np.array_equal(emission.envelope(t_s[some][::-1])[:, ::-1], envelope[:, some]):
        yield "the envelope depends on the order of the times"


def _wideband(emission: AbstractEmission, t_s: np.ndarray, envelope: np.ndarray) -> Iterator[str]:
    low, high = emission.band_hz or (0.0, 0.0)
    carriers = np.asarray(emission.carriers_hz, float)
    if len(carriers) != 1 or abs(0.5 * (low + high) - carriers[0]) > 1.0 or not 0.0 < low < high:
        yield "a wideband emission has one carrier, in the middle of its band"
        return
    if envelope.shape != (1, len(t_s)) or not np.iscomplexobj(envelope):
        yield f"envelope of a wideband emission gives {envelope.shape} {envelope.dtype}, not (1, time) complex"
        return
    if np.abs(envelope).max() > 1.0 + 1e-12:
        yield "the envelope is larger than 1"
    if emission.steady:
        yield "a wideband emission is not steady"
    some = slice(None, None, 999)
    if not np.array_equal(emission.envelope(t_s[some][::-1])[:, ::-1], envelope[:, some]):
        yield "the envelope depends on the order of the times"
    rate = 4.0 * (high - low)
    many = np.arange(int(3.0 * rate)) / rate
    power = np.abs(np.fft.fft(emission.envelope(many)[0] * np.blackman(len(many)))) ** 2
    beyond = np.abs(np.fft.fftfreq(len(many), 1.0 / rate)) > 0.5 * (high - low)
    if power[beyond].sum() > 2e-5 * power.sum():
        yield "more than -50 dB of the energy lies outside band_hz"

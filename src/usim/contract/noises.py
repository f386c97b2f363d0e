"""The contract of noises."""

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from usim.contract import kinds
from usim.noises.base import RAMP_S, REFERENCE_PA, AbstractNoise, AtThing

BLOCKS = 64
SAMPLES = 8192
LEVEL_DB = 0.5
"""How far the mean level of BLOCKS blocks may be off: for white noise that is over ten standard
deviations, so a false failure is rarer than 1e-20.
"""


def faults(module: ModuleType) -> Iterator[str]:
    """What is wrong with a kind of noise."""
    yield from kinds.faults(module)
    for parameters in kinds.examples(module):
        noise = module.build(parameters)
        if not isinstance(noise, AbstractNoise):
            yield f"build gives a {type(noise).__name__}, which is no AbstractNoise"
            continue
        if noise.name != parameters.name:
            yield f"it is called {noise.name}, its parameters say {parameters.name}"
        if noise.located != (noise.at is not None):
            yield "a located noise says where it is (`at`), one that is everywhere does not"
        if noise.located and noise.diffuse:
            yield "only a noise that is everywhere can be diffuse"
        yield from _pressure(noise)
        yield from _gate(noise)


def _pressure(noise: AbstractNoise) -> Iterator[str]:
    low, high = noise.band_hz
    if not 0.0 <= low < high:
        yield f"band_hz is [low, high], got {noise.band_hz}"
        return
    rate_hz = 2.5 * high
    first = noise.pressure(np.random.default_rng(3), SAMPLES, rate_hz)
    if first.shape != (SAMPLES,) or not np.isfinite(first).all():
        yield "pressure does not give `count` finite numbers"
        return
    if not np.array_equal(first, noise.pressure(np.random.default_rng(3), SAMPLES, rate_hz)):
        yield "the same generator gives another pressure"
    generator = np.random.default_rng(4)
    blocks = [noise.pressure(generator, SAMPLES, rate_hz) for _ in range(BLOCKS)]
    power = np.mean([np.mean(block**2) for block in blocks])
    level = 10.0 * np.log10(power / REFERENCE_PA**2)
    if abs(level - noise.level_db_spl) > LEVEL_DB:
        yield f"its level is {level:.1f} dB SPL, it says {noise.level_db_spl:g}"
    spectrum = np.mean(
        [np.abs(np.fft.rfft(block * np.hanning(SAMPLES))) ** 2 for block in blocks], 0
    )
    f_hz = np.fft.rfftfreq(SAMPLES, 1.0 / rate_hz)
    edge_hz = 4.0 * rate_hz / SAMPLES
    outside = spectrum[(f_hz < low - edge_hz) | (f_hz > high + edge_hz)].sum()
    if outside > 0.01 * spectrum.sum():
        yield "more than 1 % of its power lies outside band_hz"
    # At a rate that holds half the band the density stays: nothing folds, nothing is squeezed in.
    half_hz = low + high
    some = np.mean(
        [np.mean(noise.pressure(generator, SAMPLES, half_hz) ** 2) for _ in range(BLOCKS)]
    )
    if some > power * 1.15:
        yield "at a lower rate it becomes louder; what the rate cannot hold is left out"


def _gate(noise: AbstractNoise) -> Iterator[str]:
    step_s = 1e-4
    t_s = np.arange(-1.0, 12.0, step_s)
    moving = isinstance(noise.at, AtThing) and noise.at.mover is not None
    speed_m_s = np.clip(0.05 * (t_s - 2.0), 0.0, 0.3) if moving else None
    gate = noise.gate(t_s, speed_m_s)
    if gate.shape != t_s.shape or gate.min() < 0.0 or gate.max() > 1.0:
        yield "the gate is not one number in 0..1 for each time"
    if np.abs(np.diff(gate)).max() > step_s * (np.pi / 2.0 / RAMP_S) * 1.001:
        yield f"the gate ramps faster than a raised cosine of {RAMP_S:g} s"
    if noise.when == "always" and np.any(gate != 1.0):
        yield "it sounds always, but its gate is not always open"

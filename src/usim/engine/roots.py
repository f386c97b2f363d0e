"""Kernels: roots that the processor has no fast instruction for."""

from __future__ import annotations

import numpy as np

from usim.engine.slab import f32
from usim.physics.jit import bits_of, from_bits, fused, kernel

GUESS, FIRST, SECOND, THIRD = (
    np.int32(0x4768F66F),
    f32(1.12698973),
    f32(1.12500898),
    f32(1.125),
)  # of an eighth of the exponent; and of Newton's steps, which are 9/8 but for what the guess is off on the average


@kernel
def inverse_eighth_root(x):
    """Return x^(-1/8) of a float32 from 1 on, to 3e-7 of it: Newton's steps from a guess that divides the exponent.

    Three square roots and a division would take three times as long; integers and `fused` give the same bits on every processor.
    """
    e = f32(0.125) * x
    y = from_bits(GUESS - (bits_of(x) >> np.int32(3)))
    y2 = y * y
    y4 = y2 * y2
    y = y * fused(-e * y4, y4, FIRST)
    y2 = y * y
    y4 = y2 * y2
    y = y * fused(-e * y4, y4, SECOND)
    y2 = y * y
    y4 = y2 * y2
    return y * fused(-e * y4, y4, THIRD)

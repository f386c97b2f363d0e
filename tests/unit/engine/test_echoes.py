"""From the kernel's planes to sums in a mover's slow time."""

import numpy as np
import pytest

from usim.engine.echoes import _add_faded, _fade
from usim.engine.slab import ROW
from usim.engine.tones import PLANE, SAMPLES

BLOCKS, FADE = 7, 2


@pytest.mark.parametrize("samples", [8, 32])
def test_an_epoch_is_added_as_by_its_twin(samples):
    rng = np.random.default_rng(3)
    total = rng.standard_normal((3, PLANE)).astype(np.float32)
    rows = rng.permutation(SAMPLES)[:samples]
    fade = rng.uniform(0, 1, (BLOCKS + FADE) * samples)
    before = rng.standard_normal((5, 400)) + 1j * rng.standard_normal((5, 400))
    found = before.copy()
    _add_faded(total, rows, fade, found, 1, 17)
    planes = total.reshape(3, 2, SAMPLES + 1, ROW)[:, :, rows, : BLOCKS + FADE].astype(float)
    re, im = planes.transpose(1, 0, 3, 2).reshape(2, 3, -1)
    before[1:4, 17 : 17 + len(fade)] += (re + 1j * im) * fade
    np.testing.assert_array_equal(found, before)


def test_epochs_fade_into_each_other():
    """Amplitudes sum to one: neighbours are made of the same pairs, but for a few."""
    up_and_down = _fade(BLOCKS, FADE, 8)
    step = BLOCKS * 8
    np.testing.assert_allclose(up_and_down[step:] + up_and_down[: FADE * 8], 1, atol=1e-15)
    assert (up_and_down[FADE * 8 : step] == 1).all()

"""Images of a box against lengths and counts worked out by hand."""

import numpy as np
import pytest

from usim.physics.air import Air
from usim.physics.geometry import box_images, mirrored

LENGTHS_M = [2.93087, 4.752894, 5.708765, 4.311612, 5.156549, 3.593049, 4.869292]
DELAYS_MS = [8.5203, 13.8171, 16.5959, 12.5342, 14.9905, 10.4453, 14.1555]


def first_order_lengths():
    images = box_images((1.0, 1.0, 1.2), (0.0, 0.0, 0.0), (5.0, 4.0, 3.0), 1)
    # direct, then the walls x0, x5, y0, y4, z0, z3
    wall = np.argsort(np.where(images.orders == 0, -1, np.argmax(images.hits, axis=1)))
    return np.linalg.norm(images.positions_m[wall] - [3.5, 2.5, 0.9], axis=1)


def test_path_lengths(figures):
    """Why: the image method is the skeleton of every room.
    Set-up: V23, box 5 x 4 x 3 m, source (1, 1, 1.2), microphone (3.5, 2.5, 0.9).
    Expected: the direct and six first-order lengths within 1e-5 m.
    """
    worst = float(np.max(np.abs(first_order_lengths() - LENGTHS_M)))
    figures("V23 image path lengths, largest error", worst, "m", "<= 1e-5")
    assert worst <= 1e-5


def test_delays(figures):
    """Why: delays are lengths over the speed of sound of the same air.
    Set-up: V24, the paths of V23 at 20 C, 50 %.
    Expected: within 0.0005 ms.
    """
    worst = float(np.max(np.abs(1e3 * first_order_lengths() / Air().sound_speed_m_s - DELAYS_MS)))
    figures("V24 image delays, largest error", worst, "ms", "<= 5e-4")
    assert worst <= 5e-4


def test_wall_echo(figures):
    """Why: the simplest echo there is, in time and level.
    Set-up: V25, source and microphone together 2 m from an infinite rigid wall, 32 kHz.
    Expected: 11.628 ms +- 0.001 and -16.106 dB +- 0.02 re the source at 1 m in free space, the
    level with 4 m of air; the reference value takes the source level without its first metre.
    """
    here = np.array([2.0, 0.0, 1.0])
    image = mirrored(here, np.zeros(3), np.array([1.0, 0.0, 0.0]))
    r = float(np.linalg.norm(here - image))
    delay_ms = 1e3 * r / Air().sound_speed_m_s
    level = -20.0 * np.log10(r) - r * float(Air().absorption_db_m(32e3))
    figures("V25 wall echo delay", delay_ms, "ms", "11.628 +- 0.001")
    figures("V25 wall echo level", level, "dB", "-16.106 +- 0.02")
    assert delay_ms == pytest.approx(11.628, abs=1e-3)
    assert level == pytest.approx(-16.106, abs=0.02)


@pytest.mark.parametrize(("f_hz", "expected"), [(32e3, 2440), (40e3, 1350)])
def test_image_count(figures, f_hz, expected):
    """Why: it says that an image engine is affordable at these frequencies.
    Set-up: V26, images in a 50 m3 room within the radius where 20 log r + alpha (r - 1) = 60 dB:
    sphere over room volume, and the box images of a 5 x 4 x 2.5 m room counted one by one.
    Expected: 2440 (32 kHz), 1350 (40 kHz) within 5 %, both ways.
    """
    alpha = float(Air().absorption_db_m(f_hz))
    radius = np.linspace(1.0, 60.0, 590001)
    radius = float(np.interp(60.0, 20.0 * np.log10(radius) + alpha * (radius - 1.0), radius))
    smooth = 4.0 / 3.0 * np.pi * radius**3 / 50.0
    images = box_images((1.3, 1.1, 1.0), (0.0, 0.0, 0.0), (5.0, 4.0, 2.5), 22)
    here = np.linalg.norm(images.positions_m - [3.1, 2.6, 1.4], axis=1)
    counted = int(np.sum(here <= radius))
    figures(f"V26 images at {f_hz:g} Hz, by volume", smooth, "images", f"{expected} +- 5 %")
    figures(f"V26 images at {f_hz:g} Hz, counted", counted, "images", f"{expected} +- 5 %")
    assert smooth == pytest.approx(expected, rel=0.05)
    assert counted == pytest.approx(expected, rel=0.05)

"""Echoes of flat rectangular pieces (blade, page, door, facet) by physical optics in closed form.

The piece lies in the plane z = 0 of its own axes, |x| <= half_m[0], |y| <= half_m[1]; source and
microphone are points anywhere off it. Its echo is P1 R G exp(-jkL): P1 the source's pressure at
1 m, R the surface's reflection, k the wavenumber, L the path length *through the piece's centre*,
G (complex, 1/m) what this module gives. The phase of G holds by how much the true path differs
from that through the centre: many radians while the mirror point crosses the piece. e^{+jwt},
lossless air.

    G = jk/2pi * integral of Q/(r1 r2) exp(-jk (r1 + r2 - L)) over the piece

Q is the mean of the two cosines to the normal (Fresnel-Kirchhoff; Born and Wolf, Principles of
Optics, section 8.3.2): it is reciprocal, gives 1/(r1+r2) on a large plate, and of the simple
choices comes nearest to the exact field of a rigid strip; the cosine of the microphone alone
(physical optics of a rigid plate) is not reciprocal and 3 dB low in sidelobes at wide angles.
On the far side of the plate Q is negative: there the echo is the shadow, and a source's direct
field plus the echo of a wide plate is dark. A thin plate is not seen by an end in its own plane;
Q passes through zero there within `edge_on_cosine`, the angle over which diffraction evens out the
two faces.

The path is expanded to second order about the centre of the piece; its cross term (to second
order) and the slope of the amplitude (to first) enter as moments. So everything is made of two
one-dimensional Fresnel integrals and their first two moments, exact wherever the stationary point
lies, on the piece or off it: mirror, edge and sidelobe are one formula and nothing switches. A
piece that is too large for that at its distance is cut into `cells`.

Not here: edge waves beyond physical optics (what lies 25 dB below the peak is right in order of
magnitude only), second bounces, thickness, source or microphone nearer than a wavelength.
"""

from typing import NamedTuple

import numpy as np

# Moments of a Fresnel tail: real and imaginary parts of 0, imaginary of 1, both of 2, over one
# denominator, ascending powers of v. Minimax in relative error, with the orders at which they fall
# for large v built in.
_REAL_0 = (0.499998759, 0.624670161, 0.529336345, 0.338277332, 0.195137476, 0.0780934554,
           0.024764832, 0.0116467143)  # fmt: skip
_IMAG_0 = (-0.499998627, -1.62467613, -2.20806857, -2.2642174, -1.75856459, -1.10714097,
           -0.61304246, -0.245337826, -0.0778010144, -0.036589232)  # fmt: skip
_IMAG_1 = (-0.318309886, -0.534229274, -0.28185873, -0.188717229, -0.074415769, -0.0236531161,
           -0.0111217672)  # fmt: skip
_REAL_2 = (-0.159154506, -0.517150474, -0.202851295, -0.0960526206, -0.0304321486, -0.0141365855)
_IMAG_2 = (-0.159154548, 0.119471198, 0.365736283, 0.174181711, 0.126603042, 0.0495578501,
           0.0157702253, 0.00741450293)  # fmt: skip
_BELOW = (1.0, 3.24912278, 5.98955591, 7.52972465, 7.34703277, 5.59900204, 3.51312601, 1.92592969,
          0.770751511, 0.244419095, 0.114948462)  # fmt: skip
FARTHEST = 3e3
"""Arguments of `fresnel_tails` beyond it count as it: v^10 is a float32."""
LEAST_BEND = 1e-3
"""Curvature (rad at the edge) that flatter cells are given: it keeps the moments finite."""
MOST_CROSS = 1.1
"""Largest cross term (rad at the corner) that one cell takes; costs 0.3 dB."""
MOST_CUBE = 0.08
"""Largest third-order term (rad at the edge) that one cell takes; costs 0.4 dB."""
SHEET_EDGE_ON = 0.08
"""`edge_on_cosine` of a sheet 0.8 m wide at 32 kHz, for cells cut out of one: theirs would be larger."""


class Echo(NamedTuple):
    """What a flat piece returns."""

    gain: np.ndarray
    """G, complex, 1/m."""
    path_m: np.ndarray
    """r1 + r2 through the piece's centre, m."""
    cosine: np.ndarray
    """Of incidence, for the surface's reflection: the mean of the two ends' at the centre."""


def _polynomial(coefficients, v):
    total = coefficients[-1] * v + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        total = total * v + coefficient
    return total


def fresnel_tails(v):
    """Integrals of t^n exp(-j pi (t^2/2 + v t)) over t = 0..infinity, n = 0, 1, 2, complex; v >= 0.

    What lies beyond an edge at the Fresnel coordinate v, without its phase. n = 0 is g - jf, the
    auxiliary functions of Abramowitz and Stegun (1964) 7.3.5-6; the others follow by parts, but not
    without loss of digits, so all have rational fits of their own: relative error 3e-6 for any v,
    in float32 too (they fall as v^-(n+1)). float32 gives complex64.
    """
    v = np.minimum(v, FARTHEST)
    below = 1.0 / _polynomial(_BELOW, v)
    real = _polynomial(_REAL_0, v) * below
    return (
        real + 1j * (_polynomial(_IMAG_0, v) * below),
        -v * real + 1j * (_polynomial(_IMAG_1, v) * below),
        (_polynomial(_REAL_2, v) + 1j * _polynomial(_IMAG_2, v)) * below,
    )


def axis_moments(slope, bend):
    """Integrals of t^n exp(-j (slope t + bend t^2)) over t = -1..1 for n = 0, 1, 2, complex.

    slope (rad, any sign), bend (rad, >= 0; raised to LEAST_BEND): the phase at t = 1. Each is the
    difference of two edges, plus the whole line where the stationary point lies between them; with
    `fresnel_tails` nothing large is taken from itself, however far off that point lies.
    """
    bend = np.maximum(bend, LEAST_BEND)
    scale = np.sqrt((2.0 / np.pi) * bend)
    s = 1.0 / scale
    mirror = slope / (-2.0 * bend)  # the stationary point
    inside = (mirror > -1.0) & (mirror <= 1.0)
    within = np.where(inside, mirror, 0.0)
    zeroth = np.where(inside, (1.0 - 1j) * s * np.exp(1j * (bend * within * within)), 0.0)
    first, second = zeroth * within, zeroth * (within * within - 0.5j / bend)
    for edge in (-1.0, 1.0):
        v = scale * (edge - mirror)
        side = np.copysign(1.0, v)
        tails = fresnel_tails(np.abs(v))
        phase = np.exp(-1j * (edge * slope + bend)) * (-edge * side * s)
        of_first = side * s * tails[1]
        zeroth = zeroth + phase * tails[0]
        first = first + phase * (edge * tails[0] + of_first)
        second = second + phase * (tails[0] + 2.0 * edge * of_first + s * s * tails[2])
    return zeroth, first, second


def edge_on_cosine(half_m, k):
    """Cosine to the normal below which an end begins to see the piece edge-on; at most 0.4.

    half_m (2,) in m, k in 1/m: 1.25/sqrt(k sqrt(half_x half_y)), the angle at which the first
    Fresnel zone of grazing sound reaches across the plate; the factor fitted to the exact strip.
    """
    return min(1.25 / np.sqrt(k * np.sqrt(half_m[0] * half_m[1])), 0.4)


def face(cosine, least):
    """Share of a face that an end sees, -1..1: the sign of its cosine, smooth within +-least."""
    x = np.clip(cosine / least, -1.0, 1.0)
    return x * (15.0 - 10.0 * x**2 + 3.0 * x**4) / 8.0


def front(cosine, least):
    """Share of its front that an end sees, 0..1: 0 from behind, smooth up to `least`, 1 above."""
    x = np.clip(cosine / least, 0.0, 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x**2)


def cells(half_m, r1_m, r2_m, k, bistatic_deg=130.0):
    """How many cells along x and y a piece needs so that its echo is right to 0.5 dB and 0.1 rad.

    half_m (2,); r1_m, r2_m: least distances (m) of source and microphone; bistatic_deg: largest
    angle between them for which that is asked. Two bounds: the third order of the path at a cell's
    edge, and its cross term at a cell's corner.
    """
    flat = np.sin(np.radians(bistatic_deg / 2.0))
    near = min(r1_m, r2_m)
    # u (1 - u^2) is at most 0.385; two legs of opposite sign; x^3/6 of 3 u (1 - u^2)/r^2
    steep = 0.385 if flat > 0.577 else flat * (1.0 - flat**2)
    count = [
        max(int(np.ceil(half * np.cbrt(0.5 * steep * k / (near**2 * MOST_CUBE)))), 1)
        for half in half_m
    ]
    cross = 0.5 * flat**2 * k * (1.0 / r1_m + 1.0 / r2_m) * half_m[0] * half_m[1]
    while cross / (count[0] * count[1]) > MOST_CROSS:
        longer = half_m[0] / count[0] < half_m[1] / count[1]
        count[int(longer)] += 1
    return count[0], count[1]


def rectangle_echo(half_m, source_m, microphone_m, k, cells=(1, 1), least=None, front_only=False):
    """Echo of a flat rectangle between points: complex gain G, path and cosine.

    half_m (2,): half-lengths along x and y; source_m, microphone_m (..., 3) in the piece's axes, m;
    k in 1/m; cells: how many along x and y, see `cells`; least: cosine below which it is seen
    edge-on, that of its size if None; front_only: there is no echo behind it. Against the integral itself: 0.5 dB and
    0.1 rad wherever the echo is above -15 dB of its peak. Reciprocal.
    """
    source, microphone = np.broadcast_arrays(
        np.asarray(source_m, dtype=float), np.asarray(microphone_m, dtype=float)
    )
    least = edge_on_cosine(half_m, k) if least is None else least
    share = front if front_only else face
    side, path, cosine = 1.0, np.zeros(source.shape[:-1]), np.zeros(source.shape[:-1])
    for end in (source, microphone):
        r = np.linalg.norm(end, axis=-1)
        side = side * share(end[..., 2] / r, least)
        path, cosine = path + r, cosine + 0.5 * np.abs(end[..., 2]) / r
    small = (half_m[0] / cells[0], half_m[1] / cells[1])
    total = np.zeros(path.shape, dtype=complex)
    for x in small[0] * (2.0 * np.arange(cells[0]) + 1.0 - cells[0]):
        for y in small[1] * (2.0 * np.arange(cells[1]) + 1.0 - cells[1]):
            centre = np.array([x, y, 0.0])
            gain, length = _cell(small, source - centre, microphone - centre, k)
            total = total + gain * np.exp(-1j * k * (length - path))
    return Echo(total * side, path, cosine)


def _cell(half_m, source, microphone, k):
    """G without the side, and path, of one cell about its centre."""
    a, b = half_m
    path = slope_x = slope_y = bend_x = bend_y = cross = cosine = rise_x = rise_y = 0.0
    spread, fall_x, fall_y = 1.0, 0.0, 0.0
    for end in (source, microphone):
        r = np.sqrt(end[..., 0] ** 2 + end[..., 1] ** 2 + end[..., 2] ** 2)
        near = 1.0 / r
        ux, uy, uz = end[..., 0] * near, end[..., 1] * near, np.abs(end[..., 2]) * near
        path, spread, cosine = path + r, spread * near, cosine + uz
        slope_x, slope_y = slope_x - ux, slope_y - uy
        bend_x, bend_y = bend_x + (1.0 - ux * ux) * near, bend_y + (1.0 - uy * uy) * near
        cross = cross - ux * uy * near
        fall_x, fall_y = fall_x + ux * near, fall_y + uy * near
        rise_x, rise_y = rise_x + uz * ux * near, rise_y + uz * uy * near
    tilt_x = a * (fall_x * cosine + rise_x)  # slope of the amplitude, times the cosines
    tilt_y = b * (fall_y * cosine + rise_y)
    cross = k * a * b * cross
    x0, x1, x2 = axis_moments(k * a * slope_x, 0.5 * k * a * a * bend_x)
    y0, y1, y2 = axis_moments(k * b * slope_y, 0.5 * k * b * b * bend_y)
    flat = x0 * y0 - 1j * cross * x1 * y1 - 0.5 * cross**2 * x2 * y2
    total = cosine * flat + tilt_x * x1 * y0 + tilt_y * x0 * y1
    return 0.25j / np.pi * k * a * b * spread * total, path

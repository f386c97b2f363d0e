"""Echoes of the round side of a bar or tube: an aperture along its axis, a curved mirror across it.

The piece lies along the z axis of its own axes, |z| <= half_m, at `radius_m` from it; source and
microphone are points outside of it. As in `aperture` its echo is P1 R G exp(-jkL), L the path length
*through the piece's centre*, and the phase of G holds by how much the true path differs from that.
e^{+jwt}, lossless air.

    G = jk/2pi * integral of Q/(r1 r2) exp(-jk (r1 + r2 - L)) over the side, Q the mean cosine

Around the axis the integral is that of stationary phase: of every ring the point counts at which the
path is shortest, which holds for k R >= 8 as for a doubly curved mirror (`scattering`). Along the
axis it is one Fresnel integral with its first moment, about the ring in the middle of each cell: path
and curvature of the line of shortest paths to second order, amplitude to first. So the ends are
there, and the mirror point may lie off the bar. An infinite bar gives `scattering.near_field_mirror`.

Not here: the flat ends, edge waves beyond physical optics, second bounces. From a bistatic angle of
140 degrees on the echo fades; from 160 on there is none, as for ellipsoids: there the shadow begins.
"""

import numpy as np

from usim.physics.aperture import Echo, axis_moments

STEPS = 4
"""Of Newton, from the bisector at the axis: good to 1e-4 rad of phase from 0.3 m on."""
FARTHEST_STEP = 0.5
"""rad; of one step."""
MOST_CUBE = 0.01
"""Largest third-order term (rad at the edge) that one cell takes; costs 0.03 dB."""
FADE_FULL, FADE_NONE = np.cos(np.radians(70.0)), np.cos(np.radians(80.0))
"""Cosines of incidence at which the echo begins to fade, and is gone."""


def cells(half_m, near_m, k):
    """How many cells along its axis a cylinder needs so that its echo is right to 0.05 dB.

    half_m: half-length; near_m: least distance of source and microphone, m; k in 1/m.
    """
    # u (1 - u^2) is at most 0.385; two legs of opposite sign; x^3/6 of 3 u (1 - u^2)/r^2
    return max(int(np.ceil(half_m * np.cbrt(0.5 * 0.385 * k / (near_m**2 * MOST_CUBE)))), 1)


def faded(cosine):
    """Share of the echo that is left at a cosine of incidence: 1 above `FADE_FULL`, 0 below `FADE_NONE`."""
    s = np.clip((cosine - FADE_NONE) / (FADE_FULL - FADE_NONE), 0.0, 1.0)
    return s * s * s * (10.0 + s * (6.0 * s - 15.0))


def cylinder_echo(radius_m, half_m, source_m, microphone_m, k, cells=1, drift=None):
    """Echo of a cylinder between points: complex gain G (1/m), path (m) and cosine at the axis.

    radius_m, half_m in m; source_m, microphone_m (..., 3) in the piece's axes, m; k in 1/m; cells:
    see `cells`. drift: velocities of both ends in the piece's axes as shares of the speed of sound,
    two arrays (..., 3); then what is heard left every point when sound from *there* had to leave it
    to be heard with what left the centre: the second leg's extra length counts at the Doppler-shifted
    wavenumber. Without it the piece lies still. Against the surface integral: see the module.
    """
    source, microphone = np.broadcast_arrays(
        np.asarray(source_m, dtype=float), np.asarray(microphone_m, dtype=float)
    )
    still = np.zeros(source.shape)
    ends = (source, microphone)
    rates = (still, still) if drift is None else drift
    away = [np.sqrt((end * end).sum(axis=-1)) for end in ends]
    both = source / away[0][..., None] + microphone / away[1][..., None]
    cosine = 0.5 * np.hypot(both[..., 0], both[..., 1])
    small = half_m / cells
    total = np.zeros(away[0].shape, dtype=complex)
    for z in small * (2.0 * np.arange(cells) + 1.0 - cells):
        total = total + _cell(radius_m, small, z, ends, away, rates, k)
    return Echo(total, away[0] + away[1], cosine)


def mirror_line(radius_m, z, ends):
    """Normal (2 arrays) of the ring at `z` where the path between two points (..., 3) is shortest."""
    flat = [(end[..., 0], end[..., 1], (end[..., 2] - z) ** 2) for end in ends]
    nx = ny = 0.0
    for x, y, up in flat:
        near = 1.0 / np.sqrt(x * x + y * y + up)
        nx, ny = nx + x * near, ny + y * near
    size = 1.0 / np.sqrt(nx * nx + ny * ny + 1e-12)
    nx, ny = nx * size, ny * size
    for _ in range(STEPS):
        aside = bend = 0.0
        for x, y, up in flat:
            out, turn = x * nx + y * ny, y * nx - x * ny
            near = 1.0 / np.sqrt(x * x + y * y + up + radius_m * (radius_m - 2.0 * out))
            aside = aside + turn * near
            bend = bend + near * (out - radius_m * (turn * near) ** 2)
        step = aside / np.maximum(bend, 1e-3)
        step = np.clip(step, -FARTHEST_STEP, FARTHEST_STEP)
        size = 1.0 / np.sqrt(1.0 + step * step)
        nx, ny = (nx - step * ny) * size, (ny + step * nx) * size
    return nx, ny


def _cell(radius, half, z, ends, away, rates, k):
    """G of the cell of half-length `half` about `z`, all of its phase against the centre's path included."""
    nx, ny = mirror_line(radius, z, ends)
    legs = []
    bend_z = twist = bend = cosine = 0.0
    for end in ends:
        x, y, up = end[..., 0], end[..., 1], end[..., 2] - z
        out, turn = x * nx + y * ny, y * nx - x * ny
        r = np.sqrt(x * x + y * y + up * up + radius * (radius - 2.0 * out))
        near = 1.0 / r
        u, t, c = up * near, turn * near, (out - radius) * near
        legs.append((r, near, out, u, t, c))
        bend_z = bend_z + (1.0 - u * u) * near
        twist = twist - radius * t * u * near
        bend = bend + radius * near * (out - radius * t * t)
        cosine = cosine + 0.5 * c
    bend = np.maximum(bend, 1e-3 * radius)
    lean = -twist / bend  # turn of the mirror line along the axis, rad/m
    rise = 0.0  # of the logarithm of the amplitude along the axis, 1/m
    tilt = more = 0.0
    for r, near, out, u, t, c in legs:
        longer = -(u + radius * t * lean)
        tilt = tilt + 0.5 * (t * lean - c * longer * near)
        more = more + radius * near * (
            t * r * lean - out * longer * near + radius * t * (2.0 * out * lean * near + 3.0 * t * longer * near)
        )  # fmt: skip
        rise = rise - longer * near
    (_, near1, _, u1, _, c1), (_, near2, _, u2, _, c2) = legs
    rise = rise + tilt / np.maximum(cosine, 0.1) - 0.5 * more / bend
    square = z * z + radius * radius
    extra = []
    for end, far, (r, *_) in zip(ends, away, legs, strict=True):
        through = end[..., 2] * z + radius * (end[..., 0] * nx + end[..., 1] * ny)
        extra.append((square - 2.0 * through) / (r + far))
    shift, change = _shift(radius, z, nx, ny, ends, rates, legs)
    way = extra[0] + extra[1] * (1.0 - shift)
    slope = -(u1 + u2 * (1.0 - shift)) - extra[1] * change
    x0, x1, _ = axis_moments(k * half * slope, 0.5 * k * half**2 * (bend_z - twist * twist / bend))
    seen = faded(np.sqrt(np.maximum(c1, 0.0) * np.maximum(c2, 0.0)))
    size = radius * half * np.sqrt(k / (2.0 * np.pi * bend)) * near1 * near2 * seen
    mirror = cosine * (x0 + half * rise * x1)
    return size * np.sqrt(1j) * mirror * np.exp(-1j * k * way)


def _shift(radius, z, nx, ny, ends, rates, legs):
    """Relative Doppler shift at the cell's middle, 1 - f2/f, and its change along the axis (1/m)."""
    shift = change = second = 0.0
    for end, rate, (_, near, _, u, _, _) in zip(ends, rates, legs, strict=True):
        x, y, up = end[..., 0] - radius * nx, end[..., 1] - radius * ny, end[..., 2] - z
        second = (x * rate[..., 0] + y * rate[..., 1] + up * rate[..., 2]) * near
        shift = shift + second
        change = change + (u * second - rate[..., 2]) * near
    return shift / (1.0 + second), change

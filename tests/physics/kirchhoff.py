"""A brute-force judge of echoes: the Kirchhoff surface integral of a rigid convex body.

On the lit side the total pressure is twice the incident one, in the shadow none; the scattered
pressure is the double-layer potential of that (Pierce, Acoustics, 1981, section 4-6; e^{+jwt}):

    p(M) = 1/(2 pi) * integral over the surface of
           w(n.u1) p_i (jk + 1/r2) exp(-jk r2)/r2 (n.u2) dS,   p_i = exp(-jk r1)/r1,

u1, u2 the unit vectors to source and microphone. With w a step, the sharp edge of light radiates an
edge wave that no real body has (measured on a sphere of ka = 58: errors of 1-3 dB and 0.1-0.5 rad
beyond 90 degrees). The true surface field passes from light to shadow over a penumbra of angular
half-width (2/kR)^(1/3), R the radius of curvature along the ray (Fock, J. Phys. USSR 10, 1946, 130);
so w rises smoothly from 0 to 1 over just that width on both sides of grazing, with no free number.
Against the modal series of that sphere this is within 0.9 dB and 0.19 rad up to 130 degrees; the
creeping waves, which it lacks, are most of what remains.

NumPy only, and nothing from `usim`: the mesh is lambda/6, the sum a product rule on the sphere
that the ellipsoid is the image of.
"""

import itertools

import numpy as np


def smooth_step(x):
    """0 below 0, 1 above 1, twice differentiable between."""
    x = np.clip(x, 0.0, 1.0)
    return x**3 * (6.0 * x**2 - 15.0 * x + 10.0)


def mesh(semi_axes, spacing_m):
    """Points (n, 3), outward normals (n, 3) and areas (n,) of an ellipsoid; spacing at most that.

    Gauss nodes in the cosine of the polar angle about z, even steps around it.
    """
    axes = np.asarray(semi_axes, dtype=float)
    along = int(np.ceil(np.pi * axes.max() / spacing_m))
    around = int(np.ceil(2.0 * np.pi * axes[:2].max() / spacing_m))
    z, weight = np.polynomial.legendre.leggauss(along)
    angle = 2.0 * np.pi * (np.arange(around) + 0.5) / around
    ring = np.sqrt(1.0 - z**2)
    sphere = np.stack(
        [
            ring[:, None] * np.cos(angle),
            ring[:, None] * np.sin(angle),
            np.broadcast_to(z[:, None], (along, around)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    solid = np.repeat(weight * 2.0 * np.pi / around, around)
    gradient = sphere / axes
    slope = np.linalg.norm(gradient, axis=1)
    return sphere * axes, gradient / slope[:, None], solid * np.prod(axes) * slope


def echo(semi_axes, surface, source, microphone, k, *, sharp=False):
    """Scattered pressure (complex, re source 1 Pa at 1 m) of an ellipsoid.

    surface = mesh(semi_axes, ...); source, microphone (3,) in m in the body's axes, k in 1/m.
    sharp: a hard edge of light instead of the penumbra, to show what that does.
    """
    points, normals, areas = surface
    to_source = source - points
    r1 = np.sqrt(np.einsum("ij,ij->i", to_source, to_source))
    u1 = to_source / r1[:, None]
    c1 = np.einsum("ij,ij->i", u1, normals)
    near = c1 > (0.0 if sharp else -0.7)
    points, normals, areas, r1, u1, c1 = (
        part[near] for part in (points, normals, areas, r1, u1, c1)
    )
    weight = np.ones_like(c1)
    if not sharp:
        weight = smooth_step(0.5 + 0.5 * c1 / _penumbra(semi_axes, points, normals, u1, c1, k))
    to_microphone = microphone - points
    r2 = np.sqrt(np.einsum("ij,ij->i", to_microphone, to_microphone))
    c2 = np.einsum("ij,ij->i", to_microphone, normals) / r2
    kernel = (1j * k + 1.0 / r2) * np.exp(-1j * k * (r1 + r2)) / (r1 * r2)
    return np.sum(kernel * (weight * c2 * areas)) / (2.0 * np.pi)


def _penumbra(semi_axes, points, normals, u1, c1, k):
    """(2/kR)^(1/3) at every point, R the radius of curvature along the incident ray."""
    inverse = 1.0 / np.asarray(semi_axes, dtype=float) ** 2
    along = u1 - c1[:, None] * normals
    square = np.maximum(np.einsum("ij,ij->i", along, along), 1e-12)
    gradient = np.linalg.norm(points * inverse, axis=1)
    curvature = np.einsum("ij,j->i", along**2, inverse) / (square * gradient)
    return np.cbrt(2.0 * curvature / k)


def plate(half_m, source, microphone, k, *, one_sided=False):
    """Scattered pressure (complex, re source 1 Pa at 1 m) of a flat rectangle in z = 0.

    half_m (2,) along x and y; source, microphone (3,), m; k in 1/m. The mean of the integral with
    the microphone's cosine (rigid plate, doubled pressure) and the one with the source's, which is
    the same with both ends exchanged; one_sided: the first alone. Gauss nodes, lambda/6 on average.
    """
    spacing = 2.0 * np.pi / k / 6.0
    nodes = [np.polynomial.legendre.leggauss(int(np.ceil(2.0 * half / spacing))) for half in half_m]
    x, y = nodes[0][0][:, None] * half_m[0], nodes[1][0] * half_m[1]
    (r1, c1), (r2, c2) = (
        (r := np.sqrt((end[0] - x) ** 2 + (end[1] - y) ** 2 + end[2] ** 2), abs(end[2]) / r)
        for end in (source, microphone)
    )
    kernel = (1j * k + 1.0 / r2) * c2
    if not one_sided:
        kernel = 0.5 * (kernel + (1j * k + 1.0 / r1) * c1)
    kernel = kernel * np.exp(-1j * k * (r1 + r2)) / (r1 * r2)
    side = np.sign(source[2] * microphone[2])
    return side * half_m[0] * half_m[1] * (nodes[0][1] @ kernel @ nodes[1][1]) / (2.0 * np.pi)


def tube(radius, half_m, source, microphone, k):
    """Scattered pressure (complex, re source 1 Pa at 1 m) of the round side of a cylinder about z.

    radius and half-length, source, microphone (3,) in m, k in 1/m. As for `plate` the mean of the
    integral and of that with both ends exchanged, each with its penumbra. Gauss nodes along z, even
    steps around it, lambda/6.
    """
    spacing = 2.0 * np.pi / k / 6.0
    z, weight = np.polynomial.legendre.leggauss(int(np.ceil(2.0 * half_m / spacing)))
    angle = 2.0 * np.pi * np.arange(int(np.ceil(2.0 * np.pi * radius / spacing)))
    angle = angle / len(angle)
    n = np.stack([np.cos(angle), np.sin(angle), np.zeros(len(angle))], axis=1)
    points = radius * n[:, None, :] + half_m * z[:, None] * np.array([0.0, 0.0, 1.0])
    legs = []
    for end in (np.asarray(source, float), np.asarray(microphone, float)):
        away = end - points
        r = np.sqrt(np.einsum("ijk,ijk->ij", away, away))
        cosine = np.einsum("ijk,ik->ij", away, n) / r
        along2 = 1.0 - cosine**2 - (away[..., 2] / r) ** 2  # of the ray, around the tube
        share = np.maximum(along2, 1e-12) / np.maximum(1.0 - cosine**2, 1e-12)
        width = np.cbrt(2.0 * share / (k * radius))
        legs.append((r, cosine, smooth_step(0.5 + 0.5 * cosine / np.maximum(width, 1e-6))))
    (r1, c1, w1), (r2, c2, w2) = legs
    kernel = 0.5 * ((1j * k + 1.0 / r2) * w1 * c2 + (1j * k + 1.0 / r1) * w2 * c1)
    kernel = kernel * np.exp(-1j * k * (r1 + r2)) / (r1 * r2)
    step = 2.0 * np.pi * radius / len(angle)
    return half_m * step * np.sum(kernel @ weight) / (2.0 * np.pi)


def bent(radius, half_m, source, microphone, k):
    """Scattered pressure (complex, re source 1 Pa at 1 m) of a sheet bent about an axis along y.

    radius (m) is above zero where its middle bulges towards +z, below where it is hollow; its middle
    lies in the origin, half_m (2,): half of its arc and half of its height. As for `plate`; both ends
    see all of one side.
    """
    spacing = 2.0 * np.pi / k / 6.0
    arc, y = (
        np.polynomial.legendre.leggauss(int(np.ceil(2.0 * half / spacing))) for half in half_m
    )
    angle = arc[0] * half_m[0] / radius
    n = np.stack([np.sin(angle), 0.0 * angle, np.cos(angle)], axis=1)
    points = (radius * n - [0.0, 0.0, radius])[:, None, :] + half_m[1] * y[0][:, None] * [0, 1, 0]
    legs = []
    for end in (source, microphone):
        away = end - points
        r = np.sqrt(np.einsum("ijk,ijk->ij", away, away))
        legs.append((r, np.abs(np.einsum("ijk,ik->ij", away, n)) / r))
    (r1, c1), (r2, c2) = legs
    kernel = 0.5 * ((1j * k + 1.0 / r2) * c2 + (1j * k + 1.0 / r1) * c1)
    kernel = kernel * np.exp(-1j * k * (r1 + r2)) / (r1 * r2)
    return half_m[0] * half_m[1] * (arc[1] @ kernel @ y[1]) / (2.0 * np.pi)


def judged(figures, name, ratios, levels):
    """Holds closed forms to the integral: ratios (n,) complex, levels (n,) dB below the strongest; within 1 dB and 0.2 rad where above -15 dB."""
    strong = levels > -15.0
    level = float(np.max(np.abs(20.0 * np.log10(np.abs(ratios[strong])))))
    phase = float(np.max(np.abs(np.angle(ratios[strong]))))
    counts = f"{np.sum(strong)} of {len(ratios)} places"
    figures(f"{name} against Kirchhoff, level", level, "dB", "<= 1", counts)
    figures(f"{name} against Kirchhoff, phase", phase, "rad", "<= 0.2", counts)
    assert level <= 1.0
    assert phase <= 0.2


def judged_over(figures, name, compared, piece, frequencies, distances, angles, count):
    """As `judged`, of what compared(piece, f_hz, r1, r2, angle, count) gives over a grid: ratios and levels below its own peak."""
    grid = itertools.product(frequencies, distances, angles)
    parts = [compared(piece, f_hz, r1, r2, angle, count) for f_hz, (r1, r2), angle in grid]
    ratios, levels = (np.concatenate(one) for one in zip(*parts, strict=True))
    judged(figures, name, ratios, levels)

"""Echoes of smooth convex bodies: geometric optics at close range, and the rigid sphere exactly.

Pressures are relative to a source of 1 Pa at 1 m in lossless air: a source at distance r gives
exp(-jkr)/r. Geometric optics holds for k R >= 8 (R the smaller radius of curvature): 0.35 dB at
k a = 5 for a sphere seen from its front, less above.
"""

import numpy as np


def near_field_mirror(r1, r2, curvature_in_plane, curvature_across, cos_half):
    """Amplitude (1/m) of the echo of a curved mirror, plane of incidence along a principal one.

    r1, r2: distances (m) source-point and point-microphone; curvatures in 1/m; cos_half: cosine
    of half the bistatic angle. 1/sqrt([r1+r2+2 r1 r2 k1/C][r1+r2+2 r1 r2 k2 C]): a flat mirror
    gives 1/(r1+r2), a far sphere R/(2 r1 r2). Deschamps, Proc. IEEE 60 (1972) 1022.
    """
    total, product = r1 + r2, 2.0 * r1 * r2
    along = total + product * curvature_in_plane / cos_half
    across = total + product * curvature_across * cos_half
    return 1.0 / np.sqrt(along * across)


def mirror_gain(r1, r2, cos_half, curvature_sum, curvature_product, bend):
    """Amplitude (1/m) of the echo of a doubly curved convex mirror, any plane of incidence.

    curvature_sum and curvature_product: sum (1/m) and product (1/m2) of the principal curvatures;
    bend: normal curvature (1/m) in the plane of incidence times sin^2 of half the bistatic angle.
    C / (r1 r2 sqrt(det H)), H the Hessian of the path length over the surface (stationary phase);
    equals `near_field_mirror` where the plane of incidence is principal.
    """
    s = 1.0 / r1 + 1.0 / r2
    hessian = (
        (s * cos_half) ** 2
        + 2.0 * s * cos_half * (curvature_sum * cos_half**2 + bend)
        + 4.0 * cos_half**2 * curvature_product
    )
    return cos_half / (r1 * r2 * np.sqrt(hessian))


def support(semi_axes, direction):
    """Support function h (m) of an ellipsoid: distance of its tangent plane across `direction`.

    semi_axes (..., 3) in m along the body's own axes, direction (..., 3) unit, in those axes.
    """
    return np.sqrt(np.sum((np.asarray(semi_axes) * np.asarray(direction)) ** 2, axis=-1))


def tangent_point(semi_axes, direction):
    """Point (..., 3) of an ellipsoid whose outward normal is `direction` (unit, body axes)."""
    axes, n = np.asarray(semi_axes, dtype=float), np.asarray(direction, dtype=float)
    return axes**2 * n / support(axes, n)[..., None]


def target_strength_db(semi_axes, direction):
    """Far target strength (dB re 1 m) of a rigid ellipsoid by geometric optics.

    10 log10[(abc)^2 / (4 h^4)], direction (..., 3) the unit bisector of the directions to source
    and microphone; independent of the bistatic angle.
    """
    volume = np.prod(np.asarray(semi_axes, dtype=float), axis=-1)
    return 20.0 * np.log10(volume / (2.0 * support(semi_axes, direction) ** 2))


def curvatures(semi_axes, point):
    """Sum (1/m) and product (1/m2) of the principal curvatures at surface points (..., 3).

    From the implicit form y'Ay = 1, A = diag(1/axes^2): product = 1/(h^-4 (abc)^2) with
    1/h = |Ay|; sum = (trace A - g'Ag/|g|^2)/|g|, g = Ay.
    """
    inverse = 1.0 / np.asarray(semi_axes, dtype=float) ** 2
    g = np.asarray(point, dtype=float) * inverse
    square = np.sum(g**2, axis=-1)
    total = (np.sum(inverse, axis=-1) - np.sum(g**2 * inverse, axis=-1) / square) / np.sqrt(square)
    return total, np.prod(inverse, axis=-1) / square**2


def specular_point(semi_axes, source, microphone):
    """Point (..., 3) of an ellipsoid where the path source-surface-microphone is stationary, lit.

    All in the body's own axes (m); source and microphone (..., 3) outside the body. The point is
    where the normal bisects the directions *from that point* to source and microphone, found by
    fixed-point steps on the normal and finished by Newton's method on y = x/axes, |y| = 1, to
    1e-12 m. Where source and microphone lie so that no lit point exists (bistatic angle near 180
    degrees) the result is on the limb and means nothing.
    """
    axes = np.asarray(semi_axes, dtype=float)
    source, microphone = np.broadcast_arrays(
        np.asarray(source, dtype=float), np.asarray(microphone, dtype=float)
    )
    point = tangent_point(axes, _bisector(np.zeros_like(source), source, microphone))
    for _ in range(12):
        point = tangent_point(axes, _bisector(point, source, microphone))
    for _ in range(60):
        step = _newton_step(axes, point, source, microphone)
        y = point / axes + step
        point = axes * y / np.linalg.norm(y, axis=-1, keepdims=True)
        if np.max(np.abs(step), initial=0.0) < 1e-13:
            break
    return point


def _bisector(point, source, microphone):
    to_source, to_microphone = source - point, microphone - point
    both = to_source / np.linalg.norm(to_source, axis=-1, keepdims=True)
    both = both + to_microphone / np.linalg.norm(to_microphone, axis=-1, keepdims=True)
    return both / np.linalg.norm(both, axis=-1, keepdims=True)


def _newton_step(axes, point, source, microphone):
    """Tangential step on the unit sphere y = x/axes towards the minimum of the path length."""
    y = point / axes
    gradient, hessian = np.zeros_like(point), np.zeros((*point.shape, 3))
    for end in (source, microphone):
        away = point - end
        r = np.linalg.norm(away, axis=-1, keepdims=True)
        u = away / r
        gradient = gradient + u
        hessian = hessian + (np.eye(3) - u[..., :, None] * u[..., None, :]) / r[..., None]
    gradient = axes * gradient
    hessian = axes[..., :, None] * axes[..., None, :] * hessian
    radial = np.sum(gradient * y, axis=-1)  # negative on the lit side: the sphere's own bend
    hessian = hessian - radial[..., None, None] * np.eye(3)
    # Solve in the tangent plane: add y y' so that the matrix is regular, then drop the radial part.
    project = np.eye(3) - y[..., :, None] * y[..., None, :]
    matrix = project @ hessian @ project + y[..., :, None] * y[..., None, :]
    flat = gradient - radial[..., None] * y
    step = -np.linalg.solve(matrix, flat[..., None])[..., 0]
    step = step - np.sum(step * y, axis=-1, keepdims=True) * y
    size = np.linalg.norm(step, axis=-1, keepdims=True)
    return step * np.minimum(1.0, 0.3 / np.maximum(size, 1e-300))


def ellipsoid_echo(semi_axes, source, microphone):
    """Amplitude (1/m), path length (m) and cos_half of the mirror echo of a rigid ellipsoid.

    Source and microphone (..., 3) in the body's own axes. The echo is
    amplitude * exp(-jk path). The amplitude is not faded towards grazing.
    """
    axes = np.asarray(semi_axes, dtype=float)
    point = specular_point(axes, source, microphone)
    to_source, to_microphone = source - point, microphone - point
    r1 = np.linalg.norm(to_source, axis=-1)
    r2 = np.linalg.norm(to_microphone, axis=-1)
    u1, u2 = to_source / r1[..., None], to_microphone / r2[..., None]
    cos_half = 0.5 * np.linalg.norm(u1 + u2, axis=-1)
    g, w = point / axes**2, 0.5 * (u1 - u2)
    bend = np.sum(w**2 / axes**2, axis=-1) / np.linalg.norm(g, axis=-1)
    return mirror_gain(r1, r2, cos_half, *curvatures(axes, point), bend), r1 + r2, cos_half


def echo_level_db(target_strength, range_m, absorption_db_m):
    """Echo level (dB re the source's level at 1 m) of a monostatic target at `range_m`.

    TS - 40 log10 r - 2 alpha r, alpha in dB/m.
    """
    return target_strength - 40.0 * np.log10(range_m) - 2.0 * absorption_db_m * range_m


def _sphere_modes(ka, orders):
    """Modal coefficients j_n'(ka) / h_n'(ka) of a rigid sphere, h of the second kind."""
    from scipy.special import spherical_jn, spherical_yn

    slope = spherical_jn(orders, ka, derivative=True)
    return slope / (slope - 1j * spherical_yn(orders, ka, derivative=True))


def _orders(ka):
    # Modes beyond ka + 4 ka^(1/3) fall faster than exponentially (Wiscombe 1980); the rest is
    # margin for sources a fifth of a radius from the surface.
    return np.arange(int(np.ceil(ka + 8.0 * np.cbrt(ka) + 25.0)))


def sphere_form(ka, cos_angle):
    """Form function 2 f / a of a rigid sphere in a plane wave, far field, complex.

    ka a scalar up to 100; cos_angle (...) of the angle between the directions to source and
    microphone (1: backscatter). f (m) is the scattered amplitude: p = f exp(-jkr)/r. Geometric
    optics has modulus 1. Morse and Ingard, Theoretical Acoustics (1968), section 8.2.
    """
    from scipy.special import eval_legendre

    n = _orders(ka)
    cos_angle = np.asarray(cos_angle, dtype=float)
    terms = (2 * n + 1) * _sphere_modes(ka, n)
    # The plane wave runs away from the source, so the forward direction is cos_angle = -1.
    return -2.0j / ka * np.sum(terms * eval_legendre(n, -cos_angle[..., None]), axis=-1)


def sphere_echo(k, radius_m, r1, r2, cos_angle):
    """Scattered pressure (re source 1 Pa at 1 m) of a rigid sphere, source and receiver near.

    k in 1/m, k radius up to 100; r1, r2 (m, scalars) from the *centre*, product at least 1.4
    radius^2; cos_angle (...) of the angle between source and receiver seen from the centre.
    j k sum (2n+1) [j_n'/h_n'](ka) h_n(k r1) h_n(k r2) P_n: Morse and Ingard (1968), section 8.2.
    """
    from scipy.special import eval_legendre, spherical_jn, spherical_yn

    if r1 * r2 < 1.4 * radius_m**2:
        raise ValueError("source and receiver are too close to the sphere for the series used")
    n = _orders(k * radius_m)
    hankel = [spherical_jn(n, k * r) - 1j * spherical_yn(n, k * r) for r in (r1, r2)]
    terms = (2 * n + 1) * _sphere_modes(k * radius_m, n) * hankel[0] * hankel[1]
    cos_angle = np.asarray(cos_angle, dtype=float)
    return 1j * k * np.sum(terms * eval_legendre(n, cos_angle[..., None]), axis=-1)


def knife_edge_loss_db(clearance_m, d1_m, d2_m, f_hz, sound_speed_m_s):
    """Loss (dB) behind a straight edge reaching `clearance_m` above the line of sight.

    Fresnel-Kirchhoff, v = h sqrt(2 (1/d1 + 1/d2)/lambda); ITU-R P.526 gives the same J(v). The
    line of sight just grazed loses 6.02 dB.
    """
    from scipy.special import fresnel

    wavelength = sound_speed_m_s / f_hz
    v = np.asarray(clearance_m) * np.sqrt(2.0 * (1.0 / d1_m + 1.0 / d2_m) / wavelength)
    sine, cosine = fresnel(v)
    return -20.0 * np.log10(0.5 * np.hypot(1.0 - cosine - sine, cosine - sine))

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
    """Point (..., 3) of an ellipsoid where the path source-surface-microphone is shortest.

    All in the body's own axes (m); source and microphone (..., 3) outside the body. There the
    normal bisects the directions *from that point* to source and microphone. Newton's method on
    the sphere y = x/axes, with the moduli of the eigenvalues so that it descends from anywhere,
    and step halving. The path is convex in x, so the minimum is the only lit stationary point,
    unless the body stands between the two: then the answer lies on the straight line through it
    and is no mirror point (cos_half 0). To 1e-12 m.
    """
    axes = np.asarray(semi_axes, dtype=float)
    source, microphone = np.broadcast_arrays(
        np.asarray(source, dtype=float), np.asarray(microphone, dtype=float)
    )
    both = source / np.linalg.norm(source, axis=-1, keepdims=True)
    both = both + microphone / np.linalg.norm(microphone, axis=-1, keepdims=True)
    y = axes * (both + 1e-9)  # towards the bisector; the shift keeps opposite ends regular
    y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    path = _path(axes * y, source, microphone)
    for _ in range(100):
        step = _newton_step(axes, y, source, microphone)
        for _ in range(40):
            moved = y + step
            moved = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
            longer = _path(axes * moved, source, microphone) > path + 1e-14
            if not np.any(longer):
                break
            step = np.where(longer[..., None], 0.5 * step, step)
        y, path = moved, _path(axes * moved, source, microphone)
        if np.max(np.abs(step), initial=0.0) < 1e-13:
            break
    return axes * y


def _path(point, source, microphone):
    out, back = point - source, point - microphone
    return np.linalg.norm(out, axis=-1) + np.linalg.norm(back, axis=-1)


def _newton_step(axes, y, source, microphone):
    """Tangential step on the unit sphere y = x/axes towards the minimum of the path length."""
    gradient, hessian = np.zeros_like(y), np.zeros((*y.shape, 3))
    for end in (source, microphone):
        away = axes * y - end
        r = np.linalg.norm(away, axis=-1)[..., None]
        u = away / r
        gradient = gradient + u
        hessian = hessian + (np.eye(3) - u[..., :, None] * u[..., None, :]) / r[..., None]
    gradient = axes * gradient
    hessian = axes[..., :, None] * axes[..., None, :] * hessian
    radial = np.sum(gradient * y, axis=-1)  # the bend of the sphere itself
    outward = y[..., :, None] * y[..., None, :]
    flat = np.eye(3) - outward
    hessian = flat @ (hessian - radial[..., None, None] * np.eye(3)) @ flat + outward
    values, vectors = np.linalg.eigh(hessian)
    slope = np.einsum("...ji,...j->...i", vectors, gradient - radial[..., None] * y)
    step = -np.einsum("...ij,...j->...i", vectors, slope / np.maximum(np.abs(values), 1e-9))
    step = step - np.sum(step * y, axis=-1, keepdims=True) * y
    size = np.linalg.norm(step, axis=-1, keepdims=True)
    return step * np.minimum(1.0, 0.5 / np.maximum(size, 1e-300))


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
    total, product = curvatures(axes, point)
    return mirror_gain(r1, r2, cos_half, total, product, bend), r1 + r2, cos_half


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

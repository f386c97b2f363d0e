"""Where and when a ray bounces off an ellipsoid: the point of its surface with the least path length.

Start with `fermat_point`; the compiled functions do the same for one pair at a time. Vectors are tuples of three.
No compiled function calls one of another file: numba's cache does not notice a change there.
"""

from __future__ import annotations

import numpy as np
from numba import njit

compiled = njit(cache=True, error_model="numpy")  # a division by zero gives inf, as in NumPy

FADE_FULL, FADE_NONE = np.cos(np.deg2rad(70.0)), np.cos(np.deg2rad(80.0))

# Columns of a bounce: legs (m), cosine of half the bistatic angle, spreading (1/m), rates of the legs along the bounce
# time (m/s), unfolded directions driver -> point and mic -> point, the point on the unit sphere, and how it went.
R1, R2, COS, GAIN, RATE1, RATE2, GOING, COMING, POINT, FLAG, WIDTH = (
    *range(6),
    *(6, 9, 12, 15, 16),
)
SEEN, HIDDEN, LOST = 0.0, 1.0, 2.0
# Columns of a pose: position (3), rotation by rows (9), semi-axes (3) and bend (rad), then the rates of these sixteen.
AXES, BEND, POSE = 12, 15, 16


@compiled
def _dot(u, v):
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


@compiled
def _sum(u, v, by):
    """u + by v."""
    return (u[0] + by * v[0], u[1] + by * v[1], u[2] + by * v[2])


@compiled
def _times(u, v):
    return (u[0] * v[0], u[1] * v[1], u[2] * v[2])


@compiled
def _over(u, v):
    return (u[0] / v[0], u[1] / v[1], u[2] / v[2])


@compiled
def _unit(u):
    """Direction and length of u."""
    length = np.sqrt(_dot(u, u))
    share = 1.0 / length
    return (share * u[0], share * u[1], share * u[2]), length


@compiled
def _tangents(n):
    """Two unit vectors at right angles to the unit vector n and to each other (Duff et al. 2017)."""
    sign = 1.0 if n[2] >= 0.0 else -1.0
    h = -1.0 / (sign + n[2])
    k = n[0] * n[1] * h
    return (1.0 + sign * n[0] * n[0] * h, sign * k, -sign * n[0]), (
        k,
        sign + n[1] * n[1] * h,
        -n[1],
    )


@compiled
def _look(source, mic, axes, place):
    """Path length over the surface near the point axes * place: legs, directions, slope and bending.

    The coordinates are those of the tangent plane of the unit sphere at `place`. `lit` is what the bending of the
    sphere adds to the Hessian; it is positive at the minimum.
    """
    point = _times(axes, place)
    u, r1 = _unit(_sum(source, point, -1.0))
    v, r2 = _unit(_sum(mic, point, -1.0))
    one, two = _tangents(place)
    e, f = _times(axes, one), _times(axes, two)
    ue, uf, ve, vf = _dot(u, e), _dot(u, f), _dot(v, e), _dot(v, f)
    ee, ef, ff = _dot(e, e), _dot(e, f), _dot(f, f)
    lit = _dot(u, point) + _dot(v, point)
    h11 = (ee - ue * ue) / r1 + (ee - ve * ve) / r2
    h12 = (ef - ue * uf) / r1 + (ef - ve * vf) / r2
    h22 = (ff - uf * uf) / r1 + (ff - vf * vf) / r2
    area = ee * ff - ef * ef
    return r1, r2, u, v, e, f, (-ue - ve, -uf - vf), lit, (h11, h12, h22), area


@compiled
def _solve(h, bend, g):
    """Newton step -(H + bend)^-1 g of a symmetric 2 x 2 matrix h = (11, 12, 22)."""
    h11, h22 = h[0] + bend, h[2] + bend
    det = h11 * h22 - h[1] * h[1]
    return -(h22 * g[0] - h[1] * g[1]) / det, -(h11 * g[1] - h[1] * g[0]) / det


@compiled
def _descend(source, mic, axes, place):
    """The point of the unit sphere whose image on the ellipsoid has the least path, and whether it was found.

    The path length is convex in space and the body is convex, so a surface point whose bisector points outwards
    along the normal is the global minimum (Karush, Kuhn and Tucker): found is True exactly where that holds.
    """
    for _ in range(100):
        r1, r2, _u, _v, e, f, g, lit, h, _area = _look(source, mic, axes, place)
        # Without the bending of the sphere the Hessian is convex already; off the lit side bend the other way.
        d1, d2 = _solve(h, lit if lit > 0.0 else 1e-9 * axes[0] - lit, g)
        size = np.sqrt(d1 * d1 + d2 * d2)
        if size > 0.5:
            d1, d2 = d1 * 0.5 / size, d2 * 0.5 / size
        slope = g[0] * d1 + g[1] * d2
        step = _over(_sum(_sum((0.0, 0.0, 0.0), e, d1), f, d2), axes)
        share = 1.0
        for _back in range(40):
            trial, _length = _unit(_sum(place, step, share))
            if -slope * share <= 1e-12 * (r1 + r2):
                break  # the gain is below rounding: the full Newton step is the best there is
            point = _times(axes, trial)
            _w, s1 = _unit(_sum(source, point, -1.0))
            _w, s2 = _unit(_sum(mic, point, -1.0))
            if s1 + s2 <= r1 + r2 + 1e-4 * share * slope:
                break
            share *= 0.5
        place = trial
        if size < 1e-8 and lit > 0.0:
            return place, True
    return place, False


@compiled
def _start(source, mic, axes):
    """A first guess on the lit side, and whether the piece leaves the straight line from end to end free."""
    # In the scaled space: the point of the line from end to end that is nearest to the centre.
    near = _over(source, axes)
    line = _sum(_over(mic, axes), near, -1.0)
    square = _dot(line, line)
    share = 0.0
    if square > 0.0:
        share = min(1.0, max(0.0, -_dot(near, line) / square))
    guess, far = _unit(_sum(near, line, share))
    if not far > 1.0:
        return (0.0, 0.0, 1.0), False
    # From afar the bisector at the centre is the better guess; take it where its path is shorter.
    bisector = _times(axes, _sum(_unit(source)[0], _unit(mic)[0], 1.0))
    if _dot(bisector, bisector) > 1e-18 * axes[0] * axes[0]:
        other = _unit(bisector)[0]
        one, two = _look(source, mic, axes, guess), _look(source, mic, axes, other)
        if two[0] + two[1] < one[0] + one[1]:
            return other, True
    return guess, True


@compiled
def _lit(source, mic, axes, place):
    """Whether both ends lie outside the tangent plane there: the line is free and the guess will do."""
    return (
        _dot(_over(source, axes), place) > 1.0 + 1e-12
        and _dot(_over(mic, axes), place) > 1.0 + 1e-12
    )


@compiled
def _into(matrix, first, v):
    """Transposed 3 x 3 matrix, kept by rows from `first` on in a pose, times v."""
    return (
        matrix[first] * v[0] + matrix[first + 3] * v[1] + matrix[first + 6] * v[2],
        matrix[first + 1] * v[0] + matrix[first + 4] * v[1] + matrix[first + 7] * v[2],
        matrix[first + 2] * v[0] + matrix[first + 5] * v[1] + matrix[first + 8] * v[2],
    )


@compiled
def bounce(source, mic, pose, warm, out):
    """Fills `out` (WIDTH) with the bounce of one pair off one piece in one pose (2 * POSE).

    source, mic: (3,) in the room, m; warm: start from the point that `out` holds.
    """
    a = (pose[AXES], pose[AXES + 1], pose[AXES + 2])
    swell = (pose[POSE + AXES], pose[POSE + AXES + 1], pose[POSE + AXES + 2])
    from_source = (source[0] - pose[0], source[1] - pose[1], source[2] - pose[2])
    from_mic = (mic[0] - pose[0], mic[1] - pose[1], mic[2] - pose[2])
    s, m = _into(pose, 3, from_source), _into(pose, 3, from_mic)
    place, found, free = (out[POINT], out[POINT + 1], out[POINT + 2]), False, True
    if warm and _lit(s, m, a, place):
        place, found = _descend(s, m, a, place)
    if not found:
        place, free = _start(s, m, a)
        if free:
            place, found = _descend(s, m, a, place)
    if not free:
        out[:] = 0.0
        out[R1], out[R2] = np.sqrt(_dot(s, s)), np.sqrt(_dot(m, m))
        out[POINT + 2], out[FLAG] = 1.0, HIDDEN
        return
    r1, r2, u, v, e, f, _g, lit, h, area = _look(s, m, a, place)
    both = _sum(u, v, 1.0)
    cosine = 0.5 * np.sqrt(_dot(both, both))
    det = (h[0] + lit) * (h[2] + lit) - h[1] * h[1]
    # How the ends move as the piece sees them: d/dt of R^T (S - p).
    velocity = _into(pose, 3, (pose[POSE], pose[POSE + 1], pose[POSE + 2]))
    s_rate = _sum(_into(pose, POSE + 3, from_source), velocity, -1.0)
    m_rate = _sum(_into(pose, POSE + 3, from_mic), velocity, -1.0)
    # And as the point of the surface sees them, which moves outwards while the piece swells.
    outwards = _times(swell, place)
    s_rate, m_rate = _sum(s_rate, outwards, -1.0), _sum(m_rate, outwards, -1.0)
    # The minimum stays a minimum: H d(place)/dt = - d(slope)/dt at a fixed point of the surface.
    push = _sum(s_rate, u, -_dot(s_rate, u))
    pull = _sum(m_rate, v, -_dot(m_rate, v))
    growth = _over(swell, a)
    slope_rate = (
        -_dot(push, e) / r1 - _dot(pull, e) / r2 - _dot(both, _times(growth, e)),
        -_dot(push, f) / r1 - _dot(pull, f) / r2 - _dot(both, _times(growth, f)),
    )
    d1, d2 = _solve(h, lit, slope_rate)
    glide = _sum(_sum((0.0, 0.0, 0.0), e, d1), f, d2)
    out[R1], out[R2], out[COS] = r1, r2, cosine
    out[GAIN] = cosine / (r1 * r2) * np.sqrt(area / det)
    out[RATE1] = _dot(u, _sum(s_rate, glide, -1.0))
    out[RATE2] = _dot(v, _sum(m_rate, glide, -1.0))
    for row in range(3):
        turned = (pose[3 + 3 * row], pose[4 + 3 * row], pose[5 + 3 * row])
        out[GOING + row], out[COMING + row] = -_dot(turned, u), -_dot(turned, v)
        out[POINT + row] = place[row]
    out[FLAG] = SEEN if found else LOST


@compiled
def bounces(source, mic, pose, warm, out):
    """`bounce` by rows: source, mic (n, 3), pose (n, 2 * POSE), out (n, WIDTH)."""
    for row in range(out.shape[0]):
        bounce(source[row], mic[row], pose[row], warm, out[row])


@compiled
def revisit(cells, instants, source, mic, pose, out):
    """`bounce` again, from the point known, at some cells of pair * instants + instant."""
    for cell in cells:
        pair = cell // instants
        bounce(source[pair], mic[pair], pose[cell], True, out[cell])


@compiled
def _pose(low, width, terms, panel, t, pose):
    """Fills pose (2 * POSE) at time t; returns the panel used, -1 where the story does not cover t."""
    last = low.shape[0] - 1
    panel = min(max(panel, 0), last)
    while panel > 0 and t < low[panel]:
        panel -= 1
    while panel < last and t >= low[panel + 1]:
        panel += 1
    x = 2.0 * (t - low[panel]) / width[panel] - 1.0
    if x < -1.000001 or x > 1.000001:
        return -1
    scale = 2.0 / width[panel]
    for part in range(POSE):
        pose[part], pose[POSE + part] = terms[panel, 0, part], 0.0
    before, now, rate_before, rate = 1.0, x, 0.0, 1.0
    for degree in range(1, terms.shape[1]):
        for part in range(POSE):
            pose[part] += terms[panel, degree, part] * now
            pose[POSE + part] += terms[panel, degree, part] * (rate * scale)
        before, now, rate_before, rate = (
            now,
            2.0 * x * now - before,
            rate,
            2.0 * now + 2.0 * x * rate - rate_before,
        )
    return panel


@compiled
def retarded(t, c, source, mic, low, width, terms, guess, bounced, poses, out):
    """Bounce times of pairs (n, 3) x instants (k,) and the bounces there; returns the panels that were missing.

    guess: stop one step earlier, where the time is right to 1e-12 s or so but the bounce is that of the step before.
    """
    missing = 0
    for pair in range(source.shape[0]):
        panel = 0
        when = np.nan
        state = np.zeros(WIDTH)
        pose = np.zeros(2 * POSE)
        for index in range(t.shape[0]):
            warm = index > 0 and state[FLAG] == SEEN
            if warm:
                when += (t[index] - t[index - 1]) / (1.0 + state[RATE2] / c)
            else:
                when = t[index]
            if not warm or when > t[index] or t[index] - when > 2.0 * state[R2] / c + 1e-3:
                when = t[index]
                for _ in range(2):
                    found = _pose(low, width, terms, panel, when, pose)
                    if found < 0:
                        break
                    panel = found
                    away = 0.0
                    for part in range(3):
                        away += (pose[part] - mic[pair, part]) ** 2
                    when = t[index] - np.sqrt(away) / c
            enough = 1e-14 + 2.0 * np.spacing(abs(t[index]))
            for _ in range(60):
                found = _pose(low, width, terms, panel, when, pose)
                if found < 0:
                    missing += 1
                    break
                panel = found
                bounce(source[pair], mic[pair], pose, warm, state)
                warm = state[FLAG] == SEEN
                late = when + state[R2] / c - t[index]
                if abs(late) <= enough:
                    break
                when -= late / (1.0 + state[RATE2] / c)
                if guess and abs(late) <= 1e-8:
                    break
            bounced[pair, index] = when
            poses[pair, index] = pose
            out[pair, index] = state
    return missing


def fermat_point(source_m, mic_m, semi_axes_m) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounce point (n, 3) in m, path length (n,) in m and spreading (n,) in 1/m off an ellipsoid at rest.

    source_m, mic_m: (n, 3) in m in the frame of the ellipsoid, whose semi-axes (3,) lie along x, y, z. The point
    is the global minimum of the path length over the surface (Fermat). Spreading is C / (r1 r2 sqrt(det H)), H the
    Hessian of the path length over the surface and C the cosine of half the bistatic angle (stationary phase,
    Keller 1957). Where the body stands on the line from source to mic there is no echo: spreading 0, the rest nan.
    """
    source, mic = np.broadcast_arrays(np.atleast_2d(source_m), np.atleast_2d(mic_m))
    out = np.zeros((len(source), WIDTH))
    pose = np.zeros((len(source), 2 * POSE))
    axes = np.array(semi_axes_m, float)
    pose[:, 3:AXES], pose[:, AXES:BEND] = np.eye(3).ravel(), axes
    bounces(np.array(source, float), np.array(mic, float), pose, False, out)
    complain(out, "fermat_point")
    seen = out[:, FLAG] == SEEN
    point = np.where(seen[:, None], out[:, POINT : POINT + 3] * axes, np.nan)
    return point, np.where(seen, out[:, R1] + out[:, R2], np.nan), out[:, GAIN]


def complain(out: np.ndarray, who: str) -> None:
    """Raises where a bounce was not found, unless it is so grazing that its echo has faded out."""
    lost = (out[..., FLAG] == LOST) & (out[..., COS] > FADE_NONE)
    if lost.any():
        raise RuntimeError(f"{who}: {int(lost.sum())} bounces were not found to the last digit")

"""Kernels: which limbs are in the way of a pair's legs, and what passes them, at the middle of the array and at each microphone."""

from __future__ import annotations

from usim.engine.shadows import ROWS, is_clear, shade, swiftness, window_of
from usim.engine.slab import ONE, ROW, f32
from usim.physics.jit import kernel

NEARLY = f32(1.5)  # Fresnel parameter from which on an edge costs less than 4e-3
FAINT_SHADE = f32(
    0.99
)  # amplitude that passes everywhere: what microphones see of such a shade is the same


@kernel(apart=True)
def in_the_way(
    marks,
    places,
    ends,
    few,
    held,
    everything,
    first,
    sight,
    edge,
    own,
    ratio,
    waves,
    count,
    wide,
    clear,
    slack,
    found,
):
    """Fill found (piece,) with which other pieces matter to a leg from marks to ends (3 rows each); return whether any does, and how fast they come at most.

    The latter as change of the Fresnel parameter of an edge between two knots of gain, see `swiftness`, at the first point that is not clear.

    On knots of gain.  places: how many points there are in marks, `wide` lanes each; if more than one, a piece matters that is not clear of the first by
    `clear` and `slack` (see `is_clear`), and not of all of them by NEARLY.
    few: slab of the other pieces, read from everything when they are first asked about; held (piece,): from which knot on each of them is there.  waves: per metre.
    """
    some, fast = False, f32(0.0)
    for o in range(found.shape[0]):
        found[o] = False
        if o == own:
            continue
        if held[o] != first:
            held[o] = first
            window_of(everything, o, first, ratio, few, 0, wide)
        near = not is_clear(marks, few, o, ends, f32(waves), sight, edge, count, wide, clear, slack)
        if near and places > 1:
            near = False
            for p in range(places):
                if not near:
                    near = not is_clear(marks[p * wide :], few, o, ends, f32(waves), sight, edge, count, wide, NEARLY, f32(0.0))  # fmt: skip
        found[o] = near
        if near:
            some, fast = True, max(fast, swiftness(edge, count))
    return some, fast


@kernel(apart=True)
def fetch(everything, first, ratio, out_found, back_found, crowd, held, wide):
    """Write the pieces found on either leg into crowd, on every ratio-th knot (1, 2, 4) from `first` on; held (piece,): from which knot on, and how densely, each of them is there."""
    mark = 8 * first + ratio
    for o in range(out_found.shape[0]):
        if (out_found[o] or back_found[o]) and held[o] != mark:
            held[o] = mark
            window_of(everything, o, first, ratio, crowd, 0, wide)


@kernel
def repeat(few, first, out_found, back_found, many, held, mics, wide):
    """Write the pieces found on either leg, on knots of gain (`few`), into `many` once for each of mics side by side; held: see `fetch`."""
    for o in range(out_found.shape[0]):
        if (out_found[o] or back_found[o]) and held[o] != first:
            held[o] = first
            for row in range(o * ROWS, (o + 1) * ROWS):
                there = few[row * ROW :]
                for m in range(mics):
                    here = many[row * ROW + m * wide :]
                    for k in range(wide):
                        here[k] = there[k]


@kernel(apart=True)
def hide(points, crowd, ends, found, waves, sight, through, count):
    """Multiply `through` by what passes the pieces found on legs from points to ends (3 rows each)."""
    for o in range(found.shape[0]):
        if found[o]:
            shade(points, crowd, o, ends, f32(waves), sight, through, count)


@kernel
def hide_middle(points, crowd, ends, found, waves, sight, one, through, apart, count):
    """Do what `hide` does, but for pieces whose shade may differ between microphones into `apart`: they alone are left in `found`.  one: scratch."""
    some = False
    for o in range(found.shape[0]):
        if not found[o]:
            continue
        for k in range(count):
            one[k] = ONE
        shade(points, crowd, o, ends, f32(waves), sight, one, count)
        deep = False
        for k in range(count):
            deep |= one[k] < FAINT_SHADE
        found[o] = deep
        some |= deep
        into = apart if deep else through
        for k in range(count):
            into[k] *= one[k]
    return some

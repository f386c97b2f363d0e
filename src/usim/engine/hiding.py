"""Kernels: which limbs are in the way of a pair's legs, and what passes them, at the middle of the array and at each microphone."""

from __future__ import annotations

from usim.engine.shadows import ROWS, ever_shades, is_clear, shade, window_of
from usim.engine.slab import ONE, ROW, f32
from usim.physics.jit import kernel

FAINT_SHADE = f32(
    0.99
)  # amplitude that passes everywhere: what microphones see of such a shade is the same


@kernel
def in_the_way(
    marks, ends, few, held, everything, first, sight, edge, tables, own, known, leg, ratio, ex, ey, ez, waves, least_waves, count, wide, found
):  # fmt: skip
    """Fill found (piece,) with which other pieces matter to a leg from marks to (ex, ey, ez), in all lanes of ends; return whether any does.

    marks: where the leg starts, on knots of gain.  few: slab of the other pieces there, which are read from everything when they are needed; held (piece,):
    from which knot on each of them is there.  known (leg, piece): 0 never, 1 perhaps, -1 not asked yet.
    waves: per metre; least_waves: of the lowest carrier, for all of which an answer holds.
    """
    some = False
    for o in range(tables.shape[0]):
        found[o] = False
        if o == own:
            continue
        if known[leg, o] < 0:
            known[leg, o] = ever_shades(tables, own, o, ratio, ex, ey, ez, least_waves)
        if known[leg, o] > 0:
            if held[o] != first:
                held[o] = first
                window_of(everything, o, first, ratio, few, 0, count, wide)
            found[o] = not is_clear(marks, few, o, ends, f32(waves), sight, edge, count, wide)
            some |= found[o]
    return some


@kernel
def fetch(everything, first, out_found, back_found, crowd, held, count, wide):
    """Write the pieces found on either leg into crowd, on every knot from `first` on; held (piece,): from which knot on each of them is there."""
    for o in range(out_found.shape[0]):
        if (out_found[o] or back_found[o]) and held[o] != first:
            held[o] = first
            window_of(everything, o, first, 1, crowd, 0, count, wide)


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


@kernel
def hide(points, crowd, ends, found, waves, sight, through, count):
    """Multiply `through` by what passes the pieces found on legs from points to ends (3 rows each)."""
    for o in range(found.shape[0]):
        if found[o]:
            shade(points, crowd, o, ends, f32(waves), sight, through, count)


@kernel
def hide_middle(points, crowd, ends, found, waves, sight, one, through, apart, count):
    """Do what `hide` does, and leave in `found` the pieces whose shade may differ between microphones, which go into `apart` as well; one: scratch."""
    some = False
    for o in range(found.shape[0]):
        if not found[o]:
            continue
        for k in range(count):
            one[k] = ONE
        shade(points, crowd, o, ends, f32(waves), sight, one, count)
        deep = False
        for k in range(count):
            through[k] *= one[k]
            deep |= one[k] < FAINT_SHADE
        found[o] = deep
        if deep:
            some = True
            for k in range(count):
                apart[k] *= one[k]
    return some

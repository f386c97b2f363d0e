"""Sixteen numbers at once, where the compiler would not see that they go together.

A loop of sixteen steps is too short for it: it packs only longer ones, or unrolls it into single numbers.
"""

from __future__ import annotations

import llvmlite.ir
import numba.extending
from numba import types

WIDE = 16
_ROW = types.Array(types.float32, 1, "C")


@numba.extending.intrinsic
def add_sixteen(typing_context, out, at, weights, first, a, b, c):  # type: ignore[no-untyped-def]
    """Add a w[0:16] + b w[16:32] + c w[32:48] to out[at : at + 16]: flat float32 rows, float32 factors, w from `first` on; rounded after every step."""

    def made(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        vector = llvmlite.ir.VectorType(llvmlite.ir.FloatType(), WIDE)

        def pointer(number, index):  # type: ignore[no-untyped-def]
            data = context.make_array(signature.args[number])(
                context, builder, value=arguments[number]
            ).data
            return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())

        def loaded(where):  # type: ignore[no-untyped-def]
            return builder.load(where, align=4)

        def whole(value):  # type: ignore[no-untyped-def]
            one = builder.insert_element(
                llvmlite.ir.Constant(vector, llvmlite.ir.Undefined),
                value,
                llvmlite.ir.Constant(llvmlite.ir.IntType(32), 0),
            )
            lanes = llvmlite.ir.VectorType(llvmlite.ir.IntType(32), WIDE)
            return builder.shuffle_vector(one, one, llvmlite.ir.Constant(lanes, [0] * WIDE))

        step = llvmlite.ir.Constant(llvmlite.ir.IntType(64), WIDE)
        start = arguments[3]
        total = None
        for factor in (arguments[4], arguments[5], arguments[6]):
            product = builder.fmul(whole(factor), loaded(pointer(2, start)))
            total = product if total is None else builder.fadd(total, product)
            start = builder.add(start, step)
        where = pointer(0, arguments[1])
        builder.store(builder.fadd(loaded(where), total), where, align=4)
        return context.get_dummy_value()

    index, one = types.int64, types.float32
    return types.void(out, index, weights, index, one, one, one), made

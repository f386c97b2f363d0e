"""Sixteen numbers at once, where the compiler would not see that they go together.

A loop of sixteen steps is too short for it: it packs only longer ones, or unrolls it into single numbers.
"""

from __future__ import annotations

import llvmlite.ir
import numba.extending
from numba import types

WIDE, ROWS = 16, 5


@numba.extending.intrinsic
def add_sixteen(typing_context, out, at, weights, first, factors, k, step):  # type: ignore[no-untyped-def]
    """Add ROWS rows of sixteen weights, each times a factor, to out[at : at + 16].

    Flat float32 arrays: row r of the weights starts at first + 16 r, its factor is number k + r step.  Every product and sum is rounded by itself.
    """

    def made(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        vector = llvmlite.ir.VectorType(llvmlite.ir.FloatType(), WIDE)
        lanes = llvmlite.ir.VectorType(llvmlite.ir.IntType(32), WIDE)
        nothing = llvmlite.ir.Constant(vector, llvmlite.ir.Undefined)
        zero = llvmlite.ir.Constant(llvmlite.ir.IntType(32), 0)
        everywhere = llvmlite.ir.Constant(lanes, [0] * WIDE)

        def data(number):  # type: ignore[no-untyped-def]
            array = context.make_array(signature.args[number])
            return array(context, builder, value=arguments[number]).data

        def rows_of(number, index):  # type: ignore[no-untyped-def]
            return builder.bitcast(builder.gep(data(number), [index]), vector.as_pointer())

        wide = llvmlite.ir.Constant(llvmlite.ir.IntType(64), WIDE)
        row, factor, total = arguments[3], arguments[5], None
        for _ in range(ROWS):
            value = builder.load(builder.gep(data(4), [factor]))
            one = builder.insert_element(nothing, value, zero)
            whole = builder.shuffle_vector(one, one, everywhere)
            product = builder.fmul(whole, builder.load(rows_of(2, row), align=4))
            total = product if total is None else builder.fadd(total, product)
            row, factor = builder.add(row, wide), builder.add(factor, arguments[6])
        where = rows_of(0, arguments[1])
        builder.store(builder.fadd(builder.load(where, align=4), total), where, align=4)
        return context.get_dummy_value()

    index = types.int64
    return types.void(out, index, weights, index, factors, index, index), made

"""Sixteen numbers at once, where the compiler would not see that they go together.

A loop of sixteen steps is too short for it: it packs only longer ones, or unrolls it into single numbers.
"""

from __future__ import annotations

import llvmlite.ir

from usim.physics.jit import intrinsic, types

WIDE, ROWS = 16, 5


@intrinsic
def add_sixteen(typing_context, out, at, far, weights, first, factors, k, step):  # type: ignore[no-untyped-def]
    """Add ROWS rows of sixteen weights, each times a factor, to out[at : at + 16], and times other factors to the sixteen places that lie `far` further.

    Flat float32 arrays: row r of the weights starts at first + 16 r, its factors are number k + 2 r step and the one `step` after it.  Every product and
    sum is rounded by itself.
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
        row, factor = arguments[4], arguments[6]
        totals: list = [None, None]
        for _ in range(ROWS):
            weight = builder.load(rows_of(3, row), align=4)
            for part in range(2):
                value = builder.load(builder.gep(data(5), [factor]))
                one = builder.insert_element(nothing, value, zero)
                product = builder.fmul(builder.shuffle_vector(one, one, everywhere), weight)
                before = totals[part]
                totals[part] = product if before is None else builder.fadd(before, product)
                factor = builder.add(factor, arguments[7])
            row = builder.add(row, wide)
        start = arguments[1]
        for total in totals:
            where = rows_of(0, start)
            builder.store(builder.fadd(builder.load(where, align=4), total), where, align=4)
            start = builder.add(start, arguments[2])
        return context.get_dummy_value()

    index = types.int64
    return types.void(out, index, index, weights, index, factors, index, index), made

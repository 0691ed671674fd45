"""The sum of squared differences of two rows in float64, in NumPy's order, eight numbers at a time.

NumPy adds up a row in runs of at most 128 numbers, each in eight lanes that are joined at its end. Compilers do not
turn such a loop into vector code on their own, and a float64 sum decides every neighbor: so the lanes are one vector
here. Nothing is reordered or fused: the bits are NumPy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from lookalike.analysis._blocks import Array
from lookalike.analysis._compiling import compiled

LANES = 8

if TYPE_CHECKING:

    def lanes_of_squares(rows: Array, a: int, b: int, start: int, turns: int) -> float:
        """The sum of (rows[a] - rows[b])^2 over `LANES` times `turns` columns from `start`; turns is 1 or more.

        `rows` (n, d) float32 or float64, the numbers of a row beside one another in memory.
        """

else:

    @intrinsic
    def lanes_of_squares(_context, rows, a, b, start, turns):  # noqa: ARG001  their types are of no interest
        narrow = ir.VectorType(ir.FloatType() if rows.dtype == types.float32 else ir.DoubleType(), LANES)
        wide = ir.VectorType(ir.DoubleType(), LANES)

        def generate(context, builder, signature, args):
            array = context.make_array(signature.args[0])(context, builder, args[0])
            step = cgutils.unpack_tuple(builder, array.strides, 2)[0]
            base = builder.bitcast(array.data, ir.IntType(8).as_pointer())
            starts = [
                builder.gep(builder.bitcast(builder.gep(base, [builder.mul(row, step)]), array.data.type), [args[3]])
                for row in args[1:3]
            ]

            def squares(turn):
                at = builder.mul(turn, ir.Constant(turn.type, LANES))
                parts = []
                for first in starts:
                    place = builder.bitcast(builder.gep(first, [at]), narrow.as_pointer())
                    part = builder.load(place, align=rows.dtype.bitwidth // 8)
                    parts.append(part if narrow == wide else builder.fpext(part, wide))
                gap = builder.fsub(*parts)
                return builder.fmul(gap, gap)

            count = args[4]
            total = cgutils.alloca_once_value(builder, squares(ir.Constant(count.type, 0)))
            with cgutils.for_range(builder, count, start=ir.Constant(count.type, 1)) as loop:
                builder.store(builder.fadd(builder.load(total), squares(loop.index)), total)
            lanes = builder.load(total)
            parts = [builder.extract_element(lanes, ir.Constant(ir.IntType(32), lane)) for lane in range(LANES)]
            while len(parts) > 1:
                parts = [builder.fadd(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
            return parts[0]

        return types.float64(rows, types.intp, types.intp, types.intp, types.intp), generate


@compiled
def sum_of_squares(rows: Array, a: int, b: int, leaves: Array, merges: Array, stack: Array) -> Any:
    """The sum of (rows[a] - rows[b])^2 in float64, added in the order in which `numpy.sum` adds it: the same bits.

    `leaves` and `merges` come from `_sums.sum_plan`: the lengths (8 or more each) of the runs that NumPy adds up on
    their own, eight lanes wide, and how many partial sums it joins after each. `stack` (40,) float64 is scratch.
    """
    top = 0
    start = 0
    for leaf in range(len(leaves)):
        turns = leaves[leaf] // LANES
        stop = start + leaves[leaf]
        total = lanes_of_squares(rows, a, b, start, turns)
        for i in range(start + turns * LANES, stop):
            gap = np.float64(rows[a, i]) - np.float64(rows[b, i])
            total += gap * gap
        start = stop
        stack[top] = total
        top += 1
        for _ in range(merges[leaf]):
            stack[top - 2] += stack[top - 1]
            top -= 1
    return stack[0]

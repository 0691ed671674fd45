"""The loops of `_graph` that NumPy cannot fuse, compiled by Numba when they are first used.

Imported only by `_graph`, and only where a graph is large enough to repay it: `import lookalike` and one query never
load Numba. Where Numba cannot be imported, `_search.ExactSearch` gives the same answers in plain NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from lookalike.analysis._blocks import Array

F = TypeVar("F", bound=Callable[..., Any])
CHUNK = 64  # products looked at together before any of them is looked at alone


def compiled(function: F) -> F:
    """`function` as machine code that runs without the GIL; kept on disk for the next process."""
    return cast("F", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def compiled_loosely(function: F) -> F:
    """As `compiled`, but sums may be added in any order."""
    return cast(
        "F", numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})(function)
    )


@compiled
def sum_of_squares(a: Array, b: Array, leaves: Array, merges: Array, squares: Array, stack: Array) -> Any:
    """The sum of (a - b)^2 in float64, added in the order in which `numpy.sum` adds it: the same bits.

    `leaves` and `merges` come from `_graph.sum_plan`: the lengths (8 or more each) of the runs that NumPy adds up on
    their own, eight lanes wide, and how many partial sums it joins after each. `squares` (d,) and `stack` (40,) float64
    are scratch.
    """
    for i in range(len(a)):
        gap = np.float64(a[i]) - np.float64(b[i])
        squares[i] = gap * gap
    top = 0
    start = 0
    for leaf in range(len(leaves)):
        run = squares[start : start + leaves[leaf]]
        r0, r1, r2, r3, r4, r5, r6, r7 = run[0], run[1], run[2], run[3], run[4], run[5], run[6], run[7]
        whole = len(run) // 8
        for turn in range(1, whole):
            part = run[turn * 8 : turn * 8 + 8]
            r0 += part[0]
            r1 += part[1]
            r2 += part[2]
            r3 += part[3]
            r4 += part[4]
            r5 += part[5]
            r6 += part[6]
            r7 += part[7]
        total = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
        for i in range(whole * 8, len(run)):
            total += run[i]
        start += len(run)
        stack[top] = total
        top += 1
        for _ in range(merges[leaf]):
            stack[top - 2] += stack[top - 1]
            top -= 1
    return stack[0]


@compiled_loosely
def rough_sum(a: Array, b: Array) -> Any:
    """The same sum in the type of the rows and in any order: off by at most (d + 3) u of itself."""
    total = a[0] - a[0]
    for i in range(len(a)):
        gap = a[i] - b[i]
        total += gap * gap
    return total


@compiled
def quantize(rows: Array, center: Array, step: float, out: Array, lost: Array) -> None:
    """Write round((row - center) / step), at most 127 in size, into `out`, and what that leaves over into `lost`.

    `out` (n, d) int8; `lost` (n,) float64, the length of row - center - step * out.
    """
    for i in range(len(rows)):
        rest = 0.0
        for j in range(rows.shape[1]):
            value = np.float64(rows[i, j]) - center[j]
            near = min(127.0, max(-127.0, np.rint(value / step)))
            out[i, j] = np.int8(near)
            gap = value - near * step
            rest += gap * gap
        lost[i] = np.sqrt(rest)


@compiled_loosely
def round_rows(rows: Array, center: Array, scale: Any, out: Array, norms: Array, lost: Array) -> None:
    """What `_codes.Scale.codes` gives, in one pass: codes + 128 (a, d) uint8, their squares (a,), what is lost (a,)."""
    for i in range(len(rows)):
        whole = rows[i, 0] - rows[i, 0]
        rest = rows[i, 0] - rows[i, 0]
        for j in range(rows.shape[1]):
            value = (rows[i, j] - center[j]) * scale
            near = min(np.float32(127), max(np.float32(-127), np.rint(value)))
            out[i, j] = np.uint8(np.int32(near) + 128)
            gap = value - near
            whole += near * near
            rest += gap * gap
        norms[i] = whole
        lost[i] = rest


@compiled
def rough_sums(rows: Array, near: Array, one: int, out: Array) -> None:
    """`rough_sum` of some rows and one."""
    for i in range(len(near)):
        out[i] = rough_sum(rows[near[i]], rows[one])


@compiled
def true_sums(rows: Array, left: Array, right: Array, leaves: Array, merges: Array, out: Array) -> None:
    """`sum_of_squares` of pairs of rows; written out, since a view of a row costs more than its sum."""
    width = rows.shape[1]
    squares = np.empty((width + 7) // 8 * 8, np.float64)
    stack = np.empty(40, np.float64)
    for pair in range(len(left)):
        a, b = left[pair], right[pair]
        for i in range(width):
            gap = np.float64(rows[a, i]) - np.float64(rows[b, i])
            squares[i] = gap * gap
        top = 0
        start = 0
        for leaf in range(len(leaves)):
            stop = start + leaves[leaf]
            whole = start + leaves[leaf] // 8 * 8
            r0 = r1 = r2 = r3 = r4 = r5 = r6 = r7 = 0.0
            for i in range(start, whole, 8):
                r0 += squares[i]
                r1 += squares[i + 1]
                r2 += squares[i + 2]
                r3 += squares[i + 3]
                r4 += squares[i + 4]
                r5 += squares[i + 5]
                r6 += squares[i + 6]
                r7 += squares[i + 7]
            total = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
            for i in range(whole, stop):
                total += squares[i]
            start = stop
            stack[top] = total
            top += 1
            for _ in range(merges[leaf]):
                stack[top - 2] += stack[top - 1]
                top -= 1
        out[pair] = stack[0]


@compiled
def offer(r: int, other: int, squared: float, best: Array, best_ids: Array, limit: Array) -> None:
    """Put the row `other` at its place among the best of `r`, if it has one."""
    last = best.shape[1] - 1
    if squared > best[r, last] or (squared == best[r, last] and other > best_ids[r, last]):
        return
    place = last
    while place > 0 and (
        best[r, place - 1] > squared or (best[r, place - 1] == squared and best_ids[r, place - 1] > other)
    ):
        best[r, place] = best[r, place - 1]
        best_ids[r, place] = best_ids[r, place - 1]
        place -= 1
    best[r, place] = squared
    best_ids[r, place] = other
    limit[r] = min(limit[r], np.sqrt(best[r, last]) * (1 + 1e-9))


@compiled
def _bars(first: int, last: int, facts: tuple[Array, ...], limit: Array, step: float, slack: float) -> Any:
    """For each row the two numbers that its limit turns into: see `_graph`, "the test of a product"."""
    norm, _, spread, _ = facts
    slope = np.empty(last - first, np.float32)
    level = np.empty(last - first, np.float32)
    for r in range(first, last):
        reach = (limit[r] + spread[r]) / step
        slope[r - first] = reach
        level[r - first] = (norm[r] - reach * reach) / 2 - slack * (norm[r] + reach * reach + 1)
    return slope, level


@compiled
def seed(products: Array, first: int, facts: tuple[Array, ...], limit: Array, step: float, k: int) -> None:
    """Set the limits of a block's rows to the k-th smallest upper bound among their distances within the block."""
    norm, _, spread, _ = facts
    size = len(products)
    upper = np.empty(size, np.float64)
    for i in range(size):
        for j in range(size):
            squared = max(0.0, norm[first + i] + norm[first + j] - 2 * np.float64(products[i, j]))
            upper[j] = step * np.sqrt(squared) * (1 + 1e-9) + spread[first + i] + spread[first + j]
        upper[i] = np.inf
        limit[first + i] = min(limit[first + i], np.partition(upper, k - 1)[k - 1] * (1 + 1e-9))


@compiled
def _any_passes(line: Array, columns: tuple[Array, ...], row: tuple[Any, ...]) -> Any:
    """Whether any product of a run matters to its row or to its column; short enough to become vector code."""
    half, wide, level, slope = columns
    s, h, p, w = row
    hits = np.int32(0)
    for j in range(len(line)):
        value = np.float32(line[j])
        hits |= np.int32((value >= half[j] + h - s * wide[j]) | (value >= p + level[j] - slope[j] * w))
    return hits != 0


@compiled
def scan(
    products: Array,
    at: tuple[int, int],
    facts: tuple[Array, ...],
    scales: tuple[float, float, float],
    data: tuple[Array, ...],
    state: tuple[Array, ...],
) -> int:
    """Look at one tile of products, each for both of its rows, and decide what may matter; how many were decided.

    `products` (a, b) int32 of the rows from `at[0]` with those from `at[1]`; `at[0] == at[1]` is a tile
    on the diagonal, of which the part above it is looked at. `data`: the vectors, which of them each row is, and
    `_graph.sum_plan`. `state`: best (n, k) squared distances, their rows, and
    an upper bound (n,) of the k-th distance.
    """
    norm, half, spread, wide = facts
    step, slack, loose = scales
    rows, order, leaves, merges = data
    best, best_ids, limit = state
    top, left = at
    height, width = products.shape
    slope, level = _bars(left, left + width, facts, limit, step, slack)
    half_j = half[left : left + width]
    wide_j = wide[left : left + width]
    last = best.shape[1] - 1
    squares = np.empty(rows.shape[1], np.float64)
    stack = np.empty(40, np.float64)
    decided = 0
    for i in range(height):
        r = top + i
        line = products[i]
        slope_i, level_i = _bars(r, r + 1, facts, limit, step, slack)
        s, h, p, w = slope_i[0], level_i[0], half[r], wide[r]
        mine = rows[order[r]]
        for begin in range(i + 1 if top == left else 0, width, CHUNK):
            end = min(width, begin + CHUNK)
            columns = (half_j[begin:end], wide_j[begin:end], level[begin:end], slope[begin:end])
            if not _any_passes(line[begin:end], columns, (s, h, p, w)):
                continue
            for j in range(begin, end):
                value = np.float32(line[j])
                here = value >= half_j[j] + h - s * wide_j[j]
                there = value >= p + level[j] - slope[j] * w
                if not (here or there):
                    continue
                c = left + j
                squared = max(0.0, norm[r] + norm[c] - 2 * np.float64(line[j]))
                low = step * np.sqrt(squared) * (1 - 1e-6) - spread[r] - spread[c]
                if low > limit[r] and low > limit[c]:
                    continue
                decided += 1
                other = rows[order[c]]
                if rough_sum(mine, other) * loose > max(best[r, last], best[c, last]):
                    continue
                true = sum_of_squares(mine, other, leaves, merges, squares, stack)
                offer(r, order[c], true, best, best_ids, limit)
                offer(c, order[r], true, best, best_ids, limit)
    return decided

"""The loops of `_arriving`: what a product of bytes does not refuse is measured while its rows are in the cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.analysis._kernels import CHUNK, _any_passes, compiled, rough_sum

BEYOND = 1e9  # steps: no two codes are so far apart, so a reach or a loss of this lets everything pass
NEVER = np.float32(3e38)
TINY = 1e-40


@compiled
def _level(norm: float, reach: float, slack: float) -> Any:
    """What a reach in steps turns into: see `_graph`, "the test of a product"."""
    return np.float32((norm - reach * reach) / 2 - slack * (norm + reach * reach + 1))


@compiled
def _columns(first: int, stop: int, new: tuple[Array, ...], limit: Array, scales: tuple[float, float, float]) -> Any:
    """For each of some new rows the four numbers of the test: of what it loses two, of its limit two."""
    _, norms, lost, fresh = new
    step, slack, _ = scales
    half, wide, level, slope = np.empty((4, stop - first), np.float32)
    for c in range(first, stop):
        norm, w = np.float64(norms[c]), np.float64(min(lost[c], np.float32(BEYOND)))
        wide[c - first] = w
        half[c - first] = (norm - w * w) / 2 - slack * (norm + w * w) if fresh[c] else NEVER
        bar = min(np.sqrt(limit[c]) / step, BEYOND) + w
        slope[c - first] = bar
        level[c - first] = _level(norm, bar, slack)
    return half, wide, level, slope


@compiled
def _lowered(top: Array, high: float) -> Any:
    """Put a number among the least, which ascend; whether it is one of them."""
    place = len(top) - 1
    if high >= top[place]:
        return False
    while place > 0 and top[place - 1] > high:
        top[place] = top[place - 1]
        place -= 1
    top[place] = high
    return True


@compiled
def passing(
    products: Array,
    at: tuple[int, int],
    rows: Array,
    old: tuple[Array, ...],
    new: tuple[Array, ...],
    scales: tuple[float, float, float],
    least: tuple[Array, Array],
    found: tuple[Array, ...],
) -> None:
    """Look at the products of some rows with some new ones, and list the pairs that either side may want.

    `products` (a, m) int32: of the rows from `at[0]` with the new ones from `at[1]`. `old`, for these a rows: N, w, and
    the reach of their lists (negative: none), in steps. `new`, for all M: their rows, N, w, and whether they may enter
    the lists of others. `scales`: the step, the slack of the test, how far a sum in the type of the rows can be off.
    `least`: of each new row the least squared distances (M, width), from above and ascending, and what the last is
    known to be within (M,), lowered here. `found`: row, new row and rough squared distance of each pair, and two
    numbers: the row to begin with, and how many pairs there are. Where there may not be room for the pairs of one more
    row it returns before that.
    """
    norms, lost, reach = old
    own, new_norms, _, fresh = new
    step, slack, off = scales
    tops, limit = least
    found_rows, found_new, found_rough, state = found
    first, left = at
    height, width = products.shape
    half, wide, level, slope = _columns(left, left + width, new, limit, scales)
    count = state[1]
    for i in range(state[0], height):
        if count + width > len(found_rows):
            state[0], state[1] = i, count
            return
        line, mine = products[i], rows[first + i]
        norm, w = np.float64(norms[i]), min(lost[i], np.float32(BEYOND))
        bar = min(reach[i], BEYOND) + np.float64(w)
        hidden = reach[i] < 0
        s = np.float32(0) if hidden else np.float32(bar)
        h = NEVER if hidden else _level(norm, bar, slack)
        p = np.float32((norm - np.float64(w) ** 2) / 2 - slack * (norm + np.float64(w) ** 2))
        within = -1.0 if hidden else (reach[i] * step) ** 2
        for begin in range(0, width, CHUNK):
            end = min(width, begin + CHUNK)
            columns = (half[begin:end], wide[begin:end], level[begin:end], slope[begin:end])
            if not _any_passes(line[begin:end], columns, (s, h, p, w)):
                continue
            for j in range(begin, end):
                value = np.float32(line[j])
                if value < half[j] + h - s * wide[j] and value < p + level[j] - slope[j] * w:
                    continue
                c = left + j
                if own[c] == first + i:
                    continue
                rough = np.float64(rough_sum(mine, rows[own[c]]))
                low = rough * (1 - off) - TINY
                if low > limit[c] and (low > within or not fresh[c]):
                    continue
                found_rows[count], found_new[count], found_rough[count] = first + i, c, rough
                count += 1
                if _lowered(tops[c], rough * (1 + off) + TINY) and tops[c, -1] < limit[c]:
                    limit[c] = tops[c, -1]
                    bar = min(np.sqrt(limit[c]) / step, BEYOND) + np.float64(wide[j])
                    slope[j], level[j] = bar, _level(np.float64(new_norms[c]), bar, slack)
    state[0], state[1] = height, count

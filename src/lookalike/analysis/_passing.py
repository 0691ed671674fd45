"""The loops of `_arriving`: rows as bytes, and which pairs their products do not refuse."""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.analysis._compiling import compiled, compiled_loosely
from lookalike.analysis._kernels import FINER, turn
from lookalike.analysis._listing import _level, _mark, _span

BEYOND = 1e9  # units: no two codes are so far apart, so a reach of this lets everything pass
NEVER = np.float32(1e30)  # a product is never as large


@compiled
def _most(bits: Array) -> Any:
    """The bits of the largest size among float32 numbers: in the order of sizes, those that are not finite the last."""
    most = np.int32(0)
    for j in range(len(bits)):
        size = np.int32(bits[j] & np.int32(0x7FFFFFFF))
        if size > most:  # noqa: PLR1730  max would make it 64 bits wide, and the loop no vector code
            most = size
    return most


@compiled_loosely
def coded(
    rows: Array, center: Array, signs: Array, unit: float, codes: Array, norms: Array, lost: Array, sizes: Array
) -> Any:
    """Write rows as bytes, in the rotation of `_kernels.turn`, in float32; the largest number in them.

    `center` and `signs` (D,) float32. `codes` (n, D) uint8: q + 128. Of each row, (n,) float64: `sizes`, its step in
    `unit`s, `norms`, |size q|^2, and `lost`, at least the length of what is left over, in units. The rotation is off by
    less than 6 u |x - c|, u = 2^-24, the length of what is left by (D + 4) u of itself, and what a square root of norms
    and products brings by 2^-24 of both lengths: there is room for all of these.
    """
    turned = np.empty(len(signs), np.float32)
    bits = turned.view(np.int32)
    largest = np.int32(0)
    least = np.float32(127 * unit / FINER)
    for i in range(len(rows)):
        out = codes[i]
        turn(rows[i], center, signs, turned)
        most = _most(bits)
        largest = max(largest, most)
        first, bits[0] = bits[0], most
        reach = max(turned[0], least)
        bits[0] = first
        scale = np.float32(127) / reach
        whole = rest = np.float32(0)
        for j in range(len(turned)):
            value = turned[j] * scale
            near = min(np.float32(127), max(np.float32(-127), np.rint(value)))
            out[j] = np.uint8(np.int32(near) + np.int32(128))
            gap = value - near
            rest += gap * gap
            whole += near * near
        size = np.float64(reach) / (127 * unit)
        length = np.sqrt(np.float64(whole))
        sizes[i] = size
        norms[i] = size * size * np.float64(whole)
        lost[i] = size * ((1 + (len(turned) + 8) * 2.0**-24) * np.sqrt(np.float64(rest)) + 2.0**-20 * (length + 1))
    bits[0] = largest
    return np.float64(turned[0])


@compiled
def _columns(
    first: int, stop: int, new: tuple[Array, ...], limit: Array, unit: float, slack: float, tests: Array
) -> Any:
    """For each of some new rows the numbers of its test: three of its codes, two of its limit; kept in `tests`."""
    norms, lost, sizes, fresh = new
    half, wide, inverse, level, slope = tests[0], tests[1], tests[2], tests[3], tests[4]
    for c in range(first, stop):
        norm, w, a = norms[c], lost[c], sizes[c]
        wide[c - first] = w / a
        inverse[c - first] = 1 / a
        half[c - first] = ((norm - w * w) / 2 - slack * (norm + w * w)) / a if fresh[c] else NEVER
        bar = min(np.sqrt(limit[c]) / unit, BEYOND) + w
        slope[c - first] = bar / a
        level[c - first] = _level(norm, bar, slack) / a
    return half, wide, inverse, level, slope


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
    scales: tuple[float, float],
    old: tuple[Array, ...],
    new: tuple[Array, ...],
    least: tuple[Array, Array],
    found: tuple[Array, ...],
    tests: Array,
) -> None:
    """Look at the products of some rows with some new ones, and list the pairs that either side may want.

    `products` (a, m) int32: of the rows from `at[0]` with the new ones from `at[1]`. `scales`: the unit, and the slack
    of the test. `old`, for these a rows: norms, what is lost, sizes, and the reach of their lists (negative: none), in
    units. `new`, for all M: norms, what is lost, sizes, whether they may enter the lists of others, and their rows.
    `least`: of each new row the least squared distances (M, width), from above and ascending, and what the last is
    known to be within (M,), lowered here. `found`: row, new row and least squared distance of each pair, and two
    numbers: the row to begin with, and how many pairs there are. Where there may not be room for the pairs of one more
    row it returns before that. `tests` (5, m or more) float32 is scratch: an array made here would keep
    `_mark` from becoming vector code.
    """
    norms, lost, sizes, reach = old
    new_norms, new_lost, new_sizes, fresh, own = new
    unit, slack = scales
    tops, limit = least
    found_rows, found_new, found_low, state = found
    first, left = at
    height, width = products.shape
    columns = _columns(left, left + width, new[:4], limit, unit, slack, tests)
    _, _, _, level, slope = columns
    marks = np.zeros((width + 7) // 8 * 8, np.uint8)
    words = marks.view(np.uint64)
    count = state[1]
    for i in range(state[0], height):
        if count + width > len(found_rows):
            state[0], state[1] = i, count
            return
        line = products[i]
        norm, w, a = norms[i], lost[i], sizes[i]
        bar = min(reach[i], BEYOND) + w
        hidden = reach[i] < 0
        s = np.float32(0) if hidden else np.float32(bar)
        h = NEVER if hidden else np.float32(_level(norm, bar, slack))
        p = np.float32((norm - w * w) / 2 - slack * (norm + w * w))
        within = -1.0 if hidden else (reach[i] * unit) ** 2
        _mark(line, columns, (np.float32(a), s, h, p, np.float32(w)), marks)
        for word in range(len(words)):
            if words[word] == 0:
                continue
            for j in range(8 * word, min(width, 8 * word + 8)):
                c = left + j
                if marks[j] == 0 or own[c] == first + i:
                    continue
                squared = max(0.0, norm + new_norms[c] - 2 * a * new_sizes[c] * np.float64(line[j]))
                low, high = _span(squared * unit * unit, (w + new_lost[c]) * unit, 0.0)
                if low > limit[c] and (low > within or not fresh[c]):
                    continue
                found_rows[count], found_new[count], found_low[count] = first + i, c, low
                count += 1
                if high < limit[c] and _lowered(tops[c], high) and tops[c, -1] < limit[c]:
                    limit[c] = tops[c, -1]
                    bar = min(np.sqrt(limit[c]) / unit, BEYOND) + new_lost[c]
                    slope[j], level[j] = bar / new_sizes[c], _level(new_norms[c], bar, slack) / new_sizes[c]
    state[0], state[1] = height, count


@compiled
def inserted(ids: Array, distances: Array, end: Array, came: tuple[Array, ...], tied: Array) -> None:
    """Put rows into lists by distance, in place, one after the other; mark the lists that hold an equal one in `tied`.

    `ids`, `distances` (n, width). `end` (n,): what is not nearer than this is left out. `came`: list, row and distance
    of each.
    """
    lists, new, far = came
    width = ids.shape[1]
    for p in range(len(lists)):
        r, row, distance = lists[p], new[p], far[p]
        place = width
        for i in range(width):
            if distances[r, i] >= distance:
                place = i
                break
        if place < width and distances[r, place] == distance:
            tied[r] = True
        if place == width or distance >= end[r]:
            continue
        for i in range(width - 1, place, -1):
            ids[r, i], distances[r, i] = ids[r, i - 1], distances[r, i - 1]
        ids[r, place], distances[r, place] = row, distance

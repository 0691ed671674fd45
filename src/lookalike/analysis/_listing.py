"""The loops of `_graph`: what may be near is listed, block by block, and decided at the end.

Each row keeps a list of others with the squares of their distances as the products give them, and a limit, which at
least k of these are within, each enlarged by its error. What is beyond the limit by more than its own error is not
among the k nearest. A full list is thinned by the limit that it now has; where that leaves it nearly full, the
distances in it are computed, and the k best are kept. At the end every list holds the k nearest and what could not be
told from them. Distances are then computed, as NumPy would add them up: first those that the estimates put among the k
nearest of a row, which gives it a last limit, then what this leaves. A pair that two lists hold is computed once.

The number c of another row in a list becomes -1 - c once its distance is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.analysis._compiling import compiled
from lookalike.analysis._kernels import BASE
from lookalike.analysis._lanes import sum_of_squares

ROUNDS = 16
SURE = 1e-9  # a float64 sum of squares is off by far less of itself, at any allowed dimension


@compiled
def _span(squared: float, lost: float, crossing: float) -> Any:
    """The least and the most that the square of a distance can be: see `_graph`, "the bound"."""
    low = max(0.0, np.sqrt(max(0.0, squared - crossing)) * (1 - 1e-6) - lost)
    high = np.sqrt(squared + crossing) * (1 + 1e-6) + lost
    return low * low, high * high


@compiled
def _bound(values: Array, k: int) -> Any:
    """Something that at least k of some values are within, and few more: bisected, since counting is vector code."""
    low, high = np.inf, -np.inf
    for value in values:
        low, high = min(low, value), max(high, value)
    for _ in range(ROUNDS):
        middle = low + (high - low) / 2
        within = 0
        for value in values:
            within += value <= middle
        if within >= k:
            high = middle
        else:
            low = middle
        if within == k:
            break
    return high


@compiled
def _thin(r: int, k: int, facts: Array, lists: tuple[Array, ...], limit: Array) -> None:
    """Lower the limit of `r` to what its list says, and leave in the list what is within it."""
    squares, others, counts = lists
    low, high = np.empty(counts[r], np.float64), np.empty(counts[r], np.float64)
    for i in range(counts[r]):
        c = others[r, i]
        if c < 0:
            low[i], high[i] = squares[r, i] * (1 - SURE), squares[r, i] * (1 + SURE)
        else:
            low[i], high[i] = _span(squares[r, i], facts[1, r] + facts[1, c], 2 * facts[2, r] * facts[2, c])
    if counts[r] >= k:
        limit[r] = min(limit[r], _bound(high, k))
    kept = 0
    for i in range(counts[r]):
        if low[i] <= limit[r]:
            squares[r, kept] = squares[r, i]
            others[r, kept] = others[r, i]
            kept += 1
    counts[r] = kept


@compiled
def _insert(squared: float, row: int, tag: int, count: int, best: Array, rows: Array, tags: Array) -> Any:
    """Put a row at its place among the `count` best, which ascend, equal ones by row; how many there are then.

    `tag` goes with it. Where there is no more room, the last one goes.
    """
    place = count
    if count == len(best):
        place -= 1
        if squared > best[place] or (squared == best[place] and row > rows[place]):
            return count
    while place > 0 and (best[place - 1] > squared or (best[place - 1] == squared and rows[place - 1] > row)):
        best[place] = best[place - 1]
        rows[place] = rows[place - 1]
        tags[place] = tags[place - 1]
        place -= 1
    best[place] = squared
    rows[place] = row
    tags[place] = tag
    return min(count + 1, len(best))


@compiled
def _compute(r: int, k: int, data: tuple[Array, ...], lists: tuple[Array, ...], limit: Array) -> None:
    """Compute the distances in the list of `r`, and leave the k best."""
    rows, order, leaves, merges = data
    squares, others, counts = lists
    best, ids, tags = np.empty(k, np.float64), np.empty(k, np.int64), np.empty(k, np.int32)
    stack = np.empty(40, np.float64)
    count = 0
    for i in range(counts[r]):
        if others[r, i] >= 0:
            squares[r, i] = sum_of_squares(rows, order[r], order[others[r, i]], leaves, merges, stack)
            others[r, i] = -1 - others[r, i]
        count = _insert(squares[r, i], order[-1 - others[r, i]], others[r, i], count, best, ids, tags)
    for i in range(k):
        squares[r, i] = best[i]
        others[r, i] = tags[i]
    counts[r] = k
    limit[r] = min(limit[r], best[k - 1] * (1 + SURE))


@compiled
def _make_room(
    r: int,
    k: int,
    facts: Array,
    data: tuple[Array, ...],
    lists: tuple[Array, ...],
    limit: Array,
) -> None:
    """Shorten a full list."""
    _thin(r, k, facts, lists, limit)
    if 4 * lists[2][r] > 3 * lists[0].shape[1]:
        _compute(r, k, data, lists, limit)


@compiled
def _level(norm: float, reach: float, slack: float) -> Any:
    """What does not depend on the other row in the test of a row's `reach`: see `_graph`, "the test of a product"."""
    return (norm - reach * reach) / 2 - slack * (norm + reach * reach + 1)


@compiled
def _bar(limit: float, norm: float, lost: float, step: float, slack: float) -> Any:
    """The two numbers that a limit turns into: see `_graph`, "the test of a product"."""
    reach = (np.sqrt(limit) + lost) / step
    return reach, _level(norm, reach, slack)


@compiled
def _matters(value: Any, column: tuple[Any, ...], row: tuple[Any, ...]) -> Any:
    """Whether a product, times the size of its row, matters to that row or to its column, as 0 or 1."""
    half, wide, inverse, level, slope = column
    _, s, h, p, w = row
    return np.uint8((value >= half + h * inverse - s * wide) | (value >= p * inverse + level - slope * w))


@compiled
def _mark(line: Array, columns: tuple[Array, ...], row: tuple[Any, ...], marks: Array) -> None:
    """Mark the products that matter to their row or to their column; short enough to become vector code."""
    half, wide, inverse, level, slope = columns
    size = row[0]
    for j in range(len(line)):
        value = size * np.float32(line[j])
        marks[j] = _matters(value, (half[j], wide[j], inverse[j], level[j], slope[j]), row)


@compiled
def _mark_finely(line: Array, more: Array, columns: tuple[Array, ...], row: tuple[Any, ...], marks: Array) -> None:
    """The same for products of two digits of the row with one of the columns."""
    half, wide, inverse, level, slope = columns
    size = row[0]
    for j in range(len(line)):
        value = size * (np.float32(line[j]) + np.float32(more[j]) * np.float32(1 / BASE))
        marks[j] = _matters(value, (half[j], wide[j], inverse[j], level[j], slope[j]), row)


@compiled
def _mark_loosely(
    line: Array, columns: tuple[Array, ...], rest: Array, row: tuple[Any, ...], own: Any, marks: Array
) -> None:
    """The same where a product is known but for what the rests of both rows may add."""
    half, wide, inverse, level, slope = columns
    size = row[0]
    for j in range(len(line)):
        value = size * np.float32(line[j]) + own * rest[j]
        marks[j] = _matters(value, (half[j], wide[j], inverse[j], level[j], slope[j]), row)


@compiled
def _dot(one: Array, other: Array) -> Any:
    """The product of two rows of bytes; in 32 bits throughout, or it takes twice as long."""
    total = np.int32(0)
    for t in range(len(one)):
        total = np.int32(total + np.int32(np.int32(one[t]) * np.int32(other[t])))
    return total


@compiled
def _refine(codes: tuple[Array, Array], r: int, first: int, places: Array, products: Array) -> None:
    """Make products of a row with those at `places` from `first` on finer, in place: see `listed`."""
    ones, seconds = codes
    for p in range(len(places)):
        c = first + places[p]
        if len(seconds) == 0:
            products[p] = _dot(ones[r], ones[c])
        else:
            products[p] += np.float64(_dot(ones[r], seconds[c])) / BASE


@compiled
def _columns(left: int, width: int, facts: Array, tests: Array, limit: Array, step: float, slack: float) -> Any:
    """What a test asks of each column: three numbers of its codes, two of its limit."""
    level, slope = np.empty(width, np.float32), np.empty(width, np.float32)
    for j in range(width):
        c = left + j
        reach, bar = _bar(limit[c], facts[0, c], facts[1, c], step, slack)
        slope[j], level[j] = reach / facts[3, c], bar / facts[3, c]
    here = slice(left, left + width)
    return tests[0, here], tests[1, here], tests[2, here], level, slope


@compiled
def _gather(
    rows: tuple[int, int, int, int],
    line: Array,
    more: Array,
    step: float,
    coarse: tuple[Array, Array],
    limit: Array,
    marks: Array,
    found: tuple[Array, Array],
) -> Any:
    """Of the marked products of a row those that its limit or that of the column allows: how many there are.

    `rows`: the row, the first column, and between which of these from there. `found`: their places and the products.
    """
    r, left, begin, end = rows
    own, its = coarse
    places, products = found
    words = marks.view(np.uint64)
    count = 0
    for word in range(begin // 8, (end + 7) // 8):
        if words[word] == 0:
            continue
        for j in range(max(begin, 8 * word), min(end, 8 * word + 8)):
            if marks[j] == 0:
                continue
            c = left + j
            product = np.float64(line[j])
            if len(more) > 0:
                product += np.float64(more[j]) / BASE
            squared = max(0.0, own[0, r] + its[0, c] - 2 * own[3, r] * its[3, c] * product)
            low = _span(step * step * squared, own[1, r] + its[1, c], 2 * own[2, r] * its[2, c])[0]
            if low <= limit[r] or low <= limit[c]:
                places[count], products[count] = j, product
                count += 1
    return count


@compiled
def listed(
    products: tuple[Array, Array],
    at: tuple[int, int, int, int],
    scales: tuple[int, float, float, float],
    coarse: tuple[tuple[Array, Array], tuple[Array, Array]],
    fine: tuple[Array, tuple[Array, Array]],
    data: tuple[Array, ...],
    lists: tuple[Array, ...],
    limit: Array,
) -> None:
    """Look at one tile of products, each for both of its rows, and list what may be among the k nearest of either.

    `products`: of the rows from `at[0]` with those from `at[1]`, (a, b) int32, and what second digits of the former
    add, in `BASE`-ths, (a, 0) without them. `at[0] == at[1]` is a tile on the diagonal, of which a band above it is
    looked at, from the `at[2]`-th place beyond a row to before the `at[3]`-th. `scales`: k, the steps of `coarse` and
    `fine`, the slack of the test. `coarse`, of rows and of columns, is what the products are of. `fine` is what is
    listed, as `_forms.Form` says, and the digits (n, D) int8 by which to come there: none; one, whose product takes
    the place of the coarse one; or two, the product of one with the other row's second one being added to it. `data`:
    the vectors, which of them each row is, and `_sums.sum_plan`. `lists`: squares (n, m) float64, rows (n, m) int32,
    how many there are (n,). `limit` (n,): what is beyond it is not among the k nearest.
    """
    (own, tests), (its, its_tests) = coarse
    facts, codes = fine
    squares, others, counts = lists
    top, left = at[:2]
    k, rough_step, step, slack = scales
    first, more = products
    height, width = first.shape
    size = squares.shape[1]
    loose = len(codes[0]) > 0 and len(codes[1]) == 0
    columns = _columns(left, width, its, its_tests, limit, rough_step, slack)
    rests = its_tests[3, left : left + width]
    marks = np.zeros((width + 7) // 8 * 8, np.uint8)
    places, near = np.empty(width, np.int64), np.empty(width)
    for i in range(height):
        r = top + i
        line, finer = first[i], more[i]
        reach, bar = _bar(limit[r], own[0, r], own[1, r], rough_step, slack)
        scale = np.float32(own[3, r])
        row = (scale, np.float32(reach), np.float32(bar), tests[0, r] * scale, tests[1, r] * scale)
        if len(finer) > 0:
            _mark_finely(line, finer, columns, row, marks)
        elif loose:
            _mark_loosely(line, columns, rests, row, tests[3, r] * scale, marks)
        else:
            _mark(line, columns, row, marks)
        begin, end = (i + at[2], min(width, i + at[3])) if top == left else (0, width)
        count = _gather((r, left, begin, end), line, finer, rough_step, (own, its), limit, marks, (places, near))
        if len(codes[0]) > 0:
            _refine(codes, r, left, places[:count], near[:count])
        for p in range(count):
            c = left + places[p]
            gap = facts[0, r] + facts[0, c] - 2 * facts[3, r] * facts[3, c] * near[p]
            squared = step * step * max(0.0, gap)
            low = _span(squared, facts[1, r] + facts[1, c], 2 * facts[2, r] * facts[2, c])[0]
            for side in range(2):  # not a call: that would count references to every array
                one, other = (r, c) if side == 0 else (c, r)
                if low <= limit[one]:
                    if counts[one] == size:
                        _make_room(one, k, facts, data, lists, limit)
                    squares[one, counts[one]] = squared
                    others[one, counts[one]] = other
                    counts[one] += 1


@compiled
def thinned(
    first: int,
    last: int,
    k: int,
    facts: Array,
    lists: tuple[Array, ...],
    limit: Array,
) -> None:
    """Leave in the lists of some rows what their limits allow."""
    for r in range(first, last):
        _thin(r, k, facts, lists, limit)


@compiled
def expected(first: int, last: int, k: int, lists: tuple[Array, ...], near: Array) -> None:
    """Write the k-th least estimate in each list into `near` (n,); infinity where all of it is wanted."""
    squares, _, counts = lists
    for r in range(first, last):
        near[r] = _bound(squares[r, : counts[r]], k) if counts[r] > k else np.inf


@compiled
def _place(row: Array, count: int, other: int) -> Any:
    """Where in a list a row is whose distance is not computed; -1 if it is not there."""
    for i in range(count):
        if row[i] == other:
            return i
    return -1


@compiled
def computed(
    first: int,
    last: int,
    facts: Array,
    data: tuple[Array, ...],
    lists: tuple[Array, ...],
    limit: Array,
    near: Array,
) -> None:
    """Compute the distances in the lists of some rows whose estimates are within `near` (n,) of one of both rows.

    Those in two lists are computed with the lower row, for both. So each entry has one thread that writes it.
    """
    rows, order, leaves, merges = data
    squares, others, counts = lists
    stack = np.empty(40, np.float64)
    for r in range(first, last):
        for i in range(counts[r]):
            c, squared = others[r, i], squares[r, i]
            if c < 0 or (squared > near[r] and squared > near[c]):
                continue
            place = -1
            if _span(squared, facts[1, r] + facts[1, c], 2 * facts[2, r] * facts[2, c])[0] <= limit[c]:
                place = _place(others[c], counts[c], r)
                if place >= 0 and c < r:
                    continue
            true = sum_of_squares(rows, order[r], order[c], leaves, merges, stack)
            squares[r, i] = true
            others[r, i] = -1 - c
            if place >= 0:
                squares[c, place] = true
                others[c, place] = -1 - r


@compiled
def chosen(first: int, last: int, order: Array, lists: tuple[Array, ...], best: Array, best_ids: Array) -> None:
    """Leave the k best of lists whose distances are computed in `best` (n, k), and their rows in `best_ids`."""
    squares, others, counts = lists
    tags = np.empty(best.shape[1], np.int32)
    for r in range(first, last):
        count = 0
        for i in range(counts[r]):
            count = _insert(squares[r, i], order[-1 - others[r, i]], 0, count, best[r], best_ids[r], tags)

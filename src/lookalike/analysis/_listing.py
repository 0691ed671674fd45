"""The loops of `_graph` for products in float32: what may be near is listed, and decided once at the end.

A product in float32 gives the square of a distance up to an error far smaller than the gaps between distances. So each
row keeps a list of others with their squares as the products give them, and a limit: the k-th smallest of the squares,
each enlarged by its error. What is beyond the limit by more than its own error is not among the k nearest. A full list
is thinned by the limit that it now has. At the end little more than k are left, and only these are computed directly,
as NumPy would add them up. A row whose list stays too full is given up (its limit becomes minus infinity): float32
cannot tell its neighbors apart, and `_graph` searches it in another way.

Squares are kept in float32: rounding them is off by u D^2 <= 2 u (a^2 + b^2), for which `_error` has room.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array
from lookalike.analysis._kernels import compiled, offer

TINY = 1e-30  # more than what numbers too small for a float32 add up to, where the largest is about 1


@compiled
def _error(norm: Array, spread: Array, r: int, c: int) -> Any:
    """How far the square of a distance from a float32 product can be off."""
    return 2 * spread[r] * spread[c] + 2.0**-21 * (norm[r] + norm[c]) + TINY


@compiled
def _thin(r: int, k: int, facts: tuple[Array, ...], lists: tuple[Array, ...], limit: Array) -> None:
    """Lower the limit of `r` to what its list says, and leave in the list what is within it."""
    norm, _, spread, _ = facts
    squares, others, counts = lists
    upper = np.empty(counts[r], np.float64)
    for i in range(counts[r]):
        upper[i] = squares[r, i] + _error(norm, spread, r, others[r, i])
    limit[r] = min(limit[r], np.partition(upper, k - 1)[k - 1])
    kept = 0
    for i in range(counts[r]):
        if squares[r, i] - _error(norm, spread, r, others[r, i]) <= limit[r]:
            squares[r, kept] = squares[r, i]
            others[r, kept] = others[r, i]
            kept += 1
    counts[r] = kept
    if 4 * kept > 3 * squares.shape[1]:
        limit[r] = -np.inf


@compiled
def _bars(first: int, last: int, facts: tuple[Array, ...], limit: Array, slack: float) -> Any:
    """The number that the limit of each row turns into: see `_graph`, "the test of a product"."""
    level = np.empty(last - first, np.float32)
    for r in range(first, last):
        norm = facts[0][r]
        level[r - first] = (norm - limit[r]) / 2 - slack * (norm + abs(limit[r])) - TINY
    return level


@compiled
def _mark(line: Array, half: Array, spread: Array, level: Array, row: tuple[Any, ...], marks: Array) -> None:
    """Mark the products that matter to their row or to their column; vector code."""
    s, h, p = row
    for j in range(len(line)):
        value = line[j] + s * spread[j]
        marks[j] = np.uint8((value >= half[j] + h) | (value >= p + level[j]))


@compiled
def listed(
    products: Array,
    at: tuple[int, int],
    k: int,
    facts: tuple[Array, ...],
    slack: float,
    lists: tuple[Array, ...],
    limit: Array,
) -> None:
    """Look at one tile of products, each for both of its rows, and list what may be among the k nearest of either.

    `products` (a, b) float32 of the rows from `at[0]` with those from `at[1]`; `at[0] == at[1]` is a tile on the
    diagonal, of which the part above it is looked at. `lists`: squares (n, m) float32, rows (n, m) int32, how many
    there are (n,). `limit` (n,): what is beyond it is not among the k nearest.
    """
    norm, half, spread, wide = facts
    top, left = at
    height, width = products.shape
    squares, others, counts = lists
    size = squares.shape[1]
    columns = slice(left, left + width)
    level = _bars(left, left + width, facts, limit, slack)
    marks = np.zeros((width + 7) // 8 * 8, np.uint8)
    words = marks.view(np.uint64)
    for i in range(height):
        r = top + i
        line = products[i]
        own = _bars(r, r + 1, facts, limit, slack)[0]
        _mark(line, half[columns], wide[columns], level, (wide[r], own, half[r]), marks)
        begin = i + 1 if top == left else 0
        for word in range(begin // 8, len(words)):
            if words[word] == 0:
                continue
            for j in range(max(begin, 8 * word), min(width, 8 * word + 8)):
                if marks[j] == 0:
                    continue
                c = left + j
                squared = max(0.0, norm[r] + norm[c] - 2 * np.float64(line[j]))
                low = squared - (2 * spread[r] * spread[c] + 2.0**-21 * (norm[r] + norm[c]) + TINY)
                # written out for both: a call would count references to every array
                if low <= limit[r]:
                    if counts[r] == size:
                        _thin(r, k, facts, lists, limit)
                    if counts[r] < size and low <= limit[r]:
                        squares[r, counts[r]] = squared
                        others[r, counts[r]] = c
                        counts[r] += 1
                if low <= limit[c]:
                    if counts[c] == size:
                        _thin(c, k, facts, lists, limit)
                    if counts[c] < size and low <= limit[c]:
                        squares[c, counts[c]] = squared
                        others[c, counts[c]] = r
                        counts[c] += 1


@compiled
def thinned(first: int, last: int, k: int, facts: tuple[Array, ...], lists: tuple[Array, ...], limit: Array) -> None:
    """Leave in the lists of some rows what the last limit allows."""
    for r in range(first, last):
        if limit[r] >= 0:
            _thin(r, k, facts, lists, limit)


@compiled
def chosen(
    first: int, starts: Array, others: Array, true: Array, order: Array, best: Array, best_ids: Array, room: Array
) -> None:
    """Leave the k best of what was computed in `best` (n, k), infinite before, and their rows in `best_ids`.

    The row `first + i` has the pairs from `starts[i]` to `starts[i + 1]`; `room` (n,) is scratch.
    """
    for i in range(len(starts) - 1):
        for at in range(starts[i], starts[i + 1]):
            offer(first + i, order[others[at]], true[at], best, best_ids, room)

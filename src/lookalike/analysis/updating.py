"""A stored neighbor graph after rows came, changed or went: what a rebuild gives, at a cost like that of the change.

Removing rows from a list of the nearest leaves a list of the nearest, only shorter. So a graph with a few neighbors to
spare loses the rows that went and stays right; only where fewer than `k` are left is a row searched again. New rows
are compared with all others once (`_search` bounds the error): that finds their own neighbors, and the lists that they
belong in, which are those whose last distance they are nearer than.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array, Vectors, Workers, as_vectors, check_count, middle_of, report, spans
from lookalike.analysis._search import direct
from lookalike.analysis.neighbors import nearest_neighbors
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Ints, Neighbors

ROWS = 1024
ASKED = 256
WORTH = 0.05  # with more rows than this share to search, a rebuild costs less


def update_neighbors(
    graph: Neighbors,
    vectors: Vectors,
    before: npt.ArrayLike,
    k: int,
    *,
    threads: int | None = None,
    progress: Advance | None = None,
) -> Neighbors:
    """The neighbors of every row of `vectors`, from those of an earlier state.

    `graph`: of N earlier rows, from `nearest_neighbors` (Euclidean, without queries) or from here. `vectors`: (n, d) as
    they are now. `before`: (n,) int, for each row the number that it had, or -1 where it is new or its vector changed.
    Earlier rows that `before` does not name are gone.

    The result is as wide as `graph` was (at least k, at most n - 1). Its first k columns are, to the last bit of a
    distance in float32, what `nearest_neighbors(vectors, k)` gives; further columns, room for rows to go without a new
    search, hold true neighbors until they end in row -1 at distance infinity. Make a graph with a fifth more neighbors
    than are needed and take the first k: then removing 1% of the rows searches next to none again.

    Where most rows changed, or those that stayed are in another order, all is computed anew. `progress` is called with
    (rows searched, rows to search). Raises `UsageError` for rows that `graph` does not have and as `nearest_neighbors`.

    >>> x = np.array([[0.0], [1.0], [3.0], [3.5]])
    >>> graph = nearest_neighbors(x, 2)
    >>> update_neighbors(graph, x[[0, 1, 3]], [0, 1, 3], 1).ids[:, 0]  # the third row is gone
    array([1, 0, 1])
    """
    k = check_count("k", k)
    rows = as_vectors(vectors)
    n, old_n = len(rows), len(graph.ids)
    source = np.asarray(before)
    if source.shape != (n,) or (n and (source.dtype.kind not in "iu" or source.min() < -1 or source.max() >= old_n)):
        raise UsageError(f"before has the shape {source.shape}: give each of {n} rows its row below {old_n}, or -1")
    width = min(max(graph.ids.shape[1], k), max(0, n - 1))
    kept = np.flatnonzero(source >= 0)
    stayed = source[kept].astype(np.int64)
    ordered = bool((np.diff(stayed) > 0).all())
    if not ordered or width == 0:
        return nearest_neighbors(rows, width, threads=threads, progress=progress)
    ids, distances = _without_gone(graph, kept, stayed, n, width)
    known = (ids >= 0).sum(axis=1)
    asked = np.flatnonzero(known < min(k, n - 1))
    if len(asked) > WORTH * n or (len(asked) and not _float32_can(rows)):
        return nearest_neighbors(rows, width, threads=threads, progress=progress)
    last = np.where(known > 0, distances[np.arange(n), np.maximum(known, 1) - 1], 0).astype(np.float64)
    last[kept[(graph.ids[stayed] >= 0).sum(axis=1) == old_n - 1]] = np.inf  # these lists held every other row
    last[asked] = -1  # these are searched, not added to
    fresh = np.zeros(n, bool)
    fresh[np.flatnonzero(source < 0)] = True
    with Workers(threads) as workers:
        compare = _Comparison(rows, last * (1 + 2e-6), workers)
        pairs: list[tuple[Ints, Ints]] = []
        for start, stop in spans(len(asked), ASKED):
            some = asked[start:stop]
            near, squared, found = compare.search(some, width, fresh[some])
            ids[some], distances[some] = near, np.sqrt(squared)
            pairs.append(found)
            report(progress, stop, len(asked))
    if pairs:
        _add(rows, ids, distances, known, last, *(np.concatenate(part) for part in zip(*pairs, strict=True)))
    return Neighbors(ids, distances)


def _without_gone(graph: Neighbors, kept: Ints, stayed: Ints, n: int, width: int) -> tuple[Ints, Array]:
    """The lists of the rows that stayed, those that went taken out, the rest moved up; others empty."""
    now = np.full(len(graph.ids) + 1, -1, np.int64)
    now[stayed] = kept
    there = now[graph.ids[stayed]]  # -1, a neighbor that was unknown, reads the last: still -1
    turn = np.argsort(there < 0, axis=1, kind="stable")
    ids = np.full((n, width), -1, np.int64)
    distances = np.full((n, width), np.inf, np.float32)
    take = min(width, there.shape[1])
    there = np.take_along_axis(there, turn, axis=1)[:, :take]
    ids[kept, :take] = there
    far = np.take_along_axis(graph.distances[stayed], turn, axis=1)[:, :take]
    distances[kept, :take] = np.where(there < 0, np.inf, far)
    return ids, distances


def _float32_can(rows: Array) -> bool:
    largest = max(-float(rows.min(initial=0)), float(rows.max(initial=0)))
    return bool(1e-15 < largest < 1e15) and rows.shape[1] < 100_000


class _Comparison:
    """Compares some rows with all, in float32 with the margin that `_search` derives."""

    def __init__(self, rows: Array, reach: Doubles, workers: Workers) -> None:
        self.rows = rows
        self.reach = reach
        self.workers = workers
        self.center = middle_of(rows)
        self.error = 1.01 * (rows.shape[1] + 64) * 2.0**-24  # `_search`, with room for norms in float32

    def _prepared(self, block: Array) -> tuple[Array, Array]:
        centered = (block - self.center).astype(np.float32, copy=False)
        return centered, np.einsum("ij,ij->i", centered, centered)

    def search(self, asked: Ints, width: int, fresh: Array) -> tuple[Ints, Doubles, tuple[Ints, Ints]]:
        """The `width` nearest of the rows `asked`, and the pairs (row, fresh one within the row's reach)."""
        n = len(self.rows)
        right, right_norms = self._prepared(self.rows[asked])
        twice, lengths = -2 * right, np.sqrt(right_norms)
        low, high = np.empty((2, len(asked), n), np.float32)
        new = np.flatnonzero(fresh)

        def measure(span: tuple[int, int]) -> tuple[Ints, Ints]:
            part = slice(*span)
            left, norms = self._prepared(self.rows[part])
            squared = twice @ left.T
            squared += right_norms[:, None]
            squared += norms
            margin = lengths[:, None] + np.sqrt(norms)
            np.square(margin, out=margin)
            margin *= np.float32(self.error)
            margin += np.float32(1e-30)
            np.subtract(squared, margin, out=low[:, part])
            np.add(squared, margin, out=high[:, part])
            bound = np.where(self.reach[part] < 0, -np.inf, self.reach[part] ** 2).astype(np.float32)
            columns, rows = np.nonzero(low[new, part] <= bound)
            return rows + span[0], asked[new[columns]]

        found = list(self.workers.map(measure, spans(n, ROWS)))
        pairs = tuple(np.concatenate([part[side] for part in found]) for side in (0, 1))
        at = np.arange(len(asked))
        low[at, asked] = high[at, asked] = np.inf
        limit = np.partition(high, width - 1, axis=1)[:, width - 1]
        queries, columns = np.nonzero((low <= limit[:, None]) & (low < np.inf))
        squared = direct(self.rows, asked[queries], self.rows, columns)
        order = np.lexsort((columns, squared, queries))
        first = np.searchsorted(queries[order], at)
        take = order[first[:, None] + np.arange(width)]
        return columns[take], squared[take], (pairs[0], pairs[1])


def _add(rows: Array, ids: Ints, distances: Array, known: Ints, last: Doubles, at: Ints, new: Ints) -> None:
    """Put the row `new[p]` into the list of `at[p]` where it comes before the last that is known; in place."""
    other = at != new
    at, new = at[other], new[other]
    squared = direct(rows, at, rows, new)
    lists, place = np.unique(at, return_inverse=True)
    count = np.bincount(place, minlength=len(lists))
    order = np.argsort(place, kind="stable")
    slot = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    width, most = ids.shape[1], int(count.max(initial=0))
    if not most:
        return
    wide_ids = np.full((len(lists), width + most), -1, np.int64)
    wide = np.full((len(lists), width + most), np.inf, np.float32)
    wide_ids[:, :width], wide[:, :width] = ids[lists], distances[lists]
    wide_ids[place[order], width + slot] = new[order]
    wide[place[order], width + slot] = np.sqrt(squared[order])
    exact = np.zeros(wide.shape)
    ranked = np.sort(wide, axis=1)
    equal = ((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] < np.inf)).any(axis=1)  # float32 cannot order these
    which, column = np.nonzero(equal[:, None] & (wide_ids >= 0))
    exact[which, column] = direct(rows, lists[which], rows, wide_ids[which, column])
    final = np.where(known[lists] > 0, ids[lists, np.maximum(known[lists], 1) - 1], -1)
    turn = np.lexsort((wide_ids, exact, wide), axis=1)
    wide_ids, wide = np.take_along_axis(wide_ids, turn, axis=1), np.take_along_axis(wide, turn, axis=1)
    whole = np.isinf(last[lists])
    end = np.where(whole, (wide_ids >= 0).sum(axis=1), (wide_ids == final[:, None]).argmax(axis=1) + 1)
    beyond = np.arange(wide.shape[1]) >= end[:, None]
    wide_ids[beyond], wide[beyond] = -1, np.inf
    ids[lists], distances[lists] = wide_ids[:, :width], wide[:, :width]

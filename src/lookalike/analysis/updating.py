"""A stored neighbor graph after rows came, changed or went: what a rebuild gives, at a cost like that of the change.

Removing rows from a list of the nearest leaves a list of the nearest, only shorter. So a graph with a few neighbors to
spare loses the rows that went and stays right; only where fewer than `k` are left is a row searched again. New rows
are compared with all others once (`_search` bounds the error): that finds their own neighbors, and the lists that they
belong in, which are those whose last distance they are nearer than.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.analysis._arriving import nearest_and_reached
from lookalike.analysis._blocks import Array, Vectors, Workers, as_vectors, check_count, largest_of
from lookalike.analysis._codes import ready_loops
from lookalike.analysis._comparing import Found, compare
from lookalike.analysis._sums import true_squares
from lookalike.analysis.neighbors import nearest_neighbors
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Ints, Neighbors

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
    rows = as_vectors(vectors, check=False)
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
    if len(asked) > WORTH * n:
        return nearest_neighbors(rows, width, threads=threads, progress=progress)
    last = np.where(known > 0, distances[np.arange(n), np.maximum(known, 1) - 1], 0).astype(np.float64)
    if graph.ids.shape[1] >= old_n - 1:  # these lists held every other row
        last[kept[(graph.ids[stayed] >= 0).sum(axis=1) == old_n - 1]] = np.inf
    if not len(asked):
        return Neighbors(ids, distances)
    last[asked] = -1  # these are searched, not added to
    with Workers(threads) as workers:
        found = nearest_and_reached(rows, asked, last * (1 + 2e-6), source < 0, width, workers, progress)
        if found is None:
            if not 1e-15 < largest_of(rows, threads) < 1e15:
                return nearest_neighbors(rows, width, threads=threads, progress=progress)
            found = compare(rows, asked, last * (1 + 2e-6), source < 0, width, workers, progress)
    ids[asked], distances[asked] = found.ids, np.sqrt(found.squared)
    if len(found.rows):
        _add(rows, ids, distances, known, last, found)
    return Neighbors(ids, distances)


def _without_gone(graph: Neighbors, kept: Ints, stayed: Ints, n: int, width: int) -> tuple[Ints, Array]:
    """The lists of the rows that stayed, those that went taken out, the rest moved up; others empty."""
    now = np.full(len(graph.ids) + 1, -1, np.int64)
    now[stayed] = kept  # -1, an unknown neighbor, reads the last: still -1
    if len(stayed) == len(graph.ids):
        there, far = now[graph.ids], graph.distances
    else:
        there, far = now[graph.ids[stayed]], graph.distances[stayed]
        short = np.flatnonzero((there < 0).any(axis=1))
        turn = np.argsort(there[short] < 0, axis=1, kind="stable")
        there[short] = np.take_along_axis(there[short], turn, axis=1)
        far[short] = np.where(there[short] < 0, np.inf, np.take_along_axis(far[short], turn, axis=1))
    ids = np.full((n, width), -1, np.int64)
    distances = np.full((n, width), np.inf, np.float32)
    take = min(width, there.shape[1])
    ids[kept, :take], distances[kept, :take] = there[:, :take], far[:, :take]
    return ids, distances


def _add(rows: Array, ids: Ints, distances: Array, known: Ints, last: Doubles, found: Found) -> None:
    """Put the row `found.fresh[p]` into the list of `found.rows[p]` where it comes before the last known; in place."""
    lists, place = np.unique(found.rows, return_inverse=True)
    count = np.bincount(place)
    order = np.argsort(place, kind="stable")
    slot = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    came = (place[order], slot, found.fresh[order], np.sqrt(found.gaps[order]).astype(np.float32))
    end = np.where(known[lists] > 0, distances[lists, np.maximum(known[lists], 1) - 1], -1)
    end[np.isinf(last[lists])] = np.inf
    mine, far, tied = _inserted(ids[lists], distances[lists], end, came)
    ids[lists[~tied]], distances[lists[~tied]] = mine[~tied], far[~tied]
    if tied.any():  # float32 cannot order these
        among = tied[came[0]]
        renamed = np.cumsum(tied) - 1
        _sorted_in(
            rows, ids, distances, known, last, lists[tied], (renamed[came[0][among]], *(c[among] for c in came[1:]))
        )


def _inserted(ids: Ints, distances: Array, end: Array, came: tuple[Array, ...]) -> tuple[Ints, Array, Array]:
    """Lists with what `came` put in by distance, one for each list at a time; and which lists held an equal one.

    `end`: what is not nearer than this is left out. `came`: list, turn, row and distance of each, by list and turn.
    """
    tied = np.zeros(len(ids), bool)
    if ready_loops() is not None:
        from lookalike.analysis import _passing

        _passing.inserted(ids, distances, end, (came[0], came[2], came[3]), tied)
        return ids, distances, tied
    columns = np.arange(ids.shape[1])
    for turn in range(int(came[1].max(initial=-1)) + 1):
        at, new, far = (part[came[1] == turn] for part in (came[0], came[2], came[3]))
        tied[at[(distances[at] == far[:, None]).any(axis=1)]] = True
        near = far < end[at]
        at, new, far = at[near], new[near], far[near]
        place = (distances[at] < far[:, None]).sum(axis=1)[:, None]
        for array, values in ((ids, new), (distances, far)):
            moved = np.roll(array[at], 1, axis=1)
            array[at] = np.where(columns < place, array[at], np.where(columns == place, values[:, None], moved))
    return ids, distances, tied


def _sorted_in(
    rows: Array, ids: Ints, distances: Array, known: Ints, last: Doubles, lists: Ints, came: tuple[Array, ...]
) -> None:
    """As `_add` for some lists, sorted anew by distance in float64 where float32 has equal ones, then by row."""
    width, most = ids.shape[1], int(came[1].max()) + 1
    wide_ids = np.full((len(lists), width + most), -1, np.int64)
    wide = np.full((len(lists), width + most), np.inf, np.float32)
    wide_ids[:, :width], wide[:, :width] = ids[lists], distances[lists]
    wide_ids[came[0], width + came[1]] = came[2]
    wide[came[0], width + came[1]] = came[3]
    exact = np.zeros(wide.shape)
    which, column = np.nonzero(wide_ids >= 0)
    exact[which, column] = true_squares(rows, lists[which], wide_ids[which, column])
    turn = np.lexsort((wide_ids, exact, wide), axis=1)
    final = np.where(known[lists] > 0, ids[lists, np.maximum(known[lists], 1) - 1], -1)
    wide_ids, wide = np.take_along_axis(wide_ids, turn, axis=1), np.take_along_axis(wide, turn, axis=1)
    whole = np.isinf(last[lists])
    end = np.where(whole, (wide_ids >= 0).sum(axis=1), (wide_ids == final[:, None]).argmax(axis=1) + 1)
    beyond = np.arange(wide.shape[1]) >= end[:, None]
    wide_ids[beyond], wide[beyond] = -1, np.inf
    ids[lists], distances[lists] = wide_ids[:, :width], wide[:, :width]

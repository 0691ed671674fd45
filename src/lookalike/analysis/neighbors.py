"""Exact nearest neighbors: what a float64 brute force gives, at the speed of float32 products.

`_search` derives the error margin that makes it exact; `_graph` does the whole graph at once, much faster. Rows that
occur many times are searched once: a catalog with 5,000 copies of one photo would otherwise have 25 million pairs at
distance 0 to order.
"""

from __future__ import annotations

import numpy as np

from lookalike.analysis._blocks import Array, Vectors, as_vectors, check_count, spans
from lookalike.analysis._graph import drop, graph
from lookalike.analysis._search import ExactSearch
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Ints, Neighbors

METRICS = ("euclidean", "cosine")
COPIES = 16  # with fewer copies of a row than this, looking for them does not pay
EXPANDED = 4_000_000


def nearest_neighbors(
    vectors: Vectors,
    k: int,
    queries: Vectors | None = None,
    *,
    metric: str = "euclidean",
    threads: int | None = None,
    progress: Advance | None = None,
) -> Neighbors:
    """The `k` rows of `vectors` nearest to each query, exactly.

    `vectors`: (n, d) numbers, as an array, a memory map or an iterable of (n_i, d) blocks (read once, kept as
    one array). `queries`: (m, d) likewise; without them every row is a query and is left out of its own result, by
    its row, so a duplicate is found at distance 0. k is clipped to what exists: n, or n - 1 without queries.

    `metric`: `euclidean`, |x - y|; or `cosine`, 1 - cos(x, y) in 0..2, computed as half the squared distance of
    the unit vectors, which keeps its digits near 0. A vector of zeros has no direction: its cosine distance is 1
    to everything, another vector of zeros included.

    The k best and their order equal those of a float64 sum of squared differences over all rows, equal ones by the
    lower row. Distances are rounded to float32 only when they are returned. `threads` (None: all CPUs) changes
    no byte of the result. `progress` is called with (queries done, m).

    Returns `Neighbors`: `ids` (m, k) int64 rows and `distances` (m, k) float32, nearest first. Raises `UsageError`
    for NaN or infinity (naming the row), values beyond what a float32 distance holds, and wrong shapes.

    >>> nearest_neighbors([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], 1)
    Neighbors(ids=array([[2],
           [2],
           [0]]), distances=array([[1.       ],
           [4.2426405],
           [1.       ]], dtype=float32))
    """
    k = check_count("k", k)
    if metric not in METRICS:
        raise UsageError(f"metric={metric!r} is not known: give one of {', '.join(METRICS)}")
    base = as_vectors(vectors)
    asked = None if queries is None else as_vectors(queries, "queries")
    if asked is not None and len(asked) and len(base) and asked.shape[1] != base.shape[1]:
        raise UsageError(
            f"queries have {asked.shape[1]} dimensions, vectors {base.shape[1]}: take both from the same model"
        )
    k = min(k, len(base) if asked is not None else max(0, len(base) - 1))
    search = _cosine if metric == "cosine" else _euclidean
    if asked is not None:
        ids, distances = search(base, asked, k, threads, progress)
    else:
        more = min(k + 1, len(base)) if k else 0
        ids, distances = drop(*search(base, None, more, threads, progress), np.arange(len(base)), k)
    return Neighbors(ids, distances.astype(np.float32))


def _euclidean(
    base: Array, queries: Array | None, k: int, threads: int | None, progress: Advance | None
) -> tuple[Ints, Doubles]:
    ids, squared = nearest_squared(base, queries, k, threads, progress)
    return ids, np.sqrt(squared)


def nearest_squared(
    base: Array, queries: Array | None, k: int, threads: int | None, progress: Advance | None
) -> tuple[Ints, Doubles]:
    """The k rows nearest to each query (each row without queries, itself not left out); squared distances."""
    group = same_rows(base)
    if group is None:
        if queries is None:
            return _each_row(base, k, threads, progress)
        return ExactSearch(base).search(queries, k, threads=threads, progress=progress)
    members = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    unique = base[members[starts]]
    if queries is None:
        near, squared = _each_row(unique, min(k, len(unique)), threads, progress)
    else:
        near, squared = ExactSearch(unique).search(queries, min(k, len(unique)), threads=threads, progress=progress)
    ids = np.empty((len(near), k), np.int64)
    distances = np.empty((len(near), k), np.float64)
    for a, b in spans(len(near), max(1, EXPANDED // max(1, k * k))):
        ids[a:b], distances[a:b] = _expand(near[a:b], squared[a:b], members, starts, sizes, k)
    return (ids[group], distances[group]) if queries is None else (ids, distances)


def _each_row(base: Array, k: int, threads: int | None, progress: Advance | None) -> tuple[Ints, Doubles]:
    """The k rows nearest to each row, itself included, and first among those at its distance; squared distances."""
    found = graph(base, k - 1, threads, progress) if k > 1 else None
    if found is None:  # few rows, or nothing to gain
        return ExactSearch(base).search(base, k, threads=threads, progress=progress)
    own = np.arange(len(base))[:, None]
    return np.hstack([own, found[0]]), np.hstack([np.zeros((len(base), 1)), found[1]])


def _expand(near: Ints, squared: Doubles, members: Ints, starts: Ints, sizes: Ints, k: int) -> tuple[Ints, Doubles]:
    """From the nearest different vectors of each query to its k nearest rows, equal distances by row.

    The k nearest different vectors, ties by their lowest row, hold the k nearest rows: whatever comes before a
    vector in that order puts at least one row before all of its rows.
    """
    counts = np.minimum(sizes[near], k)
    total = counts.sum(axis=1)
    query = np.repeat(np.arange(len(near)), total)
    flat = counts.ravel()
    offset = np.arange(flat.sum()) - np.repeat(np.cumsum(flat) - flat, flat)
    rows = members[np.repeat(starts[near].ravel(), flat) + offset]
    distance = np.repeat(squared.ravel(), flat)
    order = np.lexsort((rows, distance, query))
    take = order[(np.cumsum(total) - total)[:, None] + np.arange(k)]
    return rows[take], distance[take]


def same_rows(base: Array) -> Ints | None:
    """For each row the number of its vector, counted by first appearance; None if no vector is there often."""
    n, d = base.shape
    if n <= COPIES:
        return None
    keys = _row_keys(base)
    _, first, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    if counts.max() <= COPIES:
        return None
    for a, b in spans(n, max(1, (1 << 22) // max(1, d))):
        if not np.array_equal(base[a:b], base[first[inverse[a:b]]]):
            return None  # two different rows with one key: go without the short cut
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _row_keys(base: Array) -> Array:
    """A 64-bit key of each row; equal rows have equal keys."""
    n, d = base.shape
    words = np.random.default_rng(0).integers(1 << 63, size=2 * d + 1, dtype=np.uint64) | np.uint64(1)
    keys = np.zeros(n, np.uint64)
    for a, b in spans(n, max(1, (1 << 18) // max(1, d))):
        block = np.ascontiguousarray(base[a:b]) + base.dtype.type(0)  # -0.0 becomes 0.0, which it equals
        parts = block.view(np.uint32).astype(np.uint64)
        keys[a:b] = (parts * words[: parts.shape[1]]).sum(axis=1)
    return keys


def unit_rows(vectors: Array) -> tuple[Doubles, Ints]:
    """The rows of length above 0 as float64 unit vectors, and which rows they are."""
    wide = vectors.astype(np.float64)
    largest = np.abs(wide).max(axis=1, initial=0)
    rows = np.flatnonzero(largest > 0)
    # the power of two first: squares of 1e-200 would vanish
    wide = np.ldexp(wide[rows], -np.frexp(largest[rows])[1][:, None])
    return wide / np.sqrt(np.square(wide).sum(axis=1, keepdims=True)), rows


def _cosine(
    base: Array, queries: Array | None, k: int, threads: int | None, progress: Advance | None
) -> tuple[Ints, Doubles]:
    units, rows = unit_rows(base)
    zero = np.setdiff1d(np.arange(len(base)), rows)
    if queries is None:
        asked, asked_rows, m = None, rows, len(base)
    else:
        asked, asked_rows = unit_rows(queries)
        m = len(queries)
    ids = np.tile(np.arange(k), (m, 1))  # a query of zeros: all at distance 1, so by row
    distances = np.ones((m, k))
    near, squared = nearest_squared(units, asked, min(k, len(rows)), threads, progress)
    near, half = rows[near], squared / 2
    if len(zero):
        zero = zero[:k]
        near = np.hstack([near, np.broadcast_to(zero, (len(near), len(zero)))])
        half = np.hstack([half, np.ones((len(half), len(zero)))])
        order = np.lexsort((near, half))[:, :k]
        near, half = np.take_along_axis(near, order, axis=1), np.take_along_axis(half, order, axis=1)
    ids[asked_rows], distances[asked_rows] = near, half
    return ids, distances

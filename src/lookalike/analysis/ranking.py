"""Ranking: the exact nearest of some queries among the rows that are allowed, and what a distance is worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array, Vectors, as_vectors, check_count, check_same_width
from lookalike.analysis._graph import drop
from lookalike.analysis._search import ExactSearch
from lookalike.errors import UsageError
from lookalike.records import Doubles, Ints, Neighbors


class Searcher:
    """Exact Euclidean search in one set of vectors, prepared once: what a catalog keeps open for its queries.

    `vectors` as in `nearest_neighbors`; (n, d). They are kept by reference, with a centered float32 copy up to 2 GiB
    that the first search fills. Safe to use from many threads.
    """

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = as_vectors(vectors)
        self._search = ExactSearch(self.vectors)

    def nearest(
        self,
        queries: Vectors,
        k: int,
        *,
        allowed: npt.ArrayLike | None = None,
        exclude: npt.ArrayLike | None = None,
        threads: int | None = 1,
    ) -> Neighbors:
        """The `k` nearest allowed rows of each of m queries, exactly, equal distances by the lower row.

        `queries` (m, d). `allowed`: (n,) bool, the rows that may be found; None: all. `exclude`: (m,) int, for each
        query one row that may not (its own), -1 for none.

        Returns `Neighbors` of (m, k), k clipped to the number of allowed rows. A query whose excluded row is one
        of the allowed can have one neighbor less than the others: its last is then row -1 at distance infinity,
        and where all queries are so, there is no such column.
        """
        asked = as_vectors(queries, "queries")
        n, m = len(self.vectors), len(asked)
        check_same_width(self.vectors, asked)
        k = check_count("k", k)
        mask = None if allowed is None else _mask(allowed, n)
        available = n if mask is None else int(mask.sum())
        if exclude is None:
            ids, squared = self._search.search(asked, min(k, available), allowed=mask, threads=threads)
            return Neighbors(ids, np.sqrt(squared).astype(np.float32))
        rows = _rows(exclude, m, n)
        ids, squared = self._search.search(asked, min(k + 1, available), allowed=mask, threads=threads)
        if k < available:
            ids, squared = drop(ids, squared, rows, k)
        else:
            ids, squared = _push_out(ids, squared, rows)
        return Neighbors(ids, np.sqrt(squared).astype(np.float32))


def nearest_in(
    vectors: Vectors,
    queries: Vectors,
    k: int,
    *,
    allowed: npt.ArrayLike | None = None,
    exclude: npt.ArrayLike | None = None,
    threads: int | None = 1,
) -> Neighbors:
    """`Searcher(vectors).nearest(...)` for a single use."""
    return Searcher(vectors).nearest(queries, k, allowed=allowed, exclude=exclude, threads=threads)


def score(distance: npt.ArrayLike, scale: float) -> Doubles:
    """How alike: 1 at distance 0, 1/2 at `scale`, falling to 0; `1 / (1 + (distance / scale)^2)`, float64.

    `scale` is a distance typical of the catalog (see `typical_distance`), so scores of different models compare:
    above 1/2 means more alike than an item and its nearest usually are. Falls strictly with the distance as long as
    float64 can tell; where `scale` is 0 (all items equal) only distance 0 scores above 0.
    """
    given = np.asarray(distance, np.float64)
    if np.isnan(given).any() or given.min(initial=0) < 0 or not 0 <= scale < np.inf:
        raise UsageError(f"distance and scale={scale} must be numbers of at least 0")
    if scale == 0:
        return np.where(given == 0, 1.0, 0.0)
    with np.errstate(over="ignore"):
        alike: Doubles = 1 / (1 + np.square(given / scale))
        return alike


def typical_distance(neighbors: Neighbors) -> float:
    """The median distance of an item to its nearest one that is not equal to it; 0 where there is none."""
    distances = np.asarray(neighbors.distances, np.float64)
    distances = np.where((distances > 0) & np.isfinite(distances), distances, np.inf)
    nearest = distances.min(axis=1, initial=np.inf)
    nearest = nearest[np.isfinite(nearest)]
    return float(np.median(nearest)) if len(nearest) else 0.0


def _push_out(ids: Ints, squared: Doubles, rows: Ints) -> tuple[Ints, Doubles]:
    """Take `rows` out of results that hold everything: what follows moves up, the gap at the end is row -1."""
    mine = ids == rows[:, None]
    order = np.argsort(mine, axis=1, kind="stable")
    ids = np.take_along_axis(np.where(mine, -1, ids), order, axis=1)
    squared = np.take_along_axis(np.where(mine, np.inf, squared), order, axis=1)
    full = ids.shape[1] if not mine.any(axis=1).all() or not len(ids) else ids.shape[1] - 1
    return ids[:, :full], squared[:, :full]


def _mask(allowed: npt.ArrayLike, n: int) -> Array:
    mask = np.asarray(allowed)
    if mask.dtype != np.bool_ or mask.shape != (n,):
        raise UsageError(f"allowed is {mask.dtype} of shape {mask.shape}: give one true or false for each of {n} rows")
    return mask


def _rows(exclude: npt.ArrayLike, m: int, n: int) -> Ints:
    rows = np.asarray(exclude)
    if rows.shape != (m,) or (m and (rows.dtype.kind not in "iu" or rows.min() < -1 or rows.max() >= n)):
        raise UsageError(f"exclude has the shape {rows.shape}: give for each of {m} queries a row below {n}, or -1")
    return rows.astype(np.int64)

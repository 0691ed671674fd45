"""Ranking: the exact nearest of some queries among the rows that are allowed, and what a distance is worth."""

from __future__ import annotations

from functools import cached_property
from threading import Lock

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import (
    Array,
    Vectors,
    as_vectors,
    check_count,
    check_same_width,
    spans,
    thread_count,
)
from lookalike.analysis._graph import drop
from lookalike.analysis._prefix import MOST, PrefixSearch
from lookalike.analysis._search import ExactSearch
from lookalike.analysis.neighbors import METRICS, unit_rows
from lookalike.errors import UsageError
from lookalike.records import Doubles, Ints, Neighbors

PREPARED = 3  # calls with a few queries until these are prepared for
MOST_NEIGHBORS = 1_000


class Searcher:
    """Exact search in one set of vectors, prepared once: what a catalog keeps open for its queries.

    `vectors` as in `nearest_neighbors`; (n, d). They are kept by reference, and may be a memory map. A few queries at a
    time read 128 bytes of a vector and only the nearest ones whole (`_prefix` derives why that is exact): the third
    such call, or `prepare`, reads all vectors once for it and keeps 136 bytes of each. Many queries at once are
    multiplied with all vectors, of which a centered copy is kept up to 2 GiB. Safe to use from many threads.

    `metric`: `euclidean` or `cosine`, as in `nearest_neighbors`; for cosine a float64 copy of the vectors is kept.
    """

    def __init__(self, vectors: Vectors, *, metric: str = "euclidean") -> None:
        if metric not in METRICS:
            raise UsageError(f"metric={metric!r} is not known: give one of {', '.join(METRICS)}")
        self.vectors = as_vectors(vectors)
        self.metric = metric
        self._rows, self._zeros = self.vectors, np.zeros(0, np.int64)
        if metric == "cosine":
            units, there = unit_rows(self.vectors)
            self._rows = np.zeros(self.vectors.shape)  # a vector of zeros has no direction and stays so
            self._rows[there] = units
            self._zeros = np.setdiff1d(np.arange(len(self._rows)), there)
        self._lock = Lock()
        self._calls = 0
        self._prefix: PrefixSearch | None = None

    @cached_property
    def _search(self) -> ExactSearch:
        return ExactSearch(self._rows)

    def prepare(self, threads: int | None = None) -> None:
        """Get ready for queries that come one by one. Does nothing where there are few vectors, or a second time."""
        with self._lock:
            if self._calls < PREPARED:
                self._prefix = PrefixSearch.of(self._rows, threads)
                self._calls = PREPARED

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
        rows = np.full(m, -1) if exclude is None else _rows(exclude, m, n)
        available = n if mask is None else int(mask.sum())
        if self.metric == "cosine":
            ids, distances = self._by_cosine(asked, k, mask, rows, threads)
        else:
            ids, squared = self._nearest(asked, min(k, available), mask, rows, threads)
            distances = np.sqrt(squared)
        return Neighbors(ids, distances.astype(np.float32))

    def _nearest(
        self, asked: Array, k: int, mask: Array | None, rows: Ints, threads: int | None
    ) -> tuple[Ints, Doubles]:
        """Squared Euclidean distances among `_rows`; k is at most the number of allowed rows."""
        available = len(self._rows) if mask is None else int(mask.sum())
        room = available - int((rows >= 0).any())
        prefix = self._ready(len(asked)) if 0 < k <= min(room, MOST_NEIGHBORS) else None
        if prefix is not None:
            count = thread_count(threads)
            parts = [
                prefix.search(asked[a:b], k, allowed=mask, exclude=rows[a:b], threads=count)
                for a, b in spans(len(asked), MOST)
            ]
            ids, squared = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
            return ids.astype(np.int64), squared
        if (rows < 0).all():
            return self._search.search(asked, k, allowed=mask, threads=threads)
        ids, squared = self._search.search(asked, min(k + 1, available), allowed=mask, threads=threads)
        return drop(ids, squared, rows, k) if k < available else _push_out(ids, squared, rows)

    def _ready(self, queries: int) -> PrefixSearch | None:
        """What answers a few queries quickly, made when it is about to pay."""
        if not 0 < queries <= 4 * MOST:
            return None
        if self._calls < PREPARED - 1:
            with self._lock:
                self._calls += self._calls < PREPARED - 1
            return None
        self.prepare()
        return self._prefix

    def _by_cosine(
        self, asked: Array, k: int, mask: Array | None, rows: Ints, threads: int | None
    ) -> tuple[Ints, Doubles]:
        """As `nearest`, by cosine: vectors of zeros, on either side, are at distance 1 from everything."""
        n = len(self._rows)
        allowed = np.ones(n, bool) if mask is None else mask
        zeros = self._zeros[allowed[self._zeros]]
        there = allowed.copy()
        there[zeros] = False
        width = min(k, int(allowed.sum()))
        ids, distances = np.full((len(asked), width), -1, np.int64), np.full((len(asked), width), np.inf)
        units, known = unit_rows(asked)
        near, squared = self._nearest(
            units, min(k, int(there.sum())), there, np.where(there[rows], rows, -1)[known], threads
        )
        for i in range(len(asked)):
            at = int(np.searchsorted(known, i))
            if at < len(known) and known[at] == i:
                found, gaps = near[at][near[at] >= 0], squared[at][near[at] >= 0] / 2
                more = zeros[zeros != rows[i]][:width]
            else:
                found, gaps, more = np.zeros(0, np.int64), np.zeros(0), np.flatnonzero(allowed)[: width + 1]
                more = more[more != rows[i]][:width]
            found, gaps = np.concatenate([found, more]), np.concatenate([gaps, np.ones(len(more))])
            turn = np.lexsort((found, gaps))[:width]
            ids[i, : len(turn)], distances[i, : len(turn)] = found[turn], gaps[turn]
        full = int((ids >= 0).sum(axis=1).max(initial=0)) if len(asked) else width
        return ids[:, :full], distances[:, :full]


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

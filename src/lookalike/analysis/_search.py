"""Exact nearest rows: blocked products find candidates with a proven margin, float64 decides.

The margin. Let u be the unit roundoff (2^-24 in float32, 2^-53 in float64), c any fixed center, y = fl(x_i - c)
a query and z = fl(x_j - c) a row, both scaled by one power of two, a = |y|, b = |z| and D the true distance.

1. Rounding x - c moves y and z by at most u*a and u*b, so ||y - z|^2 - D^2| <= 2.1 u (a + b)^2.
2. |y - z|^2 - a^2 = b^2 - 2 y.z is one dot product of d + 2 terms, [-2y, -2a, 1] . [z, e*b, (1-e)*b^2], here
   without its e. In any order of summation, fused or not, it errs by at most (d + 4) u (2ab + b^2) (Higham,
   Accuracy and Stability of Numerical Algorithms, 2002, section 3.1), which is below (d + 4) u (a + b)^2.
3. With e = 1.01 (d + 32) u, which leaves room for rounding a, b, b^2, e and the sums below,

       L_ij = (1 - e) b^2 - 2 y.z - 2 e a b     gives     L - e a^2  <=  D^2 - a^2  <=  L - e a^2 + 2 e (a + b)^2.

   Numbers too small for the type add at most d * 2^-110 once everything is scaled to at most 2^10.

So with T_i the k-th smallest upper bound of query i, a row with L_ij > T_i has k rows strictly nearer and no
other row needs to be looked at. The few that remain are decided by the sum of squared differences in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.analysis._blocks import Array, Workers, check_same_width, middle_of, report, spans
from lookalike.records import Advance, Doubles, Ints

QUERY_ROWS = 256
TILE_ROWS = 4096
POOL = 2_000_000  # candidates held at once by one thread: 40 MB
DIRECT = 1 << 17  # numbers in one step of the direct sum: stays in the cache
KEPT_BYTES = 2 << 30  # centered tiles are kept for the next query up to this size
FAR = 2.0**10


@dataclass(frozen=True, slots=True)
class _Margin:
    """The factor e and the absolute slack of the module's derivation, for one floating-point type."""

    dtype: type[np.float32] | type[np.float64]
    e: float
    slack: float

    @classmethod
    def of(cls, dtype: type[np.float32] | type[np.float64], d: int) -> _Margin:
        unit = 2.0**-24 if dtype is np.float32 else 2.0**-53
        return cls(dtype, 1.01 * (d + 32) * unit, (d + 1) * 2.0**-110)


class ExactSearch:
    """Exact Euclidean search among the rows of one array, prepared once for any number of queries.

    `rows` is (n, d) float32 or float64 (see `as_vectors`); it is read, never changed, and may be a memory map.
    Thread safe. Centered tiles are kept up to 2 GiB, so a second search is faster than the first.
    """

    def __init__(self, rows: Array) -> None:
        self.rows = rows
        n, d = rows.shape
        self.center = middle_of(rows)
        reach = max((float(np.abs(rows[a:b] - self.center).max()) for a, b in spans(n, TILE_ROWS) if d), default=0)
        self.scale = 2.0 ** -float(np.clip(np.frexp(reach)[1], -120, 120)) if reach > 0 else 1.0
        self._tiles: dict[int, Array] | None = {} if 4 * n * (d + 2) <= KEPT_BYTES else None

    def search(
        self,
        queries: Array,
        k: int,
        *,
        allowed: Array | None = None,
        threads: int | None = None,
        progress: Advance | None = None,
    ) -> tuple[Ints, Doubles]:
        """The k rows nearest to each of m queries: rows (m, k) int64 and squared distances (m, k) float64.

        Nearest first, equal distances by row. `allowed` (n,) bool leaves rows out; k must not exceed what is left.
        """
        check_same_width(self.rows, queries)
        queries = queries.astype(np.result_type(self.rows, queries), copy=False)  # one center for both
        m, n = len(queries), len(self.rows)
        ids = np.zeros((m, k), np.int64)
        squared = np.zeros((m, k), np.float64)
        keep = np.arange(n) if allowed is None else np.flatnonzero(allowed)
        if m == 0 or k == 0:
            report(progress, m, m)
            return ids, squared
        if self.rows.shape[1] == 0:
            ids[:] = keep[:k]
            report(progress, m, m)
            return ids, squared
        tiles = self._plan(keep, allowed is None)

        def run(span: tuple[int, int]) -> int:
            start, stop = span
            self._block(queries[start:stop], tiles, k, ids[start:stop], squared[start:stop])
            return stop

        with Workers(threads) as workers:
            # small enough that every thread has work, whole blocks otherwise
            size = max(1, min(QUERY_ROWS, -(-m // workers.threads)))
            for done in workers.map(run, spans(m, size)):
                report(progress, done, m)
        return ids, squared

    def _plan(self, keep: Ints, everything: bool) -> list[tuple[int, Ints | None]]:
        """The tiles to look at: their start and, unless all, the rows of the tile that are allowed."""
        starts = range(0, len(self.rows), TILE_ROWS)
        if everything:
            return [(start, None) for start in starts]
        cuts = np.searchsorted(keep, [*starts, len(self.rows)])
        chosen = [(start, keep[a:b] - start) for start, a, b in zip(starts, cuts[:-1], cuts[1:], strict=True)]
        return [(start, rows) for start, rows in chosen if len(rows)]

    def _centered(self, rows: Array, dtype: type[np.float32] | type[np.float64]) -> tuple[Array, Doubles]:
        """`rows` about the center, scaled, in `dtype`; and their squared norms."""
        wide = rows.astype(np.float64) if dtype is np.float64 else rows
        centered = (wide - self.center.astype(wide.dtype)) * wide.dtype.type(self.scale)
        centered = centered.astype(dtype, copy=False)
        return centered, np.einsum("ij,ij->i", centered, centered, dtype=np.float64)

    def _tile(self, start: int, margin: _Margin) -> Array:
        """Rows from `start` as [z, e*b, (1-e)*b^2]."""
        keep = self._tiles is not None and margin.dtype is np.float32
        if keep and self._tiles is not None and start in self._tiles:
            return self._tiles[start]
        centered, norms = self._centered(self.rows[start : start + TILE_ROWS], margin.dtype)
        e = margin.e
        tile = np.column_stack([centered, e * np.sqrt(norms), (1 - e) * norms]).astype(margin.dtype)
        if keep and self._tiles is not None:
            self._tiles[start] = tile
        return tile

    def _block(self, queries: Array, tiles: list[tuple[int, Ints | None]], k: int, ids: Ints, squared: Doubles) -> None:
        """Write the k nearest of a block of queries into `ids` and `squared`."""
        narrow = _Margin.of(np.float32, queries.shape[1])
        wide = _Margin.of(np.float64, queries.shape[1])
        reach = np.abs(queries.astype(np.float64) - self.center).max(axis=1) * self.scale
        close = (reach <= FAR) & (narrow.e < 0.01)
        many = 4 * k + 256
        for which, margin in ((np.flatnonzero(close), narrow), (np.flatnonzero(~close), wide)):
            if not len(which):
                continue
            found = self._candidates(queries[which], tiles, k, margin)
            if found is None:
                middle = max(1, len(queries) // 2)
                for half in (slice(0, middle), slice(middle, None)):
                    self._block(queries[half], tiles, k, ids[half], squared[half])
                return
            rows, columns = found
            if margin is narrow:
                crowded = np.bincount(rows, minlength=len(which)) > many
                if crowded.any():
                    # float32 cannot tell these apart: ask again in float64 before computing every one directly
                    again = self._candidates(queries[which[crowded]], tiles, k, wide)
                    if again is not None:
                        kept = ~crowded[rows]
                        rows = np.concatenate([rows[kept], np.flatnonzero(crowded)[again[0]]])
                        columns = np.concatenate([columns[kept], again[1]])
            self._decide(queries, which[rows], columns, k, ids, squared)

    def _candidates(
        self, queries: Array, tiles: list[tuple[int, Ints | None]], k: int, margin: _Margin
    ) -> tuple[Ints, Ints] | None:
        """Pairs (query, row) that hold the k nearest of each query; None if there are too many to keep."""
        dtype, e = margin.dtype, margin.e
        y, norms = self._centered(queries, dtype)
        a = np.sqrt(norms).astype(dtype)
        left = np.column_stack([-2 * y, -2 * a, np.ones_like(a)])
        best = np.full((len(y), k), np.inf, dtype)  # the k smallest upper bounds
        limit = np.full(len(y), np.inf, dtype)
        pool_rows: list[Ints] = []
        pool_columns: list[Ints] = []
        pool_lower: list[Array] = []
        size = 0
        for start, chosen in tiles:
            tile = self._tile(start, margin)
            if chosen is not None:
                tile = tile[chosen]
            lower = left @ tile.T
            at_rows, at_columns = np.nonzero(lower <= limit[:, None])
            if not len(at_rows):
                continue
            values = lower[at_rows, at_columns]
            b = tile[at_columns, -2] / dtype(e)
            upper = values + dtype(2 * e) * (a[at_rows] + b) ** 2 + dtype(margin.slack)
            best = _merge(best, at_rows, upper, k)
            limit = best.max(axis=1)
            near = values <= limit[at_rows]
            pool_rows.append(at_rows[near])
            pool_columns.append((at_columns if chosen is None else chosen[at_columns])[near] + start)
            pool_lower.append(values[near])
            size += int(near.sum())
            if size > POOL:
                rows, columns, values = (np.concatenate(part) for part in (pool_rows, pool_columns, pool_lower))
                near = values <= limit[rows]
                pool_rows, pool_columns, pool_lower = [rows[near]], [columns[near]], [values[near]]
                size = int(near.sum())
                if size > POOL and len(y) > 1:
                    return None
        rows, columns, values = (np.concatenate(part) for part in (pool_rows, pool_columns, pool_lower))
        near = values <= limit[rows]
        return rows[near], columns[near]

    def _decide(self, queries: Array, rows: Ints, columns: Ints, k: int, ids: Ints, squared: Doubles) -> None:
        """Compute the candidates' distances directly and keep the k best, equal ones by row."""
        exact = direct(queries, rows, self.rows, columns)
        order = np.lexsort((columns, exact, rows))
        rows, columns, exact = rows[order], columns[order], exact[order]
        present, first = np.unique(rows, return_index=True)
        take = first[:, None] + np.arange(k)
        ids[present] = columns[take]
        squared[present] = exact[take]


def direct(left: Array, left_rows: Ints, right: Array, right_rows: Ints) -> Doubles:
    """Sums of squared differences in float64 of given pairs of rows, in steps that stay in the cache."""
    out = np.empty(len(left_rows), np.float64)
    for start, stop in spans(len(left_rows), max(1, DIRECT // max(1, left.shape[1]))):
        difference = right[right_rows[start:stop]].astype(np.float64, copy=False)
        difference = difference - left[left_rows[start:stop]]
        np.square(difference, out=difference)
        out[start:stop] = difference.sum(axis=1)
    return out


def _merge(best: Array, rows: Ints, values: Array, k: int) -> Array:
    """The k smallest of each row of `best` and of the new (row, value) pairs, whose rows ascend."""
    counts = np.bincount(rows, minlength=len(best))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    both = np.full((len(best), k + int(counts.max())), np.inf, best.dtype)
    both[:, :k] = best
    both[rows, k + place] = values
    return np.partition(both, k - 1, axis=1)[:, :k]

"""A few exact queries among very many rows: most rows are refused by 128 bytes of each.

The bound. Let A (d, p) have orthonormal columns (the leading principal axes of a sample), y = x - c, and

    u(x) = (A'y, sqrt(|y|^2 - |A'y|^2))         (p + 1 numbers: along the axes, and the length of the rest).

Then |u(x) - u(x')| <= |x - x'|: along the axes both sides agree, and the lengths of the rests differ by no more than
the rests do. u is computed in float64, kept as bytes with what the rounding lost (`_codes`), and the lower bound that a
product of bytes gives decides which rows are looked at. So a query reads 128 bytes of a row instead of all of it, and
then, in the order of their bounds, the few rows that may be among the nearest, until the next bound is beyond the k-th
distance. The bound is that of an early exit along principal axes with the remaining norm (as in the VA-file and its
successors: Weber, Schek and Blott, 1998; Ferhatosmanoglu et al., 2000); here it is one product of bytes.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from lookalike.analysis._axes import leading_axes
from lookalike.analysis._blocks import Array, Workers, middle_of, single_blas, spans
from lookalike.analysis._bytes import exact, products_of
from lookalike.analysis._codes import Scale, as_right, lengths
from lookalike.records import Doubles, Floats, Ints

FEWEST = 4096  # with fewer rows than this all of them are looked at
AXES = 127
SAMPLE = 1024
BLOCK = 1024
SCAN = 1 << 16  # rows in one product
GROUP = 64
FIRST = 64  # rows looked at first beyond bounds; then four times as many each time
WIDE = 1 << 22  # bounds from which a second thread pays
MOST = 32  # queries at a time


class PrefixSearch:
    """Prepared from `rows` (n, d): 128 bytes and 8 more of each. Make one with `of`; thread safe."""

    def __init__(self, rows: Array, center: Doubles, axes: Doubles, scale: Scale) -> None:
        n = len(rows)
        self.rows, self.center, self.axes, self.scale = rows, center, axes, scale
        self.codes = np.empty((n, axes.shape[1] + 1), np.uint8)
        self.norms, self.lost = np.empty(n, np.int32), np.empty(n, np.float32)

    @classmethod
    def of(cls, rows: Array, threads: int | None = None) -> PrefixSearch | None:
        """Read all rows once; None where this way has nothing to offer."""
        n, d = rows.shape
        if n < FEWEST or d < 2 or not exact():
            return None
        some = np.unique(np.linspace(0, n - 1, SAMPLE).astype(np.int64))
        center = middle_of(rows).astype(np.float64)
        sample = rows[some].astype(np.float64) - center
        with single_blas():
            axes = leading_axes(sample, AXES)[0]
        scale = Scale.of(_short(sample, np.zeros(d), axes))
        if scale is None:
            return None
        found = cls(rows, center, axes, replace(scale, usual=np.inf))

        def fill(span: tuple[int, int]) -> None:
            part = slice(*span)
            found.codes[part], found.norms[part], found.lost[part] = found._coded(rows[part])

        with Workers(threads) as workers:
            for _ in workers.map(fill, spans(n, BLOCK)):
                pass
        return found

    def _coded(self, rows: Array) -> tuple[Array, Array, Floats]:
        short = _short(rows, self.center, self.axes)
        codes, norms, lost = self.scale.codes(short)
        # what rounding u to float32 and float64 sums may add: far below a step
        extra = 2e-6 * np.linalg.norm(short, axis=1).astype(np.float32) / np.float32(self.scale.step)
        return codes, norms, lost + extra + np.float32(1e-30)

    def search(
        self, queries: Array, k: int, *, allowed: Array | None, exclude: Ints | None, threads: int
    ) -> tuple[Ints, Doubles]:
        """The k rows nearest to each of at most `MOST` queries, squared distances; equal ones by row.

        `allowed` (n,) bool or None; `exclude` (m,) rows or None, -1 for none. There must be k rows for each query.
        """
        keep = None if allowed is None else np.flatnonzero(allowed)
        if keep is not None and len(keep) > len(self.rows) // 4:
            keep = None  # reading all is quicker than picking
        codes, norms, lost = self._coded(queries)
        low = self._bounds(as_right(codes), norms, keep, threads)
        ids, squared = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
        for i, bounds in enumerate(low):
            if keep is None and allowed is not None:
                bounds[~allowed] = np.inf
            if exclude is not None and exclude[i] >= 0:
                bounds[exclude[i] if keep is None else keep == exclude[i]] = np.inf
            ids[i], squared[i] = self._decide(queries[i], bounds, float(lost[i]), keep, k)
        return ids, squared

    def _bounds(self, right: Array, norms: Array, keep: Ints | None, threads: int) -> Floats:
        """(m, rows) float32: a distance in steps is at least this less what the query lost."""
        codes, own, lost = self.codes, self.norms, self.lost
        if keep is not None:
            codes, own, lost = codes[keep], own[keep], lost[keep]
        low = np.empty((len(norms), len(codes)), np.float32)

        def scan(span: tuple[int, int]) -> None:
            part = slice(*span)
            gaps = lengths(products_of(codes[part], right), own[part], norms)
            np.subtract(gaps.T, lost[part], out=low[:, part])

        size = max(1024, SCAN // len(norms))
        if threads > 1 and low.size >= WIDE:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(scan, spans(len(codes), size)))
        else:
            for span in spans(len(codes), size):
                scan(span)
        return low

    def _decide(self, query: Array, low: Floats, lost: float, keep: Ints | None, k: int) -> tuple[Ints, Doubles]:
        """The k nearest of one query, from bounds of the distances of all rows or those of `keep`."""
        first = _lowest(low, k)
        ids, squared = self._measured(query, first, keep, np.inf)
        bar = np.sqrt(np.partition(squared, k - 1)[k - 1]) / self.scale.step * (1 + 1e-6) + lost
        low[first] = np.inf  # done
        rest = np.flatnonzero(low <= bar)
        rest = rest[np.argsort(low[rest])]
        start, size = 0, FIRST
        while True:
            turn = np.lexsort((ids, squared))[:k]
            ids, squared = ids[turn], squared[turn]
            bar = np.sqrt(squared[-1]) / self.scale.step * (1 + 1e-6) + lost
            if start >= len(rest) or low[rest[start]] > bar:
                return ids, squared
            some = rest[start : start + size]
            more, gaps = self._measured(query, some[low[some] <= bar], keep, float(squared[-1]))
            ids, squared = np.concatenate([ids, more]), np.concatenate([squared, gaps])
            start, size = start + size, size * 4

    def _measured(self, query: Array, places: Ints, keep: Ints | None, limit: float) -> tuple[Ints, Doubles]:
        """Rows and their squared distances, without those that float32 shows to be beyond `limit`."""
        ids = places if keep is None else keep[places]
        rows = np.asarray(self.rows[ids])
        if limit < np.inf:
            with np.errstate(over="ignore"):
                gaps = (rows - query).astype(np.float32, copy=False)
                rough = np.vecdot(gaps, gaps) * (1 - (rows.shape[1] + 8) * 2.0**-23) - 1e-40
            near = rough <= limit
            ids, rows = ids[near], rows[near]
        wide = rows.astype(np.float64)
        wide -= query
        return ids, np.square(wide, out=wide).sum(axis=1)


def _short(rows: Array, center: Doubles, axes: Doubles) -> Floats:
    """u of each row, (a, p + 1) float32."""
    wide = rows.astype(np.float64) - center
    along = wide @ axes
    rest = np.sqrt(np.maximum(np.vecdot(wide, wide) - np.vecdot(along, along), 0))
    return np.column_stack([along, rest]).astype(np.float32)


def _lowest(low: Floats, k: int) -> Ints:
    """Some places, k of them or a few more, whose bounds are among the lowest; all places where there are few."""
    wanted, whole = k + 8, len(low) // GROUP * GROUP
    heads = low[:whole].reshape(-1, GROUP).min(axis=1)
    places = np.arange(len(low))
    if len(heads) > wanted:
        groups = np.argpartition(heads, wanted)[:wanted]
        places = (groups[:, None] * GROUP + np.arange(GROUP)).ravel()
    places = places[low[places] < np.inf]
    if len(places) < k:
        places = np.flatnonzero(low < np.inf)
    return places[np.argpartition(low[places], wanted)[:wanted]] if len(places) > wanted else places

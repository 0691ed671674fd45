"""Soft preferences: a penalty for what differs in metadata, beside the distance of pictures; the exact k best by both.

An item that differs from the query in a field is moved away by at most the field's weight; one that has no value there
is treated as the average item, so that it is neither rewarded nor punished (after Gower 1971, "A general coefficient of
similarity and some of its properties", whose gaps per field these are).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array, Workers, report, spans
from lookalike.analysis._search import FAR, POOL, QUERY_ROWS, ExactSearch, _Margin, _merge, direct
from lookalike.analysis.evaluation import label_codes
from lookalike.analysis.ranking import Searcher
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Ints, Neighbors, Value

ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Field:
    """One metadata column as gaps between items, each from 0 (equal) to 1.

    `values` (n,) float64, NaN where missing: codes of categories, or numbers in some unit, whose gap is their
    difference in units of `spread` (None: categories), cut at 1. `average` (n,) float64 is the mean gap of a row to all
    items that have a value: what a missing value counts for.
    """

    name: str
    values: Doubles
    spread: float | None
    average: Doubles

    def gaps(self, queries: Ints, rows: Ints) -> Doubles:
        """(m, t) float64, the gap of each of m query rows to each of t rows; 0 for a query without a value."""
        own, others = self.values[queries][:, None], self.values[rows][None, :]
        gaps = self._gap(own, others)
        missing = np.isnan(others)
        if missing.any():
            gaps = np.where(missing, self.average[queries][:, None], gaps)
        return np.where(np.isnan(own), 0.0, gaps)

    def pairs(self, queries: Ints, rows: Ints) -> Doubles:
        """(p,) float64, the gap of each pair of a query row and a row; equal to the entries of `gaps`."""
        own, others = self.values[queries], self.values[rows]
        gaps = np.where(np.isnan(others), self.average[queries], self._gap(own, others))
        return np.where(np.isnan(own), 0.0, gaps)

    def _gap(self, own: Doubles, others: Doubles) -> Doubles:
        apart = np.abs(own - others)
        gaps: Doubles = (apart > 0).astype(np.float64) if self.spread is None else np.minimum(apart / self.spread, 1.0)
        return gaps


_LARGE, _SHRINK = 1e150, 600
"""Numbers from which on a column is kept in units of two to the power of `_SHRINK`."""


def make_field(name: str, values: Sequence[Value]) -> Field:
    """A column as a `Field`. Numbers are scaled by the range of the middle 90% of them; all else is equal or not.

    None, NaN and empty text are missing.

    >>> make_field("size", [36, 38, None, 40]).gaps(np.array([0]), np.array([1, 3])).round(3).tolist()
    [[0.556, 1.0]]
    """
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        numbers = np.array([np.nan if value is None else float(value) for value in values], np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        known = numbers[~np.isnan(numbers)]
        if len(known) and np.abs(known).max() > _LARGE:  # sums and differences must stay finite; no gap changes
            numbers, known = np.ldexp(numbers, -_SHRINK), np.ldexp(known, -_SHRINK)
        if len(known) and known.min() < known.max():
            low, high = np.percentile(known, [5, 95])
            spread = float(high - low) or float(known.max() - known.min())
            return Field(name, numbers, spread, _mean_gap(numbers, known, spread))
        return Field(name, numbers, None, np.zeros(len(numbers)))
    codes = label_codes(values)
    counts = np.bincount(codes[codes >= 0])
    shares = counts / max(counts.sum(), 1)
    average = np.where(codes >= 0, 1 - shares[codes] if len(shares) else 0.0, 0.0)
    return Field(name, np.where(codes >= 0, codes, np.nan), None, average)


def _mean_gap(numbers: Doubles, known: Doubles, spread: float) -> Doubles:
    """The mean of min(|x - v| / spread, 1) over the known v for each x, from sorted sums; 0 for a missing x."""
    ordered = np.sort(known)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    asked = np.where(np.isnan(numbers), ordered[0], numbers)
    first = np.searchsorted(ordered, asked - spread, "left")
    middle = np.searchsorted(ordered, asked, "left")
    last = np.searchsorted(ordered, asked + spread, "right")
    below = asked * (middle - first) - (sums[middle] - sums[first])
    above = (sums[last] - sums[middle]) - asked * (last - middle)
    mean = ((below + above) / spread + (len(ordered) - (last - first))) / len(ordered)
    return np.where(np.isnan(numbers), 0.0, np.clip(mean, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Penalties:
    """Fields with their weights. An item's squared distance grows by `unit`^2 times the weighted sum of its gaps.

    With `unit` the typical distance of the catalog, a field of weight 1 that differs counts as much as a picture at
    that distance, where the score is one half.
    """

    fields: tuple[Field, ...]
    weights: tuple[float, ...]
    unit: float = 1.0

    def __post_init__(self) -> None:
        if any(not 0 <= weight < np.inf for weight in self.weights) or len(self.fields) != len(self.weights):
            raise UsageError(f"weights {self.weights} for {len(self.fields)} fields: give each one of at least 0")

    def penalties(self, queries: Ints, rows: Ints) -> Doubles:
        """(m, t) float64: what is added to the squared distance of each query row and row."""
        total = np.zeros((len(queries), len(rows)))
        for field, weight in zip(self.fields, self.weights, strict=True):
            total += field.gaps(queries, rows) * (weight * self.unit**2)
        return total

    def pairs(self, queries: Ints, rows: Ints) -> Doubles:
        """(p,) float64: the same for pairs."""
        total = np.zeros(len(queries))
        for field, weight in zip(self.fields, self.weights, strict=True):
            total += field.pairs(queries, rows) * (weight * self.unit**2)
        return total


def nearest_preferred(
    searcher: Searcher,
    rows: npt.ArrayLike,
    k: int,
    penalties: Penalties,
    *,
    allowed: Array | None = None,
    threads: int | None = 1,
    progress: Advance | None = None,
) -> Neighbors:
    """The `k` best allowed rows of each of m rows, itself left out, by the distance with its penalty, exactly.

    The distance is sqrt(squared distance of the pictures + penalty); equal ones go to the lower row. No row is left out
    because its picture is far: a row is dropped only where the lower bound of its distance (see `_search`) with its
    penalty is above k upper bounds. `rows` (m,) int; `allowed` (n,) bool.

    Returns `Neighbors` of (m, k); what is missing at the end of a row is -1 at distance infinity.
    """
    search = searcher._search
    asked = np.asarray(rows, np.int64)
    n = len(search.rows)
    keep = np.arange(n) if allowed is None else np.flatnonzero(allowed)
    k = min(k, len(keep))
    ids = np.full((len(asked), k), -1, np.int64)
    squared = np.full((len(asked), k), np.inf)
    if not len(asked) or not k:
        report(progress, len(asked), len(asked))
        return Neighbors(ids, squared.astype(np.float32))
    tiles = search._plan(keep, allowed is None)

    def run(span: tuple[int, int]) -> int:
        part = slice(*span)
        _block(search, asked[part], tiles, penalties, (ids[part], squared[part]))
        return span[1]

    with Workers(threads) as workers:
        size = max(1, min(QUERY_ROWS, -(-len(asked) // workers.threads)))
        for done in workers.map(run, spans(len(asked), size)):
            report(progress, done, len(asked))
    return Neighbors(ids, np.sqrt(squared).astype(np.float32))


Tiles = list[tuple[int, Ints | None]]


def _block(search: ExactSearch, rows: Ints, tiles: Tiles, penalties: Penalties, out: tuple[Ints, Doubles]) -> None:
    """Write the best of a block of rows into `out` (ids, squared distances)."""
    ids, squared = out
    found = _candidates(search, rows, tiles, penalties, ids.shape[1])
    if found is None:  # too many ties to hold at once
        for half in (slice(0, len(rows) // 2), slice(len(rows) // 2, None)):
            _block(search, rows[half], tiles, penalties, (ids[half], squared[half]))
        return
    which, columns = found
    exact = direct(search.rows[rows], which, search.rows, columns) + penalties.pairs(rows[which], columns)
    order = np.lexsort((columns, exact, which))
    which, columns, exact = which[order], columns[order], exact[order]
    place = np.arange(len(which)) - np.searchsorted(which, which)
    best = place < ids.shape[1]
    ids[which[best], place[best]] = columns[best]
    squared[which[best], place[best]] = exact[best]


def _candidates(
    search: ExactSearch, rows: Ints, tiles: Tiles, penalties: Penalties, k: int
) -> tuple[Ints, Ints] | None:
    """Pairs (place in `rows`, row) that hold the k best of each; None if they are too many to keep."""
    queries = search.rows[rows]
    reach = np.abs(queries.astype(np.float64) - search.center).max(initial=0) * search.scale
    margin = _Margin.of(np.float32, queries.shape[1])
    if reach > FAR or margin.e >= 0.01:
        margin = _Margin.of(np.float64, queries.shape[1])
    y, norms = search._centered(queries, margin.dtype)
    a = np.sqrt(norms)
    left = np.column_stack([-2 * y, -2 * a, np.ones_like(a)]).astype(margin.dtype)
    best = np.full((len(rows), k), np.inf)
    limit = np.full(len(rows), np.inf)
    pool: list[tuple[Ints, Ints, Doubles]] = []
    for start, chosen in tiles:
        tile = search._tile(start, margin)
        tile = tile if chosen is None else tile[chosen]
        at = start + (np.arange(len(tile)) if chosen is None else chosen)
        lower = (left @ tile.T).astype(np.float64)
        lower += penalties.penalties(rows, at) * search.scale**2
        lower[rows[:, None] == at[None, :]] = np.inf
        which, columns = np.nonzero((lower <= limit[:, None]) & (lower < np.inf))
        values = lower[which, columns]
        b = tile[columns, -2].astype(np.float64) / margin.e
        room = 2.001 * margin.e * (a[which] + b) ** 2 + margin.slack
        best = _merge(best, which, values + room + ROUNDING * (np.abs(values) + room), k) if len(which) else best
        limit = best.max(axis=1)
        pool.append((which, at[columns], values))
        which, columns, values = (np.concatenate(part) for part in zip(*pool, strict=True))
        near = values <= limit[which]
        pool = [(which[near], columns[near], values[near])]
        if int(near.sum()) > POOL and len(rows) > 1:
            return None
    return pool[0][0], pool[0][1]

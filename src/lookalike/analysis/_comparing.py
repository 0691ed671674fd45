"""Some rows compared with all, once: their own nearest, and the lists of others that they belong in.

Products of bytes (`_codes`) bound every distance; where bytes would not tell the rows apart, or only a few rows are
compared, products in float32 with the margin that `_search` derives do. What the bounds leave is measured in float32,
whose sum of n squares is off by at most (n + 3) u of itself, and what that leaves in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, pairwise
from typing import cast

import numpy as np

from lookalike.analysis._blocks import Array, Workers, middle_of, report, spans
from lookalike.analysis._bytes import exact, products_of
from lookalike.analysis._codes import Counts, Scale, as_right, lengths
from lookalike.analysis._sums import loops_for, true_squares
from lookalike.records import Advance, Doubles, Floats, Ints

ROWS = 1024
GROUP = 32  # rows of which only the nearest counts when a limit is looked for
BOUNDS = 1 << 25  # bounds held at once: 128 MiB
ASKED = 1024
FEW = 24  # with fewer rows than this, rounding all others would cost more than it saves
TOGETHER = 8
STRIP = 1 << 15  # numbers subtracted at a time: they stay in the cache
TINY = 1e-40
MORE = np.float32(1 + 2.0**-18)


@dataclass(frozen=True, slots=True)
class Found:
    """The nearest of the rows asked for, (m, width), and where the fresh ones belong: pairs (row, fresh), squared."""

    ids: Ints
    squared: Doubles
    rows: Ints
    fresh: Ints
    gaps: Doubles


def compare(
    rows: Array, asked: Ints, reach: Doubles, fresh: Array, width: int, workers: Workers, progress: Advance | None
) -> Found:
    """Compare the rows `asked` (m,) with all n: the `width` nearest of each, itself left out.

    `reach` (n,): the distance of the last in each row's list; a row of `asked` that is `fresh` (n,) belongs in the
    lists whose reach it is within. A negative reach: nothing belongs in this list.
    """
    size = max(1, min(ASKED, BOUNDS // max(1, len(rows))))
    scale = Scale.of(rows) if len(asked) >= FEW and exact() else None
    bounds = _FloatBounds(rows) if scale is None else _ByteBounds(rows, scale, keep=len(asked) > size)
    ids, squared = np.empty((len(asked), width), np.int64), np.empty((len(asked), width))
    pairs: list[tuple[Ints, Ints, Doubles]] = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for start, stop in spans(len(asked), size):
        some = asked[start:stop]
        near, low, edges = _candidates(bounds, some, reach, width, workers)
        tasks = [(one, near[a:b], low[a:b]) for one, (a, b) in zip(some, pairwise(edges), strict=True)]
        groups = [tasks[a:b] for a, b in spans(len(tasks), TOGETHER)]
        parts = workers.map(lambda group: [_decide(rows, task, reach, width, bounds.step) for task in group], groups)
        for j, (mine, gaps, entered, entered_gaps) in enumerate(chain.from_iterable(parts)):
            ids[start + j], squared[start + j] = mine, gaps
            if fresh[some[j]]:
                pairs.append((entered, np.full(len(entered), some[j]), entered_gaps))
        report(progress, stop, len(asked))
    return Found(ids, squared, *(np.concatenate(part) for part in zip(*pairs, strict=True)))


def _candidates(
    bounds: _ByteBounds | _FloatBounds, some: Ints, reach: Doubles, width: int, workers: Workers
) -> tuple[Ints, Floats, list[int]]:
    """Rows that may be near a row of `some` or have it in reach, their lower bounds, and where each one's begin."""
    n = len(reach)
    low = np.empty((n, len(some)), np.float32)
    bounds.prepare(some)

    def measure(span: tuple[int, int]) -> Floats:
        part = slice(*span)
        mine = np.flatnonzero((some >= span[0]) & (some < span[1]))
        least = bounds.measure(part, low[part], (some[mine] - span[0], mine))
        low[some[mine], mine] = np.inf
        return least

    least = np.concatenate(list(workers.map(measure, spans(n, ROWS))))
    if len(least) > width:
        limit = np.partition(least, width - 1, axis=0)[width - 1] * MORE
    else:
        limit = np.full(len(some), np.inf, np.float32)
    limit[~(limit < np.inf)] = np.finfo(np.float32).max  # all but itself
    bar = np.where(reach < 0, -1, reach / bounds.step).astype(np.float32) * MORE

    def gather(span: tuple[int, int]) -> tuple[Ints, Ints, Floats]:
        part = low[slice(*span)]
        near = np.flatnonzero(part <= np.maximum(limit, bar[slice(*span), None]))
        rows, columns = np.divmod(near, len(some))
        return rows + span[0], columns, part.ravel()[near]

    found = list(workers.map(gather, spans(n, ROWS)))
    rows, columns, values = (np.concatenate([part[side] for part in found]) for side in (0, 1, 2))
    order = np.argsort(columns, kind="stable")
    return rows[order], values[order], np.searchsorted(columns[order], np.arange(len(some) + 1)).tolist()


def _decide(
    rows: Array, task: tuple[int, Ints, Floats], reach: Doubles, width: int, step: float
) -> tuple[Ints, Doubles, Ints, Doubles]:
    """The `width` nearest of one row among its candidates; those of them that have it in reach; squared.

    `task`: the row, its candidates, and bounds in steps that their distances are not below.
    """
    one, near, bounds = task
    low = np.maximum(bounds, 0) * np.float32(step * (1 - 1e-6))
    off = (rows.shape[1] + 8) * 2.0**-23
    rough = np.full(len(near), np.inf)
    first = np.argpartition(low, width - 1)[:width]  # these show which of the others need to be looked at
    rough[first] = _rough_squares(rows, near[first], one)
    limit = rough[first].max() * (1 + off) + TINY
    low[first] = np.inf
    more = np.flatnonzero((low <= np.sqrt(limit)) | (low <= reach[near]))
    rough[more] = _rough_squares(rows, near[more], one)
    limit = np.partition(rough, width - 1)[width - 1] * (1 + off) + TINY
    rough = rough * (1 - off) - TINY
    near = near[(rough <= limit) | ((reach[near] >= 0) & (rough <= np.square(reach[near])))]
    squared = true_squares(rows, near, np.full(len(near), one))
    best = np.lexsort((near, squared))[:width]
    into = reach[near] >= np.sqrt(squared)
    return near[best], squared[best], near[into], squared[into]


def _rough_squares(rows: Array, near: Ints, one: int) -> Array:
    """The squared distances of `near` from one row, in float32 and added up in any order."""
    out = np.empty(len(near), np.float32)
    loops = loops_for(rows)
    if loops is not None:
        loops.rough_sums(rows, near, one, out)
        return out
    size = max(1, STRIP // max(1, rows.shape[1]))
    block = np.empty((min(size, len(near)), rows.shape[1]), rows.dtype)
    for start, stop in spans(len(near), size):
        gaps = block[: stop - start]
        np.take(rows, near[start:stop], axis=0, out=gaps, mode="clip")
        gaps -= rows[one]
        out[start:stop] = np.vecdot(gaps, gaps)
    return out


class _ByteBounds:
    """Bounds from products of bytes, in steps; `keep` the codes of all rows for the next rows to compare."""

    def __init__(self, rows: Array, scale: Scale, *, keep: bool) -> None:
        self.rows = rows
        self.scale = scale
        self.step = scale.step
        self._kept: dict[int, tuple[Array, Counts, Floats]] | None = {} if keep else None

    def prepare(self, some: Ints) -> None:
        """Make ready to compare `some` with all."""
        codes, self._norms, self._lost = self.scale.codes(self.rows[some])
        self._right = as_right(codes)

    def measure(self, part: slice, low: Floats, own: tuple[Ints, Ints]) -> Floats:
        """Write lower bounds (a, m) into `low`; the least upper ones of each group of rows, but for the pairs `own`."""
        codes, norms, lost = self._coded(part)
        lengths(products_of(codes, self._right), norms, self._norms, low)
        odd = np.isinf(lost)
        lost = np.where(odd, np.float32(0), lost)
        low += lost[:, None]
        low[odd] = np.inf
        low[own] = np.inf
        least = _least(low) + self._lost
        low[own] = 0  # infinity less infinity is nothing
        low[odd] = -np.inf
        low -= 2 * lost[:, None]
        low -= self._lost
        return least

    def _coded(self, part: slice) -> tuple[Array, Counts, Floats]:
        if self._kept is None:
            return self.scale.codes(self.rows[part])
        if part.start not in self._kept:
            self._kept[part.start] = self.scale.codes(self.rows[part])
        return self._kept[part.start]


class _FloatBounds:
    """Bounds from products in float32."""

    def __init__(self, rows: Array) -> None:
        self.rows = rows
        self.step = 1.0
        self.center = middle_of(rows)
        self.error = np.float32(1.01 * (rows.shape[1] + 64) * 2.0**-24)  # `_search`, with room for norms in float32

    def _prepared(self, block: Array) -> tuple[Array, Array]:
        centered = (block - self.center).astype(np.float32, copy=False)
        return centered, np.einsum("ij,ij->i", centered, centered)

    def prepare(self, some: Ints) -> None:
        """Make ready to compare `some` with all."""
        right, self._norms = self._prepared(self.rows[some])
        self._right = np.ascontiguousarray(-2 * right.T)

    def measure(self, part: slice, low: Floats, own: tuple[Ints, Ints]) -> Floats:
        """Write lower bounds (a, m) into `low`; the least upper ones of each group of rows, but for the pairs `own`."""
        left, norms = self._prepared(self.rows[part])
        squared: Floats = left @ self._right
        squared += norms[:, None]
        squared += self._norms
        margin = np.sqrt(norms)[:, None] + np.sqrt(self._norms)
        np.square(margin, out=margin)
        margin *= self.error
        margin += np.float32(1e-30)
        np.sqrt(np.maximum(squared - margin, 0), out=low)
        low *= 1 - np.float32(2.0**-20)
        squared += margin
        squared[own] = np.inf
        return np.sqrt(np.maximum(_least(squared), 0))


def _least(upper: Floats) -> Floats:
    """The least of each group of rows, by column."""
    whole = len(upper) // GROUP * GROUP
    least = upper[:whole].reshape(-1, GROUP, upper.shape[1]).min(axis=1)
    if whole < len(upper):
        least = np.vstack([least, upper[whole:].min(axis=0)])
    return cast("Floats", least)

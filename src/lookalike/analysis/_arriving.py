"""New rows compared with all others in one pass over memory, by compiled loops: what `_comparing` does, sooner.

A block of rows is read once, rounded to bytes as `_graph` derives it, and multiplied with the new rows while its bytes
are in the cache. Each new row keeps its k least squared distances, from above; the last of them, lowered as better ones
come, is what its bounds are compared with. A sample of the rows gives it a first value. Pairs that are within it, or
within the reach of an old row's list, are listed; at the end those that still are get measured in float64
(`_kernels.true_sums`). Two threads have half of the rows each and tell each other how low the limits are: which pairs
are listed depends on that, which rows are nearest does not.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from lookalike.analysis._blocks import Array, Workers, report, spans
from lookalike.analysis._bytes import exact, products_of
from lookalike.analysis._codes import Scale, as_right
from lookalike.analysis._comparing import FEW, Found
from lookalike.analysis._forms import LARGE, MOST, SLACK
from lookalike.analysis._sums import loops_for, true_squares
from lookalike.records import Advance, Doubles, Ints

BLOCK = 512  # rows: they, their bytes and their products stay in the cache
COLUMNS = 512  # new rows in one product
ASKED = 4096  # new rows in one pass
SAMPLE = 256
PAIRS = 1 << 16  # pairs listed before those that are beyond a limit by now are let go

Pairs = tuple[Ints, Ints, Doubles]


def nearest_and_reached(
    rows: Array, asked: Ints, reach: Doubles, fresh: Array, width: int, workers: Workers, progress: Advance | None
) -> Found | None:
    """What `_comparing.compare` gives, whose arguments these are.

    None where this way has nothing to offer: too few new rows,
    loops that nothing has loaded yet, numbers that bytes would not tell apart or that are not finite.
    """
    if loops_for(rows) is None or len(asked) < FEW or not 1 <= width <= min(MOST, len(rows) - 1):
        return None
    scale = Scale.of(rows) if exact() else None
    if scale is None:
        return None
    ids, squared = np.empty((len(asked), width), np.int64), np.empty((len(asked), width))
    pairs: list[Pairs] = []
    for start, stop in spans(len(asked), ASKED):
        search = _Pass(rows, scale, asked[start:stop], reach, fresh, width)
        listed = search.run(workers)
        if listed is None:
            return None
        ids[start:stop], squared[start:stop], entered = search.decided(listed, workers)
        pairs.append(entered)
        report(progress, stop, len(asked))
    into, who, gaps = (np.concatenate([part[side] for part in pairs]) for side in range(3))
    return Found(ids, squared, into, who, gaps)


class _Pass:
    """One pass over all rows for some new ones."""

    def __init__(self, rows: Array, scale: Scale, asked: Ints, reach: Doubles, fresh: Array, width: int) -> None:
        from lookalike.analysis import _kernels, _passing

        self.rows, self.scale, self.asked, self.width, self.loops = rows, scale, asked, width, _passing
        self.reach, self.fresh = reach, fresh[asked]
        self.units = np.where(reach < 0, -1, reach / scale.step)
        self.signs = _kernels.signs_for(rows.shape[1]).astype(np.float32)
        codes, *self.facts, self.fits = self._codes(rows[asked])
        self.parts = [(a, as_right(codes[a:b])) for a, b in spans(len(asked), COLUMNS)]
        self.limit = self._first_limit()

    def _codes(self, rows: Array) -> tuple[Array, Doubles, Doubles, Doubles, bool]:
        """Rows as bytes, their norms, what is lost, their steps, in units; whether all of their numbers fit."""
        n = len(rows)
        codes, facts = np.empty((n, len(self.signs)), np.uint8), np.empty((3, n))
        most = self.loops.coded(rows, self.scale.center, self.signs, self.scale.step, codes, *facts)
        return codes, facts[0], facts[1], facts[2], bool(most < LARGE)  # NaN is not

    def _first_limit(self) -> Doubles:
        """Squared, (m,): as many of a sample of the rows as are wanted are within this."""
        some = np.unique(np.linspace(0, len(self.rows) - 1, min(len(self.rows), SAMPLE)).astype(np.int64))
        codes, norms, lost, sizes, fits = self._codes(self.rows[some])
        if len(some) <= self.width or not (fits and self.fits):
            return np.full(len(self.asked), np.inf)
        limit = np.empty(len(self.asked))
        for start, right in self.parts:
            part = slice(start, start + right.shape[1])
            own_norms, own_lost, own_sizes = (fact[part] for fact in self.facts)
            high = products_of(codes, right) * (-2 * sizes[:, None] * own_sizes)
            high += norms[:, None] + own_norms
            high = np.sqrt(np.maximum(high, 0)) + lost[:, None]
            high[some[:, None] == self.asked[part]] = np.inf
            high = np.partition(np.ascontiguousarray(high.T), self.width - 1, axis=1)[:, self.width - 1]
            limit[part] = high + own_lost
        return np.square(limit * self.scale.step) * (1 + 1e-5)

    def run(self, workers: Workers) -> list[Pairs] | None:
        """Pairs (row, place in `asked`, least squared distance) that may matter; None if a number is too large."""
        if not self.fits:
            return None
        halves = [(int(a), int(b)) for a, b in _shares(len(self.rows), workers.threads)]
        parts = list(workers.map(self._share, halves))
        if any(part is None for part in parts):
            return None
        self.limit = np.minimum(
            self.limit, np.partition(np.hstack([part[1] for part in parts if part]), self.width - 1)[:, self.width - 1]
        )
        return [pairs for part in parts if part for pairs in part[0]]

    def _share(self, span: tuple[int, int]) -> tuple[list[Pairs], Doubles] | None:
        """One thread's rows: the pairs listed, and the least squared distances of each new row among them."""
        tops = np.full((len(self.asked), self.width), np.inf)
        size = PAIRS + COLUMNS
        found = (np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size), np.zeros(2, np.int64))
        state = found[3]
        new = (*self.facts, self.fresh, self.asked)
        scales, tests = (self.scale.step, SLACK), np.empty((5, COLUMNS), np.float32)
        listed: list[Pairs] = []
        for a, b in spans(span[1] - span[0], BLOCK):
            first, stop = span[0] + a, span[0] + b
            codes, *facts, fits = self._codes(self.rows[first:stop])
            if not fits:
                return None
            old = (*facts, self.units[first:stop])
            for left, right in self.parts:
                products = products_of(codes, right)
                state[0] = 0
                while state[0] < len(codes):
                    self.loops.passing(products, (first, left), scales, old, new, (tops, self.limit), found, tests)
                    if state[0] < len(codes):
                        listed.append(self._kept(found))
        listed.append(self._kept(found))
        return listed, tops

    def _kept(self, found: tuple[Any, ...]) -> Pairs:
        """What of the listed pairs is still within a limit or reach; there is room again then."""
        state = found[3]
        rows, new, low = (part[: state[1]] for part in found[:3])
        keep = (low <= self.limit[new]) | ((self.reach[rows] >= 0) & (low <= np.square(self.reach[rows])))
        state[1] = 0
        return rows[keep], new[keep], low[keep]

    def decided(self, listed: list[Pairs], workers: Workers) -> tuple[Ints, Doubles, Pairs]:
        """The nearest of each new row, and the pairs within reach, from what is listed."""
        rows, new, low = (np.concatenate([part[side] for part in listed]) for side in range(3))
        wanted = low <= self.limit[new]
        reached = self.fresh[new] & (self.reach[rows] >= 0) & (low <= np.square(self.reach[rows]))
        keep = np.flatnonzero(wanted | reached)
        rows, new, wanted, reached = rows[keep], new[keep], wanted[keep], reached[keep]
        true = np.empty(len(rows))

        def measure(span: tuple[int, int]) -> None:
            part = slice(*span)
            true[part] = true_squares(self.rows, rows[part], self.asked[new[part]])

        for _ in workers.map(measure, spans(len(rows), 1024)):
            pass
        near = np.flatnonzero(wanted)
        near = near[np.lexsort((rows[near], true[near], new[near]))]
        starts = np.searchsorted(new[near], np.arange(len(self.asked)))
        best = near[starts[:, None] + np.arange(self.width)]
        into = np.flatnonzero(reached & (self.reach[rows] >= np.sqrt(true)))
        into = into[np.argsort(rows[into], kind="stable")]
        return rows[best], true[best], (rows[into], self.asked[new[into]], true[into])


def _shares(total: int, count: int) -> list[tuple[int, int]]:
    """The (start, stop) of at most `count` nearly equal shares."""
    cuts = np.linspace(0, total, max(1, min(count, total)) + 1).astype(int).tolist()
    return list(pairwise(cuts))

"""The whole graph at once: each pair of rows is multiplied once, in bytes, and both of its rows look at the product.

The bound. Take any center c, a step s > 0 and whole numbers q_i of at most 127, and let e_i = |x_i - c - s q_i| be
what rounding the row to them loses. The triangle inequality gives for every pair

    s |q_i - q_j| - e_i - e_j  <=  |x_i - x_j|  <=  s |q_i - q_j| + e_i + e_j,

and |q_i - q_j|^2 = N_i + N_j - 2 q_i.q_j, with N = |q|^2, is a sum of whole numbers: exact, as far as 32 bits reach
(d <= 32,768). e_i is measured, not estimated. So a product of bytes, which a CPU with VNNI sums four times as fast as
float32, decides almost every pair, and it need not be known how the features are distributed.

The test of a product. With T_i an upper bound of the distance of row i to its k-th nearest, row j matters to row i only
if s |q_i - q_j| <= T_i + e_i + e_j. In steps, A = (T_i + e_i) / s and w_j = e_j / s, that is

    q_i.q_j  >=  (N_j - w_j^2) / 2  +  (N_i - A^2) / 2  -  A w_j,

one comparison in float32 with a slack of 2^-20 of every term, more than eight roundings can add up to.

Where bytes are too coarse (white noise with many neighbors: all distances are nearly equal) products in float32 take
their place. Their error is bounded as `_search` derives it: with u = 2^-24, a = |y_i|, b = |y_j| and
eps = 1.01 (d + 32) u, the square of a distance is off by at most 2 eps a b + 4 u (a^2 + b^2). What cannot be
excluded by

    y_i.y_j  >=  (|y_j|^2 + |y_i|^2 - T_i^2) / 2  -  eps a b

and the same slack, T_i^2 being a bound of the square of the k-th distance, is listed and decided at the end
(`_listing`). A sample decides which of the two costs less, by counting, never by a timing.

What passes a test of bytes is computed directly, once for both rows, while both are in the cache: first in float32,
which refuses most, then in float64 as NumPy would add it up (`sum_of_squares`); the k-th best is the new T_i. Rows are
grouped around some of them first, so that tiles on the diagonal hold the nearest of most rows and T_i is small from the
start.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from lookalike.analysis._blocks import Array, Workers, middle_of, report, spans
from lookalike.analysis._bytes import exact, products_of, shifted
from lookalike.analysis._search import ExactSearch
from lookalike.records import Advance, Doubles, Ints

FEWEST = 4096  # with fewer rows than this, `ExactSearch` is done before anything is compiled
WIDEST = 32_768  # beyond this many columns a product of bytes does not fit 32 bits
NARROWEST = 32
MOST = 256  # neighbors
BLOCK = 1024
SAMPLE = 64
ODD = 6.0  # rows that lose this many times as much as the median are searched apart
SLACK = 2.0**-20
LARGE = 1e15  # squares of larger numbers come near the end of float32
FLOAT_COST = 4.3  # float32 products against products of bytes
TOGETHER = 2048  # rows whose lists are decided together
LISTED, ROOM = 3, 64  # a list of k neighbors in float32 products holds 3 k + 64
PAIR_COST = 12.0  # a number in a direct sum against one in a float32 product


@dataclass(frozen=True, slots=True)
class _Form:
    """Rows in the form in which they are multiplied. `facts`: N, the constant of a column, e (or sqrt(eps) |y|), w."""

    whole: bool
    left: Array
    right: Array
    facts: tuple[Array, ...]
    step: float
    edges: list[tuple[int, int]]


def graph(base: Array, k: int, threads: int | None, progress: Advance | None) -> tuple[Ints, Doubles] | None:
    """The k nearest of every row, itself left out: rows (n, k) int64 and squared distances (n, k) float64.

    Ordered by distance, equal ones by row. None where this way has nothing to offer (few rows, few or very many
    columns, k above 256, rows too unlike for one step, or no Numba): then ask `ExactSearch`.
    """
    n, d = base.shape
    if not FEWEST <= n < 1 << 31 or not NARROWEST <= d <= WIDEST or not 1 <= k <= min(MOST, n // 16) or not _ready():
        return None
    with Workers(threads) as workers:
        return _Graph(base, k, workers).run(progress)


def _ready() -> bool:
    return importlib.util.find_spec("numba") is not None and exact()


class _Graph:
    def __init__(self, base: Array, k: int, workers: Workers) -> None:
        from lookalike.analysis import _kernels

        self.kernels = _kernels
        self.base = base
        self.k = k
        self.workers = workers
        self.plan = sum_plan(base.shape[1])

    def run(self, progress: Advance | None) -> tuple[Ints, Doubles] | None:
        n, d = self.base.shape
        center = middle_of(self.base).astype(np.float64)
        step = self._step(center)
        if step is None:
            return None
        codes = np.empty((n, d), np.int8)
        lost = np.empty(n)

        def quantize(span: tuple[int, int]) -> None:
            part = slice(*span)
            self.kernels.quantize(self.base[part], center, step, codes[part], lost[part])

        for _ in self.workers.map(quantize, spans(n, BLOCK)):
            pass
        lost = lost * (1 + 1e-9) + 1e-12 * step * 127 * d**0.5
        odd = lost > ODD * np.median(lost)
        if odd.sum() > n // 64:
            return None
        order = self._grouped(codes, np.flatnonzero(~odd))
        whole = self._choose(codes, lost, order, step)
        if whole is None:
            return None
        form = self._bytes(codes, lost, order, step) if whole else self._floats(center, order)
        found = self._tiles(form, order, progress) if whole else self._lists(form, order, progress)
        return self._with_odd(found, order, np.flatnonzero(odd))

    def _step(self, center: Doubles) -> float | None:
        """The step with which all but a few rows need no clipping; None if all rows are equal."""
        reach = np.empty(len(self.base))

        def measure(span: tuple[int, int]) -> None:
            reach[slice(*span)] = np.abs(self.base[slice(*span)] - center.astype(self.base.dtype)).max(axis=1)

        for _ in self.workers.map(measure, spans(len(self.base), 256)):
            pass
        high = float(np.quantile(reach, 0.99))
        return high / 127 if 1e-15 < high < 1e15 else None

    def _grouped(self, codes: Array, rows: Ints) -> Ints:
        """`rows` sorted so that like ones lie together: by the nearest of some of them, these in a chain."""
        count = int(np.clip(len(rows) // 128, 8, 512))
        chosen = np.sort(np.random.default_rng(0).choice(rows, count, replace=False))
        right = np.ascontiguousarray(codes[chosen].T)
        norms = _norms(codes[chosen])
        nearest = np.empty(len(rows), np.int64)

        def assign(span: tuple[int, int]) -> None:
            products = products_of(shifted(codes[rows[slice(*span)]]), right)
            nearest[slice(*span)] = (2.0 * products - norms).argmax(axis=1)

        for _ in self.workers.map(assign, spans(len(rows), BLOCK)):
            pass
        gaps = norms[:, None] + norms - 2.0 * products_of(shifted(codes[chosen]), right)
        place = np.empty(count, np.int64)
        at = 0
        for turn in range(count):
            place[at] = turn
            gaps[:, at] = np.inf
            at = int(gaps[at].argmin())
        return rows[np.argsort(place[nearest], kind="stable")]

    def _choose(self, codes: Array, lost: Doubles, order: Ints, step: float) -> bool | None:
        """Whether products of bytes cost less than those in float32, from what a sample of rows lets pass.

        None where both let too many pairs pass.
        """
        n, d = len(order), codes.shape[1]
        some = order[np.linspace(0, n - 1, SAMPLE).astype(np.int64)]
        right = np.ascontiguousarray(codes[some].T)
        squares = _norms(codes[some])
        gaps = np.empty((SAMPLE, n))
        norms = np.empty(n)

        def measure(span: tuple[int, int]) -> None:
            part = slice(*span)
            block = codes[order[part]]
            norms[part] = _norms(block)
            products = products_of(shifted(block), right)
            gaps[:, part] = (norms[part, None] + squares - 2.0 * products).T

        for _ in self.workers.map(measure, spans(n, BLOCK)):
            pass
        squared = step * step * np.maximum(gaps, 0)
        bound = np.partition(squared, self.k, axis=1)[:, self.k, None]  # the row itself is among them
        coarse = lost[some, None] + lost[order]
        wide = (np.sqrt(squared) <= np.sqrt(bound) + coarse).sum(axis=1).mean()
        error = 2 * _unit_error(d) * step * step * np.sqrt(squares[:, None] * norms)
        narrow = (squared <= bound + error).sum(axis=1).mean()
        in_bytes = n / 2 / FLOAT_COST + 2 * wide * PAIR_COST
        told_apart = 2 * narrow <= LISTED * self.k + ROOM
        in_floats = n / 2 + narrow * PAIR_COST if told_apart else np.inf
        if min(in_bytes, in_floats) > n:
            return None
        return bool(in_bytes <= in_floats)

    def _bytes(self, codes: Array, lost: Doubles, order: Ints, step: float) -> _Form:
        n, d = len(order), codes.shape[1]
        edges = block_edges(n)
        left, right = np.empty((n, d), np.uint8), np.empty((n, d), np.int8)
        norms = np.empty(n)

        def arrange(span: tuple[int, int]) -> None:
            part = slice(*span)
            block = codes[order[part]]
            left[part] = shifted(block)
            right[part].reshape(d, -1)[:] = block.T
            norms[part] = _norms(block)

        for _ in self.workers.map(arrange, edges):
            pass
        spread = lost[order]
        column = spread / step
        half = (norms - column**2) / 2 - SLACK * (norms + column**2)
        facts = (norms, half.astype(np.float32), spread, column.astype(np.float32))
        return _Form(True, left, right, facts, step, edges)

    def _floats(self, center: Doubles, order: Ints) -> _Form:
        n, d = len(order), self.base.shape[1]
        edges = block_edges(n)
        reach = max(float(np.abs(self.base[order[a:b]] - center).max()) for a, b in edges)
        step = 2.0 ** float(np.frexp(reach)[1])
        rows = np.empty((n, d), np.float32)
        norms = np.empty(n)

        def arrange(span: tuple[int, int]) -> None:
            part = slice(*span)
            rows[part] = (self.base[order[part]] - center) / step
            norms[part] = np.einsum("ij,ij->i", rows[part], rows[part], dtype=np.float64)

        for _ in self.workers.map(arrange, edges):
            pass
        spread = np.sqrt(_unit_error(d) * norms) * (1 + 1e-6)
        half = norms / 2 - SLACK * (norms + spread**2)
        facts = (norms, half.astype(np.float32), spread, spread.astype(np.float32))
        return _Form(False, rows, rows, facts, step, edges)

    def _product(self, form: _Form, i: int, j: int) -> Array:
        (a, b), (c, e) = form.edges[i], form.edges[j]
        if form.whole:
            return products_of(form.left[a:b], form.right[c:e].reshape(self.base.shape[1], -1))
        product: Array = form.left[a:b] @ form.right[c:e].T
        return product

    def _tiles(self, form: _Form, order: Ints, progress: Advance | None) -> tuple[Ints, Doubles]:
        n, k = len(order), self.k
        best, best_ids, limit = np.full((n, k), np.inf), np.zeros((n, k), np.int64), np.full(n, np.inf)
        loose = 1 - (self.base.shape[1] + 8) * 2.2 * float(np.finfo(self.base.dtype).eps)
        rest = ((form.step, SLACK, loose), (self.base, order, *self.plan), (best, best_ids, limit))

        def look(products: Array, at: tuple[int, int]) -> None:
            if at[0] == at[1]:
                self.kernels.seed(products, at[0], form.facts, limit, form.step, k)
            self.kernels.scan(products, at, form.facts, *rest)

        self._each_tile(form, look, progress)
        return best_ids, best

    def _lists(self, form: _Form, order: Ints, progress: Advance | None) -> tuple[Ints, Doubles]:
        """As `_tiles`, from products in float32: listed first, decided at the end."""
        from lookalike.analysis import _listing

        n, k = len(order), self.k
        size = LISTED * k + ROOM
        lists = np.empty((n, size), np.float32), np.empty((n, size), np.int32), np.zeros(n, np.int32)
        limit = np.full(n, np.inf)

        def look(products: Array, at: tuple[int, int]) -> None:
            _listing.listed(products, at, k, form.facts, SLACK, lists, limit)

        self._each_tile(form, look, progress)
        best, best_ids = np.full((n, k), np.inf), np.zeros((n, k), np.int64)
        room = np.empty(n)

        def decide(span: tuple[int, int]) -> None:
            _listing.thinned(*span, k, form.facts, lists, limit)
            counts = np.where(limit[slice(*span)] < 0, 0, lists[2][slice(*span)])
            others = lists[1][slice(*span)][np.arange(size) < counts[:, None]]
            rows = np.repeat(np.arange(*span), counts)
            turn = np.argsort(others, kind="stable")  # a row that is near several is read once for all of them
            true, summed = np.empty((2, len(turn)))
            self.kernels.true_sums(self.base, order[rows[turn]], order[others[turn]], *self.plan, summed)
            true[turn] = summed
            starts = np.concatenate([[0], np.cumsum(counts)])
            _listing.chosen(span[0], starts, others, true, order, best, best_ids, room)

        for _ in self.workers.map(decide, spans(n, TOGETHER)):
            pass
        lost = np.flatnonzero(limit < 0)
        if len(lost):  # float32 cannot tell the neighbors of these apart
            rows = np.sort(order)
            near, gaps = ExactSearch(self.base[rows]).search(
                self.base[order[lost]], k + 1, threads=self.workers.threads
            )
            best_ids[lost], best[lost] = drop(rows[near], gaps, order[lost], k)
        return best_ids, best

    def _each_tile(self, form: _Form, look: Callable[[Array, tuple[int, int]], None], progress: Advance | None) -> None:
        """Multiply each pair of blocks once and `look` at the products, the blocks with themselves first."""
        locks = [threading.Lock() for _ in form.edges]

        def diagonal(i: int) -> None:
            look(self._product(form, i, i), (form.edges[i][0], form.edges[i][0]))

        def tile(pair: tuple[int, int]) -> None:
            products = self._product(form, *pair)
            with locks[pair[0]], locks[pair[1]]:
                look(products, (form.edges[pair[0]][0], form.edges[pair[1]][0]))

        blocks = len(form.edges)
        total = blocks * (blocks + 1) // 2
        for done, _ in enumerate(self.workers.map(diagonal, range(blocks)), 1):
            report(progress, len(self.base) * done // total, len(self.base))
        for done, _ in enumerate(self.workers.map(tile, tournament(blocks)), blocks + 1):  # once all have a limit
            report(progress, len(self.base) * done // total, len(self.base))

    def _with_odd(self, found: tuple[Ints, Doubles], order: Ints, odd: Ints) -> tuple[Ints, Doubles]:
        """The results in the order of the rows, with those that were left out as queries and as neighbors."""
        n, k = len(self.base), self.k
        ids, squared = np.empty((n, k), np.int64), np.empty((n, k))
        ids[order], squared[order] = found
        if not len(odd):
            return ids, squared
        if not np.abs(self.base[odd]).max() < LARGE:  # their squares come near the end of float32
            return self._with_far(ids, squared, order, odd)
        from lookalike.analysis._arriving import nearest_and_reached
        from lookalike.analysis._comparing import compare

        reach, fresh = np.full(n, -1.0), np.zeros(n, bool)
        reach[order] = np.sqrt(squared[order, -1]) * (1 + 1e-9)
        fresh[odd] = True
        given = (self.base, odd, reach, fresh, k, self.workers, None)
        more = nearest_and_reached(*given) or compare(*given)
        ids[odd], squared[odd] = more.ids, more.squared
        by_row = np.argsort(more.rows, kind="stable")
        lists, place = np.unique(more.rows[by_row], return_inverse=True)
        slot = np.arange(len(place)) - np.searchsorted(place, place)
        wide = k + int(slot.max(initial=-1)) + 1
        near, gaps = np.full((len(lists), wide), n), np.full((len(lists), wide), np.inf)
        near[:, :k], gaps[:, :k] = ids[lists], squared[lists]
        near[place, k + slot], gaps[place, k + slot] = more.fresh[by_row], more.gaps[by_row]
        turn = np.lexsort((near, gaps))[:, :k]
        ids[lists], squared[lists] = np.take_along_axis(near, turn, axis=1), np.take_along_axis(gaps, turn, axis=1)
        return ids, squared

    def _with_far(self, ids: Ints, squared: Doubles, order: Ints, odd: Ints) -> tuple[Ints, Doubles]:
        """The same in float64."""
        k, threads = self.k, self.workers.threads
        more, more_gaps = ExactSearch(self.base[odd]).search(self.base[order], min(k, len(odd)), threads=threads)
        near, gaps = np.hstack([ids[order], odd[more]]), np.hstack([squared[order], more_gaps])
        turn = np.lexsort((near, gaps))[:, :k]
        ids[order], squared[order] = np.take_along_axis(near, turn, axis=1), np.take_along_axis(gaps, turn, axis=1)
        own, own_gaps = ExactSearch(self.base).search(self.base[odd], k + 1, threads=threads)
        ids[odd], squared[odd] = drop(own, own_gaps, odd, k)
        return ids, squared


def drop(ids: Ints, distances: Doubles, rows: Ints, k: int) -> tuple[Ints, Doubles]:
    """Leave out `rows` (m,) from (m, k + 1) results, or the last where it is not among them; m x k remain."""
    if ids.shape[1] <= k:
        return ids, distances
    mine = ids == rows[:, None]
    mine[:, -1] |= ~mine.any(axis=1)
    return ids[~mine].reshape(len(ids), k), distances[~mine].reshape(len(ids), k)


@cache
def sum_plan(d: int) -> tuple[Ints, Ints]:
    """How NumPy adds up `d` numbers: the lengths of the runs, and how many partial sums are joined after each."""
    if d <= 128:
        return np.array([d]), np.array([0])
    half = d // 2 - (d // 2) % 8
    (left, joins), (right, more) = sum_plan(half), sum_plan(d - half)
    more = more.copy()
    more[-1] += 1
    return np.concatenate([left, right]), np.concatenate([joins, more])


def block_edges(n: int) -> list[tuple[int, int]]:
    """The (start, stop) of blocks of nearly equal size, about `BLOCK` rows."""
    cuts = np.linspace(0, n, -(-n // BLOCK) + 1).astype(int).tolist()
    return list(pairwise(cuts))


def tournament(blocks: int) -> list[tuple[int, int]]:
    """Every pair of blocks once, in rounds in which no block meets two others: threads seldom wait for one."""
    seats = list(range(blocks + blocks % 2))
    pairs = []
    for _ in range(len(seats) - 1):
        for a, b in zip(seats[: len(seats) // 2], reversed(seats[len(seats) // 2 :]), strict=True):
            if max(a, b) < blocks:
                pairs.append((min(a, b), max(a, b)))
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return pairs


def _unit_error(d: int) -> float:
    return 1.01 * (d + 32) * 2.0**-24


def _norms(codes: Array) -> Doubles:
    wide = codes.astype(np.float32)
    norms: Doubles = np.einsum("ij,ij->i", wide, wide, dtype=np.float64)
    return norms

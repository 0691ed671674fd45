"""The whole graph at once: each pair of rows is multiplied once, in bytes, and both of its rows look at the product.

The bound. Take any center c, an orthogonal matrix H, and for each row a step s_i > 0 and whole numbers q_i of at most
127; let e_i = |H (x_i - c) - s_i q_i| be what rounding the row to them loses. H keeps distances, so the triangle
inequality gives for every pair

    |s_i q_i - s_j q_j| - e_i - e_j  <=  |x_i - x_j|  <=  |s_i q_i - s_j q_j| + e_i + e_j,

and |s_i q_i - s_j q_j|^2 = A_i + A_j - 2 s_i s_j q_i.q_j, with A = s^2 |q|^2. The product of whole numbers is exact, as
far as 32 bits reach (d <= 32,768); the rest is float64, whose error is far below e. e_i is measured, not estimated. So
a product of bytes, which a CPU with VNNI sums four times as fast as float32, decides almost every pair, and it need not
be known how the features are distributed. H changes signs at random and mixes 16 columns at a time by a Hadamard matrix
(four additions a number): it evens out what single columns stick out, so that the steps are small. Random rotations of
this kind are those of Ailon and Chazelle (2006).

The test of a product. With T_i an upper bound of the distance of row i to its k-th nearest, row j matters to row i only
if |s_i q_i - s_j q_j| <= T_i + e_i + e_j. In units of the usual step, with a = s, R = T_i + e_i and w_j = e_j, that is

    a_i q_i.q_j  >=  (A_j - w_j^2) / 2 a_j  +  (A_i - R^2) / 2 a_j  -  R w_j / a_j,

one comparison in float32 with a slack of 2^-20 of every term, more than its roundings can add up to.

Where bytes are too coarse (white noise with many neighbors: all distances are nearly equal) rows get a second digit:
x = s (q + p / 254), again whole numbers of at most 127, which loses 254 times less. Of the product

    (q_i + p_i / 254) . (q_j + p_j / 254)  =  q_i.q_j + p_i.q_j / 254 + q_i.p_j / 254 + p_i.p_j / 254^2

the first two terms, products of all rows, are the product of a row of two digits and one of one, and what rounding
loses is then half as much; the third is computed for what that lets pass. The last is at most f_i f_j, with
f = |p| / 254: so the square of a distance is known up to 2 s_i s_j f_i f_j, about as well as from float32.

Where a few axes hold nearly all (features like VGG16's) all rows are multiplied along these alone: bytes of y = A'z
with r the length of the rest (`_axes`). Then |y_i - y_j|^2 + r_i^2 + r_j^2 is the square of a distance up to 2 r_i r_j,
and what rounding y and computing r lose is part of e. What that lets pass is bounded again by bytes of all columns.

Which of the three ways costs least is decided on a sample, by counting what each would look at, never by a timing.

What passes is listed with both rows and decided at the end, in float64 as NumPy would add it up (`_listing`). Rows are
grouped around some of them first, so that tiles on the diagonal hold the nearest of most rows; of these tiles a band
next to the diagonal is looked at before the rest, so that T_i is small from the start.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from lookalike.analysis._arriving import nearest_and_reached
from lookalike.analysis._blocks import Array, Workers, report, spans
from lookalike.analysis._bytes import exact, products_of
from lookalike.analysis._comparing import compare
from lookalike.analysis._digits import Rounder, Rows
from lookalike.analysis._forms import LARGE, MOST, SLACK, Form, choose, formed
from lookalike.analysis._search import ExactSearch
from lookalike.analysis._sums import NARROWEST, sum_plan
from lookalike.records import Advance, Doubles, Ints

FEWEST = 4096  # with fewer rows than this, `ExactSearch` is done before anything is compiled
WIDEST = 32_768  # beyond this many columns a product of bytes does not fit 32 bits
BLOCK = 1024
ODD = 6.0  # rows that lose this many times as much as the median are searched apart
TOGETHER = 512  # rows whose lists are looked at together
NEXT = 32  # of the rows next to a row in the order of the blocks, k and so many are looked at first
LISTED, ROOM = 3, 32  # a list holds 3 k + 32

Products = tuple[Array, Array]
Look = Callable[[Products, tuple[int, int, int, int]], None]
LookAround = Callable[[Products, tuple[int, int]], None]


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
        self.base = base
        self.k = k
        self.workers = workers
        self.rounder = Rounder(base, workers)
        self.plan = sum_plan(base.shape[1])

    def run(self, progress: Advance | None) -> tuple[Ints, Doubles] | None:
        rows = self.rounder.rounded()
        if rows is None:
            return None
        lost = rows.lost[:, 0]
        odd = lost > ODD * np.median(lost)
        if odd.sum() > len(odd) // 64:
            return None
        order = self._grouped(rows, np.flatnonzero(~odd))
        short = self.rounder.axes()
        way = choose(self.rounder, rows, order, self.k, short)
        if way is None:
            return None
        if way.digits == 2:
            rows = self.rounder.quantized(self.base, float(rows.steps.min()), 2)
        along = self.rounder.rounded(short) if way.axes else None
        multiplied = formed(self.rounder, rows, order, way.digits, along, block_edges(len(order)))
        del rows, lost, along
        return self._with_odd(self._lists(multiplied, order, progress), order, np.flatnonzero(odd))

    def _grouped(self, rows: Rows, some: Ints) -> Ints:
        """The rows `some` sorted so that like ones lie together: by the nearest of some of them, these in a chain."""
        count = int(np.clip(len(some) // 128, 8, 512))
        chosen = np.sort(np.random.default_rng(0).choice(some, count, replace=False))
        nearest = np.empty(len(some), np.int64)

        def assign(span: tuple[int, int]) -> None:
            nearest[slice(*span)] = rows.near(chosen, some[slice(*span)]).argmin(axis=0)

        for _ in self.workers.map(assign, spans(len(some), BLOCK)):
            pass
        gaps = rows.near(chosen, chosen)
        place = np.empty(count, np.int64)
        at = 0
        for turn in range(count):
            place[at] = turn
            gaps[:, at] = np.inf
            at = int(gaps[at].argmin())
        return some[np.argsort(place[nearest], kind="stable")]

    def _products(self, form: Form, i: int, j: int) -> tuple[Array, Array]:
        """Of two blocks (a, b); and what second digits of the first add, (a, 0) if there are none."""
        (a, b), (c, e) = form.edges[i], form.edges[j]
        d = form.right.shape[1]
        found = products_of(form.left[a:b].reshape(-1, d), form.right[c:e].reshape(d, -1))
        first, more = found[: b - a], found[b - a :]
        return first, more if len(more) else first[:, :0]

    def _lists(self, form: Form, order: Ints, progress: Advance | None) -> tuple[Ints, Doubles]:
        """Of each row what may be near is listed, block by block; the distances are computed at the end."""
        from lookalike.analysis import _listing

        n, k = len(order), self.k
        size = LISTED * k + ROOM
        lists = np.empty((n, size)), np.empty((n, size), np.int32), np.zeros(n, np.int32)
        limit, near = np.full(n, np.inf), np.empty(n)
        data = (self.base, order, *self.plan)
        best, best_ids = np.empty((n, k)), np.empty((n, k), np.int64)

        def look(products: Products, at: tuple[int, int, int, int]) -> None:
            fine = (form.facts, form.codes)
            _listing.listed(products, at, (k, *form.steps, SLACK), form.coarse, fine, data, lists, limit)

        def look_around(products: Products, span: tuple[int, int]) -> None:
            """A tile on the diagonal: first what lies next to a row, which gives it a limit."""
            near = k + NEXT
            for band in ((1, near), (near, BLOCK)):
                look(products, (span[0], span[0], *band))
                _listing.thinned(*span, k, form.facts, lists, limit)

        def each(loop: Callable[..., None], *given: object) -> None:
            for _ in self.workers.map(lambda span: loop(*span, *given), spans(n, TOGETHER)):
                pass

        self._each_tile(form, look, look_around, progress)
        each(_listing.thinned, k, form.facts, lists, limit)
        each(_listing.expected, k, lists, near)
        each(_listing.computed, form.facts, data, lists, limit, near)
        each(_listing.thinned, k, form.facts, lists, limit)
        each(_listing.computed, form.facts, data, lists, limit, np.full(n, np.inf))
        each(_listing.chosen, order, lists, best, best_ids)
        return best_ids, best

    def _each_tile(self, form: Form, look: Look, look_around: LookAround, progress: Advance | None) -> None:
        """Multiply each pair of blocks once and `look` at the products, the blocks with themselves first."""
        locks = [threading.Lock() for _ in form.edges]

        def diagonal(i: int) -> None:
            look_around(self._products(form, i, i), form.edges[i])

        def tile(pair: tuple[int, int]) -> None:
            products = self._products(form, *pair)
            with locks[pair[0]], locks[pair[1]]:
                look(products, (form.edges[pair[0]][0], form.edges[pair[1]][0], 0, 0))

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

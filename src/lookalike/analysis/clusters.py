"""K-means for every K at once: K + 1 clusters grow from K by the split that saves the most inertia.

Restarting K-means for each K costs hours on a real catalog and its curve is not monotone. Here each K starts from
the one before (in the manner of incremental K-means: Pelleg and Moore, 2000; Likas, Vlassis and Verbeek,
2003): the cluster whose 2-means saves most is split, a few Lloyd steps along the leading principal axes
settle it, a center that does more good elsewhere moves there (`_growth`), and one step with the full vectors gives
the centers, the labels and the inertia that are kept.

Vectors in a memory map are read in blocks and never copied as a whole; beside them a sweep holds, for each,
its place along 128 axes (512 bytes), its distance to every center, twice (8 bytes for each K), and its group of every K
(1 byte, or 2 above K = 256).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lookalike.analysis._blocks import Array, Vectors, Workers, as_vectors, check_count, middle_of, report, spans
from lookalike.analysis._growth import AXES, Growth
from lookalike.analysis._lloyd import ROWS, Lloyd, centered, exact_inertia, rotate
from lookalike.analysis._search import ExactSearch
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Ints

AT_REST = 100


class Sweep:
    """K-means for K = 1..`max_k` of n vectors: `inertia` (max_k,) float64, never rising; the rest on request.

    For each k, `centers(k)` are k means, `labels(k)` the exact nearest center of each vector, and `inertia[k - 1]`
    the sum of squared distances to it, to about 7 digits (the sums run over centered vectors rounded to float32) and
    1e-9 of `inertia[0]`.
    `sampled` (max_k, m) float64 holds, for each K, the squared distances of the rows `sample` (m,) to their centers.
    With fewer than k different vectors some clusters are empty, with a copy of the first center; `sizes(k)` shows it.
    """

    def __init__(self, rows: Array, around: Doubles, inertia: Doubles, growth: Growth, scale: float) -> None:
        self.inertia = inertia
        self.sample = growth.sample
        self.sampled = growth.sampled.astype(np.float64) / scale / scale
        self._rows = rows
        self._around = around
        self._partitions = growth.partitions
        self._used = np.array(growth.used, np.int64)
        self._last: dict[int, tuple[Doubles, Ints]] = {}

    @property
    def max_k(self) -> int:
        """The largest K of the sweep: what was asked for, at most n."""
        return len(self.inertia)

    @property
    def items(self) -> int:
        """n, the number of vectors."""
        return len(self._rows)

    def centers(self, k: int) -> Doubles:
        """The k centers, (k, d) float64, in the units of the vectors."""
        return self._result(k)[0].copy()

    def labels(self, k: int) -> Ints:
        """The nearest of `centers(k)` for each vector, (n,) int64 in 0..k-1; equally near ones: the lower."""
        return self._result(k)[1].copy()

    def sizes(self, k: int) -> Ints:
        """How many vectors each of the k clusters has, (k,) int64; 0 for an empty one."""
        k = self._check(k)
        return np.bincount(self._result(k)[1], minlength=k).astype(np.int64)

    def partition(self, k: int) -> Ints:
        """The groups whose means `centers(k)` are, (n,) int64: `labels(k)` but for rows that a last step would move."""
        return np.asarray(self._partitions[self._check(k) - 1], np.int64)

    def _check(self, k: int) -> int:
        try:
            number = check_count("k", k, 1)
        except UsageError:
            number = 0
        if not 1 <= number <= self.max_k:
            raise UsageError(f"k={k!r} is out of range: this sweep has 1 to {self.max_k} clusters")
        return number

    def _result(self, k: int) -> tuple[Doubles, Ints]:
        k = self._check(k)
        if k not in self._last:
            centers = means(self._rows, self._partitions[k - 1], int(self._used[k - 1]), self._around)
            centers = np.concatenate([centers, np.repeat(centers[:1], k - len(centers), axis=0)])
            self._last = {k: (centers, nearest_center(self._rows, centers))}
        return self._last[k]


def settle(vectors: Vectors, groups: Array) -> tuple[Ints, Doubles]:
    """Labels (n,) int64 and centers (k, d) float64 of the `partition(k)` of a sweep over `vectors`, without the sweep.

    The centers are the means of `groups` (n,), and the labels the exact nearest of them, equally near ones the lower:
    those of `labels(k)` and `centers(k)`, but for empty clusters, which are left out.
    """
    rows = as_vectors(vectors)
    used, groups = np.unique(np.asarray(groups), return_inverse=True)
    centers = means(rows, groups, len(used), middle_of(rows).astype(np.float64))
    return nearest_center(rows, centers), centers


def kmeans_sweep(
    vectors: Vectors,
    max_k: int = 200,
    seed: int = 0,
    *,
    threads: int | None = None,
    progress: Advance | None = None,
) -> Sweep:
    """K-means of `vectors` (n, d) for K = 1..`max_k`, clipped to n: inertia, labels and centers of each K.

    K + 1 clusters start from K: the cluster whose 2-means saves the most inertia is split, up to 8 Lloyd steps follow
    along the 128 leading principal axes, two clusters are merged and another is split where that saves more than it
    costs, then comes one step with the full vectors. A state worse than the plain split is dropped for it, so inertia
    never rises. `seed` fixes every choice; `threads` (None: all CPUs) changes no byte.
    `progress` is called with (K done, max_k). Raises `UsageError` as `nearest_neighbors`, and for `max_k` below 1.

    >>> sweep = kmeans_sweep([[0.0], [1.0], [10.0], [11.0]], 3)
    >>> sweep.inertia.round(6).tolist(), sweep.sizes(2).tolist()
    ([101.0, 1.0, 0.5], [2, 2])
    """
    max_k = check_count("max_k", max_k, 1)
    seed = check_count("seed", seed)
    rows = as_vectors(vectors)
    max_k = min(max_k, len(rows))
    center = middle_of(rows).astype(np.float64)
    data, scale = centered(rows, center)
    with Workers(threads) as workers:
        growth = Growth(data, max_k, seed, workers)
        report(progress, min(1, max_k), max_k)
        for k in range(2, max_k + 1):
            growth.grow()
            report(progress, k, max_k)
    inertia = np.array(growth.inertia[:max_k]) / scale / scale
    return Sweep(rows, center, inertia, growth, scale)


class Refined(NamedTuple):
    """K-means brought to rest: `centers` (k, d) float64, `labels` (n,) int64, `inertia`, `steps` taken."""

    centers: Doubles
    labels: Ints
    inertia: float
    steps: int


def refine(vectors: Vectors, centers: Array, *, max_steps: int = 100, threads: int | None = None) -> Refined:
    """Lloyd's iteration with the full vectors from `centers` (k, d) until no label changes.

    Takes the `centers(k)` of a sweep to the nearest local optimum; inertia never rises. A cluster keeps at least one
    member if it had one.
    """
    rows = as_vectors(vectors)
    centers = as_vectors(centers, "centers").astype(np.float64)
    max_steps = check_count("max_steps", max_steps)
    k = len(centers)
    labels = nearest_center(rows, centers, threads)
    center = middle_of(rows).astype(np.float64)
    data, _ = centered(rows, center)
    steps = 0
    if len(rows) and max_steps:
        with Workers(threads) as workers:
            state = Lloyd(data, k, workers)
            state.assign(labels, k)
            for steps in range(1, max_steps + 1):  # noqa: B007
                if not len(state.assign(state.keep_all(state.nearest()), k)):
                    break
            used = np.flatnonzero(state.counts)
            centers = centers.copy()
            centers[used] = means(rows, np.searchsorted(used, state.labels), len(used), center)
        labels = nearest_center(rows, centers, threads)
    return Refined(centers, labels, exact_inertia(rows, centers, labels), steps)


def refine_best(vectors: Vectors, sweep: Sweep, k: int, *, threads: int | None = None) -> Refined:
    """The `k` clusters of a sweep over `vectors`, brought to rest from several starts; the least inertia is kept.

    Besides the sweep's own k clusters, those of larger K are merged down to k, always the two whose merge costs least
    (Ward, 1963): starts that share nothing with the path that the sweep took. Each comes to rest along the principal
    axes, and the two best of them with the full vectors. Never worse than `refine(vectors, sweep.centers(k))`.
    """
    rows = as_vectors(vectors)
    plain = refine(rows, sweep.centers(k), threads=threads)
    if k < 2 or (sweep.sizes(k) == 0).any():
        return plain
    wider = sorted({min(many, sweep.max_k) for many in (k + max(1, k // 4), k + k // 2, 2 * k, 3 * k)} - {k})
    data, _ = centered(rows, middle_of(rows).astype(np.float64))
    found: list[tuple[float, Doubles]] = []
    with Workers(threads) as workers:
        low = rotate(data, AXES, np.random.default_rng(k), workers)
        for many in wider:
            state = Lloyd(low, many, workers)
            state.assign(sweep.partition(many), many)
            if not (state.counts[:many] > 0).all():
                continue
            merged = merge_down(state.centers(), state.counts[:many], k)[state.labels]
            state = Lloyd(low, k, workers)
            state.assign(merged, k)
            for _ in range(AT_REST):
                if not len(state.assign(state.keep_all(state.nearest()), k)):
                    break
            around = middle_of(rows).astype(np.float64)
            found.append((-state.explained(), means(rows, state.labels, k, around)))
    best = plain
    for _, centers in sorted(found, key=lambda each: each[0])[:2]:
        other = refine(rows, centers, threads=threads)
        best = min(best, other, key=lambda each: each.inertia)
    return best


def merge_down(centers: Doubles, counts: Ints, k: int) -> Ints:
    """Merge clusters, always the two whose merge raises inertia least, until `k` are left: their numbers, 0..k-1."""
    centers, weights = centers.copy(), counts.astype(np.float64)
    group = np.arange(len(centers))
    alive = list(range(len(centers)))
    while len(alive) > k:
        at, mass = centers[alive], weights[alive]
        squares = np.square(at).sum(axis=1)
        cost = np.maximum(squares[:, None] + squares - 2 * at @ at.T, 0) * mass[:, None] * mass
        cost /= mass[:, None] + mass
        cost[np.tril_indices(len(alive))] = np.inf
        first, second = (alive[int(place)] for place in np.unravel_index(cost.argmin(), cost.shape))
        together = weights[first] + weights[second]
        centers[first] = (centers[first] * weights[first] + centers[second] * weights[second]) / together
        weights[first] = together
        group[group == second] = first
        alive.remove(second)
    return np.searchsorted(alive, group).astype(np.int64)


def nearest_center(rows: Array, centers: Doubles, threads: int | None = None) -> Ints:
    """The exact nearest of `centers` (k, d) for each row, (n,) int64; equally near ones: the lower."""
    return ExactSearch(centers).search(rows, min(1, len(centers)), threads=threads)[0].reshape(-1)


def means(rows: Array, labels: Array, k: int, around: Doubles) -> Doubles:
    """The mean of each of `k` clusters, (k, d) float64, summed about a point to keep digits; all have members."""
    out = np.empty((k, rows.shape[1]))
    order = np.argsort(labels, kind="stable")
    cuts = np.searchsorted(labels[order], np.arange(k + 1))
    for cluster in range(k):
        members = order[cuts[cluster] : cuts[cluster + 1]]
        total = np.zeros(rows.shape[1])
        for a, b in spans(len(members), ROWS):
            total += (rows[members[a:b]] - around).sum(axis=0)
        out[cluster] = around + total / len(members)
    return out

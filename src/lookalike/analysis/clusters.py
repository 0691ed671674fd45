"""K-means for every K at once: K + 1 clusters grow from K by the split that saves the most inertia.

Restarting K-means for each K costs hours on a real catalog and its curve is not monotone. Here each K starts from
the one before (in the manner of incremental K-means: Pelleg and Moore, 2000; Likas, Vlassis and Verbeek,
2003): the cluster whose 2-means saves most is split, a few Lloyd steps along the leading principal axes
settle it, and one step with the full vectors gives the centers, the labels and the inertia that are kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lookalike.analysis._blocks import Array, Vectors, Workers, as_vectors, check_count, middle_of, report, spans
from lookalike.analysis._lloyd import ROWS, Lloyd, centered, rotate, two_means
from lookalike.analysis._search import ExactSearch
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Floats, Ints

AXES = 256
STEPS = 8
CANCELED = 1e-6  # of the total: below this the difference of sums has too few digits left
NOISE = 1e-28  # of the total: squares of float64 rounding, far below what float32 vectors can differ by


class Sweep:
    """K-means for K = 1..`max_k` of n vectors: `inertia` (max_k,) float64, never rising; the rest on request.

    For each k, `centers(k)` are k means, `labels(k)` the exact nearest center of each vector, and `inertia[k - 1]`
    the sum of squared distances to it, to about 7 digits (the sums run over centered vectors rounded to float32) and
    1e-9 of `inertia[0]`.
    With fewer than k different vectors some clusters are empty, with a copy of the first center; `sizes(k)` shows it.
    """

    def __init__(self, rows: Array, around: Doubles, inertia: Doubles, partitions: Array, used: Ints) -> None:
        self.inertia = inertia
        self._rows = rows
        self._around = around
        self._partitions = partitions
        self._used = used
        self._last: dict[int, tuple[Doubles, Ints]] = {}

    @property
    def max_k(self) -> int:
        """The largest K of the sweep: what was asked for, at most n."""
        return len(self.inertia)

    def centers(self, k: int) -> Doubles:
        """The k centers, (k, d) float64, in the units of the vectors."""
        return self._result(k)[0].copy()

    def labels(self, k: int) -> Ints:
        """The nearest of `centers(k)` for each vector, (n,) int64 in 0..k-1; equally near ones: the lower."""
        return self._result(k)[1].copy()

    def sizes(self, k: int) -> Ints:
        """How many vectors each of the k clusters has, (k,) int64; 0 for an empty one."""
        return np.bincount(self._result(k)[1], minlength=k).astype(np.int64)

    def _result(self, k: int) -> tuple[Doubles, Ints]:
        if not 1 <= k <= self.max_k:
            raise UsageError(f"k={k} is out of range: this sweep has 1 to {self.max_k} clusters")
        if k not in self._last:
            centers = means(self._rows, self._partitions[k - 1], int(self._used[k - 1]), self._around)
            centers = np.concatenate([centers, np.repeat(centers[:1], k - len(centers), axis=0)])
            self._last = {k: (centers, nearest_center(self._rows, centers))}
        return self._last[k]


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
    along the 256 leading principal axes, then one with the full vectors. A state worse than the plain split is
    dropped for it, so inertia never rises. `seed` fixes every choice; `threads` (None: all CPUs) changes no byte.
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
        growth = _Growth(data, max_k, seed, workers)
        report(progress, min(1, max_k), max_k)
        for k in range(2, max_k + 1):
            growth.grow()
            report(progress, k, max_k)
    inertia = np.array(growth.inertia[:max_k]) / scale / scale
    return Sweep(rows, center, inertia, growth.partitions, np.array(growth.used, np.int64))


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


def nearest_center(rows: Array, centers: Doubles, threads: int | None = None) -> Ints:
    """The exact nearest of `centers` (k, d) for each row, (n,) int64; equally near ones: the lower."""
    return ExactSearch(centers).search(rows, min(1, len(centers)), threads=threads)[0].reshape(-1)


def exact_inertia(rows: Array, centers: Doubles, labels: Ints) -> float:
    """The sum of squared distances of each row to the center it is labeled with, in float64."""
    blocks = spans(len(rows), ROWS)
    return float(sum(np.square(rows[a:b] - centers[labels[a:b]]).sum() for a, b in blocks))


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


class _Growth:
    """The state of a sweep: the partition in the full space and along the principal axes, one K at a time."""

    def __init__(self, data: Floats, max_k: int, seed: int, workers: Workers) -> None:
        self.inertia: list[float] = []
        self.used: list[int] = []
        self.partitions = np.zeros((max_k, len(data)), np.uint8 if max_k <= 256 else np.uint16)
        if not max_k:
            return
        self._seed = seed
        self._workers = workers
        low = rotate(data, AXES, np.random.default_rng(seed), workers)
        self._full = Lloyd(data, max_k, workers)
        self._low = self._full if low is data else Lloyd(low, max_k, workers)
        self._total = float(sum(np.square(data[a:b], dtype=np.float64).sum() for a, b in spans(len(data), ROWS)))
        self._splits: dict[int, tuple[float, Ints]] = {}
        self._settle(np.zeros(len(data), np.int64), 1, at_most=np.inf)

    def grow(self) -> None:
        """From K clusters to K + 1."""
        k = self.used[-1]
        stale = [cluster for cluster in range(k) if cluster not in self._splits]
        self._splits.update(zip(stale, self._workers.map(self._split, stale), strict=True))
        gains = [self._splits[cluster][0] for cluster in range(k)]
        parent = int(np.argmax(gains))
        if gains[parent] <= NOISE * self._total:
            # no two different vectors share a cluster: more clusters would be empty
            self.inertia.append(self.inertia[-1])
            self.used.append(k)
            self.partitions[len(self.used) - 1] = self.partitions[len(self.used) - 2]
            return
        started = self._full.labels
        split = started.copy()
        split[self._splits[parent][1]] = k
        self._low.assign(split, k + 1)
        for _ in range(STEPS):
            if not len(self._low.assign(self._low.keep_all(self._low.nearest()), k + 1)):
                break
        before = self.inertia[-1]
        if not self._settle(self._low.labels, k + 1, at_most=before):
            # each step from the plain split lowers the full inertia, so this one can only rise by rounding
            self._settle(split, k + 1, at_most=np.inf)
            self.inertia[-1] = min(self.inertia[-1], before)
        moved = np.flatnonzero(self._full.labels != started)
        for cluster in np.union1d(started[moved], self._full.labels[moved]):
            self._splits.pop(int(cluster), None)

    def _settle(self, labels: Ints, k: int, at_most: float) -> bool:
        """Keep the means of `labels` as the result for `k` unless its inertia is above `at_most`.

        The partition goes on as the rows' nearest centers.
        """
        full = self._full
        full.assign(labels, k)
        centers = full.centers()
        nearest = full.nearest()
        kept = full.keep_all(nearest)
        full.assign(kept, k)
        inertia = self._inertia(centers, nearest if kept is not nearest else None)
        if inertia > at_most:
            return False
        self.partitions[len(self.used)] = labels
        self.used.append(k)
        self.inertia.append(inertia)
        if self._low is not full:
            self._low.assign(kept, k)
        return True

    def _inertia(self, centers: Doubles, labels: Ints | None) -> float:
        """The inertia about `centers` of `labels` or, None, of the partition at hand, whose sums are known."""
        full = self._full
        if labels is None:
            counts = full.counts[: full.k]
            saved = 2 * np.einsum("ij,ij->i", full.sums[: full.k], centers) - counts * np.square(centers).sum(axis=1)
            inertia = self._total - float(saved.sum())
            if inertia > CANCELED * self._total:
                return inertia
            labels = full.labels
        return exact_inertia(full.data, centers, labels)

    def _split(self, cluster: int) -> tuple[float, Ints]:
        members = np.flatnonzero(self._low.labels == cluster)
        saved, side = two_means(self._low.data[members], np.random.default_rng([self._seed, cluster]))
        return saved, members[side]

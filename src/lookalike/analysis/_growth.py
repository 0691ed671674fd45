"""The state of a K-means sweep: from K clusters to K + 1 by the best split, then by moving a center where that pays.

A split alone leaves early mistakes in place: two centers that share what one would do, one that does the work of two.
So after the split, the pair of clusters that is cheapest to merge (Ward's criterion) is compared with the cluster
that gains most from another split; where the gain is larger, the center moves there (in the manner of split and merge:
Ueda, Nakano, Ghahramani and Hinton, 2000), and it stays if inertia is lower after a few Lloyd steps.
"""

from __future__ import annotations

import numpy as np

from lookalike.analysis._blocks import Array, Workers, spans
from lookalike.analysis._lloyd import ROWS, Lloyd, Rows, exact_inertia, rotate, two_means
from lookalike.records import Doubles, Ints

AXES = 128
STEPS = 8
FRESH = 16  # clusters with the largest gains that are split anew when their members changed
SETTLED = 1e-3  # of the rows: when fewer change their cluster in a step, the next K goes on from there
MOVES = 2  # centers tried at another place, for each K
PAYS = 1.02  # how much more than the merge costs a split must gain, in the estimate, to be tried
SMALL = 4  # MOVES times this while K is at most BASIS: the first choices shape all that follow
BASIS = 24
SAMPLE = 4096  # rows whose distances are kept for every K
CANCELED = 1e-6  # of the total: below this the difference of sums has too few digits left
NOISE = 1e-28  # of the total: squares of float64 rounding, far below what float32 vectors can differ by


class Growth:
    """The partition of `data` (n, d) in the full space and along the principal axes, one K at a time.

    `inertia`, `partitions` (max_k, n) and `used`, the number of clusters that have members, hold one entry for each K
    so far. `grow` adds the next. `sampled` (max_k, m) are the squared distances of the rows `sample` (m,) to
    their centers.
    """

    def __init__(self, data: Rows, max_k: int, seed: int, workers: Workers) -> None:
        self.inertia: list[float] = []
        self.used: list[int] = []
        self.partitions: Array = np.zeros((max_k, len(data)), np.uint8 if max_k <= 256 else np.uint16)
        self.sample = np.sort(np.random.default_rng([seed, 0]).permutation(len(data))[:SAMPLE]).astype(np.int64)
        self.sampled = np.zeros((max_k, len(self.sample)), np.float32)
        if not max_k:
            return
        self._seed = seed
        self._workers = workers
        low = rotate(data, AXES, np.random.default_rng(seed), workers)
        self._full = Lloyd(data, max_k, workers)
        self._low = self._full if low is data else Lloyd(low, max_k, workers)
        self._total = float(sum(np.square(data[a:b], dtype=np.float64).sum() for a, b in spans(len(data), ROWS)))
        self._splits: dict[int, tuple[float, Ints]] = {}
        self._stale: set[int] = set()
        self._spread = np.zeros(max_k)  # the inertia of each cluster when it was split
        self._refused: set[tuple[int, int, int]] = set()
        self._settle(np.zeros(len(data), np.int64), 1, at_most=np.inf)

    def grow(self) -> None:
        """From K clusters to K + 1."""
        k = self.used[-1]
        self._refresh(k)
        gains = [self._splits[cluster][0] for cluster in range(k)]
        parent = int(np.argmax(gains))
        if gains[parent] <= NOISE * self._total:
            # no two different vectors share a cluster: more clusters would be empty
            self.inertia.append(self.inertia[-1])
            self.used.append(k)
            for kept in (self.partitions, self.sampled):
                kept[len(self.used) - 1] = kept[len(self.used) - 2]
            return
        started = self._full.labels
        split = started.copy()
        split[self._splits[parent][1]] = k
        self._walk(split, k + 1)
        for _ in range(MOVES * (SMALL if k < BASIS else 1)):
            if not self._move(k + 1):
                break
        reached = self._low.labels
        before = self.inertia[-1]
        if not self._settle(reached, k + 1, at_most=before):
            # each step from the plain split lowers the full inertia, so this one can only rise by rounding
            self._settle(split, k + 1, at_most=np.inf)
            self.inertia[-1] = min(self.inertia[-1], before)
        self._forget(reached, self._full.labels)

    def _walk(self, labels: Ints, k: int) -> None:
        """Lloyd steps along the principal axes from `labels`, `k` clusters."""
        low, started = self._low, self._low.labels
        low.assign(labels, k)
        for _ in range(STEPS):
            before = low.labels
            if not len(low.assign(low.keep_all(low.nearest()), k)):
                break
            if np.count_nonzero(before != low.labels) < SETTLED * len(before):
                break
        self._forget(started, low.labels)

    def _move(self, k: int) -> bool:
        """Merge the pair that costs least and split the cluster that gains most, if that pays. Whether it did."""
        if k < 3:
            return False
        low = self._low
        self._refresh(k)
        found = self._candidate(k)
        if found is None:
            return False
        kept, freed, parent = found
        started, before = low.labels, low.explained()
        known = dict(self._splits), set(self._stale), set(self._refused), self._spread.copy()
        labels = started.copy()
        labels[started == freed] = kept
        labels[self._splits[parent][1]] = freed
        self._walk(labels, k)
        if low.explained() > before:
            return True
        low.assign(started, k)
        self._splits, self._stale, self._refused, self._spread = known
        self._refused.add(found)
        return True

    def _candidate(self, k: int) -> tuple[int, int, int] | None:
        """The merge (cluster kept, cluster freed) and the split (parent) that promise most; None if none pays."""
        low = self._low
        centers, counts = low.centers(), low.counts[:k].astype(np.float64)
        squares = np.square(centers).sum(axis=1)
        cost = squares[:, None] + squares - 2 * centers @ centers.T
        cost *= counts[:, None] * counts / np.maximum(counts[:, None] + counts, 1)
        cost[np.tril_indices(k)] = np.inf
        gains = np.array([self._splits[cluster][0] for cluster in range(k)])
        best = np.argsort(-gains, kind="stable")[:4]
        pairs = np.argpartition(cost, min(6, cost.size - 1), axis=None)[:6]
        found, most = None, 0.0
        for pair in pairs:
            kept, freed = (int(at) for at in divmod(int(pair), k))
            for parent in best:
                triple = (kept, freed, int(parent))
                promise = float(gains[parent] - PAYS * cost[kept, freed])
                if parent not in (kept, freed) and triple not in self._refused and promise > most:
                    found, most = triple, promise
        return found

    def _refresh(self, k: int) -> None:
        """Know the gain of every cluster, and for certain that of the `FRESH` that may be the largest.

        The gain of a cluster whose members changed is taken to have grown by as much as its inertia, at most; it is
        split again only when that puts it among the first.
        """
        own = self._low.spread()
        while True:
            bounds = np.full(k, np.inf)
            for cluster, (gain, _) in self._splits.items():
                grown = own[cluster] - self._spread[cluster] if cluster in self._stale else 0.0
                bounds[cluster] = gain + max(0.0, grown)
            first = np.argsort(-bounds, kind="stable")
            missing = int(np.count_nonzero(np.isinf(bounds)))
            ahead = (int(cluster) for cluster in first[: max(missing, FRESH)])
            stale = [cluster for cluster in ahead if cluster in self._stale or cluster not in self._splits]
            if not stale:
                return
            self._splits.update(zip(stale, self._workers.map(self._split, stale), strict=True))
            self._stale.difference_update(stale)
            self._spread[stale] = own[stale]

    def _forget(self, before: Ints, after: Ints) -> None:
        """Drop what was known of clusters whose members differ."""
        moved = np.flatnonzero(before != after)
        touched = {int(cluster) for cluster in np.union1d(before[moved], after[moved])}
        self._stale |= touched
        self._refused = {triple for triple in self._refused if not touched.intersection(triple)}

    def _settle(self, labels: Ints, k: int, at_most: float) -> bool:
        """Keep the means of `labels` as the result for `k` unless its inertia is above `at_most`.

        The partition goes on as the rows' nearest centers.
        """
        full = self._full
        full.assign(labels, k)
        centers = full.centers()
        nearest = full.nearest()
        near = full.squared(self.sample)
        kept = full.keep_all(nearest)
        full.assign(kept, k)
        inertia = self._inertia(centers, nearest if kept is not nearest else None)
        if inertia > at_most:
            return False
        self.partitions[len(self.used)] = labels
        self.sampled[len(self.used)] = near
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

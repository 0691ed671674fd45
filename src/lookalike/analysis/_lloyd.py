"""The inner loops of K-means: prepared data, principal axes, Lloyd steps that touch only what moved, 2-means.

Everything runs over blocks of fixed size (`_blocks`), so the thread count changes no byte of a result.
"""

from __future__ import annotations

import numpy as np

from lookalike.analysis._blocks import Array, Workers, spans
from lookalike.records import Doubles, Floats, Ints

ROWS = 2048
POWER_STEPS = 6
TWO_MEANS_STEPS = 10


class Streamed:
    """What `centered` gives of a memory map: the same rows, read and centered each time that some are asked for.

    A catalog's vectors are mapped from a file where memory should not hold them (`pipeline.loading`); a copy of them
    would undo that. The system keeps what fits of the file in memory, and what does not is read again for each K.
    """

    def __init__(self, rows: Array, center: Doubles, scale: float) -> None:
        self.shape = rows.shape
        self._rows, self._center, self._scale = rows, center, scale

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice | Ints) -> Floats:
        part = self._rows[rows] - self._center
        part *= self._scale
        return part.astype(np.float32)


Rows = Floats | Streamed


def centered(rows: Array, center: Doubles) -> tuple[Rows, float]:
    """`rows` about `center`, scaled by a power of two to at most 1, in float32; and the scale."""
    blocks = spans(len(rows), ROWS) if rows.size else []
    reach = max((float(np.abs(rows[a:b] - center).max()) for a, b in blocks), default=0.0)
    scale = 2.0 ** -float(np.clip(np.frexp(reach)[1], -1000, 1000)) if reach > 0 else 1.0
    whole = Streamed(rows, center, scale)
    if isinstance(rows, np.memmap):
        return whole, scale
    out = np.zeros(rows.shape, np.float32)
    for a, b in blocks:
        out[a:b] = whole[a:b]
    return out, scale


def mean_of(rows: Array) -> Doubles:
    """The mean of `rows`, (d,) float64, summed about the first: differences keep digits that large values lose."""
    if not rows.size:
        return np.zeros(rows.shape[1])
    anchor = rows[0].astype(np.float64)
    total = np.zeros(len(anchor))
    for a, b in spans(len(rows), ROWS):
        total += (rows[a:b] - anchor).sum(axis=0)
    mean: Doubles = anchor + total / len(rows)
    return mean


def rotate(data: Rows, width: int, rng: np.random.Generator, workers: Workers) -> Rows:
    """`data` (n, d) along its `width` leading principal axes, (n, width) float32; itself if it has no more.

    Subspace iteration from a random start (Halko, Martinsson and Tropp, 2011, algorithm 4.4).
    """
    n, d = data.shape
    if d <= width:
        return data
    blocks = spans(n, ROWS)
    axes, _ = np.linalg.qr(rng.standard_normal((d, min(d, width + 16))))
    for _ in range(3):
        basis = axes.astype(np.float32)

        def product(span: tuple[int, int], basis: Floats = basis) -> Doubles:
            block = data[slice(*span)]
            return (block.T @ (block @ basis)).astype(np.float64)

        image = np.zeros(axes.shape)
        for part in workers.map(product, blocks):
            image += part
        _, turn = np.linalg.eigh(axes.T @ image)
        axes, _ = np.linalg.qr(image @ turn[:, ::-1])
    basis = axes[:, :width].astype(np.float32)
    out = np.empty((n, width), np.float32)

    def project(span: tuple[int, int]) -> None:
        out[slice(*span)] = data[slice(*span)] @ basis

    for _ in workers.map(project, blocks):
        pass
    return out


def exact_inertia(rows: Array | Streamed, centers: Doubles, labels: Ints) -> float:
    """The sum of squared distances of each row to the center it is labeled with, in float64."""
    blocks = spans(len(rows), ROWS)
    return float(sum(np.square(rows[a:b] - centers[labels[a:b]]).sum() for a, b in blocks))


class Lloyd:
    """Lloyd's iteration on `data` (n, d) that recomputes only the centers whose members changed.

    `labels` (n,) is the partition, `sums` (max_k, d) and `counts` (max_k,) belong to it. `_gap[c, i]` is
    |c|^2 - 2 c.x_i, which orders the centers as the distances to x_i do; `_least[i]` was the least of them at the last
    step.
    """

    def __init__(self, data: Rows, max_k: int, workers: Workers) -> None:
        n, d = data.shape
        blocks = spans(n, ROWS)
        self.data = data
        self.k = 1
        self.labels = np.zeros(n, np.int64)
        self.sums = np.zeros((max_k, d))
        self.counts = np.zeros(max_k, np.int64)
        self._squares = np.empty(n)
        for a, b in blocks:
            block = data[a:b]
            self.sums[0] += block.sum(axis=0, dtype=np.float64)
            self._squares[a:b] = np.einsum("ij,ij->i", block, block)
        self.counts[0] = n
        self._gap = np.zeros((max_k, n), np.float32)
        self._least = np.full(n, -np.inf, np.float32)
        self._dirty = np.zeros(max_k, bool)
        self._dirty[0] = True
        self._workers = workers

    def centers(self) -> Doubles:
        """The means of the partition's clusters, (k, d) float64; an empty one has the center of cluster 0."""
        means = self.sums[: self.k] / np.maximum(self.counts[: self.k, None], 1)
        means[self.counts[: self.k] == 0] = means[0]
        return means

    def spread(self) -> Doubles:
        """The inertia of each cluster about its mean, (k,) float64."""
        total = np.bincount(self.labels, weights=self._squares, minlength=self.k)[: self.k]
        own = total - np.square(self.sums[: self.k]).sum(axis=1) / np.maximum(self.counts[: self.k], 1)
        spread: Doubles = np.maximum(own, 0.0)
        return spread

    def explained(self) -> float:
        """How much less the inertia of the partition is than that about the origin."""
        return float((np.square(self.sums[: self.k]).sum(axis=1) / np.maximum(self.counts[: self.k], 1)).sum())

    def assign(self, labels: Ints, k: int) -> Ints:
        """Make `labels` the partition, of `k` clusters. Returns the clusters whose members changed."""
        self.k = k
        rows = np.flatnonzero(labels != self.labels)
        if not len(rows):
            return rows
        old, new = self.labels[rows], labels[rows]
        for clusters, sign in ((old, -1), (new, 1)):
            order = np.argsort(clusters, kind="stable")
            present, first = np.unique(clusters[order], return_index=True)
            for cluster, start, stop in zip(present, first, [*first[1:], len(order)], strict=True):
                for a, b in spans(stop - start, ROWS):
                    part = self.data[rows[order[start + a : start + b]]]
                    self.sums[cluster] += sign * part.sum(axis=0, dtype=np.float64)
                self.counts[cluster] += sign * (stop - start)
        self.labels = labels.copy()
        touched = np.union1d(old, new)
        self._dirty[touched] = True
        return touched

    def nearest(self) -> Ints:
        """The nearest center of every row, (n,) int64; where two are equally near, the one it had."""
        moved = np.flatnonzero(self._dirty[: self.k])
        if not len(moved):
            return self.labels
        centers = self.centers()[moved]
        squares = np.square(centers).sum(axis=1).astype(np.float32)
        right = np.ascontiguousarray((-2 * centers).T.astype(np.float32))
        out = np.empty_like(self.labels)

        def run(span: tuple[int, int]) -> None:
            a, b = span
            labels, at = self.labels[a:b], np.arange(a, b)
            # rows first: with the few centers that move, this product is up to four times as fast as its transpose
            gap = np.ascontiguousarray((self.data[a:b] @ right).T)
            gap += squares[:, None]
            self._gap[moved, a:b] = gap
            here = self._gap[labels, at]
            best = gap.argmin(axis=0)
            new = np.where(gap[best, at - a] < here, moved[best], labels)
            # a center that stayed has at least the gap that was the least: it matters only if a row's own has more
            lost = np.flatnonzero(here > self._least[a:b])
            if len(lost):
                columns = self._gap[: self.k, a:b].take(lost, axis=1)
                found = columns.argmin(axis=0)
                nearer = columns[found, np.arange(len(lost))] < here[lost]
                new[lost] = np.where(nearer, found, labels[lost])
            out[a:b] = new
            self._least[a:b] = self._gap[new, at]

        for _ in self._workers.map(run, spans(len(self.labels), ROWS)):
            pass
        self._dirty[:] = False
        return out

    def squared(self, rows: Ints) -> Floats:
        """The squared distance of each of `rows` to the nearest center, as of the last `nearest`, float32."""
        return np.asarray(np.maximum(self._squares[rows] + self._least[rows], 0), np.float32)

    def keep_all(self, labels: Ints) -> Ints:
        """`labels`, but no cluster that had members loses its last: its nearest old member stays."""
        counts = np.bincount(labels, minlength=self.k)
        emptied = np.flatnonzero((counts == 0) & (self.counts[: self.k] > 0))
        if not len(emptied):
            return labels
        labels = labels.copy()
        for cluster in emptied:
            members = np.flatnonzero(self.labels == cluster)
            stays = members[np.argsort(self._gap[cluster, members], kind="stable")]
            for row in stays:
                if counts[labels[row]] > 1:
                    counts[labels[row]] -= 1
                    counts[cluster] += 1
                    labels[row] = cluster
                    break
            else:
                return self.labels  # its members are now the only ones of other clusters: leave all as it was
        return labels


@np.errstate(invalid="ignore")  # BLAS may raise this flag for lanes that it does not use; the numbers here are finite
def two_means(data: Floats, rng: np.random.Generator) -> tuple[float, Array]:
    """Split `data` (m, d) in two: the inertia that saves, and which rows go to the new cluster (m,) bool.

    Starts at the mean along the principal axis (by power iteration), then Lloyd steps. The saving is 0 where all
    rows are equal or there is one.
    """
    m = len(data)
    none = np.zeros(m, bool)
    if m < 2:
        return 0.0, none
    y = data - data.mean(axis=0, dtype=np.float64).astype(np.float32)
    reach = float(np.abs(y).max(initial=0))
    if reach == 0 or not (data != data[0]).any():
        return 0.0, none
    y /= np.float32(reach)
    axis = rng.standard_normal(y.shape[1]).astype(np.float32)
    for _ in range(POWER_STEPS):
        axis = y.T @ (y @ axis)
        length = float(np.linalg.norm(axis))
        if length == 0:
            break
        axis /= np.float32(length)
    side = y @ axis > 0
    if side.all() or not side.any():
        side = np.square(y - y[0]).sum(axis=1) > 0
    total = y.sum(axis=0, dtype=np.float64)
    for _ in range(TWO_MEANS_STEPS):
        ones = int(side.sum())
        part = y[side].sum(axis=0, dtype=np.float64)
        low, high = (total - part) / (m - ones), part / ones
        bound = (np.square(high).sum() - np.square(low).sum()) / 2
        new = y @ (high - low).astype(np.float32) > np.float32(bound)
        if (new == side).all() or new.all() or not new.any():
            break
        side = new
    ones = int(side.sum())
    part = y[side].sum(axis=0, dtype=np.float64)
    gap = part / ones - (total - part) / (m - ones)
    return float(np.square(gap).sum()) * ones * (m - ones) / m * reach * reach, side

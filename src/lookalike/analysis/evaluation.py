"""Do neighbors agree on labels? Shares with intervals, for a ranking and for a map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array, Vectors, check_count, spans
from lookalike.analysis.neighbors import nearest_neighbors
from lookalike.errors import UsageError
from lookalike.records import Doubles, Estimate, Ints

RESAMPLED = 4_000_000


def agreement(
    neighbor_rows: npt.ArrayLike, labels: Sequence[object] | Array, *, seed: int = 0, resamples: int = 1000
) -> Estimate:
    """The share of the k nearest that carry the query's label, with its 95% bootstrap interval over queries.

    `neighbor_rows` (n, k) int: the neighbors of each item, -1 where there are fewer than k; `labels`: n values.
    An item without a label (None, NaN, empty text) is no query; as a neighbor it is a miss. Each query counts
    alike, by the share of the neighbors that it has; one without any is left out.

    The interval is the 2.5th to 97.5th percentile of the mean over `resamples` resamplings of the queries (Efron,
    1979), seeded. Without a query the value is NaN, as are its ends; with one the interval is that value.
    """
    codes = label_codes(labels)
    shares = agreement_shares(neighbor_rows, codes)
    return mean_interval(shares[~np.isnan(shares)], seed=seed, resamples=resamples)


def agreement_shares(neighbor_rows: npt.ArrayLike, codes: Ints) -> Doubles:
    """For each item the share of its neighbors with its code, (n,) float64; NaN for no query (see `agreement`)."""
    rows = np.asarray(neighbor_rows)
    n = len(codes)
    if rows.ndim != 2 or len(rows) != n or (rows.size and (rows.min() < -1 or rows.max() >= n)):
        raise UsageError(
            f"neighbors of shape {rows.shape} do not fit {n} labels: give (n, k) rows in 0..{n - 1}, -1 for none"
        )
    present = rows >= 0
    counts = present.sum(axis=1)
    same = (codes[rows] == codes[:, None]) & present if rows.size else np.zeros(rows.shape, bool)
    usable = (codes >= 0) & (counts > 0)
    return np.where(usable, same.sum(axis=1) / np.maximum(counts, 1), np.nan)


def label_codes(labels: Sequence[object] | Array) -> Ints:
    """A number from 0 for each different label in order of appearance, -1 for a missing one: (n,) int64."""
    seen: dict[object, int] = {}
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    return np.array([-1 if _missing(v) else seen.setdefault(_key(v), len(seen)) for v in values], np.int64)


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value != value  # noqa: PLR0124


def _key(value: object) -> object:
    """1 and True are different labels, though equal as numbers."""
    return (bool, value) if isinstance(value, bool) else value


def mean_interval(values: Doubles, *, level: float = 0.95, seed: int = 0, resamples: int = 1000) -> Estimate:
    """The mean of `values` (m,) with its percentile bootstrap interval of `level`; NaN for none."""
    resamples = check_count("resamples", resamples, 1)
    m = len(values)
    if m == 0:
        return Estimate(value=np.nan, low=np.nan, high=np.nan)
    value = float(values.mean())
    # shares take few values, so drawing m of them is drawing how often each value comes up
    levels, counts = np.unique(values, return_counts=True)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for a, b in spans(resamples, max(1, RESAMPLED // len(levels))):
        means[a:b] = rng.multinomial(m, counts / m, size=b - a) @ levels / m
    low, high = np.percentile(means, [50 * (1 - level), 50 * (1 + level)])
    return Estimate(value=value, low=float(min(low, value)), high=float(max(high, value)))


def nearest_found(found: npt.ArrayLike, exact: npt.ArrayLike) -> Estimate:
    """Recall: the share of the exact nearest that a search found, from a sample of queries.

    `found` (m, k) and `exact` (m, k) distances, nearest first, infinity where there is none; what is as near as the
    last of the exact ones counts, so ties cost nothing. The 95% interval is Wilson's (1927) for m independent shares:
    the k results of a query count as one observation, which makes it rather too wide than too narrow. NaN for m = 0.
    """
    given, truth = np.asarray(found, np.float64), np.asarray(exact, np.float64)
    if given.ndim != 2 or given.shape != truth.shape:
        raise UsageError(f"found has the shape {given.shape}, exact {truth.shape}: give two arrays of the same (m, k)")
    m = len(truth)
    there = np.isfinite(truth)
    if not there.any():
        return Estimate(value=np.nan, low=np.nan, high=np.nan)
    last = np.where(there, truth, 0).max(axis=1, keepdims=True)
    hits = np.minimum((given <= last * (1 + 1e-6)).sum(axis=1), there.sum(axis=1))
    value = float(np.mean(hits / np.maximum(there.sum(axis=1), 1)))
    z = 1.959964
    middle = (value + z * z / (2 * m)) / (1 + z * z / m)
    half = z / (1 + z * z / m) * float(np.sqrt(value * (1 - value) / m + z * z / (4 * m * m)))
    return Estimate(value=value, low=max(0.0, min(middle - half, value)), high=min(1.0, max(middle + half, value)))


def knn_accuracy(
    points: Vectors, labels: Sequence[object] | Array, k: int = 10, *, threads: int | None = None
) -> float:
    """The leave-one-out accuracy of a k-nearest-neighbor classifier on `points` (n, d), in 0..1.

    Each labeled item is given the label most frequent among its k nearest labeled items (equal counts: that of the
    nearest). On a map it says how much of the labels' structure its two axes keep. NaN with fewer than two
    labeled items.
    """
    k = check_count("k", k, 1)
    codes = label_codes(labels)
    array = np.asarray(points)
    if array.ndim != 2 or len(array) != len(codes):
        raise UsageError(f"points of shape {array.shape} for {len(codes)} labels: give (n, d), one row a label")
    known = codes >= 0
    if known.sum() < 2:
        return float("nan")
    codes = codes[known]
    near = nearest_neighbors(array[known], k, threads=threads).ids
    votes = codes[near]
    right = 0
    for a, b in spans(len(codes), max(1, RESAMPLED // (near.shape[1] ** 2))):
        tally = (votes[a:b, :, None] == votes[a:b, None, :]).sum(axis=2)
        winner = np.take_along_axis(votes[a:b], tally.argmax(axis=1)[:, None], axis=1)[:, 0]
        right += int((winner == codes[a:b]).sum())
    return right / len(codes)

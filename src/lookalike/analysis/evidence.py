"""What speaks for one number of clusters rather than another: an interval for the elbow, stability, silhouette.

None of them decides. The elbow says where the curve bends and the interval how sure that is; stability how far two
halves of the items are grouped alike (Ben-Hur, Elisseeff and Guyon, 2002); the silhouette (Rousseeuw, 1987) how
much closer items are to their own cluster than to the next.
"""

from __future__ import annotations

import numpy as np

from lookalike.analysis._blocks import Array, Vectors, Workers, as_vectors, check_count, middle_of
from lookalike.analysis._lloyd import centered, rotate
from lookalike.analysis.clusters import Sweep
from lookalike.analysis.elbow import find_elbow
from lookalike.errors import UsageError
from lookalike.records import Doubles, Evidence, Floats, Ints

RESAMPLES = 200
RESTART = 0.003  # of the inertia: by how much a sweep over other items ends at another local optimum
SAMPLE = 2000  # items whose silhouette is measured
POOL = 3000  # items that are grouped again, half of them at a time
HALVES = 3
AXES = 32
STEPS = 8
LEAST = 8  # items of the pool a cluster, below which halves say nothing
KS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200, 300, 500, 700, 1000)


def weigh(
    vectors: Vectors, sweep: Sweep, *, also: tuple[int, ...] = (), seed: int = 0, threads: int | None = None
) -> Evidence:
    """The evidence for each of about twenty K, those of `also` among them, from a `sweep` over these `vectors`.

    `low`..`high` holds the elbows of 95% of 200 resamples (`elbow_interval`), `clear` is the share of them with a clear
    elbow. `silhouette` is
    the mean over at most 2,000 items, distances among them alone. `stability` is the mean adjusted Rand index of 3
    groupings of 3,000 items, each learned from another half of them along 32 axes; NaN where a cluster would have fewer
    than 8 of these. The same `seed` gives the same bytes on any number of `threads`.
    """
    rows = as_vectors(vectors)
    seed = check_count("seed", seed)
    if len(rows) != sweep.items:
        raise UsageError(f"{len(rows)} vectors for a sweep over {sweep.items}: give the vectors that were swept")
    ks = np.array(sorted({k for k in (*KS, *also) if 2 <= k <= min(sweep.max_k, len(rows) - 1)}), np.int64)
    low, high, clear = elbow_interval(sweep, seed=seed)
    with Workers(threads) as workers:
        apart = _silhouettes(rows, sweep, ks, seed)
        alike = _stabilities(rows, ks, seed, workers)
    return Evidence(low=low, high=high, clear=clear, resamples=RESAMPLES, ks=ks, stability=alike, silhouette=apart)


def elbow_interval(
    sweep: Sweep, *, resamples: int = RESAMPLES, restart: float = RESTART, seed: int = 0
) -> tuple[int, int, float]:
    """The range of K that holds the elbows of 95% of `resamples`, and the share of these that are clear.

    Items are drawn anew (Efron, 1979) and the centers held: at a minimum, moving the centers changes the inertia by
    terms of second order only (Pollard, 1982), so the curve varies as if each resample were swept again. The sampling
    error is that of n items, whatever the size of the sample at hand. What sweeps over other items have beside that are
    other local optima, K by K: `restart` is the standard deviation of that, as a share of the inertia. How often the
    interval holds what it should is measured by `benchmarks/elbow.py`.
    """
    n, count = sweep.items, len(sweep.sample)
    if not sweep.max_k:
        return 0, 0, 0.0
    rng = np.random.default_rng([seed, 1])
    weights = rng.multinomial(n, np.full(count, 1 / count), size=resamples)
    curves = np.maximum(sweep.inertia + (weights - n / count) @ sweep.sampled.T, 0)
    curves *= np.exp(restart * rng.standard_normal(curves.shape))
    elbows = [find_elbow(curve) for curve in curves]
    found = np.sort([elbow.k for elbow in elbows])
    cut = int(0.025 * resamples)
    return int(found[cut]), int(found[-1 - cut]), float(np.mean([elbow.clear for elbow in elbows]))


def _sample(n: int, most: int, seed: list[int]) -> Ints:
    """At most `most` of n rows, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:most]).astype(np.int64)


def _silhouettes(rows: Array, sweep: Sweep, ks: Ints, seed: int) -> Doubles:
    chosen = _sample(len(rows), SAMPLE, [seed, 2])
    data = centered(rows[chosen], middle_of(rows).astype(np.float64))[0][:]
    squares = np.einsum("ij,ij->i", data, data)
    gaps = squares[:, None] + squares - 2 * data @ data.T
    np.fill_diagonal(gaps, 0)
    gaps = np.sqrt(np.maximum(gaps, 0, out=gaps), out=gaps)
    return np.array([silhouette(gaps, sweep.partition(int(k))[chosen]) for k in ks], np.float64)


def silhouette(gaps: Floats, labels: Ints) -> float:
    """The mean silhouette of m items from their distances (m, m) and `labels` (m,), -1..1; 0 for one that is alone.

    NaN if there are fewer than two clusters.
    """
    present, own = np.unique(labels, return_inverse=True)
    if len(present) < 2:
        return float("nan")
    sizes = np.bincount(own)
    member = np.zeros((len(own), len(present)), np.float32)
    at = np.arange(len(own))
    member[at, own] = 1
    total = (gaps @ member).astype(np.float64)
    inside = total[at, own] / np.maximum(sizes[own] - 1, 1)
    mean = total / sizes
    mean[at, own] = np.inf
    outside = mean.min(axis=1)
    widest = np.maximum(inside, outside)
    value = np.divide(outside - inside, widest, out=np.zeros(len(own)), where=widest > 0)
    return float(np.where(sizes[own] > 1, value, 0).mean())


def _stabilities(rows: Array, ks: Ints, seed: int, workers: Workers) -> Doubles:
    pool = rows[_sample(len(rows), POOL, [seed, 3])]
    data = rotate(centered(pool, middle_of(pool).astype(np.float64))[0], AXES, np.random.default_rng(seed), workers)[:]
    halves = [_sample(len(data), (len(data) + 1) // 2, [seed, 4, half]) for half in range(HALVES)]

    def one(k: int) -> float:
        if k * LEAST > len(data):
            return float("nan")
        found = [
            _nearest(data, _fit(data[half], k, np.random.default_rng([seed, 5, number])))
            for number, half in enumerate(halves)
        ]
        pairs = [(a, b) for a in range(HALVES) for b in range(a)]
        return float(np.mean([adjusted_rand(found[a], found[b]) for a, b in pairs]))

    return np.array(list(workers.map(one, [int(k) for k in ks])), np.float64)


def _nearest(data: Floats, centers: Floats) -> Ints:
    squares = np.einsum("ij,ij->i", centers, centers)
    found: Ints = (squares - 2 * data @ centers.T).argmin(axis=1)
    return found


def _fit(data: Floats, k: int, rng: np.random.Generator) -> Floats:
    """A few steps of K-means from greedy k-means++ (Arthur and Vassilvitskii, 2007): centers (k, d)."""
    n = len(data)
    trials = 2 + int(np.log(k))
    squares = np.einsum("ij,ij->i", data, data)
    centers = np.empty((k, data.shape[1]), np.float32)
    centers[0] = data[rng.integers(n)]
    least = np.maximum(squares + centers[0] @ centers[0] - 2 * data @ centers[0], 0)
    for place in range(1, k):
        reach = np.cumsum(least, dtype=np.float64)
        picked = np.minimum(np.searchsorted(reach, rng.random(trials) * reach[-1], side="right"), n - 1)
        gaps = np.maximum(squares + squares[picked, None] - 2 * data[picked] @ data.T, 0)
        gaps = np.minimum(gaps, least)
        best = int(gaps.sum(axis=1).argmin())
        centers[place], least = data[picked[best]], gaps[best]
    for _ in range(STEPS):
        labels = _nearest(data, centers)
        order = np.argsort(labels, kind="stable")
        present, first = np.unique(labels[order], return_index=True)
        sums = np.add.reduceat(data[order], first, axis=0)
        centers[present] = sums / np.diff([*first, n])[:, None].astype(np.float32)
    return centers


def adjusted_rand(one: Ints, two: Ints) -> float:
    """How alike two groupings of the same items are, beyond chance: 1 for equal ones, about 0 for unrelated ones.

    The adjusted Rand index (Hubert and Arabie, 1985); `one` and `two` are (n,) labels from 0.
    """
    n = len(one)
    if n < 2:
        return 1.0
    width = int(two.max()) + 1
    both = _pairs(np.bincount(one * width + two))
    first, second = _pairs(np.bincount(one)), _pairs(np.bincount(two))
    chance = first * second / (n * (n - 1) / 2)
    most = (first + second) / 2
    return 1.0 if most == chance else float((both - chance) / (most - chance))


def _pairs(counts: Ints) -> float:
    return float((counts.astype(np.float64) * (counts - 1) / 2).sum())

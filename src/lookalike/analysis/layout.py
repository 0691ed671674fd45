"""The two-dimensional map: t-SNE on an exact neighbor graph, and how much of the neighborhoods it keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.analysis._blocks import Array, Vectors, Workers, as_vectors, check_count, report, spans
from lookalike.analysis._lloyd import ROWS, centered, mean_of, rotate
from lookalike.analysis.neighbors import nearest_neighbors
from lookalike.errors import UsageError
from lookalike.records import Advance, Doubles, Floats, Ints, Neighbors

UNIFORM = 15
EARLY, LATE = 250, 500
EXAGGERATION = 12
SLOWEST = 20.0  # the learning rate n / exaggeration would leave a handful of items where they start
EVERY = 25
START = 1e-4
JITTER = 0.01
AROUND = 10


def neighbors_needed(n: int | None, perplexity: float | None = None) -> int:
    """How many neighbors of each of n items `tsne` uses: 15, or three times the perplexity; at most n - 1.

    A perplexity between two whole numbers counts as many as fit into three of it. n None: of however many items.
    """
    needed = UNIFORM if perplexity is None else int(3 * perplexity)
    return needed if n is None else max(0, min(n - 1, needed))


def tsne(
    vectors: Vectors,
    seed: int = 0,
    *,
    perplexity: float | None = None,
    neighbors: Neighbors | None = None,
    threads: int | None = None,
    progress: Advance | None = None,
) -> Floats:
    """Positions (n, 2) float32 of `vectors` (n, d) on a map that keeps near items near.

    t-SNE (van der Maaten and Hinton, 2008) with the settings of openTSNE (Poličar, Stražar and Zupan, 2024): started
    from the two principal axes at a standard deviation of 1e-4, 250 steps with exaggeration 12, 500 without, learning
    rate n / exaggeration (Belkina et al., 2019). All pairs repel each other below 800 items, a grid carries the
    repulsion above (`_repulsion`).

    `perplexity` None: equal weights on the 15 nearest of each item, made symmetric; p: Gaussian weights on the 3p
    nearest, clamped to (n - 1) / 3. `neighbors` is the exact graph if it is at hand (self left out); computed
    where it is missing or has too few columns. The scale of the vectors does not matter.

    The same `seed` gives the same bytes, whatever `threads`. `progress` is called with (steps done, 750). Items that
    are all equal are all at (0, 0), as is a single one; two or three are drawn at their true distances. Raises
    `UsageError` as `nearest_neighbors`, and for a perplexity that is not above 0.
    """
    return tsne_with_loss(
        vectors, seed, perplexity=perplexity, neighbors=neighbors, threads=threads, progress=progress
    )[0]


def tsne_with_loss(
    vectors: Vectors,
    seed: int = 0,
    *,
    perplexity: float | None = None,
    neighbors: Neighbors | None = None,
    threads: int | None = None,
    progress: Advance | None = None,
) -> tuple[Floats, float]:
    """As `tsne`, and the Kullback-Leibler divergence that is left; NaN where nothing was optimized."""
    seed = check_count("seed", seed)
    if perplexity is not None and not _is_positive(perplexity):
        raise UsageError(f"perplexity={perplexity!r} is out of range: give a number above 0, for example 30, or None")
    rows = as_vectors(vectors)
    n = len(rows)
    if neighbors is not None and not isinstance(neighbors, Neighbors):
        given = type(neighbors).__name__
        raise UsageError(f"neighbors is a {given}: give what `nearest_neighbors` returns, or None to have it found")
    if neighbors is not None and len(neighbors.ids) != n:
        raise UsageError(f"neighbors of {len(neighbors.ids)} items for {n} vectors: give the graph of these vectors")
    start = principal_places(rows, seed, threads)
    if n < 4 or not start.any():
        report(progress, EARLY + LATE, EARLY + LATE)
        return start.astype(np.float32), float("nan")
    if perplexity is not None:
        perplexity = min(float(perplexity), (n - 1) / 3)
    needed = max(1, neighbors_needed(n, perplexity))
    if neighbors is None or neighbors.ids.shape[1] < needed:
        neighbors = nearest_neighbors(rows, needed, threads=threads)
    graph = Neighbors(neighbors.ids[:, :needed], neighbors.distances[:, :needed])
    start += np.random.default_rng(seed).normal(0, JITTER, start.shape)  # equal items must not start as one point
    return _descent(START * start, graph, perplexity, threads, progress)


def _is_positive(value: Any) -> bool:
    try:
        return 0 < float(value) < np.inf and not isinstance(value, bool | str)
    except (TypeError, ValueError):
        return False


def _descent(
    start: Doubles, graph: Neighbors, perplexity: float | None, threads: int | None, progress: Advance | None
) -> tuple[Floats, float]:
    from lookalike.analysis import _descent as descent
    from lookalike.analysis.affinities import affinities

    n, total = len(start), EARLY + LATE
    phases = [
        descent.Phase(steps, exaggeration, max(n / exaggeration, SLOWEST))
        for steps, exaggeration in ((EARLY, EXAGGERATION), (LATE, 1))
    ]

    def advance(done: int) -> None:
        if done % EVERY == 0:
            report(progress, done, total)

    with Workers(threads) as workers:
        places, loss = descent.descend(start, affinities(graph, perplexity, workers), phases, workers, advance)
    return places.astype(np.float32), loss


def principal_places(rows: Array, seed: int, threads: int | None) -> Doubles:
    """Positions (n, 2) along the two principal axes, the first of standard deviation 1; zeros if all are equal."""
    n, d = rows.shape
    out = np.zeros((n, 2))
    if n < 2 or d == 0 or not any((rows[a:b] != rows[0]).any() for a, b in spans(n, ROWS)):
        return out
    with Workers(threads) as workers:
        data, _ = centered(rows, mean_of(rows))
        data = rotate(data, min(d, 64), np.random.default_rng(seed), workers)[:]
        _, axes = np.linalg.eigh(data.T.astype(np.float64) @ data)
        axes = axes[:, ::-1][:, :2]
        # an axis has no sign of its own: its largest entry is made positive, so maps of like data agree
        axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
        out[:, : axes.shape[1]] = data @ axes
    spread = out[:, 0].std()
    return out / spread if spread > 0 else np.zeros((n, 2))


def place_new(positions: npt.ArrayLike, vectors: Vectors, new: Vectors, *, threads: int | None = None) -> Floats:
    """Places (m, 2) float32 for `new` vectors (m, d) on the map `positions` (n, 2) of `vectors` (n, d), which stays.

    Of an item's 10 nearest on the map's side, the one that lies most amid the others is taken, and the item goes to
    the mean of the half that is closest to it: amid look-alikes even where these fall into two groups, and never into
    the empty space between. With nothing on the map everything is at (0, 0).
    """
    places = as_vectors(np.asarray(positions), "positions").astype(np.float64)
    rows, fresh = as_vectors(vectors), as_vectors(new, "new")
    if len(places) != len(rows):
        raise UsageError(f"{len(places)} positions for {len(rows)} vectors: both must be of the same items")
    if not len(rows) or not len(fresh):
        return np.zeros((len(fresh), 2), np.float32)
    near = places[nearest_neighbors(rows, min(AROUND, len(rows)), fresh, threads=threads).ids]
    gaps = np.sqrt(np.square(near[:, :, None] - near[:, None]).sum(axis=-1))
    amid = gaps.sum(axis=2).argmin(axis=1)
    order = np.argsort(gaps[np.arange(len(near)), amid], axis=1, kind="stable")[:, : (near.shape[1] + 1) // 2]
    return np.asarray(np.take_along_axis(near, order[:, :, None], axis=1).mean(axis=1), np.float32)


def neighbors_kept(positions: npt.ArrayLike, neighbors: Neighbors | Ints, k: int = 10) -> float:
    """The share of each item's `k` nearest vectors that are among its k nearest on the map, 0..1.

    `positions` (n, 2); `neighbors` (n, at least k), the nearest first, self left out; k is clipped to what it has.
    1.0 where there is nothing to keep. By chance the share is about k / n.
    """
    from scipy.spatial import cKDTree

    k = check_count("k", k, 1)
    ids = neighbors.ids if isinstance(neighbors, Neighbors) else np.asarray(neighbors)
    places = as_vectors(np.asarray(positions), "positions")
    n = len(places)
    if len(ids) != n:
        raise UsageError(f"neighbors of {len(ids)} items for {n} positions: both must be of the same items")
    k = min(k, ids.shape[1], n - 1)
    if k < 1:
        return 1.0
    near = cKDTree(places).query(places, k + 1)[1]
    own = near == np.arange(n)[:, None]
    own[~own.any(axis=1), -1] = True  # many items on one spot: itself need not be among the first
    near = near[~own].reshape(n, k)
    pairs = np.arange(n)[:, None] * n
    return float(np.isin((pairs + near).ravel(), (pairs + ids[:, :k]).ravel()).mean())

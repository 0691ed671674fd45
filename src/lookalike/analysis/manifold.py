"""UMAP (McInnes, Healy and Melville, 2018) by `umap-learn`, on the exact neighbor graph: another view of the items."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from lookalike.analysis._blocks import Vectors, as_vectors, check_count, report
from lookalike.analysis.layout import JITTER, UNIFORM, principal_places
from lookalike.analysis.neighbors import nearest_neighbors
from lookalike.errors import UsageError
from lookalike.records import Advance, Floats, Neighbors


def load_umap() -> Any:
    """The class `umap.UMAP`; `UsageError` where `umap-learn` is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells of parts of itself that need TensorFlow
        try:
            from umap import UMAP
        except ImportError as exc:
            raise UsageError(
                "a map by UMAP needs umap-learn: pip install 'lookalike[umap]', or leave --method out for t-SNE"
            ) from exc
    return UMAP


def umap(
    vectors: Vectors,
    seed: int = 0,
    *,
    neighbors: Neighbors | None = None,
    threads: int | None = None,
    progress: Advance | None = None,
) -> Floats:
    """Positions (n, 2) float32 of `vectors` (n, d) by UMAP, from the 15 nearest of each item.

    Started from the two principal axes, as `tsne` is, so that both maps lie the same way round; all else as
    `umap-learn` has it (minimal distance 0.1; 500 epochs up to 10,000 items, 200 above). `neighbors` is the exact graph
    if it is at hand (self left out); computed where it is missing or has too few columns, the only part that runs on
    `threads`: the descent is seeded and runs on one. The same `seed` gives the same bytes. `progress` is called when it
    is done. Items that are all equal are all at (0, 0); two or three are drawn at their true distances. Raises
    `UsageError` as `nearest_neighbors`, and where `umap-learn` is not installed.
    """
    seed = check_count("seed", seed)
    rows = as_vectors(vectors)
    n = len(rows)
    if neighbors is not None and len(neighbors.ids) != n:
        raise UsageError(f"neighbors of {len(neighbors.ids)} items for {n} vectors: give the graph of these vectors")
    make = load_umap()
    start = principal_places(rows, seed, threads)
    report(progress, 0, 1)
    places = start.astype(np.float32)
    if n >= 4 and start.any():
        wanted = min(UNIFORM, n - 2)
        if neighbors is None or neighbors.ids.shape[1] < wanted:
            neighbors = nearest_neighbors(rows, wanted, threads=threads)
        # umap-learn counts an item as its own first neighbor
        ids = np.column_stack([np.arange(n), neighbors.ids[:, :wanted]])
        gaps = np.column_stack([np.zeros(n, np.float32), neighbors.distances[:, :wanted]])
        typical = float(np.median(gaps[:, 1:]))
        if typical > 0:
            gaps /= np.float32(typical)  # its thresholds are absolute: the scale of the vectors must not matter
        start += np.random.default_rng(seed).normal(0, JITTER, start.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it misses its own index, which only new items would need
            mapper = make(
                n_neighbors=wanted + 1, init=start, random_state=seed, n_jobs=1, precomputed_knn=(ids, gaps, None)
            )
            # with the graph and the start given, all it takes from the vectors is how many there are
            places = np.asarray(mapper.fit_transform(start.astype(np.float32)), np.float32)
        places -= places.mean(axis=0, dtype=np.float64).astype(np.float32)
    report(progress, 1, 1)
    return places

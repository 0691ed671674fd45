"""The map against openTSNE's and scikit-learn's whole runs, and UMAP on our graph: time, divergence, neighbors kept.

    python -m benchmarks.map FEATURES.npy [--rows 25000] [--rounds 1] [--skip sklearn]

Ours starts from the neighbor graph, which a catalog has anyway; openTSNE and scikit-learn search for neighbors
themselves. All at perplexity 30 but for ours with equal weights (the default) and UMAP (`map --method umap`, on the 15
nearest, if `umap-learn` is installed; it runs on one thread, and what it compiles is compiled before). Time in pairs,
ratios within a round, and CPU time beside it, which other work on the machine disturbs less. KL is that of one set of
affinities, perplexity 30 on the exact graph, evaluated on all pairs of each map (with equal weights it is not what was
minimized, and nothing like it is by UMAP).
`FEATURES.npy`: see `benchmarks.clusters --make`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.analysis import load_umap, nearest_neighbors, neighbors_kept, place_new, tsne, umap
from lookalike.analysis._blocks import spans, thread_count
from lookalike.errors import UsageError


def divergence(positions: Any, weights: Any) -> float:
    """The Kullback-Leibler divergence of a map from affinities (sparse, summing to 1), over all pairs."""
    places = np.asarray(positions, np.float64)
    total = 0.0
    for a, b in spans(len(places), 1000):
        gaps = np.square(places[a:b, None, 0] - places[None, :, 0]) + np.square(
            places[a:b, None, 1] - places[None, :, 1]
        )
        total += float((1 / (1 + gaps)).sum()) - (b - a)
    pairs = weights.tocoo()
    near = 1 / (1 + np.square(places[pairs.row] - places[pairs.col]).sum(axis=1))
    return float((pairs.data * np.log(pairs.data / (near / total))).sum())


def gaussian(graph: Any) -> Any:
    """openTSNE's own affinities (sparse, summing to 1) of perplexity 30 on the exact graph (n, 90)."""
    from openTSNE import affinity
    from openTSNE import nearest_neighbors as known

    index = known.PrecomputedNeighbors(
        np.ascontiguousarray(graph.ids), np.ascontiguousarray(graph.distances, np.float64)
    )
    return affinity.PerplexityBasedNN(perplexity=30, knn_index=index, n_jobs=thread_count(None)).P


def peers(vectors: Any, skip: str) -> dict[str, Any]:
    """What to run beside ours: a name and a function from vectors to positions."""
    from openTSNE import TSNE
    from sklearn.manifold import TSNE as Scikit  # noqa: N811

    threads = thread_count(None)
    runs: dict[str, Any] = {
        "openTSNE, whole": lambda: np.asarray(TSNE(perplexity=30, n_jobs=threads, random_state=0).fit(vectors))
    }
    if "sklearn" not in skip:
        runs["scikit-learn, whole"] = lambda: Scikit(perplexity=30, n_jobs=threads, random_state=0).fit_transform(
            vectors
        )
    return runs


def by_umap(vectors: Any, graph: Any) -> dict[str, Any]:
    """UMAP on the graph that is there, if it is installed."""
    try:
        load_umap()
    except UsageError as exc:
        print(exc)
        return {}
    umap(vectors[:500])  # compiles
    return {"UMAP, 15 nearest": lambda: umap(vectors, neighbors=graph)}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("--rows", type=int, default=25_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--skip", default="", help="sklearn: leave scikit-learn out")
    options = parser.parse_args()
    vectors = np.load(options.features).astype(np.float32)
    vectors = np.ascontiguousarray(vectors[np.random.default_rng(0).permutation(len(vectors))[: options.rows]])
    graph = nearest_neighbors(vectors, 90)
    weights = gaussian(graph)
    runs = {
        "ours, equal weights on 15": lambda: tsne(vectors, neighbors=graph),
        "ours, perplexity 30": lambda: tsne(vectors, neighbors=graph, perplexity=30),
        **by_umap(vectors, graph),
        **peers(vectors, options.skip),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    found: dict[str, Any] = {}
    for _ in range(options.rounds):
        for name, run in runs.items():
            started = time.perf_counter(), time.process_time()
            found[name] = run()
            seconds[name].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    print(f"{len(vectors):,} x {vectors.shape[1]:,}; medians of {options.rounds}")
    print(f"{'':26}  seconds  of openTSNE's  CPU of its   KL (perplexity 30)  kept at 10")
    whole = seconds["openTSNE, whole"]
    for name, positions in found.items():
        pairs = list(zip(seconds[name], whole, strict=True))
        ratio, work = (statistics.median(own[at] / its[at] for own, its in pairs) for at in (0, 1))
        took = statistics.median(own[0] for own in seconds[name])
        loss, kept = divergence(positions, weights), neighbors_kept(positions, graph)
        print(f"{name:26}  {took:7.1f}  {ratio:13.2f}  {work:10.2f}  {loss:19.4f}  {kept:10.3f}")
    placed(vectors, graph, found["ours, equal weights on 15"])


def placed(vectors: Any, graph: Any, positions: Any) -> None:
    """How many neighbors 5% of the items keep that were placed on a map of the others."""
    new = np.random.default_rng(1).random(len(vectors)) < 0.05
    started = time.perf_counter()
    places = place_new(positions[~new], vectors[~new], vectors[new])
    took = time.perf_counter() - started
    together = positions.copy()
    together[new] = places
    kept, before = neighbors_kept(together, graph), neighbors_kept(positions, graph)
    print(f"{new.sum():,} items placed in {took:.1f} s: kept at 10 of all {kept:.3f}, laid out together {before:.3f}")


if __name__ == "__main__":
    main()

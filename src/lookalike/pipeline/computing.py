"""Items to neighbors, clusters and a map; each is stored with the state of the vectors it was computed from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike import analysis
from lookalike.errors import UsageError
from lookalike.options import ClusterOptions, MapOptions
from lookalike.pipeline.graph import GRAPH_K, graph_is_ready, graph_k, renew_neighbors, stored_neighbors
from lookalike.pipeline.loading import load_vectors
from lookalike.pipeline.sweeping import sweep_table, swept
from lookalike.records import (
    Advance,
    Clusters,
    Doubles,
    Elbow,
    Evidence,
    Floats,
    Ints,
    Layout,
    Neighbors,
    Progress,
)
from lookalike.store import Computed, Replace, Store, schema

Exemplars = tuple[tuple[int, ...], ...]


def compute_neighbors(store: Store, k: int = GRAPH_K, *, progress: Progress | None = None) -> Neighbors:
    """The stored graph with at least `k` neighbors an item, made or brought up to date where it is not."""
    if not graph_is_ready(store, k):
        with store.writing():
            if not graph_is_ready(store, k):
                return renew_neighbors(store, k, step(progress, "neighbors"), step(progress, "vectors"))
    return stored_neighbors(store)


def compute_clusters(
    store: Store, options: ClusterOptions | None = None, *, progress: Progress | None = None
) -> Clusters:
    """The sweep over K and the clusters of the chosen one, computed if missing, older or asked otherwise.

    Options None: as computed last, else the defaults. Raises `UsageError` for an explicit k above the number
    of items.
    """
    known, given = store.head.computed.get(schema.CLUSTERS), options
    if options is None:
        options = ClusterOptions(**known.options) if known is not None else ClusterOptions()
    asked = dataclasses.asdict(options)
    whole = given is None or swept(store) > 0  # asked for anew, those of an older version are completed
    if whole and known is not None and store.head.is_current(schema.CLUSTERS) and known.options == asked:
        return stored_clusters(store)
    with store.writing():
        ids, vectors = load_vectors(store)
        found, sweep = _swept_clusters(vectors, options, progress)
        rows = {"id": pa.array(ids, pa.string()), "cluster": pa.array(found.labels, pa.int64())}
        changes = [
            Replace(schema.CLUSTERS, pa.table(rows, schema=schema.clusters())),
            Replace(schema.SWEEP, sweep_table(sweep)),
        ]
        computed = Computed(of=store.head.vectors, options=asked, results=_cluster_results(found, sweep))
        store.commit("clusters computed", changes, computed={schema.CLUSTERS: computed})
    return found


def compute_map(
    store: Store, options: MapOptions | None = None, *, keep: bool = False, progress: Progress | None = None
) -> Layout:
    """The place of each item in the map, computed if missing, older or asked otherwise.

    Options None: as computed last, else the defaults. `keep` leaves the items of an older map with these options where
    they are and places only new ones; without it, a map that was kept so is computed anew.
    """
    known = store.head.computed.get(schema.MAP)
    patched = known is not None and known.results.get("placed", 0) > 0 and not keep and options is not None
    if options is None:
        options = MapOptions(**known.options) if known is not None else MapOptions()
    asked = _map_asked(options)
    same = known is not None and known.options == asked
    if same and store.head.is_current(schema.MAP) and not patched:
        return stored_map(store)
    if options.method == "umap":
        analysis.load_umap()  # what is missing is said before anything is computed
    with store.writing():
        neighbors = compute_neighbors(store, graph_k(options), progress=progress)
        ids, vectors = load_vectors(store)
        if keep and same:
            found = _kept_map(store, ids, vectors, neighbors)
        else:
            found = map_of(vectors, neighbors, options, progress=progress)
        rows = {
            "id": pa.array(ids, pa.string()),
            "x": pa.array(found.positions[:, 0], pa.float32()),
            "y": pa.array(found.positions[:, 1], pa.float32()),
        }
        results = {"kept": found.kept, "kl": found.kl if math.isfinite(found.kl) else None, "placed": found.placed}
        computed = Computed(of=store.head.vectors, options=asked, results=results)
        _keep(store, schema.MAP, pa.table(rows, schema=schema.layout()), computed)
    return found


def _map_asked(options: MapOptions) -> dict[str, Any]:
    """The options as they are stored: t-SNE goes without saying, as in maps of older versions."""
    asked = dataclasses.asdict(options)
    return asked if asked["method"] != "tsne" else {name: value for name, value in asked.items() if name != "method"}


def _kept_map(store: Store, ids: Sequence[str], vectors: Floats, neighbors: Neighbors) -> Layout:
    """The stored map, without the items that are gone and with those that are new."""
    before = stored_map(store)
    table = store.read(schema.MAP, ["id"]).sort_by("id")
    at = pc.index_in(pa.array(ids, pa.string()), value_set=table["id"].combine_chunks())
    places = at.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    old = places >= 0
    positions = np.zeros((len(ids), 2), np.float32)
    positions[old] = before.positions[places[old]]
    positions[~old] = analysis.place_new(positions[old], vectors[old], vectors[~old])
    placed = before.placed + int(np.count_nonzero(~old))
    kept = analysis.neighbors_kept(positions, neighbors)
    return dataclasses.replace(before, positions=positions, kept=kept, placed=placed)


def stored_clusters(store: Store) -> Clusters:
    """The clusters as stored, which may be older than the items. Rows count in the order of the ids then."""
    results = store.head.computed[schema.CLUSTERS].results
    table = store.read(schema.CLUSTERS).sort_by("id")
    return _clusters(
        results["k"],
        np.array(results["inertia"], np.float64),
        Elbow(**results["elbow"]),
        table["cluster"].to_numpy(),
        np.array(results["representatives"], np.int64),
        tuple(tuple(rows) for rows in results["exemplars"]),
        # catalogs of older versions hold no more than that
        asked=store.head.computed[schema.CLUSTERS].options.get("k") is not None,
        evidence=Evidence.from_json(results["evidence"]) if results.get("evidence") else None,
        reach=np.array(results["reach"], np.float64) if "reach" in results else None,
    )


def stored_map(store: Store) -> Layout:
    """The map as stored, which may be older than the items."""
    table = store.read(schema.MAP).sort_by("id")
    positions = np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()])
    computed = store.head.computed[schema.MAP]
    results, method = computed.results, computed.options.get("method", "tsne")
    # older versions stored neither of the last two results
    kl = results.get("kl")
    loss = float("nan") if kl is None else kl
    return Layout(positions=positions, kept=results["kept"], kl=loss, placed=results.get("placed", 0), method=method)


def clusters_of(vectors: Floats, options: ClusterOptions, *, progress: Progress | None = None) -> Clusters:
    """The sweep over K and the clusters of the chosen one; only clusters that hold an item are kept.

    Raises `UsageError` for an explicit k above the number of items.
    """
    return _swept_clusters(vectors, options, progress)[0]


def _swept_clusters(
    vectors: Floats, options: ClusterOptions, progress: Progress | None
) -> tuple[Clusters, analysis.Sweep | None]:
    """As `clusters_of`, and the sweep that they were chosen from (None without items)."""
    items = len(vectors)
    if options.k is not None and options.k > items:
        raise UsageError(f"k={options.k} is more than the {items} items: give at most {items}")
    if not items:
        nothing: Ints = np.zeros(0, np.int64)
        return _clusters(0, np.zeros(0), Elbow(k=0, low=0, high=0, clear=False), nothing, nothing, ()), None
    max_k = min(max(options.max_k, options.k or 1), items)
    sweep = analysis.kmeans_sweep(vectors, max_k, options.seed, progress=step(progress, "clusters"))
    elbow = analysis.find_elbow(sweep.inertia)
    k = elbow.k if options.k is None else options.k
    best = analysis.refine_best(vectors, sweep, k)
    curve = sweep.inertia.copy()
    if best.inertia >= curve[min(k, max_k - 1)]:  # that of K + 1: below it the curve would rise
        curve[k - 1] = min(curve[k - 1], best.inertia)
        labels, centers = best.labels, best.centers
    else:
        labels, centers = sweep.labels(k), sweep.centers(k)
    filled, labels = np.unique(labels, return_inverse=True)
    representatives = analysis.representatives(vectors, labels, centers[filled])
    exemplars = analysis.exemplars(vectors, labels, representatives)
    clusters = _clusters(
        len(filled),
        curve,
        elbow,
        labels.astype(np.int64),
        representatives,
        exemplars,
        asked=options.k is not None,
        evidence=analysis.weigh(vectors, sweep, also=(k, elbow.low, elbow.k, elbow.high), seed=options.seed),
        reach=analysis.reach(vectors, labels, exemplars),
    )
    return clusters, sweep


def map_of(vectors: Floats, neighbors: Neighbors, options: MapOptions, *, progress: Progress | None = None) -> Layout:
    """The map of these vectors, from their graph."""
    if options.method == "umap":
        places = analysis.umap(vectors, options.seed, neighbors=neighbors, progress=step(progress, "map"))
        return Layout(positions=places, kept=analysis.neighbors_kept(places, neighbors), method=options.method)
    positions, kl = analysis.tsne_with_loss(
        vectors,
        options.seed,
        perplexity=options.perplexity,
        neighbors=neighbors,
        progress=step(progress, "map"),
    )
    return Layout(positions=positions, kept=analysis.neighbors_kept(positions, neighbors), kl=kl)


def step(progress: Progress | None, name: str) -> Advance | None:
    """The progress of one step of a run."""
    if progress is None:
        return None

    def advance(done: int, total: int) -> None:
        progress(name, done, total)

    return advance


def _clusters(
    k: int,
    inertia: Doubles,
    elbow: Elbow,
    labels: Ints,
    representatives: Ints,
    exemplars: Exemplars,
    **more: Any,
) -> Clusters:
    return Clusters(
        k=k,
        inertia=inertia,
        elbow=elbow,
        labels=labels,
        sizes=np.bincount(labels, minlength=k).astype(np.int64),
        representatives=representatives,
        exemplars=exemplars,
        **more,
    )


def _cluster_results(found: Clusters, sweep: analysis.Sweep | None) -> Mapping[str, Any]:
    elbow = found.elbow
    return {
        "swept": 0 if sweep is None else sweep.max_k,
        "k": found.k,
        "inertia": found.inertia.tolist(),
        "elbow": {"k": elbow.k, "low": elbow.low, "high": elbow.high, "clear": elbow.clear},
        "representatives": found.representatives.tolist(),
        "exemplars": [list(rows) for rows in found.exemplars],
        "evidence": None if found.evidence is None else found.evidence.as_json(),
        "reach": [] if found.reach is None else found.reach.tolist(),
    }


def _keep(store: Store, name: str, table: pa.Table, computed: Computed) -> None:
    store.commit(f"{name} computed", [Replace(name, table)], computed={name: computed})

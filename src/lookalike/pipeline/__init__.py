"""The write side: photos to items, items to neighbors, clusters and a map, each stored with what it came from."""

from lookalike.pipeline.computing import (
    GRAPH_K,
    clusters_of,
    compute_clusters,
    compute_map,
    compute_neighbors,
    graph_k,
    load_colors,
    load_vectors,
    map_of,
    step,
    stored_clusters,
    stored_map,
)
from lookalike.pipeline.embed import load_model
from lookalike.pipeline.fitting import is_outgrown, whitening
from lookalike.pipeline.indexing import Confirm, Plan, index, plan, remove

__all__ = [
    "GRAPH_K",
    "Confirm",
    "Plan",
    "clusters_of",
    "compute_clusters",
    "compute_map",
    "compute_neighbors",
    "graph_k",
    "index",
    "is_outgrown",
    "load_colors",
    "load_model",
    "load_vectors",
    "map_of",
    "plan",
    "remove",
    "step",
    "stored_clusters",
    "stored_map",
    "whitening",
]

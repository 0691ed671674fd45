"""The write side: photos to items, items to neighbors, clusters and a map, each stored with what it came from."""

from lookalike.pipeline.adapting import adapted, adapted_axes, drop_adapted, half, keep_adapted
from lookalike.pipeline.adding import add
from lookalike.pipeline.approximate import compute_index, is_indexed, measure, nearly_nearest
from lookalike.pipeline.computing import (
    clusters_of,
    compute_clusters,
    compute_map,
    compute_neighbors,
    map_of,
    step,
    stored_clusters,
    stored_map,
)
from lookalike.pipeline.embed import load_model
from lookalike.pipeline.fitting import (
    COLOR,
    OUTLINE,
    OUTLINE_ALONE,
    colorless,
    compose,
    default_color,
    is_outgrown,
    looks_kept,
    looks_of,
    renew_whitening,
    take_color_out,
    whitening,
)
from lookalike.pipeline.graph import GRAPH_K, graph_k
from lookalike.pipeline.indexing import Confirm, Plan, begin, index, plan, remove
from lookalike.pipeline.loading import Sample, load_colors, load_ids, load_outlines, load_points, load_vectors, room
from lookalike.pipeline.sweeping import regroup, swept
from lookalike.pipeline.vectors import read_vectors, vectors_facts

__all__ = [
    "COLOR",
    "GRAPH_K",
    "OUTLINE",
    "OUTLINE_ALONE",
    "Confirm",
    "Plan",
    "Sample",
    "adapted",
    "adapted_axes",
    "add",
    "begin",
    "clusters_of",
    "colorless",
    "compose",
    "compute_clusters",
    "compute_index",
    "compute_map",
    "compute_neighbors",
    "default_color",
    "drop_adapted",
    "graph_k",
    "half",
    "index",
    "is_indexed",
    "is_outgrown",
    "keep_adapted",
    "load_colors",
    "load_ids",
    "load_model",
    "load_outlines",
    "load_points",
    "load_vectors",
    "looks_kept",
    "looks_of",
    "map_of",
    "measure",
    "nearly_nearest",
    "plan",
    "read_vectors",
    "regroup",
    "remove",
    "renew_whitening",
    "room",
    "step",
    "stored_clusters",
    "stored_map",
    "swept",
    "take_color_out",
    "vectors_facts",
    "whitening",
]

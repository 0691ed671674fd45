"""The items' vectors as arrays, in the order of ids."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from lookalike.records import COLOR_BINS, Floats, Ints
from lookalike.store import Store, schema


def load_vectors(store: Store) -> tuple[list[str], Floats]:
    """Ids in their order, and the (n, d) float32 vectors in the same."""
    table = store.read(schema.ITEMS, ["id", "vector"])
    order = pc.sort_indices(table["id"])
    dimension = store.head.model.dimension
    flat = pc.list_flatten(table["vector"]).to_numpy().reshape(-1, dimension)
    return table["id"].take(order).to_pylist(), np.ascontiguousarray(flat[order.to_numpy()])


def load_colors(store: Store) -> Floats:
    """The (n, 216) float32 color vectors in the order of ids; rows of NaN where a catalog of old has none."""
    table = store.read(schema.ITEMS, ["id", "color"]).combine_chunks()
    colors = np.full((len(table), COLOR_BINS), np.nan, np.float32)
    column = table["color"].combine_chunks() if len(table) else None
    if column is not None:
        known = pc.is_valid(column).to_numpy(zero_copy_only=False)
        colors[known] = pc.list_flatten(column).to_numpy().reshape(-1, COLOR_BINS)
    order: Ints = pc.sort_indices(table["id"]).to_numpy().astype(np.int64)
    return colors[order]

"""The stored neighbor graph: brought up to date at a cost like that of what changed, and equal to a rebuild.

Beside its neighbors the table keeps, for each item, the checksum of the vector that they were found with and a few
neighbors more than are shown. The first tells which items are new or have another vector, the second let items go
without a new search (`analysis.update_neighbors`). A graph of an older version has neither and is made anew once.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lookalike import analysis
from lookalike.options import MapOptions
from lookalike.pipeline.loading import load_vectors
from lookalike.records import Advance, Floats, Ints, Neighbors
from lookalike.store import Computed, Replace, Store, schema

GRAPH_K = 30
"""Neighbors kept of each item; three times the perplexity once a map asked for one."""
SPARE = 5
"""For every so many neighbors that are shown one more is kept."""
SHOWN = ["id", "rows", "distances"]
HASHED = 1_024
"""Vectors whose checksums one thread works out at a time."""


def graph_k(options: MapOptions) -> int:
    """Neighbors an item that a map with these options needs, whatever the number of items."""
    return max(GRAPH_K, analysis.neighbors_needed(None, options.perplexity))


def graph_is_ready(store: Store, k: int) -> bool:
    """Whether the stored graph belongs to the vectors as they are and holds at least `k` neighbors an item."""
    known = store.head.computed.get(schema.NEIGHBORS)
    return known is not None and store.head.is_current(schema.NEIGHBORS) and bool(known.options["k"] >= k)


def stored_neighbors(store: Store) -> Neighbors:
    """The graph as stored, which may be older than the items: (n, k), rows in the order of the ids then."""
    table = _by_id(store.read(schema.NEIGHBORS, SHOWN))
    return Neighbors(_padded(table["rows"], -1, np.int64), _padded(table["distances"], np.inf, np.float32))


def renew_neighbors(store: Store, k: int, advance: Advance | None = None, reading: Advance | None = None) -> Neighbors:
    """Bring the stored graph up to date with at least `k` neighbors an item, or make it; under `writing`.

    `reading` is told of the vectors that were read, `advance` of the items whose neighbors were found.
    """
    known = store.head.computed.get(schema.NEIGHBORS)
    before = known.options["k"] if known is not None else 0
    k = max(k, GRAPH_K, before)
    ids, vectors = load_vectors(store, reading)
    prints = fingerprints(vectors)
    wide = k + -(-k // SPARE)
    old = _kept(store) if before == k else None
    if old is None:
        found = analysis.nearest_neighbors(vectors, wide, progress=advance)
    else:
        old_ids, old_prints, graph = old
        source = pc.index_in(pa.array(ids, pa.string()), value_set=old_ids).fill_null(-1).to_numpy().astype(np.int64)
        same = source >= 0
        same[same] = (prints[same] == old_prints[source[same]]).all(axis=1)
        source[~same] = -1
        found = analysis.update_neighbors(_widened(graph, wide), vectors, source, k, progress=advance)
    shown = min(k, max(0, len(ids) - 1))
    rows = [
        pa.array(ids, pa.string()),
        _lists(found.ids[:, :shown], pa.int64()),
        _lists(found.distances[:, :shown], pa.float32()),
        _lists(found.ids[:, shown:], pa.int64(), found.ids[:, shown:] >= 0),
        _lists(found.distances[:, shown:], pa.float32(), found.ids[:, shown:] >= 0),
        pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(schema.FINGERPRINT), len(ids), [None, pa.py_buffer(prints.tobytes())]
        ),
    ]
    computed = Computed(of=store.head.vectors, options={"k": k})
    change = Replace(schema.NEIGHBORS, pa.table(rows, schema=schema.neighbors()))
    store.commit(f"{schema.NEIGHBORS} computed", [change], computed={schema.NEIGHBORS: computed})
    return Neighbors(found.ids[:, :shown], found.distances[:, :shown])


def fingerprints(vectors: Floats) -> npt.NDArray[np.uint8]:
    """(n, 16) uint8: the first half of SHA-256 of each vector's bytes, float32 and little-endian."""
    rows = np.ascontiguousarray(vectors, "<f4").view(np.uint8)

    def joined(span: tuple[int, int]) -> bytes:
        return b"".join(hashlib.sha256(row).digest()[: schema.FINGERPRINT] for row in rows[slice(*span)])

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(joined, [(start, start + HASHED) for start in range(0, len(rows), HASHED)]))
    return np.frombuffer(b"".join(parts), np.uint8).reshape(len(vectors), schema.FINGERPRINT)


def _kept(store: Store) -> tuple[pa.Array, npt.NDArray[np.uint8], Neighbors] | None:
    """Ids, fingerprints and the whole lists of the stored graph; None where an older version wrote it."""
    table = _by_id(store.read(schema.NEIGHBORS, schema.neighbors().names))
    if not len(table) or any(table[name].null_count for name in schema.ADDED[schema.NEIGHBORS]):
        return None
    parts = [
        np.hstack([_padded(table[shown], empty, kind), _padded(table[spare], empty, kind)])
        for shown, spare, empty, kind in (
            ("rows", "spare_rows", -1, np.int64),
            ("distances", "spare_distances", np.inf, np.float32),
        )
    ]
    column = table["fingerprint"].combine_chunks()
    prints = np.frombuffer(column.buffers()[1], np.uint8)[column.offset * schema.FINGERPRINT :]
    prints = prints[: len(table) * schema.FINGERPRINT].reshape(len(table), schema.FINGERPRINT)
    return table["id"].combine_chunks(), prints, Neighbors(*parts)


def _by_id(table: pa.Table) -> pa.Table:
    """The table in the order of its ids, in which it usually is."""
    order: Ints = pc.sort_indices(table["id"]).to_numpy().astype(np.int64)
    return table if (np.diff(order) == 1).all() else table.take(pa.array(order))


def _widened(graph: Neighbors, width: int) -> Neighbors:
    """The graph with unknown neighbors up to `width` of them."""
    lacking = ((0, 0), (0, max(0, width - graph.ids.shape[1])))
    return Neighbors(
        np.pad(graph.ids, lacking, constant_values=-1), np.pad(graph.distances, lacking, constant_values=np.inf)
    )


def _padded(column: pa.ChunkedArray, empty: float, kind: type[Any]) -> npt.NDArray[Any]:
    """Lists of different lengths as an array whose rows end in `empty`."""
    column = column.combine_chunks()
    counts: Ints = pc.list_value_length(column).to_numpy().astype(np.int64)
    width = int(counts.max(initial=0))
    if width and (counts == width).all():
        whole: npt.NDArray[Any] = pc.list_flatten(column).to_numpy().astype(kind, copy=False).reshape(-1, width)
        return whole
    out = np.full((len(counts), width), empty, kind)
    out[np.arange(out.shape[1]) < counts[:, None]] = pc.list_flatten(column).to_numpy()
    return out


def _lists(values: npt.NDArray[Any], kind: pa.DataType, there: npt.NDArray[np.bool_] | None = None) -> pa.ListArray:
    """An array as lists, of those values only that are `there`."""
    if there is None:
        there = np.ones(values.shape, bool)
    offsets: npt.NDArray[np.int32] = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values[there], kind))

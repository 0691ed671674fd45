"""What a catalog holds, put together for people: its facts, one table of everything, the data of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lookalike import pipeline
from lookalike.analysis import nearest_neighbors
from lookalike.catalog.view import View
from lookalike.options import ClusterOptions, MapOptions
from lookalike.records import Clusters, Layout, Neighbors, Progress
from lookalike.report.data import ReportData
from lookalike.store import Head, Store, schema


def info(store: Store) -> dict[str, Any]:
    """As in `lookalike info --json`. What was computed says whether it is `current`: not older than the items."""
    head = store.head
    columns = store.read(schema.METADATA, where="false").schema if head.rows.get(schema.METADATA) else ()
    return {
        "items": head.rows.get(schema.ITEMS, 0),
        "failed": head.rows.get(schema.FAILURES, 0),
        "model": head.model.name,
        "precision": head.model.precision,
        "device": head.model.device,
        "resize": head.model.resize,
        "dimension": head.model.dimension,
        "identity": head.model.identity,
        "weights": {"sha256": head.model.sha256, "published": head.model.published},
        "metadata": {field.name: str(field.type) for field in columns if field.name not in ("id", "path")},
        "neighbors": _computed(head, schema.NEIGHBORS),
        "clusters": _computed(head, schema.CLUSTERS),
        "map": _computed(head, schema.MAP),
        "whitening": _whitening(store),
        "approximate": _index(head),
        "adapted": _adapted(store),
        "bytes": store.size(),
        "version": head.version,
        "changed": head.at,
    }


def _whitening(store: Store) -> dict[str, Any] | None:
    fitted = store.head.computed.get(schema.WHITENING)
    return None if fitted is None else {**fitted.options, "outgrown": pipeline.is_outgrown(store)}


def _adapted(store: Store) -> dict[str, Any] | None:
    known = pipeline.adapted(store)
    if known is None:
        return None
    options = {name: value for name, value in known.options.items() if name != "fit"}
    fit = pipeline.whitening(store) if schema.WHITENING in store.head.computed else None
    in_use = fit is not None and pipeline.adapted_axes(store, fit) is not None
    return {**options, **known.results, "in_use": in_use}


def _index(head: Head) -> dict[str, Any] | None:
    made = head.computed.get("approximate")
    return None if made is None else {**made.options, **made.results, "current": head.is_current("approximate")}


def _computed(head: Head, name: str) -> dict[str, Any] | None:
    if name not in head.computed:
        return None
    computed = head.computed[name]
    shown = {key: value for key, value in computed.results.items() if key in ("k", "kept")}
    return {**computed.options, **shown, "current": head.is_current(name)}


def fingerprint(store: Store) -> dict[str, Any]:
    """The state of all that a report shows."""
    head = store.head
    return {
        "lookalike": version("lookalike"),
        "content": head.content,
        "clusters": _computed(head, schema.CLUSTERS),
        "map": _computed(head, schema.MAP),
    }


def export_table(view: View) -> pa.Table:
    """Everything as one table, in the order of ids; what was not computed, or is older, is null."""
    store, n = view.store, len(view.ids)
    items = store.read(schema.ITEMS, ["id", "path"]).sort_by("id")
    columns: dict[str, Any] = {"id": items["id"], "path": items["path"]}
    columns |= {name: view.metadata[name] for name in view.metadata.column_names}
    dimension = store.head.model.dimension
    columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(view.vectors.ravel()), dimension)
    positions = store.read(schema.MAP).sort_by("id") if store.head.is_current(schema.MAP) else None
    for axis in ("x", "y"):
        columns[axis] = positions[axis] if positions is not None else pa.nulls(n, pa.float32())
    clusters = store.read(schema.CLUSTERS).sort_by("id") if store.head.is_current(schema.CLUSTERS) else None
    columns["cluster"] = clusters["cluster"] if clusters is not None else pa.nulls(n, pa.int64())
    columns["neighbors"] = _neighbors_column(store, n)
    return pa.table(columns)


def _neighbors_column(store: Store, n: int) -> pa.Array:
    kind = pa.struct([("ids", pa.list_(pa.int64())), ("distances", pa.list_(pa.float32()))])
    if not store.head.is_current(schema.NEIGHBORS):
        return pa.nulls(n, kind)
    graph = store.read(schema.NEIGHBORS).sort_by("id").combine_chunks()
    parts = [graph[name].combine_chunks() for name in ("rows", "distances")]
    return pa.StructArray.from_arrays(parts, names=["ids", "distances"])


def report_data(view: View, title: str, where: str | None = None, *, progress: Progress | None = None) -> ReportData:
    """What a report of the whole catalog shows, or of the part of it for which `where` holds.

    A part is looked at on its own: its neighbors, clusters and map are computed among its items alone, with
    the options of the catalog's, and not stored.
    """
    rows = np.arange(len(view.ids)) if where is None else np.flatnonzero(view.mask(where))
    # An older version is read only, so what it lacks is computed as for a part.
    kept = where is None and not getattr(view.store, "pinned", False)
    found = _stored(view.store, progress) if kept else _alone(view, rows, progress)
    return ReportData(
        title=title,
        model=view.store.head.model.name,
        facts=view.store.head.model,
        ids=[view.ids[row] for row in rows],
        metadata={name: view.metadata[name].take(rows).to_pylist() for name in view.metadata.column_names},
        thumbnails=Thumbnails(view.store, [view.ids[row] for row in rows]),
        neighbors=found[0],
        clusters=found[1],
        layout=found[2],
        failed=view.store.head.rows.get(schema.FAILURES, 0),
        where=where,
    )


def _stored(store: Store, progress: Progress | None) -> tuple[Neighbors, Clusters, Layout]:
    return (
        pipeline.compute_neighbors(store, progress=progress),
        pipeline.compute_clusters(store, progress=progress),
        pipeline.compute_map(store, progress=progress),
    )


def _alone(view: View, rows: Any, progress: Progress | None) -> tuple[Neighbors, Clusters, Layout]:
    computed = view.store.head.computed
    asked = {name: computed[name].options for name in (schema.CLUSTERS, schema.MAP) if name in computed}
    sweep = ClusterOptions(**asked.get(schema.CLUSTERS, {}))
    if sweep.k is not None and sweep.k > len(rows):
        sweep = ClusterOptions(max_k=sweep.max_k, seed=sweep.seed)
    layout = MapOptions(**asked.get(schema.MAP, {}))
    vectors = view.vectors[rows]
    neighbors = nearest_neighbors(vectors, pipeline.graph_k(layout), progress=pipeline.step(progress, "neighbors"))
    return (
        neighbors,
        pipeline.clusters_of(vectors, sweep, progress=progress),
        pipeline.map_of(vectors, neighbors, layout, progress=progress),
    )


class Thumbnails(Sequence[bytes]):
    """The thumbnails of items, read from the store a few hundred at a time when they are asked for."""

    def __init__(self, store: Store, ids: Sequence[str], block: int = 512) -> None:
        self._store, self._ids, self._size = store, ids, block
        self._blocks: dict[int, list[bytes]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, row: int) -> bytes: ...
    @overload
    def __getitem__(self, row: slice) -> list[bytes]: ...
    def __getitem__(self, row: int | slice) -> bytes | list[bytes]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        block, place = divmod(int(row) % len(self), self._size)
        if block not in self._blocks:
            if len(self._blocks) >= 32:
                self._blocks.pop(next(iter(self._blocks)))
            self._blocks[block] = self._read(self._ids[block * self._size : (block + 1) * self._size])
        return self._blocks[block][place]

    def __iter__(self) -> Iterator[bytes]:
        return (self[row] for row in range(len(self)))

    def _read(self, ids: Sequence[str]) -> list[bytes]:
        table = self._store.read(schema.ITEMS, ["id", "thumbnail"], ids=ids)
        order = pc.index_in(pa.array(ids, pa.string()), value_set=table["id"].combine_chunks())
        found: list[bytes] = table["thumbnail"].take(order).to_pylist()
        return found

"""A catalog to look at: everything that a web page or a service shows of it, read only and never failing for age.

What was not computed, or is older than the items, is shown as such, with the command that mends it.
"""

from __future__ import annotations

import io
import shlex
import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from lookalike import analysis, images, pipeline
from lookalike.catalog import overview
from lookalike.catalog.catalog import Catalog
from lookalike.catalog.ranking import rank_items
from lookalike.catalog.view import View
from lookalike.errors import NotFound, UsageError
from lookalike.options import MAX_K, RankingOptions
from lookalike.pipeline import GRAPH_K
from lookalike.records import Clusters, Floats, Ints, Neighbors, Similar, Value
from lookalike.store import schema

PLACED_BY = 10
"""Look-alikes whose places give the place of a new photo."""
KEPT_GROUPINGS = 16
"""Other numbers of clusters that are kept once they were asked for."""
PER_SIDE = 16
"""Pictures side by side in a sheet, which is square."""


FACTS = ("id", "path", "width", "height", "format")
"""What is told of an item besides its metadata."""
KEPT_PICTURES = 64 << 20
"""Bytes of thumbnails, and of sheets of them, that stay in memory."""


class Kept:
    """Bytes by name, the newest up to `most` in all. Safe for many threads."""

    def __init__(self, most: int) -> None:
        self._most, self._size, self._lock = most, 0, threading.Lock()
        self._found: dict[Hashable, bytes] = {}

    def get(self, name: Hashable) -> bytes | None:
        """What was put there, or None."""
        return self._found.get(name)

    def put(self, name: Hashable, value: bytes) -> None:
        """Keep it; the oldest give way."""
        with self._lock:
            if name in self._found:
                return
            self._found[name] = value
            self._size += len(value)
            while self._size > self._most and len(self._found) > 1:
                self._size -= len(self._found.pop(next(iter(self._found))))


@dataclass(frozen=True, slots=True)
class State:
    """Whether a result is there: `state` is `current`, `older` (than the items) or `missing`."""

    state: str
    mend: str | None = None

    def as_json(self) -> dict[str, Any]:
        """`state`, and `mend`: the command that computes it anew, null where nothing is to be done."""
        return {"state": self.state, "mend": self.mend}


class Explorer:
    """One state of a catalog, for looking at it. Rows are items in the order of their ids. Safe for many threads."""

    def __init__(self, catalog: Catalog, title: str | None = None) -> None:
        self.catalog = catalog
        self.title = title or catalog.title()
        self._view: View = catalog.view()
        self._store = catalog.store
        self._regrouping = threading.Lock()
        self._groupings: dict[int, tuple[dict[str, Any], Ints]] = {}
        self._pictures, self._made = Kept(KEPT_PICTURES), Kept(KEPT_PICTURES)

    def warm(self) -> None:
        """Make ready what the first visitor would wait for: vectors, both faces of the metadata, the map, the model."""
        _ = self.info, self.points, self.columns, self.clusters, self._view.paths, self._facts
        for item in self.ids[:1]:
            self._view.space(RankingOptions()).searcher.prepare()
            self.search(self.thumbnail(item), RankingOptions(k=1))

    @property
    def version(self) -> int:
        """The catalog's version that is shown."""
        return self._store.head.version

    @property
    def ids(self) -> list[str]:
        """The n ids."""
        return self._view.ids

    @cached_property
    def metadata(self) -> pa.Table:
        """The metadata, one row an item; a catalog without any has no columns."""
        return self._view.metadata.combine_chunks()

    @property
    def written(self) -> str:
        """The catalog as one writes it in a command, in the folder that holds it."""
        folder = getattr(self._store, "folder", None)
        return "CATALOG" if folder is None else shlex.quote(str(getattr(folder, "name", folder)))

    def state(self, name: str) -> State:
        """How new `clusters` or `map` is."""
        mend = f"lookalike {'cluster' if name == schema.CLUSTERS else 'map'} {self.written}"
        if self._store.head.is_current(name):
            return State("current")
        return State("older" if name in self._store.head.computed else "missing", mend)

    @cached_property
    def info(self) -> dict[str, Any]:
        """As `lookalike info --json`, with the title, what the catalog is called in commands, and the states."""
        states = {name: self.state(name).as_json() for name in (schema.CLUSTERS, schema.MAP)}
        return {"title": self.title, "catalog": self.written, **overview.info(self._store), "states": states}

    @cached_property
    def positions(self) -> Floats:
        """(n, 2) float32, the map; NaN for an item without a place in it."""
        table = self._store.read(schema.MAP)
        return np.column_stack([self._aligned(table, axis, np.float32) for axis in ("x", "y")])

    @cached_property
    def labels(self) -> Ints:
        """(n,) int64, the cluster of each item, -1 for none."""
        found = self._aligned(self._store.read(schema.CLUSTERS), "cluster", np.float64)
        labels: Ints = np.nan_to_num(found, nan=-1).astype(np.int64)
        return labels

    def _aligned(self, table: pa.Table, column: str, kind: Any) -> Any:
        place = pc.index_in(pa.array(self.ids, pa.string()), value_set=table["id"].combine_chunks())
        return table[column].take(place).to_numpy().astype(kind) if len(table) else np.full(len(self.ids), np.nan, kind)

    @cached_property
    def clusters(self) -> dict[str, Any]:
        """As `lookalike cluster --json`, with its state. `sizes` count the items that are still there."""
        state = self.state(schema.CLUSTERS).as_json()
        if state["state"] == "missing":
            lists: dict[str, Any] = {name: [] for name in ("inertia", "sizes", "representatives", "exemplars")}
            return {
                **state,
                "swept": 0,
                "chosen": None,
                "evidence": None,
                "reach": None,
                "k": 0,
                "elbow": None,
                **lists,
            }
        then = self._store.read(schema.CLUSTERS, ["id"]).sort_by("id")["id"].to_pylist()
        told = self._clusters.as_json(then)
        sizes = np.bincount(self.labels[self.labels >= 0], minlength=told["k"])
        swept = pipeline.swept(self._store)
        shown: dict[str, Any] = _finite({**state, "swept": swept, **told, "sizes": sizes.tolist()})
        return shown

    @cached_property
    def _clusters(self) -> Clusters:
        return pipeline.stored_clusters(self._store)

    def grouped(self, k: int | None = None) -> tuple[dict[str, Any], Ints]:
        """`clusters` and `labels` for another `k` of the stored sweep (None: the k in use); the last few are kept.

        Raises `UsageError` for a k that the sweep does not have, and where no clusters are stored.
        """
        if k is None or k == self.clusters["k"]:
            return self.clusters, self.labels
        with self._regrouping:
            if k not in self._groupings:
                if not self.clusters["k"]:
                    raise UsageError(f"k={k} is not there: no clusters were computed; run `lookalike cluster` first")
                found, labels = pipeline.regroup(self._store, self._clusters, self.ids, self._view.vectors, k)
                told = _finite({**self.clusters, **found.as_json(self.ids)})
                self._groupings[k] = told, labels
                if len(self._groupings) > KEPT_GROUPINGS:
                    del self._groupings[next(iter(self._groupings))]
            return self._groupings[k]

    @cached_property
    def _spread(self) -> tuple[Ints, float, Ints]:
        """Level and slot of the picture of each row, and the room of a picture of level 0."""
        placed = np.isfinite(self.positions[:, 0] + self.positions[:, 1])
        levels = np.full(len(self.ids), 255, np.int64)
        levels[placed], room = analysis.spread_levels(self.positions[placed])
        slots = np.empty(len(levels), np.int64)
        order = analysis.picture_order(levels, np.where(placed[:, None], self.positions, 0))
        slots[order] = np.arange(len(order))
        return levels, room, slots

    @property
    def room(self) -> float:
        """The room of a picture of level 0, in the units of the map."""
        return self._spread[1]

    @cached_property
    def points(self) -> bytes:
        """The map for a page, little-endian, one array after the other, each with one value an item: x and y
        (float32, NaN: no place), cluster (int32, -1: none), slot of the picture in the sheets (uint32), level (uint8,
        255: no place; see `analysis.spread_levels`).
        """
        levels, _, slots = self._spread
        arrays = [self.positions[:, 0].astype("<f4"), self.positions[:, 1].astype("<f4")]
        arrays += [self.labels.astype("<i4"), slots.astype("<u4"), levels.astype("u1")]
        return b"".join(array.tobytes() for array in arrays)

    @cached_property
    def columns(self) -> dict[str, Any]:
        """Ids and metadata by column: numbers as `values`; all else as `labels` and `codes` (-1: none)."""
        shown: list[dict[str, Any]] = []
        for name in self.metadata.column_names:
            column = self.metadata[name].combine_chunks()
            kind = column.type
            if pa.types.is_integer(kind) or pa.types.is_floating(kind):
                values = [_plain(value) for value in column.to_pylist()]
                shown.append({"name": name, "kind": "number", "values": values})
                continue
            coded = column.cast(pa.string()).dictionary_encode()
            codes = pc.fill_null(coded.indices, -1).to_pylist()
            shown.append({"name": name, "kind": "text", "labels": coded.dictionary.to_pylist(), "codes": codes})
        return {"ids": self.ids, "columns": shown}

    def items(self, offset: int, limit: int) -> dict[str, Any]:
        """`total` and the `items` from `offset` on, `limit` at most."""
        return {"total": len(self.ids), "items": self._described(range(len(self.ids))[offset : offset + limit])}

    def item(self, item: str) -> dict[str, Any]:
        """One item; raises `NotFound` for an id that is not there."""
        return self._described([self.row(item)])[0]

    def row(self, item: str) -> int:
        """The row of an id; raises `NotFound`. An id is only ever looked up: it names no file."""
        row = self._view.rows.get(item)
        if row is None:
            raise NotFound(f"there is no item {item[:200]!r}: /api/items lists the ids")
        return row

    @cached_property
    def _facts(self) -> pa.Table:
        """Path, size and format of each row."""
        table = self._store.read(schema.ITEMS, list(FACTS))
        place = pc.index_in(pa.array(self.ids, pa.string()), value_set=table["id"].combine_chunks())
        return table.take(place).combine_chunks()

    def _described(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        at = pa.array(list(rows), pa.int64())
        facts = self._facts.take(at).select(list(FACTS)).to_pylist()
        metadata = self.metadata.take(at).to_pylist() if self.metadata.column_names else [{} for _ in rows]
        return [
            {
                **own,
                "metadata": {name: _plain(value) for name, value in values.items()},
                "cluster": int(self.labels[row]) if self.labels[row] >= 0 else None,
                "x": _plain(float(self.positions[row, 0])),
                "y": _plain(float(self.positions[row, 1])),
            }
            for row, own, values in zip(rows, facts, metadata, strict=True)
        ]

    @cached_property
    def graph(self) -> Neighbors:
        """The 30 most alike of every item by the default ranking. Found now, exactly; nothing is stored."""
        return rank_items(self._view, RankingOptions(k=GRAPH_K))

    @property
    def scale(self) -> float:
        """The distance at which a score of the default ranking is one half."""
        return self._view.space(RankingOptions()).scale

    def table(self, ids: Sequence[str]) -> pa.Table:
        """Some items as `lookalike export` writes all: id, path, the metadata, vector, x, y, cluster; no neighbors.

        Raises `NotFound` if one of them is not there. What has no place or cluster is null.
        """
        rows = np.array([self.row(item) for item in ids], np.int64)
        paths = self._store.read(schema.ITEMS, ["id", "path"])
        at = pc.index_in(pa.array(ids, pa.string()), value_set=paths["id"].combine_chunks())
        columns: dict[str, Any] = {"id": pa.array(ids, pa.string()), "path": paths["path"].take(at)}
        columns |= {name: self.metadata[name].take(rows) for name in self.metadata.column_names}
        vectors = self._view.vectors[rows]
        columns["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), self._view.vectors.shape[1])
        for axis, name in enumerate(("x", "y")):
            columns[name] = pa.array(self.positions[rows, axis], mask=~np.isfinite(self.positions[rows, axis]))
        columns["cluster"] = pa.array(self.labels[rows], mask=self.labels[rows] < 0)
        return pa.table(columns)

    def similar(self, item: str, options: RankingOptions) -> Similar:
        """The look-alikes of an item; raises `NotFound` for an id that is not there."""
        return self.catalog.ask(self.ids[self.row(item)], options)

    def search(self, photo: bytes, options: RankingOptions) -> tuple[Similar, tuple[float, float] | None]:
        """The look-alikes of a new photo, and its place on the map: the mean of its look-alikes' places, the nearer
        the weightier. None where none of them has a place.
        """
        wider = replace(options, k=min(max(options.k, PLACED_BY), MAX_K), diverse=False)
        found = self.catalog.ask(photo, wider, decoder=images.WORKERS)
        near = [hit for hit in found.results[:PLACED_BY] if np.isfinite(self.positions[self._view.rows[hit.id]]).all()]
        place = None
        if near:
            weights = np.array([1 / (hit.distance**2 + 1e-9) for hit in near])
            mean = np.average([self.positions[self._view.rows[hit.id]] for hit in near], axis=0, weights=weights)
            place = float(mean[0]), float(mean[1])
        if options.diverse:
            return self.catalog.ask(photo, options, decoder=images.WORKERS), place
        return replace(found, results=found.results[: options.k]), place

    def thumbnail(self, item: str) -> bytes:
        """The thumbnail (JPEG) of an item; the last 64 MiB of them are kept in memory."""
        known = self._pictures.get(item)
        if known is None:
            known = self.catalog.thumbnails([self.ids[self.row(item)]])[0]
            self._pictures.put(item, known)
        return known

    def seen_thumbnail(self, item: str) -> bytes | None:
        """As `thumbnail` if it is in memory, else None."""
        return self._pictures.get(item)

    @cached_property
    def _slots(self) -> Ints:
        return np.argsort(self._spread[2])

    @property
    def sheets(self) -> int:
        """How many sheets hold all pictures."""
        return -(-len(self.ids) // PER_SIDE**2)

    def made_sheet(self, number: int) -> bytes | None:
        """As `sheet` if it is in memory, where the last 64 MiB of them are kept, else None."""
        return self._made.get(number)

    def sheet(self, number: int) -> bytes:
        """A sheet as a page shows it: squares of 64 pixels, JPEG."""
        known = self._made.get(number)
        if known is None:
            known = self.draw_sheet(number, 64, "JPEG", 80)
            self._made.put(number, known)
        return known

    def draw_sheet(self, number: int, side: int, format: str, quality: int) -> bytes:
        """The pictures of 256 slots in one, 16 by 16 from the top left, each in the middle of a square of `side`."""
        if not 0 <= number < self.sheets:
            raise NotFound(f"there is no sheet {number}: there are {self.sheets}, counted from 0")
        rows = self._slots[number * PER_SIDE**2 : (number + 1) * PER_SIDE**2]
        ids = [self.ids[row] for row in rows]
        high = -(-len(rows) // PER_SIDE) * side
        paper = Image.new("RGB", (PER_SIDE * side, high), "white")
        for place, (item, picture) in enumerate(zip(ids, self.catalog.thumbnails(ids), strict=True)):
            self._pictures.put(item, picture)
            with Image.open(io.BytesIO(picture)) as photo:
                photo.draft("RGB", (side, side))
                scale = side / max(photo.size)
                size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
                small = photo.convert("RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
            x, y = place % PER_SIDE * side, place // PER_SIDE * side
            paper.paste(small, (x + (side - size[0]) // 2, y + (side - size[1]) // 2))
        buffer = io.BytesIO()
        paper.save(buffer, format, quality=quality)
        return buffer.getvalue()


def plain(values: Mapping[str, Value]) -> dict[str, Value]:
    """Values as JSON knows them: numbers that are not finite are null."""
    return {name: _plain(value) for name, value in values.items()}


def _finite(value: Any) -> Any:
    """Numbers that JSON does not know become null, however deep they lie."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)

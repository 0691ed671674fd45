"""A catalog's items as arrays in the order of their ids, read once for each state of the vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.analysis import Field, Preferences, Searcher, Whitening, make_field, typical_distance
from lookalike.errors import UsageError
from lookalike.pipeline import load_colors, load_vectors, whitening
from lookalike.records import Floats, Value
from lookalike.store import Store, schema

KEYS = ("id", "path")
CLOSE_COLORS, CLOSE_ANYWHERE = 0.1, 0.5
"""The share of all pairs of items whose colors are called similar, and the distance that is similar in any catalog."""


@dataclass(frozen=True)
class Space:
    """The items' `points` (n, k) float32 as a ranking sees them, and what makes a vector a point (None: nothing)."""

    points: Floats
    change: Whitening | None = None

    def point(self, vector: Floats) -> Floats:
        """A vector (d,) as a point (k,)."""
        return vector if self.change is None else self.change.apply(vector[None, :])[0]

    @cached_property
    def searcher(self) -> Searcher:
        """Exact search among the points."""
        return Searcher(self.points)

    @cached_property
    def scale(self) -> float:
        """The distance at which a score is one half: typical of an item and its nearest, from 100 items."""
        n = len(self.points)
        sample = np.unique(np.linspace(0, n - 1, 100).astype(np.int64)) if n else np.zeros(0, np.int64)
        return typical_distance(self.searcher.nearest(self.points[sample], 1, exclude=sample))


@dataclass(frozen=True)
class View:
    """Items of one state of a catalog, row by row in the order of ids."""

    store: Store

    @cached_property
    def _loaded(self) -> tuple[list[str], Floats]:
        return load_vectors(self.store)

    @property
    def ids(self) -> list[str]:
        """The n ids."""
        return self._loaded[0]

    @property
    def vectors(self) -> Floats:
        """(n, d) float32."""
        return self._loaded[1]

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of an id."""
        return {item: row for row, item in enumerate(self.ids)}

    @cached_property
    def stems(self) -> Mapping[str, int]:
        """The row of a file's name without its ending, where only one file has it; -1 where several do."""
        found: dict[str, int] = {}
        for row, item in enumerate(self.ids):
            stem = PurePosixPath(item).stem
            found[stem] = -1 if stem in found else row
        return found

    @cached_property
    def _whitening(self) -> Whitening:
        return whitening(self.store, self.vectors)

    @cached_property
    def colors(self) -> Floats:
        """The (n, 216) color vectors; NaN where an older catalog lacks one."""
        return load_colors(self.store)

    @cached_property
    def _fields(self) -> dict[str, Field]:
        return {}

    def field(self, name: str) -> Field:
        """A metadata column as gaps between items; raises `UsageError` for one that is not there."""
        if name not in self._fields:
            self._fields[name] = make_field(name, self.labels(name))
        return self._fields[name]

    @cached_property
    def telling(self) -> list[str]:
        """The metadata columns that say something of several items: not those with a value for nearly each."""
        found = []
        for name in self.metadata.column_names:
            known = self.metadata[name].drop_null()
            is_number = pa.types.is_integer(known.type) or pa.types.is_floating(known.type)
            if len(known) and (is_number or 2 * pc.count_distinct(known).as_py() <= len(self.ids)):
                found.append(name)
        return found

    @cached_property
    def _close_colors(self) -> float:
        """The distance of color vectors below which a tenth of all pairs lie, from 300 items; 0.5 at least."""
        known = self.colors[~np.isnan(self.colors[:, 0])] if len(self.ids) else self.colors
        some = known[np.unique(np.linspace(0, len(known) - 1, 300).astype(np.int64))] if len(known) else known
        apart = np.sqrt(np.maximum(2 - 2 * some @ some.T, 0))[np.triu_indices(len(some), 1)]
        return max(CLOSE_ANYWHERE, float(np.quantile(apart, CLOSE_COLORS)) if len(apart) else 0.0)

    def similar_colors(self, query: int, rows: Sequence[int]) -> list[bool]:
        """Whether the product's own colors are among the nearest to the query's, for each of `rows`."""
        apart = np.linalg.norm(self.colors[list(rows)] - self.colors[query], axis=1)
        return [bool(gap <= self._close_colors) for gap in apart]

    def preferences(self, prefer: Sequence[tuple[str, float]], space: Space) -> Preferences:
        """What fields add to distances in `space`; the unit is the distance at which a score is one half."""
        fields = tuple(self.field(name) for name, _ in prefer)
        return Preferences(fields, tuple(weight for _, weight in prefer), space.scale or 1.0)

    @cached_property
    def _spaces(self) -> dict[str, Space]:
        return {}

    def space(self, ranking: str) -> Space:
        """Where a ranking measures distances; made when it is first asked for."""
        if ranking not in self._spaces:
            change = None if ranking == "euclidean" else self._whitening
            self._spaces[ranking] = Space(self.vectors if change is None else change.apply(self.vectors), change)
        return self._spaces[ranking]

    @cached_property
    def metadata(self) -> pa.Table:
        """The metadata, aligned to the rows; without the keys `id` and `path`."""
        table = self.store.read(schema.METADATA)
        found = pc.index_in(pa.array(self.ids, pa.string()), value_set=table["id"].combine_chunks())
        return table.take(found).drop_columns(list(KEYS))

    def labels(self, name: str) -> list[Value]:
        """The values of a metadata column, one a row; raises `UsageError` for a column that is not there."""
        if name not in self.metadata.column_names:
            known = ", ".join(self.metadata.column_names) or "none: give some with `index --metadata TABLE`"
            raise UsageError(f"there is no metadata column {name!r}; columns: {known}")
        values: list[Value] = self.metadata[name].to_pylist()
        return values

    def mask(self, where: str) -> npt.NDArray[np.bool_]:
        """(n,) whether the SQL expression `where` holds for each row."""
        passing = self.store.read(schema.METADATA, ["id"], where=where)["id"].combine_chunks()
        mask: npt.NDArray[np.bool_] = pc.is_in(pa.array(self.ids, pa.string()), value_set=passing).to_numpy(
            zero_copy_only=False
        )
        return mask

    def described(self, rows: Sequence[int]) -> dict[int, tuple[str, dict[str, Value]]]:
        """The path and the metadata of a few rows."""
        ids = [self.ids[row] for row in rows]
        paths = {row["id"]: row["path"] for row in self.store.read(schema.ITEMS, list(KEYS), ids=ids).to_pylist()}
        found: dict[str, dict[str, Any]] = {}
        for row in self.store.read(schema.METADATA, ids=ids).to_pylist():
            found[row["id"]] = {name: value for name, value in row.items() if name not in KEYS}
        return {row: (paths[self.ids[row]], found.get(self.ids[row], {})) for row in rows}

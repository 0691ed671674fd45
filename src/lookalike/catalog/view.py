"""A catalog's items as arrays in the order of their ids, read once for each state of the vectors."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lookalike.analysis import (
    Colorless,
    Field,
    Penalties,
    Searcher,
    Whitening,
    adapt_points,
    make_field,
    mix,
    typical_distance,
)
from lookalike.errors import UsageError
from lookalike.options import RankingOptions
from lookalike.pipeline import (
    adapted,
    adapted_axes,
    colorless,
    default_color,
    half,
    is_indexed,
    load_colors,
    load_ids,
    load_outlines,
    load_points,
    load_vectors,
    looks_kept,
    looks_of,
    measure,
    whitening,
)
from lookalike.records import Doubles, Estimate, Floats, Ints, Value
from lookalike.store import Store, schema

KEYS = ("id", "path")
CLOSE_COLORS, CLOSE_ANYWHERE = 0.1, 0.5
"""The share of all pairs of items whose colors are called similar, and the distance that is similar in any catalog."""
KEPT = 4
"""Spaces that are kept ready: a slider moved to and fro must not fill the memory."""


@dataclass(frozen=True)
class Space:
    """The items' `points` (n, k) float32 as a ranking sees them, and what makes a photo a point.

    `change` (None: nothing) is done to its vector; `colorless` (None: nothing) takes out what color does but for the
    share `kept`; then comes the map `adapted`, where one was learned, and its color vector is mixed in with the share
    `color`.
    """

    points: Floats
    change: Whitening | None = None
    color: float = 0.0
    adapted: Doubles | None = None
    colorless: Colorless | None = None
    kept: float = 1.0

    def looks(self, looks: Floats) -> Floats:
        """What `change` makes of vectors, (n, k), as it is measured before color is mixed in."""
        if self.colorless is not None:
            looks = self.colorless.apply(looks, self.kept)
        return looks if self.adapted is None else adapt_points(looks, self.adapted)

    def point(self, vector: Floats, color: Floats, outline: Floats) -> Floats:
        """A vector (d,), a color vector (216,) and an outline (64,) as a point (k,)."""
        if self.change is None:
            return vector
        looks = self.looks(looks_of(self.change, vector[None, :], outline[None, :], color[None, :]))
        point: Floats = mix(looks, color[None, :], self.color)[0]
        return point

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
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @cached_property
    def ids(self) -> list[str]:
        """The n ids."""
        return load_ids(self.store)

    @cached_property
    def vectors(self) -> Floats:
        """(n, d) float32."""
        return load_vectors(self.store)[1]

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
        return whitening(self.store)

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
        known = self._colors
        if known is None or len(known) < 2:
            return CLOSE_ANYWHERE
        some = known[np.unique(np.linspace(0, len(known) - 1, 300).astype(np.int64))]
        apart = np.sqrt(np.maximum(2 - 2 * some @ some.T, 0))[np.triu_indices(len(some), 1)]
        return max(CLOSE_ANYWHERE, float(np.quantile(apart, CLOSE_COLORS)))

    def similar_colors(self, query: int, rows: Sequence[int]) -> list[bool]:
        """Whether the product's own colors are among the nearest to the query's, for each of `rows`."""
        if self._colors is None:
            return [False] * len(rows)
        apart = np.linalg.norm(self._colors[list(rows)] - self._colors[query], axis=1)
        return [bool(gap <= self._close_colors) for gap in apart]

    def penalties(self, prefer: Sequence[tuple[str, float]], space: Space) -> Penalties:
        """What fields add to distances in `space`; the unit is the distance at which a score is one half."""
        fields = tuple(self.field(name) for name, _ in prefer)
        return Penalties(fields, tuple(weight for _, weight in prefer), space.scale or 1.0)

    @cached_property
    def plain_looks(self) -> Floats:
        """(n, k) what the default ranking makes of the vectors before labels or colors have a say."""
        fit, vectors = self._whitening, self.vectors
        outlines = load_outlines(self.store) if len(fit.mean) > vectors.shape[1] else None
        return looks_of(fit, vectors, outlines, self._colors)

    @cached_property
    def _axes(self) -> Doubles | None:
        return adapted_axes(self.store, self._whitening)

    @cached_property
    def _colorless(self) -> Colorless | None:
        return colorless(self.store, self._whitening)

    def _kept(self, color: float) -> float:
        """How much of what color does to looks stays: all of it from the default's share of color on, none at 0.

        All, too, where the default ranking has no color: there a share of 0 is the default.
        """
        usual = default_color(self.store)
        if color >= usual or self._colors is None or self._colorless is None:
            return 1.0
        return looks_kept(color, usual)

    @cached_property
    def _white(self) -> Floats:
        return self.plain_looks if self._axes is None else adapt_points(self.plain_looks, self._axes)

    @property
    def fit(self) -> Whitening:
        """What the default ranking fitted."""
        return self._whitening

    def adapted(self, options: RankingOptions) -> tuple[str, ...]:
        """The labels that the map in use was learned from; none without a map, or with another ranking."""
        known = adapted(self.store)
        if known is None or options.ranking == "euclidean" or self._axes is None:
            return ()
        return tuple(known.options["labels"])

    def held_out(self, options: RankingOptions) -> npt.NDArray[np.bool_] | None:
        """(n,) the items that the map in use was not learned from; None where no map is in use."""
        known = adapted(self.store)
        return None if known is None or not self.adapted(options) else ~half(self.ids, int(known.options["seed"]))

    def colored(self, points: Floats, rows: Ints, options: RankingOptions) -> Floats:
        """Looks of some rows with their colors mixed in, by the share that `options` say."""
        return _mixed(points, self._tints(rows), self.color(options))

    @cached_property
    def _colors(self) -> Floats | None:
        """The color vectors; the mean of the others where an older catalog lacks one."""
        colors = load_colors(self.store)
        known = ~np.isnan(colors[:, 0])
        if not known.any():
            return None
        colors[~known] = colors[known].mean(axis=0)
        return colors

    def color(self, options: RankingOptions) -> float:
        """The share of color in a ranking, 0 to 1. Raises `UsageError` where it is asked for and there is none."""
        if options.ranking == "euclidean" or (options.color is None and not default_color(self.store)):
            return 0.0
        if options.color is None:
            return default_color(self.store) if self._colors is not None else 0.0
        if options.color > 0 and self._colors is None and self.ids:
            raise UsageError(
                f"color={options.color:g} needs color vectors, which this catalog was made without: leave it out, or "
                "index the photos into a new catalog"
            )
        return options.color if self._colors is not None else 0.0

    @cached_property
    def _spaces(self) -> OrderedDict[tuple[str, float], Space]:
        return OrderedDict()

    def space(self, options: RankingOptions) -> Space:
        """Where a ranking measures distances; made when it is first asked for, the last few are kept."""
        key = options.ranking, self.color(options)
        with self._lock:
            if key not in self._spaces:
                self._spaces[key] = self._made(*key)
            self._spaces.move_to_end(key)
            if len(self._spaces) > KEPT:
                self._spaces.popitem(last=False)
            return self._spaces[key]

    def _made(self, ranking: str, color: float) -> Space:
        if ranking == "euclidean":
            return Space(self.vectors)
        # The first space is made block by block. Another is a slider moved: from then on the looks of all are kept.
        first = self.ids and not self._spaces and "plain_looks" not in self.__dict__
        kept = self._kept(color)
        empty = Space(np.empty((0, 0), np.float32), self._whitening, color, self._axes, None, kept)
        if kept < 1:
            empty = replace(empty, colorless=self._colorless)
        if first:
            points = load_points(self.store, partial(self._block, empty))
        else:
            points = _mixed(self._white if kept == 1 else empty.looks(self.plain_looks), self._colors, color)
        return replace(empty, points=points)

    def _block(self, space: Space, rows: Ints, vectors: Floats, outlines: Floats) -> Floats:
        """Points of some rows, as they belong into `space`, from what is stored of them."""
        colors = self._tints(rows)
        return _mixed(space.looks(looks_of(self._whitening, vectors, outlines, colors)), colors, space.color)

    def _tints(self, rows: Ints) -> Floats | None:
        """The color vectors of some rows, None where there are none."""
        return None if self._colors is None else self._colors[rows]

    @cached_property
    def _receipts(self) -> dict[int, Estimate]:
        return {}

    def receipt(self, options: RankingOptions) -> Estimate | None:
        """Recall at k of the index as it is, measured on 50 items when it is first asked for; None: exact answers."""
        if not options.approximate or not is_indexed(self.store):
            return None
        with self._lock:
            known = self._receipts.get(options.k)
        if known is None:
            searcher = self.space(options).searcher
            known = self._receipts[options.k] = measure(self.store, self.rows, self.vectors, searcher, options.k)
        return known

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

    @cached_property
    def paths(self) -> list[str]:
        """The path of each row."""
        table = self.store.read(schema.ITEMS, list(KEYS))
        at = pc.index_in(pa.array(self.ids, pa.string()), value_set=table["id"].combine_chunks())
        found: list[str] = table["path"].take(at).to_pylist()
        return found

    def described(self, rows: Sequence[int]) -> dict[int, tuple[str, dict[str, Value]]]:
        """The path and the metadata of a few rows: from memory where both are there, else read for these rows."""
        if {"paths", "metadata"} <= self.__dict__.keys():
            said = self.metadata.take(pa.array(rows, pa.int64())).to_pylist() if self.metadata.column_names else []
            return {row: (self.paths[row], said[place] if said else {}) for place, row in enumerate(rows)}
        ids = [self.ids[row] for row in rows]
        paths = {row["id"]: row["path"] for row in self.store.read(schema.ITEMS, list(KEYS), ids=ids).to_pylist()}
        found: dict[str, dict[str, Any]] = {}
        for row in self.store.read(schema.METADATA, ids=ids).to_pylist():
            found[row["id"]] = {name: value for name, value in row.items() if name not in KEYS}
        return {row: (paths[self.ids[row]], found.get(self.ids[row], {})) for row in rows}


def _mixed(looks: Floats, colors: Floats | None, share: float) -> Floats:
    """Looks with the share of the colors of the same rows mixed in, where there are any."""
    return looks if share == 0 or colors is None else mix(looks, colors, share)

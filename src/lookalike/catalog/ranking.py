"""Which items look like a query: the exact k best among those that may be shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lookalike.analysis import nearest_neighbors
from lookalike.catalog.view import View
from lookalike.errors import UsageError
from lookalike.options import RankingOptions
from lookalike.pipeline import GRAPH_K, compute_neighbors, step
from lookalike.records import Floats, Ints, Neighbors, Progress, Value

BLOCK = 1_024
"""Queries that are answered together."""


def rank_items(view: View, options: RankingOptions, *, progress: Progress | None = None) -> Neighbors:
    """The k nearest of every item, itself left out. Rows with fewer hold -1 and infinity at their end.

    Plain distance without filters is answered by the stored graph, which is computed where it is missing or older
    than the items. All else searches all items.
    """
    is_plain = options.where is None and not options.same
    if is_plain and options.ranking == "euclidean" and options.k <= GRAPH_K:
        graph = compute_neighbors(view.store, progress=progress)
        return Neighbors(graph.ids[:, : options.k], graph.distances[:, : options.k])
    space = view.space(options)
    if is_plain:
        return nearest_neighbors(space.points, options.k, progress=step(progress, "recommend"))
    everything = np.arange(len(view.ids))
    ids = np.full((len(everything), options.k), -1, np.int64)
    distances = np.full(ids.shape, np.inf, np.float32)
    done = 0
    for queries, allowed in _groups(view, options, everything):
        for start in range(0, len(queries), BLOCK):
            part = queries[start : start + BLOCK]
            found = space.searcher.nearest(space.points[part], options.k, allowed=allowed, exclude=part, threads=None)
            width = found.ids.shape[1]
            ids[part, :width], distances[part, :width] = found.ids, found.distances
            done += len(part)
            if progress:
                progress("recommend", done, len(everything))
    return Neighbors(ids, distances)


def rank_row(view: View, row: int, options: RankingOptions) -> Neighbors:
    """The k nearest of one item, (1, k) or fewer, itself left out."""
    query = np.array([row])
    ((_, allowed),) = _groups(view, options, query)
    space = view.space(options)
    return space.searcher.nearest(space.points[query], options.k, allowed=allowed, exclude=query)


def rank_photo(view: View, vector: Floats, color: Floats, options: RankingOptions) -> Neighbors:
    """The k nearest of a photo that is no item's, by its vector and its color vector; (1, k) or fewer."""
    if options.same:
        raise UsageError(
            f"same={','.join(options.same)} needs a query that is an item: a photo has no metadata to compare; "
            "give an id, or say what you want with where"
        )
    allowed = None if options.where is None else view.mask(options.where)
    space = view.space(options)
    return space.searcher.nearest(space.point(vector, color)[None, :], options.k, allowed=allowed)


def _groups(view: View, options: RankingOptions, rows: Ints) -> Iterator[tuple[Ints, npt.NDArray[np.bool_] | None]]:
    """Queries that may be shown the same items, and those items. A query without the value is not bound by it."""
    allowed = None if options.where is None else view.mask(options.where)
    if not options.same:
        yield rows, allowed
        return
    columns = [view.labels(name) for name in options.same]
    keys: list[tuple[Value, ...]] = list(zip(*columns, strict=True))
    members: dict[tuple[Value, ...], list[int]] = {}
    for row in rows:
        members.setdefault(keys[row], []).append(int(row))
    arrays = [np.array(column, dtype=object) for column in columns]
    for key, queries in members.items():
        same = np.ones(len(view.ids), bool) if allowed is None else allowed.copy()
        for value, column in zip(key, arrays, strict=True):
            if value is not None:
                same &= column == value
        yield np.array(queries), same


def hits(neighbors: Neighbors, row: int = 0) -> Sequence[tuple[int, float]]:
    """The rows and distances that one query found, without the padding."""
    pairs = zip(neighbors.ids[row].tolist(), neighbors.distances[row].tolist(), strict=True)
    return [(item, distance) for item, distance in pairs if item >= 0]

"""Which items look like a query: the exact k best among those that may be shown; about the best only on request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.analysis import nearest_neighbors, nearest_preferred
from lookalike.catalog.varying import pool, vary
from lookalike.catalog.view import Space, View
from lookalike.errors import LookalikeError, UsageError
from lookalike.options import RankingOptions
from lookalike.pipeline import GRAPH_K, compute_index, compute_neighbors, is_indexed, nearly_nearest, step
from lookalike.records import Diversity, Floats, Ints, Neighbors, Progress, Value
from lookalike.store import Store

BLOCK = 1_024
"""Queries that are answered together."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What one query found, and, where results that differ were asked for, what that cost."""

    neighbors: Neighbors
    diverse: Diversity | None = None


def asked_for(
    *,
    k: int,
    ranking: str,
    color: float | None,
    where: str | None,
    same: Sequence[str],
    prefer: Mapping[str, float] | None,
    diverse: bool,
    approximate: bool = False,
) -> RankingOptions:
    """The options of a ranking from what users of `Catalog` give."""
    return RankingOptions(
        k=k,
        ranking=ranking,
        color=color,
        where=where,
        same=tuple(same),
        prefer=tuple((prefer or {}).items()),
        diverse=diverse,
        approximate=approximate,
    )


def rank_items(view: View, options: RankingOptions, *, progress: Progress | None = None) -> Neighbors:
    """The k nearest of every item, itself left out. Rows with fewer hold -1 and infinity at their end.

    Plain distance without filters is answered by the stored graph, which is computed where it is missing or older
    than the items. All else searches all items.
    """
    if options.diverse:
        found = rank_items(view, pool(options), progress=progress)
        return vary(view.space(options), found, options)[0]
    if options.approximate and is_indexed(view.store):
        return _all_nearly(view, options, progress)
    is_plain = options.where is None and not options.same and not options.prefer
    stored = not getattr(view.store, "pinned", False)  # of an older version no graph can be kept
    if stored and is_plain and options.ranking == "euclidean" and options.k <= GRAPH_K:
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
            found = _nearest(view, space, part, options, allowed, threads=None)
            width = found.ids.shape[1]
            ids[part, :width], distances[part, :width] = found.ids, found.distances
            done += len(part)
            if progress:
                progress("recommend", done, len(everything))
    return Neighbors(ids, distances)


def _all_nearly(view: View, options: RankingOptions, progress: Progress | None) -> Neighbors:
    """As `rank_items`, by the approximate index."""
    parts = []
    for start in range(0, len(view.ids), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(view.ids)))
        parts.append(nearly_nearest(view.store, view.rows, view.vectors, view.vectors[rows], options.k, rows))
        if progress:
            progress("recommend", int(rows[-1]) + 1, len(view.ids))
    return Neighbors(np.concatenate([part.ids for part in parts]), np.concatenate([part.distances for part in parts]))


def rank_row(view: View, row: int, options: RankingOptions) -> Ranked:
    """The k nearest of one item, (1, k) or fewer, itself left out."""
    query = np.array([row])
    if options.approximate and is_indexed(view.store):
        return Ranked(nearly_nearest(view.store, view.rows, view.vectors, view.vectors[query], options.k, query))
    ((_, allowed),) = _groups(view, options, query)
    space = view.space(options)
    return _varied(space, _nearest(view, space, query, pool(options), allowed), options)


def rank_photo(view: View, vector: Floats, color: Floats, outline: Floats, options: RankingOptions) -> Ranked:
    """The k nearest of a photo that is no item's, by its vector, color vector and outline; (1, k) or fewer."""
    for name, fields in (("same", options.same), ("prefer", [field for field, _ in options.prefer])):
        if fields:
            raise UsageError(
                f"{name}={','.join(fields)} needs a query that is an item: a photo has no metadata to compare; "
                "give an id, or say what you want with where"
            )
    if options.approximate and is_indexed(view.store):
        return Ranked(nearly_nearest(view.store, view.rows, view.vectors, vector[None, :], options.k, np.array([-1])))
    allowed = None if options.where is None else view.mask(options.where)
    space = view.space(options)
    found = space.searcher.nearest(space.point(vector, color, outline)[None, :], pool(options).k, allowed=allowed)
    return _varied(space, found, options)


def _nearest(
    view: View,
    space: Space,
    rows: Ints,
    options: RankingOptions,
    allowed: npt.NDArray[np.bool_] | None,
    *,
    threads: int | None = 1,
) -> Neighbors:
    """The k nearest of some items, themselves left out, by pictures and by what is preferred."""
    if any(weight > 0 for _, weight in options.prefer):
        penalties = view.penalties(options.prefer, space)
        return nearest_preferred(space.searcher, rows, options.k, penalties, allowed=allowed, threads=threads)
    return space.searcher.nearest(space.points[rows], options.k, allowed=allowed, exclude=rows, threads=threads)


def _varied(space: Space, found: Neighbors, options: RankingOptions) -> Ranked:
    if not options.diverse:
        return Ranked(found)
    chosen, told = vary(space, found, options)
    return Ranked(chosen, told[0])


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


def make_ready(store: Store, options: RankingOptions) -> None:
    """Make the index that `options` ask for where there is none; where nothing can be written answers are exact."""
    if options.approximate and not getattr(store, "pinned", False):
        try:
            compute_index(store)
        except LookalikeError as exc:
            if exc.code not in ("E_LOCKED", "E_READ_ONLY"):
                raise


def hits(neighbors: Neighbors, row: int = 0) -> Sequence[tuple[int, float]]:
    """The rows and distances that one query found, without the padding."""
    pairs = zip(neighbors.ids[row].tolist(), neighbors.distances[row].tolist(), strict=True)
    return [(item, distance) for item, distance in pairs if item >= 0]

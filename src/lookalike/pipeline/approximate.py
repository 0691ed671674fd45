"""An approximate index of the vectors, on request, and what it misses: measured, never assumed.

The index only proposes candidates; their distances are computed exactly, from the vectors as they are now. So what a
stale or damaged index can do is to miss items, and `measure` says how many.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lookalike.analysis import Searcher, nearest_found
from lookalike.pipeline.loading import load_vectors
from lookalike.records import Estimate, Floats, Ints, Neighbors
from lookalike.store import Computed, MakeIndex, Store, schema

INDEX = "approximate"
"""The name of the index among what was computed."""
FEWEST = 256
"""Items from which on there is an index: fewer are compared faster than it is opened."""
OUTGROWN = 2.0
"""An index is made anew on request in a catalog of more than this many times the items that it was made of."""
MADE_WITH, ASKED_WITH = 100, 50
"""Items that recall is measured on, when an index is made and when an opened catalog answers by it."""
MEASURED_K = 10
CANDIDATES = 4
"""Candidates for each neighbor that is wanted."""


def is_indexed(store: Store) -> bool:
    """Whether there is an index, of now or of before: items that came or changed since are all compared."""
    return INDEX in store.head.computed and store.head.rows.get(schema.ITEMS, 0) >= FEWEST


def compute_index(store: Store, *, again: bool = False) -> Estimate | None:
    """Make the index where there is none, where the catalog has outgrown it, or `again`; its recall at 10 then.

    None: the catalog has too few items (256) for one, and is always searched exactly.
    """
    if store.head.rows.get(schema.ITEMS, 0) < FEWEST:
        return None
    if again or not is_indexed(store) or _is_outgrown(store):
        with store.writing():
            if again or not is_indexed(store) or _is_outgrown(store):
                _make(store)
    return Estimate(**{name: store.head.computed[INDEX].results[name] for name in ("value", "low", "high")})


def nearly_nearest(
    store: Store, rows: Mapping[str, int], vectors: Floats, queries: Floats, k: int, exclude: Ints
) -> Neighbors:
    """About the k nearest of each of `queries` (m, d) among `vectors` (n, d), whose rows `rows` gives by id.

    `exclude` (m,): a row that a query may not find, or -1. Distances are exact, equal ones by the lower row; a query
    with fewer than k neighbors ends in row -1 at infinity.
    """
    wanted = min(CANDIDATES * k + 10, max(1, len(vectors)))
    ids, distances = np.full((len(queries), k), -1, np.int64), np.full((len(queries), k), np.inf, np.float32)
    for i, proposed in enumerate(store.nearby(schema.ITEMS, "vector", queries, wanted)):
        known = sorted({rows[name] for name in proposed if name in rows} - {int(exclude[i])})
        candidates = np.array(known, np.int64)
        apart = np.sqrt(((vectors[candidates].astype(np.float64) - queries[i]) ** 2).sum(axis=1))
        turn = np.argsort(apart, kind="stable")[:k]
        ids[i, : len(turn)], distances[i, : len(turn)] = candidates[turn], apart[turn]
    return Neighbors(ids, distances)


def measure(
    store: Store, rows: Mapping[str, int], vectors: Floats, searcher: Searcher, k: int, sample: int = ASKED_WITH
) -> Estimate:
    """Recall at k: the share of the exact k nearest that the index finds, of `sample` items drawn with a fixed seed."""
    n = len(vectors)
    drawn = np.sort(np.random.default_rng(0).choice(n, min(sample, n), replace=False)).astype(np.int64)
    k = min(k, n - 1)
    exact = searcher.nearest(vectors[drawn], k, exclude=drawn, threads=None)
    return nearest_found(nearly_nearest(store, rows, vectors, vectors[drawn], k, drawn).distances, exact.distances)


def _is_outgrown(store: Store) -> bool:
    return bool(store.head.rows.get(schema.ITEMS, 0) > OUTGROWN * store.head.computed[INDEX].options["items"])


def _make(store: Store) -> None:
    options = {"items": store.head.rows[schema.ITEMS]}
    store.commit("approximate index made", [MakeIndex(schema.ITEMS, "vector")])
    ids, vectors = load_vectors(store)
    rows = {item: row for row, item in enumerate(ids)}
    found = measure(store, rows, vectors, Searcher(vectors), MEASURED_K, MADE_WITH)
    results = {**found.as_json(), "k": MEASURED_K, "sample": MADE_WITH}
    computed = Computed(of=store.head.vectors, options=options, results=results)
    store.commit("approximate index measured", [], computed={INDEX: computed})

"""Results that differ: chosen from a pool of the nearest, with what that costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lookalike.analysis import diversify, score
from lookalike.catalog.view import Space
from lookalike.options import MAX_K, RankingOptions
from lookalike.records import Diversity, Doubles, Floats, Neighbors

POOL = 10
"""Candidates for each result, at least; never more than `WIDEST` beyond the results."""
WIDEST = 200


def pool(options: RankingOptions) -> RankingOptions:
    """The options that find what is chosen from."""
    if not options.diverse:
        return options
    return replace(options, k=min(MAX_K, options.k + min((POOL - 1) * options.k, WIDEST)), diverse=False)


def vary(space: Space, found: Neighbors, options: RankingOptions) -> tuple[Neighbors, list[Diversity]]:
    """At most `options.k` of each row of `found`, nearest first, and what the choice did in each row."""
    m, width = found.ids.shape
    ids = np.full((m, min(options.k, width)), -1, np.int64)
    distances = np.full(ids.shape, np.inf, np.float32)
    told = []
    for row in range(m):
        there = found.ids[row] >= 0
        near, far = found.ids[row][there], found.distances[row][there].astype(np.float64)
        chosen = diversify(far, _gaps(space.points[near]), options.k, scale=space.scale)
        count = len(chosen.places)
        ids[row, :count], distances[row, :count] = near[chosen.places], far[chosen.places]
        means = [float(score(part, space.scale).mean()) if count else 0.0 for part in (far[chosen.places], far[:count])]
        told.append(Diversity(pool=len(near), collapsed=chosen.collapsed, score=means[0], nearest=means[1]))
    return Neighbors(ids, distances), told


def _gaps(points: Floats) -> Doubles:
    """Distances between points, (p, p); good to about 1e-6 of their size, which a choice does not feel."""
    data = points.astype(np.float64)
    data -= data.mean(axis=0) if len(data) else 0.0
    norms = np.einsum("ij,ij->i", data, data)
    gaps: Doubles = np.sqrt(np.maximum(norms[:, None] + norms - 2 * data @ data.T, 0.0))
    np.fill_diagonal(gaps, 0.0)
    return gaps

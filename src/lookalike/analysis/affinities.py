"""How much each item of a map is drawn to each other: symmetric weights from a neighbor graph, summing to 1."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lookalike.analysis._blocks import Array, Workers, spans
from lookalike.records import Doubles, Floats, Neighbors

BLOCK = 2048


class Affinities(NamedTuple):
    """Row i's partners are `near[starts[i]:starts[i + 1]]`, in order, with their `weights`; all sum to 1.

    `starts` (n + 1,) int64, `near` (m,) int32, `weights` (m,) float32; symmetric, without the item itself.
    """

    starts: Array
    near: Array
    weights: Floats


def affinities(neighbors: Neighbors, perplexity: float | None, workers: Workers) -> Affinities:
    """The affinities of items from all columns of their exact graph.

    `perplexity` None: equal weights; p: Gaussian in the distance, each row as wide as gives it that perplexity
    (van der Maaten and Hinton, 2008). A pair's weight is the mean of both directions.
    """
    from scipy.sparse import csr_matrix

    n, k = neighbors.ids.shape
    weights: Doubles = np.ones((n, k)) if perplexity is None else _gaussian(neighbors.distances, perplexity, workers)
    one = csr_matrix((weights.ravel(), neighbors.ids.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    both = (one + one.T).tocsr()
    both.sum_duplicates()
    both.sort_indices()
    return Affinities(
        both.indptr.astype(np.int64), both.indices.astype(np.int32), (both.data / both.data.sum()).astype(np.float32)
    )


def _gaussian(distances: Floats, perplexity: float, workers: Workers) -> Doubles:
    from lookalike.analysis import _forces

    squares = np.square(distances.astype(np.float64))
    typical = squares[squares > 0]
    if len(typical):
        squares /= np.median(typical)  # the search for each width starts at 1
    weights = np.empty_like(squares)

    def run(span: tuple[int, int]) -> None:
        _forces.gaussian_weights(squares, perplexity, weights, *span)

    for _ in workers.map(run, spans(len(squares), BLOCK)):
        pass
    return weights

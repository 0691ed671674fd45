"""The few nearest of some rows in plain NumPy: for fits that look at neighbors, where loading a search takes longer."""

from __future__ import annotations

import numpy as np

from lookalike.analysis._blocks import spans
from lookalike.records import Floats, Ints

_BLOCK = 128


def few_nearest(points: Floats, k: int, rows: Ints) -> Ints:
    """The `k` nearest by Euclidean distance of each of `rows` among (n, d) points: (len(rows), min(k, n - 1)) int64.

    A row itself is left out. In float32 by the expanded formula, so that nearly equal distances may change places: for
    statistics over many neighbors, never for answers.

    >>> points = np.array([[0.0], [1.0], [3.0], [7.0]], np.float32)
    >>> few_nearest(points, 2, np.array([0, 2])).tolist()
    [[1, 2], [1, 0]]
    """
    points = np.ascontiguousarray(points, np.float32)
    half = np.einsum("ij,ij->i", points, points) / 2
    ids = np.empty((len(rows), max(0, min(k, len(points) - 1))), np.int64)
    for start, stop in spans(len(rows), _BLOCK):
        some = rows[start:stop]
        closeness = points[some] @ points.T
        closeness -= half
        line = np.arange(len(some))
        closeness[line, some] = -np.inf
        for place in range(ids.shape[1]):
            best = ids[start:stop, place] = closeness.argmax(axis=1)
            closeness[line, best] = -np.inf
    return ids
